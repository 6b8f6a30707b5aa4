"""Circles on cells of the sphere, from order to order: a cell keeps the circles whose rims may cross it.

What a cell's parts may meet is among what it may meet itself, so that each test is one of a cell and a circle
that are near, whatever the number of circles. Squared chords are compared with those of the radius, wider and
narrower by the reach of the cells; for circles beyond 90 degrees, whose chords tell less and less, those of
the circle round the antipode, of which they are the outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..grid.healpix.areas import Cells, PointsOfCells
from ..grid.healpix.cells import cells_of
from ..pixels.ragged import Lists
from ..sphere.vectors import TIE, chord2, chord2_of, dot

__all__ = ["CircleDescent"]

# Pairs tested in one go: bounds memory, and keeps the working arrays in the cache.
_PAIRS: Final = 1 << 15
# Radians by which a bound is widened before it is believed.
_SLACK: Final = 1e-12


class _Note(NamedTuple):
    """What is known of cells: their coverage, and the circles whose rims may cross those that are MIXED."""

    cover: Coverage
    rims: Lists


class CircleDescent:
    """Circles, asked about cells and their centres.

    Parameters
    ----------
    centre : ndarray, shape (3, n)
        Unit vectors, in the frame of the cells.
    radius : ndarray, shape (n,)
        Radians, positive.
    """

    def __init__(self, centre: Floats, radius: Floats) -> None:
        radius = radius - TIE
        wide = radius > np.pi / 2
        self._centre = np.where(wide, -centre, centre)
        self._radius = np.where(wide, np.pi - radius, radius)
        # Where a circle is the outside of another, all is compared the other way round.
        self._sign = np.where(wide, -1.0, 1.0)
        self._any_wide = bool(wide.any())
        limit = chord2_of(self._radius)
        # As in `within`, whose answer this must be.
        self._limit = np.where(wide, -limit, np.where(radius > 0, limit, -1.0))

    def coverage(self, cells: Cells) -> Coverage:
        """Which cells no circle meets, which lie in one as a whole; notes whose rims may cross them."""
        cover = np.full(len(cells), EMPTY)
        reach = cells.reach + _SLACK
        inner, outer = self._limits(reach)
        place, circle = self._candidates(cells, np.arange(len(cells)), cover)
        left = [np.empty(0, dtype=bool)]
        for some, squared in self._apart(cells.caps.centre, place, circle):
            cover[place[some][squared < inner[circle[some]]]] = FULL
            left.append(squared <= outer[circle[some]])
        meets = np.concatenate(left)
        meets &= cover[place] != FULL
        place, circle = place[meets], circle[meets]
        if cells.sharp:
            place, circle = self._sharpen(cells, place, circle, cover)
        cover[place] = MIXED
        cells.notes[self] = _Note(cover, Lists.of_pairs(len(cells), place, circle))
        return cover.copy()

    def _limits(self, reach: float) -> tuple[Floats, Floats]:
        """Signed squared chords below which cells are in a circle, and above which they do not meet it."""
        narrow, wide = self._radius - reach, chord2_of(self._radius + reach)
        narrow = np.where(narrow > 0, chord2_of(narrow), -1.0)
        if not self._any_wide:
            return narrow, wide
        small = self._sign > 0
        return np.where(small, narrow, -wide), np.where(small, wide, -narrow)

    def _candidates(self, cells: Cells, which: Indices, cover: Coverage) -> tuple[Indices, Indices]:
        """Pairs of a place in ``which``, in order, and a circle whose rim may cross that cell; cells that are
        known to be FULL are marked so.
        """
        noted = cells.note_of(self, which)
        if noted is None:
            number = len(self._radius)
            return np.repeat(np.arange(len(which)), number), np.tile(np.arange(number), len(which))
        note, origin = noted
        cover[note.cover[origin] == FULL] = FULL
        place, circle = note.rims.pairs(origin)
        return place, circle

    def _apart(self, xyz: Floats, place: Indices, circle: Indices) -> Iterator[tuple[slice, Floats]]:
        """Signed squared chords of pairs of a point and a circle, piece after piece."""
        for first in range(0, len(place), _PAIRS):
            some = slice(first, first + _PAIRS)
            squared = chord2(xyz.take(place[some], axis=1), self._centre.take(circle[some], axis=1))
            yield some, squared * self._sign[circle[some]] if self._any_wide else squared

    def _sharpen(
        self, cells: Cells, place: Indices, circle: Indices, cover: Coverage
    ) -> tuple[Indices, Indices]:
        """Pairs whose rims are not clear of the cells and do not hold them, as they are bounded by four
        straight lines that bulge; cells in a circle are marked FULL.
        """
        clear, held = np.empty(len(place), dtype=bool), np.empty(len(place), dtype=bool)
        radius = np.sqrt(chord2_of(self._radius))
        for first in range(0, len(place), _PAIRS):
            some = slice(first, first + _PAIRS)
            at, of = place[some], circle[some]
            corners = cells.corners[:, at].transpose(2, 0, 1)
            nearest, furthest = _to_sides(self._centre[:, of], corners)
            bulge = cells.bulge[at] + _SLACK
            clear[some] = nearest > radius[of] + bulge
            held[some] = furthest < radius[of] - bulge
        # One that lies in a cell is clear of its sides too.
        small = np.flatnonzero(clear & (self._radius[circle] < cells.reach))
        home = cells_of(cells.order, self._centre[:, circle[small]])
        clear[small[home == cells.ids[place[small]]]] = False
        wide = self._sign[circle] < 0
        cover[place[np.where(wide, clear, held)]] = FULL
        left = ~clear & ~held & (cover[place] != FULL)
        return place[left], circle[left]

    def inside(self, points: PointsOfCells) -> Bools:
        """Which points lie strictly inside any circle, shape (n,)."""
        cover = np.full(len(points), EMPTY)
        place, circle = self._candidates(points.cells, points.place, cover)
        out: Bools = cover == FULL
        for some, squared in self._apart(points.xyz, place, circle):
            out[place[some][squared < self._limit[circle[some]]]] = True
        return out


def _to_sides(xyz: Floats, corners: Floats) -> tuple[Floats, Floats]:
    """Distances, along straight lines, of points from the nearest place of the four sides of cells, and from
    the furthest corner.

    Parameters
    ----------
    xyz : ndarray, shape (3, n)
    corners : ndarray, shape (4, 3, n)
    """
    away = [xyz - corner for corner in corners]
    squared = [dot(each, each) for each in away]
    nearest = np.full(xyz.shape[1], np.inf)
    for i in range(4):
        along = corners[i - 3] - corners[i]
        part = np.clip(dot(away[i], along) / dot(along, along), 0.0, 1.0)
        rest = away[i] - part * along
        np.minimum(nearest, dot(rest, rest), out=nearest)
    return np.sqrt(nearest), np.sqrt(np.maximum.reduce(squared))
