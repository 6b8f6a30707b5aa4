"""Shapes on the sphere against the arithmetic of other people, and their bounds against themselves."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from maskexpr.core.coverage import EMPTY, FULL, MIXED
from maskexpr.core.records import decode, encode
from maskexpr.errors import NeedsGridError, RegionError
from maskexpr.shapes import (
    Circle,
    CircleAnnulus,
    Compound,
    Ellipse,
    EllipseAnnulus,
    Line,
    Point,
    Polygon,
    Rectangle,
    RectangleAnnulus,
    Sector,
    Shape,
    WholeSky,
    combine,
)
from maskexpr.sphere.vectors import TIE, Caps, from_sky, rotate, rotation, unit

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

RNG = np.random.default_rng(20261)


def random_sky(number: int, rng: np.random.Generator = RNG) -> Floats:
    xyz = rng.normal(size=(3, number))
    return np.asarray(xyz / np.sqrt((xyz**2).sum(axis=0)))


def near(lon: float, lat: float, within: float, number: int) -> Floats:
    """Points of ICRS spread evenly in angle, not in area, round a place."""
    centre = SkyCoord(lon, lat, unit="deg")
    there = centre.directional_offset_by(
        RNG.uniform(0, 360, number) * u.deg, RNG.uniform(0, within, number) * u.deg
    )
    return from_sky(there, "icrs")


def sky(xyz: Floats) -> SkyCoord:
    lat = np.arcsin(np.clip(xyz[2], -1, 1))
    return SkyCoord(np.arctan2(xyz[1], xyz[0]), lat, unit="rad")


EVERYWHERE = np.concatenate([random_sky(4000), unit([0, 0, 0, 180, 360], [90, -90, 0, 0, 0])], axis=1)

CENTRES = [(0.0, 0.0), (180.0, 0.0), (359.99, -3.0), (77.0, 90.0), (200.0, -90.0), (12.0, 60.0), (33.0, 85.0)]


@pytest.mark.parametrize(("lon", "lat"), CENTRES)
@pytest.mark.parametrize("radius", [0.3, 5.0, 60.0, 90.0, 170.0, 180.0])
def test_circle_is_separation(lon: float, lat: float, radius: float) -> None:
    xyz = np.concatenate([EVERYWHERE, near(lon, lat, min(2 * radius, 180.0), 2000)], axis=1)
    separation = SkyCoord(lon, lat, unit="deg").separation(sky(xyz)).deg
    sure = np.abs(separation - radius) > 1e-6
    inside = Circle(lon, lat, radius).inside(xyz, "icrs")
    assert np.array_equal(inside[sure], (separation < radius)[sure])
    assert inside.any()


def test_circle_is_strict() -> None:
    """A point on the rim is outside, whatever the last bit of its coordinates says."""
    rim = unit(np.array([10.0, 350.0, 0.0, 0.0]), np.array([0.0, 0.0, 10.0, -10.0]))
    assert not Circle(0, 0, 10).inside(rim, "icrs").any()
    assert Circle(0, 0, 10 + 1e-10).inside(rim, "icrs").all()
    assert not Circle(0, 0, 0).inside(unit([0.0], [0.0]), "icrs").any()
    assert not Circle(0, 0, 180).inside(unit([180.0], [0.0]), "icrs").any()


def planar(lon: float, lat: float, angle: float, xyz: Floats) -> tuple[Floats, Floats]:
    """Offsets along width and height in degrees, by astropy's separation and position angle."""
    centre = SkyCoord(lon, lat, unit="deg")
    there = sky(xyz)
    separation = centre.separation(there).deg
    # At angle 0 the width points west, at position angle 270; it turns counter-clockwise, towards north.
    turned = centre.position_angle(there).rad - np.deg2rad(angle + 270)
    return separation * np.cos(turned), separation * np.sin(turned)


@pytest.mark.parametrize(("lon", "lat"), CENTRES)
@pytest.mark.parametrize("angle", [0.0, 30.0, 200.0])
@pytest.mark.parametrize(("width", "height"), [(4.0, 1.0), (0.02, 0.5), (150.0, 60.0), (300.0, 340.0)])
def test_ellipse_and_rectangle(lon: float, lat: float, angle: float, width: float, height: float) -> None:
    xyz = np.concatenate([EVERYWHERE, near(lon, lat, min(max(width, height), 179.0), 4000)], axis=1)
    along, across = planar(lon, lat, angle, xyz)
    radius = np.hypot(2 * along / width, 2 * across / height)
    side = np.maximum(np.abs(2 * along / width), np.abs(2 * across / height))
    for shape, measure in (
        (Ellipse(lon, lat, width, height, angle), radius),
        (Rectangle(lon, lat, width, height, angle), side),
    ):
        sure = np.abs(measure - 1) > 1e-5
        inside = shape.inside(xyz, "icrs")
        assert np.array_equal(inside[sure], (measure < 1)[sure])
        assert inside.any()


