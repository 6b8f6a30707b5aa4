"""True angles to the nearest selected pixel, by a tree of unit vectors over the pixels that can be nearest.

What growth asks with yes or no is answered here with the angle: the same blocks are looked at, and the same
pixels of the mask are known to be hidden behind others, see `maskexpr.growth.tree`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..grid.neighbours import CapTree, exact_caps
from ..grid.tiles import OFF, Tile, block_pixels
from ..pixels.patches import Patches
from ..pixels.window import Window
from ..sphere.vectors import chord2_of, unit
from .shape import Selection, SkyShape
from .tree import Rims, tree_blocks

__all__ = ["nearest_selected"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Pixels that are looked up at once.
_TARGETS = 1 << 17


def nearest_selected(tile: Tile, shape: SkyShape, selection: Selection) -> Floats:
    """Angles to the nearest selected pixel, on the map or beyond it.

    Parameters
    ----------
    tile : Tile
        The pixels.
    shape : SkyShape
        A disk; no further is looked.
    selection : Selection
        How to ask for what is selected.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        Radians, the disk's radius where nothing is nearer; 0 where selected and off the sky.
    """
    here = selection.values(tile)
    out = np.full(tile.shape, shape.lat)
    out[here if tile.on_sky is None else here | ~tile.on_sky] = 0.0
    tiles = tile.tiles
    found = tree_blocks(tiles.take(tiles.sky != OFF), shape, selection)
    windows = [Window(*bounds) for bounds in found.near.bounds.T.tolist()]
    child = Patches(windows, [selection.values(tile.on(each)) for each in windows])
    rims = Rims(child, found.near, shape)
    per_call = max(1, _TARGETS // found.side**2)
    for first in range(0, len(found.blocks), per_call):
        some = found.blocks.take(np.arange(first, min(first + per_call, len(found.blocks))))
        near = found.near.take(CapTree(exact_caps(some)).gap(exact_caps(found.near)) <= shape.bound)
        y, x = block_pixels(some, found.side)
        row, column = y - tile.window.y0, x - tile.window.x0
        wanted = out[row, column] > 0
        row, column = row[wanted], column[wanted]
        targets = unit(*tile.geom.lonlat(y[wanted], x[wanted]))
        for sources in rims.within(near.bounds):
            out[row, column] = np.minimum(out[row, column], _angles(targets, sources, shape))
    return out


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
