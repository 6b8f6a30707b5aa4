"""How much memory evaluating a tile may take: the sum of what the nodes say."""

from __future__ import annotations

import numpy as np

from ..components.solve import SIDE
from ..expr.mask import Mask
from ..expr.structure import postorder
from ..grid.lattice import Grid
from .requests import is_stacked, kept_nodes

__all__ = ["working_bytes"]

# What an evaluation takes whatever its tile: libraries' buffers, one batch of pixels asked at once.
_BASE = 64 << 20
# Arrays of a byte per pixel that operators hold at once.
_OPERATORS = 16


def working_bytes(mask: Mask, geom: Grid, shape: tuple[int, int], planes: int = 1) -> int:
    """Upper bound of the bytes that evaluating a mask on one tile holds at once, the result included.

    Parameters
    ----------
    mask : Mask
        Lowered and simplified.
    shape : (int, int)
        Rows and columns of the tile.
    planes : int
        Planes that are evaluated together.
    """
    nodes = list(postorder(mask))
    ny, nx = geom.image_shape
    if any(each.reach().everywhere for each in nodes):
        # Small chunks are labelled together.
        shape = max(shape[0], min(SIDE, ny)), max(shape[1], min(SIDE, nx))
    pixels = shape[0] * shape[1]
    # Nodes that look beyond the tile work on a wider window, but not on more than the map and as much again
    # around it.
    margin = _margin(nodes, geom)
    rows, columns = shape[0] + 2 * margin, shape[1] + 2 * margin
    if rows * columns > 9 * ny * nx + pixels:
        rows, columns = -(-(9 * ny * nx + pixels) // nx), nx
    work = max(each.working_bytes(geom, (rows, columns)) for each in nodes)
    # A byte for each pixel of the values that are kept for the task.
    kept = rows * columns * len(kept_nodes(mask)) if is_stacked(mask) else 0
    results = pixels * (planes + min(len(nodes), _OPERATORS))
    return _BASE + work + kept + results + sum(each.held_bytes() for each in nodes)


def _margin(nodes: list[Mask], geom: Grid) -> int:
    """Pixels that all the nodes together look beyond a tile."""
    degrees = sum(each.reach().degrees for each in nodes)
    return int(np.ceil(degrees / geom.pixel_scales.value.min())) + sum(each.reach().pixels for each in nodes)
