"""The machine: what it is, what is installed, and the limits that no program can beat on it."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from astropy.wcs import WCS

import maskexpr as mx

from .harness import THREADS, back_memory

__all__ = ["limits", "machine", "versions"]

_PACKAGES = (
    "maskexpr",
    "numpy",
    "scipy",
    "astropy",
    "regions",
    "xarray",
    "dask",
    "zarr",
    "numba",
    "gammapy",
    "mocpy",
    "healsparse",
    "hpgeom",
    "pixell",
    "dask-image",
    "scikit-image",
    "opencv-python-headless",
    "edt",
    "connected-components-3d",
)


def machine() -> str:
    """Cores, memory, system and Python; nothing that names the machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB of memory, {platform.system()}, "
        f"Python {sys.version.split()[0]}; {THREADS} threads for every system"
    )


def versions() -> str:
    """What is installed."""
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def limits(small: bool = False) -> dict[str, float]:
    """Rates of this machine: bytes a second to memory, pixels a second from wcslib.

    Returns
    -------
    dict
        ``fill``: bytes/s into new memory on one thread; ``refill``: into memory that the process has, on both
        threads; ``CAR``, ``AIT``, ``TAN``: wcslib's pixel to sky, pixels/s on one thread.
    """
    size = 1 << (22 if small else 29)
    back_memory(size)
    found = {"fill": size / _best(lambda: np.full(size, True), 3)}
    parts = np.array_split(np.zeros(size, dtype=bool), THREADS)
    with ThreadPoolExecutor(THREADS) as pool:
        found["refill"] = size / _best(lambda: list(pool.map(lambda part: part.fill(True), parts)), 3)
    side = 100 if small else 1000
    for proj in ("CAR", "AIT", "TAN"):
        wcs = WCS(mx.WcsGeom.create(npix=(side, side), binsz=0.05, proj=proj).to_header())
        y, x = (each.ravel().astype(float) for each in np.indices((side, side)))
        found[proj] = side * side / _best(lambda w=wcs, a=x, b=y: w.wcs_pix2world(a, b, 0), 3)
    return found


def _best(job: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        job()
        taken.append(time.perf_counter() - start)
    return min(taken)
