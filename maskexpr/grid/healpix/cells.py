"""Pixel maths of HEALPix (Gorski et al. 2005) in nested order, elementwise in plain numpy, orders 0 to 29.

Vectors are component first, shape (3, ...), in the frame that the cells are of. What a cell's number says is
in `maskexpr.grid.healpix.faces`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...core.arrays import Floats, Ints
from ...sphere.vectors import TIE, Caps, angle_between
from .faces import FACES, MIDDLE, SOUTH, SQUARES, WAYS, from_faces, over_side, pieces, spread_bits, to_faces

__all__ = [
    "caps",
    "cells_at",
    "cells_of",
    "centres",
    "children",
    "neighbours",
    "parents",
    "places_of",
    "spherical",
    "vertices",
]


def parents(ids: Ints, levels: int = 1) -> Ints:
    """The cells some orders lower that hold cells.

    Examples
    --------
    >>> parents(np.array([0, 3, 4])).tolist()
    [0, 0, 1]
    """
    return ids >> 2 * levels


def children(ids: Ints, levels: int = 1) -> Ints:
    """The cells some orders higher within cells, shape (n, 4**levels).

    Examples
    --------
    >>> children(np.array([0, 5])).tolist()
    [[0, 1, 2, 3], [20, 21, 22, 23]]
    """
    return (ids[:, None] << 2 * levels) + np.arange(1 << 2 * levels)


def centres(order: int, ids: ArrayLike) -> Floats:
    """Unit vectors of the centres of cells.

    Parameters
    ----------
    order : int
    ids : array_like of int, shape (n,)

    Returns
    -------
    ndarray of float64, shape (3, n)

    Examples
    --------
    >>> centres(0, [4]).round(15).tolist()
    [[1.0], [0.0], [0.0]]
    """
    ids = np.asarray(ids, dtype=np.int64)
    out = np.empty((3, len(ids)))
    for some in pieces(len(ids)):
        face, x, y = to_faces(order, ids[some])
        _directions(order, face, 2 * x + 1, 2 * y + 1, out[:, some])
    return out


def vertices(order: int, ids: ArrayLike) -> Floats:
    """Unit vectors of the southern, eastern, northern and western vertices of cells.

    Parameters
    ----------
    order : int
    ids : array_like of int, shape (n,)

    Returns
    -------
    ndarray of float64, shape (3, n, 4)

    Examples
    --------
    >>> vertices(0, [0])[:, 0].round(3).T.tolist()
    [[0.707, 0.707, 0.0], [0.0, 0.745, 0.667], [0.0, 0.0, 1.0], [0.745, 0.0, 0.667]]
    """
    ids = np.asarray(ids, dtype=np.int64)
    out = np.empty((3, len(ids), 4))
    for some in pieces(len(ids)):
        face, x, y = to_faces(order, ids[some])
        for i, (dx, dy) in enumerate(((0, 0), (2, 0), (2, 2), (0, 2))):
            _directions(order, face, 2 * x + dx, 2 * y + dy, out[:, some, i])
    return out


def _directions(order: int, face: Ints, x: Ints, y: Ints, out: Floats) -> None:
    """Unit vectors of places of faces, see `spherical`."""
    turn, z, across = spherical(order, face, x, y)
    lon = turn * (np.pi / 4)
    np.multiply(across, np.cos(lon), out=out[0])
    np.multiply(across, np.sin(lon), out=out[1])
    out[2] = z


def spherical(order: int, face: Ints, x: Ints | Floats, y: Ints | Floats) -> tuple[Floats, Floats, Floats]:
    """Places of faces on the sphere; their coordinates count halves of cells, so that for centres and
    vertices what is added up is whole and exact.

    Returns
    -------
    turn : ndarray
        Longitude in units of 45 degrees, from -1 to 8.
    z, across : ndarray
        Sine and cosine of the latitude.
    """
    side = 2 << order
    ring = SOUTH[face] * side - x - y
    from_pole = np.minimum(np.minimum(ring, 4 * side - ring), side)
    aside = np.where(from_pole > 0, (x - y) / np.where(from_pole > 0, from_pole, 1), 0.0)
    # 1 - |z| near a pole, where z itself has no digits for it.
    short = (from_pole * from_pole) / (3.0 * side * side)
    in_cap = from_pole < side
    z = np.where(in_cap, 1.0 - short, np.abs(2 * side - ring) * (2 / 3 / side))
    across = np.sqrt(np.where(in_cap, short * (2.0 - short), (1.0 - z) * (1.0 + z)))
    return MIDDLE[face] + aside, np.copysign(z, 2 * side - ring), across


def cells_of(order: int, vectors: ArrayLike) -> Ints:
    """Cells that hold directions; -1 where a vector has no direction.

    Parameters
    ----------
    order : int
    vectors : array_like of float64, shape (3, n)
        Of any length; zero or not finite is no direction.

    Returns
    -------
    ndarray of int64, shape (n,)

    Examples
    --------
    >>> cells_of(2, centres(2, [7, 8])).tolist()
    [7, 8]
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    out = np.empty(vectors.shape[1], dtype=np.int64)
    for some in pieces(len(out)):
        face, x, y, _, _ = places_of(order, vectors[:, some])
        out[some] = np.where(face < 0, -1, from_faces(order, face, x, y))
    return out


