"""Many shapes asked together are what each of them says alone."""

from __future__ import annotations

import functools
import operator
import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.compile.lower import lower
from maskexpr.compile.simplify import simplify
from maskexpr.core.coverage import EMPTY, FULL, MIXED
from maskexpr.core.trace import tracing
from maskexpr.errors import RegionError
from maskexpr.grid.tiles import Areas
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
from maskexpr.shapes.index import ShapeIndex
from maskexpr.shapes.many import Many
from maskexpr.sphere.vectors import Caps, unit
from maskexpr.testing import geometries, whole_tile

FRAMES = ("icrs", "galactic", "fk5")


def drawn(rng: np.random.Generator, scale: float) -> Shape:
    """A shape of any kind about so many degrees large; poles, the seam and whole degrees are likely."""
    lon = float(rng.choice([0.0, 180.0, rng.integers(0, 360), rng.uniform(0, 360)]))
    lat = float(
        rng.choice([90.0, -90.0, rng.integers(-89, 90), rng.uniform(-90, 90)], p=[0.05, 0.05, 0.4, 0.5])
    )
    a, b, c, d = (float(rng.choice([each, np.ceil(each)])) for each in scale * np.exp(rng.uniform(-4, 0, 4)))
    angle, frame = float(rng.choice([0.0, 90.0, rng.uniform(0, 180)])), str(rng.choice(FRAMES))
    kind = rng.integers(0, 9)
    if kind == 0:
        return Ellipse(lon, lat, a, float(rng.choice([0.0, b], p=[0.1, 0.9])), angle, frame)
    if kind == 1:
        return Rectangle(lon, lat, a, b, angle, frame)
    if kind == 2:
        return Circle(lon, lat, min(a, 180.0), frame)
    if kind == 3:
        return CircleAnnulus(lon, lat, min(a, 89.0), min(a + b, 180.0), frame)
    if kind == 4:
        return EllipseAnnulus(lon, lat, a, b, min(a + c, 360.0), min(b + d, 360.0), angle, frame)
    if kind == 5:
        return RectangleAnnulus(lon, lat, a, b, min(a + c, 360.0), min(b + d, 360.0), angle, frame)
    if kind == 6:
        ring = CircleAnnulus(lon, lat, min(a, 89.0), min(a + b, 180.0), frame) if rng.random() < 0.7 else None
        return Sector(lon, lat, angle, angle + float(rng.choice([90.0, 180.0, 359.0])), frame, ring)
    number = int(rng.integers(3, 7))
    turn = np.sort(rng.uniform(0, 2 * np.pi, number))
    lons, lats = lon + a * np.cos(turn), np.clip(lat + b * np.sin(turn), -90, 90)
    try:
        return Polygon([*lons, lons[0]], [*lats, lats[0]], frame, larger_side=bool(rng.random() < 0.1))
    except RegionError:
        return WholeSky(frame) if rng.random() < 0.1 else Circle(lon, lat, 0.0, frame)


def some(seed: int, number: int, scale: float) -> list[Shape]:
    rng = np.random.default_rng(seed)
    return [drawn(rng, scale) for _ in range(number)]


def joined(shapes: list[Shape], name: str) -> Compound:
    formula: list[int | str] = [0]
    for i in range(1, len(shapes)):
        formula.extend([i, name])
    return Compound(shapes, formula)


SCALES = (0.5, 5.0, 40.0, 170.0)
OPERATORS = {"or": np.bitwise_or, "xor": np.bitwise_xor}


