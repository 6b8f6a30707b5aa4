"""Bounds of the second derivatives of the unit vector by the plane, for projections that are smooth."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from ...core.arrays import Floats
from .plane import PlaneWindows
from .projection import Projection

__all__ = ["BENDS", "Bends"]

Bends = tuple[Floats, Floats, Floats]
"""Bounds of the lengths of the second derivatives of the unit vector by xx, xy and yy in the plane."""


def _bends_car(_: Projection, windows: PlaneWindows) -> Bends:
    one = np.ones(len(windows.x))
    return one, one, one


def _bends_mer(_: Projection, windows: PlaneWindows) -> Bends:
    scale = 1 / np.cosh(windows.least_y)
    return scale, scale, 1.5 * scale


def _bends_cea(projection: Projection, windows: PlaneWindows) -> Bends:
    return _equal_area(projection.parameter(1, 1.0), windows)


def _equal_area(slope: float, windows: PlaneWindows) -> Bends:
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

    def bends(self, windows: PlaneWindows) -> Bends:
        """Of ``(k exp(i q x), sine)``."""
        k, k1, k2, q, q1, q2, sine2 = self
        turn = np.minimum(q * windows.most_x, np.pi)
        yy = k2 + 2 * k1 * turn * q1 + k * turn * (q2 + turn * q1**2) + sine2
        return k * q**2, q * (k1 + k * q1 * (1 + turn)), yy


def _bends_sfl(_: Projection, windows: PlaneWindows) -> Bends:
    near, far = windows.least_y, np.minimum(windows.most_y, np.pi / 2)
    cosine, tangent = np.cos(far), np.tan(far)
    sine = np.sin(far)
    return _Meridians(
        np.cos(near), sine, np.cos(near), 1 / cosine, tangent, 1 / cosine**2 + tangent**2, sine
    ).bends(windows)


def _bends_mol(_: Projection, windows: PlaneWindows) -> Bends:
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


def _bends_par(_: Projection, windows: PlaneWindows) -> Bends:
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


def _bends_zea(_: Projection, windows: PlaneWindows) -> Bends:
    far = np.hypot(windows.x, windows.y) + np.hypot(windows.ux, windows.uy) + np.hypot(windows.vx, windows.vy)
    return _alike(_bend_of_disk(far))


def _bend_of_disk(radius: Floats) -> Floats:
    """Second derivative, in any direction, of the equal-area disk up to a radius in its plane."""
    half = np.minimum(radius / 2, 1.0)
    tangent = half / np.sqrt(1 - half**2)
    return np.asarray(np.hypot(tangent / 2 * (1 + tangent**2) + tangent, 1.0))


def _bends_arc(_: Projection, windows: PlaneWindows) -> Bends:
    # (sin r / r p, cos r): r |sinc''| + 2 |sinc'| is below 1.93, and the cosine bends by one at most.
    return _alike(np.full(len(windows.x), 2.2))


def _bends_ait(_: Projection, windows: PlaneWindows) -> Bends:
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


def _bends_hpx(projection: Projection, windows: PlaneWindows) -> Bends:
    """The belt is an equal-area cylinder; in the four triangles to either side of it, with s the distance in
    y from the tip times 4 / pi and u that from the triangle's axis, the unit vector is
    ``(m(s) s exp(i u / s), 1 - s^2 / 3)``, ``m(s) = sqrt(6 - s^2) / 3``, along with u turned into longitude.
    Nothing is proved for windows that hold a bend.
    """
    if projection.parameter(1, 4.0) != 4.0 or projection.parameter(2, 3.0) != 3.0:
        return _alike(np.full(len(windows.x), np.inf))
    belt = _equal_area(8 / (3 * np.pi), windows)
    s = 2 - 4 / np.pi * windows.most_y
    column = [np.floor((windows.x + side * windows.half_x) / (np.pi / 2)) for side in (-1, 1)]
    aside = np.abs(windows.x - (column[0] + 0.5) * np.pi / 2) + windows.half_x
    facet = (windows.least_y > np.pi / 4) & (column[0] == column[1]) & (aside <= np.pi / 4 * s + 1e-9)
    # Of G = s exp(i t), t = u / s <= pi / 4, along a line: |G''| = (u' - t s')^2 / s and
    # |G'|^2 = s'^2 + (u' - t s')^2.
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


BENDS: Final[dict[str, Callable[[Projection, PlaneWindows], Bends]]] = {
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
