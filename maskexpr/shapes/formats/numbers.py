"""Numbers in the texts of regions: positions, lengths and angles with the units that each vocabulary has."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Final

import astropy.units as u
from astropy.coordinates import SkyCoord

from ...core.errors import RegionError
from ...sphere.angles import in_degrees
from ...sphere.units import angle_unit, pixel_unit
from .. import IMAGE
from .items import shown
from .place import Place

__all__ = [
    "AS_DS9",
    "EQUATORIAL",
    "angle",
    "degrees_in",
    "frame_named",
    "length",
    "number",
    "places",
    "sexagesimal",
]

# No number of a region has more characters; longer ones are no numbers that a person or program wrote.
_LONGEST: Final = 64
_NUMBER: Final = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-zA-Z\"'\u2032\u2033]*)")
_SEXAGESIMAL: Final = re.compile(
    r"([-+]?)(\d{1,3})(:|h|d|deg|\.)(\d{1,2})(:|m|'|\.)(?:(\d{1,2}(?:\.\d*)?)(s|\"|)(?=$))?"
)

# What frames are called in region files, and by astropy here. Ecliptic is of the mean equinox J2000.
_FRAMES: Final = {
    "icrs": "icrs",
    "fk5": "fk5",
    "j2000": "fk5",
    "fk4": "fk4",
    "b1950": "fk4",
    "galactic": "galactic",
    "supergalactic": "supergalactic",
    "supergal": "supergalactic",
    "ecliptic": "barycentricmeanecliptic",
    "barycentricmeanecliptic": "barycentricmeanecliptic",
    "image": IMAGE,
}
EQUATORIAL: Final = ("icrs", "fk5", "fk4")

# Letters and quotes by which DS9 and CIAO give a unit; words are read as they are everywhere else.
AS_DS9: Final = {
    "": 1.0,
    "d": 1.0,
    "'": 1 / 60,
    "\u2032": 1 / 60,
    '"': 1 / 3600,
    "''": 1 / 3600,
    "\u2033": 1 / 3600,
    "r": 180 / math.pi,
}


def frame_named(name: str) -> str | None:
    """The frame that a word of a region file names, or None."""
    return _FRAMES.get(name.lower())


def number(token: str) -> tuple[float, str]:
    """A number and the unit that stands behind it, which may be empty.

    Raises
    ------
    RegionError
        For what is no finite number.

    Examples
    --------
    >>> number("0.3 deg"), number("12")
    ((0.3, 'deg'), (12.0, ''))
    """
    match = _NUMBER.fullmatch(token) if len(token) <= _LONGEST else None
    if match is None or not math.isfinite(value := float(match[1])):
        raise RegionError(f"{shown(token)} is not a number")
    return value, match[2]


@lru_cache(maxsize=256)
def degrees_in(unit: str) -> float | None:
    """How many degrees a unit of an angle is that is written as a word; None if it is none, or hours.

    Examples
    --------
    >>> degrees_in("arcmin") * 60, degrees_in("pix")
    (1.0, None)
    """
    found = angle_unit(unit)
    return None if found is None or found == u.hourangle else float(in_degrees(1.0, found))


def _in_degrees(unit: str) -> float | None:
    return AS_DS9.get(unit) if unit in AS_DS9 else degrees_in(unit)


def length(token: str, frame: str) -> float:
    """A length in degrees, or in pixels in the frame of those."""
    value, unit = number(token)
    if frame == IMAGE:
        if unit not in ("", "i") and not pixel_unit(unit):
            raise RegionError(
                f"{shown(token)} is no length in the frame image: write pixels, as a plain number"
            )
        return value
    factor = _in_degrees(unit)
    if factor is None:
        raise RegionError(f"{shown(token)} is no angle; the units are d, ', \", r, deg, arcmin, arcsec, rad")
    return value * factor


def angle(token: str) -> float:
    """An angle of rotation in degrees."""
    value, unit = number(token)
    factor = None if unit in ("'", '"', "''") else _in_degrees(unit)
    if factor is None:
        raise RegionError(f"{shown(token)} is no angle of rotation: write degrees, such as 30 or 30d")
    return value * factor


def sexagesimal(token: str) -> tuple[float, str] | None:
    """A number in three parts, and what separates the first from the second; None if it is no such thing.

    Examples
    --------
    >>> sexagesimal("-5:30:36"), sexagesimal("10h30m36s"), sexagesimal("10.5")
    ((-5.51, ':'), (10.51, 'h'), None)
    """
    parts = _SEXAGESIMAL.fullmatch(token) if len(token) <= _LONGEST else None
    if parts is None:
        return None
    sign, whole, first, minutes, second, seconds, end = parts.groups()
    wrong = {
        ":": second != ":" or end,
        ".": second != "." or end,
        "h": second != "m",
        "d": second not in "m'",
    }
    if wrong.get(first[0]) or (first[0] in ":." and seconds is None):
        raise RegionError(
            f"{shown(token)} is no number of degrees or hours, minutes and seconds, such as "
            "5:34:32 or 5h34m32s"
        )
    if int(minutes) >= 60 or float(seconds or 0) >= 60:
        raise RegionError(f"{shown(token)} has 60 or more minutes or seconds")
    value = int(whole) + int(minutes) / 60 + float(seconds or 0) / 3600
    return (-value if sign == "-" else value), first[0]


def places(lon: list[float], lat: list[float], frame: str) -> Place:
    """Positions of a region file in a frame that shapes may have; those in FK4 become ICRS."""
    if frame != "fk4":
        return Place(tuple(lon), tuple(lat), frame)
    if any(abs(each) > 90 for each in lat):
        raise RegionError(f"latitude {max(lat, key=abs):g} deg is beyond the pole")
    return Place.of(SkyCoord(lon, lat, unit="deg", frame="fk4"))
