"""Radii at the door: one or one per plane, a disk's or a box's, an angle or pixels."""

from __future__ import annotations

from typing import Any, Final

import astropy.units as u
import numpy as np

from ..core.arguments import one_of
from ..core.arrays import Floats, Ints
from ..core.errors import AngleError, AxisError, MaskValueError
from ..core.names import shown
from ..core.records import frozen_array
from ..grid.lattice import Grid
from ..pixels.disks import box_widths, disk_widths
from ..sphere.angles import format_degrees, is_pixels, pixels_array, to_degrees_array

__all__ = [
    "check_axis",
    "check_sizes",
    "half_sides",
    "in_pixels",
    "plane_row",
    "row_widths",
    "show",
    "typed",
]

KERNELS: Final = ("disk", "box")
METRICS: Final = ("sky", "pixel")


def half_sides(radius: Any, kernel: str, metric: str, name: str = "radius") -> tuple[Floats, str]:
    """Half-sides (lon, lat), one row for each plane or a single one for all, and their unit, ``"deg"`` or
    ``"pix"``.

    A tuple or list of two is a pair (lon, lat) of a box; everything else of one dimension is one radius for
    each plane. Errors call it by ``name``.

    Raises
    ------
    AngleError
        For numbers without a unit, or a unit that is neither an angle nor pixels.
    MaskValueError
        For a kernel or metric that is not known, a negative radius, a pair for a disk, or pixels on the sky.

    Examples
    --------
    >>> half_sides(("2 deg", "1 deg"), "box", "sky")
    (array([[2., 1.]]), 'deg')
    """
    one_of("kernel", kernel, KERNELS)
    one_of("metric", metric, METRICS)
    pair = isinstance(radius, (tuple, list)) and len(radius) == 2 and kernel == "box"
    if isinstance(radius, tuple) and not pair:
        wanted = f"{name} must be one value or a pair (lon, lat)"
        if name == "radius" and kernel == "disk":
            wanted = "a pair (lon, lat) of half-sides is for kernel='box', a disk has one radius"
        raise MaskValueError(f"{wanted}; got {shown(radius)}")
    unit = "pix" if _is_pixels(radius) else "deg"
    if unit == "pix" and metric == "sky":
        raise MaskValueError(
            f"a {name} in pixels ({shown(radius)}) needs metric='pixel'; on the sky give an angle"
        )
    values = [_numbers(each, unit, name) for each in (radius if pair else (radius, radius))]
    lon, lat = np.broadcast_arrays(*values)
    if lon.ndim > 1 or not lon.size:
        raise MaskValueError(f"{name} must be one value, or one for each plane, got the shape {lon.shape}")
    sizes = np.stack([lon.reshape(-1), lat.reshape(-1)], axis=1)
    if (sizes < 0).any():
        smaller = "; to shrink use Erode" if name == "radius" else ""
        raise MaskValueError(f"{name} must not be negative, got {shown(radius)}{smaller}")
    if metric == "sky" and (sizes > 180).any():
        raise MaskValueError(f"{name} must be at most 180 deg on the sky, got {shown(radius)}")
    return frozen_array(sizes), unit


def check_sizes(sizes: Floats, unit: str, kernel: str, metric: str, axis: str | None) -> None:
    """Raise for half-sides that `half_sides` would not have made.

    Examples
    --------
    >>> check_sizes(np.array([[2.0, 1.0]]), "deg", "disk", "sky", None)
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskValueError: a disk has one radius, not [2.0, 1.0]
    """
    if sizes.ndim != 2 or sizes.shape[1] != 2 or not len(sizes):
        raise MaskValueError(f"half-sides are pairs (lon, lat), got an array of shape {sizes.shape}")
    if unit not in ("deg", "pix"):
        raise AngleError(f"half-sides are in 'deg' or 'pix', got {unit!r}")
    if kernel == "disk" and (sizes[:, 0] != sizes[:, 1]).any():
        odd = sizes[sizes[:, 0] != sizes[:, 1]][0]
        raise MaskValueError(f"a disk has one radius, not {odd.tolist()}")
    if (len(sizes) > 1) != (axis is not None):
        raise AxisError(f"there are {len(sizes)} radii and the axis is {axis!r}")
    made = u.Quantity(sizes, u.Unit("deg" if unit == "deg" else "pix"))
    half_sides([made[:, 0], made[:, 1]] if kernel == "box" else made[:, 0], kernel, metric)


def _is_pixels(radius: Any) -> bool:
    if isinstance(radius, u.Quantity):
        return bool(radius.unit.is_equivalent(u.pix))
    return is_pixels(radius)


def _numbers(value: Any, unit: str, name: str) -> Floats:
    if unit == "deg":
        return to_degrees_array(value, name)
    return pixels_array(value, name)


def check_axis(sizes: Floats, axis: str | None, geom: Grid) -> None:
    """Raise if there is a radius for each bin of an axis and the geometry's axis is not so long."""
    if axis is None:
        return
    found = {each.name: each.nbin for each in geom.axes}
    if axis not in found:
        raise AxisError(
            f"there is a radius for each bin of the axis {axis!r}, which the geometry lacks; "
            f"it has {list(found)}"
        )
    if found[axis] != len(sizes):
        raise AxisError(f"there are {len(sizes)} radii for the {found[axis]} bins of the axis {axis!r}")


def plane_row(sizes: Floats, axis: str | None, geom: Grid, plane: tuple[int, ...]) -> tuple[float, float]:
    """Half-sides (lon, lat) on one plane."""
    names = [each.name for each in geom.axes]
    row = 0 if axis is None else plane[names.index(axis)]
    return float(sizes[row, 0]), float(sizes[row, 1])


def in_pixels(size: tuple[float, float], unit: str, geom: Grid) -> tuple[float, float]:
    """Half-sides in pixels along (x, y), by the pixel scales at the reference pixel."""
    if unit == "pix":
        return size
    scales = geom.pixel_scales.to_value("deg")
    return size[0] / float(scales[0]), size[1] / float(scales[1])


def row_widths(size: tuple[float, float], kernel: str, *most: tuple[int, int]) -> Ints:
    """Half-widths of the rows of a shape of half-sides (x, y) in pixels, from its middle row on; of a map's
    shape at most.
    """
    return (disk_widths if kernel == "disk" else box_widths)(size[1], size[0], *most)


def typed(sizes: Floats, unit: str, pair: bool) -> Any:
    """Sizes as a user types them: one text, a pair (lon, lat), or of either a list with one for each bin."""

    def column(values: Floats) -> Any:
        texts = [format_degrees(value) if unit == "deg" else f"{float(value)!r} pix" for value in values]
        return texts[0] if len(texts) == 1 else texts

    lon, lat = column(sizes[:, 0]), column(sizes[:, 1])
    return [lon, lat] if pair else lon


def show(sizes: Floats, unit: str) -> str:
    """A radius, a pair or several, briefly."""

    def one(value: float) -> str:
        return format_degrees(value) if unit == "deg" else f"{value:g} pix"

    if len(sizes) > 1:
        return f"{len(sizes)} radii of {one(float(sizes.min()))} to {one(float(sizes.max()))}"
    lon, lat = (float(each) for each in sizes[0])
    return one(lon) if lon == lat else f"({one(lon)}, {one(lat)})"
