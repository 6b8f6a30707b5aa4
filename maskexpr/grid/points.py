"""Points: bare positions of the sky, and pixels as points."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import (
    BaseCoordinateFrame,
    Latitude,
    Longitude,
    SkyCoord,
    SphericalRepresentation,
    UnitSphericalRepresentation,
)
from numpy.typing import NDArray

from ..core.arrays import Floats, Ints
from ..core.errors import GeometryError
from ..core.once import once
from ..sphere.angles import unmasked
from ..sphere.vectors import from_sky, lonlat, rotate, rotation, unit
from .lattice import Grid

__all__ = ["Pixels", "Points", "lonlat_of", "lonlats_of"]


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

    def __init__(self, xyz: Floats, frame: str) -> None:
        self.frame = frame
        self._xyz: Floats | None = xyz
        self._lonlat: tuple[Floats, Floats] | None = None

    @classmethod
    def from_sky(cls, positions: SkyCoord) -> Points:
        """Points of sky coordinates of any shape (flattened), in their own frame as far as it has a name.

        Examples
        --------
        >>> len(Points.from_sky(SkyCoord([1, 2], [3, 4], unit="deg")))
        2
        """
        lon, lat, frame = lonlat_of(positions)
        points = cls.__new__(cls)
        points.frame = frame
        points._xyz = None
        points._lonlat = (lon.reshape(-1), lat.reshape(-1))
        return points

    @property
    def lonlat(self) -> tuple[Floats, Floats] | None:
        """Longitude and latitude in degrees, of which `xyz` is made; None where it is not made of them."""
        return self._lonlat

    @property
    def xyz(self) -> Floats:
        """Unit vectors, shape (3, n)."""
        if self._xyz is None:
            # Most points of a catalogue's sky need none.
            assert self._lonlat is not None
            self._xyz = unit(*self._lonlat)
        return self._xyz

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return self._lonlat[0].shape if self._lonlat is not None else self.xyz.shape[1:]

    def __len__(self) -> int:
        return self.shape[0]

    @once
    def on_sky(self) -> NDArray[np.bool_]:
        """Which points are positions at all."""
        if self._lonlat is not None:
            return np.asarray(np.isfinite(self._lonlat[0]) & np.isfinite(self._lonlat[1]))
        return np.asarray(np.isfinite(self.xyz[0]))

    def in_frame(self, frame: str) -> NDArray[np.float64]:
        """Unit vectors in another frame (prefer to turn the few region centres, not the many pixels)."""
        return self.xyz if frame == self.frame else rotate(rotation(self.frame, frame), self.xyz)


class Pixels(Points):
    """Pixel centres of a geometry as points, in its frame.

    Parameters
    ----------
    geom : Grid
        The geometry; pixels may lie outside its map, on the lattice that its WCS goes on with.
    y, x : ndarray of int64, shape (n,)
        Pixel indices.
    plane : tuple of int
        Index of the plane along each non-spatial axis, or empty.
    on_sky : ndarray of bool, optional
        Which are on the sky, where that is known already.
    """

    def __init__(
        self,
        geom: Grid,
        y: Ints,
        x: Ints,
        plane: tuple[int, ...] = (),
        on_sky: NDArray[np.bool_] | None = None,
    ) -> None:
        self.geom = geom
        self.y = y
        self.x = x
        self.plane = plane
        self.frame = geom.frame
        self._known_on_sky = on_sky

    @once
    def lonlat(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude in degrees, NaN off the sky."""
        return self.geom.lonlat(self.y, self.x)

    @once
    def _vectors(self) -> NDArray[np.float64]:
        return unit(*self.lonlat)

    @once
    def on_sky(self) -> NDArray[np.bool_]:
        """Which pixels are on the sky."""
        known = self._known_on_sky
        return np.asarray(np.isfinite(self.lonlat[0])) if known is None else known

    @property
    def xyz(self) -> NDArray[np.float64]:
        """Unit vectors, shape (3, n)."""
        return self._vectors

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return self.y.shape


