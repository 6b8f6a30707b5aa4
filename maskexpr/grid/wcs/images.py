"""The images of a sky position on the plane of a map, and the pixel of the map that holds it.

A projection cuts the sky open, so that what lies on a cut has an image on either side of it; the plane of a
cylinder, of HEALPix and of a cube's side faces repeats after 360 degrees; and a pole may be a whole line.
wcslib gives one image, which need not be the one that is on the map.

The rule, for all that asks for the pixel of a position: a pixel holds the positions whose image is at least
half a pixel before its centre and less than half a pixel after it, along both axes; the far border of the map
belongs to the last pixel where the sky ends with it. Of several pixels of the map that hold a position it is
the one that has it for its centre; else the one that wcslib's own image is in, as of
``WCS.world_to_array_index``; else the one whose centre is nearest.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ...core.arrays import Bools, Floats, Indices, Ints
from ...core.limits import check_limit
from ...sphere.vectors import chord2, normalise, unit
from ...sphere.vectors import lonlat as degrees_of
from .lattice import first_image, lonlat
from .projection import Projection, thread_wcs

__all__ = ["array_index", "best_image"]

Shape = tuple[int, int]

# Positions that fall this close (in pixels) to the border of two pixels are on it: on grids that are
# multiples of each other whole rows are, and rounding would throw them to either side.
_TIE: Final = 1e-7
# The sky ends with the map if it goes on by no more than this, in pixels: headers round.
_SLACK: Final = 1e-3
# Squared chord of a pixel's centre from a position that is that centre (0.2 mas).
_CENTRED: Final = 1e-18
# How far to either side of a cut to look at least, radians.
_ASIDE: Final = 1e-12
# Into how many directions to look at a place on a cut, where up to three faces meet, and at a pole.
_WAYS, _WAYS_AT_POLE = 8, 1024
# Squared chord from a pole of what is the pole.
_AT_POLE: Final = 1e-24


def array_index(projection: Projection, shape: Shape, lon: ArrayLike, lat: ArrayLike) -> tuple[Ints, Ints]:
    """The pixel (y, x) of a map that holds each position, -1 where none does."""
    y, x = best_image(projection, shape, lon, lat)
    flat_y, flat_x = _index(projection, shape, y.reshape(-1), x.reshape(-1), closed=True)
    return flat_y.reshape(y.shape), flat_x.reshape(x.shape)


def best_image(projection: Projection, shape: Shape, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Of the images (y, x) of each position the one on the map, if there is one; NaN where there is none."""
    first = first_image(projection, lon, lat)
    y, x, at_cut = first.y.reshape(-1), first.x.reshape(-1), first.at_cut.reshape(-1)
    missed = (_index(projection, shape, y, x)[0] < 0) & np.isfinite(y)
    again = at_cut | missed | (projection.facts.surface == "cube") if _turns(projection) else at_cut
    some = np.flatnonzero(again & np.isfinite(y))
    if len(some):
        lam, phi = (
            np.broadcast_to(np.asarray(each, float), first.y.shape).reshape(-1) for each in (lon, lat)
        )
        xyz = unit(lam[some], phi[some])
        found = _Best(projection, shape, xyz, y[some], x[some])
        found.copies(y[some], x[some])
        cut = np.flatnonzero(at_cut[some])
        if len(cut):
            _look_aside(found, cut)
        y[some], x[some] = found.chosen()
    return y.reshape(first.y.shape), x.reshape(first.x.shape)


class _Best:
    """The best of the images of some positions that were offered so far."""

    def __init__(self, projection: Projection, shape: Shape, xyz: Floats, y: Floats, x: Floats) -> None:
        self.projection = projection
        self.shape = shape
        self.xyz = xyz
        self._first = y, x
        self._best = y.copy(), x.copy()
        self._gap = np.full(len(y), np.inf)
        self.offer(np.arange(len(y)), y, x)

    def offer(self, which: Indices, y: Floats, x: Floats, centred: bool = False) -> None:
        """Images of some of the positions; ``centred`` if only the centre of a pixel counts."""
        row, column = _index(self.projection, self.shape, y, x, closed=True)
        some = np.flatnonzero(row >= 0)
        centre = unit(*lonlat(self.projection, row[some], column[some]))
        gap = chord2(centre, self.xyz[:, which[some]])
        # NaN is no better than anything: the centre is off the sky.
        with np.errstate(invalid="ignore"):
            better = (gap < self._gap[which[some]] - _CENTRED) & ((gap < _CENTRED) | (not centred))
        won, at = which[some[better]], some[better]
        self._gap[won] = gap[better]
        self._best[0][won], self._best[1][won] = y[at], x[at]

    def copies(self, y: Floats, x: Floats) -> None:
        """The images one turn away, where the plane repeats."""
        for up, across in _turns(self.projection):
            to_y, to_x = y + up, x + across
            near = np.flatnonzero(_index(self.projection, self.shape, to_y, to_x, closed=True)[0] >= 0)
            if self.projection.facts.surface == "cube":
                near = near[_is_sky(self.projection, to_y[near], to_x[near])]
            self.offer(near, to_y[near], to_x[near])

    def chosen(self) -> tuple[Floats, Floats]:
        """The image of each position by the rule of this module."""
        on_map = _index(self.projection, self.shape, *self._first)[0] >= 0
        new = np.isfinite(self._gap) & ((self._gap < _CENTRED) | ~on_map)
        y, x = (np.where(new, best, first) for best, first in zip(self._best, self._first, strict=True))
        return y, x


