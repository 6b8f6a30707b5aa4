"""True angles to the nearest selected pixel: by rows on separable grids, elsewhere by a tree of vectors.

Along a row of a separable grid the nearest selected pixel is the one that is fewest columns away, whatever
row it is seen from. So columns to the nearest are counted once for each row, and each pair of rows has one
table of angles by columns. On other grids growth's blocks are looked at, and the pixels that growth knows to
be hidden behind others left out, see `maskexpr.growth.tree`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..grid.lattice import Grid
from ..grid.neighbours import TINY, CapTree, columns_on_sky, exact_caps, rows_within
from ..grid.tiles import OFF, Tile, block_pixels
from ..pixels.patches import Patches
from ..pixels.rectangles import disjoint
from ..pixels.window import Window
from ..sphere.vectors import chord2_of, unit
from .shape import Selection, SkyShape
from .tree import Rims, tree_blocks

__all__ = ["nearest_selected"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Pixels that are looked up at once.
_TARGETS = 1 << 17
# Rows of a tile that are measured together.
_ROWS = 256
# More columns than any that are looked for.
_FAR = np.int32(1 << 29)


def nearest_selected(tile: Tile, shape: SkyShape, selection: Selection) -> Floats:
    """Angles to the nearest selected pixel, on the map or beyond it.

    Parameters
    ----------
    tile : Tile
        The pixels.
    shape : SkyShape
        A disk; no further is looked.
    selection : Selection
        How to ask for what is selected.

    Returns
    -------
    ndarray of float64, shape (ny, nx)
        Radians, the disk's radius where nothing is nearer; 0 where selected and off the sky.
    """
    if tile.geom.separable:
        strips = [_by_rows(strip, shape, selection) for strip in _strips(tile)]
        return np.concatenate(strips)
    return _by_tree(tile, shape, selection)


def _strips(tile: Tile) -> list[Tile]:
    y0, y1, x0, x1 = tile.window
    return [tile.on(Window(y, min(y + _ROWS, y1), x0, x1)) for y in range(y0, y1, _ROWS)]


def _by_rows(tile: Tile, shape: SkyShape, selection: Selection) -> Floats:
    geom, (y0, y1, x0, x1) = tile.geom, tile.window
    first, last = rows_within(geom, y0, y1, float(np.rad2deg(shape.lat)) + 1e-9)
    rows, sources = np.arange(y0, y1), np.arange(first, last)
    lat, other = np.deg2rad(geom.lat_of(rows)), np.deg2rad(geom.lat_of(sources))
    step = float(np.deg2rad(abs(geom.lon_step)))
    i, j = np.nonzero(np.abs(lat[:, None] - other) <= shape.lat + 1e-9)
    near = np.full((len(rows), len(sources)), -1)
    # Half a turn is as far as two columns are apart.
    near[i, j] = np.minimum(shape.near_columns(lat[i], other[j], step), int(np.pi / step) + 1)
    most = int(near.max(initial=-1))
    out = np.full(tile.shape, shape.lat)
    if most >= 0:
        pieces = _pieces(geom, x0 - most, x1 + most)
        if pieces is None:
            return _by_tree(tile, shape, selection)
        columns = _columns_away(tile, Window(first, last, x0 - most, x1 + most), pieces, selection)
        columns = columns[:, most : most + x1 - x0]
        least = columns.min(axis=1, initial=_FAR)
        for row in range(len(rows)):
            some = np.flatnonzero(near[row] >= least)
            # Of a row of the map usually few pixels have a selected one that near.
            at = np.flatnonzero((columns[some] <= near[row, some, None]).any(axis=0))
            if len(at):
                angles = _tables(lat[row], other[some], near[row, some], step, shape.lat)
                away = np.minimum(columns[np.ix_(some, at)], angles.shape[1] - 1)
                out[row, at] = np.take_along_axis(angles, away, axis=1).min(axis=0)
    if tile.on_sky is not None:
        out[~tile.on_sky] = 0.0
    return out


def _tables(lat: float, other: Floats, most: Ints, step: float, limit: float) -> Floats:
    """Angles between pixels of a row and of others by the columns between them, the limit where these are
    more than ``most`` of a row; shape (others, columns).
    """
    columns = np.arange(int(most.max()) + 2)
    flat = np.cos(lat) * np.cos(other)
    square = np.sin((lat - other) / 2)[:, None] ** 2 + flat[:, None] * np.sin(columns * (step / 2)) ** 2
    angles = 2 * np.arcsin(np.sqrt(np.minimum(square, 1.0)))
    angles[columns > most[:, None]] = limit
    return np.asarray(np.minimum(angles, limit))


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


def _columns_away(
    tile: Tile, window: Window, pieces: list[tuple[int, int, int]], selection: Selection
) -> NDArray[np.int32]:
    """Columns from each pixel of a window to the nearest selected one of its row; `_FAR`: there is none."""
    selected = np.zeros(window.shape, dtype=bool)
    for start, stop, stands in pieces:
        values = selection.values(tile.on(Window(window.y0, window.y1, start, stop)))
        selected[:, stands - window.x0 : stands - window.x0 + stop - start] = values
    column = np.arange(window.shape[1], dtype=np.int32)
    left = np.maximum.accumulate(np.where(selected, column, -_FAR), axis=1)
    right = np.minimum.accumulate(np.where(selected, column, _FAR)[:, ::-1], axis=1)[:, ::-1]
    return np.minimum(np.minimum(column - left, right - column), _FAR).astype(np.int32)


def _by_tree(tile: Tile, shape: SkyShape, selection: Selection) -> Floats:
    here = selection.values(tile)
    out = np.full(tile.shape, shape.lat)
    out[here if tile.on_sky is None else here | ~tile.on_sky] = 0.0
    tiles = tile.tiles
    found = tree_blocks(tiles.take(tiles.sky != OFF), shape, selection, tiles.bounds)
    windows = [Window(*bounds) for bounds in disjoint(found.near.bounds, tile.window.size).T.tolist()]
    child = Patches(windows, [selection.values(tile.on(each)) for each in windows])
    rims = Rims(child, found.near, shape)
    per_call = max(1, _TARGETS // TINY**2)
    for first in range(0, len(found.blocks), per_call):
        part = np.arange(first, min(first + per_call, len(found.blocks)))
        near = found.near.take(CapTree(found.caps.take(part)).near(exact_caps(found.near), shape.bound))
        y, x = block_pixels(found.blocks.take(part), TINY)
        row, column = y - tile.window.y0, x - tile.window.x0
        wanted = out[row, column] > 0
        row, column = row[wanted], column[wanted]
        targets = unit(*tile.geom.lonlat(y[wanted], x[wanted]))
        for sources in rims.within(near.bounds):
            out[row, column] = np.minimum(out[row, column], _angles(targets, sources, shape))
    return out


def _angles(targets: Floats, sources: Floats, shape: SkyShape) -> Floats:
    """Angles of unit vectors, shape (3, n), to the nearest of others, shape (3, m), at most the radius."""
    out = np.full(targets.shape[1], shape.lat)
    if not sources.shape[1]:
        return out
    tree = cKDTree(sources.T, balanced_tree=False, leafsize=24)
    chord = float(np.sqrt(chord2_of(shape.bound))) * (1 + 1e-9) + 1e-12
    found, _ = tree.query(targets.T, distance_upper_bound=chord)
    # Half the chord is the sine of half the angle.
    return np.asarray(np.minimum(2 * np.arcsin(np.minimum(found / 2, 1.0)), out))
