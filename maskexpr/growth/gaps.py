"""What is between the two elements of a block: pairs of pixels that are told exactly.

Of a pixel that is perhaps within the radius of a selected one, and not surely, only the selected pixels
between the elements decide. They are looked up 32 pixels at a time. The metric, known at a pixel itself far
better than for all of its block, tells most of them, and the separation the rest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Ints, Words
from ..grid.tiles import Tile, Tiles
from ..pixels.ragged import ragged_ranges
from ..sphere.vectors import unit
from .columns import Columns, Element
from .packed import BITS, Grown, Table, cells_of
from .shape import SkyShape

__all__ = ["ask_gaps", "list_set"]

# Words looked up at once.
_AT_ONCE = 1 << 16


class _Doubts(NamedTuple):
    """Words with pixels in doubt: their blocks, the rows and first columns from the tile's corner, and the
    bits, each of shape (n,).
    """

    block: Ints
    y: Ints
    x: Ints
    bits: Words


def ask_gaps(
    grown: Grown, table: Table, tile: Tile, blocks: Tiles, element: Element, columns: Columns, shape: SkyShape
) -> None:
    """Select the pixels in doubt that have a selected one within the radius."""
    doubts = _doubts(grown, tile, blocks, columns)
    first, number, dy, dx = columns.between()
    work = np.cumsum(number[doubts.block]) // _AT_ONCE
    for begin, end in _pieces(work):
        some = _Doubts._make(each[begin:end] for each in doubts)
        word, place = ragged_ranges(first[some.block], number[some.block])
        step_y, step_x = dy[place], dx[place]
        found = table.at(some.y[word] + step_y, some.x[word] + step_x)
        found &= some.bits[word]
        which, bit = list_set(found)
        word, step_y, step_x = word[which], step_y[which], step_x[which]
        y, x = some.y[word], some.x[word] + bit
        held = _hold(tile, element, shape, some.block[word], (y, x), (step_y, step_x))
        y, x = y[held], x[held]
        np.bitwise_or.at(grown.sure, (y, x // BITS), np.uint32(1) << (x % BITS).astype(np.uint32))


def _doubts(grown: Grown, tile: Tile, blocks: Tiles, columns: Columns) -> _Doubts:
    none = np.empty(0, dtype=np.int64)
    found = [_Doubts(none, none, none, none.astype("<u8"))]
    for cells in cells_of(tile, blocks, columns, columns.reach + 1):
        words = cells.read(grown.doubt)
        row, cell = np.nonzero(words)
        found.append(_Doubts(cells.block[cell], cells.y[cell] + row, cells.x[cell], words[row, cell]))
    return _Doubts._make(np.concatenate(each) for each in zip(*found, strict=True))


def _pieces(work: Ints) -> list[tuple[int, int]]:
    """Ranges of equal numbers."""
    ends = [*np.flatnonzero(np.diff(work)) + 1, len(work)]
    return [(int(begin), int(end)) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]


def _hold(
    tile: Tile,
    element: Element,
    shape: SkyShape,
    block: Ints,
    place: tuple[Ints, Ints],
    step: tuple[Ints, Ints],
) -> Bools:
    """Whether pixels, rows and columns from the tile's corner, and those a step away are in the shape round
    each other.
    """
    (y, x), (dy, dx), corner = place, step, tile.window
    y, x = y + corner.y0, x + corner.x0
    middle_y, middle_x = element.metrics.middle[:, block]
    perhaps, out = element.told(block, dy, dx, (y - middle_y, x - middle_x))
    some = np.flatnonzero(perhaps & ~out)
    here = unit(*tile.geom.lonlat(y[some], x[some]))
    there = unit(*tile.geom.lonlat(y[some] + dy[some], x[some] + dx[some]))
    out[some] = shape.holds(here, there)
    return out


def list_set(words: Words) -> tuple[Ints, Ints]:
    """The set bits of words, shape (n,): the word of each and its place in it.

    Examples
    --------
    >>> [each.tolist() for each in list_set(np.array([5, 0, 2], dtype="<u8"))]
    [[0, 0, 2], [0, 2, 1]]
    """
    busy = np.flatnonzero(words)
    octets = words[busy].view(np.uint8)
    some = np.flatnonzero(octets)
    place = np.flatnonzero(np.unpackbits(octets[some], bitorder="little"))
    some = some[place >> 3]
    return busy[some >> 3], 8 * (some & 7) + (place & 7)
