"""Circles on iso-latitude rings against the predicate itself."""

from __future__ import annotations

import numpy as np
import pytest

from maskexpr import HpxGeom
from maskexpr.circles.index import CircleIndex
from maskexpr.circles.rings import Circles, ring_runs
from maskexpr.grid.healpix.cells import centres
from maskexpr.grid.tiles import Tile
from maskexpr.pixels.window import Window
from maskexpr.sphere.vectors import TIE, angle_between, unit, within


def circles(order: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Circles of all sizes, some round poles and centres of cells, some with a centre on their rim."""
    number = int(rng.integers(1, 40))
    centre = unit(rng.uniform(0, 360, number), np.degrees(np.arcsin(rng.uniform(-1, 1, number))))
    of_cells = rng.random(number) < 0.3
    centre[:, of_cells] = centres(order, rng.integers(0, 12 << 2 * order, of_cells.sum()))
    if rng.random() < 0.3:
        centre[:, 0] = [0, 0, rng.choice([-1, 1])]
    radius = np.deg2rad(rng.choice([0.5, 3, 10, 40, 89, 120, 179.9], number) * rng.uniform(0.2, 1, number))
    on_rim = rng.random(number) < 0.2
    others = centres(order, rng.integers(0, 12 << 2 * order, number))
    radius[on_rim] = np.maximum(angle_between(centre, others)[on_rim], 1e-9)
    return centre, radius


def window(order: int, rng: np.random.Generator) -> Window:
    side = 5 << order
    height, width = rng.integers(1, min(side, 120) + 1, 2).tolist()
    y0, x0 = int(rng.integers(-3, side - height + 4)), int(rng.integers(-3, side - width + 4))
    return Window(y0, y0 + height, x0, x0 + width)


@pytest.mark.parametrize("order", [0, 1, 2, 4, 6])
def test_all_pixels(order: int) -> None:
    rng, geom = np.random.default_rng(order), HpxGeom(order=order)
    for _ in range(25):
        centre, radius = circles(order, rng)
        tile = Tile(geom, window(order, rng))
        out = np.zeros(tile.shape, dtype=bool)
        assert not len(CircleIndex(centre, radius).paint(tile, out))
        xyz = tile.all_pixels().xyz
        want = np.any([within(xyz, c[:, None], r) for c, r in zip(centre.T, radius, strict=True)], axis=0)
        np.testing.assert_array_equal(out.ravel(), want)


@pytest.mark.parametrize("order", [9, 20, 29])
def test_small_circles_on_small_cells(order: int) -> None:
    geom, rng = HpxGeom(order=order), np.random.default_rng(order)
    size = float(np.deg2rad(geom.pixel_scales[0].value))
    for lat in (0.0, 41.8103, -41.81, 60.0, 89.9999, 90.0):
        centre = unit(rng.uniform(0, 360, 4), np.full(4, lat) - rng.uniform(0, 1e-9, 4))
        radius = size * rng.uniform(0.3, 20, 4)
        lon = np.degrees(np.arctan2(centre[1, 0], centre[0, 0]))
        y, x = (int(each) for each in geom.array_index(lon % 360, np.degrees(np.arcsin(centre[2, 0]))))
        tile = Tile(geom, Window(y - 30, y + 31, x - 30, x + 31))
        out = np.zeros(tile.shape, dtype=bool)
        CircleIndex(centre, radius).paint(tile, out)
        xyz = tile.all_pixels().xyz
        want = np.any([within(xyz, c[:, None], r) for c, r in zip(centre.T, radius, strict=True)], axis=0)
        np.testing.assert_array_equal(out.ravel(), want)
        assert out.any()


def test_large_circles_are_painted_by_rows() -> None:
    geom = HpxGeom(order=8)
    centre, radius = (
        unit(np.array([45.0, 90.0, 45.0]), np.array([0.0, 30.0, 88.0])),
        np.deg2rad([20, 9, 30.0]),
    )
    tile = Tile(geom, Window(0, 5 << 8, 0, 5 << 8))
    out = np.zeros(tile.shape, dtype=bool)
    CircleIndex(centre, radius).paint(tile, out)
    xyz = tile.all_pixels().xyz
    want = np.any([within(xyz, c[:, None], r) for c, r in zip(centre.T, radius, strict=True)], axis=0)
    np.testing.assert_array_equal(out.ravel(), want)


def test_few_pixels_are_asked() -> None:
    geom = HpxGeom(order=7)
    rings = geom.rings(Window(0, 5 << 7, 0, 5 << 7))
    assert rings is not None
    assert rings.number.sum() == 12 << 14, "every cell is on one piece of a ring"
    rng = np.random.default_rng(5)
    centre = unit(rng.uniform(0, 360, 50), rng.uniform(-80, 80, 50))
    radius = np.deg2rad(rng.uniform(1, 9, 50))
    which = np.repeat(np.arange(50), len(rings.lat))
    sure, doubtful = ring_runs(
        rings, Circles.of(centre, radius), which, np.tile(np.arange(len(rings.lat)), 50)
    )
    asked, painted = ((each.end - each.first).sum() for each in (doubtful, sure))
    assert asked < 1e-3 * painted
    assert TIE < 1e-12
