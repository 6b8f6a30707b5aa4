"""Deciding on the components of a whole map in one process: label every tile, join, hand down.

A plan that makes tasks does the same by `blocks`, `Connected.label_tile`, `merge`, `close`, `split` and
`Connected.finish`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..core.coverage import EMPTY
from ..core.threads import in_threads, number_of_threads
from ..expr.mask import Ask, Bools
from ..grid.lattice import Grid
from ..grid.rim import topology
from ..grid.tiles import Tile, Tiles
from ..pixels.join import Joint, Summary, Verdict, close, merge, merge_plan, nothing, split
from ..pixels.window import Window

if TYPE_CHECKING:
    from .node import Connected, Labelled

__all__ = ["SIDE", "THREADS", "Solution", "blocks", "decide", "in_pairs", "is_sparse", "solve"]

# Labels of at most one byte for so many pixels are kept until the map is decided; others are made again.
_SPARSE = 4
# Pixels along a side of the blocks that are labelled: larger chunks are cut, so that threads share them.
SIDE = 2048
# Threads that label one map at most; whoever else wants it waits.
THREADS = 4


class Solution(NamedTuple):
    """The decisions on the tiles of a map, row after row.

    Tiles without candidates have no verdict; of tiles with many components the labels are not kept, but can
    be made again.
    """

    windows: list[Window]
    shape: tuple[int, int]
    verdicts: list[Verdict | None]
    labelled: list[Labelled | None]


def blocks(
    geom: Grid, rows: tuple[int, ...], columns: tuple[int, ...]
) -> tuple[list[Window], tuple[int, int]]:
    """The windows to label for a map cut into chunks, row after row, and how many rows and columns of them
    there are. Large chunks are cut further.

    Chunks that hold no sky, on projections where whole rows and columns are on or off the sky, are left out.

    Parameters
    ----------
    rows, columns : tuple of int
        Chunk sizes along y and x.
    """
    window = topology(geom).window
    ranges = []
    for sizes, first, end in ((rows, window.y0, window.y1), (columns, window.x0, window.x1)):
        bounds = np.clip(np.cumsum([0, *_cut(sizes)]), first, end).tolist()
        ranges.append([(low, high) for low, high in pairwise(bounds) if low < high])
    return [Window(*y, *x) for y, x in product(*ranges)], (len(ranges[0]), len(ranges[1]))


def in_pairs(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Chunk sizes along an axis, two and two together where they fit a block: fewer blocks to be joined.

    Examples
    --------
    >>> in_pairs((1000, 1000, 1000)), in_pairs((1500, 1500))
    ((2000, 1000), (1500, 1500))
    """
    paired: list[int] = []
    for i in range(0, len(sizes), 2):
        pair = sizes[i : i + 2]
        paired += [sum(pair)] if sum(pair) <= SIDE else pair
    return tuple(paired)


def _cut(sizes: tuple[int, ...]) -> list[int]:
    """Chunk sizes along an axis, the large ones in about equal parts."""
    cut: list[int] = []
    for size in sizes:
        parts = -(-size // SIDE)
        cut += [size * (i + 1) // parts - size * i // parts for i in range(parts)]
    return cut


def decide(summaries: list[Summary], shape: tuple[int, int], node: Connected, geom: Grid) -> list[Verdict]:
    """Join the summaries of all tiles in a tree and hand the decisions down again.

    Parameters
    ----------
    summaries : list of Summary
        Of all tiles, row after row.
    shape : (int, int)
        Rows and columns of tiles.
    node : Connected
        Whose rule decides.
    geom : Grid
        The map.
    """
    full, rule, ground = node.connectivity == 8, node.rule(geom), topology(geom)
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
    geom: Grid,
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
    geom, plane : Grid, tuple of int
        The map, and which plane of it.
    ask : callable
        Makes the way to ask children; called for every tile, so that nothing is remembered for longer.
    rows, columns : tuple of int
        Chunk sizes along y and x.
    """
    windows, shape = blocks(geom, rows, columns)
    if not windows:
        return Solution([], shape, [], [])
    tiles = Tiles(geom, np.array(windows, dtype=np.int64).T, plane)
    busy = _busy(node, tiles, ask())

    def work(i: int) -> tuple[Summary, Labelled | None]:
        if not busy[i]:
            return nothing(node.block_shape(geom, windows[i])), None
        labelled = node.label_tile(Tile(geom, windows[i], plane), ask())
        return labelled.summary, labelled if is_sparse(labelled) else None

    found = in_threads(work, range(len(windows)), min(THREADS, number_of_threads()))
    verdicts = decide([summary for summary, _ in found], shape, node, geom)
    return Solution(
        windows,
        shape,
        [verdict if each else None for each, verdict in zip(busy, verdicts, strict=True)],
        [labelled for _, labelled in found],
    )


def is_sparse(labelled: Labelled) -> bool:
    """Whether the labels of a tile are small enough to be kept until the map is decided."""
    return labelled.nbytes * _SPARSE <= prod(labelled.runs.shape)


def _busy(node: Connected, tiles: Tiles, of: Ask) -> Bools:
    """Which tiles may hold candidates, on any of the planes that are labelled together."""
    out = np.zeros(len(tiles), dtype=bool)
    for plane in node.planes(tiles.tile(0)):
        out |= node.candidates_in(tiles.on_plane(plane), of) != EMPTY
    return out
