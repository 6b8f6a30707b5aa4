"""Polygons of great-circle edges."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..core.coverage import EMPTY
from ..core.errors import RegionError
from ..core.records import Columns, Ragged, record
from ..sphere.vectors import TIE, Caps
from .base import IMAGE, numbers, place, store, written_place
from .batch import OfBatch
from .outline import Outlines, outline, outlines

__all__ = ["Polygon", "Polygons"]

# Degrees: how far from the first vertex a patch reaches in longitude and in latitude, up to which latitude,
# and what is apart.
_PATCH: Final = 30.0
_HIGHEST: Final = 89.0
_APART: Final = 1e-6
# Polygons that are looked at in one call of numpy, and vertices below which its calls are dearer than loops.
_TOGETHER: Final = 1024
_FEW: Final = 100


@record("polygon")
@dataclass(frozen=True)
class Polygon(OfBatch):
    """A polygon with great-circle edges: concave, over the seam or round a pole alike.

    The smaller of its two sides is inside, in whichever order the vertices come. Points on an edge are not
    inside.

    Where a polygon crosses itself its edges divide the sky into more than two cells. The largest cell is
    outside, and every crossing of an edge changes sides (even-odd rule): points that the polygon winds round
    twice are outside, both lobes of a bow-tie are inside. An edge that is passed twice separates nothing.

    Parameters
    ----------
    lon, lat : sequence of float
        Vertices in degrees. The last is joined to the first.
    frame : str
        Frame of the vertices.
    larger_side : bool
        Whether everything else is inside instead: the largest cell, and what an even number of crossings
        leads to from there.

    Raises
    ------
    RegionError
        For fewer than three distinct vertices, an edge between antipodes, a polygon whose largest cells are
        equal and on different sides (two equal halves), a position that cannot be or an unknown frame.

    Examples
    --------
    >>> from maskexpr.sphere.vectors import unit
    >>> cap = Polygon([0, 90, 180, 270], [60, 60, 60, 60])
    >>> cap.inside(unit([45.0, 45.0], [80.0, 50.0]), "icrs").tolist()
    [True, False]
    """

    lon: tuple[float, ...]
    lat: tuple[float, ...]
    frame: str = "icrs"
    larger_side: bool = False

    def __init__(self, lon: Any, lat: Any, frame: str = "icrs", larger_side: bool = False) -> None:
        store(self, lon=numbers(lon), lat=numbers(lat), frame=frame, larger_side=bool(larger_side))
        if len(self.lon) != len(self.lat):
            raise RegionError(f"{len(self.lon)} longitudes but {len(self.lat)} latitudes")
        place(0.0, 0.0, frame)
        if frame == IMAGE or not _is_plain(self.lon, self.lat):
            self._check(np.array(self.lon), np.array(self.lat))

    def _check(self, lon: Floats, lat: Floats) -> None:
        """Tell what is wrong, if anything is."""
        wrong = ~(np.isfinite(lon) & np.isfinite(lat) & ((np.abs(lat) <= 90) | (self.frame == IMAGE)))
        for number in np.flatnonzero(wrong)[:1].tolist():
            try:
                place(lon[number], lat[number], self.frame)
            except RegionError as err:
                raise RegionError(f"vertex {number + 1}: {err}") from err
        other = (lon != lon[:1]) | (lat != lat[:1])
        second = slice(int(np.argmax(other)), None) if other.any() else slice(0)
        if not np.any(other[second] & ((lon[second] != lon[second][:1]) | (lat[second] != lat[second][:1]))):
            raise RegionError(f"a polygon needs three distinct vertices, got {len(lon)}")
        if self.frame != IMAGE:
            self._batch(self.frame)

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        out = self.inside(xyz, frame)
        limit = np.full(xyz.shape[1], angle + TIE)
        # Both sides of the rim are near: whichever side is inside, points of the other are near if it is.
        rest = np.flatnonzero((self.coverage(Caps(xyz, limit), frame) != EMPTY) & ~out)
        out[rest] = self._batch(frame).come_within(xyz[:, rest], limit[rest], 0)
        return out

    def _batch(self, frame: str) -> Outlines:
        """See `OfBatch._batch`."""
        return outline(self.lon, self.lat, self.frame, frame, self.larger_side)

    def text(self) -> str:
        """See `Shape.text`."""
        number = len(self.lon)
        pairs = islice(zip(self.lon, self.lat, strict=True), number if number <= 6 else 4)
        shown = [written_place(lon, lat, self.frame) for lon, lat in pairs]
        if number > 6:
            shown.append(f"... {number} vertices")
        return f"polygon({', '.join(shown)})"


class Polygons(Columns):
    """Polygons of one frame, the smaller sides inside, as columns of numbers.

    Parameters
    ----------
    lon, lat : ndarray
        Vertices in degrees, those of one polygon after the other's.
    number : ndarray of int
        How many vertices each has.
    frame : str
        Frame of the vertices, on the sky.

    Raises
    ------
    RegionError
        As `Polygon`.

    Examples
    --------
    >>> few = Polygons(np.array([0.0, 2, 1, 8, 9, 9]), np.array([0.0, 0, 1, 0, 0, 1]), np.array([3, 3]))
    >>> few[1]
    Polygon(lon=(8.0, 9.0, 9.0), lat=(0.0, 0.0, 1.0), frame='icrs', larger_side=False)
    """

    kind = Polygon

    def __init__(self, lon: Floats, lat: Floats, number: Ints, frame: str = "icrs") -> None:
        self._lon, self._lat, self._number, self.frame = lon, lat, number, frame
        self._end = np.cumsum(number)
        for first in range(0, len(number), _TOGETHER):
            some = number[first : first + _TOGETHER]
            end = int(self._end[first] - number[first])
            part = slice(end, end + int(some.sum()))
            for each in np.flatnonzero(~_are_plain(lon[part], lat[part], some)).tolist():
                # It tells what is wrong.
                Polygon(self[first + each].lon, self[first + each].lat, frame)

    def __len__(self) -> int:
        return len(self._number)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return tuple(self[each] for each in range(*at.indices(len(self))))
        end = self._end[at]
        some = slice(end - self._number[at], end)
        # Of what was checked in columns.
        made = object.__new__(Polygon)
        lon, lat = (tuple(each[some].tolist()) for each in (self._lon, self._lat))
        store(made, lon=lon, lat=lat, frame=self.frame, larger_side=False)
        return made

    def columns(self) -> list[Any]:
        """See `Columns.columns`."""
        return [Ragged(self._number, self._lon), Ragged(self._number, self._lat), self.frame, False]

    def outlines(self, frame: str) -> Iterator[tuple[Indices, Outlines]]:
        """The outlines of polygons of as many vertices each, with their places."""
        for each in np.unique(self._number).tolist():
            some = np.flatnonzero(self._number == each)
            vertex = (self._end[some] - each)[:, None] + np.arange(each)
            smaller = np.zeros(len(some), dtype=bool)
            for places, made in outlines(self._lon[vertex], self._lat[vertex], self.frame, frame, smaller):
                yield some[places], made


def _is_plain(lon: tuple[float, ...], lat: tuple[float, ...]) -> bool:
    """`_are_plain` of one polygon, quickly if it has few vertices and does not pass the seam."""
    if not 3 <= len(lon) <= _FEW or not math.isfinite(sum(lon) + sum(lat)):
        return False
    wide = max(max(lon) - min(lon), max(lat) - min(lat))
    if wide > _PATCH or max(map(abs, lat)) > _HIGHEST:
        return False
    away = [abs(x - lon[0]) > _APART or abs(y - lat[0]) > _APART for x, y in zip(lon, lat, strict=True)]
    steps = zip(away, away[1:], lon, lon[1:], lat, lat[1:], strict=False)
    return any(p and q and (abs(a - b) > _APART or abs(c - d) > _APART) for p, q, a, b, c, d in steps)


def _are_plain(lon: Floats, lat: Floats, number: Ints) -> Bools:
    """Which polygons are told to have an outline by their numbers alone, at a hundredth of the cost: the
    first vertex, another and the one before that are apart from each other, and all are in a patch less than
    a right angle across.

    ``lon`` and ``lat`` are those of one polygon after the other's, ``number`` how many each has.
    """
    if number.min(initial=3) < 3:
        return np.zeros(len(number), dtype=bool)
    end = np.cumsum(number)
    first = end - number
    before = np.arange(-1, len(lon) - 1)
    before[first] = end - 1
    # What is not finite is not plain.
    with np.errstate(invalid="ignore"):
        east, north = (each - np.repeat(each[first], number) for each in (lon, lat))
        east -= 360 * np.rint(east / 360)
        far = np.maximum(np.abs(east), np.abs(north))
        apart = np.maximum(np.abs(east - east[before]), np.abs(north - north[before])) > _APART
        apart &= np.minimum(far, far[before]) > _APART
    furthest = np.maximum.reduceat(far, first)
    plain = (furthest <= _PATCH) & (np.abs(lat[first]) + furthest <= _HIGHEST)
    return np.asarray(plain & np.logical_or.reduceat(apart, first))
