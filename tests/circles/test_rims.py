"""Circles on grids that are not separable, by the images of their rims: the same bits as pixel by pixel."""

from __future__ import annotations

from itertools import product

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits

import maskexpr as mx
from maskexpr.circles import index as _index
from maskexpr.circles import seam as _seam
from maskexpr.circles.index import CircleIndex
from maskexpr.circles.rims import RimIndex
from maskexpr.grid.tiles import Tile
from maskexpr.pixels.window import Window
from maskexpr.shapes import images as _images
from maskexpr.sphere.vectors import TIE, angle_between, unit, within

TAN = {"skydir": (30, 50), "npix": (120, 90), "proj": "TAN", "frame": "icrs"}
GRIDS = {
    "AIT": mx.WcsGeom.allsky(binsz=2, proj="AIT"),
    "MOL": mx.WcsGeom.allsky(binsz=2, proj="MOL"),
    "TAN": mx.WcsGeom.create(binsz=0.5, **TAN),
    "TAN to the horizon": mx.WcsGeom.create(binsz=(9, 3), **TAN),
    "TAN of tiny pixels": mx.WcsGeom.create(binsz=1e-6, **TAN),
    "ZEA": mx.WcsGeom.create(skydir=(0, 90), npix=(120, 120), binsz=2.5, proj="ZEA"),
    "TSC": mx.WcsGeom.allsky(binsz=4, proj="TSC"),
    "a corner of AIT": mx.WcsGeom.allsky(binsz=2, proj="AIT").window(Window(10, 60, 0, 70)),
}


def circles(geom, number, rng):
    """Circles of a pixel to the whole sky, some with a rim through a pixel's centre."""
    ny, nx = geom.image_shape
    lon, lat = geom.lonlat(rng.uniform(0, ny, number), rng.uniform(0, nx, number))
    there = geom.lonlat(rng.integers(ny, size=number), rng.integers(nx, size=number))
    some = np.isfinite(lon + there[0])
    centre, there = unit(lon[some], lat[some]), unit(there[0][some], there[1][some])
    scale = np.deg2rad(float(np.min(geom.pixel_scales.value)))
    radius = np.minimum(scale * 10 ** rng.uniform(-0.5, 1.3, some.sum()), np.pi)
    through = np.arange(len(radius)) % 3 == 0
    radius[through] = angle_between(centre, there)[through] + rng.choice([0, TIE, -TIE, 1e-15], through.sum())
    some = radius > TIE
    return centre[:, some], radius[some]


@pytest.mark.parametrize("piece", [1, 200, _images._PIECE])
@pytest.mark.parametrize("grid", GRIDS)
def test_runs_are_what_the_predicate_says(grid, piece, monkeypatch):
    monkeypatch.setattr(_images, "_PIECE", piece)
    geom = GRIDS[grid]
    centre, radius = circles(geom, 300, np.random.default_rng(5))
    index = RimIndex(geom, centre, radius)
    ny, nx = geom.image_shape
    done = np.zeros(len(radius), dtype=bool)
    for high, wide in ((50, 60), (7, nx + 10), (ny + 10, 3)):
        for y, x in product(range(-5, ny, high), range(-5, nx, 7 * wide if wide == 3 else wide)):
            tile = Tile(geom, Window(y, y + high, x, x + wide))
            got = np.zeros(tile.shape, dtype=bool)
            left = index.paint(tile, got)
            painted = np.setdiff1d(np.arange(len(radius)), left)
            done[painted] = True
            xyz = tile.all_pixels().xyz
            want = np.zeros(xyz.shape[1], dtype=bool)
            for i in painted:
                want |= within(xyz, centre[:, [i]], radius[i])
            # A piece may be left out of a tile for which it has nothing, with all that it has.
            assert np.array_equal(got, want.reshape(tile.shape))
    if grid not in ("TSC", "TAN to the horizon"):
        assert done[radius < np.deg2rad(5)].mean() > 0.7


