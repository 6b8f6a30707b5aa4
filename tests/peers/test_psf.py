"""Containment radii against gammapy."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("gammapy")

from astropy.coordinates import SkyCoord
from gammapy.irf import PSF3D, PSFMap
from gammapy.maps import MapAxis, WcsGeom

from maskexpr.estimate.psf import containment_radius

CRAB = "data/fermi-3fhl-crab/Fermi-LAT-3FHL_data_Fermi-LAT.fits"
ENERGY = MapAxis.from_energy_bounds("0.1 TeV", "100 TeV", nbin=5, name="energy_true")
RAD = MapAxis.from_bounds(0, 1.5, nbin=120, name="rad", unit="deg")
SIGMA = [0.3, 0.2, 0.15, 0.1, 0.08] * u.deg


@pytest.mark.parametrize("fraction", [0.3, 0.68, 0.95])
def test_the_crab(shared: Path, fraction: float) -> None:
    psf = PSFMap.read(shared / CRAB)
    energies = psf.psf_map.geom.axes["energy_true"].center
    expected = psf.containment_radius(fraction, energy_true=energies)
    for source in (shared / CRAB, psf):
        assert_allclose(containment_radius(source, fraction).value, expected.to_value(u.deg), rtol=1e-12)
    between = np.sqrt(energies[1:] * energies[:-1]) * 1.07
    expected = psf.containment_radius(fraction, energy_true=between)
    assert_allclose(
        containment_radius(shared / CRAB, fraction, between).value, expected.to_value(u.deg), rtol=1e-12
    )


def psf_map() -> PSFMap:
    """A PSF that grows across its map."""
    geom = WcsGeom.create(skydir=(83, 22), npix=(4, 3), binsz=1, proj="TAN")
    psf = PSFMap.from_gauss(ENERGY, rad_axis=RAD, sigma=SIGMA, geom=geom)
    stretch = 1 + np.arange(12).reshape(3, 4) / 12
    rad = RAD.center.to_value(u.rad)[None, :, None, None]
    sigma = SIGMA.to_value(u.rad)[:, None, None, None] * stretch
    psf.psf_map.data = np.exp(-0.5 * (rad / sigma) ** 2) / (2 * np.pi * sigma**2)
    return psf


def test_a_map_with_positions(tmp_path: Path) -> None:
    psf = psf_map()
    psf.write(tmp_path / "psf.fits")
    energies = ENERGY.center
    for position in (None, SkyCoord(83.7, 22.4, unit="deg"), SkyCoord(82, 21.3, unit="deg").galactic):
        expected = psf.containment_radius(0.68, energy_true=energies, position=position).to_value(u.deg)
        for source in (psf, tmp_path / "psf.fits"):
            # The table in the file is float32.
            assert_allclose(containment_radius(source, 0.68, energies, position).value, expected, atol=2e-6)


def test_gadf_table(tmp_path: Path) -> None:
    offset = MapAxis.from_bounds(0, 3, nbin=3, name="offset", unit="deg")
    rad = RAD.center.to_value(u.rad)[None, None, :]
    sigma = SIGMA.to_value(u.rad)[:, None, None] * np.array([1, 1.5, 2])[None, :, None]
    data = np.exp(-0.5 * (rad / sigma) ** 2) / (2 * np.pi * sigma**2)
    psf = PSF3D(axes=[ENERGY, offset, RAD], data=data, unit="sr-1")
    psf.write(tmp_path / "psf.fits")
    for place in (0.1, 0.5, 1.2, 2.9) * u.deg:
        expected = psf.containment_radius(0.68, energy_true=ENERGY.center, offset=place).to_value(u.deg)
        found = containment_radius(tmp_path / "psf.fits", 0.68, offset=place).value
        assert_allclose(found, expected, rtol=1e-9)


def test_gtpsf_file(tmp_path: Path) -> None:
    theta = MapAxis.from_nodes(np.linspace(0, 2, 200), name="rad", unit="deg")
    energy = MapAxis.from_nodes([1, 10, 100] * u.GeV, name="energy_true", interp="log")
    psf = PSFMap.from_gauss(energy, rad_axis=theta, sigma=SIGMA[:3])
    psf.to_region_nd_map(psf.psf_map.geom.center_skydir).write(tmp_path / "gtpsf.fits", format="gtpsf")
    again = PSFMap.read(tmp_path / "gtpsf.fits", format="gtpsf")
    expected = again.containment_radius(0.68, energy_true=energy.center).to_value(u.deg)
    assert_allclose(containment_radius(tmp_path / "gtpsf.fits", 0.68).value, expected.ravel(), rtol=1e-6)
