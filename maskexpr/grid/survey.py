"""A survey: what a node will ask of others, said before anything is evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.arrays import Ints
from .tiles import Tile

__all__ = ["Survey"]


@dataclass(frozen=True)
class Survey:
    """What a node asks of other masks to answer on some tiles.

    Attributes
    ----------
    tiles : sequence of Tile
        Disjoint tiles of one plane.
    windows : ndarray of int64, shape (4, n)
        ``y0, y1, x0, x1`` of disjoint windows that hold every pixel that is asked of
        `maskexpr.expr.mask.Mask.asked`.
    """

    tiles: Sequence[Tile]
    windows: Ints

    @property
    def together(self) -> bool:
        """Whether all tiles are better answered at once, by `maskexpr.expr.mask.Mask.values_on`."""
        return False
