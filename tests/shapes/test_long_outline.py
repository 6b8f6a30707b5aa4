"""Polygons of many vertices, asked by the edges that matter: as by all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.shapes import Polygon, outline
from maskexpr.shapes.long_outline import Along, Seen
from maskexpr.sphere.arcs import to_arc
from maskexpr.sphere.vectors import Caps, normalise, unit


def _round(lon: float, lat: float, away: np.ndarray) -> np.ndarray:
    """Vertices at distances (degrees) in even directions from a place, shape (3, n)."""
    turn = np.arange(len(away)) * (360 / len(away))
    centre = SkyCoord(lon, lat, unit="deg")
    return np.asarray(centre.directional_offset_by(turn * u.deg, away * u.deg).cartesian.xyz.value)


def _outlines() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    wave = np.sin(np.arange(300) * (14 * np.pi / 300))
    spikes = np.where(np.arange(200) % 2, 30.0, 1.0)
    return {
        "lobes": _round(100, 10, 10 + 2 * wave),
        "ragged, round a pole": _round(20, 85, 20 + rng.uniform(-3, 3, 400)),
        "spikes": _round(0, 0, spikes),
        "tiny": _round(359.99, -40, 1e-4 * (1 + 0.3 * wave)),
        "wide": _round(200, -30, 97 + 3 * wave),
        "crosses itself": unit(rng.uniform(0, 40, 80), rng.uniform(-20, 20, 80)),
        "edges of all lengths": unit(
            np.cumsum(rng.exponential(1, 100) ** 4) % 60, 10 * np.sin(np.arange(100.0))
        ),
        "a vertex twice": np.repeat(_round(50, 50, np.full(40, 5.0)), 2, axis=1),
    }


def _points(made: outline.Outlines, rng: np.random.Generator) -> np.ndarray:
    """Points all over, near the polygon, on its vertices and edges, round its references, and none."""
    vertices = made.vertices[:, :, 0].T
    ends = np.roll(vertices, -1, axis=1)
    part = rng.uniform(0, 1, vertices.shape[1])
    references = made.references[:, :, 0].T
    round_them = np.repeat(np.concatenate([references, -references], axis=1), 40, axis=1)
    size = rng.choice([0, 1e-12, 1e-6, 1e-3, 0.1], round_them.shape[1])
    spread = np.repeat(made.centre, 3000, axis=1)
    return np.concatenate(
        [
            normalise(rng.normal(size=(3, 1000))),
            normalise(spread + rng.normal(size=spread.shape) * made.radius * 0.6),
            vertices,
            -vertices,
            normalise(vertices * (1 - part) + ends * part),
            normalise(vertices + rng.normal(size=vertices.shape) * 1e-12),
            normalise(round_them + rng.normal(size=round_them.shape) * size),
            np.full((3, 2), np.nan),
        ],
        axis=1,
    )


def _made(name: str) -> outline.Outlines:
    xyz = _outlines()[name]
    lon, lat = np.degrees(np.arctan2(xyz[1], xyz[0])), np.degrees(np.arcsin(xyz[2]))
    made = outline.outline(tuple(lon.tolist()), tuple(lat.tolist()), "icrs", "icrs", False)
    made.prepare(np.ones(1, dtype=bool))
    return made


@pytest.mark.parametrize("name", _outlines())
@pytest.mark.parametrize("reference", [0, 1])
def test_crossings_are_those_of_all_edges(name: str, reference: int) -> None:
    made = _made(name)
    xyz = _points(made, np.random.default_rng(reference))
    assert made._seen(reference, 0) is not None
    found = made._crossings_of_seen(reference, xyz, 0)
    wanted = made._crossings_of_all(reference, xyz, np.array([0]))
    assert np.array_equal(found, wanted)
    assert wanted[1].sum() >= made.vertices.shape[0] // 2
    assert 0 < wanted[0].sum() < xyz.shape[1]


@pytest.mark.parametrize("name", _outlines())
def test_caps_are_clear_where_no_edge_comes_within(name: str) -> None:
    made, rng = _made(name), np.random.default_rng(2)
    xyz = _points(made, rng)
    vertices = made.vertices[:, :, 0].T
    ends = np.roll(vertices, -1, axis=1)
    away = to_arc(xyz[:, :, None], vertices[:, None], ends[:, None]).min(axis=1)
    # Some of them the distance itself, and a little more or less.
    known = np.nan_to_num(away, nan=1.0)
    angle = np.where(rng.random(len(away)) < 0.5, known * rng.uniform(0, 2, len(away)), known)
    angle = np.clip(angle + rng.choice([0, 1e-12, -1e-12, 1e-6, -1e-6], len(angle)), 0, np.pi)
    assert np.array_equal(made.come_within(xyz, angle, 0), away <= angle)
    caps = Caps(xyz[:, :-2], angle[:-2])
    clear = made._is_clear(caps, slice(None))
    assert not np.any(clear & (away[:-2] <= angle[:-2]))
    assert np.all(clear | (away[:-2] <= angle[:-2] + 1e-9))


def test_a_polygon_asked_with_others_is_asked_by_its_own_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of them about so much that their edges are found, others not."""
    monkeypatch.setattr(outline, "_SHORT", 5000)
    rng = np.random.default_rng(7)
    lon, lat, sizes = rng.uniform(0, 90, 30), rng.uniform(-40, 40, 30), rng.choice([1, 8], 30)
    many = [_round(a, b, rng.uniform(2, 6, 70) / size) for a, b, size in zip(lon, lat, sizes, strict=True)]
    places = [SkyCoord(*each, representation_type="cartesian").spherical for each in many]
    shapes = [Polygon(each.lon.deg, each.lat.deg) for each in places]
    mask = mx.Region(shapes)
    where = SkyCoord(rng.uniform(0, 90, 5000), rng.uniform(-40, 40, 5000), unit="deg")
    seen: set[int] = set()
    of_seen = outline.Outlines._crossings_of_seen

    def noted(self: outline.Outlines, reference: int, xyz: np.ndarray, polygon: int) -> Any:
        seen.add(polygon)
        return of_seen(self, reference, xyz, polygon)

    monkeypatch.setattr(outline.Outlines, "_crossings_of_seen", noted)
    geom = mx.WcsGeom.create(skydir=(45, 0), npix=(120, 100), binsz=0.8, proj="TAN", frame="icrs")
    found = mask.contains(where), mask.on(geom).values
    assert 0 < len(seen) < 30
    monkeypatch.setattr(outline, "_LONG", 1000)
    fresh = mx.Region(shapes)
    assert np.array_equal(found[0], fresh.contains(where))
    assert np.array_equal(found[1], fresh.on(geom).values)
    assert 0 < found[0].sum() < len(where)


