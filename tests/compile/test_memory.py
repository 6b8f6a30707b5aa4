"""The plan's projected memory is an upper bound of what evaluating a tile takes."""

from __future__ import annotations

import tracemalloc

import astropy.units as u
import dask
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.compile.compiled import compile_mask

RNG = np.random.default_rng(0)
SIDE = 1024


def random_positions(number):
    lat = np.degrees(np.arcsin(RNG.uniform(-1, 1, number)))
    return SkyCoord(RNG.uniform(0, 360, number), lat, unit="deg")


SOURCES = mx.Catalog(random_positions(7000), "0.3 deg")
TAN = mx.WcsGeom.create(skydir=(10, 20), npix=(2 * SIDE, 2 * SIDE), binsz=0.02, proj="TAN")
CAR = mx.WcsGeom.allsky(binsz=0.04, frame="galactic")
DATA = (
    RNG.normal(0, 1, (SIDE, SIDE)),
    mx.WcsGeom.create(skydir=(10, 20), npix=(SIDE, SIDE), binsz=0.03, proj="TAN"),
)
NOISE, BOARD = RNG.random((2 * SIDE, 2 * SIDE)), np.indices((2 * SIDE, 2 * SIDE)).sum(axis=0) % 2 == 0
MASKS = {
    "catalogue": SOURCES,
    "many": mx.Catalog(random_positions(100_000), "0.1 deg"),
    "mixed": ~(SOURCES | mx.Region("galactic;ellipse(10,10,5,3,4)")) - mx.Band(lat=("-5 deg", "5 deg")),
    "polygon": mx.Region("icrs;polygon(0,0,40,0,40,40,0,40)"),
    "grown": SOURCES.dilate("0.4 deg"),
    "shrunk": (~SOURCES).erode("0.2 deg"),
    "pixels": SOURCES.dilate(10 * u.pix, metric="pixel"),
    "threshold": mx.Threshold(DATA, ">", 1.0),
    "hysteresis": mx.Hysteresis(DATA, 0.5, 2.0),
    "small": mx.RemoveSmall(SOURCES, 1 * u.deg**2),
}


@pytest.mark.parametrize("geom", [CAR, TAN], ids=["CAR", "TAN"])
@pytest.mark.parametrize("name", sorted(MASKS))
def test_projected_memory_is_an_upper_bound(name, geom):
    with dask.config.set(num_workers=1):
        bound = MASKS[name].plan(geom, chunks=SIDE).projected_memory
    compiled = compile_mask(MASKS[name], geom, SIDE)
    tracemalloc.start()
    compiled.compute((1, 1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= bound


WORST = {
    "labels": mx.RemoveSmall(mx.Raster((BOARD, TAN)), 5 * u.pix**2),
    "corners": mx.Hysteresis.from_masks(mx.Raster((BOARD, TAN)), mx.Raster((BOARD, TAN)), connectivity=8),
    "noise": mx.Hysteresis((NOISE, TAN), 0.4, 0.99),
    "grown": mx.Raster((NOISE > 0.5, TAN)).dilate("0.1 deg"),
    "shrunk": mx.Raster((BOARD, TAN)).erode("0.05 deg"),
    "elsewhere": mx.Threshold((NOISE, TAN), ">", 0.5),
}


@pytest.mark.parametrize("name", sorted(WORST))
@pytest.mark.parametrize("chunks", [SIDE, 2 * SIDE])
def test_projected_memory_bounds_noise_of_single_pixels(name, chunks):
    geom = CAR if name == "elsewhere" else TAN
    with dask.config.set(num_workers=1):
        bound = WORST[name].plan(geom, chunks=chunks).projected_memory
    lazy = WORST[name].on(geom, chunks=chunks).data
    tracemalloc.start()
    with dask.config.set(scheduler="synchronous"):
        lazy.blocks[0, 0].compute()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The stages label every tile of the map, one task at a time.
    assert peak <= bound


def test_a_plan_above_the_limit_is_refused_before_it_runs(no_compute, tmp_path):
    plan = SOURCES.plan(CAR)
    assert plan.projected_memory > 50e6
    with pytest.raises(mx.MaskError, match=r"MiB.*give a larger limit") as caught:
        SOURCES.plan(CAR, memory_limit="50 MB")
    assert isinstance(caught.value, MemoryError)
    assert SOURCES.plan(CAR, memory_limit=plan.projected_memory).n_tiles == plan.n_tiles
    with pytest.raises(mx.MaskError, match=r"limit"):
        SOURCES.write(tmp_path / "mask.zarr", CAR, memory_limit="50 MB")
    assert not list(tmp_path.iterdir())


def test_what_is_advised_keeps_to_the_limit():
    """Smaller tiles, each with what an evaluation takes whatever its tile, may need more all together."""
    with dask.config.set(num_workers=1):
        one, small = (SOURCES.plan(CAR, chunks=chunks).projected_memory for chunks in (2048, 64))
    with dask.config.set(num_workers=8):
        with pytest.raises(mx.MaskError, match=r"give fewer threads \(dask.config.set\(num_workers=1\)\)"):
            SOURCES.plan(CAR, chunks=2048, memory_limit=one)
        with pytest.raises(mx.MaskError, match=r"smaller chunks=, and one thread"):
            SOURCES.plan(CAR, chunks=2048, memory_limit=one - 1)
    with dask.config.set(num_workers=1):
        assert SOURCES.plan(CAR, chunks=64, memory_limit=one - 1).projected_memory == small


def test_smaller_tiles_project_less():
    assert SOURCES.plan(CAR, chunks=512).projected_memory < SOURCES.plan(CAR, chunks=4096).projected_memory