def test_angle_zero_lies_along_the_longitude() -> None:
    east_west, north_south = unit([1.5, -1.5], [0.0, 0.0]), unit([0.0, 0.0], [1.5, -1.5])
    flat = Ellipse(0, 0, 4, 2, 0)
    assert flat.inside(east_west, "icrs").all()
    assert not flat.inside(north_south, "icrs").any()
    # North of west, counter-clockwise with east to the left: longitude falls, latitude rises.
    tilted = Ellipse(0, 0, 4, 1, 45)
    assert tilted.inside(unit([-1.0, 1.0], [1.0, -1.0]), "icrs").all()
    assert not tilted.inside(unit([1.0, -1.0], [1.0, -1.0]), "icrs").any()


@pytest.mark.parametrize(("lon", "lat"), CENTRES)
@pytest.mark.parametrize(
    ("start", "stop"), [(0.0, 90.0), (10.0, 190.0), (350.0, 371.0), (-80.0, 200.0), (5.0, 364.0), (0.0, 0.3)]
)
def test_sector_is_between_two_directions(lon: float, lat: float, start: float, stop: float) -> None:
    xyz = np.concatenate([EVERYWHERE, near(lon, lat, 20, 4000), near(lon, lat, 180, 2000)], axis=1)
    along, across = planar(lon, lat, 0.0, xyz)
    direction = (np.rad2deg(np.arctan2(across, along)) - start) % 360
    separation = np.hypot(along, across)
    sure = np.minimum(np.abs(direction - (stop - start)), np.minimum(direction, 360 - direction)) > 1e-5
    sure &= (separation > 1e-6) & (separation < 180 - 1e-6)
    held = Sector(lon, lat, start, stop).inside(xyz, "icrs")
    assert np.array_equal(held[sure], (direction < stop - start)[sure])
    assert held.any()
    ring = EllipseAnnulus(lon, lat, 2, 1, 30, 10)
    part = Sector(lon, lat, start, stop, ring=ring).inside(xyz, "icrs")
    assert np.array_equal(part, held & ring.inside(xyz, "icrs"))


def test_sectors_leave_no_gap() -> None:
    """Points on the rays between belong to one sector each; the centre belongs to none."""
    rays = unit(*np.array([[0, 5], [0, -5], [5, 0], [-5, 0], [0, 0], [180, 0], [0, 90.0]]).T)
    for ends in ([0, 90, 180, 270, 360], [0, 180, 360], [90, 270, 450], [-90, 0, 30, 270]):
        held = [Sector(0, 0, a, b).inside(rays, "icrs") for a, b in pairwise(ends)]
        assert np.sum(held, axis=0).tolist() == [1, 1, 1, 1, 0, 0, 1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sector(0, 0, 90, 90), "second angle must be the larger"),
        (lambda: Sector(0, 0, 90, 80), "second angle must be the larger"),
        (lambda: Sector(0, 0, 0, 360), "less than 360 deg"),
        (lambda: Sector(0, 0, 0, np.nan), "second angle must be the larger"),
        (lambda: Sector(0, 91, 0, 90), "beyond the pole"),
        (lambda: Sector(0, 0, 0, 90, ring=CircleAnnulus(1, 0, 1, 2)), "must have its centre"),
        (lambda: Sector(0, 0, 0, 90, ring=Circle(0, 0, 1)), "must be an annulus"),
    ],
)
def test_no_sector(make: Callable[[], Shape], words: str) -> None:
    with pytest.raises(RegionError, match=words):
        make()


def test_a_round_ellipse_is_a_circle() -> None:
    xyz = np.concatenate([EVERYWHERE, near(20, 88, 10, 3000)], axis=1)
    assert np.array_equal(
        Ellipse(20, 88, 10, 10, 33).inside(xyz, "icrs"), Circle(20, 88, 5).inside(xyz, "icrs")
    )


