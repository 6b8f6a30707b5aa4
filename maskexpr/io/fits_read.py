"""Images, cubes and sparse maps of FITS files, read by windows; no file handle is shared between threads."""

from __future__ import annotations

import mmap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.errors import AxisError, FormatError, GeometryError
from ..grid.wcs.geom import WcsGeom
from ..grid.wcs.header import find_bands
from ..pixels.window import Window
from .fits_write import provenance_of
from .unpacked import Stamp, exclusive, open_bytes, size_of

__all__ = ["Layout", "locate", "read_planes"]

_SAMPLES: Final = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class Layout:
    """Where the values of a map are in a file, and how to understand them.

    Parameters
    ----------
    path, stamp
        The file.
    index, name
        Number and name of the HDU.
    kind : {"image", "sparse", "compressed"}
        How the values are stored.
    start : int
        Byte at which an image's values begin.
    geom : WcsGeom
        The map.
    stored : dtype
        Of the values in the file.
    scale, zero, blank
        BSCALE, BZERO and BLANK.
    provenance : tuple of (str, str)
        Texts of the file's table ``MASKEXPR``.
    unit : str
        BUNIT.
    """

    path: str
    stamp: Stamp
    index: int
    name: str
    kind: str
    start: int
    geom: WcsGeom
    stored: np.dtype[Any]
    scale: float = 1.0
    zero: float = 0.0
    blank: int | None = None
    provenance: tuple[tuple[str, str], ...] = ()
    unit: str = ""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values as they are read, in native byte order."""
        return self.convert(np.zeros(1, self.stored)).dtype

    def convert(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Values of what is stored: unsigned integers as FITS hides them, scaled numbers, NaN for BLANK."""
        native: NDArray[Any] = raw.astype(raw.dtype.newbyteorder("="))
        bits = 8 * native.dtype.itemsize
        if self.scale == 1 and self.zero == 0 and (self.blank is None or native.dtype.kind == "f"):
            return native
        if (
            native.dtype.kind != "f"
            and self.scale == 1
            and self.zero == (-128 if bits == 8 else 2.0 ** (bits - 1))
        ):
            # Zero is moved by half the range, which is one bit: the sign's.
            unsigned: NDArray[Any] = native.view(f"u{bits // 8}") ^ np.array(1 << (bits - 1), f"u{bits // 8}")
            return unsigned.view(np.int8) if bits == 8 else unsigned
        kind = native.dtype if native.dtype.kind == "f" else np.dtype(np.float64 if bits > 16 else np.float32)
        values: NDArray[Any] = native.astype(kind)
        values *= self.scale
        values += self.zero
        if self.blank is not None and native.dtype.kind != "f":
            values[native == self.blank] = np.nan
        return values


@lru_cache(maxsize=64)
def locate(path: str, stamp: Stamp, hdu: str | int | None, prefer: str | None = None) -> Layout:
    """Find a map in a file and read its headers, once in each process.

    Parameters
    ----------
    path, stamp
        The file.
    hdu : str or int, optional
        Which HDU; if not given, the one named ``prefer``, else the first that holds a map.

    Raises
    ------
    FormatError
        If there is no such map, or the file is cut short.
    GeometryError
        If its header describes no usable geometry.
    """
    with _opened(path, stamp) as hdus:
        index = _index(path, hdus, hdu, prefer)
        image = hdus[index]
        name = image.name or "PRIMARY"
        header = image.header
        try:
            geom = WcsGeom.from_header(header, find_bands(hdus, image))
        except (GeometryError, FormatError, AxisError) as err:
            raise type(err)(f"{path}, HDU {name!r}: {err}") from err
        facts: dict[str, Any] = {
            "provenance": tuple(provenance_of(hdus).items()),
            "unit": str(header.get("BUNIT", "")),
        }
        if isinstance(image, fits.CompImageHDU):
            sample = image.section[(slice(0, 1),) * header["NAXIS"]]
            return Layout(
                path, stamp, index, name, "compressed", 0, geom, sample.dtype.newbyteorder("="), **facts
            )
        if isinstance(image, fits.BinTableHDU):
            stored = image.columns["VALUE"].dtype.newbyteorder("=")
            return Layout(path, stamp, index, name, "sparse", 0, geom, stored, **facts)
        stored = np.dtype(_SAMPLES[header["BITPIX"]])
        start = int(image.fileinfo()["datLoc"])
        facts |= {
            "scale": float(header.get("BSCALE", 1)),
            "zero": float(header.get("BZERO", 0)),
            "blank": header.get("BLANK"),
        }
    end = start + int(np.prod(geom.shape)) * stored.itemsize
    if size_of(path, stamp) < end:
        raise FormatError(f"{path}, HDU {name!r}: the file is cut short, {end} bytes are needed")
    return Layout(path, stamp, index, name, "image", start, geom, stored, **facts)


