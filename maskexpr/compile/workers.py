"""Owner computes: blocks of a mask are evaluated on the workers of a cluster, and what is made of each there
comes back.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Final, NamedTuple, NoReturn, Protocol
from uuid import uuid4

from dask._task_spec import DataNode, GraphNode, List, Task, TaskRef

from ..core.errors import MaskError, TileError, require
from ..core.heap import give_back_freed_memory, keep_freed_memory
from ..expr.describe import one_line
from ..expr.mask import Mask
from .cluster import LostError, Portion, forget, results, send
from .dask import BlockId, source_key
from .deaths import KilledRun, ends_by, killing, watch_deaths

__all__ = ["Evaluated", "Work", "on_workers"]

Work = Callable[[Any, BlockId, Sequence[Any], Any], Any]
"""What is made of a block of something, from what earlier tasks made for it and from what is given to all; it
pickles.
"""


class Evaluated(Protocol):
    """What blocks are evaluated of: a `Compiled`, or the like. It pickles."""

    @property
    def name(self) -> str: ...
    @property
    def mask(self) -> Mask: ...
    def where(self, block: BlockId) -> str: ...
    def stages(
        self, name: str, source: tuple[str, ...], blocks: Sequence[BlockId]
    ) -> tuple[dict[Any, Any], list[Any]]: ...


Pairs = list[tuple[BlockId, Any]]


class _Done(NamedTuple):
    """What a task has made, the blocks that it has not begun when its time was over, and what it took."""

    pairs: Pairs
    rest: list[BlockId]
    seconds: float


# Tiles are done in runs (guided self-scheduling): each is such a part of what is left for a thread, of so
# many tiles at most, and gives back after so many seconds what it has not begun. So tasks are few, and no
# thread waits for long at the end.
_PART: Final = 2
_MOST: Final = 64
_SECONDS: Final = 1.0
# Seconds that a run takes at least, if there is so much to do: some 5 ms are spent around each.
_SHORTEST: Final = 0.05
# What a run needs of steps over the whole map comes together where it is.
_MOST_STAGED: Final = 8
# How often what workers have lost is sent again, and seconds in which they end what they are at.
_ATTEMPTS: Final = 4
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.5


def on_workers(
    client: Any, source: Evaluated, blocks: Sequence[BlockId], work: Work, given: Any = None
) -> Generator[tuple[BlockId, Any]]:
    """Blocks with what is made of them on the workers of a cluster, as they come.

    When this ends, in whatever way, no task of it runs on any worker that can be reached: close it.

    Parameters
    ----------
    client : Client
        The cluster.
    source : Evaluated
        The mask; sent once.
    blocks : sequence of tuple of int
        Blocks of it that are not decided.
    work, given
        What is to be made of each block, and what it is given; small.

    Raises
    ------
    TileError
        If workers die of a block, or evaluating it fails; names the mask and the place.
    """
    if not blocks:
        return
    run, left, attempt, deaths = uuid4().hex[:12], dict.fromkeys(blocks), 1, 0
    suspects: frozenset[BlockId] = frozenset()
    watch_deaths(client)
    while True:
        name = f"{work.__name__.strip('_')}-{run}-{attempt}-{deaths}"
        try:
            with closing(_done(client, source, list(left), (work, given), name, suspects)) as pieces:
                for block, made in pieces:
                    del left[block]
                    yield block, made
            return
        except KilledRun as err:
            # Which of its tiles it was is found out by trying each in a task of its own; after another death
            # all: beside the run that kills an innocent one may have been at work on the same worker.
            deaths += 1
            suspects = frozenset(err.blocks if deaths == 1 else left)
        except LostError as err:
            if attempt == _ATTEMPTS:
                raise TileError(
                    f"{one_line(source.mask)}: the cluster lost what was sent to it {attempt} times: its "
                    f"workers die faster than they can be told what to do ({err})"
                ) from err
            forget(client, source_key(source.name))
            # Others are about to come.
            time.sleep(attempt * _PAUSE)
            attempt += 1
        finally:
            if client.status == "running":
                client.run(_halt, name, on_error="ignore")


def _done(
    client: Any,
    source: Evaluated,
    blocks: list[BlockId],
    job: tuple[Work, Any],
    name: str,
    suspects: frozenset[BlockId],
) -> Generator[tuple[BlockId, Any]]:
    """What one attempt makes of blocks, as it comes."""
    tasks = _Tasks(client, source, blocks, job, name, suspects)
    try:
        with closing(results(client, tasks.portion, tasks.threads)) as found:
            for _, done in found:
                tasks.take_back(done)
                yield from done.pairs
    except (MaskError, LostError):
        raise
    except Exception as err:
        if not hasattr(err, "task_key"):
            raise
        # A task that is none of these is a step over the whole map.
        some = tasks.some_of.get(err.task_key, [])
        died = isinstance(err, KilledRun | require("distributed", extra="distributed").KilledWorker)
        if died and len(some) > 1:
            raise KilledRun(str(err), some) from err
        raise _tile_error(err, source, some) from err


def _tile_error(err: Exception, source: Evaluated, blocks: list[BlockId]) -> TileError:
    where = _where(source, blocks)
    distributed: Any = require("distributed", extra="distributed")
    if isinstance(err, distributed.KilledWorker):
        return killing(where, err.allowed_failures + 1)
    return TileError(f"evaluating {where} failed: {type(err).__name__}: {err}")


def _where(source: Evaluated, blocks: list[BlockId]) -> str:
    if not blocks:
        return f"{one_line(source.mask)} on the whole map"
    return source.where(blocks[0]) + (f" and {len(blocks) - 1} tiles beside it" if len(blocks) > 1 else "")


class _Tasks:
    """The tasks of one attempt, in portions, as long as there are blocks.

    Attributes
    ----------
    blocks : deque of tuple of int
        Those that are in no task; suspects, which workers may have died of, are first, and each a task.
    some_of : dict
        Blocks of every task.
    threads : int
        Of all workers.
    """

    def __init__(
        self,
        client: Any,
        source: Evaluated,
        blocks: Sequence[BlockId],
        job: tuple[Work, Any],
        name: str,
        suspects: frozenset[BlockId] = frozenset(),
    ) -> None:
        self._suspects = suspects
        self.blocks = deque(sorted(blocks, key=lambda block: block not in suspects))
        self.some_of: dict[Any, list[BlockId]] = {}
        self._name = name
        self._source, self._place = source_key(source.name), f"{name}-given"
        self._shared: dict[Any, GraphNode] = {
            **send(client, self._source, source),
            self._place: DataNode(self._place, job),
        }
        self.threads: int = max(1, sum(client.nthreads().values()))
        self._number, self._seconds = 0, 0.0
        # Steps over the whole map are shared between tasks, so then there is one portion.
        self._stages, needs = source.stages(name, self._source, blocks)
        self._needs = dict(zip(blocks, needs, strict=True)) if self._stages else {}

    def portion(self) -> Portion | None:
        """The next tasks, one for every thread; None if there are no more blocks, now."""
        tasks: dict[Any, GraphNode] = {}
        while self.blocks and (self._stages or len(tasks) < self.threads):
            some = [self.blocks.popleft() for _ in range(self._length())]
            key = (self._name, len(self.some_of))
            made = List(*(self._needs[each] for each in some)) if self._stages else None
            seconds = math.inf if self._stages else _SECONDS
            job = (TaskRef(self._source), TaskRef(self._place))
            do = _work_on if len(some) > 1 else _work_on_one
            tasks[key] = Task(key, do, *job, self._name, some, made, seconds)
            self.some_of[key] = some
        return Portion({**self._shared, **self._stages, **tasks}, list(tasks)) if tasks else None

    def take_back(self, done: _Done) -> None:
        """What a task has left is done by others; how long it took for the rest says how much they get."""
        self.blocks.extend(done.rest)
        self._number += len(done.pairs)
        self._seconds += done.seconds

    def _length(self) -> int:
        """Blocks of the next task."""
        if self.blocks[0] in self._suspects:
            return 1
        left = len(self.blocks)
        least = int(_SHORTEST * self._number / self._seconds) if self._seconds else 1
        length = max(left // (_PART * self.threads), min(least, -(-left // self.threads)), 1)
        return min(length, _MOST_STAGED if self._stages else _MOST)


# ---- what runs on a worker

_running: Counter[str] = Counter()
_halted: dict[str, None] = {}
_changing = threading.Lock()


def _killed_run(
    number: int, source: Evaluated, job: Any, name: str, blocks: list[BlockId], *_: Any
) -> NoReturn:
    raise KilledRun(_where(source, blocks), blocks)


def _killed(number: int, source: Evaluated, job: Any, name: str, blocks: list[BlockId], *_: Any) -> NoReturn:
    raise killing(_where(source, blocks), number)


@ends_by(_killed_run, at_once=True)
def _work_on(
    source: Evaluated,
    job: tuple[Work, Any],
    name: str,
    blocks: list[BlockId],
    known: Sequence[Sequence[Any]] | None,
    seconds: float,
) -> _Done:
    """What is made of blocks, until the time is over."""
    (work, given), begin = job, time.monotonic()
    out: Pairs = []
    for i, block in enumerate(blocks):
        if out and time.monotonic() - begin > seconds:
            break
        with _at_work(name):
            out.append((block, work(source, block, known[i] if known else (), given)))
    return _Done(out, blocks[len(out) :], time.monotonic() - begin)


@ends_by(_killed)
def _work_on_one(*what: Any) -> _Done:
    """One block, whose task is tried as often as the cluster allows."""
    return _work_on(*what)


@contextmanager
def _at_work(name: str) -> Iterator[None]:
    with _changing:
        if name in _halted:
            raise TileError(f"{name} has ended; this tile is not wanted any more")
        _running[name] += 1
        keep_freed_memory(name)
    try:
        yield
    finally:
        with _changing:
            _running[name] -= 1
            # Of a run that has ended the last block to end may have taken longer than it was waited for.
            if name in _halted:
                _forget_idle(name)


def _forget_idle(name: str) -> None:
    """Let go of what is kept for a run that has no block at work here."""
    if not _running[name]:
        del _running[name]
        give_back_freed_memory(name)


async def _halt(name: str) -> None:
    """Let no block of a run begin on this worker any more, and wait for those that it is at."""
    with _changing:
        _halted[name] = None
        while len(_halted) > 1000:
            del _halted[next(iter(_halted))]
    end = time.monotonic() + _PATIENCE
    while _running[name] and time.monotonic() < end:
        await asyncio.sleep(0.01)
    with _changing:
        _forget_idle(name)
