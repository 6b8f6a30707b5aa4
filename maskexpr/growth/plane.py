"""Growing a disk on smooth grids of any projection: between two certified shapes in the plane of pixels.

The metric of the sky is sampled in a block and round it, and bounded. That gives for the block an element
(`columns`) of pixels surely within the radius and one of those perhaps within it. The selection grows by
both, by packed words or by its runs, whichever is cheaper, and the few pixels between the two answers are
asked exactly.
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
from .columns import Columns, columns_of
from .disk import Disk
from .gaps import ask_gaps, list_set
from .metric import Metrics, block_metrics
from .packed import BITS, Grown, Table, grow_packed
from .shape import Selection, SkyShape
from .spans import grow_spans
from .tree import reached, surrounded

__all__ = ["SmoothBlocks", "grow_plane", "smooth_blocks"]

# Sides of the blocks: small, that the metric varies little, but not smaller than the shape is large.
_SMALLEST = 8
_LARGEST = 256
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
    metrics: Metrics
    full: Ints
    around: Window | None


def smooth_blocks(tile: Tile, radius: float, selection: Selection) -> tuple[SmoothBlocks, Tiles]:
    """Find the blocks of a tile on which a disk can be grown in the plane, and the blocks that are left.

    Parameters
    ----------
    radius : float
        Radians.
    """
    blocks, metrics, left = block_metrics(tile, radius, _SMALLEST, _LARGEST)
    if not len(blocks):
        return SmoothBlocks(tile, blocks, metrics, blocks.bounds, None), left
    cover = selection.cover(Tiles(tile.geom, _padded(blocks.bounds, metrics), tile.plane))
    full = blocks.bounds[:, cover == FULL]
    busy = (cover != FULL) & (cover != EMPTY)
    blocks, metrics = blocks.take(busy), metrics.take(busy)
    around = None
    if len(blocks):
        y0, y1, x0, x1 = _padded(blocks.bounds, metrics)
        around = Window(int(y0.min()), int(y1.max()), int(x0.min()), int(x1.max()))
    return SmoothBlocks(tile, blocks, metrics, full, around), left


def _padded(bounds: Ints, metrics: Metrics) -> Ints:
    rows, columns = metrics.reach
    return np.stack([bounds[0] - rows, bounds[1] + rows, bounds[2] - columns, bounds[3] + columns])


def grow_plane(smooth: SmoothBlocks, shape: SkyShape, values: Callable[[Window], Bools]) -> Bools:
    """Grow a disk on the smooth blocks of a tile, shape (ny, nx): False in all others.

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
    tile, blocks, metrics = smooth.tile, smooth.blocks, smooth.metrics
    element = Disk(metrics)
    columns, table = columns_of(element), Table(tile, around, values)
    runs = table.runs
    if _is_dense(blocks, columns, runs, around):
        grown = grow_packed(tile, blocks, columns, table)
    else:
        grown = grow_spans(tile, blocks, columns, values, around)
    if _has_narrow_gaps(grown, columns, runs):
        ask_gaps(grown, table, tile, blocks, element, columns, shape)
    else:
        _ask_tree(grown, tile, int(metrics.rings.max()), values, around, shape)
    octets = grown.sure.view(np.uint8)
    out = np.unpackbits(octets, axis=1, count=tile.shape[1], bitorder="little").view(bool)
    return out[: tile.shape[0]]


def _is_dense(blocks: Tiles, columns: Columns, runs: int, around: Window) -> bool:
    """Whether to grow the words of all blocks costs less than to grow runs."""
    y0, y1, x0, x1 = blocks.bounds
    rows = 2 * columns.reach + 1
    words = float(((y1 - y0) * -(-(x1 - x0) // BITS)) @ rows)
    # A run grows in each block that it may reach; runs are taken to be evenly spread.
    held = float(((y1 - y0 + rows) * (x1 - x0 + rows)) @ rows)
    return _WORD * words < _SPAN * held * runs / around.size


def _has_narrow_gaps(grown: Grown, columns: Columns, runs: int) -> bool:
    """Whether the pixels between elements are fewer than what a tree costs."""
    doubts = int(np.bitwise_count(grown.doubt).sum())
    gap = float(columns.size(inner=False).mean() - columns.size(inner=True).mean())
    # In a tree goes the rim of the selection.
    return _PAIR * gap * doubts <= _TARGET * doubts + _SOURCE * 4 * runs


def _ask_tree(grown: Grown, tile: Tile, rings: int, values: Bools, around: Window, shape: SkyShape) -> None:
    """Select the pixels in doubt that have one of the rim of the selection within the radius: where blocks
    are smooth, no others are ever nearest.
    """
    y, word = np.nonzero(grown.doubt)
    which, bit = list_set(grown.doubt[y, word].astype("<u8"))
    y, x = y[which], word[which] * BITS + bit
    rim = values & ~surrounded(values, rings)
    source_y, source_x = np.divmod(list_busy(rim.reshape(-1)), rim.shape[1])
    sources = unit(*tile.geom.lonlat(source_y + around.y0, source_x + around.x0))
    targets = unit(*tile.geom.lonlat(y + tile.window.y0, x + tile.window.x0))
    held = reached(targets, sources, shape)
    np.bitwise_or.at(grown.sure, (y[held], word[which][held]), np.uint32(1) << bit[held].astype(np.uint32))
