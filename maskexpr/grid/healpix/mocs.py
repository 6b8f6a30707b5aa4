"""MOCs of this package and others: what they hold, and whether that is cells there are.

They are told by what they have, so that no other package need be there.
"""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...core.arrays import Ints
from ...core.errors import MaskTypeError, MaskValueError
from ...core.records import frozen_array
from .faces import MAX_ORDER, check_order, number_of
from .ranges import coarser, merged

__all__ = ["bare_numbers", "checked_cells", "is_mocpy", "moc_cells"]


def is_mocpy(given: Any) -> bool:
    """Whether something is a `mocpy.MOC`, which is of space."""
    return type(given).__name__ == "MOC" and hasattr(given, "to_depth29_ranges")


def moc_cells(given: Any) -> tuple[Ints, int] | None:
    """Merged ranges of nested cells in ICRS, and their order, of a `Moc` or a `mocpy.MOC`; None of all else.

    Examples
    --------
    >>> moc_cells("1/0-3") is None
    True
    """
    if is_mocpy(given):
        order = int(given.max_order)
        ranges = np.asarray(given.to_depth29_ranges).astype(np.int64).reshape(-1, 2)
        return coarser(ranges, MAX_ORDER - order, whole=True), order
    # The node `Moc` and the shape `CellUnion`, which are made above.
    if getattr(given, "tag", None) in ("moc", "cells"):
        return given.ranges, given.order
    return None


def checked_cells(ranges: ArrayLike, order: int, what: str) -> tuple[Ints, int]:
    """Merged ranges, read-only, of cells of an order that a user gives.

    Raises
    ------
    MaskTypeError
        For ranges that are no whole numbers.
    MaskValueError
        For an order, or cells, that there are not, or a range that ends before it begins.

    Examples
    --------
    >>> ranges, order = checked_cells([[3, 4], [0, 2], [1, 3]], 0, "these")
    >>> ranges.tolist(), order
    ([[0, 4]], 0)
    """
    order = check_order(order, f"{what}: the order")
    return frozen_array(merged(_int64(ranges, order, what)), np.int64), order


def bare_numbers(given: Any, what: str) -> NDArray[Any]:
    """What a user gives as numbers, as an array, which knows neither which are masked nor a unit.

    Raises
    ------
    MaskTypeError
        For numbers with a unit, and rows that are not of one length.
    MaskValueError
        If any is masked.

    Examples
    --------
    >>> bare_numbers([3, 4], "cells").tolist()
    [3, 4]
    """
    if isinstance(given, u.Quantity):
        raise MaskTypeError(f"{what}: numbers of cells have no unit, got {given.unit!r}: give .value")
    if np.ma.is_masked(given):
        raise MaskValueError(
            f"{what}: {np.count_nonzero(given.mask)} of {np.size(given)} numbers are masked: leave them out, "
            "numbers.compressed(), or of ranges ranges[~ranges.mask.any(axis=1)]"
        )
    try:
        return np.asarray(given)
    except ValueError as err:
        raise MaskTypeError(f"{what} must be numbers (n,) or ranges (n, 2), got {given!r}") from err


def _int64(ranges: ArrayLike, order: int, what: str) -> Ints:
    given = bare_numbers(ranges, what)
    if not given.size:
        return np.empty((0, 2), dtype=np.int64)
    if given.dtype.kind not in "iu":
        raise MaskTypeError(f"{what}: ranges are whole numbers, got {given.dtype}")
    if given.ndim != 2 or given.shape[1] != 2:
        raise MaskValueError(f"{what}: ranges have the shape (n, 2), from and to, got {given.shape}")
    last = number_of(order)
    wrong = (given[:, 0] < 0) | (given[:, 0] > given[:, 1]) | (given[:, 1] > last)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise MaskValueError(
            f"{what}: a range goes up, from 0 or more to at most {last}, the number of cells of order "
            f"{order}; row {row} is {given[row].tolist()}"
        )
    return given.astype(np.int64)
