"""Writing a large mask by the workers of a cluster, against the threads of this machine.

``python -m benchmarks.cluster CATALOGUE`` writes the sources of 4FGL on 648 million pixels to zarr, by two
workers of 1 GB and by two threads: each in a process of its own, for the memory of the client, then in turn
in one process, for the times.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import dask

import maskexpr as mx

WORKERS = 2
ROUNDS = 7
WAYS = ("threads", "cluster")


def main(how: str, catalogue: str) -> None:
    """One run, whose process is the client of the cluster, or several of both ways."""
    mask = mx.Catalog.read(catalogue, radius="0.3 deg")
    if how == "threads":
        print(f"{how:8} {_written(mask, None):6.2f} s", flush=True)
        return
    with _cluster() as client:
        if how == "cluster":
            seconds = _written(mask, client)
            # In kB on Linux.
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
            print(f"{how:8} {seconds:6.2f} s, {memory:4.0f} MB in the client", flush=True)
        else:
            _in_turn(mask, client)


@contextmanager
def _cluster() -> Iterator[Any]:
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "memory_limit": "1 GB", "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(n_workers=WORKERS, **options) as cluster, Client(cluster) as client:
        # What a worker imports is no part of it.
        client.run(_ready)
        yield client


def _ready() -> str:
    return mx.__version__


def _written(mask: mx.Mask, client: Any | None) -> float:
    """Seconds that it takes."""
    geom = mx.WcsGeom.allsky(binsz="0.01 deg", frame="galactic")
    with (
        tempfile.TemporaryDirectory() as folder,
        dask.config.set({} if client else {"scheduler": "threads", "num_workers": WORKERS}),
    ):
        start = time.perf_counter()
        mask.write(Path(folder) / "mask.zarr", geom, client=client)
        return time.perf_counter() - start


def _in_turn(mask: mx.Mask, client: Any) -> None:
    wall: dict[str, list[float]] = {way: [] for way in WAYS}
    busy: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            before = _processor(client)
            wall[way].append(_written(mask, client if way == "cluster" else None))
            busy[way].append(_processor(client) - before)
    for way in WAYS:
        print(
            f"{way:8} {median(wall[way]):6.2f} s (least {min(wall[way]):.2f}), "
            f"processor {median(busy[way]):.2f} s"
        )
    times = [median(each["cluster"]) / median(each["threads"]) for each in (wall, busy)]
    print(f"cluster / threads: {times[0]:.2f} of the medians, {times[1]:.2f} of processor time, ", end="")
    print(f"{min(wall['cluster']) / min(wall['threads']):.2f} of the least")


def _processor(client: Any) -> float:
    """Processor time so far, of the client and the workers."""
    return time.process_time() + sum(client.run(time.process_time).values())


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(sys.argv[2], sys.argv[1])
    elif len(sys.argv) == 2:
        for each in (*WAYS, "turns"):
            command = [sys.executable, "-m", "benchmarks.cluster", sys.argv[1], each]
            subprocess.run(command, check=True, env=os.environ)
    else:
        sys.exit(__doc__)
