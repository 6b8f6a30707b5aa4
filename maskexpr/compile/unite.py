"""Circles, however they are written, as catalogues; shapes, however they are joined, as one region of many:
both have an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..core.arrays import Floats
from ..core.records import frozen_array
from ..expr.mask import Mask, Or, Xor
from ..nodes.catalog import Catalog
from ..nodes.region import Region
from ..shapes import Circle, Compound, Shape

__all__ = ["Circles", "as_catalogs", "circles_of", "unite", "united_shapes"]


class Circles(NamedTuple):
    """The union of circles of one frame, in degrees; the radius is one, or one of each."""

    frame: str
    lon: Floats | list[float]
    lat: Floats | list[float]
    radius: Floats | list[float]


def circles_of(mask: Mask) -> Circles | None:
    """The circles whose union a catalogue, or a region of one circle on the sky, is."""
    if isinstance(mask, Catalog):
        return Circles(mask.frame, mask.lon, mask.lat, mask.radius) if mask.radius.ndim < 2 else None
    if isinstance(mask, Region) and mask.metric == "sky" and isinstance(mask.shape, Circle):
        return _of_shapes([mask.shape])
    return None


def as_catalogs(region: Region) -> Mask | None:
    """Catalogues that select the same bits, one of each frame, if a region is a union of circles on the
    sky.
    """
    shape = region.shape
    if region.metric != "sky":
        return None
    if isinstance(shape, Circle):
        return unite([_of_shapes([shape])])
    if not (isinstance(shape, Compound) and shape.formula):
        return None
    frames: dict[str, list[Circle]] = {}
    for token in shape.formula:
        part = None if isinstance(token, str) else shape.shapes[token]
        if isinstance(part, Circle):
            frames.setdefault(part.frame, []).append(part)
        elif token != "or":
            return None
    catalogs = [unite([_of_shapes(some)]) for some in frames.values()]
    return catalogs[0] if len(catalogs) == 1 else Or(*catalogs)


def _of_shapes(some: Sequence[Circle]) -> Circles:
    return Circles(
        some[0].frame,
        [each.lon for each in some],
        [each.lat for each in some],
        [each.radius for each in some],
    )


def unite(some: Sequence[Circles]) -> Catalog:
    """One catalogue of circles of one frame."""
    return Catalog.restore(
        {
            "lon": frozen_array(np.concatenate([each.lon for each in some])),
            "lat": frozen_array(np.concatenate([each.lat for each in some])),
            "frame": some[0].frame,
            "radius": frozen_array(
                np.concatenate([np.broadcast_to(each.radius, len(each.lon)) for each in some])
            ),
            "axis": "energy",
        }
    )


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
    union = Compound.union(shapes)
    if operator == "or":
        return Region(union)
    return Region(Compound(shapes, [operator if token == "or" else token for token in union.formula]))
