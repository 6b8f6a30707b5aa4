"""Sets of HEALPix cells as ranges of numbers: cheap where cells lie together, whatever their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.arrays import Bools, Ints
from ...core.errors import MaskTypeError, MaskValueError
from ...core.names import described, hint_of
from .faces import number_of
from .mocs import bare_numbers, moc_cells
from .ranges import coarser, merged

__all__ = ["CellSet"]

# Cells are looked up in a table of bits if they are spread over at most so many times their number.
_HINTS = {
    "SkyRegion": "HpxGeom.from_mask(maskexpr.Region(region), order)",
    "Grid": "the cells of a grid are geom.cells",
    "SkyCoord": "HpxGeom.from_mask(maskexpr.Catalog(positions, radius), order)",
}
"""What to write instead of an object of a class, or of one below it."""
_SPREAD = 8


class CellSet:
    """Some nested cells of one order, in ascending order.

    Parameters
    ----------
    order : int
    ranges : ndarray of int64, shape (n, 2)
        Half open, ascending, not touching.
    """

    def __init__(self, order: int, ranges: Ints) -> None:
        self.order = order
        self.ranges = np.array(ranges, dtype=np.int64, order="C").reshape(-1, 2)
        self.ranges.flags.writeable = False
        length = self.ranges[:, 1] - self.ranges[:, 0]
        self._before = np.concatenate([[0], np.cumsum(length)])
        self.number = int(self._before[-1])

    @classmethod
    def whole(cls, order: int) -> CellSet:
        """All cells."""
        return cls(order, np.array([[0, number_of(order)]]))

    @classmethod
    def of(cls, order: int, cells: Any) -> CellSet:
        """The cells that a user gives: numbers, shape (n,), half-open ranges of them, shape (n, 2), or a MOC
        (a `Moc` or a `mocpy.MOC`).

        Raises
        ------
        MaskTypeError
            For what is no whole numbers, or has a unit.
        MaskValueError
            For cells that are masked or not there, or a MOC of a higher order, whose cells are parts of a
            grid's.

        Examples
        --------
        >>> CellSet.of(1, [5, 4, 9]).ranges.tolist()
        [[4, 6], [9, 10]]
        """
        levels = 0
        moc = moc_cells(cells)
        if moc is not None:
            cells, levels = _of_moc(order, *moc)
        elif hasattr(cells, "plan"):
            raise MaskTypeError("the cells of a mask are HpxGeom.from_mask(mask, order)")
        given = bare_numbers(cells, "cells")
        if given.size and (given.dtype.kind not in "iu" or given.ndim not in (1, 2)):
            got = described(cells) if given.dtype == object else f"{given.dtype} of shape {given.shape}"
            hint = hint_of(cells, _HINTS)
            raise MaskTypeError(
                "cells must be whole numbers of shape (n,), half-open ranges of shape (n, 2), or a Moc, got "
                f"{got}{hint and ': '}{hint}"
            )
        if given.ndim == 2 and given.shape[1] != 2:
            raise MaskValueError(f"ranges of cells have the shape (n, 2), got {given.shape}")
        if given.size and (given.max() > number_of(order) or given.min() < 0):
            raise MaskValueError(
                f"cells of order {order} are from 0 to {number_of(order) - 1}, "
                f"got {given.min()} to {given.max()}"
            )
        ranges = given.astype(np.int64)
        if ranges.ndim == 1:
            ranges = np.sort(ranges)
            ranges = np.stack([ranges, ranges + 1], axis=1)
        if (ranges[:, 1] < ranges[:, 0]).any():
            raise MaskValueError("a half-open range of cells ends before it begins")
        made = cls(order, merged(ranges << 2 * levels))
        if not made.number:
            raise MaskValueError("a grid has at least one cell, got none")
        if made.ranges[-1, 1] > number_of(order):
            raise MaskValueError(f"order {order} has no cell {number_of(order)}: its cells count from 0")
        return made

    @property
    def is_whole(self) -> bool:
        """Whether it is all cells."""
        return self.number == number_of(self.order)

    def rank(self, ids: Ints) -> Ints:
        """How many cells of the set come before each cell."""
        i = np.searchsorted(self.ranges[:, 0], ids, side="right") - 1
        at = np.maximum(i, 0)
        length = self._before[at + 1] - self._before[at]
        return np.where(i < 0, 0, self._before[at] + np.minimum(ids - self.ranges[at, 0], length))

    def number_in(self, levels: int, parents: Ints) -> Ints:
        """How many cells of the set are in each of some parent cells, so many orders lower."""
        return np.asarray(self.rank(parents + 1 << 2 * levels) - self.rank(parents << 2 * levels))

    def holds(self, ids: Ints) -> Bools:
        """Which cells are in the set, of the shape of ``ids``; -1 is in none."""
        if self.is_whole:
            return np.asarray(ids >= 0)
        if not ids.size:
            return np.zeros(ids.shape, dtype=bool)
        low, high = int(ids.min()), int(ids.max()) + 1
        if high - low <= _SPREAD * ids.size:
            # A table of all cells between: a look-up instead of a search for each.
            return self.between(low, high)[ids - low]
        i = np.searchsorted(self.ranges[:, 0], ids, side="right") - 1
        return np.asarray((i >= 0) & (ids < self.ranges[np.maximum(i, 0), 1]))

    def between(self, low: int, high: int) -> Bools:
        """Which cells of a range are in the set, shape (high - low,)."""
        first = int(np.searchsorted(self.ranges[:, 1], low, side="right"))
        last = int(np.searchsorted(self.ranges[:, 0], high, side="left"))
        out = np.zeros(high - low + 1, dtype=np.int8)
        start = np.maximum(self.ranges[first:last, 0], low) - low
        stop = np.minimum(self.ranges[first:last, 1], high) - low
        out[start] = 1
        out[stop] -= 1
        return np.asarray(np.cumsum(out[:-1], dtype=np.int8).view(bool))

    def positions(self, ids: Ints) -> Ints:
        """Places of cells in the set, -1 for those that are not in it."""
        if self.is_whole:
            return ids
        return np.where(self.holds(ids), self.rank(ids), -1)

    def ids(self, start: int, stop: int) -> Ints:
        """The cells at places from ``start`` to ``stop``."""
        if self.is_whole:
            return np.arange(start, stop)
        place = np.arange(start, stop)
        i = np.searchsorted(self._before, place, side="right") - 1
        return np.asarray(self.ranges[i, 0] + place - self._before[i])

    def parents(self, levels: int) -> CellSet:
        """The cells some orders lower that hold any of the set."""
        if self.is_whole:
            return CellSet.whole(self.order - levels)
        return CellSet(self.order - levels, coarser(self.ranges, levels, whole=False))


def _of_moc(order: int, ranges: Ints, own: int) -> tuple[Ints, int]:
    """Ranges of a MOC, and how many orders lower than the grid's their cells are."""
    if own <= order:
        return ranges, order - own
    raise MaskValueError(
        f"the Moc is of order {own} and the grid of order {order}: its cells are parts of the grid's. "
        f"Take HpxGeom.from_mask(moc, order={order}), the cells whose centres are in it"
    )
