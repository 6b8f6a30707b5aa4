"""Two worker processes give the same bits as threads, of every kind of mask, and nothing warns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from astropy import units as u

import maskexpr as mx
from tests.sky_oracle import CIRCLES, MAPS, POLYGONS, circle, in_circle, in_polygon, polygon, positions

distributed = pytest.importorskip("distributed", reason="needs dask.distributed")

ENERGY = mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """One cluster of two processes on this machine, for all tests of the module."""
    with (
        dask.config.set({"distributed.admin.tick.limit": "1h"}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster) as client,
        dask.config.set(scheduler=None, num_workers=None),
    ):
        yield client


@pytest.mark.parametrize("proj", MAPS)
@pytest.mark.parametrize("chunks", [17, 64, -1])
def test_circles_and_polygons_equal_brute_force(workers: Any, proj: str, chunks: int) -> None:
    geom = MAPS[proj]
    wants = [in_circle(geom, *where) for where in CIRCLES]
    lazy = [circle(*where).on(geom, chunks=chunks).data for where in CIRCLES]
    wants += [in_polygon(geom, vertices) for vertices in POLYGONS.values()]
    lazy += [polygon(vertices).on(geom, chunks=chunks).data for vertices in POLYGONS.values()]
    # Some in one go: the smallest tiles are a thousand tasks each.
    some = slice(None) if chunks != 17 else slice(None, None, 4)
    for got, want in zip(dask.compute(*lazy[some]), wants[some], strict=True):
        assert np.array_equal(got, want)


def test_all_kinds_of_masks_equal_threads(workers: Any, tmp_path: Path) -> None:
    geom = MAPS["AIT"].to_cube([ENERGY])
    sources = mx.Catalog(positions(500), np.linspace(0.5, 4, 1500).reshape(500, 3) * u.deg)
    path = tmp_path / "map.fits"
    mx.Region("galactic;circle(0,0,50)").write(path, MAPS["CAR"])
    mask = ~(sources | mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")) ^ mx.Raster(str(path))
    mask = mask & mx.AxisRange("energy", lo="5 GeV") | polygon(POLYGONS["over the seam"])
    got = mask.on(geom, chunks=64).compute().values
    with dask.config.set(scheduler="threads"):
        want = mask.on(geom, chunks=64).compute().values
    assert np.array_equal(got, want)
    assert got.any(axis=(1, 2)).all()


def test_two_maps_after_each_other(workers: Any) -> None:
    rng = np.random.default_rng(7)
    sources = mx.Catalog(positions(300), rng.uniform(0.1, 4, 300) * u.deg)
    mask = ~(sources | mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"))
    geoms = [mx.WcsGeom.allsky(binsz=1, frame="galactic"), mx.WcsGeom.allsky(binsz=2, proj="AIT")]
    for geom in geoms:
        with dask.config.set(scheduler="threads"):
            want = mask.on(geom, chunks=37).values
        assert np.array_equal(mask.on(geom, chunks=37).compute().values, want)


def test_a_slice_of_a_huge_mask(workers: Any) -> None:
    geom = mx.WcsGeom.allsky(binsz=0.00025, frame="galactic")
    piece = mx.Catalog(positions(7195), "0.3 deg").on(geom)[400_000:400_050, 700_000:704_000]
    with dask.config.set(scheduler="threads"):
        want = piece.compute()
    assert np.array_equal(piece.compute(), want)


def test_a_persisted_mask_is_sliced(workers: Any) -> None:
    whole = circle(0, 90, 40.2).on(MAPS["CAR"], chunks=60).persist()
    assert np.array_equal(whole.isel(y=slice(100, 180)).values, in_circle(MAPS["CAR"], 0, 90, 40.2)[100:])
    assert mx.geom_of(whole) == MAPS["CAR"]


@pytest.mark.parametrize("suffix", [".zarr", ".fits"])
def test_a_mask_is_written_with_a_client_about(workers: Any, suffix: str, tmp_path: Path) -> None:
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    circle(180, 60, 30.2).write(tmp_path / f"a{suffix}", MAPS["CAR"], chunks=64)
    back = mx.read_mask(tmp_path / f"a{suffix}").compute()
    assert np.array_equal(back.values, in_circle(MAPS["CAR"], 180, 60, 30.2))
