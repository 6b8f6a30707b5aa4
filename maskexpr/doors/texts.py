"""JSON and texts of regions: weighed before a parser builds anything of them."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import numpy as np

from ..core.errors import FormatError, borrowed
from ..core.limits import check_limit
from ..core.names import described

__all__ = ["check_region_text", "read_json"]

# An unfinished string goes to the end, so that no byte is looked at twice.
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_PIECE: Final = 1 << 20

_LISTS: Final = re.compile(r"\b(?:annulus|ellipse|box|[a-z]*panda)\b[^;\n]*", re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9.]{400}")


def read_json(text: str | bytes, what: str, constants: bool = False) -> Any:
    """The data of a JSON text.

    Parameters
    ----------
    text : str or bytes
        UTF-8.
    what : str
        The item, for messages.
    constants : bool
        Whether NaN and Infinity are taken, which are not JSON.

    Raises
    ------
    FormatError
        For what is no JSON, a key that stands twice in an object, or a number that JSON has not (NaN).
    LimitError
        For more bytes, values, or brackets within brackets than the limits allow.

    Examples
    --------
    >>> read_json('{"a": 1, "a": 2}', "the text")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.FormatError: the text: the key 'a' stands twice in one object
    """
    if not isinstance(text, str | bytes):
        raise FormatError(f"{what} must be text, got {described(text)}")
    with borrowed(f"{what} is not JSON", FormatError):
        data = text.encode() if isinstance(text, str) else text
        check_limit("text_bytes", len(data), what, "bytes")
        _weigh(_STRING.sub(b"", data), what)

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            made = dict(pairs)
            if len(made) < len(pairs):
                keys = [key for key, _ in pairs]
                twice = next(key for key in keys if keys.count(key) > 1)
                raise FormatError(f"{what}: the key {twice!r} stands twice in one object")
            return made

        def constant(name: str) -> float:
            if not constants:
                raise FormatError(f"{what}: {name} is no number of JSON")
            return float(name)

        return json.loads(data.decode("utf-8"), object_pairs_hook=unique, parse_constant=constant)


def _weigh(data: bytes, what: str) -> None:
    """Count brackets and values of a JSON text without its strings."""
    depth = values = 0
    for first in range(0, len(data), _PIECE):
        bytes_ = np.frombuffer(data, np.uint8, min(_PIECE, len(data) - first), first)
        opens = (bytes_ == ord("[")) | (bytes_ == ord("{"))
        closes = (bytes_ == ord("]")) | (bytes_ == ord("}"))
        levels = depth + np.cumsum(opens.astype(np.int64) - closes)
        check_limit("depth", int(levels.max()), what, "brackets within brackets")
        depth = int(levels[-1])
        values += int(np.count_nonzero(opens | (bytes_ == ord(",")) | (bytes_ == ord(":"))))
        check_limit("values", values, what, "values")


def check_region_text(text: str) -> None:
    """Refuse a text of regions that holds more than the limits allow.

    Raises
    ------
    LimitError
        For more bytes or shapes than the limits allow; shapes are counted by what may separate them.
    FormatError
        For a number of hundreds of digits.

    Examples
    --------
    >>> check_region_text("icrs; circle(1" + 500 * "0" + ", 2, 3)")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.FormatError: the text of regions has a number of hundreds of digits, in line 1
    """
    what = "the text of regions"
    check_limit("text_bytes", len(text), what, "characters")
    shapes = sum(map(text.count, "\n;"))
    # A statement of many radii is as many rings.
    shapes += sum(len(re.findall(r"[\s,]+", each[0])) for each in _LISTS.finditer(text)) // 2
    check_limit("shapes", shapes, what, "shapes, or separators between them")
    if (found := _DIGITS.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise FormatError(f"{what} has a number of hundreds of digits, in line {line}")
