"""Disks in the plane of pixels: the chord between a pixel of a block and another, bounded by the metric."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..sphere.vectors import chord2_of
from .columns import ROUNDING, Ends
from .metric import Metrics, cholesky, spectral_bound

__all__ = ["Disk"]


class Disk(NamedTuple):
    """The disk of the metrics' radius round the pixels of blocks."""

    metrics: Metrics

    def take(self, some: Indices | Bools) -> Disk:
        """See `Element.take`."""
        return Disk(self.metrics.take(some))

    def told(
        self, block: Ints, dy: Ints, dx: Ints, place: tuple[Floats, Floats] | None = None
    ) -> tuple[Bools, Bools]:
        """Whether pixels of blocks and those (dy, dx) pixels away are perhaps, and surely, within the radius
        of each other.

        Parameters
        ----------
        block, dy, dx : ndarray of int64, shape (n,)
        place : (rows, columns), ndarray of float64, shape (n,)
            The pixels, from the middles of the blocks; all pixels of them unless given.
        """
        low, high = self.chords(block, dy, dx, place)
        limit = float(chord2_of(self.metrics.radius))
        return low <= limit * (1 + ROUNDING), high <= limit * (1 - ROUNDING)

    def chords(
        self, block: Ints, dy: Ints, dx: Ints, place: tuple[Floats, Floats] | None = None
    ) -> tuple[Floats, Floats]:
        """Bounds of the squared chords, see `told`.

        A chord is the mean of the tangents along the straight way in the plane. Its square is at most their
        mean square, which is the mean of the metric along the way, and less than that by their variance,
        which is bounded by the square of their derivative over 12: of the way's curvature in space (once its
        length squared) and within the sphere (by Christoffel's symbols at most 3/2 of the metric's slope).
        The mean of a quadratic metric is its value in the middle of the way, and its second derivative along
        the way over 24.
        """
        known = self.metrics
        p, q, s = (each[block] for each in cholesky(known.yy, known.yx, known.xx))
        u, v = p * dy + q * dx, s * dx
        uu, uv, vv = u * u, 2 * u * v, v * v
        square = uu + vv
        by_y, by_x, yy, yx, xx = (
            uu * each[0, block] + uv * each[1, block] + vv * each[2, block]
            for each in (*known.slope, *known.curve)
        )
        wide = known.rest[block] * square
        y, x = dy / 2, dx / 2
        if place is None:
            rows, columns = known.half[:, block]
            wide += rows * np.abs(by_y + yy * y + yx * x) + columns * np.abs(by_x + yx * y + xx * x)
            wide += (rows * np.abs(yy) / 2 + columns * np.abs(yx)) * rows + columns**2 * np.abs(xx) / 2
        else:
            y, x = place[0] + y, place[1] + x
        middle = square + by_y * y + by_x * x + (yy * y / 2 + yx * x) * y + xx * x * x / 2
        middle += (yy * dy * dy / 2 + yx * dy * dx + xx * dx * dx / 2) / 12
        return middle - wide - known.bent[block] * square**2, middle + wide

    def guess(self, dy: Ints) -> tuple[Ends, Ends]:
        """First and last columns, in each row, of ellipses: that of what is perhaps within the radius, and
        that of what surely is.
        """
        known, limit = self.metrics, chord2_of(self.metrics.radius)
        y, x = known.half + known.reach / 2
        wide = y * spectral_bound(known.slope[0]) + x * spectral_bound(known.slope[1]) + known.rest
        # Twice the second order, for its part that comes from the way's own length.
        wide += y * y * spectral_bound(known.curve[0]) + 2 * y * x * spectral_bound(known.curve[1])
        wide += x * x * spectral_bound(known.curve[2])
        longest = known.radius**2 / known.low
        least = 1 - wide - known.bent * longest
        perhaps = np.minimum(longest, np.where(least > 1 / 2, limit / np.maximum(least, 1 / 2), np.inf))
        surely = np.maximum(known.radius**2 / known.high, limit / (1 + wide))
        return self._ellipse(dy, perhaps * (1 + ROUNDING)), self._ellipse(dy, surely * (1 - ROUNDING))

    def _ellipse(self, dy: Ints, square: Floats) -> Ends:
        """The steps whose squared length, by the metric in the middle of blocks, is at most ``square``."""
        yy, yx, xx = self.metrics.yy, self.metrics.yx, self.metrics.xx
        rest = (square / xx)[:, None] - ((yy - yx**2 / xx) / xx)[:, None] * dy**2.0
        middle = (-yx / xx)[:, None] * dy
        half = np.sqrt(np.maximum(rest, 0.0))
        none = rest < 0
        first = np.where(none, 1, np.ceil(middle - half)).astype(np.int64)
        last = np.where(none, 0, np.floor(middle + half)).astype(np.int64)
        return first, last
