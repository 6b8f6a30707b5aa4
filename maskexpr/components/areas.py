"""Areas of components: limits as users give them, and sums that do not depend on the order of adding."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor

import astropy.units as u
import numpy as np

from ..core.arrays import Ints
from ..core.errors import AngleError, MaskValueError
from ..grid.lattice import Grid
from ..grid.rim import topology
from ..sphere.angles import unmasked

__all__ = ["Area", "area_of", "area_text", "largest_pixel", "limit", "weights"]

Area = tuple[float, str]
"""A number of ``"deg2"`` or ``"pix2"``."""

_DEG2 = float((1 * u.sr).to_value(u.deg**2))
# Pixels whose areas are computed in one call.
_BATCH = 1 << 18


def limit(value: object, name: str) -> Area:
    """An area at the door: a solid angle becomes deg2, a number of pixels pix2. An `Area` is checked again.

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
        if not isinstance(value, (str, u.Quantity, tuple)):
            raise TypeError("it has no unit")
        area = u.Quantity(*value) if isinstance(value, tuple) else u.Quantity(value)
        unit_name = "pix2" if area.unit in (u.pix, u.pix**2) else "deg2"
        number = float(unmasked(area.value if unit_name == "pix2" else area.to_value(u.deg**2)))
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
def _quantum(geom: Grid) -> float:
    """The area in deg2 of which those of all pixels are whole multiples, so that the sum over any map fits 62
    bits.
    """
    ny, nx = geom.image_shape
    planes = int(np.prod(geom.planes_shape, dtype=np.int64))
    largest = geom.largest_pixel * _DEG2
    # A map can hold little more than the sky, but for slivers that are counted twice.
    total = planes * min(ny * nx * largest, 2.0 * 4.0 * np.pi * _DEG2 + (ny + nx) * largest)
    return float(2.0 ** np.ceil(np.log2(total / 2.0**61)))


def area_of(geom: Grid, area: Area, upper: bool) -> int:
    """A limit in whole quanta (or pixels): at least this much, or at most if ``upper``. Ties within 1e-9 are
    equal.
    """
    number, name = area
    if name == "pix2":
        return floor(number) if upper else ceil(number)
    quanta = number / _quantum(geom)
    return floor(quanta * (1 + 1e-9)) if upper else ceil(quanta * (1 - 1e-9))


def largest_pixel(geom: Grid, name: str) -> int:
    """At least the area of each pixel, in whole quanta (or pixels), as `weights` counts it."""
    return 1 if name == "pix2" else ceil(geom.largest_pixel * _DEG2 / _quantum(geom))


def weights(geom: Grid, name: str, y: Ints, x0: Ints, x1: Ints) -> Ints:
    """Areas of runs ``x0 <= x < x1`` of rows ``y``, in whole quanta (or pixels), shape (n,).

    Each pixel is rounded on its own, so that sums do not depend on how a component is cut.
    """
    if name == "pix2" or not len(y):
        return np.asarray(x1 - x0)
    unit_area = _DEG2 / _quantum(geom)
    largest = geom.largest_pixel * unit_area

    def quanta(rows: Ints, columns: Ints) -> Ints:
        area = geom.solid_angles(rows, columns) * unit_area
        return np.rint(np.minimum(np.nan_to_num(area), largest)).astype(np.int64)

    if geom.separable:
        window = topology(geom).window
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
