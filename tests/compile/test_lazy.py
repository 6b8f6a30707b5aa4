"""Lazy arrays and plans: what is touched, what is not, and that nothing depends on chunks or workers."""

from __future__ import annotations

import gc
import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits

import maskexpr as mx
from maskexpr.compile import deaths
from maskexpr.core.trace import tracing
from maskexpr.io.sources import FileSource

RNG = np.random.default_rng(7)


def random_positions(number, frame="icrs"):
    lat = np.degrees(np.arcsin(RNG.uniform(-1, 1, number)))
    return SkyCoord(RNG.uniform(0, 360, number), lat, unit="deg", frame=frame)


def pixel_positions(geom):
    height, width = geom.image_shape
    lon, lat = geom.lonlat(np.arange(height)[:, None], np.arange(width)[None, :])
    on_sky = np.isfinite(lon)
    return SkyCoord(np.where(on_sky, lon, 0), np.where(on_sky, lat, 0), unit="deg", frame=geom.frame), on_sky


SOURCES = mx.Catalog(random_positions(300), RNG.uniform(0.1, 4, 300) * u.deg)
MASK = ~(SOURCES | mx.Band(lat=("-5 deg", "5 deg"), frame="galactic"))
GEOM = mx.WcsGeom.allsky(binsz=1, frame="galactic")


def test_building_computes_nothing(no_compute):
    mask = MASK.on(GEOM, chunks=64)
    assert repr(mask)
    assert mask._repr_html_()
    assert mask.dtype == bool
    assert mask.dims == ("y", "x")
    with tracing() as counts:
        assert repr(MASK.plan(GEOM, chunks=64))
        assert MASK.explain(GEOM)
        assert hash(MASK) == hash(MASK)
    assert counts["tiles"] == 0


@pytest.mark.parametrize("chunks", [17, 64, -1, (50, 360), {"y": 30, "x": 77}, ((100, 80), (300, 60))])
def test_chunks_do_not_matter(chunks):
    whole = MASK.on(GEOM).values
    assert np.array_equal(MASK.on(GEOM, chunks=chunks).values, whole)


def test_a_slice_evaluates_only_the_tiles_it_touches():
    mask = MASK.on(GEOM, chunks=20)
    with tracing() as counts:
        piece = mask.isel(y=slice(30, 35), x=slice(100, 125)).compute()
    assert piece.shape == (5, 25)
    assert 0 < counts["tiles"] <= 2


def test_decided_tiles_are_no_work():
    north = mx.Band(lat=("31.2 deg", "90 deg"), frame="galactic")
    plan = north.plan(GEOM, chunks=30)
    assert (plan.n_tiles, plan.n_full, plan.n_empty, plan.n_mixed) == (72, 12, 48, 12)
    with tracing() as counts:
        north.on(GEOM, chunks=30).compute()
    assert counts["tiles"] == plan.n_mixed
    graph = dask.optimize(north.on(GEOM, chunks=30).data)[0].__dask_graph__()
    tasks = [value for value in dict(graph).values() if "_compute" in repr(getattr(value, "func", ""))]
    assert len(tasks) == plan.n_mixed


@pytest.mark.parametrize("chunks", [11, 30, 64])
@pytest.mark.parametrize("proj", ["CAR", "AIT", "TAN"])
def test_the_plan_leaves_only_tiles_that_hold_an_edge(proj, chunks):
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(200, 100), binsz=1, proj=proj, frame="galactic")
    few = mx.Catalog(random_positions(25), RNG.uniform(0.3, 30, 25) * u.deg)
    for mask in (few, ~few, few - mx.Band(lat=("0 deg", "90 deg"))):
        values = mask.on(geom).values
        states = mask.plan(geom, chunks=chunks).states
        for i in range(states.shape[0]):
            for j in range(states.shape[1]):
                tile = values[i * chunks : (i + 1) * chunks, j * chunks : (j + 1) * chunks]
                want = 1 if tile.any() and not tile.all() else 2 * tile.all()
                assert states[i, j] == want, (proj, chunks, i, j)


def test_names_are_deterministic_and_tell_content():
    assert MASK.on(GEOM).data.name == MASK.on(GEOM).data.name
    assert MASK.on(GEOM).data.name != (~MASK).on(GEOM).data.name
    assert MASK.on(GEOM).data.name != MASK.on(GEOM, chunks=17).data.name
    assert MASK.on(GEOM).data.name != MASK.on(mx.WcsGeom.allsky(binsz=2, frame="galactic")).data.name


