"""Arrays of one byte a pixel: short spans painted by the store, and few pixels found among many."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["list_busy", "paint_short"]

Ints = NDArray[np.int64]


def paint_short(flat: NDArray[np.uint8], start: Ints, length: NDArray[np.integer[Any]], value: int) -> None:
    """Set spans of a flat array, which may overlap, to a value.

    A span of 2^k pixels or more, but not twice as many, is two stores of 2^k bytes, one at each end. That
    costs near 20 ns a store up to 64 bytes, whatever the length.

    Parameters
    ----------
    flat : ndarray of uint8, shape (n,)
        Changed in place.
    start, length : ndarray of int, shape (spans,)
        At least a pixel each, and within the array.
    value : int

    Examples
    --------
    >>> flat = np.zeros(9, dtype=np.uint8)
    >>> paint_short(flat, np.array([1, 3, 8]), np.array([3, 2, 1]), 7)
    >>> flat.tolist()
    [0, 7, 7, 7, 7, 0, 0, 0, 7]
    """
    # Exact, as lengths are far below 2^53.
    level = np.frexp(length.astype(np.float64))[1] - 1
    for k in np.flatnonzero(np.bincount(level)).tolist():
        some = np.flatnonzero(level == k)
        size = 1 << k
        stores: Any = np.ndarray((len(flat) - size + 1,), f"V{size}", flat, strides=(1,))
        one = np.void(bytes([value]) * size)
        first = start[some]
        stores[first] = one
        if k:
            stores[first + (length[some] - size)] = one


def list_busy(flat: NDArray[Any]) -> Ints:
    """Places of the bytes that are not 0, ascending, in an array of bytes where they are few.

    Examples
    --------
    >>> list_busy(np.array([0, 1, 0, 0, 0, 0, 0, 0, 0, 2], dtype=np.uint8)).tolist()
    [1, 9]
    """
    octets = flat.view(np.uint8)
    whole = len(octets) // 8 * 8
    words = octets[:whole].view(np.uint64)
    busy = np.flatnonzero(words)
    within = np.flatnonzero(words[busy].view(np.uint8))
    rest = np.flatnonzero(octets[whole:]) + whole
    return np.concatenate([busy[within >> 3] * 8 + (within & 7), rest])
