"""`Hysteresis`: above a low threshold and connected to something above a high one."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, Self

import astropy.units as u
import numpy as np

from ..components.node import Connected, check_fields, inside_map
from ..core.arrays import Words
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.errors import MaskValueError, borrowed
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.lattice import Grid
from ..grid.points import Pixels
from ..grid.tiles import Areas, Tile, Tiles
from ..maps.levels import levels
from ..pixels.join import SEED, Largest, Rule, Table
from ..pixels.words import pack
from .threshold import Threshold

__all__ = ["Hysteresis"]

# If fewer pixels than one in so many are candidates, data are asked for these alone.
_FEW = 8


@node("hysteresis")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Hysteresis(Connected):
    """Pixels above a low threshold that are connected, by such pixels, to one above a high threshold.

    As ``skimage.filters.apply_hysteresis_threshold`` on the whole map, both comparisons strict; components
    also go on across the seam and the poles of an all-sky map.

    Parameters
    ----------
    data : DataArray, path, (path, hdu), gammapy Map or (array, geom)
        The map, as for `Threshold`.
    low, high : float or Quantity
        The thresholds, ``low <= high``.
    connectivity : {4, 8}
        Whether pixels that share a side are connected, or those that touch at a corner too.
    nan : {False, True, "raise"}
        The value of both thresholds where the data are NaN.
    outside : bool
        The value of both thresholds beyond the data (but on the map).
    linked : bool
        Whether components go on from plane to plane along non-spatial axes; else every plane is on its own.

    Raises
    ------
    MaskValueError
        If ``low`` is above ``high``, or for another connectivity; and as `Threshold` does.

    See Also
    --------
    Hysteresis.from_masks : the same of any two masks.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> geom = WcsGeom.create(npix=(9, 1), binsz=1)
    >>> data = np.array([[1.0, 2, 3, 2, 1, 2, 1, 3, 2]])
    >>> Hysteresis((data, geom), low=1.5, high=2.5)
    Hysteresis(Threshold(float64 (1, 9) > 1.5), Threshold(float64 (1, 9) > 2.5))
    """

    low: Mask
    high: Mask
    connectivity: int
    linked: bool

    def __init__(
        self,
        data: Any,
        low: Any,
        high: Any,
        connectivity: int = 4,
        nan: bool | Literal["raise"] = False,
        outside: bool = False,
        linked: bool = False,
    ) -> None:
        with borrowed("Hysteresis: low", MaskValueError, name="Hysteresis"):
            below = Threshold(data, ">", low, nan, outside)
        with borrowed("Hysteresis: high", MaskValueError, name="Hysteresis"):
            above = Threshold(data if isinstance(high, u.Quantity) else below.data, ">", high, nan, outside)
        if below.value > above.value:
            raise MaskValueError(f"Hysteresis: low={low} is above high={high}; exchange them")
        self._set(below, Threshold(below.data, ">", above.value, nan, outside), connectivity, linked)

    @classmethod
    def from_masks(cls, low: Mask, high: Mask, connectivity: int = 4, linked: bool = False) -> Self:
        """The components of one mask that hold a pixel of another (of both: ``high`` outside ``low`` is
        nothing).

        Examples
        --------
        >>> from maskexpr import AllSky, NoSky
        >>> Hysteresis.from_masks(low=AllSky(), high=NoSky(), connectivity=8)
        Hysteresis(AllSky, NoSky, connectivity=8)
        """
        made = cls.__new__(cls)
        made._set(low, high, connectivity, linked)
        return made

    def _set(self, low: Mask, high: Mask, connectivity: int, linked: bool) -> None:
        check_fields("Hysteresis", {"low": low, "high": high}, connectivity, linked)
        self._store(low=low, high=high, connectivity=int(connectivity), linked=linked)

    @classmethod
    def restore(cls, fields: dict[str, Any]) -> Self:
        return cls.from_masks(**fields)

    def label(self) -> str:
        options = self.options().removeprefix(", ")
        return f"Hysteresis({options})" if options else "Hysteresis"

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        low = inside_map(areas, of.coverage(self.low, areas))
        high = inside_map(areas, of.coverage(self.high, areas))
        sure = (low == FULL) & (high == FULL)
        return np.where(low == EMPTY, EMPTY, np.where(sure, FULL, MIXED)).astype(np.uint8)

    def candidates(self, tile: Tile, of: Ask) -> Bools:
        return of.values(self.low, tile)

    def candidates_in(self, tiles: Tiles, of: Ask) -> Coverage:
        return of.coverage(self.low, tiles)

    def bits(self, tile: Tile, of: Ask) -> tuple[Words, Words]:
        found = None
        if isinstance(self.low, Threshold) and isinstance(self.high, Threshold):
            found = levels((self.low, self.high), tile)
        if found is None:
            low = self.candidates(tile, of)
            return pack(low[None]), self._seeds(low, tile, of)
        return found[0], found[0] & found[1]

    def _seeds(self, low: Bools, tile: Tile, of: Ask) -> Words:
        """The candidates that the high mask selects too, as bits."""
        if not self.high.reads_data or np.count_nonzero(low) * _FEW > low.size:
            return pack((low & of.values(self.high, tile))[None])
        y, x = np.nonzero(low)
        # What is selected is on the sky; nobody has to look.
        on_sky = np.ones(len(y), dtype=bool)
        pixels = Pixels(tile.geom, tile.window.y0 + y, tile.window.x0 + x, tile.plane, on_sky)
        held = of.values(self.high, pixels)
        seeds = np.zeros_like(low)
        seeds[y[held], x[held]] = True
        return pack(seeds[None])

    def compares(self, geom: Grid) -> bool:
        return False

    def rule(self, geom: Grid) -> Rule:
        def has_seed(table: Table, largest: Largest) -> Bools:
            return np.asarray((table.flags & SEED) != 0)

        return has_seed
