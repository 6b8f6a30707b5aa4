"""Dilation at bare points: how far shapes, catalogues and bands are, against astropy's trigonometry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord, angular_separation, offset_by

import maskexpr as mx
from maskexpr.compile.evaluate import Evaluator
from maskexpr.compile.spread import spread
from maskexpr.errors import AxisError, NeedsGridError
from maskexpr.grid.points import Points
from maskexpr.shapes import (
    Circle,
    CircleAnnulus,
    Compound,
    Ellipse,
    EllipseAnnulus,
    Line,
    Polygon,
    Rectangle,
    RectangleAnnulus,
    Shape,
    WholeSky,
)
from maskexpr.sphere.vectors import lonlat, unit
from tests.sky_oracle import positions

Floats = np.ndarray
Curve = Callable[[Floats], tuple[Floats, Floats]]
"""Longitude and latitude, radians, of parameters from 0 to 1."""


# ---- the oracle: the nearest of dense samples of the rim, by astropy, sampled again round the nearest
# ----------------------------------------------------------------------------------------------------


def in_tangent_frame(shape: Ellipse | Rectangle, along: Floats, across: Floats) -> tuple[Floats, Floats]:
    """Places of offsets (degrees), by astropy's position angles: at angle 0 the width points west."""
    angle = np.deg2rad(shape.angle) + np.arctan2(-along, across)
    there = np.deg2rad(np.hypot(along, across))
    lon, lat = offset_by(np.deg2rad(shape.lon), np.deg2rad(shape.lat), angle, there)
    return lon.rad, lat.rad


def rim(shape: Shape) -> list[Curve]:
    """Curves that are the rim of a shape."""
    if isinstance(shape, EllipseAnnulus | RectangleAnnulus | CircleAnnulus):
        return [curve for each in shape.rims for curve in rim(each)]
    if isinstance(shape, Circle):
        return rim(Ellipse(shape.lon, shape.lat, 2 * shape.radius, 2 * shape.radius))
    if isinstance(shape, Polygon):
        corners = unit(shape.lon, shape.lat).T
        return [edge(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)]
    half = np.array([shape.width, shape.height]) / 2
    if isinstance(shape, Ellipse):
        return [quarter(shape, half, number) for number in range(4)]
    assert isinstance(shape, Rectangle)
    reach = np.sqrt(np.maximum(180**2 - half[::-1] ** 2, 0))
    most = np.minimum(half, reach)
    return [side(shape, half, most, sign, swap) for sign in (-1, 1) for swap in (False, True)]


def quarter(shape: Ellipse, half: Floats, number: int) -> Curve:
    def curve(t: Floats) -> tuple[Floats, Floats]:
        turn = np.pi / 2 * (number + t)
        return in_tangent_frame(shape, half[0] * np.cos(turn), half[1] * np.sin(turn))

    return curve


def side(shape: Rectangle, half: Floats, most: Floats, sign: int, swap: bool) -> Curve:
    def curve(t: Floats) -> tuple[Floats, Floats]:
        if swap:
            return in_tangent_frame(shape, 0 * t + sign * half[0], (2 * t - 1) * most[1])
        return in_tangent_frame(shape, (2 * t - 1) * most[0], 0 * t + sign * half[1])

    return curve


def edge(a: Floats, b: Floats) -> Curve:
    def curve(t: Floats) -> tuple[Floats, Floats]:
        lon, lat = lonlat(a[:, None] * (1 - t) + b[:, None] * t)
        return np.deg2rad(lon), np.deg2rad(lat)

    return curve


def to_rim(shape: Shape, lon: float, lat: float) -> float:
    """Radians from a position to the nearest point of a rim."""
    found = []
    for curve in rim(shape):
        low, high = 0.0, 1.0
        for _ in range(4):
            t = np.linspace(low, high, 2001)
            apart = angular_separation(np.deg2rad(lon), np.deg2rad(lat), *curve(t))
            step = (high - low) / 1000
            best = float(t[np.argmin(apart)])
            low, high = max(best - step, 0.0), min(best + step, 1.0)
        found.append(float(apart.min()))
    return min(found)


