"""Shapes of pixels: discs, ovals, slabs and marks on a plane, asked at the centres of pixels.

Sizes and places are in pixels, x along the columns and y along the rows, both from 0. A centre is in
strictly, and a ring holds its inner rim, as on the sphere. The arithmetic is that of `regions`, operation for
operation, so that a radius of a whole number of pixels decides its ties alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats
from ..pixels.window import Window

__all__ = ["Disc", "Everything", "Extent", "Fan", "Flat", "Mark", "Nothing", "Oval", "Ring", "Slab"]

# Pixels from a line that are on it, more than rounding makes of them.
_ON: Final = 1e-9
# Pixels whose offsets are worked out at once: some arrays of float64 that stay in the cache.
_PIXELS: Final = 1 << 15


class Extent(NamedTuple):
    """Bounds of what a flat shape may hold, ends included; NaN where it holds nothing."""

    y0: float
    y1: float
    x0: float
    x1: float


class Flat:
    """A shape on the plane of the pixels."""

    def extent(self) -> Extent:
        """Bounds of the pixel centres that it may hold."""
        raise NotImplementedError

    def contains(self, y: Floats, x: Floats) -> Bools:
        """Which pixel centres it holds; the two broadcast."""
        raise NotImplementedError

    def values(self, window: Window) -> Bools:
        """Which pixels of a window it holds; some rows at once, which bounds the memory of its arithmetic."""
        out = np.empty(window.shape, dtype=bool)
        y = np.arange(window.y0, window.y1, dtype=np.float64)[:, None]
        x = np.arange(window.x0, window.x1, dtype=np.float64)[None, :]
        step = max(1, _PIXELS // max(1, x.size))
        for first in range(0, len(y), step):
            out[first : first + step] = self.contains(y[first : first + step], x)
        return out


@dataclass(frozen=True)
class Nothing(Flat):
    """What has no size, or no place on the plane."""

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        return Extent(np.nan, np.nan, np.nan, np.nan)

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        return np.zeros(np.broadcast_shapes(y.shape, x.shape), dtype=bool)


@dataclass(frozen=True)
class Everything(Flat):
    """The whole plane."""

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        return Extent(-np.inf, np.inf, -np.inf, np.inf)

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        return np.ones(np.broadcast_shapes(y.shape, x.shape), dtype=bool)


@dataclass(frozen=True)
class Disc(Flat):
    """What is nearer to a centre than a radius."""

    y: float
    x: float
    radius: float

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        return _around(self.y, self.x, self.radius, self.radius)

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        return np.asarray(np.hypot(x - self.x, y - self.y) < self.radius)


@dataclass(frozen=True)
class _Oblong(Flat):
    """What a pair of axes describes; ``cos`` and ``sin`` are of the angle of the width from +x towards +y."""

    y: float
    x: float
    width: float
    height: float
    cos: float
    sin: float

    def _offsets(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Offsets from the centre along the width and along the height."""
        dx, dy = x - self.x, y - self.y
        return self.cos * dx + self.sin * dy, self.sin * dx - self.cos * dy


@dataclass(frozen=True)
class Oval(_Oblong):
    """An ellipse by its full axes."""

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        a, b = self.width / 2, self.height / 2
        return _around(
            self.y,
            self.x,
            float(np.hypot(a * self.sin, b * self.cos)),
            float(np.hypot(a * self.cos, b * self.sin)),
        )

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        along, across = self._offsets(y, x)
        return np.asarray((2 * along / self.width) ** 2 + (2 * across / self.height) ** 2 < 1.0)


@dataclass(frozen=True)
class Slab(_Oblong):
    """A rectangle by its full sides."""

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        a, b = self.width / 2, self.height / 2
        cos, sin = abs(self.cos), abs(self.sin)
        return _around(self.y, self.x, a * sin + b * cos, a * cos + b * sin)

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        along, across = self._offsets(y, x)
        return np.asarray((np.abs(along) < self.width * 0.5) & (np.abs(across) < self.height * 0.5))


@dataclass(frozen=True)
class Ring(Flat):
    """One flat shape without another, whose rim belongs to the ring."""

    inner: Flat
    outer: Flat

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        return self.outer.extent()

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        return self.outer.contains(y, x) & ~self.inner.contains(y, x)


@dataclass(frozen=True)
class Fan(Flat):
    """What of a flat shape lies between two directions from a place; the first belongs to it.

    ``before`` are the cosine and sine of the middles of three half turns, which end at the first direction,
    midway and at the second: each half is less than a half turn, and so a difference of two half planes.
    """

    y: float
    x: float
    before: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]
    whole: Flat

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        return self.whole.extent()

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        dx, dy = x - self.x, y - self.y
        start, middle, stop = (cos * dx + sin * dy > _ON for cos, sin in self.before)
        return np.asarray(((middle & ~start) | (stop & ~middle)) & self.whole.contains(y, x))


@dataclass(frozen=True)
class Mark(Flat):
    """A position: the pixels whose centres are less than one pixel from it in each direction.

    A point holds no centre; gammapy spreads it over the pixels next to it, and so do we.
    """

    y: float
    x: float

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        return _around(self.y, self.x, 1.0, 1.0)

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        return np.asarray((np.abs(x - self.x) < 1) & (np.abs(y - self.y) < 1))


def _around(y: float, x: float, down: float, across: float) -> Extent:
    return Extent(y - down, y + down, x - across, x + across)