SEAMS = {
    proj: mx.WcsGeom.allsky(binsz=0.5, proj=proj, frame=frame)
    for proj, frame in (("AIT", "galactic"), ("MOL", "icrs"), ("SFL", "icrs"), ("PAR", "icrs"))
}
SEAMS["turned"] = mx.WcsGeom.create(skydir=(83, 0), npix=(720, 360), binsz=0.5, proj="AIT")
SEAMS["rotated"] = mx.WcsGeom.from_header(
    fits.Header.fromstring(
        """NAXIS   = 2
NAXIS1  = 720
NAXIS2  = 400
CTYPE1  = 'RA---MOL'
CTYPE2  = 'DEC--MOL'
CRPIX1  = 360.5
CRPIX2  = 200.5
CRVAL1  = 40.0
CRVAL2  = 25.0
LONPOLE = 30.0
CD1_1   = -0.45
CD1_2   = 0.2
CD2_1   = 0.2
CD2_2   = 0.45
""",
        sep="\n",
    )
)


def beside_the_seam(geom, number, rng):
    """Circles that cross the seam, or miss it or cross it by a hair, 1e-12 to 0.1 of a pixel."""
    seam = _seam.Seam.of(geom)
    lat = np.pi * rng.uniform(-0.5, 0.5, number)
    there = seam._north[:, None] * np.sin(lat) - seam._zero[:, None] * np.cos(lat)
    radius = np.deg2rad(10 ** rng.uniform(-0.5, 0.9, number))
    hair = np.deg2rad(0.5) * 10 ** rng.uniform(-12, -1, number) * rng.choice([-1, 1], number)
    away = np.where(np.arange(number) % 2, radius + hair, radius * rng.uniform(-1, 1, number))
    away *= rng.choice([-1, 1], number)
    return there * np.cos(away) + seam._side[:, None] * np.sin(away), radius


@pytest.mark.parametrize("grid", SEAMS)
def test_circles_that_meet_the_seam(grid):
    geom = SEAMS[grid]
    assert _seam.Seam.of(geom) is not None
    centre, radius = beside_the_seam(geom, 120, np.random.default_rng(3))
    ny, nx = geom.image_shape
    tile = Tile(geom, Window(0, ny, 0, nx))
    xyz = tile.all_pixels().xyz
    done = 0
    for i in range(len(radius)):
        index = RimIndex(geom, centre[:, [i]], radius[[i]])
        got = np.zeros(tile.shape, dtype=bool)
        if len(index.paint(tile, got)):
            assert not got.any()
            continue
        done += 1
        want = within(xyz, centre[:, [i]], radius[i]).reshape(tile.shape)
        assert np.array_equal(got, want), (i, centre[:, i], radius[i])
    assert done > 0.7 * len(radius)


@pytest.mark.parametrize(("number", "degrees"), [(40, 2.0), (600, 2.0), (100, 8.0)])
def test_many_circles_at_the_seam_are_not_drawn_one_by_one(number, degrees, monkeypatch):
    """Each of a clump asks its own box, and most pixels are in many boxes."""
    drawn, pixels = [], _seam.Seam.pixels

    def counted(seam, centre, radius):
        drawn.extend(radius)
        return pixels(seam, centre, radius)

    monkeypatch.setattr(_seam.Seam, "pixels", counted)
    rng, geom = np.random.default_rng(6), mx.WcsGeom.allsky(binsz=0.5, proj="AIT")
    where = SkyCoord(180 + rng.normal(0, 1, number), rng.normal(-50, 4, number), unit="deg")
    found = mx.Catalog(where, degrees * u.deg).on(geom).values
    lon, lat = geom.lonlat(*np.indices(geom.image_shape))
    on_sky = np.isfinite(lon)
    away = unit(lon[on_sky], lat[on_sky]).T @ where.cartesian.xyz.value
    assert np.array_equal(found[on_sky], (away > np.cos(np.deg2rad(degrees))).any(axis=1))
    assert not found[~on_sky].any()
    assert (0 < len(drawn) <= number) if number == 40 else not drawn