@pytest.mark.parametrize("name", geometries())
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("join", OPERATORS)
def test_tiles_and_points_are_those_of_each_shape_alone(name: str, scale: float, join: str) -> None:
    geom = geometries()[name].to_image()
    shapes = some(len(name) + int(scale), 25, scale)
    points = whole_tile(geom).all_pixels()
    alone = [each.inside(points.xyz, geom.frame) for each in shapes]
    want = OPERATORS[join].reduce(alone).reshape(geom.image_shape)
    mask = mx.Region(joined(shapes, join))
    for chunks in ("auto", 7):
        assert np.array_equal(mask.compute(geom, chunks=chunks).values, want)
    assert np.array_equal(pickle.loads(pickle.dumps(mask)).inside(points), want.ravel())
    each = functools.reduce({"or": operator.or_, "xor": operator.xor}[join], map(mx.Region, shapes))
    assert np.array_equal(each.compute(geom).values, want)
    assert np.array_equal(mask.on(geom, chunks=11).values, want)


@pytest.mark.parametrize("name", geometries())
@pytest.mark.parametrize("scale", SCALES)
def test_the_last_shape_that_holds_a_pixel_decides(name: str, scale: float) -> None:
    geom = geometries()[name].to_image()
    rng = np.random.default_rng(int(scale))
    shapes = some(2 * len(name) + int(scale), 25, scale)
    adds = [True, *rng.choice([True, False], 24)]
    mask = mx.Region(
        combine([("or" if add else "minus", each) for add, each in zip(adds, shapes, strict=True)])
    )
    assert mask.is_indexed
    points = whole_tile(geom).all_pixels()
    want = np.zeros(len(points), dtype=bool)
    for add, each in zip(adds, shapes, strict=True):
        want = (
            want | each.inside(points.xyz, geom.frame) if add else want & ~each.inside(points.xyz, geom.frame)
        )
    for chunks in ("auto", 7):
        assert np.array_equal(mask.compute(geom, chunks=chunks).values.ravel(), want)
    assert np.array_equal(mask.inside(points), want)
    assert np.array_equal(mask.lowered().compute(geom).values.ravel(), want)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_pairs_are_asked_as_each_shape_alone(scale: float, frame: str) -> None:
    """Bits and coverage of batches, and no pair is left out that is not empty."""
    rng = np.random.default_rng(int(scale))
    shapes = some(int(scale) + 1, 60, scale)
    many, index = Many(shapes, frame), ShapeIndex(tuple(shapes), frame)
    number = 40
    lon, lat = rng.integers(0, 360, number).astype(float), rng.integers(-90, 91, number).astype(float)
    near = [getattr(each, "lon", 0.0) for each in shapes[:10]]
    lon[:10] = [np.mean(each) for each in near]
    xyz = unit(lon, lat)
    radius = rng.choice([0.0, 1e-13, 1e-6, 0.01, 0.3, 1.0, 3.0, np.pi - 1e-9], number)
    caps = Caps(xyz, radius)
    place, which = (each.ravel() for each in np.indices((number, len(shapes))))
    inside = many.inside(np.ascontiguousarray(xyz[:, place]), which)
    cover = many.coverage(caps.take(place), which)
    block = many.inside(xyz[:, place, None] + np.zeros(3), which)
    assert np.array_equal(block, np.repeat(inside[:, None], 3, axis=1))
    for i, shape in enumerate(shapes):
        assert np.array_equal(inside[which == i], shape.inside(xyz, frame)), shape
        assert np.array_equal(cover[which == i], shape.coverage(caps, frame)), shape
    kept = np.zeros((number, len(shapes)), dtype=bool)
    kept[place[met := index._meets(caps, place, which)], which[met]] = True
    found = np.zeros((number, len(shapes)), dtype=bool)
    found[index._near(caps)] = True
    inside, cover = inside.reshape(number, -1), cover.reshape(number, -1)
    for some_pairs in (kept, found):
        assert not np.any(~some_pairs & (inside | (cover == FULL)))
    united = index.coverage(caps)
    assert np.array_equal(united == FULL, (cover == FULL).any(axis=1))
    assert np.all(united[(cover == EMPTY).all(axis=1)] == EMPTY)
    assert not np.any(inside[united == EMPTY])


