"""The nearest right name, for messages about a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

__all__ = ["choice", "described", "hint_of", "nearest", "of_ours", "shown", "similar"]

_SHORT = 80
"""Characters of a value that are shown as they are."""


def similar(name: object, known: Iterable[str]) -> str | None:
    """The name that a wrong one is nearest to, if any is near.

    Examples
    --------
    >>> similar("gal", ["icrs", "galactic"]), similar("gauss", ["disk", "box"])
    ('galactic', None)
    """
    by_folded: dict[str, str] = {}
    for each in known:
        by_folded.setdefault(each.casefold(), each)
    text = str(name).casefold()
    # A name cut short is nearer to the whole than a ratio of letters tells: gal, ecl, super.
    begun = [each for each in by_folded if len(text) > 1 and each.startswith(text)]
    begun += [each for each in by_folded if len(each) > 2 and text.startswith(each)]
    found = begun[:1] or difflib.get_close_matches(text, by_folded, n=1)
    return by_folded[found[0]] if found else None


def nearest(name: object, known: Iterable[str]) -> str:
    """``; did you mean 'Dilate'?``, or nothing where no name is near.

    Examples
    --------
    >>> nearest("Signif_Av", ["Name", "Signif_Avg"]), nearest("gauss", ["disk", "box"])
    ("; did you mean 'Signif_Avg'?", '')
    """
    found = similar(name, known)
    return "" if found is None else f"; did you mean {found!r}?"


def described(value: object) -> str:
    """The class of a value with its package and article; text as it is.

    Examples
    --------
    >>> described("my.reg"), described(3), described(None)
    ("the str 'my.reg'", 'an int', 'a NoneType')
    """
    if isinstance(value, str):
        return f"the str {value!r}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    package, name = type(value).__module__.partition(".")[0], type(value).__name__
    name = name if package in ("builtins", "maskexpr") else f"{package} {name}"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def of_ours(value: object) -> str:
    """As `described`, where a class of another package that has the same name is wanted.

    Examples
    --------
    >>> of_ours("my.fits")
    "the str 'my.fits'"
    """
    ours = type(value).__module__.partition(".")[0] == "maskexpr"
    return f"a maskexpr {type(value).__name__}, which is taken as it is" if ours else described(value)


def shown(value: object) -> str:
    """A value as it was typed, if that is short: of an array or a table its class.

    Examples
    --------
    >>> shown((1, 2)), shown(list(range(100)))
    ('(1, 2)', 'a list')
    """
    text = repr(value)
    return text if len(text) <= _SHORT and "\n" not in text else described(value)


def hint_of(value: object, hints: Mapping[str, str]) -> str:
    """What is said of the class of a value, by its name, or of the nearest class that it is of; else nothing.

    Examples
    --------
    >>> hint_of(True, {"int": "a number"}), hint_of([], {"int": "a number"})
    ('a number', '')
    """
    return next((hints[each.__name__] for each in type(value).__mro__ if each.__name__ in hints), "")


def choice(what: str, given: object, known: Iterable[str]) -> str:
    """A message about a value that is none of a few.

    Examples
    --------
    >>> choice("kernel", "dsk", ["disk", "box"])
    "kernel must be 'disk' or 'box', got 'dsk'; did you mean 'disk'?"
    """
    names = list(known)
    *others, last = [repr(each) for each in names]
    wanted = f"{', '.join(others)} or {last}" if others else last
    hint = nearest(given, names) if isinstance(given, str) else ""
    return f"{what} must be {wanted}, got {shown(given)}{hint}"
