"""What users of gammapy ask of a geometry, and what to write for it here."""

from __future__ import annotations

from typing import Final

__all__ = ["MEANT"]

MEANT: Final = {
    "binary_structure": "maskexpr.gammapy_structure(geom, width)",
    "boundary": "maskexpr.Boundary(width).on(geom)",
    "boundary_mask": "maskexpr.Boundary(width).on(geom)",
    "coord_to_pix": "geom.pixel(lon, lat)",
    "coords": "mask.on(geom, coords='world')",
    "data": "mask.on(geom).data: a grid has no values",
    "data_shape": "geom.shape",
    "energy_mask": "maskexpr.AxisRange('energy', lo, hi).on(geom)",
    "get_coord": "mask.on(geom, coords='world')",
    "get_coords": "mask.on(geom, coords='world')",
    "header": "geom.to_header()",
    "lat": "geom.lonlat(y, x)",
    "lon": "geom.lonlat(y, x)",
    "ndim": "len(geom.shape)",
    "npix": "geom.shape",
    "pix_to_coord": "geom.lonlat(y, x)",
    "region_mask": "maskexpr.Region(regions).on(geom)",
    "separation": "~maskexpr.Catalog(position, radius), or mask.distance(geom, max)",
    "width": "geom.footprint",
}
"""Names that gammapy has, and what to write here."""
