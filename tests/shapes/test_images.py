"""Shapes on grids that are not separable, by the images of their rims: the same bits as pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

import maskexpr as mx
from maskexpr.grid.tiles import Tile
from maskexpr.pixels.window import Window
from maskexpr.shapes import (
    Circle,
    CircleAnnulus,
    Ellipse,
    EllipseAnnulus,
    Polygon,
    Rectangle,
    RectangleAnnulus,
    Sector,
    Shape,
)
from maskexpr.shapes import images as _images
from maskexpr.shapes import index as _index
from maskexpr.shapes.images import ImageIndex
from maskexpr.shapes.many import Many
from maskexpr.sphere.vectors import TIE, angle_between, unit

TAN = {"skydir": (30, 50), "npix": (120, 90), "proj": "TAN", "frame": "icrs"}


def distorted() -> mx.WcsGeom:
    header = mx.WcsGeom.create(binsz=0.3, **TAN).to_header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header.update({"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 3e-5, "A_1_1": -2e-5, "B_0_2": 4e-5, "B_1_1": 1e-5})
    return mx.WcsGeom.from_header(fits.Header(header))


GRIDS = {
    "AIT": mx.WcsGeom.allsky(binsz=2, proj="AIT"),
    "MOL": mx.WcsGeom.allsky(binsz=2, proj="MOL"),
    "TAN": mx.WcsGeom.create(binsz=0.5, **TAN),
    "TAN to the horizon": mx.WcsGeom.create(binsz=(9, 3), **TAN),
    "TAN of tiny pixels": mx.WcsGeom.create(binsz=1e-6, **TAN),
    "SIP": distorted(),
    "ZEA": mx.WcsGeom.create(skydir=(0, 90), npix=(120, 120), binsz=2.5, proj="ZEA"),
    "ARC": mx.WcsGeom.create(skydir=(10, -60), npix=(160, 160), binsz=2.3, proj="ARC"),
    "PCO": mx.WcsGeom.allsky(binsz=3, proj="PCO"),
    "SFL": mx.WcsGeom.create(skydir=(0, 45), npix=(150, 80), binsz=2, proj="SFL"),
    "TSC": mx.WcsGeom.allsky(binsz=4, proj="TSC"),
    "HPX": mx.WcsGeom.allsky(binsz=2, proj="HPX"),
    "XPH": mx.WcsGeom.allsky(binsz=2, proj="XPH"),
    "a corner of AIT": mx.WcsGeom.allsky(binsz=2, proj="AIT").window(Window(10, 60, 0, 70)),
}
# Grids with a place where rims have corners that they have not on the sky.
KINKED = {
    "HPX": (mx.WcsGeom.allsky(binsz=0.5, proj="HPX"), 100.0, 41.8),
    "XPH": (mx.WcsGeom.allsky(binsz=0.5, proj="XPH"), 100.0, 41.8),
    "XPH between facets": (mx.WcsGeom.allsky(binsz=0.5, proj="XPH"), 90.0, 65.0),
    "cells": (mx.HpxGeom(order=8), 20.0, 41.8),
    "cells where facets begin": (mx.HpxGeom(order=8), 90.0, 41.8),
}
KINDS = 8


def drawn(kind: int, lon: float, lat: float, size: tuple[float, ...], angle: float) -> Shape:
    """A shape of a kind; sizes in degrees, the first two the largest."""
    a, b, c, d = size
    if kind == 0:
        return Ellipse(lon, lat, a, b, angle)
    if kind == 1:
        return Rectangle(lon, lat, a, b, angle)
    if kind == 2:
        return CircleAnnulus(lon, lat, min(c, a * 0.99), a)
    if kind == 3:
        return EllipseAnnulus(lon, lat, min(c, a * 0.99), min(d, b * 0.99), a, b, angle)
    if kind == 4:
        return RectangleAnnulus(lon, lat, min(c, a * 0.99), min(d, b * 0.99), a, b, angle)
    if kind == 5:
        return Sector(lon, lat, angle, angle + 90, ring=CircleAnnulus(lon, lat, min(c, a * 0.99), a))
    if kind == 6:
        turn = np.deg2rad([0, 120, 240])
        lats = np.clip(lat + min(b, 30.0) * np.sin(turn), -89, 89)
        return Polygon(lon + min(a, 30.0) * np.cos(turn), lats)
    return Circle(lon, lat, a)


def shapes_on(geom: mx.WcsGeom, number: int, rng: np.random.Generator) -> list[Shape]:
    """Shapes of some tenths of a pixel to tens of pixels, some with rims through a pixel's centre."""
    ny, nx = geom.image_shape
    lon, lat = geom.lonlat(rng.uniform(0, ny, number), rng.uniform(0, nx, number))
    there = geom.lonlat(rng.integers(ny, size=number), rng.integers(nx, size=number))
    some = np.isfinite(lon + lat + there[0])
    away = np.rad2deg(angle_between(unit(lon, lat), unit(*there)))
    scale = float(np.min(geom.pixel_scales.value))
    found = []
    for i in np.flatnonzero(some).tolist():
        size = np.minimum(scale * 10 ** rng.uniform(-0.5, 1.3, 4), 150.0)
        if i % 3 == 0:
            size[0] = min(2 * away[i] + float(rng.choice([0, 2, -2])) * np.rad2deg(TIE), 170.0)
            size[1] = size[0] * float(rng.choice([1.0, 0.4]))
        kind, angle = int(rng.integers(KINDS)), float(rng.choice([0.0, 90.0, rng.uniform(0, 180)]))
        found.append(drawn(kind, float(lon[i]), float(lat[i]), tuple(size), angle))
    return found


