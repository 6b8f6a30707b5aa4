"""The structuring element of a block, row by row: which columns are surely within the radius, which perhaps.

A shape guesses both elements in a closed form. The columns between them are asked one by one, for bounds
that differ by less.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, Self

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints, Smalls
from ..pixels.ragged import ragged_ranges
from .metric import Metrics

__all__ = ["NONE", "ROUNDING", "Columns", "Element", "Ends", "columns_of"]

Ends = tuple[Ints, Ints]
"""First and last columns of rows, shape (blocks, rows); the first is after the last where there is none."""

NONE = 1 << 29
"""First column of a row in which there is none; the last is its negative, before it however long a run is."""
ROUNDING = 1e-9
"""Relative margin for rounding."""
# Steps asked at once: they stay in the cache.
_AT_ONCE = 1 << 13


class Element(Protocol):
    """A shape round the pixels of blocks over which the metric is known."""

    @property
    def metrics(self) -> Metrics: ...

    def take(self, some: Indices | Bools) -> Self:
        """The shapes of some of the blocks."""

    def guess(self, dy: Ints) -> tuple[Ends, Ends]:
        """The columns, in each row ``dy``, that are perhaps in the shape, and those that surely are."""

    def told(
        self, block: Ints, dy: Ints, dx: Ints, place: tuple[Floats, Floats] | None = None
    ) -> tuple[Bools, Bools]:
        """Whether steps are perhaps, and surely, in the shape round all pixels of blocks, or those at places
        from their middles.
        """


class Columns(NamedTuple):
    """For each block, and each row of the element (the middle one is row ``middle``), its first and last
    column, shape (blocks, rows): of the inner element all pixels are surely within the radius, and none
    outside of the outer one is.

    A block's own elements have ``reach`` rows, shape (blocks,), on each side.
    """

    middle: int
    reach: Ints
    inner_first: Smalls
    inner_last: Smalls
    outer_first: Smalls
    outer_last: Smalls

    def take(self, index: Indices | Bools) -> Columns:
        """The elements of some of the blocks."""
        return Columns._make((self.middle, *(each[index] for each in self[1:])))

    def size(self, inner: bool) -> Ints:
        """Pixels of each element, shape (blocks,)."""
        _, _, inner_first, inner_last, first, last = self
        first, last = (inner_first, inner_last) if inner else (first, last)
        return np.asarray(np.maximum(last - first + 1, 0).sum(axis=1))

    def between(self) -> tuple[Ints, Ints, Ints, Ints]:
        """What is in the outer elements and not in the inner ones.

        Returns
        -------
        first, number : ndarray of int64, shape (blocks,)
            Where the steps of each block begin in the list of all, and how many they are.
        dy, dx : ndarray of int64
            The list.
        """
        _, _, inner_first, inner_last, first, last = self
        # Where the inner element has no column, all are on the one side.
        left = np.minimum(inner_first - 1, last)
        right = np.where(inner_last < first, NONE, inner_last + 1)
        begin = np.stack([first, right], axis=2).astype(np.int64)
        number = np.maximum(np.stack([left, last], axis=2) - begin + 1, 0)
        end, dx = ragged_ranges(begin.ravel(), number.ravel())
        dy = end // 2 % first.shape[1] - self.middle
        of_block = number.sum(axis=(1, 2))
        return np.cumsum(of_block) - of_block, of_block, dy, dx


def columns_of(element: Element) -> Columns:
    """The elements of blocks."""
    reach = element.metrics.reach[0]
    middle = int(reach.max())
    dy = np.arange(-middle, middle + 1)
    (first, last), (sure_first, sure_last) = element.guess(dy)
    # Where nothing is sure the row is asked from the middle of what is perhaps.
    nothing = sure_first > sure_last
    half_way = (first + last) >> 1
    sure_first, sure_last = (
        np.where(nothing, half_way + 1, sure_first),
        np.where(nothing, half_way, sure_last),
    )
    first, sure_first = _asked(element, dy, first, sure_first, -1)
    last, sure_last = _asked(element, dy, last, sure_last, 1)
    return Columns(middle, reach, *_or_none(sure_first, sure_last), *_or_none(first, last))


def _asked(element: Element, dy: Ints, outer: Ints, inner: Ints, sign: int) -> Ends:
    """The ends of rows on one side, between what is perhaps and what is surely in the shape: the last column
    that is perhaps in it, and the last before one that is not sure.
    """
    number = np.maximum(sign * (outer - inner), 0).ravel()
    row, step = ragged_ranges(1, number)
    dx = inner.ravel()[row] + sign * step
    block, place = np.divmod(row, len(dy))
    parts = [slice(low, low + _AT_ONCE) for low in range(0, max(len(row), 1), _AT_ONCE)]
    told = [element.told(block[part], dy[place[part]], dx[part]) for part in parts]
    perhaps, surely = (np.concatenate(each) for each in zip(*told, strict=True))
    reached, sure = np.zeros(len(number), dtype=np.int64), number.copy()
    np.maximum.at(reached, row[perhaps], step[perhaps])
    np.minimum.at(sure, row[~surely], step[~surely] - 1)
    return inner + sign * reached.reshape(inner.shape), inner + sign * sure.reshape(inner.shape)


def _or_none(first: Ints, last: Ints) -> tuple[Smalls, Smalls]:
    none = first > last
    return np.where(none, NONE, first).astype(np.int32), np.where(none, -NONE, last).astype(np.int32)