def cells_at(order: int, lon: Floats, lat: Floats, north: float = 0.0) -> Ints:
    """Cells that hold positions, moved north by an angle so small that its square is nothing; -1 for what is
    no position.

    Parameters
    ----------
    lon, lat : ndarray of float64, shape (n,)
        Degrees, latitudes between -90 and 90.
    north : float
        Radians.

    Examples
    --------
    >>> cells_at(0, np.array([45.0, 0.0, np.nan]), np.array([45.0, 0.0, 0.0])).tolist()
    [0, 4, -1]
    """
    out = np.empty(len(lon), dtype=np.int64)
    for some in pieces(len(out)):
        known = np.isfinite(lon[some]) & np.isfinite(lat[some])
        # Quarters of a turn, from 0 to 4.
        quarters = np.where(known, lon[some], 0.0) / 90.0
        quarters -= 4.0 * np.floor(quarters / 4.0)
        angle = np.deg2rad(np.where(known, lat[some], 0.0))
        z, across = np.sin(angle), np.cos(angle)
        moved = (z + north * across * across, across * (1.0 - north * z))
        face, x, y, _, _ = _places(order, np.where(quarters >= 4, 0.0, quarters), *moved)
        out[some] = np.where(known, from_faces(order, face, x, y), -1)
    return out


def places_of(order: int, vectors: Floats) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Faces that hold directions, -1 where there is none, the places x, y of cells in them, and the places of
    the directions themselves, in cells from the southern corner of the face.
    """
    # Contiguous: numpy's strided and vector loops may round differently in the last bit.
    x, y, z = (np.ascontiguousarray(each) for each in vectors)
    length = np.sqrt(x * x + y * y + z * z)
    known = np.isfinite(length) & (length > 0)
    x, y, z = (np.where(known, each, 1.0) / np.where(known, length, np.sqrt(3.0)) for each in (x, y, z))
    # Quarters of a turn, from 0 to 4.
    quarters = np.arctan2(y, x) * (2 / np.pi)
    quarters = np.where(quarters < 0, quarters + 4, quarters)
    quarters = np.where(quarters >= 4, 0.0, quarters)
    face, column, row, along, up = _places(order, quarters, z, np.hypot(x, y))
    return np.where(known, face, -1), column, row, along, up


def _places(
    order: int, quarters: Floats, z: Floats, across: Floats
) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Places of directions of a longitude, in quarters of a turn, and the sine and cosine of a latitude."""
    in_cap = np.abs(z) > 2 / 3
    belt, cap = np.flatnonzero(~in_cap), np.flatnonzero(in_cap)
    in_belt = _in_belt(order, quarters[belt], z[belt])
    in_caps = _in_caps(order, quarters[cap], z[cap], across[cap])
    face, column, row = (np.empty(len(z), dtype=np.int64) for _ in range(3))
    along, up = np.empty(len(z)), np.empty(len(z))
    for out, of_belt, of_cap in zip((face, column, row, along, up), in_belt, in_caps, strict=True):
        out[belt], out[cap] = of_belt, of_cap
    return face, column, row, along, up


