"""The rim of the sky in a window of pixels, where it is an ellipse: one run of pixels in each row."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..core.arrays import Bools, Indices, Ints
from ..pixels.paint import paint_spans
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from .lattice import Grid

__all__ = ["SkyRows", "sky_by_rows"]


class SkyRows(NamedTuple):
    """Which pixels of a window are on the sky: in each row those from ``start`` on and before ``stop``, and
    some within rounding of the rim, at ``y`` and ``x``; of all from the window's corner.
    """

    shape: tuple[int, int]
    start: Ints
    stop: Ints
    y: Indices
    x: Indices

    def values(self) -> Bools:
        """Which pixels are on the sky, of the window's shape.

        Examples
        --------
        >>> row, none = np.array([0]), np.array([], dtype=int)
        >>> SkyRows((1, 4), row + 1, row + 3, none, none).values().tolist()
        [[False, True, True, False]]
        """
        out = np.zeros(self.shape, dtype=bool)
        self._set(out, self.start, self.stop, 1)
        out[self.y, self.x] = True
        return out

    def clear(self, out: Bools) -> None:
        """Unselect what is off the sky, in a part of a C-contiguous array that is of the window's shape.

        Examples
        --------
        >>> row, out = np.array([0]), np.ones((1, 4), dtype=bool)
        >>> SkyRows((1, 4), row + 1, row + 2, row, row + 3).clear(out)
        >>> out.tolist()
        [[False, True, False, True]]
        """
        near = out[self.y, self.x]
        self._set(out, np.zeros_like(self.start), self.start, 0)
        self._set(out, self.stop, np.full_like(self.stop, self.shape[1]), 0)
        out[self.y, self.x] = near

    def _set(self, out: Bools, start: Ints, stop: Ints, value: int) -> None:
        row = np.flatnonzero(start < stop)
        paint_spans(out, row, start[row], stop[row], value)


def sky_by_rows(geom: Grid, window: Window) -> SkyRows | None:
    """Which pixels of a window are on the sky; None where the sky is not known to be an ellipse.

    Arithmetic decides all but the pixels within rounding of the rim, which wcslib is asked for.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> geom = WcsGeom.allsky(binsz=5, proj="AIT")
    >>> int(sky_by_rows(geom, Window(0, 36, 0, 72)).values().sum())
    1648
    """
    y0, y1, x0, x1 = window
    chords = geom.chords(np.arange(y0, y1))
    if chords is None:
        return None
    # A row that does not cross has no first column: one behind the last, so that nothing lies between.
    empty = np.array([x1, x1, x1 - 1, x1 - 1])[:, None]
    first, sure, last_sure, last = np.clip(np.where(np.isnan(chords), empty, chords), x0 - 1, x1)
    columns = [np.ceil(first), np.ceil(sure), np.floor(last_sure), np.floor(last)]
    low, inner, inner_last, high = (each.astype(np.int64) - x0 for each in columns)
    low, high = np.maximum(low, 0), np.minimum(high, x1 - x0 - 1)
    none = inner > inner_last
    inner, inner_last = np.where(none, high + 1, inner), np.where(none, high, inner_last)
    near = (low, np.minimum(inner, high + 1)), (np.maximum(inner_last + 1, low), high + 1)
    y, x = (
        np.concatenate(each)
        for each in zip(
            *(ragged_ranges(start, np.maximum(stop - start, 0)) for start, stop in near), strict=True
        )
    )
    known = np.flatnonzero(np.isfinite(geom.lonlat(y + y0, x + x0)[0]))
    start = np.clip(inner, 0, x1 - x0)
    stop = np.clip(inner_last + 1, start, x1 - x0)
    return SkyRows(window.shape, start, stop, y[known], x[known])
