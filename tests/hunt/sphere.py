"""Unit vectors by astropy, angles between them, and how much two ways of computing one may differ."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

# Radians: a pixel this close to a rim is left out of the comparison.
TIE = 1e-9


class Bounds(NamedTuple):
    """What is selected for sure, and what may be selected; they differ where a pixel lies on a rim."""

    low: np.ndarray
    high: np.ndarray


def unit(lon, lat) -> np.ndarray:
    lam, phi = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi) + 0 * lam])


def lonlat(xyz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lon = np.degrees(np.arctan2(xyz[1], xyz[0])) % 360.0
    return lon, np.degrees(np.arctan2(xyz[2], np.hypot(xyz[0], xyz[1])))


@lru_cache
def _matrix(old: str, new: str) -> np.ndarray:
    axes = SkyCoord([0, 90, 0] * u.deg, [0, 0, 90] * u.deg, frame=old)
    return axes.transform_to(new).cartesian.xyz.value


def turned(xyz: np.ndarray, old: str, new: str) -> np.ndarray:
    """Vectors of one frame in another one."""
    return xyz if old == new else np.tensordot(_matrix(old, new), xyz, axes=1)


def angle(xyz: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Separations of vectors from one vector."""
    to = to.reshape(3, *[1] * (xyz.ndim - 1))
    return np.arctan2(np.linalg.norm(np.cross(xyz, to, axis=0), axis=0), (xyz * to).sum(axis=0))


def chord(radians: float) -> float:
    return 2.0 * np.sin(np.clip(radians, 0.0, np.pi) / 2.0)


def below(value: np.ndarray, limit, tie=TIE) -> Bounds:
    """Where a value is below a limit; NaN is not."""
    with np.errstate(invalid="ignore"):
        return Bounds(value < limit - tie, value < limit + tie)
