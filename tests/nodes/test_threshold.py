"""Masks from the values of a map: on its own grid, on others, at positions, from files read by windows."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from maskexpr.compile.classify import classify
from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.core.coverage import EMPTY, FULL, MIXED
from maskexpr.core.trace import tracing
from maskexpr.errors import AxisError, MaskTypeError, MaskValueError, NeedsGridError
from maskexpr.expr.mask import Mask
from maskexpr.expr.serialize import dumps, loads
from maskexpr.grid.axis import Axis
from maskexpr.grid.points import Points
from maskexpr.grid.tiles import ON, Tile, Tiles
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.io.sources import ArraySource, FileSource
from maskexpr.io.xarray import wrap
from maskexpr.maps.leaf import same_axis
from maskexpr.nodes.band import Band
from maskexpr.nodes.threshold import Threshold
from maskexpr.pixels.window import Window

RNG = np.random.default_rng(7)
COMPARE = {
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
ENERGY = Axis("energy", [1, 10, 100, 1000] * u.GeV, interp="log")


def whole(geom: WcsGeom) -> Window:
    ny, nx = geom.image_shape
    return Window(0, ny, 0, nx)


def on(mask: Mask, geom: WcsGeom, window: Window | None = None, plane: tuple[int, ...] = ()) -> np.ndarray:
    return evaluate(mask, Tile(geom, window or whole(geom), plane))


def rotated() -> WcsGeom:
    """Rotated by 30 degrees, with pixels of 0.5 by 0.9 deg, and mirrored."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval, wcs.wcs.crpix, wcs.wcs.cdelt = [40, 55], [11.3, 8.8], [0.5, 0.9]
    c, s = np.cos(np.pi / 6), np.sin(np.pi / 6)
    wcs.wcs.pc = [[c, -s], [s, c]]
    return WcsGeom(wcs, (17, 23))


GRIDS = {
    "tan": WcsGeom.create(skydir=(40, 55), npix=(23, 17), binsz=0.7, proj="TAN"),
    "rotated": rotated(),
    "pole": WcsGeom.create(skydir=(10, 90), npix=(21, 22), binsz=1.3, proj="ZEA"),
    "seam": WcsGeom.create(skydir=(0, 0), npix=(30, 21), binsz=0.9),
    "all": WcsGeom.allsky(binsz=7.5),
    "all galactic": WcsGeom.allsky(binsz=6, frame="galactic"),
    "aitoff": WcsGeom.allsky(binsz=6, proj="AIT", frame="galactic"),
    "healpix": WcsGeom.allsky(binsz=5, proj="HPX"),
    "one": WcsGeom.create(skydir=(40, 55), npix=(1, 1), binsz=4, proj="TAN"),
    "oblong": WcsGeom.create(skydir=(359.9, -80), npix=(40, 9), binsz=(1.0, 2.5), proj="SIN"),
}


@pytest.mark.parametrize("op", COMPARE)
@pytest.mark.parametrize("dtype", ["f8", "f4", "i2", "u1", "?"])
def test_own_grid_is_a_slice(op: str, dtype: str) -> None:
    geom = GRIDS["tan"]
    data = RNG.integers(0, 4, geom.shape).astype(dtype)
    assert_array_equal(on(Threshold((data, geom), op, 1), geom), COMPARE[op](data, 1))


@given(st.sampled_from(list(GRIDS)), st.tuples(*[st.integers(-9, 40)] * 4), st.booleans(), st.integers(0, 5))
def test_same_lattice(name: str, ends: tuple[int, ...], outside: bool, moved: int) -> None:
    """Any window, inside the map or beyond it, of the map or of a padding of it."""
    geom = GRIDS[name]
    data = np.random.default_rng(1).random(geom.shape)
    window = Window(*sorted(ends[:2]), *sorted(ends[2:]))
    if not window.size:
        return
    target = geom.pad(moved)
    found = on(Threshold((data, geom), ">", 0.5, outside=outside), target, window.shift(moved, moved))
    padded = np.pad(data > 0.5, 60, constant_values=outside)
    expected = padded[60 + window.y0 : 60 + window.y1, 60 + window.x0 : 60 + window.x1]
    lon, _ = geom.lonlat(*np.mgrid[window.y0 : window.y1, window.x0 : window.x1])
    assert_array_equal(found, expected & np.isfinite(lon))


