"""Pieces of the array of a mask, as files cut it: an image in blocks of its layout, cells in equal runs.

The parent cells of a part of the sky hold various numbers of its cells, and chunks of a store are all of one
size: a run is what several parents hold, or a part of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from dask._task_spec import List
from numpy.typing import NDArray

from ..compile.compiled import Compiled, OfCompiled
from ..compile.evaluate import evaluate_planes
from ..compile.plan import Plan
from ..core.coverage import EMPTY, FULL, MIXED
from ..expr.describe import one_line
from ..expr.mask import Bools
from ..pixels.window import Window

__all__ = ["CellRuns", "CellTiles", "piece_of", "tile_shape", "tile_states", "tile_values", "tile_window"]

Block = tuple[int, ...]

# Cells of a run, at least: the records of many small ones would be longer than these.
_LEAST = 1 << 12


class CellRuns:
    """The cells of a compiled mask in runs of one length, in the order of their array.

    Parameters
    ----------
    compiled : Compiled
        On a grid whose arrays have one dimension.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        (starts,) = compiled.layout.starts
        self.starts = starts
        self.number = int(starts[-1])
        self.length: int = min(max(_LEAST, int(np.diff(starts).max(initial=0))), self.number)

    def __len__(self) -> int:
        return -(-self.number // self.length)

    def window(self, run: int) -> Window:
        """The cells of a run, as a piece of an image of one row."""
        return Window(0, 1, run * self.length, min((run + 1) * self.length, self.number))

    def states(self, states: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """States of runs on each plane from those of blocks: decided where all their blocks agree."""
        first = [self._blocks(self.window(run)).start for run in range(len(self))]
        last = [self._blocks(self.window(run)).stop - 1 for run in range(len(self))]
        out = np.full((*states.shape[:-1], len(self)), MIXED)
        for state in (EMPTY, FULL):
            other = np.concatenate(
                [np.zeros((*states.shape[:-1], 1), np.int64), np.cumsum(states != state, axis=-1)], axis=-1
            )
            out[other[..., np.array(last) + 1] == other[..., first]] = state
        return out

    def blocks(self, run: int) -> range:
        """Blocks of a plane that hold cells of a run."""
        return self._blocks(self.window(run))

    def values(self, plane: Block, window: Window, compute: Callable[[Block], Bools]) -> Bools:
        """Values of a piece, shape (planes of the block..., 1, cells); ``compute`` makes those of a block."""
        parts: list[Bools] = []
        for i in self._blocks(window):
            block = compute((*plane, i))
            low, high = int(self.starts[i]), int(self.starts[i + 1])
            parts.append(block[..., max(window.x0 - low, 0) : min(window.x1, high) - low])
        values: Bools = np.concatenate(parts, axis=-1)[..., None, :]
        return values

    def _blocks(self, window: Window) -> range:
        first = int(np.searchsorted(self.starts, window.x0, side="right")) - 1
        return range(first, int(np.searchsorted(self.starts, window.x1, side="left")))


@dataclass(frozen=True)
class CellTiles(OfCompiled):
    """Runs of cells as work for a cluster: what a `Compiled` is for the tiles of an image."""

    compiled: Compiled

    @property
    def name(self) -> str:
        """Tells apart what is sent."""
        return f"{self.compiled.name}-runs"

    def where(self, tile: Block) -> str:
        """What a tile is, in the words of an error."""
        window = CellRuns(self.compiled).window(tile[-1])
        return f"{one_line(self.mask)} on cells {window.x0} to {window.x1 - 1} of the map"

    def blocks(self, tile: Block) -> list[Block]:
        """Blocks that hold cells of a tile."""
        return [(*tile[:-2], i) for i in CellRuns(self.compiled).blocks(tile[-1])]

    def stages(
        self, name: str, source: tuple[str, ...], tiles: Sequence[Block]
    ) -> tuple[dict[Any, Any], list[Any]]:
        """See `Compiled.stages`; of each tile the references of each of its blocks."""
        blocks = list(dict.fromkeys(block for tile in tiles for block in self.blocks(tile)))
        graph, needs = self.compiled.stages(name, source, blocks)
        known = dict(zip(blocks, needs, strict=True))
        return graph, [List(*(known[block] for block in self.blocks(tile))) for tile in tiles]


def tile_shape(compiled: Compiled) -> tuple[int, int]:
    """Rows and columns of the largest tile of a file."""
    if compiled.layout.is_image:
        rows, columns = (max(sizes) for sizes in compiled.layout.sizes)
        return rows, columns
    return 1, CellRuns(compiled).length


def tile_states(plan: Plan) -> NDArray[np.uint8]:
    """State of each tile of a file, shape (axis blocks..., rows, columns)."""
    return (
        plan.states
        if plan.compiled.layout.is_image
        else CellRuns(plan.compiled).states(plan.states)[..., None, :]
    )


def tile_window(compiled: Compiled, block: Block) -> Window:
    """Pixels of a tile of a file, by its place among the `tile_states`."""
    return compiled.window(block) if compiled.layout.is_image else CellRuns(compiled).window(block[-1])


def tile_values(compiled: Compiled, block: Block, compute: Callable[[Block], Bools]) -> Bools:
    """Values of a tile of a file, shape (planes..., rows, columns); ``compute`` makes those of blocks."""
    if compiled.layout.is_image:
        return compute(block)
    runs = CellRuns(compiled)
    return runs.values(block[:-2], runs.window(block[-1]), compute)


def piece_of(compiled: Compiled, plane: Block, window: Window) -> Bools:
    """Values of a window of a plane of a mask's array, of which one of one dimension is one row."""
    if compiled.layout.is_image:
        image: Bools = evaluate_planes(compiled.mask, compiled.geom, window, (plane,))[0]
        return image
    # Where the mask does not vary along an axis it has one plane for all.
    block = tuple(i if len(sizes) > 1 else 0 for i, sizes in zip(plane, compiled.along, strict=True))
    values: Bools = CellRuns(compiled).values(block, window, compiled.compute).reshape(window.shape)
    return values
