"""Distances on HEALPix by rings: those of brute force, whatever is worked on together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.grid.tiles import Tile
from maskexpr.growth import distance, rings
from maskexpr.growth.distance import nearest_selected
from maskexpr.growth.shape import Selection, SkyShape
from maskexpr.pixels.window import Window

ORDER = 5
GEOM = mx.HpxGeom(order=ORDER)
WHOLE = GEOM.lattice
SHARES = [0.0, 0.002, 0.05, 0.5, 1.0]


def cells(share: float, side: int) -> Selection:
    """Squares of cells at random, the same wherever they are asked for."""
    coarse = np.random.default_rng(5).random((WHOLE.y1 // side, WHOLE.x1 // side)) < share
    wide = np.kron(coarse, np.ones((side, side), dtype=bool))

    def values(tile: Tile) -> np.ndarray:
        y0, y1, x0, x1 = tile.window
        out = wide[y0:y1, x0:x1]
        return out if tile.on_sky is None else out & tile.on_sky

    return Selection(values, lambda areas: np.full(len(areas), 1, dtype=np.uint8))


def measured(window: Window, degrees: float, selection: Selection) -> np.ndarray:
    limit = float(np.deg2rad(degrees))
    out = np.full(window.shape, np.nan)
    for near in nearest_selected(Tile(GEOM, window), SkyShape(limit, limit, False), selection):
        assert near.window == window
        out[...] = limit
        for pixels, angles in near.parts:
            out[pixels] = angles
        out[near.zero] = 0
    return np.rad2deg(out)


def brute_force(degrees: float, selection: Selection) -> np.ndarray:
    tile = Tile(GEOM, WHOLE)
    lon, lat = (np.deg2rad(each) for each in GEOM.lonlat(*np.mgrid[: WHOLE.y1, : WHOLE.x1]))
    known = np.isfinite(lon)
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    selected = selection.values(tile) & known
    out = np.where(known, degrees, 0.0)
    if selected.any():
        chord = cKDTree(xyz[selected]).query(xyz[known])[0]
        out[known] = np.minimum(np.rad2deg(2 * np.arcsin(np.minimum(chord / 2, 1))), degrees)
    return out


@pytest.mark.parametrize("side", [1, 4])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("degrees", [1.0, 4.9, 12.0, 38.0, 60.0])
def test_every_cell(degrees: float, share: float, side: int) -> None:
    selection = cells(share, side)
    found = measured(WHOLE, degrees, selection)
    np.testing.assert_allclose(found, brute_force(degrees, selection), rtol=0, atol=1e-6)


@pytest.mark.parametrize("degrees", [4.0, 12.0])
@pytest.mark.parametrize("share", SHARES[1:4])
def test_the_same_bits_for_every_tiling(
    share: float, degrees: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    selection, n = cells(share, 1), 1 << ORDER
    whole = measured(WHOLE, degrees, selection)
    faces = [Window(i * n, i * n + n, j * n, j * n + n) for i, j in ((0, 4), (4, 0), (2, 2), (3, 2), (1, 2))]
    for window in (*faces, Window(61, 62, 0, 160), Window(0, 160, 77, 79), Window(50, 117, 13, 90)):
        part = measured(window, degrees, selection)
        np.testing.assert_array_equal(part, whole[window.y0 : window.y1, window.x0 : window.x1])
    for name, number in (("_OFFERS", 64), ("_ROWS", 7), ("_ROWS", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(rings, name, number)
            np.testing.assert_array_equal(measured(WHOLE, degrees, selection), whole)


def test_which_cells_are_measured_by_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those round which longitudes are within the limit of small differences; if rings are many, none."""
    found = rings.rings_of(Tile(GEOM, WHOLE), np.deg2rad(4.0))
    assert found is not None
    lat = GEOM.lonlat(*np.mgrid[: WHOLE.y1, : WHOLE.x1])[1]
    wide = np.sin(np.deg2rad(4.0)) > np.sin(0.3) * np.cos(np.deg2rad(lat))
    np.testing.assert_array_equal(found.here & np.isfinite(lat), np.isfinite(lat) & ~wide)
    assert rings.rings_of(Tile(GEOM, WHOLE), 0.31) is None
    assert rings.rings_of(Tile(mx.HpxGeom(order=12), Window(0, 9, 9, 12)), 0.1) is None
    sought: list[int] = []
    monkeypatch.setattr(distance, "tree_blocks", lambda *args: sought.append(1))
    mask = mx.Region("icrs;circle(50, 5, 6)") | mx.Region("icrs;circle(359, 0, 3)")
    (~mask).distance(mx.HpxGeom(order=6), "4 deg", chunks=2).compute(scheduler="synchronous")
    assert not sought
