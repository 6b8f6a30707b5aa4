"""Growing a disk on smooth grids of any projection: between two certified shapes in the plane of pixels.

The metric of the sky is sampled in a block and round it, and bounded. That gives for the block a shape of
pixels surely within the radius and one of those perhaps within it: a straight line in the plane is no shorter
on the sky than the distance of its ends, and the shortest way on the sky is no shorter than the plane's
smallest scale makes it. Runs of selected pixels grow by both shapes, and the few pixels between the two
answers are asked exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..bits import Runs, add_spans, covered, runs
from ..coverage import EMPTY, FULL
from ..expr import Bools
from ..sphere import unit
from ..tiles import Tile, Tiles
from ..window import Window
from ._metric import Metrics, block_metrics
from ._sky_growth import Selection, SkyShape
from ._tree_growth import reached, surrounded

__all__ = ["grow_plane"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Sides of the blocks: small, that the metric varies little, but not smaller than the shape is large.
_SMALLEST = 8
_LARGEST = 256
# Spans made at once: bounds the memory.
_AT_ONCE = 1 << 20


class Rows(NamedTuple):
    """For each block, and each row of the shape (the middle one is row ``middle``), its first and last
    column, shape (blocks, rows).

    A block's own shapes have ``reach`` rows, shape (blocks,), on each side.
    """

    middle: int
    reach: Ints
    inner_first: Ints
    inner_last: Ints
    outer_first: Ints
    outer_last: Ints


def grow_plane(tile: Tile, radius: float, shape: SkyShape, selection: Selection) -> tuple[Bools, Tiles]:
    """Grow a disk on those blocks of a tile where the grid is smooth.

    Parameters
    ----------
    radius : float
        Radians.

    Returns
    -------
    values : ndarray of bool, shape (ny, nx)
        False in the blocks that are left.
    left : Tiles
        Blocks that have to be grown another way.
    """
    out = np.zeros(tile.shape, dtype=bool)
    blocks, metrics, left = block_metrics(tile, radius, _SMALLEST, _LARGEST)
    if len(blocks):
        padded = Tiles(tile.geom, _padded(blocks.bounds, metrics), tile.plane)
        cover = selection.cover(padded)
        for i in np.flatnonzero(cover == FULL):
            y0, y1, x0, x1 = blocks.tile(int(i)).window.shift(-tile.window.y0, -tile.window.x0)
            out[y0:y1, x0:x1] = True
        busy = (cover != FULL) & (cover != EMPTY)
        if busy.any():
            out |= _grow_blocks(tile, blocks.take(busy), metrics.take(busy), shape, selection)
    return out, left


def _padded(bounds: Ints, metrics: Metrics) -> Ints:
    rows, columns = metrics.reach
    return np.stack([bounds[0] - rows, bounds[1] + rows, bounds[2] - columns, bounds[3] + columns])


def _grow_blocks(tile: Tile, blocks: Tiles, metrics: Metrics, shape: SkyShape, selection: Selection) -> Bools:
    padded = _padded(blocks.bounds, metrics)
    around = Window(*(int(v) for v in (padded[0].min(), padded[1].max(), padded[2].min(), padded[3].max())))
    values = selection.values(tile.on(around))
    rows = _shape_rows(metrics)
    inner, outer = _spread(tile, blocks, rows, runs(values), around)
    y, x = np.nonzero(outer & ~inner)
    if len(y):
        hit = _ask(tile, y + tile.window.y0, x + tile.window.x0, values, around, shape)
        inner[y[hit], x[hit]] = True
    return inner


def _ask(tile: Tile, y: Ints, x: Ints, values: Bools, around: Window, shape: SkyShape) -> Bools:
    """Which pixels have a selected one within the radius; where blocks are square, only rims are ever
    nearest.
    """
    rim = values.copy()
    rim[1:-1, 1:-1] &= ~surrounded(values)
    source_y, source_x = np.nonzero(rim)
    targets = unit(*tile.geom.lonlat(y, x))
    sources = unit(*tile.geom.lonlat(source_y + around.y0, source_x + around.x0))
    return reached(targets, sources, shape)


def _shape_rows(metrics: Metrics) -> Rows:
    middle = int(metrics.reach[0].max())
    dy = np.arange(-middle, middle + 1)
    inner = metrics.columns(dy, inner=True)
    outer = metrics.columns(dy, inner=False)
    return Rows(middle, metrics.reach[0], *inner, *outer)


def _spread(tile: Tile, blocks: Tiles, rows: Rows, found: Runs, around: Window) -> tuple[Bools, Bools]:
    """Pixels of the blocks that runs surely reach, and those that they perhaps reach."""
    ny, nx = tile.shape
    inner = np.zeros((ny, nx + 1), dtype=np.int32)
    outer = np.zeros((ny, nx + 1), dtype=np.int32)
    block, run = _runs_of_blocks(blocks, rows, found, around)
    source = found.row[run] + around.y0
    top = np.maximum(blocks.bounds[0, block], source - rows.reach[block])
    bottom = np.minimum(blocks.bounds[1, block], source + rows.reach[block] + 1)
    number = np.maximum(bottom - top, 0)
    ends = np.cumsum(number)
    low = 0
    while low < len(number):
        done = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, done + _AT_ONCE, side="right")))
        part = np.repeat(np.arange(low, high), number[low:high])
        row = top[part] + np.arange(len(part)) - (ends[part] - number[part] - done)
        which = (block[part], row - source[part] + rows.middle)
        start, stop = found.start[run[part]] + around.x0, found.stop[run[part]] + around.x0
        bounds = blocks.bounds[:, block[part]]
        for depth, first, last in (
            (inner, rows.inner_first[which], rows.inner_last[which]),
            (outer, rows.outer_first[which], rows.outer_last[which]),
        ):
            some = first <= last
            begin = np.maximum(start + first, bounds[2])[some] - tile.window.x0
            end = np.minimum(stop + last, bounds[3])[some] - tile.window.x0
            add_spans(depth, Runs(row[some] - tile.window.y0, begin, end))
        low = high
    return covered(inner), covered(outer)


def _runs_of_blocks(blocks: Tiles, rows: Rows, found: Runs, around: Window) -> tuple[Ints, Ints]:
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
