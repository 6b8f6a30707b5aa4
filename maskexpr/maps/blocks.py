"""The pixels of a map as areas of the sky, in blocks of two, four, eight ... a side and in parts of pixels: a
quadtree of which values a block holds, and of caps that hold it.

A pixel's area is what is nearest to it on the lattice. The areas of pixels in the middle of others on the sky
are known; those at the limb of the sky's image are not, nor is what is beyond the border of the map. So
pixels that have such a neighbour hold both values, or the one from beyond the border: who goes from a known
pixel to the unknown comes through one of these.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from ..core.arrays import Bools, Bytes, Ints
from ..core.once import once
from ..grid.lattice import Grid
from ..grid.parts import block_caps
from ..grid.rim import topology
from ..grid.tiles import Tile
from ..pixels.window import Window
from ..sphere.vectors import Caps, angle_between, normalise

__all__ = ["HAS_FALSE", "HAS_TRUE", "Blocks"]

HAS_TRUE: Final = np.uint8(1)
HAS_FALSE: Final = np.uint8(2)
# What a pixel lets in to its neighbours is told by the same flags, so many bits higher.
_BEYOND: Final = 2
_VALUES: Final = HAS_TRUE | HAS_FALSE
_UNKNOWN: Final = _VALUES << _BEYOND

# Halvings of a pixel's side, at most: its parts have numbers of 64 bits all the same.
_PARTS: Final = 12
# Radians that a cap is widened by: far more than positions are rounded by.
_ROUNDING: Final = 1e-10


class Blocks:
    """Blocks of the pixels of a map, by level: of 2**level pixels a side, or a pixel's parts where that is
    negative. A block is told by its row and column among those of its level, as one number.

    Parameters
    ----------
    grid : Grid
        The map, without axes.
    selected : ndarray of bool, shape (ny, nx)
        The values of its pixels.
    outside : bool
        The value beyond its border.
    """

    def __init__(self, grid: Grid, selected: Bools, outside: bool) -> None:
        self.grid = grid
        self.known = _known(grid)
        value = np.where(selected, HAS_TRUE, HAS_FALSE).astype(np.uint8)
        self._pixels = _with_border(grid, np.where(self.known, value, _UNKNOWN), outside)
        y, x = (each.ravel() for each in np.mgrid[: selected.shape[0], : selected.shape[1]])
        self._flags = [np.where(self.known, self._look_round(y, x, 0)[0].reshape(self.known.shape), 0)]
        while max(self._flags[-1].shape) > 1:
            self._flags.append(_halved(self._flags[-1]))
        self._counts = [_differs(each) for each in self._flags]
        self.lowest = -_PARTS if grid.separable or grid.finer(2) is not None else 0
        self.highest = len(self._flags) - 1

    def level_of(self, angle: float) -> int:
        """The level of blocks that are about as wide as an angle in radians, or a little wider."""
        pixel = math.radians(float(np.min(self.grid.pixel_scales.value)))
        return min(max(math.ceil(math.log2(angle / pixel)), self.lowest), self.highest)

    def all_of(self, level: int) -> Ints:
        """All blocks of a level, not of parts, of which anything is known."""
        return np.flatnonzero(self._flags[level])

    def flags(self, level: int, blocks: Ints) -> Bytes:
        """Which values blocks hold, or let in from pixels that are not known or from beyond the border."""
        if level >= 0:
            found: Bytes = self._flags[level].reshape(-1)[blocks]
            return found
        return self._look_round(*np.divmod(blocks, self._width(level)), -level)[0]

    def counts(self, level: int, blocks: Ints) -> Bools:
        """Which blocks there is a need to look at: those that hold both values, or have a neighbour that
        holds another, or may have one that is no neighbour on the lattice. From what holds one value there is
        no way to what holds another but through these.
        """
        if level >= 0:
            return np.asarray(self._counts[level].reshape(-1)[blocks])
        return self._look_round(*np.divmod(blocks, self._width(level)), -level)[1]

    def _look_round(self, y: Ints, x: Ints, parts: int) -> tuple[Bytes, Bools]:
        """Flags of parts of pixels, by row and column, and which of them count."""
        pixel = (y >> parts) + 1, (x >> parts) + 1
        own = self._pixels[pixel]
        flags, differs = own & _VALUES, np.zeros(len(y), dtype=bool)
        # Inside a pixel all is alike.
        last = (1 << parts) - 1
        rim = (y & last == 0) | (y & last == last) | (x & last == 0) | (x & last == last)
        some = np.flatnonzero(rim & self._is_mixed[pixel])
        y, x, own = y[some], x[some], own[some]
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                beside = self._pixels[((y + dy) >> parts) + 1, ((x + dx) >> parts) + 1]
                flags[some] |= beside >> _BEYOND
                differs[some] |= beside != own
        return flags, differs

    @once
    def _is_mixed(self) -> Bools:
        """Which pixels, in the border of the map, touch one of another kind."""
        return np.asarray(
            scipy.ndimage.maximum_filter(self._pixels, 3) != scipy.ndimage.minimum_filter(self._pixels, 3)
        )

    def halves(self, level: int, blocks: Ints) -> Ints:
        """The blocks of the level below that blocks are made of, shape (n, 4); -1 for none."""
        y, x = (
            2 * each[:, None] + add
            for each, add in zip(
                np.divmod(blocks, self._width(level)), ((0, 0, 1, 1), (0, 1, 0, 1)), strict=True
            )
        )
        width = self._width(level - 1)
        found = y * width + x
        if level > 0:
            below = self._flags[level - 1]
            inside = (y < below.shape[0]) & (x < width)
            found = np.where(inside, found, -1)
            found[inside] = np.where(below.reshape(-1)[found[inside]] > 0, found[inside], -1)
        return np.asarray(found)

    def _width(self, level: int) -> int:
        return int(self._flags[max(level, 0)].shape[1] << max(-level, 0))

    # ---- where they are

    def caps(self, level: int, blocks: Ints) -> Caps:
        """Caps, in the frame of the grid, that hold all that is known to belong to blocks."""
        y, x = np.divmod(blocks, self._width(level))
        caps = block_caps(self.grid, level, y, x)
        wide = np.flatnonzero(caps.radius >= np.pi)
        if level > 0 and len(wide) and not self.grid.separable:
            self._by_halves(level, blocks, caps, wide)
        return caps

    def _by_halves(self, level: int, blocks: Ints, caps: Caps, some: NDArray[np.intp]) -> None:
        """Bound blocks, at the limb of the sky's image, by those they are made of."""
        halves = self.halves(level, blocks[some])
        owner, place = np.nonzero(halves >= 0)
        parts = self.caps(level - 1, halves[owner, place])
        total = np.zeros((3, len(some)))
        for i in range(3):
            np.add.at(total[i], owner, parts.centre[i])
        centre = normalise(total)
        radius = np.zeros(len(some))
        np.maximum.at(radius, owner, angle_between(parts.centre, centre[:, owner]) + parts.radius)
        good = np.isfinite(centre[0]) & (radius < np.pi)
        caps.centre[:, some[good]], caps.radius[some[good]] = centre[:, good], radius[good] + _ROUNDING


