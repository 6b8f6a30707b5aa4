"""Masks on HEALPix grids against brute force over all cells: positions, neighbours and cells of positions by
healpy, distances by a tree, components by a graph.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import astropy.units as u
import dask
import dask.array as da
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr import HpxGeom

hp = pytest.importorskip("healpy", reason="pixels of HEALPix by a library of others")

Bools = np.ndarray
NSIDE, ORDER = 16, 4
NUMBER = 12 * NSIDE**2
ENERGY = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
WHOLE = HpxGeom(order=ORDER, frame="galactic")
PART = HpxGeom(order=ORDER, frame="galactic", cells=[[25, 625], [1500, 1525], [2250, 2251], [2950, 3072]])
HELD = np.isin(np.arange(NUMBER), PART.cells.ids(0, PART.cells.number))


@lru_cache
def xyz() -> np.ndarray:
    return np.array(hp.pix2vec(NSIDE, np.arange(NUMBER), nest=True))


@lru_cache
def there() -> SkyCoord:
    lon, lat = hp.pix2ang(NSIDE, np.arange(NUMBER), nest=True, lonlat=True)
    return SkyCoord(lon, lat, unit="deg", frame="galactic")


@lru_cache
def noise(seed: int = 0) -> np.ndarray:
    white = np.random.default_rng(seed).normal(size=NUMBER)
    near = cKDTree(xyz().T).query_ball_point(xyz().T, 0.2)
    return np.array([white[each].mean() * np.sqrt(len(each)) for each in near]) + 0.2 * white


def within(lon: float, lat: float, radius: float) -> Bools:
    return there().separation(SkyCoord(lon, lat, unit="deg", frame="galactic")).deg < radius


def grown(values: Bools, radius: float) -> Bools:
    chord, _ = cKDTree(xyz()[:, values].T).query(xyz().T)
    return 2 * np.arcsin(np.minimum(chord / 2, 1)) <= np.deg2rad(radius)


def components(values: Bools, connectivity: int) -> tuple[np.ndarray, Bools]:
    """Label of each cell, -1 where it is not selected, and which labels touch a cell that PART lacks."""
    near = hp.get_all_neighbours(NSIDE, np.arange(NUMBER), nest=True).T
    near = near if connectivity == 8 else near[:, ::2]
    start, way = np.nonzero(near >= 0)
    end = near[start, way]
    both = values[start] & values[end]
    graph = coo_array((np.ones(both.sum()), (start[both], end[both])), shape=(NUMBER, NUMBER))
    _, label = connected_components(graph, directed=False)
    beyond = np.unique(label[start[values[start] & ~HELD[end]]])
    return np.where(values, label, -1), np.isin(np.arange(NUMBER), beyond)


def same(mask: mx.Mask, want: Bools, part: Bools | None = None, chunks: tuple[int, ...] = (1, 3)) -> None:
    """A mask in memory, and lazily in chunks and in slices, on the whole sky and on a part of it."""
    assert want.any(), "a test of nothing"
    for geom, values in ((WHOLE, want), (PART, want[HELD] if part is None else part[HELD])):
        np.testing.assert_array_equal(mask.compute(geom).values, values)
        for order in chunks:
            lazy = mask.on(geom, chunks=order)
            np.testing.assert_array_equal(lazy[83:555].values, values[83:555])
        np.testing.assert_array_equal(mask.on(geom).values, values)


def sources() -> tuple[SkyCoord, np.ndarray]:
    rng = np.random.default_rng(4)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 40)))
    radius = rng.choice([1.0, 4.0, 9.0, 30.0], 40, p=[0.4, 0.4, 0.15, 0.05])
    return SkyCoord(rng.uniform(0, 360, 40), lat, unit="deg", frame="icrs"), radius


def test_catalog() -> None:
    at, radius = sources()
    want = (there()[:, None].separation(at[None, :]).deg < radius).any(axis=1)
    same(mx.Catalog(at, radius * u.deg), want)


def offsets(lon: float, lat: float, angle: float) -> tuple[np.ndarray, np.ndarray]:
    centre = SkyCoord(lon, lat, unit="deg", frame="galactic")
    away, way = centre.separation(there()).deg, centre.position_angle(there()).rad
    west, north, turn = -away * np.sin(way), away * np.cos(way), np.deg2rad(angle)
    return west * np.cos(turn) + north * np.sin(turn), north * np.cos(turn) - west * np.sin(turn)


def in_box() -> Bools:
    along, up = offsets(10, 20, 20)
    return (np.abs(along) < 35) & (np.abs(up) < 12.5)


def in_ellipse() -> Bools:
    along, up = offsets(200, 30, 30)
    return (along / 40) ** 2 + (up / 15) ** 2 < 1


def in_polygon() -> Bools:
    corners = SkyCoord([350, 40, 45, 340], [-10, -5, 50, 30], unit="deg").cartesian.xyz.value.T
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    return (normals @ xyz() * np.sign(normals @ corners.mean(axis=0))[:, None] > 0).all(axis=0)


def of_point() -> Bools:
    return np.arange(NUMBER) == hp.ang2pix(NSIDE, 77, 52, nest=True, lonlat=True)


def on_line() -> Bools:
    start, end = SkyCoord([300, 100], [-10, 70], unit="deg", frame="galactic")
    step = np.linspace(0, 1, 400_001) * start.separation(end)
    at = start.directional_offset_by(start.position_angle(end), step)
    return np.isin(np.arange(NUMBER), hp.ang2pix(NSIDE, at.l.deg, at.b.deg, nest=True, lonlat=True))


REGIONS: dict[str, Callable[[], Bools]] = {
    "circle(0,90,100)": lambda: within(0, 90, 100),
    "annulus(30,-20,12,40)": lambda: within(30, -20, 40) & ~within(30, -20, 12),
    "ellipse(200,30,40,15,30)": in_ellipse,
    "box(10,20,70,25,20)": in_box,
    "polygon(350,-10,40,-5,45,50,340,30)": in_polygon,
    "point(77,52)": of_point,
    "line(300,-10,100,70)": on_line,
}


@pytest.mark.parametrize("text", REGIONS)
def test_region(text: str) -> None:
    same(mx.Region(f"galactic;{text}"), REGIONS[text](), chunks=(2,))


def test_band_and_algebra() -> None:
    lon, lat = there().l.deg, there().b.deg
    belt, wedge, circle = np.abs(lat) < 13.3, (lon > 339.7) | (lon < 41.3), within(20, 40, 35)
    one = mx.Band(lat=("-13.3 deg", "13.3 deg"), frame="galactic")
    other = mx.Band(lon=("339.7 deg", "41.3 deg"), frame="galactic")
    third = mx.Region("galactic;circle(20,40,35)")
    same((one | third) & ~other, (belt | circle) & ~wedge)
    same(one ^ other ^ third, belt ^ wedge ^ circle)


@pytest.mark.parametrize("verb", ["dilate", "erode", "open", "close"])
@pytest.mark.parametrize("radius", [4.3, 31.7])
def test_growth(verb: str, radius: float) -> None:
    middle = within(123, 27, 69.7)
    values = middle & ~within(150, 33, 5.1) & ~within(110, 80, 3.3) | within(30, -88, 24.9)
    mask = mx.Region("galactic;circle(123,27,69.7)") - mx.Region("galactic;circle(150,33,5.1)")
    mask = mask - mx.Region("galactic;circle(110,80,3.3)") | mx.Region("galactic;circle(30,-88,24.9)")

    def shrunk(of: Bools) -> Bools:
        return ~grown(~of, radius)

    want = {
        "dilate": lambda: grown(values, radius),
        "erode": lambda: shrunk(values),
        "open": lambda: grown(shrunk(values), radius),
        "close": lambda: shrunk(grown(values, radius)),
    }[verb]()
    same(getattr(mask, verb)(radius * u.deg), want, chunks=(2,))


@pytest.mark.parametrize("connectivity", [4, 8])
def test_holes(connectivity: int) -> None:
    values = noise() > -0.7
    size = 41252.96124941927 / NUMBER
    mask = mx.Threshold((noise(), WHOLE), ">", -0.7)
    label, _ = components(~values, connectivity)
    number = np.bincount(label[label >= 0], minlength=NUMBER)
    of_part, at_end = components(~values & HELD, connectivity)
    part = values | ((of_part >= 0) & ~at_end[of_part])
    same(mx.FillHoles(mask, connectivity=connectivity), values | (label != number.argmax()), part)
    few = np.bincount(of_part[of_part >= 0], minlength=NUMBER) <= 6
    same(
        mx.FillHoles(mask, 6.5 * size * u.deg**2, connectivity=connectivity),
        values | ((label >= 0) & (number <= 6)[label]),
        values | ((of_part >= 0) & ~at_end[of_part] & few[of_part]),
    )


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("unit", ["deg2", "pix2"])
def test_small_components(connectivity: int, unit: str) -> None:
    values = noise() > 0.8
    mask = mx.Threshold((noise(), WHOLE), ">", 0.8)
    least = 4.5 * 41252.96 / NUMBER * u.deg**2 if unit == "deg2" else 5 * u.pix**2
    want = []
    for of in (values, values & HELD):
        label, _ = components(of, connectivity)
        number = np.bincount(label[label >= 0], minlength=NUMBER)
        want.append((label >= 0) & (number >= 5)[label])
    same(mx.RemoveSmall(mask, least, connectivity=connectivity), *want)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_hysteresis(connectivity: int) -> None:
    want = []
    for held in (np.ones(NUMBER, dtype=bool), HELD):
        label, _ = components((noise() > 0.5) & held, connectivity)
        seeds = np.unique(label[(noise() > 1.6) & (label >= 0)])
        want.append(np.isin(label, seeds))
    same(mx.Hysteresis((noise(), WHOLE), 0.5, 1.6, connectivity=connectivity), *want)


def test_a_ring_round_a_corner_of_three_faces_is_a_hole() -> None:
    mask = mx.Region("galactic;annulus(0,41.81,16,30)")
    # A part that ends in the ring leaves it open.
    ring = within(0, 41.81, 30) & ~within(0, 41.81, 16)
    label, at_end = components(~ring & HELD, 4)
    same(mask.fill_holes(), within(0, 41.81, 30), ring | ((label >= 0) & ~at_end[label]))


@pytest.mark.parametrize("width", [2.3, 6.3])
def test_boundary_of_a_part(width: float) -> None:
    ids = np.flatnonzero(HELD)
    # Sides of cells in the order in which healpy draws them: from north over west, south and east.
    border = hp.boundaries(NSIDE, ids, step=200, nest=True)
    near = hp.get_all_neighbours(NSIDE, ids, nest=True)
    ends = []
    for side, way in enumerate((2, 0, 6, 4)):
        along = np.take(border, np.arange(200 * side, 200 * side + 201) % 800, axis=2)
        ends.append(along[~HELD[near[way]]].transpose(1, 0, 2).reshape(3, -1))
    chord, _ = cKDTree(np.concatenate(ends, axis=1).T).query(xyz()[:, ids].T)
    want = np.degrees(2 * np.arcsin(chord / 2)) > width
    mask = mx.Boundary(width * u.deg)
    for geom_chunks in ("auto", 1, 3):
        np.testing.assert_array_equal(mask.on(PART, chunks=geom_chunks).values, want)
    assert mask.compute(WHOLE).values.all()
    assert 0 < want.sum() < len(want)


# ---- data


@pytest.mark.parametrize("lazy", [False, True])
def test_data_of_cells_on_other_grids(lazy: bool) -> None:
    def given(values: np.ndarray, geom: HpxGeom) -> tuple[object, HpxGeom]:
        return (da.from_array(values, chunks=999) if lazy else values, geom)

    whole = mx.Threshold(given(noise(), WHOLE), ">", 0.4)
    part = mx.Threshold(given(noise()[HELD], PART), ">", 0.4, outside=True)
    same(whole, noise() > 0.4)
    same(part, (noise() > 0.4) | ~HELD)
    finer = HpxGeom(order=5, frame="icrs")
    lon, lat = hp.pix2ang(32, np.arange(12 * 32**2), nest=True, lonlat=True)
    plane = mx.WcsGeom.allsky(binsz=3.1, frame="icrs", proj="AIT")
    y, x = np.indices(plane.image_shape)
    of_plane = plane.wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    on_sky = np.isfinite(of_plane[0])
    for geom, at in ((finer, (lon, lat)), (plane, tuple(each[on_sky] for each in of_plane))):
        here = SkyCoord(*at, unit="deg", frame="icrs").galactic
        cell = hp.ang2pix(NSIDE, here.l.deg, here.b.deg, nest=True, lonlat=True)
        for mask, want in ((whole, noise() > 0.4), (part, (noise() > 0.4) | ~HELD)):
            got = mask.on(geom, chunks=2 if geom is finer else 37).values.ravel()
            np.testing.assert_array_equal(got if geom is finer else got[on_sky], want[cell])


def test_data_of_planes_on_cells() -> None:
    geom = mx.WcsGeom.create(skydir=(80, 30), npix=(40, 30), binsz=3, proj="TAN", frame="icrs")
    values = np.random.default_rng(2).normal(size=geom.image_shape)
    here = there().icrs
    x, y = geom.wcs.wcs_world2pix(here.ra.deg, here.dec.deg, 0)
    x, y = np.floor(x + 0.5), np.floor(y + 0.5)
    held = here.separation(SkyCoord(80, 30, unit="deg")).deg < 89
    with np.errstate(invalid="ignore"):
        held &= (x >= 0) & (x < 40) & (y >= 0) & (y < 30)
    found = np.full(NUMBER, -9.0)
    found[held] = values[y[held].astype(int), x[held].astype(int)]
    same(mx.Threshold((values, geom), ">", 0.4), found > 0.4)
    same(mx.Raster((values > 0.4, geom)), found > 0.4)


def test_cubes() -> None:
    cube = WHOLE.to_cube([ENERGY])
    planes = np.stack([noise(seed) for seed in range(3)])
    mask = mx.Threshold((planes, cube), ">", 0.2) & mx.AxisRange("energy", "1 GeV", "100 GeV")
    want = planes > 0.2
    want[2] = False
    np.testing.assert_array_equal(mask.on(cube, chunks=2).values, want)
    np.testing.assert_array_equal(mask.compute(PART.to_cube([ENERGY])).values, want[:, HELD])
    assert mask.plan(cube, chunks=2).states.shape == (3, 192)


# ---- asking


def test_contains_area_plan_and_explain() -> None:
    values, mask = grown(within(100, 50, 20), 8.7), mx.Region("galactic;circle(100,50,20)").dilate("8.7 deg")
    rng = np.random.default_rng(6)
    at = SkyCoord(rng.uniform(0, 360, 2000), np.degrees(np.arcsin(rng.uniform(-1, 1, 2000))), unit="deg")
    cell = hp.ang2pix(NSIDE, at.galactic.l.deg, at.galactic.b.deg, nest=True, lonlat=True)
    np.testing.assert_array_equal(mask.contains(at, geom=WHOLE), values[cell])
    np.testing.assert_array_equal(mask.contains(at, geom=PART), (values & HELD)[cell])
    np.testing.assert_array_equal(PART.contains(at), HELD[cell])
    for geom, selected in ((WHOLE, values), (PART, values & HELD)):
        np.testing.assert_allclose(mask.fsky(geom), selected.mean(), rtol=1e-12)
    plan = mask.plan(WHOLE, chunks=3)
    inside = values.reshape(plan.n_tiles, -1)
    assert not inside[plan.states == 0].any()
    assert inside[plan.states == 2].all()
    assert plan.n_empty > 600
    assert "768  of 2 x 2 cells" in str(plan)
    assert "HEALPix order 4 galactic" in mask.explain(WHOLE)


def test_decided_chunks_are_no_task() -> None:
    mask = mx.Region("galactic;circle(100,50,20)")
    array = mask.on(WHOLE, chunks=3).data
    (graph,) = dask.optimize(array)
    tasks = [key for key in graph.__dask_graph__() if str(key[0]).startswith("mask-")]
    mixed = mask.plan(WHOLE, chunks=3).n_mixed
    computed = [key for key in tasks if "_compute" in repr(graph.__dask_graph__()[key])]
    assert len(computed) == mixed < 60


def test_two_processes() -> None:
    values, mask = grown(within(100, 50, 20), 8.7), mx.Region("galactic;circle(100,50,20)").dilate("8.7 deg")
    lazy = mask.on(PART, chunks=2)
    with dask.config.set(scheduler="processes", num_workers=2):
        np.testing.assert_array_equal(lazy.values, values[HELD])


def test_gammapy() -> None:
    maps = pytest.importorskip("gammapy.maps", reason="maps of gammapy")
    from maskexpr.io.gammapy import from_gammapy_map, to_gammapy_map

    mask = mx.Region("galactic;circle(10,40,30)") | mx.AxisRange("energy", "1 GeV", "9 GeV")
    for geom in (WHOLE, PART, WHOLE.to_cube([ENERGY]), PART.to_cube([ENERGY])):
        array = (mask if geom.axes else mx.Region("galactic;circle(10,40,30)")).compute(geom)
        skymap = to_gammapy_map(array)
        assert skymap.data.dtype == bool
        again = from_gammapy_map(skymap)
        np.testing.assert_array_equal(again.values, array.values)
        back = HpxGeom.from_gammapy(geom.to_gammapy())
        assert back.to_image() == geom.to_image()
        assert all(one.matches(other) for one, other in zip(back.axes, geom.axes, strict=True))
        if not geom.axes:
            lon, lat = hp.pix2ang(NSIDE, geom.cells.ids(0, geom.cells.number), nest=True, lonlat=True)
            np.testing.assert_array_equal(skymap.get_by_coord((lon, lat)), array.values)
    ring = maps.HpxNDMap(
        maps.HpxGeom(NSIDE, nest=False, frame="galactic"), data=hp.reorder(noise(), n2r=True)
    )
    same(mx.Threshold(ring, ">", 0.4), noise() > 0.4)
