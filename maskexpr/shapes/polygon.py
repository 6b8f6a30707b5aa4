"""Polygons of great-circle edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.coverage import EMPTY
from ..core.errors import RegionError
from ..core.records import record
from ..sphere.arcs import to_arc
from ..sphere.vectors import TIE, Caps
from .base import IMAGE, numbers, place, store, written_place
from .batch import OfBatch
from .outline import Outlines, outline

__all__ = ["Polygon"]

# Degrees: how wide a patch is at most in longitude and in latitude, its highest latitude, and what is away.
_PATCH: Final = 60.0
_HIGHEST: Final = 89.0
_APART: Final = 1e-6


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
        for number, position in enumerate(zip(self.lon, self.lat, strict=True), start=1):
            try:
                place(*position, frame)
            except RegionError as err:
                raise RegionError(f"vertex {number}: {err}") from err
        if len(set(zip(self.lon, self.lat, strict=True))) < 3:
            raise RegionError(f"a polygon needs three distinct vertices, got {len(self.lon)}")
        if frame != IMAGE and not _is_plain(self.lon, self.lat):
            # It tells what is wrong.
            self._batch(frame)

    def near(self, xyz: Floats, frame: str, angle: float) -> Bools:
        """See `Shape.near`."""
        out = self.inside(xyz, frame)
        limit = angle + TIE
        # Both sides of the rim are near: whichever side is inside, points of the other are near if it is.
        cover = self.coverage(Caps(xyz, np.full(xyz.shape[1], limit)), frame)
        for a, b, _, _ in self._batch(frame).edges(slice(None), xyz.shape[1]):
            rest = np.flatnonzero((cover != EMPTY) & ~out & np.isfinite(xyz[0]))
            distance = to_arc(np.ascontiguousarray(xyz[:, None, rest]), a, b)
            out[rest[(distance <= limit).any(axis=0)]] = True
        return out

    def _batch(self, frame: str) -> Outlines:
        """See `OfBatch._batch`."""
        return outline(self.lon, self.lat, self.frame, frame, self.larger_side)

    def text(self) -> str:
        """See `Shape.text`."""
        pairs = zip(self.lon, self.lat, strict=True)
        shown = [written_place(lon, lat, self.frame) for lon, lat in pairs]
        if len(shown) > 6:
            shown[4:] = [f"... {len(self.lon)} vertices"]
        return f"polygon({', '.join(shown)})"


def _is_plain(lon: tuple[float, ...], lat: tuple[float, ...]) -> bool:
    """Whether a polygon is told to have an outline by its numbers alone, at a hundredth of the cost: three of
    its vertices are away from those before them, and all are in a patch less than a right angle across.
    """
    if max(lon) - min(lon) > _PATCH or max(lat) - min(lat) > _PATCH or max(map(abs, lat)) > _HIGHEST:
        return False
    steps = zip(lon, (lon[-1], *lon), lat, (lat[-1], *lat), strict=False)
    return sum(abs(a - b) > _APART or abs(c - d) > _APART for a, b, c, d in steps) >= 3
