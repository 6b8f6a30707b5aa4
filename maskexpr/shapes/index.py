"""An index of shapes on the sphere, which add to each other or take away, on tiles and at points.

Everything is asked in pairs of a block or point and a shape whose bounding caps meet, of all shapes in one
call, so that the cost follows the number of such pairs and not the number of shapes times that of tiles.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.once import once
from ..core.trace import count
from ..grid.healpix.areas import Cells, PointsOfCells
from ..grid.lattice import Grid
from ..grid.points import Points
from ..grid.tiles import Areas, Tile, Tiles, block_pixels
from ..pixels.ragged import Lists
from ..sphere.trees import chord_bound, pairs_within, radius_classes, tree_of
from ..sphere.vectors import Caps, chord2
from . import Shape
from .blocks import SIDES, SMALLEST, OpenBlocks, View, centres
from .images import ImageIndex
from .many import Many
from .polygon import Polygon, Polygons
from .scan import PolygonScan

__all__ = ["ShapeIndex"]

# Pairs in one call: bounds memory, and keeps the working arrays in the cache.
_PAIRS = 1 << 15
_PIXELS = 1 << 16
# A rim that is drawn costs what so many pixels cost that are asked.
_RIM = 128
# Points that are put in one tree.
_POINTS = 1 << 19
# Shapes whose bounding caps are within this factor share a tree; those above this radius (radians) are in
# none.
_FACTOR = 2.0
_WIDE = 0.5


class ShapeIndex:
    """Shapes in one frame, joined one after the other.

    "held" is one number per area, block or point: for a union or a list with ``adds`` the number, from 1, of
    the last shape that covers it, 0 for none; with ``odd`` the parity of the number of shapes that cover it.

    Parameters
    ----------
    shapes : sequence of Shape, or Many
        They mark no pixels, and are no compounds.
    frame : str
        The frame of the geometry or the points; that of the `Many`, where these are given.
    adds : sequence of bool, optional
        For each shape whether it adds to those before it or takes away from them; all add unless given.
    odd : bool
        Whether what is in an odd number of shapes is selected instead.
    """

    def __init__(
        self, shapes: Sequence[Shape] | Many, frame: str, adds: Sequence[bool] = (), odd: bool = False
    ) -> None:
        self._many = shapes if isinstance(shapes, Many) else Many(shapes, frame)
        self._given, self._frame = shapes, frame
        self._odd = odd
        self._value = np.array([False, True] if odd else [False, *(adds or [True] * len(shapes))])
        self._union = not odd and bool(self._value[1:].all())
        self._chord = chord_bound(self._many.caps.radius)
        self._wide = np.flatnonzero(self._many.caps.radius > _WIDE)
        self._lock = threading.Lock()
        self._images: tuple[Grid, ImageIndex] | None = None

    # ---- which shapes may meet what

    @once
    def _classes(self) -> Any:
        """Trees of the shapes that are not wide, which painting by rows does without."""
        centre, radius = self._many.caps
        narrow = np.flatnonzero((radius > 0) & (radius <= _WIDE))
        return radius_classes(centre, radius, _FACTOR, narrow)

    def _near(self, caps: Caps) -> tuple[Indices, Indices]:
        """Pairs of caps, none of them empty, and the shapes that they may meet, by their numbers."""
        number = len(caps.radius)
        places, shapes = [np.repeat(np.arange(number), len(self._wide))], [np.tile(self._wide, number)]
        for tree, members, _, largest in self._classes:
            near, found = pairs_within(tree, caps.centre, chord_bound(caps.radius + largest))
            places.append(near)
            shapes.append(members[found])
        place, shape = np.concatenate(places), np.concatenate(shapes)
        meets = self._meets(caps, place, shape)
        return place[meets], shape[meets]

    def _meets(self, caps: Caps, place: Indices, shape: Indices) -> Indices:
        """Which pairs of a cap and a shape may meet, by their numbers.

        The chord of a sum of angles is at most the sum of their chords, so caps that are further apart than
        that have no point in common.
        """
        apart = chord2(caps.centre[:, place], self._many.caps.centre[:, shape])
        within = chord_bound(caps.radius)[place] + self._chord[shape]
        return np.flatnonzero(apart <= within * within)

    def _near_points(self, xyz: Floats) -> tuple[Indices, Indices]:
        """Pairs of points and the shapes that they may be in; the fewer are looked up among the more."""
        some = np.flatnonzero(self._many.caps.radius >= 0)
        if xyz.shape[1] < len(some):
            return self._near(Caps(xyz, np.zeros(xyz.shape[1])))
        number, place = pairs_within(tree_of(xyz), self._many.caps.centre[:, some], self._chord[some])
        return place, some[number]

    def _batches(self, number: int, pairs: int) -> Iterator[slice]:
        """So many things in batches, such that wide shapes do not make too many pairs."""
        step = max(1, pairs // (4 + len(self._wide)))
        return (slice(first, first + step) for first in range(0, number, step))

    # ---- what is asked

    def coverage(self, caps: Caps) -> Coverage:
        """Which caps no shape meets, which are decided by shapes that hold them as a whole."""
        nothing = (caps.radius < 0) | ~(self._many.caps.radius > 0).any()
        cover = np.where(nothing, EMPTY, MIXED).astype(np.uint8)
        known = np.flatnonzero((caps.radius >= 0) & (caps.radius < np.pi))
        for some in self._batches(len(known), _PAIRS):
            few = caps.take(known[some])
            place, shape = self._near(few)
            held, left = self._undecided(few, place, shape, np.zeros(len(few.radius), dtype=np.intp))
            states = np.where(self._value[held], FULL, EMPTY)
            states[place[left]] = MIXED
            cover[known[some]] = states
        return cover

    def cover(self, areas: Areas) -> Coverage:
        """Coverage of areas by the union: of cells as they are, of others by the caps round them."""
        return self._cover_cells(areas) if isinstance(areas, Cells) else self.coverage(areas.caps)

    def _cover_cells(self, cells: Cells) -> Coverage:
        """Coverage of cells, which may only meet what their parents may meet; notes what is left open."""
        held, place, shape = self._candidates(cells, np.arange(len(cells)))
        meets = self._meets(cells.caps, place, shape)
        place, shape = place[meets], shape[meets]
        held, left = self._undecided(cells.caps, place, shape, held)
        place, shape = place[left], shape[left]
        cells.notes[self] = _Note(held, Lists.of_pairs(len(cells), place, shape))
        cover = np.where(self._value[held], FULL, EMPTY).astype(np.uint8)
        cover[place] = MIXED
        return cover

    def _candidates(self, cells: Cells, which: Indices) -> tuple[Indices, Indices, Indices]:
        """What some cells are selected by so far, and pairs of a place in ``which``, in order, and a shape
        that may change that.
        """
        noted = cells.note_of(self, which)
        if noted is not None:
            note, origin = noted
            return note.held[origin], *note.left.pairs(origin)
        some = np.flatnonzero(self._many.caps.radius > 0)
        number = len(which)
        return np.zeros(number, dtype=np.intp), np.repeat(np.arange(number), len(some)), np.tile(some, number)

    def _undecided(self, caps: Caps, place: Indices, shape: Indices, held: Indices) -> tuple[Indices, Bools]:
        """Join the shapes that hold caps as a whole.

        Returns
        -------
        held : ndarray of int
            What they make of each cap.
        left : ndarray of bool
            The pairs that may still make a difference. A cap that has none is decided.
        """
        states = self._many.coverage(caps.take(place), shape)
        full = states == FULL
        held = self._join(place[full], shape[full], held)
        left = states == MIXED
        if not self._odd:
            # Only what comes after the last that holds it changes a cap, and only if it is not of that kind.
            left &= shape >= held[place]
            is_open = np.zeros(len(held), dtype=bool)
            is_open[place[left & (self._value[1 + shape] != self._value[held[place]])]] = True
            left &= is_open[place]
        return held, left

    def _join(self, place: Indices, shape: Indices, held: Indices) -> Indices:
        """What things become by shapes that hold them: pairs of a thing and a shape."""
        if self._odd:
            return np.asarray((held + np.bincount(place, minlength=len(held))) % 2)
        held = held.copy()
        np.maximum.at(held, place, 1 + shape)
        return held

    def holds(self, points: Points) -> Bools:
        """Which points are selected, shape (n,)."""
        if not isinstance(points, PointsOfCells):
            return self.inside(points.xyz)
        held, place, shape = self._candidates(points.cells, points.place)
        hit = self._many.inside(points.xyz[:, place], shape)
        return np.asarray(self._value[self._join(place[hit], shape[hit], held)])

    def inside(self, xyz: Floats) -> Bools:
        """Which points, shape (3, n), are selected; NaN is not."""
        out = np.zeros(xyz.shape[1], dtype=bool)
        known = np.flatnonzero(np.isfinite(xyz[0]))
        for some in self._batches(len(known), _POINTS):
            points = np.ascontiguousarray(xyz[:, known[some]])
            place, shape = self._near_points(points)
            hit = self._many.inside(points[:, place], shape)
            held = self._join(place[hit], shape[hit], np.zeros(points.shape[1], dtype=np.intp))
            out[known[some]] = self._value[held]
        return out

    def paint(self, tile: Tile, out: Bools) -> None:
        """Select in an array of a tile's pixels those that are selected."""
        if self._is_by_rows(tile.geom) and self._scan.paint(tile, out):
            if self._others is not None:
                self._others.paint(tile, out)
            return
        if not self._is_drawn(tile):
            self._refine(tile, out, None)
            return
        left = self._images_on(tile.geom).paint(tile, out)
        if len(left):
            open_ = np.zeros(len(self._many), dtype=bool)
            open_[left] = True
            self._refine(tile, out, open_)

    def _is_drawn(self, tile: Tile) -> bool:
        """Whether rims are drawn on a tile: not where there are so many that its pixels are asked sooner."""
        if not self._union or tile.geom.separable or tile.geom.repeats:
            return False
        if _RIM * len(self._many) <= tile.window.size:
            return True
        cap = tile.tiles.caps
        return cap.radius[0] < np.pi and _RIM * len(self._near(cap)[1]) <= tile.window.size

    def _images_on(self, geom: Grid) -> ImageIndex:
        """Images of the shapes on a grid; the last grid's are kept, for its other tiles."""
        with self._lock:
            if self._images is None or self._images[0] != geom:
                self._images = (geom, ImageIndex(geom, self._many))
            return self._images[1]

    def reached(self, tiles: Tiles) -> Bools | None:
        """See `Mask.reached`: of polygons that are painted by rows."""
        if self._is_by_rows(tiles.geom) and self._others is None:
            return self._scan.reached(tiles)
        return None

    def _is_by_rows(self, geom: Grid) -> bool:
        """Whether polygons are painted by rows."""
        return self._union and geom.separable and bool(self._many.outlines()[1])

    @once
    def _scan(self) -> PolygonScan:
        """The polygons, for grids on which they are painted by rows."""
        numbers, outlines = self._many.outlines()
        return PolygonScan(outlines, lambda xyz, which: self._many.inside(xyz, numbers[which]))

    @once
    def _others(self) -> ShapeIndex | None:
        """The shapes that are no polygons."""
        given = () if isinstance(self._given, Many | Polygons) else self._given
        others = [each for each in given if not isinstance(each, Polygon)]
        return ShapeIndex(others, self._frame) if others else None

    def _refine(self, tile: Tile, out: Bools, open_shapes: Bools | None) -> None:
        """Select pixels that are in shapes, of the union in some shapes, block by block: those that are
        decided as a whole are not looked into.
        """
        view = View(tile, out)
        open_ = OpenBlocks.join([], tile.tiles)
        # Blocks that are bounded by the whole sky alone are cut on without shapes, as far as it goes.
        loose = tile.tiles
        for side in SIDES:
            if side > SMALLEST and side >= max(tile.shape):
                continue
            blocks, _ = loose.split(side)
            radius = blocks.caps.radius
            loose, bounded = blocks.take(radius >= np.pi), blocks.take((radius >= 0) & (radius < np.pi))
            block, shape = self._near(bounded.caps)
            if open_shapes is not None:
                block, shape = block[open_shapes[shape]], shape[open_shapes[shape]]
            near = OpenBlocks(bounded, block, shape, np.zeros(len(bounded), dtype=np.intp)).sorted()
            parts = chain(near.slices(_PAIRS), (each.split(side) for each in open_.slices(_PAIRS >> 4)))
            open_ = OpenBlocks.join([self._decide(part, view) for part in parts], tile.tiles)
        for part in open_.slices(_PIXELS // SMALLEST**2):
            self._ask_pixels(part, view)
        y, x = block_pixels(loose, SMALLEST)
        view.select(y, x, self.inside(tile.pixels(y, x).xyz))

    def _decide(self, open_: OpenBlocks, view: View) -> OpenBlocks:
        """Select blocks that are selected as a whole; those that stay open are returned."""
        caps = open_.blocks.caps
        meets = self._meets(caps, open_.block, open_.shape)
        block, shape = open_.block[meets], open_.shape[meets]
        held, left = self._undecided(caps, block, shape, open_.held)
        block, shape = block[left], shape[left]
        is_open = np.zeros(len(open_.blocks), dtype=bool)
        is_open[block] = True
        view.fill(open_.blocks.bounds[:, self._value[held] & ~is_open])
        place = np.cumsum(is_open) - 1
        return OpenBlocks(open_.blocks.take(is_open), place[block], shape, held[is_open]).sorted()

    def _ask_pixels(self, open_: OpenBlocks, view: View) -> None:
        blocks = open_.blocks
        xyz = centres(blocks)
        count("pixels", xyz[0].size)
        hit = self._many.inside(xyz[:, open_.block], open_.shape)
        at, pixel = np.nonzero(self._reduce(hit, open_))
        y, x = blocks.bounds[0, at] + pixel // SMALLEST, blocks.bounds[2, at] + pixel % SMALLEST
        view.select(y, x, (y < blocks.bounds[1, at]) & (x < blocks.bounds[3, at]))

    def _reduce(self, hit: Bools, open_: OpenBlocks) -> Bools:
        """Which pixels are selected, shape (blocks, pixels), from what each pair of a block says of them."""
        if self._union:
            return np.asarray(np.bitwise_or.reduceat(hit, open_.starts, axis=0))
        if self._odd:
            return np.asarray(np.bitwise_xor.reduceat(hit, open_.starts, axis=0) ^ (open_.held == 1)[:, None])
        number = np.where(hit, 1 + open_.shape[:, None], 0)
        last = np.maximum.reduceat(number, open_.starts, axis=0)
        return self._value[np.maximum(last, open_.held[:, None])]


class _Note(NamedTuple):
    """What is known of cells: what they are selected by so far, and the shapes that may change that."""

    held: Indices
    left: Lists
