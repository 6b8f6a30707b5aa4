"""Real catalogues and region files, from ../shared: read as they are, masks against brute force."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

import maskexpr as mx
from maskexpr.shapes import CircleAnnulus

from .sky_oracle import MAPS, pixels

FILES = {
    "gll_psc_v35.fit.gz": 7195,
    "gll_psch_v13.fit.gz": 1556,
    "hgps_catalog_v1.fits.gz": 78,
    "gammacat.fits.gz": 162,
    "LAT_extended_sources_14years.fits": 82,
}


@pytest.fixture(scope="module")
def catalogs(shared: Path) -> Path:
    return shared / "data/catalogs"


def near_any(geom: mx.WcsGeom, centres: SkyCoord, radius: np.ndarray) -> np.ndarray:
    """Pixels within the radius (degrees) of any centre, one after the other."""
    there, on_sky = pixels(geom)
    want = np.zeros(geom.shape, dtype=bool)
    xyz = there.transform_to(centres.frame).cartesian.xyz.value.reshape(3, -1)
    order = np.argsort(xyz[2])
    heights = xyz[2][order]
    for centre, r in zip(centres.cartesian.xyz.value.T, np.radians(radius), strict=True):
        low, high = np.searchsorted(heights, [centre[2] - r - 1e-9, centre[2] + r + 1e-9])
        some = order[low:high]
        want.ravel()[some] |= ((xyz[:, some] - centre[:, None]) ** 2).sum(axis=0) < 4 * np.sin(r / 2) ** 2
    return want & on_sky


@pytest.mark.parametrize("name", FILES)
def test_catalogues_are_read_as_they_are(catalogs: Path, name: str) -> None:
    mask = mx.Catalog.read(catalogs / name, radius="0.3 deg")
    assert len(mask.lon) == FILES[name]
    table = Table.read(catalogs / name, hdu=1, unit_parse_strict="silent")
    galactic = "GLON" if "GLON" in table.colnames else None
    if galactic:
        there = SkyCoord(table["GLON"], table["GLAT"], unit="deg", frame="galactic")
        # Both pairs of columns have a few digits.
        assert (there.separation(SkyCoord(mask.lon, mask.lat, unit="deg", frame=mask.frame)).deg < 0.01).all()
        assert mask.contains(there).all()


@pytest.mark.parametrize("proj", MAPS)
def test_the_4fgl_sources_equal_brute_force(catalogs: Path, proj: str) -> None:
    mask = mx.Catalog.read(catalogs / "gll_psc_v35.fit.gz", radius="0.83 deg")
    centres = SkyCoord(mask.lon, mask.lat, unit="deg", frame=mask.frame)
    want = near_any(MAPS[proj], centres, np.full(len(centres), 0.83))
    assert 0 < want.sum() < want.size
    for chunks in (17, 64, -1):
        assert np.array_equal(mask.on(MAPS[proj], chunks=chunks).values, want)


def test_a_radius_by_column(catalogs: Path) -> None:
    path = catalogs / "gll_psc_v35.fit.gz"
    extended = mx.Catalog.read(path, radius="Model_SemiMajor", hdu="ExtendedSources")
    table = Table.read(path, hdu="ExtendedSources", unit_parse_strict="silent")
    assert np.array_equal(extended.radius, np.asarray(table["Model_SemiMajor"], dtype=float))
    centres = SkyCoord(extended.lon, extended.lat, unit="deg", frame=extended.frame)
    geom = mx.WcsGeom.create(skydir=(80, 0), npix=(400, 200), binsz=0.1, frame="galactic")
    assert np.array_equal(extended.on(geom, chunks=90).values, near_any(geom, centres, extended.radius))
    with pytest.raises(mx.MaskError, match=r"'Size' of row 2 .* missing='drop'"):
        mx.Catalog.read(catalogs / "hgps_catalog_v1.fits.gz", radius="Size")
    with pytest.raises(mx.MaskError, match="tables: 1 LAT_Point_Source_Catalog"):
        mx.Catalog.read(path, radius="0.1 deg", hdu="Extended")


def test_the_extended_sources_drawn(catalogs: Path) -> None:
    """The region file's ellipses are round in most rows: there the circle is the oracle."""
    region = mx.Region.read(catalogs / "LAT_extended_sources_14years.reg")
    table = Table.read(catalogs / "LAT_extended_sources_14years.fits", hdu=1, unit_parse_strict="silent")
    assert len(region.shape.shapes) == len(table) == 82
    centres = SkyCoord(table["RAJ2000"], table["DEJ2000"], unit="deg", frame="fk5")
    major, minor = np.asarray(table["Model_SemiMajor"], float), np.asarray(table["Model_SemiMinor"], float)
    geom = mx.WcsGeom.allsky(binsz=0.5, frame="galactic", proj="AIT")
    got = region.on(geom, chunks=100).values
    # Positions in the file have a few digits. The Cygnus Loop is a ring in one file and a disk in the other.
    rings = np.array([isinstance(shape, CircleAnnulus) for shape in region.shape.shapes])
    assert rings.sum() == 1
    assert not (got & ~near_any(geom, centres, np.maximum(major, minor) + np.where(rings, 0.2, 0.01))).any()
    inner = np.minimum(major, minor) - 0.01
    assert not (near_any(geom, centres[~rings], inner[~rings]) & ~got).any()
    assert np.array_equal(region.contains(centres), ~rings)


def test_the_design_s_example(catalogs: Path, tmp_path: Path) -> None:
    sources = mx.Catalog.read(catalogs / "gll_psc_v35.fit.gz", radius="0.3 deg")
    plane = mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
    keep = ~(sources | mx.Region("galactic;box(185,-4,1,0.5,45)")) - plane
    small = mx.WcsGeom.allsky(binsz="0.5 deg", frame="galactic")
    there, _ = pixels(small)
    mask = keep.on(small)
    assert np.array_equal(mask.values, keep.contains(there))
    plan = keep.plan(mx.WcsGeom.allsky(binsz="0.01 deg", frame="galactic"))
    assert plan.n_tiles == 9 * 18
    assert "648,000,000 pixels" in str(plan)
    keep.write(tmp_path / "exclusion.fits", small)
    back = mx.read_mask(tmp_path / "exclusion.fits")
    assert np.array_equal(back.values, mask.values)
    # The expression comes back from the file, and is the mask on any other grid.
    again = mx.loads(back.attrs["maskexpr_expression"])
    assert again == keep
    assert back.attrs["maskexpr_hash"] == keep.digest.hex()
    assert (sources.radius * u.deg).to_value(u.arcmin) == pytest.approx(18)