# So large that an array of it is held as it is, and not by value.
LARGE = mx.WcsGeom.allsky(binsz=0.25)


def test_names_of_data_in_memory_are_of_the_arrays_which_are_not_read_for_them(monkeypatch):
    def refuse(*_):
        raise AssertionError("the data were read for a name")

    monkeypatch.setattr("maskexpr.io.sources.array_digest", refuse)
    first, second = RNG.normal(size=(2, *LARGE.shape))

    def made(array):
        some, more = (mx.Threshold((array, LARGE), ">", limit) for limit in (3, 2))
        return (some.dilate("1 deg") | more.remove_small("0.2 deg2")).on(LARGE)

    assert made(first).data.name == made(first).data.name
    assert made(first).data.name != made(second).data.name
    assert made(first).data.name != made(first.copy()).data.name
    assert np.array_equal(made(first).values, made(first.copy()).values)


def test_an_array_in_the_place_of_one_that_is_gone_has_another_name():
    names = set()
    for _ in range(8):
        array = np.zeros(LARGE.shape)
        names.add(mx.Threshold((array, LARGE), ">", 2).on(LARGE).data.name)
        del array
        gc.collect()
    assert len(names) == 8


def test_the_graph_pickles_and_holds_a_catalogue_once():
    many = mx.Catalog(random_positions(20_000), "0.5 deg")
    array = many.on(GEOM, chunks=20).data
    blob = pickle.dumps(dict(dask.optimize(array)[0].__dask_graph__()))
    assert len(blob) < 1.5 * 3 * 8 * 20_000
    again = pickle.loads(pickle.dumps(array))
    assert np.array_equal(again.compute(), array.compute())


ALLSKY = {
    "CAR": mx.WcsGeom.allsky(binsz=1, frame="galactic"),
    "AIT": mx.WcsGeom.allsky(binsz=1, frame="galactic", proj="AIT"),
}


@pytest.mark.parametrize("proj", ["CAR", "AIT"])
@pytest.mark.parametrize(
    ("lon", "lat", "radius"),
    [
        (0, 90, 0.3),
        (10, 90, 12.3),
        (0, -90, 90),
        (180, 0, 7.7),
        (180, 5, 100),
        (20, 60, 25),
        (33, 80, 30),
        (250, 85, 10),
        (7, 3, 170),
    ],
)
def test_circles_equal_separations(proj, lon, lat, radius):
    geom = ALLSKY[proj]
    pixels, on_sky = pixel_positions(geom)
    centre = SkyCoord(lon, lat, unit="deg", frame="galactic")
    want = (pixels.separation(centre).deg < radius) & on_sky
    mask = mx.Catalog(centre, radius * u.deg)
    for chunks in (17, 64, -1):
        assert np.array_equal(mask.on(geom, chunks=chunks).values, want)
        assert np.array_equal((~mask).on(geom, chunks=chunks).values, ~want & on_sky)


def test_a_circle_beyond_the_horizon_of_a_tangent_map():
    geom = mx.WcsGeom.create(skydir=(0, 0), npix=(80, 80), binsz=1.5, proj="TAN")
    pixels, _ = pixel_positions(geom)
    for centre, radius in ((SkyCoord(180, 0, unit="deg"), 140), (SkyCoord(0, -100 + 180, unit="deg"), 60)):
        want = pixels.separation(centre).deg < radius
        assert want.any()
        assert np.array_equal(mx.Catalog(centre, radius * u.deg).on(geom, chunks=17).values, want)


def test_five_thousand_random_circles():
    positions, radius = random_positions(5000), RNG.uniform(0.01, 2.5, 5000)
    geom = mx.WcsGeom.allsky(binsz=2, frame="galactic")
    pixels, _ = pixel_positions(geom)
    xyz = pixels.icrs.cartesian.xyz.value.reshape(3, -1)
    want = np.zeros(xyz.shape[1], dtype=bool)
    for centre, r in zip(positions.cartesian.xyz.value.T, np.radians(radius), strict=True):
        want |= ((xyz - centre[:, None]) ** 2).sum(axis=0) < 4 * np.sin(r / 2) ** 2
    mask = mx.Or(*[mx.Catalog(p, r * u.deg) for p, r in zip(positions, radius, strict=True)])
    got = mask.on(geom, chunks=64).values
    assert np.array_equal(got.ravel(), want)


