"""Connected components of boolean arrays by runs: labelling one block, and painting it again.

A *run* is an unbroken stretch of selected pixels in a row. Runs, not pixels, are the nodes of the graph whose
components are looked for, so the cost follows the number of runs. Arrays have the shape ``(planes..., ny,
nx)``; planes that are to be linked are dimensions before the rows. Joining the blocks of a map is in
`maskexpr.labels_join`.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .labels_bits import Bools, Ints, Labels, Marks, Places, borders, fill, list_places, padded_shape

__all__ = [
    "Runs",
    "connect",
    "first_pixels",
    "label_runs",
    "paint",
    "place_of",
    "run_of",
    "run_places",
]


class Runs(NamedTuple):
    """Runs of a block and the component that each belongs to.

    ``start`` and ``end`` (half open) are places of the padded block (see `maskexpr.labels_bits`), of 32 bits
    where these hold them all.
    """

    shape: tuple[int, ...]
    start: Places
    end: Places
    label: Labels
    n_labels: int

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.start.nbytes + self.end.nbytes + self.label.nbytes


def label_runs(block: Bools, full: bool) -> Runs:
    """Label the components of a block.

    Parameters
    ----------
    block : ndarray of bool, shape (planes..., ny, nx)
        Selected pixels.
    full : bool
        Whether pixels that touch at a corner (and, across planes, at an edge or corner) are connected; else
        only those that share a side.

    Returns
    -------
    Runs
        Labels from 0. The same for equal blocks, in any process.

    Examples
    --------
    >>> block = np.array([[[1, 0, 1], [0, 1, 0]]], dtype=bool)
    >>> label_runs(block, full=False).n_labels, label_runs(block, full=True).n_labels
    (3, 1)
    """
    starts, ends = borders(block)
    start, end = list_places(starts, ends)
    if not len(start):
        return Runs(block.shape, start, end, np.zeros(0, dtype=np.int32), 0)
    slack = 1 if full else 0
    of_start, of_end = Marks(starts), Marks(ends)
    # A run is touched by those that end beyond its start and start before its end.
    pairs = [
        _pairs(of_end.number_before(start + (step - slack + 1)), of_start.number_before(end + (step + slack)))
        for step in _steps(block.shape, full)
    ]
    if len(pairs) == 1:
        number, other = pairs[0]
    else:
        one, other = (np.concatenate(each) for each in zip(*((_rows(n), j) for n, j in pairs), strict=True))
        order = np.argsort(one, kind="stable")
        number, other = np.bincount(one, minlength=len(start)), other[order]
    count, label = _components(number, other)
    return Runs(block.shape, start, end, label, count)


def _rows(number: Places) -> Ints:
    return np.repeat(np.arange(len(number)), number)


def _steps(shape: tuple[int, ...], full: bool) -> list[int]:
    """Additions that lead from a place to its neighbours in later rows and planes, columns apart."""
    padded = padded_shape(shape)
    strides = [prod(padded[i + 1 :]) for i in range(len(padded) - 1)]
    if not full:
        return [stride for stride, length in zip(strides, shape[:-1], strict=True) if length > 1] or strides[
            -1:
        ]
    reach = [(-1, 0, 1) if length > 1 else (0,) for length in shape[:-1]]
    return (
        sorted(step for way in product(*reach) if (step := sum(map(int.__mul__, way, strides))) > 0)
        or strides[-1:]
    )


def _pairs(low: Places, high: Places) -> tuple[Places, Places]:
    """How many runs from ``low`` to before ``high`` there are for each run, and which, one run after the
    other.
    """
    number = np.maximum(high - low, 0)
    total = np.cumsum(number, dtype=low.dtype)
    return number, np.arange(total[-1], dtype=low.dtype) + np.repeat(low - (total - number), number)


def _components(number: Places, other: Places) -> tuple[int, Labels]:
    size = len(number)
    pointer = np.zeros(size + 1, dtype=other.dtype)
    np.cumsum(number, out=pointer[1:])
    # Of the type in which scipy works, or it would make a copy.
    graph = csr_array((np.ones(len(other)), other, pointer), shape=(size, size))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int32, copy=False)


def connect(size: int, one: Ints, other: Ints) -> tuple[int, Labels]:
    """Components of ``size`` things from pairs that belong together.

    Examples
    --------
    >>> count, label = connect(4, np.array([0, 3]), np.array([2, 2]))
    >>> count, label.tolist()
    (2, [0, 1, 0, 0])
    """
    if not size:
        return 0, np.zeros(0, dtype=np.int32)
    order = np.argsort(one, kind="stable")
    return _components(np.bincount(one, minlength=size), other[order])


def run_of(runs: Runs, place: Places) -> Ints:
    """The run that holds each place of the padded block; -1 where none does.

    Examples
    --------
    >>> runs = label_runs(np.array([[[1, 0, 1]]], dtype=bool), full=False)
    >>> run_of(runs, np.array([0, 1, 2])).tolist()
    [0, -1, 1]
    """
    found = np.searchsorted(runs.start, place, side="right") - 1
    held = (found >= 0) & (place < np.append(runs.end, 0)[found])
    return np.where(held, found, -1)


def run_places(runs: Runs, place: Places) -> tuple[Ints, Ints, Ints]:
    """Plane (counted over all dimensions before the rows), row and column of places of the padded block.

    Examples
    --------
    >>> runs = label_runs(np.zeros((2, 3, 4), dtype=bool), full=False)
    >>> [int(each[0]) for each in run_places(runs, np.array([33]))]
    [1, 0, 1]
    """
    padded = padded_shape(runs.shape)
    # A division by one number is fast; unravel_index divides by all of them in turn.
    line = place // padded[-1]
    x = (place - line * padded[-1]).astype(np.int64)
    if prod(padded[:-2]) == 1:
        return np.zeros(len(line), dtype=np.int64), line.astype(np.int64), x
    index = np.unravel_index(line, padded[:-1])
    return np.ravel_multi_index(index[:-1], runs.shape[:-2]), index[-1].astype(np.int64), x


def place_of(runs: Runs, plane: Ints, y: Ints, x: Ints) -> Ints:
    """Places of the padded block; the inverse of `run_places`."""
    index = (*np.unravel_index(plane, runs.shape[:-2]), y, x)
    return np.ravel_multi_index(index, padded_shape(runs.shape))


def first_pixels(runs: Runs) -> Places:
    """Place of the first pixel of each component, shape (count,)."""
    first = np.zeros(runs.n_labels, dtype=runs.start.dtype)
    # Of equal indices the last assignment holds, so go backwards.
    first[runs.label[::-1]] = runs.start[::-1]
    return first


def paint(runs: Runs, keep: Bools) -> Bools:
    """The pixels of the components to keep, in the shape of the block.

    Parameters
    ----------
    runs : Runs
        A labelled block.
    keep : ndarray of bool, shape (runs.n_labels,)
        Which components to keep.

    Examples
    --------
    >>> runs = label_runs(np.array([[[1, 0, 1]]], dtype=bool), full=False)
    >>> paint(runs, np.array([False, True])).tolist()
    [[[False, False, True]]]
    """
    kept = keep[runs.label]
    return fill(runs.shape, runs.start[kept], runs.end[kept])
