"""The lattice of a projection: every pixel index, on the map or beyond it, and the sky position of its
centre.

Functions of a `Projection` alone. Indices count from 0 and come as y, x; positions are degrees in the
projection's own frame.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ...core.arrays import Bools, Floats
from ...core.errors import GeometryError
from ...pixels.window import Window
from ...sphere.vectors import chord2, unit
from .outline import plane_box
from .projection import Projection, thread_wcs

__all__ = ["first_image", "lat_of", "lon_of", "lonlat", "sky_window", "traits"]

# wcslib allocates some hundred bytes a point; pieces of this size stay in cache and bound the memory.
_PIECE: Final = 1 << 14
# A position that comes back further away than this (squared chord; 0.06 deg) was mirrored. CSC's polynomials
# need the room.
_MIRRORED: Final = 1e-6


class First(NamedTuple):
    """The images of positions that wcslib gives; NaN where it has none.

    ``at_cut`` marks positions on a line (or pole) along which the projection cuts the sky, which have an
    image on either side.
    """

    y: Floats
    x: Floats
    at_cut: Bools


class Traits(NamedTuple):
    """What the engine may rely on for a projection.

    ``lon_step`` is degrees of longitude per column (NaN unless separable); ``period`` is the number of
    columns in 360 degrees if it is whole.
    """

    separable: bool
    lon_step: float
    period: int | None
    convex_sky: bool


@lru_cache(maxsize=256)
def traits(projection: Projection) -> Traits:
    """The traits of a projection.

    Examples
    --------
    >>> traits(Projection.create("CAR", "icrs", (1, 1), (0, 0), (-1, 1)))
    Traits(separable=True, lon_step=-1.0, period=360, convex_sky=True)
    """
    plain = projection.plain
    slanted = projection.code == "SIN" and bool(projection.pv)
    convex = plain and projection.facts.convex and not slanted
    step = _lon_step(projection) if plain else math.nan
    if math.isnan(step):
        return Traits(False, math.nan, None, convex)
    columns = 360.0 / abs(step)
    # Relative: header text of 12 digits gives 21600.00000004 columns of one arcminute, and means 21600.
    whole = columns >= 0.5 and abs(columns - round(columns)) <= 1e-9 * columns
    return Traits(True, step, round(columns) if whole else None, convex)


def lonlat(projection: Projection, y: ArrayLike, x: ArrayLike) -> tuple[Floats, Floats]:
    """Sky positions of pixel centres; see `WcsGeom.lonlat`."""
    rows, columns = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    shape = np.broadcast_shapes(rows.shape, columns.shape)
    if math.prod(shape) > rows.size + columns.size and traits(projection).separable:
        lon, lat = np.empty(shape), np.empty(shape)
        lon[...], lat[...] = lon_of(projection, columns), lat_of(projection, rows)
        # A pixel is on the sky only if its row and its column are.
        np.copyto(lon, np.nan, where=np.isnan(lat))
        np.copyto(lat, np.nan, where=np.isnan(lon))
        return lon, lat
    return _sky(projection, np.broadcast_to(rows, shape), np.broadcast_to(columns, shape))


def lon_of(projection: Projection, x: ArrayLike) -> Floats:
    """Longitudes of columns of a separable projection; see `WcsGeom.lon_of`."""
    _need_separable(projection)
    columns = np.asarray(x, dtype=np.float64)
    return _sky(projection, np.broadcast_to(projection.crpix[1] - 1.0, columns.shape), columns)[0]


def lat_of(projection: Projection, y: ArrayLike) -> Floats:
    """Latitudes of rows of a separable projection; see `WcsGeom.lat_of`."""
    _need_separable(projection)
    rows = np.asarray(y, dtype=np.float64)
    return _sky(projection, rows, np.broadcast_to(projection.crpix[0] - 1.0, rows.shape))[1]


def first_image(projection: Projection, lon: ArrayLike, lat: ArrayLike) -> First:
    """Pixel indices of sky positions; `maskexpr.grid.wcs.images` knows their other images."""
    lam, phi = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
    first = First(np.empty(lam.shape), np.empty(lam.shape), np.empty(lam.shape, dtype=bool))
    # What is filled is new, so that these are views.
    flat_y, flat_x, flat_cut = first.y.reshape(-1), first.x.reshape(-1), first.at_cut.reshape(-1)
    flat_lon, flat_lat = lam.ravel(), phi.ravel()
    for start in range(0, lam.size, _PIECE):
        part = slice(start, start + _PIECE)
        _fill_piece(
            projection, flat_lon[part], flat_lat[part], First(flat_y[part], flat_x[part], flat_cut[part])
        )
    return first


@lru_cache(maxsize=256)
def sky_window(projection: Projection) -> Window | None:
    """Smallest window that holds all pixels on the sky, with a pixel to spare, or None if none is known.

    Examples
    --------
    >>> sky_window(Projection.create("CAR", "icrs", (1, 1), (0, 0), (-10, 10)))
    Window(y0=-10, y1=11, x0=-19, x1=20)
    """
    box = None if not projection.plain else plane_box(projection)
    if box is None:
        return None
    west, east, south, north = box
    corners = np.array([[west, west, east, east], [south, north, south, north]])
    (a, b), (c, d) = projection.plane_rows
    across = (d * corners[0] - b * corners[1]) / (a * d - b * c) + projection.crpix[0] - 1.0
    up = (a * corners[1] - c * corners[0]) / (a * d - b * c) + projection.crpix[1] - 1.0
    # One pixel to spare for rounding here and for the tolerance with which wcslib accepts the very edge.
    x0, x1 = math.floor(across.min()) - 1, math.ceil(across.max()) + 2
    y0, y1 = math.floor(up.min()) - 1, math.ceil(up.max()) + 2
    return Window(y0, y1, x0, x1)


def _need_separable(projection: Projection) -> None:
    if not traits(projection).separable:
        raise GeometryError(
            f"longitude and latitude of this {projection.code} map depend on both x and y; use lonlat"
        )


def _lon_step(projection: Projection) -> float:
    """Degrees of longitude per column, NaN if the longitude depends on more than the column."""
    (a, b), (c, _) = projection.matrix
    straight = b == 0.0 and c == 0.0 and projection.lon_axis == 0
    if projection.facts.surface != "cylinder" or not straight:
        return math.nan
    tilt = float(thread_wcs(projection).wcs.cel.euler[1])
    if tilt not in (0.0, 180.0):  # wcslib takes its own short way at exactly these two
        return math.nan
    return (a if tilt == 0.0 else -a) / (projection.turn / 360.0)


def _sky(projection: Projection, y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Positions for arrays of one shape, by wcslib."""
    lon, lat = np.empty(y.shape), np.empty(y.shape)
    flat_y, flat_x, flat_lon, flat_lat = y.ravel(), x.ravel(), lon.reshape(-1), lat.reshape(-1)
    wcs = thread_wcs(projection)
    axis = projection.lon_axis
    for start in range(0, flat_y.size, _PIECE):
        part = slice(start, start + _PIECE)
        plane = _points(flat_x[part], flat_y[part])
        world = (wcs.wcs.p2s(plane, 0)["world"] if projection.sip is None else wcs.all_pix2world(plane, 0))[
            :-1
        ]
        flat_lon[part], flat_lat[part] = world[:, axis], world[:, 1 - axis]
    # Beyond the poles wcslib may still know one of the two.
    np.copyto(lon, np.nan, where=np.isnan(lat))
    np.copyto(lat, np.nan, where=np.isnan(lon))
    # wcslib gives (-360, 360]; the sign depends on the map's reference.
    np.add(lon, 360.0, out=lon, where=lon < 0.0)
    np.subtract(lon, 360.0, out=lon, where=lon >= 360.0)
    return lon, lat


