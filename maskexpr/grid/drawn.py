"""Many shapes on one grid, drawn as runs of pixels: in pieces of neighbours, each by the first tile that
needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Ints
from ..core.pieces import Pieces
from ..pixels.paint import RowRuns, paint_in_window
from ..pixels.window import Window
from ..sphere.vectors import Caps, angle_between, caps_round
from .tiles import Tile

__all__ = ["Drawn"]


class _Made(NamedTuple):
    """Runs of some shapes, the window that holds them all, and the numbers of those that have none."""

    runs: RowRuns
    box: tuple[int, int, int, int]
    left: Ints

    def meets(self, window: Window) -> bool:
        """Whether a window may hold any of the runs."""
        low_y, high_y, low_x, high_x = self.box
        return high_y >= window.y0 and low_y < window.y1 and high_x > window.x0 and low_x < window.x1


class Drawn:
    """Runs of pixels of n shapes.

    Parameters
    ----------
    number : ndarray of int, shape (n,)
        What each shape is called.
    caps : Caps
        Caps that hold them, in the same order; neighbours should follow each other.
    first : ndarray of int
        The first shape of each piece.
    draw : callable
        For some of them which can be drawn, and the runs of all those: rows, starts and stops, half open and
        not empty, on the map or beyond it; they may overlap.
    """

    def __init__(
        self,
        number: Ints,
        caps: Caps,
        first: Ints,
        draw: Callable[[slice], tuple[Bools, NDArray[Any], NDArray[Any], NDArray[Any]]],
    ) -> None:
        self._number, self._first, self._draw = number, first, draw
        self._caps = caps_round(caps, first)
        self._pieces = Pieces(len(first), self._make)

    def _make(self, piece: int) -> _Made:
        first, *after = self._first[piece : piece + 2].tolist()
        some = slice(first, after[0] if after else None)
        done, row, start, stop = self._draw(some)
        box = (0, 0, 0, 0)
        if len(row):
            box = (int(row.min()), int(row.max()), int(start.min()), int(stop.max()))
        small = np.int32 if max(map(abs, box)) < 2**31 else np.int64
        left = self._number[some][~done]
        return _Made((row.astype(small), start.astype(small), stop.astype(small)), box, left)

    def paint(self, tile: Tile, out: Bools) -> Ints:
        """Select the pixels of a tile, shape (ny, nx), that lie in shapes that can be drawn.

        Returns
        -------
        ndarray of int
            The others, all that may reach the tile among them.
        """
        caps, near = tile.squares.caps, self._caps
        caps = caps.take(caps.radius >= 0)
        reach = near.radius[:, None] + caps.radius + 1e-9
        apart = angle_between(near.centre[:, :, None], caps.centre[:, None])
        some = np.flatnonzero(((apart <= reach) | (reach >= np.pi)).any(axis=1))
        made = self._pieces.take(some.tolist())
        paint_in_window(out, tile.window, (each.runs for each in made if each.meets(tile.window)))
        return np.concatenate([self._number[:0], *(each.left for each in made)])
