"""Interval sets against sets of Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskexpr.grid.healpix.lookup import Lookup
from maskexpr.grid.healpix.ranges import (
    cells_by_order,
    coarser,
    complement,
    finer,
    intersection,
    meeting,
    merged,
    of_cells,
    union,
)

ORDER = 2
NUMBER = 12 * 4**ORDER

numbers = st.sets(st.integers(0, NUMBER - 1))
messy = st.lists(st.tuples(st.integers(0, NUMBER), st.integers(0, 30)), max_size=12).map(
    lambda pairs: np.array([(a, min(a + n, NUMBER)) for a, n in pairs], dtype=np.int64).reshape(-1, 2)
)


def made(cells: set[int]) -> np.ndarray:
    return of_cells(np.array(sorted(cells), dtype=np.int64))


def cells_of(ranges: np.ndarray) -> set[int]:
    return {cell for first, last in ranges.tolist() for cell in range(first, last)}


def is_merged(ranges: np.ndarray) -> bool:
    flat = ranges.reshape(-1)
    return bool((np.diff(flat) > 0).all())


@given(messy)
def test_merged(ranges: np.ndarray) -> None:
    found = merged(ranges)
    assert is_merged(found)
    assert cells_of(found) == cells_of(ranges)


@given(numbers, numbers)
def test_algebra(one: set[int], other: set[int]) -> None:
    a, b = made(one), made(other)
    for found, expected in (
        (union(a, b), one | other),
        (intersection(a, b), one & other),
        (complement(a, NUMBER), set(range(NUMBER)) - one),
    ):
        assert is_merged(found)
        assert cells_of(found) == expected


@given(numbers)
def test_membership(cells: set[int]) -> None:
    asked = np.arange(-2, NUMBER)
    found = Lookup(made(cells), NUMBER).holding(asked)
    assert found.tolist() == [each in cells for each in asked.tolist()]


@given(numbers, st.integers(0, NUMBER - 1), st.integers(1, 40))
def test_spans(cells: set[int], start: int, length: int) -> None:
    span = range(start, start + length)
    some, every = meeting(made(cells), np.array([start]), np.array([start + length]))
    assert some[0] == any(each in cells for each in span)
    assert every[0] == all(each in cells for each in span)


@given(numbers)
def test_orders(cells: set[int]) -> None:
    ranges = made(cells)
    assert cells_of(finer(ranges, 1)) == {4 * cell + i for cell in cells for i in range(4)}
    for up in (1, 2):
        parents = {cell >> 2 * up for cell in cells}
        whole = {p for p in parents if all((p << 2 * up) + i in cells for i in range(4**up))}
        assert cells_of(coarser(ranges, up, whole=False)) == parents
        assert cells_of(coarser(ranges, up, whole=True)) == whole


@given(numbers)
def test_largest_cells(cells: set[int]) -> None:
    found = cells_by_order(made(cells), ORDER)
    assert set().union(*(cells_of(finer(each, ORDER - order)) for order, each in enumerate(found))) == cells
    left = cells
    for order, each in enumerate(found):
        size = 4 ** (ORDER - order)
        whole = {p for p in {c // size for c in left} if all(p * size + i in left for i in range(size))}
        assert cells_of(each) == whole
        left = {c for c in left if c // size not in whole}


@pytest.mark.parametrize("order", [0, 29])
def test_ends_of_the_range_of_orders(order: int) -> None:
    whole = np.array([[0, 12 << 2 * order]])
    assert cells_by_order(whole, order)[0].tolist() == [[0, 12]]
    assert not len(complement(whole, 12 << 2 * order))
    last = np.array([[(12 << 2 * order) - 1, 12 << 2 * order]])
    assert cells_by_order(last, order)[order].tolist() == last.tolist()
    assert Lookup(last, 12 << 2 * order).holding(last[:, 0]).all()
