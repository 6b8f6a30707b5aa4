"""The local part of a mask: what its bits on one tile depend on, found by adding up reaches from the root.

The residual of a tile leaves out the operands that the tile decides. Of what is left, leaves of many parts (a
catalogue) keep those parts that lie within the sum of the reaches of the nodes above them. Masks whose local
parts are equal have equal bits on the tile.
"""

from __future__ import annotations

import math

import numpy as np

from ..expr.mask import Mask
from ..expr.structure import postorder
from ..grid.tiles import Tile
from .compiled import Compiled
from .evaluate import Evaluator
from .residual import residual

__all__ = ["local_part"]


def local_part(compiled: Compiled, block: tuple[int, ...]) -> Mask:
    """A mask that is equal on the pixels of a block, in which is little that does not matter there."""
    planes = compiled.planes(block)
    tiles = Tile(compiled.geom, compiled.window(block), planes[0]).tiles
    mask = compiled.mask
    if len(planes) == 1:
        ask = Evaluator(mask)
        ask.classify(mask, tiles)
        mask = residual(mask, 0, lambda child: ask.coverage(child, tiles))
    made: dict[int, Mask] = {}
    beyond = _reaches(mask)
    for each in postorder(mask):
        angle = beyond[id(each)]
        if each.children:
            made[id(each)] = each.with_children(tuple(made[id(child)] for child in each.children))
        elif math.isinf(angle):
            made[id(each)] = each
        else:
            made[id(each)] = each.local(tiles.caps.grow(angle), compiled.geom.frame)
    return made[id(mask)]


def _reaches(mask: Mask) -> dict[int, float]:
    """How far beyond a tile, in radians, each node is asked: the largest sum over all ways down to it;
    infinite below a node about the whole map, or one that counts in pixels, whose angle varies.
    """
    found = {id(mask): 0.0}
    # Of a graph in postorder, backwards is parents before children.
    for each in reversed(list(postorder(mask))):
        reach = each.reach()
        own = math.inf if reach.everywhere or reach.pixels else float(np.deg2rad(reach.degrees))
        for child in each.children:
            found[id(child)] = max(found.get(id(child), 0.0), found[id(each)] + own)
    return found
