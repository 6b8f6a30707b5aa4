"""Data that know where they have no value, as every package and file has it: each meets the declared policy.

A corpus: every carrier of every type of number, in every leaf, with every policy. What is expected is numpy
on the values and gaps that went in; what a file holds is written by hand, card by card.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.table import MaskedColumn
from astropy.utils.masked import Masked
from numpy.testing import assert_array_equal

import maskexpr as mx
from maskexpr.io.sources import FileSource
from maskexpr.io.xarray import wrap

zarr = pytest.importorskip("zarr")

GEOM = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(11, 7), binsz=0.1, proj="TAN")
RNG = np.random.default_rng(5)
GAPS = RNG.random(GEOM.shape) < 0.2
GAPS[0, 0], GAPS[3, 4], GAPS[6, 10] = True, True, False
NUMBERS = RNG.integers(0, 12, GEOM.shape)
# What stands under a mask is no value, least of all one that would be selected or is far away.
WILD = np.where(GAPS, 9, NUMBERS)
CENTRES = SkyCoord(*GEOM.lonlat(*np.indices(GEOM.shape)), unit="deg")
POLICIES: list[bool | str] = [False, True, "raise"]


class Case(NamedTuple):
    """Data as a user gives them."""

    make: Callable[[Path], Any]
    dtype: str
    # Where the values are not those of NUMBERS: scaled, or of bool.
    values: Any = NUMBERS


def values(dtype: str, under: Any = None) -> Any:
    under = WILD if under is None else under
    return (np.asarray(under) > 5) if dtype == "?" else np.asarray(under).astype(dtype)


def masked(dtype: str) -> Any:
    return np.ma.MaskedArray(values(dtype), mask=GAPS)


def unmasked_float(dtype: str) -> Any:
    return np.where(GAPS, np.nan, values(dtype)).astype(dtype)


def image(**cards: Any) -> Callable[[Path, Any], Path]:
    """A FITS image written as bytes: a header and numbers, of which no library has had a say."""

    def write(folder: Path, stored: Any) -> Path:
        header = GEOM.to_header()
        bits = {"u1": 8, "i2": 16, "i4": 32, "i8": 64, "f4": -32, "f8": -64}[stored.dtype.str[1:]]
        head = [
            ("SIMPLE", True),
            ("BITPIX", bits),
            ("NAXIS", 2),
            ("NAXIS1", 11),
            ("NAXIS2", 7),
            *cards.items(),
        ]
        text = "".join(str(fits.Card(*each)) for each in head)
        text += "".join(str(card) for card in header.cards if not card.keyword.startswith("NAXIS"))
        text += "END".ljust(80)
        big = stored.astype(stored.dtype.newbyteorder(">")).tobytes()
        path = folder / "map.fits"
        whole = text.ljust(-(-len(text) // 2880) * 2880).encode() + big
        path.write_bytes(whole.ljust(-(-len(whole) // 2880) * 2880, b"\0"))
        return path

    return write


def blank(dtype: str, null: int, zero: float = 0.0, scale: float = 1.0) -> Callable[[Path], Path]:
    cards = {"BLANK": null, **({"BZERO": zero} if zero else {}), **({"BSCALE": scale} if scale != 1 else {})}

    def make(folder: Path) -> Path:
        # NUMBERS = zero + scale * stored
        stored = np.where(GAPS, null, np.rint((NUMBERS - zero) / scale)).astype(dtype)
        return image(**cards)(folder, stored)

    return make


def packed(folder: Path, dtype: str, null: int) -> Path:
    stored = np.where(GAPS, null, NUMBERS).astype(dtype)
    hdu = fits.CompImageHDU(stored, GEOM.to_header())
    hdu.header["BLANK"] = null
    path = folder / "packed.fits"
    hdu.writeto(path)
    return path


def sparse(folder: Path) -> Path:
    """gammapy's sparse table, with a null."""
    pixel = np.arange(NUMBERS.size)
    value = np.where(GAPS, -1, NUMBERS).ravel().astype(np.int16)
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column("PIX", "J", array=pixel), fits.Column("VALUE", "I", null=-1, array=value)]
    )
    hdu.header.update(GEOM.to_header())
    hdu.header["WCSSHAPE"] = "(11,7)"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(folder / "sparse.fits")
    return folder / "sparse.fits"


