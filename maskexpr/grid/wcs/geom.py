"""Map geometries that a FITS header describes: a sky projection, an extent in pixels and non-spatial axes.

Immutable, and as cheap for 10^12 pixels as for one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Self
from zlib import crc32

import astropy.units as u
import numpy as np
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import ArrayLike, NDArray

from ...core.arguments import flag
from ...core.arrays import Floats, Ints
from ...core.calls import told_class, told_methods, told_names
from ...core.errors import FormatError, GeometryError, MaskTypeError, borrowed, require
from ...core.names import described, of_ours, shown
from ...grid.meant import MEANT
from ...pixels.window import Window
from ...sphere.angles import bare_degrees, to_degrees
from ...sphere.positions import one_position, positions_of
from ...sphere.vectors import Caps, degrees_of
from ..axes_of_gammapy import axes_from_gammapy, axes_to_gammapy
from ..axis import Axis, axes_text, checked_axes
from ..held import HeldGrid
from ..lattice import Cut, Grid, Rim, Topology
from ..rim import rim_by_steps
from . import area, bounds, lattice, topology
from .area import solid_angle_array
from .arguments import pair, spec_of, whole_pair
from .facts import FACTS
from .header import header_text, parts_of_file, parts_of_header
from .images import array_index, best_image
from .outline import chords
from .projection import Projection

__all__ = ["WcsGeom"]

# Examples that need more than the package does.
__doctest_requires__ = {("WcsGeom.from_gammapy", "WcsGeom.to_gammapy"): ["gammapy.maps"]}


_CARD: Final = 80
_TAKEN: Final = ("y", "x")
_DEG2: Final = float((1 * u.sr).to_value(u.deg**2))
# No pixel is larger than this many times the one at the reference (but for slivers at the limb of SIN).
_LARGEST: Final = 64.0


@told_class
@told_methods
@told_names("a WcsGeom", MEANT)
class WcsGeom(HeldGrid):
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

    __slots__ = ("_projection", "_shape", "_text")
    _called = "a WcsGeom"

    _projection: Projection
    _shape: tuple[int, int]
    _text: str

    def __init__(self, wcs: WCS, shape: tuple[int, ...], axes: Iterable[Axis] = ()) -> None:
        self._set(Projection.from_wcs(wcs), shape, axes)

    @classmethod
    def create(
        cls,
        *,
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

        All are given by name: gammapy's stand in another order.

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
        with borrowed("the arguments of a map", GeometryError):
            return cls._of(*spec_of(skydir, width, npix, binsz, proj, frame, refpix), axes)

    @classmethod
    def allsky(cls, binsz: Any, frame: str = "icrs", proj: str = "CAR", axes: Iterable[Axis] = ()) -> WcsGeom:
        """A geometry 360 by 180 degrees wide.

        Examples
        --------
        >>> WcsGeom.allsky(binsz=1, proj="AIT").is_allsky
        True
        """
        made = cls.create(binsz=binsz, frame=frame, proj=proj, axes=axes)
        if FACTS[proj].surface == "plane" and not FACTS[proj].everywhere:
            raise GeometryError(
                f"the projection {proj!r} does not show the whole sky; use CAR, AIT, MOL, or WcsGeom.create"
            )
        return made

    @classmethod
    def from_header(
        cls, header: fits.Header, bands: fits.BinTableHDU | None = None, celestial: bool = False
    ) -> WcsGeom:
        """The geometry of an image's header; ``bands`` is the GADF table of its axes.

        Of a cube the celestial map is ``celestial=True``, as in `read`.

        Examples
        --------
        >>> geom = WcsGeom.allsky(binsz=1)
        >>> WcsGeom.from_header(geom.to_header()) == geom
        True
        """
        with borrowed("the header", GeometryError):
            return cls._of(*parts_of_header(header, bands, flag(celestial, "celestial")))

    @classmethod
    def read(cls, path: str | Path, hdu: int | str | None = None, celestial: bool = False) -> WcsGeom:
        """The geometry of an image in a FITS file (``.gz`` too), with the axes of its ``*_BANDS`` or
        ``EBOUNDS`` table.

        Parameters
        ----------
        path : str or Path
            The file. No pixel is read.
        hdu : int or str, optional
            The image; the first that has celestial coordinates if not given.
        celestial : bool
            Whether of a cube (spectral, STOKES) the celestial map is meant, without the other axes, wherever
            the two celestial ones stand. Else a cube needs a table that says what its planes are.

        Examples
        --------
        >>> import tempfile
        >>> geom = WcsGeom.allsky(binsz=60)
        >>> path = tempfile.mkdtemp() + "/map.fits"
        >>> fits.PrimaryHDU(np.zeros(geom.shape), geom.to_header()).writeto(path)
        >>> WcsGeom.read(path) == geom
        True
        """
        what = f"the map {str(path)!r}" if isinstance(path, str | os.PathLike) else "WcsGeom.read"
        if isinstance(path, str | os.PathLike) and os.path.isdir(path):
            raise FormatError(
                f"{what} is a folder; the grid of a zarr store is maskexpr.geom_of(maskexpr.read_mask(path))"
            )
        with borrowed(what, GeometryError, str(path)):
            return cls._of(*parts_of_file(path, hdu, flag(celestial, "celestial")))

    @classmethod
    def from_gammapy(cls, geom: Any) -> WcsGeom:
        """The same geometry, of a gammapy ``WcsGeom``.

        Examples
        --------
        >>> from gammapy.maps import WcsGeom as Theirs
        >>> WcsGeom.from_gammapy(Theirs.create(npix=(6, 4), binsz=1)).shape
        (4, 6)
        """
        if not getattr(geom, "is_regular", False) or not isinstance(getattr(geom, "wcs", None), WCS):
            hint = ": write WcsGeom.from_gammapy(map.geom)" * hasattr(geom, "geom")
            raise GeometryError(f"expected a gammapy WcsGeom with one pixel size, got {of_ours(geom)}{hint}")
        axes = axes_from_gammapy(geom.axes)
        return cls._of(Projection.from_wcs(geom.wcs), tuple(geom.data_shape[-2:]), axes)

    def to_gammapy(self) -> Any:
        """The same geometry as a gammapy ``WcsGeom``.

        Examples
        --------
        >>> WcsGeom.create(npix=(6, 4), binsz=1).to_gammapy().frame
        'icrs'
        """
        maps = require("gammapy.maps", extra="gammapy")
        return maps.WcsGeom(self.wcs, npix=self._shape[::-1], axes=axes_to_gammapy(self._axes))

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

        Examples
        --------
        >>> there = SkyCoord(83.6, 22.0, unit="deg")
        >>> WcsGeom.allsky(binsz="0.1 deg").cutout(there, "2 deg").shape
        (20, 20)
        """
        position = one_position(position)
        centre = [float(value) for value in self.pixel(*degrees_of(position, self.frame))]
        if not np.all(np.isfinite(centre)):
            raise GeometryError(f"the cutout's centre {position.to_string()} has no pixel in this projection")
        sides = [to_degrees(each, "width") for each in pair(width)]
        if min(sides) <= 0:
            raise GeometryError(f"the width of a cutout must be more than 0, got {shown(width)}")
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
        if not isinstance(window, Window):
            raise MaskTypeError(f"a window of pixels is a Window(y0, y1, x0, x1), got {described(window)}")
        return self._of(self._projection.shifted(window.y0, window.x0), window.shape, self._axes)

    def pad(self, n: Any) -> WcsGeom:
        """The map with ``n`` pixels more at each side (or a pair (lon, lat)).

        Examples
        --------
        >>> WcsGeom.create(npix=(6, 4), binsz=1).pad((2, 1)).shape
        (6, 10)
        """
        columns, rows = whole_pair(n, "pad width", 0)
        return self.window(Window(0, self._shape[0], 0, self._shape[1]).pad(rows, columns))

    def crop(self, n: Any) -> WcsGeom:
        """The map with ``n`` pixels fewer at each side (or a pair (lon, lat)).

        Examples
        --------
        >>> WcsGeom.create(npix=(6, 4), binsz=1).crop(1).shape
        (2, 4)
        """
        columns, rows = whole_pair(n, "crop width", 0)
        if 2 * rows >= self._shape[0] or 2 * columns >= self._shape[1]:
            raise GeometryError(f"crop({shown(n)}) leaves no pixel of {self._shape}")
        return self.window(Window(0, self._shape[0], 0, self._shape[1]).pad(-rows, -columns))

    def downsample(self, factor: int) -> WcsGeom:
        """The same extent with pixels ``factor`` times as large; the shape must be divisible.

        Examples
        --------
        >>> WcsGeom.allsky(binsz=1).downsample(10) == WcsGeom.allsky(binsz=10)
        True
        """
        whole = whole_pair(factor, "factor", 1)[0]
        ny, nx = self._shape
        if ny % whole or nx % whole:
            raise GeometryError(
                f"the image shape {self._shape} is not divisible by {whole}; pad or crop first"
            )
        return self._of(self._projection.resampled(whole), (ny // whole, nx // whole), self._axes)

    def upsample(self, factor: int) -> WcsGeom:
        """The same extent with each pixel split into ``factor`` x ``factor``.

        Examples
        --------
        >>> WcsGeom.create(npix=(6, 4), binsz=1).upsample(2).shape
        (8, 12)
        """
        whole = whole_pair(factor, "factor", 1)[0]
        ny, nx = self._shape
        return self._of(self._projection.resampled(1.0 / whole), (ny * whole, nx * whole), self._axes)

    def finer(self, factor: int) -> WcsGeom:
        return self.to_image().upsample(factor)

    def to_cube(self, axes: Iterable[Axis]) -> WcsGeom:
        """The geometry with more axes, put before those that it has.

        Examples
        --------
        >>> energy = Axis.from_bounds("energy", "10 GeV", "1 TeV", 3)
        >>> WcsGeom.create(npix=(6, 4), binsz=1).to_cube([energy]).shape
        (3, 4, 6)
        """
        return self._of(self._projection, self._shape, (*checked_axes(axes, _TAKEN), *self._axes))

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

    def _set(self, projection: Projection, shape: tuple[int, ...], axes: Iterable[Axis]) -> None:
        axes = checked_axes(axes, _TAKEN)
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
    def _of(cls, projection: Projection, shape: tuple[int, ...], axes: Iterable[Axis]) -> Self:
        geom = cls.__new__(cls)
        geom._set(projection, shape, axes)
        return geom

    def to_header(self) -> fits.Header:
        """FITS header with NAXISi, the WCS with all digits, and the names of the axes' columns.

        Examples
        --------
        >>> WcsGeom.allsky(binsz=1, frame="galactic").to_header()["CTYPE1"]
        'GLON-CAR'
        """
        return fits.Header.fromstring(self._text)

    @property
    def wcs(self) -> WCS:
        """A new astropy WCS of the image: the caller's own, to use in one thread and to change at will."""
        wcs = self._projection.to_wcs()
        wcs.array_shape = self._shape
        return wcs

    @property
    def image_shape(self) -> tuple[int, int]:
        return self._shape

    @property
    def frame(self) -> str:
        return self._projection.frame

    @property
    def projection(self) -> str:
        """FITS code of the projection."""
        return self._projection.code

    @property
    def kind(self) -> str:
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
        """The four corners of the map, the outer ones of its corner pixels, in the order of
        ``WCS.calc_footprint(center=False)``; NaN off the sky.
        """
        ny, nx = self._shape
        y, x = np.array([0, ny, ny, 0]) - 0.5, np.array([0, 0, nx, nx]) - 0.5
        lon, lat = self.lonlat(y, x)
        return SkyCoord(lon, lat, unit="deg", frame=self.frame)

    @property
    def fingerprint(self) -> str:
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
        return np.asarray(self.array_index(*degrees_of(positions_of(positions), self.frame))[0] >= 0)

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
        has no pixel. Angles with a unit are taken too.

        Where the projection shows a position more than once, the image on the map is taken, if there is one.
        """
        return best_image(self._projection, self._shape, bare_degrees(lon, "lon"), bare_degrees(lat, "lat"))

    def array_index(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Ints, Ints]:
        """The pixel that holds each position, as ``WCS.world_to_array_index`` finds it.

        A pixel holds the positions from half a pixel before its centre on up to half a pixel after it, along
        both axes, and nothing beyond the map's border is held; the far border itself is where the sky ends
        with it (at a pole, at the seam). Of several pixels that show a position it is the one that has it
        for its centre, else the one of astropy, else the one whose centre is nearest.

        Parameters
        ----------
        lon, lat : array_like
            Degrees in the map's frame, or angles with a unit; they broadcast. NaN has no pixel.

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
        return array_index(self._projection, self._shape, bare_degrees(lon, "lon"), bare_degrees(lat, "lat"))

    def lon_of(self, x: ArrayLike) -> Floats:
        return lattice.lon_of(self._projection, x)

    def lat_of(self, y: ArrayLike) -> Floats:
        return lattice.lat_of(self._projection, y)

    @property
    def separable(self) -> bool:
        return lattice.traits(self._projection).separable

    @property
    def lon_step(self) -> float:
        return lattice.traits(self._projection).lon_step

    @property
    def period(self) -> int | None:
        return lattice.traits(self._projection).period

    @property
    def planar(self) -> bool:
        """True: a projection is a plane."""
        return True

    @property
    def largest_pixel(self) -> float:
        """Solid angle in sr: so many times that of the pixel at the reference, but for slivers at the limb of
        SIN.
        """
        across, up = self._scales()
        return _LARGEST * across * up / _DEG2

    @property
    def convex_sky(self) -> bool:
        return lattice.traits(self._projection).convex_sky

    def chords(self, y: Ints) -> Floats | None:
        return chords(self._projection, y)

    @property
    def lattice(self) -> Window:
        return topology.lattice_window(self)

    @property
    def smooth(self) -> bool:
        # A polynomial distortion of a smooth plane has no folds near the image that it was fitted on.
        return self.convex_sky or (self._projection.sip is not None and self._projection.facts.fitted)

    @property
    def kinked(self) -> bool:
        return not self.smooth

    @property
    def repeats(self) -> bool:
        return self._projection.facts.repeats

    @property
    def cut(self) -> Cut | None:
        return topology.cut_of(self) if self._projection.facts.image == "cut" and self.convex_sky else None

    @property
    def reference_pixel(self) -> tuple[float, float]:
        x, y = self._projection.crpix
        return y - 1.0, x - 1.0

    def measure(self, windows: Ints) -> Floats:
        return bounds.samples(self, windows)

    def is_on_sky(self, windows: Ints) -> bool:
        return bounds.are_on_sky(self, windows)

    def sky(self, windows: Ints, measured: Floats) -> NDArray[np.uint8]:
        return bounds.sky_of(self, windows, measured)

    def caps(self, windows: Ints, measured: Floats, sky: NDArray[np.uint8]) -> Caps:
        return bounds.caps_of(self, windows, measured, sky)

    def topology(self) -> Topology:
        return topology.separable_topology(self) if self.separable else super().topology()

    def rim(self, window: Window, corners: bool) -> Rim:
        return rim_by_steps(self, window)

    def solid_angles(self, y: Ints, x: Ints) -> Floats:
        return area.pixel_solid_angle(self._projection, y, x)

    def to_attrs(self) -> dict[str, str]:
        """FITS cards of the image, one a line; the axes as JSON; the fingerprint."""
        text = self.to_image()._text
        cards = [text[i : i + _CARD].rstrip() for i in range(0, len(text), _CARD)]
        return {
            "fits_header": "\n".join(cards),
            "axes": axes_text(self._axes),
            "fingerprint": self.fingerprint,
        }

    def to_image(self) -> Self:
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
        if not isinstance(other, WcsGeom):
            return None
        here, there = self.reference_pixel, other.reference_pixel
        down, across = round(there[0] - here[0]), round(there[1] - here[1])
        same = self._projection.shifted(-down, -across) == other._projection.shifted(0, 0)
        return (down, across) if same else None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._of, (self._projection, self._shape, self._axes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, WcsGeom):
            return NotImplemented
        return (self._projection, self._shape, self._axes) == (other._projection, other._shape, other._axes)

    def __hash__(self) -> int:
        # Numbers alone: the hash of a string differs from process to process.
        one = self._projection
        code = crc32("".join(one.ctype).encode())
        return hash((code, one.crpix, one.crval, one.cdelt, one.pc, self._shape, self._axes))

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
