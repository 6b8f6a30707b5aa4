"""Significance maps: sums over a disk, the statistics, and their independence of chunks."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import dask
import dask.array as da
import numpy as np
import pytest
from astropy.convolution import Tophat2DKernel
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import convolve

from maskexpr.compile.evaluate import evaluate
from maskexpr.errors import AxisError, GeometryError, MaskValueError
from maskexpr.estimate import neighbourhoods as windows
from maskexpr.estimate.neighbourhoods import map_windows
from maskexpr.estimate.significance import significance
from maskexpr.estimate.statistics import cash_sqrt_ts, wstat_sqrt_ts
from maskexpr.estimate.tophat import TopHat
from maskexpr.grid.axis import Axis
from maskexpr.grid.tiles import Tile
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.io.xarray import geom_of, wrap
from maskexpr.nodes.band import Band
from maskexpr.nodes.threshold import Threshold
from maskexpr.pixels.window import Window

ENERGY = Axis("energy", [1, 10, 100, 1000] * u.GeV, interp="log")
GEOM = WcsGeom.create(skydir=(40, 55), npix=(61, 47), binsz=0.1, proj="TAN")
CUBE = GEOM.to_cube([ENERGY])
RNG = np.random.default_rng(11)
BACKGROUND = RNG.uniform(0.1, 2, CUBE.shape)
COUNTS = RNG.poisson(BACKGROUND).astype("f4")
MASK = RNG.random(CUBE.shape) > 0.3


def disk(radius: float) -> np.ndarray:
    kernel = Tophat2DKernel(radius).array
    return np.asarray(kernel > 0, dtype=float)


def plain(
    counts: np.ndarray, background: np.ndarray, radius: float, mask: np.ndarray | None = None
) -> np.ndarray:
    """By scipy, and the statistic as Li and Ma's limit of a known background has it."""
    used = np.ones(counts.shape, dtype=bool) if mask is None else mask
    n, mu = (
        convolve(np.where(used, each, 0.0), disk(radius), mode="constant") for each in (counts, background)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(n > 0, n * np.log(n / mu), 0.0)
    out = np.sign(n - mu) * np.sqrt(np.maximum(2 * (mu - n + log), 0))
    return np.where(used, out, np.nan)


@given(st.floats(0.5, 12), st.integers(1, 30), st.integers(1, 30), st.sampled_from(["i2", "i8", "f8"]))
def test_sums_over_a_disk(radius: float, ny: int, nx: int, dtype: str) -> None:
    window = np.random.default_rng(0).integers(0, 9, (ny + 2 * int(radius), nx + 2 * int(radius)))
    tophat = TopHat(radius)
    assert tophat.reach == int(radius)
    assert tophat.size == disk(radius).sum()
    expected = convolve(window.astype(float), disk(radius), mode="constant")
    inner = (slice(tophat.reach, tophat.reach + ny), slice(tophat.reach, tophat.reach + nx))
    found = tophat(window.astype(dtype))
    assert found.dtype == dtype
    assert_array_equal(found, expected[inner])


def test_a_sum_does_not_depend_on_where_its_pixel_lies() -> None:
    """Blocks, and windows that begin elsewhere: the same bits, though a sum of floats has an order."""
    tophat = TopHat(7.3)
    values = RNG.lognormal(0, 5, (700, 1200))
    whole = tophat(values)
    for y, x in ((0, 0), (3, 1), (250, 500), (251, 517)):
        assert_array_equal(tophat(values[y : y + 60, x : x + 80]), whole[y : y + 46, x : x + 66])


@pytest.mark.parametrize("radius", [0, 0.5, 3, 7.5, 12, 20, 33.4])
@pytest.mark.parametrize("inner", [(1, 1), (1, 7), (30, 1), (15, 16), (33, 17)])
def test_sums_of_whole_numbers_are_exact_in_every_type(radius: float, inner: tuple[int, int]) -> None:
    """By brute force, pixel by pixel; signs differ, and strips are narrower than the disk."""
    tophat = TopHat(radius)
    whole = RNG.integers(-9, 30, tuple(size + 2 * tophat.reach for size in inner))
    offset = np.arange(-tophat.reach, tophat.reach + 1)
    near = offset[:, None] ** 2 + offset**2 <= radius**2
    views = np.lib.stride_tricks.sliding_window_view(whole, near.shape)
    want = (views * near).sum(axis=(-2, -1))
    for dtype in ("i2", "i4", "i8", "f4", "f8") if want.max() < 1 << 15 else ("i4", "i8", "f4", "f8"):
        found = tophat(whole, dtype)
        assert found.dtype == dtype
        assert_array_equal(found, want)
    assert tophat(whole, "f8", "f4").dtype == "f4"


def test_what_a_disk_does_not_hold_leaves_no_trace() -> None:
    tophat = TopHat(6)
    values = RNG.lognormal(0, 0.5, (60, 80))
    for bad in (1e-12, np.nan, np.inf, 1e300, 5e-324):
        values[50, 70] = bad
        assert_array_equal(tophat(values)[:38], tophat(values[:50]))


def test_a_bright_pixel_leaves_nothing_on_its_neighbours() -> None:
    values = np.full((40, 40), 1e-8)
    values[20, 20] = 1e9
    sums = TopHat(3)(values)
    assert_allclose(sums[2:9, 2:9], 29e-8, rtol=1e-14)


def test_windows_have_their_margins() -> None:
    values = RNG.random((23, 31))
    for chunks in ((23, 31), (5, 7), (1, 31), ((2, 20, 1), (30, 1))):
        for margin in (0, 1, 9, 40):
            lazy = da.from_array(values, chunks=chunks)

            def centre(window: np.ndarray, margin: int = margin) -> np.ndarray:
                ny, nx = window.shape
                assert window[: margin + 1, : margin + 1].size
                inner = window[margin : ny - margin, margin : nx - margin]
                return inner + window.sum() * 0 + (window[0, 0] if margin else 0)

            found = map_windows(centre, [lazy], margin, "test", float).compute()
            corner = np.zeros_like(values)
            padded = np.pad(values, margin)
            rows, columns = (np.concatenate([[0], np.cumsum(each)[:-1]]) for each in lazy.chunks)
            for y, ny in zip(rows, lazy.chunks[0], strict=True):
                for x, nx in zip(columns, lazy.chunks[1], strict=True):
                    corner[y : y + ny, x : x + nx] = padded[y, x] if margin else 0
            assert_array_equal(found, values + corner)


@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
@pytest.mark.parametrize("chunks", [(2, 40, 50), (1, 13, 50)])
def test_pieces_do_not_show(monkeypatch: pytest.MonkeyPatch, chunks: tuple[int, ...], scheduler: str) -> None:
    """Small pieces, in one block whose pieces are shared out and in several that are not."""
    cube, image = RNG.random((2, 40, 50)), RNG.random((40, 50))
    lazy = [da.from_array(cube, chunks=chunks), da.from_array(image, chunks=(7, 11))]
    kernel = np.ones((1, 7, 7))
    want = convolve(cube * image, kernel, mode="constant")
    monkeypatch.setattr(windows, "_ROWS", 9)
    monkeypatch.setattr(windows, "_COLUMNS", 16)
    seen = []

    def around(window: np.ndarray, other: np.ndarray) -> np.ndarray:
        seen.append(window.shape[-2:])
        return convolve(window * other, kernel, mode="constant")[:, 3:-3, 3:-3]

    def summed(window: np.ndarray, other: np.ndarray) -> np.ndarray:
        return around(window, other).sum(axis=0)

    with dask.config.set(scheduler=scheduler, num_workers=2):
        assert_allclose(map_windows(around, lazy, 3, "test", float).compute(), want, rtol=1e-14)
        assert max(ny for ny, _ in seen) <= 9 + 6
        assert max(nx for _, nx in seen) <= 16 + 6
        found = map_windows(summed, lazy, 3, "test", float, whole=True)
        assert_allclose(found.compute(), want.sum(axis=0), rtol=1e-14)


def test_pieces_of_a_significance_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    want = significance((COUNTS, CUBE), BACKGROUND, "0.5 deg", mask=MASK).values
    monkeypatch.setattr(windows, "_ROWS", 11)
    monkeypatch.setattr(windows, "_COLUMNS", 13)
    assert_array_equal(significance((COUNTS, CUBE), BACKGROUND, "0.5 deg", mask=MASK).values, want)


def test_windows_of_arrays_with_other_chunks() -> None:
    cube, image = RNG.random((3, 20, 20)), RNG.random((20, 20))
    lazy = [da.from_array(cube, chunks=(2, 6, 20)), da.from_array(image, chunks=(20, 7))]

    def product(window: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (window * other)[:, 2:-2, 2:-2]

    assert_array_equal(map_windows(product, lazy, 2, "test", float).compute(), cube * image)

    def total(window: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (window * other).sum(axis=0)[2:-2, 2:-2]

    found = map_windows(total, lazy, 2, "test", float, whole=True)
    assert found.shape == (20, 20)
    assert_array_equal(found.compute(), (cube * image).sum(axis=0))


@pytest.mark.parametrize("radius", [0.0, 0.1, 0.25, 0.8])
def test_against_scipy(radius: float) -> None:
    pixels = radius / 0.1
    found = significance((COUNTS[0], GEOM), BACKGROUND[0], radius * u.deg, mask=MASK[0], rounding="exact")
    assert_allclose(found.values, plain(COUNTS[0], BACKGROUND[0], pixels + 1e-9, MASK[0]), atol=1e-6)
    rounded = significance((COUNTS[0], GEOM), BACKGROUND[0], radius * u.deg, mask=MASK[0])
    assert_allclose(rounded.values, found.values, atol=1e-5, rtol=1e-5)
    assert geom_of(found) == GEOM


@pytest.mark.parametrize("rounding", ["gammapy", "exact"])
@pytest.mark.parametrize("method", ["cash", "wstat"])
@pytest.mark.parametrize("sum_axes", [False, True])
def test_chunks_do_not_show(method: str, sum_axes: bool, rounding: str) -> None:
    more = {} if method == "cash" else {"acceptance": 1, "acceptance_off": RNG.uniform(2, 4, CUBE.shape)}
    results = []
    for chunks in ((1, 47, 61), (3, 5, 61), (2, 11, 13), (1, 1, 30)):
        counts = da.from_array(COUNTS, chunks=chunks)
        lazy = significance(
            (counts, CUBE),
            da.from_array(BACKGROUND, chunks=(3, 9, 9)),
            "0.5 deg",
            mask=MASK,
            method=method,
            sum_axes=sum_axes,
            rounding=rounding,
            **more,
        )
        assert lazy.shape == (GEOM.shape if sum_axes else CUBE.shape)
        results.append(lazy.values)
    for each in results[1:]:
        assert_array_equal(each, results[0])
    assert_array_equal(np.isnan(results[0]), ~(MASK.any(axis=0) if sum_axes else MASK))


def test_planes_summed_or_kept() -> None:
    kept = significance((COUNTS, CUBE), BACKGROUND, "0.3 deg", sum_axes=False, mask=MASK, rounding="exact")
    for i in range(3):
        assert_allclose(kept.values[i], plain(COUNTS[i], BACKGROUND[i], 0.3 / 0.1, MASK[i]), atol=1e-6)
    assert geom_of(kept) == CUBE
    summed = significance((COUNTS, CUBE), BACKGROUND, "0.3 deg", mask=MASK, rounding="exact")
    counts, background = (np.where(MASK, each, 0).sum(axis=0) for each in (COUNTS, BACKGROUND))
    assert_allclose(summed.values, plain(counts, background, 0.3 / 0.1, MASK.any(axis=0)), atol=1e-6)
    assert geom_of(summed) == GEOM
    fit = RNG.random(CUBE.shape) > 0.8
    both = significance(
        (COUNTS, CUBE), BACKGROUND, "0.3 deg", mask=MASK, mask_fit=fit, rounding="exact"
    ).values
    used = MASK.any(axis=0) & fit.any(axis=0)
    assert_allclose(both, plain(counts, background, 0.3 / 0.1, used), atol=1e-6)


def test_mask_expression() -> None:
    band = Band(lat=("54 deg", "56 deg"))
    _, lat = GEOM.lonlat(*np.indices(GEOM.shape))
    inside = (lat > 54) & (lat < 56)
    found = significance((COUNTS[0], GEOM), BACKGROUND[0], "0.3 deg", mask=band)
    assert_array_equal(
        found.values, significance((COUNTS[0], GEOM), BACKGROUND[0], "0.3 deg", mask=inside).values
    )


def test_statistics() -> None:
    """Li and Ma's formula 17, and its limits."""
    n_on, n_off, alpha = (
        np.array([10.0, 3.0, 40.0]),
        np.array([8.0, 30.0, 1000.0]),
        np.array([0.5, 0.5, 0.01]),
    )
    total = n_on + n_off
    first = n_on * np.log((1 + alpha) / alpha * n_on / total)
    second = n_off * np.log((1 + alpha) * n_off / total)
    excess = n_on - alpha * n_off
    assert_allclose(
        wstat_sqrt_ts(n_on, n_off, alpha, excess), np.sign(excess) * np.sqrt(2 * (first + second)), rtol=1e-9
    )
    # A background measured for ever is a background that is known.
    long = wstat_sqrt_ts(n_on, n_on * 1e9, np.full(3, 2e-9), n_on - n_on * 2)
    assert_allclose(long, cash_sqrt_ts(n_on, n_on * 2), rtol=1e-5)
    # Nothing over nothing; a table of logarithms gives what taking them gives; NaN stays.
    assert cash_sqrt_ts(np.zeros(2), np.array([0.0, 2.0])).tolist() == [0.0, -2.0]
    assert np.isnan(cash_sqrt_ts(np.array([1.0, np.nan]), np.array([np.nan, 1.0]))).all()
    # No excess is nothing, wherever in an array: the table has the bits of taking logarithms.
    n = RNG.integers(0, 70000, 40001)
    for counts in (n, n.astype(float), n + 0.25):
        assert not cash_sqrt_ts(counts, counts.astype(float)).any()
    n, mu = np.arange(70000.0), np.linspace(1, 70000, 70000)
    assert_array_equal(cash_sqrt_ts(n, mu)[:60000], cash_sqrt_ts(n[:60000], mu[:60000]))


@pytest.mark.usefixtures("no_compute")
def test_lazy() -> None:
    counts = wrap(da.zeros(CUBE.shape, chunks=(1, 20, 20), dtype="f4"), CUBE)
    found = significance(
        counts, da.ones(CUBE.shape, chunks=(3, 47, 61)), "0.5 deg", mask=Band(lat=("54 deg", "56 deg"))
    )
    assert found.chunks == ((20, 20, 7), (20, 20, 20, 1))
    assert found.name == "sqrt_ts"
    again = significance(
        counts, da.ones(CUBE.shape, chunks=(3, 47, 61)), "0.5 deg", mask=Band(lat=("54 deg", "56 deg"))
    )
    assert again.data.name == found.data.name
    assert "Threshold" in repr(Threshold(found, ">", 5))


def test_a_piece_asks_for_its_neighbours_only() -> None:
    seen = []

    def load(block_id: tuple[int, int]) -> np.ndarray:
        seen.append(block_id)
        return np.ones((10, 10))

    geom = WcsGeom.create(npix=(80, 80), binsz=0.1)
    sizes = ((10,) * 8,) * 2
    counts = da.map_blocks(load, chunks=sizes, dtype=float, meta=np.empty((0, 0)))
    lazy = significance((counts, geom), np.ones(geom.shape), "0.4 deg")
    with dask.config.set(scheduler="synchronous"):
        lazy[20:30, 50:60].compute()
    assert sorted(seen) == [(y, x) for y in (1, 2, 3) for x in (4, 5, 6)]


def test_a_crop_keeps_its_place() -> None:
    whole = wrap(COUNTS, CUBE)
    crop = whole[:2, 5:40, 7:]
    found = significance(crop, BACKGROUND[:2, 5:40, 7:], "0.3 deg", sum_axes=False)
    assert geom_of(found) == geom_of(crop)
    assert int(found.x[0]) == 7
    assert geom_of(significance(crop, BACKGROUND[:2, 5:40, 7:], "0.3 deg")) == geom_of(crop).to_image()


def test_threshold_on_a_significance() -> None:
    lazy = significance((COUNTS, CUBE), BACKGROUND, "0.3 deg", mask=MASK.any(axis=0), chunks=20)
    found = evaluate(~Threshold(lazy, ">", 1.5, nan=False), Tile(GEOM, Window(0, 47, 0, 61)))
    with np.errstate(invalid="ignore"):
        assert_array_equal(found, ~(lazy.values > 1.5))


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"radius": 0.3}, ValueError, "unit"),
        ({"radius": "-0.3 deg"}, MaskValueError, "negative"),
        ({"method": "lima"}, MaskValueError, "'cash'"),
        ({"rounding": "none"}, MaskValueError, "'exact'"),
        ({"method": "wstat"}, MaskValueError, "acceptance="),
        ({"acceptance": 1}, MaskValueError, "acceptance="),
        ({"background": BACKGROUND[0]}, GeometryError, "background"),
        (
            {"background": (BACKGROUND, CUBE.pad(1).crop(1).downsample(1).pad(1).crop(1).to_image())},
            GeometryError,
            "shape",
        ),
        (
            {"background": (BACKGROUND[:, 1:], GEOM.window(Window(1, 47, 0, 61)).to_cube([ENERGY]))},
            GeometryError,
            "grid",
        ),
        (
            {"background": (BACKGROUND, GEOM.to_cube([Axis("energy", [1, 2, 3, 4] * u.GeV)]))},
            AxisError,
            "axes",
        ),
        ({"mask": MASK[:, 1:]}, GeometryError, "mask"),
    ],
)
def test_refused(change: dict[str, object], error: type[Exception], words: str) -> None:
    arguments: dict[str, object] = {"counts": (COUNTS, CUBE), "background": BACKGROUND, "radius": "0.3 deg"}
    with pytest.raises(error, match=words):
        significance(**(arguments | change))


def test_the_tutorials_significance(shared: Path) -> None:
    """gammapy's own result on the Crab dataset, to the last bit."""
    path = str(shared / "data/fermi-3fhl-crab/Fermi-LAT-3FHL_data_Fermi-LAT.fits")
    reference = np.load(shared / "reference/mask_tutorial_gammapy.npz")
    found = significance((path, "COUNTS"), (path, "BACKGROUND"), "0.4 deg", mask=(path, "MASK_SAFE"))
    assert_allclose(found.values, reference["sqrt_ts"][0], rtol=0, atol=1e-10)
    geom = geom_of(found)
    ny, nx = geom.shape
    mask = evaluate(Threshold(found, "<", 5, nan=True), Tile(geom, Window(0, ny, 0, nx)))
    assert_array_equal(mask, reference["significance"][0])
