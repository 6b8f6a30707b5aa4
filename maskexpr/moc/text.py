"""MOCs as text: the JSON and the ASCII of the IVOA's standard, read with every number checked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from ..core.arrays import Ints
from ..core.errors import FormatError
from ..core.limits import check_limit
from ..doors.texts import read_json
from ..grid.healpix.faces import MAX_ORDER, number_of
from ..grid.healpix.ranges import cells_by_order, finer, merged, of_cells
from ..pixels.ragged import ragged_ranges

__all__ = ["from_ascii", "from_json", "to_ascii", "to_json"]

# More digits than an order may have.
_DIGITS: Final = 9
# Characters of an error's excerpt.
_SHOWN: Final = 40


def to_json(ranges: Ints, order: int) -> str:
    r"""``{"order": [cell, ...], ...}``, one order a line; the MOC's own order stands there without a cell.

    Examples
    --------
    >>> to_json(np.array([[3, 8], [40, 41]]), 2)
    '{\n  "1": [1],\n  "2": [3, 40]\n}'
    """
    lines = [
        f'  "{each}": [{", ".join(map(str, _numbers(cells)))}]' for each, cells in _stated(ranges, order)
    ]
    return "{\n" + ",\n".join(lines) + "\n}"


def to_ascii(ranges: Ints, order: int) -> str:
    """``order/cell cell first-last ...``; the MOC's own order stands there without a cell.

    Examples
    --------
    >>> to_ascii(np.array([[3, 16]]), 3)
    '2/1-3 3/3'
    """
    return " ".join(f"{each}/{' '.join(_spelt(cells))}" for each, cells in _stated(ranges, order))


def _stated(ranges: Ints, order: int) -> Iterable[tuple[int, Ints]]:
    found = list(enumerate(cells_by_order(ranges, order)))
    return [(each, cells) for each, cells in found if len(cells) or each == order]


def _numbers(cells: Ints) -> list[int]:
    found: list[int] = ragged_ranges(cells[:, 0], cells[:, 1] - cells[:, 0])[1].tolist()
    return found


def _spelt(cells: Ints) -> list[str]:
    last = cells[:, 1] - 1
    return [
        str(a) if a == b else f"{a}-{b}" for a, b in zip(cells[:, 0].tolist(), last.tolist(), strict=True)
    ]


def from_json(text: str, where: str) -> tuple[Ints, int]:
    """Merged ranges and the order of a MOC in JSON.

    Parameters
    ----------
    text : str
        An object of orders; or one of which that is the value of ``"s"``.
    where : str
        What it is, for an error.

    Raises
    ------
    FormatError
        For what is no such object, a key that is given twice, an order or a cell that there is not.
    LimitError
        For what `maskexpr.doors.texts.read_json` refuses.
    """
    data = read_json(text, where)
    if isinstance(data, dict) and set(data) == {"s"}:
        data = data["s"]
    if isinstance(data, list) or (isinstance(data, dict) and set(data) & {"s", "t", "f"}):
        raise FormatError(f"{where} is a MOC of time or frequency: only MOCs of space are masks")
    if not isinstance(data, dict):
        raise FormatError(
            f"{where}: the JSON of a MOC is an object of orders and cells, got {_excerpt(data)}"
        )
    parts = []
    for key, cells in data.items():
        if not (key.isascii() and key.isdecimal() and len(key) < _DIGITS) or key != str(int(key)):
            raise FormatError(f"{where}: an order is a whole number, got {_excerpt(key)}")
        if not isinstance(cells, list) or any(type(each) is not int for each in cells):
            raise FormatError(f"{where}: the cells of order {key} must be a list of whole numbers")
        parts.append((int(key), of_cells(_int64(cells, where))))
    return _joined(parts, where)


def from_ascii(text: str, where: str) -> tuple[Ints, int]:
    """Merged ranges and the order of a MOC in ASCII, of the standard's versions 1.0 to 2.0: cells are kept
    apart by spaces, new lines or commas.

    Raises
    ------
    FormatError
        For what is no such text, an order or a cell that there is not.
    """
    check_limit("text_bytes", len(text), where, "characters")
    text = text.strip()
    if text.startswith(("t", "f")):
        raise FormatError(f"{where} is a MOC of time or frequency: only MOCs of space are masks")
    if not text.isascii():
        raise FormatError(f"{where} is no ASCII of a MOC: it has characters beyond ASCII")
    # Between two slashes stand the cells of one order, and last the next order.
    *words, last = (part.replace(",", " ").split() for part in text.removeprefix("s").split("/"))
    orders = [each.pop() if each else "" for each in words]
    if not orders or words[0] or not all(each.isdecimal() and len(each) < _DIGITS for each in orders):
        raise FormatError(
            f"{where} is no ASCII of a MOC, such as '1/1 2 4 2/12-14 8/': it begins with {_excerpt(text)}"
        )
    cells = [_spans(each, where) for each in [*words[1:], last]]
    return _joined(list(zip(map(int, orders), cells, strict=True)), where)


def _spans(words: list[str], where: str) -> Ints:
    """Ranges of the cells of one order as they are written."""
    single = [word for word in words if "-" not in word]
    pairs = [word.partition("-")[::2] for word in words if "-" in word]
    first, last = single + [pair[0] for pair in pairs], single + [pair[1] for pair in pairs]
    if not all(map(str.isdecimal, first)) or not all(map(str.isdecimal, last)):
        wrong = next(word for word in words if not all(map(str.isdecimal, word.split("-", 1))))
        raise FormatError(
            f"{where}: a cell is a whole number, or two with '-' between; got {_excerpt(wrong)}"
        )
    start, stop = _int64(first, where), _int64(last, where)
    if np.any(start > stop):
        at = int(np.argmax(start > stop))
        raise FormatError(f"{where}: the cells {start[at]}-{stop[at]} end before they begin")
    return merged(np.stack([start, stop + 1], axis=1))


def _int64(values: list[Any], where: str) -> Ints:
    try:
        return np.array(list(map(int, values)), dtype=np.int64)
    except (OverflowError, ValueError) as err:
        raise FormatError(f"{where}: a cell's number is far too large") from err


def _joined(parts: list[tuple[int, Ints]], where: str) -> tuple[Ints, int]:
    """Ranges of several orders as those of the deepest."""
    if not parts:
        raise FormatError(f"{where} states no order; an empty MOC is written as its order alone, such as 8/")
    for order, ranges in parts:
        if order > MAX_ORDER:
            raise FormatError(f"{where}: the order {order} is deeper than the deepest, {MAX_ORDER}")
        if len(ranges) and not 0 <= ranges[0, 0] < ranges[-1, 1] <= number_of(order):
            raise FormatError(
                f"{where}: the cells of order {order} are 0 to {number_of(order) - 1}, "
                f"got {ranges[0, 0]} to {ranges[-1, 1] - 1}"
            )
    deepest = max(order for order, _ in parts)
    return merged(np.concatenate([finer(ranges, deepest - order) for order, ranges in parts])), deepest


def _excerpt(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
