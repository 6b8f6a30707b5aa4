"""What the verbs on `Mask` do: the passes put together for the user."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..compile.compiled import compile_mask
from ..compile.eager import compute_array
from ..compile.evaluate import Evaluator
from ..compile.explain import explain
from ..compile.lower import lower
from ..compile.plan import Plan, make_plan
from ..compile.sending import send_source
from ..compile.simplify import simplify
from ..compile.spread import spread
from ..compile.whole import lazy_array
from ..core.arguments import one_of
from ..core.errors import MaskTypeError
from ..core.names import described
from ..expr.describe import one_line
from ..expr.mask import Mask
from ..expr.serialize import to_dict
from ..grid.lattice import Grid
from ..grid.points import Points
from ..io.given import as_grid
from ..io.xarray import wrap
from ..recipes.recipe import to_recipe
from ..tables.given import as_positions
from ..verbs.labels import check_like
from .convert import to_array, to_gammapy
from .fractions import AreaBounds, area_bounds, fraction
from .labels import like_array, world_coords
from .notebook import mask_html
from .plot import plot
from .sample import contains_pixels, selected_area, selected_count
from .serve import serve
from .to_moc import cells_in, to_moc
from .weights import apodize, distance
from .write import write

__all__ = [
    "apodize",
    "area",
    "cells_in",
    "compute",
    "contains",
    "count",
    "distance",
    "explain",
    "fraction",
    "fsky",
    "mask_html",
    "on",
    "plan",
    "plot",
    "serve",
    "simplify",
    "to_array",
    "to_dict",
    "to_gammapy",
    "to_moc",
    "to_recipe",
    "write",
]


def on(
    mask: Mask, geom: Any = None, chunks: Any = "auto", like: Any = None, coords: str = "pixel"
) -> xr.DataArray:
    """Put a mask on a grid: a lazy bool DataArray. See `Mask.on`."""
    one_of("coords", coords, ("pixel", "world"))
    if geom is None and like is None:
        raise MaskTypeError("on() takes a grid, or like= an array that carries one")
    geom = as_grid(like if geom is None else geom)
    if like is not None and not isinstance(like, xr.DataArray):
        raise MaskTypeError(f"like must be a DataArray, got {described(like)}")
    wanted = None
    if like is not None:
        check_like(like, geom)
        wanted = like.chunks[-len(geom.dims) :] if isinstance(chunks, str) and like.chunks else None
    # Chunks of cells are whole parent cells: there the array is cut as the cube is when it is made.
    is_image = len(geom.dims) == 2
    made = _lazy(mask, geom, chunks if wanted is None or not is_image else tuple(wanted))
    if coords == "world":
        made = made.assign_coords(world_coords(geom))
    if like is None:
        return made
    made = like_array(made, like, geom)
    return made if wanted is None or is_image else made.chunk({made.dims[-1]: wanted[-1]})


def _lazy(mask: Mask, geom: Grid, chunks: Any) -> xr.DataArray:
    compiled = compile_mask(mask, geom, chunks)
    send_source(compiled)
    array = lazy_array(compiled.name, compiled, compiled.chunks)
    if array.shape != geom.shape:
        array = da.broadcast_to(array, geom.shape)  # type: ignore[no-untyped-call]
    return _wrapped(mask, geom, array)


def compute(mask: Mask, geom: Any, chunks: Any = "auto") -> xr.DataArray:
    """Put a mask on a grid, in memory. See `Mask.compute`."""
    geom = as_grid(geom)
    return _wrapped(mask, geom, compute_array(compile_mask(mask, geom, chunks)))


def _wrapped(mask: Mask, geom: Grid, array: Any) -> xr.DataArray:
    return wrap(array, geom, name="mask", attrs={"mask": one_line(mask)})


def plan(mask: Mask, geom: Any, chunks: Any = "auto", memory_limit: Any = None) -> Plan:
    """Plan a mask on a grid. See `Mask.plan`."""
    return make_plan(mask, as_grid(geom), chunks, memory_limit)


def contains(mask: Mask, positions: Any, geom: Any = None) -> NDArray[np.bool_]:
    """Which sky positions are selected. See `Mask.contains`."""
    positions = as_positions(positions)
    if geom is not None:
        return contains_pixels(mask, as_grid(geom), positions)
    simple = spread(simplify(lower(mask)))
    return Evaluator(simple).run(simple, Points.from_sky(positions)).reshape(positions.shape)


def area(mask: Mask, geom: Any = None, rtol: float | None = None) -> u.Quantity | AreaBounds:
    """Solid angle of the selected pixels, or of the mask itself. See `Mask.area`."""
    if geom is None:
        return area_bounds(mask, 0.01 if rtol is None else rtol)
    if rtol is not None:
        raise MaskTypeError("rtol= applies to the area of the mask itself, which takes no grid")
    return (selected_area(compile_mask(mask, as_grid(geom))) * u.sr).to(u.deg**2)


def count(mask: Mask, geom: Any) -> Any:
    """Number of selected pixels. See `Mask.count`."""
    return selected_count(compile_mask(mask, as_grid(geom)))


def fsky(mask: Mask, geom: Any) -> Any:
    """Selected fraction of the whole sky. See `Mask.fsky`."""
    return selected_area(compile_mask(mask, as_grid(geom))) / (4 * np.pi)
