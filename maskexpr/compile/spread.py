"""Spread: dilations are taken down to the leaves, for masks that are asked at bare points of the sky.

Between bare points a mask is a set on the sphere, and growing that by a disk goes through unions and adds up.
On a grid, where a mask is the set of its pixels' centres, two dilations are not one.
"""

from __future__ import annotations

import astropy.units as u

from ..expr.mask import AllSky, Mask, NoSky, Or
from ..expr.structure import postorder
from ..nodes.dilate import Dilate

__all__ = ["spread"]


def spread(mask: Mask) -> Mask:
    """A mask that is equal at bare points and in which no disk on the sky grows a union or another such disk.

    Examples
    --------
    >>> spread(Dilate(Dilate(NoSky() | Dilate(AllSky(), "1 deg", metric="pixel"), "1 deg"), "2 deg"))
    (NoSky | Dilate(Dilate(AllSky, 1 deg, metric='pixel'), 3 deg))
    """
    done: dict[int, Mask] = {}
    for each in postorder(mask):
        children = each.children
        now = each.with_children(tuple(done[id(child)] for child in children)) if children else each
        done[id(each)] = _to_leaves(now) if isinstance(now, Dilate) and now.disk is not None else now
    return done[id(mask)]


def _to_leaves(grown: Dilate) -> Mask:
    """A dilation by a disk of what is spread already, spread."""
    inner = grown.mask
    if not isinstance(inner, Or):
        return _onto(inner, grown)
    return Or(*[_onto(each, grown) for each in inner.masks])


def _onto(inner: Mask, grown: Dilate) -> Mask:
    """What is no union, grown as a dilation by a disk says."""
    if isinstance(inner, AllSky | NoSky):
        return inner
    assert grown.disk is not None
    if isinstance(inner, Dilate) and inner.disk is not None:
        return Dilate(inner.mask, min(inner.disk + grown.disk, 180.0) * u.deg)
    return grown.restore({**dict(grown.fields()), "mask": inner})
