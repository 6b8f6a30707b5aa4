"""Run-length encoding of boolean arrays, components of graphs, and bits as pixels again.

A *run* is an unbroken stretch of selected pixels in a row. Arrays have the shape ``(planes..., ny, nx)``;
planes that are to be linked are dimensions before the rows. Labelling a block is in `maskexpr.pixels.label`,
joining the blocks of a map in `maskexpr.pixels.join`.
"""

from __future__ import annotations

from math import prod
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Ints, Words
from .window import Window
from .words import WORD, Labels, Places, inner, padded_shape, words_shape

__all__ = [
    "Runs",
    "between",
    "connect",
    "place_of",
    "run_places",
    "unpack_into",
    "words_of",
]

_ONE: Final = np.uint64(1)
# Words that are unpacked at a time: their pixels stay in the cache.
_BAND: Final = 1 << 12


class Runs(NamedTuple):
    """Runs of a block in ascending order, half open, as places of the padded block (see
    `maskexpr.pixels.words`), and the component that each belongs to.
    """

    start: Places
    end: Places
    label: Labels


def connect(size: int, one: Ints, other: Ints) -> tuple[int, Labels]:
    """Components of ``size`` things from pairs that belong together, numbered by their first things.

    Union-find without a loop over pairs: each thing hangs on the first of those before it that it is paired
    with, pointer jumping finds the roots, and roots that pairs still join are connected in turn. Two rounds
    leave at most half of the roots that are not alone.

    Examples
    --------
    >>> count, label = connect(4, np.array([0, 3]), np.array([2, 2]))
    >>> count, label.tolist()
    (2, [0, 1, 0, 0])
    """
    here = np.arange(size)
    if not len(one):
        return size, here.astype(np.int32)
    parent = here.copy()
    np.minimum.at(parent, np.maximum(one, other), np.minimum(one, other))
    while True:
        above = parent.take(parent)
        if np.array_equal(above, parent):
            break
        parent = above
    roots = np.flatnonzero(parent == here)
    number = np.empty_like(parent)
    number[roots] = here[: len(roots)]
    tree = number.take(parent)
    one, other = tree.take(one), tree.take(other)
    apart = np.flatnonzero(one != other)
    count, label = connect(len(roots), one.take(apart), other.take(apart))
    return count, label.take(tree)


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


def words_of(size: int, place: Places) -> Words:
    """Words with the bits of some places, which are all different."""
    words = np.zeros(size, dtype=np.uint64)
    # Of different bits the sum is the union, and numpy adds faster than it unites.
    np.add.at(words, place >> 6, _ONE << (place.astype(np.uint64) & np.uint64(WORD - 1)))
    return words


def between(size: int, turns: Places) -> Words:
    """Words with the places from the first to the second of some ascending ones, from the third to the
    fourth, and so on, half open.

    Examples
    --------
    >>> between(2, np.array([0, 2, 62, 65])).tolist()
    [13835058055282163715, 1]
    """
    # Prefix parity: in each word by steps that double, then over words.
    words = words_of(size, turns)
    for i in range(6):
        words ^= words << np.uint64(1 << i)
    odd = words >> np.uint64(WORD - 1)
    before = np.cumsum(odd, dtype=np.uint64) - odd
    words ^= np.uint64(0) - (before & _ONE)
    return words


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
