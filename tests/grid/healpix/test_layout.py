"""Arrays of cells: squares of the lattice in nested order, and chunks of parent cells."""

from __future__ import annotations

import numpy as np
import pytest

import maskexpr as mx
from maskexpr import HpxGeom
from maskexpr.errors import LimitError, MaskValueError
from maskexpr.grid.healpix.cells import parents
from maskexpr.grid.healpix.faces import to_faces
from maskexpr.grid.healpix.layout import from_nested, to_nested
from maskexpr.grid.healpix.staircase import cells_in
from maskexpr.pixels.window import Window


@pytest.mark.parametrize("side", [1, 2, 4, 16, 32, 64, 128, 256])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float64])
def test_nested_order(side: int, dtype: type) -> None:
    values = (np.random.default_rng(side).random((side, side)) * 9 * (side < 99)).astype(dtype)
    values[side // 3, side // 2] = 1
    _, x, y = to_faces(side.bit_length() - 1, np.arange(side * side))
    nested = np.zeros(side * side, dtype=dtype)
    to_nested(values, nested)
    np.testing.assert_array_equal(nested, values[y, x])
    np.testing.assert_array_equal(from_nested(nested), values)


@pytest.mark.parametrize("order", [0, 2, 4])
@pytest.mark.parametrize(
    "cells", [None, [[3, 90], [700, 701]], [5], [16 * i + 3 for i in range(40)], [255, 256]]
)
def test_chunks_are_parent_cells(order: int, cells: object) -> None:
    geom = HpxGeom(order=4, cells=cells)
    ids = geom.cells.ids(0, geom.cells.number)
    layout = geom.layout(order)
    _, number = np.unique(parents(ids, 4 - order), return_counts=True)
    assert layout.sizes == (tuple(number),)
    for block in range(len(number)):
        (place,) = layout.place((block,))
        window = Window(*layout.bounds(np.array([[block]]))[:, 0].tolist())
        out = np.zeros(place.stop - place.start, dtype=np.int64)
        layout.pack(cells_in(4, window), (block,), out)
        np.testing.assert_array_equal(out, ids[place])


def test_default_chunks() -> None:
    assert HpxGeom(order=13).layout().numblocks == (12 * 4**2,)
    assert HpxGeom(order=16).layout().largest == (4096, 4096)
    assert HpxGeom(order=5).layout().numblocks == (12,)
    # Few cells here and there are together in chunks, and their windows are no larger than they must be.
    apart = HpxGeom(order=20, cells=np.arange(0, 12 * 4**20, 4**13 + 12345))
    assert apart.layout().numblocks[0] <= 4096
    assert sum(apart.layout().sizes[0]) == apart.shape[0]
    near = HpxGeom(order=20, cells=[[10**12, 10**12 + 64]])
    assert max(near.layout().largest) <= 16


@pytest.mark.parametrize("chunks", [-1, 5, 1.5, True, "all", (1, 2), {"cells": 7}])
def test_no_chunks(chunks: object) -> None:
    with pytest.raises(MaskValueError, match="parent cells"):
        HpxGeom(order=4).layout(chunks)


def test_too_many_chunks_are_refused_before_they_are_made() -> None:
    geom = mx.HpxGeom(order=29)
    for ask in (mx.AllSky().on, mx.AllSky().plan):
        with pytest.raises(LimitError, match="chunks of order 17"):
            ask(geom)
    few = mx.HpxGeom(order=29, cells=[[10**17, 10**17 + 50]])
    assert mx.AllSky().compute(few).values.all()
    # Chunks that are alike are one object, whatever mask and frame they are of.
    one, other = (mx.HpxGeom(order=9, frame=frame).layout(6).sizes for frame in ("icrs", "galactic"))
    assert one[0] is other[0]
