"""Refinement: values of a leaf on a tile from its coverage of ever smaller blocks, down to pixels."""

from __future__ import annotations

import numpy as np

from ..core.coverage import EMPTY, FULL, MIXED
from ..core.pruning import is_pruned
from ..core.trace import count
from ..expr.mask import Ask, Bools, Mask
from ..grid.tiles import Tile, Tiles, block_pixels, expand_blocks, mark_blocks

__all__ = ["refine"]

# Sides of the blocks, each a multiple of the next.
_SIDES = (256, 64, 16, 8)
# Pixels asked in one call: bounds memory, and keeps the working arrays in the cache.
_BATCH = 1 << 17


def refine(leaf: Mask, tile: Tile, of: Ask) -> Bools:
    """Values of a leaf on a tile, shape (ny, nx).

    The cost follows the length of the leaf's edges in the tile, not the area of the tile.

    Parameters
    ----------
    leaf : Mask
        A node that answers `Mask.inside`.
    tile : Tile
        The tile.
    of : Ask
        The pass.
    """
    if not is_pruned():
        return leaf.inside(tile.all_pixels()).reshape(tile.shape)
    height, width = tile.shape
    smallest = _SIDES[-1]
    # One entry per smallest block: its coverage.
    state = np.full((-(-height // smallest), -(-width // smallest)), EMPTY)
    blocks = tile.tiles
    for side in _SIDES:
        if side > _SIDES[-1] and side >= max(height, width):
            continue
        blocks, _ = blocks.split(side)
        cover = leaf.coverage(blocks, of)
        mark_blocks(state, tile, blocks.take(cover == FULL), side // smallest, smallest, int(FULL))
        blocks = blocks.take(cover == MIXED)
    out = expand_blocks(state == FULL, smallest, tile.shape)
    _ask_pixels(leaf, tile, blocks, out)
    return out


def _ask_pixels(leaf: Mask, tile: Tile, blocks: Tiles, out: Bools) -> None:
    smallest = _SIDES[-1]
    per_call = _BATCH // (smallest * smallest)
    for first in range(0, len(blocks), per_call):
        y, x = block_pixels(blocks.take(np.arange(first, min(first + per_call, len(blocks)))), smallest)
        count("pixels", len(y))
        out[y - tile.window.y0, x - tile.window.x0] = leaf.inside(tile.pixels(y, x))
