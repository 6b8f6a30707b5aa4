"""The sphere against mocpy: circles, catalogues, polygons, ellipses and boxes at random positions.

A MOC holds every cell that its shape touches. So what lies in the mask lies in the MOC, and what lies in the
MOC and not in the mask lies within a cell of the mask's edge.
"""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Angle, Latitude, Longitude, SkyCoord

import maskexpr as mx
from tests.sky_oracle import CIRCLES, POLYGONS, circle, polygon, positions

healpy = pytest.importorskip("healpy")
mocpy = pytest.importorskip("mocpy")

DEPTH = 9
# Degrees: no two points of a cell are further apart than twice the largest radius of any.
CELL = 2 * healpy.max_pixrad(2**DEPTH, degrees=True)
WHERE = positions(60_000, seed=5, frame="galactic")


def compare(mask: mx.Mask, moc: object) -> None:
    """Same points but for those within a cell of the edge."""
    ours = mask.contains(WHERE)
    theirs = moc.contains_lonlat(Longitude(WHERE.l), Latitude(WHERE.b))  # type: ignore[attr-defined]
    assert ours.any()
    assert not (ours & ~theirs).any(), WHERE[ours & ~theirs][:3]
    doubtful = WHERE[theirs & ~ours]
    # A point that only the MOC holds has points of the mask in a ring of the cell's size round it.
    near = np.zeros(len(doubtful), dtype=bool)
    for turn in np.arange(0, 360, 15) * u.deg:
        for step in (CELL / 4, CELL / 2, CELL):
            near |= mask.contains(doubtful.directional_offset_by(turn, step * u.deg))
    # mocpy 0.21 puts a stray cell 50 deg away from the triangle with a vertex at the pole.
    assert np.count_nonzero(~near) <= 1, doubtful[~near]


# A MOC's cone cannot be wider than a hemisphere in every version; the others are tested by separation.
@pytest.mark.parametrize("where", [each for each in CIRCLES if 0.3 < each[2] <= 90])
def test_circles(where: tuple[float, float, float]) -> None:
    lon, lat, radius = where
    moc = mocpy.MOC.from_cone(
        Longitude(lon * u.deg), Latitude(lat * u.deg), radius=Angle(radius * u.deg), max_depth=DEPTH
    )
    compare(circle(*where), moc)


@pytest.mark.parametrize("name", POLYGONS)
def test_polygons(name: str) -> None:
    lon, lat = np.array(POLYGONS[name], dtype=float).T
    compare(polygon(POLYGONS[name]), mocpy.MOC.from_polygon(lon * u.deg, lat * u.deg, max_depth=DEPTH))


def test_a_catalogue() -> None:
    centres = positions(2000, seed=6, frame="galactic")
    moc = mocpy.MOC.from_cones(
        Longitude(centres.l),
        Latitude(centres.b),
        radius=Angle(1.3 * u.deg),
        max_depth=DEPTH,
        union_strategy="small_cones",
    )
    compare(mx.Catalog(centres, "1.3 deg"), moc)


@pytest.mark.parametrize(("lon", "lat"), [(10, 20), (180, 0), (0, 80), (120, -60), (200, 89.5)])
def test_ellipses(lon: float, lat: float) -> None:
    depth = 13
    moc = mocpy.MOC.from_elliptical_cone(
        lon=Longitude(lon * u.deg),
        lat=Latitude(lat * u.deg),
        a=Angle(1 * u.deg),
        b=Angle(0.4 * u.deg),
        pa=Angle(30 * u.deg),
        max_depth=depth,
    )
    rng = np.random.default_rng(8)
    centre = SkyCoord(lon, lat, unit="deg", frame="galactic")
    turn, away = rng.uniform(0, 360, 40_000) * u.deg, 1.2 * np.sqrt(rng.uniform(0, 1, 40_000)) * u.deg
    where = centre.directional_offset_by(turn, away)
    theirs = moc.contains_lonlat(Longitude(where.l), Latitude(where.b))
    # Theirs has sines for axes, ours angles: at 1 deg that is 5e-5 deg. mocpy counts from north through east
    # and names the half of the long axis; DS9 turns the first axis.
    slack = 2 * healpy.max_pixrad(2**depth, degrees=True) + 1e-4
    smaller, ours, larger = (
        mx.Region(f"galactic;ellipse({lon},{lat},{0.4 + more},{1 + more},30)").contains(where)
        for more in (-1e-4, 0, slack)
    )
    assert not (smaller & ~theirs).any()
    assert not (theirs & ~larger).any()
    assert 0 < ours.sum() < len(where)
    turned = mx.Region(f"galactic;ellipse({lon},{lat},1,0.4,120)").contains(where)
    assert np.array_equal(turned, ours)


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_a_mask_on_a_map_is_the_moc_at_its_pixels(frame: str) -> None:
    geom = mx.WcsGeom.allsky(binsz=1, frame=frame, proj="AIT")
    lon, lat = geom.lonlat(*np.mgrid[: geom.shape[0], : geom.shape[1]])
    on_sky = np.isfinite(lon)
    there = SkyCoord(lon[on_sky], lat[on_sky], unit="deg", frame=frame).galactic
    moc = mocpy.MOC.from_cone(
        Longitude(33 * u.deg), Latitude(80 * u.deg), radius=Angle(30 * u.deg), max_depth=DEPTH
    )
    theirs = np.zeros(geom.shape, dtype=bool)
    theirs[on_sky] = moc.contains_lonlat(Longitude(there.l), Latitude(there.b))
    smaller, larger = (circle(33, 80, 30 + step).on(geom, chunks=64).values for step in (0, 2 * CELL))
    assert not (smaller & ~theirs).any()
    assert not (theirs & ~larger).any()
