"""The maps of the net: small, of many projections, whole and in part, rotated, with axes."""

from __future__ import annotations

import astropy.units as u
import numpy as np
from astropy.io import fits

import maskexpr as mx


def _rotated(
    code: str, lon: float, lat: float, turn: float, shape: tuple[int, int], pixel: float
) -> mx.WcsGeom:
    """A map in galactic coordinates whose axes are turned against the meridians."""
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    header = fits.Header(
        {
            "NAXIS": 2,
            "NAXIS1": shape[1],
            "NAXIS2": shape[0],
            "CTYPE1": f"GLON-{code}",
            "CTYPE2": f"GLAT-{code}",
            "CRPIX1": shape[1] / 2 + 0.37,
            "CRPIX2": shape[0] / 2 - 0.21,
            "CRVAL1": lon,
            "CRVAL2": lat,
            "CDELT1": -pixel,
            "CDELT2": pixel,
            "PC1_1": cos,
            "PC1_2": -sin,
            "PC2_1": sin,
            "PC2_2": cos,
        }
    )
    return mx.WcsGeom.from_header(header)


def _energy(number: int) -> mx.Axis:
    return mx.Axis.from_bounds("energy", 10 * u.GeV, 2 * u.TeV, nbin=number, interp="log")


_AIT = mx.WcsGeom.allsky(binsz=3.7, frame="galactic", proj="AIT")
_CAR = mx.WcsGeom.allsky(binsz=3, frame="galactic")
_TAN = mx.WcsGeom.create(skydir=(184.6, -5.8), npix=(90, 70), binsz=0.21, proj="TAN", frame="galactic")

# All of the sky, pixels of degrees.
WHOLE = {
    "CAR": _CAR,
    "CAR icrs": mx.WcsGeom.create(skydir=(121.3, 0), npix=(100, 50), binsz=3.6),
    "CAR oblique": _rotated("CAR", 40.3, 28.7, 0, (60, 120), 3.0),
    "AIT": _AIT,
    "MOL": mx.WcsGeom.allsky(binsz=4.1, frame="icrs", proj="MOL"),
    "SFL": mx.WcsGeom.allsky(binsz=4.3, frame="galactic", proj="SFL"),
    "HPX": mx.WcsGeom.allsky(binsz=4.1, frame="galactic", proj="HPX"),
    "CEA": mx.WcsGeom.create(skydir=(0, 0), npix=(95, 31), binsz=3.789, proj="CEA", frame="galactic"),
    "ZEA": mx.WcsGeom.create(skydir=(5.2, -80.4), npix=(70, 66), binsz=3.1, proj="ZEA", frame="galactic"),
}
# Parts of it.
PART = {
    "TAN": _TAN,
    "TAN rotated": _rotated("TAN", 184.6, -5.8, 31.7, (66, 80), 0.23),
    "TAN at the pole": mx.WcsGeom.create(
        skydir=(10.3, 88.2), npix=(80, 60), binsz=0.9, proj="TAN", frame="galactic"
    ),
    "SIN": mx.WcsGeom.create(skydir=(200.3, 31.9), npix=(60, 64), binsz=2.1, proj="SIN"),
    "ZEA rotated": _rotated("ZEA", 300.2, 51.3, -63.4, (50, 70), 1.3),
    "CAR over the seam": mx.WcsGeom.create(skydir=(180, 10), npix=(90, 40), binsz=1.1, frame="galactic"),
    "AIT in part": _AIT.crop((22, 9)),
    "HPX in part": mx.WcsGeom.allsky(binsz=3.1, frame="icrs", proj="HPX").crop((30, 14)),
}
CUBES = {
    "CAR cube": mx.WcsGeom.allsky(binsz=5, frame="galactic").to_cube([_energy(3)]),
    "TAN cube": _TAN.downsample(2).to_cube([_energy(4)]),
}
