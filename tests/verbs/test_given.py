"""Other people's objects are taken as what they stand for; what is none of them is refused by its name."""

from __future__ import annotations

import operator
from types import SimpleNamespace

import astropy.units as u
import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.table import QTable, Table
from astropy.wcs import WCS

import maskexpr as mx
from maskexpr.errors import AxisError, ComparisonError, FormatError, GeometryError, MaskTypeError

GEOM = mx.WcsGeom.create(skydir=(83.6, 22.0), npix=(40, 30), binsz=0.1, proj="TAN", frame="icrs")
CUBE = GEOM.to_cube([mx.Axis("energy", [1, 10, 100] * u.GeV)])
MASK = mx.Region("icrs;circle(83.6,22,1)")
EXPECTED = MASK.compute(GEOM).values


def wcs_with_shape():
    wcs = WCS(GEOM.to_header())
    wcs.array_shape = GEOM.shape
    return wcs


def three_axes():
    header = CUBE.to_image().to_header()
    header["NAXIS"] = 3
    header["NAXIS3"], header["CTYPE3"], header["CUNIT3"] = 5, "FREQ", "Hz"
    header["CRPIX3"], header["CRVAL3"], header["CDELT3"] = 1, 1e9, 1e6
    wcs = WCS(header)
    wcs.array_shape = (5, *GEOM.shape)
    return wcs


