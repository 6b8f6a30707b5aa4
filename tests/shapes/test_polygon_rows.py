"""Polygons by rows on separable grids: the very bits of asking every pixel, and hardly any pixel is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from regions import PolygonSkyRegion

import maskexpr as mx
from maskexpr.core.trace import tracing
from maskexpr.errors import RegionError
from maskexpr.grid.points import Pixels
from maskexpr.grid.tiles import Tile
from maskexpr.pixels.window import Window
from maskexpr.shapes import Circle, Polygon, combine
from maskexpr.shapes.index import ShapeIndex
from maskexpr.shapes.pieces import DOUBT
from maskexpr.shapes.strips import Strip

GRIDS = [
    mx.WcsGeom.allsky(binsz=3, proj="CAR"),
    mx.WcsGeom.allsky(binsz=2.5, proj="CAR", frame="galactic"),
    # Rows at the poles and on the equator, a column more than a turn.
    mx.WcsGeom.create(skydir=(0, 0), npix=(73, 37), binsz=5, proj="CAR", frame="icrs"),
    # Beyond the seam, and a window that is no whole turn.
    mx.WcsGeom.create(skydir=(40, 0), npix=(100, 60), binsz=4, proj="MER", frame="icrs"),
    mx.WcsGeom.create(skydir=(355, 0), npix=(60, 50), binsz=0.7, proj="CAR", frame="icrs"),
    mx.WcsGeom.create(skydir=(40, 0), npix=(100, 70), binsz=2.7, proj="CEA", frame="galactic"),
]

LON = st.one_of(st.floats(0, 360), st.integers(0, 24).map(lambda each: 15.0 * each))
LAT = st.one_of(st.floats(-90, 90), st.integers(-6, 6).map(lambda each: 15.0 * each), st.just(0.0))


@st.composite
def polygons(draw: Any) -> Polygon:
    """Anywhere and of any form, with vertices and edges on rows, columns, poles and the equator."""
    number = draw(st.integers(3, 8))
    if draw(st.booleans()):
        lon, lat = (
            draw(st.lists(LON, min_size=number, max_size=number)),
            draw(st.lists(LAT, min_size=number, max_size=number)),
        )
    else:
        size, lon0, lat0 = 10 ** draw(st.floats(-3, 1.5)), draw(LON), draw(LAT)
        offsets = st.lists(st.floats(-1, 1), min_size=number, max_size=number)
        lon = [lon0 + size * each / max(np.cos(np.deg2rad(lat0)), 0.05) for each in draw(offsets)]
        lat = [float(np.clip(lat0 + size * each, -90, 90)) for each in draw(offsets)]
    frame = draw(st.sampled_from(["icrs", "icrs", "galactic"]))
    try:
        return Polygon(lon, lat, frame, draw(st.booleans()))
    except RegionError:
        assume(False)
        raise


def asked(shapes: list[Any], geom: mx.WcsGeom) -> np.ndarray:
    """Each shape asked for every pixel."""
    y, x = (each.ravel() for each in np.mgrid[: geom.image_shape[0], : geom.image_shape[1]])
    xyz = Pixels(geom, y, x).xyz
    known = np.isfinite(xyz[0])
    out = np.zeros(len(y), dtype=bool)
    for shape in shapes:
        out[known] |= shape.inside(np.ascontiguousarray(xyz[:, known]), geom.frame)
    return out.reshape(geom.image_shape)


def painted(shapes: list[Any], geom: mx.WcsGeom, window: Window) -> np.ndarray:
    out = np.zeros(window.shape, dtype=bool)
    ShapeIndex(shapes, geom.frame).paint(Tile(geom, window), out)
    return out


@given(st.lists(polygons(), min_size=1, max_size=3), st.sampled_from(GRIDS), st.data())
def test_every_bit_is_that_of_asking_all_pixels(some: list[Polygon], geom: mx.WcsGeom, data: Any) -> None:
    ny, nx = geom.image_shape
    want = asked(some, geom)
    np.testing.assert_array_equal(painted(some, geom, Window(0, ny, 0, nx)), want)
    y0, x0 = data.draw(st.integers(0, ny - 1)), data.draw(st.integers(0, nx - 1))
    part = Window(y0, data.draw(st.integers(y0 + 1, ny)), x0, data.draw(st.integers(x0 + 1, nx)))
    got = painted(some, geom, part)
    np.testing.assert_array_equal(got, want[part.y0 : part.y1, part.x0 : part.x1])


@pytest.mark.parametrize(
    "shape",
    [
        Polygon([0, 90, 90, 0], [0, 0, 45, 45]),  # along the equator
        Polygon([0, 90, 0], [0, 0, 90]),  # to the pole
        Polygon([0, 120, 240], [0.0, 0.0, 1e-6]),  # nearly the equator
        Polygon([10, 100, 190, 280], [-60] * 4),  # round a pole
        Polygon([0, 1e-7, 0], [0, 0, 1e-7]),  # smaller than a pixel, at one
        Polygon([0, 30, 0, 30], [0, 30, 30, 0]),  # crosses itself
        Polygon([350, 10, 10, 350], [-5, -5, 5, 5], larger_side=True),
        Polygon([0, 0, 60, 120, 180, 240, 300], [-90, *[-30] * 6]),  # round a pole, with a slit down a column
        Polygon([40, 40, 130], [90, 30, 30], larger_side=True),
    ],
)
@pytest.mark.parametrize("geom", GRIDS, ids=range(len(GRIDS)))
def test_edges_on_rows_columns_and_poles(shape: Polygon, geom: mx.WcsGeom) -> None:
    (ny, nx), want = geom.image_shape, asked([shape], geom)
    np.testing.assert_array_equal(painted([shape], geom, Window(0, ny, 0, nx)), want)
    # A row or a column alone may lie on an edge from end to end.
    for y in range(ny):
        np.testing.assert_array_equal(painted([shape], geom, Window(y, y + 1, 0, nx)), want[y : y + 1])
    for x in range(nx):
        np.testing.assert_array_equal(painted([shape], geom, Window(0, ny, x, x + 1)), want[:, x : x + 1])


def shaken(xyz: np.ndarray) -> np.ndarray:
    """Points, shape (3, n), moved by nine tenths of what is in doubt: each its way, always the same."""
    seed = np.abs(xyz * np.array([[1e9], [7e9], [3e9]])).sum(axis=0)
    turn, high = np.sin(seed * 12.9898) * 1e4, np.sin(seed * 78.233)
    flat = np.sqrt(1 - high * high)
    return np.asarray(xyz + 0.9 * DOUBT * np.stack([flat * np.cos(turn), flat * np.sin(turn), high]))


@pytest.mark.parametrize("lat0", [3.0, -3.0, 40.0, -0.01])
@pytest.mark.parametrize("size", [0.1, 1e-3])
@pytest.mark.parametrize("half", [1e-3, 40.0])
def test_whatever_is_in_doubt_is_asked(lat0: float, size: float, half: float) -> None:
    """Of a predicate that is wrong by up to `DOUBT` every bit is found: of an edge that turns on a row, or a
    little beyond it so that it crosses the row at a column, none is told by its place alone.
    """
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt = ["RA---CAR", "DEC--CAR"], [33.3, 0], [-size, size]
    wcs.wcs.crpix = [16, 11 - lat0 / size]
    geom = mx.WcsGeom(wcs, (21, 31))
    assert geom.separable
    y, x = (each.ravel() for each in np.indices(geom.image_shape))
    still = np.ascontiguousarray(Pixels(geom, y, x).xyz)
    xyz = shaken(still)
    row = np.deg2rad(float(geom.lat_of(np.array([10]))[0]))
    lon = float(geom.lon_of(np.array([15]))[0])
    moved = 0
    for beyond in (-5e-12, 0.0, 5e-12, 3e-11, 1e-9, 1e-8):
        # How far from its apex the edge crosses the row, and how far that moves where the edge does.
        along = np.sqrt(2 * max(beyond, 0.0) / np.tan(abs(row)))
        moves = beyond and DOUBT / (np.tan(abs(row)) * max(along, 1e-6))
        for at in sorted({along + share * moves for share in (-0.8, -0.3, 0.3, 0.8)}):
            apex = row + np.sign(row) * beyond
            lat = float(np.rad2deg(np.arctan(np.tan(apex) * np.cos(np.deg2rad(half)))))
            middle = lon + float(np.rad2deg(at))
            for tip in (lat0 - 30 * size, lat0 + 30 * size):
                shape = Polygon([middle - half, middle + half, middle], [lat, lat, tip])
                index, got = ShapeIndex([shape], geom.frame), np.zeros(geom.image_shape, dtype=bool)
                inside = index._many.inside
                index._many.inside = lambda points, which, inside=inside: inside(shaken(points), which)
                index.paint(Tile(geom, Window(0, 21, 0, 31)), got)
                want = inside(xyz, np.zeros(len(y), dtype=int))
                np.testing.assert_array_equal(got.ravel(), want)
                moved += np.any(want != inside(still, np.zeros(len(y), dtype=int)))
    assert moved


def test_edges_whose_normals_differ_by_less_than_a_square_can_hold() -> None:
    """Their crossing has no direction: it is none, not an infinite vector."""
    lon, lat = [0.0, 1.0, 2.0, 0.0, 101.0, 0.0, 1.0, 0.0], [0.0] * 6 + [1.4969627679166697e-167, 0.0]
    crossed, flat = Polygon(lon, lat), Polygon(lon, [0.0] * 8)
    for geom in GRIDS:
        np.testing.assert_array_equal(asked([crossed], geom), asked([flat], geom))


def test_other_shapes_are_joined() -> None:
    geom = GRIDS[0]
    some = [Polygon([0, 20, 10], [0, 0, 20]), Circle(50, 10, 8), Polygon([100, 120, 110], [60, 60, 80])]
    ny, nx = geom.image_shape
    np.testing.assert_array_equal(painted(some, geom, Window(0, ny, 0, nx)), asked(some, geom))


def test_hardly_any_pixel_is_asked() -> None:
    """Less than a hundredth of what is selected, where all rims are many times as much."""
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(0, 360, (300, 1)), rng.uniform(-70, 70, (300, 1))
    corners = zip(lon + rng.uniform(-8, 8, (300, 6)), lat + rng.uniform(-8, 8, (300, 6)), strict=True)
    mask = mx.Region(combine(("or", Polygon(*each)) for each in corners))
    geom = mx.WcsGeom.allsky(binsz=0.25, proj="CAR")
    with tracing() as counts:
        selected = int(mask.on(geom).compute().sum())
    assert selected > 100_000
    assert counts["pixels"] < selected / 100


def test_a_footprint_of_many_vertices_is_asked_in_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges are asked together: calls do not grow with the vertices."""
    from maskexpr.shapes import outline

    calls = []
    dot = outline.dot
    monkeypatch.setattr(outline, "dot", lambda a, b: calls.append(1) or dot(a, b))
    turn = np.linspace(0, 360, 4000, endpoint=False)
    mask = mx.Region(Polygon(turn, 40 + 5 * np.sin(np.deg2rad(7 * turn))))
    mask.on(mx.WcsGeom.allsky(binsz=0.5, proj="CAR")).compute()
    assert len(calls) < 2000


