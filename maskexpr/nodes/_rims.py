"""Circles on grids that are not separable: the image of each rim is a curve in the plane of pixels, filled
row by row.

Points of the rim are projected. The curve lies within a certified distance of the polygon through them, so
pixels inside the polygon shrunk by that distance are in, those outside the polygon widened by it are out,
and only the few between are asked. Where the image is not a small convex curve (at a seam, a limb, a
singular point) the circle is left to refinement.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..geom import WcsGeom
from ..sphere import lonlat, normalise, within
from ..tiles import Tile
from ._paint import paint_spans

__all__ = ["RimIndex"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Largest error (pixels) of the polygon through the points of a rim that is worth it, and the error to aim at.
_ERROR = 0.6
_AIM = 0.2
# Numbers of points of a rim.
_POINTS = (16, 32, 64, 128, 256)
# Larger circles (radians) meet too much of a projection's distortion for one polygon.
_LARGEST = np.deg2rad(10.0)
# The plane of a cube goes on beside its faces with faces that it has had: there a circle has more images.
_REPEATING = frozenset({"TSC", "CSC", "QSC"})


class _Rims(NamedTuple):
    """Images of rims, all in pixels: their points, their centres, how far the curves may be from the
    polygons, the radii of circles inside the polygons, and boxes round what may be inside.
    """

    y: Floats
    x: Floats
    centre_y: Floats
    centre_x: Floats
    error: Floats
    inner: Floats
    box: Floats

    def take(self, index: Ints | Bools) -> _Rims:
        """The images at an index."""
        y, x, centre_y, centre_x, error, inner = (each[index] for each in self[:6])
        return _Rims(y, x, centre_y, centre_x, error, inner, self.box[:, index])


class RimIndex:
    """Images of many circles on one geometry.

    Parameters
    ----------
    geom : WcsGeom
        The geometry.
    centres : ndarray, shape (3, n)
        Unit vectors in its frame.
    radius : ndarray, shape (n,)
        Radians.

    Attributes
    ----------
    done : ndarray of bool, shape (n,)
        Which circles have an image that can be painted; the others are left to refinement.
    """

    def __init__(self, geom: WcsGeom, centres: Floats, radius: Floats) -> None:
        self.done = np.zeros(len(radius), dtype=bool)
        self._groups: list[tuple[_Rims, Floats, Floats]] = []
        if geom.projection in _REPEATING:
            return
        wanted = 2 * np.pi * np.sqrt(radius / np.deg2rad(min(geom.pixel_scales.value)) / (4 * _AIM))
        size = np.minimum(np.searchsorted(_POINTS, wanted), len(_POINTS) - 1)
        for group, points in enumerate(_POINTS):
            small = np.flatnonzero((size == group) & (radius < _LARGEST))
            if not len(small):
                continue
            rims = _project(geom, centres[:, small], radius[small], points)
            fit = _is_convex(rims)
            self.done[small[fit]] = True
            some = small[fit]
            self._groups.append((rims.take(fit), centres[:, some], radius[some]))

    def paint(self, tile: Tile, out: Bools) -> None:
        """Select the pixels of a tile, shape (ny, nx), that lie in the circles that are done."""
        y0, y1, x0, x1 = tile.window
        for rims, centres, radius in self._groups:
            low_y, high_y, low_x, high_x = rims.box
            near = np.flatnonzero((high_y >= y0 - 1) & (low_y <= y1) & (high_x >= x0 - 1) & (low_x <= x1))
            if len(near):
                sure, doubtful = _runs(rims.take(near))
                _paint(tile, sure, out)
                _ask(tile, doubtful, centres[:, near], radius[near], out)


def _project(geom: WcsGeom, centres: Floats, radius: Floats, points: int) -> _Rims:
    # Two directions across each centre; the axis least along it keeps the product well away from zero.
    axis = np.eye(3)[:, np.argmin(np.abs(centres), axis=0)]
    east = normalise(np.cross(axis, centres, axis=0))
    north = np.cross(centres, east, axis=0)
    angle = np.arange(points) * (2 * np.pi / points)
    across = east[:, :, None] * np.cos(angle) + north[:, :, None] * np.sin(angle)
    rim = centres[:, :, None] * np.cos(radius)[:, None] + across * np.sin(radius)[:, None]
    y, x = geom.pixel(*lonlat(rim))
    centre_y, centre_x = geom.pixel(*lonlat(centres))
    with np.errstate(invalid="ignore"):
        # A smooth curve keeps within an eighth of the second difference of its chord; the double is taken.
        error = _bend(y, x).max(axis=1) / 4 + 1e-6
    inner = _inradius(y, x, centre_y, centre_x)
    with np.errstate(invalid="ignore", divide="ignore"):
        # What scaling by error / inner adds to a polygon is at most this much of its extent.
        more = error / inner
        low_y, high_y, low_x, high_x = y.min(axis=1), y.max(axis=1), x.min(axis=1), x.max(axis=1)
        wide_y, wide_x = (high_y - low_y) * more, (high_x - low_x) * more
        box = np.stack([low_y - wide_y, high_y + wide_y, low_x - wide_x, high_x + wide_x])
    return _Rims(y, x, centre_y, centre_x, error, inner, box)


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
    outer = _rows(rims, 1.0 + margin)
    inner = _rows(rims, np.maximum(1.0 - margin, 0.0))
    first = np.full(len(outer.row), np.iinfo(np.int64).max)
    last = np.full(len(outer.row), np.iinfo(np.int64).min)
    place = np.searchsorted(_key(outer), _key(inner))
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


def _key(runs: _Runs) -> Ints:
    return runs.circle * (1 << 40) + runs.row + (1 << 39)


def _rows(rims: _Rims, scale: Floats) -> _Runs:
    """Where the rows of pixels cross the scaled polygons, by circle and row; a convex curve is crossed twice
    or not at all.
    """
    y = rims.centre_y[:, None] + (rims.y - rims.centre_y[:, None]) * scale[:, None]
    x = rims.centre_x[:, None] + (rims.x - rims.centre_x[:, None]) * scale[:, None]
    up, down = _crossings(y, x), _crossings(y[:, ::-1], x[:, ::-1])
    left, right = np.minimum(up[2], down[2]), np.maximum(up[2], down[2])
    first, last = np.ceil(left).astype(np.int64), np.floor(right).astype(np.int64)
    some = first <= last
    return _Runs(up[0][some], up[1][some], first[some], last[some])


def _crossings(y: Floats, x: Floats) -> tuple[Ints, Ints, Floats]:
    """Circle, row and column where edges that go up in y cross rows, in order of circle and row."""
    next_y, next_x = _next(y, 1), _next(x, 1)
    circle, edge = np.nonzero(next_y > y)
    y0, y1, x0, x1 = (each[circle, edge] for each in (y, next_y, x, next_x))
    low, high = np.ceil(y0).astype(np.int64), np.ceil(y1).astype(np.int64)
    number = high - low
    which = np.repeat(np.arange(len(number)), number)
    row = np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number) + low[which]
    column = x0[which] + (row - y0[which]) * (x1 - x0)[which] / (y1 - y0)[which]
    order = np.lexsort((row, circle[which]))
    return circle[which][order], row[order], column[order]


def _clip(tile: Tile, runs: _Runs) -> _Runs:
    y0, y1, x0, x1 = tile.window
    first, last = np.maximum(runs.first, x0), np.minimum(runs.last, x1 - 1)
    keep = (runs.row >= y0) & (runs.row < y1) & (first <= last)
    return _Runs(runs.circle[keep], runs.row[keep], first[keep], last[keep])


def _paint(tile: Tile, runs: _Runs, out: Bools) -> None:
    runs = _clip(tile, runs)
    y0, _, x0, _ = tile.window
    paint_spans(out, runs.row - y0, runs.first - x0, runs.last + 1 - x0)


def _ask(tile: Tile, runs: _Runs, centres: Floats, radius: Floats, out: Bools) -> None:
    runs = _clip(tile, runs)
    number = runs.last - runs.first + 1
    y, circle = np.repeat(runs.row, number), np.repeat(runs.circle, number)
    x = np.arange(int(number.sum())) + np.repeat(runs.first - (np.cumsum(number) - number), number)
    inside = within(tile.pixels(y, x).xyz, centres[:, circle], radius[circle])
    out[y[inside] - tile.window.y0, x[inside] - tile.window.x0] = True
