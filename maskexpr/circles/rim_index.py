"""Runs of circles on a geometry that is not separable, worked out once for all its tiles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grid.lattice import Grid
from ..grid.tiles import Tile
from ..pixels.spans import paint_spans
from ..sphere.vectors import Caps, angle_between, normalise
from .pieces import Pieces
from .rims import points_of_rims, rim_runs
from .seam import Seam

__all__ = ["RimIndex"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Points and rows of rims that are worked out together: few enough for the cache, enough for numpy's calls.
_PIECE = 1 << 13


class _Made(NamedTuple):
    """Runs of some circles, the window that holds them all, and the numbers of those that have none."""

    row: NDArray[np.signedinteger]
    start: NDArray[np.signedinteger]
    stop: NDArray[np.signedinteger]
    box: tuple[int, int, int, int]
    left: Ints


class RimIndex:
    """Runs of many circles on one geometry, by the images of their rims.

    Parameters
    ----------
    geom : Grid
        The geometry.
    centres : ndarray, shape (3, n)
        Unit vectors in its frame; neighbours should follow each other.
    radius : ndarray, shape (n,)
        Radians.
    """

    def __init__(self, geom: Grid, centres: Floats, radius: Floats) -> None:
        self._geom = geom
        self._seam = Seam.of(geom)
        points = points_of_rims(geom, radius)
        self._never = np.flatnonzero(points == 0)
        # Rims of equally many points together.
        order = np.argsort(points, kind="stable")[len(self._never) :]
        self._order, self._points = order, points[order]
        rows = 2 * radius[order] / np.deg2rad(min(geom.pixel_scales.value))
        piece = np.cumsum(np.maximum(self._points, rows)) // _PIECE
        self._first = np.flatnonzero(
            (np.diff(piece, prepend=-1) > 0) | (np.diff(self._points, prepend=0) > 0)
        )
        self._centres, self._radius = centres[:, order], radius[order]
        self._caps = _bounds(self._centres, self._radius, self._first)
        self._pieces = Pieces(len(self._first), self._make)

    def _make(self, piece: int) -> _Made:
        first, *after = self._first[piece : piece + 2].tolist()
        some = slice(first, after[0] if after else None)
        done, row, start, stop = self._runs(
            self._centres[:, some], self._radius[some], int(self._points[first])
        )
        box = (0, 0, 0, 0)
        if len(row):
            box = (int(row.min()), int(row.max()), int(start.min()), int(stop.max()))
        small = np.int32 if max(map(abs, box)) < 2**31 else np.int64
        left = self._order[some][~done]
        return _Made(row.astype(small), start.astype(small), stop.astype(small), box, left)

    def _runs(self, centres: Floats, radius: Floats, points: int) -> tuple[Bools, Ints, Ints, Ints]:
        """See `rim_runs`; circles that meet the seam have their own way."""
        if self._seam is None or not (cut := self._seam.meets(centres, radius)).any():
            return rim_runs(self._geom, centres, radius, points)
        done = np.empty(len(radius), dtype=bool)
        done[~cut], *runs = rim_runs(self._geom, centres[:, ~cut], radius[~cut], points)
        done[cut], y, x = self._seam.pixels(centres[:, cut], radius[cut])
        row, start, stop = (np.concatenate(pair) for pair in zip(runs, (y, x, x + 1), strict=True))
        return done, row, start, stop

    def paint(self, tile: Tile, out: NDArray[np.bool_]) -> Ints:
        """Select the pixels of a tile, shape (ny, nx), that lie in circles whose images can be used.

        Returns
        -------
        ndarray of int
            Numbers of other circles, all that may reach the tile among them.
        """
        y0, y1, x0, x1 = tile.window
        cap, near = tile.tiles.caps, self._caps
        reach = near.radius + max(float(cap.radius[0]), 0.0) + 1e-9
        found, left = [], [self._never]
        for made in self._pieces.take(
            np.flatnonzero((angle_between(near.centre, cap.centre) <= reach) | (reach >= np.pi)).tolist()
        ):
            left.append(made.left)
            low_y, high_y, low_x, high_x = made.box
            if high_y >= y0 and low_y < y1 and high_x > x0 and low_x < x1:
                row, start, stop = made[:3]
                here = np.flatnonzero((row >= y0) & (row < y1) & (start < x1) & (stop > x0))
                found.append((row[here] - y0, start[here] - x0, stop[here] - x0))
        if found:
            row, start, stop = (np.concatenate(each) for each in zip(*found, strict=True))
            paint_spans(out, row, np.maximum(start, 0), np.minimum(stop, x1 - x0))
        return np.concatenate(left)


def _bounds(centres: Floats, radius: Floats, first: Ints) -> Caps:
    """Caps round pieces of circles."""
    if not len(first):
        return Caps(np.empty((3, 0)), np.empty(0))
    middle = normalise(np.add.reduceat(centres, first, axis=1))
    number = np.diff(np.append(first, len(radius)))
    angle = angle_between(centres, np.repeat(middle, number, axis=1)) + radius
    reach = np.maximum.reduceat(angle, first)
    # Circles all round the sky have no middle.
    known = np.isfinite(reach)
    return Caps(np.where(known, middle, 0.0), np.where(known, reach, np.pi))
