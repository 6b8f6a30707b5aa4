"""Ragged ranges: ranges of different lengths, one after the other in one array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["ragged_ranges"]

Ints = NDArray[np.signedinteger[Any]]


def ragged_ranges(start: Ints | int, length: Ints) -> tuple[NDArray[np.intp], Ints]:
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
    return owner, np.arange(len(owner)) + (start - (np.cumsum(length) - length))[owner]
