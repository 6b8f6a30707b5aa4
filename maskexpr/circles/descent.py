"""Circles on cells of the sphere, from order to order: a cell keeps the circles whose rims may cross it.

What a cell's parts may meet is among what it may meet itself, so that each test is one of a cell and a circle
that are near, whatever the number of circles. The chord between their centres is compared with that of the
radius, wider and narrower by how far the cell goes towards the circle; for circles beyond 90 degrees, whose
chords tell less and less, that of the circle round the antipode, of which they are the outside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..grid.healpix.areas import Cells, PointsOfCells
from ..pixels.ragged import Lists
from ..sphere.vectors import TIE, chord2, chord2_of, dot

__all__ = ["CircleDescent"]

# Pairs tested in one go: bounds memory; fewer make calls so short that threads wait for each other.
_PAIRS: Final = 1 << 16
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
        # Of the radius, and how it grows at most with it.
        self._chord, self._slope = np.sqrt(limit), np.cos(np.maximum(self._radius, 0.0) / 2)
        # As in `within`, whose answer this must be.
        self._limit = np.where(wide, -limit, np.where(radius > 0, limit, -1.0))

    def coverage(self, cells: Cells) -> Coverage:
        """Which cells no circle meets, which lie in one as a whole; notes whose rims may cross them."""
        cover = np.full(len(cells), EMPTY)
        place, circle = self._candidates(cells, np.arange(len(cells)), cover)
        crossed = [np.empty(0, dtype=bool)]
        for first in range(0, len(place), _PAIRS):
            at, of = place[first : first + _PAIRS], circle[first : first + _PAIRS]
            clear, held = self._compare(cells, at, of)
            crossed.append(~(clear | held))
            cover[at[np.where(self._sign[of] < 0, clear, held) if self._any_wide else held]] = FULL
        meets = np.concatenate(crossed)
        meets &= cover[place] != FULL
        place, circle = place[meets], circle[meets]
        cover[place] = MIXED
        cells.notes[self] = _Note(cover, Lists.of_pairs(len(cells), place, circle))
        return cover.copy()

    def _compare(self, cells: Cells, place: Indices, circle: Indices) -> tuple[Bools, Bools]:
        """Pair by pair, which cells a small circle does not meet, and which lie in it as a whole."""
        away = self._centre.take(circle, axis=1)
        away -= cells.caps.centre.take(place, axis=1)
        support, rest = cells.support(place, away)
        rest += _SLACK
        squared, radius, slope = dot(away, away), self._chord.take(circle), self._slope.take(circle)
        apart, reach = np.sqrt(squared), cells.reach + _SLACK
        # That a cell goes no further than its reach, whichever way, tells more where it is bent.
        nearer = np.minimum(support + rest * apart, reach * slope * apart)
        clear = squared - nearer > radius * apart
        narrow = radius - rest
        held = squared + 2 * support + reach * reach < narrow * np.abs(narrow)
        held |= apart + reach * (slope + reach / 2) < radius
        return clear, held

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

    def inside(self, points: PointsOfCells) -> Bools:
        """Which points lie strictly inside any circle, shape (n,)."""
        cover = np.full(len(points), EMPTY)
        place, circle = self._candidates(points.cells, points.place, cover)
        out: Bools = cover == FULL
        for some, squared in self._apart(points.xyz, place, circle):
            out[place[some][squared < self._limit[circle[some]]]] = True
        return out
