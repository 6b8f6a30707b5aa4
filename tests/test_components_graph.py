"""Components as a graph of tasks: the steps of a plan, counted, and the same bits as in one process."""

from __future__ import annotations

import pickle
from typing import Any

import astropy.units as u
import dask
import numpy as np
import pytest
from dask.threaded import get
from numpy.testing import assert_array_equal

from maskexpr import WcsGeom
from maskexpr.compile.evaluate import Evaluator
from maskexpr.components.node import Connected, Labelled
from maskexpr.components.solve import blocks
from maskexpr.grid.rim import topology
from maskexpr.grid.tiles import Tile
from maskexpr.nodes.fill_holes import FillHoles
from maskexpr.nodes.hysteresis import Hysteresis
from maskexpr.nodes.raster import Raster
from maskexpr.nodes.remove_small import RemoveSmall
from maskexpr.pixels.join import Summary, Verdict, close, merge, merge_plan, split

from .components_oracle import removed, small_map


def travelled(value: Any) -> Any:
    """The value as another process would have it."""
    return pickle.loads(pickle.dumps(value))


def label(node: Connected, tile: Tile) -> Labelled:
    return travelled(node.label_tile(tile, Evaluator(node)))


def summary_of(labelled: Labelled) -> Summary:
    return labelled.summary


def join(full: bool, *rows: list[Summary]) -> Any:
    return travelled(merge(rows, full))


def decide(node: Connected, geom: WcsGeom, whole: Any) -> Verdict:
    ground = topology(geom)
    joint, champion = close(upward(whole), ground.seam, ground.poles, node.connectivity == 8)
    return split(joint, Verdict(np.zeros(0, dtype=bool), champion), node.rule(geom))[0]


def upward(made: Any) -> Summary:
    return made if isinstance(made, Summary) else made[0]


def hand_down(node: Connected, geom: WcsGeom, joined: Any, verdict: Verdict) -> list[Verdict]:
    return travelled(split(joined[1], verdict, node.rule(geom)))


def finish(node: Connected, tile: Tile, labelled: Labelled, verdicts: Any, i: int | None) -> np.ndarray:
    return node.finish(tile, labelled, verdicts if i is None else verdicts[i], Evaluator(node))


def graph(node: Connected, geom: WcsGeom, chunks: tuple[int, ...]) -> tuple[dict[Any, Any], list[Any]]:
    """Tasks by key, and the keys of the finished tiles, row after row."""
    windows, shape = blocks(geom, chunks, chunks)
    tiles = [Tile(geom, window) for window in windows]
    tasks: dict[Any, Any] = {("label", i): (label, node, tile) for i, tile in enumerate(tiles)}
    tasks |= {("up", i): (summary_of, ("label", i)) for i in range(len(tiles))}
    plan = merge_plan(*shape)
    source: dict[int, tuple[Any, int | None]] = {}
    for step in plan:
        rows = [[(upward, ("up", i)) for i in row] for row in step.parts]
        tasks["up", step.whole] = (join, node.connectivity == 8, *rows)
        for k, i in enumerate(i for row in step.parts for i in row):
            source[i] = (("down", step.whole), k)
    root = plan[-1].whole if plan else 0
    tasks["root"] = (decide, node, geom, ("up", root))
    source[root] = ("root", None)
    for step in reversed(plan):
        key, k = source[step.whole]
        verdict = key if k is None else (list.__getitem__, key, k)
        tasks["down", step.whole] = (hand_down, node, geom, ("up", step.whole), verdict)
    for i, tile in enumerate(tiles):
        key, k = source[i]
        tasks["done", i] = (finish, node, tile, ("label", i), key, k)
    return tasks, [("done", i) for i in range(len(tiles))]


def run(node: Connected, geom: WcsGeom, chunks: tuple[int, ...]) -> tuple[np.ndarray, int]:
    tasks, keys = graph(node, geom, chunks)
    with dask.config.set(num_workers=2):
        tiles = get(tasks, keys)
    n = len(chunks)
    return np.block([list(tiles[i * n : (i + 1) * n]) for i in range(n)]), len(tasks)


@pytest.mark.parametrize(("tiles", "expected"), [(1, 4), (2, 15), (4, 51), (8, 203), (16, 803)])
def test_tasks_grow_with_tiles(tiles: int, expected: int) -> None:
    """1, 4, 16, 64, 256 chunks: a little over three tasks each."""
    geom = small_map(64, 64)
    pixels = np.random.default_rng(tiles).random((64, 64)) < 0.5
    node = RemoveSmall(Raster((pixels, geom)), 9 * u.pix**2)
    values, number = run(node, geom, (64 // tiles,) * tiles)
    assert_array_equal(values, removed(pixels, 9))
    assert number == expected


@pytest.mark.parametrize("tiles", [1, 3, 9])
def test_bits_do_not_depend_on_chunks(tiles: int) -> None:
    geom = WcsGeom.create(binsz=(10, 5), width=(360, 180))
    rng = np.random.default_rng(4)
    low, high = rng.random((36, 36)) < 0.55, rng.random((36, 36)) < 0.02
    masks = Raster((low, geom)), Raster((high, geom))
    for node in (
        Hysteresis.from_masks(*masks, connectivity=8),
        Hysteresis.from_masks(*masks),
        FillHoles(masks[0]),
        FillHoles(masks[0], "120 deg2"),
        RemoveSmall(masks[0], "250 deg2", connectivity=8),
    ):
        values, _ = run(node, geom, (36 // tiles,) * tiles)
        assert_array_equal(values, Evaluator(node).run(node, whole_of(geom)))


def whole_of(geom: WcsGeom) -> Tile:
    return Tile(geom, topology(geom).window)
