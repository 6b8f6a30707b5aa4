"""The sphere: unit vectors, caps and separations. The only trigonometry of the package.

Vectors are component first, shape ``(3, ...)``, float64; angles are radians except where a name says
degrees. Every operation is elementwise (no BLAS), so that a result never depends on how points were batched.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from astropy import units as u
from astropy.coordinates import ConvertError, SkyCoord, frame_transform_graph
from numpy.typing import ArrayLike, NDArray

from ..core.arrays import Floats
from ..core.errors import GeometryError, MaskValueError
from ..core.names import shown
from .angles import unmasked
from .frames import near_frame

__all__ = [
    "TIE",
    "Caps",
    "angle_between",
    "caps_round",
    "chord2",
    "chord2_of",
    "degrees_of",
    "dot",
    "from_sky",
    "lonlat",
    "midpoint",
    "normalise",
    "rotate",
    "rotation",
    "tangents",
    "unit",
    "within",
]

Vectors = NDArray[np.float64]

# Squares of lengths below it have lost digits, or are 0.
_UNDERFLOW: Final = 1e-150

TIE = 1e-13
"""Two angles (radians) closer than this are the same: a point on a rim is on the rim whatever the last bit
says. It is a hundred times the rounding error of a unit vector and a fiftieth of a micro-arcsecond."""


class Caps(NamedTuple):
    """A batch of caps: every point of the i-th thing lies within ``radius[i]`` of ``centre[:, i]``.

    A radius of pi or more is the whole sphere; a negative radius is an empty cap (nothing there).
    """

    centre: Vectors
    radius: Floats

    def grow(self, angle: float | Floats) -> Caps:
        """Caps wider by an angle (radians); empty caps stay empty."""
        return Caps(self.centre, np.where(self.radius < 0, self.radius, self.radius + angle))

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Caps:
        """The caps at an index."""
        return Caps(self.centre[:, index], self.radius[index])


def dot(vector: Floats, xyz: Floats) -> Floats:
    """Scalar products of vectors, component first, that broadcast: the same bits for every batching."""
    return np.asarray(vector[0] * xyz[0] + vector[1] * xyz[1] + vector[2] * xyz[2])


def unit(lon: ArrayLike, lat: ArrayLike) -> Vectors:
    """Unit vectors of positions in degrees.

    Parameters
    ----------
    lon, lat : array_like
        Degrees; they broadcast. NaN gives NaN.

    Returns
    -------
    ndarray, shape (3, ...)

    Examples
    --------
    >>> unit(90.0, 0.0).round(15).tolist()
    [0.0, 1.0, 0.0]
    """
    # Contiguous input: numpy's strided and vector loops may round differently in the last bit.
    lam = np.asarray(np.deg2rad(np.asarray(lon, dtype=np.float64)), order="C")
    phi = np.asarray(np.deg2rad(np.asarray(lat, dtype=np.float64)), order="C")
    cos_phi = np.cos(phi)
    shape = np.broadcast_shapes(lam.shape, phi.shape)
    out = np.empty((3, *shape))
    np.multiply(cos_phi, np.cos(lam), out=out[0, ...])
    np.multiply(cos_phi, np.sin(lam), out=out[1, ...])
    out[2, ...] = np.sin(phi)
    return out


def lonlat(xyz: Vectors) -> tuple[Floats, Floats]:
    """Longitude in [0, 360) and latitude, degrees, of vectors of any length.

    Examples
    --------
    >>> [float(a) for a in lonlat(np.array([0.0, -1.0, 0.0]))]
    [270.0, 0.0]
    """
    lon = np.rad2deg(np.arctan2(xyz[1], xyz[0])) % 360.0
    lat = np.rad2deg(np.arctan2(xyz[2], np.hypot(xyz[0], xyz[1])))
    return np.where(lon == 360.0, 0.0, lon), lat


def degrees_of(position: SkyCoord, frame: str) -> tuple[Floats, Floats]:
    """Longitude and latitude of sky positions in a named frame, degrees; NaN where a position is masked.

    Examples
    --------
    >>> [float(a) for a in degrees_of(SkyCoord(30, 10, unit="deg"), "icrs")]
    [30.0, 10.0]
    """
    try:
        there = position.transform_to(frame).spherical
    except (ConvertError, AttributeError, TypeError, ValueError, u.UnitsError) as err:
        # AltAz without a place and time fails as an AttributeError deep in astropy, HCRS without a distance
        # by its units.
        lacking = [name for name in position.frame.frame_attributes if getattr(position, name) is None]
        reason = f"they have no {', no '.join(lacking)}" if lacking else err
        raise MaskValueError(
            f"positions in the frame {position.frame.name!r} cannot be turned into {frame!r}: {reason}"
        ) from err
    return unmasked(there.lon.to_value(u.deg)), unmasked(there.lat.to_value(u.deg))


def from_sky(position: SkyCoord, frame: str) -> Vectors:
    """Unit vectors of sky positions in a named frame, shape ``(3, ...)``.

    Examples
    --------
    >>> from_sky(SkyCoord(0, 90, unit="deg", frame="galactic"), "galactic").round(15).tolist()
    [0.0, 0.0, 1.0]
    """
    return unit(*degrees_of(position, frame))


def normalise(xyz: Vectors) -> Vectors:
    """Vectors scaled to length one. Those of no length, or of one whose square underflows, give NaN."""
    length = np.sqrt(xyz[0] ** 2 + xyz[1] ** 2 + xyz[2] ** 2)
    with np.errstate(invalid="ignore"):
        return np.asarray(xyz / np.where(length > _UNDERFLOW, length, np.nan))


def tangents(xyz: Vectors) -> tuple[Vectors, Vectors]:
    """Two directions across each unit vector, shape (3, n), and across each other."""
    # The axis least along a vector keeps the product well away from zero.
    axis = np.eye(3)[:, np.argmin(np.abs(xyz), axis=0)]
    east = normalise(np.cross(axis, xyz, axis=0))
    return east, np.cross(xyz, east, axis=0)


def midpoint(a: Vectors, b: Vectors) -> Vectors:
    """Midpoint of the shorter great-circle arc."""
    return normalise(a + b)


@lru_cache(maxsize=64)
def _rotation(origin: str, target: str) -> tuple[tuple[float, ...], ...]:
    try:
        axes = SkyCoord([0, 90, 0], [0, 0, 90], unit="deg", frame=origin)
        matrix = from_sky(axes, target)
    except ValueError as err:
        raise GeometryError(
            f"the frame {origin!r} is not fixed to the sky: it needs a place, a time or a distance"
        ) from err
    error = np.abs(matrix @ matrix.T - np.eye(3)).max()
    if error > 1e-12:
        raise GeometryError(
            f"the frames {origin!r} and {target!r} do not differ by a pure rotation (off by {error:.1e})"
        )
    return tuple(tuple(float(v) for v in row) for row in matrix)


def rotation(origin: str, target: str) -> Vectors:
    """Matrix that takes unit vectors of one frame into another.

    Raises
    ------
    GeometryError
        If the frames do not differ by a rotation (FK4 has aberration in it).

    Examples
    --------
    >>> rotation("icrs", "icrs").tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    for frame in (origin, target):
        if not isinstance(frame, str) or frame_transform_graph.lookup_name(frame) is None:
            raise GeometryError(
                f"unknown frame {shown(frame)}{near_frame(frame)}; there are icrs, fk5, galactic, "
                "supergalactic, barycentricmeanecliptic and the others of astropy that are fixed to the sky"
            )
    if origin == target:
        return np.eye(3)
    return np.array(_rotation(origin, target))


