"""A pyramid of all-sky maps in plate carree, in tiles; the pixels of level n are 360 / 2**(9 + n) deg."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..core.errors import MaskTypeError, MaskValueError
from ..core.once import once
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window

__all__ = ["DEEPEST", "SIDE", "Pyramid"]

SIDE: Final = 256
"""Pixels along a side of a tile."""
DEEPEST: Final = 12
"""The last level of any mask: pixels of 0.6 arcseconds."""
# Pixels of a row of tiles at a pole with what nodes must see round it, at most; there a radius is all
# longitudes.
_MOST: Final = 1 << 24
# The last level of masks that are about the whole map.
_WHOLE: Final = 1


@dataclass(frozen=True)
class Pyramid:
    """The levels of a mask.

    Parameters
    ----------
    mask : Mask
        The mask; it may not vary along axes.
    values : callable
        ``values(mask, geom, window)`` evaluates a mask on a window of a map.
    frame : str
        Of the maps.
    """

    mask: Mask
    values: Callable[[Mask, WcsGeom, Window], Bools]
    frame: str = "galactic"

    def __post_init__(self) -> None:
        WcsGeom.allsky(binsz=90, frame=self.frame)  # refuses a frame that no map has
        if any(each.axes() for each in postorder(self.mask)):
            raise MaskTypeError("a mask that varies along an axis cannot be browsed: leave out the AxisRange")

    @once
    def deepest(self) -> int:
        """The last level, so that the work of a tile is bounded."""
        reaches = [each.reach() for each in postorder(self.mask)]
        if any(each.everywhere for each in reaches):
            return _WHOLE
        degrees, pixels = sum(each.degrees for each in reaches), sum(each.pixels for each in reaches)
        level = DEEPEST
        while level and (degrees or pixels) and self._polar(level, degrees, pixels) > _MOST:
            level -= 1
        return level

    def _polar(self, level: int, degrees: float, pixels: int) -> float:
        width: float = 2 * SIDE * 2.0**level
        return width * (SIDE + 2 * (degrees * width / 360 + pixels))

    def geom(self, level: int) -> WcsGeom:
        """The map of a level."""
        if not 0 <= level <= self.deepest:
            raise MaskValueError(f"there is no level {level}; the levels are 0 to {self.deepest}")
        return WcsGeom.allsky(binsz=360 / (2 * SIDE * 2**level), frame=self.frame)

    def tile(self, level: int, row: int, column: int) -> Bools:
        """Values of a tile, the first row in the south."""
        geom = self.geom(level)
        if not (0 <= row < 2**level and 0 <= column < 2 ** (level + 1)):
            raise MaskValueError(f"there is no tile ({row}, {column}) on level {level}")
        y, x = row * SIDE, column * SIDE
        return self.values(self.mask, geom, Window(y, y + SIDE, x, x + SIDE))

    def at(self, level: int, y: int, x: int, nodes: list[Mask]) -> list[bool]:
        """Which of some nodes select a pixel."""
        geom = self.geom(level)
        ny, nx = geom.image_shape
        if not (0 <= y < ny and 0 <= x < nx):
            raise MaskValueError(f"there is no pixel ({y}, {x}) on level {level}")
        return [bool(self.values(each, geom, Window(y, y + 1, x, x + 1))[0, 0]) for each in nodes]
