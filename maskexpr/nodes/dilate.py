"""`Dilate`: a mask grown by a disk or a box."""

from __future__ import annotations

import dataclasses
import math

from ..core.coverage import Coverage
from ..expr.mask import Ask, Bools, node
from ..grid.parts import Parts
from ..grid.points import Pixels, Points
from ..grid.tiles import Areas, Tile
from ..growth.node import SkyGrowth
from ..sphere.parallels import Parallels, StripRuns

__all__ = ["Dilate"]


@node("dilate")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Dilate(SkyGrowth):
    """Every pixel that has a selected pixel within a radius.

    On the sky (the default) that is a true separation of pixel centres, ties included, across the longitude
    seam and over the poles; pixels beyond the map, on the lattice that its WCS goes on with, grow into it. In
    the plane of pixels it is `scipy.ndimage.binary_dilation`, with nothing outside the map.

    Positions asked without a grid are compared with the mask itself, a set on the sphere: selected is what
    has a point of it within the radius. That is known of regions, catalogues, bands, their unions and
    dilations.

    Parameters
    ----------
    mask : Mask
        What is grown.
    radius : angle, pixels, pair or array
        Radius of the disk, or half-side of the box: at most 180 degrees; any angle or number of pixels (``3 *
        u.pix``) where ``metric="pixel"``, where an angle is divided by the pixel scales. A tuple or list of
        two is the pair (lon, lat) of a box. An array has one radius for each bin of ``axis``.
    kernel : str
        ``"disk"``, or ``"box"``: on the sky, latitudes that differ by at most the half-side, and longitudes
        by at most it along that of the two parallels that is nearer to the equator, in the map's frame.
    metric : str
        ``"sky"`` or ``"pixel"``.
    axis : str
        Name of the axis that an array of radii runs along.

    Raises
    ------
    AngleError
        For a radius without a unit.
    MaskValueError
        For a radius that is negative, over 180 degrees or in pixels on the sky; for an unknown kernel or
        metric.

    Examples
    --------
    >>> from maskexpr.expr.mask import NoSky
    >>> Dilate(NoSky(), "0.3 deg").label()
    'Dilate(0.3 deg)'
    """

    @property
    def disk(self) -> float | None:
        """Radius in degrees, if it is one radius of a disk on the sky."""
        on_sky = self.kernel == "disk" and self.metric == "sky" and self.axis is None
        return float(self.radius[0, 0]) if on_sky else None

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        if isinstance(areas, Parts) and self.disk is not None:
            return self.mask.cover_near(areas, math.radians(self.disk))
        return super().coverage(areas, of)

    def between_parallels(
        self, parallels: Parallels, angle: float = 0.0
    ) -> tuple[StripRuns, StripRuns] | None:
        if self.disk is None:
            return None
        return self.mask.between_parallels(parallels, angle + math.radians(self.disk))

    def border_parallels(self, frame: str, angle: float = 0.0) -> tuple[float, ...]:
        if self.disk is None:
            return ()
        return self.mask.border_parallels(frame, angle + math.radians(self.disk))

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        if isinstance(where, Tile | Pixels) or self.disk is None:
            return super().values(where, of)
        return self.mask.near(where, math.radians(self.disk))
