"""One way of growing on its own, so that the ways can be compared."""

from __future__ import annotations

import numpy as np

from maskexpr.grid.tiles import Tile, Tiles
from maskexpr.growth.plane import grow_plane, smooth_blocks
from maskexpr.growth.shape import Selection, SkyShape
from maskexpr.growth.tree import grow_by_tree, tree_blocks
from maskexpr.pixels.patches import Patches
from maskexpr.pixels.rectangles import disjoint
from maskexpr.pixels.window import Window


def by_tree(tile: Tile, shape: SkyShape, chosen: Selection) -> np.ndarray:
    """All of a tile grown by the tree."""
    found = tree_blocks(tile.tiles, shape, chosen, tile.tiles.bounds)
    near = [tile.on(Window(*bounds)) for bounds in disjoint(found.near.bounds).T.tolist()]
    child = Patches([each.window for each in near], [chosen.values(each) for each in near])
    grown = Patches([tile.window], [child.on(tile.window).copy()])
    grow_by_tree(found, grown, shape, child)
    return grown.arrays[0] if tile.on_sky is None else grown.arrays[0] & tile.on_sky


def in_plane(tile: Tile, shape: SkyShape, chosen: Selection) -> tuple[np.ndarray, Tiles]:
    """The smooth blocks of a tile grown in the plane, and the blocks that are left."""
    smooth, left = smooth_blocks(tile, shape, chosen)
    return grow_plane(smooth, shape, lambda window: chosen.values(tile.on(window))), left
