"""The masks of the net: every way of selecting on every kind of map, and then what each way has of its own.

Sizes are in pixels of the map, so that one list serves maps of the whole sky and of a few degrees.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

import maskexpr as mx

from .maps import CUBES, PART, WHOLE
from .numbers import around, noise, positions, smooth

__all__ = ["ANYWHERE", "BOUNDARIES", "CASES", "CHANGING", "ON_CUBES", "PLANAR", "SOMEWHERE"]

Bools = NDArray[np.bool_]
Made = Callable[[mx.WcsGeom], mx.Mask]

PIX = u.pix


def _pixel(geom: mx.WcsGeom) -> u.Quantity:
    return np.mean(u.Quantity(geom.pixel_scales)).to(u.deg)


def _sources(geom: mx.WcsGeom, number: int, seed: int) -> SkyCoord:
    """All over the sky on whole maps, within and just beside the map on others."""
    width = 0.6 * max(geom.image_shape) * _pixel(geom).value
    if width > 80:
        return positions(number, seed)
    centre = geom.center_skydir.galactic
    return around(centre.l.deg, centre.b.deg, number, width, seed)


def _beside(geom: mx.WcsGeom, turn: float, pixels: float) -> str:
    """Coordinates, as DS9 writes them, of a place so many pixels from the map's centre."""
    there = geom.center_skydir.galactic.directional_offset_by(turn * u.deg, pixels * _pixel(geom))
    return f"{float(there.l.deg)!r},{float(there.b.deg)!r}"


def _size(geom: mx.WcsGeom, *pixels: float) -> str:
    return ",".join(repr(float(each * _pixel(geom).value)) for each in pixels)


def _shape(text: str, metric: str = "sky") -> Made:
    """``circle @40:7.3 3.1`` -> a circle 7.3 pixels from the map's centre towards 40 deg, of 3.1 pixels.

    ``=33.1`` is a number as it is: an angle of rotation.
    """

    def made(geom: mx.WcsGeom) -> mx.Mask:
        lines = []
        for line in text.split(";"):
            name, *words = line.split()
            numbers = []
            for word in words:
                if word.startswith("@"):
                    numbers.append(_beside(geom, *map(float, word[1:].split(":"))))
                else:
                    numbers.append(word[1:] if word.startswith("=") else _size(geom, float(word)))
            lines.append(f"{name}({','.join(numbers)})")
        return mx.Region("galactic;" + ";".join(lines), metric=metric)

    return made


_SHAPES = {
    "circle": "circle @40:7.3 5.13",
    "ellipse": "ellipse @140:6.1 9.37 4.11 =33.3",
    "box": "box @250:4.7 13.9 6.7 =17.7",
    "annulus": "annulus @310:3.3 3.17 8.41",
    "polygon": "polygon @3:9.1 @71:5.3 @123:11.9 @207:6.7 @291:10.3",
    "taken away": "circle @80:5.9 9.37;-ellipse @80:5.9 6.11 2.93 =71.3;box @200:8.3 4.3 7.9 =11",
}
_MARKS = "point @77:6.31;line @20:11.7 @215:9.3"


def _catalog(geom: mx.WcsGeom) -> mx.Mask:
    return mx.Catalog(_sources(geom, 40, 1), 2.83 * _pixel(geom))


def _radii(geom: mx.WcsGeom) -> mx.Mask:
    return mx.Catalog(_sources(geom, 150, 2), _pixel(geom) * (0.31 + 6.7 * noise((150,), 3) ** 3))


def _plane(geom: mx.WcsGeom) -> mx.Mask:
    low, high = (geom.center_skydir.galactic.b + shift * _pixel(geom) for shift in (-4.13, 2.71))
    return mx.Band(lat=(max(low, -88.77 * u.deg), min(high, 88.77 * u.deg)), frame="galactic")


