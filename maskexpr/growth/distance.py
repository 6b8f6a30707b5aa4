"""True angles to the nearest selected pixel: by rows on separable grids, elsewhere by blocks of pixels.

By rows see `maskexpr.growth.envelope`, by blocks `maskexpr.growth.nearest`. On other grids growth's blocks
are looked at, and the pixels that growth knows to be hidden behind others left out, see
`maskexpr.growth.tree`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from ..core.arrays import Floats
from ..expr.mask import Bools
from ..grid.neighbours import within_any
from ..grid.tiles import OFF, Tile, Tiles
from ..pixels.rectangles import disjoint
from ..pixels.window import Window
from ..sphere.trees import chord_bound
from .envelope import Part, by_rows, strips
from .nearest import SIDE, Places
from .rings import rings_of
from .shape import Selection, SkyShape
from .tree import hidden, tree_blocks

__all__ = ["Near", "nearest_selected"]

# Pixels that are as dear as another window.
_WINDOW = 1 << 18
# Side of the blocks that are left out where all their diagonals are measured.
_BLOCK = 64


class Near(NamedTuple):
    """Angles to the nearest selected pixel in a window.

    Attributes
    ----------
    window : Window
    zero : ndarray of bool, shape (ny, nx)
        Which pixels are selected or off the sky.
    parts : iterable of tuple (pixels, angles)
        Pixels, as an index of an array of the window's shape, and how near they are, radians: at most the
        limit. What is in no part is as far as that, or zero; what is zero may be in one too, with any angle.
    """

    window: Window
    zero: Bools
    parts: Iterable[Part]


def nearest_selected(tile: Tile, shape: SkyShape, selection: Selection) -> Iterator[Near]:
    """Angles to the nearest selected pixel, on the map or beyond it, in windows that make up a tile.

    Parameters
    ----------
    tile : Tile
        The pixels.
    shape : SkyShape
        A disk; no further is looked.
    selection : Selection
        How to ask for what is selected.
    """
    for strip in strips(tile, shape.lat) if tile.geom.separable else [tile]:
        found = by_rows(strip, shape.lat, selection) if tile.geom.separable else None
        if found is None:
            found = _by_blocks(strip, shape, selection)
        yield Near(strip.window, *found)


def _by_blocks(tile: Tile, shape: SkyShape, selection: Selection) -> tuple[Bools, Iterator[Part]]:
    """See `Near`; on diagonals that are parallels as rows are."""
    rings = rings_of(tile, shape.lat)
    if rings is None:
        here = selection.values(tile)
        parts = _parts(tile, tile.tiles, here, np.ones_like(here), shape, selection)
    else:
        around = rings.around
        selected = selection.values(around)
        here = selected[tile.window.within(around.window)]
        blocks, _ = tile.tiles.split(_BLOCK)
        left = blocks.take(~rings.holds(blocks.bounds))
        rest = _parts(tile, left, here, ~rings.here, shape, selection)
        parts = chain(rings.parts(around, selected, shape, selection), rest)
    return here if tile.on_sky is None else here | ~tile.on_sky, parts


def _parts(
    tile: Tile, blocks: Tiles, here: Bools, asked: Bools, shape: SkyShape, selection: Selection
) -> Iterator[Part]:
    """Pixels of blocks of a tile that are asked for and not selected, and their angles."""
    blocks = blocks.take(blocks.sky != OFF)
    if not len(blocks):
        return
    top, left = tile.window.y0, tile.window.x0
    wanted = asked & ~here
    found = tree_blocks(blocks, shape, selection, tile.tiles.bounds, SIDE)
    sources = _sources(tile, here, found.near, shape, selection)
    chord = float(chord_bound(shape.bound))
    for y, x, chords in Places(sources, chord).nearest(found.blocks, lambda y, x: wanted[y - top, x - left]):
        # Half the chord is the sine of half the angle.
        angles = np.minimum(2 * np.arcsin(np.minimum(chords / 2, 1.0)), shape.lat)
        some = asked[y - top, x - left]
        yield (y[some] - top, x[some] - left), angles[some]


def _sources(tile: Tile, here: Bools, near: Tiles, shape: SkyShape, selection: Selection) -> Floats:
    """Unit vectors, shape (3, n), of the selected pixels of a tile and of windows that are near it, but for
    those that others hide.
    """
    beyond = near.take(~within_any(near.bounds, tile.tiles.bounds))
    asked = disjoint(beyond.bounds, tile.window.size // 2, _WINDOW)
    windows = [tile.on(Window(*each)) for each in asked.T.tolist()]
    found = [np.zeros((3, 0))]
    for each, values in ((tile, here), *((some, selection.values(some)) for some in windows)):
        y, x = np.nonzero(values & ~hidden(each, values, shape))
        found.append(tile.geom.vectors(y + each.window.y0, x + each.window.x0))
    return np.concatenate(found, axis=1)
