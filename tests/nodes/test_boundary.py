"""Boundary: against all pixels beyond the map, on the sphere; against scipy's erosion, in pixels."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from scipy import ndimage
from scipy.spatial import cKDTree

from maskexpr.compile.evaluate import Evaluator, evaluate
from maskexpr.core.trace import tracing
from maskexpr.errors import AngleError, AxisError, MaskValueError, NeedsGridError
from maskexpr.grid.axis import Axis
from maskexpr.grid.points import Points
from maskexpr.grid.tiles import Tile
from maskexpr.grid.wcs.geom import WcsGeom
from maskexpr.nodes.boundary import Boundary
from maskexpr.pixels.window import Window
from maskexpr.testing import check_node, geometries

PARTS = {
    "car": WcsGeom.create(npix=(60, 40), binsz=2),
    "over the pole": WcsGeom.create(skydir=(180, 80), npix=(60, 40), binsz=1.5),
    "all longitudes": WcsGeom.create(npix=(72, 16), binsz=5),
    "up to the pole": WcsGeom.allsky(binsz=5).window(Window(20, 36, 0, 72)),
    "half an aitoff": WcsGeom.allsky(binsz=4, proj="AIT").window(Window(0, 45, 0, 50)),
    "tan": WcsGeom.create(skydir=(180, 80), npix=(60, 40), binsz=0.5, proj="TAN"),
    "oblong": WcsGeom.create(skydir=(20, 30), npix=(30, 40), binsz=(2, 0.5), proj="TAN"),
    "sine": WcsGeom.create(skydir=(20, 30), npix=(20, 40), binsz=2, proj="SIN"),
}
WHOLE = {
    "car": WcsGeom.allsky(binsz=5),
    "aitoff": WcsGeom.allsky(binsz=5, proj="AIT", frame="galactic"),
    "mollweide": WcsGeom.allsky(binsz=5, proj="MOL"),
    "healpix": WcsGeom.allsky(binsz=5, proj="HPX"),
    "a column twice": WcsGeom.create(skydir=(0, 0), npix=(72, 36), binsz=5, refpix=(36.0, 18.5)),
}


def whole(geom: WcsGeom) -> Window:
    ny, nx = geom.image_shape
    return Window(0, ny, 0, nx)


def on_map(mask: Boundary, geom: WcsGeom, plane: tuple[int, ...] = ()) -> np.ndarray:
    return evaluate(mask, Tile(geom, whole(geom), plane))


def outside(geom: WcsGeom, parts: int = 8) -> np.ndarray:
    """Unit vectors (n, 3) of places on the sky and not on the map, from close to its border on."""
    ny, nx = geom.image_shape
    lattice = geom.lattice or whole(geom).pad(3)
    window = lattice.intersect(whole(geom).pad(3)) if geom.projection != "AIT" else lattice
    y, x = (
        np.concatenate([np.arange(low, high + 0.5 / parts, 1 / parts), [-0.5 - 1e-7, n - 0.5 + 1e-7]])
        for low, high, n in ((window.y0, window.y1, ny), (window.x0, window.x1, nx))
    )
    lon, lat = geom.lonlat(y[:, None], x[None, :])
    # wcslib takes what is a little beyond a pole for the pole.
    there = np.isfinite(lon) & (np.abs(np.nan_to_num(lat)) < 90 - 1e-6)
    there[there] = ~geom.contains(SkyCoord(lon[there], lat[there], unit="deg", frame=geom.frame))
    return vectors(lon[there], lat[there])


def vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    lon, lat = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def centres(geom: WcsGeom) -> tuple[np.ndarray, np.ndarray]:
    return geom.lonlat(*np.mgrid[: geom.image_shape[0], : geom.image_shape[1]])


def to_outside(geom: WcsGeom, parts: int = 8) -> np.ndarray:
    """Degrees from pixel centres to the nearest place outside, NaN off the sky; never too little."""
    lon, lat = centres(geom)
    on_sky = np.isfinite(lon)
    chord, _ = cKDTree(outside(geom, parts)).query(vectors(lon[on_sky], lat[on_sky]))
    out = np.full(lon.shape, np.nan)
    out[on_sky] = np.degrees(2 * np.arcsin(chord / 2))
    return out


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("width", [0.0, 1.03, 3.71, 13.17])
def test_sky_is_the_distance_to_what_is_not_on_the_map(name: str, width: float) -> None:
    geom = PARTS[name]
    distance = to_outside(geom)
    slack = 0.15 * float(geom.pixel_scales.max().value)
    if name != "half an aitoff":
        # The border runs along the places: the nearest is off by a sixteenth of a pixel along it.
        slack = np.hypot(max(width, 0.25), 0.16 * float(geom.pixel_scales.max().value)) - max(width, 0.25)
    found = on_map(Boundary(width * u.deg), geom)
    with np.errstate(invalid="ignore"):
        assert not found[~(distance > width)].any()
        assert found[distance > width + slack].all()
    parts, _ = Tile(geom, whole(geom)).tiles.split(17)
    for tile in (parts.tile(i) for i in range(len(parts))):
        y0, y1, x0, x1 = tile.window
        assert np.array_equal(evaluate(Boundary(width * u.deg), tile), found[y0:y1, x0:x1])


@pytest.mark.parametrize("name", ["car", "over the pole", "tan", "half an aitoff"])
def test_a_pair_is_lon_then_lat(name: str) -> None:
    geom = PARTS[name]
    lon, lat = centres(geom)
    on_sky = np.isfinite(lon)
    there = outside(geom, 4)
    at_lon, at_lat = np.arctan2(there[:, 1], there[:, 0]), np.arcsin(np.clip(there[:, 2], -1, 1))
    for name, scale in (("surely", 1.0), ("perhaps", 1.08)):
        near = np.zeros(lon.shape, dtype=bool)
        for i in np.flatnonzero(on_sky.ravel()):
            a, b = np.radians(lon.ravel()[i]), np.radians(lat.ravel()[i])
            turned = np.abs((a - at_lon + np.pi) % (2 * np.pi) - np.pi) * np.maximum(
                np.cos(b), np.cos(at_lat)
            )
            slack = (scale - 1) * np.radians(8)
            near.ravel()[i] = (
                (turned <= np.radians(6) + slack) & (np.abs(b - at_lat) <= np.radians(2) + slack)
            ).any()
        found = on_map(Boundary(("6 deg", "2 deg")), geom)
        assert not found[near].any() if name == "surely" else found[on_sky & ~near].all()
        assert found.any()


@pytest.mark.parametrize("width", [2.0, 3.0, 4.0, 7.0])
def test_ties_with_parallels_and_meridians_are_out(width: float) -> None:
    """Centres exactly at the width from a border, of which astropy's digits fall on either side."""
    geom = WcsGeom.create(skydir=(0, 0), npix=(60, 20), binsz=2)
    y = np.arange(20)
    to_row = np.minimum(y, 19 - y) * 2.0 + 1
    # The middle column is nearer to a row than to a side.
    assert np.array_equal(on_map(Boundary(width * u.deg), geom)[:, 30], to_row > width)
    odd = WcsGeom.create(skydir=(0, 0), npix=(31, 90), binsz=2)
    lon, lat = centres(odd)
    across = np.degrees(
        np.arcsin(np.sin(np.radians(31 - np.abs((lon + 180) % 360 - 180))) * np.cos(np.radians(lat)))
    )
    across = np.where(np.abs(across - width) < 1e-9, width, across)
    found = on_map(Boundary(width * u.deg), odd)
    rows = slice(10, 80)
    assert np.array_equal(found[rows], across[rows] > width)


