"""Look-ups of points by cells: the same bits as the trees and as the predicate itself, circle by circle."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import dask
import dask.system
import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import FK4, FK5, AltAz, SkyCoord

import maskexpr as mx
from maskexpr.circles import cells as _cells
from maskexpr.circles.cells import CellIndex
from maskexpr.circles.index import CircleIndex
from maskexpr.grid.points import Pixels, Points, lonlat_of
from maskexpr.sphere.vectors import lonlat, unit, within
from maskexpr.verbs import sample as sampling

RNG = np.random.default_rng(11)


def anywhere(number):
    return RNG.uniform(0, 360, number), np.degrees(np.arcsin(RNG.uniform(-1, 1, number)))


def near_poles(number):
    return RNG.uniform(0, 360, number), RNG.choice([-1, 1], number) * (90 - RNG.exponential(1.5, number) % 90)


def on_the_seam(number):
    return RNG.normal(0, 0.5, number) % 360, RNG.uniform(-85, 85, number)


def at_awkward_places(number):
    lon, lat = np.meshgrid([0, 90, 180, 359.999999999], [-90, -89.9, -45, 0, 30, 89.99, 90])
    return lon.ravel(), lat.ravel()


RADII = {
    "equal": lambda n: np.full(n, 0.8),
    "mixed": lambda n: 10 ** RNG.uniform(-3, 0.7, n),
    "with zeros": lambda n: np.where(RNG.uniform(size=n) < 0.3, 0, RNG.uniform(0.1, 2, n)),
    "a few large": lambda n: np.where(RNG.uniform(size=n) < 0.1, RNG.uniform(5, 180, n), 0.5),
    "large": lambda n: RNG.uniform(10, 180, n),
}


def on_rims(lon, lat, radius, number):
    """Positions at, just inside and just outside the rims, often due north, south, east or west."""
    which = RNG.integers(len(lon), size=number)
    corner = np.where(
        RNG.uniform(size=number) < 0.5, RNG.integers(4, size=number) * 90, RNG.uniform(0, 360, number)
    )
    beside = RNG.choice([0, 1e-13, -1e-13, 1e-9, -1e-9, -1e-3, 1e-3], number)
    centre = SkyCoord(lon[which], lat[which], unit="deg")
    there = centre.directional_offset_by(corner * u.deg, np.clip(radius[which] + beside, 0, 180) * u.deg)
    return there.ra.deg, there.dec.deg


def by_brute_force(where, centre, radius):
    out = np.zeros(len(where[0]), dtype=bool)
    xyz = unit(*where)
    for each, r in zip(centre.T, radius, strict=True):
        out |= within(xyz, each[:, None], float(r))
    return out


@pytest.mark.parametrize("radii", RADII)
@pytest.mark.parametrize("places", [anywhere, near_poles, on_the_seam, at_awkward_places])
def test_cells_answer_as_trees_and_circles_do(places, radii):
    lon, lat = places(150)
    degrees = RADII[radii](len(lon))
    some = degrees > 0
    lon, lat, degrees = lon[some], lat[some], degrees[some]
    centre, radius = unit(lon, lat), np.deg2rad(degrees)
    asked = [anywhere(4000), places(500), on_rims(lon, lat, degrees, 4000), (lon, lat)]
    where = tuple(np.concatenate(each) for each in zip(*asked, strict=True))
    want = by_brute_force(where, centre, radius)
    index = CircleIndex(centre, radius)
    assert np.array_equal(index.inside(unit(*where)), want)
    sky = Points.from_sky(SkyCoord(*where, unit="deg"))
    assert np.array_equal(index.holds(sky), want)
    assert index._cells is not None
    listed = index._cells[0].listed
    assert listed[degrees <= min(8 * np.median(degrees), 20)].all()
    assert not listed[degrees > 20].any()
    cells = CellIndex(centre, radius)
    assert np.array_equal(cells.inside(*where), by_brute_force(where, centre[:, listed], radius[listed]))


def test_any_longitude_and_no_position():
    index = CellIndex(unit([359.9, 12.0], [5.0, -3.0]), np.deg2rad([0.5, 0.5]))
    lon = np.array([0.1, 360.1, -359.9, 720.1, -1e-20, 360.0, np.nan, 0.1, 12.0, 12.0, 12.0])
    lat = np.array([5.0, 5.0, 5.0, 5.0, 5.0, 5.0, 5.0, np.nan, -3.0, 90.0, -90.0])
    want = [True, True, True, True, True, True, False, False, True, False, False]
    assert index.inside(lon, lat).tolist() == want


def test_batches_do_not_matter(monkeypatch):
    lon, lat = anywhere(300)
    index = CellIndex(unit(lon, lat), np.deg2rad(RNG.uniform(0.5, 3, 300)))
    where = anywhere(3001)
    want = index.inside(*where)
    assert want.any()
    assert not want.all()
    monkeypatch.setattr(_cells, "_BATCH", 7)
    assert np.array_equal(index.inside(*where), want)
    # Shared out to threads, in the main thread alone: in others it would be a task, which has one core.
    monkeypatch.setattr(_cells, "_SHARE", 100)
    shares = []
    look_up = index._look_up
    monkeypatch.setattr(index, "_look_up", lambda *some: shares.append(len(some[0])) or look_up(*some))
    monkeypatch.setattr(dask.system, "CPU_COUNT", 4)
    with dask.config.set(num_workers=5):
        assert np.array_equal(index.inside(*where), want)
        assert len(shares) == 4
        with ThreadPoolExecutor(1) as pool:
            assert np.array_equal(pool.submit(index.inside, *where).result(), want)
    with dask.config.set(scheduler="synchronous"):
        assert np.array_equal(index.inside(*where), want)
    assert shares[4:] == [3001, 3001]


def test_a_crowd_is_left_to_trees():
    lon, lat = RNG.normal(80, 0.01, 1000), RNG.normal(20, 0.01, 1000)
    radius = np.full(1000, np.deg2rad(0.02))
    cells = CellIndex(unit(lon, lat), radius)
    assert not cells.listed.any()
    asked = RNG.normal(80, 0.05, 4000), RNG.normal(20, 0.05, 4000)
    index = CircleIndex(unit(lon, lat), radius)
    got = index.holds(Points.from_sky(SkyCoord(*asked, unit="deg")))
    assert 0 < got.sum() < 4000
    assert np.array_equal(got, by_brute_force(asked, unit(lon, lat), radius))


def test_no_circles_and_no_points():
    empty = CellIndex(np.empty((3, 0)), np.empty(0))
    assert not empty.inside(*anywhere(10)).any()
    one = CellIndex(unit([1.0], [2.0]), np.array([0.1]))
    assert one.inside(np.empty(0), np.empty(0)).shape == (0,)


def test_few_points_cost_no_lists():
    lon, lat = anywhere(5000)
    index = CircleIndex(unit(lon, lat), np.full(5000, 0.01))
    few = Points.from_sky(SkyCoord(*anywhere(100), unit="deg"))
    index.holds(few)
    assert index._cells is None
    for _ in range(200):
        index.holds(few)
    assert index._cells is not None


@pytest.mark.parametrize("proj", ["CAR", "AIT"])
def test_pixels_are_looked_up_by_the_same_bits(proj):
    geom = mx.WcsGeom.allsky(binsz=2, proj=proj, frame="galactic")
    y, x = (each.ravel() for each in np.indices(geom.shape))
    pixels = Pixels(geom, y, x)
    sources = mx.Catalog(SkyCoord(*anywhere(200), unit="deg"), RNG.uniform(1, 8, 200) * u.deg)
    assert np.array_equal(sources.inside(pixels), sources._index("galactic", None).all.inside(pixels.xyz))
    assert np.array_equal(sources.on(geom).values.ravel(), sources.inside(pixels))


def test_positions_stay_in_their_frame():
    lon, lat = anywhere(50)
    for frame in ("icrs", "galactic", "fk5", "barycentricmeanecliptic"):
        got = lonlat_of(SkyCoord(lon, lat, unit="deg", frame=frame))
        assert got[2] == frame
        assert np.array_equal(got[0], lon)
        assert np.array_equal(got[1], lat)
    here = SkyCoord(lon, lat, unit="deg", frame="galactic")
    xyz = SkyCoord(here.cartesian, frame="galactic")
    assert np.allclose(unit(*lonlat_of(xyz)[:2]), unit(lon, lat), atol=1e-15)


@pytest.mark.parametrize("frame", [FK4(), FK5(equinox="J1975"), "geocentricmeanecliptic"])
def test_other_frames_become_icrs(frame):
    positions = SkyCoord(*anywhere(50), unit="deg", frame=frame)
    lon, lat, name = lonlat_of(positions)
    assert name == "icrs"
    assert SkyCoord(lon, lat, unit="deg").separation(positions.icrs).max() < 1e-9 * u.deg


def test_a_frame_without_a_place_is_refused():
    with pytest.raises(mx.MaskError, match="altaz"):
        mx.AllSky().contains(SkyCoord(AltAz(1 * u.deg, 2 * u.deg)))


def test_masked_positions_are_in_nothing():
    from astropy.utils.masked import Masked

    lon = Masked([10.0, 10.0] * u.deg, mask=[False, True])
    positions = SkyCoord(lon, [20.0, 20.0] * u.deg)
    assert mx.AllSky().contains(positions).tolist() == [True, False]
    assert mx.Catalog(SkyCoord([10.0], [20.0], unit="deg"), "1 deg").contains(positions).tolist() == [
        True,
        False,
    ]


def test_vectors_of_points_are_made_of_their_angles():
    lon, lat = anywhere(100)
    points = Points.from_sky(SkyCoord(lon, lat, unit="deg"))
    assert points.shape == (100,)
    assert np.array_equal(points.xyz, unit(lon, lat))
    bare = Points(unit(lon, lat), "icrs")
    assert bare.lonlat is None
    assert np.allclose(lonlat(points.xyz)[0], lon)


@pytest.mark.parametrize("number", [1, 20, 3000])
def test_positions_on_a_map_are_its_pixels(monkeypatch, number):
    """Looked up in small or in large windows, by how many there are."""
    geom = mx.WcsGeom.create(npix=(70, 50), binsz=0.5, skydir=(40, 55), proj="TAN")
    mask = mx.Catalog(SkyCoord(RNG.uniform(10, 70, 40), RNG.uniform(40, 70, 40), unit="deg"), "1 deg")
    values = mask.compute(geom).values
    y, x = RNG.uniform(-3, 53, number), RNG.uniform(-3, 73, number)
    found = []
    for small, large, pixels in ((256, 1024, 1 << 14), (5, 16, 100), (1, 7, 0)):
        monkeypatch.setattr(sampling, "_SMALL", small)
        monkeypatch.setattr(sampling, "_LARGE", large)
        monkeypatch.setattr(sampling, "_PIXELS", pixels)
        lon, lat = geom.lonlat(y, x)
        got = mask.contains(SkyCoord(lon, lat, unit="deg"), geom=geom)
        row, column = np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)
        on_map = (row >= 0) & (row < 50) & (column >= 0) & (column < 70)
        assert np.array_equal(got[on_map], values[row[on_map], column[on_map]])
        assert not got[~on_map].any()
        found.append(got)
    assert all(np.array_equal(each, found[0]) for each in found)
