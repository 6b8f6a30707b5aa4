"""Painting runs of pixels (scan-line filling) in arrays of a byte a pixel; listing few pixels among many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Ints
from .window import Window

__all__ = ["RowRuns", "list_busy", "paint_diagonals", "paint_in_window", "paint_short", "paint_spans"]

_Indices = NDArray[np.signedinteger[Any]]
RowRuns = tuple[_Indices, _Indices, _Indices]
"""Rows, starts and stops of runs of pixels, half open."""


def paint_in_window(out: Bools, window: Window, runs: Iterable[RowRuns]) -> None:
    """Set runs of pixels, given in parts, in an array that is a window of a map; what is outside of it is
    clipped.
    """
    y0, y1, x0, x1 = window
    parts = []
    for row, start, stop in runs:
        here = np.flatnonzero((row >= y0) & (row < y1) & (start < x1) & (stop > x0))
        if len(here):
            parts.append((row[here] - y0, start[here] - x0, stop[here] - x0))
    if parts:
        row, start, stop = (np.concatenate(each) for each in zip(*parts, strict=True))
        paint_spans(out, row, np.maximum(start, 0), np.minimum(stop, x1 - x0))


def paint_spans(out: Bools, row: _Indices, start: _Indices, stop: _Indices, value: int = 1) -> None:
    """Set runs of pixels, half open and not empty, or with a value of 0 clear them; they may overlap."""
    if not len(row):
        return
    flat, origin, stride = _flat(out)
    first = row.astype(np.int64)
    first *= stride
    first += start
    first += origin
    paint_short(flat.view(np.uint8), first, stop - start, value)


def paint_diagonals(out: Bools, row: Ints, column: Ints, length: Ints) -> None:
    """Set runs along diagonals, from a pixel on always one row before and one column after; they may overlap.

    Examples
    --------
    >>> out = np.zeros((3, 3), dtype=bool)
    >>> paint_diagonals(out, np.array([2]), np.array([0]), np.array([2]))
    >>> out.tolist()
    [[False, False, False], [False, True, False], [True, False, False]]
    """
    if not len(row):
        return
    flat, origin, stride = _flat(out)
    first = row * stride + column + origin
    step = 1 - stride
    number = np.cumsum(length)
    # Differences to the place before: a step, but for the first of each run.
    places = np.full(int(number[-1]), step)
    places[0] = first[0]
    places[number[:-1]] = first[1:] - (first[:-1] + (length[:-1] - 1) * step)
    flat[np.cumsum(places, out=places)] = True


def _flat(out: Bools) -> tuple[Bools, int, int]:
    """The array that a window was cut from, in one dimension, with the window's first place in it and its
    stride.
    """
    whole: Bools = out
    while isinstance(whole.base, np.ndarray) and whole.base.dtype == np.bool_:
        whole = whole.base
    if not whole.flags.c_contiguous or (out.shape[1] > 1 and out.strides[1] != 1):
        raise ValueError("runs are painted into windows of C-contiguous bool arrays")
    origin = out.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return whole.reshape(-1), origin, out.strides[0]


def paint_short(flat: NDArray[np.uint8], start: Ints, length: NDArray[np.integer[Any]], value: int) -> None:
    """Set spans of a flat array, which may overlap, to a value.

    A span of at least 2^k pixels and less than twice as many is two stores of 2^k bytes, one from its start
    and one up to its end, into the array taken for one of overlapping items of that size. That costs near 20
    ns a store up to 64 bytes, whatever the length.

    Parameters
    ----------
    flat : ndarray of uint8, shape (n,)
        Changed in place.
    start, length : ndarray of int, shape (spans,)
        At least a pixel each, and within the array.

    Examples
    --------
    >>> flat = np.zeros(9, dtype=np.uint8)
    >>> paint_short(flat, np.array([1, 3, 8]), np.array([3, 2, 1]), 7)
    >>> flat.tolist()
    [0, 7, 7, 7, 7, 0, 0, 0, 7]
    """
    if not len(start):
        return
    # The exponent of a whole number below 2^53 is exact.
    power = (np.frexp(length)[1] - 1).astype(np.int8)
    number = np.bincount(power)
    if np.count_nonzero(number) > 1:
        order = np.argsort(power, kind="stable")
        start, length = start[order], length[order]
    begin = 0
    for k, end in enumerate(np.cumsum(number).tolist()):
        if end > begin:
            _store(flat, 1 << k, start[begin:end], length[begin:end], value)
        begin = end


def _store(
    flat: NDArray[np.uint8], size: int, start: Ints, length: NDArray[np.integer[Any]], value: int
) -> None:
    """Set spans of at least ``size`` pixels and at most twice as many, by two stores each."""
    if size == 1:
        flat[start] = value
        return
    # Places within the array only: numpy checks each index against the number of places.
    places: Any = np.ndarray((len(flat) - size + 1,), f"V{size}", flat, strides=(1,))
    item = np.void(bytes([value]) * size)
    places[start] = item
    places[start + (length - size)] = item


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
