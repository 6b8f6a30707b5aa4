"""Few disjoint rectangles that hold some windows: cells of one size, runs of them, runs stacked on runs."""

from __future__ import annotations

import numpy as np

from ..core.arrays import Ints, distinct

__all__ = ["areas", "disjoint", "without"]

# Sides of the cells, the largest first.
_SIDES = (512, 256, 128, 64, 32, 16, 8, 4, 2, 1)
# Cells that are listed at once: more of them are made larger.
_CELLS = 1 << 16
# Rectangles may hold so many times the pixels that are wanted, and so many more.
_WASTE, _MORE = 1.15, 256
# What holds them all and is hardly larger than one of them is taken as it is.
_HARDLY = 1.1
# Pixels that are as dear as another rectangle.
_EACH = 1 << 15


def areas(bounds: Ints) -> Ints:
    """Pixels of windows, given as rows of ``y0, y1, x0, x1``."""
    return np.asarray((bounds[1] - bounds[0]) * (bounds[3] - bounds[2]))


def disjoint(bounds: Ints, free: int = 0, each: int = _EACH) -> Ints:
    """Rectangles that together hold all windows and do not overlap; not many, and not much more than needed.

    Parameters
    ----------
    bounds : ndarray of int64, shape (4, n)
        ``y0, y1, x0, x1`` of each window, half open.
    free : int
        So many pixels are not too many, however few are needed.
    each : int
        Another rectangle is as dear as so many pixels.

    Returns
    -------
    ndarray of int64, shape (4, m)

    Examples
    --------
    >>> disjoint(np.array([[0, 10, 0, 10], [0, 10, 8, 20], [500, 504, 0, 4]]).T).T.tolist()
    [[0, 10, 0, 20], [500, 504, 0, 4]]
    """
    bounds = _outside_largest(bounds[:, areas(bounds) > 0])
    if bounds.shape[1] < 2:
        return bounds
    box = np.array([bounds[0].min(), bounds[1].max(), bounds[2].min(), bounds[3].max()])
    if int(areas(box)) <= _HARDLY * int(areas(bounds).max()):
        return box[:, None]
    finest = _SIDES[-1]
    while int(areas(bounds).sum()) > _CELLS * finest * finest:
        finest *= 2
    exact = _as_rectangles(bounds, finest, box)
    found = [exact, box[:, None], *(_as_rectangles(bounds, side, box) for side in _SIDES if side > finest)]
    sizes = [int(areas(some).sum()) for some in found]
    most = max(_WASTE * sizes[0] + _MORE, free)
    cost = [
        size + each * some.shape[1] if size <= most else np.inf
        for some, size in zip(found, sizes, strict=True)
    ]
    return found[int(np.argmin(cost))]


def without(window: Ints, taken: Ints) -> Ints:
    """The parts of a window, shape (4,), that are in none of some disjoint windows, shape (4, n).

    Examples
    --------
    >>> without(np.array([0, 4, 0, 9]), np.array([[0, 4, 0, 6]]).T).T.tolist()
    [[0, 4, 6, 9]]
    """
    left = window[:, None]
    for y0, y1, x0, x1 in taken.T:
        low_y, high_y = np.clip(y0, left[0], left[1]), np.clip(y1, left[0], left[1])
        low_x, high_x = np.clip(x0, left[2], left[3]), np.clip(x1, left[2], left[3])
        left = np.concatenate(
            [
                np.stack([left[0], low_y, left[2], left[3]]),
                np.stack([high_y, left[1], left[2], left[3]]),
                np.stack([low_y, high_y, left[2], low_x]),
                np.stack([low_y, high_y, high_x, left[3]]),
            ],
            axis=1,
        )
        left = left[:, areas(left) > 0]
    return left


def _outside_largest(bounds: Ints) -> Ints:
    """The largest window, and those that do not lie in it."""
    if bounds.shape[1] < 2:
        return bounds
    largest = int(np.argmax(areas(bounds)))
    y0, y1, x0, x1 = bounds[:, largest]
    within = (bounds[0] >= y0) & (bounds[1] <= y1) & (bounds[2] >= x0) & (bounds[3] <= x1)
    within[largest] = False
    return bounds[:, ~within]


def _as_rectangles(bounds: Ints, side: int, box: Ints) -> Ints:
    """The cells of a side that windows touch, put together to rectangles within a box."""
    row, column = _cells(bounds, side)
    row, start, stop = _runs(row, column)
    y0, y1, x0, x1 = _stacked(row, start, stop) * side
    return np.stack(
        [np.maximum(y0, box[0]), np.minimum(y1, box[1]), np.maximum(x0, box[2]), np.minimum(x1, box[3])]
    )


def _cells(bounds: Ints, side: int) -> tuple[Ints, Ints]:
    """Rows and columns of the cells that windows touch, each once, row after row."""
    y0, x0 = bounds[0] // side, bounds[2] // side
    rows, columns = (bounds[1] - 1) // side + 1 - y0, (bounds[3] - 1) // side + 1 - x0
    number = rows * columns
    parent = np.repeat(np.arange(len(number)), number)
    within = np.arange(len(parent)) - np.repeat(np.cumsum(number) - number, number)
    row, column = np.divmod(within, columns[parent])
    row, column = row + y0[parent], column + x0[parent]
    first = int(column.min())
    wide = int(column.max()) - first + 2
    found = distinct(row * wide + (column - first))
    row, column = np.divmod(found, wide)
    return row, column + first


def _runs(row: Ints, column: Ints) -> tuple[Ints, Ints, Ints]:
    """Runs of cells that are next to each other in a row: their row, first cell and the one after the
    last.
    """
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1] + 1)
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(row)) - 1
    return row[first], column[first], column[last] + 1


def _stacked(row: Ints, start: Ints, stop: Ints) -> Ints:
    """Equal runs in rows one after the other as one rectangle each."""
    order = np.lexsort((row, stop, start))
    row, start, stop = row[order], start[order], stop[order]
    begins = np.ones(len(row), dtype=bool)
    begins[1:] = (start[1:] != start[:-1]) | (stop[1:] != stop[:-1]) | (row[1:] != row[:-1] + 1)
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(row)) - 1
    found = np.stack([row[first], row[last] + 1, start[first], stop[first]])
    return found[:, np.lexsort((found[2], found[0]))]
