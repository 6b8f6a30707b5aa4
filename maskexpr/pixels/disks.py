"""Shapes in the plane of pixels, by their rows. Knows arrays and nothing of the sky."""

from __future__ import annotations

import math

import numpy as np

from ..core.arrays import Ints

__all__ = ["box_widths", "disk_widths"]

# Relative: a radius that is an angle over a pixel scale (0.2 deg / 0.02 deg) must reach the pixel it means to
# reach.
_TIE = 1e-9


def disk_widths(radius_y: float, radius_x: float) -> Ints:
    """Half-widths of the rows of an ellipse of pixels, from its middle row (the first) outwards.

    The pixels are those with ``(dy / radius_y)^2 + (dx / radius_x)^2 <= 1``, which for equal radii is the
    disk ``dy^2 + dx^2 <= radius^2``; what is on the rim to a part in 10^9 is in.

    Parameters
    ----------
    radius_y, radius_x : float
        In pixels, at least 0.

    Examples
    --------
    >>> disk_widths(2, 2).tolist()
    [2, 1, 0]
    """
    rows = np.arange(math.floor(radius_y * (1 + _TIE)) + 1)
    # 0 <= rows <= radius, and where the radius is below a pixel the only row is 0.
    part = rows / radius_y if radius_y >= 1 else rows * 0.0
    widths = np.floor(radius_x * np.sqrt(np.maximum(1 + _TIE - part * part, 0.0)) + _TIE)
    return widths.astype(np.int64)


def box_widths(half_y: float, half_x: float) -> Ints:
    """Half-widths of the rows of a box, as `disk_widths`; the half-sides are in pixels.

    Examples
    --------
    >>> box_widths(1, 3.5).tolist()
    [3, 3]
    """
    rows = math.floor(half_y * (1 + _TIE)) + 1
    return np.full(rows, math.floor(half_x * (1 + _TIE)), dtype=np.int64)
