"""`Boundary`: the interior of a map, without a border."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.errors import MaskValueError
from ..expr.mask import Ask, Bools, Reach, node
from ..grid.lattice import Grid
from ..grid.outside import is_outside, outside_map
from ..grid.points import Points
from ..grid.tiles import Areas, Tile, Tiles
from ..growth.node import Sized, at_pixels, grow_on_sky, reach_of
from ..growth.pixel import map_window
from ..growth.radius import half_sides, in_pixels, plane_row, show
from ..growth.shape import Selection, SkyShape
from ..sphere.vectors import angle_between

__all__ = ["Boundary"]

# A width in pixels is rounded after this is taken off: 0.3 deg / 0.1 deg is three pixels.
_TIE = 1e-9
# Distances between areas and caps that are computed at once.
_AT_ONCE = 1 << 20


@node("boundary")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Boundary(Sized):
    """Every pixel of the map that is farther than a width from its edge.

    It is about the map that it is put on: a cutout has edges of its own. The longitude seam and the poles of
    an all-sky map are no edge, nor is the limb of a projection.

    Parameters
    ----------
    width : angle, pixels, pair or array
        One width, a tuple or list of two (lon, lat), or an array with one for each bin of ``axis``. In pixels
        only where ``metric="pixel"``.
    metric : str
        ``"sky"``: the separation to the nearest pixel centre beyond the map is more than the width (for a
        pair: that centre is not in the box of these half-sides, see `Dilate`). ``"pixel"``: the pixel's
        centre is at least the width from the edge of the outermost pixels, along each side, as gammapy's
        ``boundary_mask`` has it (which takes a pair as lat, lon).
    axis : str
        Name of the axis that an array of widths runs along.

    Raises
    ------
    AngleError, MaskValueError
        As of `Dilate`.

    Examples
    --------
    >>> Boundary(("2 deg", "1 deg"))
    Boundary((2 deg, 1 deg))
    """

    width: NDArray[np.float64]
    unit: str
    metric: str
    box: bool
    axis: str | None

    def __init__(self, width: Any, metric: str = "sky", axis: str = "energy") -> None:
        pair = isinstance(width, (tuple, list)) and len(width) == 2
        sizes, unit = half_sides(width, "box" if pair else "disk", metric)
        if metric == "sky" and pair and (sizes[:, 1] > 90).any():
            raise MaskValueError(f"a width in latitude is at most 90 deg, got {width!r}")
        several = axis if len(sizes) > 1 else None
        self._store(width=sizes, unit=unit, metric=metric, box=pair, axis=several)

    def sizes(self) -> NDArray[np.float64]:
        return self.width

    def reach(self) -> Reach:
        return reach_of(self.width, self.unit, "box" if self.box else "disk")

    def label(self) -> str:
        metric = f", metric={self.metric!r}" if self.metric != "sky" else ""
        return f"Boundary({show(self.width, self.unit)}{metric})"

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        if self.metric == "pixel":
            return self._cover_pixels(areas)
        angle = self._shape(areas.geom, areas.plane).bound
        cover = np.full(len(areas), MIXED)
        edge = outside_map(areas.geom, angle)
        clear = np.ones(len(areas), dtype=bool)
        each = max(1, _AT_ONCE // max(1, len(areas)))
        for first in range(0, len(edge.radius), each):
            some = edge.take(slice(first, first + each))
            gap = angle_between(areas.caps.centre[:, :, None], some.centre[:, None, :])
            clear &= (gap > angle + areas.caps.radius[:, None] + some.radius[None, :]).all(axis=1)
        if isinstance(areas, Tiles):
            cover[clear & _inside(areas.bounds, areas.geom)] = FULL
        return cover

    def _cover_pixels(self, areas: Areas) -> Coverage:
        cover = np.full(len(areas), MIXED)
        if isinstance(areas, Tiles):
            y0, y1, x0, x1 = areas.bounds
            low_y, high_y, low_x, high_x = self._limits(areas.geom, areas.plane)
            cover[(y0 >= low_y) & (y1 <= high_y) & (x0 >= low_x) & (x1 <= high_x)] = FULL
            cover[(y1 <= low_y) | (y0 >= high_y) | (x1 <= low_x) | (x0 >= high_x)] = EMPTY
        return cover

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        if not isinstance(where, Tile):
            return at_pixels(self, where, of)
        geom = where.geom
        if self.metric == "pixel":
            y0, y1, x0, x1 = self._limits(geom, where.plane)
            y = np.arange(where.window.y0, where.window.y1)
            x = np.arange(where.window.x0, where.window.x1)
            return np.asarray(((y >= y0) & (y < y1))[:, None] & ((x >= x0) & (x < x1))[None, :])
        beyond = Selection(
            lambda tile: is_outside(geom, tile.window),
            lambda tiles: np.where(_inside(tiles.bounds, geom), EMPTY, MIXED).astype(np.uint8),
        )
        return ~grow_on_sky(where, self._shape(geom, where.plane), beyond)

    def _shape(self, geom: Grid, plane: tuple[int, ...]) -> SkyShape:
        lon, lat = np.deg2rad(plane_row(self.width, self.axis, geom, plane))
        return SkyShape(float(lon), float(lat), self.box)

    def _limits(self, geom: Grid, plane: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Rows and columns of the interior, half open."""
        size = in_pixels(plane_row(self.width, self.axis, geom, plane), self.unit, geom)
        columns, rows = (math.ceil(2 * each * (1 - _TIE)) // 2 for each in size)
        y0, y1, x0, x1 = map_window(geom).pad(-rows, -columns)
        return y0, y1, x0, x1


def _inside(bounds: NDArray[np.int64], geom: Grid) -> NDArray[np.bool_]:
    """Which windows lie on the map as a whole."""
    ny, nx = geom.image_shape
    y0, y1, x0, x1 = bounds
    return np.asarray((y0 >= 0) & (y1 <= ny) & (x0 >= 0) & (x1 <= nx))
