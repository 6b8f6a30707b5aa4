"""Windows of pixels as parallelograms in the plane of a projection."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...core.arrays import Floats, Ints
from .projection import Projection

__all__ = ["PlaneWindows"]


class PlaneWindows(NamedTuple):
    """Windows in the plane of the projection, radians: their middles, and half their sides as vectors."""

    x: Floats
    y: Floats
    ux: Floats
    uy: Floats
    vx: Floats
    vy: Floats

    @classmethod
    def of(cls, projection: Projection, bounds: Ints) -> PlaneWindows:
        """The windows of pixel centres between bounds."""
        (a, b), (c, d) = np.deg2rad(projection.plane_rows)
        y0, y1, x0, x1 = bounds
        column, row = (
            (x0 + x1 - 1) / 2 - (projection.crpix[0] - 1),
            (y0 + y1 - 1) / 2 - (projection.crpix[1] - 1),
        )
        wide, high = (x1 - 1 - x0) / 2, (y1 - 1 - y0) / 2
        return cls(a * column + b * row, c * column + d * row, a * wide, c * wide, b * high, d * high)

    @property
    def half_x(self) -> Floats:
        """Half the extent along x."""
        return np.abs(self.ux) + np.abs(self.vx)

    @property
    def half_y(self) -> Floats:
        """Half the extent along y."""
        return np.abs(self.uy) + np.abs(self.vy)

    @property
    def most_x(self) -> Floats:
        """The largest abs(x)."""
        return np.abs(self.x) + self.half_x

    @property
    def most_y(self) -> Floats:
        """The largest abs(y)."""
        return np.abs(self.y) + self.half_y

    @property
    def least_y(self) -> Floats:
        """The smallest abs(y)."""
        return np.maximum(np.abs(self.y) - self.half_y, 0.0)

    @property
    def upright(self) -> bool:
        """Whether the sides run along the axes of the plane."""
        return not ((self.ux * self.uy).any() or (self.vx * self.vy).any())

    @property
    def gap(self) -> Floats:
        """Largest distance of a place from the nearest of 3 x 3 samples."""
        one, other = self.ux + self.vx, self.uy + self.vy
        return np.asarray(
            np.maximum(np.hypot(one, other), np.hypot(self.ux - self.vx, self.uy - self.vy)) / 2
        )

    def bent(self, xx: Floats, xy: Floats, yy: Floats) -> Floats:
        """Largest error of bilinear interpolation between samples, from bounds of the second derivatives."""
        along_u = self.ux**2 * xx + 2 * np.abs(self.ux * self.uy) * xy + self.uy**2 * yy
        along_v = self.vx**2 * xx + 2 * np.abs(self.vx * self.vy) * xy + self.vy**2 * yy
        return np.asarray((along_u + along_v) / 8)
