"""`Boundary`: the interior of a map, without a border."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.errors import MaskValueError
from ..expr.mask import Ask, Reach, node
from ..expr.verbs import Metric, Radius
from ..grid.axis import axis_of
from ..grid.lattice import ON, Grid
from ..grid.neighbours import ROUNDING, CapTree
from ..grid.points import Pixels, Points
from ..grid.tiles import Areas, Tile, Tiles
from ..growth.edge import map_edge, near_edge
from ..growth.node import Sized, at_pixels, reach_of
from ..growth.pixel import map_window
from ..growth.radius import check_sizes, half_sides, in_pixels, plane_row, show, typed
from ..growth.shape import SkyShape
from ..sphere.vectors import Caps, angle_between

__all__ = ["Boundary"]

# A width in pixels is rounded after this is taken off: 0.3 deg / 0.1 deg is three pixels.
_TIE = 1e-9
# Distances between areas and caps that are computed at once, and caps of an edge of which a tree is made.
_AT_ONCE, _MANY = 1 << 20, 1 << 10


@node("boundary")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Boundary(Sized):
    """Every pixel of the map that is farther than a width from its edge.

    The edge is the outer border of the map's pixels. It is about the map that it is put on: a cutout has
    edges of its own. The longitude seam and the poles of an all-sky map are no edge, nor is a horizon: there
    is an edge only where the sky goes on in a pixel of the projection that is not on the map.

    Parameters
    ----------
    width : angle, pixels, pair or array
        One width, a tuple or list of two (lon, lat), or an array with one for each bin of ``axis``. In pixels
        only where ``metric="pixel"``.
    metric : str
        ``"sky"``: the separation of the pixel's centre from the nearest place of the edge, a curve on the
        sphere, is more than the width (for a pair: no place of it is in the box of these half-sides, see
        `Dilate`). ``"pixel"``: the pixel's centre is at least the width from the edge, along each side, as
        gammapy's ``boundary_mask`` has it (which takes a pair as lat, lon).
    axis : str
        Name of the axis that an array of widths runs along.

    Notes
    -----
    On the sphere the distance to the curve is exact to 1e-12 rad along the map's sides, as long as a side of
    one pixel has no kink (the borders of HPX facets and cube faces) and is no edge in part. Where the sky
    ends within the map (the limb of half an Aitoff map) the curve is the great circles through five places a
    pixel, and where a side is an edge in part, that part is known to a quarter of a pixel.

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

    def __init__(self, width: Radius, metric: Metric = "sky", axis: str = "energy") -> None:
        pair = isinstance(width, (tuple, list)) and len(width) == 2
        sizes, unit = half_sides(width, "box" if pair else "disk", metric, "width")
        if metric == "sky" and pair and (sizes[:, 1] > 90).any():
            raise MaskValueError(f"a width in latitude is at most 90 deg, got {width!r}")
        several = axis_of(axis, len(sizes) > 1)
        self._store(width=sizes, unit=unit, metric=metric, box=pair, axis=several)

    def check_stored(self) -> None:
        check_sizes(self.width, self.unit, "box" if self.box else "disk", self.metric, self.axis)
        if self.metric == "sky" and self.box and (self.width[:, 1] > 90).any():
            raise MaskValueError(f"a width in latitude is at most 90 deg, got {self.width[:, 1].max():g}")

    def sizes(self) -> NDArray[np.float64]:
        return self.width

    def arguments(self) -> dict[str, Any]:
        given = {"width": typed(self.width, self.unit, self.box), "metric": self.metric}
        return given if self.axis is None else {**given, "axis": self.axis}

    def check(self, geom: Grid) -> None:
        super().check(geom)
        if self.metric != "pixel" and geom.edge_sides() is None:
            geom.need_plane(self.label(), "erode a mask of what the map covers")

    def reach(self) -> Reach:
        return reach_of(self.width, self.unit, "box" if self.box else "disk")

    def label(self) -> str:
        metric = f", metric={self.metric!r}" if self.metric != "sky" else ""
        return f"Boundary({show(self.width, self.unit)}{metric})"

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        if self.metric == "pixel":
            return self._cover_pixels(areas)
        if not isinstance(areas, Tiles):
            return np.full(len(areas), MIXED)
        shape, (_, caps, places) = self._shape(areas.geom, areas.plane), map_edge(areas.geom)
        gap = _gap(areas.caps, caps)
        inside = areas.geom.covers(areas.bounds) == ON
        cover = np.where((gap > shape.bound) & inside, FULL, MIXED)
        if not self.box:
            farthest = _farthest(areas.caps, places)
            cover[farthest <= shape.lat] = EMPTY
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
            return at_pixels(self, where, of) if self.metric == "pixel" else self.inside(where)
        geom = where.geom
        if self.metric == "pixel":
            y0, y1, x0, x1 = self._limits(geom, where.plane)
            y = np.arange(where.window.y0, where.window.y1)
            x = np.arange(where.window.x0, where.window.x1)
            return np.asarray(((y >= y0) & (y < y1))[:, None] & ((x >= x0) & (x < x1))[None, :])
        return of.refine(self, where)

    def inside(self, points: Points) -> Bools:
        if not isinstance(points, Pixels):
            return super().inside(points)
        out = points.geom.on_map(points.y, points.x) & np.isfinite(points.xyz[0])
        some = np.flatnonzero(out)
        shape = self._shape(points.geom, points.plane)
        out[some] = ~near_edge(points.geom, np.ascontiguousarray(points.xyz[:, some]), shape)
        return np.asarray(out)

    def _shape(self, geom: Grid, plane: tuple[int, ...]) -> SkyShape:
        lon, lat = np.deg2rad(plane_row(self.width, self.axis, geom, plane))
        return SkyShape(float(lon), float(lat), self.box)

    def _limits(self, geom: Grid, plane: tuple[int, ...]) -> tuple[int, int, int, int]:
        """Rows and columns of the interior, half open."""
        size = in_pixels(plane_row(self.width, self.axis, geom, plane), self.unit, geom)
        ends = reversed(geom.image_shape)
        columns, rows = (
            math.ceil(2 * min(each, end) * (1 - _TIE)) // 2 for each, end in zip(size, ends, strict=True)
        )
        y0, y1, x0, x1 = map_window(geom).pad(-rows, -columns)
        return y0, y1, x0, x1


def _gap(areas: Caps, edge: Caps) -> Floats:
    """At least so far is the edge, in caps, from any point of areas."""
    if edge.centre.shape[1] > _MANY:
        return CapTree(edge).gap(areas)
    return np.asarray(_least(areas.centre, edge.centre, -edge.radius) - areas.radius)


def _farthest(areas: Caps, places: Floats) -> Floats:
    """At most so far is one of the places of the edge from every point of areas."""
    if places.shape[1] <= _MANY:
        return _least(areas.centre, places, np.zeros(places.shape[1])) + areas.radius
    chord, _ = scipy.spatial.cKDTree(places.T).query(areas.centre.T)
    return np.asarray(2 * np.arcsin(np.minimum(chord / 2, 1.0)) + areas.radius + ROUNDING)


def _least(xyz: Floats, others: Floats, more: Floats) -> Floats:
    """The least of the angles from each unit vector to others, each with something added; infinite if there
    are none.
    """
    least = np.full(xyz.shape[1], np.inf)
    each = max(1, _AT_ONCE // max(1, xyz.shape[1]))
    for first in range(0, others.shape[1], each):
        some = slice(first, first + each)
        angle = angle_between(xyz[:, :, None], others[:, None, some]) + more[some]
        np.minimum(least, angle.min(axis=1), out=least)
    return least
