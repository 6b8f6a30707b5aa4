"""The edge of a map: the curves on the sphere along which its outermost pixels end, and what is near them.

A map ends along the outer sides of its outermost pixels, or sooner where the sky does (a pole, a seam, a
limb: bisection finds it). A place there is an edge if the great circle that leads out of the map through it
goes on in a pixel that is not on the map; so whole seams and poles, and horizons, are none. Which sides can
be near is found by descent over caps of stretches of them. On each that remains the nearest place is
bracketed by samples and found by ternary search, so that how a map is cut into tiles decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy

from ..core.arrays import Bools, Floats, Indices
from ..grid.lattice import Grid
from ..grid.rim import topology
from ..grid.tiles import PART, Tile, Tiles
from ..pixels.window import Window
from ..sphere.trees import chord_bound
from ..sphere.vectors import TIE, Caps
from .shape import SkyShape, differences
from .sides import SAMPLES, Samples, Sides

__all__ = ["MapEdge", "map_edge", "near_edge"]

# Stretches that each side of the map is cut into at first.
_STRETCHES = 32
# Thirds after which the nearest place is known to 10^-12 pixel.
_THIRDS = 64
# Blocks in which the end of the sky is looked for.
_BLOCKS = (256, 64, 16)
# Pairs of a pixel and a side that are searched at once.
_PAIRS = 1 << 17


class MapEdge(NamedTuple):
    """What is known of the edge of a map: its stretches, caps that hold them, and some of its places."""

    sides: Sides
    caps: Caps
    places: Floats


@lru_cache(maxsize=64)
def map_edge(geom: Grid) -> MapEdge:
    """The edge of a map, in a few long stretches, and side by side along the end of the sky.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> len(map_edge(WcsGeom.allsky(binsz=1)).sides.y), len(map_edge(WcsGeom.create(npix=(4, 3))).sides.y)
    (0, 14)
    """
    ny, nx = geom.image_shape
    sky = geom.lattice.pad(-2)
    ends = geom.edge_sides()
    if ends is not None:
        y, x, is_row, out = ends
        sides = Sides(
            y, x, is_row == 1, np.ones_like(y), out, np.full(len(y), 0.5), np.ones(len(y), dtype=bool)
        )
    elif sky.intersect(Window(0, ny, 0, nx)) == sky:
        # All pixels of the projection that are on the sky are on the map.
        sides = _sides(np.zeros((6, 0)))
    else:
        sides = _stretches(geom)
        if not geom.separable:
            rim = _rim_sides(geom)
            sides = Sides(*(np.concatenate(each) for each in zip(sides, rim, strict=True)))
        sides = _bounded(geom, sides)
    found = sides.samples(geom)
    return MapEdge(sides, found.caps, found.xyz[:, found.is_edge])


def _bounded(geom: Grid, sides: Sides) -> Sides:
    """The stretches, cut until each has a cap or is a side of one pixel; of those only what is an edge."""
    done = [sides.take(np.zeros(0, dtype=np.intp))]
    while len(sides.y):
        found = sides.samples(geom)
        known = (found.caps.radius < np.pi) & (sides.number > 1)
        one = (sides.number == 1) & found.is_edge.any(axis=1)
        done.append(sides.take(known | one))
        sides = sides.take(~known & (sides.number > 1)).split()
    return Sides(*(np.concatenate(each) for each in zip(*done, strict=True)))


def _stretches(geom: Grid) -> Sides:
    """The outer sides of the map's outermost pixels on the sky, but for those that are a seam or a pole."""
    found = topology(geom)
    y0, y1, x0, x1 = found.window
    whole = (0, geom.image_shape[0], 0, geom.image_shape[1])
    rows = []
    for i, is_edge in enumerate(found.edges if geom.separable else (True,) * 4):
        if is_edge and y0 < y1 and x0 < x1:
            # Where the sky ends before the map does, its end is beyond the last pixel's side.
            limit = 0.5 if found.window[i] == whole[i] else 1.0
            number = x1 - x0 if i < 2 else y1 - y0
            size = -(-number // _STRETCHES)
            for begin in range(0, number, size):
                y = (y0, y1 - 1, y0 + begin, y0 + begin)[i]
                x = (x0 + begin, x0 + begin, x0, x1 - 1)[i]
                rows.append((y, x, i < 2, min(size, number - begin), 2 * (i % 2) - 1, limit))
    return _sides(np.array(rows, dtype=np.float64).reshape(-1, 6).T)


def _sides(table: Floats) -> Sides:
    y, x, is_row, number, out = table[:5].astype(np.int64)
    return Sides(y, x, is_row == 1, number, out, table[5], np.zeros(len(y), dtype=bool))


def _rim_sides(geom: Grid) -> Sides:
    """Sides of pixels on the sky beyond which the map has a pixel that is not."""
    ny, nx = geom.image_shape
    blocks = Tiles(geom, np.array([[0], [ny], [0], [nx]], dtype=np.int64))
    for side in _BLOCKS:
        blocks, _ = blocks.split(side)
        blocks = blocks.take(blocks.sky == PART)
    whole = Window(0, ny, 0, nx)
    found = [np.zeros((6, 0))]
    for i in range(len(blocks)):
        window = blocks.tile(i).window
        around = window.pad(1).intersect(whole)
        on_sky = Tile(geom, around).on_sky
        if on_sky is None:
            continue
        seen = np.zeros(window.pad(1).shape, dtype=np.int8)
        here = around.shift(1 - window.y0, 1 - window.x0)
        seen[here.y0 : here.y1, here.x0 : here.x1] = np.where(on_sky, 1, -1)
        inner = seen[1:-1, 1:-1] == 1
        for dy, dx in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            beyond = seen[1 + dy : seen.shape[0] - 1 + dy, 1 + dx : seen.shape[1] - 1 + dx] == -1
            y, x = np.nonzero(inner & beyond)
            one = np.ones(len(y))
            found.append(np.stack([y + window.y0, x + window.x0, one * abs(dy), one, one * (dy + dx), one]))
    return _sides(np.concatenate(found, axis=1))


def near_edge(geom: Grid, xyz: Floats, shape: SkyShape) -> Bools:
    """Which points, unit vectors of shape (3, n), have a place of the map's edge in a shape round them, ties
    included.
    """
    out = np.zeros(xyz.shape[1], dtype=bool)
    sides = _sides_near(geom, xyz, shape.bound)
    known = sides.samples(geom)
    # Sides of like size together, or one that is stretched at a limb makes the others be tried from afar.
    size = np.round(np.log2(known.spacing + 1e-12)).astype(np.int64)
    held = known.is_edge.any(axis=1)
    for each in np.unique(size[held]):
        some = np.flatnonzero(held & (size == each))
        _mark(out, geom, sides.take(some), known.take(some), xyz, shape)
    return out


def _mark(out: Bools, geom: Grid, sides: Sides, known: Samples, xyz: Floats, shape: SkyShape) -> None:
    """Mark the points that have a place of some sides in the shape round them."""
    left = np.flatnonzero(~out)
    number, sample = np.nonzero(known.is_edge)
    # A place between samples is nearer than they are by less than their spacing.
    reach = float(chord_bound(shape.bound + known.spacing.max()))
    distance, nearest = scipy.spatial.cKDTree(known.xyz[:, number, sample].T).query(
        xyz[:, left].T, distance_upper_bound=reach
    )
    near = np.isfinite(distance)
    left, nearest = left[near], nearest[near]
    held = shape.excess(xyz[:, left], known.xyz[:, number[nearest], sample[nearest]]) <= TIE
    out[left[held]] = True
    for side, point in _pairs(known, xyz, left[~held], shape):
        hit = _passes(geom, sides.take(side), known.take(side), xyz[:, point], shape)
        out[point[hit]] = True


def _pairs(
    known: Samples, xyz: Floats, points: Indices, shape: SkyShape
) -> Iterator[tuple[Indices, Indices]]:
    """Pairs of a side and one of some points whose shape can hold a place of it, in pieces."""
    centre, radius = known.caps
    tree = scipy.spatial.cKDTree(centre.T)
    reach = float(chord_bound(shape.bound + radius.max()))
    pieces = np.cumsum(tree.query_ball_point(xyz[:, points].T, reach, return_length=True)) // _PAIRS
    for piece in np.unique(pieces):
        part = points[pieces == piece]
        found = scipy.spatial.cKDTree(xyz[:, part].T).sparse_distance_matrix(
            tree, reach, output_type="ndarray"
        )
        point, side = part[found["i"]], found["j"]
        near = _may_hold(shape, xyz[:, point], centre[:, side], radius[side])
        yield side[near], point[near]


def _may_hold(shape: SkyShape, xyz: Floats, centre: Floats, radius: Floats) -> Bools:
    """Whether the shape round points can hold a place within a radius of others."""
    if not shape.box:
        return np.asarray(shape.excess(xyz, centre) <= radius + 1e-9)
    lat, lon, flat, flat_centre = differences(xyz, centre)
    # The radius turns by asin(sin(radius) / cos(lat)) at most, which is below pi / 2 times that quotient.
    turn = np.pi / 2 * radius / np.maximum(flat_centre, 1e-300)
    near = np.maximum(lon - np.where(turn < np.pi / 2, turn, np.pi), 0.0) * np.maximum(
        flat, flat_centre - radius
    )
    return np.asarray((lat <= shape.lat + radius + 1e-9) & (near <= shape.lon + 1e-9))


def _sides_near(geom: Grid, xyz: Floats, angle: float) -> Sides:
    """The sides of single pixels that can have a place within an angle of a point."""
    sides, caps, _ = map_edge(geom)
    tree = scipy.spatial.cKDTree(xyz.T) if len(sides.y) else None
    found = [sides.take(np.zeros(0, dtype=np.intp))]
    while tree is not None and len(sides.y):
        chord, _ = tree.query(caps.centre.T)
        gap = 2 * np.arcsin(np.minimum(chord / 2, 1.0)) - caps.radius
        sides = sides.take(gap <= angle + 1e-9)
        found.append(sides.take(sides.number == 1))
        sides = sides.take(sides.number > 1).split()
        caps = sides.samples(geom).caps
    return Sides(*(np.concatenate(each) for each in zip(*found, strict=True)))


def _passes(geom: Grid, sides: Sides, known: Samples, xyz: Floats, shape: SkyShape) -> Bools:
    """Whether sides have a place in the shape round points of shape (3, n), each side round its point."""
    excess = shape.excess(xyz[:, :, None], known.xyz)
    # Between samples the excess falls by no more than it changes there, or than they are apart.
    change = np.where(known.is_edge[:, 1:] & known.is_edge[:, :-1], np.abs(np.diff(excess, axis=1)), 0.0)
    excess = np.where(known.is_edge, excess, np.inf)
    best, least = excess.argmin(axis=1), excess.min(axis=1)
    hit: Bools = least <= TIE
    some = np.flatnonzero(~hit & (least - change.max(axis=1) - known.spacing <= TIE))
    sides, known, xyz, best = sides.take(some), known.take(some), xyz[:, some], best[some]
    row = np.arange(len(some))
    before, after = np.maximum(best - 1, 0), np.minimum(best + 1, SAMPLES - 1)
    low = known.along[row, np.where(known.is_edge[row, before], before, best)]
    high = known.along[row, np.where(known.is_edge[row, after], after, best)]
    for _ in range(_THIRDS):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        one, two = (shape.excess(xyz, known.between(geom, sides, each)) for each in (first, second))
        low, high = np.where(one <= two, low, first), np.where(one <= two, second, high)
    hit[some] = shape.excess(xyz, known.between(geom, sides, (low + high) / 2)) <= TIE
    return hit
