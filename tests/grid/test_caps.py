"""A cap is a bound, and so are OFF and ON: random windows of random maps of every projection, against astropy
asked for each pixel.
"""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS, Sip
from hypothesis import given, settings
from hypothesis import strategies as st

import maskexpr as mx
from maskexpr.errors import GeometryError
from maskexpr.grid.tiles import OFF, ON, Tiles
from maskexpr.grid.wcs.projection import PROJECTIONS

CONES = ("COP", "COE", "COD", "COO")
# Parameters PVi_m of the latitude axis, as functions of a random generator.
PARAMETERS = {
    "AZP": lambda rng: {1: rng.uniform(-0.5, 3), 2: rng.choice([0.0, rng.uniform(-60, 60)])},
    "SZP": lambda rng: {1: rng.uniform(-0.5, 3), 2: 40.0, 3: rng.choice([90.0, rng.uniform(20, 90)])},
    "SIN": lambda rng: {1: rng.uniform(-0.6, 0.6), 2: rng.uniform(-0.6, 0.6)},
    "ZPN": lambda rng: {1: 1.0, 2: rng.uniform(-0.1, 0.1), 3: rng.uniform(-0.1, 0.1)},
    "AIR": lambda rng: {1: rng.uniform(10, 90)},
    "CYP": lambda rng: {1: rng.uniform(0, 2), 2: rng.uniform(0.3, 2)},
    "CEA": lambda rng: {1: rng.uniform(0.2, 1)},
    "BON": lambda rng: {1: rng.uniform(-90, 90)},
    "HPX": lambda rng: {1: float(rng.integers(1, 7)), 2: float(rng.integers(1, 6))},
} | dict.fromkeys(CONES, lambda rng: {1: rng.uniform(-80, 80), 2: rng.uniform(0, 30)})
NEEDED = {*CONES, "BON", "ZPN", "AIR"}


def random_wcs(code: str, rng: np.random.Generator) -> WCS:
    """A map that is turned, sheared, swapped, distorted or none of it."""
    wcs = WCS(naxis=2)
    latitude = 1 if rng.random() < 0.15 else 2
    order = slice(None, None, 1 if latitude == 2 else -1)
    wcs.wcs.ctype = [f"RA---{code}", f"DEC--{code}"][order]
    wcs.wcs.crval = [rng.uniform(0, 360), rng.choice([0, 90, -90, rng.uniform(-90, 90)])][order]
    wcs.wcs.cdelt = 10 ** rng.uniform(-2, 1.6) * rng.choice([-1, 1], 2) * 10 ** rng.uniform(-0.3, 0.3, 2)
    wcs.wcs.crpix = rng.uniform(-30, 60, 2) if rng.random() < 0.8 else [15.0, 12.0]
    if rng.random() < 0.5:
        turn = rng.uniform(0, 2 * np.pi)
        c, s = np.cos(turn), np.sin(turn)
        wcs.wcs.pc = np.array([[c, -s], [s, c]]) @ np.array([[1, rng.choice([0, 0.4])], [0, 1]])
    if rng.random() < 0.6:
        wcs.wcs.lonpole = rng.choice([0.0, 180.0, 90.0, rng.uniform(-180, 180)])
    if code in PARAMETERS and (code in NEEDED or rng.random() < 0.5):
        wcs.wcs.set_pv([(latitude, m, float(v)) for m, v in PARAMETERS[code](rng).items()])
    if rng.random() < 0.1:
        wcs.wcs.ctype = [f"{name}-SIP" for name in wcs.wcs.ctype]
        a, b = rng.normal(size=(2, 4, 4)) * 10 ** rng.uniform(-6, -3)
        wcs.sip = Sip(np.triu(a[::-1], 1)[::-1], np.triu(b[::-1], 1)[::-1], None, None, wcs.wcs.crpix)
    wcs.wcs.set()
    return wcs


def random_windows(wcs: WCS, rng: np.random.Generator, number: int) -> np.ndarray:
    """Windows round the reference, on the map and far from it."""
    height, width = np.ceil(90 ** rng.uniform(0, 1, (2, number))).astype(int)
    across = max(2.0, 200 / np.abs(wcs.wcs.cdelt).mean())
    spread = np.where(rng.random(number) < 0.5, min(across, 30.0), min(across, 1e5))
    x0, y0 = (
        np.floor(middle - 1 + rng.uniform(-1, 1, number) * spread - side * rng.random(number)).astype(int)
        for middle, side in zip(wcs.wcs.crpix, (width, height), strict=True)
    )
    return np.stack([y0, y0 + height, x0, x0 + width])


