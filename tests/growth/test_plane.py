"""Growing in the plane of smooth grids: bounds of chords against astropy's positions, elements against all
pairs, packed words and spans against loops, and every way against a tree."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from maskexpr.grid.tiles import Tile, Tiles
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.growth import plane
from maskexpr.growth.box import Box, _Cubic
from maskexpr.growth.columns import NONE, Columns, columns_of
from maskexpr.growth.disk import Disk
from maskexpr.growth.gaps import list_set
from maskexpr.growth.metric import Metrics, block_metrics
from maskexpr.growth.packed import BITS, Grown, Table, grow_packed
from maskexpr.growth.shape import Selection, SkyShape
from maskexpr.growth.spans import grow_spans
from maskexpr.pixels.window import Window

from .growth_ways import by_tree, in_plane


def _oblique(code: str, binsz: float | tuple[float, float] = 0.4) -> WcsGeom:
    return WcsGeom.create(skydir=(20, 50), npix=(200, 150), binsz=binsz, proj=code)


def _distorted() -> WcsGeom:
    header = fits.Header({"NAXIS": 2, "NAXIS1": 200, "NAXIS2": 150})
    header.update({"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 20, "CRVAL2": 50})
    header.update({"CRPIX1": 80, "CRPIX2": 70, "CDELT1": -0.1, "CDELT2": 0.1})
    header.update({"A_ORDER": 3, "B_ORDER": 3, "A_2_0": 2e-4, "A_0_3": 1e-6, "B_1_1": -3e-4, "B_3_0": -2e-6})
    return WcsGeom.from_header(header)


SMOOTH = {
    **{code: WcsGeom.allsky(binsz=1, frame="galactic", proj=code) for code in ("AIT", "MOL", "SFL", "PAR")},
    **{code: _oblique(code) for code in ("TAN", "ZEA", "ARC", "STG", "SIN", "CAR", "MER", "CEA")},
    "oblong": _oblique("TAN", (0.1, 0.4)),
    "distorted": _distorted(),
}
RADII = (0.3, 1.7, 6.0)


def vectors(wcs: WCS, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Unit vectors of pixels by astropy, shape (3, ...)."""
    lon, lat = np.radians(wcs.all_pix2world(x.ravel(), y.ravel(), 0))
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    return xyz.reshape(3, *y.shape)


def metrics_of(geom: WcsGeom, radius: float) -> tuple[Tiles, Metrics]:
    ny, nx = geom.image_shape
    # Not from the map's corner, so that the last blocks are cut.
    blocks, metrics, _ = block_metrics(Tile(geom, Window(0, ny - 3, 5, nx)), np.radians(radius))
    return blocks, metrics


