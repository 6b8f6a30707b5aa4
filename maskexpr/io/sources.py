"""Where the values of a map are: in a file or in memory; all are read by windows, where it is needed.

A small array is held by value: it is saved, compared and hashed with the expression it stands in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4
from weakref import ref

import dask.array as da
import numpy as np
from dask.base import tokenize
from numpy.typing import NDArray

from ..core.arrays import Bools
from ..core.digests import array_digest
from ..core.errors import FormatError, GeometryError, MaskTypeError, MaskValueError, borrowed
from ..core.names import described
from ..core.once import once
from ..core.records import frozen_array, record
from ..doors.files import is_address
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .cells import read_cells
from .formats import StoredMap, check_number, open_map, stamp_of
from .validity import normal, unwrapped
from .xarray import geom_from_texts, texts_of

__all__ = [
    "ArraySource",
    "EmbeddedSource",
    "FileSource",
    "Source",
    "as_mask",
    "in_chunks",
]

# Arrays in memory by their address, with the word that stands for each.
_marks: dict[int, tuple[ref[Any], str]] = {}


class Opened(NamedTuple):
    """What a map is, without its values."""

    geom: Grid
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


@record("file")
@dataclass(frozen=True)
class FileSource:
    """A map in a file; it holds no more than the name, so it is cheap to send and save.

    Parameters
    ----------
    path : str
        The file as the user named it; a relative one is seen from the folder of the process at the time
        when the mask is put on a grid, or asked.
    hdu : str or int, optional
        Name or number of the HDU of a FITS file, or name of the variable in a zarr store; if not given, the
        first HDU, or the only variable.

    Examples
    --------
    >>> FileSource("counts.fits.gz", "COUNTS")
    FileSource(path='counts.fits.gz', hdu='COUNTS')
    """

    path: str
    hdu: str | int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.fspath(self.path))

    def settled(self) -> FileSource:
        """The same file by its whole path, which stays when the process goes to another folder."""
        # What names no file of this machine is told so by its own name.
        if not self.path or is_address(self.path) or os.path.isabs(self.path):
            return self
        return FileSource(str(Path(self.path).absolute()), self.hdu)

    def stored(self) -> StoredMap:
        """The map as its format's reader opens it.

        Raises
        ------
        FileMissingError
            If the file is not there.
        FormatError, GeometryError
            If it holds no such map.
        """
        return open_map(self.path, stamp_of(self.path), self.hdu)

    def open(self) -> Opened:
        """Geometry, type and shape."""
        stored = self.stored()
        return Opened(stored.geom, stored.dtype, stored.geom.shape)

    def read(self, window: Window, plane: tuple[int, ...] = ()) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx), in native byte order, gaps marked as
        `maskexpr.io.validity` has them.

        Parameters
        ----------
        window : Window
            Inside the map.
        plane : tuple of int
            Index along each non-spatial axis.

        Raises
        ------
        MaskValueError
            For a window or plane beyond the map.
        """
        check_inside(self.path, self.open().geom, window, plane)
        values = self.read_planes(tuple(slice(i, i + 1) for i in plane), window)
        return values.reshape(window.shape)

    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        """A window of several planes, shape (planes..., ny, nx)."""
        stored = self.stored()
        with borrowed(self.path, FormatError, self.path):
            return stored.read_planes(planes, window)


