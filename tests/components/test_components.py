"""Hysteresis, holes and small objects: equal to scipy on the whole array, however the map is cut."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from typing import Any

import astropy.units as u
import dask
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import ndimage

import maskexpr as mx
from maskexpr import AllSky, Axis, Catalog, WcsGeom
from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.components import memory
from maskexpr.components.solve import solve
from maskexpr.core.threads import in_threads
from maskexpr.errors import AngleError, MaskTypeError, MaskValueError, NeedsGridError
from maskexpr.grid.points import Pixels, Points
from maskexpr.grid.tiles import Tile
from maskexpr.nodes.fill_holes import FillHoles
from maskexpr.nodes.hysteresis import Hysteresis
from maskexpr.nodes.raster import Raster
from maskexpr.nodes.remove_small import RemoveSmall
from maskexpr.pixels.label import LabelledBlock
from maskexpr.pixels.window import Window

from .components_oracle import (
    chunked,
    cut,
    energies,
    keep,
    label,
    reconstructed,
    removed,
    sizes,
    sky,
    small_map,
    whole,
)

maps = st.tuples(
    st.integers(1, 24),
    st.integers(1, 24),
    st.floats(0.3, 0.75),
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 23), max_size=5),
    st.lists(st.integers(1, 23), max_size=5),
    st.sampled_from([4, 8]),
)


# ---- equal to scipy on the whole array, for every cut


@settings(max_examples=50)
@given(maps)
def test_remove_small(case: tuple) -> None:
    ny, nx, fraction, seed, at_y, at_x, connectivity = case
    pixels = np.random.default_rng(seed).random((ny, nx)) < fraction
    geom = small_map(ny, nx)
    node = RemoveSmall(Raster((pixels, geom)), 6 * u.pix**2, connectivity)
    assert_array_equal(chunked(node, geom, cut(ny, at_y), cut(nx, at_x)), removed(pixels, 6, connectivity))


@settings(max_examples=50)
@given(maps)
def test_hysteresis(case: tuple) -> None:
    ny, nx, fraction, seed, at_y, at_x, connectivity = case
    data = np.random.default_rng(seed).random((ny, nx))
    geom = small_map(ny, nx)
    node = Hysteresis((data, geom), 1 - fraction, 0.95, connectivity)
    expected = reconstructed(data > 1 - fraction, data > 0.95, connectivity)
    assert_array_equal(chunked(node, geom, cut(ny, at_y), cut(nx, at_x)), expected)


@settings(max_examples=50)
@given(maps)
def test_fill_holes(case: tuple) -> None:
    ny, nx, fraction, seed, at_y, at_x, connectivity = case
    pixels = np.random.default_rng(seed).random((ny, nx)) < fraction
    geom = small_map(ny, nx)
    structure = ndimage.generate_binary_structure(2, 2 if connectivity == 8 else 1)
    node = FillHoles(Raster((pixels, geom)), connectivity=connectivity)
    expected = ndimage.binary_fill_holes(pixels, structure)
    assert_array_equal(chunked(node, geom, cut(ny, at_y), cut(nx, at_x)), expected)
    found, number = label(expected & ~pixels, connectivity)
    small = pixels | keep(found, sizes(found, number) <= 3)
    node = FillHoles(Raster((pixels, geom)), 3 * u.pix, connectivity)
    assert_array_equal(chunked(node, geom, cut(ny, at_y), cut(nx, at_x)), small)


@settings(max_examples=50)
@given(maps)
def test_all_sky(case: tuple) -> None:
    """Joined over the seam and both poles."""
    ny, nx, fraction, seed, at_y, at_x, connectivity = case
    geom = WcsGeom.create(binsz=(360 / nx, 180 / ny), width=(360, 180))
    assert geom.image_shape == (ny, nx)
    rng = np.random.default_rng(seed)
    pixels, high = rng.random((ny, nx)) < fraction, rng.random((ny, nx)) < 0.05
    rows, columns = cut(ny, at_y), cut(nx, at_x)
    closed = {"seam": True, "poles": True}
    node = RemoveSmall(Raster((pixels, geom)), 5 * u.pix**2, connectivity)
    assert_array_equal(chunked(node, geom, rows, columns), removed(pixels, 5, connectivity, **closed))
    grown = Hysteresis.from_masks(Raster((pixels, geom)), Raster((high, geom)), connectivity)
    assert_array_equal(
        chunked(grown, geom, rows, columns), reconstructed(pixels, high, connectivity, **closed)
    )
    # No edge: every part of the rest can be a hole.
    filled = FillHoles(Raster((pixels, geom)), 4 * u.pix**2, connectivity)
    found, number = label(~pixels, connectivity, **closed)
    expected = pixels | keep(found, sizes(found, number) <= 4)
    assert_array_equal(chunked(filled, geom, rows, columns), expected)


@settings(max_examples=25)
@given(maps, st.integers(2, 3))
def test_linked_planes(case: tuple, planes: int) -> None:
    ny, nx, fraction, seed, at_y, at_x, connectivity = case
    ny, nx = min(ny, 9), min(nx, 9)
    geom = small_map(ny, nx, (energies(planes),))
    pixels = np.random.default_rng(seed).random((planes, ny, nx)) < fraction - 0.2
    mask = Raster((pixels, geom))
    rows, columns = cut(ny, at_y), cut(nx, at_x)
    for linked in (True, False):
        node = RemoveSmall(mask, 4 * u.pix**2, connectivity, linked)
        for i in range(planes):
            expected = removed(pixels, 4, connectivity)[i] if linked else removed(pixels[i], 4, connectivity)
            assert_array_equal(chunked(node, geom, rows, columns, (i,)), expected)
            assert_array_equal(whole(node, geom, (i,)), expected)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_linked_hysteresis(connectivity: int) -> None:
    """The seed is on another plane, and two axes are linked alike."""
    geom = small_map(12, 13, (energies(2), Axis("phase", [0, 1, 2, 3] * u.one)))
    rng = np.random.default_rng(9)
    data = rng.random(geom.shape)
    low = 0.75 if connectivity == 4 else 0.92
    node = Hysteresis((data, geom), low, 0.98, connectivity, linked=True)
    expected = reconstructed(data > low, data > 0.98, connectivity)
    assert expected.any()
    assert (expected != (data > low)).any()
    for plane in np.ndindex(2, 3):
        assert_array_equal(chunked(node, geom, (2, 10), (3, 9, 1), plane), expected[plane])


def test_verbs_have_the_arguments_of_their_nodes() -> None:
    mask = mx.Band(lat=("0 deg", "5 deg"))
    assert mask.fill_holes("1 deg2", 8, True) == mx.FillHoles(mask, "1 deg2", connectivity=8, linked=True)
    assert mask.fill_holes(connectivity=8) == mx.FillHoles(mask, connectivity=8)
    assert mask.remove_small("1 deg2", 8, True) == mx.RemoveSmall(mask, "1 deg2", connectivity=8, linked=True)
    for verb, node in ((mx.Mask.fill_holes, mx.FillHoles), (mx.Mask.remove_small, mx.RemoveSmall)):
        assert list(signature(verb).parameters)[1:] == list(signature(node).parameters)[1:]


def test_linked_planes_of_eight_are_joined_by_corners() -> None:
    grid = mx.WcsGeom.create(npix=(3, 3), axes=[mx.Axis("energy", [1, 2, 3] * u.TeV)])
    values = np.zeros(grid.shape, bool)
    values[0, 0, 0] = values[1, 1, 1] = True
    for connectivity, kept in ((4, 0), (8, 2)):
        mask = mx.Raster((values, grid)).remove_small(2 * u.pix**2, connectivity, linked=True)
        assert mask.count(grid).sum() == kept


def test_a_hole_of_eight_is_open_at_a_corner_of_a_part() -> None:
    part = mx.HpxGeom.from_mask(mx.Region("icrs;circle(45, 20, 25)"), order=3)
    opened = []
    for cell in part.cells.ids(0, part.cells.number):
        values = np.ones(part.cells.number, bool)
        values[part.cells.positions(np.array([cell]))] = False
        mask = mx.Raster((values, part))
        opened.append([int((~mask.fill_holes(connectivity=c).on(part).values).sum()) for c in (4, 8)])
    four, eight = np.array(opened).T
    assert (eight >= four).all()
    assert (eight > four).any()


def test_linked_holes() -> None:
    """The ends of the axis are no edge of the map; a hole that leaks on one plane is none on any."""
    geom = small_map(5, 5, (energies(3),))
    pixels = np.zeros((3, 5, 5), dtype=bool)
    pixels[:, 1:4, 1:4] = True
    pixels[:, 2, 2] = False
    node = FillHoles(Raster((pixels, geom)), linked=True)
    assert whole(node, geom, (1,)).sum() == 9
    pixels[2, 2, 3] = False
    leaking = Raster((pixels, geom))
    assert whole(FillHoles(leaking, linked=True), geom, (0,)).sum() == 8
    assert whole(FillHoles(leaking), geom, (0,)).sum() == 9
    assert whole(FillHoles(leaking), geom, (2,)).sum() == 7


# ---- the snake


def snake(side: int) -> np.ndarray:
    pixels = np.zeros((side, side), dtype=bool)
    pixels[::2] = True
    for row in range(1, side - 1, 2):
        pixels[row, -1 if row % 4 == 1 else 0] = True
    return pixels


@pytest.mark.parametrize("chunk", [4, 5, 16, 41])
def test_snake_through_every_tile(chunk: int) -> None:
    pixels = snake(41)
    geom = small_map(41, 41)
    sizes_of_chunks = cut(41, list(range(chunk, 41, chunk)))
    head = np.zeros_like(pixels)
    head[0, 0] = True
    node = Hysteresis.from_masks(Raster((pixels, geom)), Raster((head, geom)))
    assert_array_equal(chunked(node, geom, sizes_of_chunks, sizes_of_chunks), pixels)
    gap = pixels.copy()
    gap[20, 20] = False
    first = np.arange(41 * 41).reshape(41, 41) < 20 * 41 + (20 if gap[19, 0] else 0)
    if not gap[19, 0]:
        first[20, 21:] = True
    node = Hysteresis.from_masks(Raster((gap, geom)), Raster((head, geom)))
    assert_array_equal(chunked(node, geom, sizes_of_chunks, sizes_of_chunks), gap & first)


# ---- NaN, tiles, points, pickles


def test_nan_policy() -> None:
    geom = small_map(1, 5)
    data = np.array([[3.0, np.nan, 2.0, 0.0, 2.0]])
    assert whole(Hysteresis((data, geom), 1, 2.5), geom).tolist() == [[True, False, False, False, False]]
    bridged = Hysteresis((data, geom), 1, 2.5, nan=True)
    assert whole(bridged, geom).tolist() == [[True, True, True, False, False]]
    with pytest.raises(MaskValueError, match="NaN"):
        whole(Hysteresis((data, geom), 1, 2.5, nan="raise"), geom)


def test_thresholds_are_strict() -> None:
    geom = small_map(1, 6)
    data = np.array([[1.0, 2, 2, 1, 2, 1]])
    assert not whole(Hysteresis((data, geom), 1, 2), geom).any()
    assert whole(Hysteresis((data, geom), 1, 1.5), geom).sum() == 3


def test_any_window_is_a_slice_of_the_map() -> None:
    rng = np.random.default_rng(5)
    pixels = rng.random((40, 50)) < 0.45
    geom = small_map(40, 50)
    node = RemoveSmall(Raster((pixels, geom), outside=True), 7 * u.pix)
    expected = np.pad(removed(pixels, 7), 10)
    for window in (
        Window(3, 17, 5, 30),
        Window(-10, 50, -10, 60),
        Window(-9, -2, 0, 4),
        Window(39, 45, 49, 52),
    ):
        y0, y1, x0, x1 = window.shift(10, 10)
        assert_array_equal(evaluate(node, Tile(geom, window)), expected[y0:y1, x0:x1])


def test_pixels_take_the_value_of_the_map() -> None:
    pixels = np.random.default_rng(5).random((40, 50)) < 0.45
    geom = small_map(40, 50)
    node = RemoveSmall(Raster((pixels, geom)), 7 * u.pix)
    y, x = (each.ravel() for each in np.mgrid[-2:42, -2:52])
    found = Evaluator(node).run(node, Pixels(geom, y, x))
    assert_array_equal(found.reshape(44, 54), np.pad(removed(pixels, 7), 2))


def test_bare_points_need_a_grid() -> None:
    node = RemoveSmall(AllSky(), "1 deg2")
    with pytest.raises(NeedsGridError, match="geom=geom"):
        Evaluator(node).run(node, Points.from_sky(sky([[0.0, 0.0]])))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_one_within_another(order: tuple[int, int]) -> None:
    pixels = np.random.default_rng(8).random((30, 30)) < 0.5
    geom = small_map(30, 30)
    steps = [lambda m: FillHoles(m), lambda m: RemoveSmall(m, 12 * u.pix)]
    arrays = [ndimage.binary_fill_holes, lambda a: removed(a, 12)]
    node, expected = Raster((pixels, geom)), pixels
    for i in order:
        node, expected = steps[i](node), arrays[i](expected)
    assert_array_equal(whole(node, geom), expected)
    assert_array_equal(chunked(node, geom, (11, 19), (7, 7, 16)), expected)
    assert_array_equal(whole(~node, geom), ~expected)


def test_whole_map_is_decided_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskexpr.components import solve as _solve

    decided = []
    real = _solve.decide
    monkeypatch.setattr(_solve, "decide", lambda *args: decided.append(1) or real(*args))
    geom = small_map(33, 31)
    node = RemoveSmall(Raster((np.random.default_rng(77).random((33, 31)) < 0.5, geom)), 3 * u.pix)
    for y0 in range(0, 30, 10):
        evaluate(node, Tile(geom, Window(y0, y0 + 10, 0, 31)))
    assert len(decided) == 1


def test_empty_tiles_are_not_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    labelled = []
    real = RemoveSmall.label_tile
    monkeypatch.setattr(
        RemoveSmall, "label_tile", lambda *args: labelled.append(args[1].window) or real(*args)
    )
    geom = WcsGeom.allsky(binsz=1)
    node = RemoveSmall(Catalog(sky([[45.0, 45.0], [200.0, -30.0]]), "5 deg"), "1 deg2")
    decided = solve(node, geom, (), lambda: Evaluator(node), (30,) * 6, (30,) * 12)
    assert len(labelled) <= 8
    assert sum(kept is not None for kept in decided.kept) == len(labelled)
    assert_array_equal(whole(node, geom), whole(node.mask, geom))


def test_what_travels_is_small() -> None:
    """What a tile hands up does not grow with its pixels but with its rim."""
    geom = small_map(400, 400)
    node = RemoveSmall(Raster((np.random.default_rng(1).random((400, 400)) < 0.3, geom)), 3 * u.pix)
    sent = {}
    for side in (50, 100, 200, 400):
        summary = node.label_tile(Tile(geom, Window(0, side, 0, side)), Evaluator(node)).summary
        sent[side] = len(pickle.dumps(summary))
    assert sent[400] < 10 * sent[50]
    assert sent[400] < 400 * 400 / 4


@pytest.mark.parametrize(
    ("share", "memory", "twice"), [(0.002, 0, False), (0.5, 0, True), (0.5, 1 << 26, False)]
)
def test_labels_are_kept_where_they_are_small(
    share: float, memory: int, twice: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Components that nothing can keep are dropped at once, so that a noisy map is labelled once; where what
    remains is more than the memory for it, and large for its pixels, a tile is labelled again.
    """
    from maskexpr.components import solve as _solve

    monkeypatch.setattr(_solve, "_KEPT", memory)
    labelled = []
    real = Hysteresis.label_tile
    monkeypatch.setattr(Hysteresis, "label_tile", lambda *args: labelled.append(1) or real(*args))
    # What is decided of a map is remembered: none of the maps is another's.
    rng = np.random.default_rng([8, memory])
    low = rng.random((400, 400)) < 0.4
    high = rng.random((400, 400)) < share
    geom = small_map(400, 400)
    found = whole(Hysteresis.from_masks(Raster((low, geom)), Raster((high, geom))), geom)
    number = label(low, 4)[1]
    assert_array_equal(found, reconstructed(low, high, 4))
    assert number > 300
    assert len(labelled) == 1 + twice