# ---- bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
def test_chords_are_within_their_bounds(name: str) -> None:
    """And use less than half of what is allowed for what the metric's derivatives do not say."""
    rng = np.random.default_rng(1)
    geom = SMOOTH[name]
    for radius in RADII:
        blocks, metrics = metrics_of(geom, radius)
        assert len(blocks)
        block = rng.integers(0, len(blocks), 40_000)
        y0, y1, x0, x1 = blocks.bounds[:, block]
        # Half of them at the corners, where the bounds are put to the test.
        low, high = rng.random((2, len(block))), rng.random((2, len(block))) < 0.5
        part = np.where(high, np.round(low), low) * (1 - 1e-9)
        y, x = (
            (first + np.floor(p * (last - first))).astype(int)
            for p, first, last in zip(part, (y0, x0), (y1, x1), strict=True)
        )
        rows, columns = metrics.reach[:, block]
        dy, dx = rng.integers(-rows, rows + 1), rng.integers(-columns, columns + 1)
        here, there = vectors(geom.wcs, y, x), vectors(geom.wcs, y + dy, x + dx)
        chord = ((here - there) ** 2).sum(axis=0)
        near = (chord > 0) & (chord < 1.3 * np.radians(radius) ** 2)
        middle = y - metrics.middle[0, block], x - metrics.middle[1, block]
        for place in (None, middle):
            least, most = Disk(metrics).chords(block, dy, dx, place)
            assert np.all(least[near] <= chord[near] * (1 + 1e-9) + 1e-15)
            assert np.all(chord[near] <= most[near] * (1 + 1e-9) + 1e-15)
        # By the place itself, only the rest is left: less than half of it is used.
        rest = metrics.rest[block] * (least + most) / 2
        assert np.all((chord - most)[near] <= -0.5 * rest[near] + 1e-9 * chord[near])


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("radius", RADII)
def test_elements_hold_what_they_say(name: str, radius: float) -> None:
    """Every step within reach of the corners, the middle and some other pixels of some blocks."""
    rng = np.random.default_rng(2)
    geom = SMOOTH[name]
    blocks, metrics = metrics_of(geom, radius)
    assert len(blocks)
    columns = columns_of(Disk(metrics))
    for b in rng.choice(len(blocks), min(12, len(blocks)), replace=False).tolist():
        y0, y1, x0, x1 = blocks.bounds[:, b].tolist()
        rows, wide = metrics.reach[:, b].tolist()
        dy, dx = np.mgrid[-rows : rows + 1, -wide : wide + 1]
        inner, outer = (
            (dx >= first[b, columns.middle + dy]) & (dx <= last[b, columns.middle + dy])
            for first, last in (
                (columns.inner_first, columns.inner_last),
                (columns.outer_first, columns.outer_last),
            )
        )
        assert np.all(outer | ~inner)
        places = [(y0, x0), (y0, x1 - 1), (y1 - 1, x0), (y1 - 1, x1 - 1), ((y0 + y1) // 2, (x0 + x1) // 2)]
        for y, x in (*places, *zip(rng.integers(y0, y1, 4), rng.integers(x0, x1, 4), strict=True)):
            here = vectors(geom.wcs, np.array([y]), np.array([x]))[:, :, None]
            chord = ((vectors(geom.wcs, y + dy, x + dx) - here) ** 2).sum(axis=0)
            angle = 2 * np.arcsin(np.sqrt(chord) / 2)
            assert np.all(angle[inner] <= np.radians(radius) + 1e-12)
            assert not np.any(angle[~outer] <= np.radians(radius) - 1e-12)


def boxes_of(geom: WcsGeom, shape: SkyShape) -> tuple[Tiles, Box]:
    ny, nx = geom.image_shape
    blocks, metrics, _ = block_metrics(Tile(geom, Window(0, ny - 3, 5, nx)), shape.bound)
    boxes, known = Box.of(geom, metrics, shape)
    return blocks.take(known), boxes.take(known)


def excess_of_box(wcs: WCS, here: tuple[np.ndarray, ...], there: tuple[np.ndarray, ...]) -> np.ndarray:
    """By how many degrees pixels miss the half-sides of 0 round others in longitude and latitude, (2, n)."""
    lon, lat = wcs.all_pix2world(here[1].ravel(), here[0].ravel(), 0)
    other_lon, other_lat = wcs.all_pix2world(there[1].ravel(), there[0].ravel(), 0)
    apart = np.abs((lon - other_lon + 180) % 360 - 180)
    cosine = np.cos(np.radians(np.minimum(np.abs(lat), np.abs(other_lat))))
    return np.stack([apart * cosine, np.abs(lat - other_lat)]).reshape(2, *here[0].shape)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("sides", [(0.3, 0.3), (2.9, 0.7), (1.0, 5.0)])
def test_boxes_hold_what_they_say(name: str, sides: tuple[float, float]) -> None:
    """Every step within reach of the corners, the middle and some other pixels of some blocks; and of each
    pixel alone, whose doubts are fewer.
    """
    rng = np.random.default_rng(3)
    geom = SMOOTH[name]
    blocks, boxes = boxes_of(geom, SkyShape(*np.radians(sides).tolist(), box=True))
    assert len(blocks)
    columns = columns_of(boxes)
    for b in rng.choice(len(blocks), min(12, len(blocks)), replace=False).tolist():
        y0, y1, x0, x1 = blocks.bounds[:, b].tolist()
        rows, wide = boxes.metrics.reach[:, b].tolist()
        dy, dx = np.mgrid[-rows : rows + 1, -wide : wide + 1]
        inner, outer = (
            (dx >= first[b, columns.middle + dy]) & (dx <= last[b, columns.middle + dy])
            for first, last in (
                (columns.inner_first, columns.inner_last),
                (columns.outer_first, columns.outer_last),
            )
        )
        assert np.all(outer | ~inner)
        places = [(y0, x0), (y0, x1 - 1), (y1 - 1, x0), (y1 - 1, x1 - 1), ((y0 + y1) // 2, (x0 + x1) // 2)]
        for y, x in (*places, *zip(rng.integers(y0, y1, 4), rng.integers(x0, x1, 4), strict=True)):
            here = np.broadcast_to(y, dy.shape), np.broadcast_to(x, dx.shape)
            apart = excess_of_box(geom.wcs, here, (y + dy, x + dx)) - np.array(sides)[:, None, None]
            assert np.all(apart[:, inner] <= 1e-10)
            assert not np.any((apart[:, ~outer] <= -1e-10).all(axis=0))
            middle = (each.ravel() - at for each, at in zip(here, boxes.metrics.middle[:, b], strict=True))
            perhaps, surely = boxes.told(np.full(dy.size, b), dy.ravel(), dx.ravel(), tuple(middle))
            held = (apart <= 0).all(axis=0).ravel()
            near = (np.abs(apart) < 1e-10).any(axis=0).ravel()
            assert not np.any(surely & ~held & ~near)
            assert not np.any(held & ~perhaps & ~near)
            # Of a pixel alone no more is in doubt.
            assert np.count_nonzero(perhaps & ~surely) <= np.count_nonzero(outer & ~inner)


@pytest.mark.parametrize("name", SMOOTH)
def test_cubics_miss_by_less_than_what_is_said(name: str) -> None:
    rng = np.random.default_rng(4)
    geom = SMOOTH[name]
    blocks, boxes = boxes_of(geom, SkyShape(*np.radians((3.0, 2.0)).tolist(), box=True))
    block = rng.integers(0, len(blocks), 20_000)
    y, x = rng.uniform(-1, 1, (2, len(block)))
    at = (y, x) * boxes.extent[:, block] + boxes.metrics.middle[:, block]
    lon, lat = np.radians(geom.wcs.all_pix2world(at[1], at[0], 0))
    start = np.radians(geom.wcs.all_pix2world(*boxes.metrics.middle[::-1, block], 0)[0])
    for true, terms, miss in ((lon - start, boxes.lon, boxes.miss[0]), (lat, boxes.lat, boxes.miss[1])):
        off = (_Cubic(terms[:, block]).value(y, x) - true + np.pi) % (2 * np.pi) - np.pi
        assert np.all(np.abs(off) <= 0.75 * miss[block] + 1e-12)


# ---- elements that differ from block to block ----------------------------------------------------


def random_columns(rng: np.random.Generator, number: int, most: int) -> Columns:
    """Elements of random rows, the inner ones within the outer."""
    shape = (number, 2 * most + 1)
    first, length = rng.integers(-most, most, shape), rng.integers(-2, 70, shape)
    last = first + length
    inner_first, inner_last = first + rng.integers(0, 3, shape), last - rng.integers(0, 3, shape)
    reach = rng.integers(0, most + 1, number)
    beyond = np.abs(np.arange(-most, most + 1)) > reach[:, None]
    ends = []
    for begin, end in ((inner_first, inner_last), (first, last)):
        none = beyond | (begin > end)
        ends += [np.where(none, NONE, begin).astype(np.int32), np.where(none, -NONE, end).astype(np.int32)]
    return Columns(most, reach, *ends)


def unpacked(words: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    octets = np.ascontiguousarray(words.T).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, bitorder="little").astype(bool)
    return np.asarray(bits[: shape[0], : shape[1]])


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("part", [0.0005, 0.02, 0.6])
def test_words_and_spans_grow_as_loops_do(seed: int, part: float) -> None:
    rng = np.random.default_rng(seed)
    geom = WcsGeom.create(npix=(300, 300), binsz=0.1, proj="TAN")
    y0, x0 = rng.integers(0, 50, 2).tolist()
    height, width = rng.integers(1, 150, 2).tolist()
    tile = Tile(geom, Window(y0, y0 + height, x0, x0 + width))
    most = int(rng.integers(1, 7))
    # Blocks of several sides, some of them left out.
    bounds = [np.empty((4, 0), dtype=np.int64)]
    todo = tile.tiles
    for side in (64, 32, 16, 8):
        todo, _ = todo.split(side)
        done = rng.random(len(todo)) < 0.4
        bounds.append(todo.bounds[:, done])
        todo = todo.take(~done)
    blocks = Tiles(geom, np.concatenate(bounds, axis=1))
    if not len(blocks):
        return
    columns = random_columns(rng, len(blocks), most)
    around = tile.window.pad(most, 80)
    values = rng.random(around.shape) < part
    want = np.zeros((2, *tile.shape), dtype=bool)
    for b, (top, bottom, left, right) in enumerate(blocks.bounds.T.tolist()):
        for kind, (first, last) in enumerate((columns[2:4], columns[4:6])):
            for dy in range(-most, most + 1):
                begin, end = int(first[b, most + dy]), int(last[b, most + dy])
                for dx in range(begin, end + 1):
                    y, x = top + dy - around.y0, left + dx - around.x0
                    part_ = values[y : y + bottom - top, x : x + right - left]
                    want[kind, top - y0 : bottom - y0, left - x0 : right - x0] |= part_
    for grown in (
        grow_packed(tile, blocks, columns, Table(tile, around, values)),
        grow_spans(tile, blocks, columns, values, around),
    ):
        assert np.array_equal(unpacked(grown.sure, tile.shape), want[0])
        assert np.array_equal(unpacked(grown.doubt, tile.shape), want[1] & ~want[0])


def test_bits_are_listed() -> None:
    words = np.random.default_rng(0).integers(0, 2**63, 50).astype("<u8")
    words[::7] = 0
    which, bit = list_set(words)
    want = [(i, k) for i, word in enumerate(words.tolist()) for k in range(64) if word >> k & 1]
    assert list(zip(which.tolist(), bit.tolist(), strict=True)) == want


# ---- every way -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AIT", "SFL", "TAN", "MER", "oblong", "distorted"])
@pytest.mark.parametrize("box", [False, True])
@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize(("narrow", "few"), [(True, False), (False, True), (False, False)])
def test_every_way_in_the_plane_is_the_tree(
    name: str, dense: bool, narrow: bool, few: bool, box: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noise and a blob on windows whose last blocks are cut, with radii of whole pixels among others."""
    monkeypatch.setattr(plane, "_is_dense", lambda *_: dense)
    monkeypatch.setattr(plane, "_are_narrow", lambda *_: narrow)
    monkeypatch.setattr(plane, "_are_few", lambda *_: few)
    geom = SMOOTH[name]
    scale = float(geom.pixel_scales.value.min())

    def values(tile: Tile) -> np.ndarray:
        lon, lat = np.nan_to_num(tile.lonlat)
        noise = np.abs(np.sin(np.round(lat, 6) * 12.9898 + np.round(lon, 6) * 78.233)) * 43758.5453 % 1
        blob = np.hypot((lon - 20) * np.cos(np.radians(lat)), lat - 48) < 6 * scale
        return np.asarray(((noise < 0.003) | blob) & np.isfinite(tile.lonlat[0]))

    chosen = Selection(values, lambda tiles: np.full(len(tiles), 1))
    ny, nx = geom.image_shape
    for pixels in (1.0, 5.0, 7.3):
        sides = [pixels * scale * (0.6 if box else 1.0), pixels * scale]
        shape = SkyShape(*np.radians(sides).tolist(), box=box)
        for window in (Window(10, min(ny, 127), 20, min(nx, 171)), Window(40, 41, 30, 110)):
            tile = Tile(geom, window)
            want = by_tree(tile, shape, chosen)
            found, left = in_plane(tile, shape, chosen)
            assert len(left) < len(tile.tiles.split(8)[0])
            for block in map(left.tile, range(len(left))):
                y0, y1, x0, x1 = block.window.shift(-window.y0, -window.x0)
                found[y0:y1, x0:x1] = want[y0:y1, x0:x1]
            assert np.array_equal(found & np.isfinite(tile.lonlat[0]), want)


def test_nothing_is_grown_of_nothing() -> None:
    grown = Grown.nothing((3, 65))
    assert grown.sure.shape == (3, BITS)
    assert not grown.doubt.any()
