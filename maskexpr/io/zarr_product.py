"""Masks as zarr stores: compressed bits, no empty chunks, and a manifest of what each chunk should hold."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL, MIXED
from ..core.errors import FormatError, require
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..pixels.window import Window
from .dggs import dggs_attrs
from .manifest import FORMAT, Manifest, TileTable
from .writer import MaskWriter
from .xarray import CELL_IDS, GRID, grid_number

__all__ = ["ZarrWriter", "index_of", "is_product", "is_unfinished", "read_manifest", "read_texts"]

_META: Final = "zarr.json"
# An attribute of the root, as long as the store is being written.
_UNFINISHED: Final = "maskexpr_unfinished"
_TEXTS: Final = "maskexpr_provenance"
_MANIFEST: Final = "manifest"
_STATES, _COUNTS, _DIGESTS = "tile_state", "tile_count", "tile_digest"
_ANEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
# Bytes of a mask that are compressed together.
_BLOCK: Final = 1 << 20


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
            return np.asarray(mask[(*plane, *index_of(self.geom, window))]).reshape(window.shape)
        except (ValueError, RuntimeError) as err:
            raise FormatError(f"{self.path}: a chunk that cannot be read: {err}") from err

    def finish(self, temporary: Path) -> Path:
        self._write_documents(temporary, self.manifest)
        return temporary

    def close(self) -> None:
        """Nothing is kept open."""


def index_of(geom: Grid, window: Window) -> tuple[slice, ...]:
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


def is_product(path: str, group: Any | None) -> bool:
    """Whether a store was written here: its manifest says so, or the copy of that in the root."""
    try:
        # Of a manifest that was cut the root's copy tells.
        if any(b'"maskexpr"' in Path(path, *at, _META).read_bytes() for at in ((_MANIFEST,), ())):
            return True
    except OSError:
        pass
    return group is not None and _MANIFEST in group and "maskexpr" in group[_MANIFEST].attrs


def is_unfinished(path: str) -> bool:
    """Whether the root says so, or is yet to be written."""
    folder, root = Path(path), Path(path, _META)
    if not root.is_file():
        return not any(folder.iterdir())
    # The text itself, as the rest of the store need not be there yet.
    text = root.read_bytes()
    return not text or f'"{_UNFINISHED}"'.encode() in text


def read_manifest(path: str, group: Any) -> tuple[Manifest, str] | None:
    """The manifest of a store and its seal; None for a store that others wrote."""
    if not is_product(path, group):
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


def read_texts(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """The texts of a product's provenance, of the attributes of its root."""
    return {str(key): str(text) for key, text in attrs.get(_TEXTS, {}).items()}
