"""Maps and masks in FITS files, read by windows: images, cubes and sparse maps; of cells, in other modules.

No file handle is shared between threads. How masks are written is in `maskexpr.io.fits_product`.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.errors import (
    FormatError,
    IncompleteMaskError,
    IntegrityError,
    LimitError,
    MaskError,
    MaskValueError,
)
from ..doors.compressed import check_compressed
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..grid.wcs.header import find_bands
from ..pixels.window import Window
from .cards_of_cells import is_cells
from .coding import Coding, column_coding, column_values
from .fits_cells import open_cells
from .fits_cells_product import CellsWriter
from .fits_product import BLOCK, MASK, FitsWriter, Mark, audit_sums, mark_of, read_manifest, read_texts
from .formats import Format, StoredMap
from .healsparse import HealSparseWriter, is_healsparse, open_healsparse
from .unpacked import Stamp, exclusive, first_bytes, open_hdus, read_spans, size_of
from .validity import normal
from .writer import MaskWriter

__all__ = ["FITS", "HEALSPARSE"]

# Number of the HDU that holds the mask of a product.
_FIRST: Final = 1


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

    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        values = super().read_planes(planes, window)
        if self.manifest is not None:
            axes = self.geom.planes_shape
            self.manifest.check(
                self.path,
                planes,
                window,
                values,
                lambda plane, tile: self.read_plane(
                    int(np.ravel_multi_index(plane, axes)) if axes else 0, tile
                ),
            )
        return values

    def audit(self) -> None:
        audit_sums(self.path, self.stamp)

    def read_plane(self, number: int, window: Window) -> NDArray[Any]:
        y0, y1, x0, x1 = window
        ny, nx = self.geom.image_shape
        # One span of whole rows where that is not much more, else a span a row.
        left, right = (0, nx) if 2 * (x1 - x0) >= nx else (x0, x1)
        width = right - left
        stored = self.coding.stored
        rows = [self.start + ((number * ny + y) * nx + left) * stored.itemsize for y in range(y0, y1)]
        sizes = [width * stored.itemsize] * len(rows)
        if width == nx:
            rows, sizes = rows[:1], [sum(sizes)]
        values = read_spans(self.path, self.stamp, rows, sizes).view(stored).reshape(y1 - y0, width)
        return self.coding.decode(values[:, x0 - left : x1 - left])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Compressed(_FitsMap):
    """An image compressed by tiles, which astropy unpacks."""

    coding: Coding

    def read_plane(self, number: int, window: Window) -> NDArray[Any]:
        y0, y1, x0, x1 = window
        with open_hdus(self.path, self.stamp) as hdus:
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
    if size_of(path, stamp) < BLOCK:
        raise IntegrityError(f"{path}: not a FITS file that can be read: it is cut short")
    mark = mark_of(first_bytes(path, stamp, BLOCK))
    if mark is Mark.UNFINISHED:
        raise IncompleteMaskError(f"{path}: a mask whose writing was cut short; write it again")
    index = column = None
    try:
        with open_hdus(path, stamp) as hdus:
            found = read_manifest(hdus)
            if found is None and mark is Mark.PRODUCT:
                raise IntegrityError(f"{path}: the file is cut short or damaged, its manifest is lost")
            index, column = _index(path, hdus, hdu, MASK if mask else None)
            stored = _OPEN[_kind(hdus[index])](path, stamp, hdus, index, column)
        # However it was named: by its number, its name, or a column of its cells.
        if found is not None and index == _FIRST:
            found.manifest.check_frame(path, stored.geom, stored.provenance, found.seal)
            return replace(stored, manifest=found.manifest)
        return stored
    except (IntegrityError, LimitError):
        raise
    except MaskError as err:
        # Of a product nothing can go wrong here but what damage does; a user may name what is not there.
        if mark is Mark.PRODUCT and column is None and (hdu in (None, _FIRST, MASK) or index == _FIRST):
            raise IntegrityError(f"{path}: the headers are not what was written: {err}") from err
        raise


def _open_image(path: str, stamp: Stamp, hdus: fits.HDUList, index: int, column: str | None) -> StoredMap:
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
        "provenance": read_texts(hdus),
    }
    if isinstance(image, fits.CompImageHDU):
        with exclusive(path, stamp) as file:
            check_compressed(file, index, path)
    coding = _coding_of(image, f"{path}, HDU {name!r}")
    facts |= {"dtype": coding.dtype, "has_gaps": coding.has_gaps}
    if isinstance(image, fits.CompImageHDU):
        return _Compressed(coding=coding, **facts)
    if isinstance(image, fits.BinTableHDU):
        return _Sparse(**facts)
    start = int(image.fileinfo()["datLoc"])
    end = start + int(np.prod(geom.shape)) * coding.stored.itemsize
    if size_of(path, stamp) < end:
        raise IntegrityError(f"{path}, HDU {name!r}: the file is cut short, {end} bytes are needed")
    return _Image(start=start, coding=coding, **facts)


def _coding_of(hdu: Any, what: str) -> Coding:
    if isinstance(hdu, fits.CompImageHDU):
        return Coding.of_image(hdu.header, hdu.section[(slice(0, 1),) * hdu.header["NAXIS"]].dtype, what)
    if isinstance(hdu, fits.BinTableHDU):
        return column_coding(hdu, "VALUE", what)
    return Coding.of_image(hdu.header, hdu.header["BITPIX"], what)


def _index(
    path: str, hdus: fits.HDUList, hdu: str | int | None, prefer: str | None
) -> tuple[int, str | None]:
    """Number of the HDU that was asked for; of a table of cells perhaps one column."""
    maps = [number for number, each in enumerate(hdus) if _kind(each)]
    names = ", ".join(f"{number} {each.name or 'PRIMARY'}" for number, each in enumerate(hdus))
    if hdu is None:
        if not maps and any(each.header.get("ORDERING") in ("NUNIQ", "RANGE") for each in hdus):
            raise FormatError(f"{path}: a MOC, a set of cells without a map: read it with maskexpr.Moc.read")
        if not maps:
            raise FormatError(
                f"{path}: no HDU holds an image with celestial coordinates, or cells; there are {names}"
            )
        return next((number for number in maps if hdus[number].name == prefer), maps[0]), None
    try:
        index = int(hdus.index_of(hdu))
        asked = hdus[index]
        # Numbers from the end are others of the same HDU.
        index %= len(hdus)
    except (KeyError, IndexError) as err:
        for number in maps:
            if _kind(hdus[number]) == "cells" and hdu in hdus[number].columns.names:
                return number, str(hdu)
        raise FormatError(f"{path}: no HDU {hdu!r}; there are {names}") from err
    if not _kind(asked):
        raise FormatError(
            f"{path}: HDU {hdu!r} holds no image with celestial coordinates, nor cells; there are {names}"
        )
    return index, None


def _kind(hdu: Any) -> str:
    """What kind of map an HDU holds, if any."""
    if is_cells(hdu):
        return "cells"
    if is_healsparse(hdu):
        return "healsparse"
    if "CTYPE1" not in hdu.header:
        return ""
    if isinstance(hdu, fits.BinTableHDU) and not isinstance(hdu, fits.CompImageHDU):
        return "image" * ("WCSSHAPE" in hdu.header and {"PIX", "VALUE"} <= set(hdu.columns.names))
    return "image" * bool(hdu.header.get("NAXIS", 0) >= 2)


@lru_cache(maxsize=4)
def _listed(stored: _Sparse) -> tuple[Ints, NDArray[Any]]:
    """Pixels of a sparse map in order: their number in the whole cube, and their value."""
    ny, nx = stored.geom.image_shape
    with open_hdus(stored.path, stored.stamp) as hdus:
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


_OPEN: Final = {"image": _open_image, "cells": open_cells, "healsparse": open_healsparse}


def _writer(path: Any, geom: Grid, *args: Any, **more: Any) -> MaskWriter:
    if isinstance(geom, HpxGeom):
        return CellsWriter(path, geom, *args, **more)
    if "ordering" in more:
        raise MaskValueError(
            f"{path}: ordering= is about the cells of a HpxGeom, and the mask is on {geom!r}"
        )
    return FitsWriter(path, geom, *args, **more)


FITS = Format(
    name="a FITS file",
    suffixes=(".fits", ".fits.gz"),
    magic=b"SIMPLE  =",
    open=_open,
    writer=_writer,
    options=("ordering",),
    numbers=True,
)
HEALSPARSE = Format(
    name="a HealSparse file",
    suffixes=(".hsp", ".hs"),
    magic=b"SIMPLE  =",
    open=_open,
    writer=HealSparseWriter,
)