ANNULI: list[tuple[Shape, Shape, Shape]] = [
    (CircleAnnulus(0, 80, 3, 5), Circle(0, 80, 5), Circle(0, 80, 3)),
    (EllipseAnnulus(0, 80, 3, 2, 5, 4, 30), Ellipse(0, 80, 5, 4, 30), Ellipse(0, 80, 3, 2, 30)),
    (RectangleAnnulus(0, 80, 3, 2, 5, 4, 30), Rectangle(0, 80, 5, 4, 30), Rectangle(0, 80, 3, 2, 30)),
]


@pytest.mark.parametrize(("annulus", "outer", "inner"), ANNULI)
def test_annulus_is_the_difference(annulus: Shape, outer: Shape, inner: Shape) -> None:
    xyz = near(0, 80, 6, 5000)
    inside = annulus.inside(xyz, "icrs")
    assert np.array_equal(inside, outer.inside(xyz, "icrs") & ~inner.inside(xyz, "icrs"))
    assert np.array_equal(inside, combine([("or", outer), ("minus", inner)]).inside(xyz, "icrs"))
    assert inside.any()


# ---- polygons --------------------------------------------------------------------------------------------


def winding(lon: list[float], lat: list[float], xyz: Floats, outside: Floats) -> Bools:
    """Whether points are inside, by turning: the azimuth of the boundary seen from a point and its antipode.

    Summed signed angles count how often the boundary winds round the axis through a point: once, if the point
    is inside and its antipode is not. Points whose antipode is inside are on the side of ``outside``.
    """
    corners = unit(np.array(lon), np.array(lat)).T
    points = xyz.T
    total = np.zeros(len(points))
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        from_a = a - (points @ a)[:, None] * points
        to_b = b - (points @ b)[:, None] * points
        total += np.arctan2((np.cross(from_a, to_b) * points).sum(axis=1), (from_a * to_b).sum(axis=1))
    return np.asarray((np.rint(total / (2 * np.pi)) != 0) & (xyz.T @ outside < 0))


POLYGONS = {
    "round the pole": ([0.0, 90, 180, 270], [60.0, 60, 60, 60], (0, -90)),
    "over the seam": ([350.0, 10, 10, 350], [-10.0, -10, 10, 10], (180, 0)),
    "concave": ([0.0, 20, 10, 10], [0.0, 0, 20, 5], (190, 0)),
    "south pole": ([0.0, 120, 240], [-80.0, -80, -80], (0, 90)),
    "corner at the pole": ([0.0, 40, 0], [70.0, 70, 90], (190, -60)),
    "thin": ([30.0, 60, 60], [10.0, 40, 40.01], (225, -25)),
    "closed": ([10.0, 30, 30, 10], [10.0, 10, 30, 10], (200, -20)),
    "large": ([0.0, 120, 240], [-5.0, -5, -5], (0, 90)),
}


@pytest.mark.parametrize("name", POLYGONS)
def test_polygon_is_winding(name: str) -> None:
    lon, lat, away = POLYGONS[name]
    polygon = Polygon(lon, lat)
    middle = unit(np.array(lon), np.array(lat)).mean(axis=1)
    where = sky(middle[:, None] / np.linalg.norm(middle))
    xyz = np.concatenate([random_sky(5000), near(where.ra.deg[0], where.dec.deg[0], 40, 5000)], axis=1)
    expected = winding(lon, lat, xyz, unit([away[0]], [away[1]])[:, 0])
    assert np.array_equal(polygon.inside(xyz, "icrs"), expected)
    assert expected.any()


@pytest.mark.parametrize("name", POLYGONS)
def test_polygon_order_start_and_frame_do_not_matter(name: str) -> None:
    lon, lat, _ = POLYGONS[name]
    xyz = random_sky(5000)
    inside = Polygon(lon, lat).inside(xyz, "icrs")
    assert np.array_equal(Polygon(lon[::-1], lat[::-1]).inside(xyz, "icrs"), inside)
    assert np.array_equal(Polygon(np.roll(lon, 1), np.roll(lat, 1)).inside(xyz, "icrs"), inside)
    assert np.array_equal(Polygon(lon, lat, larger_side=True).inside(xyz, "icrs"), ~inside)
    turned = rotate(rotation("icrs", "galactic"), xyz)
    assert np.array_equal(Polygon(lon, lat).inside(turned, "galactic"), inside)


