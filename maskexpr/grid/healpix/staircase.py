"""The lattice of a HEALPix grid: the staircase of its faces as rows and columns of pixels.

Faces stand on whole squares of nside pixels, so that a nested parent cell is a square window. Off the
staircase there is no sky.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arrays import Bools, Floats, Ints
from ...pixels.window import Window
from ...sphere.vectors import Caps, angle_between, normalise, unit
from ..lattice import OFF, ON, PART, EvenRings
from ..rings import Rings
from .cells import places_of, spherical
from .faces import (
    COLUMN,
    FACES,
    MIDDLE,
    ROW,
    SOUTH,
    SQUARES,
    from_faces,
    on_staircase,
    pieces,
    spread_bits,
)

__all__ = [
    "caps_of",
    "cells_at",
    "cells_in",
    "even_rings_of",
    "index_of",
    "lonlat_at",
    "lonlat_beside",
    "on_sky",
    "pixel_of",
    "place_of",
    "rings_in",
    "sky_of",
    "vectors_at",
    "window_of",
]

# Pixels for which tables are worth their while.
_MANY = 1 << 10
# Rounding of a unit vector and of an angle between two, radians.
_ROUNDING = 1e-12


def _face_at(order: int, y: Ints, x: Ints) -> Ints:
    """Faces of rows and columns, -1 off the sky."""
    row, column = y >> order, x >> order
    inside = (row >= 0) & (row < SQUARES) & (column >= 0) & (column < SQUARES)
    face = _ON_LATTICE[np.where(inside, column, 0), np.where(inside, row, 0)]
    return np.where(inside, face, -1)


# Face by column and row of the lattice; the square where face 4 would follow once more is off it.
_ON_LATTICE = FACES[:SQUARES, :SQUARES].copy()
_ON_LATTICE[4, 0] = -1


def cells_at(order: int, y: ArrayLike, x: ArrayLike) -> Ints:
    """Nested cells of pixels, whose indices broadcast; -1 off the sky.

    Examples
    --------
    >>> cells_at(0, [4, 4, 4], [0, 1, 2]).tolist()
    [4, 0, -1]
    """
    y, x = np.broadcast_arrays(np.asarray(y, dtype=np.int64), np.asarray(x, dtype=np.int64))
    face, within = _face_at(order, y, x), (1 << order) - 1
    return np.where(face < 0, -1, from_faces(order, face, x & within, y & within))


def cells_in(order: int, window: Window) -> Ints:
    """Nested cells of the pixels of a window, shape (ny, nx); -1 off the sky.

    Examples
    --------
    >>> cells_in(1, Window(6, 9, 2, 4)).tolist()
    [[20, 21], [22, 23], [0, 1]]
    """
    y0, y1, x0, x1 = window
    y, x = np.arange(y0, y1), np.arange(x0, x1)
    within = (1 << order) - 1
    up, along = spread_bits(y & within, order) << 1, spread_bits(x & within, order)
    out = np.full(window.shape, -1, dtype=np.int64)
    rows, columns = _pieces(order, y0, y1), _pieces(order, x0, x1)
    for row in rows:
        for column in columns:
            face = int(_face_at(order, np.array(row.start), np.array(column.start)))
            if face >= 0:
                some = slice(row.start - y0, row.stop - y0), slice(column.start - x0, column.stop - x0)
                np.add(up[some[0], None], along[None, some[1]] + (face << 2 * order), out=out[some])
    return out


def _pieces(order: int, first: int, end: int) -> list[range]:
    """Indices along an axis, face by face, as far as they are on the lattice."""
    side = 1 << order
    first, end = max(first, 0), min(end, SQUARES * side)
    return [
        range(max(first, i * side), min(end, (i + 1) * side))
        for i in range(first >> order, -(-end >> order) if end > first else 0)
    ]


def place_of(order: int, ids: Ints) -> tuple[Ints, Ints]:
    """Rows and columns of cells, -1 for the cell -1."""
    y, x = on_staircase(order, np.maximum(ids, 0))
    return np.where(ids < 0, -1, y), np.where(ids < 0, -1, x)


def window_of(order: int, parent_order: int, parents: Ints) -> Ints:
    """Windows of the cells within parent cells, shape (4, n)."""
    y, x = on_staircase(parent_order, parents)
    levels = order - parent_order
    return np.stack([y << levels, y + 1 << levels, x << levels, x + 1 << levels])


# ---- positions


def lonlat_at(order: int, y: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
    """Longitude and latitude in degrees of pixels, whose indices need not be whole; NaN off the sky."""
    y, x = np.broadcast_arrays(np.asarray(y), np.asarray(x))
    if y.dtype.kind == "f" or x.dtype.kind == "f":
        known = np.isfinite(y) & np.isfinite(x)
        row, column = (np.where(known, np.floor(each + 0.5), -1.0).astype(np.int64) for each in (y, x))
    else:
        row, column = y.astype(np.int64), x.astype(np.int64)
    face = _face_at(order, row, column)
    lon, lat = np.full(face.shape, np.nan), np.full(face.shape, np.nan)
    there = face >= 0
    face, side = face[there], 1 << order
    # Halves of cells from the corner of the face: whole numbers at centres.
    up = 2 * (y[there] - ROW[face] * side) + 1
    along = 2 * (x[there] - COLUMN[face] * side) + 1
    lon[there], lat[there] = _degrees(order, face, along, up)
    return lon, lat


def even_rings_of(order: int) -> EvenRings:
    """The rings of all faces."""
    side = 1 << order
    corners = np.stack([ROW, ROW + 1, COLUMN, COLUMN + 1]) * side
    return EvenRings(partial(_ring_lat, order), partial(_ring_step, order), corners, MIDDLE * (np.pi / 4))


def _ring_lat(order: int, totals: Ints) -> Floats:
    side = 1 << order
    inside = (totals >= 3 * side) & (totals <= 7 * side - 2)
    return np.where(inside, np.deg2rad(_lat_of(order, totals)), np.nan)


def _ring_step(order: int, totals: Ints) -> Floats:
    side = 1 << order
    from_south = np.clip(totals, 3 * side, 7 * side - 2) + (1 - 3 * side)
    return np.asarray(np.pi / 2 / np.minimum(np.minimum(from_south, 4 * side - from_south), side))


def _lat_of(order: int, totals: Ints) -> Floats:
    """Latitudes in degrees of rings, by row plus column: any face tells them."""
    side = 1 << order
    face = np.zeros(len(totals), dtype=np.int64)
    # Beyond the poles there is no ring, and no pixel that asks for one.
    from_corner = np.clip(totals, 3 * side, 7 * side - 2) - (ROW[0] + COLUMN[0]) * side
    return _degrees(order, face, 2 * from_corner + 2, face)[1]


def vectors_at(order: int, y: ArrayLike, x: ArrayLike) -> Floats:
    """Unit vectors of pixels, shape (3, ...), NaN off the sky: the bits of `unit` of `lonlat_at`.

    The row plus the column of a pixel tells its latitude, and in the belt column minus row its longitude: of
    many pixels close together sines and cosines are looked up.
    """
    y, x = np.broadcast_arrays(np.asarray(y), np.asarray(x))
    if y.size < _MANY or y.dtype.kind == "f" or x.dtype.kind == "f":
        return unit(*lonlat_at(order, y, x))
    first, last = int(min(y.min(), x.min())), int(max(y.max(), x.max()))
    # In the square of the staircase that is off the sky there are rows of the belt too.
    off = first < 0 or last >= SQUARES << order or (x.max() >= 4 << order and y.min() < 1 << order)
    if off or last - first > y.size:
        return unit(*lonlat_at(order, y, x))
    out = np.empty((3, y.size))
    known = _Known.of(order, y, x)
    flat_y, flat_x = y.reshape(-1), x.reshape(-1)
    for some in pieces(y.size):
        known.look_up(flat_y[some], flat_x[some], out[:, some])
    return out.reshape(3, *y.shape)


class _Known(NamedTuple):
    """Sines and cosines of the latitudes of pixels by row plus column, from a first one on, and of the
    longitudes in the belt by column minus row; ``belt`` are the first and last sum that are in it.
    """

    order: int
    total: int
    aside: int
    belt: tuple[int, int]
    of_lat: Floats
    of_lon: Floats

    @classmethod
    def of(cls, order: int, y: Ints, x: Ints) -> _Known:
        """For pixels on the lattice."""
        total, aside, side = y + x, x - y, 1 << order
        low, west = int(total.min()), int(aside.min())
        totals, asides = np.arange(low, int(total.max()) + 1), np.arange(west, int(aside.max()) + 1)
        lat = _lat_of(order, totals)
        lon = (4 + asides / side) * 45.0 % 360.0
        return cls(order, low, west, (4 * side - 1, 6 * side - 1), _turned(lat), _turned(lon))

    def look_up(self, y: Ints, x: Ints, out: Floats) -> None:
        """Write the vectors of pixels, shape (3, n)."""
        total = y + x
        cos_lat, out[2] = (each.take(total - self.total) for each in self.of_lat)
        in_belt = (total >= self.belt[0]) & (total <= self.belt[1])
        if in_belt.all():
            for i in (0, 1):
                np.multiply(cos_lat, self.of_lon[i].take(x - y - self.aside), out=out[i])
        elif in_belt.any():
            for some in (np.flatnonzero(in_belt), np.flatnonzero(~in_belt)):
                part = np.empty((3, len(some)))
                self.look_up(y[some], x[some], part)
                out[:, some] = part
        else:
            self._in_caps(y, x, total, cos_lat, out)

    def _in_caps(self, y: Ints, x: Ints, total: Ints, cos_lat: Floats, out: Floats) -> None:
        """Write what goes with the longitude of pixels of the polar caps, or off the sky."""
        within, side = (1 << self.order) - 1, 1 << self.order
        face = _ON_LATTICE[x >> self.order, y >> self.order]
        from_south = total + (1 - 3 * side)
        ring = np.minimum(from_south, 4 * side - from_south)
        ring[face < 0] = 1
        lon = (MIDDLE[face] + ((x & within) - (y & within)) / ring) * 45.0
        # The remainder of a turn, but from -45 to 360 only.
        lon[lon < 0] += 360.0
        lon[lon >= 360] -= 360.0
        for i, each in enumerate(_turned(lon)):
            np.multiply(cos_lat, each, out=out[i])
        out[:, face < 0] = np.nan


def _turned(degrees: Floats) -> Floats:
    """Cosines and sines, shape (2, n)."""
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)])


def _degrees(order: int, face: Ints, x: Ints | Floats, y: Ints | Floats) -> tuple[Floats, Floats]:
    turn, z, across = spherical(order, face, x, y)
    lon = turn * 45.0 % 360.0
    return np.where(lon == 360.0, 0.0, lon), np.rad2deg(np.arctan2(z, across))


def lonlat_beside(order: int, y: Ints, x: Ints, down: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Longitude and latitude in degrees of places of cells on the sky, so many pixels from their centres."""
    face, within = _face_at(order, y, x), (1 << order) - 1
    return _degrees(order, face, 2 * (x & within) + 1 + 2 * right, 2 * (y & within) + 1 + 2 * down)


