"""Runs of circles on a separable geometry, worked out once for all its tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..grid.lattice import Grid
from ..grid.tiles import Tile
from ..pixels.spans import paint_spans
from ..pixels.window import Window
from .pieces import Pieces
from .spans import Disks, Strip, spans

__all__ = ["SpanIndex"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Runs = tuple[NDArray[np.signedinteger], ...]

# Rows of circles that are worked out together: few enough for the cache, enough for numpy's calls.
_PIECE = 1 << 13


class SpanIndex:
    """Runs of many circles on the map of one separable geometry.

    Parameters
    ----------
    geom : Grid
        The geometry.
    disks : Disks
        Circles in its frame; neighbours should follow each other.

    Attributes
    ----------
    done : ndarray of bool, shape (n,)
        Which circles are painted; the others have so many rows that each tile should look at its own only.
    window : Window
        Tiles within it can be painted.
    """

    def __init__(self, geom: Grid, disks: Disks) -> None:
        ny, nx = geom.image_shape
        self.window = Window(0, ny, 0, nx)
        self._disks = disks
        self._strip = Strip(geom, self.window)
        self._integer = np.int32 if max(ny, nx) < 2**31 else np.int64
        self._low, self._high = self._strip.rows_of(disks)
        number = self._high - self._low
        self.done = number <= _PIECE
        circle, middle, reach = self._strip.copies(disks)
        some = np.flatnonzero((number > 0)[circle] & self.done[circle])
        self._circle, self._middle = circle[some], middle[some]
        piece = (np.cumsum(number[self._circle]) - 1) // _PIECE
        self._first = np.flatnonzero(np.diff(piece, prepend=-1))
        self._boxes = self._bound(reach[some])
        self._pieces = Pieces(len(self._first), self._runs)

    def _bound(self, reach: NDArray[np.float64]) -> NDArray[np.float64]:
        """First and last row, first and last column that each piece may touch."""
        if not len(self._first):
            return np.empty((4, 0))
        row = self._strip.row
        ends = np.stack([row[self._low[self._circle]], row[self._high[self._circle] - 1]])
        low, high = ends.min(axis=0), ends.max(axis=0)
        sides = [np.minimum, np.maximum, np.minimum, np.maximum]
        values = [low, high, self._middle - reach, self._middle + reach]
        return np.stack(
            [f.reduceat(each, self._first).astype(float) for f, each in zip(sides, values, strict=True)]
        )

    def _runs(self, piece: int) -> Runs:
        first, *after = self._first[piece : piece + 2].tolist()
        some = slice(first, after[0] if after else None)
        circle = self._circle[some]
        runs = spans(
            self._strip, self._disks.take(circle), self._middle[some], self._low[circle], self._high[circle]
        )
        return tuple(each.astype(self._integer) for each in runs)

    def paint(self, tile: Tile, out: Bools) -> None:
        """Select the pixels of a tile, shape (ny, nx), that lie in the circles that are done."""
        y0, y1, x0, x1 = tile.window
        low_y, high_y, low_x, high_x = self._boxes
        near = np.flatnonzero((high_y >= y0) & (low_y < y1) & (high_x >= x0) & (low_x < x1))
        found = []
        for row, start, stop in self._pieces.take(near.tolist()):
            here = np.flatnonzero((row >= y0) & (row < y1) & (start < x1) & (stop > x0))
            if len(here):
                found.append((row[here] - y0, start[here] - x0, stop[here] - x0))
        if found:
            row, start, stop = (np.concatenate(each) for each in zip(*found, strict=True))
            paint_spans(out, row, np.maximum(start, 0), np.minimum(stop, x1 - x0))
