"""The shapes of FITS region tables: from the pixels of the table to those of a map, or to the sky."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from ...core.arrays import Floats
from ...core.errors import RegionError
from ...grid.wcs.geom import WcsGeom
from ...sphere.vectors import unit
from .. import (
    Circle,
    CircleAnnulus,
    Ellipse,
    EllipseAnnulus,
    Point,
    Polygon,
    Rectangle,
    RectangleAnnulus,
    Shape,
    combine,
)
from .place import Place, sector_of

__all__ = ["SHAPES", "Plane", "Projected", "Row", "Stated"]


class Row(NamedTuple):
    """One row of a table: positions, sizes and angles in degrees, as many as the columns hold."""

    x: Floats
    y: Floats
    r: Floats
    angles: Floats
    plane: Plane
    by_regions: bool
    longest: bool

    def sizes(self, number: int) -> list[float]:
        """The first of the sizes."""
        if len(self.r) < number:
            raise RegionError(f"it has {len(self.r)} of the {number} values of R that the shape needs")
        return [float(value) for value in self.r[:number]]

    @property
    def angle(self) -> float:
        """The angle, 0 where the table has none."""
        return float(self.angles[0]) if len(self.angles) else 0.0


class Plane(Protocol):
    """What positions, sizes and angles of a table are."""

    @property
    def frame(self) -> str:
        """The frame."""

    def positions(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Positions in the frame."""

    def size(self, value: float, x: float, y: float, angle: float | None) -> float:
        """A size in the frame, of something at a place and, unless it is round, at an angle."""

    def angle(self, value: float, x: float, y: float) -> float:
        """An angle in the frame."""


@dataclass(frozen=True)
class Stated:
    """Numbers that are of the frame as they stand: pixels that count from ``first``, or degrees on the sky,
    ``factor`` of them to a unit of R.
    """

    frame: str
    first: int = 0
    factor: float = 1.0

    def positions(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """See `Plane.positions`."""
        return x - self.first, y - self.first

    def size(self, value: float, x: float, y: float, angle: float | None) -> float:
        """See `Plane.size`."""
        return value * self.factor

    def angle(self, value: float, x: float, y: float) -> float:
        """See `Plane.angle`."""
        return value


@dataclass(frozen=True)
class Projected:
    """Pixels of a projection that the table's own keywords describe, which mean the sky.

    Sizes and angles are turned into those of the sky by the projection's derivative at the place.
    """

    geom: WcsGeom
    factor: float | None = None

    @property
    def frame(self) -> str:
        """Frame of the sky."""
        return self.geom.frame

    def positions(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """See `Plane.positions`."""
        lon, lat = self.geom.lonlat(y - 1, x - 1)
        if not np.isfinite(lon).all():
            raise RegionError("a position is off the sky of the table's projection")
        return lon, lat

    def size(self, value: float, x: float, y: float, angle: float | None) -> float:
        """See `Plane.size`."""
        if self.factor is not None:
            return value * self.factor
        steps = self._steps(x, y)
        if angle is None:
            return value * float(np.sqrt(abs(np.linalg.det(steps))))
        return value * float(np.hypot(*(steps @ _direction(angle))))

    def angle(self, value: float, x: float, y: float) -> float:
        """See `Plane.angle`."""
        east, north = self._steps(x, y) @ _direction(value)
        # An angle of 0 is west, which is the position angle 270.
        return float(np.rad2deg(np.arctan2(east, north))) + 90.0

    def _steps(self, x: float, y: float) -> Floats:
        """Degrees to the east and to the north by pixels in x and in y, shape (2, 2)."""
        lon, lat = self.geom.lonlat(
            y - 1 + np.array([0, 0, 0, -0.5, 0.5]), x - 1 + np.array([0, -0.5, 0.5, 0, 0])
        )
        xyz = unit(lon, lat)
        alpha, delta = np.deg2rad(lon[0]), np.deg2rad(lat[0])
        east = np.array([-np.sin(alpha), np.cos(alpha), 0.0])
        north = np.array([-np.sin(delta) * np.cos(alpha), -np.sin(delta) * np.sin(alpha), np.cos(delta)])
        moved = np.stack([xyz[:, 2] - xyz[:, 1], xyz[:, 4] - xyz[:, 3]], axis=1)
        return np.asarray(np.rad2deg(np.stack([east @ moved, north @ moved])))


def _direction(angle: float) -> Floats:
    return np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])


# ---- shapes ------------------------------------------------------------------------------------------------
# --------------


def _centre(row: Row) -> tuple[float, float, tuple[float, float]]:
    """The centre in the table's pixels and in the frame."""
    x, y = float(row.x[0]), float(row.y[0])
    lon, lat = row.plane.positions(row.x[:1], row.y[:1])
    return x, y, (float(lon[0]), float(lat[0]))


def _point(row: Row) -> Shape:
    return Point(*_centre(row)[2], row.plane.frame)


def _circle(row: Row) -> Shape:
    x, y, at = _centre(row)
    return Circle(*at, row.plane.size(row.sizes(1)[0], x, y, None), row.plane.frame)


def _annulus(row: Row) -> Shape:
    x, y, at = _centre(row)
    inner, outer = (row.plane.size(each, x, y, None) for each in row.sizes(2))
    return CircleAnnulus(*at, inner, outer, row.plane.frame)


