"""A lattice of HEALPix's twelve faces: what the protocol of a grid asks for and nothing else.

The pixel maths are those of astropy-healpix. Faces lie in three rows of four, each a square of nside pixels,
and pixels off the sky keep them apart, so that what touches on the lattice touches on the sky.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import astropy.units as u
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from maskexpr.grid.axis import Axis
from maskexpr.grid.lattice import Grid, Rim
from maskexpr.grid.rim import rim_by_neighbours
from maskexpr.pixels.window import Window

healpix = pytest.importorskip("astropy_healpix.core", reason="pixels of HEALPix by a library of others")

__all__ = ["TwelveFaces", "neighbours"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROWS, COLUMNS = 3, 4
BITS = 16


class TwelveFaces(Grid):
    """HEALPix cells of one nside; the map may hold the first rows of the lattice alone."""

    __slots__ = ("_axes", "_frame", "_gap", "_ny", "nside")

    def __init__(
        self,
        nside: int,
        frame: str = "icrs",
        axes: tuple[Axis, ...] = (),
        gap: int = 1,
        ny: int | None = None,
    ) -> None:
        self.nside = nside
        self._frame, self._axes, self._gap = frame, axes, gap
        self._ny = ROWS * (nside + gap) - gap if ny is None else ny

    @property
    def frame(self) -> str:
        return self._frame

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self._axes

    @property
    def image_shape(self) -> tuple[int, int]:
        return self._ny, COLUMNS * (self.nside + self._gap) - self._gap

    @property
    def pixel_scales(self) -> u.Quantity:
        return np.full(2, np.degrees(np.sqrt(np.pi / 3) / self.nside)) * u.deg

    @property
    def fingerprint(self) -> str:
        edges = [(axis.name, axis.edges.value.tolist(), str(axis.unit)) for axis in self._axes]
        text = repr((self.nside, self._frame, self._gap, self._ny, edges))
        return blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def lattice(self) -> Window:
        side = self.nside + self._gap
        return Window(0, ROWS * side, 0, COLUMNS * side)

    def cells(self, y: ArrayLike, x: ArrayLike) -> Ints:
        """Nested cells of pixels, -1 off the sky."""
        side = self.nside + self._gap
        y, x = np.broadcast_arrays(np.asarray(y, dtype=np.int64), np.asarray(x, dtype=np.int64))
        row, up = np.divmod(y, side)
        column, along = np.divmod(x, side)
        on_sky = (row >= 0) & (row < ROWS) & (column >= 0) & (column < COLUMNS)
        on_sky &= (up < self.nside) & (along < self.nside)
        within = nested_within(self.nside)[np.where(on_sky, up, 0), np.where(on_sky, along, 0)]
        cell = (row * COLUMNS + column) * self.nside**2 + within
        return np.where(on_sky, cell, -1)

    def cell_places(self, cell: Ints) -> tuple[Ints, Ints]:
        """Rows and columns of nested cells."""
        face, within = np.divmod(cell, self.nside**2)
        up, along = np.zeros_like(cell), np.zeros_like(cell)
        for bit in range(BITS):
            along |= (within >> 2 * bit & 1) << bit
            up |= (within >> 2 * bit + 1 & 1) << bit
        side = self.nside + self._gap
        return face // COLUMNS * side + up, face % COLUMNS * side + along

    def lonlat(self, y: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
        cell = self.cells(y, x)
        lon, lat = np.full(cell.shape, np.nan), np.full(cell.shape, np.nan)
        there = cell >= 0
        lon[there], lat[there] = centres(self.nside)[:, cell[there]]
        return lon, lat

    def pixel(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
        lon, lat = np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float))
        y, x = np.full(lon.shape, np.nan), np.full(lon.shape, np.nan)
        there = np.isfinite(lon) & (np.abs(lat) <= 90)
        cell, along, up = healpix.lonlat_to_healpix(
            lon[there] * u.deg, lat[there] * u.deg, self.nside, return_offsets=True, order="nested"
        )
        row, column = self.cell_places(cell)
        # A cell holds what astropy-healpix says, also where rounding puts it on the border.
        for index, middle, offset in ((y, row, up), (x, column, along)):
            low, high = np.nextafter(middle - 0.5, np.inf), np.nextafter(middle + 0.5, -np.inf)
            index[there] = np.clip(middle + (offset - 0.5), low, high)
        return y, x

    def solid_angles(self, y: Ints, x: Ints) -> Floats:
        cell = self.cells(np.asarray(y)[:, None], np.asarray(x)[None, :])
        return np.where(cell >= 0, np.pi / 3 / self.nside**2, np.nan)

    def to_image(self) -> TwelveFaces:
        return TwelveFaces(self.nside, self._frame, (), self._gap, self._ny)

    def to_attrs(self) -> dict[str, str]:
        return {"grid": "twelve faces", "nside": str(self.nside), "frame": self._frame}

    def rim(self, window: Window, corners: bool) -> Rim:
        def steps(y: Ints, x: Ints) -> tuple[Ints, Ints, Ints]:
            start, to = neighbours(self.cells(y, x), self.nside, corners)
            return start, *self.cell_places(to)

        return rim_by_neighbours(self, window, steps)

    def __reduce__(self) -> tuple[object, ...]:
        return TwelveFaces, (self.nside, self._frame, self._axes, self._gap, self._ny)

    def __repr__(self) -> str:
        return f"TwelveFaces(nside={self.nside}, {self._frame})"


@lru_cache
def nested_within(nside: int) -> Ints:
    """Nested cells within a face by row and column: their bits in turn."""
    up, along = np.indices((nside, nside))
    return sum(((along >> bit & 1) << 2 * bit) + ((up >> bit & 1) << 2 * bit + 1) for bit in range(BITS))


@lru_cache
def centres(nside: int) -> Floats:
    """Longitude and latitude in degrees of all nested cells, shape (2, n); asked once, as a call is dear."""
    lon, lat = healpix.healpix_to_lonlat(np.arange(12 * nside**2), nside, order="nested")
    return np.stack([lon.to_value(u.deg), lat.to_value(u.deg)])


def neighbours(cell: Ints, nside: int, corners: bool) -> tuple[Ints, Ints]:
    """Pairs of a place in an array of nested cells, and a cell that touches the one there."""
    with np.errstate(invalid="ignore"):
        found = healpix.neighbours(cell, nside, order="nested")
    # From the south-west clockwise: sides and corners in turn.
    found = found if corners else found[::2]
    way, start = np.nonzero(found >= 0)
    return start, found[way, start]
