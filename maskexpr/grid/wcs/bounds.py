"""Bounds of windows of pixels: the cap that holds their centres, and whether they are on the sky."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...sphere.vectors import Caps, angle_between, midpoint, normalise, unit
from ..lattice import OFF, ON, PART

if TYPE_CHECKING:
    from .grid import WcsGrid

__all__ = ["caps_of", "samples", "sky_of"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A window whose samples spread over more than this is bounded by the whole sphere: its samples say too
# little of what is between.
_WIDEST = 0.8
# Below this many pixels it is cheaper to ask each pixel than to prove that a window is off the sky.
_SMALL = 256


def samples(geom: WcsGrid, bounds: Ints) -> Floats:
    """Unit vectors at 3 x 3 places of each window, shape (3, 3, 3, n): component, row, column, window."""
    y0, y1, x0, x1 = bounds
    y = np.stack([y0, (y0 + y1 - 1) / 2, y1 - 1]).astype(np.float64)
    x = np.stack([x0, (x0 + x1 - 1) / 2, x1 - 1]).astype(np.float64)
    if geom.separable:
        return unit(geom.lon_of(x)[None, :, :], geom.lat_of(y)[:, None, :])
    return unit(*geom.lonlat(y[:, None, :], x[None, :, :]))


def sky_of(geom: WcsGrid, bounds: Ints, points: Floats) -> NDArray[np.uint8]:
    """``OFF``, ``PART`` or ``ON`` for each window, from its samples."""
    seen = np.isfinite(points[0]).sum(axis=(0, 1))
    sky = np.full(bounds.shape[1], PART)
    if geom.convex_sky:
        sky[seen == 9] = ON
    nothing = np.flatnonzero(seen == 0)
    if len(nothing):
        far = geom.surely_off(bounds[:, nothing])
        sky[nothing[far]] = OFF
        _find_off_sky(geom, bounds, nothing[~far], sky)
    return sky


def caps_of(points: Floats, sky: NDArray[np.uint8]) -> Caps:
    """Caps that hold all pixel centres of windows, from their samples.

    The radius is the largest distance of a sample plus the largest second difference along a row or column
    of samples: the bound that a smooth map keeps between three samples is a quarter of it. Near a singular
    point (a pole, a limb) that difference is itself of the size of the window, so the bound widens just
    where it must.
    """
    whole = np.isfinite(points[0]).all(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = normalise(points.sum(axis=(1, 2)))
        distance = angle_between(points, centre[:, None, None, :]).max(axis=(0, 1))
        bend_y = angle_between(points[:, 1], midpoint(points[:, 0], points[:, 2])).max(axis=0)
        bend_x = angle_between(points[:, :, 1], midpoint(points[:, :, 0], points[:, :, 2])).max(axis=0)
    radius = distance + np.maximum(bend_y, bend_x) + 1e-12
    known = whole & (radius < _WIDEST)
    radius = np.where(known, radius, np.pi)
    centre = np.where(known, centre, np.array([1.0, 0.0, 0.0])[:, None])
    radius[sky == OFF] = -1.0
    return Caps(centre, radius)


def _find_off_sky(geom: WcsGrid, bounds: Ints, candidates: NDArray[np.intp], sky: NDArray[np.uint8]) -> None:
    """Mark the windows that are off the sky as a whole.

    The sky's image is connected and holds the reference pixel. So a window whose whole rim is off the sky,
    and that does not hold the reference pixel, has no sky in it. Works window by window of equal shape.
    """
    ref_y, ref_x = geom.reference_pixel
    y0, y1, x0, x1 = bounds[:, candidates]
    holds = (y0 - 1 <= ref_y) & (ref_y <= y1) & (x0 - 1 <= ref_x) & (ref_x <= x1)
    large = (y1 - y0) * (x1 - x0) >= _SMALL
    candidates = candidates[~holds & large]
    shapes = np.stack([bounds[1] - bounds[0], bounds[3] - bounds[2]])[:, candidates]
    for height, width in np.unique(shapes, axis=1).T:
        alike = candidates[(shapes[0] == height) & (shapes[1] == width)]
        rim_y, rim_x = _rim(int(height), int(width))
        for few in np.array_split(alike, max(1, len(alike) * len(rim_y) // 2_000_000)):
            lon, _ = geom.lonlat(bounds[0, few, None] + rim_y, bounds[2, few, None] + rim_x)
            sky[few[~np.isfinite(lon).any(axis=1)]] = OFF


def _rim(height: int, width: int) -> tuple[Ints, Ints]:
    """Indices of the border pixels of a window."""
    rows = np.arange(height)
    columns = np.arange(width)
    y = np.concatenate([np.zeros(width, int), np.full(width, height - 1), rows, rows])
    x = np.concatenate([columns, columns, np.zeros(height, int), np.full(height, width - 1)])
    return y, x
