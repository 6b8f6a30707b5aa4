"""gammapy's objects are taken as they are, and masks become its maps."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.errors import GeometryError

maps = pytest.importorskip("gammapy.maps")

AXIS = maps.MapAxis.from_energy_bounds("1 GeV", "1 TeV", nbin=3)
THEIRS = maps.WcsGeom.create(
    skydir=(83.6, 22.0), npix=(40, 30), binsz=0.1, proj="TAN", frame="icrs", axes=[AXIS]
)
MASK = mx.Region("icrs;circle(83.6,22,1)") & mx.AxisRange("energy", "10 GeV", None)


def test_geometries_maps_and_datasets():
    from gammapy.datasets import MapDataset

    dataset = MapDataset.create(THEIRS, name="given")
    expected = MASK.compute(mx.WcsGeom.from_gammapy(THEIRS)).values
    for given in (THEIRS, maps.Map.from_geom(THEIRS), dataset.counts.geom, dataset.counts, dataset):
        np.testing.assert_array_equal(MASK.on(given).values, expected)


def test_to_gammapy():
    made = MASK.to_gammapy(THEIRS)
    assert made.geom == THEIRS
    assert made.data.dtype == bool
    np.testing.assert_array_equal(made.data, MASK.compute(THEIRS).values)
    np.testing.assert_array_equal(MASK.on(THEIRS).maskexpr.to_gammapy().data, made.data)
    ours = MASK.to_gammapy(mx.WcsGeom.from_gammapy(THEIRS))
    np.testing.assert_array_equal(ours.data, made.data)
    counts = maps.Map.from_geom(THEIRS, data=1.0)
    assert (counts * made).data.sum() == made.data.sum()


def test_a_region_geometry_is_refused_by_name():
    region = maps.RegionGeom.create("icrs;circle(83.6, 22, 1)", axes=[AXIS])
    with pytest.raises(GeometryError, match="gammapy RegionGeom"):
        MASK.on(region)


def test_positions_of_events_and_catalogues():
    from astropy.table import Table
    from astropy.time import Time
    from gammapy.data import EventList

    table = Table(
        {
            "RA": [83.6, 10.0] * u.deg,
            "DEC": [22.0, 10.0] * u.deg,
            "ENERGY": [1, 2] * u.TeV,
            "TIME": Time([55000.0, 55001.0], format="mjd"),
        }
    )
    mask = mx.Region("icrs;circle(83.6,22,1)")
    assert mask.contains(EventList(table)).tolist() == [True, False]

    class Catalogue:
        positions = SkyCoord([83.6, 10.0], [22.0, 10.0], unit="deg")

    assert mask.contains(Catalogue()).tolist() == [True, False]
