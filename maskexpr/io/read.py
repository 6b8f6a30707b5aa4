"""Masks and maps in files, as lazy arrays."""

from __future__ import annotations

import os
from typing import Any, Final, NamedTuple

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import tokenize
from numpy.typing import NDArray

from ..core.arguments import hdu_of
from ..core.calls import told
from ..core.errors import FormatError, GeometryError, IntegrityError, borrowed
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .formats import StoredMap, existing, open_map, stamp_of
from .gammapy import from_gammapy_map, is_gammapy_map
from .given_map import as_source
from .sources import FileSource, as_mask
from .unpacked import Stamp
from .validity import as_floats, float_type
from .xarray import array_of, geom_of_values, wrap

__all__ = ["TRIES", "array_on_grid", "opened", "read_map", "read_mask"]

# Large enough that a scheduler's cost of a task does not show.
_SIDE: Final = 2048
TRIES: Final = 100
"""How often a file is read again that writers replace meanwhile."""


@told
def read_mask(
    path: str | os.PathLike[str], hdu: str | int | None = None, frame: str | None = None
) -> xr.DataArray:
    """A mask in a FITS file or zarr store as a lazy array of bool.

    Parameters
    ----------
    path : str or path
        What maskexpr wrote, or gammapy (as an image of integers, a cube or a sparse table, gzipped or not);
        a HEALPix table of any package; a HealSparse map; or a zarr store of an array that carries its sky
        grid.
    hdu : str or int, optional
        Name or number of the HDU, the zarr variable, or the column of a HEALPix table. If not given, the HDU
        named MASK, else the first map.
    frame : str, optional
        The frame of HEALPix cells, where the file does not say it. HealSparse files never do: they are taken
        to be ICRS.

    Returns
    -------
    DataArray
        Of bool, dims (axes..., "y", "x") or (axes..., "cells"), in nested order. The texts of its provenance
        are attributes that begin with ``maskexpr_``.

    Raises
    ------
    FileMissingError
        If the file is not there.
    FormatError
        If it holds no such map, or was not written to its end. Values other than 0 and 1 are found when they
        are read.
    GeometryError
        If it does not say where its pixels are.

    Examples
    --------
    >>> import tempfile
    >>> import maskexpr as mx
    >>> path = mx.AllSky().write(tempfile.mkdtemp() + "/all.fits", mx.WcsGeom.allsky(binsz=10))
    >>> bool(read_mask(path)[:2, :5].all())
    True
    """
    return _lazy(path, hdu, frame, mask=True)


@told
def read_map(
    path: str | os.PathLike[str], hdu: str | int | None = None, frame: str | None = None
) -> xr.DataArray:
    """A map in a FITS file or zarr store as a lazy array of its own type, read by windows.

    Parameters
    ----------
    path : str or path
        A FITS image or cube, plain, gzipped, tile-compressed or sparse; a HEALPix table or HealSparse map; or
        a zarr store of an array that carries its sky grid.
    hdu : str or int, optional
        Name or number of the HDU, the zarr variable, or the column of a HEALPix table; the first map if not
        given.
    frame : str, optional
        The frame of HEALPix cells, where the file does not say it.

    Returns
    -------
    DataArray
        Dims (axes..., "y", "x") or (axes..., "cells"), native byte order, BSCALE and BZERO applied, BLANK,
        zarr's fill value and UNSEEN of HEALPix as NaN: integers that may be missing become float32, those of
        more than 16 bits float64.

    Examples
    --------
    >>> import tempfile
    >>> import maskexpr as mx
    >>> path = mx.AllSky().write(tempfile.mkdtemp() + "/all.fits", mx.WcsGeom.allsky(binsz=10))
    >>> read_map(path, hdu="MASK").dtype
    dtype('uint8')
    """
    return _lazy(path, hdu, frame, mask=False)


def array_on_grid(data: Any) -> tuple[da.Array | NDArray[Any], WcsGeom]:
    """The array and the geometry of what users may give as a map; a file as a lazy array.

    Parameters
    ----------
    data : object
        As `maskexpr.io.given_map.as_source` takes it. Arrays in memory are not
        copied, nor hashed as a source would; but masked ones become NaN.

    Examples
    --------
    >>> array_on_grid((np.zeros((2, 3)), WcsGeom.create(npix=(3, 2))))[0].shape
    (2, 3)
    """
    if is_gammapy_map(data):
        data = from_gammapy_map(data)
    if isinstance(data, xr.DataArray) and (data.chunks is not None or data.variable._in_memory):
        found = array_of(data)
        return found if isinstance(found, da.Array) else as_floats(found), _planar(geom_of_values(data))
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[1], WcsGeom):
        array = data[0] if isinstance(data[0], da.Array) else as_floats(data[0])
        if array.shape != data[1].shape:
            raise GeometryError(f"an array of shape {array.shape} does not fit the geometry {data[1]!r}")
        return array, data[1]
    source = as_source(data)
    geom = _planar(source.open().geom)
    if isinstance(source, FileSource):
        return read_map(source.path, source.hdu).data, geom
    return source.array if isinstance(source.array, da.Array) else as_floats(source.array), geom


