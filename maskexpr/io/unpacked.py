"""Files as plain bytes: a compressed one is unpacked once in each process, into a file without a name."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.errors import FormatError, IncompleteMaskError, IntegrityError
from ..doors.files import is_packed, open_file, spill, unpack
from ..doors.fits import open_fits

__all__ = ["Stamp", "exclusive", "first_bytes", "open_hdus", "read_items", "read_spans", "size_of"]

Stamp = tuple[int, ...]
"""Time of the last change in ns, size, and number of the inode: tells a file from others of its name."""

_WHAT: Final = "map"
_MAGIC: Final = 8
_KEPT: Final = 4
_LOCK: Final = threading.RLock()


@lru_cache(maxsize=256)
def _is_packed(path: str, stamp: Stamp) -> bool:
    with open_file(path, _WHAT) as file:
        return is_packed(file.read(_MAGIC))


def first_bytes(path: str, stamp: Stamp, number: int) -> bytes:
    """The first bytes of a file, unpacked."""
    with open_file(path, _WHAT) as file, _whole():
        return next(unpack(file, path, "map_bytes", in_memory=False), b"")[:number]


@contextmanager
def _whole() -> Iterator[None]:
    """A stream that ends too early was not written to its end, or cut; one that goes wrong was damaged."""
    try:
        yield
    except FormatError as err:
        kind = IncompleteMaskError if isinstance(err.__cause__, EOFError) else IntegrityError
        raise kind(str(err)) from err


@contextmanager
def exclusive(path: str, stamp: Stamp) -> Iterator[IO[bytes]]:
    """The file for reading from its beginning, by one thread at a time where the file is shared."""
    if not _is_packed(path, stamp):
        with open_file(path, _WHAT) as file:
            yield file
        return
    # The reader may close what it is given. A duplicate shares the position, so nobody else reads meanwhile.
    with _LOCK, os.fdopen(os.dup(_unpack_once(path, stamp).file.fileno()), "rb") as file:
        file.seek(0)
        yield file


def read_spans(
    path: str,
    stamp: Stamp,
    starts: Sequence[int] | Ints,
    sizes: Sequence[int] | Ints,
) -> NDArray[np.uint8]:
    """Spans of bytes, one after another. They are read and not mapped into memory: whoever touches a mapped
    page that another process has cut off is killed by the system.

    Parameters
    ----------
    path, stamp
        The file as it was opened.
    starts, sizes : sequence of int, shape (n,)
        Where each span begins and how many bytes it has.

    Raises
    ------
    IncompleteMaskError
        If the file ends before one of them does.
    """
    ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).tolist()
    out = np.empty(ends[-1], np.uint8)
    with exclusive(path, stamp) as file:
        for start, low, high in zip(starts, ends, ends[1:], strict=False):
            file.seek(start)
            if file.readinto(out.data[low:high]) != high - low:  # type: ignore[attr-defined]
                raise IncompleteMaskError(f"{path}: it was cut short while it was read")
    return out


def read_items(
    path: str, stamp: Stamp, start: int, dtype: np.dtype[Any], items: slice | NDArray[np.integer[Any]]
) -> NDArray[Any]:
    """Items of an array that stands in the file from ``start`` on: a slice of them, or by their numbers, of
    which those that follow each other are read at once.
    """
    size = dtype.itemsize
    if isinstance(items, slice):
        length = (items.stop - items.start) * size
        return read_spans(path, stamp, [start + items.start * size], [length]).view(dtype)
    wanted, place = np.unique(items, return_inverse=True)
    first = np.flatnonzero(np.diff(wanted, prepend=-2) != 1)
    sizes = np.diff(first, append=len(wanted)) * size
    data = read_spans(path, stamp, (start + wanted[first] * size).tolist(), sizes.tolist())
    return data.view(dtype)[place].reshape(items.shape)


@contextmanager
def open_hdus(path: str, stamp: Stamp) -> Iterator[fits.HDUList]:
    """The HDUs of a FITS file, by a handle of the caller's own; values are not touched by scaling."""
    with exclusive(path, stamp) as file, open_fits(file, path) as hdus:
        yield hdus


def size_of(path: str, stamp: Stamp) -> int:
    """Bytes of the file, unpacked."""
    if not _is_packed(path, stamp):
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
    with open_file(path, _WHAT) as file, _whole():
        spill(unpack(file, path, "map_bytes", in_memory=False), unpacked.file)
    return unpacked
