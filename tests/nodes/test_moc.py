"""`Moc` as a leaf: membership, coverage of tiles, maps, what it is made from."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.core.errors import MaskTypeError, MaskValueError, RegionError
from maskexpr.grid.healpix.cells import cells_of, centres, vertices
from maskexpr.grid.healpix.lookup import Lookup
from maskexpr.grid.healpix.ranges import merged, of_cells
from maskexpr.sphere.vectors import lonlat, unit


def scattered(order: int, number: int, seed: int = 1) -> mx.Moc:
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 12 << 2 * order, number)
    stop = np.minimum(start + rng.integers(1, 60, number), 12 << 2 * order)
    return mx.Moc(np.stack([start, stop], axis=1), order)


def within(ranges: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Which numbers are in ranges, each compared with each."""
    return ((ranges[:, 0] <= numbers[:, None]) & (numbers[:, None] < ranges[:, 1])).any(axis=1)


@pytest.mark.parametrize("order", [0, 3, 8, 17, 29])
def test_membership(order: int) -> None:
    moc = scattered(order, 50)
    rng = np.random.default_rng(3)
    ids = np.concatenate([moc.ranges[:, 0], moc.ranges[:, 1] - 1, rng.integers(0, 12 << 2 * order, 3000)])
    inside = 0.3 * vertices(order, ids)[:, :, 1] + 0.7 * centres(order, ids)
    found = moc.contains(SkyCoord(*lonlat(inside), unit="deg"))
    assert found.tolist() == within(moc.ranges, ids).tolist()
    turned = SkyCoord(*lonlat(inside), unit="deg").galactic
    assert moc.contains(turned).tolist() == found.tolist()


def test_no_position_is_in_none_or_in_both() -> None:
    """On the borders between cells, and where there is no position."""
    moc = scattered(5, 200)
    corners = vertices(5, np.arange(12 << 10)).reshape(3, -1)
    there = SkyCoord(*lonlat(corners), unit="deg")
    assert (moc.contains(there) ^ (~moc).contains(there)).all()
    rest = mx.Moc(np.concatenate([[0], moc.ranges.ravel(), [12 << 10]]).reshape(-1, 2), 5)
    assert (moc.contains(there) ^ rest.contains(there)).all()
    nowhere = SkyCoord([np.nan, 1], [3, np.nan], unit="deg")
    assert not moc.contains(nowhere).any()
    assert not rest.contains(nowhere).any()


numbers = st.integers(0, (12 << 20) - 1)


@given(st.lists(st.tuples(numbers, st.integers(0, 1 << 16)), max_size=30), st.lists(numbers, max_size=30))
def test_look_up_is_bisection(pairs: list[tuple[int, int]], asked: list[int]) -> None:
    ranges = merged(np.array([(a, a + n) for a, n in pairs], dtype=np.int64).reshape(-1, 2))
    near = [x + add for x in ranges.ravel().tolist() for add in (-1, 0, 1)]
    some = np.array([x for x in (*asked, *near) if 0 <= x < 12 << 20], dtype=np.int64)
    assert Lookup(ranges, 12 << 20).holding(some).tolist() == within(ranges, some).tolist()


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
@pytest.mark.parametrize("proj", ["CAR", "AIT", "TAN"])
def test_on_maps(proj: str, frame: str) -> None:
    """Every pixel is the cell that holds its centre; tiles are decided where that is plain."""
    geom = (
        mx.WcsGeom.create(skydir=(0, 88), npix=(200, 160), binsz=0.2, proj=proj, frame=frame)
        if proj == "TAN"
        else mx.WcsGeom.allsky(binsz=0.7, proj=proj, frame=frame)
    )
    moc = scattered(6, 12)
    lon, lat = geom.lonlat(*np.mgrid[: geom.shape[0], : geom.shape[1]])
    there = SkyCoord(lon.ravel(), lat.ravel(), unit="deg", frame=frame).icrs
    home = cells_of(6, unit(there.ra.deg, there.dec.deg)).reshape(lon.shape)
    expected = within(moc.ranges, home.ravel()).reshape(lon.shape)
    assert (moc.on(geom, chunks=32).values == expected).all()
    plan = moc.plan(geom, chunks=8)
    assert plan.n_empty > 0.5 * plan.n_tiles


def test_on_a_healpix_map() -> None:
    moc = scattered(4, 20)
    geom = mx.HpxGeom(order=6)
    assert (np.flatnonzero(moc.on(geom).values) >> 4).tolist() == np.repeat(
        np.concatenate([np.arange(*each) for each in moc.ranges]), 16
    ).tolist()
    part = mx.HpxGeom(order=6, cells=moc)
    assert bool(moc.on(part).all())
    assert part.array_shape == (16 * int(np.diff(moc.ranges).sum()),)


