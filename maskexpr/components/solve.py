"""Connected components of a whole map: label blocks, unite labels across their edges in a tree (union-find),
hand the decisions down.

The protocol stands here once, as data: `plan` lists the steps with what each needs. `solve` walks them in one
process; a lazy array makes a task of each. A step is a function of a `Job`, of literals and of what the steps
before it made.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise, product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..core.coverage import EMPTY
from ..core.threads import LONG, busy_threads, in_threads
from ..expr.mask import Ask, Bools
from ..expr.structure import postorder
from ..grid.lattice import OFF, Grid
from ..grid.layout import Layout, block_sides
from ..grid.rim import topology
from ..grid.tiles import Tile, Tiles
from ..pixels.join import Joint, Summary, Verdict, close, merge, merge_plan, nothing, split
from ..pixels.label import paint
from ..pixels.window import Window, equal_parts
from ..pixels.words import Stored

if TYPE_CHECKING:
    from .node import Connected, Labelled

__all__ = [
    "SIDE",
    "THREADS",
    "Blocks",
    "Decided",
    "Job",
    "Kept",
    "Name",
    "Step",
    "blocks",
    "blocks_of",
    "busy",
    "plan",
    "solve",
]

# Labels are kept until the map is decided where those of all blocks, as dense as one of them, take at most so
# many bytes, or a byte for so many pixels; others are made again, which takes as long as to make them.
_KEPT = 1 << 26
_SPARSE = 3
# Pixels along a side of the blocks that are labelled: larger chunks are cut, so that threads share them. The
# words of one fit the cache of a core, and calls on them are long.
SIDE = 2896
# Threads that label one map at most; whoever else wants it waits.
THREADS = 4


class Blocks(NamedTuple):
    """The windows to label, a grid of rows and columns, row after row."""

    windows: list[Window]
    shape: tuple[int, int]

    def meeting(self, window: Window) -> list[int]:
        """Which of them have a pixel in common with a window, by bisection.

        Examples
        --------
        >>> Blocks([Window(0, 2, 0, 2), Window(0, 2, 2, 4)], (1, 2)).meeting(Window(1, 5, 2, 3))
        [1]
        """
        rows, columns = self.shape
        if not window.size or not self.windows:
            return []
        y = range(
            bisect_right(range(rows), window.y0, key=lambda i: self.windows[i * columns].y1),
            bisect_left(range(rows), window.y1, key=lambda i: self.windows[i * columns].y0),
        )
        x = range(
            bisect_right(range(columns), window.x0, key=lambda i: self.windows[i].x1),
            bisect_left(range(columns), window.x1, key=lambda i: self.windows[i].x0),
        )
        return [i * columns + j for i in y for j in x]

    def part(self, window: Window) -> tuple[Blocks, list[int]]:
        """The blocks that meet a window, themselves a grid, and which they are."""
        index = self.meeting(window)
        rows = len({i // self.shape[1] for i in index})
        return Blocks([self.windows[i] for i in index], (rows, len(index) // max(1, rows))), index


class Kept(NamedTuple):
    """Pixels of the components that are kept in a tile, as bits of the padded block."""

    shape: tuple[int, ...]
    bits: Stored

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.bits.nbytes


class Decided(NamedTuple):
    """What is known of a decided map: its blocks, or those of a part of it, and what is kept in each (None:
    no candidates).
    """

    blocks: Blocks
    kept: list[Kept | None]


class Job(NamedTuple):
    """What every step knows: the node, the map and its plane, and the way to ask children."""

    node: Connected
    geom: Grid
    plane: tuple[int, ...]
    of: Ask

    def tile(self, window: Window) -> Tile:
        """A window of the map; linked planes are labelled from the first."""
        return Tile(self.geom, window, self.plane or (0,) * len(self.geom.axes))


Name = tuple[str, int]
"""What a step makes, and of which block."""


class Step(NamedTuple):
    """One step: ``make(job, *given, *needed)``, with what the steps in ``needs`` made.

    ``window`` is the tile whose children's pixels it asks for, None if it asks for none.
    """

    make: Callable[..., Any]
    given: tuple[Any, ...]
    needs: tuple[Name, ...] = ()
    window: Window | None = None


def blocks_of(geom: Grid, layout: Layout) -> Blocks:
    """The windows to label for a map whose arrays are cut into blocks."""
    return blocks(geom, *layout.strips(SIDE))


def blocks(geom: Grid, rows: tuple[int, ...], columns: tuple[int, ...]) -> Blocks:
    """The windows to label for a map cut into rows and columns. Large ones are cut further.

    Those that hold no sky, on projections where whole rows and columns are on or off the sky, are left out.

    Parameters
    ----------
    rows, columns : tuple of int
        Heights and widths.
    """
    window = topology(geom).window
    ranges = []
    for i, (sizes, side) in enumerate(zip((rows, columns), block_sides(sum(columns), SIDE), strict=True)):
        first, end = window[2 * i : 2 * i + 2]
        bounds = np.clip(np.cumsum([0, *_cut(geom, sizes, i, side)]), first, end).tolist()
        ranges.append([(low, high) for low, high in pairwise(bounds) if low < high])
    return Blocks([Window(*y, *x) for y, x in product(*ranges)], (len(ranges[0]), len(ranges[1])))


def _cut(geom: Grid, sizes: tuple[int, ...], axis: int, side: int) -> list[int]:
    """Sizes along an axis, the large ones in about equal parts unless the map has nothing there."""
    cut: list[int] = []
    for size in sizes:
        bounds = np.array([0, geom.image_shape[0], 0, geom.image_shape[1]])
        bounds[2 * axis : 2 * axis + 2] = sum(cut), sum(cut) + size
        is_void = size > side and geom.covers(bounds[:, None])[0] == OFF
        cut += equal_parts(size, 1 if is_void else -(-size // side))
    return cut


def busy(node: Connected, geom: Grid, windows: Sequence[Window], plane: tuple[int, ...], of: Ask) -> Bools:
    """Which windows may hold candidates, on any of the planes that are labelled together."""
    out = np.zeros(len(windows), dtype=bool)
    if windows:
        bounds = np.array(windows, dtype=np.int64).T
        held = np.flatnonzero(geom.covers(bounds) != OFF)
        tiles = Tiles(geom, bounds[:, held], plane or (0,) * len(geom.axes))
        for each in node.planes(Tile(geom, windows[0], tiles.plane)):
            out[held] |= node.candidates_in(tiles.on_plane(each), of) != EMPTY
    return out


def plan(cut: Blocks, is_busy: Bools) -> dict[Name, Step]:
    """The steps that decide a map, each after those that it needs; ``("keep", i)`` are the results.

    Parameters
    ----------
    cut : Blocks
        The windows that are labelled.
    is_busy : ndarray of bool
        Which of them may hold candidates; the others are not labelled.
    """
    if not cut.windows:
        return {}
    tree, out = merge_plan(*cut.shape), dict[Name, Step]()
    pixels = sum(window.size for window, busy in zip(cut.windows, is_busy, strict=True) if busy)
    room = _KEPT / max(1, pixels)

    def up(i: int) -> Name:
        return ("label" if i < len(cut.windows) else "join", i)

    for i, window in enumerate(cut.windows):
        busy_step = Step(_label, (window, room * window.size), (), window)
        out["label", i] = busy_step if is_busy[i] else Step(_nothing, (window,))
    for step in tree:
        needs = tuple(up(i) for row in step.parts for i in row)
        out["join", step.whole] = Step(_join, (len(step.parts[0]),), needs)
    root = tree[-1].whole if tree else 0
    out["root", root] = Step(decide, (), (up(root),))
    # Of each block, the step that makes its verdict, and the place of it among those that the step makes.
    verdict: dict[int, tuple[Name, int]] = {root: (("root", root), 0)}
    for step in reversed(tree):
        name, k = verdict.pop(step.whole)
        out["down", step.whole] = Step(_hand_down, (k,), (up(step.whole), name))
        parts = (i for row in step.parts for i in row)
        verdict.update({i: (("down", step.whole), k) for k, i in enumerate(parts)})
    for i, window in enumerate(cut.windows):
        name, k = verdict[i]
        busy_step = Step(_keep, (window, k), (up(i), name), window)
        out["keep", i] = busy_step if is_busy[i] else Step(_keep_nothing, ())
    return out


def solve(
    node: Connected,
    geom: Grid,
    plane: tuple[int, ...],
    ask: Callable[[], Ask],
    rows: tuple[int, ...],
    columns: tuple[int, ...],
) -> Decided:
    """Decide on all tiles of a map in this process.

    Parameters
    ----------
    geom, plane : Grid, tuple of int
        The map, and which plane of it.
    ask : callable
        Makes the way to ask children; called for every step, so that nothing is remembered for longer.
    rows, columns : tuple of int
        Heights and widths of the blocks that are labelled.
    """
    cut = blocks(geom, rows, columns)
    made: dict[Name, Any] = {}

    def work(item: tuple[Name, Step]) -> None:
        name, step = item
        made[name] = step.make(
            Job(node, geom, plane, ask()), *step.given, *(made[each] for each in step.needs)
        )

    steps = plan(cut, busy(node, geom, cut.windows, plane, ask()))
    is_long = sum(each.size for each in cut.windows) >= LONG
    apart = is_long and not any(each.waits for each in postorder(node))
    for what, some in groupby(steps.items(), key=lambda item: item[0][0]):
        # Tiles do not wait for each other; the steps of the tree do.
        threads = min(THREADS, busy_threads()) if what in ("label", "keep") else 1
        in_threads(work, list(some), threads, apart)
    return Decided(cut, [made["keep", i] for i in range(len(cut.windows))])


def _label(job: Job, window: Window, room: float) -> tuple[Summary, Labelled | None]:
    """What goes up the tree, and the labels if they take at most ``room`` bytes, or few for the pixels."""
    labelled = job.node.label_tile(job.tile(window), job.of)
    is_small = labelled.nbytes <= max(room, prod(labelled.pieces.shape) / _SPARSE)
    return labelled.summary, labelled if is_small else None


def _nothing(job: Job, window: Window) -> tuple[Summary, None]:
    return nothing(job.node.block_shape(job.geom, window)), None


def _join(job: Job, width: int, *parts: tuple[Summary, Any]) -> tuple[Summary, Joint]:
    """Unite the labels of ``width`` blocks a row along their common edges."""
    up = [summary for summary, _ in parts]
    rows = [up[i : i + width] for i in range(0, len(up), width)]
    return merge(rows, job.node.connectivity == 8)


def decide(job: Job, whole: tuple[Summary, Any]) -> list[Verdict]:
    """Unite what meets over the seam, the poles and the rim, and decide on all that is still open."""
    around = topology(job.geom)
    joint, largest = close(whole[0], around.seam, around.poles, job.node.connectivity == 8)
    return split(joint, Verdict(np.zeros(0, dtype=bool), largest), job.node.rule(job.geom))


def _hand_down(job: Job, k: int, joined: tuple[Summary, Joint], verdicts: list[Verdict]) -> list[Verdict]:
    return split(joined[1], verdicts[k], job.node.rule(job.geom))


def _keep(
    job: Job, window: Window, k: int, label: tuple[Summary, Labelled | None], verdicts: list[Verdict]
) -> Kept:
    """What is kept of a tile; it is labelled again where its labels were not kept."""
    labelled = label[1] or job.node.label_tile(job.tile(window), job.of)
    keep = job.node.keep(job.geom, labelled, verdicts[k])
    return Kept(labelled.pieces.shape, Stored.of(paint(labelled.pieces, keep)))


def _keep_nothing(job: Job) -> None:
    return None
