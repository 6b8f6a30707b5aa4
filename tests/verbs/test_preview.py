"""The preview: right pixels, right colours, and never the full map."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.typing import NDArray

from maskexpr import AllSky, Axis, AxisRange, Band, Catalog, HpxGeom, Mask, NoSky, WcsGeom
from maskexpr.core.trace import tracing
from maskexpr.errors import (
    AxisError,
    GeometryError,
    MaskTypeError,
    MaskValueError,
    MissingDependencyError,
)
from maskexpr.nodes.dilate import Dilate
from maskexpr.verbs import plot as preview
from maskexpr.verbs.plot import MOST_PIXELS, axes_for, coarser, plot

plt = pytest.importorskip("matplotlib.pyplot", reason="a preview is drawn with matplotlib")
to_rgba = pytest.importorskip("matplotlib.colors").to_rgba

ENERGY = Axis.from_bounds("energy", 1 * u.GeV, 1000 * u.GeV, 3)
CRAB = SkyCoord(83.63, 22.01, unit="deg")
PLANE = Band(lat=("-5 deg", "5 deg"), frame="galactic")


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(ax: Any) -> NDArray[np.float64]:
    """Colours of the image, shape (ny, nx, 4)."""
    return np.asarray(ax.images[-1].get_array())


def selected(ax: Any, color: str = "tab:blue") -> NDArray[np.bool_]:
    return np.asarray(np.all(drawn(ax) == to_rgba(color), axis=-1))


GEOMETRIES = {
    "allsky": WcsGeom.allsky(binsz=2, frame="galactic"),
    "aitoff": WcsGeom.allsky(binsz=3, frame="icrs", proj="AIT"),
    "pole": WcsGeom.create(skydir=(0, 90), npix=(31, 20), binsz=2, proj="ZEA"),
    "seam": WcsGeom.create(skydir=(0, 10), npix=(31, 20), binsz=1.5, frame="icrs"),
    "oblong": WcsGeom.create(skydir=(83, 22), npix=(31, 40), binsz=(1, 0.5), proj="TAN"),
    "pixel": WcsGeom.create(skydir=(83.6, 22), npix=1, binsz=1, proj="TAN"),
}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_a_small_map_is_drawn_as_it_is(name: str) -> None:
    geom = GEOMETRIES[name]
    mask = Catalog(SkyCoord([83.63, 0, 10], [22.01, 89, 5], unit="deg"), "6 deg") | PLANE
    ax = plot(mask, geom)
    np.testing.assert_array_equal(selected(ax), mask.on(geom).values)


def test_off_the_sky_nothing_is_drawn() -> None:
    geom = GEOMETRIES["aitoff"]
    off = ~np.isfinite(geom.lonlat(*np.indices(geom.image_shape))[0])
    assert 0 < np.count_nonzero(off) < off.size
    for mask in (AllSky(), NoSky(), ~PLANE):
        np.testing.assert_array_equal(drawn(plot(mask, geom))[..., 3] == 0, off)


@pytest.mark.parametrize(
    "shape", [(18000, 36000), (720_000, 1_440_000), (501, 1003), (7, 200_000), (1, 10**9), (3, 4)]
)
@pytest.mark.parametrize("most", [1, 1000, MOST_PIXELS])
def test_coarse_map_is_bounded_and_covers_the_map(shape: tuple[int, int], most: int) -> None:
    geom = WcsGeom.create(npix=shape[::-1], binsz=1e-7, proj="TAN")
    coarse, factor = coarser(geom, most)
    rows, columns = coarse.image_shape
    assert rows * columns <= most
    assert rows * factor >= shape[0] > (rows - 1) * factor
    assert columns * factor >= shape[1] > (columns - 1) * factor
    np.testing.assert_allclose(coarse.pixel_scales.value, geom.pixel_scales.value * factor)
    if factor == 1:
        assert coarse == geom


def test_coarse_pixels_are_where_the_fine_ones_are() -> None:
    """The centre of a coarse pixel is the centre of its block of pixels, by astropy's WCS."""
    geom = WcsGeom.create(skydir=(83, 22), npix=(307, 211), binsz=(0.1, 0.05), proj="TAN")
    coarse, factor = coarser(geom, 1000)
    assert factor > 1
    y, x = np.indices(coarse.image_shape)
    lon, lat = WCS(geom.to_header()).wcs_pix2world((x + 0.5) * factor - 0.5, (y + 0.5) * factor - 0.5, 0)
    got = coarse.lonlat(y, x)
    np.testing.assert_allclose(got[0], lon, atol=1e-9)
    np.testing.assert_allclose(got[1], lat, atol=1e-9)


