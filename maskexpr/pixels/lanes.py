"""Rows of pixels eight to a byte, so that a step along a row is one of whole bytes.

A row is cut into eight lanes of one length. The pixels that have the same place in their lanes are the bits
of one byte. Lanes may be packed with what is beside them, so that they overlap.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ..core.arrays import Bools, Bytes

__all__ = ["LANES", "pack_lanes", "unpack_lanes"]

LANES: Final = 8
"""Lanes of a row."""
# Bytes that are unpacked at a time: they stay in the cache.
_BYTES: Final = 1 << 18


def pack_lanes(mask: Bools, first: int, step: int, out: Bytes) -> None:
    """Write lanes as long as the rows of an array of bytes.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        Beside it nothing is selected.
    first, step : int
        Lane i begins in the column ``first + i * step``, which may lie beside the mask.
    out : ndarray of uint8, shape (rows, n)
        The first lane is the lowest bit.

    Examples
    --------
    >>> out = np.zeros((1, 3), dtype=np.uint8)
    >>> pack_lanes(np.array([[True, False, True]]), -1, 2, out)
    >>> out.tolist()
    [[0, 3, 0]]
    """
    width = mask.shape[1]
    out[...] = 0
    for begin in range(first + (LANES - 1) * step, first - step, -step):
        np.add(out, out, out=out)
        start, stop = max(begin, 0), min(begin + out.shape[1], width)
        if start < stop:
            part = out[:, start - begin : stop - begin]
            np.add(part, mask[:, start:stop].view(np.uint8), out=part)


def unpack_lanes(lanes: Bytes, out: Bools) -> None:
    """Write the pixels of rows of lanes that stand one beside the other, as far as there are columns.

    Examples
    --------
    >>> out = np.zeros((1, 12), dtype=bool)
    >>> unpack_lanes(np.array([[0, 4]], dtype=np.uint8), out)
    >>> np.flatnonzero(out).tolist()
    [5]
    """
    rows, step = max(1, _BYTES // lanes.shape[1]), lanes.shape[1]
    for first in range(0, len(lanes), rows):
        part = lanes[first : first + rows]
        for i in range(LANES):
            place = out[first : first + rows, i * step : (i + 1) * step]
            np.not_equal(part[:, : place.shape[1]] & np.uint8(1 << i), 0, out=place)
