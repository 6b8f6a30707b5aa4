"""Maps and masks in FITS files.

Images, cubes and sparse maps are read by windows; no file handle is shared between threads. A mask is written
as uint8 in one HDU named MASK, as gammapy reads it, piecewise into a sparse file.
"""

from __future__ import annotations

import io
import math
import mmap
import os
import zlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.errors import FormatError, MaskError
from ..core.limits import check_limit
from ..doors.fits import open_fits
from ..grid.wcs.geom import WcsGeom
from ..grid.wcs.header import bands_hdu, find_bands
from ..pixels.window import Window
from .coding import Coding, column_coding, column_values
from .formats import Format, StoredMap
from .unpacked import Stamp, exclusive, open_bytes, size_of
from .validity import normal
from .writer import MaskWriter, temporary_beside

__all__ = ["FITS"]

_MASK: Final = "MASK"
# The table that holds the texts of a mask's provenance.
_PROVENANCE: Final = "MASKEXPR"
_SAMPLES: Final = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_CODING: Final = ("BSCALE", "BZERO", "BLANK")
_BLOCK: Final = 2880
_CARD: Final = 80
_BAND: Final = 1 << 22
_PIECE: Final = 1 << 20
# A mask is runs of equal bytes. Told to look for nothing else, zlib takes 430 MB/s of it instead of 240, and
# makes a smaller file (44 kB instead of 52) than with its usual search at level 6.
_LEVEL: Final = 6
_GZIP_WINDOW: Final = 31


@dataclass(frozen=True, eq=False, kw_only=True)
class _FitsMap(StoredMap):
    """A map in one HDU: the key is its number."""

    stamp: Stamp

    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        axes = self.geom.shape[:-2]
        numbers = np.arange(int(np.prod(axes))).reshape(axes)[planes]
        values = [self.read_plane(int(number), window) for number in numbers.flat]
        # numpy.ma's own function keeps the masks.
        whole: NDArray[Any] = (np.ma.stack if self.has_gaps else np.stack)(values)
        return whole.reshape(*numbers.shape, *window.shape)

    @abstractmethod
    def read_plane(self, number: int, window: Window) -> NDArray[Any]:
        """A window of one plane, by its number in the flattened axes."""


@dataclass(frozen=True, eq=False, kw_only=True)
class _Image(_FitsMap):
    """Plain bytes: where the values begin, and how they are stored."""

    start: int
    coding: Coding

    def read_plane(self, number: int, window: Window) -> NDArray[Any]:
        y0, y1, x0, x1 = window
        with open_bytes(self.path, self.stamp) as file:
            # Mapped anew each time: that takes microseconds, and there is nothing to share.
            whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        shape = (int(np.prod(self.geom.shape[:-2])), *self.geom.image_shape)
        cube = np.ndarray(shape, self.coding.stored, whole, self.start)
        return self.coding.decode(cube[number, y0:y1, x0:x1])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Compressed(_FitsMap):
    """An image compressed by tiles, which astropy unpacks."""

    coding: Coding

    def read_plane(self, number: int, window: Window) -> NDArray[Any]:
        y0, y1, x0, x1 = window
        with _opened(self.path, self.stamp) as hdus:
            image = hdus[self.key]
            planes = np.unravel_index(number, image.shape[:-2]) if len(image.shape) > 2 else ()
            index = (*(int(i) for i in planes), slice(y0, y1), slice(x0, x1))
            return self.coding.decode(np.asarray(image.section[index]))


class _Sparse(_FitsMap):
    """A table of the pixels that are not zero."""

    def read_plane(self, number: int, window: Window) -> NDArray[Any]:
        keys, values = _listed(self)
        ny, nx = self.geom.image_shape
        first, last = np.searchsorted(keys, [(number * ny + window.y0) * nx, (number * ny + window.y1) * nx])
        y, x = np.divmod(keys[first:last] - number * ny * nx, nx)
        inside = (x >= window.x0) & (x < window.x1)
        out: NDArray[Any] = (np.ma.zeros if self.has_gaps else np.zeros)(window.shape, self.dtype)
        out[y[inside] - window.y0, x[inside] - window.x0] = values[first:last][inside]
        return normal(out)


