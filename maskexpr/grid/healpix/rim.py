"""Where cells of a HEALPix map touch others that they do not touch on the lattice, and where the map ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from ...pixels.window import Window
from ..lattice import Rim
from .cells import neighbours
from .faces import COLUMN, ROW, SQUARES
from .sets import CellSet
from .staircase import cells_at, cells_in, place_of

__all__ = ["rim_of"]

Ints = NDArray[np.int64]


def rim_of(cells: CellSet, window: Window, corners: bool) -> Rim:
    """The steps from cells of a window to others that are no neighbours on the lattice, and those that leave
    the map. Only cells at the sides of faces and beside the end of the map have any.

    Parameters
    ----------
    cells : CellSet
        The cells of the map.
    window : Window
        Pixels of the lattice.
    corners : bool
        Whether cells that touch at a corner are neighbours too.
    """
    order, nx = cells.order, SQUARES << cells.order
    y, x = np.concatenate([_at_faces(order, window), _at_end(cells, window)], axis=1)
    y, x = np.unique(np.stack([y, x]), axis=1)
    here = cells_at(order, y, x)
    held = cells.holds(here)
    y, x, here = y[held], x[held], here[held]
    near = neighbours(order, here)
    near = near if corners else near[:, ::2]
    start, way = np.nonzero(near >= 0)
    to = near[start, way]
    to_y, to_x = place_of(order, to)
    down, across = np.abs(to_y - y[start]), np.abs(to_x - x[start])
    # Over a corner of the lattice two cells may share a side.
    far = np.maximum(down, across) > 1 if corners else down + across > 1
    on_map = cells.holds(to)
    some = far | ~on_map
    start = start[some]
    target = np.where(on_map, to_y * nx + to_x, -1)[some]
    return Rim(y[start], x[start], target, target < 0)


def _at_faces(order: int, window: Window) -> Ints:
    """Rows and columns of the pixels of a window along the sides of faces, shape (2, n)."""
    side = 1 << order
    found = [np.empty((2, 0), dtype=np.int64)]
    for row, column in zip((ROW * side).tolist(), (COLUMN * side).tolist(), strict=True):
        whole = Window(row, row + side, column, column + side)
        for part in (
            whole._replace(y1=row + 1),
            whole._replace(y0=whole.y1 - 1),
            whole._replace(x1=column + 1),
            whole._replace(x0=whole.x1 - 1),
        ):
            y0, y1, x0, x1 = part.intersect(window)
            found.append(np.mgrid[y0:y1, x0:x1].reshape(2, -1))
    return np.concatenate(found, axis=1)


def _at_end(cells: CellSet, window: Window) -> Ints:
    """Rows and columns of the cells of a window beside cells that the map lacks, shape (2, n)."""
    if cells.is_whole:
        return np.empty((2, 0), dtype=np.int64)
    around = cells_in(cells.order, window.pad(1))
    # What is off the sky has the sides of faces between.
    held = cells.holds(around) | (around < 0)
    inner = minimum_filter(held, size=3, mode="nearest")[1:-1, 1:-1]
    y, x = np.nonzero(held[1:-1, 1:-1] & ~inner & (around[1:-1, 1:-1] >= 0))
    return np.stack([y + window.y0, x + window.x0])
