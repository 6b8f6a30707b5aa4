"""Work on many circles that tiles share: circles in pieces of neighbours, each piece worked out once, by the
first tile that needs it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..window import Window

__all__ = ["Pieces", "neighbours_first"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Made = TypeVar("Made")

# Pieces that are kept at once.
_KEPT = 512
# Places are told apart in so many steps along either side of what holds them all.
_STEPS = 256


class Pieces(Generic[Made]):
    """Pieces of work by number, remembered; each is done by one thread.

    Parameters
    ----------
    boxes : ndarray, shape (4, n)
        First and last row, first and last column that each piece may touch.
    make : callable
        Does one piece.
    """

    def __init__(self, boxes: Floats, make: Callable[[int], Made]) -> None:
        self._boxes = boxes
        self._make = make
        self._locks = [threading.Lock() for _ in range(boxes.shape[1])]
        self._made: dict[int, Made] = {}

    def touching(self, window: Window) -> list[Made]:
        """The pieces that may touch a window."""
        y0, y1, x0, x1 = window
        low_y, high_y, low_x, high_x = self._boxes
        near = np.flatnonzero((high_y >= y0) & (low_y < y1) & (high_x >= x0) & (low_x < x1)).tolist()
        found = {i: self._get(i, wait=False) for i in near}
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
