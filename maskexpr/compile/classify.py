"""Classify: which tiles of a map a mask leaves empty, full or open, before any pixel is asked."""

from __future__ import annotations

import numpy as np

from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.pruning import is_pruned
from ..expr.mask import Mask
from ..expr.structure import postorder
from ..grid.points import Pixels
from ..grid.tiles import OFF, ON, PART, Tiles
from ..pixels.rectangles import areas
from .evaluate import Evaluator

__all__ = ["classify"]

Indices = tuple[np.ndarray, np.ndarray]
"""Rows and columns of pixels."""

# Undecided tiles are cut into this many parts a side, again and again, as long as that may decide them.
# Into fewer where pixels cannot be asked: 8 decide a fiftieth more tiles of growth, at four times the cost.
_PARTS = 8
_PARTS_COARSE = 4
# Tiles classified in one batch, so that memory does not grow with the map.
_BATCH = 8192
# Side of the smallest parts, whose pixels are then asked; and of those that end it where pixels cannot be.
_SMALLEST = 8
_COARSE = 256
# Parts that are classified for each tile, on the average, and for all where tiles are few, if pixels cannot
# be asked: what is grown or shrunk may stay undecided however small its parts.
_MOST_PARTS = 48
_ALWAYS_PARTS = 1 << 13
# Pixels beside likely edges that are asked, for each tile and for all; where they cannot be, they are
# classified as tiles of one pixel, which costs more.
_EDGE_PIXELS = 128
_EDGE_TILES = 16
_EDGE_PIXELS_MOST = 1 << 18


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
    if not is_pruned():
        return np.full(len(tiles), MIXED)
    pointwise = not any(each.reads_data or each.needs_grid for each in postorder(mask))
    samples = _likely_edges(mask, tiles, _EDGE_PIXELS if pointwise else _EDGE_TILES)
    if len(tiles) <= _BATCH:
        # As they are, so that what is found of them is known to who evaluates them.
        return _classify_batch(mask, tiles, samples, pointwise)
    cover = np.empty(len(tiles), dtype=np.uint8)
    for first in range(0, len(tiles), _BATCH):
        some = tiles.take(np.arange(first, min(first + _BATCH, len(tiles))))
        cover[first : first + len(some)] = _classify_batch(mask, some, samples, pointwise)
    return cover


def _classify_batch(mask: Mask, tiles: Tiles, samples: Indices, pointwise: bool) -> Coverage:
    cover = Evaluator(mask).classify(mask, tiles).copy()
    cover[tiles.sky == OFF] = EMPTY
    # All of the sky in it, but the tile is not all sky: its pixels have to be told apart.
    cover[(tiles.sky == PART) & (cover == FULL)] = MIXED
    open_ = np.flatnonzero((cover == MIXED) & (tiles.sky == ON))
    if len(open_) and not pointwise:
        # Of what is read from data no part is decided: a pixel that is not leaves its tile undecided.
        middle = _middles(tiles.take(open_))
        open_ = open_[Evaluator(mask).classify(mask, middle) != MIXED]
    if len(open_):
        cover[open_] = _sharpen(mask, tiles.take(open_), samples, pointwise)
    return cover


def _sharpen(mask: Mask, tiles: Tiles, samples: Indices, pointwise: bool) -> Coverage:
    """Decide tiles by their parts, and stop refining one once a selected and an unselected pixel prove it
    MIXED; a tile is EMPTY or FULL only if the parts that are proved so make up all of its pixels.

    ``samples`` are places where pixels of both kinds are likely; pixels of a ``pointwise`` mask are asked one
    by one.
    """
    # Which tiles hold a pixel of a state, and how many pixels of each are proved to be in it.
    seen, proved = np.zeros((3, len(tiles)), dtype=bool), np.zeros((3, len(tiles)), dtype=np.int64)
    if pointwise:
        _ask_likely(mask, tiles, samples, seen)
    else:
        _look_at_likely(mask, tiles, samples, seen)
    parts, owner = _still_open(tiles, np.arange(len(tiles)), seen)
    left = max(_MOST_PARTS * len(tiles), _ALWAYS_PARTS)
    for side in _sides(tiles, down_to_pixels=pointwise):
        if not pointwise:
            parts, owner = _affordable(parts, owner, left)
        if not len(parts):
            break
        parts, parent = parts.split(side)
        left -= len(parts)
        owner = owner[parent]
        cover = Evaluator(mask).classify(mask, parts)
        size = areas(parts.bounds)
        for state in (EMPTY, FULL):
            decided = cover == state
            seen[state, owner[decided]] = True
            np.add.at(proved[state], owner[decided], size[decided])
        mixed = cover == MIXED
        parts, owner = parts.take(mixed), owner[mixed]
        _witness(mask, parts, owner, seen, pointwise)
        parts, owner = _still_open(parts, owner, seen)
    if pointwise:
        _settle(mask, parts, owner, seen, proved)
    # What is left undecided is in neither count, and so its tile is in neither state.
    whole = areas(tiles.bounds)
    return np.select([proved[EMPTY] == whole, proved[FULL] == whole], [EMPTY, FULL], MIXED).astype(np.uint8)


