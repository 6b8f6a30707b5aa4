"""gammapy's HEALPix geometries as sets of nested cells, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.arrays import Ints
from ...core.errors import GeometryError, require
from ...core.names import described
from ..axis import Axis
from .faces import MAX_ORDER
from .rings import from_ring
from .sets import CellSet

__all__ = ["from_gammapy", "nested_of_gammapy", "to_gammapy"]


def from_gammapy(geom: Any) -> tuple[CellSet, str, tuple[Axis, ...]]:
    """Cells, frame and axes of a gammapy ``HpxGeom``.

    Raises
    ------
    GeometryError
        If it is none, or has other cells on each plane.
    """
    if type(geom).__name__ != "HpxGeom" or not hasattr(geom, "nside"):
        raise GeometryError(f"expected a gammapy HpxGeom, got {described(geom)}")
    order = _order_of(geom)
    cells = CellSet.whole(order) if geom.is_allsky else CellSet.of(order, nested_of_gammapy(geom))
    axes = tuple(Axis(axis.name, axis.edges, interp=axis.interp) for axis in reversed(geom.axes))
    return cells, str(geom.frame), axes


def _order_of(geom: Any) -> int:
    nside = int(geom.nside.flat[0])
    if geom.nside.size > 1 or nside & (nside - 1) or nside > 1 << MAX_ORDER:
        raise GeometryError(
            f"nested cells are of one nside, a power of two, got nside {geom.nside.tolist()} from gammapy"
        )
    return nside.bit_length() - 1


def nested_of_gammapy(geom: Any) -> Ints:
    """Nested numbers of the cells of a gammapy ``HpxGeom``, in the order of its maps.

    Raises
    ------
    GeometryError
        If it has other cells on each plane.
    """
    order = _order_of(geom)
    # Cells of all planes, one plane after the other.
    index = geom.get_idx(flat=True)
    ids = np.asarray(index[0], dtype=np.int64)
    planes = int(np.prod([axis.nbin for axis in geom.axes], dtype=np.int64))
    if planes > 1 and not geom.is_regular:
        ids = ids[np.lexsort(index)]
        if ids.size % planes or np.ptp(ids.reshape(planes, -1), axis=0).any():
            raise GeometryError("the gammapy HpxGeom has other cells on each plane; take a plane at a time")
        ids = ids[: ids.size // planes]
    else:
        ids = ids[: int(geom.npix.flat[0])]
    return ids if geom.nest else from_ring(order, ids)


def to_gammapy(cells: CellSet, frame: str, axes: tuple[Axis, ...]) -> Any:
    """A nested gammapy ``HpxGeom``."""
    maps = require("gammapy.maps", extra="gammapy")
    if frame not in ("icrs", "galactic"):
        raise GeometryError(f"gammapy has HEALPix maps in 'icrs' and 'galactic', not in {frame!r}")
    region = None
    if not cells.is_whole:
        # Cells of every plane: gammapy takes those of one plane alone for all that there are.
        *planes, place = np.indices((*(axis.nbin for axis in axes), cells.number))
        region = (cells.ids(0, cells.number)[place.ravel()], *(each.ravel() for each in planes[::-1]))
    made = [maps.MapAxis.from_edges(each.edges, name=each.name, interp=each.interp) for each in axes[::-1]]
    nside = 1 << cells.order
    return maps.HpxGeom(nside, nest=True, frame=frame, region=region, axes=made or None)
