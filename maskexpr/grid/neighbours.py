"""Neighbours on the sphere: which windows of a lattice hold sky within an angle of a place, cap against cap.

So the seam, the poles and broken projections need no case of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, Coverage
from ..sphere.vectors import Caps, angle_between
from .lattice import Grid
from .tiles import OFF, Tiles

__all__ = ["columns_on_sky", "gap_between", "rows_within", "sides", "windows_within"]

Ints = NDArray[np.int64]

# Windows are not cut below the first side, only where they are wide on the sky below the second, and not
# kept above the third.
_TINY = 8
_SMALL = 128
_LARGE = 512
_FAR = 1 << 62
# By how much joining windows may widen them.
_WIDER = 2


@lru_cache(maxsize=256)
def columns_on_sky(geom: Grid) -> tuple[int, int]:
    """First column, and the one after the last, of a separable lattice that are on the sky.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> columns_on_sky(WcsGeom.allsky(binsz=1))
    (0, 360)
    """
    half = 180.0 / abs(geom.lon_step)
    x = geom.reference_pixel[1]
    west = np.arange(math.floor(x - half) - 2, math.floor(x - half) + 4)
    east = np.arange(math.ceil(x + half) - 3, math.ceil(x + half) + 3)
    return int(west[np.isfinite(geom.lon_of(west))][0]), int(east[np.isfinite(geom.lon_of(east))][-1]) + 1


def rows_within(geom: Grid, y0: int, y1: int, degrees: float) -> tuple[int, int]:
    """First row, and the one after the last, of a separable lattice within an angle of latitude of the rows
    y0 to y1.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> rows_within(WcsGeom.allsky(binsz=1), 10, 20, 2.5)
    (8, 22)
    """
    limits = geom.lattice
    y0, y1 = max(y0, limits.y0), min(y1, limits.y1)
    if y0 >= y1:
        return y0, y0
    ends = []
    for row, end, sign in ((y0, limits.y0, -1), (y1 - 1, limits.y1 - 1, 1)):
        start = float(geom.lat_of(np.array([row]))[0])
        step = 1
        # Latitude is monotonic in the row: double the step until it is too far, then halve it.
        while _is_near(geom, row + sign * step, start, degrees, end, sign):
            step *= 2
        near, far = step // 2, step
        while far - near > 1:
            middle = (near + far) // 2
            if _is_near(geom, row + sign * middle, start, degrees, end, sign):
                near = middle
            else:
                far = middle
        ends.append(row + sign * near)
    return ends[0], ends[1] + 1


def _is_near(geom: Grid, row: int, start: float, degrees: float, end: int, sign: int) -> bool:
    if (row - end) * sign > 0:
        return False
    lat = float(geom.lat_of(np.array([row]))[0])
    # A row off the sky between the domain's end and the pole is no neighbour; one that begins there is near
    # all the others.
    if math.isnan(start):
        return True
    return not math.isnan(lat) and abs(lat - start) <= degrees


def windows_within(
    geom: Grid,
    caps: Caps,
    angle: float,
    cover: Callable[[Tiles], Coverage],
    plane: tuple[int, ...] = (),
) -> Tiles:
    """Windows of the lattice that may hold selected pixels within an angle of any of some caps, the nearest
    first.

    Parameters
    ----------
    geom : Grid
    caps : Caps
        Places, in the frame of ``geom``.
    angle : float
        Radians.
    cover : callable
        Coverage of windows; what is EMPTY is left out.
    plane : tuple of int
        Plane that the windows are on.

    Returns
    -------
    Tiles
        Windows of some hundred pixels to a side, which may overlap.
    """
    todo = Tiles(geom, np.array(geom.lattice, dtype=np.int64)[:, None], plane)
    found: list[Ints] = []
    far: list[NDArray[np.float64]] = []
    while len(todo):
        todo = todo.take(todo.sky != OFF)
        gap = gap_between(todo.caps, caps)
        near = gap <= angle
        todo, gap = todo.take(near), gap[near]
        busy = cover(todo) != EMPTY if len(todo) else np.zeros(0, dtype=bool)
        todo, gap = todo.take(busy), gap[busy]
        side = sides(todo.bounds)
        # A window that is wide on the sky, by its stretched scale, is near by its bound alone: cut it
        # further.
        narrow = todo.caps.radius <= max(angle, float(np.median(caps.radius)))
        done = (side <= _TINY) | ((side <= _SMALL) & narrow)
        done |= (side <= _LARGE) & (todo.caps.radius < angle / 4)
        found.append(todo.bounds[:, done])
        far.append(gap[done])
        todo = todo.take(~done)
        if len(todo):
            todo, _ = todo.split(max(_TINY, -(-int(sides(todo.bounds).max()) // 4)))
    order = np.argsort(np.concatenate(far), kind="stable")
    return Tiles(geom, _joined(np.concatenate(found, axis=1)[:, order]), plane)


def _joined(bounds: Ints) -> Ints:
    """Fewer windows for many that are small and lie together, because to ask each has a cost of its own.

    Their order stays that of the nearest in each.
    """
    if bounds.shape[1] < 2:
        return bounds
    whole = _around(bounds, np.zeros(bounds.shape[1], dtype=np.intp), 1)
    if _size(whole) <= max(_SMALL * _SMALL, _size(bounds)):
        return whole
    for side in (_LARGE, _LARGE // 2, _SMALL):
        cells = np.stack([bounds[0], bounds[2]]) // side
        _, first, cell = np.unique(cells, axis=1, return_index=True, return_inverse=True)
        around = _around(bounds, cell.reshape(-1), len(first))[:, np.argsort(first, kind="stable")]
        if _size(around) <= _WIDER * _size(bounds):
            break
    return around


def _around(bounds: Ints, group: NDArray[np.intp], number: int) -> Ints:
    """The smallest window round each group of windows."""
    found = np.repeat(np.array([[_FAR], [-_FAR], [_FAR], [-_FAR]], dtype=np.int64), number, axis=1)
    for i, better in enumerate((np.minimum, np.maximum, np.minimum, np.maximum)):
        better.at(found[i], group, bounds[i])
    return found


def _size(bounds: Ints) -> int:
    return int(((bounds[1] - bounds[0]) * (bounds[3] - bounds[2])).sum())


def sides(bounds: Ints) -> Ints:
    """The longer sides of windows, pixels."""
    return np.asarray(np.maximum(bounds[1] - bounds[0], bounds[3] - bounds[2]))


def gap_between(windows: Caps, caps: Caps) -> NDArray[np.float64]:
    """Smallest angle that there can be between each window and any of the caps."""
    gap = np.full(len(windows.radius), np.inf)
    for i in np.flatnonzero(caps.radius >= 0):
        between = angle_between(windows.centre, caps.centre[:, i, None]) - windows.radius - caps.radius[i]
        np.minimum(gap, between, out=gap)
    return gap