def _algebra(geom: mx.WcsGeom) -> mx.Mask:
    catalog, plane, box = _catalog(geom), _plane(geom), _shape(_SHAPES["box"])(geom)
    return ((catalog | box) - plane) ^ (_radii(geom) & ~_shape(_SHAPES["annulus"])(geom))


def _image(geom: mx.WcsGeom, seed: int = 5) -> tuple[NDArray[np.float64], mx.WcsGeom]:
    """Uneven noise with some pixels that are NaN."""
    values = smooth(geom.shape, seed)
    values[noise(geom.shape, seed + 1) < 0.01] = np.nan
    return values, geom


def _seed(geom: mx.WcsGeom) -> mx.Mask:
    """What grows and shrinks: circles, data and a complement together."""
    return (_radii(geom) | mx.Threshold(_image(geom), ">", 0.6131)) - _shape(_SHAPES["ellipse"])(geom)


def _scattered(geom: mx.WcsGeom) -> mx.Mask:
    return mx.Threshold((noise(geom.shape, 7), geom), ">", 0.5631)


def _boxes(geom: mx.WcsGeom) -> tuple[u.Quantity, u.Quantity]:
    return 2.63 * _pixel(geom), 1.37 * _pixel(geom)


# On every map without axes.
ANYWHERE: dict[str, Made] = {
    "all": lambda geom: mx.AllSky(),
    "catalogue": _catalog,
    "catalogue of radii": _radii,
    "latitudes": _plane,
    "algebra": _algebra,
    "taken away": _shape(_SHAPES["taken away"]),
    "marks": _shape(_MARKS),
    "dilated": lambda geom: _seed(geom).dilate(2.37 * _pixel(geom)),
    "eroded by a box": lambda geom: (~_seed(geom)).erode(_boxes(geom), kernel="box"),
    "opened, closed": lambda geom: _seed(geom).open(1.09 * _pixel(geom)).close(1.73 * _pixel(geom)),
    "holes": lambda geom: _scattered(geom).fill_holes(11.3 * _pixel(geom) ** 2),
    "hysteresis": lambda geom: mx.Hysteresis(_image(geom), 0.5171, 0.6171),
    "dilated in pixels": lambda geom: _seed(geom).dilate(2.4 * PIX, metric="pixel"),
    "planar polygon": _shape(_SHAPES["polygon"], "pixel"),
}