def store(folder: Path, dtype: str, fill: Any, name: str = "_FillValue") -> Path:
    array = np.where(GAPS, fill, NUMBERS).astype(dtype)
    data = wrap(array, GEOM).rename("map")
    data.attrs[name] = np.dtype(dtype).type(fill)
    data.to_dataset().to_zarr(folder / "map.zarr", zarr_format=3, consolidated=False)
    return folder / "map.zarr"


def two_fills(folder: Path) -> Path:
    first = np.cumsum(GAPS.ravel()).reshape(GAPS.shape) % 2 == 0
    array = np.where(GAPS, np.where(first, -1, -2), NUMBERS).astype("i2")
    data = wrap(array, GEOM).rename("map")
    data.attrs |= {"_FillValue": np.int16(-1), "missing_value": np.int16(-2)}
    data.to_dataset().to_zarr(folder / "map.zarr", zarr_format=3, consolidated=False)
    return folder / "map.zarr"


def from_xarray(folder: Path) -> xr.DataArray:
    return xr.open_dataset(store(folder, "i2", -1), engine="zarr", consolidated=False)["map"]


def lying(dtype: str) -> Any:
    """A lazy array whose meta says that it has no masks, and chunks that have some."""

    def chunk(block_id: tuple[int, int]) -> Any:
        return masked(dtype)[:, 6 * block_id[1] : 6 * block_id[1] + 6]

    return da.map_blocks(chunk, chunks=((7,), (6, 5)), dtype=np.dtype(dtype), meta=np.empty((0, 0), dtype))


