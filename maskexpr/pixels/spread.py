"""Rows of packed pixels that spread over other rows, each pair of rows by a width of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from ..core.arrays import Bools, Bytes, Indices, Ints
from .lanes import LANES, pack_lanes, unpack_lanes

__all__ = ["RowSpread"]

# Bytes of a piece of rows: its calls are long, and its tables of some levels stay near a core.
_PIECE = 1 << 19
# Bytes of few rows that are as wide as a fine map near its poles.
_MOST = 1 << 21
# Rows of a piece have widths within a factor of two of each other, or it is cut down to this many rows.
_FEW = 16
_ALIKE = 128


class RowSpread:
    """An array of pixels, into which rows of selected pixels spread.

    Parameters
    ----------
    shape : tuple of int
        (ny, nx).

    Examples
    --------
    >>> out = RowSpread((2, 6))
    >>> source = np.array([[0, 0, 1, 0, 0, 0]], dtype=bool)
    >>> out.add(source, 0, 0, np.array([[2, 1]]))
    True
    >>> out.values().astype(int).tolist()
    [[1, 1, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0]]
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        ny, nx = shape
        # Whole words of lanes.
        self._line = -(-nx // (8 * LANES)) * 8
        self._lanes = np.zeros((ny, self._line), dtype=np.uint8)
        # What is after the last pixel is selected, so that the words of a full row are full.
        beyond = np.arange(LANES * self._line)[None] >= nx
        pack_lanes(beyond, 0, self._line, self._lanes[:1])
        self._lanes[1:] = self._lanes[:1]
        self._words = self._lanes.view(np.uint64)
        # Pixels of a row from the first on, and those before the second, are selected besides.
        self._rest = np.full(ny, nx, dtype=np.int64)
        self._begin = np.zeros(ny, dtype=np.int64)

    def add(self, mask: Bools, column: int, first: int, near: Ints, wrapped: Ints | None = None) -> bool:
        """Select what lies within a width of selected pixels of other rows.

        Parameters
        ----------
        mask : ndarray of bool, shape (n, w)
            The other rows.
        column : int
            Column of the array in which their first pixel stands.
        first : int
            Row i spreads over the rows ``first + i``, ``first + i + 1``, ... of the array; those that are
            outside of it are passed over.
        near : ndarray of int64, shape (n, m)
            By how many columns on either side it spreads over each of them; below 0 not at all.
        wrapped : ndarray of int64, shape (n, m)
            And that it reaches all columns at least as far away as this.

        Returns
        -------
        bool
            Whether a pixel of the mask is selected.
        """
        busy = np.flatnonzero(mask.any(axis=1))
        if not len(busy):
            return False
        low, high = int(busy[0]), int(busy[-1]) + 1
        for begin, end in self._pieces(near.max(axis=1, initial=-1), mask.shape[1], column, low, high):
            self._spread(mask[begin:end], column, first + begin, near[begin:end])
        if wrapped is not None:
            self._wrap(mask, column, first, wrapped, busy)
        return True

    def values(self) -> Bools:
        """Which pixels are selected, shape (ny, nx)."""
        nx = self.shape[1]
        out = np.empty(self.shape, dtype=bool)
        unpack_lanes(self._lanes, out)
        rows = np.flatnonzero((self._rest < nx) | (self._begin > 0))
        if len(rows):
            x = np.arange(nx)
            out[rows] |= (x >= self._rest[rows, None]) | (x < self._begin[rows, None])
        return out

    def _pieces(self, most: Ints, width: int, column: int, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Cut rows into pieces of like widths that fit the cache."""
        nx = self.shape[1]
        most = np.minimum(most, max(nx - column, column + width))
        todo = [(low, high)]
        while todo:
            low, high = todo.pop()
            widest, narrowest = int(most[low:high].max()), int(most[low:high].min())
            size = (high - low) * (self._line + 2 * widest)
            is_alike = size <= _PIECE and widest <= 2 * narrowest + _ALIKE
            if high - low > (_FEW if size <= _MOST else 1) and not is_alike:
                middle = (low + high) // 2
                todo += [(middle, high), (low, middle)]
            elif widest >= 0:
                yield low, high

    def _spread(self, mask: Bools, column: int, first: int, near: Ints) -> None:
        """Add what is near to rows of a mask."""
        nx = self.shape[1]
        number = len(mask)
        opened = self._open(first, number + near.shape[1])
        if opened[0] >= opened[1]:
            return
        # What is wider than this reaches all of the array from every pixel.
        near = np.minimum(near, max(nx - column, column + mask.shape[1]))
        most = int(near.max())
        if column - most >= nx or column + mask.shape[1] + most <= 0:
            return
        # Lanes with what is as far as `most` on either side of them.
        pitch = self._line + 2 * most
        table = np.zeros(((2 * most + 1).bit_length() * number + 1, pitch), dtype=np.uint8)
        pack_lanes(mask, -column - most, self._line, table[:number])
        _double(table[:-1].reshape(-1, number * pitch))
        # A row that spreads by w is its table of 2^k pixels to the left, at two places: 2^k <= 2 w + 1 <
        # 2^(k + 1).
        reach = np.maximum(near.T, 0)
        level = np.frexp(2.0 * reach + 1)[1].astype(np.int64) - 1
        row = np.where(near.T < 0, len(table) - 1, level * number + np.arange(number)) * pitch
        sides = (row + most - reach + (1 << level) - 1, row + most + reach)
        some = np.ndarray((table.nbytes - self._line + 1,), f"V{self._line}", table, strides=(1,))
        widest = near.max(axis=0)
        # The widest first: what they fill is left out, as is asked after 1, 2, 4, ... of them.
        for count, j in enumerate(np.argsort(-widest, kind="stable").tolist()):
            if widest[j] < 0:
                break
            if count & (count - 1) == 0:
                opened = self._open(first, number + near.shape[1])
            low, high = max(0, opened[0] - first - j), min(number, opened[1] - first - j)
            words = self._words[first + j + low : first + j + high]
            for index in sides if low < high else ():
                words |= some[index[j, low:high]].view(np.uint64).reshape(words.shape)

    def _open(self, first: int, number: int) -> tuple[int, int]:
        """The first row of some, and the one after the last, that is not full."""
        first, last = max(first, 0), max(first + number, 0)
        rows = np.flatnonzero((self._words[first:last] != ~np.uint64(0)).any(axis=1))
        return (first + int(rows[0]), first + int(rows[-1]) + 1) if len(rows) else (first, first)

    def _wrap(self, mask: Bools, column: int, first: int, wrapped: Ints, busy: Indices) -> None:
        """Add what is reached the other way round: only the ends of a row's selection matter."""
        ny, nx = self.shape
        # Only from so many columns before the mask's end or after its begin.
        least = max(int(wrapped.min()), 0)
        before, after = max(nx - column - least, 0), max(least - column, 0)
        ends = mask[busy, :before].any(axis=1) | mask[busy, after:].any(axis=1)
        busy = busy[ends]
        if not len(busy):
            return
        row = first + busy[:, None] + np.arange(wrapped.shape[1])
        rows, wrapped = mask[busy], wrapped[busy]
        start = column + rows.argmax(axis=1)
        stop = column + mask.shape[1] - rows[:, ::-1].argmax(axis=1)
        rest, begin = start[:, None] + wrapped, stop[:, None] - wrapped
        some = (row >= 0) & (row < ny) & ((rest < nx) | (begin > 0))
        np.minimum.at(self._rest, row[some], np.maximum(rest[some], 0))
        np.maximum.at(self._begin, row[some], np.minimum(begin[some], nx))


def _double(levels: Bytes) -> None:
    """Make, of lines of pixels that are the first level, those in which a pixel is selected if one of the 2^k
    up to it is, for all levels k; shape (levels, pixels).
    """
    for k, (before, after) in enumerate(pairwise(levels)):
        step = 1 << k
        after[:step] = before[:step]
        np.bitwise_or(before[step:], before[:-step], out=after[step:])
