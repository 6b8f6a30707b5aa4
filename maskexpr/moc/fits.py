"""MOCs in FITS files: cells packed as NUNIQ numbers, or ranges of order 29, in a table of one column."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any, Final

import numpy as np
from astropy.io import fits

from ..core.arguments import one_of
from ..core.arrays import Bools, Ints
from ..core.errors import FormatError
from ..doors.fits import open_fits
from ..grid.healpix.faces import MAX_ORDER, number_of
from ..grid.healpix.ranges import cells_by_order, coarser, finer, merged
from ..pixels.ragged import ragged_ranges

__all__ = ["PACKINGS", "fits_bytes", "read_fits"]

PACKINGS: Final = ("nuniq", "range")
# The number of a cell of an order is counted from this, so that the order can be told from it.
_FIRST_BITS: Final = 2
# The order of the cells that ranges of numbers of so many bytes count.
_FINEST: Final = {1: 1, 2: 5, 4: 13, 8: MAX_ORDER}


def fits_bytes(ranges: Ints, order: int, packing: str) -> bytes:
    """The file of merged ranges of an order, packed as ``"nuniq"`` or ``"range"``."""
    one_of("packing", packing, PACKINGS)
    nuniq = packing == "nuniq"
    values = _to_nuniq(ranges, order) if nuniq else finer(ranges, MAX_ORDER - order).reshape(-1)
    column = fits.Column(name="UNIQ" if nuniq else "RANGE", format="1K", array=values)
    table = fits.BinTableHDU.from_columns([column], name="MOC")
    cards: list[tuple[str, Any, str]] = [
        ("MOCVERS", "2.0", "version of the standard"),
        ("MOCDIM", "SPACE", "physical dimension"),
        ("ORDERING", packing.upper(), "coding"),
        ("COORDSYS", "C", "ICRS"),
        ("MOCORD_S", order, "order of the smallest cells"),
    ]
    # What version 1.1 calls it; its readers ask for nothing else that is not there.
    cards += [("MOCORDER", order, "the same, in version 1.1")] * nuniq
    table.header.extend([*cards, ("MOCTOOL", "maskexpr", "what wrote this")])
    file = BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(file, checksum=True)
    return file.getvalue()


def _to_nuniq(ranges: Ints, order: int) -> Ints:
    found = [np.empty(0, dtype=np.int64)]
    for each, cells in enumerate(cells_by_order(ranges, order)):
        numbers = ragged_ranges(cells[:, 0], cells[:, 1] - cells[:, 0])[1]
        found.append(numbers + (1 << (2 * each + _FIRST_BITS)))
    return np.concatenate(found)


def read_fits(file: IO[bytes], what: str) -> tuple[Ints, int]:
    """Merged ranges and the order of the MOC in a FITS file; cells may be in any order, and overlap.

    Raises
    ------
    FormatError
        For a file that cannot be read, is cut off or changed, holds no MOC of space in ICRS, or cells or
        ranges that there are not at its order.
    LimitError
        For what `maskexpr.doors.fits.open_fits` refuses.
    """
    with open_fits(file, what, whole=True) as hdus:
        header, values = _table(hdus, what)
    order = _order(header, what)
    if header["ORDERING"] == "RANGE":
        if order is None:
            raise FormatError(f"{what} does not state the order of its cells: MOCORD_S is missing")
        return _from_range(values, order, what), order
    return _from_nuniq(values, order, what)


def _table(hdus: fits.HDUList, what: str) -> tuple[dict[str, Any], Ints]:
    """What the header says, and the values, of the first table that is packed as MOCs are."""
    for hdu in hdus:
        ordering = str(hdu.header.get("ORDERING", "")).strip().upper()
        if not isinstance(hdu, fits.BinTableHDU) or ordering not in ("NUNIQ", "RANGE", "RANGE29"):
            continue
        header = {**dict(hdu.header), "ORDERING": ordering}
        _check_header(header, what)
        # 0 is a sum that is there and wrong.
        if hdu.verify_datasum() == 0 or hdu.verify_checksum() == 0:
            raise FormatError(f"{what}: the table was changed or damaged, its checksum is another")
        if len(hdu.columns) != 1:
            raise FormatError(
                f"{what} is a multi-order map of the columns {', '.join(hdu.columns.names)}, "
                "not a MOC, which has one column"
            )
        values = np.asarray(hdu.data.field(0)).reshape(-1)
        if values.dtype.kind not in "iu":
            raise FormatError(f"{what}: the cells of a MOC are whole numbers, these are {values.dtype}")
        if np.any(values > np.iinfo(np.int64).max):
            raise FormatError(f"{what}: a number of a cell is far too large")
        # Numbers of 16 and of 32 bits count the cells of an order that they can hold.
        finest = _FINEST[values.dtype.itemsize]
        whole = values.astype(np.int64)
        return header, whole << 2 * (MAX_ORDER - finest) if ordering == "RANGE" else whole
    raise FormatError(f"{what} holds no MOC: no table has ORDERING = 'NUNIQ' or 'RANGE'")


def _check_header(header: dict[str, Any], what: str) -> None:
    dimension = str(header.get("MOCDIM", header.get("MOC", "SPACE"))).strip().upper()
    if dimension != "SPACE" or header["ORDERING"] == "RANGE29":
        raise FormatError(f"{what} is a MOC of {dimension}: only MOCs of SPACE are masks")
    # The standard knows no other frame, and says that files need not tell.
    frame = str(header.get("COORDSYS", "C")).strip().upper()
    if frame != "C":
        raise FormatError(f"{what}: the cells of a MOC are in ICRS, COORDSYS = 'C'; this file says {frame!r}")


def _order(header: dict[str, Any], what: str) -> int | None:
    stated = [header[key] for key in ("MOCORD_S", "MOCORDER") if key in header]
    # Some writers put it in quotes.
    orders = {int(each) if str(each).strip().isdecimal() else each for each in stated}
    if len(orders) > 1:
        raise FormatError(f"{what} states two orders, MOCORD_S = {stated[0]!r} and MOCORDER = {stated[1]!r}")
    for order in orders:
        if type(order) is not int or not 0 <= order <= MAX_ORDER:
            raise FormatError(f"{what}: the order of a MOC is 0 to {MAX_ORDER}, got {order!r}")
        return order
    return None


def _from_range(values: Ints, order: int, what: str) -> Ints:
    if len(values) % 2:
        raise FormatError(f"{what} has {len(values)} ends of ranges, which must be pairs")
    ranges = values.reshape(-1, 2)
    wrong = (ranges[:, 0] < 0) | (ranges[:, 0] >= ranges[:, 1]) | (ranges[:, 1] > number_of(MAX_ORDER))
    _refuse(wrong, ranges, f"{what}: a range goes from 0 or more to something larger within the sphere")
    cell = (1 << (2 * (MAX_ORDER - order))) - 1
    wrong = (ranges & cell != 0).any(axis=1)
    _refuse(wrong, ranges, f"{what}: a range is not of whole cells of the order that it states, {order}")
    return coarser(merged(ranges), MAX_ORDER - order, whole=True)


def _from_nuniq(values: Ints, stated: int | None, what: str) -> tuple[Ints, int]:
    """Cells by their numbers, the ranges in those of the order stated, or else of the deepest cell."""
    _refuse(
        (values < 1 << _FIRST_BITS) | (values >= 16 << (2 * MAX_ORDER)),
        values,
        f"{what}: a NUNIQ number is 4 * 4**order + cell, of an order from 0 to {MAX_ORDER}",
    )
    orders = (_bits(values) - 1 - _FIRST_BITS) // 2
    order = int(orders.max(initial=0)) if stated is None else stated
    _refuse(orders > order, values, f"{what}: a cell is deeper than the order that it states, {order}")
    shift = 2 * (order - orders)
    cells = values - (np.int64(1) << (2 * orders + _FIRST_BITS))
    return merged(np.stack([cells << shift, (cells + 1) << shift], axis=1)), order


def _bits(values: Ints) -> Ints:
    """How many bits numbers have: those of a float are exact below 2**53, so by halves."""
    high = values >> 32
    some = np.where(high > 0, high, values)
    return np.asarray(np.frexp(some.astype(np.float64))[1].astype(np.int64) + np.where(high > 0, 32, 0))


def _refuse(wrong: Bools, values: Ints, why: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise FormatError(f"{why}; row {row} says {values[row].tolist()}")
