"""What part of the sky a mask selects, with bounds."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Final, NamedTuple

import astropy.units as u
import numpy as np
import xarray as xr

from ..compile.compiled import Compiled
from ..compile.fractions import Fractions
from ..compile.spherical import sky_bounds
from ..compile.whole import lazy_array
from ..core.errors import MaskAttributeError, MaskTypeError, MaskValueError
from ..expr.describe import one_line
from ..expr.mask import AllSky, And, Mask, Not, Or, Xor
from ..expr.structure import postorder
from ..grid.healpix.faces import MAX_ORDER
from ..grid.healpix.geom import HpxGeom
from ..io.given import as_grid
from ..io.xarray import wrap
from ..maps.leaf import FromData
from .sample import selected_area
from .to_moc import on_the_sphere

__all__ = ["AreaBounds", "area_bounds", "fraction"]

# Halvings of a pixel's side, at most: its parts have numbers of 64 bits all the same.
_MOST: Final = 12


# Sums of shares of the sphere are right to this.
_ROUNDING: Final = 1e-10
# What an operator makes of the values beyond the border of a map.
_BEYOND: Final[dict[type[Mask], Callable[[list[bool]], bool]]] = {
    And: all,
    Or: any,
    Xor: lambda values: sum(values) % 2 == 1,
    Not: lambda values: not values[0],
}


class _Bounds(NamedTuple):
    value: u.Quantity
    lower: u.Quantity
    upper: u.Quantity


class AreaBounds(_Bounds):
    """The area of a mask, and what it certainly is not below and not above."""

    __slots__ = ()

    def _no_number(self, *other: object) -> Any:
        # Of a tuple 2 * area would be a tuple twice as long.
        raise MaskTypeError(
            "an area on the sphere is a value between two bounds: compute with mask.area().value (or .lower, "
            ".upper), or with mask.area(geom)"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _no_number
    __neg__ = __float__ = __lt__ = __le__ = __gt__ = __ge__ = _no_number
    # numpy and astropy leave an operator to what is on its other side.
    __array_ufunc__ = None

    def __getattr__(self, name: str) -> Any:
        raise MaskAttributeError(
            f"an area on the sphere has no {name!r}: it has value, lower and upper, each a Quantity"
        )

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else str(self)


def area_bounds(mask: Mask, rtol: float) -> AreaBounds:
    """The area of a mask as a set on the sphere. See `Mask.area`."""
    if isinstance(rtol, bool) or not isinstance(rtol, Real) or not rtol > 0:
        raise MaskValueError(f"rtol must be a number of more than 0, got {rtol!r}")
    whole, simple = (4 * np.pi * u.sr).to(u.deg**2), on_the_sphere(mask, "mask.area(geom)")
    shares = _of_pixels(simple) or sky_bounds(simple, float(rtol))
    return AreaBounds(*(part * whole for part in shares))


def _of_pixels(mask: Mask) -> tuple[float, float, float] | None:
    """Value, lower and upper bound of the fraction of the sphere of a mask that is made of whole pixels of
    one map, whose sum it is; None for other masks, and for maps whose pixels are neither cells nor bounded by
    parallels and meridians.
    """
    known: dict[int, bool] = {}
    grid = None
    for each in postorder(mask):
        if isinstance(each, FromData):
            grid, known[id(each)] = each.grid if grid is None else grid, each.outside
            if each.grid != grid:
                return None
        elif isinstance(each, And | Or | Xor | Not):
            known[id(each)] = _BEYOND[type(each)]([known[id(child)] for child in each.children])
        else:
            return None
    if grid is None or grid.axes or not (isinstance(grid, HpxGeom) or (grid.separable and not grid.repeats)):
        return None
    sphere = 4 * np.pi
    selected = float(selected_area(Compiled(mask, grid, (), grid.layout())))
    if known[id(mask)]:
        # What the map leaves of the sky.
        selected += sphere - float(selected_area(Compiled(AllSky(), grid, (), grid.layout())))
    value = min(max(selected / sphere, 0.0), 1.0)
    return value, max(value - _ROUNDING, 0.0), min(value + _ROUNDING, 1.0)


def fraction(mask: Mask, geom: Any, levels: int = 4, chunks: Any = "auto") -> xr.Dataset:
    """What fraction of each pixel a mask selects, between bounds. See `Mask.fraction`."""
    grid = as_grid(geom)
    most = min(_MOST, MAX_ORDER - grid.order) if isinstance(grid, HpxGeom) else _MOST
    if isinstance(levels, bool) or not isinstance(levels, Integral) or not 0 <= levels <= most:
        raise MaskValueError(f"levels must be a whole number from 0 to {most} here, got {levels!r}")
    image = grid.to_image()
    if not (isinstance(image, HpxGeom) or image.separable or image.finer(2) is not None):
        raise MaskTypeError(f"the pixels of {image!r} cannot be cut")
    source = Fractions(
        Compiled(on_the_sphere(mask, "its pixels are mask.on(geom)"), image, (), image.layout(chunks)),
        int(levels),
    )
    both = lazy_array(source.name, source, source.chunks, np.float32)
    attrs = {"mask": one_line(mask)}
    return xr.Dataset({name: wrap(both[i], image, name, attrs) for i, name in enumerate(("lower", "upper"))})
