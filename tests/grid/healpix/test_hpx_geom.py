"""`HpxGeom`: what it takes and refuses, what its arrays are."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from astropy.coordinates import SkyCoord

import maskexpr as mx
from maskexpr import HpxGeom
from maskexpr.errors import AxisError, GeometryError, LimitError, MaskError, MaskTypeError, MaskValueError

ENERGY = mx.Axis.from_bounds("energy", "1 GeV", "1 TeV", 3)
CIRCLE = mx.Region("galactic;circle(20,40,25)")
SKY = mx.WcsGeom.allsky(binsz=5)
BITS = np.random.default_rng(0).random(SKY.shape) < 0.5, SKY


def test_what_it_is() -> None:
    geom = HpxGeom(nside=8, frame="galactic", axes=[ENERGY])
    assert (geom.order, geom.nside, geom.frame, geom.shape) == (3, 8, "galactic", (3, 768))
    assert geom == HpxGeom.allsky(order=3, frame="galactic", axes=[ENERGY])
    assert geom != HpxGeom(order=3, axes=[ENERGY])
    assert geom.fingerprint != HpxGeom(order=3, frame="galactic", cells=[[0, 767]], axes=[ENERGY]).fingerprint
    assert HpxGeom(order=3, cells=[[0, 768]]) == HpxGeom(order=3)
    assert HpxGeom(order=3, cells=[4, 3]) == HpxGeom(order=3, cells=[[3, 5]])
    assert pickle.loads(pickle.dumps(geom)) == geom
    with pytest.raises(AttributeError, match="immutable"):
        geom.order = 4  # type: ignore[misc]
    assert repr(HpxGeom(order=10)) == "HpxGeom(order 10 icrs, all 12582912 cells of 3.44 arcmin)"
    assert "HpxGeom" in geom._repr_html_()


@pytest.mark.parametrize("frame", ["icrs", "fk5", "galactic", "supergalactic", "barycentricmeanecliptic"])
def test_frames(frame: str) -> None:
    geom = HpxGeom(order=4, frame=frame)
    there = SkyCoord(*geom.lonlat(*np.indices(geom.image_shape)), unit="deg", frame=frame)
    on_sky = np.isfinite(there.data.lon.deg)
    want = there[on_sky].separation(SkyCoord(20, 40, unit="deg", frame="galactic")).deg < 25
    ids = np.argsort(_cells_of(geom, on_sky))
    np.testing.assert_array_equal(CIRCLE.compute(geom).values, want[ids])


def _cells_of(geom: HpxGeom, on_sky: np.ndarray) -> np.ndarray:
    (place,) = geom.places(*np.nonzero(on_sky))
    return place


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, MaskValueError),
        ({"order": 3, "nside": 8}, MaskValueError),
        ({"order": 30}, MaskValueError),
        ({"nside": 12}, MaskValueError),
        ({"nside": 8.0}, MaskValueError),
        ({"order": 3, "frame": "altaz"}, MaskError),
        ({"order": 3, "frame": "fk4"}, GeometryError),
        ({"order": 3, "frame": "hcrs"}, GeometryError),
        ({"order": 3, "frame": "geocentricmeanecliptic"}, GeometryError),
        ({"order": 3, "frame": 1}, MaskError),
        ({"order": 3, "axes": ENERGY}, AxisError),
        ({"order": 3, "axes": [ENERGY, ENERGY]}, AxisError),
        ({"order": 3, "axes": [mx.Axis("cells", [0, 1] * u.s)]}, AxisError),
        (
            {"order": 3, "cells": mx.Moc([[0, 1]], 1), "frame": "galactic"},
            GeometryError,
        ),
    ],
)
def test_what_it_refuses(arguments: dict[str, object], error: type[MaskError]) -> None:
    with pytest.raises(error):
        HpxGeom(**arguments)  # type: ignore[arg-type]


def test_cells_of_a_mask() -> None:
    part = HpxGeom.from_mask(CIRCLE, order=5, frame="galactic", axes=[ENERGY])
    held = CIRCLE.compute(HpxGeom(order=5, frame="galactic")).values
    assert part == HpxGeom(order=5, frame="galactic", cells=np.flatnonzero(held), axes=[ENERGY])
    assert CIRCLE.compute(part).values.all()
    with pytest.raises(MaskValueError, match="at least one"):
        HpxGeom.from_mask(mx.NoSky(), order=2)
    with pytest.raises(MaskTypeError, match="mask"):
        HpxGeom.from_mask("circle", order=2)


@pytest.mark.parametrize("mask", [CIRCLE, ~CIRCLE, CIRCLE.dilate("9 deg"), CIRCLE & mx.Raster(BITS)], ids=str)
def test_cells_of_a_mask_are_those_that_it_selects_on_the_whole_sky(mask: mx.Mask) -> None:
    for frame in ("icrs", "galactic"):
        selected = np.flatnonzero(mask.compute(HpxGeom(order=4, frame=frame)).values)
        assert HpxGeom.from_mask(mask, 4, frame) == HpxGeom(order=4, frame=frame, cells=selected)


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_grids_of_more_chunks_than_there_may_be(frame: str) -> None:
    whole = HpxGeom(order=24, frame=frame)
    with pytest.raises(LimitError):
        whole.layout()
    spot = mx.Region('icrs;circle(10,20,1")')
    part = HpxGeom.from_mask(spot, 24, frame)
    size = part.array_shape[0] * float(whole.largest_pixel)
    assert size == pytest.approx(np.pi * np.radians(1 / 3600) ** 2, rel=0.01)
    there = SkyCoord([10, 10], [20, 20.01], unit="deg")
    assert spot.contains(there, whole).tolist() == [True, False]
    assert part.contains(there).tolist() == [True, False]


def test_arrays_of_the_whole_sky_hold_no_numbers_of_cells() -> None:
    array = mx.AllSky().on(HpxGeom(order=20))
    assert array.dims == ("cells",)
    assert array.sizes["cells"] == 12 * 4**20
    assert array["cell_ids"].attrs == {"grid_name": "healpix", "level": 20, "indexing_scheme": "nested"}
    assert isinstance(array.indexes["cell_ids"], pd.RangeIndex)
    # One by one: of a list older versions of dask number all cells.
    assert [bool(array.sel(cell_ids=each)) for each in (5, 10**12)] == [True, True]
    assert array.isel(cells=slice(7, 9))["cell_ids"].values.tolist() == [7, 8]


def test_the_grid_of_an_array() -> None:
    geom = HpxGeom(order=3, frame="galactic", axes=[ENERGY])
    part = HpxGeom(order=3, frame="galactic", cells=[[3, 9], [50, 99]])
    for each in (geom, part, geom.to_image()):
        array = CIRCLE.on(each)
        assert mx.geom_of(array) == each
        assert mx.geom_of(array.compute().copy()) == each
    array = CIRCLE.on(geom)
    assert mx.geom_of(array[1:, 5:20]) == HpxGeom(
        order=3,
        frame="galactic",
        cells=[[5, 20]],
        axes=[mx.Axis("energy", ENERGY.edges[1:], "log")],
    )
    assert mx.geom_of(array[:, ::7]) == HpxGeom(
        order=3, frame="galactic", cells=range(0, 768, 7), axes=[ENERGY]
    )
    with pytest.raises(GeometryError, match="ascending"):
        mx.geom_of(array[:, ::-1])
    with pytest.raises(GeometryError, match="last dim"):
        mx.geom_of(array.transpose("cells", "energy"))
    assert mx.geom_of(array.drop_vars("cell_ids")) == geom
    with pytest.raises(GeometryError, match="which"):
        mx.geom_of(array[:, :5].drop_vars("cell_ids"))


def test_arrays_survive_files_of_xarray(tmp_path: object) -> None:
    array = CIRCLE.compute(HpxGeom(order=3, cells=[[3, 90]]))
    array.to_dataset(name="mask").to_zarr(f"{tmp_path}/a.zarr", consolidated=False)
    again = xr.open_zarr(f"{tmp_path}/a.zarr", consolidated=False)["mask"]
    assert mx.geom_of(again) == HpxGeom(order=3, cells=[[3, 90]])
    np.testing.assert_array_equal(again.values, array.values)


def test_planar_things_say_so() -> None:
    geom = HpxGeom(order=3)
    for mask in (
        CIRCLE.dilate(3 * u.pix, metric="pixel"),
        mx.Boundary(3 * u.pix, metric="pixel"),
        mx.Region("image;circle(3,3,2)", metric="pixel"),
    ):
        with pytest.raises(GeometryError, match="plane of a WcsGeom"):
            mask.on(geom)
    assert mx.Boundary("3 deg").compute(geom).values.all(), "the whole sky has no edge"


def test_contains_solid_angle_and_area() -> None:
    part = HpxGeom(order=2, cells=[[0, 16]], frame="galactic")
    there = SkyCoord([45, 45, 200], [45, -45, 0], unit="deg", frame="galactic")
    assert part.contains(there).tolist() == [True, False, False]
    np.testing.assert_allclose(part.solid_angle().sum(), np.pi / 3)
    np.testing.assert_allclose(mx.AllSky().area(part).to_value("sr"), np.pi / 3)
    np.testing.assert_allclose(mx.AllSky().fsky(part), 1 / 12)
    assert mx.AllSky().contains(there, geom=part).tolist() == [True, False, False]


def test_small_data_are_held_by_value() -> None:
    for geom in (HpxGeom(order=2), HpxGeom(order=2, cells=[[4, 9], [20, 40]], frame="galactic")):
        values = np.random.default_rng(1).normal(size=geom.shape)
        mask = mx.Threshold((values, geom), ">", 0.3)
        again = mx.loads(mx.dumps(mask))
        assert again == mask
        np.testing.assert_array_equal(again.compute(geom).values, values > 0.3)


@pytest.mark.parametrize("order", [0, 1, 3, 6])
def test_its_even_rings(order: int) -> None:
    """Rings of the same steps in a face, whose longitude goes with column minus row."""
    geom = HpxGeom(order=order)
    lat_of, step_of, squares, middle = geom.even_rings
    assert squares.shape == (4, 12)
    for (y0, y1, x0, x1), centre in zip(squares.T.tolist(), middle.tolist(), strict=True):
        y, x = np.mgrid[y0:y1, x0:x1]
        lon, lat = (np.deg2rad(each) for each in geom.lonlat(y, x))
        np.testing.assert_allclose(lat_of((y + x).reshape(-1)).reshape(y.shape), lat, rtol=0, atol=1e-14)
        expected = centre + ((x - x0) - (y - y0)) / 2 * step_of(y + x)
        np.testing.assert_allclose((lon - expected + np.pi) % (2 * np.pi), np.pi, rtol=0, atol=1e-11)
    totals = np.arange(8 << order)
    known = np.isfinite(lat_of(totals))
    assert np.count_nonzero(known) == (4 << order) - 1
    assert (np.diff(lat_of(totals[known])) > 0).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda array: array[0:0], "is empty"),
        (lambda array: array[[5, 5, 7]], "has cells twice.*unique"),
        (lambda array: array[::-1], "ascending order.*sortby"),
        (lambda array: array.coarsen(cells=4).mean(), "float64 and not whole numbers"),
    ],
    ids=["empty", "twice", "backwards", "coarser"],
)
def test_arrays_whose_cells_are_none_of_a_grid(change: Callable, says: str) -> None:
    with pytest.raises(GeometryError, match=says):
        mx.geom_of(change(mx.AllSky().on(HpxGeom(order=2))))


def test_what_is_said_to_do_about_cells_that_are_there_twice() -> None:
    array = mx.AllSky().on(HpxGeom(order=2))[[5, 5, 7]]
    once = array[..., np.unique(array.cell_ids, return_index=True)[1]]
    assert mx.geom_of(once) == HpxGeom(order=2, cells=[5, 7])


def test_a_moc_of_mocpy_is_made_a_mask_first() -> None:
    theirs = type("MOC", (), {"to_depth29_ranges": np.zeros((0, 2))})()
    with pytest.raises(MaskTypeError, match=r"Moc\.from_mocpy"):
        mx.AllSky() | theirs
