"""`Erode`: a mask shrunk by a disk or a box."""

from __future__ import annotations

import dataclasses

from ..expr.mask import node
from ..growth.node import SkyGrowth

__all__ = ["Erode"]


@node("erode")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Erode(SkyGrowth):
    """Every selected pixel that has no unselected pixel within a radius.

    The complement, on the sky, of `Dilate` of the complement. Off the sky there is nothing that could take
    away, so that a mask of the whole sky loses nothing. In the plane of pixels it is
    `scipy.ndimage.binary_erosion`: outside the map, and off the sky, nothing is selected, and that takes
    away.

    Parameters
    ----------
    mask : Mask
        What is shrunk.
    radius, kernel, metric, axis
        As of `Dilate`.

    Examples
    --------
    >>> import astropy.units as u
    >>> from maskexpr.expr.mask import AllSky
    >>> Erode(AllSky(), (2, 1) * u.pix, metric="pixel", axis="energy").label()
    "Erode(2 radii of 1 pix to 2 pix, metric='pixel')"
    """

    erodes = True
