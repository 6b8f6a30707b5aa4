"""Pixel maths of HEALPix: what follows from its definition, without another library."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from maskexpr.errors import MaskValueError
from maskexpr.grid.healpix import cells, faces, rings, staircase
from maskexpr.sphere.vectors import angle_between, lonlat, unit


@pytest.mark.parametrize("order", [0, 1, 3, 5])
def test_all_cells_of_low_orders(order: int) -> None:
    ids = np.arange(faces.number_of(order))
    centres = cells.centres(order, ids)
    np.testing.assert_allclose((centres**2).sum(axis=0), 1, rtol=1e-15)
    np.testing.assert_array_equal(cells.cells_of(order, 3 * centres), ids)
    np.testing.assert_array_equal(np.sort(rings.to_ring(order, ids)), ids)
    # Rings are of one latitude each, from north to south, and begin at longitude 0.
    there = cells.centres(order, rings.from_ring(order, ids))
    z, lon = there[2].round(12), np.arctan2(there[1], there[0]) % (2 * np.pi)
    assert (np.diff(z) <= 0).all()
    assert (np.diff(lon)[np.diff(z) == 0] > 0).all()
    # Each cell has a place of its own.
    row, column = faces.on_staircase(order, ids)
    assert len(set(zip(row.tolist(), column.tolist(), strict=True))) == len(ids)


def test_children_lie_in_their_parents() -> None:
    ids = np.arange(faces.number_of(2))
    inner = cells.children(ids, 3)
    caps = cells.caps(2, ids)
    for i in range(4):
        corners = cells.vertices(5, inner.ravel())[:, :, i].reshape(3, *inner.shape)
        assert (angle_between(corners, caps.centre[:, :, None]) <= caps.radius[:, None]).all()
    np.testing.assert_array_equal(cells.parents(inner, 3), np.repeat(ids[:, None], 64, axis=1))
    np.testing.assert_array_equal(cells.cells_of(2, cells.centres(5, inner.ravel())), np.repeat(ids, 64))


@pytest.mark.parametrize("order", [0, 1, 4])
def test_neighbours_touch(order: int) -> None:
    ids = np.arange(faces.number_of(order))
    near = cells.neighbours(order, ids)
    # 24 corners at which three faces meet, each seen from three cells; a face alone is its own corners.
    assert (near < 0).sum() == 24
    assert (near[:, ::2] >= 0).all()
    corners = cells.vertices(order, ids).round(9) + 0.0
    of_cell = [set(map(tuple, corners[:, i].T.tolist())) for i in ids]
    for way in range(8):
        for i in ids[near[:, way] >= 0]:
            shared = of_cell[i] & of_cell[near[i, way]]
            assert len(shared) >= (1 if way % 2 else 2)


def test_what_is_no_direction_has_no_cell() -> None:
    vectors = np.array([[np.nan, 0.0, np.inf, 1.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1e-300]])
    assert cells.cells_of(3, vectors).tolist()[:3] == [-1, -1, -1]
    assert cells.cells_of(3, vectors)[3] >= 0


def test_answers_do_not_depend_on_what_is_asked_with_them() -> None:
    order = 11
    ids = np.random.default_rng(0).integers(0, faces.number_of(order), 70_001)
    some = ids[33_000:33_003]
    for each in (cells.centres, lambda *a: np.moveaxis(cells.vertices(*a), 2, 0)):
        np.testing.assert_array_equal(each(order, ids)[..., 33_000:33_003], each(order, some))
    np.testing.assert_array_equal(
        cells.caps(order, ids).radius[33_000:33_003], cells.caps(order, some).radius
    )


@pytest.mark.parametrize("order", [-1, 30, 2.0, True, "3"])
def test_no_order(order: object) -> None:
    with pytest.raises(MaskValueError, match="0 to 29"):
        faces.check_order(order)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_voronoi_neighbours_touch(order: int) -> None:
    """So a cell whose eight neighbours are selected is never the nearest selected one to another."""
    count = 12 << 2 * order
    hull = ConvexHull(cells.centres(order, np.arange(count)).T)
    pairs = np.concatenate([hull.simplices[:, [0, 1]], hull.simplices[:, [1, 2]], hull.simplices[:, [0, 2]]])
    around = cells.neighbours(order, pairs[:, 0])
    assert (around == pairs[:, 1:]).any(axis=1).all()


@pytest.mark.parametrize("order", [0, 1, 4, 9, 20, 29])
def test_cells_at_positions(order: int) -> None:
    """By longitude and latitude as by vectors, at the vertices of cells too, from where north decides."""
    rng = np.random.default_rng(order)
    lon, lat = rng.uniform(-360, 720, 3000), np.degrees(np.arcsin(rng.uniform(-1, 1, 3000)))
    np.testing.assert_array_equal(cells.cells_at(order, lon, lat), cells.cells_of(order, unit(lon, lat)))
    lon, lat = lonlat(cells.vertices(3, np.arange(768)).reshape(3, -1))
    moved = unit(lon, lat) + np.array([[0.0], [0.0], [1e-13]])
    np.testing.assert_array_equal(cells.cells_at(order, lon, lat, 1e-13), cells.cells_of(order, moved))


@pytest.mark.parametrize("order", [0, 1, 4, 7, 12, 29])
def test_vectors_are_those_of_longitude_and_latitude(order: int) -> None:
    """Bit for bit, by tables or not, off the sky too."""
    rng = np.random.default_rng(order)
    last = 5 << order
    for _ in range(12):
        first = rng.integers(-2, max(last - 60, 1), size=2)
        y, x = (each + rng.integers(0, min(60, last + 4), size=(40, 50)) for each in first)
        expected = unit(*staircase.lonlat_at(order, y, x))
        np.testing.assert_array_equal(staircase.vectors_at(order, y, x), expected)


def _beside_seams(order: int, number: int) -> np.ndarray:
    """Cells, half of them within three of the sides of faces, some at their corners."""
    rng, side = np.random.default_rng(order), 1 << order
    column, row = rng.integers(0, side, (2, number))
    from_edge, where = rng.integers(0, 3, number), rng.integers(0, 8, number)
    column = np.select([where == 0, where == 1], [from_edge, side - 1 - from_edge], column)
    row = np.select([where == 2, where == 3], [from_edge, side - 1 - from_edge], row)
    corner = rng.random(number) < 0.1
    column[corner], row[corner] = rng.choice([0, side - 1], (2, np.count_nonzero(corner)))
    bits = [((column >> i & 1) << 2 * i) | ((row >> i & 1) << 2 * i + 1) for i in range(order)]
    return rng.integers(0, 12, number) * side**2 + np.sum(bits, axis=0)


@pytest.mark.parametrize("order", [7, 10, 13])
def test_voronoi_neighbours_of_small_cells_touch(order: int) -> None:
    """Of a cell and what is within three of it, by their hull in coordinates that are as large as the cells:
    an affine map keeps the facets of a hull.
    """
    for cell in _beside_seams(order, 150):
        near = np.array([cell])
        for _ in range(3):
            around = cells.neighbours(order, near).ravel()
            near = np.unique(np.append(near, around[around >= 0]))
        middle = cells.centres(order, np.array([cell]))[:, 0]
        east = np.cross([0.0, 0.0, 1.0], middle)
        east /= np.linalg.norm(east)
        frame = np.stack([east, np.cross(middle, east), middle])
        places = (
            (frame @ (cells.centres(order, near) - middle[:, None])).T * [1, 1, 1 << order] * (1 << order)
        )
        # The place below closes the hull.
        hull = ConvexHull(np.append(places, [[0.0, 0.0, -1e6]], axis=0)).simplices
        own = hull[(hull == np.flatnonzero(near == cell)).any(axis=1)]
        assert own.max() < len(near)
        assert np.isin(near[own], np.append(cells.neighbours(order, np.array([cell])), cell)).all()
