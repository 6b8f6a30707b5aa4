"""Blocks of a map's pixels: caps that hold their areas, and which values they hold."""

from __future__ import annotations

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.maps.blocks import HAS_FALSE, HAS_TRUE, Blocks
from maskexpr.sphere.vectors import angle_between, unit
from maskexpr.testing import geometries

GRIDS = {name: grid.to_image() for name, grid in geometries().items() if name != "cube"} | {
    "mercator": mx.WcsGeom.create(skydir=(170, 0), npix=(72, 40), binsz=5, proj="MER", frame="galactic"),
    "all of it": mx.WcsGeom.allsky(binsz=9),
}


def made(grid: mx.WcsGeom) -> tuple[Blocks, np.ndarray]:
    rng = np.random.default_rng(4)
    values = rng.random(grid.image_shape) < 0.3
    values[: len(values) // 2] |= True
    return Blocks(grid, values, False), values


def all_of(blocks: Blocks, level: int) -> np.ndarray:
    if level >= 0:
        return blocks.all_of(level)
    pixels = blocks.all_of(0)
    for up in range(-level):
        pixels = blocks.halves(-up, pixels).reshape(-1)
    return np.random.default_rng(1).permutation(pixels)[:3000]


@pytest.mark.parametrize("name", GRIDS)
def test_caps_hold_the_areas_of_known_pixels(name: str) -> None:
    grid = GRIDS[name]
    blocks, _ = made(grid)
    ny, nx = grid.image_shape
    for level in range(-3, blocks.highest + 1):
        some = all_of(blocks, level)
        caps = blocks.caps(level, some)
        y, x = np.divmod(some, -(-nx // 2**level) if level >= 0 else nx << -level)
        for down in np.linspace(0.001, 0.999, 9):
            for right in np.linspace(0.001, 0.999, 9):
                row, column = (y + down) * 2.0**level - 0.5, (x + right) * 2.0**level - 0.5
                at = np.round(row).astype(int), np.round(column).astype(int)
                there = (at[0] < ny) & (at[1] < nx)
                there[there] = blocks.known[at[0][there], at[1][there]]
                xyz = unit(*grid.lonlat(row[there], column[there]))
                away = angle_between(xyz, caps.centre[:, there])
                assert (away <= caps.radius[there]).all(), (level, down, right)


@pytest.mark.parametrize("name", GRIDS)
def test_the_pixel_that_holds_a_position_is_of_its_block(name: str) -> None:
    """A position's block by its cap is that of the pixel that `array_index` tells."""
    grid = GRIDS[name]
    blocks, _ = made(grid)
    rng = np.random.default_rng(2)
    lon, lat = rng.uniform(0, 360, 4000), np.degrees(np.arcsin(rng.uniform(-1, 1, 4000)))
    y, x = grid.array_index(lon, lat)
    there = np.flatnonzero(y >= 0)
    there = there[blocks.known[y[there], x[there]]]
    caps = blocks.caps(0, y[there] * grid.image_shape[1] + x[there])
    assert (angle_between(unit(lon[there], lat[there]), caps.centre) <= caps.radius).all()


def test_values() -> None:
    blocks, values = made(mx.WcsGeom.allsky(binsz=9))
    for level in range(blocks.highest + 1):
        side = 2**level
        height, width = (-(-each // side) for each in values.shape)
        flags = np.zeros(height * width, dtype=np.uint8)
        some = blocks.all_of(level)
        flags[some] = blocks.flags(level, some)
        for y in range(height):
            for x in range(width):
                part = values[y * side : (y + 1) * side, x * side : (x + 1) * side]
                expected = HAS_TRUE * part.any() | HAS_FALSE * (~part).any()
                assert flags[y * width + x] == expected


def test_beyond_the_border_is_let_in_at_the_border() -> None:
    grid = mx.WcsGeom.create(skydir=(10, 10), npix=(6, 4), binsz=1, proj="TAN")
    for outside in (False, True):
        blocks = Blocks(grid, np.ones((4, 6), dtype=bool), outside)
        flags = blocks.flags(0, np.arange(24)).reshape(4, 6)
        beyond = HAS_TRUE if outside else HAS_FALSE
        assert (flags[1:-1, 1:-1] == HAS_TRUE).all()
        assert (flags[0] == HAS_TRUE | beyond).all()
        parts = blocks.flags(-2, np.arange(24 * 16)).reshape(16, 24)
        assert (parts[1:-1, 1:-1] == HAS_TRUE).all()
        assert (parts[:, -1] == HAS_TRUE | beyond).all()
