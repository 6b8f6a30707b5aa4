"""The process that has a write done by a cluster is killed: `resume=True` ends what it began.

``MASKEXPR_FAULTS=n`` kills n clients of each kind and format at random moments, instead of one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.expr.mask import Mask
from tests.clusters import cluster
from tests.io.torn import fingerprint, journalled

distributed = pytest.importorskip("distributed", reason="needs dask.distributed")
psutil = pytest.importorskip("psutil", reason="comes with dask.distributed")

ROOT = Path(__file__).resolve().parents[2]
GEOM = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(120, 100), binsz=0.1)
CHUNK, TILES = 5, 24 * 20
KILLS = int(os.environ.get("MASKEXPR_FAULTS", 1))
SUFFIXES = [".zarr", ".fits"]
# Of two workers of one thread, each with a run of tiles.
IN_FLIGHT = 2 * 64


class Noted(Mask):
    """A leaf that takes its time, and notes the process and the place of each tile that it is asked for; not
    registered, or the law tests would find it.
    """

    tag = "test-noted"
    needs_grid = True
    notes = ""

    def __init__(self, notes: str) -> None:
        self._store(notes=notes)

    def fields(self) -> list[tuple[str, Any]]:
        return [("notes", self.notes)]

    def coverage(self, areas: Any, of: Any) -> Any:
        return np.ones(len(areas), np.uint8)

    def values(self, where: Any, of: Any) -> Any:
        window = where.window
        time.sleep(0.01)
        with open(self.notes, "a") as file:
            file.write(f"{os.getpid()} {window.y0} {window.x0}\n")
        y, x = np.ogrid[window.y0 : window.y1, window.x0 : window.x1]
        return np.asarray((y // 3 + x // 4) % 2 == 0)


def begin(path: str, notes: str, scheduler: str) -> None:
    """Write, in a process that is to be killed, by a cluster of its own or one that is there."""
    if scheduler:
        with distributed.Client(scheduler) as client:
            Noted(notes).write(path, GEOM, chunks=CHUNK, client=client)
    else:
        with cluster() as client:
            Noted(notes).write(path, GEOM, chunks=CHUNK, client=client)


class Run:
    """A product that a process has begun and did not live to publish.

    Attributes
    ----------
    known : int
        Tiles in its journal.
    noted : list of (str, str, str)
        Process and place of every tile that was evaluated, while it was written.
    """

    def __init__(self, folder: Path, suffix: str, after: int, scheduler: str = "") -> None:
        self.path, self.notes = folder / "there" / f"a{suffix}", folder / "notes"
        self.path.parent.mkdir(parents=True)
        self.mask = Noted(str(self.notes))
        call = f"begin({str(self.path)!r}, {str(self.notes)!r}, {scheduler!r})"
        writer = subprocess.Popen([sys.executable, "-c", f"from {__name__} import begin; {call}"], cwd=ROOT)
        while len(self.noted) < after:
            assert writer.poll() is None
            time.sleep(0.002)
        writer.kill()
        writer.wait()

    @property
    def noted(self) -> list[tuple[str, ...]]:
        text = self.notes.read_text() if self.notes.exists() else ""
        return [tuple(line.split()) for line in text.splitlines()]

    @property
    def known(self) -> int:
        return journalled(self.path.parent)

    def wait_for_workers(self) -> None:
        """Until no process that evaluated a tile is alive: it may be at one when its client is killed."""
        while any(is_alive(int(number)) for number, *_ in self.noted):
            time.sleep(0.05)

    def wait_for_silence(self) -> None:
        """Until nobody has evaluated a tile for a while."""
        number = -1
        while number != len(self.noted):
            number = len(self.noted)
            time.sleep(1)

    def check(self, client: Any) -> None:
        """The product is, to the last byte, that of a run that was not killed, and nothing lies beside it."""
        assert os.listdir(self.path.parent) == [self.path.name]
        clean = self.path.parent.with_name(f"clean{self.path.suffix}")
        assert fingerprint(self.path) == fingerprint(
            self.mask.write(clean, GEOM, chunks=CHUNK, client=client)
        )
        assert mx.verify(self.path)


def is_alive(number: int) -> bool:
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def moments(name: str) -> Iterator[int]:
    """After how many tiles a client is killed."""
    dice = random.Random(name)
    yield from (dice.randrange(TILES // 3, TILES - TILES // 8) for _ in range(KILLS))


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The client of a cluster that nobody kills."""
    with cluster() as client:
        yield client


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_client_is_killed_with_its_cluster(client: Any, suffix: str, tmp_path: Path) -> None:
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    for i, after in enumerate(moments(suffix)):
        run = Run(tmp_path / str(i), suffix, after)
        run.wait_for_workers()
        before, known = run.noted, run.known
        assert 0 < known <= len(before) < TILES
        run.notes.unlink()
        run.mask.write(run.path, GEOM, chunks=CHUNK, client=client, resume=True)
        again = [place for _, *place in run.noted]
        # What was told as done is not evaluated again, the rest once.
        assert len(again) == TILES - known
        assert len({tuple(place) for place in again}) == len(again)
        run.check(client)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_client_is_killed_and_its_cluster_works_on(client: Any, suffix: str, tmp_path: Path) -> None:
    """Workers that are at a tile of the dead write it, beside those that write for the living."""
    if suffix == ".zarr":
        pytest.importorskip("zarr")
    for i, after in enumerate(moments(f"{suffix} of others")):
        run = Run(tmp_path / str(i), suffix, after, client.scheduler.address)
        before, known = len(run.noted), run.known
        run.mask.write(run.path, GEOM, chunks=CHUNK, client=client, resume=True)
        assert len(run.noted) - before <= TILES - known + IN_FLIGHT
        run.wait_for_silence()
        run.check(client)
