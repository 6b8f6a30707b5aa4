"""Very many ellipses: against separation and position angle by astropy, against a region of each of them."""

from __future__ import annotations

import pickle
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import FK4, SkyCoord
from numpy.testing import assert_allclose, assert_array_equal

import maskexpr as mx
from maskexpr.core.trace import tracing
from maskexpr.shapes import Compound, Ellipse

RNG = np.random.default_rng(11)
N = 60
LAT = np.degrees(np.arcsin(RNG.uniform(-1, 1, N)))
LAT[:3], LAT[3:6] = [89.9, -90.0, 89.0], [0.0, 0.0, -0.2]
LON = RNG.uniform(0, 360, N)
LON[3:6] = [0.0, 359.9, 180.0]
MAJOR = RNG.choice([0.0, 0.4, 2.0, 9.0, 40.0], N, p=[0.05, 0.35, 0.3, 0.2, 0.1])
MINOR = MAJOR * RNG.choice([0.0, 0.3, 0.7, 1.0], N, p=[0.05, 0.45, 0.4, 0.1])
ANGLE = RNG.uniform(-180, 360, N)
MAPS = {
    "all": mx.WcsGeom.allsky(binsz=2.0),
    "galactic": mx.WcsGeom.allsky(binsz=3.0, frame="galactic"),
    "aitoff": mx.WcsGeom.allsky(binsz=3.0, proj="AIT"),
    "pole": mx.WcsGeom.create(skydir=(20, 89), npix=(70, 60), binsz=0.3, proj="ZEA"),
    "seam": mx.WcsGeom.create(skydir=(0, 0), npix=(80, 50), binsz=0.2),
    "mercator": mx.WcsGeom.create(skydir=(180, 0), npix=(80, 50), binsz=0.4, proj="MER"),
    "row": mx.WcsGeom.create(skydir=(0, 0), npix=(300, 1), binsz=0.5),
    "one": mx.WcsGeom.create(skydir=(0, 0), npix=(1, 1), binsz=0.5, proj="TAN"),
}


def ellipses(frame: str = "icrs", some: Any = slice(None)) -> mx.Ellipses:
    there = SkyCoord(LON[some], LAT[some], unit="deg", frame=frame)
    return mx.Ellipses(there, MAJOR[some] * u.deg, MINOR[some] * u.deg, ANGLE[some] * u.deg)


def region(mask: mx.Ellipses) -> mx.Region:
    """The same as a region of ellipses, whose height lies along the position angle."""
    rows = zip(mask.lon, mask.lat, mask.major, mask.minor, mask.angle, strict=True)
    shapes = tuple(Ellipse(x, y, 2 * b, 2 * a, tilt, mask.frame) for x, y, a, b, tilt in rows)
    return mx.Region(Compound(shapes, (0, *(each for i in range(1, len(shapes)) for each in (i, "or")))))


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
@pytest.mark.parametrize("name", MAPS)
def test_against_astropy(name: str, frame: str) -> None:
    geom = MAPS[name]
    mask = ellipses(frame)
    lon, lat = geom.lonlat(*np.indices(geom.image_shape))
    sky = np.isfinite(lon)
    points = SkyCoord(lon[sky], lat[sky], unit="deg", frame=geom.frame).transform_to(frame)
    want, clear = np.zeros(len(points), dtype=bool), np.ones(len(points), dtype=bool)
    for i in range(N):
        centre = SkyCoord(LON[i], LAT[i], unit="deg", frame=frame)
        apart, towards = centre.separation(points).deg, centre.position_angle(points).deg - ANGLE[i]
        if min(MAJOR[i], MINOR[i]) <= 0:
            continue
        r2 = (apart * np.cos(np.radians(towards)) / MAJOR[i]) ** 2
        r2 += (apart * np.sin(np.radians(towards)) / MINOR[i]) ** 2
        want |= r2 < 1
        clear &= np.abs(r2 - 1) > 1e-9
    got = mask.on(geom).values
    assert clear.mean() > 0.99
    assert_array_equal(got[sky][clear], want[clear])
    assert not got[~sky].any()


@pytest.mark.parametrize("name", MAPS)
def test_equals_the_region_to_the_bit(name: str) -> None:
    geom, mask = MAPS[name], ellipses("galactic")
    want = region(mask).on(geom).values
    for chunks in (31, (5, 64), (64, 8), -1):
        assert_array_equal(mask.on(geom, chunks=chunks).values, want)
    assert_array_equal(mask.compute(geom).values, want)
    lon, lat = geom.lonlat(*np.indices(geom.image_shape))
    assert_array_equal(mask.contains(SkyCoord(lon, lat, unit="deg", frame=geom.frame)), want)


