"""Areas of the sky in batches: tiles of a grid with the caps that bound them.

Everything that classifies works on batches, because one numpy call over a thousand tiles costs little more than over one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .geom import WcsGeom
from .points import Pixels
from .sphere import Caps, angle_between, midpoint, normalise, unit
from .window import Window

__all__ = ["OFF", "ON", "PART", "Areas", "Tile", "Tiles", "grid_tiles"]

Ints = NDArray[np.int64]

OFF, PART, ON = np.uint8(0), np.uint8(1), np.uint8(2)
"""Whether a tile lies off the sky, perhaps in part on it, or on it as a whole."""

# A window whose samples spread over more than this is bounded by the whole sphere: its samples say too little of what is between.
_WIDEST = 0.8
# Below this many pixels it is cheaper to ask each pixel than to prove that a window is off the sky.
_SMALL = 256


class Areas:
    """n areas of the sky, each inside a cap.

    Parameters
    ----------
    geom : WcsGeom
        Gives the frame and the axes.
    caps : Caps
        Bounds in the frame of ``geom``.
    plane : tuple of int
        Index of the plane along each non-spatial axis, or empty.
    """

    def __init__(self, geom: WcsGeom, caps: Caps, plane: tuple[int, ...] = ()) -> None:
        self.geom = geom
        self.plane = plane
        self._caps = caps

    @property
    def caps(self) -> Caps:
        """Caps that hold all pixel centres."""
        return self._caps

    def __len__(self) -> int:
        return len(self.caps.radius)

    def grow(self, angle: float) -> Areas:
        """Everything within an angle (radians) of the areas."""
        return Areas(self.geom, self.caps.grow(angle), self.plane)


class Tiles(Areas):
    """n windows of pixels of one plane of a geometry; they may reach beyond the map, on its lattice.

    Parameters
    ----------
    geom : WcsGeom
        The geometry.
    bounds : ndarray of int64, shape (4, n)
        ``y0, y1, x0, x1`` of each window, half open.
    plane : tuple of int
        Index of the plane along each non-spatial axis.
    """

    def __init__(self, geom: WcsGeom, bounds: Ints, plane: tuple[int, ...] = ()) -> None:
        self.geom = geom
        self.bounds = bounds
        self.plane = plane

    def __len__(self) -> int:
        return int(self.bounds.shape[1])

    @cached_property
    def _bound(self) -> tuple[Caps, NDArray[np.uint8]]:
        return _bound(self.geom, self.bounds)

    @property
    def caps(self) -> Caps:
        """Caps that hold all pixel centres."""
        return self._bound[0]

    @property
    def sky(self) -> NDArray[np.uint8]:
        """``OFF``, ``PART`` or ``ON`` for each window."""
        return self._bound[1]

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Tiles:
        """The windows at an index, with what is known of them."""
        some = Tiles(self.geom, self.bounds[:, index], self.plane)
        if "_bound" in self.__dict__:
            caps, sky = self._bound
            some.__dict__["_bound"] = (caps.take(index), sky[index])
        return some

    def on_plane(self, plane: tuple[int, ...]) -> Tiles:
        """The same windows on another plane."""
        other = Tiles(self.geom, self.bounds, plane)
        if "_bound" in self.__dict__:
            other.__dict__["_bound"] = self._bound
        return other

    def split(self, side: int) -> tuple[Tiles, NDArray[np.intp]]:
        """Cut every window into blocks of at most ``side`` x ``side`` pixels from its first corner.

        Returns
        -------
        blocks : Tiles
        parent : ndarray of int
            The window that each block was cut from.
        """
        y0, y1, x0, x1 = self.bounds
        rows = -(-(y1 - y0) // side)
        columns = -(-(x1 - x0) // side)
        number = rows * columns
        parent = np.repeat(np.arange(len(self)), number)
        within = np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number)
        row, column = np.divmod(within, columns[parent])
        top = y0[parent] + row * side
        left = x0[parent] + column * side
        bottom = np.minimum(top + side, y1[parent])
        right = np.minimum(left + side, x1[parent])
        return Tiles(self.geom, np.stack([top, bottom, left, right]), self.plane), parent

    def tile(self, i: int) -> Tile:
        """The i-th window as a tile."""
        return Tile(self.geom, Window(*(int(v) for v in self.bounds[:, i])), self.plane)


@dataclass(frozen=True, eq=False)
class Tile:
    """One window of pixels of one plane of a geometry; it may reach beyond the map, on its lattice."""

    geom: WcsGeom
    window: Window
    plane: tuple[int, ...] = ()

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self.window.shape

    @property
    def key(self) -> tuple[int, ...]:
        """What tells this tile from others of the same geometry."""
        return (*self.window, *self.plane)

    @cached_property
    def tiles(self) -> Tiles:
        """This tile as a batch of one."""
        return Tiles(self.geom, np.array(self.window, dtype=np.int64)[:, None], self.plane)

    @cached_property
    def on_sky(self) -> NDArray[np.bool_] | None:
        """Which pixels are on the sky, shape (ny, nx); None where all are."""
        state = self.tiles.sky[0]
        if state == ON:
            return None
        if state == OFF:
            return np.zeros(self.shape, dtype=bool)
        return np.isfinite(self.lonlat[0])

    @cached_property
    def lonlat(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude in degrees of all pixel centres, shape (ny, nx)."""
        y0, y1, x0, x1 = self.window
        return self.geom.lonlat(np.arange(y0, y1)[:, None], np.arange(x0, x1)[None, :])

    def pixels(self, y: Ints, x: Ints) -> Pixels:
        """Pixels at absolute indices, as points."""
        return Pixels(self.geom, y, x, self.plane)

    def all_pixels(self) -> Pixels:
        """Every pixel of the tile as a flat list of points, row after row."""
        y0, y1, x0, x1 = self.window
        y, x = np.mgrid[y0:y1, x0:x1]
        return self.pixels(y.ravel(), x.ravel())

    def on(self, window: Window) -> Tile:
        """Another window of the same plane."""
        return Tile(self.geom, window, self.plane)


