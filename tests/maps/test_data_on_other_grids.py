"""Data at positions and on other grids: the pixel whose area holds a position, as astropy finds it, and
nothing beyond the map's border.
"""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from numpy.testing import assert_array_equal

import maskexpr as mx


def header_map(
    code: str,
    shape: tuple[int, int],
    crpix: tuple[float, float],
    crval: tuple[float, float],
    size: float,
    pv: tuple[tuple[int, float], ...] = (),
    frame: str = "galactic",
) -> mx.WcsGeom:
    """A map by the numbers of its header."""
    wcs = WCS(naxis=2)
    names = ("GLON", "GLAT") if frame == "galactic" else ("RA--", "DEC-")
    wcs.wcs.ctype = [f"{name}-{code}" for name in names]
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt = crpix, crval, (-size, size)
    wcs.wcs.set_pv([(2, m, value) for m, value in pv])
    return mx.WcsGeom(wcs, shape)


# Maps that end at a limb, a seam, a pole or in the open; none reaches over its seam.
SOURCES = {
    "CAR": header_map("CAR", (9, 51), (26, 5), (0, 0), 7),
    "CAR to a pole": header_map("CAR", (12, 40), (11, -2.5), (100, 0), 6, frame="icrs"),
    "CAR oblique": header_map("CAR", (20, 31), (15, 12), (40, 50), 6.3),
    "CEA": header_map("CEA", (15, 50), (25.5, 8), (0, 0), 7, ((1, 1.0),)),
    "MER": header_map("MER", (21, 33), (17, 11), (200, 0), 8),
    "CYP": header_map("CYP", (21, 33), (17, 11), (10, 0), 7, ((1, 1.0), (2, 0.7071))),
    "SFL": header_map("SFL", (25, 50), (25.5, 13), (0, 0), 7.3, frame="icrs"),
    "PAR": header_map("PAR", (20, 20), (20.5, 10), (0, 0), 7.3),
    "MOL": header_map("MOL", (25, 50), (25.5, 13), (30, 0), 6.4),
    "AIT": header_map("AIT", (25, 50), (25.5, 13), (30, 0), 6.4),
    "AIT a limb": header_map("AIT", (25, 12), (25.7, 13), (30, 0), 6.4),
    "TAN": header_map("TAN", (21, 21), (11, 11), (80, 60), 9),
    "SIN": header_map("SIN", (21, 21), (11, 11), (80, -60), 6.1),
    "ARC": header_map("ARC", (19, 30), (15, 10), (0, 90), 11),
    "ZEA": header_map("ZEA", (15, 15), (8, 8), (80, -80), 11),
    "STG": header_map("STG", (21, 21), (11, 11), (80, 20), 15),
    "COD": header_map("COD", (25, 40), (20, 20), (0, 45), 7, ((1, 45.0), (2, 20.0))),
    "BON": header_map("BON", (25, 40), (20, 13), (0, 0), 6.5, ((1, 45.0),)),
    "HPX": header_map("HPX", (20, 40), (20.3, 10.2), (0, 0), 8.9),
    "TSC": header_map("TSC", (40, 49), (42.9, 20.2), (0, 0), 6.7),
    "QSC": header_map("QSC", (40, 49), (42.9, 20.2), (0, 0), 6.7),
}
TARGETS = (
    mx.WcsGeom.allsky(binsz=7.7, frame="galactic"),
    mx.WcsGeom.allsky(binsz=8.1, frame="icrs", proj="AIT"),
    mx.WcsGeom.create(skydir=(20, 80), npix=(31, 29), binsz=5.3, proj="ZEA", frame="icrs"),
)


def astropy_index(geom: mx.WcsGeom, sky: SkyCoord) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row and column by ``world_to_array_index``, -1 off the map; and which are clear of borders."""
    x, y = geom.wcs.world_to_pixel(sky)
    seen = np.isfinite(x) & np.isfinite(y)
    row, column = np.full(sky.shape, -1), np.full(sky.shape, -1)
    row[seen], column[seen] = geom.wcs.world_to_array_index(sky[seen])
    ny, nx = geom.image_shape
    inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
    parts = np.abs([np.where(seen, each, 0.0) % 1 - 0.5 for each in (x, y)])
    return np.where(inside, row, -1), np.where(inside, column, -1), (parts > 1e-6).all(axis=0)


def seen_from(geom: mx.WcsGeom, sky: SkyCoord) -> np.ndarray:
    """Which positions astropy's way to pixels and back leaves where they are."""
    back = geom.wcs.pixel_to_world(*geom.wcs.world_to_pixel(sky))
    with np.errstate(invalid="ignore"):
        return np.asarray(back.separation(sky).deg < 0.01)


def centres(geom: mx.WcsGeom) -> tuple[SkyCoord, np.ndarray]:
    """All pixel centres by astropy, and which of them are on the sky."""
    y, x = np.indices(geom.image_shape).astype(float)
    lon, lat = geom.wcs.wcs_pix2world(x, y, 0)
    on_sky = np.isfinite(lon) & np.isfinite(lat)
    return SkyCoord(np.where(on_sky, lon, 0), np.where(on_sky, lat, 0), unit="deg", frame=geom.frame), on_sky


def anywhere(number: int, seed: int, frame: str) -> SkyCoord:
    """Positions even on the sphere."""
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    return SkyCoord(rng.uniform(0, 360, number), lat, unit="deg", frame=frame)