def by_wcs(grid: WcsGeom, data: np.ndarray, sky: SkyCoord, outside: bool) -> tuple[np.ndarray, np.ndarray]:
    """Values by astropy alone, and where rounding does not decide."""
    there = sky.transform_to(grid.frame).spherical
    x, y = grid.wcs.wcs_world2pix(there.lon.deg, there.lat.deg, 0)
    if grid.period:
        x = (x + 0.5) % grid.period - 0.5
    clear = (np.abs(x - np.floor(x) - 0.5) > 1e-6) & (np.abs(y - np.floor(y) - 0.5) > 1e-6) | ~np.isfinite(
        x + y
    )
    with np.errstate(invalid="ignore"):
        iy, ix = (np.nan_to_num(np.floor(v + 0.5), nan=-1).astype(int) for v in (y, x))
    ny, nx = grid.image_shape
    inside = (iy >= 0) & (iy < ny) & (ix >= 0) & (ix < nx)
    # What lies behind the horizon is mirrored by some projections.
    back = SkyCoord(
        *grid.wcs.wcs_pix2world(np.where(inside, x, 0), np.where(inside, y, 0), 0),
        unit="deg",
        frame=grid.frame,
    )
    with np.errstate(invalid="ignore"):
        inside &= sky.transform_to(grid.frame).separation(back).deg < 0.1
    return np.where(inside, data[np.where(inside, iy, 0), np.where(inside, ix, 0)] > 0.5, outside), clear


@pytest.mark.parametrize("target", GRIDS)
@pytest.mark.parametrize("source", GRIDS)
def test_other_grid_against_wcs(source: str, target: str) -> None:
    grid, geom = GRIDS[source], GRIDS[target]
    data = np.random.default_rng(3).random(grid.shape)
    for outside in (False, True):
        mask = Threshold((data, grid), ">", 0.5, outside=outside)
        found = on(mask, geom)
        if source == target:  # a slice, even where a position has two pixels
            break
        lon, lat = geom.lonlat(*np.indices(geom.image_shape))
        sky = np.isfinite(lon)
        expected, clear = by_wcs(
            grid, data, SkyCoord(lon[sky], lat[sky], unit="deg", frame=geom.frame), outside
        )
        assert_array_equal(found[sky][clear], expected[clear])
        assert not found[~sky].any()
        assert clear.mean() > 0.4  # the seam grid has borders on many centres of the coarse all-sky one


@pytest.mark.parametrize("source", ["tan", "rotated", "pole"])
def test_other_grid_against_separation(source: str) -> None:
    """The pixel that holds a position is, but near its corners, the one whose centre is nearest."""
    grid = GRIDS[source]
    data = np.arange(float(np.prod(grid.shape))).reshape(grid.shape)
    centres = SkyCoord(*(v.ravel() for v in grid.lonlat(*np.indices(grid.image_shape))), unit="deg")
    ny, nx = grid.image_shape
    y, x = RNG.integers(1, ny - 1, 300), RNG.integers(1, nx - 1, 300)
    lon, lat = grid.lonlat(y + RNG.uniform(-0.3, 0.3, 300), x + RNG.uniform(-0.3, 0.3, 300))
    positions = SkyCoord(lon, lat, unit="deg").galactic
    nearest = np.argmin(positions[:, None].separation(centres[None, :]).deg, axis=1)
    for threshold in (50.5, 200.5):
        mask = Threshold((data, grid), ">", threshold)
        found = Evaluator(mask).run(mask, Points.from_sky(positions))
        assert_array_equal(found, nearest > threshold)


