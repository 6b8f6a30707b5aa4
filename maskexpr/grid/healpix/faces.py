"""Numbers of HEALPix cells in nested order: their faces, their places in them, and the staircase of faces.

A cell of an order is a number from 0 to ``12 * 4**order - 1`` (int64): its face, and the bits of its place in
the face in turn (Morton order), x to the north-east and y to the north-west, each from 0 to nside - 1.

The twelve faces lie on a staircase of 5 x 5 squares, all turned the same way, so that what touches along a
side on the staircase touches on the sky in just that way. The sum of a square's column and row is 3 in the
south, 4 at the equator and 5 in the north::

    row 4   4   0
    row 3   8   5   1
    row 2       9   6   2
    row 1          10   7   3
    row 0              11

On it column minus row counts longitude, and column plus row latitude. Beyond faces 3 and 11 faces 4, 0 and
8 follow once more.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...core.arrays import Ints
from ...core.errors import MaskValueError

__all__ = [
    "COLUMN",
    "FACES",
    "MAX_ORDER",
    "MIDDLE",
    "ROW",
    "SOUTH",
    "SQUARES",
    "WAYS",
    "check_order",
    "from_faces",
    "from_staircase",
    "number_of",
    "on_staircase",
    "over_side",
    "pieces",
    "spread_bits",
    "to_faces",
]

MAX_ORDER = 29
"""The highest order whose cells have numbers of 64 bits."""

MIDDLE = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])
"""Longitude of the middle of each face in units of 45 degrees."""

SOUTH = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
"""Distance of the southern corner of each face from the north pole in rings, by nside."""

SQUARES = 5
"""Squares of faces along a side of the staircase."""

WAYS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""Steps in x and y to the neighbours of a cell: south-west, west, north-west and on clockwise. Those in even
places lead over a side, those in odd ones over a corner.
"""

# Cells that are worked on at once: what is made in between stays in the cache.
_PIECE = 1 << 15
_MASKS = tuple(
    np.int64(mask)
    for mask in (
        0x5555555555555555,
        0x3333333333333333,
        0x0F0F0F0F0F0F0F0F,
        0x00FF00FF00FF00FF,
        0x0000FFFF0000FFFF,
        0x00000000FFFFFFFF,
    )
)
COLUMN = np.array([1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2, 3])
ROW = np.array([4, 3, 2, 1, 4, 3, 2, 1, 3, 2, 1, 0])
"""Square of the staircase of each face."""

FACES = np.full((6, 6), -1)
for _i in range(5):
    FACES[_i, 4 - _i] = 4 + _i % 4
    FACES[_i + 1, 4 - _i] = _i % 4
    FACES[_i, 3 - _i] = 8 + _i % 4
"""Face by column and row; those right of face 3 and 11 once more, row -1 as the last."""
# Faces over the sides of each face in the south-west, north-east, south-east and north-west.
_NEXT, _BEFORE, _SAME = np.array([1, 2, 3, 0]), np.array([3, 0, 1, 2]), np.arange(4)
_ACROSS = np.concatenate(
    [
        np.stack([4 + _SAME, _NEXT, 4 + _NEXT, _BEFORE], axis=1),
        np.stack([8 + _BEFORE, _SAME, 8 + _SAME, _BEFORE], axis=1),
        np.stack([8 + _BEFORE, 4 + _NEXT, 8 + _NEXT, 4 + _SAME], axis=1),
    ]
)


def check_order(order: int, what: str = "order") -> int:
    """An order of HEALPix, or an error.

    Raises
    ------
    MaskValueError
        If it is no whole number from 0 to 29.

    Examples
    --------
    >>> check_order(10)
    10
    """
    if isinstance(order, bool) or not isinstance(order, int | np.integer) or not 0 <= order <= MAX_ORDER:
        raise MaskValueError(
            f"{what} must be a whole number from 0 to {MAX_ORDER} (nside = 2**order), got {order!r}"
        )
    return int(order)


