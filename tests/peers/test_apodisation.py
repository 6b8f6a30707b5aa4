"""Weights beside pixell's own, and beside NaMaster's by what its code says, which is written anew here."""

from __future__ import annotations

from pathlib import Path

import healpy as hp
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from pixell import enmap

import maskexpr as mx

from ..pages import ROOT, close_figures, furnish, run


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    """The columns of the table on the page, degree by degree."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(furnish(tmp_path_factory.mktemp("page")))
        across = run(ROOT / "docs/apodisation.md")["across"]
        assert Path("apodisation.png").stat().st_size > 10_000
    close_figures()
    assert isinstance(across, dict)
    return across


def test_the_table_has_the_numbers_of_pixell(page: dict[str, np.ndarray]) -> None:
    """Its profile at these distances, and its weights of the same edge on a map."""
    np.testing.assert_allclose(page["cos"][:10], enmap.apod_profile_cos(np.arange(1, 11) / 10), atol=1e-6)
    geom = mx.WcsGeom.allsky(binsz=1)
    north = enmap.ndmap(mx.Band(lat=("0 deg", "90 deg")).compute(geom).values, geom.wcs)
    theirs = enmap.apod_mask(north, np.deg2rad(10.0), edge=False)
    np.testing.assert_allclose(theirs[90:101, 77], page["cos"], atol=1e-6)


def by_namaster(selected: np.ndarray, width: float, name: str) -> np.ndarray:
    """Weights of cells in nested order, of ``xn = sqrt((1 - cos d) / (1 - cos width))`` with d to the nearest
    cell that is 0, and 1 where that is further than the width.
    """
    xyz = np.array(hp.pix2vec(hp.npix2nside(len(selected)), np.arange(len(selected)), nest=True))
    nearest = np.array([(xyz[:, each] @ xyz[:, ~selected]).max() for each in np.flatnonzero(selected)])
    xn = np.sqrt(np.maximum(1 - nearest, 0) / (1 - np.cos(np.radians(width))))
    weight = xn - np.sin(2 * np.pi * xn) / (2 * np.pi) if name == "C1" else 0.5 * (1 - np.cos(np.pi * xn))
    out = np.zeros(len(selected))
    out[selected] = np.where(xn < 1, weight, 1.0)
    return out


@pytest.mark.parametrize("name", ["C1", "C2"])
def test_the_table_has_the_numbers_of_namaster(page: dict[str, np.ndarray], name: str) -> None:
    """At one degree from an edge, two, ..., with unit vectors in the place of cells."""
    angles = np.radians(np.arange(1, 11))
    xn = np.sqrt((1 - np.cos(angles)) / (1 - np.cos(np.radians(10.0))))
    want = xn - np.sin(2 * np.pi * xn) / (2 * np.pi) if name == "C1" else 0.5 * (1 - np.cos(np.pi * xn))
    np.testing.assert_allclose(page[name][:10], want, atol=1e-6)
    assert page[name][10] == 1


HOLES = ~mx.Catalog(
    SkyCoord([0, 10, 200, 90, 45], [0, 88, -89, 40, 41.8], unit="deg"),
    ["6 deg", "6 deg", "9 deg", "0.1 deg", "3 deg"],
)


@pytest.mark.parametrize("name", ["C1", "C2"])
@pytest.mark.parametrize("width", [5.0, 14.0, 60.0])
def test_cells_have_the_weights_of_namaster(name: str, width: float) -> None:
    geom = mx.HpxGeom(nside=16)
    want = by_namaster(HOLES.compute(geom).values, width, name)
    np.testing.assert_allclose(HOLES.apodize(geom, f"{width} deg", name).values, want, atol=2e-7)


@pytest.mark.parametrize("degrees", [4.0, 14.0])
def test_maps_have_the_weights_of_pixell(degrees: float) -> None:
    """But for its distances, which are up to a third of a pixel too large."""
    geom = mx.WcsGeom.allsky(binsz=1)
    kept = enmap.ndmap(HOLES.compute(geom).values, geom.wcs)
    theirs = np.asarray(enmap.apod_mask(kept, np.deg2rad(degrees), edge=False))
    ours = HOLES.apodize(geom, f"{degrees} deg", "cos").values
    steepest = np.pi / 2 / degrees
    assert (theirs - ours).min() > -1e-6
    assert (theirs - ours).max() < 0.34 * steepest
    assert np.abs(theirs - ours).mean() < 0.02
    assert ((ours == 0) == (theirs == 0)).all()
