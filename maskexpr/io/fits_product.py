"""Masks as FITS files: a sparse image of bytes, written row by row, and a manifest in two tables behind it.

A mask is uint8 in one HDU named MASK, as gammapy reads it. The primary header says whether the file is
finished; it is written again, as the last of all.
"""

from __future__ import annotations

import enum
import io
import json
import os
import threading
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.errors import FormatError, IntegrityError
from ..core.once import once
from ..grid.wcs.geom import WcsGeom
from ..grid.wcs.header import bands_hdu
from ..pixels.window import Window
from .manifest import DIGEST, FORMAT, Manifest, TileTable
from .sums import folded, ones_sum, sealed_header, tile_sum, words_sum
from .unpacked import Stamp, exclusive, open_hdus
from .writer import MaskWriter

__all__ = [
    "BLOCK",
    "MASK",
    "FileWriter",
    "FitsWriter",
    "Mark",
    "audit_sums",
    "header_bytes",
    "mark_of",
    "primary_cards",
    "read_manifest",
    "read_texts",
    "tables",
    "write_at",
]

MASK: Final = "MASK"
"""Name of the HDU of a mask."""
BLOCK: Final = 2880
"""Bytes of a block, of which headers and data are made."""
# The tables: of texts, the provenance and the facts of the manifest, and of tiles.
_TEXTS: Final = "MASKEXPR"
_TILES: Final = "MASKEXPR_TILES"
_FACTS, _SEAL = "manifest", "seal"
_PRODUCT, _DONE = "MASKEXPR", "MXDONE"
_CARD: Final = 80
_BAND: Final = 1 << 22
_PIECE: Final = 1 << 20
# A mask is runs of equal bytes. Told to look for nothing else, zlib takes 430 MB/s of it instead of 240, and
# makes a smaller file (44 kB instead of 52) than with its usual search at level 6.
_LEVEL: Final = 6
_GZIP_WINDOW: Final = 31
_seeking = threading.Lock()


class Mark(enum.Enum):
    """What a primary header says."""

    NONE = 0
    PRODUCT = 1
    UNFINISHED = 2


def mark_of(head: bytes) -> Mark:
    """Read the mark in the first bytes of a file.

    Examples
    --------
    >>> mark_of(b"SIMPLE  =                    T")
    <Mark.NONE: 0>
    """
    if _text(fits.Card(_DONE, False)) in head:
        return Mark.UNFINISHED
    known = f"{_PRODUCT:8}=".encode() in head or f"{_DONE:8}=".encode() in head
    return Mark.PRODUCT if known else Mark.NONE


def _text(card: fits.Card) -> bytes:
    """The keyword and the value of a card."""
    return str(card).encode()[:30]


class FileWriter(MaskWriter):
    """A writer that takes tiles into one open file, and publishes it gzipped where its name says so."""

    resumes = True
    handles = ("_file",)
    _file: int | None = None

    def create(self, temporary: Path) -> None:
        self._file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)

    def attach(self, temporary: Path) -> None:
        self._file = os.open(temporary, os.O_RDWR)

    def close(self) -> None:
        if self._file is not None:
            number, self._file = self._file, None
            os.close(number)

    def number_of(self, plane: tuple[int, ...]) -> int:
        """The number of a plane in the flattened axes."""
        return int(np.ravel_multi_index(plane, self.axes_shape)) if plane else 0

    def bands(self) -> bytes:
        """The table of the axes, if there are any."""
        axes = self.geom.axes
        return _table_bytes(bands_hdu(axes, f"{self.content.hdu}_BANDS")) if axes else b""

    def packed(self, whole: Path, temporary: Path) -> Path:
        """A whole file as it is published."""
        if not self.path.name.lower().endswith(".gz"):
            return whole
        packed = temporary.with_name(f"packed-{temporary.name}")
        with whole.open("rb") as plain, packed.open("wb", buffering=0) as out:
            _pack(plain, out)
        return packed


