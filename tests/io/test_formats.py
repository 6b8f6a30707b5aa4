"""A format is one record: the page on formats of one's own, and what decides which format a file is."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from numpy.typing import NDArray

import maskexpr as mx
from maskexpr.errors import FormatError, MaskTypeError, OutputExistsError
from maskexpr.extend import Axis, Format, MaskWriter, StoredMap, Window, register_format
from maskexpr.io import formats
from maskexpr.io.fits import FITS
from maskexpr.io.formats import FORMATS, check_output, format_of

PAGE = Path(__file__).resolve().parents[2] / "docs/adding-a-format.md"
CUBE = mx.WcsGeom.create(npix=(40, 30), binsz=0.1, axes=[Axis("energy", [1, 3, 10] * u.GeV)])
GEOMS = {"image": CUBE.to_image(), "cube": CUBE}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The page's module; its format is forgotten afterwards."""
    monkeypatch.setattr(formats, "FORMATS", [each for each in FORMATS if ".npyd" not in each.suffixes])
    names: dict[str, Any] = {"__name__": "npyd"}
    exec(PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```\n")[0], names)
    return names


def some_mask() -> mx.Mask:
    return mx.Region("icrs; circle(0.3, 0.2, 1.1)") & mx.AxisRange("energy", hi="3 GeV")


@pytest.mark.parametrize("chunks", [7, (16, 40)])
def test_masks_of_the_page(page: dict[str, Any], chunks: Any, tmp_path: Path) -> None:
    wanted = some_mask().on(CUBE).values
    assert 0 < wanted.sum() < wanted.size
    path = some_mask().write(tmp_path / "m.npyd", CUBE, chunks=chunks)
    found = mx.read_mask(path)
    assert found.chunks is not None
    assert mx.geom_of(found) == CUBE
    assert found.attrs["maskexpr_hash"] == some_mask().digest.hex()
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(mx.Raster(path).on(CUBE), wanted)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OutputExistsError):
        (~some_mask()).write(path, CUBE)
    (~some_mask()).write(path, CUBE, overwrite=True)
    np.testing.assert_array_equal(mx.read_mask(path), ~wanted)


@pytest.mark.parametrize("name", GEOMS)
def test_maps_of_the_page(page: dict[str, Any], name: str, tmp_path: Path) -> None:
    geom = GEOMS[name]
    values = np.random.default_rng(3).normal(size=geom.shape).astype("f4")
    path = tmp_path / "anything"
    mx.NoSky().write(tmp_path / "m.npyd", geom)
    shutil.move(tmp_path / "m.npyd", path)
    np.save(path / "values.npy", values)
    about = (path / "grid.json").read_text()
    (path / "grid.json").write_text(f'{about[:-1]}, "attrs": {{"units": "m"}}}}')
    found = mx.read_map(path)
    assert (found.dtype, found.attrs["units"]) == (values.dtype, "m")
    np.testing.assert_array_equal(found, values)
    for mask in (mx.Threshold(path, ">", 0.5), mx.Threshold(path, ">", 50 * u.cm)):
        np.testing.assert_array_equal(mask.on(geom), values > 0.5)
    crop = geom.window(Window(3, 20, 5, 39))
    np.testing.assert_array_equal(mx.Threshold(path, "<", 0).on(crop), values[..., 3:20, 5:39] < 0)


def test_contents_decide_not_the_suffix(tmp_path: Path) -> None:
    geom = GEOMS["image"]
    wanted = mx.Region("icrs; circle(0.3, 0.2, 1.1)")
    for suffix in (".zarr", ".fits", ".fits.gz"):
        for name in (f"like{suffix}.zarr", f"like{suffix}.fits", f"bare{suffix[1:]}"):
            path = tmp_path / name
            wanted.write(tmp_path / f"m{suffix}", geom)
            shutil.move(tmp_path / f"m{suffix}", path)
            np.testing.assert_array_equal(mx.read_mask(path), wanted.on(geom))


def test_what_is_of_no_format(page: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "m.zarr").mkdir()
    (tmp_path / "m.zarr" / "notes").write_text("x")
    (tmp_path / "m.fits").write_bytes(b"")
    with gzip.open(tmp_path / "m.fits.gz", "wb") as file:
        file.write(b"SIMPLY not")
    for name in ("m.zarr", "m.fits", "m.fits.gz"):
        with pytest.raises(FormatError, match="neither a FITS file nor a NumPy folder nor a zarr store"):
            mx.read_map(tmp_path / name)
    (tmp_path / "damaged.fits.gz").write_bytes(b"\x1f\x8bnothing of the kind")
    with pytest.raises(FormatError, match="cannot be unpacked"):
        mx.read_map(tmp_path / "damaged.fits.gz")
    assert format_of("M.NPYD") == ".npyd"
    (tmp_path / "thesis.npyd").mkdir()
    check_output(tmp_path / "thesis.npyd", overwrite=True)
    (tmp_path / "thesis.npyd" / "chapter.tex").write_text("x")
    with pytest.raises(FormatError, match="not replaced"):
        check_output(tmp_path / "thesis.npyd", overwrite=True)


class Constant(StoredMap):
    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        return np.ones((1, *window.shape))[0]


def test_a_format_may_be_only_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(formats, "FORMATS", list(FORMATS))
    asked: list[Any] = []

    def read(path: str, stamp: tuple[int, int], key: str | int | None, mask: bool) -> StoredMap:
        asked.append((key, mask))
        return Constant(path=path, geom=GEOMS["image"], dtype=np.dtype(float), key=key or "first")

    register_format(Format(name="a constant", magic=b"ONES", open=read))
    (tmp_path / "m").write_bytes(b"ONES and more")
    assert float(mx.read_map(tmp_path / "m").sum()) == 1200
    assert bool(mx.read_mask(tmp_path / "m", "other").all())
    # Each map is opened once, and again by the key that it gave itself.
    assert asked == [(None, False), ("first", False), ("other", True), ("other", False)]
    with pytest.raises(FormatError, match=r"\.zarr, \.fits, \.fits\.gz"):
        check_output(tmp_path / "m.ones", overwrite=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"magic": b"X", "members": ("x",)}, "either"),
        ({}, "either"),
        ({"magic": b"X", "suffixes": (".x",)}, "neither"),
        ({"magic": b"X", "writer": MaskWriter}, "neither"),
        ({"magic": b"X", "writer": MaskWriter, "suffixes": (".x", ".fits")}, r"'\.fits' is that of a FITS"),
    ],
)
def test_formats_that_make_no_sense(fields: dict[str, Any], message: str) -> None:
    before = list(FORMATS)
    with pytest.raises(MaskTypeError, match=message):
        register_format(Format(name="it", open=FITS.open, **fields))
    assert before == FORMATS
