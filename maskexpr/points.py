"""Points: bare positions of the sky, and pixels as points."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from .geom import WcsGeom
from .sphere import from_sky, rotate, rotation, unit

__all__ = ["Pixels", "Points"]

Ints = NDArray[np.int64]


class Points:
    """A flat list of sky positions.

    Parameters
    ----------
    xyz : ndarray, shape (3, n)
        Unit vectors; NaN off the sky.
    frame : str
        Their frame.
    """

    plane: tuple[int, ...] = ()

    def __init__(self, xyz: NDArray[np.float64], frame: str) -> None:
        self._xyz = xyz
        self.frame = frame

    @classmethod
    def from_sky(cls, positions: SkyCoord) -> Points:
        """Points of sky coordinates of any shape (flattened), in ICRS.

        Examples
        --------
        >>> len(Points.from_sky(SkyCoord([1, 2], [3, 4], unit="deg")))
        2
        """
        return cls(from_sky(positions.ravel() if positions.shape else positions.reshape(1), "icrs"), "icrs")

    @property
    def xyz(self) -> NDArray[np.float64]:
        """Unit vectors, shape (3, n)."""
        return self._xyz

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return self.xyz.shape[1:]

    def __len__(self) -> int:
        return self.shape[0]

    @cached_property
    def on_sky(self) -> NDArray[np.bool_]:
        """Which points are positions at all."""
        return np.asarray(np.isfinite(self.xyz[0]))

    def in_frame(self, frame: str) -> NDArray[np.float64]:
        """Unit vectors in another frame (prefer to turn the few region centres, not the many pixels)."""
        return self.xyz if frame == self.frame else rotate(rotation(self.frame, frame), self.xyz)


class Pixels(Points):
    """Pixel centres of a geometry as points, in its frame.

    Parameters
    ----------
    geom : WcsGeom
        The geometry; pixels may lie outside its map, on the lattice that its WCS goes on with.
    y, x : ndarray of int64, shape (n,)
        Pixel indices.
    plane : tuple of int
        Index of the plane along each non-spatial axis, or empty.
    """

    def __init__(self, geom: WcsGeom, y: Ints, x: Ints, plane: tuple[int, ...] = ()) -> None:
        self.geom = geom
        self.y = y
        self.x = x
        self.plane = plane
        self.frame = geom.frame

    @cached_property
    def lonlat(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude in degrees, NaN off the sky."""
        return self.geom.lonlat(self.y, self.x)

    @cached_property
    def _vectors(self) -> NDArray[np.float64]:
        return unit(*self.lonlat)

    @cached_property
    def on_sky(self) -> NDArray[np.bool_]:
        """Which pixels are on the sky."""
        return np.asarray(np.isfinite(self.lonlat[0]))

    @property
    def xyz(self) -> NDArray[np.float64]:
        """Unit vectors, shape (3, n)."""
        return self._vectors

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return self.y.shape
