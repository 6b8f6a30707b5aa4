"""Growing on grids whose longitude depends on the column alone and latitude on the row alone.

There the shape round a pixel spreads along each other row by a whole number of columns that depends on the
two rows only. So a row's runs grow into spans, the union of which is the answer: no pixel's position is
needed, and nothing is tested.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..bits import Runs, add_spans, covered, runs
from ..coverage import EMPTY
from ..expr import Bools
from ..geom import WcsGeom
from ..neighbours import columns_on_sky, rows_within
from ..tiles import Tile, Tiles
from ..window import Window
from ._sky_growth import Selection, SkyShape

__all__ = ["grow_rows"]

Ints = NDArray[np.int64]
Intervals = tuple[tuple[int, int], ...]

# Source rows whose spread is known together, and those that are asked of the child together.
_BAND = 64
_GROUP = 512
# Windows are joined where that makes them larger by at most this factor.
_JOINED = 1.3
# Pixels of a window, and spans, that are made at once: they bound the memory.
_PIXELS = 1 << 23
_SPANS = 1 << 20


class Band(NamedTuple):
    """Source rows ``y0`` to ``y1`` and how far they spread along the rows of the tile from its row ``top``
    on.

    ``near`` and ``wrapped`` have the shape (rows of the tile, source rows), see `SkyShape.spreads`;
    ``columns`` are those in which a source can reach the tile.
    """

    y0: int
    y1: int
    top: int
    near: Ints
    wrapped: Ints
    columns: Intervals


def grow_rows(tile: Tile, shape: SkyShape, selection: Selection) -> Bools:
    """Which pixels of a tile of a separable geometry have a selected pixel in the shape round them, shape
    (ny, nx).
    """
    ny, nx = tile.shape
    depth = np.zeros((ny, nx + 1), dtype=np.int32)
    groups = list(_groups(tile, shape))
    many = len(groups) > 4 + 2 * (ny // _GROUP)
    for first, last in groups:
        changed = False
        for bands in _joined(_bands(tile, shape, first, last)):
            changed |= _grow_bands(depth, tile, bands, selection)
        # A large shape soon fills the tile, and then the rest of the sky need not be asked.
        if many and changed and _is_full(covered(depth), tile):
            break
    return covered(depth)


def _is_full(values: Bools, tile: Tile) -> bool:
    return bool(values.all() if tile.on_sky is None else values[tile.on_sky].all())


def _groups(tile: Tile, shape: SkyShape) -> Iterator[tuple[int, int]]:
    """Ranges of source rows, the nearest to the tile first."""
    y0, y1 = tile.window[:2]
    first, last = rows_within(tile.geom, y0, y1, float(np.rad2deg(shape.lat)) + 1e-9)
    starts = np.arange(first, last, _GROUP)
    away = np.abs(starts + _GROUP / 2 - (y0 + y1) / 2)
    for start in starts[np.argsort(away, kind="stable")].tolist():
        yield start, min(start + _GROUP, last)


def _bands(tile: Tile, shape: SkyShape, first: int, last: int) -> Iterator[Band]:
    geom = tile.geom
    y0, y1, x0, x1 = tile.window
    lat = np.deg2rad(geom.lat_of(np.arange(y0, y1)))
    step = float(np.deg2rad(abs(geom.lon_step)))
    for start in range(first, last, _BAND):
        rows = np.arange(start, min(start + _BAND, last))
        other = np.deg2rad(geom.lat_of(rows))
        rows, other = rows[np.isfinite(other)], other[np.isfinite(other)]
        if not len(rows):
            continue
        margin = shape.lat + 1e-9
        touched = np.flatnonzero((lat >= other.min() - margin) & (lat <= other.max() + margin))
        if not len(touched):
            continue
        top, bottom = int(touched[0]), int(touched[-1]) + 1
        near, wrapped = shape.spreads(lat[top:bottom, None], other[None, :], step, geom.period)
        if near.max() >= 0:
            columns = _columns(geom, x0, x1, int(near.max()), int(wrapped.min()))
            yield Band(int(rows[0]), int(rows[-1]) + 1, top, near, wrapped, columns)


def _columns(geom: WcsGeom, x0: int, x1: int, near: int, wrapped: int) -> Intervals:
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


def _joined(bands: Iterator[Band]) -> Iterator[list[Band]]:
    """Bands one after the other that can be asked of the child in one window each, with the columns of them
    all.
    """
    held: list[Band] = []
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


def _fits(a: Band, b: Band) -> bool:
    if a.y1 != b.y0 or len(a.columns) != len(b.columns):
        return False
    joined = [(min(c[0], d[0]), max(c[1], d[1])) for c, d in zip(a.columns, b.columns, strict=True)]
    apart = all(c[1] < d[0] for c, d in pairwise(joined))
    least = min(_width(a.columns), _width(b.columns))
    return apart and _width(joined) <= _JOINED * least


def _width(columns: Intervals | list[tuple[int, int]]) -> int:
    return sum(high - low for low, high in columns)


def _grow_bands(depth: NDArray[np.int32], tile: Tile, bands: list[Band], selection: Selection) -> bool:
    """Add what the bands' sources reach; whether that is anything."""
    y0, y1 = bands[0].y0, bands[-1].y1
    # Near a pole a few rows are needed all round the sky: on a fine map more than fits in memory.
    most = max(_BAND, _PIXELS // (y1 - y0))
    windows = [
        Window(y0, y1, left, min(left + most, x1))
        for x0, x1 in bands[0].columns
        for left in range(x0, x1, most)
    ]
    if not windows:
        return False
    cover = selection.cover(Tiles(tile.geom, np.array(windows, dtype=np.int64).T, tile.plane))
    changed = False
    for window in (each for each, known in zip(windows, cover, strict=True) if known != EMPTY):
        found = runs(selection.values(tile.on(window)))
        for band in bands:
            low, high = np.searchsorted(found.row, (band.y0 - window.y0, band.y1 - window.y0))
            some = Runs(
                found.row[low:high] + (window.y0 - band.y0),
                found.start[low:high] + (window.x0 - tile.window.x0),
                found.stop[low:high] + (window.x0 - tile.window.x0),
            )
            changed |= len(some.row) > 0
            _spread(depth, band, some)
    return changed


def _spread(depth: NDArray[np.int32], band: Band, found: Runs) -> None:
    """Add the spans into which runs grow; rows count from the band's first, columns from the tile's."""
    reached = band.near >= 0
    first = reached.argmax(axis=0)
    number = reached.sum(axis=0)
    # The rows that a row reaches are in one piece, for a disk as for a box: latitude is monotonic in the row.
    each = number[found.row]
    ends = np.cumsum(each)
    wraps = int(band.wrapped.min()) < depth.shape[1] + np.abs(found.start).max(initial=0)
    for low in _pieces(ends):
        part = slice(*low)
        count = each[part]
        run = np.repeat(np.arange(part.start, part.stop), count)
        source = found.row[run]
        row = first[source] + np.arange(len(run)) - np.repeat(np.cumsum(count) - count, count)
        near = band.near[row, source]
        start, stop = found.start[run], found.stop[run]
        add_spans(depth, Runs(row + band.top, start - near, stop + near))
        if wraps:
            wrapped = band.wrapped[row, source]
            add_spans(depth, Runs(row + band.top, start + wrapped, np.full(len(row), depth.shape[1])))
            add_spans(depth, Runs(row + band.top, np.full(len(row), -1), stop - wrapped))


def _pieces(ends: Ints) -> Iterator[tuple[int, int]]:
    """Cut a list, of which the running totals are given, into pieces of bounded total."""
    low = 0
    while low < len(ends):
        done = int(ends[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(ends, done + _SPANS, side="right")))
        yield low, high
        low = high
