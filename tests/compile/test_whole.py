"""Whole lazy arrays: the same values as block by block, in arrays of their own, whatever runs the tasks."""

from __future__ import annotations

import multiprocessing
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from typing import Any

import astropy.units as u
import dask
import dask.array as da
import dask.diagnostics
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.compile import eager
from maskexpr.compile.compiled import Compiled
from maskexpr.compile.waiting import Waiting

ENERGY = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
FLAT = mx.WcsGeom.allsky("5 deg", proj="AIT")
CUBE = mx.WcsGeom.create(npix=(40, 30), binsz=0.5, skydir=(30, 60), axes=[ENERGY])
SOURCES = mx.Catalog(SkyCoord([10, 30, 200], [20, 60, -88], unit="deg"), "9 deg")
LAZY: dict[str, Callable[[], xr.DataArray]] = {
    "limb": lambda: SOURCES.on(FLAT, chunks=(17, 23)),
    "one block": lambda: SOURCES.on(FLAT, chunks=-1),
    "many blocks": lambda: SOURCES.dilate("2 deg").on(FLAT, chunks=(7, 12)),
    "nothing": lambda: (SOURCES & ~SOURCES).on(FLAT, chunks=(17, 23)),
    "everything": lambda: (SOURCES | ~SOURCES).on(CUBE, chunks=(17, 23)),
    "grown": lambda: SOURCES.dilate("2 deg").on(FLAT, chunks=(17, 23)),
    "stages": lambda: (~SOURCES).fill_holes().on(FLAT, chunks=(17, 23)),
    "planes": lambda: (SOURCES & mx.AxisRange("energy", 10 * u.GeV, None)).on(CUBE, chunks=(17, 23)),
    "no planes": lambda: SOURCES.on(CUBE, chunks=(17, 23)),
    "cells": lambda: SOURCES.on(mx.HpxGeom(order=3), chunks=1),
    "shares": lambda: SOURCES.fraction(FLAT, 1)["lower"],
    "weights": lambda: SOURCES.apodize(FLAT, "4 deg", chunks=(17, 23)),
}


@cache
def block_by_block(name: str) -> np.ndarray:
    """What ordinary dask makes of the blocks, each asked for by itself."""
    data = LAZY[name]().data
    out = np.empty(data.shape, data.dtype)
    for place in np.ndindex(*data.numblocks):
        ends = [np.cumsum((0, *sizes)) for sizes in data.chunks]
        where = tuple(slice(each[i], each[i + 1]) for each, i in zip(ends, place, strict=True))
        out[where] = data.blocks[place].compute()
    out.flags.writeable = False
    return out


@pytest.mark.parametrize("name", LAZY)
@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
def test_blocks_and_the_whole_are_equal(name: str, scheduler: str) -> None:
    lazy = LAZY[name]()
    with dask.config.set(scheduler=scheduler, num_workers=3):
        whole = np.asarray(lazy.compute().data)
        assert whole.dtype == lazy.dtype
        assert np.array_equal(whole, block_by_block(name))
        assert np.array_equal(whole, lazy.persist().compute().data)
        assert np.array_equal(whole[..., 1:], lazy[..., 1:].compute().data)


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("name", ["limb", "planes", "weights", "one block", "many blocks"])
def test_in_other_processes(name: str, processes: ProcessPoolExecutor) -> None:
    lazy = LAZY[name]()
    here = lazy.compute(scheduler="synchronous")
    there = lazy.compute(scheduler="processes", pool=processes)
    assert np.array_equal(here, there)


@pytest.mark.parametrize("name", LAZY)
def test_results_share_nothing(name: str) -> None:
    lazy = LAZY[name]()
    (optimized,) = dask.optimize(lazy)
    results = [each.compute().data for each in (lazy, lazy, optimized, optimized)]
    kept = results[0].copy()
    for i, one in enumerate(results):
        assert not any(np.shares_memory(one, other) for other in results[i + 1 :])
    if lazy.data.ndim == 2:
        results[1][...] = 1 - results[1] if lazy.dtype != bool else ~results[1]
        assert np.array_equal(lazy.compute().data, kept)


def test_only_the_whole_shares_one_array() -> None:
    lazy = LAZY["limb"]()
    assert type(lazy.data) is da.Array
    whole = lazy.compute().data
    assert whole.base is None
    assert whole.flags.writeable
    both = dask.compute(lazy, lazy.sum(), lazy[3:9])
    assert np.array_equal(both[0], whole)
    assert int(both[1]) == whole.sum()
    assert np.array_equal(both[2], whole[3:9])
    assert np.array_equal(pickle.loads(pickle.dumps(lazy)).compute(), whole)
    assert np.array_equal(xr.Dataset({"a": lazy, "b": ~lazy}).compute()["b"], ~whole)


