"""Lower: composite leaves become the operators that they stand for, so that every tile can drop the parts it
decides.
"""

from __future__ import annotations

from ..expr import Mask
from ..nodes.region import Region
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
            now = now.lowered() if catalogs is None else catalogs
        low[id(each)] = now
    return low[id(mask)]
