"""The laws of nodes on HEALPix grids, of the whole sky and of parts of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr import HpxGeom
from maskexpr.compile.evaluate import evaluate
from maskexpr.compile.simplify import simplify
from maskexpr.errors import MaskError
from maskexpr.expr.structure import postorder
from maskexpr.testing import OPERATORS, STRATEGIES, check_node, check_promises, masks, tilings, whole_tile

from ...examples import some

GRIDS = {
    "whole": HpxGeom(order=2, frame="galactic"),
    "part": HpxGeom(order=3, cells=[[10, 200], [500, 600]]),
    "scattered": HpxGeom(order=2, cells=np.random.default_rng(1).choice(192, 90, replace=False)),
    "cube": HpxGeom(order=1, axes=[mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 2)]),
}


@pytest.mark.parametrize("name", GRIDS)
@given(data=st.data())
@settings(max_examples=4)
def test_random_masks(name: str, data: st.DataObject) -> None:
    geom = GRIDS[name]
    mask = data.draw(masks())
    try:
        mask.plan(geom)
    except MaskError:
        assume(False)
    check_node(mask, geom)
    check_promises(mask, geom, data.draw(tilings(geom)))


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("linked", [False, True])
def test_components_of_cubes(connectivity: int, linked: bool) -> None:
    rng = np.random.default_rng(3)
    axis = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 2)
    for geom in (HpxGeom(order=2, axes=[axis]), HpxGeom(order=2, cells=[[9, 80], [100, 120]], axes=[axis])):
        values = rng.normal(size=geom.shape)
        mask = mx.Threshold((values, geom), ">", 0.2)
        for node in (
            mx.FillHoles(mask, connectivity=connectivity, linked=linked),
            mx.RemoveSmall(mask, "900 deg2", connectivity=connectivity, linked=linked),
        ):
            whole = node.compute(geom).values
            np.testing.assert_array_equal(node.on(geom, chunks=1).values, whole)
            if not linked:
                plane = type(node)(
                    mx.Threshold((values[1], geom.to_image()), ">", 0.2),
                    *_limit(node),
                    connectivity=connectivity,
                )
                np.testing.assert_array_equal(plane.compute(geom.to_image()).values, whole[1])


def _limit(node: mx.Mask) -> tuple[str, ...]:
    return ("900 deg2",) if isinstance(node, mx.RemoveSmall) else ()


FIXED = {
    "circles": mx.Region("icrs;annulus(0,41.81,16,30)").fill_holes() - mx.Band(lat=("-9 deg", "3 deg")),
    "growth": mx.Region("galactic;circle(10,85,20)").dilate("13 deg").erode("5 deg"),
    "small": (mx.Region("icrs;circle(45,0,30)") ^ mx.Region("icrs;circle(80,30,30)")).remove_small(
        "900 deg2"
    ),
    "interior": mx.Boundary("11 deg") | mx.Region("icrs;circle(100,-60,9)"),
}


@pytest.mark.parametrize("grid", ["part", "scattered"])
@pytest.mark.parametrize("name", FIXED)
def test_fixed_masks(grid: str, name: str) -> None:
    check_node(FIXED[name], GRIDS[grid], side=5)


def is_planar(mask: mx.Mask) -> bool:
    return getattr(mask, "metric", "sky") != "sky" or getattr(mask, "kernel", "disk") != "disk"


def on_cells(make: st.SearchStrategy[mx.Mask]) -> st.SearchStrategy[mx.Mask]:
    return make.filter(lambda mask: not any(is_planar(each) for each in postorder(mask)))


slow = settings(suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("tag", sorted(STRATEGIES) + sorted(OPERATORS))
@settings(slow, max_examples=some(3))
@given(data=st.data())
def test_every_node(tag: str, data: st.DataObject) -> None:
    """As the laws are held on maps of pixels, node by node."""
    make = STRATEGIES[tag] if tag in STRATEGIES else OPERATORS[tag](masks(cheap=True, max_leaves=3))
    name = "cube" if tag == "axisrange" else data.draw(st.sampled_from(["whole", "part", "scattered"]))
    check_node(data.draw(on_cells(make)), GRIDS[name], side=data.draw(st.integers(1, 9)))


@pytest.mark.parametrize("name", ["whole", "part", "scattered"])
@settings(slow, max_examples=some(5))
@given(a=masks(cheap=True), b=masks(cheap=True))
def test_boolean_algebra(name: str, a: mx.Mask, b: mx.Mask) -> None:
    tile = whole_tile(GRIDS[name])
    left, right = evaluate(a, tile), evaluate(b, tile)
    there = evaluate(mx.AllSky(), tile)
    np.testing.assert_array_equal(evaluate(a | b, tile), left | right)
    np.testing.assert_array_equal(evaluate(a & b, tile), left & right)
    np.testing.assert_array_equal(evaluate(a ^ b, tile), left ^ right)
    np.testing.assert_array_equal(evaluate(a - b, tile), left & ~right)
    np.testing.assert_array_equal(evaluate(~a, tile), there & ~left)
    np.testing.assert_array_equal(evaluate(simplify((a - b) | ~a), tile), evaluate((a - b) | ~a, tile))
