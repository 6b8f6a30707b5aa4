"""Nodes about the whole map on a lazy array: tasks grow linearly, the bits are those of one process."""

from __future__ import annotations

import pickle

import astropy.units as u
import dask
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import maskexpr as mx
from maskexpr.core.trace import tracing

GEOM = mx.WcsGeom.allsky(binsz=2, frame="galactic")
DATA = 4 * gaussian_filter(np.random.default_rng(0).normal(0, 1, GEOM.image_shape), 1.2, mode="wrap")
PEAKS = mx.Hysteresis((DATA, GEOM), 0.5, 2.0)
MASKS = {
    "hysteresis": PEAKS,
    "complement": ~PEAKS,
    "nested": mx.RemoveSmall(PEAKS, 40 * u.deg**2),
    "holes": PEAKS.fill_holes("100 deg2"),
    "grown": PEAKS.dilate("5 deg"),
    "grown between": mx.RemoveSmall(PEAKS.dilate("3 deg"), 200 * u.deg**2).dilate("2 deg"),
    "with a band": PEAKS & mx.Band(lat=("0 deg", "30 deg")),
}


def number_of_tasks(array):
    return len(dict(dask.optimize(array.data)[0].__dask_graph__()))


@pytest.mark.parametrize("name", sorted(MASKS))
def test_the_same_bits_for_every_chunking(name):
    mask = MASKS[name]
    want = mask.compute(GEOM).values
    assert want.any()
    for chunks in (17, 50, (90, 180)):
        lazy = mask.on(GEOM, chunks=chunks)
        assert np.array_equal(lazy.values, want)
        assert np.array_equal(lazy.isel(y=slice(3, 9), x=slice(50, 70)).values, want[3:9, 50:70])


@pytest.mark.parametrize("name", sorted(MASKS))
def test_tasks_grow_linearly(name):
    tasks = {
        n: number_of_tasks(MASKS[name].on(GEOM, chunks=(-(-90 // n), -(-180 // n)))) for n in (2, 4, 8, 16)
    }
    per_chunk = [tasks[n] / n**2 for n in (2, 4, 8, 16)]
    assert max(per_chunk) < 8
    assert per_chunk[-1] <= 1.05 * per_chunk[0]


def test_building_computes_nothing(no_compute):
    with tracing() as counts:
        number_of_tasks(MASKS["nested"].on(GEOM, chunks=30))
    assert counts["pixels"] == counts["tiles"] == 0


def test_the_graph_travels():
    array = MASKS["nested"].on(GEOM, chunks=45)
    again = pickle.loads(pickle.dumps(array.data))
    assert np.array_equal(again.compute(), array.values)


def test_planes_are_decided_each_for_itself_or_linked():
    axis = mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)
    cube = GEOM.to_cube([axis])
    data = np.stack([DATA, np.roll(DATA, 40, axis=1), -DATA])
    for linked in (False, True):
        mask = mx.Hysteresis((data, cube), 0.5, 2.5, linked=linked)
        assert np.array_equal(mask.on(cube, chunks=40).values, mask.compute(cube).values)
    alone = mx.Hysteresis((DATA, GEOM), 0.5, 2.5)
    assert np.array_equal(
        mx.Hysteresis((data, cube), 0.5, 2.5).on(cube, chunks=40).values[0], alone.compute(GEOM).values
    )
