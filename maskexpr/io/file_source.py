"""Maps in files, read by windows inside the task that needs them."""

from __future__ import annotations

import os
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.errors import FormatError, GeometryError, MaskTypeError, MaskValueError
from ..core.records import record
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from . import fits_read, zarr
from .unpacked import Stamp, stamp_of
from .xarray import geom_of

__all__ = ["FileSource", "MapSource", "Opened", "as_mask", "check_inside", "check_number"]

_MASK = "mask"


class Opened(NamedTuple):
    """What a map is, without its values."""

    geom: WcsGeom
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class MapSource(Protocol):
    """A map that is read by windows."""

    def open(self) -> Opened:
        """Geometry, type and shape; no value is read."""
        ...

    def read(self, window: Window, plane: tuple[int, ...] = ()) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx), in native byte order."""
        ...


@record("file")
@dataclass(frozen=True)
class FileSource:
    """A map in a FITS file or a zarr store; it holds no more than the name, so it is cheap to send and save.

    Parameters
    ----------
    path : str
        The file as the user named it; a relative one is seen from the folder of the process that reads.
    hdu : str or int, optional
        Name or number of the HDU, or name of the variable in a zarr store; the first map if not given.

    Examples
    --------
    >>> FileSource("counts.fits.gz", "COUNTS")
    FileSource(path='counts.fits.gz', hdu='COUNTS')
    """

    path: str
    hdu: str | int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.fspath(self.path))

    def open(self) -> Opened:
        """Geometry, type and shape.

        Raises
        ------
        FileMissingError
            If the file is not there.
        FormatError, GeometryError
            If it holds no such map.
        """
        if self.is_zarr:
            return _open_zarr(self, self.stamp)
        layout = self.layout()
        return Opened(layout.geom, layout.dtype, layout.geom.shape)

    def read(self, window: Window, plane: tuple[int, ...] = ()) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx), in native byte order.

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
        check_inside(self.path, self.open().shape, window, plane)
        values = self.read_planes(tuple(slice(i, i + 1) for i in plane), window)
        return values.reshape(window.shape)

    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        """A window of several planes, shape (planes..., ny, nx)."""
        if self.is_zarr:
            return zarr.read_planes(self.path, stamp_of(self.path), str(self.variable().name), planes, window)
        return fits_read.read_planes(self.layout(), planes, window)

    @property
    def is_zarr(self) -> bool:
        """Whether the file is a folder."""
        return os.path.isdir(self.path)

    @property
    def stamp(self) -> Stamp:
        """Changes when the file does."""
        return stamp_of(self.path)

    def layout(self, prefer: str | None = None) -> fits_read.Layout:
        """Where the map is in its FITS file."""
        return fits_read.locate(self.path, self.stamp, self.hdu, prefer)

    def variable(self, prefer: str | None = None) -> xr.DataArray:
        """The lazy variable of a zarr store."""
        data = zarr.dataset(self.path, self.stamp)
        names = [
            name for name, each in sorted(data.data_vars.items(), key=str) if each.dims[-2:] == ("y", "x")
        ]
        name: Hashable | None = self.hdu
        if name is None:
            name = (
                prefer
                if prefer in names
                else _MASK
                if _MASK in names
                else names[0]
                if len(names) == 1
                else None
            )
        if name is None or name not in names:
            wanted = (
                "no variable was named"
                if self.hdu is None
                else f"no variable {self.hdu!r} with dims (..., 'y', 'x')"
            )
            raise FormatError(f"{self.path}: {wanted}; there are {', '.join(map(str, names)) or 'none'}")
        return data[name]


def as_mask(values: NDArray[Any], what: str) -> NDArray[np.bool_]:
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
    if values.dtype == np.bool_:
        return values
    selected: NDArray[np.bool_] = values == 1
    odd = ~selected & (values != 0)
    if odd.any():
        raise FormatError(
            f"{what}: a mask holds 0 and 1 only, found {values[odd][0]}; select by value with a Threshold"
        )
    return selected


def check_inside(what: str, shape: tuple[int, ...], window: Window, plane: tuple[int, ...]) -> None:
    """Refuse a window or plane beyond the map."""
    if window.intersect(Window(0, shape[-2], 0, shape[-1])) != window:
        raise MaskValueError(f"{what}: {window} is beyond the map of {shape[-2:]} pixels")
    if len(plane) != len(shape) - 2 or any(not 0 <= i < n for i, n in zip(plane, shape, strict=False)):
        raise MaskValueError(f"{what}: there is no plane {plane} in a map of shape {shape}")


def check_number(dtype: Any, what: str) -> np.dtype[Any]:
    """The type of a map's values, refused if they are no numbers."""
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.kind not in "biuf":
        raise MaskTypeError(f"{what}: a map must hold numbers or bool, got {kind}")
    return kind


@lru_cache(maxsize=64)
def _open_zarr(source: FileSource, stamp: Stamp) -> Opened:
    """Kept: to see that the coordinates of a long axis have no gap can take longer than to read a tile."""
    array = source.variable()
    try:
        geom = geom_of(array)
    except GeometryError as err:
        raise GeometryError(f"{source.path}: {err}") from err
    return Opened(geom, check_number(array.dtype, source.path), geom.shape)
