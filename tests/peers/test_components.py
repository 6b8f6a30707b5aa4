"""Components against scikit-image and gammapy on whole maps, synthetic and real."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import ndimage

from maskexpr import Axis, WcsGeom
from maskexpr.compile.evaluate import evaluate
from maskexpr.grid.tiles import Tile
from maskexpr.nodes.fill_holes import FillHoles
from maskexpr.nodes.hysteresis import Hysteresis
from maskexpr.nodes.raster import Raster
from maskexpr.nodes.remove_small import RemoveSmall
from maskexpr.pixels.window import Window

from ..components.components_oracle import chunked

filters = pytest.importorskip("skimage.filters")
morphology = pytest.importorskip("skimage.morphology")


def whole(mask: object, geom: WcsGeom, plane: tuple[int, ...] = ()) -> np.ndarray:
    ny, nx = geom.image_shape
    return evaluate(mask, Tile(geom, Window(0, ny, 0, nx), plane))  # type: ignore[arg-type]


def significance(seed: int) -> np.ndarray:
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(150, 170)), 2)
    return noise / noise.std()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("chunks", [150, 64, 17])
def test_hysteresis_equals_scikit_image(seed: int, chunks: int) -> None:
    data = significance(seed)
    data[40:60, 40:60] = np.nan
    geom = WcsGeom.create(npix=(170, 150), binsz=0.02, proj="TAN")
    rows, columns = (tuple(min(chunks, n - i) for i in range(0, n, chunks)) for n in (150, 170))
    expected = filters.apply_hysteresis_threshold(data, 1, 2.5)
    assert 0 < expected.sum() < (data > 1).sum()
    assert_array_equal(chunked(Hysteresis((data, geom), 1, 2.5), geom, rows, columns), expected)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_small_objects_equal_scikit_image(connectivity: int) -> None:
    pixels = significance(7) > 1
    geom = WcsGeom.create(npix=(170, 150), binsz=0.02, proj="TAN")
    near = 1 if connectivity == 4 else 2
    # What is smaller than 30 pixels goes; scikit-image names the largest that goes.
    expected = morphology.remove_small_objects(pixels, connectivity=near, max_size=29)
    node = RemoveSmall(Raster((pixels, geom)), 30 * u.pix**2, connectivity)
    assert expected.any()
    assert_array_equal(whole(node, geom), expected)
    # scikit-image fills small holes at the edge of the map too: a frame keeps them away.
    framed = pixels | np.pad(np.zeros((148, 168), dtype=bool), 1, constant_values=True)
    expected = morphology.remove_small_holes(framed, connectivity=near, max_size=29)
    assert_array_equal(whole(FillHoles(Raster((framed, geom)), 29 * u.pix, connectivity), geom), expected)


def test_linked_planes_equal_scikit_image() -> None:
    data = np.stack([significance(seed)[:40, :50] for seed in range(4)])
    geom = WcsGeom.create(npix=(50, 40), binsz=0.1, axes=[Axis.from_bounds("energy", "1 GeV", "1 TeV", 4)])
    expected = filters.apply_hysteresis_threshold(data, 1, 2.5)
    node = Hysteresis((data, geom), 1, 2.5, linked=True)
    assert (expected != [filters.apply_hysteresis_threshold(plane, 1, 2.5) for plane in data]).any()
    for i in range(4):
        assert_array_equal(whole(node, geom, (i,)), expected[i])


def test_hysteresis_of_the_crab(shared: Path) -> None:
    """The significance map of gammapy's mask tutorial, with its NaN."""
    path = shared / "reference" / "mask_tutorial_gammapy.npz"
    data = np.load(path)["sqrt_ts"][0]
    geom = WcsGeom.create(npix=(50, 40), binsz=0.05, proj="TAN", skydir=(184.557, -5.784), frame="galactic")
    assert np.isnan(data).any()
    expected = filters.apply_hysteresis_threshold(np.nan_to_num(data, nan=-np.inf), 2, 5)
    assert (data > 5).sum() < expected.sum() < (data > 2).sum()
    assert_array_equal(whole(Hysteresis((data, geom), 2, 5), geom), expected)


def test_hysteresis_of_a_gammapy_map() -> None:
    maps = pytest.importorskip("gammapy.maps")
    wcs_map = maps.Map.create(npix=(170, 150), binsz=0.02, proj="TAN")
    wcs_map.data[...] = significance(2)
    node = Hysteresis(wcs_map, 1, 2.5)
    expected = filters.apply_hysteresis_threshold(wcs_map.data, 1, 2.5)
    assert_array_equal(whole(node, WcsGeom.from_gammapy(wcs_map.geom)), expected)
