"""Distances and weights equal brute force over all pixel centres, whatever the chunks."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.core.trace import tracing
from maskexpr.errors import AngleError, MaskTypeError, MaskValueError

HOLES = ~mx.Catalog(
    SkyCoord([0, 10, 200, 90], [0, 88, -89, 40], unit="deg"), ["6 deg", "6 deg", "9 deg", "0.1 deg"]
)
GEOMS = {
    "CAR": mx.WcsGeom.allsky(binsz=3),
    "CAR that does not close": mx.WcsGeom.create(npix=(117, 60), binsz=(3.07, 3.0), proj="CAR"),
    "AIT": mx.WcsGeom.allsky(binsz=3, proj="AIT"),
    "TAN at a pole": mx.WcsGeom.create(skydir=(10, 89), npix=(60, 50), binsz=1, proj="TAN"),
    "ZEA": mx.WcsGeom.create(skydir=(0, 0), npix=(50, 50), binsz=4, proj="ZEA"),
    "one pixel": mx.WcsGeom.create(skydir=(0, 0), npix=1, binsz=1),
    "a strip": mx.WcsGeom.create(skydir=(0, 0), npix=(360, 1), binsz=1),
}


def brute_force(mask, geom, limit):
    """Degrees by a tree over the centres of all pixels of a map that is padded by the limit."""
    rows = int(np.ceil(limit / geom.pixel_scales.to_value("deg").min())) + 1
    wide = geom if geom.is_allsky else geom.pad(rows)
    selected = mask.compute(wide).values
    ny, nx = wide.image_shape
    lon, lat = WCS(wide.to_header()).wcs_pix2world(*np.meshgrid(np.arange(nx), np.arange(ny)), 0)
    known = np.isfinite(lon) & np.isfinite(lat)
    xyz = SkyCoord(lon[known], lat[known], unit="deg").cartesian.xyz.value.T
    inside = selected[known]
    out = np.zeros((ny, nx))
    degrees = np.full(len(inside), float(limit))
    if not inside.all():
        chord, _ = cKDTree(xyz[~inside]).query(xyz)
        degrees = np.minimum(np.rad2deg(2 * np.arcsin(np.minimum(chord / 2, 1))), limit)
    degrees[~inside] = 0
    out[known] = degrees
    return out if wide is geom else out[rows:-rows, rows:-rows]


@pytest.mark.parametrize("name", GEOMS)
@pytest.mark.parametrize("limit", [0.5, 14, 180])
def test_distance(name, limit):
    geom = GEOMS[name]
    if limit == 180 and not geom.is_allsky:
        pytest.skip("a map padded by the whole sky has no brute force")
    found = HOLES.distance(geom, limit * u.deg)
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found.values, brute_force(HOLES, geom, limit), atol=2e-5 if limit > 100 else 2e-6
    )


@pytest.mark.parametrize("chunks", [(1, 60), (13, 7), (8, 120), 17])
@pytest.mark.parametrize("degrees", [4.5, 14])
@pytest.mark.parametrize("name", ["CAR", "CAR that does not close", "AIT", "TAN at a pole"])
def test_the_same_bits_for_every_chunking(name, degrees, chunks):
    geom = GEOMS[name]
    np.testing.assert_array_equal(
        HOLES.distance(geom, degrees * u.deg, chunks=chunks).values,
        HOLES.distance(geom, degrees * u.deg).values,
    )


def test_the_same_bits_where_columns_do_not_close():
    """At the seam tiles go by blocks, and by how they are cut it is others that do."""
    geom = mx.WcsGeom.create(npix=(587, 300), binsz=(0.614, 0.6), proj="CAR")
    rng = np.random.default_rng(0)
    positions = SkyCoord(180 + rng.uniform(-20, 20, 60), rng.uniform(-60, 60, 60), unit="deg")
    keep = ~mx.Catalog(positions, "1.5 deg")
    whole = keep.distance(geom, "4.5 deg").values
    np.testing.assert_array_equal(keep.distance(geom, "4.5 deg", chunks=(50, 70)).values, whole)


def test_a_cutout():
    geom = GEOMS["CAR"]
    cut = geom.cutout(SkyCoord(0, 0, unit="deg"), "20 deg")
    whole = HOLES.distance(geom, "14 deg")
    row, column = geom.offset_in(cut) or (0, 0)
    piece = HOLES.distance(cut, "14 deg").values
    y0, x0 = -row, -column
    ny, nx = cut.image_shape
    np.testing.assert_array_equal(piece, whole.values[y0 : y0 + ny, x0 : x0 + nx])


def test_only_tiles_near_an_edge_are_tasks():
    geom = mx.WcsGeom.allsky(binsz=1)
    mask = ~mx.Region("icrs;circle(100, 20, 1)")
    with tracing() as trace:
        array = mask.distance(geom, "2 deg", chunks=20)
        assert not trace["tiles"]
        array.compute()
    assert 1 <= trace["tiles"] <= 4


def test_what_has_no_edge():
    geom = GEOMS["AIT"]
    on_sky = mx.AllSky().compute(geom).values
    np.testing.assert_array_equal(mx.AllSky().distance(geom, "5 deg").values, np.where(on_sky, 5, 0))
    assert not mx.NoSky().distance(geom, "5 deg").values.any()
    assert (mx.AllSky().apodize(GEOMS["CAR"], "5 deg").values == 1).all()


@pytest.mark.parametrize("profile", ["C1", "C2", "cos"])
def test_profiles(profile):
    geom, width = GEOMS["CAR"], 14.0
    d = np.deg2rad(HOLES.distance(geom, width * u.deg).values.astype(float))
    w = np.deg2rad(width)
    x = np.sqrt((1 - np.cos(d)) / (1 - np.cos(w)))
    expected = {
        "C1": x - np.sin(2 * np.pi * x) / (2 * np.pi),
        "C2": (1 - np.cos(np.pi * x)) / 2,
        "cos": (1 - np.cos(np.pi * d / w)) / 2,
    }[profile]
    found = HOLES.apodize(geom, width * u.deg, profile)
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    assert found.dtype == np.float32
    assert (found.values[~HOLES.compute(geom).values] == 0).all()
    linear = HOLES.apodize(geom, width * u.deg, lambda x: x)
    np.testing.assert_allclose(linear.values, d / w, atol=1e-5)


def test_masks_that_vary_and_masks_about_the_map():
    axis = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
    cube = GEOMS["CAR"].to_cube([axis])
    varying = HOLES | mx.AxisRange("energy", "10 GeV", None)
    found = varying.distance(cube, "14 deg", chunks=25)
    assert found.dims == ("energy", "y", "x")
    for plane in range(3):
        mask = mx.AllSky() if plane else HOLES
        np.testing.assert_array_equal(found.values[plane], mask.distance(GEOMS["CAR"], "14 deg").values)
    same = HOLES.distance(cube, "14 deg")
    assert same.shape == cube.shape
    filled = HOLES.fill_holes("1 deg2").remove_small("3 deg2")
    np.testing.assert_allclose(
        filled.distance(GEOMS["CAR"], "14 deg", chunks=25).values,
        brute_force(filled, GEOMS["CAR"], 14),
        atol=2e-6,
    )


def test_moments():
    geom = GEOMS["CAR"]
    weights = HOLES.apodize(geom, "14 deg")
    areas = geom.solid_angle().values
    found = mx.sky_fractions(weights)
    for name, power in (("fsky", 1), ("w2", 2), ("w4", 4)):
        expected = (areas * weights.values.astype(float) ** power).sum() / (4 * np.pi)
        assert np.isclose(found[name], expected, rtol=1e-12)
    assert np.isclose(mx.sky_fractions(HOLES.on(geom))["fsky"], HOLES.fsky(geom))


def test_bad_input():
    geom = GEOMS["CAR"]
    for bad in (3, "0 deg", "200 deg", "3 GeV"):
        with pytest.raises(AngleError):
            HOLES.distance(geom, bad)
    with pytest.raises(MaskValueError, match="'C1', 'C2' or 'cos'"):
        HOLES.apodize(geom, "1 deg", "C3")
    with pytest.raises(MaskTypeError, match="DataArray"):
        mx.sky_fractions(np.ones(3))
    assert isinstance(HOLES.distance(geom, "1 deg"), xr.DataArray)
