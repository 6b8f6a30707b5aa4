"""JSON Schema of recipes, made from the signatures of the nodes: editors complete and check by it."""

from __future__ import annotations

import inspect
from typing import Any

from .grammar import GRIDS, Maker, makers, node_names

__all__ = ["schema"]

_MASK = {"$ref": "#/$defs/mask"}
_ANY: dict[str, Any] = {}


def schema() -> dict[str, Any]:
    """The schema, of JSON Schema 2020-12.

    Examples
    --------
    >>> schema()["properties"]["maskexpr"]
    {'const': 1}
    """
    nodes = {name: _arguments(name) for name in sorted(node_names())}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "maskexpr recipe",
        "type": "object",
        "required": ["maskexpr", "mask"],
        "additionalProperties": False,
        "properties": {
            "maskexpr": {"const": 1},
            "parts": {"type": "object", "additionalProperties": _MASK},
            "mask": _MASK,
            "grid": {"$ref": "#/$defs/grid"},
            "grids": {"type": "object", "additionalProperties": {"$ref": "#/$defs/grid"}},
            "outputs": {"type": "array", "items": _OUTPUT},
        },
        "$defs": {
            "mask": {
                "anyOf": [
                    {"type": "string", "description": "the name of a part"},
                    {
                        "type": "object",
                        "minProperties": 1,
                        "maxProperties": 1,
                        "additionalProperties": False,
                        "properties": nodes,
                    },
                ]
            },
            "grid": _grid(),
        },
    }


_OUTPUT = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["path"],
            "properties": {"path": {"type": "string"}, "grid": {"type": "string"}},
        },
    ]
}


def _arguments(name: str) -> dict[str, Any]:
    """What may stand under the name of a node: arguments of one of its makers, or the first alone."""
    cls = node_names()[name]
    ways = makers(cls.tag)
    first = ways[0]
    forms = [_named(way) for way in ways if not way.many]
    if first.many:
        forms.append({"type": "array", "items": _MASK})
    elif first.parameters and sum(first.parameters.values()) <= 1:
        key = next(iter(first.parameters))
        forms.append(_MASK if key in first.masks else {"not": {"type": "object"}})
    elif not first.parameters:
        forms.append({"type": "null"})
    summary = (cls.__doc__ or name).strip().splitlines()[0]
    return {"description": summary, "anyOf": forms}


def _named(way: Maker) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key for key, needed in way.parameters.items() if needed],
        "properties": {key: _MASK if key in way.masks else _ANY for key in (*way.parameters, "digest")},
    }


def _grid() -> dict[str, Any]:
    def of(call: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(inspect.signature(call).parameters, _ANY),
        }

    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
        "properties": {
            **{kind: of(call) for kind, call in GRIDS.items()},
            "header": {"type": "string", "description": "a FITS file whose header is the grid"},
        },
    }
