"""Data on cells of the sky, from order to order: a cell keeps the blocks of pixels that it may meet.

A cell is decided if its centre has a value and no block that it may meet has the other one: what a cell,
which is in one piece, holds besides its centre it reaches through such blocks.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..grid.healpix.cover import CellCover
from ..grid.healpix.faces import number_of
from ..grid.healpix.geom import HpxGeom
from ..grid.healpix.ranges import complement, of_cells, union
from ..grid.healpix.staircase import cells_at
from ..grid.lattice import Grid
from ..grid.parts import Parts
from ..pixels.ragged import Lists
from ..sphere.trees import chord_bound
from ..sphere.vectors import chord2, lonlat, rotate, rotation
from .blocks import HAS_FALSE, HAS_TRUE, Blocks

__all__ = ["DataDescent", "descent_of"]

# Pairs tested in one go: bounds memory, and keeps the working arrays in the cache.
_PAIRS: Final = 1 << 15


class _Note(NamedTuple):
    """What is known of cells: their coverage, and of the others the blocks of a level that they may meet."""

    cover: Coverage
    level: int
    blocks: Lists


def descent_of(grid: Grid, selected: Bools, outside: bool) -> DataDescent | CellCover:
    """What answers for the values of a map, asked about cells.

    Parameters
    ----------
    grid : Grid
        The map, without axes.
    selected : ndarray of bool, shape (ny, nx)
        The values of its pixels.
    outside : bool
        The value beyond its border.
    """
    if not isinstance(grid, HpxGeom):
        return DataDescent(Blocks(grid, selected, outside), selected, outside)
    y, x = np.nonzero(selected)
    ranges = of_cells(cells_at(grid.order, y, x))
    beyond = complement(np.asarray(grid.ranges), number_of(grid.order))
    return CellCover(union(ranges, beyond) if outside else ranges, grid.order, grid.frame)


class DataDescent:
    """The values of a map, asked about parts of the sphere.

    Parameters
    ----------
    blocks : Blocks
    selected : ndarray of bool, shape (ny, nx)
        The values of its pixels.
    outside : bool
        The value beyond its border.
    """

    def __init__(self, blocks: Blocks, selected: Bools, outside: bool) -> None:
        self._blocks = blocks
        self._selected = selected
        self._outside = outside

    def coverage(self, parts: Parts) -> Coverage:
        """Which parts are all in or all out; notes the blocks that the others may meet."""
        cover, level, place, block = self._candidates(parts)
        aim = min(level, self._blocks.level_of(parts.reach))
        centre = rotate(rotation(parts.frame, self._blocks.grid.frame), parts.caps.centre)
        place, block = self._meeting(parts, centre, level, place, block)
        while level > aim:
            halves = self._blocks.halves(level, block)
            level -= 1
            place, block = np.repeat(place, 4)[halves.reshape(-1) >= 0], halves[halves >= 0]
            place, block = self._meeting(parts, centre, level, place, block)
        open_ = np.flatnonzero(cover == MIXED)
        cover[open_] = self._decide(centre[:, open_], open_, level, place, block)
        left = cover[place] == MIXED
        lists = Lists.of_pairs(len(parts), place[left], block[left])
        parts.notes[self] = _Note(cover, level, lists)
        return cover.copy()

    def _candidates(self, parts: Parts) -> tuple[Coverage, int, Indices, Ints]:
        """What is known of parts from their parents, and pairs of a cell, in order, and a block."""
        noted = parts.note_of(self, np.arange(len(parts)))
        if noted is None:
            level = self._blocks.highest
            every = self._blocks.all_of(level)
            place = np.repeat(np.arange(len(parts)), len(every))
            return np.full(len(parts), MIXED), level, place, np.tile(every, len(parts))
        note, origin = noted
        return note.cover[origin], note.level, *note.blocks.pairs(origin)

    def _meeting(
        self, parts: Parts, centre: Floats, level: int, place: Indices, block: Ints
    ) -> tuple[Indices, Ints]:
        """Pairs, of those that count, whose caps have a point in common, or nearly."""
        known, which = np.unique(block, return_inverse=True)
        counts = self._blocks.counts(level, known)[which]
        place, which = place[counts], which[counts]
        caps = self._blocks.caps(level, known)
        # The chord of a sum of angles is at most the sum of their chords.
        chords, reach = chord_bound(caps.radius), chord_bound(parts.caps.radius)
        chords[caps.radius >= np.pi] = np.inf
        left = [np.empty(0, dtype=bool)]
        for first in range(0, len(place), _PAIRS):
            some, of = place[first : first + _PAIRS], which[first : first + _PAIRS]
            left.append(
                chord2(centre.take(some, axis=1), caps.centre.take(of, axis=1))
                <= (chords[of] + reach[some]) ** 2
            )
        meets = np.concatenate(left)
        return place[meets], known[which[meets]]

    def _decide(self, centre: Floats, cells: Indices, level: int, place: Indices, block: Ints) -> Coverage:
        """Coverage of some cells, by the values at their centres and of the blocks that they may meet."""
        y, x = self._blocks.grid.array_index(*lonlat(centre))
        on_map = y >= 0
        value = np.where(on_map, self._selected[y, x], self._outside)
        known = np.where(on_map, self._blocks.known[y, x], self._blocks.known.all())
        flags = self._blocks.flags(level, block)
        number = cells[-1] + 1 if len(cells) else 0
        has = [np.zeros(number, dtype=bool) for _ in range(2)]
        for seen, flag in zip(has, (HAS_FALSE, HAS_TRUE), strict=True):
            seen[place[(flags & flag > 0) & (place < number)]] = True
        other = np.where(value, has[0][cells], has[1][cells])
        return np.where(known & ~other, np.where(value, FULL, EMPTY), MIXED).astype(np.uint8)
