"""Share work that lets go of the interpreter between threads, as many as dask is set to use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import dask
import dask.system
from dask._task_spec import Task
from dask.diagnostics.progress import ProgressBar
from dask.local import get_sync
from dask.threaded import get as get_threaded

__all__ = ["busy_threads", "in_threads", "number_of_threads", "run_blocks"]

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
    return int(dask.config.get("num_workers", None) or dask.system.CPU_COUNT)


def busy_threads() -> int:
    """How many of them have a core, where work waits for nothing else: more only take the interpreter's lock
    from each other.

    Examples
    --------
    >>> with dask.config.set(num_workers=1):
    ...     busy_threads()
    1
    """
    return min(number_of_threads(), dask.system.CPU_COUNT)


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


def run_blocks(
    work: Callable[[S], None], blocks: Sequence[S], progress: bool = False, threads: int | None = None
) -> None:
    """Do some work for every block, on threads that share memory and open files.

    Follows ``dask.config.set(num_workers=)`` unless it is told how many ``threads``; where dask is set to run
    synchronously there are none.

    Parameters
    ----------
    work : callable
        Does one block; returns nothing.
    progress : bool
        Show dask's progress bar.
    """
    if not progress:
        in_threads(work, blocks, number_of_threads() if threads is None else threads)
        return
    get = get_sync if number_of_threads() == 1 else get_threaded
    graph = {("block", i): Task(("block", i), work, block) for i, block in enumerate(blocks)}
    with ProgressBar():  # type: ignore[no-untyped-call]
        get(graph, list(graph))
