"""Components on the sphere: seam, poles, the rim of the sky's image, true areas, and maps without an edge."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from maskexpr import AllSky, Catalog, HpxGeom, NoSky, WcsGeom
from maskexpr.components.areas import weights
from maskexpr.components.solve import blocks, blocks_of
from maskexpr.expr.mask import Mask
from maskexpr.grid.healpix.cells import neighbours
from maskexpr.grid.healpix.staircase import cells_at, index_of
from maskexpr.grid.lattice import OFF
from maskexpr.grid.rim import topology
from maskexpr.grid.tiles import Tile
from maskexpr.nodes.fill_holes import FillHoles
from maskexpr.nodes.raster import Raster
from maskexpr.nodes.remove_small import RemoveSmall
from maskexpr.pixels.window import Window

from .components_oracle import chunked, cut, keep, sizes, sky, whole

DEG2 = float((1 * u.sr).to_value(u.deg**2))


# ---- seam and poles


def all_sky_raster(*pixels: tuple[int, int]) -> tuple[WcsGeom, Mask]:
    geom = WcsGeom.allsky(binsz=10)
    values = np.zeros(geom.shape, dtype=bool)
    for y, x in pixels:
        values[y, x] = True
    return geom, Raster((values, geom))


@pytest.mark.parametrize(
    ("pixels", "connectivity", "one"),
    [
        (((9, 0), (9, 35)), 4, True),
        (((9, 0), (10, 35)), 4, False),
        (((9, 0), (10, 35)), 8, True),
        (((0, 3), (0, 20)), 4, True),
        (((17, 3), (17, 20)), 4, True),
        (((0, 3), (17, 3)), 8, False),
        (((1, 3), (1, 20)), 8, False),
    ],
)
def test_what_is_one_component(pixels: tuple, connectivity: int, one: bool) -> None:
    geom, mask = all_sky_raster(*pixels)
    assert whole(RemoveSmall(mask, 2 * u.pix**2, connectivity), geom).sum() == (2 if one else 0)
    assert chunked(RemoveSmall(mask, 2 * u.pix, connectivity), geom, (7, 11), (17, 19)).sum() == (
        2 if one else 0
    )


def test_no_seam_unless_the_map_goes_round() -> None:
    geom = WcsGeom.create(width=(350, 180), binsz=10)
    values = np.zeros(geom.shape, dtype=bool)
    values[9, [0, -1]] = values[0, [3, 20]] = True
    assert not whole(RemoveSmall(Raster((values, geom)), 2 * u.pix), geom).any()
    assert not any(topology(geom).poles)


def test_seam_without_poles() -> None:
    """A belt round the sky: its rows end it, its columns do not."""
    geom = WcsGeom.create(width=(360, 60), binsz=10)
    assert topology(geom)[1:4] == (True, (False, False), (True, True, False, False))
    values = np.ones(geom.shape, dtype=bool)
    values[3, [0, -1]] = values[0, 10] = False
    filled = whole(FillHoles(Raster((values, geom))), geom)
    assert filled[3].all()
    assert not filled[0, 10]


def test_map_larger_than_thesky() -> None:
    """The seam and the poles lie within the map; its first and last rows and columns are off the sky."""
    geom = WcsGeom.create(width=(400, 220), binsz=10)
    ground = topology(geom)
    assert ground.window == Window(2, 20, 2, 38)
    assert ground.edgeless
    values = np.zeros(geom.shape, dtype=bool)
    values[10, [2, 37]] = values[2, [5, 25]] = values[0, 0] = True
    mask = Raster((values, geom))
    node = RemoveSmall(mask, 2 * u.pix)
    expected = values.copy()
    expected[0, 0] = False
    assert_array_equal(whole(node, geom), expected)
    for chunks in ((1, 1, 5, 15), (2, 20)):
        assert_array_equal(chunked(node, geom, chunks, (1, 2, 30, 7)), expected)
    assert len(blocks(geom, (1, 1, 5, 15), (1, 2, 30, 7))[0]) == 6
    # Two holes of two pixels each; the one at the pole holds less sky.
    assert whole(FillHoles(~mask), geom).sum() == 18 * 36 - 2


# ---- the rim of other projections


@pytest.mark.parametrize("proj", ["AIT", "MOL", "HPX"])
def test_source_on_the_rim_is_one(proj: str) -> None:
    """A disk over the seam of an all-sky map is two pieces of the array and one of the sky."""
    geom = WcsGeom.allsky(binsz=2, proj=proj)
    disk = Catalog(sky([[180.0, 3.0]]), "12 deg")
    pixels = whole(disk, geom)
    found, number = ndimage.label(pixels)
    assert number > 1
    parts = sizes(found, number)[1:]
    node = RemoveSmall(disk, float(parts.max() + 1) * u.pix**2)
    assert_array_equal(whole(node, geom), pixels)
    assert_array_equal(chunked(node, geom, cut(90, [17, 40]), cut(180, [30, 90])), pixels)
    # Nothing else is joined: two disks stay two.
    two = disk | Catalog(sky([[180.0, 60.0], [0.0, 0.0]]), "12 deg")
    assert not whole(RemoveSmall(two, float(pixels.sum() * 2) * u.pix**2), geom).any()


@pytest.mark.parametrize("proj", ["AIT", "CAR"])
def test_ring_over_the_seam_is_filled(proj: str) -> None:
    geom = WcsGeom.allsky(binsz=2, proj=proj)
    ring = Catalog(sky([[180.0, 3.0]]), "20 deg") - Catalog(sky([[180.0, 3.0]]), "10 deg")
    full = whole(Catalog(sky([[180.0, 3.0]]), "20 deg"), geom)
    assert_array_equal(whole(FillHoles(ring), geom), full)
    assert_array_equal(whole(FillHoles(ring, "300 deg2"), geom), whole(ring, geom))
    assert_array_equal(whole(FillHoles(ring, "345 deg2"), geom), full)


@pytest.mark.parametrize("proj", ["SIN", "TAN", "ZEA"])
def test_rim_that_leads_nowhere_is_an_edge(proj: str) -> None:
    """What is left out at the horizon of SIN is open, as at the edge of the map."""
    geom = WcsGeom.create(npix=(30, 30), binsz=5, proj=proj)
    ny, nx = geom.image_shape
    on_sky = Tile(geom, Window(0, ny, 0, nx)).on_sky
    inside = np.ones((ny, nx), dtype=bool) if on_sky is None else on_sky
    values = np.ones((ny, nx), dtype=bool)
    at = tuple(each[0] for each in np.nonzero(inside))
    values[at] = values[15, 15] = False
    filled = whole(FillHoles(Raster((values, geom))), geom)
    assert filled[15, 15]
    assert not filled[at]
    assert not (filled & ~inside).any()


def test_off_the_sky_is_never_filled() -> None:
    geom = WcsGeom.allsky(binsz=5, proj="AIT")
    on_sky = Tile(geom, Window(0, 36, 0, 72)).on_sky
    assert on_sky is not None
    assert_array_equal(whole(FillHoles(AllSky()), geom), on_sky)
    assert_array_equal(
        whole(FillHoles(AllSky() - Raster((np.eye(36, 72, 20, dtype=bool), geom)), "20000 deg2"), geom),
        on_sky,
    )


def test_step_over_the_rim_is_a_step_on_thesky() -> None:
    geom = WcsGeom.allsky(binsz=3, proj="AIT")
    around = geom.rim(Window(0, 60, 0, 120), False)
    over = around.target >= 0
    assert over.sum() > 150
    lon, lat = (np.radians(each) for each in geom.lonlat(around.y[over], around.x[over]))
    to_lon, to_lat = (np.radians(each) for each in geom.lonlat(*np.divmod(around.target[over], 120)))
    apart = np.degrees(
        np.arccos(np.sin(lat) * np.sin(to_lat) + np.cos(lat) * np.cos(to_lat) * np.cos(lon - to_lon))
    )
    # Pixels at the rim are sheared: 3 deg along a row can be several times that on the sky.
    assert np.median(apart) < 9
    assert apart.max() < 20


# ---- areas


def test_areas_are_true_solid_angles() -> None:
    """Blocks of 2 x 2 pixels weigh less towards the pole."""
    geom = WcsGeom.allsky(binsz=1)
    values = np.zeros(geom.shape, dtype=bool)
    for y in range(0, 90, 4):
        values[y : y + 2, 100:102] = True
    area = geom.solid_angle().values * DEG2
    found, number = ndimage.label(values)
    expected = keep(found, sizes(found, number, area) >= 2)
    assert 0 < expected.sum() < values.sum()
    assert_array_equal(whole(RemoveSmall(Raster((values, geom)), "2 deg2"), geom), expected)


@pytest.mark.parametrize(
    "geom",
    [
        WcsGeom.allsky(binsz=3),
        WcsGeom.allsky(binsz=3, proj="AIT"),
        WcsGeom.create(npix=(40, 30), binsz=(2, 1), proj="TAN", skydir=(80, 88)),
        WcsGeom.create(npix=(121, 60), binsz=3),
        WcsGeom.create(npix=(1, 1), binsz=1),
    ],
    ids=["CAR", "AIT", "TAN", "a column twice", "one pixel"],
)
def test_weights_are_the_geometry_s(geom: WcsGeom) -> None:
    """Each pixel to a part in 10^6, and exactly the same however runs are cut."""
    ground = topology(geom).window
    y, x = (each.ravel() for each in np.mgrid[ground.y0 : ground.y1, ground.x0 : ground.x1])
    single = weights(geom, "deg2", y, x, x + 1)
    area = geom.solid_angle().values[y, x]
    seen = np.isfinite(area)
    ratio = single[seen].sum() / area[seen].sum()
    assert np.abs(single[seen] / (area[seen] * ratio) - 1).max() < 1e-6
    assert not single[~seen].any()
    rows = np.arange(ground.y0, ground.y1)
    long = weights(geom, "deg2", rows, np.full(len(rows), ground.x0), np.full(len(rows), ground.x1))
    assert_array_equal(long, single.reshape(len(rows), -1).sum(axis=1))


def test_sums_fit_for_the_largest_map() -> None:
    geom = WcsGeom.allsky(binsz=1 / 4000)
    nx = geom.image_shape[1]
    row = int(weights(geom, "deg2", np.array([360_000]), np.array([0]), np.array([nx]))[0])
    assert 0 < row * geom.image_shape[0] < 2**62
    assert row / nx > 1e6


def test_least_area_counts_as_enough() -> None:
    """At least min_area, at most max_area."""
    geom = WcsGeom.create(npix=(20, 20), binsz=1, proj="CEA")
    values = np.zeros(geom.shape, dtype=bool)
    values[2:4, 2:4] = True
    mask = Raster((values, geom))
    four = geom.solid_angle().values[2:4, 2:4].sum() * u.sr
    assert whole(RemoveSmall(mask, four), geom).sum() == 4
    assert whole(RemoveSmall(mask, four * (1 + 1e-6)), geom).sum() == 0
    assert whole(RemoveSmall(mask, 4 * u.pix), geom).sum() == 4
    assert whole(RemoveSmall(mask, 4.01 * u.pix), geom).sum() == 0
    assert whole(FillHoles(~mask, four), geom).sum() == 400
    assert whole(FillHoles(~mask, four * (1 - 1e-6)), geom).sum() == 396
    assert whole(FillHoles(~mask, 3.99 * u.pix), geom).sum() == 396


# ---- all-sky maps have no edge


def test_of_all_sky_holes_the_largest_stays() -> None:
    """By solid angle, not by pixels: a cap of 30 deg has more pixels than a belt of 15 deg, and less sky."""
    geom = WcsGeom.allsky(binsz=5)
    values = np.ones(geom.shape, dtype=bool)
    values[:6] = values[17:20] = False
    assert (~values[:6]).sum() > (~values[17:20]).sum()
    for rows in ((36,), (7, 7, 7, 15)):
        filled = chunked(FillHoles(Raster((values, geom))), geom, rows, (30, 42))
        assert filled[:6].all()
        assert not filled[17:20].any()


def test_of_equal_holes_the_first_stays() -> None:
    geom, mask = all_sky_raster((8, 3), (8, 30), (8, 17))
    for columns in ((36,), (10, 10, 16)):
        filled = chunked(FillHoles(~mask), geom, (5, 13), columns)
        assert np.argwhere(~filled).tolist() == [[8, 3]]


def test_nothing_is_left_out() -> None:
    geom = WcsGeom.allsky(binsz=10)
    assert whole(FillHoles(AllSky()), geom).all()
    assert not whole(FillHoles(NoSky()), geom).any()
    assert whole(FillHoles(NoSky(), "50000 deg2"), geom).all()
    assert not whole(RemoveSmall(NoSky(), "0 deg2"), geom).any()


# ---- few cells of a high order


@pytest.mark.parametrize("order", [12, 18, 24])
@pytest.mark.parametrize(
    "places",
    [[(100, 30)], [(315, 0)], [(0, 90)], [(0, 41.81)], [(10, 10), (200, -30)]],
    ids=["face", "seam", "pole", "corner", "apart"],
)
def test_work_is_of_the_cells_whatever_lies_between(places: list, order: int) -> None:
    cells = cells_at(order, *index_of(order, *np.array(places, dtype=float).T))
    for _ in range(3):
        cells = np.unique(neighbours(order, cells))
        cells = cells[cells >= 0]
    geom = HpxGeom(order=order, cells=cells)
    made = blocks_of(geom, geom.layout()).windows
    held = [each for each in made if geom.covers(np.array(each)[:, None])[0] != OFF]
    assert len(made) <= 49, "what is between patches is not cut"
    assert sum(each.size for each in held) <= 49 * len(places), "blocks are of no more than the cells"
    whole = AllSky().on(geom)
    assert_array_equal(RemoveSmall(Raster(whole), 2 * u.pix**2).on(geom), whole)
