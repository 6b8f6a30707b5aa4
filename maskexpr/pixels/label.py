"""Connected-component labelling of pieces of two rows by union-find, and a sieve for noise before it.

Rows are taken in pairs. In a column the two pixels of a pair touch, so what is connected within a pair is a
stretch of columns, a *piece*: it begins where no pixel of the column before touches one of the column. Pieces
follow each other as runs do in a row, are found by as few shifts, and there are half as many.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Ints, Words
from ..core.once import once
from .runs import Runs, between, connect, unpack_into
from .words import (
    WORD,
    Labels,
    Marks,
    Places,
    Stored,
    ends_of,
    list_bits,
    list_places,
    pack,
    place_type,
    places_of,
    shifted,
    starts_of,
    words_shape,
)

__all__ = ["LabelledBlock", "Pieces", "is_held", "lonely", "paint", "sieve"]

# Pixels along a side of a cell: those of a byte.
_SIDE = 8


class Pieces(NamedTuple):
    """The pieces of a block in ascending order, and the component of each that may be kept, or -1; of
    neighbours in one component the first stands for all.

    ``start`` is the place of the first column of a piece, counted in the pairs of rows (see `_pairs`): all
    pixels from there to where the next one starts are of its component. ``bits`` are the pixels of the
    padded block.
    """

    shape: tuple[int, ...]
    bits: Stored
    start: Places
    label: Labels
    n_labels: int

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.bits.nbytes + self.start.nbytes + self.label.nbytes


class _Rows(NamedTuple):
    """Bits of one row of each pair, or of both united, and the first pixels of their runs."""

    words: Words
    starts: Words


class LabelledBlock:
    """The connected components of a block: its pixels as bits, its pieces, and the component of each.

    Parameters
    ----------
    shape : tuple of int
        Shape of the block, (planes..., ny, nx).
    words : ndarray of uint64
        Its pixels, as `maskexpr.pixels.words.pack` gives them.
    full : bool
        Whether pixels that touch at a corner (and, across planes, at an edge or corner) are connected; else
        only those that share a side.

    Attributes
    ----------
    n_labels : int
        How many components there are.
    """

    def __init__(self, shape: tuple[int, ...], words: Words, full: bool) -> None:
        self.shape = shape
        self.words = words
        upper, lower = (_Rows(each, starts_of(each)) for each in _pairs(words, shape))
        either = upper.words | lower.words
        if full:
            starts = starts_of(either)
        else:
            # Not the first of its run, in one row or the other.
            starts = either & ~((upper.words ^ upper.starts) | (lower.words ^ lower.starts))
        self._rows = upper, lower
        self._starts = Marks(starts)
        self._word, self._below = list_bits(starts)
        if full:
            upper, lower = (each._replace(words=each.words | shifted(each.words)) for each in (upper, lower))
            either |= shifted(either)
        ways = _ways(_pairs_shape(shape), upper, lower, _Rows(either, starts) if full else None)
        touching = [self._touching(*each) for each in ways]
        one, other = (np.concatenate(each) for each in zip(*touching, strict=True))
        self.n_labels, self._label = connect(len(self._word), one, other)

    def label_at(self, place: Places) -> Labels:
        """Component of each place of the padded block, from 0; -1 where nothing is selected.

        Examples
        --------
        >>> block = LabelledBlock((1, 1, 3), pack(np.array([[[1, 0, 1]]], dtype=bool)), full=False)
        >>> block.label_at(np.array([0, 1, 2])).tolist()
        [0, -1, 1]
        """
        out = np.full(len(place), -1, dtype=np.int32)
        on = np.flatnonzero(is_held(self.words, place))
        out[on] = self._label[self._starts.number_to(self._in_pairs(place[on])) - 1]
        return out

    def sizes(self) -> Ints:
        """Pixels of each component, shape (n_labels,)."""
        upper, lower = (row.words for row in self._rows)
        number = np.bitwise_count(upper) + np.bitwise_count(lower)
        until = np.cumsum(number, dtype=np.int64)
        # Pixels before each piece: of the words before its own, and of this those before its first column.
        before = (until - number).take(self._word)
        left = self._below >> np.uint64(1)
        before += np.bitwise_count(upper.take(self._word) & left)
        before += np.bitwise_count(lower.take(self._word) & left)
        out = np.zeros(self.n_labels, dtype=np.int64)
        np.add.at(out, self._label, np.diff(before, append=until[-1]))
        return out

    @once
    def runs(self) -> Runs:
        """The runs of the rows."""
        start, end = (list_places(each(self.words)) for each in (starts_of, ends_of))
        return Runs(start, end, self.label_at(start))

    def first_pixels(self) -> Ints:
        """Place of the first pixel of each component, shape (n_labels,)."""
        first = np.zeros(self.n_labels, dtype=np.int64)
        # Of equal indices the last assignment holds, so go backwards.
        first[self.runs.label[::-1]] = self.runs.start[::-1]
        return first

    def pieces(self, held: Bools) -> Pieces:
        """The pieces, with components numbered anew.

        Parameters
        ----------
        held : ndarray of bool, shape (n_labels,)
            Which components; of the others it is forgotten which they are.
        """
        number = int(np.count_nonzero(held))
        new = np.where(held, np.cumsum(held) - 1, -1).astype(np.int32)
        label = new[self._label]
        first = np.ones(len(label), dtype=bool)
        np.not_equal(label[1:], label[:-1], out=first[1:])
        on = np.flatnonzero(first)
        start = places_of(self._word[on], self._below[on]).astype(place_type(WORD * len(self._starts.words)))
        return Pieces(self.shape, Stored.of(self.words), start, label[on], number)

    def _in_pairs(self, place: Places) -> Ints:
        """Places of the padded block as places in pairs of rows."""
        width = WORD * words_shape(self.shape)[-1]
        line = place // width
        plane, y = np.divmod(line, self.shape[-2] + 1)
        found: Ints = (plane * _pairs_shape(self.shape)[-2] + (y >> 1) - line) * width + place
        return found

    def _touching(self, one: _Rows, other: _Rows, step: int) -> tuple[Ints, Ints]:
        """Pieces of which pixels in one row and in another, so many words later, touch.

        What two runs have in common begins at the first pixel of one of them.
        """
        both = one.starts[:-step] | other.starts[step:]
        both &= one.words[:-step]
        both &= other.words[step:]
        word, below = list_bits(both)
        return self._number(word, below), self._number(word + step, below)

    def _number(self, word: Ints, below: Words) -> Ints:
        """The piece that holds each of some bits, as `list_bits` gives them."""
        found: Ints = self._starts.before.take(word)
        found += np.bitwise_count(self._starts.words.take(word) & below)
        found -= 1
        return found


def _pairs_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the words of one row of each pair, with a pair of nothing at the end of each plane."""
    padded = words_shape(shape)
    return (*padded[:-2], (shape[-2] + 1) // 2 + 1, padded[-1])


def _pairs(words: Words, shape: tuple[int, ...]) -> Iterator[Words]:
    """The first and the second rows of all pairs."""
    rows = words.reshape(words_shape(shape))
    for first in (0, 1):
        some = rows[..., first : shape[-2] : 2, :]
        out = np.zeros(_pairs_shape(shape), dtype=words.dtype)
        out[..., : some.shape[-2], :] = some
        yield out.reshape(-1)


def _ways(
    shape: tuple[int, ...], upper: _Rows, lower: _Rows, either: _Rows | None
) -> Iterator[tuple[_Rows, _Rows, int]]:
    """Rows that touch in neighbouring pairs and planes: one, another, and the words between them.

    Parameters
    ----------
    shape : tuple of int
        Shape of the words in pairs.
    upper, lower : _Rows
        Rows of the pairs; where corners touch, each run one pixel longer.
    either : _Rows, optional
        Both rows, where corners touch.
    """
    row = shape[-1]
    strides = [prod(shape[i + 1 :]) for i in range(len(shape) - 2)]
    yield lower, upper, row
    if either is None:
        for stride in strides:
            yield upper, upper, stride
            yield lower, lower, stride
        return
    for way in product((-1, 0, 1), repeat=len(strides)):
        step = sum(map(int.__mul__, way, strides))
        if step > 0:
            yield either, either, step
            yield lower, upper, step + row
            yield upper, lower, step - row


def paint(pieces: Pieces, keep: Bools) -> Words:
    """The pixels of the components to keep, as bits of the padded block.

    Parameters
    ----------
    pieces : Pieces
        A labelled block.
    keep : ndarray of bool, shape (pieces.n_labels,)
        Which components to keep.

    Examples
    --------
    >>> block = LabelledBlock((1, 1, 3), pack(np.array([[[1, 0, 1]]], dtype=bool)), full=False)
    >>> paint(block.pieces(np.array([True, True])), np.array([False, True])).tolist()
    [4, 0]
    """
    shape, paired = words_shape(pieces.shape), _pairs_shape(pieces.shape)
    stays = np.append(keep, False)[pieces.label]
    turn = np.flatnonzero(np.diff(stays, prepend=False, append=False))
    # The last pair is of nothing.
    place = np.append(pieces.start, WORD * prod(paired) - 1)[turn]
    columns = between(prod(paired), place).reshape(paired)
    out = pieces.bits.all().reshape(shape).copy()
    for first in (0, 1):
        rows = out[..., first : pieces.shape[-2] : 2, :]
        rows &= columns[..., : rows.shape[-2], :]
    return out.reshape(-1)


def sieve(words: Words, known: Words, shape: tuple[int, ...], full: bool) -> Words:
    """A block without most of the components that hold none of some known pixels.

    Of noise most runs are in such components. Two things tell them quickly: a pixel that nothing touches,
    and, of cells of 8 x 8 pixels, a component without a known pixel. For pixels that touch are in cells that
    are the same or touch, so that a component of pixels lies in one of cells.

    Parameters
    ----------
    words, known : ndarray of uint64
        Bits of the padded block: its pixels, and those whose components are to stay.
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
    block = LabelledBlock(cells.shape, pack(cells), full)
    held = np.zeros(block.n_labels, dtype=bool)
    held[block.label_at(list_places(pack(_cells(known, shape))))] = True
    if held.all():
        return words
    stay = np.zeros_like(cells)
    kept = paint(block.pieces(held), np.ones(np.count_nonzero(held), dtype=bool))
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


def is_held(words: Words, place: Places) -> Words:
    """1 for each place whose bit is set, else 0."""
    held: Words = (words[place >> 6] >> (place & 63).astype(np.uint64)) & np.uint64(1)
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
    for step in _steps(shape, full):
        beside[step:] |= near[:-step]
        beside[:-step] |= near[step:]
    return words & ~beside


def _steps(shape: tuple[int, ...], full: bool) -> list[int]:
    """Words between a place and its neighbours in later rows and planes, columns apart."""
    strides = [prod(words_shape(shape)[i + 1 :]) for i in range(len(shape) - 1)]
    if not full:
        return [stride for stride, length in zip(strides, shape[:-1], strict=True) if length > 1]
    reach = [(-1, 0, 1) if length > 1 else (0,) for length in shape[:-1]]
    return sorted(step for way in product(*reach) if (step := sum(map(int.__mul__, way, strides))) > 0)