def _open(path: str, stamp: Stamp, hdu: str | int | None, mask: bool) -> StoredMap:
    """Find a map in a file and read its headers.

    Without ``hdu`` it is the one named MASK if a mask is wanted, else the first.
    """
    with _opened(path, stamp) as hdus:
        index = _index(path, hdus, hdu, _MASK if mask else None)
        image = hdus[index]
        name, header = image.name or "PRIMARY", image.header
        try:
            geom = WcsGeom.from_header(header, find_bands(hdus, image))
        except MaskError as err:
            raise type(err)(f"{path}, HDU {name!r}: {err}") from err
        facts: dict[str, Any] = {
            "path": path,
            "stamp": stamp,
            "key": index,
            "name": name.lower(),
            "geom": geom,
            "attrs": {"units": str(header["BUNIT"])} if header.get("BUNIT") else {},
            "provenance": _provenance_of(hdus),
        }
        coding = _coding_of(image, f"{path}, HDU {name!r}")
        facts |= {"dtype": coding.dtype, "has_gaps": coding.has_gaps}
        if isinstance(image, fits.CompImageHDU):
            check_limit(
                "chunk_bytes", math.prod(image.tile_shape) * 8, f"{path}, HDU {name!r}", "bytes a tile"
            )
            return _Compressed(coding=coding, **facts)
        if isinstance(image, fits.BinTableHDU):
            return _Sparse(**facts)
        start = int(image.fileinfo()["datLoc"])
    end = start + int(np.prod(geom.shape)) * coding.stored.itemsize
    if size_of(path, stamp) < end:
        raise FormatError(f"{path}, HDU {name!r}: the file is cut short, {end} bytes are needed")
    return _Image(start=start, coding=coding, **facts)


def _coding_of(hdu: Any, what: str) -> Coding:
    if isinstance(hdu, fits.CompImageHDU):
        stored = hdu.section[(slice(0, 1),) * hdu.header["NAXIS"]].dtype
    elif isinstance(hdu, fits.BinTableHDU):
        return column_coding(hdu, "VALUE", what)
    else:
        stored = np.dtype(_SAMPLES[hdu.header["BITPIX"]])
    return Coding.of(stored, {key: hdu.header[key] for key in _CODING if key in hdu.header}, _CODING, what)


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


@lru_cache(maxsize=4)
def _listed(stored: _Sparse) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Pixels of a sparse map in order: their number in the whole cube, and their value."""
    ny, nx = stored.geom.image_shape
    with _opened(stored.path, stored.stamp) as hdus:
        table = hdus[stored.key].data
        pixel = np.array(table["PIX"], dtype=np.int64)
        channel = (
            np.array(table["CHANNEL"], dtype=np.int64)
            if "CHANNEL" in table.columns.names
            else np.zeros_like(pixel)
        )
        values = column_values(hdus[stored.key], "VALUE", stored.path)
    odd = np.flatnonzero(
        (pixel < 0) | (pixel >= ny * nx) | (channel < 0) | (channel >= np.prod(stored.geom.shape[:-2]))
    )
    if odd.size:
        raise FormatError(
            f"{stored.path}, HDU {stored.name.upper()!r}, row {odd[0]}: pixel {pixel[odd[0]]} of channel "
            f"{channel[odd[0]]} is beyond the map"
        )
    keys = channel * (ny * nx) + pixel
    order = np.argsort(keys, kind="stable")
    return keys[order], values[order]


@contextmanager
def _opened(path: str, stamp: Stamp) -> Iterator[fits.HDUList]:
    """The HDUs of a file, by a handle of the caller's own; values are not touched by scaling."""
    with exclusive(path, stamp) as file, open_fits(file, path) as hdus:
        yield hdus


def _provenance_of(hdus: fits.HDUList) -> dict[str, str]:
    """The texts of the table ``MASKEXPR``, or nothing."""
    if _PROVENANCE not in hdus:
        return {}
    table = hdus[_PROVENANCE].data
    return {
        str(key): bytes(text).decode("utf-8") for key, text in zip(table["KEY"], table["TEXT"], strict=True)
    }


