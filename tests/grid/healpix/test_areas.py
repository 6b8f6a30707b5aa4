"""Cells as areas: bounds that hold of every cell, and what parts know of what they come from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maskexpr.core.errors import NeedsGridError
from maskexpr.grid.healpix.areas import Cells, deepest_within, least_width, most_reach
from maskexpr.grid.healpix.cells import cells_of, centres, children, neighbours, vertices
from maskexpr.grid.healpix.faces import number_of
from maskexpr.sphere.vectors import angle_between

DEEPER = 4


def some_cells(order: int) -> np.ndarray:
    """All cells of low orders; of high ones the corners of faces and random ones."""
    if order <= 4:
        return np.arange(number_of(order))
    rng, last = np.random.default_rng(order), 4**order
    ends = (
        np.arange(12)[:, None] * last + np.array([0, 1, 2, 3, last // 3, 2 * (last // 3), last - 1])
    ).ravel()
    return np.concatenate([ends, rng.integers(0, number_of(order), 2000)])


def corners_of_parts(order: int, ids: np.ndarray) -> np.ndarray:
    """Points all over cells, their sides included, shape (3, n, points)."""
    deeper = min(DEEPER, 29 - order)
    parts = children(ids, deeper).reshape(-1)
    return vertices(order + deeper, parts).reshape(3, len(ids), -1)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 9, 17, 25])
def test_no_point_of_a_cell_is_further_than_its_reach(order: int) -> None:
    ids = some_cells(order)
    away = angle_between(corners_of_parts(order, ids), centres(order, ids)[:, :, None])
    assert away.max() <= most_reach(order)
    assert away.max() >= 0.7 * most_reach(order)


@pytest.mark.parametrize("target", [3, 5, 6])
def test_reach_of_the_centres_of_parts(target: int) -> None:
    for order in range(target):
        ids = some_cells(order)
        parts = centres(target, children(ids, target - order).reshape(-1)).reshape(3, len(ids), -1)
        away = angle_between(parts, centres(order, ids)[:, :, None])
        assert away.max() <= Cells(order, ids, centres_of=target).reach


@pytest.mark.parametrize("order", [1, 2, 3])
def test_beyond_neighbours_there_is_nothing_within_the_least_width(order: int) -> None:
    ids = np.arange(number_of(order))
    points = corners_of_parts(order, ids)
    owner = np.repeat(ids, points.shape[2])
    tree = cKDTree(points.reshape(3, -1).T)
    rng = np.random.default_rng(3)
    for i in rng.permutation(len(ids))[:40]:
        around = {int(i), *neighbours(order, ids[[i]])[0].tolist()}
        # Enough of the mesh, on its sides and within.
        mesh = points[:, i, ::5].T
        for near in tree.query_ball_point(mesh, 2 * np.sin(least_width(order) / 2)):
            assert set(owner[near].tolist()) <= around


def test_deepest_within() -> None:
    radius = np.array([4.0, least_width(0), least_width(7), least_width(7) * 1.001, least_width(29) / 2])
    assert deepest_within(radius).tolist() == [-1, 0, 7, 6, 29]


def directions(cells: Cells) -> Iterator[np.ndarray]:
    """Unit vectors, one for each cell: any, then some along the sky, so that the longest are tried."""
    rng, centre = np.random.default_rng(5), cells.caps.centre
    for i in range(32):
        away = rng.normal(size=centre.shape)
        if i % 4:
            away -= (away * centre).sum(axis=0) * centre
        yield away / np.linalg.norm(away, axis=0)


@pytest.mark.parametrize("centres_of", [None, 1, 3])
@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 9, 17, 25])
def test_no_point_of_a_cell_is_beyond_its_support(order: int, centres_of: int | None) -> None:
    ids = some_cells(order)
    if centres_of is None:
        cells, points = Cells(order, ids), corners_of_parts(order, ids)
    else:
        cells = Cells(order, ids, centres_of=order + centres_of)
        points = centres(order + centres_of, children(ids, centres_of).reshape(-1)).reshape(3, len(ids), -1)
    reached, told = np.zeros(len(ids)), np.zeros(len(ids))
    for away in directions(cells):
        support, rest = cells.support(np.arange(len(ids)), away)
        real = (away[:, :, None] * (points - cells.caps.centre[:, :, None])).sum(axis=0).max(axis=1)
        assert (real <= support + rest).all()
        reached, told = np.maximum(reached, real), np.maximum(told, support + rest)
    assert (reached <= told).all()
    if order >= 9:
        # Nothing is given away but where cells touch a pole or are bent.
        assert np.median(told / reached) < 1.01


@pytest.mark.parametrize("order", [1, 4, 12, 29])
def test_support_along_the_belt_and_round_the_pole(order: int) -> None:
    """By hand: along a meridian and a parallel the diagonals of a cell."""
    side = 1.0 / (1 << order)
    cells = Cells(order, cells_of(order, np.array([[1.0, 0.0], [0.0, 0.0], [1e-12, 1.0]])))
    equator, pole = np.array([0]), np.array([1])
    lon = np.arctan2(*cells.caps.centre[1::-1, 0])
    east = np.array([[-np.sin(lon)], [np.cos(lon)], [0.0]])
    beside = np.hypot(*cells.caps.centre[:2, 0])
    assert cells.support(equator, east)[0][0] == pytest.approx(np.pi / 4 * side * beside)
    up = np.array([[0.0], [0.0], [1.0]])
    assert cells.support(equator, up)[0][0] == pytest.approx(2 / 3 * side)
    support, rest = cells.support(pole, up)
    assert (support[0], rest[0]) == (0.0, pytest.approx(cells.reach, rel=1e-6))


def test_parts_find_the_notes_of_what_they_come_from() -> None:
    cells = Cells.whole_sky()
    cells.notes["who"] = "a note"
    parts = cells.take(np.array([3, 5])).split(np.array([1]))
    assert parts.ids.tolist() == [20, 21, 22, 23]
    note, place = parts.note_of("who", np.array([0, 3]))
    assert (note, place.tolist()) == ("a note", [5, 5])
    assert parts.note_of("else", np.array([0])) is None
    with pytest.raises(NeedsGridError):
        _ = parts.geom
