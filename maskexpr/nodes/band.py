"""`Band`: a range of longitude and latitude."""

from __future__ import annotations

import dataclasses
import math
from numbers import Real
from typing import Any

import numpy as np

from ..core.coverage import FULL, Coverage, decide
from ..core.errors import AngleError, MaskValueError
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.points import Points
from ..grid.tiles import Areas
from ..sphere.angles import AnglePair, format_degrees, to_degrees
from ..sphere.parallels import Parallels, StripRuns, whole_runs
from ..sphere.vectors import TIE, angle_between, lonlat, rotate, rotation, unit

__all__ = ["Band"]

# In degrees. A pixel on a limit is out whatever the last bit of its vector says, or the row would be ragged.
_TIE = 2 * float(np.rad2deg(TIE))


@node("band")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Band(Mask):
    """The sky strictly between two longitudes, two latitudes, or both.

    Parameters
    ----------
    lon : (angle, angle), optional
        From, eastwards, to: ``("350 deg", "10 deg")`` is the 20 degrees round zero; a whole
        turn has no limit.
    lat : (angle, angle), optional
        From, to.
    frame : str
        The frame of both.

    Raises
    ------
    AngleError
        For a limit without a unit.
    MaskValueError
        For a latitude beyond the poles, an empty range, or no range at all.

    Examples
    --------
    >>> plane = Band(lat=("-5 deg", "5 deg"), frame="galactic")
    >>> plane
    Band(lat=(-5 deg, 5 deg), frame='galactic')
    """

    lon: tuple[float, float] | None
    lat: tuple[float, float] | None
    frame: str
    stores_arguments = False

    def __init__(
        self, lon: AnglePair | None = None, lat: AnglePair | None = None, frame: str = "icrs"
    ) -> None:
        if lon is None and lat is None:
            raise MaskValueError("Band needs lon=(from, to) or lat=(from, to)")
        rotation(frame, "icrs")
        self._store(
            lon=None if lon is None else _longitudes(lon),
            lat=None if lat is None else _latitudes(lat),
            frame=frame,
        )

    def arguments(self) -> dict[str, Any]:
        return {**self._typed(), "frame": self.frame}

    def _typed(self) -> dict[str, list[str]]:
        """The limits as a user types them: a pole that is taken in is 90 degrees."""
        lat = None if self.lat is None else (max(self.lat[0], -90.0), min(self.lat[1], 90.0))
        return {
            name: [format_degrees(each) for each in limits]
            for name, limits in (("lon", self.lon), ("lat", lat))
            if limits is not None
        }

    def check_stored(self) -> None:
        if self.lon is None and self.lat is None:
            raise MaskValueError("Band needs lon=(from, to) or lat=(from, to)")
        rotation(self.frame, "icrs")
        if self.lon is not None and (self.lon[0] == self.lon[1] or not np.isfinite(self.lon).all()):
            raise MaskValueError(f"the longitude range {self.lon} is empty or not finite")
        # 91 stands for a pole that is taken in.
        if self.lat is not None and not -91 <= self.lat[0] < self.lat[1] <= 91:
            raise MaskValueError(f"the latitude range {self.lat} is empty or beyond the poles")

    def label(self) -> str:
        ranges = [f"{name}=({', '.join(limits)})" for name, limits in self._typed().items()]
        return f"Band({', '.join(ranges)}, frame={self.frame!r})"

    def inside(self, points: Points) -> Bools:
        lon, lat = lonlat(points.in_frame(self.frame))
        out = points.on_sky.copy()
        if self.lat is not None:
            out &= (lat > self.lat[0] + _TIE) & (lat < self.lat[1] - _TIE)
        if self.lon is not None and _width(self.lon) < 360.0:
            east = (lon - self.lon[0]) % 360.0
            out &= (east > _TIE) & (east < _width(self.lon) - _TIE)
        return out

    def near(self, points: Points, angle: float) -> Bools:
        lon, lat = lonlat(points.in_frame(self.frame))
        low, high = self.lat if self.lat is not None else (-90.0, 90.0)
        distance = np.deg2rad(np.maximum(np.maximum(low - lat, lat - high), 0.0))
        if self.lon is not None:
            # From beside the longitudes the nearest place is on the meridian that limits them on that side.
            east, width = (lon - self.lon[0]) % 360.0, _width(self.lon)
            beside = np.flatnonzero(east > width)
            apart = np.minimum(east - width, 360.0 - east)[beside]
            distance[beside] = _to_meridian(lat[beside], apart, max(low, -90.0), min(high, 90.0))
        return np.asarray(distance <= angle + TIE)

    def between_parallels(
        self, parallels: Parallels, angle: float = 0.0
    ) -> tuple[StripRuns, StripRuns] | None:
        if parallels.frame != self.frame or (angle and self.lon is not None):
            return None
        low, high = self.border_parallels(self.frame, angle) or (-90.0, 90.0)
        start, stop = parallels.lat[:-1], parallels.lat[1:]
        found = np.flatnonzero((start >= low) & (stop <= high)), np.flatnonzero((stop > low) & (start < high))
        if self.lon is None:
            return whole_runs(found[0]), whole_runs(found[1])
        west, half = self.lon[0], _width(self.lon) / 2
        surely, perhaps = (
            StripRuns.round_meridians(each, np.full(len(each), west + half), np.full(len(each), half))
            for each in found
        )
        return surely, perhaps

    def border_parallels(self, frame: str, angle: float = 0.0) -> tuple[float, ...]:
        if frame != self.frame or self.lat is None:
            return ()
        return self.lat[0] - math.degrees(angle), self.lat[1] + math.degrees(angle)

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        centre = rotate(rotation(areas.frame, self.frame), areas.caps.centre)
        radius = areas.caps.radius + 4 * TIE
        cover = np.full(len(areas), FULL)
        if self.lat is not None:
            np.minimum(cover, self._cover_lat(centre, np.rad2deg(radius)), out=cover)
        if self.lon is not None:
            np.minimum(cover, self._cover_lon(centre, radius), out=cover)
        return cover

    def _cover_lat(self, centre: np.ndarray, radius: np.ndarray) -> Coverage:
        assert self.lat is not None
        _, lat = lonlat(centre)
        low, high = self.lat
        inside = (lat - radius > low) & (lat + radius < high)
        outside = (lat + radius < low) | (lat - radius > high)
        # A cap over the pole has lat + radius > 90. "inside" is then False even for a band that ends at the
        # pole: MIXED, legal though not sharp; "outside" stays right, as the cap's latitudes lie within
        # [lat - radius, 90].
        return decide(outside, inside)

    def _cover_lon(self, centre: np.ndarray, radius: np.ndarray) -> Coverage:
        assert self.lon is not None
        lon, lat = lonlat(centre)
        # A cap of radius r at latitude b spans asin(sin r / cos b) of longitude to either side, all of it if
        # it holds a pole.
        sine, cosine = np.sin(np.minimum(radius, np.pi / 2)), np.cos(np.deg2rad(lat))
        polar = np.deg2rad(np.abs(lat)) + radius >= np.pi / 2
        half = np.where(
            polar, 360.0, np.rad2deg(np.arcsin(np.clip(sine / np.maximum(cosine, 1e-300), 0, 1))) + 1e-9
        )
        east = (lon - self.lon[0]) % 360.0
        width = _width(self.lon)
        if width == 360.0:
            return np.full(len(lon), FULL)
        inside = (east - half > 0) & (east + half < width)
        outside = (east - half > width) & (east + half < 360.0)
        return decide(outside, inside)


