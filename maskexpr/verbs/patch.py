"""The tile of a compiled mask as a patch of its file: where the mask does not vary, it is on every plane."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ..compile.compiled import Compiled
from ..io.writer import MaskWriter, Patch
from .pieces import tile_window

__all__ = ["is_done", "patch_of"]

Block = tuple[int, ...]


def patch_of(compiled: Compiled, block: Block, value: Any) -> Patch:
    """The patch of the output that a block is, with its values or the one value of all its pixels."""
    along = _planes(compiled, block)
    planes = tuple(slice(each.start, each.stop) for each in along)
    if not isinstance(value, bool):
        value = np.broadcast_to(value, (*(len(each) for each in along), *value.shape[-2:]))
    return Patch(tile_window(compiled, block), value, planes or None)


def is_done(compiled: Compiled, writer: MaskWriter, block: Block) -> bool:
    """Whether a run before has written all tiles that a block is."""
    planes = product(*_planes(compiled, block))
    return bool(writer.done) and all((*plane, *block[-2:]) in writer.done for plane in planes)


def _planes(compiled: Compiled, block: Block) -> list[range]:
    """Planes of the map, along each axis, that a block is."""
    found = []
    for sizes, i, n in zip(compiled.along, block, compiled.geom.planes_shape, strict=False):
        start = int(sum(sizes[:i]))
        found.append(range(n) if sum(sizes) == 1 else range(start, start + sizes[i]))
    return found