def _in_belt(order: int, quarters: Floats, z: Floats) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Places between the polar caps: columns and rows of the staircase are linear in longitude and z."""
    side = 1 << order
    lon, lat = side * (quarters + 0.5), side * (0.75 * z)
    from_west, from_north = lon + lat, lon - lat
    column = np.floor(from_west).astype(np.int64)
    row = SQUARES * side - 1 - np.floor(from_north).astype(np.int64)
    face, x, y = FACES[column >> order, row >> order], column & (side - 1), row & (side - 1)
    return face, x, y, from_west - (column - x), SQUARES * side - (row - y) - from_north


def _in_caps(
    order: int, quarters: Floats, z: Floats, across: Floats
) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """Places in the polar caps: a ring has as many cells in a quarter as there are rings to the pole."""
    side = 1 << order
    quarter = np.minimum(quarters.astype(np.int64), 3)
    part = quarters - quarter
    rings = side * across * np.sqrt(3.0 / (1.0 + np.abs(z)))
    from_west, from_east = part * rings, (1.0 - part) * rings
    west, east = (np.minimum(each.astype(np.int64), side - 1) for each in (from_west, from_east))
    north = z > 0
    return (
        np.where(north, quarter, quarter + 8),
        np.where(north, side - 1 - east, west),
        np.where(north, side - 1 - west, east),
        np.where(north, side - from_east, from_west),
        np.where(north, side - from_west, from_east),
    )


def caps(order: int, ids: ArrayLike) -> Caps:
    """Caps that hold the whole of cells, round their centres; none is larger than it must be.

    A cell reaches furthest from its centre at a vertex. Its sides are lines of constant x or y, of which
    each lies in a polar cap or in the belt as a whole, for those meet along diagonals and corners of cells.
    Half the squared chord from the centre to a point of a side is ``f = 1 - z0 z - s0 s cos(lon - lon0)``
    with ``s = sqrt(1 - z**2)``, and f is convex along every side, so that no point of it is further than
    both its ends:

    - In the belt z and lon are linear along it. ``f'' = s0 ((z'**2 / s**3 + s lon'**2) cos d -
      2 (z z' lon' / s) sin d)`` with ``d = lon - lon0``. By the means of the terms that is not negative where
      ``|z tan d| <= 1``; and ``|z| <= 2/3``, ``|d| <= 45 deg``.
    - In a cap, t rings (in sides of a face) from the pole, ``z = 1 - t**2 / 3`` and ``lon = pi a / (2 t)``
      from one meridian of the quarter, for a constant a. With ``w = sqrt(1 - t**2 / 6)`` and ``k =
      sqrt(2/3)``, ``f'' = 2 z0 / 3 + s0 k t ((1 / (3 w) + 1 / (6 w**3) + w lon**2 / t**2) cos d +
      lon / (3 w) sin d)``. Of this only the last term can be negative, as cell and centre are in one quarter
      (``|d| <= 90 deg``). With ``t <= 1`` and ``lon <= pi / 2`` it is above -0.35, while ``z0 >= 2/3`` makes
      the first 0.44 or more.

    Within the cell the distance from the centre has no maximum but on its border.

    Parameters
    ----------
    order : int
    ids : array_like of int, shape (n,)

    Returns
    -------
    Caps
        n of them, the radius in radians.

    Examples
    --------
    >>> bool(caps(0, [4]).radius[0] > np.pi / 4)
    True
    """
    ids = np.asarray(ids, dtype=np.int64)
    centre, radius = centres(order, ids), np.empty(len(ids))
    for some in pieces(len(ids)):
        corners = vertices(order, ids[some])
        radius[some] = angle_between(corners, centre[:, some, None]).max(axis=1) + TIE
    return Caps(centre, radius)


# ---- what touches what


def neighbours(order: int, ids: ArrayLike) -> Ints:
    """The eight cells that touch each cell, in the directions of `WAYS`; -1 where three faces meet and there
    is none.

    Parameters
    ----------
    order : int
    ids : array_like of int, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n, 8)
        South-west, west, north-west, north, north-east, east, south-east, south. The even ones touch along a
        side.

    Examples
    --------
    >>> neighbours(0, [4]).tolist()
    [[11, 7, 3, -1, 0, 5, 8, -1]]
    """
    ids = np.asarray(ids, dtype=np.int64)
    out = np.empty((len(ids), 8), dtype=np.int64)
    for some in pieces(len(ids)):
        out[some] = _neighbours(order, ids[some])
    return out


def _neighbours(order: int, ids: Ints) -> Ints:
    last = (1 << order) - 1
    face, x, y = to_faces(order, ids)
    out = np.empty((len(ids), 8), dtype=np.int64)
    base = face << 2 * order
    # Bits of x and of y of the cells before, at and after.
    along = [spread_bits(np.clip(x + step, 0, last), order) for step in (-1, 0, 1)]
    up = [spread_bits(np.clip(y + step, 0, last), order) << 1 for step in (-1, 0, 1)]
    for i, (dx, dy) in enumerate(WAYS):
        out[:, i] = base + along[dx + 1] + up[dy + 1]
    at_border = np.flatnonzero((x == 0) | (x == last) | (y == 0) | (y == last))
    if len(at_border):
        face, x, y = face[at_border], x[at_border], y[at_border]
        for i, (dx, dy) in enumerate(WAYS):
            out[at_border, i] = _beyond(order, face, x + dx, y + dy)
    return out


def _beyond(order: int, face: Ints, x: Ints, y: Ints) -> Ints:
    """Cells at places at most one step beyond faces, -1 where there is none."""
    side = 1 << order
    over_corner = ((x < 0) | (x >= side)) & ((y < 0) | (y >= side))
    # Only three faces meet north and south of the equatorial faces, east and west of the others.
    none = over_corner & (((x < 0) == (y < 0)) == (face // 4 == 1))
    for _ in range(2):
        face, x, y = over_side(side, face, x, y)
    return np.where(none, -1, from_faces(order, face, x, y))
