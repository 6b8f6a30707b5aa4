"""Circles, however they are written, as catalogues, which have an index and a fast kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.records import frozen_array
from ..expr.mask import Mask, Or
from ..nodes.catalog import Catalog
from ..nodes.region import Region
from ..shapes import Circle, Compound

__all__ = ["Circles", "as_catalogs", "circles_of", "unite"]


class Circles(NamedTuple):
    """The union of circles of one frame, in degrees; the radius is one, or one of each."""

    frame: str
    lon: NDArray[np.float64] | list[float]
    lat: NDArray[np.float64] | list[float]
    radius: NDArray[np.float64] | list[float]


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
