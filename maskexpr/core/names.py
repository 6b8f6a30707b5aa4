"""The nearest right name, for messages about a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["choice", "nearest"]


def nearest(name: object, known: Iterable[str]) -> str:
    """``; did you mean 'Dilate'?``, or nothing where no name is near.

    Examples
    --------
    >>> nearest("Signif_Av", ["Name", "Signif_Avg"]), nearest("gauss", ["disk", "box"])
    ("; did you mean 'Signif_Avg'?", '')
    """
    by_folded: dict[str, str] = {}
    for each in known:
        by_folded.setdefault(each.casefold(), each)
    text = str(name).casefold()
    # A name cut short is nearer to the whole than a ratio of letters tells: gal, ecl, super.
    begun = [each for each in by_folded if len(text) > 1 and each.startswith(text)]
    found = begun[:1] or difflib.get_close_matches(text, by_folded, n=1)
    return f"; did you mean {by_folded[found[0]]!r}?" if found else ""


def choice(what: str, given: object, known: Iterable[str]) -> str:
    """A message about a value that is none of a few.

    Examples
    --------
    >>> choice("kernel", "dsk", ["disk", "box"])
    "kernel must be 'disk' or 'box', got 'dsk'; did you mean 'disk'?"
    """
    names = list(known)
    *others, last = [repr(each) for each in names]
    shown = f"{', '.join(others)} or {last}" if others else last
    hint = nearest(given, names) if isinstance(given, str) else ""
    return f"{what} must be {shown}, got {given!r}{hint}"
