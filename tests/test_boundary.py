"""Boundary: against all pixels beyond the map, on the sphere; against scipy's erosion, in pixels."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord, angular_separation
from scipy import ndimage

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


def beyond(geom: WcsGeom, margin: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (radians) of lattice pixels on the sky, outside the map, not at the position of one on it."""
    window = whole(geom).pad(margin)
    y, x = np.mgrid[window.y0 : window.y1, window.x0 : window.x1]
    lon, lat = geom.lonlat(y, x)
    there = np.isfinite(lon)
    there[there] = ~geom.contains(SkyCoord(lon[there], lat[there], unit="deg", frame=geom.frame))
    return np.radians(lon[there]), np.radians(lat[there])


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("width", [0.0, 1.0, 13.0])
def test_sky_equals_all_pairs(name: str, width: float) -> None:
    geom = PARTS[name]
    y, x = np.mgrid[: geom.image_shape[0], : geom.image_shape[1]]
    lon, lat = (np.radians(each) for each in geom.lonlat(y, x))
    want = np.isfinite(lon)
    for at_lon, at_lat in zip(*beyond(geom, 40), strict=True):
        want &= ~(angular_separation(at_lon, at_lat, lon, lat) <= np.radians(width) + 1e-12)
    assert np.array_equal(on_map(Boundary(width * u.deg), geom), want)
    parts, _ = Tile(geom, whole(geom)).tiles.split(17)
    for tile in (parts.tile(i) for i in range(len(parts))):
        y0, y1, x0, x1 = tile.window
        assert np.array_equal(evaluate(Boundary(width * u.deg), tile), want[y0:y1, x0:x1])


@pytest.mark.parametrize("name", ["car", "over the pole", "tan", "half an aitoff"])
def test_a_pair_is_lon_then_lat(name: str) -> None:
    geom = PARTS[name]
    y, x = np.mgrid[: geom.image_shape[0], : geom.image_shape[1]]
    lon, lat = (np.radians(each) for each in geom.lonlat(y, x))
    want = np.isfinite(lon)
    for at_lon, at_lat in zip(*beyond(geom, 40), strict=True):
        turned = np.abs((lon - at_lon + np.pi) % (2 * np.pi) - np.pi)
        along = turned * np.maximum(np.cos(lat), np.cos(at_lat))
        want &= ~((along <= np.radians(6) + 1e-10) & (np.abs(lat - at_lat) <= np.radians(2) + 1e-10))
    assert np.array_equal(on_map(Boundary(("6 deg", "2 deg")), geom), want)
    assert want.any()


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
