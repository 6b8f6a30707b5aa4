"""Arrays that know where they are on the sky: a geometry as coordinates of a DataArray, and back.

Pixels have absolute integer coordinates ``y`` and ``x``, which a crop keeps; the scalar coordinate
``sky_wcs`` holds the header of the whole map. So the geometry of a piece is that of the whole, moved to where
the piece begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import dask.array as da
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import xarray as xr
from astropy.io import fits
from numpy.typing import NDArray

from ..core.calls import told
from ..core.errors import FormatError, GeometryError, borrowed
from ..core.names import described, hint_of
from ..grid.axis import Axis, axes_of_text
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window

__all__ = [
    "CELL_IDS",
    "GRID",
    "array_of",
    "geom_from_attrs",
    "geom_from_texts",
    "geom_of",
    "geom_of_values",
    "grid_number",
    "texts_of",
    "wrap",
]

CELL_IDS: Final = "cell_ids"
"""Name of the coordinate that numbers the cells of HEALPix arrays."""

GRID: Final = "sky_wcs"
"""Name of the scalar coordinate that holds the geometry."""

_HINTS: Final = {
    "str": "of a file it is WcsGeom.read(path), or geom_of(read_map(path))",
    "PurePath": "of a file it is WcsGeom.read(path), or geom_of(read_map(path))",
    "ndarray": "an array has no sky",
    "Grid": "it is a grid itself",
    "Mask": "a mask has no grid before mask.on(geom)",
}
"""What is said of an object of a class, or of one below it."""


def wrap(
    array: Any, geom: Grid, name: str | None = None, attrs: Mapping[str, Any] | None = None
) -> xr.DataArray:
    """Put an array on its geometry.

    Parameters
    ----------
    array : numpy or dask array, shape ``geom.shape``
        The values; they are not copied.
    geom : Grid
        Where they are.
    name : str, optional
        Name of the result.
    attrs : mapping, optional
        Attributes of the result.

    Returns
    -------
    DataArray
        With dims (axes..., *geom.dims).

    Raises
    ------
    GeometryError
        If the shapes differ.

    Examples
    --------
    >>> geom = WcsGeom.allsky(binsz=60)
    >>> crop = wrap(np.zeros(geom.shape), geom)[1:, 2:4]
    >>> geom_of(crop) == geom.window(Window(1, 3, 2, 4))
    True
    """
    if tuple(array.shape) != geom.shape:
        raise GeometryError(
            f"an array of shape {tuple(array.shape)} does not fit the geometry's shape {geom.shape}"
        )
    dims = (*(axis.name for axis in geom.axes), *geom.dims)
    attrs = {**(attrs or {}), "grid_mapping": GRID}
    return xr.DataArray(array, coords=_coordinates(geom), dims=dims, name=name, attrs=attrs)


def _coordinates(geom: Grid) -> xr.Coordinates:
    """Coordinates of arrays on a geometry, made in one go: each that is set by itself is merged with all."""
    axes = {axis.name: (axis.name, axis.center.value, {"units": str(axis.unit)}) for axis in geom.axes}
    parts = [geom.coordinates(), *([xr.Coordinates(axes)] if axes else [])]
    variables = {name: each for part in parts for name, each in part.variables.items()}
    variables[GRID] = xr.Variable((), np.int32(grid_number(geom)), geom.to_attrs())
    indexes = {name: each for part in parts for name, each in part.xindexes.items()}
    return xr.Coordinates(variables, indexes=indexes)


def array_of(array: xr.DataArray) -> Any:
    """The values of a DataArray, masked where they equal a fill value that its attributes name; lazy or not.

    xarray moves such attributes away when it decodes a file; where they are still there, it has not.

    Raises
    ------
    FormatError
        If the attributes say that the values are scaled, or of another sign.

    Examples
    --------
    >>> array_of(xr.DataArray([1, -9], attrs={"_FillValue": -9}))
    masked_array(data=[1, --], mask=[False,  True], fill_value=-9)
    """
    scaled = {"scale_factor", "add_offset", "_Unsigned"} & set(array.attrs)
    if scaled:
        raise FormatError(
            f"the DataArray has the attribute {sorted(scaled)[0]!r}: its values are as they are stored and "
            "not decoded; open it with mask_and_scale=True, or use xarray.decode_cf"
        )
    # An array that xarray has opened without dask would be read as a whole by ``data``.
    lazy = array.chunks is not None or not array.variable._in_memory
    values: Any = (array if array.chunks is not None or not lazy else array.chunk()).data
    for name in ("_FillValue", "missing_value"):
        if name in array.attrs and array.dtype.kind in "iuf":
            values = (da.ma if lazy else np.ma).masked_equal(values, array.attrs[name])
    return values


def grid_number(geom: Grid) -> int:
    """The fingerprint of a geometry as a signed 32-bit number, the largest that every file format can hold
    (netCDF 3 has no larger ones).

    Examples
    --------
    >>> grid_number(WcsGeom.allsky(binsz=1)) == grid_number(WcsGeom.allsky(binsz=1))
    True
    """
    return int.from_bytes(bytes.fromhex(geom.fingerprint)[:4], "little", signed=True)


def geom_from_texts(header: str, axes: str) -> WcsGeom | HpxGeom:
    """The geometry of a text for its image, FITS cards or that of `HpxGeom.to_text`, and one for its axes.

    Examples
    --------
    >>> geom_from_texts(HpxGeom(order=3).to_text(), "[]")
    HpxGeom(order 3 icrs, all 768 cells of 7.33 deg)
    """
    if header.startswith("{"):
        return HpxGeom.from_text(header, axes_of_text(axes))
    return _parse(header, axes)


def texts_of(geom: WcsGeom | HpxGeom) -> tuple[str, str]:
    """What `geom_from_texts` reads."""
    attrs = geom.to_attrs()
    return geom.to_text() if isinstance(geom, HpxGeom) else attrs["fits_header"], attrs["axes"]


def geom_from_attrs(attrs: Mapping[str, Any]) -> WcsGeom:
    """The geometry of texts that `WcsGeom.to_attrs` made.

    Raises
    ------
    GeometryError
        If they are incomplete or cannot be read.

    Examples
    --------
    >>> geom_from_attrs(WcsGeom.allsky(binsz=1).to_attrs()) == WcsGeom.allsky(binsz=1)
    True
    """
    missing = [key for key in ("fits_header", "axes") if not isinstance(attrs.get(key), str)]
    if missing:
        raise GeometryError(
            f"the coordinate {GRID!r} lacks the attribute {missing[0]!r}: it is not that of a WcsGeom. "
            "Of an array on another grid give (array, geom)"
        )
    return _parse(attrs["fits_header"], attrs["axes"])


@lru_cache(maxsize=64)
def _parse(header: str, axes: str) -> WcsGeom:
    with borrowed(f"the header in the coordinate {GRID!r}", GeometryError):
        geom = WcsGeom.from_header(fits.Header.fromstring(header, sep="\n"))
    with borrowed(f"the axes in the coordinate {GRID!r} cannot be read", GeometryError):
        found = axes_of_text(axes)
    return geom.to_cube(found) if found else geom


@told
def geom_of(array: xr.DataArray) -> WcsGeom | HpxGeom:
    """The geometry of an array that carries one, of a piece of it too.

    Parameters
    ----------
    array : DataArray
        Made by `wrap`, or read from what such an array was saved to; dims (axes..., "y", "x") or, on HEALPix,
        (axes..., "cells"). Other dims, such as the time along which maps were put together, are no part of
        the grid, wherever they stand.

    Returns
    -------
    WcsGeom or HpxGeom
        Of the array's own shape along the dims of the grid.

    Raises
    ------
    GeometryError
        If it carries no geometry, or is not a gapless piece of its map.

    Examples
    --------
    >>> geom = WcsGeom.allsky(binsz=60)
    >>> geom_of(wrap(np.zeros(geom.shape), geom)) == geom
    True
    """
    attrs = _grid(array).attrs
    array = _without_other_dims(array)
    if "healpix" in attrs:
        return _cells_of(array, attrs)
    whole = geom_from_attrs(attrs)
    dims = [str(dim) for dim in array.dims]
    if dims[-2:] != ["y", "x"]:
        raise GeometryError(
            f"the last dims must be 'y' and 'x', got {dims}; see DataArray.transpose(..., 'y', 'x')"
        )
    kept = _axes_of(array, dims[:-2], whole.axes)
    y0, y1 = _span(array, "y", whole.image_shape[0])
    x0, x1 = _span(array, "x", whole.image_shape[1])
    image = whole.to_image()
    full = (y0, y1, x0, x1) == (0, whole.image_shape[0], 0, whole.image_shape[1])
    piece = image if full else image.window(Window(y0, y1, x0, x1))
    return piece.to_cube(kept) if kept else piece


def _axes_of(array: xr.DataArray, dims: Sequence[str], known: Sequence[Axis]) -> list[Axis]:
    """The axes of an array along the dimensions before the spatial ones."""
    axes = {axis.name: axis for axis in known}
    unknown = [dim for dim in dims if dim not in axes]
    if unknown:
        raise GeometryError(
            f"the dim {unknown[0]!r} is none of the axes {list(axes)} of the array's geometry"
        )
    return [_piece(array, axes[dim]) for dim in dims]


def _cells_of(array: xr.DataArray, attrs: Mapping[str, Any]) -> HpxGeom:
    """The geometry of an array of cells, whose numbers its coordinate ``cell_ids`` says."""
    whole = HpxGeom.from_text(attrs["healpix"], axes_of_text(attrs["axes"]))
    dims = [str(dim) for dim in array.dims]
    if dims[-1:] != list(whole.dims):
        raise GeometryError(
            f"the last dim must be 'cells', got {dims}; see DataArray.transpose(..., 'cells')"
        )
    kept = _axes_of(array, dims[:-1], whole.axes)
    if CELL_IDS not in array.coords:
        if array.sizes["cells"] != whole.array_shape[0]:
            raise GeometryError(
                f"the array has {array.sizes['cells']} of {whole.array_shape[0]} cells and no coordinate "
                f"{CELL_IDS!r} says which"
            )
        return HpxGeom(whole.order, frame=whole.frame, axes=kept)
    ids = array.indexes.get(CELL_IDS)
    if isinstance(ids, pd.RangeIndex) and ids.step == 1 and len(ids):
        return HpxGeom(whole.order, frame=whole.frame, cells=[[ids.start, ids.stop]], axes=kept)
    values = np.asarray(array.coords[CELL_IDS].values)
    wrong = _wrong_ids(values)
    if wrong:
        raise GeometryError(f"the coordinate {CELL_IDS!r} {wrong}")
    return HpxGeom(whole.order, frame=whole.frame, cells=values, axes=kept)


def _wrong_ids(values: NDArray[Any]) -> str:
    """Why numbers of cells are not those of an HpxGeom, and what to do; nothing if they are."""
    if not values.size:
        return "is empty, and a grid has at least one cell"
    if values.dtype.kind not in "iu":
        return (
            f"holds {values.dtype} and not whole numbers, as after coarsen or interp: cells of a lower order "
            "are mask.on(HpxGeom(order=...))"
        )
    steps = np.diff(np.sort(values.astype(np.int64)))
    if not steps.all():
        return "has cells twice: take each once, array[..., np.unique(array.cell_ids, return_index=True)[1]]"
    if (np.diff(values.astype(np.int64)) < 0).any():
        return f"must be in ascending order, as an HpxGeom has its cells: DataArray.sortby({CELL_IDS!r})"
    return ""


def geom_of_values(array: xr.DataArray) -> WcsGeom | HpxGeom:
    """The geometry of an array whose values are wanted: every dim must be one of the grid's.

    Raises
    ------
    GeometryError
        As `geom_of` does, and if there are dims besides.

    Examples
    --------
    >>> geom = WcsGeom.allsky(binsz=60)
    >>> geom_of_values(wrap(np.zeros(geom.shape), geom)) == geom
    True
    """
    other = _other_dims(array)
    if other:
        raise GeometryError(
            f"the dim {other[0]!r} is none of the axes of the array's geometry; "
            f"take one map of it, array.isel({other[0]}=0)"
        )
    return geom_of(array)


def _other_dims(array: xr.DataArray) -> list[str]:
    """Dims that are no part of an array's grid."""
    axes = _grid(array).attrs.get("axes", "")
    with borrowed(f"the axes in the coordinate {GRID!r} cannot be read", GeometryError):
        names = [axis.name for axis in axes_of_text(axes)] if axes else []
    return [str(dim) for dim in array.dims if dim not in (*names, *_spatial(array))]