@pytest.mark.parametrize("source", GRIDS)
def test_tiles_pixels_and_points_agree(source: str) -> None:
    """A pixel's value is the same whatever it is asked with."""
    data = np.random.default_rng(5).random(GRIDS[source].shape)
    mask = Threshold((data, GRIDS[source]), "<", 0.4, outside=True)
    for name, geom in GRIDS.items():
        tile = Tile(geom, whole(geom).pad(2))
        expected = evaluate(mask, tile)
        every = tile.all_pixels()
        assert_array_equal(Evaluator(mask).run(mask, every).reshape(tile.shape), expected, err_msg=name)
        if name != source:
            parts = [evaluate(mask, tiles) for tiles in halves(tile)]
            assert_array_equal(np.concatenate(parts, axis=0), expected)


def halves(tile: Tile) -> Iterator[Tile]:
    y0, y1, x0, x1 = tile.window
    yield tile.on(Window(y0, y0 + 3, x0, x1))
    yield tile.on(Window(y0 + 3, y1, x0, x1))


@pytest.mark.parametrize("source", GRIDS)
@pytest.mark.parametrize("target", ["tan", "all", "aitoff", "healpix", "fine"])
def test_coverage_keeps_its_promises(source: str, target: str) -> None:
    grid = GRIDS[source]
    geom = WcsGeom.allsky(binsz=1.5) if target == "fine" else GRIDS[target]
    mask = Threshold((np.ones(grid.shape), grid), ">", 0.5, outside=False)
    tiles, _ = Tile(geom, whole(geom)).tiles.split(4)
    cover = classify(mask, tiles)
    truth = on(mask, geom)
    for i in np.flatnonzero(cover != MIXED):
        y0, y1, x0, x1 = tiles.bounds[:, i]
        assert cover[i] == EMPTY
        assert not truth[y0:y1, x0:x1].any()
    flipped = Threshold((np.ones(grid.shape), grid), ">", 0.5, outside=True)
    everywhere = classify(flipped, tiles) == FULL
    assert np.all(cover[everywhere] == EMPTY)
    assert_array_equal(everywhere[tiles.sky == ON], (cover == EMPTY)[tiles.sky == ON])
    if (source, target) in {("tan", "fine"), ("rotated", "all"), ("one", "fine")}:
        assert (cover == EMPTY).mean() > 0.8


def test_grids_that_are_multiples_share_borders() -> None:
    """Centres on the border of data pixels go the same way everywhere: no fringes."""
    fine = WcsGeom.create(skydir=(83.1, 21.7), npix=(40, 30), binsz=0.1, proj="CAR", frame="galactic")
    coarse = WcsGeom.create(skydir=(83.1, 21.7), npix=(19, 13), binsz=0.2, proj="CAR", frame="galactic")
    shares = []
    for i, j in np.ndindex(2, 2):
        data = np.zeros(fine.shape)
        data[i::2, j::2] = 1
        shares.append(on(Threshold((data, fine), ">", 0.5), coarse).mean())
    assert sorted(shares) == [0, 0, 0, 1]


def test_pole_and_seam_at_bare_positions() -> None:
    """Every position belongs to a pixel of an all-sky map, the poles and the seam too."""
    geom = WcsGeom.allsky(binsz=1)
    mask = Threshold((np.ones(geom.shape), geom), ">", 0)
    lon = np.concatenate([np.linspace(0, 360, 73), np.full(5, 180.0), [180 - 1e-12, 180 + 1e-12]])
    for lat in (-90, -89.5, 0, 1e-13, 45, 90):
        points = Points.from_sky(SkyCoord(lon, np.full(len(lon), lat), unit="deg"))
        assert Evaluator(mask).run(mask, points).all(), lat


# ---- NaN


def with_nan() -> tuple[np.ndarray, WcsGeom]:
    geom = GRIDS["tan"]
    data = np.random.default_rng(0).random(geom.shape)
    data[3, 4] = data[8:10, 11] = np.nan
    return data, geom


@pytest.mark.parametrize("op", COMPARE)
@pytest.mark.parametrize("nan", [False, True])
def test_nan_is_the_declared_value(op: str, nan: bool) -> None:
    data, geom = with_nan()
    found = on(Threshold((data, geom), op, 0.5, nan=nan), geom)
    assert_array_equal(found, np.where(np.isnan(data), nan, COMPARE[op](data, 0.5)))


