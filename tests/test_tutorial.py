"""docs/tutorial.md: the masks that the page leaves, each against the one that gammapy 2.1 makes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs.utils import skycoord_to_pixel
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from regions import CircleSkyRegion
from scipy import ndimage

import maskexpr as mx

from .pages import close_figures, run

pytest.importorskip("matplotlib", reason="the page draws")
pytest.importorskip("zarr", reason="the page writes zarr")

PAGE = Path(__file__).resolve().parent.parent / "docs/tutorial.md"
Page = dict[str, Any]
Bools = NDArray[np.bool_]

# Radii in pixels that regions 0.11 gives circles of 0.3 deg = 15 pixels round the five sources, whose
# positions gammapy leaves in 32 bits (tests/peers/test_tutorial.py finds them).
RADII_IN_32_BITS = np.array(
    [
        14.99567216378132,
        15.017175081776726,
        14.986952952877454,
        15.032814665252491,
        15.021395948289674,
    ]
)


@pytest.fixture(scope="module")
def page(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """What the page leaves, in the folder that its paths start from. Its figures are made and not drawn:
    tests/test_docs.py runs the page on the same data, and draws them.
    """
    folder = tmp_path_factory.mktemp("tutorial")
    (folder / "shared").symlink_to(shared, target_is_directory=True)
    (folder / "page").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder / "page")
        with pytest.MonkeyPatch.context() as drawing:
            drawing.setattr("matplotlib.figure.Figure.savefig", lambda *args, **options: None)
            found = run(PAGE)
        close_figures()
        yield found


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, NDArray[Any]]:
    return dict(np.load(shared / "reference/mask_tutorial_gammapy.npz"))


def on(mask: mx.Mask, geom: mx.WcsGeom) -> Bools:
    return np.asarray(mask.on(geom).values)


def test_the_maps_of_both(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    header = fits.Header.fromstring(str(reference["roi_header"]))
    ours = page["roi"].to_header()
    for key in ("CTYPE1", "CTYPE2", "CRPIX1", "CRPIX2"):
        assert ours[key] == header[key]
    # The reference's text has 14 digits.
    for key in ("CRVAL1", "CRVAL2", "CDELT1", "CDELT2"):
        assert_allclose(ours[key], header[key], rtol=1e-13)
    assert page["roi"].shape == (250, 250)
    assert page["geom"].shape == (5, 40, 50)
    assert page["image"] == page["geom"].to_image()


def test_energies(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    assert_array_equal(on(page["energies"], page["geom"]), reference["energy_10_700_GeV"])
    assert on(page["rounded"], page["geom"]).sum() == 8000


def test_energies_that_rounding_moved() -> None:
    """A limit is an edge that differs from it by the rounding of float64, not by that of float32."""
    edges = np.geomspace(1, 1000, 10)
    edges[3], edges[6] = np.nextafter(10, 0), np.nextafter(100, 1000)
    exact = mx.WcsGeom.create(npix=1, axes=[mx.Axis("energy", edges * u.GeV, "log")])
    limits = mx.AxisRange("energy", 10 * u.GeV, 100 * u.GeV)
    assert on(limits, exact).sum() == 3
    stored = (edges * (1 - 2e-8)) * u.GeV
    single = mx.WcsGeom.create(npix=1, axes=[mx.Axis("energy", stored, "log")])
    assert on(limits, single).sum() == 3 - 1
    rounded = mx.AxisRange("energy", 10 * u.GeV, 100 * u.GeV, round_to_edge=True)
    assert on(rounded, single).sum() == 3


@pytest.mark.parametrize(
    ("interp", "limit", "first"),
    [
        # gammapy's MapAxis.round gives these edges: half way is 5.5, 3.16 and 4.33 TeV.
        *(("lin", limit, first) for limit, first in ((4, 0), (5.4, 0), (5.6, 1), (0.1, 0), (-1, 0), (14, 1))),
        *(("log", limit, first) for limit, first in ((3, 0), (3.2, 1), (0.1, 0), (0, 0), (-1, 0), (14, 1))),
        *(("sqrt", limit, first) for limit, first in ((4.2, 0), (4.4, 1), (0, 0), (-1, 0))),
    ],
)
def test_limits_are_rounded_as_the_axis_is_measured(interp: str, limit: float, first: int) -> None:
    geom = mx.WcsGeom.create(npix=1, axes=[mx.Axis("energy", [1, 10, 20] * u.TeV, interp)])
    found = on(mx.AxisRange("energy", limit * u.TeV, round_to_edge=True), geom)
    assert found.reshape(-1).tolist() == [first == 0, True]


@pytest.mark.parametrize("metric", ["sky", "pixel"])
def test_regions(page: Page, reference: dict[str, NDArray[Any]], metric: str) -> None:
    drawn = mx.Region("galactic; box(185, -4, 1.0, 0.5, 45); icrs; circle(83.633083, 22.0145, 0.3)", metric)
    assert metric == "pixel" or drawn == page["drawn"]
    assert_array_equal(on(drawn, page["roi"]), reference["regions"])
    assert_array_equal(on(~drawn, page["roi"]), ~reference["regions"])


def test_catalogue(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    assert_array_equal(np.flatnonzero(page["inside"]), reference["catalog_inside"])
    found = on(page["sources"], page["roi"])
    assert_array_equal(on(page["everywhere"], page["roi"]), found)
    # The sphere is not what makes the difference here.
    near = page["positions"][page["inside"]]
    circles = [CircleSkyRegion(each, 0.3 * u.deg) for each in near.galactic]
    assert_array_equal(on(mx.Region(circles, metric="pixel"), page["roi"]), found)
    assert (found.sum(), reference["catalog"].sum()) == (2085, 2088)
    assert (found != reference["catalog"]).sum() == 9
    # Precision is: planar circles of the radii that come of it are gammapy's mask.
    rounded = SkyCoord(near.ra.astype(np.float32), near.dec.astype(np.float32))
    rows, columns = np.mgrid[:250, :250]
    x, y = (each[:, None, None] for each in skycoord_to_pixel(rounded, page["roi"].wcs))
    planar = np.hypot(columns - x, rows - y) < RADII_IN_32_BITS[:, None, None]
    assert_array_equal(planar.any(axis=0), reference["catalog"])


def test_or_and_not(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    roi = page["roi"]
    either, neither = on(page["either"], roi), on(page["exclusion"], roi)
    assert (either.sum(), reference["or"].sum()) == (3318, 3319)
    assert (neither.sum(), reference["exclusion_and"].sum()) == (59182, 59181)
    # Of gammapy's own catalogue mask the algebra makes gammapy's masks.
    catalog = mx.Raster((reference["catalog"], roi))
    assert_array_equal(on(page["drawn"] | catalog, roi), reference["or"])
    assert_array_equal(on(~page["drawn"] & ~catalog, roi), reference["exclusion_and"])
    assert_array_equal(on(~page["drawn"] * ~catalog, roi), reference["exclusion_and"])


def test_significance(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    assert_allclose(page["sqrt_ts"].values, reference["sqrt_ts"][0], rtol=0, atol=1e-10)
    kept = on(page["keep"], page["image"])
    assert_array_equal(kept, reference["significance"][0])
    assert_array_equal(on(page["bright"], page["image"]), ~kept)
    assert np.isnan(reference["sqrt_ts"]).sum() == 344
    # Beyond the map everything is kept too.
    assert on(page["keep"], page["image"].pad(3))[:3].all()


def test_hysteresis(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    with np.errstate(invalid="ignore"):
        low, high = (reference["sqrt_ts"][0] > limit for limit in (2, 5))
    labels, number = ndimage.label(low)
    expected = np.isin(labels, np.unique(labels[high]))
    assert number > 1
    assert high.sum() < expected.sum() < low.sum()
    assert_array_equal(on(page["flanks"], page["image"]), expected)


def test_erode_and_dilate(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    bright, image = page["bright"], page["image"]
    smaller, larger = reference["erode_0.2deg_disk_exact"][0], reference["dilate_0.2deg_disk_exact"][0]
    for size, metric in ((3 * u.pix, "pixel"), ("0.3 deg", "pixel"), ("0.3 deg", "sky")):
        assert_array_equal(on(bright.erode(size, metric=metric), image), smaller)
        assert_array_equal(on(bright.dilate(size, metric=metric), image), larger)
    assert on(page["smaller"], image).sum() == 147
    assert on(page["larger"], image).sum() == 353


def test_boundary(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    assert_allclose(page["r95"].to_value(u.deg), reference["psf_r95_deg"], rtol=1e-12)
    assert_array_equal(on(page["planar"], page["geom"]), reference["boundary"])
    assert_array_equal(on(page["margin"], page["geom"]), reference["boundary"])
    by_energy = on(page["per_energy"], page["geom"])
    for plane, radius in enumerate(page["r95"]):
        assert_array_equal(by_energy[plane], on(mx.Boundary(radius), page["image"]))


def test_files(page: Page) -> None:
    for name, mask, geom in (
        ("mask_fit.fits", page["mask_fit"], page["geom"]),
        ("exclusion.zarr", page["exclusion"], page["roi"]),
        ("exclusion.fits.gz", page["exclusion"], page["roi"]),
    ):
        again = mx.read_mask(name)
        assert_array_equal(again.values, on(mask, geom))
        assert mx.geom_of(again).to_image() == geom.to_image()
        assert mx.loads(again.attrs["maskexpr_expression"]) == mask


def test_the_large_map(page: Page) -> None:
    """A slice of it is what the counts around the slice give by themselves."""
    y, x, size, margin = page["y"], page["x"], 100, 20
    rows, columns = (slice(each - size - margin, each + size + margin) for each in (y, x))
    geom = mx.geom_of(page["mask"].isel(y=rows, x=columns))
    counts = page["sky_counts"][rows, columns].compute()
    background = page["sky_background"][rows, columns].compute()
    sqrt_ts = mx.significance((counts, geom), background, "0.02 deg")
    shining = mx.Threshold(sqrt_ts, ">", 3).dilate("0.02 deg")
    inner = (slice(margin, -margin), slice(margin, -margin))
    assert on(shining, geom)[inner].any()
    assert_array_equal(page["part"].values, on(~(page["everywhere"] | shining), geom)[inner])
    assert page["plan"].n_empty + page["plan"].n_mixed == page["plan"].n_tiles


def test_the_counts_on_the_page(page: Page, reference: dict[str, NDArray[Any]]) -> None:
    """The table, row by row."""
    rows = re.findall(r"^\| (.+?) \| ([\d,]+) \| ([\d,]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    roi, image, geom, bright = (page[name] for name in ("roi", "image", "geom", "bright"))
    three = {"radius": 3 * u.pix, "metric": "pixel"}
    expected = [
        (page["energies"], geom, "energy_10_700_GeV"),
        (page["drawn"], roi, "regions"),
        (page["sources"], roi, "catalog"),
        (page["either"], roi, "or"),
        (page["exclusion"], roi, "exclusion_and"),
        (page["keep"], image, "significance"),
        (bright, image, "significance"),
        (page["smaller"], image, "erode_0.2deg_disk_exact"),
        (bright.erode(**three), image, "erode_0.2deg_disk_exact"),
        (page["larger"], image, "dilate_0.2deg_disk_exact"),
        (bright.dilate(**three), image, "dilate_0.2deg_disk_exact"),
        (page["margin"], image, "boundary"),
        (page["planar"], image, "boundary"),
    ]
    assert len(rows) == len(expected)
    for (step, ours, theirs), (mask, grid, name) in zip(rows, expected, strict=True):
        stored = ~reference[name] if step.startswith("above") else reference[name]
        stored = stored[0] if name == "boundary" else stored
        shown = [int(each.replace(",", "")) for each in (ours, theirs)]
        assert shown == [on(mask, grid).sum(), stored.sum()], step


def test_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page runs where there is no real data."""
    monkeypatch.chdir(tmp_path)
    page = run(PAGE)
    close_figures()
    assert (tmp_path / "simulated/catalogs").is_dir()
    assert page["inside"].sum() == 5
    assert 100 < on(page["bright"], page["image"]).sum() < 400
    assert not page["keep"].contains(page["center"].reshape(1), geom=page["image"])[0]


def test_empty_panels_show_the_whole_map() -> None:
    import matplotlib.pyplot as plt

    geom = mx.WcsGeom.create(npix=(30, 20), binsz=0.1)
    _, (empty, chosen) = plt.subplots(1, 2, subplot_kw={"projection": geom.wcs})
    chosen.set(xlim=(3, 9), ylim=(2, 8))
    for ax in (empty, chosen):
        mx.AllSky().plot(geom, ax=ax)
    assert empty.get_xlim() == (-0.5, 29.5)
    assert empty.get_ylim() == (-0.5, 19.5)
    assert chosen.get_xlim() == (3, 9)
    close_figures()
