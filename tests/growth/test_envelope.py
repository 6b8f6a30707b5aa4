"""Distances by rows: brute force over all pixel centres, whatever is worked on together, asking little."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from maskexpr.grid.tiles import Tile
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.growth import envelope
from maskexpr.growth.distance import nearest_selected
from maskexpr.growth.shape import Selection, SkyShape
from maskexpr.pixels.window import Window

GEOMS = {
    "CAR": WcsGeom.allsky(binsz=3),
    "CEA": WcsGeom.allsky(binsz=3, proj="CEA"),
    "fine CAR": WcsGeom.create(skydir=(30, 80), npix=(150, 120), binsz=0.1, proj="CAR"),
    "MER": WcsGeom.create(skydir=(0, 0), npix=(90, 40), binsz=4, proj="MER"),
}
SHARES = [0.0, 0.0005, 0.02, 0.5, 1.0]


def noise(geom: WcsGeom, share: float, asked: list[int]) -> Selection:
    """Pixels at random, the same wherever they are asked for, and none off the map."""
    ny, nx = geom.image_shape
    wide = np.random.default_rng(3).random((ny, nx)) < share

    def values(tile: Tile) -> np.ndarray:
        asked.append(tile.window.size)
        out = np.zeros(tile.shape, dtype=bool)
        inside = tile.window.intersect(Window(0, ny, 0, nx))
        y, x = inside.y0 - tile.window.y0, inside.x0 - tile.window.x0
        held = wide[inside.y0 : inside.y1, inside.x0 : inside.x1]
        out[y : y + held.shape[0], x : x + held.shape[1]] = held
        return out if tile.on_sky is None else out & tile.on_sky

    return Selection(values, lambda areas: np.full(len(areas), 1, dtype=np.uint8))


def measured(geom: WcsGeom, window: Window, degrees: float, selection: Selection) -> np.ndarray:
    """Radians of every pixel of a window."""
    limit = float(np.deg2rad(degrees))
    out = np.full(window.shape, np.nan)
    for near in nearest_selected(Tile(geom, window), SkyShape(limit, limit, False), selection):
        y0, y1, x0, x1 = near.window.shift(-window.y0, -window.x0)
        out[y0:y1, x0:x1] = limit
        for pixels, angles in near.parts:
            out[y0:y1, x0:x1][pixels] = angles
        out[y0:y1, x0:x1][near.zero] = 0
    return out


def brute_force(geom: WcsGeom, degrees: float, selection: Selection) -> np.ndarray:
    ny, nx = geom.image_shape
    lon, lat = np.deg2rad(geom.wcs.wcs_pix2world(*np.meshgrid(np.arange(nx), np.arange(ny)), 0))
    known = np.isfinite(lon) & np.isfinite(lat)
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    selected = selection.values(Tile(geom, Window(0, ny, 0, nx))) & known
    out = np.where(known, np.deg2rad(degrees), 0.0)
    if selected.any():
        chord = cKDTree(xyz[selected]).query(xyz[known])[0]
        out[known] = np.minimum(2 * np.arcsin(np.minimum(chord / 2, 1)), out[known])
    return out


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("degrees", [1.0, 5.0, 7.0, 60.0])
@pytest.mark.parametrize("name", GEOMS)
def test_every_pixel_of_noise(name: str, degrees: float, share: float) -> None:
    geom, selection = GEOMS[name], noise(GEOMS[name], share, [])
    ny, nx = geom.image_shape
    found = measured(geom, Window(0, ny, 0, nx), degrees, selection)
    np.testing.assert_allclose(found, brute_force(geom, degrees, selection), rtol=0, atol=np.deg2rad(1e-6))


@pytest.mark.parametrize("share", SHARES[1:4])
def test_bits_depend_on_nothing_but_the_pixels(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    geom, selection = GEOMS["CAR"], noise(GEOMS["CAR"], share, [])
    whole = measured(geom, Window(0, 60, 0, 120), 20, selection)
    for window in (Window(13, 14, 0, 120), Window(0, 60, 77, 78), Window(50, 60, 90, 120)):
        part = measured(geom, window, 20, selection)
        np.testing.assert_array_equal(part, whole[window.y0 : window.y1, window.x0 : window.x1])
    for name, number in (("_ROWS", 1), ("_ROWS", 3), ("_ROWS", 1000), ("_STRIP", 7), ("_NARROW", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(envelope, name, number)
            np.testing.assert_array_equal(measured(geom, Window(0, 60, 0, 120), 20, selection), whole)


def test_what_is_asked_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child is asked for a tile and its margin, and rows are compared only near what is selected, but not
    where all is: there nothing is left to look for.
    """
    geom = WcsGeom.create(skydir=(0, 0), npix=(300, 256), binsz=0.1, proj="CAR")
    compared: list[int] = []
    lowered = envelope._lowest

    def counted(offered, between, first, wanted):  # type: ignore[no-untyped-def]
        columns, least = lowered(offered, between, first, wanted)
        compared.append(least.size * between.shape[1])
        return columns, least

    monkeypatch.setattr(envelope, "_lowest", counted)
    asked: list[int] = []
    few = noise(geom, 3 / 76800, asked)
    measured(geom, Window(0, 256, 0, 300), 1, few)
    assert sum(asked) <= 1.2 * 256 * 300
    # Nine pixels at most, each with 21 rows near, in two or three blocks, and 11 columns on either side.
    assert 1 <= sum(compared) <= 9 * 3 * envelope._ROWS * 23 * 21
    compared.clear()
    most = Selection(lambda tile: ~few.values(tile), lambda areas: np.full(len(areas), 1, dtype=np.uint8))
    measured(geom, Window(0, 256, 0, 300), 1, most)
    assert 1 <= sum(compared) <= 9 * envelope._ROWS * 21