def _index(
    projection: Projection, shape: Shape, y: Floats, x: Floats, closed: bool = False
) -> tuple[Ints, Ints]:
    """The pixels that hold images, -1 off the map; ``closed`` where the far border belongs to the map if the
    sky ends with it.
    """
    there = np.isfinite(y) & np.isfinite(x)
    ends = [np.floor(np.where(there, at, -9.0) + (0.5 + _TIE)) for at in (y, x)]
    if closed:
        for i, (at, length) in enumerate(zip((y, x), shape, strict=True)):
            rim = np.flatnonzero((ends[i] == length) & (at <= length - 0.5 + _TIE))
            ahead = [y[rim], x[rim]]
            ahead[i] = np.full(len(rim), length - 0.5 + _SLACK)
            last = rim[np.isnan(lonlat(projection, *ahead)[0])]
            ends[i][last] = length - 1
    row, column = ends
    inside = there & (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    return np.where(inside, row, -1).astype(np.int64), np.where(inside, column, -1).astype(np.int64)


@lru_cache(maxsize=256)
def _turns(projection: Projection) -> tuple[tuple[float, float], ...]:
    """The steps (y, x) in pixels, one either way, after which the plane repeats; none if it does not."""
    if projection.sip is not None or not projection.facts.turns:
        return ()
    up, across = (projection.turn * each for each in _along_plane(projection))
    return (-up, -across), (up, across)


def _along_plane(projection: Projection) -> tuple[float, float]:
    """Pixels (y, x) of a step of one degree along the plane's first axis."""
    (a, b), (c, d) = projection.plane_rows
    return -c / (a * d - b * c), d / (a * d - b * c)


def _is_sky(projection: Projection, y: Floats, x: Floats) -> Bools:
    """Whether images are on the sky, or so near to it that rounding decides."""
    inner_y, inner_x = (at + 1e-6 * (np.floor(at + 0.5) - at) for at in (y, x))
    return np.asarray(np.isfinite(lonlat(projection, inner_y, inner_x)[0]))


def _look_aside(found: _Best, cut: Indices) -> None:
    """Offer the images of what lies next to positions on a cut, on all sides; and those of the poles."""
    projection, xyz = found.projection, found.xyz[:, cut]
    for beside in _around(xyz, _WAYS, max(_ASIDE, 2 * math.radians(projection.facts.off_cut))):
        image = first_image(projection, *degrees_of(beside))
        for up, across in ((0.0, 0.0), *_turns(projection)):
            found.offer(cut, image.y + up, image.x + across, centred=True)
    for pole in _native_poles(projection):
        here = cut[chord2(xyz, np.array(pole)[:, None]) < _AT_POLE]
        image_of = _pole_image(projection, found.shape, pole) if len(here) else None
        if image_of is not None:
            found.offer(here, np.full(len(here), image_of[0]), np.full(len(here), image_of[1]))


def _around(xyz: Floats, ways: int, angle: float) -> list[Floats]:
    """Positions at an angle from each of some, in evenly spaced directions."""
    axis = np.where(np.abs(xyz[2]) < 0.7, np.array([[0.0], [0.0], [1.0]]), np.array([[1.0], [0.0], [0.0]]))
    east = normalise(np.cross(axis, xyz, axis=0))
    north = np.cross(xyz, east, axis=0)
    turns = (np.arange(ways) + 0.5) * (2 * np.pi / ways)
    return [normalise(xyz + angle * (math.cos(t) * east + math.sin(t) * north)) for t in turns]


@lru_cache(maxsize=256)
def _native_poles(projection: Projection) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Unit vectors of the two poles of the projection."""
    lon, colatitude, *_ = thread_wcs(projection).wcs.cel.euler
    north = unit(float(lon), 90.0 - float(colatitude))
    return tuple(north.tolist()), tuple((-north).tolist())


@lru_cache(maxsize=256)
def _pole_image(projection: Projection, shape: Shape, pole: tuple[float, ...]) -> tuple[float, float] | None:
    """An image of a pole on the map, if there is one.

    A pole may be a point, a circle or arc (looked for in many directions), or a row of the plane. Of HPX and
    PCO, whose poles are points, wcslib takes the rest of the row for the pole too: there only pixels count
    that have it for their centre.
    """
    ring = np.stack(_around(np.array(pole)[:, None], _WAYS_AT_POLE, _ASIDE), axis=-1)[:, 0]
    images = first_image(projection, *degrees_of(ring))
    up, across = _along_plane(projection)
    length = shape[1] if abs(across) >= abs(up) else shape[0]
    check_limit("side", length, "a map whose poles are looked for", "pixels along a side")
    steps = np.arange(length) - (images.x[0] if abs(across) >= abs(up) else images.y[0])
    # With the sign of the steps' own axis, so that they reach it pixel by pixel.
    scale = across if abs(across) >= abs(up) else up
    y = np.concatenate([images.y, images.y[0] + steps * (up / scale)])
    x = np.concatenate([images.x, images.x[0] + steps * (across / scale)])
    row, column = _index(projection, shape, y, x, closed=True)
    held = np.flatnonzero(row >= 0)
    if not len(held):
        return None
    gap = chord2(unit(*lonlat(projection, row[held], column[held])), np.array(pole)[:, None])
    if np.isnan(gap).all():
        return None
    best = int(np.nanargmin(gap))
    whole_row = projection.facts.surface == "cylinder"
    return (float(y[held[best]]), float(x[held[best]])) if whole_row or gap[best] < _CENTRED else None
