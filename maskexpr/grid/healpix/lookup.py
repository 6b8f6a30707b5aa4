"""Look-up of very many numbers in an interval set: a table by their leading digits, then bisection."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...core.arrays import Bools, Ints

__all__ = ["Lookup"]

# Entries of the table: it stays in the cache.
_ENTRIES: Final = 1 << 18
# Numbers looked up in one go.
_PIECE: Final = 1 << 16


class Lookup:
    """Merged ranges, asked for numbers.

    Parameters
    ----------
    ranges : ndarray of int64, shape (n, 2)
        Merged ranges of numbers from 0.
    number : int
        What all numbers are less than.
    """

    def __init__(self, ranges: Ints, number: int) -> None:
        self._edges = ranges.reshape(-1)
        self._shift = max(0, (number - 1).bit_length() - (_ENTRIES - 1).bit_length())
        # How many edges there are up to the first number of each entry.
        firsts = np.arange((number - 1 >> self._shift) + 2) << self._shift
        self._before = np.searchsorted(self._edges, firsts, side="right")

    def holding(self, numbers: Ints) -> Bools:
        """Which numbers are in the ranges, shape (n,); those less than 0 are not.

        Examples
        --------
        >>> Lookup(np.array([[0, 2], [8, 9]]), 12).holding(np.array([1, 2, 8, -1])).tolist()
        [True, False, True, False]
        """
        out = np.empty(len(numbers), dtype=bool)
        for first in range(0, len(numbers), _PIECE):
            some = slice(first, first + _PIECE)
            out[some] = self._holding(numbers[some])
        return out

    def _holding(self, numbers: Ints) -> Bools:
        entry = np.maximum(numbers, 0) >> self._shift
        before = self._before[entry]
        out: Bools = before & 1 == 1
        # Where an edge lies within an entry, it is told by the edges themselves; in order, as the bisection
        # of a number goes the way of that of the one before.
        open_ = np.flatnonzero(self._before[entry + 1] > before)
        asked = numbers[open_]
        order = np.argsort(asked)
        out[open_[order]] = np.searchsorted(self._edges, asked[order], side="right") & 1 == 1
        out[numbers < 0] = False
        return out
