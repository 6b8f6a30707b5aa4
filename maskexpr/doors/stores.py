"""zarr stores: their metadata are read and weighed before zarr is let in.

A codec can run code (pickle), a chunk can be a bomb, and a shape costs nothing to write down.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..core.errors import FormatError, borrowed
from ..core.limits import check_limit
from .files import read_file
from .texts import read_json

__all__ = ["check_store"]

_METADATA: Final = ("zarr.json", ".zarray", ".zgroup", ".zmetadata")
# Codecs that do nothing but turn bytes into numbers; "numcodecs." may stand before them.
_CODECS: Final = {
    "adler32",
    "astype",
    "bitround",
    "blosc",
    "bytes",
    "bz2",
    "cast_value",
    "crc32",
    "crc32c",
    "delta",
    "endian",
    "fixedscaleoffset",
    "fletcher32",
    "gzip",
    "jenkins_lookup3",
    "lz4",
    "lzma",
    "packbits",
    "quantize",
    "scale_offset",
    "sharding_indexed",
    "shuffle",
    "transpose",
    "vlen-bytes",
    "vlen-utf8",
    "zlib",
    "zstd",
}
# Folders within folders that hold arrays.
_DEEPEST: Final = 4


def check_store(path: str) -> None:
    """Refuse a zarr store that could run code, reach outside, or cost more than the limits allow.

    Raises
    ------
    FormatError
        For metadata that are not what they should be, a codec that is not one of numbers, values that are
        objects, or a part of the store that is a link.
    LimitError
        For chunks, or coordinates, of more bytes than the limits allow.
    """
    for count, place in enumerate(_metadata(Path(path), 0), 1):
        what = f"{path}, {place.relative_to(path)}"
        check_limit("hdus", count, path, "groups and arrays")
        with borrowed(what, FormatError):
            data = read_json(read_file(place, "metadata"), what, constants=True)
            for name, array in _arrays(place.parent.name, data):
                _check_array(name, array, what)


def _metadata(folder: Path, depth: int) -> Iterator[Path]:
    """Files of metadata in a store, which are no links, as little as the folders of its arrays are."""
    if depth > _DEEPEST:
        return
    found = sorted(os.scandir(folder), key=lambda entry: entry.name)
    is_array = any(entry.name == ".zarray" for entry in found)
    for entry in found:
        if entry.name in _METADATA:
            if entry.is_symlink():
                raise FormatError(f"{folder / entry.name} is a link: a store may not reach outside")
            yield Path(entry.path)
    for entry in found:
        # Chunks are files, or lie in folders of numbers.
        is_part = entry.is_dir() and not re.fullmatch(r"c|\d+", entry.name)
        if is_part and entry.is_symlink():
            raise FormatError(f"{folder / entry.name} is a link: a store may not reach outside")
        if is_part and not is_array:
            yield from _metadata(Path(entry.path), depth + 1)


def _arrays(name: str, data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The metadata of arrays in those of an array, of a group, or consolidated ones."""
    if not isinstance(data, dict):
        raise FormatError("metadata must be an object of JSON")
    if "shape" in data:
        yield name, data
    consolidated = data.get("consolidated_metadata")
    inner = consolidated.get("metadata") if isinstance(consolidated, dict) else data.get("metadata")
    for key, each in (inner if isinstance(inner, dict) else {}).items():
        if isinstance(each, dict) and "shape" in each:
            parts = key.split("/")
            yield parts[-2] if parts[-1] == ".zarray" and len(parts) > 1 else parts[-1], each


def _check_array(name: str, array: dict[str, Any], what: str) -> None:
    what = f"{what}, array {name!r}"
    for codec in _codecs(array):
        if codec not in _CODECS:
            raise FormatError(
                f"{what}: the codec {codec!r} is not one of those that only make numbers of bytes"
            )
    kind = array.get("data_type", array.get("dtype"))
    kind = kind.get("name") if isinstance(kind, dict) else kind
    if not isinstance(kind, str) or "O" in kind or "object" in kind:
        raise FormatError(f"{what}: values of type {kind!r} are not read: store numbers or bool")
    shape = _sizes(array["shape"], what)
    check_limit("axes", len(shape), what, "axes")
    check_limit("pixels", math.prod(shape), what, "values")
    if len(shape) < 2:
        check_limit("coordinates", math.prod(shape), what, "values")
    size = math.prod(_chunks(array, shape, what)) * _width(kind)
    check_limit("chunk_bytes", size, what, "bytes a chunk")


def _width(kind: str) -> int:
    """Bytes of a value, at most.

    Examples
    --------
    >>> _width("<f8"), _width("float32"), _width("<U10"), _width("bool"), _width("string")
    (8, 4, 40, 16, 16)
    """
    if (short := re.fullmatch(r"[<>|=]?([A-Za-z])(\d{1,9})", kind)) is not None:
        return int(short[2]) * (4 if short[1] == "U" else 1)
    word = re.fullmatch(r"[a-z]+(\d{1,3})", kind)
    return 16 if word is None else max(1, int(word[1]) // 8)


def _chunks(array: dict[str, Any], shape: list[int], what: str) -> list[int]:
    grid = array.get("chunk_grid")
    configuration = grid.get("configuration") if isinstance(grid, dict) else None
    stated = configuration.get("chunk_shape") if isinstance(configuration, dict) else array.get("chunks")
    # Chunks of rectangles of all sizes: at most all of it.
    return _sizes(stated, what, least=1) if isinstance(stated, list) and _is_flat(stated) else shape


def _is_flat(sizes: list[Any]) -> bool:
    return not any(isinstance(each, list) for each in sizes)


def _sizes(sizes: Any, what: str, least: int = 0) -> list[int]:
    if not isinstance(sizes, list) or not all(
        type(each) is int and least <= each < 1 << 62 for each in sizes
    ):
        raise FormatError(f"{what}: {sizes!r} is no shape")
    return sizes


def _codecs(array: dict[str, Any]) -> Iterator[str]:
    """Names of codecs, those within a shard too."""
    stack = [array.get(key) for key in ("codecs", "compressor", "filters", "storage_transformers")]
    while stack:
        each = stack.pop()
        if isinstance(each, list):
            stack.extend(each)
        elif isinstance(each, str):
            yield each.removeprefix("numcodecs.")
        elif isinstance(each, dict):
            yield str(each.get("name", each.get("id"))).removeprefix("numcodecs.")
            configuration = each.get("configuration")
            if isinstance(configuration, dict):
                stack.extend(configuration.get(key) for key in ("codecs", "index_codecs"))
