"""An index of circles on the sphere: which points are in any of them, which caps meet them."""

from __future__ import annotations

import threading

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.once import once
from ..grid.healpix.areas import Cells, PointsOfCells
from ..grid.lattice import OFF, Grid
from ..grid.points import Points
from ..grid.tiles import Areas, Tile, Tiles, refine
from ..pixels.paint import paint_spans
from ..pixels.window import Window
from ..sphere.trees import RadiusClass, chord_bound, pairs_within, radius_classes
from ..sphere.vectors import TIE, Caps, angle_between, chord2_of, lonlat, tangents, unit, within
from .cells import CellIndex
from .descent import CircleDescent
from .rims import RimIndex
from .rings import paint_on_rings
from .spans import Disks, SpanIndex, circle_spans

__all__ = ["CircleIndex"]

# Circles whose radii are within this factor share a tree, so that the nearest centre nearly decides.
_FACTOR = 1.25
# Relative doubt about a distance that a tree returns; what is nearer to a rim is tested by the predicate
# itself.
_DOUBT = 1e-12
# What angles may be wrong by.
_ALLOWANCE = 1e-11
# Pairs of a cap and a circle that are looked at at most; about so many, if circles are evenly spread.
_PAIRS = 1 << 20
# Rows and columns of a separable map that are looked at as a whole: their positions take some 0.2 us each.
_WIDEST = 200_000
# A rim that is drawn costs what so many pixels cost that are asked, and where circles are drawn by rows or
# rings so many of these what one pixel does.
_RIM = 32
_ROWS = 6
# Parts a side of a tile that a limb crosses, by which circles near it are counted, and pixels a side of them.
_PARTS = 32
_LEAST_PART = 16
# Pixels that are asked together.
_ASKED = 1 << 17
# So many points cost a tree what is spent on lists of no circles.
_FEW = 2000
# Of this many circles the largest one in so many are looked at first, where these have so many times the area
# of the sky.
_LEAST_DENSE = 1 << 10
_LARGEST = 8
_BROAD = 8
# So many circles are put into trees in the time that it takes to ask the pixels of a cap.
_TREED = 1 << 10
# Sides of blocks, in pixels, that are found full before their pixels are asked.
_BLOCKS = (32, 8)
# Of more circles than this an even choice is counted for all.
_COUNTED = 1 << 14

Degrees = tuple[Floats, Floats]


