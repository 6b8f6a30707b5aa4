"""An index of shapes on the sphere: their union, or what is in an odd number of them, on tiles and at points.

Everything is asked in pairs of a block or point and a shape whose bounding caps meet, of all shapes in one
call, so that the cost follows the number of such pairs and not the number of shapes times that of tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from ..coverage import EMPTY, FULL, MIXED, Coverage
from ..shapes import Shape
from ..shapes.many import Many
from ..sphere import Caps, chord2, chord2_of, unit
from ..tiles import Tile, Tiles, block_pixels
from ..trace import count

__all__ = ["ShapeIndex"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]

# Sides of the blocks, each a multiple of the next.
_SIDES = (256, 64, 16, 8)
_SMALLEST = _SIDES[-1]
# Pairs in one call: bounds memory, and keeps the working arrays in the cache.
_PAIRS = 1 << 15
_PIXELS = 1 << 16
# Shapes whose bounding caps are within this factor share a tree; those above this radius (radians) are in
# none.
_FACTOR = 2.0
_WIDE = 0.5
# Relative and absolute doubt about chords, more than rounding makes of them.
_DOUBT = 1 + 1e-9
_LEAST = 1e-12


class ShapeIndex:
    """Shapes in one frame.

    Parameters
    ----------
    shapes : sequence of Shape
        They mark no pixels, and are no compounds.
    frame : str
        The frame of the geometry or the points.
    odd : bool
        Whether what is in an odd number of shapes is selected; else what is in any.
    """

    def __init__(self, shapes: tuple[Shape, ...], frame: str, odd: bool = False) -> None:
        self._many = Many(shapes, frame)
        self._odd = odd
        centre, radius = self._many.caps
        self._chord = _chord(radius)
        self._wide = np.flatnonzero(radius > _WIDE)
        self._trees: list[tuple[cKDTree, Ints, float]] = []
        order = np.argsort(radius, kind="stable")
        order = order[(radius[order] > 0) & (radius[order] <= _WIDE)]
        while len(order):
            number = int(np.searchsorted(radius[order], radius[order[0]] * _FACTOR, side="right"))
            members, order = order[:number], order[number:]
            tree = cKDTree(np.ascontiguousarray(centre[:, members].T), balanced_tree=False)
            self._trees.append((tree, members, float(radius[members[-1]])))

    # ---- which shapes may meet what

    def _near(self, caps: Caps) -> tuple[Ints, Ints]:
        """Pairs of caps, none of them empty, and the shapes that they may meet, by their numbers."""
        points = np.ascontiguousarray(caps.centre.T)
        number = len(points)
        places, shapes = [np.repeat(np.arange(number), len(self._wide))], [np.tile(self._wide, number)]
        for tree, members, largest in self._trees:
            found = tree.query_ball_point(points, _chord(caps.radius + largest), return_sorted=False)
            each = np.fromiter((len(some) for some in found), dtype=np.intp, count=number)
            places.append(np.repeat(np.arange(number), each))
            shapes.append(members[np.fromiter(_flat(found), dtype=np.intp, count=int(each.sum()))])
        place, shape = np.concatenate(places), np.concatenate(shapes)
        meets = self._meets(caps, place, shape)
        return place[meets], shape[meets]

    def _meets(self, caps: Caps, place: Ints, shape: Ints) -> Ints:
        """Which pairs of a cap and a shape may meet, by their numbers.

        The chord of a sum of angles is at most the sum of their chords, so caps that are further apart than
        that have no point in common.
        """
        apart = chord2(caps.centre[:, place], self._many.caps.centre[:, shape])
        within = _chord(caps.radius)[place] + self._chord[shape]
        return np.flatnonzero(apart <= within * within)

    def _batches(self, number: int) -> Iterator[slice]:
        """So many things in batches, such that wide shapes do not make too many pairs."""
        step = max(1, _PAIRS // (4 + len(self._wide)))
        return (slice(first, first + step) for first in range(0, number, step))

    # ---- what is asked

    def coverage(self, caps: Caps) -> Coverage:
        """Which caps no shape meets, which are decided by shapes that hold them as a whole."""
        cover = np.full(len(caps.radius), EMPTY)
        known = np.flatnonzero((caps.radius >= 0) & (caps.radius < np.pi))
        whole = np.flatnonzero(caps.radius >= np.pi)
        for some in self._batches(len(known)):
            few = caps.take(known[some])
            cover[known[some]] = self._joined(few, *self._near(few))
        for some in self._batches(len(whole)):
            few = caps.take(whole[some])
            place = np.repeat(np.arange(len(few.radius)), len(self._wide))
            cover[whole[some]] = self._joined(few, place, np.tile(self._wide, len(few.radius)))
        if len(self._many.caps.radius) > len(self._wide):
            # The small shapes lie in such a cap; they leave it open unless a large one fills it.
            open_ = (cover[whole] == EMPTY) | self._odd
            cover[whole[open_]] = MIXED
        return cover

    def _joined(self, caps: Caps, place: Ints, shape: Ints) -> Coverage:
        """Coverage of caps, of which all shapes that they may meet are told in pairs."""
        states = self._many.coverage(caps.take(place), shape)
        cover = np.full(len(caps.radius), EMPTY)
        if self._odd:
            cover[self._join(place[states == FULL], len(cover))] = FULL
            cover[place[states == MIXED]] = MIXED
        else:
            cover[place[states == MIXED]] = MIXED
            cover[place[states == FULL]] = FULL
        return cover

    def _join(self, hit: Ints, number: int) -> Bools:
        """Which of so many things are selected: ``hit`` names a thing once for each shape that holds it."""
        times = np.bincount(hit, minlength=number)
        return np.asarray(times % 2 == 1 if self._odd else times > 0)

    def inside(self, xyz: Floats) -> Bools:
        """Which points, shape (3, n), are selected; NaN is not."""
        out = np.zeros(xyz.shape[1], dtype=bool)
        known = np.flatnonzero(np.isfinite(xyz[0]))
        for some in self._batches(len(known)):
            points = xyz[:, known[some]]
            number = points.shape[1]
            place, shape = self._near(Caps(points, np.zeros(number)))
            hit = self._many.inside(points[:, place], shape)
            out[known[some]] = self._join(place[hit], number)
        return out

    def paint(self, tile: Tile, out: Bools) -> None:
        """Select in an array of a tile's pixels those that are selected."""
        view = _View(tile, out)
        open_ = _Open.join([], tile.tiles)
        # Blocks that are bounded by the whole sky alone are cut on without shapes, as far as it goes.
        loose = tile.tiles
        for side in _SIDES:
            if side > _SMALLEST and side >= max(tile.shape):
                continue
            blocks, _ = loose.split(side)
            radius = blocks.caps.radius
            loose, bounded = blocks.take(radius >= np.pi), blocks.take((radius >= 0) & (radius < np.pi))
            near = _Open(bounded, *self._near(bounded.caps), np.zeros(len(bounded), dtype=bool)).sorted()
            parts = chain(near.slices(_PAIRS), (each.split(side) for each in open_.slices(_PAIRS >> 4)))
            open_ = _Open.join([self._decide(part, view) for part in parts], tile.tiles)
        for part in open_.slices(_PIXELS // _SMALLEST**2):
            self._ask_pixels(part, view)
        y, x = block_pixels(loose, _SMALLEST)
        view.select(y, x, self.inside(tile.pixels(y, x).xyz))

    def _decide(self, open_: _Open, view: _View) -> _Open:
        """Select blocks that are selected as a whole; those that stay open are returned."""
        caps = open_.blocks.caps
        meets = self._meets(caps, open_.block, open_.shape)
        block, shape = open_.block[meets], open_.shape[meets]
        states = self._many.coverage(caps.take(block), shape)
        hit = self._join(block[states == FULL], len(open_.blocks))
        left = (states == MIXED) & (self._odd | ~hit[block])
        block, shape, selected = block[left], shape[left], open_.flipped ^ hit
        is_open = np.zeros(len(open_.blocks), dtype=bool)
        is_open[block] = True
        view.fill(open_.blocks.bounds[:, selected & ~is_open])
        place = np.cumsum(is_open) - 1
        return _Open(open_.blocks.take(is_open), place[block], shape, selected[is_open]).sorted()

    def _ask_pixels(self, open_: _Open, view: _View) -> None:
        blocks = open_.blocks
        xyz = _centres(blocks)
        count("pixels", xyz[0].size)
        hit = self._many.inside(xyz[:, open_.block], open_.shape)
        join = np.bitwise_xor if self._odd else np.bitwise_or
        selected = join.reduceat(hit, open_.starts, axis=0) ^ open_.flipped[:, None]
        at, pixel = np.nonzero(selected)
        y, x = blocks.bounds[0, at] + pixel // _SMALLEST, blocks.bounds[2, at] + pixel % _SMALLEST
        view.select(y, x, (y < blocks.bounds[1, at]) & (x < blocks.bounds[3, at]))


class _View(NamedTuple):
    """The array of a tile's pixels."""

    tile: Tile
    out: Bools

    def fill(self, bounds: NDArray[np.int64]) -> None:
        """Select windows, by their ``y0, y1, x0, x1``."""
        top, left = self.tile.window.y0, self.tile.window.x0
        for y0, y1, x0, x1 in bounds.T.tolist():
            self.out[y0 - top : y1 - top, x0 - left : x1 - left] = True

    def select(self, y: NDArray[np.int64], x: NDArray[np.int64], some: Bools) -> None:
        """Select some of the pixels of a list."""
        self.out[y[some] - self.tile.window.y0, x[some] - self.tile.window.x0] = True


class _Open(NamedTuple):
    """Blocks that are open, with the shapes that leave them so, in pairs.

    ``flipped`` tells of each block whether an odd number of the other shapes holds it.
    """

    blocks: Tiles
    block: Ints
    shape: Ints
    flipped: Bools

    @classmethod
    def join(cls, parts: list[_Open], like: Tiles) -> _Open:
        """The blocks of all parts."""
        if len(parts) == 1:
            return parts[0]
        none = np.empty(0, dtype=np.intp)
        bounds = np.concatenate([like.bounds[:, :0], *(each.blocks.bounds for each in parts)], axis=1)
        first = np.cumsum([0, *(len(each.blocks) for each in parts)])
        block = [each.block + number for each, number in zip(parts, first, strict=False)]
        return cls(
            Tiles(like.geom, bounds, like.plane),
            np.concatenate([none, *block]),
            np.concatenate([none, *(each.shape for each in parts)]),
            np.concatenate([none.astype(bool), *(each.flipped for each in parts)]),
        )

    def sorted(self) -> _Open:
        """Pairs of one block one after the other."""
        order = np.argsort(self.block, kind="stable")
        return self._replace(block=self.block[order], shape=self.shape[order])

    @property
    def starts(self) -> Ints:
        """The first pair of each block, of sorted pairs."""
        number = np.bincount(self.block, minlength=len(self.blocks))
        return np.asarray(np.cumsum(number) - number)

    def slices(self, most: int) -> Iterator[_Open]:
        """Blocks, with all their pairs, in parts of so many pairs or a single block."""
        ends = np.append(self.starts, len(self.block))
        first = 0
        while first < len(self.blocks):
            last = int(np.searchsorted(ends, ends[first] + most, side="right")) - 1
            last = min(max(last, first + 1), len(self.blocks))
            pairs = slice(int(ends[first]), int(ends[last]))
            blocks = self.blocks.take(np.arange(first, last))
            yield _Open(blocks, self.block[pairs] - first, self.shape[pairs], self.flipped[first:last])
            first = last

    def split(self, side: int) -> _Open:
        """Every block cut into smaller ones, each with the shapes of the whole."""
        blocks, parent = self.blocks.split(side)
        number = np.bincount(parent, minlength=len(self.blocks))
        first = np.cumsum(number) - number
        each = number[self.block]
        pair = np.repeat(np.arange(len(each)), each)
        within = np.arange(len(pair)) - np.repeat(np.cumsum(each) - each, each)
        return _Open(blocks, first[self.block[pair]] + within, self.shape[pair], self.flipped[parent])


def _centres(blocks: Tiles) -> Floats:
    """Unit vectors of all pixels of smallest blocks, and of those that a block at the rim lacks.

    Shape (3, n, pixels).
    """
    offset = np.arange(_SMALLEST)
    y, x = blocks.bounds[0][:, None] + offset, blocks.bounds[2][:, None] + offset
    if blocks.geom.separable:
        xyz = unit(blocks.geom.lon_of(x)[:, None, :], blocks.geom.lat_of(y)[:, :, None])
    else:
        xyz = unit(*blocks.geom.lonlat(y[:, :, None], x[:, None, :]))
    return xyz.reshape(3, len(blocks), -1)


def _flat(lists: NDArray[np.object_]) -> Iterator[int]:
    for each in lists:
        yield from each


def _chord(angle: Floats) -> Floats:
    """Chords of angles in radians, or a little more."""
    return np.asarray(np.sqrt(chord2_of(angle)) * _DOUBT + _LEAST)
