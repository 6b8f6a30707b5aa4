"""What users may give as a map: a file, or an array in memory."""

from __future__ import annotations

import os
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import tokenize
from numpy.typing import NDArray

from ..core.digests import array_digest
from ..core.errors import GeometryError, MaskTypeError
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .file_source import FileSource, MapSource, Opened, as_mask, check_inside, check_number
from .gammapy import from_gammapy_map, is_gammapy_map
from .xarray import geom_of

__all__ = ["ArraySource", "FileSource", "MapSource", "Opened", "as_mask", "as_source", "in_chunks"]


class ArraySource:
    """A map in memory: a numpy array, or a dask array that is computed where it is needed.

    Parameters
    ----------
    array : numpy or dask array, shape ``geom.shape``
        Not copied: it must not be changed any more.
    geom : WcsGeom
        Where it is.

    Examples
    --------
    >>> source = ArraySource(np.arange(6.0).reshape(2, 3), WcsGeom.create(npix=(3, 2)))
    >>> source.read(Window(1, 2, 0, 2))
    array([[3., 4.]])
    """

    __slots__ = ("_fingerprint", "array", "geom")

    def __init__(self, array: Any, geom: WcsGeom) -> None:
        if not isinstance(geom, WcsGeom):
            raise MaskTypeError(f"the second of (array, geom) must be a WcsGeom, got {type(geom).__name__}")
        if not isinstance(array, da.Array):
            array = np.asarray(array)
        check_number(array.dtype, "the array")
        if tuple(array.shape) != geom.shape:
            raise GeometryError(
                f"an array of shape {tuple(array.shape)} does not fit the geometry's shape {geom.shape}"
            )
        self.array = array
        self.geom = geom
        self._fingerprint: str | None = None

    @property
    def fingerprint(self) -> str:
        """Tells the values and the geometry, in every process; of a dask array its name stands for the
        values. Made when it is first asked for.
        """
        if self._fingerprint is None:
            values = self.array.name if isinstance(self.array, da.Array) else array_digest(self.array)
            self._fingerprint = str(tokenize(values, self.geom))
        return self._fingerprint

    @property
    def identity(self) -> str:
        """Tells the values in this process, as long as they are there, without reading them."""
        return f"{id(self.array)} {self.geom.fingerprint}"

    def open(self) -> Opened:
        """Geometry, type and shape."""
        return Opened(self.geom, self.array.dtype, self.geom.shape)

    def read(self, window: Window, plane: tuple[int, ...] = ()) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx)."""
        check_inside("the array", self.geom.shape, window, plane)
        piece = self.array[(*plane, slice(window.y0, window.y1), slice(window.x0, window.x1))]
        # In a task already: another pool of threads inside it would only fight over the cores.
        if isinstance(piece, da.Array):
            piece = piece.compute(scheduler="synchronous")  # type: ignore[no-untyped-call]
        values: NDArray[Any] = piece.astype(piece.dtype.newbyteorder("="), copy=False)
        return values

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ArraySource) and self.fingerprint == other.fingerprint)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        kind = "dask" if isinstance(self.array, da.Array) else "numpy"
        return f"ArraySource({kind} {self.array.dtype} {self.geom.shape})"


def in_chunks(array: NDArray[Any], chunks: Any) -> Any:
    """A numpy array as a dask array that is named by its values, which dask would hash on one thread.

    Examples
    --------
    >>> in_chunks(np.zeros((2, 3)), (1, 3)).numblocks
    (2, 1)
    """
    name = f"array-{tokenize(array_digest(array), chunks)}"
    return da.from_array(array, chunks=chunks, name=name)  # type: ignore[no-untyped-call]


def as_source(data: Any) -> FileSource | ArraySource:
    """What users may give as a map, as a source.

    Parameters
    ----------
    data : object
        A DataArray that carries its sky grid, the path of a FITS file or zarr store, ``(path, hdu)``, a
        gammapy Map, or ``(array, geom)``.

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
        geom = geom_of(data)
        # An array that xarray has opened without dask would be read as a whole by ``data``.
        return ArraySource(
            data.data if data.chunks is not None or data.variable._in_memory else data.chunk().data, geom
        )
    if is_gammapy_map(data):
        return as_source(from_gammapy_map(data))
    if isinstance(data, tuple) and len(data) == 2:
        first, second = data
        if isinstance(first, (str, os.PathLike)) and (second is None or isinstance(second, (str, int))):
            return FileSource(os.fspath(first), second)
        return ArraySource(first, second)
    raise MaskTypeError(
        "a map must be a DataArray that carries its sky grid, the path of a FITS file or zarr store, "
        f"(path, hdu), a gammapy Map, or (array, geom); got {type(data).__name__}"
    )
