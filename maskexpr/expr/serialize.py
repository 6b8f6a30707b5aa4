"""Masks as plain data and JSON text, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.calls import told
from ..core.errors import FormatError, MaskError, MaskTypeError, borrowed
from ..core.limits import check_limit
from ..core.names import described
from ..core.records import build, decode, encode
from ..doors.texts import read_json
from .mask import NODES, Mask, Nary, need_mask
from .structure import postorder

__all__ = ["VERSION", "dumps", "from_dict", "loads", "to_dict"]

VERSION = 1

_KEYS = {"maskexpr", "hash", "nodes"}


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
    need_mask(mask, "dumps, as to_dict,")
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


@told
def from_dict(data: dict[str, Any], within: str | os.PathLike[str] | None = None) -> Mask:
    """The mask of plain data.

    Parameters
    ----------
    data : dict
        As `Mask.to_dict` makes it.
    within : str or path, optional
        A folder in which the files lie that the expression may name; any file if not given. Files are opened
        when the mask is used, not now.

    Raises
    ------
    FormatError
        If the version is another, a tag unknown, a field does not fit, the hash does not agree with the
        content, or a file lies elsewhere.
    LimitError
        For more nodes or operands than the limits allow.

    Examples
    --------
    >>> from maskexpr import AllSky
    >>> from_dict(to_dict(~AllSky())) == ~AllSky()
    True
    """
    if not isinstance(data, dict) or "maskexpr" not in data:
        text = "; text is read by maskexpr.loads(text)" if isinstance(data, str | bytes) else ""
        raise FormatError(f"this is not a maskexpr expression: it has no 'maskexpr' version{text}")
    if type(data["maskexpr"]) is not int or data["maskexpr"] != VERSION:
        raise FormatError(
            f"the expression has version {data['maskexpr']!r}; this maskexpr reads version {VERSION}"
        )
    if not set(data) <= _KEYS:
        raise FormatError(f"the expression has the unknown key {sorted(map(str, set(data) - _KEYS))[0]!r}")
    rows = data.get("nodes")
    if not isinstance(rows, list) or not rows:
        raise FormatError("the expression has no nodes")
    check_limit("nodes", len(rows), "the expression", "nodes")
    if within is not None:
        _check_files(rows, within)
    mask = _made(rows)[-1]
    if "hash" in data and mask.digest.hex() != data["hash"]:
        raise FormatError(
            f"the expression was changed: its hash is {mask.digest.hex()}, the text says {data['hash']!r}"
        )
    return mask


def _made(rows: list[Any]) -> list[Mask]:
    """The nodes of an expression, operands first."""
    made: list[Mask] = []
    operands = 0

    def child(value: Any) -> Mask | None:
        if isinstance(value, dict) and set(value) == {"node"}:
            place = value["node"]
            if type(place) is not int or not 0 <= place < len(made):
                raise FormatError(
                    f"node {len(made)} refers to node {place!r}, which does not stand before it"
                )
            return made[place]
        return None

    for number, row in enumerate(rows):
        made.append(_node(row, number, child))
        # Operators are kept flat, so that there are more operands than the text names.
        operands += len(made[-1].masks) if isinstance(made[-1], Nary) else 1
        check_limit("operands", operands, "the expression", "operands")
    return made


def _node(row: Any, number: int, child: Any) -> Mask:
    tag = row.get("tag") if isinstance(row, dict) else None
    if not isinstance(tag, str) or tag not in NODES:
        raise FormatError(f"node {number} has the unknown tag {tag!r}; known are {', '.join(sorted(NODES))}")
    try:
        with borrowed("it cannot be made", FormatError):
            fields = {name: decode(value, child) for name, value in row.items() if name != "tag"}
            mask: Mask = build(NODES[tag], fields)
    except MaskError as err:
        raise type(err)(f"node {number} ({tag}): {err}") from err
    return mask


def _check_files(rows: list[Any], within: str | os.PathLike[str]) -> None:
    folder = Path(within).resolve()
    for path in _paths(rows):
        with borrowed("a file that the expression names", FormatError):
            # A relative path is seen from where it will be opened.
            if not Path(path).resolve().is_relative_to(folder):
                raise FormatError(
                    f"the expression names the file {path!r}, which does not lie in {str(folder)!r}"
                )


def _paths(data: Any) -> Iterator[Any]:
    """The paths in plain data."""
    stack = [data]
    while stack:
        each = stack.pop()
        if isinstance(each, dict):
            if "path" in each:
                yield each["path"]
            stack.extend(each.values())
        elif isinstance(each, list):
            stack.extend(each)


@told
def dumps(mask: Mask, indent: int | None = None) -> str:
    """JSON text of a mask.

    Parameters
    ----------
    indent : int, optional
        Spaces by which each level is indented; on one line unless given.

    Raises
    ------
    MaskTypeError
        If it is no mask, or ``indent`` no number.

    Examples
    --------
    >>> from maskexpr import NoSky
    >>> loads(dumps(NoSky()))
    NoSky
    """
    if indent is not None and (isinstance(indent, bool) or not isinstance(indent, int) or indent < 0):
        raise MaskTypeError(
            f"dumps returns text, and indent is a number of spaces, got {described(indent)}; for a file "
            "write Path('mask.json').write_text(mx.dumps(mask))"
        )
    return json.dumps(to_dict(mask), allow_nan=False, indent=indent)


@told
def loads(text: str | bytes, within: str | os.PathLike[str] | None = None) -> Mask:
    """The mask of JSON text; the inverse of `dumps`.

    Parameters
    ----------
    text : str or bytes
        The text.
    within : str or path, optional
        See `from_dict`.

    Raises
    ------
    FormatError
        If the text is no JSON, has a key twice, or is no mask.
    LimitError
        If it is larger, deeper or of more nodes than the limits allow.

    Examples
    --------
    >>> from maskexpr import AllSky
    >>> loads(dumps(~AllSky())) == ~AllSky()
    True
    """
    return from_dict(read_json(text, "the expression"), within)
