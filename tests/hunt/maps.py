"""Random headers: the 28 projections of FITS with all that a header can turn, shift and stretch."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.io import fits

import maskexpr as mx

# Ranges of PV2_1, PV2_2, ...; none where the projection has no parameters.
PROJECTIONS = {
    "AZP": [(0.0, 5.0), (-30.0, 30.0)],
    "SZP": [(1.5, 5.0), (0.0, 360.0), (40.0, 90.0)],
    "TAN": [],
    "STG": [],
    "SIN": [(-0.5, 0.5), (-0.5, 0.5)],
    "ARC": [],
    "ZPN": [(0.9, 1.1), (-0.05, 0.05), (-0.02, 0.02)],
    "ZEA": [],
    "AIR": [(10.0, 90.0)],
    "CYP": [(0.5, 3.0), (0.4, 2.0)],
    "CEA": [(0.2, 1.0)],
    "CAR": [],
    "MER": [],
    "SFL": [],
    "PAR": [],
    "MOL": [],
    "AIT": [],
    "COP": [(20.0, 80.0), (0.0, 15.0)],
    "COE": [(20.0, 80.0), (0.0, 15.0)],
    "COD": [(20.0, 80.0), (0.0, 15.0)],
    "COO": [(20.0, 80.0), (0.0, 15.0)],
    "BON": [(10.0, 89.0)],
    "PCO": [],
    "TSC": [],
    "CSC": [],
    "QSC": [],
    "HPX": [],
    "XPH": [],
}
ALWAYS_PARAMETERS = ("COP", "COE", "COD", "COO", "BON", "ZPN")
ZENITHAL = ("AZP", "SZP", "TAN", "STG", "SIN", "ARC", "ZPN", "ZEA", "AIR", "XPH")
# Pixels of most maps.
LARGEST = 4000


def random_geom(rng: np.random.Generator) -> tuple[fits.Header, mx.WcsGeom]:
    """A header and the geometry that is made of it; headers that no map can have are drawn again."""
    while True:
        header = random_header(rng)
        try:
            geom = mx.WcsGeom.from_header(header)
            geom.pixel_scales, geom.wcs.wcs.set()
        except (mx.MaskError, ValueError):
            continue
        if rng.random() < 0.12:
            edges = [1.0, 3.0, 10.0, 100.0][: rng.integers(2, 5)]
            geom = geom.to_cube([mx.Axis("energy", edges * u.TeV)])
        return header, geom


def random_header(rng: np.random.Generator, largest: int = LARGEST) -> fits.Header:
    code = str(rng.choice(list(PROJECTIONS)))
    nx, ny = _size(rng, largest)
    scale = _scale(rng, max(nx, ny))
    header = fits.Header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, nx, ny
    names = ("RA--", "DEC-") if rng.random() < 0.5 else ("GLON", "GLAT")
    for i, name in enumerate(names, start=1):
        header[f"CTYPE{i}"] = f"{name}-{code}"
        header[f"CUNIT{i}"] = "deg"
    header["CRVAL1"], header["CRVAL2"] = _reference(rng, code)
    middle = rng.random() < 0.6
    # Cutouts have their reference beside them, some of them very far away.
    away = 1.0 if rng.random() < 0.7 else float(np.exp(rng.uniform(0, np.log(100))))
    for i, number in enumerate((nx, ny), start=1):
        far = (0.5 + away * rng.uniform(-1, 1)) * number
        header[f"CRPIX{i}"] = (number + 1) / 2 if middle else round(float(far), int(rng.integers(0, 3)))
    stretch = 1.0 if rng.random() < 0.7 else float(rng.choice([0.3, 0.5, 2.0, 3.7]))
    header["CDELT1"] = scale * (1 if rng.random() < 0.2 else -1)
    header["CDELT2"] = scale * stretch * (-1 if rng.random() < 0.1 else 1)
    _turn(rng, header)
    _parameters(rng, header, code)
    return header


def _size(rng: np.random.Generator, largest: int) -> tuple[int, int]:
    kind = rng.random()
    if kind < 0.25:  # strips, single rows and columns
        long, thin = int(rng.integers(20, 400)), int(rng.choice([1, 1, 2, 3, 8, 9]))
        long = min(long, largest // thin)
        return (long, thin) if rng.random() < 0.6 else (thin, long)
    if kind < 0.3:
        return int(rng.integers(1, 5)), int(rng.integers(1, 5))
    if kind < 0.55 and largest == LARGEST:  # where blocks of pixels are decided at once
        return int(rng.integers(90, 200)), int(rng.integers(70, 160))
    nx = int(rng.integers(8, 120))
    return nx, int(rng.integers(6, max(7, min(90, largest // nx))))


def _scale(rng: np.random.Generator, number: int) -> float:
    """Degrees a pixel: the whole sky, some of it, or very little."""
    kind = rng.random()
    if kind < 0.4:
        return float(rng.choice([360, 360, 180, 400, 120, 2000, 4000])) / number
    if kind < 0.85:
        return float(np.round(np.exp(rng.uniform(np.log(0.05), np.log(5))), 3))
    return float(rng.choice([1e-4, 0.01, 10.0, 25.0]))


def _reference(rng: np.random.Generator, code: str) -> tuple[float, float]:
    lon = float(rng.choice([0.0, 180.0, 83.63, 266.4, 359.9])) if rng.random() < 0.6 else rng.uniform(0, 360)
    if code in ZENITHAL or rng.random() < 0.3:
        lat = (
            float(rng.choice([0.0, 90.0, -90.0, 22.0, -89.0])) if rng.random() < 0.6 else rng.uniform(-90, 90)
        )
    else:
        lat = 0.0
    return round(float(lon), 4), round(float(lat), 4)


def _turn(rng: np.random.Generator, header: fits.Header) -> None:
    if rng.random() < 0.2:
        header["LONPOLE"] = float(rng.choice([0.0, 180.0, 90.0, 37.0]))
    if rng.random() < 0.25:
        turn = np.radians(float(rng.choice([90.0, 180.0, rng.uniform(-180, 180), 30.0])))
        ratio = header["CDELT2"] / header["CDELT1"]
        header["PC1_1"], header["PC1_2"] = float(np.cos(turn)), float(-np.sin(turn) * ratio)
        header["PC2_1"], header["PC2_2"] = float(np.sin(turn) / ratio), float(np.cos(turn))


def _parameters(rng: np.random.Generator, header: fits.Header, code: str) -> None:
    if code not in ALWAYS_PARAMETERS and rng.random() < 0.5:
        return
    for i, (low, high) in enumerate(PROJECTIONS[code], start=1):
        header[f"PV2_{i}"] = round(float(rng.uniform(low, high)), 3)


def header_text(header: fits.Header) -> str:
    return "\n".join(str(card).rstrip() for card in header.cards)
