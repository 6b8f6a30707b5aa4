"""Digests of large arrays, at nearly the speed at which memory is read.

A cryptographic hash of half a gigabyte takes a third of a second, as long as what is done with the data.
Nobody attacks here: equal names must stand for equal values, and different values, however much alike, must
get different ones. So blocks of words are first reduced to sums, of which a cryptographic hash is made.

A block is a table of words. Each word is folded (``x ^ x >> 29``, which loses nothing) and multiplied by an
odd number of its own; of the products the rows and the columns are summed, modulo 2**64. Both steps are
one-to-one, so a change of one word changes the sums of its row and its column for certain, and so does any
change that is the only one in its row or its column of the block. What is left are changes of four words and
more, at the corners of rectangles, which cancel in all their rows and columns. A difference with z zeros at
the end, times a key, is a given number for at most one in 2**(63 - z) keys, and a rectangle takes three such
chances. Numbers that are alike differ in the upper bits of their halves of a word; folding brings these down,
so that z is 34 for one sign, and less than that for nearly everything else.
"""

from __future__ import annotations

import hashlib
from functools import cache
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Words
from .threads import busy_threads, in_threads

__all__ = ["array_digest"]

# Bytes that are reduced in one piece; like the shape of a block, part of what a digest means.
_PIECE: Final = 1 << 22
_ROWS, _COLUMNS = 64, 1024
_WORDS: Final = _ROWS * _COLUMNS
_FOLD: Final = np.uint64(29)
# 2**64 over the golden ratio: odd, and its powers are far apart.
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
# numpy lets go of the interpreter, so that pieces go side by side; more threads gain nothing over the speed
# of memory.
_THREADS: Final = 4


def array_digest(array: NDArray[Any]) -> str:
    """Digest of type, shape and values, whatever their byte order and their order in memory; the same in
    every process.

    Parameters
    ----------
    array : ndarray
        Numbers or bool, at least one dimension.

    Examples
    --------
    >>> len(array_digest(np.arange(5.0)))
    64
    """
    rows = array.reshape(prod(array.shape[:-1]), array.shape[-1])
    step = max(1, _PIECE // max(1, rows[:1].nbytes))
    dtype = array.dtype.newbyteorder("<")

    def piece(first: int) -> bytes:
        values = np.ascontiguousarray(rows[first : first + step], dtype=dtype)
        return _piece(values.reshape(-1).view(np.uint8))

    whole = hashlib.sha256(f"{dtype.str}{array.shape}".encode())
    for each in in_threads(piece, range(0, len(rows), step), min(_THREADS, busy_threads()), apart=True):
        whole.update(each)
    return whole.hexdigest()


def _piece(octets: NDArray[np.uint8]) -> bytes:
    """Digest of some bytes; how many they are is told elsewhere."""
    sums = hashlib.sha256()
    keys, spare = _keys(), np.empty(_WORDS, dtype=np.uint64)
    columns = np.zeros(_COLUMNS, dtype=np.uint64)
    for first in range(0, len(octets), 8 * _WORDS):
        block = octets[first : first + 8 * _WORDS]
        if len(block) < 8 * _WORDS:
            block = np.concatenate([block, np.zeros(8 * _WORDS - len(block), dtype=np.uint8)])
        words = block.view("<u8")
        np.right_shift(words, _FOLD, out=spare)
        np.bitwise_xor(words, spare, out=spare)
        np.multiply(spare, keys, out=spare)
        table = spare.reshape(_ROWS, _COLUMNS)
        columns *= _STEP
        columns += np.add.reduce(table, axis=0)
        sums.update(np.add.reduce(table, axis=1).astype("<u8").data)
    sums.update(columns.astype("<u8").data)
    return sums.digest()


@cache
def _keys() -> Words:
    """Odd numbers without a pattern, one for each word of a block (the generator is splitmix64)."""
    keys = np.arange(1, _WORDS + 1, dtype=np.uint64) * _STEP
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        keys ^= keys >> np.uint64(shift)
        keys *= np.uint64(factor)
    keys ^= keys >> np.uint64(31)
    return keys | np.uint64(1)