def _middles(tiles: Tiles) -> Tiles:
    """The pixel in the middle of each tile."""
    y, x = (tiles.bounds[i : i + 2].sum(axis=0) // 2 for i in (0, 2))
    return Tiles(tiles.geom, np.stack([y, y + 1, x, x + 1]), tiles.plane)


def _sides(tiles: Tiles, down_to_pixels: bool) -> list[int]:
    """Sides of the parts into which tiles are cut one after the other."""
    y0, y1, x0, x1 = tiles.bounds
    side, sides = int(max((y1 - y0).max(), (x1 - x0).max())), []
    number = _PARTS if down_to_pixels else _PARTS_COARSE
    while side > _SMALLEST:
        side = max(_SMALLEST, -(-side // number))
        sides.append(side)
        # Without witnesses that is enough to tell near misses from hits.
        if not down_to_pixels and side <= _COARSE:
            break
    return sides


def _affordable(parts: Tiles, owner: np.ndarray, most: int) -> tuple[Tiles, np.ndarray]:
    """The parts, with their owners, of tiles that can be cut once more; those with the fewest open parts,
    which are the likeliest to be decided, go first.
    """
    number = np.bincount(owner)
    order = np.argsort(number, kind="stable")
    kept = np.zeros(len(number), dtype=bool)
    kept[order] = np.cumsum(number[order]) * _PARTS_COARSE**2 <= most
    return parts.take(kept[owner]), owner[kept[owner]]


def _still_open(parts: Tiles, owner: np.ndarray, seen: np.ndarray) -> tuple[Tiles, np.ndarray]:
    """The parts, with their owners, of tiles that are not proved MIXED."""
    open_ = ~(seen[EMPTY] & seen[FULL])[owner]
    return parts.take(open_), owner[open_]


def _likely_edges(mask: Mask, tiles: Tiles, each_tile: int) -> Indices:
    """Pixels (y, x) beside the edges of the nodes of a mask, where nodes know them."""
    edged = [each for each in postorder(mask) if type(each).edge_samples is not Mask.edge_samples]
    number = min(each_tile * len(tiles), _EDGE_PIXELS_MOST) // max(1, len(edged))
    found = [each.edge_samples(tiles, number) for each in edged]
    places = np.concatenate([np.empty((2, 0)), *found], axis=1)
    known = np.isfinite(places).all(axis=0) & (np.abs(places) < 2**53).all(axis=0)
    y, x = np.floor(places[:, known] + 0.5).astype(np.int64)
    return y, x


def _ask_likely(mask: Mask, tiles: Tiles, samples: Indices, seen: np.ndarray) -> None:
    """Ask the corners of tiles, and the pixels of some places in them."""
    y0, y1, x0, x1 = tiles.bounds
    corners = np.stack([y0, y0, y1 - 1, y1 - 1]), np.stack([x0, x1 - 1, x0, x1 - 1])
    owner = np.tile(np.arange(len(tiles)), 4)
    _ask(mask, Pixels(tiles.geom, corners[0].ravel(), corners[1].ravel(), tiles.plane), owner, seen)
    y, x = samples
    owner = _holders(tiles, y, x)
    some = np.flatnonzero(owner >= 0)
    some = some[~(seen[EMPTY] & seen[FULL])[owner[some]]]
    _ask(mask, Pixels(tiles.geom, y[some], x[some], tiles.plane), owner[some], seen)


def _look_at_likely(mask: Mask, tiles: Tiles, samples: Indices, seen: np.ndarray) -> None:
    """Classify the pixels of some places in tiles."""
    y, x = samples
    owner = _holders(tiles, y, x)
    y, x, owner = y[owner >= 0], x[owner >= 0], owner[owner >= 0]
    _look(mask, Tiles(tiles.geom, np.stack([y, y + 1, x, x + 1]), tiles.plane), owner, seen)


def _look(mask: Mask, pixels: Tiles, owner: np.ndarray, seen: np.ndarray) -> None:
    """Classify tiles of one pixel: growth is sure where what grows is selected, and where none is near."""
    if not len(pixels):
        return
    cover = Evaluator(mask).classify(mask, pixels)
    for state in (EMPTY, FULL):
        seen[state, owner[cover == state]] = True


def _holders(tiles: Tiles, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The tile of a grid that holds each pixel, -1 for none."""
    y0, y1, x0, x1 = tiles.bounds
    rows, row = np.unique(y0, return_inverse=True)
    columns, column = np.unique(x0, return_inverse=True)
    key = row * len(columns) + column
    order = np.argsort(key)
    wanted = np.searchsorted(rows, y, side="right") - 1, np.searchsorted(columns, x, side="right") - 1
    place = np.searchsorted(key[order], wanted[0] * len(columns) + wanted[1])
    owner = order[np.minimum(place, len(tiles) - 1)]
    holds = (y0[owner] <= y) & (y < y1[owner]) & (x0[owner] <= x) & (x < x1[owner])
    return np.where(holds, owner, -1)


def _witness(mask: Mask, parts: Tiles, owner: np.ndarray, seen: np.ndarray, pointwise: bool) -> None:
    """Ask the middle pixel of each undecided part: one of each kind proves a tile mixed."""
    middles = _middles(parts)
    if pointwise:
        _ask(mask, Pixels(parts.geom, middles.bounds[0], middles.bounds[2], parts.plane), owner, seen)
    else:
        _look(mask, middles, owner, seen)


def _settle(mask: Mask, parts: Tiles, owner: np.ndarray, seen: np.ndarray, proved: np.ndarray) -> None:
    """Ask every pixel of the smallest parts of the tiles that are still open."""
    pixels, parent = parts.split(1)
    places = Pixels(parts.geom, pixels.bounds[0], pixels.bounds[2], parts.plane)
    _ask(mask, places, owner[parent], seen, proved)


def _ask(
    mask: Mask, pixels: Pixels, owner: np.ndarray, seen: np.ndarray, proved: np.ndarray | None = None
) -> None:
    """Ask pixels; count as proved in ``proved`` those that are in no part that is."""
    if not len(pixels):
        return
    selected = Evaluator(mask).run(mask, pixels)
    for state, found in ((FULL, selected), (EMPTY, ~selected & pixels.on_sky)):
        seen[state, owner[found]] = True
        if proved is not None:
            np.add.at(proved[state], owner[found], 1)
