"""`FillHoles`: a mask with its holes filled."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..components.areas import Area, area_of, area_text, limit
from ..components.node import Connected, check_fields, inside_map
from ..core.coverage import MIXED, Coverage, invert
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.lattice import Grid
from ..grid.rim import topology
from ..grid.tiles import Areas, Tile, Tiles
from ..pixels.join import EDGE, Largest, Rule, Table

__all__ = ["FillHoles"]


@node("fill_holes")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class FillHoles(Connected):
    """A mask with its holes filled: the components of what it leaves out that do not touch the map's edge.

    A map that holds the whole sky has no edge (its seam and its poles are none). There every component of
    what the mask leaves out can be a hole: those up to ``max_area``, or, without that, all but the one of
    largest solid angle.

    Parameters
    ----------
    mask : Mask
        The mask.
    max_area : Quantity or str, optional
        Holes larger than this stay: a solid angle (``"0.1 deg2"``; true solid angles of the pixels) or a
        number of pixels (``20 * u.pix**2``, or ``20 * u.pix``). On linked planes the areas of all planes are
        added up.
    connectivity : {4, 8}
        Connectivity of the *holes*: with 4 a hole does not leak through a corner at which two selected pixels
        touch.
    linked : bool
        Whether holes go on from plane to plane along non-spatial axes; else every plane is on its own. The
        first and the last plane are no edge: a hole may reach them.

    Raises
    ------
    AngleError
        If ``max_area`` has no unit of area.
    MaskValueError
        If it is negative or not finite, or for another connectivity.

    Examples
    --------
    >>> from maskexpr import AllSky
    >>> FillHoles(AllSky(), "0.1 deg2").label()
    'FillHoles(max_area=0.1 deg2)'
    """

    mask: Mask
    max_area: Area | None
    connectivity: int
    linked: bool

    def __init__(self, mask: Mask, max_area: Any = None, connectivity: int = 4, linked: bool = False) -> None:
        check_fields("FillHoles", {"mask": mask}, connectivity, linked)
        area = None if max_area is None else limit(max_area, "max_area")
        self._store(mask=mask, max_area=area, connectivity=int(connectivity), linked=linked)

    def arguments(self) -> dict[str, Any]:
        return {
            **super().arguments(),
            "max_area": None if self.max_area is None else area_text(self.max_area),
        }

    def label(self) -> str:
        area = "" if self.max_area is None else f", max_area={area_text(self.max_area)}"
        options = (area + self.options()).removeprefix(", ")
        return f"FillHoles({options})" if options else "FillHoles"

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        # What is full stays full; what is empty may be a hole.
        return np.maximum(inside_map(areas, of.coverage(self.mask, areas)), MIXED).astype(np.uint8)

    def candidates(self, tile: Tile, of: Ask) -> Bools:
        left = ~of.values(self.mask, tile)
        return left if tile.on_sky is None else left & tile.on_sky

    def candidates_in(self, tiles: Tiles, of: Ask) -> Coverage:
        return invert(of.coverage(self.mask, tiles))

    def area_unit(self, geom: Grid) -> str | None:
        if self.max_area is not None:
            return self.max_area[1]
        return "deg2" if topology(geom).edgeless else None

    def compares(self, geom: Grid) -> bool:
        return self.max_area is None and topology(geom).edgeless

    def rule(self, geom: Grid) -> Rule:
        most = None if self.max_area is None else area_of(geom, self.max_area, upper=True)
        edgeless = topology(geom).edgeless

        def is_hole(table: Table, largest: Largest) -> Bools:
            hole = (table.flags & EDGE) == 0
            if most is not None:
                hole &= table.area <= most
            elif edgeless:
                hole &= table.first != largest.first
            return np.asarray(hole)

        return is_hole

    def paint_rest(self, tile: Tile, out: Bools, of: Ask) -> None:
        of.paint(self.mask, tile, out)
