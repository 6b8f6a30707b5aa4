"""What an argument must be, refused in one way: one of a few names, True or False, a path."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import MaskAttributeError, MaskError, MaskTypeError, MaskValueError
from .names import choice, described, nearest, shown

__all__ = ["absent", "flag", "hdu_of", "one_of", "path_of"]


def one_of(
    what: str, given: Any, known: Iterable[str], more: str = "", error: type[MaskError] = MaskValueError
) -> None:
    """Raise for a value that is none of a few names, whatever it is: an array compares with no name.

    Examples
    --------
    >>> one_of("kernel", "dsk", ["disk", "box"])
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskValueError: kernel must be 'disk' or 'box', got 'dsk'; did you mean 'disk'?
    """
    names = list(known)
    if not isinstance(given, str) or given not in names:
        raise error(choice(what, given, names) + more)


def flag(value: Any, what: str) -> bool:
    """True or False as it is; anything else, of which Python would take the truth, is refused.

    Examples
    --------
    >>> flag("no", "overwrite")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskTypeError: overwrite must be True or False, got the str 'no'
    """
    if not isinstance(value, bool | np.bool_):
        raise MaskTypeError(f"{what} must be True or False, got {described(value)}")
    return bool(value)


def path_of(value: Any, what: str) -> Path:
    """A path, whether or not something is there.

    Examples
    --------
    >>> path_of(None, "the output")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskTypeError: the output must be named by a path, got a NoneType
    """
    if not isinstance(value, str | os.PathLike):
        raise MaskTypeError(f"{what} must be named by a path, got {described(value)}")
    return Path(value)


def hdu_of(value: Any) -> str | int | None:
    """The name or the number of an HDU as it is.

    Examples
    --------
    >>> hdu_of([1])
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskTypeError: hdu must be the name or the number of an HDU, got [1]
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    raise MaskTypeError(f"hdu must be the name or the number of an HDU, got {shown(value)}")


def absent(what: str, name: str, known: Iterable[str], meant: Mapping[str, str]) -> MaskAttributeError:
    """The error about an attribute that is not there, with what users of other packages mean by its name.

    Examples
    --------
    >>> print(absent("a grid", "crp", ["crop"], {}))
    a grid has no 'crp'; did you mean 'crop'?
    """
    public = (each for each in known if not each.startswith("_"))
    words = "" if name.startswith("_") else nearest(name, public)
    return MaskAttributeError(
        f"{what} has no {name!r}" + (f"; write {meant[name]}" if name in meant else words)
    )
