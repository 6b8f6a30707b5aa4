"""Masks on real clusters: workers store their tiles, nothing large is in a graph, workers are killed.

``MASKEXPR_FAULTS=n`` kills n workers during each of four masks, instead of two during each of two.
"""

from __future__ import annotations

import functools
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from dask._task_spec import Task

import maskexpr as mx
from maskexpr.compile import compiled
from maskexpr.compile.cluster import Portion, results
from maskexpr.compile.compiled import compile_mask
from maskexpr.compile.workers import on_workers
from maskexpr.errors import LimitError, MaskTypeError, TileError
from maskexpr.expr.mask import Mask
from maskexpr.verbs import sink
from tests.clusters import cluster, security
from tests.sky_oracle import MAPS, positions

distributed = pytest.importorskip("distributed", reason="needs dask.distributed")

KILLS = int(os.environ.get("MASKEXPR_FAULTS", 2))
GEOM = MAPS["CAR"]
ENERGY = mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)
SOURCES = mx.Catalog(positions(300), np.linspace(0.5, 4, 300) * u.deg)
DATA = np.random.default_rng(3).normal(size=GEOM.shape)
MASKS = {
    "circles": SOURCES,
    "grown": SOURCES.dilate("1 deg") - mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"),
    "components": mx.Hysteresis((DATA, GEOM), 0.5, 2.5).remove_small("4 deg2").fill_holes(),
    "data": mx.Threshold((DATA, GEOM), ">", 1) | SOURCES,
}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with cluster() as client:
        yield client


@pytest.fixture(scope="module")
def mortals() -> Iterator[Callable[..., tuple[Any, list[int]]]]:
    """The client of a cluster of which tests kill workers, and the processes of its two workers, of which
    none is one that was killed before. It is another cluster where one has no successor: a nanny may fail to
    start one, and does not say so.
    """
    patient = {"distributed.scheduler.allowed-failures": 20, "distributed.comm.retry.count": 3}
    clients: list[Any] = []
    with ExitStack() as stack:

        def alive(dead: int = 0) -> tuple[Any, list[int]]:
            if not clients or not (found := both_workers(clients[-1], dead)):
                stack.close()
                stack.enter_context(dask.config.set(patient))
                clients.append(stack.enter_context(cluster()))
                found = both_workers(clients[-1])
            return clients[-1], found

        yield alive


def both_workers(client: Any, dead: int = 0) -> list[int]:
    """Processes of two workers, of which none is the dead one; none if a minute does not bring them."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        # Not by `run`, which may wait for ever for a worker that dies meanwhile.
        asked = [client.submit(os.getpid, workers=[one], pure=False) for one in client.nthreads()]
        with suppress(TimeoutError):
            found = [each.result(timeout=5) for each in asked]
            if len(found) == 2 and dead not in found:
                return found
        time.sleep(0.05)
    return []


@pytest.fixture
def sent(client: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes of every graph that is handed to the scheduler."""
    sizes: list[int] = []
    hand_over = client._send_to_scheduler

    def weigh(message: dict[str, Any]) -> None:
        if message.get("op") == "update-graph":
            sizes.append(sum(memoryview(frame).nbytes for frame in message["expr_ser"].frames))
        hand_over(message)

    monkeypatch.setattr(client, "_send_to_scheduler", weigh)
    return sizes


def bits(mask: Mask, **where: Any) -> np.ndarray:
    with dask.config.set(scheduler="threads"):
        return np.asarray(mask.on(where.get("geom", GEOM), chunks=64).compute().values)


def tasks_run(client: Any) -> int:
    """Number of tasks that are kept or have been run; keys that are gone are counted too."""

    def count(dask_scheduler: Any) -> int:
        return int(sum(len(each) for each in dask_scheduler.plugins["tasks-run"].seen.values()))

    return int(client.run_on_scheduler(count))


class Seen(distributed.SchedulerPlugin):
    """Keys that workers have finished."""

    def __init__(self) -> None:
        self.seen: dict[str, set[Any]] = {}

    def transition(self, key: Any, start: str, finish: str, *args: Any, **kwargs: Any) -> None:
        if start == "processing" and finish == "memory":
            self.seen.setdefault("keys", set()).add(str(key))


