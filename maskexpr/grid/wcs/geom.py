"""Map geometries: a sky projection, an extent in pixels and non-spatial axes. Immutable and as cheap for
10^12 pixels as for one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from ...core.errors import AxisError, GeometryError, require
from ...pixels.window import Window
from ...sphere.angles import to_degrees
from ..axis import Axis
from .area import solid_angle_array
from .arguments import pair, spec_of, whole_pair
from .grid import WcsGrid
from .header import parts_of_file, parts_of_header
from .projection import Projection

__all__ = ["WcsGeom"]

Floats = NDArray[np.float64]


class WcsGeom(WcsGrid):
    """A grid of pixels on the sky, and bins of non-spatial axes.

    Instances are immutable, hashable and picklable; two are equal if their header, shape and axes are. Pairs
    that users give are in the order (lon, lat); shapes and indices are y before x.

    Parameters
    ----------
    wcs : astropy.wcs.WCS
        Celestial in its first two axes; it is copied. SIP is kept.
    shape : tuple of int
        (ny, nx), or the full shape (axes..., ny, nx).
    axes : sequence of Axis
        Non-spatial axes in the order of the array's dimensions (the outermost first).

    Raises
    ------
    GeometryError
        For a WCS that is not celestial, singular, in an unsupported frame, or a shape that does not fit.
    AxisError
        For axes of one name.

    Examples
    --------
    >>> geom = WcsGeom.allsky(binsz="0.5 deg", frame="galactic")
    >>> geom
    WcsGeom(CAR galactic, shape (360, 720), 0.5 deg pixels, centre (0, 0) deg)
    >>> geom.cutout(SkyCoord(30, 10, unit="deg", frame="galactic"), "5 deg").shape
    (10, 10)
    """

    __slots__ = ()

    def __init__(self, wcs: WCS, shape: tuple[int, ...], axes: Iterable[Axis] = ()) -> None:
        self._set(Projection.from_wcs(wcs), shape, _as_tuple(axes))

    @classmethod
    def create(
        cls,
        skydir: Any = None,
        width: Any = None,
        npix: Any = None,
        binsz: Any = 0.5,
        proj: str = "CAR",
        frame: str = "icrs",
        refpix: Any = None,
        axes: Iterable[Axis] = (),
    ) -> WcsGeom:
        """A geometry from a centre, a size and a pixel size; the header equals gammapy's for equal arguments.

        Parameters
        ----------
        skydir : SkyCoord or (lon, lat), optional
            Centre; numbers are degrees in ``frame``. (0, 0) if not given.
        width, npix : angle or int, or a pair (lon, lat), optional
            Extent as angle or in pixels; ``npix`` wins; the whole sky if neither is given.
        binsz : angle or pair
            Pixel size. Here bare numbers are degrees, as gammapy has it.
        proj, frame : str
            FITS code of the projection; ``"icrs"``, ``"fk5"``, ``"galactic"`` or ``"supergalactic"``.
        refpix : pair, optional
            CRPIX, (x, y) as in FITS; the centre of the map if not given.
        axes : sequence of Axis
            Non-spatial axes.

        Examples
        --------
        >>> WcsGeom.create(skydir=(83.6, 22.0), width=(8, 5), binsz="0.1 deg", proj="TAN").shape
        (50, 80)
        """
        return cls._of(*spec_of(skydir, width, npix, binsz, proj, frame, refpix), _as_tuple(axes))

    @classmethod
    def allsky(cls, binsz: Any, frame: str = "icrs", proj: str = "CAR", axes: Iterable[Axis] = ()) -> WcsGeom:
        """A geometry 360 by 180 degrees wide.

        Examples
        --------
        >>> WcsGeom.allsky(binsz=1, proj="AIT").is_allsky
        True
        """
        return cls.create(binsz=binsz, frame=frame, proj=proj, axes=axes)

    @classmethod
    def from_header(cls, header: fits.Header, bands: fits.BinTableHDU | None = None) -> WcsGeom:
        """The geometry of an image's header; ``bands`` is the GADF table of its axes.

        Examples
        --------
        >>> geom = WcsGeom.allsky(binsz=1)
        >>> WcsGeom.from_header(geom.to_header()) == geom
        True
        """
        return cls._of(*parts_of_header(header, bands))

    @classmethod
    def read(cls, path: str | Path, hdu: int | str | None = None) -> WcsGeom:
        """The geometry of an image in a FITS file (``.gz`` too), with the axes of its ``*_BANDS`` or
        ``EBOUNDS`` table.

        Parameters
        ----------
        path : str or Path
            The file. No pixel is read.
        hdu : int or str, optional
            The image; the first that has celestial coordinates if not given.
        """
        return cls._of(*parts_of_file(path, hdu))

    @classmethod
    def from_gammapy(cls, geom: Any) -> WcsGeom:
        """The same geometry as a gammapy ``WcsGeom``."""
        if not getattr(geom, "is_regular", False) or not isinstance(getattr(geom, "wcs", None), WCS):
            raise GeometryError(f"expected a gammapy WcsGeom with one pixel size, got {type(geom).__name__}")
        axes = []
        for axis in geom.axes:
            if getattr(axis, "interp", None) is None or getattr(axis, "node_type", "label") not in (
                "edges",
                "center",
            ):
                raise AxisError(
                    f"axis {axis.name!r} is a {type(axis).__name__}, which has no bins along a quantity"
                )
            axes.append(Axis(axis.name, axis.edges, interp=axis.interp))
        return cls._of(Projection.from_wcs(geom.wcs), tuple(geom.data_shape[-2:]), tuple(reversed(axes)))

    def to_gammapy(self) -> Any:
        """The same geometry as a gammapy ``WcsGeom``."""
        maps = require("gammapy.maps", extra="gammapy")
        axes = [
            maps.MapAxis.from_edges(axis.edges, name=axis.name, interp=axis.interp)
            for axis in reversed(self._axes)
        ]
        return maps.WcsGeom(self.wcs, npix=self._shape[::-1], axes=axes)

    def cutout(self, position: SkyCoord, width: Any) -> WcsGeom:
        """The part of the map around a position, trimmed at the map's edges, as gammapy cuts it.

        Parameters
        ----------
        position : SkyCoord
            Centre.
        width : angle or pair (lon, lat)
            Full widths, with a unit.

        Raises
        ------
        GeometryError
            If the position has no pixel or the cutout would lie beside the map.
        """
        there = position.reshape(()).transform_to(self.frame).spherical
        centre = [float(value) for value in self.pixel(there.lon.deg, there.lat.deg)]
        if not np.all(np.isfinite(centre)):
            raise GeometryError(f"the cutout's centre {position.to_string()} has no pixel in this projection")
        sides = [to_degrees(each, "width") for each in pair(width)]
        bounds = []
        for middle, side, scale, length in zip(
            centre, sides[::-1], self._scales()[::-1], self._shape, strict=True
        ):
            number = int(np.round(max(side / scale, 1.0)))
            first = math.ceil(middle - number / 2.0)
            bounds.append((max(0, first), min(length, first + number)))
        (y0, y1), (x0, x1) = bounds
        if y1 <= y0 or x1 <= x0:
            raise GeometryError(f"the cutout at {position.to_string()} lies beside the map")
        return self.window(Window(y0, y1, x0, x1))

    def window(self, window: Window) -> WcsGeom:
        """The geometry of a window of pixels; it may reach beyond the map.

        Examples
        --------
        >>> WcsGeom.allsky(binsz=1).window(Window(0, 10, 5, 25)).shape
        (10, 20)
        """
        return self._of(self._projection.shifted(window.y0, window.x0), window.shape, self._axes)

    def pad(self, n: Any) -> WcsGeom:
        """The map with ``n`` pixels more at each side (or a pair (lon, lat))."""
        columns, rows = whole_pair(n, "pad width", 0)
        return self.window(Window(0, self._shape[0], 0, self._shape[1]).pad(rows, columns))

    def crop(self, n: Any) -> WcsGeom:
        """The map with ``n`` pixels fewer at each side (or a pair (lon, lat))."""
        columns, rows = whole_pair(n, "crop width", 0)
        return self.window(Window(0, self._shape[0], 0, self._shape[1]).pad(-rows, -columns))

    def downsample(self, factor: int) -> WcsGeom:
        """The same extent with pixels ``factor`` times as large; the shape must be divisible."""
        whole = whole_pair(factor, "factor", 1)[0]
        ny, nx = self._shape
        if ny % whole or nx % whole:
            raise GeometryError(
                f"the image shape {self._shape} is not divisible by {whole}; pad or crop first"
            )
        return self._of(self._projection.resampled(whole), (ny // whole, nx // whole), self._axes)

    def upsample(self, factor: int) -> WcsGeom:
        """The same extent with each pixel split into ``factor`` x ``factor``."""
        whole = whole_pair(factor, "factor", 1)[0]
        ny, nx = self._shape
        return self._of(self._projection.resampled(1.0 / whole), (ny * whole, nx * whole), self._axes)

    def to_cube(self, axes: Iterable[Axis]) -> WcsGeom:
        """The geometry with more axes, put before those that it has."""
        return self._of(self._projection, self._shape, (*_as_tuple(axes), *self._axes))

    def solid_angle(self) -> xr.DataArray:
        """Lazy solid angles of the pixels in sr, dims ``("y", "x")``, NaN where a pixel's centre is off the
        sky.

        Exact on the sphere: longitude times the difference of the sines of latitude for unrotated cylindrical
        maps, where a pixel ends at the pole or the seam that it reaches over; elsewhere the great-circle
        quadrilateral of the four corners. A pixel of which a corner is off the sky gets its whole area by the
        scale at its centre.

        Examples
        --------
        >>> float(WcsGeom.allsky(binsz=5).solid_angle().sum() / np.pi)
        4.0
        """
        return solid_angle_array(self._projection, self._shape, self.to_image().fingerprint)


def _as_tuple(axes: Iterable[Axis]) -> tuple[Axis, ...]:
    if isinstance(axes, Axis) or not isinstance(axes, Iterable):
        raise AxisError(f"axes must be a list of maskexpr.Axis, got {axes!r}: write axes=[axis]")
    return tuple(axes)
