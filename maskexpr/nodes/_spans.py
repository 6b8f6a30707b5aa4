"""Circles on separable grids: each circle cuts each row of pixels in one run, whose ends are found
analytically.

The ends are then tested as pixels, by the same predicate as everywhere, so that the answer equals that of a
pixel-by-pixel test.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..sphere import lonlat, unit, within
from ..tiles import Tile

__all__ = ["circle_spans", "paint_spans"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Runs that hold more than one in so many pixels of an array are painted by summing.
_DENSE = 3


def circle_spans(tile: Tile, centres: Floats, radius: Floats) -> tuple[Ints, Ints, Ints]:
    """Runs of pixels of a tile whose centres lie in circles.

    Parameters
    ----------
    tile : Tile
        A tile of a separable geometry.
    centres : ndarray, shape (3, n)
        Unit vectors in the frame of the geometry.
    radius : ndarray, shape (n,)
        Radii in radians.

    Returns
    -------
    row, start, stop : ndarray of int
        Runs in indices of the tile, half open; they may overlap.
    """
    y0, y1, x0, x1 = tile.window
    geom = tile.geom
    lon, lat = lonlat(centres)
    lat_row = geom.lat_of(np.arange(y0, y1))
    circle, row = _pairs(lat_row, lat, np.rad2deg(radius))
    half = _half_width(lat_row, lat, radius, circle, row)
    keep = ~np.isnan(half)
    circle, row, half = circle[keep], row[keep], half[keep] / abs(geom.lon_step)
    period = abs(360.0 / geom.lon_step)
    centre = _columns(tile, lon, period)[circle]
    # The run may come in from the other side of the seam.
    copies = [centre + k * period for k in (-1, 0, 1)]
    hits = [np.flatnonzero((c + half >= x0 - 1) & (c - half <= x1)) for c in copies]
    place = np.concatenate(hits)
    middle = np.concatenate([c[hit] for c, hit in zip(copies, hits, strict=True)])
    circle, row, half = circle[place], row[place], half[place]
    test = _Tester(tile, lat_row, centres, radius, circle, row)
    start = test.first(np.ceil(middle - half).astype(np.int64), step=-1)
    stop = test.first(np.floor(middle + half).astype(np.int64), step=1) + 1
    start, stop = np.clip(start, x0, x1) - x0, np.clip(stop, x0, x1) - x0
    keep = start < stop
    return row[keep], start[keep], stop[keep]


def paint_spans(out: NDArray[np.bool_], row: Ints, start: Ints, stop: Ints) -> None:
    """Set runs of pixels in an array, which may be a window of a larger one.

    Few pixels are set one by one, at the cost of the pixels; where the runs hold more than a part of the
    array, their starts and stops are summed along the rows, at the cost of the array.
    """
    length = stop - start
    total = int(length.sum())
    if total > out.size // _DENSE:
        out |= _summed(out.shape, row, start, stop)
        return
    flat, origin, stride = _flat(out)
    first = origin + row * stride + start
    flat[np.arange(total) + np.repeat(first - (np.cumsum(length) - length), length)] = True


def _summed(shape: tuple[int, ...], row: Ints, start: Ints, stop: Ints) -> NDArray[np.bool_]:
    height, width = shape
    change = np.zeros(height * (width + 1), dtype=np.int32)
    np.add.at(change, row * (width + 1) + start, 1)
    np.add.at(change, row * (width + 1) + stop, -1)
    return np.cumsum(change.reshape(height, width + 1)[:, :-1], axis=1, dtype=np.int32) > 0


def _flat(out: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], int, int]:
    """The array that a window was cut from, in one dimension, with the window's first place in it and its
    stride.
    """
    whole: NDArray[np.bool_] = out
    while isinstance(whole.base, np.ndarray) and whole.base.dtype == np.bool_:
        whole = whole.base
    if not whole.flags.c_contiguous:
        raise ValueError("runs are painted into windows of C-contiguous bool arrays")
    origin = out.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return whole.reshape(-1), origin, out.strides[0]


def _pairs(lat_row: Floats, lat: Floats, radius: Floats) -> tuple[Ints, Ints]:
    """Every circle with every row that it can reach."""
    on_sky = np.flatnonzero(np.isfinite(lat_row))
    if not len(on_sky):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    rows = lat_row[on_sky]
    descending = rows[0] > rows[-1]
    ordered = rows[::-1] if descending else rows
    low = np.searchsorted(ordered, lat - radius - 1e-9, side="left")
    high = np.searchsorted(ordered, lat + radius + 1e-9, side="right")
    if descending:
        low, high = len(rows) - high, len(rows) - low
    number = high - low
    circle = np.repeat(np.arange(len(lat)), number)
    row = np.arange(int(number.sum())) - np.repeat(np.cumsum(number) - number, number) + low[circle]
    return circle, on_sky[row]


def _half_width(lat_row: Floats, lat: Floats, radius: Floats, circle: Ints, row: Ints) -> Floats:
    """Half-width in longitude (degrees) of circles on parallels; NaN where a circle does not reach the
    parallel.

    From the haversine formula: sin^2(dlon/2) = (sin^2(r/2) - sin^2(dlat/2)) / (cos(b) cos(b0)). What
    belongs to a circle or a row alone is worked out once for each.
    """
    half_row, half_centre = np.deg2rad(lat_row) / 2, np.deg2rad(lat) / 2
    above = (np.sin(radius / 2) ** 2)[circle] - np.sin(half_row[row] - half_centre[circle]) ** 2
    # The tolerance lets doubtful rows through to the test of pixels.
    below = np.maximum(np.cos(2 * half_row)[row] * np.cos(2 * half_centre)[circle], 1e-300)
    half = np.rad2deg(2 * np.arcsin(np.sqrt(np.clip(above / below, 0.0, 1.0))))
    return np.where(above < -1e-15, np.nan, np.where(above >= below, 180.0, half))


def _columns(tile: Tile, lon: Floats, period: float) -> Floats:
    """Column of each longitude, in the copy nearest to the middle of the tile."""
    _, _, x0, x1 = tile.window
    # The one column that is on the sky however far the map reaches beyond it.
    origin = tile.geom.reference_pixel[1]
    column = origin + (lon - tile.geom.lon_of(np.array([origin]))[0]) / tile.geom.lon_step
    middle = (x0 + x1 - 1) / 2
    return np.asarray(column - np.round((column - middle) / period) * period)


class _Tester:
    """Tests the pixels near the analytic end of each run."""

    def __init__(
        self, tile: Tile, lat_row: Floats, centre: Floats, radius: Floats, circle: Ints, row: Ints
    ) -> None:
        self._tile = tile
        self._x0, self._x1 = tile.window.x0 - 2, tile.window.x1 + 2
        column = unit(tile.geom.lon_of(np.arange(self._x0, self._x1)), 0.0)
        self._cos_lon, self._sin_lon = column[0], column[1]
        parallel = unit(0.0, lat_row)
        self._cos_lat, self._sin_lat = parallel[0], parallel[2]
        self._centre, self._radius = centre, radius
        self._circle, self._row = circle, row

    def first(self, guess: Ints, step: int) -> Ints:
        """The outermost pixel inside, looked for at the guess, one further out and one further in."""
        out = np.clip(guess, self._x0, self._x1 - 1)
        near = np.flatnonzero((guess > self._x0) & (guess < self._x1 - 1))
        further = self._inside(near, guess[near] + step)
        there = self._inside(near, guess[near])
        out[near] = np.where(further, guess[near] + step, np.where(there, guess[near], guess[near] - step))
        return out

    def _inside(self, which: Ints, x: Ints) -> NDArray[np.bool_]:
        row, circle, column = self._row[which], self._circle[which], x - self._x0
        xyz = np.empty((3, len(which)))
        np.multiply(self._cos_lat[row], self._cos_lon[column], out=xyz[0])
        np.multiply(self._cos_lat[row], self._sin_lon[column], out=xyz[1])
        xyz[2] = self._sin_lat[row]
        return within(xyz, self._centre[:, circle], self._radius[circle])
