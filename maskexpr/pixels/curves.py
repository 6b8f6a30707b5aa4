"""Closed curves in the plane of pixels, filled row by row where they are known to some error only.

Of each curve there is a closed polygon that it can be moved into while no point of it moves further than the
error. So both go round the same pixels, but for those nearer than the error to the polygon: these are asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Ints, distinct
from .paint import RowRuns
from .ragged import ragged_ranges

__all__ = ["FARTHEST", "MOST", "Curves", "fill_curves"]

FARTHEST: Final = 1 << 24
"""Indices of pixels up to which curves may reach."""
MOST: Final = 1 << 11
"""Shapes that can be filled together: so many times the pixels up to there can be numbered in 64 bits."""


class Curves(NamedTuple):
    """n closed curves in the plane of pixels, by polygons of m vertices that they are near.

    Attributes
    ----------
    y, x : ndarray, shape (n, m)
        Vertices of the polygons.
    error : ndarray, shape (n,)
        How far, in pixels, the curves may be from the polygons.
    shape : ndarray of int, shape (n,)
        What each is the rim of, or one of several rims: inside is what an odd number of them goes round.
    """

    y: Floats
    x: Floats
    error: Floats
    shape: Ints

    def take(self, some: Ints | Bools) -> Curves:
        """Some of the curves."""
        return Curves(self.y[some], self.x[some], self.error[some], self.shape[some])


def fill_curves(curves: Curves, ask: Callable[[Ints, Ints, Ints], Bools]) -> RowRuns:
    """Runs of pixels inside curves; those of different shapes may overlap.

    Parameters
    ----------
    curves : Curves
        Of at most `MOST` shapes, no further than `FARTHEST` from the first pixel.
    ask : callable
        Whether pixels are in shapes, from the numbers of these, rows and columns.

    Examples
    --------
    >>> corners = np.array([[0.5, 0.5, 2.5, 2.5]]), np.array([[0.5, 3.5, 3.5, 0.5]])
    >>> box = Curves(*corners, np.array([1e-6]), np.array([0]))
    >>> [each.tolist() for each in fill_curves(box, lambda shape, y, x: x > 0)]
    [[1, 2], [1, 1], [4, 4]]
    """
    if not len(curves.y):
        none = np.empty(0, dtype=np.int64)
        return none, none, none
    box = _Box.of(curves)
    pairs = _pairs(curves)
    toggles, asked = box.toggles(pairs), box.pixels(pairs)
    shape, row, column = box.places(asked)
    wrong = asked[ask(shape, row, column) != (np.searchsorted(toggles, asked, side="right") % 2 == 1)]
    if len(wrong):
        # Ascending parts are merged in linear time.
        toggles = np.sort(np.concatenate([toggles, wrong, wrong + 1]), kind="stable")
    return box.runs(toggles)


class _Pairs(NamedTuple):
    """Pairs of an edge and a row that it comes near.

    Attributes
    ----------
    shape, row : ndarray of int
    crosses : ndarray of bool
        Whether the edge crosses the row, of which it holds the lower end and not the upper one.
    column : ndarray
        Where it does.
    low, high : ndarray
        Between which columns pixels may be nearer to the edge than the error.
    """

    shape: Ints
    row: Ints
    crosses: Bools
    column: Floats
    low: Floats
    high: Floats


def _pairs(curves: Curves) -> _Pairs:
    y0, x0 = curves.y, curves.x
    y1, x1 = (np.concatenate([each[:, 1:], each[:, :1]], axis=1) for each in (y0, x0))
    error = curves.error[:, None]
    bottom, top = np.minimum(y0, y1), np.maximum(y0, y1)
    first = np.ceil(bottom - error)
    number = (np.floor(top + error) - first).astype(np.int64) + 1
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(y0 == y1, 0.0, (x1 - x0) / (y1 - y0))
    edge, row = ragged_ranges(first.astype(np.int64).ravel(), number.ravel())
    begin, start, slope, bottom, top = (each.ravel()[edge] for each in (y0, x0, slope, bottom, top))
    which = edge // y0.shape[1]
    wide = curves.error[which]
    # An edge that is level is near all along.
    far = np.where(bottom == top, x1.ravel()[edge], start)
    ends = [start + (np.clip(row - wide, bottom, top) - begin) * slope]
    ends.append(far + (np.clip(row + wide, bottom, top) - begin) * slope)
    low, high = np.minimum(*ends) - wide, np.maximum(*ends) + wide
    crosses = (bottom <= row) & (row < top)
    return _Pairs(curves.shape[which], row, crosses, start + (row - begin) * slope, low, high)


class _Box(NamedTuple):
    """Rows and columns that hold some curves; a number for every pixel of it, for every shape."""

    y0: int
    x0: int
    rows: int
    columns: int

    @classmethod
    def of(cls, curves: Curves) -> _Box:
        """The box of some curves."""
        widest = float(curves.error.max()) + 1.0
        y0, x0 = (int(np.floor(each.min() - widest)) for each in (curves.y, curves.x))
        y1, x1 = (int(np.ceil(each.max() + widest)) for each in (curves.y, curves.x))
        # One column more for where a run stops.
        return cls(y0, x0, y1 - y0 + 1, x1 - x0 + 2)

    def _number(self, shape: Ints, row: Ints, column: Ints) -> Ints:
        return np.asarray((shape * self.rows + (row - self.y0)) * self.columns + (column - self.x0))

    def toggles(self, pairs: _Pairs) -> Ints:
        """The first pixels behind crossings, ascending; an even number of them in any row of a shape."""
        some = pairs.crosses
        column = np.ceil(pairs.column[some]).astype(np.int64)
        found = self._number(pairs.shape[some], pairs.row[some], column)
        found.sort()
        return found

    def pixels(self, pairs: _Pairs) -> Ints:
        """The pixels that may be nearer to edges than the error, ascending, each once."""
        low, high = np.ceil(pairs.low), np.floor(pairs.high)
        some = np.flatnonzero(low <= high)
        first = low[some].astype(np.int64)
        which, column = ragged_ranges(first, high[some].astype(np.int64) - first + 1)
        return distinct(self._number(pairs.shape[some][which], pairs.row[some][which], column))

    def places(self, number: Ints) -> tuple[Ints, Ints, Ints]:
        """Shapes, rows and columns of pixels by their numbers."""
        line, column = np.divmod(number, self.columns)
        shape, row = np.divmod(line, self.rows)
        return shape, row + self.y0, column + self.x0

    def runs(self, toggles: Ints) -> RowRuns:
        """The runs between toggles, of which every row of a shape has an even number."""
        start, stop = toggles[::2], toggles[1::2]
        some = start < stop
        _, row, column = self.places(start[some])
        return row, column, column + (stop[some] - start[some])
