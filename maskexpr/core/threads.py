"""Share work that lets go of the interpreter between threads, as many as dask is set to use."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from itertools import chain
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import dask
import dask.system
import dask.threaded
from dask._task_spec import Task
from dask.diagnostics.progress import ProgressBar
from dask.local import get_sync
from dask.threaded import get as get_threaded

from .errors import MaskValueError

__all__ = [
    "LONG",
    "Turns",
    "at_most",
    "busy_threads",
    "in_slices",
    "in_threads",
    "number_of_threads",
    "run_blocks",
    "threads_of_pool",
]

LONG: Final = 1 << 20
"""Pixels of work by threads with processors of their own: of less, to move threads takes longer than it
gains, most of all where other programs keep the processors busy.
"""

S = TypeVar("S")
T = TypeVar("T")

# Numbers of a slice: they stay in the cache of a core, and take longer than it takes to change threads.
_SLICE: Final = 1 << 16
# Threads of one process can be placed on processors by Linux alone.
_CAN_PLACE: Final = hasattr(os, "sched_setaffinity")
# Processors of which threads are given a share: where there are more, one that is woken has more places to
# go to, and several processes would crowd on the first.
_FEW: Final = 4
# What this thread has been told: how many threads its work may take, the processors of all of them.
_here = threading.local()


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
    number = int(dask.config.get("num_workers", None) or dask.system.CPU_COUNT)
    if number < 1:
        raise MaskValueError(f"dask's num_workers is {number}: at least one thread has to work")
    return number


def busy_threads() -> int:
    """How many of them have a core, where work waits for nothing else: more only take the interpreter's lock
    from each other.

    Examples
    --------
    >>> with dask.config.set(num_workers=1):
    ...     busy_threads()
    1
    """
    return min(number_of_threads(), dask.system.CPU_COUNT, getattr(_here, "most", sys.maxsize))


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """While what this thread does, and those that it starts, counts as busy so many threads at most.

    Examples
    --------
    >>> with at_most(1):
    ...     busy_threads()
    1
    """
    before = getattr(_here, "most", sys.maxsize)
    _here.most = min(threads, before)
    try:
        yield
    finally:
        _here.most = before


def threads_of_pool() -> int:
    """How many threads dask computes by at present, asked in one of them; 1 where this is none of a pool that
    it knows.

    Examples
    --------
    >>> threads_of_pool()
    1
    """
    prefix, _, _ = threading.current_thread().name.rpartition("_")
    pools: list[Any] = [dask.threaded.default_pool, dask.config.get("pool", None)]
    with dask.threaded.pools_lock:
        pools += chain.from_iterable(of_thread.values() for of_thread in dask.threaded.pools.values())
    # A thread may run before its pool has it on its list, but is called by the pool's name from the first.
    mine = (each for each in pools if getattr(each, "_thread_name_prefix", None) == prefix)
    return min((pool._max_workers for pool in mine), default=1)


def in_threads(work: Callable[[S], T], pieces: Sequence[S], threads: int, apart: bool = False) -> list[T]:
    """The results of some work on pieces, in order, by no more than so many threads.

    Parameters
    ----------
    apart : bool
        Whether these run on processors of their own, see `Turns`: for work that starts no threads of another
        library, which would stay there.

    Examples
    --------
    >>> in_threads(abs, [1, -2, 3], 2)
    [1, 2, 3]
    """
    threads = min(threads, len(pieces))
    if threads <= 1:
        return [work(each) for each in pieces]
    todo, turns = deque(enumerate(pieces)), Turns(threads) if apart else None
    found: dict[int, T] = {}
    failed: dict[int, BaseException] = {}
    most = getattr(_here, "most", sys.maxsize)

    def take() -> None:
        with at_most(most), nullcontext() if turns is None else turns.turn():
            while True:
                try:
                    i, piece = todo.popleft()
                except IndexError:
                    return
                try:
                    found[i] = work(piece)
                except BaseException as error:
                    todo.clear()
                    failed[i] = error

    with ThreadPoolExecutor(threads - 1) as pool:
        try:
            for _ in range(threads - 1):
                pool.submit(take)
            # The thread that asks works too, so that it need not be woken in the end.
            take()
        finally:
            todo.clear()
    if failed:
        try:
            raise failed[min(failed)]
        finally:
            # Its frames hold this dict, and arrays.
            failed.clear()
    return [found[i] for i in range(len(pieces))]


def in_slices(work: Callable[[slice], T], number: int) -> list[T]:
    """The results of some work on slices of so many things, in order, by threads where there are many.

    Examples
    --------
    >>> in_slices(lambda some: some.stop - some.start, 100_000)
    [65536, 34464]
    """
    slices = [slice(i, min(i + _SLICE, number)) for i in range(0, max(number, 1), _SLICE)]
    return in_threads(work, slices, busy_threads(), apart=True)


class Turns:
    """Turns of threads that work at the same time, each on processors of its own while it has one.

    Threads pass the interpreter's lock to each other. Linux moves one that is woken to the processor of the
    one that wakes it when all others seem busy, and those of a virtual machine seem so while they sleep: two
    threads then share a processor for about 10 ms, which is longer than many masks take.

    Parameters
    ----------
    number : int
        How many threads may have a turn at a time; others wait.
    apart : bool
        Whether they are placed on processors.

    Examples
    --------
    >>> with Turns(2).turn():
    ...     pass
    """

    def __init__(self, number: int, apart: bool = True) -> None:
        self._allowed = _allowed() if apart else frozenset()
        cores = sorted(self._allowed) if max(number, 2) <= len(self._allowed) <= _FEW else []
        # Not the same ones first in every process.
        first = os.getpid() % len(cores) if cores else 0
        cores = cores[first:] + cores[:first]
        self._free: SimpleQueue[list[int]] = SimpleQueue()
        for i in range(number):
            self._free.put(cores[i::number])

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While the thread that asks has a turn."""
        share = self._free.get()
        try:
            with _placed(share, self._allowed) if share else nullcontext():
                yield
        finally:
            self._free.put(share)


def _allowed() -> frozenset[int]:
    """Processors on which threads may be placed: of a thread that has a turn, those of all that have."""
    known: frozenset[int] | None = getattr(_here, "allowed", None)
    if known is None:
        known = frozenset(os.sched_getaffinity(0)) if _CAN_PLACE else frozenset()
    return known


@contextmanager
def _placed(share: list[int], allowed: frozenset[int]) -> Iterator[None]:
    """While this thread runs on a share of some processors, if the system lets it."""
    before, outer = os.sched_getaffinity(0), getattr(_here, "allowed", None)
    _here.allowed = allowed
    try:
        with suppress(OSError):
            os.sched_setaffinity(0, share)
        yield
    finally:
        _here.allowed = outer
        with suppress(OSError):
            os.sched_setaffinity(0, before)


def run_blocks(
    work: Callable[[S], None],
    blocks: Sequence[S],
    progress: bool = False,
    threads: int | None = None,
    apart: bool = False,
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
    apart : bool
        See `in_threads`.
    """
    if not progress:
        in_threads(work, blocks, number_of_threads() if threads is None else threads, apart)
        return
    get = get_sync if number_of_threads() == 1 else get_threaded
    graph = {("block", i): Task(("block", i), work, block) for i, block in enumerate(blocks)}
    with ProgressBar():  # type: ignore[no-untyped-call]
        get(graph, list(graph))