def test_planes_share_what_does_not_vary():
    axis = mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 4)
    cube = GEOM.to_cube([axis])
    flat = MASK.on(cube, chunks=64)
    assert flat.shape == (4, 180, 360)
    with tracing() as counts:
        values = flat.values
    assert counts["tiles"] == MASK.plan(GEOM, chunks=64).n_mixed
    assert np.array_equal(values[2], MASK.on(GEOM).values)
    above = (MASK & mx.AxisRange("energy", lo="5 GeV")).on(cube, chunks=64).values
    assert [bool(plane.any()) for plane in above] == [False, True, True, True]
    assert np.array_equal(above[1], values[0])


def test_a_radius_per_energy():
    axis = mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 3)
    cube = GEOM.to_cube([axis])
    positions = random_positions(10)
    radii = np.array([[9.0, 5.0, 0.0]]) * u.deg
    got = mx.Catalog(positions, radii).on(cube, chunks=50).values
    for plane, radius in zip(got, radii[0], strict=True):
        assert np.array_equal(plane, mx.Catalog(positions, radius).on(GEOM).values)
    with pytest.raises(mx.MaskError, match="3 bins"):
        mx.Catalog(positions, radii).on(GEOM)


def test_area_and_fsky():
    assert mx.AllSky().fsky(GEOM) == pytest.approx(1, abs=1e-12)
    cap = mx.Catalog(SkyCoord(0, 90, unit="deg", frame="galactic"), "30 deg")
    fine = mx.WcsGeom.allsky(binsz=0.5, frame="galactic")
    assert cap.fsky(fine) == pytest.approx((1 - np.cos(np.radians(30))) / 2, rel=1e-6)
    assert cap.area(fine).unit == u.deg**2
    aitoff = mx.WcsGeom.allsky(binsz=1, proj="AIT", frame="galactic")
    assert cap.fsky(aitoff) == pytest.approx(cap.fsky(fine), rel=0.01)


def test_contains_at_bare_points_and_in_pixels():
    positions = random_positions(2000, "galactic")
    exact = MASK.contains(positions)
    near = np.zeros(2000, dtype=bool)
    for lon, lat, radius in zip(SOURCES.lon, SOURCES.lat, SOURCES.radius, strict=True):
        near |= positions.separation(SkyCoord(lon, lat, unit="deg")).deg < radius
    assert np.array_equal(exact, ~(near | (np.abs(positions.b.deg) < 5)))
    y, x = GEOM.pixel(positions.l.deg, positions.b.deg)
    row, column = np.floor(y + 0.5).astype(int).clip(0, 179), np.floor(x + 0.5).astype(int).clip(0, 359)
    assert np.array_equal(MASK.contains(positions, geom=GEOM), MASK.on(GEOM).values[row, column])
    assert MASK.contains(positions.reshape(40, 50)).shape == (40, 50)
    assert MASK.contains(positions[0]).shape == ()


def test_a_mask_of_10_to_the_12_pixels():
    tracemalloc.start()
    geom = mx.WcsGeom.allsky(binsz=0.00025, frame="galactic")
    assert geom.shape == (720_000, 1_440_000)
    lazy = MASK.on(geom)
    with tracing() as counts:
        piece = lazy.isel(y=slice(360_000, 360_100), x=slice(5, 300)).compute()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert piece.shape == (100, 295)
    assert peak < 400e6
    assert counts["tiles"] <= 1
    assert counts["pixels"] <= piece.size


def test_wrong_arguments():
    with pytest.raises(mx.MaskError, match="WcsGeom"):
        MASK.on("geom")
    with pytest.raises(mx.MaskError, match="chunks"):
        MASK.on(GEOM, chunks="big")
    with pytest.raises(mx.MaskError, match="SkyCoord"):
        MASK.contains([1, 2])
    with pytest.raises(mx.MaskError, match="energy"):
        mx.AxisRange("energy", lo="1 GeV").on(GEOM)
    with pytest.raises(mx.MaskError, match="geom"):
        mx.AxisRange("energy", lo="1 GeV").contains(SkyCoord(1, 2, unit="deg"))


def test_planes_that_a_range_leaves_out_are_no_work():
    axis = mx.Axis.from_bounds("energy", 1 * u.GeV, 1 * u.TeV, 4)
    mask = (MASK & mx.AxisRange("energy", lo="5 GeV")).on(GEOM.to_cube([axis]), chunks=60)
    flat = MASK.plan(GEOM, chunks=60)
    plan = (MASK & mx.AxisRange("energy", lo="5 GeV")).plan(GEOM.to_cube([axis]), chunks=60)
    assert plan.n_tiles == 4 * flat.n_tiles
    assert plan.n_mixed == 3 * flat.n_mixed
    with tracing() as counts:
        assert not mask.isel(energy=0).values.any()
    assert counts["tiles"] == 0
    with tracing() as counts:
        assert mask.isel(energy=2).values.any()
    assert counts["tiles"] == flat.n_mixed


