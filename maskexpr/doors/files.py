"""Files by their paths: plain files only, opened without waiting, unpacked within limits."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, cast

from ..core.errors import FileMissingError, FormatError, MaskTypeError
from ..core.limits import check_limit
from ..core.names import described, hint_of

__all__ = [
    "check_path",
    "is_address",
    "is_packed",
    "open_file",
    "open_plain",
    "plain_path",
    "read_file",
    "spill",
    "unpack",
]

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_PIECE: Final = 1 << 16
_ZEROS: Final = bytes(_PIECE)
# What a small file may become, whatever its ratio.
_ALWAYS: Final = 64 << 20
_SUFFIXES: Final = (".gz", ".bz2", ".xz")

_HINTS: Final = {
    "Table": "a table at hand is Catalog(table, radius)",
    "SkyRegion": "a region at hand is Region(region)",
    "PixelRegion": "a region at hand is Region(region, metric='pixel')",
    "Mask": "a mask at hand needs no file",
    "Grid": "a grid at hand needs no file",
    "HDUList": "give the name of its file",
    "list": "of several files make several, and join them with |",
    "tuple": "of several files make several, and join them with |",
}
"""What to write instead of an object of a class, or of one below it."""

_KINDS: Final = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


_PACKED: Final[dict[bytes, Callable[[IO[bytes]], IO[bytes]]]] = {
    b"\x1f\x8b": lambda file: cast(IO[bytes], gzip.GzipFile(fileobj=file)),
    b"BZh": lambda file: cast(IO[bytes], bz2.BZ2File(file)),
    b"\xfd7zXZ\x00": lambda file: cast(IO[bytes], lzma.LZMAFile(file)),  # noqa: SIM115
}
_LONGEST: Final = max(map(len, _PACKED))


def check_path(path: str | os.PathLike[str], what: str) -> Path:
    """The path of something that is there: a plain file or a folder, no address of the network.

    Parameters
    ----------
    path : str or path
        What the user, or an expression, names.
    what : str
        What it should be, for the message: "region file".

    Raises
    ------
    FileMissingError
        If nothing is there.
    FormatError
        For a URL, a name that no file can have, a pipe, a device or a socket.

    Examples
    --------
    >>> check_path("https://example.org/sources.fits", "catalogue")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.FormatError: the catalogue 'https://example.org/sources.fits' is an address: ...
    """
    try:
        name = os.fspath(path)
    except TypeError as err:
        hint = hint_of(path, _HINTS)
        raise MaskTypeError(
            f"the {what} must be named by a path, got {described(path)}{hint and ': '}{hint}"
        ) from err
    if not isinstance(name, str):
        raise MaskTypeError(f"the {what} must be named by text, got {name!r}")
    if is_address(name):
        raise FormatError(f"the {what} {name!r} is an address: download it and name the file")
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError as err:
        raise FileMissingError(
            f"there is no {what} {name!r}: no such file (seen from the folder {Path.cwd()})"
        ) from err
    except (OSError, ValueError) as err:
        raise FormatError(f"the {what} {name!r} cannot be opened: {err}") from err
    _check_kind(mode, name, what)
    return Path(name)


def is_address(name: str) -> bool:
    """Whether a name is that of something elsewhere, such as ``https://example.org/a.fits``."""
    return _URL.match(name) is not None


def _check_kind(mode: int, name: str, what: str) -> None:
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind is not None:
        raise FormatError(f"the {what} {name!r} is {kind}, not a file")


def open_file(path: str | os.PathLike[str], what: str) -> IO[bytes]:
    """A plain file, opened for reading; its bytes as they are.

    Raises
    ------
    FileMissingError, FormatError
        As `check_path`, and for a folder.
    """
    name = check_path(path, what)
    try:
        # Without O_NONBLOCK, what has become a pipe since it was looked at would wait for a writer.
        file = os.fdopen(os.open(name, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0)), "rb")
    except IsADirectoryError as err:
        raise FormatError(f"the {what} {str(name)!r} is a folder, not a file") from err
    except OSError as err:
        raise FormatError(f"the {what} {str(name)!r} cannot be opened: {err}") from err
    try:
        mode = os.fstat(file.fileno()).st_mode
        _check_kind(mode, str(name), what)
    except BaseException:
        file.close()
        raise
    return file


