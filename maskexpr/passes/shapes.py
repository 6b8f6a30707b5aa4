"""Shapes, however they are joined, as one region of many, which has an index."""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Mask, Or, Xor
from ..nodes.region import Region
from ..shapes import Circle, Compound, Shape

__all__ = ["united_shapes"]


def united_shapes(mask: Mask) -> Mask | None:
    """Regions on the sky under ``|`` become one region of all their shapes, and alike under ``^``."""
    if not isinstance(mask, Or | Xor):
        return None
    operator = "or" if isinstance(mask, Or) else "xor"
    parts: list[Region] = []
    others: list[Mask] = []
    for each in mask.masks:
        if isinstance(each, Region) and _can_unite(each, operator):
            parts.append(each)
        else:
            others.append(each)
    if len(parts) < 2:
        return None
    united = _joined([leaf for each in parts for leaf in each.shape.leaves], operator)
    return type(mask)(united, *others) if others else united


def _can_unite(region: Region, operator: str) -> bool:
    if region.needs_grid:
        return False
    shape = region.shape
    if isinstance(shape, Compound):
        return shape.joined == operator
    # Circles under | are better off as a catalogue.
    return not (isinstance(shape, Circle) and operator == "or")


def _joined(shapes: Sequence[Shape], operator: str) -> Region:
    formula: list[int | str] = [0]
    for number in range(1, len(shapes)):
        formula.extend((number, operator))
    return Region(Compound(shapes, formula))
