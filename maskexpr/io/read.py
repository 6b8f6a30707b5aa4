"""Masks and maps in files, as lazy arrays; and the writer for a path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import tokenize
from numpy.typing import NDArray

from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from . import zarr
from .file_source import FileSource, as_mask
from .fits_write import FitsWriter
from .publish import format_of
from .writer import MaskWriter
from .xarray import wrap
from .zarr import ZarrWriter

__all__ = ["open_writer", "read_map", "read_mask"]

# Large enough that a scheduler's cost of a task does not show.
_SIDE: Final = 2048


def open_writer(
    path: str | os.PathLike[str],
    geom: WcsGeom,
    chunks: tuple[int, int],
    provenance: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> MaskWriter:
    """The writer for a path's suffix; the output is checked now, before anything is computed.

    Parameters
    ----------
    path : str or path
        Ends in ``.zarr``, ``.fits`` or ``.fits.gz``.
    geom : WcsGeom
        The map.
    chunks : (int, int)
        Rows and columns of a chunk of a zarr store; each block that is stored covers whole chunks.
    provenance : mapping of str to str
        Texts that travel in the file.
    overwrite : bool
        Whether an existing output may be replaced.

    Raises
    ------
    FormatError
        For an unknown suffix.
    OutputExistsError
        If the output is there and may not be replaced.
    """
    if format_of(path) == ".zarr":
        return ZarrWriter(path, geom, chunks, provenance, overwrite)
    return FitsWriter(path, geom, provenance, overwrite)


def read_mask(path: str | os.PathLike[str], hdu: str | int | None = None) -> xr.DataArray:
    """A mask in a FITS file or zarr store as a lazy array of bool.

    Parameters
    ----------
    path : str or path
        What maskexpr wrote, or gammapy (as an image of integers, a cube or a sparse table, gzipped or not);
        or a zarr store of an array that carries its sky grid.
    hdu : str or int, optional
        Name or number of the HDU, or the zarr variable. If not given, the one named MASK, else the first map.

    Returns
    -------
    DataArray
        Of bool, dims (axes..., "y", "x"). The texts of its provenance are attributes that begin with
        ``maskexpr_``.

    Raises
    ------
    FileMissingError
        If the file is not there.
    FormatError
        If it holds no such map, or was not written to its end. Values other than 0 and 1 are found when they
        are read.
    """
    return _lazy(FileSource(os.fspath(Path(path).absolute()), hdu), mask=True)


def read_map(path: str | os.PathLike[str], hdu: str | int | None = None) -> xr.DataArray:
    """A map in a FITS file or zarr store as a lazy array of its own type, read by windows.

    Parameters
    ----------
    path : str or path
        A FITS image or cube, plain, gzipped, tile-compressed or sparse; or a zarr store of an array that
        carries its sky grid.
    hdu : str or int, optional
        Name or number of the HDU, or the zarr variable; the first map if not given.

    Returns
    -------
    DataArray
        Dims (axes..., "y", "x"), native byte order, BSCALE and BZERO applied, BLANK as NaN.
    """
    return _lazy(FileSource(os.fspath(Path(path).absolute()), hdu), mask=False)


def _lazy(source: FileSource, mask: bool) -> xr.DataArray:
    stamp = source.stamp
    if source.is_zarr:
        array = source.variable(prefer="mask")
        source = FileSource(source.path, str(array.name))
        stored = array.encoding.get("preferred_chunks", {})
        sides = [_multiple(int(stored.get(dim, n)), n, dim) for dim, n in array.sizes.items()]
        attrs = {key: value for key, value in array.attrs.items() if key != "grid_mapping"}
        texts = zarr.provenance_of(source.path, stamp) if mask else {}
        name = str(array.name)
    else:
        layout = source.layout("MASK" if mask else None)
        source = FileSource(source.path, layout.index)
        sides = [*(1 for _ in layout.geom.axes), *(min(n, _SIDE) for n in layout.geom.image_shape)]
        attrs = {"units": layout.unit} if layout.unit else {}
        texts = dict(layout.provenance) if mask else {}
        name = layout.name.lower()
    geom, dtype, shape = source.open()
    dtype = np.dtype(bool) if mask else dtype
    chunks = da.core.normalize_chunks(tuple(sides), shape)  # type: ignore[no-untyped-call]
    data = da.map_blocks(  # type: ignore[no-untyped-call]
        _load,
        source=source,
        shape=shape,
        sides=tuple(sides),
        mask=mask,
        chunks=chunks,
        dtype=dtype,
        meta=np.empty((0,) * len(shape), dtype),
        name=f"read-{name}-{tokenize(source, stamp, mask)}",
    )
    attrs |= {f"maskexpr_{key}": text for key, text in texts.items()}
    return wrap(data, geom, "mask" if mask else name, attrs)


def _multiple(stored: int, length: int, dim: Any) -> int:
    """Whole stored chunks, so that none is read twice, and enough of them for a task."""
    whole = stored * max(1, _SIDE // stored) if dim in ("y", "x") else stored
    return min(length, whole)


def _load(
    source: FileSource, shape: tuple[int, ...], sides: tuple[int, ...], mask: bool, block_id: tuple[int, ...]
) -> NDArray[Any]:
    """One chunk of a file."""
    first = [number * side for number, side in zip(block_id, sides, strict=True)]
    last = [min(start + side, n) for start, side, n in zip(first, sides, shape, strict=True)]
    planes = tuple(slice(a, b) for a, b in zip(first[:-2], last[:-2], strict=True))
    values = source.read_planes(planes, Window(first[-2], last[-2], first[-1], last[-1]))
    return as_mask(values, f"{source.path}, {source.hdu}") if mask else values
