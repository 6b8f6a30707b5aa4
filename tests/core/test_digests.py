"""Digests of arrays: equal for equal values, different for values that are much alike."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskexpr.core.digests import array_digest

RNG = np.random.default_rng(5)
# More than a block of 512 KiB, and more than a piece of 4 MiB.
SHAPE = (1100, 1030)


def test_equal_values_in_any_order_of_memory() -> None:
    data = RNG.random(SHAPE)
    token = array_digest(data)
    wide = np.zeros((1100, 2060))
    wide[:, ::2] = data
    for same in (data.copy(), np.asfortranarray(data), data.astype(">f8"), wide[:, ::2]):
        assert array_digest(same) == token


@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "u1", "?"])
def test_type_and_shape_are_told(dtype: str) -> None:
    made = {}
    for shape in ((0, 3), (1, 3), (3, 1), (8,), (9,), (10,), (2, 5), (600, 1000), (1000, 600), (1, 600000)):
        made[shape] = array_digest(np.zeros(shape, dtype=dtype))
    assert len(set(made.values())) == len(made)
    assert array_digest(np.zeros(8, dtype=dtype)) != array_digest(np.zeros(8, dtype="i4"))


@given(place=st.tuples(st.integers(0, 1099), st.integers(0, 1029)), bit=st.integers(0, 31))
def test_every_bit_counts(place: tuple[int, int], bit: int) -> None:
    changed = BITS.copy()
    changed[place] ^= np.uint32(1 << bit)
    assert array_digest(changed) != TOKEN


BITS = RNG.integers(0, 2**32, SHAPE, dtype=np.uint32)
TOKEN = array_digest(BITS)


@pytest.mark.parametrize("step", [1, 2, 3, 1024, 2048, 2 * 1024 * 64, 4096 * 64, 1 << 20])
@pytest.mark.parametrize("kind", ["signs", "counts", "noise"])
def test_values_that_change_places(step: int, kind: str) -> None:
    """Neighbours, words of one row, of one column, of two blocks, of two pieces; one exchange and many."""
    size = SHAPE[0] * SHAPE[1]
    data = {
        "signs": np.sign(RNG.normal(size=size)),
        "counts": RNG.poisson(0.3, size),
        "noise": RNG.normal(size=size),
    }[kind].astype(np.float32)
    tokens, different = {array_digest(data.reshape(SHAPE))}, {data.tobytes()}
    for first in range(0, size - step, size // 7):
        one = data.copy()
        one[[first, first + step]] = one[[first + step, first]]
        tokens.add(array_digest(one.reshape(SHAPE)))
        different.add(one.tobytes())
    for whole in (np.roll(data, step), data[::-1], np.roll(data.reshape(SHAPE), 1, axis=1).ravel()):
        tokens.add(array_digest(whole.reshape(SHAPE)))
        different.add(whole.tobytes())
    assert len(tokens) == len(different)


def test_rectangles_of_exchanged_signs() -> None:
    """Four words that could cancel in both of their rows and both of their columns."""
    data = np.ones((64, 1024), dtype=np.uint64) << np.uint64(62)
    tokens = {array_digest(data)}
    for top in range(0, 60, 4):
        for left in range(0, 1000, 100):
            other = data.copy()
            other[top, left] = other[top + 3, left + 7] = 3 << 62
            other[top, left + 7] = other[top + 3, left] = 0
            tokens.add(array_digest(other))
    assert len(tokens) == 1 + 15 * 10


def test_the_digest_is_the_same_in_another_process() -> None:
    script = (
        "import numpy as np\nfrom maskexpr.core.digests import array_digest\n"
        "print(array_digest(np.arange(99999.0)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == array_digest(np.arange(99999.0))
