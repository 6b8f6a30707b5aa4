"""Interval sets: sorted, disjoint, half-open ranges of whole numbers, and set algebra on them by sorting.

A set of nested HEALPix cells of one order is such ranges, since the descendants of a cell are consecutive:
a cell of a coarser order is one range. All arrays are int64 of shape (n, 2), from and to.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import Ints

__all__ = [
    "cells_by_order",
    "coarser",
    "complement",
    "finer",
    "intersection",
    "meeting",
    "merged",
    "of_cells",
    "runs_of",
    "union",
]


def merged(ranges: Ints) -> Ints:
    """The same numbers as sorted ranges that neither overlap nor touch, without the empty ones.

    Parameters
    ----------
    ranges : ndarray of int64, shape (n, 2)
        In any order; they may overlap.

    Examples
    --------
    >>> merged(np.array([[4, 6], [0, 2], [5, 9], [2, 3], [7, 7]])).tolist()
    [[0, 3], [4, 9]]
    """
    if (ranges[:, 0] < ranges[:, 1]).all() and (ranges[1:, 0] > ranges[:-1, 1]).all():
        return ranges
    # What is put together from pieces that are sorted: stable sorts find such.
    start, stop = (np.sort(each, kind="stable") for each in ranges.T)
    # Before the i-th to begin as many have begun; there is a gap if the last of as many ends lies before it.
    first = np.ones(len(start), dtype=bool)
    np.greater(start[1:], stop[:-1], out=first[1:])
    last = np.ones(len(start), dtype=bool)
    last[:-1] = first[1:]
    found = np.stack([start[first], stop[last]], axis=1)
    some = found[:, 0] < found[:, 1]
    return found if some.all() else found[some]


def of_cells(cells: Ints) -> Ints:
    """Ranges of single numbers, in any order and perhaps repeated.

    Examples
    --------
    >>> of_cells(np.array([7, 3, 4, 3])).tolist()
    [[3, 5], [7, 8]]
    """
    return merged(np.stack([cells, cells + 1], axis=1))


def runs_of(cells: Ints) -> Ints:
    """Ranges of numbers in the order in which they are given, each of those of which every one is followed by
    the next.

    Examples
    --------
    >>> runs_of(np.array([3, 4, 8, 7, 8])).tolist()
    [[3, 5], [8, 9], [7, 9]]
    """
    ends = np.ones(len(cells) + 1, dtype=bool)
    np.not_equal(cells[1:], cells[:-1] + 1, out=ends[1:-1])
    if not len(cells):
        return np.empty((0, 2), dtype=np.int64)
    return np.stack([cells[ends[:-1]], cells[ends[1:]] + 1], axis=1)


def union(one: Ints, other: Ints) -> Ints:
    """Numbers that are in either.

    Examples
    --------
    >>> union(np.array([[0, 2], [8, 9]]), np.array([[1, 5]])).tolist()
    [[0, 5], [8, 9]]
    """
    return merged(np.concatenate([one, other]))


def complement(ranges: Ints, number: int) -> Ints:
    """Numbers from 0 to less than ``number`` that are not in merged ranges.

    Examples
    --------
    >>> complement(np.array([[0, 2], [8, 9]]), 12).tolist()
    [[2, 8], [9, 12]]
    """
    edges = np.concatenate([[0], ranges.reshape(-1), [number]]).reshape(-1, 2)
    return edges[edges[:, 0] < edges[:, 1]]


def intersection(one: Ints, other: Ints) -> Ints:
    """Numbers that are in both of two merged sets: what two open ranges cover at once, along a line.

    Examples
    --------
    >>> intersection(np.array([[0, 5], [8, 9]]), np.array([[3, 10]])).tolist()
    [[3, 5], [8, 9]]
    """
    place = np.concatenate([one[:, 0], other[:, 0], one[:, 1], other[:, 1]])
    step = np.repeat([1, -1], [len(one) + len(other)] * 2)
    # At one place ends come before beginnings, so that ranges that only touch have nothing in common.
    order = np.lexsort((step, place))
    place, both = place[order], np.cumsum(step[order]) == 2
    first = np.flatnonzero(both)
    return np.stack([place[first], place[first + 1]], axis=1) if len(first) else one[:0]


def meeting(ranges: Ints, start: Ints, stop: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of some spans of numbers, not empty, have one in merged ranges, and which have all in them.

    Returns
    -------
    some, all : ndarray of bool

    Examples
    --------
    >>> [each.tolist() for each in meeting(np.array([[2, 6]]), np.array([0, 2, 6]), np.array([3, 6, 9]))]
    [[True, True, False], [False, True, False]]
    """
    edges = ranges.reshape(-1)
    before = np.searchsorted(edges, start, side="right")
    within = np.searchsorted(edges, stop, side="left")
    inside = before & 1 == 1
    return inside | (within > before), inside & (within == before)


def finer(ranges: Ints, orders: int) -> Ints:
    """The same cells in numbers of an order that is so much deeper."""
    return ranges << (2 * orders)


def coarser(ranges: Ints, orders: int, whole: bool) -> Ints:
    """Cells of an order that is so much less deep: those that lie in merged ranges as a whole, or all that
    have a part there.

    Examples
    --------
    >>> coarser(np.array([[3, 9]]), 1, whole=True).tolist(), coarser(np.array([[3, 9]]), 1, False).tolist()
    ([[1, 2]], [[0, 3]])
    """
    up, shift = (1 << (2 * orders)) - 1, 2 * orders
    start, stop = ranges[:, 0], ranges[:, 1]
    if whole:
        return merged(np.stack([(start + up) >> shift, stop >> shift], axis=1))
    return merged(np.stack([start >> shift, (stop + up) >> shift], axis=1))


def cells_by_order(ranges: Ints, order: int) -> list[Ints]:
    """The largest cells that make up merged ranges: for each order from 0 ranges of its cells, shape (n, 2).

    From the deepest order up, what is not whole cells of the order above stays: what is before the first of
    them, and after the last.

    Examples
    --------
    >>> [each.tolist() for each in cells_by_order(np.array([[3, 9], [16, 20]]), 1)]
    [[[1, 2], [4, 5]], [[3, 4], [8, 9]]]
    """
    found = []
    for _ in range(order):
        start, stop = ranges[:, 0], ranges[:, 1]
        above = np.stack([(start + 3) >> 2, stop >> 2], axis=1)
        some = above[:, 0] < above[:, 1]
        # Where there is none above, all of it is before the first.
        ends = np.stack([np.where(some, above[:, 0] << 2, stop), np.where(some, above[:, 1] << 2, stop)])
        rest = np.stack([start, ends[0], ends[1], stop], axis=1).reshape(-1, 2)
        found.append(rest[rest[:, 0] < rest[:, 1]])
        ranges = above[some]
    return [ranges, *reversed(found)]
