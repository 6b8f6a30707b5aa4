"""Other people's objects as positions on the sky: tables, catalogues, lists of events."""

from __future__ import annotations

from typing import Any, Final

from astropy.coordinates import SkyCoord
from astropy.table import Table

from ..core.errors import AngleError, MaskTypeError
from ..core.names import described, hint_of, nearest
from ..sphere.angles import to_degrees_array
from .files import source_table
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


_NUMBERS: Final = "write SkyCoord(lon, lat, unit='deg', frame='icrs')"
_HINTS: Final = {
    "str": "read a file with Catalog.read(path, radius=)",
    "PurePath": "read a file with Catalog.read(path, radius=)",
    "Column": "give the whole table, or SkyCoord(table['RA'], table['DEC'])",
    "list": f"for several SkyCoord write SkyCoord(list); of numbers {_NUMBERS}",
    "tuple": _NUMBERS,
    "ndarray": _NUMBERS,
    "float": _NUMBERS,
    "int": _NUMBERS,
    "Mask": "the mask comes first: mask.contains(positions)",
    "Grid": "give the positions first, then geom=",
    "BaseCoordinateFrame": "write SkyCoord(frame)",
}
"""What to write instead of an object of a class, or of one below it."""


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
    if isinstance(value, SkyCoord):
        return value
    if isinstance(value, Table):
        columns = [value[name] for name in value.colnames if isinstance(value[name], SkyCoord)]
        if columns:
            return columns[0]
        found = read_positions(source_table(value, "the table"), None, None, None, {})
        return SkyCoord(found.lon, found.lat, unit="deg", frame=found.frame)
    for name in ("positions", "radec", "skycoord"):
        held = getattr(value, name, None)
        if isinstance(held, SkyCoord):
            return held
    hint = hint_of(value, _HINTS)
    raise MaskTypeError(
        "positions must be a SkyCoord, a table with position columns, or a gammapy SourceCatalog or "
        f"EventList; got {described(value)}{hint and ': '}{hint}"
    )