def huge(**options: Any) -> WcsGeom:
    return WcsGeom.create(npix=(1_440_000, 720_000), binsz=360 / 1_440_000, frame="galactic", **options)


@pytest.mark.parametrize(
    "geom", [huge(), huge(proj="AIT"), huge(axes=[ENERGY]), None], ids=["CAR", "AIT", "cube", "none"]
)
def test_the_full_map_is_never_computed(geom: WcsGeom | None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = preview.evaluate_planes

    def watched(mask: Mask, on: WcsGeom, window: Any, planes: Any) -> Any:
        asked.append(len(planes) * window.shape[0] * window.shape[1])
        return real(mask, on, window, planes)

    monkeypatch.setattr(preview, "evaluate_planes", watched)
    mask = Catalog(CRAB, "10 deg") | ~PLANE
    if geom is not None and geom.axes:
        mask &= AxisRange("energy", "10 GeV", "1 TeV")
    with tracing() as counts:
        ax = plot(mask, geom)
    assert len(asked) == 1
    assert asked[0] <= MOST_PIXELS
    assert counts["tiles"] == 1
    assert 0 < counts["pixels"] <= MOST_PIXELS
    assert 0 < np.count_nonzero(selected(ax)) < selected(ax).size


@pytest.mark.usefixtures("no_compute")
def test_no_dask_task_runs() -> None:
    plot(PLANE, huge())


def test_coarse_map_is_a_sample_of_the_mask() -> None:
    """Each coarse pixel has the value that the mask has at its centre, asked without a grid."""
    mask = Catalog(CRAB, "8 deg") - Band(lat=("-8 deg", "-5 deg"), frame="galactic")
    geom = WcsGeom.create(skydir=CRAB, npix=(5003, 4001), binsz=0.006, proj="TAN", frame="icrs")
    coarse, factor = coarser(geom, 20_000)
    assert factor > 1
    places = SkyCoord(*coarse.lonlat(*np.indices(coarse.image_shape)), unit="deg", frame="icrs")
    np.testing.assert_array_equal(selected(plot(mask, geom, most=20_000)), mask.contains(places))


def test_axes_show_the_map_and_no_more() -> None:
    geom = WcsGeom.create(skydir=CRAB, npix=(1503, 1001), binsz=0.01, proj="TAN", frame="icrs")
    ax = plot(PLANE, geom)
    assert (ax.get_xlim(), ax.get_ylim()) == ((-0.5, 1502.5), (-0.5, 1000.5))
    left, right, bottom, top = ax.images[0].get_extent()
    assert (left, bottom) == (-0.5, -0.5)
    assert right >= 1502.5
    assert top >= 1000.5


def test_planes_of_a_cube() -> None:
    geom = WcsGeom.create(skydir=(0, 0), npix=(20, 10), binsz=2, frame="galactic", axes=[ENERGY])
    mask = (PLANE & AxisRange("energy", "10 GeV", "100 GeV")) | (
        Catalog(SkyCoord(0, 0, unit="deg", frame="galactic"), "9 deg") - PLANE
    )
    values = mask.on(geom).values
    np.testing.assert_array_equal(selected(plot(mask, geom)), values.any(axis=0))
    for plane in (0, 1, (2,), -1):
        np.testing.assert_array_equal(selected(plot(mask, geom, plane=plane)), values[plane])
    for wrong in (3, -4, (0, 0)):
        with pytest.raises(AxisError, match="energy 3"):
            plot(mask, geom, plane=wrong)
    with pytest.raises(AxisError, match="none"):
        plot(PLANE, geom.to_image(), plane=0)


def test_on_axes_of_ones_own() -> None:
    """Over an image of the same map: its limits stay and what is not selected shows through."""
    geom = WcsGeom.create(skydir=CRAB, npix=(60, 40), binsz=0.5, proj="TAN", frame="icrs")
    ax = plt.figure().add_subplot(projection=geom.wcs)
    ax.imshow(np.zeros(geom.shape), origin="lower")
    ax.set(xlim=(10, 30), ylim=(5, 25))
    assert plot(PLANE, geom, ax=ax, color="red", alpha=0.5) is ax
    assert (ax.get_xlim(), ax.get_ylim()) == ((10, 30), (5, 25))
    np.testing.assert_array_equal(selected(ax, "red"), PLANE.on(geom).values)
    assert np.all(drawn(ax)[~selected(ax, "red")][:, 3] == 0)
    assert ax.images[-1].get_alpha() == 0.5
    assert ax.get_title() == ""
    assert plot(PLANE, geom, ax=ax, title="mine").get_title() == "mine"


def test_axes_say_what_to_draw() -> None:
    geom = WcsGeom.create(skydir=CRAB, npix=(60, 40), binsz=0.5, proj="TAN", frame="icrs")
    ax = plt.figure().add_subplot(projection=geom.wcs)
    ax.set(xlim=(-0.5, 59.5), ylim=(-0.5, 39.5))
    np.testing.assert_array_equal(selected(plot(PLANE, ax=ax)), PLANE.on(geom).values)


def test_wrong_axes_are_refused() -> None:
    geom = WcsGeom.create(skydir=CRAB, npix=(60, 40), binsz=0.5, proj="TAN", frame="icrs")
    with pytest.raises(MaskTypeError, match=r"give the geom .* plt.subplot\(projection=geom.wcs\)"):
        plot(PLANE, ax=plt.figure().add_subplot())
    for wrong in (plt.figure(), np.array([axes_for(geom)]), geom):
        with pytest.raises(MaskTypeError, match="axes of matplotlib"):
            plot(PLANE, geom, ax=wrong)
    with pytest.raises(MaskValueError, match="another projection"):
        plot(PLANE, geom.crop(3), ax=axes_for(geom))
    with pytest.raises(MaskTypeError, match="WcsGeom"):
        plot(PLANE, "CAR")  # type: ignore[arg-type]
    with pytest.raises(GeometryError):
        plot(PLANE, ax=plt.figure().add_subplot(projection=WCS(naxis=2)))


@pytest.mark.parametrize("origin", ["lower", "upper"])
def test_on_axes_of_imshow(origin: str) -> None:
    """They count pixels: each selected pixel is drawn on its own pixel of the array, whichever way is up."""
    geom = WcsGeom.create(skydir=CRAB, npix=(60, 40), binsz=0.5, proj="TAN", frame="icrs")
    mask = Catalog(CRAB, "5 deg")
    inside = mask.on(geom).values
    figure, ax = plt.subplots()
    ax.imshow(inside, origin=origin, cmap="gray", aspect="auto")
    limits = ax.get_xlim(), ax.get_ylim()
    assert plot(mask, geom, ax=ax, color="red", alpha=1.0, legend=False) is ax
    assert (ax.get_xlim(), ax.get_ylim()) == limits
    assert ax.get_aspect() == "auto"
    figure.canvas.draw()
    shown = np.asarray(figure.canvas.buffer_rgba())
    red = (shown[..., 0] == 255) & (shown[..., 1] == 0)
    y, x = np.nonzero(np.ones_like(inside))
    at = np.floor(ax.transData.transform(np.stack([x, y], axis=-1))).astype(int)
    np.testing.assert_array_equal(red[len(shown) - 1 - at[:, 1], at[:, 0]], inside.ravel())


def test_on_axes_of_pixels() -> None:
    geom = WcsGeom.create(skydir=CRAB, npix=(60, 40), binsz=0.5, proj="TAN", frame="icrs")
    empty = plot(PLANE, geom, ax=plt.figure().add_subplot())
    assert (empty.get_xlim(), empty.get_ylim()) == ((-0.5, 59.5), (-0.5, 39.5))
    mesh = plt.figure().add_subplot()
    PLANE.on(geom).plot(ax=mesh, add_colorbar=False)
    plot(PLANE, geom, ax=mesh, outline=True)
    lines = plt.figure().add_subplot()
    lines.plot([1, 2], [3, 4])
    np.testing.assert_array_equal(selected(plot(PLANE, geom, ax=lines)), PLANE.on(geom).values)


def test_pictures_of_other_pixels_are_refused() -> None:
    """A mask is never drawn beside what it is about."""
    geom = WcsGeom.create(skydir=CRAB, npix=(60, 40), binsz=0.5, proj="TAN", frame="icrs")
    for options in ({"extent": (0, 30, 0, 20)}, {"extent": (59.5, -0.5, 0, 39.5)}):
        ax = plt.figure().add_subplot()
        ax.imshow(np.zeros(geom.shape), **options)
        with pytest.raises(MaskValueError, match=r"x = -?0(.5)? \.\.\. .* without extent="):
            plot(PLANE, geom, ax=ax)
    ax = plt.figure().add_subplot()
    ax.imshow(np.zeros((20, 30)))
    with pytest.raises(MaskValueError, match=r"29\.5.* 59\.5"):
        plot(PLANE, geom, ax=ax)
    ax = plt.figure().add_subplot()
    ax.pcolormesh(np.linspace(70, 100, 61), np.linspace(12, 32, 41), np.zeros(geom.shape))
    with pytest.raises(MaskValueError, match=r"x = 70 \.\.\. 100"):
        plot(PLANE, geom, ax=ax)


@pytest.mark.parametrize(("slices", "right"), [(("x", "y", 0), True), (("y", "x", 0), False)])
def test_slices_of_a_wcs_of_three_axes(slices: tuple[Any, ...], right: bool) -> None:
    geom = WcsGeom.create(skydir=CRAB, npix=(60, 40), binsz=0.5, proj="TAN", frame="icrs")
    cube = WCS(naxis=3)
    cube.wcs.ctype = ["RA---TAN", "DEC--TAN", "FREQ"]
    cube.wcs.cunit = ["deg", "deg", "Hz"]
    cube.wcs.crval, cube.wcs.crpix, cube.wcs.cdelt = (83.63, 22.01, 1e9), (30.5, 20.5, 1), (-0.5, 0.5, 1e9)
    ax = plt.figure().add_subplot(projection=cube, slices=slices)
    ax.imshow(np.zeros(geom.shape if right else geom.shape[::-1]))
    if right:
        np.testing.assert_array_equal(selected(plot(Catalog(CRAB, "5 deg"), ax=ax)).sum(), 316)
    else:
        with pytest.raises(MaskValueError, match="another order"):
            plot(PLANE, ax=ax)


def test_polarity_is_written_on_the_picture() -> None:
    ax = plot(~PLANE)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["selected", "not selected"]
    faces = [patch.get_facecolor() for patch in ax.get_legend().get_patches()]
    assert faces == [to_rgba("tab:blue"), to_rgba("0.9")]
    assert ax.get_title() == "~Band(lat=(-5 deg, 5 deg), frame='galactic')"
    pole = drawn(ax)[330, 360]
    assert tuple(pole) == to_rgba("tab:blue")
    assert plot(PLANE, legend=False).get_legend() is None


def test_whole_sky_is_an_ellipse_that_the_axes_hold() -> None:
    """The limb, where Aitoff's plane ends, is the frame: inside it everything is sky, by wcslib."""
    for proj in ("AIT", "MOL"):
        geom = WcsGeom.allsky(binsz=1, frame="galactic", proj=proj)
        ax = plot(AllSky(), geom)
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        angle = np.linspace(0.01, 2 * np.pi, 50)
        for scale, on_sky in ((0.999, True), (1.001, False)):
            x = (x0 + x1) / 2 + scale * (x1 - x0) / 2 * np.cos(angle)
            y = (y0 + y1) / 2 + scale * (y1 - y0) / 2 * np.sin(angle)
            assert np.all(np.isfinite(geom.lonlat(y, x)[0]) == on_sky)


def test_every_projection_is_drawn() -> None:
    """With labels and graticule, which astropy works out only when the figure is drawn."""
    for geom in [
        *GEOMETRIES.values(),
        WcsGeom.allsky(binsz=5, proj="HPX"),
        WcsGeom.allsky(binsz=5, frame="fk5"),
    ]:
        plot(PLANE, geom).figure.canvas.draw()


def test_labels_name_the_frame() -> None:
    labels = [each.get_axislabel() for each in plot(PLANE, GEOMETRIES["seam"]).coords]
    assert labels == ["Right ascension", "Declination"]
    labels = [each.get_axislabel() for each in plot(PLANE, GEOMETRIES["allsky"]).coords]
    assert labels == ["Galactic longitude", "Galactic latitude"]


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def absent(name: str) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingDependencyError, match=r"maskexpr\[plot\]"):
        plot(PLANE)


