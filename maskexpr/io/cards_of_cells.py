"""What the cards of a table of HEALPix cells say, and where they contradict each other.

Cards that leave in doubt which cells there are and where they lie are refused. Some are wrong in files that
people have, and say nothing that the table does not; they are not looked at: NPIX (786,432 in a mask of
Planck that has 12,582,912 pixels), GRAIN of 0 or 1, BAD_DATA, and an OBJECT that is neither FULLSKY nor
PARTIAL (ALL-SKY of WMAP). In a table of listed cells FIRSTPIX and LASTPIX may be those of the whole sky
(gammapy), or absent (healpy), as OBS_NPIX may be.
"""

from __future__ import annotations

import re
from typing import Any, Final

from astropy.io import fits

from ..core.errors import FormatError
from ..grid.healpix.faces import MAX_ORDER, number_of

__all__ = ["check_bounds", "frame_of_card", "is_cells", "is_ring", "order_of_cards", "scheme_of_cards"]

_ORDERINGS: Final = {"RING": True, "NESTED": False, "NEST": False}
_NUMBERS: Final = ("PIX", "PIXEL")
# HEALPix calls the first column PIXEL, gamma-ray astronomy PIX, surveys HPIX, HEALPIX, IPIX and so on; the
# tools of Fermi call numbers of cells and planes in one KEY.
_LIKE_NUMBERS: Final = re.compile(r".*PIX.*|HPX.*|CELL.*|IPRING|IPNEST|INDEX|IDX|ID|KEY")
# WMAP says SKYCOORD, the science tools of Fermi said COORDTYPE.
_FRAME_CARDS: Final = ("COORDSYS", "COORDTYPE", "SKYCOORD")
_SCHEMES: Final = ("IMPLICIT", "EXPLICIT", "SPARSE")
# Of HEALPix's own files, and of those of gamma-ray astronomy.
_FRAMES: Final = {
    **dict.fromkeys(("G", "GAL", "GALACTIC"), "galactic"),
    **dict.fromkeys(("C", "CEL", "CELESTIAL", "Q", "EQU", "EQUATORIAL", "ICRS"), "icrs"),
    **dict.fromkeys(("E", "ECL", "ECLIPTIC"), "barycentricmeanecliptic"),
}


def is_cells(hdu: Any) -> bool:
    """Whether an HDU is a table of HEALPix cells."""
    if not isinstance(hdu, fits.BinTableHDU) or isinstance(hdu, fits.CompImageHDU):
        return False
    if str(hdu.header.get("ORDERING", "")).strip().upper() in ("NUNIQ", "RANGE"):
        # A MOC, which has cells of many orders.
        return False
    return str(hdu.header.get("PIXTYPE", "")).strip().upper() == "HEALPIX" or (
        "NSIDE" in hdu.header and "ORDERING" in hdu.header
    )


def order_of_cards(header: fits.Header, what: str) -> int:
    """The order that NSIDE and ORDER say.

    Raises
    ------
    FormatError
        If they say none, or not the same.
    """
    nside, order = header.get("NSIDE"), header.get("ORDER")
    if nside is None and order is None:
        raise FormatError(f"{what}: it lacks NSIDE, which says how large its cells are")
    if order is not None and not _is_whole(order, 0, MAX_ORDER):
        raise FormatError(f"{what}: ORDER = {order!r} is none of 0 to {MAX_ORDER}")
    if nside is None:
        return int(order or 0)
    if not _is_whole(nside, 1, 1 << MAX_ORDER) or nside & (nside - 1):
        raise FormatError(
            f"{what}: NSIDE = {nside!r} is no power of two from 1 to 2**{MAX_ORDER}, "
            "without which cells have no nested order"
        )
    found = int(nside).bit_length() - 1
    if order is not None and order != found:
        raise FormatError(f"{what}: NSIDE = {nside} is of order {found}, and ORDER = {order}")
    return found


