"""Runs of selected pixels as bits again, and bits as pixels."""

from __future__ import annotations

from math import prod
from typing import Final

import numpy as np

from .window import Window
from .words import WORD, Bools, Places, Words, inner, words_shape

__all__ = ["fill", "runs_from", "unpack_into", "words_of"]

_ONE: Final = np.uint64(1)
# Words that are unpacked at a time: their pixels stay in the cache.
_BAND: Final = 1 << 12


def runs_from(words: Words, starts: Words) -> Words:
    """The runs that begin at some bits; all of these must begin a run.

    An addition does it: a carry goes from the first pixel of a run through all of them.
    """
    total = words + starts
    carry = np.flatnonzero(total < words)
    while len(carry):
        # Rows end with places that are not selected, and those take up any carry.
        carry += 1
        total[carry] += _ONE
        carry = carry[total[carry] == 0]
    return words & ~total


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
    shape : tuple of int
        Shape of the block.
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
