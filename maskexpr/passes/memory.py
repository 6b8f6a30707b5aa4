"""How much memory evaluating a tile may take."""

from __future__ import annotations

from ..expr import Mask
from ..structure import postorder

__all__ = ["working_bytes"]

# Bytes per pixel of a tile: a row-run buffer of 4, a cumulative sum of 4, blocks with their samples, and a
# few bool arrays.
_PER_PIXEL = 16
_PER_NODE = 1
_BASE = 64 << 20


def working_bytes(mask: Mask, pixels: int) -> int:
    """Upper bound of the bytes that evaluating a mask on one tile of so many pixels holds at once."""
    nodes = list(postorder(mask))
    return _BASE + pixels * (_PER_PIXEL + _PER_NODE * min(len(nodes), 16))
