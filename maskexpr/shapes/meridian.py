"""Where the outline of a polygon crosses one meridian."""

from __future__ import annotations

from typing import Final, NamedTuple, Self

import numpy as np

from ..core.arrays import Bools, Floats
from ..sphere.vectors import dot

__all__ = ["Meridian"]

# Radians from a crossing within which a latitude is not told from it, if the vertices keep further away from
# the meridian than the second number: that is a thousand times what rounding makes of it.
_NEAR: Final = 1e-9
_ROOM: Final = 1e-6


class Meridian(NamedTuple):
    """The meridian furthest from the vertices of a polygon.

    Attributes
    ----------
    lon : float
        Its longitude, radians.
    lat : ndarray
        Latitudes at which edges cross it, ascending.
    room : float
        How far the nearest vertex is away in longitude.
    """

    lon: float
    lat: Floats
    room: float

    @classmethod
    def of(cls, vertices: Floats) -> Self:
        """That of a polygon of unit vectors, shape (3, m)."""
        lon = np.sort(np.arctan2(vertices[1], vertices[0]))
        gap = np.diff(lon, append=lon[0] + 2 * np.pi)
        widest = int(np.argmax(gap))
        at = float(lon[widest] + gap[widest] / 2)
        side = np.cos(at) * vertices[1] - np.sin(at) * vertices[0]
        after, ends = np.roll(side, -1), np.roll(vertices, -1, axis=1)
        some = (side >= 0) != (after >= 0)
        # Edges are shorter than half a turn: on the plane of the meridian this is the point of the edge.
        meets = (vertices * np.abs(after) + ends * np.abs(side))[:, some]
        outwards = dot(np.array([np.cos(at), np.sin(at), 0.0]), meets)
        here = outwards > 0
        return cls(at, np.sort(np.arctan2(meets[2, here], outwards[here])), float(gap[widest] / 2))

    def parity(self, lat: Floats) -> tuple[Bools, Bools]:
        """Whether an odd number of crossings is south of latitudes, and of which latitudes that is in
        doubt.
        """
        odd = np.searchsorted(self.lat, lat) % 2 == 1
        if self.room < _ROOM:
            return odd, np.ones(len(lat), dtype=bool)
        low, high = (np.searchsorted(self.lat, lat + each) for each in (-_NEAR, _NEAR))
        return odd, low != high
