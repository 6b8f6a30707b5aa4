"""A whole mask in memory at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL, MIXED
from ..core.pages import expect_writes
from ..core.threads import LONG, busy_threads, run_blocks
from .compiled import Compiled
from .dask import BlockId
from .evaluate import evaluate_into
from .plan import Plan
from .whole import back_with_pages, new_canvas

__all__ = ["compute_array"]


def compute_array(compiled: Compiled) -> NDArray[np.bool_]:
    """Values of a compiled mask on its whole map, shape of the geometry.

    The tiles are written into one array, which the operating system gives out page by page: what is empty
    takes no time and no memory, and nothing is copied together. Along axes that the mask does not vary
    along, all planes are one.
    """
    sizes = tuple(sum(each) for each in compiled.chunks)
    plan, layout = Plan(compiled, to_paint=True), compiled.layout
    out = new_canvas(sizes, bool, float(np.mean(plan.states != EMPTY)), compiled.fills_parts)

    def fill(block: BlockId) -> None:
        # The planes of a tile together: what does not vary between them is computed once.
        planes, tile = tuple(of_tile[block]), plan.tiles.tile(int(np.ravel_multi_index(block, shape)))
        views = [out[plane][layout.place(block)] for plane in planes]
        if layout.is_image:
            for view in views:
                back_with_pages(view)
            evaluate_into(compiled.mask, tile, planes, views, is_open=True)
            return
        values = np.zeros((len(planes), *tile.shape), dtype=bool)
        evaluate_into(compiled.mask, tile, planes, values, is_open=True)
        for view, one in zip(views, values, strict=True):
            layout.pack(one, block, view)

    shape = layout.numblocks
    for place in np.argwhere(plan.states == FULL):
        block = tuple(int(i) for i in place)
        for plane in compiled.planes(block):
            view = out[plane][layout.place(compiled.spatial(block))]
            expect_writes(view)
            view[...] = True
    of_tile: dict[BlockId, list[tuple[int, ...]]] = {}
    for place in np.argwhere(plan.states == MIXED):
        at = tuple(int(i) for i in place)
        of_tile.setdefault(compiled.spatial(at), []).append(at[: len(compiled.along)])
    waits = compiled.waits
    apart = not waits and out.size >= LONG
    run_blocks(fill, list(of_tile), threads=None if waits else busy_threads(), apart=apart)
    return np.broadcast_to(out, compiled.geom.shape) if sizes != compiled.geom.shape else out
