"""Circles that meet the seam of a map of the whole sky: their images are in two parts, at opposite limbs.

The seam is half a great circle, the native meridian of 180 degrees. The part of a circle on one side of it is
bounded by a part of the rim and a part of the seam, so its image lies in a box round the images of those. The
pixels of the boxes are asked.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..grid.lattice import Cut, Grid
from ..grid.points import Pixels
from ..pixels.ragged import ragged_ranges
from ..sphere.vectors import lonlat, normalise, within

__all__ = ["Seam"]

# What comes so near (radians) to the seam counts as on it: far more than rounding, far less than a pixel.
_NEAR = 1e-9
# Points of a rim and of the seam by which a box is found.
_POINTS = 128
# Larger boxes (pixels) are left to refinement.
_LARGEST = 1 << 20
# Circles whose boxes are found together, and pixels that are asked together: bounds memory.
_AT_ONCE = 256
_ASKED = 1 << 17


class Seam:
    """Where the sky is cut on a geometry.

    Parameters
    ----------
    cut : Cut
        Where it is cut.
    """

    def __init__(self, geom: Grid, cut: Cut) -> None:
        self._geom = geom
        # The native pole, native longitude and latitude 0, and what is at right angles to both.
        self._north, self._zero = cut
        self._side = np.cross(self._north, self._zero)

    @classmethod
    def of(cls, geom: Grid) -> Seam | None:
        """The seam, where the geometry has one that is known."""
        return None if geom.cut is None else cls(geom, geom.cut)

    def meets(self, centre: Floats, radius: Floats) -> Bools:
        """Which circles may reach the seam."""
        across, behind = self._side @ centre, -self._zero @ centre
        # A quarter turn and more: then the seam may be anywhere.
        reach = np.sin(np.minimum(radius + _NEAR, np.pi / 2))
        return np.asarray((np.abs(across) <= reach + _NEAR) & (behind >= -reach - _NEAR))

    def along(self, centre: Floats) -> Floats:
        """How far north along the seam centres are: neighbours on it have nearly the same number."""
        return np.asarray(self._north @ centre)

    def pixels(self, centre: Floats, radius: Floats) -> tuple[Bools, Ints, Ints]:
        """Pixels in circles that meet the seam.

        Returns
        -------
        done : ndarray of bool, shape (n,)
            Which circles are small enough, and away from the native poles.
        y, x : ndarray of int
            The pixels in any of them.
        """
        pole = np.abs(self._north @ centre)
        done = (radius < 0.2) & (pole < np.cos(np.minimum(radius + 0.01 * radius + _NEAR, 1.0)))
        found: list[tuple[Ints, Ints]] = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))]
        for first in range(0, len(radius), _AT_ONCE):
            some = first + np.flatnonzero(done[first : first + _AT_ONCE])
            boxes, known = self._boxes(centre[:, some], radius[some])
            done[some] = known
            owner = np.tile(some[known], 2)
            for which, y, x in _pixels(boxes[:, :, known].reshape(4, -1)):
                circle = owner[which]
                inside = within(Pixels(self._geom, y, x).xyz, centre[:, circle], radius[circle])
                found.append((y[inside], x[inside]))
        y, x = (np.concatenate(each) for each in zip(*found, strict=True))
        return done, y, x

    def _boxes(self, centre: Floats, radius: Floats) -> tuple[Ints, Bools]:
        """Windows that hold the images of the two parts of circles, shape (4, 2, n), and which are known, and
        not too large.
        """
        turn = np.arange(_POINTS) * (2 * np.pi / _POINTS)
        east = normalise(np.cross(self._north, centre, axisb=0, axisc=0))
        north = np.cross(centre, east, axis=0)
        across = east[:, :, None] * np.cos(turn) + north[:, :, None] * np.sin(turn)
        size = radius[:, None]
        rim = centre[:, :, None] * np.cos(size) + across * np.sin(size)
        # No more of the seam lies in a circle than a diameter along it, round the place nearest to it.
        middle = np.arctan2(self._north @ centre, -self._zero @ centre)
        spread = np.linspace(-1.0, 1.0, _POINTS)
        along = np.clip(middle[:, None] + size * spread, -np.pi / 2, np.pi / 2)
        seam = _times(self._north, np.sin(along)) - _times(self._zero, np.cos(along))
        beyond = np.tensordot(self._side, rim, 1)
        bounds, known = [], np.ones(len(radius), dtype=bool)
        for sign in (-1.0, 1.0):
            # Just beside the seam, on this side; the rim without what lies on the other one.
            limb = _image(self._geom, seam + (sign * _NEAR) * self._side[:, None, None])
            part = _image(self._geom, np.where(sign * beyond > 0.0, rim, np.nan))
            box, is_known = _box(limb, part)
            bounds.append(box)
            known &= is_known
        return np.stack(bounds, axis=1), known


def _times(vector: Floats, factor: Floats) -> Floats:
    """A vector as often as said, shape (3, ...)."""
    return np.asarray(vector.reshape(3, *[1] * factor.ndim) * factor)


def _image(geom: Grid, xyz: Floats) -> Floats:
    return np.stack(geom.pixel(*lonlat(xyz)))


def _box(limb: Floats, part: Floats) -> tuple[Ints, Bools]:
    """Windows round the images of pieces of the seam and of rims, as points in order, shape (2, n, points);
    which are known, and not too large.

    Between two points, and from the last point to the seam, a curve goes about as far as the largest step
    between two points, and hardly further: an estimate with a safety factor of 2.
    """
    known = np.isfinite(limb).all(axis=(0, 2))
    steps = [np.hypot(*np.diff(limb, axis=2)), np.hypot(*np.diff(part, axis=2, append=part[:, :, :1]))]
    step = np.fmax(*(np.fmax.reduce(each, axis=1, initial=0.0) for each in steps))
    both = np.concatenate([limb, part], axis=2)
    low = np.fmin.reduce(both, axis=2) - 2 * step - 1
    high = np.fmax.reduce(both, axis=2) + 2 * step + 1
    known &= ~(np.prod(high - low, axis=0) > _LARGEST)
    (y0, x0), (y1, x1) = (
        np.where(known, each, 0.0).astype(np.int64) for each in (np.floor(low), np.ceil(high))
    )
    return np.stack([y0, y1 + 1, x0, x1 + 1]), known


def _pixels(boxes: Ints) -> Iterator[tuple[Indices, Ints, Ints]]:
    """The pixels of windows, shape (4, n), in pieces: the window, row and column of each."""
    y0, y1, x0, x1 = boxes
    wide, number = x1 - x0, (y1 - y0) * (x1 - x0)
    parts = np.flatnonzero(np.diff(np.cumsum(number) // _ASKED)) + 1
    for some in np.split(np.arange(len(number)), parts) if len(number) else []:
        which, place = ragged_ranges(0, number[some])
        which = some[which]
        row, column = np.divmod(place, wide[which])
        yield which, y0[which] + row, x0[which] + column