CASES: dict[str, Case] = {
    **{
        f"numpy masked {t}": Case(lambda _, t=t: (masked(t), GEOM), t)
        for t in ("f8", "f4", "i2", "u1", "i8", "?")
    },
    **{
        f"dask masked {t}": Case(lambda _, t=t: (da.from_array(masked(t), chunks=(3, 4)), GEOM), t)
        for t in ("f8", "i2", "u1", "?")
    },
    **{f"dask that does not say so {t}": Case(lambda _, t=t: (lying(t), GEOM), t) for t in ("f8", "i4", "?")},
    **{
        f"astropy Masked {t}": Case(lambda _, t=t: (Masked(values(t), mask=GAPS), GEOM), t)
        for t in ("f8", "i4", "?")
    },
    "astropy masked Quantity": Case(lambda _: (Masked(values("f8") * u.one, mask=GAPS), GEOM), "f8"),
    "NDData": Case(lambda _: (NDData(values("i2"), mask=GAPS), GEOM), "i2"),
    "CCDData with its WCS": Case(lambda _: CCDData(values("f8"), mask=GAPS, wcs=GEOM.wcs, unit="adu"), "f8"),
    **{f"NaN {t}": Case(lambda _, t=t: (unmasked_float(t), GEOM), t) for t in ("f8", "f4")},
    "dask NaN": Case(lambda _: (da.from_array(unmasked_float("f8"), chunks=(7, 3)), GEOM), "f8"),
    "DataArray NaN": Case(lambda _: wrap(unmasked_float("f8"), GEOM), "f8"),
    "DataArray of a masked array": Case(
        lambda _: xr.DataArray(
            masked("f8"),
            wrap(unmasked_float("f8"), GEOM).coords,
            ("y", "x"),
            attrs={"grid_mapping": "sky_wcs"},
        ),
        "f8",
    ),
    "DataArray, not decoded": Case(
        lambda _: wrap(np.where(GAPS, -7, NUMBERS), GEOM, attrs={"_FillValue": -7}), "i8"
    ),
    "DataArray, not decoded, lazy": Case(
        lambda _: wrap(np.where(GAPS, -7, NUMBERS), GEOM, attrs={"missing_value": -7}).chunk({"x": 4}), "i8"
    ),
    "DataArray that xarray opened": Case(from_xarray, "f4"),
    "masked columns as rows of a map": Case(
        lambda _: (
            np.ma.array([MaskedColumn(v, mask=g) for v, g in zip(values("f8"), GAPS, strict=True)]),
            GEOM,
        ),
        "f8",
    ),
    "FITS NaN f4": Case(lambda folder: image()(folder, unmasked_float("f4")), "f4"),
    "FITS NaN f8": Case(lambda folder: image()(folder, unmasked_float("f8")), "f8"),
    "FITS BLANK u1": Case(blank("u1", 255), "u1"),
    "FITS BLANK i2": Case(blank("i2", -32768), "i2"),
    "FITS BLANK i4": Case(blank("i4", -99), "i4"),
    "FITS BLANK i8": Case(blank("i8", -(2**63)), "i8"),
    "FITS BLANK in unsigned u2": Case(blank("i2", 7, zero=32768.0), "u2"),
    "FITS BLANK in unsigned u4": Case(blank("i4", -1, zero=2.0**31), "u4"),
    "FITS BLANK scaled": Case(blank("i2", -1, scale=0.5), "f4"),
    "FITS BLANK scaled and moved": Case(blank("i4", -1000, zero=4.0, scale=0.25), "f8"),
    "FITS BLANK compressed i2": Case(lambda folder: packed(folder, "i2", -1), "i2"),
    "FITS BLANK compressed i4": Case(lambda folder: packed(folder, "i4", -77), "i4"),
    "FITS BLANK of which a float image has none": Case(
        lambda folder: image(BLANK=3)(folder, unmasked_float("f4")), "f4"
    ),
    "FITS sparse with TNULL": Case(sparse, "i2"),
    "zarr fill i2": Case(lambda folder: store(folder, "i2", -1), "i2"),
    "zarr fill u1": Case(lambda folder: store(folder, "u1", 200), "u1"),
    "zarr fill f8": Case(lambda folder: store(folder, "f8", -1.0), "f8"),
    "zarr missing_value i4": Case(lambda folder: store(folder, "i4", -5, "missing_value"), "i4"),
    "zarr _FillValue and missing_value i2": Case(two_fills, "i2"),
    "read_map of BLANK": Case(lambda folder: mx.read_map(blank("i2", -1)(folder)), "f4"),
    "read_map of zarr": Case(lambda folder: mx.read_map(store(folder, "i4", -1)), "f8"),
}
KINDS = {"?": "mask", "f": "float"}


def numbers_of(case: Case) -> Any:
    return values("?", NUMBERS).astype(int) if case.dtype == "?" else NUMBERS


def check(mask: mx.Mask, selected: Any, nan: bool | str) -> None:
    """The mask is the selection where there are values, and the policy elsewhere; lazily or not."""
    if nan == "raise":
        for evaluate in (
            lambda: mask.on(GEOM).values,
            lambda: mask.compute(GEOM),
            lambda: mask.on(GEOM, chunks=2).values,
        ):
            with pytest.raises(mx.MaskError, match=r"the data are (NaN|masked or BLANK) at lon"):
                evaluate()
        return
    want = np.where(GAPS, nan, selected)
    assert_array_equal(mask.on(GEOM).values, want)
    assert_array_equal(mask.on(GEOM, chunks=(1, 11)).values, want)
    assert_array_equal(mask.compute(GEOM).values, want)
    assert_array_equal((~mask).on(GEOM).values, ~want)
    assert_array_equal(mask.contains(CENTRES), want)


@pytest.mark.parametrize("nan", POLICIES)
@pytest.mark.parametrize("name", CASES)
def test_threshold(name: str, nan: bool | str, tmp_path: Path) -> None:
    case = CASES[name]
    data, number = case.make(tmp_path), numbers_of(case)
    op, value = (">", 0.5) if case.dtype == "?" else (">=", 6)
    compare = operator.gt if op == ">" else operator.ge
    check(mx.Threshold(data, op, value, nan=nan), compare(number, value), nan)
    if nan != "raise":
        # Nothing compares with what is not there, not even by "is not".
        check(mx.Threshold(data, "!=", 3, nan=nan), number != 3, nan)


