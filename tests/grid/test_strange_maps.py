"""Maps that break assumptions: strips, single rows and columns, cylinders, no sky at all, the sky twice.

Every node keeps its laws on them, and astropy's centres of all pixels say what is selected.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from hypothesis import HealthCheck, given, seed, settings
from numpy.testing import assert_array_equal
from scipy.spatial import cKDTree

import maskexpr as mx
from maskexpr.expr.structure import NODES as REGISTERED
from maskexpr.testing import check_node, masks

from ..examples import SEARCHES

CYP = ((1, 1.0), (2, 0.7071))
ENERGY = mx.Axis.from_bounds("energy", 1 * u.GeV, 1000 * u.GeV, 2)
TILTED = ((0.8, -0.6), (0.6, 0.8))


def made(
    code: str,
    shape: tuple[int, int],
    crpix: tuple[float, float],
    crval: tuple[float, float] = (0, 0),
    size: float = 10,
    pv: tuple[tuple[int, float], ...] = (),
    pc: tuple[tuple[float, float], ...] = ((1, 0), (0, 1)),
    frame: str = "galactic",
) -> mx.WcsGeom:
    """A map by the numbers of its header."""
    wcs = WCS(naxis=2)
    names = ("GLON", "GLAT") if frame == "galactic" else ("RA--", "DEC-")
    wcs.wcs.ctype = [f"{name}-{code}" for name in names]
    wcs.wcs.crpix, wcs.wcs.crval, wcs.wcs.cdelt, wcs.wcs.pc = crpix, crval, (-size, size), pc
    wcs.wcs.set_pv([(2, m, value) for m, value in pv])
    return mx.WcsGeom(wcs, shape)


STRIPS = {
    f"{code} row of {width} deg": made(
        code, (1, max(1, width // 5)), (max(1, width // 5) / 2 + 0.5, 1), size=5.0
    )
    for code in ("CAR", "CEA", "AIT")
    for width in (5, 90, 360, 365, 400)
} | {
    "CAR row of one degree": made("CAR", (1, 10), (5, 1), size=0.1),
    "CAR column": made("CAR", (36, 1), (1, 18.5), size=5.0),
    "CAR column beyond the poles": made("CAR", (44, 1), (1, 22.5), (40, 0), size=5.0),
    "CAR column beside the reference": made("CAR", (30, 1), (-9, 15), (40, 0), size=6.0),
    "CAR eight rows": made("CAR", (8, 41), (21, 4.5), size=9.0),
    "oblique row": made("CAR", (1, 40), (20.5, 1), (30, 60), size=9.0),
    "TAN row": made("TAN", (1, 40), (20.5, 1), (0, 60), size=7.0),
    "TAN column": made("TAN", (40, 1), (1, 20.5), (0, 60), size=7.0),
    "AIT column": made("AIT", (30, 1), (-5, 15), size=8.0),
    "HPX row near the pole": made("HPX", (1, 37), (19, -7.2), size=10.0),
    "CSC row": made("CSC", (1, 60), (30.5, 1), size=11.0),
}
CYLINDERS = {
    f"{code} {name}": made(code, pv=CYP if code == "CYP" else (), **numbers)
    for code in ("CAR", "CEA", "MER", "CYP")
    for name, numbers in {
        "oblique": {"shape": (14, 30), "crpix": (14, 8), "crval": (30, 50), "size": 13.0},
        "with its pole at the reference": {
            "shape": (12, 20),
            "crpix": (9, 6),
            "crval": (30, 90),
            "size": 12.0,
        },
        "rotated": {"shape": (12, 20), "crpix": (9, 6), "crval": (30, 0), "size": 13.0, "pc": TILTED},
        "beside the reference": {"shape": (12, 14), "crpix": (-2.3, 6), "crval": (200, -40), "size": 13.0},
        "wider than the sky": {"shape": (11, 42), "crpix": (21.5, 6), "size": 9.0},
        "half of it": {"shape": (11, 20), "crpix": (-0.5, 6), "crval": (30, 0), "size": 9.0},
    }.items()
} | {"CYP as in the issue": made("CYP", (12, 20), (10.5, 6.5), size=9.0, pv=((1, 1.0), (2, 1.0)))}
OFF = {
    f"{code} off the sky": made(code, (5, 9), crpix, size=4.0)
    for code, crpix in {
        "CAR": (5, 200),
        "MER": (500, 5),
        "CYP": (5, 200),
        "AIT": (500, 5),
        "SIN": (5, 300),
        "ZEA": (500, 500),
        "HPX": (5, -400),
        "CSC": (5, 500),
        "ARC": (900, 5),
    }.items()
}
TWICE = {
    f"{code} {name}": made(code, **numbers)
    for code in ("TSC", "CSC", "QSC")
    for name, numbers in {
        "half of it to the side": {"shape": (11, 22), "crpix": (6, 6), "size": 16.0},
        "all faces and those to either side": {
            "shape": (14, 51),
            "crpix": (26, 7.5),
            "crval": (10, 20),
            "size": 13.0,
        },
        "side faces alone": {"shape": (10, 14), "crpix": (-11, 5), "crval": (10, 0), "size": 10.0},
        "rotated": {"shape": (14, 14), "crpix": (24, -4), "crval": (10, 0), "size": 10.0, "pc": TILTED},
    }.items()
} | {
    "HPX wide": made("HPX", (19, 44), (22.5, 10), size=9.0),
    "HPX half": made("HPX", (19, 15), (23, 10), size=10.0),
    "XPH": made("XPH", (30, 30), (15.5, 15.5), (0, 90), size=15.0),
    "AIT a limb": made("AIT", (19, 12), (18, 10), (10, 0), size=9.0),
    "PAR a limb": made("PAR", (19, 16), (-2, 10), (10, 0), size=9.0),
    "ARC half, the antipode a circle": made("ARC", (21, 11), (-9, 11), (0, 30), size=18.0),
    "PCO half, the pole a row": made("PCO", (19, 15), (-4, 10), size=10.0),
    "SZP": made("SZP", (20, 20), (10, 10), (0, 45), 10, ((1, 2.0), (2, 180.0), (3, 60.0))),
}
MAPS = STRIPS | CYLINDERS | OFF | TWICE
on_every_map = pytest.mark.parametrize("name", MAPS)


def sky_of(geom: mx.WcsGeom, margin: int = 0) -> np.ndarray:
    """Unit vectors of all pixel centres by astropy, NaN off the sky, shape (ny, nx, 3)."""
    ny, nx = geom.image_shape
    y, x = (each.ravel() - margin for each in np.indices((ny + 2 * margin, nx + 2 * margin)).astype(float))
    # One point more, in no row or column of the map: of points in one row wcslib gives other bits.
    lon, lat = geom.wcs.wcs_pix2world(np.append(x, 0.77), np.append(y, 0.33), 0)
    lon, lat = np.deg2rad(lon[:-1]), np.deg2rad(lat[:-1])
    xyz = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    xyz[~(np.isfinite(lon) & np.isfinite(lat))] = np.nan
    return xyz.reshape(ny + 2 * margin, nx + 2 * margin, 3)


def positions(geom: mx.WcsGeom) -> tuple[SkyCoord, np.ndarray]:
    """Pixel centres that are on the sky, by astropy, and which pixels they are."""
    ny, nx = geom.image_shape
    y, x = (each.ravel() for each in np.indices((ny, nx)).astype(float))
    lon, lat = (each[:-1] for each in geom.wcs.wcs_pix2world(np.append(x, 0.77), np.append(y, 0.33), 0))
    there = np.isfinite(lon) & np.isfinite(lat)
    return SkyCoord(lon[there], lat[there], unit="deg", frame=geom.frame), np.flatnonzero(there)


# ---- positions


@on_every_map
def test_lonlat_is_astropys_and_off_the_sky_nan_in_both(name: str) -> None:
    geom = MAPS[name]
    ny, nx = geom.image_shape
    lon, lat = geom.lonlat(np.arange(-3, ny + 3)[:, None], np.arange(-3, nx + 3)[None, :])
    assert_array_equal(np.isnan(lon), np.isnan(lat))
    assert_array_equal(np.isnan(lon), np.isnan(sky_of(geom, 3)[..., 0]))


@on_every_map
def test_every_pixel_centre_is_on_the_map_and_goes_back(name: str) -> None:
    """To itself, or, where pixels show the same sky, to one of them."""
    geom = MAPS[name]
    sky, pixel = positions(geom)
    assert (len(pixel) == 0) == (name in OFF)
    assert geom.contains(sky).all()
    y, x = geom.array_index(sky.spherical.lon.deg, sky.spherical.lat.deg)
    centres = sky_of(geom).reshape(-1, 3)
    away = np.linalg.norm(centres[y * geom.image_shape[1] + x] - centres[pixel], axis=1)
    assert np.all(away < 1e-9)


@on_every_map
def test_at_a_pixel_centre_every_answer_is_the_pixels_value(name: str) -> None:
    geom = MAPS[name]
    sky, pixel = positions(geom)
    rng = np.random.default_rng(4)
    # Data that are the same wherever the same sky is shown.
    centres = sky_of(geom)
    data = np.sin(7 * centres @ rng.normal(size=3))
    want = data.ravel()[pixel] > 0.1
    clear = np.abs(data.ravel()[pixel] - 0.1) > 1e-6
    for mask in (
        mx.Threshold((data, geom), ">", 0.1),
        mx.Raster((data > 0.1, geom)),
        mx.Threshold((data, geom), ">", 0.1) & ~mx.NoSky(),
    ):
        assert_array_equal(mask.contains(sky)[clear], want[clear])
        assert_array_equal(mask.contains(sky, geom=geom)[clear], want[clear])
        assert_array_equal(mask.compute(geom).values.ravel()[pixel], want)
    beyond = mx.Raster((data > 0.1, geom), outside=True)
    assert_array_equal(beyond.contains(sky)[clear], want[clear])


@pytest.mark.parametrize("code", ["TSC", "CSC", "QSC"])
def test_faces_to_the_side_of_a_cube_are_found(code: str) -> None:
    geom = made(code, (45, 90), (22.5, 23), size=4.0)
    sky, pixel = positions(geom)
    assert len(pixel) == 2554
    assert geom.contains(sky).all()
    assert mx.AllSky().contains(sky, geom=geom).all()
    assert mx.Raster((np.ones(geom.shape, bool), geom)).contains(sky).all()


def test_what_is_not_on_a_strip_of_a_cube_is_not_found() -> None:
    geom = made("TSC", (10, 14), (-11, 5), (10, 0), size=10.0)
    rng = np.random.default_rng(0)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, 3000)))
    sky = SkyCoord(rng.uniform(0, 360, 3000), lat, unit="deg", frame="galactic")
    x, y = geom.wcs.world_to_pixel(sky)
    turns = x[:, None] + np.array([-36.0, 0.0, 36.0])
    rows = ((y >= -0.5) & (y < 9.5))[:, None]
    # Polar faces do not repeat.
    equatorial = np.abs((y - 4.0) * 10.0)[:, None] < 45.0
    held = rows & (turns >= -0.5) & (turns < 13.5) & (equatorial | (turns == x[:, None]))
    assert 300 < held.any(axis=1).sum() < 2700
    assert_array_equal(geom.contains(sky), held.any(axis=1))


# ---- masks

RADII = [3.3, 21.7, 8.9, 1.3, 0.6, 15.1, 31.3, 10.7]
RNG = np.random.default_rng(3)
SOURCES = SkyCoord(
    RNG.uniform(0, 360, 8), np.degrees(np.arcsin(RNG.uniform(-1, 1, 8))), unit="deg", frame="galactic"
)
CATALOG = mx.Catalog(SOURCES, RADII * u.deg)


def in_catalog(geom: mx.WcsGeom, xyz: np.ndarray) -> np.ndarray:
    """Which of some unit vectors lie in a circle, by the vectors' angles."""
    centres = SOURCES.transform_to(geom.frame).cartesian.xyz.value.T
    half = np.linalg.norm(xyz[..., None, :] - centres, axis=-1) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray((2 * np.arcsin(np.minimum(half, 1)) < np.deg2rad(RADII)).any(axis=-1))