def number_of(order: int) -> int:
    """Number of cells of the whole sky.

    Examples
    --------
    >>> number_of(3)
    768
    """
    return 12 << 2 * order


def to_faces(order: int, ids: Ints) -> tuple[Ints, Ints, Ints]:
    """Face of cells and their place x, y in it, each from 0 to nside - 1.

    Examples
    --------
    >>> [each.tolist() for each in to_faces(1, np.array([0, 1, 2, 47]))]
    [[0, 0, 0, 11], [0, 1, 0, 1], [0, 0, 1, 1]]
    """
    return ids >> 2 * order, _take_even_bits(ids, order), _take_even_bits(ids >> 1, order)


def from_faces(order: int, face: Ints, x: Ints, y: Ints) -> Ints:
    """Cells at places of faces.

    Examples
    --------
    >>> from_faces(1, np.array([11]), np.array([1]), np.array([0])).tolist()
    [45]
    """
    return (face << 2 * order) + spread_bits(x, order) + (spread_bits(y, order) << 1)


def on_staircase(order: int, ids: Ints) -> tuple[Ints, Ints]:
    """Row and column of cells on the staircase of faces.

    Examples
    --------
    >>> [each.tolist() for each in on_staircase(0, np.arange(12))]
    [[4, 3, 2, 1, 4, 3, 2, 1, 3, 2, 1, 0], [1, 2, 3, 4, 0, 1, 2, 3, 0, 1, 2, 3]]
    """
    face, x, y = to_faces(order, ids)
    return (ROW[face] << order) + y, (COLUMN[face] << order) + x


def from_staircase(order: int, row: Ints, column: Ints) -> Ints:
    """Cells at rows and columns of the staircase that are on a face, also right of the last one.

    Examples
    --------
    >>> from_staircase(0, np.array([4, 0]), np.array([1, 4])).tolist()
    [0, 4]
    """
    within = (1 << order) - 1
    return from_faces(order, FACES[column >> order, row >> order], column & within, row & within)


def _take_even_bits(ids: Ints, count: int) -> Ints:
    """Every second bit, from the lowest on, put together (the inverse of Morton's)."""
    bits = ids & (_MASKS[0] & ((1 << 2 * count) - 1))
    moved = np.empty_like(bits)
    step = 0
    while 1 << step < count:
        np.right_shift(bits, 1 << step, out=moved)
        np.bitwise_or(bits, moved, out=bits)
        step += 1
        np.bitwise_and(bits, _MASKS[step], out=bits)
    return bits


def spread_bits(numbers: Ints, count: int) -> Ints:
    """Numbers with a zero put before each bit (Morton's)."""
    bits = np.array(numbers, dtype=np.int64)
    moved = np.empty_like(bits)
    step = max(count - 1, 0).bit_length()
    while step:
        step -= 1
        np.left_shift(bits, 1 << step, out=moved)
        np.bitwise_or(bits, moved, out=bits)
        np.bitwise_and(bits, _MASKS[step], out=bits)
    return bits


def over_side(side: int, face: Ints, x: Ints, y: Ints) -> tuple[Ints, Ints, Ints]:
    """Places seen from the face beyond the one side that they lie over, first of two by x."""
    by_x = (x < 0) | (x >= side)
    by_y = ~by_x & ((y < 0) | (y >= side))
    way = np.where(by_x, np.where(x < 0, 0, 1), np.where(y < 0, 2, 3))
    # Between polar faces, round the pole, a step turns by a right angle.
    turns = (by_x | by_y) & (_ACROSS[face, way] // 4 == face // 4)
    within = side - 1
    new_x = np.where(by_x, np.where(turns, y, x & within), np.where(turns, (-1 - y) & within, x))
    new_y = np.where(by_y, np.where(turns, x, y & within), np.where(turns, (-1 - x) & within, y))
    return np.where(by_x | by_y, _ACROSS[face, way], face), new_x, new_y


def pieces(number: int) -> Iterator[slice]:
    """Slices of a number of cells, each worked on at once."""
    for start in range(0, number, _PIECE):
        yield slice(start, start + _PIECE)