def _spatial(array: xr.DataArray) -> tuple[str, ...]:
    """The spatial dims of an array's grid."""
    return HpxGeom.dims if "healpix" in _grid(array).attrs else WcsGeom.dims


def _without_other_dims(array: xr.DataArray) -> xr.DataArray:
    """One map of an array that has many along dims that are no part of its grid."""
    other = _other_dims(array)
    if other and set(_spatial(array)) - set(array.dims):
        spatial = " and ".join(map(repr, _spatial(array)))
        raise GeometryError(
            f"the last dims must be {spatial}, got {[str(dim) for dim in array.dims]}; of an array with "
            "other dims give (array, geom)"
        )
    empty = [dim for dim in other if not array.sizes[dim]]
    if empty:
        raise GeometryError(f"the array is empty along {empty[0]!r} and has no geometry")
    return array.isel(dict.fromkeys(other, 0))


def _grid(array: xr.DataArray) -> xr.DataArray:
    if isinstance(array, xr.Dataset):
        raise GeometryError(
            f"a Dataset has variables {sorted(map(str, array.data_vars))}: name the one that carries a sky "
            "grid, dataset['...']"
        )
    if not isinstance(array, xr.DataArray):
        hint = hint_of(array, _HINTS)
        got = f"{described(array)}{hint and ': '}{hint}"
        raise GeometryError(f"expected an xarray.DataArray that carries a sky grid, got {got}")
    # Decoding with decode_coords="all" moves the CF attribute to the encoding; arithmetic drops it.
    for named in (array.attrs.get("grid_mapping"), array.encoding.get("grid_mapping"), GRID):
        if named in array.coords:
            grid: xr.DataArray = array.coords[named]
            # Put together along a new dim, maps on one grid keep the scalar; of several grids it has several
            # values, and the attributes of the first.
            if grid.ndim and len(np.unique(grid.values)) > 1:
                raise GeometryError(
                    f"the maps along {grid.dims[0]!r} are on different grids: take one of them, "
                    f"array.isel({grid.dims[0]}=0), or give (array, geom)"
                )
            return grid
    raise GeometryError(
        f"the array {array.name!r} carries no sky grid: it lacks the coordinate {GRID!r} (arithmetic between "
        "arrays on different grids drops it); use (array, geom) instead"
    )


