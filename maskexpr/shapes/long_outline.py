"""Edges of an outline of many vertices: those that an arc from a place may cross, and those near a place.

Seen from a place that lies on none of their great circles, edges take up ranges of direction. These are put
into even buckets, so that who asks whether arcs from there to points cross an edge looks at the edges in the
buckets of the points alone. How far caps are from an outline is told by a tree of places along its edges.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import scipy

from ..core.arrays import Bools, Floats, Indices
from ..pixels.ragged import Lists, ragged_ranges
from ..sphere.arcs import to_arc
from ..sphere.trees import chord_bound, pairs_within, tree_of
from ..sphere.vectors import angle_between, dot, normalise, tangents

__all__ = ["Along", "Seen"]

# Radians by which a range of directions is widened: more than rounding makes of one whose end is no nearer to
# the place, or to its antipode, than the limits below.
_SLACK: Final = 1e-5
# Sines of how near great circles of edges may come to the place, and points to it or its antipode.
_CLEAR: Final = 1e-6
_NEAR: Final = 1e-3
# Buckets and entries in them, for each edge, at most.
_BUCKETS: Final = 2
_ENTRIES: Final = 32
# Places for each edge, on average.
_PLACES: Final = 4
# Radians: more than rounding makes of distances of less than 3.
_ROUNDING: Final = 1e-9
_TURN: Final = 2 * np.pi


class Seen(NamedTuple):
    """Edges by their directions as seen from a place.

    Attributes
    ----------
    place, east, north : ndarray, shape (3,)
        The place, and the directions that angles are measured from and towards.
    first : float
        The angle at which the first bucket begins.
    width : float
        Of a bucket, radians.
    buckets : Lists
        The edges in each bucket.
    """

    place: Floats
    east: Floats
    north: Floats
    first: float
    width: float
    buckets: Lists

    @classmethod
    def of(cls, place: Floats, vertices: Floats, normals: Floats, lengths: Floats) -> Seen | None:
        """Edges from each of m vertices, shape (3, m), to the next, with their normals and the lengths of
        these; None where one's great circle passes the place.
        """
        if not (np.abs(dot(place[:, None], normals)) > _CLEAR * lengths).all():
            return None
        east, north = (each[:, 0] for each in tangents(place[:, None]))
        angle = np.arctan2(dot(north[:, None], vertices), dot(east[:, None], vertices))
        # The shorter way round: no edge passes the place or its antipode.
        turn = np.roll(angle, -1) - angle
        turn -= _TURN * np.rint(turn / _TURN)
        way = angle[0] + np.concatenate([[0.0], np.cumsum(turn)])
        first = float(way.min()) - _SLACK
        span = min(float(way.max()) + _SLACK - first, _TURN)
        number, size = len(angle), float(np.abs(turn).sum()) + 2 * _SLACK * len(angle)
        width = span / max(1, int(min(_BUCKETS * number, _ENTRIES * number * span / size)))
        count = max(1, round(span / width))
        begin = np.floor((np.minimum(angle, angle + turn) - _SLACK - first) % _TURN / width).astype(np.int64)
        begin = np.minimum(begin, count - 1)
        many = np.minimum(np.floor((np.abs(turn) + 2 * _SLACK) / width).astype(np.int64) + 2, count)
        edge, bucket = ragged_ranges(begin, many)
        bucket %= count
        order = np.argsort(bucket, kind="stable")
        return cls(place, east, north, first, width, Lists.of_pairs(count, bucket[order], edge[order]))

    def pairs(self, xyz: Floats) -> tuple[Indices, Indices]:
        """Pairs of a point, shape (3, n), and an edge that the arc to it may cross, by their numbers."""
        right, up = dot(self.east[:, None], xyz), dot(self.north[:, None], xyz)
        bucket = np.floor((np.arctan2(up, right) - self.first) % _TURN / self.width)
        # NaN is in no bucket.
        seen = np.flatnonzero(bucket < len(self.buckets.starts) - 1)
        near = right * right + up * up < _NEAR**2
        if near.any():
            seen = seen[~near[seen]]
        which, edge = self.buckets.pairs(bucket[seen].astype(np.int64))
        if not near.any():
            return seen[which], edge
        number = int(self.buckets.items.max()) + 1
        close = np.flatnonzero(near)
        point = np.concatenate([seen[which], np.repeat(close, number)])
        return point, np.concatenate([edge, np.tile(np.arange(number), len(close))])


class Along(NamedTuple):
    """Places along edges: no point of an edge is further from all of its places than the room (radians).

    Attributes
    ----------
    start, end : ndarray, shape (3, m)
        Ends of the edges.
    edge : ndarray of int, shape (n,)
        The edge that each place is on.
    """

    tree: scipy.spatial.cKDTree
    start: Floats
    end: Floats
    edge: Indices
    room: float

    @classmethod
    def of(cls, vertices: Floats, normals: Floats) -> Along:
        """Places along the edges from each of m vertices, shape (3, m), to the next, with their normals."""
        end = np.roll(vertices, -1, axis=1)
        length = angle_between(vertices, end)
        # At least one for each; where all edges have one length, that many.
        parts = np.ceil(length * (_PLACES * len(length) / length.sum())).astype(np.int64)
        edge, part = ragged_ranges(0, parts)
        turn = length[edge] * ((part + 0.5) / parts[edge])
        across = normalise(np.cross(normals, vertices, axis=0))
        places = vertices[:, edge] * np.cos(turn) + across[:, edge] * np.sin(turn)
        return cls(tree_of(places), vertices, end, edge, float((length / parts).max()) / 2 + _ROUNDING)

    def come_within(self, xyz: Floats, angle: Floats) -> Bools:
        """Which points, shape (3, n), have a point of an edge within an angle each, at most pi; NaN has none.

        The nearest place decides, unless it is about as far away as the angle.
        """
        out = np.zeros(xyz.shape[1], dtype=bool)
        some = np.flatnonzero(np.isfinite(xyz[0]))
        reach = np.minimum(angle[some] + self.room, np.pi)
        points = np.ascontiguousarray(xyz[:, some].T)
        chord, _ = self.tree.query(points, distance_upper_bound=float(chord_bound(reach.max(initial=0.0))))
        away = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
        # Angles from chords lose digits towards 180 deg.
        sure = away + np.where(away > 3.0, 1e-6, _ROUNDING) < angle[some]
        out[some[sure]] = True
        doubt = np.flatnonzero(~sure & (chord < np.inf))
        point, place = pairs_within(self.tree, points[doubt].T, chord_bound(reach[doubt]))
        which, edge = some[doubt[point]], self.edge[place]
        hit = to_arc(xyz[:, which], self.start[:, edge], self.end[:, edge]) <= angle[which]
        out[which[hit]] = True
        return out
