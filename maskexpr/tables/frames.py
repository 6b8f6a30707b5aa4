"""Equatorial frames as headers and VOTables name them."""

from __future__ import annotations

import re
from typing import Any, Final

from astropy.coordinates import FK4, FK5, ICRS, BaseCoordinateFrame, FK4NoETerms
from astropy.time import Time

from ..core.errors import FormatError

__all__ = ["frame_of"]

_SYSTEMS: Final[dict[str, Any]] = {
    "icrs": ICRS,
    "fk5": FK5,
    "eq_fk5": FK5,
    "j2000": FK5,
    "fk4": FK4,
    "eq_fk4": FK4,
    "b1950": FK4,
    "fk4-no-e": FK4NoETerms,
    "fk4noe": FK4NoETerms,
}
# Of other frames positions cannot be meant by the name RA, or they say nothing of it.
_SILENT: Final = (
    "",
    "unknown",
    "none",
    "galactic",
    "supergalactic",
    "ecl_fk5",
    "ecl_fk4",
    "barycentric",
    "xy",
)
_YEAR: Final = re.compile(r"\s*([bBjJ]?)\s*(\d{4}(?:\.\d*)?)\s*")
# FITS: without a name of the system, an equinox before it is of FK4.
_FIRST_OF_FK5: Final = 1984.0


def frame_of(system: Any, equinox: Any, what: str) -> BaseCoordinateFrame | None:
    """The equatorial frame that a file names, None where it names none.

    Parameters
    ----------
    system : object
        Value of RADESYS, RADECSYS, or ``system`` of a VOTable's COOSYS.
    equinox : object
        A year, also with B or J before it.
    what : str
        The file, for the error.

    Raises
    ------
    FormatError
        For another system or no year.

    Examples
    --------
    >>> frame_of("FK5", 2000.0, "file")
    <FK5 Frame (equinox=J2000.000)>
    >>> frame_of(None, "B1950", "file")
    <FK4 Frame (equinox=B1950.000, obstime=B1950.000)>
    """
    name = "" if system is None else str(system).strip().casefold()
    year = _year(equinox, what)
    if name in _SILENT and name:
        return None
    if not name:
        if year is None:
            return None
        kind = FK4 if year[1] < _FIRST_OF_FK5 else FK5
    else:
        kind = _SYSTEMS.get(name)
        if kind is None:
            raise FormatError(
                f"{what} names the system {str(system)!r} for its positions: say the frame, frame="
            )
    if kind is ICRS:
        return ICRS()
    if year is None:
        return kind()
    scale = year[0] or ("B" if issubclass(kind, (FK4, FK4NoETerms)) else "J")
    return kind(equinox=Time(f"{scale}{year[1]}"))


def _year(equinox: Any, what: str) -> tuple[str, float] | None:
    if equinox is None or not str(equinox).strip():
        return None
    found = _YEAR.fullmatch(str(equinox))
    if found is None:
        raise FormatError(f"{what} has the equinox {equinox!r}, which is no year: say the frame, frame=")
    return found[1].upper(), float(found[2])