def test_no_circle_at_the_seam_is_left_to_its_rim_alone():
    geom = SEAMS["AIT"]
    seam = _seam.Seam.of(geom)
    rng = np.random.default_rng(4)
    centre, radius = beside_the_seam(geom, 2000, rng)
    # By the distance of the centre from points of the seam, in place of planes.
    lat = np.linspace(-np.pi / 2, np.pi / 2, 4001)
    points = seam._north[:, None] * np.sin(lat) - seam._zero[:, None] * np.cos(lat)
    gap = np.min(angle_between(centre[:, :, None], points[:, None, :]), axis=1)
    assert seam.meets(centre, radius)[gap < radius].all()
    assert not seam.meets(centre, radius)[gap > radius + np.deg2rad(0.05)].any()


@pytest.mark.parametrize("grid", [*GRIDS, "CAR"])
def test_pixels_asked_are_what_rims_draw(grid, monkeypatch):
    """More circles than rims are worth, or rows: their pixels are asked, with the same bits, tile by tile."""
    geom = GRIDS.get(grid, mx.WcsGeom.allsky(binsz=2))
    index = CircleIndex(*circles(geom, 300, np.random.default_rng(6)))
    ny, nx = geom.image_shape
    for window in (Window(0, ny, 0, nx), Window(3, 40, 10, 11), Window(-5, 30, nx - 20, nx + 5)):
        tile = Tile(geom, window)
        got = np.zeros((2, *tile.shape), dtype=bool)
        # A number of pixels that no circle is worth, and one that each is.
        monkeypatch.setattr(_index, "_RIM", 10**9)
        monkeypatch.setattr(_index, "_ROWS", 1e-9)
        monkeypatch.setattr(_index, "_ASKED", 100)
        assert not len(index.paint(tile, got[0]))
        monkeypatch.setattr(_index, "_RIM", 0)
        monkeypatch.setattr(_index, "_ROWS", 1e9)
        left = index.paint(tile, got[1])
        # Who paints need not look at the sky's rim; the pass that asks for it does.
        tile.clear_off_sky(got[1])
        pixels = tile.all_pixels().xyz
        assert np.array_equal(got[0], index.inside(pixels).reshape(tile.shape))
        assert not np.any(got[1] & ~got[0])
        if not len(left):
            assert np.array_equal(got[0], got[1])


@pytest.mark.parametrize("proj", ["AIT", "MOL"])
def test_circles_are_counted_at_a_limb_too(proj, monkeypatch):
    """Tiles that a limb crosses have no small cap, but no more circles than others."""
    geom = mx.WcsGeom.allsky(binsz=0.1, proj=proj)
    asked = []
    monkeypatch.setattr(CircleIndex, "_ask", lambda index, tile, out: asked.append(tile.window))
    rng = np.random.default_rng(7)
    corners = [(y, x) for y in range(0, 1800, 300) for x in (0, 300, 1500)]
    tiles = [Tile(geom, Window(y, y + 300, x, x + 300)) for y, x in corners]
    # Of a few pixels of the sky in a corner nothing is known but by asking them.
    some = [tile for tile in tiles if np.mean(tile.on_sky if tile.on_sky is not None else 1.0) > 0.1]
    assert sum(tile.on_sky is not None for tile in some) > 4
    for number, is_asked in ((3000, False), (400_000, True)):
        centre = unit(rng.uniform(0, 360, number), np.degrees(np.arcsin(rng.uniform(-1, 1, number))))
        index = CircleIndex(centre, np.full(number, np.deg2rad(0.1)))
        asked.clear()
        for tile in some:
            index.paint(tile, np.zeros(tile.shape, dtype=bool))
        assert asked == ([tile.window for tile in some] if is_asked else [])
