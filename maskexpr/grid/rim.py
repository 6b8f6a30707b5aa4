"""What connects the pixels of a map, and how large they are: seam, poles, rim of the sky, edges, areas."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor
from typing import NamedTuple

import astropy.units as u
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

from ..core.errors import AngleError, MaskValueError
from ..pixels.window import Window
from ..sphere.vectors import lonlat, normalise, unit
from .tiles import Tile
from .wcs.area import pixel_solid_angle
from .wcs.geom import WcsGeom
from .wcs.projection import Projection

__all__ = ["Area", "Domain", "Rim", "area_of", "area_text", "domain", "limit", "rim", "weights"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Area = tuple[float, str]
"""A number of ``"deg2"`` or ``"pix2"``."""

_DEG2 = float((1 * u.sr).to_value(u.deg**2))
# Seam and pole are found by indices that headers round.
_SLACK = 1e-3
# No pixel is larger than this many times the one at the reference (but for slivers at the limb of SIN).
_LARGEST = 64.0
# Pixels whose areas are computed in one call.
_BATCH = 1 << 18
# Pixels at this distance from the rim of the sky may be where a step over it leads.
_NEAR = 2
_POINTS = 4096
_WAYS = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Domain(NamedTuple):
    """The part of a map that components live on.

    ``window`` holds all pixels on the sky; ``seam`` and ``poles`` (first row, last row) say where it meets
    itself; ``edges`` which of its sides (first row, last row, first and last column) end the map; where
    ``rims`` is True some of it may be off the sky, and its edges are looked for pixel by pixel. ``edgeless``
    maps hold the whole sky.
    """

    window: Window
    seam: bool
    poles: tuple[bool, bool]
    edges: tuple[bool, bool, bool, bool]
    rims: bool
    edgeless: bool


@lru_cache(maxsize=64)
def domain(geom: WcsGeom) -> Domain:
    """The domain of a geometry.

    Examples
    --------
    >>> domain(WcsGeom.allsky(binsz=1))[1:3]
    (True, (True, True))
    """
    ny, nx = geom.image_shape
    if not geom.separable:
        whole = _holds_sky(geom)
        return Domain(Window(0, ny, 0, nx), False, (False, False), (False,) * 4, True, whole)
    rows = np.flatnonzero(np.isfinite(geom.lat_of(np.arange(ny))))
    columns = np.flatnonzero(np.isfinite(geom.lon_of(np.arange(nx))))
    if not len(rows) or not len(columns):
        return Domain(Window(0, 0, 0, 0), False, (False, False), (False,) * 4, False, False)
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    step = abs(geom.lon_step)
    seam = (x1 - x0) * step >= 360.0 - _SLACK * step
    beyond = np.isnan(geom.lat_of(np.array([y0 - 0.5 - _SLACK, y1 - 0.5 + _SLACK])))
    poles = (seam and bool(beyond[0]), seam and bool(beyond[1]))
    edges = (not poles[0], not poles[1], not seam, not seam)
    return Domain(Window(y0, y1, x0, x1), seam, poles, edges, False, not any(edges))


def _holds_sky(geom: WcsGeom) -> bool:
    """Whether points all over the sky (a Fibonacci lattice) have pixels on the map."""
    i = np.arange(_POINTS) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * i / _POINTS))
    y, x = geom.pixel(np.degrees(i * np.pi * (1 + 5**0.5)) % 360.0, lat)
    ny, nx = geom.image_shape
    return bool(np.all((y >= -0.5) & (y < ny - 0.5) & (x >= -0.5) & (x < nx - 0.5)))


class Rim(NamedTuple):
    """Pixels of a window near the rim of the sky or at the map's edge, each array of shape (n,).

    ``target`` is the flat index (``y * nx + x``) of the map's pixel that a step over the rim leads to, -1
    where the pixel is only near; ``edge`` says that a step leads to no pixel of the map.
    """

    y: Ints
    x: Ints
    target: Ints
    edge: Bools


def rim(geom: WcsGeom, window: Window) -> Rim:
    """Where a window that may be off the sky in part meets the rim of the sky, and the edge of the map.

    A step from the last pixel before the rim goes on along its great circle; the pixel in which it ends is a
    neighbour.
    """
    seen = Tile(geom, window.pad(_NEAR)).on_sky
    found = [_at_sides(geom, window, seen)]
    if seen is not None:
        height, width = window.shape
        inner = seen[_NEAR:-_NEAR, _NEAR:-_NEAR]
        near = inner & ~minimum_filter(seen, size=2 * _NEAR + 1)[_NEAR:-_NEAR, _NEAR:-_NEAR]
        y, x = np.nonzero(near)
        found.append((y, x, np.full(len(y), -1), np.zeros(len(y), dtype=bool)))
        for dy, dx in _WAYS:
            there = seen[_NEAR + dy : _NEAR + dy + height, _NEAR + dx : _NEAR + dx + width]
            y, x = np.nonzero(near & ~there)
            target = _step_over(geom, y + window.y0, x + window.x0, dy, dx)
            found.append((y, x, target, target < 0))
    y, x, target, edge = (np.concatenate(each) for each in zip(*found, strict=True))
    return Rim(y + window.y0, x + window.x0, target, edge)


def _at_sides(geom: WcsGeom, window: Window, seen: Bools | None) -> tuple[Ints, Ints, Ints, Bools]:
    """Pixels along the map's sides, beyond which there is sky: place in the window, no target, an edge."""
    ny, nx = geom.image_shape
    height, width = window.shape
    at = (window.y0 == 0, window.y1 == ny, window.x0 == 0, window.x1 == nx)
    rows, columns = np.arange(height), np.arange(width)
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for (dy, dx), is_side in zip(_WAYS, at, strict=True):
        if is_side:
            y = np.full(width, 0 if dy < 0 else height - 1) if dy else rows
            x = np.full(height, 0 if dx < 0 else width - 1) if dx else columns
            if seen is not None:
                sky = seen[_NEAR + y, _NEAR + x] & seen[_NEAR + y + dy, _NEAR + x + dx]
                y, x = y[sky], x[sky]
            found.append((y, x))
    y, x = (np.concatenate(each) for each in zip(*found, strict=True))
    return y, x, np.full(len(y), -1), np.ones(len(y), dtype=bool)


