"""A small dataset in the place of Fermi-LAT's: the Crab as the tutorial's files have it, but simulated.

It writes, with numpy and astropy alone, the files that the tutorial reads: a dataset of counts, background,
safe range and point spread function as gammapy writes it, and a catalogue with the columns of 4FGL that the
tutorial needs. ``python examples/simulate_crab.py data`` writes them below ``data``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from numpy.typing import NDArray

__all__ = ["simulate"]

Floats = NDArray[np.float64]

DATASET = "fermi-3fhl-crab/Fermi-LAT-3FHL_data_Fermi-LAT.fits"
CATALOG = "catalogs/gll_psc_v35.fit.gz"

CRAB = SkyCoord(83.633083, 22.0145, unit="deg").galactic
EDGES_TEV = np.geomspace(0.01, 2, 6)
NY, NX, SCALE = 40, 50, 0.1
# Counts of the source and of the background in each bin, falling with energy as those of the real field do.
SOURCE = np.array([1900.0, 500, 190, 40, 10])
BACKGROUND = np.array([255.0, 50, 10, 3, 0.3])


def simulate(folder: str | Path, seed: int = 0) -> Path:
    """Write the simulated files below a folder.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there; files of the same name are replaced.
    seed : int
        Of the random numbers.

    Returns
    -------
    Path
        The folder.
    """
    folder = Path(folder)
    rng = np.random.default_rng(seed)
    for path in (folder / DATASET, folder / CATALOG):
        path.parent.mkdir(parents=True, exist_ok=True)
    _dataset(rng).writeto(folder / DATASET, overwrite=True)
    _catalog(rng).writeto(folder / CATALOG, overwrite=True)
    return folder


def _dataset(rng: np.random.Generator) -> fits.HDUList:
    """Counts, background and safe range on a cube, and the point spread function."""
    y, x = np.mgrid[:NY, :NX]
    offset = SCALE * np.hypot(y - (NY - 1) / 2, x - (NX - 1) / 2)
    # Degrees; the point spread function is a Gaussian that narrows with energy.
    sigma = _sigma(np.sqrt(EDGES_TEV[1:] * EDGES_TEV[:-1]))[:, None, None]
    shape = np.exp(-0.5 * (offset / sigma) ** 2)
    background = BACKGROUND[:, None, None] * np.ones_like(shape) / offset.size
    expected = background + SOURCE[:, None, None] * shape / shape.sum(axis=(1, 2), keepdims=True)
    safe = np.zeros(shape.shape, dtype=np.int64)
    safe[:, 2:-2, 2:-2] = 1
    hdus = [fits.PrimaryHDU()]
    hdus += _cube("COUNTS", rng.poisson(expected).astype(np.float32))
    hdus += _cube("BACKGROUND", background)
    hdus += _cube("MASK_SAFE", safe)
    return fits.HDUList([*hdus, *_psf()])


def _sigma(energy_tev: Floats) -> Floats:
    return 0.2 * (energy_tev / 0.017) ** -0.15


def _cube(name: str, values: NDArray[np.generic]) -> list[fits.ImageHDU | fits.BinTableHDU]:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["GLON-CAR", "GLAT-CAR"]
    wcs.wcs.crval = [CRAB.l.deg, CRAB.b.deg]
    wcs.wcs.crpix = [(NX + 1) / 2, (NY + 1) / 2]
    wcs.wcs.cdelt = [-SCALE, SCALE]
    header = wcs.to_header()
    header["BANDSHDU"] = f"{name}_BANDS"
    columns = [
        fits.Column("CHANNEL", "I", array=np.arange(len(EDGES_TEV) - 1)),
        fits.Column("ENERGY", "E", "TeV", array=np.sqrt(EDGES_TEV[1:] * EDGES_TEV[:-1])),
        fits.Column("E_MIN", "E", "TeV", array=EDGES_TEV[:-1]),
        fits.Column("E_MAX", "E", "TeV", array=EDGES_TEV[1:]),
    ]
    bands = fits.BinTableHDU.from_columns(columns, name=f"{name}_BANDS")
    bands.header.update({"AXCOLS1": "E_MIN,E_MAX", "INTERP1": "log"})
    return [fits.ImageHDU(values, header, name=name), bands]


def _psf() -> list[fits.ImageHDU | fits.BinTableHDU]:
    """A map of one pixel of energy x angle, per sr, as gammapy lays it out."""
    energy = np.geomspace(EDGES_TEV[0] / 2, EDGES_TEV[-1] * 2, 12)
    theta = np.deg2rad(np.linspace(0, 3, 301))
    sigma = np.deg2rad(_sigma(energy))[:, None]
    values = np.exp(-0.5 * (theta / sigma) ** 2) / (2 * np.pi * sigma**2)
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---CAR", "DEC--CAR"]
    wcs.wcs.crpix, wcs.wcs.cdelt = [1.5, 1.0], [-180.0, 180.0]
    header = wcs.to_header()
    layout = {"AXCOLS1": "THETA", "INTERP1": "lin", "AXCOLS2": "ENERGY_TRUE", "INTERP2": "log"}
    header.update({**layout, "BANDSHDU": "PSF_BANDS", "BUNIT": "sr-1"})
    columns = [
        fits.Column("CHANNEL", "I", array=np.arange(values.size)),
        fits.Column("THETA", "E", "rad", array=np.tile(theta, len(energy))),
        fits.Column("ENERGY_TRUE", "E", "TeV", array=np.repeat(energy, len(theta))),
    ]
    bands = fits.BinTableHDU.from_columns(columns, name="PSF_BANDS")
    bands.header.update(layout)
    planes = np.repeat(values[:, :, None, None], 2, axis=3)
    return [fits.ImageHDU(planes, header, name="PSF"), bands]


def _catalog(rng: np.random.Generator) -> fits.HDUList:
    """Sources all over the sky, of which five are near the Crab."""
    lon, lat = rng.uniform(0, 360, 500), np.rad2deg(np.arcsin(rng.uniform(-1, 1, 500)))
    sky = SkyCoord(lon, lat, unit="deg", frame="galactic").icrs
    sky = sky[sky.separation(CRAB.icrs).deg > 5]
    near = CRAB.icrs.directional_offset_by(
        [0, 0, 80, 200, 310] * CRAB.l.unit, [0, 0.005, 2.0, 1.0, 1.8] * CRAB.l.unit
    )
    ra, dec = np.append(near.ra.deg, sky.ra.deg), np.append(near.dec.deg, sky.dec.deg)
    names = [f"SIM {number:04d}" for number in range(len(ra))]
    table = Table({"Source_Name": names, "RAJ2000": np.float32(ra), "DEJ2000": np.float32(dec)})
    table["RAJ2000"].unit = table["DEJ2000"].unit = "deg"
    hdu = fits.table_to_hdu(table)
    hdu.name = "LAT_Point_Source_Catalog"
    return fits.HDUList([fits.PrimaryHDU(), hdu])


if __name__ == "__main__":
    print(simulate(sys.argv[1] if len(sys.argv) > 1 else "data"))
