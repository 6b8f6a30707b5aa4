"""Blocks of a tile that shapes leave open, in pairs of a block and a shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..grid.tiles import Tile, Tiles
from ..pixels.ragged import ragged_ranges
from ..sphere.vectors import unit

__all__ = ["SIDES", "SMALLEST", "OpenBlocks", "View", "centres"]

SIDES = (128, 32, 8)
"""Sides of the blocks, each a multiple of the next."""
SMALLEST = SIDES[-1]


class View(NamedTuple):
    """The array of a tile's pixels."""

    tile: Tile
    out: Bools

    def fill(self, bounds: Ints) -> None:
        """Select windows, by their ``y0, y1, x0, x1``."""
        top, left = self.tile.window.y0, self.tile.window.x0
        for y0, y1, x0, x1 in bounds.T.tolist():
            self.out[y0 - top : y1 - top, x0 - left : x1 - left] = True

    def select(self, y: Ints, x: Ints, some: Bools) -> None:
        """Select some of the pixels of a list."""
        self.out[y[some] - self.tile.window.y0, x[some] - self.tile.window.x0] = True


class OpenBlocks(NamedTuple):
    """Blocks that are open, with the shapes that leave them so, in pairs.

    Attributes
    ----------
    blocks : Tiles
        n blocks.
    block, shape : ndarray of int, shape (k,)
        Pairs of a block and a shape, by their numbers.
    held : ndarray of int, shape (n,)
        What the shapes that hold a block as a whole make of it; see `ShapeIndex`.
    """

    blocks: Tiles
    block: Indices
    shape: Indices
    held: Indices

    @classmethod
    def join(cls, parts: list[OpenBlocks], like: Tiles) -> OpenBlocks:
        """The blocks of all parts."""
        if len(parts) == 1:
            return parts[0]
        none = np.empty(0, dtype=np.intp)
        bounds = np.concatenate([like.bounds[:, :0], *(each.blocks.bounds for each in parts)], axis=1)
        first = np.cumsum([0, *(len(each.blocks) for each in parts)])
        block = [each.block + number for each, number in zip(parts, first, strict=False)]
        return cls(
            Tiles(like.geom, bounds, like.plane),
            np.concatenate([none, *block]),
            np.concatenate([none, *(each.shape for each in parts)]),
            np.concatenate([none, *(each.held for each in parts)]),
        )

    def sorted(self) -> OpenBlocks:
        """Pairs of one block one after the other."""
        order = np.argsort(self.block, kind="stable")
        return self._replace(block=self.block[order], shape=self.shape[order])

    @property
    def starts(self) -> Indices:
        """The first pair of each block, of sorted pairs."""
        number = np.bincount(self.block, minlength=len(self.blocks))
        return np.asarray(np.cumsum(number) - number)

    def slices(self, most: int) -> Iterator[OpenBlocks]:
        """Blocks, with all their pairs, in parts of so many pairs or a single block."""
        ends = np.append(self.starts, len(self.block))
        first = 0
        while first < len(self.blocks):
            last = int(np.searchsorted(ends, ends[first] + most, side="right")) - 1
            last = min(max(last, first + 1), len(self.blocks))
            pairs = slice(int(ends[first]), int(ends[last]))
            blocks = self.blocks.take(np.arange(first, last))
            yield OpenBlocks(blocks, self.block[pairs] - first, self.shape[pairs], self.held[first:last])
            first = last

    def split(self, side: int) -> OpenBlocks:
        """Every block cut into smaller ones, each with the shapes of the whole."""
        blocks, parent = self.blocks.split(side)
        number = np.bincount(parent, minlength=len(self.blocks))
        first = np.cumsum(number) - number
        pair, block = ragged_ranges(first[self.block], number[self.block])
        return OpenBlocks(blocks, block, self.shape[pair], self.held[parent])


def centres(blocks: Tiles) -> Floats:
    """Unit vectors of all pixels of smallest blocks, and of those that a block at the rim lacks.

    Shape (3, n, pixels).
    """
    offset = np.arange(SMALLEST)
    y, x = blocks.bounds[0][:, None] + offset, blocks.bounds[2][:, None] + offset
    if blocks.geom.separable:
        xyz = unit(blocks.geom.lon_of(x)[:, None, :], blocks.geom.lat_of(y)[:, :, None])
    else:
        xyz = unit(*blocks.geom.lonlat(y[:, :, None], x[:, None, :]))
    return xyz.reshape(3, len(blocks), -1)
