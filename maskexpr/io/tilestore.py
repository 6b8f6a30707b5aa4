"""Content-addressed store: evaluated tiles in a folder, by a hash of all that their bits depend on.

The least recently used go first when the store is full. Whatever is damaged, cut short or lost is no tile:
it is evaluated again.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np
from dask.utils import parse_bytes

from ..core.arrays import Bools
from ..core.calls import told_class, told_methods
from ..core.errors import MaskTypeError, MaskValueError, WriteError
from ..core.names import described, shown
from ..core.trace import count

__all__ = ["TileStore"]

_MAGIC: Final = b"maskexpr tile 1\n"
_SUFFIX, _PART = ".tile", ".part"
_DIGEST: Final = 16
# What is left when a full store is cut down, and seconds after which an unfinished file is nobody's.
_KEPT: Final = 0.9
_FORGOTTEN: Final = 3600.0


@told_class
@told_methods
class TileStore:
    """A folder of evaluated tiles that any number of runs and processes share.

    Parameters
    ----------
    path : str or path
        The folder; made if it is not there.
    max_bytes : int or str
        Bound on its size, in bytes or as text such as ``"20 GB"``; the tiles that were not used for longest
        are deleted when it is passed.

    Raises
    ------
    WriteError
        If the folder cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> store = TileStore(tempfile.mkdtemp(), max_bytes="1 MB")
    >>> store.put("0f" * 16, np.eye(3, dtype=bool))
    >>> int(store.get("0f" * 16).sum())
    3
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int | str = "2 GB") -> None:
        if not isinstance(path, str | os.PathLike):
            raise MaskTypeError(f"a TileStore is a folder, named by a path; got {described(path)}")
        self.path = Path(path).absolute()
        try:
            self.max_bytes = parse_bytes(max_bytes) if isinstance(max_bytes, str) else int(max_bytes)
            if self.max_bytes < 0:
                raise ValueError(max_bytes)
        except (TypeError, ValueError, OverflowError) as err:
            raise MaskValueError(
                f"max_bytes must be bytes or text such as '2 GB', got {max_bytes!r}"
            ) from err
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise WriteError(err.errno or 0, f"the store of tiles cannot be made: {err}", str(path)) from err
        self._lock = threading.Lock()
        self._size: int | None = None

    @classmethod
    def of(cls, store: str | os.PathLike[str] | TileStore) -> TileStore:
        """A store, of a path or as it is.

        Examples
        --------
        >>> import tempfile
        >>> store = TileStore.of(tempfile.mkdtemp())
        >>> TileStore.of(store) is store
        True
        """
        return store if isinstance(store, TileStore) else cls(store)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (str(self.path), self.max_bytes))

    def __repr__(self) -> str:
        return f"TileStore({str(self.path)!r}, max_bytes={self.max_bytes})"

    @property
    def size(self) -> int:
        """Bytes of all tiles in it."""
        return sum(size for _, size, _ in self._files())

    def get(self, key: str) -> Bools | None:
        """The values of a tile, or None.

        Examples
        --------
        >>> import tempfile
        >>> TileStore(tempfile.mkdtemp()).get("0" * 32) is None
        True
        """
        path = self._path(key)
        try:
            text = path.read_bytes()
        except OSError:
            return None
        values = _unpacked(text)
        if values is not None:
            count("tiles reused")
            # Which of them were used last is known by the time of the file.
            with suppress(OSError):
                os.utime(path)
        return values

    def put(self, key: str, values: Bools) -> None:
        """Keep the values of a tile; where that fails, it is not kept, and counted as such.

        Examples
        --------
        >>> import tempfile
        >>> store = TileStore(tempfile.mkdtemp())
        >>> store.put("0" * 32, np.ones((2, 3), dtype=bool))
        >>> store.get("0" * 32).shape
        (2, 3)
        """
        if not isinstance(values, np.ndarray) or values.dtype != np.bool_:
            raise MaskTypeError(f"a tile is a numpy array of bool, got {shown(values)}")
        path, text = self._path(key), _packed(values)
        part = path.with_name(f"{uuid.uuid4().hex}{_PART}")
        try:
            path.parent.mkdir(exist_ok=True)
            try:
                part.write_bytes(text)
                os.replace(part, path)
            finally:
                with suppress(OSError):
                    part.unlink(missing_ok=True)
        except OSError:
            count("tiles not kept")
            return
        with self._lock:
            self._size = self.size if self._size is None else self._size + len(text)
            if self._size > self.max_bytes:
                self._size = self._cut_down()

    def _path(self, key: str) -> Path:
        return self.path / key[:2] / f"{key}{_SUFFIX}"

    def _files(self) -> Iterator[tuple[Path, int, float]]:
        """Path, size and time of every tile; what a killed process left is deleted on the way."""
        for folder in os.scandir(self.path):
            if not folder.is_dir():
                continue
            for each in os.scandir(folder.path):
                with suppress(OSError):
                    status = each.stat()
                    if each.name.endswith(_SUFFIX):
                        yield Path(each.path), status.st_size, status.st_mtime
                    elif each.name.endswith(_PART) and time.time() - status.st_mtime > _FORGOTTEN:
                        os.unlink(each.path)

    def _cut_down(self) -> int:
        files = sorted(self._files(), key=lambda each: each[2])
        left = sum(size for _, size, _ in files)
        for path, size, _ in files:
            if left <= _KEPT * self.max_bytes:
                break
            with suppress(OSError):
                path.unlink()
                left -= size
        return left


def _packed(values: Bools) -> bytes:
    shape = struct.pack(f"<B{values.ndim}q", values.ndim, *values.shape)
    stream = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    body = shape + stream.compress(np.packbits(values).data) + stream.flush()
    return _MAGIC + hashlib.sha256(body).digest()[:_DIGEST] + body


def _unpacked(text: bytes) -> Bools | None:
    at = len(_MAGIC) + _DIGEST
    digest, body = text[len(_MAGIC) : at], text[at:]
    if not text.startswith(_MAGIC) or hashlib.sha256(body).digest()[:_DIGEST] != digest:
        return None
    shape = struct.unpack_from(f"<{body[0]}q", body, 1)
    bits = np.frombuffer(zlib.decompress(body[1 + 8 * body[0] :]), np.uint8)
    return np.unpackbits(bits, count=prod(shape)).reshape(shape).view(np.bool_)
