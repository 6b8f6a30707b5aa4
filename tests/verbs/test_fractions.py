"""Fractions of pixels and areas on the sphere: their bounds hold, against formulas and random positions."""

from __future__ import annotations

import copy
import pickle
from functools import cache
from typing import Any

import astropy.units as u
import dask
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import HealthCheck, given, seed, settings

import maskexpr as mx
from maskexpr.compile.between import bounds_between
from maskexpr.core.errors import AxisError, MaskTypeError, MaskValueError, NeedsGridError
from maskexpr.core.trace import tracing
from maskexpr.grid.healpix.cells import cells_of
from maskexpr.sphere.vectors import unit
from maskexpr.testing.masks import STRATEGIES

SQUARE_DEGREES = np.degrees(1.0) ** 2


def cap(degrees: float) -> float:
    """Square degrees of a circle on the sphere."""
    return float(2 * np.pi * (1 - np.cos(np.radians(degrees))) * SQUARE_DEGREES)


def positions(number: int) -> SkyCoord:
    """Positions all over the sky, evenly: a Fibonacci lattice."""
    i = np.arange(number) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * i / number))
    return SkyCoord(np.degrees(i * np.pi * (1 + 5**0.5)) % 360, lat, unit="deg")


THERE = positions(1_000_000)

rng = np.random.default_rng(3)
TILTED = mx.WcsGeom.create(skydir=(33, 52), npix=(12, 15), binsz=3.3, proj="TAN", frame="galactic")
LON, LAT = rng.uniform(0, 360, 30), np.degrees(np.arcsin(rng.uniform(-1, 1, 30)))
MASKS: dict[str, mx.Mask] = {
    "circles": mx.Catalog(SkyCoord(LON, LAT, unit="deg"), "7 deg"),
    "band": mx.Band(lat=("-10 deg", "25 deg"), frame="galactic"),
    "cells": mx.Moc([[at, at + 6] for at in range(2, 700, 11)], 3),
    "data": mx.Raster((rng.random((15, 12)) < 0.4, TILTED), True),
    "grown": mx.Region("icrs;box(280, 70, 20, 5, 30)").dilate("3 deg"),
    "complement": ~mx.Region("icrs;polygon(350, -30, 20, -30, 25, 10, 5, -5, 355, 40)"),
    "difference": mx.Region("galactic;ellipse(40, 20, 30, 10, 20)") - mx.Region("icrs;circle(260, 20, 9)"),
}
GRIDS: dict[str, Any] = {
    "CAR": mx.WcsGeom.allsky(binsz=6),
    "AIT": mx.WcsGeom.allsky(binsz=3, proj="AIT", frame="galactic"),
    "TAN": mx.WcsGeom.create(skydir=(30, 50), npix=(30, 25), binsz=2, proj="TAN"),
    "HEALPix": mx.HpxGeom(order=3),
    "part": mx.HpxGeom(order=4, cells=[[192, 700], [703, 704]], frame="galactic"),
}


@cache
def selected(name: str) -> np.ndarray:
    return MASKS[name].contains(THERE)


def pixel_of(geom: Any) -> np.ndarray:
    """The place in the array of the pixel that holds each position, -1 for none."""
    there = THERE.transform_to(geom.frame).spherical
    if isinstance(geom, mx.HpxGeom):
        return np.asarray(geom.cells.positions(cells_of(geom.order, unit(there.lon.deg, there.lat.deg))))
    row, column = geom.array_index(there.lon.deg, there.lat.deg)
    return np.where(row >= 0, row * geom.shape[1] + column, -1)


