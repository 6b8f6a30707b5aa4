"""Existing boolean maps as masks."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from numpy.testing import assert_array_equal

from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.errors import FormatError, MaskTypeError
from maskexpr.expr.mask import Mask
from maskexpr.expr.serialize import dumps, loads
from maskexpr.grid.points import Points
from maskexpr.grid.tiles import Tile
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.io.xarray import wrap
from maskexpr.nodes.raster import Raster
from maskexpr.nodes.threshold import Threshold
from maskexpr.pixels.window import Window

GEOM = WcsGeom.create(skydir=(40, 55), npix=(23, 17), binsz=0.7, proj="TAN")
MAP = np.random.default_rng(0).random((17, 23)) > 0.6


def on(mask: Mask, geom: WcsGeom) -> np.ndarray:
    ny, nx = geom.image_shape
    return evaluate(mask, Tile(geom, Window(0, ny, 0, nx)))


@pytest.mark.parametrize("dtype", ["?", "u1", "i8", ">i4"])
def test_values(dtype: str) -> None:
    mask = Raster(wrap(MAP.astype(dtype), GEOM))
    assert_array_equal(on(mask, GEOM), MAP)
    assert_array_equal(on(~mask, GEOM), ~MAP)
    assert_array_equal(on(mask, GEOM.pad(2)), np.pad(MAP, 2))
    outside = Raster((MAP.astype(dtype), GEOM), outside=True)
    assert_array_equal(on(outside, GEOM.pad(2)), np.pad(MAP, 2, constant_values=True))


def test_other_grid_is_that_of_a_threshold() -> None:
    other = WcsGeom.allsky(binsz=1.7, frame="galactic", proj="AIT")
    expected = on(Threshold((MAP.astype(float), GEOM), ">", 0.5), other)
    assert expected.any()
    assert_array_equal(on(Raster((MAP, GEOM)), other), expected)


def test_bare_positions() -> None:
    y, x = np.indices(MAP.shape)
    lon, lat = GEOM.lonlat(y + 0.3, x - 0.4)
    points = Points.from_sky(SkyCoord(lon.ravel(), lat.ravel(), unit="deg").galactic)
    mask = Raster((MAP, GEOM))
    assert_array_equal(Evaluator(mask).run(mask, points), MAP.ravel())


def test_floats_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MaskTypeError, match="Threshold"):
        Raster((MAP.astype(float), GEOM))
    fits.PrimaryHDU(MAP.astype("f4"), GEOM.to_header()).writeto(tmp_path / "map.fits")
    mask = Raster(tmp_path / "map.fits")
    with pytest.raises(MaskTypeError, match=r"map\.fits.*Threshold"):
        mask.check(GEOM)


def test_other_integers_are_refused() -> None:
    with pytest.raises(FormatError, match="found 2"):
        on(Raster((MAP * 2, GEOM)), GEOM)


def test_saved_and_pickled(tmp_path: Path) -> None:
    fits.PrimaryHDU(MAP.astype("u1"), GEOM.to_header()).writeto(tmp_path / "map.fits")
    for mask in (Raster((MAP, GEOM)), Raster(tmp_path / "map.fits", outside=True)):
        for again in (loads(dumps(mask)), pickle.loads(pickle.dumps(mask))):
            assert again == mask
            assert_array_equal(on(again, GEOM), MAP)
    assert "map.fits" in repr(Raster(tmp_path / "map.fits"))
