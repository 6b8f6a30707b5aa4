"""Ellipses, rectangles and their annuli, in the tangent frame at their centre.

A point's offsets from the centre are its separation times the sine and cosine of its position angle, measured
from the axes of the shape. Angles are as `regions` and DS9 have them: counter-clockwise on the sky, and at 0
the width lies along the longitude.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.errors import RegionError
from ..core.once import once
from ..core.records import record
from ..sphere.angles import format_degrees
from .base import place, size, store, written_place, written_size
from .batch import OfBatch, Rings
from .near import Rim, ellipse_rim, near_rims, rectangle_rim
from .tangent import Tangents, axes_of

__all__ = ["Ellipse", "EllipseAnnulus", "Rectangle", "RectangleAnnulus", "tangents"]


@lru_cache(maxsize=4096)
def _alone(shape: _Elongated, frame: str) -> Tangents:
    return tangents([shape], frame)


def tangents(shapes: Sequence[_Elongated], frame: str) -> Tangents:
    """Shapes of one class and one frame as arrays, turned into another frame."""
    lon, lat, angle, width, height = np.array(
        [(each.lon, each.lat, each.angle, each.width, each.height) for each in shapes]
    ).T
    axes = axes_of(lon, lat, angle, shapes[0].frame, frame)
    return Tangents(type(shapes[0]), axes, (np.deg2rad(width / 2), np.deg2rad(height / 2)))


@dataclass(frozen=True)
class _Elongated(OfBatch):
    """What ellipse and rectangle share."""

    lon: float
    lat: float
    width: float
    height: float
    angle: float = 0.0
    frame: str = "icrs"

    _name: ClassVar[str] = ""

    def __post_init__(self) -> None:
        lon, lat = place(self.lon, self.lat, self.frame)
        width = size(self.width, "width", self.frame, 360)
        height = size(self.height, "height", self.frame, 360)
        angle = float(self.angle)
        if not np.isfinite(angle):
            raise RegionError(f"the angle must be finite, got {angle}")
        store(self, lon=lon, lat=lat, width=width, height=height, angle=angle)

    @property
    def _half(self) -> tuple[float, float]:
        """Half-axes in radians."""
        return float(np.deg2rad(self.width / 2)), float(np.deg2rad(self.height / 2))

    @staticmethod
    def _contains(along: Floats, across: Floats, half: tuple[Floats, Floats]) -> Bools:
        raise NotImplementedError

    @staticmethod
    def _circles(half: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """Radii of the inscribed and of the bounding circle."""
        raise NotImplementedError

    def _batch(self, frame: str) -> Tangents:
        """See `OfBatch._batch`."""
        return _alone(self, frame)

    @staticmethod
    def _rim(half: tuple[float, float]) -> Rim:
        raise NotImplementedError

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        axes = [each[:, 0] for each in self._batch(frame).axes]
        return near_rims(self, [self._rim(self._half)], axes, xyz, frame, angle)

    def text(self) -> str:
        """See `Shape.text`."""
        return _written(self._name, self, self._axes_written())

    def _axes_written(self) -> tuple[float, float]:
        return self.width, self.height


def _written(name: str, shape: _Elongated | _ElongatedAnnulus, axes: tuple[float, ...]) -> str:
    where = written_place(shape.lon, shape.lat, shape.frame)
    sizes = ", ".join(written_size(each, shape.frame) for each in axes)
    return f"{name}({where}, {sizes}, {format_degrees(shape.angle)})"


@record("ellipse")
@dataclass(frozen=True)
class Ellipse(_Elongated):
    """An ellipse.

    Parameters
    ----------
    lon, lat : float
        Centre in degrees.
    width, height : float
        Full axes in degrees.
    angle : float
        Degrees, counter-clockwise; at 0 the width lies along the longitude.
    frame : str
        Frame of the centre and the angle.

    Examples
    --------
    >>> from maskexpr.sphere.vectors import unit
    >>> Ellipse(0, 0, 4, 2, 90).inside(unit([0.0, 1.5], [1.5, 0.0]), "icrs").tolist()
    [True, False]
    """

    _name: ClassVar[str] = "ellipse"

    @staticmethod
    def _contains(along: Floats, across: Floats, half: tuple[Floats, Floats]) -> Bools:
        return np.asarray((along / half[0]) ** 2 + (across / half[1]) ** 2 < 1.0)

    @staticmethod
    def _circles(half: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        return np.minimum(*half), np.maximum(*half)

    @staticmethod
    def _rim(half: tuple[float, float]) -> Rim:
        return ellipse_rim(half)

    def _axes_written(self) -> tuple[float, float]:
        # DS9 gives half-axes for ellipses and full sides for boxes.
        return self.width / 2, self.height / 2


@record("rectangle")
@dataclass(frozen=True)
class Rectangle(_Elongated):
    """A rectangle. Parameters as for `Ellipse`; width and height are full sides."""

    _name: ClassVar[str] = "box"

    @staticmethod
    def _contains(along: Floats, across: Floats, half: tuple[Floats, Floats]) -> Bools:
        return np.asarray((np.abs(along) < half[0]) & (np.abs(across) < half[1]))

    @staticmethod
    def _circles(half: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        return np.minimum(*half), np.hypot(*half)

    @staticmethod
    def _rim(half: tuple[float, float]) -> Rim:
        return rectangle_rim(half)


@dataclass(frozen=True)
class _ElongatedAnnulus(OfBatch):
    """What the annuli of ellipses and rectangles share."""

    lon: float
    lat: float
    inner_width: float
    inner_height: float
    outer_width: float
    outer_height: float
    angle: float = 0.0
    frame: str = "icrs"

    _kind: ClassVar[type[_Elongated]]

    def __post_init__(self) -> None:
        for axis in ("width", "height"):
            inner, outer = getattr(self, f"inner_{axis}"), getattr(self, f"outer_{axis}")
            if inner >= outer:
                raise RegionError(f"the inner {axis} {inner:g} must be less than the outer {axis} {outer:g}")
            store(self, **{f"inner_{axis}": float(inner), f"outer_{axis}": float(outer)})
        _, whole = self.rims
        store(self, lon=whole.lon, lat=whole.lat, angle=whole.angle)

    @once
    def rims(self) -> tuple[_Elongated, _Elongated]:
        """The inner and the outer shape."""
        inner = self._kind(self.lon, self.lat, self.inner_width, self.inner_height, self.angle, self.frame)
        return inner, self._kind(
            self.lon, self.lat, self.outer_width, self.outer_height, self.angle, self.frame
        )

    def _batch(self, frame: str) -> Rings:
        """See `OfBatch._batch`."""
        inner, outer = self.rims
        return Rings(inner._batch(frame), outer._batch(frame))

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        axes = [each[:, 0] for each in self.rims[1]._batch(frame).axes]
        return near_rims(self, [each._rim(each._half) for each in self.rims], axes, xyz, frame, angle)

    def text(self) -> str:
        """See `Shape.text`."""
        inner, outer = self.rims
        return _written(self._kind._name, self, (*inner._axes_written(), *outer._axes_written()))


@record("ellipse_annulus")
@dataclass(frozen=True)
class EllipseAnnulus(_ElongatedAnnulus):
    """An ellipse without a smaller one of the same centre and angle, whose rim belongs to it. Full axes."""

    _kind: ClassVar[type[_Elongated]] = Ellipse


@record("rectangle_annulus")
@dataclass(frozen=True)
class RectangleAnnulus(_ElongatedAnnulus):
    """A rectangle without a smaller one of the same centre and angle, whose rim belongs to it. Full sides."""

    _kind: ClassVar[type[_Elongated]] = Rectangle