def _between(row: Row, ring: Shape | None = None) -> Shape:
    """From the first angle counter-clockwise to the second, on the table's pixels."""
    if len(row.angles) < 2:
        raise RegionError(f"it has {len(row.angles)} of the 2 values of ROTANG that the shape needs")
    x, y, (lon, lat) = _centre(row)
    first, second = (float(each) for each in row.angles[:2])
    start, beyond, stop = (row.plane.angle(each, x, y) for each in (first, first + 90, second))
    turn = second - first
    if 0 < abs(turn) < 360:
        # Where the sky is seen from the other side, what is counter-clockwise here is clockwise there.
        mirrored = (beyond - start) % 360 > 180
        start, stop = (stop % 360, start % 360) if mirrored else (start % 360, stop % 360)
    else:
        stop = start + turn
    return sector_of(Place((lon,), (lat,), row.plane.frame), (start, stop), ring)


def _oblong(kind: Any, factor: float) -> Callable[[Row], Shape]:
    def make(row: Row) -> Shape:
        width, height = row.sizes(2)
        return _turned(row, kind, factor * width, factor * height, row.angle)

    return make


def _turned(
    row: Row, kind: Any, width: float, height: float, angle: float, centre: tuple[float, float] | None = None
) -> Shape:
    x, y = centre or (float(row.x[0]), float(row.y[0]))
    lon, lat = row.plane.positions(np.array([x]), np.array([y]))
    sizes = row.plane.size(width, x, y, angle), row.plane.size(height, x, y, angle + 90)
    shape: Shape = kind(float(lon[0]), float(lat[0]), *sizes, row.plane.angle(angle, x, y), row.plane.frame)
    return shape


def _ring(kind: Any, ring: Any, factor: float) -> Callable[[Row], Shape]:
    """A ring of an inner and an outer shape, each with its angle."""

    def make(row: Row) -> Shape:
        first, second, third, fourth = row.sizes(4)
        inner, outer, times = (first, second), (third, fourth), factor
        if row.by_regions:
            # The package regions writes full axes, both widths first.
            inner, outer, times = (first, third), (second, fourth), 1.0
        angles = [float(each) for each in row.angles[:2]] or [0.0]
        small = _turned(row, kind, times * inner[0], times * inner[1], angles[0])
        large = _turned(row, kind, times * outer[0], times * outer[1], angles[-1])
        if angles[0] != angles[-1]:
            return combine([("or", large), ("minus", small)])
        sizes = (small.width, small.height, large.width, large.height)  # type: ignore[attr-defined]
        made: Shape = ring(large.lon, large.lat, *sizes, large.angle, large.frame)  # type: ignore[attr-defined]
        return made

    return make


def _rectangle(row: Row) -> Shape:
    """By two corners, which are corners of the turned rectangle too."""
    if len(row.x) < 2 or len(row.y) < 2:
        raise RegionError("a rectangle has two values of X and of Y")
    dx, dy = float(row.x[1] - row.x[0]), float(row.y[1] - row.y[0])
    cos, sin = _direction(row.angle)
    centre = (float(row.x[0]) + dx / 2, float(row.y[0]) + dy / 2)
    return _turned(row, Rectangle, abs(dx * cos + dy * sin), abs(dy * cos - dx * sin), row.angle, centre)


def _diamond(row: Row) -> Shape:
    """By its diagonals."""
    width, height = row.sizes(2)
    cos, sin = _direction(row.angle)
    along, across = np.array([width, 0.0, -width, 0.0]) / 2, np.array([0.0, height, 0.0, -height]) / 2
    x = float(row.x[0]) + along * cos - across * sin
    y = float(row.y[0]) + along * sin + across * cos
    return Polygon(*row.plane.positions(x, y), row.plane.frame)


def _polygon(row: Row) -> Shape:
    """The vertices up to what fills the rest of the row: NaN, zeros, the first or last vertex once more."""
    x, y = row.x, row.y
    known = np.isfinite(x) & np.isfinite(y)
    end = len(x) if known.all() else int(np.argmin(known))
    if known[end:].any():
        raise RegionError(f"vertex {end + 1} of the polygon is not finite, and others come after it")
    zero = (x == 0) & (y == 0)
    if not (row.by_regions and row.longest):
        while end and zero[end - 1]:
            end -= 1
    again = np.flatnonzero((x[3:end] == x[0]) & (y[3:end] == y[0]))
    end = int(again[0]) + 3 if len(again) else end
    while end > 1 and x[end - 1] == x[end - 2] and y[end - 1] == y[end - 2]:
        end -= 1
    return Polygon(*row.plane.positions(x[:end], y[:end]), row.plane.frame)


SHAPES: Final[dict[str, Callable[[Row], Shape]]] = {
    "point": _point,
    "circle": _circle,
    "annulus": _annulus,
    "sector": _between,
    "pie": lambda row: _between(row, _annulus(row)),
    # Half-axes for ellipses, full sides for boxes.
    "ellipse": _oblong(Ellipse, 2.0),
    "box": _oblong(Rectangle, 1.0),
    "rotbox": _oblong(Rectangle, 1.0),
    "elliptannulus": _ring(Ellipse, EllipseAnnulus, 2.0),
    "boxannulus": _ring(Rectangle, RectangleAnnulus, 1.0),
    "rectangle": _rectangle,
    "rotrectangle": _rectangle,
    "diamond": _diamond,
    "rotdiamond": _diamond,
    "rhombus": _diamond,
    "rotrhombus": _diamond,
    "polygon": _polygon,
}
