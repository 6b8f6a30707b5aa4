"""The residual: the part of an expression that a tile leaves undecided."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..core.coverage import FULL, MIXED, Coverage
from ..expr.mask import And, Mask, Not, Or, Xor
from ..expr.structure import postorder

__all__ = ["residual"]


def residual(mask: Mask, place: int, cover: Callable[[Mask], Coverage]) -> Mask:
    """Shorten a mask that one tile of a batch leaves undecided; what stands in it twice is shortened once.

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
    # Of each operator, what its operands are on the tile.
    states: dict[int, Coverage] = {}

    def left_open(each: Mask) -> tuple[Mask, ...]:
        if isinstance(each, Not):
            return (each.mask,)
        if not isinstance(each, (Or, And, Xor)):
            return ()
        found = np.array([cover(operand)[place] for operand in each.masks], dtype=np.uint8)
        states[id(each)] = found
        return tuple(each.masks[i] for i in np.flatnonzero(found == MIXED))

    short: dict[int, Mask] = {}
    for each in postorder(mask, below=left_open):
        short[id(each)] = _shortened(each, states.get(id(each)), short)
    return short[id(mask)]


def _shortened(mask: Mask, states: Coverage | None, short: dict[int, Mask]) -> Mask:
    """An operator over what is left of its undecided operands."""
    if isinstance(mask, Not):
        inner = short[id(mask.mask)]
        return mask if inner is mask.mask else Not(inner)
    if states is None:
        return mask
    assert isinstance(mask, (Or, And, Xor))
    keep = [short[id(mask.masks[i])] for i in np.flatnonzero(states == MIXED)]
    left = keep[0] if len(keep) == 1 else type(mask)(*keep)
    return Not(left) if isinstance(mask, Xor) and np.count_nonzero(states == FULL) % 2 else left
