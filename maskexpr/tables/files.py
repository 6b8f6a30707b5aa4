"""What kind of file a catalogue is, by its first bytes and lines: FITS, VOTable, several kinds of text."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

from astropy.table import Table

from ..core.errors import FormatError, MaskError
from ..doors.files import open_file, plain_path
from ..doors.votable import check_votable
from .fits import fits_tables
from .objects import source_table
from .table import Column, SourceTable, printable
from .text import delimited_tables
from .votable import is_votable, votable_tables

__all__ = ["opened_tables"]

_START: Final = 1 << 14
# Whose tables pandas or pyarrow reads, if they are installed.
_PARQUET: Final = b"PAR1"
_SEXTRACTOR: Final = re.compile(r"#\s*1\s+[A-Z]\w*")


@contextmanager
def opened_tables(path: str) -> Iterator[list[SourceTable]]:
    """The tables of a file, to be asked for their columns while it is open.

    Raises
    ------
    FileMissingError
        If it is not there.
    FormatError
        If it is no file, or none that holds a table.
    """
    try:
        with (
            plain_path(path, "catalogue", "table_bytes") as plain,
            open_file(plain, "catalogue") as file,
            _tables(file, path) as found,
        ):
            yield found
    except MaskError as err:
        if str(err).isprintable():
            raise
        raise type(err)(printable(str(err))) from err
    except Exception as err:
        # Parsers raise whatever they stumble over; their last lines list all formats that they know.
        reason = (str(err).splitlines() or [type(err).__name__])[0]
        raise FormatError(printable(f"cannot read a table from {path!r}: {reason}")) from err


@contextmanager
def _tables(file: IO[bytes], path: str) -> Iterator[list[SourceTable]]:
    start = file.read(_START)
    file.seek(0)
    if start.startswith(b"SIMPLE  ="):
        with fits_tables(file, path) as found:
            yield found
    elif is_votable(start):
        document = file.read()
        check_votable(document, path)
        yield votable_tables(document, path)
    elif start.startswith(_PARQUET):
        yield [_of_astropy(path, path, "parquet")]
    else:
        yield _text_tables(_decoded(file.read(), path), path)


def _decoded(data: bytes, path: str) -> str:
    """Text, with or without a byte order mark; in Latin-1 where it is not UTF-8."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    if b"\0" in data[:_START]:
        raise FormatError(f"{path!r} is neither FITS nor VOTable nor text")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _text_tables(text: str, path: str) -> list[SourceTable]:
    lines = text.splitlines()
    some = [line for line in lines if line.strip()]
    if not some:
        raise FormatError(f"{path!r} is empty")
    first = some[0].lstrip()
    if first.startswith("# %ECSV"):
        return [_of_astropy(lines, path, "ascii.ecsv")]
    if first.lower().startswith(("<!doctype html", "<html")):
        raise FormatError(f"{path!r} is a web page and no catalogue; was there an error when it was fetched?")
    if first.startswith("<HEADER>") or "<DATA>" in (line.strip() for line in some):
        return [_of_tdat(lines, path)]
    if _SEXTRACTOR.match(first):
        return [_of_astropy(lines, path, "ascii.sextractor")]
    if any(line.startswith("Byte-by-byte Description") for line in lines):
        return [_of_astropy(lines, path, "ascii.cds")]
    if first[0] in "\\|" and not any(line.lstrip().startswith("|") for line in _after_bars(some)):
        return [_of_astropy(lines, path, "ascii.ipac")]
    return delimited_tables(lines, path)


def _after_bars(lines: list[str]) -> list[str]:
    """The lines after a header of IPAC: keywords, and up to four lines in bars for names, units and so on."""
    at = 0
    while at < len(lines) and lines[at].startswith("\\"):
        at += 1
    bars = 0
    while at < len(lines) and bars < 4 and lines[at].lstrip().startswith("|"):
        at, bars = at + 1, bars + 1
    return lines[at:] if at < len(lines) else ["|"]


def _of_tdat(lines: list[str], path: str) -> SourceTable:
    """HEASARC's transportable table: declared fields, then rows with a bar after each."""
    declared: dict[str, tuple[str, str]] = {}
    order: list[str] = []
    first = len(lines)
    for number, line in enumerate(lines):
        if found := re.match(r"\s*field\[(\w+)\]\s*=\s*(\S+)(?:\s*\[([^\]]*)\])?", line):
            # Type, format and unit: float8:8.4f_degree.
            declared[found[1]] = (found[2].partition("_")[2], (found[3] or "").strip())
        elif found := re.match(r"\s*line\[1\]\s*=\s*(.*)", line):
            order = found[1].split()
        elif line.strip() == "<DATA>":
            first = number + 1
            break
    names = order or list(declared)
    rows = [
        f"|{line.strip().removesuffix('|')}|" for line in lines[first:] if line.strip() not in ("", "<END>")
    ]
    [read] = delimited_tables([f"|{'|'.join(names)}|", *rows], path)
    columns = {
        name: Column(column.load, *declared.get(name, ("", ""))) for name, column in read.columns.items()
    }
    return SourceTable(path, columns)


def _of_astropy(source: Any, path: str, kind: str) -> SourceTable:
    """A table that astropy's reader of one format gives: of lines, as it takes a text of one for a path."""
    options = {} if kind == "parquet" else {"guess": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = Table.read(source, format=kind, **options)
    return source_table(table, path)