def _step_over(geom: WcsGeom, y: Ints, x: Ints, dy: int, dx: int) -> Ints:
    """Flat index of the pixel that a step from a pixel over the rim leads to, -1 if none."""
    ny, nx = geom.image_shape
    here = unit(*geom.lonlat(y, x))
    # A quarter of a pixel inwards is nearly always on the sky.
    ahead = here - unit(*geom.lonlat(y - 0.25 * dy, x - 0.25 * dx))
    target = np.full(len(y), -1)
    for length in (1.0, 1.5, 2.0):
        row, column = geom.pixel(*lonlat(normalise(here + 4.0 * length * ahead)))
        with np.errstate(invalid="ignore"):
            held = (row >= -0.5) & (row < ny - 0.5) & (column >= -0.5) & (column < nx - 0.5) & (target < 0)
        index = np.flatnonzero(held)
        to_y, to_x = (np.floor(each[index] + 0.5).astype(np.int64) for each in (row, column))
        good = np.isfinite(geom.lonlat(to_y, to_x)[0]) & ((to_y != y[index]) | (to_x != x[index]))
        target[index[good]] = to_y[good] * nx + to_x[good]
    return target


def limit(value: object, name: str) -> Area:
    """An area at the door: a solid angle becomes deg2, a number of pixels pix2.

    Raises
    ------
    AngleError
        Without a unit, or with one that is no area.
    MaskValueError
        If it is negative or not finite.

    Examples
    --------
    >>> limit("0.5 deg2", "min_area"), limit(4 * u.pix, "min_area")
    ((0.5, 'deg2'), (4.0, 'pix2'))
    """
    try:
        if not isinstance(value, (str, u.Quantity)):
            raise TypeError("it has no unit")
        area = u.Quantity(value)
        unit_name = "pix2" if area.unit in (u.pix, u.pix**2) else "deg2"
        number = float(area.value) if unit_name == "pix2" else float(area.to_value(u.deg**2))
    except (TypeError, ValueError, u.UnitsError) as err:
        raise AngleError(
            f"{name} must be an area with a unit, such as '0.1 deg2' or 20 * u.pix**2, got {value!r} ({err})"
        ) from err
    if not np.isfinite(number) or number < 0:
        raise MaskValueError(f"{name} must be finite and not negative, got {value!r}")
    return number, unit_name


