"""Counts of what an evaluation did, for tests and for `explain`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["count", "tracing"]

_lock = threading.Lock()
_active: list[Counter[str]] = []


def count(what: str, number: int = 1) -> None:
    """Add to a count, if anyone counts."""
    if _active:
        with _lock:
            for counter in _active:
                counter[what] += number


@contextmanager
def tracing() -> Iterator[Counter[str]]:
    """Count the tiles and pixels that are evaluated while the block runs, in this process.

    Examples
    --------
    >>> with tracing() as counts:
    ...     count("tiles")
    >>> counts["tiles"]
    1
    """
    counter: Counter[str] = Counter()
    with _lock:
        _active.append(counter)
    try:
        yield counter
    finally:
        with _lock:
            _active.remove(counter)
