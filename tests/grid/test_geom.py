"""Map geometries against astropy, and on awkward grids."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_scales, skycoord_to_pixel

from maskexpr.errors import AxisError, GeometryError, MaskError
from maskexpr.grid.axis import Axis
from maskexpr.grid.wcs.facts import FACTS
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.grid.wcs.header import bands_hdu
from maskexpr.grid.wcs.lattice import sky_window
from maskexpr.grid.wcs.outline import surely_off
from maskexpr.pixels.window import Window

SHARED = Path(__file__).resolve().parents[3] / "shared"
ENERGY = Axis.from_bounds("energy", "10 GeV", "2 TeV", 3)

# Codes that need no PV; the conics, BON and ZPN have none to start from.
CONVEX = ["TAN", "STG", "SIN", "ARC", "ZEA", "CYP", "CEA", "CAR", "MER", "SFL", "PAR", "MOL", "AIT"]
CODES = [*CONVEX, "AZP", "SZP", "AIR", "PCO", "TSC", "CSC", "QSC", "HPX", "XPH"]
BOUNDED = [code for code in CODES if code not in ("TAN", "STG", "CYP", "MER", "AZP", "SZP", "AIR", "PCO")]
CENTRES = [(30.0, 0.0), (350.0, 40.0), (10.0, 90.0), (0.0, -90.0)]


def awkward(code: str, centre=(30.0, 0.0)) -> WcsGeom:
    """A map with pixels that are not square, off centre."""
    return WcsGeom.create(
        skydir=centre, npix=(60, 40), binsz=(6.0, 5.0), proj=code, frame="galactic", refpix=(28.3, 22.0)
    )


def header(**extra) -> fits.Header:
    """A TAN header with a rotated CD matrix."""
    cards = {
        "NAXIS": 2, "NAXIS1": 50, "NAXIS2": 30, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 83.6,
        "CRVAL2": 22.0, "CRPIX1": 20.5, "CRPIX2": 10.0,
        "CD1_1": -0.02, "CD1_2": 0.01, "CD2_1": 0.012, "CD2_2": 0.019,
    }  # fmt: skip
    result = fits.Header()
    for key, value in (cards | extra).items():
        if value is not None:
            result[key] = value
    return result


SIP = {
    "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 2, "B_ORDER": 2,
    "A_0_2": 2e-4, "A_1_1": -1e-4, "B_2_0": 3e-4,
}  # fmt: skip


def grid(geom: WcsGeom, margin: int = 0):
    ny, nx = geom.image_shape
    return np.mgrid[-margin : ny + margin, -margin : nx + margin]


# ---- what it is made of


def test_the_shape_may_be_full_or_of_the_image():
    wcs = WcsGeom.allsky(binsz=5).wcs
    geom = WcsGeom(wcs, (36, 72), axes=[ENERGY])
    assert geom == WcsGeom(wcs, (3, 36, 72), axes=[ENERGY])
    assert geom.shape == (3, 36, 72)
    assert geom.image_shape == (36, 72)
    with pytest.raises(GeometryError, match=r"\(3, 'ny', 'nx'\)"):
        WcsGeom(wcs, (4, 36, 72), axes=[ENERGY])
    with pytest.raises(AxisError, match="'energy' is taken"):
        WcsGeom(wcs, (36, 72), axes=[ENERGY, ENERGY])
    with pytest.raises(AxisError, match=r"maskexpr\.Axis"):
        WcsGeom(wcs, (36, 72), axes=["energy"])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("centre", CENTRES)
def test_the_canonical_numbers_are_the_whole_wcs(code, centre):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"GLON-{code}", f"GLAT-{code}"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = centre, (3.5, 4.25), (-1.3, 1.1)
    geom = WcsGeom(wcs, (10, 10))
    pixels = np.random.default_rng(1).uniform(-150, 150, (500, 2))
    expected = wcs.wcs_pix2world(pixels, 0)
    for other in (geom.wcs, WCS(geom.to_header()), WcsGeom.from_header(geom.to_header()).wcs):
        np.testing.assert_array_equal(other.wcs_pix2world(pixels, 0), expected)
    lon, lat = geom.lonlat(pixels[:, 1], pixels[:, 0])
    np.testing.assert_array_equal(lat, expected[:, 1])
    np.testing.assert_allclose(lon, expected[:, 0] % 360, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "extra",
    [
        {},
        SIP,
        {
            "CD1_1": None,
            "CD1_2": None,
            "CD2_1": None,
            "CD2_2": None,
            "CDELT1": -0.02,
            "CDELT2": 0.03,
            "CROTA2": 30.0,
        },
        {"CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRVAL1": 36000.0, "CRVAL2": 72000.0},
        {"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN", "CRVAL1": 22.0, "CRVAL2": 83.6},
        {"CTYPE1": "RA---SIN", "CTYPE2": "DEC--SIN", "PV2_1": 0.1, "PV2_2": -0.2},
    ],
    ids=["CD", "SIP", "CROTA", "arcsec", "Dec first", "slant SIN"],
)
def test_headers_of_all_sorts_against_astropy(extra):
    head = header(**extra)
    geom = WcsGeom.from_header(head)
    wcs = WCS(head)
    y, x = grid(geom, 5)
    world = wcs.pixel_to_world(x, y).icrs
    lon, lat = geom.lonlat(y, x)
    assert SkyCoord(lon, lat, unit="deg").separation(world).max() < 1e-9 * u.arcsec
    back_y, back_x = geom.pixel(lon, lat)
    np.testing.assert_allclose(back_y, y, atol=1e-4)
    np.testing.assert_allclose(back_x, x, atol=1e-4)
    assert WcsGeom.from_header(geom.to_header()) == geom
    assert not geom.separable
    assert geom.convex_sky == (not set(extra) & {"A_ORDER", "PV2_1"})
    assert (sky_window(geom._projection) is None) == ("SIN" not in geom.projection or "PV2_1" in extra)


def test_frames_and_defaults_of_headers():
    plain = WcsGeom.from_header(header())
    assert plain.frame == "icrs"
    assert WcsGeom.from_header(header(RADESYS="FK5")).frame == "fk5"
    assert WcsGeom.from_header(header(EQUINOX=2000.0)).frame == "fk5"
    galactic = WcsGeom.from_header(header(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN", RADESYS="FK5"))
    assert galactic.frame == "galactic"
    assert WcsGeom.create(frame="supergalactic", width=3).frame == "supergalactic"
    assert WcsGeom.from_header(WcsGeom.create(frame="fk5", width=3).to_header()).frame == "fk5"


def test_create_takes_units_strings_and_pairs():
    geom = WcsGeom.create(skydir=(83.6, 22.0), width=(4, 3), binsz=0.1, proj="TAN")
    same = WcsGeom.create(
        skydir=SkyCoord(83.6, 22.0, unit="deg"), width=("4 deg", 180 * u.arcmin), binsz="0.1 deg", proj="TAN"
    )
    assert geom == same
    assert geom.image_shape == (30, 40)
    assert geom.frame == "icrs"
    assert geom.projection == "TAN"
    scales = WcsGeom.create(npix=(7, 5), binsz=[0.5, 0.25] * u.deg).pixel_scales
    assert scales.to_value("deg").tolist() == [0.5, 0.25]
    crab = SkyCoord(184.55, -5.78, unit="deg", frame="galactic")
    assert WcsGeom.create(skydir=crab, width=4).center_skydir.separation(crab) < 1e-6 * u.arcsec


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"binsz": 0}, "binsz must be greater than zero"),
        ({"binsz": -0.1}, "binsz must be greater than zero"),
        ({"binsz": np.nan}, "binsz must be finite"),
        ({"binsz": (1, 0)}, "binsz must be greater than zero"),
        ({"binsz": 1 * u.m}, "binsz must be an angle"),
        ({"binsz": (1, 2, 3)}, "pair"),
        ({"width": 0}, "width must be greater than zero"),
        ({"width": 0.1, "binsz": 1}, "holds no pixel"),
        ({"npix": 0}, "npix must be at least 1"),
        ({"npix": (10, -1)}, "npix must be at least 1"),
        ({"npix": 1.5}, "whole numbers"),
        ({"npix": "many"}, "whole numbers"),
        ({"proj": "XYZ"}, "unknown projection 'XYZ'"),
        ({"proj": "COE"}, "cannot be used"),
        ({"frame": "fk4"}, "supported frames: icrs, fk5, galactic, supergalactic"),
        ({"frame": "altaz"}, "supported frames"),
        ({"skydir": (0, 91)}, "latitude of skydir is 91 deg"),
        ({"skydir": (np.nan, 0)}, "skydir longitude must be finite"),
        ({"skydir": "Crab"}, "skydir must be"),
        ({"skydir": SkyCoord([1, 2], [3, 4], unit="deg")}, "one position, got 2"),
        ({"refpix": (1, np.nan)}, "refpix must be finite"),
        ({"refpix": 3}, "refpix must be a pair"),
    ],
)
def test_create_refuses_and_names_the_item(arguments, message):
    with pytest.raises(GeometryError, match=message):
        WcsGeom.create(**arguments)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"CD1_1": 0.0, "CD1_2": 0.0}, "zero pixel size"),
        ({"CRVAL2": 91.0}, "CRVAL2 is 91.0 deg, beyond the pole"),
        ({"CTYPE1": "LINEAR", "CTYPE2": "LINEAR"}, "first two axes must be longitude and latitude"),
        ({"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"}, "XYZ|longitude and latitude"),
        ({"RADESYS": "FK4"}, "'FK4' is not a pure rotation"),
        ({"EQUINOX": 1950.0}, "'FK4' is not a pure rotation"),
        ({"RADESYS": "FK5", "EQUINOX": 1975.0}, "equinox 1975"),
        ({"CTYPE1": "ELON-TAN", "CTYPE2": "ELAT-TAN"}, "supported frames: icrs"),
        ({"CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "PV1_1": 1.01, "PV2_4": 0.02}, "only SIP is supported"),
        ({"NAXIS": 0, "NAXIS1": None, "NAXIS2": None}, "NAXIS is 0"),
        ({"NAXIS": 3, "NAXIS3": 4}, "no table"),
    ],
)
def test_headers_are_refused_and_name_the_item(extra, message):
    with pytest.raises(MaskError, match=message):
        WcsGeom.from_header(header(**extra))


def test_a_wcs_that_is_none_is_refused():
    with pytest.raises(GeometryError, match="got the str"):
        WcsGeom("TAN", (3, 3))
    wcs = WcsGeom.allsky(binsz=5).wcs
    wcs.wcs.cdelt = [np.nan, 1]
    with pytest.raises(GeometryError, match="finite"):
        WcsGeom(wcs, (3, 3))
    with pytest.raises(GeometryError, match="at least 1"):
        WcsGeom(WcsGeom.allsky(binsz=5).wcs, (0, 3))


# ---- value semantics


def test_equal_hashable_picklable_immutable():
    geom = WcsGeom.from_header(header(**SIP)).to_cube([ENERGY])
    again = pickle.loads(pickle.dumps(geom))
    assert again == geom
    assert hash(again) == hash(geom)
    assert again.fingerprint == geom.fingerprint
    assert geom != geom.to_image()
    assert geom.fingerprint != geom.to_image().fingerprint
    assert geom != geom.pad(1)
    assert geom.fingerprint != geom.pad(1).fingerprint
    other = geom.to_image().to_cube([Axis.from_bounds("energy", "10 GeV", "3 TeV", 3)])
    assert geom.fingerprint != other.fingerprint
    with pytest.raises(AttributeError, match="immutable"):
        geom.frame = "icrs"
    wcs = geom.wcs
    wcs.wcs.crval = [0, 0]
    assert geom == again
    np.testing.assert_array_equal(geom.wcs.wcs.crval, again.wcs.wcs.crval)


def test_hash_and_fingerprint_are_the_same_in_every_process():
    geoms = [
        WcsGeom.from_header(header(**SIP)).to_cube([ENERGY]),
        WcsGeom.allsky(binsz=1, frame="galactic", proj="AIT"),
        WcsGeom.create(width=(4, 3), axes=[Axis("plane", [0.5, 1, 2] * u.one)]),
        WcsGeom.create(skydir=(83.6, 22.0), width=5, binsz=1 / 3, proj="TAN", axes=[ENERGY]),
    ]
    script = (
        "import sys, pickle\n"
        "print([(hash(g), g.fingerprint) for g in pickle.loads(bytes.fromhex(sys.argv[1]))])\n"
    )
    answers = [
        subprocess.run(
            [sys.executable, "-c", script, pickle.dumps(geoms).hex()],
            capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.strip()
        for seed in ("1", "2")
    ]  # fmt: skip
    assert answers == [str([(hash(geom), geom.fingerprint) for geom in geoms])] * 2
    assert len({hash(geom) for geom in geoms}) == len(geoms)
    assert {len(geom.fingerprint) for geom in geoms} == {32}


def test_a_trillion_pixels_cost_nothing():
    def work():
        geom = WcsGeom.allsky(binsz=0.00025, frame="galactic")
        assert geom.shape == (720_000, 1_440_000)
        cut = geom.cutout(SkyCoord(30, 10, unit="deg", frame="galactic"), "1 deg")
        assert cut.shape == (4000, 4000)
        return repr(geom), hash(geom), geom.fingerprint, cut, geom.lattice, geom._repr_html_()

    work()  # astropy's own first-time set-up is not the geometry's
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # No more than a few rows of a map of 1 deg: nothing was made for each pixel, row or column.
    assert peak < 1e6


def test_repr_is_short_and_says_what_it_is():
    geom = WcsGeom.create(skydir=(83.6, 22.0), width=(4, 3), binsz=(0.1, 0.2), proj="TAN", axes=[ENERGY])
    text = repr(geom)
    assert "TAN icrs" in text
    assert "(3, 15, 40)" in text
    assert "0.1 x 0.2 deg" in text
    assert "centre (83.6, 22) deg" in text
    assert len(text) < 150
    assert "<table>" in geom._repr_html_()


# ---- the sky of pixels


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("centre", CENTRES)
def test_positions_do_not_depend_on_how_they_are_asked(code, centre):
    geom = awkward(code, centre)
    y, x = grid(geom, 30)
    expected = geom.lonlat(y, x)
    assert np.isfinite(expected[0]).any()
    whole = geom.lonlat(y[:, :1], x[:1, :])
    for i in range(2):
        np.testing.assert_array_equal(whole[i], expected[i])
        assert whole[i].flags.c_contiguous
    for row in range(0, y.shape[0], 7):
        np.testing.assert_array_equal(geom.lonlat(y[row], x[row]), np.array(expected)[:, row])
    for column in range(0, y.shape[1], 5):
        np.testing.assert_array_equal(
            geom.lonlat(y[:, column], x[:, column]), np.array(expected)[:, :, column]
        )
    for row, column in np.random.default_rng(2).integers(0, y.shape, (50, 2)):
        one = geom.lonlat(y[row, column], x[row, column])
        np.testing.assert_array_equal(one, (expected[0][row, column], expected[1][row, column]))
    if geom.separable:
        finite = np.isfinite(expected[0])
        lon, lat = np.broadcast_arrays(geom.lon_of(x[:1, :]), geom.lat_of(y[:, :1]))
        np.testing.assert_array_equal(finite, np.isfinite(lon) & np.isfinite(lat))
        np.testing.assert_array_equal(lon[finite], expected[0][finite])
        np.testing.assert_array_equal(lat[finite], expected[1][finite])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("centre", CENTRES)
def test_positions_against_astropy_and_back(code, centre):
    geom = awkward(code, centre)
    y, x = grid(geom)
    expected = geom.wcs.wcs_pix2world(np.column_stack([x.ravel(), y.ravel()]), 0)
    lon, lat = (each.ravel() for each in geom.lonlat(y, x))
    np.testing.assert_array_equal(np.isnan(lon), np.isnan(expected[:, 0]))
    np.testing.assert_array_equal(lat, expected[:, 1])
    there = np.isfinite(lon)
    np.testing.assert_allclose(lon[there], expected[there, 0] % 360, rtol=0, atol=1e-12)
    assert np.all((lon[there] >= 0) & (lon[there] < 360))
    # The sky comes back to itself, though where the plane is many-valued not to the same pixel.
    again = SkyCoord(*geom.lonlat(*geom.pixel(lon[there], lat[there])), unit="deg")
    assert again.separation(SkyCoord(lon[there], lat[there], unit="deg")).max() < 0.1 * u.deg


@pytest.mark.parametrize("code", ["TAN", "SIN", "AZP", "SZP"])
def test_nothing_is_mirrored_from_behind_the_horizon(code):
    geom = awkward(code, (30.0, 20.0))
    rng = np.random.default_rng(3)
    lon = np.append(rng.uniform(0, 360, 4000), [120.0, 30.0])
    lat = np.append(np.degrees(np.arcsin(rng.uniform(-1, 1, 4000))), [0.0, -69.99])
    y, x = geom.pixel(lon, lat)
    separation = SkyCoord(lon, lat, unit="deg").separation(SkyCoord(30, 20, unit="deg")).deg
    np.testing.assert_array_equal(np.isnan(y), np.isnan(x))
    assert np.all(np.isnan(y[separation > 90.001]))
    assert np.all(np.isfinite(y[separation < 89]))


def test_positions_that_are_none_have_no_pixel():
    geom = WcsGeom.allsky(binsz=1)
    y, x = geom.pixel([np.nan, 10.0, 10.0], [0.0, np.nan, 91.0])
    assert np.all(np.isnan(y) & np.isnan(x))
    for empty in (geom.lonlat(np.zeros(0), np.zeros(0)), geom.pixel([], [])):
        assert [each.shape for each in empty] == [(0,), (0,)]
    assert geom.lonlat(3, 4)[0].shape == ()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("centre", CENTRES)
def test_the_lattice_holds_the_sky_and_little_else(code, centre):
    geom = awkward(code, centre)
    window = sky_window(geom._projection)
    assert (window is not None) == (code in BOUNDED)
    if window is None:
        return
    y, x = grid(geom, 150)
    there = np.isfinite(geom.lonlat(y, x)[0])
    rows, columns = y[there], x[there]
    assert window.y0 <= rows.min()
    assert rows.max() < window.y1
    assert window.x0 <= columns.min()
    assert columns.max() < window.x1
    if code not in ("XPH", "HPX"):
        spare = [rows.min() - window.y0, window.y1 - rows.max() - 1]
        spare += [columns.min() - window.x0, window.x1 - columns.max() - 1]
        assert max(spare) <= 3


PARAMETERS = {
    "COP": [(2, 1, 45.0), (2, 2, 25.0)],
    "COE": [(2, 1, 45.0), (2, 2, 25.0)],
    "COD": [(2, 1, 45.0), (2, 2, 25.0)],
    "COO": [(2, 1, 45.0), (2, 2, 25.0)],
    "BON": [(2, 1, 45.0)],
    "ZPN": [(2, 1, 1.0), (2, 3, -0.1)],
    "AZP": [(2, 1, 2.0), (2, 2, 30.0)],
    "CYP": [(2, 1, 1.0), (2, 2, 0.7)],
    "CEA": [(2, 1, 0.5)],
    "HPX": [(2, 1, 6.0), (2, 2, 3.0)],
    "AIR": [(2, 1, 45.0)],
    "SIN": [(2, 1, 0.1), (2, 2, 0.2)],
    "CAR": [(1, 1, 10.0), (1, 2, 20.0)],
}


@pytest.mark.parametrize("code", PARAMETERS)
def test_projections_with_parameters(code):
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"GLON-{code}", f"GLAT-{code}"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (30, 40), (50, 40), (-3, 3)
    wcs.wcs.set_pv(PARAMETERS[code])
    geom = WcsGeom(wcs, (80, 100))
    y, x = grid(geom, 100)
    lon, lat = geom.lonlat(y, x)
    expected = wcs.wcs_pix2world(np.column_stack([x.ravel(), y.ravel()]), 0)[:, 1].reshape(y.shape)
    np.testing.assert_array_equal(lat, expected)
    there = np.isfinite(lon)
    sky = SkyCoord(lon[there], lat[there], unit="deg")
    again = SkyCoord(*geom.lonlat(*geom.pixel(lon[there], lat[there])), unit="deg")
    assert np.mean(again.separation(sky) < 1e-6 * u.arcsec) > 0.99
    window = sky_window(geom._projection)
    assert (window is not None) == (code in ("CEA", "HPX", "ZPN"))
    if window is not None:
        assert window.y0 <= y[there].min() <= y[there].max() < window.y1
        assert window.x0 <= x[there].min() <= x[there].max() < window.x1
    assert geom.convex_sky == (code in ("CEA", "CYP"))
    assert WcsGeom.from_header(geom.to_header()) == geom
    assert WcsGeom(wcs, (80, 100)).fingerprint != WcsGeom(wcs, (80, 101)).fingerprint


@pytest.mark.parametrize("angle", [0.0, 33.0, 90.0, 180.0])
def test_the_lattice_of_a_rotated_map(angle):
    wcs = awkward("AIT").wcs
    turn = np.radians(angle)
    wcs.wcs.pc = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    geom = WcsGeom(wcs, (40, 60))
    y, x = grid(geom, 60)
    there = np.isfinite(geom.lonlat(y, x)[0])
    window = geom.lattice
    sky = Window(y[there].min(), y[there].max() + 1, x[there].min(), x[there].max() + 1)
    assert sky.intersect(window) == sky
    assert window.intersect(sky.pad(15)) == window


@pytest.mark.parametrize("code", ["AIT", "MOL", "SFL"])
def test_the_lattice_of_a_map_whose_latitude_is_the_first_axis(code):
    first = awkward(code).wcs
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = list(first.wcs.ctype)[::-1]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = (each[::-1] for each in _values(first))
    (y0, y1, x0, x1), window = WcsGeom(first, (40, 60)).lattice, WcsGeom(wcs, (60, 40)).lattice
    assert window == (x0, x1, y0, y1)


def _values(wcs):
    return wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("centre", CENTRES)
@pytest.mark.parametrize("angle", [0.0, 33.0])
def test_no_window_that_is_surely_off_the_sky_holds_any(code, centre, angle):
    wcs = awkward(code, centre).wcs
    turn = np.radians(angle)
    wcs.wcs.pc = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    geom = WcsGeom(wcs, (40, 60))
    y, x = grid(geom, 90)
    there = np.isfinite(geom.lonlat(y, x)[0])
    first, last = (int(each[0, 0]) for each in (y, x)), (int(each[-1, -1]) for each in (y, x))
    (y0, x0), (y1, x1) = first, last
    rng = np.random.default_rng(0)
    top, left = rng.integers(y0, y1, 3000), rng.integers(x0, x1, 3000)
    bottom = np.minimum(top + rng.integers(1, 30, 3000), y1 + 1)
    right = np.minimum(left + rng.integers(1, 30, 3000), x1 + 1)
    off = surely_off(geom._projection, np.stack([top, bottom, left, right]))
    held = np.array(
        [
            there[a - y0 : b - y0, c - x0 : d - x0].any()
            for a, b, c, d in zip(top, bottom, left, right, strict=True)
        ]
    )
    assert not (off & held).any()
    if code in ("AIT", "MOL", "ZEA", "ARC", "SIN", "SFL", "PAR", "TSC", "CSC", "QSC", "HPX"):
        assert off.sum() > 0.7 * np.count_nonzero(~held)


@pytest.mark.parametrize(("code", "half_width"), [("SFL", 90), ("PAR", 100)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_windows_beside_the_rim_between_meridians_are_surely_off_the_sky(code, half_width, sign):
    geom = WcsGeom.allsky(binsz=1, proj=code)
    y, x = geom.reference_pixel
    # At 60 degrees of the plane, inside the ellipse round the image.
    row, west, east = int(y) + 60 * sign, int(x) - half_width, int(x) + half_width
    columns = [(west - 30, west - 4), (east + 4, east + 30), (west - 30, west + 4), (east - 4, east + 30)]
    windows = np.array([(row, row + 2, *each) for each in columns]).T
    assert surely_off(geom._projection, windows).tolist() == [True, True, False, False]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("centre", CENTRES)
def test_a_convex_sky_has_no_gap_along_any_line(code, centre):
    geom = awkward(code, centre)
    assert geom.convex_sky == (code in CONVEX)
    if not geom.convex_sky:
        return
    y, x = grid(geom, 60)
    there = np.isfinite(geom.lonlat(y, x)[0])
    ys, xs = y[there], x[there]
    rng = np.random.default_rng(4)
    a, b = rng.integers(0, len(ys), (2, 3000))
    part = rng.uniform(0, 1, 3000)
    lon, _ = geom.lonlat(ys[a] + part * (ys[b] - ys[a]), xs[a] + part * (xs[b] - xs[a]))
    assert np.isfinite(lon).all()


def test_separable_geometries_and_their_period():
    geom = WcsGeom.allsky(binsz=0.1, frame="galactic")
    assert geom.separable
    assert geom.period is not None
    assert geom.period == 3600
    assert geom.lon_step == -0.1
    assert WcsGeom.allsky(binsz=0.7).period is None
    assert WcsGeom.allsky(binsz=0.7).separable
    assert WcsGeom.allsky(binsz=0.7).period is None
    for code in ("CEA", "MER", "CYP"):
        assert WcsGeom.create(proj=code, binsz=1, width=20).separable
    for other in (
        WcsGeom.create(proj="CAR", skydir=(0, 10), binsz=1, width=20),
        WcsGeom.create(proj="SFL", binsz=1, width=20),
        WcsGeom.create(proj="TAN", skydir=(0, 90), binsz=1, width=20),
    ):
        assert not other.separable
        assert other.period is None
        assert np.isnan(other.lon_step)
        with pytest.raises(GeometryError, match="use lonlat"):
            other.lon_of(3)


def test_a_period_survives_header_text_of_twelve_digits():
    geom = WcsGeom.allsky(binsz=1 / 60)
    head = geom.wcs.to_header()
    head["NAXIS"], head["NAXIS1"], head["NAXIS2"] = 2, 21600, 10800
    assert WcsGeom.from_header(head).period == 21600


@pytest.mark.parametrize("step", [(1.0, 1.0), (-1.0, 1.0)])
@pytest.mark.parametrize("pc", [1.0, -1.0])
@pytest.mark.parametrize("code", ["CAR", "CEA", "MER", "CYP"])
def test_the_step_is_what_neighbours_differ_by(code, step, pc):
    wcs = WcsGeom.create(proj=code, skydir=(20, 0), npix=11, binsz=1).wcs
    wcs.wcs.cdelt = step
    wcs.wcs.pc = [[pc, 0], [0, 1]]
    if code == "CYP":
        wcs.wcs.set_pv([(2, 1, 1.0), (2, 2, 0.5)])
    geom = WcsGeom(wcs, (11, 11))
    np.testing.assert_allclose(np.diff(geom.lon_of(np.arange(11))), geom.lon_step)


def test_over_the_seam_a_position_gets_the_pixel_that_holds_it():
    # Columns at native 180, 179, ... -179 deg: the first reaches over the seam by half a pixel.
    geom = WcsGeom.create(npix=(360, 180), binsz=1, refpix=(181.0, 90.5), skydir=(0, 0))
    lon, lat = np.array([180.3, 179.7, 180.7]), np.zeros(3)
    _, x = geom.pixel(lon, lat)
    np.testing.assert_allclose(x, [-0.3, 0.3, 359.3])
    assert geom.contains(SkyCoord(lon, lat, unit="deg")).all()
    # Beyond the seam there is lattice in the array but no sky: nothing may land there.
    wide = WcsGeom.create(npix=(400, 10), binsz=1, skydir=(0, 0))
    _, x = wide.pixel(np.arange(0.0, 360.0, 7.3), 0.0)
    assert np.isfinite(wide.lon_of(np.floor(x + 0.5))).all()


@pytest.mark.parametrize("code", ["CAR", "AIT", "TAN", "HPX", "ZEA"])
def test_contains_is_the_pixel_of_astropy(code):
    geom = WcsGeom.create(skydir=(0.0, 0.0), npix=(20, 10), binsz=(3, 2), proj=code)
    rng = np.random.default_rng(5)
    sky = SkyCoord(rng.uniform(-60, 60, 3000), rng.uniform(-40, 40, 3000), unit="deg").galactic
    x, y = skycoord_to_pixel(sky, geom.wcs)
    expected = (x >= -0.5) & (x < 19.5) & (y >= -0.5) & (y < 9.5)
    assert 100 < expected.sum() < 2900
    np.testing.assert_array_equal(geom.contains(sky), expected)


# ---- other geometries


@pytest.mark.parametrize("where", [(250.2, 149.7), (3.3, 296.0), (499.4, 2.5)])
@pytest.mark.parametrize("width", [0.07, 1.0, 1.33, 40.0])
@pytest.mark.parametrize("extra", [{}, SIP], ids=["CD", "SIP"])
def test_cutout_against_astropy(where, width, extra):
    geom = WcsGeom.from_header(header(NAXIS1=500, NAXIS2=300, **extra))
    position = SkyCoord(*geom.lonlat(where[1], where[0]), unit="deg")
    sizes = np.clip(width / geom.pixel_scales.value, 1, None)
    expected = Cutout2D(np.zeros(geom.image_shape), position, sizes[::-1], wcs=geom.wcs)
    cut = geom.cutout(position, width * u.deg)
    assert cut.image_shape == expected.shape
    y, x = grid(cut)
    there = SkyCoord(*cut.lonlat(y, x), unit="deg")
    assert there.separation(expected.wcs.pixel_to_world(x, y)).max() < 1e-8 * u.arcsec


def test_cutout_refuses_what_lies_beside():
    geom = WcsGeom.create(skydir=(83.6, 22.0), width=5, binsz=0.1, proj="TAN")
    with pytest.raises(GeometryError, match="beside the map"):
        geom.cutout(SkyCoord(120, 0, unit="deg"), "1 deg")
    with pytest.raises(GeometryError, match="no pixel"):
        geom.cutout(SkyCoord(263, -22, unit="deg"), "1 deg")
    with pytest.raises(MaskError, match="unit"):
        geom.cutout(SkyCoord(83, 22, unit="deg"), 1.0)


@pytest.mark.parametrize(
    "make", [lambda: awkward("AIT"), lambda: WcsGeom.from_header(header(NAXIS1=48, **SIP))]
)
def test_derived_geometries_keep_the_sky(make):
    geom = make().to_cube([ENERGY])
    y, x = grid(geom)
    sky = np.array(geom.lonlat(y, x))

    padded = geom.pad((2, 3))
    assert padded.shape == (3, geom.image_shape[0] + 6, geom.image_shape[1] + 4)
    np.testing.assert_allclose(padded.lonlat(y + 3, x + 2), sky, rtol=0, atol=1e-11)
    assert padded.crop((2, 3)) == geom
    assert geom.upsample(2).downsample(2) == geom

    coarse = geom.downsample(2)
    assert coarse.image_shape == (geom.image_shape[0] // 2, geom.image_shape[1] // 2)
    y2, x2 = grid(coarse)
    np.testing.assert_allclose(
        coarse.lonlat(y2, x2), geom.lonlat(2 * y2 + 0.5, 2 * x2 + 0.5), rtol=0, atol=1e-9
    )
    with pytest.raises(GeometryError, match="not divisible by 7"):
        geom.downsample(7)
    with pytest.raises(GeometryError):
        geom.crop(20)
    with pytest.raises(GeometryError, match="whole numbers"):
        geom.pad(1.5)


def test_axes_come_and_go():
    other = Axis("rad", [0, 1] * u.deg)
    geom = WcsGeom.allsky(binsz=5).to_cube([ENERGY])
    assert geom.to_cube([other]).shape == (1, 3, 36, 72)
    assert geom.to_image().axes == ()


@pytest.mark.parametrize("code", CODES)
def test_facts_against_astropy(code):
    geom = WcsGeom.create(skydir=(40, 10), npix=(8, 6), binsz=(1.5, 2), proj=code, frame="galactic")
    wcs = geom.wcs
    np.testing.assert_allclose(geom.pixel_scales.to_value("deg"), proj_plane_pixel_scales(wcs))
    assert wcs.array_shape == geom.image_shape
    expected = SkyCoord(wcs.calc_footprint(center=False), unit="deg", frame="galactic")
    assert geom.footprint.separation(expected).max() < 1e-9 * u.arcsec
    assert geom.center_skydir.separation(wcs.pixel_to_world(3.5, 2.5)) < 1e-9 * u.arcsec
    assert geom.reference_pixel == (2.5, 3.5)
    assert not geom.is_allsky
    if FACTS[code].surface != "plane" or FACTS[code].everywhere:
        assert WcsGeom.allsky(binsz=2, proj=code).is_allsky


# ---- areas


@pytest.mark.parametrize("npix", [(360, 180), (361, 181), (370, 190)])
def test_a_car_pixel_is_longitude_times_sines_and_all_are_the_sphere(npix):
    geom = WcsGeom.create(npix=npix, binsz=1)
    area = geom.solid_angle()
    assert area.dims == ("y", "x")
    assert not isinstance(area.data, np.ndarray)
    values = area.compute().values
    np.testing.assert_allclose(np.nansum(values), 4 * np.pi, rtol=1e-13)
    y, x = grid(geom)
    np.testing.assert_array_equal(np.isnan(values), np.isnan(geom.lonlat(y, x)[0]))
    lat = np.radians(geom.lat_of(np.arange(60, 100)))
    half = np.radians(0.5)
    expected = np.radians(1.0) * (np.sin(lat + half) - np.sin(lat - half))
    np.testing.assert_allclose(values[60:100, 100], expected, rtol=1e-13)


@pytest.mark.parametrize("code", ["AIT", "MOL", "ZEA", "CEA", "SFL", "PAR", "HPX", "QSC"])
def test_equal_area_projections_have_equal_areas(code):
    geom = WcsGeom.create(skydir=(10, 0), width=(40, 30), binsz=0.5, proj=code)
    values = geom.solid_angle().values
    # Some are stretched: HPX and QSC are 360 x 135 and 6 x 90 x 90 square degrees of plane, PAR 3 / pi in y.
    stretch = {"HPX": 8 / (3 * np.pi), "QSC": 8 / (3 * np.pi), "PAR": 3 / np.pi}.get(code, 1.0)
    expected = stretch * np.radians(0.5) ** 2
    # QSC has kinks along the diagonals of its faces, which great-circle edges cut short.
    np.testing.assert_allclose(values, expected, rtol=6e-2 if code == "QSC" else 2e-4)
    np.testing.assert_allclose(values.mean(), expected, rtol=1e-4 if code == "QSC" else 2e-5)


@pytest.mark.parametrize("code", ["AIT", "MOL", "ZEA", "SFL", "CEA", "CAR"])
@pytest.mark.parametrize("centre", [(0, 0), (80, 35)])
def test_areas_sum_to_the_sphere(code, centre):
    geom = WcsGeom.create(skydir=centre, binsz=1, width=(360, 240), proj=code)
    # A pixel whose centre is off the sky counts nothing, one whose centre is on it counts whole.
    np.testing.assert_allclose(np.nansum(geom.solid_angle().values), 4 * np.pi, rtol=6e-3)


@pytest.mark.parametrize("code", ["TAN", "STG", "ARC", "SIN"])
def test_small_pixels_keep_their_digits(code):
    side = 1e-3
    geom = WcsGeom.create(skydir=(83.6, 22), npix=5, binsz=side, proj=code)
    np.testing.assert_allclose(geom.solid_angle().values, np.radians(side) ** 2, rtol=1e-8)


def test_areas_of_a_slice_are_a_slice_of_the_areas():
    geom = WcsGeom.create(npix=(2100, 5), binsz=0.01, proj="TAN")
    whole = geom.solid_angle()
    assert whole.data.numblocks == (1, 2)
    part = whole[1:3, 2040:2060].compute()
    np.testing.assert_array_equal(part, geom.window(Window(1, 3, 2040, 2060)).solid_angle().values)
    assert part.x.values[0] == 2040


# ---- files


def written(path: Path, geom: WcsGeom, name: str = "MASK", bands: str | None = None) -> Path:
    head = geom.to_header()
    hdus = [fits.PrimaryHDU()]
    if geom.axes:
        bands = bands or f"{name}_BANDS"
        if bands != "EBOUNDS":
            head["BANDSHDU"] = bands
        hdus.append(bands_hdu(geom.axes, bands))
    hdus.insert(1, fits.ImageHDU(np.zeros(geom.shape, np.uint8), head, name=name))
    fits.HDUList(hdus).writeto(path)
    return path


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_files_come_back(tmp_path, suffix):
    axes = [Axis("rad", [0, 1, 3] * u.deg), ENERGY]
    geom = WcsGeom.create(skydir=(83.6, 22.0), width=3, binsz=1 / 3, proj="TAN", axes=axes)
    path = written(tmp_path / f"cube{suffix}", geom)
    assert WcsGeom.read(path) == geom
    assert WcsGeom.read(path, hdu="MASK") == geom
    assert [axis.interp for axis in WcsGeom.read(str(path), hdu=1).axes] == ["lin", "log"]
    with fits.open(path) as hdus:
        assert [hdus[1].header[f"NAXIS{i}"] for i in (1, 2, 3, 4)] == [9, 9, 3, 2]


def test_ebounds_without_axcols(tmp_path):
    geom = WcsGeom.create(width=3, axes=[ENERGY])
    path = written(tmp_path / "ccube.fits", geom, bands="EBOUNDS")
    with fits.open(path, mode="update") as hdus:
        for hdu in hdus[1:]:
            for key in ("AXCOLS1", "INTERP1"):
                hdu.header.remove(key, ignore_missing=True)
    assert WcsGeom.read(path) == geom


def test_nodes_become_edges_halfway(tmp_path):
    table = fits.BinTableHDU.from_columns(
        [fits.Column("Energy", "D", "MeV", array=[1.0, 10.0, 100.0])], name="ENERGIES"
    )
    head = WcsGeom.create(width=3).to_header()
    image = fits.PrimaryHDU(np.zeros((3, 6, 6), np.float32), head)
    fits.HDUList([image, table]).writeto(tmp_path / "template.fits")
    (axis,) = WcsGeom.read(tmp_path / "template.fits").axes
    assert axis.name == "energy_true"
    np.testing.assert_allclose(axis.edges.to_value("MeV"), 10.0 ** np.array([-0.5, 0.5, 1.5, 2.5]))


def test_axes_of_length_one_without_a_table_are_left_out():
    geom = WcsGeom.from_header(header(NAXIS=4, NAXIS3=1, NAXIS4=1))
    assert geom.shape == (30, 50)


def test_files_are_refused_and_named(tmp_path):
    geom = WcsGeom.create(width=3, axes=[ENERGY])
    path = written(tmp_path / "cube.fits", geom)
    with pytest.raises(MaskError, match=r"cube\.fits: no HDU 'COUNTS'; there are"):
        WcsGeom.read(path, hdu="COUNTS")
    with fits.open(path, mode="update") as hdus:
        del hdus["MASK_BANDS"]
    with pytest.raises(MaskError, match=r"cube\.fits.*'MASK_BANDS' for its axes, which the file lacks"):
        WcsGeom.read(path)
    fits.PrimaryHDU(np.zeros((3, 3))).writeto(tmp_path / "plain.fits")
    with pytest.raises(MaskError, match="no HDU holds an image"):
        WcsGeom.read(tmp_path / "plain.fits")
    with pytest.raises(FileNotFoundError):
        WcsGeom.read(tmp_path / "none.fits")
    wrong = bands_hdu([Axis.from_bounds("energy", "1 GeV", "2 GeV", 2)])
    with pytest.raises(MaskError, match=r"\[2\] planes but the image has \[3\]"):
        WcsGeom.from_header(geom.to_header(), wrong)
    with pytest.raises(MaskError, match="describes no axis"):
        WcsGeom.from_header(
            geom.to_header(), fits.BinTableHDU.from_columns([fits.Column("A", "D", array=[1.0])])
        )


def test_the_crab_dataset():
    path = SHARED / "data" / "fermi-3fhl-crab" / "Fermi-LAT-3FHL_data_Fermi-LAT.fits"
    if not path.exists():
        pytest.skip("the shared data are not here")
    geom = WcsGeom.read(path, hdu="COUNTS")
    with fits.open(path) as hdus:
        assert geom.shape == hdus["COUNTS"].shape
    assert geom.axes[0].name == "energy"
    assert geom.axes[0].interp == "log"
    assert geom.frame == "galactic"


# ---- threads


@pytest.mark.parametrize("code", ["AIT", "CAR", "TAN"])
def test_threads_get_the_same_sky(code):
    geom = WcsGeom.create(skydir=(30, 20), npix=(200, 150), binsz=1, proj=code)
    y, x = grid(geom)
    expected = geom.lonlat(y, x)
    wrong = []

    def work():
        for _ in range(5):
            got = geom.lonlat(y, x)
            wrong.extend(i for i in range(2) if not np.array_equal(got[i], expected[i], equal_nan=True))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
