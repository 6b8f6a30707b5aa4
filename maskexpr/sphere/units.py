"""Units of angles by their folded spelling, else by the grammars of astropy: one look-up for every door.

Headers, columns, radii and texts come from people and programs that spell a degree in a dozen ways. The
look-up is asked where only an angle can stand, so that ``h`` is an hour of angle and not of time; ``d`` is a
day in every standard of tables, and stays one.
"""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any, Final

import astropy.units as u

__all__ = ["angle_unit", "pixel_unit", "sexagesimal_unit"]

# Of the signs of prime and micro there are several characters each.
_SPELLINGS: Final = {
    u.deg: "deg degs degr degree degrees ° º",
    u.arcmin: "arcmin arcmins arcminute arcminutes amin ' \u2032 \u2019",
    u.arcsec: "arcsec arcsecs arcsecond arcseconds asec \" '' \u2033 \u201d",
    u.mas: "mas marcsec milliarcsec milliarcsecs milliarcsecond milliarcseconds",
    u.uas: "uas \u00b5as \u03bcas uarcsec microarcsec microarcsecs microarcsecond microarcseconds",
    u.rad: "rad rads radian radians",
    u.hourangle: "hourangle hourangles h hr hrs hour hours",
}
_UNITS: Final = {spelling: unit for unit, text in _SPELLINGS.items() for spelling in text.split()}
# What stands in place of a unit beside texts such as 05:34:31.9.
_SEXAGESIMAL: Final = {
    "h:m:s": u.hourangle,
    "hms": u.hourangle,
    "hh:mm:ss": u.hourangle,
    "h m s": u.hourangle,
    "d:m:s": u.deg,
    "dms": u.deg,
    "dd:mm:ss": u.deg,
    "d m s": u.deg,
}
_PIXELS: Final = frozenset({"pix", "pixel", "pixels", "px"})
# What "generic" does not read, other standards do: milliarcsec, 10-3arcsec, deg**1.
_GRAMMARS: Final = (None, "cds", "fits", "ogip", "vounit")
# Nobody spells a unit longer; a grammar's time grows with its text.
_LONGEST: Final = 40


def angle_unit(unit: Any) -> u.UnitBase | None:
    """The unit of an angle that a text or a unit means; None if it means none.

    Parameters
    ----------
    unit : str or astropy unit
        As a header, a table or a person spells it; case, blanks and quotes around it do not matter.

    Examples
    --------
    >>> angle_unit("DEGREES"), angle_unit("Arcmin"), angle_unit("mas"), angle_unit("h")
    (Unit("deg"), Unit("arcmin"), Unit("mas"), Unit("hourangle"))
    >>> angle_unit("d") is None, angle_unit("") is None, angle_unit("pix") is None
    (True, True, True)
    """
    if isinstance(unit, u.UnitBase) and not isinstance(unit, u.UnrecognizedUnit):
        return unit if unit.is_equivalent(u.deg) else None
    text = str(unit).strip()
    return _looked_up(text) if len(text) <= _LONGEST else None


def sexagesimal_unit(unit: Any) -> u.UnitBase | None:
    """The unit of the first number of sexagesimal texts, where their unit says that they are such.

    Examples
    --------
    >>> sexagesimal_unit('"h:m:s"'), sexagesimal_unit("d:m:s"), sexagesimal_unit("deg") is None
    (Unit("hourangle"), Unit("deg"), True)
    """
    return _SEXAGESIMAL.get(_folded(str(unit)))


def pixel_unit(text: str) -> bool:
    """Whether a unit means pixels.

    Examples
    --------
    >>> pixel_unit("Pixels"), pixel_unit("deg")
    (True, False)
    """
    return _folded(text) in _PIXELS


def _folded(text: str) -> str:
    inner = text.strip()
    # VizieR quotes them: "h:m:s". A lone quote is a unit itself.
    if len(inner) > 2 and inner[0] == inner[-1] and inner[0] in "\"'":
        inner = inner[1:-1]
    return inner.casefold().removesuffix(".").strip()


@lru_cache(maxsize=512)
def _looked_up(text: str) -> u.UnitBase | None:
    found = _UNITS.get(_folded(text))
    if found is not None:
        return found
    for grammar in _GRAMMARS if text else ():
        try:
            with warnings.catch_warnings():
                # Of spellings that a standard has given up; what they mean is known.
                warnings.simplefilter("ignore", u.UnitsWarning)
                read = u.Unit(text, format=grammar)
        except (ValueError, TypeError):
            continue
        return read if read.is_equivalent(u.deg) else None
    return None