def test_not_of_nan_is_not_the_other_comparison() -> None:
    data, geom = with_nan()
    above = Threshold((data, geom), ">", 0.5, nan=False)
    below = Threshold((data, geom), "<=", 0.5, nan=False)
    assert on(~above, geom)[3, 4]
    assert not on(below, geom)[3, 4]
    assert (~above).simplify() != below
    assert_array_equal(on(~above, geom) ^ on(below, geom), np.isnan(data))


def test_nan_raises_where_it_is() -> None:
    data, geom = with_nan()
    mask = Threshold((data, geom), ">", 0.5, nan="raise")
    on(mask, geom, Window(0, 3, 0, 23))
    lon, lat = (float(v) for v in geom.lonlat(3, 4))
    with pytest.raises(MaskValueError) as caught:
        on(mask, geom)
    for words in ("Threshold(", f"lon {lon:.6g}, lat {lat:.6g}", "y=3, x=4", "Window(y0=0", "nan=False"):
        assert words in str(caught.value)
    other = WcsGeom.create(skydir=(lon, lat), npix=(1, 1), binsz=0.01)
    with pytest.raises(MaskValueError, match="y=3, x=4"):
        on(mask, other)
    on(mask, WcsGeom.create(skydir=(200, 0), npix=(3, 3), binsz=0.01))


def test_nan_off_the_sky_is_nobodys() -> None:
    geom = GRIDS["aitoff"]
    lon, _ = geom.lonlat(*np.indices(geom.image_shape))
    data = np.where(np.isfinite(lon), 1.0, np.nan)
    assert np.isnan(data).any()
    mask = Threshold((data, geom), ">", 0.5, nan="raise")
    assert_array_equal(on(mask, geom), np.isfinite(lon))
    assert not on(Threshold((data, geom), ">", 2, nan=True), geom).any()


# ---- files


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Window, tuple[int, ...]]]:
    """The windows that are read from files."""
    seen: list[tuple[Window, tuple[int, ...]]] = []
    original = FileSource.read

    def read(self: FileSource, window: Window, plane: tuple[int, ...] = ()) -> np.ndarray:
        seen.append((window, plane))
        return original(self, window, plane)

    monkeypatch.setattr(FileSource, "read", read)
    return seen


def write_fits(path: Path, data: np.ndarray, geom: WcsGeom, unit: str = "") -> Path:
    header = geom.to_header()
    if unit:
        header["BUNIT"] = unit
    fits.PrimaryHDU(data, header).writeto(path)
    return path


def write_zarr(path: Path, data: np.ndarray, geom: WcsGeom, side: int) -> Path:
    pytest.importorskip("zarr")
    array = wrap(da.from_array(data, chunks=side), geom, "map")
    array.to_dataset().to_zarr(path, zarr_format=3, consolidated=False)
    return path


@pytest.mark.parametrize("kind", ["fits", "zarr"])
def test_files_equal_arrays(kind: str, tmp_path: Path) -> None:
    grid = GRIDS["tan"]
    data = RNG.random(grid.shape)
    path = tmp_path / f"map.{kind}"
    write_fits(path, data, grid) if kind == "fits" else write_zarr(path, data, grid, 5)
    mask = Threshold(path, ">", 0.5)
    for geom in GRIDS.values():
        assert_array_equal(on(mask, geom), on(Threshold((data, grid), ">", 0.5), geom))


