"""Polygons of great-circle edges.

Whether a point is inside is the parity of the edges that the arc from a reference point to it crosses. The
reference is chosen far from the great circle of every edge, so that each of the signs that decide a crossing
is certain unless the point itself is on an edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..coverage import EMPTY, FULL, MIXED, Coverage, invert
from ..errors import RegionError
from ..records import record
from ..sphere import TIE, Caps, angle_between, chord2, normalise, rotate, rotation, unit
from .arcs import cross, to_arc
from .base import IMAGE, SLACK, Bools, Shape, dot, numbers, place, store, written_place

__all__ = ["Polygon"]

Floats = NDArray[np.float64]

# Candidates for reference points: enough that one is far from every edge's great circle.
_CANDIDATES: Final = 96
# Arcs longer than this (cosine) have an uncertain direction: such points are reached from the second
# reference.
_FAR: Final = -0.9
# Arcsines of more than this lose digits; that of this one is a lower bound for them.
_SURE: Final = 1 - 1e-7
# A polygon that leaves less than this (steradians) between its two sides does not say which one is meant.
_UNDECIDED: Final = 1e-9


@record("polygon")
@dataclass(frozen=True)
class Polygon(Shape):
    """A polygon with great-circle edges: concave, over the seam or round a pole alike.

    The smaller of its two sides is inside, in whichever order the vertices come. Points on an edge are not
    inside. Where a polygon crosses itself, points that it winds round twice are outside.

    Parameters
    ----------
    lon, lat : sequence of float
        Vertices in degrees. The last is joined to the first.
    frame : str
        Frame of the vertices.
    larger_side : bool
        Whether the larger side is inside instead.

    Raises
    ------
    RegionError
        For fewer than three distinct vertices, an edge between antipodes, a polygon that cuts the sky in two
        equal halves, a position that cannot be or an unknown frame.

    Examples
    --------
    >>> from maskexpr.sphere import unit
    >>> cap = Polygon([0, 90, 180, 270], [60, 60, 60, 60])
    >>> cap.inside(unit([45.0, 45.0], [80.0, 50.0]), "icrs").tolist()
    [True, False]
    """

    lon: tuple[float, ...]
    lat: tuple[float, ...]
    frame: str = "icrs"
    larger_side: bool = False

    def __init__(self, lon: Any, lat: Any, frame: str = "icrs", larger_side: bool = False) -> None:
        store(self, lon=numbers(lon), lat=numbers(lat), frame=frame, larger_side=bool(larger_side))
        if len(self.lon) != len(self.lat):
            raise RegionError(f"{len(self.lon)} longitudes but {len(self.lat)} latitudes")
        for number, position in enumerate(zip(self.lon, self.lat, strict=True), start=1):
            try:
                place(*position, frame)
            except RegionError as err:
                raise RegionError(f"vertex {number}: {err}") from err
        if len(set(zip(self.lon, self.lat, strict=True))) < 3:
            raise RegionError(f"a polygon needs three distinct vertices, got {len(self.lon)}")
        if frame != IMAGE:
            _outline(self.lon, self.lat, frame, frame)

    def inside(self, xyz: Floats, frame: str) -> Bools:
        """See `Shape.inside`."""
        outline = _outline(self.lon, self.lat, self.frame, frame)
        near = dot(outline.centre, xyz) >= outline.cos_radius
        if near.all():
            small, edge = outline.sides(xyz)
        else:
            small, edge = np.zeros(near.shape, dtype=bool), np.zeros(near.shape, dtype=bool)
            some = np.flatnonzero(near)
            small[some], edge[some] = outline.sides(np.ascontiguousarray(xyz[:, some]))
        return np.asarray((small != self.larger_side) & ~edge & np.isfinite(xyz[0]))

    def coverage(self, caps: Caps, frame: str) -> Coverage:
        """See `Shape.coverage`."""
        outline = _outline(self.lon, self.lat, self.frame, frame)
        cover = np.full(len(caps.radius), EMPTY)
        to_centre = angle_between(caps.centre, outline.centre[:, None])
        open_ = np.flatnonzero(to_centre - caps.radius <= outline.radius + SLACK)
        if len(open_):
            some = caps.take(open_)
            small, _ = outline.sides(np.ascontiguousarray(some.centre))
            certain = outline.distance(some.centre) > some.radius + SLACK
            cover[open_] = np.where(certain, np.where(small, FULL, EMPTY), MIXED)
        return invert(cover) if self.larger_side else cover

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        outline = _outline(self.lon, self.lat, self.frame, frame)
        out = self.inside(xyz, frame)
        limit = angle + TIE
        # Both sides of the rim are near: whichever side is inside, points of the other are near if it is.
        cover = self.coverage(Caps(xyz, np.full(xyz.shape[1], limit)), frame)
        for a, b, _, _ in outline._edges():
            rest = np.flatnonzero((cover != EMPTY) & ~out & np.isfinite(xyz[0]))
            distance = to_arc(np.ascontiguousarray(xyz[:, rest]), a[:, None], b[:, None])
            out[rest[distance <= limit]] = True
        return out

    def text(self) -> str:
        """See `Shape.text`."""
        pairs = zip(self.lon, self.lat, strict=True)
        shown = [written_place(lon, lat, self.frame) for lon, lat in pairs]
        if len(shown) > 6:
            shown[4:] = [f"... {len(self.lon)} vertices"]
        return f"polygon({', '.join(shown)})"


class _Outline(NamedTuple):
    """A polygon's edges in one frame, and what is known of them.

    ``vertices`` and ``normals`` have shape (3, m): edge i goes from vertex i to vertex i + 1, its normal is
    their vector product. The smaller side lies within ``radius`` of ``centre``. Row i of ``references`` is a
    point, ``known[i]`` whether it is on the smaller side.
    """

    vertices: Floats
    normals: Floats
    lengths: Floats
    centre: Floats
    radius: float
    cos_radius: float
    references: Floats
    known: tuple[bool, bool]

    def sides(self, xyz: Floats) -> tuple[Bools, Bools]:
        """Which points are on the smaller side, and which are on an edge, for points of shape (3, n)."""
        first, second = self.references
        odd, edge = self._crossings(first, xyz)
        small = odd != self.known[0]
        far = np.flatnonzero(dot(first, xyz) < _FAR)
        if len(far):
            odd, _ = self._crossings(second, np.ascontiguousarray(xyz[:, far]))
            small[far] = odd != self.known[1]
        return small, edge

    def _crossings(self, reference: Floats, xyz: Floats) -> tuple[Bools, Bools]:
        """Which arcs from a reference to points cross an odd number of edges; which points are on an edge."""
        plane = cross(reference, xyz)
        odd = np.zeros(xyz.shape[1:], dtype=bool)
        edge = np.zeros(xyz.shape[1:], dtype=bool)
        # Each vertex gets one sign, which both its edges use: an arc through a vertex crosses one of them or
        # both or none, as it should.
        left = dot(self.vertices[:, 0], plane) >= 0
        for a, b, normal, length in self._edges():
            next_left = dot(b, plane) >= 0
            side = dot(normal, xyz)
            if dot(normal, reference) > 0:
                odd ^= ~left & next_left & (side < 0)
            else:
                odd ^= left & ~next_left & (side >= 0)
            touching = np.flatnonzero(np.abs(side) <= TIE * length)
            if len(touching):
                edge[touching] |= _along(a, b, normal, xyz[:, touching], -TIE * length)
            left = next_left
        return odd, edge

    def distance(self, xyz: Floats) -> Floats:
        """Distance in radians of points to the nearest point of an edge, or less."""
        to_vertex = np.full(xyz.shape[1:], 4.0)
        sine = np.full(xyz.shape[1:], 1.0)
        for a, b, normal, length in self._edges():
            np.minimum(to_vertex, chord2(a[:, None], xyz), out=to_vertex)
            off = np.abs(dot(normal, xyz)) / length
            np.minimum(sine, np.where(_along(a, b, normal, xyz, 0.0), off, 1.0), out=sine)
        nearest = 2 * np.arcsin(np.minimum(np.sqrt(to_vertex) / 2, _SURE))
        # Where no edge passes abeam, sine is 1 and says nothing.
        return np.asarray(
            np.where(sine < 1, np.minimum(nearest, np.arcsin(np.minimum(sine, _SURE))), nearest)
        )

    def _edges(self) -> Iterator[tuple[Floats, Floats, Floats, float]]:
        number = self.vertices.shape[1]
        for i in range(number):
            yield (
                self.vertices[:, i],
                self.vertices[:, (i + 1) % number],
                self.normals[:, i],
                float(self.lengths[i]),
            )


def _along(a: Floats, b: Floats, normal: Floats, xyz: Floats, least: float) -> Bools:
    """Which points are abeam of the edge from a to b: between the planes square to it through its ends."""
    return (dot(cross(normal, a), xyz) >= least) & (dot(cross(b, normal), xyz) >= least)


@lru_cache(maxsize=1024)
def _outline(lon: tuple[float, ...], lat: tuple[float, ...], origin: str, target: str) -> _Outline:
    vertices = rotate(rotation(origin, target), unit(np.array(lon), np.array(lat)))
    # A vertex given twice, as the last one often repeats the first, makes no edge.
    vertices = np.ascontiguousarray(vertices[:, chord2(vertices, np.roll(vertices, 1, axis=1)) > TIE**2])
    if vertices.shape[1] < 3:
        raise RegionError("a polygon needs three distinct vertices")
    ends = np.roll(vertices, -1, axis=1)
    # The difference of near vertices is exact, so that short edges have true normals.
    normals = cross(vertices - ends, vertices + ends) / 2
    lengths = np.sqrt(chord2(normals, np.zeros(3)[:, None]))
    antipodes = np.flatnonzero(chord2(vertices, -ends) < 1e-18)
    if len(antipodes):
        raise RegionError(
            f"edge {antipodes[0] + 1} joins antipodes: say by one more vertex which way it goes"
        )
    centre = normalise(vertices.sum(axis=1))
    radius = float(angle_between(vertices, centre[:, None]).max()) if np.isfinite(centre).all() else np.pi
    if not radius < np.pi / 2 - 1e-6:
        centre, radius = np.array([0.0, 0.0, 1.0]), np.pi
    cos_radius = float(np.cos(radius + SLACK)) - 1e-15 if radius < np.pi else -2.0
    references = _references(normals / lengths)
    area = _enclosed(-references[0], vertices, ends)
    if abs(area - 2 * np.pi) < _UNDECIDED:
        raise RegionError("the polygon cuts the sky in two equal halves: nothing says which one is inside")
    outline = _Outline(
        vertices, normals, lengths, centre, radius, cos_radius, references, (area > 2 * np.pi, False)
    )
    odd, _ = outline._crossings(references[0], references[1][:, None])
    return outline._replace(known=(area > 2 * np.pi, bool(odd[0]) != (area > 2 * np.pi)))


def _references(normals: Floats) -> Floats:
    """Two points, shape (2, 3), far from the great circles of unit normals and neither near nor opposite."""
    turn = np.arange(_CANDIDATES) * 2.399963229728653
    height = (np.arange(_CANDIDATES) + 0.5) / _CANDIDATES * 2 - 1
    ring = np.sqrt(1 - height**2)
    points = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    margin = np.array([np.abs(dot(point, normals)).min() for point in points])
    first = points[np.argmax(margin)]
    apart = np.abs(dot(first, points.T)) < 0.7
    return np.stack([first, points[np.argmax(np.where(apart, margin, -1.0))]])


def _enclosed(apex: Floats, vertices: Floats, ends: Floats) -> float:
    """Steradians of the side without the antipode of ``apex``: the sum of signed triangles from it."""
    volume = dot(apex, cross(vertices, ends))
    span = 1 + dot(apex, vertices) + dot(apex, ends) + (vertices * ends).sum(axis=0)
    return abs(float(2 * np.arctan2(volume, span).sum()))
