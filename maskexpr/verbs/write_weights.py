"""Write weights and distances to a file, chunk by chunk on threads."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.errors import MaskTypeError
from ..core.progress import expect
from ..expr.serialize import VERSION
from ..grid.lattice import Grid
from ..io.formats import check_output, open_writer
from ..io.manifest import Content
from ..io.writer import MaskWriter, Patch
from ..io.xarray import geom_of
from ..pixels.window import Window

__all__ = ["write_weights"]

_NAMES = ("distance", "weight")


def write_weights(
    array: xr.DataArray, path: str | os.PathLike[str], overwrite: bool = False, ordering: str | None = None
) -> Path:
    """Write an array of float32 that carries its grid. See `SkyAccessor.write`."""
    if array.dtype != np.float32:
        raise MaskTypeError(
            f"a mask of bool or weights of float32 are written so, this array has {array.dtype}; "
            "turn it into these, array.astype('float32')"
        )
    geom, path = geom_of(array), check_output(path, overwrite)
    if array.shape != geom.shape:
        raise MaskTypeError(f"an array of shape {array.shape} is not one map of {geom!r}")
    name = str(array.name) if array.name in _NAMES else "map"
    data = _regular(da.asarray(array.data), geom)  # type: ignore[no-untyped-call]
    tile = [sizes[0] for sizes in data.chunks[-len(geom.dims) :]]
    texts = {"mask": str(array.attrs.get("mask", name)), "version": str(VERSION)}
    content = Content(name, "float32", str(array.attrs.get("units", "")))
    more: dict[str, Any] = {} if ordering is None else {"ordering": ordering}
    rows, columns = [1, *tile][-2:]
    with open_writer(path, geom, (rows, columns), texts, overwrite, content=content, **more) as writer:
        expect(data.npartitions)
        target: Any = _Target(writer, len(geom.axes))
        stored = da.store(data, target, lock=False, compute=False)
        # The folder in which the output is made is this process's.
        dask.compute(stored, scheduler="threads")  # type: ignore[attr-defined,no-untyped-call]
    return writer.path


def _regular(data: Any, geom: Grid) -> Any:
    """The array in tiles of one size, as files have them."""
    first = len(geom.axes)
    odd = {i: max(sizes) for i, sizes in enumerate(data.chunks) if i >= first and not _is_regular(sizes)}
    return data.rechunk(odd) if odd else data


def _is_regular(sizes: tuple[int, ...]) -> bool:
    return len({*sizes[:-1]}) <= 1 and sizes[-1] <= sizes[0]


@dataclass(frozen=True, eq=False)
class _Target:
    """A writer as what dask stores chunks in."""

    writer: MaskWriter
    axes: int

    def __setitem__(self, place: tuple[slice, ...], values: NDArray[np.float32]) -> None:
        # An array of one dimension is one row.
        rows, columns = [slice(0, 1), *place[self.axes :]][-2:]
        window = Window(rows.start, rows.stop, columns.start, columns.stop)
        shaped = np.asarray(values).reshape(*values.shape[: self.axes], *window.shape)
        self.writer.store(Patch(window, shaped, place[: self.axes] or None))
