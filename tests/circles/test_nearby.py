"""Indexes of the circles near a place: the same answers as of all, and few are indexed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.circles import nearby as _nearby
from maskexpr.circles.index import CircleIndex
from maskexpr.circles.nearby import Nearby, numbers_near
from maskexpr.sphere.vectors import Caps, angle_between, unit


def sky(number: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(-180, 400, number), np.rad2deg(np.arcsin(rng.uniform(-1, 1, number)))
    lat[:4] = 90.0, -90.0, 89.999, 0.0
    return lon, lat


@pytest.mark.parametrize("place", [(0, 0), (359.9, 10), (200, 89.9), (30, -90), (10, 60)])
@pytest.mark.parametrize("size", [0.0, 0.01, 0.4, 1.4, 3.0, np.pi])
def test_all_circles_that_meet_a_cap_are_found(place: tuple[float, float], size: float) -> None:
    lon, lat = sky(3000)
    for radius in (np.full(1, 0.02), np.random.default_rng(1).uniform(0, 0.8, len(lon))):
        cap = Caps(unit(*place)[:, None], np.array([size]))
        found = numbers_near(lon, lat, radius, cap)
        apart = angle_between(unit(lon, lat), cap.centre)
        assert np.array_equal(found, np.flatnonzero(apart <= radius + size + 1e-9))


def test_few_places_are_indexed_alone_and_then_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_nearby, "_MANY", 100)
    lon, lat = sky(2000)
    made: list[int] = []

    def make(some: np.ndarray) -> CircleIndex:
        made.append(len(some))
        return CircleIndex(unit(lon[some], lat[some]), np.full(len(some), 0.01))

    near = Nearby(lon, lat, np.full(len(lon), 0.01), np.eye(3), make)
    caps = [Caps(unit(x, 20.0)[:, None], np.array([0.1])) for x in range(0, 300, 60)]
    first = near.at(caps[0])
    # What lies within a place that is known asks for nothing new.
    assert near.at(Caps(unit(1.0, 21.0)[:, None], np.array([0.05]))) is first
    assert near.at(Caps(caps[0].centre, np.array([-1.0]))).radius.size == 0
    for each in caps[1:4]:
        near.at(each)
    assert len(made) == 5
    assert sum(made) < len(lon) / 4
    whole = near.at(caps[4])
    assert made[-1] == len(lon)
    assert near.at(caps[0]) is whole is near.all


def test_no_thread_waits_for_the_index_of_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_nearby, "_MANY", 100)
    lon, lat = sky(2000)
    slow, begun, go_on = Caps(unit(90.0, 0.0)[:, None], np.array([0.1])), Event(), Event()

    def make(some: np.ndarray) -> CircleIndex:
        if len(some) and (np.abs(lon[some] % 360 - 90) < 20).all():
            begun.set()
            assert go_on.wait(60)
        return CircleIndex(unit(lon[some], lat[some]), np.full(len(some), 0.01))

    near = Nearby(lon, lat, np.full(len(lon), 0.01), np.eye(3), make)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(near.at, slow)]
        assert begun.wait(60)
        waiting.append(pool.submit(near.at, slow))
        other = pool.submit(near.at, Caps(unit(200.0, 0.0)[:, None], np.array([0.1])))
        try:
            assert len(other.result(timeout=60).radius)
            assert not any(each.done() for each in waiting)
        finally:
            go_on.set()
        one, same = (each.result(timeout=60) for each in waiting)
    assert one is same


def test_the_whole_sky_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_nearby, "_MANY", 100)
    lon, lat = sky(500)

    def make(some: np.ndarray) -> CircleIndex:
        return CircleIndex(unit(lon[some], lat[some]), np.full(len(some), 0.01))

    for radius in (1.0, np.pi):
        near = Nearby(lon, lat, np.full(len(lon), 0.01), np.eye(3), make)
        assert near.at(Caps(unit([0.0, 180.0], [0.0, 0.0]), np.array([radius, 0.1]))) is near.all


@pytest.mark.parametrize("proj", ["CAR", "AIT", "TAN"])
@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_slices_and_positions_are_those_of_all(
    proj: str, frame: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lon, lat = sky(3000, 5)
    where = SkyCoord(lon * u.deg, lat * u.deg, frame=frame)
    radius = np.random.default_rng(2).uniform(0.1, 3.0, len(lon)) * u.deg
    geom = (
        mx.WcsGeom.allsky(binsz=1, proj=proj)
        if proj != "TAN"
        else mx.WcsGeom.create(width=50, binsz=0.3, proj=proj)
    )
    whole = mx.Catalog(where, radius).on(geom, chunks=40).values
    asked = SkyCoord(np.linspace(3, 9, 50) * u.deg, np.linspace(-2, 5, 50) * u.deg)
    want = mx.Catalog(where, radius).contains(asked)
    monkeypatch.setattr(_nearby, "_MANY", 100)
    for grown in (False, True):
        mask = mx.Catalog(where, radius)
        array = (mask.dilate("2 deg") if grown else mask).on(geom, chunks=40)
        expected = mx.Catalog(where, radius).dilate("2 deg").on(geom, chunks=40).values if grown else whole
        for y, x in ((0, 0), (50, 60), (110, 100), (160, 150), (20, 90), (90, 3)):
            here = {"y": slice(y, y + 30), "x": slice(x, x + 30)}
            assert np.array_equal(array.isel(here).values, expected[y : y + 30, x : x + 30])
    assert np.array_equal(mx.Catalog(where, radius).contains(asked), want)
