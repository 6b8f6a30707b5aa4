"""Windows of projections whose parallels are circles round one point of the plane, cut by straight meridians.

Latitude depends on the distance from that point alone, and is monotonic in it; longitude on the direction
alone. So the nearest and the furthest place of a window, and its corners, bound both.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from ...core.arrays import Bools, Floats, Ints
from ...sphere.vectors import angle_between, unit
from .plane import PlaneWindows
from .projection import Projection, thread_wcs

__all__ = ["SECTORS", "sector_radius"]

SECTORS: Final = frozenset({"COP", "COE", "COD", "COO", "ZPN", "AIR"})
"""Codes of such projections that have no better bound."""

# The corners, in halves of either side from the middle.
_S: Final = np.array([-1.0, -1.0, 1.0, 1.0])[:, None]
_T: Final = np.array([-1.0, 1.0, -1.0, 1.0])[:, None]


def sector_radius(projection: Projection, bounds: Ints, windows: PlaneWindows, centre: Floats) -> Floats:
    """Radii about centres that hold windows; infinite where a window holds the point or is too wide.

    In a range of native longitudes within 90 degrees of a place, and of latitudes, the furthest from the
    place is a corner.
    """
    raw = thread_wcs(projection).wcs
    cone = projection.facts.surface == "cone"
    x, y = windows.x, windows.y - (np.deg2rad(float(raw.cel.prj.w[2])) if cone else 0.0)
    s, t, holds = _nearest(x, y, windows)
    corner_x, corner_y = (
        middle + _S * u + _T * v
        for middle, u, v in ((x, windows.ux, windows.vx), (y, windows.uy, windows.vy))
    )
    # The middle, the place nearest to the point, the corners.
    across, along = (
        np.concatenate([np.zeros((1, len(s))), each[None], np.broadcast_to(ends, corner_x.shape)])
        for each, ends in ((s, _S), (t, _T))
    )
    lon, lat, middle = _native(projection, bounds, across, along)
    turn = lon[2:] - lon[0]
    if not cone:
        # Round a cone's point half a turn in the plane may be more than one of longitude: that is no wrap.
        turn = (turn + 180.0) % 360.0 - 180.0
    far = lat[2 + np.argmax(np.hypot(corner_x, corner_y), axis=0), np.arange(len(s))]
    ends = unit(np.stack([turn.min(axis=0), turn.max(axis=0)])[:, None], np.stack([lat[1], far]))
    here = unit(np.zeros(len(s)), lat[0])[:, None, None, :]
    reach = angle_between(ends, here).max(axis=(0, 1)) + angle_between(middle, centre)
    good = ~holds & (np.abs(turn) <= 90.0).all(axis=0) & np.isfinite(reach)
    if cone:
        # Behind the point the plane is cut.
        sign = np.copysign(1.0, raw.cel.prj.w[2])
        good &= np.ptp(np.arctan2(sign * corner_x, -sign * corner_y), axis=0) < np.pi
    return np.where(good, reach, np.inf)


def _native(
    projection: Projection, bounds: Ints, across: Floats, along: Floats
) -> tuple[Floats, Floats, Floats]:
    """Native longitudes and latitudes, degrees, of places in windows, and unit vectors of the first ones."""
    y0, y1, x0, x1 = bounds
    column = (x0 + x1 - 1) / 2 + across * (x1 - 1 - x0) / 2
    row = (y0 + y1 - 1) / 2 + along * (y1 - 1 - y0) / 2
    found = thread_wcs(projection).wcs.p2s(np.stack([column.ravel(), row.ravel()], axis=1), 0)
    lon, lat = (found[name].reshape(across.shape) for name in ("phi", "theta"))
    sky = found["world"][: across.shape[1]].T
    return lon, lat, unit(sky[projection.lon_axis], sky[1 - projection.lon_axis])


def _nearest(x: Floats, y: Floats, windows: PlaneWindows) -> tuple[Floats, Floats, Bools]:
    """The place of each window nearest to the origin, in halves of its sides from the middle, and whether the
    window holds the origin.
    """
    ux, uy, vx, vy = windows.ux, windows.uy, windows.vx, windows.vy
    with np.errstate(invalid="ignore", divide="ignore"):
        turn = ux * vy - uy * vx
        inner_s, inner_t = (y * vx - x * vy) / turn, (x * uy - y * ux) / turn
        edges = []
        for end in (-1.0, 1.0):
            s = -((x + end * vx) * ux + (y + end * vy) * uy) / (ux**2 + uy**2)
            t = -((x + end * ux) * vx + (y + end * uy) * vy) / (vx**2 + vy**2)
            edges.append((np.clip(np.nan_to_num(s), -1, 1), np.full(len(x), end)))
            edges.append((np.full(len(x), end), np.clip(np.nan_to_num(t), -1, 1)))
    s, t = (np.stack(each) for each in zip(*edges, strict=True))
    best = np.argmin(np.hypot(x + s * ux + t * vx, y + s * uy + t * vy), axis=0), np.arange(len(x))
    # An inch beyond the side: rounding must not let the point out.
    holds = (np.abs(inner_s) <= 1 + 1e-9) & (np.abs(inner_t) <= 1 + 1e-9)
    return s[best], t[best], holds
