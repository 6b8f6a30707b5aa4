"""Which windows of the lattice hold cells of a set, by parent cells."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import Ints
from ...pixels.window import Window
from ..lattice import OFF, ON, PART
from .faces import SQUARES
from .sets import CellSet
from .staircase import cells_in, window_of

__all__ = ["covers_of", "extent_of"]

# Parent cells by which an extent is found, and along a side of a window, at most.
_PARENTS = 1 << 16
_SIDE = 32


@lru_cache(maxsize=64)
def extent_of(cells: CellSet) -> Window:
    """A window that holds all cells.

    Examples
    --------
    >>> extent_of(CellSet.of(1, [0, 1]))
    Window(y0=8, y1=9, x0=2, x1=4)
    """
    levels = 0
    while cells.parents(levels).number > _PARENTS:
        levels += 1
    held = cells.parents(levels)
    y0, y1, x0, x1 = window_of(cells.order, held.order, held.ids(0, held.number))
    return Window(int(y0.min()), int(y1.max()), int(x0.min()), int(x1.max()))


def covers_of(cells: CellSet, bounds: Ints) -> NDArray[np.uint8]:
    """`maskexpr.grid.lattice.Grid.covers` of a map of some cells; exact for small windows."""
    extent, whole = extent_of(cells), SQUARES << cells.order
    out = np.full(bounds.shape[1], OFF)
    y0, y1, x0, x1 = bounds
    near = (y1 > extent.y0) & (y0 < extent.y1) & (x1 > extent.x0) & (x0 < extent.x1) & (y0 < y1) & (x0 < x1)
    for i in np.flatnonzero(near):
        window = Window(*bounds[:, i].tolist())
        inner = window.intersect(Window(0, whole, 0, whole))
        levels = max(0, (max(inner.shape) // _SIDE).bit_length())
        # All parent cells that meet the window.
        more = (1 << levels) - 1
        around = Window(*(edge + up >> levels for edge, up in zip(inner, (0, more, 0, more), strict=True)))
        parents = cells_in(cells.order - levels, around) if levels <= cells.order else None
        out[i] = PART if parents is None else _held(cells, levels, parents[parents >= 0], inner == window)
    return out


def _held(cells: CellSet, levels: int, parents: Ints, is_inside: bool) -> np.uint8:
    number = cells.rank(parents + 1 << 2 * levels) - cells.rank(parents << 2 * levels)
    if not number.any():
        return OFF
    return ON if is_inside and (number == 1 << 2 * levels).all() else PART
