"""Boxes by two corners: all pixels between them, which has a meaning on the plane of a map's pixels alone."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import RegionError
from ..core.records import record
from .base import Shape, place, store, written_place

__all__ = ["PixelBox"]


@record("pixel_box")
@dataclass(frozen=True)
class PixelBox(Shape):
    """The box of pixels whose sides are parallel to rows and columns, between two opposite corners.

    Where the corners are on the sky the box depends on the map that it is put on, as CASA's ``box`` and
    CIAO's ``rectangle`` do.

    Parameters
    ----------
    lon, lat : pair of float
        The two corners in degrees (pixels in the frame ``"image"``).
    frame : str
        Frame of both.
    """

    lon: tuple[float, float]
    lat: tuple[float, float]
    frame: str = "icrs"

    def __post_init__(self) -> None:
        if len(self.lon) != 2 or len(self.lat) != 2:
            raise RegionError("a box by its corners has two of them")
        one, other = (place(lon, lat, self.frame) for lon, lat in zip(self.lon, self.lat, strict=True))
        store(self, lon=(one[0], other[0]), lat=(one[1], other[1]))

    @property
    def needs_grid(self) -> bool:
        """See `Shape.needs_grid`."""
        return True

    def text(self) -> str:
        """See `Shape.text`."""
        ends = [written_place(lon, lat, self.frame) for lon, lat in zip(self.lon, self.lat, strict=True)]
        return f"rectangle({', '.join(ends)})"
