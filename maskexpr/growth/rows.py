"""Growing on grids whose longitude depends on the column alone and latitude on the row alone.

There the shape round a pixel spreads along each other row by a whole number of columns that depends on the
two rows only. So a row's runs grow into spans, the union of which is the answer: no pixel's position is
needed, and nothing is tested.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..core.coverage import EMPTY
from ..grid.lattice import Grid
from ..grid.neighbours import columns_on_sky, rows_within
from ..grid.tiles import Tile, Tiles
from ..pixels.spread import RowSpread
from ..pixels.window import Window
from .shape import NEVER, Selection, SkyShape

__all__ = ["grow_rows", "windows_by_rows"]

Intervals = tuple[tuple[int, int], ...]

# Source rows that are asked of the child together, and fewer where a large shape may fill the tile before all
# are asked.
_GROUP = 2048
_FEW = 512
# Source rows whose spread is known together: at most so many, and so many pairs with rows of the tile.
_BAND = 256
_PAIRS = 1 << 17
# Windows are joined where that makes them larger by at most this factor.
_JOINED = 1.5
# Pixels of a window that are made at once: they bound the memory.
_PIXELS = 1 << 23


class SourceRows(NamedTuple):
    """Source rows ``y0`` to ``y1`` and how far they spread along the rows of the tile.

    Row ``y0 + i`` spreads along the row ``top + i + j`` of the tile as ``near[i, j]`` and ``wrapped[i, j]``
    say, see `SkyShape.spreads`; ``wrapped`` is None where nothing comes round the sky. ``columns`` are those
    in which a source can reach the tile.
    """

    y0: int
    y1: int
    top: int
    near: Ints
    wrapped: Ints | None
    columns: Intervals


def grow_rows(tile: Tile, shape: SkyShape, selection: Selection) -> Bools:
    """Which pixels of a tile of a separable geometry have a selected pixel in the shape round them, shape
    (ny, nx).
    """
    grown = RowSpread(tile.shape)
    groups, many = _groups(tile, shape)
    for low, high in groups:
        changed = False
        for bands in _joined(_bands(tile, shape, low, high)):
            changed |= _grow_bands(grown, tile, bands, selection)
        # A large shape soon fills the tile, and then the rest of the sky need not be asked.
        if many and changed and _is_full(grown.values(), tile):
            break
    return grown.values()


def windows_by_rows(tile: Tile, shape: SkyShape, selection: Selection) -> list[Window]:
    """The windows that growing a tile asks for, or would if it were not full before that."""
    return [
        window
        for low, high in _groups(tile, shape)[0]
        for bands in _joined(_bands(tile, shape, low, high))
        for window in _open_windows(tile, bands, selection)
    ]


def _is_full(values: Bools, tile: Tile) -> bool:
    return bool(values.all() if tile.on_sky is None else values[tile.on_sky].all())


def _groups(tile: Tile, shape: SkyShape) -> tuple[list[tuple[int, int]], bool]:
    """Ranges of source rows within reach of a tile, the nearest first, and whether they are many."""
    y0, y1 = tile.window[:2]
    first, last = rows_within(tile.geom, y0, y1, float(np.rad2deg(shape.lat)) + 1e-9)
    many = last - first > 4 * _FEW + 2 * (y1 - y0)
    size = _FEW if many else _GROUP
    starts = np.arange(first, last, size)
    order = np.argsort(np.abs(starts + size / 2 - (y0 + y1) / 2), kind="stable")
    return [(start, min(start + size, last)) for start in starts[order].tolist()], many


def _bands(tile: Tile, shape: SkyShape, first: int, last: int) -> Iterator[SourceRows]:
    geom = tile.geom
    top, lat = _rows(geom, *tile.window[:2])
    start, other = _rows(geom, first, last)
    if not len(lat) or not len(other):
        return
    # Latitude is monotonic in the row: the rows of the tile that a row can reach are in one piece.
    rising = 1 if lat[-1] >= lat[0] else -1
    margin = shape.lat + 1e-9
    low = np.searchsorted(rising * lat, rising * other - margin)
    high = np.searchsorted(rising * lat, rising * other + margin, side="right")
    size = max(1, min(_BAND, _PAIRS // max(1, int((high - low).max()))))
    for begin in range(0, len(other), size):
        rows = np.arange(begin, min(begin + size, len(other)))
        rows = rows[high[rows] > low[rows]]
        if len(rows):
            # They are next to each other, or those between would reach the tile too.
            y0, y1 = int(rows[0]), int(rows[-1]) + 1
            near, diagonal = _near(tile, shape, (lat, other[y0:y1]), (low[y0:y1], high[y0:y1]))
            if near.max() >= 0:
                yield _band(tile, shape, start + y0, top - tile.window.y0 + diagonal, near)


def _rows(geom: Grid, y0: int, y1: int) -> tuple[int, Floats]:
    """The first row on the sky of a range, and the latitudes (radians) of those that are."""
    lat = np.deg2rad(geom.lat_of(np.arange(y0, y1)))
    known = np.flatnonzero(np.isfinite(lat))
    return (y0 + int(known[0]), lat[known]) if len(known) else (y0, lat[:0])


def _near(
    tile: Tile, shape: SkyShape, lat: tuple[Floats, Floats], touched: tuple[Ints, Ints]
) -> tuple[Ints, int]:
    """How far source rows spread along the rows of a tile that they touch, and the diagonal that is first:
    entry (i, j) is for row ``diagonal + i + j``.
    """
    low, high = touched
    i = np.arange(len(low))
    diagonal = int((low - i).min())
    near = np.full((len(low), int((high - i).max()) - diagonal), -1, dtype=np.int64)
    row = diagonal + i[:, None] + np.arange(near.shape[1])
    some = (row >= low[:, None]) & (row < high[:, None])
    source = np.repeat(i, high - low)
    step = float(np.deg2rad(abs(tile.geom.lon_step)))
    near[some] = shape.near_columns(lat[0][row[some]], lat[1][source], step)
    return near, diagonal


def _band(tile: Tile, shape: SkyShape, y0: int, top: int, near: Ints) -> SourceRows:
    geom = tile.geom
    x0, x1 = tile.window[2:]
    first, last = columns_on_sky(geom)
    most, wrapped = int(near.max()), None
    # A turn is at most one column more than what is near on one side and wrapped on the other.
    turn = 360 / abs(geom.lon_step) if geom.period is None else geom.period
    least = math.floor(turn) - most - 2
    if least < max(x1 - first, last - x0):
        wrapped = _wrapped(tile, shape, y0, top, near)
        least = int(wrapped.min())
    return SourceRows(y0, y0 + len(near), top, near, wrapped, _columns(geom, x0, x1, most, least))


def _wrapped(tile: Tile, shape: SkyShape, y0: int, top: int, near: Ints) -> Ints:
    """How far apart columns are that are reached the other way round the sky."""
    geom = tile.geom
    never = np.int64(NEVER)
    if geom.period is not None:
        return np.where(near < 0, never, geom.period - near)
    source, j = np.nonzero(near >= 0)
    other, lat = (np.deg2rad(geom.lat_of(rows)) for rows in (y0 + source, tile.window.y0 + top + source + j))
    wrapped = np.full(near.shape, never)
    step = float(np.deg2rad(abs(geom.lon_step)))
    wrapped[source, j] = shape.spreads(lat, other, step)[1]
    return wrapped


def _columns(geom: Grid, x0: int, x1: int, near: int, wrapped: int) -> Intervals:
    """Columns of the sky from which the columns ``x0`` to ``x1`` can be reached, as intervals without
    overlap.
    """
    first, last = columns_on_sky(geom)
    wanted = [(first, x1 - wrapped), (x0 - near, x1 + near), (x0 + wrapped, last)]
    found: list[tuple[int, int]] = []
    for low, high in ((max(low, first), min(high, last)) for low, high in wanted):
        if low >= high:
            continue
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def _joined(bands: Iterator[SourceRows]) -> Iterator[list[SourceRows]]:
    """Bands one after the other that can be asked of the child in one window each, with the columns of them
    all.
    """
    held: list[SourceRows] = []
    for band in bands:
        if held and not _fits(held[-1], band):
            yield held
            held = []
        if held:
            both = tuple(
                (min(a[0], b[0]), max(a[1], b[1]))
                for a, b in zip(held[-1].columns, band.columns, strict=True)
            )
            held = [each._replace(columns=both) for each in held]
            band = band._replace(columns=both)
        held.append(band)
    if held:
        yield held


def _fits(a: SourceRows, b: SourceRows) -> bool:
    if a.y1 != b.y0 or len(a.columns) != len(b.columns):
        return False
    joined = [(min(c[0], d[0]), max(c[1], d[1])) for c, d in zip(a.columns, b.columns, strict=True)]
    apart = all(c[1] < d[0] for c, d in pairwise(joined))
    least = min(_width(a.columns), _width(b.columns))
    return apart and _width(joined) <= _JOINED * least


def _width(columns: Intervals | list[tuple[int, int]]) -> int:
    return sum(high - low for low, high in columns)


def _windows(bands: list[SourceRows]) -> list[Window]:
    """The windows of sources that bands ask for."""
    y0, y1 = bands[0].y0, bands[-1].y1
    # Near a pole a few rows are needed all round the sky: on a fine map more than fits in memory.
    most = max(_BAND, _PIXELS // (y1 - y0))
    return [
        Window(y0, y1, left, min(left + most, x1))
        for x0, x1 in bands[0].columns
        for left in range(x0, x1, most)
    ]


def _open_windows(tile: Tile, bands: list[SourceRows], selection: Selection) -> list[Window]:
    windows = _windows(bands)
    if not windows:
        return []
    cover = selection.cover(Tiles(tile.geom, np.array(windows, dtype=np.int64).T, tile.plane))
    return [each for each, known in zip(windows, cover, strict=True) if known != EMPTY]


def _grow_bands(grown: RowSpread, tile: Tile, bands: list[SourceRows], selection: Selection) -> bool:
    """Add what the bands' sources reach; whether that is anything."""
    changed = False
    for window in _open_windows(tile, bands, selection):
        values = selection.values(tile.on(window))
        for band in bands:
            rows = values[band.y0 - window.y0 : band.y1 - window.y0]
            column = window.x0 - tile.window.x0
            changed |= grown.add(rows, column, band.top, band.near, band.wrapped)
    return changed
