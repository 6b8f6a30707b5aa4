"""The area of a mask as a set on the sphere: what cells that are decided prove, and the others leave open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from ..core.errors import MaskValueError
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.healpix.areas import Cells
from ..grid.healpix.faces import MAX_ORDER, number_of
from ..grid.healpix.geom import HpxGeom
from .between import bounds_between, leaves_between
from .cover import in_shares, open_cells
from .evaluate import Evaluator

__all__ = ["sky_bounds"]

# The first order that is tried: some milliseconds.
_FIRST: Final = 5
# Undecided cells that are looked at, at most: some seconds.
_MOST: Final = 1 << 22
# Orders that are gone on at a time: from far above, more cells are expected than there are.
_ORDERS: Final = 3
# Strips of the first try, by what factor they become more at a time, and how many runs there may be: seconds.
_STRIPS: Final = 1 << 9
_STEP: Final = 64
_POWER: Final = 2 / 3
_RUNS: Final = 1 << 24
# Sums of shares of the sphere are right to this part of them.
_ROUNDING: Final = 1e-12


@dataclass
class _Counted:
    """How many cells of the deepest order cells of any order are."""

    number: int = 0

    def add(self, cells: Cells, which: Bools) -> None:
        self.number += int(np.count_nonzero(which)) << 2 * (MAX_ORDER - cells.order)


def sky_bounds(mask: Mask, rtol: float) -> tuple[float, float, float]:
    """The fraction of the sphere that a mask selects, and what it certainly is not less and not more than.

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
        If that would take too many strips or cells.
    """
    found = leaves_between(mask)
    by_strips = None if found is None else _by_strips(mask, *found, rtol)
    return by_strips or _by_cells(mask, rtol)


def _by_strips(mask: Mask, leaves: list[Mask], frame: str, rtol: float) -> tuple[float, float, float] | None:
    """See `sky_bounds`; what is open shrinks as the height of the strips. None where these would be too many:
    they are all over the sky, and cells are where the edges are.
    """
    strips = _STRIPS
    while True:
        lower, upper, runs = bounds_between(mask, leaves, frame, strips)
        value = (lower + upper) / 2
        if upper - lower <= rtol * value:
            return value, lower * (1 - _ROUNDING), min(upper * (1 + _ROUNDING), 1.0)
        # Where nothing but one rim lies in a strip what is open shrinks as the square of its height, where a
        # circle ends as its power of 1.5.
        more = min(math.ceil(1.1 * ((upper - lower) / (rtol * value)) ** _POWER), _STEP)
        strips *= max(more, 2)
        if runs * more + strips > _RUNS:
            return None


def _by_cells(mask: Mask, rtol: float) -> tuple[float, float, float]:
    """See `sky_bounds`.

    A cell that is undecided has the width of a cell: with every order there are about twice as many of them,
    and half as much is open. So few orders have to be tried until that is little enough.
    """
    order, frame, most = _FIRST, *_effort(mask)
    while True:
        value, lower, upper, number = _bounds(mask, order, frame)
        if upper - lower <= rtol * value or not number:
            return value, lower, upper
        # Of a mask of which nothing is found yet it is not known how much is little enough.
        more = max(1, math.ceil(math.log2((upper - lower) / (rtol * value)))) if value else 2
        more = min(more, _ORDERS)
        if order == MAX_ORDER or number << more > most:
            limit = f"order {MAX_ORDER}" if order == MAX_ORDER else f"{most:,} undecided cells"
            raise MaskValueError(
                f"rtol={rtol:g} is not reached with {limit}: the mask has from {lower:.6g} to {upper:.6g} of "
                "the sky; mask.area(geom) is the area on a grid"
            )
        order = min(order + more, MAX_ORDER)


def _effort(mask: Mask) -> tuple[str, int]:
    """The frame of the cells, and how many of them that are undecided there may be.

    Of data on cells the cells of the same frame are decided at the data's own order. Those of images are
    bounded by caps round blocks of pixels, which takes as long for a cell as some tens of cells of others do.
    """
    grids = [grid for each in postorder(mask) if (grid := each.pixel_grid) is not None]
    if any(not isinstance(grid, HpxGeom) for grid in grids):
        return "icrs", _MOST >> 6
    return (grids[0].frame if grids else "icrs"), _MOST


def _bounds(mask: Mask, order: int, frame: str) -> tuple[float, float, float, int]:
    """Value, lower and upper bound by cells of an order, and how many of them are undecided."""
    full = _Counted()

    def descend(cells: Cells) -> tuple[int, int, int]:
        some, centres, number = _Counted(), 0, 0
        for each in open_cells(mask, cells, order, False, some):
            number += len(each)
            centres += int(np.count_nonzero(Evaluator(mask).run(mask, each.points)))
        return some.number, centres, number

    counted = [(0, 0, 0), *in_shares(mask, Cells.whole_sky(frame), order, False, full, descend)]
    more, centres, number = (sum(each) for each in zip(*counted, strict=True))
    lower = Fraction(full.number + more, number_of(MAX_ORDER))
    value, upper = (lower + Fraction(n, number_of(order)) for n in (centres, number))
    return float(value), float(lower), float(upper), number