def test_region_and_threshold_reads_the_region_only(
    tmp_path: Path, reads: list[tuple[Window, tuple[int, ...]]]
) -> None:
    geom = WcsGeom.create(skydir=(30, 0), npix=(240, 240), binsz=0.1)
    data = RNG.random(geom.shape)
    mask = Threshold(write_fits(tmp_path / "map.fits", data, geom), ">", 0.5) & Band(
        lat=("0.5 deg", "3.9 deg")
    )
    tiles, _ = Tile(geom, whole(geom)).tiles.split(40)
    assert reads == []
    found = np.zeros(geom.shape, dtype=bool)
    cover = classify(mask, tiles)
    for i in range(len(tiles)):
        y0, y1, x0, x1 = tiles.bounds[:, i]
        if cover[i] == MIXED:
            found[y0:y1, x0:x1] = evaluate(mask, tiles.tile(i))
    lat = geom.lat_of(np.arange(240))
    rows = (lat > 0.5) & (lat < 3.9)
    assert_array_equal(found, (data > 0.5) & rows[:, None])
    # Rows 125 to 158 are in one row of six tiles; of these no other row is read.
    assert sorted(w for w, _ in reads) == [Window(125, 159, x, x + 40) for x in range(0, 240, 40)]


@pytest.mark.parametrize("kind", ["fits", "zarr"])
def test_reads_are_counted(kind: str, tmp_path: Path) -> None:
    grid = WcsGeom.create(npix=(20, 15), binsz=0.1)
    data = RNG.random(grid.shape)
    path = tmp_path / f"map.{kind}"
    write_fits(path, data, grid) if kind == "fits" else write_zarr(path, data, grid, 5)
    with tracing() as counts:
        evaluate(Threshold(path, ">", 0.5), Tile(grid, Window(4, 6, 0, 11)))
    # Rows 4 and 5 are in two rows of chunks of five, columns 0 to 10 in three columns of them.
    assert (counts["reads"], counts["chunks_read"]) == (1, 6 if kind == "zarr" else 1)
    with tracing() as counts:
        evaluate(Threshold((data, grid), ">", 0.5), Tile(grid, Window(4, 6, 0, 11)))
    assert (counts["reads"], counts["chunks_read"]) == (1, 0)


def test_a_large_array_is_told_by_type_shape_and_values() -> None:
    geom = WcsGeom.create(npix=(1100, 1100), binsz=0.01)
    data = RNG.random(geom.shape)
    token = ArraySource(data, geom).fingerprint
    for same in (np.asfortranarray(data), data.astype(">f8")):
        assert ArraySource(same, geom).fingerprint == token
    other = {"type": data.view(np.int64), "order": data[::-1], "transposed": data.T}
    for place in ((0, 0), (550, 3), (-1, -1)):
        changed = data.copy()
        changed[place] = np.nextafter(changed[place], 2)
        other[str(place)] = changed
    tokens = [ArraySource(each, geom).fingerprint for each in other.values()]
    assert len({token, *tokens}) == len(other) + 1


def test_other_grid_reads_what_it_needs(tmp_path: Path, reads: list[tuple[Window, tuple[int, ...]]]) -> None:
    """Scattered pixels: each stored chunk once, and of it no more than the pixels need."""
    grid = WcsGeom.allsky(binsz=1)
    data = RNG.random(grid.shape)
    mask = Threshold(write_zarr(tmp_path / "map.zarr", data, grid, 60), ">", 0.5)
    seam = WcsGeom.create(skydir=(180, 0), npix=(20, 20), binsz=0.5, frame="icrs", proj="TAN")
    assert_array_equal(on(mask, seam), on(Threshold((data, grid), ">", 0.5), seam))
    # The seam and the equator: a corner of four chunks of 60 x 60, two on either side of the map.
    assert 2 <= len(reads) <= 4
    assert len(set(reads)) == len(reads)
    assert sum(w.size for w, _ in reads) <= 12 * 12
    reads.clear()
    assert not on(mask & Band(lat=("50 deg", "60 deg")), seam).any()
    assert reads == []


def test_missing_file_is_told_when_it_is_planned(tmp_path: Path) -> None:
    mask = Threshold(tmp_path / "nothing.fits", ">", 1)
    assert "nothing.fits" in repr(mask)
    with pytest.raises(FileNotFoundError, match=r"nothing\.fits"):
        mask.check(GRIDS["tan"])


# ---- cubes


