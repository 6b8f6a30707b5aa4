"""Polygons of pixels by the even-odd rule: an edge toggles what is left of it in the rows that it crosses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from .flat import Extent, Flat

__all__ = ["Loop"]

# Pixels within which a centre counts as on an edge: more than rounding makes of a vertex's place on the sky.
_TIE: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Loop(Flat):
    """A polygon on the plane of the pixels.

    Parameters
    ----------
    y, x : ndarray, shape (n,)
        Vertices; the last is joined to the first.
    strict : bool
        Whether centres on an edge are out, as everywhere else. If not, those on a lower or left edge are in
        and those on an upper or right one are out, which is how crossings are counted commonly (pnpoly).
    """

    y: Floats
    x: Floats
    strict: bool = True

    def extent(self) -> Extent:
        """See `Flat.extent`."""
        if not (np.isfinite(self.y).all() and np.isfinite(self.x).all()):
            return Extent(np.nan, np.nan, np.nan, np.nan)
        return Extent(*(float(v) for v in (self.y.min(), self.y.max(), self.x.min(), self.x.max())))

    def contains(self, y: Floats, x: Floats) -> Bools:
        """See `Flat.contains`."""
        inside = np.zeros(np.broadcast_shapes(y.shape, x.shape), dtype=bool)
        on_edge = np.zeros_like(inside)
        for y0, x0, y1, x1 in zip(*self._edges, strict=True):
            inside ^= ((y0 > y) != (y1 > y)) & (x < _crossing(y, y0, x0, y1, x1))
            if self.strict:
                low, high = _touched(y, y0, x0, y1, x1)
                on_edge |= (low <= x) & (x <= high)
        return np.asarray(inside & ~on_edge)

    def values(self, window: Window) -> Bools:
        """See `Flat.values`; all edges at once, so that the cost is that of the rows they cross."""
        ny, nx = window.shape
        flips = np.zeros((ny, nx + 1), dtype=bool)
        edge, row = self._rows(window)
        y0, x0, y1, x1 = (each[edge] for each in self._edges)
        y = row.astype(np.float64)
        crosses = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            place = _crossing(y, y0, x0, y1, x1)[crosses]
        column = np.clip(np.ceil(place) - window.x0, 0, nx).astype(np.intp)
        np.logical_xor.at(flips, (row[crosses] - window.y0, column), True)
        # What an odd number of edges lie to the right of is inside.
        inside = np.bitwise_xor.accumulate(flips[:, ::-1], axis=1)[:, ::-1][:, 1:]
        if self.strict:
            low, high = _touched(y, y0, x0, y1, x1)
            first = np.clip(np.ceil(low) - window.x0, 0, nx).astype(np.intp)
            last = np.clip(np.floor(high) - window.x0 + 1, 0, nx).astype(np.intp)
            owner, at = ragged_ranges(first, np.maximum(last - first, 0))
            inside = inside.copy()
            inside[row[owner] - window.y0, at] = False
        return inside

    @property
    def _edges(self) -> tuple[Floats, Floats, Floats, Floats]:
        """The ends of every edge, y and x of each."""
        return self.y, self.x, np.roll(self.y, 1), np.roll(self.x, 1)

    def _rows(self, window: Window) -> tuple[Indices, Ints]:
        """Pairs of an edge and a row of the window that it may cross or touch."""
        y0, _, y1, _ = self._edges
        first = np.clip(np.ceil(np.minimum(y0, y1) - _TIE), window.y0, window.y1).astype(np.int64)
        last = np.clip(np.floor(np.maximum(y0, y1) + _TIE) + 1, window.y0, window.y1).astype(np.int64)
        edge, row = ragged_ranges(first, np.maximum(last - first, 0))
        return edge, row.astype(np.int64)


def _crossing(y: Floats, y0: Floats, x0: Floats, y1: Floats, x1: Floats) -> Floats:
    """Where edges cross rows; of no meaning for those that do not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((x1 - x0) * (y - y0) / (y1 - y0) + x0)


def _touched(y: Floats, y0: Floats, x0: Floats, y1: Floats, x1: Floats) -> tuple[Floats, Floats]:
    """First and last x of rows that are on an edge, within `_TIE`; inf and -inf where it passes them by."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = (np.stack(np.broadcast_arrays(y - _TIE, y + _TIE)) - y0) / (y1 - y0)
    level = np.broadcast_to(y0 == y1, ends.shape[1:])
    low = np.where(level, 0.0, np.clip(ends.min(axis=0), 0.0, 1.0))
    high = np.where(level, 1.0, np.clip(ends.max(axis=0), 0.0, 1.0))
    a, b = x0 + low * (x1 - x0), x0 + high * (x1 - x0)
    misses = (y < np.minimum(y0, y1) - _TIE) | (y > np.maximum(y0, y1) + _TIE)
    first, last = np.minimum(a, b) - _TIE, np.maximum(a, b) + _TIE
    return np.where(misses, np.inf, first), np.where(misses, -np.inf, last)
