"""Circles that meet the seam of a map of the whole sky: their images are in two parts, at opposite limbs.

The seam is half a great circle, the native meridian of 180 degrees. The part of a circle on one side of it is
bounded by a part of the rim and a part of the seam, so its image lies in a box round the images of those. The
pixels of the boxes are asked.
"""

from __future__ import annotations

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..grid.lattice import Cut, Grid
from ..grid.points import Pixels
from ..sphere.vectors import lonlat, within

__all__ = ["Seam"]

# What comes so near (radians) to the seam counts as on it: far more than rounding, far less than a pixel.
_NEAR = 1e-9
# Points of a rim and of the seam by which a box is found.
_POINTS = 64
# Larger boxes (pixels) are left to refinement.
_LARGEST = 1 << 20


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
        found: list[tuple[Ints, Ints]] = []
        for i in np.flatnonzero(done).tolist():
            boxes = self._boxes(centre[:, i], float(radius[i]))
            if boxes is None:
                done[i] = False
                continue
            for y0, y1, x0, x1 in boxes:
                y, x = (each.ravel() for each in np.mgrid[y0:y1, x0:x1])
                inside = within(Pixels(self._geom, y, x).xyz, centre[:, [i]], radius[i])
                found.append((y[inside], x[inside]))
        none = np.empty(0, dtype=np.int64)
        y, x = (np.concatenate([none, *each]) for each in zip(*found, strict=True)) if found else (none, none)
        return done, y, x

    def _boxes(self, centre: Floats, radius: float) -> list[tuple[int, int, int, int]] | None:
        """Windows that hold the images of the two parts of a circle; None where they are too large."""
        turn = np.arange(_POINTS) * (2 * np.pi / _POINTS)
        east = np.cross(self._north, centre)
        east /= np.sqrt(east @ east)
        across = east[:, None] * np.cos(turn) + np.cross(centre, east)[:, None] * np.sin(turn)
        rim = centre[:, None] * np.cos(radius) + across * np.sin(radius)
        # No more of the seam lies in the circle than a diameter along it, round the place nearest to it.
        middle = np.arctan2(self._north @ centre, -self._zero @ centre)
        along = np.clip(middle + np.linspace(-radius, radius, _POINTS), -np.pi / 2, np.pi / 2)
        seam = self._north[:, None] * np.sin(along) - self._zero[:, None] * np.cos(along)
        boxes = []
        for sign in (-1.0, 1.0):
            # Just beside the seam, on this side; the rim without what lies on the other one.
            limb = _image(self._geom, seam + (sign * _NEAR) * self._side[:, None])
            part = _image(self._geom, np.where(sign * (self._side @ rim) > 0.0, rim, np.nan))
            box = _box(limb, part)
            if box is None:
                return None
            boxes.append(box)
        return boxes


def _image(geom: Grid, xyz: Floats) -> Floats:
    return np.stack(geom.pixel(*lonlat(xyz)))


def _box(limb: Floats, part: Floats) -> tuple[int, int, int, int] | None:
    """The window round the images of a piece of the seam and of a rim, as points in order.

    Between two points, and from the last point to the seam, a curve goes no further than the largest step
    between two points; the double is taken.
    """
    if not np.isfinite(limb).all():
        return None
    steps = [np.hypot(*np.diff(limb, axis=1)), np.hypot(*np.diff(part, axis=1, append=part[:, :1]))]
    step = max(float(np.fmax.reduce(each, initial=0.0)) for each in steps)
    both = np.concatenate([limb, part], axis=1)
    low, high = np.fmin.reduce(both, axis=1) - 2 * step - 1, np.fmax.reduce(both, axis=1) + 2 * step + 1
    if np.prod(high - low) > _LARGEST:
        return None
    (y0, x0), (y1, x1) = np.floor(low).astype(int).tolist(), np.ceil(high).astype(int).tolist()
    return y0, y1 + 1, x0, x1 + 1
