"""Which points have one of others in the shape round them, where the nearest of them is no help.

The nearest point need not be the one in a box. And rows of pixels at the horizon of a projection are all but
equally far from a place, so that a search for the nearest looks at all of them. Here it is asked whether
there is any: the others are halved again and again, and a part is in the shape as a whole, or none of it is,
or neither is known, and then its halves are asked. A point is done with the first part that is in its shape.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.trace import count
from ..sphere.vectors import angle_between
from .shape import SkyShape

__all__ = ["any_within"]

# Points of the smallest parts, which are asked one by one.
_LEAF: Final = 8
# Pairs of a point and a part that are asked at once: bounds memory.
_PAIRS: Final = 1 << 19
# Radians by which a bound is widened before it is believed, more than rounding.
_SLACK: Final = 1e-11


class _Bounds(Protocol):
    """The bounds of parts of equally many points."""

    @classmethod
    def of(cls, xyz: Floats) -> Any:
        """Bounds of parts, shape (3, parts, points)."""

    def keys(self, xyz: Floats) -> Floats:
        """What to halve the parts by, shape (parts, points)."""

    def compare(self, part: Indices, points: Floats, shape: SkyShape) -> tuple[Bools, Bools]:
        """Whether all of a part, and whether none, is certainly in the shape round a point, of pairs."""


def any_within(targets: Floats, sources: Floats, shape: SkyShape) -> Bools:
    """Which targets, unit vectors of shape (3, n), have one of the sources, shape (3, m), in the shape round
    them; ties are in.
    """
    kind: type[_Bounds] = _Rectangles if shape.box else _Caps
    number = targets.shape[1]
    out = np.zeros(number, dtype=bool)
    stack = [(_filled(sources), np.arange(number), np.zeros(number, dtype=np.intp))]
    while stack:
        xyz, target, part = stack.pop()
        target, part = (each[~out[target]] for each in (target, part))
        if len(target) > _PAIRS:
            half = len(target) // 2
            stack += [(xyz, target[half:], part[half:]), (xyz, target[:half], part[:half])]
            continue
        # What no point asks about any more is not halved.
        asked, part = np.unique(part, return_inverse=True)
        xyz = xyz[:, asked]
        bounds = kind.of(xyz)
        count("pairs", len(target))
        full, empty = bounds.compare(part, targets[:, target], shape)
        out[target[full]] = True
        target, part = (each[~(full | empty)] for each in (target, part))
        if xyz.shape[2] <= _LEAF:
            held = shape.holds(targets[:, target, None], xyz[:, part]).any(axis=1)
            out[target[held]] = True
        elif len(target):
            order = np.argsort(bounds.keys(xyz), axis=1)
            xyz = np.take_along_axis(xyz, order[None], axis=2).reshape(3, 2 * xyz.shape[1], -1)
            halves = (2 * part[:, None] + np.arange(2)).ravel()
            stack.append((xyz, np.repeat(target, 2), halves))
    return out


def _filled(sources: Floats) -> Floats:
    """One part of all points, filled up to a power of two by the last again, shape (3, 1, points)."""
    number = sources.shape[1]
    return sources[:, np.minimum(np.arange(1 << (number - 1).bit_length()), number - 1)][:, None]


class _Caps(NamedTuple):
    """Caps round parts, for disks."""

    centre: Floats
    radius: Floats

    @classmethod
    def of(cls, xyz: Floats) -> _Caps:
        """See `_Bounds.of`."""
        sums = xyz.sum(axis=2)
        length = np.sqrt((sums**2).sum(axis=0))
        # Points that cancel out have no middle; any does.
        centre = np.where(length > _SLACK, sums / np.maximum(length, _SLACK), xyz[:, :, 0])
        return cls(centre, angle_between(centre[:, :, None], xyz).max(axis=1))

    def keys(self, xyz: Floats) -> Floats:
        """See `_Bounds.keys`: the axis along which a part is longest."""
        longest = np.argmax(np.ptp(xyz, axis=2), axis=0)
        return np.asarray(np.take_along_axis(xyz, longest[None, :, None], axis=0)[0])

    def compare(self, part: Indices, points: Floats, shape: SkyShape) -> tuple[Bools, Bools]:
        """See `_Bounds.compare`."""
        distance, radius = angle_between(self.centre[:, part], points), self.radius[part]
        return distance + radius < shape.lat - _SLACK, distance - radius > shape.lat + _SLACK


class _Rectangles(NamedTuple):
    """Rectangles of longitudes and latitudes round parts, for boxes: middles and half-widths of longitudes,
    bounds of latitudes and of their cosines.
    """

    lon: Floats
    half: Floats
    south: Floats
    north: Floats
    narrow: Floats
    wide: Floats

    @classmethod
    def of(cls, xyz: Floats) -> _Rectangles:
        """See `_Bounds.of`."""
        (west, east), (south, north), (narrow, wide) = (
            (each.min(axis=1), each.max(axis=1)) for each in _angles(xyz)
        )
        return cls((west + east) / 2, (east - west) / 2, south, north, narrow, wide)

    def keys(self, xyz: Floats) -> Floats:
        """See `_Bounds.keys`: longitudes or latitudes, along which of them a part is longer."""
        by_lon = 2 * self.half * self.wide > self.north - self.south
        lon, lat, _ = _angles(xyz)
        return np.where(by_lon[:, None], lon, lat)

    def compare(self, part: Indices, points: Floats, shape: SkyShape) -> tuple[Bools, Bools]:
        """See `_Bounds.compare`."""
        middle, half, south, north, narrow, wide = (each[part] for each in self)
        lon, lat, cosine = _angles(points)
        apart = np.abs(lon - middle)
        apart = np.minimum(apart, 2 * np.pi - apart)
        least, most = np.maximum(apart - half, 0.0), np.minimum(apart + half, np.pi)
        rise = np.maximum(np.maximum(south - lat, lat - north), 0.0)
        full = np.maximum(np.abs(lat - south), np.abs(lat - north)) < shape.lat - _SLACK
        full &= most * np.maximum(cosine, wide) < shape.lon - _SLACK
        empty = (rise > shape.lat + _SLACK) | (least * np.maximum(cosine, narrow) > shape.lon + _SLACK)
        return full, empty


def _angles(xyz: Floats) -> tuple[Floats, Floats, Floats]:
    """Longitudes, latitudes and cosines of those."""
    flat = np.hypot(xyz[0], xyz[1])
    return np.arctan2(xyz[1], xyz[0]), np.arctan2(xyz[2], flat), flat