def _is_whole(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def frame_of_card(header: fits.Header, what: str) -> str | None:
    """The frame that COORDSYS, or another card of its meaning, says; None if none is there.

    Raises
    ------
    FormatError
        If they say what nobody knows, or not the same.
    """
    stated = {name: str(header[name]).strip() for name in _FRAME_CARDS if str(header.get(name, "")).strip()}
    for name, value in stated.items():
        if value.upper() not in _FRAMES:
            raise FormatError(f"{what}: {name} = {value!r} is none of G, C and E, nor another name of these")
    frames = {_FRAMES[value.upper()] for value in stated.values()}
    if len(frames) > 1:
        said = " and ".join(f"{name} = {value!r}" for name, value in stated.items())
        raise FormatError(f"{what}: {said} are different frames")
    if not frames:
        return None
    if frames == {"icrs"} and str(header.get("RADESYS", "")).strip().upper() == "FK5":
        return "fk5"
    return frames.pop()


def is_ring(header: fits.Header, what: str) -> bool:
    """Whether cells are in RING order.

    Raises
    ------
    FormatError
        If ORDERING says neither that nor nested, or cells are not of HEALPix at all.
    """
    kind = str(header.get("PIXTYPE", "HEALPIX")).strip().upper()
    if kind != "HEALPIX":
        raise FormatError(
            f"{what}: PIXTYPE = {header['PIXTYPE']!r} is not HEALPIX, whose NSIDE and ORDERING it has"
        )
    value = str(header.get("ORDERING", "")).strip().upper()
    if not value:
        raise FormatError(f"{what}: it lacks ORDERING, which says whether cells are in RING or NESTED order")
    if value not in _ORDERINGS:
        raise FormatError(f"{what}: ORDERING = {header['ORDERING']!r} is neither RING nor NESTED")
    return _ORDERINGS[value]


def scheme_of_cards(header: fits.Header, names: list[str], what: str) -> str:
    """IMPLICIT for all cells in order, EXPLICIT or SPARSE for cells whose numbers are in the first column.

    Raises
    ------
    FormatError
        If INDXSCHM, OBJECT and the name of that column contradict each other.
    """
    value = str(header.get("INDXSCHM", "")).strip().upper()
    whole = str(header.get("OBJECT", "")).strip().upper()
    if not value:
        partial = whole == "PARTIAL" or (whole != "FULLSKY" and names[0].upper() in _NUMBERS)
        value = "EXPLICIT" if partial else "IMPLICIT"
    if value == "LOCAL":
        raise FormatError(
            f"{what}: INDXSCHM = 'LOCAL': its cells are numbered within a region, and the file does not say "
            "which they are"
        )
    if value not in _SCHEMES:
        raise FormatError(f"{what}: INDXSCHM = {header['INDXSCHM']!r} is none of {', '.join(_SCHEMES)}")
    if (value, whole) in (("IMPLICIT", "PARTIAL"), ("EXPLICIT", "FULLSKY")):
        raise FormatError(f"{what}: INDXSCHM = {value!r} contradicts OBJECT = {whole!r}")
    if value != "IMPLICIT" and not _LIKE_NUMBERS.fullmatch(names[0].strip().upper()):
        raise FormatError(
            f"{what}: INDXSCHM = {value!r} needs the numbers of the cells in the first column, called PIXEL "
            f"or PIX; that is called {names[0]!r}"
        )
    return value


def check_bounds(header: fits.Header, order: int, listed: bool, what: str) -> tuple[int, int]:
    """The first and the last number that a cell may have, by FIRSTPIX and LASTPIX.

    Raises
    ------
    FormatError
        If there are no such cells, or not all of them where none is listed.
    """
    most = number_of(order) - 1
    first, last = header.get("FIRSTPIX", 0), header.get("LASTPIX", most)
    if not (_is_whole(first, 0, most) and _is_whole(last, first, most)):
        raise FormatError(
            f"{what}: FIRSTPIX = {first!r} to LASTPIX = {last!r}, and NSIDE = {1 << order} has the cells 0 "
            f"to {most}"
        )
    if not listed and (first, last) != (0, most):
        raise FormatError(
            f"{what}: FIRSTPIX = {first} to LASTPIX = {last} are {last - first + 1} cells; without a column "
            f"of their numbers a table has all {most + 1} cells of NSIDE = {1 << order}"
        )
    return first, last
