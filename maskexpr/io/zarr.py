"""Maps and masks in zarr stores, of this package and of others, read by windows.

How masks are written is in `maskexpr.io.zarr_product`.
"""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.coverage import EMPTY
from ..core.errors import (
    FormatError,
    GeometryError,
    IncompleteMaskError,
    IntegrityError,
    LimitError,
    MaskError,
    MissingDependencyError,
    require,
)
from ..doors.stores import check_store
from ..grid.healpix.geom import HpxGeom
from ..pixels.window import Window
from .cells import planes_of_cells
from .dggs import with_stated_cells
from .formats import Format, StoredMap
from .manifest import Manifest
from .unpacked import Stamp
from .validity import normal
from .xarray import geom_of_values
from .zarr_product import ZarrWriter, index_of, is_product, is_unfinished, read_manifest, read_texts

__all__ = ["ZARR", "dataset"]

_MASK: Final = "mask"


@lru_cache(maxsize=16)
def dataset(path: str, stamp: Stamp, as_stored: bool = False) -> xr.Dataset:
    """A store as a lazy dataset, opened once in each process.

    Parameters
    ----------
    path : str
        Folder of the store.
    stamp : tuple of int
        Tells apart stores that had the name one after the other.
    as_stored : bool
        Whether values are those that are stored; else they are scaled, and fill values are NaN.

    Raises
    ------
    FormatError
        If it is no zarr group.
    """
    group = _group(path, stamp)
    consolidated = group.metadata.consolidated_metadata is not None
    with warnings.catch_warnings():
        # Several fill values are several marks of one thing.
        warnings.filterwarnings("ignore", message=".*has multiple fill values")
        return xr.open_dataset(
            path,
            engine="zarr",
            chunks=None,
            cache=False,
            consolidated=consolidated,
            mask_and_scale=not as_stored,
        )


@lru_cache(maxsize=16)
def _group(path: str, stamp: Stamp) -> Any:
    zarr: Any = require("zarr", extra="zarr")
    check_store(path)
    try:
        return zarr.open_group(path, mode="r")
    except (ValueError, OSError, KeyError, TypeError) as err:
        raise FormatError(f"{path}: not a zarr group that can be read: {err}") from err


def _group_if_any(path: str, stamp: Stamp) -> Any | None:
    try:
        return _group(path, stamp)
    except Exception:  # what was found is in the way of the store's being read, whatever it is
        return None


@contextmanager
def _undamaged(path: str, stamp: Stamp) -> Iterator[None]:
    """What goes wrong while a product is opened or read is damage; of other people's stores, an error too."""
    try:
        yield
    except (IntegrityError, IncompleteMaskError, LimitError, MissingDependencyError):
        raise
    except Exception as err:
        if isinstance(err, OSError) and err.errno not in (None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR):
            raise
        if is_product(path, _group_if_any(path, stamp)):
            said = str(err).removeprefix(f"{path}: ") or type(err).__name__
            raise IntegrityError(
                f"{path}: the store is not what was written, or only a part of it: {said}"
            ) from err
        if isinstance(err, MaskError):
            raise
        raise FormatError(f"{path}: cannot be read as a zarr store: {type(err).__name__}: {err}") from err


