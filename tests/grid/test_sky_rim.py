"""The rim of the sky by rows, against wcslib asked for every pixel."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray

from maskexpr import WcsGeom
from maskexpr.grid.sky_rows import sky_by_rows
from maskexpr.grid.wcs.outline import surely_off
from maskexpr.pixels.window import Window


def turned(geom: WcsGeom, degrees: float) -> WcsGeom:
    header, angle = geom.to_header(), np.radians(degrees)
    header.update({"PC1_1": np.cos(angle), "PC1_2": -np.sin(angle)})
    header.update({"PC2_1": np.sin(angle), "PC2_2": np.cos(angle)})
    return WcsGeom.from_header(header)


@pytest.mark.parametrize("proj", ["AIT", "MOL", "ZEA", "ARC", "SIN"])
@pytest.mark.parametrize("centre", [(0, 0), (30, 40), (200, -90)])
@pytest.mark.parametrize("degrees", [0, 20, 90])
@pytest.mark.parametrize("binsz", [5, (3, 7)])
def test_rows_are_wcslibs(proj: str, centre: tuple[int, int], degrees: float, binsz: object) -> None:
    plain = WcsGeom.create(skydir=centre, npix=(60, 50), binsz=binsz, proj=proj, frame="galactic")
    geom = turned(plain, degrees) if degrees else plain
    whole = geom.lattice.pad(3)
    y, x = np.mgrid[whole.y0 : whole.y1, whole.x0 : whole.x1]
    want = np.isfinite(geom.lonlat(y, x)[0])
    assert np.array_equal(_on_sky(geom, whole), want)
    rng = np.random.default_rng(0)
    for _ in range(10):
        y0, x0 = int(rng.integers(whole.y0, whole.y1)), int(rng.integers(whole.x0, whole.x1))
        y1, x1 = int(rng.integers(y0, whole.y1)) + 1, int(rng.integers(x0, whole.x1)) + 1
        part = want[y0 - whole.y0 : y1 - whole.y0, x0 - whole.x0 : x1 - whole.x0]
        assert np.array_equal(_on_sky(geom, Window(y0, y1, x0, x1)), part)


def _on_sky(geom: WcsGeom, window: Window) -> NDArray[np.bool_]:
    """What is told to be on the sky, as values and as what is left of all and of some selected pixels."""
    rows = sky_by_rows(geom, window)
    assert rows is not None
    values = rows.values()
    around = np.random.default_rng(1).random((window.shape[0] + 2, window.shape[1] + 3)) < 0.5
    before, inner = around.copy(), around[1:-1, 2:-1]
    rows.clear(inner)
    assert np.array_equal(inner, before[1:-1, 2:-1] & values)
    around[1:-1, 2:-1] = before[1:-1, 2:-1]
    assert np.array_equal(around, before)
    return values


@pytest.mark.parametrize("proj", ["SFL", "PAR", "CAR", "TAN", "STG", "HPX"])
def test_other_skies_are_no_ellipse(proj: str) -> None:
    assert sky_by_rows(WcsGeom.create(npix=(9, 9), binsz=5, proj=proj), Window(0, 3, 0, 3)) is None


def test_parameters_move_the_rim() -> None:
    header = WcsGeom.create(npix=(40, 40), binsz=5, proj="SIN").to_header()
    header.update({"PV2_1": 0.1, "PV2_2": 0.2})
    assert sky_by_rows(WcsGeom.from_header(header), Window(0, 3, 0, 3)) is None


@pytest.mark.parametrize("seed", range(12))
def test_zenithal_polynomials_are_bounded(seed: int) -> None:
    """The box holds every pixel of the plane that wcslib has on the sky, and is not much wider."""
    rng = np.random.default_rng(seed)
    header = fits.Header()
    header["NAXIS"], header["NAXIS1"], header["NAXIS2"] = 2, 40, 40
    for i, (name, value) in enumerate((("GLON-ZPN", 40.0), ("GLAT-ZPN", rng.uniform(-90, 90))), 1):
        header[f"CTYPE{i}"], header[f"CRVAL{i}"], header[f"CUNIT{i}"] = name, value, "deg"
        header[f"CRPIX{i}"], header[f"CDELT{i}"] = 20.3, (-8.0, 8.0)[i - 1]
    header["PV2_1"] = rng.uniform(0.3, 1.2)
    for power in range(2, 1 + rng.integers(1, 6)):
        header[f"PV2_{power}"] = 0.1 * rng.normal() / power
    geom = WcsGeom.from_header(header)
    y, x = np.mgrid[-150:190, -150:190]
    lon, lat = geom.wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    y, x = (each.ravel()[np.isfinite(lon + lat)] for each in (y, x))
    assert len(y)
    assert geom.lattice.y0 <= y.min() <= y.max() < geom.lattice.y1
    assert geom.lattice.x0 <= x.min() <= x.max() < geom.lattice.x1
    windows = np.stack([y, y + 1, x, x + 1])
    assert not surely_off(geom._projection, windows).any()
    # Twice the map each way at most, where nothing is known of a plane it is fifty times.
    assert geom.lattice.size < 340**2
