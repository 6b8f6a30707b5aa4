"""Shapes, however they are joined, as one region of many, which has an index."""

from __future__ import annotations

from collections.abc import Sequence

from ..expr.mask import Mask, Or, Xor
from ..nodes.region import Region
from ..shapes import Circle, Compound, Shape

__all__ = ["united_shapes"]


def united_shapes(mask: Mask) -> Mask | None:
    """Regions on the sky under ``|`` become one region of all their shapes, and alike under ``^``.

    Points and lines, which mark pixels, become one of their own.
    """
    if not isinstance(mask, Or | Xor):
        return None
    operator = "or" if isinstance(mask, Or) else "xor"
    parts: dict[str, list[Region]] = {}
    others: list[Mask] = []
    for each in mask.masks:
        kind = _kind(each, operator) if isinstance(each, Region) else ""
        if isinstance(each, Region) and kind:
            parts.setdefault(kind, []).append(each)
        else:
            others.append(each)
    if all(len(some) == 1 for some in parts.values()):
        return None
    united = [
        some[0]
        if len(some) == 1
        else _joined([leaf for each in some for leaf in each.shape.leaves], operator)
        for some in parts.values()
    ]
    return type(mask)(*united, *others)


def _kind(region: Region, operator: str) -> str:
    """What it can be united with under an operator; an empty text is nothing."""
    shape = region.shape
    if region.is_marks:
        return "marks" if operator == "or" else ""
    if region.needs_grid or (isinstance(shape, Compound) and shape.joined != operator):
        return ""
    # Circles under | are better off as a catalogue.
    return "" if isinstance(shape, Circle) and operator == "or" else "shapes"


def _joined(shapes: Sequence[Shape], operator: str) -> Region:
    formula: list[int | str] = [0]
    for number in range(1, len(shapes)):
        formula.extend((number, operator))
    return Region(Compound(shapes, formula))
