"""Where in the plane of a projection the sky's image lies: boxes, and the ellipses in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .projection import Matrix, Projection

__all__ = ["chords", "offset_reference", "parameter", "plane_box", "plane_rows", "surely_off"]

Box = tuple[float, float, float, float]
Floats = NDArray[np.float64]

# Projections whose image of the sky is the ellipse that touches the sides of its box, and those whose image
# lies in it.
_ELLIPSE: Final = frozenset({"MOL", "AIT", "ZEA", "ARC", "SIN"})
_IN_ELLIPSE: Final = _ELLIPSE | {"SFL", "PAR"}
# Relative: how far from the ellipse rounding, and wcslib's tolerance, can move the rim of the sky.
_DOUBT: Final = 1e-6


def surely_off(projection: Projection, bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Windows of pixels that lie, by arithmetic alone, off the sky as a whole, shape (n,).

    The sky's image in the plane lies in a box, of some projections in the ellipse that touches its sides.

    Parameters
    ----------
    bounds : ndarray, shape (4, n)
        First row, row after the last, first column and column after the last of each window.

    Examples
    --------
    >>> allsky = Projection.create("AIT", "icrs", (36.5, 18.5), (0, 0), (-5, 5))
    >>> surely_off(allsky, np.array([[0, 15], [4, 20], [0, 30], [4, 40]])).tolist()
    [True, False]
    """
    off = np.zeros(bounds.shape[1], dtype=bool)
    if projection.sip is not None or offset_reference(projection):
        return off
    y0, y1, x0, x1 = bounds
    west, east = x0 - (projection.crpix[0] - 1.0), x1 - projection.crpix[0]
    south, north = y0 - (projection.crpix[1] - 1.0), y1 - projection.crpix[1]
    norm = _norm(projection, _IN_ELLIPSE)
    if norm is not None:
        return norm.least(west, east, south, north) > 1 + _DOUBT
    box = plane_box(projection) or _strip(projection)
    for (a, b), low, high in zip(plane_rows(projection), box[::2], box[1::2], strict=True):
        least = np.minimum(a * west, a * east) + np.minimum(b * south, b * north)
        most = np.maximum(a * west, a * east) + np.maximum(b * south, b * north)
        off |= (least > high + _DOUBT * abs(high)) | (most < low - _DOUBT * abs(low))
    return off


