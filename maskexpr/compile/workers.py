"""Owner computes: blocks of a mask are evaluated on the workers of a cluster, and what is made of each there
comes back.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from math import prod
from typing import Any, Final
from uuid import uuid4

from dask._task_spec import DataNode, GraphNode, List, Task, TaskRef

from ..core.errors import MaskError, TileError, require
from ..expr.describe import one_line
from .cluster import LostError, Portion, results, send
from .compiled import Compiled
from .dask import BlockId, source_key

__all__ = ["Work", "on_workers"]

Work = Callable[[Compiled, BlockId, Sequence[Any], Any], Any]
"""What is made of a block, from what earlier tasks made for it and from what is given to all; it pickles."""
Pairs = list[tuple[BlockId, Any]]

# Small tiles are done several in a task, up to so many pixels, where that leaves every thread so many tasks.
_PIXELS: Final = 1 << 22
_TASKS_A_THREAD: Final = 8
_PORTION: Final = 256
# How often what workers have lost is sent again, and seconds in which they end what they are at.
_ATTEMPTS: Final = 4
_PATIENCE: Final = 60.0
_PAUSE: Final = 0.5


def on_workers(
    client: Any, compiled: Compiled, blocks: Sequence[BlockId], work: Work, given: Any = None
) -> Generator[tuple[BlockId, Any]]:
    """Blocks with what is made of them on the workers of a cluster, as they come.

    When this ends, in whatever way, no task of it runs on any worker that can be reached: close it.

    Parameters
    ----------
    client : Client
        The cluster.
    compiled : Compiled
        The mask; sent once.
    blocks : sequence of tuple of int
        Blocks that are not decided.
    work, given
        What is to be made of each block, and what it is given; small.

    Raises
    ------
    TileError
        If workers die of a block, or evaluating it fails; names the mask and the place.
    """
    run, left = uuid4().hex[:12], dict.fromkeys(blocks)
    for attempt in range(1, _ATTEMPTS + 1):
        name = f"{work.__name__.strip('_')}-{run}-{attempt}"
        try:
            with closing(_done(client, compiled, list(left), work, given, name)) as pieces:
                for block, made in pieces:
                    del left[block]
                    yield block, made
            return
        except LostError as err:
            if attempt == _ATTEMPTS:
                raise TileError(
                    f"{one_line(compiled.mask)}: the cluster lost what was sent to it {attempt} times: its "
                    f"workers die faster than they can be told what to do ({err})"
                ) from err
            # Others are about to come.
            time.sleep(attempt * _PAUSE)
        finally:
            if client.status == "running":
                client.run(_halt, name, on_error="ignore")


def _done(
    client: Any, compiled: Compiled, blocks: list[BlockId], work: Work, given: Any, name: str
) -> Generator[tuple[BlockId, Any]]:
    """What one attempt makes of blocks, as it comes."""
    some_of: dict[Any, list[BlockId]] = {}
    portions = _portions(client, compiled, blocks, (work, given), name, some_of)
    try:
        with closing(results(client, portions)) as found:
            for _, pairs in found:
                yield from pairs
    except (MaskError, LostError):
        raise
    except Exception as err:
        some = some_of.get(getattr(err, "task_key", None))
        if some is None:
            raise
        raise _tile_error(err, compiled, some) from err


def _tile_error(err: Exception, compiled: Compiled, blocks: list[BlockId]) -> TileError:
    scheduler: Any = require("distributed.scheduler", extra="distributed")
    where = f"{one_line(compiled.mask)} on {compiled.window(blocks[0])}"
    if len(blocks) > 1:
        where += f" and {len(blocks) - 1} tiles beside it"
    if isinstance(err, scheduler.KilledWorker):
        return TileError(
            f"evaluating {where} killed {err.allowed_failures + 1} workers, one after the other: most likely "
            "it needs more memory than a worker has; give smaller chunks=, fewer threads a worker, or more "
            "memory (mask.plan(geom).projected_memory says what the threads of this machine would take)"
        )
    return TileError(f"evaluating {where} failed: {type(err).__name__}: {err}")


def _portions(
    client: Any,
    compiled: Compiled,
    blocks: list[BlockId],
    job: tuple[Work, Any],
    name: str,
    some_of: dict[Any, list[BlockId]],
) -> Iterator[Portion]:
    """The tasks, in portions; which blocks each is of is noted in ``some_of``."""
    source, place = source_key(compiled.name), f"{name}-given"
    shared: dict[Any, GraphNode] = {**send(client, source, compiled), place: DataNode(place, job)}
    stages, needs = compiled.stages(name, source, blocks)
    known = dict(zip(blocks, needs, strict=True))
    number = _tiles_a_task(compiled, len(blocks), sum(client.nthreads().values()))
    tasks: dict[Any, GraphNode] = {}
    for i in range(0, len(blocks), number):
        some, key = blocks[i : i + number], (name, i)
        made = List(*(known[each] for each in some)) if stages else [()] * len(some)
        tasks[key] = Task(key, _work_on, TaskRef(source), TaskRef(place), name, some, made)
        some_of[key] = some
        # Steps over the whole map are shared between portions, so then there is one.
        if len(tasks) == _PORTION and not stages:
            yield Portion({**shared, **tasks}, list(tasks))
            tasks = {}
    if tasks:
        yield Portion({**shared, **stages, **tasks}, list(tasks))


def _tiles_a_task(compiled: Compiled, number: int, threads: int) -> int:
    pixels = prod(max(sizes) for sizes in compiled.chunks)
    return max(1, min(number // (_TASKS_A_THREAD * max(1, threads)), _PIXELS // pixels))


# ---- what runs on a worker

_running: Counter[str] = Counter()
_halted: dict[str, None] = {}
_changing = threading.Lock()


def _work_on(
    compiled: Compiled,
    job: tuple[Work, Any],
    name: str,
    blocks: list[BlockId],
    known: Sequence[Sequence[Any]],
) -> Pairs:
    work, given = job
    out: Pairs = []
    for block, some in zip(blocks, known, strict=True):
        with _at_work(name):
            out.append((block, work(compiled, block, some, given)))
    return out


@contextmanager
def _at_work(name: str) -> Iterator[None]:
    with _changing:
        if name in _halted:
            raise TileError(f"{name} has ended; this tile is not wanted any more")
        _running[name] += 1
    try:
        yield
    finally:
        with _changing:
            _running[name] -= 1


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
        if not _running[name]:
            del _running[name]