def centres(wcs: WCS, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors of all pixel centres of windows, and the window that each is in."""
    places = [np.mgrid[y0:y1, x0:x1].reshape(2, -1) for y0, y1, x0, x1 in bounds.T.tolist()]
    owner = np.repeat(np.arange(len(places)), [each.shape[1] for each in places])
    world = np.radians(wcs.all_pix2world(np.concatenate(places, axis=1)[::-1].T, 0))
    lon, lat = world[:, wcs.wcs.lng], world[:, wcs.wcs.lat]
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]), owner


def furthest(xyz: np.ndarray, owner: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Largest angle between each window's centres and its middle; negative where no centre is on the sky."""
    there = np.isfinite(xyz[0])
    xyz, owner = xyz[:, there], owner[there]
    gap, total = (np.sqrt(((xyz + sign * middle[:, owner]) ** 2).sum(axis=0)) for sign in (-1, 1))
    far = np.full(middle.shape[1], -1.0)
    np.maximum.at(far, owner, 2 * np.arctan2(gap, total))
    return far


@pytest.mark.parametrize("code", PROJECTIONS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_cap_holds_every_centre_and_off_and_on_are_kept(code, seed):
    rng = np.random.default_rng(seed)
    try:
        wcs = random_wcs(code, rng)
        geom = mx.WcsGeom(wcs, (50, 60))
    except (ValueError, GeometryError):
        return  # LONPOLE, CRVAL and parameters that no map has
    bounds = random_windows(wcs, rng, 40)
    tiles = Tiles(geom, bounds)
    xyz, owner = centres(wcs, bounds)
    far = furthest(xyz, owner, tiles.caps.centre)
    assert (far <= tiles.caps.radius + 1e-9).all()
    there = np.isfinite(xyz[0])
    assert not there[(tiles.sky == OFF)[owner]].any()
    assert there[(tiles.sky == ON)[owner]].all()


# ---- wide where they must be, and only there

# How many of the windows of 64, 16 and 8 pixels that hold sky had the whole sphere for a bound when caps were
# judged by samples: those on the rim of the sky.
WHOLE = {
    "CAR": (0, 0, 0),
    "TAN": (0, 0, 0),
    "AIT": (30, 116, 226),
    "ZEA": (19, 60, 114),
    "MOL": (30, 116, 226),
    "SIN": (14, 52, 106),
    "HPX": (39, 173, 352),
}


@pytest.mark.parametrize("code", WHOLE)
def test_caps_of_ordinary_maps_are_narrow(code):
    npix, binsz = ((512, 512), 0.2) if code == "TAN" else ((720, 360), 0.5)
    geom = mx.WcsGeom.create(npix=npix, binsz=binsz, proj=code)
    whole = Tiles(geom, np.array([[0], [npix[1]], [0], [npix[0]]]))
    for side, most in zip((64, 16, 8), WHOLE[code], strict=True):
        tiles = whole.split(side)[0]
        far = furthest(*centres(geom.wcs, tiles.bounds), tiles.caps.centre)
        assert (tiles.sky[far < 0] == OFF).all()
        wide = tiles.caps.radius >= np.pi
        assert wide.sum() <= most
        assert (tiles.caps.radius[~wide] <= 2 * far[~wide] + 1e-7)[far[~wide] >= 0].all()


def test_caps_of_the_common_maps_ask_nine_places_of_a_window(monkeypatch):
    asked = []
    lonlat = mx.WcsGeom.lonlat

    def count(self, y, x):
        asked.append(np.broadcast(y, x).size)
        return lonlat(self, y, x)

    monkeypatch.setattr(mx.WcsGeom, "lonlat", count)
    for code in ("CAR", "TAN", "AIT", "ZEA", "MOL", "SIN", "STG", "ARC", "SFL", "HPX", "TSC", "QSC"):
        geom = mx.WcsGeom.create(
            skydir=(20, 10), npix=(512, 512), binsz=0.03, proj=code, refpix=(256.2, 256.8)
        )
        tiles = Tiles(geom, np.array([[0], [512], [0], [512]])).split(64)[0]
        asked.clear()
        assert (tiles.caps.radius < 0.1).all()
        # Nine more are of the whole image, once, which tell whether all of it is on the sky.
        assert sum(asked) <= 9 * len(tiles) + 9 + (64 * 9 * 16 if code in ("TSC", "QSC") else 0)


# ---- masks that lost pixels


def test_a_circle_at_the_reference_of_a_vast_stereographic_map():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval = ["RA---STG", "DEC--STG"], [0, -90]
    wcs.wcs.cdelt, wcs.wcs.crpix = [26.4, 12.0], [16.09, 31.3]
    geom = mx.WcsGeom(wcs, (135, 150))
    circle = mx.Region("icrs;circle(0,-90,12)")
    xyz, _ = centres(geom.wcs, np.array([[0], [135], [0], [150]]))
    assert np.count_nonzero(xyz[2] < -np.cos(np.radians(12))) == 2
    assert circle.compute(geom).values.sum() == 2
    assert circle.on(geom).values.sum() == circle.on(geom, chunks=20).values.sum() == 2


def test_a_source_at_the_pole_of_a_polyconic_map_has_the_whole_row():
    geom = mx.WcsGeom.create(npix=(361, 182), binsz=1, proj="PCO", refpix=(180.5, 91.0))
    source = mx.Catalog(SkyCoord([0.0], [90.0], unit="deg"), "0.5 deg")
    xyz, _ = centres(geom.wcs, np.array([[0], [182], [0], [361]]))
    assert np.count_nonzero(xyz[2] > np.cos(np.radians(0.5))) == 361
    assert source.compute(geom).values.sum() == 361
    assert source.on(geom).values.sum() == source.on(geom, chunks=100).values.sum() == 361
