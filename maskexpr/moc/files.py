"""Files of MOCs: told apart by what they begin with, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from ..core.arguments import path_of
from ..core.arrays import Ints
from ..core.errors import FormatError, MaskError, MaskValueError, WriteError, borrowed
from ..doors.files import open_plain
from ..io.publish import check_place, publish, sync_file
from ..io.workspace import Workspace
from .fits import read_fits, write_fits
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
    check_place(path, overwrite)
    space = Workspace(path)
    try:
        space.make()
        if format == "fits":
            write_fits(space.product, ranges, order, packing)
        else:
            text = to_json(ranges, order) if format == "json" else to_ascii(ranges, order)
            space.product.write_text(text + "\n", encoding="ascii")
        sync_file(space.product)
        publish(space.product, path, space.aside, overwrite)
    except OSError as err:
        if isinstance(err, MaskError):
            raise
        what = f"{err.strerror or err}; nothing is written, and what was there is as it was"
        raise WriteError(err.errno or 0, what, str(path)) from err
    finally:
        space.discard()
    return path
