"""Boxes in the plane of pixels: longitude and latitude round a block as cubic functions of rows and columns.

They are fitted to 7 x 7 samples of what the shape reaches of a block. How far they miss these tells about how
far they do so between them, where what a cubic lacks has its turns: an estimate with a safety factor of 2,
for grids without kinks. A difference of two places is then known to twice that, and how it varies over the
block by the derivatives of the cubics.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..grid.lattice import Grid
from .columns import Ends
from .metric import Metrics, cholesky
from .shape import SkyShape

__all__ = ["Box"]

# Samples along a side of a window, from -1 to 1, and the powers (of rows, of columns) of a cubic's terms.
_SAMPLES: Final = np.linspace(-1.0, 1.0, 7)
_POWERS: Final = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
_AT: Final = np.stack([np.outer(_SAMPLES**p, _SAMPLES**q).ravel() for p, q in _POWERS], axis=1)
_FIT: Final = np.linalg.pinv(_AT)
# How far a cubic may miss, in pixels.
_MISS: Final = 0.5
# Longitudes of a window in which no difference needs to be folded, radians.
_WIDEST: Final = 1.5
# Radians: more than rounding and ties.
_SLACK: Final = 1e-11


class _Cubic(NamedTuple):
    """n cubic functions of ``(y, x)``, each from -1 to 1: ten coefficients by `_POWERS`, shape (10, n)."""

    terms: Floats

    def take(self, block: Ints) -> _Cubic:
        """Those of some blocks."""
        return _Cubic(self.terms[:, block])

    def value(self, y: Floats, x: Floats) -> Floats:
        """What they are at places."""
        c = self.terms
        across = c[2] + x * (c[5] + x * c[9])
        mixed = c[4] + c[7] * y + c[8] * x
        return np.asarray(c[0] + y * (c[1] + y * (c[3] + y * c[6])) + x * (across + y * mixed))

    def slopes(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Derivatives by y and by x."""
        c = self.terms
        down = c[1] + y * (2 * c[3] + 3 * c[6] * y) + x * (c[4] + 2 * c[7] * y + c[8] * x)
        right = c[2] + x * (2 * c[5] + 3 * c[9] * x) + y * (c[4] + c[7] * y + 2 * c[8] * x)
        return down, right

    def curves(self, y: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Second derivatives, without the constants."""
        c = self.terms
        return 6 * c[6] * y + 2 * c[7] * x, 2 * (c[7] * y + c[8] * x), 2 * c[8] * y + 6 * c[9] * x

    def step(self, y: Floats, x: Floats, half: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """Differences over steps ``(y, x)`` from the middles, and by how much they vary from places that are
        up to ``half`` from there. As a function of the place a difference is quadratic.
        """
        still = np.zeros_like(y)
        down, right = (a - b for a, b in zip(self.slopes(y, x), self.slopes(still, still), strict=True))
        yy, yx, xx = (np.abs(each) for each in self.curves(y, x))
        rows, columns = half
        wide = rows * np.abs(down) + columns * np.abs(right)
        wide += rows * (rows * yy / 2 + columns * yx) + columns * columns * xx / 2
        return self.value(y, x) - self.terms[0], wide

    def varies(self, y: Floats, x: Floats, half: tuple[Floats, Floats]) -> Floats:
        """By how much they vary within ``half`` of places in the middle of the window."""
        c = np.abs(self.terms)
        down, right = (np.abs(each) for each in self.slopes(y, x))
        yy, yx, xx = 2 * c[3] + 6 * c[6] + 2 * c[7], c[4] + 2 * (c[7] + c[8]), 2 * (c[5] + c[8]) + 6 * c[9]
        rows, columns = half
        first = rows * down + columns * right
        return np.asarray(first + rows * (rows * yy / 2 + columns * yx) + columns * columns * xx / 2)

    @property
    def steepest(self) -> tuple[Floats, Floats]:
        """By how much the derivatives differ at most from those in the middle."""
        c = np.abs(self.terms)
        down = 2 * c[3] + 3 * c[6] + c[4] + 2 * c[7] + c[8]
        return down, 2 * c[5] + 3 * c[9] + c[4] + c[7] + 2 * c[8]


class Box(NamedTuple):
    """Boxes round the pixels of blocks.

    Attributes
    ----------
    metrics : Metrics
        Of the blocks, for the radius of a cap that holds the box.
    half_lon, half_lat : float
        Half-sides in radians.
    lon, lat : ndarray, shape (10, n)
        The cubics, radians, of a window round each block.
    miss : ndarray, shape (2, n)
        By how much longitude and latitude may be others, radians.
    extent : ndarray, shape (2, n)
        Rows and columns from the middle to the sides of the window.
    """

    metrics: Metrics
    half_lon: float
    half_lat: float
    lon: Floats
    lat: Floats
    miss: Floats
    extent: Floats

    @classmethod
    def of(cls, geom: Grid, metrics: Metrics, shape: SkyShape) -> tuple[Box, Bools]:
        """The boxes of blocks, and of which blocks they are known well enough."""
        extent = metrics.half + metrics.reach
        y, x = (
            middle + _SAMPLES[:, None] * wide for middle, wide in zip(metrics.middle, extent, strict=True)
        )
        lon, lat = (np.deg2rad(each).reshape(len(_FIT[0]), -1) for each in geom.lonlat(y[:, None], x[None]))
        # From the middle's on, the shorter way round.
        lon = (lon - lon[len(lon) // 2] + np.pi) % (2 * np.pi) - np.pi
        with np.errstate(invalid="ignore"):
            terms = [np.asarray(_FIT @ each) for each in (lon, lat)]
            missed = [np.abs(each - _AT @ of).max(axis=0) for each, of in zip((lon, lat), terms, strict=True)]
            miss = 2 * np.stack(missed) + _SLACK
            # The narrowest way across a pixel is below both of these.
            p, _, s = cholesky(metrics.yy, metrics.yx, metrics.xx)
            pixel = np.minimum(p, s)
            fine = (miss[0] * np.cos(lat).max(axis=0) < _MISS * pixel) & (miss[1] < _MISS * pixel)
            fine &= np.ptp(lon, axis=0) + 2 * miss[0] < _WIDEST
        made = cls(metrics, shape.lon, shape.lat, terms[0], terms[1], miss, extent)
        return made, np.asarray(fine)

    def take(self, some: Indices | Bools) -> Box:
        """The boxes of some of the blocks."""
        arrays = (each[:, some] for each in self[3:])
        return Box._make((self.metrics.take(some), self.half_lon, self.half_lat, *arrays))

    def told(
        self, block: Ints, dy: Ints, dx: Ints, place: tuple[Floats, Floats] | None = None
    ) -> tuple[Bools, Bools]:
        """See `Element.told`."""
        lon, lat = _Cubic(self.lon[:, block]), _Cubic(self.lat[:, block])
        extent = self.extent[:, block]
        y, x = dy / extent[0], dx / extent[1]
        if place is None:
            half = self.metrics.half[:, block] / extent
            sides = half[0], half[1]
            still = np.zeros_like(y)
            by_lon, wide_lon = lon.step(y, x, sides)
            by_lat, wide_lat = lat.step(y, x, sides)
            here, there = lat.terms[0], lat.value(y, x)
            doubt = np.maximum(lat.varies(still, still, sides), lat.varies(y, x, sides))
        else:
            at_y, at_x = place[0] / extent[0], place[1] / extent[1]
            by_lon = lon.value(at_y + y, at_x + x) - lon.value(at_y, at_x)
            here, there = lat.value(at_y, at_x), lat.value(at_y + y, at_x + x)
            by_lat, wide_lon = there - here, np.zeros_like(here)
            wide_lat = doubt = wide_lon
        miss_lon, miss_lat = self.miss[:, block]
        wide_lon, wide_lat, doubt = wide_lon + 2 * miss_lon, wide_lat + 2 * miss_lat, doubt + miss_lat
        # The cosine nearer to the equator.
        nearest = np.minimum(np.abs(here), np.abs(there))
        cosine, slack = np.cos(nearest), doubt * (np.sin(nearest) + doubt)
        by_lon, by_lat = np.abs(by_lon), np.abs(by_lat)
        low = np.maximum(by_lon - wide_lon, 0.0) * np.maximum(cosine - slack, 0.0)
        high = (by_lon + wide_lon) * (cosine + slack)
        perhaps = (by_lat - wide_lat <= self.half_lat + _SLACK) & (low <= self.half_lon + _SLACK)
        surely = (by_lat + wide_lat <= self.half_lat - _SLACK) & (high <= self.half_lon - _SLACK)
        return perhaps, surely

    def guess(self, dy: Ints) -> tuple[Ends, Ends]:
        """See `Element.guess`: parallelograms between the lines on which the derivatives of the middle put
        the sides, moved by as much as others may.
        """
        known, extent = self.metrics, self.extent
        cosine = np.cos(self.lat[0])
        spread = np.abs(self.lat[1:]).sum(axis=0) + self.miss[1]
        limits = (
            (self.half_lon / np.maximum(cosine - spread, 1e-9), self.half_lon / (cosine + spread)),
            (self.half_lat, self.half_lat),
        )
        outer, inner = [], []
        for terms, miss, (most, least) in zip((self.lon, self.lat), self.miss, limits, strict=True):
            down, right = _Cubic(terms).steepest
            wide = (known.reach * np.stack([down, right]) / extent).sum(axis=0) + 2 * miss + _SLACK
            slope = terms[1] / extent[0], terms[2] / extent[1]
            outer.append(_between(dy, *slope, most + wide, known.reach[1]))
            inner.append(_between(dy, *slope, least - wide, known.reach[1]))
        there = np.abs(dy) <= known.reach[0][:, None]
        return _both(outer[0], outer[1], there), _both(inner[0], inner[1], there)


def _between(dy: Ints, down: Floats, right: Floats, limit: Floats, reach: Ints) -> tuple[Floats, Floats]:
    """Columns, shape (blocks, rows), between which ``|down dy + right dx| <= limit`` and that are reached."""
    right = np.where(np.abs(right) < 1e-300, 1e-300, right)
    middle, wide = -(down / right)[:, None] * dy, (limit / np.abs(right))[:, None]
    far = reach[:, None].astype(np.float64)
    return np.clip(middle - wide, -far, far + 1), np.clip(middle + wide, -far - 1, far)


def _both(a: tuple[Floats, Floats], b: tuple[Floats, Floats], there: Bools) -> Ends:
    """The whole columns that are between two pairs of columns, in rows that are there."""
    first, last = np.ceil(np.maximum(a[0], b[0])), np.floor(np.minimum(a[1], b[1]))
    some = there & (first <= last)
    return np.where(some, first, 1).astype(np.int64), np.where(some, last, 0).astype(np.int64)