class CircleIndex:
    """Circles in classes of nearly equal radius, each class with a tree over the centres.

    Parameters
    ----------
    centre : ndarray, shape (3, n)
        Unit vectors.
    radius : ndarray, shape (n,)
        Radians, positive.
    degrees : pair of ndarray, optional
        Longitudes and latitudes of the centres, where they are known.
    """

    def __init__(self, centre: Floats, radius: Floats, degrees: Degrees | None = None) -> None:
        self.centre = centre
        self.radius = radius
        self._lonlat = degrees
        self._lock = threading.Lock()
        self._runs: tuple[Grid, SpanIndex | RimIndex] | None = None
        self._trees: list[RadiusClass] | None = None
        self._cells: tuple[CellIndex, CircleIndex | None] | None = None
        self._asked = 0

    @property
    def _classes(self) -> list[RadiusClass]:
        """The classes, that of the largest circles first; made when they are first needed."""
        with self._lock:
            if self._trees is None:
                self._trees = radius_classes(self.centre, self.radius, _FACTOR)[::-1]
            return self._trees

    def holds(self, points: Points) -> Bools:
        """Which points lie strictly inside any circle, shape (n,), by lists of circles where these pay."""
        if isinstance(points, PointsOfCells):
            return self._descent.inside(points)
        where = points.lonlat
        listed = None if where is None else self._lists(len(points))
        if where is None or listed is None:
            return self.inside(points.xyz)
        cells, others = listed
        lon, lat = where
        out = cells.inside(lon, lat)
        if others is not None:
            rest = np.flatnonzero(~out)
            out[rest] = others.inside(unit(lon[rest], lat[rest]))
        return out

    def _lists(self, number: int) -> tuple[CellIndex, CircleIndex | None] | None:
        """Lists of circles by cells, with an index of those that are in no list.

        None as long as trees would have answered all points asked so far, these included, in the time that it
        takes to make the lists.
        """
        with self._lock:
            self._asked += number
            if self._cells is None and self._asked > 2 * len(self.radius) + _FEW:
                cells = CellIndex(self.centre, self.radius)
                left = ~cells.listed
                others = CircleIndex(self.centre[:, left], self.radius[left]) if left.any() else None
                self._cells = (cells, others)
            return self._cells

    def inside(self, xyz: Floats) -> Bools:
        """Which points lie strictly inside any circle, shape (n,); NaN is in none."""
        out = np.zeros(xyz.shape[1], dtype=bool) if self._broad is None else self._broad.inside(xyz)
        open_ = np.flatnonzero(np.isfinite(xyz[0]) & ~out)
        for tree, members, smallest, largest in self._classes if len(open_) else ():
            if not len(open_):
                break
            points = np.ascontiguousarray(xyz[:, open_].T)
            reach = float(chord_bound(largest))
            distance, _ = tree.query(points, distance_upper_bound=reach)
            sure = distance < np.sqrt(chord2_of(smallest - TIE)) * (1 - _DOUBT)
            doubtful = np.flatnonzero(~sure & (distance < np.inf))
            if len(doubtful):
                # The predicate itself on every pair of a point and a circle that may hold it.
                some = xyz[:, open_[doubtful]]
                point, near = pairs_within(tree, some, reach)
                circle = members[near]
                hit = within(some[:, point], self.centre[:, circle], self.radius[circle])
                sure[doubtful[point[hit]]] = True
            out[open_[sure]] = True
            open_ = open_[~sure]
        return out

    def cover(self, areas: Areas) -> Coverage:
        """Which areas no circle meets, which lie in one circle as a whole."""
        return self._descent.coverage(areas) if isinstance(areas, Cells) else self.coverage(areas.caps)

    @property
    def is_whole_sky(self) -> bool:
        """Whether a circle reaches its antipode."""
        return bool(self.radius.max(initial=0.0) - TIE >= np.pi)

    @once
    def _descent(self) -> CircleDescent:
        return CircleDescent(self.centre, self.radius)

    def coverage(self, caps: Caps) -> Coverage:
        """Which caps no circle meets, which lie in one circle as a whole."""
        cover = np.full(len(caps.radius), MIXED)
        known = np.flatnonzero(caps.radius < np.pi)
        if not len(known):
            return cover
        # None is EMPTY but those about which every class is asked.
        cover[known] = EMPTY
        if self._broad is not None:
            cover[known] = self._broad.coverage(caps.take(known))
            # What is met and larger than any circle is held by none. Others may be held by one that is not
            # among the largest: for few of them trees of all are dearer than their pixels.
            final = (cover == FULL) | ((cover == MIXED) & (caps.radius >= self.radius.max()))
            if np.count_nonzero((cover == MIXED) & ~final) * _TREED < len(self.radius):
                final |= cover == MIXED
            known = known[~final[known]]
        for each in self._classes if len(known) else ():
            cover[known] = np.maximum(cover[known], self._coverage_by(each, caps.take(known)))
        return cover

    def _coverage_by(self, circles: RadiusClass, caps: Caps) -> Coverage:
        """Coverage of caps by the circles of one class: the nearest centre decides, unless its circle might
        be smaller than another's.
        """
        tree, _, smallest, largest = circles
        radius = np.maximum(caps.radius, 0.0) + 2 * TIE
        points = np.ascontiguousarray(caps.centre.T)
        chord, _ = tree.query(points, distance_upper_bound=float(chord_bound(radius.max() + largest)))
        # Angles from chords lose digits towards 180 deg, hence the allowance.
        distance = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
        near, allowance = chord < np.inf, np.where(distance > 3.0, 1e-6, 1e-11)
        holds = near & (distance + radius + allowance < smallest)
        cover = np.where(near & (distance - radius - largest < allowance), MIXED, EMPTY)
        cover[holds] = FULL
        surely_met = near & (distance - radius - smallest < allowance)
        maybe_held = near & (distance + radius + allowance < largest)
        some = np.flatnonzero((cover == MIXED) & (~surely_met | maybe_held) & (radius < largest))
        if len(some) and smallest < largest:
            self._sharpen(cover, some, circles, caps)
        return cover.astype(np.uint8)

    def _sharpen(self, cover: Coverage, some: Indices, circles: RadiusClass, caps: Caps) -> None:
        """Coverage of some caps by all circles of a class near them, one by one; left MIXED where those are
        many.
        """
        tree, members, _, largest = circles
        centre, radius = caps.centre[:, some], np.maximum(caps.radius[some], 0.0) + 2 * TIE
        reach = float(radius.max() + largest)
        if len(some) * len(members) * np.sin(min(reach, np.pi) / 2) ** 2 > _PAIRS:
            return
        cap, near = pairs_within(tree, centre, float(chord_bound(reach)))
        circle = members[near]
        distance = angle_between(centre[:, cap], self.centre[:, circle])
        met, held = np.zeros((2, len(some)), dtype=bool)
        met[cap[distance - radius[cap] - self.radius[circle] < _ALLOWANCE]] = True
        held[cap[distance + radius[cap] + _ALLOWANCE < self.radius[circle]]] = True
        cover[some] = np.select([held, met], [FULL, MIXED], EMPTY)

    def edge_samples(self, angle: float, number: int) -> Floats:
        """Unit vectors of points an angle (radians) inside and outside of rims, about so many in all.

        Four directions of each circle, of evenly chosen circles where the number is less than is needed for
        all.
        """
        step = max(1, -(-8 * len(self.radius) // max(1, number)))
        centre, radius = self.centre[:, ::step, None, None], self.radius[::step, None, None]
        east, north = (each[:, :, None, None] for each in tangents(centre[:, :, 0, 0]))
        turn = np.arange(4)[:, None] * (np.pi / 2)
        away = np.clip(radius + angle * np.array([-1.0, 1.0]), 0.0, np.pi)
        points = centre * np.cos(away) + (east * np.cos(turn) + north * np.sin(turn)) * np.sin(away)
        return np.asarray(points.reshape(3, -1))

    def paint(self, tile: Tile, out: Bools) -> Indices:
        """Select the pixels of a tile that lie in the circles, by runs of pixels.

        Returns
        -------
        ndarray of int
            Circles near the tile that have no such runs, which are left to refinement.
        """
        if tile.tiles.sky[0] == OFF:
            return np.empty(0, dtype=np.intp)
        if self._outnumber(tile):
            self._ask(tile, out)
            return np.empty(0, dtype=np.intp)
        rings = tile.geom.rings(tile.window)
        if rings is not None:
            near = self._near_tile(tile)
            paint_on_rings(rings, self.centre[:, near], self.radius[near], tile, out)
            return np.empty(0, dtype=np.intp)
        made = self._runs_on(tile.geom)
        if not isinstance(made, RimIndex):
            self._paint_spans(made, tile, out)
            return np.empty(0, dtype=np.intp)
        left = made.paint(tile, out)
        cap = tile.tiles.caps
        if len(left) and cap.radius[0] < np.pi:
            reach = self.radius[left] + max(float(cap.radius[0]), 0.0) + 1e-9
            left = left[(angle_between(self.centre[:, left], cap.centre) <= reach) | (reach >= np.pi)]
        return left

    def _outnumber(self, tile: Tile) -> bool:
        """Whether so many circles are near a tile that its pixels are asked sooner than these are drawn."""
        geom, size = tile.geom, tile.window.size
        if len(self.radius) * _price(geom, self._mean_radius) <= size:
            return False
        caps = tile.squares.caps
        if not _is_by_rows(geom) and (caps.radius >= np.pi).any():
            return _RIM * self._number_at_limb(tile) > size
        caps = caps.take(caps.radius >= 0)
        cost = 0.0
        for tree, _, _, largest in self._counted._classes:
            reach = chord_bound(caps.radius + largest)
            near = tree.query_ball_point(caps.centre.T, reach, return_length=True)
            cost += float(near.sum()) * _price(geom, largest)
        return cost * self._share > size

    def _number_at_limb(self, tile: Tile) -> float:
        """About how many circles are near a tile that a limb crosses, which no small cap holds: what is known
        of some parts of it is taken for typical of all.
        """
        caps = tile.tiles.split(max(_LEAST_PART, -(-max(tile.shape) // _PARTS)))[0].caps
        caps = caps.take(caps.radius >= 0)
        known = caps.take(caps.radius < np.pi)
        if not len(known.radius):
            return float(len(self.radius))
        number = 0.0
        for tree, _, _, largest in self._counted._classes:
            reach = known.radius + largest
            near = tree.query_ball_point(known.centre.T, chord_bound(reach), return_length=True)
            # A part has 2 / pi of the area of its cap: what of all circles near it is its own.
            own = near * (known.radius / reach) ** 2 * (2 / np.pi)
            number += max(float(own.mean()) * len(caps.radius), float(near.max()))
        return number * self._share

    @property
    def _share(self) -> int:
        """How many circles one of those that are counted stands for."""
        return -(-len(self.radius) // _COUNTED)

    @once
    def _counted(self) -> CircleIndex:
        """An even choice of the circles, by which those near a place are counted."""
        step = self._share
        return self if step < 2 else CircleIndex(self.centre[:, ::step], self.radius[::step])

    @once
    def _broad(self) -> CircleIndex | None:
        """Some of the largest circles, where these are enough to cover most of what all do."""
        number = len(self.radius) // _LARGEST
        if len(self.radius) < _LEAST_DENSE or _area(self.radius).sum() < _BROAD:
            return None
        some = np.flatnonzero(self.radius >= np.sort(self.radius)[-number])
        # Of circles of one radius an even choice.
        some = some[:: max(1, len(some) // number)]
        if _area(self.radius[some]).sum() < _BROAD:
            return None
        return CircleIndex(self.centre[:, some], self.radius[some])

    @once
    def _mean_radius(self) -> float:
        return float(self.radius.mean()) if len(self.radius) else 0.0

    def _ask(self, tile: Tile, out: Bools) -> None:
        """Select the pixels of a tile that lie in circles by asking each."""
        if self._broad is not None:
            out |= self._refined(tile, self._broad)
            return
        y0, y1, x0, x1 = tile.window
        rows = max(1, _ASKED // max(1, x1 - x0))
        for y in range(y0, y1, rows):
            part = tile.on(Window(y, min(y + rows, y1), x0, x1))
            out[y - y0 : y - y0 + rows] |= self.inside(part.all_pixels().xyz).reshape(part.shape)

    def _refined(self, tile: Tile, broad: CircleIndex) -> Bools:
        """Values of a tile, of which most blocks are in large circles as a whole."""

        def cover(blocks: Tiles) -> Coverage:
            return np.where(broad.coverage(blocks.caps) == FULL, FULL, MIXED).astype(np.uint8)

        return refine(tile, _BLOCKS, cover, lambda y, x: self.inside(tile.pixels(y, x).xyz))

    def _paint_spans(self, made: SpanIndex | None, tile: Tile, out: Bools) -> None:
        if made is not None and tile.window.intersect(made.window) == tile.window:
            made.paint(tile, out)
            if made.done.all():
                return
            left = ~made.done
        else:
            left = np.ones(len(self.radius), dtype=bool)
        near = self._near_tile(tile)
        paint_spans(out, *circle_spans(tile, self._disks.take(near[left[near]])))

    def reached(self, tiles: Tiles) -> Bools | None:
        """See `Mask.reached`: of circles that are painted by rows and too small to hold a tile."""
        on_sky = tiles.caps.radius >= 0
        smallest = tiles.caps.radius.min(initial=np.pi, where=on_sky)
        if not tiles.geom.separable or self.radius.max(initial=0.0) >= smallest or self._broad is not None:
            return None
        made = self._runs_on(tiles.geom)
        if made is None or isinstance(made, RimIndex) or not made.done.all():
            return None
        found = made.reached(tiles)
        return None if found is None else found & on_sky

    def _runs_on(self, geom: Grid) -> SpanIndex | RimIndex | None:
        """Runs of all circles on a geometry; the last geometry's are kept, for its other tiles.

        None on a separable map whose rows and columns alone are too many for one tile to look at.
        """
        if geom.separable and sum(geom.image_shape) > _WIDEST:
            return None
        with self._lock:
            if self._runs is None or self._runs[0] != geom:
                made = (
                    SpanIndex(geom, self._disks)
                    if geom.separable
                    else RimIndex(geom, self.centre, self.radius)
                )
                self._runs = (geom, made)
            return self._runs[1]

    @once
    def _disks(self) -> Disks:
        return Disks(self.centre, self.radius, *(self._lonlat or lonlat(self.centre)))

    def _near_tile(self, tile: Tile) -> Indices:
        caps = tile.tiles.caps
        if caps.radius[0] >= np.pi:
            return np.arange(len(self.radius))
        return self.near(caps.centre[:, 0], float(max(caps.radius[0], 0.0)))

    def near(self, centre: Floats, angle: float) -> Indices:
        """Circles that may come within an angle (radians) of a point, by number, in order."""
        found = [
            members[tree.query_ball_point(centre, chord_bound(angle + largest), return_sorted=False)]
            for tree, members, _, largest in self._classes
        ]
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.intp)


def _area(radius: Floats) -> Floats:
    """Areas of circles (radians), in those of the sky."""
    return np.asarray(np.sin(np.minimum(radius, np.pi) / 2) ** 2)


def _is_by_rows(geom: Grid) -> bool:
    """Whether circles are drawn by rows or rings of a grid, and not by their rims."""
    return geom.separable or geom.even_rings is not None


def _price(geom: Grid, radius: float) -> float:
    """What it takes to draw a circle (radians): that of so many pixels that are asked."""
    if not _is_by_rows(geom):
        return _RIM
    return float(2 * radius / (_ROWS * np.deg2rad(geom.pixel_scales.value.min())))
