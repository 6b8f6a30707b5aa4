"""Images compressed by tiles: what the decompressor must not see is refused in words."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import maskexpr as mx
from maskexpr.doors.fits import walk
from maskexpr.errors import FormatError, LimitError

GEOM = mx.WcsGeom.create(npix=(12, 9), binsz=1, proj="TAN")
VALUES = np.random.default_rng(2).integers(0, 50, GEOM.shape).astype(np.int32)


def written(path: Path, algorithm: str, values: Any = VALUES) -> Path:
    fits.CompImageHDU(values, GEOM.to_header(), compression_type=algorithm).writeto(path)
    return path


def patched(path: Path, key: str, value: str) -> None:
    """The card of the compressed image with another value."""
    data = bytearray(path.read_bytes())
    # Of two such cards the first is the primary HDU's.
    at = data.rindex(key.ljust(8).encode() + b"= ")
    data[at + 10 : at + 80] = value.rjust(20).ljust(70).encode()
    path.write_bytes(data)


@pytest.mark.parametrize("algorithm", ["RICE_1", "GZIP_1", "GZIP_2", "PLIO_1", "NOCOMPRESS"])
def test_algorithms_that_are_read(algorithm: str, tmp_path: Path) -> None:
    found = mx.read_map(written(tmp_path / "a.fits", algorithm))
    assert np.array_equal(found.values, VALUES)


def test_hcompress_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", "HCOMPRESS_1")
    with pytest.raises(FormatError, match=r"a\.fits, HDU 1.*HCOMPRESS_1.*unpack it first \(funpack\)"):
        mx.read_map(path)


CARDS = {
    "bytes a pixel": ("ZVAL2", "3", FormatError, "BYTEPIX is 3"),
    "block": ("ZVAL1", "1000000", FormatError, "BLOCKSIZE is 1000000"),
    "bits": ("ZBITPIX", "12", FormatError, "ZBITPIX is 12"),
    "no tile": ("ZTILE1", "0", FormatError, "would be of 0 x 1"),
    "axes": ("ZNAXIS", "400", FormatError, "ZNAXIS3"),
    "algorithm": ("ZCMPTYPE", "'NEW_1'", FormatError, "'NEW_1'"),
}


@pytest.mark.parametrize("name", CARDS)
def test_settings(name: str, tmp_path: Path) -> None:
    key, value, error, words = CARDS[name]
    path = written(tmp_path / "a.fits", "RICE_1")
    patched(path, key, value)
    with pytest.raises(error, match=words) as caught:
        mx.read_map(path)
    assert "a.fits" in str(caught.value)


def heap_of(path: Path) -> tuple[int, int]:
    """Where the rows of the compressed image begin, and where its heap does."""
    with fits.open(path, disable_image_compression=True) as hdus:
        header, start = hdus[1].header, hdus[1].fileinfo()["datLoc"]
        return start, start + header["NAXIS1"] * header["NAXIS2"]


@pytest.mark.parametrize("word", [0, 1], ids=["length", "place"])
@pytest.mark.parametrize("value", [2**31 - 1, -1])
def test_streams_beyond_the_heap(word: int, value: int, tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", "RICE_1")
    data = bytearray(path.read_bytes())
    start, _ = heap_of(path)
    data[start + 4 * word : start + 4 * word + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(data)
    with pytest.raises(FormatError, match="the stream of tile 0 ends beyond the file"):
        mx.read_map(path)


def test_a_pixel_list_longer_than_its_stream(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", "PLIO_1")
    data = bytearray(path.read_bytes())
    _, heap = heap_of(path)
    # A new list has its length in the fourth word.
    data[heap + 6 : heap + 8] = (30_000).to_bytes(2, "big")
    path.write_bytes(data)
    with pytest.raises(FormatError, match="pixel list 0 is longer than its stream"):
        mx.read_map(path)


def test_a_stream_that_becomes_more_than_a_tile(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(3_000_000))
    path = written(tmp_path / "a.fits", "GZIP_1", np.random.default_rng(0).integers(0, 2**30, (9, 3000)))
    data = bytearray(path.read_bytes())
    start, heap = heap_of(path)
    data[heap : heap + len(bomb)] = bomb
    data[start : start + 4] = len(bomb).to_bytes(4, "big")
    path.write_bytes(data)
    with mx.set_limits(chunk_bytes=2_000_000), pytest.raises(LimitError, match="bytes in a tile"):
        mx.read_map(path)


def test_sizes_that_stand_twice() -> None:
    file = io.BytesIO()
    fits.PrimaryHDU(VALUES, GEOM.to_header()).writeto(file)
    data = bytearray(file.getvalue())
    at = data.index(b"RADESYS ") if b"RADESYS " in data else data.index(b"LONPOLE ")
    data[at : at + 80] = b"BITPIX  =                    8".ljust(80)
    with pytest.raises(FormatError, match="BITPIX stands twice, as '32' and '8'"):
        walk(io.BytesIO(bytes(data)), "the file")