@pytest.mark.parametrize("where", GRIDS)
def test_bounds_hold(where: str) -> None:
    """The share of positions in a pixel that are selected lies between the bounds, but for chance."""
    geom = GRIDS[where]
    home = pixel_of(geom)
    seen = home >= 0
    size = int(np.prod(geom.shape))
    number = np.bincount(home[seen], minlength=size)
    centres_on_sky = np.ravel(mx.AllSky().on(geom).values)
    for name, mask in MASKS.items():
        found = mask.fraction(geom, levels=3).compute()
        lower, upper = found.lower.values.ravel(), found.upper.values.ravel()
        assert (lower <= upper).all()
        assert not upper[~centres_on_sky].any()
        hits = np.bincount(home[seen & selected(name)], minlength=size)
        some = (number > 40) & centres_on_sky
        share = hits[some] / number[some]
        # The lattice of positions is even: its error is that of its rim, far below that of chance.
        doubt = 4 * np.sqrt(share * (1 - share) / number[some]) + 3 / number[some]
        assert (lower[some] - doubt <= share).all(), f"{name}: less is selected than the lower bound"
        assert (share <= upper[some] + doubt).all(), f"{name}: more is selected than the upper bound"
        # Not trivially: pixels that no edge crosses are decided, and edges are narrow.
        assert (upper - lower)[some].mean() < 0.45, name


def test_difference_of_the_bounds_halves_with_every_level() -> None:
    disk, geom = MASKS["circles"], mx.HpxGeom(order=4)
    widths = []
    before = disk.fraction(geom, levels=0).compute()
    for levels in (1, 2, 3, 4):
        found = disk.fraction(geom, levels=levels).compute()
        assert (found.lower >= before.lower).all()
        assert (found.upper <= before.upper).all()
        widths.append(float((found.upper - found.lower).mean()))
        before = found
    ratios = np.array(widths[1:]) / widths[:-1]
    assert ((ratios > 0.4) & (ratios < 0.6)).all()


@pytest.mark.parametrize("where", ["CAR", "HEALPix"])
def test_sum_is_the_area(where: str) -> None:
    geom = GRIDS[where]
    disk = mx.Region("icrs;circle(200, 88, 21)")
    found = disk.fraction(geom, levels=5).compute()
    areas = geom.solid_angle()
    low, high = (
        float((found[name] * np.asarray(areas.values)).sum()) * SQUARE_DEGREES for name in ("lower", "upper")
    )
    assert low < cap(21) < high < 1.1 * low


@pytest.mark.parametrize("where", GRIDS)
def test_the_same_in_every_chunking(where: str) -> None:
    geom, mask = GRIDS[where], MASKS["circles"] | MASKS["difference"]
    whole = mask.fraction(geom, levels=2, chunks=1 if where in ("HEALPix", "part") else -1).compute()
    for chunks in (2,) if where in ("HEALPix", "part") else (7, (25, 4)):
        assert mask.fraction(geom, levels=2, chunks=chunks).compute().equals(whole)


def test_decided_chunks_are_no_task() -> None:
    disk = mx.Region("icrs;circle(45, 0, 5)")
    lazy = disk.fraction(mx.HpxGeom(order=12), chunks=3)
    assert dask.is_dask_collection(lazy)
    with tracing() as counts:
        lazy.upper.isel(cells=slice(5 << 20, 6 << 20)).any().compute()
    assert counts["tiles"] == 0


def test_both_bounds_are_one_piece_of_work() -> None:
    lazy = MASKS["circles"].fraction(GRIDS["CAR"], chunks=30)
    with tracing() as counts:
        lazy.compute(scheduler="synchronous")
    assert counts["tiles"] == 2


@pytest.mark.parametrize(
    "mask",
    [mx.Boundary("3 deg"), MASKS["band"].erode("2 deg"), mx.AxisRange("energy", "1 GeV", "2 GeV")],
    ids=repr,
)
def test_what_needs_a_grid_has_no_fractions(mask: mx.Mask) -> None:
    for ask in (lambda: mask.fraction(GRIDS["CAR"]), lambda: mask.area(), lambda: mask.area(rtol=0.1)):
        with pytest.raises((NeedsGridError, AxisError)):
            ask()


