"""Lower: composite leaves become the operators that they stand for, so that every tile can drop the parts it
decides.
"""

from __future__ import annotations

from ..expr import Mask
from ..nodes.region import Region
from ..shapes import Circle, Compound
from ..structure import postorder
from .circles import as_catalogs

__all__ = ["lower"]


def lower(mask: Mask) -> Mask:
    """The same mask with regions of many shapes as unions, differences and so on, and circles as
    catalogues.
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
        low[id(each)] = now
    return low[id(mask)]


def _is_whole(region: Region) -> bool:
    """Whether a region of many shapes is asked as it is: circles in a union are better off as catalogues."""
    if not region.is_indexed:
        return False
    shape = region.shape
    assert isinstance(shape, Compound)
    return shape.joined != "or" or not any(isinstance(each, Circle) for each in shape.shapes)
