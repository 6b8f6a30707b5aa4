"""RING order of HEALPix cells, a layout of files: rings from north to south, each from longitude 0 on."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...core.arrays import Ints
from .faces import MIDDLE, SOUTH, from_faces, from_staircase, number_of, pieces, to_faces

__all__ = ["from_ring", "to_ring"]


def to_ring(order: int, ids: ArrayLike) -> Ints:
    """Numbers in RING order of cells.

    Parameters
    ----------
    order : int
    ids : array_like of int, shape (n,)

    Examples
    --------
    >>> to_ring(1, [0, 3, 47]).tolist()
    [13, 0, 35]
    """
    ids = np.asarray(ids, dtype=np.int64)
    out = np.empty_like(ids)
    for some in pieces(len(ids)):
        out[some] = _to_ring(order, ids[some])
    return out


def _to_ring(order: int, ids: Ints) -> Ints:
    side = 1 << order
    face, x, y = to_faces(order, ids)
    ring = SOUTH[face] * side - x - y - 1
    from_pole = np.minimum(np.minimum(ring, 4 * side - ring), side)
    # Longitude in eighths of a turn by the number of cells in a quarter of the ring; centres of a ring differ
    # by two of them.
    along = (MIDDLE[face] * from_pole + x - y) % (8 * from_pole)
    in_caps = 2 * from_pole * (from_pole - 1)
    before = np.where(
        ring < side,
        in_caps,
        np.where(
            ring > 3 * side,
            number_of(order) - in_caps - 4 * from_pole,
            2 * side * (side - 1) + 4 * side * (ring - side),
        ),
    )
    return np.asarray(before + along // 2)


def from_ring(order: int, rings: ArrayLike) -> Ints:
    """Cells of numbers in RING order.

    Parameters
    ----------
    order : int
    rings : array_like of int, shape (n,)

    Examples
    --------
    >>> from_ring(1, [13, 0, 35]).tolist()
    [0, 3, 47]
    """
    rings = np.asarray(rings, dtype=np.int64)
    out = np.empty_like(rings)
    for some in pieces(len(rings)):
        out[some] = _from_ring(order, rings[some])
    return out


def _from_ring(order: int, rings: Ints) -> Ints:
    side, number = 1 << order, number_of(order)
    in_cap = 2 * side * (side - 1)
    south = rings >= number - in_cap
    mirrored = np.where(south, number - 1 - rings, rings)
    polar = mirrored < in_cap
    cap, along = _in_cap(np.where(polar, mirrored, 0))
    # From the south pole rings are counted backwards.
    along = np.where(south, 4 * cap - 1 - along, along)
    quarter, part = along // cap, along % cap
    # In a polar face x + y counts the ring and x - y the place in a quarter of it.
    plus = np.where(south, cap - 1, 2 * side - 1 - cap)
    minus = 2 * part + 1 - cap
    face = np.where(south, quarter + 8, quarter)
    of_caps = from_faces(order, np.where(polar, face, 0), plus + minus >> 1, plus - minus >> 1)
    belt, place = np.divmod(np.where(polar, in_cap, rings) - in_cap, 4 * side)
    ring, lon = belt + side, 2 * place + (belt + 1) % 2
    column, row = 3 * side - 1 - ring + lon >> 1, 11 * side - 1 - ring - lon >> 1
    return np.asarray(np.where(polar, of_caps, from_staircase(order, row, column)))


def _in_cap(numbers: Ints) -> tuple[Ints, Ints]:
    """Ring from the pole, from 1 on, and place in it, of numbers counted from a pole."""
    # Ring r begins at 2 r (r - 1); the root of large numbers is off by rounding.
    ring = (1 + np.sqrt(1 + 2 * numbers.astype(np.float64)).astype(np.int64)) >> 1
    ring -= 2 * ring * (ring - 1) > numbers
    ring += 2 * ring * (ring + 1) <= numbers
    return ring, numbers - 2 * ring * (ring - 1)
