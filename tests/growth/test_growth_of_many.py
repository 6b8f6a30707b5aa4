"""Five thousand random circles, grown and shrunk, against a tree over all pixels."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from scipy.spatial import cKDTree

import maskexpr as mx

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
