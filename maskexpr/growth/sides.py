"""Outer sides of pixels as curves on the sphere: stretches of them, where they end, what bounds them.

The place at which the sky ends before the side does is found by bisection, and whether the sky goes on beyond
a place by the great circle that leads out of the map through it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..grid.lattice import Grid
from ..sphere.vectors import Caps, angle_between, chord2, lonlat, midpoint, normalise, unit

__all__ = ["SAMPLES", "Samples", "Sides"]

# Samples of a stretch; five bound it as nine bound a window.
SAMPLES = 5
# Stretches whose samples are farther from their middle than this (radians) are bounded by the whole sphere.
_WIDEST = 0.8
# From so far inside (pixels) the great circle comes that leads out of the map; nearer sides have met.
_STEP = 0.01
# Halvings after which the end of the sky is known to 10^-15 pixel.
_HALVINGS = 50


class Sides(NamedTuple):
    """n stretches of outer sides of pixels, each array of shape (n,).

    A stretch goes from the pixel ``(y, x)`` over ``number`` pixels along a row (``is_row``) or a column. The
    side lies on the side of growing (``out`` 1) or falling (-1) indices, at most ``limit`` pixels from the
    line of centres. Of those that are ``known`` all is an edge.
    """

    y: Ints
    x: Ints
    is_row: Bools
    number: Ints
    out: Ints
    limit: Floats
    known: Bools

    def take(self, index: Indices | Bools) -> Sides:
        """The stretches at an index."""
        return Sides._make(each[index] for each in self)

    def split(self) -> Sides:
        """Stretches of an eighth of the length, of one pixel at least."""
        size = np.maximum(1, -(-self.number // 8))
        pieces = -(-self.number // size)
        parent = np.repeat(np.arange(len(size)), pieces)
        begin = (np.arange(len(parent)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) * size[parent]
        found = self.take(parent)
        return found._replace(
            y=found.y + np.where(found.is_row, 0, begin),
            x=found.x + np.where(found.is_row, begin, 0),
            number=np.minimum(size[parent], found.number - begin),
        )

    def at(self, geom: Grid, along: Floats, across: Floats) -> Floats:
        """Unit vectors at distances, in pixels, along the stretches and outwards from the line of centres."""
        across = across * self.out
        down, right = np.where(self.is_row, across, along), np.where(self.is_row, along, across)
        return unit(*geom.beside(self.y, self.x, down, right))

    def ends(self, geom: Grid, along: Floats) -> tuple[Floats, Floats]:
        """Where the map, or the sky, ends: unit vectors, NaN where none of it is on the sky, and how far from
        the line of centres that is.
        """
        across = np.broadcast_to(self.limit, along.shape).copy()
        xyz = self.at(geom, along, across)
        cut = np.flatnonzero(np.isnan(xyz[0]))
        cut = cut[np.isfinite(self.take(cut).at(geom, along[cut], np.zeros(len(cut)))[0])]
        if len(cut):
            some, there = self.take(cut), along[cut]
            low, high = np.zeros(len(cut)), across[cut]
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                on_sky = np.isfinite(some.at(geom, there, middle)[0])
                low, high = np.where(on_sky, middle, low), np.where(on_sky, high, middle)
            across[cut], xyz[:, cut] = low, some.at(geom, there, low)
        return xyz, across

    def samples(self, geom: Grid) -> Samples:
        """Evenly spaced places."""
        share = np.linspace(0.0, 1.0, SAMPLES)
        along = -0.5 + self.number[:, None] * share
        every = self.take(np.repeat(np.arange(len(self.y)), SAMPLES))
        xyz, across = every.ends(geom, along.reshape(-1))
        before = every.at(geom, along.reshape(-1), across - _STEP)
        # Reflected at the end of the map.
        cosine = xyz[0] * before[0] + xyz[1] * before[1] + xyz[2] * before[2]
        row, column = geom.pixel(*lonlat(2 * cosine * xyz - before))
        ny, nx = geom.image_shape
        with np.errstate(invalid="ignore"):
            on_map = (row >= -0.5) & (row < ny - 0.5) & (column >= -0.5) & (column < nx - 0.5)
        is_edge = np.isfinite(row) & ~on_map | every.known
        shorter = across.reshape(along.shape) != self.limit[:, None]
        places = xyz.reshape(3, *along.shape)
        return Samples(along, places, is_edge.reshape(along.shape), shorter.any(axis=1), self.number == 1)


class Samples(NamedTuple):
    """Five places on each of n stretches, from end to end.

    How far ``along`` the stretch they are, shape (n, 5), their unit vectors, shape (3, n, 5), which of them
    are an edge, and, shape (n,), on which stretches the sky ends sooner than the map and which are the side
    of one pixel.
    """

    along: Floats
    xyz: Floats
    is_edge: Bools
    is_cut: Bools
    is_one: Bools

    def take(self, index: Indices | Bools) -> Samples:
        """Those of some stretches."""
        one, cut = self.is_one[index], self.is_cut[index]
        return Samples(self.along[index], self.xyz[:, index], self.is_edge[index], cut, one)

    @property
    def caps(self) -> Caps:
        """Caps that hold the stretches: the farthest sample and the largest second difference of samples,
        which a smooth curve keeps (no proof on the coarsest maps); the whole sphere where a sample is off the
        sky. Of the side of a pixel what is an edge counts: the places between two samples that are.
        """
        used = np.where(self.is_edge | ~self.is_one[:, None], self.xyz, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = normalise(used.sum(axis=2))
            away = angle_between(self.xyz, centre[:, :, None])
            one = np.where(self.is_edge, away, 0.0).max(axis=1) + self.spacing + 1e-12
            middle = midpoint(self.xyz[:, :, :-2], self.xyz[:, :, 2:])
            radius = away.max(axis=1) + angle_between(self.xyz[:, :, 1:-1], middle).max(axis=1) + 1e-12
        radius = np.where(self.is_one, one, radius)
        known = np.isfinite(centre[0]) & np.isfinite(radius) & (radius < _WIDEST)
        return Caps(np.where(known, centre, np.array([[1.0], [0.0], [0.0]])), np.where(known, radius, np.pi))

    @property
    def spacing(self) -> Floats:
        """A little more than the largest angle between neighbours that are an edge, shape (n,)."""
        apart = np.sqrt(chord2(self.xyz[:, :, 1:], self.xyz[:, :, :-1]))
        both = self.is_edge[:, 1:] & self.is_edge[:, :-1]
        return np.asarray(1.1 * np.where(both, apart, 0.0).max(axis=1))

    def between(self, geom: Grid, sides: Sides, along: Floats) -> Floats:
        """Places between the samples: where the sky ends on the great circles that join them, which is what
        limbs and seams are or come within a few 10^-3 of a pixel of; elsewhere where the map ends.
        """
        xyz = np.empty((3, len(along)))
        cut, whole = np.flatnonzero(self.is_cut), np.flatnonzero(~self.is_cut)
        xyz[:, whole] = sides.take(whole).at(geom, along[whole], sides.limit[whole])
        place = (along[cut] + 0.5) * (SAMPLES - 1)
        first = np.clip(place.astype(np.intp), 0, SAMPLES - 2)
        share = place - first
        xyz[:, cut] = normalise((1 - share) * self.xyz[:, cut, first] + share * self.xyz[:, cut, first + 1])
        return xyz
