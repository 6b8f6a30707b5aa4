"""Blocks of lazy arrays with a margin: a function of a neighbourhood, one task for each block.

A task is handed the blocks that its window touches and cuts the window out of them, in pieces that stay in
the cache. That is one task a block, where `dask.array.map_overlap` makes 15 to 21 and rechunks in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise, product
from math import ceil
from typing import Any, Final, NamedTuple

import dask.array as da
import numpy as np
from dask._task_spec import Task, TaskRef
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph
from numpy.typing import DTypeLike, NDArray

from ..core.threads import busy_threads, in_threads
from ..io.validity import as_floats
from ..pixels.window import equal_parts

__all__ = ["map_windows"]

# Functions of dask carry no types.
_DASK: Any = da

Function = Callable[..., NDArray[Any]]
# For each piece of a window along an axis the block it is in, and its range in the window and in the block.
Span = list[tuple[int, tuple[int, ...]]]
# For each piece of a window the ranges along y, then along x.
Layout = tuple[tuple[int, ...], ...]

# Rows and columns of the pieces that a block is cut into, so that what is made of them stays in the cache.
_ROWS: Final = 128
_COLUMNS: Final = 512


class _Shape(NamedTuple):
    """What a task has to make: leading dimensions, rows and columns, the margin of its windows."""

    planes: tuple[int, ...]
    ny: int
    nx: int
    margin: int
    # Whether it is the only one, so that cores would be idle.
    alone: bool


def map_windows(
    function: Function,
    arrays: Sequence[da.Array],
    margin: int,
    name: str,
    dtype: DTypeLike,
    whole: bool = False,
) -> da.Array:
    """Apply a function to every block of arrays, seen with a margin.

    Large blocks are cut into pieces; those of an array of one block are shared out to threads.

    Parameters
    ----------
    function : callable
        Takes one window of each array, shape (planes..., ny + 2 * margin, nx + 2 * margin), zero outside
        the array, not to be changed. Returns the piece, shape (planes..., ny, nx), or (ny, nx) if
        ``whole``. No pixel of it may depend on more than what is within the margin, or how blocks are cut
        would show.
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
    alone = all(len(sizes) == 1 for sizes in chunks)
    for block in product(*(range(len(sizes)) for sizes in chunks)):
        plane = (0,) * planes if whole else block[:-2]
        layouts: list[Layout] = []
        references = []
        for array, down, across in zip(arrays, rows, columns, strict=True):
            from_y, from_x = down[block[-2]], across[block[-1]]
            layouts.append(tuple((*each[1], *other[1]) for each in from_y for other in from_x))
            at = plane[: array.ndim - 2]
            blocks = product((each[0] for each in from_y), (each[0] for each in from_x))
            references += [TaskRef((array.name, *at, *each)) for each in blocks]
        key = (name, *block)
        sizes = tuple(each[i] for each, i in zip(chunks, block, strict=True))
        shape = _Shape(sizes[:-2], sizes[-2], sizes[-1], margin, alone)
        graph[key] = Task(key, _apply, function, np.dtype(dtype), shape, tuple(layouts), *references)
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
    """Along one axis, for each block of the result, where the pieces of its window are."""
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
        found.append(pieces)
    return found


def _apply(
    function: Function,
    dtype: np.dtype[Any],
    shape: _Shape,
    layouts: tuple[Layout, ...],
    *blocks: NDArray[Any],
) -> NDArray[Any]:
    """Make a block of the result, piece by piece."""
    # A lazy array may turn out to be masked.
    blocks = tuple(map(as_floats, blocks))
    out = np.empty((*shape.planes, shape.ny, shape.nx), dtype=dtype)

    def work(piece: tuple[int, int, int, int]) -> None:
        y0, y1, x0, x1 = piece
        seen = (y0, y1 + 2 * shape.margin, x0, x1 + 2 * shape.margin)
        left = iter(blocks)
        windows = [_window(seen, [(next(left), place) for place in layout]) for layout in layouts]
        out[..., y0:y1, x0:x1] = function(*windows)

    rows = _cuts(shape.ny, max(_ROWS, 2 * shape.margin))
    columns = _cuts(shape.nx, max(_COLUMNS, 2 * shape.margin))
    pieces = [(*down, *across) for across in columns for down in rows]
    in_threads(work, pieces, busy_threads() if shape.alone else 1, apart=True)
    return out


def _cuts(length: int, step: int) -> list[tuple[int, int]]:
    """A length in equal parts of about a step."""
    return list(pairwise(accumulate(equal_parts(length, max(1, ceil(length / step))), initial=0)))


def _window(
    seen: tuple[int, int, int, int], blocks: list[tuple[NDArray[Any], tuple[int, ...]]]
) -> NDArray[Any]:
    """A part of a window, put together from the blocks that it touches; zero where there is none."""
    y0, y1, x0, x1 = seen
    first, (row0, row1, top, _, column0, column1, left, _) = blocks[0]
    if row0 <= y0 and y1 <= row1 and column0 <= x0 and x1 <= column1:
        return first[..., y0 - row0 + top : y1 - row0 + top, x0 - column0 + left : x1 - column0 + left]
    # Of a masked array some blocks have gaps and are NaN there, others are integers still.
    dtype = np.result_type(*{each.dtype for each, _ in blocks})
    window: NDArray[Any] = np.zeros((*first.shape[:-2], y1 - y0, x1 - x0), dtype=dtype)
    for block, (row0, row1, top, _, column0, column1, left, _) in blocks:
        low, high, start, stop = max(y0, row0), min(y1, row1), max(x0, column0), min(x1, column1)
        if low < high and start < stop:
            window[..., low - y0 : high - y0, start - x0 : stop - x0] = block[
                ..., low - row0 + top : high - row0 + top, start - column0 + left : stop - column0 + left
            ]
    return window
