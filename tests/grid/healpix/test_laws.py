"""The laws of nodes on HEALPix grids, of the whole sky and of parts of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr import HpxGeom
from maskexpr.errors import MaskError
from maskexpr.testing import check_node, check_promises, masks, tilings

GRIDS = {
    "whole": HpxGeom(order=2),
    "galactic": HpxGeom(order=3, frame="galactic"),
    "part": HpxGeom(order=3, cells=[[10, 200], [500, 600]]),
    "scattered": HpxGeom(order=3, cells=np.random.default_rng(1).choice(768, 300, replace=False)),
    "cube": HpxGeom(order=1, axes=[mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)]),
}


@pytest.mark.parametrize("name", GRIDS)
@given(data=st.data())
@settings(max_examples=8)
def test_random_masks(name: str, data: st.DataObject) -> None:
    geom = GRIDS[name]
    mask = data.draw(masks())
    try:
        mask.plan(geom)
    except MaskError:
        assume(False)
    check_node(mask, geom)
    check_promises(mask, geom, data.draw(tilings(geom)))


FIXED = {
    "circles": mx.Region("icrs;annulus(0,41.81,16,30)").fill_holes() - mx.Band(lat=("-9 deg", "3 deg")),
    "growth": mx.Region("galactic;circle(10,85,20)").dilate("13 deg").erode("5 deg"),
    "small": (mx.Region("icrs;circle(45,0,30)") ^ mx.Region("icrs;circle(80,30,30)")).remove_small("900 deg2"),
    "interior": mx.Boundary("11 deg") | mx.Region("icrs;circle(100,-60,9)"),
}


@pytest.mark.parametrize("grid", ["galactic", "part", "scattered"])
@pytest.mark.parametrize("name", FIXED)
def test_fixed_masks(grid: str, name: str) -> None:
    check_node(FIXED[name], GRIDS[grid], side=5)
