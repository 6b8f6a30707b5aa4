"""Leaving out components of which nothing is kept, before they are labelled."""

from __future__ import annotations

import numpy as np

from .label import Block, steps
from .runs import paint
from .runs_paint import unpack_into
from .words import WORD, Bools, Words, list_places, pack, shifted, words_shape

__all__ = ["lonely", "sieve"]

# Pixels along a side of a cell: those of a byte.
_SIDE = 8


def sieve(words: Words, known: Words, shape: tuple[int, ...], full: bool) -> Words:
    """A block without most of the components that hold none of some known pixels.

    Of noise most runs are in such components. Two things tell them quickly: a pixel that nothing touches,
    and, of cells of 8 x 8 pixels, a component without a known pixel. For pixels that touch are in cells that
    are the same or touch, so that a component of pixels lies in one of cells.

    Parameters
    ----------
    words, known : ndarray of uint64
        Bits of the padded block: its pixels, and those whose components are to stay.
    shape : tuple of int
        Shape of the block.
    full : bool
        Whether pixels that touch at a corner are connected.

    Examples
    --------
    >>> block = np.array([[[1, 1, 0, 1], [0, 0, 0, 0]]], dtype=bool)
    >>> known = np.array([[[1, 0, 0, 0], [0, 0, 0, 0]]], dtype=bool)
    >>> sieve(pack(block), pack(known), block.shape, full=False).tolist()
    [3, 0, 0]
    """
    known = known & words
    words = words & ~(lonely(words, shape, full) & ~known)
    cells = _cells(words, shape)
    block = Block(cells.shape, pack(cells), full)
    held = np.zeros(block.n_labels, dtype=bool)
    held[block.labels_of(block.run_of(list_places(pack(_cells(known, shape)))))] = True
    if held.all():
        return words
    runs, stay = block.runs(held), np.zeros_like(cells)
    kept = paint(runs, np.ones(runs.n_labels, dtype=bool))
    for plane, part in enumerate(stay.reshape(-1, *stay.shape[-2:])):
        unpack_into(kept, stay.shape, plane, part)
    rows = words_shape(shape)[-2]
    octets = np.repeat(-stay.view(np.uint8), _SIDE, axis=-2)[..., :rows, :]
    return words & np.ascontiguousarray(octets).reshape(-1).view(words.dtype)


def _cells(words: Words, shape: tuple[int, ...]) -> Bools:
    """Which cells of the planes of the padded block hold a pixel."""
    rows = words.reshape(words_shape(shape))
    united = np.bitwise_or.reduceat(rows, np.arange(0, rows.shape[-2], _SIDE), axis=-2)
    held: Bools = united.view(np.uint8) != 0
    return held


def lonely(words: Words, shape: tuple[int, ...], full: bool) -> Words:
    """Pixels that are components of their own, as bits.

    Examples
    --------
    >>> block = np.array([[[1, 0, 1, 1]]], dtype=bool)
    >>> lonely(pack(block), block.shape, full=True).tolist()
    [1, 0]
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
