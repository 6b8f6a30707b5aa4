"""Run-length encoding of boolean arrays: runs as a graph's nodes, and runs as bits and pixels again.

A *run* is an unbroken stretch of selected pixels in a row. Runs, not pixels, are the nodes of the graph whose
connected components are looked for, so the cost follows the number of runs. Arrays have the shape
``(planes..., ny, nx)``; planes that are to be linked are dimensions before the rows. Labelling a block is in
`maskexpr.pixels.label`, joining the blocks of a map in `maskexpr.pixels.join`.
"""

from __future__ import annotations

from math import prod
from typing import Final, NamedTuple

import numpy as np
import scipy

from ..core.arrays import Bools, Ints, Words
from .window import Window
from .words import WORD, Labels, Places, inner, padded_shape, words_shape

__all__ = [
    "Runs",
    "connect",
    "fill",
    "paint",
    "place_of",
    "run_places",
    "runs_from",
    "unpack_into",
    "words_of",
]

_ONE: Final = np.uint64(1)
# Words that are unpacked at a time: their pixels stay in the cache.
_BAND: Final = 1 << 12


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
    graph = scipy.sparse.csr_array((np.ones(len(other)), other, pointer), shape=(size, size))
    count, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
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


def runs_from(words: Words, starts: Words) -> Words:
    """Some pixels, with what follows them in their runs: all of it if they begin one.

    An addition does it: a carry goes from a pixel of a run through all that follow.
    """
    total = words + starts
    carry = np.flatnonzero(total < words)
    while len(carry):
        # Rows end with places that are not selected, and those take up any carry.
        carry += 1
        total[carry] += _ONE
        carry = carry[total[carry] == 0]
    return words & (~total | starts)


def words_of(size: int, place: Places) -> Words:
    """Words with the bits of some places, which are all different."""
    words = np.zeros(size, dtype=np.uint64)
    # Of different bits the sum is the union, and numpy adds faster than it unites.
    np.add.at(words, place >> 6, _ONE << (place.astype(np.uint64) & np.uint64(WORD - 1)))
    return words


def fill(shape: tuple[int, ...], start: Places, end: Places) -> Words:
    """The pixels of some runs, given as places in the padded block, as its bits.

    Examples
    --------
    >>> fill((1, 1, 3), np.array([0, 2]), np.array([1, 3])).tolist()
    [5, 0]
    """
    size = prod(words_shape(shape))
    # Of two numbers of many words, the difference of 2**end and 2**start is the run between them.
    above, below = words_of(size, end), words_of(size, start)
    out = above - below
    borrow = np.flatnonzero(above < below)
    while len(borrow):
        borrow += 1
        empty = out[borrow] == 0
        out[borrow] -= _ONE
        borrow = borrow[empty]
    return out


def unpack_into(
    words: Words, shape: tuple[int, ...], plane: int, out: Bools, window: Window | None = None
) -> None:
    """Select pixels of one plane of a block in an array.

    Parameters
    ----------
    words : ndarray of uint64
        Bits of the padded block.
    plane : int
        Which plane, counted over all dimensions before the rows.
    out : ndarray of bool, shape ``window.shape``
        Rows without a selected pixel are not touched.
    window : Window, optional
        Which pixels of the plane; all by default.
    """
    y0, y1, x0, x1 = window or (0, shape[-2], 0, shape[-1])
    rows = words.reshape(words_shape(shape))[inner(shape)][np.unravel_index(plane, shape[:-2])]
    first, last = x0 // WORD, -(-x1 // WORD)
    skip = x0 - first * WORD
    rows = rows[y0:y1, first:last]
    height = max(1, _BAND // (last - first))
    for top in range(0, len(rows), height):
        band = rows[top : top + height]
        if band.any():
            octets = np.ascontiguousarray(band).view(np.uint8)
            bits = np.unpackbits(octets, axis=1, count=x1 - first * WORD, bitorder="little")
            out[top : top + height] |= bits[:, skip:].view(bool)