def _index(path: str, hdus: fits.HDUList, hdu: str | int | None, prefer: str | None) -> int:
    """Number of the HDU that was asked for."""
    maps = [number for number, each in enumerate(hdus) if _holds_map(each)]
    names = ", ".join(f"{number} {each.name or 'PRIMARY'}" for number, each in enumerate(hdus))
    if hdu is None:
        if not maps:
            raise FormatError(f"{path}: no HDU holds an image with celestial coordinates; there are {names}")
        return next((number for number in maps if hdus[number].name == prefer), maps[0])
    try:
        index = int(hdus.index_of(hdu))
        asked = hdus[index]
    except (KeyError, IndexError) as err:
        raise FormatError(f"{path}: no HDU {hdu!r}; there are {names}") from err
    if not _holds_map(asked):
        raise FormatError(f"{path}: HDU {hdu!r} holds no image with celestial coordinates; there are {names}")
    return index


def _holds_map(hdu: Any) -> bool:
    if "CTYPE1" not in hdu.header:
        return False
    if isinstance(hdu, fits.BinTableHDU) and not isinstance(hdu, fits.CompImageHDU):
        return "WCSSHAPE" in hdu.header and {"PIX", "VALUE"} <= set(hdu.columns.names)
    return bool(hdu.header.get("NAXIS", 0) >= 2)


def read_planes(layout: Layout, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
    """A window of some planes of a map, shape (planes..., ny, nx), in native byte order."""
    axes = layout.geom.shape[:-2]
    numbers = np.arange(int(np.prod(axes))).reshape(axes)[planes]
    read = {"image": _image, "sparse": _sparse, "compressed": _compressed}[layout.kind]
    values = np.empty((numbers.size, *window.shape), layout.dtype)
    for each, number in zip(values, numbers.flat, strict=True):
        each[...] = read(layout, int(number), window)
    return values.reshape(*numbers.shape, *window.shape)


def _image(layout: Layout, number: int, window: Window) -> NDArray[Any]:
    y0, y1, x0, x1 = window
    with open_bytes(layout.path, layout.stamp) as file:
        # Mapped anew each time: that takes microseconds, and there is nothing to share.
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    cube = np.ndarray(
        (int(np.prod(layout.geom.shape[:-2])), *layout.geom.image_shape), layout.stored, whole, layout.start
    )
    return layout.convert(cube[number, y0:y1, x0:x1])


def _compressed(layout: Layout, number: int, window: Window) -> NDArray[Any]:
    y0, y1, x0, x1 = window
    with _opened(layout.path, layout.stamp) as hdus:
        image = hdus[layout.index]
        planes = np.unravel_index(number, image.shape[:-2]) if len(image.shape) > 2 else ()
        index = (*(int(i) for i in planes), slice(y0, y1), slice(x0, x1))
        return np.asarray(image.section[index])


def _sparse(layout: Layout, number: int, window: Window) -> NDArray[Any]:
    keys, values = _listed(layout)
    ny, nx = layout.geom.image_shape
    first, last = np.searchsorted(keys, [(number * ny + window.y0) * nx, (number * ny + window.y1) * nx])
    y, x = np.divmod(keys[first:last] - number * ny * nx, nx)
    inside = (x >= window.x0) & (x < window.x1)
    out = np.zeros(window.shape, layout.dtype)
    out[y[inside] - window.y0, x[inside] - window.x0] = values[first:last][inside]
    return out


@lru_cache(maxsize=4)
def _listed(layout: Layout) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Pixels of a sparse map in order: their number in the whole cube, and their value."""
    ny, nx = layout.geom.image_shape
    with _opened(layout.path, layout.stamp) as hdus:
        table = hdus[layout.index].data
        pixel = np.array(table["PIX"], dtype=np.int64)
        channel = (
            np.array(table["CHANNEL"], dtype=np.int64)
            if "CHANNEL" in table.columns.names
            else np.zeros_like(pixel)
        )
        values = np.array(table["VALUE"], dtype=layout.dtype)
    odd = np.flatnonzero(
        (pixel < 0) | (pixel >= ny * nx) | (channel < 0) | (channel >= np.prod(layout.geom.shape[:-2]))
    )
    if odd.size:
        raise FormatError(
            f"{layout.path}, HDU {layout.name!r}, row {odd[0]}: pixel {pixel[odd[0]]} of channel "
            f"{channel[odd[0]]} is beyond the map"
        )
    keys = channel * (ny * nx) + pixel
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


@contextmanager
def _opened(path: str, stamp: Stamp) -> Iterator[fits.HDUList]:
    """The HDUs of a file, by a handle of the caller's own; values are not touched by scaling."""
    with exclusive(path, stamp) as file:
        try:
            with warnings.catch_warnings():
                # Whether the values that are wanted are there is checked, and is an error.
                warnings.filterwarnings("ignore", message="File may have been truncated")
                hdus = fits.open(file, memmap=False)
                len(hdus)
        except OSError as err:
            raise FormatError(f"{path}: neither a FITS file nor a zarr store: {err}") from err
        with hdus:
            yield hdus
