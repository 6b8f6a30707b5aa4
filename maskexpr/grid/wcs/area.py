"""Solid angles of pixels, exact on the sphere."""

from __future__ import annotations

from typing import Any, Final

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ...core.arrays import Floats
from ...sphere.vectors import unit
from .lattice import lat_of, lon_of, lonlat, traits
from .projection import Projection

__all__ = ["pixel_solid_angle", "solid_angle_array"]

_CHUNK: Final = 2048
# Half sides, in pixels, of the square by which the area of a pixel that the rim of the sky cuts is scaled up;
# the next where the one before is cut too.
_SMALL: Final = (2.0**-6, 2.0**-12, 2.0**-18)


def solid_angle_array(projection: Projection, shape: tuple[int, int], token: str) -> xr.DataArray:
    """Lazy solid angles of a map; see `WcsGeom.solid_angle`."""
    ny, nx = shape
    chunks = da.core.normalize_chunks(_CHUNK, shape=(ny, nx))  # type: ignore[no-untyped-call]
    data = da.map_blocks(  # type: ignore[no-untyped-call]
        _block,
        projection,
        chunks,
        chunks=chunks,
        dtype=np.float64,
        meta=np.empty((0, 0)),
        name=f"solid-angle-{token}",
    )
    coords = {"y": np.arange(ny), "x": np.arange(nx)}
    return xr.DataArray(data, dims=("y", "x"), coords=coords, name="solid_angle", attrs={"units": "sr"})


def pixel_solid_angle(projection: Projection, y: NDArray[Any], x: NDArray[Any]) -> Floats:
    """Solid angles in sr of pixels at rows ``y`` and columns ``x``, shape (len(y), len(x)); NaN off the sky.

    Examples
    --------
    >>> degree = Projection.create("CAR", "icrs", (1, 1), (0, 0), (-1, 1))
    >>> float(pixel_solid_angle(degree, np.arange(-90, 91), np.arange(-180, 181)).sum() / np.pi)
    4.0
    """
    rows, columns = np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64)
    if traits(projection).separable:
        return _rectangles(projection, rows, columns)
    return _quadrilaterals(projection, rows, columns)


def _block(projection: Projection, chunks: tuple[tuple[int, ...], ...], block_id: tuple[int, int]) -> Floats:
    # The chunks are passed whole: slicing the array later changes what is computed, never where a block lies.
    row, column = block_id
    y0, x0 = sum(chunks[0][:row]), sum(chunks[1][:column])
    return pixel_solid_angle(projection, y0 + np.arange(chunks[0][row]), x0 + np.arange(chunks[1][column]))


def _rectangles(projection: Projection, y: Floats, x: Floats) -> Floats:
    """Longitude times the difference of sines; a pixel that reaches over a pole or the seam ends there."""
    step = abs(traits(projection).lon_step)
    native = x - (projection.crpix[0] - 1.0)
    seam = 180.0 / step
    part = np.clip(seam - native, -0.5, 0.5) + np.clip(seam + native, -0.5, 0.5)
    width = np.where(np.isfinite(lon_of(projection, x)), np.radians(step) * part, np.nan)
    centre = lat_of(projection, y)
    low, high = (_edge_latitude(projection, y + half, centre) for half in (-0.5, 0.5))
    # sin a - sin b as a product: the difference of the sines would lose digits for small pixels.
    mean, half = np.radians(high + low) / 2, np.radians(high - low) / 2
    height = np.where(np.isfinite(centre), np.abs(2.0 * np.cos(mean) * np.sin(half)), np.nan)
    return np.asarray(height[:, None] * width[None, :])


def _edge_latitude(projection: Projection, y: Floats, centre: Floats) -> Floats:
    edge = lat_of(projection, y)
    return np.where(np.isnan(edge), np.copysign(90.0, centre), edge)


def _quadrilaterals(projection: Projection, y: Floats, x: Floats) -> Floats:
    """Great-circle quadrilaterals of the corners; by the scale at the centre if a corner is off the sky."""
    edges_y = np.append(y - 0.5, y[-1:] + 0.5)
    edges_x = np.append(x - 0.5, x[-1:] + 0.5)
    corners = unit(*lonlat(projection, edges_y[:, None], edges_x[None, :]))
    area = _area(corners[:, :-1, :-1], corners[:, :-1, 1:], corners[:, 1:, 1:], corners[:, 1:, :-1])
    off = ~np.isfinite(lonlat(projection, y[:, None], x[None, :])[0])
    row, column = np.nonzero(np.isnan(area) & ~off)
    area[row, column] = _scaled_up(projection, y[row], x[column])
    area[off] = np.nan
    return area


def _scaled_up(projection: Projection, y: Floats, x: Floats) -> Floats:
    """Areas of pixels, shape (n,), by a small square at the centre; if that is cut by the rim as well, by one
    beside it, nearer to the reference.
    """
    inward = np.stack([projection.crpix[1] - 1.0 - y, projection.crpix[0] - 1.0 - x])
    inward /= np.maximum(np.hypot(*inward), 1.0)
    area = np.full(y.shape, np.nan)
    for half, aside in ((half, aside) for half in _SMALL for aside in (0.0, 2.0)):
        left = np.flatnonzero(np.isnan(area))
        if not len(left):
            break
        middle_y, middle_x = np.stack([y, x])[:, left] + aside * half * inward[:, left]
        around = [(-half, -half), (-half, half), (half, half), (half, -half)]
        corners = [unit(*lonlat(projection, middle_y + dy, middle_x + dx)) for dy, dx in around]
        area[left] = _area(*corners) / (2 * half) ** 2
    return area


def _area(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Area of spherical quadrilaterals with corners in order."""
    return np.abs(_triangle(a, b, c) + _triangle(a, c, d))


def _triangle(a: Floats, b: Floats, c: Floats) -> Floats:
    """Signed area of spherical triangles (Eriksson); by differences, so small ones keep their digits."""
    u, v = b - a, c - a
    volume = (
        a[0] * (u[1] * v[2] - u[2] * v[1])
        + a[1] * (u[2] * v[0] - u[0] * v[2])
        + a[2] * (u[0] * v[1] - u[1] * v[0])
    )
    dots = sum((p * q).sum(axis=0) for p, q in ((a, b), (b, c), (c, a)))
    return np.asarray(2.0 * np.arctan2(volume, 1.0 + dots))
