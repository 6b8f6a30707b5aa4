"""What a worker of dask frees, it gets again while tasks of ours run; counted in pages."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ROUNDS = 20
# Below those for which NumPy asks for huge pages.
SIZE = 3_000_000

SCRIPT = f"""
import resource
import numpy as np
from maskexpr.core.heap import give_back_freed_memory, keep_freed_memory

def pages():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def held():
    return int(open("/proc/self/statm").read().split()[1])

def touched():
    before = pages()
    for _ in range({ROUNDS}):
        np.ones({SIZE}, bool)
    return pages() - before

touched()
before = touched()
keep_freed_memory("a")
keep_freed_memory("b")
keep_freed_memory("b")
touched()
kept, most = touched(), held()
give_back_freed_memory("a")
still = touched()
give_back_freed_memory("b")
give_back_freed_memory("b")
print(before, kept, still, most - held())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="malloc of glibc, pages of Linux")
@pytest.mark.parametrize("by_dask", [True, False])
def test_pages_that_are_touched(by_dask: bool) -> None:
    if not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""):
        pytest.skip("malloc is not glibc's")
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MALLOC_")}
    if by_dask:
        environment["MALLOC_TRIM_THRESHOLD_"] = "65536"
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    before, kept, still, given_back = map(int, done.stdout.split())
    whole = ROUNDS * SIZE // 4096
    assert kept < whole / 20
    assert still < whole / 20
    if by_dask:
        assert before > whole / 2
        assert given_back > SIZE / 4096 / 2
    else:
        # glibc adapts by itself, and nothing is changed.
        assert before < whole / 20
