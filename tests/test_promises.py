"""What is promised of a tile is so: EMPTY and FULL are proved, for tiles of every shape."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx


def grown_source():
    return mx.Catalog(SkyCoord([1.0], [0.0], unit="deg"), "0.5 deg").dilate("0.3 deg")


def test_a_grown_source_on_a_strip():
    strip = mx.WcsGeom.create(skydir=(0, 0), npix=(3000, 8), binsz=0.1, frame="icrs")
    mask = grown_source()
    assert mask.compute(strip).values.sum() == 120
    assert mask.on(strip).values.sum() == 120
    assert np.isclose(mask.area(strip).to_value("deg2"), 1.2, rtol=1e-4)


@pytest.mark.parametrize("chunks", [(8, 3000), (1, 3000), (9, 3000), (500, 500)])
def test_a_grown_source_by_thin_chunks(chunks):
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(3000, 1000), binsz=0.1, frame="icrs")
    assert grown_source().on(geom, chunks=chunks).values.sum() == 192
