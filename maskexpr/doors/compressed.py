"""Images compressed by tiles: settings and streams are checked before the C code that unpacks them.

That code of cfitsio believes what it is told: a wrong number of bytes a pixel, or a length in a stream, makes
it read beyond its buffer.
"""

from __future__ import annotations

import math
import zlib
from typing import IO, Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.errors import FormatError, GeometryError, borrowed
from ..core.limits import check_limit, get_limits
from .fits import whole_number

__all__ = ["check_compressed"]

_ALGORITHMS: Final = ("RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "NOCOMPRESS")
_SETTINGS: Final = {"BLOCKSIZE": (16, 32), "BYTEPIX": (1, 2, 4, 8)}
_BITS: Final = (8, 16, 32, 64, -32, -64)
_STREAMS: Final = ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA")
_LONGEST: Final = 8
# Zlib's best ratio, and the header that it is told to expect.
_BEST: Final = 1040
_GZIP_WINDOW: Final = 31
_PIECE: Final = 1 << 20


def check_compressed(file: IO[bytes], number: int, what: str) -> None:
    """Refuse a compressed image that its decompressor should not see.

    Parameters
    ----------
    file : binary file
        With a descriptor of its own.
    number : int
        Number of the HDU.
    what : str
        The file, for messages.

    Raises
    ------
    FormatError
        For an algorithm that does not check what it reads (HCOMPRESS_1), settings that it does not have, or
        streams that are longer than they are.
    LimitError
        For tiles of more bytes than the limit.
    """
    what = f"{what}, HDU {number}"
    file.seek(0)
    with (
        borrowed(what, FormatError),
        fits.open(file, memmap=False, disable_image_compression=True) as hdus,
    ):
        table = hdus[number]
        try:
            _check_settings(table.header, what)
        except GeometryError as err:
            raise FormatError(str(err)) from err
        start = int(table.fileinfo()["datLoc"])
        row, rows = int(table.header["NAXIS1"]), int(table.header["NAXIS2"])
        heap = start + int(table.header.get("THEAP", row * rows))
        whole = np.memmap(file, np.uint8, "r")
        data = whole[start : start + row * rows].reshape(rows, row)
        for name in _STREAMS:
            if name in table.columns.names:
                _check_streams(name, table, data, whole[heap:], what)


def _check_settings(header: fits.Header, what: str) -> None:
    algorithm = str(header.get("ZCMPTYPE", "")).strip()
    if algorithm not in _ALGORITHMS:
        raise FormatError(
            f"{what}: images compressed by {algorithm!r} are not read: unpack it first (funpack); "
            f"known are {', '.join(_ALGORITHMS)}"
        )
    if header.get("ZBITPIX") not in _BITS:
        raise FormatError(f"{what}: ZBITPIX is {header.get('ZBITPIX')!r}, not one of {_BITS}")
    axes = whole_number(header, "ZNAXIS", None, what)
    check_limit("axes", axes, what, "axes")
    lengths = [whole_number(header, f"ZNAXIS{i}", None, what) for i in range(1, axes + 1)]
    tiles = [
        whole_number(header, f"ZTILE{i}", length if i == 1 else 1, what)
        for i, length in enumerate(lengths, 1)
    ]
    if not all(tiles):
        raise FormatError(f"{what}: its tiles (ZTILE1, ...) would be of {' x '.join(map(str, tiles))} pixels")
    tile = math.prod(map(min, tiles, lengths)) * _LONGEST
    check_limit("chunk_bytes", tile, what, "bytes a tile")
    for i in range(1, 1000):
        name = str(header.get(f"ZNAME{i}", "")).strip().upper()
        if name in _SETTINGS and header.get(f"ZVAL{i}") not in _SETTINGS[name]:
            raise FormatError(f"{what}: {name} is {header.get(f'ZVAL{i}')!r}, not one of {_SETTINGS[name]}")


def _check_streams(
    name: str, table: fits.BinTableHDU, data: NDArray[np.uint8], heap: NDArray[np.uint8], what: str
) -> None:
    """Refuse streams that end beyond the heap, or that say that they are longer than they are."""
    form, (dtype, offset, *_) = table.columns[name].format, table.columns.dtype.fields[name]
    kind = np.dtype(">i8" if "Q" in form else ">i4")
    if dtype.itemsize != 2 * kind.itemsize:
        raise FormatError(f"{what}: the column {name} is {form!r}, not one of streams")
    ends = np.ascontiguousarray(data[:, offset : offset + dtype.itemsize]).view(kind).astype(np.int64)
    size = {"B": 1, "I": 2, "J": 4, "E": 4, "D": 8}.get(form.lstrip("1PQ")[:1], 8)
    count, first = ends[:, 0], ends[:, 1]
    beyond = (count < 0) | (first < 0) | (count > heap.size) | (first > heap.size - count * size)
    if beyond.any():
        raise FormatError(f"{what}: the stream of tile {int(np.argmax(beyond))} ends beyond the file")
    algorithm = str(table.header["ZCMPTYPE"]).strip()
    if name == "COMPRESSED_DATA" and algorithm == "PLIO_1":
        _check_plio(heap, first[count > 0], count[count > 0] * size // 2, what)
    if name.startswith("GZIP") or (name == "COMPRESSED_DATA" and algorithm.startswith("GZIP")):
        _check_gzip(heap, first, count * size, what)


def _check_plio(heap: NDArray[np.uint8], first: Any, words: Any, what: str) -> None:
    """Refuse pixel lists whose header says another length than their descriptor."""
    head = heap[np.minimum(first[:, None] + np.arange(14), heap.size - 1)].view(">i2").astype(np.int64)
    # An old list has its length in its third word. A new one has where it begins in the second, and its
    # length in two more.
    old = head[:, 2] > 0
    begins = np.where(old, 3, head[:, 1])
    length = np.where(old, head[:, 2], head[:, 3] + (head[:, 4] << 15))
    wrong = (words < 3) | (begins < 0) | (length < 0) | (length > words)
    if wrong.any():
        raise FormatError(f"{what}: pixel list {int(np.argmax(wrong))} is longer than its stream")


def _check_gzip(heap: NDArray[np.uint8], first: Any, count: Any, what: str) -> None:
    """Refuse streams that become more than a tile may: those large enough for that are unpacked in pieces."""
    for i in np.flatnonzero(count * _BEST > get_limits().chunk_bytes).tolist():
        data, total = heap[first[i] : first[i] + count[i]].tobytes(), 0
        decoder = zlib.decompressobj(_GZIP_WINDOW)
        while data and not decoder.eof:
            total += len(decoder.decompress(data, _PIECE))
            check_limit("chunk_bytes", total, what, "bytes in a tile")
            data = decoder.unconsumed_tail