def test_outlines_are_made_together_and_not_by_the_constructor(monkeypatch: pytest.MonkeyPatch) -> None:
    from maskexpr.shapes import outline, polygon

    made = []
    monkeypatch.setattr(polygon, "outline", lambda *each: made.append(1) or outline.outline(*each))
    some = [Polygon([i, i + 1, i], [0, 0, 1]) for i in range(20)]
    ShapeIndex(some, "icrs")
    assert not made
    # What the numbers alone do not tell is looked at, and refused where it cannot be.
    with pytest.raises(RegionError, match="antipodes"):
        Polygon([0, 180, 90], [0, 0, 5])
    with pytest.raises(RegionError, match="distinct"):
        Polygon([0, 1e-12, 0, 1e-12], [0, 0, 1e-12, 1e-12])
    assert len(made) == 2


@pytest.mark.parametrize("chunks", [(1000, 1000), (300, 700), (128, 999)])
def test_tiles_of_every_width(chunks: tuple[int, int]) -> None:
    """Polygons as wide as some tiles, wider and narrower: worked out for a tile, or for a row of them."""
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(1800, 700), binsz=0.2, proj="CAR", frame="icrs")
    rng = np.random.default_rng(3)
    some = []
    for size in (0.3, 3, 20, 26, 40, 70, 130):
        lon, lat = rng.uniform(0, 360), rng.uniform(-30, 30)
        turn = np.deg2rad(np.arange(9) * 40)
        away = size / 2 * rng.uniform(0.6, 1, 9)
        some.append(Polygon(lon + away * np.cos(turn), lat + 0.6 * away * np.sin(turn)))
    whole = painted(some, geom, Window(0, 700, 0, 1800))
    mask = mx.Region(combine(("or", each) for each in some))
    np.testing.assert_array_equal(mask.on(geom, chunks=chunks).compute(), whole)
    y, x = (each.ravel() for each in np.mgrid[:700:7, :1800:7])
    inside = np.zeros(len(y), dtype=bool)
    for each in some:
        inside |= each.inside(Pixels(geom, y, x).xyz, "icrs")
    np.testing.assert_array_equal(whole[y, x], inside)


