"""Positions in parts: columns of hours, minutes and seconds, as the tables of journals have them."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, Final

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.errors import FormatError
from ..io.validity import plain
from .angles import numbers
from .table import Column, SourceTable

__all__ = ["DEGREES", "SIGN", "with_joined_parts"]

SIGN: Final = "DE-"
"""The column of signs of declinations."""
DEGREES: Final = "DEd"
"""The column of degrees, of which -00 is one."""
_RIGHT_ASCENSION: Final = ("RAh", "RAm", "RAs")
_DECLINATION: Final = (DEGREES, "DEm", "DEs")
# Typesetters have a minus, and a dash, of their own; a blank is north.
_MINUS: Final = ("-", "\u2212", "\u2013")
_PLUS: Final = ("+", "")
# As in sexagesimal texts: rounding writes 60.0 for 59.97.
_MOST: Final = 60.0


def with_joined_parts(table: SourceTable) -> SourceTable:
    """The table with the columns RAhms and DEdms in degrees, if it has their parts.

    Examples
    --------
    >>> from maskexpr.tables.table import masked_texts
    >>> parts = {"RAh": 1, "RAm": 30, "DEd": 0, "DEm": 30}
    >>> columns = {name: Column(partial(np.array, [value])) for name, value in parts.items()}
    >>> columns["DE-"] = Column(lambda: masked_texts(np.array(["-"])))
    >>> found = with_joined_parts(SourceTable("table", columns))
    >>> found.values("RAhms").tolist(), found.values("DEdms").tolist()
    ([22.5], [-0.5])
    """
    names = table.columns
    if not {"RAh", "RAm", "DEd", "DEm"} <= set(names):
        return table
    made = {
        "RAhms": Column(partial(_joined, table, _RIGHT_ASCENSION, None, 15.0), "deg"),
        "DEdms": Column(partial(_joined, table, _DECLINATION, SIGN if SIGN in names else None, 1.0), "deg"),
    }
    return dataclasses.replace(table, columns={**names, **made})


def _joined(table: SourceTable, parts: tuple[str, ...], sign: str | None, scale: float) -> Floats:
    values = [_part(table, name) for name in parts if name in table.columns]
    for name, each in zip(parts[1:], values[1:], strict=False):
        _check(table, name, each, (each < 0) | (each > _MOST), f"must be from 0 to {_MOST:g}")
    total = sum((np.abs(each) / 60.0**place for place, each in enumerate(values)), np.zeros(()))
    if parts is _RIGHT_ASCENSION:
        _check(table, parts[0], values[0], values[0] < 0, "must not be negative")
        return np.asarray(total * scale)
    return np.asarray(np.where(_is_south(table, values[0], sign), -total, total) * scale)


def _part(table: SourceTable, name: str) -> Floats:
    found = numbers(table, name)
    if found is None:
        raise FormatError(f"{table.where}: the column {name!r} holds texts, not numbers")
    return np.asarray(found, dtype=np.float64)


def _is_south(table: SourceTable, degrees: Floats, sign: str | None) -> Bools:
    """Which declinations are negative: by a column of signs, as -00 is no integer; else by the degrees."""
    south = np.signbit(degrees)
    if sign is None:
        if table.values(DEGREES).dtype.kind == "i":
            says = f"and no column {SIGN!r} says whether north or south: add one of + and -"
            _check(table, DEGREES, degrees, degrees == 0, says)
        return south
    held = table.values(sign)
    # A column without any text may be of another type.
    missing = np.ma.getmaskarray(held) | (held != held)
    signs = np.where(missing, "", plain(held).astype(str))
    _check(table, sign, signs, ~np.isin(signs, (*_MINUS, *_PLUS)), "must be +, - or blank")
    negative = np.isin(signs, _MINUS)
    _check(table, DEGREES, degrees, south & ~negative, f"contradicts the sign in {sign!r}")
    return negative


def _check(table: SourceTable, name: str, values: Any, bad: Bools, words: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        value = values[rows[0]]
        shown = repr(str(value)) if isinstance(value, str) else f"{value:g}"
        raise FormatError(f"{table.where}: {name!r} of row {int(rows[0])} is {shown}, {words}")