def test_decided_blocks_are_no_tasks() -> None:
    lazy = SOURCES.on(mx.WcsGeom.allsky("0.5 deg"), chunks=10)
    with dask.diagnostics.Profiler() as profiler:
        lazy.compute(scheduler="threads")
    seen = [each.key for each in profiler.results]
    mixed = SOURCES.plan(mx.WcsGeom.allsky("0.5 deg"), chunks=10).n_mixed
    # More than would be one task; the array, the source, and what gives it out.
    assert mixed > 16
    assert len(seen) <= mixed + 3
    assert mixed < 0.3 * np.prod(lazy.data.numblocks)


def test_a_few_chunks_of_data_in_memory_share_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not those of masks that wait, and never so many that threads are idle; the bits are the same."""
    geom, values = mx.WcsGeom.allsky("10 deg"), np.arange(36 * 18.0).reshape(18, 36)
    monkeypatch.setattr(dask.system, "CPU_COUNT", 2)
    number = {"memory": [], "waiting": []}
    for name, data in (("memory", values), ("waiting", da.from_array(values))):
        mask = mx.Threshold((data, geom), ">", 7)
        want = mask.compute(geom).data
        for chunks in (1, 3, (1, 36), (18, 1), (2, 3), 18):
            lazy = mask.on(geom, chunks=chunks)
            with dask.diagnostics.Profiler() as profiler:
                assert np.array_equal(lazy.compute(scheduler="threads").data, want)
            written = sum("-written" in str(each.key) for each in profiler.results)
            number[name].append((written, lazy.data.npartitions))
    assert all(written == parts for written, parts in number["waiting"])
    for written, parts in number["memory"]:
        assert written == (0 if parts <= 16 else -(-parts // min(8, -(-parts // 32))))
    assert number["memory"][0] == (18 * 36 // 8, 18 * 36)


@pytest.mark.parametrize("name", ["one block", "limb", "planes", "stages", "cells", "weights"])
def test_few_blocks_are_one_task(name: str) -> None:
    lazy = LAZY[name]()
    with dask.diagnostics.Profiler() as profiler:
        got = lazy.compute(scheduler="threads")
    assert len(profiler.results) == 1
    assert np.array_equal(got, block_by_block(name))


BROKEN_OFF = """
import os, signal, threading, time
import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
import maskexpr as mx
from maskexpr.compile.compiled import Compiled

lon, lat = np.meshgrid(np.arange(5, 360, 10), np.arange(-85, 90, 10))
sources = mx.Catalog(SkyCoord(lon.ravel(), lat.ravel(), unit="deg"), "2 deg")
lazy = sources.on(mx.WcsGeom.allsky("1 deg"), chunks=(45, 90))
assert lazy.data.npartitions == 16
begun, third = [], threading.Event()

def slow(self, *args, **options):
    begun.append(time.monotonic())
    if len(begun) == 3:
        third.set()
    time.sleep(0.2)

def interrupt():
    third.wait()
    os.kill(os.getpid(), signal.SIGINT)

Compiled.fill = slow
threading.Thread(target=interrupt).start()
try:
    lazy.compute(scheduler="threads", num_workers=2)
except KeyboardInterrupt:
    at = time.monotonic()
    time.sleep(1.5)
    print("after", sum(each > at for each in begun))
"""


def test_what_is_broken_off_begins_no_more_blocks() -> None:
    done = subprocess.run([sys.executable, "-c", BROKEN_OFF], capture_output=True, text=True, timeout=300)
    # Two threads may have looked just before.
    assert done.stdout.split()[:1] == ["after"], done.stderr
    assert int(done.stdout.split()[1]) <= 2


def test_nobody_waits_where_nobody_did() -> None:
    """What no scheduler was seen to wait for is never given up."""
    assert not Waiting(threading.get_ident(), "key").is_over()
    assert not Waiting(-1, "key").is_over()


class Crowd:
    """How many threads were inside at most. Each stays until as many are there as are waited for, or for so
    many seconds.
    """

    def __init__(self, wanted: int, seconds: float) -> None:
        self.most, self._now, self._wanted, self._seconds = 0, 0, wanted, seconds
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.most >= self._wanted, timeout=self._seconds)

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._now -= 1


@pytest.mark.parametrize("name", ["one block", "limb"])
@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({"scheduler": "synchronous"}, 1),
        ({"num_workers": 1}, 1),
        ({"num_workers": 2}, 2),
        ({"pool": ThreadPoolExecutor(1)}, 1),
        ({"pool": ThreadPoolExecutor(2)}, 2),
    ],
    ids=["synchronous", "one", "two", "pool of one", "pool of two"],
)
@pytest.mark.parametrize("told", [False, True], ids=["asked", "configured"])
def test_no_more_threads_than_the_user_says(
    name: str, options: dict[str, Any], most: int, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether they are set for all that dask does, or given for one computation."""
    # A pool that is given for one computation is none that dask knows; one block is one thread's work.
    if name == "one block" or (not told and "pool" in options):
        most = 1
    # One more is given time to come.
    crowd, fill, seen = Crowd(most + 1, 0.2), Compiled.fill, set()

    def crowded(*args: Any, **options: Any) -> None:
        seen.add(threading.get_ident())
        with crowd:
            fill(*args, **options)

    monkeypatch.setattr(Compiled, "fill", crowded)
    monkeypatch.setattr(dask.system, "CPU_COUNT", 4)
    lazy = LAZY[name]()
    with dask.config.set(options if told else {}):
        lazy.compute(**({} if told else options))
    assert crowd.most == most
    if options.get("scheduler") == "synchronous":
        assert seen == {threading.get_ident()}


