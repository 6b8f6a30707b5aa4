"""The memory of writing a map of 648 million pixels to a file, beside what the plan promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import astropy.units as u
import dask
import numpy as np

import maskexpr as mx

from .harness import THREADS, limited, peak_of
from .imports import Bar
from .inputs import fermi
from .report import bytes_of, times

__all__ = ["LIMIT", "measure_write", "memory_bars"]

LIMIT = 600e6
"""Bytes that a process which writes the mask may have at most."""

_ROOT = Path(__file__).resolve().parent.parent


def measure_write(suffix: str, chunk: int, small: bool) -> dict[str, int]:
    """Write the 4FGL mask in this process; its memory before and at most, and what the plan said."""
    binsz, radius = (1.0, 3 * u.deg) if small else (0.01, 0.3 * u.deg)
    geom = mx.WcsGeom.allsky(binsz=binsz, frame="galactic")
    mask = mx.Catalog(fermi(np.random.default_rng(0), small), radius)
    chunks = chunk or "auto"
    with dask.config.set(scheduler="threads", num_workers=THREADS), tempfile.TemporaryDirectory() as folder:
        plan = mask.plan(geom, chunks)
        before = peak_of()
        mask.write(Path(folder) / f"mask{suffix}", geom, chunks=chunks)
    return {"before": before, "peak": peak_of(), "projected": plan.projected_memory, "tiles": plan.n_tiles}


def memory_bars(small: bool = False) -> Bar:
    """Each format, with three sizes of tiles, in a process of its own."""
    rows, holds = (
        [("file", "tile", "tiles", "peak", "of that by writing", "projected_memory", "verdict")],
        True,
    )
    for suffix in (".zarr", ".fits"):
        for chunk in (0,) if small else (0, 512, 4096):
            found = _in_process(suffix, chunk, small)
            grown = found["peak"] - found["before"]
            within = found["peak"] <= LIMIT and grown <= found["projected"]
            # Large tiles are the user's choice, and take what the plan says.
            judged = chunk < 4096
            holds &= within or not judged
            verdict = "met" if within else "MISSED" if judged else "above the bar, as planned"
            figures = [bytes_of(found["peak"]), bytes_of(grown), bytes_of(found["projected"])]
            rows.append((suffix, str(chunk or "auto"), f"{found['tiles']:,}", *figures, verdict))
    text = f"At most {bytes_of(LIMIT)} for the whole process; what writing adds at most `projected_memory`."
    return Bar(f"{text}\n\n{times(rows)}", holds)


def _in_process(suffix: str, chunk: int, small: bool) -> dict[str, int]:
    call = f"measure_write({suffix!r}, {chunk}, {small})"
    code = f"import json; from benchmarks.memory import measure_write; print(json.dumps({call}))"
    environment = limited(dict(os.environ))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"writing {suffix} failed:\n{done.stderr[-2000:]}")
    found: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return found
