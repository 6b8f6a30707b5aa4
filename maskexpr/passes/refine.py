"""Refinement: values of a leaf on a tile from its coverage of ever smaller blocks, down to pixels."""

from __future__ import annotations

import numpy as np

from ..coverage import EMPTY, FULL, MIXED
from ..expr import Ask, Bools, Mask
from ..tiles import Tile, Tiles
from .trace import count

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
        _mark(state, tile, blocks.take(cover == FULL), side // smallest, FULL)
        blocks = blocks.take(cover == MIXED)
    _mark(state, tile, blocks, 1, MIXED)
    out = np.repeat(np.repeat(state == FULL, smallest, axis=0), smallest, axis=1)[:height, :width]
    _ask_pixels(leaf, tile, blocks, out)
    return out


def _mark(state: np.ndarray, tile: Tile, blocks: Tiles, side: int, value: np.uint8) -> None:
    smallest = _SIDES[-1]
    row = (blocks.bounds[0] - tile.window.y0) // smallest
    column = (blocks.bounds[2] - tile.window.x0) // smallest
    offset = np.arange(side)
    y = np.broadcast_to(row[:, None, None] + offset[:, None], (len(row), side, side)).ravel()
    x = np.broadcast_to(column[:, None, None] + offset[None, :], (len(row), side, side)).ravel()
    inside = (y < state.shape[0]) & (x < state.shape[1])
    state[y[inside], x[inside]] = value


def _ask_pixels(leaf: Mask, tile: Tile, blocks: Tiles, out: Bools) -> None:
    smallest = _SIDES[-1]
    offset_y, offset_x = (each.ravel() for each in np.mgrid[:smallest, :smallest])
    per_call = _BATCH // (smallest * smallest)
    for first in range(0, len(blocks), per_call):
        y0, y1, x0, x1 = blocks.bounds[:, first : first + per_call, None]
        y = y0 + offset_y
        x = x0 + offset_x
        inside = (y < y1) & (x < x1)
        y, x = y[inside], x[inside]
        count("pixels", len(y))
        out[y - tile.window.y0, x - tile.window.x0] = leaf.inside(tile.pixels(y, x))