def test_arguments_of_fraction() -> None:
    for levels in (-1, 13, 2.0, True, "3"):
        with pytest.raises(MaskValueError, match="levels"):
            MASKS["band"].fraction(GRIDS["CAR"], levels=levels)
    with pytest.raises(MaskValueError, match="0 to 2"):
        MASKS["band"].fraction(mx.HpxGeom(order=27, cells=[5]), levels=3)


# ---- areas without a grid


@pytest.mark.parametrize("rtol", [0.1, 0.01, 0.001])
@pytest.mark.parametrize(
    ("mask", "area"),
    [
        (mx.Region("icrs;circle(30, 89, 10)"), cap(10)),
        (~mx.Region("icrs;circle(30, 89, 10)"), cap(170)),
        (mx.Catalog(SkyCoord([10, 80], [0, 0], unit="deg"), [0.01, 20] * u.deg), cap(0.01) + cap(20)),
        (mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"), cap(95) - cap(85)),
        (mx.Band(lat=("0 deg", "90 deg"), lon=("0 deg", "90 deg")), cap(180) / 8),
        (mx.Region("icrs;circle(3, 4, 2)").dilate("3 deg"), cap(5)),
        (mx.Region("icrs;annulus(3, 4, 2, 7)"), cap(7) - cap(2)),
        (mx.Moc([[5, 8]], 2), cap(180) * 3 / 192),
        (mx.AllSky(), cap(180)),
        (mx.NoSky(), 0.0),
        (mx.Region("icrs;circle(30, -90, 10)"), cap(10)),
        (mx.Region("icrs;circle(30, -89.999999, 88)"), cap(88)),
        (mx.Region("icrs;circle(30, 70, 130)"), cap(130)),
        (mx.Region("icrs;circle(0, 0, 5)") ^ mx.Region("icrs;circle(1, 1, 3)"), cap(5) - cap(3)),
        (
            mx.Region("galactic;circle(0, 0, 5)") & mx.Band(lat=("0 deg", "9 deg"), frame="galactic"),
            cap(5) / 2,
        ),
        (
            mx.Region("galactic;circle(0, 90, 5)") - mx.Band(lon=("350 deg", "80 deg"), frame="galactic"),
            cap(5) * 0.75,
        ),
        (mx.Band(lat=("-5 deg", "90 deg")).dilate("3 deg") ^ mx.AllSky(), cap(82)),
        (
            ~mx.Catalog(SkyCoord([0, 180], [90, -40], unit="deg"), [10, 2] * u.deg).dilate("5 deg"),
            cap(165) - cap(7),
        ),
    ],
    ids=repr,
)
def test_areas_are_within_their_bounds(mask: mx.Mask, area: float, rtol: float) -> None:
    value, lower, upper = (each.to_value("deg2") for each in mask.area(rtol=rtol))
    assert lower * (1 - 1e-12) <= area <= upper * (1 + 1e-12)
    assert lower <= value <= upper
    assert upper - lower <= rtol * value
    assert value == pytest.approx(area, rel=rtol / 2)


@pytest.mark.parametrize(
    ("mask", "share"),
    [
        (mx.Band(lat=((90 - 2.0**-20) * u.deg, 90 * u.deg)), np.sin(np.deg2rad(2.0**-21)) ** 2),
        (mx.Band(lat=(-90 * u.deg, (2.0**-30 - 90) * u.deg)), np.sin(np.deg2rad(2.0**-31)) ** 2),
        (mx.Band(lat=("10 deg", "20 deg")), np.diff(np.sin(np.deg2rad([10, 20])))[0] / 2),
        (mx.Band(lat=("10 deg", "20 deg")).dilate("1 deg"), np.diff(np.sin(np.deg2rad([9, 21])))[0] / 2),
    ],
    ids=repr,
)
def test_areas_between_parallels_are_exact(mask: mx.Mask, share: float) -> None:
    """Strips end where a band does, and their heights keep their digits at a pole."""
    low, high = (float((each / (4 * np.pi * u.sr)).to_value("")) for each in mask.area(rtol=1e-9)[1:])
    assert low <= share <= high


def test_areas_of_circles_and_bands_by_positions() -> None:
    """Any algebra of them, in any frame, against the share of a million positions."""
    rng = np.random.default_rng(5)
    for _ in range(3):
        leaves: list[mx.Mask] = []
        for _ in range(3):
            number = rng.integers(1, 30)
            lat = np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
            at = SkyCoord(rng.uniform(0, 360, number), lat, unit="deg", frame="galactic")
            leaves.append(mx.Catalog(at, rng.choice([0.5, 4.0, 20.0, 60.0], number) * u.deg))
            low, high = np.sort(rng.uniform(-90, 90, 2))
            lon = rng.uniform(0, 360, 2) * u.deg if rng.random() < 0.5 else None
            leaves.append(mx.Band(lat=(low * u.deg, high * u.deg), lon=lon, frame="galactic"))
        a, b, c, d, e, f = leaves
        mask = (a ^ b) & ~(c - d) | (e & f ^ a)
        share = mask.contains(THERE).mean()
        value, low, high = (float((each / (4 * np.pi * u.sr)).to_value("")) for each in mask.area(rtol=0.05))
        assert low - 3e-4 <= share <= high + 3e-4
        assert high - low <= 0.05 * value
        assert value == pytest.approx(share, abs=2e-3)


def test_areas_of_single_circles_between_coarse_parallels() -> None:
    """Caps of all sizes, round the poles and the seam too, what they leave, and rings."""
    rng = np.random.default_rng(11)
    for _ in range(60):
        radius = float(np.exp(rng.uniform(np.log(0.05), np.log(88))))
        lat = float(rng.choice([rng.uniform(-90, 90), 90 - rng.uniform(0, 2) * radius, 0.0]))
        lon = float(rng.choice([0.0, 359.99, rng.uniform(0, 360)]))
        at = SkyCoord(lon, np.clip(lat, -90, 90), unit="deg").reshape(1)
        one, two = mx.Catalog(at, radius * u.deg), mx.Catalog(at, 0.7 * radius * u.deg)
        for mask, leaves, area in (
            (one, [one], cap(radius)),
            (~one, [one], cap(180) - cap(radius)),
            (one ^ two, [one, two], cap(radius) - cap(0.7 * radius)),
            (one - two, [one, two], cap(radius) - cap(0.7 * radius)),
        ):
            for strips in (7, 90, 1000):
                low, high, _ = bounds_between(mask, leaves, "icrs", strips)
                assert low * (1 - 1e-12) <= area / cap(180) <= high * (1 + 1e-12)


def test_what_strips_leave_open_of_many_circles_shrinks_faster_than_their_height() -> None:
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))
    mask = mx.Catalog(SkyCoord(rng.uniform(0, 360, 500), lat, unit="deg"), "3 deg")
    open_ = []
    for strips in (1000, 4000):
        low, high, _ = bounds_between(mask, [mask], "icrs", strips)
        open_.append(high - low)
    assert open_[1] < open_[0] / 7


