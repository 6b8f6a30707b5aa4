"""True angles to the nearest selected pixel on the diagonals of a lattice, where these are parallels.

The cells of HEALPix between its polar caps lie on iso-latitude rings at equal steps of longitude, those of
every other ring half a step further: the lower envelope of rows serves there, see
`maskexpr.growth.envelope`. Diagonals are the pixels of one sum of row and column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Ints
from ..grid.lattice import Belt
from ..grid.tiles import Tile
from ..pixels.window import Window
from .envelope import Part, Rows, columns_within, envelope
from .shape import Selection

__all__ = ["Diagonals", "diagonals_of"]

# Diagonals that are measured together.
_STRIP = 512
# Diagonals within the limit to either side up to which all are compared.
_MOST = 64
# Angles that rounding may bring within the limit, radians.
_ROUNDING = 1e-9


class Diagonals(NamedTuple):
    """The diagonals of a tile, sums of row and column from ``first`` to before ``stop``, of which all within
    the limit are in the belt: as many as ``reach`` to either side, and ``most`` columns.
    """

    tile: Tile
    belt: Belt
    limit: float
    first: int
    stop: int
    reach: int
    most: int

    def holds(self, bounds: Ints) -> Bools:
        """Which windows, shape (4, n), lie on them as a whole."""
        y0, y1, x0, x1 = bounds
        return np.asarray((y0 + x0 >= self.first) & (y1 + x1 - 2 < self.stop))

    @property
    def here(self) -> Bools:
        """Which pixels of the tile lie on them, shape (ny, nx)."""
        y0, y1, x0, x1 = self.tile.window
        y, x = np.arange(y0, y1)[:, None], np.arange(x0, x1)
        return np.asarray((x >= self.first - y) & (x < self.stop - y))

    def around(self, selection: Selection) -> tuple[Window, Bools]:
        """The tile and all that is near its diagonals, and what is selected there."""
        window = self.tile.window.pad(self.reach // 2 + self.most + 1)
        out = np.zeros(window.shape, dtype=bool)
        for turn in (-self.belt.turn, 0, self.belt.turn):
            there = window.shift(turn, -turn).intersect(self.tile.geom.lattice)
            if there.size:
                at = there.shift(-turn - window.y0, turn - window.x0)
                out[at.y0 : at.y1, at.x0 : at.x1] |= selection.values(self.tile.on(there))
        return window, out

    def parts(self, window: Window, selected: Bools) -> Iterator[Part]:
        """See `maskexpr.growth.distance.Near`, of what is selected in a window round the tile."""
        for first in range(self.first, self.stop, _STRIP):
            yield from self._strip(first, min(first + _STRIP, self.stop), window, selected)

    def _strip(self, first: int, stop: int, window: Window, selected: Bools) -> Iterator[Part]:
        y0, y1, x0, x1 = self.tile.window
        total = np.arange(first, stop)
        low = (total >> 1) - np.minimum(y1 - 1, total - x0)
        high = (total >> 1) - np.maximum(y0, total - x1 + 1) + 1
        left, right = int(low.min()), int(high.max())
        others = np.arange(first - self.reach, stop + self.reach)
        lat, other = self.belt.lat_of(total), self.belt.lat_of(others)
        near = _straightened(selected, window, others, left - self.most - 1, right + self.most + 1)
        near[np.isnan(other)] = False
        column = np.arange(left, right)
        wanted = (column >= low[:, None]) & (column < high[:, None])
        wanted &= ~near[self.reach : self.reach + len(total), 1 + self.most : -1 - self.most]
        rows = Rows(lat, other, self.belt.step, 1 - 2 * (others & 1))
        for (block, columns), angles in envelope(near, rows, self.limit, wanted):
            row, at = np.nonzero((angles < self.limit) & wanted[block, columns])
            y = (total[block] >> 1)[row] - column[columns[at]]
            yield (y - y0, total[block][row] - y - x0), angles[row, at]


def diagonals_of(tile: Tile, limit: float) -> Diagonals | None:
    """The diagonals of a tile that can be measured together; None if there are none."""
    belt = tile.geom.belt
    if belt is None:
        return None
    y0, y1, x0, x1 = tile.window
    # Latitudes change least where the belt is widest, in its middle.
    middle = (belt.first + belt.stop) // 2
    south, north = belt.lat_of(np.array([middle, middle + 1]))
    reach = int((limit + _ROUNDING) / abs(north - south)) + 1
    first, stop = max(y0 + x0, belt.first), min(y1 + x1 - 1, belt.stop)
    if reach > _MOST or first >= stop:
        return None
    lat = belt.lat_of(np.arange(first, stop))
    ends = np.sort(belt.lat_of(np.array([belt.first, belt.stop - 1])))
    margin = limit + _ROUNDING
    held = np.flatnonzero((lat - margin >= ends[0]) & (lat + margin <= ends[1]))
    if not len(held):
        return None
    most = int(columns_within(lat[held], belt.step, limit).max())
    # An even number, so that every other diagonal of the tile's is one of those round it.
    return Diagonals(
        tile, belt, limit, first + int(held[0]), first + int(held[-1]) + 1, reach + reach % 2, most
    )


def _straightened(values: Bools, window: Window, totals: Ints, left: int, right: int) -> Bools:
    """Diagonals of a window as rows, from a column to before another; False beyond the window, and in the
    first and the last column. In column 0 of a diagonal column and row are the same, or the column is one
    more.
    """
    out = np.zeros((len(totals), right - left), dtype=bool)
    y0, y1, x0, x1 = window
    flipped = values[::-1]
    for row, total in enumerate(totals.tolist()):
        # From the last row of the window, or from its first column.
        y = min(y1 - 1, total - x0)
        start = (total >> 1) - y - left
        if y < y0 or total - y >= x1:
            continue
        found = flipped.diagonal(total - x0 - (y1 - 1))
        skip = max(-start, 0)
        found = found[skip : max(out.shape[1] - start, 0)]
        out[row, start + skip : start + skip + len(found)] = found
    out[:, [0, -1]] = False
    return out
