"""FITS files: their structure is walked and weighed before astropy is let in, and only what was walked is
shown to it.
"""

from __future__ import annotations

import io
import math
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, NamedTuple, cast

from astropy.io import fits

from ..core.errors import FormatError, GeometryError, borrowed
from ..core.limits import check_limit

__all__ = ["Extent", "check_header", "open_fits", "walk", "whole_number"]

_BLOCK: Final = 2880
_CARD: Final = 80
_FIRST: Final = b"SIMPLE  ="
_NEXT: Final = b"XTENSION="
_WHOLE: Final = re.compile(rb"= *([+-]?\d+) *(/.*)?", re.DOTALL)
_SIZES: Final = re.compile(
    rb"SIMPLE|XTENSION|GROUPS|TFIELDS|THEAP|Z?(BITPIX|NAXIS\d*|PCOUNT|GCOUNT)|T(FORM|DIM|BCOL)\d+|ZTILE\d+|ZCMPTYPE"
)
_BITS: Final = (8, 16, 32, 64, -32, -64)
# The standard's own.
_COLUMNS: Final = 999
_AXES: Final = 999


class Extent(NamedTuple):
    """Where an HDU lies in its file, in bytes: a header from ``start``, data from ``data`` to ``end``."""

    start: int
    data: int
    end: int


@contextmanager
def open_fits(file: IO[bytes], what: str, whole: bool = False) -> Iterator[fits.HDUList]:
    """The HDUs of a FITS file; whatever astropy stumbles over while they are used is an error of the file.

    Parameters
    ----------
    file : binary file
        Unpacked, to seek in; it is not closed.
    what : str
        The file, for messages.
    whole : bool
        Whether the data of all HDUs must be there. If not, who reads them has to see to it.

    Raises
    ------
    FormatError
        For a file that is no FITS file, is cut short, or holds what cannot be read.
    LimitError
        For more HDUs or cards, axes or pixels than the limits allow.
    """
    last = walk(file, what)[-1]
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if whole and size < last.end:
        raise FormatError(f"{what}: the file is cut short, {last.end:,} bytes are needed, {size:,} are there")
    # What stands behind the last HDU is no header; astropy would look for its end.
    end = last.data + _padded(last.end - last.data)
    shown = file if end >= size else cast(IO[bytes], io.BufferedReader(_Part(file, end)))
    with borrowed(what, FormatError):
        with warnings.catch_warnings():
            # Whether the values that are wanted are there is checked, and is an error.
            warnings.filterwarnings("ignore", message="File may have been truncated")
            # What BLANK and scaling mean is for readers to say; of floating-point numbers BLANK is nothing.
            warnings.filterwarnings("ignore", message="Invalid (value for )?'BLANK' keyword")
            # It is refused where its image is wanted.
            warnings.filterwarnings("ignore", message="Unknown compression type")
            hdus = fits.open(shown, memmap=False, do_not_scale_image_data=True)
            len(hdus)
        with hdus:
            yield hdus


class _Part(io.RawIOBase):
    """The beginning of a file."""

    mode = "rb"

    def __init__(self, file: IO[bytes], end: int) -> None:
        self._file, self._end, self._at = file, end, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end}[whence]
        self._at = max(0, origin + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._at)
        piece = self._file.read(max(0, min(len(buffer), self._end - self._at)))
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def walk(file: IO[bytes], what: str) -> list[Extent]:
    """Go from header to header by the sizes that they state, and refuse what the limits do not allow.

    Raises
    ------
    FormatError
        For a first header that is none, or one without end or with sizes that are no whole numbers.
    LimitError
        For more HDUs, cards, axes or pixels than the limits allow.

    Examples
    --------
    >>> file = io.BytesIO(fits.PrimaryHDU().header.tostring().encode())
    >>> walk(file, "the file")
    [Extent(start=0, data=2880, end=2880)]
    """
    size = file.seek(0, os.SEEK_END)
    found: list[Extent] = []
    at = 0
    while at < size:
        name = f"{what}, HDU {len(found)}"
        file.seek(at)
        header = _header(file, _NEXT if found else _FIRST, name)
        if header is None:
            break
        data = at + len(header)
        stated = _data_bytes(_cards(header, name), name)
        found.append(Extent(at, data, data + stated))
        check_limit("hdus", len(found), what, "HDUs")
        at = data + _padded(stated)
    if not found:
        raise FormatError(f"{what} is no FITS file: it does not begin with a header that has an end")
    return found


