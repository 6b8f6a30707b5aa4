"""The pixel metric against gammapy's ``region_mask``, the sky metric's polygons against mocpy."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
import regions
from astropy.coordinates import Latitude, Longitude, SkyCoord
from numpy.typing import NDArray

import maskexpr as mx
from maskexpr.compile.evaluate import evaluate
from maskexpr.nodes.region import Region
from maskexpr.shapes import Polygon
from maskexpr.sphere.vectors import unit
from maskexpr.testing import whole_tile

gammapy_maps = pytest.importorskip("gammapy.maps")
mocpy = pytest.importorskip("mocpy")

Bools = NDArray[np.bool_]


def at(lon: float, lat: float, frame: str = "icrs") -> SkyCoord:
    return SkyCoord(lon, lat, unit="deg", frame=frame)


MAPS = {
    "car": {"skydir": (10, 20), "npix": (80, 60), "binsz": 0.1, "proj": "CAR", "frame": "icrs"},
    "tan": {"skydir": (10, 20), "npix": (81, 61), "binsz": 0.1, "proj": "TAN", "frame": "icrs"},
    "galactic": {
        "skydir": (118.5, -42.5),
        "npix": (90, 80),
        "binsz": 0.08,
        "proj": "TAN",
        "frame": "galactic",
    },
    "oblong": {"skydir": (10, 20), "npix": (50, 90), "binsz": (0.15, 0.06), "proj": "CAR", "frame": "icrs"},
    "allsky": {"binsz": 3, "proj": "CAR", "frame": "galactic"},
}

SHAPES = [
    regions.CircleSkyRegion(at(10, 20), 0.73 * u.deg),
    regions.CircleSkyRegion(at(118.3, -42, "galactic"), 31 * u.arcmin),
    regions.CircleSkyRegion(at(10, 20), 10 * u.deg),
    regions.EllipseSkyRegion(at(10, 20), 2 * u.deg, 0.9 * u.deg, 33 * u.deg),
    regions.RectangleSkyRegion(at(10.2, 20.1), 2 * u.deg, 0.9 * u.deg, 33 * u.deg),
    regions.CircleAnnulusSkyRegion(at(10, 20), 0.5 * u.deg, 1.1 * u.deg),
    regions.EllipseAnnulusSkyRegion(at(10, 20), 1 * u.deg, 2 * u.deg, 0.5 * u.deg, 1.3 * u.deg, 20 * u.deg),
    regions.RectangleAnnulusSkyRegion(at(10, 20), 1 * u.deg, 2 * u.deg, 0.5 * u.deg, 1.3 * u.deg, 20 * u.deg),
    regions.PolygonSkyRegion(SkyCoord([9, 11, 10.2, 10], [19, 19.3, 21, 19.8], unit="deg")),
    regions.PointSkyRegion(at(10.01, 20.03)),
    regions.PointSkyRegion(at(118.5, -42.52, "galactic")),
    regions.TextSkyRegion(at(9.8, 20.4), "here"),
]


def gammapy_geom(name: str) -> object:
    return gammapy_maps.WcsGeom.create(**MAPS[name])


def ours(spec: object, geom: object) -> Bools:
    return evaluate(Region(spec, metric="pixel"), whole_tile(mx.WcsGeom.from_gammapy(geom)))


def theirs(spec: object, geom: object) -> Bools:
    return np.asarray(geom.region_mask(spec).data)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("region", SHAPES, ids=lambda region: type(region).__name__)
def test_pixel_metric_is_gammapys(region: regions.Region, name: str) -> None:
    geom = gammapy_geom(name)
    expected = theirs([region], geom)
    assert np.array_equal(ours(region, geom), expected)
    assert expected.any() or name == "allsky"


@pytest.mark.parametrize("name", MAPS)
def test_list_is_gammapys(name: str) -> None:
    geom = gammapy_geom(name)
    assert np.array_equal(ours(SHAPES, geom), theirs(SHAPES, geom))
    text = "galactic;circle(118.5,-42.5,0.3);fk5;box(10,20,1,0.4,20);ellipse(10,20.5,0.2,0.6,10)"
    text += "\nicrs;point(10.3,19.8)"
    assert np.array_equal(ours(text, geom), theirs(text, geom))


@pytest.mark.parametrize("cdelt", [(-0.1, -0.1), (0.1, 0.1), (0.1, -0.1)])
@pytest.mark.parametrize("region", SHAPES, ids=lambda region: type(region).__name__)
def test_gammapys_metric_on_flipped_maps(region: regions.Region, cdelt: tuple[float, float]) -> None:
    """gammapy mirrors what is not round; metric='pixel' does not, and is the same where the map is not
    flipped.
    """
    wcs = gammapy_geom("tan").wcs.deepcopy()  # type: ignore[attr-defined]
    wcs.wcs.cdelt = cdelt
    geom = gammapy_maps.WcsGeom(wcs, npix=(81, 61))
    mine = evaluate(Region(region, metric="gammapy"), whole_tile(mx.WcsGeom.from_gammapy(geom)))
    assert np.array_equal(mine, theirs([region], geom))
    if cdelt == (0.1, -0.1):
        assert np.array_equal(ours(region, geom), mine)


STCS = [
    "Circle ICRS 10 20 5",
    "Ellipse ICRS 10 60 12 5 30",
    "Polygon ICRS 10 20 40 20 25 50",
    "Union ICRS (Circle 10 20 5 Circle 40 20 7)",
    "Intersection ICRS (Circle 10 20 5 Circle 13 20 5)",
    "Intersection ICRS (Circle 10 20 9 Not (Circle 13 20 5))",
    "Not ICRS (Circle 10 20 40)",
    "PositionInterval ICRS 10 20 40 50",
    "Circle ICRS BARYCENTER SPHER2 10 20 5",
    "Union ICRS SPHER2 (Circle 180 10 9 Intersection (Polygon 190 0 230 0 220 40 Not (Circle 210 9 5)))",
    "Circle fillfactor 0.5 ICRS TOPOCENTER SPHERICAL2 10 20 5 unit deg",
]


@pytest.mark.parametrize("text", STCS)
def test_stcs_is_mocpys(text: str) -> None:
    """Cells are larger than points: the two differ near the rims alone."""
    moc = mocpy.MOC.from_stcs(text, max_depth=10)
    rng = np.random.default_rng(5)
    x, y = rng.uniform(0, 360, 60_000), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 60_000)))
    expected = moc.contains_lonlat(Longitude(x * u.deg), Latitude(y * u.deg))
    found = Region(text).contains(SkyCoord(x, y, unit="deg"))
    assert found.sum() > 50
    assert np.count_nonzero(found != expected) < 0.01 * found.sum() + 8


def test_compound_is_gammapys() -> None:
    geom = gammapy_geom("tan")
    a, b, c = SHAPES[0], SHAPES[3], SHAPES[8]
    # gammapy knows no other operator.
    for compound in (a | b, (a | b) | c):
        assert np.array_equal(ours(compound, geom), theirs([compound], geom))


POLYGONS = {
    "round the pole": ([0.0, 90, 180, 270], [60.0, 62, 58, 61]),
    "over the seam": ([350.0, 10, 10, 350], [-10.0, -12, 10, 13]),
    "concave": ([0.0, 20, 10, 10], [0.0, 0, 20, 5]),
    "south": ([0.0, 120, 240], [-75.0, -80, -70]),
}


@pytest.mark.parametrize("name", POLYGONS)
def test_polygon_is_mocpys(name: str) -> None:
    """A MOC holds every cell that its polygon touches: it differs along the edges, by a cell."""
    lon, lat = POLYGONS[name]
    moc = mocpy.MOC.from_polygon(lon * u.deg, lat * u.deg, max_depth=9)
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0, 360, 40_000), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 40_000)))
    expected = moc.contains_lonlat(Longitude(x * u.deg), Latitude(y * u.deg))
    found = Polygon(lon, lat).inside(unit(x, y), "icrs")
    assert found.sum() > 100
    assert not (found & ~expected).any()
    assert (expected & ~found).sum() < 0.05 * found.sum() + 20
