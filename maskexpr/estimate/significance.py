"""Significance maps of counts, lazily and tile by tile, equal to gammapy's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.arguments import one_of
from ..core.arrays import Floats
from ..core.calls import told
from ..core.errors import AxisError, GeometryError, MaskValueError
from ..expr.mask import Mask
from ..grid.wcs.geom import WcsGeom
from ..io.read import array_on_grid
from ..io.sources import in_chunks
from ..io.validity import as_floats
from ..io.xarray import wrap
from ..maps.leaf import same_axis
from ..sphere.angles import is_pixels, pixels, to_degrees
from .neighbourhoods import map_windows
from .statistics import cash_sqrt_ts, wstat_sqrt_ts
from .tophat import TopHat, sum_whole

__all__ = ["significance"]

Grids = dict[str, NDArray[Any]]

# Whole numbers up to this are float32 as they are.
_EXACT: Final = 1 << 24
# Functions of dask carry no types.
_DASK: Any = da
# Pixels a side of the chunks of an array in memory, as for masks. One chunk is shared by the cores.
_SIDE: Final = 2048


@told
def significance(
    counts: Any,
    background: Any,
    radius: Any,
    mask: Any = None,
    method: str = "cash",
    acceptance: Any = None,
    acceptance_off: Any = None,
    *,
    mask_fit: Any = None,
    correlate_off: bool = True,
    sum_axes: bool = True,
    rounding: str = "gammapy",
    chunks: Any = None,
) -> xr.DataArray:
    """Significance of the counts within a radius of every pixel, as gammapy's ``ExcessMapEstimator`` has it.

    Parameters
    ----------
    counts : DataArray, gammapy Map, path, (path, hdu) or (array, geom)
        Counts, shape (axes..., ny, nx).
    background : as counts, or an array of the same shape
        For ``method="cash"`` the expected background (``dataset.npred()``), for ``"wstat"`` the counts of the
        background measurement (``dataset.counts_off``).
    radius : Quantity, Angle or str
        Correlation radius, an angle or pixels. An angle is divided by the mean of ``|CDELT1|`` and
        ``|CDELT2|``; the disk is planar, pixels with ``dx^2 + dy^2 <= r^2``.
    mask : Mask expression, or as background, optional
        Where data are used, plane by plane (``dataset.mask_safe``); pixels outside count nothing and are NaN.
    method : {"cash", "wstat"}
        Known background, or measured background.
    acceptance, acceptance_off : number, or as background
        Relative exposures of the two measurements, for ``"wstat"``.
    mask_fit : as mask, optional
        Applied after planes are summed (``dataset.mask_fit``); the same as ``mask`` if they are kept.
    correlate_off : bool
        Whether the background measurement is summed over the disk too, for ``"wstat"``.
    sum_axes : bool
        Sum the planes first and return an image, where a pixel is used if any plane of it is. gammapy does
        so unless it is given ``energy_edges``. False keeps the planes, as all edges given to gammapy do.
    rounding : {"gammapy", "exact"}
        gammapy rounds sums over the disk to float32, and of counts to whole numbers. "exact" does not.
    chunks : int or (y, x), optional
        Chunks of the result; those of ``counts`` if it is lazy.

    Returns
    -------
    DataArray
        Lazy ``sqrt_ts`` of float64, with the sign of the excess; NaN outside the masks, and within the radius
        of pixels inside them that have no value (NaN, masked, BLANK). Where a mask has no value it is False.

    Raises
    ------
    MaskValueError
        For a radius, method or rounding that cannot be, or missing acceptances.
    GeometryError, AxisError
        If the maps are not on one grid.

    Examples
    --------
    >>> geom = WcsGeom.create(npix=(5, 5), binsz=0.1)
    >>> counts = np.zeros((5, 5))
    >>> counts[2, 2] = 10
    >>> significance((counts, geom), np.full((5, 5), 0.8), "0.1 deg").values[2].round(3).tolist()
    [-2.53, 2.515, 2.515, 2.515, -2.53]
    """
    given = {"counts": counts, "background": background, "mask": mask, "mask_fit": mask_fit}
    given |= {"acceptance": acceptance, "acceptance_off": acceptance_off}
    _check_choices(method, rounding, given)
    lazy, geom = array_on_grid(counts)
    disk = TopHat(_radius(radius, geom))
    lazy = _chunked(lazy, chunks, disk.reach)
    arrays = {"counts": lazy}
    arrays |= {
        name: _lazy(name, each, geom, lazy)
        for name, each in given.items()
        if name not in arrays and each is not None
    }
    job = _Job(disk.radius, method, tuple(arrays), bool(sum_axes), rounding == "gammapy", bool(correlate_off))
    out = map_windows(job, list(arrays.values()), disk.reach, "sqrt_ts", np.float64, whole=job.sum_axes)
    return _placed(out, counts, geom.to_image() if sum_axes else geom)


@dataclass(frozen=True)
class _Job:
    """What a task does with its windows: weigh the planes, sum over the disk, compare."""

    radius: float
    method: str
    names: tuple[str, ...]
    sum_axes: bool
    rounded: bool
    correlate_off: bool

    def __call__(self, *windows: NDArray[Any]) -> Floats:
        given = {name: w.reshape(-1, *w.shape[-2:]) for name, w in zip(self.names, windows, strict=True)}
        planes = range(len(given["counts"]))
        groups = [list(planes)] if self.sum_axes else [[i] for i in planes]
        found = [
            self._group([{name: w[min(i, len(w) - 1)] for name, w in given.items()} for i in group])
            for group in groups
        ]
        if self.sum_axes:
            return found[0]
        return np.stack(found).reshape(*windows[0].shape[:-2], *found[0].shape)

    def _group(self, planes: list[Grids]) -> Floats:
        """Significance of some planes taken together."""
        disk = TopHat(self.radius)
        used = _used(planes, "mask") & _used(planes, "mask_fit")
        n_on = self._counts(sum_whole(disk, _weighed(planes, "counts", used)))
        inner = tuple(slice(disk.reach, size - disk.reach) for size in planes[0]["counts"].shape)
        if self.method == "cash":
            expected = _weighed([_clipped(each) for each in planes], "background", used)
            out = cash_sqrt_ts(n_on, disk(expected, np.float64, np.float32 if self.rounded else np.float64))
        else:
            out = self._wstat(
                disk, n_on.astype(np.float64), [_with_expected(each) for each in planes], used, inner
            )
        if not used.all():
            out[~used[inner]] = np.nan
        return out

    def _wstat(
        self,
        disk: TopHat,
        n_on: Floats,
        planes: list[Grids],
        used: NDArray[np.bool_],
        inner: tuple[slice, ...],
    ) -> Floats:
        off, expected = (
            _weighed(planes, name, used).astype(np.float64) for name in ("background", "expected")
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.correlate_off:
                n_off = self._round(disk(off))
                alpha = self._round(self._round(disk(expected)) / n_off)
                excess = self._round(n_on - self._round(alpha * n_off))
            else:
                accepted = _weighed(planes, "acceptance", used).astype(np.float64)
                n_off = off[inner]
                alpha = self._round(disk(accepted)) / (accepted * off / expected)[inner]
                excess = n_on - alpha * n_off
        return wstat_sqrt_ts(n_on, n_off, alpha, excess)

    def _counts(self, sums: NDArray[Any]) -> NDArray[Any]:
        """Sums of counts, rounded as `rounding` says."""
        small = sums.dtype == np.int16 or (sums.dtype == np.int32 and int(sums.max(initial=0)) < _EXACT)
        if small or not self.rounded:
            return sums
        return np.rint(self._round(sums))

    def _round(self, values: NDArray[Any]) -> Floats:
        return (values.astype(np.float32) if self.rounded else values).astype(np.float64)


def _used(planes: list[Grids], name: str) -> NDArray[np.bool_]:
    """Pixels of which any plane is used."""
    found = [_flags(each[name]) for each in planes if name in each]
    return np.logical_or.reduce(found) if found else np.ones((1, 1), dtype=bool)


def _flags(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """A mask as bool; False where it has no value (is NaN)."""
    return mask if mask.dtype == np.bool_ else (mask != 0) & (mask == mask)


def _weighed(planes: list[Grids], name: str, used: NDArray[np.bool_]) -> NDArray[Any]:
    """The sum of a map over planes, each where its mask is, zero where nothing is used."""
    parts = [
        np.where(_flags(each["mask"]), each[name], 0) if "mask" in each else each[name] for each in planes
    ]
    total = parts[0]
    for part in parts[1:]:
        total = total.astype(np.float64) + part
    return total if used.all() else np.where(used, total, 0)


def _clipped(plane: Grids) -> Grids:
    """A negative expectation is none, as in ``MapDataset.npred``."""
    below = plane["background"] < 0
    return {**plane, "background": np.where(below, 0, plane["background"])} if below.any() else plane


def _with_expected(plane: Grids) -> Grids:
    """The plane with its background scaled to the exposure of the counts, in the precision of the maps."""
    on, off = plane["acceptance"], plane["acceptance_off"]
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha = np.where(off == 0, 0, on / off).astype(np.result_type(on, off))
    return {**plane, "expected": alpha * plane["background"]}


def _check_choices(method: str, rounding: str, given: dict[str, Any]) -> None:
    one_of("method", method, ("cash", "wstat"), " (of a known background, or a measured one)")
    one_of("rounding", rounding, ("gammapy", "exact"))
    for name in ("acceptance", "acceptance_off"):
        if (given[name] is None) != (method == "cash"):
            raise MaskValueError(f"method='wstat' needs {name}=, method='cash' takes none")


def _radius(radius: Any, geom: WcsGeom) -> float:
    """Pixels. The pixel's size is taken as gammapy takes it."""
    if is_pixels(radius):
        size = pixels(radius, "radius")
    else:
        size = to_degrees(radius, "radius") / float(np.mean(np.abs(geom.wcs.wcs.cdelt)))
    if size < 0:
        raise MaskValueError(f"radius must not be negative, got {radius}")
    return size


