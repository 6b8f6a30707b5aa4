"""Flags by their bits, against numpy, of every integer type and carrier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
from astropy.io import fits
from numpy.testing import assert_array_equal

import maskexpr as mx
from maskexpr.io.xarray import wrap

GEOM = mx.WcsGeom.create(skydir=(10, 5), npix=(13, 9), binsz=0.1, proj="TAN")
RNG = np.random.default_rng(2)
TYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", ">i2", ">u4"]


def flags(dtype: str) -> np.ndarray:
    """Numbers of which every bit is set somewhere, the sign's too."""
    kind = np.dtype(dtype)
    words = RNG.integers(0, 256, (*GEOM.shape, kind.itemsize), dtype=np.uint8)
    return words.view(kind)[..., 0]


def bit(data: np.ndarray, number: int) -> np.ndarray:
    """One bit, from the bytes."""
    native = data.astype(data.dtype.newbyteorder("<"))
    octets = native.view(np.uint8).reshape(*data.shape, data.dtype.itemsize)
    return (octets[..., number // 8] >> (number % 8)) & 1 == 1


@pytest.mark.parametrize("dtype", TYPES)
def test_types(dtype: str) -> None:
    data = flags(dtype)
    last = 8 * data.dtype.itemsize - 1
    low, high = bit(data, 1), bit(data, last)
    both = 2 + (1 << last)
    for arguments, want in (
        ({"any": both}, low | high),
        ({"all": both}, low & high),
        ({"none": both}, ~low & ~high),
        ({"any": both, "none": 1}, (low | high) & ~bit(data, 0)),
        ({"any": 6, "all": 1 << last, "none": 8}, (low | bit(data, 2)) & high & ~bit(data, 3)),
    ):
        assert_array_equal(mx.Bits((data, GEOM), **arguments).on(GEOM).values, want)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "i8"])
def test_files(dtype: str, tmp_path: Path) -> None:
    data = flags(dtype)
    fits.PrimaryHDU(data, GEOM.to_header()).writeto(tmp_path / "flags.fits")
    if dtype != "i8":
        fits.CompImageHDU(data, GEOM.to_header()).writeto(tmp_path / "packed.fits")
    want = (bit(data, 1) | bit(data, 2)) & ~bit(data, 0)
    names = ["flags.fits", "packed.fits"] if dtype != "i8" else ["flags.fits"]
    for name in names:
        mask = mx.Bits(tmp_path / name, any=6, none=1)
        assert_array_equal(mask.on(GEOM, chunks=4).values, want)
        assert mx.loads(mx.dumps(mask)) == mask


def test_zarr(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    data = flags("u4")
    wrap(data, GEOM, "maskbits").to_dataset().to_zarr(tmp_path / "x.zarr", zarr_format=3, consolidated=False)
    assert_array_equal(mx.Bits(tmp_path / "x.zarr", all=1 << 31).on(GEOM).values, bit(data, 31))


@pytest.mark.parametrize("carrier", ["numpy", "dask", "DataArray"])
def test_carriers(carrier: str) -> None:
    data = flags("i4")
    made: Any = {
        "numpy": lambda: (data, GEOM),
        "dask": lambda: (da.from_array(data, chunks=(4, 5)), GEOM),
        "DataArray": lambda: wrap(data, GEOM),
    }[carrier]()
    assert_array_equal(mx.Bits(made, none=3).on(GEOM).values, ~bit(data, 0) & ~bit(data, 1))


def test_of_bool() -> None:
    data = flags("u1") > 100
    assert_array_equal(mx.Bits((data, GEOM), any=1).on(GEOM).values, data)
    assert_array_equal(mx.Bits((data, GEOM), none=1).on(GEOM).values, ~data)


@pytest.mark.parametrize("outside", [False, True])
def test_beyond_the_map(outside: bool) -> None:
    mask = mx.Bits((flags("i2"), GEOM), any=1, outside=outside)
    assert (mask.on(GEOM.pad(3)).values[:3] == outside).all()


def test_texts_and_equality() -> None:
    data = flags("i2")
    mask = mx.Bits((data, GEOM), any=np.int64(6), none=1, nan=True, outside=True)
    assert repr(mask) == "Bits(int16 (9, 13), any=6, none=1, nan=True, outside=True)"
    assert mask == mx.Bits((data.copy(), GEOM), any=6, none=1, nan=True, outside=True)
    assert mask != mx.Bits((data, GEOM), any=6, none=1, nan=True)
    assert mx.Bits((data, GEOM), any=6) != mx.Bits((data, GEOM), all=6)


def test_the_complement_of_none_is_any() -> None:
    data = flags("u2")
    any_, none = (mx.Bits((data, GEOM), **{name: 6}) for name in ("any", "none"))
    assert_array_equal((~none).on(GEOM).values, any_.on(GEOM).values)
