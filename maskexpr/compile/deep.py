"""Deep expressions: which sub-expressions are evaluated first, so that recursion stays shallow."""

from __future__ import annotations

from ..expr.mask import Mask
from ..expr.structure import postorder

__all__ = ["landings"]

# Operators on top of each other that are evaluated by recursion.
_DEEP = 40


def landings(mask: Mask) -> list[Mask]:
    """Nodes, children first, at every so many levels of a deep expression; none in an ordinary one.

    Who evaluates these first, and remembers what they are, recurses no deeper than from one to the next. Only
    operators count that ask for the very window that they are asked for.

    Examples
    --------
    >>> from maskexpr import NoSky
    >>> deep = NoSky()
    >>> for _ in range(100):
    ...     deep = ~deep
    >>> len(landings(deep)), landings(~NoSky())
    (2, [])
    """
    depth: dict[int, int] = {}
    found = []
    for each in postorder(mask, below=_on_the_spot):
        depth[id(each)] = 1 + max((depth[id(child)] for child in _on_the_spot(each)), default=-1)
        if depth[id(each)] % _DEEP == _DEEP - 1:
            found.append(each)
    return found if depth[id(mask)] >= _DEEP else []


def _on_the_spot(mask: Mask) -> tuple[Mask, ...]:
    return () if mask.widens else mask.children