def chords(projection: Projection, y: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Where rows of pixels cross the rim of the sky, if that is known to be an ellipse.

    Parameters
    ----------
    y : ndarray of int, shape (n,)
        Rows.

    Returns
    -------
    ndarray of float64, shape (4, n), or None
        Beyond the first and the last column there is no sky, from the second to the third there is nothing
        else; NaN where a row does not cross.

    Examples
    --------
    >>> allsky = Projection.create("AIT", "icrs", (36.5, 18.5), (0, 0), (-5, 5))
    >>> chords(allsky, np.array([17])).round(2).ravel().tolist()
    [3.1, 3.1, 67.9, 67.9]
    """
    norm = _norm(projection, _ELLIPSE)
    if norm is None:
        return None
    x0, away = projection.crpix[0] - 1.0, y - (projection.crpix[1] - 1.0)
    middle = -norm.xy * away / norm.xx
    with np.errstate(invalid="ignore"):
        outer, inner = (
            np.sqrt(norm.xx * level**2 - (norm.xx * norm.yy - norm.xy**2) * away**2) / norm.xx
            for level in (1 + _DOUBT, 1 - _DOUBT)
        )
    return np.stack([middle - outer, middle - inner, middle + inner, middle + outer]) + x0


class _Norm(NamedTuple):
    """The square of a step's length in units of an ellipse: ``xx dx^2 + 2 xy dx dy + yy dy^2``."""

    xx: float
    xy: float
    yy: float

    def of(self, dx: NDArray[np.float64], dy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lengths of steps."""
        return np.asarray(np.sqrt(self.xx * dx**2 + 2 * self.xy * dx * dy + self.yy * dy**2))

    def least(self, west: Floats, east: Floats, south: Floats, north: Floats) -> Floats:
        """Shortest steps into rectangles: none if they hold the origin, else to the best of their sides."""
        sides = [self.of(x, np.clip(-self.xy * x / self.yy, south, north)) for x in (west, east)]
        sides += [self.of(np.clip(-self.xy * y / self.xx, west, east), y) for y in (south, north)]
        inside = (west <= 0) & (east >= 0) & (south <= 0) & (north >= 0)
        return np.where(inside, 0.0, np.minimum.reduce(sides))


def _norm(projection: Projection, codes: frozenset[str]) -> _Norm | None:
    """The norm, in pixels, of the ellipse that bounds the sky; None for other projections."""
    if projection.sip is not None or offset_reference(projection) or projection.code not in codes:
        return None
    box = plane_box(projection)
    if box is None:
        return None
    _, east, _, north = box
    (a, b), (c, d) = plane_rows(projection)
    a, b, c, d = a / east, b / east, c / north, d / north
    return _Norm(a * a + c * c, a * b + c * d, b * b + d * d)


def plane_rows(projection: Projection) -> Matrix:
    """Rows of the matrix from pixels to the projection's plane, that of longitude first."""
    rows = projection.matrix
    return (rows[1], rows[0]) if projection.lon_axis else rows


def offset_reference(projection: Projection) -> bool:
    """Whether PV parameters on the longitude axis move the native reference point."""
    return any(i == projection.lon_axis + 1 for i, _, _ in projection.pv)


def parameter(projection: Projection, m: int, default: float) -> float:
    """Parameter ``PVi_m`` of the latitude axis."""
    return next((v for i, j, v in projection.pv if j == m and i == 2 - projection.lon_axis), default)


def plane_box(projection: Projection) -> Box | None:
    """West, east, south and north bounds of the sky's image, degrees in the plane; None if it has none or
    they are not known.
    """
    box = _BOXES.get(projection.code)
    return None if box is None else box(projection)


def _strip(projection: Projection) -> Box:
    """The box of a projection whose plane has no other end than that of native longitude, if that."""
    width = {"MER": 180.0, "CYP": 180.0 * abs(parameter(projection, 2, 1.0))}.get(projection.code, math.inf)
    return (-width, width, -math.inf, math.inf)


def _rectangle(width: float, height: float) -> Callable[[Projection], Box | None]:
    return lambda _: (-width, width, -height, height)


def _cea_box(projection: Projection) -> Box | None:
    height = math.degrees(1.0) / parameter(projection, 1, 1.0)
    return (-180.0, 180.0, -height, height)


def _hpx_box(projection: Projection) -> Box | None:
    facets = parameter(projection, 1, 4.0)
    height = 90.0 * (parameter(projection, 2, 3.0) + 1.0) / facets
    # wcslib takes every x on the row of the poles for the pole, to half a facet beyond the seam.
    width = 180.0 + 180.0 / facets
    return (-width, width, -height, height)


def _sin_box(projection: Projection) -> Box | None:
    radius = math.degrees(1.0)
    return None if projection.pv else (-radius, radius, -radius, radius)


_OVAL: Final = math.degrees(math.sqrt(8.0)), math.degrees(math.sqrt(2.0))
_BOXES: Final[dict[str, Callable[[Projection], Box | None]]] = {
    "CAR": _rectangle(180.0, 90.0),
    "SFL": _rectangle(180.0, 90.0),
    "PAR": _rectangle(180.0, 90.0),
    # Mollweide: x = (2 sqrt 2 / pi) phi cos gamma, so 2 sqrt 2 radians at the rim, as Hammer-Aitoff.
    "MOL": _rectangle(*_OVAL),
    "AIT": _rectangle(*_OVAL),
    "ARC": _rectangle(180.0, 180.0),
    "ZEA": _rectangle(math.degrees(2.0), math.degrees(2.0)),
    "SIN": _sin_box,
    "CEA": _cea_box,
    "HPX": _hpx_box,
    # The butterfly's diagonal; wcslib takes the faces of the cubes on either side of the first, hence 7 half
    # faces.
    "XPH": _rectangle(260.0, 260.0),
    "TSC": _rectangle(315.0, 135.0),
    "CSC": _rectangle(315.0, 135.0),
    "QSC": _rectangle(315.0, 135.0),
}