def _span(array: xr.DataArray, dim: str, length: int) -> tuple[int, int]:
    """First and one past the last pixel along ``dim``."""
    count = array.sizes[dim]
    if not count:
        raise GeometryError(f"the array is empty along {dim!r} and has no geometry")
    if dim not in array.indexes:
        if count == length:
            return 0, length
        raise GeometryError(
            f"the array has {count} of {length} pixels along {dim!r} and no coordinate says which"
        )
    index = array.indexes[dim]
    if isinstance(index, pd.RangeIndex):
        whole, gapless = True, index.step == 1 or count == 1
    else:
        values = np.asarray(index)
        whole = values.dtype.kind in "iuf" and bool(np.all(values == np.floor(values)))
        gapless = whole and bool(np.all(np.diff(values) == 1))
    _refuse_coarsened(dim, np.asarray(index))
    if not whole:
        raise GeometryError(
            f"the coordinate {dim!r} must count pixels in whole numbers; of a map that was coarsened, padded "
            "or interpolated give (array, geom): coarsened by f it is on geom.downsample(f)"
        )
    if not gapless:
        raise GeometryError(
            f"the pixels along {dim!r} are not a gapless run (a stride, a reversal or a selection); "
            "only a contiguous piece of a map has a geometry"
        )
    return int(index[0]), int(index[0]) + count


