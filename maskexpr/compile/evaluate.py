"""Evaluate a mask: the pass that nodes ask about their children.

A tile is classified, filled if that decides it, else the expression is shortened to what the tile leaves
open (the residual) and evaluated, by refinement inside the tile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..core.arrays import Bools, Ints
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.pruning import is_pruned
from ..core.trace import count, count_asked
from ..expr.mask import And, Mask, Not, Or, Reach, Xor
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..grid.points import Points
from ..grid.tiles import Areas, Tile, refine
from ..pixels.window import Window
from .deep import landings
from .failures import told_where
from .kept import Kept
from .narrow import narrow
from .requests import Request, is_stacked, plan_requests
from .residual import residual

__all__ = ["Evaluator", "evaluate", "evaluate_into", "evaluate_planes"]

Answer = TypeVar("Answer")

# More leaves than this in one tile, and a tile larger than that side: cut the tile and shorten the
# expression for each part.
_MANY = 12
_SIDE = 128
# Sides of the blocks by which leaves are refined, each a multiple of the next.
_BLOCKS = (256, 64, 16, 8)


class Facts(NamedTuple):
    """What is known of a node of the mask that is evaluated: whether several others ask it, whether it or
    anything below it varies along an axis or reads data.
    """

    is_shared: bool
    varies: bool
    reads: bool


class Evaluator:
    """Answers what nodes ask, for one evaluation; remembers answers that are asked twice.

    A task is one call of `run` or `run_into` from outside: where nodes that look further are stacked, it
    first plans what each node will be asked for (`Request`), and keeps their values until it is done
    (`Kept`). All that nodes ask while it goes on is part of the task.

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
        # The place whose mask is already shortened to what it leaves open.
        self._here: Tile | Points | None = None
        self._kept: Kept | None = None
        self._known: dict[int, Facts] | None = None

    @property
    def _facts(self) -> dict[int, Facts]:
        if self._known is None:
            self._known = facts_of(self._root)
        return self._known

    def _is_shared(self, child: Mask) -> bool:
        known = self._facts.get(id(child))
        return known is not None and known.is_shared

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
        if isinstance(where, Tile) and self._is_kept(child):
            assert self._kept is not None
            return self._kept.values(child, where)
        key = self._key(child, where)
        if key in self._values:
            return self._values[key][2].copy()
        out = self._answer(child, where)
        if self._is_shared(child):
            self._remember(child, where, out.copy())
        return out

    def paint(self, child: Mask, tile: Tile, out: Bools) -> None:
        """See `maskexpr.expr.mask.Ask.paint`."""
        if tile is self._here and tile.on_sky is None and not self._is_remembered(child, tile):
            _count(child, tile)
            child.paint(tile, out, self)
        else:
            out |= self.values(child, tile)

    def narrow(self, child: Mask, where: Tile | Points, out: Bools) -> None:
        """See `maskexpr.expr.mask.Ask.narrow`."""
        # Of a child that others ask too all is wanted, perhaps, and once.
        if isinstance(where, Tile) and self.reads(child) and not self._is_shared(child):
            narrow(child, where, out, self)
        else:
            out &= self.values(child, where)

    def reads(self, child: Mask) -> bool:
        """See `maskexpr.expr.mask.Ask.reads`."""
        known = self._facts.get(id(child))
        return (facts_of(child)[id(child)] if known is None else known).reads

    def keeps(self, child: Mask) -> bool:
        """See `maskexpr.expr.mask.Ask.keeps`."""
        return self._is_kept(child) or self._is_shared(child)

    def refine(self, leaf: Mask, tile: Tile) -> Bools:
        """See `maskexpr.expr.mask.Ask.refine`."""
        if not is_pruned():
            return leaf.inside(tile.all_pixels()).reshape(tile.shape)

        def ask(y: Ints, x: Ints) -> Bools:
            count("pixels", len(y))
            return leaf.inside(tile.pixels(y, x))

        return refine(tile, _BLOCKS, lambda blocks: leaf.coverage(blocks, self), ask)

    def decided(self, child: Mask, plane: tuple[int, ...]) -> Any:
        """See `maskexpr.expr.mask.Ask.decided`."""
        return self._decided.get((child.key, plane)) if self._decided else None

    def fresh(self, mask: Mask) -> Evaluator:
        """See `maskexpr.expr.mask.Ask.fresh`."""
        return type(self)(mask, self._decided)

    def requests(self, mask: Mask, tile: Tile) -> list[Request]:
        """What evaluating a mask on a tile will ask of every node."""
        return plan_requests(mask, tile, self.classify, self)

    def _is_kept(self, child: Mask) -> bool:
        return self._kept is not None and self._kept.holds(child)

    def _key(self, child: Mask, where: Tile | Points) -> tuple[Any, ...]:
        if isinstance(where, Points):
            return (id(child), id(where))
        known = self._facts.get(id(child))
        plane = () if known is not None and not known.varies else where.plane
        return (id(child), id(where.geom), *where.window, plane)

    def _is_remembered(self, child: Mask, tile: Tile) -> bool:
        """Whether the values of a child are known, or to be known, as an array."""
        return self._is_shared(child) or self._is_kept(child) or self._key(child, tile) in self._values

    def _remember(self, child: Mask, where: Tile | Points, values: Bools) -> None:
        self._values[self._key(child, where)] = (child, where, values)

    def _answer(self, child: Mask, where: Tile | Points) -> Bools:
        if where is not self._here:
            return self.run(child, where)
        _count(child, where)
        return _on_sky(child.values(where, self), where)

    def run(self, mask: Mask, where: Tile | Points) -> Bools:
        """Values of a mask at a place that has not been looked at yet."""
        # Data are what they are: there is nothing to shorten, and no need to copy them.
        if isinstance(where, Tile) and not (mask.reads_data and not mask.children):
            out = np.zeros(where.shape, dtype=bool)
            self.run_into(mask, where, out)
            return out
        with self._at(where):
            self._evaluate_deep(mask, where)
            _count(mask, where)
            return _on_sky(mask.values(where, self), where)

    def run_into(self, mask: Mask, tile: Tile, out: Bools) -> None:
        """Write the values of a mask on a tile into an array of False; where nothing is selected it is not
        touched.
        """
        with self._task(mask, tile), self._at(tile):
            self._tile(mask, tile, out)

    def run_open(self, mask: Mask, tile: Tile, out: Bools) -> None:
        """As `run_into`, on a tile that has been classified and is neither empty nor full: what cannot be
        shortened is asked at once.
        """
        if isinstance(mask, Or | And | Xor | Not):
            self.run_into(mask, tile, out)
            return
        with self._task(mask, tile), self._at(tile):
            self._evaluate_deep(mask, tile)
            self._paint(mask, tile, out)

    def answer(self, mask: Mask, tile: Tile, question: Callable[[Tile, Evaluator], Answer]) -> Answer:
        """What a node says of a tile beside its values, as a task of its own."""
        with self._task(mask, tile), self._at(tile):
            return question(tile, self)

    @contextmanager
    def _at(self, where: Tile | Points) -> Iterator[None]:
        """While a mask that is shortened for a place is evaluated there."""
        outer, self._here = self._here, where
        try:
            yield
        finally:
            self._here = outer

    @contextmanager
    def _task(self, mask: Mask, tile: Tile) -> Iterator[None]:
        """While a mask is evaluated on a tile: plan and keep, unless that is part of a task already."""
        if self._kept is not None or not is_stacked(mask):
            yield
            return
        self._kept = Kept(self.requests(mask, tile), self, self.run)
        try:
            yield
        finally:
            self._kept = None

    def _tile(self, mask: Mask, tile: Tile, out: Bools) -> None:
        tiles = tile.tiles
        cover = self.classify(mask, tiles)[0]
        if cover == EMPTY:
            return
        if cover == FULL:
            out[...] = True
            tile.clear_off_sky(out)
            return
        rest = residual(mask, 0, lambda child: self.coverage(child, tiles))
        with self._shortened(mask, rest):
            if tile.shape[0] * tile.shape[1] > _SIDE * _SIDE and _is_crowded(rest):
                self._cut(rest, tile, out)
                tile.clear_off_sky(out)
            else:
                self._evaluate_deep(rest, tile)
                self._paint(rest, tile, out)

    @contextmanager
    def _shortened(self, mask: Mask, rest: Mask) -> Iterator[None]:
        """While a mask that was shortened for a tile is evaluated: what is known of its new nodes."""
        known = self._facts
        if rest is not mask:
            self._known = known | facts_of(rest)
        try:
            yield
        finally:
            self._known = known

    def _paint(self, mask: Mask, tile: Tile, out: Bools) -> None:
        if self._is_kept(mask):
            out |= self.values(mask, tile)
            return
        _count(mask, tile)
        mask.paint(tile, out, self)
        tile.clear_off_sky(out)

    def classify(self, mask: Mask, areas: Areas) -> Coverage:
        """Coverage of a mask, however deep it is."""
        for deep in landings(mask):
            self.coverage(deep, areas)
        return self.coverage(mask, areas)

    def _evaluate_deep(self, mask: Mask, where: Tile | Points) -> None:
        """Remember the values of some nodes of a deep expression, from the bottom up."""
        for deep in landings(mask):
            if self._key(deep, where) not in self._values:
                _count(deep, where)
                self._remember(deep, where, _on_sky(deep.values(where, self), where))

    def _cut(self, mask: Mask, tile: Tile, out: Bools) -> None:
        side = max(_SIDE, -(-max(tile.shape) // 4))
        parts, _ = tile.tiles.split(side)
        cover = self.classify(mask, parts)
        for i in np.flatnonzero(cover != EMPTY):
            part = parts.tile(int(i))
            here = out[part.window.within(tile.window)]
            if cover[i] == FULL:
                here[:] = True
                continue
            rest = residual(mask, int(i), lambda child: self.coverage(child, parts))
            self.fresh(rest).run_into(rest, part, here)


def _on_sky(values: Bools, where: Tile | Points) -> Bools:
    on_sky = where.on_sky
    return values if on_sky is None else values & on_sky


def _count(mask: Mask, where: Tile | Points) -> None:
    count_asked(mask, where.window.size if isinstance(where, Tile) else len(where))


def facts_of(root: Mask) -> dict[int, Facts]:
    """Facts of every node of a mask, by its id."""
    everyone = list(postorder(root, below=attrgetter("asked")))
    askers = Counter(id(child) for each in everyone for child in each.asked)
    found: dict[int, Facts] = {}
    for each in everyone:
        below = [found[id(child)] for child in each.asked]
        varies = bool(each.axes()) or any(child.varies for child in below)
        reads = each.reads_data or any(child.reads for child in below)
        found[id(each)] = Facts(askers[id(each)] > 1, varies, reads)
    return found


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
        If a node fails; names the tile. Errors of maskexpr itself keep their class.
    """
    ask = Evaluator(mask, decided)
    run = ask.run_open if is_open else ask.run_into
    count("tiles")
    for plane, part in zip(planes, out, strict=True):
        with told_where(mask, tile.window, plane):
            run(mask, tile.on_plane(plane), part)
