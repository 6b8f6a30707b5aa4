"""Other people's objects as positions on the sky: tables, catalogues, lists of events."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table

from ..core.errors import AngleError, MaskError
from ..core.names import nearest
from ..sphere.angles import to_degrees_array
from ..sphere.positions import held_positions, no_positions
from .objects import source_table
from .parts import with_joined_parts
from .positions import read_positions

__all__ = ["as_positions", "named_radius"]


def named_radius(positions: Any, radius: str) -> Any:
    """What a text for a radius means: a column of a table of positions, or an angle as it stands.

    Raises
    ------
    AngleError
        For a text that is neither.

    Examples
    --------
    >>> import astropy.units as u
    >>> table = Table({"r95": [1.0] * u.deg})
    >>> named_radius(table, "r95").unit, named_radius(table, "3 deg")
    (Unit("deg"), '3 deg')
    """
    is_table = isinstance(positions, Table)
    if is_table and radius in positions.colnames:
        column = positions[radius]
        if column.unit is None:
            raise AngleError(f"the column {radius!r} has no unit: table[{radius!r}].unit = 'deg'")
        return column
    try:
        to_degrees_array(radius, "radius")
    except AngleError as err:
        if any(each.isdigit() for each in radius.split(" ")[0][:1]):
            raise
        if not is_table:
            raise AngleError(f"{err}; the name of a column is for tables, and for Catalog.read") from err
        names = ", ".join(positions.colnames)
        raise AngleError(
            f"{err}; nor is it a column of the table{nearest(radius, positions.colnames)}; it has {names}"
        ) from err
    return radius


def as_positions(value: Any) -> SkyCoord:
    """The sky positions that an object is, or holds.

    Parameters
    ----------
    value : object
        A ``SkyCoord``; an astropy table with a column of them or with position columns, which are found as
        those of a file are; anything whose ``positions``, ``radec`` or ``skycoord`` is a SkyCoord, as of
        gammapy's ``SourceCatalog`` and ``EventList``.

    Raises
    ------
    MaskTypeError
        For anything else, with its type and package.
    FormatError
        For a table without positions.

    Examples
    --------
    >>> import astropy.units as u
    >>> as_positions(Table({"RA": [1.0] * u.deg, "DEC": [2.0] * u.deg}))
    <SkyCoord (ICRS): (ra, dec) in deg
        [(1., 2.)]>
    """
    if isinstance(value, Table):
        columns = [value[name] for name in value.colnames if isinstance(value[name], SkyCoord)]
        if columns:
            return columns[0]
        return _of_table(value)
    held = held_positions(value)
    if held is None:
        wanted = "a SkyCoord, a table with position columns, or a gammapy SourceCatalog or EventList"
        raise no_positions(value, wanted)
    return held


def _of_table(value: Table) -> SkyCoord:
    try:
        table = with_joined_parts(source_table(value, "the table"))
        found = read_positions(table, None, None, None, {})
        return found.at(np.arange(len(value)), "the table")
    except MaskError as err:
        # What is said there is said of files.
        if not any(each in str(err) for each in ("lon=", "frame=", "units=")):
            raise
        raise type(err)(
            f"{err}; these are arguments of Catalog.read, for files: of a table give the positions, "
            "SkyCoord(table['RA'], table['DEC'], unit='deg', frame='icrs')"
        ) from err
