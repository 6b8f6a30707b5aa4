"""The rim of the sky in a window of pixels, where it is an ellipse: one run of pixels in each row."""

from __future__ import annotations

import numpy as np

from ..core.arrays import Bools
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from .lattice import Grid

__all__ = ["sky_by_rows"]


def sky_by_rows(geom: Grid, window: Window) -> Bools | None:
    """Which pixels of a window are on the sky, shape (ny, nx); None where the sky is not known to be an
    ellipse.

    Arithmetic decides all but the pixels within rounding of the rim, which wcslib is asked for.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> geom = WcsGeom.allsky(binsz=5, proj="AIT")
    >>> int(sky_by_rows(geom, Window(0, 36, 0, 72)).sum())
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
    out = np.zeros(window.shape, dtype=bool)
    for row, start, stop in zip(out, np.maximum(inner, 0).tolist(), (inner_last + 1).tolist(), strict=True):
        row[start : max(stop, start)] = True
    for start, stop in ((low, np.minimum(inner, high + 1)), (np.maximum(inner_last + 1, low), high + 1)):
        y, x = ragged_ranges(start, np.maximum(stop - start, 0))
        out[y, x] = np.isfinite(geom.lonlat(y + y0, x + x0)[0])
    return out
