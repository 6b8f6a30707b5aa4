"""Masks as FITS: uint8 in one HDU named MASK, as gammapy reads it, written piecewise into a sparse file."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..grid.wcs.geom import WcsGeom
from ..grid.wcs.header import bands_hdu
from ..pixels.window import Window
from .publish import format_of, temporary_beside
from .writer import Block, MaskWriter

__all__ = ["PROVENANCE_HDU", "FitsWriter", "provenance_of", "write_fits"]

PROVENANCE_HDU: Final = "MASKEXPR"
"""Name of the table that holds the texts of a mask's provenance."""

_BLOCK: Final = 2880
_CARD: Final = 80
_BAND: Final = 1 << 22
_PIECE: Final = 1 << 20
# A mask is runs of equal bytes. Told to look for nothing else, zlib takes 430 MB/s of it instead of 240, and
# makes a smaller file (44 kB instead of 52) than with its usual search at level 6.
_LEVEL: Final = 6
_GZIP_WINDOW: Final = 31


def write_fits(
    path: str | os.PathLike[str],
    geom: WcsGeom,
    blocks: Iterable[Block],
    provenance: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a mask from its blocks; what no block covers is False.

    Parameters
    ----------
    path : str or path
        Ends in ``.fits`` or ``.fits.gz``.
    geom : WcsGeom
        The map; with axes, all planes are written and a GADF table ``MASK_BANDS`` describes them.
    blocks : iterable of Block
        Only those that are not False throughout are needed.
    provenance : mapping of str to str
        Texts for the table ``MASKEXPR``.
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Path
        The file.
    """
    with FitsWriter(path, geom, provenance, overwrite) as writer:
        for block in blocks:
            writer.store(block)
    return writer.path


class FitsWriter(MaskWriter):
    """Writes a FITS file block by block; see `MaskWriter`.

    The image is a hole in a file of full length, and only rows that hold a True pixel are filled in. For
    ``.fits.gz`` that sparse file is compressed as a stream when it is complete, because gzip takes pixels in
    the order of the rows only.
    """

    _file: IO[bytes] | None = None
    _start = 0

    def _create(self, temporary: Path) -> None:
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
        first += [("PCOUNT", 0), ("GCOUNT", 1), ("EXTNAME", "MASK")]
        if self.geom.axes:
            first.append(("BANDSHDU", "MASK_BANDS"))
        text = "".join(str(fits.Card(key, value)) for key, value in first)
        for card in self.geom.to_header().cards:
            if not card.keyword.startswith("NAXIS"):
                text += str(card)
        text += "END".ljust(_CARD)
        return text.ljust(-(-len(text) // _BLOCK) * _BLOCK).encode("ascii")

    def _write(self, plane: tuple[int, ...], window: Window, value: NDArray[np.bool_] | bool) -> None:
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
        with self._lock:
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

    def _finish(self, temporary: Path) -> Path:
        assert self._file is not None
        packs = format_of(self.path) == ".fits.gz"
        if not packs:
            os.fsync(self._file.fileno())
        self._close()
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

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _pack(plain: IO[bytes], out: IO[bytes]) -> None:
    """Gzip a stream in pieces. zlib puts no name and time into the header, so equal masks are equal files."""
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW, 9, zlib.Z_RLE)
    while piece := plain.read(_PIECE):
        out.write(stream.compress(piece))
    out.write(stream.flush())
    out.flush()


def provenance_of(hdus: fits.HDUList) -> dict[str, str]:
    """The texts of the table ``MASKEXPR``, or nothing."""
    if PROVENANCE_HDU not in hdus:
        return {}
    table = hdus[PROVENANCE_HDU].data
    return {
        str(key): bytes(text).decode("utf-8") for key, text in zip(table["KEY"], table["TEXT"], strict=True)
    }


def _provenance_hdu(texts: Mapping[str, str]) -> fits.BinTableHDU:
    """A table, because a long text as header cards (CONTINUE) is read in quadratic time."""
    encoded = np.empty(len(texts), dtype=object)
    encoded[:] = [np.frombuffer(text.encode("utf-8"), np.uint8) for text in texts.values()]
    keys = list(texts)
    columns = [
        fits.Column("KEY", f"{max(map(len, keys))}A", array=np.array(keys)),
        fits.Column("TEXT", "PB()", array=encoded),
    ]
    return fits.BinTableHDU.from_columns(columns, name=PROVENANCE_HDU)


def _bytes_of(hdu: fits.BinTableHDU) -> bytes:
    """An extension as it stands in a file."""
    whole = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(whole)
    return whole.getvalue()[_BLOCK:]
