"""Indexes of the circles near the first places that are asked about.

To index a million circles takes half a second, and who slices a map looks at one tile or two. Of these the
circles that may reach them are found by arithmetic on all latitudes, and indexed alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from ..core.arrays import Floats, Indices
from ..grid.healpix.areas import PointsOfCells
from ..grid.points import Points
from ..sphere.vectors import Caps, angle_between, caps_round, lonlat, rotate, unit
from .index import CircleIndex

__all__ = ["Nearby", "numbers_near"]

# Fewer circles are indexed as a whole at once; and so are all as soon as more places have been asked about.
_MANY = 30_000
_PLACES = 4
# More points are not looked at for whether they are in one place.
_POINTS = 1 << 14
# Radians of what counts as a place, and how much wider it is taken, so that what is asked next is in it.
_WIDEST = 0.8
_ROOM = 1.05
# Radians by which a circle may miss a cap and is still counted with what is near it.
_DOUBT = 1e-9


class Nearby:
    """An index of circles, or of those near a place.

    Parameters
    ----------
    lon, lat : ndarray, shape (n,)
        Degrees, in any frame.
    radius : ndarray, shape (n,)
        Radians.
    turn : ndarray, shape (3, 3)
        What takes unit vectors of the frame in which places are given into that frame.
    make : callable
        Makes an index of some of the circles, by number.
    """

    def __init__(
        self, lon: Floats, lat: Floats, radius: Floats, turn: Floats, make: Callable[[Indices], CircleIndex]
    ) -> None:
        self._lon, self._lat, self._radius, self._turn, self._make = lon, lat, radius, turn, make
        self._lock = threading.Lock()
        self._places: list[tuple[Caps, _Part]] = []
        self._whole = _Part(lambda: make(np.arange(len(lat))))
        self._is_whole = False

    @property
    def all(self) -> CircleIndex:
        """The index of all circles."""
        with self._lock:
            self._is_whole = True
            self._places.clear()
        return self._whole.index

    def of(self, points: Points) -> CircleIndex:
        """An index that holds all circles that some points may be in."""
        if self._is_whole or len(points) > _POINTS or isinstance(points, PointsOfCells):
            return self.all
        xyz = points.xyz[:, np.isfinite(points.xyz[0])]
        return self.at(Caps(xyz, np.zeros(xyz.shape[1])))

    def at(self, caps: Caps) -> CircleIndex:
        """An index that holds all circles that may meet some caps."""
        if self._is_whole or len(self._lat) < _MANY:
            return self.all
        some = caps.take(caps.radius >= 0)
        place = caps_round(some, np.arange(len(some.radius))[:1])
        if not len(place.radius):
            return self._make(np.arange(0))
        with self._lock:
            part = self._part_round(place)
        return self.all if part is None else part.index

    def _part_round(self, place: Caps) -> _Part | None:
        """The part that holds all circles near a place; None where all are wanted."""
        for known, part in self._places:
            if angle_between(known.centre, place.centre)[0] + place.radius[0] <= known.radius[0]:
                return part
        if self._is_whole or place.radius[0] > _WIDEST or len(self._places) == _PLACES:
            return None
        place = Caps(place.centre, place.radius * _ROOM + _DOUBT)
        turned = Caps(rotate(self._turn, place.centre), place.radius)
        part = _Part(lambda: self._make(numbers_near(self._lon, self._lat, self._radius, turned)))
        self._places.append((place, part))
        return part


class _Part:
    """Some of the circles, indexed by the first thread that asks for them; no thread waits for the index of
    another part.
    """

    def __init__(self, make: Callable[[], CircleIndex]) -> None:
        self._lock = threading.Lock()
        self._make = make
        self._index: CircleIndex | None = None

    @property
    def index(self) -> CircleIndex:
        """Their index."""
        with self._lock:
            if self._index is None:
                self._index = self._make()
            return self._index


def numbers_near(lon: Floats, lat: Floats, radius: Floats, cap: Caps) -> Indices:
    """Circles that may meet a cap, by number, in order.

    Parameters
    ----------
    lon, lat : ndarray, shape (n,)
        Degrees.
    radius : ndarray, shape (n,), or of one number
        Radians.
    cap : Caps
        One cap.
    """
    radius = np.broadcast_to(radius, lat.shape)
    middle_lon, middle_lat = lonlat(cap.centre)
    # Not "near", so that what cannot be compared is kept.
    some = np.flatnonzero(~(np.abs(lat - middle_lat) > np.rad2deg(radius + (cap.radius[0] + _DOUBT))))
    # What is as far away as this from a place away from the poles has a longitude that differs by no more.
    farthest = float(radius[some].max(initial=0.0) + cap.radius[0] + _DOUBT)
    if farthest < np.deg2rad(90.0 - abs(middle_lat[0])):
        ratio = np.sin(farthest) / np.cos(np.deg2rad(middle_lat[0]))
        width = np.rad2deg(np.arcsin(min(ratio, 1.0)) + _DOUBT)
        some = some[~(np.abs((lon[some] - middle_lon + 180.0) % 360.0 - 180.0) > width)]
    angle = angle_between(unit(lon[some], lat[some]), cap.centre)
    return np.asarray(some[~(angle > radius[some] + cap.radius[0] + _DOUBT)])
