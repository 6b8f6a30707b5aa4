"""Connected components of boolean arrays by runs: labelling one block, and painting it again.

A *run* is an unbroken stretch of selected pixels in a row. Runs, not pixels, are the nodes of the graph whose
components are looked for, so the cost follows the number of runs. Arrays have the shape ``(planes..., ny,
nx)``; planes that are to be linked are dimensions before the rows. Joining the blocks of a map is in
`maskexpr.labels_join`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .labels_bits import (
    WORD,
    Bools,
    Ints,
    Labels,
    Marks,
    Places,
    Words,
    ends_of,
    fill,
    list_places,
    pack,
    padded_shape,
    place_type,
    runs_from,
    shifted,
    starts_of,
    up_to,
    words_shape,
)
from .once import once

__all__ = [
    "Block",
    "Runs",
    "connect",
    "label_runs",
    "lonely",
    "paint",
    "place_of",
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


class Block:
    """A labelled block at work: its pixels as bits, and its runs.

    Parameters
    ----------
    shape : tuple of int
        Shape of the block, (planes..., ny, nx).
    words : ndarray of uint64
        Its pixels, as `maskexpr.labels_bits.pack` gives them.
    full : bool
        Whether pixels that touch at a corner (and, across planes, at an edge or corner) are connected; else
        only those that share a side.

    Attributes
    ----------
    start : ndarray of int64
        First place of each run.
    label : ndarray of int64
        Component of each run, from 0. The same for equal blocks, in any process.
    n_labels : int
        How many components there are.
    """

    def __init__(self, shape: tuple[int, ...], words: Words, full: bool) -> None:
        self.shape = shape
        self.words = words
        self._starts = Marks(starts_of(words))
        self.start = list_places(self._starts.words)
        self.n_labels, self.label = self._components(full)

    @once
    def end(self) -> Ints:
        """The place after each run."""
        return list_places(ends_of(self.words))

    def run_of(self, place: Places) -> Ints:
        """The run that holds each place of the padded block; -1 where none does.

        Examples
        --------
        >>> block = Block((1, 1, 3), pack(np.array([[[1, 0, 1]]], dtype=bool)), full=False)
        >>> block.run_of(np.array([0, 1, 2])).tolist()
        [0, -1, 1]
        """
        held = (self.words[place >> 6] >> (place & 63).astype(np.uint64)) & np.uint64(1)
        return np.where(held, self._starts.number_to(place) - 1, -1)

    def first_pixels(self) -> Ints:
        """Place of the first pixel of each component, shape (n_labels,)."""
        first = np.zeros(self.n_labels, dtype=np.int64)
        # Of equal indices the last assignment holds, so go backwards.
        first[self.label[::-1]] = self.start[::-1]
        return first

    def runs(self, held: Bools) -> Runs:
        """The runs of some components, numbered anew.

        Parameters
        ----------
        held : ndarray of bool, shape (n_labels,)
            Which components.
        """
        number = np.cumsum(held)
        of_run = held[self.label]
        start = self.start[of_run]
        end = list_places(ends_of(runs_from(self.words, start)))
        label = (number[self.label[of_run]] - 1).astype(np.int32)
        kind = place_type(prod(padded_shape(self.shape)))
        count = int(number[-1]) if len(number) else 0
        return Runs(self.shape, start.astype(kind), end.astype(kind), label, count)

    def _components(self, full: bool) -> tuple[int, Ints]:
        """How many components there are, and that of each run.

        A run hangs on one that touches it in an earlier row, and so from run to run on the first one of a
        tree; only where a run touches more than that, trees are to be connected.
        """
        parent = np.arange(len(self.start))
        left = [(parent[:0], parent[:0])]
        for later, earlier in self._touching(full):
            # Of equal indices one assignment holds; the others are left.
            free = parent[later] == later
            parent[later[free]] = earlier[free]
            extra = parent[later] != earlier
            left.append((later[extra], earlier[extra]))
        root = parent == np.arange(len(parent))
        while True:
            above = parent[parent]
            if np.array_equal(above, parent):
                break
            parent = above
        tree = (np.cumsum(root) - 1)[parent]
        one, other = (tree[np.concatenate(each)] for each in zip(*left, strict=True))
        apart = one != other
        count, of_tree = connect(int(np.count_nonzero(root)), one[apart], other[apart])
        return count, of_tree[tree]

    def _touching(self, full: bool) -> Iterator[tuple[Ints, Ints]]:
        """Pairs of runs that touch, (later, earlier), each pair once or twice.

        What two runs of neighbouring rows have in common begins at the first pixel of one of them; so it is
        enough to ask what lies above and below the first pixels. Runs that touch at corners too are those
        which have something in common if each is one pixel longer.
        """
        held = self.words | shifted(self.words) if full else self.words
        word, below = self.start >> 6, up_to(self.start)
        first = below ^ (below >> np.uint64(1))
        for step in steps(self.shape, full):
            # Runs are in order of their places: those whose step stays in the block are neighbours.
            low, high = np.searchsorted(word, (step, len(self.words) - step))
            for some, way in ((slice(low, None), -step), (slice(high), step)):
                there = word[some] + way
                hit = np.flatnonzero(held[there] & first[some])
                there = there[hit]
                run = self._starts.before[there] - 1
                run += np.bitwise_count(self._starts.words[there] & below[some][hit])
                yield (hit + low, run) if way < 0 else (run, hit)


def steps(shape: tuple[int, ...], full: bool) -> list[int]:
    """Words between a place and its neighbours in later rows and planes, columns apart."""
    strides = [prod(words_shape(shape)[i + 1 :]) for i in range(len(shape) - 1)]
    if not full:
        return [stride for stride, length in zip(strides, shape[:-1], strict=True) if length > 1]
    reach = [(-1, 0, 1) if length > 1 else (0,) for length in shape[:-1]]
    return sorted(step for way in product(*reach) if (step := sum(map(int.__mul__, way, strides))) > 0)


def lonely(words: Words, shape: tuple[int, ...], full: bool) -> Words:
    """Pixels that are components of their own, as bits.

    Examples
    --------
    >>> block = np.array([[[1, 0, 1, 1]]], dtype=bool)
    >>> lonely(pack(block), block.shape, full=True).tolist()
    [1]
    """
    beside = shifted(words)
    behind = words >> np.uint64(1)
    behind[:-1] |= words[1:] << np.uint64(WORD - 1)
    beside |= behind
    near = words | beside if full else words
    for step in steps(shape, full):
        beside[step:] |= near[:-step]
        beside[:-step] |= near[step:]
    return words & ~beside


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
    made = Block(block.shape, pack(block), full)
    return made.runs(np.ones(made.n_labels, dtype=bool))


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
    >>> runs = label_runs(np.array([[[1, 0, 1]]], dtype=bool), full=False)
    >>> paint(runs, np.array([False, True])).tolist()
    [4]
    """
    kept = keep[runs.label]
    return fill(runs.shape, runs.start[kept], runs.end[kept])