def rotate(matrix: Vectors, xyz: Vectors) -> Vectors:
    """Apply a rotation, elementwise (the same bits for every batching)."""
    out = np.empty_like(xyz)
    for i in range(3):
        out[i] = matrix[i, 0] * xyz[0] + matrix[i, 1] * xyz[1] + matrix[i, 2] * xyz[2]
    return out


def chord2(a: Vectors, b: Vectors) -> Floats:
    """Squared chord between unit vectors: accurate for small angles, unlike the dot product.

    Examples
    --------
    >>> float(chord2(np.array([1.0, 0, 0]), np.array([0, 1.0, 0])))
    2.0
    """
    out = np.asarray(a[0] - b[0])
    np.multiply(out, out, out=out)
    # In place: of large arrays new memory is dearer than the sums.
    part = np.empty_like(out)
    for i in (1, 2):
        np.subtract(a[i], b[i], out=part)
        np.multiply(part, part, out=part)
        np.add(out, part, out=out)
    return out


def chord2_of(angle: ArrayLike) -> Floats:
    """Squared chord of an angle in radians, ``4 sin^2(angle / 2)``, clipped to [0, pi]."""
    half = np.sin(np.clip(np.asarray(angle, dtype=np.float64), 0.0, np.pi) / 2)
    return np.asarray(4.0 * half * half)


