"""Arrays that carry their sky grid: what survives a crop, an alignment, a store, and what is refused."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from astropy.wcs import WCS

import maskexpr as mx
from maskexpr.errors import GeometryError
from maskexpr.grid.axis import Axis
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.io.xarray import GRID, geom_from_attrs, geom_of, grid_number, wrap
from maskexpr.pixels.window import Window

ENERGY = Axis("energy", [1, 3, 10, 100] * u.GeV, interp="log")
OFFSET = Axis("offset", [0, 1, 2.5] * u.deg)


def rotated() -> WcsGeom:
    header = fits.Header()
    header.update(
        {"NAXIS": 2, "NAXIS1": 30, "NAXIS2": 20, "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "RADESYS": "FK5"}
    )
    header.update({"CRPIX1": 3.25, "CRPIX2": 40.5, "CRVAL1": 266.4, "CRVAL2": 89.0})
    header.update({"CD1_1": -0.07, "CD1_2": 0.04, "CD2_1": 0.05, "CD2_2": 0.09, "EQUINOX": 2000.0})
    return WcsGeom.from_header(header)


GEOMS = {
    "all-sky": WcsGeom.allsky(binsz=10, frame="galactic"),
    "rotated": rotated(),
    "aitoff": WcsGeom.allsky(binsz=9, proj="AIT"),
    "one pixel": WcsGeom.create(npix=1, binsz=(0.1, 0.3), proj="SIN"),
    "cube": WcsGeom.create(npix=(7, 5), axes=[ENERGY]),
    "two axes": WcsGeom.create(npix=(7, 5), axes=[OFFSET, ENERGY]),
}


@pytest.fixture(params=GEOMS, name="geom")
def any_geom(request: pytest.FixtureRequest) -> WcsGeom:
    return GEOMS[request.param]


def numbers(geom: WcsGeom) -> xr.DataArray:
    return wrap(np.arange(np.prod(geom.shape), dtype=float).reshape(geom.shape), geom, "numbers")


def test_array_is_as_the_design_says(geom: WcsGeom) -> None:
    array = wrap(da.zeros(geom.shape, dtype=bool), geom, "mask", {"note": "n"})
    assert array.dims == (*(axis.name for axis in geom.axes), "y", "x")
    assert array.indexes["y"].tolist() == list(range(geom.shape[-2]))
    assert array["x"].dtype == np.int64
    assert array.attrs == {"note": "n", "grid_mapping": "sky_wcs"}
    assert array[GRID].ndim == 0
    assert int(array[GRID]) == grid_number(geom)
    assert array[GRID].attrs["fingerprint"] == geom.fingerprint
    for axis in geom.axes:
        assert np.array_equal(array[axis.name], axis.center.value)


def test_header_text_is_a_header_astropy_reads(geom: WcsGeom) -> None:
    header = fits.Header.fromstring(geom.to_attrs()["fits_header"], sep="\n")
    y, x = np.mgrid[0 : geom.shape[-2], 0 : geom.shape[-1]]
    assert np.array_equal(WCS(header).wcs_pix2world(x, y, 0), geom.wcs.wcs_pix2world(x, y, 0), equal_nan=True)


def test_geometry_comes_back(geom: WcsGeom) -> None:
    again = geom_of(numbers(geom))
    assert again == geom
    assert again.fingerprint == geom.fingerprint
    assert [axis.interp for axis in again.axes] == [axis.interp for axis in geom.axes]
    assert geom_from_attrs(geom.to_attrs()) == geom


def test_pixels_of_a_crop_keep_their_place() -> None:
    geom = GEOMS["rotated"]
    crop = geom_of(numbers(geom)[5:9, 10:])
    assert crop.shape == (4, 20)
    y, x = np.mgrid[0:4, 0:20]
    for one, other in zip(crop.lonlat(y, x), geom.lonlat(y + 5, x + 10), strict=True):
        assert np.allclose(one, other, rtol=0, atol=1e-11)
    assert geom_of(numbers(geom)[5:9, 10:][1:3, 2:3]) == geom.window(Window(6, 8, 12, 13))


@pytest.mark.parametrize("select", [slice(1, 3), slice(0, 1), slice(None)])
def test_piece_of_an_axis(select: slice) -> None:
    geom = GEOMS["two axes"]
    piece = geom_of(numbers(geom).isel(energy=select))
    edges = ENERGY.edges[range(4)[select.start or 0] : (select.stop or 3) + 1]
    assert piece.axes == (OFFSET, Axis("energy", edges, "log"))


def test_one_bin_leaves_an_image() -> None:
    geom = GEOMS["two axes"]
    assert geom_of(numbers(geom).isel(energy=1)).axes == (OFFSET,)
    assert geom_of(numbers(geom).isel(energy=1, offset=0)) == geom.to_image()


def test_axes_in_the_order_of_the_array() -> None:
    array = numbers(GEOMS["two axes"]).transpose("energy", "offset", "y", "x")
    assert geom_of(array).axes == (ENERGY, OFFSET)
    assert geom_of(array).shape == array.shape


def test_align_concat_and_arithmetic_keep_the_grid() -> None:
    geom = GEOMS["cube"]
    array = numbers(geom)
    top, bottom = array.isel(y=slice(0, 3)), array.isel(y=slice(2, 5))
    one, other = xr.align(top, bottom, join="inner")
    assert geom_of(one) == geom_of(other) == geom.window(Window(2, 3, 0, 7))
    whole = xr.concat([array.isel(y=slice(0, 2)), array.isel(y=slice(2, 5))], dim="y")
    assert geom_of(whole) == geom
    assert geom_of(top * 2 + bottom) == geom.window(Window(2, 3, 0, 7))
    assert geom_of(array > 3) == geom


def test_store_keeps_the_grid(geom: WcsGeom, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    crop = numbers(geom)[..., : max(1, geom.shape[-2] // 2), :]
    crop.to_dataset().to_zarr(tmp_path / "a.zarr", consolidated=False)
    for decode in (True, "all"):
        again = xr.open_zarr(tmp_path / "a.zarr", consolidated=False, decode_coords=decode)["numbers"]
        if again.dims != crop.dims:
            pytest.fail(f"dims changed to {again.dims}")
        assert geom_of(again) == geom_of(crop)
        assert np.array_equal(again.values, crop.values)


def test_coordinates_of_a_huge_map_are_small() -> None:
    geom = WcsGeom.allsky(binsz=0.00025)
    array = wrap(da.zeros(geom.shape, dtype=bool, chunks=100_000), geom)
    assert array.size > 10**12
    assert geom_of(array[:10, 5:20]) == geom.window(Window(0, 10, 5, 20))
    assert array.indexes["x"].memory_usage() < 1000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a[::2], "gapless"),
        (lambda a: a[::-1], "gapless"),
        (lambda a: a[[0, 2, 3]], "gapless"),
        (lambda a: a[[1, 1]], "gapless"),
        (lambda a: a[:0], "empty"),
        (lambda a: a.transpose("x", "y"), "transpose"),
        (lambda a: a.isel(x=0), "'y' and 'x'"),
        (lambda a: a.drop_vars(GRID), "carries no sky grid"),
        (lambda a: a.drop_vars("y")[1:], "no coordinate says which"),
        (lambda a: a.assign_coords(y=a["y"] + 0.5), "whole numbers"),
        (lambda a: a.coarsen(y=2, boundary="trim").mean(), r"geom.downsample\(2\)"),
        (lambda a: a.to_dataset(name="counts"), r"\['counts'\]"),
        (lambda a: a.rename(y="dec").expand_dims("time"), "(array, geom)"),
        (lambda a: a.expand_dims(time=0), "empty"),
        (lambda a: a.values, "DataArray"),
    ],
)
def test_what_has_no_geometry(change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(GeometryError, match=message):
        geom_of(change(numbers(GEOMS["rotated"])))


@pytest.mark.parametrize("select", [[0, 2], slice(None, None, -1), slice(0, 0)])
def test_selection_of_bins_with_gaps(select: object) -> None:
    with pytest.raises(GeometryError, match="gapless run of the bins"):
        geom_of(numbers(GEOMS["cube"]).isel(energy=select))


def test_foreign_or_broken_grid() -> None:
    array = numbers(GEOMS["cube"])
    with pytest.raises(GeometryError, match="lacks the attribute"):
        geom_of(array.assign_coords({GRID: 5}))
    broken = array.copy()
    broken[GRID].attrs["axes"] = "[{"
    with pytest.raises(GeometryError, match="axes"):
        geom_of(broken)


def test_shape_must_fit() -> None:
    with pytest.raises(GeometryError, match="does not fit"):
        wrap(np.zeros((3, 4)), GEOMS["all-sky"])


def test_arithmetic_between_grids_is_noticed() -> None:
    one, other = GEOMS["cube"].to_image(), WcsGeom.create(npix=(7, 5), binsz=0.1)
    with pytest.raises(GeometryError, match="arithmetic"):
        geom_of(numbers(one) + numbers(other))


# ---- what people do with arrays


@pytest.mark.parametrize("lazy", [False, True])
def test_maps_on_different_grids_that_were_put_together(lazy: bool) -> None:
    one, other = (
        wrap(np.zeros((18, 36)), WcsGeom.allsky(binsz=10, frame=frame)) for frame in ("icrs", "galactic")
    )
    both = xr.concat([one, other], dim="time")
    with pytest.raises(GeometryError, match="along 'time' are on different grids"):
        geom_of(both.chunk() if lazy else both)
    assert geom_of(both.isel(time=0)) == geom_of(one)
    again = xr.concat([one, one], dim="time", coords="all")
    assert again[GRID].ndim == 1
    assert geom_of(again) == geom_of(one)


def test_dims_that_are_no_part_of_the_grid() -> None:
    geom = GEOMS["cube"]
    maps = [numbers(geom).isel(energy=0, drop=True)[3:, 5:] for _ in range(3)]
    piece = geom_of(maps[0])
    in_time = xr.concat(maps, "time").chunk(time=1)
    assert geom_of(in_time) == piece
    assert geom_of(in_time.transpose("y", "x", "time")) == piece
    assert geom_of(in_time.where(in_time > 3)) == piece
    assert geom_of(in_time.expand_dims(run=2)[1, 2]) == piece
    assert geom_of(xr.concat([numbers(geom)] * 2, "time")) == geom
    assert geom_of(in_time.map_blocks(lambda block: block + 1, template=in_time)) == piece


def test_values_with_dims_that_are_no_part_of_the_grid() -> None:
    """They have a grid, but they are no map: there is one along time."""
    one = numbers(GEOMS["all-sky"])
    in_time = xr.concat([one, one], "time")
    for leaf in (mx.Threshold, mx.Hysteresis):
        with pytest.raises(GeometryError, match=r"array.isel\(time=0\)"):
            leaf(in_time, ">", 3) if leaf is mx.Threshold else leaf(in_time, 1, 2)
    with pytest.raises(GeometryError, match="isel"):
        mx.Raster(in_time > 3)
    assert mx.Threshold(in_time.isel(time=0), ">", 3).on(in_time).shape == one.shape


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_a_coarsened_map_names_its_grid(factor: int) -> None:
    geom = WcsGeom.create(npix=(60, 30), binsz=0.1)
    coarse = numbers(geom).coarsen(y=factor, x=factor).mean()
    with pytest.raises(GeometryError, match=rf"\(array, geom.downsample\({factor}\)\)"):
        geom_of(coarse)
    mask = mx.Threshold((coarse, geom.downsample(factor)), ">", float(coarse.mean()))
    expected = coarse > coarse.mean()
    np.testing.assert_array_equal(mask.on(geom.downsample(factor)).values, expected.values)


@pytest.mark.parametrize("engine", ["scipy", "netcdf4", "h5netcdf"])
@pytest.mark.parametrize("name", list(GEOMS))
def test_netcdf(engine: str, name: str, tmp_path: Path) -> None:
    pytest.importorskip({"scipy": "scipy", "netcdf4": "netCDF4", "h5netcdf": "h5netcdf"}[engine])
    geom = GEOMS[name]
    mask = mx.Band(lat=("0 deg", "30 deg")).on(geom)
    for array in (mask, mask[..., -3:, -2:], mask.astype(float).where(mask)):
        array.to_netcdf(tmp_path / "a.nc", engine=engine)
        with xr.open_dataarray(tmp_path / "a.nc", engine=engine) as again:
            assert geom_of(again) == geom_of(array)
            assert again.dtype == array.dtype
            xr.testing.assert_equal(again.load(), array.compute())
            assert int(again[GRID]) == int(array[GRID])
            assert geom_of(again & True if again.dtype == bool else again + array) == geom_of(array)
