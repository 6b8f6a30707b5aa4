"""Cells as areas: bounds that hold of every cell, and what parts know of what they come from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maskexpr.core.errors import NeedsGridError
from maskexpr.grid.healpix.areas import Cells, deepest_within, least_width, most_reach
from maskexpr.grid.healpix.cells import centres, children, neighbours, vertices
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


@pytest.mark.parametrize("order", [0, 1, 2, 3, 4, 9, 17])
def test_sides_bulge_no_more_than_said(order: int) -> None:
    ids = some_cells(order)
    cells = Cells(order, ids)
    deeper = DEEPER
    face, inside = ids >> 0, np.arange(1 << deeper)
    spread = np.array([sum(((int(i) >> bit) & 1) << 2 * bit for bit in range(deeper)) for i in inside])
    last = (1 << 2 * deeper) - 1
    # Parts along the sides, in turn from the southern vertex: y = 0, x at its end, y at its end, x = 0.
    sides = {0: spread, 1: (last & 0x5555) | (spread << 1), 2: (last & 0xAAAA) | spread, 3: spread << 1}
    for i, parts in sides.items():
        along = vertices(order + deeper, ((face[:, None] << 2 * deeper) + parts).reshape(-1))
        points = along[:, :, [i, (i + 1) % 4]].reshape(3, len(ids), -1)
        start, end = cells.corners[:, :, i, None], cells.corners[:, :, (i + 1) % 4, None]
        line = end - start
        part = ((points - start) * line).sum(axis=0) / (line * line).sum(axis=0)
        rest = points - start - np.clip(part, 0, 1) * line
        assert (np.sqrt((rest**2).sum(axis=0)).max(axis=1) <= cells.bulge).all()


def test_parts_find_the_notes_of_what_they_come_from() -> None:
    cells = Cells.whole_sky()
    cells.notes["who"] = "a note"
    parts = cells.take(np.array([3, 5])).split(np.array([1])).sharpened()
    assert parts.ids.tolist() == [20, 21, 22, 23]
    note, place = parts.note_of("who", np.array([0, 3]))
    assert (note, place.tolist()) == ("a note", [5, 5])
    assert parts.note_of("else", np.array([0])) is None
    with pytest.raises(NeedsGridError):
        _ = parts.geom
