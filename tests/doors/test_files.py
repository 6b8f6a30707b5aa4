"""Files that are none, and files that become many times what they are: refused in words, before anything is
waited for or unpacked.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import maskexpr as mx
from maskexpr.doors.files import open_file, plain_path, read_file
from maskexpr.errors import FileMissingError, FormatError, LimitError

GEOM = mx.WcsGeom.create(npix=(8, 6), binsz=1)
REGION = b"icrs\ncircle(10, 20, 3)\n"
CATALOGUE = b"ra,dec\n10,20\n"
PACKERS = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}

READERS: dict[str, Callable[[Any], Any]] = {
    "region": mx.Region.read,
    "catalogue": lambda path: mx.Catalog.read(path, radius="1 deg"),
    "geometry": mx.WcsGeom.read,
    "map": mx.read_map,
    "mask": mx.read_mask,
    "threshold": lambda path: mx.Threshold(path, ">", 0).plan(GEOM),
    "raster": lambda path: mx.Raster(path).plan(GEOM),
    "expression": lambda path: mx.loads(mx.dumps(mx.Threshold(path, ">", 0))).plan(GEOM),
}


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe.fits")
    return str(folder / "pipe.fits")


def _socket(folder: Path) -> str:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "s.fits"))
    return str(folder / "s.fits")


def _folder(folder: Path) -> str:
    (folder / "folder.fits").mkdir()
    (folder / "folder.fits" / "a").touch()
    return str(folder / "folder.fits")


def _link_to_itself(folder: Path) -> str:
    (folder / "loop.fits").symlink_to(folder / "loop.fits")
    return str(folder / "loop.fits")


PLACES: dict[str, tuple[Callable[[Path], str], str]] = {
    "pipe": (_pipe, "pipe"),
    "socket": (_socket, "socket"),
    "device": (lambda folder: "/dev/zero", "device"),
    "folder": (_folder, "folder.fits"),
    "loop": (_link_to_itself, "loop.fits"),
    "http": (lambda folder: "http://127.0.0.1:9/a.fits", "address"),
    "ftp": (lambda folder: "ftp://127.0.0.1/a.fits", "address"),
    "file": (lambda folder: "file:///etc/passwd", "address"),
    "s3": (lambda folder: "s3://bucket/a.zarr", "address"),
    "null": (lambda folder: "a\0b.fits", r"a\x00b"),
    "long": (lambda folder: "a" * 5000, "aaa"),
    "absent": (lambda folder: str(folder / "absent.fits"), "no such file"),
    "empty name": (lambda folder: "", "''"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file(place: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    make, words = PLACES[place]
    path = make(tmp_path)
    with pytest.raises(mx.MaskError) as caught:
        READERS[reader](path)
    assert words in str(caught.value)
    assert "AssertionError" not in str(caught.value)


def test_missing_file_is_one_that_python_knows(tmp_path: Path) -> None:
    for read in READERS.values():
        with pytest.raises(FileNotFoundError, match="absent"):
            read(str(tmp_path / "absent"))
    with pytest.raises(FileMissingError):
        open_file(tmp_path / "absent", "file")


@pytest.mark.parametrize("path", [None, 3, b"a.fits", ["a.fits"]])
def test_what_names_no_file(path: Any) -> None:
    with pytest.raises(mx.MaskError, match=r"path|text|map"):
        mx.Region.read(path)
    with pytest.raises(mx.MaskError):
        mx.read_map(path)


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_files_are_read_by_what_they_are(suffix: str, tmp_path: Path) -> None:
    pack = PACKERS[suffix]
    region, catalogue, image = (tmp_path / f"x.{name}{suffix}" for name in ("reg", "csv", "fits"))
    region.write_bytes(pack(REGION))
    catalogue.write_bytes(pack(CATALOGUE))
    plain = io.BytesIO()
    fits.PrimaryHDU(np.arange(48.0).reshape(6, 8), GEOM.to_header()).writeto(plain)
    image.write_bytes(pack(plain.getvalue()))
    assert mx.Region.read(region) == mx.Region("icrs;circle(10,20,3)")
    assert len(mx.Catalog.read(catalogue, radius="1 deg").lon) == 1
    assert mx.WcsGeom.read(image) == GEOM
    assert np.array_equal(mx.read_map(image).values, np.arange(48.0).reshape(6, 8))
    # The name may say anything.
    os.rename(image, tmp_path / "y")
    assert np.array_equal(mx.read_map(tmp_path / "y").values, np.arange(48.0).reshape(6, 8))


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_files_that_are_damaged(suffix: str, tmp_path: Path) -> None:
    whole = PACKERS[suffix](REGION * 100)
    path = tmp_path / f"x.reg{suffix}"
    for data in (whole[:-9], whole[:20], whole[:25] + b"\xff\xff\xff" + whole[28:], whole + b"rest"):
        path.write_bytes(data)
        # bzip2 and xz ignore what stands behind their end, as their programs do.
        if data.endswith(b"rest") and suffix != ".gz":
            mx.Region.read(path)
            continue
        with pytest.raises(FormatError, match="damaged or cut short"):
            mx.Region.read(path)


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("reader", ["region", "catalogue", "geometry", "map"])
def test_bombs(reader: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"bomb.csv{suffix}"
    head = fits.PrimaryHDU().header.copy()
    head.update(NAXIS=1, NAXIS1=64 << 20)
    start = head.tostring().encode() if reader in ("geometry", "map") else b""
    path.write_bytes(PACKERS[suffix](start + bytes(8 << 20)))
    tracemalloc.start()
    try:
        with (
            mx.set_limits(text_bytes=1 << 20, table_bytes=1 << 20, map_bytes=1 << 20),
            pytest.raises(LimitError, match=r"bomb.*more than the limit of 1,048,576"),
        ):
            READERS[reader](path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # xz keeps a dictionary of as much as it packed at once.
    assert peak < 24 << 20


def test_ratio_counts_from_64_mib_on(tmp_path: Path) -> None:
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(bytes(65 << 20), 1))
    with pytest.raises(LimitError, match="times its bytes"):
        read_file(path, "file", "table_bytes")
    with mx.set_limits(ratio=2000):
        assert len(read_file(path, "file", "table_bytes")) == 65 << 20
    path.write_bytes(gzip.compress(bytes(63 << 20), 1))
    assert len(read_file(path, "file")) == 63 << 20


def test_unpacked_files_vanish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(CATALOGUE))
    with plain_path(path, "catalogue", "table_bytes") as plain:
        assert plain.name == "x.csv"
        assert plain.read_bytes() == CATALOGUE
    assert not list((tmp_path / "t").iterdir())
    path.write_bytes(gzip.compress(b"nothing, of, that\n"))
    with pytest.raises(FormatError):
        mx.Catalog.read(path, radius="1 deg")
    assert not list((tmp_path / "t").iterdir())


def test_large_plain_maps_are_no_bombs(tmp_path: Path) -> None:
    """Only what is unpacked, or read as a whole, is limited."""
    path = tmp_path / "m.fits"
    fits.PrimaryHDU(np.zeros((6, 8)), GEOM.to_header()).writeto(path)
    with mx.set_limits(map_bytes=100, table_bytes=100):
        assert mx.WcsGeom.read(path) == GEOM
        assert not mx.read_map(path).values.any()
        Table({"ra": [1.0], "dec": [2.0]}).write(tmp_path / "c.fits")
        with pytest.raises(LimitError, match="table_bytes"):
            mx.Catalog.read(tmp_path / "c.fits", radius="1 deg")