@dataclass(frozen=True, eq=False, kw_only=True)
class _Variable(StoredMap):
    """A variable of a store; the key is its name. Where integers are missing, one of ``fills`` is stored."""

    stamp: Stamp
    fills: tuple[int, ...] = ()

    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        if isinstance(self.geom, HpxGeom):
            return planes_of_cells(self, planes, window)
        return self.read_array(planes, window)

    def read_array(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        with _undamaged(self.path, self.stamp):
            if self.manifest is not None:
                return self._read_tiles(self.manifest, planes, window)
            array = dataset(self.path, self.stamp, self.has_gaps)[self.key]
            found = np.asarray(array[(*planes, *index_of(self.geom, window))].values)
            values: NDArray[Any] = found.reshape(*found.shape[: len(planes)], *window.shape)
            if not self.has_gaps:
                return values
            return normal(np.ma.MaskedArray(values, mask=np.isin(values, self.fills)))

    def _read_tiles(self, manifest: Manifest, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        """Whole chunks, which zarr unpacks anyhow, are compared with the manifest; then cut."""
        (rows, columns), (ny, nx) = manifest.chunks, self.geom.plane_shape
        y0, x0 = window.y0 // rows * rows, window.x0 // columns * columns
        y1, x1 = min(-(-window.y1 // rows) * rows, ny), min(-(-window.x1 // columns) * columns, nx)
        array = _group(self.path, self.stamp)[self.key]
        found = np.asarray(array[(*planes, *index_of(self.geom, Window(y0, y1, x0, x1)))])
        values = found.reshape(*found.shape[: len(planes)], y1 - y0, x1 - x0)
        for place, plane, tile in manifest.tiles(planes, window):
            part = values[plane][tile.y0 - y0 : tile.y1 - y0, tile.x0 - x0 : tile.x1 - x0]
            manifest.compare(self.path, place, part)
        return values[..., window.y0 - y0 : window.y1 - y0, window.x0 - x0 : window.x1 - x0]

    def audit(self) -> None:
        """No chunk lies where the manifest says that nothing is."""
        assert self.manifest is not None
        folder, states = Path(self.path, str(self.key), "c"), self.manifest.table.states
        # The chunks of an array of one dimension have no number of a row.
        states = states.reshape(*self.geom.planes_shape, *states.shape[-len(self.geom.dims) :])
        for each in folder.rglob("*"):
            place = tuple(int(part) for part in each.relative_to(folder).parts if part.isdigit())
            whole = len(place) == states.ndim and len(each.relative_to(folder).parts) == states.ndim
            inside = whole and all(i < n for i, n in zip(place, states.shape, strict=True))
            if each.is_file() and not (inside and states[place] != EMPTY):
                raise IntegrityError(f"{self.path}: {each.relative_to(self.path)} is no chunk of this mask")


def _open(path: str, stamp: Stamp, key: str | int | None, mask: bool) -> StoredMap:
    """A variable of a store; if none is named, the mask, or the only one."""
    with _undamaged(path, stamp):
        if is_unfinished(path):
            raise IncompleteMaskError(
                f"{path}: not a zarr group yet, or a mask whose writing was cut short; write it again"
            )
        names = _names(path, stamp)
    # The mask is looked for below, where it is known that it should be there.
    if key not in (None, _MASK) and key not in names:
        raise FormatError(
            f"{path}: no variable {key!r} with dims (..., 'y', 'x') or (..., 'cells'); {_listed(names)}"
        )
    with _undamaged(path, stamp):
        group = _group(path, stamp)
        found = read_manifest(path, group)
        if found is None:
            return _open_variable(path, stamp, key)
        manifest, seal = found
        name, held = manifest.content.name, np.dtype(manifest.content.dtype)
        # Whatever else is there, and is asked for: without it the store is not what was written.
        if name not in names:
            raise IntegrityError(f"{path}: the {name} that was written is not there")
        stored = _open_variable(path, stamp, name if key is None else key)
        if stored.key != name:
            return stored
        manifest.check_frame(path, stored.geom, stored.provenance, seal)
        if (group[name].shape, group[name].dtype) != (stored.geom.shape, held):
            raise IntegrityError(f"{path}: the {name} is not of the shape and type that were written")
        return replace(stored, manifest=manifest)


def _names(path: str, stamp: Stamp) -> list[str]:
    variables = dataset(path, stamp).data_vars.items()
    return sorted(
        str(name)
        for name, each in variables
        if each.dims[-2:] == ("y", "x") or each.dims[-1:] == HpxGeom.dims
    )


def _listed(names: list[str]) -> str:
    return f"there are {', '.join(names) or 'none'}"


def _open_variable(path: str, stamp: Stamp, key: str | int | None) -> _Variable:
    data, names = dataset(path, stamp), _names(path, stamp)
    name = key if key is not None else _MASK if _MASK in names else names[0] if len(names) == 1 else None
    if name is None or name not in names:
        wanted = "no variable was named" if key is None else f"no variable {key!r}"
        raise FormatError(f"{path}: {wanted}; {_listed(names)}")
    array = data[name]
    try:
        placed = with_stated_cells(array, data.attrs)
        geom = geom_of_values(placed)
    except GeometryError as err:
        raise GeometryError(f"{path}: {err}") from err
    stored = array.encoding.get("preferred_chunks", {})
    whole, fills = _integers(dataset(path, stamp, True)[name])
    return _Variable(
        path=path,
        stamp=stamp,
        key=str(name),
        name=str(name),
        geom=geom,
        dtype=array.dtype if whole is None else whole,
        has_gaps=whole is not None,
        fills=fills,
        chunks=tuple(int(stored.get(dim, n)) for dim, n in array.sizes.items()),
        attrs={key: value for key, value in array.attrs.items() if key != "grid_mapping"},
        provenance=read_texts(data.attrs),
        framed="stated" if placed is array else "missing",
    )


def _integers(stored: xr.DataArray) -> tuple[np.dtype[Any] | None, tuple[int, ...]]:
    """Type and fill values of integers that may be missing and are not scaled; else None."""
    marks = [stored.attrs[name] for name in ("_FillValue", "missing_value") if name in stored.attrs]
    scaled = {"scale_factor", "add_offset", "_Unsigned"} & set(stored.attrs)
    if stored.dtype.kind not in "iu" or not marks or scaled:
        return None, ()
    return stored.dtype, tuple(int(each) for mark in marks for each in np.ravel(mark))


ZARR = Format(
    name="a zarr store",
    suffixes=(".zarr",),
    members=("zarr.json", ".zmetadata", ".zgroup", ".zarray"),
    open=_open,
    writer=ZarrWriter,
    numbers=True,
)