def _chunked(array: da.Array | NDArray[Any], chunks: Any, reach: int) -> Any:
    """Counts as a dask array of chunks that are not small beside their margins."""
    side = max(_SIDE, 2 * reach)
    rows, columns = (
        (side, side) if chunks is None else chunks if isinstance(chunks, tuple) else (chunks, chunks)
    )
    spatial = {array.ndim - 2: rows, array.ndim - 1: columns}
    if not isinstance(array, da.Array):
        planes = dict.fromkeys(range(array.ndim - 2), 1)
        return in_chunks(array, {**planes, **spatial})
    untyped: Any = array
    return array if chunks is None else untyped.rechunk(spatial)


def _lazy(name: str, data: Any, geom: WcsGeom, like: da.Array) -> Any:
    """One of the other maps as a dask array on the grid of the counts."""
    sizes = like.chunks
    if isinstance(data, Mask):
        found = data.on(geom, chunks=sizes[-2:]).data
    elif isinstance(data, (int, float)) and name.startswith("acceptance"):
        return _DASK.full(like.shape[-2:], float(data), chunks=sizes[-2:])
    elif isinstance(data, da.Array):
        found = data
    elif isinstance(data, np.ndarray):
        found = as_floats(data)
    else:
        found = _on_grid(name, data, geom)
    if found.shape not in (like.shape, like.shape[-2:]) or (found.ndim < like.ndim and name == "background"):
        raise GeometryError(f"{name} has the shape {found.shape}, counts {like.shape}")
    if not isinstance(found, da.Array):
        found = in_chunks(found, sizes[-found.ndim :])
    return found


def _on_grid(name: str, data: Any, geom: WcsGeom) -> Any:
    array, grid = array_on_grid(data)
    if grid.to_image() != geom.to_image():
        raise GeometryError(f"{name} is on the grid {grid.to_image()!r}, counts on {geom.to_image()!r}")
    same = len(grid.axes) == len(geom.axes) and all(map(same_axis, grid.axes, geom.axes))
    if grid.axes and not same:
        raise AxisError(f"{name} has the axes {list(grid.axes)}, counts {list(geom.axes)}")
    return array


def _placed(array: da.Array, counts: Any, geom: WcsGeom) -> xr.DataArray:
    """The result with the coordinates of the counts, which a crop of a map has of its own."""
    if not isinstance(counts, xr.DataArray):
        return wrap(array, geom, "sqrt_ts")
    dims = counts.dims[-array.ndim :]
    coords = {name: each for name, each in counts.coords.items() if set(each.dims) <= set(dims)}
    attrs = {key: value for key, value in counts.attrs.items() if key == "grid_mapping"}
    return xr.DataArray(array, coords=coords, dims=dims, name="sqrt_ts", attrs=attrs)
