"""Positions as shapes have them: plain numbers in a frame that is a fixed rotation of ICRS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import astropy.units as u
import numpy as np
from astropy.coordinates import ConvertError, SkyCoord
from regions import PixCoord

from ...core.arrays import Floats
from ...core.errors import RegionError
from ...grid.points import lonlat_of, lonlats_of
from .. import IMAGE

__all__ = ["Place"]

# Frames that stay as they are: those by which maps and catalogues are named. Others become ICRS at the door.
_KEPT: Final = ("icrs", "fk5", "galactic", "supergalactic", "barycentricmeanecliptic")


class Place(NamedTuple):
    """Positions in a frame that shapes may have; ``turn`` degrees take angles of their old frame into it."""

    lon: tuple[float, ...]
    lat: tuple[float, ...]
    frame: str
    turn: float = 0.0

    @classmethod
    def columns(cls, positions: Sequence[SkyCoord]) -> tuple[list[Floats], list[Floats], str] | None:
        """Longitudes and latitudes of many positions, where they stay in one frame as they are."""
        found = lonlats_of(positions) if set(map(type, positions)) == {SkyCoord} else None
        return found if found is not None and found[2] in _KEPT else None

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


def _floats(values: Any) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=np.float64).ravel().tolist())
