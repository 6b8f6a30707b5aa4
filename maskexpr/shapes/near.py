"""Whether a shape comes within an angle of points, for shapes whose rim is a curve of the tangent frame.

The rim is cut into pieces. A piece and the great-circle arc between its ends differ by at most a multiple of
the square of the piece's length, so the arc's distance decides all points but those that are that close to
the angle asked about; for these the piece is halved. The doubt shrinks fourfold each time, and only the
pieces nearest to a point stay open, so that some twenty halvings decide to the last digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats
from ..core.coverage import EMPTY
from ..sphere.arcs import to_arc
from ..sphere.vectors import TIE, Caps, within
from .base import Shape

__all__ = ["Curve", "Rim", "ellipse_rim", "near_rims", "rectangle_rim", "within_or_on"]

# Pieces that a curve is cut into at first.
_PIECES: Final = 4
# The second derivative of the map from the tangent frame to the unit sphere is at most 1.09 along a unit
# vector (it is 1 at the centre, and where radial and tangential motion mix the Bessel function j1 adds to
# it).
_BENDS: Final = 1.1
# A chord deviates from its curve by an eighth of the second derivative; pushed out to the sphere by at most
# twice that; and an angle of less than a radian is at most 4 % more than its chord.
_DEVIATES: Final = 0.26
# Doubt in radians that is none any more.
_SURE: Final = TIE / 10
# A point with more open pieces than this is equally far from a whole rim, which is all but a circle.
_MOST: Final = 1 << 14
# Points worked on in one go: bounds memory.
_BATCH: Final = 1 << 14


class Curve(NamedTuple):
    """A smooth curve in the tangent frame.

    ``offsets`` gives the offsets along width and height, radians, of parameters from 0 to ``stop``; the
    second derivative of the curve on the unit sphere is at most ``bend``.
    """

    offsets: Callable[[Floats], tuple[Floats, Floats]]
    stop: float
    bend: float

    def place(self, parameter: Floats) -> Floats:
        """Unit vectors along (centre, width, height), shape (3, n)."""
        along, across = self.offsets(np.ascontiguousarray(parameter))
        radius = np.hypot(along, across)
        scale = np.where(radius > 0, np.sin(radius) / np.where(radius > 0, radius, 1.0), 1.0)
        return np.stack([np.cos(radius), along * scale, across * scale])


Rim = Sequence[Curve]
"""The part of a rim where both offsets are positive: the rest is its mirror image."""


def ellipse_rim(half: tuple[float, float]) -> Rim:
    """The rim of an ellipse of half-axes in radians."""
    largest = max(half)
    bend = largest + _BENDS * largest**2
    return (Curve(lambda t: (half[0] * np.cos(t), half[1] * np.sin(t)), np.pi / 2, bend),)


def rectangle_rim(half: tuple[float, float]) -> Rim:
    """The rim of a rectangle of half-sides in radians, as far as the sky goes: to the antipode."""
    width, height = half
    up = min(height, float(np.sqrt(max(np.pi**2 - width**2, 0.0))))
    left = min(width, float(np.sqrt(max(np.pi**2 - height**2, 0.0))))
    return (
        Curve(lambda t: (np.full(t.shape, width), t), up, _BENDS),
        Curve(lambda t: (t, np.full(t.shape, height)), left, _BENDS),
    )


def within_or_on(xyz: Floats, centre: Floats, radius: float) -> Bools:
    """Which points are in a cap or on its rim: separation ``<=`` radius (radians, of any size)."""
    if radius + TIE >= np.pi:
        return np.asarray(np.isfinite(xyz[0]))
    return within(xyz, centre, radius + 2 * TIE)


def near_rims(
    shape: Shape, rims: Sequence[Rim], axes: Sequence[Floats], xyz: Floats, frame: str, angle: float
) -> Bools:
    """Which points a shape comes within an angle of, ties included, shape (n,).

    Parameters
    ----------
    shape : Shape
        Symmetric in the two axes of its tangent frame.
    rims : sequence of Rim
        All rims that bound it.
    axes : three ndarrays of shape (3,)
        Unit vectors of centre, width and height in ``frame``.
    xyz : ndarray, shape (3, n)
        Unit vectors; NaN is near nothing.
    frame : str
        Their frame.
    angle : float
        Radians.
    """
    out = shape.inside(xyz, frame)
    limit = angle + TIE
    cover = shape.coverage(Caps(xyz, np.full(xyz.shape[1], limit)), frame)
    rest = np.flatnonzero((cover != EMPTY) & ~out & np.isfinite(xyz[0]))
    for first in range(0, len(rest), _BATCH):
        some = rest[first : first + _BATCH]
        centre, width, height = (
            axis[0] * xyz[0, some] + axis[1] * xyz[1, some] + axis[2] * xyz[2, some] for axis in axes
        )
        # Of mirror images the one on the point's own side is nearest.
        local = np.stack([centre, np.abs(width), np.abs(height)])
        for rim in rims:
            for curve in rim:
                left = np.flatnonzero(~out[some])
                out[some[left]] = _reached(curve, local[:, left], limit)
    return out


def _reached(curve: Curve, xyz: Floats, limit: float) -> Bools:
    """Which points, shape (3, n) in the frame of a curve, have a point of it within an angle, shape (n,)."""
    number = xyz.shape[1]
    out = np.zeros(number, dtype=bool)
    point = np.repeat(np.arange(number), _PIECES)
    piece = np.tile(np.arange(_PIECES), number)
    pieces = _PIECES
    while len(point):
        step = curve.stop / pieces
        start, end = (np.asarray(each * step, dtype=np.float64) for each in (piece, piece + 1))
        doubt = _DEVIATES * curve.bend * step * step
        distance = to_arc(xyz[:, point], curve.place(start), curve.place(end))
        out[point[distance + doubt <= limit]] = True
        open_ = (distance - doubt <= limit) & ~out[point]
        point, piece, distance = point[open_], piece[open_], distance[open_]
        last = (np.bincount(point, minlength=number)[point] > _MOST) | (doubt <= _SURE)
        out[point[last & (distance <= limit)]] = True
        point, piece = np.repeat(point[~last], 2), np.repeat(2 * piece[~last], 2)
        piece[1::2] += 1
        pieces *= 2
    return out
