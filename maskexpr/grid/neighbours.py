"""Neighbours on the sphere: which windows of a lattice hold sky within an angle of a place, cap against cap.

So the seam, the poles and broken projections need no case of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy

from ..core.arrays import Bools, Floats, Ints
from ..core.coverage import EMPTY, Coverage
from ..core.limits import check_limit
from ..sphere.vectors import TIE, Caps, angle_between, normalise, unit
from .lattice import Grid
from .tiles import Tiles

__all__ = [
    "ROUNDING",
    "TINY",
    "CapTree",
    "columns_on_sky",
    "exact_caps",
    "rows_within",
    "sides",
    "windows_within",
    "within_any",
]

ROUNDING = 1e-7
"""Radians by which an angle that is found from a chord may be wrong, at the antipode."""
TINY = 8
"""Side of the windows that are not cut any further."""
# And of those that are not kept as they are.
_LARGE = 512
# So many windows are looked through whatever they hold.
_MANY = 1 << 11


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


class CapTree:
    """Caps as a tree of their centres: how far windows are from the nearest of them.

    Parameters
    ----------
    caps : Caps
        Places on the sky; empty ones do not count.
    """

    def __init__(self, caps: Caps) -> None:
        caps = caps.take(caps.radius >= 0)
        self._tree = scipy.spatial.cKDTree(caps.centre.T) if len(caps.radius) else None
        self._radius = float(caps.radius.max(initial=0.0))

    def gap(self, windows: Caps) -> Floats:
        """A lower bound of the angle between each window and the nearest of the places."""
        if self._tree is None:
            return np.full(len(windows.radius), np.inf)
        chord, _ = self._tree.query(windows.centre.T)
        between = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
        return np.asarray(between - windows.radius - self._radius - ROUNDING)

    def near(self, windows: Caps, angle: float) -> Bools:
        """Windows that may be within an angle (radians) of the nearest of the places; not the empty ones."""
        reach = windows.radius + (self._radius + angle + ROUNDING)
        found: Bools = (windows.radius >= 0) & (self._tree is not None)
        some = np.flatnonzero(found & (reach < np.pi))
        if self._tree is not None and len(some):
            chord = 2 * np.sin(reach[some] / 2)
            most = float(chord.max()) * (1 + ROUNDING)
            nearest, _ = self._tree.query(windows.centre[:, some].T, distance_upper_bound=most)
            found[some] = nearest <= chord
        return found


def windows_within(
    geom: Grid,
    places: CapTree,
    angle: float,
    cover: Callable[[Tiles], Coverage],
    held: Ints,
    plane: tuple[int, ...] = (),
) -> Tiles:
    """Windows of the lattice that may hold selected pixels within an angle of any of some places.

    The lattice is cut again and again, and what is too far or EMPTY is dropped.

    Parameters
    ----------
    geom : Grid
    places : CapTree
        In the frame of ``geom``.
    angle : float
        Radians.
    cover : callable
        Coverage of windows; what is EMPTY is left out.
    held : ndarray of int64, shape (4, n)
        A few windows in which pixels cost nothing: what lies in them is cut half as small.
    plane : tuple of int
        Plane that the windows are on.

    Returns
    -------
    Tiles
        Disjoint windows that are small against the angle, or of a few pixels.

    Raises
    ------
    LimitError
        Where too much of the lattice would have to be looked through: the plane of a projection may go on far
        beyond its image of the sky, with no formula that says where that ends.
    """
    todo = Tiles(geom, np.array(geom.lattice, dtype=np.int64)[:, None], plane)
    found: list[Ints] = [todo.bounds[:, :0]]
    while len(todo):
        todo = todo.take(places.near(exact_caps(todo), angle))
        todo = todo.take(cover(todo) != EMPTY) if len(todo) else todo
        side = sides(todo.bounds)
        # A window that is wide on the sky, by its stretched scale, is near by its bound alone: cut it
        # further.
        done = (side <= TINY) | ((side <= _LARGE) & (todo.caps.radius <= angle / 2))
        done |= (side <= 2 * TINY) & within_any(todo.bounds, held)
        found.append(todo.bounds[:, done])
        todo = todo.take(~done)
        if len(todo):
            todo, _ = todo.split(max(TINY, -(-int(sides(todo.bounds).max()) // 4)))
        if len(todo) > _MANY:
            # What is not known to be off the sky is asked pixel by pixel.
            check_limit("neighbours", _pixels(todo.bounds), f"growing on {geom!r}", "pixels that may be near")
    return Tiles(geom, np.concatenate(found, axis=1), plane)


def within_any(bounds: Ints, held: Ints) -> Bools:
    """Which windows lie in one of a few others as a whole."""
    y0, y1, x0, x1 = bounds[:, :, None]
    within = (y0 >= held[0]) & (y1 <= held[1]) & (x0 >= held[2]) & (x1 <= held[3])
    return np.asarray(within.any(axis=1))


def exact_caps(tiles: Tiles) -> Caps:
    """The caps of windows; those of a few pixels that are bounded by the whole sphere (they lie across the
    rim of the sky) from all their pixels. Empty where no pixel is on the sky.
    """
    caps = tiles.caps
    wide = np.flatnonzero((caps.radius >= np.pi) & (sides(tiles.bounds) <= TINY))
    if not len(wide):
        return caps
    offset = np.arange(TINY)
    y, x = (tiles.bounds[i][wide, None] + offset for i in (0, 2))
    inside = (y < tiles.bounds[1][wide, None])[:, :, None] & (x < tiles.bounds[3][wide, None])[:, None, :]
    vectors = unit(*tiles.geom.lonlat(y[:, :, None], x[:, None, :]))
    known = (inside & np.isfinite(vectors[0])).reshape(len(wide), -1)
    vectors = np.where(known, vectors.reshape(3, len(wide), -1), 0.0)
    centre = normalise(vectors.sum(axis=2))
    # Opposite pixels may have no middle: any other centre does as well.
    centre = np.where(np.isfinite(centre), centre, np.array([1.0, 0.0, 0.0])[:, None])
    reach = np.where(known, angle_between(vectors, centre[:, :, None]), -1.0).max(axis=1)
    radius = caps.radius.copy()
    radius[wide] = np.where(reach < 0, -1.0, reach + TIE)
    found = caps.centre.copy()
    found[:, wide] = centre
    return Caps(found, radius)


def _pixels(bounds: Ints) -> float:
    """Pixels of disjoint windows; of large ones more than an integer holds."""
    return float(np.prod(np.asarray(bounds[1::2] - bounds[::2], dtype=np.float64), axis=0).sum())


def sides(bounds: Ints) -> Ints:
    """The longer sides of windows, pixels."""
    return np.asarray(np.maximum(bounds[1] - bounds[0], bounds[3] - bounds[2]))
