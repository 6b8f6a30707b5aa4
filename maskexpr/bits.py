"""Masks in the plane of pixels: the rows of shapes, and rows as runs. Knows arrays and nothing of the sky."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Runs", "add_spans", "box_widths", "covered", "disk_widths", "paint", "runs"]

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

# Relative: a radius that is an angle over a pixel scale (0.2 deg / 0.02 deg) must reach the pixel it means to
# reach.
_TIE = 1e-9
_ROWS = 64


class Runs(NamedTuple):
    """Runs of selected pixels along rows: ``start <= x < stop``, ordered by row and start."""

    row: Ints
    start: Ints
    stop: Ints


def disk_widths(radius_y: float, radius_x: float) -> Ints:
    """Half-widths of the rows of an ellipse of pixels, from its middle row (the first) outwards.

    The pixels are those with ``(dy / radius_y)^2 + (dx / radius_x)^2 <= 1``, which for equal radii is the
    disk ``dy^2 + dx^2 <= radius^2``; what is on the rim to a part in 10^9 is in.

    Parameters
    ----------
    radius_y, radius_x : float
        In pixels, at least 0.

    Examples
    --------
    >>> disk_widths(2, 2).tolist()
    [2, 1, 0]
    """
    rows = np.arange(math.floor(radius_y * (1 + _TIE)) + 1)
    # 0 <= rows <= radius, and where the radius is below a pixel the only row is 0.
    part = rows / radius_y if radius_y >= 1 else rows * 0.0
    widths = np.floor(radius_x * np.sqrt(np.maximum(1 + _TIE - part * part, 0.0)) + _TIE)
    return widths.astype(np.int64)


def box_widths(half_y: float, half_x: float) -> Ints:
    """Half-widths of the rows of a box, as `disk_widths`; the half-sides are in pixels.

    Examples
    --------
    >>> box_widths(1, 3.5).tolist()
    [3, 3]
    """
    rows = math.floor(half_y * (1 + _TIE)) + 1
    return np.full(rows, math.floor(half_x * (1 + _TIE)), dtype=np.int64)


def runs(mask: Bools) -> Runs:
    """Runs of selected pixels of each row.

    Examples
    --------
    >>> [each.tolist() for each in runs(np.array([[1, 1, 0, 1]], dtype=bool))]
    [[0, 0], [0, 3], [2, 4]]
    """
    ny, nx = mask.shape
    edge = np.empty((ny, nx + 1), dtype=bool)
    edge[:, 0] = mask[:, 0] if nx else False
    edge[:, nx] = mask[:, nx - 1] if nx else False
    np.not_equal(mask[:, 1:], mask[:, :-1], out=edge[:, 1:nx])
    flat = np.flatnonzero(edge)
    row, column = np.divmod(flat, nx + 1)
    return Runs(row[::2], column[::2], column[1::2])


def paint(shape: tuple[int, int], spans: Runs) -> Bools:
    """The union of spans, which may overlap and reach beyond the array.

    Examples
    --------
    >>> spans = Runs(np.array([0, 0]), np.array([-2, 1]), np.array([1, 3]))
    >>> paint((1, 4), spans).astype(int).tolist()
    [[1, 1, 1, 0]]
    """
    ny, nx = shape
    depth = np.zeros((ny, nx + 1), dtype=np.int32)
    add_spans(depth, spans)
    return covered(depth)


def add_spans(depth: NDArray[np.int32], spans: Runs) -> None:
    """Count spans into the differences that `covered` sums: +1 where one starts, -1 where it stops."""
    nx = depth.shape[1] - 1
    start = np.clip(spans.start, 0, nx)
    stop = np.clip(spans.stop, 0, nx)
    some = start < stop
    base = spans.row[some] * (nx + 1)
    flat = depth.reshape(-1)
    np.add.at(flat, base + start[some], np.int32(1))
    np.add.at(flat, base + stop[some], np.int32(-1))


def covered(depth: NDArray[np.int32]) -> Bools:
    """Pixels in at least one of the spans counted into ``depth``, shape (ny, nx)."""
    ny, nx = depth.shape[0], depth.shape[1] - 1
    out = np.empty((ny, nx), dtype=bool)
    # A few rows at a time, so that the sums stay in the cache.
    sums = np.empty((_ROWS, nx), dtype=np.int32)
    for first in range(0, ny, _ROWS):
        rows = depth[first : first + _ROWS, :-1]
        np.cumsum(rows, axis=1, out=sums[: len(rows)])
        np.greater(sums[: len(rows)], 0, out=out[first : first + _ROWS])
    return out
