"""Deciding the components of a whole map in one process, for whoever asks for a window of it.

This is the simple way: label every tile, join, hand down, finish what is asked. A plan that makes tasks does
the same steps by `blocks`, `Connected.label_tile`, `merge`, `close`, `split` and `Connected.finish`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import pairwise, product
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..coverage import EMPTY
from ..expr import Ask, Bools
from ..geom import WcsGeom
from ..labels_join import Joint, Summary, Verdict, close, merge, merge_plan, nothing, split
from ..points import Pixels
from ..tiles import Tile, Tiles
from ..window import Window
from ._domain import domain

if TYPE_CHECKING:
    from ._components import Connected

__all__ = ["Solution", "blocks", "decide", "pixels_of", "solve", "tile_of"]

T = TypeVar("T")

# Side of the tiles into which a map is cut when nobody says how.
_SIDE = 1024
# Decisions on whole maps, and finished tiles of them (packed, at most 128 kB each), that a process remembers.
_SOLUTIONS = 16
_TILES = 256


class Solution(NamedTuple):
    """The decisions on the tiles of a map, row after row; None for a tile that has nothing to decide."""

    windows: list[Window]
    shape: tuple[int, int]
    verdicts: list[Verdict | None]


def blocks(
    geom: WcsGeom, rows: tuple[int, ...], columns: tuple[int, ...]
) -> tuple[list[Window], tuple[int, int]]:
    """The windows to label for a map cut into chunks, row after row, and how many rows and columns of them
    there are.

    Chunks that hold no sky, on projections where whole rows and columns are on or off the sky, are left out.

    Parameters
    ----------
    rows, columns : tuple of int
        Chunk sizes along y and x.
    """
    window = domain(geom).window
    ranges = []
    for sizes, first, end in ((rows, window.y0, window.y1), (columns, window.x0, window.x1)):
        bounds = np.clip(np.cumsum([0, *sizes]), first, end).tolist()
        ranges.append([(low, high) for low, high in pairwise(bounds) if low < high])
    return [Window(*y, *x) for y, x in product(*ranges)], (len(ranges[0]), len(ranges[1]))


def decide(summaries: list[Summary], shape: tuple[int, int], node: Connected, geom: WcsGeom) -> list[Verdict]:
    """Join the summaries of all tiles in a tree and hand the decisions down again.

    Parameters
    ----------
    summaries : list of Summary
        Of all tiles, row after row.
    shape : (int, int)
        Rows and columns of tiles.
    node : Connected
        Whose rule decides.
    geom : WcsGeom
        The map.
    """
    full, rule, ground = node.connectivity == 8, node.rule(geom), domain(geom)
    plan = merge_plan(*shape)
    known: dict[int, Summary] = dict(enumerate(summaries))
    joints: dict[int, Joint] = {}
    for step in plan:
        known[step.whole], joints[step.whole] = merge(
            [[known.pop(i) for i in row] for row in step.parts], full
        )
    root = plan[-1].whole if plan else 0
    joint, champion = close(known[root], ground.seam, ground.poles, full)
    verdicts = {root: split(joint, Verdict(np.zeros(0, dtype=bool), champion), rule)[0]}
    for step in reversed(plan):
        parts = split(joints.pop(step.whole), verdicts.pop(step.whole), rule)
        verdicts.update(zip((i for row in step.parts for i in row), parts, strict=True))
    return [verdicts[i] for i in range(len(summaries))]


def solve(
    node: Connected,
    geom: WcsGeom,
    plane: tuple[int, ...],
    ask: Callable[[], Ask],
    rows: tuple[int, ...],
    columns: tuple[int, ...],
) -> Solution:
    """Decide on all tiles of a map, one after the other.

    Parameters
    ----------
    node : Connected
        The node.
    geom, plane : WcsGeom, tuple of int
        The map, and which plane of it.
    ask : callable
        Makes the way to ask children; called for every tile, so that nothing is remembered for longer.
    rows, columns : tuple of int
        Chunk sizes along y and x.
    """
    windows, shape = blocks(geom, rows, columns)
    if not windows:
        return Solution([], shape, [])
    tiles = Tiles(geom, np.array(windows, dtype=np.int64).T, plane)
    busy = _busy(node, tiles, ask())
    summaries = []
    for i, window in enumerate(windows):
        labelled = node.label_tile(Tile(geom, window, plane), ask()) if busy[i] else None
        summaries.append(nothing(node.block_shape(geom, window)) if labelled is None else labelled.summary)
    verdicts = decide(summaries, shape, node, geom)
    return Solution(windows, shape, [verdict if busy[i] else None for i, verdict in enumerate(verdicts)])


def _busy(node: Connected, tiles: Tiles, of: Ask) -> Bools:
    """Which tiles may hold candidates, on any of the planes that are labelled together."""
    out = np.zeros(len(tiles), dtype=bool)
    for plane in node.planes(tiles.tile(0)):
        out |= node.candidates_in(tiles.on_plane(plane), of) != EMPTY
    return out


class _Memory(Generic[T]):
    """Remembers the latest results; each is made once, also when several threads want it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, tuple[threading.Lock, list[T]]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._lock:
            lock, held = self._slots.setdefault(key, (threading.Lock(), []))
            self._slots.move_to_end(key)
            while len(self._slots) > self._size:
                self._slots.popitem(last=False)
        with lock:
            if not held:
                held.append(make())
            return held[0]


