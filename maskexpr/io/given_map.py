"""Other people's objects, and files, as the sources of maps that they are or name."""

from __future__ import annotations

import os
from typing import Any, Final

import dask.array as da
import numpy as np
import xarray as xr
from astropy.wcs.wcsapi import BaseLowLevelWCS

from ..core.errors import MaskTypeError
from ..core.names import described, hint_of
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from .gammapy import from_gammapy_map, is_gammapy_map, is_nddata
from .given import as_grid
from .sources import ArraySource, EmbeddedSource, FileSource, Source
from .xarray import array_of, geom_of_values

__all__ = ["as_source", "held_source"]

# Bytes of an array that is still held by value.
_LARGEST: Final = 1 << 22
# Ranges of cells of a part of the sky that are still written out.
_MOST_RANGES: Final = 1 << 13

_HINTS: Final = {
    "ndarray": "an array has no sky, write (array, geom)",
    "Array": "an array has no sky, write (array, geom)",
    "Dataset": "give one of its arrays, dataset['...']",
    "HDUList": "give its path, or (hdu.data, hdu.header) of one HDU",
    "_ImageBaseHDU": "write (hdu.data, hdu.header), or give the path",
    "CompImageHDU": "write (hdu.data, hdu.header), or give the path",
    "Table": "of positions a mask is maskexpr.Catalog(table, radius)",
    "DataFrame": "write (frame.to_numpy(), geom)",
    "SkyCoord": "of positions a mask is maskexpr.Catalog(positions, radius)",
    "Grid": "the data come first, write (array, geom)",
    "list": "write (array, geom), a tuple",
    "tuple": "a tuple of two, (array, geom) or (path, hdu)",
    "Mask": "masks combine as they are, with | & ^ ~ -; as pixels one is mask.on(geom)",
    "SkyRegion": "make it a mask, maskexpr.Region(region)",
    "PixelRegion": "make it a mask, maskexpr.Region(region, metric='pixel')",
}
"""What to write instead of an object of a class, or of one below it."""


def held_source(data: Any) -> Source:
    """What users may give as a map, as a source; small arrays in memory are held by value.

    Parameters
    ----------
    data : object
        As `as_source` takes it.

    Examples
    --------
    >>> held_source((np.zeros((2, 3)), WcsGeom.create(npix=(3, 2))))
    EmbeddedSource(float64 (2, 3))
    """
    if isinstance(data, EmbeddedSource):
        return data
    source = as_source(data)
    if isinstance(source, FileSource) or isinstance(source.array, da.Array) or source.array.nbytes > _LARGEST:
        return source
    geom = source.geom
    # Texts say where an array is on the package's own grids, and they should not be longer than it.
    if isinstance(geom, WcsGeom) or (isinstance(geom, HpxGeom) and len(geom.ranges) <= _MOST_RANGES):
        return EmbeddedSource.of(source.array, geom)
    return source


def as_source(data: Any) -> FileSource | ArraySource:
    """What users may give as a map, as a source.

    Parameters
    ----------
    data : object
        A DataArray that carries its sky grid, the path of a FITS file or zarr store, ``(path, hdu)``, a
        gammapy Map, an ``NDData`` with a WCS, or ``(array, geom)``.

    Raises
    ------
    MaskTypeError
        For anything else.

    Examples
    --------
    >>> as_source(("counts.fits", "COUNTS"))
    FileSource(path='counts.fits', hdu='COUNTS')
    """
    if isinstance(data, (FileSource, ArraySource)):
        return data
    if isinstance(data, (str, os.PathLike)):
        return FileSource(os.fspath(data))
    if isinstance(data, xr.DataArray):
        return ArraySource(array_of(data), geom_of_values(data))
    if is_nddata(data) and data.wcs is not None:
        return ArraySource(data, WcsGeom(data.wcs, np.shape(data.data)))
    if is_gammapy_map(data):
        return as_source(from_gammapy_map(data))
    if isinstance(data, tuple) and len(data) == 2:
        first, second = data
        if isinstance(first, (str, os.PathLike)) and (second is None or isinstance(second, (str, int))):
            return FileSource(os.fspath(first), second)
        return ArraySource(first, _grid_of(first, second))
    hint = hint_of(data, _HINTS)
    raise MaskTypeError(
        "a map must be a DataArray that carries its sky grid, the path of a FITS file or zarr store, "
        f"(path, hdu), a gammapy Map, or (array, geom); got {described(data)}{hint and ': '}{hint}"
    )


def _grid_of(array: Any, given: Any) -> Grid:
    """The grid of an array: what has no shape of its own takes the array's."""
    if isinstance(array, str | os.PathLike):
        raise MaskTypeError(
            f"a file knows its grid: write the path alone, or (path, hdu); got {array!r} and "
            f"{described(given)}"
        )
    shape = np.shape(array)[-2:]
    try:
        return as_grid((given, shape) if isinstance(given, BaseLowLevelWCS) else given)
    except MaskTypeError as err:
        raise MaskTypeError(
            "the second of (array, geom) must be a WcsGeom or another Grid, or what carries one (a gammapy "
            f"geometry, a WCS, a FITS header), got {described(given)}"
        ) from err
