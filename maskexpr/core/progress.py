"""How far writing has come, for whoever watches: a bar on a terminal, a line a minute in a log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Progress", "advance", "expect", "watching"]


@dataclass
class Progress:
    """Tiles that are to be written and that are, in all outputs that were begun."""

    total: int = 0
    done: int = 0


_lock = threading.Lock()
_watched: list[Progress] = []


def expect(tiles: int) -> None:
    """Say that so many tiles more are to be written."""
    with _lock:
        for each in _watched:
            each.total += tiles


def advance(tiles: int) -> None:
    """Say that so many tiles more are written."""
    with _lock:
        for each in _watched:
            each.done += tiles


@contextmanager
def watching() -> Iterator[Progress]:
    """What is written, in this process, while the block runs.

    Examples
    --------
    >>> with watching() as progress:
    ...     expect(3)
    ...     advance(1)
    >>> progress
    Progress(total=3, done=1)
    """
    progress = Progress()
    with _lock:
        _watched.append(progress)
    try:
        yield progress
    finally:
        with _lock:
            # By identity: two that have come as far are equal.
            _watched[:] = [each for each in _watched if each is not progress]
