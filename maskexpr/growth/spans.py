"""Growing runs of selected pixels by elements that differ from block to block: spans of bytes.

A run spreads along each row of an element as one span, so that the cost is that of the runs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Ints, Smalls
from ..grid.tiles import Tile, Tiles
from ..pixels.paint import paint_short
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from ..pixels.words import find_runs, padded_shape
from .columns import Columns
from .packed import Grown

__all__ = ["grow_spans"]

# Spans made at once: they stay in the cache.
_AT_ONCE = 1 << 15
# Pixels surely within the radius of a selected one, and those perhaps.
_SURE, _PERHAPS = 2, 1


class _Runs(NamedTuple):
    """Pairs of a run of selected pixels, ``start <= x < stop`` from the tile's corner, and a block that it
    may reach, each array of shape (n,).
    """

    row: Ints
    start: Ints
    stop: Ints
    block: Ints


def _runs_near(tile: Tile, blocks: Tiles, columns: Columns, values: Bools, around: Window) -> _Runs:
    """The runs of a window round a tile, and the blocks that they may reach."""
    width = padded_shape((1, *values.shape))[-1]
    start, stop = (each.astype(np.int64) for each in find_runs(values[None]))
    row = start // width
    start, stop = start - row * width, stop - row * width
    y0, y1, x0, x1 = blocks.bounds
    block, near = ragged_ranges(y0 - columns.reach, y1 - y0 + 2 * columns.reach)
    inside = (near >= around.y0) & (near < around.y1)
    block, near = block[inside], near[inside] - around.y0
    # One sorted list of all rows' runs: the place in it is the row's number times a width that nothing
    # exceeds.
    first, last = columns.outer_first.min(axis=1), columns.outer_last.max(axis=1)
    wide = np.int64(around.shape[1] + 2)
    low = np.clip(x0 + first - around.x0, 0, around.shape[1])[block]
    high = np.clip(x1 + last - around.x0, 0, around.shape[1])[block]
    begin = np.searchsorted(row * wide + stop, near * wide + low, side="right")
    end = np.searchsorted(row * wide + start, near * wide + high, side="left")
    pair, run = ragged_ranges(begin, np.maximum(end - begin, 0))
    y, x = around.y0 - tile.window.y0, around.x0 - tile.window.x0
    return _Runs(row[run] + y, start[run] + x, stop[run] + x, block[pair])


def grow_spans(tile: Tile, blocks: Tiles, columns: Columns, values: Bools, around: Window) -> Grown:
    """Grow the selected pixels of a window round a tile by the elements of the tile's blocks, see
    `maskexpr.growth.packed.grow_packed`.
    """
    out = Grown.nothing(tile.shape)
    state = _spread(tile, blocks, columns, _runs_near(tile, blocks, columns, values, around))
    for words, value in ((out.sure, _SURE), (out.doubt, _PERHAPS)):
        packed = np.packbits(state == value, axis=1, bitorder="little")
        rows = np.zeros(words.shape[::-1], dtype=words.dtype)
        rows.view(np.uint8)[: len(packed), : packed.shape[1]] = packed
        words[...] = rows.T
    return out


def _spread(tile: Tile, blocks: Tiles, columns: Columns, runs: _Runs) -> NDArray[np.uint8]:
    """For each pixel of the tile `_SURE`, `_PERHAPS` or 0, shape (ny, nx)."""
    state = np.zeros(tile.window.size, dtype=np.uint8)
    # Those of like reach together.
    order = np.argsort(columns.reach[runs.block], kind="stable")
    row, start, stop = (_small(each[order]) for each in runs[:3])
    block = runs.block[order]
    reach = columns.reach[block]
    corner = np.array([tile.window.y0] * 2 + [tile.window.x0] * 2)
    y0, y1, x0, x1 = _small(blocks.bounds - corner[:, None])[:, block, None]
    each = max(1, _AT_ONCE // (2 * columns.middle + 1))
    # What is surely reached is painted last, over what perhaps is.
    for value, first, last in (
        (_PERHAPS, columns.outer_first, columns.outer_last),
        (_SURE, columns.inner_first, columns.inner_last),
    ):
        for low in range(0, len(block), each):
            part = slice(low, low + each)
            most = int(reach[part][-1])
            table = slice(columns.middle - most, columns.middle + most + 1)
            # A pixel is reached from those that lie in the element round it.
            begin = np.maximum(start[part, None] - last[block[part], table], x0[part])
            length = np.minimum(stop[part, None] - first[block[part], table], x1[part]) - begin
            target = row[part, None] - np.arange(-most, most + 1, dtype=np.int32)
            some = (length > 0) & (target >= y0[part]) & (target < y1[part])
            place = target[some].astype(np.int64) * tile.shape[1] + begin[some]
            paint_short(state, place, length[some], value)
    return state.reshape(tile.shape)


def _small(each: Ints) -> Smalls:
    """Rows or columns, of which there are never so many that they need 64 bits."""
    return each.astype(np.int32)
