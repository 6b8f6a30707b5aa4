"""The cards of a header that say where the first two axes are on the sky, checked one by one.

wcslib takes what it cannot read for absent, of two cards the last, and allocates what WCSAXES asks for. So it
gets to see these cards alone, and none that is not what it should be.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from astropy.io import fits

from ...core.errors import GeometryError, borrowed
from ...core.limits import check_limit
from ...doors.fits import check_header, whole_number

__all__ = ["celestial_cards", "lengths_of"]

_TEXTS: Final = re.compile(r"CTYPE[12]|CUNIT[12]|RADESYS|RADECSYS|PS[12]_\d+")
_NUMBERS: Final = re.compile(
    r"(CRPIX|CRVAL|CDELT|CROTA)[12]|(PC|CD)(00)?[12]_?(00)?[12]|PV[12]_\d+|PROJP\d+"
    r"|LONPOLE|LATPOLE|(A|B|AP|BP)_(\d+_\d+|ORDER|DMAX)"
)
_DISTORTIONS: Final = re.compile(r"C[PQ]DIS[12]|D2IMDIS[12]")
_CROSS: Final = re.compile(r"(PC|CD)(?:(\d)_(\d)|(\d{3})(\d{3}))")
_SKY: Final = re.compile(r"(RA--|DEC-|[GES]L(ON|AT)|[A-Z]L(ON|AT)|[A-Z]{2}L[NT])")
_EPOCH: Final = re.compile(r" *[JB]?\d+(\.\d*)? *")
# Larger than any number of a map, and far from where sums lose whole pixels.
_LARGEST: Final = 1e12


def celestial_cards(header: fits.Header, what: str = "the header") -> fits.Header:
    """A header of the cards that a WCS of the first two axes is made of.

    Raises
    ------
    GeometryError
        For a card that is no number, or no text, where it should be; one that stands twice and says two
        things; a matrix that mixes the image with other axes; another axis that is on the sky.
    LimitError
        See `maskexpr.doors.fits.check_header`.

    Examples
    --------
    >>> celestial_cards(fits.Header({"CUNIT2": 3}))
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.GeometryError: the header: CUNIT2 is 3, not a text
    """
    check_header(header, what)
    kept = fits.Header()
    for key in dict.fromkeys(header.keys()):
        if _TEXTS.fullmatch(key):
            _check_text(_value(header, key, what), key, what)
            kept.append(header.cards[key])
        elif key in ("EQUINOX", "EPOCH"):
            kept[key] = _year(_value(header, key, what), key, what)
        elif _NUMBERS.fullmatch(key):
            _check_number(_value(header, key, what), key, what)
            # The card itself: written anew it could lose digits.
            kept.append(header.cards[key])
        elif _DISTORTIONS.fullmatch(key):
            raise GeometryError(f"{what}: {key}: of distortions only SIP is supported")
        elif (cross := _CROSS.fullmatch(key)) is not None:
            value = _value(header, key, what)
            _check_number(value, key, what)
            _check_apart(cross, value, what)
        elif re.fullmatch(r"CTYPE\d+", key) and _SKY.match(str(_value(header, key, what)).upper()):
            raise GeometryError(
                f"{what}: {key} is {header[key]!r}: a third axis on the sky; the first two must be longitude "
                "and latitude, and no other; the celestial map of a cube is "
                "WcsGeom.read(path, celestial=True)"
            )
    return kept


def _value(header: fits.Header, key: str, what: str) -> Any:
    """The value of a card, which may stand there twice if it says the same."""
    with borrowed(f"{what}: {key}", GeometryError):
        values = [header[key, i] for i in range(header.count(key))]
    if any(value != values[0] for value in values):
        raise GeometryError(f"{what}: {key} stands there {len(values)} times, as {values[0]!r} and otherwise")
    return values[0]


def _check_text(value: Any, key: str, what: str) -> None:
    if not isinstance(value, str):
        raise GeometryError(f"{what}: {key} is {value!r}, not a text")


def _check_number(value: Any, key: str, what: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) < _LARGEST:
        raise GeometryError(f"{what}: {key} is {value!r}, not a number that a map can have")


def _year(value: Any, key: str, what: str) -> float:
    """An equinox, which some write as text."""
    if isinstance(value, str) and _EPOCH.fullmatch(value):
        value = float(value.strip().lstrip("JB"))
    _check_number(value, key, what)
    return float(value)


def _check_apart(cross: re.Match[str], value: float, what: str) -> None:
    """Refuse a matrix by which the place on the sky depends on other axes, or they on it."""
    i, j = (int(cross[a] or cross[b]) for a, b in ((2, 4), (3, 5)))
    if value != 0 and (i > 2) != (j > 2):
        raise GeometryError(
            f"{what}: {cross[0]} is {value:g}: the image's axes are mixed with others, so that no plane "
            "has a place on the sky of its own"
        )


def lengths_of(header: fits.Header, what: str = "the header") -> list[int]:
    """NAXISi of an image, or gammapy's WCSSHAPE where the image is a sparse table; the columns first.

    Raises
    ------
    GeometryError
        For a header of no image, or lengths that are no whole numbers.
    LimitError
        For more pixels than the limits allow.
    """
    is_table = str(header.get("XTENSION", "IMAGE")).strip() == "BINTABLE" and "ZIMAGE" not in header
    number = whole_number(header, "NAXIS", 0, what)
    if "WCSSHAPE" in header and (is_table or number < 2):
        lengths = [int(digits) for digits in re.findall(r"\d{1,20}", str(header["WCSSHAPE"]))]
    elif number < 2:
        raise GeometryError(f"{what} describes no image: NAXIS is {number}")
    else:
        lengths = [whole_number(header, f"NAXIS{i}", None, what) for i in range(1, number + 1)]
    if len(lengths) < 2 or not all(lengths):
        raise GeometryError(f"{what} describes an image of {' x '.join(map(str, lengths)) or 'no'} pixels")
    check_limit("axes", len(lengths), what, "axes")
    check_limit("side", max(lengths), what, "pixels along a side")
    check_limit("pixels", math.prod(lengths), what, "pixels")
    return lengths