@pytest.mark.parametrize("metric", ["sky", "pixel"])
def test_six_rings(metric: str) -> None:
    """Pixels of 0.1 deg whose centres are 0.05 ... 0.55 deg from the border are out."""
    for proj in ("TAN", "CAR"):
        geom = WcsGeom.create(skydir=(0, 0), npix=(40, 30), binsz=0.1, proj=proj)
        want = np.pad(np.ones((18, 28), dtype=bool), 6)
        found = on_map(Boundary("0.57 deg", metric=metric), geom)
        assert np.array_equal(found, want)


@pytest.mark.parametrize("pv", [1.0, 0.7071])
def test_a_cylinder_cut_before_its_poles(pv: float) -> None:
    header = {
        "NAXIS": 2, "NAXIS1": 60, "NAXIS2": 36, "CTYPE1": "GLON-CYP", "CTYPE2": "GLAT-CYP",
        "CRVAL1": 0.0, "CRVAL2": 0.0, "CRPIX1": 30.5, "CRPIX2": 18.5, "CDELT1": -3.0, "CDELT2": 3.0,
        "PV2_1": 1.0, "PV2_2": pv,
    }  # fmt: skip
    geom = WcsGeom.from_header(fits.Header(header))
    distance = to_outside(geom)
    found = on_map(Boundary("10 deg"), geom)
    assert not found[~(distance > 10)].any()
    assert found[distance > 10.01].all()


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("width", ["0 deg", "3 deg", "40 deg", ("10 deg", "3 deg")])
def test_an_allsky_map_has_no_edge(name: str, width: object) -> None:
    geom = WHOLE[name]
    on_sky = np.isfinite(geom.lonlat(*np.mgrid[: geom.image_shape[0], : geom.image_shape[1]])[0])
    assert np.array_equal(on_map(Boundary(width), geom), on_sky)


