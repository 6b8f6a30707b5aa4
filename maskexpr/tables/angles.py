"""Columns as degrees: by the unit that the file states, or that the user does, or by what their texts say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import astropy.units as u
import numpy as np

from ..core.arrays import Floats
from ..core.errors import AngleError, FormatError
from ..sphere.angles import in_degrees, unmasked
from ..sphere.units import angle_unit, sexagesimal_unit
from .sexagesimal import parse, unit_of
from .table import SourceTable

__all__ = ["Units", "degrees", "is_ratio", "numbers", "stated_unit"]

Units = Mapping[str, Any]
"""Units that the user states, by column; they win."""

_DIMENSIONLESS: Final = ("", "1", "-", "--", "---", "none", "unitless", "dimensionless")


def stated_unit(table: SourceTable, name: str, units: Units) -> str:
    """The unit of a column as it is spelled, "" where none is."""
    text = str(units.get(name, table.columns[name].unit)).strip()
    return "" if text.casefold() in _DIMENSIONLESS else text


def is_ratio(table: SourceTable, name: str, like: str, units: Units) -> bool:
    """Whether a minor axis is given as a part of the major one: its column has no unit, and that of the major
    axis has one.

    Raises
    ------
    AngleError
        If a file without units leaves open which it is.
    """
    if stated_unit(table, name, units):
        return False
    if name not in units and not table.columns[like].unit:
        raise AngleError(
            f"{table.where}: nothing says whether {name!r} is an angle or a part of {like!r}: say so, "
            f"units={{{name!r}: 'arcmin'}}, or '1' for a part"
        )
    return True


def numbers(table: SourceTable, name: str) -> Floats | None:
    """A column of numbers, or of texts that are numbers, NaN where there is none; None if it holds others."""
    values = table.values(name)
    if values.dtype.kind in "iuf":
        return unmasked(values)
    if values.dtype.kind != "U":
        raise FormatError(f"{table.where}: the column {name!r} holds {values.dtype}, not numbers")
    try:
        return unmasked(np.ma.filled(values, "nan").astype(np.float64))
    except ValueError:
        return None


def degrees(
    table: SourceTable,
    name: str,
    units: Units,
    place: bool = False,
    hours: bool = True,
    usual: u.UnitBase | None = None,
) -> Floats:
    """A column as degrees, NaN where it has no value.

    Parameters
    ----------
    table : SourceTable
        The table.
    name : str
        The column.
    units : mapping
        What the user states.
    place : bool
        Whether it is one of a position: numbers without a unit are then degrees, as they are everywhere, and
        sexagesimal texts are read.
    hours : bool
        Whether it may be in hours, which latitudes and galactic longitudes are not.
    usual : unit, optional
        The unit of sexagesimal texts that do not say it themselves.

    Raises
    ------
    AngleError
        For numbers without a unit.
    FormatError
        For a unit that is no angle, or what are no numbers.
    """
    found, stated, what = (
        numbers(table, name),
        stated_unit(table, name, units),
        f"{table.where}: the column {name!r}",
    )
    if found is None:
        if not place:
            raise FormatError(f"{what} holds texts, not numbers")
        read = parse(table.values(name), what)
        unit = unit_of(read, sexagesimal_unit(stated) or angle_unit(stated), usual, what)
        return _checked(read.values, unit, hours, what)
    if not stated:
        if not place:
            raise AngleError(f"{what} says no unit: say it, units={{{name!r}: 'deg'}}")
        return found
    unit = angle_unit(stated)
    if unit is None:
        raise FormatError(f"{what} is in {stated!r}, not an angle: say its unit, units={{{name!r}: 'deg'}}")
    return _checked(found, unit, hours, what)


def _checked(values: Floats, unit: u.UnitBase, hours: bool, what: str) -> Floats:
    if unit == u.hourangle and not hours:
        raise FormatError(f"{what} is in hours, which only a right ascension is: say the unit, units=")
    return np.asarray(in_degrees(values, unit), dtype=np.float64)