_solutions: _Memory[Solution] = _Memory(_SOLUTIONS)
_finished: _Memory[NDArray[np.uint8]] = _Memory(_TILES)


def _chunks(length: int) -> tuple[int, ...]:
    return tuple(min(_SIDE, length - first) for first in range(0, length, _SIDE))


def _solution(node: Connected, geom: WcsGeom, plane: tuple[int, ...], of: Ask) -> Solution:
    key = (node.digest, geom.fingerprint, () if node.linked else plane)
    ny, nx = geom.image_shape
    return _solutions.get(
        key, lambda: solve(node, geom, plane, lambda: of.fresh(node), _chunks(ny), _chunks(nx))
    )


def _finish(node: Connected, tile: Tile, i: int, solution: Solution, of: Ask) -> Bools:
    """Values of the i-th tile of a decided map."""

    def make() -> NDArray[np.uint8]:
        own, verdict = of.fresh(node), solution.verdicts[i]
        if verdict is None:
            return np.packbits(node.result(None, tile, own))
        return np.packbits(node.finish(tile, node.label_tile(tile, own), verdict, own))

    packed = _finished.get((node.digest, tile.geom.fingerprint, *tile.key), make)
    return np.unpackbits(packed, count=tile.shape[0] * tile.shape[1]).reshape(tile.shape).view(bool)


def tile_of(node: Connected, tile: Tile, of: Ask) -> Bools:
    """Values of a node on any window, shape (ny, nx): False beyond the map."""
    out = np.zeros(tile.shape, dtype=bool)
    if not tile.window.intersect(domain(tile.geom).window).size:
        return out
    solution = _solution(node, tile.geom, tile.plane, of)
    for i, window in enumerate(solution.windows):
        y0, y1, x0, x1 = common = tile.window.intersect(window)
        if common.size:
            part = _finish(node, tile.on(window), i, solution, of)[
                y0 - window.y0 : y1 - window.y0, x0 - window.x0 : x1 - window.x0
            ]
            out[y0 - tile.window.y0 : y1 - tile.window.y0, x0 - tile.window.x0 : x1 - tile.window.x0] = part
    return out


def pixels_of(node: Connected, pixels: Pixels, of: Ask) -> Bools:
    """Values of a node at pixels, shape (n,): False beyond the map."""
    out = np.zeros(len(pixels), dtype=bool)
    solution = _solution(node, pixels.geom, pixels.plane, of)
    for i, window in enumerate(solution.windows):
        y0, y1, x0, x1 = window
        here = np.flatnonzero((pixels.y >= y0) & (pixels.y < y1) & (pixels.x >= x0) & (pixels.x < x1))
        if len(here):
            tile = Tile(pixels.geom, window, pixels.plane)
            out[here] = _finish(node, tile, i, solution, of)[pixels.y[here] - y0, pixels.x[here] - x0]
    return out
