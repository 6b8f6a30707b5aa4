"""Distances and weights equal brute force over all pixel centres, whatever the chunks."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.core.trace import tracing
from maskexpr.errors import AngleError, MaskTypeError, MaskValueError
from maskexpr.grid.healpix.cells import centres

from ..hunt.maps import PROJECTIONS, ZENITHAL

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
    """Degrees by a tree over the centres of all pixels of a map that is padded by more than the limit."""
    # Away from its centre a pixel of a tangent plane is smaller, by half and more.
    rows = 2 * int(np.ceil(limit / geom.pixel_scales.to_value("deg").min())) + 1
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
    # Numbers of 32 bits hold 14 degrees to half a millionth, 180 to eight millionths.
    allowed = 9e-6 if limit > 100 else 1e-6
    np.testing.assert_allclose(found.values, brute_force(HOLES, geom, limit), rtol=0, atol=allowed)


LON, LAT = np.random.default_rng(3).uniform(0, 360, 300), np.random.default_rng(4).uniform(-90, 90, 300)
MANY = ~mx.Catalog(
    SkyCoord(LON, LAT, unit="deg"), np.random.default_rng(5).uniform(0.3, 2, 300) * u.deg
) - mx.Region("galactic;ellipse(0, 5, 30, 4, 20)")
LARGER = {
    "CAR": mx.WcsGeom.allsky(binsz=0.75),
    "AIT": mx.WcsGeom.allsky(binsz=0.75, proj="AIT"),
    "TAN": mx.WcsGeom.create(skydir=(359, 84), npix=(300, 260), binsz=0.2, proj="TAN"),
}


@pytest.mark.parametrize("name", LARGER)
def test_larger_maps(name):
    """Every pixel to a millionth of a degree, and weights by their closed formulas."""
    geom, width = LARGER[name], 5.0
    degrees = brute_force(MANY, geom, width)
    np.testing.assert_allclose(MANY.distance(geom, width * u.deg).values, degrees, rtol=0, atol=1e-6)
    for profile, expected in closed_formulas(degrees, width).items():
        found = MANY.apodize(geom, width * u.deg, profile)
        np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-6)


def closed_formulas(degrees, width):
    d, w = np.deg2rad(degrees), np.deg2rad(width)
    x = np.sqrt((1 - np.cos(d)) / (1 - np.cos(w)))
    return {
        "C1": x - np.sin(2 * np.pi * x) / (2 * np.pi),
        "C2": (1 - np.cos(np.pi * x)) / 2,
        "cos": (1 - np.cos(np.pi * d / w)) / 2,
    }


@pytest.mark.parametrize("geom", [LARGER["CAR"], LARGER["AIT"], mx.HpxGeom(order=6)], ids=str)
def test_no_taper_at_seam_and_poles(geom):
    """Nothing but what is near a circle, far from both, is less than 1 on the sky."""
    circle = mx.Region("icrs;circle(75, 10, 20)")
    weights = (~circle).apodize(geom, "15 deg").values
    far = (mx.AllSky() - circle.dilate("15.1 deg")).compute(geom).values
    assert far.sum() > 0.5 * mx.AllSky().compute(geom).values.sum()
    assert (weights[far] == 1).all()


@pytest.mark.parametrize(
    ("degrees", "chunks"), [(4.5, (1, 60)), (4.5, 17), (14, (13, 7)), (14, (8, 120)), (14, 17)]
)
@pytest.mark.parametrize("name", ["CAR", "CAR that does not close", "AIT", "TAN at a pole"])
def test_the_same_bits_for_every_chunking(name, degrees, chunks):
    pieces = HOLES.distance(GEOMS[name], degrees * u.deg, chunks=chunks)
    np.testing.assert_array_equal(pieces.values, _in_one_piece(name, degrees))


@cache
def _in_one_piece(name, degrees):
    return HOLES.distance(GEOMS[name], degrees * u.deg).values


@pytest.mark.parametrize(
    "grid", [mx.WcsGeom.create(npix=(360, 180), binsz=0.25, proj="CAR"), mx.HpxGeom(order=5)]
)
@pytest.mark.parametrize("degrees", [0.05, 0.3, 0.5, 0.7, 1, 1.3, 1.95])
def test_what_is_far_has_the_largest_number_itself(grid, degrees):
    """In 32 bits an angle and the number of degrees of it are rounded apart."""
    width = degrees * u.deg
    found = HOLES.distance(grid, width).values
    assert found.max() == np.float32(np.rad2deg(np.deg2rad(degrees)))
    near = found[(found > 0.999 * found.max())]
    assert set(near[near > (1 - 2e-7) * found.max()].tolist()) == {float(found.max())}
    pieces = HOLES.distance(grid, width, chunks=2 if grid.dims == ("cells",) else (50, 167))
    np.testing.assert_array_equal(pieces.values, found)
    odd = HOLES.apodize(grid, width, profile=lambda x: np.sin(x) * 0.9).values
    assert odd.max() == np.float32(np.sin(1.0) * 0.9)
    assert np.count_nonzero(odd == odd.max()) >= np.count_nonzero(found == found.max())


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
    degrees = HOLES.distance(geom, width * u.deg).values.astype(float)
    expected = closed_formulas(degrees, width)[profile]
    found = HOLES.apodize(geom, width * u.deg, profile)
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    assert found.dtype == np.float32
    assert (found.values[~HOLES.compute(geom).values] == 0).all()
    linear = HOLES.apodize(geom, width * u.deg, lambda x: x)
    np.testing.assert_allclose(linear.values, degrees / width, atol=1e-5)


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


def header_of(code):
    """A map of 45 by 30 pixels, with parameters in the middle of what they may be."""
    header = fits.Header({"NAXIS": 2, "NAXIS1": 45, "NAXIS2": 30, "CRPIX1": 23, "CRPIX2": 15.5})
    header.update({"CTYPE1": f"RA---{code}", "CTYPE2": f"DEC--{code}", "CDELT1": -5.0, "CDELT2": 5.0})
    header.update({"CRVAL1": 83.0, "CRVAL2": 50.0 if code in ZENITHAL else 0.0})
    header.update({f"PV2_{i}": (low + high) / 2 for i, (low, high) in enumerate(PROJECTIONS[code], 1)})
    return header


@pytest.mark.parametrize("code", PROJECTIONS)
def test_every_projection(code):
    """What is further than a radius is what erosion by it leaves, whatever the chunks."""
    geom = mx.WcsGeom.from_header(header_of(code))
    lon, lat = np.array([[83, 0, 190, 263, 120, 80], [20, 88, 70, 10, -89, -60]])
    mask = ~mx.Catalog(SkyCoord(lon, lat, unit="deg"), "7 deg")
    degrees = mask.distance(geom, "11 deg").values
    np.testing.assert_array_equal(mask.distance(geom, "11 deg", chunks=(16, 9)).values, degrees)
    np.testing.assert_array_equal(degrees > 0, mask.compute(geom).values)
    for radius in (5.3, 9.9):
        clear = np.abs(degrees - radius) > 1e-5
        left = mask.erode(radius * u.deg).compute(geom).values
        np.testing.assert_array_equal(degrees[clear] > radius, left[clear])


DATA = mx.WcsGeom.create(skydir=(40, 60), npix=(20, 25), binsz=2, proj="TAN")


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("geom", [GEOMS["CAR"], GEOMS["AIT"], DATA, mx.HpxGeom(order=4)], ids=str)
def test_data_go_on_as_they_say(geom, outside):
    """Beyond the data is what is selected outside, near the border of the map itself too."""
    values = np.ones(DATA.shape, dtype=bool)
    values[5:8, 10:12] = False
    mask = mx.Raster((values, DATA), outside=outside)
    found = mask.distance(geom, "14 deg").values
    if isinstance(geom, mx.HpxGeom):
        xyz, selected = centres(4, np.arange(3072)).T, mask.compute(geom).values
        chord, _ = cKDTree(xyz[~selected]).query(xyz)
        expected = np.where(selected, np.minimum(np.rad2deg(2 * np.arcsin(chord / 2)), 14), 0)
    else:
        expected = brute_force(mask, geom, 14)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_weights_of_an_image_times_a_mask_of_planes():
    axis = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
    for image in (GEOMS["CAR"], mx.HpxGeom(order=4)):
        weights, planes = HOLES.apodize(image, "14 deg"), mx.AxisRange("energy", "10 GeV", None)
        product = weights * planes.on(image.to_cube([axis]))
        assert set(product.dims) == {"energy", *weights.dims}
        product = product.transpose("energy", ...)
        np.testing.assert_array_equal(product.values, [0 * weights, weights, weights])


@pytest.mark.parametrize("chunks", [0, 1, 3])
@pytest.mark.parametrize("cells", [None, [[100, 900], [2000, 2001], [2500, 3072]]])
def test_cells_in_every_chunking(cells, chunks):
    """And those of a part are a part of those of all cells."""
    part = mx.HpxGeom(order=4, cells=cells)
    distances, weights = _of_all_cells()
    some = part.cells.ids(0, part.cells.number)
    np.testing.assert_array_equal(HOLES.distance(part, "14 deg", chunks=chunks).values, distances[some])
    np.testing.assert_array_equal(HOLES.apodize(part, "14 deg", chunks=chunks).values, weights[some])


@cache
def _of_all_cells():
    geom = mx.HpxGeom(order=4)
    return HOLES.distance(geom, "14 deg").values, HOLES.apodize(geom, "14 deg").values