def test_a_block_function_cannot_write_to_blocks_that_are_not_its_own() -> None:
    """Decided blocks of one value are one array, as dask's constants are; one alone may be written to."""
    north = mx.Band(lat=("0 deg", "90 deg")).on(mx.WcsGeom.allsky(binsz=1), chunks=30)

    def first(block, block_info):
        if block_info[0]["chunk-location"] == (0, 0):
            block[...] = True
        return block

    for scheduler in ("sync", "threads"):
        with pytest.raises(ValueError, match="read-only"):
            dask.array.map_blocks(first, north.data, dtype=bool).compute(scheduler=scheduler)
    assert all(each.values.flags.writeable for each in (north, north[:30, :30], north[:60]))


@pytest.mark.parametrize("chunks", [5, 5.0, np.float32(5), 10**30, (np.array([20, 40]), [60, 60]), (-1, 7)])
def test_chunks_in_many_words(chunks) -> None:
    geom = mx.WcsGeom.allsky(binsz=3)
    assert sum(mx.AllSky().on(geom, chunks=chunks).chunks[0]) == 60


@pytest.mark.parametrize("chunks", [0, -2, 5.5, True, np.True_, np.nan, np.inf, 1e-3, (5, np.nan), {"x": 0}])
def test_chunks_that_cannot_be(chunks) -> None:
    with pytest.raises(mx.MaskError, match=r"whole number of pixels|chunks must be"):
        mx.AllSky().on(mx.WcsGeom.allsky(binsz=3), chunks=chunks)


def test_no_threads_is_no_number_of_threads() -> None:
    with dask.config.set(num_workers=-1), pytest.raises(mx.MaskError, match="num_workers"):
        assert SOURCES.plan(GEOM).projected_memory


LAZY: dict[str, Callable[[mx.WcsGeom], xr.DataArray]] = {
    "raster": lambda geom: mx.Raster("m.fits").on(geom),
    "threshold": lambda geom: (mx.Threshold("m.fits", ">", 0) & mx.AllSky()).on(geom),
    "bits": lambda geom: mx.Bits(("m.fits", 0), any=1).on(geom),
    "hysteresis": lambda geom: mx.Hysteresis("m.fits", 0, 0).on(geom),
    "distance": lambda geom: mx.Raster("m.fits").distance(geom, "170 deg"),
    "fraction": lambda geom: mx.Raster("m.fits").fraction(geom, levels=1)["upper"],
    "read_mask": lambda geom: mx.read_mask("m.fits"),
}


@pytest.mark.parametrize("what", LAZY)
def test_a_relative_path_means_the_folder_in_which_the_array_was_made(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    geom = mx.WcsGeom.allsky(binsz="30 deg")
    made, right = [], []
    for name, columns in (("first", 3), ("second", 7)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        pixels = np.zeros(geom.shape, "u1")
        pixels[:, :columns] = 1
        fits.PrimaryHDU(pixels, geom.to_header()).writeto("m.fits")
        made.append(LAZY[what](geom))
        right.append(LAZY[what](geom).values)
    monkeypatch.chdir(tmp_path)
    assert not np.array_equal(*right)
    # Both in one graph: their tasks have different names too.
    assert np.array_equal(xr.concat(made, "at").values, right)


def test_a_mask_is_called_by_the_path_that_was_typed() -> None:
    mask = mx.Raster("some/m.fits")
    assert str(mask) == "Raster('some/m.fits')"
    assert mask.data == FileSource("some/m.fits")
    assert mx.loads(mx.dumps(mask)) == mask


def test_tasks_of_blocks_are_known_to_who_counts_the_workers_that_die_of_them() -> None:
    """Of a task that is not, a cluster tries a block that kills workers on the next one, and says a key."""
    array = SOURCES.on(GEOM, chunks=90)
    tasks = [each.func for each in dict(array.data.dask).values() if hasattr(each, "func")]
    computed = [each for each in tasks if each in deaths._ends]
    assert len(computed) == SOURCES.plan(GEOM, chunks=90).n_mixed
    assert {each.__name__ for each in computed} == {"_compute"}
