"""Polygons that cross themselves: cells found by flooding a grid, crossings counted by triple products."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

import maskexpr as mx
from maskexpr.core.coverage import EMPTY, FULL
from maskexpr.errors import RegionError
from maskexpr.shapes import Polygon
from maskexpr.sphere.vectors import Caps

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Vertices = list[tuple[float, float]]
Grid = tuple[Floats, Bools, Floats]

STEP = 1.5


def vectors(lon: object, lat: object) -> Floats:
    """Unit vectors, shape (n, 3)."""
    lam, phi = np.radians(np.broadcast_arrays(np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)))
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def crossings(a: Floats, b: Floats, corners: Floats) -> NDArray[np.int64]:
    """How many sides of a polygon each short arc from a to b crosses."""
    number = np.zeros(len(a), dtype=np.int64)
    plane = np.cross(a, b)
    for c, d in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        side = np.cross(c, d)
        apart = ((a @ side) < 0) != ((b @ side) < 0)
        apart &= ((plane @ c) < 0) != ((plane @ d) < 0)
        # Two great circles meet twice: here on the half of the sphere where both arcs are.
        number += apart & (
            np.cross(plane, side) * (a + b) @ np.ones(3) * (np.cross(plane, side) @ (c + d)) > 0
        )
    return number


def expected(vertices: Vertices) -> Grid:
    """Points of a grid, which of them are in, and their shares of the sphere."""
    return expected_cells(tuple(vertices))[0]


@lru_cache(maxsize=64)
def expected_cells(vertices: tuple[tuple[float, float], ...]) -> tuple[Grid, float]:
    """What is expected, and by which share of the sphere the largest cell is larger than the next.

    The grid's neighbours that no side separates are one cell; the largest is outside; from there on every
    crossing changes sides.
    """
    lon, lat = np.meshgrid(np.arange(STEP / 2, 360, STEP) + 0.0123, np.arange(STEP / 2 - 90, 90, STEP))
    points, share = vectors(lon.ravel(), lat.ravel()), np.cos(np.radians(lat.ravel()))
    corners = vectors(*np.transpose(vertices))
    corners = corners[np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1) > 1e-12]
    index = np.arange(len(points)).reshape(lon.shape)
    a = np.concatenate([index.ravel(), index[1:].ravel()])
    b = np.concatenate([np.roll(index, 1, axis=1).ravel(), index[:-1].ravel()])
    number = crossings(points[a], points[b], corners)
    shape = (len(points), len(points))
    free = number == 0
    _, cell = connected_components(
        coo_array((np.ones(free.sum()), (a[free], b[free])), shape), directed=False
    )
    share /= share.sum()
    sizes = np.bincount(cell, share)
    start = int(np.flatnonzero(cell == np.argmax(sizes))[0])
    order, before = breadth_first_order(coo_array((np.ones(len(a)), (a, b)), shape).tocsr(), start, False)
    odd = np.zeros(len(points), dtype=bool)
    step = crossings(points[order[1:]], points[before[order[1:]]], corners) % 2 == 1
    for i, changed in zip(order[1:], step, strict=True):
        odd[i] = odd[before[i]] ^ changed
    gap = np.diff(np.sort([0.0, *sizes])[-2:])[0]
    return (points, odd, share), float(gap)


def star(radius: float, number: int = 5, by: int = 2, lon: float = 0.0, lat: float = 90.0) -> Vertices:
    """A star polygon round a place: every ``by``-th of ``number`` tips."""
    turn = np.radians(np.arange(number) * by * 360.0 / number + 11.0)
    axis = vectors(lon, lat)
    east = np.cross([0.0, 0.0, 1.0], axis) if abs(lat) < 90 else np.array([1.0, 0.0, 0.0])
    east /= np.linalg.norm(east)
    north = np.cross(axis, east)
    tips = np.cos(np.radians(radius)) * axis + np.sin(np.radians(radius)) * (
        np.cos(turn)[:, None] * east + np.sin(turn)[:, None] * north
    )
    return list(
        zip(
            np.degrees(np.arctan2(tips[:, 1], tips[:, 0])).tolist(),
            np.degrees(np.arcsin(np.clip(tips[:, 2], -1, 1))).tolist(),
            strict=True,
        )
    )


EIGHT = [(-60.0, 0.0), (-40.0, 30.0), (40.0, -30.0), (60.0, 0.0), (40.0, 30.0), (-40.0, -30.0)]
SHAPES: dict[str, Vertices] = {
    **{f"pentagram {radius}": star(radius) for radius in (1.5, 30, 75, 80, 89, 95, 110, 170)},
    "pentagram over the seam": star(70, lon=175, lat=-20),
    "heptagram": star(82, 7, 3, lon=40, lat=-80),
    "bow-tie": [(-20.0, -10.0), (20.0, 10.0), (20.0, -10.0), (-20.0, 10.0)],
    "bow-tie of more than a hemisphere": [(-100.0, -60.0), (100.0, 60.0), (100.0, -60.0), (-100.0, 60.0)],
    "figure eight": EIGHT,
    "figure eight round the sphere": [(lon * 2.2, lat * 2) for lon, lat in EIGHT],
    "wound twice": [(lon, 20.0 + lon / 90) for lon in range(0, 720, 40)],
    "wound twice beyond the equator": [(lon, -20.0 + lon / 90) for lon in range(0, 720, 40)],
    "traced twice": [(0.0, 40.0), (120.0, 40.0), (240.0, 40.0)] * 2,
    "touches itself": [(0.0, 0.0), (100.0, 0.0), (50.0, 45.0), (100.0, 80.0), (-20.0, 80.0), (50.0, 45.0)],
    "touches an edge": [(0.0, 0.0), (60.0, 0.0), (120.0, 0.0), (120.0, 60.0), (60.0, 0.0), (0.0, 60.0)],
    "concave and large": [(0.0, -70.0), (90.0, -60.0), (180.0, -75.0), (200.0, 60.0), (270.0, -65.0)],
    "spike and doubled vertices": [
        (0.0, -50.0), (0.0, -50.0), (120.0, -50.0), (120.0, 20.0), (120.0, -50.0), (240.0, -50.0),
        (240.0, -50.0),
    ],
    "collinear edges over the pole": [
        (0.0, 0.0), (0.0, 60.0), (180.0, 60.0), (180.0, 0.0), (180.0, -50.0), (90.0, -70.0), (0.0, -50.0),
    ],
    "vertex at the pole": [
        (0.0, 10.0), (100.0, -10.0), (0.0, 90.0), (200.0, 10.0), (300.0, -10.0), (0.0, 90.0),
    ],
}  # fmt: skip


def polygon(vertices: Vertices, **kwargs: bool) -> Polygon:
    return Polygon(*zip(*vertices, strict=True), **kwargs)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("order", [1, -1])
def test_inside_is_an_odd_number_of_crossings_from_the_largest_cell(name: str, order: int) -> None:
    points, odd, _ = expected(SHAPES[name])
    vertices = SHAPES[name][::order]
    xyz = np.ascontiguousarray(points.T)
    assert np.array_equal(polygon(vertices).inside(xyz, "icrs"), odd)
    assert np.array_equal(polygon(vertices[2:] + vertices[:2]).inside(xyz, "icrs"), odd)
    assert np.array_equal(polygon(vertices, larger_side=True).inside(xyz, "icrs"), ~odd)


@pytest.mark.parametrize("name", SHAPES)
def test_bounds_and_nearness_agree_with_inside(name: str) -> None:
    points, odd, _ = expected(SHAPES[name])
    xyz = np.ascontiguousarray(points.T)
    corners = vectors(*np.transpose(SHAPES[name]))
    for larger in (False, True):
        shape = polygon(SHAPES[name], larger_side=larger)
        here = odd != larger
        for radius in (1e-4, 0.1, 0.6):
            cover = shape.coverage(Caps(xyz, np.full(len(points), radius)), "icrs")
            assert not here[cover == EMPTY].any()
            assert here[cover == FULL].all()
            # Every point of the grid in a cap that is called full or empty has the cap's value.
            for i in np.flatnonzero((cover == EMPTY) | (cover == FULL))[::97]:
                within = points @ points[i] > np.cos(radius)
                assert (here[within] == (cover[i] == FULL)).all()
        near = shape.near(xyz, "icrs", 0.1)
        assert near[here].all()
        to_corner = np.arccos(np.clip(points @ corners.T, -1, 1)).min(axis=1)
        assert near[to_corner < 0.1].all()


@pytest.mark.parametrize("name", SHAPES)
def test_area_is_that_of_the_grid(name: str) -> None:
    _, odd, share = expected(SHAPES[name])
    geom = mx.WcsGeom.allsky(binsz=2, frame="icrs")
    assert mx.Region(polygon(SHAPES[name])).fsky(geom) == pytest.approx(share[odd].sum(), abs=0.006)
    assert mx.Region(polygon(SHAPES[name], larger_side=True)).fsky(geom) == pytest.approx(
        share[~odd].sum(), abs=0.006
    )


def test_a_pentagram_of_any_size_has_its_tips_in_and_its_core_out() -> None:
    for radius in (20, 60, 75, 77, 80, 85, 89):
        shape = polygon(star(radius))
        poles = np.ascontiguousarray(vectors([0, 0], [90, -90]).T)
        assert not shape.inside(poles, "icrs").any()
        tips = np.ascontiguousarray(vectors(*np.transpose(star(radius - 0.5))).T)
        assert shape.inside(tips, "icrs").all()


@pytest.mark.parametrize("seed", range(40))
def test_random_curves(seed: int) -> None:
    """Few vertices all over the sphere, some of them twice, on others' edges or at the poles."""
    rng = np.random.default_rng(seed)
    number = int(rng.integers(4, 11))
    lon, lat = rng.uniform(0, 360, number), np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    if seed % 2:
        lon, lat = np.round(lon / 30) * 30, np.clip(np.round(lat / 30) * 30, -90, 90)
    corners = vectors(lon, lat)
    if (np.linalg.norm(corners + np.roll(corners, 1, axis=0), axis=1) < 1e-9).any():
        with pytest.raises(RegionError, match="antipodes"):
            Polygon(lon, lat)
        return
    found, gap = expected_cells(tuple(zip(lon.tolist(), lat.tolist(), strict=True)))
    points, odd, _ = found
    if gap < 0.02:
        pytest.skip("the grid is too coarse to tell which cell is the largest")
    assert np.array_equal(Polygon(lon, lat).inside(np.ascontiguousarray(points.T), "icrs"), odd)


def test_equal_halves_do_not_say_which() -> None:
    with pytest.raises(RegionError, match="equal halves"):
        Polygon([0, 120, 240], [0, 0, 0])
