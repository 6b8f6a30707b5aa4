"""Lower: composite leaves become the operators that they stand for, so that every tile can drop the parts it
decides, and files are named by their whole paths.
"""

from __future__ import annotations

from itertools import pairwise

from ..expr.mask import Mask
from ..expr.structure import postorder
from ..maps.leaf import settled
from ..nodes.region import Region
from ..shapes import Circle, Compound
from .unite import as_catalogs

__all__ = ["lower"]

# More turns from adding to taking away are not worth as many operators.
_TURNS = 6


def lower(mask: Mask) -> Mask:
    """The same mask with regions of many shapes as unions, differences and so on, circles as catalogues, and
    files by their whole paths.
    """
    low: dict[int, Mask] = {}
    for each in postorder(mask):
        children = each.children
        now = each.with_children(tuple(low[id(child)] for child in children)) if children else each
        if isinstance(now, Region):
            catalogs = as_catalogs(now)
            if catalogs is not None:
                now = catalogs
            elif not _is_whole(now):
                now = now.lowered()
        elif now.reads_data:
            now = settled(now)
        low[id(each)] = now
    return low[id(mask)]


def _is_whole(region: Region) -> bool:
    """Whether a region of many shapes is asked as it is: circles in a union are better off as catalogues."""
    if region.is_planar:
        return True
    if not region.is_indexed:
        return region.is_marks
    shape = region.shape
    if not isinstance(shape, Compound) or not any(isinstance(each, Circle) for each in shape.samples):
        return True
    # Many circles are better off as catalogues, but every turn from adding to taking away makes another one.
    turns = sum(a != b for a, b in pairwise(shape.adds))
    return shape.joined == "xor" or turns > _TURNS
