"""True angles to the nearest selected pixel: by rows on separable grids, elsewhere by a tree of vectors.

By rows see `maskexpr.growth.envelope`. On other grids growth's blocks are looked at, and the pixels that
growth knows to be hidden behind others left out, see `maskexpr.growth.tree`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..expr.mask import Bools
from ..grid.neighbours import TINY, CapTree, exact_caps
from ..grid.tiles import OFF, Tile, block_pixels
from ..pixels.patches import Patches
from ..pixels.rectangles import disjoint
from ..pixels.window import Window
from ..sphere.vectors import chord2_of, unit
from .envelope import by_rows
from .shape import Selection, SkyShape
from .tree import Rims, tree_blocks

__all__ = ["Near", "nearest_selected"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Pixels that are looked up at once.
_TARGETS = 1 << 17
# Rows of a tile that are measured together.
_ROWS = 256


class Near(NamedTuple):
    """Pixels of a window that are nearer than a limit to a selected one, or off the sky, and how near.

    Attributes
    ----------
    window : Window
    zero : ndarray of bool, shape (ny, nx)
        Which are selected or off the sky.
    pixels : ndarray of int64, shape (n,)
        Flat indices into the window (``y * nx + x``) of others that are nearer than the limit.
    angles : ndarray of float64, shape (n,)
        How near, radians.
    """

    window: Window
    zero: Bools
    pixels: Ints
    angles: Floats


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
    for strip in _strips(tile) if tile.geom.separable else [tile]:
        found = by_rows(strip, shape.lat, selection) if tile.geom.separable else None
        if found is None:
            found = _by_tree(strip, shape, selection)
        yield Near(strip.window, *found)


def _strips(tile: Tile) -> list[Tile]:
    y0, y1, x0, x1 = tile.window
    return [tile.on(Window(y, min(y + _ROWS, y1), x0, x1)) for y in range(y0, y1, _ROWS)]


def _by_tree(tile: Tile, shape: SkyShape, selection: Selection) -> tuple[Bools, Ints, Floats]:
    zero = selection.values(tile)
    if tile.on_sky is not None:
        zero = zero | ~tile.on_sky
    out = np.full(tile.shape, shape.lat)
    tiles = tile.tiles
    found = tree_blocks(tiles.take(tiles.sky != OFF), shape, selection, tiles.bounds)
    windows = [Window(*bounds) for bounds in disjoint(found.near.bounds, tile.window.size).T.tolist()]
    child = Patches(windows, [selection.values(tile.on(each)) for each in windows])
    rims = Rims(child, found.near, shape)
    per_call = max(1, _TARGETS // TINY**2)
    for first in range(0, len(found.blocks), per_call):
        part = np.arange(first, min(first + per_call, len(found.blocks)))
        near = found.near.take(CapTree(found.caps.take(part)).near(exact_caps(found.near), shape.bound))
        y, x = block_pixels(found.blocks.take(part), TINY)
        row, column = y - tile.window.y0, x - tile.window.x0
        wanted = ~zero[row, column]
        row, column = row[wanted], column[wanted]
        targets = unit(*tile.geom.lonlat(y[wanted], x[wanted]))
        for sources in rims.within(near.bounds):
            out[row, column] = np.minimum(out[row, column], _angles(targets, sources, shape))
    pixels = np.flatnonzero(out < shape.lat)
    return zero, pixels, out.reshape(-1)[pixels]


def _angles(targets: Floats, sources: Floats, shape: SkyShape) -> Floats:
    """Angles of unit vectors, shape (3, n), to the nearest of others, shape (3, m), at most the radius."""
    out = np.full(targets.shape[1], shape.lat)
    if not sources.shape[1]:
        return out
    tree = cKDTree(sources.T, balanced_tree=False, leafsize=24)
    chord = float(np.sqrt(chord2_of(shape.bound))) * (1 + 1e-9) + 1e-12
    found, _ = tree.query(targets.T, distance_upper_bound=chord)
    # Half the chord is the sine of half the angle.
    return np.asarray(np.minimum(2 * np.arcsin(np.minimum(found / 2, 1.0)), out))
