"""Circles, circular annuli, and the whole sky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.coverage import FULL, Coverage, decide
from ..core.errors import RegionError
from ..core.once import once
from ..core.records import record
from ..sphere.vectors import TIE, Caps, angle_between, within
from .base import SLACK, Shape, directions, place, size, store, written_place, written_size
from .batch import OfBatch, Rings, Which
from .near import within_or_on

__all__ = ["Circle", "CircleAnnulus", "Discs", "WholeSky", "discs"]


@dataclass(frozen=True)
class Discs:
    """n circles as arrays: centres, shape (3, n), and radii in radians, shape (n,)."""

    centre: Floats
    radius: Floats

    @property
    def caps(self) -> Caps:
        """See `Batch.caps`."""
        return Caps(self.centre, np.where(self.radius > TIE, self.radius + 2 * SLACK, -1.0))

    def inside(self, xyz: Floats, which: Which) -> Bools:
        """See `Batch.inside`."""
        return within(xyz, self.centre[:, which], self.radius[which])

    def coverage(self, caps: Caps, which: Which) -> Coverage:
        """See `Batch.coverage`."""
        radius = self.radius[which]
        distance = angle_between(caps.centre, self.centre[:, which])
        empty = (distance - caps.radius > radius + SLACK) | (radius <= TIE)
        return decide(empty, distance + caps.radius < radius - SLACK)


def discs(circles: Sequence[Circle], frame: str) -> Discs:
    """Circles of one frame as arrays, turned into another."""
    lon, lat = tuple(each.lon for each in circles), tuple(each.lat for each in circles)
    radius = np.deg2rad(np.array([each.radius for each in circles]))
    return Discs(directions(lon, lat, circles[0].frame, frame), radius)


@record("circle")
@dataclass(frozen=True)
class Circle(OfBatch):
    """Everything strictly nearer to the centre than the radius.

    Parameters
    ----------
    lon, lat : float
        Centre in degrees.
    radius : float
        Degrees, 0 to 180. A circle of radius 0 holds nothing.
    frame : str
        Frame of the centre.

    Raises
    ------
    RegionError
        For a negative radius, NaN, a latitude beyond the poles or an unknown frame.

    Examples
    --------
    >>> from maskexpr.sphere.vectors import unit
    >>> Circle(10, 90, 5).inside(unit([0.0, 200.0], [85.5, 84.5]), "icrs").tolist()
    [True, False]
    """

    lon: float
    lat: float
    radius: float
    frame: str = "icrs"

    def __post_init__(self) -> None:
        lon, lat = place(self.lon, self.lat, self.frame)
        store(self, lon=lon, lat=lat, radius=size(self.radius, "radius", self.frame, 180))

    def _batch(self, frame: str) -> Discs:
        """See `OfBatch._batch`."""
        return discs([self], frame)

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        radius = float(np.deg2rad(self.radius))
        if radius <= TIE:
            return np.zeros(xyz.shape[1], dtype=bool)
        return within_or_on(xyz, self._centre(frame), radius + angle)

    def _centre(self, frame: str) -> Floats:
        return directions((self.lon,), (self.lat,), self.frame, frame)

    def text(self) -> str:
        """See `Shape.text`."""
        where = written_place(self.lon, self.lat, self.frame)
        return f"circle({where}, {written_size(self.radius, self.frame)})"


@record("circle_annulus")
@dataclass(frozen=True)
class CircleAnnulus(OfBatch):
    """The outer circle without the inner one, whose rim belongs to the annulus: the two leave no gap.

    Parameters
    ----------
    lon, lat : float
        Centre in degrees.
    inner, outer : float
        Radii in degrees.
    frame : str
        Frame of the centre.
    """

    lon: float
    lat: float
    inner: float
    outer: float
    frame: str = "icrs"

    def __post_init__(self) -> None:
        lon, lat = place(self.lon, self.lat, self.frame)
        inner = size(self.inner, "inner radius", self.frame, 180)
        outer = size(self.outer, "outer radius", self.frame, 180)
        if inner >= outer:
            raise RegionError(f"the inner radius {inner:g} must be less than the outer radius {outer:g}")
        store(self, lon=lon, lat=lat, inner=inner, outer=outer)

    @once
    def rims(self) -> tuple[Circle, Circle]:
        """The inner and the outer circle."""
        return tuple(Circle(self.lon, self.lat, each, self.frame) for each in (self.inner, self.outer))  # type: ignore[return-value]

    def _batch(self, frame: str) -> Rings:
        """See `OfBatch._batch`."""
        inner, outer = self.rims
        return Rings(discs([inner], frame), discs([outer], frame))

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        inner, outer = self.rims
        deep_in_hole = within(xyz, inner._centre(frame), max(float(np.deg2rad(self.inner)) - angle, 0.0))
        return outer.near(xyz, frame, angle) & ~deep_in_hole

    def text(self) -> str:
        """See `Shape.text`."""
        radii = f"{written_size(self.inner, self.frame)}, {written_size(self.outer, self.frame)}"
        return f"annulus({written_place(self.lon, self.lat, self.frame)}, {radii})"


@record("whole_sky")
@dataclass(frozen=True)
class WholeSky(Shape):
    """Everything (a circle of 180 degrees leaves out its antipode)."""

    frame: str = "icrs"

    def inside(self, xyz: Floats, frame: str) -> Bools:
        """See `Shape.inside`."""
        return np.asarray(np.isfinite(xyz[0]))

    def coverage(self, caps: Caps, frame: str) -> Coverage:
        """See `Shape.coverage`."""
        return np.full(len(caps.radius), FULL)

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        return self.inside(xyz, frame)

    def text(self) -> str:
        """See `Shape.text`."""
        return "whole sky"
