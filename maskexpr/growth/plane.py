"""Growing on smooth grids of any projection: between two shapes in the plane of pixels.

The metric of the sky is sampled in a block and round it, or longitude and latitude are for a box; how far
they go beyond their samples is an estimate with a safety factor, for grids without kinks (`Grid.smooth`).
That gives for the block an element (`columns`) of pixels surely in the shape and one of those perhaps in it.
The selection grows by both, by packed words or by its runs, whichever is cheaper, and the few pixels between
the two answers are asked exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Ints
from ..core.coverage import EMPTY, FULL
from ..grid.tiles import Tile, Tiles
from ..pixels.paint import list_busy
from ..pixels.window import Window
from ..sphere.vectors import unit
from .box import Box
from .columns import Columns, Element, columns_of
from .disk import Disk
from .gaps import ask_gaps, list_set
from .metric import Metrics, block_metrics
from .packed import BITS, Grown, Table, grow_packed
from .shape import Selection, SkyShape
from .spans import grow_spans
from .tree import hidden, reached, surrounded

__all__ = ["SmoothBlocks", "grow_plane", "smooth_blocks"]

# Nanoseconds by which ways are compared: of a word and of a span for each row of an element; of a pixel in
# doubt for each pixel between elements; of a target and of a source of a tree.
_WORD, _SPAN, _PAIR, _TARGET, _SOURCE = 12.0, 130.0, 40.0, 900.0, 450.0


class SmoothBlocks(NamedTuple):
    """The blocks of a tile over which the grid is smooth and of which a child's coverage decides nothing.

    ``full`` are the windows of those that it decides to be selected, shape (4, n), and ``around`` is the
    window of the child that has to be known; None where there are no blocks.
    """

    tile: Tile
    blocks: Tiles
    element: Element
    full: Ints
    around: Window | None


def smooth_blocks(tile: Tile, shape: SkyShape, selection: Selection) -> tuple[SmoothBlocks, Tiles]:
    """Find the blocks of a tile on which a shape can be grown in the plane, and the blocks that are left."""
    blocks, metrics, left = block_metrics(tile, shape.bound)
    element: Element = Disk(metrics)
    if shape.box and len(blocks):
        element, known = Box.of(tile.geom, metrics, shape)
        left = Tiles.together([left, blocks.take(~known)])
        blocks, element = blocks.take(known), element.take(known)
    if not len(blocks):
        return SmoothBlocks(tile, blocks, element, blocks.bounds, None), left
    cover = selection.cover(Tiles(tile.geom, _padded(blocks.bounds, element.metrics), tile.plane))
    full = blocks.bounds[:, cover == FULL]
    busy = (cover != FULL) & (cover != EMPTY)
    blocks, element = blocks.take(busy), element.take(busy)
    around = None
    if len(blocks):
        y0, y1, x0, x1 = _padded(blocks.bounds, element.metrics)
        around = Window(int(y0.min()), int(y1.max()), int(x0.min()), int(x1.max()))
    return SmoothBlocks(tile, blocks, element, full, around), left


def _padded(bounds: Ints, metrics: Metrics) -> Ints:
    rows, columns = metrics.reach
    return np.stack([bounds[0] - rows, bounds[1] + rows, bounds[2] - columns, bounds[3] + columns])


def grow_plane(smooth: SmoothBlocks, shape: SkyShape, values: Callable[[Window], Bools]) -> Bools:
    """Grow a shape on the smooth blocks of a tile, shape (ny, nx): False in all others.

    Parameters
    ----------
    values : callable
        Which pixels of a window are selected.
    """
    tile = smooth.tile
    if smooth.around is None:
        out = np.zeros(tile.shape, dtype=bool)
    else:
        out = _grow_blocks(smooth, smooth.around, shape, values(smooth.around))
    for y0, y1, x0, x1 in smooth.full.T.tolist():
        out[y0 - tile.window.y0 : y1 - tile.window.y0, x0 - tile.window.x0 : x1 - tile.window.x0] = True
    return out


def _grow_blocks(smooth: SmoothBlocks, around: Window, shape: SkyShape, values: Bools) -> Bools:
    tile, blocks, element = smooth.tile, smooth.blocks, smooth.element
    columns, table = columns_of(element), Table(tile, around, values)
    runs, gap = table.runs, float((columns.size(inner=False) - columns.size(inner=True)).mean())
    if _is_dense(blocks, columns, runs, around):
        grown = grow_packed(tile, blocks, columns, table, outer=not _are_narrow(gap))
    else:
        grown = grow_spans(tile, blocks, columns, values, around)
    if _are_narrow(gap) or _are_few(grown, gap, runs):
        ask_gaps(grown, table, tile, blocks, element, columns, shape)
    else:
        _ask_tree(grown, tile, int(element.metrics.rings.max()), values, around, shape)
    return grown.values[: tile.shape[0], : tile.shape[1]]


def _is_dense(blocks: Tiles, columns: Columns, runs: int, around: Window) -> bool:
    """Whether to grow the words of all blocks costs less than to grow runs."""
    y0, y1, x0, x1 = blocks.bounds
    rows = 2 * columns.reach + 1
    words = float(((y1 - y0) * -(-(x1 - x0) // BITS)) @ rows)
    # A run grows in each block that it may reach; runs are taken to be evenly spread.
    held = float(((y1 - y0 + rows) * (x1 - x0 + rows)) @ rows)
    return _WORD * words < _SPAN * held * runs / around.size


def _are_narrow(gap: float) -> bool:
    """Whether to ask all of so many pixels between elements costs less than to ask a tree, for each pixel in
    doubt.
    """
    return _PAIR * gap <= _TARGET


def _are_few(grown: Grown, gap: float, runs: int) -> bool:
    """Whether the pixels between elements are fewer than what a tree costs."""
    doubts = int(np.bitwise_count(grown.doubt).sum())
    # In a tree goes the rim of the selection.
    return _PAIR * gap * doubts <= _TARGET * doubts + _SOURCE * 4 * runs


def _ask_tree(grown: Grown, tile: Tile, rings: int, values: Bools, around: Window, shape: SkyShape) -> None:
    """Select the pixels in doubt that have one of the rim of the selection within the radius: where blocks
    are smooth, no others are ever nearest.
    """
    word, y = np.nonzero(grown.doubt)
    which, bit = list_set(grown.doubt[word, y].astype("<u8"))
    y, x = y[which], word[which] * BITS + bit
    # Of a box it is told block by block which pixels others hide.
    inner = hidden(tile.on(around), values, shape) if shape.box else surrounded(values, rings)
    rim = values & ~inner
    source_y, source_x = np.divmod(list_busy(rim.reshape(-1)), rim.shape[1])
    sources = unit(*tile.geom.lonlat(source_y + around.y0, source_x + around.x0))
    targets = unit(*tile.geom.lonlat(y + tile.window.y0, x + tile.window.x0))
    held = reached(targets, sources, shape)
    np.bitwise_or.at(grown.sure, (word[which][held], y[held]), np.uint32(1) << bit[held].astype(np.uint32))
