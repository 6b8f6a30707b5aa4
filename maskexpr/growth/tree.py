"""Growing on any grid whatever: the nearest selected pixel by a tree of unit vectors.

The way for what has no good shape in the plane: limbs, horizons, interrupted projections, boxes on rotated
maps.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..expr.mask import Bools
from ..grid.neighbours import windows_within
from ..grid.tiles import Tile
from ..sphere.vectors import chord2_of, unit
from .shape import Selection, SkyShape

__all__ = ["grow_by_tree", "reached", "surrounded"]

Floats = NDArray[np.float64]

# Sources that are put into one tree, and pairs that are listed at once for a box.
_SOURCES = 1 << 18
_PAIRS = 1 << 20
# How far from square pixels may be for an inner pixel never to be the nearest; at 0.5 it could be.
_SQUARE = 0.4


def grow_by_tree(tile: Tile, shape: SkyShape, selection: Selection) -> Bools:
    """Which pixels of a tile have a selected pixel in the shape round them, shape (ny, nx); False off the
    sky.
    """
    out = selection.values(tile).copy()
    y, x = np.nonzero(~out if tile.on_sky is None else tile.on_sky & ~out)
    if not len(y):
        return out
    targets = unit(*tile.geom.lonlat(y + tile.window.y0, x + tile.window.x0))
    # Many small caps, because one round a wide tile would be the whole sphere.
    places = tile.tiles.split(max(8, -(-max(tile.shape) // 8)))[0].caps
    windows = windows_within(tile.geom, places, shape.bound, selection.cover, tile.plane)
    held: list[Floats] = []
    for i in range(len(windows)):
        held.append(_sources(windows.tile(i), selection))
        if i < len(windows) - 1 and sum(each.shape[1] for each in held) < _SOURCES:
            continue
        sources = np.concatenate(held, axis=1)
        held = []
        hit = reached(targets, sources, shape)
        out[y[hit], x[hit]] = True
        y, x, targets = y[~hit], x[~hit], targets[:, ~hit]
        if not len(y):
            break
    return out


def _sources(tile: Tile, selection: Selection) -> Floats:
    """Unit vectors of the selected pixels of a tile that can be nearest to one that is not selected, shape
    (3, n).
    """
    values = selection.values(tile)
    if not values.any():
        return np.empty((3, 0))
    if not tile.geom.convex_sky or min(tile.shape) < 3:
        y, x = np.nonzero(values)
        return unit(*tile.geom.lonlat(y + tile.window.y0, x + tile.window.x0))
    vectors = unit(*tile.lonlat)
    inner = np.zeros(tile.shape, dtype=bool)
    inner[1:-1, 1:-1] = surrounded(values) & _is_square(vectors)
    return vectors[:, values & ~inner]


def surrounded(values: Bools) -> Bools:
    """Inner pixels all of whose eight neighbours, and they themselves, are selected."""
    rows = values[:-2] & values[1:-1] & values[2:]
    return np.asarray(rows[:, :-2] & rows[:, 1:-1] & rows[:, 2:])


def _is_square(vectors: Floats) -> Bools:
    """Inner pixels of a convex sky round which the lattice is square enough for this:

    The pixels closer to a pixel than to all others of a lattice are bounded by its neighbours along a reduced
    basis, one with ``2 |a . b| <= min(a^2, b^2)``, and those are among the eight round it. Then from a pixel
    whose eight neighbours are selected a step to one of them leads nearer to every pixel that is not, so that
    it is the nearest selected pixel of none.
    """
    up, down = vectors[:, 2:, 1:-1] - vectors[:, 1:-1, 1:-1], vectors[:, 1:-1, 1:-1] - vectors[:, :-2, 1:-1]
    right, left = (
        vectors[:, 1:-1, 2:] - vectors[:, 1:-1, 1:-1],
        vectors[:, 1:-1, 1:-1] - vectors[:, 1:-1, :-2],
    )
    good = np.ones(up.shape[1:], dtype=bool)
    for a in (up, down):
        for b in (left, right):
            product = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
            short = np.minimum(a[0] ** 2 + a[1] ** 2 + a[2] ** 2, b[0] ** 2 + b[1] ** 2 + b[2] ** 2)
            # A step of more than some degrees is not small against the sphere.
            good &= (np.abs(product) <= _SQUARE * short) & (short < 0.01)
    for a, b in ((up, down), (left, right)):
        bend = (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2
        good &= bend <= 0.01 * (a[0] ** 2 + a[1] ** 2 + a[2] ** 2)
    return good


def reached(targets: Floats, sources: Floats, shape: SkyShape) -> Bools:
    """Which targets, shape (3, n), have one of the sources, shape (3, m), in the shape round them."""
    if not sources.shape[1]:
        return np.zeros(targets.shape[1], dtype=bool)
    # Built once and asked once: a tree that is cut in the middles is built in less time than a balanced one.
    tree = cKDTree(sources.T, balanced_tree=False, leafsize=24)
    if shape.box:
        return _in_boxes(targets, sources, tree, shape)
    # Wider by more than rounding: what the tree finds is then asked exactly.
    chord = float(np.sqrt(chord2_of(shape.bound))) * (1 + 1e-9) + 1e-12
    _, nearest = tree.query(targets.T, distance_upper_bound=chord)
    out = nearest < sources.shape[1]
    out[out] = shape.holds(targets[:, out], sources[:, nearest[out]])
    return np.asarray(out)


def _in_boxes(targets: Floats, sources: Floats, tree: cKDTree, shape: SkyShape) -> Bools:
    """The nearest need not be the one in the box: all within the cap round the box are asked."""
    chord = float(np.sqrt(chord2_of(shape.bound))) * (1 + 1e-9) + 1e-12
    out = np.zeros(targets.shape[1], dtype=bool)
    number = tree.query_ball_point(targets.T, chord, return_length=True)
    pieces = np.cumsum(number) // _PAIRS
    for piece in np.unique(pieces):
        part = np.flatnonzero((pieces == piece) & (number > 0))
        found = tree.query_ball_point(targets[:, part].T, chord, return_sorted=False)
        if not len(part):
            continue
        target = np.repeat(part, number[part])
        source = np.concatenate([np.asarray(each, dtype=np.intp) for each in found])
        out[target[shape.holds(targets[:, target], sources[:, source])]] = True
    return out
