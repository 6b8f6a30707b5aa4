"""Arrays of HEALPix cells: chunks of parent cells, each a square of the lattice put into nested order."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import Ints
from ...core.errors import MaskValueError
from ...core.limits import check_limit
from ...core.once import once
from ...core.pages import expect_writes
from ..layout import Layout
from .cells import parents
from .faces import SQUARES, on_staircase, spread_bits
from .sets import CellSet
from .staircase import window_of

__all__ = ["Parents", "from_nested", "parent_order", "to_nested"]

Block = tuple[int, ...]

# Levels between a default chunk's parent cell and its cells, and for very large maps.
_LEVELS, _LEVELS_OF_GIANTS, _GIANT = 11, 12, 10**10
# Chunks of cells that lie apart are of larger parents while there are more than so many.
_MANY = 4096
# Parent cells by which the ends of strips are found, at most.
_FEW = 1 << 16
# Sides, powers of two, of the squares by which cells are put in order: of those of which zeros are left out,
# and of those that are all written, which are as large as the cache lets them be.
_SQUARE = 32
_CACHED = 256


def parent_order(cells: CellSet, chunks: Any) -> int:
    """The order of the parent cells that chunks are, from what users may give.

    Raises
    ------
    MaskValueError
        For another kind of chunks, or an order above that of the cells.

    Examples
    --------
    >>> parent_order(CellSet.whole(12), "auto"), parent_order(CellSet.whole(12), 3)
    (1, 3)
    """
    order = cells.order
    if isinstance(chunks, str) and chunks == "auto":
        chosen = max(0, order - (_LEVELS_OF_GIANTS if cells.number > _GIANT else _LEVELS))
        while not cells.is_whole and chosen > 0 and cells.parents(order - chosen).number > _MANY:
            above = cells.parents(order - chosen + 1)
            if _most(cells, above) > 1 << 2 * _LEVELS:
                break
            chosen -= 1
        return _checked(cells, chosen)
    if isinstance(chunks, bool) or not isinstance(chunks, int | np.integer) or not 0 <= chunks <= order:
        raise MaskValueError(
            f"chunks of cells are whole parent cells: give 'auto' or their order, from 0 to {order}, "
            f"got {chunks!r}"
        )
    return _checked(cells, int(chunks))


def _checked(cells: CellSet, order: int) -> int:
    """An order of parents of which there are not too many."""
    number = cells.parents(cells.order - order).number
    check_limit("tiles", number, f"an array of order {cells.order} in chunks of order {order}", "chunks")
    return order


def _most(cells: CellSet, above: CellSet) -> int:
    """Cells that one of some parent cells holds at most."""
    levels = cells.order - above.order
    ids = above.ids(0, above.number)
    return int(cells.number_in(levels, ids).max())


class Parents(Layout):
    """Cells in nested order, cut into parent cells that hold any.

    Parameters
    ----------
    cells : CellSet
        The cells.
    order : int
        Order of the parent cells.
    """

    unit = "cells"

    def __init__(self, cells: CellSet, order: int) -> None:
        self.cells, self.order = cells, order
        self._levels = cells.order - order

    @once
    def _parents(self) -> Ints:
        held = self.cells.parents(self._levels)
        return held.ids(0, held.number)

    @once
    def _first(self) -> Ints:
        """Places of the first cells of blocks, and one past the last of all."""
        ids = self._parents << 2 * self._levels
        return np.append(self.cells.rank(ids), self.cells.number)

    @property
    def token(self) -> int:
        return self.order

    @once
    def sizes(self) -> tuple[tuple[int, ...], ...]:
        if self.cells.is_whole:
            return (_like_sizes(1 << 2 * self._levels, len(self._parents)),)
        return (tuple(np.diff(self._first).tolist()),)

    def bounds(self, blocks: Ints) -> Ints:
        number = blocks[0]
        if self.cells.is_whole:
            return window_of(self.cells.order, self.order, self._parents[number])
        # The smallest parent cell of the first and the last cell holds all between.
        first = self._at(self._first[number])
        last = self._at(self._first[number + 1] - 1)
        levels = (np.frexp((first ^ last).astype(np.float64))[1] + 1) // 2
        levels = np.minimum(levels, self._levels)
        out = np.empty((4, len(number)), dtype=np.int64)
        for each in np.unique(levels).tolist():
            some = levels == each
            out[:, some] = window_of(self.cells.order, self.cells.order - each, parents(first[some], each))
        return out

    def _at(self, places: Ints) -> Ints:
        """Cells at places."""
        before = self.cells.rank(self.cells.ranges[:, 0])
        i = np.searchsorted(before, places, side="right") - 1
        return np.asarray(self.cells.ranges[i, 0] + places - before[i])

    def pack(self, values: NDArray[Any], block: Block, out: NDArray[Any]) -> None:
        if len(out) == values.size:
            to_nested(values, out)
            return
        y, x = self.pixels(block)
        y0, _, x0, _ = self.bounds(np.array([[block[0]]]))[:, 0].tolist()
        expect_writes(out)
        out[...] = values[y - y0, x - x0]

    def pixels(self, block: Block) -> tuple[Ints, Ints]:
        """Rows and columns of the cells of a block, in their order."""
        (place,) = self.place(block)
        return on_staircase(self.cells.order, self.cells.ids(place.start, place.stop))

    def strips(self, side: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        levels = min(self._levels, max(side.bit_length() - 1, 0))
        # Few cells of a large parent: the strip is of them, and not of all of it.
        finer = levels
        while finer > 0 and self.cells.parents(finer - 1).number <= _FEW:
            finer -= 1
        held = self.cells.parents(finer)
        y0, y1, x0, x1 = window_of(self.cells.order, held.order, held.ids(0, held.number))
        whole = SQUARES << self.cells.order
        return _strips(y0, y1, 1 << levels, whole), _strips(x0, x1, 1 << levels, whole)


@lru_cache(maxsize=16)
def _like_sizes(size: int, number: int) -> tuple[int, ...]:
    """Sizes of so many like chunks; one object, by which dask remembers sums over all chunks."""
    return (size,) * number


def _strips(starts: Ints, ends: Ints, side: int, whole: int) -> tuple[int, ...]:
    """Sizes that cut an axis at the first start and the last end in each piece of a side, so that what is
    between is not cut.
    """
    _, piece = np.unique(starts // side, return_inverse=True)
    first, last = np.full(piece.max() + 1, whole), np.zeros(piece.max() + 1, dtype=np.int64)
    np.minimum.at(first, piece, starts)
    np.maximum.at(last, piece, ends)
    return tuple(np.diff(np.unique(np.concatenate([[0, whole], first, last]))).tolist())


# ---- the order of cells


@lru_cache(maxsize=8)
def _square_order(side: int) -> Ints:
    """Places, row after row, of the pixels of a square in nested order."""
    bits = spread_bits(np.arange(side), max(side.bit_length() - 1, 0))
    nested = (bits[None, :] + (bits << 1)[:, None]).ravel()
    out = np.empty_like(nested)
    out[nested] = np.arange(side * side)
    return out


@lru_cache(maxsize=8)
def _pair_order(side: int) -> Ints:
    """As `_square_order`, of pairs of pixels beside each other, which stay together."""
    return np.ascontiguousarray(_square_order(side)[::2] // 2)


def to_nested(values: NDArray[Any], out: NDArray[Any]) -> None:
    """Write values of a square of pixels, (side, side), into an array of zeros in nested order; squares of
    zeros are left out.

    Examples
    --------
    >>> out = np.zeros(4, dtype=int)
    >>> to_nested(np.array([[0, 1], [2, 3]]), out)
    >>> out.tolist()
    [0, 1, 2, 3]
    """
    values = np.ascontiguousarray(values)
    if values.dtype.itemsize > 1:
        _all_to_nested(values, out)
        return
    side = len(values)
    inner = min(side, _SQUARE)
    outer, order = side // inner, _square_order(inner)
    busy = np.arange(outer * outer)
    if inner == _SQUARE:
        octets = values.view(np.uint64).reshape(outer, inner, -1)
        busy = np.flatnonzero(np.bitwise_or.reduce(octets, axis=1).reshape(outer * outer, -1).any(axis=1))
        # Two bytes at a time: pixels beside each other follow each other in nested order too.
        order = _pair_order(inner)
        values, out = values.view(np.uint16), out.view(np.uint16)
    row, column = np.divmod(busy, outer)
    squares = values.reshape(outer, inner, outer, -1).transpose(0, 2, 1, 3)[row, column]
    # There may be no square at all, of which -1 would be no length.
    flat = squares.reshape(len(busy), len(order))
    where = _places(outer)[busy]
    expect_writes(out, where, out.nbytes // (outer * outer))
    out.reshape(outer * outer, -1)[where] = np.take(flat, order, axis=1)


def _all_to_nested(values: NDArray[Any], out: NDArray[Any]) -> None:
    """As `to_nested`, whatever is zero: square by square, each of which stays in the cache."""
    side = len(values)
    inner = min(side, _CACHED)
    order, where = _square_order(inner), _places(side // inner)
    if values.dtype == np.float32 and inner > 1:
        order, values, out = _pair_order(inner), values.view(np.uint64), out.view(np.uint64)
    targets = out.reshape(len(where), -1)
    squares = values.reshape(side // inner, inner, side // inner, -1).transpose(0, 2, 1, 3)
    for place, at in zip(where.tolist(), np.ndindex(*squares.shape[:2]), strict=True):
        np.take(squares[at].ravel(), order, out=targets[place], mode="clip")


def from_nested(values: NDArray[Any]) -> NDArray[Any]:
    """Values in nested order, (side**2,), as a square of pixels.

    Examples
    --------
    >>> from_nested(np.arange(4)).tolist()
    [[0, 1], [2, 3]]
    """
    side = 1 << (len(values).bit_length() - 1) // 2
    inner = min(side, _SQUARE)
    outer = side // inner
    squares = values.reshape(outer * outer, -1)[_places(outer)]
    squares = np.take(squares, _places(inner), axis=1)
    return squares.reshape(outer, outer, inner, inner).transpose(0, 2, 1, 3).reshape(side, side)


@lru_cache(maxsize=8)
def _places(side: int) -> Ints:
    """Nested order of the pixels of a square, row after row."""
    return np.argsort(_square_order(side))
