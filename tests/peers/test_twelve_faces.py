"""Masks on a grid that is no WcsGeom: twelve faces of HEALPix as one lattice, which defines what is abstract.

What a mask should be is found cell by cell, in nested order, by astropy-healpix's positions and neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.errors import MaskError
from maskexpr.expr.structure import postorder
from maskexpr.testing import check_grid, check_node, check_promises, masks, tilings

from .twelve_faces import TwelveFaces, neighbours

healpix = pytest.importorskip("astropy_healpix.core", reason="pixels of HEALPix by a library of others")

ENERGY = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
Bools = np.ndarray


class Cells(NamedTuple):
    """All cells of a grid in nested order: where they are on the lattice, and on the sky."""

    grid: TwelveFaces
    y: np.ndarray
    x: np.ndarray
    there: SkyCoord

    @classmethod
    def of(cls, grid: TwelveFaces) -> Cells:
        cells = np.arange(12 * grid.nside**2)
        lon, lat = healpix.healpix_to_lonlat(cells, grid.nside, order="nested")
        return cls(grid, *grid.cell_places(cells), SkyCoord(lon, lat, frame=grid.frame))

    @property
    def on_map(self) -> Bools:
        return self.y < self.grid.image_shape[0]

    @property
    def xyz(self) -> np.ndarray:
        return self.there.cartesian.xyz.value.T

    def raster(self, values: Bools) -> Bools:
        """Values of cells as an array on the grid."""
        out = np.zeros(self.grid.image_shape, dtype=values.dtype)
        held = self.on_map
        out[self.y[held], self.x[held]] = values[held]
        return out

    def within(self, lon: float, lat: float, radius: float, frame: str = "galactic") -> Bools:
        return self.there.separation(SkyCoord(lon, lat, unit="deg", frame=frame)).deg < radius

    def offsets(self, lon: float, lat: float, angle: float) -> tuple[np.ndarray, np.ndarray]:
        """Offsets in degrees from a galactic position along axes turned from west to north, separation by
        position angle.
        """
        centre = SkyCoord(lon, lat, unit="deg", frame="galactic")
        here = self.there.galactic
        away, way = centre.separation(here).deg, centre.position_angle(here).rad
        west, north, turn = -away * np.sin(way), away * np.cos(way), np.deg2rad(angle)
        return west * np.cos(turn) + north * np.sin(turn), north * np.cos(turn) - west * np.sin(turn)


GRIDS = {
    "8": TwelveFaces(8),
    "16 galactic": TwelveFaces(16, "galactic", gap=2),
    "part of the sky": TwelveFaces(8, "galactic", ny=13),
}


@pytest.fixture(params=GRIDS)
def cells(request: pytest.FixtureRequest) -> Cells:
    return Cells.of(GRIDS[request.param])


# Growth by the tree of a grid that promises nothing is dear.
on_small_grids = pytest.mark.parametrize("cells", ["8", "part of the sky"], indirect=True)


def same(cells: Cells, mask: mx.Mask, want: Bools, chunks: tuple[object, ...] = (7, (8, 100))) -> None:
    """A mask in memory, and lazily in chunks and in slices, is what cells are."""
    grid, raster = cells.grid, cells.raster(want)
    assert raster.any(), "a test of nothing"
    assert not raster.all()
    np.testing.assert_array_equal(mask.compute(grid).values, raster)
    for sizes in chunks:
        lazy = mask.on(grid, chunks=sizes)
        np.testing.assert_array_equal(lazy.values, raster)
        np.testing.assert_array_equal(lazy[3:12, 7:19].values, raster[3:12, 7:19])


# ---- the grid itself


@pytest.mark.parametrize("nside", [1, 2, 8, 16])
@pytest.mark.parametrize("options", [{}, {"gap": 3}, {"axes": (ENERGY,), "frame": "galactic"}, {"ny": 2}])
def test_laws_of_a_grid(nside: int, options: dict[str, object]) -> None:
    check_grid(TwelveFaces(nside, **options))


def test_it_defines_what_is_abstract_and_nothing_else() -> None:
    from maskexpr.grid.lattice import Grid

    asked = {name for name in vars(Grid) if not name.startswith("_")}
    assert asked & set(vars(TwelveFaces)) == set(Grid.__abstractmethods__)


# ---- leaves and algebra


def sources(number: int = 40) -> tuple[SkyCoord, np.ndarray]:
    rng = np.random.default_rng(4)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    radius = rng.choice([1.0, 4.0, 9.0, 30.0], number, p=[0.4, 0.4, 0.15, 0.05])
    return SkyCoord(rng.uniform(0, 360, number), lat, unit="deg", frame="galactic"), radius


def test_catalog(cells: Cells) -> None:
    there, radius = sources()
    want = (cells.there[:, None].separation(there[None, :]).deg < radius).any(axis=1)
    same(cells, mx.Catalog(there, radius * u.deg), want)


def in_box(cells: Cells, lon: float, lat: float, width: float, height: float, angle: float) -> Bools:
    along, up = cells.offsets(lon, lat, angle)
    return (np.abs(along) < width / 2) & (np.abs(up) < height / 2)


def in_ellipse(cells: Cells, lon: float, lat: float, a: float, b: float, angle: float) -> Bools:
    along, up = cells.offsets(lon, lat, angle)
    return (along / a) ** 2 + (up / b) ** 2 < 1


def in_convex_polygon(cells: Cells, *vertices: float) -> Bools:
    corners = SkyCoord(*np.reshape(vertices, (-1, 2)).T, unit="deg", frame="galactic").cartesian.xyz.value.T
    normals = np.cross(corners, np.roll(corners, -1, axis=0))
    turn = np.sign(normals @ corners.mean(axis=0))[:, None]
    return ((normals @ cells.there.galactic.cartesian.xyz.value) * turn > 0).all(axis=0)


def of_point(cells: Cells, lon: float, lat: float) -> Bools:
    at = SkyCoord(lon, lat, unit="deg", frame="galactic").transform_to(cells.grid.frame).spherical
    out = np.zeros(len(cells.there), dtype=bool)
    out[healpix.lonlat_to_healpix(at.lon, at.lat, cells.grid.nside, order="nested")] = True
    return out


def on_line(cells: Cells, *ends: float) -> Bools:
    start, end = SkyCoord(*np.reshape(ends, (2, 2)).T, unit="deg", frame="galactic")
    step = np.linspace(0, 1, 300_001) * start.separation(end)
    at = start.directional_offset_by(start.position_angle(end), step).transform_to(cells.grid.frame).spherical
    out = np.zeros(len(cells.there), dtype=bool)
    out[healpix.lonlat_to_healpix(at.lon, at.lat, cells.grid.nside, order="nested")] = True
    return out


REGIONS: dict[str, Callable[[Cells], Bools]] = {
    "circle(120,40,25)": lambda cells: cells.within(120, 40, 25),
    "circle(0,90,100)": lambda cells: cells.within(0, 90, 100),
    "annulus(30,-20,12,40)": lambda cells: cells.within(30, -20, 40) & ~cells.within(30, -20, 12),
    "circle(50,60,30);-circle(50,60,12)": lambda cells: cells.within(50, 60, 30) & ~cells.within(50, 60, 12),
    "ellipse(200,30,40,15,30)": lambda cells: in_ellipse(cells, 200, 30, 40, 15, 30),
    "box(10,20,70,25,20)": lambda cells: in_box(cells, 10, 20, 70, 25, 20),
    "polygon(350,-10,40,-5,45,50,340,30)": lambda cells: in_convex_polygon(
        cells, 350, -10, 40, -5, 45, 50, 340, 30
    ),
    "point(77,52)": lambda cells: of_point(cells, 77, 52),
    "line(300,-10,100,70)": lambda cells: on_line(cells, 300, -10, 100, 70),
}


@pytest.mark.parametrize("text", REGIONS)
def test_region(cells: Cells, text: str) -> None:
    same(cells, mx.Region(f"galactic;{text}"), REGIONS[text](cells))


def test_many_shapes(cells: Cells) -> None:
    there, radius = sources(15)
    text = ";".join(f"circle({s.l.deg},{s.b.deg},{r})" for s, r in zip(there, radius, strict=True))
    want = np.any([cells.within(s.l.deg, s.b.deg, r) for s, r in zip(there, radius, strict=True)], axis=0)
    same(
        cells,
        mx.Region(f"galactic;{text};ellipse(80,30,25,9,40)"),
        want | in_ellipse(cells, 80, 30, 25, 9, 40),
    )


def test_band_and_algebra(cells: Cells) -> None:
    here = cells.there.galactic
    lat, lon = here.b.deg, here.l.deg
    belt, wedge = (np.abs(lat) < 13.3), (lon > 339.7) | (lon < 41.3)
    circle = cells.within(20, 40, 35)
    one = mx.Band(lat=("-13.3 deg", "13.3 deg"), frame="galactic")
    other = mx.Band(lon=("339.7 deg", "41.3 deg"), frame="galactic")
    third = mx.Region("galactic;circle(20,40,35)")
    same(cells, one, belt)
    same(cells, other, wedge)
    same(cells, ~one, ~belt)
    same(cells, (one | third) & ~other, (belt | circle) & ~wedge)
    same(cells, one ^ other ^ third, belt ^ wedge ^ circle)
    same(cells, third - other, circle & ~wedge)


# ---- growing


def grown(cells: Cells, values: Bools, radius: float) -> Bools:
    """All cells within a radius of a selected one."""
    if not values.any():
        return values
    chord, _ = cKDTree(cells.xyz[values]).query(cells.xyz)
    return 2 * np.arcsin(np.minimum(chord / 2, 1)) <= np.deg2rad(radius)


def grown_by_box(cells: Cells, values: Bools, lon: float, lat: float) -> Bools:
    """All cells with a selected one at most so far along the meridian and the parallel nearer to the
    equator.
    """
    here = cells.there.spherical
    b, a = here.lat.deg, here.lon.deg
    up = np.abs(b[:, None] - b[None, values])
    along = np.abs((a[:, None] - a[None, values] + 180) % 360 - 180)
    wide = np.maximum(np.cos(np.deg2rad(b))[:, None], np.cos(np.deg2rad(b[values]))[None, :])
    return ((up <= lat) & (along * wide <= lon)).any(axis=1)


SHAPES: dict[str, tuple[object, str, Callable[[Cells, Bools], Bools]]] = {
    "disk": ("11.3 deg", "disk", lambda cells, values: grown(cells, values, 11.3)),
    "large disk": ("60.7 deg", "disk", lambda cells, values: grown(cells, values, 60.7)),
    "box": (("14.2 deg", "9.1 deg"), "box", lambda cells, values: grown_by_box(cells, values, 14.2, 9.1)),
}


@on_small_grids
@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("verb", ["dilate", "erode", "open", "close"])
def test_growth(cells: Cells, name: str, verb: str) -> None:
    radius, kernel, grow = SHAPES[name]
    # Seen at the poles of the grid and where three faces meet, and large enough to be eroded.
    middle = cells.within(*{"dilate": (123, 27, 9.7), "close": (123, 27, 19.7)}.get(verb, (123, 27, 99.7)))
    holed = middle & ~cells.within(150, 33, 5.1) | cells.within(30, 88, 14.9)
    if verb in ("erode", "open"):
        holed = middle
    mask = mx.Region("galactic;" + _circle(verb))
    if verb not in ("erode", "open"):
        mask = mask - mx.Region("galactic;circle(150,33,5.1)") | mx.Region("galactic;circle(30,88,14.9)")

    def shrunk(values: Bools) -> Bools:
        return ~grow(cells, ~values)

    want = {
        "dilate": lambda: grow(cells, holed),
        "erode": lambda: shrunk(holed),
        "open": lambda: grow(cells, shrunk(holed)),
        "close": lambda: shrunk(grow(cells, holed)),
    }[verb]()
    same(cells, getattr(mask, verb)(radius, kernel=kernel), want, chunks=((8, 13),))


def _circle(verb: str) -> str:
    radius = {"dilate": 9.7, "close": 19.7}.get(verb, 99.7)
    return f"circle(123,27,{radius})"


@on_small_grids
def test_growth_stands_in_growth(cells: Cells) -> None:
    there, radius = sources()
    want = (cells.there[:, None].separation(there[None, :]).deg < radius).any(axis=1)
    want = grown(cells, ~grown(cells, ~grown(cells, want, 7.3), 12.1), 6.2)
    same(
        cells,
        mx.Catalog(there, radius * u.deg).dilate("7.3 deg").erode("12.1 deg").dilate("6.2 deg"),
        want,
        chunks=((9, 100),),
    )


# ---- what hangs together


def components(cells: Cells, values: Bools, connectivity: int) -> tuple[np.ndarray, Bools]:
    """Label of each cell, -1 where it is not selected on the map; which labels touch the edge of the map."""
    held = values & cells.on_map
    start, end = neighbours(np.arange(len(values)), cells.grid.nside, connectivity == 8)
    both = held[start] & held[end]
    size = len(values)
    graph = coo_array((np.ones(both.sum()), (start[both], end[both])), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    beyond = np.unique(label[start[held[start] & ~cells.on_map[end]]])
    return np.where(held, label, -1), np.isin(np.arange(size), beyond)


def noise(cells: Cells, seed: int = 1) -> np.ndarray:
    """Smooth noise with a value for each cell."""
    rng = np.random.default_rng(seed)
    near = cKDTree(cells.xyz).query_ball_point(cells.xyz, 0.21)
    white = rng.normal(size=len(cells.xyz))
    return np.array([white[each].mean() * np.sqrt(len(each)) for each in near]) + 0.3 * white


def data(cells: Cells, values: np.ndarray) -> tuple[np.ndarray, TwelveFaces]:
    """Values of cells as users give them."""
    return cells.raster(values), cells.grid


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("limit", [None, 400.0])
def test_fill_holes(cells: Cells, connectivity: int, limit: float | None) -> None:
    values = noise(cells) > -0.7
    label, at_edge = components(cells, ~values, connectivity)
    number = np.bincount(label[label >= 0], minlength=len(values))
    if limit is not None:
        hole = number * (41252.96 / len(values)) <= limit
    else:
        hole = np.ones(len(values), dtype=bool)
        if cells.on_map.all():
            assert np.count_nonzero(number == number.max()) == 1
            hole[number.argmax()] = False
    want = values | ((label >= 0) & (hole & ~at_edge)[label])
    mask = mx.Threshold(data(cells, noise(cells)), ">", -0.7)
    area = None if limit is None else limit * u.deg**2
    assert (want & cells.on_map).sum() > (values & cells.on_map).sum()
    same(cells, mx.FillHoles(mask, area, connectivity=connectivity), want)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("unit", ["deg2", "pix2"])
def test_remove_small(cells: Cells, connectivity: int, unit: str) -> None:
    values = noise(cells) > 0.8
    label, _ = components(cells, values, connectivity)
    number = np.bincount(label[label >= 0], minlength=len(values))
    want = (label >= 0) & (number >= 4)[label]
    least = 3.5 * (41252.96 / len(values)) * u.deg**2 if unit == "deg2" else 4 * u.pix**2
    mask = mx.Threshold(data(cells, noise(cells)), ">", 0.8)
    assert 0 < (want & cells.on_map).sum() < (values & cells.on_map).sum()
    same(cells, mx.RemoveSmall(mask, least, connectivity=connectivity), want)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_hysteresis(cells: Cells, connectivity: int) -> None:
    values = noise(cells)
    label, _ = components(cells, values > 0.5, connectivity)
    seeds = np.unique(label[(values > 1.6) & (label >= 0)])
    want = np.isin(label, seeds)
    assert 0 < (want & cells.on_map).sum() < ((values > 0.5) & cells.on_map).sum()
    same(cells, mx.Hysteresis(data(cells, values), 0.5, 1.6, connectivity=connectivity), want)
    low, high = (mx.Threshold(data(cells, values), ">", each) for each in (0.5, 1.6))
    same(cells, mx.Hysteresis.from_masks(low, high, connectivity=connectivity), want)


def test_a_ring_round_a_corner_of_three_faces_is_a_hole() -> None:
    cells = Cells.of(TwelveFaces(8))
    # Where three faces meet: latitude asin(2/3), longitude 0.
    ring = cells.within(0, 41.81, 30, "icrs") & ~cells.within(0, 41.81, 16, "icrs")
    mask = mx.Region("icrs;annulus(0,41.81,16,30)")
    same(cells, mask.fill_holes(), cells.within(0, 41.81, 30, "icrs"))
    assert mask.compute(cells.grid).sum() == ring.sum()


# ---- data on other grids


@pytest.mark.parametrize("proj", ["CAR", "AIT", "TAN"])
def test_data_of_a_wcs_by_position(cells: Cells, proj: str) -> None:
    # In the grid's own frame centres of cells lie on borders of pixels, where rounding decides.
    other = "icrs" if cells.grid.frame == "galactic" else "galactic"
    geom = (
        mx.WcsGeom.create(skydir=(80, 30), npix=(40, 30), binsz=3, proj="TAN", frame="icrs")
        if proj == "TAN"
        else mx.WcsGeom.allsky(binsz=5, frame=other, proj=proj)
    )
    values = np.random.default_rng(2).normal(size=geom.image_shape)
    here = cells.there.transform_to(geom.frame).spherical
    x, y = geom.wcs.wcs_world2pix(here.lon.deg, here.lat.deg, 0)
    x, y = np.floor(x + 0.5), np.floor(y + 0.5)
    if proj == "CAR":
        x = x % geom.image_shape[1]
    with np.errstate(invalid="ignore"):
        held = (x >= 0) & (x < geom.image_shape[1]) & (y >= 0) & (y < geom.image_shape[0])
    if proj == "TAN":
        held &= cells.within(80, 30, 89, "icrs")
    found = np.full(len(held), -9.0)
    found[held] = values[y[held].astype(int), x[held].astype(int)]
    same(cells, mx.Threshold((values, geom), ">", 0.4), found > 0.4)
    same(cells, mx.Threshold((values, geom), ">", 0.4, outside=True), (found > 0.4) | ~held)
    same(cells, mx.Raster((values > 0.4, geom)), found > 0.4)


def test_data_of_faces_on_a_wcs_and_at_positions(cells: Cells) -> None:
    values = noise(cells)
    mask = mx.Threshold(data(cells, values), ">", 0.4)
    geom = mx.WcsGeom.allsky(binsz=2.3, frame="icrs", proj="CAR")
    y, x = np.indices(geom.image_shape)
    lon, lat = geom.wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    there = SkyCoord(lon, lat, unit="deg", frame="icrs")
    at = there.transform_to(cells.grid.frame).spherical
    cell = healpix.lonlat_to_healpix(at.lon, at.lat, cells.grid.nside, order="nested")
    want = (values > 0.4)[cell] & cells.on_map[cell]
    np.testing.assert_array_equal(mask.compute(geom).values.ravel(), want)
    np.testing.assert_array_equal(mask.on(geom, chunks=37).values.ravel(), want)
    np.testing.assert_array_equal(mask.contains(there), want)


def test_data_per_energy() -> None:
    cells = Cells.of(TwelveFaces(8, axes=(ENERGY,)))
    planes = np.stack([noise(cells, seed) for seed in range(3)])
    cube = np.stack([cells.raster(each) for each in planes])
    mask = mx.Threshold((cube, cells.grid), ">", 0.2) & mx.AxisRange("energy", "1 GeV", "100 GeV")
    want = np.stack([cells.raster(each > 0.2) for each in planes])
    want[2] = False
    np.testing.assert_array_equal(mask.on(cells.grid, chunks=9).values, want)
    assert mask.on(cells.grid).dims == ("energy", "y", "x")


# ---- asking


def test_contains_asks_the_cell(cells: Cells) -> None:
    rng = np.random.default_rng(6)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 2000)))
    there = SkyCoord(rng.uniform(0, 360, 2000), lat, unit="deg", frame="icrs")
    at = there.transform_to(cells.grid.frame).spherical
    cell = healpix.lonlat_to_healpix(at.lon, at.lat, cells.grid.nside, order="nested")
    values = grown(cells, cells.within(100, 50, 20), 8.7)
    mask = mx.Region("galactic;circle(100,50,20)").dilate("8.7 deg")
    got = mask.contains(there, geom=cells.grid)
    np.testing.assert_array_equal(got, values[cell] & cells.on_map[cell])
    bare = mx.Region("galactic;circle(100,50,20)").contains(there)
    separation = there.separation(SkyCoord(100, 50, unit="deg", frame="galactic"))
    np.testing.assert_array_equal(bare, separation.deg < 20)


def test_area_plan_explain(cells: Cells) -> None:
    want = cells.raster(cells.within(200, -30, 47))
    on_sky = cells.raster(np.ones(len(cells.there), dtype=bool))
    mask = mx.Region("galactic;circle(200,-30,47)")
    area = want.sum() / len(cells.there)
    np.testing.assert_allclose(mask.fsky(cells.grid), area, rtol=1e-12)
    np.testing.assert_allclose(mask.area(cells.grid).to_value("deg2"), area * 41252.96124941927, rtol=1e-12)
    plan = mask.plan(cells.grid, chunks=4)
    assert plan.n_tiles == plan.n_empty + plan.n_full + plan.n_mixed
    assert plan.n_empty > 0
    assert plan.n_full > 0 or cells.grid.nside == 8
    for (i, j), state in np.ndenumerate(plan.states):
        part = slice(4 * i, 4 * i + 4), slice(4 * j, 4 * j + 4)
        inside = want[part][on_sky[part]]
        # A tile with pixels off the sky is not looked at any closer.
        assert state in ({0, 1} if not inside.any() else {1} if not want[part].all() else {2})
        assert state != 1 or not on_sky[part].all() or (inside.any() and not inside.all())
    text = mask.explain(cells.grid, chunks=4)
    assert re.search(rf"^ +empty +{plan.n_empty} ", text, re.MULTILINE)
    assert "TwelveFaces" in text


# ---- the laws of nodes


@st.composite
def on_any_grid(draw: st.DrawFn) -> mx.Mask:
    """Random masks that have a meaning on grids that are no plane."""
    mask = draw(masks())
    planar = any(
        isinstance(x, mx.Boundary) or getattr(x, "metric", "sky") == "pixel" for x in postorder(mask)
    )
    assume(not planar)
    return mask


@given(mask=on_any_grid(), grid=st.sampled_from([TwelveFaces(4), TwelveFaces(4, "galactic", ny=7)]))
@settings(max_examples=25)
def test_laws_of_nodes(mask: mx.Mask, grid: TwelveFaces) -> None:
    check_node(mask, grid)


@given(mask=on_any_grid(), drawn=st.data())
@settings(max_examples=15)
def test_promises(mask: mx.Mask, drawn: st.DataObject) -> None:
    grid = TwelveFaces(4)
    check_promises(mask, grid, drawn.draw(tilings(grid)))


# ---- what is a WcsGeom's alone

CIRCLE = mx.Region("icrs;circle(10,20,30)")
PLANAR = {
    "region": mx.Region("icrs;circle(10,20,30)", metric="pixel"),
    "dilation": CIRCLE.dilate(3 * u.pix, metric="pixel"),
    "erosion": CIRCLE.erode("3 deg", metric="pixel"),
    "opening": CIRCLE.open(3 * u.pix, kernel="box", metric="pixel"),
    "closing": CIRCLE | CIRCLE.close(3 * u.pix, metric="pixel"),
    "boundary": ~mx.Boundary("1 deg"),
    "boundary in pixels": mx.Boundary(1 * u.pix, metric="pixel"),
}


@pytest.mark.parametrize("name", PLANAR)
@pytest.mark.parametrize("verb", ["on", "compute", "plan", "area", "explain"])
def test_planar_things_are_refused(name: str, verb: str) -> None:
    with pytest.raises(MaskError, match=r"TwelveFaces\(nside=8, icrs\).*WcsGeom"):
        getattr(PLANAR[name], verb)(TwelveFaces(8))


def test_files_and_drawings_are_refused(tmp_path: object) -> None:
    for ask in (
        lambda grid: CIRCLE.write(f"{tmp_path}/mask.zarr", grid),
        lambda grid: CIRCLE.write(f"{tmp_path}/mask.fits", grid),
        lambda grid: CIRCLE.plot(grid),
        lambda grid: mx.significance((np.ones(grid.image_shape), grid), 1.0, "3 deg"),
    ):
        with pytest.raises(MaskError, match=r"WcsGeom.*TwelveFaces\(nside=8, icrs\)"):
            ask(TwelveFaces(8))


def test_an_array_on_faces_says_how_to_give_it() -> None:
    with pytest.raises(MaskError, match=r"\(array, geom\)"):
        mx.Raster(CIRCLE.compute(TwelveFaces(8)))
