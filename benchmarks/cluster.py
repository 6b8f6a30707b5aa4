"""Writing a large mask by the workers of a cluster, against the threads of this machine.

``python -m benchmarks.cluster CATALOGUE`` writes the sources of 4FGL on 648 million pixels to zarr, by two
workers of 1 GB and by two threads, each twice in a process of its own, and prints a line for each.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dask

import maskexpr as mx

WORKERS = 2
RUNS = 2


def main(how: str, catalogue: str) -> None:
    """One run, whose process is the client of the cluster."""
    mask = mx.Catalog.read(catalogue, radius="0.3 deg")
    geom = mx.WcsGeom.allsky(binsz="0.01 deg", frame="galactic")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.zarr"
        if how == "threads":
            with dask.config.set(scheduler="threads", num_workers=WORKERS):
                seconds = _written(mask, path, geom)
        else:
            from distributed import Client, LocalCluster

            with (
                LocalCluster(
                    n_workers=WORKERS, threads_per_worker=1, memory_limit="1 GB", dashboard_address=None
                ) as cluster,
                Client(cluster) as client,
            ):
                # What a worker imports is no part of it.
                client.run(_ready)
                seconds = _written(mask, path, geom)
        n_selected = mx.info(path).n_selected
    # In kB on Linux.
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(f"{how:8} {seconds:6.2f} s, {memory:4.0f} MB in the client, {n_selected:,} pixels", flush=True)


def _ready() -> str:
    return mx.__version__


def _written(mask: mx.Mask, path: Path, geom: mx.WcsGeom) -> float:
    start = time.perf_counter()
    mask.write(path, geom)
    return time.perf_counter() - start


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(sys.argv[2], sys.argv[1])
    elif len(sys.argv) == 2:
        for _ in range(RUNS):
            for each in ("threads", "cluster"):
                command = [sys.executable, "-m", "benchmarks.cluster", sys.argv[1], each]
                subprocess.run(command, check=True, env=os.environ)
    else:
        sys.exit(__doc__)
