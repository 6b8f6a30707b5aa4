"""Share work that lets go of the interpreter between threads, as many as dask is set to use."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import dask
from dask._task_spec import Task
from dask.diagnostics.progress import ProgressBar
from dask.local import get_sync
from dask.threaded import get as get_threaded

__all__ = ["in_threads", "number_of_threads", "run_blocks"]

S = TypeVar("S")
T = TypeVar("T")


def number_of_threads() -> int:
    """How many threads dask is set to use; one where it is set to run synchronously.

    Examples
    --------
    >>> with dask.config.set(num_workers=3):
    ...     number_of_threads()
    3
    """
    if dask.config.get("scheduler", None) in ("sync", "synchronous", "single-threaded"):
        return 1
    return int(dask.config.get("num_workers", None) or os.cpu_count() or 1)


def in_threads(work: Callable[[S], T], pieces: Sequence[S], threads: int) -> list[T]:
    """The results of some work on pieces, in order, by no more than so many threads.

    Examples
    --------
    >>> in_threads(abs, [1, -2, 3], 2)
    [1, 2, 3]
    """
    threads = min(threads, len(pieces))
    if threads <= 1:
        return [work(each) for each in pieces]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, pieces))


def run_blocks(work: Callable[[S], None], blocks: Sequence[S], progress: bool = False) -> None:
    """Do some work for every block, on threads that share memory and open files.

    Follows ``dask.config.set(num_workers=)``; where dask is set to run synchronously there are no threads.

    Parameters
    ----------
    work : callable
        Does one block; returns nothing.
    progress : bool
        Show dask's progress bar.
    """
    if not progress:
        in_threads(work, blocks, number_of_threads())
        return
    get = get_sync if number_of_threads() == 1 else get_threaded
    graph = {("block", i): Task(("block", i), work, block) for i, block in enumerate(blocks)}
    with ProgressBar():  # type: ignore[no-untyped-call]
        get(graph, list(graph))
