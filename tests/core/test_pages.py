"""Arrays of zeros that take memory where they are written: counted from the system's own list."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.core.pages import expect_writes, sparse_zeros

SIZE = 1 << 25
SOURCE = mx.Catalog(SkyCoord([10] * u.deg, [20] * u.deg), "0.3 deg")

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="no list of a process's memory")


def resident(array: np.ndarray) -> int:
    """Bytes of memory that the mapping which holds an array has taken."""
    address, holds = array.ctypes.data, False
    total = 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            start, stop = (int(each, 16) for each in first.split("-"))
            holds = start < address + array.nbytes and stop > address
        elif holds and first == "Rss:":
            total += int(line.split()[1]) * 1024
    return total


@on_linux
def test_memory_is_taken_where_an_array_is_written() -> None:
    array = sparse_zeros((4, SIZE // 4), bool)
    array[::2, 7] = True
    assert resident(array) <= 1 << 14
    assert array.sum() == 2


@pytest.mark.parametrize("dtype", [bool, np.float32])
def test_it_is_an_array_like_any_other(dtype: type) -> None:
    array = sparse_zeros((2, SIZE), dtype)
    assert array.shape == (2, SIZE)
    assert array.dtype == dtype
    assert array.flags.writeable
    part = array[1, SIZE // 2 :]
    del array
    part[...] = 1
    assert part.sum() == SIZE // 2
    assert pickle.loads(pickle.dumps(part[:10])).all()


@pytest.mark.parametrize("size", [1, 256, 1 << 12, 1 << 16, 1 << 21])
@pytest.mark.parametrize("first", [0, 1 << 20, 12345])
def test_what_is_expected_changes_no_value(size: int, first: int) -> None:
    """Of views that begin anywhere, and pieces of any size, at the ends too."""
    array = sparse_zeros((SIZE,), bool)
    view = array[first:]
    number = min(len(view) // size, 5000)
    pieces = np.concatenate([np.arange(number // 2), len(view) // size - 1 - np.arange(number // 2)])
    view[size * 3 // 2 :: size] = True
    before = view.copy()
    expect_writes(view, pieces, size)
    expect_writes(view)
    assert np.array_equal(view, before)


@pytest.mark.parametrize("other", [np.zeros(9, bool), np.zeros((SIZE,), bool)[::2], sparse_zeros((0,), bool)])
def test_of_other_memory_nothing_is_asked(other: np.ndarray) -> None:
    expect_writes(other, np.arange(2), 4)
    expect_writes(other)
    assert not other.any()


@on_linux
@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "geom", [mx.HpxGeom(order=11), mx.WcsGeom.allsky("0.04 deg")], ids=["cells", "pixels"]
)
def test_a_map_takes_the_memory_of_what_is_selected(geom: object, lazy: bool) -> None:
    """Neither empty tiles nor what is empty of the others: a circle is 300 cells of 50 million."""
    made = SOURCE.on(geom).compute() if lazy else SOURCE.compute(geom)
    assert made.values.sum() > 100
    # Reading a page of zeros takes none, so that the sum has not changed it; a tile has 4 MiB, or 2,048 rows.
    assert resident(made.values) < 2048 * 3 * 4096
    assert resident(made.values) < made.nbytes / 1.9


@on_linux
def test_a_map_of_cells_takes_the_memory_of_its_edges() -> None:
    """All tiles have a source, and most of each is empty."""
    lon, lat = np.meshgrid(np.arange(0.0, 360.0, 15.0), np.arange(-75.0, 90.0, 15.0))
    sources = mx.Catalog(SkyCoord(lon.ravel(), lat.ravel(), unit="deg"), "0.3 deg")
    geom = mx.HpxGeom(order=12)
    assert sources.plan(geom).n_empty == 0
    made = sources.compute(geom)
    assert resident(made.values) < made.nbytes / 20


def test_a_whole_sky_is_written_whole() -> None:
    """What is not empty comes in large pages, or small ones, and is right in both."""
    geom, plane = mx.HpxGeom(order=11), mx.Band(lat=("-40 deg", "80 deg"))
    for mask in (plane, ~plane, mx.AllSky()):
        made = mask.compute(geom).values
        assert np.array_equal(made, mask.on(geom, chunks=3).compute().values)
        assert made.sum() == mask.count(geom)
