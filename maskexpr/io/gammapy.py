"""gammapy's maps as arrays that know their grid, and back; and masks as other packages mean them."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.errors import MaskTypeError, require
from ..grid.healpix.gammapy import nested_of_gammapy
from ..grid.healpix.geom import HpxGeom
from ..grid.wcs.geom import WcsGeom
from .xarray import geom_of_values, wrap

__all__ = [
    "as_gammapy_has_it",
    "from_gammapy_map",
    "is_gammapy_map",
    "is_nddata",
    "to_gammapy_map",
]


def is_gammapy_map(value: Any) -> bool:
    """Whether an object is a map of gammapy, found out without importing gammapy.

    Examples
    --------
    >>> is_gammapy_map("a map")
    False
    """
    return any(
        each.__module__.startswith("gammapy.maps.") and each.__name__ == "Map" for each in type(value).__mro__
    )


def is_nddata(value: Any) -> bool:
    """Whether an object is an ``NDData`` (CCDData, ...), found out without importing it.

    Examples
    --------
    >>> is_nddata("a map")
    False
    """
    return any(
        each.__module__.startswith("astropy.nddata.") and each.__name__ == "NDData"
        for each in type(value).__mro__
    )


def from_gammapy_map(skymap: Any) -> xr.DataArray:
    """A gammapy ``WcsNDMap`` or ``HpxNDMap`` as a DataArray on the same memory, unless that is in RING order.

    Parameters
    ----------
    skymap : gammapy.maps.WcsNDMap or HpxNDMap
        The map.

    Raises
    ------
    MaskTypeError
        For another kind of map.
    """
    kind = type(skymap).__name__
    unit = str(skymap.unit) if is_gammapy_map(skymap) else ""
    attrs = {"units": unit} if unit else None
    if is_gammapy_map(skymap) and kind == "WcsNDMap":
        return wrap(skymap.data, WcsGeom.from_gammapy(skymap.geom), attrs=attrs)
    if is_gammapy_map(skymap) and kind == "HpxNDMap":
        geom, data, place = HpxGeom.from_gammapy(skymap.geom), np.asarray(skymap.data), _places(skymap.geom)
        return wrap(data if place is None else data[..., place], geom, attrs=attrs)
    raise MaskTypeError(f"expected a gammapy WcsNDMap or HpxNDMap, got {kind}")


def _places(geom: Any) -> Ints | None:
    """Where in the maps of a gammapy ``HpxGeom`` the nested cells are, one after the other; None where the
    maps are in that order.
    """
    if geom.nest and geom.is_allsky:
        return None
    ids = nested_of_gammapy(geom)
    return None if (np.diff(ids) > 0).all() else np.argsort(ids)


def as_gammapy_has_it(values: NDArray[Any], geom: Any) -> NDArray[Any]:
    """Values on the grid of a gammapy geometry, those of nested cells in the order of its own maps."""
    place = _places(geom) if type(geom).__name__ == "HpxGeom" else None
    if place is None:
        return values
    out = np.empty_like(values)
    out[..., place] = values
    return out


def to_gammapy_map(array: xr.DataArray) -> Any:
    """A DataArray that carries its grid as a gammapy ``WcsNDMap`` or ``HpxNDMap``; computes it.

    Parameters
    ----------
    array : DataArray
        For example a mask, whose map has dtype bool.

    Returns
    -------
    gammapy.maps.WcsNDMap or HpxNDMap
    """
    maps = require("gammapy.maps", extra="gammapy")
    geom = geom_of_values(array)
    kind = maps.HpxNDMap if isinstance(geom, HpxGeom) else maps.WcsNDMap
    return kind(geom.to_gammapy(), data=np.asarray(array.values), unit=str(array.attrs.get("units", "")))