SHAPES = {
    "circle at the pole": Circle(10, 89, 5),
    "circle of 170 deg": Circle(10, 30, 170),
    "annulus over the seam": CircleAnnulus(179, 5, 10, 30),
    "annulus round the antipode": CircleAnnulus(0, -80, 120, 175),
    "ellipse": Ellipse(83, 22, 10, 4, 30),
    "ellipse on the pole": Ellipse(20, 90, 40, 6, 70),
    "thin ellipse": Ellipse(359.5, -60, 60, 0.01, 10),
    "small ellipse": Ellipse(100, 45, 2e-3, 1e-3, 10),
    "ellipse round the sky": Ellipse(200, 10, 360, 100, 20),
    "box": Rectangle(185, -4, 1, 0.5, 45),
    "box over the seam and the pole": Rectangle(180, 85, 30, 12, -20),
    "wide box": Rectangle(30, -40, 200, 90, 15),
    "box to the antipode": Rectangle(30, -40, 340, 100, 15),
    "box with corners beyond the antipode": Rectangle(30, 0, 300, 280, 15),
    "ellipse annulus": EllipseAnnulus(50, -70, 10, 4, 40, 20, 33),
    "box annulus": RectangleAnnulus(0, 0, 10, 4, 40, 20, 33),
    "triangle": Polygon([170, 195, 190], [-20, -25, 30]),
    "concave": Polygon([160, 200, 200, 181, 160], [-30, -30, 30, -10, 30]),
    "round the pole": Polygon([0, 60, 110, 200, 240, 300], [80, 40, 80, 50, 85, 45]),
    "all but a triangle": Polygon([170, 195, 190], [-20, -25, 30], larger_side=True),
}


def some_points(shape: Shape, seed: int) -> Floats:
    """Points over the sky, near the shape, at the poles, the seam and the antipode of the centre."""
    rng = np.random.default_rng(seed)
    anywhere = np.stack([rng.uniform(0, 360, 12), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 12)))])
    close = np.rad2deg(np.concatenate([curve(rng.uniform(0, 1, 4)) for curve in rim(shape)], axis=1))
    close[1] = np.clip(close[1] + rng.normal(0, 0.5, close.shape[1]), -90, 90)
    special = np.array([[0, 90], [0, -90], [180, 10.0], [210, 40.0]]).T
    return np.concatenate([anywhere, close, special], axis=1)


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_near_at_their_distance(name: str) -> None:
    shape = SHAPES[name]
    lon, lat = some_points(shape, seed=len(name))
    xyz = unit(lon, lat)
    inside = shape.inside(xyz, "icrs")
    for i in range(len(lon)):
        # Alone, so that each point is asked with an angle of its own.
        point = np.ascontiguousarray(xyz[:, i : i + 1])
        if inside[i]:
            assert shape.near(point, "icrs", 0.0)
            continue
        distance = float(to_rim(shape, lon[i], lat[i]))
        assert shape.near(point, "icrs", distance + 1e-11), (lon[i], lat[i])
        assert not shape.near(point, "icrs", distance - 1e-11), (lon[i], lat[i])


@pytest.mark.parametrize("name", SHAPES)
def test_no_point_of_a_shape_is_nearer(name: str) -> None:
    """What has one of many random points of the shape within the angle is near; and conversely nearly so."""
    shape = SHAPES[name]
    rng = np.random.default_rng(1)
    many = unit(rng.uniform(0, 360, 100_000), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 100_000))))
    held = many[:, shape.inside(many, "icrs")]
    points = unit(*some_points(shape, seed=2))
    if held.shape[1] < 50:
        pytest.skip("too small to be hit by random points; its rim is tested above")
    # Bands of random points leave no hole of 2.5 deg.
    chord = np.sqrt(((points[:, :, None] - held[:, None, :]) ** 2).sum(axis=0).min(axis=1))
    nearest = 2 * np.arcsin(np.minimum(chord / 2, 1))
    for angle in np.deg2rad([0.3, 3.0, 20.0, 100.0]):
        got = shape.near(points, "icrs", angle)
        assert got[nearest <= angle].all()
        assert not got[nearest > angle + np.deg2rad(2.5)].any() or "thin" in name


@pytest.mark.parametrize("name", SHAPES)
def test_frames_and_batches_make_no_difference(name: str) -> None:
    shape = SHAPES[name]
    points = positions(3000, seed=5)
    xyz, galactic = Points.from_sky(points), Points.from_sky(points.galactic)
    for angle in (0.0, 0.05, 1.0):
        whole = shape.near(xyz.xyz, "icrs", angle)
        assert (shape.near(galactic.xyz, "galactic", angle) == whole).all()
        parts = [
            shape.near(np.ascontiguousarray(xyz.xyz[:, i : i + 7]), "icrs", angle) for i in range(0, 700, 7)
        ]
        assert (np.concatenate(parts) == whole[:700]).all()
    assert whole.any()


