"""Masks that grow in the plane of pixels as bits, 64 pixels to a word. Knows arrays and nothing of the sky.

A shape is taken apart by its columns. Those of one height are the same unbroken run of rows at different
places, and each run is made from the one before, which is a little shorter, by one more `or`. Rows lie one
after the other in memory with room between them, so that every step, along a row or across rows, is one pass
over a line of memory. Steps along a row go to whole bytes: what is left of them, 0 to 7 pixels, is put off to
the end, seven shifts whatever the shape.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Bytes, Ints, Words

__all__ = ["grow_into"]

# Bytes of the arrays of a strip. Shorter ones fit the cache that a core has for itself, but threads that
# make many short calls spend their time waiting for each other to let go of the interpreter.
_ROOM = 1 << 23
# Pixels that are unpacked at a time.
_PIXELS = 1 << 19
# As many places side by side are made by doubling in place of one by one.
_MANY = 32
_ALL = np.uint8(255)


def grow_into(
    out: Bools, mask: Bools, widths: Ints, row: int = 0, column: int = 0, erode: bool = False
) -> None:
    """Select, in an array that is a window of a mask's, what the mask selects when it has grown or shrunk.

    Parameters
    ----------
    out : ndarray of bool, shape (my, mx)
        Changed in place; what is selected in it stays so.
    mask : ndarray of bool, shape (ny, nx)
        Outside of it nothing is selected.
    widths : ndarray of int64, shape (k,)
        Half-width of the rows 0, 1, ... k - 1 above (and below) the middle of the shape, which is symmetric
        and widest in the middle: never rising.
    row, column : int
        The pixel of ``mask`` that is the first of ``out``, which ends within ``mask``.
    erode : bool
        Keep the pixels round which the whole shape is selected; outside the array nothing is.

    Examples
    --------
    >>> out = np.zeros((1, 3), dtype=bool)
    >>> grow_into(out, np.array([[0, 1, 1, 1, 1]], dtype=bool), np.array([1]), column=2, erode=True)
    >>> out.astype(int).tolist()
    [[1, 1, 0]]
    """
    if not out.size:
        return
    # A step further than the array is long always leaves it.
    strip = _Strip(mask, np.minimum(widths[: len(mask) + 1], mask.shape[1]), out.shape, column, erode)
    for first in range(0, len(out), strip.rows):
        found = strip.grown(row + first)
        if found is not None:
            _unpack_into(out[first : first + strip.rows], found)


def _unpack_into(out: Bools, bits: Bytes) -> None:
    """Select the pixels whose bits are set, shape (rows, bytes); a few rows at a time stay in the cache."""
    rows = max(1, _PIXELS // out.shape[1])
    for first in range(0, len(out), rows):
        part = out[first : first + rows]
        found = np.unpackbits(bits[first : first + len(part)], axis=1, count=part.shape[1], bitorder="little")
        np.logical_or(part, found.view(np.bool_), out=part)


class _Column(NamedTuple):
    """Columns of a shape that have one height: ``length`` of them, the first ``first`` pixels to the right,
    from ``half`` rows above the middle to as many below.
    """

    half: int
    first: int
    length: int


def _columns(widths: Ints) -> list[_Column]:
    """The columns of a shape, the lowest first.

    Examples
    --------
    >>> [tuple(each) for each in _columns(np.array([2, 1]))]
    [(0, -2, 1), (0, 2, 1), (1, -1, 3)]
    """
    half = np.searchsorted(-widths, -np.arange(int(widths[0]) + 1), side="right") - 1
    found = []
    for height in np.unique(half).tolist():
        near, far = (int(i) for i in np.flatnonzero(half == height)[[0, -1]])
        if near:
            found += [_Column(height, -far, far - near + 1), _Column(height, near, far - near + 1)]
        else:
            found.append(_Column(height, -far, 2 * far + 1))
    return found


_held = threading.local()


def _room(size: int) -> Bytes:
    """Bytes to work in, the same ones for each call of a thread: new memory takes as long as the work."""
    held: Bytes | None = getattr(_held, "room", None)
    if held is None or len(held) < size:
        held = np.empty(size, dtype=np.uint8)
        if size <= 2 * _ROOM:
            _held.room = held
    return held[:size]


class _Strip:
    """A strip of rows of the result, the rows of the mask that it depends on, and the arrays to work in."""

    def __init__(self, mask: Bools, widths: Ints, shape: tuple[int, int], column: int, erode: bool) -> None:
        self._mask, self._erode, self._column = mask, erode, column
        self._columns = _columns(widths)
        self._reach = len(widths) - 1
        self._wide = shape[1]
        # Bytes before a row's first, so that a step to the left ends within the row.
        self._left = max(0, -((column - int(widths[0])) // 8))
        last = self._left + (column + int(widths[0])) // 8 + shape[1] // 8 + 9
        self._width = max(self._left + -(-mask.shape[1] // 8), last) // 8 * 8 + 8
        fit = _ROOM // (10 * self._width)
        self.rows = min(shape[0], max(32, self._reach, fit))
        source, strip = (self.rows + 2 * self._reach) * self._width, self.rows * self._width
        room = _room(2 * source + 9 * strip)
        self._runs = room[:source], room[source : 2 * source]
        self._shifted = room[2 * source : 2 * source + 8 * strip].reshape(8, strip)
        self._spare = room[2 * source + 8 * strip :].view(np.uint64)

    def grown(self, row: int) -> Bytes | None:
        """The rows from one of the mask's on, eight pixels to a byte, or None where nothing is selected."""
        if not self._load(row):
            return None
        runs, other = self._runs
        length, used = 1, 0
        for each in self._columns:
            while length < 2 * each.half + 1:
                step = min(length, 2 * each.half + 1 - length)
                count = (self.rows + 2 * self._reach - length - step + 1) * self._width
                np.bitwise_or(runs[:count], runs[step * self._width :][:count], out=other[:count])
                runs, other = other, runs
                length += step
            used |= self._add(runs, each, used)
        return self._joined(used)

    def _load(self, row: int) -> bool:
        """Pack the rows round the strip; whether any pixel is to be grown."""
        lines = self._runs[0].reshape(-1, self._width)
        first, last = row - self._reach, row + self.rows + self._reach
        low, high = min(max(first, 0), len(self._mask)), min(max(last, 0), len(self._mask))
        bits = np.packbits(self._mask[low:high], axis=1, bitorder="little")
        if self._erode:
            # What is not selected grows, and all beyond the array with it.
            np.invert(bits, out=bits)
            if self._mask.shape[1] % 8:
                bits[:, -1] |= _ALL << np.uint8(self._mask.shape[1] % 8)
        elif not bits.any():
            return False
        lines[...] = _ALL if self._erode else 0
        lines[low - first : high - first, self._left : self._left + bits.shape[1]] = bits
        return True

    def _add(self, runs: Bytes, each: _Column, used: int) -> int:
        """Add columns of one height to what is to be shifted by 0 to 7 pixels; which of these it was."""
        start = (self._reach - each.half) * self._width + self._left
        first, places = each.first, each.length
        if places > _MANY:
            runs, places = _along(runs, places), 1
        added = 0
        for at in range(self._column + first, self._column + first + places):
            whole, bits = divmod(at, 8)
            into = self._shifted[bits]
            # The last row ends where its last pixel is, and the line of memory may end there too.
            count = min(len(into), len(runs) - start - whole)
            if (used | added) >> bits & 1:
                np.bitwise_or(into[:count], runs[start + whole :][:count], out=into[:count])
            else:
                into[:count] = runs[start + whole :][:count]
            added |= 1 << bits
        return added

    def _joined(self, used: int) -> Bytes:
        """What was put off, shifted and put together."""
        words: Words = self._shifted.view(np.uint64)
        total, spare = words[0], self._spare
        if not used & 1:
            total[...] = 0
        for bits in (i for i in range(1, 8) if used >> i & 1):
            np.right_shift(words[bits], np.uint64(bits), out=spare)
            np.bitwise_or(total, spare, out=total)
            np.left_shift(words[bits, 1:], np.uint64(64 - bits), out=spare[:-1])
            np.bitwise_or(total[:-1], spare[:-1], out=total[:-1])
        if self._erode:
            np.invert(total, out=total)
        lines: Bytes = total.view(np.uint8).reshape(self.rows, self._width)
        return lines[:, : -(-self._wide // 8)]


def _along(line: Bytes, length: int) -> Bytes:
    """Pixels of which any of the next ``length`` (they themselves the first) is selected."""
    runs, made = line.copy(), 1
    while made < length:
        step = min(made, length - made)
        whole, bits = divmod(step, 8)
        ahead = runs
        if bits:
            words = runs.view(np.uint64)
            moved = words >> np.uint64(bits)
            moved[:-1] |= words[1:] << np.uint64(64 - bits)
            ahead = moved.view(np.uint8)
        count = len(runs) - whole
        # `ahead` may be `runs`: a new array takes the result.
        runs = np.concatenate([runs[:count] | ahead[whole:], runs[count:]])
        made += step
    return runs
