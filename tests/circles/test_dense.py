"""So many circles that most of the sky is in the largest of them: what these decide, no other is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.circles import index, rings
from maskexpr.circles.index import CircleIndex
from maskexpr.core.coverage import EMPTY, FULL, MIXED
from maskexpr.grid.healpix.cells import centres
from maskexpr.sphere.vectors import Caps, unit
from tests.sky_oracle import pixels

GRIDS = {
    "CAR": mx.WcsGeom.allsky(binsz=2.0, proj="CAR"),
    "AIT": mx.WcsGeom.allsky(binsz=2.0, proj="AIT"),
    "pole": mx.WcsGeom.create(skydir=(0, 89), npix=(61, 40), binsz=1.5, proj="ZEA"),
}
KINDS = ["all", "one radius", "half", "clump", "clump and the sky"]


def circles(kind: str, number: int = 5000) -> tuple[SkyCoord, u.Quantity]:
    """Centres and radii; ``half`` and ``clump`` leave most of the rest of the sky open."""
    rng = np.random.default_rng(KINDS.index(kind))
    lon, lat = rng.uniform(0, 360, number), np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    radius = rng.uniform(2, 12, number)
    if kind == "one radius":
        radius[:] = 9.0
    elif kind == "half":
        lat, radius = np.abs(lat), radius + 4
    elif kind == "clump":
        lon, lat, radius = rng.normal(180, 6, number), rng.normal(-70, 4, number), radius + 6
    elif kind == "clump and the sky":
        # The largest are all in one place, and tell nothing of the others.
        large = np.arange(number) < number // 4
        lon[large], lat[large] = rng.normal(180, 4, large.sum()), rng.normal(60, 4, large.sum())
        radius[large], radius[~large] = radius[large] + 10, 0.5
    return SkyCoord(lon, lat, unit="deg"), radius * u.deg


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of circles of which trees are made, as they are made."""
    made: list[int] = []
    plain = index.radius_classes

    def counted(centre: Any, radius: Any, factor: float) -> Any:
        made.append(len(radius))
        return plain(centre, radius, factor)

    monkeypatch.setattr(index, "radius_classes", counted)
    return made