def test_ties_are_in() -> None:
    """Points whose distance is the angle but for rounding."""
    ring = np.linspace(0, 359, 97)
    assert Circle(0, 90, 5).near(unit(ring, 83.0), "icrs", np.deg2rad(2.0)).all()
    assert not Circle(0, 90, 5).near(unit(ring, 83.0), "icrs", np.deg2rad(2.0) - 1e-12).any()
    hole = CircleAnnulus(0, 90, 5, 7)
    assert hole.near(unit(ring, 87.0), "icrs", np.deg2rad(2.0)).all()
    assert not hole.near(unit(ring, 87.0), "icrs", np.deg2rad(2.0) - 1e-12).any()
    lune = mx.Band(lon=("0 deg", "10 deg"))
    assert lune.near(Points(unit(350.0, [0.0]), "icrs"), np.deg2rad(10.0)).all()
    # Along the height of a box at the equator and the tips of an ellipse the distances are differences.
    for shape in (Rectangle(40, 0, 4, 2), Ellipse(40, 0, 4, 2)):
        ends = unit([44.0, 36.0, 40.0, 40.0], [0.0, 0.0, 3.0, -3.0])
        assert shape.near(ends, "icrs", np.deg2rad(2.0)).all()
        assert not shape.near(ends, "icrs", np.deg2rad(2.0) - 1e-12).any()


def test_equally_far_from_a_whole_rim() -> None:
    """At the antipode, and in the middle of a hole, every point of a round rim is nearest."""
    round_hole = EllipseAnnulus(20, 30, 6, 6, 20, 20)
    middle = unit([20.0], [30.0])
    assert round_hole.near(middle, "icrs", np.deg2rad(3.0))
    assert not round_hole.near(middle, "icrs", np.deg2rad(3.0) - 1e-8)
    disk, antipode = Ellipse(20, 30, 20, 20), unit([200.0], [-30.0])
    assert disk.near(antipode, "icrs", np.deg2rad(170.0))
    assert not disk.near(antipode, "icrs", np.deg2rad(170.0) - 1e-8)


def test_nothing_is_near_what_is_empty() -> None:
    anywhere = positions(50)
    empty = [
        mx.Region("icrs;circle(0,0,0)"),
        mx.NoSky(),
        mx.Region("icrs;ellipse(0,0,0,1,0)"),
        mx.Region("icrs;box(0,0,1,0,0)"),
        mx.Catalog(SkyCoord([], [], unit="deg"), "1 deg"),
        mx.Catalog(anywhere, "0 deg"),
    ]
    for mask in empty:
        assert not mask.dilate("180 deg").contains(anywhere).any(), mask
    for mask in (
        mx.AllSky(),
        mx.Region(WholeSky()),
        mx.Region("icrs;circle(0,0,0.001)"),
        mx.Band(lat=("1 deg", "2 deg")),
    ):
        assert mask.dilate("180 deg").contains(anywhere).all(), mask


def test_positions_that_are_nowhere() -> None:
    nowhere = SkyCoord([np.nan, 10.0], [3.0, 10.0], unit="deg")
    masks = [mx.Region(shape) for shape in SHAPES.values()]
    masks += [
        mx.AllSky(),
        mx.Band(lat=("-5 deg", "5 deg")),
        mx.Band(lon=("5 deg", "8 deg")),
        mx.Catalog(positions(3), "1 deg"),
    ]
    for mask in masks:
        assert mask.dilate("180 deg").contains(nowhere).tolist() == [False, True], mask


# ---- catalogues, bands, expressions
# ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
@pytest.mark.parametrize("angle", [0.0, 0.7, 30.0, 150.0])
def test_catalogue_by_separations(frame: str, angle: float) -> None:
    sources = positions(40, seed=8, frame=frame)
    radius = np.random.default_rng(2).choice([0.0, 0.2, 1.5, 9.0], 40) * u.deg
    sources = SkyCoord(
        [*sources[:38], SkyCoord(0, 90, unit="deg", frame=frame), SkyCoord(180, 0, unit="deg", frame=frame)]
    )
    points = positions(2000, seed=9)
    apart = points[:, None].separation(sources[None, :])
    want = ((apart < radius + angle * u.deg) & (radius > 0)).any(axis=1)
    mask = mx.Catalog(sources, radius).dilate(angle * u.deg)
    assert (mask.contains(points) == want).all()
    assert want.any()