def test_caps_that_touch_are_not_left_out() -> None:
    """Rims that touch, or overlap by the last bits: the pair is kept, from tiny caps to half the sky."""
    for size in (1e-9, 1e-3, 0.3, 30.0, 89.0, 150.0):
        for radius in (1e-9, 1e-3, 1.0, 29.0, 90.0):
            for shape in (Circle(0, 0, size), Ellipse(0, 0, 2 * size, size, 0), Circle(0, 0, 180.0)):
                apart = min(size + radius, 180.0)
                for lon in (apart, np.nextafter(apart, 0), apart - 1e-13):
                    caps = Caps(unit([lon], [0.0]), np.deg2rad([radius]))
                    index = ShapeIndex((shape,), "icrs")
                    assert len(index._near(caps)[0]) == 1, (size, radius, lon)


def test_coverage_of_the_whole_sky_and_of_nothing() -> None:
    geom = geometries()["allsky"]
    whole = Areas(geom, Caps(np.array([[1.0], [0.0], [0.0]]), np.array([np.pi])))
    nothing = Areas(geom, Caps(np.array([[1.0], [0.0], [0.0]]), np.array([-1.0])))
    small = mx.Region(Ellipse(10, 20, 3, 1))
    pair = mx.Region(joined([Ellipse(10, 20, 3, 1), Rectangle(40, -20, 3, 1)], "or"))
    ask: Any = None
    filled = mx.Region(joined([WholeSky(), Rectangle(40, -20, 3, 1)], "or"))
    left = mx.Region(joined([WholeSky(), Rectangle(40, -20, 3, 1)], "xor"))
    flat = mx.Region(joined([Ellipse(10, 20, 3, 0), Circle(1, 2, 0)], "or"))
    assert [each.coverage(whole, ask)[0] for each in (small, pair, left)] == [MIXED] * 3
    assert filled.compute(geom).all()
    assert flat.coverage(nothing, ask)[0] == EMPTY
    assert not flat.compute(geom).any()


@pytest.mark.parametrize("name", geometries())
def test_points_and_lines_are_marked_together(name: str) -> None:
    geom = geometries()[name].to_image()
    rng = np.random.default_rng(len(name))
    at = [
        (float(a), float(b)) for a, b in zip(rng.uniform(0, 360, 16), rng.uniform(-80, 80, 16), strict=True)
    ]
    at[:4] = [(0.0, 90.0), (180.0, 0.0), (12.0, -90.0), (83.6, 22.0)]
    frames = rng.choice(FRAMES, 16)
    marks: list[Shape] = [Point(*each, str(frame)) for each, frame in zip(at[:8], frames, strict=False)]
    # One long line; the others are short, as most are.
    marks.extend(
        Line((x, x + 3), (y, y - 2 if y > 0 else y + 2), str(f)) for (x, y), f in zip(at, frames, strict=True)
    )
    marks.append(Line((10.0, 120.0), (-20.0, 30.0)))
    marks.append(Line((5.0, 5.0), (6.0, 6.0)))
    tile = whole_tile(geom)
    want = np.zeros(geom.image_shape, dtype=bool)
    for each in marks:
        each.pixels(geom).fill(want, 0, 0)  # type: ignore[attr-defined]
    if tile.on_sky is not None:
        want &= tile.on_sky
    from_list = mx.Region(joined(marks, "or"))
    assert from_list.is_marks
    ellipse = Ellipse(83, 22, 5, 2)
    for mask in (from_list, functools.reduce(operator.or_, map(mx.Region, marks))):
        assert isinstance(simplify(lower(mask)), mx.Region)
        for chunks in ("auto", 7):
            assert np.array_equal(mask.compute(geom, chunks=chunks).values, want)
        mixed = (mask | mx.Region(ellipse)).compute(geom).values
        assert np.array_equal(mixed, want | mx.Region(ellipse).compute(geom).values)
    assert mx.Region(joined([*marks, ellipse], "or")).is_marks is False
    plan = from_list.plan(geom, chunks=5)
    assert plan.n_mixed <= np.count_nonzero(want)


