"""Several thresholds of one map as bits, in one sweep over its values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.arrays import Words
from ..grid.tiles import Tile
from ..pixels.window import Window
from ..pixels.words import empty_words, pack_rows
from .leaf import DataPixels, FromData
from .reader import Reader, offset

__all__ = ["levels"]

# Pixels that are compared at a time: they stay in a large cache while one threshold follows the other. Of
# smaller bands the calls cost more than a smaller cache gains.
_BAND = 1 << 19


def levels(thresholds: Sequence[FromData], tile: Tile) -> list[Words] | None:
    """What each of some thresholds of one map selects in a tile, as bits of the padded block (1, ny, nx).

    Parameters
    ----------
    thresholds : sequence of FromData
        At least one leaf that compares each value of one map with a number.

    Returns
    -------
    list of words, or None
        None unless the tile is on the sky, and a window of the one map that all of them ask.
    """
    source, grid = thresholds[0].data, thresholds[0].grid
    shift = offset(tile.geom, grid)
    if shift is None or tile.on_sky is not None or any(each.data is not source for each in thresholds):
        return None
    window, (ny, nx) = tile.window.shift(*shift), grid.image_shape
    if window.intersect(Window(0, ny, 0, nx)) != window or grid.map_in(window) is not None:
        return None
    plane = thresholds[0].plane_of(tile, grid)
    values = Reader(source, plane).window(window)
    y, x = np.arange(window.y0, window.y1)[:, None], np.arange(window.x0, window.x1)[None, :]
    y, x = np.broadcast_arrays(y, x)
    shape = (1, *tile.shape)
    found = [empty_words(shape) for _ in thresholds]
    height = max(1, _BAND // tile.shape[1])
    for first in range(0, len(values), height):
        rows = slice(first, first + height)
        pixels = DataPixels(tile, plane, y[rows], x[rows])
        for each, words in zip(thresholds, found, strict=True):
            pack_rows(each.judge(values[rows], pixels), words[0, first:])
    return [words.reshape(-1) for words in found]
