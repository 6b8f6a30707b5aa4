"""Whether a value is what a dataclass declares its field to be: what files say is held against the types."""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import Any, Final

import numpy as np

from .errors import FormatError

__all__ = ["check_fields"]

# No number of a mask is as large; beyond it whole numbers are no floats.
_LARGEST: Final = 10**300


@cache
def _hints(cls: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError:
        # Of a class that was made where its types cannot be looked up nothing is known.
        return {}


def check_fields(cls: type, fields: dict[str, Any]) -> None:
    """Refuse values that are not of the types that a dataclass declares.

    Raises
    ------
    FormatError
        Naming the field.

    Examples
    --------
    >>> class Circle:
    ...     lon: float
    >>> check_fields(Circle, {"lon": "12"})
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.FormatError: lon must be a float, got '12'
    """
    hints = _hints(cls)
    for name, value in fields.items():
        hint = hints.get(name, Any)
        if not _holds(value, hint):
            shown = f"{value.dtype} array" if isinstance(value, np.ndarray) else repr(value)[:80]
            raise FormatError(f"{name} must be {_words(hint)}, got {shown}")


def _holds(value: Any, hint: Any) -> bool:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_holds(value, each) for each in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if len(arguments) == 2 and arguments[1] is ...:
            return all(_holds(each, arguments[0]) for each in value)
        return len(value) == len(arguments) and all(map(_holds, value, arguments))
    if origin is np.ndarray:
        return isinstance(value, np.ndarray) and _is_dtype(value.dtype, arguments[1])
    if hint is float:
        return isinstance(value, float) or (_is_whole(value) and abs(value) < _LARGEST)
    if hint is int:
        return _is_whole(value)
    return isinstance(value, hint) if isinstance(hint, type) else True


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_dtype(dtype: np.dtype[Any], hint: Any) -> bool:
    (kind,) = typing.get_args(hint)
    return dtype.kind in "biuf" if kind is Any else dtype == np.dtype(kind)


def _words(hint: Any) -> str:
    """A type in words.

    Examples
    --------
    >>> _words(tuple[float, ...] | None)
    'values, each a float, or nothing'
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(_words, arguments)).replace(" or nothing", ", or nothing")
    if origin is tuple and arguments[-1:] == (...,):
        return f"values, each {_words(arguments[0])}"
    if origin is tuple:
        return f"({', '.join(map(_words, arguments))})"
    if origin is np.ndarray:
        return "an array of numbers"
    if hint is type(None):
        return "nothing"
    name = getattr(hint, "__name__", str(hint))
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