BANDS = [
    {"lat": (-5, 5)},
    {"lat": (60, 90)},
    {"lat": (-90, -89)},
    {"lon": (350, 10)},
    {"lon": (10, 350)},
    {"lon": (100, 101), "lat": (-5, 60)},
    {"lon": (300, 200), "lat": (70, 90)},
    {"lon": (0, 120), "lat": (-90, 20)},
    {"lon": (20, 200), "lat": (30, 31)},
]


@pytest.mark.parametrize("limits", BANDS)
@pytest.mark.parametrize("angle", [0.5, 15.0, 85.0, 120.0])
def test_band_by_its_rim(limits: dict[str, tuple[float, float]], angle: float) -> None:
    """Its rim sampled every 0.01 deg of longitude and latitude: no further from it than half of that."""
    band = mx.Band(**{name: value * u.deg for name, value in limits.items()}, frame="galactic")
    low, high = limits.get("lat", (-90, 90))
    west, east = limits.get("lon", (0, 360))
    across = np.arange(low, high + 0.005, 0.01)
    along = west + np.arange(0, (east - west) % 360 or 360, 0.01)
    parts = [(along, np.full(along.shape, each)) for each in (low, high)]
    parts += [(np.full(across.shape, each), across) for each in (west, east) if "lon" in limits]
    sampled = unit(*np.concatenate(parts, axis=1))
    points = positions(300, seed=4, frame="galactic")
    special = SkyCoord([0, 0, 180, 280], [90, -90, 0, 89], unit="deg", frame="galactic")
    points = points.insert(0, special)
    xyz = Points.from_sky(points).xyz
    nearest = np.array([np.sqrt(((sampled - each[:, None]) ** 2).sum(axis=0).min()) for each in xyz.T])
    distance = np.rad2deg(2 * np.arcsin(np.minimum(nearest / 2, 1)))
    distance[band.contains(points)] = 0
    got = band.dilate(angle * u.deg).contains(points)
    assert got[distance < angle].all()
    assert not got[distance > angle + 0.006].any()


def test_nested_dilations_add_up() -> None:
    points = positions(3000, seed=6)
    leaves = mx.Catalog(positions(20), "2 deg") | mx.Region("icrs;box(30,80,20,9,20)")
    once = leaves.dilate("7 deg").contains(points)
    twice = leaves.dilate("3 deg").dilate("4 deg").contains(points)
    between = (leaves.dilate("3 deg") | mx.NoSky()).dilate("4 deg").contains(points)
    assert (once == twice).all()
    assert (once == between).all()
    assert 0 < once.sum() < len(once)
    assert (mx.Region("icrs;circle(0,0,1)").dilate("100 deg").dilate("100 deg")).contains(points).all()


def test_deep_nests_cost_no_recursion() -> None:
    mask: mx.Mask = mx.Region("icrs;box(0,0,1,1,0)")
    for _ in range(500):
        mask = mask.dilate("0.001 deg")
    assert spread(mask).disk == pytest.approx(0.5)  # type: ignore[attr-defined]
    assert mask.contains(SkyCoord([0, 0], [0.9, 1.1], unit="deg")).tolist() == [True, False]


def test_compounds() -> None:
    points = positions(4000, seed=3)
    two = "icrs;ellipse(10,20,30,5,40);box(200,-70,40,20,10)"
    apart = [mx.Region(f"icrs;{each}").dilate("5 deg").contains(points) for each in two[5:].split(";")]
    assert (mx.Region(two).dilate("5 deg").contains(points) == apart[0] | apart[1]).all()
    union = Compound([Ellipse(10, 20, 60, 10, 40), Rectangle(200, -70, 40, 20, 10)], [0, 1, "or"])
    assert (union.near(Points.from_sky(points).xyz, "icrs", np.deg2rad(5)) == apart[0] | apart[1]).all()
    ring = Compound([Circle(0, 0, 2), Circle(0, 0, 1)], [0, 1, "minus"])
    with pytest.raises(NeedsGridError, match="geom=geom"):
        ring.near(unit([1.0], [0.0]), "icrs", 0.1)