def in_band(geom: mx.WcsGeom, xyz: np.ndarray) -> np.ndarray:
    pole = SkyCoord(0, 90, unit="deg", frame="icrs").transform_to(geom.frame).cartesian.xyz.value
    with np.errstate(invalid="ignore"):
        return np.asarray((xyz @ pole > np.sin(np.deg2rad(-20.1))) & (xyz @ pole < np.sin(np.deg2rad(30.1))))


def near(geom: mx.WcsGeom, chosen: Callable[[np.ndarray], np.ndarray], degrees: float) -> np.ndarray:
    """Which pixels have a chosen pixel of the whole lattice, on the map or not, within an angle."""
    here, lattice = sky_of(geom), sky_of(geom, 85).reshape(-1, 3)
    found = lattice[np.isfinite(lattice[:, 0]) & chosen(lattice)]
    out = np.zeros(geom.image_shape, dtype=bool)
    seen = np.isfinite(here[..., 0])
    if len(found) and seen.any():
        out[seen] = cKDTree(found).query(here[seen])[0] <= 2 * np.sin(np.deg2rad(degrees) / 2)
    return out


def cut(length: int, rng: np.random.Generator) -> tuple[int, ...]:
    """Random chunks along an axis."""
    ends = np.flatnonzero(rng.random(length - 1) < 0.15) + 1
    return tuple(int(n) for n in np.diff([0, *ends, length]))


