"""Shapes in the plane of pixels, by their rows. Knows arrays and nothing of the sky."""

from __future__ import annotations

import numpy as np

from ..core.arrays import Ints

__all__ = ["box_widths", "disk_widths"]

# Relative: a radius that is an angle over a pixel scale (0.2 deg / 0.02 deg) must reach the pixel it means to
# reach.
_TIE = 1e-9
_ENDLESS = (np.inf, np.inf)


def disk_widths(radius_y: float, radius_x: float, most: tuple[float, float] = _ENDLESS) -> Ints:
    """Half-widths of the rows of an ellipse of pixels, from its middle row (the first) outwards.

    The pixels are those with ``(dy / radius_y)^2 + (dx / radius_x)^2 <= 1``, which for equal radii is the
    disk ``dy^2 + dx^2 <= radius^2``; what is on the rim to a part in 10^9 of the radii is in.

    Parameters
    ----------
    radius_y, radius_x : float
        In pixels, at least 0.
    most : tuple of float
        Rows and half-widths to stop at: those of the map, for a radius that is far larger.

    Examples
    --------
    >>> disk_widths(2, 2).tolist()
    [2, 1, 0]
    """
    radius_y, radius_x = radius_y * (1 + _TIE), radius_x * (1 + _TIE)
    rows = np.arange(int(min(radius_y, most[0])) + 1)
    # Where the radius is below a pixel the only row is 0.
    part = rows / max(radius_y, 1.0)
    return np.minimum(radius_x * np.sqrt(1 - part * part), most[1]).astype(np.int64)


def box_widths(half_y: float, half_x: float, most: tuple[float, float] = _ENDLESS) -> Ints:
    """Half-widths of the rows of a box, as `disk_widths`; the half-sides are in pixels.

    Examples
    --------
    >>> box_widths(1, 3.5).tolist()
    [3, 3]
    """
    rows, columns = int(min(half_y * (1 + _TIE), most[0])), int(min(half_x * (1 + _TIE), most[1]))
    return np.full(rows + 1, columns, dtype=np.int64)
