"""Ragged arrays: ranges and lists of different lengths, one after the other in one array."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Indices

__all__ = ["Lists", "ragged_ranges"]

Ints = NDArray[np.signedinteger[Any]]


def ragged_ranges(start: Ints | int, length: Ints) -> tuple[Indices, Ints]:
    """The numbers of many ranges, and the range that each is of.

    Parameters
    ----------
    start : ndarray of int, shape (n,), or int
        First number of each range, or of all.
    length : ndarray of int, shape (n,)
        How many numbers each has, 0 or more.

    Examples
    --------
    >>> [each.tolist() for each in ragged_ranges(np.array([5, 0, 8]), np.array([2, 0, 3]))]
    [[0, 0, 2, 2, 2], [5, 6, 8, 9, 10]]
    """
    owner = np.repeat(np.arange(len(length)), length)
    numbers = (start - (np.cumsum(length) - length))[owner]
    numbers += np.arange(len(owner))
    return owner, numbers


class Lists(NamedTuple):
    """n lists of numbers: those of the i-th are ``items[starts[i] : starts[i + 1]]``.

    Examples
    --------
    >>> some = Lists.of_pairs(3, np.array([0, 0, 2]), np.array([7, 8, 9]))
    >>> [each.tolist() for each in some.pairs(np.array([2, 1, 0, 2]))]
    [[0, 2, 2, 3], [9, 7, 8, 9]]
    """

    starts: Indices
    items: Indices

    @classmethod
    def of_pairs(cls, number: int, place: Indices, items: Indices) -> Self:
        """So many lists of pairs of a place, in order, and an item."""
        starts = np.zeros(number + 1, dtype=np.intp)
        np.cumsum(np.bincount(place, minlength=number), out=starts[1:])
        return cls(starts, items)

    def pairs(self, which: Indices) -> tuple[Indices, Indices]:
        """The items of some of the lists, each with the place in ``which`` that asks for it."""
        start = self.starts[which]
        place, at = ragged_ranges(start, self.starts[which + 1] - start)
        return place, self.items[at]
