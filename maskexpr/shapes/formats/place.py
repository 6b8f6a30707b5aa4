"""Positions as shapes have them, plain numbers in a frame that is a fixed rotation of ICRS, and what several
formats make of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import astropy.units as u
import numpy as np
from astropy.coordinates import ConvertError, SkyCoord
from regions import PixCoord

from ...core.arrays import Floats, Ints
from ...core.errors import RegionError
from ...grid.points import lonlat_of, lonlats_of
from .. import IMAGE, Line, PixelBox, Rectangle, Sector, Shape, WholeSky

__all__ = ["Place", "box_by_corners", "sector_of"]

# Frames that stay as they are: those by which maps and catalogues are named. Others become ICRS at the door.
_KEPT: Final = ("icrs", "fk5", "galactic", "supergalactic", "barycentricmeanecliptic")


class Place(NamedTuple):
    """Positions in a frame that shapes may have; ``turn`` degrees take angles of their old frame into it."""

    lon: tuple[float, ...]
    lat: tuple[float, ...]
    frame: str
    turn: float = 0.0

    @classmethod
    def columns(cls, positions: Sequence[SkyCoord]) -> tuple[Floats, Floats, Ints, str] | None:
        """Longitudes and latitudes of many positions, one after the other, how many each holds, and their
        frame, where they stay in one as they are.
        """
        found = lonlats_of(positions) if set(map(type, positions)) == {SkyCoord} else None
        return found if found is not None and found[3] in _KEPT else None

    @classmethod
    def of(cls, position: SkyCoord | PixCoord) -> Place:
        """Positions of sky or pixel coordinates.

        FK4, ecliptic frames of date and others that are no fixed rotation of ICRS are converted to ICRS,
        position by position; an angle at the first of them turns with the direction of north.
        """
        if isinstance(position, PixCoord):
            return cls(_floats(position.x), _floats(position.y), IMAGE)
        frame = position.frame
        if frame.name in _KEPT:
            lon, lat, name = lonlat_of(position)
            if name == frame.name:
                return cls(_floats(lon), _floats(lat), name)
        try:
            there = position.icrs
            first = position.reshape(-1)[0]
            north = first.directional_offset_by(0 * u.deg, 1 * u.arcsec).icrs
            turn = float(first.icrs.position_angle(north).to_value(u.deg))
        except (ConvertError, AttributeError, ValueError, TypeError, u.UnitsError) as err:
            raise RegionError(f"positions in {frame.name} cannot be converted to ICRS: {err}") from err
        lon, lat, _ = lonlat_of(there)
        return cls(_floats(lon), _floats(lat), "icrs", (turn + 180) % 360 - 180)

    def lines(self) -> list[Shape]:
        """The lines from each position to the next."""
        ends = pairwise(zip(self.lon, self.lat, strict=True))
        return [Line((a[0], b[0]), (a[1], b[1]), self.frame) for a, b in ends]


def sector_of(at: Place, angles: tuple[float, float], ring: Any = None) -> Shape:
    """The sector of a ring, or of the sky, from one angle counter-clockwise to another.

    Angles a whole turn apart mean all of it; the second may be less than the first, across 0.
    """
    start, stop = angles
    turn = stop - start + (360 if stop < start else 0)
    if not 0 < turn <= 360:
        raise RegionError(
            f"its angles are {start:g} and {stop:g} deg: write the second as it follows the first "
            "counter-clockwise, 0 and 360 for all round"
        )
    if turn == 360:
        whole: Shape = WholeSky(at.frame) if ring is None else ring
        return whole
    return Sector(at.lon[0], at.lat[0], start + at.turn, start + at.turn + turn, at.frame, ring)


def box_by_corners(at: Place) -> Shape:
    """The box of pixels between two corners."""
    (x0, x1), (y0, y1) = at.lon, at.lat
    if at.frame != IMAGE:
        return PixelBox((x0, x1), (y0, y1), at.frame)
    return Rectangle((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0), abs(y1 - y0), 0.0, IMAGE)


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=np.float64).ravel().tolist())
