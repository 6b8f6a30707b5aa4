"""docs/tutorial.md: what the page says of gammapy, and gammapy reading what maskexpr writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

pytest.importorskip("gammapy")

from astropy.coordinates import SkyCoord
from gammapy.catalog import SourceCatalog4FGL
from gammapy.datasets import MapDataset
from gammapy.maps import Map, WcsGeom, WcsNDMap
from regions import CircleSkyRegion

import maskexpr as mx

from ..test_tutorial import RADII_IN_32_BITS

CENTER = SkyCoord(83.633083, 22.0145, unit="deg")


@pytest.fixture(scope="module")
def dataset(shared: Path) -> MapDataset:
    return MapDataset.read(shared / "data/fermi-3fhl-crab/Fermi-LAT-3FHL_data_Fermi-LAT.fits")


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, NDArray[Any]]:
    return dict(np.load(shared / "reference/mask_tutorial_gammapy.npz"))


@pytest.fixture(scope="module")
def roi() -> WcsGeom:
    return WcsGeom.create(skydir=CENTER, width="5 deg", binsz=0.02, frame="galactic")


def test_the_map(roi: WcsGeom) -> None:
    ours = mx.WcsGeom.create(skydir=CENTER, width="5 deg", binsz=0.02, frame="galactic")
    assert ours == mx.WcsGeom.from_gammapy(roi)


@pytest.mark.parametrize("rounded", [False, True])
@pytest.mark.parametrize("limits", [(10, 700), (20, 500), (28.86, 2000), (83, 84)])
def test_energies(dataset: MapDataset, limits: tuple[float, float], rounded: bool) -> None:
    theirs = dataset.counts.geom.energy_mask(*(limits * u.GeV), round_to_edge=rounded).data
    geom = mx.WcsGeom.from_gammapy(dataset.counts.geom)
    low, high = limits * u.GeV
    if rounded and not theirs.any():
        return  # Both limits at one edge.
    ours = mx.AxisRange("energy", low, high, round_to_edge=rounded).on(geom)
    assert_array_equal(ours.values, theirs)


def test_positions_in_32_bits(shared: Path, roi: WcsGeom, reference: dict[str, NDArray[Any]]) -> None:
    positions = SourceCatalog4FGL(shared / "data/catalogs/gll_psc_v35.fit.gz").positions
    near = positions[roi.contains(positions)]
    assert near.ra.dtype == np.float32
    circles = [CircleSkyRegion(each, 0.3 * u.deg) for each in near]
    assert_array_equal(roi.region_mask(circles).data, reference["catalog"])
    assert_allclose([each.to_pixel(roi.wcs).radius for each in circles], RADII_IN_32_BITS, rtol=1e-6)

    # In 64 bits and the map's frame, gammapy and maskexpr agree in either metric.
    exact = SkyCoord(near.ra.astype(float), near.dec.astype(float)).galactic
    circles = [CircleSkyRegion(each, 0.3 * u.deg) for each in exact]
    theirs = roi.region_mask(circles).data
    assert theirs.sum() == 2085
    geom = mx.WcsGeom.from_gammapy(roi)
    for mask in (mx.Catalog(near, "0.3 deg"), mx.Region(circles), mx.Region(circles, metric="pixel")):
        assert_array_equal(mask.on(geom).values, theirs)


def test_erode_and_dilate(reference: dict[str, NDArray[Any]], dataset: MapDataset) -> None:
    bright = ~reference["significance"]
    theirs = WcsNDMap(dataset.counts.geom.squash("energy"), bright)
    geom = mx.WcsGeom.from_gammapy(theirs.geom)
    ours = mx.Raster((bright, geom))
    for verb in ("erode", "dilate"):
        expected = getattr(theirs, f"binary_{verb}")(0.2 * u.deg, kernel="disk", use_fft=False).data
        assert_array_equal(expected, reference[f"{verb}_0.2deg_disk_exact"])
        found = getattr(ours, verb)(3 * u.pix, metric="pixel").on(geom)
        assert_array_equal(found.values, expected)


def test_boundary(dataset: MapDataset) -> None:
    counts = dataset.counts.geom
    geom = mx.WcsGeom.from_gammapy(counts)
    for width in (0.25, 0.3, 0.584, 1.2):
        expected = counts.boundary_mask(width * u.deg).data
        assert_array_equal(mx.Boundary(width * u.deg, metric="pixel").on(geom).values, expected)


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz"])
def test_gammapy_reads_the_masks(dataset: MapDataset, roi: WcsGeom, tmp_path: Path, suffix: str) -> None:
    geom = mx.WcsGeom.from_gammapy(dataset.counts.geom)
    mask_fit = mx.AxisRange("energy", "10 GeV", "700 GeV") & mx.Region("galactic; box(184.55, -5.78, 3, 3)")
    mask_fit.write(tmp_path / f"mask_fit{suffix}", geom)
    read = Map.read(tmp_path / f"mask_fit{suffix}")
    assert read.is_mask
    assert_array_equal(read.data, mask_fit.on(geom).values)
    fitted = dataset.copy(name="fitted")
    fitted.mask_fit = read
    low, high = fitted.energy_range_total
    assert_allclose([low.to_value("GeV"), high.to_value("GeV")], [28.854, 693.145], rtol=1e-4)

    drawn = ~mx.Region("galactic; box(185, -4, 1.0, 0.5, 45); icrs; circle(83.633083, 22.0145, 0.3)")
    drawn.write(tmp_path / f"exclusion{suffix}", mx.WcsGeom.from_gammapy(roi))
    exclusion = Map.read(tmp_path / f"exclusion{suffix}")
    assert exclusion.is_mask
    assert exclusion.geom == roi
    assert not exclusion.get_by_coord(CENTER)
