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
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

__all__ = [
    "Runs",
    "connect",
    "fill",
    "find_runs",
    "first_pixels",
    "label_runs",
    "paint",
    "run_of",
    "run_places",
]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Labels = NDArray[np.int32]

_WORD = 8


class Runs(NamedTuple):
    """Runs of a block and the component that each belongs to.

    ``start`` and ``end`` (half open) count pixels of the *padded* block, which has one unselected place more
    at the end of each dimension but the first: so a run never touches the next row's, and a step to a
    neighbour is one addition.
    """

    shape: tuple[int, ...]
    start: Ints
    end: Ints
    label: Labels
    n_labels: int


def padded_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a block with one place more at the end of each dimension but the first.

    Examples
    --------
    >>> padded_shape((1, 4, 5))
    (1, 5, 6)
    """
    return (shape[0], *(length + 1 for length in shape[1:]))


def find_runs(block: Bools) -> tuple[Ints, Ints]:
    """First and one past last pixel of each run, as places in the padded block, in ascending order.

    Parameters
    ----------
    block : ndarray of bool, shape (planes..., ny, nx)
        At least three dimensions.

    Examples
    --------
    >>> start, end = find_runs(np.array([[[0, 1, 1], [1, 0, 1]]], dtype=bool))
    >>> start.tolist(), end.tolist()
    ([1, 4, 6], [3, 5, 7])
    """
    shape = padded_shape(block.shape)
    # A place before the first, so that each change is between a place and the one before it; whole words at
    # the end.
    size = prod(shape)
    flat = np.zeros(-(-(size + 1) // _WORD) * _WORD + 1, dtype=bool)
    inner = flat[1 : size + 1].reshape(shape)
    inner[(slice(None), *(slice(length) for length in block.shape[1:]))] = block
    changes = _nonzero(flat[1:] != flat[:-1])
    return changes[0::2], changes[1::2]


def _nonzero(flags: Bools) -> Ints:
    """Places of the few that are True; eight are looked at together. The size is a multiple of eight."""
    words = np.flatnonzero(flags.view(np.uint64))
    if len(words) * 4 > len(flags) // _WORD:
        return np.flatnonzero(flags)
    row, column = np.nonzero(flags.reshape(-1, _WORD)[words])
    return words[row] * _WORD + column


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
    start, end = find_runs(block)
    if not len(start):
        return Runs(block.shape, start, end, np.zeros(0, dtype=np.int32), 0)
    slack = 1 if full else 0
    pairs = [_touching(start, end, step, slack) for step in _steps(block.shape, full)]
    if len(pairs) == 1:
        number, other = pairs[0]
    else:
        one, other = (np.concatenate(each) for each in zip(*((_rows(n), j) for n, j in pairs), strict=True))
        order = np.argsort(one, kind="stable")
        number, other = np.bincount(one, minlength=len(start)), other[order]
    count, label = _components(number, other)
    return Runs(block.shape, start, end, label, count)


def _rows(number: Ints) -> Ints:
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


def _touching(start: Ints, end: Ints, step: int, slack: int) -> tuple[Ints, Ints]:
    """How many runs each run touches after a step, and which, one run after the other."""
    low = np.searchsorted(end, start + (step - slack), side="right")
    high = np.searchsorted(start, end + (step + slack), side="left")
    number = np.maximum(high - low, 0)
    total = np.cumsum(number)
    return number, np.arange(total[-1]) + np.repeat(low - (total - number), number)


def _components(number: Ints, other: Ints) -> tuple[int, Labels]:
    size = len(number)
    pointer = np.zeros(size + 1, dtype=np.int64)
    np.cumsum(number, out=pointer[1:])
    graph = csr_array((np.ones(len(other), dtype=np.int8), other, pointer), shape=(size, size))
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


def run_of(runs: Runs, place: Ints) -> Ints:
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


def run_places(runs: Runs, place: Ints) -> tuple[Ints, Ints, Ints]:
    """Plane (counted over all dimensions before the rows), row and column of places of the padded block.

    Examples
    --------
    >>> runs = label_runs(np.zeros((2, 3, 4), dtype=bool), full=False)
    >>> [int(each[0]) for each in run_places(runs, np.array([21]))]
    [1, 0, 1]
    """
    index = np.unravel_index(place, padded_shape(runs.shape))
    plane = np.ravel_multi_index(index[:-2], runs.shape[:-2])
    return plane, index[-2], index[-1]


def first_pixels(runs: Runs) -> Ints:
    """Place of the first pixel of each component, shape (count,)."""
    first = np.zeros(runs.n_labels, dtype=np.int64)
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


def fill(shape: tuple[int, ...], start: Ints, end: Ints) -> Bools:
    """A block with the pixels of some runs, given in ascending order as places in the padded block.

    Examples
    --------
    >>> fill((1, 1, 3), np.array([0, 2]), np.array([1, 3])).tolist()
    [[[True, False, True]]]
    """
    padded = padded_shape(shape)
    bounds = np.empty(2 * len(start) + 2, dtype=np.int64)
    bounds[0], bounds[-1] = 0, prod(padded)
    bounds[1:-1:2], bounds[2:-1:2] = start, end
    value = np.zeros(len(bounds) - 1, dtype=bool)
    value[1::2] = True
    flat = np.repeat(value, np.diff(bounds))
    inner = flat.reshape(padded)[(slice(None), *(slice(length) for length in shape[1:]))]
    return np.ascontiguousarray(inner)
