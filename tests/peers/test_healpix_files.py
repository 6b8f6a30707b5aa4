"""HEALPix files: ours are read by the packages whose formats these are, and theirs by maskexpr."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.table import Table

import maskexpr as mx
from maskexpr import HpxGeom

hp = pytest.importorskip("healpy", reason="HEALPix files by a library of others")
HEALPix = pytest.importorskip("astropy_healpix", reason="cells by a library of others").HEALPix

NSIDE, NUMBER = 32, 12 * 32**2
ENERGY = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
WHOLE = HpxGeom(nside=NSIDE, frame="galactic")
PART = HpxGeom(nside=NSIDE, frame="galactic", cells=[[100, 2500], [6000, 6100], [9000, 9001], [11800, 12288]])
IDS = PART.cells.ids(0, PART.cells.number)
DISC = mx.Region("galactic;circle(10,40,30)")
CUBE = DISC | mx.AxisRange("energy", "1 GeV", "9 GeV") & mx.Region("galactic;circle(0,0,50)")
ORDERINGS: list[dict[str, Any]] = [{}, {"ordering": "ring"}]


def spread(values: np.ndarray, geom: HpxGeom, outside: float = 0.0) -> np.ndarray:
    """Values of cells on the whole sky."""
    if geom.is_allsky:
        return values.astype(float)
    out = np.full((*values.shape[:-1], NUMBER), outside)
    out[..., IDS] = values
    return out


@pytest.mark.parametrize("options", ORDERINGS)
@pytest.mark.parametrize("geom", [WHOLE, PART], ids=["whole", "part"])
def test_healpy_reads_ours(geom: HpxGeom, options: dict[str, Any], tmp_path: Path) -> None:
    path = DISC.write(tmp_path / "m.fits", geom, **options)
    want = spread(DISC.compute(geom).values, geom, hp.UNSEEN)
    read, header = hp.read_map(path, nest=True, h=True)
    np.testing.assert_array_equal(read, want)
    np.testing.assert_array_equal(hp.read_map(path), hp.reorder(want, n2r=True))
    assert dict(header)["COORDSYS"] == "G"


# healpy leaves the file open that it refuses.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_healpy_takes_no_plane_for_all(tmp_path: Path) -> None:
    path = CUBE.write(tmp_path / "m.fits", WHOLE.to_cube([ENERGY]))
    want = CUBE.compute(WHOLE.to_cube([ENERGY])).values
    np.testing.assert_array_equal(hp.read_map(path, field=None, nest=True), want)
    with pytest.raises(ValueError, match="nside"):
        hp.read_map(CUBE.write(tmp_path / "p.fits", PART.to_cube([ENERGY])))


@pytest.mark.parametrize("nest", [False, True])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("idl", [False, True])
def test_we_read_healpy(nest: bool, dtype: Any, idl: bool, tmp_path: Path) -> None:
    values = np.random.default_rng(1).random(NUMBER) < 0.4
    path = tmp_path / "m.fits"
    hp.write_map(path, values.astype(dtype), nest=nest, dtype=dtype, coord="G", fits_IDL=idl)
    read = mx.read_mask(path)
    assert mx.geom_of(read) == WHOLE
    want = values if nest else hp.reorder(values, r2n=True)
    np.testing.assert_array_equal(read.values, want)
    hp.write_map(path, values.astype(dtype), nest=nest, dtype=dtype, fits_IDL=idl, overwrite=True)
    with pytest.raises(mx.MaskError, match="COORDSYS"):
        mx.read_mask(path)
    np.testing.assert_array_equal(mx.read_mask(path, frame="galactic").values, want)


@pytest.mark.parametrize("nest", [False, True])
def test_we_read_parts_of_healpy(nest: bool, tmp_path: Path) -> None:
    values = np.full(NUMBER, hp.UNSEEN)
    values[IDS] = np.random.default_rng(1).random(len(IDS)) < 0.4
    path = tmp_path / "m.fits"
    hp.write_map(path, values if nest else hp.reorder(values, n2r=True), nest=nest, coord="G", partial=True)
    read = mx.read_mask(path)
    assert mx.geom_of(read) == PART
    np.testing.assert_array_equal(read.values, values[IDS])


@pytest.mark.parametrize("options", ORDERINGS)
@pytest.mark.parametrize("geom", [WHOLE, PART], ids=["whole", "part"])
@pytest.mark.parametrize("cube", [False, True])
def test_gammapy_reads_ours(geom: HpxGeom, cube: bool, options: dict[str, Any], tmp_path: Path) -> None:
    maps = pytest.importorskip("gammapy.maps", reason="maps of gammapy")
    mask, grid = (CUBE, geom.to_cube([ENERGY])) if cube else (DISC, geom)
    skymap = maps.Map.read(mask.write(tmp_path / "m.fits", grid, **options))
    assert skymap.geom.frame == "galactic"
    assert skymap.geom.nest is not bool(options)
    want = spread(mask.compute(grid).values, geom)
    found = skymap.data.reshape(-1, NUMBER)
    if options:
        found = np.stack([hp.reorder(each, r2n=True) for each in found])
    np.testing.assert_array_equal(found, want.reshape(-1, NUMBER))
    if cube:
        np.testing.assert_allclose(skymap.geom.axes["energy"].edges.value, ENERGY.edges.value)


@pytest.mark.parametrize("nest", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("cube", [False, True])
def test_we_read_gammapy(nest: bool, sparse: bool, cube: bool, tmp_path: Path) -> None:
    maps = pytest.importorskip("gammapy.maps", reason="maps of gammapy")
    mask, grid = (CUBE, WHOLE.to_cube([ENERGY])) if cube else (DISC, WHOLE)
    want = mask.compute(grid).values
    theirs = grid.to_gammapy()
    data = want if nest else np.stack([hp.reorder(each, n2r=True) for each in want.reshape(-1, NUMBER)])
    geom = maps.HpxGeom(NSIDE, nest=nest, frame="galactic", axes=theirs.axes if cube else None)
    skymap = maps.HpxNDMap(geom, data=data.reshape(geom.data_shape).astype(float))
    path = tmp_path / "m.fits"
    skymap.write(path, sparse=sparse)
    read = mx.read_mask(path)
    assert mx.geom_of(read).to_image() == WHOLE
    np.testing.assert_array_equal(read.values, want)


@pytest.mark.parametrize("nest", [False, True])
def test_we_read_regions_of_gammapy(nest: bool, tmp_path: Path) -> None:
    maps = pytest.importorskip("gammapy.maps", reason="maps of gammapy")
    geom = maps.HpxGeom(NSIDE, nest=nest, frame="galactic", region="DISK(110.,75.,10.)")
    skymap = maps.HpxNDMap(geom, data=(np.arange(geom.data_shape[0]) % 2).astype(float))
    skymap.write(tmp_path / "m.fits")
    read = mx.read_mask(tmp_path / "m.fits")
    assert mx.geom_of(read) == HpxGeom.from_gammapy(geom)
    lon, lat = hp.pix2ang(NSIDE, read["cell_ids"].values, nest=True, lonlat=True)
    np.testing.assert_array_equal(read.values, skymap.get_by_coord((lon, lat)))


def test_gammapy_grids_where_grids_are_taken(tmp_path: Path) -> None:
    maps = pytest.importorskip("gammapy.maps", reason="maps of gammapy")
    theirs = maps.HpxGeom(8, nest=True, frame="galactic")
    ours = HpxGeom(nside=8, frame="galactic")
    want = DISC.compute(ours).values
    np.testing.assert_array_equal(DISC.on(theirs).values, want)
    np.testing.assert_array_equal(DISC.compute(theirs).values, want)
    assert DISC.plan(theirs).n_tiles == DISC.plan(ours).n_tiles
    assert DISC.area(theirs) == DISC.area(ours)
    at = mx.read_mask(DISC.write(tmp_path / "m.fits", theirs))
    np.testing.assert_array_equal(at.values, want)
    lon, lat = hp.pix2ang(8, np.arange(768), nest=True, lonlat=True)
    there = SkyCoord(lon, lat, unit="deg", frame="galactic")
    np.testing.assert_array_equal(DISC.contains(there, geom=theirs), want)


@pytest.mark.parametrize("nest", [False, True])
@pytest.mark.parametrize("region", [None, "DISK(110.,75.,10.)"])
def test_masks_as_maps_of_gammapy(nest: bool, region: str | None) -> None:
    """In the order of the geometry that is given."""
    maps = pytest.importorskip("gammapy.maps", reason="maps of gammapy")
    geom = maps.HpxGeom(NSIDE, nest=nest, frame="galactic", region=region)
    mask = mx.Region("galactic;circle(100,70,12)") | mx.Band(lat=("40 deg", "90 deg"))
    made = mask.to_gammapy(geom)
    assert made.geom == geom
    assert made.data.dtype == bool
    want = mask.contains(geom.get_coord().skycoord)
    assert 0 < want.sum() < want.size
    np.testing.assert_array_equal(made.data.ravel(), want.ravel())


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_xdggs_reads_ours(frame: str) -> None:
    xdggs = pytest.importorskip("xdggs", reason="needs xdggs, an index of cells for xarray")
    geom = HpxGeom(order=4, frame=frame)
    read = xdggs.decode(DISC.on(geom, chunks=1).to_dataset(name="mask"))
    assert read.dggs.grid_info.level == 4
    cells = read.sel(cell_ids=[5, 700, 44])
    np.testing.assert_array_equal(cells["mask"].values, DISC.compute(geom).values[[5, 700, 44]])


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
@pytest.mark.parametrize("convention", ["xdggs", "zarr"])
def test_xdggs_reads_our_stores(frame: str, convention: str, tmp_path: Path) -> None:
    """Cells of a part by either of its conventions; of the whole sky, whose numbers no store holds (xdggs 0.6
    wants them), as `read_mask` opens them.
    """
    xdggs = pytest.importorskip("xdggs", reason="needs xdggs, an index of cells for xarray")
    part = HpxGeom(order=5, frame=frame, cells=[[100, 2500], [6000, 6100], [9000, 9001]])
    path = DISC.write(tmp_path / "part.zarr", part)
    found = xdggs.decode(xr.open_zarr(path, consolidated=False), name="cell_ids", convention=convention)
    assert (found.dggs.grid_info.level, found.dggs.grid_info.indexing_scheme) == (5, "nested")
    np.testing.assert_array_equal(found["cell_ids"], part.cells.ids(0, part.cells.number))
    np.testing.assert_array_equal(found["mask"], DISC.compute(part))
    lon, lat = hp.pix2ang(32, 2450, nest=True, lonlat=True)
    assert found.dggs.sel_latlon([lat], [lon])["cell_ids"].values.tolist() == [2450]
    whole = HpxGeom(order=5, frame=frame)
    opened = mx.read_mask(DISC.write(tmp_path / "whole.zarr", whole)).to_dataset(name="mask")
    some = xdggs.decode(opened).sel(cell_ids=[5, 700, 44])
    np.testing.assert_array_equal(some["mask"].values, DISC.compute(whole).values[[5, 700, 44]])


@pytest.mark.parametrize("convention", ["xdggs", "zarr"])
def test_we_read_stores_of_xdggs(convention: str, tmp_path: Path) -> None:
    """They state no frame."""
    xdggs = pytest.importorskip("xdggs", reason="needs xdggs, an index of cells for xarray")
    values = np.random.default_rng(1).random(len(IDS)) < 0.4
    about = {"grid_name": "healpix", "level": 5, "indexing_scheme": "nested"}
    made = xr.Dataset({"seen": ("cells", values)}, coords={"cell_ids": ("cells", IDS, about)})
    theirs = xdggs.conventions.encode(xdggs.decode(made), convention)
    path = tmp_path / "theirs.zarr"
    theirs.to_zarr(path, consolidated=False)
    with pytest.raises(mx.MaskError, match=r"frame=\"galactic\""):
        mx.read_mask(path)
    read = mx.read_mask(path, frame="galactic")
    assert mx.geom_of(read) == PART
    np.testing.assert_array_equal(read.values, values)
    np.testing.assert_array_equal(read[50:2700].values, values[50:2700])
    np.testing.assert_array_equal(mx.Raster(read).compute(WHOLE).values, spread(values, PART) == 1)


@pytest.mark.parametrize("options", ORDERINGS)
@pytest.mark.parametrize("geom", [WHOLE, PART], ids=["whole", "part"])
def test_astropy_reads_ours(geom: HpxGeom, options: dict[str, Any], tmp_path: Path) -> None:
    """As a table, whose cells astropy-healpix places."""
    table = Table.read(DISC.write(tmp_path / "m.fits", geom, **options), hdu=1)
    order = "ring" if options else "nested"
    assert table.meta["ORDERING"].lower() == order
    ids = np.asarray(table["PIX"]) if geom is PART else np.arange(len(table))
    lon, lat = HEALPix(NSIDE, order=order, frame="galactic").healpix_to_lonlat(ids)
    there = SkyCoord(lon, lat, frame="galactic")
    inside = there.separation(SkyCoord("10d", "40d", frame="galactic")).deg < 30
    np.testing.assert_array_equal(np.asarray(table[table.colnames[-1]]).astype(bool), inside)
    assert len(table) == geom.array_shape[0]


@pytest.mark.parametrize("geom", [WHOLE, PART], ids=["whole", "part"])
def test_healsparse_reads_ours(geom: HpxGeom, tmp_path: Path) -> None:
    healsparse = pytest.importorskip("healsparse", reason="needs healsparse, sparse HEALPix maps")
    read = healsparse.HealSparseMap.read(str(DISC.write(tmp_path / "m.hsp", geom)))
    assert read.nside_sparse == NSIDE
    np.testing.assert_array_equal(
        read.get_values_pix(np.arange(NUMBER)), spread(DISC.compute(geom).values, geom)
    )


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("compress", [False, True])
def test_we_read_healsparse(packed: bool, compress: bool, tmp_path: Path) -> None:
    healsparse = pytest.importorskip("healsparse", reason="needs healsparse, sparse HEALPix maps")
    made = healsparse.HealSparseMap.make_empty(4, NSIDE, bool, bit_packed=packed)
    some = np.random.default_rng(1).choice(NUMBER // 3, 500, replace=False)
    made[np.sort(some)] = True
    path = tmp_path / "m.hsp"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.write(str(path), nocompress=not compress)
    read = mx.read_mask(path)
    np.testing.assert_array_equal(np.sort(some), read["cell_ids"].values[read.values])


@pytest.mark.parametrize("options", ORDERINGS)
@pytest.mark.parametrize("geom", [WHOLE, PART], ids=["whole", "part"])
def test_healpy_reads_weights(geom: HpxGeom, options: dict[str, Any], tmp_path: Path) -> None:
    weights = DISC.apodize(geom, "10 deg")
    path = weights.maskexpr.write(tmp_path / "w.fits", **options)
    want = spread(weights.values, geom, hp.UNSEEN)
    found = hp.read_map(path, nest=True, dtype=None, partial=not geom.is_allsky)
    assert found.dtype == np.dtype(">f4") or found.dtype == np.float32
    np.testing.assert_array_equal(found.astype(np.float32), want.astype(np.float32))


@pytest.mark.parametrize("geom", [WHOLE, PART], ids=["whole", "part"])
def test_gammapy_reads_weights(geom: HpxGeom, tmp_path: Path) -> None:
    maps = pytest.importorskip("gammapy.maps", reason="maps of gammapy")
    weights = DISC.apodize(geom, "10 deg")
    found = maps.Map.read(weights.maskexpr.write(tmp_path / "w.fits"))
    assert found.data.dtype.kind == "f"
    lon, lat = hp.pix2ang(NSIDE, np.arange(NUMBER) if geom.is_allsky else IDS, nest=True, lonlat=True)
    np.testing.assert_array_equal(found.get_by_coord((lon, lat)), weights.values)
    image = DISC.apodize(mx.WcsGeom.allsky(binsz=5), "20 deg")
    found = maps.Map.read(image.maskexpr.write(tmp_path / "i.fits"), hdu="WEIGHT")
    np.testing.assert_array_equal(found.data, image.values)
