"""Regions in the pixel metric: what ``regions`` makes of them on the plane of a map's pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from regions import PixCoord, PixelRegion

from ...core.coverage import EMPTY, MIXED, Coverage
from ...grid.points import Pixels
from ...grid.tiles import Areas, Tile, Tiles
from ...grid.wcs.geom import WcsGeom
from ...pixels.window import Window
from .. import CircleAnnulus, Compound, EllipseAnnulus, Point, RectangleAnnulus, Shape
from ..base import Bools
from ..compound import join_coverage, join_values
from .to_regions import to_region

__all__ = ["pixel_coverage", "pixel_values"]

Floats = NDArray[np.float64]


class _Planar(NamedTuple):
    """A shape on the pixel plane, and the window of the map outside which it holds no pixel."""

    region: Any
    box: Window

    def contains(self, y: Floats, x: Floats) -> Bools:
        """Which pixel centres it holds; for arrays of one shape."""
        at = PixCoord(x, y)
        if isinstance(self.region, PixCoord):
            # A point holds no centre. gammapy spreads it over the pixels next to it, and so do we.
            return np.asarray((np.abs(x - self.region.x) < 1) & (np.abs(y - self.region.y) < 1))
        return np.asarray(self.region.contains(at), dtype=bool)


def pixel_values(shape: Shape, where: Tile | Pixels) -> Bools:
    """Values in the pixel metric: False outside the map."""
    nothing = np.zeros(where.shape, dtype=bool)
    if isinstance(shape, Compound):
        return shape.fold(lambda leaf: _leaf_values(leaf, where), join_values, nothing)
    return _leaf_values(shape, where)


def pixel_coverage(shape: Shape, areas: Areas) -> Coverage:
    """Coverage in the pixel metric: what lies beside the shape's bounding box, or off the map, is empty."""
    if not isinstance(areas, Tiles):
        return np.full(len(areas), MIXED)
    if isinstance(shape, Compound):
        return shape.fold(lambda leaf: _leaf_coverage(leaf, areas), join_coverage, np.full(len(areas), EMPTY))
    return _leaf_coverage(shape, areas)


def _leaf_values(shape: Shape, where: Tile | Pixels) -> Bools:
    out = np.zeros(where.shape, dtype=bool)
    planar = _planar(shape, where.geom)
    y0, y1, x0, x1 = planar.box
    if isinstance(where, Pixels):
        some = np.flatnonzero((where.y >= y0) & (where.y < y1) & (where.x >= x0) & (where.x < x1))
        out[some] = planar.contains(where.y[some].astype(float), where.x[some].astype(float))
        return out
    window = where.window.intersect(planar.box)
    if window.size:
        y, x = np.mgrid[window.y0 : window.y1, window.x0 : window.x1].astype(float)
        rows = slice(window.y0 - where.window.y0, window.y1 - where.window.y0)
        columns = slice(window.x0 - where.window.x0, window.x1 - where.window.x0)
        out[rows, columns] = planar.contains(y, x)
    return out


def _leaf_coverage(shape: Shape, tiles: Tiles) -> Coverage:
    box = _planar(shape, tiles.geom).box
    y0, y1, x0, x1 = tiles.bounds
    apart = (y1 <= box.y0) | (y0 >= box.y1) | (x1 <= box.x0) | (x0 >= box.x1)
    return np.where(apart | (box.size == 0), EMPTY, MIXED).astype(np.uint8)


@lru_cache(maxsize=4096)
def _planar(shape: Shape, geom: WcsGeom) -> _Planar:
    ny, nx = geom.image_shape
    the_map = Window(0, ny, 0, nx)
    nowhere = _Planar(None, Window(0, 0, 0, 0))
    if _is_flat(shape):
        return nowhere
    region = to_region(_solid(shape))
    try:
        # A position that the projection cannot show is NaN, and a region that is NaN holds nothing.
        with np.errstate(invalid="ignore"):
            planar = region if isinstance(region, PixelRegion) else region.to_pixel(geom.wcs)
    except np.linalg.LinAlgError:
        # That is how regions 0.12 says that the centre is NaN.
        return nowhere
    box = the_map.intersect(_bounding_box(planar, the_map))
    return _Planar(planar.center if isinstance(shape, Point) else planar, box)


def _solid(shape: Shape) -> Shape:
    """The shape, or, of an annulus without a hole, its outer rim."""
    if isinstance(shape, CircleAnnulus | EllipseAnnulus | RectangleAnnulus) and _is_flat(shape.rims[0]):
        return shape.rims[1]
    return shape


def _is_flat(shape: Any) -> bool:
    """Whether a size is zero: ``regions`` refuses such shapes, which hold nothing."""
    return any(getattr(shape, name, 1) == 0 for name in ("radius", "width", "height"))


def _bounding_box(planar: Any, the_map: Window) -> Window:
    """Rows and columns that can hold a pixel of the region; the whole map if it does not say."""
    try:
        box = planar.bounding_box
    except (ValueError, OverflowError):
        return the_map
    return Window(box.iymin, box.iymax, box.ixmin, box.ixmax).pad(1)