def drawn(share: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(8).random(shape) < share


CAR = mx.WcsGeom.create(skydir=(33, 0), npix=(40, 30), binsz=2, frame="galactic")
CELLS = mx.HpxGeom(order=4, frame="galactic")


@pytest.mark.parametrize("grid", [CAR, CELLS, mx.WcsGeom.allsky(binsz=3), GRIDS["part"]], ids=repr)
@pytest.mark.parametrize("outside", [False, True])
def test_areas_of_maps_are_sums_of_their_pixels(grid: Any, outside: bool) -> None:
    one, two = drawn(0.3, *grid.array_shape), drawn(0.6, *grid.array_shape)
    pixels = np.asarray(grid.solid_angle().values) * SQUARE_DEGREES
    a, b = mx.Raster((one, grid), outside), mx.Threshold((two.astype(float), grid), ">", 0.5)
    beyond = cap(180) - np.nansum(pixels)
    for mask, values, rest in (
        (a, one, outside),
        (~a, ~one, not outside),
        (a ^ ~b, one ^ ~two, outside ^ True),
        ((a | b) & ~(a & b), one ^ two, outside),
    ):
        found = [each.to_value("deg2") for each in mask.area(rtol=1e-6)]
        np.testing.assert_allclose(found, np.nansum(pixels[values]) + beyond * rest, rtol=1e-8)


def test_areas_of_maps_and_of_more() -> None:
    """What is open of cells of data in the cells' own frame is what the circles leave open."""
    values = drawn(0.5, CELLS.cells.number)
    mask = mx.Raster((values, CELLS)) | mx.Region("galactic;circle(30, 20, 25)")
    found = mask.area(rtol=0.02)
    share = mask.contains(THERE).mean() * cap(180)
    assert found.lower.value - 10 < share < found.upper.value + 10


def test_what_takes_too_long_is_refused_with_few_cells() -> None:
    """Noise on an image that is no grid of parallels, beside a circle: no number of cells would do."""
    geom = mx.WcsGeom.create(npix=(100, 100), binsz=0.5, proj="ZEA")
    mask = mx.Raster((drawn(0.5, 100, 100), geom)) | mx.Region("icrs;circle(30, 20, 25)")
    with pytest.raises(MaskValueError, match=r"not reached with 65,536 undecided cells.*mask.area\(geom\)"):
        mask.area(rtol=0.001)


@pytest.mark.parametrize("tag", sorted(set(STRATEGIES) - {"axisrange", "boundary", "hysteresis"}))
def test_areas_of_random_masks(tag: str) -> None:
    @seed(7)
    @settings(max_examples=3, suppress_health_check=list(HealthCheck))
    @given(STRATEGIES[tag])
    def hold(mask: mx.Mask) -> None:
        share = mask.contains(THERE).mean()
        doubt = 3 * np.sqrt(share * (1 - share) / len(THERE)) + 3e-5
        found = mask.area(rtol=0.5)
        low, high = ((each / (4 * np.pi * u.sr)).to_value("") for each in (found.lower, found.upper))
        assert low - doubt <= share <= high + doubt

    hold()


def test_what_cannot_be_reached_says_what_is_known() -> None:
    disk = mx.Region("icrs;circle(30, 40, 10)")
    with pytest.raises(MaskValueError, match=r"from 0\.00"):
        disk.area(rtol=1e-9)
    # Nothing proves that what two circles leave is nothing but their rims.
    with pytest.raises(MaskValueError, match="from 0 to"):
        (disk ^ mx.Region("icrs;circle(30, 40, 10.0000000001)")).area()


NO_NUMBERS = "2 * a|a * 2|a + a|a / u.deg**2|4 * np.pi * u.sr / a|np.float64(2) * a|u.sr * a|-a|float(a)"


@pytest.mark.parametrize("text", [*NO_NUMBERS.split("|"), "a < 3", "3 * u.deg**2 < a", "sum([a, a])"])
def test_an_area_with_bounds_is_no_number(text: str) -> None:
    with pytest.raises(MaskTypeError, match=r"mask\.area\(\)\.value"):
        eval(text, {"a": mx.AllSky().area(), "u": u, "np": np})


def test_an_area_with_bounds_is_formatted_and_copied() -> None:
    area = mx.AllSky().area()
    assert f"{area:.2f}" == "41252.96 deg2"
    assert f"{area}" == str(area) == repr(area)
    assert copy.deepcopy(area) == pickle.loads(pickle.dumps(area)) == area
    with pytest.raises(AttributeError, match="has no 'to': it has value, lower and upper"):
        area.to("sr")


def test_arguments_of_area() -> None:
    for rtol in (0, -1.0, float("nan"), "1", True):
        with pytest.raises(MaskValueError, match="rtol"):
            mx.AllSky().area(rtol=rtol)
    with pytest.raises(MaskTypeError, match="no grid"):
        mx.AllSky().area(GRIDS["CAR"], rtol=0.1)