def test_polygon_edges_and_vertices_are_outside() -> None:
    lon, lat = [350.0, 10.0, 10.0, 350.0], [-10.0, -10.0, 10.0, 10.0]
    corners = unit(np.array(lon), np.array(lat))
    on_edges = [corners, unit([10.0, 350.0, 10.0], [0.0, 3.0, -9.5])]
    for share in (0.1, 0.5, 0.73):
        mixed = (1 - share) * corners + share * np.roll(corners, -1, axis=1)
        on_edges.append(mixed / np.sqrt((mixed**2).sum(axis=0)))
    xyz = np.concatenate(on_edges, axis=1)
    for larger in (False, True):
        assert not Polygon(lon, lat, larger_side=larger).inside(xyz, "icrs").any()


def test_points_behind_a_vertex_are_counted_once() -> None:
    """Columns of points that line up with vertices and edges, seen from many places."""
    polygon = Polygon([0, 10, 10, 5, 0], [0, 0, 10, 5, 10])
    grid = np.stack(np.meshgrid(np.arange(-2, 13, 0.5), np.arange(-2, 13, 0.5)))
    lon, lat = grid.reshape(2, -1)
    inside = polygon.inside(unit(lon, lat), "icrs")
    # Edges that are no meridians leave the chart's straight lines by less than this here.
    sure = np.abs(lat - np.abs(lon - 5) - 5) > 0.2
    notch = lat < 5 + np.abs(lon - 5)
    expected = (lon > 0) & (lon < 10) & (lat > 0) & notch
    assert np.array_equal(inside[sure & (lat != 0)], expected[sure & (lat != 0)])


def test_self_touching_polygon() -> None:
    """Two triangles that share a corner."""
    both = Polygon([0, 10, 5, 10, 0, 5], [0, 0, 5, 10, 10, 5])
    one, other = Polygon([0, 10, 5], [0, 0, 5]), Polygon([10, 0, 5], [10, 10, 5])
    xyz = unit(RNG.uniform(-2, 12, 5000), RNG.uniform(-2, 12, 5000))
    assert np.array_equal(both.inside(xyz, "icrs"), one.inside(xyz, "icrs") | other.inside(xyz, "icrs"))


def test_polygon_with_many_vertices_is_a_circle() -> None:
    turn = np.linspace(0, 360, 2000, endpoint=False) * u.deg
    rim = SkyCoord(40, 85, unit="deg").directional_offset_by(turn, 20 * u.deg)
    polygon = Polygon(rim.ra.deg, rim.dec.deg)
    xyz = near(40, 85, 40, 20000)
    separation = SkyCoord(40, 85, unit="deg").separation(sky(xyz)).deg
    sure = np.abs(separation - 20) > 1e-4
    assert np.array_equal(polygon.inside(xyz, "icrs")[sure], (separation < 20)[sure])


def test_larger_than_half_the_sky_is_said() -> None:
    """The rim of a circle of 100 degrees: the smaller side is the circle of 80 round its antipode."""
    turn = np.linspace(0, 360, 90, endpoint=False) * u.deg
    rim = SkyCoord(0, 0, unit="deg").directional_offset_by(turn, 100 * u.deg)
    small = Polygon(rim.ra.deg, rim.dec.deg)
    large = Polygon(rim.ra.deg, rim.dec.deg, larger_side=True)
    places = unit([0.0, 180.0], [0.0, 0.0])
    assert small.inside(places, "icrs").tolist() == [False, True]
    assert large.inside(places, "icrs").tolist() == [True, False]


# ---- bounds ----------------------------------------------------------------------------------------------

LON = st.floats(0, 360)
LAT = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 0.0]))
ANGLE = st.floats(0, 360)
SIZE = st.one_of(st.floats(0.01, 179), st.floats(1e-5, 1e-3), st.just(0.0))


def ring(lon: float, lat: float, a: float, b: float, angle: float, cls: Callable[..., Shape]) -> Shape:
    return cls(lon, lat, a / 2, b / 3, a + 1e-6, b + 1e-6, angle)


@st.composite
def polygons(draw: st.DrawFn) -> Shape:
    """Stars round a place: simple, concave, of any size."""
    number = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(0.5, 85), min_size=number, max_size=number))
    turn = np.arange(number) * 360 / number * u.deg
    centre = SkyCoord(draw(LON), draw(st.floats(-90, 90)), unit="deg")
    corners = centre.directional_offset_by(turn, radii * u.deg)
    try:
        return Polygon(corners.ra.deg, corners.dec.deg, larger_side=draw(st.booleans()))
    except RegionError:
        # Two equal halves, or fewer distinct corners than three.
        return Circle(0, 0, 10)


