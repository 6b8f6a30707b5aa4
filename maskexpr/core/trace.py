"""Counts of what an evaluation did, for tests and for `explain`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["asked_of", "count", "count_asked", "tracing"]


class Asked(Protocol):
    """A node, as far as it is told from others here."""

    @property
    def key(self) -> bytes: ...
    def label(self) -> str: ...


_lock = threading.Lock()
_active: list[Counter[str]] = []


def count(what: str, number: int = 1) -> None:
    """Add to a count, if anyone counts."""
    if _active:
        with _lock:
            for counter in _active:
                counter[what] += number


def asked_of(node: Asked) -> str:
    """What the pixels that a node is asked for are counted under: equal nodes count together."""
    return f"asked {node.label()} {node.key.hex()[:8]}"


def count_asked(node: Asked, pixels: int) -> None:
    """Count pixels that a node is asked for, if anyone counts."""
    if _active:
        count(asked_of(node), pixels)


@contextmanager
def tracing() -> Iterator[Counter[str]]:
    """Count the tiles and pixels that are evaluated while the block runs, in this process: ``tiles`` that are
    tasks, ``pixels`` of leaves that are asked one by one, and the pixels of windows that each node is asked
    for (see `asked_of`).

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
