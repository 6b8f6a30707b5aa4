"""Look-ups and sums over a compiled mask, tile by tile, without the whole map."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..compile.cluster import client_of
from ..compile.compiled import Compiled, mask_on
from ..compile.dask import BlockId
from ..compile.evaluate import evaluate_planes
from ..compile.plan import Plan
from ..compile.workers import Work, on_workers
from ..core.coverage import EMPTY, FULL, MIXED
from ..expr.mask import Mask
from ..grid.lattice import Grid
from ..pixels.window import Window
from ..sphere.vectors import degrees_of

__all__ = ["contains_pixels", "selected_area", "selected_count"]

# Points that lie in one cell of this many pixels a side are looked up in one window: small cells where there
# are few points, which should cost few pixels; large ones where a point comes on at most so many pixels, as a
# window costs some milliseconds whatever its size.
_SMALL, _LARGE = 256, 1024
_PIXELS = 1 << 14


def contains_pixels(mask: Mask, geom: Grid, positions: SkyCoord) -> NDArray[np.bool_]:
    """The mask's value at the pixel that holds each position, False outside the map. The grid is not cut into
    blocks for it, of which there may be too many.

    Returns
    -------
    ndarray of bool, shape (varying axes..., *positions.shape)
    """
    simple, along = mask_on(mask, geom)
    row, column = geom.array_index(*degrees_of(positions.reshape(-1), geom.frame))
    height, width = geom.image_shape
    on_map = np.flatnonzero(row >= 0)
    row, column = row[on_map], column[on_map]
    varying = tuple(sum(sizes) for sizes in along)
    planes = tuple(product(*(range(n) for n in varying)))
    out = np.zeros((len(planes), positions.size), dtype=bool)
    side = _LARGE if height * width < _PIXELS * row.size else _SMALL
    cells = (row // side) * (-(-width // side)) + column // side
    order = np.argsort(cells, kind="stable")
    for some in np.split(order, np.flatnonzero(np.diff(cells[order])) + 1):
        if len(some):
            window = Window(
                int(row[some].min()),
                int(row[some].max()) + 1,
                int(column[some].min()),
                int(column[some].max()) + 1,
            )
            values = evaluate_planes(simple, geom, window, planes)
            out[:, on_map[some]] = values[:, row[some] - window.y0, column[some] - window.x0]
    kept = tuple(n for n, axis in zip(varying, geom.axes, strict=True) if n > 1)
    return out.reshape((*kept, *positions.shape))


def selected_area(compiled: Compiled) -> NDArray[np.float64]:
    """Solid angle of the selected pixels in sr: a number, or one per plane along the axes that the mask
    varies along.
    """
    return _total(compiled, _full_area, _mixed_area, np.float64)


def selected_count(compiled: Compiled) -> NDArray[np.int64]:
    """Number of selected pixels: one, or one per plane along the axes that the mask varies along."""
    return _total(compiled, _full_count, _mixed_count, np.int64)


def _total(
    compiled: Compiled,
    of_full: Callable[[Compiled, BlockId], NDArray[Any]],
    of_mixed: Work,
    dtype: type[np.generic],
) -> NDArray[Any]:
    """Sums of what each block has on each of its planes; of tiles, only mixed ones are tasks of a cluster."""
    plan, client = Plan(compiled), client_of("auto")
    total = np.zeros(tuple(sum(sizes) for sizes in compiled.along), dtype)
    mixed = [tuple(int(i) for i in place) for place in np.argwhere(plan.states == MIXED)]
    known = {} if client is None or not mixed else dict(on_workers(client, compiled, mixed, of_mixed))
    # One after the other in the order of the map, whoever summed up the tiles: the last bit depends on it.
    for place in np.argwhere(plan.states != EMPTY):
        block = tuple(int(i) for i in place)
        if plan.states[block] == FULL:
            sums = of_full(compiled, block)
        else:
            sums = known[block] if block in known else of_mixed(compiled, block, (), None)
        for plane, amount in zip(compiled.planes(block), sums, strict=True):
            total[plane] += amount
    return total[()]


def _full_area(compiled: Compiled, block: BlockId) -> NDArray[np.float64]:
    """Solid angle of all pixels of a block, for each of its planes."""
    window = compiled.window(block)
    areas = np.broadcast_to(compiled.geom.solid_angle_of(window), window.shape)
    return np.full(len(compiled.planes(block)), np.nansum(areas))


def _mixed_area(
    compiled: Compiled, block: BlockId, known: Sequence[Any] = (), given: None = None
) -> NDArray[np.float64]:
    """Solid angle of the selected pixels of a block, for each of its planes."""
    areas = compiled.geom.solid_angle_of(compiled.window(block))
    return np.array([np.nansum(np.where(each, areas, 0.0)) for each in compiled.on_window(block, known)])


def _full_count(compiled: Compiled, block: BlockId) -> NDArray[np.int64]:
    """Number of pixels of a block, for each of its planes."""
    planes = len(compiled.planes(block))
    size = prod(sizes[i] for sizes, i in zip(compiled.chunks, block, strict=True))
    return np.full(planes, size // planes, np.int64)


def _mixed_count(
    compiled: Compiled, block: BlockId, known: Sequence[Any] = (), given: None = None
) -> NDArray[np.int64]:
    """Number of selected pixels of a block, for each of its planes."""
    planes = compiled.compute(block, known).reshape(len(compiled.planes(block)), -1)
    counts: NDArray[np.int64] = np.count_nonzero(planes, axis=1)
    return counts
