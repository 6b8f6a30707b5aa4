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
from ..core.threads import busy_threads, in_threads
from .outline import EDGES, Outlines

__all__ = ["DOUBT", "EdgePieces"]

DOUBT = 1e-11
"""Radians from an edge within which a point is asked: far more than rounding and ties together."""


class EdgePieces(NamedTuple):
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
    moves : ndarray
        How far a crossing moves in longitude, at most and times the sine of its distance from l0, where the
        row and the edge move by `DOUBT`.
    ends : ndarray, shape (2, n)
        Longitudes of the ends of what is flat; else 0.
    """

    polygon: Indices
    low: Floats
    high: Floats
    node: Floats
    slope: Floats
    way: Floats
    flat: Bools
    moves: Floats
    ends: Floats

    @classmethod
    def of(cls, groups: Sequence[Outlines]) -> EdgePieces:
        """The pieces of the polygons of some batches, which are counted on from one to the next."""
        parts: list[tuple[Outlines, slice, int]] = []
        number = 0
        for each in groups:
            step = max(1, EDGES // len(each.lengths))
            parts.extend((each, slice(i, i + step), number + i) for i in range(0, len(each.radius), step))
            number += len(each.radius)
        found: list[Any] = in_threads(lambda part: cls._of(*part), parts, busy_threads(), apart=True)
        return cls(*(np.concatenate(each, axis=-1) for each in zip(*found, strict=True)))

    @classmethod
    def _of(cls, outlines: Outlines, some: slice, number: int) -> EdgePieces:
        """The pieces of some polygons of a batch, the first of which has that number."""
        # Those of a polygon one after the other.
        a, normal = (
            np.ascontiguousarray(each[..., some].transpose(1, 2, 0))
            for each in (outlines.vertices, outlines.normals)
        )
        across, h = (np.sqrt(each[0] * each[0] + each[1] * each[1]) for each in (a, normal))
        # Whether the edge goes north at its start and at its end.
        after = np.roll(a, -1, axis=2)
        north, still = (normal[0] * each[1] - normal[1] * each[0] > 0 for each in (a, after))
        lengths = outlines.lengths[:, some].T
        flat = h <= 4 * DOUBT * lengths
        edge = np.repeat(np.arange(h.size), 1 + ((north != still) & ~flat).ravel())
        # The first piece of an edge that turns, which the second follows.
        first = np.flatnonzero(edge[1:] == edge[:-1])
        second, turns = first + 1, edge[first]
        slope = np.divide(-normal[2], h, out=np.zeros_like(h), where=~flat)
        with np.errstate(divide="ignore"):
            # A distance from the axis has no sign, so that the arctangent of two numbers, twice as dear, is
            # not needed.
            lat = np.arctan(a[2] / across)

        def spread(each: Any) -> Any:
            return each.ravel()[edge]

        start, stop = spread(lat), spread(np.roll(lat, -1, axis=1))
        narrow = spread(np.minimum(across, np.roll(across, -1, axis=1)))
        way = np.where(spread(north), 1.0, -1.0)
        way[second] = -way[first]
        # At the apex: its latitude and the cosine of that.
        tall, wide = h.ravel()[turns], np.abs(normal[2]).ravel()[turns]
        start[second] = stop[first] = np.arctan2(tall, wide) * way[first]
        narrow[first] = narrow[second] = np.minimum(narrow[first], wide / lengths.ravel()[turns])
        node, slope, flat = spread(np.arctan2(normal[1], normal[0])), spread(slope), spread(flat)
        moves = _moves(slope, narrow)
        # What is flat begins where the arccosine of its slope is a right angle.
        level, ends = np.flatnonzero(flat), np.zeros((2, len(edge)))
        ends[:, level] = [np.arctan2(*each[1::-1].reshape(2, -1)[:, edge[level]]) for each in (a, after)]
        node[level], moves[level] = ends[0, level] - way[level] * (np.pi / 2), np.inf
        low, high = np.minimum(start, stop), np.maximum(start, stop)
        return cls(number + edge // h.shape[1], low, high, node, slope, way, flat, moves, ends)

    def take(self, index: Indices) -> EdgePieces:
        """The pieces at an index."""
        fields: Any = self
        return EdgePieces(*(np.take(each, index, axis=-1) for each in fields))

    def longitude(self, lat: Floats) -> Floats:
        """Where each piece meets a parallel, shape (n,), in radians."""
        cosine = np.clip(self.slope * np.tan(lat), -1.0, 1.0)
        return np.asarray(self.node + self.way * np.arccos(cosine))


def _moves(slope: Floats, narrow: Floats) -> Floats:
    """See `EdgePieces.moves`; ``narrow`` is the least cosine of a latitude of each piece."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((np.abs(slope) / narrow + 2.0) / narrow * DOUBT)