def angle_between(a: Vectors, b: Vectors) -> Floats:
    """Angle in radians between unit vectors, accurate from 0 to pi.

    Examples
    --------
    >>> float(angle_between(np.array([1.0, 0, 0]), np.array([-1.0, 0, 0]))) == np.pi
    True
    """
    # Kahan: atan2 of difference and sum is accurate at both ends.
    return np.asarray(2.0 * np.arctan2(np.sqrt(chord2(a, b)), np.sqrt(chord2(a, -b))))


def within(xyz: Vectors, centre: Vectors, radius: ArrayLike) -> NDArray[np.bool_]:
    """Whether points lie strictly inside caps: separation ``<`` radius, ties are outside.

    Parameters
    ----------
    xyz, centre : ndarray, shape (3, ...)
        They broadcast. NaN is never inside.
    radius : array_like
        Radians, 0 to pi.

    Examples
    --------
    >>> bool(within(np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), np.pi / 2))
    False
    """
    radius = np.asarray(radius, dtype=np.float64) - TIE
    # Beyond 90 degrees the chord to the antipode is the accurate one.
    if radius.ndim == 0:
        if radius <= np.pi / 2:
            return np.asarray(chord2(xyz, centre) < (chord2_of(radius) if radius > 0 else -1.0))
        return np.asarray(chord2(xyz, -centre) > chord2_of(np.pi - radius))
    near = chord2(xyz, centre) < np.where(radius > 0, chord2_of(radius), -1.0)
    if not np.any(radius > np.pi / 2):
        return np.asarray(near)
    far = chord2(xyz, -centre) > chord2_of(np.pi - radius)
    return np.asarray(np.where(radius <= np.pi / 2, near, far))


def caps_round(caps: Caps, first: NDArray[np.intp]) -> Caps:
    """Caps round groups of neighbouring caps, none of them empty: the i-th begins with number ``first[i]``.

    Examples
    --------
    >>> both = caps_round(Caps(unit([0.0, 2.0], 0.0), np.deg2rad([1.0, 1.0])), np.array([0]))
    >>> np.rad2deg(both.radius).round(9).tolist()
    [2.0]
    """
    if not len(first):
        return Caps(np.empty((3, 0)), np.empty(0))
    middle = normalise(np.add.reduceat(caps.centre, first, axis=1))
    number = np.diff(np.append(first, len(caps.radius)))
    angle = angle_between(caps.centre, np.repeat(middle, number, axis=1)) + caps.radius
    reach = np.maximum.reduceat(angle, first)
    # Groups all round the sky have no middle.
    known = np.isfinite(reach)
    return Caps(np.where(known, middle, 0.0), np.where(known, reach, np.pi))
