"""Items of a recipe as calls of constructors, by the signatures of the nodes; nothing is made or read yet.

A mask is the name of a part, or a mapping of one key: the name of a node or a verb of the Python API, and
its arguments. What may stand in the arguments is read off the constructor and, where the node has them, off
`read` (files) and `from_masks`, so that a new node needs no word here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..core.names import nearest
from ..expr.mask import NODES, Mask
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from .text import Item

__all__ = [
    "DIGEST",
    "FIELDS",
    "GRIDS",
    "Call",
    "Maker",
    "Name",
    "makers",
    "names_in",
    "node_names",
    "parse_mask",
]

VERBS = ("dilate", "erode", "open", "close", "fill_holes", "remove_small")
"""Methods of a mask that make another; their names are the tags of the nodes."""
GRIDS: Mapping[str, Callable[..., Grid]] = {
    "allsky": WcsGeom.allsky,
    "create": WcsGeom.create,
    "healpix": HpxGeom,
}
"""Kinds of grids, and what makes them of named arguments."""
DIGEST = "digest"
FIELDS = "fields"


@dataclass(frozen=True)
class Name:
    """A part, by its name."""

    name: str


@dataclass(frozen=True)
class Maker:
    """A way to make a node: the constructor or a class method.

    Parameters
    ----------
    call : callable
        What makes the node.
    parameters : mapping of str to bool
        Its parameters in order, and whether each is needed.
    defaults : mapping
        The values of those that are not needed.
    masks : frozenset of str
        Those that take masks.
    many : str
        The parameter that takes any number of masks, if there is one.
    """

    call: Callable[..., Any]
    parameters: Mapping[str, bool]
    defaults: Mapping[str, Any]
    masks: frozenset[str]
    many: str


@dataclass(frozen=True)
class Call:
    """A node that is to be made: how, of what, and where it is written."""

    cls: type[Mask]
    item: Item
    maker: Maker | None
    arguments: Mapping[str, Any] = field(default_factory=dict)


def node_names() -> dict[str, type[Mask]]:
    """Names of the Python API, of nodes and verbs, to the nodes."""
    named: dict[str, type[Mask]] = {cls.__name__: cls for cls in NODES.values()}
    return named | {verb: NODES[verb] for verb in VERBS}


@cache
def makers(tag: str) -> tuple[Maker, ...]:
    """The ways to make a node: its constructor, and `read` and `from_masks` where it has them."""
    cls = NODES[tag]
    calls = [cls, *(getattr(cls, name) for name in ("read", "from_masks") if hasattr(cls, name))]
    return tuple(_maker(call) for call in calls)


def _maker(call: Callable[..., Any]) -> Maker:
    parameters = inspect.signature(call).parameters.values()
    many = "".join(each.name for each in parameters if each.kind is each.VAR_POSITIONAL)
    return Maker(
        call,
        {each.name: each.default is each.empty and each.name != many for each in parameters},
        {each.name: each.default for each in parameters if each.default is not each.empty},
        frozenset(each.name for each in parameters if each.annotation in ("Mask", Mask)),
        many,
    )


def parse_mask(item: Item, parts: Iterable[str]) -> Call | Name:
    """A mask of a recipe.

    Raises
    ------
    RecipeError
        For a name that is neither a part nor a node, or arguments that the node does not have.
    """
    value, known = item.value, node_names()
    if isinstance(value, str):
        if value in parts:
            return Name(value)
        if value in known and not any(makers(known[value].tag)[0].parameters.values()):
            return Call(known[value], item, makers(known[value].tag)[0])
        raise item.error(f"no part or node is called {value!r}{nearest(value, [*parts, *known])}")
    if not isinstance(value, dict) or len(value) != 1:
        raise item.error(
            "a mask is the name of a part, or one node with its arguments, "
            f"{{Dilate: {{mask: sources, radius: 0.1 deg}}}}; this is {_kind(value)}"
        )
    [(name, arguments)] = value.items()
    if name not in known:
        raise item.error(f"no node is called {name!r}{nearest(name, known)}")
    return _call(known[name], arguments, parts)


def _call(cls: type[Mask], item: Item, parts: Iterable[str]) -> Call:
    value, ways = item.value, makers(cls.tag)
    if isinstance(value, dict) and set(value) == {FIELDS}:
        return Call(cls, item, None, {FIELDS: value[FIELDS]})
    if isinstance(value, dict) and any(key in way.parameters for key in value for way in ways):
        return _named(cls, item, parts)
    first = ways[0]
    if value is None or value == {}:
        if any(first.parameters.values()) or first.many:
            raise item.error(
                f"{cls.__name__} needs {_needed(first) if not first.many else 'a list of masks'}"
            )
        return Call(cls, item, first)
    if first.many:
        return Call(cls, item, first, {first.many: _masks(item, parts)})
    if not first.parameters:
        raise item.error(f"{cls.__name__} takes no arguments")
    name = next(iter(first.parameters))
    if isinstance(value, dict) and name not in first.masks and name != "spec":
        return _named(cls, item, parts)
    given = parse_mask(item, parts) if name in first.masks else item
    missing = [each for each, needed in first.parameters.items() if needed and each != name]
    if missing:
        raise item.error(f"{cls.__name__} needs {_needed(first)}; {missing[0]} is not given")
    return Call(cls, item, first, {name: given})


def _named(cls: type[Mask], item: Item, parts: Iterable[str]) -> Call:
    """A call by named arguments, of the way that has them all."""
    given = {key: each for key, each in item.value.items() if key != DIGEST}
    ways = makers(cls.tag)
    fitting = [way for way in ways if set(given) <= set(way.parameters)]
    if not fitting:
        best = max(ways, key=lambda way: len(set(given) & set(way.parameters)))
        odd = next(key for key in given if key not in best.parameters)
        raise item.value[odd].error(
            f"{cls.__name__} has no argument {odd!r}{nearest(odd, best.parameters)}; "
            f"it has {', '.join(best.parameters)}"
        )
    complete = [way for way in fitting if _missing(way, given) == []]
    if not complete:
        raise item.error(
            f"{cls.__name__} needs {_needed(fitting[0])}; {_missing(fitting[0], given)[0]} is not given"
        )
    way = complete[0]
    arguments: dict[str, Any] = {}
    for key, each in given.items():
        if key == way.many:
            arguments[key] = _masks(each, parts)
        else:
            arguments[key] = parse_mask(each, parts) if key in way.masks else each
    if DIGEST in item.value:
        arguments[DIGEST] = item.value[DIGEST]
    return Call(cls, item, way, arguments)


def _missing(way: Maker, given: Mapping[str, Any]) -> list[str]:
    return [key for key, needed in way.parameters.items() if needed and key not in given]


def _masks(item: Item, parts: Iterable[str]) -> list[Call | Name]:
    if not isinstance(item.value, list):
        raise item.error(f"a list of masks is wanted here, [sources, plane]; this is {_kind(item.value)}")
    return [parse_mask(each, parts) for each in item.value]


def _needed(way: Maker) -> str:
    return ", ".join(key for key, needed in way.parameters.items() if needed)


def names_in(tree: Call | Name) -> Iterator[str]:
    """Names of the parts that a mask is made of, its parts' own apart."""
    stack: list[Any] = [tree]
    while stack:
        each = stack.pop()
        if isinstance(each, Name):
            yield each.name
        elif isinstance(each, Call):
            stack.extend(each.arguments.values())
        elif isinstance(each, list):
            stack.extend(each)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return f"a mapping of {len(value)} keys" + (f" ({', '.join(value)})" if value else "")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return "nothing" if value is None else f"{value!r}"
