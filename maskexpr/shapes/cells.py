"""Cells of HEALPix as a shape: what a MOC is among regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..core.arrays import Bools, Floats, Ints
from ..core.coverage import Coverage
from ..core.once import once
from ..core.records import record
from ..grid.healpix.cover import CellCover
from ..grid.healpix.mocs import checked_cells
from ..grid.points import Points
from ..sphere.vectors import Caps
from .base import Shape, store

__all__ = ["CellUnion"]


@record("cells")
@dataclass(frozen=True, eq=False)
class CellUnion(Shape):
    """The sky in some nested cells in ICRS, given as half-open ranges of cells of one order."""

    ranges: Ints
    order: int

    def __init__(self, ranges: ArrayLike, order: int) -> None:
        checked, order = checked_cells(ranges, order, "cells")
        store(self, ranges=checked, order=order)

    @property
    def frame(self) -> str:  # type: ignore[override]  # the only one that MOCs have
        """ICRS."""
        return "icrs"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CellUnion):
            return NotImplemented
        return self.order == other.order and np.array_equal(self.ranges, other.ranges)

    def __hash__(self) -> int:
        return hash((self.order, self.ranges.tobytes()))

    @once
    def _cover(self) -> CellCover:
        return CellCover(self.ranges, self.order, self.frame)

    def inside(self, xyz: Floats, frame: str) -> Bools:
        """See `Shape.inside`; a position between cells is in one of them."""
        return self._cover.inside(Points(xyz, frame))

    def coverage(self, caps: Caps, frame: str) -> Coverage:
        """See `Shape.coverage`."""
        return self._cover.cover_caps(caps, frame)

    def text(self) -> str:
        """See `Shape.text`; DS9 has no word for it."""
        return f"cells of order {self.order}, {len(self.ranges)} ranges"
