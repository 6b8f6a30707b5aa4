"""Fractions: what part of each pixel a mask selects, by cutting the pixels that its edges cross in four, and
these again.

A part that is proved to be in or out is counted as it is; what is left open lies between the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dask
import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Floats, Indices
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.trace import count
from ..expr.mask import Mask
from ..grid.healpix.areas import Cells, most_reach
from ..grid.healpix.geom import HpxGeom
from ..grid.parts import Parts, PixelParts, area_caps
from ..grid.tiles import ON, Tile, Tiles
from .compiled import Compiled, OfCompiled
from .dask import BlockId
from .evaluate import Evaluator

__all__ = ["Fractions"]

# Parts asked about in one go: bounds memory, and keeps the working arrays in the cache.
_BATCH: Final = 1 << 14
# Sides of the blocks of pixels by which those are found that an edge crosses, each a multiple of the next.
_SIDES: Final = (64, 8)
# Orders by which the cells are larger that this begins with on HEALPix grids.
_COARSER: Final = 6
# Sums of shares are right to this.
_ROUNDING: Final = 1e-12


@dataclass(frozen=True)
class Fractions(OfCompiled):
    """Blocks of an array of float32, whose first axis is the lower and the upper bound; see
    `maskexpr.compile.dask.TileSource`.

    Attributes
    ----------
    compiled : Compiled
        A mask with a meaning on the sphere, on a grid without axes.
    levels : int
        How often pixels are halved.
    """

    compiled: Compiled
    levels: int

    @property
    def name(self) -> str:
        """Name of the array: the same for equal numbers."""
        return f"fraction-{dask.base.tokenize(self.compiled.name, self.levels)}"

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """Chunk sizes, the bounds first."""
        return ((2,), *self.compiled.chunks)

    def decide(self, blocks: Sequence[BlockId]) -> list[float | None]:
        """For each block its one number, or None where pixels have to be cut. No data are read for it."""
        mask = self.compiled.mask
        if not blocks or self.compiled.reads_data:
            return [None] * len(blocks)
        tiles = self.compiled.tiles([block[1:] for block in blocks])
        cover = _cover(mask, _areas_of(tiles))
        full = (cover == FULL) & (tiles.sky == ON)
        return [0.0 if a else 1.0 if b else None for a, b in zip(cover == EMPTY, full, strict=True)]

    def compute(self, block: BlockId, known: Sequence[Any] = ()) -> NDArray[np.float32]:
        """Both bounds of the pixels of a block."""
        count("tiles")
        compiled, block = self.compiled, block[1:]
        grid = compiled.geom
        if isinstance(grid, HpxGeom):
            (place,) = compiled.layout.place(block)
            return _outwards(self._of_cells(grid, grid.cells.ids(place.start, place.stop)))
        tile = compiled.tile(block)
        out = self._of_pixels(tile).reshape(2, *tile.shape)
        return _outwards(out if tile.on_sky is None else np.where(tile.on_sky, out, 0.0))

    def where(self, block: BlockId) -> str:
        """See `TileSource.where`."""
        return self.compiled.where(block[1:])

    def stages(
        self, name: str, source: tuple[str, ...], blocks: Sequence[BlockId]
    ) -> tuple[dict[Any, Any], list[Any]]:
        """None: a mask that needs stages has a meaning only on a grid."""
        return {}, [()] * len(blocks)

    def _of_cells(self, grid: HpxGeom, ids: NDArray[np.int64]) -> Floats:
        """Bounds of cells, in ascending order, from some orders above them down."""
        mask = self.compiled.mask
        # Where spans of cells that are full begin and end.
        steps, out = np.zeros(len(ids) + 1, dtype=np.int64), np.zeros((2, len(ids)))
        order = max(grid.order - _COARSER, 0)
        stack = [Cells(order, np.unique(ids >> 2 * (grid.order - order)), grid.frame)]
        while stack:
            cells = stack.pop()
            shift = 2 * (grid.order - cells.order)
            first, last = (np.searchsorted(ids, (cells.ids + add) << shift) for add in (0, 1))
            cover = _cover(mask, cells)
            np.add.at(steps, first[cover == FULL], 1)
            np.add.at(steps, last[cover == FULL], -1)
            open_ = np.flatnonzero((cover == MIXED) & (last > first))
            if shift:
                stack += [cells.split(some) for some in _batches(open_)]
            else:
                self._cut(cells.take(open_), first[open_], out)
        out[:, np.cumsum(steps[:-1]) > 0] = 1.0
        return out

    def _of_pixels(self, tile: Tile) -> Floats:
        """Bounds of the pixels of a tile, row after row."""
        mask, image = self.compiled.mask, np.zeros((2, *tile.shape))
        blocks, (y0, _, x0, _) = tile.tiles, tile.window
        for side in _SIDES:
            blocks, _ = blocks.split(side)
            cover = _cover(mask, _areas_of(blocks))
            for top, bottom, left, right in blocks.bounds[:, cover == FULL].T:
                image[:, top - y0 : bottom - y0, left - x0 : right - x0] = 1.0
            blocks = blocks.take(cover == MIXED)
        pixels, _ = blocks.split(1)
        out = image.reshape(2, -1)
        for some in _batches(np.arange(len(pixels))):
            y, x = pixels.bounds[0, some], pixels.bounds[2, some]
            parts = PixelParts(tile.geom, 0, y, x)
            place = (y - y0) * tile.shape[1] + (x - x0)
            cover = _cover(mask, parts)
            out[:, place[cover == FULL]] = 1.0
            # At the limb of the sky's image it is not known what a pixel is made of.
            unbounded = parts.caps.radius >= np.pi
            out[1, place[(cover == MIXED) & unbounded]] = 1.0
            open_ = np.flatnonzero((cover == MIXED) & ~unbounded)
            self._cut(parts.take(open_), place[open_], out)
        return out

    def _cut(self, parts: Parts, pixel: Indices, out: Floats) -> None:
        """Add to the bounds of some pixels, parts all MIXED, what is in of them, and what is left open."""
        stack = [(parts, pixel, np.ones(len(parts)), self.levels)]
        while stack:
            parts, pixel, weight, left = stack.pop()
            if not left:
                np.add.at(out[1], pixel, weight)
                continue
            for some in _batches(np.arange(len(parts))):
                finer, owner = parts.split(some), np.repeat(pixel[some], 4)
                share = np.repeat(weight[some], 4) * finer.shares
                cover = _cover(self.compiled.mask, finer)
                for bound in (0, 1):
                    np.add.at(out[bound], owner[cover == FULL], share[cover == FULL])
                open_ = np.flatnonzero(cover == MIXED)
                stack.append((finer.take(open_), owner[open_], share[open_], left - 1))


def _cover(mask: Mask, parts: Parts) -> Coverage:
    """Coverage of parts; those that nothing bounds are asked apart, that they make the others no wider."""
    cover = np.full(len(parts), MIXED)
    bounded = parts.caps.radius < np.pi
    for some in (np.flatnonzero(bounded), np.flatnonzero(~bounded)):
        if len(some):
            asked = parts if len(some) == len(parts) else parts.take(some)
            cover[some] = Evaluator(mask).classify(mask, asked)
    return cover


def _areas_of(tiles: Tiles) -> Parts:
    """All points of the pixels of windows, not their centres alone."""
    grid = tiles.geom
    if isinstance(grid, HpxGeom):
        return Parts(grid.frame, tiles.caps.grow(most_reach(grid.order)))
    return Parts(grid.frame, area_caps(grid, tiles.bounds))


def _batches(some: Indices) -> Iterator[Indices]:
    return (some[first : first + _BATCH] for first in range(0, len(some), _BATCH))


def _outwards(bounds: Floats) -> NDArray[np.float32]:
    """Bounds as float32, the lower ones rounded down and the upper ones up."""
    out = np.clip(bounds, 0.0, 1.0).astype(np.float32)
    out[0] = np.where(out[0] > bounds[0] + _ROUNDING, np.nextafter(out[0], np.float32(0)), out[0])
    out[1] = np.where(out[1] < bounds[1] - _ROUNDING, np.nextafter(out[1], np.float32(1)), out[1])
    return out
