"""Chords to the nearest of many places, for all pixels of blocks: branch and bound.

Each block has a list of the places that can be the nearest to one of its pixels, and each of its sixteen
parts inherits it. A place leaves the list of a block of radius R round its middle

- if it is further from the middle than the nearest one by more than 2 R, or
- if the block lies on the other side of the plane half way between it and the nearest one: with distances d
  and d0 from the middle, and e between the two places, if ``d^2 - d0^2 > 2 R e``.

Only the lists of the first blocks are asked of a tree. What is left of the last is compared with every pixel
in the way of `maskexpr.sphere.vectors.chord2`, so that the bits are those of comparing all with all. What is
left out is decided with margins that rounding does not bridge, and there alone products of matrices are used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats, Ints
from ..grid.tiles import Tiles
from ..sphere.vectors import chord2

__all__ = ["SIDE", "Nearest", "Places"]

SIDE = 16
"""Side of the first blocks."""
_PART = 4
# Blocks whose lists are made together, and numbers in arrays that stay in the processor's cache.
_BLOCKS = 512
_NUMBERS = 1 << 17
# Numbers beside one of a pixel while it is compared.
_SPACES = 8
# Relative margin for rounding of what is exact to some bits, and of sums of products to the largest of them.
_ROUNDING = 1e-9
_ROUNDED = 1e-13


class Nearest(NamedTuple):
    """Pixels, and the chord from each to the nearest place, each of shape (n,); infinite beyond the limit."""

    y: Ints
    x: Ints
    chord: Floats


class _Lists(NamedTuple):
    """A list of numbers for each of n blocks: ``number`` entries from ``start`` on."""

    start: Ints
    number: Ints
    entries: Ints

    def padded(self, some: NDArray[np.intp]) -> Ints:
        """Those of some blocks as rows, the last entry again and again to the length of the longest."""
        number = self.number[some]
        column = np.minimum(np.arange(number.max()), number[:, None] - 1)
        return np.asarray(self.entries[self.start[some][:, None] + column])

    def batches(self, each: int) -> Iterator[NDArray[np.intp]]:
        """Blocks whose lists are not empty, those of like length together; each entry makes so many
        numbers.
        """
        order = np.argsort(self.number, kind="stable")
        first = int(np.searchsorted(self.number[order], 1))
        while first < len(order):
            longest = int(self.number[order[first]])
            stop = first + max(1, _NUMBERS // (each * longest))
            # Of the blocks that have room in the cache, those whose lists are hardly longer.
            most = np.searchsorted(self.number[order[first:stop]], longest + longest // 4, side="right")
            yield order[first : first + int(most)]
            first += int(most)


class _Balls(NamedTuple):
    """Balls that hold pixels: middles, shape (3, ...), and radii, negative where there is no pixel."""

    middle: Floats
    radius: Floats

    @classmethod
    def round(cls, xyz: Floats) -> _Balls:
        """Of vectors along the last axis."""
        known = np.isfinite(xyz[0])
        if known.all():
            middle = xyz @ np.full(xyz.shape[-1], 1 / xyz.shape[-1])
            return cls(middle, np.sqrt(chord2(xyz, middle[..., None]).max(axis=-1)))
        number = np.count_nonzero(known, axis=-1)
        middle = np.where(known, xyz, 0.0).sum(axis=-1) / np.maximum(number, 1)
        away = np.where(known, chord2(xyz, middle[..., None]), 0.0).max(axis=-1)
        return cls(middle, np.where(number > 0, np.sqrt(away), -1.0))

    def united(self) -> _Balls:
        """Balls that hold all along the last axis."""
        held = self.radius >= 0
        number = np.maximum(np.count_nonzero(held, axis=-1), 1)
        middle = np.where(held, self.middle, 0.0).sum(axis=-1) / number
        reach = np.sqrt(chord2(self.middle, middle[..., None])) + self.radius
        return _Balls(middle, np.where(held, reach, -1.0).max(axis=-1))


class Places:
    """Places on the sphere that pixels may be near.

    Parameters
    ----------
    xyz : ndarray of float64, shape (3, n)
        Unit vectors.
    limit : float
        A chord; no further is looked.
    """

    def __init__(self, xyz: Floats, limit: float) -> None:
        self._xyz = xyz
        self._limit = limit
        # Built once: a tree that is cut in the middles is built in less time than a balanced one.
        self._tree = scipy.spatial.cKDTree(xyz.T, balanced_tree=False, leafsize=24) if xyz.shape[1] else None

    def nearest(self, blocks: Tiles, wanted: Callable[[Ints, Ints], Bools]) -> Iterator[Nearest]:
        """The pixels of blocks, of at most `SIDE`, that may have a place within the limit, some more than
        once; of parts without a wanted pixel none.
        """
        for first in range(0, len(blocks) if self._tree is not None else 0, _BLOCKS):
            bounds = blocks.bounds[:, first : first + _BLOCKS]
            y, x = _pixels(bounds)
            is_wanted = np.asarray(wanted(y, x).any(axis=2))
            some = np.flatnonzero(is_wanted.any(axis=1))
            y, x = y[some], x[some]
            yield self._of_pixels(blocks.geom.vectors(y, x), y, x, is_wanted[some])

    def _of_pixels(self, xyz: Floats, y: Ints, x: Ints, is_wanted: Bools) -> Nearest:
        """Of pixels, given as blocks, parts and pixels of these, those in parts that are wanted."""
        parts = _Balls.round(xyz)
        blocks = parts.united()
        lists = self._parted(self._first(blocks), blocks, parts, is_wanted)
        part = np.flatnonzero(lists.number)
        y, x = (each.reshape(-1, y.shape[2])[part].reshape(-1) for each in (y, x))
        lists = _Lists(lists.start[part], lists.number[part], lists.entries)
        square = self._compared(lists, xyz.reshape(3, -1, xyz.shape[3]).take(part, axis=1))
        return Nearest(y, x, np.sqrt(square.reshape(-1)))

    def _first(self, blocks: _Balls) -> _Lists:
        """The lists of the first blocks, by the nearest place only; of a block that is too far none."""
        assert self._tree is not None
        number = np.zeros(len(blocks.radius), dtype=np.int64)
        known = np.flatnonzero(blocks.radius >= 0)
        middle, radius = blocks.middle[:, known], blocks.radius[known]
        least, _ = self._tree.query(middle.T)
        within = (np.minimum(self._limit, least + radius) + radius) * (1 + _ROUNDING)
        near = np.flatnonzero(least <= within)
        found = self._tree.query_ball_point(middle[:, near].T, within[near], return_sorted=False)
        number[known[near]] = np.fromiter(map(len, found), dtype=np.int64, count=len(near))
        entries = np.fromiter(chain.from_iterable(found), dtype=np.int64, count=int(number.sum()))
        return _Lists(np.cumsum(number) - number, number, entries)

    def _parted(self, lists: _Lists, blocks: _Balls, parts: _Balls, is_wanted: Bools) -> _Lists:
        """The lists of the parts of blocks that are wanted."""
        number = np.zeros(is_wanted.shape, dtype=np.int64)
        start = np.zeros(is_wanted.shape, dtype=np.int64)
        entries, total = [np.zeros(0, dtype=np.int64)], 0
        reach = np.where(is_wanted & (parts.radius >= 0), self._limit + parts.radius, -1.0)
        for some in lists.batches(is_wanted.shape[1]):
            rows, origin = lists.padded(some), blocks.middle[:, some, None]
            place = self._xyz.take(rows, axis=1)
            place -= origin
            middle = parts.middle.take(some, axis=1) - origin
            kept = _may_be_nearest(place, middle, parts.radius[some], reach[some])
            # The last entry is there again only to fill the row.
            kept &= (np.arange(rows.shape[1]) < lists.number[some][:, None])[:, None]
            found = np.count_nonzero(kept, axis=2)
            number[some] = found
            start[some] = total + (np.cumsum(found) - found.reshape(-1)).reshape(found.shape)
            entries.append(np.broadcast_to(rows[:, None], kept.shape)[kept])
            total += len(entries[-1])
        return _Lists(start.reshape(-1), number.reshape(-1), np.concatenate(entries))

    def _compared(self, lists: _Lists, xyz: Floats) -> Floats:
        """Squared chords from the pixels of parts, shape (3, parts, pixels), to the nearest of each list."""
        out = np.full(xyz.shape[1:], np.inf)
        for some in lists.batches(_SPACES * xyz.shape[2]):
            rows, pixels = lists.padded(some), xyz.take(some, axis=1)
            least = np.full(pixels.shape[1:], np.inf)
            for place in np.moveaxis(self._xyz.take(rows.T, axis=1), 1, 0):
                np.fmin(least, chord2(pixels, place[:, :, None]), out=least)
            out[some] = least
        return out


def _pixels(bounds: Ints) -> tuple[Ints, Ints]:
    """Rows and columns of the pixels of blocks, shape (blocks, parts, pixels); the last ones of a block that
    ends sooner more than once.
    """
    corner, within = (np.arange(0, SIDE, _PART), np.arange(_PART))
    part, pixel = (np.meshgrid(each, each, indexing="ij") for each in (corner, within))
    y, x = (part[i].reshape(-1, 1) + pixel[i].reshape(-1) for i in (0, 1))
    y0, y1, x0, x1 = bounds[:, :, None, None]
    return np.minimum(y0 + y, y1 - 1), np.minimum(x0 + x, x1 - 1)


def _may_be_nearest(place: Floats, middle: Floats, radius: Floats, reach: Floats) -> Bools:
    """Which places, shape (3, blocks, places), may be the nearest to a pixel of a part of a block, and within
    reach of its middle; shape (blocks, parts, places).

    All are given from the middle of the block. So they are small, and products of matrices exact enough:
    what rounding leaves open is kept.
    """
    square, own = (each * each for each in (place, middle))
    square, own = square[0] + square[1] + square[2], own[0] + own[1] + own[2]
    slack = (_ROUNDED * np.maximum(square.max(axis=1), own.max(axis=1)))[:, None, None]
    columns = np.moveaxis(np.concatenate([place, square[None]]), 0, 1)
    away = _products(middle, columns)
    nearest = away.argmin(axis=2)
    least = np.take_along_axis(away, nearest[:, :, None], axis=2)
    first = np.take_along_axis(columns, nearest[:, None], axis=2)
    between = _products(np.moveaxis(first[:, :3], 1, 0), columns)
    between += first[:, 3][:, :, None] + slack
    between *= (4 * (1 + _ROUNDING) * radius * radius)[:, :, None]
    kept = away <= (np.where(reach < 0, -np.inf, reach * reach * (1 + _ROUNDING)) - own)[:, :, None] + slack
    away -= least + slack
    np.maximum(away, 0.0, out=away)
    np.multiply(away, away, out=away)
    kept &= away <= between
    return np.asarray(kept)


def _products(vectors: Floats, columns: Floats) -> Floats:
    """Squares of distances, less those of the vectors, shape (3, blocks, n): of columns of a place and its
    square.
    """
    rows = np.concatenate([-2 * vectors, np.ones((1, *vectors.shape[1:]))])
    return np.asarray(np.ascontiguousarray(np.moveaxis(rows, 0, 2)) @ columns)
