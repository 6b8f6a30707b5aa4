"""Arcs of great circles: how far points are from them."""

from __future__ import annotations

import numpy as np

from ..core.arrays import Floats
from .vectors import angle_between, dot

__all__ = ["cross", "to_arc"]


def cross(a: Floats, b: Floats) -> Floats:
    """Vector product, elementwise, of component-first vectors that broadcast."""
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for i, (j, k) in enumerate(((1, 2), (2, 0), (0, 1))):
        np.subtract(a[j] * b[k], a[k] * b[j], out=out[i])
    return out


def to_arc(xyz: Floats, start: Floats, end: Floats) -> Floats:
    """Angle in radians between points and the nearest point of the shorter arc between two others.

    Parameters
    ----------
    xyz, start, end : ndarray, shape (3, ...)
        Unit vectors; they broadcast. Where both ends are the same the arc is that point. NaN gives NaN.

    Returns
    -------
    ndarray
        Accurate to rounding from 0 to pi, however short the arc.

    Examples
    --------
    >>> east, north, up = np.eye(3)[:, :, None]
    >>> np.rad2deg(to_arc(up, east, north)).tolist(), np.rad2deg(to_arc(-east, east, north)).tolist()
    ([90.0], [90.0])
    """
    # The difference of near vectors is exact, so that short arcs have true normals.
    normal = cross(start - end, start + end) / 2
    length = np.sqrt(dot(normal, normal))
    # Between the planes square to the arc through its ends the great circle is what is nearest.
    abeam = (dot(cross(normal, start), xyz) >= 0) & (dot(cross(end, normal), xyz) >= 0) & (length > 0)
    across = cross(normal, xyz)
    off = np.arctan2(np.abs(dot(normal, xyz)), np.sqrt(dot(across, across)))
    nearer_end = np.minimum(angle_between(start, xyz), angle_between(end, xyz))
    return np.asarray(np.where(abeam, off, nearer_end))
