"""What ``import maskexpr`` adds to the imports that its users have anyway."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LIMIT", "Bar", "import_bar"]

LIMIT = 0.3
"""Seconds."""

_ROOT = Path(__file__).resolve().parent.parent
_CODE = """
import time
import xarray, dask.array, astropy.wcs
start = time.perf_counter()
import maskexpr
print(time.perf_counter() - start)
"""


@dataclass(frozen=True)
class Bar:
    """A figure in words, and whether it is within its limit."""

    text: str
    holds: bool


def import_bar(times: int = 5) -> Bar:
    """Median of a few new processes, after one that compiles the modules, as an installation does."""
    taken = []
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        environment["PYTHONPYCACHEPREFIX"] = folder
        for _ in range(times + 1):
            done = subprocess.run(
                [sys.executable, "-c", _CODE],
                cwd=_ROOT,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            taken.append(float(done.stdout))
    median = statistics.median(taken[1:])
    text = (
        f"`import maskexpr` after `import xarray, dask.array, astropy.wcs`: {1000 * median:.0f} ms "
        f"({1000 * min(taken[1:]):.0f} to {1000 * max(taken[1:]):.0f}), at most {1000 * LIMIT:.0f} ms: "
        f"{'met' if median <= LIMIT else 'MISSED'}."
    )
    return Bar(text, median <= LIMIT)
