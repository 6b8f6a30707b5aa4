"""Radii that hold a fraction of a point source."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from numpy.testing import assert_allclose

from maskexpr.errors import FormatError, MaskTypeError, MaskValueError
from maskexpr.estimate.psf import containment_radius

THETA = np.linspace(0, 2, 801) * u.deg
CRAB = "data/fermi-3fhl-crab/Fermi-LAT-3FHL_data_Fermi-LAT.fits"


def gauss(sigma: u.Quantity, theta: u.Quantity = THETA) -> u.Quantity:
    sigma = np.atleast_1d(sigma)[:, None]
    return (np.exp(-0.5 * (theta / sigma).to_value("") ** 2) / (2 * np.pi * sigma**2)).to(1 / u.sr)


def radius_of(fraction: float, sigma: u.Quantity) -> np.ndarray:
    return np.asarray((sigma * np.sqrt(-2 * np.log(1 - fraction))).to_value(u.deg))


@pytest.mark.parametrize("fraction", [0.1, 0.68, 0.95, 0.99])
def test_gauss_in_arrays(fraction: float) -> None:
    found = containment_radius((THETA, gauss(0.2 * u.deg)[0]), fraction)
    assert found.unit == u.deg
    assert found.shape == ()
    assert_allclose(found.value, radius_of(fraction, 0.2 * u.deg), atol=2e-4)


def test_energies() -> None:
    energies, sigma = [1, 10, 100] * u.GeV, [0.3, 0.2, 0.1] * u.deg
    table = (energies, THETA.to(u.rad), gauss(sigma))
    assert_allclose(containment_radius(table, 0.68).value, radius_of(0.68, sigma), atol=2e-4)
    assert_allclose(
        containment_radius(table, 0.68, 10000 * u.MeV).value, radius_of(0.68, sigma[1]), atol=2e-4
    )
    # Between the energies it is the containment that is interpolated, in the logarithm of the energy.
    half = containment_radius(table, 0.68, [np.sqrt(10), np.sqrt(1000)] * u.GeV).value
    for found, pair in zip(half, (sigma[:2], sigma[1:]), strict=True):
        held = np.mean(1 - np.exp(-0.5 * (found / pair.value) ** 2))
        assert held == pytest.approx(0.68, abs=1e-3)
    with pytest.raises(MaskValueError, match="not at 1 TeV"):
        containment_radius(table, 0.68, 1 * u.TeV)


def write_gadf(path: Path) -> Path:
    offsets, energies = [0.5, 1.5, 2.5] * u.deg, [0.1, 1, 10] * u.TeV
    edges = np.linspace(0, 2, 401)
    centre = (edges[1:] + edges[:-1]) / 2 * u.deg
    # (radius, offset, energy): wider with offset, narrower with energy.
    planes = [[gauss((0.1 * (1 + i)) * u.deg / (1 + k), centre)[0] for k in range(3)] for i in range(3)]
    values = np.moveaxis(u.Quantity(planes).value, -1, 0)
    row = {
        "ENERG_LO": [[0.1 / 10**0.5, 10**-0.5, 10**0.5]] * u.TeV,
        "ENERG_HI": [[10**-0.5, 10**0.5, 10 * 10**0.5]] * u.TeV,
        "THETA_LO": [offsets.value - 0.5] * u.deg,
        "THETA_HI": [offsets.value + 0.5] * u.deg,
        "RAD_LO": [edges[:-1]] * u.deg,
        "RAD_HI": [edges[1:]] * u.deg,
        "RPSF": values[None] / u.sr,
    }
    assert len(energies) == 3
    hdu = fits.BinTableHDU(Table(row), name="PSF_2D_TABLE")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    return path


def test_gadf_table(tmp_path: Path) -> None:
    path = write_gadf(tmp_path / "psf.fits")
    for source in (path, str(path), (path, "PSF_2D_TABLE")):
        found = containment_radius(source, 0.68, offset="1.5 deg")
        assert_allclose(found.value, radius_of(0.68, 0.2 * u.deg / np.arange(1, 4)), atol=2e-3)
    assert containment_radius(path, 0.68, 1 * u.TeV, offset="2.2 deg") > containment_radius(
        path, 0.68, 1 * u.TeV
    )
    with pytest.raises(MaskValueError, match="offsets up to 3 deg"):
        containment_radius(path, 0.68, offset="4 deg")


def test_gtpsf_table(tmp_path: Path) -> None:
    sigma = [0.5, 0.2] * u.deg
    psf = Table({"Energy": [1e3, 1e4], "Exposure": [1.0, 1.0], "Psf": gauss(sigma).value})
    theta = Table({"Theta": THETA.value})
    hdus = [fits.PrimaryHDU(), fits.BinTableHDU(psf, name="PSF"), fits.BinTableHDU(theta, name="THETA")]
    fits.HDUList(hdus).writeto(tmp_path / "gtpsf.fits")
    assert_allclose(
        containment_radius(tmp_path / "gtpsf.fits", 0.68).value, radius_of(0.68, sigma), atol=3e-4
    )


def test_the_tutorials_radii(shared: Path) -> None:
    reference = np.load(shared / "reference/mask_tutorial_gammapy.npz")
    energy = reference["energy_true_GeV"] * u.GeV
    for psf in (shared / CRAB, (shared / CRAB, "PSF")):
        found = containment_radius(psf, 0.95, energy)
        assert_allclose(found.to_value(u.deg), reference["psf_r95_deg"], rtol=1e-12)
    crab = SkyCoord(83.63, 22.01, unit="deg")
    assert_allclose(
        containment_radius(shared / CRAB, 0.95, energy, position=crab).value, found.value, rtol=1e-12
    )


def test_refused(tmp_path: Path) -> None:
    psf = gauss(0.2 * u.deg)[0]
    for fraction in (0, 1, -0.2, np.nan, 95):
        with pytest.raises(MaskValueError, match="between 0 and 1"):
            containment_radius((THETA, psf), fraction)
    with pytest.raises(MaskValueError, match="less than"):
        containment_radius((THETA[:50], psf[:50]), 0.95)
    with pytest.raises(MaskValueError, match="per sr"):
        containment_radius((THETA, psf.value * u.s), 0.95)
    with pytest.raises(MaskValueError, match="shape"):
        containment_radius((THETA, psf[1:]), 0.95)
    with pytest.raises(FormatError, match="increasing"):
        containment_radius((THETA[::-1], psf), 0.95)
    with pytest.raises(MaskValueError, match="does not depend on energy"):
        containment_radius((THETA, psf), 0.95, 1 * u.TeV)
    with pytest.raises(MaskTypeError, match="PSFMap"):
        containment_radius(3, 0.95)
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    with pytest.raises(FormatError, match=r"empty\.fits"):
        containment_radius(tmp_path / "empty.fits", 0.95)
