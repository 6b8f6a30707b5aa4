"""Circles on grids that are not separable, by the images of their rims: the same bits as pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.nodes import _rim_index, _rims
from maskexpr.nodes._rim_index import RimIndex
from maskexpr.sphere import TIE, angle_between, unit, within
from maskexpr.tiles import Tile
from maskexpr.window import Window

TAN = {"skydir": (30, 50), "npix": (120, 90), "proj": "TAN", "frame": "icrs"}
GRIDS = {
    "AIT": mx.WcsGeom.allsky(binsz=2, proj="AIT"),
    "MOL": mx.WcsGeom.allsky(binsz=2, proj="MOL"),
    "TAN": mx.WcsGeom.create(binsz=0.5, **TAN),
    "TAN to the horizon": mx.WcsGeom.create(binsz=(9, 3), **TAN),
    "TAN of tiny pixels": mx.WcsGeom.create(binsz=1e-6, **TAN),
    "ZEA": mx.WcsGeom.create(skydir=(0, 90), npix=(120, 120), binsz=2.5, proj="ZEA"),
    "TSC": mx.WcsGeom.allsky(binsz=4, proj="TSC"),
    "a corner of AIT": mx.WcsGeom.allsky(binsz=2, proj="AIT").window(Window(10, 60, 0, 70)),
}


def circles(geom, number, rng):
    """Circles of a pixel to the whole sky, some with a rim through a pixel's centre."""
    ny, nx = geom.image_shape
    lon, lat = geom.lonlat(rng.uniform(0, ny, number), rng.uniform(0, nx, number))
    there = geom.lonlat(rng.integers(ny, size=number), rng.integers(nx, size=number))
    some = np.isfinite(lon + there[0])
    centre, there = unit(lon[some], lat[some]), unit(there[0][some], there[1][some])
    scale = np.deg2rad(float(np.min(geom.pixel_scales.value)))
    radius = np.minimum(scale * 10 ** rng.uniform(-0.5, 1.3, some.sum()), np.pi)
    through = np.arange(len(radius)) % 3 == 0
    radius[through] = angle_between(centre, there)[through] + rng.choice([0, TIE, -TIE, 1e-15], through.sum())
    some = radius > TIE
    return centre[:, some], radius[some]


@pytest.mark.parametrize("piece", [1, 200, _rim_index._PIECE])
@pytest.mark.parametrize("grid", GRIDS)
def test_runs_are_what_the_predicate_says(grid, piece, monkeypatch):
    monkeypatch.setattr(_rim_index, "_PIECE", piece)
    geom = GRIDS[grid]
    centre, radius = circles(geom, 300, np.random.default_rng(5))
    index = RimIndex(geom, centre, radius)
    ny, nx = geom.image_shape
    done = np.zeros(len(radius), dtype=bool)
    for y in range(-5, ny, 50):
        for x in range(-5, nx, 60):
            tile = Tile(geom, Window(y, y + 50, x, x + 60))
            got = np.zeros(tile.shape, dtype=bool)
            left = index.paint(tile, got)
            painted = np.setdiff1d(np.arange(len(radius)), left)
            done[painted] = True
            xyz = tile.all_pixels().xyz
            want = np.zeros(xyz.shape[1], dtype=bool)
            for i in painted:
                want |= within(xyz, centre[:, [i]], radius[i])
            # A piece may be left out of a tile for which it has nothing, with all that it has.
            assert np.array_equal(got, want.reshape(tile.shape))
    if grid not in ("TSC", "TAN to the horizon"):
        assert done[radius < np.deg2rad(5)].mean() > 0.7


def test_bent_edges_are_put_in_order():
    """A side of a polygon that goes down a little on its way up."""
    y = np.array([[0.0, 2.5, 2.4, 4.5, 2.2]])
    x = np.array([[0.0, 1.0, 1.1, 0.0, -1.0]])
    shifted = np.roll(y, 2, axis=1), np.roll(x, 2, axis=1)
    for points in ((y, x), shifted):
        circle, row, _ = _rims._crossings(*points)
        assert circle.tolist() == [0] * 5
        assert row.tolist() == [0, 1, 2, 3, 4]
    down = _rims._crossings(y[:, ::-1], x[:, ::-1])
    assert down[1].tolist() == [0, 1, 2, 3, 4]
