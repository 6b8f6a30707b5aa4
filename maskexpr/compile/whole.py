"""Scatter into one buffer: a whole lazy array in memory, whose tiles are written where they belong.

Dask computes the blocks of an array and copies them together, which for a mask takes longer than to make
them. When all blocks of a lazy array are computed and nothing else is, its tasks here share one array.
It is theirs only where they share memory: what has travelled to another process answers with arrays of its
own, and those are copied together. Slices and further operations are dask's as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from math import prod
from threading import Lock, get_ident
from typing import Any, Final, Protocol, runtime_checkable

import dask.array as da
import dask.system
import numpy as np
from dask._task_spec import List, Task, TaskRef
from dask.array.core import finalize
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer

from ..core.pages import expect_writes, sparse_zeros
from ..core.threads import LONG, Turns, at_most, busy_threads, run_blocks, threads_of_pool
from .compiled import Compiled
from .dask import BlockId, Key, Split, TileLayer, TileSource, source_key
from .reduced import NAMESPACE
from .waiting import Waiting

__all__ = ["Filling", "back_with_pages", "lazy_array", "new_canvas"]

Slices = tuple[slice, ...]
Group = tuple[BlockId, ...]

# Bytes of the pages in which the system hands out memory.
_PAGE: Final = 4096
# Of a map of which a smaller part of the blocks is written, small pages take less time than large ones, which
# reach over many rows and so over blocks that are not written.
_SPARSE: Final = 1 / 8
# Of a map of so few blocks in memory one thread finds out what is about the whole and others wait: that takes
# less time than tasks of their own, and can be waited for when the user breaks off.
_FEW: Final = 16
# Pixels of a map whose few blocks are one task, which shares them between threads itself: a scheduler spends
# more on handing them out than they take. A larger map is tasks of its blocks, that other processes may take.
_SMALL: Final = 1 << 26
# Tasks for each core, and blocks of one at most: a scheduler spends on a task what a block of few pixels
# takes.
_TASKS: Final = 16
_TOGETHER: Final = 8


@runtime_checkable
class Filling(Protocol):
    """A source that writes the values of a block into an array of zeros, where that saves a copy."""

    @property
    def fills_parts(self) -> bool:
        """Whether it leaves alone what is False in a block, and says what it writes (`expect_writes`)."""

    def fill(self, out: np.ndarray, block: BlockId, known: Sequence[Any] = ()) -> None: ...


def new_canvas(shape: tuple[int, ...], dtype: Any, written: float, fills_parts: bool) -> np.ndarray:
    """An array of zeros for a whole map, which takes memory where it is written if that costs no time.

    Parameters
    ----------
    written : float
        The part of the blocks that is not all zeros.
    fills_parts : bool
        See `Filling.fills_parts`.
    """
    return sparse_zeros(shape, dtype) if fills_parts or written < _SPARSE else np.zeros(shape, dtype)


def back_with_pages(view: np.ndarray) -> None:
    """Write a byte of each page of new memory: read before it is written it comes in small pages, and the
    system takes longer to hand these out than we take to fill them.
    """
    view[..., :: max(1, _PAGE // view.itemsize)] = 0


def lazy_array(
    name: str, source: TileSource, chunks: tuple[tuple[int, ...], ...], dtype: Any = np.bool_
) -> da.Array:
    """A lazy array whose blocks come from a source.

    Parameters
    ----------
    name : str
        Deterministic name: equal for equal content.
    source : TileSource
        Decides and computes blocks.
    chunks : tuple of tuple of int
        Chunk sizes along each axis.
    dtype : dtype
        Of the values.
    """
    layer = TileLayer(name, source, chunks, np.dtype(dtype))
    graph = HighLevelGraph({name: layer}, {name: set()})
    array = da.Array(graph, name, chunks, dtype=dtype)  # type: ignore[no-untyped-call]
    # Of this one array, because xarray mixes no arrays of two classes.
    array.__dask_postcompute__ = lambda: (_joined, ())  # type: ignore[method-assign]
    array.__dask_optimize__ = _OPTIMIZE
    array.__array_namespace__ = lambda **_: NAMESPACE  # type: ignore[attr-defined]
    return array


class _Optimize:
    """The graph of a whole array by `_scattered`, any other as dask does it.

    It is equal to the function of dask's arrays: what is computed together dask puts in groups by that
    function, and gives out the results group by group, in another order than they were asked for.
    """

    def __call__(self, graph: Any, keys: Any, **options: Any) -> Any:
        found = _whole_layer(graph, keys)
        return da.Array.__dask_optimize__(graph, keys, **options) if found is None else found

    def __eq__(self, other: object) -> bool:
        return other is self or bool(other == da.Array.__dask_optimize__)

    def __hash__(self) -> int:
        return hash(da.Array.__dask_optimize__)

    def __reduce__(self) -> str:
        return "_OPTIMIZE"


_OPTIMIZE: Final = _Optimize()


def _joined(results: Any) -> np.ndarray:
    """Blocks put together; by this function `_whole_layer` knows that nothing else is done to them."""
    joined: np.ndarray = finalize(results)  # type: ignore[no-untyped-call]
    return joined


def _whole_layer(graph: Any, keys: Any) -> Any:
    """The graph that computes one lazy array as a whole; None if more is wanted."""
    if not isinstance(graph, HighLevelGraph) or len(graph.layers) != 2 or len(keys) != 1:
        return None
    layers = list(graph.layers.values())
    tiles = [each for each in layers if isinstance(each, TileLayer)]
    ends = [each.get(keys[0]) for each in layers if isinstance(each, MaterializedLayer)]
    if len(tiles) != 1 or not ends or getattr(ends[0], "func", None) is not _joined:
        return None
    tasks = (_gathered if tiles[0].has_travelled else _scattered)(tiles[0], keys[0])
    return HighLevelGraph.from_collections(keys[0], tasks, dependencies=())


def _scattered(layer: TileLayer, end: Any) -> Mapping[Any, Any]:
    """Tasks that write the undecided blocks of a layer into one array, and one that gives it out."""
    source, edges, canvas = layer.source, _edges(layer), (f"{layer.name}-canvas",)
    states = source.decide(layer.blocks, to_paint=True) if isinstance(source, Compiled) else None
    split = layer.split(layer.blocks, states, few=0 if source.waits else _FEW)
    graph, turns = split.graph, None if source.waits else dask.system.CPU_COUNT
    size, make = prod(map(sum, layer.chunks)), _canvas_maker(layer, split)
    is_long = size >= LONG
    if isinstance(source, Filling) and turns and size <= _SMALL and len(split.undecided) <= _FEW:
        given = source, list(split.undecided), _Decided.of(split, edges), make, is_long
        return {end: Task(end, _at_once, *given, end, get_ident())}
    graph[canvas] = Task(canvas, _Canvas, make, turns, is_long)
    written: dict[Group, TaskRef] = {}
    for blocks in _together(list(split.undecided), turns):
        key: Key = (f"{layer.name}-written", *blocks[0])
        known = List(*(split.undecided[each] for each in blocks))
        places = [_place(edges, each) for each in blocks]
        graph[key] = Task(
            key, _write, TaskRef(source_key(layer.name)), blocks, known, TaskRef(canvas), places
        )
        written[blocks] = TaskRef(key)
    graph[end] = _end(end, TaskRef(canvas), edges, written, split)
    return graph


def _together(blocks: list[BlockId], turns: int | None) -> list[Group]:
    """Blocks of one task each: a few that follow each other where threads take turns and there are many."""
    size = 1 if turns is None else min(_TOGETHER, -(-len(blocks) // (_TASKS * turns)))
    return [tuple(blocks[i : i + size]) for i in range(0, len(blocks), max(size, 1))]


def _canvas_maker(layer: TileLayer, split: Split) -> Callable[[], np.ndarray]:
    """What makes the array that blocks are written into, from the part of it that will be."""
    written = len(split.undecided) + sum(map(bool, split.decided.values()))
    is_filled = isinstance(layer.source, Filling) and layer.source.fills_parts
    shape = tuple(map(sum, layer.chunks))
    return partial(new_canvas, shape, layer.dtype, written / len(layer.blocks), is_filled)


def _gathered(layer: TileLayer, end: Any) -> Mapping[Any, Any]:
    """The same on a cluster, whose workers share no array: one of them puts the undecided blocks together."""
    split, edges = layer.split(layer.blocks), _edges(layer)
    graph = split.graph
    made: dict[Group, Any] = {}
    for block, known in split.undecided.items():
        key: Key = (layer.name, *block)
        graph[key] = layer.task(key, block, known)
        made[block,] = List(TaskRef(key))
    canvas = _Canvas(_canvas_maker(layer, split), None, is_shared=False)
    graph[end] = _end(end, canvas, edges, made, split)
    return graph


def _end(
    end: Any, canvas: Any, edges: Sequence[Sequence[int]], made: Mapping[Group, Any], split: Split
) -> Task:
    """The task that gives the array out."""
    return Task(end, _given_out, canvas, list(made), List(*made.values()), _Decided.of(split, edges))


@dataclass(frozen=True)
class _Decided:
    """The decided blocks that are not all zeros, in short: there may be many.

    Attributes
    ----------
    edges : sequence of sequence of int
        Where blocks begin and end along each axis.
    blocks : ndarray of int, shape (n, dimensions)
    states : ndarray, shape (n,)
        The one value of each.
    """

    edges: Sequence[Sequence[int]]
    blocks: np.ndarray
    states: np.ndarray

    @classmethod
    def of(cls, split: Split, edges: Sequence[Sequence[int]]) -> _Decided:
        decided = [(block, state) for block, state in split.decided.items() if state]
        blocks = np.array([block for block, _ in decided], dtype=np.int32)
        return cls(edges, blocks, np.array([state for _, state in decided]))

    def write(self, out: np.ndarray) -> None:
        """Write them where they belong."""
        for block, state in zip(self.blocks.tolist(), self.states, strict=True):
            place = _place(self.edges, block)
            expect_writes(out[place])
            out[place] = state


def _edges(layer: TileLayer) -> list[list[int]]:
    return [np.concatenate([[0], np.cumsum(sizes)]).tolist() for sizes in layer.chunks]


def _place(edges: Sequence[Sequence[int]], block: BlockId) -> Slices:
    return tuple(slice(each[i], each[i + 1]) for each, i in zip(edges, block, strict=True))


class _Canvas:
    """An array of zeros, made when it is first looked at; what has been pickled is another array.

    No more threads write on it at a time than there are ``turns``, if any are given: where these are the
    cores, more would only take the interpreter's lock from each other.
    """

    def __init__(
        self, make: Callable[[], np.ndarray], turns: int | None, apart: bool = False, is_shared: bool = True
    ) -> None:
        self._make = make
        self._lock = Lock()
        self._turns = None if turns is None else Turns(turns, apart)
        self.is_shared = is_shared

    def __reduce__(self) -> tuple[Any, ...]:
        return _Canvas, (self._make, None, False, False)

    def turn(self) -> AbstractContextManager[None]:
        """While a thread writes on it."""
        return nullcontext() if self._turns is None else self._turns.turn()

    @property
    def array(self) -> np.ndarray:
        with self._lock:
            return self._array

    @cached_property
    def _array(self) -> np.ndarray:
        return self._make()


def _write(
    source: TileSource,
    blocks: Group,
    known: Sequence[Sequence[Any]],
    canvas: _Canvas,
    places: Sequence[Slices],
) -> list[np.ndarray]:
    """The values of some blocks, in a shared array where there is one."""
    if not canvas.is_shared:
        return [source.compute(block, each) for block, each in zip(blocks, known, strict=True)]
    filling = source if isinstance(source, Filling) else None
    with canvas.turn():
        views = [canvas.array[place] for place in places]
        for view, block, each in zip(views, blocks, known, strict=True):
            if filling is None:
                view[...] = source.compute(block, each)
                continue
            _fill(filling, view, block, each)
    return views


def _given_out(
    canvas: _Canvas,
    blocks: Sequence[Group],
    values: Sequence[Sequence[np.ndarray]],
    decided: _Decided,
) -> np.ndarray:
    out = canvas.array
    for block, each in zip(chain(*blocks), chain(*values), strict=True):
        # What came from another process is no part of it.
        if not np.may_share_memory(each, out):
            out[_place(decided.edges, block)] = each
    decided.write(out)
    return out


def _at_once(
    source: Filling,
    blocks: Sequence[BlockId],
    decided: _Decided,
    make: Callable[[], np.ndarray],
    apart: bool,
    end: Any,
    asked_by: int,
) -> np.ndarray:
    """A whole map by one task, that of the key ``end``, with as many threads as dask lets it have;
    ``asked_by`` is the thread that waits for it.
    """
    out, waiting = make(), Waiting(asked_by, end)

    def fill(block: BlockId) -> None:
        if waiting.is_over():
            raise CancelledError("nobody waits for the map any longer")
        _fill(source, out[_place(decided.edges, block)], block)

    # A scheduler without threads runs it where it was asked for.
    with at_most(1 if get_ident() == asked_by else threads_of_pool()):
        run_blocks(fill, blocks, threads=busy_threads(), apart=apart)
    decided.write(out)
    return out


def _fill(source: Filling, view: np.ndarray, block: BlockId, known: Sequence[Any] = ()) -> None:
    """Write the values of a block where they belong."""
    if not source.fills_parts:
        back_with_pages(view)
    source.fill(view, block, known)
