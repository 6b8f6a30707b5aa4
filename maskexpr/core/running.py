"""Run work over blocks on the threads of this process that dask is set to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dask._task_spec import Task
from dask.diagnostics.progress import ProgressBar
from dask.local import get_sync
from dask.threaded import get as get_threaded

from .threads import in_threads, number_of_threads

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
    if not progress:
        in_threads(work, blocks, number_of_threads())
        return
    get = get_sync if number_of_threads() == 1 else get_threaded
    graph = {("block", i): Task(("block", i), work, block) for i, block in enumerate(blocks)}
    with ProgressBar():  # type: ignore[no-untyped-call]
        get(graph, list(graph))
