"""Limits: each refuses what is more, before memory is spent, and is settable."""

from __future__ import annotations

import dataclasses
import gzip
import inspect
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import maskexpr as mx
from maskexpr.core.limits import Limits
from maskexpr.errors import LimitError
from maskexpr.shapes import Polygon

GEOM = mx.WcsGeom.create(npix=(8, 6), binsz=1)
DISK = mx.Region("icrs;circle(10,20,3)")


def _file(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def _header(**cards: Any) -> fits.Header:
    header = GEOM.to_header()
    header.update(cards)
    return header


def _image(folder: Path, name: str = "m.fits", pack: Any = bytes, **cards: Any) -> Path:
    file = io.BytesIO()
    fits.HDUList(
        [fits.PrimaryHDU(np.zeros((6, 8)), _header(**cards)), fits.ImageHDU(), fits.ImageHDU()]
    ).writeto(file)
    return _file(folder, name, pack(file.getvalue()))


def _store(folder: Path) -> Path:
    pytest.importorskip("zarr")
    DISK.write(folder / "m.zarr", GEOM)
    return folder / "m.zarr"


def _packed(folder: Path) -> Path:
    fits.CompImageHDU(np.zeros((6, 8), np.int32), GEOM.to_header()).writeto(folder / "c.fits")
    return folder / "c.fits"


def _catalogue(folder: Path) -> Path:
    Table({"ra": [1.0], "dec": [2.0]}).write(folder / "c.csv")
    return folder / "c.csv"


def _bomb(folder: Path) -> Path:
    return _file(folder, "c.csv.gz", gzip.compress(b"ra,dec\n1,2" + b" " * (65 << 20) + b"\n"))


CUBE = _header(NAXIS=3, NAXIS3=2)
BANDS = fits.BinTableHDU.from_columns(
    [fits.Column("E_MIN", "D", unit="TeV", array=[1, 2]), fits.Column("E_MAX", "D", unit="TeV", array=[2, 3])]
)
TURN = np.arange(0, 360, 10.0)


def _large(height: float) -> Polygon:
    """A polygon that fits into no hemisphere."""
    return Polygon(TURN, height * np.sin(2 * np.deg2rad(TURN) + 0.1) + 1)


# For each limit one that is too low, and an input which it refuses then, and no other limit does.
CASES: dict[str, tuple[float, Callable[[Path], Any]]] = {
    "text_bytes": (10, lambda folder: mx.Region("icrs;circle(10,20,3)")),
    "table_bytes": (5, lambda folder: mx.Catalog.read(_catalogue(folder), radius="1 deg")),
    "map_bytes": (100, lambda folder: mx.read_map(_image(folder, "m.fits.gz", gzip.compress))),
    "ratio": (20, lambda folder: mx.Catalog.read(_bomb(folder), radius="1 deg")),
    "header_cards": (5, lambda folder: mx.WcsGeom.from_header(GEOM.to_header())),
    "hdus": (2, lambda folder: mx.WcsGeom.read(_image(folder))),
    "axes": (2, lambda folder: mx.WcsGeom.from_header(_header(NAXIS=3, NAXIS3=1))),
    "bins": (1, lambda folder: mx.WcsGeom.from_header(CUBE, BANDS)),
    "side": (7, lambda folder: mx.WcsGeom.from_header(GEOM.to_header())),
    "pixels": (47, lambda folder: mx.WcsGeom.from_header(GEOM.to_header())),
    "sip_order": (
        1,
        lambda folder: mx.WcsGeom.from_header(
            _header(CTYPE1="RA---CAR-SIP", CTYPE2="DEC--CAR-SIP", A_ORDER=2, B_ORDER=2)
        ),
    ),
    "chunk_bytes": (40, lambda folder: mx.read_map(_packed(folder))),
    "coordinates": (5, lambda folder: mx.read_mask(_store(folder))),
    "shapes": (2, lambda folder: mx.Region("icrs;circle(1,2,3);circle(1,2,3);circle(1,2,3)")),
    "vertices": (20, lambda folder: _large(30)),
    "crossings": (20, lambda folder: _large(20)),
    "nodes": (2, lambda folder: mx.loads(mx.dumps(DISK | mx.AllSky()))),
    "operands": (5, lambda folder: mx.loads(mx.dumps(mx.Or(*[DISK] * 6)))),
    "values": (10, lambda folder: mx.loads(mx.dumps(DISK))),
    "depth": (2, lambda folder: mx.loads(mx.dumps(DISK))),
    "tiles": (3, lambda folder: DISK.plan(GEOM, chunks=3)),
    "neighbours": (1e5, lambda folder: DISK.dilate("14 deg").compute(_endless(1.2))),
}


def _endless(pixel: float) -> mx.WcsGeom:
    """A small map on a plane of which it is not known where the sky ends."""
    return mx.WcsGeom.create(npix=(9, 9), binsz=pixel, proj="PCO")


def test_a_plane_that_would_be_looked_through_for_hours_is_refused_at_once() -> None:
    for pixel in (0.01, 1e-4):
        for kernel in ("box", "disk"):
            disk = mx.Region(f"icrs;circle(0,0,{pixel!r})")
            grown = disk.dilate(f"{2 * pixel!r} deg", kernel=kernel)
            with pytest.raises(LimitError, match="pixels that may be near"):
                grown.compute(_endless(pixel))


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Limits)])
def test_each_limit_refuses_and_is_settable(name: str, tmp_path: Path) -> None:
    low, make = CASES[name]
    (tmp_path / "refused").mkdir()
    with mx.set_limits(**{name: low}), pytest.raises(LimitError, match=rf"set_limits\({name}="):
        make(tmp_path / "refused")
    if name == "ratio":
        mx.set_limits(ratio=1e6)
    try:
        assert make(tmp_path) is not None
    finally:
        mx.set_limits(ratio=Limits().ratio)


def test_limits_hold_within_a_block_or_for_good() -> None:
    usual = mx.get_limits()
    with mx.set_limits(depth=5, nodes=6):
        assert mx.get_limits().depth == 5
        with mx.set_limits(depth=math.inf):
            assert mx.get_limits().depth == math.inf
            assert mx.get_limits().nodes == 6
        assert mx.get_limits().depth == 5
    assert mx.get_limits() == usual
    mx.set_limits(depth=7)
    assert mx.get_limits().depth == 7
    mx.set_limits(depth=usual.depth)
    assert mx.get_limits() == usual


@pytest.mark.parametrize(
    "wrong", [{"dept": 1}, {"depth": 0}, {"depth": -1}, {"depth": math.nan}, {"depth": "9"}, {"depth": True}]
)
def test_what_is_no_limit(wrong: dict[str, Any]) -> None:
    before = mx.get_limits()
    with pytest.raises(mx.MaskError, match="depth"):
        mx.set_limits(**wrong)
    assert mx.get_limits() == before


def test_a_limit_error_is_a_value_error_and_says_what_to_type() -> None:
    with mx.set_limits(depth=2), pytest.raises(ValueError, match=r"maskexpr\.set_limits\(depth=\.\.\.\)"):
        mx.loads(json.dumps({"maskexpr": 1, "nodes": [[[[]]]]}))


def test_every_limit_is_documented() -> None:
    for each in dataclasses.fields(Limits):
        # Pythons from 3.13 on take the indent away.
        assert f"\n{each.name} : number" in inspect.cleandoc(Limits.__doc__ or "")
