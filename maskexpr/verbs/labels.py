"""Labels of a mask's array: those of a user's cube, or longitudes and latitudes."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.errors import GeometryError
from ..grid.healpix.cells import centres
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..sphere.vectors import lonlat

__all__ = ["check_like", "like_array", "world_coords"]

# Rows of a chunk of two-dimensional coordinates.
_ROWS = 1024


def world_coords(geom: Grid) -> dict[str, Any]:
    """Coordinates ``lon`` and ``lat`` in degrees: along one dim each where the grid is separable, else
    lazy arrays of the map's shape; NaN off the sky. Of HEALPix cells one of each a cell, lazy.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> world_coords(WcsGeom.allsky(binsz=90))["lat"][1]
    array([-45.,  45.])
    """
    attrs = [
        {"standard_name": name, "units": "degree", "frame": geom.frame} for name in ("longitude", "latitude")
    ]
    if isinstance(geom, HpxGeom):
        return {name: (geom.dims, _of_cells(geom, k), attrs[k]) for k, name in enumerate(("lon", "lat"))}
    (rows, columns), (down, across) = geom.image_shape, geom.dims
    if geom.separable:
        lon = geom.lonlat(np.full(columns, rows // 2), np.arange(columns))[0]
        return {"lon": (across, lon, attrs[0]), "lat": (down, geom.lat_of(np.arange(rows)), attrs[1])}
    chunks = ((min(_ROWS, rows),) * (rows // _ROWS) + ((rows % _ROWS,) if rows % _ROWS else ()), (columns,))

    def lazy(number: int) -> da.Array:
        array: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
            _world, geom, number, chunks=chunks, dtype=np.float64
        )
        return array

    return {name: ((down, across), lazy(k), attrs[k]) for k, name in enumerate(("lon", "lat"))}


def _of_cells(geom: HpxGeom, number: int) -> da.Array:
    """Longitude or latitude of cells, lazy."""
    # In the chunks that a mask has: of more cells than these can be, a mask is refused too.
    array: da.Array = da.map_blocks(  # type: ignore[no-untyped-call]
        _world_of_cells, geom, number, chunks=geom.layout("auto").sizes, dtype=np.float64
    )
    return array


def _world_of_cells(geom: HpxGeom, number: int, block_info: Any = None) -> NDArray[np.float64]:
    ((start, stop),) = block_info[None]["array-location"]
    return np.asarray(lonlat(centres(geom.order, geom.cells.ids(start, stop)))[number])


def _world(geom: Grid, number: int, block_info: Any = None) -> NDArray[np.float64]:
    (y0, y1), (x0, x1) = block_info[None]["array-location"]
    y, x = np.mgrid[y0:y1, x0:x1]
    return np.asarray(geom.lonlat(y.ravel(), x.ravel())[number]).reshape(y1 - y0, x1 - x0)


def check_like(like: xr.DataArray, geom: Grid) -> None:
    """Raise for a cube whose last dims are not as long as those of a grid.

    Raises
    ------
    GeometryError
    """
    if like.shape[-len(geom.dims) :] != geom.array_shape:
        raise GeometryError(
            f"the cube has the dims {like.dims} of {like.shape} and the map {geom.dims} of "
            f"{geom.array_shape}: its last dims are those of the map; see DataArray.transpose"
        )


def like_array(mask: xr.DataArray, like: xr.DataArray, geom: Grid) -> xr.DataArray:
    """A mask's array with the dims and labels of a cube on the same grid.

    Raises
    ------
    GeometryError
        If it lacks an axis that the mask varies along.
    """
    names = [str(dim) for dim in like.dims]
    ndim = len(geom.dims)
    for axis in mask.dims[:-ndim]:
        if axis not in names or like.sizes[axis] != mask.sizes[axis]:
            raise GeometryError(
                f"the cube has no dim {axis!r} of {mask.sizes[axis]} bins; it has {dict(like.sizes)}"
            )
    renamed = mask.drop_vars([dim for dim in mask.dims if dim in mask.coords])
    renamed = renamed.rename(dict(zip(mask.dims[-ndim:], names[-ndim:], strict=True)))
    labels = {dim: like.coords[dim] for dim in renamed.dims if dim in like.coords}
    return renamed.assign_coords(labels)