def test_algebra_and_text() -> None:
    moc = mx.Moc([[4, 8], [2, 3], [6, 9], [9, 9]], order=1)
    assert moc.ranges.tolist() == [[2, 3], [4, 9]]
    assert moc == mx.Moc([[2, 3], [4, 9]], np.int64(1))
    assert moc != mx.Moc([[2, 3], [4, 9]], 2)
    assert mx.loads(mx.dumps(moc)) == moc
    assert repr(moc) == "Moc(order 1, 2 ranges, 12.5 % of the sky)"
    assert not moc.ranges.flags.writeable
    both = moc & mx.Moc([[1, 2]], order=0)
    assert both.to_moc(1).ranges.tolist() == [[4, 8]]


@pytest.mark.parametrize(
    ("ranges", "order", "error", "says"),
    [
        ([[0, 1]], 30, MaskValueError, "0 to 29"),
        ([[0, 1]], 2.0, MaskValueError, "0 to 29"),
        ([[0, 49]], 1, MaskValueError, "48"),
        ([[-1, 4]], 1, MaskValueError, "goes up"),
        ([[4, 2]], 1, MaskValueError, r"row 0 is \[4, 2\]"),
        ([1, 2, 3], 1, MaskValueError, "shape"),
        ([[0.0, 1.0]], 1, MaskTypeError, "whole numbers"),
        ([[True, False]], 1, MaskTypeError, "whole numbers"),
        ([["a", "b"]], 1, MaskTypeError, "whole numbers"),
        (of_cells, 1, MaskTypeError, "whole numbers"),
        ([[0, 1], [2]], 1, MaskTypeError, "ranges"),
        (np.ma.array([[0, 5], [7, 9]], mask=[[0, 0], [1, 1]]), 1, MaskValueError, "2 of 4 numbers"),
        (u.Quantity([[0, 1]], "deg", dtype=int), 1, MaskTypeError, "no unit"),
    ],
)
def test_what_is_no_moc(ranges: object, order: int, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        mx.Moc(ranges, order)


def test_writing_takes_either_a_grid_or_a_format(tmp_path: object) -> None:
    moc = mx.Moc([[0, 4]], order=1)
    with pytest.raises(MaskTypeError, match="chunks"):
        moc.write(f"{tmp_path}/m.fits", chunks=100)
    with pytest.raises(MaskTypeError, match="packing"):
        moc.write(f"{tmp_path}/m.fits", mx.WcsGeom.allsky(binsz=10), packing="range")
    with pytest.raises(MaskTypeError, match="mocpy"):
        mx.Moc.from_mocpy([[0, 4]])


def test_a_moc_among_regions() -> None:
    """Region takes it as one of its shapes: alone, in a list, in whatever else a region may be."""
    moc, disk = scattered(4, 20), mx.Region("icrs;circle(40, 20, 15)")
    region = mx.Region(moc)
    assert isinstance(region, mx.Region)
    assert region != moc
    assert mx.loads(mx.dumps(region)) == region == pickle.loads(pickle.dumps(region)) == copy.deepcopy(region)
    assert hash(region.shape) == hash(mx.Region(moc).shape)
    assert region.shape != mx.Region(mx.Moc(moc.ranges, 5)).shape
    assert region.shape != disk.shape
    both = mx.Region([moc, *disk.to_regions()])
    geom = mx.WcsGeom.allsky(binsz=3, proj="AIT", frame="galactic")
    for mask, expected in ((region, moc), (both, moc | disk), (both - region, (moc | disk) - moc)):
        assert (mask.on(geom).values == expected.on(geom).values).all()
        assert mask.to_moc(6) == expected.to_moc(6)
    there = SkyCoord(np.linspace(0, 359, 500), np.linspace(-90, 90, 500), unit="deg").galactic
    assert (region.contains(there) == moc.contains(there)).all()
    assert (both.contains(there) == (moc | disk).contains(there)).all()
    with pytest.raises(RegionError, match="sphere alone"):
        mx.Region(moc, metric="pixel")
    with pytest.raises(RegionError, match="MOC"):
        both.to_regions()
    with pytest.raises(MaskTypeError, match="a MOC"):
        mx.Region(mx.HpxGeom(order=3, frame="galactic"))


def test_recipes_name_the_file_or_say_the_ranges(tmp_path: Path) -> None:
    moc = scattered(7, 30)
    moc.write(tmp_path / "survey.json")
    mask = mx.Moc.read(tmp_path / "survey.json") - mx.Band(lat=("-5 deg", "5 deg"))
    mask.to_recipe(tmp_path / "by-path.yaml")
    assert "Moc: {path: survey.json}" in (tmp_path / "by-path.yaml").read_text()
    assert mx.Recipe.read(tmp_path / "by-path.yaml").mask == mask
    moc.to_recipe(tmp_path / "by-ranges.yaml")
    assert mx.Recipe.read(tmp_path / "by-ranges.yaml").mask == moc
    region = mx.Region(moc)
    region.to_recipe(tmp_path / "region.yaml", embed=True)
    assert mx.Recipe.read(tmp_path / "region.yaml").mask == region
