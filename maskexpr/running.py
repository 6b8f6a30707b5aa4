"""Run work over blocks on the threads of this process that dask is set to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext

import dask
from dask.base import compute
from dask.delayed import delayed
from dask.diagnostics.progress import ProgressBar

__all__ = ["run_blocks"]

Block = tuple[int, ...]


def run_blocks(work: Callable[[Block], None], blocks: Sequence[Block], progress: bool = False) -> None:
    """Do some work for every block, on threads that share memory and open files.

    Follows ``dask.config.set(num_workers=)``; where dask is set to run synchronously there are no threads.

    Parameters
    ----------
    work : callable
        Does one block; returns nothing.
    blocks : sequence of tuple of int
        The blocks.
    progress : bool
        Show dask's progress bar.
    """
    chosen = dask.config.get("scheduler", None)
    scheduler = "synchronous" if chosen in ("sync", "synchronous", "single-threaded") else "threads"
    tasks = [delayed(work, pure=False, traverse=False)(block) for block in blocks]
    with ProgressBar() if progress else nullcontext():  # type: ignore[no-untyped-call]
        compute(*tasks, scheduler=scheduler, optimize_graph=False)  # type: ignore[no-untyped-call]
