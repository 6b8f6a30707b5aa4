"""Units of celestial axes, however a header spells them, as FITS does."""

from __future__ import annotations

import re
from typing import Final

import astropy.units as u
from astropy.io import fits

from ...core.errors import GeometryError
from ...sphere.units import angle_unit

__all__ = ["with_fits_units"]

# RA---TAN, GLON-CAR, DEC, HPLN-TAN: four characters that name a longitude or latitude, perhaps a projection.
_CELESTIAL: Final = re.compile(r"(RA|DEC|[A-Z]LON|[A-Z]LAT|[A-Z]{2}LN|[A-Z]{2}LT)(-|$|\s)")
_UNIT: Final = re.compile(r"CUNIT([1-9])")
# Units that wcslib reads, and how it wants them.
_FITS: Final = {u.deg: "deg", u.arcmin: "arcmin", u.arcsec: "arcsec", u.mas: "mas", u.rad: "rad"}
_DEGREES_OF_HOUR: Final = 15.0


def with_fits_units(header: fits.Header) -> fits.Header:
    """The header, or a copy in which the units of celestial axes are spelled as FITS does.

    Raises
    ------
    GeometryError
        If one is no angle.

    Examples
    --------
    >>> with_fits_units(fits.Header({"CTYPE1": "RA---TAN", "CUNIT1": "Degrees"}))["CUNIT1"]
    'deg'
    """
    made = header
    for card in header.cards:
        found = _UNIT.fullmatch(card.keyword)
        text = str(card.value).strip()
        if found is None or not text or not _CELESTIAL.match(str(header.get(f"CTYPE{found[1]}", "")).strip()):
            continue
        unit = angle_unit(text)
        if unit is None:
            raise GeometryError(
                f"{card.keyword} is {text!r}, which is no angle; a celestial axis is in 'deg'"
            )
        known = _FITS.get(unit)
        if known == text:
            continue
        made = made.copy() if made is header else made
        made[card.keyword] = known or "deg"
        if known is None:
            _scale(made, found[1], _DEGREES_OF_HOUR if unit == u.hourangle else unit.to(u.deg))
    return made


def _scale(header: fits.Header, axis: str, factor: float) -> None:
    """Give an axis in degrees."""
    matrix = re.compile(rf"CDELT{axis}|CD{axis}_\d")
    sizes = [each for each in header if matrix.fullmatch(each)]
    if not sizes:
        header[f"CDELT{axis}"] = 1.0
        sizes = [f"CDELT{axis}"]
    for key in [f"CRVAL{axis}", *sizes]:
        if isinstance(header.get(key), int | float):
            header[key] *= factor
