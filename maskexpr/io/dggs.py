"""The dggs convention of zarr stores: what cells an array of cells has, in attributes of its group.

The frame is no part of it; it stands with the rest of the grid in the coordinate ``sky_wcs``.
"""

from __future__ import annotations

from typing import Any, Final

from ..grid.healpix.geom import HpxGeom
from .xarray import CELL_IDS

__all__ = ["dggs_attrs"]

_REPOSITORY: Final = "zarr-conventions/dggs"
_CONVENTION: Final = {
    "schema_url": f"https://raw.githubusercontent.com/{_REPOSITORY}/refs/tags/v1/schema.json",
    "spec_url": f"https://github.com/{_REPOSITORY}/blob/v1/README.md",
    "uuid": "7b255807-140c-42ca-97f6-7a1cfecdbc38",
    "name": "dggs",
    "description": "Discrete Global Grid Systems convention for zarr",
}


def dggs_attrs(geom: HpxGeom) -> dict[str, Any]:
    """Attributes of the group in which arrays on a grid lie.

    Examples
    --------
    >>> dggs_attrs(HpxGeom(order=3))["dggs"]["refinement_level"]
    3
    """
    grid: dict[str, Any] = {
        "name": "healpix",
        "refinement_level": geom.order,
        "indexing_scheme": "nested",
        "spatial_dimension": geom.dims[0],
    }
    if not geom.is_allsky:
        grid |= {"coordinate": CELL_IDS, "compression": "none"}
    return {"zarr_conventions": [_CONVENTION], "dggs": grid}
