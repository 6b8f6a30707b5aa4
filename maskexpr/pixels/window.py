"""Windows of pixels: half-open ranges of rows and columns, on or beyond a map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Indices, Ints
from .ragged import ragged_ranges

__all__ = ["Window", "cut", "equal_parts"]


class Window(NamedTuple):
    """Rows ``y0 <= y < y1`` and columns ``x0 <= x < x1``; indices may be negative.

    Examples
    --------
    >>> Window(0, 10, 0, 20).intersect(Window(5, 15, -5, 5))
    Window(y0=5, y1=10, x0=0, x1=5)
    """

    y0: int
    y1: int
    x0: int
    x1: int

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx), never negative.

        Examples
        --------
        >>> Window(2, 5, 7, 7).shape
        (3, 0)
        """
        return max(0, self.y1 - self.y0), max(0, self.x1 - self.x0)

    @property
    def size(self) -> int:
        """Number of pixels."""
        ny, nx = self.shape
        return ny * nx

    def intersect(self, other: Window) -> Window:
        """Pixels that are in both; of size 0 where there are none.

        Examples
        --------
        >>> Window(0, 2, 0, 2).intersect(Window(5, 9, 0, 2)).size
        0
        """
        y0, x0 = max(self.y0, other.y0), max(self.x0, other.x0)
        return Window(y0, max(y0, min(self.y1, other.y1)), x0, max(x0, min(self.x1, other.x1)))

    def pad(self, rows: int, columns: int | None = None) -> Window:
        """The window with a margin on each side; ``columns`` is ``rows`` unless given.

        Examples
        --------
        >>> Window(0, 2, 0, 2).pad(1)
        Window(y0=-1, y1=3, x0=-1, x1=3)
        """
        columns = rows if columns is None else columns
        return Window(self.y0 - rows, self.y1 + rows, self.x0 - columns, self.x1 + columns)

    def shift(self, rows: int, columns: int) -> Window:
        """The window moved.

        Examples
        --------
        >>> Window(0, 2, 0, 2).shift(1, -1)
        Window(y0=1, y1=3, x0=-1, x1=1)
        """
        return Window(self.y0 + rows, self.y1 + rows, self.x0 + columns, self.x1 + columns)

    def within(self, other: Window) -> tuple[slice, slice]:
        """Where the window lies in the array of one that holds it.

        Examples
        --------
        >>> Window(1, 3, 0, 2).within(Window(0, 4, -5, 5))
        (slice(1, 3, None), slice(5, 7, None))
        """
        y0, y1, x0, x1 = self.shift(-other.y0, -other.x0)
        return slice(y0, y1), slice(x0, x1)


def equal_parts(length: int, number: int) -> list[int]:
    """A length in about equal parts.

    Examples
    --------
    >>> equal_parts(10, 3)
    [3, 3, 4]
    """
    return [length * (i + 1) // number - length * i // number for i in range(number)]


def cut(bounds: Ints, side: int | Ints) -> tuple[Ints, Indices]:
    """Blocks of at most ``side`` x ``side`` pixels of windows, from their first corners, and the window that
    each is a block of.
    """
    y0, y1, x0, x1 = bounds
    rows = -(-(y1 - y0) // side)
    columns = -(-(x1 - x0) // side)
    parent, within = ragged_ranges(0, rows * columns)
    side = side if isinstance(side, int) else side[parent]
    row, column = np.divmod(within, columns[parent])
    top = y0[parent] + row * side
    left = x0[parent] + column * side
    bottom = np.minimum(top + side, y1[parent])
    right = np.minimum(left + side, x1[parent])
    return np.stack([top, bottom, left, right]), parent
