"""Work on many shapes that tiles share: shapes in pieces of neighbours, each piece worked out once, by the
first tile that needs it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

import numpy as np

from .arrays import Floats, Ints

__all__ = ["Pieces", "neighbours_first"]

Made = TypeVar("Made")

# Pieces that are kept at once.
_KEPT = 256
# Places are told apart in so many steps along either side of what holds them all.
_STEPS = 256


class Pieces(Generic[Made]):
    """Pieces of work by number, remembered; each is done by one thread.

    Parameters
    ----------
    number : int
        How many there are.
    make : callable
        Does one piece.
    """

    def __init__(self, number: int, make: Callable[[int], Made]) -> None:
        self._make = make
        self._locks = [threading.Lock() for _ in range(number)]
        self._made: dict[int, Made] = {}

    def take(self, wanted: Iterable[int]) -> list[Made]:
        """Some of the pieces."""
        found = {i: self._get(i, wait=False) for i in wanted}
        # What another thread was at is asked for last: until then there is other work.
        return [self._get(i, wait=True) if each is None else each for i, each in found.items()]  # type: ignore[misc]

    def _get(self, i: int, wait: bool) -> Made | None:
        made = self._made.get(i)
        if made is not None or not self._locks[i].acquire(blocking=wait):
            return made
        try:
            made = self._made.get(i)
            if made is None:
                made = self._made[i] = self._make(i)
                for old in list(self._made)[:-_KEPT]:
                    self._made.pop(old, None)
            return made
        finally:
            self._locks[i].release()


def neighbours_first(y: Floats, x: Floats) -> Ints:
    """An order of places in which neighbours mostly follow each other (Morton's)."""
    bits = np.arange(_STEPS, dtype=np.uint16)
    spread = np.bitwise_or.reduce([((bits >> k) & 1) << (2 * k) for k in range(8)])
    key = (spread[_step(y)] << 1) | spread[_step(x)]
    # Of numbers of 16 bits numpy sorts by digits, in linear time.
    return np.argsort(key, kind="stable")


def _step(each: Floats) -> Ints:
    low, high = each.min(initial=np.inf), each.max(initial=-np.inf)
    return np.asarray((each - low) * ((_STEPS - 1) / max(high - low, 1e-300)), dtype=np.int64)
