"""Files between maskexpr and gammapy 2.1, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from numpy.typing import NDArray

maps = pytest.importorskip("gammapy.maps")
pytest.importorskip("zarr")

from maskexpr.errors import FormatError, MaskTypeError  # noqa: E402
from maskexpr.grid.wcs.geom import WcsGeom  # noqa: E402
from maskexpr.io.formats import open_writer  # noqa: E402
from maskexpr.io.gammapy import from_gammapy_map, to_gammapy_map  # noqa: E402
from maskexpr.io.given_map import as_source  # noqa: E402
from maskexpr.io.read import read_map, read_mask  # noqa: E402
from maskexpr.io.sources import ArraySource, FileSource  # noqa: E402
from maskexpr.io.writer import Patch  # noqa: E402
from maskexpr.io.xarray import geom_of, wrap  # noqa: E402
from maskexpr.pixels.window import Window  # noqa: E402

ENERGY = maps.MapAxis.from_energy_bounds("10 GeV", "2 TeV", nbin=3)
RAD = maps.MapAxis.from_edges([0, 1, 2.5], unit="deg", name="rad")
AXES = {"image": [], "cube": [ENERGY], "two axes": [ENERGY, RAD]}
TEXTS = {"expression": "x" * 5000, "hash": "0f" * 16}


def gammapy_geom(kind: str) -> Any:
    return maps.WcsGeom.create(
        skydir=(184, -5), npix=(40, 30), binsz=(0.05, 0.1), proj="TAN", frame="galactic", axes=AXES[kind]
    )


def gammapy_mask(kind: str) -> Any:
    geom = gammapy_geom(kind)
    values = np.random.default_rng(1).random(geom.data_shape) < 0.3
    return maps.WcsNDMap(geom, data=values)


def write(path: Path, mask: Any) -> tuple[WcsGeom, NDArray[np.bool_]]:
    geom = WcsGeom.from_gammapy(mask.geom)
    with open_writer(path, geom, (16, 32), TEXTS) as writer:
        for y in range(0, 30, 16):
            for x in range(0, 40, 32):
                window = Window(y, min(y + 16, 30), x, min(x + 32, 40))
                writer.store(Patch(window, mask.data[..., y : y + 16, x : x + 32]))
    return geom, mask.data


@pytest.fixture(params=AXES, name="kind")
def any_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
@pytest.mark.parametrize("hdu", [None, "MASK"])
def test_gammapy_reads_ours_as_a_mask(kind: str, suffix: str, hdu: str | None, tmp_path: Path) -> None:
    mask = gammapy_mask(kind)
    write(tmp_path / f"m{suffix}", mask)
    found = maps.Map.read(tmp_path / f"m{suffix}", hdu=hdu)
    assert found.is_mask
    assert found.data.dtype == bool
    assert np.array_equal(found.data, mask.data)
    assert found.geom == mask.geom
    assert [axis.name for axis in found.geom.axes] == [axis.name for axis in mask.geom.axes]
    for one, other in zip(found.geom.axes, mask.geom.axes, strict=True):
        assert np.array_equal(one.edges.to_value(other.unit), other.edges.value)
        assert one.interp == other.interp
    # Usable as one: as a boolean index, and combined with another.
    assert np.array_equal((found & ~mask).data, np.zeros_like(mask.data))


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
@pytest.mark.parametrize(
    ("hdu", "sparse"), [(None, False), ("PRIMARY", False), ("MYMASK", False), ("SKYMAP", True)]
)
def test_we_read_gammapys(kind: str, suffix: str, hdu: str | None, sparse: bool, tmp_path: Path) -> None:
    mask = gammapy_mask(kind)
    path = tmp_path / f"m{suffix}"
    mask.write(path, hdu=hdu, sparse=sparse)
    for asked in (None, hdu):
        found = read_mask(path, asked)
        assert found.dtype == bool
        assert geom_of(found) == WcsGeom.from_gammapy(mask.geom)
        assert np.array_equal(found, mask.data)


@pytest.mark.parametrize("format", ["fgst-ccube", "gadf"])
def test_cubes_by_other_conventions(format: str, tmp_path: Path) -> None:
    mask = gammapy_mask("cube")
    mask.write(tmp_path / "m.fits", format=format)
    found = read_mask(tmp_path / "m.fits")
    assert np.array_equal(found, mask.data)
    edges = geom_of(found).axes[0].edges
    assert u.allclose(edges, mask.geom.axes[0].edges, rtol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_maps_of_numbers(kind: str, dtype: str, sparse: bool, tmp_path: Path) -> None:
    geom = gammapy_geom(kind)
    values = np.random.default_rng(2).poisson(1, geom.data_shape).astype(dtype)
    maps.WcsNDMap(geom, data=values, unit="s-1").write(tmp_path / "m.fits", hdu="COUNTS", sparse=sparse)
    found = read_map(tmp_path / "m.fits")
    assert np.array_equal(found, values)
    assert u.Unit(found.attrs["units"]) == u.Unit("s-1")
    source = FileSource(str(tmp_path / "m.fits"), "COUNTS")
    plane = (1,) * (values.ndim - 2)
    assert np.array_equal(source.read(Window(3, 20, 5, 33), plane), values[plane][3:20, 5:33])


def test_counts_are_not_a_mask(tmp_path: Path) -> None:
    maps.WcsNDMap(gammapy_geom("image"), data=np.full((30, 40), 2.0)).write(tmp_path / "m.fits")
    with pytest.raises(FormatError, match="0 and 1 only"):
        read_mask(tmp_path / "m.fits").compute()


def test_maps_in_memory(kind: str) -> None:
    mask = gammapy_mask(kind)
    array = from_gammapy_map(mask)
    assert geom_of(array) == WcsGeom.from_gammapy(mask.geom)
    assert np.array_equal(array, mask.data)
    again = to_gammapy_map(array)
    assert again.is_mask
    assert again.geom == mask.geom
    assert np.array_equal(again.data, mask.data)
    source = as_source(mask)
    assert isinstance(source, ArraySource)
    assert source.open().geom == WcsGeom.from_gammapy(mask.geom)


def test_crop_as_gammapy_map() -> None:
    mask = gammapy_mask("cube")
    crop = to_gammapy_map(from_gammapy_map(mask)[1:, 5:20, 10:30])
    assert np.array_equal(crop.data, mask.data[1:, 5:20, 10:30])
    centre = crop.geom.pix_to_coord((0, 0, 0))
    expected = mask.geom.pix_to_coord((10, 5, 1))
    assert all(u.allclose(one, other, rtol=1e-12) for one, other in zip(centre, expected, strict=True))


def test_unit_travels() -> None:
    geom = gammapy_geom("image")
    array = from_gammapy_map(maps.WcsNDMap(geom, data=np.ones((30, 40)), unit="cm2 s"))
    assert to_gammapy_map(array * 1.0).unit in (u.Unit("cm2 s"), u.Unit(""))
    assert to_gammapy_map(array).unit == u.Unit("cm2 s")


def test_other_kinds_of_maps() -> None:
    region = maps.RegionNDMap.create("icrs;circle(83, 22, 1)")
    with pytest.raises(MaskTypeError, match="WcsNDMap or HpxNDMap, got RegionNDMap"):
        from_gammapy_map(region)
    with pytest.raises(MaskTypeError, match="WcsNDMap"):
        as_source(region)
    with pytest.raises(MaskTypeError, match="WcsNDMap"):
        from_gammapy_map(wrap(np.zeros((180, 360)), WcsGeom.allsky(binsz=1)))


@pytest.mark.parametrize(
    "hdu", ["COUNTS", "EXPOSURE", "BACKGROUND", "EDISP", "EDISP_EXPOSURE", "PSF", "PSF_EXPOSURE", "MASK_SAFE"]
)
def test_the_tutorials_dataset(hdu: str, shared: Path) -> None:
    path = shared / "data" / "fermi-3fhl-crab" / "Fermi-LAT-3FHL_data_Fermi-LAT.fits"
    expected = maps.Map.read(path, hdu=hdu)
    found = read_mask(path, hdu) if expected.is_mask else read_map(path, hdu)
    assert geom_of(found).shape == expected.geom.data_shape
    assert found.dtype == (bool if hdu == "MASK_SAFE" else expected.data.dtype.newbyteorder("="))
    assert np.array_equal(found, expected.data)