GIVEN = {
    "a header": lambda: GEOM.to_header(),
    "a WCS with a shape": wcs_with_shape,
    "a WCS and a shape": lambda: (WCS(GEOM.to_header()), GEOM.shape),
    "a WCS of a cube": three_axes,
    "NDData": lambda: NDData(np.zeros(GEOM.shape), wcs=WCS(GEOM.to_header())),
    "CCDData": lambda: CCDData(np.zeros(GEOM.shape), unit="adu", wcs=WCS(GEOM.to_header())),
    "a DataArray": lambda: mx.AllSky().on(GEOM),
    "a masked DataArray": lambda: mx.AllSky().on(GEOM).where(MASK.on(GEOM)),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_grid(name, tmp_path):
    given = GIVEN[name]()
    np.testing.assert_array_equal(MASK.on(given).values, EXPECTED)
    np.testing.assert_array_equal(MASK.compute(given).values, EXPECTED)
    np.testing.assert_array_equal(MASK.to_array(given), EXPECTED)
    assert MASK.plan(given).n_tiles == 1
    assert MASK.area(given) == MASK.area(GEOM)
    assert MASK.fsky(given) == MASK.fsky(GEOM)
    assert "Plan for" in MASK.explain(given)
    assert MASK.contains(SkyCoord(83.6, 22, unit="deg"), geom=given)
    np.testing.assert_array_equal(mx.read_mask(MASK.write(tmp_path / "m.fits", given)).values, EXPECTED)


def no_shape():
    return WCS(GEOM.to_header()).sub([1, 2])


REFUSED = {
    "text": ("geom.fits", MaskTypeError, "WcsGeom.read"),
    "a number": (3, MaskTypeError, "got an int"),
    "an array": (np.zeros((3, 3)), MaskTypeError, "numpy ndarray"),
    "a DataArray without a grid": (xr.DataArray(np.zeros((3, 3))), GeometryError, "carries no sky grid"),
    "NDData without a WCS": (NDData(np.zeros((3, 3))), GeometryError, "has no wcs"),
    "a table": (Table({"a": [1]}), MaskTypeError, "astropy Table"),
    "a header without a sky": (
        fits.Header({"NAXIS": 2, "CRVAL1": 1.0}),
        GeometryError,
        "no usable WCS",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_grid(name):
    given, error, words = REFUSED[name]
    for verb in (MASK.on, MASK.compute, MASK.plan, MASK.area, MASK.to_array):
        with pytest.raises(error, match=words):
            verb(given)


def test_a_wcs_without_a_shape():
    wcs = WCS(GEOM.to_header())
    wcs.array_shape = None
    with pytest.raises(GeometryError, match=r"array_shape = \(ny, nx\)"):
        MASK.on(wcs)


def gammapys(name, interp="log"):
    """What is asked of an axis of gammapy."""
    return SimpleNamespace(name=name, edges=[1, 10, 100] * u.GeV, interp=interp, node_type="edges")


def test_an_axis_of_gammapy():
    energy = mx.Axis("energy", [1, 10, 100] * u.GeV, "log")
    for grid in (GEOM, mx.HpxGeom(order=1)):
        assert grid.to_cube([gammapys("energy")]).axes == (energy,)
    assert mx.WcsGeom.create(npix=4, axes=[gammapys("energy")]).axes == (energy,)
    # There the first is the innermost.
    with pytest.raises(
        AxisError, match=r"maskexpr.Axis\(axis.name, axis.edges, axis.interp\) of each, the outer"
    ):
        GEOM.to_cube([gammapys("energy"), gammapys("time")])
    with pytest.raises(AxisError, match="no bins along a quantity"):
        GEOM.to_cube([gammapys("time", None)])


@pytest.mark.parametrize("kind", [Table, QTable])
def test_positions_of_a_table(kind):
    table = kind({"RAJ2000": [83.6, 10.0] * u.deg, "DEJ2000": [22.0, 10.0] * u.deg})
    assert MASK.contains(table).tolist() == [True, False]
    with_coord = QTable({"sky": SkyCoord([83.6, 10.0], [22.0, 10.0], unit="deg")})
    assert MASK.contains(with_coord).tolist() == [True, False]


@pytest.mark.parametrize("name", ["a header", "a WCS and a shape", "a WCS without one", "a DataArray"])
def test_the_grid_of_an_array(name):
    given = WCS(GEOM.to_header()) if name == "a WCS without one" else GIVEN[name]()
    assert mx.Raster((EXPECTED, given)) == mx.Raster((EXPECTED, GEOM))


def test_regions_in_a_list():
    texts = ["icrs;circle(83.6,22,1);-circle(83.6,22,0.5)", "icrs;circle(83.6,22,0.2)"]
    want = mx.Region(texts[0]) | mx.Region(texts[1])
    made = mx.Region(texts)
    np.testing.assert_array_equal(made.compute(GEOM).values, want.compute(GEOM).values)
    assert mx.loads(mx.dumps(made)) == made


def test_positions_on_a_grid():
    class Events:  # stands for gammapy's
        radec = SkyCoord([83.6, 10.0], [22.0, 10.0], unit="deg")

    assert GEOM.contains(Events()).tolist() == [True, False]
    assert mx.HpxGeom.from_mask(MASK, 6).contains(Events()).tolist() == [True, False]


def test_positions_that_are_none():
    with pytest.raises(FormatError, match="columns: a"):
        MASK.contains(Table({"a": [1]}))
    with pytest.raises(MaskTypeError, match="got a list"):
        MASK.contains([83.6, 22.0])


def test_polarity():
    np.testing.assert_array_equal(MASK.to_array(GEOM, masked=True), ~EXPECTED)
    assert np.ma.array(np.ones(GEOM.shape), mask=MASK.to_array(GEOM, masked=True)).sum() == EXPECTED.sum()


# ---- arrays beside masks

ARRAYS = {
    "numpy": lambda: np.ones(GEOM.shape, bool),
    "dask": lambda: da.ones(GEOM.shape, dtype=bool),
    "xarray": lambda: mx.AllSky().on(GEOM),
    "a masked column": lambda: np.ma.ones(3, bool),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("sign", ["&", "|", "^", "-"])
def test_a_mask_and_an_array_say_what_to_write(name, sign):
    work = {"&": operator.and_, "|": operator.or_, "^": operator.xor, "-": operator.sub}[sign]
    array = ARRAYS[name]()
    for pair in ((MASK, array), (array, MASK)):
        with pytest.raises(MaskTypeError, match=r"Raster\(\(array, geom\)\)"):
            work(*pair)


COMPARED = ARRAYS | {
    "pandas Series": lambda: pd.Series([True]),
    "pandas DataFrame": lambda: pd.DataFrame({"a": [1]}),
    "pandas MultiIndex": lambda: pd.MultiIndex.from_tuples([(1, 2)]),
    "xarray Dataset": lambda: xr.Dataset({"z": mx.AllSky().on(GEOM)}),
    "a column": lambda: Table({"a": [1]})["a"],
    "a Quantity": lambda: [1] * u.deg,
    "NDData": lambda: NDData(np.zeros(3)),
    "CCDData": lambda: CCDData(np.zeros(3), unit="adu"),
    "positions": lambda: SkyCoord([1], [2], unit="deg"),
    "a position in a frame": lambda: SkyCoord(1, 2, unit="deg").frame,
    "True": lambda: True,
}
# numpy.ma makes an array of what it compares with before anybody is asked.
COMPARED.pop("a masked column")


@pytest.mark.parametrize("name", COMPARED)
def test_a_comparison_with_an_array_is_an_error(name):
    array = COMPARED[name]()
    for pair in ((MASK, array), (array, MASK)):
        with pytest.raises(ComparisonError, match="compares with masks"):
            pair[0] == pair[1]  # noqa: B015
        with pytest.raises(ComparisonError, match="compares with masks"):
            pair[0] != pair[1]  # noqa: B015


TABLES = {
    "a table": lambda: Table({"a": [1]}),
    "a table of quantities": lambda: QTable({"a": [1] * u.deg}),
    "a masked table": lambda: Table({"a": np.ma.masked_array([1, 2], [True, False])}),
    "a row": lambda: Table({"a": [1]})[0],
    "a structured array": lambda: Table({"a": [1]}).as_array(),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_comparison_with_a_table_is_an_error(name):
    """Not a TypeError nor a ValueError, of which the table would make False."""
    table = TABLES[name]()
    for compare in (operator.eq, operator.ne):
        with pytest.raises(ComparisonError, match="compares with masks"):
            compare(MASK, table)
        with pytest.warns(DeprecationWarning, match="elementwise"), pytest.raises(ComparisonError):
            compare(table, MASK)


@pytest.mark.parametrize("sign", [operator.and_, operator.or_, operator.xor, operator.sub])
def test_pandas_leaves_the_answer_to_the_mask(sign):
    for data in (pd.Series([True]), pd.DataFrame({"a": [True]}), pd.Index([True])):
        for pair in ((MASK, data), (data, MASK)):
            with pytest.raises(MaskTypeError, match=r"Raster\(\(array, geom\)\)"):
                sign(*pair)


def test_what_is_no_array_is_not_equal():
    for other in (3, None, "icrs;circle(83.6,22,1)", [True], {}, GEOM, WCS(GEOM.to_header())):
        assert not MASK == other  # noqa: SIM201, SIM300
        assert other != MASK


def test_a_mask_and_something_else():
    with pytest.raises(MaskTypeError, match="& takes masks, got an int"):
        MASK & 3
    with pytest.raises(MaskTypeError, match="got the str"):
        "a" | MASK
    with pytest.raises(MaskTypeError, match=r"mask.contains\(positions\)"):
        SkyCoord(1, 2, unit="deg") in MASK  # noqa: B015


# ---- xarray


def test_the_accessor(tmp_path):
    array = MASK.on(GEOM)
    assert array.maskexpr.geom == GEOM
    assert array[3:, 5:9].maskexpr.geom == mx.geom_of(array[3:, 5:9])
    assert array.maskexpr.contains(SkyCoord([83.6, 10.0], [22.0, 10.0], unit="deg")).tolist() == [True, False]
    with pytest.raises(MaskTypeError, match="float64"):
        array.astype(float).maskexpr.contains(SkyCoord(83.6, 22, unit="deg"))
    pytest.importorskip("matplotlib")
    assert array.maskexpr.plot().get_title()


def test_like_takes_over_dims_labels_and_chunks():
    cube = xr.DataArray(
        da.zeros((4, 2, *GEOM.shape), chunks=(1, 1, 10, 20)),
        dims=("time", "energy", "dec", "ra"),
        coords={"dec": np.arange(30) * 2.0, "ra": np.arange(40) - 5, "time": [1, 2, 3, 4]},
    )
    mask = MASK.on(GEOM, like=cube)
    assert mask.dims == ("dec", "ra")
    assert mask.chunks == ((10, 10, 10), (20, 20))
    np.testing.assert_array_equal(mask.ra, cube.ra)
    np.testing.assert_array_equal(mask.values, EXPECTED)
    assert cube.where(mask).shape == cube.shape
    varying = (MASK & mx.AxisRange("energy", "10 GeV", None)).on(CUBE, like=cube)
    assert varying.dims == ("energy", "dec", "ra")
    assert MASK.on(like=mx.AllSky().on(GEOM)).identical(MASK.on(like=MASK.on(GEOM)))


def test_like_of_cells():
    """A cube on HEALPix has one dim of the map."""
    geom = mx.HpxGeom(order=2)
    cube = xr.DataArray(da.ones((3, 192), chunks=(1, 48)), dims=("time", "pix"))
    made = mx.Band(lat=("0 deg", "90 deg")).on(geom, like=cube)
    assert (made.dims, made.chunks) == (("pix",), ((48,) * 4,))
    assert cube.where(made).sum("pix").values.tolist() == [made.sum()] * 3
    with pytest.raises(GeometryError, match="last dims"):
        MASK.on(geom, like=cube.T)


def test_like_that_does_not_fit():
    with pytest.raises(GeometryError, match="last dims"):
        MASK.on(GEOM, like=xr.DataArray(np.zeros((3, 3))))
    with pytest.raises(GeometryError, match="no dim 'energy'"):
        MASK.on(CUBE, like=xr.DataArray(np.zeros((5, *GEOM.shape)), dims=("time", "y", "x")))
    with pytest.raises(MaskTypeError, match="takes a grid"):
        MASK.on()


@pytest.mark.parametrize(
    "geom",
    [mx.WcsGeom.allsky(binsz=10), mx.WcsGeom.allsky(binsz=10, proj="AIT"), GEOM],
    ids=["CAR", "AIT", "TAN"],
)
def test_world_coordinates(geom):
    mask = MASK.on(geom, coords="world")
    ny, nx = geom.image_shape
    lon, lat = WCS(geom.to_header()).wcs_pix2world(*np.meshgrid(np.arange(nx), np.arange(ny)), 0)
    assert mask.lon.ndim == (1 if geom.projection == "CAR" else 2)
    found = np.broadcast_to(mask.lon, (ny, nx)), np.broadcast_to(mask.lat.values.reshape(ny, -1), (ny, nx))
    on_sky = np.isfinite(lon)
    np.testing.assert_allclose((found[0][on_sky] - lon[on_sky] + 180) % 360, 180, atol=1e-9)
    np.testing.assert_allclose(found[1][on_sky], lat[on_sky], atol=1e-9)
    with pytest.raises(ValueError, match="'pixel' or 'world'"):
        MASK.on(geom, coords="sky")


def test_world_coordinates_of_cells():
    """Each is the place of its own cell: one that holds it, and the only one of the grid that does."""
    geom = mx.HpxGeom(order=4, frame="galactic", cells=[[5, 90], [700, 900]])
    mask = MASK.on(geom, coords="world")
    assert mask.lon.chunks is not None
    assert mask.lon.dims == mask.lat.dims == ("cells",)
    for lon, lat, cell in zip(mask.lon.values, mask.lat.values, mask.cell_ids.values, strict=True):
        alone = mx.HpxGeom(order=4, frame="galactic", cells=[int(cell)])
        assert alone.contains(SkyCoord(lon, lat, unit="deg", frame="galactic"))
