"""gammapy's HEALPix geometries as sets of nested cells, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.arrays import Ints
from ...core.errors import GeometryError, require
from ...core.names import of_ours
from ..axes_of_gammapy import axes_from_gammapy, axes_to_gammapy
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
        hint = ": write HpxGeom.from_gammapy(map.geom)" * hasattr(geom, "geom")
        raise GeometryError(f"expected a gammapy HpxGeom, got {of_ours(geom)}{hint}")
    order = _order_of(geom)
    cells = CellSet.whole(order) if geom.is_allsky else CellSet.of(order, nested_of_gammapy(geom))
    return cells, str(geom.frame), axes_from_gammapy(geom.axes)


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
    if geom.region == "explicit":
        _check_axes([axis.nbin for axis in geom.axes])
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


def _check_axes(numbers: list[int]) -> None:
    """Refuse what gammapy makes and then can neither give coordinates of nor find cells in."""
    if len(numbers) > 1 or numbers == [1]:
        raise GeometryError(
            "gammapy has HEALPix maps of listed cells without axes, or with one of two bins or more; here "
            f"are axes of {numbers} bins. Take a plane of them (geom.to_image()), or the whole sky"
        )


def to_gammapy(cells: CellSet, frame: str, axes: tuple[Axis, ...]) -> Any:
    """A nested gammapy ``HpxGeom``."""
    maps = require("gammapy.maps", extra="gammapy")
    if frame not in ("icrs", "galactic"):
        raise GeometryError(f"gammapy has HEALPix maps in 'icrs' and 'galactic', not in {frame!r}")
    region = None
    if not cells.is_whole:
        _check_axes([axis.nbin for axis in axes])
        # Cells of every plane: gammapy takes those of one plane alone for all that there are.
        *planes, place = np.indices((*(axis.nbin for axis in axes), cells.number))
        region = (cells.ids(0, cells.number)[place.ravel()], *(each.ravel() for each in planes[::-1]))
    nside = 1 << cells.order
    return maps.HpxGeom(nside, nest=True, frame=frame, region=region, axes=axes_to_gammapy(axes) or None)
