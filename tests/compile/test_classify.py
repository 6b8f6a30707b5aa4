"""Classification of tiles: likely pixels are asked first, and that changes no answer."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.compile import classify as module
from maskexpr.compile.classify import classify
from maskexpr.core.coverage import EMPTY, FULL, MIXED
from maskexpr.grid.tiles import Tiles, grid_tiles
from maskexpr.sphere.vectors import lonlat

RNG = np.random.default_rng(5)


def sources(number, low, high):
    lat = np.degrees(np.arcsin(RNG.uniform(-1, 1, number)))
    at = SkyCoord(RNG.uniform(0, 360, number), lat, unit="deg")
    return mx.Catalog(at, RNG.uniform(low, high, number) * u.deg)


GEOMS = {
    "CAR": mx.WcsGeom.allsky(binsz=0.5, frame="galactic"),
    "AIT": mx.WcsGeom.allsky(binsz=0.5, frame="galactic", proj="AIT"),
    "TAN": mx.WcsGeom.create(skydir=(10, 80), npix=(300, 200), binsz=0.3, proj="TAN", frame="icrs"),
}
MASKS = {
    "smaller than pixels": sources(400, 0.01, 0.3),
    "small": sources(300, 0.3, 3),
    "large": sources(5, 20, 120),
    "two frames": sources(50, 1, 5) - mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"),
    "no circle": ~mx.Region("icrs; box(20, 70, 30, 12, 20)"),
    "radius per bin": mx.Catalog(SkyCoord([10.0, 90.0], [80.0, 0.0], unit="deg"), [[0.0, 3.0, 9.0]] * u.deg),
}


def whole_grid(geom, side):
    sizes = [(side,) * (n // side) + ((n % side,) if n % side else ()) for n in geom.image_shape]
    return grid_tiles(geom, *sizes, plane=(1,) * len(geom.axes))


@pytest.mark.parametrize("side", [13, 64])
@pytest.mark.parametrize("name", MASKS)
@pytest.mark.parametrize("proj", GEOMS)
def test_states_are_what_parts_alone_say(monkeypatch, proj, name, side):
    geom, mask = GEOMS[proj], MASKS[name]
    if name == "radius per bin":
        geom = geom.to_cube([mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)])
    got = classify(mask, whole_grid(geom, side))
    monkeypatch.setattr(module, "_ask_likely", lambda *_: None)
    assert np.array_equal(got, classify(mask, whole_grid(geom, side)))
    assert len(set(got.tolist()) & {int(EMPTY), int(FULL)})
    assert (got == MIXED).any()


def test_tiles_that_hold_an_edge_are_not_cut(monkeypatch):
    geom = mx.WcsGeom.allsky(binsz=0.02, frame="galactic")
    tiles = whole_grid(geom, 2048)
    cut = []
    split = Tiles.split
    monkeypatch.setattr(Tiles, "split", lambda self, side: cut.append(len(self)) or split(self, side))
    assert (classify(sources(2000, 0.2, 0.4), tiles) == MIXED).all()
    assert sum(cut) == 0


def test_batches_of_tiles_find_the_places_that_they_hold(monkeypatch):
    geom, mask = GEOMS["CAR"], MASKS["small"]
    want = classify(mask, whole_grid(geom, 20))
    monkeypatch.setattr(module, "_BATCH", 100)
    assert np.array_equal(classify(mask, whole_grid(geom, 20)), want)


GROWN = {
    "dilated": lambda mask: mask.dilate("0.5 deg"),
    "eroded": lambda mask: (~mask).erode("0.5 deg"),
    "closed": lambda mask: mask.close("0.5 deg"),
}


@pytest.mark.parametrize("grown", GROWN)
@pytest.mark.parametrize("binsz", [0.05, 0.004, 0.001])
def test_parts_of_what_is_grown_do_not_grow_with_the_pixels(monkeypatch, grown, binsz):
    geom = mx.WcsGeom.allsky(binsz=binsz, frame="galactic")
    tiles = whole_grid(geom, geom.image_shape[0] // 20)
    cut = []
    split = Tiles.split

    def counted(self, side):
        parts = split(self, side)
        cut.append(len(parts[0]))
        return parts

    monkeypatch.setattr(Tiles, "split", counted)
    cover = classify(GROWN[grown](sources(2000, 0.05, 0.3)), tiles)
    assert 0 < np.count_nonzero(cover == MIXED) < len(tiles)
    assert sum(cut) <= module._MOST_PARTS * len(tiles)


@pytest.mark.parametrize("grown", GROWN)
@pytest.mark.parametrize("proj", GEOMS)
def test_pixels_looked_at_change_no_answer(monkeypatch, proj, grown):
    mask, tiles = GROWN[grown](MASKS["small"]), whole_grid(GEOMS[proj], 40)
    monkeypatch.setattr(module, "_COARSE", 4)
    got = classify(mask, tiles)
    looked = []
    monkeypatch.setattr(module, "_look", lambda *_: looked.append(1))
    assert np.array_equal(got, classify(mask, tiles))
    assert looked
    monkeypatch.setattr(module, "_MOST_PARTS", 1)
    monkeypatch.setattr(module, "_ALWAYS_PARTS", 0)
    fewer = classify(mask, tiles)
    assert np.array_equal(fewer[fewer != MIXED], got[fewer != MIXED])
    assert np.count_nonzero(fewer == MIXED) >= np.count_nonzero(got == MIXED)


def test_holders():
    geom = GEOMS["CAR"]
    tiles = whole_grid(geom, 37)
    some = tiles.take(np.sort(RNG.choice(len(tiles), len(tiles) // 2, replace=False)))
    y, x = RNG.integers(-50, 410, 3000), RNG.integers(-50, 770, 3000)
    y0, y1, x0, x1 = some.bounds[:, :, None]
    holds = (y0 <= y) & (y < y1) & (x0 <= x) & (x < x1)
    want = np.where(holds.any(axis=0), holds.argmax(axis=0), -1)
    assert np.array_equal(module._holders(some, y, x), want)
    assert (want >= 0).sum() > 500


@pytest.mark.parametrize("proj", GEOMS)
def test_edge_samples_lie_beside_rims(proj):
    geom = GEOMS[proj]
    catalog = sources(100, 5, 6)
    tiles = whole_grid(geom, 64)
    y, x = catalog.edge_samples(tiles, 10_000)
    assert len(y) == 800
    here = np.isfinite(y)
    assert here.sum() > 100
    assert len(catalog.edge_samples(tiles, 80)[0]) <= 80
    lon, lat = geom.lonlat(y[here], x[here])
    # The index has an order of its own.
    index = catalog._index(geom.frame, None).all
    centres = SkyCoord(*lonlat(index.centre), unit="deg", frame=geom.frame)
    inside = np.broadcast_to([True, False], (100, 4, 2)).ravel()[here]
    owner = centres[np.repeat(np.arange(100), 8)[here]]
    gap = owner.separation(SkyCoord(lon, lat, unit="deg", frame=geom.frame)).deg
    radius = np.repeat(np.rad2deg(index.radius), 8)[here]
    assert np.array_equal(gap < radius, inside)
    pixel = geom.pixel_scales.value.min()
    assert np.allclose(np.abs(gap - radius), pixel, atol=1e-9)
