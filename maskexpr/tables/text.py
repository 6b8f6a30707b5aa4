"""Tables of rows of fields with something between them: names, units and rows are found by a line of dashes,
or by where the first number is.

VizieR, TOPCAT, HEASARC, Aladin, GAIA and people write them with tabs, commas, semicolons, bars or blanks. A
line of dashes, where there is one, divides names (and units) from rows; else names are the first line, or the
last comment, that holds no number.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import FormatError
from ..sphere.units import angle_unit, sexagesimal_unit
from .frames import frame_of
from .parts import DEGREES, SIGN
from .sexagesimal import sexagesimal
from .table import Column, SourceTable, listed, masked_texts

__all__ = ["delimited_tables"]

# What stands in a column of numbers where there is none.
_MISSING: Final = frozenset({"", "null", "nan", "n/a", "na", "none", "-", "--", "---", "indef", "...", "\\n"})
_RULE: Final = re.compile(r"[-=]+")
_BOX: Final = re.compile(r"\+[-=+]+\+?")
_SYSTEM: Final = re.compile(r"#\s*coosys\b[^:]*:\s*(\S+)\s*(\S*)", re.IGNORECASE)
_NAME: Final = re.compile(r"#\s*name:\s*(\S+)", re.IGNORECASE)
_UCD: Final = re.compile(r"#column\s+(\S+)\s.*\[ucd=([^\]]*)\]", re.IGNORECASE)
_DELIMITERS: Final = ("\t", "|", ";", ",")
# Their writers leave out what is empty at the end of a row.
_SHORT: Final = ("\t", ";")
_BARS: Final = "||"


class _Split(NamedTuple):
    """How a line is cut into fields; ``||`` are bars that stand at its ends too."""

    delimiter: str

    def __call__(self, line: str) -> list[str]:
        text, delimiter = line, self.delimiter
        if delimiter == _BARS:
            text, delimiter = line.strip().removeprefix("|").removesuffix("|"), "|"
        elif delimiter == " ":
            text = line.strip()
        if '"' not in text:
            return text.split() if delimiter == " " else [each.strip() for each in text.split(delimiter)]
        row = next(csv.reader([text], delimiter=delimiter, skipinitialspace=True), [])
        return [each.strip() for each in row]


class _Head(NamedTuple):
    """Where a table begins: its names and units, and the line of its first row."""

    names: list[str]
    units: list[str]
    first: int
    split: _Split


def delimited_tables(lines: list[str], path: str) -> list[SourceTable]:
    """The tables of lines of text.

    Raises
    ------
    FormatError
        If no line holds names of columns, or a row has another number of fields, naming the line.
    """
    heads = [each for number in range(1, len(lines)) if (each := _ruled(lines, number)) is not None]
    heads = heads or [_plain(lines, path)]
    ends = [_before(lines, each.first) for each in heads[1:]] + [len(lines)]
    return [
        _table(lines, each, end, path, number if len(heads) > 1 else None)
        for number, (each, end) in enumerate(zip(heads, ends, strict=True))
    ]


def _splitter(line: str) -> _Split:
    if line.lstrip().startswith("|") and line.rstrip().endswith("|"):
        return _Split(_BARS)
    return _Split(next((each for each in _DELIMITERS if each in line), " "))


def _ruled(lines: list[str], rule: int) -> _Head | None:
    """The table whose names, and units below them, stand before a line; None if that is no line of dashes."""
    if not lines[rule].strip() or lines[rule].strip(" \t|;,-="):
        return None
    split = _splitter(lines[rule])
    pieces = split(lines[rule])
    before = [split(lines[rule - back]) if rule >= back else [] for back in (1, 2)]
    named = len(before[0]) == len(pieces) and not any(map(_is_number, before[0]))
    # A row of missing values looks like it, after rows of others.
    if not named or not any(map(_RULE.fullmatch, pieces)) or len(lines[rule].strip()) < 2:
        return None
    names, units = before[0], [""] * len(pieces)
    # An empty line, a comment or a title before the names has another number of fields.
    if (
        len(before[1]) == len(pieces) > 1
        and lines[rule - 2][:1] != "#"
        and not any(map(_is_number, before[1]))
    ):
        names, units = before[1], before[0]
    return _Head([each.lstrip("#").strip() for each in names], units, rule + 1, split)


def _plain(lines: list[str], path: str) -> _Head:
    """A table without a line of dashes: names are the first line without a number, or the last comment."""
    rows = [number for number, line in enumerate(lines) if _is_row(line)]
    # Whatever else stands before and after a table in bars is talk.
    rows = [number for number in rows if lines[number].lstrip().startswith("|")] or rows
    if not rows:
        raise FormatError(f"{path} holds no table: no line holds names of columns")
    first = rows[0]
    split = _splitter(lines[first])
    fields = split(lines[first])
    if not any(map(_is_number, fields)):
        second = split(lines[rows[1]]) if len(rows) > 1 else []
        if len(second) == len(fields) and _are_units(second):
            return _Head(fields, second, rows[1] + 1, split)
        return _Head(fields, [""] * len(fields), first + 1, split)
    comment = next((lines[i].strip() for i in range(first - 1, -1, -1) if lines[i].strip()), "")
    names = split(comment.lstrip("#%! "))
    if comment[:1] in ("#", "%", "!") and len(names) == len(fields) and not any(map(_is_number, names)):
        return _Head(names, [""] * len(names), first, split)
    raise FormatError(
        f"{path} holds no table: line {first + 1} is numbers already, and no line before it names its "
        f"{len(fields)} columns"
    )


def _is_row(line: str) -> bool:
    text = line.strip()
    return bool(text) and text[0] != "#" and not _BOX.fullmatch(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return sexagesimal(text)
    return True


def _are_units(fields: Sequence[str]) -> bool:
    """Whether a line below the names says units, of angles at least."""
    some = [each.strip("[]()") for each in fields if each]
    angles = [angle_unit(each) is not None or sexagesimal_unit(each) is not None for each in some]
    return any(angles) and not any(map(_is_number, some))


def _before(lines: list[str], first: int) -> int:
    """The line at which what belongs to a later table begins: its comments, names, units and dashes."""
    at = first - 2
    while at > 0 and lines[at - 1].strip() and not lines[at - 1].startswith("#"):
        at -= 1
    return at


def _table(lines: list[str], head: _Head, end: int, path: str, number: int | None) -> SourceTable:
    above = lines[: head.first]
    name = next((found[1] for line in reversed(above) if (found := _NAME.match(line))), "")
    where = path if number is None else f"{path}, table {number} {name}".rstrip()
    rows = list(_rows(lines, head, end, where))
    ucds = {found[1]: found[2] for line in above if (found := _UCD.match(line))}
    columns = {
        each: Column(partial(_values, rows, place, each), head.units[place].strip("[]()"), ucds.get(each, ""))
        for place, each in enumerate(head.names)
        if each and head.names.count(each) == 1
    }
    systems = {(each[1], each[2]) for line in above if (each := _SYSTEM.match(line))}
    frames = [each for system in systems if (each := frame_of(system[0], system[1], where)) is not None]
    # VizieR lists all systems of a catalogue; only one that stands alone is that of its positions.
    return SourceTable(
        where,
        columns,
        frames[0] if len(frames) == 1 else None,
        f"{number or 0} {name}".strip() if name or number is not None else "",
    )


def _rows(lines: list[str], head: _Head, end: int, where: str) -> Iterator[list[str]]:
    count, delimiter = len(head.names), head.split.delimiter
    for number in range(head.first, end):
        line = lines[number]
        if not _is_row(line) or (delimiter == _BARS and (line.lstrip()[0] != "|" or not line.strip("|-=: "))):
            continue
        fields = head.split(line)
        fields += [""] * (count - len(fields)) if delimiter in _SHORT else []
        if len(fields) != count:
            raise FormatError(
                f"{where}: line {number + 1} has {len(fields)} fields, there are {count} columns: "
                f"{listed(head.names)}"
            )
        yield fields


def _values(rows: list[list[str]], place: int, name: str) -> NDArray[Any]:
    """A column as numbers if all that is there are some, else as texts."""
    texts = [row[place] for row in rows]
    if name == SIGN:
        return masked_texts(np.array(texts, dtype=str))
    missing = np.array([each.casefold() in _MISSING for each in texts], dtype=bool)
    # -00 is no integer.
    kinds: tuple[type, ...] = (float,) if name == DEGREES else (int, float)
    # Python reads 1_2 as 12.
    kinds = () if any("_" in each for each in texts) else kinds
    for kind in kinds:
        try:
            some = np.array(
                [kind(0) if gone else kind(each) for each, gone in zip(texts, missing, strict=True)]
            )
        except (ValueError, OverflowError):
            continue
        if some.dtype.kind not in "if" and some.size:
            continue
        return np.ma.MaskedArray(some, mask=missing) if missing.any() else some
    return masked_texts(np.array(texts, dtype=str))
