"""Growing on the sphere: which pixels of a tile have a selected pixel within a shape round them.

Every way gives the same bits; they differ in what a grid lets them skip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats, Ints
from ..core.coverage import Coverage
from ..grid.points import Pixels
from ..grid.tiles import Areas, Tile
from ..sphere.vectors import TIE, angle_between, chord2, chord2_of

__all__ = ["NEVER", "Selection", "SkyShape", "differences"]

NEVER = 1 << 40
"""More columns than any lattice has."""
# Relative to the square of the radius: what rounding cannot bridge, see `SkyShape.near_columns`.
_SLACK = 256 * np.finfo(np.float64).eps


class Selection(NamedTuple):
    """A mask to be grown: how to ask for its pixels and its coverage.

    ``at`` asks for single pixels, of a mask that is known there without others; else it is None.
    """

    values: Callable[[Tile], Bools]
    cover: Callable[[Areas], Coverage]
    at: Callable[[Pixels], Bools] | None = None


def differences(a: Floats, b: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Absolute differences of latitude and of longitude of unit vectors that broadcast, and the cosines of
    their latitudes.
    """
    flat_a, flat_b = np.hypot(a[0], a[1]), np.hypot(b[0], b[1])
    lat = np.abs(np.arctan2(a[2], flat_a) - np.arctan2(b[2], flat_b))
    lon = np.abs(np.arctan2(a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]))
    return lat, lon, flat_a, flat_b