VALUES = np.arange(72 * 36.0).reshape(36, 72)
IN_MEMORY, WAITING = (
    mx.Threshold((each, mx.WcsGeom.allsky("5 deg")), ">", 7) for each in (VALUES, da.from_array(VALUES))
)


# A third thread is given time to come where there should be none, and six where there should be six.
@pytest.mark.parametrize(
    ("mask", "crowd", "most"),
    [
        (SOURCES, Crowd(3, 0.2), 2),
        (SOURCES | IN_MEMORY, Crowd(3, 0.2), 2),
        (SOURCES | WAITING, Crowd(6, 60), 6),
    ],
    ids=["cores are busy", "with data in memory", "data are waited for"],
)
@pytest.mark.parametrize("eagerly", [False, True])
def test_threads_that_would_only_wait_for_a_core(
    mask: mx.Mask, crowd: Crowd, most: int, eagerly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd.most = 0
    monkeypatch.setattr(dask.system, "CPU_COUNT", 2)
    fill, into = Compiled.fill, eager.evaluate_into

    def crowded(work: Callable[..., None]) -> Callable[..., None]:
        def inside(*args: object, **options: object) -> None:
            with crowd:
                work(*args, **options)

        return inside

    monkeypatch.setattr(Compiled, "fill", crowded(fill))
    monkeypatch.setattr(eager, "evaluate_into", crowded(into))
    geom = mx.WcsGeom.allsky("2 deg")
    with dask.config.set(scheduler="threads", num_workers=6):
        if eagerly:
            mask.compute(geom, chunks=30)
        else:
            mask.on(geom, chunks=30).compute()
    assert crowd.most == most


def test_what_is_computed_together_with_other_arrays_keeps_its_place() -> None:
    kept = SOURCES.on(FLAT, chunks=(17, 23))
    first, last = (da.full(kept.shape, each, chunks=20) for each in (7, -5))
    want = [np.full(kept.shape, 7), kept.values, np.full(kept.shape, -5)]
    for arrays in (
        dask.compute(first, kept.data, last),
        dask.persist(first, kept.data, last),
        dask.optimize(first, kept.data, last),
        dask.compute(kept.data, first, SOURCES.dilate("2 deg").on(FLAT).data, last)[:2][::-1],
    ):
        for found, right in zip(arrays, want, strict=False):
            assert np.array_equal(np.asarray(found), right)
    data = xr.Dataset({"a": (kept.dims, first), "mask": kept, "b": (kept.dims, last)})
    for dataset in (data.compute(), data.persist(), data.copy().load()):
        for name, right in zip(("a", "mask", "b"), want, strict=True):
            assert dataset[name].dtype == right.dtype
            assert np.array_equal(dataset[name].values, right)


def test_how_a_whole_array_is_optimised_travels_by_name() -> None:
    optimize = SOURCES.on(FLAT).data.__dask_optimize__
    assert pickle.loads(pickle.dumps(optimize)) is optimize
    assert {optimize, da.Array.__dask_optimize__} == {da.Array.__dask_optimize__}


@pytest.mark.parametrize("name", ["limb", "planes", "weights"])
def test_of_a_block_all_is_known_that_was_for_deciding(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[int, ...]] = []
    measure = mx.WcsGeom.measure

    def noted(self: mx.WcsGeom, bounds: np.ndarray) -> np.ndarray:
        measured.extend(map(tuple, bounds.T.tolist()))
        return measure(self, bounds)

    monkeypatch.setattr(mx.WcsGeom, "measure", noted)
    lazy = LAZY[name]()
    lazy.compute()
    blocks = {
        (row, row + 17, column, column + 23)
        for row in range(0, 34, 17)
        for column in range(0, lazy.shape[-1] - 23, 23)
    }
    asked = [each for each in measured if each in blocks]
    assert asked
    assert len(asked) == len(set(asked))