def check_chunks(mask: mx.Mask, geom: mx.WcsGeom) -> np.ndarray:
    """The mask's values, the same in one piece and in chunks, more of them where new ones are sought."""
    whole = mask.compute(geom).values
    ny, nx = geom.image_shape
    # Other chunks for each mask: in a run of all tests each is tried in two ways.
    rng = np.random.default_rng([ny, nx, crc32(repr(mask).encode())])
    even = ((ny, nx), (min(ny, 3), nx), (ny, min(nx, 5)))
    some = even if SEARCHES else [even[rng.integers(3)]]
    for chunks in (*some, (cut(ny, rng), cut(nx, rng))):
        found = mask.on(geom, chunks=chunks).values
        assert_array_equal(found, whole, err_msg=f"{mask!r} in chunks of {chunks}")
    return np.asarray(whole)


@on_every_map
def test_masks_are_what_all_centres_say(name: str) -> None:
    geom = MAPS[name]
    xyz = sky_of(geom)
    on_sky = np.isfinite(xyz[..., 0])
    region = mx.Region(
        "\n".join(
            f"galactic;circle({s.l.deg!r},{s.b.deg!r},{r})" for s, r in zip(SOURCES, RADII, strict=True)
        )
        .replace("np.float64(", "")
        .replace("),", ",")
        .replace("))", ")")
    )
    wanted = {
        mx.AllSky(): on_sky,
        mx.NoSky(): np.zeros_like(on_sky),
        CATALOG: in_catalog(geom, xyz),
        ~CATALOG: on_sky & ~in_catalog(geom, xyz),
        mx.Band(lat=(-20.1, 30.1) * u.deg, frame="icrs"): in_band(geom, xyz),
        region: in_catalog(geom, xyz),
    }
    for mask, want in wanted.items():
        assert_array_equal(check_chunks(mask, geom), want & on_sky, err_msg=repr(mask))


