"""Every kind of grid keeps the laws of the protocol; and each law can be broken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

import maskexpr as mx
from maskexpr import WcsGeom
from maskexpr.testing import check_grid, geometries, random_geometries, thin_geometries

# How much of the sky small pixels cut by its rim hold too little or too much.
LIMB = 0.04

# Projections of every family, on small maps of the whole sky or a large part of it.
PROJECTIONS = (
    "CAR",
    "CEA",
    "MER",
    "SFL",
    "PAR",
    "MOL",
    "AIT",
    "TAN",
    "SIN",
    "ARC",
    "STG",
    "ZEA",
    "HPX",
    "TSC",
)

MAPS = {
    **geometries(),
    **thin_geometries(),
    **{
        code: WcsGeom.create(skydir=(40, 0), npix=(44, 26), binsz=7, proj=code, frame="galactic")
        for code in PROJECTIONS
    },
}


@pytest.mark.parametrize("name", MAPS)
def test_laws(name: str) -> None:
    check_grid(MAPS[name], whole=LIMB)


CELLS = {
    "one face each": mx.HpxGeom(order=0),
    "order 1": mx.HpxGeom(order=1, frame="fk5"),
    "order 3": mx.HpxGeom(order=3, frame="galactic"),
    "cube": mx.HpxGeom(order=2, axes=[mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)]),
    "one cell": mx.HpxGeom(order=3, cells=[5]),
    "two parts": mx.HpxGeom(order=3, cells=[[10, 30], [500, 600]]),
    "here and there": mx.HpxGeom(order=3, cells=np.random.default_rng(1).choice(768, 300, replace=False)),
}


@pytest.mark.parametrize("name", CELLS)
def test_laws_of_cells(name: str) -> None:
    check_grid(CELLS[name], chunks=CELLS[name].order // 2)


@given(geom=random_geometries())
@settings(max_examples=15)
def test_laws_anywhere(geom: WcsGeom) -> None:
    check_grid(geom, whole=LIMB)
