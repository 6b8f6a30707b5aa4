"""Where a map meets itself, and steps over the rim of the sky's image along great circles."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import scipy

from ..core.arrays import Bools, Ints
from ..pixels.window import Window
from ..sphere.vectors import lonlat, normalise, unit
from .lattice import Grid, Rim, Topology
from .tiles import Tile

__all__ = ["Steps", "rim_by_neighbours", "rim_by_steps", "topology"]

Steps = Callable[[Ints, Ints], tuple[Ints, Ints, Ints]]
"""From rows and columns of pixels, shape (n,), to pairs: the place of a pixel among them, and the row and the
column of one that touches it. All three of one shape, in any order.
"""

# Pixels at this distance from the rim of the sky may be where a step over it leads.
_NEAR = 2
_WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))


@lru_cache(maxsize=64)
def topology(geom: Grid) -> Topology:
    """How a map meets itself, found once for a grid."""
    return geom.topology()


def rim_by_neighbours(geom: Grid, window: Window, steps: Steps) -> Rim:
    """Where a window meets the rim of the sky and the edge of the map, from the neighbours of its pixels.

    Parameters
    ----------
    geom : Grid
        The grid.
    window : Window
        Pixels of the map.
    steps : callable
        The neighbours on the sphere of pixels that are on the sky, on the map or beyond it, also those that
        are neighbours on the lattice.
    """
    ny, nx = geom.image_shape
    seen = Tile(geom, window).on_sky
    y, x = np.nonzero(np.ones(window.shape, dtype=bool) if seen is None else seen)
    y, x = y + window.y0, x + window.x0
    start, to_y, to_x = steps(y, x)
    far = (np.abs(to_y - y[start]) > 1) | (np.abs(to_x - x[start]) > 1)
    held = (to_y >= 0) & (to_y < ny) & (to_x >= 0) & (to_x < nx)
    some = far | ~held
    target = np.where(held, to_y * nx + to_x, -1)[some]
    return Rim(y[start[some]], x[start[some]], target, target < 0)


def rim_by_steps(geom: Grid, window: Window) -> Rim:
    """Where a window that may be off the sky in part meets the rim of the sky, and the edge of the map.

    A step from the last pixel before the rim goes on along its great circle; the pixel in which it ends is a
    neighbour.
    """
    seen = Tile(geom, window.pad(_NEAR)).on_sky
    found = [_at_sides(geom, window, seen)]
    if seen is not None:
        height, width = window.shape
        inner = seen[_NEAR:-_NEAR, _NEAR:-_NEAR]
        near = inner & ~scipy.ndimage.minimum_filter(seen, size=2 * _NEAR + 1)[_NEAR:-_NEAR, _NEAR:-_NEAR]
        y, x = np.nonzero(near)
        found.append((y, x, np.full(len(y), -1), np.zeros(len(y), dtype=bool)))
        for dy, dx in _WAYS:
            there = seen[_NEAR + dy : _NEAR + dy + height, _NEAR + dx : _NEAR + dx + width]
            y, x = np.nonzero(near & ~there)
            target = _step_over(geom, y + window.y0, x + window.x0, dy, dx)
            found.append((y, x, target, target < 0))
    y, x, target, edge = (np.concatenate(each) for each in zip(*found, strict=True))
    return Rim(y + window.y0, x + window.x0, target, edge)


def _at_sides(geom: Grid, window: Window, seen: Bools | None) -> tuple[Ints, Ints, Ints, Bools]:
    """Pixels along the map's sides, beyond which there is sky: place in the window, no target, an edge."""
    ny, nx = geom.image_shape
    height, width = window.shape
    at = (window.y0 == 0, window.y1 == ny, window.x0 == 0, window.x1 == nx)
    rows, columns = np.arange(height), np.arange(width)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for (dy, dx), is_side in zip(_WAYS, at, strict=True):
        if is_side:
            y = np.full(width, 0 if dy < 0 else height - 1) if dy else rows
            x = np.full(height, 0 if dx < 0 else width - 1) if dx else columns
            if seen is not None:
                sky = seen[_NEAR + y, _NEAR + x] & seen[_NEAR + y + dy, _NEAR + x + dx]
                y, x = y[sky], x[sky]
            found.append((y, x))
    y, x = (np.concatenate(each) for each in zip(*found, strict=True))
    return y, x, np.full(len(y), -1), np.ones(len(y), dtype=bool)


def _step_over(geom: Grid, y: Ints, x: Ints, dy: int, dx: int) -> Ints:
    """Flat index of the pixel that a step from a pixel over the rim leads to, -1 if none."""
    nx = geom.image_shape[1]
    here = unit(*geom.lonlat(y, x))
    # A quarter of a pixel inwards is nearly always on the sky.
    ahead = here - unit(*geom.lonlat(y - 0.25 * dy, x - 0.25 * dx))
    target = np.full(len(y), -1)
    for length in (1.0, 1.5, 2.0):
        row, column = geom.array_index(*lonlat(normalise(here + 4.0 * length * ahead)))
        index = np.flatnonzero((row >= 0) & (target < 0))
        to_y, to_x = row[index], column[index]
        good = np.isfinite(geom.lonlat(to_y, to_x)[0]) & ((to_y != y[index]) | (to_x != x[index]))
        target[index[good]] = to_y[good] * nx + to_x[good]
    return target
