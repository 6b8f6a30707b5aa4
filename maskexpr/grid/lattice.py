"""The protocol of a grid: rows and columns of pixels, on the map or beyond it, and where they are on the sky.

A grid is one class over `Grid`. What it must say stands first; what its painters may use has defaults that
promise nothing, so that a grid that says no more is slow and right. Rows and columns count from 0, y before
x; positions are degrees in the grid's frame. Where neighbours on the sky are no neighbours on the lattice
(faces of a polyhedron), pixels that are off the sky keep them apart and `rim` joins what belongs together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Self

import astropy.units as u
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from ..core.arrays import Bools, Floats, Ints
from ..core.errors import GeometryError
from ..pixels.rectangles import areas
from ..pixels.window import Window
from ..sphere.vectors import Caps, angle_between, normalise, unit
from .axis import Axis
from .layout import Layout, Rectangles
from .rings import Rings

__all__ = ["OFF", "ON", "PART", "Cut", "EvenRings", "Grid", "Rim", "Topology", "centre_caps", "centre_sky"]


OFF, PART, ON = np.uint8(0), np.uint8(1), np.uint8(2)
"""Whether a window lies off the sky, perhaps in part on it, or on it as a whole."""

# Windows of at most so many pixels are bounded by the centres of all of them, where nothing better is known.
_ASKED = 1 << 12
# Rounding of a unit vector and of an angle between two, radians.
_ROUNDING = 1e-12
_POINTS = 4096


class Topology(NamedTuple):
    """Where the pixels of a map meet across its sides, which is what connected components follow.

    ``window`` holds all pixels of the map that are on the sky; ``seam`` and ``poles`` (first row, last row)
    say where it meets itself; ``edges`` which of its sides (first row, last row, first and last column) end
    the map; where ``rims`` is True some of it may be off the sky, and steps over the rim of the sky are
    looked for pixel by pixel (`Grid.rim`). ``edgeless`` maps hold the whole sky.
    """

    window: Window
    seam: bool
    poles: tuple[bool, bool]
    edges: tuple[bool, bool, bool, bool]
    rims: bool
    edgeless: bool


class Rim(NamedTuple):
    """Pixels of a window near the rim of the sky or at the map's edge, each array of shape (n,).

    ``target`` is the flat index (``y * nx + x``) of the map's pixel that a step over the rim leads to, -1
    where the pixel is only near; ``edge`` says that a step leads to no pixel of the map.
    """

    y: Ints
    x: Ints
    target: Ints
    edge: Bools


class Cut(NamedTuple):
    """Half a great circle from a pole to the other, along which the image of the sky is cut: the pole, and
    the direction opposite to the middle of the cut, unit vectors of shape (3,).
    """

    north: Floats
    zero: Floats


class EvenRings(NamedTuple):
    """Squares of a lattice in which diagonals, pixels of one sum of row and column, are parallels of even
    pixels.

    ``lat_of`` tells the latitudes of sums (radians; NaN of others), which are monotonic and the same in each
    square, and ``step_of`` how far a pixel's longitude is from that of the one before it on its diagonal, in
    the row after and the column before. The squares are windows, shape (4, n); where in a square column less
    row are as in its corner, longitude is its ``middle``.
    """

    lat_of: Callable[[Ints], Floats]
    step_of: Callable[[Ints], Floats]
    squares: Ints
    middle: Floats


_OFFERED = frozenset(
    ["axes", "dims", "fingerprint", "frame", "image_shape", "lonlat", "pixel", "pixel_scales", "shape"]
) | {"solid_angle", "to_image"}
"""What every grid says that users ask for too."""


class Grid(ABC):
    """A grid of pixels on the sky, and bins of non-spatial axes; immutable, hashable, picklable.

    Two grids of equal `fingerprint` are one grid.
    """

    __slots__ = ()

    dims: ClassVar[tuple[str, ...]] = ("y", "x")
    """Names of the spatial dimensions of its arrays."""

    def __dir__(self) -> list[str]:
        """What users ask of a grid; what passes ask of every grid is not offered for completion."""
        own = {name for name in dir(type(self)) if not name.startswith("_") and not hasattr(Grid, name)}
        return sorted(own | _OFFERED)

    # ---- what every grid says

    @property
    @abstractmethod
    def frame(self) -> str:
        """Name of the sky frame, one that is a rotation of ICRS."""

    @property
    @abstractmethod
    def axes(self) -> tuple[Axis, ...]:
        """Non-spatial axes, the outermost dimension first."""

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int]:
        """(ny, nx)."""

    @property
    @abstractmethod
    def pixel_scales(self) -> u.Quantity:
        """Typical pixel sizes along x and y, shape (2,); a guess that decides how, never what."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hexadecimal digest of what the grid is, the same in every process."""

    @property
    @abstractmethod
    def lattice(self) -> Window:
        """A window that holds all pixels that can be neighbours of the map's, on the map or beyond it."""

    @abstractmethod
    def lonlat(self, y: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
        """Longitude and latitude of pixel centres, whose indices broadcast; both NaN off the sky."""

    def vectors(self, y: ArrayLike, x: ArrayLike) -> Floats:
        """Unit vectors of pixel centres, shape (3, ...), NaN off the sky: the bits of `unit` of `lonlat`."""
        return unit(*self.lonlat(y, x))

    def beside(self, y: Ints, x: Ints, down: Floats, right: Floats) -> tuple[Floats, Floats]:
        """Longitude and latitude of places at most half a pixel from the centres of pixels, as of these
        pixels where the lattice is broken between them and the next.
        """
        return self.lonlat(y + down, x + right)

    @abstractmethod
    def pixel(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        """Indices (y, x), not rounded, of positions; NaN where there is no pixel."""

    def array_index(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Ints, Ints]:
        """The pixel (y, x) of the map that holds each position, -1 where none does.

        By default the one whose indices, rounded, are those of the position; half way between two it is the
        next one.
        """
        y, x = self.pixel(lon, lat)
        ny, nx = self.image_shape
        with np.errstate(invalid="ignore"):
            row, column = np.floor(y + 0.5), np.floor(x + 0.5)
            there = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
        return np.where(there, row, -1).astype(np.int64), np.where(there, column, -1).astype(np.int64)

    @abstractmethod
    def solid_angles(self, y: Ints, x: Ints) -> Floats:
        """Solid angles in sr of the pixels of rows and columns, shape (len(y), len(x)); NaN off the sky."""

    @abstractmethod
    def to_image(self) -> Self:
        """The grid without its non-spatial axes."""

    @abstractmethod
    def to_attrs(self) -> dict[str, str]:
        """The grid as texts, the attributes of the scalar coordinate of its arrays."""

    # ---- bounds of windows, shape (4, n): y0, y1, x0, x1, half open

    def measure(self, bounds: Ints) -> Any:
        """What `sky` and `caps` both work from, an array whose last axis is the windows; None by default."""
        return None

    def is_on_sky(self, bounds: Ints) -> bool:
        """Whether all pixel centres of some windows are known to be on the sky before they are measured."""
        return False

    def sky(self, bounds: Ints, measured: Any) -> NDArray[np.uint8]:
        """``OFF``, ``PART`` or ``ON`` for each window. OFF and ON are promises about all pixel centres."""
        return centre_sky(self, bounds)

    def caps(self, bounds: Ints, measured: Any, sky: NDArray[np.uint8]) -> Caps:
        """Caps that hold all pixel centres of windows; the radius is negative where there are none."""
        return centre_caps(self, bounds, sky)

    def on_sky(self, window: Window) -> NDArray[np.bool_] | None:
        """Which pixels of a window are on the sky, shape (ny, nx), where that is known without asking for
        their positions; else None.
        """
        return None

    # ---- how the map meets itself

    def topology(self) -> Topology:
        """How the map meets itself; by default nowhere on the lattice, so that `rim` says it all. It is
        found anew at every call: `maskexpr.grid.rim.topology` remembers it.
        """
        ny, nx = self.image_shape
        return Topology(
            Window(0, ny, 0, nx), False, (False, False), (False,) * 4, True, self.holds_whole_sky()
        )

    @abstractmethod
    def rim(self, window: Window, corners: bool) -> Rim:
        """Where a window that may be off the sky in part meets the rim of the sky, and the edge of the map.

        Parameters
        ----------
        window : Window
            Pixels of the map.
        corners : bool
            Whether pixels that touch at a corner are neighbours too.
        """

    def edge_sides(self) -> tuple[Ints, Ints, Ints, Ints] | None:
        """The sides of pixels along which the map ends, if that is not where its image or the sky does.

        Returns
        -------
        y, x : ndarray of int64, shape (n,)
            Pixels of the map.
        is_row, out : ndarray of int64, shape (n,)
            Whether the side runs along the row (1) or the column (0), on the side of growing (1) or falling
            (-1) indices.
        """
        return None

    def holds_whole_sky(self) -> bool:
        """Whether points all over the sky (a Fibonacci lattice) have pixels on the map."""
        i = np.arange(_POINTS) + 0.5
        lat = np.degrees(np.arcsin(1 - 2 * i / _POINTS))
        row, _ = self.array_index(np.degrees(i * np.pi * (1 + 5**0.5)) % 360.0, lat)
        return bool((row >= 0).all())

    # ---- how its arrays lie, and what of the lattice is the map

    @property
    def array_shape(self) -> tuple[int, ...]:
        """Shape of its arrays along `dims`."""
        return self.image_shape

    def layout(self, chunks: Any = "auto") -> Layout:
        """Its arrays cut into blocks, each from one window of the lattice.

        Parameters
        ----------
        chunks : object
            As the verbs of masks take it.

        Raises
        ------
        MaskValueError
            For chunks that do not fit.
        """
        down, across = self.dims
        return Rectangles.of(chunks, self.image_shape, (down, across))

    def places(self, y: Ints, x: Ints) -> tuple[Ints, ...]:
        """Indices of pixels of the map in its arrays, along `dims`."""
        return y, x

    def extent(self) -> Caps | None:
        """A few caps that hold all that the map's pixels cover, if better is known than those of windows of
        its image two pixels wider.
        """
        return None

    def coordinates(self) -> xr.Coordinates:
        """Coordinates of its arrays along `dims`; of the whole map no more than ranges."""
        names = zip(self.dims, self.array_shape, strict=True)
        # A range instead of an array: a map of 10^12 pixels has coordinates of a few bytes.
        return xr.Coordinates({dim: pd.RangeIndex(length) for dim, length in names})

    def on_map(self, y: Ints, x: Ints) -> NDArray[np.bool_]:
        """Which pixels, whose indices broadcast, are the map's; by default all of its image."""
        ny, nx = self.image_shape
        return np.asarray((y >= 0) & (y < ny) & (x >= 0) & (x < nx))

    def map_in(self, window: Window) -> NDArray[np.bool_] | None:
        """Which pixels of a window of its image are the map's, shape (ny, nx); None if all that are on the
        sky are.
        """
        return None

    def covers(self, bounds: Ints) -> NDArray[np.uint8]:
        """Whether windows, shape (4, n), have no pixel of the map (``OFF``), some (``PART``) or no other
        (``ON``), of those on the sky. OFF and ON are promises.
        """
        y0, y1, x0, x1 = bounds
        ny, nx = self.image_shape
        inside = (y0 >= 0) & (y1 <= ny) & (x0 >= 0) & (x1 <= nx)
        beyond = (y1 <= 0) | (y0 >= ny) | (x1 <= 0) | (x0 >= nx)
        return np.where(inside, ON, np.where(beyond, OFF, PART)).astype(np.uint8)

    # ---- what painters may use, if a grid says so

    @property
    def separable(self) -> bool:
        """Whether the longitude depends on x alone and the latitude on y alone, evenly in longitude."""
        return False

    @property
    def lon_step(self) -> float:
        """Degrees of longitude per column, signed; NaN unless separable."""
        return float("nan")

    @property
    def period(self) -> int | None:
        """Columns in 360 degrees, if separable and a whole number."""
        return None

    def lon_of(self, x: ArrayLike) -> Floats:
        """Longitudes of columns of a separable grid; NaN beyond the seam."""
        raise GeometryError(f"longitude and latitude of {self!r} depend on both x and y; use lonlat")

    def lat_of(self, y: ArrayLike) -> Floats:
        """Latitudes of rows of a separable grid; NaN beyond the poles."""
        raise GeometryError(f"longitude and latitude of {self!r} depend on both x and y; use lonlat")

    @property
    def planar(self) -> bool:
        """Whether its pixels are those of one plane, in which regions, kernels and margins can be drawn."""
        return False

    @property
    def largest_pixel(self) -> float:
        """Solid angle in sr that no pixel exceeds; what counts of a larger one, by areas of components."""
        return 4 * np.pi

    @property
    def reference_pixel(self) -> tuple[float, float]:
        """(y, x) of a pixel near which the lattice is at its best."""
        ny, nx = self.image_shape
        return (ny - 1) / 2, (nx - 1) / 2

    @property
    def convex_sky(self) -> bool:
        """Whether the sky's image on the lattice is known to be convex."""
        return False

    @property
    def smooth(self) -> bool:
        """Whether a rectangle of pixels whose corners are on the sky is on it, without a fold or a cut."""
        return False

    @property
    def kinked(self) -> bool:
        """Whether what is smooth on the sky may have a corner on the lattice, as where facets meet."""
        return True

    @property
    def repeats(self) -> bool:
        """Whether the lattice may show a place of the sky more than once, other than by a period."""
        return True

    @property
    def hidden_by(self) -> int:
        """A pixel is never the nearest selected one to another if all within so many rows and columns of it
        are selected, anywhere on the lattice; 0 where that is not known.
        """
        return 0

    @property
    def cut(self) -> Cut | None:
        """Where a convex image of the whole sky is cut, if that is half a great circle and all else is
        smooth.
        """
        return None

    def chords(self, y: Ints) -> Floats | None:
        """Columns between which rows are on the sky, shape (4, n): beyond the first and last there is no
        sky, from the second to the third nothing else. None where that is not known.
        """
        return None

    @property
    def even_rings(self) -> EvenRings | None:
        """Where diagonals are parallels of even pixels, if they are."""
        return None

    def rings(self, window: Window) -> Rings | None:
        """The rings of equal latitude on which the pixels of a window lie, if they do."""
        return None

    def offset_in(self, other: Grid) -> tuple[int, int] | None:
        """What to add to pixel indices (y, x) to get those of another grid, if their lattice is one."""
        return (0, 0) if self.to_image() == other.to_image() else None

    def finer(self, factor: int) -> Grid | None:
        """The grid of so many pixels a side in place of each of its own, without axes, if there is one."""
        return None

    # ---- what follows

    def need_plane(self, what: str, instead: str) -> None:
        """Refuse what is measured in the plane of a map's pixels, where there is none.

        Parameters
        ----------
        what : str
            What asks for it.
        instead : str
            What to do on this grid.

        Raises
        ------
        GeometryError
            Unless the grid is `planar`.
        """
        if not self.planar:
            raise GeometryError(
                f"{what} is about the plane of a WcsGeom's pixels, and {self!r} has none: "
                f"{instead}, or put the mask on a WcsGeom"
            )

    @property
    def kind(self) -> str:
        """What grid it is, in two words."""
        return f"{type(self).__name__} {self.frame}"

    @property
    def planes_shape(self) -> tuple[int, ...]:
        """How many bins each non-spatial axis has."""
        return tuple(axis.nbin for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of its arrays, (axes..., ny, nx) unless `dims` are others."""
        return (*self.planes_shape, *self.array_shape)

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns of a plane of its arrays; those of one dimension are one row."""
        rows, columns = (1, *self.array_shape)[-2:]
        return rows, columns

    def solid_angle_of(self, window: Window) -> Floats:
        """Solid angles in sr of the pixels of a window, shape (ny, nx); NaN off the sky."""
        return self.solid_angles(np.arange(*window[:2]), np.arange(*window[2:]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return type(self) is type(other) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return int(self.fingerprint[:14], 16)

    def __dask_tokenize__(self) -> str:
        return self.fingerprint


def centre_sky(grid: Grid, bounds: Ints) -> NDArray[np.uint8]:
    """``OFF``, ``PART`` or ``ON`` for windows: small ones by all their pixels, large ones are PART."""
    sky = np.full(bounds.shape[1], PART)
    for i in np.flatnonzero(areas(bounds) <= _ASKED):
        on_sky = np.isfinite(_centres(grid, bounds[:, i])[0])
        sky[i] = ON if on_sky.all() else PART if on_sky.any() else OFF
    return sky


def centre_caps(grid: Grid, bounds: Ints, sky: NDArray[np.uint8]) -> Caps:
    """Caps round all pixel centres of small windows; large ones may be anywhere on the sphere."""
    number = bounds.shape[1]
    centre = np.zeros((3, number))
    centre[0] = 1.0
    radius = np.where(sky == OFF, -1.0, np.pi)
    for i in np.flatnonzero((areas(bounds) <= _ASKED) & (sky != OFF)):
        xyz = unit(*_centres(grid, bounds[:, i]))
        xyz = xyz[:, np.isfinite(xyz[0])]
        mean = xyz.mean(axis=1)
        if float(mean @ mean) > 1e-6:
            centre[:, i] = normalise(mean)
            radius[i] = float(angle_between(xyz, centre[:, i, None]).max()) + _ROUNDING
    return Caps(centre, radius)


def _centres(grid: Grid, window: Ints) -> tuple[Floats, Floats]:
    y0, y1, x0, x1 = window
    lon, lat = grid.lonlat(np.arange(y0, y1)[:, None], np.arange(x0, x1)[None, :])
    return lon.ravel(), lat.ravel()
