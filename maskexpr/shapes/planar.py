"""Shapes of the sky on the plane of a map's pixels, all of a region put there and painted at once.

A shape is put on the plane by its centre, by the scale along the north there (one for both axes, so a circle
is a circle of pixels, as gammapy and DS9 draw it) and by the direction of north. Position angles run from
north through east, whichever way the map shows east. gammapy with regions 0.11 takes east to be 90 degrees
counter-clockwise from north always: on flipped maps it mirrors what is not round, which `Convention` names.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from contextlib import nullcontext
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS

from ..core.arrays import Bools, Floats, Indices, Ints
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.once import once
from ..core.trace import count
from ..grid.points import Pixels
from ..grid.tiles import Areas, Tile, Tiles
from ..grid.wcs.geom import WcsGeom
from ..pixels.window import Window
from .base import IMAGE, Shape
from .circle import Circle, CircleAnnulus, WholeSky
from .compound import Compound, join_coverage, join_values
from .ellipse import Ellipse, EllipseAnnulus, Rectangle, RectangleAnnulus
from .flat import Disc, Everything, Fan, Flat, Mark, Nothing, Oval, Ring, Slab
from .line import Point
from .loop import Loop
from .patch import Patch, join_patches
from .pixel_box import PixelBox
from .polygon import Polygon
from .sector import Sector

__all__ = ["Convention", "plane_coverage", "plane_paint", "plane_values"]

# How far north and east are looked for.
_STEP: Final = 1 * u.arcsec
# Shapes times tiles that are compared at once.
_PAIRS: Final = 1 << 20
# Pixels of a window to one that is asked for, up to which it is painted as a whole.
_DENSE: Final = 64
# Pixels of a box below which numpy's calls are so short that threads side by side take longer than one: they
# pass the interpreter's lock to and fro. One at a time paints such shapes.
_SHORT: Final = 1 << 14
_alone = threading.Lock()


def _renew() -> None:
    global _alone
    _alone = threading.Lock()


if hasattr(os, "register_at_fork"):
    # A process that is forked while a thread paints has the lock as it was, and no thread that lets go of it.
    os.register_at_fork(after_in_child=_renew)


class Convention(Enum):
    """What the plane makes of what is not round, and of centres on the edges of polygons."""

    NORTH_THROUGH_EAST = "pixel"
    """Position angles as the map shows them; centres on an edge are out."""
    MIRRORED = "gammapy"
    """As gammapy does with regions 0.11: counter-clockwise in pixels, edges by half-open crossings."""


def plane_values(shape: Shape, where: Tile | Pixels, convention: Convention) -> Bools:
    """Which pixels a shape holds; none outside the map."""
    plane = _plane(shape, where.geom, convention)
    if isinstance(where, Pixels):
        return plane.hold(where.y, where.x)
    out = np.zeros(where.shape, dtype=bool)
    plane.paint(where.window, out)
    return out


def plane_paint(shape: Shape, tile: Tile, out: Bools, convention: Convention) -> None:
    """Select in an array of a tile's pixels those that a shape holds."""
    _plane(shape, tile.geom, convention).paint(tile.window, out)


def plane_coverage(shape: Shape, areas: Areas, convention: Convention) -> Coverage:
    """Coverage by bounding boxes: what lies beside them all, or off the map, is empty."""
    if not isinstance(areas, Tiles):
        return np.full(len(areas), MIXED)
    return _plane(shape, areas.geom, convention).coverage(areas.bounds)


