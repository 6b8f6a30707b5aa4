"""Numbers that are the same on every machine and with every numpy: whole-number arithmetic modulo 2^64.

No generator of numpy is asked: its streams may change between versions. The angles of the masks have odd
digits, so that no pixel's centre is at a border to within the rounding of another machine.
"""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def noise(shape: tuple[int, ...], seed: int) -> Floats:
    """Uniform in [0, 1): the splitmix64 generator, one number for each pixel."""
    start = seed * 0x9E3779B97F4A7C15 % 2**64
    state = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64) * np.uint64(
        0x9E3779B97F4A7C15
    ) + np.uint64(start)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return ((state >> np.uint64(11)).astype(np.float64) / 2**53).reshape(shape)


def smooth(shape: tuple[int, ...], seed: int) -> Floats:
    """Noise with structure some pixels wide: the mean of 5 x 5 pixels, the map going on round its edges."""
    values = noise(shape, seed)
    shifts = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
    return np.sum([np.roll(values, shift, axis=(-2, -1)) for shift in shifts], axis=0) / len(shifts)


def positions(number: int, seed: int, frame: str = "galactic") -> SkyCoord:
    """Positions all over the sky, as many for each solid angle."""
    lon, sine = noise((2, number), seed)
    return SkyCoord(360 * lon, np.degrees(np.arcsin(2 * sine - 1)), unit="deg", frame=frame)


def around(lon: float, lat: float, number: int, width: float, seed: int, frame: str = "galactic") -> SkyCoord:
    """Positions near one direction."""
    there = SkyCoord(lon, lat, unit="deg", frame=frame)
    turn, away = noise((2, number), seed)
    return there.directional_offset_by(360 * turn * u.deg, width * np.sqrt(away) * u.deg)
