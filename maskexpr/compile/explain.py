"""Explain a mask: its tree, beside each node the tiles that it leaves empty, full and mixed."""

from __future__ import annotations

import html
from typing import Any

import numpy as np

from ..core.coverage import EMPTY, FULL, MIXED
from ..expr.describe import tree
from ..expr.mask import Mask, Reach
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..io.given import as_grid
from .plan import Plan, make_plan

__all__ = ["Explanation", "explain"]

# Nodes, each with all below it, that are counted at most.
_MOST_NODES = 2048


class Explanation(str):
    """Text whose columns line up, shown as it is at a prompt and in a notebook.

    Examples
    --------
    >>> Explanation("two" + chr(10) + "lines")
    two
    lines
    """

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self)}</pre>"


def explain(mask: Mask, geom: Grid | None = None, chunks: Any = "auto") -> Explanation:
    """The expression as a tree, with counts of tiles where a geometry is given. See `Mask.explain`."""
    if geom is None:
        return Explanation(tree(mask, _reach))
    done = make_plan(mask, as_grid(geom), chunks)
    found = _all_counts(done)

    def note(each: Mask) -> str:
        if id(each) not in found:
            return f"{'not counted':>40}  {_reach(each)}"
        empty, full, mixed = found[id(each)]
        return f"{empty:>7,} empty {full:>7,} full {mixed:>7,} mixed  {_reach(each)}"

    return Explanation(f"{tree(done.compiled.mask, note)}\n\n{done}")


def _reach(mask: Mask) -> str:
    reach = mask.reach()
    return f"reach {reach}" if reach != Reach() else ""


def _all_counts(plan: Plan) -> dict[int, tuple[int, ...]]:
    """Counts of the nodes by their ids: of the whole mask, and of others from the leaves on, as far as the
    work is not too much. A node is counted with all that is below it, so a deep chain is quadratic.
    """
    mask = plan.compiled.mask
    found = {id(mask): _counts(mask, plan)}
    sizes: dict[int, int] = {}
    left = _MOST_NODES
    for each in postorder(mask):
        sizes[id(each)] = 1 + sum(sizes[id(child)] for child in each.children)
        left -= sizes[id(each)]
        if left >= 0:
            found.setdefault(id(each), _counts(each, plan))
    return found


def _counts(each: Mask, plan: Plan) -> tuple[int, ...]:
    """How many tiles a node leaves empty, full and mixed: what the plan says of the node as a mask."""
    compiled = plan.compiled
    cover = plan.states
    if each is not compiled.mask:
        blocks = np.ndindex(*(len(sizes) for sizes in compiled.along))
        cover = np.stack([compiled.cover(plan.tiles, compiled.planes(block), each) for block in blocks])
    return tuple(int(np.count_nonzero(cover == state)) for state in (EMPTY, FULL, MIXED))
