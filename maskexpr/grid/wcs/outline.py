"""Where in the plane of a projection the sky's image lies: boxes, and the ellipses in them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from ...core.arrays import Bools, Floats, Ints
from .facts import Box
from .projection import Projection

__all__ = ["chords", "plane_box", "surely_off"]

# Half the width, degrees, of images between meridians, by the distance from the equator in the plane.
_WIDTHS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "SFL": lambda y: 180.0 * np.cos(np.deg2rad(y)),
    "PAR": lambda y: 180.0 * (1.0 - 4.0 * (y / 180.0) ** 2),
}
# Half the width, degrees, of a face of a cube, and of a facet of HEALPix.
_FACE: Final = 45.0
# Relative: how far from the ellipse rounding, and wcslib's tolerance, can move the rim of the sky.
_DOUBT: Final = 1e-6


def surely_off(projection: Projection, bounds: Ints) -> Bools:
    """Windows of pixels that lie, by arithmetic alone, off the sky as a whole, shape (n,).

    The sky's image in the plane lies in a box, of some projections in the ellipse that touches its sides, on
    the faces of a cube or, towards the poles, in the triangles of HEALPix.

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
    if not projection.plain:
        return off
    y0, y1, x0, x1 = bounds
    west, east = x0 - (projection.crpix[0] - 1.0), x1 - projection.crpix[0]
    south, north = y0 - (projection.crpix[1] - 1.0), y1 - projection.crpix[1]
    norm = _norm(projection, ("fills", "within"))
    least, most = (
        [outer(a * west, a * east) + outer(b * south, b * north) for a, b in projection.plane_rows]
        for outer in (np.minimum, np.maximum)
    )
    if norm is not None:
        off = norm.least(west, east, south, north) > 1 + _DOUBT
    else:
        box = plane_box(projection) or _strip(projection)
        for i, (low, high) in enumerate(zip(box[::2], box[1::2], strict=True)):
            off |= (least[i] > high + _DOUBT * abs(high)) | (most[i] < low - _DOUBT * abs(low))
    return off | _beside(projection, (least[0], most[0]), (least[1], most[1]))


def _beside(projection: Projection, x: tuple[Floats, Floats], y: tuple[Floats, Floats]) -> Bools:
    """Rectangles of the plane, given by their ends, that lie beside the image of the sky inside its box."""
    near_x, near_y = (np.maximum(np.maximum(low, -high), 0.0) for low, high in (x, y))
    if projection.code in _WIDTHS:
        return near_x > _WIDTHS[projection.code](np.minimum(near_y, 90.0)) + 180.0 * _DOUBT
    if projection.facts.surface == "cube":
        return np.minimum(near_x, near_y) > _FACE * (1 + _DOUBT)
    if projection.code == "HPX" and not projection.pv:
        # Gaps open at 45 degrees of the plane, every 90 degrees; on the very row of a pole all is the pole.
        gap = 2 * _FACE * np.round((x[0] + x[1]) / (4 * _FACE))
        away = np.maximum(x[1] - gap, gap - x[0])
        below_pole = np.maximum(y[1], -y[0]) < 2 * _FACE * (1 - _DOUBT)
        return (away < near_y - _FACE - 180.0 * _DOUBT) & below_pole
    return np.zeros(near_x.shape, dtype=bool)


def chords(projection: Projection, y: Ints) -> Floats | None:
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
    norm = _norm(projection, ("fills",))
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

    def of(self, dx: Floats, dy: Floats) -> Floats:
        """Lengths of steps."""
        return np.asarray(np.sqrt(self.xx * dx**2 + 2 * self.xy * dx * dy + self.yy * dy**2))

    def least(self, west: Floats, east: Floats, south: Floats, north: Floats) -> Floats:
        """Shortest steps into rectangles: none if they hold the origin, else to the best of their sides."""
        sides = [self.of(x, np.clip(-self.xy * x / self.yy, south, north)) for x in (west, east)]
        sides += [self.of(np.clip(-self.xy * y / self.xx, west, east), y) for y in (south, north)]
        inside = (west <= 0) & (east >= 0) & (south <= 0) & (north >= 0)
        return np.where(inside, 0.0, np.minimum.reduce(sides))


def _norm(projection: Projection, ellipse: tuple[str, ...]) -> _Norm | None:
    """The norm, in pixels, of the ellipse that bounds the sky; None for other projections."""
    if not projection.plain or projection.facts.ellipse not in ellipse:
        return None
    box = plane_box(projection)
    if box is None:
        return None
    _, east, _, north = box
    (a, b), (c, d) = projection.plane_rows
    a, b, c, d = a / east, b / east, c / north, d / north
    return _Norm(a * a + c * c, a * b + c * d, b * b + d * d)


def plane_box(projection: Projection) -> Box | None:
    """West, east, south and north bounds of the sky's image, degrees in the plane; None if it has none or
    they are not known.
    """
    box = projection.facts.box
    return None if box is None else box(projection)


def _strip(projection: Projection) -> Box:
    """The box of a projection whose plane has no other end than that of native longitude, if that."""
    width = abs(projection.turn) / 2 if projection.facts.surface == "cylinder" else math.inf
    return (-width, width, -math.inf, math.inf)
