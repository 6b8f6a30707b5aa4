"""Calls of a recipe carried out: files are read relative to the recipe, digests compared, nodes made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.coordinates import SkyCoord

from ..core.errors import MaskError
from ..core.names import nearest
from ..core.records import RECORDS, build, decode
from ..doors.files import is_address, open_file
from ..expr.mask import Mask
from ..io.sources import FileSource
from .grammar import DIGEST, FIELDS, Call, Name, parse_mask
from .text import Item

__all__ = ["Workshop", "attempt"]

_PIECE = 1 << 22
# Parameters that name a file, by the conventions of the nodes; of data, a number or text is a path too.
_PATHS = ("path", "data")
# Parameters that compare with data: text with a unit means a Quantity.
_VALUES = ("value", "low", "high")


class Workshop:
    """Makes masks of calls.

    Parameters
    ----------
    folder : Path
        What paths are relative to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mask(self, tree: Call | Name, parts: Mapping[str, Mask]) -> Mask:
        """The mask of a call; parts are made already."""
        if isinstance(tree, Name):
            return parts[tree.name]
        if FIELDS in tree.arguments and tree.maker is None:
            made: Mask = attempt(tree.item, self._restored, tree, parts)
            return made
        assert tree.maker is not None
        given = dict(tree.arguments)
        digest = given.pop(DIGEST, None)
        rest = given.pop(tree.maker.many, []) if tree.maker.many else []
        operands = [self.mask(each, parts) for each in rest]
        keywords = {key: self._argument(key, each, parts) for key, each in given.items()}
        if digest is not None:
            self._check_digest(digest, given)
        try:
            node: Mask = tree.maker.call(*operands, **keywords)
        except Exception as err:  # constructors are handed values of kinds that they do not know
            raise _blamed(tree, str(err)).error(str(err)) from err
        return node

    def _argument(self, key: str, given: Any, parts: Mapping[str, Mask]) -> Any:
        if isinstance(given, Call | Name):
            return self.mask(given, parts)
        item: Item = given
        value = item.value
        if key == "data":
            return self._data(item)
        if key == "path":
            return self.path(item)
        if key == "positions":
            return _positions(item)
        if key == "spec" and isinstance(value, dict):
            return attempt(item, _shape, item)
        if key in _VALUES and isinstance(value, str):
            return attempt(item, u.Quantity, value)
        return item.plain()

    def path(self, item: Item) -> Path:
        """A path, relative to the folder of the recipe."""
        if not isinstance(item.value, str):
            raise item.error(f"a path is text, got {item.plain()!r}")
        if is_address(item.value):
            raise item.error(
                f"{item.value!r} is an address; a recipe reads and writes files: name a file here"
            )
        return self.folder / item.value

    def _data(self, item: Item) -> Any:
        if isinstance(item.value, str):
            return self.path(item)
        if not isinstance(item.value, dict) or "path" not in item.value:
            raise item.error("data is a path, or {path: ..., hdu: ..., digest: ...}")
        odd = [key for key in item.value if key not in ("path", "hdu", DIGEST)]
        if odd:
            raise item.value[odd[0]].error(f"data has no {odd[0]!r}; it takes path, hdu, digest")
        path = self.path(item.value["path"])
        if DIGEST in item.value:
            _compare(item.value[DIGEST], path)
        return (path, item.value["hdu"].plain()) if "hdu" in item.value else path

    def _check_digest(self, digest: Item, given: Mapping[str, Any]) -> None:
        for key in _PATHS:
            if key in given and isinstance(given[key].value, str):
                _compare(digest, self.path(given[key]))
                return
        raise digest.error("a digest is that of a file; there is no path beside it")

    def _restored(self, tree: Call, parts: Mapping[str, Mask]) -> Any:
        fields: Item = tree.arguments[FIELDS]
        if not isinstance(fields.value, dict):
            raise fields.error("fields: takes a mapping of the node's fields")
        names = {"mask", "masks", "low", "high"}
        values: dict[str, Any] = {}
        for key, item in fields.value.items():
            if key in names and key == "masks":
                values[key] = tuple(self.mask(parse_mask(each, parts), parts) for each in item.value)
            elif key in names:
                values[key] = self.mask(parse_mask(item, parts), parts)
            else:
                value = decode(item.plain(), lambda _: None)
                if isinstance(value, FileSource) and not is_address(value.path):
                    value = FileSource(str(self.folder / value.path), value.hdu)
                values[key] = value
        return build(tree.cls, values)


def attempt(item: Item, call: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call; what goes wrong is said with the place in the recipe."""
    try:
        return call(*arguments, **keywords)
    except MaskError as err:
        if hasattr(err, "line"):
            raise
        raise item.error(str(err)) from err
    except Exception as err:  # what is called is handed values of kinds that it does not know
        raise item.error(f"{err}") from err


def file_digest(path: Path) -> str:
    """``sha256:...`` of a file, or of all files of a folder (a zarr store) with their names."""
    total = hashlib.sha256()
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for each in files:
        if path.is_dir():
            total.update(each.relative_to(path).as_posix().encode() + b"\0")
        with open_file(each, "file of a digest") as stream:
            while piece := stream.read(_PIECE):
                total.update(piece)
    return f"sha256:{total.hexdigest()}"


def _compare(digest: Item, path: Path) -> None:
    said = digest.value
    if not isinstance(said, str) or not said.startswith("sha256:"):
        raise digest.error(f"a digest is text 'sha256:...', got {digest.plain()!r}")
    found = attempt(digest, file_digest, path)
    if found != said.lower():
        raise digest.error(f"{path} is another file than the recipe's: its digest is {found}")


def _blamed(call: Call, words: str) -> Item:
    """The argument that an error begins with, or the call."""
    for key, given in call.arguments.items():
        if isinstance(given, Item) and words.startswith((f"{key} ", f"{key}:", f"{key}=")):
            return given
    return call.item


def _positions(item: Item) -> SkyCoord:
    value = item.value
    if not isinstance(value, dict) or not {"lon", "lat"} <= set(value) <= {"lon", "lat", "unit", "frame"}:
        raise item.error(
            "positions: {lon: [...], lat: [...], unit: deg, frame: icrs}, or read a file by path:"
        )
    plain = item.plain()
    lengths = [len(_listed(plain[key])) for key in ("lon", "lat")]
    if len(set(lengths)) > 1:
        raise item.error(f"positions have {lengths[0]} longitudes and {lengths[1]} latitudes")
    unit = plain.get("unit")
    numbers = all(isinstance(each, int | float) for key in ("lon", "lat") for each in _listed(plain[key]))
    if unit is None and numbers:
        raise item.error("positions have no unit: add unit: deg")
    options = {} if unit is None else {"unit": unit}
    frame = plain.get("frame", "icrs")
    return attempt(item, SkyCoord, _listed(plain["lon"]), _listed(plain["lat"]), frame=frame, **options)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _shape(item: Item) -> Any:
    """A shape by the name of its record: ``{polygon: {lon: [...], lat: [...], frame: icrs}}``."""
    if len(item.value) != 1:
        raise item.error("a shape is one name with its fields, {circle: {lon: 0, lat: 0, radius: 1}}")
    [(tag, fields)] = item.value.items()
    if tag not in RECORDS:
        raise item.error(f"no shape is called {tag!r}{nearest(tag, RECORDS)}")
    plain = fields.plain()
    if tag == "compound":
        plain["shapes"] = [{"record": name, **each} for one in plain["shapes"] for name, each in one.items()]
    return decode({"record": tag, **plain}, lambda _: None)
