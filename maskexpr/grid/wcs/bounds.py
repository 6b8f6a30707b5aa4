"""Bounds of windows of pixels: the cap that holds their centres, and whether they are on the sky."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core.arrays import Floats, Indices, Ints
from ...pixels.rectangles import areas
from ...pixels.window import cut
from ...sphere.rectangles import caps_of_rectangles
from ...sphere.vectors import Caps, angle_between, normalise, unit
from ..lattice import OFF, ON, PART
from .bend import held
from .outline import surely_off

if TYPE_CHECKING:
    from .geom import WcsGeom

__all__ = ["are_on_sky", "caps_of", "samples", "sky_of"]

# Up to this many pixels a window is asked pixel by pixel: whether it is off the sky, and, where analysis
# proves nothing, how far it reaches.
_FEW_SKY = 4096
_FEW = 256
# Larger windows are cut into so many parts a side; where so many pixels of a window would have to be asked,
# the whole sphere bounds it.
_PARTS = 8
_MOST = 1 << 20
# A bound that is wider than its samples by more than this is worth looking at the window's parts.
_LOOSE = 2.0
# Pixels asked in one call: bounds memory.
_BATCH = 1 << 18
# Radians: no less than what a position differs by when it is asked in another call.
_ROUNDING = 1e-12
# Radians: narrower than what anybody tells apart.
_NARROW = 1e-8


def samples(geom: WcsGeom, bounds: Ints) -> Floats:
    """Unit vectors at 3 x 3 places of each window, shape (3, 3, 3, n): component, row, column, window."""
    y0, y1, x0, x1 = bounds
    y = np.stack([y0, (y0 + y1 - 1) / 2, y1 - 1]).astype(np.float64)
    x = np.stack([x0, (x0 + x1 - 1) / 2, x1 - 1]).astype(np.float64)
    if geom.separable:
        return unit(geom.lon_of(x)[None, :, :], geom.lat_of(y)[:, None, :])
    return unit(*geom.lonlat(y[:, None, :], x[None, :, :]))


def sky_of(geom: WcsGeom, bounds: Ints, points: Floats) -> NDArray[np.uint8]:
    """``OFF``, ``PART`` or ``ON`` for each window, from its samples.

    A window whose corners are on a convex sky is on it as a whole. It is off the sky if arithmetic says so or
    every one of its pixels does: a rim of pixels that are off can let a tongue of sky in between two of them.
    """
    seen = np.isfinite(points[0]).sum(axis=(0, 1))
    sky = np.full(bounds.shape[1], PART)
    if geom.convex_sky:
        sky[seen == 9] = ON
    nothing = np.flatnonzero(seen == 0)
    if len(nothing):
        far = surely_off(geom._projection, bounds[:, nothing])
        sky[nothing[far]] = OFF
        near = nothing[~far]
        near = near[areas(bounds[:, near]) <= _FEW_SKY]
        for some, xyz in _centres(geom, bounds, near):
            sky[some[~np.isfinite(xyz[0]).any(axis=1)]] = OFF
    return sky


def are_on_sky(geom: WcsGeom, bounds: Ints) -> bool:
    """Whether windows are parts of an image that is on the sky as a whole."""
    last = np.array(geom.image_shape)[:, None]
    return bool((bounds[::2] >= 0).all() and (bounds[1::2] <= last).all()) and _is_on_sky(geom)


@lru_cache(maxsize=256)
def _is_on_sky(geom: WcsGeom) -> bool:
    ny, nx = geom.image_shape
    whole = np.array([[0], [ny], [0], [nx]])
    return bool(sky_of(geom, whole, samples(geom, whole))[0] == ON)


def caps_of(geom: WcsGeom, bounds: Ints, points: Floats, sky: NDArray[np.uint8]) -> Caps:
    """Caps that hold all pixel centres of windows.

    Those of rectangles of longitudes and latitudes have a closed form. Others are as wide as the distances of
    the samples where analysis proves that enough, or by how much it is not (`maskexpr.grid.wcs.bend`). Other
    windows whose samples are all on the sky are bounded by their parts, and in the end by all their pixels;
    the rest by the whole sphere.
    """
    if not geom.separable:
        return _sampled(geom, bounds, points, sky)
    on = sky == ON
    if on.all():
        return _of_rectangles(geom, bounds)
    caps = _sampled(geom, bounds, points, sky)
    caps.centre[:, on], caps.radius[on] = _of_rectangles(geom, bounds[:, on])
    return caps


def _sampled(geom: WcsGeom, bounds: Ints, points: Floats, sky: NDArray[np.uint8]) -> Caps:
    """Caps by samples, and where these are wide by parts and pixels."""
    caps, open_ = _proved(geom, bounds, points, sky)
    open_ = open_[np.isfinite(points[0][..., open_]).all(axis=(0, 1))]
    _sharpen(geom, bounds, caps, open_)
    return caps


def _of_rectangles(geom: WcsGeom, bounds: Ints) -> Caps:
    """Caps of windows that are on the sky, where rows are parallels and columns meridians."""
    y0, y1, x0, x1 = bounds
    south, north = np.sort(np.deg2rad(geom.lat_of(np.stack([y0, y1 - 1]))), axis=0)
    lon = np.deg2rad(geom.lon_of((x0 + x1 - 1) / 2))
    half = np.deg2rad(abs(geom.lon_step)) * (x1 - 1 - x0) / 2
    caps = caps_of_rectangles(lon, half, south, north)
    return Caps(caps.centre, np.minimum(caps.radius + _ROUNDING, np.pi))


def _proved(geom: WcsGeom, bounds: Ints, points: Floats, sky: NDArray[np.uint8]) -> tuple[Caps, Indices]:
    """Caps by analysis, and the windows on the sky for which they are wide."""
    whole = np.isfinite(points[0]).all(axis=(0, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = normalise(points.sum(axis=(1, 2)))
        reach = angle_between(points, centre[:, None, None, :]).max(axis=(0, 1))
    known = whole & np.isfinite(reach)
    radius = np.full(len(reach), np.pi)
    radius[known] = np.minimum(
        held(geom._projection, bounds[:, known], centre[:, known], reach[known]), np.pi
    )
    centre[:, ~np.isfinite(centre[0])] = np.array([[1.0], [0.0], [0.0]])
    radius[sky == OFF] = -1.0
    tight = known & (radius <= _LOOSE * reach + _NARROW)
    return Caps(centre, radius), np.flatnonzero(~tight & (sky != OFF))


def _sharpen(geom: WcsGeom, bounds: Ints, caps: Caps, open_: Indices) -> None:
    """Narrow the caps of some windows by their parts and pixels."""
    if len(open_):
        radius = _by_pixels(geom, bounds[:, open_], caps.centre[:, open_])
        caps.radius[open_] = np.minimum(caps.radius[open_], radius)


def _by_pixels(geom: WcsGeom, bounds: Ints, centre: Floats) -> Floats:
    """Radii about centres that hold the pixel centres of windows of which nothing is proved."""
    radius = np.full(bounds.shape[1], -1.0)
    few = areas(bounds) <= _FEW
    for some, xyz in _centres(geom, bounds, np.flatnonzero(few)):
        far = angle_between(xyz, centre[:, some, None])
        radius[some] = np.fmax.reduce(far, axis=1, initial=-1.0) + _ROUNDING
    many = np.flatnonzero(~few)
    if len(many):
        radius[many] = _by_parts(geom, bounds[:, many], centre[:, many])
    return np.asarray(np.minimum(radius, np.pi))


def _by_parts(geom: WcsGeom, bounds: Ints, centre: Floats) -> Floats:
    """The same by the caps of the parts of windows; the whole sphere where too much of a window is open."""
    longest = np.maximum(bounds[1] - bounds[0], bounds[3] - bounds[2])
    parts, parent = cut(bounds, -(-longest // _PARTS))
    points = samples(geom, parts)
    caps, open_ = _proved(geom, parts, points, sky_of(geom, parts, points))
    number = np.bincount(parent[open_], areas(parts[:, open_]), bounds.shape[1])
    _sharpen(geom, parts, caps, open_[number[parent[open_]] <= _MOST])
    far = angle_between(caps.centre, centre[:, parent]) + caps.radius
    radius = np.full(bounds.shape[1], -1.0)
    np.maximum.at(radius, parent, np.where(caps.radius < 0, -1.0, far))
    return radius


def _centres(geom: WcsGeom, bounds: Ints, some: Indices) -> Iterator[tuple[Indices, Floats]]:
    """Unit vectors of all pixel centres of windows, shape (3, n, pixels), for those of one shape together."""
    shapes = np.stack([bounds[1] - bounds[0], bounds[3] - bounds[2]])[:, some]
    for height, width in np.unique(shapes, axis=1).T:
        alike = some[(shapes[0] == height) & (shapes[1] == width)]
        y, x = (each.ravel() for each in np.mgrid[:height, :width])
        for few in np.array_split(alike, -(-len(alike) * len(y) // _BATCH)):
            yield few, unit(*geom.lonlat(bounds[0, few, None] + y, bounds[2, few, None] + x))
