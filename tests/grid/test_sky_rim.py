"""The rim of the sky by rows, against wcslib asked for every pixel."""

from __future__ import annotations

import numpy as np
import pytest

from maskexpr import WcsGeom
from maskexpr.grid.sky_rows import sky_by_rows
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
    assert np.array_equal(sky_by_rows(geom, whole), want)
    rng = np.random.default_rng(0)
    for _ in range(10):
        y0, x0 = int(rng.integers(whole.y0, whole.y1)), int(rng.integers(whole.x0, whole.x1))
        y1, x1 = int(rng.integers(y0, whole.y1)) + 1, int(rng.integers(x0, whole.x1)) + 1
        part = want[y0 - whole.y0 : y1 - whole.y0, x0 - whole.x0 : x1 - whole.x0]
        assert np.array_equal(sky_by_rows(geom, Window(y0, y1, x0, x1)), part)


@pytest.mark.parametrize("proj", ["SFL", "PAR", "CAR", "TAN", "STG", "HPX"])
def test_other_skies_are_no_ellipse(proj: str) -> None:
    assert sky_by_rows(WcsGeom.create(npix=(9, 9), binsz=5, proj=proj), Window(0, 3, 0, 3)) is None


def test_parameters_move_the_rim() -> None:
    header = WcsGeom.create(npix=(40, 40), binsz=5, proj="SIN").to_header()
    header.update({"PV2_1": 0.1, "PV2_2": 0.2})
    assert sky_by_rows(WcsGeom.from_header(header), Window(0, 3, 0, 3)) is None
