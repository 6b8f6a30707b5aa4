"""What a task keeps: the values of nodes on the windows of a request plan, each made when first asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import numpy as np

from ..core.coverage import FULL, MIXED
from ..core.trace import count_asked
from ..expr.mask import Ask, Bools, Mask
from ..grid.tiles import Tile
from ..pixels.patches import Patches
from ..pixels.rectangles import without
from ..pixels.window import Window
from .requests import Request

__all__ = ["Kept"]


class Kept:
    """The values of the nodes of a request plan that are kept for the task.

    Parameters
    ----------
    of : Ask
        The pass, handed to nodes that answer on all their tiles at once.
    evaluate : callable
        Evaluates a node on a tile of the plan.
    """

    def __init__(self, requests: Iterable[Request], of: Ask, evaluate: Callable[[Mask, Tile], Bools]) -> None:
        self._of = of
        self._evaluate = evaluate
        self._kept = {id(each.node): _Values(each) for each in requests if each.kept}
        self._busy: set[int] = set()

    def holds(self, node: Mask) -> bool:
        """Whether a node's values are kept; not while they are being made."""
        return id(node) in self._kept and id(node) not in self._busy

    def values(self, node: Mask, tile: Tile) -> Bools:
        """Values of a node that is kept, shape (ny, nx); not to be changed."""
        found = self._kept[id(node)]
        touched = found.touched(tile.window)
        for i in touched:
            if found.arrays[i] is None and found.request.cover[i] == MIXED:
                self._make(node, found, i)
        parts = [found.part(i, tile.window) for i in touched]
        values = Patches([window for window, _ in parts], [each for _, each in parts]).on(tile.window)
        # What a node asks for beyond what it announced is evaluated like anything else.
        rest = without(np.array(tile.window, dtype=np.int64), found.bounds[:, touched])
        for y0, y1, x0, x1 in rest.T.tolist():
            values = values.copy()
            here = Window(y0, y1, x0, x1)
            values[here.within(tile.window)] = self._unplanned(node, tile.on(here))
        return values

    def _unplanned(self, node: Mask, tile: Tile) -> Bools:
        with self._making(node):
            return self._evaluate(node, tile)

    @contextmanager
    def _making(self, node: Mask) -> Iterator[None]:
        self._busy.add(id(node))
        try:
            yield
        finally:
            self._busy.discard(id(node))

    def _make(self, node: Mask, found: _Values, i: int) -> None:
        """Evaluate a tile of the plan, or all of them where that is better."""
        survey = found.request.survey
        with self._making(node):
            if survey is None or not survey.together:
                found.arrays[i] = self._evaluate(node, found.request.tiles[i])
                return
            for tile in survey.tiles:
                count_asked(node, tile.window.size)
            values = node.values_on(survey, self._of)
        place = {tile.window: k for k, tile in enumerate(found.request.tiles)}
        for tile, each in zip(survey.tiles, values, strict=True):
            found.arrays[place[tile.window]] = each


class _Values:
    """The values of one node: an array for each tile, once it is made."""

    def __init__(self, request: Request) -> None:
        self.request = request
        windows = [tile.window for tile in request.tiles]
        self.bounds = np.array(windows, dtype=np.int64).reshape(-1, 4).T
        self.arrays: list[Bools | None] = [None] * len(request.tiles)

    def touched(self, window: Window) -> list[int]:
        """Tiles that a window touches."""
        y0, y1, x0, x1 = self.bounds
        meets = (y0 < window.y1) & (window.y0 < y1) & (x0 < window.x1) & (window.x0 < x1)
        return np.flatnonzero(meets).tolist()

    def part(self, i: int, window: Window) -> tuple[Window, Bools]:
        """A window of a tile within another, and the values there."""
        tile, values = self.request.tiles[i], self.arrays[i]
        if values is not None:
            return tile.window, values
        common = tile.window.intersect(window)
        if self.request.cover[i] != FULL:
            return common, np.zeros(common.shape, dtype=bool)
        on_sky = tile.on(common).on_sky
        return common, np.ones(common.shape, dtype=bool) if on_sky is None else on_sky
