"""Masks as recipes that people would have written: parts for what stands twice, files by their paths.

Every node is written as the arguments that its author would type, and made again of that text: what does not
come back equal is refused, so that a recipe never means another mask.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import yaml

from ..core.errors import MaskTypeError, RecipeError
from ..core.records import encode
from ..expr.mask import Mask
from ..expr.structure import postorder
from ..io.sources import FileSource
from ..maps.leaf import settled
from .build import Workshop
from .grammar import FIELDS, makers, parse_mask
from .text import SCALARS, read_yaml

__all__ = ["same", "to_yaml", "written"]

_NESTED = 6
"""Nodes within one another before a part is made of the next."""
_ROWS = 1000
"""Numbers in a list of an argument, at most, unless data may be embedded."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # PyYAML carries no types
    """Writes text in quotes where YAML 1.2 would take it for something else."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  # as PyYAML has it

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors and aliases."""
        return True


for _name, _pattern in SCALARS.items():
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _pattern, None)


def to_yaml(data: Any) -> str:
    """Text of plain data; collections without collections in one line each."""
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=110, allow_unicode=True
    )
    return text


def written(mask: Mask, folder: Path, embed: bool = False) -> dict[str, Any]:
    """Plain data of a recipe: ``parts`` and ``mask``.

    Parameters
    ----------
    mask : Mask
        The mask.
    folder : Path
        Where the recipe will stand; paths below it are written relative to it.
    embed : bool
        Whether data in memory may be written into the recipe, as base64.

    Raises
    ------
    MaskTypeError
        For data in memory, unless ``embed``.
    """
    nodes = list({each.digest: each for each in postorder(mask)}.values())
    uses = Counter(child.digest for each in nodes for child in each.children)
    writer = _Writer(folder, embed)
    depth: dict[bytes, int] = {}
    for each in nodes:
        inner = max((depth[child.digest] for child in each.children), default=0)
        form = writer.form(each)
        shared = uses[each.digest] > 1 and not isinstance(form, str)
        if each is not nodes[-1] and (shared or inner >= _NESTED):
            form, inner = writer.part(each, form), 0
        writer.forms[each.digest] = form
        depth[each.digest] = inner + 1
    head = {"parts": writer.parts} if writer.parts else {}
    return {**head, "mask": writer.forms[nodes[-1].digest]}


class _Writer:
    def __init__(self, folder: Path, embed: bool) -> None:
        self.folder, self.embed = folder, embed
        self.parts: dict[str, Any] = {}
        self.forms: dict[bytes, Any] = {}
        self.named: Counter[str] = Counter()

    def part(self, mask: Mask, form: Any) -> str:
        """Make a part of a form; its name."""
        base = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(mask).__name__).lower()
        self.named[base] += 1
        name = f"{base}_{self.named[base]}"
        self.parts[name] = form
        return name

    def form(self, mask: Mask) -> Any:
        """Plain data that stand for a node, checked by making it again."""
        children = {f"_{number}": child for number, child in enumerate(mask.children)}
        names = {child.digest: name for name, child in children.items()}
        if self._returns(self._typed(mask, names), mask, children):
            return self._typed(mask, self.forms)
        if not self.embed:
            held = mask.origin is None and _holds_data(mask)
            advice = "write its data to a file and name the path, or " if held else ""
            raise MaskTypeError(
                f"{mask.label()} cannot be written as what a user types: {advice}give embed=True, which "
                "writes the fields that it has"
            )
        raw = {type(mask).__name__: {FIELDS: self._fields(mask, names)}}
        if not self._returns(raw, mask, children):
            raise MaskTypeError(f"{mask.label()} cannot be written to a recipe")
        return {type(mask).__name__: {FIELDS: self._fields(mask, self.forms)}}

    def _returns(self, form: Any, mask: Mask, children: Mapping[str, Mask]) -> bool:
        """Whether a form is read back as the node."""
        if form is None:
            return False
        try:
            tree = parse_mask(read_yaml(to_yaml(form), "recipe"), children)
            return settled(Workshop(self.folder).mask(tree, children)) == settled(mask)
        except RecipeError:
            return False

    def _typed(self, mask: Mask, forms: Mapping[bytes, Any]) -> Any:
        """What a user types, or None where that cannot be written."""
        given = mask.arguments() if mask.origin is None else dict(mask.origin)
        way = next((each for each in makers(mask.tag) if set(given) <= set(each.parameters)), None)
        if way is None:
            return None
        usual = way.defaults
        given = {key: each for key, each in given.items() if key not in usual or each != usual[key]}
        try:
            plain = {key: self._plain(each, forms) for key, each in given.items()}
        except MaskTypeError:
            return None
        name = type(mask).__name__
        if not plain:
            return name
        first = next(iter(way.parameters))
        alone = set(plain) == {first} and way.call is type(mask)
        return {name: plain[first] if alone else plain}

    def _plain(self, value: Any, forms: Mapping[bytes, Any]) -> Any:
        if isinstance(value, Mask):
            return forms[value.digest]
        if isinstance(value, list | tuple):
            if len(value) > _ROWS and not isinstance(value[0], Mask):
                raise MaskTypeError(f"{len(value)} values")
            return [self._plain(each, forms) for each in value]
        if isinstance(value, dict):
            return {key: self._plain(each, forms) for key, each in value.items()}
        if isinstance(value, os.PathLike):
            return self._path(os.fspath(value))
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, FileSource):
            path = self._path(value.path)
            return path if value.hdu is None else {"path": path, "hdu": value.hdu}
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, u.UnitBase):
            return value.to_string()
        if isinstance(value, u.Quantity) and value.isscalar:
            return f"{value.value!r} {value.unit}"
        return _record(encode(value, lambda _: None))

    def _path(self, path: str) -> str:
        absolute = Path(path).absolute()
        base = self.folder.absolute()
        return absolute.relative_to(base).as_posix() if absolute.is_relative_to(base) else str(absolute)

    def _fields(self, mask: Mask, forms: Mapping[bytes, Any]) -> dict[str, Any]:
        def raw(value: Any) -> Any:
            if isinstance(value, Mask):
                return forms[value.digest]
            if isinstance(value, tuple) and value and isinstance(value[0], Mask):
                return [forms[each.digest] for each in value]
            if isinstance(value, FileSource):
                value = FileSource(self._path(value.path), value.hdu)
            return encode(value, lambda _: None)

        return {name: raw(value) for name, value in mask.fields()}


def same(one: Mask, other: Mask) -> bool:
    """Whether two masks are equal, files by their whole paths: a recipe names them by another one."""
    whole: dict[int, Mask] = {}
    for each in [*postorder(one), *postorder(other)]:
        whole[id(each)] = settled(each.with_children(tuple(whole[id(child)] for child in each.children)))
    return whole[id(one)] == whole[id(other)]


def _holds_data(mask: Mask) -> bool:
    """Whether a node has arrays among its fields, or sources of them."""
    return mask.reads_data or any(isinstance(value, np.ndarray) for _, value in mask.fields())


def _record(data: Any) -> Any:
    """A record as ``{tag: {fields}}``; base64 is no value that a user types."""
    if isinstance(data, list):
        return [_record(each) for each in data]
    if not isinstance(data, dict):
        return data
    if "record" not in data:
        raise MaskTypeError("an array")
    return {data["record"]: {key: _record(each) for key, each in data.items() if key != "record"}}