# On one whole map and one part.
SOMEWHERE: dict[str, Made] = {
    **{name: _shape(text) for name, text in _SHAPES.items() if name != "taken away"},
    "none": lambda geom: mx.NoSky(),
    "complement": lambda geom: ~_catalog(geom),
    "Or": lambda geom: mx.Or(_catalog(geom), _plane(geom), _radii(geom)),
    "And": lambda geom: mx.And(_radii(geom), ~_catalog(geom), _plane(geom)),
    "Xor": lambda geom: mx.Xor(_catalog(geom), _plane(geom), _radii(geom)),
    "half of the sky": lambda geom: mx.Catalog(
        SkyCoord(274.1, -5.3, unit="deg", frame="galactic"), "91.31 deg"
    ),
    "longitudes over 0": lambda geom: mx.Band(lon=("301.37 deg", "187.91 deg"), frame="galactic"),
    "longitudes and latitudes": lambda geom: mx.Band(
        lon=("83.17 deg", "211.9 deg"), lat=("-31.3 deg", "23.17 deg"), frame="fk5"
    ),
    "raster": lambda geom: mx.Raster((smooth(geom.shape, 12) > 0.4931, geom)),
    "flags": lambda geom: mx.Bits(((noise(geom.shape, 31) * 8).astype(np.uint8), geom), any=5, none=2),
    "ellipses": lambda geom: mx.Ellipses(
        _sources(geom, 40, 32), 4.83 * _pixel(geom), 2.17 * _pixel(geom), 33.3 * u.deg
    ),
    "cells": lambda geom: mx.Moc([[at, at + 6] for at in range(2, 12000, 11)], 5),
    "threshold with NaN selected": lambda geom: mx.Threshold(_image(geom), "<=", 0.4871, nan=True),
    "complement of a threshold": lambda geom: ~mx.Threshold(_image(geom), ">", 0.5071),
    "hysteresis by corners": lambda geom: mx.Hysteresis(_image(geom), 0.5371, 0.6071, connectivity=8),
    "hysteresis of masks": lambda geom: mx.Hysteresis.from_masks(_seed(geom), _plane(geom)),
    "dilated by a box": lambda geom: _seed(geom).dilate(_boxes(geom), kernel="box"),
    "dilated three times": lambda geom: (
        _radii(geom).dilate(1.17 * _pixel(geom)).dilate(0.1 * _pixel(geom)).dilate(2.21 * _pixel(geom))
    ),
    "dilated far": lambda geom: mx.Catalog(_sources(geom, 9, 11), 0.73 * _pixel(geom)).dilate(
        9.31 * _pixel(geom)
    ),
    "eroded": lambda geom: _seed(geom).close(2.1 * _pixel(geom)).erode(1.33 * _pixel(geom)),
    "opened": lambda geom: (_seed(geom) | _plane(geom)).open(1.61 * _pixel(geom)),
    "opened twice": lambda geom: mx.Open(mx.Open(_seed(geom), 1.09 * _pixel(geom)), 1.53 * _pixel(geom)),
    "closed": lambda geom: mx.Close(_seed(geom), 2.57 * _pixel(geom)),
    "grown, then shrunk in pixels": lambda geom: (
        _seed(geom).dilate(2.13 * _pixel(geom)).erode(1.6 * PIX, metric="pixel")
    ),
    "box in pixels": lambda geom: _seed(geom).dilate((3 * PIX, 1 * PIX), kernel="box", metric="pixel"),
    "eroded in pixels": lambda geom: (~_seed(geom)).erode(1.7 * PIX, metric="pixel"),
    "opened in pixels": lambda geom: (_seed(geom) | _plane(geom)).open(1.6 * PIX, metric="pixel"),
    "closed in pixels": lambda geom: _seed(geom).close(2.4 * PIX, metric="pixel"),
    "holes, all": lambda geom: _scattered(geom).fill_holes(),
    "holes by corners": lambda geom: mx.FillHoles(_scattered(geom), 9 * PIX, connectivity=8),
    "small removed": lambda geom: _scattered(geom).remove_small(7.3 * _pixel(geom) ** 2),
    "small removed by corners": lambda geom: mx.RemoveSmall(~_scattered(geom), 6 * PIX, connectivity=8),
    "holes of what has grown": lambda geom: (
        _radii(geom)
        .dilate(1.31 * _pixel(geom))
        .fill_holes(40.3 * _pixel(geom) ** 2)
        .dilate(1.1 * _pixel(geom))
    ),
}

# On tangential maps, whose pixels have nearly one size: the size of a planar shape elsewhere depends on the
# version of `regions`.
PLANAR: dict[str, Made] = {
    f"planar {name}": _shape(_SHAPES[name], "pixel") for name in ("circle", "ellipse", "box", "annulus")
}


def _energies(geom: mx.WcsGeom) -> mx.Mask:
    number = geom.shape[0]
    radius = _pixel(geom) * (0.7 + 3.1 * noise((30, number), 13))
    return mx.Catalog(_sources(geom, 30, 14), radius)


def _radius_of_bin(geom: mx.WcsGeom) -> u.Quantity:
    return _pixel(geom) * (0.57 + 1.13 * np.arange(geom.shape[0]))


