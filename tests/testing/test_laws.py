"""Every registered node, alone and in random expressions, keeps its laws on awkward geometries."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.compile.evaluate import evaluate
from maskexpr.compile.simplify import simplify
from maskexpr.expr.mask import NODES
from maskexpr.expr.structure import postorder
from maskexpr.testing import (
    ON_THE_MAP,
    OPERATORS,
    STRATEGIES,
    brute_force,
    check_node,
    geometries,
    masks,
    unpruned,
    whole_tile,
)

from ..examples import some

GEOMETRIES = geometries()
SKY = {name: geom for name, geom in GEOMETRIES.items() if not geom.axes}


def expressions(cube=False, on_the_map=True):
    """Boolean expressions of leaves, a node that looks further over such a one, and both together.

    Random stacks of such nodes can take minutes at the limb of these coarse maps, where each asks the one
    below for most of the sky: three of small radii are tried below.
    """
    kind = {"cheap": True, "on_the_map": on_the_map}
    flat = masks(cube=cube, max_leaves=5, **kind)
    makers = [make for tag, make in OPERATORS.items() if on_the_map or tag not in ON_THE_MAP]
    further = st.one_of([make(masks(max_leaves=2, **kind)) for make in makers])
    both = st.builds(lambda a, b, join: join(a, b), flat, further, st.sampled_from([mx.Or, mx.And, mx.Xor]))
    found = flat | further | both
    return (
        found
        if on_the_map
        else found.filter(
            lambda mask: all(getattr(each, "metric", "sky") == "sky" for each in postorder(mask))
        )
    )


slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def test_every_node_is_held_against_the_laws():
    assert set(NODES) == set(STRATEGIES) | set(OPERATORS), (
        "a registered node has no strategy in maskexpr.testing"
    )


@pytest.mark.parametrize("tag", sorted(STRATEGIES))
@settings(slow, max_examples=some(5))
@given(data=st.data())
def test_leaf(tag, data):
    mask = data.draw(STRATEGIES[tag])
    name = data.draw(st.sampled_from(sorted(GEOMETRIES)))
    geom = GEOMETRIES["cube"] if tag == "axisrange" else GEOMETRIES[name]
    check_node(mask, geom, side=data.draw(st.integers(1, 20)))


@pytest.mark.parametrize("tag", sorted(OPERATORS))
@settings(slow, max_examples=some(3))
@given(data=st.data())
def test_operator(tag, data):
    mask = data.draw(OPERATORS[tag](masks(cheap=True, max_leaves=3)))
    name = data.draw(st.sampled_from(sorted(GEOMETRIES)))
    check_node(mask, GEOMETRIES[name], side=data.draw(st.integers(3, 20)))


@pytest.mark.parametrize("name", sorted(GEOMETRIES))
@settings(slow, max_examples=some(4))
@given(data=st.data())
def test_expression(name, data):
    mask = data.draw(expressions(cube=name == "cube"))
    check_node(mask, GEOMETRIES[name], side=data.draw(st.integers(1, 20)))


@pytest.mark.parametrize("name", sorted(SKY))
def test_three_that_look_further(name):
    geom = SKY[name]
    size = float(np.sqrt(geom.pixel_scales.value.prod()))
    leaf = mx.Region("icrs;circle(83.6,22,31)\ngalactic;box(12,-3,40,25,20)")
    mask = leaf.dilate(1.2 * size * u.deg).open(1.6 * size * u.deg).close(2.1 * size * u.deg)
    want = mask.compute(geom).values
    assert np.array_equal(mask.on(geom, chunks=16).values, want)
    with unpruned():
        assert np.array_equal(mask.compute(geom).values, want)


@pytest.mark.parametrize("name", sorted(SKY))
@settings(slow, max_examples=some(3))
@given(data=st.data())
def test_any_three_that_look_further(name, data):
    geom = SKY[name]
    size = float(np.sqrt(geom.pixel_scales.value.prod()))
    mask = data.draw(masks(max_leaves=2, cheap=True))
    for _ in range(3):
        grow = data.draw(st.sampled_from([mx.Dilate, mx.Erode, mx.Open, mx.Close]))
        radius = data.draw(st.sampled_from([0.7, 1.2, 2.4]))
        mask = grow(mask, radius * size * u.deg, data.draw(st.sampled_from(["disk", "box"])))
    check_node(mask, geom, side=data.draw(st.integers(3, 20)))


@settings(slow, max_examples=some(12))
@given(a=expressions(), b=expressions(), name=st.sampled_from(sorted(SKY)))
def test_boolean_algebra(a, b, name):
    tile = whole_tile(SKY[name])
    on_sky = np.ones(tile.shape, bool) if tile.on_sky is None else tile.on_sky

    def of(mask):
        return evaluate(mask, tile)

    left, right = of(a), of(b)
    assert np.array_equal(of(a | b), left | right)
    assert np.array_equal(of(a & b), left & right)
    assert np.array_equal(of(a * b), left & right)
    assert np.array_equal(of(a ^ b), left ^ right)
    assert np.array_equal(of(a - b), left & ~right)
    assert np.array_equal(of(~a), on_sky & ~left)
    assert np.array_equal(of(~(a & b)), of(~a | ~b))


@settings(slow, max_examples=some(20))
@given(mask=expressions(), name=st.sampled_from(sorted(SKY)))
def test_simplify_keeps_bits_and_is_idempotent(mask, name):
    tile = whole_tile(SKY[name])
    simple = simplify(mask)
    assert np.array_equal(brute_force(simple, tile), brute_force(mask, tile))
    assert simplify(simple) == simple


@settings(slow, max_examples=some(8))
@given(mask=expressions(on_the_map=False), name=st.sampled_from(sorted(SKY)), data=st.data())
def test_cutout_of_the_mask_is_the_mask_of_the_cutout(mask, name, data):
    geom = SKY[name]
    height, width = geom.image_shape
    y0, x0 = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    y1, x1 = data.draw(st.integers(y0 + 1, height)), data.draw(st.integers(x0 + 1, width))
    whole = mask.on(geom, chunks=11)
    piece = whole.isel(y=slice(y0, y1), x=slice(x0, x1))
    again = mask.on(mx.geom_of(piece), chunks=7)
    assert again.shape == piece.shape
    assert np.array_equal(again.values, piece.values)
