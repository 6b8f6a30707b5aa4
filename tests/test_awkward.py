"""Poles, seams, limbs and horizons: every mask equals brute force over all pixel centres."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import regions
import xarray as xr
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr.core.trace import tracing

from .sky_oracle import CIRCLES, MAPS, POLYGONS, circle, in_circle, in_polygon, pixels, polygon, positions

CHUNKS = (17, 64, -1)


def agree(mask: mx.Mask, geom: mx.WcsGeom, want: np.ndarray) -> None:
    """The mask and its complement are as wanted for every chunk size, and nothing is selected off the sky."""
    _, on_sky = pixels(geom)
    for chunks in CHUNKS:
        got = mask.on(geom, chunks=chunks).values
        assert np.array_equal(got, want), f"{np.count_nonzero(got != want)} pixels differ, chunks {chunks}"
    assert np.array_equal((~mask).on(geom, chunks=64).values, ~want & on_sky)
    assert np.array_equal(mask.compute(geom).values, want)


@pytest.mark.parametrize("proj", MAPS)
@pytest.mark.parametrize("where", CIRCLES)
def test_circles(proj: str, where: tuple[float, float, float]) -> None:
    want = in_circle(MAPS[proj], *where)
    agree(circle(*where), MAPS[proj], want)


@pytest.mark.parametrize("proj", MAPS)
def test_circles_of_another_frame(proj: str) -> None:
    for where in [(266.4, -28.9, 20.7), (192.86, 27.13, 3.3), (12.86, -27.1, 120)]:
        agree(circle(*where, frame="icrs"), MAPS[proj], in_circle(MAPS[proj], *where, frame="icrs"))


@pytest.mark.parametrize("proj", MAPS)
@pytest.mark.parametrize("name", POLYGONS)
def test_polygons(proj: str, name: str) -> None:
    want = in_polygon(MAPS[proj], POLYGONS[name])
    assert proj == "TAN" or want.any()
    agree(polygon(POLYGONS[name]), MAPS[proj], want)


def test_circles_beyond_the_horizon() -> None:
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(90, 80), binsz=1.5, proj="TAN", frame="galactic")
    for where in [(180, 0, 140.2), (0, 80, 60.1), (120, -5, 100), (179, 1, 30)]:
        want = in_circle(geom, *where)
        assert want.any() == (where[2] > 30)
        agree(circle(*where), geom, want)


def test_a_map_that_reaches_beyond_the_seam_and_the_poles() -> None:
    wide = mx.WcsGeom.create(skydir=(0, 0), npix=(400, 200), binsz=1, proj="CAR", frame="galactic")
    _, on_sky = pixels(wide)
    assert np.array_equal(np.isfinite(wide.lonlat(*np.mgrid[:200, :400])[0]), on_sky)
    for where in [(180, 80, 15.3), (0, 0, 10.2), (179.9, 0, 120), (180, -70, 8.1), (30, 90, 8.1)]:
        agree(circle(*where), wide, in_circle(wide, *where))
    corner = mx.WcsGeom.create(skydir=(0, 0), npix=(60, 60), binsz=1, refpix=(-140, -40), frame="galactic")
    agree(circle(180, 80, 15.3), corner, in_circle(corner, 180, 80, 15.3))


@pytest.mark.parametrize("frame", ["galactic", "icrs"])
@pytest.mark.parametrize("limits", [(-5, 5), (10, 20), (-60, 33), (0, 90), (-90, -17)])
def test_a_band_whose_limits_are_on_pixel_centres(limits: tuple[int, int], frame: str) -> None:
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(361, 181), binsz=1, frame=frame)
    lat = np.arange(-90, 91)[:, None] * np.ones(361)
    want = ((lat > limits[0]) | (lat == -90) & (limits[0] == -90)) & (
        (lat < limits[1]) | (lat == 90) & (limits[1] == 90)
    )
    mask = mx.Band(lat=limits * u.deg, frame=frame)
    on_sky = np.isfinite(geom.lonlat(*np.mgrid[:181, :361])[0])
    agree_here = [mask.on(geom, chunks=chunks).values for chunks in CHUNKS]
    assert all(np.array_equal(got, want & on_sky) for got in agree_here)


@pytest.mark.parametrize("limits", [(350, 10), (170, 190), (0, 180), (33, 77), (-20, 20), (300, 200)])
def test_a_range_of_longitude_whose_limits_are_on_pixel_centres(limits: tuple[int, int]) -> None:
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(360, 178), binsz=1, frame="galactic", refpix=(180, 89.5))
    lon = np.round(geom.lonlat(*np.mgrid[:178, :360])[0])
    east = (lon - limits[0]) % 360
    want = (east > 0) & (east < (limits[1] - limits[0]) % 360)
    for chunks in CHUNKS:
        assert np.array_equal(mx.Band(lon=limits * u.deg, frame="galactic").on(geom, chunks=chunks), want)


def test_a_whole_turn_of_longitude_is_all_the_sky() -> None:
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(41, 41), binsz=1, frame="galactic")
    assert mx.Band(lon=("0 deg", "360 deg"), frame="galactic").on(geom).values.all()


def test_five_thousand_random_circles() -> None:
    rng = np.random.default_rng(11)
    centres, radius = positions(5000), 10 ** rng.uniform(-2, 0.6, 5000)
    geom = MAPS["AIT"]
    there, on_sky = pixels(geom)
    there, want = there.icrs, np.zeros(geom.shape, dtype=bool)
    xyz = there.cartesian.xyz.value.reshape(3, -1)
    for centre, r in zip(centres.cartesian.xyz.value.T, np.radians(radius), strict=True):
        near = np.flatnonzero(np.abs(xyz[2] - centre[2]) < r + 1e-9)
        some = xyz[:, near]
        want.ravel()[near] |= ((some - centre[:, None]) ** 2).sum(axis=0) < 4 * np.sin(r / 2) ** 2
    want &= on_sky
    one = mx.Catalog(centres, radius * u.deg)
    for chunks in CHUNKS:
        assert np.array_equal(one.on(geom, chunks=chunks).values, want)
    lon, lat = centres.ra.deg, centres.dec.deg
    apart = mx.Or(*(circle(a, b, r, "icrs") for a, b, r in zip(lon, lat, radius, strict=True)))
    assert len(apart.masks) == 5000
    assert np.array_equal(apart.on(geom, chunks=64).values, want)
    text = mx.Region(
        "icrs\n"
        + "\n".join(
            f"circle({a!r},{b!r},{r!r})"
            for a, b, r in zip(lon.tolist(), lat.tolist(), radius.tolist(), strict=True)
        )
    )
    assert np.array_equal(text.on(geom).values, want)


def test_the_plan_of_thousands_of_circles_leaves_only_edges() -> None:
    geom = mx.WcsGeom.create(skydir=(10, 5), width=(30, 20), binsz=0.01, frame="galactic")
    mask = mx.Catalog(positions(7195), "0.3 deg")
    plan = mask.plan(geom, chunks=100)
    assert plan.n_tiles == 600
    values = mask.on(geom, chunks=100).values.reshape(20, 100, 30, 100)
    some, every = values.any(axis=(1, 3)), values.all(axis=(1, 3))
    assert np.array_equal(plan.states, np.where(every, 2, np.where(some, 1, 0)))
    assert plan.n_empty > plan.n_mixed > 0


def test_ten_thousand_operands() -> None:
    centres = positions(10_000)
    mask: mx.Mask = mx.NoSky()
    for lon, lat in zip(centres.ra.deg, centres.dec.deg, strict=True):
        mask |= mx.Region(f"icrs;circle({lon},{lat},0.5)")
    deep: mx.Mask = mx.Band(lat=("-5 deg", "5 deg"))
    for i in range(2_000):
        deep = ~(deep ^ mx.Band(lat=(-5 * u.deg, (i % 80) * u.deg))) & mx.AllSky()
    assert repr(mask)
    assert str(deep)
    assert hash(mask) != hash(deep)
    assert len(mask.simplify().label()) < 200
    catalog = mx.Catalog(centres, "0.5 deg")
    with tracing() as counts:
        got = mask.on(MAPS["CAR"]).values
    with tracing() as of_catalog:
        assert np.array_equal(got, catalog.on(MAPS["CAR"]).values)
    # So many operands cost what one catalogue of them does; what is asked of it is named by its digest.
    for each in (counts, of_catalog):
        for name in [name for name in each if name.startswith("asked ")]:
            each["asked"] += each.pop(name)
    assert counts == of_catalog
    assert np.array_equal(mx.loads(mx.dumps(deep)).on(MAPS["TAN"]).values, deep.compute(MAPS["TAN"]).values)


def test_area_is_that_of_the_sphere() -> None:
    fine = mx.WcsGeom.allsky(binsz=0.25, frame="galactic")
    for lat, radius in ((90, 40), (0, 25), (60, 80), (-75, 130)):
        want = 2 * np.pi * (1 - np.cos(np.radians(radius)))
        area = circle(180, lat, radius).area(fine)
        assert area.to_value(u.sr) == pytest.approx(want, rel=2e-3)
        assert circle(180, lat, radius).fsky(fine) == pytest.approx(want / 4 / np.pi, rel=2e-3)
    zone = mx.Band(lat=("-30 deg", "30 deg"), frame="galactic")
    assert zone.fsky(fine) == pytest.approx(0.5, abs=1e-9)
    assert (~zone).fsky(fine) == pytest.approx(0.5, abs=1e-9)


def test_a_point_has_the_value_of_its_pixel() -> None:
    mask = (polygon(POLYGONS["concave round the pole"]) | circle(180, 3, 20.2)) - circle(40, 70, 9.1)
    for geom in MAPS.values():
        there, on_sky = pixels(geom)
        assert np.array_equal(mask.contains(there) & on_sky, mask.on(geom).values)
        assert np.array_equal(mask.contains(there[on_sky], geom=geom), mask.on(geom).values[on_sky])


def test_threads_on_many_maps_at_once() -> None:
    mask = ~(mx.Catalog(positions(300), "4 deg") | polygon(POLYGONS["over the seam"]))
    work = [*MAPS.values(), mx.WcsGeom.create(skydir=(5, -80), npix=(50, 60), binsz=2, proj="ZEA")] * 2
    want = [mx.loads(mx.dumps(mask)).on(geom, chunks=40).compute(scheduler="sync").values for geom in work]
    got: list[np.ndarray | None] = [None] * len(work)

    def ask(i: int) -> None:
        got[i] = mask.on(work[i], chunks=40).values

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(len(work))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(a is not None and np.array_equal(a, b) for a, b in zip(got, want, strict=True))


def test_a_slice_of_a_huge_mask_costs_what_it_costs_on_a_small_one() -> None:
    sources = mx.Catalog(positions(7195), "0.3 deg")
    asked = {}
    for binsz, half in ((0.00025, 360_000), (0.02, 4_500)):
        geom = mx.WcsGeom.allsky(binsz=binsz, frame="galactic")
        with tracing() as counts:
            sources.on(geom).isel(y=slice(half, half + 300), x=slice(half, half + 300)).values  # noqa: B018
        asked[binsz] = counts["pixels"]
        assert counts["tiles"] <= 4
    assert asked[0.00025] <= asked[0.02]


HERE = SkyCoord(184.5, -5.8, unit="deg", frame="galactic")
DISK = regions.CircleSkyRegion(HERE, 0.3 * u.deg)
BOX = regions.RectangleSkyRegion(HERE, 1 * u.deg, 0.4 * u.deg, 30 * u.deg)
ANNULI = ((0.4, 0.8, 0.2, 0.6) * u.deg, 20 * u.deg)


@pytest.mark.parametrize(
    "region",
    [
        DISK,
        BOX,
        regions.EllipseSkyRegion(HERE, 1 * u.deg, 0.4 * u.deg, 30 * u.deg),
        regions.CircleAnnulusSkyRegion(HERE, 0.2 * u.deg, 0.5 * u.deg),
        regions.EllipseAnnulusSkyRegion(HERE, *ANNULI[0], ANNULI[1]),
        regions.RectangleAnnulusSkyRegion(HERE, *ANNULI[0], ANNULI[1]),
        regions.PolygonSkyRegion(SkyCoord([184, 185, 184.6], [-6, -6, -5], unit="deg", frame="galactic")),
        regions.PointSkyRegion(HERE),
        regions.TextSkyRegion(HERE, "Crab"),
        regions.LineSkyRegion(HERE, SkyCoord(185, -6, unit="deg", frame="galactic")),
        DISK | BOX,
        DISK & BOX,
        DISK ^ BOX,
        (DISK ^ BOX) & (DISK | BOX),
        [DISK, BOX, DISK | BOX, BOX & DISK],
    ],
    ids=lambda region: type(region).__name__,
)
def test_every_kind_of_region_is_shown_saved_and_planned(region: object) -> None:
    geom = mx.WcsGeom.create(skydir=HERE, width=4, binsz=0.05, frame="galactic")
    for metric in ("sky", "pixel"):
        if metric == "pixel" and isinstance(region, regions.LineSkyRegion):
            continue
        mask = mx.Region(region, metric=metric)
        assert "Region(" in repr(mask)
        assert "mixed" in str(mask.plan(geom, chunks=17))
        assert mask.explain()
        assert mask.explain(geom, chunks=17)
        assert mx.loads(mx.dumps(mask)) == mask
        whole = mask.on(geom).values
        assert whole.any()
        assert np.array_equal(mask.on(geom, chunks=17).values, whole)
        assert np.array_equal((~mask).on(geom, chunks=17).values, ~whole)


def test_xarray_does_to_a_mask_what_it_does_to_arrays() -> None:
    geom = MAPS["CAR"].to_cube([mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)])
    mask = (circle(180, 80, 20.2) | mx.AxisRange("energy", hi="10 GeV")).on(geom, chunks=64)
    values = mask.values
    counts = xr.DataArray(np.arange(values.size).reshape(values.shape), dims=mask.dims, coords=mask.coords)
    assert counts.where(mask, 0).sum().compute() == counts.values[values].sum()
    halves = [mask.isel(y=slice(0, 90)), mask.isel(y=slice(90, 180))]
    assert mx.geom_of(xr.concat(halves, dim="y")) == geom
    assert mask.sel(energy=100, method="nearest").sel(y=slice(10, 20), x=5).shape == (11,)
    one, other = xr.align(mask.isel(x=slice(0, 50)), mask.isel(x=slice(30, 80)))
    assert np.array_equal(one.values, values[:, :, 30:50])
    assert mx.geom_of(other) == mx.geom_of(mask.isel(x=slice(30, 50)))
    # A cutout of the mask is the mask of the cutout.
    crop = mask.isel(y=slice(100, 180), x=slice(300, 360))
    again = (circle(180, 80, 20.2) | mx.AxisRange("energy", hi="10 GeV")).on(mx.geom_of(crop))
    assert np.array_equal(again.values, crop.values)
    both = mask & (~circle(0, 0, 30.1)).on(MAPS["CAR"], chunks=64)
    assert np.array_equal(both.values, values & ~in_circle(MAPS["CAR"], 0, 0, 30.1))


@pytest.mark.parametrize("proj", ["TSC", "CSC", "QSC", "HPX", "XPH"])
def test_a_map_that_shows_faces_twice(proj: str) -> None:
    geom = mx.WcsGeom.create(skydir=(240, 0), npix=(57, 73), binsz=(3.7, 0.35), proj=proj, frame="galactic")
    lon, lat = geom.lonlat(*np.mgrid[:73, :57])
    on_sky = np.isfinite(lon)
    there = SkyCoord(np.where(on_sky, lon, 0), np.where(on_sky, lat, 0), unit="deg", frame="galactic")
    for centre, radius in zip(positions(40, seed=8, frame="galactic"), np.geomspace(4, 120, 40), strict=True):
        want = (there.separation(centre).deg < radius) & on_sky
        assert np.array_equal(mx.Catalog(centre, radius * u.deg).on(geom, chunks=33).values, want)