# On maps with an axis.
ON_CUBES: dict[str, Made] = {
    "the same on all planes": _algebra,
    "planes": lambda geom: mx.AxisRange("energy", "100 GeV", "2 TeV", round_to_edge=True) & _catalog(geom),
    "radii of planes": _energies,
    "radii of planes, grown": lambda geom: _energies(geom).dilate(_radius_of_bin(geom)),
    "shrunk plane by plane": lambda geom: (~_energies(geom)).erode(_radius_of_bin(geom)),
    "threshold": lambda geom: mx.Threshold(_image(geom), ">", 0.5231),
    "threshold, grown": lambda geom: mx.Threshold(_image(geom), ">", 0.6031).dilate(1.63 * _pixel(geom)),
    "hysteresis of planes": lambda geom: mx.Hysteresis(_image(geom), 0.5171, 0.6171),
    "hysteresis linked": lambda geom: mx.Hysteresis(_image(geom), 0.5171, 0.6171, linked=True),
    "small removed, linked": lambda geom: mx.RemoveSmall(_scattered(geom), 21 * PIX, linked=True),
    "holes of planes": lambda geom: _scattered(geom).fill_holes(9.7 * _pixel(geom) ** 2),
}

# Their meaning is about to change: measured to the outer border of the map's pixels.
BOUNDARIES: dict[str, Made] = {
    "Boundary": lambda geom: mx.Boundary(4.37 * _pixel(geom)),
    "Boundary of a pair": lambda geom: mx.Boundary((3.41 * _pixel(geom), 5.77 * _pixel(geom))),
    "Boundary in pixels": lambda geom: mx.Boundary(4.3 * PIX, metric="pixel"),
}

# In chunks of any size, at least nine rows high: thinner ones are a matter of their own tests.
_CHUNKED = ["algebra", "dilated", "holes", "hysteresis", "dilated in pixels"]
_CHUNKS: dict[str, tuple[mx.WcsGeom, Any]] = {
    "CAR in chunks of 15 x 40": (WHOLE["CAR"], (15, 40)),
    "AIT in irregular chunks": (WHOLE["AIT"], ((14, 9, 15, 11), (17, 41, 9, 30))),
    "HPX in chunks of 11 x 20": (WHOLE["HPX"], (11, 20)),
    "TAN in irregular chunks": (PART["TAN"], ((9, 31, 13, 17), (50, 11, 29))),
}


def _data_of_another(name: str, code: str) -> Bools:
    """A mask on one map from data on another, which reaches further on every side."""
    there = mx.WcsGeom.create(skydir=(184.2, -5.1), npix=(150, 140), binsz=0.31, proj=code, frame="galactic")
    made = {
        "raster": mx.Raster((smooth(there.shape, 15) > 0.5031, there)),
        "threshold": mx.Threshold((smooth(there.shape, 16), there), ">", 0.5231),
        "threshold, grown": mx.Threshold((smooth(there.shape, 17), there), ">", 0.6131).dilate("0.537 deg"),
        "threshold minus catalogue": mx.Threshold((smooth(there.shape, 18), there), "<", 0.5231)
        - _catalog(PART["TAN"]),
    }
    return _all(made[name], PART["TAN"])


def _significance(method: str, chunks: Any) -> Bools:
    geom = PART["TAN"]
    background = 0.7 + noise(geom.shape, 19)
    counts = np.floor(background * 2.3 * noise(geom.shape, 20) + 5 * (smooth(geom.shape, 21) > 0.6131))
    found = (
        mx.significance((counts, geom), background, "0.737 deg", chunks=chunks)
        if method == "cash"
        else mx.significance(
            (counts, geom),
            np.floor(9 * background),
            "0.737 deg",
            method="wstat",
            acceptance=1,
            acceptance_off=8.7,
            chunks=chunks,
        )
    )
    return _all(mx.Threshold(found, ">", 0.7137), geom)


def _all(mask: mx.Mask, geom: mx.WcsGeom, chunks: Any = "auto") -> Bools:
    return mask.compute(geom, chunks=chunks).values


def _slice(mask: mx.Mask, geom: mx.WcsGeom, chunks: Any, part: tuple[slice, slice]) -> Bools:
    return mask.on(geom, chunks=chunks)[(..., *part)].values


def _at(mask: mx.Mask, number: int, geom: mx.WcsGeom | None = None) -> Bools:
    near = WHOLE["CAR"] if geom is None else geom
    return mask.contains(_sources(near, number, 22), geom=geom)


