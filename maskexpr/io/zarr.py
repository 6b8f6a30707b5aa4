"""Maps and masks in zarr stores.

A mask is compressed bits, no empty chunks, and a manifest of what each chunk should hold.
"""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL, MIXED
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
from ..grid.lattice import Grid
from ..pixels.window import Window
from .cells import planes_of_cells
from .dggs import dggs_attrs, with_stated_cells
from .formats import Format, StoredMap
from .manifest import FORMAT, Manifest, TileTable
from .unpacked import Stamp
from .validity import normal
from .writer import MaskWriter
from .xarray import CELL_IDS, GRID, geom_of_values, grid_number

__all__ = ["ZARR", "dataset"]

_META: Final = "zarr.json"
# An attribute of the root, as long as the store is being written.
_UNFINISHED: Final = "maskexpr_unfinished"
_TEXTS: Final = "maskexpr_provenance"
_MASK: Final = "mask"
_MANIFEST: Final = "manifest"
_STATES, _COUNTS, _DIGESTS = "tile_state", "tile_count", "tile_digest"
_ANEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


class ZarrWriter(MaskWriter):
    """Writes a zarr store tile by tile; see `MaskWriter`.

    A tile is a chunk. What a file of the store holds, zarr makes in memory; the files are written here, so
    that none is made behind the back of who deletes them.
    """

    resumes = True

    def create(self, temporary: Path) -> None:
        temporary.mkdir()
        self._write_documents(temporary, None)

    def _write_documents(self, folder: Path, manifest: Manifest | None) -> None:
        documents = self._documents(manifest)
        # The root, which says whether the store is finished, first when it is not and last when it is.
        for name in sorted(documents, key=lambda name: (name == _META) == (manifest is not None)):
            path = folder / name
            # What is there already is left alone: half of it may be all that a killed run leaves.
            if not path.exists() or path.read_bytes() != documents[name]:
                _write_file(folder, path, documents[name])

    def _documents(self, manifest: Manifest | None) -> dict[str, bytes]:
        """Every file of the store but the chunks of the mask, by its name: of a store that is yet to be
        filled, or of one that is finished.
        """
        zarr: Any = require("zarr", extra="zarr")
        geom, files = self.geom, {}  # type: ignore[var-annotated]
        store = zarr.storage.MemoryStore(files)
        texts: dict[str, Any] = {_TEXTS: self.provenance} if self.provenance else {}
        if manifest is None:
            texts[_UNFINISHED] = True
        group = zarr.create_group(store, zarr_format=3, attributes=texts)
        # A group of its own, because attributes of the root are copied with a crop, of which they would not
        # be true.
        marks = group.create_group(_MANIFEST, attributes={"maskexpr": FORMAT})
        dims = [*(axis.name for axis in geom.axes), *geom.dims]
        names = self._spatial(group)
        group.create_array(
            self.content.name,
            shape=geom.shape,
            chunks=(*(1 for _ in geom.axes), *self.chunks[-len(geom.dims) :]),
            dimension_names=dims,
            attributes={
                "grid_mapping": GRID,
                "coordinates": " ".join([GRID, *names]),
                **({"units": self.content.unit} if self.content.unit else {}),
            },
            **_coding(np.dtype(self.content.dtype)),
        )
        for axis in geom.axes:
            _small(group, axis.name, axis.center.value, [axis.name], {"units": str(axis.unit)})
        _small(group, GRID, np.int32(grid_number(geom)), [], geom.to_attrs())
        if manifest is not None:
            _put_manifest(marks, manifest, [*(axis.name for axis in geom.axes), "tile_y", "tile_x"])
            with warnings.catch_warnings():
                # zarr warns that v3 has no standard for this yet; without it xarray warns at each opening.
                warnings.simplefilter("ignore")
                zarr.consolidate_metadata(store)
        return {name: buffer.to_bytes() for name, buffer in files.items()}

    def _spatial(self, group: Any) -> list[str]:
        """Write the coordinates of pixels; the names of those that are no dimensions."""
        geom = self.geom
        if not isinstance(geom, HpxGeom):
            for name, length in zip(geom.dims, geom.array_shape, strict=True):
                _small(group, name, np.arange(length, dtype=np.int64), [name], {})
            return []
        group.attrs.update(dggs_attrs(geom))
        if geom.is_allsky:
            # The convention takes all cells, in order, where there is no coordinate.
            return []
        ids = geom.cells.ids(0, geom.cells.number)
        _small(group, CELL_IDS, ids, list(geom.dims), dict(geom.coordinates()[CELL_IDS].attrs))
        return [CELL_IDS]

    def attach(self, temporary: Path) -> None:
        if self._here is None:
            return
        documents = self._documents(None)
        for name in (f"{self.content.name}/{_META}", f"{GRID}/{_META}"):
            if (temporary / name).read_bytes() != documents[name]:
                raise FormatError(f"{temporary}: {name} is not of this mask")
        # It may have been finished, and not published.
        self._write_documents(temporary, None)

    def write(self, plane: tuple[int, ...], window: Window, value: NDArray[Any] | bool) -> int | None:
        assert self._temporary is not None
        path = self._chunk(self._temporary, plane, window)
        if value is not True and not np.any(value):
            path.unlink(missing_ok=True)
            return None
        whole = np.asarray(value)
        if whole.shape != self.chunks:
            whole = np.zeros(self.chunks, dtype=self.content.dtype)
            whole[: window.shape[0], : window.shape[1]] = value
        _write_file(self._temporary, path, _encode(whole))
        return None

    def _chunk(self, folder: Path, plane: tuple[int, ...], window: Window) -> Path:
        rows, columns = self.chunks
        place = (*plane, *(window.y0 // rows, window.x0 // columns)[-len(self.geom.dims) :])
        return folder.joinpath(self.content.name, "c", *map(str, place))

    def read(self, plane: tuple[int, ...], window: Window) -> NDArray[Any]:
        zarr: Any = require("zarr", extra="zarr")
        try:
            mask = zarr.open_array(self._temporary, path=self.content.name, mode="r")
            return np.asarray(mask[(*plane, *_slices(self.geom, window))]).reshape(window.shape)
        except (ValueError, RuntimeError) as err:
            raise FormatError(f"{self.path}: a chunk that cannot be read: {err}") from err

    def finish(self, temporary: Path) -> Path:
        self._write_documents(temporary, self.manifest)
        return temporary

    def close(self) -> None:
        """Nothing is kept open."""


def _slices(geom: Grid, window: Window) -> tuple[slice, ...]:
    """A window as the index of an array on a grid, which may have one dimension."""
    return (slice(window.y0, window.y1), slice(window.x0, window.x1))[-len(geom.dims) :]


def _coding(dtype: np.dtype[Any]) -> dict[str, Any]:
    """How the values are stored. Shuffled by bits, eight equal pixels of a mask become one byte; zstd then
    finds the runs; CRC-32C tells a damaged chunk.

    For masks level 2 takes a third longer and twice the memory, and saves 1 %. Their blocks are large, as for
    each of them zstd asks for memory anew, whose pages a worker of a cluster, which gives memory back at
    once, pays for again.
    """
    codecs = require("zarr", extra="zarr").codecs
    packed = codecs.BloscCodec(cname="zstd", shuffle="bitshuffle", typesize=dtype.itemsize, **_effort(dtype))
    return {
        "dtype": dtype,
        "fill_value": dtype.type(0),
        "compressors": [packed, codecs.Crc32cCodec()],
        "config": {"write_empty_chunks": False},
    }


def _effort(dtype: np.dtype[Any]) -> dict[str, int]:
    return {"clevel": 1, "blocksize": _BLOCK} if dtype.kind == "b" else {"clevel": 5}


def _small(group: Any, name: str, values: Any, dims: list[str], attrs: Mapping[str, Any]) -> None:
    """An array of one chunk."""
    codecs = require("zarr", extra="zarr").codecs
    data = np.asarray(values)
    array = group.create_array(
        name,
        shape=data.shape,
        chunks=data.shape,
        dtype=data.dtype,
        compressors=[codecs.ZstdCodec(), codecs.Crc32cCodec()],
        dimension_names=dims,
        attributes=dict(attrs),
        # Or an array of zeros would be no file, which could not be told from one that is lost.
        config={"write_empty_chunks": True},
    )
    array[...] = data


def _put_manifest(marks: Any, manifest: Manifest, dims: list[str]) -> None:
    meaning = {"meaning": f"{EMPTY}: no pixel, {MIXED}: some, {FULL}: all"}
    table = manifest.table
    _small(marks, _STATES, table.states, dims, meaning)
    _small(marks, _COUNTS, table.counts, dims, {"meaning": "selected pixels"})
    _small(marks, _DIGESTS, table.digests, [*dims, "byte"], {"meaning": "SHA-256 of the packed bits, cut"})
    marks.attrs.update({"facts": dict(manifest.facts), "seal": manifest.seal, "tiles": table.summary})


# Bytes of a mask that are compressed together.
_BLOCK: Final = 1 << 20


def _encode(whole: NDArray[Any]) -> bytes:
    """The bytes of a chunk, those that zarr makes by `_coding`, by the libraries that zarr makes them with:
    zarr itself takes twice as long, and a worker that writes need not import it.
    """
    blosc: Any = require("numcodecs.blosc", extra="zarr")
    # As zarr sets it: tiles are shared between threads already, and a pool of blosc's own survives no fork.
    blosc.use_threads = False
    effort = _effort(whole.dtype)
    packed: bytes = blosc.compress(
        np.ascontiguousarray(whole), b"zstd", effort["clevel"], blosc.BITSHUFFLE, effort.get("blocksize", 0)
    )
    checksum: int = _crc32c()(packed)
    return packed + checksum.to_bytes(4, "little")


@lru_cache(maxsize=1)
def _crc32c() -> Any:
    """The function that zarr uses, of which library its version decides."""
    if find_spec("google_crc32c") is not None:
        return require("google_crc32c", extra="zarr").value
    return require("crc32c", extra="zarr").crc32c


def _write_file(store: Path, path: Path, text: bytes) -> None:
    """Write a file of a store anew, with the folders that it lies in, but not the store's own: where that is
    gone, nobody waits for the file any more.
    """
    try:
        number = os.open(path, _ANEW, 0o666)
    except FileNotFoundError:
        *folders, _ = path.relative_to(store).parents
        for each in reversed(folders):
            (store / each).mkdir(exist_ok=True)
        number = os.open(path, _ANEW, 0o666)
    try:
        left = memoryview(text)
        while left:
            left = left[os.write(number, left) :]
    finally:
        os.close(number)


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


def _is_product(path: str, group: Any | None) -> bool:
    """Whether a store was written here: its manifest says so, or the copy of that in the root."""
    try:
        # Of a manifest that was cut the root's copy tells.
        if any(b'"maskexpr"' in Path(path, *at, _META).read_bytes() for at in ((_MANIFEST,), ())):
            return True
    except OSError:
        pass
    return group is not None and _MANIFEST in group and "maskexpr" in group[_MANIFEST].attrs


def _is_unfinished(path: str) -> bool:
    """Whether the root says so, or is yet to be written."""
    folder, root = Path(path), Path(path, _META)
    if not root.is_file():
        return not any(folder.iterdir())
    # The text itself, as the rest of the store need not be there yet.
    text = root.read_bytes()
    return not text or f'"{_UNFINISHED}"'.encode() in text


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
        if _is_product(path, _group_if_any(path, stamp)):
            said = str(err).removeprefix(f"{path}: ") or type(err).__name__
            raise IntegrityError(
                f"{path}: the store is not what was written, or only a part of it: {said}"
            ) from err
        if isinstance(err, MaskError):
            raise
        raise FormatError(f"{path}: cannot be read as a zarr store: {type(err).__name__}: {err}") from err


def _manifest_of(path: str, group: Any) -> tuple[Manifest, str] | None:
    """The manifest of a store and its seal; None for a store that others wrote."""
    if not _is_product(path, group):
        return None
    marks = group[_MANIFEST]
    if marks.attrs["maskexpr"] != FORMAT:
        raise FormatError(
            f"{path}: a mask of format {marks.attrs['maskexpr']!r}; this version of maskexpr reads {FORMAT}"
        )
    states, counts, digests = (np.asarray(marks[name][...]) for name in (_STATES, _COUNTS, _DIGESTS))
    sums = np.zeros(states.shape, np.uint32)
    table = TileTable(states, counts.astype(np.int64), digests, sums)
    return Manifest(marks.attrs["facts"], table), str(marks.attrs["seal"])


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
            found = np.asarray(array[(*planes, *_slices(self.geom, window))].values)
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
        found = np.asarray(array[(*planes, *_slices(self.geom, Window(y0, y1, x0, x1)))])
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
        if _is_unfinished(path):
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
        found = _manifest_of(path, group)
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
    texts = data.attrs.get(_TEXTS, {})
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
        provenance={str(key): str(text) for key, text in texts.items()},
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
