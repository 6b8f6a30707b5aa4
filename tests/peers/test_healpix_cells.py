"""Pixel maths of HEALPix against that of healpy, astropy-healpix and cdshealpix, for every order."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Latitude, Longitude

from maskexpr.grid.healpix import cells, faces, rings
from maskexpr.sphere.vectors import angle_between

hp = pytest.importorskip("healpy", reason="pixels of HEALPix by a library of others")
healpix = pytest.importorskip("astropy_healpix.core", reason="pixels of HEALPix by a library of others")
cds = pytest.importorskip("cdshealpix.nested", reason="pixels of HEALPix by a library of others")

every_order = pytest.mark.parametrize("order", range(faces.MAX_ORDER + 1))


def some_cells(order: int) -> np.ndarray:
    """All cells of low orders; of others random ones, those at both ends, and those at corners of faces."""
    last = (1 << 2 * order) - 1
    if order < 4:
        return np.arange(12 << 2 * order)
    corners = np.array([0, last & 0x5555555555555555, last & 0x2AAAAAAAAAAAAAAA, last])
    of_faces = (np.arange(12)[:, None] << 2 * order) + corners
    random = np.random.default_rng(order).integers(0, 12 << 2 * order, 3000)
    ends = np.arange(100)
    return np.unique(np.concatenate([random, ends, (12 << 2 * order) - 1 - ends, of_faces.ravel()]))


@every_order
def test_centres(order: int) -> None:
    ids = some_cells(order)
    got = cells.centres(order, ids)
    np.testing.assert_allclose(got, hp.pix2vec(1 << order, ids, nest=True), rtol=0, atol=3e-15)
    lon, lat = healpix.healpix_to_lonlat(ids, 1 << order, order="nested")
    near = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    np.testing.assert_allclose(got, near, rtol=0, atol=3e-15)
    np.testing.assert_array_equal(cells.cells_of(order, got), ids)


@every_order
def test_cells_of_directions(order: int) -> None:
    vectors = np.random.default_rng(order).normal(size=(3, 6000))
    vectors[:2, ::3] *= 10.0 ** np.random.default_rng(1).uniform(-9, 0, 2000)
    want = hp.vec2pix(1 << order, *vectors, nest=True)
    np.testing.assert_array_equal(cells.cells_of(order, vectors), want)


@every_order
def test_directions_on_borders(order: int) -> None:
    # Coordinates of vertices that are exact: rounding decides for nobody.
    vectors = np.array([[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1.0]]).T
    want = hp.vec2pix(1 << order, *vectors, nest=True)
    np.testing.assert_array_equal(cells.cells_of(order, vectors), want)


@every_order
def test_vertices_and_caps(order: int) -> None:
    ids = some_cells(order)
    # West to north and so on, each side in 32 pieces.
    border = np.transpose(hp.boundaries(1 << order, ids, step=32, nest=True), (1, 0, 2))
    north, west, south, east = (border[:, :, i] for i in (0, 32, 64, 96))
    got = cells.vertices(order, ids)
    np.testing.assert_allclose(got, np.stack([south, east, north, west], axis=2), rtol=0, atol=3e-15)
    caps = cells.caps(order, ids)
    furthest = angle_between(border, caps.centre[:, :, None]).max(axis=1)
    assert (furthest <= caps.radius).all()
    np.testing.assert_allclose(furthest, caps.radius, rtol=1e-9, atol=2e-13)


@every_order
def test_neighbours(order: int) -> None:
    ids = some_cells(order)
    got = cells.neighbours(order, ids)
    np.testing.assert_array_equal(got, hp.get_all_neighbours(1 << order, ids, nest=True).T)


@every_order
def test_rings(order: int) -> None:
    ids = some_cells(order)
    numbers = rings.to_ring(order, ids)
    np.testing.assert_array_equal(numbers, hp.nest2ring(1 << order, ids))
    np.testing.assert_array_equal(rings.from_ring(order, numbers), ids)


def vectors_of(lon: u.Quantity, lat: u.Quantity) -> np.ndarray:
    lam, phi = lon.to_value("rad"), lat.to_value("rad")
    return np.array([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)])


@every_order
def test_all_of_it_by_cdshealpix(order: int) -> None:
    ids = some_cells(order)
    places = vectors_of(*cds.healpix_to_lonlat(ids, order, num_threads=1))
    np.testing.assert_allclose(cells.centres(order, ids), places, rtol=0, atol=3e-15)
    # From south over east and north to west.
    corners = vectors_of(*cds.vertices(ids, order, num_threads=1))
    np.testing.assert_allclose(cells.vertices(order, ids), corners, rtol=0, atol=3e-15)
    # South, south-east, east, south-west, the cell, north-east, west, north-west, north.
    near = cds.neighbours(ids, order, num_threads=1)[:, [3, 6, 7, 8, 5, 2, 1, 0]]
    np.testing.assert_array_equal(cells.neighbours(order, ids), near)
    rng = np.random.default_rng(order)
    lon, lat = rng.uniform(0, 360, 3000) * u.deg, np.degrees(np.arcsin(rng.uniform(-1, 1, 3000))) * u.deg
    want = cds.lonlat_to_healpix(Longitude(lon), Latitude(lat), order, num_threads=1)
    np.testing.assert_array_equal(cells.cells_of(order, vectors_of(lon, lat)), want)


@every_order
def test_cells_of_positions_by_astropy_healpix(order: int) -> None:
    rng = np.random.default_rng(order)
    lon, lat = rng.uniform(0, 360, 3000) * u.deg, np.degrees(np.arcsin(rng.uniform(-1, 1, 3000))) * u.deg
    want = healpix.lonlat_to_healpix(lon, lat, 1 << order, order="nested")
    np.testing.assert_array_equal(cells.cells_of(order, vectors_of(lon, lat)), want)