def test_what_a_notebook_shows() -> None:
    """Well-formed, escaped, and with the words that matter."""
    mask = ~(PLANE | Catalog(CRAB, "1 deg"))
    geom = GEOMETRIES["allsky"]
    for thing, words in ((mask, "frame='galactic'"), (mask.plan(geom), "mixed"), (geom, "CAR galactic")):
        text = "".join(ElementTree.fromstring(thing._repr_html_()).itertext())
        assert words in text


def test_title_warns_of_radii_in_pixels() -> None:
    grown = Dilate(PLANE, 3 * u.pix, metric="pixel")
    geom = WcsGeom.allsky(binsz=0.1, frame="galactic")
    assert "4 times as large" in plot(grown, geom).get_title()
    assert "times as large" not in plot(grown, GEOMETRIES["allsky"]).get_title()
    assert "times as large" not in plot(Dilate(PLANE, "3 deg"), geom).get_title()


def test_outline_is_the_edge_and_leaves_the_picture() -> None:
    geom = WcsGeom.create(skydir=(83, 22), npix=(60, 50), binsz=0.1, proj="TAN")
    ax = axes_for(geom)
    ax.imshow(np.zeros(geom.image_shape), origin="lower")
    limits = ax.get_xlim(), ax.get_ylim()
    mask = Catalog(SkyCoord(83, 22, unit="deg"), "1 deg")
    plot(mask, geom, ax, outline=True, color="red", legend=False, linewidths=2)
    assert len(ax.images) == 1
    assert (ax.get_xlim(), ax.get_ylim()) == limits
    [path] = ax.collections[-1].get_paths()
    centre = geom.wcs.world_to_pixel(SkyCoord(83, 22, unit="deg"))
    # The edge runs between pixel centres: within a pixel of the circle of ten pixels.
    apart = np.hypot(*(path.vertices - np.array(centre)).T)
    assert np.abs(apart - 10).max() < 1
    for nothing in (NoSky(), AllSky()):
        plot(nothing, geom, ax, outline=True)


