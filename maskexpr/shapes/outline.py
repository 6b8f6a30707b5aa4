"""Outlines of polygons: great-circle edges, and on which side of them points are.

Whether a point is inside is the parity of the edges that the arc from a reference point to it crosses. The
reference is chosen far from the great circle of every edge, so that each of the signs that decide a crossing
is certain unless the point itself is on an edge.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.errors import RegionError
from ..core.once import once_for
from ..core.threads import busy_threads, in_threads
from ..sphere.arcs import cross
from ..sphere.vectors import TIE, Caps, angle_between, chord2, dot, normalise, rotate, rotation, unit
from .arrangement import cells
from .base import SLACK
from .batch import Which
from .long_outline import Along, Seen

__all__ = ["EDGES", "Outlines", "outline", "outlines"]

Edge = tuple[Floats, Floats, Floats, Floats]
"""Ends and normals of some edges of n polygons, shape (3, edges, n) each, and lengths, shape (edges, n)."""

EDGES: Final = 1 << 15
"""Edges that are prepared in one call of numpy. Shorter calls would stay in the cache, but threads of them
wait for each other; longer ones take more memory in each of many threads.
"""

_lock = threading.Lock()

# Candidates for reference points: enough that one is far from every edge's great circle.
_CANDIDATES: Final = 96
# Pairs of an edge and a thing in one call of numpy: what stays in the cache.
_PAIRS: Final = 1 << 13
# Points whose pairs are found together.
_POINTS: Final = 1 << 11
# Polygons of at least so many vertices are asked by those of their edges that matter, where one has more
# pairs than this of an edge and a thing: to find them takes what so many pairs take.
_LONG: Final = 64
_SHORT: Final = 1 << 16
# Arcs longer than this (cosine) have an uncertain direction: such points are reached from the second
# reference.
_FAR: Final = -0.9
# Arcsines of more than this lose digits; that of this one is a lower bound for them.
_SURE: Final = 1 - 1e-7
# A polygon that leaves less than this (steradians) between its largest cells does not say which one is meant.
_UNDECIDED: Final = 1e-9


class _Rest(NamedTuple):
    """Things, and the polygon that each is asked about."""

    things: Indices
    polygons: Indices


@dataclass(frozen=True)
class Outlines:
    """The edges of n polygons of as many vertices, m, in one frame, and what is known of them.

    Attributes
    ----------
    vertices, normals : ndarray, shape (m, 3, n)
        Edge i goes from vertex i to vertex i + 1, its normal is their vector product.
    lengths : ndarray, shape (m, n)
        Of the normals.
    centre : ndarray, shape (3, n)
    radius, cos_radius : ndarray, shape (n,)
        All but the largest cell lies within the radius of the centre.
    larger : ndarray of bool, shape (n,)
        Whether the other side is inside.
    wide : ndarray of bool, shape (n,)
        Whether no hemisphere about the centre is sure to hold all but the largest cell.
    references : ndarray, shape (2, 3, n)
        Two points, of polygons that are ready.
    known : ndarray of bool, shape (2, n)
        Whether each is on the smaller side: an odd number of crossings away from the largest cell.
    ready : ndarray of bool, shape (n,)
        Whether the reference points are chosen, which painting by rows does without for most.
    """

    vertices: Floats
    normals: Floats
    lengths: Floats
    centre: Floats
    radius: Floats
    cos_radius: Floats
    larger: Bools
    wide: Bools
    references: Floats
    known: Bools
    ready: Bools

    @property
    def caps(self) -> Caps:
        """See `Batch.caps`."""
        return Caps(self.centre, np.where(self.larger, np.pi, np.minimum(self.radius + 2 * SLACK, np.pi)))

    def inside(self, xyz: Floats, which: Which) -> Bools:
        """See `Batch.inside`."""
        near = dot(self.centre[:, which], xyz) >= self.cos_radius[which]
        if near.all():
            small, edge = self.sides(xyz, which)
        else:
            small, edge = np.zeros(near.shape, dtype=bool), np.zeros(near.shape, dtype=bool)
            small[near], edge[near] = self.sides(xyz[:, near], self._at(which, near))
        return np.asarray((small != self.larger[which]) & ~edge & np.isfinite(xyz[0]))

    def coverage(self, caps: Caps, which: Which) -> Coverage:
        """See `Batch.coverage`."""
        cover = np.full(len(caps.radius), EMPTY)
        to_centre = angle_between(caps.centre, self.centre[:, which])
        open_ = ~(to_centre - caps.radius > self.radius[which] + SLACK)
        if open_.any():
            some, those = caps.take(open_), self._at(which, open_)
            small, _ = self.sides(some.centre, those)
            certain = self._is_clear(some, those)
            cover[open_] = np.where(certain, np.where(small, FULL, EMPTY), MIXED)
        return np.where(self.larger[which], FULL - cover, cover)

    def sides(self, xyz: Floats, which: Which) -> tuple[Bools, Bools]:
        """Which points are on the smaller side, and which are on an edge."""
        if not self.ready[which].all():
            asked = np.zeros_like(self.ready)
            asked[which] = True
            self.prepare(asked)
        return self._sides(xyz, which)

    def prepare(self, asked: Bools) -> None:
        """Choose the reference points of those polygons that are asked and not ready yet."""
        with _lock:
            some = np.flatnonzero(asked & ~self.ready)
            if not len(some):
                return
            normals = self.normals[:, :, some].transpose(1, 2, 0) / self.lengths[:, some].T
            self.references[:, :, some] = _references(normals)
            second, _ = self._crossings(0, self.references[1][:, some], some)
            self.known[:, some] = np.zeros_like(second), second
            # Where all edges lie within a hemisphere, the other is a part of the largest cell.
            outside, _ = self._sides(-self.centre[:, some], some)
            for place in np.flatnonzero(self.wide[some]).tolist():
                corners = np.ascontiguousarray(self.vertices[:, :, some[place]].T)
                outside[place] = _is_outside_odd(corners, self.references[0, :, some[place]])
            self.known[:, some] = outside, second != outside
            self.ready[some] = True

    def _sides(self, xyz: Floats, which: Which) -> tuple[Bools, Bools]:
        """See `sides`, for polygons that are ready."""
        odd, edge = self._crossings(0, xyz, which)
        small = np.asarray(odd != self.known[0, which])
        far = dot(self.references[0][:, which], xyz) < _FAR
        if far.any():
            those = self._at(which, far)
            odd, _ = self._crossings(1, xyz[:, far], those)
            small[far] = odd != self.known[1, those]
        return small, edge

    def _crossings(self, reference: int, xyz: Floats, which: Which) -> tuple[Bools, Bools]:
        """Which arcs from a reference to points cross an odd number of edges; which points are on an edge."""
        busy, rest = self._busy(which, xyz.shape[1:])
        if not busy:
            return self._crossings_of_all(reference, xyz, which)
        flat = xyz.reshape(3, -1)
        found = np.zeros((2, flat.shape[1]), dtype=bool)
        for polygon, some in busy:
            found[:, some] = self._crossings_of_seen(reference, flat[:, some], polygon)
        if len(rest.things):
            found[:, rest.things] = self._crossings_of_all(reference, flat[:, rest.things], rest.polygons)
        odd, edge = found.reshape(2, *xyz.shape[1:])
        return odd, edge

    def _busy(self, which: Which, shape: tuple[int, ...]) -> tuple[list[tuple[int, Indices]], _Rest]:
        """Polygons that are asked about so many things, of an array of a shape, that it pays to find those of
        their edges that matter, with the places of these in it when it is flat; and what is left.
        """
        number, polygons = self.lengths.shape
        if number < _LONG or number * math.prod(shape) <= _SHORT:
            return [], _Rest(np.arange(0), np.arange(0))
        polygon = np.broadcast_to(np.arange(polygons)[which], shape).ravel()
        things = np.bincount(polygon, minlength=polygons)
        is_busy = things * number > _SHORT
        order, end = np.argsort(polygon, kind="stable"), np.cumsum(things)
        busy = [
            (each, order[end[each] - things[each] : end[each]]) for each in np.flatnonzero(is_busy).tolist()
        ]
        rest = np.flatnonzero(~is_busy[polygon])
        return busy, _Rest(rest, polygon[rest])

    def _crossings_of_seen(self, reference: int, xyz: Floats, polygon: int) -> tuple[Bools, Bools]:
        """`_crossings` of one polygon by the edges in the direction of each point, shape (3, n)."""
        seen = self._seen(reference, polygon)
        if seen is None:
            return self._crossings_of_all(reference, xyz, np.array([polygon]))
        odd, edge = np.zeros((2, xyz.shape[1]), dtype=bool)
        for first in range(0, xyz.shape[1], _POINTS):
            some = slice(first, first + _POINTS)
            point, number = seen.pairs(xyz[:, some])
            crosses, touching = self._crossed_by_pairs(reference, polygon, xyz[:, some], point, number)
            odd[some] = np.bincount(point[crosses], minlength=len(odd[some])) % 2 == 1
            edge[first + point[touching]] = True
        return odd, edge

    def _crossed_by_pairs(
        self, reference: int, polygon: int, xyz: Floats, point: Indices, number: Indices
    ) -> tuple[Bools, Bools]:
        """`_crossed` of pairs of a point and an edge of a polygon, by their numbers."""
        found = np.empty((2, len(point)), dtype=bool)
        start = self.references[reference][:, [polygon]]
        for first in range(0, len(point), _PAIRS):
            some = slice(first, first + _PAIRS)
            edges = self._edges_at(number[some], polygon)
            found[:, some] = np.concatenate(self._crossed(edges, start, xyz[:, point[some]]))
        crosses, touching = found
        return crosses, touching

    @once_for
    def _seen(self, reference: int, polygon: int) -> Seen | None:
        """The edges of a polygon as seen from one of its references."""
        vertices, normals = self.vertices[:, :, polygon].T, self.normals[:, :, polygon].T
        return Seen.of(self.references[reference, :, polygon], vertices, normals, self.lengths[:, polygon])

    def _edges_at(self, number: Indices, polygon: int) -> Edge:
        """Edges of a polygon by number, as one of each of so many things."""
        ends = (self.vertices[(number + i) % len(self.lengths), :, polygon].T[:, None] for i in range(2))
        normal, length = self.normals[number, :, polygon].T[:, None], self.lengths[number, polygon][None]
        return (*ends, normal, length)

    def _crossings_of_all(self, reference: int, xyz: Floats, which: Which) -> tuple[Bools, Bools]:
        """`_crossings` by all edges."""
        start = self.references[reference][:, which]
        odd = np.zeros(xyz.shape[1:], dtype=bool)
        edge = np.zeros(xyz.shape[1:], dtype=bool)
        for some in self.edges(which, xyz[0].size):
            crosses, touching = self._crossed(some, start, xyz)
            odd ^= np.logical_xor.reduce(crosses, axis=0)
            edge |= touching.any(axis=0)
        return odd, edge

    @staticmethod
    def _crossed(edges: Edge, start: Floats, xyz: Floats) -> tuple[Bools, Bools]:
        """Which edges the arcs from starts to points cross, and which points are on them."""
        a, b, normal, length = edges
        plane = cross(start, xyz)[:, None]
        # Each vertex gets one sign, which both its edges use: an arc through a vertex crosses one of them
        # or both or none, as it should.
        left, next_left = dot(a, plane) >= 0, dot(b, plane) >= 0
        side = dot(normal, xyz[:, None])
        # To the left and from before the edge, or to the right and from behind it.
        forward = dot(normal, start[:, None]) > 0
        crosses = (left != next_left) & (next_left == forward) & ((side < 0) == forward)
        touching = np.abs(side) <= TIE * length
        if touching.any():
            full = (3, *side.shape)
            ends = [np.broadcast_to(each, full)[:, touching] for each in (a, b)]
            few = [np.broadcast_to(each, full)[:, touching] for each in (normal, xyz[:, None])]
            limit = np.broadcast_to(-TIE * length, side.shape)[touching]
            touching[touching] = _along(ends[0], ends[1], few[0], few[1], limit)
        return crosses, touching

    def _is_clear(self, caps: Caps, which: Which) -> Bools:
        """Which caps surely no edge meets."""
        reach = caps.radius + SLACK
        busy, rest = self._busy(which, reach.shape)
        if not busy:
            return np.asarray(self.distance(caps.centre, which) > reach)
        out = np.zeros(len(reach), dtype=bool)
        for polygon, some in busy:
            out[some] = ~self.come_within(caps.centre[:, some], reach[some], polygon)
        if len(rest.things):
            away = self.distance(caps.centre[:, rest.things], rest.polygons)
            out[rest.things] = away > reach[rest.things]
        return out

    def come_within(self, xyz: Floats, angle: Floats, polygon: int) -> Bools:
        """Which points, shape (3, n), have a point of an edge of a polygon within an angle each."""
        return self._places(polygon).come_within(xyz, np.minimum(angle, np.pi))

    @once_for
    def _places(self, polygon: int) -> Along:
        return Along.of(self.vertices[:, :, polygon].T, self.normals[:, :, polygon].T)

    def distance(self, xyz: Floats, which: Which) -> Floats:
        """Distance in radians of points to the nearest point of an edge, or less."""
        to_vertex = np.full(xyz.shape[1:], 4.0)
        sine = np.full(xyz.shape[1:], 1.0)
        points = xyz[:, None]
        for a, b, normal, length in self.edges(which, xyz[0].size):
            np.minimum(to_vertex, chord2(a, points).min(axis=0), out=to_vertex)
            off = np.abs(dot(normal, points)) / length
            off = np.where(_along(a, b, normal, points, 0.0), off, 1.0)
            np.minimum(sine, off.min(axis=0), out=sine)
        nearest = 2 * np.arcsin(np.minimum(np.sqrt(to_vertex) / 2, _SURE))
        # Where no edge passes abeam, sine is 1 and says nothing.
        return np.asarray(
            np.where(sine < 1, np.minimum(nearest, np.arcsin(np.minimum(sine, _SURE))), nearest)
        )

    def edges(self, which: Which, things: int) -> Iterator[Edge]:
        """Edges of the polygons that things are asked about: one of each after the other, or so many at once
        that numpy's calls are long where things are few.
        """
        vertices, normals = np.moveaxis(self.vertices, 1, 0), np.moveaxis(self.normals, 1, 0)
        number = len(self.lengths)
        step = max(1, _PAIRS // max(1, things))
        for first in range(0, number, step):
            last = min(first + step, number)
            around = np.arange(first, last + 1) % number
            if isinstance(which, slice):
                ends = vertices[:, around, which]
            else:
                # Those of these polygons alone: there may be very many.
                ends = vertices[:, around.reshape(-1, *[1] * which.ndim), which]
            some = slice(first, last)
            yield ends[:, :-1], ends[:, 1:], normals[:, some][:, :, which], self.lengths[some][:, which]

    def _at(self, which: Which, some: Bools) -> Which:
        """The polygons of some of the things."""
        return which if isinstance(which, slice) else np.broadcast_to(which, some.shape)[some]


def _along(a: Floats, b: Floats, normal: Floats, xyz: Floats, least: float | Floats) -> Bools:
    """Which points are abeam of the edge from a to b: between the planes square to it through its ends."""
    return (dot(cross(normal, a), xyz) >= least) & (dot(cross(b, normal), xyz) >= least)


@lru_cache(maxsize=1 << 14)
def outline(
    lon: tuple[float, ...], lat: tuple[float, ...], origin: str, target: str, larger: bool
) -> Outlines:
    """The outline of one polygon, turned into a frame.

    Raises
    ------
    RegionError
        For fewer than three distinct vertices, an edge between antipodes, or two equal largest cells on
        different sides.
    """
    return outlines([lon], [lat], origin, target, [larger])[0][1]


def outlines(
    lon: Sequence[Sequence[float]] | Floats,
    lat: Sequence[Sequence[float]] | Floats,
    origin: str,
    target: str,
    larger: Sequence[bool] | Bools,
) -> list[tuple[Indices, Outlines]]:
    """The outlines of polygons of one frame that are given by as many vertices, turned into another, in
    batches, each with the places of its polygons; see `outline`.
    """
    # Vertex by vertex, so that those of many polygons lie together.
    lon, lat, larger = np.array(lon).T, np.array(lat).T, np.array(larger)
    step = max(1, EDGES // max(1, len(lon)))
    parts = [slice(first, first + step) for first in range(0, len(larger), step)]
    matrix = rotation(origin, target)

    def measured(part: slice) -> list[tuple[Indices, _Measured]]:
        vertices = rotate(matrix, unit(lon[:, part], lat[:, part]))
        return [(some + part.start, _measured(corners)) for some, corners in _corners(vertices)]

    by_number: dict[int, list[tuple[Indices, _Measured]]] = {}
    for found in in_threads(measured, parts, busy_threads(), apart=True):
        for some, made in found:
            by_number.setdefault(len(made.lengths), []).append((some, made))
    joined = []
    for alike in by_number.values():
        some = np.concatenate([each for each, _ in alike])
        fields = zip(*(made for _, made in alike), strict=True)
        joined.append(
            (some, _outlines(_Measured(*(np.concatenate(each, -1) for each in fields)), larger[some]))
        )
    return joined


def _corners(vertices: Floats) -> list[tuple[Indices, Floats]]:
    """Polygons of vertices, shape (3, m, n), by how many of these edges join, and those of them.

    A vertex given twice, as the last one often repeats the first, makes no edge.
    """
    corner = chord2(vertices, np.roll(vertices, 1, axis=1)) > TIE**2
    if corner.all():
        return [(np.arange(vertices.shape[2]), vertices)]
    number = corner.sum(axis=0)
    found = []
    for each in np.unique(number).tolist():
        some = np.flatnonzero(number == each)
        corners = vertices[:, :, some].swapaxes(1, 2)[:, corner[:, some].T].reshape(3, len(some), each)
        found.append((some, corners.swapaxes(1, 2)))
    return found


class _Measured(NamedTuple):
    """What `Outlines` has of polygons one by one."""

    vertices: Floats
    normals: Floats
    lengths: Floats
    centre: Floats
    radius: Floats


def _measured(corners: Floats) -> _Measured:
    """Measure polygons by the vertices that edges join, shape (3, m, n)."""
    if corners.shape[1] < 3:
        raise RegionError("a polygon needs three distinct vertices")
    ends = np.roll(corners, -1, axis=1)
    # The difference of near vertices is exact, so that short edges have true normals.
    normals = cross(corners - ends, corners + ends) / 2
    lengths = np.sqrt(chord2(normals, np.zeros((3, 1, 1))))
    centre = normalise(corners.sum(axis=1))
    furthest = np.sqrt(chord2(corners, centre[:, None]).max(axis=0))
    radius = np.nan_to_num(2 * np.arcsin(np.minimum(furthest / 2, 1.0)), nan=np.pi)
    return _Measured(corners.swapaxes(0, 1), normals.swapaxes(0, 1), lengths, centre, radius)


def _outlines(measured: _Measured, larger: Bools) -> Outlines:
    """The outlines of n polygons."""
    vertices, normals, lengths, centre, radius = measured
    wide = ~(radius < np.pi / 2 - 1e-6)
    _check_antipodes(vertices[:, :, wide].swapaxes(0, 1))
    centre[:, wide], radius[wide] = np.array([[0.0], [0.0], [1.0]]), np.pi
    made = Outlines(
        vertices,
        normals,
        lengths,
        centre,
        radius,
        np.where(wide, -2.0, np.cos(radius + SLACK) - 1e-15),
        larger,
        wide,
        references=np.zeros((2, 3, len(radius))),
        known=np.zeros((2, len(radius)), dtype=bool),
        ready=np.zeros(len(radius), dtype=bool),
    )
    # Of these it may turn out that nothing says which side is inside.
    made.prepare(wide)
    return made


def _check_antipodes(corners: Floats) -> None:
    """Refuse edges that could go any way, of which there are none in less than a hemisphere."""
    antipodes = np.argwhere(chord2(corners, -np.roll(corners, -1, axis=1)).T < 1e-18)
    if len(antipodes):
        raise RegionError(
            f"edge {antipodes[0, 1] + 1} joins antipodes: say by one more vertex which way it goes"
        )


def _references(normals: Floats) -> Floats:
    """Two points for each of n polygons, shape (2, 3, n), far from the great circles of its unit normals,
    shape (3, n, m), and neither near nor opposite.
    """
    turn = np.arange(_CANDIDATES) * 2.399963229728653
    height = (np.arange(_CANDIDATES) + 0.5) / _CANDIDATES * 2 - 1
    ring = np.sqrt(1 - height**2)
    points = np.stack([ring * np.cos(turn), ring * np.sin(turn), height])
    number = normals.shape[1]
    margin = np.empty((number, _CANDIDATES))
    step = max(1, 2 * _PAIRS // (_CANDIDATES * normals.shape[2]))
    tried = max(1, 2 * _PAIRS // (step * normals.shape[2]))
    for first in range(0, number, step):
        some = slice(first, first + step)
        for start in range(0, _CANDIDATES, tried):
            few = slice(start, start + tried)
            off = dot(points[:, None, few, None], normals[:, some, None])
            margin[some, few] = np.abs(off, out=off).min(axis=2)
    first_ones = points[:, np.argmax(margin, axis=1)]
    apart = np.abs(dot(first_ones[:, :, None], points[:, None])) < 0.7
    return np.stack([first_ones, points[:, np.argmax(np.where(apart, margin, -1.0), axis=1)]])


def _is_outside_odd(vertices: Floats, place: Floats) -> bool:
    """Whether a way from a place to the largest cell crosses an odd number of edges."""
    areas, odd = cells(vertices, place)
    largest = odd[areas > areas.max() - _UNDECIDED]
    if largest.all() != largest.any():
        raise RegionError(
            "the polygon cuts the sky in two equal halves: nothing says which one is inside; a circle of 90 "
            "deg about the middle of one does"
        )
    return bool(largest[0])
