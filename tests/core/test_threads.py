"""Work that is shared between threads: the order of results, what a failure leaves, and where threads run."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

import maskexpr as mx
from maskexpr.core.threads import Turns, in_slices, in_threads
from maskexpr.extend import MIXED, Areas, Ask, Coverage, FromData, Mask, Points, Tile

needs_placing = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or not 2 <= len(os.sched_getaffinity(0)) <= 4,
    reason="threads are placed by Linux, on two to four processors",
)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("number", [0, 1, 2, 17])
def test_results_in_order(threads: int, number: int) -> None:
    assert in_threads(lambda i: i * i, range(number), threads) == [i * i for i in range(number)]


def test_no_more_threads_than_are_asked_for() -> None:
    seen, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> int:
        nonlocal seen, most
        with lock:
            seen += 1
            most = max(most, seen)
        time.sleep(0.002)
        with lock:
            seen -= 1
        return threading.get_ident()

    used = set(in_threads(work, range(40), 3))
    assert most <= 3
    assert threading.get_ident() in used


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_first_failure_in_order_is_raised_and_the_rest_is_not_begun(error: type[BaseException]) -> None:
    begun, both = [], threading.Barrier(2)

    def work(i: int) -> None:
        begun.append(i)
        if i < 2:
            both.wait(60)
            raise error(str(i))

    with pytest.raises(error, match="0"):
        in_threads(work, range(1000), 2)
    assert sorted(begun) == [0, 1]


def test_slices_are_all_and_do_not_overlap() -> None:
    out = np.zeros(200_001, dtype=np.int64)

    def work(some: slice) -> int:
        out[some] += 1
        return len(out[some])

    with dask.config.set(num_workers=2):
        assert sum(in_slices(work, len(out))) == len(out)
    assert (out == 1).all()
    assert in_slices(lambda some: some, 0) == [slice(0, 0)]


def where_two_run() -> list[set[int]]:
    """The processors on which two threads that work at the same time may run."""
    both = threading.Barrier(2)

    def work(_: int) -> set[int]:
        both.wait(60)
        return os.sched_getaffinity(0)

    return in_threads(work, range(2), 2, apart=True)


@needs_placing
def test_threads_at_work_have_processors_of_their_own_and_give_them_back() -> None:
    before = os.sched_getaffinity(0)
    one, other = where_two_run()
    assert one | other == before
    assert not one & other
    assert os.sched_getaffinity(0) == before


@needs_placing
def test_of_many_processors_none_is_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of few threads each would crowd on the first ones."""
    before = os.sched_getaffinity(0)
    monkeypatch.setattr("maskexpr.core.threads._FEW", len(before) - 1)
    assert where_two_run() == [before, before]


@needs_placing
def test_threads_within_threads_may_use_all_processors() -> None:
    """A thread that has a turn starts others, for an index, say, while the rest wait for it."""
    before = os.sched_getaffinity(0)

    def outer(i: int) -> set[int]:
        return set.union(*where_two_run()) if i == 0 else set()

    assert in_threads(outer, range(2), 2, apart=True)[0] == before
    assert os.sched_getaffinity(0) == before


@needs_placing
def test_where_the_system_forbids_it_threads_run_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    assert in_threads(abs, [-1, -2, -3], 2, apart=True) == [1, 2, 3]


def test_more_threads_than_turns_wait() -> None:
    turns, done = Turns(1), []

    def work() -> None:
        with turns.turn():
            done.append(1)

    with turns.turn():
        other = threading.Thread(target=work)
        other.start()
        other.join(0.05)
        assert not done
    other.join(60)
    assert done


@dataclass(frozen=True, eq=False)
class Elsewhere(Mask):
    """A node of a user's own, which notes where its threads may run; not registered."""

    tag = "test-elsewhere"

    places: ClassVar[list[set[int]]] = []

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return np.full(len(areas), MIXED)

    def values(self, where: Tile | Points, of: Ask) -> np.ndarray:
        self.places.append(os.sched_getaffinity(0))
        return np.zeros(where.shape if isinstance(where, Tile) else len(where), dtype=bool)