def test_an_allsky_map_is_decided_at_once() -> None:
    geom = WcsGeom.allsky(binsz=0.01)
    with tracing() as counts:
        assert evaluate(Boundary("1 deg"), Tile(geom, Window(0, 500, 0, 500))).all()
    assert counts["pixels"] == 0
    far = WcsGeom.create(skydir=(0, 0), npix=(1_000_000, 500_000), binsz=1e-4)
    assert evaluate(Boundary("0.2 deg"), Tile(far, Window(200_000, 200_300, 500_000, 500_300))).all()
    rim = evaluate(Boundary("0.01 deg"), Tile(far, Window(0, 300, 500_000, 500_200)))
    assert np.array_equal(rim, np.repeat((np.arange(300) >= 100)[:, None], 200, axis=1))


@pytest.mark.parametrize("name", geometries())
def test_laws_of_a_node(name: str) -> None:
    geom = geometries()[name]
    check_node(Boundary("7 deg"), geom, side=11)
    check_node(Boundary((2 * u.pix, 5 * u.pix), metric="pixel"), geom, side=11)


@pytest.mark.parametrize(
    ("width", "pixels"), [(0, 0), (0.4, 0), (0.5, 0), (0.51, 1), (1, 1), (3.5, 3), (4, 4), (30, 30)]
)
def test_pixels_count_from_the_edge_of_the_outermost(width: float, pixels: int) -> None:
    geom = WcsGeom.create(npix=(50, 41), binsz=1, proj="TAN")
    want = ndimage.binary_erosion(np.ones((41, 50), dtype=bool), np.ones((2 * pixels + 1, 2 * pixels + 1)))
    assert np.array_equal(on_map(Boundary(width * u.pix, metric="pixel"), geom), want)
    assert np.array_equal(on_map(Boundary(width * u.deg, metric="pixel"), geom), want)
    # A pixel's centre is at least the width from the map's edge, half a pixel beyond the outermost centres.
    y, x = np.mgrid[:41, :50]
    to_edge = np.minimum(np.minimum(y, 40 - y), np.minimum(x, 49 - x)) + 0.5
    assert np.array_equal(want, to_edge >= width)


def test_pixels_of_an_oblong_map() -> None:
    geom = WcsGeom.create(npix=(50, 40), binsz=(0.1, 0.3), proj="TAN")
    found = on_map(Boundary(("0.5 deg", "0.9 deg"), metric="pixel"), geom)
    assert np.array_equal(found, np.pad(np.ones((34, 40), dtype=bool), ((3, 3), (5, 5))))


def test_a_width_for_each_energy() -> None:
    energy = Axis.from_bounds("energy", 1 * u.GeV, 100 * u.GeV, 3)
    cube = PARTS["tan"].to_cube([energy])
    widths = [1, 2, 4] * u.deg
    for plane, width in enumerate(widths):
        assert np.array_equal(on_map(Boundary(widths), cube, (plane,)), on_map(Boundary(width), PARTS["tan"]))
    check_node(Boundary(widths), cube, side=50)
    with pytest.raises(AxisError, match="energy"):
        Boundary(widths).check(PARTS["tan"])


def test_bad_arguments_and_bare_points() -> None:
    with pytest.raises(AngleError, match="unit"):
        Boundary(3)
    with pytest.raises(MaskValueError, match="negative"):
        Boundary("-1 deg")
    with pytest.raises(MaskValueError, match="metric='pixel'"):
        Boundary(3 * u.pix)
    with pytest.raises(MaskValueError, match="90 deg"):
        Boundary(("1 deg", "91 deg"))
    bare = Points.from_sky(SkyCoord([1], [2], unit="deg"))
    with pytest.raises(NeedsGridError, match="geom=geom"):
        Evaluator(Boundary("1 deg")).run(Boundary("1 deg"), bare)