def _points(first: Floats, second: Floats) -> Floats:
    """Two columns for wcslib, and one point more.

    wcslib takes a short way when all points share a coordinate, and on the cube projections that gives other
    bits. The point added, which shares none, keeps it on one way: a pixel's position must not depend on what
    it is asked together with.
    """
    points = np.empty((first.size + 1, 2))
    points[:-1, 0], points[:-1, 1] = first, second
    points[-1] = points[0, 0] + 0.75, points[0, 1] * 0.5 + 0.25
    return points


def _fill_piece(projection: Projection, lon: Floats, lat: Floats, out: First) -> None:
    """Fill in the images of one piece of positions."""
    y, x, at_cut = out.y, out.x, out.at_cut
    wcs = thread_wcs(projection)
    axis = projection.lon_axis
    world = _points(lon, lat) if axis == 0 else _points(lat, lon)
    answer = wcs.wcs.s2p(world, 0)
    plane = answer["pixcrd"][:-1]
    if projection.sip is not None:
        there = np.isfinite(plane).all(axis=1)
        if there.any():
            plane[there] = wcs.all_world2pix(world[:-1][there], 0, quiet=True)
    x[:], y[:] = plane[:, 0], plane[:, 1]
    bad = ~(np.isfinite(x) & np.isfinite(y) & (np.abs(lat) <= 90.0))
    if projection.code == "TAN":
        # The horizon is at native latitude 0, where rounding decides; so near to it pixels lie 10^10 away.
        bad |= ~(answer["theta"][:-1] > 1e-9)
    elif not projection.facts.everywhere or projection.sip is not None:
        # Some projections give a point behind their horizon the image of another: only the way back tells.
        todo = np.flatnonzero(~bad)
        there = unit(lon, lat)
        # PCO has no sky at a few single numbers (the way back divides zero by zero), but all round them.
        for aside in (0.0, 1e-7):
            back = unit(*_sky(projection, y[todo] + aside, x[todo] + aside))
            with np.errstate(invalid="ignore"):
                todo = todo[~(chord2(back, there[:, todo]) < _MIRRORED)]
        bad[todo] = True
    x[bad] = y[bad] = np.nan
    # astropy takes the origin of pixels off the coordinates of the plane too.
    at_cut[:] = _at_cut(projection, answer["phi"][:-1], answer["theta"][:-1], answer["imgcrd"][:-1] + 1.0)


def _at_cut(projection: Projection, phi: Floats, theta: Floats, plane: Floats) -> Bools:
    """Which native positions are where a projection may cut the sky: at the poles and along the meridian of
    180 deg; of HEALPix along the edges of its facets, of the cubes along those of their faces.
    """
    facts = projection.facts
    with np.errstate(invalid="ignore"):
        if facts.surface == "cube":
            to_edge = np.abs(np.abs(plane) % 90.0 - 45.0).min(axis=1)
            return np.asarray(to_edge < facts.off_cut)
        facets = {"HPX": projection.parameter(1, 4.0), "XPH": 8.0}.get(projection.code)
        meridian = 180.0 / facets if facets else 360.0
        away = np.abs((phi + 180.0 + meridian / 2) % meridian - meridian / 2) * np.cos(np.deg2rad(theta))
        return np.asarray((away < facts.off_cut) | (90.0 - np.abs(theta) < facts.off_cut))
