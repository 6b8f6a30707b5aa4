"""Bit-packed boolean arrays, 64 pixels a word, and the run-length encoding read off them by shifts.

Places are those of a *padded* block, which has unselected places at the end of each dimension but the first:
so a run never touches the next row's, and a step to a neighbour is one addition. Rows are whole words of 64
places, so that a step to another row or plane moves words and no bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Ints, Words

__all__ = [
    "WORD",
    "Labels",
    "Marks",
    "Places",
    "Stored",
    "empty_words",
    "ends_of",
    "find_runs",
    "inner",
    "join_planes",
    "list_bits",
    "list_places",
    "pack",
    "pack_rows",
    "padded_shape",
    "place_type",
    "places_of",
    "shifted",
    "starts_of",
    "words_shape",
]

Labels = NDArray[np.int32]
Places = NDArray[np.signedinteger[Any]]

WORD: Final = 64
"""Places in a word."""
# Words are little-endian, so that the first of eight bytes of packed pixels holds the lowest bits.
_TYPE: Final = np.dtype("<u8")
_ONE: Final = np.uint64(1)
_LAST: Final = np.uint64(WORD - 1)
# If more bits than so many to a word are set, all are unpacked; words of a band stay in the cache.
_MANY: Final = 4
_BAND: Final = 1 << 14


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
        found: Ints = self.before[word] + np.bitwise_count(self.words[word] & _up_to(place))
        return found


def list_places(words: Words) -> Ints:
    """The places of the bits that are set, ascending.

    Examples
    --------
    >>> list_places(np.array([0b1010, 1], dtype=np.uint64)).tolist()
    [1, 3, 64]
    """
    number = np.bitwise_count(words)
    return _places_of_many(words) if _are_many(number) else places_of(*_bits_of_few(words, number))


def list_bits(words: Words) -> tuple[Ints, Words]:
    """The bits that are set, ascending: which word each is in, and the bits of this up to it.

    Examples
    --------
    >>> [each.tolist() for each in list_bits(np.array([0b1010, 1], dtype=np.uint64))]
    [[0, 0, 1], [3, 15, 1]]
    """
    number = np.bitwise_count(words)
    if not _are_many(number):
        return _bits_of_few(words, number)
    place = _places_of_many(words)
    return place >> 6, _up_to(place)


def _are_many(number: NDArray[np.uint8]) -> bool:
    return int(number.sum(dtype=np.int64)) > _MANY * len(number)


def _places_of_many(words: Words) -> Ints:
    """Bits by unpacking all words, a band after the other."""
    found = []
    for first in range(0, len(words), _BAND):
        bits = np.unpackbits(words[first : first + _BAND].view(np.uint8), bitorder="little")
        found.append(np.flatnonzero(bits.view(bool)) + first * WORD)
    return np.concatenate(found)


def _bits_of_few(words: Words, number: NDArray[np.uint8]) -> tuple[Ints, Words]:
    """The lowest bit of every word, then the next, in words that are left."""
    below = np.empty(int(number.sum(dtype=np.int64)), dtype=np.uint64)
    # Of booleans numpy lists those that hold much faster than of numbers.
    busy = np.flatnonzero(words != 0)
    words, number = words[busy], number[busy]
    word = np.repeat(busy, number)
    at = np.cumsum(number, dtype=np.int64) - number
    while len(words):
        less = words - _ONE
        below[at] = words ^ less
        words = words & less
        left = np.flatnonzero(words != 0)
        words, at = words[left], at[left] + 1
    return word, below


def _up_to(place: Places) -> Words:
    """The bits of a place's word up to the place itself."""
    return ~np.uint64(0) >> (_LAST - (place.astype(np.uint64) & _LAST))


def places_of(word: Ints, below: Words) -> Ints:
    """Places of bits that `list_bits` gives."""
    found: Ints = (word << 6) + np.bitwise_count(below)
    found -= 1
    return found


class Stored(NamedTuple):
    """Words that are kept: where few of them hold a bit, only those and which they are.

    Examples
    --------
    >>> Stored.of(np.array([0, 0, 5], dtype=np.uint64)).all().tolist()
    [0, 0, 5]
    """

    size: int
    place: Places | None
    words: Words

    @classmethod
    def of(cls, words: Words) -> Stored:
        """The words themselves where they are many: nobody may change them."""
        busy = np.flatnonzero(words != 0)
        if 2 * len(busy) > len(words):
            return cls(len(words), None, words)
        return cls(len(words), busy.astype(place_type(len(words))), words[busy])

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.words.nbytes + (0 if self.place is None else self.place.nbytes)

    def all(self) -> Words:
        """All words."""
        if self.place is None:
            return self.words
        words = np.zeros(self.size, dtype=self.words.dtype)
        words[self.place] = self.words
        return words


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
