"""Where in the plane of a projection the sky's image lies: boxes, and the ellipses in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .projection import Matrix, Projection

__all__ = ["offset_reference", "parameter", "plane_box", "plane_rows", "surely_off"]

Box = tuple[float, float, float, float]

# Projections whose image of the sky lies in the ellipse that touches the sides of its box.
_IN_ELLIPSE: Final = frozenset({"SFL", "PAR", "MOL", "AIT", "ZEA", "ARC", "SIN"})


def surely_off(projection: Projection, bounds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Windows of pixels that lie, by arithmetic alone, off the sky as a whole, shape (n,).

    The sky's image in the plane lies in an ellipse, and the ellipse's norm of a place is at least that of the
    window's centre less that of the way to it.

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
    plain = projection.sip is None and not offset_reference(projection) and projection.code in _IN_ELLIPSE
    box = plane_box(projection) if plain else None
    if box is None:
        return np.zeros(bounds.shape[1], dtype=bool)
    _, east, _, north = box
    (a, b), (c, d) = plane_rows(projection)
    y0, y1, x0, x1 = bounds
    x, y = (x0 + x1 - 1) / 2 - (projection.crpix[0] - 1.0), (y0 + y1 - 1) / 2 - (projection.crpix[1] - 1.0)
    half_x, half_y = (x1 - x0) / 2, (y1 - y0) / 2
    away = np.hypot((a * x + b * y) / east, (c * x + d * y) / north)
    across = np.maximum(
        np.hypot((a * half_x + b * half_y) / east, (c * half_x + d * half_y) / north),
        np.hypot((a * half_x - b * half_y) / east, (c * half_x - d * half_y) / north),
    )
    # wcslib takes for sky what is beyond the rim by rounding.
    return np.asarray(away - across > 1 + 1e-6)


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
