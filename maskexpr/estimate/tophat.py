"""Sums of a map over a disk of pixels, by adding runs of rows that double in length.

Every pixel's sum is the same sequence of additions of its neighbours wherever the pixel lies in an array, so
a sum never depends on how a map is cut into tiles. Nothing is subtracted, so a bright pixel leaves no
rounding error on its neighbours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["TopHat", "sum_whole"]


class Level(NamedTuple):
    """Rows of a disk that are equally wide: ``first <= |dy| <= last``, columns ``|dx| <= half``."""

    half: int
    first: int
    last: int


class TopHat:
    """The disk of pixels ``dx^2 + dy^2 <= radius^2``, as `astropy.convolution.Tophat2DKernel` has it.

    Parameters
    ----------
    radius : float
        Pixels, zero or more.

    Examples
    --------
    >>> TopHat(1.0)(np.ones((5, 5), dtype=int)).tolist()
    [[5, 5, 5], [5, 5, 5], [5, 5, 5]]
    """

    def __init__(self, radius: float) -> None:
        self.radius = float(radius)
        self.levels = levels(self.radius)
        self.reach = self.levels[-1].half
        self.size = sum((2 * each.half + 1) * _rows(each) for each in self.levels)

    def __call__(
        self, window: NDArray[Any], dtype: DTypeLike | None = None, out_dtype: DTypeLike | None = None
    ) -> NDArray[Any]:
        """Sums over the disk round every pixel that lies ``reach`` pixels inside a window.

        Parameters
        ----------
        window : ndarray, shape (ny + 2 * reach, nx + 2 * reach)
            Values.
        dtype : dtype, optional
            Type in which they are added, which holds the sums; that of the window if not given.
        out_dtype : dtype, optional
            Type to which sums are rounded; that in which they are added if not given.

        Returns
        -------
        ndarray, shape (ny, nx)

        Notes
        -----
        Rows follow each other in memory and every shift is a shift along that line, so that each addition is
        one run over memory, twice as fast as row by row. What it makes of the margins, where a row runs into
        the next, is thrown away.
        """
        added = np.dtype(window.dtype if dtype is None else dtype)
        rounded = added if out_dtype is None else np.dtype(out_dtype)
        reach, width = self.reach, window.shape[1]
        ny, nx = (max(0, length - 2 * reach) for length in window.shape)
        if not ny or not nx:
            return np.empty((ny, nx), dtype=rounded)
        line = np.ascontiguousarray(window, dtype=added).reshape(-1)
        runs = _Doubling(line, 1)
        row = line[reach : line.size - reach].copy()
        total = np.zeros((ny, width), dtype=added)
        sums = total.reshape(-1)[: (ny - 1) * width + nx]
        half = 0
        for level in self.levels:
            for step in _powers(level.half - half):
                row += runs[step][reach - half - step :][: len(row)]
                row += runs[step][reach + half + 1 :][: len(row)]
                half += step
            columns = _Doubling(row, width)
            for first, length in _spans(level):
                for step in _powers(length):
                    sums += columns[step][(reach + first) * width :][: len(sums)]
                    first += step
        return total[:, :nx].astype(rounded)


def sum_whole(disk: TopHat, counts: NDArray[Any]) -> NDArray[Any]:
    """Sums over a disk in the smallest type that holds them: 16 bits are added five times as fast as 64.

    Examples
    --------
    >>> sum_whole(TopHat(1.0), np.ones((3, 3))).dtype
    dtype('int16')
    """
    largest = max(float(counts.max(initial=0)), -float(counts.min(initial=0))) * disk.size
    for dtype, limit in ((np.int16, 2.0**15), (np.int32, 2.0**31)):
        if largest < limit:
            whole = counts.astype(dtype)
            if np.array_equal(whole, counts):
                return disk(whole)
    return disk(counts, np.float64)


class _Doubling:
    """Sums of 1, 2, 4, 8... elements that are a stride apart, made when first asked for."""

    def __init__(self, values: NDArray[Any], stride: int) -> None:
        self._sums = {1: values}
        self._stride = stride

    def __getitem__(self, length: int) -> NDArray[Any]:
        if length not in self._sums:
            short, shift = self[length // 2], length // 2 * self._stride
            self._sums[length] = short[:-shift] + short[shift:]
        return self._sums[length]


@lru_cache(maxsize=64)
def levels(radius: float) -> tuple[Level, ...]:
    """The rows of a disk by their width, the narrowest (outermost) first.

    Examples
    --------
    >>> levels(2.0)
    (Level(half=0, first=2, last=2), Level(half=1, first=1, last=1), Level(half=2, first=0, last=0))
    """
    reach = int(radius)
    offset = np.arange(reach + 1)
    # The comparison is made as astropy makes it, so that a pixel on the rim falls on the same side.
    inside = offset[:, None] ** 2.0 + offset[None, :] ** 2.0 <= radius**2
    half = inside.sum(axis=1) - 1
    found = []
    for width in np.unique(half):
        rows = np.flatnonzero(half == width)
        found.append(Level(int(width), int(rows[0]), int(rows[-1])))
    return tuple(found)


def _rows(level: Level) -> int:
    return 2 * (level.last - level.first + 1) - (level.first == 0)


def _spans(level: Level) -> list[tuple[int, int]]:
    """First row and number of rows of the one or two runs of rows of a level, from the centre."""
    if level.first == 0:
        return [(-level.last, 2 * level.last + 1)]
    length = level.last - level.first + 1
    return [(-level.last, length), (level.first, length)]


def _powers(number: int) -> list[int]:
    """Powers of two that add up to a number, the largest first."""
    return [1 << bit for bit in range(number.bit_length() - 1, -1, -1) if number >> bit & 1]
