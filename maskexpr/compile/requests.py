"""The request plan of a task: which windows each node will be asked for, found from the top down.

Growth asks for more than it is asked for, and through several windows of a parent the same pixels are wanted
again and again. So what all windows of all parents need of a node is put together before anything is
evaluated, and a node that looks further is asked for each pixel once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from ..core.arrays import Ints
from ..core.coverage import MIXED, Coverage
from ..expr.mask import Ask, Mask
from ..expr.structure import postorder
from ..grid.survey import Survey
from ..grid.tiles import Areas, Tile, Tiles
from ..pixels.rectangles import disjoint

__all__ = ["Request", "is_stacked", "kept_nodes", "plan_requests"]


@dataclass(frozen=True)
class Request:
    """What one node is asked for in a task.

    Attributes
    ----------
    tiles : list of Tile
        Its windows, without overlap if it is ``kept``.
    cover : list of int
        What coverage says of each: only what is MIXED is evaluated.
    survey : Survey or None
        What it asks for in turn, to answer on its undecided tiles; None if there are none.
    kept : bool
        Whether its values are kept for the task, so that no pixel is evaluated twice.
    """

    node: Mask
    tiles: list[Tile]
    cover: list[int]
    survey: Survey | None
    kept: bool


def is_stacked(root: Mask) -> bool:
    """Whether a node that asks for further windows stands below another, or one below is asked by several."""
    below, shared = _below(root)
    return any(each.widens or id(each) in shared for each in below)


def kept_nodes(root: Mask) -> set[int]:
    """Nodes, by their ids, whose values are kept for a task: those that ask for further windows, those that
    are asked by such, and those below that are asked by several; not those that only hand on what they ask.
    """
    below, shared = _below(root)
    widening = [each for each in _from_the_top(root) if each.widens]
    asked = [child for each in widening for child in each.asked]
    several = [each for each in below if id(each) in shared]
    return {id(each) for each in (*widening, *asked, *several) if each.widens or not each.hands_on}


def _below(root: Mask) -> tuple[list[Mask], set[int]]:
    """The nodes below such that ask for further windows, and the ids of all that are asked by several."""
    found: list[Mask] = []
    below: set[int] = set()
    askers: Counter[int] = Counter()
    for each in _from_the_top(root):
        if id(each) in below:
            found.append(each)
        for child in each.asked:
            askers[id(child)] += 1
            if each.widens or id(each) in below:
                below.add(id(child))
    return found, {key for key, number in askers.items() if number > 1}


def _from_the_top(root: Mask) -> list[Mask]:
    """Every node once, before all that it asks."""
    return list(postorder(root, below=attrgetter("asked")))[::-1]


def plan_requests(root: Mask, tile: Tile, cover: Callable[[Mask, Areas], Coverage], of: Ask) -> list[Request]:
    """What evaluating a mask on a tile asks of every node, parents before the masks that they ask.

    Parameters
    ----------
    cover : callable
        Coverage of a node, however deep it is.
    of : Ask
        The pass, which nodes ask for coverage.
    """
    kept = kept_nodes(root)
    wanted: dict[int, list[Ints]] = {id(root): [np.array(tile.window, dtype=np.int64)[:, None]]}
    found: list[Request] = []
    for node in _from_the_top(root):
        if id(node) not in wanted:
            continue
        parts = wanted.pop(id(node))
        if len(parts) == 1:
            bounds = parts[0]
        elif id(node) in kept:
            bounds = disjoint(np.concatenate(parts, axis=1))
        else:
            bounds = np.unique(np.concatenate(parts, axis=1), axis=1)
        batch = Tiles(tile.geom, bounds, tile.plane)
        states = cover(node, batch).tolist()
        tiles = [tile if node is root else batch.tile(i) for i in range(len(batch))]
        open_ = [each for each, state in zip(tiles, states, strict=True) if state == MIXED]
        survey = node.survey(open_, of) if open_ else None
        if survey is not None and survey.windows.size:
            for child in node.asked:
                wanted.setdefault(id(child), []).append(survey.windows)
        found.append(Request(node, tiles, states, survey, id(node) in kept))
    return found
