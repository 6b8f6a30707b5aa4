"""`RemoveSmall`: without the components that are too small."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..components.areas import Area, area_of, area_text, largest_pixel, limit
from ..components.node import Connected, check_fields, inside_map
from ..core.coverage import MIXED, Coverage
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.lattice import Grid
from ..grid.tiles import Areas, Tile, Tiles
from ..pixels.join import Largest, Rule, Table

__all__ = ["RemoveSmall"]


@node("remove_small")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class RemoveSmall(Connected):
    """A mask without its connected components of less than an area.

    Components are those of the map: beyond it nothing is selected, so a component that the map's edge cuts
    counts with the part on the map. They go on across the seam and the poles of an all-sky map.

    Parameters
    ----------
    mask : Mask
        The mask.
    min_area : Quantity or str
        Components smaller than this are dropped: a solid angle (``"0.1 deg2"``; true solid angles of the
        pixels) or a number of pixels (``20 * u.pix**2``, or ``20 * u.pix``). On linked planes the areas of
        all planes are added up.
    connectivity : {4, 8}
        Whether pixels that share a side are connected, or those that touch at a corner too.
    linked : bool
        Whether components go on from plane to plane along non-spatial axes; else every plane is on its own.

    Raises
    ------
    AngleError
        If ``min_area`` has no unit of area.
    MaskValueError
        If it is negative or not finite, or for another connectivity.

    Examples
    --------
    >>> from maskexpr import AllSky
    >>> RemoveSmall(AllSky(), "0.1 deg2").label()
    'RemoveSmall(min_area=0.1 deg2)'
    """

    mask: Mask
    min_area: Area
    connectivity: int
    linked: bool

    def __init__(self, mask: Mask, min_area: Any, connectivity: int = 4, linked: bool = False) -> None:
        check_fields("RemoveSmall", {"mask": mask}, connectivity, linked)
        area = limit(min_area, "min_area")
        self._store(mask=mask, min_area=area, connectivity=int(connectivity), linked=linked)

    def arguments(self) -> dict[str, Any]:
        return {**super().arguments(), "min_area": area_text(self.min_area)}

    def label(self) -> str:
        return f"RemoveSmall(min_area={area_text(self.min_area)}{self.options()})"

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        # A full tile may still be part of a small component.
        return np.minimum(inside_map(areas, of.coverage(self.mask, areas)), MIXED).astype(np.uint8)

    def candidates(self, tile: Tile, of: Ask) -> Bools:
        return of.values(self.mask, tile)

    def candidates_in(self, tiles: Tiles, of: Ask) -> Coverage:
        return of.coverage(self.mask, tiles)

    def area_unit(self, geom: Grid) -> str:
        return self.min_area[1]

    def drops_single(self, geom: Grid) -> bool:
        return largest_pixel(geom, self.min_area[1]) < area_of(geom, self.min_area, upper=False)

    def compares(self, geom: Grid) -> bool:
        return False

    def rule(self, geom: Grid) -> Rule:
        least = area_of(geom, self.min_area, upper=False)

        def large_enough(table: Table, largest: Largest) -> Bools:
            return np.asarray(table.area >= least)

        return large_enough