def test_what_a_whole_array_does_not_reach_is_not_painted() -> None:
    """Tiles beside all polygons stay as they were made; none that a polygon meets is left out."""
    geom = mx.WcsGeom.allsky(binsz=0.25, proj="CAR")
    mask = mx.Region([PolygonSkyRegion(SkyCoord([350, 10, 0], [60, 60, 70], unit="deg"))])
    with tracing() as counts:
        got = mask.on(geom, chunks=100).compute()
    assert 0 < counts["tiles"] <= 6
    every = painted([Polygon([350, 10, 0], [60, 60, 70])], geom, Window(0, *geom.image_shape[:1], 0, 1440))
    np.testing.assert_array_equal(got, every)


CHUNKS = st.one_of(st.integers(5, 40), st.sampled_from([(200, 3), (3, 200), (8, 29)]))


@settings(max_examples=40)
@given(st.lists(polygons(), min_size=1, max_size=3), st.sampled_from(GRIDS), CHUNKS)
def test_whole_arrays_are_the_same_whatever_the_chunks(
    some: list[Polygon], geom: mx.WcsGeom, chunks: int | tuple[int, int]
) -> None:
    mask = mx.Region(combine(("or", each) for each in some))
    np.testing.assert_array_equal(mask.on(geom, chunks=chunks).compute(), asked(some, geom))


@given(
    st.sampled_from(GRIDS),
    st.lists(st.floats(-1.6, 1.6), max_size=5),
    st.lists(st.integers(0, 59), max_size=5),
)
def test_rows_below_a_latitude(geom: mx.WcsGeom, lat: list[float], rows: list[int]) -> None:
    strip = Strip(geom, Window(0, geom.image_shape[0], 0, 5))
    on_rows = strip.lat[np.array(rows, dtype=int) % len(strip.lat)]
    places = np.concatenate([lat, on_rows, on_rows + 5e-12, np.nextafter(on_rows, 4)])
    below, near = strip.below(places)
    assert below.tolist() == [int(np.sum(strip.lat < each)) for each in places]
    assert near.tolist() == [bool(np.any(np.abs(strip.lat - each) <= 1e-11)) for each in places]
