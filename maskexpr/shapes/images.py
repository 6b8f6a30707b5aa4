"""Shapes on grids that are not separable: the image of each rim is a closed curve in the plane of pixels,
filled row by row.

Points of the rim are projected, and more are put between them by cubics. How far the curve may be from the
polygon through all is an estimate, from differences of the points, with a safety factor of 2; on kinked grids
(`Grid.kinked`) it is one that holds for a rim with a corner anywhere. Only pixels as near to the polygon as
that are asked, by the same predicate as everywhere. Where the image is not one small curve round the centre's
(at a seam, a limb, a singular point) the shape is left to refinement.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..core.pieces import neighbours_first
from ..core.trace import count
from ..grid.drawn import Drawn
from ..grid.lattice import Grid
from ..grid.points import Pixels
from ..grid.tiles import Tile
from ..pixels.curves import FARTHEST, MOST, Curves, fill_curves
from ..sphere.vectors import chord2, lonlat
from .loops import has_loops, loops
from .many import Many

__all__ = ["ImageIndex"]

# How far (pixels) a rim may be from the polygon through its points at most, and the error to aim at.
_ERROR: Final = 0.3
_AIM: Final = 0.05
# Numbers of points of a polygon. Fewer are projected, so many are halved as often as this, but not below the
# least; between those of smooth rims others are put. Where the error is too large so many times more are
# tried.
_POINTS: Final = (16, 32, 64, 96, 128, 192, 256, 512)
_HALVINGS: Final = 2
_LEAST: Final = 16
_AGAIN: Final = 4
# Parts of the second difference that a curve may be from its chord, and of the fourth that it may be from a
# cubic half way: of smooth curves, and of those with a corner anywhere. Each is twice what it is for a
# parabola and a quartic, or for a corner of two straight lines.
_OFF: Final = ((1 / 4, 3 / 64), (1.0, 3 / 4))
# Larger shapes (radians) meet too much of a projection's distortion for one polygon.
_LARGEST: Final = np.deg2rad(10.0)
# Points and rows of rims that are worked out together: enough for numpy's calls, few enough for the memory
# that a plan counts on (about 1.3 kB each), and of no more shapes than can be filled together.
_PIECE: Final = MOST * _POINTS[0]
# Radians by which a rim may be elsewhere, of rounding and ties together.
_ROUNDING: Final = 1e-12


class ImageIndex:
    """Runs of shapes on one grid, by the images of their rims.

    Parameters
    ----------
    geom : Grid
        The grid, which is not separable.
    many : Many
        Shapes in the frame of the grid.
    """

    def __init__(self, geom: Grid, many: Many) -> None:
        self._geom, self._many = geom, many
        self._off = _OFF[geom.kinked]
        radius = many.caps.radius
        size = radius / np.deg2rad(min(geom.pixel_scales.value))
        wanted = 2 * np.pi * np.sqrt(np.maximum(size, 0.0) / (4 * _AIM))
        points = np.array(_POINTS)[np.minimum(np.searchsorted(_POINTS, wanted), len(_POINTS) - 1)]
        usable = many.which(has_loops) & (radius < _LARGEST) & (not geom.repeats)
        self._never = np.flatnonzero(~usable & (radius > 0))
        some = np.flatnonzero(usable & (radius > 0))
        y, x = geom.pixel(*lonlat(many.caps.centre[:, some]))
        some = some[neighbours_first(*(np.nan_to_num(each) for each in (y, x)))]
        # Rims of one kind and of equally many points together.
        some = some[np.lexsort((points[some], many.batch[some]))]
        self._some, self._points = some, points[some]
        piece = np.cumsum(np.maximum(points, 2 * size)[some]) // _PIECE
        starts = [np.diff(each, prepend=-1) != 0 for each in (piece, many.batch[some], self._points)]
        first = np.flatnonzero(np.logical_or.reduce(starts))
        self._drawn = Drawn(some, many.caps.take(some), first, self._draw)

    def paint(self, tile: Tile, out: Bools) -> Ints:
        """Select the pixels of a tile, shape (ny, nx), that lie in shapes whose images can be used.

        Returns
        -------
        ndarray of int
            Numbers of other shapes, all that may reach the tile among them.
        """
        return np.concatenate([self._never, self._drawn.paint(tile, out)])

    def _draw(self, some: slice) -> tuple[Bools, Ints, Ints, Ints]:
        """See `Drawn`; the shapes are of one piece."""
        which, points = self._some[some], int(self._points[some.start])
        done, found = self._curves(which, points)
        curves = [found]
        if not done.all():
            left = np.flatnonzero(~done)
            done[left], found = self._curves(which[left], _AGAIN * points)
            curves.append(found._replace(shape=left[found.shape]))
        runs = [fill_curves(each, lambda i, y, x: self._ask(which[i], y, x)) for each in curves]
        row, start, stop = (np.concatenate(each) for each in zip(*runs, strict=True))
        return done, row, start, stop

    def _curves(self, which: Indices, points: int) -> tuple[Bools, Curves]:
        """Which shapes of one kind have images that can be used, and the curves of these, by the place of
        their shape in ``which``.
        """
        batch, rows = self._many.batch_of(which)
        centre = np.stack(self._geom.pixel(*lonlat(self._many.caps.centre[:, which])))
        done, found = np.ones(len(which), dtype=bool), []
        halvings = min(_HALVINGS, (points // _LEAST).bit_length() - 1)
        for xyz, corners in loops(batch, rows, points >> halvings):
            y, x = self._geom.pixel(*lonlat(xyz))
            with np.errstate(invalid="ignore", divide="ignore"):
                error = _moved(xyz, y, x)
                # Between corners sides bend so little that a part of the points is enough as it is.
                for _ in range(0 if corners else halvings):
                    y, x, error = _doubled(y, x, error, self._off[1])
                error += self._off[0] * _bend(y, x, corners)
                done &= _goes_round(y - centre[0][:, None], x - centre[1][:, None]) & (error < _ERROR)
                done &= (np.abs(y).max(axis=1) < FARTHEST) & (np.abs(x).max(axis=1) < FARTHEST)
            found.append(Curves(y, x, error, np.arange(len(which))))
        each = (np.concatenate(parts) for parts in zip(*(loop.take(done) for loop in found), strict=True))
        return done, Curves(*each)

    def _ask(self, which: Indices, y: Ints, x: Ints) -> Bools:
        count("pixels", len(y))
        return self._many.inside(Pixels(self._geom, y, x).xyz, which)


def _moved(xyz: Floats, y: Floats, x: Floats) -> Floats:
    """How far, in pixels, rounding and ties may move points of closed curves; NaN off the sky."""
    scale = np.hypot(_after(y) - y, _after(x) - x) / np.sqrt(chord2(_after(xyz), xyz))
    # A comparison with NaN, which `max` keeps, is False.
    return np.asarray(_ROUNDING * scale.max(axis=1) + 1e-9)


def _doubled(y: Floats, x: Floats, error: Floats, off: float) -> tuple[Floats, Floats, Floats]:
    """Closed curves with as many points more, half way between those by cubics through four of them, and how
    far all may be off: by that part of the fourth difference.

    A cubic misses a smooth curve by 3/128 of the fourth derivative, of which the fourth difference is an
    estimate, and a corner half way between points by 3/8 of the difference itself.
    """
    miss, found = np.zeros(len(y)), []
    for each in (y, x):
        a, b, c, d, e = (np.roll(each, turn, axis=1) for turn in (2, 1, 0, -1, -2))
        miss += np.abs(a - 4 * b + 6 * c - 4 * d + e).max(axis=1) ** 2
        wide = np.stack([c, (9 * (c + d) - (b + e)) / 16], axis=2)
        found.append(wide.reshape(len(each), -1))
    # What points are off moves what is put between them, by its weights.
    return found[0], found[1], 1.25 * error + off * np.sqrt(miss)


def _bend(y: Floats, x: Floats, corners: int) -> Floats:
    """The largest second difference along each of closed curves, but for those at corners.

    A smooth curve keeps within about an eighth of it of its chords, one with a corner within a half. A seam
    that cuts the rim shows as a jump, and a jump as a large difference.
    """
    bend = np.hypot(*(_after(_after(each)) - 2 * _after(each) + each for each in (y, x)))
    if corners:
        # That of the last point before a corner is about the corner.
        bend[:, bend.shape[1] // corners - 1 :: bend.shape[1] // corners] = 0.0
    return np.asarray(bend.max(axis=1))


def _goes_round(y: Floats, x: Floats) -> Bools:
    """Which closed polygons go one way round the origin, once."""
    next_y, next_x = _after(y), _after(x)
    area = x * next_y - y * next_x
    # Those that go round once cross the half axis once.
    once = np.count_nonzero((y < 0) != (next_y < 0), axis=1) == 2
    return np.asarray(((area > 0).all(axis=1) | (area < 0).all(axis=1)) & once)


def _after(each: Floats) -> Floats:
    """The values one point further along closed polygons."""
    return np.concatenate([each[..., 1:], each[..., :1]], axis=-1)
