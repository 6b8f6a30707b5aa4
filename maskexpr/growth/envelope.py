"""True angles to the nearest selected pixel, row by row: the lower envelope of what each other row offers.

On a separable grid the nearest selected pixel of a row is the one that is fewest columns away, whatever row
it is seen from. From a pixel of row i to one of row k that is n columns away, ``sin^2`` of half the angle is
``sin^2((lat_i - lat_k) / 2) + cos(lat_i) cos(lat_k) sin^2(n step / 2)``: divided by ``cos(lat_i)``, a number
of the two rows plus one of row k and n. So what row k offers to each column is worked out once, and many rows
at a time are compared with what others offer in the columns where something is left to find: a separable
distance transform.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..grid.lattice import Grid
from ..grid.neighbours import columns_on_sky, rows_within
from ..grid.tiles import Tile
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from .shape import Selection

__all__ = ["by_rows"]

# Rows whose envelope is lowered together: fewer make more calls, more compare what only some of them need.
_ROWS = 32
# Angles that rounding may bring within the limit, radians.
_ROUNDING = 1e-9


def by_rows(tile: Tile, limit: float, selection: Selection) -> tuple[Bools, Ints, Floats] | None:
    """Angles to the nearest selected pixel in a tile of a separable grid.

    Parameters
    ----------
    limit : float
        Radians; no further is looked.

    Returns
    -------
    tuple (zero, pixels, angles) or None
        Which pixels are selected or off the sky; flat indices of others that have a selected one within the
        limit, and how near, radians. None where a column of the sky is on the grid in part.
    """
    geom, (y0, y1, x0, x1) = tile.geom, tile.window
    first, last = rows_within(geom, y0, y1, float(np.rad2deg(limit)) + _ROUNDING)
    rows = _Rows.of(geom, np.arange(y0, y1), np.arange(first, last), limit)
    zero = np.zeros(tile.shape, dtype=bool) if tile.on_sky is None else ~tile.on_sky
    most = int(rows.near.max(initial=-1))
    if most < 0:
        return zero, np.zeros(0, dtype=np.int64), np.zeros(0)
    pieces = _pieces(geom, x0 - most, x1 + most)
    if pieces is None:
        return None
    selected = _selected(tile, Window(first, last, x0 - most, x1 + most), pieces, selection)
    # Rows off the sky may not be among those that are looked at.
    low = max(y0, first)
    high = max(min(y1, last), low)
    zero[low - y0 : high - y0] |= selected[low - first : high - first, 1 + most : 1 + most + x1 - x0]
    return zero, *_lowest(_offered(selected, rows, most), zero, rows, limit)


class _Rows(NamedTuple):
    """Rows of a tile, and those round them that may hold what is nearest.

    Attributes
    ----------
    lat, other : ndarray of float64, shape (rows,), (others,)
        Latitudes of the rows of the tile and of the others, radians.
    cos_lat, cos_other : ndarray of float64, shape (rows,), (others,)
        Their cosines, never 0.
    start, stop : ndarray of int64, shape (rows,)
        Which of the others are near each row of the tile.
    near : ndarray of int64, shape (others,)
        Columns beyond which no pixel of a row of the tile is within the limit; -1 if none is.
    step : float
        Radians from a column to the next.
    """

    lat: Floats
    other: Floats
    cos_lat: Floats
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
        # Rows off the sky have no latitude, and none near them.
        cos_lat, cos_other = (np.fmax(np.cos(each), 1e-300) for each in (lat, other))
        is_near = np.abs(lat[:, None] - other) <= limit + _ROUNDING
        start, number = is_near.argmax(axis=1), np.count_nonzero(is_near, axis=1)
        i, k = np.nonzero(is_near)
        left = np.sin(min(limit + _ROUNDING, np.pi) / 2) ** 2 - np.sin((lat[i] - other[k]) / 2) ** 2
        turned = np.arcsin(np.sqrt(np.clip(left / np.maximum(cos_lat[i] * cos_other[k], 1e-300), 0.0, 1.0)))
        near = np.full(len(others), -1)
        np.maximum.at(near, k, (2 * turned / step).astype(np.int64) + 1)
        return cls(lat, other, cos_lat, cos_other, start, start + number, near, step)

    def between(self, turns: Ints) -> Floats:
        """``sin^2`` of half the angle of latitude from each row to that which is some rows further among the
        others, over ``cos_lat``, shape (rows, turns); infinite where that is not near.
        """
        others = np.arange(len(self.lat))[:, None] + turns
        held = (others >= self.start[:, None]) & (others < self.stop[:, None])
        row, turn = np.nonzero(held)
        square = np.sin((self.lat[row] - self.other[others[held]]) / 2) ** 2
        out = np.full(held.shape, np.inf)
        out[row, turn] = square / self.cos_lat[row]
        return out


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


def _offered(selected: Bools, rows: _Rows, most: int) -> Floats:
    """What the pixels of the other rows offer, shape (others, columns): ``cos(lat) sin^2(n step / 2)`` of the
    columns ``n`` to the nearest selected one of the row; infinite where none is near.

    Each run is the nearest from half way to the run before it until half way to the next.
    """
    wide = selected.shape[1]
    columns = wide - 2 - 2 * most
    out = np.full((len(selected), columns), np.inf)
    flat = selected.reshape(-1)
    flips = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    row = flips[::2] // wide
    begin, end = flips[::2] - row * wide - 1 - most, flips[1::2] - row * wide - 1 - most
    near = rows.near[row]
    held = (near >= 0) & (begin - near < columns) & (end + near > 0)
    row, begin, end, near = row[held], begin[held], end[held], near[held]
    start, stop = begin - near, end + near
    touch = (row[1:] == row[:-1]) & (start[1:] < stop[:-1])
    half = (begin[1:] + end[:-1] - 1) // 2 + 1
    start[1:] = np.where(touch, half, start[1:])
    stop[:-1] = np.where(touch, half, stop[:-1])
    # sin^2 of half an angle of longitude, by columns.
    table = np.sin(np.arange(most + 1) * (rows.step / 2)) ** 2
    for low, high, run_ends, sign in ((start, begin, begin, -1), (end, stop, end - 1, 1)):
        low, high = np.clip(low, 0, columns), np.clip(high, 0, columns)
        run, column = ragged_ranges(low, high - low)
        offers = rows.cos_other[row][run] * table[sign * (column - run_ends[run])]
        out.reshape(-1)[row[run] * columns + column] = offers
    out[selected[:, 1 + most : 1 + most + columns]] = 0.0
    return out


def _lowest(offered: Floats, zero: Bools, rows: _Rows, limit: float) -> tuple[Ints, Floats]:
    """Flat indices of the pixels that are nearer than a limit and not at 0, and their angles."""
    number = np.arange(len(rows.lat))
    some = rows.stop > rows.start
    turns = np.arange((rows.start - number)[some].min(), (rows.stop - number)[some].max())
    between = rows.between(turns)
    limits = np.sin(limit / 2) ** 2 / rows.cos_lat
    parts = []
    for low in range(0, len(number), _ROWS):
        block = slice(low, low + _ROWS)
        columns, least = _envelope(offered, between[block], turns + low, np.any(~zero[block], axis=0))
        row, at = np.nonzero((least < limits[block, None]) & ~zero[block, columns])
        parts.append((low + row, columns[at], least[row, at]))
    row, column, lowest = (np.concatenate(each) for each in zip(*parts, strict=True))
    square = np.minimum(lowest * rows.cos_lat[row], 1.0)
    return row * offered.shape[1] + column, np.minimum(2 * np.arcsin(np.sqrt(square)), limit)


def _envelope(offered: Floats, between: Floats, turns: Ints, wanted: Bools) -> tuple[Ints, Floats]:
    """The envelope of some rows in the wanted columns where something is offered, and which these are.

    In a turn each row is compared with that which is as many rows away from it as in the turn's other rows;
    near ones come first. After 2, 4, 8 ... turns columns leave of which no pixel can be lowered any more.
    """
    nearest = between.min(axis=0)
    order = np.argsort(nearest, kind="stable")
    order = order[np.isfinite(nearest[order])]
    first = max(int(turns[order].min(initial=len(offered))), 0)
    last = min(int(turns[order].max(initial=0)) + len(between), len(offered))
    near = offered[first:last]
    columns = np.flatnonzero(wanted & (near.min(axis=0, initial=np.inf) < np.inf))
    least = np.full((len(between), len(columns)), np.inf)
    left, near, now = np.arange(len(columns)), near[:, columns], least
    room = np.empty_like(least)
    for number, each in enumerate(order.tolist()):
        if number > 1 and number & (number - 1) == 0:
            still = now.max(axis=0, initial=0.0) > nearest[each]
            if 2 * np.count_nonzero(still) < len(still):
                least[:, left] = now
                left, now, near = left[still], now[:, still], near[:, still]
                room = np.empty_like(now)
        shift = int(turns[each]) - first
        y0, y1 = max(-shift, 0), min(len(near) - shift, len(now))
        sums, some = room[: y1 - y0], now[y0:y1]
        np.add(near[y0 + shift : y1 + shift], between[y0:y1, each : each + 1], out=sums)
        np.minimum(some, sums, out=some)
    least[:, left] = now
    return columns, least
