"""Rings of equal latitude in a window of the lattice, for grids whose pixels lie on such."""

from __future__ import annotations

from typing import NamedTuple

from ..core.arrays import Floats, Ints

__all__ = ["Rings"]


class Rings(NamedTuple):
    """Pieces of rings, each along a diagonal of a window: from its first pixel the next is one row before and
    one column after. All pixels of the window that are on the sky are in one piece.

    Attributes
    ----------
    lat : ndarray of float64, shape (n,)
        Their latitudes in radians, ascending.
    cos_lat : ndarray of float64, shape (n,)
        The cosines of these.
    middle, step : ndarray of float64, shape (n,)
        Longitude half way between the first and the last pixel, and how far each lies from the one before,
        radians; a piece is at most half a turn long.
    y, x, number : ndarray of int64, shape (n,)
        Row and column of the first pixel, and how many there are.
    """

    lat: Floats
    cos_lat: Floats
    middle: Floats
    step: Floats
    y: Ints
    x: Ints
    number: Ints
