"""Classify: which tiles of a map a mask leaves empty, full or open, before any pixel is asked."""

from __future__ import annotations

import numpy as np

from ..coverage import EMPTY, FULL, MIXED, Coverage
from ..expr import Mask
from ..points import Pixels
from ..structure import postorder
from ..tiles import OFF, ON, PART, Tiles
from .evaluate import Evaluator

__all__ = ["classify"]

# Undecided tiles are cut into this many parts a side, again and again, as long as that may decide them.
_PARTS = 8
# Tiles classified in one batch, so that memory does not grow with the map.
_BATCH = 8192
_SMALLEST = 8


def classify(mask: Mask, tiles: Tiles) -> Coverage:
    """Coverage of tiles by a mask, as sharp as it can be had without reading data.

    A tile is MIXED only if it holds selected and unselected pixels, or sky and no sky, or if the mask reads
    data or looks beyond the tile, where a tile may be called MIXED that is not.

    Parameters
    ----------
    mask : Mask
        A lowered, simplified mask.
    tiles : Tiles
        n tiles.

    Returns
    -------
    array of uint8, shape (n,)
    """
    cover = np.empty(len(tiles), dtype=np.uint8)
    pointwise = not any(each.reads_data or each.needs_grid for each in postorder(mask))
    for first in range(0, len(tiles), _BATCH):
        some = tiles.take(np.arange(first, min(first + _BATCH, len(tiles))))
        cover[first : first + len(some)] = _classify_batch(mask, some, pointwise)
    return cover


def _classify_batch(mask: Mask, tiles: Tiles, pointwise: bool) -> Coverage:
    cover = Evaluator(mask).classify(mask, tiles).copy()
    cover[tiles.sky == OFF] = EMPTY
    # All of the sky in it, but the tile is not all sky: its pixels have to be told apart.
    cover[(tiles.sky == PART) & (cover == FULL)] = MIXED
    open_ = np.flatnonzero((cover == MIXED) & (tiles.sky == ON))
    if len(open_):
        cover[open_] = _sharpen(mask, tiles.take(open_), pointwise)
    return cover


def _sharpen(mask: Mask, tiles: Tiles, pointwise: bool) -> Coverage:
    """Decide tiles by their parts. A tile leaves the race when parts of both kinds have been seen."""
    seen = np.zeros((3, len(tiles)), dtype=bool)
    parts, owner = tiles, np.arange(len(tiles))
    side = int(max((tiles.bounds[1] - tiles.bounds[0]).max(), (tiles.bounds[3] - tiles.bounds[2]).max()))
    while len(parts) and side > _SMALLEST:
        side = max(_SMALLEST, -(-side // _PARTS))
        parts, parent = parts.split(side)
        owner = owner[parent]
        cover = Evaluator(mask).classify(mask, parts)
        for state in (EMPTY, FULL):
            seen[state, owner[cover == state]] = True
        mixed = cover == MIXED
        parts, owner = parts.take(mixed), owner[mixed]
        if pointwise:
            _witness(mask, parts, owner, seen)
        # Without witnesses two levels are enough to tell near misses from hits.
        elif side < tiles.bounds[1, 0] - tiles.bounds[0, 0] and side <= 256:
            seen[MIXED, owner] = True
        open_ = ~(seen[EMPTY] & seen[FULL])[owner] & ~seen[MIXED, owner]
        parts, owner = parts.take(open_), owner[open_]
    if pointwise:
        _settle(mask, parts, owner, seen)
    undecided = seen[MIXED] | (seen[EMPTY] == seen[FULL])
    return np.where(undecided, MIXED, np.where(seen[FULL], FULL, EMPTY)).astype(np.uint8)


def _witness(mask: Mask, parts: Tiles, owner: np.ndarray, seen: np.ndarray) -> None:
    """Ask the middle pixel of each undecided part: one of each kind proves a tile mixed."""
    y0, y1, x0, x1 = parts.bounds
    _ask(mask, Pixels(parts.geom, (y0 + y1) // 2, (x0 + x1) // 2, parts.plane), owner, seen)


def _settle(mask: Mask, parts: Tiles, owner: np.ndarray, seen: np.ndarray) -> None:
    """Ask every pixel of the smallest parts of the tiles that are still open."""
    pixels, parent = parts.split(1)
    _ask(mask, Pixels(parts.geom, pixels.bounds[0], pixels.bounds[2], parts.plane), owner[parent], seen)


def _ask(mask: Mask, pixels: Pixels, owner: np.ndarray, seen: np.ndarray) -> None:
    if not len(pixels):
        return
    selected = Evaluator(mask).run(mask, pixels)
    seen[FULL, owner[selected]] = True
    seen[EMPTY, owner[~selected & pixels.on_sky]] = True
