"""Ones' complement sums of 32 bits: the checksums of the FITS standard, its appendix J, whole and by tiles.

The sum of an image is that of its words, so it is also the sum of what its tiles add to it, in any order.
"""

from __future__ import annotations

from math import gcd
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools

__all__ = ["folded", "ones_sum", "sealed_header", "tile_sum", "words_sum"]

_MOST: Final = 0xFFFFFFFF
_PIECE: Final = 1 << 22
# Of a byte of eight packed pixels, the bits of those at places 0, 1, 2 and 3 modulo 4.
_BITS: Final = (0x88, 0x44, 0x22, 0x11)
_ZEROS: Final = b"0" * 16
# The standard wants letters and digits only.
_ODD: Final = frozenset([*range(0x3A, 0x41), *range(0x5B, 0x61)])


def folded(total: int) -> int:
    """A sum with what is carried beyond 32 bits added to its end.

    Examples
    --------
    >>> folded((1 << 32) + 5)
    6
    """
    while total > _MOST:
        total = (total & _MOST) + (total >> 32)
    return total


def ones_sum(file: IO[bytes], size: int) -> int:
    """The sum of the next bytes of a file, whose number is a multiple of 4.

    Examples
    --------
    >>> import io
    >>> ones_sum(io.BytesIO(bytes([255, 255, 255, 255, 0, 0, 0, 2])), 8)
    2
    """
    total = 0
    while size > 0 and (piece := file.read(min(size, _PIECE))):
        size -= len(piece)
        words = np.frombuffer(piece + bytes(-len(piece) % 4), ">u4")
        total = folded(total + int(words.sum(dtype=np.uint64)))
    return total


def tile_sum(values: Bools, start: int, width: int) -> int:
    """What a tile adds to the sum of an image of bytes: its selected pixels, by their place in a word.

    Parameters
    ----------
    values : ndarray of bool, shape (ny, nx)
        The tile.
    start : int
        Place of its first pixel among the bytes of the image.
    width : int
        Bytes from one row of the image to the next.

    Examples
    --------
    >>> tile_sum(np.array([[True, False], [False, True]]), 2, 8) == (1 << 8) + 1
    True
    """
    bits = np.packbits(values, axis=1)
    period, total = 4 // gcd(width, 4), 0
    for first in range(min(period, len(bits))):
        # Of these rows the first pixels lie at the same place in a word.
        rows = bits[first::period]
        for place, mask in enumerate(_BITS):
            number = int(np.bitwise_count(rows & np.uint8(mask)).sum(dtype=np.int64))
            total += number << (8 * (3 - (start + first * width + place) % 4))
    return folded(total)


def words_sum(pixels: NDArray[np.uint8]) -> int:
    """What a tile of pixels of 4 bytes adds to the sum of an image, from its bytes.

    Examples
    --------
    >>> words_sum(np.array([[0, 0, 0, 2, 0, 0, 1, 0]], dtype=np.uint8))
    258
    """
    return folded(int(pixels.view(">u4").sum(dtype=np.uint64)))


def sealed_header(cards: bytes, data_sum: int) -> bytes:
    """A header with the card CHECKSUM filled in, which holds 16 zeros.

    Parameters
    ----------
    cards : bytes
        The header, padded.
    data_sum : int
        Sum of the data.
    """
    words = np.frombuffer(cards, ">u4")
    total = folded(int(words.sum(dtype=np.uint64)) + data_sum)
    return cards.replace(b"'" + _ZEROS + b"'", b"'" + _encoded(_MOST - total) + b"'", 1)


def _encoded(value: int) -> bytes:
    """A number as 16 letters and digits whose sum is that number."""
    letters = bytearray(16)
    for i in range(4):
        byte = (value >> (24 - 8 * i)) & 0xFF
        four: list[Any] = [byte // 4 + 0x30 + byte % 4, *[byte // 4 + 0x30] * 3]
        while any(each in _ODD for each in four):
            for j in (0, 2):
                if four[j] in _ODD or four[j + 1] in _ODD:
                    four[j] += 1
                    four[j + 1] -= 1
        letters[i::4] = bytes(four)
    # The text begins at the last byte of a word.
    return bytes(letters[-1:] + letters[:-1])
