"""Maps and masks in zarr stores.

A mask is compressed bits, no empty chunks, and a manifest of what each chunk should hold.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL, MIXED
from ..core.errors import FormatError, GeometryError, MaskValueError, require
from ..doors.stores import check_store
from ..pixels.window import Window
from .formats import Format, StoredMap
from .unpacked import Stamp
from .validity import normal
from .writer import MaskWriter
from .xarray import GRID, geom_of, grid_number

__all__ = ["ZARR", "dataset"]

_FORMAT: Final = 1
_TEXTS: Final = "maskexpr_provenance"
_MASK: Final = "mask"
_MANIFEST: Final = "manifest"
_STATES: Final = "tile_state"


class ZarrWriter(MaskWriter):
    """Writes a zarr store patch by patch; see `MaskWriter`.

    A patch covers whole chunks, so that no chunk has two writers.
    """

    _group: Any = None
    _mask: Any = None

    def create(self, temporary: Path) -> None:
        geom = self.geom
        self._zarr: Any = require("zarr", extra="zarr")
        grid = (-(-n // side) for n, side in zip(geom.image_shape, self.chunks, strict=True))
        self.states: NDArray[np.uint8] = np.full((*self.axes_shape, *grid), EMPTY, np.uint8)
        texts = {_TEXTS: self.provenance} if self.provenance else {}
        self._group = self._zarr.create_group(temporary, zarr_format=3, attributes=texts)
        # First of all, so that a store which was cut short says so. A group of its own, because attributes of
        # the root are copied with a crop, of which they would not be true.
        self._group.create_group(_MANIFEST, attributes={"format": _FORMAT, "finished": False})
        dims = [*(axis.name for axis in geom.axes), "y", "x"]
        # Shuffled by bits, eight equal pixels become one byte; zstd then finds the runs.
        codec = self._zarr.codecs.BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle", typesize=1)
        self._mask = self._group.create_array(
            _MASK,
            shape=geom.shape,
            chunks=(*(1 for _ in geom.axes), *self.chunks),
            dtype=bool,
            fill_value=False,
            compressors=codec,
            dimension_names=dims,
            attributes={"grid_mapping": GRID, "coordinates": GRID},
            config={"write_empty_chunks": False},
        )
        for name, length in zip(("y", "x"), geom.image_shape, strict=True):
            self._coordinate(name, (name,), np.arange(length, dtype=np.int64), {})
        for axis in geom.axes:
            self._coordinate(axis.name, (axis.name,), axis.center.value, {"units": str(axis.unit)})
        self._coordinate(GRID, (), np.int64(grid_number(geom)), geom.to_attrs())

    def _coordinate(self, name: str, dims: tuple[str, ...], values: Any, attrs: Mapping[str, str]) -> None:
        data = np.asarray(values)
        array = self._group.create_array(
            name,
            shape=data.shape,
            chunks=data.shape,
            dtype=data.dtype,
            dimension_names=dims,
            attributes=dict(attrs),
        )
        array[...] = data

    def write(self, plane: tuple[int, ...], window: Window, value: NDArray[np.bool_] | bool) -> None:
        (rows, columns), (ny, nx) = self.chunks, self.geom.image_shape
        y0, y1, x0, x1 = window
        if y0 % rows or x0 % columns or (y1 % rows and y1 != ny) or (x1 % columns and x1 != nx):
            raise MaskValueError(
                f"{self.path}: {window} does not cover whole chunks of {rows} x {columns} pixels"
            )
        self._mask[(*plane, slice(y0, y1), slice(x0, x1))] = value
        for top in range(y0, y1, rows):
            for left in range(x0, x1, columns):
                piece = (
                    value
                    if isinstance(value, bool)
                    else value[top - y0 : top - y0 + rows, left - x0 : left - x0 + columns]
                )
                self.states[(*plane, top // rows, left // columns)] = _state(piece)

    def finish(self, temporary: Path) -> Path:
        dims = [*(axis.name for axis in self.geom.axes), "tile_y", "tile_x"]
        attrs = {"meaning": f"{EMPTY}: no pixel, {MIXED}: some, {FULL}: all", "chunks": list(self.chunks)}
        manifest = self._group[_MANIFEST]
        states = manifest.create_array(
            _STATES,
            shape=self.states.shape,
            chunks=self.states.shape,
            dtype="uint8",
            dimension_names=dims,
            attributes=attrs,
        )
        states[...] = self.states
        counts = {name: int(np.sum(self.states == state)) for name, state in _NAMES.items()}
        manifest.attrs.update({"finished": True, "tiles": counts})
        with warnings.catch_warnings():
            # zarr warns that v3 has no standard for this yet; without it xarray warns at each opening.
            warnings.simplefilter("ignore")
            self._zarr.consolidate_metadata(temporary)
        self.close()
        return temporary

    def close(self) -> None:
        self._group = self._mask = None


_NAMES: Final = {"empty": EMPTY, "mixed": MIXED, "full": FULL}


def _state(value: NDArray[np.bool_] | bool) -> int:
    if isinstance(value, bool):
        return int(FULL if value else EMPTY)
    if not value.any():
        return int(EMPTY)
    return int(FULL if value.all() else MIXED)


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
        If it is no zarr group, or a mask that was not written to its end.
    """
    zarr: Any = require("zarr", extra="zarr")
    check_store(path)
    try:
        group = zarr.open_group(path, mode="r")
    except (ValueError, OSError, KeyError, TypeError) as err:
        raise FormatError(f"{path}: not a zarr group that can be read: {err}") from err
    if _MANIFEST in group and "finished" in group[_MANIFEST].attrs:
        mark = group[_MANIFEST].attrs
        if mark["format"] != _FORMAT:
            raise FormatError(
                f"{path}: a mask of format {mark['format']!r}; this version of maskexpr reads {_FORMAT}"
            )
        if not mark["finished"]:
            raise FormatError(f"{path}: a mask whose writing was cut short; write it again")
    consolidated = group.metadata.consolidated_metadata is not None
    return xr.open_dataset(
        path,
        engine="zarr",
        chunks=None,
        cache=False,
        consolidated=consolidated,
        mask_and_scale=not as_stored,
    )


