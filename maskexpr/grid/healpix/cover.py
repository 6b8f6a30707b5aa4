"""Sets of cells, asked about positions and areas of the sky."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import Ints
from ...core.coverage import EMPTY, FULL, MIXED, Coverage, merge
from ...core.once import once
from ...sphere.vectors import TIE, Caps, rotate, rotation
from ..points import Points
from ..tiles import Areas
from .areas import Cells, deepest_within
from .cells import cells_at, cells_of, neighbours
from .faces import number_of
from .lookup import Lookup
from .ranges import meeting

__all__ = ["CellCover"]


class CellCover:
    """The sky in some cells of one order.

    Parameters
    ----------
    ranges : ndarray of int64, shape (n, 2)
        Merged ranges of cells.
    order : int
        Their order.
    frame : str
        Their frame.
    """

    def __init__(self, ranges: Ints, order: int, frame: str) -> None:
        self._ranges = ranges
        self._order = order
        self._frame = frame

    @once
    def _lookup(self) -> Lookup:
        return Lookup(self._ranges, number_of(self._order))

    def inside(self, points: Points) -> NDArray[np.bool_]:
        """Which points are in one of the cells, shape (n,)."""
        # On a border between cells the last bit is anything, so that all of it goes to the northern ones.
        if points.frame == self._frame and points.lonlat is not None:
            return self._lookup.holding(cells_at(self._order, *points.lonlat, TIE))
        north = points.in_frame(self._frame) + np.array([[0.0], [0.0], [TIE]])
        return self._lookup.holding(cells_of(self._order, north))

    def coverage(self, areas: Areas) -> Coverage:
        """Coverage of areas: of cells as they are, of others by the caps round them."""
        if isinstance(areas, Cells) and areas.frame == self._frame:
            return self._of_cells(areas.order, areas.ids)
        return self.cover_caps(areas.caps, areas.frame)

    def cover_caps(self, caps: Caps, frame: str) -> Coverage:
        """Coverage of caps, given in a frame, by the cells round them."""
        radius = caps.radius
        cover = np.where(radius < 0, EMPTY, MIXED).astype(np.uint8)
        # Nothing of a cap is beyond the neighbours of the cell that holds its centre, of cells that are large
        # enough; of the whole sphere nothing is known.
        order = deepest_within(radius)
        known = (radius >= 0) & (order >= 0)
        centre = rotate(rotation(frame, self._frame), caps.centre)
        for each in np.unique(order[known]):
            some = np.flatnonzero(known & (order == each))
            home = cells_of(int(each), centre[:, some])
            around = np.concatenate([home[:, None], neighbours(int(each), home)], axis=1)
            states = self._of_cells(int(each), np.where(around < 0, home[:, None], around).reshape(-1))
            cover[some] = merge(states.reshape(around.shape), axis=1)
        return cover

    def _of_cells(self, order: int, ids: Ints) -> Coverage:
        """Coverage of cells of any order."""
        deeper = max(order - self._order, 0)
        shift, cells = 2 * max(self._order - order, 0), ids >> 2 * deeper
        some, every = meeting(self._ranges, cells << shift, (cells + 1) << shift)
        return np.where(every, FULL, np.where(some, MIXED, EMPTY)).astype(np.uint8)
