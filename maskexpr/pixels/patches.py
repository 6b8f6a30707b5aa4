"""Patches: values on a few disjoint windows, read and written as if they were one array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..core.arrays import Bools, Indices, Ints
from .paint import paint_spans
from .ragged import ragged_ranges
from .window import Window

__all__ = ["Patches"]


class Patches:
    """Boolean values on disjoint windows; False elsewhere.

    Parameters
    ----------
    windows : sequence of Window
        Without overlap.
    arrays : sequence of ndarray of bool, optional
        The values on each; all False unless given.

    Examples
    --------
    >>> patches = Patches([Window(0, 2, 0, 2), Window(0, 2, 5, 6)])
    >>> patches.fill(np.array([[0, 1, 1, 6]]).T)
    >>> patches.on(Window(0, 1, 0, 7)).astype(int).tolist()
    [[0, 1, 0, 0, 0, 1, 0]]
    """

    def __init__(self, windows: Sequence[Window], arrays: Sequence[Bools] | None = None) -> None:
        self.windows = list(windows)
        self.arrays = (
            [np.zeros(each.shape, dtype=bool) for each in windows] if arrays is None else list(arrays)
        )

    def __iter__(self) -> Iterator[tuple[Window, Bools]]:
        return zip(self.windows, self.arrays, strict=True)

    def on(self, window: Window) -> Bools:
        """The values on a window; a view where one of the windows holds it."""
        out = None
        for each, values in self:
            common = each.intersect(window)
            if not common.size:
                continue
            part = values[common.within(each)]
            if common == window:
                return part
            if out is None:
                out = np.zeros(window.shape, dtype=bool)
            out[common.within(window)] = part
        return np.zeros(window.shape, dtype=bool) if out is None else out

    def fill(self, bounds: Ints) -> None:
        """Select windows, given as rows of ``y0, y1, x0, x1``, as far as they are held."""
        for each, values in self:
            y0, y1, x0, x1 = bounds
            rows = np.clip(np.stack([y0, y1]) - each.y0, 0, each.shape[0])
            columns = np.clip(np.stack([x0, x1]) - each.x0, 0, each.shape[1])
            some = (rows[0] < rows[1]) & (columns[0] < columns[1])
            (low, high), (left, right) = rows[:, some], columns[:, some]
            which, row = ragged_ranges(low, high - low)
            paint_spans(values, row, left[which], right[which])

    def add(self, window: Window, values: Bools) -> None:
        """Select what is selected on one of the windows."""
        self.arrays[self.windows.index(window)] |= values

    def at(self, y: Ints, x: Ints) -> Bools:
        """The values at pixels."""
        out = np.zeros(len(y), dtype=bool)
        for each, values in self:
            here = _within(each, y, x)
            out[here] = values[y[here] - each.y0, x[here] - each.x0]
        return out

    def select(self, y: Ints, x: Ints) -> None:
        """Select pixels, as far as they are held."""
        for each, values in self:
            here = _within(each, y, x)
            values[y[here] - each.y0, x[here] - each.x0] = True


def _within(window: Window, y: Ints, x: Ints) -> Indices:
    return np.flatnonzero((y >= window.y0) & (y < window.y1) & (x >= window.x0) & (x < window.x1))