@pytest.mark.parametrize("piece", [1, 300, _images._PIECE])
@pytest.mark.parametrize("grid", GRIDS)
def test_runs_are_what_the_predicate_says(grid: str, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_images, "_PIECE", piece)
    geom = GRIDS[grid]
    shapes = shapes_on(geom, 120, np.random.default_rng(len(grid)))
    index = ImageIndex(geom, Many(shapes, geom.frame))
    ny, nx = geom.image_shape
    xyz = Tile(geom, Window(-5, ny + 45, -5, nx + 55)).all_pixels().xyz.reshape(3, ny + 50, nx + 60)
    alone = [each.inside(xyz.reshape(3, -1), geom.frame).reshape(xyz.shape[1:]) for each in shapes]
    done = np.zeros(len(shapes), dtype=bool)
    for y in range(0, ny, 50):
        for x in range(0, nx, 60):
            tile = Tile(geom, Window(y - 5, y + 45, x - 5, x + 55))
            got = np.zeros(tile.shape, dtype=bool)
            drawn_ones = np.setdiff1d(np.arange(len(shapes)), index.paint(tile, got))
            done[drawn_ones] = True
            here = np.s_[y : y + 50, x : x + 60]
            want = np.zeros(tile.shape, dtype=bool)
            for i in drawn_ones.tolist():
                want |= alone[i][here]
            # A piece may be left out of a tile for which it has nothing, with all that it has.
            assert np.array_equal(got & np.isfinite(xyz[0][here]), want)
    radius = Many(shapes, geom.frame).caps.radius
    usual = np.array([not isinstance(each, Polygon | Sector) for each in shapes])
    some = done[usual & (radius > 0) & (radius < np.deg2rad(4))]
    if not geom.kinked:
        assert some.mean() > 0.7


@pytest.mark.parametrize("grid", KINKED)
def test_rims_have_corners_where_the_grid_is_kinked(grid: str) -> None:
    geom, lon, lat = KINKED[grid]
    y, x = (int(each) for each in geom.pixel(lon, lat))
    tile = Tile(geom, Window(y - 75, y + 75, x - 75, x + 75))
    xyz = tile.all_pixels().xyz.reshape(3, -1)
    rng, scale = np.random.default_rng(4), float(np.min(geom.pixel_scales.value))
    done = wrong = 0
    for i in range(300):
        away = 10 * scale * rng.normal(size=2)
        size = (*(scale * 10 ** rng.uniform(0.5, 1.5, 2)), scale, scale)
        shape = drawn(i % 2, lon + away[0], lat + away[1], size, rng.choice([0.0, rng.uniform(0, 180)]))
        got = np.zeros(tile.shape, dtype=bool)
        if not len(ImageIndex(geom, Many([shape], geom.frame)).paint(tile, got)):
            done += 1
            wrong += not np.array_equal(got.ravel() & np.isfinite(xyz[0]), shape.inside(xyz, geom.frame))
    assert done > 100
    assert not wrong


@pytest.mark.parametrize("grid", GRIDS)
def test_regions_are_drawn_as_each_shape_alone(grid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_index, "_RIM", 0)
    geom = GRIDS[grid]
    shapes = shapes_on(geom, 60, np.random.default_rng(7))
    xyz = Tile(geom, Window(0, geom.image_shape[0], 0, geom.image_shape[1])).all_pixels().xyz
    want = np.logical_or.reduce([each.inside(xyz, geom.frame) for each in shapes])
    for chunks in ("auto", 40):
        mask = mx.Region([*shapes])
        assert np.array_equal(mask.on(geom, chunks=chunks).values.ravel(), want)
