"""Other people's objects as positions on the sky: tables, catalogues, lists of events."""

from __future__ import annotations

from typing import Any

from astropy.coordinates import SkyCoord
from astropy.table import Table

from ..core.errors import MaskTypeError
from ..io.given import class_of
from .files import source_table
from .positions import read_positions

__all__ = ["as_positions"]


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
    raise MaskTypeError(
        "positions must be a SkyCoord, a table with position columns, or a gammapy SourceCatalog or "
        f"EventList; got a {class_of(value)}"
    )