def _pairs() -> dict[str, Callable[[], Bools]]:
    """Maps with masks."""
    cases: dict[str, Callable[[], Bools]] = {}
    chosen = [
        *((name, geom, ANYWHERE) for name, geom in {**WHOLE, **PART}.items()),
        ("AIT", WHOLE["AIT"], SOMEWHERE),
        ("TAN rotated", PART["TAN rotated"], SOMEWHERE),
        ("TAN", PART["TAN"], PLANAR),
        ("TAN rotated", PART["TAN rotated"], PLANAR),
        *((name, geom, ON_CUBES) for name, geom in CUBES.items()),
    ]
    for name, geom, masks in chosen:
        for text, made in masks.items():
            cases[f"{name}: {text}"] = functools.partial(
                lambda made, geom: _all(made(geom), geom), made, geom
            )
    # Fifteen seconds for 3500 pixels: its leaves are evaluated 967 times, once for each window that a growth
    # of a growth asks.
    del cases["ZEA rotated: opened, closed"]
    return cases


def _ways() -> dict[str, Callable[[], Bools]]:
    """Ways of asking: in chunks, in slices, at positions; and maps made from maps."""
    cases: dict[str, Callable[[], Bools]] = {}
    for name, (geom, chunks) in _CHUNKS.items():
        for text in _CHUNKED:
            cases[f"{name}: {text}"] = functools.partial(
                lambda made, geom, chunks: _all(made(geom), geom, chunks), ANYWHERE[text], geom, chunks
            )
    part = (slice(13, 41), slice(22, 71))
    for name, text in [("CAR", "algebra"), ("CAR", "dilated"), ("AIT", "dilated"), ("AIT", "hysteresis")]:
        cases[f"{name} in part of chunks: {text}"] = functools.partial(
            lambda made, geom: _slice(made(geom), geom, (20, 25), part), ANYWHERE[text], WHOLE[name]
        )
    sky = WHOLE["CAR"]
    at_positions: dict[str, Made] = {
        "algebra": _algebra,
        "catalogue, grown": lambda geom: _radii(geom).dilate("3.137 deg"),
        "ellipse, grown": lambda geom: _shape(_SHAPES["ellipse"])(geom).dilate("5.31 deg"),
        "polygon": _shape(_SHAPES["polygon"]),
    }
    for text, made in at_positions.items():
        cases[f"at positions: {text}"] = functools.partial(lambda made: _at(made(sky), 4001), made)
    for name in ("AIT", "TAN"):
        for text in ("dilated", "hysteresis"):
            cases[f"at the pixels of positions on {name}: {text}"] = functools.partial(
                lambda made, geom: _at(made(geom), 1001, geom), ANYWHERE[text], {**WHOLE, **PART}[name]
            )
    for text in ("raster", "threshold", "threshold, grown", "threshold minus catalogue"):
        for code in ("ZEA", "CAR"):
            cases[f"TAN from data on {code}: {text}"] = functools.partial(_data_of_another, text, code)
    for method in ("cash", "wstat"):
        for chunks in (None, 35):
            cases[f"significance {method}, chunks {chunks}"] = functools.partial(
                _significance, method, chunks
            )
    return cases


def _boundaries() -> dict[str, Callable[[], Bools]]:
    maps = {**WHOLE, **PART}
    return {
        f"{name}: {text}": functools.partial(lambda mask, geom: _all(mask(geom), geom), mask, maps[name])
        for name in (
            "CAR",
            "AIT",
            "TAN",
            "TAN rotated",
            "TAN at the pole",
            "CAR over the seam",
            "AIT in part",
        )
        for text, mask in BOUNDARIES.items()
    }


# Key -> what computes the mask.
CASES: dict[str, Callable[[], Bools]] = {**_pairs(), **_ways()}
CHANGING: dict[str, Callable[[], Bools]] = _boundaries()
