"""Masks as plain data and JSON text, and back."""

from __future__ import annotations

import json
from typing import Any

from ..core.errors import FormatError, MaskError
from ..core.records import build, decode, encode
from .mask import NODES, Mask
from .structure import postorder

__all__ = ["VERSION", "dumps", "from_dict", "loads", "to_dict"]

VERSION = 1


def to_dict(mask: Mask) -> dict[str, Any]:
    """Plain data of a mask: ``{"maskexpr": version, "hash": ..., "nodes": [...]}``.

    The nodes are a flat list, operands before what is made of them, each a dict of its tag and fields, in
    which ``{"node": i}`` stands for the i-th. So depth costs no recursion, and what stands in the mask twice
    is written once.

    Raises
    ------
    MaskTypeError
        If the mask holds data in memory that cannot be written as text.
    """
    place: dict[bytes, int] = {}
    nodes: list[dict[str, Any]] = []

    def child(value: Any) -> Any:
        return {"node": place[value.digest]} if isinstance(value, Mask) else None

    for each in postorder(mask):
        if each.digest not in place:
            fields = {name: encode(value, child) for name, value in each.fields()}
            place[each.digest] = len(nodes)
            nodes.append({"tag": each.tag, **fields})
    return {"maskexpr": VERSION, "hash": mask.digest.hex(), "nodes": nodes}


def from_dict(data: dict[str, Any]) -> Mask:
    """The mask of plain data.

    Raises
    ------
    FormatError
        If the version is another, a tag unknown, a field does not fit, or the hash does not agree with the
        content.

    Examples
    --------
    >>> from maskexpr import AllSky
    >>> from_dict(to_dict(~AllSky())) == ~AllSky()
    True
    """
    if not isinstance(data, dict) or "maskexpr" not in data:
        raise FormatError("this is not a maskexpr expression: it has no 'maskexpr' version")
    if data["maskexpr"] != VERSION:
        raise FormatError(
            f"the expression has version {data['maskexpr']!r}; this maskexpr reads version {VERSION}"
        )
    made: list[Mask] = []

    def child(value: Any) -> Mask | None:
        if isinstance(value, dict) and set(value) == {"node"}:
            place = value["node"]
            if not isinstance(place, int) or not 0 <= place < len(made):
                raise FormatError(
                    f"node {len(made)} refers to node {place!r}, which does not stand before it"
                )
            return made[place]
        return None

    rows = data.get("nodes")
    if not isinstance(rows, list) or not rows:
        raise FormatError("the expression has no nodes")
    for number, row in enumerate(rows):
        made.append(_node(row, number, child))
    if "hash" in data and made[-1].digest.hex() != data["hash"]:
        raise FormatError(
            f"the expression was changed: its hash is {made[-1].digest.hex()}, the text says {data['hash']}"
        )
    return made[-1]


def _node(row: Any, number: int, child: Any) -> Mask:
    tag = row.get("tag") if isinstance(row, dict) else None
    if tag not in NODES:
        raise FormatError(f"node {number} has the unknown tag {tag!r}; known are {', '.join(sorted(NODES))}")
    try:
        fields = {name: decode(value, child) for name, value in row.items() if name != "tag"}
        mask: Mask = build(NODES[tag], fields)
    except FormatError as err:
        raise FormatError(f"node {number} ({tag}): {err}") from err
    except MaskError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError) as err:
        raise FormatError(f"node {number} ({tag}) cannot be made: {err}") from err
    return mask


def dumps(mask: Mask, indent: int | None = None) -> str:
    """JSON text of a mask.

    Examples
    --------
    >>> from maskexpr import NoSky
    >>> loads(dumps(NoSky()))
    NoSky
    """
    return json.dumps(to_dict(mask), allow_nan=False, indent=indent)


def loads(text: str) -> Mask:
    """The mask of JSON text; the inverse of `dumps`.

    Raises
    ------
    FormatError
        If the text is no JSON or no mask.
    """
    try:
        data = json.loads(text)
    except (TypeError, ValueError) as err:
        raise FormatError(f"this is not JSON: {err}") from err
    return from_dict(data)
