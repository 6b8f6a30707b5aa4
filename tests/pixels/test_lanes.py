"""Rows of pixels in lanes, against taking pixels one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from maskexpr.pixels.lanes import LANES, pack_lanes, unpack_lanes

shapes = st.tuples(st.integers(1, 15), st.integers(1, 40))
seeds = st.integers(0, 99)


@given(shapes, st.integers(1, 25), st.integers(-60, 60), st.integers(1, 20), seeds)
def test_bits_are_pixels_of_lanes_wherever_these_lie(
    shape: tuple[int, int], length: int, first: int, step: int, seed: int
) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.4
    out = np.full((shape[0], length), 77, dtype=np.uint8)
    pack_lanes(mask, first, step, out)
    for lane in range(LANES):
        column = first + lane * step + np.arange(length)
        inside = (column >= 0) & (column < shape[1])
        want = mask[:, np.clip(column, 0, shape[1] - 1)] & inside
        assert np.array_equal((out >> lane) & 1, want)


@given(shapes, st.integers(0, 3), seeds)
def test_what_was_packed_comes_back(shape: tuple[int, int], more: int, seed: int) -> None:
    mask = np.random.default_rng(seed).random(shape) < 0.4
    lanes = np.zeros((shape[0], -(-shape[1] // LANES) + more), dtype=np.uint8)
    pack_lanes(mask, 0, lanes.shape[1], lanes)
    out = ~mask
    unpack_lanes(lanes, out)
    assert np.array_equal(out, mask)
