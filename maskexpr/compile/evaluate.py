"""Evaluate a mask: the pass that nodes ask about their children.

A tile is classified, filled if that decides it, else the expression is shortened to what the tile leaves
open (the residual) and evaluated, by refinement inside the tile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.errors import MaskError, TileError
from ..core.once import once
from ..core.pruning import is_pruned
from ..core.trace import count
from ..expr.mask import And, Bools, Mask, Not, Or, Reach, Xor
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..grid.points import Points
from ..grid.tiles import Areas, Tile
from ..pixels.window import Window
from .narrow import narrow
from .refine import refine
from .residual import depths, residual

__all__ = ["Evaluator", "evaluate", "evaluate_into", "evaluate_planes"]

# Beyond this depth of operators values are asked bottom-up, so that Python's own stack stays shallow.
_DEEP = 40
# More leaves than this in one tile, and a tile larger than that side: cut the tile and shorten the
# expression for each part.
_MANY = 12
_SIDE = 128


class Evaluator:
    """Answers what nodes ask, for one evaluation; remembers answers that are asked twice.

    Parameters
    ----------
    root : Mask
        The mask that is evaluated; what stands in it more than once is remembered.
    decided : mapping, optional
        What earlier stages of a plan decided, by the digest of a node about the whole map and its plane.
    """

    def __init__(self, root: Mask, decided: Mapping[Any, Any] | None = None) -> None:
        self._root = root
        self._decided = decided
        self._coverage: dict[tuple[int, int], tuple[Any, Any, Coverage]] = {}
        self._values: dict[tuple[Any, ...], tuple[Any, Any, Bools]] = {}
        self._settled: Tile | Points | None = None

    @once
    def _parents(self) -> Counter[int]:
        return Counter(id(child) for each in postorder(self._root) for child in each.children)

    @once
    def _varies(self) -> dict[int, bool]:
        return _anywhere(self._root, lambda each: bool(each.axes()))

    @once
    def _reads(self) -> dict[int, bool]:
        return _anywhere(self._root, lambda each: each.reads_data)

    def coverage(self, child: Mask, areas: Areas) -> Coverage:
        """See `maskexpr.expr.mask.Ask.coverage`."""
        if not is_pruned():
            return np.full(len(areas), MIXED)
        key = (id(child), id(areas))
        if key not in self._coverage:
            # The objects are kept with the answer, or their ids could come to mean others.
            self._coverage[key] = (child, areas, child.coverage(areas, self))
        return self._coverage[key][2]

    def values(self, child: Mask, where: Tile | Points) -> Bools:
        """See `maskexpr.expr.mask.Ask.values`."""
        shared = self._parents[id(child)] > 1
        key = self._key(child, where)
        if key in self._values:
            found = self._values[key][2]
            return found.copy() if shared else found
        out = self._answer(child, where)
        if shared:
            self._values[key] = (child, where, out.copy())
        return out

    def paint(self, child: Mask, tile: Tile, out: Bools) -> None:
        """See `maskexpr.expr.mask.Ask.paint`."""
        if tile is self._settled and self._parents[id(child)] <= 1 and tile.on_sky is None:
            child.paint(tile, out, self)
        else:
            out |= self.values(child, tile)

    def narrow(self, child: Mask, where: Tile | Points, out: Bools) -> None:
        """See `maskexpr.expr.mask.Ask.narrow`."""
        if isinstance(where, Tile) and self.reads(child):
            narrow(child, where, out, self)
        else:
            out &= self.values(child, where)

    def reads(self, child: Mask) -> bool:
        """See `maskexpr.expr.mask.Ask.reads`."""
        known = self._reads.get(id(child))
        return _anywhere(child, lambda each: each.reads_data)[id(child)] if known is None else known

    def refine(self, leaf: Mask, tile: Tile) -> Bools:
        """See `maskexpr.expr.mask.Ask.refine`."""
        return refine(leaf, tile, self)

    def decided(self, child: Mask, plane: tuple[int, ...]) -> Any:
        """See `maskexpr.expr.mask.Ask.decided`."""
        return self._decided.get((child.digest, plane)) if self._decided else None

    def fresh(self, mask: Mask) -> Evaluator:
        """See `maskexpr.expr.mask.Ask.fresh`."""
        return type(self)(mask, self._decided)

    def _key(self, child: Mask, where: Tile | Points) -> tuple[Any, ...]:
        if isinstance(where, Points):
            return (id(child), id(where))
        plane = where.plane if id(child) not in self._varies or self._varies[id(child)] else ()
        return (id(child), id(where.geom), *where.window, plane)

    def _answer(self, child: Mask, where: Tile | Points) -> Bools:
        if where is not self._settled:
            return self.run(child, where)
        out = child.values(where, self)
        return _on_sky(out, where)

    def run(self, mask: Mask, where: Tile | Points) -> Bools:
        """Values of a mask at a place that has not been looked at yet."""
        # Data are what they are: there is nothing to shorten, and no need to copy them.
        if isinstance(where, Tile) and not (mask.reads_data and not mask.children):
            out = np.zeros(where.shape, dtype=bool)
            self.run_into(mask, where, out)
            return out
        outer, self._settled = self._settled, where
        try:
            self._warm(mask, where)
            return _on_sky(mask.values(where, self), where)
        finally:
            self._settled = outer

    def run_into(self, mask: Mask, tile: Tile, out: Bools, is_open: bool = False) -> None:
        """Write the values of a mask on a tile into an array of False; where nothing is selected it is not
        touched.

        Of a tile that is known to be open what cannot be shortened is asked at once.
        """
        outer, self._settled = self._settled, tile
        try:
            if is_open and not isinstance(mask, Or | And | Xor | Not):
                self._warm(mask, tile)
                self._paint(mask, tile, out)
            else:
                self._tile(mask, tile, out)
        finally:
            self._settled = outer

    def _tile(self, mask: Mask, tile: Tile, out: Bools) -> None:
        tiles = tile.tiles
        cover = self.classify(mask, tiles)[0]
        if cover == EMPTY:
            return
        if cover == FULL:
            out[...] = True if tile.on_sky is None else tile.on_sky
            return
        rest = residual(mask, 0, lambda child: self.coverage(child, tiles))
        if tile.shape[0] * tile.shape[1] > _SIDE * _SIDE and _is_crowded(rest):
            self._cut(rest, tile, out)
            if tile.on_sky is not None:
                out &= tile.on_sky
        else:
            self._warm(rest, tile)
            self._paint(rest, tile, out)

    def _paint(self, mask: Mask, tile: Tile, out: Bools) -> None:
        mask.paint(tile, out, self)
        if tile.on_sky is not None:
            out &= tile.on_sky

    def classify(self, mask: Mask, areas: Areas) -> Coverage:
        """Coverage of a mask, however deep it is."""
        for deep in _landings(mask):
            self.coverage(deep, areas)
        return self.coverage(mask, areas)

    def _warm(self, mask: Mask, where: Tile | Points) -> None:
        for deep in _landings(mask):
            key = self._key(deep, where)
            if key not in self._values:
                self._parents[id(deep)] += 1
                self._values[key] = (deep, where, _on_sky(deep.values(where, self), where))
                self._parents[id(deep)] += 1

    def _cut(self, mask: Mask, tile: Tile, out: Bools) -> None:
        side = max(_SIDE, -(-max(tile.shape) // 4))
        parts, _ = tile.tiles.split(side)
        cover = self.classify(mask, parts)
        for i in np.flatnonzero(cover != EMPTY):
            part = parts.tile(int(i))
            y0, y1, x0, x1 = part.window.shift(-tile.window.y0, -tile.window.x0)
            if cover[i] == FULL:
                out[y0:y1, x0:x1] = True
                continue
            rest = residual(mask, int(i), lambda child: self.coverage(child, parts))
            self.fresh(rest).run_into(rest, part, out[y0:y1, x0:x1])


def _on_sky(values: Bools, where: Tile | Points) -> Bools:
    on_sky = where.on_sky
    return values if on_sky is None else values & on_sky


def _anywhere(root: Mask, holds: Callable[[Mask], bool]) -> dict[int, bool]:
    """For every node, by its id, whether something holds for it or anything below it."""
    found: dict[int, bool] = {}
    for each in postorder(root):
        found[id(each)] = holds(each) or any(found[id(child)] for child in each.children)
    return found


def _landings(mask: Mask) -> list[Mask]:
    """Nodes, children first, at every so many levels of a deep expression; none in an ordinary one."""
    depth = depths(mask)
    if depth[id(mask)] < _DEEP:
        return []
    return [each for each in postorder(mask) if depth[id(each)] % _DEEP == _DEEP - 1]


def _is_crowded(mask: Mask) -> bool:
    leaves = 0
    for each in postorder(mask):
        if each.reads_data or each.needs_grid or each.reach() != Reach():
            return False
        leaves += not each.children
    return leaves > _MANY


def evaluate(mask: Mask, tile: Tile) -> Bools:
    """Values of a mask on a tile, shape (ny, nx); see `evaluate_into`."""
    out = np.zeros((1, *tile.shape), dtype=bool)
    evaluate_into(mask, tile, (tile.plane,), out)
    values: Bools = out[0]
    return values


def evaluate_planes(mask: Mask, geom: Grid, window: Window, planes: tuple[tuple[int, ...], ...]) -> Bools:
    """Values of a mask on the same window of several planes, shape (len(planes), ny, nx)."""
    out = np.zeros((len(planes), *window.shape), dtype=bool)
    evaluate_into(mask, Tile(geom, window), planes, out)
    return out


def evaluate_into(
    mask: Mask,
    tile: Tile,
    planes: tuple[tuple[int, ...], ...],
    out: Iterable[Bools],
    decided: Mapping[Any, Any] | None = None,
    is_open: bool = False,
) -> None:
    """Write the values of a mask on one window of several planes; what does not vary is computed once.

    Parameters
    ----------
    mask : Mask
        The mask.
    tile : Tile
        Pixels, on the map or beyond, on any plane.
    planes : tuple of tuple of int
        The planes, an index per axis each.
    out : ndarray of bool, shape (len(planes), ny, nx), or one array of shape (ny, nx) for each plane
        False throughout; may be views of a larger array.
    decided : mapping, optional
        See `Evaluator`.
    is_open : bool
        Whether the tile has been classified, and is neither empty nor full.

    Raises
    ------
    TileError
        If a node fails; names the tile. Errors of maskexpr itself go through as they are.
    """
    ask = Evaluator(mask, decided)
    count("tiles")
    for plane, part in zip(planes, out, strict=True):
        try:
            ask.run_into(mask, tile.on_plane(plane), part, is_open)
        except MaskError:
            raise
        except Exception as err:
            raise TileError(
                f"evaluating {mask!r} on {tile.window} of plane {plane} failed: {type(err).__name__}: {err}"
            ) from err
