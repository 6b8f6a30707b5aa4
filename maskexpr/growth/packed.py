"""Growing packed rows by elements that differ from block to block: dilation by doubling.

A row is a table of its dilations by 1, 2, 4, ... pixels, and a row of an element is that table at two places.
Cells of 32 x 32 pixels are grown together, one row of the element after the other, so that noise costs what a
disk does. Words are kept column by column, so that those of a cell stand one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Indices, Ints, Smalls, Words, distinct
from ..grid.tiles import Tile, Tiles
from ..pixels.window import Window, cut
from .columns import Columns

__all__ = ["AT_ONCE", "BITS", "Cells", "Grown", "Table", "cells_of", "grow_packed"]

BITS = 32
"""Pixels to a side of a cell, and to a word of the result."""
AT_ONCE = 1 << 16
"""Words grown at once: the calls are long enough for threads, and what they work on stays in the cache."""
# Sides of the cells: of smaller blocks a few bits of a word are used.
_SIDES = (8, 16, BITS)


class Grown(NamedTuple):
    """What a selection reaches of a tile, each pixel a bit, 32 to a word, shape (words, rows) of whole cells:
    the pixels surely within the radius, and those that are perhaps and not surely.
    """

    sure: NDArray[np.uint32]
    doubt: NDArray[np.uint32]

    @classmethod
    def nothing(cls, shape: tuple[int, int]) -> Grown:
        """Nothing is reached of a tile of a shape (ny, nx)."""
        rows, columns = (-(-each // BITS) for each in shape)
        return cls(*np.zeros((2, columns, rows * BITS), dtype="<u4"))

    @property
    def values(self) -> Bools:
        """Which pixels are surely within the radius, of whole cells."""
        octets = np.ascontiguousarray(self.sure.T).view(np.uint8)
        return np.unpackbits(octets, axis=1, bitorder="little").view(bool)


class Table:
    """Rows of a window and their dilations to the right by 2^k pixels.

    At ``(k * pitch + j) * rows + row`` of ``words`` stand the 64 pixels from the 32 j-th of a row on. Row 0
    is the window's first, and column 0 a whole number of words from the tile's.

    Parameters
    ----------
    tile : Tile
        The tile that is grown on.
    around : Window
        The window.
    values : ndarray of bool
        Its selected pixels.
    """

    def __init__(self, tile: Tile, around: Window, values: Bools) -> None:
        lead = (around.x0 - tile.window.x0) % BITS
        self._tile = tile.window
        self.y0, self.x0 = around.y0, around.x0 - lead
        # Cells may reach beyond the window by what they are larger than their block, and words by one.
        self.rows = around.shape[0] + BITS
        self.pitch = -(-(lead + around.shape[1]) // BITS) + 3
        rows = np.zeros((self.rows, self.pitch), dtype="<u4")
        if lead % 8:
            values = np.pad(values, ((0, 0), (lead % 8, 0)))
        packed = np.packbits(values, axis=1, bitorder="little")
        rows.view(np.uint8)[: len(packed), lead // 8 : lead // 8 + packed.shape[1]] = packed
        self._half = np.ascontiguousarray(rows.T)
        self.words = self._doubled(self._half, np.zeros(self._half.shape, dtype="<u8")).reshape(-1)

    @property
    def runs(self) -> int:
        """About how many runs of selected pixels there are; those that begin with a word count twice."""
        return int(np.bitwise_count(self._half & ~(self._half << np.uint32(1))).sum())

    def dilate(self, levels: int) -> int:
        """Add dilations up to a number of levels, and one without any selected pixel; the place of this."""
        table, half = np.zeros((levels + 1, *self._half.shape), dtype="<u8"), self._half
        for level in range(levels):
            if level:
                step = 1 << (level - 1)
                if step < BITS:
                    half = half | (table[level - 1] >> np.uint64(step)).astype("<u4")
                else:
                    half = half.copy()
                    half[: -(step // BITS)] |= half[step // BITS :]
            self._doubled(half, table[level])
        self.words = table.reshape(-1)
        return levels * half.size

    @staticmethod
    def _doubled(half: NDArray[np.uint32], out: Words) -> Words:
        out[:-1] = half[1:]
        out <<= np.uint64(BITS)
        out |= half
        return out

    def at(self, y: Ints, x: Ints) -> Words:
        """At least 33 pixels of rows each, from a column on; rows and columns from the tile's corner."""
        bit = x + (self._tile.x0 - self.x0)
        place = (bit >> 5) * self.rows + (y + (self._tile.y0 - self.y0))
        found: Words = self.words.take(place, mode="clip")
        found >>= (bit & (BITS - 1)).astype(np.uint64)
        return found

    def read(self, side: int, place: Ints, shift: Ints) -> Words:
        """At least 33 pixels of rows each, from some bits after places on: those of a side's rows, shape
        (places, side).
        """
        found: Words = _items(self.words, side)[place].view("<u8").reshape(-1, side)
        found >>= shift[:, None].astype(np.uint64)
        return found

    def is_busy(self, bounds: Ints) -> Bools:
        """Whether windows, shape (4, n), hold a selected pixel, or one is in a word with them."""
        busy = np.zeros((self.pitch + 1, self.rows + 1), dtype=np.int32)
        busy[1:, 1:] = (self._half != 0).cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
        low, high = (np.clip(each - self.y0, 0, self.rows) for each in bounds[:2])
        first, last = bounds[2] - self.x0, bounds[3] - 1 - self.x0
        left, right = (np.clip(each, 0, self.pitch) for each in (first // BITS, last // BITS + 1))
        return np.asarray(busy[right, high] - busy[right, low] - busy[left, high] + busy[left, low] > 0)

    def places(self, cells: Cells) -> Ints:
        """Where the words of cells begin, shape (cells,)."""
        column = (cells.x - cells.bit + (cells.tile.window.x0 - self.x0)) // BITS
        return column * self.rows + cells.y + (cells.tile.window.y0 - self.y0)


class Cells(NamedTuple):
    """Cells of one side, which lie in one word: the block that each is of, its first row and column from the
    tile's corner, and its first bit.
    """

    tile: Tile
    side: int
    block: Ints
    y: Ints
    x: Ints

    @property
    def bit(self) -> Ints:
        """The first bit of each in its word."""
        return self.x % BITS

    def take(self, some: Indices) -> Cells:
        """Some of them."""
        return Cells(self.tile, self.side, self.block[some], self.y[some], self.x[some])

    def read(self, words: NDArray[np.uint32]) -> Words:
        """Their bits, shape (cells, side), from words of the tile."""
        items = _items(words.reshape(-1), self.side)[self._place(words)]
        found: Words = items.view("<u4").reshape(-1, self.side).astype("<u8")
        found >>= self.bit[:, None].astype(np.uint64)
        found &= self.mask
        return found

    def write(self, words: NDArray[np.uint32], bits: Words) -> None:
        """Set bits, shape (cells, side), in words of the tile."""
        items, place = _items(words.reshape(-1), self.side), self._place(words)
        # Cells that share a word have other bits of it.
        for bit in distinct(self.bit).tolist():
            some = np.flatnonzero(self.bit == bit)
            shifted = (bits[some] << np.uint64(bit)).astype("<u4")
            shifted |= items[place[some]].view("<u4").reshape(shifted.shape)
            items[place[some]] = shifted.view(items.dtype).reshape(-1)

    def _place(self, words: NDArray[np.uint32]) -> Ints:
        return np.asarray(self.x // BITS * words.shape[1] + self.y)

    @property
    def mask(self) -> np.uint64:
        """The bits that a word of a cell may have."""
        return np.uint64((1 << self.side) - 1)


def cells_of(
    tile: Tile, blocks: Tiles, work: Ints, columns: Columns | None = None, table: Table | None = None
) -> Iterator[Cells]:
    """The cells of a tile's blocks, in batches of like side and ascending work, which is given for each
    block; with a table only those near which it has a selected pixel, by the blocks' elements.
    """
    bounds, block = cut(blocks.bounds, BITS)
    if table is not None and columns is not None:
        left, right = columns.outer_first.min(axis=1), columns.outer_last.max(axis=1)
        reach = np.stack([-columns.reach, columns.reach, left, right])[:, block]
        busy = table.is_busy(bounds + reach)
        bounds, block = bounds[:, busy], block[busy]
    y0, y1, x0, x1 = bounds
    side = np.maximum(y1 - y0, x1 - x0)
    y, x = y0 - tile.window.y0, x0 - tile.window.x0
    for low, high in zip((0, *_SIDES[:-1]), _SIDES, strict=True):
        some = np.flatnonzero((low < side) & (side <= high))
        some = some[np.argsort(work[block[some]], kind="stable")]
        for first in range(0, len(some), AT_ONCE // high):
            part = some[first : first + AT_ONCE // high]
            yield Cells(tile, high, block[part], y[part], x[part])


def grow_packed(tile: Tile, blocks: Tiles, columns: Columns, table: Table, outer: bool = True) -> Grown:
    """Grow what is selected round a tile by the elements of the tile's blocks.

    Parameters
    ----------
    tile : Tile
        The tile.
    blocks : Tiles
        Blocks of it, cut from its corner by powers of two of at least 8.
    columns : Columns
        Their elements.
    table : Table
        Of a window that holds all that the elements reach.
    outer : bool
        Whether by outer elements too: if not, all that is not sure in cells near the selection is in doubt.
    """
    _, _, *inner_ends, first, last = columns
    widest = int(np.maximum(last - first, 0).max()) + 1
    empty = table.dilate(widest.bit_length())
    out = Grown.nothing(tile.shape)
    for cells in cells_of(tile, blocks, columns.reach, columns, table):
        inner = _dilated(table, empty, cells, *inner_ends)
        perhaps = _dilated(table, empty, cells, first, last) if outer else cells.mask
        cells.write(out.sure, inner)
        cells.write(out.doubt, perhaps & ~inner)
    return out


def _dilated(table: Table, empty: int, cells: Cells, first: Smalls, last: Smalls) -> Words:
    """The words of cells dilated by the elements of their blocks, shape (cells, side)."""
    first, last = (np.ascontiguousarray(each[cells.block].T) for each in (first, last))
    none = first > last
    level = np.frexp(np.where(none, 1, last - first + 1))[1].astype(np.int64) - 1
    base = table.places(cells)
    dy = np.arange(len(none)) - len(none) // 2
    start = level * (table.rows * table.pitch) + dy[:, None] + base
    ends = []
    for column in (first, last + 1 - (1 << level)):
        place = np.where(none, 0, column) + cells.bit
        # Rows without a column read the empty ones.
        ends.append((np.where(none, empty + base, start + (place >> 5) * table.rows), place & (BITS - 1)))
    out = np.zeros((len(base), cells.side), dtype="<u8")
    for j in np.flatnonzero(~none.all(axis=1)).tolist():
        for places, shifts in ends:
            out |= table.read(cells.side, places[j], shifts[j])
    out &= cells.mask
    return out


def _items(words: NDArray[Any], side: int) -> NDArray[Any]:
    """Words taken for overlapping items of as many as a cell of a side has rows."""
    size = words.itemsize
    return np.ndarray((len(words) - side + 1,), f"V{side * size}", words, strides=(size,))
