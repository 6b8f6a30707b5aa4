"""Windows of the lattice read from arrays of HEALPix cells, which lie in nested order in one dimension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools
from ..grid.healpix.geom import HpxGeom
from ..grid.healpix.layout import from_nested
from ..grid.healpix.staircase import cells_in
from ..pixels.window import Window
from .formats import StoredMap

__all__ = ["planes_of_cells", "read_cells"]

Load = Callable[[int, int], NDArray[Any]]
"""Values of the cells from one place of an array up to another, along its last dimension."""

# Cells that are loaded at once, where some of them are wanted: a square of 256 x 256.
_PIECE = 16


def read_cells(geom: HpxGeom, window: Window, load: Load) -> NDArray[Any]:
    """Values of the pixels of a window, shape (..., ny, nx); of any value where the map has no cell.

    Parameters
    ----------
    geom : HpxGeom
        The grid of the array.
    window : Window
        Within its image.
    load : callable
        Loads pieces of the array.

    Examples
    --------
    >>> array = np.arange(12)
    >>> read_cells(HpxGeom(order=0), Window(3, 5, 0, 2), lambda first, end: array[first:end])
    array([[8, 5],
           [4, 0]])
    """
    square = _square(geom, window)
    if square is not None:
        values = load(*square)
        if values.ndim == 1:
            return from_nested(values)
    place = geom.cells.positions(cells_in(geom.order, window))
    known = place >= 0
    first = int(place[known].min()) if known.any() else 0
    last = int(place.max()) if known.any() else -1
    if last - first < place.size:
        # All that lies between is hardly more than what is wanted.
        values = load(first, last + 1)
        if not values.shape[-1]:
            return np.zeros((*values.shape[:-1], *window.shape), dtype=values.dtype)
        return values[..., np.where(known, place - first, 0)]
    piece = (place >> _PIECE) - (first >> _PIECE)
    wanted = np.zeros((last >> _PIECE) - (first >> _PIECE) + 1, dtype=bool)
    wanted[piece[known]] = True
    values = _joined([load(*each) for each in _spans(wanted, first >> _PIECE, geom.cells.number)])
    # Where each piece begins in what was loaded.
    begin = np.cumsum(wanted) - 1 << _PIECE
    inside = place & (1 << _PIECE) - 1
    return np.asanyarray(values[..., np.where(known, begin[np.where(known, piece, 0)] + inside, 0)])


def planes_of_cells(stored: StoredMap, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
    """A window of the lattice of several planes of a stored map, shape (planes..., ny, nx), by runs of its
    array.
    """

    def load(first: int, end: int) -> NDArray[Any]:
        values = stored.read_array(planes, Window(0, 1, first, end))
        return np.asanyarray(values[..., 0, :])

    assert isinstance(stored.geom, HpxGeom)
    return read_cells(stored.geom, window, load)


def _square(geom: HpxGeom, window: Window) -> tuple[int, int] | None:
    """The places of the cells of a window that is a parent cell of which the map has all."""
    side = window.shape[0]
    if side != window.shape[1] or side & (side - 1) or window.y0 % side or window.x0 % side:
        return None
    # Faces beside each other on the lattice are not in the order of a parent cell.
    if side > 1 << geom.order:
        return None
    first = int(cells_in(geom.order, Window(window.y0, window.y0 + 1, window.x0, window.x0 + 1))[0, 0])
    if first < 0:
        return None
    places = geom.cells.rank(np.array([first, first + side * side]))
    start, end = places.tolist()
    return (start, end) if end - start == side * side else None


def _spans(wanted: Bools, first: int, number: int) -> list[tuple[int, int]]:
    """Runs of pieces that are wanted, as places of cells."""
    edges = np.flatnonzero(np.diff(wanted, prepend=False, append=False))
    starts, ends = (edges[0::2] + first) << _PIECE, (edges[1::2] + first) << _PIECE
    return list(zip(starts.tolist(), np.minimum(ends, number).tolist(), strict=True))


def _joined(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Parts one after the other; numpy.ma's own function keeps masks."""
    join: Any = np.ma.concatenate if any(np.ma.isMA(each) for each in parts) else np.concatenate
    joined: NDArray[Any] = join(parts, axis=-1)
    return joined
