"""Boolean arrays as bits: where runs of selected pixels begin and end, and painting them again.

Places are those of a *padded* block, which has unselected places at the end of each dimension but the first:
so a run never touches the next row's, and a step to a neighbour is one addition.
"""

from __future__ import annotations

from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Bools",
    "Ints",
    "Labels",
    "Marks",
    "Places",
    "Words",
    "borders",
    "fill",
    "find_runs",
    "list_places",
    "padded_shape",
]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Labels = NDArray[np.int32]
Places = NDArray[np.signedinteger[Any]]
Words = NDArray[np.uint64]

# Words are little-endian, so that the first of eight bytes of packed pixels holds the lowest bits.
_WORD: Final = np.dtype("<u8")
_BITS: Final = 64
# Words that are unpacked at a time: their pixels stay in the cache.
_BAND: Final = 1 << 14


def padded_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a block with unselected places at the end of each dimension but the first: one more plane or
    row, and columns up to whole bytes of bits.

    Examples
    --------
    >>> padded_shape((1, 4, 5)), padded_shape((1, 4, 8))
    ((1, 5, 8), (1, 5, 16))
    """
    return (shape[0], *(length + 1 for length in shape[1:-1]), shape[-1] // 8 * 8 + 8)


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
    ([1, 8, 10], [3, 9, 11])
    """
    return list_places(*borders(block))


def _place_type(size: int) -> type[np.signedinteger[Any]]:
    """The type of places: it holds twice as many as there are, so that one may be added to another."""
    return np.int32 if 2 * size < 2**31 else np.int64


class Marks:
    """Places of a padded block as bits, which can be counted.

    Parameters
    ----------
    words : ndarray of uint64
        One bit for each place; the last bit is not set.

    Examples
    --------
    >>> Marks(np.array([0b1010, 1], dtype=np.uint64)).number_before(np.array([1, 2, 64, 65])).tolist()
    [0, 1, 2, 3]
    """

    def __init__(self, words: Words) -> None:
        self._words = words
        self._last = _BITS * len(words) - 1
        number = np.bitwise_count(words)
        self._before = np.cumsum(number, dtype=_place_type(_BITS * len(words))) - number

    def number_before(self, place: Places) -> Places:
        """How many of the places are less than each of others, which need not be in the block."""
        place = np.minimum(place, self._before.dtype.type(self._last))
        word = place >> 6
        below = (np.uint64(1) << (place & 63).astype(np.uint64)) - np.uint64(1)
        found: Places = self._before[word] + np.bitwise_count(self._words[word] & below)
        return found


def list_places(starts: Words, ends: Words) -> tuple[Places, Places]:
    """The places of starts and ends of runs, ascending; in one go, because they take turns."""
    words = starts | ends
    found = np.concatenate([_list(words, first) for first in range(0, len(words), _BAND)])
    return np.ascontiguousarray(found[0::2]), np.ascontiguousarray(found[1::2])


def _list(words: Words, first: int) -> Places:
    """Places of the bits that are set in a band of words."""
    size = _BITS * len(words)
    words = words[first : first + _BAND]
    busy = np.flatnonzero(words)
    few = len(busy) * 2 < len(words)
    bits = np.unpackbits((words[busy] if few else words).view(np.uint8), bitorder="little")
    place = np.flatnonzero(bits.view(bool))
    if few:
        place += (busy * _BITS - np.arange(0, len(bits), _BITS))[place // _BITS]
    place += first * _BITS
    return place.astype(_place_type(size))


def borders(block: Bools) -> tuple[Words, Words]:
    """First and one past last pixel of each run, as bits of the padded block."""
    shape = padded_shape(block.shape)
    size = prod(shape)
    packed = np.zeros((size // _BITS + 1) * (_BITS // 8), dtype=np.uint8)
    rows = packed[: size // 8].reshape(*shape[:-1], -1)
    width = -(-block.shape[-1] // 8)
    rows[(slice(None), *(slice(n) for n in block.shape[1:-1]), slice(width))] = np.packbits(
        block, axis=-1, bitorder="little"
    )
    bits = packed.view(_WORD)
    before = bits << np.uint64(1)
    before[1:] |= bits[:-1] >> np.uint64(_BITS - 1)
    return bits & ~before, before & ~bits


def fill(shape: tuple[int, ...], start: Places, end: Places) -> Bools:
    """A block with the pixels of some runs, given as places in the padded block.

    Examples
    --------
    >>> fill((1, 1, 3), np.array([0, 2]), np.array([1, 3])).tolist()
    [[[True, False, True]]]
    """
    padded = padded_shape(shape)
    size = prod(padded)
    border = np.zeros((size // _BITS + 1) * _BITS, dtype=bool)
    border[start] = True
    border[end] = True
    bits = np.packbits(border, bitorder="little").view(_WORD)
    # A pixel is selected if the number of borders up to it is odd: first within words, then before them.
    odd = np.cumsum(np.bitwise_count(bits), dtype=np.int64) & 1
    for shift in (1, 2, 4, 8, 16, 32):
        bits ^= bits << np.uint64(shift)
    bits[1:] ^= -odd[:-1].astype(np.uint64)
    rows = bits.view(np.uint8)[: size // 8].reshape(*padded[:-1], -1)
    inner = rows[(slice(None), *(slice(length) for length in shape[1:-1]))]
    return np.unpackbits(inner, axis=-1, count=shape[-1], bitorder="little").view(bool)
