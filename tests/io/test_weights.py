"""Weights and distances in files: what is read is what was written, and damage is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from astropy import units as u
from astropy.io import fits

import maskexpr as mx
from maskexpr.errors import FormatError, GeometryError, IntegrityError, MaskTypeError, OutputExistsError

MASK = mx.Region("icrs;circle(10, 20, 25)")
IMAGE = mx.WcsGeom.allsky(binsz=3)
GEOMS = {
    "CAR": IMAGE,
    "AIT": mx.WcsGeom.allsky(binsz=3, proj="AIT"),
    "cube": IMAGE.to_cube([mx.Axis("energy", [1, 10, 100] * u.TeV)]),
    "cells": mx.HpxGeom(nside=32),
    "some cells": mx.HpxGeom.from_mask(mx.Region("icrs;circle(10, 20, 30)"), 5),
}
SUFFIXES = (".zarr", ".fits", ".fits.gz")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", GEOMS)
def test_round_trip(tmp_path: Path, name: str, suffix: str) -> None:
    for array in (MASK.apodize(GEOMS[name], "10 deg"), MASK.distance(GEOMS[name], "7 deg")):
        path = array.maskexpr.write(tmp_path / f"{array.name}{suffix}")
        found = mx.read_map(path)
        assert found.dtype == np.float32
        assert found.name == array.name
        assert found.attrs.get("units") == array.attrs.get("units")
        assert found.maskexpr.geom == GEOMS[name]
        np.testing.assert_array_equal(found.values, array.values)
        report = mx.verify(path)
        assert report.n_selected == np.count_nonzero(array.values)
        assert mx.info(path).dtype == "float32"
        assert mx.info(path).mask == array.attrs["mask"]


@pytest.mark.parametrize("chunks", [7, (13, 40), (60, 1)])
def test_whatever_the_chunks(tmp_path: Path, chunks: object) -> None:
    array = MASK.apodize(IMAGE, "10 deg", chunks=chunks)
    for suffix in SUFFIXES[:2]:
        path = array.maskexpr.write(tmp_path / f"w{suffix}")
        np.testing.assert_array_equal(mx.read_map(path)[3:50, 11:90].values, array.values[3:50, 11:90])
        np.testing.assert_array_equal(mx.read_map(path).values, array.values)
    # Chunks that no file has are put together anew.
    odd = array.chunk({"y": (20, 5, 35), "x": (50, 70)})
    path = odd.maskexpr.write(tmp_path / "odd.zarr")
    np.testing.assert_array_equal(mx.read_map(path).values, array.values)


def test_ring_order(tmp_path: Path) -> None:
    array = MASK.apodize(GEOMS["cells"], "10 deg")
    path = array.maskexpr.write(tmp_path / "ring.fits", ordering="ring")
    assert fits.getheader(path, 1)["ORDERING"] == "RING"
    np.testing.assert_array_equal(mx.read_map(path).values, array.values)


@pytest.mark.parametrize("name", GEOMS)
def test_fits_is_what_the_standard_says(tmp_path: Path, name: str) -> None:
    array = MASK.distance(GEOMS[name], "7 deg")
    path = array.maskexpr.write(tmp_path / "d.fits")
    with fits.open(path, checksum=True) as hdus:
        hdus.verify("exception")
        assert hdus[1].name == "DISTANCE"
        assert hdus[1].header["BUNIT"] == "deg"
        if isinstance(GEOMS[name], mx.WcsGeom):
            assert hdus[1].header["BITPIX"] == -32
            np.testing.assert_array_equal(hdus[1].data, array.values)
        elif GEOMS[name].is_allsky:
            np.testing.assert_array_equal(hdus[1].data["CHANNEL1"], array.values)
        else:
            np.testing.assert_array_equal(hdus[1].data["VALUE"], array.values)


@pytest.mark.parametrize("name", GEOMS)
def test_one_bit_of_a_fits_file(tmp_path: Path, name: str) -> None:
    """A bit of a pixel that is 0 or is not; what reads it and what verifies it finds it."""
    path = MASK.apodize(GEOMS[name], "10 deg").maskexpr.write(tmp_path / "w.fits")
    with fits.open(path) as hdus:
        info = hdus[1].fileinfo()
        size = hdus[1].size
    for place in np.random.default_rng(1).integers(0, size, 3).tolist():
        text = bytearray(path.read_bytes())
        text[info["datLoc"] + place] ^= 1
        damaged = tmp_path / f"{place}.fits"
        damaged.write_bytes(bytes(text))
        with pytest.raises(IntegrityError):
            mx.verify(damaged)
        if "some" not in name:
            with pytest.raises(IntegrityError):
                mx.read_map(damaged).compute()


def test_chunks_of_a_store(tmp_path: Path) -> None:
    """Chunks that are whole, but not where they were written."""
    path = MASK.apodize(IMAGE, "10 deg", chunks=20).maskexpr.write(tmp_path / "w.zarr")
    chunks = sorted(each for each in (path / "weight" / "c").rglob("*") if each.is_file())
    assert len(chunks) > 2
    changes = {
        "lost": lambda chunk: chunk.unlink(),
        "another's": lambda chunk: shutil.copy(chunks[1], chunk),
        "cut short": lambda chunk: chunk.write_bytes(chunk.read_bytes()[:-5]),
    }
    for name, change in changes.items():
        copy = Path(shutil.copytree(path, tmp_path / f"{name}.zarr"))
        change(copy / chunks[0].relative_to(path))
        with pytest.raises(IntegrityError):
            mx.verify(copy)
        with pytest.raises(IntegrityError):
            mx.read_map(copy).compute()


def test_headers_of_another_type(tmp_path: Path) -> None:
    """The numbers of a mask are no weights, nor the other way round."""
    path = MASK.write(tmp_path / "m.fits", IMAGE)
    text = path.read_bytes()
    damaged = tmp_path / "scaled.fits"
    card = b"BZERO   =                  0.5".ljust(80)
    at = text.index(b"END".ljust(80), text.index(b"XTENSION"))
    damaged.write_bytes(text[:at] + card + b"END".ljust(80) + text[at + 160 :])
    with pytest.raises(IntegrityError):
        mx.read_map(damaged).compute()


def test_what_is_written_is_whole_or_nothing(tmp_path: Path) -> None:
    array = MASK.apodize(IMAGE, "10 deg", chunks=20)

    def fails(block: np.ndarray, block_info: dict | None = None) -> np.ndarray:
        if block_info and block_info[0]["chunk-location"] == (2, 3):
            raise ZeroDivisionError("stopped")
        return block

    bad = array.copy(data=da.map_blocks(fails, array.data, dtype=np.float32, meta=np.empty((0, 0), "f4")))
    for suffix in SUFFIXES:
        with pytest.raises(ZeroDivisionError):
            bad.maskexpr.write(tmp_path / f"w{suffix}")
        assert list(tmp_path.iterdir()) == []
    path = array.maskexpr.write(tmp_path / "w.fits")
    with pytest.raises(OutputExistsError):
        array.maskexpr.write(path)
    before = path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        bad.maskexpr.write(path, overwrite=True)
    assert path.read_bytes() == before
    assert array.maskexpr.write(path, overwrite=True).read_bytes() == before


def test_what_is_not_written(tmp_path: Path) -> None:
    array = MASK.apodize(IMAGE, "10 deg")
    with pytest.raises(FormatError, match=r"masks alone.*\.zarr, \.fits"):
        MASK.apodize(GEOMS["cells"], "10 deg").maskexpr.write(tmp_path / "w.hsp")
    with pytest.raises(MaskTypeError, match="float32"):
        array.astype(float).maskexpr.write(tmp_path / "w.zarr")
    with pytest.raises(GeometryError, match="transpose"):
        array.T.maskexpr.write(tmp_path / "w.zarr")
    with pytest.raises(MaskTypeError, match="one map"):
        array.expand_dims("time").maskexpr.write(tmp_path / "w.zarr")
    path = array.maskexpr.write(tmp_path / "w.zarr")
    with pytest.raises(MaskTypeError, match="numbers"):
        mx.verify(path, against=MASK)
    with pytest.raises(FormatError, match="Threshold"):
        mx.read_mask(path).compute()


def test_a_mask_and_a_piece(tmp_path: Path) -> None:
    mask = MASK.on(IMAGE)
    path = mask.maskexpr.write(tmp_path / "m.fits")
    xr.testing.assert_equal(mx.read_mask(path), mask)
    piece = MASK.apodize(IMAGE, "10 deg")[20:50, 40:100]
    found = mx.read_map(piece.maskexpr.write(tmp_path / "piece.fits"))
    assert found.maskexpr.geom == piece.maskexpr.geom
    np.testing.assert_array_equal(found.values, piece.values)
    plain = piece.compute().rename("mine")
    assert mx.read_map(plain.maskexpr.write(tmp_path / "piece.zarr")).name == "map"