def test_which_formulas_are_told_as_additions() -> None:
    a, b, c = Circle(0, 0, 1), Circle(1, 0, 1), Circle(2, 0, 1)
    told = {
        (0,): (True,),
        (0, 1, "minus", 2, "or"): (True, False, True),
        (0, 1, 2, "or", "or"): (True, True, True),
        (0, 1, 2, "or", "minus"): (),
        (1, 0, "minus", 2, "or"): (),
        (0, 1, "and", 2, "or"): (),
        (0, 0, "minus", 2, "or"): (),
        (): (),
    }
    for formula, adds in told.items():
        assert Compound([a, b, c][: max(1, len(adds) or 3)], formula).adds == adds, formula


def test_regions_are_united_and_circles_stay_a_catalogue() -> None:
    ellipses = [mx.Region(Ellipse(i, 10, 2, 1)) for i in range(5)]
    circles = [mx.Region(Circle(i, -10, 1)) for i in range(5)]
    band = mx.Band(lat=(-5, 5) * u.deg)
    simple = simplify(lower(functools.reduce(operator.or_, [*ellipses, *circles, band])))
    assert sorted(type(each).__name__ for each in simple.children) == ["Band", "Catalog", "Region"]
    from_list = mx.Region(combine([("or", each.shape) for each in (*ellipses, *circles)])) | band
    assert {each.key for each in simplify(lower(from_list)).children} == {
        each.key for each in simple.children
    }
    odd = simplify(lower(functools.reduce(operator.xor, ellipses)))
    assert isinstance(odd, mx.Region)
    assert isinstance(odd.shape, Compound)
    assert odd.shape.joined == "xor"
    assert simplify(lower(ellipses[0] | ~ellipses[0] | ellipses[1])) == mx.AllSky()
    minus = mx.Region(combine([("or", ellipses[0].shape), ("minus", ellipses[1].shape)]))
    assert simplify(lower(minus)) is minus


def test_what_is_taken_away_one_by_one_is_taken_away_together() -> None:
    keep, *rest = [mx.Region(Ellipse(i, 10, 4, 2)) for i in range(6)]
    circles = [mx.Region(Circle(i, 10, 1)) for i in range(3)]
    mask = functools.reduce(operator.sub, [*rest, *circles], keep)
    simple = simplify(lower(mask))
    assert sorted(type(each).__name__ for each in simple.children) == ["Not", "Region"]
    inner = next(each for each in simple.children if isinstance(each, mx.Not)).mask
    assert sorted(type(each).__name__ for each in inner.children) == ["Catalog", "Region"]
    geom = mx.WcsGeom.create(skydir=(3, 10), npix=(90, 80), binsz=0.1)
    points = whole_tile(geom).all_pixels()
    want = keep.inside(points)
    for each in (*rest, *circles):
        want &= ~each.inside(points)
    assert np.array_equal(mask.compute(geom).values.ravel(), want)
    assert simplify(simple) == simple


def test_work_follows_the_shapes_and_not_their_number_times_the_map() -> None:
    geom = mx.WcsGeom.allsky(binsz=0.5)
    rng = np.random.default_rng(1)
    there = SkyCoord(rng.uniform(0, 360, 400), np.degrees(np.arcsin(rng.uniform(-1, 1, 400))), unit="deg")
    asked = []
    for number in (100, 400):
        shapes = [
            Ellipse(each.ra.deg, each.dec.deg, 3, 1, angle)
            for each, angle in zip(there[:number], rng.uniform(0, 180, number), strict=True)
        ]
        with tracing() as counts:
            mx.Region(joined(shapes, "or")).compute(geom)
        asked.append(counts["pixels"])
    assert asked[1] < 4.5 * asked[0]
    assert asked[1] < 0.5 * geom.image_shape[0] * geom.image_shape[1]