class FitsWriter(FileWriter):
    """Writes a FITS file tile by tile; see `MaskWriter`.

    The image is a hole in a file of full length, and only rows that hold a True pixel are filled in. For
    ``.fits.gz`` that sparse file is compressed as a stream when it is complete, because gzip takes pixels in
    the order of the rows only.
    """

    geom: WcsGeom

    def create(self, temporary: Path) -> None:
        super().create(temporary)
        head = self._head(finished=False)
        self._write_at(0, head)
        os.truncate(temporary, self._tables_at)
        self._write_at(self._tables_at - len(self.bands()), self.bands())

    def attach(self, temporary: Path) -> None:
        super().attach(temporary)
        if self._here is None:
            return
        head, found = self._head(finished=False), temporary.open("rb")
        with found:
            same = _constant(found.read(len(head))) == _constant(head)
            found.seek(self._tables_at - len(self.bands()))
            if not same or found.read(len(self.bands())) != self.bands():
                raise FormatError(f"{temporary}: the headers are not of this mask")
        # It may have been finished, and not published.
        self._write_at(0, head)
        os.truncate(temporary, self._tables_at)

    @property
    def _stored(self) -> np.dtype[Any]:
        """Type of the pixels in the file."""
        return np.dtype(np.uint8 if self.content.is_mask else ">f4")

    def _head(self, finished: bool, data_sum: int = 0) -> bytes:
        """The primary header and that of the image: the mandatory cards, then the geometry's own, to the last
        digit.
        """
        first = primary_cards(finished)
        shape, bitpix = self.geom.shape[::-1], 8 if self.content.is_mask else -32
        cards: list[tuple[str, str | int]] = [
            ("XTENSION", "IMAGE"),
            ("BITPIX", bitpix),
            ("NAXIS", len(shape)),
        ]
        cards += [(f"NAXIS{i}", n) for i, n in enumerate(shape, 1)]
        cards += [("PCOUNT", 0), ("GCOUNT", 1), ("EXTNAME", self.content.hdu)]
        if self.content.unit:
            cards.append(("BUNIT", self.content.unit))
        if self.geom.axes:
            cards.append(("BANDSHDU", f"{self.content.hdu}_BANDS"))
        own = [card for card in self.geom.to_header().cards if not card.keyword.startswith("NAXIS")]
        image = [*(fits.Card(key, value) for key, value in cards), *own]
        return header_bytes(first, 0) + header_bytes(image, data_sum)

    @once
    def _image_at(self) -> int:
        """Where the image begins."""
        return len(self._head(finished=False))

    @once
    def _tables_at(self) -> int:
        """Where the tables of the manifest begin."""
        size = int(np.prod(self.geom.shape)) * self._stored.itemsize
        return self._image_at + -(-size // BLOCK) * BLOCK + len(self.bands())

    def write(self, plane: tuple[int, ...], window: Window, value: NDArray[Any] | bool) -> int | None:
        ny, nx = self.geom.image_shape
        first = (self.number_of(plane) * ny * nx + window.y0 * nx + window.x0) * self._stored.itemsize
        start, (rows, columns), width = self._image_at, window.shape, nx * self._stored.itemsize
        if value is True:
            value = np.broadcast_to(np.True_, window.shape)
            pixels = np.ones((min(rows, max(1, _BAND // columns)), columns), np.uint8)
        else:
            assert not isinstance(value, bool)
            pixels = np.ascontiguousarray(value, self._stored).view(np.uint8)
        if columns == nx:
            self._write_bands(start + first, pixels, rows)
        else:
            marked = np.arange(rows) if self._rewrites else np.flatnonzero(value.any(axis=1))
            for row in marked:
                self._write_at(start + first + int(row) * width, pixels[row % len(pixels)].data)
        return tile_sum(value, first, nx) if self.content.is_mask else words_sum(pixels)

    def _write_bands(self, offset: int, pixels: NDArray[np.uint8], rows: int) -> None:
        """Whole rows, which are contiguous in the file, in few large writes."""
        band = max(1, _BAND // pixels.shape[1])
        for first in range(0, rows, band):
            at = first % len(pixels)
            some = pixels[at : at + min(band, rows - first)]
            if self._rewrites or some.any():
                self._write_at(offset + first * pixels.shape[1], some.reshape(-1).data)

    def _write_at(self, offset: int, text: bytes | memoryview) -> None:
        assert self._file is not None
        write_at(self._file, offset, text)

    def read(self, plane: tuple[int, ...], window: Window) -> NDArray[Any]:
        assert self._temporary is not None
        cube = np.memmap(self._temporary, self._stored, "r", self._image_at, self.geom.shape)
        found = np.asarray(cube[plane][window.y0 : window.y1, window.x0 : window.x1])
        return found == 1 if self.content.is_mask else found

    def finish(self, temporary: Path) -> Path:
        assert self._file is not None
        self._write_at(self._tables_at, tables(self.manifest, self.provenance))
        total = folded(int(self.manifest.table.checksums.sum(dtype=np.uint64)))
        # The mark that the file is finished is only made when the rest of it is on the disk.
        os.fsync(self._file)
        self._write_at(0, self._head(finished=True, data_sum=total))
        self.close()
        return self.packed(temporary, temporary)


def write_at(file: int, offset: int, text: bytes | memoryview) -> None:
    """Write bytes at a place of an open file."""
    left = memoryview(text)
    while len(left):
        if hasattr(os, "pwrite"):
            done = os.pwrite(file, left, offset)
        else:
            with _seeking:
                os.lseek(file, offset, os.SEEK_SET)
                done = os.write(file, left)
        left, offset = left[done:], offset + done


def primary_cards(finished: bool) -> list[fits.Card]:
    """The cards of a primary header without data, with the mark of a product."""
    header = fits.PrimaryHDU().header
    header.append((_PRODUCT, FORMAT, "version of this product"))
    header.append((_DONE, finished, "whether it was written to its end"))
    return list(header.cards)


def header_bytes(cards: Any, data_sum: int) -> bytes:
    """A header with its sums, padded."""
    text = "".join(str(card) for card in cards)
    text += str(fits.Card("DATASUM", str(data_sum))) + str(fits.Card("CHECKSUM", "0" * 16))
    text += "END".ljust(_CARD)
    return sealed_header(text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii"), data_sum)


def _constant(head: bytes) -> list[bytes]:
    """The cards of headers that are the same before and after a file is finished."""
    cards = [head[i : i + _CARD] for i in range(0, len(head), _CARD)]
    return [card for card in cards if not card.startswith((_DONE.encode(), b"DATASUM", b"CHECKSUM"))]


def _pack(plain: IO[bytes], out: IO[bytes]) -> None:
    """Gzip a stream in pieces. zlib puts no name and time into the header, so equal masks are equal files."""
    stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW, 9, zlib.Z_RLE)
    while piece := plain.read(_PIECE):
        _write_all(out, stream.compress(piece))
    _write_all(out, stream.flush())


def _write_all(out: IO[bytes], text: bytes) -> None:
    # Unbuffered, so that a full disk is an error of the piece that met it.
    left = memoryview(text)
    while len(left):
        left = left[out.write(left) :]


def tables(manifest: Manifest, texts: Mapping[str, str]) -> bytes:
    """The tables behind the image. A table of texts, because a long text as header cards (CONTINUE) is read
    in quadratic time.
    """
    facts = json.dumps(manifest.facts, sort_keys=True)
    every = {**texts, _FACTS: facts, _SEAL: manifest.seal}
    encoded = np.empty(len(every), dtype=object)
    encoded[:] = [np.frombuffer(text.encode("utf-8"), np.uint8) for text in every.values()]
    columns = [
        fits.Column("KEY", f"{max(map(len, every))}A", array=np.array(list(every))),
        fits.Column("TEXT", "PB()", array=encoded),
    ]
    table, shape = manifest.table, manifest.table.states.shape
    tiles = [
        fits.Column("STATE", "B", array=table.states.reshape(-1)),
        fits.Column("SELECTED", "K", array=table.counts.reshape(-1)),
        fits.Column("DIGEST", f"{DIGEST}B", array=table.digests.reshape(-1, DIGEST)),
    ]
    tiles_hdu = fits.BinTableHDU.from_columns(tiles, name=_TILES)
    tiles_hdu.header["TILES"] = (" ".join(map(str, shape)), "axes, rows, columns")
    return _table_bytes(fits.BinTableHDU.from_columns(columns, name=_TEXTS), tiles_hdu)


def _table_bytes(*hdus: fits.BinTableHDU) -> bytes:
    """Extensions as they stand in a file."""
    first, last = io.BytesIO(), io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(first)
    # Read again, because astropy changes a header while it writes the heap of a table.
    first.seek(0)
    with fits.open(first) as made:
        for each in made[1:]:
            # By default the time stands there, and equal masks would not be equal files.
            each.add_checksum(when="of this HDU")
        made.writeto(last)
    text = last.getvalue()
    return text[text.index(b"XTENSION") :]


class Found(NamedTuple):
    """A manifest in a file."""

    manifest: Manifest
    seal: str


def read_texts(hdus: fits.HDUList) -> dict[str, str]:
    """The provenance of a mask, or nothing."""
    return {key: text for key, text in _every_text(hdus).items() if key not in (_FACTS, _SEAL)}


def _every_text(hdus: fits.HDUList) -> dict[str, str]:
    if _TEXTS not in hdus:
        return {}
    table = hdus[_TEXTS].data
    return {
        str(key): bytes(text).decode("utf-8") for key, text in zip(table["KEY"], table["TEXT"], strict=True)
    }


def read_manifest(hdus: fits.HDUList) -> Found | None:
    """The manifest of a product; None for a file that others wrote."""
    if _TILES not in hdus:
        return None
    texts, tiles = _every_text(hdus), hdus[_TILES]
    shape = tuple(int(n) for n in tiles.header["TILES"].split())
    states = np.array(tiles.data["STATE"], np.uint8).reshape(shape)
    table = TileTable(
        states,
        np.array(tiles.data["SELECTED"], np.int64).reshape(shape),
        np.array(tiles.data["DIGEST"], np.uint8).reshape(*shape, DIGEST),
        np.zeros(shape, np.uint32),
    )
    return Found(Manifest(json.loads(texts[_FACTS]), table), texts[_SEAL])


def audit_sums(path: str, stamp: Stamp) -> None:
    """Compare the sums that the FITS standard has, of every HDU.

    Raises
    ------
    IntegrityError
        If one is not what the header says.
    """
    with open_hdus(path, stamp) as hdus:
        spans = [(each.name, each.header.get("DATASUM"), each.fileinfo()) for each in hdus]
    with exclusive(path, stamp) as file:
        for name, stated, info in spans:
            start, data = info["hdrLoc"], info["datLoc"]
            file.seek(start)
            head = ones_sum(file, data - start)
            body = ones_sum(file, info["datSpan"])
            # Zero has two forms in the arithmetic of these sums.
            if str(stated) not in ({"0", str(0xFFFFFFFF)} if body in (0, 0xFFFFFFFF) else {str(body)}):
                raise IntegrityError(f"{path}, HDU {name!r}: the data are not of the sum DATASUM")
            if (head + body) % 0xFFFFFFFF:
                raise IntegrityError(f"{path}, HDU {name!r}: it is not of the sum CHECKSUM")
        if file.read(1):
            raise IntegrityError(f"{path}: there is more in the file than its HDUs")
