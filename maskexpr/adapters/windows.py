"""Blocks of lazy arrays with a margin: a function of a neighbourhood, one task for each block.

A task is handed the blocks that its window touches and cuts the window out of them. That is one task a
block, where `dask.array.map_overlap` makes 15 to 21 and rechunks in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import Task, TaskRef
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import DTypeLike, NDArray

__all__ = ["map_windows"]

# Functions of dask carry no types.
_DASK: Any = da

Function = Callable[..., NDArray[Any]]
# Length of a window along an axis; for each of its pieces the block it is in, and its range in the window and
# in the block.
Span = tuple[int, list[tuple[int, tuple[int, ...]]]]
# Rows and columns of a window; for each of its pieces the ranges along y, then along x.
Layout = tuple[int, int, tuple[tuple[int, ...], ...]]


def map_windows(
    function: Function,
    arrays: Sequence[da.Array],
    margin: int,
    name: str,
    dtype: DTypeLike,
    whole: bool = False,
) -> da.Array:
    """Apply a function to every block of arrays, seen with a margin.

    Parameters
    ----------
    function : callable
        Takes one window of each array, shape (planes..., ny + 2 * margin, nx + 2 * margin), zero outside
        the array. Returns the block, shape (planes..., ny, nx), or (ny, nx) if ``whole``.
    arrays : sequence of dask array, shape (planes..., ny, nx) or (ny, nx)
        The first has all dimensions and gives the blocks of the result.
    margin : int
        Pixels on each side.
    name : str
        What the result is, for the names of tasks.
    dtype : dtype
        Of the result.
    whole : bool
        Hand all planes to each call, which reduces them to one.

    Examples
    --------
    >>> ones = da.ones((2, 3), chunks=2)
    >>> map_windows(lambda w: w[1:-1, :-2] + w[1:-1, 2:], [ones], 1, "sums", float).compute().tolist()
    [[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]
    """
    planes = arrays[0].ndim - 2
    if whole:
        arrays = [_rechunk(each, dict.fromkeys(range(each.ndim - 2), -1)) for each in arrays]
    else:
        like = dict(enumerate(arrays[0].chunks[:planes]))
        arrays = [_rechunk(each, like) if each.ndim > 2 else each for each in arrays]
    chunks = arrays[0].chunks[planes:] if whole else arrays[0].chunks
    name = f"{name}-{tokenize(function, margin, whole, *(each.name for each in arrays))}"
    rows = [_spans(chunks[-2], each.chunks[-2], margin) for each in arrays]
    columns = [_spans(chunks[-1], each.chunks[-1], margin) for each in arrays]
    graph: dict[tuple[Any, ...], Task] = {}
    for block in product(*(range(len(sizes)) for sizes in chunks)):
        plane = (0,) * planes if whole else block[:-2]
        layouts: list[Layout] = []
        references = []
        for array, down, across in zip(arrays, rows, columns, strict=True):
            (ny, from_y), (nx, from_x) = down[block[-2]], across[block[-1]]
            layouts.append((ny, nx, tuple((*each[1], *other[1]) for each in from_y for other in from_x)))
            at = plane[: array.ndim - 2]
            blocks = product((each[0] for each in from_y), (each[0] for each in from_x))
            references += [TaskRef((array.name, *at, *each)) for each in blocks]
        key = (name, *block)
        graph[key] = Task(key, _apply, function, tuple(layouts), *references)
    dependencies: list[Any] = list(arrays)
    collection = HighLevelGraph.from_collections(name, dict[Any, Any](graph), dependencies)
    meta = np.empty((0,) * len(chunks), dtype=dtype)
    out: da.Array = _DASK.Array(collection, name, chunks, dtype=dtype, meta=meta)
    return out


def _rechunk(array: da.Array, sizes: Mapping[int, Any]) -> da.Array:
    untyped: Any = array
    out: da.Array = untyped.rechunk(dict(sizes))
    return out


def _spans(sizes: tuple[int, ...], source: tuple[int, ...], margin: int) -> list[Span]:
    """Along one axis, for each block of the result: the length of its window and where its pieces are."""
    edges = np.concatenate([[0], np.cumsum(source)])
    stops = np.cumsum(sizes)
    found = []
    for low, high in zip(stops - sizes - margin, stops + margin, strict=True):
        first = int(np.searchsorted(edges[1:], low, side="right"))
        pieces = []
        while first < len(source) and edges[first] < high:
            start, stop = max(low, edges[first]), min(high, edges[first + 1])
            if start < stop:
                ranges = (start - low, stop - low, start - edges[first], stop - edges[first])
                pieces.append((first, tuple(int(each) for each in ranges)))
            first += 1
        found.append((int(high - low), pieces))
    return found


def _apply(function: Function, layouts: tuple[Layout, ...], *blocks: NDArray[Any]) -> NDArray[Any]:
    left = iter(blocks)
    windows = []
    for ny, nx, places in layouts:
        window: NDArray[Any] | None = None
        for row0, row1, y0, y1, column0, column1, x0, x1 in places:
            block = next(left)
            if window is None:
                window = np.zeros((*block.shape[:-2], ny, nx), dtype=block.dtype)
            window[..., row0:row1, column0:column1] = block[..., y0:y1, x0:x1]
        assert window is not None  # a window holds at least the block that it was made for
        windows.append(window)
    return function(*windows)
