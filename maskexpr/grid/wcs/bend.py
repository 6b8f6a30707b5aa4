"""How far the image of a window on the sphere can lie beyond nine of its points, as analysis proves it.

Two kinds of proof. In the plane of a perspective projection the image of a cap is convex, so that a cap that
holds the corners of a window holds all of it. Elsewhere the unit vector is a smooth function of the plane, and
bilinear interpolation between samples a step h apart errs by at most ``h^2 / 8`` times the second derivative
along either side; what is interpolated lies in the convex hull of the samples, so no further from a cap's
centre than they. All of it on the native sphere: LONPOLE and CRVAL turn it and change no distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...sphere.vectors import unit
from .outline import offset_reference, parameter, plane_rows
from .projection import Projection
from .wcs_of_thread import thread_wcs

__all__ = ["held"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# Radians: far more than wcslib's rounding moves a position.
_ROUNDING: Final = 1e-9


def held(projection: Projection, bounds: NDArray[np.int64], centre: Floats, radius: Floats) -> Floats:
    """Radii about centres within which all pixel centres of windows are proved to lie.

    Parameters
    ----------
    projection : Projection
    bounds : ndarray of int64, shape (4, n)
        Windows whose 3 x 3 samples (corners, middles) are all on the sky.
    centre : ndarray, shape (3, n)
        Unit vectors.
    radius : ndarray, shape (n,)
        Largest distances of the samples from the centres, radians.

    Returns
    -------
    ndarray, shape (n,)
        Radians; infinite where nothing is proved.
    """
    nothing = np.full(len(radius), np.inf)
    if projection.sip is not None:
        return nothing
    code = projection.code
    if code in _DEPTHS:
        depth = _DEPTHS[code](projection)
        return nothing if depth is None else _if_convex(projection, centre, radius, depth)
    if offset_reference(projection):
        return nothing
    windows = _Windows.of(projection, bounds)
    if code in _CYLINDERS and not (windows.ux * windows.uy).any() and not (windows.vx * windows.vy).any():
        narrow = windows.half_x <= _CYLINDERS[code](projection) * np.pi / 2
        return np.where(narrow, radius + _ROUNDING, np.inf)
    if code == "TSC":
        return np.where(_on_one_face(windows) & (radius < np.pi / 2), radius + _ROUNDING, np.inf)
    bends = _BENDS.get(code)
    if bends is None:
        return nothing
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        chord = 2 * np.sin(radius / 2) + windows.bent(*bends(projection, windows))
        return np.where(chord < 2, 2 * np.arcsin(np.minimum(chord / 2, 1)) + _ROUNDING, np.inf)


class _Windows(NamedTuple):
    """Windows in the plane of the projection, radians: their middles, and half their sides as vectors."""

    x: Floats
    y: Floats
    ux: Floats
    uy: Floats
    vx: Floats
    vy: Floats

    @classmethod
    def of(cls, projection: Projection, bounds: NDArray[np.int64]) -> _Windows:
        """The windows of pixel centres between bounds."""
        (a, b), (c, d) = np.deg2rad(plane_rows(projection))
        y0, y1, x0, x1 = bounds
        column, row = (
            (x0 + x1 - 1) / 2 - (projection.crpix[0] - 1),
            (y0 + y1 - 1) / 2 - (projection.crpix[1] - 1),
        )
        wide, high = (x1 - 1 - x0) / 2, (y1 - 1 - y0) / 2
        return cls(a * column + b * row, c * column + d * row, a * wide, c * wide, b * high, d * high)

    @property
    def half_x(self) -> Floats:
        """Half the extent along x."""
        return np.abs(self.ux) + np.abs(self.vx)

    @property
    def half_y(self) -> Floats:
        """Half the extent along y."""
        return np.abs(self.uy) + np.abs(self.vy)

    @property
    def most_x(self) -> Floats:
        """The largest abs(x)."""
        return np.abs(self.x) + self.half_x

    @property
    def most_y(self) -> Floats:
        """The largest abs(y)."""
        return np.abs(self.y) + self.half_y

    @property
    def least_y(self) -> Floats:
        """The smallest abs(y)."""
        return np.maximum(np.abs(self.y) - self.half_y, 0.0)

    def bent(self, xx: Floats, xy: Floats, yy: Floats) -> Floats:
        """Largest error of bilinear interpolation between samples, from bounds of the second derivatives."""
        along_u = self.ux**2 * xx + 2 * np.abs(self.ux * self.uy) * xy + self.uy**2 * yy
        along_v = self.vx**2 * xx + 2 * np.abs(self.vx * self.vy) * xy + self.vy**2 * yy
        return np.asarray((along_u + along_v) / 8)


Bends = tuple[Floats, Floats, Floats]
"""Bounds of the lengths of the second derivatives of the unit vector by xx, xy and yy in the plane."""


# ---- perspective projections: rays from a point on the native axis


def _if_convex(projection: Projection, centre: Floats, radius: Floats, depth: float) -> Floats:
    """The radii as they are where the images of their caps are convex.

    A cap is where rays leave a convex body, the ball's part beyond the cap's plane, if the rays start on the
    other side of that plane: then they cross it inwards. They start at ``depth`` below the ball's middle.
    The rays that meet a convex body are a convex cone, which the plane cuts in a convex figure.
    """
    wcs = thread_wcs(projection).wcs
    north = unit(float(wcs.cel.euler[0]), 90.0 - float(wcs.cel.euler[1]))
    up = north[0] * centre[0] + north[1] * centre[1] + north[2] * centre[2]
    good = up >= 0 if math.isinf(depth) else -depth * up <= np.cos(radius)
    return np.where(good, radius + _ROUNDING, np.inf)


def _azp_depth(projection: Projection) -> float | None:
    depth = parameter(projection, 1, 0.0)
    return depth if parameter(projection, 2, 0.0) == 0.0 and depth >= 0.0 else None


def _szp_depth(projection: Projection) -> float | None:
    depth = parameter(projection, 1, 0.0)
    return depth if parameter(projection, 3, 90.0) == 90.0 and depth >= 0.0 else None


_DEPTHS: Final[dict[str, Callable[[Projection], float | None]]] = {
    "TAN": lambda _: 0.0,
    "STG": lambda _: 1.0,
    "SIN": lambda projection: None if projection.pv else math.inf,
    "AZP": _azp_depth,
    "SZP": _szp_depth,
}


def _on_one_face(windows: _Windows) -> Bools:
    """Whether windows lie on one square of the plane of a cube, of which each is seen from the middle."""
    sides = np.pi / 2
    out = np.ones(len(windows.x), dtype=bool)
    for middle, half in ((windows.x, windows.half_x), (windows.y, windows.half_y)):
        out &= np.floor((middle - half) / sides + 0.5) == np.floor((middle + half) / sides + 0.5)
    return out


# ---- cylinders: where pixels are upright a window is a rectangle of native longitude and latitude

# Native longitude is x over this. The middle of a rectangle less than 180 degrees wide, at any latitude, is
# furthest from a corner: along a parallel the distance grows outwards, along a meridian it has no inner maximum.
_CYLINDERS: Final[dict[str, Callable[[Projection], float]]] = {
    "CAR": lambda _: 1.0,
    "MER": lambda _: 1.0,
    "CEA": lambda _: 1.0,
    # Latitude is known to grow with y for the usual parameters only.
    "CYP": lambda projection: parameter(projection, 2, 1.0) if parameter(projection, 1, 1.0) >= 0.0 else 0.0,
}


def _bends_car(_: Projection, windows: _Windows) -> Bends:
    one = np.ones(len(windows.x))
    return one, one, one


def _bends_mer(_: Projection, windows: _Windows) -> Bends:
    scale = 1 / np.cosh(windows.least_y)
    return scale, scale, 1.5 * scale


def _bends_cea(projection: Projection, windows: _Windows) -> Bends:
    return _equal_area(parameter(projection, 1, 1.0), windows)


def _equal_area(slope: float, windows: _Windows) -> Bends:
    """Sine of latitude ``slope y``, longitude ``x``."""
    sine = np.minimum(slope * windows.most_y, 1.0)
    cosine = np.sqrt(1 - sine**2)
    return np.ones(len(sine)), slope * sine / cosine, slope**2 / cosine**3


# ---- pseudo-cylinders: latitude by y, longitude q(y) x


class _Meridians(NamedTuple):
    """Bounds, in windows, of what makes a pseudo-cylinder: k, the cosine of latitude, its two derivatives by
    y, q, its derivatives relative to itself, and the second derivative of the sine of latitude.
    """

    k: Floats
    k1: Floats
    k2: Floats
    q: Floats
    q1: Floats
    q2: Floats
    sine2: Floats

    def bends(self, windows: _Windows) -> Bends:
        """Of ``(k exp(i q x), sine)``."""
        k, k1, k2, q, q1, q2, sine2 = self
        turn = np.minimum(q * windows.most_x, np.pi)
        yy = k2 + 2 * k1 * turn * q1 + k * turn * (q2 + turn * q1**2) + sine2
        return k * q**2, q * (k1 + k * q1 * (1 + turn)), yy


def _bends_sfl(_: Projection, windows: _Windows) -> Bends:
    near, far = windows.least_y, np.minimum(windows.most_y, np.pi / 2)
    cosine, tangent = np.cos(far), np.tan(far)
    sine = np.sin(far)
    return _Meridians(
        np.cos(near), sine, np.cos(near), 1 / cosine, tangent, 1 / cosine**2 + tangent**2, sine
    ).bends(windows)


def _bends_mol(_: Projection, windows: _Windows) -> Bends:
    a = 2 * math.sqrt(2) / math.pi
    near, far = (np.arcsin(np.minimum(y / math.sqrt(2), 1)) for y in (windows.least_y, windows.most_y))
    sine_near, sine = ((2 * gamma + np.sin(2 * gamma)) / np.pi for gamma in (near, far))
    k_near, k_far = np.sqrt(1 - sine_near**2), np.sqrt(1 - np.minimum(sine, 1) ** 2)
    g, s = np.cos(far), np.sin(far)
    slope, curve = a * np.cos(near), (2 / np.pi) * s / g
    k1 = sine * slope / k_far
    k2 = (slope**2 + sine * curve) / k_far + k1**2 / k_far
    return _Meridians(
        k_near, k1, k2, 1 / (a * g), s / (math.sqrt(2) * g**2), (1 + 2 * s**2) / (2 * g**4), curve
    ).bends(windows)


def _bends_par(_: Projection, windows: _Windows) -> Bends:
    near, far = (np.minimum(y / np.pi, 0.5) for y in (windows.least_y, windows.most_y))
    lat_near, lat = 3 * np.arcsin(near), 3 * np.arcsin(far)
    slope = 3 / (np.pi * np.sqrt(1 - far**2))
    curve = 3 * far / (np.pi**2 * (1 - far**2) ** 1.5)
    q, q1 = 1 / (1 - 4 * far**2), 8 * far / np.pi / (1 - 4 * far**2)
    k2 = np.cos(lat_near) * slope**2 + np.sin(lat) * curve
    sine2 = np.sin(lat) * slope**2 + np.cos(lat_near) * curve
    return _Meridians(
        np.cos(lat_near), np.sin(lat) * slope, k2, q, q1, 8 / np.pi**2 * q + 2 * q1**2, sine2
    ).bends(windows)


# ---- zenithal projections, and Hammer's


def _alike(bend: Floats) -> Bends:
    """One bound for every direction."""
    return bend, np.zeros(len(bend)), bend


def _bends_zea(_: Projection, windows: _Windows) -> Bends:
    far = np.hypot(windows.x, windows.y) + np.hypot(windows.ux, windows.uy) + np.hypot(windows.vx, windows.vy)
    return _alike(_bend_of_disk(far))


def _bend_of_disk(radius: Floats) -> Floats:
    """Second derivative, in any direction, of the equal-area disk up to a radius in its plane."""
    half = np.minimum(radius / 2, 1.0)
    tangent = half / np.sqrt(1 - half**2)
    return np.asarray(np.hypot(tangent / 2 * (1 + tangent**2) + tangent, 1.0))


def _bends_arc(_: Projection, windows: _Windows) -> Bends:
    # (sin r / r p, cos r): r |sinc''| + 2 |sinc'| is below 1.93, and the cosine bends by one at most.
    return _alike(np.full(len(windows.x), 2.2))


def _bends_ait(_: Projection, windows: _Windows) -> Bends:
    """Hammer-Aitoff is half the equal-area disk, x halved, with its longitudes doubled.

    Doubling turns ``(c exp(i l), sine)`` into ``(c exp(2 i l), sine)``: its derivative is at most 2, and its
    second derivative ``3 / c`` along a parallel, none across.
    """
    far = np.hypot(windows.most_x / 2, windows.most_y)
    stretch = 1 / np.sqrt(1 - np.minimum(far / 2, 1.0) ** 2)
    sine = windows.y * np.sqrt(np.maximum(1 - (windows.x / 4) ** 2 - (windows.y / 2) ** 2, 0.0))
    way = np.hypot(windows.ux / 2, windows.uy) + np.hypot(windows.vx / 2, windows.vy)
    cosine = np.sqrt(1 - sine**2) - stretch * way
    bend = np.where(cosine > 0, 2 * _bend_of_disk(far) + 3 * stretch**2 / cosine, np.inf)
    return bend / 4, np.zeros(len(bend)), bend


# ---- HEALPix


def _bends_hpx(projection: Projection, windows: _Windows) -> Bends:
    """The belt is an equal-area cylinder; in the four triangles to either side of it, with s the distance in
    y from the tip times 4 / pi and u that from the triangle's axis, the unit vector is
    ``(m(s) s exp(i u / s), 1 - s^2 / 3)``, ``m(s) = sqrt(6 - s^2) / 3``, along with u turned into longitude.
    Nothing is proved for windows that hold a bend.
    """
    if parameter(projection, 1, 4.0) != 4.0 or parameter(projection, 2, 3.0) != 3.0:
        return _alike(np.full(len(windows.x), np.inf))
    belt = _equal_area(8 / (3 * np.pi), windows)
    s = 2 - 4 / np.pi * windows.most_y
    column = [np.floor((windows.x + side * windows.half_x) / (np.pi / 2)) for side in (-1, 1)]
    aside = np.abs(windows.x - (column[0] + 0.5) * np.pi / 2) + windows.half_x
    facet = (windows.least_y > np.pi / 4) & (column[0] == column[1]) & (aside <= np.pi / 4 * s + _ROUNDING)
    # Of G = s exp(i u / s) along a line: |G''| = (u' - t s')^2 / s, |G'|^2 <= s'^2 + (u' - t s')^2, t <= pi / 4.
    slope = 4 / np.pi
    xx = 0.82 / s
    xy = xx * np.pi / 4 * slope + 0.15 * slope
    yy = slope**2 * (0.18 + 0.3 * math.hypot(1, np.pi / 4) + 0.82 * (np.pi / 4) ** 2 / s + 2 / 3)
    in_belt = windows.most_y <= np.pi / 4
    found = [
        np.where(in_belt, inner, np.where(facet, outer, np.inf))
        for inner, outer in zip(belt, (xx, xy, yy), strict=True)
    ]
    return found[0], found[1], found[2]


_BENDS: Final[dict[str, Callable[[Projection, _Windows], Bends]]] = {
    "CAR": _bends_car,
    "MER": _bends_mer,
    "CEA": _bends_cea,
    "SFL": _bends_sfl,
    "MOL": _bends_mol,
    "PAR": _bends_par,
    "ZEA": _bends_zea,
    "ARC": _bends_arc,
    "AIT": _bends_ait,
    "HPX": _bends_hpx,
}