@pytest.fixture
def counted(client: Any) -> Iterator[Callable[[], int]]:
    client.register_plugin(Seen(), name="tasks-run")
    yield lambda: tasks_run(client)
    client.unregister_scheduler_plugin("tasks-run")


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("suffix", [".zarr", ".fits"])
def test_written_by_workers_is_what_threads_write(
    client: Any, name: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    path = MASKS[name].write(tmp_path / f"a{suffix}", GEOM, chunks=64)
    back = mx.read_mask(path)
    with dask.config.set(scheduler="threads"):
        assert np.array_equal(back.compute().values, bits(MASKS[name]))
    assert mx.verify(path)
    assert os.listdir(tmp_path) == [path.name]


def test_the_client_evaluates_and_stores_nothing(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from maskexpr.io.writer import MaskWriter

    monkeypatch.setattr(compiled, "evaluate_into", None)
    full, put = [], MaskWriter.put
    monkeypatch.setattr(MaskWriter, "put", lambda self, patch: full.append(patch.value) or put(self, patch))
    path = SOURCES.write(tmp_path / "a.fits", GEOM, chunks=64, progress=True)
    assert all(each is True for each in full)
    monkeypatch.undo()
    assert mx.verify(path, against=SOURCES)


def test_several_threads_a_worker(tmp_path: Path) -> None:
    with cluster(n_workers=1, threads_per_worker=4) as own:
        for suffix in (".zarr", ".fits", ".fits.gz"):
            path = SOURCES.write(tmp_path / f"a{suffix}", GEOM, chunks=20, client=own)
            assert mx.verify(path, against=SOURCES)
        path = SOURCES.write(tmp_path / "cells.fits", CELLS, chunks=2, client=own)
        assert mx.verify(path, against=SOURCES)


def test_planes_of_a_cube(client: Any, tmp_path: Path) -> None:
    cube = GEOM.to_cube([ENERGY])
    mask = SOURCES & mx.AxisRange("energy", lo="5 GeV") | mx.Band(lat=("-5 deg", "5 deg"))
    path = mask.write(tmp_path / "a.fits", cube, chunks=64)
    with dask.config.set(scheduler="threads"):
        assert np.array_equal(mx.read_mask(path).values, bits(mask, geom=cube))


@pytest.mark.parametrize("name", ["grown", "components"])
def test_workers_that_do_not_see_the_folder_send_bits(client: Any, name: str, tmp_path: Path) -> None:
    from maskexpr.io.writer import MaskWriter

    def blind(far: bool) -> None:
        seen = property(lambda self: False) if far else MaskWriter.__dict__["_near"]
        if far:
            MaskWriter._near = MaskWriter.__dict__["is_near"]
        MaskWriter.is_near = seen

    client.run(blind, True)
    try:
        path = MASKS[name].write(tmp_path / "a.fits", GEOM, chunks=64)
    finally:
        client.run(blind, False)
    with dask.config.set(scheduler="threads"):
        assert np.array_equal(mx.read_mask(path).values, bits(MASKS[name]))
    assert mx.verify(path)


CELLS = mx.HpxGeom.allsky(order=6)
VALUES = np.random.default_rng(4).normal(size=CELLS.shape)
ON_CELLS = {
    "circles": (SOURCES, CELLS),
    "part": (SOURCES, mx.HpxGeom.from_mask(mx.Band(lat=("-20 deg", "31 deg")), 6)),
    "components": (mx.Hysteresis((VALUES, CELLS), 0.5, 2.5).remove_small("4 deg2"), CELLS),
    "cube": (SOURCES & mx.AxisRange("energy", lo="5 GeV"), mx.HpxGeom.allsky(order=5, axes=[ENERGY])),
}


@pytest.mark.parametrize(
    ("name", "suffix"),
    # A table of cells has no axes.
    [
        (name, suffix)
        for name in ON_CELLS
        for suffix in (".zarr", ".fits")
        if (name, suffix) != ("cube", ".fits")
    ],
)
def test_cells_are_written_by_workers(
    client: Any, name: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    mask, geom = ON_CELLS[name]
    want = mask.write(tmp_path / f"threads{suffix}", geom, chunks=2, client=None)
    monkeypatch.setattr(compiled, "evaluate_into", None)
    path = mask.write(tmp_path / f"workers{suffix}", geom, chunks=2)
    assert contents(path) == contents(want)
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, want.name])


def contents(path: Path) -> dict[str, bytes]:
    """Every file of a product."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


def test_which_client(client: Any, tmp_path: Path) -> None:
    with pytest.raises(MaskTypeError, match="client must be"):
        SOURCES.write(tmp_path / "a.fits", GEOM, client="threads")
    assert not os.listdir(tmp_path)
    with dask.config.set(scheduler="threads"):
        assert SOURCES.write(tmp_path / "b.fits", GEOM, client=client).exists()


@pytest.mark.parametrize(
    ("seconds", "lengths"),
    [(0.01, [5, 5, 4, 2, 1, 1]), (0.0005, [9, 5, 2, 1, 1]), (10.0, [4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1])],
)
def test_runs_of_tiles_are_not_too_short(client: Any, seconds: float, lengths: list[int]) -> None:
    """Of 18 tiles for two threads, when tiles before them took some seconds each."""
    from maskexpr.compile.workers import _Done, _Tasks

    blocks = [(0, i) for i in range(18)]
    tasks = _Tasks(client, compile_mask(SOURCES, GEOM, 60), blocks, (print, None), "name")
    tasks.take_back(_Done([(blocks[0], None)] * 10, [], 10 * seconds))
    while tasks.portion() is not None:
        pass
    assert [len(each) for each in tasks.some_of.values()] == lengths


def test_few_tasks_are_ahead_of_who_takes_what_comes(client: Any) -> None:
    """So that what comes back is bounded, however slowly it is stored."""
    handed: list[str] = []

    def portion() -> Portion | None:
        keys = [f"piece-{len(handed) + i}" for i in range(2 * (len(handed) < 40))]
        handed.extend(keys)
        return Portion({key: Task(key, bytes, 10) for key in keys}, keys) if keys else None

    for number, _ in enumerate(results(client, portion, 2), 1):
        assert len(handed) - number <= 4
    assert number == len(handed) == 40


def test_decided_tiles_are_no_tasks(
    client: Any, counted: Callable[[], int], sent: list[int], tmp_path: Path
) -> None:
    geom = mx.WcsGeom.allsky(binsz=0.5)
    one = mx.Catalog(SkyCoord(83.6, 22.0, unit="deg"), "1.2 deg")
    assert (one.plan(geom, chunks=3).n_tiles, one.plan(geom, chunks=3).n_mixed < 10) == (28_800, True)
    one.write(tmp_path / "a.fits", geom, chunks=3)
    assert counted() <= one.plan(geom, chunks=3).n_mixed + 2
    before = counted()
    with dask.config.set(scheduler="threads"):
        want = one.area(geom)
    assert one.area(geom) == want
    assert counted() - before <= 20
    before = counted()
    with dask.config.set(scheduler="threads"):
        number = int(one.compute(geom).sum())
    assert one.count(geom) == number
    assert counted() - before <= 20
    lazy = one.on(geom, chunks=3)
    for found, want in (
        (lazy.sum(), number),
        (lazy.mean(), number / lazy.size),
        (lazy.any(), True),
        (lazy.all(), False),
    ):
        before = counted()
        assert found.compute().item() == want
        assert counted() - before <= 20
    before = counted()
    assert int(np.count_nonzero(lazy.compute())) == number
    assert counted() - before <= 20
    # Of the array as a whole 8 bytes of each tile travel.
    assert max(sent) < 300_000


@pytest.mark.parametrize("chunks", [120, 60])
def test_by_graphs_of_dask_a_tile_is_few_tasks(
    client: Any, counted: Callable[[], int], chunks: int, tmp_path: Path
) -> None:
    """What `docs/clusters.md` says of whatever is no verb of the mask."""
    pytest.importorskip("zarr")
    geom = mx.WcsGeom.allsky(binsz=0.5)
    lazy = mx.Catalog(SkyCoord(83.6, 22.0, unit="deg"), "1.2 deg").on(geom, chunks=chunks)
    for door in (
        lambda: lazy.to_dataset(name="mask").to_zarr(tmp_path / "a.zarr", consolidated=False),
        lambda: lazy[1:, 1:].compute(),
        lambda: lazy[1:, 1:].sum().compute(),
        lambda: (~lazy).compute(),
    ):
        before = counted()
        door()
        assert 1 <= counted() - before <= 2.5 * lazy.data.npartitions + 20


def test_a_million_sources_are_sent_once(client: Any, sent: list[int], tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 1_000_000)))
    many = mx.Catalog(SkyCoord(rng.uniform(0, 360, 1_000_000), lat, unit="deg"), "0.02 deg")
    geom = mx.WcsGeom.create(skydir=(0, 0), width=8, binsz=0.05)
    with dask.config.set(scheduler="threads"):
        want = many.on(geom, chunks=80).compute()
    lazy = many.on(geom, chunks=80)
    for _ in range(2):
        assert np.array_equal(lazy.compute(), want)
    assert int((~many.on(geom, chunks=80)).sum()) == int((~want).sum())
    path = many.write(tmp_path / "a.fits", geom, chunks=80)
    with dask.config.set(scheduler="threads"):
        assert np.array_equal(mx.read_mask(path).values, want)
    assert max(sent) < 50_000
    # Whoever keeps a lazy mask keeps all of it.
    assert len(pickle.dumps(lazy)) > 8_000_000
    # One that is an argument of a task is computed there.
    assert np.array_equal(client.submit(_computed, lazy).result(), want)


def _computed(lazy: Any) -> Any:
    with dask.config.set(scheduler="synchronous"):
        return lazy.values


# Names of the masks that have arrived in this process, and what takes them in there.
arrivals: list[str] = []
take_in = compiled._arrived


@functools.wraps(take_in)
def take_in_and_note(name: str, *parts: Any) -> Any:
    arrivals.append(name)
    return take_in(name, *parts)


def note_arrivals(begin: bool) -> list[str]:
    """Begin to note in a process which masks arrive, or end it; what has been noted."""
    compiled._arrived = take_in_and_note if begin else take_in
    found = list(arrivals)
    arrivals.clear()
    return found


def test_rows_of_a_catalogue_arrive_once_at_each_worker(tmp_path: Path) -> None:
    """However often the mask is computed, and whatever has become of the file since it was read. By default
    dask drops copies that no task waits for, and they come again from the worker that keeps one.
    """
    with dask.config.set({"distributed.scheduler.active-memory-manager.start": False}), cluster() as own:
        check_arrivals(own, tmp_path)


def check_arrivals(client: Any, tmp_path: Path) -> None:
    table = tmp_path / "many.fits"
    Table({"ra": positions(20_000).ra, "dec": positions(20_000).dec}).write(table)
    many = mx.Catalog.read(table, radius="0.1 deg")
    table.unlink()
    with dask.config.set(scheduler="threads"):
        want = many.on(GEOM, chunks=60).compute()
    client.run(note_arrivals, True)
    try:
        lazy = many.on(GEOM, chunks=60)
        for i in range(3):
            assert np.array_equal(many.on(GEOM, chunks=60), want)
            assert int(lazy.sum()) == int(want.sum())
            assert np.array_equal(~lazy[10:], ~want[10:])
            assert mx.verify(many.write(tmp_path / f"{i}.fits", GEOM, chunks=60))
    finally:
        noted = client.run(note_arrivals, False)
    assert list(noted.values()) == [[lazy.data.name]] * 2


def test_an_array_in_memory_is_sent_once(client: Any, sent: list[int]) -> None:
    geom = mx.WcsGeom.create(npix=(1000, 800), binsz=0.1)
    values = np.random.default_rng(6).normal(size=geom.shape)
    mask = mx.Threshold((values, geom), ">", 1)
    for _ in range(2):
        assert np.array_equal(mask.on(geom, chunks=200).compute().values, values > 1)
    assert max(sent) < 50_000


class Fails(Mask):
    """A leaf that cannot be evaluated; not registered, or the law tests would find it."""

    tag = "test-fails"
    needs_grid = True

    how = "raise"

    def __init__(self, how: str = "raise") -> None:
        self._store(how=how)

    def fields(self) -> list[tuple[str, Any]]:
        return [("how", self.how)]

    def coverage(self, areas: Any, of: Any) -> Any:
        return np.ones(len(areas), np.uint8)

    def values(self, where: Any, of: Any) -> Any:
        if self.how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how.startswith("die and tell "):
            with open(self.how.removeprefix("die and tell "), "a") as file:
                file.write("died\n")
            # As one that takes more and more memory: what was done before has been told.
            time.sleep(1)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how.startswith("die once "):
            flag = Path(self.how.removeprefix("die once "))
            if not flag.exists():
                flag.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return np.zeros(where.shape, bool)
        if self.how == "wait":
            time.sleep(0.3)
            return np.zeros(where.shape, bool)
        raise OSError("the disk is gone")


def test_a_tile_that_fails_says_which(client: Any, tmp_path: Path) -> None:
    with pytest.raises(TileError, match=r"Fails.*Window\(y0=.*OSError: the disk is gone"):
        (Fails() & SOURCES).write(tmp_path / "a.fits", GEOM, chunks=64)
    assert not os.listdir(tmp_path)


def test_a_file_that_is_cut_is_named_with_the_tile(client: Any, tmp_path: Path) -> None:
    data = SOURCES.write(tmp_path / "in.fits", GEOM, chunks=64)
    mask = mx.Raster(str(data)) & SOURCES
    os.truncate(data, data.stat().st_size // 2)
    with pytest.raises(mx.MaskError, match=r"in\.fits"):
        mask.write(tmp_path / "out.fits", GEOM, chunks=64)
    os.unlink(data)
    with pytest.raises(mx.MaskError, match=r"in\.fits"):
        mask.write(tmp_path / "out.fits", GEOM, chunks=64)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("how", ["cut", "missing", "no value", "no mask"])
def test_data_that_fail_name_node_tile_and_file(
    client: Any, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are lost between the plan and the tile too."""
    path = tmp_path / "in.fits"
    values = (DATA > 1).astype("i2") if how == "no mask" else DATA.copy()
    values[100, 100] = {"no value": np.nan, "no mask": 2}.get(how, 0)
    made = fits.PrimaryHDU(values, GEOM.to_header())

    def lost(*_: Any) -> Any:
        if how == "cut":
            os.truncate(path, path.stat().st_size // 2)
        elif how == "missing":
            path.unlink()
        return on_workers(*_)

    monkeypatch.setattr(sink, "on_workers", lost)
    for is_written in (True, False):
        made.writeto(path, overwrite=True)
        mask = mx.Raster(path) if how == "no mask" else mx.Threshold(path, ">", 1, nan="raise")
        door = mask.on(GEOM, chunks=64).compute
        if is_written:
            door = functools.partial(mask.write, tmp_path / "out.fits", GEOM, chunks=64)
        else:
            lost(client, compile_mask(mask, GEOM), [], print)
        with pytest.raises(mx.MaskError, match=r"in\.fits") as caught:
            door()
        # What is decided before there is a tile names the file alone.
        if is_written or how.startswith("no "):
            assert type(mask).__name__ in str(caught.value)
            assert "Window(y0=" in str(caught.value)
    assert set(os.listdir(tmp_path)) <= {"in.fits"}


def test_a_limit_that_workers_meet_says_where_it_is_raised(client: Any, tmp_path: Path) -> None:
    grown = mx.Catalog(SkyCoord(0, 0, unit="deg"), "3 deg").dilate("14 deg")
    # A plane of which it is not known where the sky ends.
    endless = mx.WcsGeom.create(npix=(9, 9), binsz=1.2, proj="PCO")
    usual = mx.get_limits().neighbours
    client.run(mx.set_limits, neighbours=1e5)
    try:
        for door in (
            lambda: grown.write(tmp_path / "a.fits", endless),
            lambda: grown.count(endless),
            lambda: grown.on(endless).compute(),
            lambda: int(grown.on(endless).sum()),
        ):
            with pytest.raises(LimitError, match=r"may be near.*client\.run\(maskexpr\.set_limits.*Window\("):
                door()
    finally:
        client.run(mx.set_limits, neighbours=usual)
    assert not os.listdir(tmp_path)
    assert grown.count(endless) > 0


def test_ctrl_c_leaves_nothing(client: Any, counted: Callable[[], int], tmp_path: Path) -> None:
    stop = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    stop.start()
    with pytest.raises(KeyboardInterrupt):
        Fails("wait").write(tmp_path / "a.fits", GEOM, chunks=20)
    stop.cancel()
    assert not os.listdir(tmp_path)
    assert not any(client.processing().values())
    before = counted()
    time.sleep(0.7)
    assert counted() == before
    assert not os.listdir(tmp_path)


def test_a_tile_that_kills_its_worker(tmp_path: Path) -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        cluster(n_workers=1) as own,
        pytest.raises(TileError, match=r"Fails.*Window.*killed 1 workers"),
    ):
        Fails("die").write(tmp_path / "a.fits", GEOM, chunks=64, client=own)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif("MASKEXPR_FAULTS" not in os.environ, reason="a dozen restarts of workers; on demand")
def test_the_tile_that_kills_workers_is_found_in_a_bounded_number_of_deaths(tmp_path: Path) -> None:
    """By dask's defaults, which allow three failures. Of a run of tiles one worker may die first, or more
    where the machine is so busy that what was done before is not told in time.
    """
    deaths = tmp_path / "deaths"
    killer = Fails(f"die and tell {deaths}") & mx.Catalog(
        SkyCoord(90, 3, unit="deg", frame="galactic"), "1 deg"
    )
    mask = killer | SOURCES
    (place,) = np.argwhere(killer.plan(GEOM, chunks=60).states == 1)
    window = rf"y0={60 * place[0]}, y1={60 * place[0] + 60}, x0={60 * place[1]}, x1={60 * place[1] + 60}\)"
    doors = {
        "write": (lambda: mask.write(tmp_path / "a.fits", GEOM, chunks=60), 8),
        "compute": (lambda: mask.on(GEOM, chunks=60).compute(), 4),
        "sum": (lambda: int(mask.on(GEOM, chunks=60).sum()), 4),
    }
    assert mask.plan(GEOM, chunks=60).n_mixed > 8
    with cluster():
        for door, most in doors.values():
            deaths.write_text("")
            with pytest.raises(TileError, match=rf"Fails.*{window} killed 3 workers"):
                door()
            assert len(deaths.read_text().split()) <= most
        with pytest.raises(TileError, match=r"Fails.*killed 3 workers"):
            killer.count(GEOM)
    assert os.listdir(tmp_path) == ["deaths"]


@pytest.fixture
def scattered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what is sent to workers apart from graphs."""
    names: list[str] = []
    scatter = distributed.Client.scatter

    def noted(self: Any, data: Any, **options: Any) -> Any:
        names.extend(data)
        return scatter(self, data, **options)

    monkeypatch.setattr(distributed.Client, "scatter", noted)
    return names


def test_what_dies_with_the_only_worker_that_has_it_is_sent_again(
    scattered: list[str], tmp_path: Path
) -> None:
    many = mx.Catalog(positions(20_000), "0.2 deg")
    flag = tmp_path / "died"
    once = many | Fails(f"die once {flag}")
    geom = mx.WcsGeom.allsky(binsz=2)
    with dask.config.set(scheduler="threads"):
        want = int(many.count(geom))
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 20, "distributed.comm.retry.count": 3}),
        cluster(n_workers=1) as own,
    ):
        assert many.count(geom) == want
        assert many.count(geom) == want
        assert len(scattered) == 1
        # Between two runs.
        ((address, first),) = own.run(os.getpid).items()
        os.kill(first, signal.SIGKILL)
        # Not by `run`, which may wait for ever for a worker that dies meanwhile.
        while not set(own.nthreads()) - {address}:
            time.sleep(0.05)
        assert many.count(geom) == want
        assert len(set(scattered)) == 1
        assert len(scattered) >= 2
        # In the middle of one.
        before = len(scattered)
        assert once.count(geom) == want
        assert flag.exists()
        assert len(scattered) >= before + 2


def test_with_tls(tmp_path: Path) -> None:
    with cluster(security=security(tmp_path), protocol="tls://", n_workers=1) as own:
        path = MASKS["grown"].write(tmp_path / "a.fits", GEOM, chunks=64, client=own)
    assert mx.verify(path, against=MASKS["grown"])


# ---- workers of one cluster are killed by test after test; it is the last to be made


def test_only_the_run_that_a_worker_died_of_goes_tile_by_tile(
    mortals: Callable[..., tuple[Any, list[int]]], tmp_path: Path
) -> None:
    # In one of the first tiles, so that most are left.
    here = mx.Catalog(SkyCoord(90, -80, unit="deg", frame="galactic"), "1 deg")
    mask = SOURCES | Fails(f"die once {tmp_path / 'died'}") & here
    own, _ = mortals()
    own.register_plugin(Seen(), name="tasks-run")
    path = mask.write(tmp_path / "a.fits", GEOM, chunks=10, client=own)
    assert (tmp_path / "died").exists()
    # Of a run there are 64 at most, and a part of what is left.
    assert 64 <= tasks_run(own) < mask.plan(GEOM, chunks=10).n_mixed / 2
    own.unregister_scheduler_plugin("tasks-run")
    assert mx.verify(path, against=SOURCES)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_worker_that_dies_while_it_is_sent_to_holds_up_nobody(
    is_first: bool, mortals: Callable[..., tuple[Any, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is sent to, or the other: to that dask's broadcast sends copies without end."""
    # Another mask each time, or it is sent already.
    many = mx.Catalog(positions(20_000 + is_first), "0.2 deg")
    geom = mx.WcsGeom.allsky(binsz=2)
    with dask.config.set(scheduler="threads"):
        want = int(many.count(geom))
    scatter, sendings = distributed.Client.scatter, []
    own, _ = mortals()
    # Nor has a worker to import first what it is sent.
    own.run(mx.get_limits)
    processes = own.run(os.getpid)
    # What is sent goes to one after the other.
    (one,) = own.who_has([own.scatter(is_first)]).popitem()[1]
    (victim,) = (number for address, number in processes.items() if (address != one) is is_first)

    def meanwhile(self: Any, *data: Any, **options: Any) -> Any:
        if not sendings:
            os.kill(victim, signal.SIGSTOP)
            threading.Timer(1.0, os.kill, (victim, signal.SIGKILL)).start()
        sendings.append(data)
        return scatter(self, *data, **options)

    monkeypatch.setattr(distributed.Client, "scatter", meanwhile)
    assert many.count(geom) == want
    assert victim not in own.run(os.getpid, on_error="ignore").values()
    assert len(sendings) == 1 + is_first


@pytest.mark.parametrize("name", MASKS if "MASKEXPR_FAULTS" in os.environ else ["grown", "components"])
def test_killed_workers_change_nothing(
    name: str, mortals: Callable[..., tuple[Any, list[int]]], tmp_path: Path
) -> None:
    rng, want, path = np.random.default_rng(len(name)), bits(MASKS[name]), tmp_path / "a.fits"

    def write(own: Any) -> float:
        begin = time.monotonic()
        MASKS[name].write(path, GEOM, chunks=16, client=own, overwrite=True)
        return time.monotonic() - begin

    own, workers = mortals()
    # The first write sends the mask, so the second says how long one takes.
    seconds = [write(own) for _ in range(2)][1]
    killed, attempts = 0, 0
    while killed < KILLS:
        victim = workers[int(rng.integers(2))]
        at = threading.Timer(rng.uniform(0, seconds), os.kill, (victim, signal.SIGKILL))
        at.start()
        write(own)
        # Of moments within the time that a write takes most are within the write.
        killed, attempts = killed + (not at.is_alive()), attempts + 1
        assert attempts < 10 * KILLS
        at.join()
        with dask.config.set(scheduler="threads"):
            assert np.array_equal(mx.read_mask(path).values, want)
        assert mx.verify(path)
        assert os.listdir(tmp_path) == [path.name]
        own, workers = mortals(victim)
