"""Labelling by pieces and joining in a tree, against scipy on the whole array."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_array_equal
from scipy import ndimage

from maskexpr.pixels.join import Largest, Table, meeting, merge_plan, nothing, ring, summarise
from maskexpr.pixels.label import LabelledBlock, lonely, paint, sieve
from maskexpr.pixels.runs import between, connect, place_of, run_places, unpack_into
from maskexpr.pixels.window import Window
from maskexpr.pixels.words import (
    Marks,
    Stored,
    find_runs,
    join_planes,
    list_places,
    pack,
    padded_shape,
    starts_of,
)

blocks = arrays(bool, array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=7))


def labelled(block: np.ndarray, full: bool) -> LabelledBlock:
    return LabelledBlock(block.shape, pack(block), full)


def unpacked(words: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros(shape, dtype=bool)
    for plane, part in enumerate(out.reshape(-1, *shape[-2:])):
        unpack_into(words, shape, plane, part)
    return out


def painted(made: LabelledBlock, keep: np.ndarray) -> np.ndarray:
    """Pixels of some components, by pieces of all."""
    pieces = made.pieces(np.ones(made.n_labels, dtype=bool))
    return unpacked(paint(pieces, keep), made.shape)


def scipy_labels(block: np.ndarray, full: bool) -> tuple[np.ndarray, int]:
    structure = ndimage.generate_binary_structure(block.ndim, block.ndim if full else 1)
    return ndimage.label(block, structure)


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two labellings differ by names alone."""
    pairs = np.unique(np.stack([one, other]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


@given(block=blocks, full=st.booleans())
def test_components_are_those_of_scipy(block: np.ndarray, full: bool) -> None:
    check_components(block, full)


def check_components(block: np.ndarray, full: bool) -> None:
    made = labelled(block, full)
    expected, number = scipy_labels(block, full)
    assert made.n_labels == number
    flat = expected.reshape(-1, *block.shape[-2:])
    plane, y, x = run_places(block.shape, made.runs.start)
    assert same_partition(made.runs.label, flat[plane, y, x])
    first = np.full(number + 1, block.size)
    np.minimum.at(first, expected.ravel(), np.arange(block.size))
    plane, y, x = run_places(block.shape, made.first_pixels())
    at = np.ravel_multi_index((plane, y, x), flat.shape)
    assert_array_equal(np.sort(at), np.sort(first[1:]))
    assert_array_equal(
        made.sizes(), np.bincount(expected.ravel(), minlength=number + 1)[expected.ravel()[at]]
    )
    assert_array_equal(painted(made, np.ones(number, dtype=bool)), block)
    for label in range(min(number, 3)):
        assert_array_equal(painted(made, np.arange(number) == label), expected == expected.ravel()[at[label]])


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_planes_of_two_dimensions(full: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_components(rng.random((*rng.integers(1, 4, 2), *rng.integers(1, 7, 2))) < 0.25, full)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("fraction", [0.1, 0.41, 0.59, 0.9])
@pytest.mark.parametrize("shape", [(1, 61, 200), (1, 60, 128), (3, 33, 70), (2, 2, 10, 65)])
def test_components_of_noise(shape: tuple[int, ...], fraction: float, full: bool) -> None:
    check_components(np.random.default_rng(7).random(shape) < fraction, full)


@given(block=blocks)
def test_runs_are_what_rows_hold(block: np.ndarray) -> None:
    start, end = find_runs(block)
    assert (end > start).all()
    assert (end - start).sum() == block.sum()
    # Each begins where the pixel to the left is not selected.
    assert len(start) == (np.diff(block.astype(np.int8), axis=-1, prepend=0) == 1).sum()


@given(block=blocks)
def test_each_place_knows_its_component(block: np.ndarray) -> None:
    made = labelled(block, full=False)
    padded = np.zeros(padded_shape(block.shape), dtype=int)
    padded[:, : block.shape[1], : block.shape[2]] = scipy_labels(block, False)[0]
    assert same_partition(made.label_at(np.arange(padded.size)), padded.ravel())
    assert_array_equal(made.label_at(np.arange(padded.size)) >= 0, padded.ravel() > 0)


@pytest.mark.parametrize("fraction", [0.5, 0.01, 1e-5, 0.0, 1.0])
@pytest.mark.parametrize("shape", [(1, 50, 61), (1, 1100, 1101), (2, 700, 1024)])
def test_many_runs_and_few_are_found_alike(shape: tuple[int, ...], fraction: float) -> None:
    """Bands of a million places are searched on their own, and where runs are few only the words that hold
    some.
    """
    block = np.random.default_rng(1).random(shape) < fraction
    start, end = find_runs(block)
    padded = np.zeros(padded_shape(shape), dtype=np.int8)
    padded[:, : shape[1], : shape[2]] = block
    change = np.diff(padded.ravel(), prepend=0)
    assert_array_equal(start, np.flatnonzero(change == 1))
    assert_array_equal(end, np.flatnonzero(change == -1))
    turns = np.stack([start, end], axis=1).ravel()
    assert_array_equal(unpacked(between(len(pack(block)), turns), shape), block)


@given(
    held=st.lists(st.integers(0, 191), unique=True),
    place=st.lists(st.integers(0, 191), min_size=1),
)
def test_places_are_counted_as_by_a_search(held: list[int], place: list[int]) -> None:
    bits = np.zeros(192, dtype=np.uint8)
    bits[held] = 1
    marks = Marks(np.packbits(bits, bitorder="little").view("<u8"))
    found = marks.number_to(np.array(place, dtype=np.int32))
    assert_array_equal(found, np.searchsorted(sorted(held), place, side="right"))
    assert_array_equal(list_places(marks.words), sorted(held))


long_rows = st.tuples(st.integers(1, 2), st.integers(1, 3), st.sampled_from([1, 63, 64, 65, 127, 128, 300]))


@given(shape=long_rows, gaps=st.integers(0, 4), seed=st.integers(0, 99))
def test_runs_over_many_words(shape: tuple[int, int, int], gaps: int, seed: int) -> None:
    """Long runs with few gaps go through whole words."""
    rng = np.random.default_rng(seed)
    block = np.ones(shape, dtype=bool)
    block.reshape(-1)[rng.integers(0, block.size, gaps)] = False
    words, (start, end) = pack(block), find_runs(block)
    assert_array_equal(between(len(words), np.stack([start, end], axis=1).ravel()), words)
    assert_array_equal(list_places(starts_of(words)), start)
    for full in (False, True):
        check_components(block, full)


@given(shape=long_rows, seed=st.integers(0, 99), ends=st.tuples(*[st.integers(0, 300)] * 4))
def test_a_window_is_unpacked(shape: tuple[int, int, int], seed: int, ends: tuple[int, ...]) -> None:
    """A part of a plane, into an array that may hold something already."""
    rng = np.random.default_rng(seed)
    block = rng.random(shape) < 0.3
    y0, y1 = sorted(min(each, shape[1]) for each in ends[:2])
    x0, x1 = sorted(min(each, shape[2]) for each in ends[2:])
    before = rng.random((y1 - y0, x1 - x0)) < 0.1
    if before.size:
        out = before.copy()
        unpack_into(pack(block), shape, shape[0] - 1, out, Window(y0, y1, x0, x1))
        assert_array_equal(out, before | block[-1, y0:y1, x0:x1])


@given(block=arrays(bool, array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=5)), full=st.booleans())
def test_pixels_that_nothing_touches(block: np.ndarray, full: bool) -> None:
    expected, _ = scipy_labels(block, full)
    single = np.bincount(expected.ravel())[expected] == 1
    assert_array_equal(unpacked(lonely(pack(block), block.shape, full), block.shape), block & single)


@given(
    shape=st.one_of(
        array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=5),
        st.tuples(st.integers(1, 2), st.integers(1, 40), st.integers(1, 140)),
    ),
    density=st.floats(0, 1),
    few=st.integers(0, 5),
    full=st.booleans(),
    seed=st.integers(0, 999),
)
def test_what_is_sieved_out_holds_no_known_pixel(
    shape: tuple[int, ...], density: float, few: int, full: bool, seed: int
) -> None:
    """Components go as a whole; those with a known pixel stay."""
    rng = np.random.default_rng(seed)
    block, known = rng.random(shape) < density, np.zeros(shape, dtype=bool)
    known.reshape(-1)[rng.integers(0, known.size, few)] = True
    left = unpacked(sieve(pack(block), pack(known), shape, full), shape)
    assert not (left & ~block).any()
    label, _ = scipy_labels(block, full)
    gone = np.unique(label[block & ~left])
    assert not np.isin(label[left], gone).any()
    assert not np.isin(label[block & known], gone).any()


def test_far_components_are_sieved_out() -> None:
    block, known = np.zeros((2, 1, 64, 300), dtype=bool)
    block[0, 2:6, 3:9] = block[0, 40:60, 100:250] = True
    known[0, 50, 120] = True
    left = unpacked(sieve(pack(block), pack(known), block.shape, full=True), block.shape)
    assert left.sum() == 20 * 150
    assert left[0, 40:60, 100:250].all()


@given(block=arrays(bool, array_shapes(min_dims=3, max_dims=4, min_side=1, max_side=5)))
def test_planes_are_joined(block: np.ndarray) -> None:
    planes = [pack(plane[None]) for plane in block.reshape(-1, *block.shape[-2:])]
    assert_array_equal(join_planes(block.shape, planes), pack(block))


@given(block=blocks, full=st.booleans(), seed=st.integers(0, 9))
def test_some_components_are_numbered_anew(block: np.ndarray, full: bool, seed: int) -> None:
    made = labelled(block, full)
    held = np.random.default_rng(seed).random(made.n_labels) < 0.5
    some = made.pieces(held)
    assert some.n_labels == held.sum()
    for new, label in enumerate(np.flatnonzero(held)[:4]):
        part = unpacked(paint(some, np.arange(some.n_labels) == new), block.shape)
        assert_array_equal(part, painted(made, np.arange(made.n_labels) == label))
    assert not paint(some, np.zeros(some.n_labels, dtype=bool)).any()


def test_first_pixel() -> None:
    block = np.array([[[0, 0, 1], [1, 1, 1], [0, 0, 0], [1, 0, 1]]], dtype=bool)
    made = LabelledBlock(block.shape, pack(block), full=False)
    plane, y, x = run_places(block.shape, made.first_pixels())
    assert sorted(zip(y.tolist(), x.tolist(), strict=True)) == [(0, 2), (3, 0), (3, 2)]
    assert plane.tolist() == [0, 0, 0]
    assert_array_equal(place_of(block.shape, plane, y, x), made.first_pixels())


@pytest.mark.parametrize("held", [0, 1, 500, 999, 1000])
def test_words_are_stored_whole_or_those_that_hold_something(held: int) -> None:
    words = np.zeros(1000, dtype=np.uint64)
    words[np.random.default_rng(held).permutation(1000)[:held]] = 1 << 63
    stored = pickle.loads(pickle.dumps(Stored.of(words)))
    assert_array_equal(stored.all(), words)
    assert stored.nbytes == min(held * 12, 8000)


def test_labels_are_the_same_in_a_pickle() -> None:
    pieces = labelled(np.eye(5, dtype=bool)[None], full=True).pieces(np.ones(1, dtype=bool))
    again = pickle.loads(pickle.dumps(pieces))
    assert again.n_labels == 1
    assert_array_equal(again.start, pieces.start)
    assert_array_equal(again.bits.all(), pieces.bits.all())


def test_connect_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert connect(0, none, none)[0] == 0
    assert connect(3, none, none)[0] == 3


@pytest.mark.parametrize(("full", "expected"), [(False, {(0, 2)}), (True, {(0, 2), (0, 3), (1, 2)})])
def test_what_meets_along_an_edge(full: bool, expected: set[tuple[int, int]]) -> None:
    one = np.array([[1, 0, 0, 0, 2]], dtype=np.int32)
    other = np.array([[3, 4, 0, 3, 0]], dtype=np.int32)
    assert set(zip(*(each.tolist() for each in meeting(one, other, full)), strict=True)) == expected
    assert not len(meeting(one, None, full)[0])


def test_ring_joins_each_plane_on_its_own() -> None:
    one, other = ring(np.array([[1, 0, 3, 1], [0, 2, 2, 4]], dtype=np.int32))
    assert list(zip(one.tolist(), other.tolist(), strict=True)) == [(0, 2), (1, 3)]


@pytest.mark.parametrize(("rows", "columns"), [(1, 5), (4, 4), (16, 16), (3, 17)])
def test_plan_joins_every_tile_once(rows: int, columns: int) -> None:
    plan = merge_plan(rows, columns)
    parts = [i for step in plan for row in step.parts for i in row]
    assert sorted(parts) == list(range(rows * columns + len(plan) - 1))
    # A step comes after those that make its parts.
    for step in plan:
        assert max(i for row in step.parts for i in row) < step.whole


def test_one_tile_needs_no_joining() -> None:
    assert merge_plan(1, 1) == ()


def test_closed_components_are_left_out() -> None:
    """One component on the edge, two within: the larger of these is the largest closed one."""
    table = Table(np.array([5, 9, 7]), np.array([0, 11, 12]), np.zeros(3, dtype=np.uint8))
    edge = np.array([[0, 1, 0]], dtype=np.int32)
    empty = nothing((1, 3, 3))
    summary, place = summarise((1, 3, 3), (edge, None, None, None), table, Largest(), empty.ports)
    assert place.tolist() == [0, -1, -1]
    assert summary.table.area.tolist() == [5]
    assert summary.largest == Largest(9, 11)


def test_of_equal_largest_the_first_holds() -> None:
    table = Table(np.array([9, 9]), np.array([30, 20]), np.zeros(2, dtype=np.uint8))
    empty = nothing((1, 3, 3))
    summary, _ = summarise((1, 3, 3), empty.edges, table, Largest(9, 25), empty.ports)
    assert summary.largest == Largest(9, 20)
