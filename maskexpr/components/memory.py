"""A cache of decided maps (least recently used first out), and the pixels of any window from them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from ..core.pruning import is_pruned
from ..core.threads import LONG, busy_threads, in_threads
from ..expr.mask import Ask, Bools
from ..grid.lattice import Grid
from ..grid.points import Pixels
from ..grid.rim import topology
from ..grid.tiles import Tile
from ..pixels.runs import unpack_into
from .solve import SIDE, THREADS, Decided, solve

if TYPE_CHECKING:
    from .node import Connected

__all__ = ["paint_tile", "pixels_of"]

# Bytes of decided maps that a process remembers; a map takes at most a bit for a pixel.
_MEMORY = 1 << 28


class _Same:
    """A node as a key: equal nodes are the same. It keeps the node, and so the data by whose identity it is
    known, alive.
    """

    def __init__(self, node: Connected) -> None:
        self.node = node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.node.key == self.node.key

    def __hash__(self) -> int:
        return hash(self.node.key)


class _Memory:
    """Remembers the latest decided maps; each is made once, also when several threads want it."""

    def __init__(self, nbytes: int) -> None:
        self._free = nbytes
        self._lock = threading.Lock()
        self._slots: OrderedDict[Hashable, tuple[threading.Lock, list[Decided]]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Decided]) -> Decided:
        with self._lock:
            lock, held = self._slots.setdefault(key, (threading.Lock(), []))
            self._slots.move_to_end(key)
        with lock:
            if not held:
                made = make()
                held.append(made)
                self._make_room(key)
            return held[0]

    def _make_room(self, new: Hashable) -> None:
        """Count a map that has just been made, and forget others: those not asked for the longest."""
        with self._lock:
            if new not in self._slots:
                return
            self._free -= _size(self._slots[new][1][0])
            for key in [key for key, (_, held) in self._slots.items() if held and key != new]:
                if self._free < 0:
                    self._free += _size(self._slots.pop(key)[1][0])


def _size(decided: Decided) -> int:
    return sum(256 + (each.nbytes if each else 0) for each in decided.kept)


_memory = _Memory(_MEMORY)


def _decided(node: Connected, geom: Grid, plane: tuple[int, ...], of: Ask) -> Decided:
    """What is kept on each tile of a map, from memory if it has been asked before."""

    def make() -> Decided:
        return solve(node, geom, plane, lambda: of.fresh(node), *geom.layout().strips(SIDE))

    known: Decided | None = of.decided(node, () if node.linked else plane)
    if known is not None:
        return known
    return _memory.get((_Same(node), geom.fingerprint, () if node.linked else plane, is_pruned()), make)


def paint_tile(node: Connected, tile: Tile, out: Bools, of: Ask) -> None:
    """Select in an array of any window's pixels those that a node selects: none beyond the map."""
    inner = tile.window.intersect(topology(tile.geom).window)
    if inner != tile.window:
        if inner.size:
            paint_tile(node, tile.on(inner), out[inner.within(tile.window)], of)
        return
    held = tile.geom.map_in(tile.window)
    if held is None:
        _paint(node, tile, out, of)
    else:
        values = np.zeros(tile.shape, dtype=bool)
        _paint(node, tile, values, of)
        out |= values & held


def _paint(node: Connected, tile: Tile, out: Bools, of: Ask) -> None:
    """The same of a window inside the map's, where it is of no matter what lies between its pixels."""
    inner = tile.window
    node.paint_rest(tile, out, of)
    decided = _decided(node, tile.geom, tile.plane, of)

    def unpack(i: int) -> None:
        window, kept = decided.blocks.windows[i], decided.kept[i]
        if kept is not None:
            common = window.intersect(inner)
            unpack_into(
                kept.bits.all(),
                kept.shape,
                node.place_of(tile),
                out[common.within(inner)],
                common.shift(-window.y0, -window.x0),
            )

    # Beside a window of all pixels of the only plane there is no other, which another thread might paint.
    is_alone = inner.size == prod(tile.geom.image_shape) and prod(tile.geom.planes_shape) == 1
    threads = min(THREADS, busy_threads()) if is_alone and inner.size >= LONG else 1
    in_threads(unpack, decided.blocks.meeting(inner), threads)


def pixels_of(node: Connected, pixels: Pixels, of: Ask) -> Bools:
    """Values of a node at pixels, shape (n,): False beyond the map."""
    out = np.zeros(len(pixels), dtype=bool)
    decided = _decided(node, pixels.geom, pixels.plane, of)
    on_map = pixels.geom.on_map(pixels.y, pixels.x)
    for window in decided.blocks.windows:
        y0, y1, x0, x1 = window
        inside = (pixels.y >= y0) & (pixels.y < y1) & (pixels.x >= x0) & (pixels.x < x1)
        here = np.flatnonzero(inside & on_map)
        if len(here):
            values = np.zeros(window.shape, dtype=bool)
            paint_tile(node, Tile(pixels.geom, window, pixels.plane), values, of)
            out[here] = values[pixels.y[here] - y0, pixels.x[here] - x0]
    return out
