"""Sky positions that an argument is or holds, and what to write instead of one that holds none."""

from __future__ import annotations

from typing import Any, Final

from astropy.coordinates import SkyCoord

from ..core.errors import MaskTypeError
from ..core.names import described, hint_of

__all__ = ["held_positions", "no_positions", "one_position", "positions_of"]

_NUMBERS: Final = "write SkyCoord(lon, lat, unit='deg', frame='icrs')"
_HINTS: Final = {
    "str": "of a text write SkyCoord(text), a file is read by Catalog.read(path, radius=)",
    "PurePath": "read a file with Catalog.read(path, radius=)",
    "Column": "give the whole table, or SkyCoord(table['RA'], table['DEC'])",
    "Table": "write SkyCoord(table['RA'], table['DEC']); mask.contains takes a table as it is",
    "Row": "of one row write table[i : i + 1]",
    "DataFrame": "write astropy.table.Table.from_pandas(frame)",
    "dict": "write astropy.table.Table(columns)",
    "list": f"for several SkyCoord write SkyCoord(list); of numbers {_NUMBERS}",
    "tuple": _NUMBERS,
    "ndarray": _NUMBERS,
    "float": _NUMBERS,
    "int": _NUMBERS,
    "Region": "make it a mask, maskexpr.Region(region)",
    "Mask": "the mask comes first: mask.contains(positions)",
    "Grid": "give the positions first, then geom=",
    "BaseCoordinateFrame": "write SkyCoord(frame)",
}
"""What to write instead of an object of a class, or of one below it."""


def held_positions(value: Any) -> SkyCoord | None:
    """A SkyCoord, or the one that an object holds as ``positions``, ``radec`` or ``skycoord``: gammapy's
    ``SourceCatalog`` and ``EventList``.

    Examples
    --------
    >>> held_positions(3) is None
    True
    """
    if isinstance(value, SkyCoord):
        return value
    for name in ("positions", "radec", "skycoord"):
        held = getattr(value, name, None)
        if isinstance(held, SkyCoord):
            return held
    return None


def no_positions(
    value: Any, wanted: str = "a SkyCoord, or a gammapy SourceCatalog or EventList"
) -> MaskTypeError:
    """The error about an argument that holds no positions."""
    # A mask that is a node called Region is a mask first.
    hint = _HINTS["Mask"] if hasattr(value, "dilate") else hint_of(value, _HINTS)
    return MaskTypeError(f"positions must be {wanted}; got {described(value)}{hint and ': '}{hint}")


def positions_of(value: Any) -> SkyCoord:
    """The positions that an argument is or holds.

    Examples
    --------
    >>> positions_of((1, 2))
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskTypeError: positions must be a SkyCoord, or ...; got a tuple: write SkyCoord(...
    """
    held = held_positions(value)
    if held is None:
        raise no_positions(value)
    return held


def one_position(value: Any) -> SkyCoord:
    """The one position that an argument is, a SkyCoord of no dimension.

    Examples
    --------
    >>> one_position(SkyCoord([1, 2], [3, 4], unit="deg"))
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskTypeError: position must be one position, got 2 of them
    """
    if not isinstance(value, SkyCoord):
        raise MaskTypeError(
            f"position must be a SkyCoord of one position, got {described(value)}: {_NUMBERS}"
        )
    if value.size != 1:
        raise MaskTypeError(f"position must be one position, got {value.size} of them")
    return value.reshape(())
