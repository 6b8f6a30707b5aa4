"""Circles on iso-latitude rings: of every ring a circle holds one run of longitudes, in closed form.

With the half-angle formula, ``sin^2(dlon / 2) = sin((r + d) / 2) sin((r - d) / 2) / (cos b cos b0)`` for a
ring at latitude b, a circle of radius r round latitude b0, and ``d = b - b0``. So poles, seams and circles of
any size need no case of their own. Pixels so near to the end of a run that rounding could decide are asked.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..grid.points import Pixels
from ..grid.rings import Rings
from ..grid.tiles import Tile
from ..pixels.paint import paint_diagonals, paint_spans
from ..pixels.ragged import ragged_ranges
from ..sphere.vectors import within

__all__ = ["Circles", "paint_on_rings", "ring_runs"]

# Radians by which a pixel may be nearer to a rim, or further, before it is asked: ten times `TIE`, and much
# more than the rounding of positions.
_DOUBT = 1e-12
# Runs that are worked out at once, and pixels that are painted at once: they stay in the cache.
_PIECE, _PIXELS = 1 << 13, 1 << 16
# Diagonals of more pixels than this on average are turned into rows, which costs as much as to paint these.
_LONG = 24
_TURN = 2 * np.pi


class _Runs(NamedTuple):
    """Runs of places, half open, in pieces of rings, and the circles that they are of."""

    circle: Ints
    ring: Ints
    first: Ints
    end: Ints

    def take(self, index: Ints | Bools) -> _Runs:
        return _Runs(*(each[index] for each in self))


def paint_on_rings(rings: Rings, centre: Floats, radius: Floats, tile: Tile, out: Bools) -> None:
    """Select the pixels of a tile that lie in circles.

    Parameters
    ----------
    rings : Rings
        Those of the tile's window.
    centre : ndarray, shape (3, n)
        Unit vectors in the frame of the grid.
    radius : ndarray, shape (n,)
        Radians.
    tile : Tile
    out : ndarray of bool, shape (ny, nx)
        Changed in place.
    """
    circles = Circles.of(centre, radius)
    first = np.searchsorted(rings.lat, circles.lat - radius - _DOUBT)
    number = np.searchsorted(rings.lat, circles.lat + radius + _DOUBT, side="right") - first
    some = np.flatnonzero(number > 0)
    parts = np.cumsum(number[some]) // _PIECE
    for part in np.split(some, np.flatnonzero(np.diff(parts)) + 1) if len(some) else []:
        which, ring = ragged_ranges(first[part], number[part])
        circle = part[which]
        sure, rest = _sure_runs(rings, circles, circle, ring)
        _paint(rings, sure, tile, out)
        sure, doubtful = ring_runs(rings, circles, circle[rest], ring[rest])
        _paint(rings, sure, tile, out)
        _ask(rings, doubtful, tile, centre, radius, out)


class Circles(NamedTuple):
    """Circles by longitude and latitude of their centres and radius, radians, with what all their runs need:
    the cosine of the latitude, the square of the sine of half the radius, and by how much it is in doubt.
    """

    lon: Floats
    lat: Floats
    cos_lat: Floats
    radius: Floats
    square: Floats
    doubt: Floats

    @classmethod
    def of(cls, centre: Floats, radius: Floats) -> Circles:
        """Circles round unit vectors, shape (3, n)."""
        lat = np.arctan2(centre[2], np.hypot(centre[0], centre[1]))
        square = np.sin(radius / 2) ** 2
        # Between latitudes within the radius; with room for rounding.
        doubt = _DOUBT * (np.sin(radius) + radius + _DOUBT) / 2 + 4e-16 * square
        return cls(np.arctan2(centre[1], centre[0]), lat, np.cos(lat), radius, square, doubt)


def _sure_runs(rings: Rings, circles: Circles, circle: Ints, ring: Ints) -> tuple[_Runs, Ints]:
    """The runs of pairs of a circle and a ring whose ends are well between pixels, and which pairs are left
    to `ring_runs`.
    """
    step, number = rings.step[ring], rings.number[ring]
    cosines = rings.cos_lat[ring] * circles.cos_lat[circle]
    half = circles.square[circle] - np.sin((rings.lat[ring] - circles.lat[circle]) / 2) ** 2
    doubt = circles.doubt[circle]
    with np.errstate(divide="ignore", invalid="ignore"):
        half, doubt = half / cosines, doubt / cosines
        root = np.sqrt(half * (1.0 - half))
        width = 2 * np.arcsin(np.sqrt(half)) / step
        unsure = 2 * doubt / (root * step) + 1e-14 / step
        away = circles.lon[circle] - rings.middle[ring]
        away = (away - _TURN * np.rint(away / _TURN)) / step
        at = away + (number - 1) / 2
        low, high = at - width, at + width
        certain = (np.abs(low - np.rint(low)) > unsure) & (np.abs(high - np.rint(high)) > unsure)
        # Neither touches the ring nor holds nearly all of it, nor comes to the piece from its other end.
        certain &= (half > 4 * doubt) & (1.0 - half > 4 * doubt)
        certain &= width + np.abs(away) + number / 2 + 1 < _TURN / step
        certain |= half < -doubt
        held = certain & (high > 0) & (low < number - 1) & (half > 0)
    first = np.ceil(np.maximum(low[held], 0)).astype(np.int64)
    end = np.floor(np.minimum(high[held], number[held] - 1)).astype(np.int64) + 1
    some = first < end
    return _Runs(circle[held][some], ring[held][some], first[some], end[some]), np.flatnonzero(~certain)


def ring_runs(rings: Rings, circles: Circles, circle: Ints, ring: Ints) -> tuple[_Runs, _Runs]:
    """Runs of pairs of a circle and a ring: those that are surely inside, and those to be asked."""
    cosines = rings.cos_lat[ring] * circles.cos_lat[circle]
    half = circles.square[circle] - np.sin((rings.lat[ring] - circles.lat[circle]) / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        half, doubt = half / cosines, circles.doubt[circle] / cosines
    # At a pole there is no longitude, and all of a ring is asked.
    known = np.isfinite(half) & np.isfinite(doubt)
    half, doubt = np.where(known, half, 0.5), np.where(known, doubt, 1.0)
    some = np.flatnonzero(half + doubt > 0)
    circle, ring, half, doubt = circle[some], ring[some], half[some], doubt[some]
    step, number = rings.step[ring], rings.number[ring]
    inner, outer = (np.clip(each, 0.0, 1.0) for each in (half - doubt, half + doubt))
    width, wider = (2 * np.arcsin(np.sqrt(each)) / step for each in (inner, outer))
    # A ring that is all inside has no ends.
    width[inner >= 1.0] = np.inf
    away = circles.lon[circle] - rings.middle[ring]
    away = (away - _TURN * np.rint(away / _TURN)) / step
    at = away + (number - 1) / 2
    # Some come to the piece from its other end too, round the sky.
    other = np.flatnonzero(wider + np.abs(away) + number / 2 + 1 >= _TURN / step)
    at = np.concatenate([at, at[other] - np.copysign(_TURN, away[other]) / step[other]])
    index = np.concatenate([np.arange(len(away)), other])
    runs = _Runs(circle[index], ring[index], index, number[index])
    return _whole(runs, at, width[index], wider[index], 1e-14 / step[index])


def _whole(runs: _Runs, at: Floats, width: Floats, wider: Floats, doubt: Floats) -> tuple[_Runs, _Runs]:
    """Whole places of runs of a width round a place, which may be wider, and ends that are in doubt."""
    number = runs.end
    low, high = at - width + doubt, at + width - doubt
    first = np.clip(np.ceil(low), 0, number).astype(np.int64)
    end = np.clip(np.floor(high) + 1, 0, number).astype(np.int64)
    outer_first = np.clip(np.ceil(at - wider - doubt), 0, number).astype(np.int64)
    outer_end = np.clip(np.floor(at + wider + doubt) + 1, 0, number).astype(np.int64)
    none = first >= end
    first, end = np.where(none, outer_first, first), np.where(none, outer_first, end)
    left = runs._replace(first=outer_first, end=first)
    right = runs._replace(first=end, end=outer_end)
    sure = runs._replace(first=first, end=end).take(~none)
    doubtful = _Runs(*(np.concatenate(pair) for pair in zip(left, right, strict=True)))
    return sure, doubtful.take(doubtful.first < doubtful.end)


def _paint(rings: Rings, runs: _Runs, tile: Tile, out: Bools) -> None:
    """Select the pixels of runs, those of one circle after the other's and from ring to ring, by rows where
    these are runs too.
    """
    if not len(runs.ring):
        return
    row = rings.y[runs.ring] - runs.first - tile.window.y0
    column = rings.x[runs.ring] + runs.first - tile.window.x0
    length = runs.end - runs.first
    left = np.arange(len(row))
    if length.sum() > _LONG * len(row):
        circle = np.cumsum(np.diff(runs.circle, prepend=-1) != 0) - 1
        left = np.flatnonzero(~_paint_rows(circle, row, column, length, out)[circle])
    for some in np.split(left, np.flatnonzero(np.diff(np.cumsum(length[left]) // _PIXELS)) + 1):
        paint_diagonals(out, row[some], column[some], length[some])


def _paint_rows(circle: Ints, row: Ints, column: Ints, length: Ints, out: Bools) -> Bools:
    """Paint circles whose pixels are one run in each row, and say which are done.

    Of a convex image each diagonal begins rows, or ends them, only where it reaches further than the diagonal
    beside it. A row from its first diagonal to its last holds all of the circle's pixels in it; it holds no
    other if all rows together have as many pixels as all diagonals.
    """
    low, total = row - length + 1, row + column
    begin = np.flatnonzero(np.diff(circle, prepend=-1))
    bottom, top = np.minimum.reduceat(low, begin), np.maximum.reduceat(row, begin)
    height = top - bottom + 1
    offset = np.cumsum(height) - height
    # First and last diagonal of every row of every circle.
    ends = []
    for before in (1, -1):
        last = np.roll(circle, before) != circle
        last[0 if before > 0 else -1] = True
        beside_low, beside_high = np.roll(low, before), np.roll(row, before)
        under = np.where(last, length, np.clip(beside_low - low, 0, length))
        over = np.where(last, 0, np.clip(row - beside_high, 0, length - under))
        which, y = ragged_ranges(np.concatenate([low, row - over + 1]), np.concatenate([under, over]))
        which %= len(circle)
        reached = np.full(int(height.sum()), -1)
        reached[offset[circle[which]] + y - bottom[circle[which]]] = total[which]
        ends.append(reached)
    owner, y = ragged_ranges(bottom, height)
    first, last = (each - y for each in ends)
    size = np.where((ends[0] >= 0) & (ends[1] >= 0), last - first + 1, 0)
    fits = np.add.reduceat(size, offset) == np.add.reduceat(length, begin)
    fits &= np.minimum.reduceat(size, offset) > 0
    some = fits[owner]
    paint_spans(out, y[some], first[some], last[some] + 1)
    return np.asarray(fits)


def _ask(rings: Rings, runs: _Runs, tile: Tile, centre: Floats, radius: Floats, out: Bools) -> None:
    """Select the pixels of runs that lie in their circles."""
    if not len(runs.ring):
        return
    which, place = ragged_ranges(runs.first, runs.end - runs.first)
    ring, circle = runs.ring[which], runs.circle[which]
    y, x = rings.y[ring] - place, rings.x[ring] + place
    inside = within(Pixels(tile.geom, y, x).xyz, centre[:, circle], radius[circle])
    out[y[inside] - tile.window.y0, x[inside] - tile.window.x0] = True
