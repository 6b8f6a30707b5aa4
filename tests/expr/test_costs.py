"""What small texts and deep expressions cost: counted, not timed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.core.trace import asked_of, tracing
from maskexpr.errors import LimitError

GEOM = mx.WcsGeom.create(npix=(12, 9), binsz=1, skydir=(10, 20), proj="TAN")
LEAF = mx.Region("icrs;circle(10,20,3)")


def nested(operator: str, levels: int) -> str:
    """Each level has the two before it for operands: as a tree it doubles with every two levels, and more."""
    leaf = {"record": "circle", "lon": 10.0, "lat": 20.0, "radius": 3.0, "frame": "icrs"}
    nodes: list[dict[str, Any]] = [{"tag": "region", "shape": leaf, "metric": "sky"}]
    for i in range(levels):
        nodes.append({"tag": operator, "masks": [{"node": i}, {"node": max(i - 1, 0)}]})
    return json.dumps({"maskexpr": 1, "nodes": nodes})


def calls(work: Callable[[], Any]) -> int:
    """How many functions were called, Python's and C's."""
    number = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal number
        number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return number


def test_nested_xor_of_shared_operands() -> None:
    mask = mx.loads(nested("xor", 24))
    # The tree has some 10^5 leaves: 2 of the first two levels, then as many as of the two before.
    odd = [True, False]
    for _ in range(23):
        odd.append(odd[-1] ^ odd[-2])
    with tracing() as counts:
        found = mask.compute(GEOM).values
    assert np.array_equal(found, LEAF.on(GEOM).values & odd[-1])
    # Of all nodes together: the circle is asked, as a catalogue of one, for little more than the map.
    assert 0 < sum(number for what, number in counts.items() if what.startswith("asked")) < 2 * found.size


@pytest.mark.parametrize("operator", ["xor", "or", "and"])
def test_flattening_is_bounded(operator: str) -> None:
    with pytest.raises(LimitError, match=r"operands, more than the limit.*operands="):
        mx.loads(nested(operator, 2000))
    with mx.set_limits(operands=50), pytest.raises(LimitError, match="limit of 50"):
        mx.loads(nested(operator, 24))


def test_shared_dilations_are_evaluated_once() -> None:
    box = mx.Region("icrs;box(10,20,3,2,30)")
    mask: mx.Mask = box
    for _ in range(12):
        mask = mask ^ mx.Dilate(mask, "0.1 deg")
    with tracing() as counts:
        size = mask.compute(GEOM).size
    # As a tree 4096 times.
    assert 0 < counts[asked_of(box)] < 2 * size


def deep(levels: int) -> mx.Mask:
    mask: mx.Mask = LEAF
    for i in range(levels):
        mask = mx.Dilate(mask, f"{(i + 1) * 1e-4:.4f} deg") if i % 2 else ~mask
    return mask


@pytest.mark.parametrize("work", [mx.dumps, lambda mask: mx.loads(mx.dumps(mask))], ids=["dumps", "loads"])
def test_writing_and_reading_are_linear_in_depth(work: Callable[[mx.Mask], Any]) -> None:
    low, high = deep(1000), deep(4000)
    work(deep(10))
    assert calls(lambda: work(high)) < 5 * calls(lambda: work(low))
    assert len(mx.dumps(high)) < 5 * len(mx.dumps(low))


def test_eight_thousand_deep() -> None:
    mask = deep(8000)
    assert mx.loads(mx.dumps(mask)) == mask


@pytest.mark.parametrize("proj", ["CAR", "TAN"])
@pytest.mark.parametrize("mask", [LEAF, mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")])
def test_a_plan_of_ten_billion_columns(mask: mx.Mask, proj: str) -> None:
    geom = mx.WcsGeom.create(npix=(10**10, 9), binsz=1e-9, proj=proj, skydir=(10, 20))

    def plan() -> None:
        with pytest.raises(LimitError, match=r"chunks along a side.*tiles="):
            mask.plan(geom)

    plan()
    assert calls(plan) < 20_000