def grid_tiles(
    geom: WcsGeom, rows: tuple[int, ...], columns: tuple[int, ...], plane: tuple[int, ...] = ()
) -> Tiles:
    """The tiles of a whole map, row after row, from the chunk sizes along y and x."""
    y1 = np.cumsum(np.array(rows, dtype=np.int64))
    x1 = np.cumsum(np.array(columns, dtype=np.int64))
    top, left = np.broadcast_arrays((y1 - rows)[:, None], (x1 - columns)[None, :])
    bottom, right = np.broadcast_arrays(y1[:, None], x1[None, :])
    return Tiles(geom, np.stack([each.ravel() for each in (top, bottom, left, right)]), plane)


def _samples(geom: WcsGeom, bounds: Ints) -> NDArray[np.float64]:
    """Unit vectors at 3 x 3 places of each window, shape (3, 3, 3, n): component, row, column, window."""
    y0, y1, x0, x1 = bounds
    y = np.stack([y0, (y0 + y1 - 1) / 2, y1 - 1]).astype(np.float64)
    x = np.stack([x0, (x0 + x1 - 1) / 2, x1 - 1]).astype(np.float64)
    if geom.separable:
        return unit(geom.lon_of(x)[None, :, :], geom.lat_of(y)[:, None, :])
    return unit(*geom.lonlat(y[:, None, :], x[None, :, :]))


def _bound(geom: WcsGeom, bounds: Ints) -> tuple[Caps, NDArray[np.uint8]]:
    """Caps and sky states of windows.

    The radius is the largest distance of a sample plus the largest second difference along a row or column of samples: the bound
    that a smooth map keeps between three samples is a quarter of it. Near a singular point (a pole, a limb) that difference is
    itself of the size of the window, so the bound widens just where it must.
    """
    points = _samples(geom, bounds)
    finite = np.isfinite(points[0])
    seen = finite.sum(axis=(0, 1))
    whole = seen == 9
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = normalise(points.sum(axis=(1, 2)))
        distance = angle_between(points, centre[:, None, None, :]).max(axis=(0, 1))
        bend_y = angle_between(points[:, 1], midpoint(points[:, 0], points[:, 2])).max(axis=0)
        bend_x = angle_between(points[:, :, 1], midpoint(points[:, :, 0], points[:, :, 2])).max(axis=0)
    radius = distance + np.maximum(bend_y, bend_x) + 1e-12
    known = whole & (radius < _WIDEST)
    radius = np.where(known, radius, np.pi)
    centre = np.where(known, centre, np.array([1.0, 0.0, 0.0])[:, None])
    sky = np.full(len(radius), PART)
    if geom.convex_sky:
        sky[whole] = ON
    _find_off_sky(geom, bounds, np.flatnonzero(seen == 0), sky)
    off = sky == OFF
    radius[off] = -1.0
    return Caps(centre, radius), sky


def _find_off_sky(geom: WcsGeom, bounds: Ints, candidates: NDArray[np.intp], sky: NDArray[np.uint8]) -> None:
    """Mark the windows that are off the sky as a whole.

    The sky's image is connected and holds the reference pixel. So a window whose whole rim is off the sky, and that does not hold the
    reference pixel, has no sky in it. Works window by window of equal shape.
    """
    ref_y, ref_x = geom.reference_pixel
    y0, y1, x0, x1 = bounds[:, candidates]
    holds = (y0 - 1 <= ref_y) & (ref_y <= y1) & (x0 - 1 <= ref_x) & (ref_x <= x1)
    large = (y1 - y0) * (x1 - x0) >= _SMALL
    candidates = candidates[~holds & large]
    shapes = np.stack([bounds[1] - bounds[0], bounds[3] - bounds[2]])[:, candidates]
    for height, width in np.unique(shapes, axis=1).T:
        alike = candidates[(shapes[0] == height) & (shapes[1] == width)]
        rim_y, rim_x = _rim(int(height), int(width))
        for few in np.array_split(alike, max(1, len(alike) * len(rim_y) // 2_000_000)):
            lon, _ = geom.lonlat(bounds[0, few, None] + rim_y, bounds[2, few, None] + rim_x)
            sky[few[~np.isfinite(lon).any(axis=1)]] = OFF


def _rim(height: int, width: int) -> tuple[Ints, Ints]:
    """Indices of the border pixels of a window."""
    rows = np.arange(height)
    columns = np.arange(width)
    y = np.concatenate([np.zeros(width, int), np.full(width, height - 1), rows, rows])
    x = np.concatenate([columns, columns, np.zeros(height, int), np.full(height, width - 1)])
    return y, x