@pytest.mark.parametrize("name", MAPS)
def test_round_ones_are_circles(name: str) -> None:
    there = SkyCoord(LON, LAT, unit="deg")
    round_ = mx.Ellipses(there, MAJOR * u.deg, 1.0, ANGLE * u.deg)
    circles = mx.Catalog(there, MAJOR * u.deg)
    assert_array_equal(round_.on(MAPS[name]).values, circles.on(MAPS[name]).values)


@pytest.mark.parametrize("angle", [0.2, 3.0, 50.0])
def test_grown_at_points_as_the_region_is(angle: float) -> None:
    mask = ellipses(some=slice(0, 25))
    points = SkyCoord(RNG.uniform(0, 360, 400), RNG.uniform(-90, 90, 400), unit="deg", frame="galactic")
    radius = angle * u.deg
    assert_array_equal(mask.dilate(radius).contains(points), region(mask).dilate(radius).contains(points))


def test_small_ones_are_asked_in_their_boxes_only() -> None:
    """The cost follows the pixels round the ellipses, not the map."""
    geom = mx.WcsGeom.allsky(binsz=0.2)
    some = mx.Ellipses(SkyCoord([10, 200], [5, -40], unit="deg"), "0.9 deg", 0.5, "30 deg")
    with tracing() as trace:
        some.compute(geom)
    assert 0 < trace["pixels"] < 1000


def test_arguments() -> None:
    there = SkyCoord([10.0, 20.0], [5.0, -5.0], unit="deg")
    one = mx.Ellipses(there, "1 deg", "30 arcmin", "10 deg")
    assert one == mx.Ellipses(there, [60, 60] * u.arcmin, [0.5, 0.5], [10, 10] * u.deg)
    assert one == mx.Ellipses(there, "1 deg", 0.5 * u.one, "10 deg")
    assert one == mx.Ellipses(there.reshape(2, 1), "1 deg", np.float64(0.5), "10 deg")
    assert one != mx.Ellipses(there, "1 deg", 0.5, "11 deg")
    assert hash(one) == hash(pickle.loads(pickle.dumps(one)))
    assert mx.loads(mx.dumps(one)) == one
    assert repr(one) == "Ellipses(2 sources, major 1 deg to 1 deg)"
    none = mx.Ellipses(there[:0], "1 deg", 0.5, "10 deg")
    assert not none.on(MAPS["seam"]).values.any()
    assert repr(none) == "Ellipses(0 sources)"


def test_position_angles_of_other_frames() -> None:
    """The north of FK4 is not that of ICRS, which such positions are kept in."""
    there = SkyCoord([10.0], [85.0], unit="deg", frame=FK4(equinox="B1950"))
    mask = mx.Ellipses(there, "1 deg", 0.1, "35 deg")
    tips = there.directional_offset_by([35, 215] * u.deg, 0.99 * u.deg)
    assert mask.contains(tips).all()
    assert mask.frame == "icrs"
    assert_allclose(mask.angle, 35, atol=8)
    assert abs(mask.angle[0] - 35) > 0.5


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("1", 0.5, "0 deg"), "unit"),
        ((1.0, 0.5, "0 deg"), "major must carry a unit"),
        (("1 deg", 0.5, 30), "angle must carry a unit"),
        (("1 deg", 1.5, "0 deg"), "part of major, at most 1, not 1.5"),
        (("1 deg", -0.5, "0 deg"), "axis is negative"),
        (("-1 deg", 0.5, "0 deg"), "row 0: the axis is negative"),
        (("1 deg", "2 deg", "0 deg"), "exchange"),
        (("181 deg", "2 deg", "0 deg"), "larger than 180"),
        (([1, np.nan] * u.deg, 0.5, "0 deg"), "finite.*row 1"),
        (("1 deg", [0.5, np.nan], "0 deg"), "minor must be finite"),
        (([1, 2, 3] * u.deg, 0.5, "0 deg"), r"major has shape \(3,\)"),
        (("1 deg", 0.5, [[1, 2]] * u.deg), r"angle has shape \(1, 2\)"),
        (("1 deg", True, "0 deg"), "minor must carry a unit"),
    ],
)
def test_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(mx.MaskError, match=words):
        mx.Ellipses(SkyCoord([10.0, 20.0], [5.0, -5.0], unit="deg"), *arguments)


def test_positions_that_are_none() -> None:
    with pytest.raises(mx.MaskError, match="row 1: the position"):
        mx.Ellipses(SkyCoord([1, np.nan], [2, 3], unit="deg"), "1 deg", 0.5, "0 deg")
    with pytest.raises(mx.MaskError, match="SkyCoord"):
        mx.Ellipses([1, 2], "1 deg", 0.5, "0 deg")  # type: ignore[arg-type]
