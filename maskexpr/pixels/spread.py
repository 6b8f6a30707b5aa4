"""Rows of packed pixels that spread over other rows, each pair of rows by a width of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..core.arrays import Bools, Indices, Ints, Words

__all__ = ["RowSpread"]

_BITS = 64
_WORD = np.dtype("<u8")
# Words of a piece of rows: its calls are long, and its tables of some levels stay near a core.
_PIECE = 1 << 15
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
        self._words = np.zeros((ny, -(-nx // _BITS)), dtype=_WORD)
        # Bits after the last pixel are set, so that the words of a full row are.
        self._words[:, -1:] = ~np.uint64(0) << np.uint64((nx - 1) % _BITS + 1)
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
        octets = self._words.view(np.uint8)
        out = np.unpackbits(octets, axis=1, count=nx, bitorder="little").view(bool)
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
            fits = (high - low) * ((nx + 2 * widest) // _BITS + 2) <= _PIECE
            if high - low > _FEW and not (fits and widest <= 2 * narrowest + _ALIKE):
                middle = (low + high) // 2
                todo += [(middle, high), (low, middle)]
            elif widest >= 0:
                yield low, high

    def _spread(self, mask: Bools, column: int, first: int, near: Ints) -> None:
        """Add what is near to rows of a mask."""
        nx = self.shape[1]
        number, words = len(mask), self._words.shape[1]
        opened = self._open(first, number + near.shape[1])
        if opened[0] >= opened[1]:
            return
        # What is wider than this reaches all of the array from every pixel.
        near = np.minimum(near, max(nx - column, column + mask.shape[1]))
        most = int(near.max())
        begin, end = max(0, -most - column), min(mask.shape[1], nx + most - column)
        if begin >= end:
            return
        # Whole octets go before the mask's first pixel, so many that the array's stands at least `most` after
        # the first bit.
        lead = -(-max(0, most + column + begin) // 8)
        place = 8 * lead - column - begin
        pitch = (place + most) // _BITS + words + 2
        table = _doubled(mask[:, begin:end], lead, pitch, (2 * most + 1).bit_length())
        # A row that spreads by w is its table of 2^k pixels to the left, at two places: 2^k <= 2 w + 1 <
        # 2^(k + 1).
        level = np.frexp(2.0 * near.T + 1)[1].astype(np.int64) - 1
        row = np.where(near.T < 0, len(table) - 1, level * number + np.arange(number)) * (8 * pitch)
        reach = np.maximum(near.T, 0)
        right = place + reach
        left = place - reach + (1 << np.maximum(level, 0)) - 1
        octets = 8 * (words + 1)
        some = np.ndarray((table.nbytes - octets + 1,), f"V{octets}", table, strides=(1,))
        sides = [(row + (start >> 3), (start & 7).astype(_WORD)) for start in (left, right)]
        widest = near.max(axis=0)
        # The widest first: what they fill is left out, as is asked after 1, 2, 4, ... of them.
        for count, j in enumerate(np.argsort(-widest, kind="stable").tolist()):
            if widest[j] < 0:
                break
            if count & (count - 1) == 0:
                opened = self._open(first, number + near.shape[1])
            low, high = max(0, opened[0] - first - j), min(number, opened[1] - first - j)
            for index, shift in sides if low < high else ():
                found = some[index[j, low:high]].view(_WORD).reshape(-1, words + 1)
                _or_shifted(self._words[first + j + low : first + j + high], found, shift[j, low:high])

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


def _doubled(mask: Bools, lead: int, pitch: int, levels: int) -> Words:
    """Packed rows in which a pixel is selected if one of the 2^k up to it is, for k = 0, 1, ... levels - 1,
    and an empty row; shape (levels * n + 1, pitch).

    ``lead`` octets go before the mask's first pixel.
    """
    number = len(mask)
    table = np.zeros((levels * number + 1, pitch), dtype=_WORD)
    packed = np.packbits(mask, axis=1, bitorder="little")
    table.view(np.uint8)[:number, lead : lead + packed.shape[1]] = packed
    spare = np.empty((number, pitch), dtype=_WORD)
    for level in range(1, levels):
        before, after = (table[each * number : (each + 1) * number] for each in (level - 1, level))
        words, bits = divmod(1 << (level - 1), _BITS)
        after[...] = before
        if words:
            after[:, words:] |= before[:, : pitch - words]
        else:
            after |= np.left_shift(before, np.uint64(bits), out=spare)
            after[:, 1:] |= np.right_shift(before, np.uint64(_BITS - bits), out=spare)[:, :-1]
    return table


def _or_shifted(out: Words, words: Words, shift: Words) -> None:
    """Add to rows what begins ``shift`` bits, 0 to 7, after the first bit of longer rows."""
    low = words[:, :-1] >> shift[:, None]
    # In numpy, as not in C, a shift by all 64 bits leaves nothing.
    high = words[:, 1:] << (_BITS - shift)[:, None]
    low |= high
    out |= low
