"""The dggs convention of zarr stores: what cells an array of cells has, in attributes of its group.

The frame is no part of it; in our stores it stands with the rest of the grid in the coordinate ``sky_wcs``.
What xdggs writes says the same as attributes of the numbers of cells, unless it was told to follow the
convention.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import xarray as xr

from ..core.errors import GeometryError
from ..grid.healpix.geom import HpxGeom
from .xarray import CELL_IDS, GRID

__all__ = ["dggs_attrs", "with_stated_cells"]

_REPOSITORY: Final = "zarr-conventions/dggs"
_CONVENTION: Final = {
    "schema_url": f"https://raw.githubusercontent.com/{_REPOSITORY}/refs/tags/v1/schema.json",
    "spec_url": f"https://github.com/{_REPOSITORY}/blob/v1/README.md",
    "uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38",
    "name": "dggs",
    "description": "Discrete Global Grid Systems convention for zarr",
}


def dggs_attrs(geom: HpxGeom) -> dict[str, Any]:
    """Attributes of the group in which arrays on a grid lie.

    Examples
    --------
    >>> dggs_attrs(HpxGeom(order=3))["dggs"]["refinement_level"]
    3
    """
    grid: dict[str, Any] = {
        "name": "healpix",
        "refinement_level": geom.order,
        "indexing_scheme": "nested",
        "spatial_dimension": geom.dims[0],
    }
    if not geom.is_allsky:
        grid |= {"coordinate": CELL_IDS, "compression": "none"}
    return {"zarr_conventions": [_CONVENTION], "dggs": grid}


def with_stated_cells(array: xr.DataArray, group: Mapping[str, Any]) -> xr.DataArray:
    """An array of cells of another package, with the grid that its store states in the coordinate that our
    arrays have; its frame is not known, and ICRS stands there. Other arrays as they are.

    Parameters
    ----------
    array : DataArray
        On any grid.
    group : mapping
        Attributes of its group.

    Raises
    ------
    GeometryError
        If the cells are not nested ones of HEALPix.

    Examples
    --------
    >>> ids = ("cells", [4, 7], {"grid_name": "healpix", "level": 1, "indexing_scheme": "nested"})
    >>> theirs = xr.DataArray([1, 0], dims="cells", coords={"cell_ids": ids})
    >>> with_stated_cells(theirs, {}).sky_wcs.attrs["healpix"]
    '{"order": 1, "frame": "icrs"}'
    """
    known: Mapping[str, Any] = array.coords[CELL_IDS].attrs if CELL_IDS in array.coords else {}
    of_ids = {"name": known.get("grid_name"), "refinement_level": known.get("level"), **known}
    stated: Mapping[str, Any] = group.get("dggs", of_ids)
    if GRID in array.coords or stated.get("name") is None or array.dims[-1:] != HpxGeom.dims:
        return array
    name, scheme = (stated.get(key) for key in ("name", "indexing_scheme"))
    sphere, packed = stated.get("ellipsoid"), stated.get("compression", "none")
    if (name, scheme, packed) != ("healpix", "nested", "none") or not _is_sphere(sphere):
        raise GeometryError(
            f"cells that are read are nested ones of HEALPix on a sphere, numbered one by one; these are of "
            f"grid {name!r}, scheme {scheme!r}, ellipsoid {sphere!r}, compression {packed!r}"
        )
    numbers = stated.get("coordinate", CELL_IDS)
    if numbers != CELL_IDS and numbers in array.coords:
        array = array.rename({numbers: CELL_IDS})
    where = json.dumps({"order": stated.get("refinement_level"), "frame": "icrs"})
    return array.assign_coords({GRID: ((), np.int32(0), {"healpix": where, "axes": "[]"})})


def _is_sphere(ellipsoid: Any) -> bool:
    kind = ellipsoid.get("name", "sphere") if isinstance(ellipsoid, Mapping) else ellipsoid
    return kind in (None, "sphere")
