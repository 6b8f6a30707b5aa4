"""Covers by cells of random masks: what they promise, held against the mask at many positions."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.core.errors import (
    AxisError,
    FormatError,
    MaskTypeError,
    MaskValueError,
    NeedsGridError,
    OutputExistsError,
)
from maskexpr.grid.healpix.cells import cells_of, centres, vertices
from maskexpr.grid.healpix.lookup import Lookup
from maskexpr.grid.healpix.ranges import coarser, complement, of_cells, union
from maskexpr.sphere.vectors import lonlat, unit
from maskexpr.testing.masks import OPERATORS, STRATEGIES

ORDER = 3
NUMBER = 12 * 4**ORDER
# What has a meaning without a grid; data are read by one reader, whatever is asked of their values.
LEAVES = sorted(set(STRATEGIES) - {"axisrange", "boundary", "hysteresis"})
DATA = {"bits", "raster", "threshold"}


def positions(xyz: np.ndarray) -> SkyCoord:
    lon, lat = lonlat(xyz)
    return SkyCoord(lon, lat, unit="deg")


def everywhere(number: int = 20_000) -> np.ndarray:
    """Points all over the sky, and at and near the corners and centres of cells."""
    i = np.arange(number) + 0.5
    spread = unit(np.degrees(i * np.pi * (1 + 5**0.5)) % 360, np.degrees(np.arcsin(1 - 2 * i / number)))
    ids = np.arange(NUMBER)
    inside = 0.98 * vertices(ORDER, ids) + 0.02 * centres(ORDER, ids)[:, :, None]
    return np.concatenate([spread, (inside / np.linalg.norm(inside, axis=0)).reshape(3, -1)], axis=1)


POINTS = everywhere()
HOMES = cells_of(ORDER, POINTS)
CENTRES = positions(centres(ORDER, np.arange(NUMBER)))


def check_covers(mask: mx.Mask) -> None:
    """What inner, centre and outer covers of a mask promise."""
    inner, centre, outer = (mask.to_moc(ORDER, cover) for cover in ("inner", "centre", "outer"))
    assert centre == mx.Moc(of_cells(np.flatnonzero(mask.contains(CENTRES))), ORDER)
    assert (union(inner.ranges, centre.ranges) == centre.ranges).all()
    assert (union(centre.ranges, outer.ranges) == outer.ranges).all()
    selected = mask.contains(positions(POINTS))
    assert Lookup(outer.ranges, NUMBER).holding(HOMES[selected]).all(), "a cell is missing from outer"
    assert not Lookup(inner.ranges, NUMBER).holding(HOMES[~selected]).any(), (
        "a cell of inner is not in the mask"
    )
    flipped = ~mask
    for cover, dual in (("inner", outer), ("outer", inner), ("centre", centre)):
        assert flipped.to_moc(ORDER, cover) == mx.Moc(complement(dual.ranges, NUMBER), ORDER)


@pytest.mark.parametrize("tag", LEAVES)
def test_leaves(tag: str) -> None:
    @seed(zlib.crc32(tag.encode()))
    @settings(max_examples=15 if tag in DATA else 40, suppress_health_check=list(HealthCheck))
    @given(STRATEGIES[tag])
    def hold(mask: mx.Mask) -> None:
        check_covers(mask)

    hold()


GROWN = {
    "catalogue": mx.Catalog(SkyCoord([10, 200, 83.6], [89.5, -40, 22], unit="deg"), [3, 20, 150] * u.deg),
    "circle": mx.Region("icrs;circle(300, -88, 7)"),
    "union": mx.Region("galactic;circle(0, 0, 2);box(0, 3, 8, 2, 30);polygon(10, 10, 40, 15, 30, 50)")
    | mx.Band(lat=("40 deg", "50 deg"), lon=("350 deg", "20 deg")),
}


@pytest.mark.parametrize("radius", [0.5, 12.0, 100.0])
@pytest.mark.parametrize("which", GROWN)
def test_dilations(which: str, radius: float) -> None:
    grown = GROWN[which].dilate(radius * u.deg)
    check_covers(grown)
    check_covers(~grown.dilate("1 deg") | mx.Band(lat=("-20 deg", "20 deg")))


def operators_of_covers() -> st.SearchStrategy[mx.Mask]:
    leaves = st.one_of([STRATEGIES[tag] for tag in ("catalog", "region", "band", "moc")])
    names = ("or", "and", "xor", "not")
    return st.recursive(leaves, lambda of: st.one_of([OPERATORS[name](of) for name in names]), max_leaves=6)


@settings(max_examples=50, suppress_health_check=list(HealthCheck))
@given(operators_of_covers())
def test_algebra(mask: mx.Mask) -> None:
    check_covers(mask)


TILTED = mx.WcsGeom.create(skydir=(33, 52), npix=(12, 15), binsz=3.3, proj="TAN", frame="galactic")
SHARP = {
    "circles": mx.Catalog(
        SkyCoord(np.linspace(0, 350, 40), np.linspace(-89, 89, 40), unit="deg"),
        np.linspace(0.2, 5, 40) * u.deg,
    ),
    "wide circle": mx.Region("icrs;circle(123, 45, 130)"),
    "annulus": mx.Region("galactic;annulus(0, 85, 3, 8)"),
    "ellipses": mx.Region(
        "icrs;" + ";".join(f"ellipse({x}, {x / 5 - 36}, 4, 1, {x})" for x in range(0, 360, 9))
    ),
    "polygon": mx.Region("icrs;polygon(350, -30, 20, -30, 25, 10, 5, -5, 355, 40)"),
    "band": mx.Band(lon=("170 deg", "200 deg"), lat=("-50 deg", "80 deg"), frame="galactic"),
    "difference": mx.Region("icrs;circle(40, 0, 20);-box(40, 0, 20, 5, 30)"),
    "grown": mx.Region("icrs;box(280, 70, 20, 5, 30)").dilate("3 deg"),
    "data": mx.Raster((np.random.default_rng(3).random((15, 12)) < 0.4, TILTED), True),
}


@pytest.mark.parametrize("which", SHARP)
def test_outer_and_inner_are_tight(which: str) -> None:
    """Cells that hold the centre of a far smaller cell that is in are certainly outer ones; there are hardly
    more.
    """
    mask, order, deep = SHARP[which], 5, 10
    certain = coarser(mask.to_moc(deep).ranges, deep - order, whole=False)
    outer = mask.to_moc(order, "outer").ranges
    assert (union(certain, outer) == outer).all()
    assert count(outer) <= 1.03 * count(certain) + 1
    possible = coarser(mask.to_moc(deep).ranges, deep - order, whole=True)
    inner = mask.to_moc(order, "inner").ranges
    assert (union(inner, possible) == possible).all()
    assert count(inner) >= 0.97 * count(possible) - 4


def count(ranges: np.ndarray) -> int:
    return int((ranges[:, 1] - ranges[:, 0]).sum())


def test_deepest_order() -> None:
    disk = mx.Region("icrs;circle(200, -70, 0.004 arcsec)".replace("0.004 arcsec", '0.004"'))
    inner, centre, outer = (disk.to_moc(29, cover) for cover in ("inner", "centre", "outer"))
    area = np.pi * 0.004**2 / (4 * np.pi * np.degrees(1) ** 2 * 3600**2 / (12 << 58))
    assert count(inner.ranges) < count(centre.ranges) < count(outer.ranges)
    assert count(centre.ranges) == pytest.approx(area, abs=4 * np.sqrt(area))
    assert disk.contains(positions(centres(29, centre.ranges[:, 0]))).all()


def test_whole_and_empty_sky() -> None:
    for order in (0, 3, 29):
        for cover in ("inner", "centre", "outer"):
            assert mx.AllSky().to_moc(order, cover) == mx.Moc([[0, 12 << 2 * order]], order)
            assert mx.NoSky().to_moc(order, cover) == mx.Moc([], order)
    everything = mx.Catalog(SkyCoord([1, 181], [0, 0], unit="deg"), "91 deg")
    assert everything.to_moc(3, "inner").sky_fraction == 1
    nothing = mx.Catalog(SkyCoord([], [], unit="deg"), "1 deg")
    assert nothing.to_moc(6, "outer") == mx.Moc([], 6)


def test_a_small_set_within_a_cell_is_in_outer_alone() -> None:
    disk = mx.Region("icrs;circle(44.2, 1.1, 0.01)")
    assert disk.to_moc(3, "inner").ranges.tolist() == disk.to_moc(3).ranges.tolist() == []
    home = int(cells_of(3, unit(np.array([44.2]), np.array([1.1])))[0])
    assert disk.to_moc(3, "outer").ranges.tolist() == [[home, home + 1]]


MAP = mx.WcsGeom.allsky(binsz=10)
DISK = mx.Region("icrs;circle(0, 0, 20)")


@pytest.mark.parametrize(
    "mask",
    [
        mx.Boundary("2 deg"),
        DISK & mx.Boundary("2 deg"),
        mx.RemoveSmall(DISK, "4 deg2"),
        mx.FillHoles(DISK),
        mx.Region("icrs;point(3, 4)"),
        DISK | mx.Region("icrs;line(3, 4, 20, 30)"),
        mx.Region("image;circle(3, 4, 2)", metric="pixel"),
        DISK.dilate(3 * u.pix, metric="pixel"),
        DISK.dilate("2 deg", kernel="box"),
        DISK.erode("2 deg"),
        (~DISK).dilate("2 deg"),
        DISK.open("2 deg"),
        mx.Hysteresis((np.zeros(MAP.shape), MAP), 1, 2),
        mx.AxisRange("energy", "1 GeV", "2 GeV"),
        mx.Catalog(SkyCoord([1], [2], unit="deg"), [[1, 2]] * u.deg),
    ],
    ids=repr,
)
def test_what_needs_a_grid_says_so(mask: mx.Mask) -> None:
    for cover in ("centre", "outer"):
        with pytest.raises((NeedsGridError, AxisError)):
            mask.to_moc(4, cover)


def test_arguments() -> None:
    for order in (-1, 30, 2.5, True, "3"):
        with pytest.raises(MaskValueError, match="order"):
            DISK.to_moc(order)
    with pytest.raises(MaskValueError, match="'inner'"):
        DISK.to_moc(3, "all")


SOUTH = mx.Region("icrs;circle(123, -45, 30)")


def test_written_on_a_grid_it_is_the_centre_cover(tmp_path: Path) -> None:
    path = SOUTH.write(tmp_path / "south.moc.fits", mx.HpxGeom(order=5))
    assert mx.Moc.read(path) == SOUTH.to_moc(5)
    # The complement of a grid's part has nothing beyond it.
    part = mx.HpxGeom(order=5, cells=mx.Moc([[2, 3]], 0))
    (~SOUTH).write(path, part, overwrite=True)
    expected = np.flatnonzero((~SOUTH).on(part).values) + (2 << 10)
    assert mx.Moc.read(path) == mx.Moc(of_cells(expected), 5)
    with pytest.raises(OutputExistsError):
        SOUTH.write(path, part)


def test_what_needs_a_grid_is_written_as_it_is_there(tmp_path: Path) -> None:
    part = mx.HpxGeom(order=4, cells=mx.Moc([[6, 12]], 0))
    for mask in (SOUTH.erode("8 deg"), mx.Boundary("10 deg"), (~SOUTH).remove_small("40 deg2")):
        path = mask.write(tmp_path / "m.moc.fits", part, overwrite=True)
        selected = np.flatnonzero(mask.on(part).values)
        assert 0 < len(selected) < part.array_shape[0]
        assert mx.Moc.read(path) == mx.Moc(of_cells(selected + (6 << 8)), 4)


@pytest.mark.parametrize(
    "geom",
    [
        mx.WcsGeom.allsky(binsz=10),
        mx.HpxGeom(order=3, frame="galactic"),
        mx.HpxGeom(order=3, axes=[mx.Axis("energy", [1, 2, 3] * u.TeV)]),
    ],
    ids=["wcs", "galactic", "axes"],
)
def test_a_moc_is_of_healpix_cells_in_icrs(tmp_path: Path, geom: Any) -> None:
    with pytest.raises(MaskTypeError, match="to_moc"):
        SOUTH.write(tmp_path / "south.moc.fits", geom)
    assert not list(tmp_path.iterdir())


def test_options_of_tiles_do_not_apply(tmp_path: Path) -> None:
    for option in ({"chunks": 8}, {"memory_limit": "1 GB"}):
        with pytest.raises(MaskTypeError, match="one piece"):
            SOUTH.write(tmp_path / "south.moc.fits", mx.HpxGeom(order=3), **option)


def test_who_reads_a_moc_as_a_map_is_told(tmp_path: Path) -> None:
    path = SOUTH.to_moc(4).write(tmp_path / "south.fits", packing="range")
    for read in (mx.read_mask, mx.read_map):
        with pytest.raises(FormatError, match=r"Moc\.read"):
            read(path)


CELLS = {
    "of the covers' order": mx.HpxGeom(order=ORDER),
    "larger": mx.HpxGeom(order=1),
    "smaller": mx.HpxGeom(order=5),
    "of another frame": mx.HpxGeom(order=4, frame="galactic"),
    "of a part": mx.HpxGeom(order=4, cells=[[100, 900], [2000, 2001]]),
    "of a part in another frame": mx.HpxGeom(order=3, frame="galactic", cells=[[0, 300], [400, 401]]),
}


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("which", CELLS)
def test_data_on_cells(which: str, outside: bool) -> None:
    """Steps on their own cells: lumps, so that there are inner cells, and noise."""
    geom = CELLS[which]
    lumps = mx.Region("icrs;circle(10, 40, 30);circle(200, -70, 25)").compute(geom).values
    noise = np.random.default_rng(3).random(geom.shape) < 0.05
    check_covers(mx.Raster((lumps ^ noise, geom), outside))
    check_covers(mx.Threshold((lumps + 2.0 * noise, geom), ">", 1.5, outside=outside))
