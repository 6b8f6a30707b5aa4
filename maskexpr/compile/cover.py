"""Cover: the cells of HEALPix that a mask selects, by a quadtree descent with its three-valued coverage.

A cell that is decided is left as it is, with all its parts; the others are cut in four, down to the order
that is asked for. So the cost follows the length of the mask's edges in cells, not its area.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import numpy as np

from ..core.arrays import Ints
from ..core.coverage import FULL, MIXED, Coverage, invert
from ..core.threads import busy_threads, in_threads
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.healpix.areas import Cells
from ..grid.healpix.faces import MAX_ORDER, number_of
from ..grid.healpix.ranges import complement, finer, merged, runs_of
from ..grid.points import Points
from .evaluate import Evaluator

__all__ = ["Found", "centre_cover", "in_shares", "inner_cover", "need_no_grid", "open_cells", "outer_cover"]

T = TypeVar("T")

# Cells asked about in one go: bounds memory; fewer make calls so short that threads wait for each other.
_BATCH: Final = 1 << 16
# The order whose open cells are shared between threads, and the shares for each: they differ in work.
_SHARED: Final = 4
_SHARES: Final = 4
# Orders beyond the one asked for, down to which cells are searched for a part that is selected.
_DEEPER: Final = 7
# An edge leaves about so many parts of a cell open, times 2 for each order; a cell of which more are is one
# that nobody can tell.
_ALONG_EDGE: Final = 3


def need_no_grid(mask: Mask) -> None:
    """Refuse a mask that has a meaning only on a grid, or along an axis.

    Raises
    ------
    NeedsGridError, AxisError
        Of the node that is to blame.
    """
    none = Points(np.empty((3, 0)), "icrs")
    ask = Evaluator(mask)
    for each in postorder(mask):
        each.values(none, ask)


class Found(Protocol):
    """What keeps the cells that are found to lie in a mask."""

    def add(self, cells: Cells, which: Bools) -> None:
        """Keep some cells of an order."""


@dataclass
class _Ranges:
    """Cells of any order that are in a cover, as ranges of cells of one order."""

    order: int
    ranges: list[Ints] = field(default_factory=list)

    def add(self, cells: Cells, which: Bools) -> None:
        # One range of what follows each other: far fewer are sorted at the end.
        self.ranges.append(finer(runs_of(cells.ids[which]), self.order - cells.order))

    def merged(self) -> Ints:
        return merged(np.concatenate([np.empty((0, 2), dtype=np.int64), *self.ranges]))


def centre_cover(mask: Mask, order: int, frame: str = "icrs") -> Ints:
    """Merged ranges of the cells of an order, in a frame, whose centres a mask selects.

    Parameters
    ----------
    mask : Mask
        Simplified, with a meaning at bare points.
    """

    def select(cells: Cells) -> Bools:
        return Evaluator(mask).run(mask, cells.points)

    return _cover(mask, Cells.whole_sky(frame, centres_of=order), order, False, select)


def outer_cover(mask: Mask, order: int, flip: bool = False) -> Ints:
    """Merged ranges of all cells of an order that hold a point of a mask, and perhaps a few more.

    Parameters
    ----------
    mask : Mask
        Simplified, with a meaning at bare points.
    flip : bool
        Whether the complement is meant.
    """
    return _cover(mask, Cells.whole_sky(), order, flip, lambda cells: _hold_some(mask, cells, flip))


def _cover(mask: Mask, first: Cells, order: int, flip: bool, select: Callable[[Cells], Bools]) -> Ints:
    """Merged ranges of the cells that are FULL, and of those of the order, all MIXED, that are chosen."""
    found = _Ranges(order)

    def descend(cells: Cells) -> _Ranges:
        some = _Ranges(order)
        for each in open_cells(mask, cells, order, flip, some):
            some.add(each, select(each))
        return some

    for some in in_shares(mask, first, order, flip, found, descend):
        found.ranges += some.ranges
    return found.merged()


def in_shares(
    mask: Mask, first: Cells, order: int, flip: bool, found: Found, work: Callable[[Cells], T]
) -> list[T]:
    """The results of some work on the cells that are MIXED at a low order, at most the one that is asked for,
    by threads that share them; what is FULL before that is found.
    """
    threads, shares = busy_threads(), []
    for cells in open_cells(mask, first, min(order, _SHARED), flip, found):
        parts = np.array_split(np.arange(len(cells)), min(len(cells), _SHARES * threads) or 1)
        shares += [cells.take(part) for part in parts]
    return in_threads(work, shares, threads, apart=not any(each.waits for each in postorder(mask)))


def inner_cover(mask: Mask, order: int) -> Ints:
    """Merged ranges of the cells that lie in a mask as a whole: those that hold nothing of its complement."""
    return complement(outer_cover(mask, order, flip=True), number_of(order))


def open_cells(mask: Mask, first: Cells, order: int, flip: bool, found: Found) -> Iterator[Cells]:
    """Cells of an order that are MIXED, batch after batch; what is FULL is found."""
    stack = [first]
    while stack:
        cells = stack.pop()
        if cells.order == cells.centres_of:
            # To ask the centres is no dearer.
            yield cells
            continue
        cover = _coverage(mask, cells, flip)
        found.add(cells, cover == FULL)
        open_ = np.flatnonzero(cover == MIXED)
        if cells.order == order:
            yield cells.take(open_)
        else:
            # Depth first, so that few cells wait; the first of them last, to find them in order.
            parts = range(0, len(open_), _BATCH // 4)
            stack += [cells.split(open_[at : at + _BATCH // 4]) for at in reversed(parts)]


def _coverage(mask: Mask, cells: Cells, flip: bool) -> Coverage:
    cover = Evaluator(mask).classify(mask, cells)
    return invert(cover) if flip else cover


def _hold_some(mask: Mask, cells: Cells, flip: bool) -> Bools:
    """Which cells, all MIXED, hold a selected point, or cannot be told from such.

    Their centres are asked, and their vertices; then in the same way those of their parts that are not
    decided, down to some orders.
    """
    some = np.zeros(len(cells), dtype=bool)
    root, parts = np.arange(len(cells)), cells
    last = min(cells.order + _DEEPER, MAX_ORDER)
    while len(parts):
        for corners in (False, True):
            points = parts.corner_points() if corners else parts.points
            some[root[points.place[Evaluator(mask).run(mask, points) != flip]]] = True
            open_ = np.flatnonzero(~some[root])
            parts, root = parts.take(open_), root[open_]
        number = np.bincount(root, minlength=len(cells))
        some |= number > (0 if parts.order == last else _ALONG_EDGE << (parts.order - cells.order))
        open_ = np.flatnonzero(~some[root])
        parts, root = parts.split(open_), np.repeat(root[open_], 4)
        cover = _coverage(mask, parts, flip)
        some[root[cover == FULL]] = True
        open_ = np.flatnonzero((cover == MIXED) & ~some[root])
        parts, root = parts.take(open_), root[open_]
    return some
