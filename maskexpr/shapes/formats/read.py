"""What a user gives as a region, text, objects or files, to one shape.

A format is a record: how a text is known by what it holds, and its reader. The name of a file says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import regions

from ...core.errors import FormatError, MaskTypeError, MaskValueError, RegionError
from ...core.names import described, hint_of
from ...doors.files import read_file
from ...doors.texts import check_region_text
from ...grid.healpix.mocs import moc_cells
from .. import Compound, Shape
from .crtf import is_crtf, read_crtf
from .ds9 import read_ds9
from .fits_table import read_fits
from .from_regions import read_regions
from .items import Found, Options, Reader, assemble, honour, shown
from .stcs import is_stcs, read_stcs

__all__ = ["read_shape", "shape_of"]

_FITS: Final = b"SIMPLE  ="
_FILE: Final = re.compile(r"[^\s(\[;,]+\.(reg|crtf|fits?|fits?\.gz|txt|reg\.gz)\s*", re.IGNORECASE)


_HINTS: Final = {
    "PurePath": "read a file with Region.read(path)",
    "SkyCoord": "give positions a radius, Catalog(positions, radius)",
    "Table": "give positions a radius, Catalog(table, radius)",
    "Mask": "it is a mask already",
    "dict": "write DS9 text, Region('icrs;circle(83.6, 22, 0.3)')",
    "Real": "write DS9 text, Region('icrs;circle(83.6, 22, 0.3)')",
    "Quantity": "write DS9 text, Region('icrs;circle(83.6, 22, 0.3)')",
}
"""What to write instead of an object of a class, or of one below it."""


class TextFormat(NamedTuple):
    """A format of text: its name, how it is known, and its reader.

    The reader is None of what is no region, and the name then says what reads it.
    """

    name: str
    holds: Callable[[str], bool]
    read: Callable[[str, Reader], None] | None


def _starts(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: compiled.match(text) is not None


# The first that knows the text reads it; DS9 has no mark of its own, so that it comes last.
_TEXTS: Final = (
    TextFormat("CRTF", is_crtf, read_crtf),
    TextFormat("STC-S", is_stcs, read_stcs),
    TextFormat("a MOC (JSON), which Moc.read reads", _starts(r'\s*\{\s*"\d+"\s*:'), None),
    TextFormat("a MOC (ASCII), which Moc.read reads", _starts(r"\s*\d{1,2}/[\d\s,/-]*$"), None),
    TextFormat(
        "XML, perhaps a VOTable, which Catalog.read reads", _starts(r"\s*<(\?xml|votable|!doctype)"), None
    ),
    TextFormat("a mask's JSON, which maskexpr.loads reads", _starts(r'\s*\{\s*"(maskexpr|nodes)"'), None),
    TextFormat("DS9", lambda text: True, read_ds9),
)


def shape_of(spec: Any, options: Options) -> Found:
    """The shape that a user means.

    Parameters
    ----------
    spec : str, Region, Regions, MOC, list of Region and MOC, or Shape
        Text of DS9, CIAO, CRTF or STC-S, objects of the ``regions`` package, a MOC, or a shape.
    options : Options
        What else the user says.

    Raises
    ------
    RegionError
        For what cannot be honoured, naming the line or the place in the list.
    MaskTypeError
        For an object that is none of those.

    Examples
    --------
    >>> shape_of("galactic; circle(0, 0, 30')", Options()).shape.text()
    'circle(0, 0, 0.5 deg)'
    """
    if isinstance(spec, Shape):
        _take_nothing(options, options.given, "a shape")
        return Found(honour(spec, options.metric), {})
    reader = Reader(options)
    if isinstance(spec, str):
        if _FILE.fullmatch(spec):
            raise RegionError(
                f"line 1: {shown(spec.strip())} is no region but the name of a file: use Region.read(path)"
            )
        _read_text(spec, reader)
        found = assemble(reader)
        if isinstance(found.shape, Compound) and not found.shape.shapes:
            raise RegionError(f"no shape in {shown(spec)}; to read a file use Region.read(path)")
        return found
    is_moc = moc_cells(spec) is not None
    hint = hint_of(spec, _HINTS)
    if hint and not is_moc:
        raise MaskTypeError(
            f"a region is text or an object of the regions package, got {described(spec)}: {hint}"
        )
    _take_nothing(options, [name for name in options.given if name != "where"], "objects of regions")
    several = isinstance(spec, Iterable | regions.Regions) and not isinstance(spec, bytes) and not is_moc
    alone = Options(options.metric)
    parts = [
        shape_of(each, alone).shape if isinstance(each, str) else each
        for each in (spec if several else [spec])
    ]
    read_regions(parts, reader)
    return assemble(reader)


def _take_nothing(options: Options, names: list[str], what: str) -> None:
    if names:
        raise MaskValueError(f"{names[0]}={getattr(options, names[0])!r} does not apply to {what}")


def _read_text(text: str, reader: Reader) -> None:
    check_region_text(text)
    form = next(form for form in _TEXTS if form.holds(text))
    if form.read is None:
        raise FormatError(f"the text is {form.name}, and no text of regions")
    form.read(text, reader)


def read_shape(path: str | Path, options: Options) -> Found:
    """The shape that a file of regions holds; an empty file holds nothing.

    Raises
    ------
    FormatError
        For a file that is none.
    RegionError
        For what cannot be honoured, naming the file and the line.
    """
    data = read_file(path, "region file")
    reader = Reader(options)
    if data.startswith(_FITS):
        read_fits(data, Path(path), reader)
        return assemble(reader)
    text = _decoded(data, Path(path))
    try:
        _read_text(text, reader)
        return assemble(reader)
    except (RegionError, FormatError) as err:
        raise type(err)(f"{path}, {err}") from err


def _decoded(data: bytes, path: Path) -> str:
    """Text in UTF-8, with a byte order mark or without, or else in Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        if any(data.count(bytes([code])) for code in (0, 1, 2, 3, 255)):
            raise FormatError(f"{path} is neither text nor FITS") from err
    return data.decode("latin-1")
