"""Circles as runs of pixels: painting, and the analytic ends, bit for bit as pixel by pixel."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.circles import index as _circles
from maskexpr.circles import spans as _spans
from maskexpr.circles.spans import Disks, SpanIndex, Strip, circle_spans
from maskexpr.compile.compiled import compile_mask
from maskexpr.core import pieces as _pieces
from maskexpr.core.pieces import Pieces, neighbours_first
from maskexpr.grid.tiles import Tile, Tiles
from maskexpr.pixels.paint import paint_spans
from maskexpr.pixels.window import Window
from maskexpr.sphere.vectors import TIE, angle_between, lonlat, unit, within


def painted_slowly(out, row, start, stop):
    for y, a, b in zip(row, start, stop, strict=True):
        out[y, a:b] = True


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(
    ("height", "width", "window"),
    [
        (40, 700, (3, 31, 5, 690)),
        (6, 5000, (0, 6, 0, 5000)),
        (1, 1, (0, 1, 0, 1)),
        (5, 1, (1, 4, 0, 1)),
        (3, 131_073, (1, 2, 1, 131_072)),
        (9, 64, (8, 9, 61, 64)),
    ],
)
def test_runs_are_set_and_nothing_else(height, width, window, dtype):
    rng = np.random.default_rng(height)
    y0, y1, x0, x1 = window
    for most in (1, 3, 64, width):
        ny, nx = y1 - y0, x1 - x0
        row = rng.integers(ny, size=200).astype(dtype)
        length = np.minimum(rng.integers(1, most + 1, 200), nx)
        start = rng.integers(0, nx - length + 1).astype(dtype)
        stop = (start + length).astype(dtype)
        # One run of every length that begins a new size of pieces, at either edge of the window.
        for some in (1 << np.arange(18), (1 << np.arange(18)) - 1):
            fits = some[(some > 0) & (some <= nx)]
            row = np.append(row, np.zeros(len(fits), dtype))
            start, stop = np.append(start, nx - fits), np.append(stop, np.full(len(fits), nx))
        want = rng.random((height, width)) < 0.01
        got = want.copy()
        painted_slowly(want[y0:y1, x0:x1], row, start, stop)
        paint_spans(got[y0:y1, x0:x1], row, start, stop)
        assert np.array_equal(got, want)


def test_no_runs_and_planes_of_a_cube():
    cube = np.zeros((3, 8, 9), dtype=bool)
    none = np.empty(0, dtype=np.int64)
    paint_spans(cube[1, 2:5, 3:8], none, none, none)
    assert not cube.any()
    paint_spans(cube[1][2:5, 3:8], np.array([0, 2]), np.array([0, 4]), np.array([5, 5]))
    assert np.argwhere(cube).tolist() == [[1, 2, x] for x in range(3, 8)] + [[1, 4, 7]]
    with pytest.raises(ValueError, match="C-contiguous"):
        paint_spans(np.zeros((4, 4), dtype=bool).T, np.array([0]), np.array([0]), np.array([2]))


# ---- ends ------------------------------------------------------------------------------------------

CAR = {"proj": "CAR", "frame": "galactic"}
GRIDS = {
    "all-sky": mx.WcsGeom.allsky(binsz=1.5, frame="galactic"),
    "seam in the map": mx.WcsGeom.create(skydir=(0, 0), npix=(180, 90), binsz=2, refpix=(10, 45.5), **CAR),
    "rows at the poles": mx.WcsGeom.create(skydir=(0, 0), npix=(181, 91), binsz=2, **CAR),
    "columns not whole in a turn": mx.WcsGeom.create(npix=(200, 60), binsz=(1.7, 0.9), **CAR),
    "seconds of arc": mx.WcsGeom.create(skydir=(50.3, 0), npix=(150, 90), binsz=3e-4, **CAR),
    "millionths": mx.WcsGeom.create(skydir=(50.3, 0), npix=(60, 50), binsz=1e-9, **CAR),
    "beyond numbers": mx.WcsGeom.create(skydir=(50.3, 0), npix=(30, 20), binsz=1e-13, **CAR),
    "wide pixels": mx.WcsGeom.create(npix=(5, 30), binsz=(72, 6), **CAR),
    "one pixel": mx.WcsGeom.create(skydir=(120, 0), npix=(1, 1), binsz=3, **CAR),
    "mercator": mx.WcsGeom.create(npix=(120, 90), binsz=3, proj="MER"),
    "equal area": mx.WcsGeom.create(npix=(120, 60), binsz=3, proj="CEA"),
    "mercator to the poles' last bits": mx.WcsGeom.create(npix=(40, 180), binsz=(11, 41), proj="MER"),
}


def by_pixels(geom, window, disks):
    """The predicate on every pixel and every circle."""
    tile = Tile(geom, window)
    xyz = tile.all_pixels().xyz
    out = np.zeros(xyz.shape[1], dtype=bool)
    for centre, radius in zip(disks.centre.T, disks.radius, strict=True):
        out |= within(xyz, centre[:, None], radius)
    return out.reshape(window.shape)


def by_runs(geom, window, disks):
    tile = Tile(geom, window)
    out = np.zeros(window.shape, dtype=bool)
    paint_spans(out, *circle_spans(tile, disks))
    return out if tile.on_sky is None else out & tile.on_sky


def some_pixels(geom, number, rng):
    ny, nx = geom.image_shape
    y, x = rng.integers(ny, size=number), rng.integers(nx, size=number)
    return geom.lat_of(y), geom.lon_of(x)


def near_ties(geom, number, rng, beside=0.0):
    """Circles whose rims pass within some roundings of a pixel's centre, or of so much (radians) beside it;
    their tangent rows above all.
    """
    lat, lon = some_pixels(geom, number, rng)
    there_lat, there_lon = some_pixels(geom, number, rng)
    kind = rng.integers(4, size=number)
    # Due north or south of the pixel; at the pixel's own latitude; near the poles.
    there_lon = np.where(kind == 0, lon, there_lon)
    there_lat = np.where(kind == 1, lat, there_lat)
    there_lat = np.where(kind == 2, rng.choice([-90, 90, 89.99999, -89.999], number), there_lat)
    some = np.isfinite(lat + lon + there_lat + there_lon)
    lon, lat, there_lon, there_lat = lon[some], lat[some], there_lon[some], there_lat[some]
    radius = angle_between(unit(lon, lat), unit(there_lon, there_lat))
    off = rng.choice([0, 1e-16, 5e-16, 2e-15, 1e-14, 1e-12, 1e-10], len(lon))
    radius = np.clip(radius + beside + off * rng.choice([-1, 1], len(lon)), 0, np.pi)
    centre = unit(there_lon, there_lat)
    some = radius > TIE
    return Disks(centre[:, some], radius[some], there_lon[some], there_lat[some])


def disks_of(centre, radius):
    return Disks(centre, radius, *lonlat(centre))


def anywhere(geom, number, rng):
    lat, lon = some_pixels(geom, number, rng)
    scale = float(np.max(geom.pixel_scales.value))
    lat = np.clip(lat + rng.normal(0, 3 * scale, number), -90, 90)
    some = np.isfinite(lon + lat)
    lon, lat = (lon[some] + rng.normal(0, 3 * scale, some.sum())) % 360, lat[some]
    radius = np.minimum(np.deg2rad(scale * 10 ** rng.uniform(-2, 2.5, len(lon))), np.pi)
    radius[::9] = rng.uniform(1, np.pi, len(radius[::9]))
    some = radius > TIE
    return disks_of(unit(lon, lat)[:, some], radius[some])


def nearly_all(geom, number, rng):
    """Circles that leave out only what is near the antipode, or no more than the antipode, on the map."""
    lat, lon = some_pixels(geom, number, rng)
    lat[::5] = rng.choice([-90, 90], len(lat[::5]))
    some = np.isfinite(lon + lat)
    lon, lat = (lon[some] + 180) % 360, -lat[some]
    left = np.deg2rad(float(np.max(geom.pixel_scales.value))) * 10 ** rng.uniform(-3, 1.5, len(lon))
    left[::3] = 0.0
    return disks_of(unit(lon, lat), np.pi - np.minimum(left, 1.5))


def windows(geom):
    ny, nx = geom.image_shape
    return [Window(0, ny, 0, nx), Window(-3, ny // 2, nx // 3, nx + 4)]


@pytest.mark.parametrize("circles", [near_ties, anywhere, nearly_all])
@pytest.mark.parametrize("grid", GRIDS)
def test_runs_are_what_the_predicate_says(grid, circles):
    geom, rng = GRIDS[grid], np.random.default_rng(7)
    for window in windows(geom):
        disks = circles(geom, 60, rng)
        for i in range(len(disks.radius)):
            one = disks.take(np.array([i]))
            assert np.array_equal(by_runs(geom, window, one), by_pixels(geom, window, one)), (i, one)


@pytest.mark.parametrize("grid", GRIDS)
def test_certain_ends_are_those_that_tests_find(grid, monkeypatch):
    """Where the predicate itself flickers: rims within roundings of what it holds a tie to be."""
    geom, rng = GRIDS[grid], np.random.default_rng(8)
    asked = []
    for window in windows(geom):
        for beside in (TIE, TIE - 1e-14, TIE + 3e-14, TIE - 1e-13, 0.0):
            disks = near_ties(geom, 40, rng, beside)
            asked += [(window, disks.take(np.array([i]))) for i in range(len(disks.radius))]
            asked.append((window, anywhere(geom, 200, rng)))
    got = [by_runs(geom, *each) for each in asked]
    monkeypatch.setattr(Strip, "is_even", False)
    for here, each in zip(got, asked, strict=True):
        assert np.array_equal(here, by_runs(geom, *each)), each


def test_nearly_all_ends_are_certain(monkeypatch):
    tested = []
    tester = _spans._Tester

    def counted(strip, disks, circle, row):
        tested.append(len(row))
        return tester(strip, disks, circle, row)

    monkeypatch.setattr(_spans, "_Tester", counted)
    rng, total = np.random.default_rng(1), 0
    for binsz, scale in ((0.1, 1.0), (1e-3, 0.02), (1e-4, 0.1)):
        geom = mx.WcsGeom.create(skydir=(30, 0), npix=(2000, 1500), binsz=binsz, **CAR)
        near = rng.uniform(-700, 700, (2, 300)) * binsz
        lat = near[1] + (0 if binsz < 0.1 else 10)
        disks = disks_of(
            unit(30 + near[0], np.clip(lat, -85, 85)), np.deg2rad(rng.uniform(0.1, 2, 300) * scale)
        )
        total += len(circle_spans(Tile(geom, Window(0, 1500, 0, 2000)), disks)[0])
    assert sum(tested) < 2e-3 * total


# ---- all circles of a map at once --------------------------------------------------------------------


@pytest.mark.parametrize("grid", GRIDS)
def test_runs_of_a_map_are_those_of_its_tiles(grid, monkeypatch):
    geom, rng = GRIDS[grid], np.random.default_rng(9)
    ny, nx = geom.image_shape
    disks = anywhere(geom, 300, rng)
    for piece in (1, 60, _spans._PIECE):
        monkeypatch.setattr(_spans, "_PIECE", piece)
        index = SpanIndex(geom, disks)
        tall = disks.take(~index.done)
        assert piece < ny or not len(tall.radius)
        for y in range(0, ny, 40):
            for x in range(0, nx, 57):
                tile = Tile(geom, Window(y, min(y + 40, ny), x, min(x + 57, nx)))
                got = np.zeros(tile.shape, dtype=bool)
                index.paint(tile, got)
                paint_spans(got, *circle_spans(tile, tall))
                got &= True if tile.on_sky is None else tile.on_sky
                assert np.array_equal(got, by_runs(geom, tile.window, disks))


@pytest.mark.parametrize("grid", GRIDS)
def test_tiles_that_no_circle_reaches_hold_no_pixel(grid, monkeypatch):
    geom, rng = GRIDS[grid], np.random.default_rng(10)
    ny, nx = geom.image_shape
    edges = [np.arange(0, size, step) for size, step in ((ny, 20), (nx, 31))]
    y0, x0 = (each.ravel() for each in np.meshgrid(*edges, indexing="ij"))
    tiles = Tiles(geom, np.stack([y0, np.minimum(y0 + 20, ny), x0, np.minimum(x0 + 31, nx)]))
    disks = anywhere(geom, 60, rng)
    # Neither those that are smaller than pixels nor those that reach everywhere.
    index = SpanIndex(geom, disks.take(np.argsort(disks.radius)[len(disks.radius) // 2 :][:6]))
    reached = index.reached(tiles)
    assert reached.any()
    assert not reached.all() or len(tiles) < 20
    for number, here in enumerate(reached):
        tile = tiles.tile(number)
        got = np.zeros(tile.shape, dtype=bool)
        index.paint(tile, got)
        assert here or not got.any()
    # Some of the circles first: the others are asked of the tiles that are left, unless these are too many.
    told = len(index._circle) * len(tiles) // 2
    monkeypatch.setattr(_spans, "_MEETINGS", told)
    assert np.array_equal(index.reached(tiles), reached)
    monkeypatch.setattr(_spans, "_MEETINGS", 2)
    found = index.reached(tiles)
    assert found is None or (found.all() and reached.all())


def test_small_circles_are_painted_without_a_plan_and_empty_tiles_stay_so():
    geom = mx.WcsGeom.allsky(binsz=0.5, frame="icrs")
    sources = SkyCoord([10, 179.9, 300], [0, 80, -40], unit="deg")
    for radius, is_told in ((2, True), (60, False)):
        compiled = compile_mask(mx.Catalog(sources, radius * u.deg), geom, 40)
        assert (compiled.mask.reached(compiled.all_tiles) is not None) == is_told
        blocks = list(np.ndindex(*compiled.layout.numblocks))
        states, planned = compiled.decide(blocks, to_paint=True), compiled.decide(blocks)
        assert states.count(False) or not is_told
        assert all(
            each in (None, known) or known is None for each, known in zip(states, planned, strict=True)
        )
        want = mx.Catalog(sources, radius * u.deg).compute(geom, chunks=geom.image_shape)
        assert np.array_equal(mx.Catalog(sources, radius * u.deg).on(geom, chunks=40).compute(), want)


def test_pieces_are_made_once_each_whatever_threads_ask():
    made, rng = [], np.random.default_rng(0)

    def make(i):
        time.sleep(1e-3)
        made.append(i)
        return f"piece {i}"

    pieces = Pieces(40, make)
    asked = [rng.permutation(40)[:9].tolist() for _ in range(40)] + [list(range(40)), []]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(pieces.take, asked))
    assert found == [[f"piece {i}" for i in each] for each in asked]
    assert sorted(made) == list(range(40))


def test_only_so_many_pieces_are_kept(monkeypatch):
    monkeypatch.setattr(_pieces, "_KEPT", 3)
    made = []

    def make(i):
        made.append(i)
        return (i,)

    pieces = Pieces(6, make)
    for i in (0, 1, 2, 3, 3, 2, 0):
        assert pieces.take([i]) == [(i,)]
    assert made == [0, 1, 2, 3, 0]
    assert len(pieces._made) == 3


def test_order_of_neighbours():
    rng = np.random.default_rng(2)
    y, x = rng.uniform(-90, 90, 5000), rng.uniform(0, 360, 5000)
    order = neighbours_first(y, x)
    assert np.array_equal(np.sort(order), np.arange(5000))
    step = np.hypot(np.diff(y[order]), np.diff(x[order]))
    assert np.median(step) < 6
    assert len(neighbours_first(y[:0], x[:0])) == 0
    assert neighbours_first(np.zeros(3), np.zeros(3)).tolist() == [0, 1, 2]


def test_maps_too_large_to_be_looked_at_as_a_whole(monkeypatch):
    geom = GRIDS["all-sky"]
    sources = SkyCoord([10, 179.9, 300], [0, 88, -40], unit="deg", frame="galactic")
    radius = [5, 3, 12] * u.deg
    want = mx.Catalog(sources, radius).compute(geom)
    monkeypatch.setattr(_circles, "_WIDEST", 100)
    monkeypatch.setattr(_circles, "SpanIndex", None)
    assert np.array_equal(mx.Catalog(sources, radius).compute(geom, chunks=50), want)
    assert want.any()
