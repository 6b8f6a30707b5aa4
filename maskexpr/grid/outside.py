"""What lies outside a map, on the lattice that its WCS goes on with."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..pixels.window import Window
from ..sphere.vectors import Caps
from .lattice import Grid
from .neighbours import columns_on_sky, gap_between, sides
from .tiles import OFF, Tiles

__all__ = ["is_outside", "outside_map"]

Ints = NDArray[np.int64]

# The outside of a map is bounded by windows of this part of the map's side.
_PARTS = 32
# Windows of at most as many pixels are asked pixel by pixel whether they hold any of it.
_ASKED = 4096
# Nor are they cut below this side.
_SMALL = 128


@lru_cache(maxsize=64)
def outside_map(geom: Grid, angle: float) -> Caps:
    """Caps that hold all lattice pixels on the sky, outside the map, within an angle (radians) of it.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> len(outside_map(WcsGeom.allsky(binsz=1), 0.1).radius)
    0
    """
    ny, nx = geom.image_shape
    whole = np.array([[0], [ny], [0], [nx]], dtype=np.int64)
    side = max(_SMALL, -(-max(ny, nx) // _PARTS))
    here = Tiles(geom, whole).split(side)[0].caps
    todo = Tiles(geom, _beside(_sky_window(geom), ny, nx))
    centres: list[NDArray[np.float64]] = [np.empty((3, 0))]
    radii: list[NDArray[np.float64]] = [np.empty(0)]
    while len(todo):
        todo = todo.take(todo.sky != OFF)
        todo = todo.take(gap_between(todo.caps, here) <= angle)
        done = sides(todo.bounds) <= side
        last = todo.take(done)
        last = last.take(np.array([_holds_outside(last, i) for i in range(len(last))], dtype=bool))
        centres.append(last.caps.centre)
        radii.append(last.caps.radius)
        todo = todo.take(~done)
        if len(todo):
            todo, _ = todo.split(max(side, -(-int(sides(todo.bounds).max()) // 4)))
    return Caps(np.concatenate(centres, axis=1), np.concatenate(radii))


def _sky_window(geom: Grid) -> Window:
    """The domain without what is known to be off the sky or to repeat columns of the map."""
    found = geom.lattice
    if not geom.separable:
        return found
    nx = geom.image_shape[1]
    rows = np.unique(
        np.clip([*range(found.y0, found.y0 + 4), *range(found.y1 - 4, found.y1)], found.y0, found.y1 - 1)
    )
    rows = rows[np.isfinite(geom.lat_of(rows))]
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    x0, x1 = columns_on_sky(geom)
    if geom.period is not None and nx >= geom.period:
        x0, x1 = 0, nx
    return Window(y0, y1, x0, x1)


def _beside(window: Window, ny: int, nx: int) -> Ints:
    """Bounds of the rectangles, up to four, that make up a window outside the map."""
    y0, y1, x0, x1 = window
    low, high = max(y0, 0), min(y1, ny)
    strips = [
        (y0, min(0, y1), x0, x1),
        (max(ny, y0), y1, x0, x1),
        (low, high, x0, min(0, x1)),
        (low, high, max(nx, x0), x1),
    ]
    return (
        np.array([each for each in strips if each[0] < each[1] and each[2] < each[3]], dtype=np.int64)
        .reshape(-1, 4)
        .T
    )


def _holds_outside(windows: Tiles, i: int) -> bool:
    """Whether a window has a pixel that `is_outside`; large ones are believed to."""
    tile = windows.tile(i)
    if windows.geom.separable or tile.window.size > _ASKED:
        return True
    return bool(is_outside(geom=windows.geom, window=tile.window).any())


def is_outside(geom: Grid, window: Window) -> NDArray[np.bool_]:
    """Which lattice pixels of a window are on the sky and not on the map, shape (ny, nx).

    A pixel beyond the map's last column that has the sky position of one on the map is on the map.
    """
    ny, nx = geom.image_shape
    y, x = np.arange(window.y0, window.y1), np.arange(window.x0, window.x1)
    out = ~(((y >= 0) & (y < ny))[:, None] & ((x >= 0) & (x < nx))[None, :])
    row, column = np.nonzero(out)
    if not len(row):
        return out
    lon, lat = geom.lonlat(y[row], x[column])
    there = np.isfinite(lon)
    at_y, at_x = geom.pixel(lon[there], lat[there])
    with np.errstate(invalid="ignore"):
        twin = (at_y >= -0.5) & (at_y < ny - 0.5) & (at_x >= -0.5) & (at_x < nx - 0.5)
    there[there] = ~twin
    out[row, column] = there
    return out