def test_cube_planes_go_by_name() -> None:
    image = GRIDS["tan"]
    offset = Axis("offset", [0, 1, 2] * u.deg)
    cube = image.to_cube([ENERGY])
    data = RNG.random(cube.shape)
    mask = Threshold((data, cube), ">", 0.5)
    assert mask.axes() == {"energy"}
    target = image.to_cube([offset, ENERGY])
    for plane in ((0, 2), (1, 0)):
        assert_array_equal(on(mask, target, plane=plane), data[plane[1]] > 0.5)
        other = GRIDS["pole"].to_cube([ENERGY])
        expected = on(Threshold((data[plane[1]], image), ">", 0.5), GRIDS["pole"])
        assert_array_equal(on(mask, other, plane=plane[1:]), expected)


def test_image_on_a_cube_is_the_same_on_every_plane() -> None:
    geom = GRIDS["tan"]
    data = RNG.random(geom.shape)
    mask = Threshold((data, geom), ">", 0.5)
    assert mask.axes() == frozenset()
    for plane in range(3):
        assert_array_equal(on(mask, geom.to_cube([ENERGY]), plane=(plane,)), data > 0.5)


def test_axes_must_agree() -> None:
    cube = GRIDS["tan"].to_cube([ENERGY])
    mask = Threshold((np.ones(cube.shape), cube), ">", 0)
    with pytest.raises(AxisError, match=r"to_cube"):
        mask.check(GRIDS["tan"])
    other = Axis("energy", [1, 10, 100, 2000] * u.GeV)
    with pytest.raises(AxisError) as caught:
        mask.check(GRIDS["tan"].to_cube([other]))
    assert "1000" in str(caught.value)
    assert "2000" in str(caught.value)
    with pytest.raises(AxisError, match="differ"):
        mask.check(GRIDS["tan"].to_cube([Axis("energy", [1, 2, 3, 4] * u.m)]))
    # Tables in files hold float32, and in another unit.
    mask.check(GRIDS["tan"].to_cube([Axis("energy", np.float32([1e-3, 1e-2, 0.1, 1]) * u.TeV)]))
    with pytest.raises(NeedsGridError, match="energy"):
        Evaluator(mask).run(mask, Points.from_sky(SkyCoord(40, 55, unit="deg")))


@pytest.mark.parametrize(
    ("edges", "same", "other"),
    [
        # Days since 1858: a part of a million of them is an hour and a half.
        ([58000, 58000.01, 58000.02], [58000 + 2e-9, 58000.01, 58000.02], [58000.02, 58000.03, 58000.04]),
        ([58000, 58000.01, 58000.02], [58000, 58000.01, 58000.02], [58000.001, 58000.011, 58000.021]),
        ([58000, 58001, 58002], np.float32([58000, 58001, 58002]) + 0.003, [58000.05, 58001.05, 58002.05]),
        # Seconds since 2001.
        ([6e8, 6e8 + 100, 6e8 + 200], [6e8, 6e8 + 100, 6e8 + 200], [6e8 + 200, 6e8 + 300, 6e8 + 400]),
        ([0.1, 0.7, 3], np.float32([0.1, 0.7, 3]), [0.1, 0.701, 3]),
    ],
)
def test_edges_are_compared_by_the_widths_of_bins(edges: Any, same: Any, other: Any) -> None:
    mine = Axis("time", edges * u.d)
    assert same_axis(mine, Axis("time", np.asarray(same, dtype=float) * u.d))
    assert same_axis(mine, Axis("time", mine.edges.to("s")))
    assert not same_axis(mine, Axis("time", other * u.d))


# ---- what users give