class SkyShape(NamedTuple):
    """What lies round a pixel: a disk, or a box along the parallel and the meridian of the map's frame.

    A position is in the box of another if their latitudes differ by at most ``lat``, and their longitudes by
    at most ``lon`` along the parallel, of the two, that is nearer to the equator. That is symmetric, so that
    erosion is dilation of the complement.

    Parameters
    ----------
    lon, lat : float
        Half-sides in radians; the radius of a disk, twice.
    box : bool
        Whether it is a box.
    """

    lon: float
    lat: float
    box: bool

    @property
    def bound(self) -> float:
        """Radius of a cap that holds the shape, radians."""
        if not self.box:
            return min(self.lat + TIE, np.pi)
        # chord^2 = 4 sin^2(dlat / 2) + 4 cos cos' sin^2(dlon / 2), and cos cos' is at most the larger cosine
        # squared.
        chord = math.hypot(self.lon, self.lat) + 4 * TIE
        return 2 * math.asin(chord / 2) if chord < 2 else np.pi

    def holds(self, a: Floats, b: Floats) -> Bools:
        """Whether unit vectors lie in the shape round others, both of shape (3, ...)."""
        if self.box:
            return np.asarray(self.excess(a, b) <= TIE)
        radius = self.lat + TIE
        if radius >= np.pi:
            return np.asarray(np.isfinite(a[0]) & np.isfinite(b[0]))
        # Beyond 90 degrees the chord to the antipode is the accurate one.
        if radius <= np.pi / 2:
            return np.asarray(chord2(a, b) <= chord2_of(radius))
        return np.asarray(chord2(a, -b) >= chord2_of(np.pi - radius))

    def excess(self, a: Floats, b: Floats) -> Floats:
        """By how many radians unit vectors miss the shape round others; negative inside. They broadcast."""
        if not self.box:
            return np.asarray(angle_between(a, b) - self.lat)
        lat, lon, flat_a, flat_b = differences(a, b)
        return np.asarray(np.maximum(lat - self.lat, lon * np.maximum(flat_a, flat_b) - self.lon))

    def near_columns(self, lat: Floats, other: Floats, step: float) -> Ints:
        """The first answer of `spreads` for pairs of latitudes, shape (n,): from the formula where that is
        certain, and by `spreads` only where it is not.

        In terms of ``s = sin^2(lon / 2)`` a disk of at most 90 degrees holds a difference of longitude if
        ``a + b s <= q`` with ``a = sin^2((lat - other) / 2)``, ``b = cos(lat) cos(other)`` and ``q =
        sin^2(radius / 2)``. With sines and cosines good to 4 units in the last place, `_row_holds` finds
        either side of it to a relative 24 eps, so that it can err only where ``|a + b s - q| <= 25 eps q``.
        The limit of s, ``(q - a) / b``, is found here to 48 eps q / b (if ``a <= q``; if not, ``a - q`` has
        to be more than what follows), and s of a column to 20 eps s. Together that is below 100 eps q / b;
        `_SLACK` is twice as much and more.
        """
        radius = self.lat + TIE
        if self.box or radius > np.pi / 2:
            return self.spreads(lat, other, step, wraps=False)[0]
        square = chord2_of(radius) / 4
        both = np.maximum(np.cos(lat) * np.cos(other), 1e-300)
        limit = (square - np.sin((lat - other) / 2) ** 2) / both
        slack = _SLACK * square / both
        half = np.arcsin(np.sqrt(np.clip(limit, 0.0, 1.0)))
        near: Ints = np.floor(2 * half / step).astype(np.int64)
        most = int(near.max(initial=0)) + 2
        if most < 4 * len(near):
            table = np.sin(np.arange(most) * (step / 2)) ** 2
            within, beyond = table[near], table[near + 1]
        else:
            within, beyond = np.sin(near * (step / 2)) ** 2, np.sin((near + 1) * (step / 2)) ** 2
        certain = (limit - within > slack) & (beyond - limit > slack) & ((near + 1) * step <= np.pi)
        never = limit < -slack
        near[never] = -1
        doubtful = np.flatnonzero(~(certain | never))
        near[doubtful] = self.spreads(lat[doubtful], other[doubtful], step, wraps=False)[0]
        return near

    def spreads(self, lat: Floats, other: Floats, step: float, wraps: bool = True) -> tuple[Ints, Ints]:
        """How far the shape spreads along a row, in columns, between rows of two latitudes (radians; they
        broadcast).

        Returns
        -------
        near : ndarray of int64
            Columns as far apart as this are in; -1 where not even the same column is.
        wrapped : ndarray of int64
            And so are those at least as far apart as this, the other way round the sky; without ``wraps`` it
            is not worked out.
        """
        lat, other = np.broadcast_arrays(lat, other)
        widest = self._widest(lat, other)
        near = np.floor(widest / step).astype(np.int64)
        # Rounding decides nothing: the next column on either side is asked by the same formula as every
        # column.
        near += self._row_holds(lat, other, (near + 1) * step)
        near -= ~self._row_holds(lat, other, near * step)
        near[~self._row_holds(lat, other, np.zeros(lat.shape))] = -1
        if wraps:
            turn = 2 * np.pi
            wrapped = np.ceil((turn - widest) / step).astype(np.int64)
            wrapped -= self._row_holds(lat, other, np.abs(turn - (wrapped - 1) * step))
            wrapped += ~self._row_holds(lat, other, np.abs(turn - wrapped * step))
            wrapped[near < 0] = NEVER
        else:
            wrapped = near
        whole = self._row_holds(lat, other, np.full(lat.shape, np.pi))
        near[whole] = NEVER
        return near, wrapped

    def _widest(self, lat: Floats, other: Floats) -> Floats:
        """Largest difference of longitude, radians, by a formula that may be off in the last digits."""
        if self.box:
            cosine = np.maximum(np.maximum(np.cos(lat), np.cos(other)), 1e-300)
            return np.asarray(np.minimum((self.lon + TIE) / cosine, np.pi))
        radius = min(self.lat + TIE, np.pi)
        both = np.maximum(np.cos(lat) * np.cos(other), 1e-300)
        if radius <= np.pi / 2:
            square = (np.sin(radius / 2) ** 2 - np.sin((lat - other) / 2) ** 2) / both
        else:
            square = 1 - (np.sin((np.pi - radius) / 2) ** 2 - np.sin((lat + other) / 2) ** 2) / both
        return np.asarray(2 * np.arcsin(np.sqrt(np.clip(square, 0.0, 1.0))))

    def _row_holds(self, lat: Floats, other: Floats, lon: NDArray[np.floating[Any]]) -> Bools:
        """Whether positions of two latitudes and a difference of longitude (at most a turn) are in the shape
        of each other.
        """
        if self.box:
            turned = np.minimum(lon, np.abs(2 * np.pi - lon))
            cosine = np.maximum(np.cos(lat), np.cos(other))
            return np.asarray((np.abs(lat - other) <= self.lat + TIE) & (turned * cosine <= self.lon + TIE))
        radius = self.lat + TIE
        if radius >= np.pi:
            return np.ones(np.shape(lon), dtype=bool)
        both = np.cos(lat) * np.cos(other)
        if radius <= np.pi / 2:
            square = np.sin((lat - other) / 2) ** 2 + both * np.sin(lon / 2) ** 2
            return np.asarray(4 * square <= chord2_of(radius))
        square = np.sin((lat + other) / 2) ** 2 + both * np.cos(lon / 2) ** 2
        return np.asarray(4 * square >= chord2_of(np.pi - radius))
