"""Setting runs of pixels in an array that may be a window of a larger one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .paint import paint_short

__all__ = ["paint_spans"]

Ints = NDArray[np.int64] | NDArray[np.int32]


def paint_spans(out: NDArray[np.bool_], row: Ints, start: Ints, stop: Ints) -> None:
    """Set runs of pixels, half open, none of them empty; they may overlap."""
    if not len(row):
        return
    flat, origin, stride = _flat(out)
    first = row.astype(np.int64)
    first *= stride
    first += start
    first += origin
    paint_short(flat.view(np.uint8), first, stop - start, 1)


def _flat(out: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int, int]:
    """The array that a window was cut from, in one dimension, with the window's first place in it and its
    stride.
    """
    whole: NDArray[np.bool_] = out
    while isinstance(whole.base, np.ndarray) and whole.base.dtype == np.bool_:
        whole = whole.base
    if not whole.flags.c_contiguous or (out.shape[1] > 1 and out.strides[1] != 1):
        raise ValueError("runs are painted into windows of C-contiguous bool arrays")
    origin = out.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return whole.reshape(-1), origin, out.strides[0]