def test_large_chunks_are_labelled_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskexpr.components import solve as _solve

    monkeypatch.setattr(_solve, "SIDE", 12)
    geom = small_map(40, 50)
    windows, shape = _solve.blocks(geom, (40,), (15, 35))
    assert shape == (4, 5)
    assert [window.y1 - window.y0 for window in windows[::5]] == [10, 10, 10, 10]
    assert [window.x1 - window.x0 for window in windows[:5]] == [7, 8, 11, 12, 12]
    pixels = np.random.default_rng(9).random((40, 50)) < 0.55
    node = RemoveSmall(Raster((pixels, geom)), 9 * u.pix)
    assert_array_equal(node.on(geom, chunks={"x": 35, "y": 40}).values, removed(pixels, 9))


@pytest.mark.parametrize(
    ("chunks", "planes", "options", "most"),
    [
        (-1, 0, {}, 2),
        (-1, 1, {}, 2),
        (-1, 2, {}, 1),
        ((40, 25), 0, {}, 1),
        (20, 0, {}, 1),
        (-1, 0, {"num_workers": 1}, 1),
        (-1, 0, {"scheduler": "synchronous"}, 1),
        (-1, 0, {"pool": ThreadPoolExecutor(1)}, 1),
    ],
)
def test_a_map_in_one_chunk_is_unpacked_by_threads(
    chunks: object, planes: int, options: dict[str, Any], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is painted beside other chunks, which planes are too, has threads beside it already."""
    monkeypatch.setattr(dask.system, "CPU_COUNT", 2)
    monkeypatch.setattr(memory, "LONG", 1)
    monkeypatch.setattr(memory, "SIDE", 12)
    seen: list[tuple[int, int]] = []

    def noted(work: Any, pieces: Any, threads: int) -> Any:
        seen.append((len(pieces), threads))
        return in_threads(work, pieces, threads)

    monkeypatch.setattr(memory, "in_threads", noted)
    geom = small_map(40, 50, (energies(planes),) if planes else ())
    pixels = np.random.default_rng(9).random(geom.shape) < 0.55
    node = RemoveSmall(Raster((pixels, geom)), 9 * u.pix)
    with dask.config.set(scheduler="threads", num_workers=2):
        found = node.on(geom, chunks=chunks).compute(**options)
    want = [removed(each, 9) for each in pixels.reshape(-1, 40, 50)]
    assert_array_equal(found.values.reshape(-1, 40, 50), want)
    assert {threads for _, threads in seen} == {most}
    assert chunks != -1 or seen[0][0] > 4


def test_blocks_are_of_whole_rows_where_these_are_not_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskexpr.components import solve as _solve

    monkeypatch.setattr(_solve, "SIDE", 32)
    geom = small_map(70, 50)
    pixels = np.random.default_rng(9).random((70, 50)) < 0.55
    node = RemoveSmall(Raster((pixels, geom)), 9 * u.pix)
    for chunks, number in ((100, 4), (30, 5), (9, 4)):
        windows, shape = _solve.blocks_of(geom, geom.layout(chunks))
        assert shape == (number, 1)
        assert {window.x1 - window.x0 for window in windows} == {50}
        assert max(window.size for window in windows) <= 32 * 32
        assert_array_equal(node.on(geom, chunks=chunks).values, removed(pixels, 9))


def _dense(name: str) -> np.ndarray:
    """Patterns of long, wide, many and few components."""
    rng = np.random.default_rng(5)
    if name == "one row":
        return rng.random((1, 400)) < 0.8
    if name == "one column":
        return rng.random((400, 1)) < 0.8
    pixels = np.zeros((150, 200), dtype=bool)
    if name == "snake":
        # Columns in turn joined above and below.
        pixels[:, ::2] = True
        pixels[0, 1::4] = pixels[-1, 3::4] = True
        pixels[70:75, 90:97] = True
    elif name == "checkerboard":
        pixels[::2, ::2] = pixels[1::2, 1::2] = True
        pixels[30:36, 40:48] = True
    else:
        pixels = rng.random(pixels.shape) < float(name)
    return pixels


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize(
    "name", ["snake", "checkerboard", "one row", "one column", "0.3", "0.41", "0.59", "0.8"]
)
@pytest.mark.parametrize("linked", [False, True])
def test_dense_masks(name: str, connectivity: int, linked: bool) -> None:
    pixels = _dense(name)
    axes = (energies(2),) if linked else ()
    cube = np.stack([pixels, np.roll(pixels, 1, axis=-1) & (pixels[::-1])]) if linked else pixels
    geom = small_map(*pixels.shape, axes)
    node = RemoveSmall(Raster((cube, geom)), 20 * u.pix**2, connectivity, linked=linked)
    expected = removed(cube, 20, connectivity)
    for side in (1000, 67):
        for plane in range(2) if linked else [None]:
            got = chunked(
                node,
                geom,
                cut(geom.image_shape[0], list(range(side, 400, side))),
                cut(geom.image_shape[1], list(range(side, 400, side))),
                () if plane is None else (plane,),
            )
            assert_array_equal(got, expected if plane is None else expected[plane])


@pytest.mark.parametrize("least", [1, 2, 3])
@pytest.mark.parametrize("unit", ["pix2", "deg2"])
def test_single_pixels_are_dropped_where_a_pixel_is_too_small(
    least: int, unit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nowhere else: one at a side of its chunk may go on in the next."""
    from maskexpr.components import node as _node

    geom = small_map(60, 70)
    size = 1 if unit == "pix2" else float(geom.solid_angles(np.array([30]), np.array([35]))[0, 0])
    size *= 1 if unit == "pix2" else (180 / np.pi) ** 2
    blocks = []
    monkeypatch.setattr(
        _node, "LabelledBlock", lambda *args: blocks.append(LabelledBlock(*args)) or blocks[-1]
    )
    pixels = np.random.default_rng(11).random((60, 70)) < 0.3
    node = RemoveSmall(Raster((pixels, geom)), f"{(least - 0.5) * size} {unit}")
    assert_array_equal(node.on(geom, chunks=30).values, removed(pixels, least))
    number, few = label(pixels, 4)[1], label(removed(pixels, 2), 4)[1]
    found = sum(block.n_labels for block in blocks)
    assert number - few > 100
    # What bounds the solid angle of a pixel of this map is far above what they have.
    are_dropped = least > 1 and unit == "pix2"
    assert few <= found < (number + few) / 2 if are_dropped else found >= number


@pytest.mark.parametrize("tiles", [2, 4, 8, 16])
def test_work_grows_with_tiles(tiles: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """4, 16, 64, 256 chunks: one labelling each, and joints for at most a third as many."""
    from maskexpr.components import solve as _solve

    steps = []
    for name in ("merge", "split"):
        real = getattr(_solve, name)
        monkeypatch.setattr(
            _solve, name, lambda *args, real=real, name=name: steps.append(name) or real(*args)
        )
    geom = small_map(64, 64)
    pixels = snake(64)
    node = RemoveSmall(Raster((pixels, geom)), float(pixels.sum()) * u.pix**2)
    chunks = (64 // tiles,) * tiles
    assert_array_equal(chunked(node, geom, chunks, chunks), pixels)
    number = tiles * tiles
    assert {2: 3, 4: 3, 8: 11, 16: 35}[tiles] == len(steps)
    assert len(steps) <= 1 + 2 * (number / 3)


def test_saved_and_restored() -> None:
    geom = small_map(4, 4)
    data = (np.zeros((4, 4)), geom)
    for node in (
        Hysteresis(data, 1, 2, connectivity=8, linked=True),
        FillHoles(AllSky()),
        FillHoles(AllSky(), "0.1 deg2"),
        RemoveSmall(AllSky(), 30 * u.pix, connectivity=8),
    ):
        again = pickle.loads(pickle.dumps(node))
        assert again == node
        assert type(node).restore({name: getattr(node, name) for name in node.__dataclass_fields__}) == node
        assert node.reach().everywhere
    assert RemoveSmall(AllSky(), 30 * u.arcmin**2) == RemoveSmall(AllSky(), (30 / 3600) * u.deg**2)
    assert FillHoles(AllSky(), linked=True) != FillHoles(AllSky())


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: RemoveSmall(AllSky(), 3), AngleError, "min_area must be an area with a unit"),
        (lambda: RemoveSmall(AllSky(), "3 deg"), AngleError, "min_area"),
        (lambda: RemoveSmall(AllSky(), "3"), AngleError, "min_area"),
        (lambda: RemoveSmall(AllSky(), [1, 2] * u.deg**2), AngleError, "min_area"),
        (lambda: RemoveSmall(AllSky(), -1 * u.pix), MaskValueError, "not negative"),
        (lambda: FillHoles(AllSky(), np.nan * u.deg**2), MaskValueError, "max_area must be finite"),
        (lambda: FillHoles(np.zeros((2, 2))), MaskTypeError, "mask must be a mask"),
        (lambda: FillHoles(AllSky(), connectivity=6), MaskValueError, "4"),
        (lambda: FillHoles(AllSky(), linked=1), MaskTypeError, "linked"),
        (lambda: Hysteresis((np.zeros((4, 4)), small_map(4, 4)), 3, 2), MaskValueError, "exchange"),
        (lambda: Hysteresis((np.zeros((4, 4)), small_map(4, 4)), 3, np.nan), MaskValueError, "NaN"),
    ],
)
def test_bad_input(make, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()
