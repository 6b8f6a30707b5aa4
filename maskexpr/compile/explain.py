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
from ..grid.tiles import Tiles
from ..io.given import as_grid
from .evaluate import Evaluator
from .plan import make_plan

__all__ = ["Explanation", "explain"]


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
    compiled = done.compiled
    blocks = np.ndindex(*(len(sizes) for sizes in compiled.along))
    tiles = compiled.all_tiles
    found = _counts(compiled.mask, [tiles.on_plane(p) for each in blocks for p in compiled.planes(each)])

    def note(each: Mask) -> str:
        empty, full, mixed = found[id(each)]
        return f"{empty:>7,} empty {full:>7,} full {mixed:>7,} mixed  {_reach(each)}"

    return Explanation(f"{tree(compiled.mask, note)}\n\n{done}")


def _reach(mask: Mask) -> str:
    reach = mask.reach()
    return f"reach {reach}" if reach != Reach() else ""


def _counts(mask: Mask, batches: list[Tiles]) -> dict[int, tuple[int, int, int]]:
    """For each node, by its id, how many tiles it leaves empty, full and mixed."""
    found = {id(each): np.zeros(3, dtype=np.int64) for each in postorder(mask)}
    for tiles in batches:
        ask = Evaluator(mask)
        for each in postorder(mask):
            cover = ask.classify(each, tiles)
            found[id(each)] += [np.count_nonzero(cover == state) for state in (EMPTY, FULL, MIXED)]
    return {key: (int(a), int(b), int(c)) for key, (a, b, c) in found.items()}