def area_text(area: Area) -> str:
    """An area as it can be read back.

    Examples
    --------
    >>> area_text((0.1, "deg2"))
    '0.1 deg2'
    """
    return f"{area[0]!r} {area[1]}".replace(".0 ", " ")


@lru_cache(maxsize=64)
def _quantum(geom: WcsGeom) -> float:
    """The area in deg2 of which those of all pixels are whole multiples, so that the sum over any map fits 62
    bits.
    """
    ny, nx = geom.image_shape
    planes = int(np.prod(geom.shape[:-2], dtype=np.int64))
    scales = geom.pixel_scales.value
    largest = _LARGEST * float(scales[0] * scales[1])
    # A map can hold little more than the sky, but for slivers that are counted twice.
    total = planes * min(ny * nx * largest, 2.0 * 4.0 * np.pi * _DEG2 + (ny + nx) * largest)
    return float(2.0 ** np.ceil(np.log2(total / 2.0**61)))


def area_of(geom: WcsGeom, area: Area, upper: bool) -> int:
    """A limit in whole quanta (or pixels): at least this much, or at most if ``upper``. Ties within 1e-9 are
    equal.
    """
    number, name = area
    if name == "pix2":
        return floor(number) if upper else ceil(number)
    quanta = number / _quantum(geom)
    return floor(quanta * (1 + 1e-9)) if upper else ceil(quanta * (1 - 1e-9))


def weights(geom: WcsGeom, name: str, y: Ints, x0: Ints, x1: Ints) -> Ints:
    """Areas of runs ``x0 <= x < x1`` of rows ``y``, in whole quanta (or pixels), shape (n,).

    Each pixel is rounded on its own, so that sums do not depend on how a component is cut.
    """
    if name == "pix2" or not len(y):
        return np.asarray(x1 - x0)
    projection = Projection.from_wcs(geom.wcs)
    unit_area = _DEG2 / _quantum(geom)
    scales = geom.pixel_scales.value
    largest = _LARGEST * float(scales[0] * scales[1]) / _quantum(geom)

    def quanta(rows: Ints, columns: Ints) -> Ints:
        area = pixel_solid_angle(projection, rows, columns) * unit_area
        return np.rint(np.minimum(np.nan_to_num(area), largest)).astype(np.int64)

    if geom.separable:
        window = domain(geom).window
        rows, place = np.unique(y, return_inverse=True)
        # Only the outermost columns can end within a pixel, at the seam.
        first, middle, last = quanta(
            rows, np.array([window.x0, (window.x0 + window.x1) // 2, window.x1 - 1])
        ).T[:, place]
        total = middle * (x1 - x0) + np.where(x0 == window.x0, first - middle, 0)
        return np.asarray(total + np.where((x1 == window.x1) & (window.x1 - window.x0 > 1), last - middle, 0))
    out = np.zeros(len(y), dtype=np.int64)
    order = np.argsort(y, kind="stable")
    left, right = int(x0.min()), int(x1.max())
    height = max(1, _BATCH // (right - left))
    for top in range(int(y.min()), int(y.max()) + 1, height):
        few = order[slice(*np.searchsorted(y[order], [top, top + height]))]
        if len(few):
            area = quanta(np.arange(top, top + height), np.arange(left, right))
            summed = np.zeros((height, right - left + 1), dtype=np.int64)
            np.cumsum(area, axis=1, out=summed[:, 1:])
            out[few] = summed[y[few] - top, x1[few] - left] - summed[y[few] - top, x0[few] - left]
    return out
