"""True angles to the nearest selected pixel, row by row: the lower envelope of what each other row offers.

On a separable grid the nearest selected pixel of a row is the one that is fewest columns away, whatever row it
is seen from. With ``n`` columns to it, ``sin^2`` of half the angle between rows i and k is ``sin^2((lat_i -
lat_k) / 2) + cos(lat_i) cos(lat_k) sin^2(n step / 2)``: divided by ``cos(lat_i)``, a number of the two rows
plus one of row k's pixel. So each stretch of row k that has a selected pixel near is worked out once, and is
added to and compared with all rows that are near enough, as whole rectangles: a separable distance transform.
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
_GAP = 16
# Rows whose stretches are listed together.
_ROWS = 32
# Angles that rounding may bring within the limit, radians.
_ROUNDING = 1e-9


def by_rows(tile: Tile, limit: float, selection: Selection) -> Floats | None:
    """Angles to the nearest selected pixel in a tile of a separable grid.

    Parameters
    ----------
    limit : float
        Radians; no further is looked.

    Returns
    -------
    ndarray of float64, shape (ny, nx), or None
        Radians, the limit where nothing is nearer; None where a column of the sky is on the grid in part.
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
        for low in range(0, len(rows.near), _ROWS):
            for row, start, offered in _stretches(selected, rows, low, most, table):
                _lower(least, rows, row, start, offered)
    return _angles(least, rows.cos_lat, limit)


class _Rows(NamedTuple):
    """Rows of a tile, and those round them that may hold what is nearest.

    Attributes
    ----------
    cos_lat : ndarray of float64, shape (rows,)
        Cosines of the latitudes of the tile's rows, never 0.
    between : ndarray of float64, shape (others, rows)
        ``sin^2`` of half the angle of latitude between the other rows and the tile's, over ``cos_lat``.
    cos_other : ndarray of float64, shape (others,)
        Cosines of the latitudes of the others.
    start, stop : ndarray of int64, shape (others,)
        Which rows of the tile are near each of the others.
    near : ndarray of int64, shape (others,)
        Columns beyond which no pixel of a row of the tile is within the limit; -1 if none is.
    step : float
        Radians from a column to the next.
    """

    cos_lat: Floats
    between: Floats
    cos_other: Floats
    start: Ints
    stop: Ints
    near: Ints
    step: float

    @classmethod
    def of(cls, geom: Grid, rows: Ints, others: Ints, limit: float) -> _Rows:
        """From the numbers of the rows."""
        lat, other = np.deg2rad(geom.lat_of(rows)), np.deg2rad(geom.lat_of(others))
        step = float(np.deg2rad(abs(geom.lon_step)))
        cos_lat, cos_other = (np.maximum(np.cos(each), 1e-300) for each in (lat, other))
        square = np.sin((other[:, None] - lat) / 2) ** 2
        is_near = np.abs(other[:, None] - lat) <= limit + _ROUNDING
        left = np.sin(min(limit + _ROUNDING, np.pi) / 2) ** 2 - square
        with np.errstate(over="ignore"):
            turned = np.where(is_near, left, 0.0) / (cos_other[:, None] * cos_lat)
        lon = 2 * np.arcsin(np.sqrt(np.clip(turned, 0.0, 1.0)))
        near = np.where(is_near, np.minimum(lon, np.pi) / step + 1, -1).max(axis=1, initial=-1)
        stop = len(rows) - is_near[:, ::-1].argmax(axis=1)
        return cls(
            cos_lat, square / cos_lat, cos_other, is_near.argmax(axis=1), stop, near.astype(np.int64), step
        )


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
    for each, x, a, b in zip(
        (low + row[opening]).tolist(), start[opening].tolist(), at.tolist(), (at + length).tolist(), strict=True
    ):
        yield each, x, offered[a:b]


def _lower(least: Floats, rows: _Rows, row: int, column: int, offered: Floats) -> None:
    """Lower the envelope of all rows near one of the others to what a stretch of it offers."""
    y0, y1 = int(rows.start[row]), int(rows.stop[row])
    between = rows.between[row, y0:y1, None]
    wide = max(_PIXELS // (y1 - y0), 1)
    for low in range(0, len(offered), wide):
        part = offered[low : low + wide]
        some = least[y0:y1, column + low : column + low + len(part)]
        np.minimum(some, between + part, out=some)


def _angles(least: Floats, cos_lat: Floats, limit: float) -> Floats:
    """Angles of the envelope, at most the limit."""
    least *= cos_lat[:, None]
    found = np.flatnonzero(least < np.sin(limit / 2) ** 2)
    angles = 2 * np.arcsin(np.sqrt(np.minimum(least.reshape(-1)[found], 1.0)))
    least.fill(limit)
    least.reshape(-1)[found] = np.minimum(angles, limit)
    return least
