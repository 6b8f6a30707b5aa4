"""Which windows of the lattice hold cells of a set, by parent cells."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import Ints
from ...pixels.window import Window
from ..lattice import OFF, ON, PART
from .cells import children
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
    """`maskexpr.grid.lattice.Grid.covers` of a map of some cells; of large windows ON may be missed."""
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
        parents = cells_in(cells.order - levels, around)
        parents = parents[parents >= 0]
        number = cells.number_in(levels, parents)
        if inner == window and len(number) and (number == 1 << 2 * levels).all():
            out[i] = ON
        elif _meets(cells, inner, levels, parents[number > 0]):
            out[i] = PART
    return out


def _meets(cells: CellSet, window: Window, levels: int, parents: Ints) -> bool:
    """Whether any cell of some parent cells, each of which holds one, is in a window: those that it cuts are
    asked by their children, as long as they are few.
    """
    while 0 < len(parents) <= _PARENTS:
        y0, y1, x0, x1 = window_of(cells.order, cells.order - levels, parents)
        if ((y0 >= window.y0) & (y1 <= window.y1) & (x0 >= window.x0) & (x1 <= window.x1)).any():
            return True
        cut = (y1 > window.y0) & (y0 < window.y1) & (x1 > window.x0) & (x0 < window.x1)
        # Single cells are in it or not.
        parents, levels = children(parents[cut]).ravel(), levels - 1
        parents = parents[cells.number_in(levels, parents) > 0] if len(parents) else parents
    return len(parents) > 0
