"""How a FITS map lies on the sky: the lattice of its plane, where it meets itself, where it is cut."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

from ...pixels.window import Window
from ...sphere.vectors import unit
from ..lattice import Cut, Topology
from . import lattice

if TYPE_CHECKING:
    from .geom import WcsGeom

__all__ = ["cut_of", "lattice_window", "separable_topology"]

# Where a projection's plane has no end, its lattice is taken to end this many degrees of the plane from the
# reference (87.7 deg from the centre of a TAN map, 170 deg of a STG map, and 10^-9 deg from the pole of a MER
# map), and this many times as far from it as the map does.
_PLANE: Final = 1440.0
_FARTHER: Final = 4
# Seam and pole are found by indices that headers round.
_SLACK: Final = 1e-3


@lru_cache(maxsize=256)
def lattice_window(geom: WcsGeom) -> Window:
    """The window of lattice pixels that can be neighbours at all.

    It is the projection's own lattice where that has an end. A distorted map is known only as far as its
    polynomials were fitted, so that there it is the map with its own size on each side.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> lattice_window(WcsGeom.allsky(binsz=1))
    Window(y0=-2, y1=182, x0=-2, x1=362)
    """
    projection = geom._projection
    found = lattice.sky_window(projection)
    if found is not None:
        return found
    ny, nx = geom.image_shape
    if projection.sip is not None:
        return Window(0, ny, 0, nx).pad(ny, nx)
    y, x = (round(each) for each in geom.reference_pixel)
    reach = math.ceil(_PLANE / float(geom.pixel_scales.to_value("deg").min()))
    reach = max(reach, _FARTHER * max(abs(y), abs(y - ny), abs(x), abs(x - nx)))
    return Window(y - reach, y + reach, x - reach, x + reach)


def separable_topology(geom: WcsGeom) -> Topology:
    """How a map with lines of longitude and latitude along its sides meets itself.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> separable_topology(WcsGeom.allsky(binsz=1))[1:3]
    (True, (True, True))
    """
    ny, nx = geom.image_shape
    rows = np.flatnonzero(np.isfinite(geom.lat_of(np.arange(ny))))
    columns = np.flatnonzero(np.isfinite(geom.lon_of(np.arange(nx))))
    if not len(rows) or not len(columns):
        return Topology(Window(0, 0, 0, 0), False, (False, False), (False,) * 4, False, False)
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    step = abs(geom.lon_step)
    seam = (x1 - x0) * step >= 360.0 - _SLACK * step
    beyond = np.isnan(geom.lat_of(np.array([y0 - 0.5 - _SLACK, y1 - 0.5 + _SLACK])))
    poles = (seam and bool(beyond[0]), seam and bool(beyond[1]))
    edges = (not poles[0], not poles[1], not seam, not seam)
    return Topology(Window(y0, y1, x0, x1), seam, poles, edges, False, not any(edges))


@lru_cache(maxsize=64)
def cut_of(geom: WcsGeom) -> Cut:
    """The native meridian of 180 degrees: the native pole, and native longitude and latitude 0."""
    lon, lat = geom.lonlat(*geom.reference_pixel)
    wcs = geom.wcs.wcs
    wcs.set()
    euler = wcs.cel.euler
    return Cut(unit(float(euler[0]), 90.0 - float(euler[1])), unit(float(lon), float(lat)))
