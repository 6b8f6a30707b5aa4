"""The residual: the part of an expression that a tile leaves undecided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..core.coverage import FULL, MIXED, Coverage
from ..expr.mask import And, Mask, Not, Or, Xor

__all__ = ["residual"]

# Below this depth an operand is kept as it is, which is always right and keeps the walk shallow.
_DEEPEST = 100


def residual(mask: Mask, place: int, cover: Callable[[Mask], Coverage], depth: int = 0) -> Mask:
    """Shorten a mask that one tile of a batch leaves undecided.

    Parameters
    ----------
    mask : Mask
        A mask whose coverage at ``place`` is MIXED.
    place : int
        The tile's place in the batch.
    cover : callable
        Gives the coverage of any operand over the whole batch.

    Returns
    -------
    Mask
        Equal to ``mask`` on every pixel of the tile that is on the sky.
    """
    if depth > _DEEPEST:
        return mask
    if isinstance(mask, Not):
        inner = residual(mask.mask, place, cover, depth + 1)
        return mask if inner is mask.mask else Not(inner)
    if not isinstance(mask, (Or, And, Xor)):
        return mask
    decided = np.array([cover(each)[place] for each in mask.masks], dtype=np.uint8)
    keep = [residual(mask.masks[i], place, cover, depth + 1) for i in np.flatnonzero(decided == MIXED)]
    short = keep[0] if len(keep) == 1 else type(mask)(*keep)
    if isinstance(mask, Xor) and np.count_nonzero(decided == FULL) % 2:
        return Not(short)
    return short