def lonlat_of(position: SkyCoord) -> tuple[Floats, Floats, str]:
    """Longitude and latitude in degrees of sky coordinates, and the name of their frame.

    Frames that are no fixed rotation of ICRS (AltAz, FK4, an FK5 of another equinox) become ICRS. What is
    masked is NaN. The arrays may be those of the coordinates themselves.

    Examples
    --------
    >>> lon, lat, frame = lonlat_of(SkyCoord([10.0], [20.0], unit="deg", frame="galactic"))
    >>> lon.tolist(), lat.tolist(), frame
    ([10.0], [20.0], 'galactic')
    """
    frame = position.frame
    if not _is_fixed(frame):
        return *lonlat(from_sky(position, "icrs")), "icrs"
    # Asked of the frame: a SkyCoord looks through all its frames for what is no attribute of its own.
    data = frame.data
    if not isinstance(data, (UnitSphericalRepresentation, SphericalRepresentation)):
        data = frame.spherical
    return _degrees(data.lon), _degrees(data.lat), frame.name


def lonlats_of(positions: Sequence[SkyCoord]) -> tuple[Floats, Floats, Ints, str] | None:
    """`lonlat_of` of many sky coordinates, one after the other in one array, with how many positions each
    holds, if all are in degrees in one fixed frame; else None.

    Examples
    --------
    >>> some = [SkyCoord([1.0, 5.0], [2.0, 6.0], unit="deg"), SkyCoord([3.0], [4.0], unit="deg")]
    >>> lon, lat, number, frame = lonlats_of(some)
    >>> lon.tolist(), number.tolist(), frame
    ([1.0, 5.0, 3.0], [2, 1], 'icrs')
    """
    frames = list(map(attrgetter("frame"), positions))
    if len(set(map(type, frames))) != 1:
        return None
    names = tuple(frames[0].frame_attributes)
    # Most have the very same objects as attributes, which are dear to compare.
    attributes = [[getattr(each, name) for name in names] for each in frames] if names else [[]]
    different = {tuple(map(id, each)): frame for each, frame in zip(attributes, frames, strict=False)}
    data = list(map(attrgetter("data"), frames))
    is_plain = set(map(type, data)) <= {UnitSphericalRepresentation, SphericalRepresentation}
    if not is_plain or not all(map(_is_fixed, different.values())):
        return None
    lon, lat = (list(map(attrgetter(name), data)) for name in ("lon", "lat"))
    if not (_are_degrees(lon) and _are_degrees(lat)):
        return None
    number = np.fromiter(map(attrgetter("size"), lon), np.int64, len(lon))
    return _joined(lon), _joined(lat), number, frames[0].name


def _joined(angles: Sequence[Any]) -> Floats:
    """The numbers of many arrays, one array after the other."""
    if set(map(attrgetter("dtype"), angles)) == {np.dtype(np.float64)}:
        # Python joins the memory of a thousand small arrays in the time in which numpy looks at a hundred.
        with suppress(TypeError):
            return np.frombuffer(b"".join(angles))
    # Of other numbers, or with gaps in memory.
    return np.concatenate(list(map(np.asarray, angles)), axis=None, dtype=np.float64)


def _is_fixed(frame: BaseCoordinateFrame) -> bool:
    """Whether a frame is what its name alone says, and a rotation of ICRS."""
    try:
        # A frame without attributes equals every other of its class.
        return _is_rotation(frame.name) and (
            not frame.frame_attributes or bool(frame.is_equivalent_frame(type(frame)()))
        )
    except (TypeError, ValueError):
        return False


@lru_cache
def _is_rotation(name: str) -> bool:
    """Whether the frame of a name is a rotation of ICRS."""
    try:
        rotation(name, "icrs")
    except (GeometryError, TypeError, ValueError):
        return False
    return True


def _are_degrees(angles: Sequence[Any]) -> bool:
    # Of many angles without a step of the interpreter for each.
    is_plain = set(map(type, angles)) <= {Longitude, Latitude}
    return is_plain and set(map(id, map(attrgetter("unit"), angles))) <= {id(u.deg)}


def _degrees(angle: Any) -> Floats:
    # What is in degrees already is looked at as it is: asking for a unit, or for a mask that is not there,
    # costs some microseconds, and lists of regions have thousands of centres.
    if _are_degrees([angle]):
        return np.asarray(angle.view(np.ndarray), dtype=np.float64)
    degrees = angle.to_value(u.deg)
    return unmasked(degrees) if hasattr(degrees, "mask") else np.asarray(degrees, dtype=np.float64)
