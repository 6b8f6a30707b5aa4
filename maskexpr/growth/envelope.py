"""True angles to the nearest selected pixel, row by row: the lower envelope of what each other row offers.

On a separable grid the nearest selected pixel of a row is the one that is fewest columns away, whatever row
it is seen from. From a pixel of row i to one of row k that is n columns away, ``sin^2`` of half the angle is
``sin^2((lat_i - lat_k) / 2) + cos(lat_i) cos(lat_k) sin^2(n step / 2)``: divided by ``cos(lat_i)``, a number
of the two rows plus one of row k and n. So each stretch of row k that has a selected pixel near is worked out
once, and all rows that are near enough are compared with it, as one rectangle: a separable distance
transform.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..expr.mask import Bools
from ..grid.lattice import Grid
from ..grid.neighbours import columns_on_sky, rows_within
from ..grid.tiles import Tile
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from .shape import Selection

__all__ = ["by_rows"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Pixels of a rectangle, which stays in the processor's cache.
_PIXELS = 1 << 14
# Stretches with fewer columns between them are one: a call costs as much as some thousand pixels.
_GAP = 128
# Rows whose stretches are listed together.
_ROWS = 32
# Angles that rounding may bring within the limit, radians.
_ROUNDING = 1e-9


def by_rows(tile: Tile, limit: float, selection: Selection) -> tuple[Ints, Floats] | None:
    """Angles to the nearest selected pixel in a tile of a separable grid.

    Parameters
    ----------
    limit : float
        Radians; no further is looked.

    Returns
    -------
    tuple (pixels, angles) or None
        Flat indices of the tile's pixels for which one is nearer than that, and how near, radians; pixels off
        the sky at 0. None where a column of the sky is on the grid in part.
    """
    geom, (y0, y1, x0, x1) = tile.geom, tile.window
    first, last = rows_within(geom, y0, y1, float(np.rad2deg(limit)) + _ROUNDING)
    rows = _Rows.of(geom, np.arange(y0, y1), np.arange(first, last), limit)
    most = int(rows.near.max(initial=-1))
    least = np.full(tile.shape, np.inf)
    if most >= 0:
        pieces = _pieces(geom, x0 - most, x1 + most)
        if pieces is None:
            return None
        selected = _selected(tile, Window(first, last, x0 - most, x1 + most), pieces, selection)
        # sin^2 of half an angle of longitude, by columns.
        table = np.sin(np.arange(most + _GAP + 1) * (rows.step / 2)) ** 2
        room = np.empty(max(_PIXELS, len(least)))
        for low in range(0, len(rows.near), _ROWS):
            for row, start, offered in _stretches(selected, rows, low, most, table):
                _lower(least, rows, row, start, offered, room)
    if tile.on_sky is not None:
        least[~tile.on_sky] = 0.0
    return _angles(least, rows.cos_lat, limit)


class _Rows(NamedTuple):
    """Rows of a tile, and those round them that may hold what is nearest.

    Attributes
    ----------
    cos_lat : ndarray of float64, shape (rows,)
        Cosines of the latitudes of the tile's rows, never 0.
    between : list of ndarray of float64, shape (rows, 1)
        For each of the others, ``sin^2`` of half its angle of latitude to the rows near it, over ``cos_lat``.
    cos_other : ndarray of float64, shape (others,)
        Cosines of the latitudes of the others.
    start, stop : list of int
        Which rows of the tile are near each of the others.
    near : ndarray of int64, shape (others,)
        Columns beyond which no pixel of a row of the tile is within the limit; -1 if none is.
    step : float
        Radians from a column to the next.
    """

    cos_lat: Floats
    between: list[Floats]
    cos_other: Floats
    start: list[int]
    stop: list[int]
    near: Ints
    step: float

    @classmethod
    def of(cls, geom: Grid, rows: Ints, others: Ints, limit: float) -> _Rows:
        """From the numbers of the rows."""
        lat, other = np.deg2rad(geom.lat_of(rows)), np.deg2rad(geom.lat_of(others))
        step = float(np.deg2rad(abs(geom.lon_step)))
        # Rows off the sky have no latitude, and none near them.
        cos_lat, cos_other = (np.fmax(np.cos(each), 1e-300) for each in (lat, other))
        is_near = np.abs(other[:, None] - lat) <= limit + _ROUNDING
        start, number = is_near.argmax(axis=1), np.count_nonzero(is_near, axis=1)
        k, i = np.nonzero(is_near)
        square = np.sin((lat[i] - other[k]) / 2) ** 2
        left = np.sin(min(limit + _ROUNDING, np.pi) / 2) ** 2 - square
        turned = np.arcsin(np.sqrt(np.clip(left / np.maximum(cos_lat[i] * cos_other[k], 1e-300), 0.0, 1.0)))
        near = np.full(len(others), -1)
        np.maximum.at(near, k, (2 * turned / step).astype(np.int64) + 1)
        between = np.split((square / cos_lat[i])[:, None], np.cumsum(number)[:-1])
        return cls(cos_lat, between, cos_other, start.tolist(), (start + number).tolist(), near, step)


def _pieces(geom: Grid, x0: int, x1: int) -> list[tuple[int, int, int]] | None:
    """Columns of the sky that columns of the lattice, which goes on round the sky, stand for, as (from, to,
    which column the first stands for); None if that is known only to a part of a column.
    """
    first, last = columns_on_sky(geom)
    if first <= x0 and x1 <= last:
        return [(x0, x1, x0)]
    period = geom.period
    if period is None:
        return None
    pieces, x = [], x0
    while x < x1:
        start = first + (x - first) % period
        stop = min(start + x1 - x, first + period)
        pieces.append((start, stop, x))
        x += stop - start
    return pieces


def _selected(tile: Tile, window: Window, pieces: list[tuple[int, int, int]], selection: Selection) -> Bools:
    """The selected pixels of a window, with a column of none before it and after."""
    out = np.zeros((window.shape[0], window.shape[1] + 2), dtype=bool)
    for start, stop, stands in pieces:
        at = stands - window.x0 + 1
        out[:, at : at + stop - start] = selection.values(tile.on(Window(window.y0, window.y1, start, stop)))
    return out


def _stretches(
    selected: Bools, rows: _Rows, low: int, most: int, table: Floats
) -> Iterator[tuple[int, int, Floats]]:
    """Stretches of some rows that have a selected pixel near: the row, the first column, and what its pixels
    offer: ``cos(lat) sin^2(n step / 2)`` of the columns ``n`` to the nearest selected one.

    Each run is the nearest from half way to the run before it until half way to the next.
    """
    some = selected[low : low + _ROWS]
    wide = some.shape[1]
    flat = some.reshape(-1)
    flips = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    row = flips[::2] // wide
    begin, end = flips[::2] - row * wide - 1 - most, flips[1::2] - row * wide - 1 - most
    near = rows.near[low + row]
    columns = wide - 2 - 2 * most
    held = (near >= 0) & (begin - near < columns) & (end + near > 0)
    row, begin, end, near = row[held], begin[held], end[held], near[held]
    if not len(row):
        return
    first = np.ones(len(row), dtype=bool)
    first[1:] = (np.diff(row) > 0) | ((begin - near)[1:] > (end + near)[:-1] + _GAP)
    start, stop = begin - near, end + near
    half = (begin[1:] + end[:-1] - 1) // 2 + 1
    start[1:] = np.where(first[1:], start[1:], half)
    stop[:-1] = np.where(first[1:], stop[:-1], half)
    start, stop = np.clip(start, 0, columns), np.clip(stop, 0, columns)
    run, column = ragged_ranges(start, stop - start)
    away = np.maximum(np.maximum(begin[run] - column, column - end[run] + 1), 0)
    offered = rows.cos_other[low + row][run] * table[away]
    opening = np.flatnonzero(first)
    length = np.add.reduceat(stop - start, opening)
    at = np.cumsum(length) - length
    places = np.stack([low + row[opening], start[opening], at, at + length])
    for each, x, begins, ends in places.T.tolist():
        yield each, x, offered[begins:ends]


def _lower(least: Floats, rows: _Rows, row: int, column: int, offered: Floats, room: Floats) -> None:
    """Lower the envelope of all rows near one of the others to what a stretch of it offers."""
    y0, y1 = rows.start[row], rows.stop[row]
    between, height = rows.between[row], y1 - y0
    wide = max(_PIXELS // height, 1)
    for low in range(0, len(offered), wide):
        part = offered[low : low + wide]
        some = least[y0:y1, column + low : column + low + len(part)]
        sums = room[: height * len(part)].reshape(height, -1)
        np.add(between, part, out=sums)
        np.minimum(some, sums, out=some)


def _angles(least: Floats, cos_lat: Floats, limit: float) -> tuple[Ints, Floats]:
    """Where the envelope is below the limit, and its angles there."""
    nearer = least < (np.sin(limit / 2) ** 2 / cos_lat)[:, None]
    found = np.flatnonzero(nearer)
    square = least.reshape(-1)[found] * np.repeat(cos_lat, np.count_nonzero(nearer, axis=1))
    return found, np.minimum(2 * np.arcsin(np.sqrt(np.minimum(square, 1.0))), limit)