# ---- HEALPix


def is_red(ax: Any) -> NDArray[np.bool_]:
    """Where the picture on some axes has the colour of what is selected."""
    return np.asarray((drawn(ax) == to_rgba("red")).all(axis=-1))


@pytest.mark.parametrize("order", [3, 12])
def test_cells_are_drawn_projected(order: int) -> None:
    """A pixel has the colour of the cell of order 8, or of the grid's own, that holds it."""
    grid = HpxGeom(order=order, frame="galactic")
    ax = PLANE.plot(grid, color="red")
    assert ax.get_title() == repr(PLANE)
    shown = WcsGeom.allsky(binsz=0.5, frame="galactic", proj="AIT")
    coarse = HpxGeom(order=min(order, 8), frame="galactic")
    y, x = np.nonzero(AllSky().compute(shown).values)
    lon, lat = shown.lonlat(y, x)
    row, column = coarse.array_index(lon, lat)
    cells = coarse.places(row, column)[0]
    np.testing.assert_array_equal(is_red(ax)[y, x], PLANE.compute(coarse).values[cells])


def test_few_cells_are_drawn_large() -> None:
    cells = Catalog(CRAB, "2 deg").to_moc(9)
    ax = Catalog(CRAB, "1 deg").plot(HpxGeom(order=9, cells=cells), color="red")
    ny, nx = ax.images[-1].get_array().shape[:2]
    assert ny == nx
    assert 400 < ny < 600
    # A circle of 1 deg on a map about 4 deg wide.
    assert 0.1 < is_red(ax).mean() < 0.25


def test_cells_on_axes_that_are_there() -> None:
    geom = WcsGeom.create(skydir=CRAB, npix=50, binsz=0.2, proj="TAN")
    ax = plt.subplot(projection=geom.wcs)
    ax.set_xlim(-0.5, 49.5)
    ax.set_ylim(-0.5, 49.5)
    varying = Catalog(CRAB, "2 deg") & AxisRange("energy", "10 GeV", None)
    varying.plot(HpxGeom(order=7, axes=[ENERGY]), ax=ax, color="red")
    assert 0.05 < is_red(ax).mean() < 0.25
