"""Reductions of a whole lazy mask: what NumPy says of its pixels, by tasks for undecided tiles alone."""

from __future__ import annotations

import pickle
from typing import Any

import astropy.units as u
import dask
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.core.trace import tracing

GEOM = mx.WcsGeom.allsky(binsz=1, frame="galactic")
BAND = mx.Band(lat=("-12.5 deg", "31.2 deg"), frame="galactic")
ENERGY = mx.Axis("energy", [1, 3, 10] * u.GeV, interp="log")
CUBE = mx.WcsGeom.allsky(binsz=2, axes=[ENERGY])
VALUES = np.random.default_rng(3).normal(size=GEOM.shape)
CASES: dict[str, tuple[mx.Mask, Any]] = {
    "band": (BAND, GEOM),
    "all": (mx.AllSky(), GEOM),
    "none": (mx.NoSky(), GEOM),
    "off the sky": (mx.AllSky(), mx.WcsGeom.allsky(binsz=2, proj="AIT")),
    "components": (mx.Hysteresis((VALUES, GEOM), 0.5, 2.5), GEOM),
    "cube": (mx.AxisRange("energy", hi="3 GeV") & BAND, CUBE),
    "the same on planes": (BAND, CUBE),
    "cells": (BAND, mx.HpxGeom.allsky(order=5)),
}
REDUCTIONS = ("sum", "mean", "any", "all")


@pytest.mark.parametrize("name", CASES)
def test_whole_arrays(name: str) -> None:
    mask, geom = CASES[name]
    pixels = mask.compute(geom).values
    lazy = mask.on(geom, chunks=2 if name == "cells" else 30)
    travelled = pickle.loads(pickle.dumps(lazy))
    for reduction in REDUCTIONS:
        want = getattr(pixels, reduction)()
        for found in (
            getattr(lazy, reduction)(),
            getattr(lazy, reduction)(lazy.dims),
            getattr(travelled, reduction)(),
            getattr(xr.Dataset({"mask": lazy}), reduction)()["mask"],
        ):
            assert dask.is_dask_collection(found)
            assert (found.shape, found.dtype) == ((), want.dtype)
            assert found.compute().item() == want


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_parts_of_arrays_are_reduced_by_dask(reduction: str) -> None:
    mask, geom = CASES["cube"]
    pixels, lazy = mask.compute(geom).values, mask.on(geom, chunks=30)
    for found, want in (
        (getattr(lazy, reduction)("y"), getattr(pixels, reduction)(1)),
        (getattr(lazy, reduction)(("y", "x")), getattr(pixels, reduction)((1, 2))),
        (getattr(lazy[:, 20:70], reduction)(), getattr(pixels[:, 20:70], reduction)()),
        (getattr(~lazy, reduction)(), getattr(~pixels, reduction)()),
        (getattr(lazy, reduction)(keepdims=True), getattr(pixels, reduction)(keepdims=True)),
    ):
        assert np.array_equal(found.compute(), want)
    for axis in (7, (0, 1, 2, 3), (0, 0, 1, 2)):
        with pytest.raises((ValueError, IndexError)):
            getattr(lazy, reduction)(axis=axis).compute()


def test_only_undecided_tiles_are_tasks() -> None:
    """Of 10,000 tiles as of 10: a tile, its number, and two more."""
    one = mx.Catalog(SkyCoord(83.6, 22.0, unit="deg"), "1.2 deg")
    for chunks in (90, 3):
        plan, lazy = one.plan(GEOM, chunks=chunks), one.on(GEOM, chunks=chunks)
        for reduction in REDUCTIONS:
            graph = dask.optimize(getattr(lazy, reduction)().data)[0].__dask_graph__()
            assert len(dict(graph)) <= 2 * plan.n_mixed + 3
    assert plan.n_tiles > 7_000


def test_undecided_tiles_are_computed_once() -> None:
    plan, lazy = BAND.plan(GEOM, chunks=30), BAND.on(GEOM, chunks=30)
    for asked in ([lazy.sum()], [lazy.sum(), lazy.mean(), lazy.any()]):
        with tracing() as counts:
            dask.compute(*asked)
        assert counts["tiles"] == plan.n_mixed > 0


def test_the_array_is_an_array_of_dask_as_before() -> None:
    lazy, pixels = BAND.on(GEOM, chunks=30), BAND.compute(GEOM)
    for found, want in (
        (lazy.astype(float), pixels.astype(float)),
        (lazy.where(lazy.y > 50), pixels.where(pixels.y > 50)),
        (xr.where(lazy, 1, 2), xr.where(pixels, 1, 2)),
        (lazy.shift(x=3, fill_value=False), pixels.shift(x=3, fill_value=False)),
        (lazy.roll(x=3), pixels.roll(x=3)),
        (lazy.rolling(x=3).sum(), pixels.rolling(x=3).sum()),
        (lazy.coarsen(y=10, x=10).mean(), pixels.coarsen(y=10, x=10).mean()),
        (xr.concat([lazy, pixels], "n"), xr.concat([pixels, pixels], "n")),
        (lazy.pad(x=2, constant_values=False), pixels.pad(x=2, constant_values=False)),
        (lazy & pixels, pixels),
        (lazy.weighted(xr.ones_like(pixels.y, float)).sum("y"), pixels.sum("y").astype(float)),
        (lazy.groupby("y").sum(...), pixels.groupby("y").sum(...)),
        (lazy.argmax("x"), pixels.argmax("x")),
        (lazy.cumsum("x"), pixels.cumsum("x")),
        (lazy.std(), pixels.std()),
        (lazy.isin([True]), pixels.isin([True])),
        (lazy.notnull(), pixels.notnull()),
        (lazy.sel(y=[3, 4]), pixels.sel(y=[3, 4])),
    ):
        assert dask.is_dask_collection(found)
        assert found.dtype == want.dtype
        assert np.array_equal(found.compute(), want.compute(), equal_nan=found.dtype.kind == "f")
    xr.testing.assert_identical(lazy.compute(), pixels)
