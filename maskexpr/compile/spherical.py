"""The area of a mask as a set on the sphere: what cells that are decided prove, and the others leave open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from ..core.errors import MaskValueError
from ..expr.mask import Bools, Mask
from ..grid.healpix.areas import Cells
from ..grid.healpix.faces import MAX_ORDER, number_of
from .cover import in_shares, open_cells
from .evaluate import Evaluator

__all__ = ["sky_bounds"]

# The first order that is tried: some milliseconds.
_FIRST: Final = 5
# Cells that are looked at, at most: some minutes.
_MOST: Final = 1 << 25


@dataclass
class _Counted:
    """How many cells of the deepest order cells of any order are."""

    number: int = 0

    def add(self, cells: Cells, which: Bools) -> None:
        self.number += int(np.count_nonzero(which)) << 2 * (MAX_ORDER - cells.order)


def sky_bounds(mask: Mask, rtol: float) -> tuple[float, float, float]:
    """The fraction of the sphere that a mask selects, and what it certainly is not less and not more than.

    A cell that is undecided has the width of a cell: with every order there are about twice as many of them,
    and half as much is open. So few orders have to be tried until that is little enough.

    Parameters
    ----------
    mask : Mask
        Simplified, with a meaning at bare points.
    rtol : float
        The bounds are apart by at most this times the fraction.

    Returns
    -------
    value, lower, upper : float

    Raises
    ------
    MaskValueError
        If that would take too many cells.
    """
    order = _FIRST
    while True:
        value, lower, upper, number = _bounds(mask, order)
        if upper - lower <= rtol * value or not number:
            return value, lower, upper
        # Of a mask of which nothing is found yet it is not known how much is little enough.
        more = max(1, math.ceil(math.log2((upper - lower) / (rtol * value)))) if value else 2
        order += more
        if order > MAX_ORDER or number << more > _MOST:
            raise MaskValueError(
                f"rtol={rtol:g} would take more than {_MOST:,} cells; what is known with fewer: the mask has "
                f"from {lower:.6g} to {upper:.6g} of the sky"
            )


def _bounds(mask: Mask, order: int) -> tuple[float, float, float, int]:
    """Value, lower and upper bound by cells of an order, and how many of them are undecided."""
    full = _Counted()

    def descend(cells: Cells) -> tuple[int, int, int]:
        some, centres, number = _Counted(), 0, 0
        for each in open_cells(mask, cells, order, False, some):
            number += len(each)
            centres += int(np.count_nonzero(Evaluator(mask).run(mask, each.points)))
        return some.number, centres, number

    counted = [(0, 0, 0), *in_shares(mask, Cells.whole_sky(), order, False, full, descend)]
    more, centres, number = (sum(each) for each in zip(*counted, strict=True))
    lower = Fraction(full.number + more, number_of(MAX_ORDER))
    value, upper = (lower + Fraction(n, number_of(order)) for n in (centres, number))
    return float(value), float(lower), float(upper), number
