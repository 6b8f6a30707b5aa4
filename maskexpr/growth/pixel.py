"""Growing in the plane of a map's pixels, as scipy does; outside the map there is nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.arrays import Bools, Ints
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..expr.mask import Ask, Mask
from ..grid.lattice import Grid
from ..grid.tiles import ON, Areas, Tile, Tiles
from ..pixels.dilate import grow_into
from ..pixels.window import Window

__all__ = ["cover_in_pixels", "grow_in_pixels", "map_window", "windows_around"]


def map_window(geom: Grid) -> Window:
    """The window of the whole map."""
    ny, nx = geom.image_shape
    return Window(0, ny, 0, nx)


def grow_in_pixels(out: Bools, child: Mask, tile: Tile, widths: Ints, of: Ask, erode: bool) -> None:
    """Select, in an array of a tile's pixels, those of a child dilated or eroded by a shape of rows (see
    `maskexpr.pixels.dilate.grow_into`).
    """
    whole = map_window(tile.geom)
    here = tile.window.intersect(whole)
    if not here.size:
        return
    around = here.pad(len(widths) - 1, int(widths[0])).intersect(whole)
    values = of.values(child, tile.on(around))
    # What is outside the map is not selected: it takes away from the rim as every unselected pixel does.
    inside = out[here.within(tile.window)]
    grow_into(inside, values, widths, here.y0 - around.y0, here.x0 - around.x0, erode)


def windows_around(tiles: Sequence[Tile], widths: Ints) -> Ints:
    """The windows of a child that growing on some tiles asks for, shape (4, n)."""
    whole = map_window(tiles[0].geom)
    here = (each.window.intersect(whole) for each in tiles)
    around = [each.pad(len(widths) - 1, int(widths[0])).intersect(whole) for each in here if each.size]
    return np.array(around, dtype=np.int64).reshape(-1, 4).T


def cover_in_pixels(child: Mask, areas: Areas, widths: Ints, of: Ask, erode: bool) -> Coverage:
    """Coverage of a dilation or erosion in pixels; only windows of pixels can be decided."""
    cover = np.full(len(areas), MIXED)
    if not isinstance(areas, Tiles):
        return cover
    whole = map_window(areas.geom)
    here, is_there = _clipped(areas.bounds, whole)
    rows, columns = len(widths) - 1, int(widths[0])
    margin = np.array([-rows, rows, -columns, columns])[:, None]
    wide, _ = _clipped(here + margin, whole)
    around = areas.moved(np.where(is_there, wide, areas.bounds))
    inside = is_there & (here == areas.bounds).all(axis=0)
    if erode:
        free = inside & (wide == here + margin).all(axis=0)
        full = np.flatnonzero(free & (of.coverage(child, around) == FULL))
        if len(full):
            # Pixels off the sky are not selected either, and the child's coverage does not speak of them.
            cover[full[around.take(full).sky == ON]] = FULL
        cover[of.coverage(child, areas) == EMPTY] = EMPTY
    else:
        cover[inside & (of.coverage(child, areas) == FULL)] = FULL
        cover[of.coverage(child, around) == EMPTY] = EMPTY
    cover[~is_there] = EMPTY
    return cover


def _clipped(bounds: Ints, whole: Window) -> tuple[Ints, Bools]:
    y0, y1, x0, x1 = bounds
    clipped = np.stack(
        [
            np.maximum(y0, whole.y0),
            np.minimum(y1, whole.y1),
            np.maximum(x0, whole.x0),
            np.minimum(x1, whole.x1),
        ]
    )
    return clipped, (clipped[0] < clipped[1]) & (clipped[2] < clipped[3])