def pixel_of(order: int, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Rows and columns, not rounded, of positions in degrees; NaN for what is no position.

    A place on the border of its cell is put just inside.
    """
    lon, lat = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    there = np.isfinite(lon) & (np.abs(lat) <= 90)
    y, x = np.full(lon.shape, np.nan), np.full(lon.shape, np.nan)
    face, column, row, along, up = places_of(order, unit(lon[there], lat[there]))
    for index, corner, cell, exact in ((y, ROW, row, up), (x, COLUMN, column, along)):
        low, high = cell - 0.5, cell + 0.5
        inside = np.clip(exact - 0.5, np.nextafter(low, np.inf), np.nextafter(high, -np.inf))
        first = corner[face] << order
        # Rounding of a large index must not lead to the next cell either.
        index[there] = np.clip(
            inside + first, np.nextafter(low + first, np.inf), np.nextafter(high + first, -np.inf)
        )
    return y, x


def index_of(order: int, lon: ArrayLike, lat: ArrayLike) -> tuple[Ints, Ints]:
    """Rows and columns of the cells that hold positions in degrees; -1 for what is no position."""
    lon, lat = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
    there = np.isfinite(lon) & (np.abs(lat) <= 90)
    y, x = np.full(lon.shape, -1), np.full(lon.shape, -1)
    face, column, row, _, _ = places_of(order, unit(lon[there], lat[there]))
    y[there], x[there] = (ROW[face] << order) + row, (COLUMN[face] << order) + column
    return y, x


# ---- windows


def sky_of(order: int, bounds: Ints) -> NDArray[np.uint8]:
    """``OFF``, ``PART`` or ``ON`` for windows, shape (4, n).

    A window whose four corners are on the sky is on it: sums of rows and columns of squares lie between those
    of its corners, and the one square with a fitting sum that is off the sky is a corner of the lattice.
    """
    y0, y1, x0, x1 = bounds
    corners = [_face_at(order, y, x) >= 0 for y in (y0, y1 - 1) for x in (x0, x1 - 1)]
    side = 1 << order
    top, left = ROW[:, None] * side, COLUMN[:, None] * side
    some = ((y0 < top + side) & (y1 > top) & (x0 < left + side) & (x1 > left)).any(axis=0)
    some &= (y1 > y0) & (x1 > x0)
    return np.where(some, np.where(np.logical_and.reduce(corners), ON, PART), OFF).astype(np.uint8)


def on_sky(order: int, window: Window) -> Bools:
    """Which pixels of a window are on the sky, shape (ny, nx)."""
    out = np.zeros(window.shape, dtype=bool)
    side = 1 << order
    for row, column in zip((ROW * side).tolist(), (COLUMN * side).tolist(), strict=True):
        part = window.intersect(Window(row, row + side, column, column + side)).shift(-window.y0, -window.x0)
        if part.size:
            out[part.y0 : part.y1, part.x0 : part.x1] = True
    return out


def rings_in(order: int, window: Window) -> Rings:
    """Iso-latitude rings of the cells of a window, face by face: they run along diagonals."""
    side = 1 << order
    found = [np.empty((4, 0), dtype=np.int64)]
    for face, (row, column) in enumerate(zip((ROW * side).tolist(), (COLUMN * side).tolist(), strict=True)):
        part = window.intersect(Window(row, row + side, column, column + side)).shift(-row, -column)
        if part.size:
            total = np.arange(part.y0 + part.x0, part.y1 + part.x1 - 1)
            x = np.maximum(part.x0, total - part.y1 + 1)
            last = np.minimum(part.x1 - 1, total - part.y0)
            found.append(np.stack([np.full_like(x, face), total - x, x, last - x + 1]))
    face, y, x, number = np.concatenate(found, axis=1)
    turn, z, across = spherical(order, face, 2 * x + 1, 2 * y + 1)
    ring = SOUTH[face] * side - x - y - 1
    from_pole = np.minimum(np.minimum(ring, 4 * side - ring), side)
    lat = np.arctan2(z, across)
    i = np.argsort(lat, kind="stable")
    step = np.pi / 2 / from_pole
    middle = turn * (np.pi / 4) + (number - 1) / 2 * step
    y, x = y + ROW[face] * side, x + COLUMN[face] * side
    return Rings(lat[i], across[i], middle[i], step[i], y[i], x[i], number[i])


def caps_of(order: int, bounds: Ints) -> Caps:
    """Caps that hold all pixel centres of windows, shape (4, n); the radius is negative where there is none.

    The part of a window in one face is a rectangle of it, and lies in a cap round the place in its middle
    that holds the corners and the places where the border of the polar cap crosses its sides; see `_round`.
    """
    side = 1 << order
    top, left = ROW * side, COLUMN * side
    y0, y1, x0, x1 = (each[:, None] for each in bounds)
    y0, y1 = np.maximum(y0 - top, 0), np.minimum(y1 - top, side)
    x0, x1 = np.maximum(x0 - left, 0), np.minimum(x1 - left, side)
    window, face = np.nonzero((y0 < y1) & (x0 < x1))
    parts = _round(order, face, *(each[window, face] for each in (y0, y1, x0, x1)))
    number = bounds.shape[1]
    centre, radius = np.zeros((3, number)), np.full(number, -1.0)
    centre[0] = 1.0
    centre[:, window], radius[window] = parts.centre, parts.radius
    several = np.bincount(window, minlength=number) > 1
    if several.any():
        some = several[window]
        area = ((y1 - y0) * (x1 - x0))[window, face][some]
        which, found = np.unique(window[some], return_inverse=True)
        together = _united(parts.take(some), found, area.astype(np.float64))
        centre[:, which], radius[which] = together.centre, together.radius
    return Caps(centre, radius)


def _round(order: int, face: Ints, y0: Ints, y1: Ints, x0: Ints, x1: Ints) -> Caps:
    """Caps round rectangles of pixels of faces, through the centres of the outermost.

    As of one cell (`maskexpr.grid.healpix.cells.caps`), f is convex along the parts of the sides in the belt
    and in the polar cap, so that no point is further than the ends of these parts. What that needs holds for
    the middle of any rectangle: with the places of the middle and of a point of a side written out, their
    longitudes differ by at most 45 degrees if one of the two is in the belt, by 90 degrees if both are in the
    cap. With the point in the cap and the middle in the belt (``z0 >= 0``) the bracket of f'' is positive up
    to ``tan d = (1 + 1 / (2 w**2) + 3 w**2 lon**2) / lon``, which is at least 3.8, of 75 degrees.
    """
    low_x, high_x, low_y, high_y = (2 * each + 1 for each in (x0, x1 - 1, y0, y1 - 1))
    side = 2 << order
    middle = _vectors(order, face, x0 + x1, y0 + y1)
    polar = face // 4 != 1
    radius = np.zeros(len(face))
    for x, y in ((low_x, low_y), (low_x, high_y), (high_x, low_y), (high_x, high_y)):
        np.maximum(radius, angle_between(_vectors(order, face, x, y), middle), out=radius)
    # On the border of the cap x + y is the side of the face.
    for x, y in (
        (low_x, side - low_x),
        (high_x, side - high_x),
        (side - low_y, low_y),
        (side - high_y, high_y),
    ):
        there = np.flatnonzero(polar & (x > low_x) & (x < high_x) | polar & (y > low_y) & (y < high_y))
        away = angle_between(_vectors(order, face[there], x[there], y[there]), middle[:, there])
        radius[there] = np.maximum(radius[there], away)
    return Caps(middle, radius + _ROUNDING)


def _vectors(order: int, face: Ints, x: Ints, y: Ints) -> Floats:
    turn, z, across = spherical(order, face, x, y)
    return np.stack([across * np.cos(turn * (np.pi / 4)), across * np.sin(turn * (np.pi / 4)), z])


def _united(caps: Caps, which: Ints, weight: Floats) -> Caps:
    """One cap round all caps of each number, whose middle is that of their centres."""
    number = int(which.max()) + 1
    middle = normalise(np.stack([np.bincount(which, weight * each, number) for each in caps.centre]))
    middle = np.where(np.isfinite(middle), middle, np.array([1.0, 0.0, 0.0])[:, None])
    reach = angle_between(caps.centre, middle[:, which]) + caps.radius
    radius = np.zeros(number)
    np.maximum.at(radius, which, reach)
    return Caps(middle, np.minimum(radius + _ROUNDING, np.pi))
