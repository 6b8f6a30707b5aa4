"""Caps that hold rectangles of longitudes and latitudes."""

from __future__ import annotations

import numpy as np

from ..core.arrays import Floats
from .vectors import Caps, unit

__all__ = ["caps_of_rectangles"]

# Radians by which an angle near half a turn may be wrong that is had from its cosine.
_ROUNDING = 3e-8


def caps_of_rectangles(lon: Floats, half: Floats, south: Floats, north: Floats) -> Caps:
    """The narrowest of three caps that hold rectangles: round a point of their middle meridian, and round
    either pole.

    Parameters
    ----------
    lon, half : ndarray, shape (n,)
        Longitude of the middle meridian, and how far a rectangle goes to either side of it, radians.
    south, north : ndarray, shape (n,)
        Its latitudes, radians.

    Examples
    --------
    >>> narrow, strip = np.array([[0.0, 0.1, -0.1, 0.1], [0.0, 4.0, 0.5, 1.0]])
    >>> caps = caps_of_rectangles(*np.stack([narrow, strip], axis=1))
    >>> caps.radius.round(3).tolist(), caps.centre.round(3)[2].tolist()
    ([0.141, 1.071], [0.0, 1.0])
    """
    half = np.minimum(half, np.pi)
    # The middle of nine points: the three latitudes at the middle and both ends of the longitudes.
    rows = np.stack([south, (south + north) / 2, north])
    inwards = np.maximum(1 + 2 * np.cos(half), 0.0) / 3
    middle = np.arctan2(np.sin(rows).sum(axis=0), inwards * np.cos(rows).sum(axis=0))
    quarter = np.full_like(middle, np.pi / 2)
    lat = np.stack([middle, quarter, -quarter])
    radius = np.stack([_farthest(middle, half, south, north), quarter - south, quarter + north])
    best = radius.argmin(axis=0)[None]
    lat, radius = (np.take_along_axis(each, best, axis=0)[0] for each in (lat, radius))
    return Caps(unit(np.rad2deg(lon), np.rad2deg(lat)), radius)


def _farthest(lat: Floats, half: Floats, south: Floats, north: Floats) -> Floats:
    """The largest angle between a rectangle and a point of its middle meridian.

    It is that of a point of the meridians at its ends. Along these the cosine of the angle is
    ``a cos(b - peak)`` at latitude b, least at an end, or opposite of the peak.
    """
    ends = np.maximum(_angle(lat, south, half), _angle(lat, north, half))
    x, y = np.cos(lat) * np.cos(half), np.sin(lat)
    peak = np.arctan2(y, x)
    opposite = np.where(peak > 0, peak - np.pi, peak + np.pi)
    beyond = np.pi - np.arccos(np.minimum(np.hypot(x, y), 1.0)) + _ROUNDING
    return np.where((south < opposite) & (opposite < north), np.minimum(beyond, np.pi), ends)


def _angle(lat: Floats, other: Floats, lon: Floats) -> Floats:
    """The angle between points at two latitudes whose longitudes differ by so much (haversine formula)."""
    square = np.sin((lat - other) / 2) ** 2 + np.cos(lat) * np.cos(other) * np.sin(lon / 2) ** 2
    return np.asarray(2 * np.arctan2(np.sqrt(square), np.sqrt(np.maximum(1 - square, 0.0))))