@pytest.mark.parametrize("name", CASES)
def test_bits(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    data, number = case.make(tmp_path), numbers_of(case)
    if case.dtype[0] == "f":
        with pytest.raises(mx.MaskError, match="flags are integers, these are float"):
            mx.Bits(data, any=1).on(GEOM)
        return
    wide = {"any": 6, "none": 8} if case.dtype != "?" else {"any": 1}
    selected = ((number & 6) != 0) & ((number & 8) == 0) if case.dtype != "?" else number == 1
    for nan in POLICIES:
        check(mx.Bits(data, **wide, nan=nan), selected, nan)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.dtype[0] != "f"])
def test_raster(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same carriers of the numbers 0 and 1."""
    flags = (NUMBERS > 5).astype(int)
    monkeypatch.setitem(globals(), "NUMBERS", flags)
    monkeypatch.setitem(globals(), "WILD", np.where(GAPS, 1, flags) if CASES[name].dtype != "?" else WILD)
    data = CASES[name].make(tmp_path)
    for nan in POLICIES:
        check(mx.Raster(data, nan=nan), flags == 1, nan)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.dtype != "?"])
def test_hysteresis(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    label = pytest.importorskip("skimage.filters").apply_hysteresis_threshold
    data = case.make(tmp_path)
    with pytest.raises(mx.MaskError, match="the data are"):
        mx.Hysteresis(data, 3, 8, nan="raise").on(GEOM).compute()
    for nan, instead in ((False, 0), (True, 99)):
        want = label(np.where(GAPS, instead, NUMBERS), 3, 8)
        assert_array_equal(mx.Hysteresis(data, 3, 8, nan=nan).on(GEOM, chunks=4).values, want)


@pytest.mark.parametrize("name", CASES)
def test_significance(name: str, tmp_path: Path) -> None:
    """Sums within a radius of a gap are not known; nor is anything else lost."""
    case = CASES[name]
    counts = numbers_of(case)
    data = case.make(tmp_path)
    known = (np.where(GAPS, np.nan, counts.astype(float)), GEOM)
    want = mx.significance(known, np.ones(GEOM.shape), "0.15 deg").values
    reach = np.hypot(*(np.arange(-1, 2)[each] for each in np.ix_(range(3), range(3)))) <= 1.5
    near = np.zeros(GEOM.shape, dtype=bool)
    for y, x in np.argwhere(GAPS):
        for dy, dx in np.argwhere(reach) - 1:
            if 0 <= y + dy < 7 and 0 <= x + dx < 11:
                near[y + dy, x + dx] = True
    assert_array_equal(np.isnan(want), near)
    assert_array_equal(mx.significance(data, np.ones(GEOM.shape), "0.15 deg").values, want)
    # As a background too, and lazily.
    other = mx.significance((np.full(GEOM.shape, 4), GEOM), data, "0.15 deg")
    assert_array_equal(np.isnan(other.values), near)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.dtype == "?"])
def test_significance_where_a_mask_has_no_value(name: str, tmp_path: Path) -> None:
    data = CASES[name].make(tmp_path)
    array = data[0] if isinstance(data, tuple) else data
    got = mx.significance((NUMBERS, GEOM), np.ones(GEOM.shape), "0.15 deg", mask=array)
    want = mx.significance((NUMBERS, GEOM), np.ones(GEOM.shape), "0.15 deg", mask=(NUMBERS > 5) & ~GAPS)
    assert_array_equal(got.values, want.values)


# ---- other grids, saved expressions, equality


@pytest.mark.parametrize(
    "name", ["numpy masked i2", "FITS BLANK i2", "dask masked i2", "zarr fill i2", "numpy masked f8"]
)
def test_on_another_grid(name: str, tmp_path: Path) -> None:
    data = CASES[name].make(tmp_path)
    other = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(33, 21), binsz=0.1 / 3, proj="TAN")
    want = np.where(GAPS, True, NUMBERS > 5).repeat(3, axis=0).repeat(3, axis=1)
    got = mx.Threshold(data, ">", 5, nan=True).on(other).values
    # Pixels at the rim of a data pixel may fall on either side by the bend of the projection.
    middle = np.s_[1::3, 1::3]
    assert_array_equal(got[middle], want[middle])
    with pytest.raises(mx.MaskError, match="the data are"):
        mx.Threshold(data, ">", 5, nan="raise").on(other).compute()


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(("numpy", "astropy", "NDData"))])
def test_saved_with_the_expression(name: str, tmp_path: Path) -> None:
    mask = mx.Threshold(CASES[name].make(tmp_path), ">", 0.5, nan=True)
    again = mx.loads(mx.dumps(mask))
    assert again == mask
    assert hash(again) == hash(mask)
    assert_array_equal(again.on(GEOM).values, mask.on(GEOM).values)


def test_what_stands_under_a_mask_does_not_matter() -> None:
    one, other = (
        mx.Threshold((np.ma.MaskedArray(np.where(GAPS, under, NUMBERS), mask=GAPS), GEOM), ">", 5)
        for under in (0, 77)
    )
    assert one == other
    plain = mx.Threshold((np.where(GAPS, 0, NUMBERS), GEOM), ">", 5)
    assert one != plain
    large, same = (
        mx.Threshold(
            (np.ma.MaskedArray(np.full((1200, 1200), v, np.int32), mask=np.eye(1200, dtype=bool)), BIG),
            ">",
            5,
        )
        for v in (3, 3)
    )
    assert large == same
    assert large != mx.Threshold((np.full((1200, 1200), 3, np.int32), BIG), ">", 5)


BIG = mx.WcsGeom.create(npix=(1200, 1200), binsz=0.01, proj="TAN")


@pytest.mark.parametrize("dtype", ["f8", "i2", "?"])
def test_a_mask_of_nothing_is_no_mask(dtype: str) -> None:
    data = np.ma.MaskedArray(values(dtype, NUMBERS), mask=False)
    mask = mx.Threshold((data, GEOM), ">", 0.5, nan="raise")
    assert_array_equal(mask.on(GEOM).values, values(dtype, NUMBERS) > 0.5)
    assert mask == mx.Threshold((values(dtype, NUMBERS), GEOM), ">", 0.5, nan="raise")


# ---- refusals


REFUSALS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "scaled values that nobody decoded": (
        lambda _: mx.Threshold(wrap(NUMBERS, GEOM, attrs={"scale_factor": 0.1}), ">", 5),
        "scale_factor.*decode",
    ),
    "values of another sign that nobody decoded": (
        lambda _: mx.Threshold(wrap(NUMBERS, GEOM, attrs={"_Unsigned": "true"}), ">", 5),
        "_Unsigned.*decode",
    ),
    "BLANK that is no number": (
        lambda folder: mx.Threshold(image(BLANK="none")(folder, values("i2")), ">", 5).on(GEOM),
        "BLANK = 'none'",
    ),
    "BSCALE that is no number": (
        lambda folder: mx.Threshold(image(BSCALE="two")(folder, values("i2")), ">", 5).on(GEOM),
        "BSCALE = 'two'",
    ),
    "a mask with gaps, read as a mask": (
        lambda folder: mx.read_mask(gapped_mask(folder)).values,
        r"no value.*Raster\(data, nan=\)",
    ),
    "objects": (lambda _: mx.Threshold((values("i2").astype(object), GEOM), ">", 5), "numbers or bool"),
    "times": (lambda _: mx.Threshold((values("i8").view("M8[s]"), GEOM), ">", 5), "numbers or bool"),
    "a policy that is none": (
        lambda _: mx.Raster((values("?"), GEOM), nan="drop"),
        "nan must be False, True or 'raise'",
    ),
    "a policy that is none, of bits": (lambda _: mx.Bits((values("i2"), GEOM), any=1, nan=0), "nan must be"),
    "a PSF with a masked value": (
        lambda _: mx.containment_radius(
            (np.linspace(0, 1, 50) * u.deg, np.ma.MaskedArray(np.full(50, 1e3), mask=np.arange(50) == 7)), 0.5
        ),
        "no value .* at 0.1429 deg",
    ),
    "a PSF with NaN": (
        lambda _: mx.containment_radius(
            (np.linspace(0, 1, 50) * u.deg, np.where(np.arange(50) == 7, np.nan, 1e3)), 0.5
        ),
        "no value .* at 0.1429 deg",
    ),
    "a PSF as a masked Quantity": (
        lambda _: mx.containment_radius(
            (np.linspace(0, 1, 50) * u.deg, Masked(np.full(50, 1e3) / u.sr, mask=np.arange(50) == 7)), 0.5
        ),
        "no value .* at 0.1429 deg",
    ),
    "radii of a PSF of which one is masked": (
        lambda _: mx.containment_radius(
            (Masked(np.linspace(0, 1, 50) * u.deg, mask=np.arange(50) == 7), np.full(50, 1e3)), 0.5
        ),
        "none missing",
    ),
    "bits: none given": (lambda _: mx.Bits((values("i2"), GEOM)), "give any=, all= or none="),
    "bits: zero": (lambda _: mx.Bits((values("i2"), GEOM), any=0), "at least one bit"),
    "bits: negative": (lambda _: mx.Bits((values("i2"), GEOM), none=-1), "at least one bit"),
    "bits: a list": (lambda _: mx.Bits((values("i2"), GEOM), any=[1, 2]), "whole number"),
    "bits: a fraction": (lambda _: mx.Bits((values("i2"), GEOM), any=1.5), "whole number"),
    "bits: True": (lambda _: mx.Bits((values("i2"), GEOM), any=True), "at least one bit"),
    "bits: too many for the type": (
        lambda _: mx.Bits((values("u1"), GEOM), any=256),
        "bit 8, uint8 has bits 0 to 7",
    ),
    "bits: too many for the type of a file": (
        lambda folder: mx.Bits(image()(folder, values("i2")), all=1 << 16).on(GEOM),
        "bit 16, int16 has bits 0 to 15",
    ),
    "bits: of bool": (lambda _: mx.Bits((values("?"), GEOM), any=2), "bit 1, bool has bits 0 to 0"),
    "bits: of floating-point numbers": (lambda _: mx.Bits((values("f8"), GEOM), any=2), "flags are integers"),
    "bits: outside": (
        lambda _: mx.Bits((values("i2"), GEOM), any=2, outside=1),
        "outside must be True or False",
    ),
}


def gapped_mask(folder: Path) -> Path:
    stored = np.where(GAPS, 9, NUMBERS > 5).astype("u1")
    return image(BLANK=9)(folder, stored)


@pytest.mark.parametrize("name", REFUSALS)
def test_refused(name: str, tmp_path: Path) -> None:
    make, words = REFUSALS[name]
    with pytest.raises(mx.MaskError, match=words):
        make(tmp_path)


# ---- files that are read as they are


def test_integers_of_64_bits_are_exact(tmp_path: Path) -> None:
    stored = np.where(GAPS, -1, 2**60 + NUMBERS).astype("i8")
    path = image(BLANK=-1)(tmp_path, stored)
    assert_array_equal(mx.Bits(path, any=1).on(GEOM).values, ~GAPS & (NUMBERS % 2 == 1))
    assert FileSource(str(path)).open().dtype == np.int64


def test_a_masked_array_is_not_copied() -> None:
    data = masked("f8")
    assert mx.Threshold((data, GEOM), ">", 5).data.open().dtype == np.float64
    large = np.ma.MaskedArray(np.zeros((1200, 1200)), mask=False)
    assert mx.Threshold((large, BIG), ">", 5).data.array is large
