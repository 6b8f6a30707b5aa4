"""Growing and shrinking in pixels against gammapy's exact morphology (``use_fft=False``)."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest

pytest.importorskip("gammapy")

from gammapy.maps import WcsNDMap

from maskexpr.compile.evaluate import evaluate
from maskexpr.grid.tiles import Tile
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.growth.as_gammapy import gammapy_radius, gammapy_structure
from maskexpr.nodes.boundary import Boundary
from maskexpr.nodes.catalog import Catalog
from maskexpr.nodes.dilate import Dilate
from maskexpr.nodes.erode import Erode
from maskexpr.pixels.window import Window

MAPS = {
    "square": WcsGeom.create(skydir=(83.6, 22.0), npix=(50, 43), binsz=0.1, proj="TAN"),
    "oblong": WcsGeom.create(
        skydir=(10, -40), npix=(40, 37), binsz=(0.1, 0.25), proj="TAN", frame="galactic"
    ),
    "car": WcsGeom.create(skydir=(0, 0), npix=(60, 40), binsz=0.2, proj="CAR"),
}
WIDTHS = ["0.1 deg", "0.2 deg", "0.33 deg", "0.55 deg", "1.2 deg"]


def values(mask: Any, geom: WcsGeom) -> np.ndarray:
    ny, nx = geom.image_shape
    return evaluate(mask, Tile(geom, Window(0, ny, 0, nx)))


def sources(geom: WcsGeom) -> Catalog:
    rng = np.random.default_rng(1)
    there = geom.center_skydir.directional_offset_by(
        rng.uniform(0, 360, 25) * u.deg, rng.uniform(0, 5, 25) * u.deg
    )
    return Catalog(there.icrs, rng.uniform(0.05, 0.5, 25) * u.deg)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("kernel", ["disk", "box"])
@pytest.mark.parametrize("width", [*WIDTHS, (0.3, 0.7) * u.deg])
def test_structure_is_gammapys(name: str, kernel: str, width: Any) -> None:
    geom = MAPS[name]
    want = geom.to_gammapy().binary_structure(width, kernel=kernel)
    assert np.array_equal(gammapy_structure(geom, width, kernel), want > 0)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("kernel", ["disk", "box"])
@pytest.mark.parametrize("width", [*WIDTHS, (0.3, 0.7) * u.deg])
def test_dilation_and_erosion_are_gammapys(name: str, kernel: str, width: Any) -> None:
    geom = MAPS[name]
    mask = sources(geom)
    radius = gammapy_radius(geom, width, kernel)
    for node, verb, selected in ((Dilate, "binary_dilate", mask), (Erode, "binary_erode", ~mask)):
        theirs = WcsNDMap.from_geom(geom.to_gammapy(), data=values(selected, geom))
        want = getattr(theirs, verb)(width=u.Quantity(width), kernel=kernel, use_fft=False).data
        got = values(node(selected, radius, kernel=kernel, metric="pixel"), geom)
        assert np.array_equal(got, want)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("width", ["0.13 deg", "0.27 deg", "0.3 deg", "0.51 deg", "0.98 deg"])
def test_boundary_is_gammapys(name: str, width: str) -> None:
    geom = MAPS[name]
    theirs = exact_boundary(geom, u.Quantity([u.Quantity(width)] * 2))
    if name == "oblong":
        # gammapy puts the width in columns on rows and the other way round; ours have to be given by hand.
        lon, lat = (u.Quantity(width) / geom.pixel_scales).to_value("") * u.pix
        got = values(Boundary((lat, lon), metric="pixel"), geom)
    else:
        got = values(Boundary(width, metric="pixel"), geom)
    assert np.array_equal(got, theirs)


def test_gammapys_pair_of_widths_is_swapped() -> None:
    geom = MAPS["square"]
    theirs = exact_boundary(geom, [0.3, 0.7] * u.deg)
    assert np.array_equal(values(Boundary(("0.7 deg", "0.3 deg"), metric="pixel"), geom), theirs)
    assert not np.array_equal(values(Boundary(("0.3 deg", "0.7 deg"), metric="pixel"), geom), theirs)


def exact_boundary(geom: WcsGeom, width: u.Quantity) -> np.ndarray:
    """gammapy's ``boundary_mask`` with exact morphology in place of its FFT."""
    theirs = geom.to_gammapy()
    full = WcsNDMap.from_geom(theirs, data=np.ones(theirs.data_shape, dtype=bool))
    return full.binary_erode(width=2 * width, kernel="box", use_fft=False).data
