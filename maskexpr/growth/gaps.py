"""What is between the two elements of a block: pairs of pixels that are told exactly.

Of a pixel that is perhaps within the radius of a selected one, and not surely, only the selected pixels
between the elements decide. They are looked up a cell at a time. The metric, known at a pixel itself far
better than for all of its block, tells most of them, and the separation the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Ints, Words
from ..grid.tiles import Tile, Tiles
from ..sphere.vectors import unit
from .columns import Columns, Element
from .packed import AT_ONCE, BITS, Cells, Grown, Table, cells_of
from .shape import SkyShape

__all__ = ["ask_gaps", "list_set"]

# Words with pixels in doubt after which these are told.
_TOLD = 1 << 14


class _Steps(NamedTuple):
    """Steps between the elements of blocks, see `Columns.between`."""

    first: Ints
    number: Ints
    dy: Ints
    dx: Ints


class _Met(NamedTuple):
    """Words with pixels in doubt that meet a selected one: their places among those of cells, the bits, and
    the step to the selected pixels, each of shape (n,).
    """

    place: Ints
    bits: Words
    step: Ints


def ask_gaps(
    grown: Grown, table: Table, tile: Tile, blocks: Tiles, element: Element, columns: Columns, shape: SkyShape
) -> None:
    """Select the pixels in doubt that have a selected one within the radius."""
    steps = _Steps(*columns.between())
    for cells in cells_of(tile, blocks, steps.number):
        doubt = cells.read(grown.doubt)
        some = np.flatnonzero(doubt.any(axis=1))
        cells, doubt = cells.take(some), doubt[some]
        held = np.zeros_like(doubt)
        for met in _met(table, cells, doubt, steps):
            which, bit = list_set(met.bits)
            place, step = met.place[which], met.step[which]
            cell, row = np.divmod(place, cells.side)
            pixel = cells.y[cell] + row, cells.x[cell] + bit
            sure = _hold(tile, element, shape, cells.block[cell], pixel, (steps.dy[step], steps.dx[step]))
            bits = np.uint64(1) << bit[sure].astype(np.uint64)
            np.bitwise_or.at(held.reshape(-1), place[sure], bits)
            doubt &= ~held
        cells.write(grown.sure, held)


def _met(table: Table, cells: Cells, doubt: Words, steps: _Steps) -> Iterator[_Met]:
    """What of pixels in doubt, shape (cells, side), meets a selected one, by some steps at a time."""
    base, first, number = table.places(cells), steps.first[cells.block], steps.number[cells.block]
    found: list[_Met] = []
    k, most = 0, int(number.max(initial=0))
    while k < most:
        # The cells are in ascending order of their numbers of steps; of few cells many steps go together.
        low = int(np.searchsorted(number, k, side="right"))
        stop = min(most, k + max(1, AT_ONCE // cells.side // (len(number) - low)))
        turn, cell = np.nonzero(np.arange(k, stop)[:, None] < number[low:])
        cell, step = cell + low, first[cell + low] + k + turn
        column = cells.bit[cell] + steps.dx[step]
        place = base[cell] + steps.dy[step] + (column >> 5) * table.rows
        words = table.read(cells.side, place, column & (BITS - 1))
        words &= doubt[cell]
        bits = words.reshape(-1)
        # Of booleans numpy lists those that hold much faster than of numbers.
        busy = np.flatnonzero(bits != 0)
        pair, row = np.divmod(busy, cells.side)
        found.append(_Met(cell[pair] * cells.side + row, bits[busy], step[pair]))
        k = stop
        if k == most or sum(len(each.place) for each in found) >= _TOLD:
            yield _Met._make(np.concatenate(each) for each in zip(*found, strict=True))
            found = []


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
