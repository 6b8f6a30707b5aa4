"""What the verbs on `Mask` do: the passes put together for the user."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import dask.array as da
import numpy as np
import xarray as xr
from astropy.coordinates import SkyCoord
from numpy.typing import NDArray

from .adapters.dask import lazy_array
from .adapters.xarray import wrap
from .compiled import compile_mask, whole_rows
from .eager import compute_array
from .errors import MaskTypeError
from .expr import Mask, Reach
from .geom import WcsGeom
from .nodes.dilate import Dilate
from .nodes.erode import Erode
from .nodes.fill_holes import FillHoles
from .nodes.open_close import Close, Open
from .nodes.remove_small import RemoveSmall
from .output import write
from .passes.describe import counts, html, one_line, tree
from .passes.evaluate import Evaluator
from .passes.lower import lower
from .passes.serialize import from_dict, to_dict
from .passes.simplify import simplify
from .passes.spread import spread
from .plan import Plan, make_plan
from .points import Points
from .preview import plot
from .sampling import contains_pixels, selected_area

__all__ = [
    "area",
    "close",
    "compute",
    "contains",
    "dilate",
    "erode",
    "explain",
    "fill_holes",
    "from_dict",
    "fsky",
    "html",
    "on",
    "one_line",
    "open",
    "plan",
    "plot",
    "remove_small",
    "simplify",
    "to_dict",
    "tree",
    "write",
]


def on(mask: Mask, geom: WcsGeom, chunks: Any = "auto") -> xr.DataArray:
    """Put a mask on a grid: a lazy bool DataArray. See `Mask.on`."""
    compiled = compile_mask(mask, geom, chunks)
    array = lazy_array(compiled.name, compiled, compiled.chunks)
    if array.shape != geom.shape:
        array = da.broadcast_to(array, geom.shape)  # type: ignore[no-untyped-call]
    return _wrapped(mask, geom, array)


def compute(mask: Mask, geom: WcsGeom, chunks: Any = "auto") -> xr.DataArray:
    """Put a mask on a grid, in memory. See `Mask.compute`."""
    if isinstance(chunks, str) and chunks == "auto" and isinstance(geom, WcsGeom):
        chunks = whole_rows(geom)
    return _wrapped(mask, geom, compute_array(compile_mask(mask, geom, chunks)))


def _wrapped(mask: Mask, geom: WcsGeom, array: Any) -> xr.DataArray:
    return wrap(array, geom, name="mask", attrs={"mask": one_line(mask)})


def plan(mask: Mask, geom: WcsGeom, chunks: Any = "auto", memory_limit: Any = None) -> Plan:
    """Plan a mask on a grid. See `Mask.plan`."""
    return make_plan(mask, geom, chunks, memory_limit)


def contains(mask: Mask, positions: SkyCoord, geom: WcsGeom | None = None) -> NDArray[np.bool_]:
    """Which sky positions are selected. See `Mask.contains`."""
    if not isinstance(positions, SkyCoord):
        raise MaskTypeError(f"positions must be a SkyCoord, got a {type(positions).__name__}")
    if geom is not None:
        return contains_pixels(compile_mask(mask, geom), positions)
    simple = spread(simplify(lower(mask)))
    return Evaluator(simple).run(simple, Points.from_sky(positions)).reshape(positions.shape)


def area(mask: Mask, geom: WcsGeom) -> u.Quantity:
    """Solid angle of the selected pixels. See `Mask.area`."""
    return (selected_area(compile_mask(mask, geom)) * u.sr).to(u.deg**2)


def fsky(mask: Mask, geom: WcsGeom) -> Any:
    """Selected fraction of the whole sky. See `Mask.fsky`."""
    return selected_area(compile_mask(mask, geom)) / (4 * np.pi)


def explain(mask: Mask, geom: WcsGeom | None = None, chunks: Any = "auto") -> str:
    """The expression as a tree, with counts of tiles where a geometry is given. See `Mask.explain`."""
    if geom is None:
        return tree(mask, _reach)
    done = make_plan(mask, geom, chunks)
    compiled = done.compiled
    blocks = [(*block[:-2], *block[-2:]) for block in np.ndindex(*compiled.numblocks)]
    planes = {block[:-2] for block in blocks}
    tiles = compiled.tiles([block for block in blocks if not any(block[:-2])])
    found = counts(
        compiled.mask, [tiles.on_plane(p) for each in sorted(planes) for p in compiled.planes((*each, 0, 0))]
    )

    def note(each: Mask) -> str:
        empty, full, mixed = found[id(each)]
        return f"{empty:>7,} empty {full:>7,} full {mixed:>7,} mixed  {_reach(each)}"

    return f"{tree(compiled.mask, note)}\n\n{done}"


def _reach(mask: Mask) -> str:
    reach = mask.reach()
    return f"reach {reach}" if reach != Reach() else ""


def dilate(mask: Mask, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
    """Grow a mask. See `Mask.dilate`."""
    return Dilate(mask, radius, kernel, metric, axis)


def erode(mask: Mask, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
    """Shrink a mask. See `Mask.erode`."""
    return Erode(mask, radius, kernel, metric, axis)


def open(mask: Mask, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
    """Erode, then dilate. See `Mask.open`."""
    return Open(mask, radius, kernel, metric, axis)


def close(mask: Mask, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
    """Dilate, then erode. See `Mask.close`."""
    return Close(mask, radius, kernel, metric, axis)


def fill_holes(mask: Mask, max_area: Any = None) -> Mask:
    """Fill holes. See `Mask.fill_holes`."""
    return FillHoles(mask, max_area)


def remove_small(mask: Mask, min_area: Any) -> Mask:
    """Remove small components. See `Mask.remove_small`."""
    return RemoveSmall(mask, min_area)
