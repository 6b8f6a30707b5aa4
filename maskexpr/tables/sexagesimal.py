"""Sexagesimal angles: one regular expression for all ways to write three numbers of base 60."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

import astropy.units as u
import numpy as np

from ..core.arrays import Floats
from ..core.errors import FormatError

__all__ = ["Texts", "parse", "sexagesimal", "unit_of"]

_TEXT: Final = re.compile(
    r"""\s*(?P<sign>[-+\u2212\u2013])?\s*
    (?P<first>\d{1,4})\s*(?P<mark>h|d|deg|\u00b0|:|\s)\s*
    (?P<second>\d{1,2}(?:\.\d*)?)\s*(?:m|'|\u2032|\u2019|:|\s|$)\s*
    (?:(?P<third>\d{1,2}(?:\.\d*)?)\s*(?:s|"|''|\u2033|\u201d)?)?\s*""",
    re.VERBOSE | re.IGNORECASE,
)
# Of a longer text the expression would try too many ways.
_LONGEST: Final = 40
# Rounding writes 60.0 for 59.97: both are read by everybody.
_MOST: Final = 60.0
_HOURS: Final = 24.0


class Texts(NamedTuple):
    """Sexagesimal texts as numbers.

    Attributes
    ----------
    values : ndarray
        In units of the first of the three numbers, NaN where there is no text.
    marks : frozenset of str
        What follows the first numbers: h, d, or ":" where no letter says what they are.
    """

    values: Floats
    marks: frozenset[str]


def sexagesimal(text: str) -> bool:
    """Whether a text is a sexagesimal angle.

    Examples
    --------
    >>> [sexagesimal(each) for each in ("05 34 31.9", "-0:12:30", "5h34m31.9s", "83.6", "Crab")]
    [True, True, True, False, False]
    """
    return _matched(text) is not None


def _matched(text: str) -> re.Match[str] | None:
    return _TEXT.fullmatch(text) if len(text) <= _LONGEST else None


def parse(texts: Any, what: str) -> Texts:
    """Sexagesimal texts as numbers.

    Raises
    ------
    FormatError
        For a text that is none, or minutes or seconds beyond 60, naming the row.

    Examples
    --------
    >>> parse(["05:30:00", "-00 30 36"], "RA").values.tolist()
    [5.5, -0.51]
    """
    missing = np.ma.getmaskarray(texts)
    values = np.full(len(texts), np.nan)
    marks = set()
    for row in np.flatnonzero(~missing):
        found = _matched(str(texts[row]))
        minutes = 0.0 if found is None else float(found["second"])
        seconds = 0.0 if found is None else float(found["third"] or 0)
        if found is None or minutes > _MOST or seconds > _MOST:
            text = str(texts[row])
            raise FormatError(
                f"{what} holds texts that are neither numbers nor sexagesimal: row {row} is {text!r}"
            )
        size = int(found["first"]) + minutes / 60 + seconds / 3600
        values[row] = size if found["sign"] in (None, "+") else -size
        mark = found["mark"].lower()
        marks.add("h" if mark == "h" else ":" if mark == ":" or mark.isspace() else "d")
    return Texts(values, frozenset(marks))


def unit_of(texts: Texts, stated: u.UnitBase | None, usual: u.UnitBase | None, what: str) -> u.UnitBase:
    """The unit of the first numbers: by their letters, by the unit of the column, or by what the column is.

    Parameters
    ----------
    texts : Texts
        The numbers.
    stated : unit or None
        What the column's unit says.
    usual : unit or None
        That of such texts in a column: hours of what is called a right ascension, degrees of a latitude.

    Raises
    ------
    FormatError
        If these contradict each other, or none says it.
    """
    letters = {u.hourangle if mark == "h" else u.deg for mark in texts.marks - {":"}}
    if len(letters) > 1 or (letters and ":" in texts.marks):
        raise FormatError(f"{what}: some rows are written with letters (h, d), others with others or without")
    if letters and stated is not None and stated not in letters:
        raise FormatError(f"{what}: the texts are in {letters.pop()}, the unit of the column is {stated}")
    unit = next(iter(letters), stated) or usual
    if unit is None:
        raise FormatError(
            f"{what} is sexagesimal text, and nothing says whether of hours or of degrees: say so, "
            "units={column: 'hourangle'} or 'deg'"
        )
    if unit == u.hourangle and np.nanmax(np.abs(texts.values), initial=0.0) > _HOURS:
        row = int(np.nanargmax(np.abs(texts.values)))
        raise FormatError(f"{what}: row {row} is {texts.values[row]:g} hours; say units={{column: 'deg'}}")
    return unit
