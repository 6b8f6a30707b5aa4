"""Answers over all pixel centres by astropy's separations and by winding: what masks are compared with."""

from __future__ import annotations

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord

import maskexpr as mx

MAPS = {
    "CAR": mx.WcsGeom.allsky(binsz=1, frame="galactic"),
    "AIT": mx.WcsGeom.allsky(binsz=1, frame="galactic", proj="AIT"),
    "TAN": mx.WcsGeom.create(skydir=(30, 50), npix=(90, 70), binsz=1.4, proj="TAN", frame="galactic"),
}

# Longitude, latitude and radius, degrees.
CIRCLES = [
    (0, 90, 0.3),
    (10, 90, 12.3),
    (77, -90, 90),
    (180, 0, 7.7),
    (179.9, 5, 100),
    (20, 60, 25.2),
    (33, 80, 30.1),
    (250, 85, 10.1),
    (7, 3, 170),
    (210, -50, 140),
    (123.4, 33.3, 179.5),
]

# Vertices as (longitude, latitude), degrees.
POLYGONS = {
    "over the seam": [(170, -20), (195, -25), (190, 30), (165, 20)],
    "concave over the seam": [(160, -30), (200, -30), (200, 30), (181, -10), (160, 30)],
    "round the pole": [(0, 70), (90, 60), (180, 75), (270, 62)],
    "concave round the pole": [(0, 80), (60, 40), (110, 80), (200, 50), (240, 85), (300, 45)],
    "with a vertex at the pole": [(10, 90), (40, 20), (100, 25)],
    "round the south pole, clockwise": [(270, -62), (180, -75), (90, -60), (0, -70)],
    "nearly half the sky": [(40, 0.3), (160, 2), (280, -3)],
}


def pixels(geom: mx.WcsGeom) -> tuple[SkyCoord, np.ndarray]:
    """Centres of all pixels by astropy's own WCS, and which of them are on the sky."""
    height, width = geom.image_shape
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    lon, lat = geom.wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
    on_sky = np.isfinite(lon) & np.isfinite(lat)
    there = SkyCoord(np.where(on_sky, lon, 0), np.where(on_sky, lat, 0), unit="deg", frame=geom.frame)
    return there.reshape(height, width), on_sky.reshape(height, width)


def in_circle(geom: mx.WcsGeom, lon: float, lat: float, radius: float, frame: str = "galactic") -> np.ndarray:
    """Pixels nearer to a position than a radius."""
    there, on_sky = pixels(geom)
    return (there.separation(SkyCoord(lon, lat, unit="deg", frame=frame)).deg < radius) & on_sky


def in_polygon(geom: mx.WcsGeom, vertices: list[tuple[float, float]]) -> np.ndarray:
    """Pixels round which a polygon of great circles winds; the polygon lies within 90 deg of its middle.

    The directions from a pixel to the vertices turn by 360 deg on the way round if it is inside, and the
    other way if its antipode is.
    """
    there, on_sky = pixels(geom)
    points = there.cartesian.xyz.value.reshape(3, -1).T
    corners = SkyCoord(vertices, unit="deg", frame="galactic").cartesian.xyz.value.T
    turn = np.zeros(len(points))
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # Both corners as seen on the tangent plane of the point.
        side = np.einsum("ij,ij->i", points, np.broadcast_to(np.cross(a, b), points.shape))
        turn += np.arctan2(side, a @ b - (points @ a) * (points @ b))
    winds = np.abs(turn) > np.pi
    middle = corners.mean(axis=0)
    length = np.linalg.norm(middle)
    near = points @ middle > 0 if length > 0.05 else turn * _signed(corners) > 0
    return (winds & near).reshape(on_sky.shape) & on_sky


def _signed(corners: np.ndarray) -> float:
    return float(np.cross(corners, np.roll(corners, -1, axis=0)).sum(axis=0) @ corners.mean(axis=0))


def circle(lon: float, lat: float, radius: float, frame: str = "galactic") -> mx.Mask:
    """A circle as a region."""
    return mx.Region(f"{frame};circle({lon},{lat},{radius})")


def polygon(vertices: list[tuple[float, float]]) -> mx.Mask:
    """A polygon as a region."""
    return mx.Region("galactic;polygon(" + ",".join(f"{lon},{lat}" for lon, lat in vertices) + ")")


def positions(number: int, seed: int = 3, frame: str = "icrs") -> SkyCoord:
    """Random positions, even on the sphere."""
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, number)))
    return SkyCoord(rng.uniform(0, 360, number) * u.deg, lat * u.deg, frame=frame)
