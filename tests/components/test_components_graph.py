"""Components as a graph of tasks: the steps of a plan, counted, and the same bits as in one process."""

from __future__ import annotations

import pickle
from functools import partial
from typing import Any

import astropy.units as u
import dask
import numpy as np
import pytest
from dask.threaded import get
from numpy.testing import assert_array_equal

from maskexpr import WcsGeom
from maskexpr.compile.evaluate import Evaluator, evaluate_into
from maskexpr.components.node import Connected
from maskexpr.components.solve import Decided, Job, Name, blocks, plan
from maskexpr.grid.rim import topology
from maskexpr.grid.tiles import Tile
from maskexpr.nodes.fill_holes import FillHoles
from maskexpr.nodes.hysteresis import Hysteresis
from maskexpr.nodes.raster import Raster
from maskexpr.nodes.remove_small import RemoveSmall

from .components_oracle import removed, small_map


def travelled(value: Any) -> Any:
    """The value as another process would have it."""
    return pickle.loads(pickle.dumps(value))


def run(node: Connected, geom: WcsGeom, chunks: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """Values of a map, every step's results pickled on their way; and how many steps there are."""
    cut = blocks(geom, chunks, chunks)
    steps = plan(cut, np.ones(len(cut.windows), dtype=bool))

    def make(name: Name, *needed: Any) -> Any:
        step = steps[name]
        return travelled(step.make(Job(node, geom, (), Evaluator(node)), *step.given, *needed))

    tasks = {name: (partial(make, name), *step.needs) for name, step in steps.items()}
    with dask.config.set(num_workers=2):
        kept = get(tasks, [("keep", i) for i in range(len(cut.windows))])
    out = np.zeros(geom.image_shape, dtype=bool)
    decided = {(node.digest, ()): Decided(cut, list(kept))}
    evaluate_into(node, whole_of(geom), ((),), [out], decided)
    return out, len(tasks)


@pytest.mark.parametrize(("tiles", "expected"), [(1, 3), (2, 11), (4, 35), (8, 139), (16, 547)])
def test_tasks_grow_with_tiles(tiles: int, expected: int) -> None:
    """1, 4, 16, 64, 256 chunks: a little over two tasks each."""
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
