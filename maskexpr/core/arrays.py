"""Types of arrays, by what annotations call them; the distinct numbers of one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Bytes", "Floats", "Indices", "Ints", "Smalls", "Words", "distinct"]

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Ints = NDArray[np.int64]
Smalls = NDArray[np.int32]
Words = NDArray[np.uint64]


def distinct(numbers: Ints) -> Ints:
    """Each number once, ascending: by a sort, which is faster than the table of hashes of `numpy.unique`.

    Examples
    --------
    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ordered = np.sort(numbers)
    first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return np.asarray(ordered[first])