def is_packed(start: bytes) -> bool:
    """Whether a file is compressed, by its first bytes; its name may say anything.

    Examples
    --------
    >>> is_packed(bytes([0x1F, 0x8B, 8]))
    True
    """
    return start.startswith(tuple(_PACKED))


def unpack(file: IO[bytes], what: str, limit: str, in_memory: bool = True) -> Iterator[bytes]:
    """The pieces of a compressed file (gzip, bzip2 or xz), or of one that is not compressed.

    Parameters
    ----------
    file : binary file
        At its beginning.
    what : str
        The item, for messages.
    limit : str
        Name of the limit on the unpacked bytes.
    in_memory : bool
        Whether all of it will be. If not, only what is unpacked is limited, by its bytes alone.

    Raises
    ------
    LimitError
        As soon as more comes out than the limits allow.
    FormatError
        For a stream that is damaged or ends too early.
    """
    start = file.read(_LONGEST)
    file.seek(0)
    opener = next((made for magic, made in _PACKED.items() if start.startswith(magic)), None)
    size, total = os.fstat(file.fileno()).st_size, 0
    if in_memory:
        check_limit(limit, size, what, "bytes")
    stream = file if opener is None else opener(file)
    while piece := _read(stream, what):
        total += len(piece)
        if in_memory or opener is not None:
            check_limit(limit, total, what, "bytes or more")
        if opener is not None and in_memory and total > _ALWAYS:
            check_limit("ratio", total / size, what, "times its bytes or more when it is unpacked")
        yield piece


def _read(stream: IO[bytes], what: str) -> bytes:
    try:
        return stream.read(_PIECE)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as err:
        raise FormatError(f"{what}: cannot be unpacked, it is damaged or cut short: {err}") from err


def read_file(path: str | os.PathLike[str], what: str, limit: str = "text_bytes") -> bytes:
    """All bytes of a file, unpacked.

    Raises
    ------
    FileMissingError, FormatError
        As `open_file`, and for a compressed file that is damaged.
    LimitError
        For more bytes than the limit.
    """
    with open_file(path, what) as file:
        return b"".join(unpack(file, f"the {what} {os.fspath(path)!r}", limit))


@contextmanager
def open_plain(path: str | os.PathLike[str], what: str, limit: str) -> Iterator[IO[bytes]]:
    """A file to seek in, of which not all is read; a compressed one is unpacked into one without a name.

    Raises
    ------
    FileMissingError, FormatError, LimitError
        As `read_file`.
    """
    with open_file(path, what) as file:
        packed = is_packed(file.read(_LONGEST))
        file.seek(0)
        if not packed:
            yield file
            return
        with tempfile.TemporaryFile(buffering=0) as plain:
            spill(unpack(file, f"the {what} {os.fspath(path)!r}", limit, in_memory=False), plain)
            # A handle for reading alone, which is what readers of FITS ask for.
            with os.fdopen(os.dup(plain.fileno()), "rb") as reading:
                yield reading


@contextmanager
def plain_path(path: str | os.PathLike[str], what: str, limit: str) -> Iterator[Path]:
    """The path of a file for a reader that wants a name; a compressed one unpacked under its bare name."""
    with open_file(path, what) as file:
        name = Path(path)
        packed = is_packed(file.read(_LONGEST))
        file.seek(0)
        if not packed:
            check_limit(limit, os.fstat(file.fileno()).st_size, f"the {what} {str(name)!r}", "bytes")
            yield name
            return
        with tempfile.TemporaryDirectory(prefix="maskexpr-") as folder:
            bare = Path(folder) / (name.stem if name.suffix.lower() in _SUFFIXES else name.name)
            with bare.open("xb", buffering=0) as plain:
                spill(unpack(file, f"the {what} {str(name)!r}", limit), plain)
            yield bare


def spill(pieces: Iterator[bytes], file: IO[bytes]) -> None:
    """Write pieces into a file that can be sought in, with holes where there are only zeros; left at its
    beginning.
    """
    for piece in pieces:
        if piece == _ZEROS:
            file.seek(len(piece), os.SEEK_CUR)
        else:
            file.write(piece)
    file.truncate(file.tell())
    file.seek(0)