def _refuse_coarsened(dim: str, places: NDArray[Any]) -> None:
    """An error for the means that `DataArray.coarsen` leaves of the pixel numbers, with what to write.

    It is no geometry by itself: every third pixel of a map, from the second on, has the same numbers.
    """
    if len(places) < 2 or places.dtype.kind not in "iuf":
        return
    factor = float(places[1] - places[0])
    start = float(places[0]) - (factor - 1) / 2
    if factor >= 2 and factor.is_integer() and start % factor == 0 and (np.diff(places) == factor).all():
        number = int(factor)
        raise GeometryError(
            f"the pixels along {dim!r} are those of a map that was coarsened by {number}, or not a gapless "
            f"run: the grid of the coarsened map is geom.downsample({number}), so give (array, "
            f"geom.downsample({number}))"
        )


def _piece(array: xr.DataArray, axis: Axis) -> Axis:
    """The bins of an axis that the array has."""
    count = array.sizes[axis.name]
    if axis.name not in array.coords:
        if count == axis.nbin:
            return axis
        raise GeometryError(
            f"the array has {count} of {axis.nbin} bins along {axis.name!r} and no coordinate says which"
        )
    values = np.asarray(array.coords[axis.name].values, dtype=np.float64)
    centers = axis.center.value
    found = np.flatnonzero(centers == values[0]) if count else np.empty(0, int)
    if not len(found) or not np.array_equal(values, centers[found[0] : found[0] + count]):
        raise GeometryError(f"the coordinate {axis.name!r} is not a gapless run of the bins of {axis!r}")
    if count == axis.nbin:
        return axis
    first = int(found[0])
    return Axis(axis.name, axis.edges[first : first + count + 1], axis.interp)
