"""Nodes about the whole map on a lazy array: tasks grow linearly, the bits are those of one process."""

from __future__ import annotations

import pickle
import sys

import astropy.units as u
import dask
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import maskexpr as mx
from maskexpr.compile.compiled import compile_mask
from maskexpr.components import solve
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


def counted(work, *args):
    """What a function gives, and how many Python functions of the package it calls."""
    called = 0

    def watch(frame, event, argument):
        nonlocal called
        called += event == "call" and "/maskexpr/" in frame.f_code.co_filename

    sys.setprofile(watch)
    try:
        made = work(*args)
    finally:
        sys.setprofile(None)
    return made, called


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("reach", [None, "0.05 deg"])
def test_work_of_making_tasks_grows_linearly(nested, reach, monkeypatch):
    """Four times the tiles, four times the calls and references, also where a mask reaches every tile."""
    monkeypatch.setattr(solve, "SIDE", 4)
    calls, references = [], []
    for side in (20, 40):
        geom = mx.WcsGeom.create(npix=(4 * side, 4 * side), binsz=0.01, proj="TAN")
        pixels = np.random.default_rng(side).random(geom.image_shape) < 0.5
        mask = mx.RemoveSmall(mx.Raster((pixels, geom)), 3 * u.pix**2)
        mask = mask.dilate(reach) if reach else mask
        mask = mx.RemoveSmall(mask, 9 * u.pix**2) if nested else mask
        compiled = compile_mask(mask, geom, 4)
        blocks = [(y, x) for y in range(side) for x in range(side)]
        (graph, needs), called = counted(compiled.stages, "a", ("s",), blocks)
        calls.append(called)
        nodes = [*graph.values(), *needs]
        references.append(sum(len(each.dependencies) for each in nodes))
    assert calls[1] < 4.5 * calls[0]
    assert references[1] < 4.5 * references[0]
