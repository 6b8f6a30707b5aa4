"""Where cells of a HEALPix map touch others that they do not touch on the lattice, and where the map ends."""

from __future__ import annotations

import numpy as np
import scipy

from ...core.arrays import Ints
from ...pixels.window import Window
from ..lattice import Rim
from .cells import children, neighbours
from .faces import COLUMN, ROW, SQUARES, WAYS
from .sets import CellSet
from .staircase import cells_at, cells_in, place_of

__all__ = ["rim_of", "sides_of"]


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
    ways = slice(None) if corners else slice(None, None, 2)
    near, is_side = neighbours(order, here)[:, ways], (np.arange(8) % 2 == 0)[ways]
    start, way = np.nonzero(near >= 0)
    to = near[start, way]
    to_y, to_x = place_of(order, to)
    down, across = np.abs(to_y - y[start]), np.abs(to_x - x[start])
    # Over a corner of the lattice two cells may share a side.
    far = np.where(is_side[way], down + across, np.maximum(down, across)) > 1
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
    inner = scipy.ndimage.minimum_filter(held, size=3, mode="nearest")[1:-1, 1:-1]
    y, x = np.nonzero(held[1:-1, 1:-1] & ~inner & (around[1:-1, 1:-1] >= 0))
    return np.stack([y + window.y0, x + window.x0])


def sides_of(cells: CellSet) -> tuple[Ints, Ints, Ints, Ints]:
    """Sides of cells along which a map ends: rows, columns, whether a side runs along the row, and on which
    side of the centre it lies, see `maskexpr.grid.lattice.Grid.edge_sides`.
    """
    ids = _near_end(cells)
    near = neighbours(cells.order, ids)[:, ::2]
    place, way = np.nonzero(~cells.holds(near))
    y, x = place_of(cells.order, ids[place])
    dx, dy = np.array(WAYS[::2])[way].T
    return y, x, np.abs(dy), dx + dy


def _near_end(cells: CellSet) -> Ints:
    """Cells of a map of which a neighbour may be none, by descent from parent cells."""
    if cells.is_whole:
        return np.empty(0, dtype=np.int64)
    levels = cells.order
    ids: Ints = np.arange(12)
    while True:
        number, full = cells.number_in(levels, ids), 1 << 2 * levels
        near = neighbours(cells.order - levels, ids)
        # A parent cell among others that are full has no end in it.
        inner = (number == full) & ((near < 0) | (cells.number_in(levels, near) == full)).all(axis=1)
        ids = ids[(number > 0) & ~inner]
        if levels == 0:
            return ids
        ids, levels = children(ids).ravel(), levels - 1
