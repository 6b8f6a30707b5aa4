"""Lists of polygons that are kept in columns: the same masks, names and errors as of objects one by one."""

from __future__ import annotations

import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st
from regions import CircleSkyRegion, PolygonSkyRegion, RegionMeta

import maskexpr as mx
from maskexpr.core.records import Columns
from maskexpr.errors import RegionError
from maskexpr.shapes import Compound, Polygon

NUMBERS = [3, 8, 5, 8, 3, 4]


def vertices(rng: np.random.Generator, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Of one polygon, the seam and a pole among them."""
    turn = np.deg2rad(np.arange(number) * (360 / number))
    lon, lat = rng.choice([0.5, 120.0, 359.5]), rng.choice([-40.0, 0.0, 87.5])
    return lon + 2 * np.cos(turn), lat + 2 * np.sin(turn)


def lists(frame: Any = "icrs", unit: Any = "deg") -> tuple[list[PolygonSkyRegion], list[Polygon]]:
    rng = np.random.default_rng(1)
    some = [vertices(rng, number) for number in NUMBERS]
    regions = [PolygonSkyRegion(SkyCoord(*each, unit="deg", frame=frame)) for each in some]
    name = regions[0].vertices.frame.name
    places = [(each.vertices.spherical.lon.deg, each.vertices.spherical.lat.deg) for each in regions]
    return regions, [Polygon(*each, name) for each in places]


@pytest.mark.parametrize("frame", ["icrs", "fk5", "galactic", "barycentricmeanecliptic"])
def test_a_list_is_the_union_of_its_objects(frame: str) -> None:
    regions, polygons = lists(frame)
    got, want = mx.Region(regions), mx.Region(Compound.union(polygons))
    assert isinstance(got.shape.shapes, Columns)
    assert got == want
    assert got.digest == want.digest
    assert got.shape == want.shape
    assert want.shape == got.shape
    assert hash(got.shape) == hash(want.shape)
    assert list(got.shape.shapes) == polygons
    assert got.shape.shapes[-1] == polygons[-1]
    assert got.shape.shapes[1:3] == tuple(polygons[1:3])
    assert repr(got.shape) == repr(want.shape)
    geom = mx.WcsGeom.allsky(binsz=1, proj="CAR")
    np.testing.assert_array_equal(got.on(geom).compute(), want.on(geom).compute())


def test_columns_are_saved_and_sent_as_objects_are() -> None:
    got = mx.Region(lists()[0])
    for back in (mx.loads(mx.dumps(got)), pickle.loads(pickle.dumps(got)), mx.from_dict(got.to_dict())):
        assert back == got
        assert back.shape == got.shape
    assert len(got.to_regions()) == len(NUMBERS)


def test_columns_are_joined_with_others() -> None:
    regions, polygons = lists()
    circle = CircleSkyRegion(SkyCoord(10, 20, unit="deg"), 3 * u.deg)
    away = PolygonSkyRegion(regions[0].vertices, meta=RegionMeta({"include": False}))
    mixed = mx.Region([*regions[:3], circle, *regions[3:], away])
    assert [type(each).__name__ for each in mixed.shape.shapes].count("Polygon") == len(NUMBERS) + 1
    assert mixed.shape.formula[-1] == "minus"
    assert mixed.shape.shapes[-1] == polygons[0]
    both = mx.Region(regions) | mx.Region("icrs;polygon(40,40,42,40,41,42)")
    geom = mx.WcsGeom.allsky(binsz=1, proj="CAR")
    assert int(both.on(geom).sum()) > int(mx.Region(regions).on(geom).sum())


@pytest.mark.parametrize(
    ("lon", "lat", "what"),
    [
        ([1, 2], [1, 2], "three distinct"),
        ([1, 2, 1, 2], [1, 2, 1, 2], "three distinct"),
        ([0, 180, 90], [0, 0, 5], "antipodes"),
        ([1, 2, 3], [1, np.nan, 2], "vertex 2: a position must be finite"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(lon: list[float], lat: list[float], what: str) -> None:
    regions, _ = lists()
    regions.insert(2, PolygonSkyRegion(SkyCoord(lon, lat, unit="deg")))
    with pytest.raises(RegionError, match=rf"^region 2 \(PolygonSkyRegion\): .*{what}"):
        mx.Region(regions)
    with pytest.raises(RegionError, match=what):
        Polygon(lon, lat)


def test_positions_that_are_no_plain_degrees() -> None:
    """In radians, of single precision, of other bytes, with gaps and in frames of a date: as each alone."""
    lon, lat = np.array([1.0, 1.1, 1.05]), np.array([0.1, 0.1, 0.2])
    radians = SkyCoord(lon, lat, unit="rad")
    single = SkyCoord(np.float32([10, 12, 11]), np.float32([1, 1, 3]), unit="deg")
    swapped = SkyCoord(np.array([10, 12, 11], dtype=">f8"), np.array([1, 1, 3], dtype=">f8"), unit="deg")
    every_other = SkyCoord([10.0, 0, 12, 0, 11], [1.0, 0, 1, 0, 3], unit="deg")[::2]
    dated = SkyCoord([10, 12, 11], [1, 1, 3], unit="deg", frame="fk5", equinox="J1975")
    for each in (radians, single, swapped, every_other, dated):
        many = mx.Region([PolygonSkyRegion(each)] * 3)
        assert set(many.shape.shapes) == {mx.Region(PolygonSkyRegion(each)).shape}
    plain = PolygonSkyRegion(SkyCoord([20.0, 22, 21], [1.0, 1, 3], unit="deg"))
    both = mx.Region([plain, PolygonSkyRegion(every_other), PolygonSkyRegion(single)])
    assert list(both.shape.shapes) == [
        mx.Region(PolygonSkyRegion(each)).shape for each in (plain.vertices, every_other, single)
    ]


def test_columns_are_their_own() -> None:
    at = SkyCoord([10.0, 12, 11], [1.0, 1, 3], unit="deg")
    mask = mx.Region([PolygonSkyRegion(at), PolygonSkyRegion(at)])
    before = mask.digest
    at.data.lon[0] = 50 * u.deg
    assert mask.shape.shapes[0].lon[0] == 10
    assert mx.Region(mask.shape).digest == before


COORDINATE = st.sampled_from([0.0, -0.0, 1.0, 2.5, 10.0])


@given(st.lists(st.lists(COORDINATE, min_size=3, max_size=4), min_size=1, max_size=3), st.data())
def test_digests_tell_lists_apart_as_equality_does(lon: list[list[float]], data: st.DataObject) -> None:
    """How many vertices each has is told, not only which all have."""
    other = data.draw(st.sampled_from([lon, lon[::-1], lon[:1], [[*each, 3.0] for each in lon]]))
    one, two = (
        Compound.union(
            Polygon(
                [*each, 20.0, 21.0, 20.5], [*each, 0.0, 1.0, 2.0], data.draw(st.sampled_from(["icrs", "fk5"]))
            )
            for each in some
        )
        for some in (lon, other)
    )
    assert (mx.Region(one).digest == mx.Region(two).digest) == (one == two)
