"""Sets of cells against sets of numbers."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.table import MaskedColumn
from astropy.utils.masked import Masked
from hypothesis import given
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.errors import MaskError, MaskTypeError, MaskValueError
from maskexpr.grid.healpix.extent import covers_of, extent_of
from maskexpr.grid.healpix.sets import CellSet
from maskexpr.grid.healpix.staircase import cells_in
from maskexpr.grid.lattice import OFF, ON, PART
from maskexpr.pixels.window import Window

ORDER = 3
NUMBER = 768
some_ids = st.lists(st.integers(0, NUMBER - 1), min_size=1, max_size=60)
some_ranges = st.lists(
    st.tuples(st.integers(0, NUMBER - 1), st.integers(0, 90)).map(lambda x: [x[0], min(sum(x), NUMBER)]),
    min_size=1,
    max_size=8,
)


@given(cells=st.one_of(some_ids, some_ranges))
def test_against_numbers(cells: list[int] | list[list[int]]) -> None:
    ranged = isinstance(cells[0], list)
    want = sorted({i for low, high in cells for i in range(low, high)} if ranged else set(cells))
    if not want:
        with pytest.raises(MaskValueError, match="at least one"):
            CellSet.of(ORDER, cells)
        return
    held = CellSet.of(ORDER, cells)
    every = np.arange(NUMBER)
    assert held.number == len(want)
    assert held.ids(0, held.number).tolist() == want
    np.testing.assert_array_equal(held.holds(every), np.isin(every, want))
    np.testing.assert_array_equal(held.holds(every[::97]), np.isin(every[::97], want))
    assert not held.holds(np.array([-1])).any()
    np.testing.assert_array_equal(held.rank(every), np.searchsorted(want, every))
    place = held.positions(every)
    assert place[want].tolist() == list(range(len(want)))
    assert (place[~np.isin(every, want)] == -1).all()
    assert held.parents(2).ids(0, held.parents(2).number).tolist() == sorted({i >> 4 for i in want})
    assert (np.diff(held.ranges.ravel()) > 0).all(), "ranges neither touch nor overlap"
    assert np.array_equal(CellSet.of(ORDER, held.ranges).ranges, held.ranges)


@given(cells=some_ids, seed=st.integers(0, 999))
def test_windows(cells: list[int], seed: int) -> None:
    held, rng = CellSet.of(ORDER, cells), np.random.default_rng(seed)
    y, x = np.sort(rng.integers(-3, 44, (2, 2, 20)), axis=1)
    bounds = np.stack([y[0], y[1] + 1, x[0], x[1] + 1])
    for state, each in zip(covers_of(held, bounds), bounds.T.tolist(), strict=True):
        ids = cells_in(ORDER, Window(*each))
        inside = held.holds(ids)
        assert state != OFF or not inside.any()
        assert state != ON or (inside | (ids < 0)).all()
        assert (state == OFF) == (not inside.any()), "what holds no cell is known exactly"
    extent = extent_of(held)
    assert held.holds(cells_in(ORDER, extent)).sum() == held.number


@pytest.mark.parametrize("order", [12, 18, 24, 29])
def test_a_wide_band_between_cells_holds_none(order: int) -> None:
    # In the middle of large parents of faces 0 and 11, so that the edges of bands cut them.
    held, whole = CellSet.of(order, [4**order * 3 // 7, 11 * 4**order + 4**order * 3 // 7]), 5 << order
    y0, y1, x0, x1 = extent_of(held)
    between = np.array([[y0 + 1, y1 - 1, 0, whole], [0, whole, x0 + 1, x1 - 1]])
    with_one = np.array([[y0, y1 - 1, 0, whole], [0, whole, x0 + 1, x1]])
    assert (covers_of(held, between.T) == OFF).all()
    assert (covers_of(held, with_one.T) == PART).all()


def test_a_moc_of_lower_order() -> None:
    moc = mx.Moc([[1, 2], [40, 42]], 1)
    assert CellSet.of(3, moc).ranges.tolist() == [[16, 32], [640, 672]]
    with pytest.raises(MaskValueError, match="from_mask"):
        CellSet.of(0, moc)


@pytest.mark.parametrize(
    "cells",
    [[], [[3, 3]], [-1], [NUMBER], [[0, NUMBER + 1]], [[5, 2]], [0.5], [True], "all", [[1, 2, 3]], [[[1]]]],
)
def test_no_cells(cells: object) -> None:
    with pytest.raises(MaskError):
        CellSet.of(ORDER, cells)


@pytest.mark.parametrize("masked", [np.ma.array, MaskedColumn, Masked])
def test_cells_that_are_masked(masked: Any) -> None:
    gaps = masked([1, 2, 3], mask=[False, True, False])
    with pytest.raises(MaskValueError, match=r"1 of 3 numbers are masked.*compressed\(\)"):
        mx.HpxGeom(order=ORDER, cells=gaps)
    assert CellSet.of(ORDER, gaps[~gaps.mask]).ranges.tolist() == [[1, 2], [3, 4]]


def test_cells_have_no_unit() -> None:
    with pytest.raises(MaskTypeError, match="no unit"):
        mx.HpxGeom(order=ORDER, cells=u.Quantity([1, 2], "deg", dtype=int))


def test_the_whole_sky_is_no_array() -> None:
    held = CellSet.whole(29)
    assert held.is_whole
    assert held.ranges.size == 2
    assert held.positions(np.array([7, 12 * 4**29 - 1])).tolist() == [7, 12 * 4**29 - 1]
    assert extent_of(held) == Window(0, 5 << 29, 0, 5 << 29)
