"""Cubes of radio and survey data: their celestial map; units as headers spell them; the border of a map."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS

import maskexpr as mx

AXES = {
    "RA---TAN": (40, 83.6, -0.1, "deg"),
    "DEC--TAN": (30, 22.0, 0.1, "deg"),
    "FREQ": (5, 1.4e9, 1e6, "Hz"),
    "VELO-LSR": (7, 1000.0, 10.0, "m/s"),
    "STOKES": (4, 1.0, 1.0, ""),
}
RADIO = ["RA---TAN", "DEC--TAN", "FREQ", "STOKES"]
LATITUDE_FIRST = ["DEC--TAN", "RA---TAN", "VELO-LSR"]


def header(order: list[str], **cards: object) -> fits.Header:
    made = fits.Header()
    made["NAXIS"] = len(order)
    for i, ctype in enumerate(order, 1):
        n, value, step, unit = AXES[ctype]
        made[f"NAXIS{i}"], made[f"CTYPE{i}"], made[f"CRVAL{i}"] = n, ctype, value
        made[f"CDELT{i}"], made[f"CRPIX{i}"], made[f"CUNIT{i}"] = step, (n + 1) / 2, unit
    made.update(cards)
    return made


@pytest.mark.parametrize(
    "order",
    [
        RADIO,
        ["FREQ", "RA---TAN", "DEC--TAN"],
        ["RA---TAN", "FREQ", "DEC--TAN"],
        ["STOKES", "FREQ", "RA---TAN", "DEC--TAN"],
        LATITUDE_FIRST,
        ["RA---TAN", "DEC--TAN"],
    ],
)
def test_the_celestial_map_of_a_cube(order: list[str], tmp_path: Path) -> None:
    path = tmp_path / "cube.fits"
    shape = tuple(AXES[each][0] for each in reversed(order))
    fits.PrimaryHDU(np.zeros(shape, np.uint8), header(order)).writeto(path)
    geom = mx.WcsGeom.read(path, celestial=True)
    assert geom.shape == ((40, 30) if order is LATITUDE_FIRST else (30, 40))
    # The world coordinates of astropy's whole WCS, at the first plane of all other axes.
    whole, y, x = WCS(header(order), fix=False), *np.indices(geom.shape)
    celestial = [i for i, each in enumerate(order) if each[:2] in ("RA", "DE")]
    pixels = np.zeros((y.size, len(order)))
    pixels[:, celestial[0]], pixels[:, celestial[1]] = x.ravel(), y.ravel()
    world = whole.wcs_pix2world(pixels, 0)
    lon, lat = (world[:, order.index(name)] for name in ("RA---TAN", "DEC--TAN"))
    np.testing.assert_allclose(geom.lonlat(y, x)[0].ravel(), lon, rtol=0, atol=1e-11)
    np.testing.assert_allclose(geom.lonlat(y, x)[1].ravel(), lat, rtol=0, atol=1e-11)
    mask = mx.Region("icrs;circle(83.6,22,0.55)").on(geom).values
    apart = SkyCoord(lon, lat, unit="deg").separation(SkyCoord(83.6, 22, unit="deg")).deg
    assert mask.sum() == (apart < 0.55).sum() > 80


@pytest.mark.parametrize("order", [RADIO, ["FREQ", "RA---TAN", "DEC--TAN"], LATITUDE_FIRST])
def test_the_error_names_the_way(order: list[str]) -> None:
    with pytest.raises(mx.MaskError, match="celestial=True"):
        mx.WcsGeom.from_header(header(order))


def test_cubes_without_a_celestial_map() -> None:
    with pytest.raises(mx.MaskError, match=r"no celestial axes among \['FREQ', 'STOKES'\]"):
        mx.WcsGeom.from_header(header(["FREQ", "STOKES"]), celestial=True)
    with pytest.raises(mx.MaskError, match="mixed with others"):
        mx.WcsGeom.from_header(header(RADIO[:3], PC1_3=0.5, PC3_1=0.5), celestial=True)


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        *[(each, 1.0) for each in ("deg", "DEG", "degree", "Degrees", "DEGREES", "", "deg.")],
        *[(each, 60.0) for each in ("arcmin", "ARCMIN", "arcmins", "Arcminutes")],
        *[(each, 3600.0) for each in ("arcsec", "ARCSEC", "arcseconds", "asec")],
        *[(each, 3.6e6) for each in ("mas", "MAS", "milliarcsec")],
        *[(each, np.pi / 180) for each in ("rad", "RADIAN", "radians")],
        *[(each, 1 / 15) for each in ("hourangle", "h", "hours")],
    ],
)
def test_units_of_headers(unit: str, factor: float) -> None:
    want = mx.WcsGeom.from_header(header(RADIO[:2]))
    made = header(RADIO[:2], CUNIT1=unit, CUNIT2=unit)
    for i in (1, 2):
        made[f"CRVAL{i}"] *= factor
        made[f"CDELT{i}"] *= factor
    found = mx.WcsGeom.from_header(made)
    y, x = np.indices(want.shape)
    np.testing.assert_allclose(found.lonlat(y, x), want.lonlat(y, x), rtol=1e-13)


@pytest.mark.parametrize("unit", ["m", "pixel", "d", "kelvin", "3", "deg deg deg"])
def test_units_that_are_no_angles(unit: str) -> None:
    with pytest.raises(mx.MaskError, match="CUNIT2"):
        mx.WcsGeom.from_header(header(RADIO[:2], CUNIT2=unit))


@pytest.mark.parametrize("proj", ["CAR", "TAN", "ZEA"])
def test_the_footprint_is_the_outer_border(proj: str) -> None:
    geom = mx.WcsGeom.create(skydir=(83.6, 22), npix=(7, 4), binsz=(0.5, 0.3), proj=proj)
    expected = SkyCoord(geom.wcs.calc_footprint(center=False), unit="deg")
    assert geom.footprint.separation(expected).max() < 1e-9 * u.arcsec
    # A map and its cutouts meet at corners: the same pixels, upsampled, have the same border.
    fine = geom.upsample(3).footprint
    assert geom.footprint.separation(fine).max() < 1e-6 * u.arcsec


def test_the_footprint_of_the_whole_sky() -> None:
    corners = mx.WcsGeom.allsky(binsz=2).footprint
    np.testing.assert_allclose(corners.dec.deg, [-90, 90, 90, -90])
    assert np.isnan(mx.WcsGeom.allsky(binsz=2, proj="AIT").footprint.ra.deg).all()
