"""Circles between parallels: what of each strip surely lies in a circle, and what may."""

from __future__ import annotations

from typing import Final

import numpy as np

from ..core.arrays import Floats
from ..pixels.ragged import ragged_ranges
from ..sphere.parallels import Parallels, StripRuns
from ..sphere.vectors import lonlat

__all__ = ["circles_between"]

# Degrees within which latitudes and radii are not told apart.
_SLACK: Final = 1e-10
# What rounding does to the differences of squared half-chords, of which none is more than that of the radius,
# for a circle of a radian: latitudes are right to 2e-16.
_ROUNDING: Final = 1e-15
_WIDEST: Final = np.deg2rad(89.0)
# Latitude to which the one that halves a strip's area keeps its digits.
_POLAR: Final = 84.0
# The largest value of 2 x (1 - x**2), rounded up.
_BEND: Final = 0.77


def circles_between(
    centre: Floats, radius: Floats, parallels: Parallels
) -> tuple[StripRuns, StripRuns] | None:
    """Runs that lie in a circle at all latitudes of a strip, and runs that hold all that do at any.

    A circle of radius r round the latitude c holds, at the latitude b, the longitudes with
    ``sin(dlon / 2)**2 < (sin(r / 2)**2 - sin((b - c) / 2)**2) / (cos b cos c)``. With b this half-width grows
    to the latitude at which meridians touch the circle, ``sin b = sin c / cos r``, or to the pole if the
    circle holds that, and shrinks from there. So its least value in a strip is on one of the two parallels,
    and its largest where the strip is nearest to that latitude.

    Its mean over the area of a strip is known better. With ``z = sin b`` and half-width w the second
    derivative by z has the sign of ``2 z n (1 - n**2) sin r - cos c cos w``, for an n from -1 to 1. Where
    that is negative, w bends down: its mean is between that of its ends and its value in the middle of z.

    Parameters
    ----------
    centre : ndarray, shape (3, n)
        Unit vectors in the frame of the parallels.
    radius : ndarray, shape (n,)
        Radians.

    Returns
    -------
    surely, perhaps : StripRuns
        None where a circle is nearly a hemisphere, or more.
    """
    if (radius > _WIDEST).any():
        return None
    lon, lat = lonlat(centre)
    reach, edges = np.rad2deg(radius), parallels.lat
    low = np.maximum(np.searchsorted(edges, lat - reach - _SLACK, side="right") - 1, 0)
    high = np.minimum(np.searchsorted(edges, lat + reach + _SLACK, side="left"), len(parallels))
    circle, strip = ragged_ranges(low, np.maximum(high - low, 0))
    ends = np.array([edges[strip], edges[strip + 1]])
    lat, reach, radius = lat[circle], reach[circle], radius[circle]
    least = np.min([_half_width(each, lat, radius) for each in ends], axis=0)
    touch = np.rad2deg(np.arcsin(np.clip(np.sin(np.deg2rad(lat)) / np.cos(radius), -1.0, 1.0)))
    most = _half_width(np.clip(touch, *ends), lat, radius)
    room = np.cos(np.deg2rad(np.max(np.abs(ends), axis=0))) * np.cos(np.deg2rad(lat))
    slack = np.rad2deg(np.sqrt(_ROUNDING * radius / np.maximum(room, 1e-30))) + _SLACK
    # A parallel lies in the circle as a whole if what is furthest from the centre does, beyond the pole.
    whole = np.all(180.0 - np.abs(ends + lat) < reach - _SLACK, axis=0)
    bends = np.cos(np.deg2rad(lat)) * np.cos(np.deg2rad(most)) > _BEND * np.sin(radius)
    bends &= (least > slack) & (most < 90.0) & (np.abs(ends).max(axis=0) < _POLAR) & ~whole
    least, most = np.where(whole, 180.0, np.minimum(least - slack, 180.0 - _SLACK)), most + slack
    parts = (_mean_width(ends[:, bends], lat[bends], radius[bends], slack[bends]) - least[bends]) / (
        most[bends] - least[bends]
    )
    rim = np.where(bends, np.cumsum(bends) - 1, -1)
    middle = lon[circle]
    surely = StripRuns.round_meridians(strip, middle, least, rim)
    return surely, StripRuns.round_meridians(strip, middle, most, rim, np.clip(parts, 0.0, 1.0))


def _mean_width(ends: Floats, lat: Floats, radius: Floats, slack: Floats) -> Floats:
    """The least and the largest mean, over the area of strips, of half-widths that bend down."""
    mean = np.mean([_half_width(each, lat, radius) for each in ends], axis=0)
    halving = np.rad2deg(np.arcsin(np.sin(np.deg2rad(ends)).mean(axis=0)))
    return np.array([mean - 2 * slack, _half_width(halving, lat, radius) + 2 * slack])


def _half_width(parallel: Floats, lat: Floats, radius: Floats) -> Floats:
    """Half-widths in degrees of circles on parallels, 0 where they do not meet."""
    b, c = np.deg2rad(parallel), np.deg2rad(lat)
    above = np.sin(radius / 2) ** 2 - np.sin((b - c) / 2) ** 2
    below = np.maximum(np.cos(b) * np.cos(c), 1e-300)
    return np.asarray(np.rad2deg(2 * np.arcsin(np.sqrt(np.clip(above / below, 0.0, 1.0)))))