def _known(grid: Grid) -> Bools:
    """Which pixels have an area that is known: those on the sky with all their neighbours on the lattice, or
    on a separable grid those on the sky.
    """
    ny, nx = grid.image_shape
    margin = 0 if grid.separable else 1
    seen = Tile(grid, Window(-margin, ny + margin, -margin, nx + margin)).on_sky
    if seen is None:
        return np.ones((ny, nx), dtype=bool)
    if grid.separable:
        return seen
    return np.asarray(scipy.ndimage.minimum_filter(seen, 3, mode="nearest")[1:-1, 1:-1])


def _with_border(grid: Grid, pixels: Bytes, outside: bool) -> Bytes:
    """Pixels of a map, and round them one row and column of what is beyond: the value outside where the map
    may end, nothing at the seam and the poles of a separable grid.
    """
    first_row, last_row, first_column, last_column = (
        topology(grid).edges if grid.separable else (True, True, True, True)
    )
    beyond = (HAS_TRUE if outside else HAS_FALSE) << _BEYOND
    out = np.pad(pixels.astype(np.uint8), 1)
    out[0] |= np.uint8(beyond * first_row)
    out[-1] |= np.uint8(beyond * last_row)
    out[:, 0] |= np.uint8(beyond * first_column)
    out[:, -1] |= np.uint8(beyond * last_column)
    return out


def _differs(flags: Bytes) -> Bools:
    """Which blocks hold both values, or touch one of other values, or the border."""
    out = scipy.ndimage.maximum_filter(flags, 3, mode="nearest") != scipy.ndimage.minimum_filter(
        flags, 3, mode="nearest"
    )
    out |= flags == _VALUES
    out[[0, -1]] = True
    out[:, [0, -1]] = True
    return np.asarray(out & (flags > 0))


def _halved(flags: Bytes) -> Bytes:
    """What blocks of two by two hold."""
    ny, nx = flags.shape
    even = np.pad(flags, ((0, ny % 2), (0, nx % 2)))
    rows = even[::2] | even[1::2]
    return np.asarray(rows[:, ::2] | rows[:, 1::2])
