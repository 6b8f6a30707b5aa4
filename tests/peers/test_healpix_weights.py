"""Distances and weights on HEALPix cells equal a tree over all cell centres of healpy's.

``MASKEXPR_ORDER=8`` goes on from order 6 to order 8.
"""

from __future__ import annotations

import os
from functools import lru_cache

import astropy.units as u
import healpy as hp
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from scipy.spatial import cKDTree

import maskexpr as mx

ORDERS = range(6, int(os.environ.get("MASKEXPR_ORDER", 6)) + 1)
LON, LAT = np.random.default_rng(7).uniform(0, 360, 30), np.random.default_rng(8).uniform(-90, 90, 30)
MASKS = {
    # At both poles, at corners of three faces and at the ends of the belt between the polar caps.
    "circles": ~mx.Catalog(
        SkyCoord([*LON, 0, 0, 45, 135, 225], [*LAT, 90, -90, 41.8, -41.8, 0], unit="deg"), "2.2 deg"
    ),
    "half of the sky": mx.Band(lat=("3 deg", "90 deg"), frame="galactic"),
    "hardly anything left out": ~mx.Region("galactic;circle(45,41.8,0.5)"),
    "noise": mx.Threshold(
        (np.random.default_rng(1).normal(size=12 << 4), mx.HpxGeom(order=2, frame="galactic")), ">", -1.5
    ),
}
PART = [[25, 625], [1500, 1525], [2250, 2251], [2950, 3072]]


@lru_cache(maxsize=1)
def tree_answer(name: str, order: int) -> np.ndarray:
    """Degrees of all cells, by double numbers, without a limit."""
    xyz = np.array(hp.pix2vec(1 << order, np.arange(12 << 2 * order), nest=True)).T
    selected = MASKS[name].compute(mx.HpxGeom(order=order, frame="galactic")).values
    out = np.zeros(len(xyz))
    chord, _ = cKDTree(xyz[~selected]).query(xyz[selected])
    out[selected] = np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1)))
    return out


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("limit", [0.5, 6.0])
def test_distance_of_all_cells(name: str, limit: float, order: int) -> None:
    want = np.minimum(tree_answer(name, order), limit)
    whole, deeper = mx.HpxGeom(order=order, frame="galactic"), 2 * (order - 4)
    part = mx.HpxGeom(order=order, frame="galactic", cells=[[a << deeper, b << deeper] for a, b in PART])
    for geom, chunks in ((whole, "auto"), (part, 3)):
        found = MASKS[name].distance(geom, limit * u.deg, chunks=chunks)
        assert found.dtype == np.float32
        held = want[geom.cells.ids(0, geom.cells.number)]
        np.testing.assert_allclose(found.values, held, rtol=0, atol=1e-6)
        assert ((found.values == 0) == (held == 0)).all()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("profile", ["C1", "C2", "cos"])
@pytest.mark.parametrize("width", [2.0, 14.0])
def test_weights_of_all_cells(profile: str, width: float, order: int) -> None:
    d, w = np.radians(np.minimum(tree_answer("circles", order), width)), np.radians(width)
    x = np.sqrt((1 - np.cos(d)) / (1 - np.cos(w)))
    want = {
        "C1": x - np.sin(2 * np.pi * x) / (2 * np.pi),
        "C2": (1 - np.cos(np.pi * x)) / 2,
        "cos": (1 - np.cos(np.pi * d / w)) / 2,
    }[profile]
    found = MASKS["circles"].apodize(mx.HpxGeom(order=order, frame="galactic"), width * u.deg, profile)
    np.testing.assert_allclose(found.values, want, rtol=0, atol=1e-6)