class ArraySource:
    """A map in memory: a numpy array, or a dask array that is computed where it is needed.

    Parameters
    ----------
    array : numpy or dask array, shape ``geom.shape``
        Not copied: it must not be changed any more. It may be masked, in any way that
        `maskexpr.io.validity` knows.
    geom : Grid
        Where it is.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> source = ArraySource(np.arange(6.0).reshape(2, 3), WcsGeom.create(npix=(3, 2)))
    >>> source.read(Window(1, 2, 0, 2))
    array([[3., 4.]])
    """

    __slots__ = ("_fingerprint", "array", "geom")

    def __init__(self, array: Any, geom: Grid) -> None:
        if not isinstance(geom, Grid):
            raise MaskTypeError(
                f"the second of (array, geom) must be a WcsGeom or another Grid, got {described(geom)}"
            )
        if not isinstance(array, da.Array):
            array = unwrapped(array)
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
            self._fingerprint = str(tokenize(_digest(self.array), self.geom))
        return self._fingerprint

    @property
    def identity(self) -> str:
        """Tells the values and the geometry without reading an array: equal for the same array, and for no
        other that ever was, here or in another process.
        """
        here = isinstance(self.array, np.ndarray)
        return f"{_mark_of(self.array)} {self.geom.fingerprint}" if here else self.fingerprint

    def open(self) -> Opened:
        """Geometry, type and shape."""
        return Opened(self.geom, self.array.dtype, self.geom.shape)

    def read(self, window: Window, plane: tuple[int, ...] = ()) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx)."""
        check_inside("the array", self.geom, window, plane)
        return window_of(self.array, self.geom, window, plane)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, ArraySource) and self.fingerprint == other.fingerprint)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        kind = "dask" if isinstance(self.array, da.Array) else "numpy"
        return f"ArraySource({kind} {self.array.dtype} {self.geom.shape})"


@record("array")
@dataclass(frozen=True, eq=False)
class EmbeddedSource:
    """A map of few pixels, copied so that nobody can change it.

    Parameters
    ----------
    values : ndarray, shape (planes..., ny, nx)
        The values.
    header, axes : str
        The geometry as two texts, see `maskexpr.io.xarray.geom_from_texts`.

    Examples
    --------
    >>> source = EmbeddedSource.of(np.arange(6.0).reshape(2, 3), WcsGeom.create(npix=(3, 2)))
    >>> source.read(Window(1, 2, 0, 2))
    array([[3., 4.]])
    """

    values: NDArray[Any]
    header: str
    axes: str

    @staticmethod
    def of(values: NDArray[Any], geom: WcsGeom | HpxGeom) -> EmbeddedSource:
        """A copy of an array on its geometry."""
        found, where = normal(values), texts_of(geom)
        native = frozen_array(_known(found), dtype=found.dtype.newbyteorder("="))
        if isinstance(found, np.ma.MaskedArray):
            return MaskedSource(native, *where, frozen_array(np.ma.getmaskarray(found), dtype=bool))
        return EmbeddedSource(native, *where)

    @property
    def array(self) -> NDArray[Any]:
        """The values, with their gaps."""
        return self.values

    @once
    def geom(self) -> WcsGeom | HpxGeom:
        """Where the values are."""
        return geom_from_texts(self.header, self.axes)

    def open(self) -> Opened:
        """Geometry, type and shape."""
        self._check()
        return Opened(self.geom, self.values.dtype, self.geom.shape)

    def _check(self) -> None:
        """An expression that was read may hold arrays for another geometry."""
        for each in (self.values, getattr(self, "missing", self.values)):
            if each.shape != self.geom.shape:
                raise GeometryError(
                    f"an array of shape {each.shape} does not fit the geometry's shape {self.geom.shape}"
                )

    def read(self, window: Window, plane: tuple[int, ...] = ()) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx)."""
        check_inside("the array", self.geom, window, plane)
        return window_of(self.array, self.geom, window, plane)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.values.dtype} {self.values.shape})"


@record("masked_array")
@dataclass(frozen=True, eq=False, repr=False)
class MaskedSource(EmbeddedSource):
    """A map of few integers or bool of which some are missing.

    Parameters
    ----------
    values, header, axes
        As of `EmbeddedSource`; 0 where there is no value, so that equal maps are equal.
    missing : ndarray of bool, of the shape of ``values``
        Where there is none.
    """

    missing: Bools

    @once
    def array(self) -> NDArray[Any]:
        """The values, with their gaps."""
        return np.ma.MaskedArray(self.values, mask=self.missing)


Source = FileSource | ArraySource | EmbeddedSource


