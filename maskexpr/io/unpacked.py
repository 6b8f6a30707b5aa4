"""Files as plain bytes: a gzipped one is unpacked once in each process, into a file that vanishes with it."""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Final

from ..core.errors import FormatError

__all__ = ["Stamp", "exclusive", "first_bytes", "open_bytes", "size_of"]

Stamp = tuple[int, int]
"""Time of the last change in ns, and size: tells whether a file is still the one that was opened."""

_GZIP: Final = b"\x1f\x8b"
# Tells zlib that a stream has the header of gzip.
_GZIP_WINDOW: Final = 31
_PIECE: Final = 1 << 16
_ZEROS: Final = bytes(_PIECE)
_KEPT: Final = 4
_LOCK: Final = threading.RLock()


@lru_cache(maxsize=256)
def _is_gzipped(path: str, stamp: Stamp) -> bool:
    """Whether a file is gzipped, by its first bytes; its name may say anything."""
    with open(path, "rb") as file:
        return file.read(2) == _GZIP


def first_bytes(path: str, stamp: Stamp, number: int) -> bytes:
    """The first bytes of a file, unpacked."""
    with open(path, "rb") as file:
        if not _is_gzipped(path, stamp):
            return file.read(number)
        try:
            return zlib.decompressobj(_GZIP_WINDOW).decompress(file.read(_PIECE), number)
        except zlib.error as err:
            raise FormatError(f"{path}: cannot be unpacked, it is damaged or cut short: {err}") from err


@contextmanager
def open_bytes(path: str, stamp: Stamp) -> Iterator[IO[bytes]]:
    """The file for mapping into memory; its position must not be used."""
    if _is_gzipped(path, stamp):
        unpacked = _unpack_once(path, stamp)
        yield unpacked.file
    else:
        with open(path, "rb") as file:
            yield file


@contextmanager
def exclusive(path: str, stamp: Stamp) -> Iterator[IO[bytes]]:
    """The file for reading from its beginning, by one thread at a time where the file is shared."""
    if not _is_gzipped(path, stamp):
        with open(path, "rb") as file:
            yield file
        return
    # The reader may close what it is given. A duplicate shares the position, so nobody else reads meanwhile.
    with _LOCK, os.fdopen(os.dup(_unpack_once(path, stamp).file.fileno()), "rb") as file:
        file.seek(0)
        yield file


def size_of(path: str, stamp: Stamp) -> int:
    """Bytes of the file, unpacked."""
    if not _is_gzipped(path, stamp):
        return stamp[1]
    return os.fstat(_unpack_once(path, stamp).file.fileno()).st_size


class _Unpacked:
    """A file without a name. Whoever still reads it when it falls out of the cache keeps it open."""

    def __init__(self) -> None:
        self.file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115

    def __del__(self) -> None:
        self.file.close()


def _unpack_once(path: str, stamp: Stamp) -> _Unpacked:
    with _LOCK:
        return _unpack(path, stamp)


@lru_cache(maxsize=_KEPT)
def _unpack(path: str, stamp: Stamp) -> _Unpacked:
    """The unpacked bytes, with holes where there are only zeros."""
    unpacked = _Unpacked()
    plain = unpacked.file
    try:
        with gzip.open(path, "rb") as stream:
            while piece := stream.read(_PIECE):
                if piece == _ZEROS:
                    plain.seek(len(piece), os.SEEK_CUR)
                else:
                    plain.write(piece)
    except (EOFError, gzip.BadGzipFile, zlib.error) as err:
        raise FormatError(f"{path}: cannot be unpacked, it is damaged or cut short: {err}") from err
    plain.truncate(plain.tell())
    return unpacked
