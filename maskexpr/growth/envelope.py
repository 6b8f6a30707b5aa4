"""True angles to the nearest selected pixel, row by row: the lower envelope of what each other row offers.

Where pixels of a row are at equal steps of longitude, the nearest selected one of a row is that which is
fewest columns away, whatever row it is seen from. From a pixel of row i to one of row k that is n columns
away, ``sin^2`` of half the angle is
``sin^2((lat_i - lat_k) / 2) + cos(lat_i) cos(lat_k) sin^2(n step / 2)``: divided by ``cos(lat_i)``, a number
of the two rows plus one of row k and n. So what row k offers to each column is worked out once, and many rows
at a time are compared with what others offer in the columns where something is left to find: a separable
distance transform.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats, Ints
from ..grid.lattice import Grid
from ..grid.neighbours import columns_on_sky, rows_within
from ..grid.tiles import Tile
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from .shape import Selection

__all__ = ["SINGLE", "Part", "Rows", "angles_of", "by_rows", "columns_within", "envelope", "strips"]

# Rows whose envelope is lowered together: fewer make more calls, more compare what only some of them need.
_ROWS = 48
# Rows of a tile that are measured together, and columns to a side that are looked at anyway.
_STRIP = 1024
_NARROW = 64
# Turns after which it is first looked which columns can still be lowered, a power of two.
_CHECKED = 16
# Angles that rounding may bring within the limit, radians.
_ROUNDING = 1e-9
# Up to so many radians 32 bits hold an angle, with the roundings on the way to it, to half a millionth of a
# degree.
SINGLE = np.deg2rad(2.0)

Part = tuple[tuple[Any, Any], NDArray[np.floating[Any]]]
"""Pixels, as an index of an array, and their angles, radians."""


class Rows(NamedTuple):
    """Rows to be measured, and those round them that may hold what is nearest.

    Attributes
    ----------
    lat, other : ndarray of float64, shape (rows,), (others,)
        Latitudes of the rows and of the others, radians; NaN off the sky.
    step : float
        Radians from a column to the next.
    """

    lat: Floats
    other: Floats
    step: float


def by_rows(tile: Tile, limit: float, selection: Selection) -> tuple[Bools, Iterator[Part]] | None:
    """Angles to the nearest selected pixel in a tile of a separable grid.

    Parameters
    ----------
    limit : float
        Radians; no further is looked.

    Returns
    -------
    tuple (zero, parts) or None
        See `maskexpr.growth.distance.Near`. None where a column of the sky is on the grid in part.
    """
    geom, (y0, y1, x0, x1) = tile.geom, tile.window
    zero = np.zeros(tile.shape, dtype=bool) if tile.on_sky is None else ~tile.on_sky
    first, last = rows_within(geom, y0, y1, float(np.rad2deg(limit)) + _ROUNDING)
    lat, other = (np.deg2rad(geom.lat_of(np.arange(*each))) for each in ((y0, y1), (first, last)))
    rows = Rows(lat, other, float(np.deg2rad(abs(geom.lon_step))))
    most = int(columns_within(lat, rows.step, limit).max())
    if most < 0:
        return zero, iter(())
    pieces = _pieces(geom, x0 - most, x1 + most)
    if pieces is None:
        return None
    selected = _selected(tile, Window(first, last, x0 - most, x1 + most), pieces, selection)
    # Rows off the sky may not be among those that are looked at.
    low = max(y0, first)
    high = max(min(y1, last), low)
    zero[low - y0 : high - y0] |= selected[low - first : high - first, 1 + most : 1 + most + x1 - x0]
    # Where some tiles go by blocks, the same pixel must have the same bits in 64.
    return zero, envelope(selected, rows, limit, ~zero, single=geom.period is not None)


def strips(tile: Tile, limit: float) -> list[Tile]:
    """A tile of a separable grid cut into rows that look about as many columns to either side."""
    y0, y1, x0, x1 = tile.window
    step = float(np.deg2rad(abs(tile.geom.lon_step)))
    wide = columns_within(np.deg2rad(tile.geom.lat_of(np.arange(y0, y1))), step, limit)
    size = np.frexp(np.maximum(wide, _NARROW))[1] // 4
    ends = [0, *(np.flatnonzero(np.diff(size)) + 1).tolist(), y1 - y0]
    cuts = [y for low, high in pairwise(ends) for y in range(low, high, _STRIP)]
    return [tile.on(Window(y0 + low, y0 + high, x0, x1)) for low, high in pairwise([*cuts, y1 - y0])]


def columns_within(lat: Floats, step: float, limit: float) -> Ints:
    """Columns to either side of pixels of some latitudes beyond which none is within a limit, -1 off the
    sky.
    """
    limit = min(limit + _ROUNDING, np.pi)
    # A cap that holds a pole goes all round.
    apart = np.abs(lat) + limit < np.pi / 2
    sine = np.sin(limit) / np.where(apart, np.cos(lat), 1.0)
    turned = np.where(apart, np.arcsin(np.minimum(sine, 1.0)), np.pi)
    return np.where(np.isnan(lat), -1, (turned / step).astype(np.int64) + 1)


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


def envelope(selected: Bools, rows: Rows, limit: float, wanted: Bools, single: bool = True) -> Iterator[Part]:
    """Angles to the nearest selected pixel, for the columns of some rows at a time; none of those left out is
    both wanted and within a limit.

    Parameters
    ----------
    selected : ndarray of bool, shape (others, 1 + most + columns + most + 1)
        What is selected in the others of the rows, in as many columns to either side as are looked at, with
        a column of none before and after.
    wanted : ndarray of bool, shape (rows, columns)
        Which pixels are asked for.
    single : bool
        Whether squares may be of 32 bits, where that is enough.
    """
    most = (selected.shape[1] - wanted.shape[1]) // 2 - 1
    kind: Any = np.float32 if single and limit <= SINGLE else np.float64
    offered = _offered(selected, rows, limit, most, kind)
    start, stop = _rows_near(rows, limit)
    for low in range(0, len(rows.lat), _ROWS):
        block = slice(low, low + _ROWS)
        first, between = _between(rows.lat[block], rows.other, start[block], stop[block])
        columns, least = _lowest(offered, between.astype(kind), first, np.any(wanted[block], axis=0))
        # Of rows off the sky there is no cosine, and no angle is wanted.
        least *= np.nan_to_num(np.cos(rows.lat[block, None]), nan=1.0).astype(kind)
        angles = angles_of(np.minimum(least, 1.0, out=least))
        yield (block, columns), np.minimum(angles, kind(limit), out=angles)


def angles_of(square: NDArray[Any]) -> NDArray[Any]:
    """Angles whose halves have sines of these squares; of 32 bits only up to `SINGLE`."""
    sine = np.sqrt(square)
    if square.dtype == np.float64:
        return np.asarray(2 * np.arcsin(sine))
    # The series of arcsin; its next term is below 1e-11 of it. Unlike arcsin it has the same bits anywhere.
    out = square * np.float32(3 / 20)
    out += np.float32(1 / 3)
    out *= square
    out += np.float32(2)
    out *= sine
    return out


def _rows_near(rows: Rows, limit: float) -> tuple[Ints, Ints]:
    """First of the others that is within a limit of each row, and the one after the last."""
    known = np.flatnonzero(np.isfinite(rows.other))
    lat, before = rows.other[known], int(known[0]) if len(known) else 0
    # Latitude is monotonic in the row.
    sign = -1.0 if len(lat) and lat[-1] < lat[0] else 1.0
    margin = limit + _ROUNDING
    start = np.searchsorted(sign * lat, sign * rows.lat - margin, side="left")
    stop = np.searchsorted(sign * lat, sign * rows.lat + margin, side="right")
    return start + before, stop + before


def _offered(selected: Bools, rows: Rows, limit: float, most: int, kind: Any) -> NDArray[Any]:
    """What the pixels of the other rows offer, shape (others, columns): ``cos(lat) sin^2(n step / 2)`` of the
    columns ``n`` to the nearest selected one of the row; infinite where none is near.

    Each run is the nearest from half way to the run before it until half way to the next.
    """
    wide = selected.shape[1]
    columns = wide - 2 - 2 * most
    out = np.full((len(selected), columns), np.inf, dtype=kind)
    flat = selected.reshape(-1)
    flips = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    row = flips[::2] // wide
    begin, end = flips[::2] - row * wide - 1 - most, flips[1::2] - row * wide - 1 - most
    near = np.minimum(columns_within(rows.other, rows.step, limit), most)[row]
    held = (near >= 0) & (begin - near < columns) & (end + near > 0)
    row, begin, end, near = row[held], begin[held], end[held], near[held]
    start, stop = begin - near, end + near
    touch = (row[1:] == row[:-1]) & (start[1:] < stop[:-1])
    middle = (begin[1:] + end[:-1] - 1) // 2 + 1
    start[1:] = np.where(touch, middle, start[1:])
    stop[:-1] = np.where(touch, middle, stop[:-1])
    # sin^2 of half an angle of longitude, by columns.
    table = np.sin(np.arange(most + 1) * (rows.step / 2)) ** 2
    cos_lat = np.cos(rows.other)
    for low, high, run_ends, sign in ((start, begin, begin, -1), (end, stop, end - 1, 1)):
        low, high = np.clip(low, 0, columns), np.clip(high, 0, columns)
        run, column = ragged_ranges(low, high - low)
        away = sign * (column - run_ends[run])
        out.reshape(-1)[row[run] * columns + column] = cos_lat[row][run] * table[away]
    np.copyto(out, 0, where=selected[:, 1 + most : 1 + most + columns])
    return out


def _between(lat: Floats, other: Floats, start: Ints, stop: Ints) -> tuple[int, Floats]:
    """``sin^2`` of half the angle of latitude from each row to that which is some rows further among the
    others, over ``cos(lat)``, shape (rows, turns), and how many rows that is in the first turn; infinite
    where that is not near.
    """
    row, at = ragged_ranges(start, stop - start)
    turn = at - row
    first = int(turn.min()) if len(turn) else 0
    out = np.full((len(lat), int(turn.max(initial=first)) - first + 1), np.inf)
    out[row, turn - first] = np.sin((lat[row] - other[at]) / 2) ** 2 / np.cos(lat[row])
    return first, out


def _lowest(
    offered: NDArray[Any], between: NDArray[Any], first: int, wanted: Bools
) -> tuple[Ints, NDArray[Any]]:
    """The envelope of some rows in the wanted columns where something is offered, and which these are.

    Turn k compares every row i with row i + k. Turns run in ascending order of the smallest latitude term, so
    that once that exceeds a column's largest value, the column is done; this is looked at after 16, 32, ...
    turns.
    """
    nearest = between.min(axis=0)
    order = np.argsort(nearest, kind="stable")
    order = order[np.isfinite(nearest[order])]
    start = max(int(order.min(initial=len(offered))) + first, 0)
    stop = min(int(order.max(initial=0)) + first + len(between), len(offered))
    columns = np.flatnonzero(wanted & (offered[start:stop].min(axis=0, initial=np.inf) < np.inf))
    least = np.full((len(between), len(columns)), np.inf, dtype=between.dtype)
    left, now = np.arange(len(columns)), least
    # As `take` makes them rows are contiguous; of an index they would be columns.
    near = offered[start:stop].take(columns, axis=1)
    room = np.empty_like(least)
    for number, (each, *twin) in enumerate(_turns(between, order, first - start, stop - start)):
        if number >= _CHECKED and number & (number - 1) == 0:
            still = now.max(axis=0, initial=0.0) > nearest[each]
            if 2 * np.count_nonzero(still) < len(still):
                least[:, left] = now
                left, now = left[still], now.compress(still, axis=1)
                near = near.compress(still, axis=1)
                room = np.empty_like(now)
        shift = each + first - start
        y0, y1 = max(-shift, 0), min(len(near) - shift, len(now))
        lowest, sums, some = near[y0 + shift : y1 + shift], room[: y1 - y0], now[y0:y1]
        for other in twin:
            at = other + first - start
            lowest = np.minimum(lowest, near[at : at + len(now)], out=sums)
        np.add(lowest, between[y0:y1, each : each + 1], out=sums)
        np.minimum(some, sums, out=some)
    if now is not least:
        least[:, left] = now
    return columns, least


def _turns(between: NDArray[Any], order: Ints, first: int, number: int) -> list[list[int]]:
    """Turns in order; two together that compare all rows, as many rows before as after, at the same costs.

    Rounding keeps order: the lower of two offers makes the lower of two sums.
    """
    inside = (order + first >= 0) & (order + first <= number - len(between))
    alike = (between[:, order[1:]] == between[:, order[:-1]]).all(axis=0) & inside[1:] & inside[:-1]
    out: list[list[int]] = []
    for each, joins in zip(order.tolist(), [False, *alike.tolist()], strict=False):
        if joins and len(out[-1]) == 1:
            out[-1].append(each)
        else:
            out.append([each])
    return out
