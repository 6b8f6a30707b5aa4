"""Boolean arrays as bits: where runs of selected pixels begin and end, and painting them again.

Places are those of a *padded* block, which has unselected places at the end of each dimension but the first:
so a run never touches the next row's, and a step to a neighbour is one addition. Rows are whole words of 64
places, so that a step to another row or plane moves words and no bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .window import Window

__all__ = [
    "WORD",
    "Bools",
    "Ints",
    "Labels",
    "Marks",
    "Places",
    "Words",
    "empty_words",
    "ends_of",
    "fill",
    "find_runs",
    "inner",
    "join_planes",
    "list_places",
    "pack",
    "pack_rows",
    "padded_shape",
    "place_type",
    "runs_from",
    "shifted",
    "starts_of",
    "unpack_into",
    "up_to",
    "words_of",
    "words_shape",
]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Labels = NDArray[np.int32]
Places = NDArray[np.signedinteger[Any]]
Words = NDArray[np.uint64]

WORD: Final = 64
"""Places in a word."""
# Words are little-endian, so that the first of eight bytes of packed pixels holds the lowest bits.
_TYPE: Final = np.dtype("<u8")
_ONE: Final = np.uint64(1)
_LAST: Final = np.uint64(WORD - 1)
# Words that are unpacked at a time: their pixels stay in the cache.
_BAND: Final = 1 << 12


def padded_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a block with unselected places at the end of each dimension but the first: one more plane or
    row, and columns up to whole words.

    Examples
    --------
    >>> padded_shape((1, 4, 5)), padded_shape((1, 4, 64))
    ((1, 5, 64), (1, 5, 128))
    """
    return (shape[0], *(length + 1 for length in shape[1:-1]), shape[-1] // WORD * WORD + WORD)


def words_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the words of the padded block.

    Examples
    --------
    >>> words_shape((1, 4, 64))
    (1, 5, 2)
    """
    padded = padded_shape(shape)
    return (*padded[:-1], padded[-1] // WORD)


def find_runs(block: Bools) -> tuple[Places, Places]:
    """First and one past last pixel of each run, as places in the padded block, in ascending order.

    Parameters
    ----------
    block : ndarray of bool, shape (planes..., ny, nx)
        At least three dimensions.

    Examples
    --------
    >>> start, end = find_runs(np.array([[[0, 1, 1], [1, 0, 1]]], dtype=bool))
    >>> start.tolist(), end.tolist()
    ([1, 64, 66], [3, 65, 67])
    """
    words = pack(block)
    return list_places(starts_of(words)), list_places(ends_of(words))


def place_type(size: int) -> type[np.signedinteger[Any]]:
    """The type of places that are kept: it holds twice as many as there are, so that one may be added to
    another.
    """
    return np.int32 if 2 * size < 2**31 else np.int64


class Marks:
    """Places of a padded block as bits, which can be counted.

    Parameters
    ----------
    words : ndarray of uint64
        One bit for each place.

    Examples
    --------
    >>> Marks(np.array([0b1010, 1], dtype=np.uint64)).number_to(np.array([0, 1, 63, 64])).tolist()
    [0, 1, 2, 3]
    """

    def __init__(self, words: Words) -> None:
        self.words = words
        number = np.bitwise_count(words)
        self.before: Ints = np.cumsum(number, dtype=np.int64) - number

    def number_to(self, place: Places) -> Ints:
        """How many of the places are at most each of others, which are in the block."""
        word = place >> 6
        found: Ints = self.before[word] + np.bitwise_count(self.words[word] & up_to(place))
        return found


def up_to(place: Places) -> Words:
    """The bits of a place's word up to the place itself.

    Examples
    --------
    >>> up_to(np.array([0, 65])).tolist()
    [1, 3]
    """
    return ~np.uint64(0) >> (_LAST - (place.astype(np.uint64) & _LAST))


def list_places(words: Words) -> Ints:
    """The places of the bits that are set, ascending.

    Examples
    --------
    >>> list_places(np.array([0b1010, 1], dtype=np.uint64)).tolist()
    [1, 3, 64]
    """
    number = np.bitwise_count(words)
    at = np.cumsum(number, dtype=np.int64)
    found = np.empty(at[-1] if len(at) else 0, dtype=np.int64)
    busy = np.flatnonzero(words)
    words, at, first = words[busy], (at - number)[busy], busy << 6
    # The lowest bit of every word, then the next, in words that are left.
    while len(words):
        rest = words & (words - _ONE)
        found[at] = first + np.bitwise_count((words ^ rest) - _ONE)
        left = np.flatnonzero(rest)
        words, at, first = rest[left], at[left] + 1, first[left]
    return found


def empty_words(shape: tuple[int, ...]) -> Words:
    """Bits of a padded block without a selected pixel, shape `words_shape`."""
    return np.zeros(words_shape(shape), dtype=_TYPE)


def pack(block: Bools) -> Words:
    """The pixels as bits of the padded block, shape (n,)."""
    words = empty_words(block.shape)
    pack_rows(block, words[inner(block.shape)])
    return words.reshape(-1)


def pack_rows(rows: Bools, words: Words) -> None:
    """Write rows of pixels into rows of words, of which there may be more."""
    packed = np.packbits(rows, axis=-1, bitorder="little")
    words.view(np.uint8)[(*(slice(n) for n in packed.shape),)] = packed


def inner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Which planes and rows of the padded block are those of the block."""
    return (slice(None), *(slice(length) for length in shape[1:-1]))


def join_planes(shape: tuple[int, ...], planes: Sequence[Words]) -> Words:
    """The bits of a block from those of its planes, each a padded block (1, ny, nx)."""
    if len(shape) == 3 and len(planes) == 1:
        return planes[0]
    words = empty_words(shape)
    lead = words[inner(shape)]
    for place, plane in zip(np.ndindex(*shape[:-2]), planes, strict=True):
        lead[place] = plane.reshape(words_shape((1, *shape[-2:])))[0, :-1]
    return words.reshape(-1)


def starts_of(words: Words) -> Words:
    """First pixels of runs, as bits."""
    return words & ~shifted(words)


def ends_of(words: Words) -> Words:
    """The places after runs, as bits."""
    return shifted(words) & ~words


def shifted(words: Words) -> Words:
    """The bits one place further."""
    out = words << _ONE
    out[1:] |= words[:-1] >> _LAST
    return out


def runs_from(words: Words, start: Places) -> Words:
    """The runs that begin at some places, as bits; all of them must begin a run.

    An addition does it: a carry goes from the first pixel of a run through all of them.
    """
    total = words + words_of(len(words), start)
    carry = np.flatnonzero(total < words)
    while len(carry):
        # Rows end with places that are not selected, and those take up any carry.
        carry += 1
        total[carry] += _ONE
        carry = carry[total[carry] == 0]
    return words & ~total


def words_of(size: int, place: Places) -> Words:
    """Words with the bits of some places, which are all different."""
    words = np.zeros(size, dtype=_TYPE)
    # Of different bits the sum is the union, and numpy adds faster than it unites.
    np.add.at(words, place >> 6, _ONE << (place.astype(np.uint64) & _LAST))
    return words


def fill(shape: tuple[int, ...], start: Places, end: Places) -> Words:
    """The pixels of some runs, given as places in the padded block, as its bits.

    Examples
    --------
    >>> fill((1, 1, 3), np.array([0, 2]), np.array([1, 3])).tolist()
    [5]
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
