"""Many shapes in the tangent frames at their centres: ellipses and rectangles as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import Coverage, decide
from ..sphere.vectors import TIE, Caps, dot, rotate, rotation, unit
from .base import SLACK
from .batch import Which

__all__ = ["Axes", "Kind", "Tangents", "axes_of"]

# Separations beyond which the tangent frame stretches too much to bound anything.
_FARTHEST = 3.0


class Axes(NamedTuple):
    """Unit vectors of centres and of the directions of width and height there, shape (3, n) each."""

    centre: Floats
    width: Floats
    height: Floats


def axes_of(lon: Floats, lat: Floats, angle: Floats, origin: str, target: str) -> Axes:
    """Axes in the frame ``target`` of n shapes; positions in ``origin`` and angles in degrees, shape (n,)."""
    lam, phi, tilt = (np.deg2rad(np.asarray(each, order="C")) for each in (lon, lat, angle))
    north = np.stack([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)])
    east = np.stack([-np.sin(lam), np.cos(lam), np.zeros(len(lam))])
    # At angle 0 the width points west, which is towards +x on an image with north up and east left.
    width = np.sin(tilt) * north - np.cos(tilt) * east
    height = np.cos(tilt) * north + np.sin(tilt) * east
    matrix = rotation(origin, target)
    return Axes(*(rotate(matrix, each) for each in (unit(lon, lat), width, height)))


class Kind(Protocol):
    """What tells ellipses from rectangles."""

    @staticmethod
    def _contains(along: Floats, across: Floats, half: tuple[Floats, Floats]) -> Bools: ...

    @staticmethod
    def _circles(half: tuple[Floats, Floats]) -> tuple[Floats, Floats]: ...


@dataclass(frozen=True)
class Tangents:
    """n ellipses, or n rectangles.

    Attributes
    ----------
    kind : type
        The class of the shapes.
    axes : Axes
        Their axes, in the frame in which they are asked.
    half : pair of ndarray, shape (n,)
        Half-axes in radians.
    """

    kind: type[Kind]
    axes: Axes
    half: tuple[Floats, Floats]

    @property
    def caps(self) -> Caps:
        """See `Batch.caps`."""
        bounding = self.kind._circles(self.half)[1]
        flat = np.minimum(*self.half) <= TIE
        return Caps(self.axes.centre, np.where(flat, -1.0, bounding + 2 * SLACK))

    def take(self, some: Indices) -> Tangents:
        """Some of the shapes."""
        return Tangents(self.kind, *self._of(some))

    def _of(self, which: Which) -> tuple[Axes, tuple[Floats, Floats]]:
        return Axes(*(each[:, which] for each in self.axes)), (self.half[0][which], self.half[1][which])

    def inside(self, xyz: Floats, which: Which) -> Bools:
        """See `Batch.inside`."""
        axes, half = self._of(which)
        shrunk = half[0] - TIE, half[1] - TIE
        along, across, _ = _offsets(axes, xyz)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.kind._contains(along, across, shrunk) & (np.minimum(*shrunk) > 0))

    def coverage(self, caps: Caps, which: Which) -> Coverage:
        """See `Batch.coverage`."""
        axes, half = self._of(which)
        along, across, separation = _offsets(axes, caps.centre)
        inscribed, bounding = self.kind._circles(half)
        radius = caps.radius + SLACK
        # From the centre of the cap to any point of it the offsets change at most this often as fast as the
        # separation does.
        farthest = separation + radius
        with np.errstate(invalid="ignore", divide="ignore"):
            stretch = np.where(farthest < _FARTHEST, np.maximum(farthest / np.sin(farthest), 1.0), np.inf)
            reach = stretch * radius + SLACK
            # An unknown reach is as far as there is: not NaN, which no shape contains.
            low = (np.fmax(np.abs(along) - reach, 0.0), np.fmax(np.abs(across) - reach, 0.0))
            high = (np.abs(along) + reach, np.abs(across) + reach)
            flat = np.minimum(*half) <= TIE
            empty = ~self.kind._contains(*low, half) | (separation - radius > bounding + SLACK) | flat
            full = self.kind._contains(*high, (half[0] - TIE, half[1] - TIE))
        return decide(empty, (full | (farthest < inscribed - SLACK)) & ~flat)


def _offsets(axes: Axes, xyz: Floats) -> tuple[Floats, Floats, Floats]:
    """Offsets along width and height, and separation, of points, all in radians."""
    along, across = dot(axes.width, xyz), dot(axes.height, xyz)
    sine = np.sqrt(along * along + across * across)
    separation = np.arctan2(sine, dot(axes.centre, xyz))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(sine > 0, separation / sine, 1.0)
    # The antipode lies in every direction; it is given the one of the width.
    return np.where((sine == 0) & (separation > 1), np.pi, along * scale), across * scale, separation
