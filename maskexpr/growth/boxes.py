"""Which points have one of others in the box round them: a k-d tree of longitudes and latitudes.

The nearest point need not be the one in the box, and the pairs of all points are too many. A node of the tree
is a rectangle of longitudes and latitudes: all of it in a box, none of it, or neither, and then its halves
are asked. A point is done with the first node that is in its box as a whole.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.trace import count
from ..expr.mask import Bools
from .shape import SkyShape

__all__ = ["in_boxes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

# Points of a leaf, which are asked one by one.
_LEAF: Final = 4
# Pairs of a point and a node that are asked at once: bounds memory.
_PAIRS: Final = 1 << 19
# Radians by which a bound is widened before it is believed, more than rounding.
_SLACK: Final = 1e-11


class _Level(NamedTuple):
    """The nodes of one depth: middles and half-widths of longitudes, bounds of latitudes and of cosines."""

    lon: Floats
    half: Floats
    south: Floats
    north: Floats
    narrow: Floats
    wide: Floats


def in_boxes(targets: Floats, sources: Floats, shape: SkyShape) -> Bools:
    """Which targets, unit vectors of shape (3, n), have one of the sources, shape (3, m), in the box round
    them; ties are in.
    """
    levels, sources = _tree(sources)
    lon, lat, cosine = _angles(targets)
    out = np.zeros(targets.shape[1], dtype=bool)
    stack = [(0, np.arange(len(out)), np.zeros(len(out), dtype=np.intp))]
    while stack:
        depth, target, node = stack.pop()
        target, node = (each[~out[target]] for each in (target, node))
        if len(target) > _PAIRS:
            half = len(target) // 2
            stack += [(depth, target[half:], node[half:]), (depth, target[:half], node[:half])]
            continue
        count("pairs", len(target))
        if depth == len(levels):
            out[target[shape.holds(targets[:, target], sources[:, node])]] = True
            continue
        full, empty = _compare(levels[depth], node, lon[target], lat[target], cosine[target], shape)
        out[target[full]] = True
        open_ = ~(full | empty)
        target, node = target[open_], node[open_]
        number = sources.shape[1] >> depth if depth == len(levels) - 1 else 2
        children = (number * node[:, None] + np.arange(number)).ravel()
        stack.append((depth + 1, np.repeat(target, number), children))
    return out


def _angles(xyz: Floats) -> tuple[Floats, Floats, Floats]:
    """Longitudes, latitudes and cosines of those."""
    flat = np.hypot(xyz[0], xyz[1])
    return np.arctan2(xyz[1], xyz[0]), np.arctan2(xyz[2], flat), flat


def _tree(sources: Floats) -> tuple[list[_Level], Floats]:
    """The levels of a tree from its root on, and the points in the order of its leaves.

    The number of points is filled up to a power of two by the last again. Each node is halved at the median of
    its longitudes or of its latitudes, of which of them it is wider in.
    """
    number = sources.shape[1]
    order = np.minimum(np.arange(1 << (number - 1).bit_length()), number - 1)[None, :]
    lon, lat, cosine = _angles(sources)
    levels = []
    while True:
        places = lon[order], lat[order]
        (west, east), (south, north) = ((each.min(axis=1), each.max(axis=1)) for each in places)
        narrow, wide = cosine[order].min(axis=1), cosine[order].max(axis=1)
        levels.append(_Level((west + east) / 2, (east - west) / 2, south, north, narrow, wide))
        if order.shape[1] <= _LEAF:
            return levels, np.ascontiguousarray(sources[:, order.ravel()])
        by_lon = ((east - west) * wide > north - south)[:, None]
        ranks = np.argsort(np.where(by_lon, *places), axis=1, kind="stable")
        order = np.take_along_axis(order, ranks, axis=1).reshape(2 * len(order), -1)


def _compare(
    level: _Level, node: Ints, lon: Floats, lat: Floats, cosine: Floats, shape: SkyShape
) -> tuple[Bools, Bools]:
    """Whether all of a node, and whether none of it, is certainly in the box round a point, for pairs."""
    middle, half, south, north, narrow, wide = (each[node] for each in level)
    apart = np.abs(lon - middle)
    apart = np.minimum(apart, 2 * np.pi - apart)
    least, most = np.maximum(apart - half, 0.0), np.minimum(apart + half, np.pi)
    rise = np.maximum(np.maximum(south - lat, lat - north), 0.0)
    full = np.maximum(np.abs(lat - south), np.abs(lat - north)) < shape.lat - _SLACK
    full &= most * np.maximum(cosine, wide) < shape.lon - _SLACK
    empty = (rise > shape.lat + _SLACK) | (least * np.maximum(cosine, narrow) > shape.lon + _SLACK)
    return full, empty
