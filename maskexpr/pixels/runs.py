"""Connected components of boolean arrays by runs: what is made of a labelled block.

A *run* is an unbroken stretch of selected pixels in a row. Runs, not pixels, are the nodes of the graph whose
components are looked for, so the cost follows the number of runs. Arrays have the shape ``(planes..., ny,
nx)``; planes that are to be linked are dimensions before the rows. Labelling a block is in
`maskexpr.pixels.label`, joining the blocks of a map in `maskexpr.pixels.join`.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .runs_paint import fill
from .words import Bools, Ints, Labels, Places, Words, padded_shape

__all__ = ["Runs", "connect", "paint", "place_of", "run_places"]


class Runs(NamedTuple):
    """Runs of a block and the component that each belongs to.

    ``start`` and ``end`` (half open) are places of the padded block (see `maskexpr.pixels.words`), of 32 bits
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


def connect(size: int, one: Ints, other: Ints) -> tuple[int, Labels]:
    """Components of ``size`` things from pairs that belong together.

    Examples
    --------
    >>> count, label = connect(4, np.array([0, 3]), np.array([2, 2]))
    >>> count, label.tolist()
    (2, [0, 1, 0, 0])
    """
    if not len(one):
        return size, np.arange(size, dtype=np.int32)
    order = np.argsort(one, kind="stable")
    pointer = np.zeros(size + 1, dtype=np.int32)
    np.cumsum(np.bincount(one, minlength=size), out=pointer[1:])
    # Of the types in which scipy works, or it would make copies.
    other = other[order].astype(np.int32)
    graph = csr_array((np.ones(len(other)), other, pointer), shape=(size, size))
    count, label = connected_components(graph, directed=False)
    return int(count), label.astype(np.int32, copy=False)


def run_places(shape: tuple[int, ...], place: Places) -> tuple[Ints, Ints, Ints]:
    """Plane (counted over all dimensions before the rows), row and column of places of the padded block.

    Examples
    --------
    >>> [int(each[0]) for each in run_places((2, 3, 4), np.array([321]))]
    [1, 1, 1]
    """
    padded = padded_shape(shape)
    # A division by one number is fast; unravel_index divides by all of them in turn.
    line = place // padded[-1]
    x = (place - line * padded[-1]).astype(np.int64)
    if prod(padded[:-2]) == 1:
        return np.zeros(len(line), dtype=np.int64), line.astype(np.int64), x
    index = np.unravel_index(line, padded[:-1])
    return np.ravel_multi_index(index[:-1], shape[:-2]), index[-1].astype(np.int64), x


def place_of(shape: tuple[int, ...], plane: Ints, y: Ints, x: Ints) -> Ints:
    """Places of the padded block; the inverse of `run_places`."""
    index = (*np.unravel_index(plane, shape[:-2]), y, x)
    return np.ravel_multi_index(index, padded_shape(shape))


def paint(runs: Runs, keep: Bools) -> Words:
    """The pixels of the components to keep, as bits of the padded block.

    Parameters
    ----------
    runs : Runs
        A labelled block.
    keep : ndarray of bool, shape (runs.n_labels,)
        Which components to keep.

    Examples
    --------
    >>> runs = Runs((1, 1, 3), np.array([0, 2]), np.array([1, 3]), np.array([0, 1]), 2)
    >>> paint(runs, np.array([False, True])).tolist()
    [4, 0]
    """
    kept = keep[runs.label]
    return fill(runs.shape, runs.start[kept], runs.end[kept])
