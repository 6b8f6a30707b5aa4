"""Circles on grids that are not separable: the image of each rim is a curve in the plane of pixels, filled
row by row.

Points of the rim are projected. How far the curve may be from the polygon through them is an estimate, from
their second differences, with a safety factor of 2: pixels inside the polygon shrunk by that distance are in,
those outside the polygon widened by it are out, and only the few between are asked. Where the image is not a
small convex curve (at a seam, a limb, a singular point) the circle is left to refinement.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..grid.drawn import Drawn
from ..grid.lattice import Grid
from ..grid.points import Pixels
from ..grid.tiles import Tile
from ..pixels.ragged import ragged_ranges
from ..sphere.vectors import Caps, lonlat, tangents, within
from .seam import Seam

__all__ = ["RimIndex", "points_of_rims", "rim_runs"]

# Largest error (pixels) of the polygon through the points of a rim that is worth it, and the error to aim at.
_ERROR = 0.6
_AIM = 0.2
# Numbers of points of a rim.
_POINTS = (16, 32, 64, 128, 256)
# Larger circles (radians) meet too much of a projection's distortion for one polygon.
_LARGEST = np.deg2rad(10.0)
# Points and rows of rims that are worked out together: few enough for the cache, enough for numpy's calls.
_PIECE = 1 << 13


class _Rims(NamedTuple):
    """Images of rims, all in pixels: their points, their centres, how far the curves may be from the
    polygons, and the radii of circles inside the polygons.
    """

    y: Floats
    x: Floats
    centre_y: Floats
    centre_x: Floats
    error: Floats
    inner: Floats

    def take(self, index: Ints | Bools) -> _Rims:
        """The images at an index."""
        return _Rims(*(each[index] for each in self))


def points_of_rims(geom: Grid, radius: Floats) -> Ints:
    """Number of points that each rim wants on a geometry; 0 where it has no image that can be used."""
    if geom.repeats:
        return np.zeros(len(radius), dtype=np.int64)
    wanted = 2 * np.pi * np.sqrt(radius / np.deg2rad(min(geom.pixel_scales.value)) / (4 * _AIM))
    size = np.minimum(np.searchsorted(_POINTS, wanted), len(_POINTS) - 1)
    return np.where(radius < _LARGEST, np.array(_POINTS)[size], 0)


def rim_runs(geom: Grid, centres: Floats, radius: Floats, points: int) -> tuple[Bools, Ints, Ints, Ints]:
    """Runs of pixels whose centres lie in circles, by so many points of each rim.

    Parameters
    ----------
    centres : ndarray, shape (3, n)
        Unit vectors in the frame of the geometry.
    radius : ndarray, shape (n,)
        Radians.
    points : int
        Points of each rim.

    Returns
    -------
    done : ndarray of bool, shape (n,)
        Which circles have an image that can be used; the others have no runs.
    row, start, stop : ndarray of int
        Runs, half open and not empty, on the map or beyond it; they may overlap.
    """
    rims = _project(geom, centres, radius, points)
    done = _is_convex(rims)
    sure, doubtful = _runs(rims.take(done))
    y, x = _ask(geom, doubtful, centres[:, done], radius[done])
    row, start, stop = (np.concatenate(pair) for pair in ((sure.row, y), (sure.first, x), (sure.last, x)))
    return done, row, start, stop + 1


def _project(geom: Grid, centres: Floats, radius: Floats, points: int) -> _Rims:
    east, north = tangents(centres)
    angle = np.arange(points) * (2 * np.pi / points)
    across = east[:, :, None] * np.cos(angle) + north[:, :, None] * np.sin(angle)
    rim = centres[:, :, None] * np.cos(radius)[:, None] + across * np.sin(radius)[:, None]
    y, x = geom.pixel(*lonlat(rim))
    centre_y, centre_x = geom.pixel(*lonlat(centres))
    with np.errstate(invalid="ignore"):
        # A smooth curve keeps within about an eighth of the second difference of its chord: twice that.
        error = _bend(y, x).max(axis=1) / 4 + 1e-6
    return _Rims(y, x, centre_y, centre_x, error, _inradius(y, x, centre_y, centre_x))


def _bend(y: Floats, x: Floats) -> Floats:
    """Lengths of the second differences along closed polygons."""
    return np.hypot(*(_next(each, 1) - 2 * each + _next(each, -1) for each in (y, x)))


def _next(each: Floats, step: int) -> Floats:
    """The values one point further (or back) along closed polygons."""
    if step > 0:
        return np.concatenate([each[:, 1:], each[:, :1]], axis=1)
    return np.concatenate([each[:, -1:], each[:, :-1]], axis=1)


def _edges(y: Floats, x: Floats, centre_y: Floats, centre_x: Floats) -> tuple[Floats, Floats]:
    """Twice the signed area of the triangle of the centre and each edge, and the lengths of the edges."""
    dy, dx = y - centre_y[:, None], x - centre_x[:, None]
    next_y, next_x = _next(dy, 1), _next(dx, 1)
    return dx * next_y - dy * next_x, np.hypot(next_y - dy, next_x - dx)


def _inradius(y: Floats, x: Floats, centre_y: Floats, centre_x: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        area, length = _edges(y, x, centre_y, centre_x)
        return np.asarray(np.min(np.abs(area) / length, axis=1, initial=np.inf))


def _is_convex(rims: _Rims) -> Bools:
    """Which images are convex curves round their centres, known closely enough."""
    with np.errstate(invalid="ignore"):
        area, _ = _edges(rims.y, rims.x, rims.centre_y, rims.centre_x)
        one_way = (area > 0).all(axis=1) | (area < 0).all(axis=1)
        step_y, step_x = (_next(each, 1) - each for each in (rims.y, rims.x))
        turn = step_x * _next(step_y, 1) - step_y * _next(step_x, 1)
        turns = (turn > 0).all(axis=1) | (turn < 0).all(axis=1)
        known = np.isfinite(rims.y).all(axis=1) & np.isfinite(rims.centre_y) & np.isfinite(rims.error)
        # A seam that cuts the circle shows as a jump, and a jump as a large error.
        return np.asarray(known & one_way & turns & (rims.error < _ERROR) & (rims.inner > 1e-6))


class _Runs(NamedTuple):
    """Runs of pixels: the circle, the row, the first and the last column."""

    circle: Ints
    row: Ints
    first: Ints
    last: Ints


def _runs(rims: _Rims) -> tuple[_Runs, _Runs]:
    """Runs that are surely inside, and runs to be asked."""
    # Scaling a convex polygon moves each edge by its distance from the centre, which is at least the
    # inradius.
    margin = rims.error / rims.inner
    number = len(margin)
    runs = _rows(rims, np.stack([1.0 + margin, np.maximum(1.0 - margin, 0.0)]))
    begin = int(np.searchsorted(runs.circle, number))
    outer, inner = _Runs(*(each[:begin] for each in runs)), _Runs(*(each[begin:] for each in runs))
    inner = inner._replace(circle=inner.circle - number)
    first = np.full(len(outer.row), np.iinfo(np.int64).max)
    last = np.full(len(outer.row), np.iinfo(np.int64).min)
    place = np.searchsorted(_key(outer.circle, outer.row), _key(inner.circle, inner.row))
    first[place], last[place] = inner.first, inner.last
    none = first > last
    left = _Runs(
        outer.circle, outer.row, outer.first, np.where(none, outer.last, np.minimum(first - 1, outer.last))
    )
    right = _Runs(
        outer.circle[~none],
        outer.row[~none],
        np.maximum(last[~none] + 1, outer.first[~none]),
        outer.last[~none],
    )
    doubtful = _Runs(*(np.concatenate(pair) for pair in zip(left, right, strict=True)))
    return inner, _Runs(*(each[doubtful.first <= doubtful.last] for each in doubtful))


def _key(circle: Ints, row: Ints) -> Ints:
    return circle * (1 << 40) + row + (1 << 39)


def _rows(rims: _Rims, scale: Floats) -> _Runs:
    """Where the rows of pixels cross the polygons, scaled each way in turn, by circle and row; a convex curve
    is crossed twice or not at all.

    From the lowest point on, a convex polygon goes up to the highest one and then down, so that either side
    is crossed in order of rows.
    """
    lowest = np.argmin(rims.y, axis=1)[:, None] + np.arange(rims.y.shape[1])
    lowest %= rims.y.shape[1]
    y, x = (np.take_along_axis(each, lowest, axis=1) for each in (rims.y, rims.x))
    y = (rims.centre_y[:, None] + (y - rims.centre_y[:, None]) * scale[:, :, None]).reshape(-1, y.shape[1])
    x = (rims.centre_x[:, None] + (x - rims.centre_x[:, None]) * scale[:, :, None]).reshape(-1, x.shape[1])
    up = _crossings(y, x)
    down = _crossings(*(np.concatenate([each[:, :1], each[:, :0:-1]], axis=1) for each in (y, x)))
    left, right = np.minimum(up[2], down[2]), np.maximum(up[2], down[2])
    first, last = np.ceil(left).astype(np.int64), np.floor(right).astype(np.int64)
    some = first <= last
    return _Runs(up[0][some], up[1][some], first[some], last[some])


def _crossings(y: Floats, x: Floats) -> tuple[Ints, Ints, Floats]:
    """Circle, row and column where edges that go up in y cross rows, in order of circle and row."""
    low = np.ceil(y)
    rows = _next(low, 1) - low
    circle, edge = np.nonzero(rows > 0)
    number = rows[circle, edge].astype(np.int64)
    after = edge + 1
    after[after == y.shape[1]] = 0
    y0, x0 = y[circle, edge], x[circle, edge]
    slope = (x[circle, after] - x0) / (y[circle, after] - y0)
    which, row = ragged_ranges(low[circle, edge].astype(np.int64), number)
    column = x0[which] + (row - y0[which]) * slope[which]
    circle = circle[which]
    key = _key(circle, row)
    if np.any(key[1:] < key[:-1]):
        # Rounding has bent an edge that is nearly level.
        order = np.lexsort((row, circle))
        return circle[order], row[order], column[order]
    return circle, row, column


def _ask(geom: Grid, runs: _Runs, centres: Floats, radius: Floats) -> tuple[Ints, Ints]:
    """Rows and columns of those pixels of runs that lie in their circles."""
    run, x = ragged_ranges(runs.first, runs.last - runs.first + 1)
    y, circle = runs.row[run], runs.circle[run]
    inside = within(Pixels(geom, y, x).xyz, centres[:, circle], radius[circle])
    return y[inside], x[inside]


class RimIndex:
    """Runs of many circles on one geometry, by the images of their rims.

    Parameters
    ----------
    centres : ndarray, shape (3, n)
        Unit vectors in the frame of the geometry; neighbours should follow each other.
    radius : ndarray, shape (n,)
        Radians.
    """

    def __init__(self, geom: Grid, centres: Floats, radius: Floats) -> None:
        self._geom = geom
        self._seam = Seam.of(geom)
        points = points_of_rims(geom, radius)
        self._never = np.flatnonzero(points == 0)
        # Rims of equally many points together.
        order = np.argsort(points, kind="stable")[len(self._never) :]
        self._points = points[order]
        rows = 2 * radius[order] / np.deg2rad(min(geom.pixel_scales.value))
        piece = np.cumsum(np.maximum(self._points, rows)) // _PIECE
        first = np.flatnonzero((np.diff(piece, prepend=-1) > 0) | (np.diff(self._points, prepend=0) > 0))
        self._centres, self._radius = centres[:, order], radius[order]
        caps = Caps(self._centres, self._radius)
        self._drawn = Drawn(order, caps, first, self._draw)

    def _draw(self, some: slice) -> tuple[Bools, Ints, Ints, Ints]:
        """See `Drawn`; the circles are of one piece. Those that meet the seam have their own way."""
        centres, radius, points = self._centres[:, some], self._radius[some], int(self._points[some.start])
        if self._seam is None or not (cut := self._seam.meets(centres, radius)).any():
            return rim_runs(self._geom, centres, radius, points)
        done = np.empty(len(radius), dtype=bool)
        done[~cut], *runs = rim_runs(self._geom, centres[:, ~cut], radius[~cut], points)
        done[cut], y, x = self._seam.pixels(centres[:, cut], radius[cut])
        row, start, stop = (np.concatenate(pair) for pair in zip(runs, (y, x, x + 1), strict=True))
        return done, row, start, stop

    def paint(self, tile: Tile, out: Bools) -> Ints:
        """Select the pixels of a tile, shape (ny, nx), that lie in circles whose images can be used.

        Returns
        -------
        ndarray of int
            Numbers of other circles, all that may reach the tile among them.
        """
        return np.concatenate([self._never, self._drawn.paint(tile, out)])