def sector(lon: float, lat: float, width: float, height: float, angle: float, kind: Any) -> Shape:
    """From an angle on, as wide as it is tall."""
    stop = angle + min(max(width, 0.1), 359.9)
    if kind is None:
        return Sector(lon, lat, angle, stop)
    if kind is CircleAnnulus:
        return Sector(lon, lat, angle, stop, ring=CircleAnnulus(lon, lat, height / 2, height + 1e-6))
    whole = kind(lon, lat, width / 2, height / 2, width + 1e-6, height + 1e-6, angle)
    return Sector(lon, lat, angle, stop, ring=whole)


SIMPLE = st.one_of(
    st.builds(Circle, LON, LAT, SIZE),
    st.builds(Ellipse, LON, LAT, SIZE, SIZE, ANGLE),
    st.builds(Rectangle, LON, LAT, SIZE, SIZE, ANGLE),
    st.builds(lambda lon, lat, r: CircleAnnulus(lon, lat, r / 2, r + 1e-6), LON, LAT, SIZE),
    st.builds(ring, LON, LAT, SIZE, SIZE, ANGLE, st.sampled_from([EllipseAnnulus, RectangleAnnulus])),
    polygons(),
    st.builds(sector, LON, LAT, SIZE, SIZE, ANGLE, st.sampled_from([None, CircleAnnulus, EllipseAnnulus])),
    st.just(WholeSky()),
)
OPERATOR = st.sampled_from(["or", "and", "xor", "minus"])
SHAPES = st.one_of(SIMPLE, st.builds(combine, st.lists(st.tuples(OPERATOR, SIMPLE), max_size=4)))


def centre_of(shape: Shape) -> tuple[float, float]:
    leaf = (shape.leaves or (Circle(0, 0, 1),))[0]
    lon, lat = getattr(leaf, "lon", 0.0), getattr(leaf, "lat", 0.0)
    return (lon[0], lat[0]) if isinstance(lon, tuple) else (lon, lat)


@given(SHAPES, st.integers(0, 2**32 - 1), st.sampled_from(["icrs", "galactic"]))
def test_coverage_keeps_its_promises(shape: Shape, seed: int, frame: str) -> None:
    """No point of a cap contradicts what is promised of the cap: caps of every size, near and far."""
    rng = np.random.default_rng(seed)
    close = rotate(rotation("icrs", frame), unit(*([each] for each in centre_of(shape))))
    around = close + rng.normal(size=(3, 30)) * 10 ** rng.uniform(-4, 0, 30)
    centre = np.concatenate([random_sky(20, rng), around / np.sqrt((around**2).sum(axis=0)), close], axis=1)
    radius = np.where(rng.random(51) < 0.1, 0.0, 10 ** rng.uniform(-6, 0.45, 51))
    cover = shape.coverage(Caps(centre, radius), frame)
    for i in np.flatnonzero(cover != MIXED):
        side = rng.normal(size=(3, 200))
        side -= centre[:, i, None] * (side * centre[:, i, None]).sum(axis=0)
        side /= np.sqrt((side**2).sum(axis=0))
        # Half of the points on the rim, where a promise breaks first.
        angle = radius[i] * np.where(rng.random(200) < 0.5, 1.0, np.sqrt(rng.random(200)))
        points = np.cos(angle) * centre[:, i, None] + np.sin(angle) * side
        assert np.all(shape.inside(points, frame) == (cover[i] == FULL)), (shape, centre[:, i], radius[i])


@pytest.mark.parametrize(
    "shape",
    [
        Circle(10, 20, 5),
        CircleAnnulus(10, 20, 3, 5),
        Ellipse(10, 20, 10, 4, 30),
        Rectangle(10, 20, 10, 4, 30),
        EllipseAnnulus(10, 20, 6, 2, 12, 8, 30),
        RectangleAnnulus(10, 20, 6, 2, 12, 8, 30),
        Polygon([5, 15, 10], [15, 15, 25]),
        Sector(10, 20, 40, 160),
        Sector(10, 20, 40, 160, ring=CircleAnnulus(10, 20, 3, 7)),
    ],
)
def test_coverage_decides_most(shape: Shape) -> None:
    """Bounds that are always MIXED would keep every promise: of small caps few may be left open."""
    xyz = near(10, 20, 10, 4000)
    cover = shape.coverage(Caps(xyz, np.full(4000, np.deg2rad(0.05))), "icrs")
    assert np.mean(cover == MIXED) < 0.06
    assert np.any(cover == FULL)
    assert np.any(cover == EMPTY)


