"""Circles on maps that are many turns of longitude wide, of which one turn is on the sky."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from tests.sky_oracle import in_circle, pixels


@pytest.mark.parametrize("proj", ["CAR", "MER", "CEA"])
@pytest.mark.parametrize("first", [10, 60, 110])
@pytest.mark.parametrize("chunks", ["auto", 20])
def test_circles_on_a_map_of_many_turns(proj, first, chunks):
    """The turn that is on the sky lies at the left, in the middle or at the right of the map."""
    geom = mx.WcsGeom.create(
        skydir=(266, 0), npix=(120, 12), binsz=(25, 9), proj=proj, frame="icrs", refpix=(first, 6.5)
    )
    _, on_sky = pixels(geom)
    assert 0 < np.count_nonzero(on_sky.any(axis=0)) < 16
    for lon, lat, radius in [(0, 89, 70), (266, 0, 40), (86, 10, 60)]:
        mask = mx.Catalog(SkyCoord([lon], [lat], unit="deg"), f"{radius} deg")
        want = in_circle(geom, lon, lat, radius, "icrs")
        assert want.any()
        assert np.array_equal(mask.on(geom, chunks=chunks).values, want)
        assert np.array_equal(mask.compute(geom).values, want)