def _header(file: IO[bytes], first: bytes, what: str) -> bytes | None:
    """The blocks of a header, or None where there is none or it has no end."""
    blocks: list[bytes] = []
    while len(block := file.read(_BLOCK)) == _BLOCK:
        if not blocks and not block.startswith(first):
            return None
        blocks.append(block)
        check_limit("header_cards", len(blocks) * (_BLOCK // _CARD) - 35, what, "cards or more in its header")
        if any(block[i : i + 8] == b"END     " for i in range(0, _BLOCK, _CARD)):
            return b"".join(blocks)
    return None


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


def _cards(header: bytes, what: str) -> dict[bytes, bytes]:
    """What stands behind each keyword; of those that say how large the data are none may say two things."""
    cards: dict[bytes, bytes] = {}
    for i in range(0, len(header), _CARD):
        key, said = header[i : i + 8].rstrip(), header[i + 8 : i + _CARD]
        before = cards.setdefault(key, said)
        if _SIZES.fullmatch(key) and before.partition(b"/")[0].split() != said.partition(b"/")[0].split():
            raise FormatError(f"{what}: {key.decode()} stands twice, as {_value(before)} and {_value(said)}")
    return cards


def _data_bytes(cards: dict[bytes, bytes], what: str) -> int:
    """Size of the data behind a header."""

    def number(key: str, most: int, default: int | None = None) -> int:
        card = cards.get(key.encode())
        if card is None and default is not None:
            return default
        match = _WHOLE.fullmatch(card or b"")
        if match is None or len(match[1]) > 20 or not 0 <= int(match[1]) <= most:
            said = "is missing" if card is None else f"is {_value(card)}"
            raise FormatError(f"{what}: {key} {said}; it must be a whole number from 0 to {most:,}")
        return int(match[1])

    bits = _WHOLE.fullmatch(cards.get(b"BITPIX", b""))
    if bits is None or len(bits[1]) > 3 or int(bits[1]) not in _BITS:
        said = _value(cards.get(b"BITPIX", b"= missing"))
        raise FormatError(f"{what}: BITPIX is {said}; it must be one of {', '.join(map(str, _BITS))}")
    axes = number("NAXIS", _AXES)
    check_limit("axes", axes, what, "axes")
    lengths = [number(f"NAXIS{i}", 1 << 62) for i in range(1, axes + 1)]
    number("TFIELDS", _COLUMNS, 0)
    if axes and not lengths[0] and cards.get(b"GROUPS", b"").lstrip(b"= ").startswith(b"T"):
        lengths = lengths[1:]
    values = math.prod(lengths) if lengths else 0
    check_limit("pixels", values, what, "pixels")
    extra, groups = number("PCOUNT", 1 << 62, 0), number("GCOUNT", 1 << 62, 1)
    return abs(int(bits[1])) // 8 * groups * (extra + values)


def _value(card: bytes) -> str:
    return repr(card.partition(b"/")[0].lstrip(b"= ").rstrip().decode("latin-1"))


def check_header(header: fits.Header, what: str) -> None:
    """Refuse a header that would make a WCS too costly, before it is made.

    Raises
    ------
    GeometryError
        For sizes and orders that are no whole numbers.
    LimitError
        For more cards, axes, or a higher order of SIP than the limits allow.

    Examples
    --------
    >>> check_header(fits.Header({"A_ORDER": 1_000_000}), "the header")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.LimitError: the header has 1,000,000 for A_ORDER, the order of SIP, more than the ...
    """
    check_limit("header_cards", len(header), what, "cards in its header")
    for key in ("NAXIS", "WCSAXES"):
        check_limit("axes", whole_number(header, key, 0, what), what, f"for {key}, axes")
    for key in ("A_ORDER", "B_ORDER", "AP_ORDER", "BP_ORDER"):
        check_limit("sip_order", whole_number(header, key, 0, what), what, f"for {key}, the order of SIP")


def whole_number(header: fits.Header, key: str, default: int | None, what: str) -> int:
    """A value of a header that counts something.

    Raises
    ------
    GeometryError
        If it is missing and has no default, is no whole number or below zero.

    Examples
    --------
    >>> whole_number(fits.Header({"NAXIS1": ""}), "NAXIS1", None, "the header")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.GeometryError: the header: NAXIS1 is '', not a whole number of at least 0
    """
    if key not in header and default is not None:
        return default
    with borrowed(f"{what}: {key}", GeometryError):
        value = header[key]
    is_whole = not isinstance(value, bool) and isinstance(value, int | float) and value == value // 1
    if not is_whole or value < 0:
        raise GeometryError(f"{what}: {key} is {value!r}, not a whole number of at least 0")
    return int(value)
