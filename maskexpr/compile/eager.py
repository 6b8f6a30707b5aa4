"""A whole mask in memory at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import FULL, MIXED
from ..core.threads import run_blocks
from .compiled import Compiled
from .dask import BlockId
from .evaluate import evaluate_into
from .plan import Plan

__all__ = ["compute_array"]

# Bytes of the pages in which the system hands out memory.
_PAGE = 4096


def compute_array(compiled: Compiled) -> NDArray[np.bool_]:
    """Values of a compiled mask on its whole map, shape of the geometry.

    The tiles are written into one array, which the operating system gives out page by page: what is empty
    takes no time and no memory, and nothing is copied together. Along axes that the mask does not vary
    along, all planes are one.
    """
    sizes = tuple(sum(each) for each in compiled.chunks)
    out = np.zeros(sizes, dtype=bool)

    def fill(block: BlockId) -> None:
        # The planes of a tile together: what does not vary between them is computed once.
        planes, tile = of_tile[block], plan.tiles.tile(block[0] * len(compiled.chunks[-1]) + block[1])
        y0, y1, x0, x1 = tile.window
        views = [out[plane][y0:y1, x0:x1] for plane in planes]
        for view in views:
            # Memory that is read before it is written comes in small pages, and the system takes longer to
            # hand these out than we take to fill them.
            view[:, ::_PAGE] = False
        evaluate_into(compiled.mask, tile, tuple(planes), views, is_open=True)

    plan = Plan(compiled)
    for place in np.argwhere(plan.states == FULL):
        block = tuple(int(i) for i in place)
        y0, y1, x0, x1 = compiled.window(block)
        for plane in compiled.planes(block):
            out[plane][y0:y1, x0:x1] = True
    of_tile: dict[BlockId, list[tuple[int, ...]]] = {}
    for place in np.argwhere(plan.states == MIXED):
        at = tuple(int(i) for i in place)
        of_tile.setdefault(at[-2:], []).append(at[:-2])
    run_blocks(fill, list(of_tile))
    return np.broadcast_to(out, compiled.geom.shape) if sizes != compiled.geom.shape else out
