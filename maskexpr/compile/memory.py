"""How much memory evaluating a tile may take."""

from __future__ import annotations

import numpy as np

from ..components.node import Connected
from ..components.solve import SIDE
from ..expr.mask import Mask
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..nodes.catalog import Catalog

__all__ = ["working_bytes"]

# What an evaluation takes whatever its tile: libraries' buffers, one batch of pixels asked at once.
_BASE = 64 << 20
# Index and images of the rim of one source.
_PER_SOURCE = 600
# Arrays of a byte per pixel that operators hold at once.
_OPERATORS = 16


def working_bytes(mask: Mask, geom: Grid, shape: tuple[int, int], planes: int = 1) -> int:
    """Upper bound of the bytes that evaluating a mask on one tile holds at once, the result included.

    Parameters
    ----------
    mask : Mask
        Lowered and simplified.
    geom : Grid
        The grid.
    shape : (int, int)
        Rows and columns of the tile.
    planes : int
        Planes that are evaluated together.
    """
    nodes = list(postorder(mask))
    if any(isinstance(each, Connected) for each in nodes):
        # Small chunks are labelled together.
        ny, nx = geom.image_shape
        shape = max(shape[0], min(SIDE, ny)), max(shape[1], min(SIDE, nx))
    pixels = shape[0] * shape[1]
    # Nodes that look beyond the tile work on a wider window, but not on more than the map and as much again
    # around it.
    wide = [side + 2 * _margin(nodes, geom) for side in shape]
    padded = min(wide[0] * wide[1], 9 * geom.image_shape[0] * geom.image_shape[1] + pixels)
    sources = sum(len(each.lon) for each in nodes if isinstance(each, Catalog))
    per_pixel = max(each.bytes_per_pixel for each in nodes)
    return (
        _BASE + padded * per_pixel + pixels * (planes + min(len(nodes), _OPERATORS)) + sources * _PER_SOURCE
    )


def _margin(nodes: list[Mask], geom: Grid) -> int:
    """Pixels that all the nodes together look beyond a tile."""
    degrees = sum(each.reach().degrees for each in nodes)
    return int(np.ceil(degrees / geom.pixel_scales.value.min())) + sum(each.reach().pixels for each in nodes)