@on_every_map
def test_growth_is_by_the_nearest_of_all_centres(name: str) -> None:
    geom = MAPS[name]
    on_sky = np.isfinite(sky_of(geom)[..., 0])
    # Maps take turns with the radii.
    radii = (4.37, 27.3) if SEARCHES else (27.3,) if sorted(MAPS).index(name) % 2 else (4.37,)
    for degrees in radii:
        grown = check_chunks(CATALOG.dilate(degrees * u.deg), geom)
        assert_array_equal(grown, near(geom, lambda xyz: in_catalog(geom, xyz), degrees))
        shrunk = check_chunks((~CATALOG).erode(degrees * u.deg), geom)
        assert_array_equal(shrunk, on_sky & ~grown)


NODES: dict[str, Callable[[mx.WcsGeom], mx.Mask]] = {
    "allsky": lambda geom: mx.AllSky(),
    "nosky": lambda geom: mx.NoSky(),
    "catalog": lambda geom: CATALOG,
    "band": lambda geom: mx.Band(lon=(350, 40) * u.deg, frame="icrs"),
    "region": lambda geom: mx.Region(
        "icrs;polygon(100,0,140,10,140,50,100,35)\ngalactic;ellipse(0,0,20,6,30)"
    ),
    "axisrange": lambda geom: mx.AxisRange("energy", "10 GeV", "2 TeV") & CATALOG,
    "threshold": lambda geom: mx.Threshold((_noise(geom), geom), ">", 0.5, outside=True),
    "raster": lambda geom: mx.Raster((_noise(geom) > 0.3, geom)),
    "bits": lambda geom: mx.Bits(((_noise(geom) > 0.2).astype(int) * 6, geom), all=6),
    "ellipses": lambda geom: mx.Ellipses(SOURCES, "20 deg", "7 deg", "30 deg"),
    "moc": lambda geom: mx.Moc([[7, 91], [103, 105], [206, 447], [600, 703]], 3),
    "hysteresis": lambda geom: mx.Hysteresis((_noise(geom), geom), 0.3, 1.5),
    "boundary": lambda geom: mx.Boundary("11 deg"),
    "or": lambda geom: CATALOG | mx.Raster((_noise(geom) > 1, geom)),
    "and": lambda geom: CATALOG & mx.Threshold((_noise(geom), geom), ">", 0),
    "xor": lambda geom: CATALOG ^ mx.Band(lat=(-20, 30) * u.deg, frame="icrs"),
    "not": lambda geom: ~mx.Threshold((_noise(geom), geom), ">", 0),
    "dilate": lambda geom: mx.Raster((_noise(geom) > 1.3, geom)).dilate("14 deg", kernel="box"),
    "erode": lambda geom: (~CATALOG).erode(1 * u.pix, metric="pixel"),
    "open": lambda geom: (~CATALOG).open("12 deg"),
    "close": lambda geom: CATALOG.close("12 deg"),
    "fill_holes": lambda geom: (~CATALOG).fill_holes(900 * u.deg**2),
    "remove_small": lambda geom: mx.Raster((_noise(geom) > 0, geom)).remove_small(3 * u.pix),
}