@lru_cache(maxsize=16)
def _manifest(path: str, stamp: Stamp) -> tuple[NDArray[np.uint8], tuple[int, int]] | None:
    """State of every chunk, and the size of chunks; None for a store that others wrote."""
    zarr: Any = require("zarr", extra="zarr")
    group = zarr.open_group(path, mode="r")
    if _MANIFEST not in group or _STATES not in group[_MANIFEST]:
        return None
    array = group[_MANIFEST][_STATES]
    rows, columns = array.attrs["chunks"]
    return np.asarray(array[...]), (int(rows), int(columns))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Variable(StoredMap):
    """A variable of a store; the key is its name. Where integers are missing, ``fill`` is stored."""

    stamp: Stamp
    fill: int | None = None

    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        """See `StoredMap`.

        Raises
        ------
        FormatError
            If a mask's chunk is not what the manifest says: a chunk that is lost reads as False.
        """
        array = dataset(self.path, self.stamp, self.has_gaps)[self.key]
        index = (*planes, slice(window.y0, window.y1), slice(window.x0, window.x1))
        values: NDArray[Any] = np.asarray(array[index].values)
        manifest = _manifest(self.path, self.stamp) if self.key == _MASK else None
        if manifest is not None:
            _check_tiles(self.path, values, manifest[0][planes], manifest[1], window)
        return normal(np.ma.MaskedArray(values, mask=values == self.fill)) if self.has_gaps else values


def _open(path: str, stamp: Stamp, key: str | int | None, mask: bool) -> StoredMap:
    """A variable of a store; if none is named, the mask, or the only one."""
    data = dataset(path, stamp)
    names = [name for name, each in sorted(data.data_vars.items(), key=str) if each.dims[-2:] == ("y", "x")]
    name = key if key is not None else _MASK if _MASK in names else names[0] if len(names) == 1 else None
    if name is None or name not in names:
        wanted = "no variable was named" if key is None else f"no variable {key!r} with dims (..., 'y', 'x')"
        raise FormatError(f"{path}: {wanted}; there are {', '.join(map(str, names)) or 'none'}")
    array = data[name]
    try:
        geom = geom_of(array)
    except GeometryError as err:
        raise GeometryError(f"{path}: {err}") from err
    stored = array.encoding.get("preferred_chunks", {})
    texts = data.attrs.get(_TEXTS, {})
    whole, fill = _integers(dataset(path, stamp, True)[name])
    return _Variable(
        path=path,
        stamp=stamp,
        key=str(name),
        name=str(name),
        geom=geom,
        dtype=array.dtype if whole is None else whole,
        has_gaps=whole is not None,
        fill=fill,
        chunks=tuple(int(stored.get(dim, n)) for dim, n in array.sizes.items()),
        attrs={key: value for key, value in array.attrs.items() if key != "grid_mapping"},
        provenance={str(key): str(text) for key, text in texts.items()},
    )


def _integers(stored: xr.DataArray) -> tuple[np.dtype[Any] | None, int | None]:
    """Type and fill value of integers that may be missing and are not scaled; else None."""
    fill = stored.attrs.get("_FillValue", stored.attrs.get("missing_value"))
    scaled = {"scale_factor", "add_offset", "_Unsigned"} & set(stored.attrs)
    if stored.dtype.kind not in "iu" or fill is None or scaled:
        return None, None
    return stored.dtype, int(fill)


def _check_tiles(
    path: str, values: NDArray[Any], states: NDArray[np.uint8], chunks: tuple[int, int], window: Window
) -> None:
    """Compare what was read with what each tile should be, for the part of the tile that was read."""
    (rows, columns), (y0, y1, x0, x1) = chunks, window
    for row in range(y0 // rows, -(-y1 // rows)):
        for column in range(x0 // columns, -(-x1 // columns)):
            tile = Window(row * rows, (row + 1) * rows, column * columns, (column + 1) * columns)
            inside = tile.intersect(window)
            part = values[..., inside.y0 - y0 : inside.y1 - y0, inside.x0 - x0 : inside.x1 - x0]
            some, every = part.any(axis=(-2, -1)), part.all(axis=(-2, -1))
            state = states[..., row, column]
            wrong = ((state == EMPTY) & some) | ((state == FULL) & ~every)
            if inside == tile:
                wrong |= (state == MIXED) & (every | ~some)
            if wrong.any():
                raise FormatError(
                    f"{path}: tile ({row}, {column}) is not what the manifest says; the store was damaged or "
                    "copied in part, write it again"
                )


ZARR = Format(
    name="a zarr store",
    suffixes=(".zarr",),
    members=("zarr.json", ".zmetadata", ".zgroup", ".zarray"),
    open=_open,
    writer=ZarrWriter,
)
