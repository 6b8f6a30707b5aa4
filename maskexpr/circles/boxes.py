"""Small shapes on separable grids: every pixel in the box of a shape's bounding circle is asked.

Where a shape is a few pixels wide, to find out which blocks of pixels it leaves open costs more than to ask
all pixels round it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.trace import count
from ..grid.lattice import Grid
from ..grid.tiles import Tile
from ..pixels.ragged import ragged_ranges
from .spans import Disks, Strip, widest

__all__ = ["Inside", "is_small", "paint_boxes"]

Inside = Callable[[Floats, Indices], Bools]
"""Which of some points, shape (3, k), are in the shapes of the numbers that stand beside them."""

# Pixels of a box up to which it is asked as a whole.
_LARGEST: Final = 2000.0
# Pixels in one go: the working arrays stay in the cache.
_PIXELS: Final = 1 << 15


def is_small(geom: Grid, disks: Disks) -> Bools:
    """Which circles have a box of few pixels on a separable grid, shape (n,)."""
    columns = 2 * widest(disks) / abs(geom.lon_step) + 4
    rows = 2 * np.rad2deg(disks.radius) / float(np.min(geom.pixel_scales.value)) + 2
    return np.asarray(rows * columns <= _LARGEST)


def paint_boxes(tile: Tile, out: Bools, disks: Disks, inside: Inside) -> None:
    """Select the pixels of a tile that are in shapes, each of which lies in a circle that is small.

    Parameters
    ----------
    tile : Tile
        Of a separable grid.
    out : ndarray of bool
        Its pixels.
    disks : Disks
        Circles that hold the shapes, in the frame of the grid.
    inside : callable
        Asks pixels, by the numbers of the shapes among the circles.
    """
    y0, _, x0, x1 = tile.window
    strip = Strip(tile.geom, tile.window)
    low, high = strip.rows_of(disks)
    shape, middle, wide = strip.copies(disks)
    first = np.maximum(np.ceil(middle - wide), x0).astype(np.int64)
    width = np.maximum(np.minimum(np.floor(middle + wide) + 1, x1).astype(np.int64) - first, 0)
    # One run a row of a box, then one number a pixel of a run.
    box, row = ragged_ranges(low[shape], np.maximum(high - low, 0)[shape])
    ends = np.cumsum(width[box])
    cos_lon, sin_lon, cos_lat, sin_lat = strip.vectors
    run = 0
    while run < len(box):
        last = int(np.searchsorted(ends, (ends[run - 1] if run else 0) + _PIXELS, side="right"))
        some = slice(run, max(last, run + 1))
        run = some.stop
        which, x = ragged_ranges(first[box[some]], width[box[some]])
        at = row[some][which]
        column = x - (x0 - 2)
        xyz = np.stack([cos_lat[at] * cos_lon[column], cos_lat[at] * sin_lon[column], sin_lat[at]])
        count("pixels", len(x))
        hit = np.flatnonzero(inside(xyz, shape[box[some]][which]))
        out[strip.row[at[hit]] - y0, x[hit] - x0] = True