def as_mask(values: NDArray[Any], what: str) -> Bools:
    """Stored zeros and ones as bool.

    Raises
    ------
    FormatError
        For any other value, NaN too: those are a map, and where it is True is for a `Threshold` to say.

    Examples
    --------
    >>> as_mask(np.array([0, 1]), "the array")
    array([False,  True])
    """
    if isinstance(values, np.ma.MaskedArray):
        raise FormatError(
            f"{what}: some pixels have no value (masked or BLANK); "
            "what a mask is there is for Raster(data, nan=) to say"
        )
    if values.dtype == np.bool_:
        return values
    if values.dtype == np.uint8 and values.max(initial=0) <= 1:
        return values.view(np.bool_)
    selected: Bools = values == 1
    odd = ~selected & (values != 0)
    if odd.any():
        raise FormatError(
            f"{what}: a mask holds 0 and 1 only, found {values[odd][0]}; select by value with a Threshold"
        )
    return selected


def _known(values: NDArray[Any]) -> NDArray[Any]:
    """Values as a plain array, gaps of integers as 0, whatever stood there."""
    return np.where(values.mask, values.dtype.type(0), values.data) if np.ma.isMA(values) else values


def _digest(array: Any) -> Any:
    """What tells an array from all others."""
    if isinstance(array, da.Array):
        return array.name
    found = normal(array)
    mask = array_digest(np.ma.getmaskarray(found)) if np.ma.isMA(found) else ""
    return array_digest(_known(found)), mask


def _mark_of(array: NDArray[Any]) -> str:
    """A word of its own for an array in memory. Its address alone may be another's when it is gone."""
    address = id(array)
    known, mark = _marks.get(address, (None, ""))
    if known is None or known() is not array:
        mark = uuid4().hex
        _marks[address] = ref(array, lambda gone: _forget(address, gone)), mark
    return mark


def _forget(address: int, gone: ref[Any]) -> None:
    if _marks.get(address, (None, ""))[0] is gone:
        del _marks[address]


def check_inside(what: str, geom: Grid, window: Window, plane: tuple[int, ...]) -> None:
    """Refuse a window or plane beyond the map."""
    ny, nx = geom.image_shape
    if window.intersect(Window(0, ny, 0, nx)) != window:
        raise MaskValueError(f"{what}: {window} is beyond the map of {ny, nx} pixels")
    sizes = [axis.nbin for axis in geom.axes]
    if len(plane) != len(sizes) or any(not 0 <= i < n for i, n in zip(plane, sizes, strict=True)):
        raise MaskValueError(f"{what}: there is no plane {plane} in a map of shape {geom.shape}")


def window_of(array: Any, geom: Grid, window: Window, plane: tuple[int, ...]) -> NDArray[Any]:
    """Values of a window of a plane of an array on a grid, shape (ny, nx), in native byte order.

    Examples
    --------
    >>> window_of(np.arange(6).reshape(2, 3), WcsGeom.create(npix=(3, 2)), Window(0, 1, 1, 3), ())
    array([[1, 2]])
    """

    def load(*place: slice) -> NDArray[Any]:
        piece = array[(*plane, *place)]
        # In a task already: another pool of threads inside it would only fight over the cores.
        if isinstance(piece, da.Array):
            piece = piece.compute(scheduler="synchronous")  # type: ignore[no-untyped-call]
        found = normal(piece)
        values: NDArray[Any] = found.astype(found.dtype.newbyteorder("="), copy=False)
        return values

    if isinstance(geom, HpxGeom):
        return read_cells(geom, window, lambda first, end: load(slice(first, end)))
    return load(slice(window.y0, window.y1), slice(window.x0, window.x1))


def in_chunks(array: NDArray[Any], chunks: Any) -> Any:
    """A numpy array as a dask array that is named by its values, which dask would hash on one thread.

    Examples
    --------
    >>> in_chunks(np.zeros((2, 3)), (1, 3)).numblocks
    (2, 1)
    """
    name = f"array-{tokenize(array_digest(array), chunks)}"
    return da.from_array(array, chunks=chunks, name=name)  # type: ignore[no-untyped-call]