class _Plane:
    """The shapes of a region on the plane of one map, each within a box of its pixels."""

    def __init__(self, shape: Shape, flats: list[Flat], size: tuple[int, int]) -> None:
        self._formula: tuple[int | str, ...] = shape.formula if isinstance(shape, Compound) else (0,)
        adds = shape.adds if isinstance(shape, Compound) else (True,)
        self._adds = np.array(adds, dtype=bool)
        self._flats = flats
        self._size = size
        self._boxes = _boxes(flats, size)

    @once
    def _is_union(self) -> bool:
        return len(self._adds) == len(self._flats) and bool(self._adds.all())

    def _near(self, window: Window) -> Indices:
        """Shapes that may hold pixels of a window."""
        y0, y1, x0, x1 = self._boxes
        meets = (y0 < window.y1) & (y1 > window.y0) & (x0 < window.x1) & (x1 > window.x0)
        return np.flatnonzero(meets & (y0 < y1) & (x0 < x1))

    def _part(self, number: int, window: Window) -> tuple[Window, Bools]:
        """The pixels of a window that lie in the box of a shape, and which of them it holds."""
        box = window.intersect(Window(*(int(v) for v in self._boxes[:, number])))
        count("pixels", box.size)
        return box, self._flats[number].values(box)

    def paint(self, window: Window, out: Bools) -> None:
        """Select in an array of the pixels of a window those that are held."""
        if self._is_union:
            self._paint_union(window, out)
            return
        near = set(self._near(window).tolist())
        stack: list[Patch | None] = []
        for token in self._formula:
            if isinstance(token, str):
                right = stack.pop()
                stack[-1] = join_patches(token, stack[-1], right, window)
            else:
                stack.append(Patch(*self._part(token, window)) if token in near else None)
        if stack and (found := stack[0]) is not None:
            out[found.window.within(window)] |= found.values

    def _paint_union(self, window: Window, out: Bools) -> None:
        near = self._near(window)
        y0, y1, x0, x1 = self._boxes[:, near]
        is_small = (y1 - y0) * (x1 - x0) < _SHORT
        for some, lock in ((near[is_small], _alone), (near[~is_small], nullcontext())):
            with lock:
                for number in some.tolist():
                    box, values = self._part(number, window)
                    out[box.within(window)] |= values

    def hold(self, y: Ints, x: Ints) -> Bools:
        """Which pixels are held; none off the map."""
        window = _window_of(y, x, self._size)
        if window.size <= _DENSE * len(y):
            seen = np.zeros(window.shape, dtype=bool)
            self.paint(window, seen)
            on = (y >= window.y0) & (y < window.y1) & (x >= window.x0) & (x < window.x1)
            found = np.zeros(y.shape, dtype=bool)
            found[on] = seen[y[on] - window.y0, x[on] - window.x0]
            return found
        return self._hold_one_by_one(y, x)

    def _hold_one_by_one(self, y: Ints, x: Ints) -> Bools:
        stack: list[Bools] = []
        for token in self._formula:
            if isinstance(token, str):
                right = stack.pop()
                stack[-1] = join_values(token, stack[-1], right)
                continue
            y0, y1, x0, x1 = self._boxes[:, token]
            some = np.flatnonzero((y >= y0) & (y < y1) & (x >= x0) & (x < x1))
            held = np.zeros(y.shape, dtype=bool)
            held[some] = self._flats[token].contains(y[some].astype(float), x[some].astype(float))
            stack.append(held)
        return stack[0] if stack else np.zeros(y.shape, dtype=bool)

    def coverage(self, bounds: Ints) -> Coverage:
        """Coverage of windows."""
        if not self._formula:
            return np.full(bounds.shape[1], EMPTY)
        step = max(1, _PAIRS // max(1, len(self._flats)))
        parts = [self._coverage(bounds[:, first : first + step]) for first in range(0, bounds.shape[1], step)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint8)

    def _coverage(self, bounds: Ints) -> Coverage:
        (y0, y1, x0, x1), box = bounds[:, None, :], self._boxes[:, :, None]
        apart = (y1 <= box[0]) | (y0 >= box[1]) | (x1 <= box[2]) | (x0 >= box[3])
        apart |= (box[0] >= box[1]) | (box[2] >= box[3])
        cover = np.where(apart, EMPTY, MIXED).astype(np.uint8)
        if self._is_union and not self._whole:
            return np.asarray(cover.max(axis=0))
        ny, nx = self._size
        on_map = (y0[0] >= 0) & (y1[0] <= ny) & (x0[0] >= 0) & (x1[0] <= nx)
        for number in self._whole:
            cover[number, on_map] = FULL
        stack: list[Coverage] = []
        for token in self._formula:
            if isinstance(token, str):
                right = stack.pop()
                stack[-1] = join_coverage(token, stack[-1], right)
            else:
                stack.append(cover[token])
        return stack[0]

    @once
    def _whole(self) -> list[int]:
        return [number for number, flat in enumerate(self._flats) if isinstance(flat, Everything)]


def _window_of(y: Ints, x: Ints, size: tuple[int, int]) -> Window:
    """The smallest window of the map that holds what is on it of some pixels."""
    if not len(y):
        return Window(0, 0, 0, 0)
    ends = int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1
    return Window(0, size[0], 0, size[1]).intersect(Window(*ends))


def _boxes(flats: list[Flat], size: tuple[int, int]) -> Ints:
    """Rows and columns of the map outside which each holds no pixel, shape (4, n)."""
    if not flats:
        return np.empty((4, 0), dtype=np.int64)
    extents = np.array([flat.extent() for flat in flats]).T
    nothing = np.isnan(extents).any(axis=0)
    extents[:, nothing] = np.array([[0.0], [-9.0], [0.0], [-9.0]])
    ends = np.repeat(np.array(size, dtype=np.float64), 2)[:, None]
    # One pixel more, for what rounding makes of the bounds.
    grown = np.stack(
        [np.floor(extents[0]) - 1, np.ceil(extents[1]) + 2, np.floor(extents[2]) - 1, np.ceil(extents[3]) + 2]
    )
    return np.asarray(np.clip(grown, 0, ends), dtype=np.int64)


# ---- from the sky to the plane
# ---------------------------------------------------------------------------------------


class _Local(NamedTuple):
    """The plane at one place.

    ``scale`` is the size of a pixel along the north in arcsec, None where the shape is in pixels already;
    ``north`` its direction in degrees from +x towards +y, and ``east`` the way to east from there, 1 or -1.
    """

    y: float
    x: float
    scale: float | None = None
    north: float = 90.0
    east: float = 1.0

    def pixels(self, size: float) -> float:
        """A length, in degrees unless it is in pixels already, in pixels."""
        return size if self.scale is None else size / self.scale * 3600.0

    def turn(self, angle: float) -> tuple[float, float]:
        """Cosine and sine, in pixels, of the angle of a shape's width from the longitude."""
        turned = np.deg2rad(angle if self.scale is None else self.north + self.east * (angle - 90.0))
        return float(np.cos(turned)), float(np.sin(turned))


@lru_cache(maxsize=64)
def _plane(shape: Shape, geom: WcsGeom, convention: Convention) -> _Plane:
    leaves = list(shape.leaves)
    flats: list[Flat] = [Nothing()] * len(leaves)
    kinds: dict[tuple[str, Any], list[int]] = {}
    for number, leaf in enumerate(leaves):
        put = _outlined if isinstance(leaf, Polygon | PixelBox) else _centred
        kinds.setdefault((leaf.frame, put), []).append(number)
    wcs = geom.wcs
    for (frame, put), some in kinds.items():
        for number, flat in zip(some, put([leaves[i] for i in some], frame, wcs, convention), strict=True):
            flats[number] = flat
    return _Plane(shape, flats, geom.image_shape)


def _outlined(some: list[Any], frame: str, wcs: WCS, convention: Convention) -> list[Flat]:
    """Polygons by their vertices, boxes by their corners."""
    lon, lat = (np.concatenate([getattr(each, name) for each in some]) for name in ("lon", "lat"))
    x, y = (lon, lat) if frame == IMAGE else _pixel(SkyCoord(lon, lat, unit="deg", frame=frame), wcs)
    ends = np.cumsum([len(each.lon) for each in some])[:-1]
    strict = convention is Convention.NORTH_THROUGH_EAST
    corners = zip(some, np.split(y, ends), np.split(x, ends), strict=True)
    return [_slab(y, x) if isinstance(each, PixelBox) else Loop(y, x, strict) for each, y, x in corners]


def _slab(y: Floats, x: Floats) -> Flat:
    """The box between two corners."""
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        return Nothing()
    return Slab(float(y.mean()), float(x.mean()), float(np.ptp(x)), float(np.ptp(y)), 1.0, 0.0)


def _centred(some: list[Any], frame: str, wcs: WCS, convention: Convention) -> list[Flat]:
    """Shapes by their centres; the whole sky has none."""
    centred = [each for each in some if not isinstance(each, WholeSky)]
    places = iter(_local(centred, frame, wcs, convention) if centred else [])
    return [Everything() if isinstance(each, WholeSky) else _flat(each, next(places)) for each in some]


def _local(some: list[Any], frame: str, wcs: WCS, convention: Convention) -> list[_Local]:
    """The plane at the centres of shapes of one frame."""
    lon, lat = np.array([each.lon for each in some]), np.array([each.lat for each in some])
    if frame == IMAGE:
        return [_Local(y, x) for y, x in zip(lat.tolist(), lon.tolist(), strict=True)]
    centre = SkyCoord(lon, lat, unit="deg", frame=frame)
    x, y = _pixel(centre, wcs)
    north = _step(centre, 0.0, x, y, wcs, convention)
    east = _step(centre, 90.0, x, y, wcs, convention)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 1.0 / np.hypot(*north)
        direction = np.rad2deg(np.arctan2(north[1], north[0]))
    way = np.ones(len(some))
    if convention is Convention.NORTH_THROUGH_EAST:
        way[north[0] * east[1] < north[1] * east[0]] = -1.0
    return [_Local(*row) for row in np.stack([y, x, scale, direction, way]).T.tolist()]


def _step(
    centre: SkyCoord, angle: float, x: Floats, y: Floats, wcs: WCS, convention: Convention
) -> tuple[Floats, Floats]:
    """How far the pixel moves by a small step towards a position angle.

    Across a seam or the rim of the sky the step is made the other way; gammapy does not look.
    """
    ahead = _pixel(centre.directional_offset_by(angle * u.deg, _STEP), wcs)
    dx, dy = ahead[0] - x, ahead[1] - y
    if convention is Convention.MIRRORED:
        return dx, dy
    behind = _pixel(centre.directional_offset_by((angle + 180) * u.deg, _STEP), wcs)
    back_x, back_y = x - behind[0], y - behind[1]
    with np.errstate(invalid="ignore"):
        jumps = ~(np.hypot(dx, dy) <= 2 * np.hypot(back_x, back_y)) & np.isfinite(back_x)
    return np.where(jumps, back_x, dx), np.where(jumps, back_y, dy)


def _pixel(positions: SkyCoord, wcs: WCS) -> tuple[Floats, Floats]:
    """Pixels (x, y) of positions, NaN where the projection cannot show them."""
    with np.errstate(invalid="ignore"):
        x, y = wcs.world_to_pixel(positions)
    return np.atleast_1d(np.asarray(x, dtype=np.float64)), np.atleast_1d(np.asarray(y, dtype=np.float64))


def _flat(shape: Any, at: _Local) -> Flat:
    """A shape on the plane, by its class."""
    if not np.isfinite([at.y, at.x, at.scale or 0.0, at.north]).all():
        return Nothing()
    if isinstance(shape, CircleAnnulus | EllipseAnnulus | RectangleAnnulus):
        inner, outer = (_flat(each, at) for each in shape.rims)
        return Ring(inner, outer)
    if isinstance(shape, Sector):
        return _fan(shape, at)
    return _MAKERS[type(shape)](shape, at)


def _fan(shape: Sector, at: _Local) -> Flat:
    ends = shape.start, (shape.start + shape.stop) / 2, shape.stop
    # The middle of the half turn that ends at a direction is a quarter of a turn before it.
    start, middle, stop = (at.turn((end - 90.0) % 360.0) for end in ends)
    whole = Everything() if shape.ring is None else _flat(shape.ring, at)
    return Fan(at.y, at.x, (start, middle, stop), whole)


def _oblong(kind: type[Oval | Slab]) -> Callable[[Any, _Local], Flat]:
    def make(shape: Any, at: _Local) -> Flat:
        width, height = at.pixels(shape.width), at.pixels(shape.height)
        return kind(at.y, at.x, width, height, *at.turn(shape.angle)) if width and height else Nothing()

    return make


_MAKERS: Final[dict[type[Shape], Callable[[Any, _Local], Flat]]] = {
    Circle: lambda shape, at: Disc(at.y, at.x, at.pixels(shape.radius)) if shape.radius else Nothing(),
    Ellipse: _oblong(Oval),
    Rectangle: _oblong(Slab),
    Point: lambda shape, at: Mark(at.y, at.x),
}