def _noise(geom: mx.WcsGeom) -> np.ndarray:
    """Values as rough as noise, and the same wherever the same sky is shown."""
    waves = np.random.default_rng(6).normal(0, 25, (3, 4))
    return np.asarray(
        np.sin(np.nan_to_num(sky_of(geom)) @ waves + [0.3, 1.1, 2.3, 4.1]).sum(axis=-1) / np.sqrt(2)
    )


def test_every_node_is_tried() -> None:
    ours = {tag for tag, cls in REGISTERED.items() if cls.__module__.startswith("maskexpr.")}
    assert set(NODES) == ours


@on_every_map
def test_every_node_keeps_its_laws(name: str) -> None:
    geom = MAPS[name]
    # A twelfth of the nodes on each map, other ones on the next: of each kind of map every node meets some.
    turn = sorted(MAPS).index(name)
    for place, (tag, make) in enumerate(NODES.items()):
        if not SEARCHES and (place + turn) % 12:
            continue
        mask = make(geom)
        grid = geom.to_cube([ENERGY]) if tag == "axisrange" else geom
        check_chunks(mask, grid)
        check_node(mask, grid, side=5)


@on_every_map
def test_random_expressions_keep_their_laws(name: str) -> None:
    geom = MAPS[name]

    @seed(sorted(MAPS).index(name))
    @settings(max_examples=1, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(mask=masks(max_leaves=3))
    def law(mask: mx.Mask) -> None:
        check_chunks(mask, geom)
        check_node(mask, geom, side=5)

    law()