def _planar(geom: Grid) -> WcsGeom:
    """A grid of a plane, or an error."""
    if not isinstance(geom, WcsGeom):
        raise GeometryError(f"the map must be on a WcsGeom, in whose plane it is filtered, not on {geom!r}")
    return geom


def _lazy(path: str | os.PathLike[str], hdu: str | int | None, frame: str | None, mask: bool) -> xr.DataArray:
    name = os.fspath(existing(path).absolute())
    stamp, stored = opened(name, hdu_of(hdu), frame, mask)
    source = FileSource(name, stored.key)
    shape, planes = stored.geom.shape, len(stored.geom.axes)
    pieces = zip(stored.chunks or (1,) * len(shape), shape, strict=True)
    most = _SIDE if len(shape) - planes > 1 else _SIDE**2
    sides = tuple(
        _multiple(side, n, most if place >= planes else 1) for place, (side, n) in enumerate(pieces)
    )
    dtype = np.dtype(bool) if mask else float_type(stored.dtype) if stored.has_gaps else stored.dtype
    data = da.map_blocks(  # type: ignore[no-untyped-call]
        _load,
        source=source,
        version=Version(stamp, stored.geom.fingerprint, str(stored.dtype), frame),
        shape=shape,
        sides=sides,
        planes=planes,
        dtype_read=dtype,
        chunks=da.core.normalize_chunks(sides, shape),  # type: ignore[no-untyped-call]
        dtype=dtype,
        meta=np.empty((0,) * len(shape), dtype),
        name=f"read-{stored.name}-{tokenize(source, stamp, mask, frame)}",
    )
    texts = stored.provenance if mask else {}
    attrs = {**stored.attrs, **{f"maskexpr_{key}": text for key, text in texts.items()}}
    return wrap(data, stored.geom, "mask" if mask else stored.name, attrs)


class Version(NamedTuple):
    """What tells the file that was opened from others that have its name later, and how it was opened."""

    stamp: Stamp
    grid: str
    dtype: str
    frame: str | None


def opened(name: str, hdu: str | int | None, frame: str | None, mask: bool) -> tuple[Stamp, StoredMap]:
    """Open a map, while writers may replace it: what tells it from others that have its name, and the map."""
    for _ in range(TRIES):
        stamp = stamp_of(name)
        try:
            return stamp, open_map(name, stamp, hdu, mask, frame)
        except (FormatError, OSError):
            if stamp_of(name) == stamp:
                raise
    raise IntegrityError(f"{name}: it was replaced again and again while it was opened")


def _multiple(stored: int, length: int, most: int) -> int:
    """Whole stored chunks, so that none is read twice, and enough of them for a task."""
    return min(length, stored * max(1, most // stored))


def _load(
    source: FileSource,
    version: Version,
    shape: tuple[int, ...],
    sides: tuple[int, ...],
    planes: int,
    dtype_read: np.dtype[Any],
    block_id: tuple[int, ...],
) -> NDArray[Any]:
    """One chunk of a file."""
    first = [number * side for number, side in zip(block_id, sides, strict=True)]
    last = [min(start + side, n) for start, side, n in zip(first, sides, shape, strict=True)]
    along = tuple(slice(a, b) for a, b in zip(first[:planes], last[:planes], strict=True))
    # An array of one dimension is one row.
    (y0, x0), (y1, x1) = [0, *first[planes:]][-2:], [1, *last[planes:]][-2:]
    values = _one_version(source, version, shape == sides, along, Window(y0, y1, x0, x1))
    values = values.reshape([b - a for a, b in zip(first, last, strict=True)])
    if dtype_read == np.bool_ and values.dtype != np.bool_:
        return as_mask(values, f"{source.path}, {source.hdu}")
    return as_floats(values).astype(dtype_read, copy=False)


def _one_version(
    source: FileSource, version: Version, alone: bool, planes: tuple[slice, ...], window: Window
) -> NDArray[Any]:
    """A window of a file as it was when it was opened, so that no array is of two products; a window that is
    all of a file is of the one that has the name now, if that is on the same grid.

    Raises
    ------
    IntegrityError
        If another file has taken its name.
    """
    for _ in range(TRIES):
        stamp = stamp_of(source.path)
        if stamp != version.stamp and not alone:
            break
        try:
            stored = open_map(source.path, stamp, source.hdu, frame=version.frame)
            if (stored.geom.fingerprint, str(stored.dtype)) != (version.grid, version.dtype):
                break
            with borrowed(source.path, FormatError):
                values = stored.read_array(planes, window)
        except (FormatError, OSError):
            if stamp_of(source.path) == stamp:
                raise
            continue
        if stamp_of(source.path) == stamp:
            return values
    raise IntegrityError(f"{source.path}: it was replaced while it was read; open it again")
