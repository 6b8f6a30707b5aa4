"""gammapy's structuring elements, for people who must reproduce its masks."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np

from ..core.arguments import one_of
from ..core.arrays import Bools
from ..core.calls import told
from ..core.errors import AngleError, MaskTypeError, MaskValueError, borrowed
from ..core.names import described, shown
from ..grid.wcs.geom import WcsGeom
from ..io.given import as_grid
from ..sphere.angles import unmasked
from .radius import row_widths

__all__ = ["gammapy_radius", "gammapy_structure"]


@told
def gammapy_radius(geom: Any, width: Any, kernel: str = "disk") -> u.Quantity | tuple[u.Quantity, u.Quantity]:
    """The radius with which ``metric="pixel"`` does what gammapy's ``binary_dilate`` and ``binary_erode`` do
    with ``width``.

    gammapy takes the width of a disk for its radius and that of a box for its full side, divides an angle by
    the pixel scales, rounds up to an odd number of pixels, and swaps the two sides of a box.

    Parameters
    ----------
    geom : WcsGeom, or what carries one
        The map's geometry; a gammapy geometry or map as it is.
    width : angle, pixels, number of pixels, or pair (lon, lat)
        As gammapy takes it.
    kernel : str
        ``"disk"`` or ``"box"``.

    Returns
    -------
    Quantity, or tuple of two
        In pixels; of a box the pair (lon, lat) that `Dilate` takes.

    Examples
    --------
    >>> geom = WcsGeom.create(binsz=0.1, width=2)
    >>> gammapy_radius(geom, "0.2 deg"), gammapy_radius(geom, 6, kernel="box")
    (<Quantity 3. pix>, (<Quantity 3. pix>, <Quantity 3. pix>))
    """
    one_of("kernel", kernel, ("disk", "box"))
    grid = as_grid(geom)
    if not isinstance(grid, WcsGeom):
        raise MaskTypeError(f"gammapy_radius takes a WcsGeom, got {described(grid)}")
    with borrowed(f"width must be an angle or a number of pixels, got {shown(width)}", AngleError):
        quantity = u.Quantity(width)
    if quantity.unit.is_equivalent(u.pix):
        quantity = quantity.to_value(u.pix) * u.dimensionless_unscaled
    elif quantity.unit.is_equivalent(u.deg):
        quantity = quantity / grid.pixel_scales
    elif quantity.unit != u.dimensionless_unscaled:
        raise AngleError(f"width must be an angle or a number of pixels, got {width!r}")
    sides = np.broadcast_to(unmasked(quantity.to_value(u.dimensionless_unscaled)), (2,))
    if not (sides >= 0).all():
        raise MaskValueError(f"width must not be negative, got {shown(width)}")
    odd = np.ceil(sides) // 2 * 2 + 1
    if kernel == "disk":
        return float(odd[0]) * u.pix
    return float((odd[1] - 1) / 2) * u.pix, float((odd[0] - 1) / 2) * u.pix


@told
def gammapy_structure(geom: Any, width: Any, kernel: str = "disk") -> Bools:
    """The structuring element of gammapy's ``binary_dilate`` and ``binary_erode``, rows before columns.

    Examples
    --------
    >>> gammapy_structure(WcsGeom.create(binsz=0.1, width=2), 3, kernel="box").shape
    (3, 3)
    """
    radius = gammapy_radius(geom, width, kernel)
    lon, lat = radius if isinstance(radius, tuple) else (radius, radius)
    widths = row_widths((lon.to_value(u.pix), lat.to_value(u.pix)), kernel)
    middle = len(widths) - 1
    rows = np.abs(np.arange(-middle, middle + 1))
    columns = np.abs(np.arange(-widths[0], widths[0] + 1))
    return np.asarray(columns[None, :] <= widths[rows][:, None])
