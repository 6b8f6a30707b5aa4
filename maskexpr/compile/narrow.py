"""Narrow: ask a mask that reads data only where the rest of a conjunction leaves something open."""

from __future__ import annotations

import numpy as np

from ..expr.mask import Ask, Bools, Mask
from ..expr.structure import Reach, postorder
from ..grid.tiles import Tile
from ..pixels.window import Window

__all__ = ["narrow"]

# Where fewer than one in so many pixels of their bounding box are left, they are asked one by one.
_SPARSE = 32


def narrow(mask: Mask, tile: Tile, out: Bools, of: Ask) -> None:
    """Deselect, in values of a tile, what a mask does not select.

    Parameters
    ----------
    mask : Mask
        It is asked in the box round the pixels that are selected so far, or, if these are few and it takes
        pixels one by one, at just these.
    out : ndarray of bool, shape (ny, nx)
        Values so far, not all False; changed in place.
    """
    rows, columns = np.flatnonzero(out.any(axis=1)), np.flatnonzero(out.any(axis=0))
    box = Window(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)
    part = out[box.y0 : box.y1, box.x0 : box.x1]
    if np.count_nonzero(part) * _SPARSE < part.size and _is_local(mask):
        y, x = np.nonzero(part)
        kept = of.values(mask, tile.pixels(y + box.y0 + tile.window.y0, x + box.x0 + tile.window.x0))
        part[y[~kept], x[~kept]] = False
    else:
        part &= of.values(mask, tile.on(box.shift(tile.window.y0, tile.window.x0)))


def _is_local(mask: Mask) -> bool:
    """Whether every pixel's value depends on that pixel alone."""
    return all(each.reach() == Reach() for each in postorder(mask))