def test_what_cannot_say() -> None:
    bare = SkyCoord([1.0, 2.0], [3.0, 4.0], unit="deg")
    circle, other = mx.Region("icrs;circle(1,3,2)"), mx.Band(lat=("0 deg", "5 deg"))
    geom = mx.WcsGeom.create(npix=(4, 4), binsz=1)
    raster = mx.Raster((np.ones((4, 4), dtype=bool), geom))
    refused = [
        (circle & other).dilate("1 deg"),
        (circle ^ other).dilate("1 deg"),
        (~circle).dilate("1 deg"),
        mx.Region("icrs;circle(1,3,2);-circle(1,3,1)").dilate("1 deg"),
        mx.Region("icrs;circle(1,3,2)", metric="pixel").dilate("1 deg"),
        mx.Region(Line((0, 1), (2, 3))).dilate("1 deg"),
        raster.dilate("1 deg"),
        circle.dilate("1 deg", kernel="box"),
        circle.dilate(1 * u.pix, metric="pixel"),
        circle.dilate([1, 2] * u.deg),
        circle.dilate("1 deg", kernel="box").dilate("1 deg"),
        circle.erode("1 deg"),
        circle.erode("1 deg").dilate("1 deg"),
        circle.open("1 deg"),
        circle.close("1 deg"),
        circle.fill_holes().dilate("1 deg"),
    ]
    for mask in refused:
        with pytest.raises(NeedsGridError, match="geom=geom"):
            mask.contains(bare)
    for mask in refused[:5]:
        assert mask.contains(bare, geom=geom).shape == (2,)
    per_bin = mx.Catalog(bare, [[1, 2]] * u.deg)
    with pytest.raises(AxisError, match="geom=geom"):
        per_bin.dilate("1 deg").contains(bare)


def test_a_leaf_grown_is_asked_without_the_pass() -> None:
    """The law is the node's own: no rewriting is needed for one leaf."""
    mask = mx.Dilate(mx.Region("icrs;box(0,0,2,2,0)"), "1 deg")
    bare = Points.from_sky(SkyCoord([0, 0], [1.9, 2.1], unit="deg"))
    assert Evaluator(mask).run(mask, bare).tolist() == [True, False]


# ---- the design's example
# ----------------------------------------------------------------------------------------------------


def test_example_on_a_small_catalogue() -> None:
    sources = mx.Catalog(SkyCoord([184.0, 30.0], [-10.0, 40.0], unit="deg", frame="galactic"), "0.3 deg")
    plane = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
    keep = ~(sources | mx.Region("galactic;box(185,-4,1,0.5,45)")).dilate("0.1 deg") - plane
    events = SkyCoord([184, 184, 30, 30, 0], [-9.61, -9.59, 40.39, 40.41, 4.9], unit="deg", frame="galactic")
    assert keep.contains(events).tolist() == [False, True, False, True, False]


def test_example_on_the_real_catalogue(shared: Path) -> None:
    sources = mx.Catalog.read(shared / "data/catalogs/gll_psc_v35.fit.gz", radius="0.3 deg")
    plane = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
    keep = ~(sources | mx.Region("galactic;box(185,-4,1,0.5,45)")).dilate("0.1 deg") - plane
    events = positions(20_000, seed=12)
    there = SkyCoord(sources.lon, sources.lat, unit="deg", frame=sources.frame)
    _, apart, _ = events.match_to_catalog_sky(there)
    off_plane = np.abs(events.galactic.b.deg) > 5
    far = events.separation(SkyCoord(185, -4, unit="deg", frame="galactic")) > 1 * u.deg
    want = (apart > 0.4 * u.deg) & off_plane
    assert (keep.contains(events)[far] == want[far]).all()
    assert want.any()


@pytest.mark.parametrize("proj", ["CAR", "TAN"])
def test_fine_raster_agrees_but_for_a_pixel_at_the_rim(proj: str) -> None:
    geom = mx.WcsGeom.create(skydir=(185, -4), npix=(160, 140), binsz=0.02, proj=proj, frame="galactic")
    stars = SkyCoord([184.2, 185.9, 186.1], [-4.9, -3.1, -3.2], unit="deg", frame="galactic")
    leaves = mx.Catalog(stars, [0.1, 0.15, 0.2] * u.deg) | mx.Region(
        "galactic;box(185,-4,1,0.5,45);ellipse(184.3,-3.2,0.3,0.1,20);polygon(185.8,-4.8,186.3,-4.9,186,-4.4)"
    )
    mask = leaves.dilate("0.13 deg")
    on_grid = mask.on(geom).values
    height, width = geom.image_shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    lon, lat = geom.wcs.wcs_pix2world(x, y, 0)
    centres = SkyCoord(lon, lat, unit="deg", frame="galactic")
    exact = mask.contains(centres)
    # The mask holds what its pixels' centres hold, and reaches less than a diagonal further than these.
    assert not (on_grid & ~exact).any()
    smaller = leaves.dilate(f"{0.13 - 0.02 * np.sqrt(2)} deg").contains(centres)
    assert not (smaller & ~on_grid).any()
    assert 0 < (exact & ~on_grid).sum() < 0.1 * on_grid.sum()
