"""YAML read strictly, by its events: every value keeps its place in the text.

YAML 1.1, which PyYAML resolves by default, makes 45045 of ``12:30:45`` and text of ``1e3``, takes the last of
two equal keys in silence, and lets aliases explode. So PyYAML only cuts the text into events; the values are
those of the core schema of YAML 1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from ..core.errors import RecipeError

__all__ = ["DEEPEST", "LONGEST", "SCALARS", "Item", "read_yaml"]

DEEPEST = 100
"""Collections within one another, at most."""
LONGEST = 64_000_000
"""Characters of a recipe, at most."""

# The core schema of YAML 1.2, https://yaml.org/spec/1.2.2/#103-core-schema.
SCALARS: dict[str, re.Pattern[str]] = {
    "null": re.compile(r"(?:null|Null|NULL|~|)$"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"),
    "int": re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"),
    "float": re.compile(
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
}
# Digits of a whole number, at most, and characters of the keys that an error shows.
_DIGITS = 400
_SHOWN = 120


@dataclass(frozen=True)
class Item:
    """A value of a recipe and where it stands.

    Parameters
    ----------
    value : None, bool, int, float, str, list of Item, or dict of str to Item
        The value.
    file : str
        Name of the recipe, for errors.
    line, column : int
        Where it begins, from 1.
    keys : str
        The way to it from the top, ``mask.And[0].Dilate``.
    """

    value: Any
    file: str
    line: int
    column: int
    keys: str

    def error(self, words: str) -> RecipeError:
        """An error at this place."""
        keys = self.keys if len(self.keys) <= _SHOWN else f"{self.keys[:_SHOWN]}..."
        where = f" ({keys})" if keys else ""
        return RecipeError(
            f"{self.file}, line {self.line}, column {self.column}{where}: {words}",
            line=self.line,
            column=self.column,
            keys=self.keys,
        )

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, list):
            return [each.plain() for each in self.value]
        if isinstance(self.value, dict):
            return {key: each.plain() for key, each in self.value.items()}
        return self.value


def read_yaml(text: str, file: str) -> Item:
    """The one document of a text.

    Raises
    ------
    RecipeError
        For what is no YAML, an alias, an anchor, a tag, a doubled key, a key that is no text, or a recipe
        that is too long or too deep.
    """
    if len(text) > LONGEST:
        raise RecipeError(f"{file}: {len(text)} characters; a recipe has at most {LONGEST}")
    start = Item(None, file, 1, 1, "")
    events = yaml.parse(text, Loader=yaml.SafeLoader)
    try:
        item = _Builder(events, file).document()
    except RecipeError:
        raise
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None) or getattr(err, "context_mark", None)
        at = start if mark is None else Item(None, file, mark.line + 1, mark.column + 1, "")
        words = getattr(err, "problem", None) or str(err).splitlines()[0]
        raise at.error(f"this is no YAML: {words}") from err
    except (ValueError, RecursionError) as err:
        raise start.error(f"this is no YAML: {err}") from err
    return item


class _Builder:
    """Values of events, one collection within another."""

    def __init__(self, events: Iterator[Any], file: str) -> None:
        self.events = events
        self.file = file

    def document(self) -> Item:
        item: Item | None = None
        for event in self.events:
            if isinstance(event, yaml.StreamStartEvent | yaml.DocumentEndEvent | yaml.StreamEndEvent):
                continue
            if isinstance(event, yaml.DocumentStartEvent):
                if item is not None:
                    raise self._at(event, "").error("a recipe is one document; this is a second")
                continue
            item = self._value(event, "", 0)
        if item is None:
            raise Item(None, self.file, 1, 1, "").error("the recipe is empty")
        return item

    def _at(self, event: Any, keys: str, value: Any = None) -> Item:
        mark = event.start_mark
        return Item(value, self.file, mark.line + 1, mark.column + 1, keys)

    def _value(self, event: Any, keys: str, depth: int) -> Item:
        at = self._at(event, keys)
        if isinstance(event, yaml.AliasEvent):
            raise at.error("recipes take no aliases (*name): name a part under parts:, and use its name")
        if event.anchor is not None:
            raise at.error("recipes take no anchors (&name): name a part under parts:")
        if event.tag is not None:
            raise at.error(f"recipes take no tags ({event.tag})")
        if depth > DEEPEST:
            raise at.error(f"deeper than {DEEPEST} levels; name parts under parts:")
        if isinstance(event, yaml.ScalarEvent):
            return self._at(event, keys, _scalar(event, at))
        if isinstance(event, yaml.SequenceStartEvent):
            return self._at(event, keys, self._list(keys, depth))
        return self._at(event, keys, self._mapping(keys, depth))

    def _list(self, keys: str, depth: int) -> list[Item]:
        items: list[Item] = []
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._value(event, f"{keys}[{len(items)}]", depth + 1))
        return items

    def _mapping(self, keys: str, depth: int) -> dict[str, Item]:
        items: dict[str, Item] = {}
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._value(event, keys, depth + 1)
            if not isinstance(key.value, str):
                raise key.error(
                    f"a key must be text, got {key.plain()!r}; put it in quotes, and so the whole of a text "
                    'that holds commas: {Region: "icrs; circle(83, 22, 1)"}'
                )
            if key.value in items:
                first = items[key.value]
                raise key.error(f"the key {key.value!r} stands here a second time (first line {first.line})")
            name = f"{keys}.{key.value}" if keys else key.value
            items[key.value] = self._value(next(self.events), name, depth + 1)
        return items


def _scalar(event: Any, at: Item) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if SCALARS["null"].match(text):
        return None
    if SCALARS["bool"].match(text):
        return text.lower() == "true"
    if SCALARS["int"].match(text):
        if len(text) > _DIGITS:
            raise at.error(f"a number of {len(text)} digits")
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if SCALARS["float"].match(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
