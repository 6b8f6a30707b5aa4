"""Simplify: an equal mask of fewer nodes.

Each rule is a function from one node, whose operands are simple already, to an equal node or None. No rule
adds nodes, and each takes some away or ends in a form that none applies to, so that applying them until
nothing changes ends.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..expr.mask import AllSky, And, Mask, NoSky, Not, Or, Xor
from ..expr.structure import postorder
from ..nodes.catalog import Catalog
from ..nodes.region import Region
from .unite import Circles, circles_of, unite, united_shapes

__all__ = ["simplify"]

Rule = Callable[[Mask], Mask | None]


def simplify(mask: Mask) -> Mask:
    """An equal mask, bit for bit on every grid, of at most as many nodes; equal parts become one object.

    Examples
    --------
    >>> a = AllSky() & NoSky()
    >>> simplify(a | a)
    NoSky
    """
    simple: dict[int, Mask] = {}
    interned: dict[bytes, Mask] = {}
    for each in postorder(mask):
        children = each.children
        now = each.with_children(tuple(simple[id(child)] for child in children)) if children else each
        now = _apply(now)
        simple[id(each)] = interned.setdefault(now.key, now)
    return simple[id(mask)]


def _apply(mask: Mask) -> Mask:
    changed = True
    while changed:
        changed = False
        for rule in RULES:
            better = rule(mask)
            if better is not None:
                # A rule that negates has made the operator below it anew.
                mask, changed = Not(_apply(better.mask)) if isinstance(better, Not) else better, True
    return mask


def _keep(mask: Or | And | Xor, operands: list[Mask]) -> Mask | None:
    """The operator over fewer operands, or None where they are all."""
    return None if len(operands) == len(mask.masks) else type(mask)(*operands)


def few_operands(mask: Mask) -> Mask | None:
    """``Or() = NoSky``, ``And() = AllSky``, ``Or(a) = a``."""
    if not isinstance(mask, (Or, And, Xor)) or len(mask.masks) > 1:
        return None
    if mask.masks:
        return mask.masks[0]
    return AllSky() if isinstance(mask, And) else NoSky()


def double_negation(mask: Mask) -> Mask | None:
    """``~~a = a``."""
    return mask.mask.mask if isinstance(mask, Not) and isinstance(mask.mask, Not) else None


def negated_constant(mask: Mask) -> Mask | None:
    """``~AllSky = NoSky`` and the reverse."""
    if not isinstance(mask, Not):
        return None
    if isinstance(mask.mask, AllSky):
        return NoSky()
    return AllSky() if isinstance(mask.mask, NoSky) else None


def neutral_operands(mask: Mask) -> Mask | None:
    """``a | NoSky = a``, ``a & AllSky = a``, ``a ^ NoSky = a``."""
    if not isinstance(mask, (Or, And, Xor)):
        return None
    neutral = AllSky if isinstance(mask, And) else NoSky
    return _keep(mask, [each for each in mask.masks if not isinstance(each, neutral)])


def dominant_operand(mask: Mask) -> Mask | None:
    """``a | AllSky = AllSky``, ``a & NoSky = NoSky``."""
    if isinstance(mask, Or) and any(isinstance(each, AllSky) for each in mask.masks):
        return AllSky()
    if isinstance(mask, And) and any(isinstance(each, NoSky) for each in mask.masks):
        return NoSky()
    return None


def flipped_operands(mask: Mask) -> Mask | None:
    """``a ^ AllSky = ~a``."""
    if not isinstance(mask, Xor):
        return None
    rest = [each for each in mask.masks if not isinstance(each, AllSky)]
    number = len(mask.masks) - len(rest)
    if not number or not rest:
        return None
    return Not(Xor(*rest)) if number % 2 else Xor(*rest)


def repeated_operands(mask: Mask) -> Mask | None:
    """``a | b | a = a | b``, and alike for ``&``; ``a ^ b ^ a = b``."""
    if isinstance(mask, (Or, And)):
        return _keep(mask, list({each.key: each for each in mask.masks}.values()))
    if isinstance(mask, Xor):
        odd: dict[bytes, Mask] = {}
        for each in mask.masks:
            if odd.pop(each.key, None) is None:
                odd[each.key] = each
        return _keep(mask, list(odd.values()))
    return None


def complementary_operands(mask: Mask) -> Mask | None:
    """``a | ~a = AllSky``, ``a & ~a = NoSky``."""
    if not isinstance(mask, (Or, And)):
        return None
    present = {each.key for each in mask.masks}
    if any(isinstance(each, Not) and each.mask.key in present for each in mask.masks):
        return AllSky() if isinstance(mask, Or) else NoSky()
    return None


def absorbed_operands(mask: Mask) -> Mask | None:
    """``a | (a & b) = a``, ``a & (a | b) = a``."""
    if not isinstance(mask, (Or, And)):
        return None
    inner = And if isinstance(mask, Or) else Or
    present = {each.key for each in mask.masks}
    return _keep(
        mask,
        [
            each
            for each in mask.masks
            if not (isinstance(each, inner) and any(part.key in present for part in each.masks))
        ],
    )


def negated_operands(mask: Mask) -> Mask | None:
    """``~a | ~b = ~(a & b)``, ``~a & ~b = ~(a | b)``; ``~a ^ b = ~(a ^ b)``."""
    if not isinstance(mask, (Or, And, Xor)) or len(mask.masks) < 2:
        return None
    bare = [each.mask if isinstance(each, Not) else each for each in mask.masks]
    number = sum(isinstance(each, Not) for each in mask.masks)
    if isinstance(mask, Xor):
        if not number:
            return None
        return Not(Xor(*bare)) if number % 2 else Xor(*bare)
    if number < len(mask.masks):
        return None
    return Not(And(*bare) if isinstance(mask, Or) else Or(*bare))


def negated_regions(mask: Mask) -> Mask | None:
    """``a & ~b & ~c = a & ~(b | c)`` for regions and catalogues, whose union is one of them."""
    if not isinstance(mask, And):
        return None
    away = [each for each in mask.masks if isinstance(each, Not) and isinstance(each.mask, Region | Catalog)]
    if len(away) < 2 or len(away) == len(mask.masks):
        return None
    gone = {id(each) for each in away}
    rest = [each for each in mask.masks if id(each) not in gone]
    return And(*rest, Not(_apply(Or(*(each.mask for each in away)))))


def united_circles(mask: Mask) -> Mask | None:
    """Circles and catalogues of one frame under ``|`` become one catalogue, which has an index."""
    if not isinstance(mask, Or):
        return None
    frames: dict[str, list[tuple[Mask, Circles]]] = {}
    others: list[Mask] = []
    for each in mask.masks:
        circles = circles_of(each)
        if circles is None:
            others.append(each)
        else:
            frames.setdefault(circles.frame, []).append((each, circles))
    if len(frames) + len(others) == len(mask.masks):
        return None
    united = [some[0][0] if len(some) == 1 else unite([each for _, each in some]) for some in frames.values()]
    return Or(*united, *others)


def empty_catalog(mask: Mask) -> Mask | None:
    """A catalogue of no sources selects nothing."""
    return NoSky() if isinstance(mask, Catalog) and not (len(mask.lon) and np.any(mask.radius > 0)) else None


RULES: tuple[Rule, ...] = (
    few_operands,
    double_negation,
    negated_constant,
    neutral_operands,
    dominant_operand,
    flipped_operands,
    repeated_operands,
    complementary_operands,
    absorbed_operands,
    negated_operands,
    negated_regions,
    empty_catalog,
    united_circles,
    united_shapes,
)