@pytest.mark.parametrize(
    ("lon", "there"),
    [(178.4, True), (178.6, False), (179.9, False), (180.1, False), (181.45, False), (181.6, True)],
)
def test_nothing_lies_beyond_the_last_half_pixel(lon: float, there: bool) -> None:
    geom = mx.WcsGeom.create(npix=(51, 9), binsz=7)
    sky = SkyCoord([lon], [0.0], unit="deg")
    assert geom.contains(sky)[0] == there
    ones = np.ones(geom.shape)
    spot = mx.WcsGeom.create(skydir=(lon, 0), npix=1, binsz=0.01)
    for mask in (mx.Threshold((ones, geom), ">", 0), mx.Raster((ones > 0, geom))):
        assert mask.contains(sky)[0] == there
        assert mask.contains(sky, geom=geom)[0] == there
        assert mask.compute(spot).values[0, 0] == there
        assert type(mask)(**{**_arguments(mask), "outside": True}).contains(sky)[0]


def _arguments(mask: mx.Mask) -> dict[str, object]:
    named = {"data": mask.data}
    return named | ({"op": ">", "value": 0} if isinstance(mask, mx.Threshold) else {})


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("outside", [False, True])
def test_a_position_has_the_pixel_of_astropy(source: str, outside: bool) -> None:
    geom = SOURCES[source]
    sky = anywhere(4000, 5, "icrs")
    row, column, clear = astropy_index(geom, sky)
    found = row >= 0
    clear &= ~found | seen_from(geom, sky)
    assert (clear & found).sum() > 50
    assert (clear & ~found).sum() > 20 or geom.projection in ("HPX", "TSC", "QSC", "SFL", "MOL", "AIT")
    data = np.random.default_rng(2).normal(size=geom.image_shape)
    want = np.where(found, data[row, column] > 0.2, outside)
    for mask in (
        mx.Threshold((data, geom), ">", 0.2, outside=outside),
        mx.Raster((data > 0.2, geom), outside=outside),
    ):
        assert_array_equal(mask.contains(sky)[clear], want[clear])
    assert_array_equal(geom.contains(sky)[clear], found[clear])


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("number", range(len(TARGETS)))
def test_data_on_another_grid_are_the_pixels_of_astropy(source: str, number: int) -> None:
    geom, target = SOURCES[source], TARGETS[number]
    sky, on_sky = centres(target)
    row, column, clear = astropy_index(geom, sky)
    clear &= (row < 0) | seen_from(geom, sky)
    data = np.random.default_rng(3).normal(size=geom.image_shape)
    want = np.where(row >= 0, data[row, column] > 0.2, False) & on_sky
    assert (want & clear).any()
    masks = {
        "threshold": mx.Threshold((data, geom), ">", 0.2),
        "raster": mx.Raster((data > 0.2, geom)),
        # With one threshold for both every component has a seed.
        "hysteresis": mx.Hysteresis((data, geom), 0.2, 0.2),
    }
    for name, mask in masks.items():
        whole = mask.compute(target).values
        assert_array_equal(whole[clear], want[clear], err_msg=name)
        for chunks in ((7, 11), (target.image_shape[0], 1 + target.image_shape[1] // 2)):
            assert_array_equal(mask.on(target, chunks=chunks).values, whole, err_msg=name)


@pytest.mark.parametrize("source", SOURCES)
def test_all_that_asks_for_a_position_finds_the_same_pixel(source: str) -> None:
    geom = SOURCES[source]
    rng = np.random.default_rng(7)
    data = rng.random(geom.image_shape) < 0.5
    sky = anywhere(2000, 8, "galactic").transform_to(geom.frame)
    y, x = geom.array_index(sky.spherical.lon.deg, sky.spherical.lat.deg)
    found = y >= 0
    assert_array_equal(geom.contains(sky), found)
    mask = mx.Raster((data, geom))
    assert_array_equal(mask.contains(sky), np.where(found, data[y, x], False))
    # On a grid of its own a pixel off the sky is nobody's, though its area may reach onto the sky.
    on_sky = np.isfinite(geom.lonlat(y, x)[0])
    assert_array_equal(mask.contains(sky, geom=geom), np.where(found & on_sky, data[y, x], False))


def test_a_pixel_over_the_limb_holds_what_is_on_the_sky_of_it() -> None:
    """The rule is about areas: the pixel's centre may be off the sky."""
    geom = header_map("AIT", (25, 50), (25.5, 13), (0, 0), 6.4)
    sky = anywhere(20000, 1, "galactic")
    row, column, clear = astropy_index(geom, sky)
    _, on_sky = centres(geom)
    limb = clear & (row >= 0) & ~on_sky[row, column]
    assert limb.sum() > 50
    mask = mx.Raster((~on_sky, geom))
    assert mask.contains(sky[limb]).all()
    assert geom.contains(sky[limb]).all()


def test_the_poles_and_the_seam_of_a_closed_map_are_on_it() -> None:
    geom = mx.WcsGeom.allsky(binsz=10, frame="galactic")
    sky = SkyCoord(
        [0, 10, 0, 180, 180, 180 + 1e-12] * u.deg, [90, 90, -90, 0, 33, 0] * u.deg, frame="galactic"
    )
    assert geom.contains(sky).all()
    assert mx.Raster((np.ones(geom.shape, bool), geom)).contains(sky).all()
    assert mx.AllSky().contains(sky, geom=geom).all()


def test_the_pole_is_on_every_map_that_ends_with_it() -> None:
    """Whatever its longitude says: the pole is one position."""
    geom = header_map("CAR", (10, 20), (-5, 1), (0, 0), 4).window(
        mx.WcsGeom.allsky(1).lattice._replace(y0=3, y1=23, x0=0, x1=20)
    )
    poles = SkyCoord([0, 90, 200, 359], [90, 90, 90, 90], unit="deg", frame="galactic")
    held = geom.contains(poles)
    assert held.all()
    assert mx.Raster((np.ones(geom.shape, bool), geom)).contains(poles).all()
