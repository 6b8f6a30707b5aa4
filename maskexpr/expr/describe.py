"""Text of a mask: one line, or a tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .structure import Node

__all__ = ["one_line", "tree"]

_SIGNS = {"or": " | ", "and": " & ", "xor": " ^ "}
_WIDTH = 160
_OPERANDS = 6


def one_line(mask: Node) -> str:
    """The mask in one line, long lists of operands cut short.

    Examples
    --------
    >>> from maskexpr import AllSky, NoSky
    >>> one_line(~(AllSky() | NoSky()))
    '~(AllSky | NoSky)'
    """
    text: dict[int, str] = {}
    stack = [mask]
    while stack:
        each = stack[-1]
        # Operands that are not shown are not looked at: there may be thousands.
        shown = each.children[: _OPERANDS + 1]
        missing = [child for child in shown if id(child) not in text]
        if missing:
            stack.extend(missing)
            continue
        line = _line(each, [text[id(child)] for child in shown])
        text[id(each)] = line if len(line) <= _WIDTH else line[: _WIDTH - 4] + " ..."
        stack.pop()
    return text[id(mask)]


def _line(mask: Node, parts: list[str]) -> str:
    if mask.tag == "not":
        return f"~{parts[0]}"
    if mask.tag in _SIGNS and len(mask.children) > 1:
        return f"({_joined(_SIGNS[mask.tag], parts, len(mask.children))})"
    if not parts:
        return mask.label()
    name, _, rest = mask.label().partition("(")
    arguments = [", ".join(parts)] + ([rest.removesuffix(")")] if rest.removesuffix(")") else [])
    return f"{name}({', '.join(arguments)})"


def _joined(sign: str, parts: list[str], number: int) -> str:
    """As many operands as fit in a line, at least one."""
    shown = parts[:1]
    for part in parts[1:_OPERANDS]:
        if sum(len(each) + len(sign) for each in (*shown, part)) > _WIDTH - 20:
            break
        shown.append(part)
    more = number - len(shown)
    return sign.join(shown + ([f"... {more} more"] if more else []))


def tree(mask: Node, note: Callable[[Any], str] | None = None, limit: int = 20) -> str:
    """The mask as a tree, one node a line.

    Parameters
    ----------
    note : callable, optional
        Text to stand behind a node.
    limit : int
        How many operands of one node to show.
    """
    lines: list[tuple[str, str]] = []
    stack: list[tuple[Node | str, str, str]] = [(mask, "", "")]
    while stack and len(lines) < 400:
        each, lead, indent = stack.pop()
        if isinstance(each, str):
            lines.append((lead + each, ""))
            continue
        lines.append((lead + each.label(), note(each) if note else ""))
        children: list[Node | str] = list(each.children[:limit])
        if len(each.children) > limit:
            children.append(f"... {len(each.children) - limit} more")
        for place in range(len(children) - 1, -1, -1):
            last = place == len(children) - 1
            stack.append(
                (
                    children[place],
                    indent + ("└── " if last else "├── "),
                    indent + ("    " if last else "│   "),
                )
            )
    if stack:
        lines.append(("...", ""))
    width = min(max(len(line) for line, _ in lines), 100)
    return "\n".join(f"{line:<{width}}  {text}".rstrip() for line, text in lines)
