"""Growth against a tree over all pixels: thousands of circles, and maps far from their reference."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.sphere.vectors import unit

RNG = np.random.default_rng(5)
SOURCES = mx.Catalog(
    SkyCoord(RNG.uniform(0, 360, 5000), np.degrees(np.arcsin(RNG.uniform(-1, 1, 5000))), unit="deg"),
    RNG.uniform(0.1, 1.5, 5000) * u.deg,
)


@pytest.mark.parametrize("proj", ["CAR", "AIT"])
def test_grown_and_shrunk_by_1_4_deg(proj):
    geom = mx.WcsGeom.allsky(binsz=1, frame="galactic", proj=proj)
    lon, lat = np.radians(geom.lonlat(*np.indices(geom.image_shape)))
    on_sky = np.isfinite(lon)
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])[:, on_sky].T
    selected = SOURCES.compute(geom).values[on_sky]

    def within_reach(of):
        distance, _ = cKDTree(xyz[of]).query(xyz)
        return distance <= 2 * np.sin(np.radians(1.4) / 2)

    for mask, want in (
        (SOURCES.dilate("1.4 deg"), within_reach(selected)),
        (SOURCES.erode("1.4 deg"), ~within_reach(~selected)),
    ):
        got = mask.on(geom, chunks=64).values
        assert want.any()
        assert not got[~on_sky].any()
        assert np.array_equal(got[on_sky], want)


@pytest.mark.parametrize(("proj", "size"), [("TAN", 0.9), ("MER", 0.3), ("STG", 2.0)])
def test_maps_beyond_the_lattice_of_a_plane_without_end(proj: str, size: float) -> None:
    """A map may lie further from the reference than the lattice of other maps goes."""
    header = {"CTYPE1": f"RA---{proj}", "CTYPE2": f"DEC--{proj}", "CRVAL1": 40.0, "CRVAL2": 0.0}
    header |= {
        "CRPIX1": -10.0,
        "CRPIX2": -2000.0,
        "CDELT1": -size,
        "CDELT2": size,
        "NAXIS1": 30,
        "NAXIS2": 50,
    }
    geom = mx.WcsGeom(WCS(header), (50, 30))
    selected = np.zeros(geom.shape, bool)
    selected[20, 11] = selected[49, 0] = True
    y, x = np.mgrid[:50, :30]
    xyz = unit(*geom.lonlat(y, x)).reshape(3, -1).T
    there = xyz[selected.ravel()]
    radius = 2.5 * np.linalg.norm(np.diff(xyz.reshape(50, 30, 3), axis=1), axis=-1).max()
    chord = cKDTree(there).query(xyz)[0].reshape(geom.shape)
    found = mx.Raster((selected, geom)).dilate(radius * u.rad).compute(geom)
    assert np.array_equal(np.asarray(found), chord <= 2 * np.sin(radius / 2))
    assert 10 < found.sum() < 700
