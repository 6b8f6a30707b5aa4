"""Sectors: what lies between two directions from a centre, of the whole sky or of a ring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.coverage import Coverage, invert
from ..core.errors import RegionError
from ..core.names import described
from ..core.records import record
from ..sphere.angles import format_degrees
from ..sphere.vectors import Caps
from .base import Shape, place, store, written_place, written_size
from .batch import Batch, Which
from .circle import CircleAnnulus, Discs
from .ellipse import EllipseAnnulus, RectangleAnnulus
from .tangent import axes_of

__all__ = ["Sector", "Sectors", "fans"]

Ring = CircleAnnulus | EllipseAnnulus | RectangleAnnulus


@dataclass(frozen=True)
class Fans:
    """What lies between two directions from n centres.

    Attributes
    ----------
    before : sequence of Discs
        The hemispheres of the half turns that end at the start, the middle and the stop of each fan. A fan is
        cut in its middle because a difference of two hemispheres is less than a half turn.
    """

    before: tuple[Discs, Discs, Discs]

    def inside(self, xyz: Floats, which: Which) -> Bools:
        """See `Batch.inside`."""
        start, middle, stop = (each.inside(xyz, which) for each in self.before)
        return np.asarray((middle & ~start) | (stop & ~middle))

    def coverage(self, caps: Caps, which: Which) -> Coverage:
        """See `Batch.coverage`."""
        start, middle, stop = (each.coverage(caps, which) for each in self.before)
        first, second = np.minimum(middle, invert(start)), np.minimum(stop, invert(middle))
        return np.maximum(first, second)


def fans(sectors: Sequence[Sector], frame: str) -> Fans:
    """The fans of sectors of one frame as arrays, turned into another."""
    lon, lat, start, stop = np.array([(each.lon, each.lat, each.start, each.stop) for each in sectors]).T
    right_angles = np.full(len(sectors), np.pi / 2)
    # Directions that are the same have the same numbers, so that sectors leave no gap.
    ends = (each % 360 for each in (start, (start + stop) / 2, stop))
    made = (axes_of(lon, lat, end, sectors[0].frame, frame).height for end in ends)
    first, middle, last = (Discs(-each, right_angles) for each in made)
    return Fans((first, middle, last))


@dataclass(frozen=True)
class Sectors:
    """n sectors: the fans, and the rings that they cut, if any."""

    fans: Fans
    rings: Batch | None

    @property
    def caps(self) -> Caps:
        """See `Batch.caps`."""
        if self.rings is not None:
            return self.rings.caps
        centre = self.fans.before[0].centre
        return Caps(centre, np.full(centre.shape[1], np.pi))

    def inside(self, xyz: Floats, which: Which) -> Bools:
        """See `Batch.inside`."""
        held = self.fans.inside(xyz, which)
        return held if self.rings is None else held & self.rings.inside(xyz, which)

    def coverage(self, caps: Caps, which: Which) -> Coverage:
        """See `Batch.coverage`."""
        cover = self.fans.coverage(caps, which)
        return cover if self.rings is None else np.minimum(cover, self.rings.coverage(caps, which))


@record("sector")
@dataclass(frozen=True)
class Sector(Shape):
    """Everything between two directions from a centre, or what of a ring lies between them.

    The first direction belongs to it, the second does not: sectors that follow each other leave no gap. The
    centre, and the antipode of it, lie in no direction and in no sector.

    Parameters
    ----------
    lon, lat : float
        Centre in degrees.
    start, stop : float
        Directions in degrees, counter-clockwise from where the width of an unturned ellipse lies: 0 is west,
        90 is north (in pixels +x and +y).
    frame : str
        Frame of the centre and the directions.
    ring : CircleAnnulus, EllipseAnnulus or RectangleAnnulus, optional
        A ring of the same centre, of which the sector is a part.

    Raises
    ------
    RegionError
        For directions that are not finite, or not in order within one turn, or a ring with another centre.

    Examples
    --------
    >>> from maskexpr.sphere.vectors import unit
    >>> north_west = Sector(0, 0, 0, 90)
    >>> north_west.inside(unit([1.0, -1.0, -1.0], [1.0, 1.0, -1.0]), "icrs").tolist()
    [False, True, False]
    """

    lon: float
    lat: float
    start: float
    stop: float
    frame: str = "icrs"
    ring: Ring | None = None

    def __post_init__(self) -> None:
        lon, lat = place(self.lon, self.lat, self.frame)
        start, stop = float(self.start), float(self.stop)
        if not 0 < stop - start < 360:
            raise RegionError(
                f"a sector from {start:g} to {stop:g} deg: the second angle must be the larger one, by less "
                "than 360 deg"
            )
        store(self, lon=lon, lat=lat, start=start, stop=stop)
        self._check_ring()

    def _check_ring(self) -> None:
        ring = self.ring
        if ring is None:
            return
        if not isinstance(ring, Ring):
            raise RegionError(f"the ring of a sector must be an annulus, got {described(ring)}")
        if (ring.lon, ring.lat, ring.frame) != (self.lon, self.lat, self.frame):
            raise RegionError(f"the ring of a sector must have its centre, got {ring.text()}")

    def inside(self, xyz: Floats, frame: str) -> Bools:
        """See `Shape.inside`."""
        held = fans([self], frame).inside(xyz, slice(None))
        return held if self.ring is None else held & self.ring.inside(xyz, frame)

    def coverage(self, caps: Caps, frame: str) -> Coverage:
        """See `Shape.coverage`."""
        cover = fans([self], frame).coverage(caps, slice(None))
        return cover if self.ring is None else np.minimum(cover, self.ring.coverage(caps, frame))

    def text(self) -> str:
        """See `Shape.text`."""
        where = written_place(self.lon, self.lat, self.frame)
        between = f"{format_degrees(self.start)}, {format_degrees(self.stop)}"
        if self.ring is None:
            return f"sector({where}, {between})"
        turned, sizes = "", tuple[float, ...]()
        if isinstance(self.ring, CircleAnnulus):
            name, sizes = "panda", (self.ring.inner, self.ring.outer)
        else:
            name = "epanda" if isinstance(self.ring, EllipseAnnulus) else "bpanda"
            sizes = tuple(size for rim in self.ring.rims for size in rim._axes_written())
            turned = f", {format_degrees(self.ring.angle)}" if self.ring.angle else ""
        written = ", ".join(written_size(each, self.frame) for each in sizes)
        return f"{name}({where}, {between}, 1, {written}, 1{turned})"
