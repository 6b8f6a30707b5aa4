"""Edges of polygons in pieces that go one way in latitude, which parallels cross once each.

On the great circle square to n, with ``h = hypot(n_x, n_y)`` and the longitude l0 of n, the parallel at
latitude b is met where ``cos(l - l0) = -n_z tan(b) / h``. What goes north there is at l0 plus the arccosine,
what goes south at l0 minus it; an edge is cut where it turns, at the apex of its circle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from .outline import Outlines

__all__ = ["DOUBT", "Pieces"]

DOUBT = 1e-11
"""Radians from an edge within which a point is asked: far more than rounding and ties together."""


class Pieces(NamedTuple):
    """n pieces of edges.

    Attributes
    ----------
    polygon : ndarray of int
        The polygon that each is of, in order.
    low, high : ndarray
        Latitudes of its ends, radians. Pieces that meet have the very same number there, so that of those of
        a polygon an even number holds any latitude in ``[low, high)``.
    node, slope, way : ndarray
        ``l0``, ``-n_z / h`` and whether it goes north (1) or south (-1).
    flat : ndarray of bool
        Whether it is as good as a part of the equator. Its crossing is put at its start.
    ends : ndarray, shape (2, n)
        Longitudes of the ends of the edge.
    """

    polygon: Indices
    low: Floats
    high: Floats
    node: Floats
    slope: Floats
    way: Floats
    flat: Bools
    ends: Floats

    @classmethod
    def of(cls, groups: Sequence[Outlines]) -> Pieces:
        """The pieces of the polygons of some batches, which are counted on from one to the next."""
        parts: list[Any] = []
        first = 0
        for each in groups:
            number = len(each.radius)
            parts.append(cls._of(each, np.arange(first, first + number)))
            first += number
        found = _joined(parts)
        return found.take(np.argsort(found.polygon, kind="stable"))

    @classmethod
    def _of(cls, outlines: Outlines, polygon: Indices) -> Pieces:
        a, normal = np.moveaxis(outlines.vertices, 1, 0), np.moveaxis(outlines.normals, 1, 0)
        lat, lon = np.arctan2(a[2], np.hypot(a[0], a[1])), np.arctan2(a[1], a[0])
        c, lat_c, lon_c = np.roll(a, -1, axis=1), np.roll(lat, -1, axis=0), np.roll(lon, -1, axis=0)
        h = np.hypot(normal[0], normal[1])
        flat = h <= 4 * DOUBT * outlines.lengths
        # Whether the edge goes north at its start and at its end.
        north, still = (normal[0] * each[1] - normal[1] * each[0] > 0 for each in (a, c))
        turns = (north != still) & ~flat
        apex = np.copysign(np.arctan2(h, np.abs(normal[2])), np.where(north, 1.0, -1.0))
        node = np.arctan2(normal[1], normal[0])
        slope = np.divide(-normal[2], h, out=np.zeros_like(h), where=~flat)
        whose = np.broadcast_to(polygon, h.shape)

        def some(which: Bools, start: Floats, stop: Floats, ascends: Bools) -> Pieces:
            low, high, way = np.minimum(start, stop), np.maximum(start, stop), np.where(ascends, 1.0, -1.0)
            # The start of what is flat, where the arccosine of its slope is a right angle.
            here = np.where(flat, lon - way * (np.pi / 2), node)
            fields: list[Any] = [each[which] for each in (whose, low, high, here, slope, way, flat)]
            fields.append(np.stack([lon[which], lon_c[which]]))
            return cls(*fields)

        before = some(np.ones_like(turns), lat, np.where(turns, apex, lat_c), north)
        after = some(turns, apex, lat_c, still)
        return _joined([before, after])

    def take(self, index: Indices) -> Pieces:
        """The pieces at an index."""
        fields: Any = self
        return Pieces(*(each[..., index] for each in fields))

    def longitude(self, lat: Floats) -> Floats:
        """Where each piece meets a parallel, shape (n,), in radians."""
        cosine = np.clip(self.slope * np.tan(lat), -1.0, 1.0)
        return np.asarray(self.node + self.way * np.arccos(cosine))


def _joined(parts: list[Any]) -> Pieces:
    return Pieces(*(np.concatenate(some, axis=-1) for some in zip(*parts, strict=True)))
