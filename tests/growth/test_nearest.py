"""Distances by blocks: the bits of comparing all with all, whatever is worked on together, by few of them."""

from __future__ import annotations

import numpy as np
import pytest

import maskexpr as mx
from maskexpr.grid.tiles import Tile
from maskexpr.growth import distance, nearest, rings
from maskexpr.growth.distance import nearest_selected
from maskexpr.growth.shape import Selection, SkyShape
from maskexpr.pixels.window import Window

GRIDS = {
    "HEALPix": mx.HpxGeom(order=4),
    "AIT": mx.WcsGeom.allsky(binsz=4, proj="AIT"),
    "TAN at a pole": mx.WcsGeom.create(skydir=(10, 89), npix=(60, 50), binsz=1, proj="TAN"),
    "TSC": mx.WcsGeom.allsky(binsz=4, proj="TSC"),
}
SHARES = [0.0, 0.0005, 0.02, 0.5, 1.0]


def blobs(geom: mx.WcsGeom | mx.HpxGeom, share: float) -> Selection:
    """Squares of 4 x 4 pixels at random, the same wherever they are asked for, and none off the map."""
    ny, nx = geom.image_shape
    coarse = np.random.default_rng(3).random((ny // 4 + 1, nx // 4 + 1)) < share
    wide = np.kron(coarse, np.ones((4, 4), dtype=bool))

    def values(tile: Tile) -> np.ndarray:
        y, x = (np.arange(*each) for each in (tile.window[:2], tile.window[2:]))
        held = ((y >= 0) & (y < ny))[:, None] & ((x >= 0) & (x < nx))
        out = wide[np.clip(y, 0, ny - 1)[:, None], np.clip(x, 0, nx - 1)] & held
        return out if tile.on_sky is None else out & tile.on_sky

    return Selection(values, lambda areas: np.full(len(areas), 1, dtype=np.uint8))


def measured(geom: mx.WcsGeom | mx.HpxGeom, window: Window, limit: float, selection: Selection) -> np.ndarray:
    """Radians of every pixel of a window."""
    out = np.full(window.shape, np.nan)
    for near in nearest_selected(Tile(geom, window), SkyShape(limit, limit, False), selection):
        y0, y1, x0, x1 = near.window.shift(-window.y0, -window.x0)
        out[y0:y1, x0:x1] = limit
        for pixels, angles in near.parts:
            out[y0:y1, x0:x1][pixels] = angles
        out[y0:y1, x0:x1][near.zero] = 0
    return out


def all_with_all(geom: mx.WcsGeom | mx.HpxGeom, limit: float, selection: Selection) -> np.ndarray:
    """Every pixel compared with every selected one."""
    ny, nx = geom.image_shape
    y, x = np.mgrid[:ny, :nx]
    lon, lat = (np.deg2rad(each) for each in geom.lonlat(y, x))
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    known = np.isfinite(lon)
    selected = selection.values(Tile(geom, Window(0, ny, 0, nx))) & known
    out = np.where(known, limit, 0.0)
    sources = xyz[selected]
    for row in range(ny) if len(sources) else []:
        there = np.flatnonzero(known[row])
        dx, dy, dz = np.moveaxis(xyz[row, there, None] - sources, -1, 0)
        chord = np.sqrt((dx * dx + dy * dy + dz * dz).min(axis=1, initial=16.0))
        out[row, there] = np.minimum(2 * np.arcsin(np.minimum(chord / 2, 1)), limit)
    return out


@pytest.fixture(autouse=True)
def by_blocks_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """HEALPix cells would be measured by rings, see `test_rings`."""
    monkeypatch.setattr(rings, "_MOST", 0)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("degrees", [1.0, 9.0, 70.0])
@pytest.mark.parametrize("name", GRIDS)
def test_the_bits_of_all_with_all(name: str, degrees: float, share: float) -> None:
    geom, selection, limit = GRIDS[name], blobs(GRIDS[name], share), float(np.deg2rad(degrees))
    ny, nx = geom.image_shape
    found = measured(geom, Window(0, ny, 0, nx), limit, selection)
    np.testing.assert_array_equal(found, all_with_all(geom, limit, selection))


@pytest.mark.parametrize("name", ["HEALPix", "AIT"])
@pytest.mark.parametrize("share", SHARES[1:4])
def test_the_same_bits_for_every_tiling(name: str, share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    geom, selection = GRIDS[name], blobs(GRIDS[name], share)
    ny, nx = geom.image_shape
    whole = measured(geom, Window(0, ny, 0, nx), 0.3, selection)
    for window in (Window(ny // 2, ny // 2 + 1, 0, nx), Window(3, ny - 2, 21, 40), Window(0, 17, 0, nx)):
        np.testing.assert_array_equal(
            measured(geom, window, 0.3, selection), whole[window.y0 : window.y1, window.x0 : window.x1]
        )
    for name, number in (("_BLOCKS", 3), ("_NUMBERS", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(nearest, name, number)
            np.testing.assert_array_equal(measured(geom, Window(0, ny, 0, nx), 0.3, selection), whole)


def test_few_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of some hundred pixels on the rims of a few circles a pixel is compared with less than ten."""
    geom = mx.HpxGeom(order=7)
    mask = mx.Region("icrs;circle(50, 10, 6)") | mx.Region("icrs;circle(70, 10, 6)")
    pairs, pixels = [0], [0]
    compared = nearest.Places._compared

    def counted(places, lists, xyz):  # type: ignore[no-untyped-def]
        pairs[0] += int(lists.number.sum()) * xyz.shape[2]
        pixels[0] += xyz.shape[1] * xyz.shape[2]
        return compared(places, lists, xyz)

    monkeypatch.setattr(nearest.Places, "_compared", counted)
    (~mask).distance(geom, "5 deg").compute(scheduler="synchronous")
    assert 1_000 < pixels[0] < 10_000
    assert pairs[0] < 10 * pixels[0]


def test_hidden_pixels_are_no_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """On HEALPix only the cells at a rim are looked for."""
    geom = mx.HpxGeom(order=7)
    number = []
    made = distance.Places

    def counted(xyz, limit):  # type: ignore[no-untyped-def]
        number.append(xyz.shape[1])
        return made(xyz, limit)

    monkeypatch.setattr(distance, "Places", counted)
    mask = mx.Region("icrs;circle(45, 41.8, 12)")
    (~mask).distance(geom, "2 deg").compute(scheduler="synchronous")
    selected = int(mask.compute(geom).values.sum())
    assert 0 < sum(number) < selected / 3