@pytest.fixture(autouse=True)
def _few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest are looked at first where they have once the area of the sky, so that tests need few."""
    monkeypatch.setattr(index, "_BROAD", 1.0)


def depth(xyz: np.ndarray, where: SkyCoord, radius: u.Quantity) -> np.ndarray:
    """By how much the cosine of points' distances is above that of the radius, of the circle that holds them
    best.
    """
    return np.asarray((xyz.T @ where.cartesian.xyz.value - np.cos(radius.to_value("rad"))).max(axis=1))


def held(xyz: np.ndarray, where: SkyCoord, radius: u.Quantity) -> tuple[np.ndarray, np.ndarray]:
    """By how much points are in the circle that holds them best, radians, and in that which meets them."""
    away = np.arccos(np.clip(xyz.T @ where.cartesian.xyz.value, -1, 1))
    return np.asarray((radius.to_value("rad") - away).max(axis=1)), away


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GRIDS)
def test_every_pixel_is_told_as_by_all_circles(name: str, kind: str) -> None:
    geom, given = GRIDS[name], circles(kind)
    there, on_sky = pixels(geom)
    room = depth(there.cartesian.xyz.value.reshape(3, -1), *given)
    clear = (np.abs(room) > 1e-9).reshape(on_sky.shape)
    want = (room > 0).reshape(on_sky.shape) & on_sky
    for chunks in ("auto", (7, 50)):
        found = mx.Catalog(*given).on(geom, chunks=chunks).values
        assert np.array_equal(found[clear], want[clear])


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_told_as_by_all_circles(kind: str) -> None:
    geom, given = mx.HpxGeom(order=4, frame="icrs"), circles(kind)
    found = mx.Catalog(*given).on(geom)
    room = depth(centres(geom.order, found["cell_ids"].values), *given)
    clear = np.abs(room) > 1e-9
    assert np.array_equal(found.values[clear], (room > 0)[clear])


@pytest.mark.parametrize("kind", KINDS)
def test_caps_are_never_told_wrong(kind: str) -> None:
    rng = np.random.default_rng(1)
    caps = Caps(
        unit(rng.uniform(0, 360, 1500), np.degrees(np.arcsin(rng.uniform(-1, 1, 1500)))),
        np.deg2rad(rng.choice([0.1, 1, 5, 14, 30], 1500)),
    )
    where, radius = circles(kind)
    all_ = CircleIndex(where.cartesian.xyz.value, radius.to_value("rad"))
    assert all_._broad is not None
    found = all_.coverage(caps)
    room, away = held(caps.centre, where, radius)
    met = (radius.to_value("rad") + caps.radius[:, None] - away).max(axis=1)
    assert not np.any((found == FULL) & (room < caps.radius - 1e-7))
    assert not np.any((found == EMPTY) & (met > 1e-7))
    assert np.any(found == FULL)
    assert np.any(found == EMPTY) == (kind not in ("all", "one radius"))
    small = caps.radius < np.deg2rad(2)
    assert not np.any((found == MIXED) & small & (room > caps.radius + 1e-7))


@pytest.mark.parametrize(("number", "by_all"), [(30, False), (100, True)])
def test_trees_of_all_are_made_for_many_caps_alone(number: int, by_all: bool, asked: list[int]) -> None:
    """Caps that large circles meet, and that one which is not among them could hold."""
    where, radius = circles("all", 40_000)
    all_ = CircleIndex(where.cartesian.xyz.value, radius.to_value("rad"))
    caps = Caps(all_.centre[:, :number], np.full(number, 0.99 * all_.radius.max()))
    assert (all_.coverage(caps) == MIXED).all()
    assert (max(asked) == len(radius)) == by_all


def test_of_a_full_sky_few_circles_are_looked_at(asked: list[int]) -> None:
    where, radius = circles("all", 40_000)
    assert mx.Catalog(where, radius).on(mx.WcsGeom.allsky(binsz=1.0)).values.all()
    assert asked
    assert max(asked) * index._LARGEST <= len(radius)


def test_where_circles_outnumber_cells_these_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(index, "paint_on_rings", lambda rings, centre, *_: drawn.append(len(centre)))
    where, radius = circles("clump", 30_000)
    found = mx.Catalog(where, radius / 20).on(mx.HpxGeom(order=6))
    assert found.values.any()
    assert not drawn


def test_a_piece_of_rings_looks_at_its_own_circles_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What took all circles in each piece grew with their square."""
    number = 4000
    whole: list[str] = []
    pieces: list[int] = []

    class Counted(np.ndarray):
        def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
            whole.extend([ufunc.__name__] * (max(np.size(each) for each in inputs) == number))
            return getattr(ufunc, method)(*(np.asarray(each) for each in inputs), **options)

    of, sure_runs = rings.Circles.of, rings._sure_runs

    def made(centre: Any, radius: Any) -> rings.Circles:
        return rings.Circles(*(each.view(Counted) for each in of(centre, radius)))

    def counted(around: Any, circles: rings.Circles, circle: Any, ring: Any) -> Any:
        pieces.append(len(circle))
        assert len(circles.lat) == number
        return sure_runs(around, circles, circle, ring)

    monkeypatch.setattr(rings.Circles, "of", made)
    monkeypatch.setattr(rings, "_sure_runs", counted)
    rng = np.random.default_rng(3)
    # All of them in one face, which is one tile.
    where = SkyCoord(rng.uniform(38, 52, number), rng.uniform(34, 50, number), unit="deg")
    assert mx.Catalog(where, "1 deg").on(mx.HpxGeom(order=10)).values.any()
    assert len(pieces) > 10
    assert len(whole) < len(pieces)
