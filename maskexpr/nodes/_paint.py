"""Setting runs of pixels in an array that may be a window of a larger one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["paint_spans"]

Ints = NDArray[np.int64] | NDArray[np.int32]


def paint_spans(out: NDArray[np.bool_], row: Ints, start: Ints, stop: Ints) -> None:
    """Set runs of pixels, half open, none of them empty; they may overlap.

    A run of at least ``2**k`` pixels and less than twice as many is two pieces of ``2**k`` pixels, one from
    its start and one up to its stop. All pieces of one size are set by one call, as if the bytes of the array
    were numbers of that size that overlap: a run costs two stores, however long it is.
    """
    if not len(row):
        return
    flat, origin, stride = _flat(out)
    length = stop - start
    first = row.astype(np.int64)
    first *= stride
    first += start
    first += origin
    # The exponent of a whole number below 2**53 is exact.
    power = (np.frexp(length)[1] - 1).astype(np.int8)
    number = np.bincount(power)
    if np.count_nonzero(number) > 1:
        order = np.argsort(power, kind="stable")
        first, length = first[order], length[order]
    begin = 0
    for k, end in enumerate(np.cumsum(number).tolist()):
        if end > begin:
            _store(flat, 1 << k, first[begin:end], length[begin:end])
        begin = end


def _store(flat: NDArray[np.bool_], size: int, first: NDArray[np.int64], length: Ints) -> None:
    """Set runs of at least a number of pixels and less than twice as many, by two stores each."""
    if size == 1:
        flat[first] = True
        return
    # Places within the array only: numpy checks each index against the number of places.
    places = np.ndarray((len(flat) - size + 1,), dtype=f"V{size}", buffer=flat, strides=(1,))
    ones = np.ones(size, dtype=np.bool_).view(f"V{size}")
    places[first] = ones
    places[first + (length - size)] = ones


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