def placed_however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are placed for maps of a few pixels too."""
    for module in ("compile.eager", "compile.whole", "components.solve"):
        monkeypatch.setattr(f"maskexpr.{module}.LONG", 1)


@needs_placing
def test_threads_are_placed_for_large_maps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By `on` and by `compute`, and not for maps of which the moves would cost more than they gain."""
    geom, asked = mx.WcsGeom.create(npix=(300, 300), binsz=0.1, skydir=(0, 0), proj="TAN"), []
    place = os.sched_setaffinity
    monkeypatch.setattr(os, "sched_setaffinity", lambda *which: (asked.append(which), place(*which))[1])
    mask = mx.Region("icrs;circle(0,0,12)")
    for compute in (lambda: mask.on(geom, chunks=100).compute(), lambda: mask.compute(geom, chunks=100)):
        with dask.config.set(scheduler="threads", num_workers=2), monkeypatch.context() as patch:
            compute()
            assert not asked
            placed_however_small(patch)
            compute()
            assert asked
            asked.clear()


@needs_placing
def test_what_nodes_from_elsewhere_start_is_placed_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    placed_however_small(monkeypatch)
    geom = mx.WcsGeom.create(npix=(300, 300), binsz=0.1, skydir=(0, 0), proj="TAN")
    Elsewhere.places.clear()
    with dask.config.set(scheduler="threads", num_workers=2):
        (Elsewhere() | mx.Region("icrs;circle(0,0,3)")).compute(geom, chunks=100)
        number = len(Elsewhere.places)
        Elsewhere().on(geom, chunks=100).compute()
    assert 0 < number < len(Elsewhere.places)

    class Judges(FromData):
        """A user's own way with values in memory."""

    ours = mx.Threshold((np.ones((300, 300)), geom), ">", 0)
    theirs = object.__new__(Judges)
    theirs._store(data=ours.data, nan="raise", outside=False)
    assert theirs.waits
    assert not ours.waits
    assert all(each == os.sched_getaffinity(0) for each in Elsewhere.places)


@needs_placing
def test_lazy_arrays_are_computed_by_threads_that_may_run_anywhere() -> None:
    """Of a tile that computes another array dask may start its own pool, which lives on."""
    geom = mx.WcsGeom.create(npix=(300, 300), binsz=0.1, skydir=(0, 0), proj="TAN")
    places = []

    def block(values: np.ndarray) -> np.ndarray:
        places.append(os.sched_getaffinity(0))
        return values

    data = da.ones((300, 300), chunks=100).map_blocks(block, dtype=float)
    array = xr.DataArray(data, dims=("y", "x"))
    mask = mx.Threshold((array, geom), ">", 0.5)
    with dask.config.set(scheduler="threads", num_workers=2):
        assert mask.compute(geom, chunks=100).values.all()
        assert mask.remove_small("0.05 deg2").compute(geom, chunks=100).values.all()
    assert places
    assert all(each == os.sched_getaffinity(0) for each in places)


@needs_placing
def test_a_mask_leaves_threads_where_they_were() -> None:
    """Dask's own threads too: other work of theirs comes after."""
    before = os.sched_getaffinity(0)
    geom = mx.WcsGeom.create(npix=(400, 300), binsz=0.1, skydir=(0, 0), proj="TAN")
    mask = mx.Region("icrs;circle(0,0,3)").on(geom, chunks=100)
    with dask.config.set(scheduler="threads", num_workers=2):
        mask.compute()
        asked = [dask.delayed(os.sched_getaffinity, pure=False)(0) for _ in range(8)]
        found = dask.compute(*asked)
    assert all(each == before for each in found)
    assert os.sched_getaffinity(0) == before
