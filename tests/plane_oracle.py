"""Oracles of regions: all pixel centres by formulas of their own, over astropy's WCS and coordinates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

# East and north of a place in degrees, and whether that is in.
Form = Callable[[Floats, Floats], Bools]

_STEP = 2 * u.arcsec


def centres(wcs: WCS, shape: tuple[int, int], frame: str) -> SkyCoord:
    """Sky positions of all pixel centres in a frame."""
    return _centres(wcs.to_header_string(), shape, frame)


@lru_cache(maxsize=64)
def _centres(header: str, shape: tuple[int, int], frame: str) -> SkyCoord:
    y, x = np.indices(shape)
    return WCS(header).pixel_to_world(x, y).transform_to(frame)


def on_sky(wcs: WCS, shape: tuple[int, int], place: SkyCoord) -> tuple[Floats, Floats]:
    """Offsets from a place to the east and to the north: separation times position angle, in degrees."""
    there = centres(wcs, shape, place.frame.name)
    separation, angle = place.separation(there).deg, place.position_angle(there).rad
    return separation * np.sin(angle), separation * np.cos(angle)


def on_plane(wcs: WCS, shape: tuple[int, int], place: SkyCoord) -> tuple[Floats, Floats]:
    """The same on the plane of the pixels: scaled along the north, and turned to the side where east is."""
    y, x = np.indices(shape)
    x0, y0 = wcs.world_to_pixel(place)
    steps = [np.array(wcs.world_to_pixel(place.directional_offset_by(a * u.deg, _STEP))) for a in (0, 90)]
    north, east = (each - (x0, y0) for each in steps)
    scale = np.hypot(*north) / _STEP.to_value(u.deg)
    up = north / np.hypot(*north)
    side = np.array([up[1], -up[0]]) * np.sign(up[1] * east[0] - up[0] * east[1])
    dx, dy = x - x0, y - y0
    return (dx * side[0] + dy * side[1]) / scale, (dx * up[0] + dy * up[1]) / scale


def in_pixels(shape: tuple[int, int], x0: float, y0: float) -> tuple[Floats, Floats]:
    """Offsets in pixels along x and y from a place that counts from 0."""
    y, x = np.indices(shape)
    return x - x0, y - y0


def disc(radius: float, inner: float = 0.0) -> Form:
    """A circle, or a ring that holds its inner rim."""
    return lambda a, b: (np.hypot(a, b) < radius) & (np.hypot(a, b) >= inner)


def turned(angle: float, inside: Form) -> Form:
    """A form whose width lies along the longitude at 0 and turns counter-clockwise on the sky: the position
    angle of its eastern end is 90 degrees more than the angle.
    """
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return lambda a, b: inside(a * cos - b * sin, a * sin + b * cos)


def turned_in_pixels(angle: float, inside: Form) -> Form:
    """A form that is turned counter-clockwise from +x."""
    return turned(-angle, inside)


def oval(width: float, height: float) -> Form:
    """An ellipse by its full axes."""
    return lambda a, b: (2 * a / width) ** 2 + (2 * b / height) ** 2 < 1


def slab(width: float, height: float) -> Form:
    """A rectangle by its full sides."""
    return lambda a, b: (np.abs(a) < width / 2) & (np.abs(b) < height / 2)


def without(outer: Form, inner: Form) -> Form:
    """What is in one form and not in another."""
    return lambda a, b: outer(a, b) & ~inner(a, b)


def loop(vx: Sequence[float], vy: Sequence[float]) -> Form:
    """A polygon of pixels by the sum of the angles under which its edges are seen; without its rim."""
    ends = np.column_stack([vx, vy]).astype(float)

    def inside(x: Floats, y: Floats) -> Bools:
        total = np.zeros(np.shape(x))
        rim = np.zeros(np.shape(x), dtype=bool)
        for (x0, y0), (x1, y1) in zip(ends, np.roll(ends, -1, axis=0), strict=True):
            cross = (x0 - x) * (y1 - y) - (x1 - x) * (y0 - y)
            along = (x0 - x) * (x1 - x) + (y0 - y) * (y1 - y)
            total += np.arctan2(cross, along)
            rim |= (np.abs(cross) < 1e-9) & (along <= 0)
        return (np.rint(np.abs(total) / (2 * np.pi)) % 2 == 1) & ~rim

    return inside