def _to_meridian(lat: np.ndarray, apart: np.ndarray, low: float, high: float) -> np.ndarray:
    """Angle in radians from latitudes to the nearest of a range of latitudes on a meridian, all in degrees.

    Nearest is the foot of the great circle square to the meridian; where that is beyond the range, or a pole,
    it is one of the ends.
    """
    place = unit(0.0, lat)
    foot = np.rad2deg(np.arctan2(place[2], place[0] * np.cos(np.deg2rad(apart))))
    candidates = (np.clip(foot, low, high), np.full(lat.shape, low), np.full(lat.shape, high))
    distances = [angle_between(place, unit(apart, each)) for each in candidates]
    return np.asarray(np.minimum.reduce(distances))


def _width(lon: tuple[float, float]) -> float:
    return (lon[1] - lon[0]) % 360.0 or 360.0


def _longitudes(limits: Any) -> tuple[float, float]:
    low, high = _pair(limits, "lon")
    if low == high:
        raise MaskValueError(f"the longitude range from {low} deg to {high} deg is empty")
    if abs(high - low) > 360:
        raise MaskValueError(
            f"the longitude range from {low} deg to {high} deg is more than a turn; "
            "all round is ('0 deg', '360 deg')"
        )
    return low, high


def _latitudes(limits: Any) -> tuple[float, float]:
    low, high = _pair(limits, "lat")
    if max(abs(low), abs(high)) > 90:
        raise MaskValueError(f"a latitude lies between -90 and 90 deg, got ({low}, {high})")
    if low >= high:
        raise MaskValueError(
            f"the latitude range from {low} deg to {high} deg is empty; give the lower one first"
        )
    # A limit at a pole takes the pole itself in.
    return (-91.0 if low == -90 else low), (91.0 if high == 90 else high)


def _pair(limits: Any, name: str) -> tuple[float, float]:
    try:
        low, high = limits
    except (TypeError, ValueError) as err:
        raise MaskValueError(f"{name} must be a pair (from, to) of angles, got {limits!r}") from err
    if all(isinstance(each, Real) for each in (low, high)):
        raise AngleError(f"{name}=({low}, {high}) has no unit: write {name}=('{low} deg', '{high} deg')")
    return to_degrees(low, f"{name} from"), to_degrees(high, f"{name} to")
