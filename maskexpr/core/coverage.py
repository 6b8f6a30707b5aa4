"""Three-valued coverage of a tile: ``EMPTY < MIXED < FULL``.

*EMPTY* promises that no pixel of the tile that is on the sky is selected, *FULL* that all of them are.
*MIXED* promises nothing and is always a legal answer. With this order ``or`` is ``max``, ``and`` is ``min``
and ``not`` is ``FULL - c``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["EMPTY", "FULL", "MIXED", "NAMES", "Coverage", "decide", "invert", "merge"]

Coverage = NDArray[np.uint8]

EMPTY = np.uint8(0)
MIXED = np.uint8(1)
FULL = np.uint8(2)
NAMES = ("empty", "mixed", "full")


def invert(cover: Coverage) -> Coverage:
    """Coverage of the complement.

    Examples
    --------
    >>> invert(np.array([0, 1, 2], dtype=np.uint8)).tolist()
    [2, 1, 0]
    """
    return FULL - cover


def decide(empty: NDArray[np.bool_], full: NDArray[np.bool_]) -> Coverage:
    """Coverage of what is known to be empty and known to be full.

    Examples
    --------
    >>> decide(np.array([True, False, False]), np.array([False, False, True])).tolist()
    [0, 1, 2]
    """
    return np.where(full, FULL, np.where(empty, EMPTY, MIXED)).astype(np.uint8)


def merge(cover: Coverage, axis: int = -1) -> Coverage:
    """Coverage of a whole from that of its parts: decided only where all parts agree.

    Parameters
    ----------
    cover : array of uint8
        Coverages of the parts.
    axis : int
        The axis along which the parts of one whole lie.

    Examples
    --------
    >>> merge(np.array([[0, 0], [0, 2], [2, 2]], dtype=np.uint8)).tolist()
    [0, 1, 2]
    """
    low = cover.min(axis=axis)
    high = cover.max(axis=axis)
    return np.where(low == high, low, MIXED).astype(np.uint8)
