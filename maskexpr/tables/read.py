"""Sources of a catalogue: the table, its rows, their positions, and the angles that belong to them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord

from ..core.arrays import Bools, Floats, Indices
from ..core.errors import AngleError, FormatError, MaskTypeError, MaskValueError
from ..core.names import shown
from ..sphere.angles import to_degrees
from ..sphere.units import angle_unit
from .angles import Units, degrees, is_ratio, numbers
from .choice import table_of
from .files import opened_tables
from .parts import with_joined_parts
from .positions import Positions, read_positions
from .table import SourceTable
from .where import columns_of, rows_where

__all__ = ["Request", "read_circles", "read_ellipses"]

Rows = Indices


@dataclass(frozen=True)
class Request:
    """Which rows of a file are asked for, and what its columns are; see `maskexpr.Catalog.read`.

    Parameters
    ----------
    path, hdu, lon, lat, frame, where, units, missing
        As there.
    sizes : mapping of str to object
        By the name of an argument, the name of a column, or an angle.
    """

    path: str
    sizes: Mapping[str, Any]
    hdu: int | str | None = None
    lon: str | None = None
    lat: str | None = None
    frame: Any = None
    where: str | None = None
    units: Units = field(default_factory=dict)
    missing: Any = "raise"

    def __post_init__(self) -> None:
        if (self.lon is None) != (self.lat is None):
            alone = self.lon or self.lat
            raise FormatError(
                f"{self.path}: give both columns, lon= and lat=, or neither; got {alone!r} alone"
            )
        if "://" in self.path:
            raise FormatError(f"{self.path!r} is an address: fetch the catalogue, and give the file")
        for unit in self.units.values():
            if angle_unit(unit) is None and str(unit).strip() not in ("", "1"):
                raise AngleError(f"units: {str(unit)!r} is no unit of an angle, such as 'arcmin'")
        if self.replacement is not None and self.replacement < 0:
            raise MaskValueError(f"missing must not be negative, got {self.missing}")

    @classmethod
    def of(cls, path: str | os.PathLike[str], sizes: Mapping[str, Any], **rows: Any) -> Request:
        """What users ask for."""
        units = rows.pop("units", None)
        if not isinstance(units, Mapping | None):
            raise MaskTypeError(f"units is a unit by column, such as {{'r95': 'arcmin'}}, got {shown(units)}")
        return cls(os.fspath(path), sizes, units={} if units is None else units, **rows)

    @property
    def replacement(self) -> float | None:
        """Degrees that stand in for radii that are missing, if such are given."""
        if isinstance(self.missing, str) and self.missing in ("raise", "drop"):
            return None
        return to_degrees(self.missing, "missing, if not 'raise' or 'drop',")

    @property
    def columns(self) -> list[str]:
        """Names of all columns that are asked for."""
        found = [each for each in self.sizes.values() if isinstance(each, str) and not _is_angle(each)]
        found += [each for each in (self.lon, self.lat) if each is not None]
        return [*found, *self.units, *(columns_of(self.where) if self.where is not None else [])]


@dataclass(frozen=True)
class _Rows:
    """The rows of a table that a condition takes, and where their positions are."""

    table: SourceTable
    units: Units
    positions: Positions
    rows: Rows
    request: Request

    def column(self, name: str) -> str | None:
        """The column that an argument names; None if it is an angle."""
        value = self.request.sizes[name]
        if not isinstance(value, str):
            return None
        found = self.table.find(value)
        if found is not None or _is_angle(value) or value.lstrip()[:1].isdigit():
            return found
        return self.table.need(value, f"the {name}")

    def with_values(self, missing: Bools, what: str) -> tuple[Rows, Bools]:
        """The rows that are kept, and which of them get the angle that stands in for missing ones.

        Raises
        ------
        MaskValueError
            For a row without position or without a size, unless the user has said what it is.
        """
        placed = ~self.positions.missing[self.rows]
        if self.request.missing != "drop":
            self._check(~placed, f"the position ({self.positions.pair.lon}, {self.positions.pair.lat})", "")
        if self.request.missing == "drop":
            kept = self.rows[placed & ~missing[self.rows]]
            return kept, np.zeros(len(kept), dtype=bool)
        if self.request.replacement is None:
            self._check(missing[self.rows], what, ", or say the angle instead, missing='0.1 deg'")
        return self.rows, missing[self.rows]

    def _check(self, bad: Bools, what: str, otherwise: str) -> None:
        if bad.any():
            raise MaskValueError(
                f"{self.table.where}: {what} of row {int(self.rows[bad][0])} is masked or not finite "
                f"({int(bad.sum())} such rows of {len(self.rows)}): leave them out, missing='drop'{otherwise}"
            )


@contextmanager
def _asked(request: Request) -> Iterator[_Rows]:
    with opened_tables(request.path) as found:
        tables = [with_joined_parts(each) for each in found]
        named = request.lon is not None
        table = table_of(tables, request.path, request.hdu, request.columns, named)
        units = {table.need(name, "units="): unit for name, unit in request.units.items()}
        positions = read_positions(table, request.lon, request.lat, request.frame, units)
        rows = np.arange(len(positions.lon))
        if request.where is not None:
            rows = np.flatnonzero(rows_where(table, request.where))
        yield _Rows(table, units, positions, rows, request)


def read_circles(request: Request) -> tuple[SkyCoord, Any]:
    """Positions and radii of a catalogue, the radii in degrees if they are a column.

    Raises
    ------
    FormatError
        If there is no such table or column.
    MaskValueError
        For positions or radii that are missing or cannot be, naming the row.
    """
    with _asked(request) as asked:
        column, radius = asked.column("radius"), request.sizes["radius"]
        values = None if column is None else degrees(asked.table, column, asked.units)
        number = len(asked.positions.lon)
        missing: Bools = np.zeros(number, dtype=bool)
        if values is not None:
            missing = np.asarray(~np.isfinite(values.reshape(number, -1 if number else 1)).all(axis=1))
        rows, replaced = asked.with_values(missing, f"the radius {radius!r}")
        positions = asked.positions.at(rows, asked.table.where)
    if values is None:
        return positions, radius
    values = values[rows]
    values[replaced] = request.replacement
    return positions, values * u.deg


def read_ellipses(request: Request, scale: float) -> tuple[SkyCoord, Floats, Floats, Floats]:
    """Positions, axes and position angles of a catalogue, in degrees, shape (n,).

    Parameters
    ----------
    request : Request
        With the sizes major, minor and angle.
    scale : float
        What axes are multiplied by, but for those that stand in for missing ones.

    Raises
    ------
    FormatError, MaskValueError
        As `read_circles`.
    AngleError
        If nothing says the unit of a column.
    """
    with _asked(request) as asked:
        number = len(asked.positions.lon)
        major = _size(asked, "major", number)
        minor = _minor(asked, major, number)
        angle = _size(asked, "angle", number)
        # A circle has no position angle.
        angle = np.where(minor == major, 0.0, angle)
        missing = ~(np.isfinite(major) & np.isfinite(minor) & np.isfinite(angle))
        names = ", ".join(str(each) for each in request.sizes.values())
        rows, replaced = asked.with_values(missing, f"the ellipse ({names})")
        positions = asked.positions.at(rows, asked.table.where)
    found = scale * major[rows], scale * minor[rows], angle[rows]
    for values, instead in zip(found, (request.replacement, request.replacement, 0.0), strict=True):
        values[replaced] = instead
    return positions, *found


def _size(asked: _Rows, name: str, number: int) -> Floats:
    column = asked.column(name)
    if column is None:
        return np.full(number, to_degrees(asked.request.sizes[name], name))
    values = degrees(asked.table, column, asked.units)
    if values.shape != (number,):
        raise FormatError(f"{asked.table.where}: the column {column!r} holds several values a row, not one")
    return values


def _minor(asked: _Rows, major: Floats, number: int) -> Floats:
    """The minor axis: an angle, or a part of the major axis."""
    column, value = asked.column("minor"), asked.request.sizes["minor"]
    if column is None:
        part = value if isinstance(value, int | float) and not isinstance(value, bool) else None
        return (
            _size(asked, "minor", number)
            if part is None
            else _part(major, np.full(number, part), asked, "minor")
        )
    of_major = asked.column("major")
    # An angle that is the same for all rows has a unit, so that what has none is a part of it.
    if of_major is not None and not is_ratio(asked.table, column, of_major, asked.units):
        return _size(asked, "minor", number)
    if of_major is None and asked.table.columns[column].unit:
        return _size(asked, "minor", number)
    parts = numbers(asked.table, column)
    if parts is None or parts.shape != (number,):
        raise FormatError(f"{asked.table.where}: the column {column!r} holds no single number a row")
    return _part(major, parts, asked, column)


def _part(major: Floats, part: Floats, asked: _Rows, name: str) -> Floats:
    bad = np.flatnonzero((part[asked.rows] < 0) | (part[asked.rows] > 1))
    if len(bad):
        row = int(asked.rows[bad[0]])
        raise MaskValueError(
            f"{asked.table.where}: {name!r} has no unit and so is a part of the major axis, from 0 to 1; row "
            f"{row} has {part[row]:g}: if it is an angle, say its unit, units={{{name!r}: 'arcmin'}}"
        )
    return np.asarray(major * part, dtype=np.float64)


def _is_angle(text: str) -> bool:
    try:
        to_degrees(text)
    except (AngleError, MaskValueError):
        return False
    return True
