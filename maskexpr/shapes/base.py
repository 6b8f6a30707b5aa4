"""What every shape answers, and the checks that their constructors share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, ClassVar, Final

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.coverage import MIXED, Coverage
from ..core.errors import GeometryError, NeedsGridError, RegionError
from ..sphere.angles import format_degrees
from ..sphere.vectors import Caps, rotate, rotation, unit

__all__ = [
    "IMAGE",
    "SLACK",
    "Shape",
    "directions",
    "numbers",
    "place",
    "size",
    "store",
    "written_place",
    "written_size",
]

IMAGE: Final = "image"
"""The frame of positions that are pixels."""

SLACK: Final = 1e-12
"""Radians by which a bound is widened before it is believed: more than ties and rounding together."""


class Shape:
    """A shape on the sky. Each is a frozen dataclass, registered as a record.

    Shapes of the frame `IMAGE`, and those that mark pixels (`needs_grid`), cannot be asked here: the Region
    node does that.
    """

    tag: ClassVar[str] = ""
    frame: str

    @property
    def needs_grid(self) -> bool:
        """Whether the shape has a meaning only on a grid."""
        return False

    @property
    def leaves(self) -> tuple[Shape, ...]:
        """The simple shapes that it is made of."""
        return (self,)

    @property
    def samples(self) -> tuple[Shape, ...]:
        """Those of the simple shapes that tell which kinds there are."""
        return (self,)

    def inside(self, xyz: Floats, frame: str) -> Bools:
        """Which points are strictly inside; those closer to the rim than `TIE` are not.

        Parameters
        ----------
        xyz : ndarray, shape (3, n)
            Unit vectors; NaN is never inside.
        frame : str
            Their frame. The shape is turned into it, not the points.
        """
        raise NeedsGridError(
            f"{self.text()} marks pixels and has a meaning only on a grid: contains(positions, geom=geom)"
        )

    def coverage(self, caps: Caps, frame: str) -> Coverage:
        """Whether caps, given in a frame, are certainly inside, certainly outside, or neither is known."""
        return np.full(len(caps.radius), MIXED)

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """Which points have a point of the shape or its rim within an angle (radians), ties included.

        Raises
        ------
        NeedsGridError
            Of shapes that mark pixels, and of compounds that are no union.
        """
        raise NeedsGridError(
            f"how far positions are from {self.text()} is known on a grid only: "
            f"give the geometry, contains(positions, geom=geom)"
        )

    def text(self) -> str:
        """The shape as DS9 writes it, its frame apart, with units."""
        raise NotImplementedError


@lru_cache(maxsize=4096)
def directions(lon: tuple[float, ...], lat: tuple[float, ...], origin: str, target: str) -> Floats:
    """Unit vectors in ``target`` of positions in ``origin``, shape (3, n), read-only."""
    xyz = rotate(rotation(origin, target), unit(np.array(lon), np.array(lat)))
    xyz.flags.writeable = False
    return xyz


def written_place(lon: float, lat: float, frame: str) -> str:
    """A position as DS9 text has it, which counts pixels from 1."""
    first = 1 if frame == IMAGE else 0
    return f"{lon + first:.10g}, {lat + first:.10g}"


def written_size(value: float, frame: str) -> str:
    """A length as DS9 text has it."""
    return f"{value:.10g}" if frame == IMAGE else format_degrees(value)


# ---- checks at construction
# ----------------------------------------------------------------------------------------------


def store(shape: Shape, **fields: Any) -> None:
    """Set checked fields of a frozen dataclass while it is made."""
    for name, value in fields.items():
        object.__setattr__(shape, name, value)


def place(lon: Any, lat: Any, frame: str) -> tuple[float, float]:
    """One checked position.

    Raises
    ------
    RegionError
        For a frame that is not known or not a rotation of ICRS, a position that is not finite or a latitude
        beyond the poles.
    """
    _check_frame(frame)
    lon, lat = float(lon), float(lat)
    if not (math.isfinite(lon) and math.isfinite(lat)):
        raise RegionError(f"a position must be finite, got ({lon}, {lat})")
    if frame != IMAGE and abs(lat) > 90:
        raise RegionError(f"latitude {lat:g} deg is beyond the pole")
    return lon, lat


def numbers(values: Iterable[Any]) -> tuple[float, ...]:
    """A tuple of floats."""
    return tuple(float(each) for each in values)


def size(value: Any, name: str, frame: str, most: float) -> float:
    """One checked radius, width or height: finite, not negative and, on the sky, at most ``most`` degrees."""
    number = float(value)
    unit_name = "pix" if frame == IMAGE else "deg"
    if not math.isfinite(number):
        raise RegionError(f"{name} must be finite, got {number}")
    if number < 0:
        raise RegionError(f"{name} must not be negative, got {number:g} {unit_name}")
    if frame != IMAGE and number > most:
        raise RegionError(f"{name} is {number:g} deg; on the sky it can be at most {most:g} deg")
    return number


@lru_cache(maxsize=64)
def _check_frame(frame: str) -> None:
    if frame == IMAGE:
        return
    try:
        rotation(frame, "icrs")
    except GeometryError as err:
        raise RegionError(f"{err}; a frame must be a pure rotation of ICRS, such as fk5 or galactic") from err
