"""Dilate, Erode, Open and Close: on the sphere against all pairs of pixels, in pixels against scipy."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord, angular_separation
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.errors import AngleError, AxisError, MaskTypeError, MaskValueError, NeedsGridError
from maskexpr.expr.mask import AllSky, Mask, NoSky, Not, Or
from maskexpr.grid.axis import Axis
from maskexpr.grid.points import Points
from maskexpr.grid.tiles import Tile
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.grid.wcs.lattice import sky_window
from maskexpr.growth.plane import smooth_blocks
from maskexpr.growth.shape import Selection, SkyShape
from maskexpr.growth.survey import grow_tile
from maskexpr.nodes.band import Band
from maskexpr.nodes.catalog import Catalog
from maskexpr.nodes.dilate import Dilate
from maskexpr.nodes.erode import Erode
from maskexpr.nodes.open_close import Close, Open
from maskexpr.nodes.region import Region
from maskexpr.pixels.window import Window
from maskexpr.testing import check_node, geometries

from .growth_ways import by_tree, in_plane

ENERGY = Axis.from_bounds("energy", 1 * u.GeV, 100 * u.GeV, 3)
MAPS = {
    "car": WcsGeom.allsky(binsz=2),
    "part of car": WcsGeom.create(skydir=(175, 0), width=(40, 60), binsz=1),
    "no whole number of columns": WcsGeom.create(binsz=0.7, npix=(90, 40), skydir=(179, 0), proj="CAR"),
    "oblique car": WcsGeom.create(skydir=(20, 70), npix=(50, 40), binsz=1),
    "ait": WcsGeom.allsky(binsz=2, proj="AIT", frame="galactic"),
    "hpx": WcsGeom.allsky(binsz=3, proj="HPX"),
    "mol": WcsGeom.create(skydir=(170, 50), npix=(60, 50), binsz=1, proj="MOL"),
    "tan": WcsGeom.create(skydir=(10, 85), npix=(70, 60), binsz=0.5, proj="TAN"),
    "wide tan": WcsGeom.create(skydir=(10, 85), npix=(50, 50), binsz=2.5, proj="TAN"),
    "oblong tan": WcsGeom.create(skydir=(10, 20), npix=(70, 60), binsz=(0.5, 1.5), proj="TAN"),
    "sin": WcsGeom.create(skydir=(10, 20), npix=(60, 60), binsz=2, proj="SIN"),
    "zea": WcsGeom.create(skydir=(0, -90), npix=(90, 90), binsz=3, proj="ZEA"),
    "one pixel": WcsGeom.create(skydir=(0, 0), npix=(1, 1), binsz=1, proj="TAN"),
}


def whole(geom: WcsGeom) -> Window:
    ny, nx = geom.image_shape
    return Window(0, ny, 0, nx)


def on_map(mask: Mask, geom: WcsGeom, plane: tuple[int, ...] = ()) -> np.ndarray:
    return evaluate(mask, Tile(geom, whole(geom), plane))


def by_tiles(mask: Mask, geom: WcsGeom, side: int) -> np.ndarray:
    out = np.zeros(geom.image_shape, dtype=bool)
    parts, _ = Tile(geom, whole(geom)).tiles.split(side)
    for i in range(len(parts)):
        y0, y1, x0, x1 = parts.tile(i).window
        out[y0:y1, x0:x1] = evaluate(mask, parts.tile(i))
    return out


def circles(number: int, radius: float, seed: int = 0, near: SkyCoord | None = None) -> Mask:
    """Random circles, a good part of them round a place if one is given."""
    rng = np.random.default_rng(seed)
    lon, lat = rng.uniform(0, 360, number), np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    there = SkyCoord(lon, lat, unit="deg")
    if near is not None:
        some = near.directional_offset_by(
            rng.uniform(0, 360, number) * u.deg, rng.uniform(0, 40, number) * u.deg
        )
        there = SkyCoord([*there[::2], *some.icrs[1::2]])
    return Catalog(there, radius * u.deg)


def positions(geom: WcsGeom, window: Window) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.arange(window.y0, window.y1), np.arange(window.x0, window.x1)
    return geom.lonlat(y[:, None], x[None, :])


def around(geom: WcsGeom, radius: float) -> Window:
    """All lattice pixels that can matter within a radius (degrees), some more, and not too many."""
    margin = int(3 * radius / geom.pixel_scales.value.min()) + 20
    return (
        geom.lattice.intersect(whole(geom).pad(min(margin, 200)))
        if sky_window(geom._projection) is None
        else geom.lattice
    )


def nearest(selected: np.ndarray, geom: WcsGeom, window: Window, radius: float) -> np.ndarray:
    """Pixels of the map within a radius (degrees, ties in) of the selected ones of a window: a KD-tree's
    answer."""

    def vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        lam, phi = np.radians(lon), np.radians(lat)
        return np.stack([np.cos(lam) * np.cos(phi), np.sin(lam) * np.cos(phi), np.sin(phi)], axis=-1)

    lon, lat = positions(geom, whole(geom))
    out = np.zeros(lon.shape, dtype=bool)
    on_sky = np.isfinite(lon)
    from_lon, from_lat = positions(geom, window)
    some = selected & np.isfinite(from_lon)
    if some.any() and on_sky.any():
        tree = cKDTree(vectors(from_lon[some], from_lat[some]))
        distance, _ = tree.query(vectors(lon[on_sky], lat[on_sky]))
        out[on_sky] = 2 * np.arcsin(np.minimum(distance / 2, 1)) <= np.radians(radius) + 1e-12
    return out


@pytest.mark.parametrize("place", [(0, 45), (179, 90), (0, 0), (359, 179), (17, 178), (100, 3), (180, 120)])
def test_one_pixel_grown_equals_all_pairs(place: tuple[int, int]) -> None:
    geom = WcsGeom.allsky(binsz=1)
    lon, lat = positions(geom, whole(geom))
    column, row = place
    dot = Catalog(SkyCoord([lon[row, column]], [lat[row, column]], unit="deg"), "0.001 deg")
    assert on_map(dot, geom).sum() == 1
    want = angular_separation(
        *np.radians([lon[row, column], lat[row, column], 0, 0])[:2], np.radians(lon), np.radians(lat)
    )
    for side in (17, 64, 360):
        assert np.array_equal(by_tiles(Dilate(dot, "5 deg"), geom, side), want <= np.radians(5) + 1e-12)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("radius", [0.3, 1.4, 12.0])
def test_circles_grown_and_shrunk_equal_a_tree(name: str, radius: float) -> None:
    geom = MAPS[name]
    near = geom.center_skydir
    for mask in (circles(300, 3.0, near=near), ~circles(150, 6.0, seed=1, near=near)):
        window = around(geom, radius)
        selected = evaluate(mask, Tile(geom, window))
        grown = on_map(Dilate(mask, radius * u.deg), geom)
        assert np.array_equal(grown, nearest(selected, geom, window, radius))
        shrunk = on_map(Erode(mask, radius * u.deg), geom)
        lost = nearest(~selected, geom, window, radius)
        assert np.array_equal(shrunk, on_map(mask, geom) & ~lost)
    assert np.array_equal(shrunk, by_tiles(Erode(mask, radius * u.deg), geom, 29))


@pytest.mark.parametrize("radius", [60.0, 90.0, 100.0, 150.0, 179.0, 180.0])
@pytest.mark.parametrize("name", ["car", "ait", "hpx", "zea", "part of car", "no whole number of columns"])
def test_large_radius(name: str, radius: float) -> None:
    geom = MAPS[name]
    mask = Catalog(SkyCoord([10, 12], [85, -20], unit="deg"), "3 deg")
    window = geom.lattice
    want = nearest(evaluate(mask, Tile(geom, window)), geom, window, radius)
    assert np.array_equal(on_map(Dilate(mask, radius * u.deg), geom), want)
    assert radius < 180 or want.sum() == np.isfinite(positions(geom, whole(geom))[0]).sum()


@pytest.mark.parametrize("name", ["tan", "wide tan", "sin", "mol", "oblong tan", "zea"])
@pytest.mark.parametrize("radius", [0.0, 0.6, 2.0, 7.0])
def test_every_way_gives_the_same_bits(name: str, radius: float) -> None:
    geom = MAPS[name]
    mask = circles(200, 2.0, near=geom.center_skydir)
    ask = Evaluator(mask)
    shape = SkyShape(np.radians(radius), np.radians(radius), box=False)
    chosen = Selection(lambda tile: ask.values(mask, tile), lambda tiles: ask.coverage(mask, tiles))
    tile = Tile(geom, whole(geom))
    want = by_tree(tile, shape, chosen)
    assert np.array_equal(grow_tile(tile, shape, chosen), want)
    found, left = in_plane(tile, shape, chosen)
    for i in range(len(left)):
        y0, y1, x0, x1 = left.tile(i).window
        found[y0:y1, x0:x1] = want[y0:y1, x0:x1]
    assert np.array_equal(found & np.isfinite(tile.lonlat[0]), want)


@pytest.mark.parametrize("name", ["tan", "zea", "oblong tan"])
@pytest.mark.parametrize("part", [0.002, 0.1, 0.7])
def test_noise_grows_the_same_on_smooth_grids(name: str, part: float) -> None:
    """Runs of a pixel or a few, and windows of odd sizes; the pixels are chosen by their position."""
    geom = MAPS[name]

    def values(tile: Tile) -> np.ndarray:
        x, y = tile.lonlat
        mixed = np.abs(np.sin(np.round(y, 6) * 12.9898 + np.round(x, 6) * 78.233)) * 43758.5453 % 1
        return np.asarray(mixed < part)

    chosen = Selection(values, lambda tiles: np.full(len(tiles), 1))
    for radius in np.radians([0.4, 1.6, 5.0]).tolist():
        shape = SkyShape(radius, radius, box=False)
        for window in (Window(3, 50, 1, 60), Window(20, 21, 30, 33)):
            tile = Tile(geom, window)
            want = by_tree(tile, shape, chosen)
            found, left = in_plane(tile, shape, chosen)
            for block in map(left.tile, range(len(left))):
                y0, y1, x0, x1 = block.window.shift(-window.y0, -window.x0)
                found[y0:y1, x0:x1] = want[y0:y1, x0:x1]
            assert np.array_equal(found, want)


@pytest.mark.parametrize("box", [False, True])
def test_most_of_a_smooth_map_needs_no_tree(box: bool) -> None:
    geom = WcsGeom.create(skydir=(10, 50), npix=(300, 300), binsz=0.02, proj="TAN")
    mask = circles(50, 2.0, near=geom.center_skydir)
    ask = Evaluator(mask)
    shape = SkyShape(np.radians(0.2), np.radians(0.2), box=box)
    chosen = Selection(lambda tile: ask.values(mask, tile), lambda tiles: ask.coverage(mask, tiles))
    _, left = smooth_blocks(Tile(geom, whole(geom)), shape, chosen)
    assert len(left) == 0


def in_box(
    lon: np.ndarray, lat: np.ndarray, at: tuple[float, float], half: tuple[float, float]
) -> np.ndarray:
    """The definition of a box on the sky, with ties."""
    turned = np.abs((lon - at[0] + 180) % 360 - 180)
    widest = np.maximum(np.cos(np.radians(lat)), np.cos(np.radians(at[1])))
    return np.asarray((np.abs(lat - at[1]) <= half[1] + 1e-9) & (turned * widest <= half[0] + 1e-9))


@pytest.mark.parametrize("name", ["car", "part of car", "ait", "hpx", "tan", "oblique car"])
@pytest.mark.parametrize("half", [(4.0, 2.0), (1.0, 6.0), (100.0, 3.0), (2.0, 50.0)])
def test_box_on_the_sky(name: str, half: tuple[float, float]) -> None:
    geom = MAPS[name]
    near = geom.center_skydir
    mask = Catalog(SkyCoord([near, near.directional_offset_by(50 * u.deg, 12 * u.deg)]).icrs, "2.2 deg")
    window = around(geom, max(half))
    selected = evaluate(mask, Tile(geom, window))
    from_lon, from_lat = positions(geom, window)
    lon, lat = positions(geom, whole(geom))
    want = np.zeros(lon.shape, dtype=bool)
    for at in zip(from_lon[selected], from_lat[selected], strict=True):
        want |= in_box(lon, lat, at, half)
    got = on_map(Dilate(mask, (half[0] * u.deg, half[1] * u.deg), kernel="box"), geom)
    assert np.array_equal(got, want)
    tiles = by_tiles(Dilate(mask, (half[0] * u.deg, half[1] * u.deg), kernel="box"), geom, 31)
    assert np.array_equal(tiles, want)


CHILDREN = (
    circles(40, 9.0),
    Band(lat=("50 deg", "90 deg")) | Band(lon=("350 deg", "10 deg"), frame="galactic"),
    ~circles(10, 25.0, seed=2),
)


@pytest.mark.parametrize("name", geometries())
@pytest.mark.parametrize("number", range(len(CHILDREN)))
def test_laws_of_a_node(name: str, number: int) -> None:
    geom, mask = geometries()[name], CHILDREN[number]
    if number != 1:
        check_node(Dilate(mask, "5 deg"), geom, side=13)
        check_node(Erode(mask, "6 deg", metric="pixel", kernel="box"), geom, side=13)
    if number != 2:
        check_node(Erode(mask, ("4 deg", "8 deg"), kernel="box"), geom, side=13)
        check_node(Dilate(mask, 2.5 * u.pix, metric="pixel"), geom, side=13)
    if number == 0:
        check_node(Open(mask, "4 deg"), geom, side=29)
        check_node(Close(mask, 3 * u.pix, metric="pixel"), geom, side=29)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("kernel", ["disk", "box"])
def test_algebra(name: str, kernel: str) -> None:
    geom = MAPS[name]
    near = geom.center_skydir
    a, b = circles(60, 4.0, near=near), ~circles(80, 5.0, seed=3, near=near)
    radius = (3 * geom.pixel_scales.min().value) * u.deg
    on_sky = on_map(AllSky(), geom)

    def grown(mask: Mask) -> np.ndarray:
        return on_map(Dilate(mask, radius, kernel=kernel), geom)

    grown_a, grown_b = grown(a), grown(b)
    assert np.array_equal(on_map(Erode(b, radius, kernel=kernel), geom), on_sky & ~grown(Not(b)))
    assert np.array_equal(grown(Or(a, b)), grown_a | grown_b)
    assert not (on_map(a, geom) & ~grown_a).any()
    assert np.array_equal(on_map(Erode(AllSky(), radius, kernel=kernel), geom), on_sky)
    assert not on_map(Dilate(NoSky(), radius, kernel=kernel), geom).any()
    without = on_map(~Dilate(b, radius, kernel=kernel), geom)
    for values in (grown_a, on_map(Erode(~a, radius, kernel=kernel), geom), without):
        assert not (values & ~on_sky).any()


@pytest.mark.parametrize("name", ["car", "ait", "hpx", "tan", "part of car"])
def test_opening_and_closing(name: str) -> None:
    geom = MAPS[name]
    mask = circles(200, 4.0, near=geom.center_skydir)
    values = on_map(mask, geom)
    opened, closed = (on_map(each, geom) for each in (Open(mask, "3 deg"), Close(mask, "3 deg")))
    assert not (opened & ~values).any()
    assert not (values & ~closed).any()
    assert np.array_equal(opened, on_map(Dilate(Erode(mask, "3 deg"), "3 deg"), geom))
    assert np.array_equal(closed, on_map(Erode(Dilate(mask, "3 deg"), "3 deg"), geom))
    assert np.array_equal(on_map(Open(Open(mask, "3 deg"), "3 deg"), geom), opened)
    assert np.array_equal(on_map(Close(Close(mask, "3 deg"), "3 deg"), geom), closed)


@pytest.mark.parametrize("columns", [1, 30, 90])
def test_dilation_commutes_with_a_roll_in_longitude(columns: int) -> None:
    geom = WcsGeom.allsky(binsz=2)
    there = SkyCoord([1.0, 181.0, 45.0], [89.0, 3.0, -71.0], unit="deg")
    turned = SkyCoord(there.ra + columns * 2 * u.deg, there.dec)
    values = on_map(Dilate(Catalog(there, "4.3 deg"), "11 deg"), geom)
    # Columns run against the longitude.
    assert np.array_equal(
        on_map(Dilate(Catalog(turned, "4.3 deg"), "11 deg"), geom), np.roll(values, -columns, axis=1)
    )


@pytest.mark.parametrize("name", ["car", "ait", "hpx", "tan", "sin", "oblique car"])
def test_a_cutout_of_the_mask_is_the_mask_of_the_cutout(name: str) -> None:
    geom = MAPS[name]
    ny, nx = geom.image_shape
    mask = circles(300, 2.0, near=geom.center_skydir)
    for window in (
        Window(0, ny // 3, 0, nx // 4),
        Window(ny // 2, ny // 2 + 3, nx // 3, nx),
        Window(5, 6, 7, 8),
    ):
        for node in (Dilate(mask, "7 deg"), Erode(~mask, "2 deg"), Close(mask, "2 deg")):
            y0, y1, x0, x1 = window
            assert np.array_equal(on_map(node, geom.window(window)), on_map(node, geom)[y0:y1, x0:x1])


def test_isolated_pixels_and_radii_below_a_pixel() -> None:
    for geom in (WcsGeom.allsky(binsz=1), WcsGeom.create(npix=(90, 80), binsz=0.1, proj="TAN")):
        dots = Catalog(SkyCoord([0.03, 3.57], [0.02, 1.5], unit="deg"), geom.pixel_scales[0] * 0.75)
        values = on_map(dots, geom)
        assert values.any()
        tiny = geom.pixel_scales[0] * 1e-3
        assert np.array_equal(on_map(Dilate(dots, tiny), geom), values)
        assert np.array_equal(on_map(Erode(dots, tiny), geom), values)
        assert on_map(Dilate(dots, 1 * u.pix, metric="pixel"), geom).sum() > values.sum()


# ---- in pixels
# -------------------------------------------------------------------------------------------------------


@settings(max_examples=8)
@given(st.sampled_from([0.5, 1, 2.2, 3, 6]), st.sampled_from(["disk", "box"]), st.integers(0, 99))
def test_pixel_metric_is_scipys(radius: float, kernel: str, seed: int) -> None:
    geom = WcsGeom.create(npix=(45, 37), binsz=1, proj="TAN")
    mask = circles(400, 1.3, seed, near=geom.center_skydir)
    values = on_map(mask, geom)
    k = int(radius)
    y, x = np.mgrid[-k : k + 1, -k : k + 1]
    structure = (
        (y * y + x * x <= radius * radius)
        if kernel == "disk"
        else np.ones((2 * k + 1, 2 * k + 1), dtype=bool)
    )
    arguments = {"radius": radius * u.pix, "kernel": kernel, "metric": "pixel"}
    for node, scipys, selected in (
        (Dilate, ndimage.binary_dilation, mask),
        (Erode, ndimage.binary_erosion, ~mask),
        (Open, ndimage.binary_opening, ~mask),
        (Close, ndimage.binary_closing, mask),
    ):
        want = scipys(values if selected is mask else ~values, structure)
        assert np.array_equal(on_map(node(selected, **arguments), geom), want)
        assert np.array_equal(by_tiles(node(selected, **arguments), geom, 19), want)


def test_pixel_metric_takes_angles_by_the_pixel_scale() -> None:
    geom = WcsGeom.create(npix=(41, 41), binsz=(0.1, 0.3), proj="TAN")
    dot = Catalog(SkyCoord([0.0], [0.0], unit="deg"), "0.05 deg")
    assert on_map(dot, geom).sum() == 1
    grown = on_map(Dilate(dot, "0.6 deg", metric="pixel"), geom)
    assert [grown.any(axis=1).sum(), grown.any(axis=0).sum()] == [5, 13]
    y, x = np.mgrid[-20:21, -20:21]
    assert np.array_equal(grown, (y / 2) ** 2 + (x / 6) ** 2 <= 1 + 1e-9)
    wide = on_map(Dilate(dot, ("0.2 deg", "0.9 deg"), kernel="box", metric="pixel"), geom)
    assert np.array_equal(wide, (np.abs(y) <= 3) & (np.abs(x) <= 2))


def test_pixel_metric_is_false_outside_the_map() -> None:
    geom = WcsGeom.create(npix=(20, 20), binsz=1, proj="TAN")
    beside = Catalog(SkyCoord([12.0], [0.0], unit="deg"), "1.8 deg")
    assert not on_map(Dilate(beside, 6 * u.pix, metric="pixel"), geom).any()
    assert on_map(Dilate(beside, "6 deg"), geom).any()
    rim = ~on_map(Erode(AllSky(), 3 * u.pix, metric="pixel"), geom)
    assert rim.sum() == 20 * 20 - 14 * 14


# ---- planes, arguments, pruning
# --------------------------------------------------------------------------------------


def test_a_radius_for_each_energy() -> None:
    cube = WcsGeom.create(npix=(30, 30), binsz=0.5, proj="TAN", axes=[ENERGY])
    mask = circles(50, 1.0, near=cube.center_skydir)
    radii = [0.2, 1.0, 3.0] * u.deg
    for node in (Dilate, Erode, Open, Close):
        several = node(mask, radii)
        assert several.axes() == {"energy"}
        several.check(cube)
        for plane, radius in enumerate(radii):
            one = node(mask, radius)
            assert one.axes() == frozenset()
            assert np.array_equal(on_map(several, cube, (plane,)), on_map(one, cube.to_image()))
    with pytest.raises(AxisError, match="2 radii for the 3 bins"):
        Dilate(mask, [1, 2] * u.deg).check(cube)
    with pytest.raises(AxisError, match="energy"):
        Dilate(mask, radii).check(cube.to_image())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"radius": 0.3}, AngleError, "unit"),
        ({"radius": "-1 deg"}, MaskValueError, "negative"),
        ({"radius": "181 deg"}, MaskValueError, "180"),
        ({"radius": np.nan * u.deg}, MaskValueError, "finite"),
        ({"radius": 3 * u.s}, AngleError, "angle"),
        ({"radius": 3 * u.pix}, MaskValueError, "metric='pixel'"),
        ({"radius": "1 deg", "kernel": "ball"}, MaskValueError, "kernel"),
        ({"radius": "1 deg", "metric": "plane"}, MaskValueError, "metric"),
        ({"radius": ("1 deg", "2 deg")}, MaskValueError, "box"),
        ({"radius": ("1 deg", 2 * u.pix), "kernel": "box"}, AngleError, "angle"),
        ({"radius": (2 * u.pix, "1 deg"), "kernel": "box", "metric": "pixel"}, AngleError, "pixels"),
        ({"radius": [] * u.deg}, MaskValueError, "shape"),
        ({"radius": [[1, 2]] * u.deg}, MaskValueError, "shape"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], error: type[Exception], words: str) -> None:
    for node in (Dilate, Erode, Open, Close):
        with pytest.raises(error, match=words):
            node(AllSky(), **arguments)


def test_needs_a_mask_and_a_grid() -> None:
    with pytest.raises(MaskTypeError, match="Dilate takes masks"):
        Dilate("circle", "1 deg")  # type: ignore[arg-type]
    bare = Points.from_sky(SkyCoord([1, 2], [3, 4], unit="deg"))
    for node in (Erode, Open, Close):
        mask = node(circles(3, 1.0), "1 deg")
        with pytest.raises(NeedsGridError, match="geom=geom"):
            Evaluator(mask).run(mask, bare)


def test_single_pixels_are_answered_on_a_grid() -> None:
    geom = MAPS["car"]
    mask = Dilate(circles(100, 2.0), "5 deg")
    rng = np.random.default_rng(0)
    y, x = rng.integers(0, 90, 50), rng.integers(0, 180, 50)
    got = Evaluator(mask).run(mask, Tile(geom, whole(geom)).pixels(y, x))
    assert np.array_equal(got, on_map(mask, geom)[y, x])
    assert got.any()


def test_what_is_far_from_a_tile_is_not_asked() -> None:
    class Counting(Evaluator):
        asked = 0

        def values(self, child: Mask, where: Tile | Points) -> np.ndarray:
            if isinstance(where, Tile):
                self.asked += where.window.size
            return super().values(child, where)

    # Bands cannot be decided away by their own refinement here: only windows count.
    geom = WcsGeom.create(skydir=(0, 0), npix=(4000, 2000), binsz=0.05)
    mask = Dilate(Catalog(SkyCoord([0.0], [0.0], unit="deg"), "1 deg"), "2 deg")
    ask = Counting(mask)
    tile = Tile(geom, Window(900, 1000, 1900, 2000))
    ask.run(mask, tile)
    assert 0 < ask.asked <= 200 * 200
    empty = Counting(mask)
    assert not empty.run(mask, Tile(geom, Window(0, 500, 0, 500))).any()
    assert empty.asked == 0


def test_labels_and_reach() -> None:
    assert Dilate(NoSky(), "0.3 deg").label() == "Dilate(0.3 deg)"
    box = Erode(NoSky(), (3 * u.deg, 4 * u.deg), kernel="box")
    assert box.label() == "Erode((3 deg, 4 deg), kernel='box')"
    assert box.reach().degrees == 5
    assert Open(NoSky(), 2.5 * u.pix, metric="pixel").reach().pixels == 6
    assert Close(NoSky(), "100 deg").reach().degrees == 180
    assert Dilate(NoSky(), [1, 2] * u.deg).label() == "Dilate(2 radii of 1 deg to 2 deg)"


@pytest.mark.parametrize("kernel", ["disk", "box"])
@pytest.mark.parametrize("radius", [1e9 * u.pix, 1e300 * u.pix, 1.7e308 * u.deg])
def test_radii_far_beyond_the_map_take_no_memory(radius: u.Quantity, kernel: str) -> None:
    geom = mx.WcsGeom.create(npix=(13, 9), binsz=0.1)
    one = mx.Raster((np.arange(117).reshape(9, 13) == 0, geom))
    grown = mx.Dilate(one, radius, kernel=kernel, metric="pixel")
    assert grown.on(geom, chunks=(4, 5)).values.all()
    assert not mx.Erode(~one, radius, kernel=kernel, metric="pixel").on(geom).values.any()
    assert not mx.Boundary(radius, metric="pixel").on(geom).values.any()


def test_disk_of_a_hair_below_a_pixel_is_that_of_a_pixel() -> None:
    geom = mx.WcsGeom.create(npix=(5, 5), binsz=0.0166666666667, proj="TAN")
    one = mx.Raster((np.arange(25).reshape(5, 5) == 12, geom))
    assert int(one.dilate("1 arcmin", metric="pixel").on(geom).sum()) == 5


def test_small_windows_along_a_limb_are_asked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Across the limb of a map of the whole sky a tile has neighbours in hundreds of places."""
    painted, paint = [], Region.paint

    def counted(self: Region, tile: Tile, out: np.ndarray, of: Any) -> None:
        painted.append(tile.window)
        paint(self, tile, out, of)

    geom = WcsGeom.create(skydir=(40, 30), npix=(250, 250), binsz=1, proj="ZEA")
    boxes = Region(
        "icrs;" + ";".join(f"box({x}, {y}, 16, 6, 30)" for x in range(0, 360, 30) for y in (-50, 5))
    )
    for mask in (boxes.dilate("3 deg"), (~boxes).erode("4 deg")):
        want = on_map(mask, geom)
        monkeypatch.setattr(Region, "paint", counted)
        painted.clear()
        found = mask.on(geom, chunks=32).values
        monkeypatch.undo()
        assert np.array_equal(found, want)
        assert 0 < len(painted) <= 4 * 64
