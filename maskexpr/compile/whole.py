"""Scatter into one buffer: a whole lazy array in memory, whose tiles are written where they belong.

Dask computes the blocks of an array and copies them together, which for a mask takes longer than to make
them. When all blocks of a lazy array are computed and nothing else is, its tasks here share one array.
It is theirs only where they share memory: what has travelled to another process answers with arrays of its
own, and those are copied together. Slices and further operations are dask's as ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from threading import BoundedSemaphore, Lock
from typing import Any, Final, Protocol, runtime_checkable

import dask.array as da
import dask.system
import numpy as np
from dask._task_spec import DataNode, List, Task, TaskRef
from dask.array.core import finalize
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer

from .compiled import Compiled
from .dask import BlockId, Key, TileLayer, TileSource, source_key

__all__ = ["back_with_pages", "lazy_array"]

Slices = tuple[slice, ...]

# Bytes of the pages in which the system hands out memory.
_PAGE: Final = 4096


@runtime_checkable
class _Filling(Protocol):
    """A source that writes the values of a block into an array of zeros, where that saves a copy."""

    def fill(self, out: np.ndarray, block: BlockId, known: Sequence[Any] = ()) -> None: ...


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
    array.__dask_optimize__ = _optimize
    return array


def _optimize(graph: Any, keys: Any, **options: Any) -> Any:
    """The graph of a whole array by `_scattered`, any other as dask does it."""
    found = _whole_layer(graph, keys)
    return da.Array.__dask_optimize__(graph, keys, **options) if found is None else found


def _joined(results: Any) -> np.ndarray:
    """Blocks put together; by this function `_whole_layer` knows that nothing else is done to them."""
    joined: np.ndarray = finalize(results)  # type: ignore[no-untyped-call]
    return joined


def _whole_layer(graph: Any, keys: Any) -> Any:
    """The graph that computes one lazy array as a whole; None if more is wanted, or on a cluster."""
    if not isinstance(graph, HighLevelGraph) or len(graph.layers) != 2 or len(keys) != 1:
        return None
    layers = list(graph.layers.values())
    tiles = [each for each in layers if isinstance(each, TileLayer) and not each.has_travelled]
    ends = [each.get(keys[0]) for each in layers if isinstance(each, MaterializedLayer)]
    if len(tiles) != 1 or not ends or getattr(ends[0], "func", None) is not _joined:
        return None
    return HighLevelGraph.from_collections(keys[0], _scattered(tiles[0], keys[0]), dependencies=())


def _scattered(layer: TileLayer, end: Any) -> Mapping[Any, Any]:
    """Tasks that write the undecided blocks of a layer into one array, and one that gives it out."""
    name, source = layer.name, layer.source
    blocks = [key[1:] for key in sorted(layer.get_output_keys())]
    states = source.decide(blocks, to_paint=True) if isinstance(source, Compiled) else source.decide(blocks)
    edges = [np.concatenate([[0], np.cumsum(sizes)]).tolist() for sizes in layer.chunks]
    open_ = [block for block, state in zip(blocks, states, strict=True) if state is None]
    decided = [(_place(edges, block), state) for block, state in zip(blocks, states, strict=True) if state]
    shared, canvas = source_key(name), (f"{name}-canvas",)
    graph, needs = source.stages(name, shared, open_)
    turns = None if source.waits else dask.system.CPU_COUNT
    graph[canvas] = Task(canvas, _Canvas, tuple(each[-1] for each in edges), layer.dtype, turns)
    graph[shared] = DataNode(shared, source)
    written = []
    for block, known in zip(open_, needs, strict=True):
        key: Key = (f"{name}-written", *block)
        place = _place(edges, block)
        graph[key] = Task(key, _write, TaskRef(shared), block, known, TaskRef(canvas), place)
        written.append((place, key))
    places = [place for place, _ in written]
    blocks_made = List(*(TaskRef(key) for _, key in written))
    graph[end] = Task(end, _given_out, TaskRef(canvas), places, blocks_made, decided)
    return graph


def _place(edges: Sequence[Sequence[int]], block: BlockId) -> Slices:
    return tuple(slice(each[i], each[i + 1]) for each, i in zip(edges, block, strict=True))


class _Canvas:
    """An array of zeros, made when it is first looked at; what has been pickled is another array.

    No more threads write on it at a time than there are ``turns``: where these are the cores, more would only
    take the interpreter's lock from each other.
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, turns: int | None, is_shared: bool = True) -> None:
        self._shape = shape
        self._dtype = dtype
        self._lock = Lock()
        self.turn: AbstractContextManager[Any] = nullcontext() if turns is None else BoundedSemaphore(turns)
        self.is_shared = is_shared

    def __reduce__(self) -> tuple[Any, ...]:
        return _Canvas, (self._shape, self._dtype, None, False)

    @property
    def array(self) -> np.ndarray:
        with self._lock:
            return self._array

    @cached_property
    def _array(self) -> np.ndarray:
        return np.zeros(self._shape, self._dtype)


def _write(
    source: TileSource, block: BlockId, known: Sequence[Any], canvas: _Canvas, place: Slices
) -> np.ndarray:
    """The values of a block, in a shared array where there is one."""
    if not canvas.is_shared:
        return source.compute(block, known)
    with canvas.turn:
        view = canvas.array[place]
        back_with_pages(view)
        if isinstance(source, _Filling):
            source.fill(view, block, known)
        else:
            view[...] = source.compute(block, known)
    return view


def _given_out(
    canvas: _Canvas,
    places: Sequence[Slices],
    blocks: Sequence[np.ndarray],
    decided: Sequence[tuple[Slices, Any]],
) -> np.ndarray:
    out = canvas.array
    for place, values in zip(places, blocks, strict=True):
        # What came from another process is no part of it.
        if values.base is not out:
            out[place] = values
    for place, value in decided:
        out[place] = value
    return out
