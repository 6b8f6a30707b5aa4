"""Owner computes: workers of a cluster evaluate tiles and store what they evaluated themselves.

Only records of the manifest come back. Where a worker does not see the folder in which the output is made,
the bits of its tiles do, compressed, and are stored here.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from math import prod
from typing import Any, Final, NamedTuple
from uuid import uuid4

import numpy as np
from dask._task_spec import DataNode, GraphNode, List, Task, TaskRef

from ..compile.cluster import LostError, Portion, results, send
from ..compile.compiled import Compiled
from ..compile.dask import source_key
from ..core.errors import MaskError, TileError, WriteError, require
from ..expr.describe import one_line
from ..expr.mask import Bools
from ..io.manifest import TileRecord
from ..io.writer import MaskWriter
from .patch import patch_of
from .reuse import ReusedTiles

__all__ = ["Sink", "write_on_workers"]

Block = tuple[int, ...]

# Small tiles are done several in a task, up to so many pixels, where that leaves every thread so many tasks.
_PIXELS: Final = 1 << 22
_TASKS_A_THREAD: Final = 8
_PORTION: Final = 256
# How often what workers have lost is sent again, and seconds in which they end what they are at.
_ATTEMPTS: Final = 4
_PATIENCE: Final = 60.0


class Sink(NamedTuple):
    """Where tiles go: to a writer, and the store of tiles that is looked in first. It travels."""

    writer: MaskWriter
    kept: ReusedTiles | None

    def take(self, compiled: Compiled, block: Block) -> list[TileRecord]:
        """Evaluate one block and write it."""
        return self.writer.put(patch_of(compiled, block, self.values(compiled, block)))

    def values(self, compiled: Compiled, block: Block, known: Sequence[Any] = ()) -> Bools:
        """Values of a block, from what earlier tasks made for it."""
        if self.kept is None:
            return compiled.compute(block, known)
        return self.kept.values(compiled, block, known)


class _Packed(NamedTuple):
    """Values of a block, as they travel."""

    block: Block
    shape: tuple[int, ...]
    bits: bytes

    @classmethod
    def of(cls, block: Block, values: Bools) -> _Packed:
        return cls(block, values.shape, zlib.compress(np.packbits(values).data, 1))

    def values(self) -> Bools:
        bits = np.frombuffer(zlib.decompress(self.bits), np.uint8)
        return np.unpackbits(bits, count=prod(self.shape)).reshape(self.shape).view(np.bool_)


def write_on_workers(
    client: Any,
    compiled: Compiled,
    writer: MaskWriter,
    kept: ReusedTiles | None,
    blocks: Sequence[Block],
    progress: bool = False,
) -> None:
    """Evaluate blocks on the workers of a cluster, and let them store what they can.

    When this ends, in whatever way, no task of it runs on any worker that can be reached.

    Raises
    ------
    TileError
        If workers die of a tile.
    """
    run = uuid4().hex[:12]
    sink = Sink(writer, kept)
    left, bar = dict.fromkeys(blocks), _Bar(len(blocks), progress)
    for attempt in range(1, _ATTEMPTS + 1):
        name = f"mask-write-{run}-{attempt}"
        try:
            with closing(_done(client, compiled, sink, list(left), name)) as pieces:
                for block, made in pieces:
                    if isinstance(made, _Packed):
                        made = writer.put(patch_of(compiled, block, made.values()))
                    writer.note(made)
                    del left[block]
                    bar.draw(len(blocks) - len(left))
            return
        except LostError as err:
            if attempt == _ATTEMPTS:
                raise TileError(
                    f"writing {writer.path}: the cluster lost what was sent to it {attempt} times ({err}): "
                    "its workers die faster than they can be told what to do"
                ) from err
        finally:
            _halt(client, name)


class _Bar:
    """A line that says how many tiles there are."""

    def __init__(self, number: int, is_shown: bool) -> None:
        self._number = number
        self._is_shown = is_shown and number > 0
        self._last = -1

    def draw(self, done: int) -> None:
        """Draw the bar anew, where it has changed."""
        long = 40 * done // max(1, self._number)
        if self._is_shown and (long != self._last or done == self._number):
            self._last, end = long, "\n" if done == self._number else ""
            sys.stdout.write(f"\r[{'#' * long:<40}] | {done:,} of {self._number:,} tiles{end}")
            sys.stdout.flush()


def _done(
    client: Any, compiled: Compiled, sink: Sink, blocks: list[Block], name: str
) -> Generator[tuple[Block, Any]]:
    """What tasks return of each block, as they come."""
    some_of: dict[Any, list[Block]] = {}
    try:
        with closing(results(client, _portions(client, compiled, sink, blocks, name, some_of))) as found:
            for _, done in found:
                yield from done
    except (MaskError, LostError):
        raise
    except Exception as err:
        some = some_of.get(getattr(err, "task_key", None))
        if some is None:
            raise
        raise _tile_error(err, compiled, some) from err


def _tile_error(err: Exception, compiled: Compiled, blocks: list[Block]) -> TileError:
    distributed: Any = require("distributed.scheduler", extra="distributed")
    where = f"{one_line(compiled.mask)} on {compiled.window(blocks[0])}"
    if len(blocks) > 1:
        where += f" and {len(blocks) - 1} tiles beside it"
    if isinstance(err, distributed.KilledWorker):
        return TileError(
            f"evaluating {where} killed {err.allowed_failures + 1} workers, one after the other: most likely "
            "it needs more memory than a worker has; give smaller chunks=, fewer threads a worker, or more "
            "memory (mask.plan(geom).projected_memory says what the threads of this machine would take)"
        )
    return TileError(f"evaluating {where} failed: {type(err).__name__}: {err}")


def _portions(
    client: Any,
    compiled: Compiled,
    sink: Sink,
    blocks: list[Block],
    name: str,
    some_of: dict[Any, list[Block]],
) -> Iterator[Portion]:
    """The tasks, in portions; which blocks each is of is noted in ``some_of``."""
    source, place = source_key(compiled.name), f"{name}-sink"
    shared: dict[Any, GraphNode] = {**send(client, source, compiled), place: DataNode(place, sink)}
    stages, needs = compiled.stages(name, source, blocks)
    known = dict(zip(blocks, needs, strict=True))
    number = _tiles_a_task(compiled, len(blocks), sum(client.nthreads().values()))
    tasks: dict[Any, GraphNode] = {}
    for i in range(0, len(blocks), number):
        some, key = blocks[i : i + number], (name, i)
        made = List(*(known[each] for each in some)) if stages else [()] * len(some)
        tasks[key] = Task(key, _write_tiles, TaskRef(source), TaskRef(place), name, some, made)
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


def _write_tiles(
    compiled: Compiled, sink: Sink, name: str, blocks: list[Block], known: Sequence[Sequence[Any]]
) -> list[tuple[Block, list[TileRecord] | _Packed]]:
    """Evaluate blocks, and store them if the folder of the output is seen from here."""
    out: list[tuple[Block, list[TileRecord] | _Packed]] = []
    for block, some in zip(blocks, known, strict=True):
        with _at_work(name):
            values = sink.values(compiled, block, some)
            if sink.writer.is_near:
                out.append((block, sink.writer.put(patch_of(compiled, block, values))))
            else:
                out.append((block, _Packed.of(block, values)))
    return out


@contextmanager
def _at_work(name: str) -> Iterator[None]:
    with _changing:
        if name in _halted:
            raise WriteError(0, "the writing of the mask has ended; this tile is not wanted any more", name)
        _running[name] += 1
    try:
        yield
    finally:
        with _changing:
            _running[name] -= 1


async def _halt_here(name: str) -> None:
    """Let no tile of a run begin on this worker any more, and wait for those that it is at."""
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


def _halt(client: Any, name: str) -> None:
    if client.status == "running":
        client.run(_halt_here, name, on_error="ignore")
