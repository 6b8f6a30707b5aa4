"""Circles, however they are written, as catalogues, which have an index and a fast kernel."""

from __future__ import annotations

from ..expr import Mask
from ..nodes.catalog import Catalog
from ..nodes.region import Region
from ..records import frozen_array
from ..shapes import Circle

__all__ = ["as_catalog"]


def as_catalog(mask: Mask) -> Catalog | None:
    """The catalogue that selects the same bits, if the mask is circles on the sky of one radius each."""
    if isinstance(mask, Catalog):
        return mask if mask.radius.ndim < 2 else None
    if not (isinstance(mask, Region) and mask.metric == "sky" and isinstance(mask.shape, Circle)):
        return None
    circle = mask.shape
    return Catalog.restore(
        {
            "lon": frozen_array([circle.lon]),
            "lat": frozen_array([circle.lat]),
            "frame": circle.frame,
            "radius": frozen_array([circle.radius]),
            "axis": "energy",
        }
    )
