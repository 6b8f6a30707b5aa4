"""What users may give as a map, as a source or an array.

A small one is held by value: it is saved, compared and hashed with the expression it stands in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.errors import GeometryError, MaskValueError
from ..core.once import once
from ..core.records import frozen_array, record
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .gammapy import from_gammapy_map, is_gammapy_map
from .read import read_map
from .sources import ArraySource, FileSource, Opened, as_source
from .xarray import geom_from_attrs, geom_of

__all__ = ["LARGEST", "EmbeddedSource", "Source", "array_on_grid", "held_source"]

LARGEST: Final = 1 << 22
"""Bytes of an array that is still held by value."""


@record("array")
@dataclass(frozen=True, eq=False)
class EmbeddedSource:
    """A map of few pixels, copied so that nobody can change it.

    Parameters
    ----------
    values : ndarray, shape (planes..., ny, nx)
        The values.
    header, axes : str
        The geometry, as the coordinate ``sky_wcs`` of an array has it.

    Examples
    --------
    >>> source = EmbeddedSource.of(np.arange(6.0).reshape(2, 3), WcsGeom.create(npix=(3, 2)))
    >>> source.read(Window(1, 2, 0, 2))
    array([[3., 4.]])
    """

    values: NDArray[Any]
    header: str
    axes: str

    @classmethod
    def of(cls, values: NDArray[Any], geom: WcsGeom) -> EmbeddedSource:
        """A copy of an array on its geometry."""
        attrs = geom.to_attrs()
        native = frozen_array(values, dtype=values.dtype.newbyteorder("="))
        return cls(native, attrs["fits_header"], attrs["axes"])

    @once
    def geom(self) -> WcsGeom:
        """Where the values are."""
        return geom_from_attrs({"fits_header": self.header, "axes": self.axes})

    def open(self) -> Opened:
        """Geometry, type and shape."""
        return Opened(self.geom, self.values.dtype, self.geom.shape)

    def read(self, window: Window, plane: tuple[int, ...] = ()) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx)."""
        ny, nx = self.geom.image_shape
        if window.intersect(Window(0, ny, 0, nx)) != window or len(plane) != self.values.ndim - 2:
            raise MaskValueError(f"there is no {window} of plane {plane} in a map of shape {self.geom.shape}")
        values: NDArray[Any] = self.values[plane][window.y0 : window.y1, window.x0 : window.x1]
        return values

    def __repr__(self) -> str:
        return f"EmbeddedSource({self.values.dtype} {self.values.shape})"


Source = FileSource | ArraySource | EmbeddedSource


def held_source(data: Any) -> Source:
    """What users may give as a map, as a source; small arrays in memory are held by value.

    Parameters
    ----------
    data : object
        As `maskexpr.io.sources.as_source` takes it.

    Examples
    --------
    >>> held_source((np.zeros((2, 3)), WcsGeom.create(npix=(3, 2))))
    EmbeddedSource(float64 (2, 3))
    """
    if isinstance(data, EmbeddedSource):
        return data
    source = as_source(data)
    if isinstance(source, FileSource) or isinstance(source.array, da.Array) or source.array.nbytes > LARGEST:
        return source
    return EmbeddedSource.of(source.array, source.geom)


def array_on_grid(data: Any) -> tuple[da.Array | NDArray[Any], WcsGeom]:
    """The array and the geometry of what users may give as a map; a file as a lazy array.

    Parameters
    ----------
    data : object
        As `maskexpr.io.sources.as_source` takes it. Arrays in memory are not
        copied, nor hashed as a source would.

    Examples
    --------
    >>> array_on_grid((np.zeros((2, 3)), WcsGeom.create(npix=(3, 2))))[0].shape
    (2, 3)
    """
    if is_gammapy_map(data):
        data = from_gammapy_map(data)
    if isinstance(data, xr.DataArray) and (data.chunks is not None or data.variable._in_memory):
        return data.data, geom_of(data)
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[1], WcsGeom):
        array = data[0] if isinstance(data[0], da.Array) else np.asarray(data[0])
        if array.shape != data[1].shape:
            raise GeometryError(f"an array of shape {array.shape} does not fit the geometry {data[1]!r}")
        return array, data[1]
    source = as_source(data)
    if isinstance(source, FileSource):
        return read_map(source.path, source.hdu).data, source.open().geom
    return source.array, source.geom
