"""Look-ups and sums over a compiled mask, tile by tile, without the whole map."""

from __future__ import annotations

from itertools import product

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from ..compile.compiled import Compiled
from ..compile.evaluate import evaluate_planes
from ..compile.plan import Plan
from ..core.coverage import EMPTY, FULL
from ..pixels.window import Window

__all__ = ["contains_pixels", "selected_area"]

# Points that lie in one cell of this many pixels a side are looked up in one window: small cells where there
# are few points, which should cost few pixels; large ones where a point comes on at most so many pixels, as a
# window costs some milliseconds whatever its size.
_SMALL, _LARGE = 256, 1024
_PIXELS = 1 << 14


def contains_pixels(compiled: Compiled, positions: SkyCoord) -> NDArray[np.bool_]:
    """The mask's value at the pixel that holds each position, False outside the map.

    Returns
    -------
    ndarray of bool, shape (varying axes..., *positions.shape)
    """
    geom = compiled.geom
    there = positions.reshape(-1).transform_to(geom.frame).spherical
    row, column = geom.array_index(there.lon.to_value(u.deg), there.lat.to_value(u.deg))
    height, width = geom.image_shape
    on_map = np.flatnonzero(row >= 0)
    row, column = row[on_map], column[on_map]
    varying = tuple(sum(sizes) for sizes in compiled.along)
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
            values = evaluate_planes(compiled.mask, geom, window, planes)
            out[:, on_map[some]] = values[:, row[some] - window.y0, column[some] - window.x0]
    kept = tuple(n for n, axis in zip(varying, geom.axes, strict=True) if n > 1)
    return out.reshape((*kept, *positions.shape))


def selected_area(compiled: Compiled) -> NDArray[np.float64]:
    """Solid angle of the selected pixels in sr: a number, or one per plane along the axes that the mask
    varies along.
    """
    plan = Plan(compiled)
    varying = tuple(sum(sizes) for sizes in compiled.along)
    total = np.zeros(varying)
    for block in zip(*np.nonzero(plan.states != EMPTY), strict=True):
        place = tuple(int(i) for i in block)
        window = compiled.window(place)
        areas = compiled.geom.solid_angle_of(window)
        planes = compiled.planes(place)
        if plan.states[block] == FULL:
            sums = np.full(len(planes), np.nansum(np.broadcast_to(areas, window.shape)))
        else:
            values = evaluate_planes(compiled.mask, compiled.geom, window, planes)
            sums = np.array([np.nansum(np.where(each, areas, 0.0)) for each in values])
        for plane, amount in zip(planes, sums, strict=True):
            total[plane] += amount
    return total[()]
