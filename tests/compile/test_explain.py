"""explain() and plan() count the same tiles."""

from __future__ import annotations

import re

import astropy.units as u
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.compile import explain
from maskexpr.expr.structure import postorder

ENERGY = mx.Axis.from_bounds("energy", 1 * u.GeV, 1000 * u.GeV, 3)
FEW = mx.Catalog(SkyCoord([83.6, 12.0, 200.0], [22.0, 80.0, -40.0], unit="deg"), "3 deg")
PLANE = mx.Band(lat=("-6 deg", "6 deg"), frame="galactic")
KEEP = ~(FEW | mx.Region("galactic;box(185,-4,9,5,45)")).dilate("1 deg") - PLANE
GRIDS = {
    "whole sky": mx.WcsGeom.allsky(binsz=1, frame="galactic"),
    "off the sky": mx.WcsGeom.allsky(binsz=2, frame="galactic", proj="AIT"),
    "cube": mx.WcsGeom.allsky(binsz=2, frame="galactic", axes=[ENERGY]),
    "cells": mx.HpxGeom(order=4, frame="galactic"),
}


def counted(text: str) -> list[tuple[int, ...]]:
    rows = re.findall(r"([\d,]+) empty +([\d,]+) full +([\d,]+) mixed", text)
    return [tuple(int(each.replace(",", "")) for each in row) for row in rows]


@pytest.mark.parametrize("name", GRIDS)
def test_each_node_has_the_counts_of_its_plan(name: str) -> None:
    geom = GRIDS[name]
    chunks = 2 if name == "cells" else 20
    mask = KEEP & mx.AxisRange("energy", "10 GeV", "1 TeV") if geom.axes else KEEP
    plan = mask.plan(geom, chunks)
    rows = counted(mask.explain(geom, chunks))
    assert rows[0] == (plan.n_empty, plan.n_full, plan.n_mixed)
    assert 0 < plan.n_mixed < plan.n_tiles
    nodes = list(postorder(plan.compiled.mask))
    assert len(rows) == len(nodes)
    if not geom.axes:
        for alone in (FEW.plan(geom, chunks), PLANE.plan(geom, chunks)):
            assert (alone.n_empty, alone.n_full, alone.n_mixed) in rows


def test_a_deep_mask_is_counted_from_the_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explain, "_MOST_NODES", 2)
    geom = GRIDS["whole sky"]
    plan, text = KEEP.plan(geom, 20), KEEP.explain(geom, 20)
    rows = counted(text)
    assert rows[0] == (plan.n_empty, plan.n_full, plan.n_mixed)
    assert len(rows) == 3
    assert text.count("not counted") == len(list(postorder(plan.compiled.mask))) - 3