@pytest.mark.parametrize("number", [1000, 30_000])
def test_a_point_is_asked_of_few_edges_however_many_there_are(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    pairs = Seen.pairs

    def counted(self: Seen, xyz: np.ndarray) -> Any:
        found = pairs(self, xyz)
        asked.append((xyz.shape[1], len(found[0])))
        return found

    monkeypatch.setattr(Seen, "pairs", counted)
    xyz = _round(100, 0, 10 + 2 * np.sin(np.arange(number) * (14 * np.pi / number)))
    lon, lat = np.degrees(np.arctan2(xyz[1], xyz[0])), np.degrees(np.arcsin(xyz[2]))
    geom = mx.WcsGeom.create(skydir=(100, 0), npix=(150, 150), binsz=0.2, proj="TAN", frame="icrs")
    assert mx.Region(Polygon(lon, lat)).on(geom).values.any()
    points, edges = np.sum(asked, axis=0)
    assert edges < 20 * points


def test_of_polygons_that_are_asked_about_little_edges_are_not_sorted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To find the edges that matter takes longer than a few points take with all of them."""
    made: list[int] = []
    of = Seen.of

    def counted(place: np.ndarray, vertices: np.ndarray, *rest: Any) -> Any:
        made.append(vertices.shape[1])
        return of(place, vertices, *rest)

    monkeypatch.setattr(Seen, "of", counted)
    monkeypatch.setattr(Along, "of", None)
    rng = np.random.default_rng(3)
    turn = np.arange(100) * (2 * np.pi / 100)
    lon, lat = rng.uniform(0, 360, 400), rng.uniform(-60, 60, 400)
    mask = mx.Region([Polygon(a + np.cos(turn), b + np.sin(turn)) for a, b in zip(lon, lat, strict=True)])
    where = SkyCoord(rng.uniform(0, 360, 20_000), rng.uniform(-60, 60, 20_000), unit="deg")
    assert mask.contains(where).any()
    assert mask.on(mx.HpxGeom(order=5)).values.any()
    assert not made


def test_where_an_edge_points_at_the_place_it_is_not_seen_from_there() -> None:
    vertices = unit([0.0, 10.0, 10.0], [0.0, 0.0, 10.0])
    normals = np.cross(vertices, np.roll(vertices, -1, axis=1), axis=0)
    lengths = np.sqrt((normals**2).sum(axis=0))
    assert Seen.of(unit(50.0, 0.0), vertices, normals, lengths) is None
    assert Seen.of(unit(50.0, 40.0), vertices, normals, lengths) is not None


def test_an_outline_of_one_length_has_as_many_places_on_each_edge() -> None:
    vertices = unit(np.arange(0, 360, 30.0), np.full(12, 80.0))
    made = Along.of(vertices, np.cross(vertices, np.roll(vertices, -1, axis=1), axis=0))
    assert np.ptp(np.bincount(made.edge)) <= 1