class FitsWriter(MaskWriter):
    """Writes a FITS file patch by patch; see `MaskWriter`.

    The image is a hole in a file of full length, and only rows that hold a True pixel are filled in. For
    ``.fits.gz`` that sparse file is compressed as a stream when it is complete, because gzip takes pixels in
    the order of the rows only.
    """

    _file: IO[bytes] | None = None
    _start = 0

    def create(self, temporary: Path) -> None:
        head = bytes(fits.PrimaryHDU().header.tostring(), "ascii") + self._header()
        size = int(np.prod(self.geom.shape))
        self._start = len(head)
        # Unbuffered, so that a full disk is an error of the row that met it.
        self._file = temporary.open("xb", buffering=0)
        self._file.write(head)
        self._file.truncate(self._start + -(-size // _BLOCK) * _BLOCK)
        self._file.seek(0, os.SEEK_END)
        if self.geom.axes:
            self._file.write(_bytes_of(bands_hdu(self.geom.axes, "MASK_BANDS")))
        if self.provenance:
            self._file.write(_bytes_of(_provenance_hdu(self.provenance)))

    def _header(self) -> bytes:
        """Header of the image: the mandatory cards, then the geometry's own, to the last digit."""
        shape = self.geom.shape[::-1]
        first: list[tuple[str, str | int]] = [("XTENSION", "IMAGE"), ("BITPIX", 8), ("NAXIS", len(shape))]
        first += [(f"NAXIS{i}", n) for i, n in enumerate(shape, 1)]
        first += [("PCOUNT", 0), ("GCOUNT", 1), ("EXTNAME", _MASK)]
        if self.geom.axes:
            first.append(("BANDSHDU", "MASK_BANDS"))
        text = "".join(str(fits.Card(key, value)) for key, value in first)
        for card in self.geom.to_header().cards:
            if not card.keyword.startswith("NAXIS"):
                text += str(card)
        text += "END".ljust(_CARD)
        return text.ljust(-(-len(text) // _BLOCK) * _BLOCK).encode("ascii")

    def write(self, plane: tuple[int, ...], window: Window, value: NDArray[np.bool_] | bool) -> None:
        ny, nx = self.geom.image_shape
        number = int(np.ravel_multi_index(plane, self.axes_shape)) if plane else 0
        origin = self._start + number * ny * nx
        rows, columns = window.shape
        if value is True:
            pixels = np.ones((min(rows, max(1, _BAND // columns)), columns), np.uint8)
            marked = np.arange(rows)
        else:
            assert not isinstance(value, bool)
            pixels = np.ascontiguousarray(value).view(np.uint8)
            marked = np.flatnonzero(pixels.any(axis=1))
        with self.lock:
            if columns == nx:
                self._write_bands(origin + window.y0 * nx, pixels, rows)
                return
            for row in marked:
                self._put(origin + (window.y0 + int(row)) * nx + window.x0, pixels[row % len(pixels)])

    def _write_bands(self, offset: int, pixels: NDArray[np.uint8], rows: int) -> None:
        """Whole rows, which are contiguous in the file, in few large writes."""
        band = max(1, _BAND // pixels.shape[1])
        for first in range(0, rows, band):
            at = first % len(pixels)
            some = pixels[at : at + min(band, rows - first)]
            if some.any():
                self._put(offset + first * pixels.shape[1], some)

    def _put(self, offset: int, values: NDArray[np.uint8]) -> None:
        assert self._file is not None
        self._file.seek(offset)
        left = values.reshape(-1).data
        while len(left):
            left = left[self._file.write(left) :]

    def finish(self, temporary: Path) -> Path:
        assert self._file is not None
        packs = self.path.name.lower().endswith(".gz")
        if not packs:
            os.fsync(self._file.fileno())
        self.close()
        if not packs:
            return temporary
        packed = temporary_beside(self.path)
        try:
            with temporary.open("rb") as plain, packed.open("xb") as out:
                _pack(plain, out)
                os.fsync(out.fileno())
        except BaseException:
            packed.unlink(missing_ok=True)
            raise
        return packed

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _pack(plain: IO[bytes], out: IO[bytes]) -> None:
    """Gzip a stream in pieces. zlib puts no name and time into the header, so equal masks are equal files."""
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW, 9, zlib.Z_RLE)
    while piece := plain.read(_PIECE):
        out.write(stream.compress(piece))
    out.write(stream.flush())
    out.flush()


def _provenance_hdu(texts: Mapping[str, str]) -> fits.BinTableHDU:
    """A table, because a long text as header cards (CONTINUE) is read in quadratic time."""
    encoded = np.empty(len(texts), dtype=object)
    encoded[:] = [np.frombuffer(text.encode("utf-8"), np.uint8) for text in texts.values()]
    keys = list(texts)
    columns = [
        fits.Column("KEY", f"{max(map(len, keys))}A", array=np.array(keys)),
        fits.Column("TEXT", "PB()", array=encoded),
    ]
    return fits.BinTableHDU.from_columns(columns, name=_PROVENANCE)


def _bytes_of(hdu: fits.BinTableHDU) -> bytes:
    """An extension as it stands in a file."""
    whole = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(whole)
    return whole.getvalue()[_BLOCK:]


FITS = Format(
    name="a FITS file",
    suffixes=(".fits", ".fits.gz"),
    magic=b"SIMPLE  =",
    open=_open,
    writer=FitsWriter,
)
