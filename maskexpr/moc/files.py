"""Files of MOCs: told apart by what they begin with, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ..core.arguments import path_of
from ..core.arrays import Ints
from ..core.errors import FormatError, MaskValueError, borrowed
from ..doors.files import open_plain
from ..io.workspace import write_whole
from .fits import fits_bytes, read_fits
from .text import from_ascii, from_json, to_ascii, to_json

__all__ = ["read_moc", "write_moc"]

_FORMATS: Final = {".fits": "fits", ".fit": "fits", ".json": "json", ".txt": "ascii", ".ascii": "ascii"}
_FITS: Final = b"SIMPLE"


def read_moc(path: str | os.PathLike[str]) -> tuple[Ints, int]:
    """Merged ranges and the order of the MOC in a file.

    Raises
    ------
    FileMissingError
        If it is not there.
    FormatError
        If it holds no MOC of space, or cells that there are not.
    LimitError
        If it is larger than the limits allow.
    """
    with open_plain(path, "MOC", "table_bytes") as file:
        what = f"the MOC {os.fspath(path)!r}"
        begins = file.read(len(_FITS))
        file.seek(0)
        if begins == _FITS:
            return read_fits(file, what)
        with borrowed(f"{what} is no text", FormatError):
            text = file.read().decode("utf-8")
    if text.lstrip().startswith(("{", "[")):
        return from_json(text, what)
    return from_ascii(text, what)


def write_moc(
    path: str | os.PathLike[str], ranges: Ints, order: int, format: str | None, packing: str, overwrite: bool
) -> Path:
    """Write merged ranges of an order; the file appears under its name when it is complete.

    Raises
    ------
    MaskValueError
        For a format that is not known, or a name that tells none.
    OutputExistsError
        If the file is there and is not to be overwritten.
    WriteError
        If it cannot be written.
    """
    path = path_of(path, "the MOC")
    if format is None:
        format = _FORMATS.get(path.suffix.lower())
    if format not in _FORMATS.values():
        raise MaskValueError(
            f"{path}: a MOC is written as .fits, .json or .txt (ASCII); for another name say "
            f"format='fits', 'json' or 'ascii', got {format!r}"
        )
    if format == "fits":
        content = fits_bytes(ranges, order, packing)
    else:
        text = to_json(ranges, order) if format == "json" else to_ascii(ranges, order)
        content = f"{text}\n".encode("ascii")
    write_whole(path, content, overwrite)
    return path