def test_unit_of_the_value(tmp_path: Path) -> None:
    geom = GRIDS["tan"]
    data = RNG.random(geom.shape) * 1000
    expected = data > 300
    for source in (
        wrap(data, geom, attrs={"units": "pc"}),
        write_fits(tmp_path / "map.fits", data, geom, unit="pc"),
        (data * u.pc, geom),
    ):
        assert_array_equal(on(Threshold(source, ">", 0.3 * u.kpc), geom), expected)
        assert_array_equal(on(Threshold(source, ">", 300), geom), expected)
        with pytest.raises(MaskValueError, match="'pc'"):
            Threshold(source, ">", 3 * u.s)
    with pytest.raises(MaskValueError, match="''"):
        Threshold((data, geom), ">", 3 * u.s)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"op": "=>"}, "op must be one of"),
        ({"op": "is"}, "op must be one of"),
        ({"nan": "keep"}, "nan must be"),
        ({"nan": 0}, "nan must be"),
        ({"value": np.nan}, "NaN"),
        ({"value": "high"}, "one number"),
        ({"value": [1, 2]}, "one number"),
        ({"outside": None}, "outside"),
        ({"data": 3}, "DataArray"),
        ({"data": np.ones((2, 2))}, "DataArray"),
        ({"data": (np.ones((2, 2)), GRIDS["tan"])}, "shape"),
    ],
)
def test_refused(change: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {"data": (np.ones((17, 23)), GRIDS["tan"]), "op": ">", "value": 1.0}
    with pytest.raises((MaskValueError, MaskTypeError, ValueError), match=words):
        Threshold(**(arguments | change))


def test_structure() -> None:
    geom = GRIDS["tan"]
    data = RNG.random(geom.shape)
    mask = Threshold((data, geom), ">", 0.5)
    assert mask == Threshold((data.copy(), geom), ">", 0.5)
    assert hash(mask) == hash(Threshold(wrap(data, geom), ">", 0.5))
    different = [
        Threshold((data + 1, geom), ">", 0.5),
        Threshold((data, geom), ">=", 0.5),
        Threshold((data, geom), ">", 0.4),
    ]
    different += [
        Threshold((data, geom), ">", 0.5, nan=True),
        Threshold((data, geom), ">", 0.5, outside=True),
    ]
    assert len({mask, *different}) == 1 + len(different)
    assert repr(mask) == "Threshold(float64 (17, 23) > 0.5)"
    again = pickle.loads(pickle.dumps(mask))
    assert again == mask
    assert_array_equal(on(again, geom), data > 0.5)


def test_array_is_not_changed_from_outside() -> None:
    geom = GRIDS["tan"]
    data = np.ones(geom.shape)
    mask = Threshold((data, geom), ">", 0.5)
    before = mask.digest
    data[...] = 0
    assert on(mask, geom).all()
    assert Threshold((np.ones(geom.shape), geom), ">", 0.5).digest == before


def test_saved_by_value_or_by_path(tmp_path: Path) -> None:
    geom = GRIDS["rotated"].to_cube([ENERGY])
    data = RNG.random(geom.shape).astype("f4")
    mask = Threshold((data, geom), "<=", 0.25, nan="raise", outside=True)
    again = loads(dumps(mask))
    assert again == mask
    assert_array_equal(on(again, geom, plane=(1,)), data[1] <= 0.25)
    path = write_fits(tmp_path / "map.fits", data[0], GRIDS["rotated"])
    by_path = ~Threshold((path, 0), "==", np.inf)
    assert loads(dumps(by_path)) == by_path
    assert "map.fits" in dumps(by_path)
    lazy = Threshold((da.from_array(data), geom), ">", 1)
    with pytest.raises(MaskTypeError, match="path"):
        dumps(lazy)


@pytest.mark.usefixtures("no_compute")
def test_building_computes_nothing() -> None:
    geom = GRIDS["tan"]
    lazy = wrap(da.random.default_rng(0).random(geom.shape, chunks=5), geom)
    mask = Threshold(lazy, ">", 0.5) & Band(lat=("50 deg", "54 deg"))
    assert "Threshold" in repr(mask)
    hash(mask)
    mask.check(geom)
    tiles, _ = Tile(geom, whole(geom)).tiles.split(5)
    classify(mask, tiles)


def test_lazy_data_compute_only_their_chunks() -> None:
    geom = GRIDS["tan"]
    data = RNG.random(geom.shape)
    seen: list[tuple[int, ...]] = []

    def load(block_id: tuple[int, ...]) -> np.ndarray:
        seen.append(block_id)
        y, x = (5 * i for i in block_id)
        return data[y : y + 5, x : x + 5]

    sizes = ((5, 5, 5, 2), (5, 5, 5, 5, 3))
    lazy = da.map_blocks(load, chunks=sizes, dtype=data.dtype, meta=np.empty((0, 0)))
    mask = Threshold((lazy, geom), ">", 0.5)
    assert_array_equal(on(mask, geom, Window(6, 9, 11, 19)), data[6:9, 11:19] > 0.5)
    assert set(seen) == {(1, 2), (1, 3)}
    seen.clear()
    finer = geom.cutout(geom.center_skydir, "1.4 deg").upsample(3)
    expected = on(Threshold((data, geom), ">", 0.5), finer)
    assert_array_equal(on(mask, finer), expected)
    assert len(seen) == len(set(seen)) <= 4


def test_tiles_batch_is_answered_in_one_go() -> None:
    geom = WcsGeom.create(skydir=(30, 0), npix=(1000, 1000), binsz=0.01)
    mask = Threshold((np.ones(geom.shape), geom), ">", 0)
    bounds = np.array([[-10, 0, 990, 1000], [0, 10, 1100, 1010], [5, 5, 5, 5], [6, 6, 6, 6]])
    cover = classify(mask, Tiles(geom, bounds))
    assert cover.tolist() == [EMPTY, MIXED, MIXED, EMPTY]


# ---- whole numbers


WIDE = {
    "int64": np.array([[2**53, 2**53 + 1, -(2**53) - 1]], dtype=np.int64),
    "uint64": np.array([[2**64 - 1, 2**64 - 2, 2**63]], dtype=np.uint64),
}


@pytest.mark.parametrize("op", COMPARE)
@pytest.mark.parametrize(
    ("dtype", "value"),
    [
        *(("int64", each) for each in (2**53, 2**53 + 1, float(2**53), -(2**53) - 1, 2**64, -0.5)),
        *(("uint64", each) for each in (2**64 - 1, np.uint64(2**64 - 2), 2**63, -1, 2**70)),
    ],
)
def test_integers_of_64_bits_are_compared_exactly(dtype: str, value: Any, op: Any, tmp_path: Path) -> None:
    """Python's own integers are the oracle; in float64 neighbours are one number."""
    geom = WcsGeom.create(npix=(3, 1), binsz=1)
    want = [[bool(COMPARE[op](int(each), int(value) if value != -0.5 else value)) for each in WIDE[dtype][0]]]
    assert_array_equal(on(Threshold((WIDE[dtype], geom), op, value), geom), want)
    path = tmp_path / "map.fits"
    fits.PrimaryHDU(WIDE["int64"], geom.to_header()).writeto(path)
    stored = Threshold(path, op, value)
    again = loads(dumps(stored))
    assert again == stored
    assert again.digest == stored.digest
    assert again.value == value


def test_a_unit_that_cannot_be_read_is_told() -> None:
    geom = WcsGeom.create(npix=(3, 1), binsz=1)
    data = wrap(da.from_array(np.ones((1, 3))), geom, "map")
    data.attrs["units"] = "furlongs per fortnight"
    with pytest.raises(MaskValueError, match="unit of the data, 'furlongs per fortnight', cannot be read"):
        Threshold(data, ">", 3 * u.m)


def test_a_number_is_one_number_however_it_is_typed(tmp_path: Path) -> None:
    geom = WcsGeom.create(npix=(3, 1), binsz=1)
    data = (WIDE["int64"], geom)
    fits.PrimaryHDU(WIDE["int64"], geom.to_header()).writeto(tmp_path / "map.fits")
    path = tmp_path / "map.fits"
    assert Threshold(path, ">", 5) == Threshold(path, ">", 5.0) == Threshold(path, ">", np.int16(5))
    assert Threshold(path, ">", 2**53) != Threshold(path, ">", 2**53 + 1)
    assert repr(Threshold(data, ">", 2**53 + 1)) == "Threshold(int64 (1, 3) > 9007199254740993)"
    with pytest.raises(MaskValueError, match="one number"):
        Threshold(data, ">", 10**400)
