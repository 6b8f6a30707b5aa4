"""What a map geometry is and what the engine asks it: header, extent, and the lattice of its pixels."""

from __future__ import annotations

import json
import math
from hashlib import blake2b
from html import escape
from typing import Any, Final, Self
from zlib import crc32

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import ArrayLike, NDArray

from ...core.errors import AxisError, GeometryError
from ...pixels.window import Window
from ...sphere.vectors import Caps
from ..axis import Axis
from ..lattice import Cut, Grid, Rim, Topology
from ..rim import rim_by_steps
from . import area, bounds, lattice, topology
from .arguments import whole_pair
from .bend import held
from .header import header_text
from .images import array_index, best_image
from .outline import chords, surely_off
from .projection import Projection

__all__ = ["WcsGrid"]

Floats = NDArray[np.float64]

_CARD: Final = 80


class WcsGrid(Grid):
    """A projection, an image shape and axes; the part of `WcsGeom` that makes no other geometry."""

    __slots__ = ("_axes", "_projection", "_shape", "_text")

    _projection: Projection
    _shape: tuple[int, int]
    _axes: tuple[Axis, ...]
    _text: str

    def _set(self, projection: Projection, shape: tuple[int, ...], axes: tuple[Axis, ...]) -> None:
        for axis in axes:
            if not isinstance(axis, Axis):
                raise AxisError(f"axes must be maskexpr.Axis objects, got {type(axis).__name__}")
        names = [axis.name for axis in axes]
        for name in names:
            if names.count(name) > 1 or name in ("y", "x"):
                raise AxisError(
                    f"the axis name {name!r} is taken: every axis needs its own, other than y and x"
                )
        planes = tuple(axis.nbin for axis in axes)
        if not isinstance(shape, tuple | list):
            raise GeometryError(f"shape must be {(*planes, 'ny', 'nx')}, got {shape!r}")
        full = tuple(whole_pair(n, "shape", 1)[0] for n in shape)
        if len(full) < 2 or full[:-2] not in ((), planes):
            raise GeometryError(f"shape must be (ny, nx) or {(*planes, 'ny', 'nx')}, got {tuple(shape)}")
        image = full[-2], full[-1]
        for slot, value in (("_projection", projection), ("_shape", image), ("_axes", axes)):
            object.__setattr__(self, slot, value)
        object.__setattr__(self, "_text", header_text(projection, image, axes))

    @classmethod
    def _of(cls, projection: Projection, shape: tuple[int, ...], axes: tuple[Axis, ...]) -> Self:
        geom = cls.__new__(cls)
        geom._set(projection, shape, axes)
        return geom

    def to_header(self) -> fits.Header:
        """FITS header with NAXISi, the WCS with all digits, and the names of the axes' columns."""
        return fits.Header.fromstring(self._text)

    @property
    def wcs(self) -> WCS:
        """A new astropy WCS of the image: the caller's own, to use in one thread and to change at will."""
        wcs = self._projection.to_wcs()
        wcs.array_shape = self._shape
        return wcs

    @property
    def shape(self) -> tuple[int, ...]:
        """(axes..., ny, nx)."""
        return (*(axis.nbin for axis in self._axes), *self._shape)

    @property
    def image_shape(self) -> tuple[int, int]:
        """(ny, nx)."""
        return self._shape

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Non-spatial axes, the outermost dimension first."""
        return self._axes

    @property
    def frame(self) -> str:
        """Name of the sky frame."""
        return self._projection.frame

    @property
    def projection(self) -> str:
        """FITS code of the projection."""
        return self._projection.code

    @property
    def kind(self) -> str:
        """Projection and frame."""
        return f"{self.projection} {self.frame}"

    @property
    def is_allsky(self) -> bool:
        """Whether the map is 360 by 180 degrees wide at its reference pixel."""
        widths = self._scales()[0] * self._shape[1], self._scales()[1] * self._shape[0]
        return bool(np.isclose(widths[0], 360.0) and np.isclose(widths[1], 180.0))

    @property
    def pixel_scales(self) -> u.Quantity:
        """Pixel sizes at the reference pixel in the order (lon, lat) of the pixel axes x and y."""
        return u.Quantity(self._scales(), u.deg)

    def _scales(self) -> tuple[float, float]:
        (a, b), (c, d) = self._projection.matrix
        return math.sqrt(a * a + c * c), math.sqrt(b * b + d * d)

    @property
    def center_skydir(self) -> SkyCoord:
        """Sky position of the map's centre (NaN if that is off the sky)."""
        ny, nx = self._shape
        return SkyCoord(*self.lonlat((ny - 1) / 2, (nx - 1) / 2), unit="deg", frame=self.frame)

    @property
    def footprint(self) -> SkyCoord:
        """The four corner pixels' centres, counterclockwise in pixels from the first pixel as
        ``WCS.calc_footprint`` has them.
        """
        ny, nx = self._shape
        lon, lat = self.lonlat(np.array([0, ny - 1, ny - 1, 0]), np.array([0, 0, nx - 1, nx - 1]))
        return SkyCoord(lon, lat, unit="deg", frame=self.frame)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal digest of header, shape and axes, the same in every process."""
        edges = repr([(axis.name, axis.edges.value.tolist(), str(axis.unit)) for axis in self._axes])
        return blake2b(f"{self._text}\n{self.shape}\n{edges}".encode(), digest_size=16).hexdigest()

    def contains(self, positions: SkyCoord) -> NDArray[np.bool_]:
        """Whether the pixel that holds each position is on the map.

        Examples
        --------
        >>> from maskexpr.grid.wcs.geom import WcsGeom
        >>> WcsGeom.create(width=2).contains(SkyCoord([0, 5], [0, 0], unit="deg")).tolist()
        [True, False]
        """
        there = positions.transform_to(self.frame).spherical
        return np.asarray(self.array_index(there.lon.deg, there.lat.deg)[0] >= 0)

    def lonlat(self, y: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
        """Sky positions of pixel centres, on the map or beyond it where the WCS goes on.

        Parameters
        ----------
        y, x : array_like
            Indices from 0; they broadcast.

        Returns
        -------
        lon, lat : ndarray of float64
            Degrees in the map's frame, lon in [0, 360); NaN off the sky.
        """
        return lattice.lonlat(self._projection, y, x)

    def pixel(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """Pixel indices (y, x), not rounded, of positions in degrees in the map's frame; NaN where a position
        has no pixel.

        Where the projection shows a position more than once, the image on the map is taken, if there is one.
        """
        return best_image(self._projection, self._shape, lon, lat)

    def array_index(self, lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The pixel that holds each position, as ``WCS.world_to_array_index`` finds it.

        A pixel holds the positions from half a pixel before its centre on up to half a pixel after it, along
        both axes, and nothing beyond the map's border is held; the far border itself is where the sky ends
        with it (at a pole, at the seam). Of several pixels that show a position it is the one that has it
        for its centre, else the one of astropy, else the one whose centre is nearest.

        Parameters
        ----------
        lon, lat : array_like
            Degrees in the map's frame; they broadcast. NaN has no pixel.

        Returns
        -------
        y, x : ndarray of int64
            -1 where no pixel of the map holds the position.

        Examples
        --------
        >>> from maskexpr.grid.wcs.geom import WcsGeom
        >>> geom = WcsGeom.create(npix=(51, 9), binsz=7)
        >>> [v.tolist() for v in geom.array_index([178.4, 178.6, 180.1, 181.6], 0.0)]
        [[4, -1, -1, 4], [0, -1, -1, 50]]
        """
        return array_index(self._projection, self._shape, lon, lat)

    def lon_of(self, x: ArrayLike) -> Floats:
        """Longitudes of columns of a separable geometry, degrees in [0, 360); NaN beyond the seam."""
        return lattice.lon_of(self._projection, x)

    def lat_of(self, y: ArrayLike) -> Floats:
        """Latitudes of rows of a separable geometry, degrees; NaN beyond the poles."""
        return lattice.lat_of(self._projection, y)

    @property
    def separable(self) -> bool:
        """Whether the longitude depends on x alone and the latitude on y alone."""
        return lattice.traits(self._projection).separable

    @property
    def lon_step(self) -> float:
        """Degrees of longitude per column, signed; NaN unless separable."""
        return lattice.traits(self._projection).lon_step

    @property
    def period(self) -> int | None:
        """Number of columns in 360 degrees of longitude, if separable and whole."""
        return lattice.traits(self._projection).period

    @property
    def convex_sky(self) -> bool:
        """Whether the sky's image in the pixel plane is known to be convex."""
        return lattice.traits(self._projection).convex_sky

    def surely_off(self, bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which windows of pixels (rows of ``y0, y1, x0, x1``, half open) arithmetic shows to be off the
        sky.
        """
        return surely_off(self._projection, bounds)

    def held(self, bounds: NDArray[np.int64], centre: Floats, radius: Floats) -> Floats:
        """Radii proved to hold the pixel centres of windows, from those of their samples; see
        `maskexpr.grid.wcs.bend.held`.
        """
        return held(self._projection, bounds, centre, radius)

    def chords(self, y: NDArray[np.int64]) -> Floats | None:
        """Columns between which rows of pixels are on the sky, shape (4, n), where that is known to be an
        ellipse; see `maskexpr.grid.wcs.outline.chords`.
        """
        return chords(self._projection, y)

    @property
    def lattice(self) -> Window:
        """The window of lattice pixels that can be neighbours at all: that of all pixels on the sky, where
        the plane has an end.
        """
        return topology.lattice_window(self)

    @property
    def smooth(self) -> bool:
        """Whether a rectangle of pixels whose corners are on the sky is on it, without a fold or a cut."""
        # A polynomial distortion of a smooth plane has no folds near the image that it was fitted on.
        return self.convex_sky or (self._projection.sip is not None and self._projection.facts.fitted)

    @property
    def repeats(self) -> bool:
        """Whether the plane shows a place more than once, other than by a turn."""
        return self._projection.facts.repeats

    @property
    def cut(self) -> Cut | None:
        """Where the sky is cut on an all-sky map: the native meridian of 180 degrees."""
        return topology.cut_of(self) if self._projection.facts.image == "cut" and self.convex_sky else None

    @property
    def reference_pixel(self) -> tuple[float, float]:
        """(y, x) of the reference pixel, from 0."""
        x, y = self._projection.crpix
        return y - 1.0, x - 1.0

    def measure(self, windows: NDArray[np.int64]) -> Floats:
        """Unit vectors at 3 x 3 places of each window."""
        return bounds.samples(self, windows)

    def sky(self, windows: NDArray[np.int64], measured: Floats) -> NDArray[np.uint8]:
        """``OFF``, ``PART`` or ``ON`` for each window, proved for all of its pixels."""
        return bounds.sky_of(self, windows, measured)

    def caps(self, windows: NDArray[np.int64], measured: Floats, sky: NDArray[np.uint8]) -> Caps:
        """Caps that hold all pixel centres of windows."""
        return bounds.caps_of(self, windows, measured, sky)

    def topology(self) -> Topology:
        """How the map meets itself: at the seam and the poles of separable maps, else over rims."""
        return topology.separable_topology(self) if self.separable else super().topology()

    def rim(self, window: Window, corners: bool) -> Rim:
        """Where a window meets the rim of the sky or the map's edge; the rim is stepped over along great
        circles.
        """
        return rim_by_steps(self, window)

    def solid_angles(self, y: NDArray[np.int64], x: NDArray[np.int64]) -> Floats:
        """Solid angles in sr of the pixels of rows and columns, shape (len(y), len(x)); NaN off the sky."""
        return area.pixel_solid_angle(self._projection, y, x)

    def to_attrs(self) -> dict[str, str]:
        """FITS cards of the image, one a line; the axes as JSON; the fingerprint."""
        text = self.to_image().to_header().tostring(sep="", endcard=False, padding=False)
        cards = [text[i : i + _CARD].rstrip() for i in range(0, len(text), _CARD)]
        edges = [
            {
                "name": axis.name,
                "unit": str(axis.unit),
                "interp": axis.interp,
                "edges": axis.edges.value.tolist(),
            }
            for axis in self._axes
        ]
        return {
            "fits_header": "\n".join(cards),
            "axes": json.dumps(edges),
            "fingerprint": self.fingerprint,
        }

    def to_image(self) -> Self:
        """The geometry without its non-spatial axes."""
        return self._of(self._projection, self._shape, ())

    def offset_in(self, other: Grid) -> tuple[int, int] | None:
        """What to add to pixel indices (y, x) to get those of another geometry, if their lattice is one.

        Examples
        --------
        >>> from maskexpr import WcsGeom
        >>> geom = WcsGeom.allsky(binsz=1)
        >>> geom.window(Window(10, 20, 30, 40)).offset_in(geom)
        (10, 30)
        """
        if not isinstance(other, WcsGrid):
            return None
        here, there = self.reference_pixel, other.reference_pixel
        down, across = round(there[0] - here[0]), round(there[1] - here[1])
        same = self._projection.shifted(-down, -across) == other._projection.shifted(0, 0)
        return (down, across) if same else None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a WcsGeom is immutable; make a new one instead of setting {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a WcsGeom is immutable; {name!r} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._of, (self._projection, self._shape, self._axes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WcsGrid):
            return NotImplemented
        return (self._projection, self._shape, self._axes) == (other._projection, other._shape, other._axes)

    def __hash__(self) -> int:
        # Numbers alone: the hash of a string differs from process to process.
        one = self._projection
        code = crc32("".join(one.ctype).encode())
        return hash((code, one.crpix, one.crval, one.cdelt, one.pc, self._shape, self._axes))

    def __dask_tokenize__(self) -> str:
        return self.fingerprint

    def __repr__(self) -> str:
        axes = "".join(f", {axis.name} {axis.nbin}" for axis in self._axes)
        return f"WcsGeom({', '.join(value for _, value in self._facts())}{axes})"

    def _repr_html_(self) -> str:
        rows = [*self._facts(), *((axis.name, repr(axis)) for axis in self._axes)]
        cells = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows)
        return f"<table><caption>WcsGeom</caption>{cells}</table>"

    def _facts(self) -> list[tuple[str, str]]:
        lon_size, lat_size = (f"{size:.6g}" for size in self._scales())
        size = lon_size if lon_size == lat_size else f"{lon_size} x {lat_size}"
        lon, lat = (float(value) for value in self.lonlat((self._shape[0] - 1) / 2, (self._shape[1] - 1) / 2))
        where = f"centre ({lon:.6g}, {lat:.6g}) deg" if math.isfinite(lon) else "centre off the sky"
        return [
            ("projection", f"{self.projection} {self.frame}"),
            ("shape", f"shape {self.shape}"),
            ("pixels", f"{size} deg pixels"),
            ("centre", where),
        ]
