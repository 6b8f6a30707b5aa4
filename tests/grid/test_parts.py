"""Parts of a map's pixels: caps that hold their areas, and their shares of the pixels' solid angles."""

from __future__ import annotations

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.core.errors import NeedsGridError
from maskexpr.grid.parts import PixelParts, area_caps
from maskexpr.sphere.vectors import angle_between, unit
from maskexpr.testing import geometries

GRIDS = {name: grid.to_image() for name, grid in geometries().items() if name != "cube"} | {
    "cube on the sky": mx.WcsGeom.create(skydir=(0, 0), npix=(40, 30), binsz=9, proj="CSC", frame="icrs"),
    "interrupted": mx.WcsGeom.create(skydir=(30, 80), npix=(40, 40), binsz=6, proj="XPH", frame="icrs"),
}


def parts_of(grid: mx.WcsGeom, level: int) -> PixelParts:
    """All pixels, or some of their parts of a level."""
    y, x = (each.ravel() for each in np.mgrid[: grid.image_shape[0], : grid.image_shape[1]])
    parts = PixelParts(grid, 0, y, x)
    rng = np.random.default_rng(level)
    for _ in range(level):
        parts = parts.split(rng.permutation(len(parts))[:800])
    return parts


@pytest.mark.parametrize("level", [0, 1, 3])
@pytest.mark.parametrize("name", GRIDS)
def test_caps_hold_all_of_a_part(name: str, level: int) -> None:
    grid = GRIDS[name]
    parts = parts_of(grid, level)
    side, bounded = 1 << level, parts.caps.radius < np.pi
    for down in np.linspace(0.001, 0.999, 7):
        for right in np.linspace(0.001, 0.999, 7):
            row, column = (parts.y + down) / side - 0.5, (parts.x + right) / side - 0.5
            pixel = parts.y // side, parts.x // side
            lon, lat = grid.beside(*pixel, row - pixel[0], column - pixel[1])
            seen = bounded & np.isfinite(lon)
            away = angle_between(unit(lon[seen], lat[seen]), parts.caps.centre[:, seen])
            assert (away <= parts.caps.radius[seen]).all(), (down, right)


@pytest.mark.parametrize("name", GRIDS)
def test_parts_share_the_solid_angle_of_a_pixel(name: str) -> None:
    """By the solid angles of the finer grid's pixels, where all of a pixel is on the sky."""
    grid = GRIDS[name]
    pixels = parts_of(grid, 0)
    shares = pixels.split(np.arange(len(pixels))).shares.reshape(-1, 4)
    assert np.allclose(shares.sum(axis=1), 1.0)
    fine = grid.upsample(2)
    area = fine.solid_angles(np.arange(fine.shape[0]), np.arange(fine.shape[1]))
    ny, nx = grid.image_shape
    quarters = area.reshape(ny, 2, nx, 2).transpose(0, 2, 1, 3).reshape(-1, 4)
    good = np.isfinite(quarters).all(axis=1) & (pixels.caps.radius < np.pi)
    expected = quarters[good] / quarters[good].sum(axis=1, keepdims=True)
    assert np.abs(shares[good] - expected).max(initial=0) < 0.01


def test_windows_are_held_too() -> None:
    grid = GRIDS["allsky"]
    caps = area_caps(grid, np.array([[0], [2], [0], [3]]))
    assert angle_between(unit(np.array([0.0]), np.array([-90.0])), caps.centre)[0] <= caps.radius[0]


def test_there_is_no_grid() -> None:
    with pytest.raises(NeedsGridError, match="only on a grid"):
        _ = parts_of(GRIDS["pixel"], 1).geom