@given(SHAPES, st.integers(0, 2**32 - 1))
def test_values_do_not_depend_on_batches(shape: Shape, seed: int) -> None:
    xyz = random_sky(300, np.random.default_rng(seed))
    whole = shape.inside(xyz, "icrs")
    odd = np.concatenate(
        [shape.inside(np.ascontiguousarray(xyz[:, i : i + 7]), "icrs") for i in range(0, 300, 7)]
    )
    assert np.array_equal(whole, odd)


@given(SHAPES)
def test_nan_is_never_inside(shape: Shape) -> None:
    assert not shape.inside(np.full((3, 4), np.nan), "icrs").any()


def test_batches_of_nothing() -> None:
    for shape in (Circle(0, 0, 1), Ellipse(0, 0, 2, 1), Polygon([0, 1, 0], [0, 0, 1]), Compound([], [])):
        assert shape.inside(np.empty((3, 0)), "icrs").shape == (0,)
        assert shape.coverage(Caps(np.empty((3, 0)), np.empty(0)), "icrs").shape == (0,)


# ---- records ---------------------------------------------------------------------------------------------


@given(SHAPES)
def test_records_survive_files_and_pickle(shape: Shape) -> None:
    assert pickle.loads(pickle.dumps(shape)) == shape
    assert decode(encode(shape, lambda _: None), lambda _: None) == shape


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Circle(0, 91, 1), "latitude 91"),
        (lambda: Circle(float("nan"), 0, 1), "finite"),
        (lambda: Circle(0, 0, -1), "negative"),
        (lambda: Circle(0, 0, float("nan")), "radius must be finite"),
        (lambda: Circle(0, 0, 181), "at most 180"),
        (lambda: Circle(0, 0, 1, "marsian"), "unknown frame 'marsian'"),
        (lambda: Circle(0, 0, 1, "fk4"), "rotation of ICRS"),
        (lambda: CircleAnnulus(0, 0, 2, 1), "less than the outer"),
        (lambda: Ellipse(0, 0, -1, 1), "width must not be negative"),
        (lambda: Rectangle(0, 0, 1, 1, float("inf")), "angle must be finite"),
        (lambda: EllipseAnnulus(0, 0, 1, 3, 2, 2), "inner height"),
        (lambda: Polygon([0, 1], [0, 1]), "three distinct vertices"),
        (lambda: Polygon([0, 1, 0, 1], [0, 1, 0, 1]), "three distinct vertices"),
        (lambda: Polygon([0, 1, 2], [0, 95, 0]), "vertex 2: latitude 95"),
        (lambda: Polygon([0, 180, 90], [0, 0, 30]), "antipodes"),
        (lambda: Polygon([0, 90, 180, 270], [0, 0, 0, 0]), "equal halves"),
        (lambda: Polygon([0, 1, 2], [0, 1]), "3 longitudes but 2 latitudes"),
        (lambda: Line((0, 180), (0, 0)), "antipodes"),
        (lambda: Compound([Circle(0, 0, 1)], [0, 0]), "operands over"),
        (lambda: Compound([Circle(0, 0, 1)], [0, "or"]), "without two operands"),
        (lambda: Compound([Circle(0, 0, 1)], [1]), "names shape 1"),
        (lambda: Compound([Circle(0, 0, 1)] * 2, [0, 1, "nand"]), "unknown operator"),
        (lambda: Compound([Circle(0, 0, 1), Circle(0, 0, 1, "image")], [0, 1, "or"]), "in pixels"),
    ],
)
def test_bad_shapes_are_refused(make: Callable[[], Shape], words: str) -> None:
    with pytest.raises(RegionError, match=words):
        make()


def test_marks_need_a_grid() -> None:
    for shape in (Point(0, 0), Line((0, 1), (0, 1))):
        assert shape.needs_grid
        with pytest.raises(NeedsGridError, match="geom=geom"):
            shape.inside(unit([0.0], [0.0]), "icrs")
    assert combine([("or", Circle(0, 0, 1)), ("or", Point(0, 0))]).needs_grid


def test_tie_is_small() -> None:
    """A point a hundred ties inside the rim is inside."""
    step = np.rad2deg(100 * TIE)
    assert Circle(0, 0, 10).inside(unit([10 - step], [0.0]), "icrs").all()
