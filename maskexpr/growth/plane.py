"""Growing a disk on smooth grids of any projection: between two certified shapes in the plane of pixels.

The metric of the sky is sampled in a block and round it, and bounded. That gives for the block a shape of
pixels surely within the radius and one of those perhaps within it: a straight line in the plane is no shorter
on the sky than the distance of its ends, and the shortest way on the sky is no shorter than the plane's
smallest scale makes it. Runs of selected pixels grow by both shapes, and the few pixels between the two
answers are asked exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL
from ..expr.mask import Bools
from ..grid.tiles import Tile, Tiles
from ..pixels.paint import list_busy, paint_short
from ..pixels.window import Window
from ..pixels.words import find_runs, padded_shape
from ..sphere.vectors import unit
from .metric import Metrics, block_metrics
from .shape import Selection, SkyShape
from .tree import reached, surrounded

__all__ = ["SmoothBlocks", "grow_plane", "smooth_blocks"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Smalls = NDArray[np.int32]

# Sides of the blocks: small, that the metric varies little, but not smaller than the shape is large.
_SMALLEST = 8
_LARGEST = 256
# Spans made at once: they stay in the cache.
_AT_ONCE = 1 << 15
# Where a shape has no column in a row: the first is after the last however long a run is.
_NONE = 1 << 29
# Pixels surely within the radius of a selected one, and those perhaps.
_SURE, _PERHAPS = 3, 1
_ONES = np.uint64(0x0101010101010101)


class RowRuns(NamedTuple):
    """Runs of selected pixels along rows of a window: ``start <= x < stop``, ordered by row and start."""

    row: Ints
    start: Ints
    stop: Ints


class ShapeRows(NamedTuple):
    """For each block, and each row of the shape (the middle one is row ``middle``), its first and last
    column, shape (blocks, rows); the first is after the last where there is none.

    A block's own shapes have ``reach`` rows, shape (blocks,), on each side.
    """

    middle: int
    reach: Ints
    inner_first: Smalls
    inner_last: Smalls
    outer_first: Smalls
    outer_last: Smalls


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
    tile, metrics = smooth.tile, smooth.metrics
    state = _spread(tile, smooth.blocks, _shape_rows(metrics), _runs(values), around)
    place = _doubtful(state)
    sure: Bools = np.greater(state, _PERHAPS, out=state.view(bool))
    if len(place):
        y, x = np.divmod(place, tile.shape[1])
        y, x = y + tile.window.y0, x + tile.window.x0
        rim = values & ~surrounded(values, int(metrics.rings.max()))
        sure[place[_ask(tile, y, x, rim, around, shape)]] = True
    return sure[: tile.window.size].reshape(tile.shape)


def _doubtful(state: NDArray[np.uint8]) -> Ints:
    """Places that are perhaps and not surely within the radius."""
    words = state.view(np.uint64)
    # A byte of 1 has the lowest bit set and not the next.
    found = words >> np.uint64(1)
    np.invert(found, out=found)
    found &= words
    found &= _ONES
    return list_busy(found)


def _ask(tile: Tile, y: Ints, x: Ints, rim: Bools, around: Window, shape: SkyShape) -> Bools:
    """Which pixels have one of the rim of the selection within the radius: where blocks are smooth, no others
    are ever nearest.
    """
    source_y, source_x = np.divmod(list_busy(rim.reshape(-1)), rim.shape[1])
    targets = unit(*tile.geom.lonlat(y, x))
    sources = unit(*tile.geom.lonlat(source_y + around.y0, source_x + around.x0))
    return reached(targets, sources, shape)


def _runs(values: Bools) -> RowRuns:
    width = padded_shape((1, *values.shape))[-1]
    start, stop = (each.astype(np.int64) for each in find_runs(values[None]))
    row = start // width
    return RowRuns(row, start - row * width, stop - row * width)


def _shape_rows(metrics: Metrics) -> ShapeRows:
    middle = int(metrics.reach[0].max())
    dy = np.arange(-middle, middle + 1)
    return ShapeRows(
        middle, metrics.reach[0], *_columns(metrics, dy, inner=True), *_columns(metrics, dy, inner=False)
    )


def _columns(metrics: Metrics, dy: Ints, inner: bool) -> tuple[Smalls, Smalls]:
    first, last = metrics.columns(dy, inner)
    none = first > last
    return _small(np.where(none, _NONE, first)), _small(np.where(none, -_NONE, last))


def _spread(tile: Tile, blocks: Tiles, rows: ShapeRows, found: RowRuns, around: Window) -> NDArray[np.uint8]:
    """What runs reach of the blocks: for each pixel of the tile `_SURE`, `_PERHAPS` or 0, in a flat array of
    whole words.
    """
    state = np.zeros(-(-tile.window.size // 8) * 8, dtype=np.uint8)
    block, run = _runs_of_blocks(blocks, rows, found, around)
    # Those of like reach together.
    order = np.argsort(rows.reach[block], kind="stable")
    block, run = block[order], run[order]
    reach = rows.reach[block]
    row = _small(found.row[run] + (around.y0 - tile.window.y0))
    start, stop = (_small(each[run] + (around.x0 - tile.window.x0)) for each in (found.start, found.stop))
    corner = np.array([tile.window.y0] * 2 + [tile.window.x0] * 2)
    y0, y1, x0, x1 = _small(blocks.bounds - corner[:, None])[:, block, None]
    each = max(1, _AT_ONCE // (2 * rows.middle + 1))
    # What is surely reached is painted last, over what perhaps is.
    for value, first, last in (
        (_PERHAPS, rows.outer_first, rows.outer_last),
        (_SURE, rows.inner_first, rows.inner_last),
    ):
        for low in range(0, len(run), each):
            part = slice(low, low + each)
            most = int(reach[part][-1])
            table = slice(rows.middle - most, rows.middle + most + 1)
            begin = np.maximum(start[part, None] + first[block[part], table], x0[part])
            length = np.minimum(stop[part, None] + last[block[part], table], x1[part]) - begin
            target = row[part, None] + np.arange(-most, most + 1, dtype=np.int32)
            some = (length > 0) & (target >= y0[part]) & (target < y1[part])
            place = target[some].astype(np.int64) * tile.shape[1] + begin[some]
            paint_short(state, place, length[some], value)
    return state


def _small(each: Ints) -> Smalls:
    """Rows or columns, of which there are never so many that they need 64 bits."""
    return each.astype(np.int32)


def _runs_of_blocks(blocks: Tiles, rows: ShapeRows, found: RowRuns, around: Window) -> tuple[Ints, Ints]:
    """Pairs of a block and a run that may reach it."""
    y0, y1, x0, x1 = blocks.bounds
    height = y1 - y0 + 2 * rows.reach
    block = np.repeat(np.arange(len(blocks)), height)
    row = (
        y0[block] - rows.reach[block] + np.arange(len(block)) - np.repeat(np.cumsum(height) - height, height)
    )
    first, last = rows.outer_first.min(axis=1), rows.outer_last.max(axis=1)
    inside = (row >= around.y0) & (row < around.y1)
    block, row = block[inside], row[inside]
    # One sorted list of all rows' runs: the place in it is the row's number times a width that nothing
    # exceeds.
    wide = np.int64(around.shape[1] + 2)
    base = (row - around.y0) * wide
    low = np.clip(x0 - last - around.x0, 0, around.shape[1])[block]
    high = np.clip(x1 - first - around.x0, 0, around.shape[1])[block]
    begin = np.searchsorted(found.row * wide + found.stop, base + low, side="right")
    end = np.searchsorted(found.row * wide + found.start, base + high, side="left")
    number = np.maximum(end - begin, 0)
    run = np.repeat(begin - (np.cumsum(number) - number), number) + np.arange(int(number.sum()))
    return np.repeat(block, number), run
