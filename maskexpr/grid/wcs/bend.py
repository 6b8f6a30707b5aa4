"""How far the image of a window on the sphere can lie beyond nine of its points, as analysis proves it.

There are four kinds of proof. In the plane of a perspective projection the image of a cap is convex, so that
a cap that holds the corners of a window holds all of it. Where the unit vector is a smooth function of the
plane, bilinear interpolation between samples a step h apart errs by at most ``h^2 / 8`` times the second
derivative along either side, and what is interpolated lies in the convex hull of the samples. Where it is
only known how much a projection stretches, nothing is further from a sample than that. And where longitude
and latitude are monotonic along and across rays, their ranges bound a window (`maskexpr.grid.wcs.sector`).
All of it on the native sphere: LONPOLE and CRVAL turn it and change no distance.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from ...core.arrays import Bools, Floats, Ints
from ...sphere.vectors import unit
from .plane import PlaneWindows
from .projection import Projection, thread_wcs
from .sector import SECTORS, sector_radius
from .smooth import BENDS

__all__ = ["held"]

# Radians: far more than wcslib's rounding moves a position.
_ROUNDING: Final = 1e-9


def held(projection: Projection, bounds: Ints, centre: Floats, radius: Floats) -> Floats:
    """Radii about centres within which all pixel centres of windows are proved to lie.

    Parameters
    ----------
    bounds : ndarray of int64, shape (4, n)
        Windows whose 3 x 3 samples (corners, middles) are all on the sky.
    centre : ndarray, shape (3, n)
        Unit vectors, the directions of the sums of the samples.
    radius : ndarray, shape (n,)
        Largest distances of the samples from the centres, radians.

    Returns
    -------
    ndarray, shape (n,)
        Radians; infinite where nothing is proved.

    Examples
    --------
    >>> allsky = Projection.create("TAN", "icrs", (5, 5), (0, 0), (-1, 1))
    >>> middle = np.array([[1.0], [0.0], [0.0]])
    >>> held(allsky, np.array([[0], [9], [0], [9]]), middle, np.array([0.1])).round(6).tolist()
    [0.1]
    """
    if not len(radius):
        return radius
    if projection.code in _DEPTHS:
        found = _if_convex(projection, centre, radius, _DEPTHS[projection.code](projection))
        return found + _distorted(projection, bounds) + _ROUNDING
    if not projection.plain:
        return np.full(len(radius), np.inf)
    windows = PlaneWindows.of(projection, bounds)
    return _in_plane(projection, bounds, windows, centre, radius) + _ROUNDING


def _in_plane(
    projection: Projection, bounds: Ints, windows: PlaneWindows, centre: Floats, radius: Floats
) -> Floats:
    """The best of the proofs that a projection without perspective has."""
    code, best = projection.code, np.full(len(radius), np.inf)
    if code in _CYLINDERS and windows.upright:
        narrow = windows.half_x <= _CYLINDERS[code](projection) * np.pi / 2
        return np.where(narrow, radius, np.inf)
    if code == "TSC":
        return np.where(_on_one_face(windows) & (radius < np.pi / 2), radius, np.inf)
    if code in BENDS:
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            chord = 2 * np.sin(radius / 2) + windows.bent(*BENDS[code](projection, windows))
            best = np.where(chord < 2, 2 * np.arcsin(np.minimum(chord / 2, 1)), np.inf)
    if code in _STRETCHES:
        stretch, is_whole = _STRETCHES[code]
        wider = radius + stretch * windows.gap
        best = np.fmin(best, np.where(is_whole(projection, windows), wider, np.inf))
    if code in SECTORS:
        best = np.fmin(best, sector_radius(projection, bounds, windows, centre))
    return best


# ---- perspective projections: rays from a point on the native axis


def _if_convex(projection: Projection, centre: Floats, radius: Floats, depth: float | None) -> Floats:
    """The radii as they are where the images of their caps are convex.

    A cap is where rays leave a convex body, the ball's part beyond the cap's plane, if the rays start on the
    other side of that plane: then they cross it inwards. They start at ``depth`` below the ball's middle.
    The rays that meet a convex body are a convex cone, which the plane cuts in a convex figure.
    """
    if depth is None:
        return np.full(len(radius), np.inf)
    wcs = thread_wcs(projection).wcs
    north = unit(float(wcs.cel.euler[0]), 90.0 - float(wcs.cel.euler[1]))
    up = north[0] * centre[0] + north[1] * centre[1] + north[2] * centre[2]
    good = up >= 0 if math.isinf(depth) else -depth * up <= np.cos(radius)
    return np.where(good, radius, np.inf)


def _azp_depth(projection: Projection) -> float | None:
    depth = projection.parameter(1, 0.0)
    return depth if projection.parameter(2, 0.0) == 0.0 and depth >= 0.0 else None


def _szp_depth(projection: Projection) -> float | None:
    depth = projection.parameter(1, 0.0)
    return depth if projection.parameter(3, 90.0) == 90.0 and depth >= 0.0 else None


_DEPTHS: Final[dict[str, Callable[[Projection], float | None]]] = {
    "TAN": lambda _: 0.0,
    "STG": lambda _: 1.0,
    "SIN": lambda projection: None if projection.pv else math.inf,
    "AZP": _azp_depth,
    "SZP": _szp_depth,
}


def _distorted(projection: Projection, bounds: Ints) -> Floats | float:
    """How far SIP can carry a place in the plane beyond those of the samples, radians.

    Second derivatives of the polynomials bound by how much bilinear interpolation between samples errs, and
    a projection that nowhere stretches takes places to the sphere that are no further apart than these.
    """
    sip = projection.sip
    if sip is None:
        return 0.0
    if projection.code not in ("TAN", "STG"):
        return np.inf
    y0, y1, x0, x1 = bounds
    high, wide = (y1 - 1 - y0) / 2, (x1 - 1 - x0) / 2
    u = np.maximum(np.abs(x0 + 1 - sip.crpix[0]), np.abs(x1 - sip.crpix[0]))
    v = np.maximum(np.abs(y0 + 1 - sip.crpix[1]), np.abs(y1 - sip.crpix[1]))
    total: Floats | float = 0.0
    for column, terms in enumerate((sip.a, sip.b)):
        step = math.hypot(*(row[column] for row in projection.matrix))
        for p, row in enumerate(terms):
            for q, term in enumerate(row):
                along = p * (p - 1) * u ** max(p - 2, 0) * v**q * wide**2
                across = q * (q - 1) * u**p * v ** max(q - 2, 0) * high**2
                total = total + math.radians(step) * abs(term) * (along + across) / 8
    return total


# ---- projections of which it is known how much they stretch


def _on_one_face(windows: PlaneWindows) -> Bools:
    """Whether windows lie on one square of the plane of a cube, of which each is seen from the middle."""
    sides = np.pi / 2
    out = np.ones(len(windows.x), dtype=bool)
    for middle, half in ((windows.x, windows.half_x), (windows.y, windows.half_y)):
        out &= np.floor((middle - half) / sides + 0.5) == np.floor((middle + half) / sides + 0.5)
    return out


def _in_one_column(projection: Projection, windows: PlaneWindows) -> Bools:
    """Whether windows lie in one of the four hexagons of HEALPix, of a half of the belt and two triangles."""
    if projection.parameter(1, 4.0) != 4.0 or projection.parameter(2, 3.0) != 3.0:
        return np.zeros(len(windows.x), dtype=bool)
    west, east = (np.floor((windows.x + side * windows.half_x) / (np.pi / 2)) for side in (-1, 1))
    return np.asarray(west == east)


def _in_one_wing(_: Projection, windows: PlaneWindows) -> Bools:
    """Whether windows lie in one of the four hexagons of the butterfly."""
    return np.asarray((np.abs(windows.x) >= windows.half_x) & (np.abs(windows.y) >= windows.half_y))


# By how much the sphere is at most as stretched as the plane, and the windows in which that is so without a
# gap.
#
# HEALPix, in the belt: 1 along x, and 8 / (3 pi cos(lat)) <= 1.139 along y. In a polar facet, where
# sigma = sqrt(3 (1 - |sin(lat)|)), |y| = pi/4 (2 - sigma) and x = phi_c + u sigma, |u| <= pi/4, the metric in
# (dx, dy) has the determinant 4 k^2 / 9 and the trace c + k^2 (4 / (9 c) + c u^2), with k = 4 / pi and
# c = (2/3 - sigma^2 / 9) in [5/9, 2/3]. It is convex in c and grows with |u|, so that the largest stretch is
# that at c = 2/3, u = pi/4: 1.43709. The butterfly's facets are these, turned.
#
# Of the polynomials of the cubes nothing is derived: the largest of many random places are 1.4849 for CSC
# and 1.1497 for QSC, and a margin is added.
_STRETCHES: Final[dict[str, tuple[float, Callable[[Projection, PlaneWindows], Bools]]]] = {
    "CSC": (1.55, lambda _, windows: _on_one_face(windows)),
    "QSC": (1.17, lambda _, windows: _on_one_face(windows)),
    "HPX": (1.45, _in_one_column),
    "XPH": (1.45, _in_one_wing),
}


# ---- cylinders: where pixels are upright a window is a rectangle of native longitude and latitude

# Native longitude is x over this. From the middle meridian of a rectangle less than 180 degrees wide a corner
# is furthest: along a parallel the distance grows outwards, along a meridian it has no inner maximum.
_CYLINDERS: Final[dict[str, Callable[[Projection], float]]] = {
    "CAR": lambda _: 1.0,
    "MER": lambda _: 1.0,
    "CEA": lambda _: 1.0,
    # Latitude is known to grow with y for the usual parameters only.
    "CYP": lambda projection: projection.parameter(2, 1.0) if projection.parameter(1, 1.0) >= 0.0 else 0.0,
}
