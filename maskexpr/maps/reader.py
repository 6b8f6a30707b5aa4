"""Where a position or a pixel of one grid is on the grid of some data, and reading the data there."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Floats, Ints
from ..core.trace import count
from ..grid.lattice import OFF, Grid
from ..grid.tiles import Areas, Tiles
from ..io.sources import ArraySource, EmbeddedSource, FileSource, Source
from ..io.validity import normal
from ..pixels.window import Window
from ..sphere.vectors import TIE, Caps, angle_between, lonlat, rotate, rotation, unit

__all__ = ["Reader", "in_memory", "meets", "nearest", "offset"]

# Pixels a side of the pieces in which a file without chunks is read.
_SIDE = 512
# Pieces along a side of an image, at most.
_MOST = 1 << 12
# Pieces a side that bound where a map is.
_PARTS = 6


@lru_cache(maxsize=256)
def offset(geom: Grid, grid: Grid) -> tuple[int, int] | None:
    """What to add to pixel indices (y, x) of one grid to get those of another, if their lattice is one."""
    return geom.offset_in(grid)


def nearest(grid: Grid, frame: str, lon: Floats, lat: Floats) -> tuple[Ints, Ints]:
    """The pixel of a map that holds each position, -1 where the map does not.

    Parameters
    ----------
    frame : str
        Frame of the positions.
    lon, lat : ndarray
        Degrees; NaN off the sky.

    Returns
    -------
    y, x : ndarray of int64
        As of `WcsGeom.array_index`.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> geom = WcsGeom.create(npix=(2, 2), binsz=1, proj="TAN")
    >>> [v.tolist() for v in nearest(geom, "icrs", np.array([0.3, 40.0]), np.array([-0.2, 0.0]))]
    [[0, -1], [0, -1]]
    """
    if frame != grid.frame:
        lon, lat = lonlat(rotate(rotation(frame, grid.frame), unit(lon, lat)))
    return grid.array_index(lon, lat)


@lru_cache(maxsize=64)
def _footprint(grid: Grid) -> Caps:
    """Caps that hold everything that belongs to a map."""
    known = grid.extent()
    if known is not None:
        return known
    ny, nx = grid.image_shape
    rows = np.unique(np.linspace(0, ny, min(_PARTS, ny) + 1).astype(np.int64))
    columns = np.unique(np.linspace(0, nx, min(_PARTS, nx) + 1).astype(np.int64))
    y0, x0 = (each.ravel() for each in np.meshgrid(rows[:-1], columns[:-1], indexing="ij"))
    y1, x1 = (each.ravel() for each in np.meshgrid(rows[1:], columns[1:], indexing="ij"))
    # A pixel reaches beyond its centre; two more are on the safe side.
    caps = Tiles(grid, np.stack([y0 - 2, y1 + 2, x0 - 2, x1 + 2])).caps
    return caps.take(~(caps.radius < 0))


def meets(grid: Grid, areas: Areas) -> NDArray[np.bool_]:
    """Which areas may hold something that belongs to a map, shape (n,)."""
    if isinstance(areas, Tiles):
        shift = offset(areas.geom, grid)
        if shift is not None:
            return np.asarray(grid.covers(areas.bounds + np.repeat(shift, 2)[:, None]) != OFF)
    caps = _footprint(grid)
    centre = rotate(rotation(areas.frame, grid.frame), areas.caps.centre)
    out = np.zeros(len(areas), dtype=bool)
    for middle, radius in zip(caps.centre.T, caps.radius, strict=True):
        out |= ~(angle_between(centre, middle[:, None]) > areas.caps.radius + (radius + 4 * TIE))
    return out & ~(areas.caps.radius < 0)


class Reader:
    """Reads windows of a source, and scattered pixels, each piece of it once.

    Counts ``reads``, and of sources that are not an array in memory ``chunks_read``: the chunks (or, of a
    file without chunks, the pieces it is read in) that these reads touch.

    Parameters
    ----------
    plane : tuple of int
        Index along each non-spatial axis.
    """

    def __init__(self, source: Source, plane: tuple[int, ...]) -> None:
        self._source = source
        self._plane = plane

    def window(self, window: Window) -> NDArray[Any]:
        """Values of a window inside the map, shape (ny, nx)."""
        count("reads")
        if in_memory(self._source) is None:
            count("chunks_read", self._chunks(window))
        return self._source.read(window, self._plane)

    def pixels(self, y: Ints, x: Ints) -> NDArray[Any]:
        """Values of pixels inside the map, shape (n,)."""
        array = in_memory(self._source)
        if array is not None:
            count("reads")
            return normal(array[self._plane][self._source.open().geom.places(y, x)])
        rows, columns = _edges(self._source, self._source.open().geom)
        block = np.searchsorted(rows, y, side="right") * (len(columns) + 1)
        block += np.searchsorted(columns, x, side="right")
        # Numbers of 16 bits are sorted by counting.
        few = (len(rows) + 1) * (len(columns) + 1) < 1 << 16
        order = np.argsort(block.astype(np.uint16) if few else block, kind="stable")
        parts = [each for each in np.split(order, np.flatnonzero(np.diff(block[order])) + 1) if len(each)]
        values = [self._piece(y[some], x[some]) for some in parts]
        if not values:
            return np.empty(0, dtype=self._source.open().dtype.newbyteorder("="))
        # numpy.ma's own function keeps the masks of those pieces that have one.
        masked = any(isinstance(each, np.ma.MaskedArray) for each in values)
        join: Any = np.ma.concatenate if masked else np.concatenate
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        out: NDArray[Any] = join(values)[back]
        return out

    def _chunks(self, window: Window) -> int:
        """How many chunks, or pieces of the image, a window touches."""
        rows, columns = _edges(self._source, self._source.open().geom)
        y0, y1 = np.searchsorted(rows, [window.y0, window.y1 - 1], side="right").tolist()
        x0, x1 = np.searchsorted(columns, [window.x0, window.x1 - 1], side="right").tolist()
        return int((y1 - y0 + 1) * (x1 - x0 + 1))

    def _piece(self, y: Ints, x: Ints) -> NDArray[Any]:
        window = Window(int(y.min()), int(y.max()) + 1, int(x.min()), int(x.max()) + 1)
        values: NDArray[Any] = self.window(window)[y - window.y0, x - window.x0]
        return values


def in_memory(source: Source) -> NDArray[Any] | None:
    """The array of a source that is one in memory."""
    if isinstance(source, EmbeddedSource):
        return source.array
    if isinstance(source, ArraySource) and isinstance(source.array, np.ndarray):
        return source.array
    return None


def _edges(source: Source, geom: Grid) -> tuple[Ints, Ints]:
    """First row and first column of every piece in which a source is best read."""
    (ny, nx), side = geom.image_shape, _SIDE
    if geom.array_shape != geom.image_shape:
        # The image of an array of one dimension is cut into pieces, but not into millions.
        side = max(side, max(ny, nx) // _MOST)
        return np.arange(0, ny, side), np.arange(0, nx, side)
    if isinstance(source, ArraySource) and isinstance(source.array, da.Array):
        rows, columns = (np.cumsum([0, *sizes[:-1]]) for sizes in source.array.chunks[-2:])
        return rows, columns
    chunks = source.stored().chunks if isinstance(source, FileSource) else None
    height, width = chunks[-2:] if chunks else (side, side)
    return np.arange(0, ny, height), np.arange(0, nx, width)
