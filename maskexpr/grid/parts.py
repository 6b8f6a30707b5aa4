"""Parts of the sphere that are cut finer and finer: what is asked in a quadtree descent.

What a part may meet is among what it was cut from may meet. So parts know what they are cut from, and who is
asked about parts can leave a note with them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import numpy as np

from ..core.arrays import Floats, Indices, Ints
from ..core.errors import MaskValueError, NeedsGridError
from ..core.once import once
from ..sphere.vectors import Caps, angle_between, unit
from .lattice import Grid
from .points import Points
from .tiles import ON, Areas, Tiles

__all__ = ["Parts", "PixelParts", "area_caps", "block_caps"]

# Radians that a cap is widened by: far more than positions are rounded by.
_ROUNDING: Final = 1e-10
# Halvings of a part's side by which it is bounded.
_TIGHTER: Final = 2


class Parts(Areas):
    """n parts of the sphere, each in one piece, all of whose points count, and not those of any grid.

    Parameters
    ----------
    frame : str
    caps : Caps
        Caps in that frame that hold them.
    parent : Parts, optional
        What these are parts of, or are.
    owner : ndarray of int, shape (n,), optional
        The place of that among ``parent``.

    Attributes
    ----------
    notes : dict
        What those who were asked about the parts want to find again.
    """

    def __init__(
        self, frame: str, caps: Caps, parent: Parts | None = None, owner: Indices | None = None
    ) -> None:
        self._frame = frame
        self.__dict__["caps"] = caps
        self._cut_from(parent, owner)

    def _cut_from(self, parent: Parts | None, owner: Indices | None) -> None:
        self.parent = parent
        self.owner: Indices = np.empty(0, dtype=np.intp) if owner is None else owner
        self.plane = ()
        self.notes: dict[Any, Any] = {}

    @property
    def frame(self) -> str:
        """Frame of the caps."""
        return self._frame

    @property
    def geom(self) -> Grid:  # type: ignore[override]  # areas of the sphere alone
        """There is none.

        Raises
        ------
        NeedsGridError
            Always.
        """
        raise NeedsGridError("a mask that has a meaning only on a grid was asked about parts of the sphere")

    @property
    def reach(self) -> float:
        """Radians that no point is further than from the centre of its cap."""
        return float(self.caps.radius.max(initial=0.0))

    @once
    def points(self) -> Points:
        """The centres of the caps."""
        return Points(self.caps.centre, self.frame)

    @property
    def shares(self) -> Floats:
        """What share each part has in the area of what it was cut from, with the three beside it."""
        return np.full(len(self), 0.25)

    def take(self, some: Indices) -> Parts:
        """Some of the parts, as parts of these."""
        return Parts(self.frame, self.caps.take(some), self, some)

    def split(self, some: Indices) -> Parts:
        """The quarters of some of the parts, four by four."""
        raise NotImplementedError

    def note_of(self, who: Any, which: Indices) -> tuple[Any, Indices] | None:
        """The last note that somebody left with what some of the parts come from, and their places there."""
        parts, place = self, which
        while who not in parts.notes:
            if parts.parent is None:
                return None
            place = parts.owner[place]
            parts = parts.parent
        return parts.notes[who], place


# ---- parts of a map's pixels


class PixelParts(Parts):
    """Pixels of a map as what is nearest to them on the lattice, or squares that they are cut into.

    Parameters
    ----------
    grid : Grid
        The map, without axes; separable, or with finer grids.
    level : int
        How often the pixels are halved.
    y, x : ndarray of int64, shape (n,)
        Rows and columns, counted in these squares.
    parent, owner
        See `Parts`.
    caps : Caps, optional
        If they are known.
    """

    def __init__(
        self,
        grid: Grid,
        level: int,
        y: Ints,
        x: Ints,
        parent: Parts | None = None,
        owner: Indices | None = None,
        caps: Caps | None = None,
    ) -> None:
        self.grid, self.level, self.y, self.x = grid, level, y, x
        super().__init__(grid.frame, self._made() if caps is None else caps, parent, owner)

    def _made(self) -> Caps:
        if self.grid.separable:
            return block_caps(self.grid, -self.level, self.y, self.x)
        # By finer pixels, of which fewer lie beside the part: the caps are tighter.
        y, x = self.y << _TIGHTER, self.x << _TIGHTER
        side = 1 << _TIGHTER
        return area_caps(_finer(self.grid, self.level + _TIGHTER), np.stack([y, y + side, x, x + side]))

    @property
    def shares(self) -> Floats:
        """See `Parts.shares`; parts that are not on the sky have none, if any is."""
        area = self._areas().reshape(-1, 4)
        total = area.sum(axis=1, keepdims=True)
        return np.where(total > 0, area / np.where(total > 0, total, 1.0), 0.25).reshape(-1)

    def _areas(self) -> Floats:
        """Areas in a unit of each four; 0 off the sky."""
        half, side = 0.5 / (1 << self.level), 1 << self.level
        row, column = self.y // side, self.x // side
        down, right = ((each % side + 0.5) / side - 0.5 for each in (self.y, self.x))
        if self.grid.separable:
            ends = [np.sin(np.radians(self.grid.lat_of(row + (down + each)))) for each in (-half, half)]
            pole = np.where(self.grid.lat_of(row) < 0, -1.0, 1.0)
            south, north = (np.where(np.isnan(each), pole, each) for each in ends)
            return np.asarray(np.abs(north - south))
        signs = ((-half, -half), (half, half), (-half, half), (half, -half))
        a, b, c, d = (unit(*self.grid.beside(row, column, down + i, right + j)) for i, j in signs)
        # Of a small square half the product of the diagonals.
        return np.asarray(np.nan_to_num(np.linalg.norm(np.cross(b - a, d - c, axis=0), axis=0)))

    def take(self, some: Indices) -> PixelParts:
        caps = self.caps.take(some)
        return PixelParts(self.grid, self.level, self.y[some], self.x[some], self, some, caps)

    def split(self, some: Indices) -> PixelParts:
        y, x = (
            (2 * each[some][:, None] + add).reshape(-1)
            for each, add in ((self.y, (0, 0, 1, 1)), (self.x, (0, 1, 0, 1)))
        )
        return PixelParts(self.grid, self.level + 1, y, x, self, np.repeat(some, 4))


def area_caps(grid: Grid, bounds: Ints) -> Caps:
    """Caps, in the frame of a grid, that hold the areas of the pixels of windows, not their centres alone.

    Where the sky's image ends beside them nothing is known of that, and the cap is the whole sphere.
    """
    if grid.separable:
        y0, y1, x0, x1 = bounds - 0.5
        return _of_boxes(grid, (y0, y1), (x0, x1))
    # The areas of pixels lie between the centres of those around them.
    around = Tiles(grid, bounds + np.array([[-1], [1], [-1], [1]]))
    caps = around.caps
    return Caps(caps.centre, np.where(around.sky == ON, caps.radius, np.pi))


def block_caps(grid: Grid, level: int, y: Ints, x: Ints) -> Caps:
    """Caps, in the frame of a grid, that hold the areas of blocks of its pixels, or of parts of pixels.

    A pixel's area is what is nearest to it on the lattice.

    Parameters
    ----------
    level : int
        The blocks have ``2**level`` pixels a side.
    y, x : ndarray of int64, shape (n,)
        Rows and columns of the blocks, counted in blocks.
    """
    if grid.separable:
        return _of_boxes(grid, _edges(grid, level, y, 0), _edges(grid, level, x, 1))
    grid, side = _finer(grid, max(-level, 0)), 1 << max(level, 0)
    ny, nx = grid.image_shape
    # The areas of pixels lie between the centres of those around them.
    rows = y * side - 1, np.minimum((y + 1) * side, ny) + 1
    columns = x * side - 1, np.minimum((x + 1) * side, nx) + 1
    return Tiles(grid, np.stack([*rows, *columns])).caps


def _edges(grid: Grid, level: int, number: Ints, axis: int) -> tuple[Floats, Floats]:
    """Where blocks begin and end along an axis, in pixels."""
    side, last = float(2.0**level), grid.image_shape[axis]
    return np.asarray(number * side - 0.5), np.asarray(np.minimum((number + 1) * side, last) - 0.5)


@lru_cache(maxsize=32)
def _finer(grid: Grid, halvings: int) -> Grid:
    found = grid.finer(1 << halvings) if halvings else grid
    if found is None:
        raise MaskValueError(f"{grid!r} has no finer grid")
    return found


def _of_boxes(grid: Grid, rows: tuple[Floats, Floats], columns: tuple[Floats, Floats]) -> Caps:
    """Caps that hold boxes of longitude and latitude, of rows and columns of a separable grid.

    Of a box not wider than 180 degrees a corner is furthest from its middle: along a parallel the distance
    grows with the longitude, and along a meridian it has no maximum but at its ends.
    """
    x = round(grid.reference_pixel[1])
    middle = np.round((rows[0] + rows[1]) / 2)
    pole = np.where(grid.lat_of(middle) < 0, -90.0, 90.0)
    lat = [np.where(np.isnan(each), pole, each) for each in (grid.lat_of(rows[0]), grid.lat_of(rows[1]))]
    half = np.abs(grid.lon_step) * (columns[1] - columns[0]) / 2
    lon = float(grid.lon_of(x)) + grid.lon_step * ((columns[0] + columns[1]) / 2 - x)
    centre = unit(lon, (lat[0] + lat[1]) / 2)
    radius = np.maximum(*(angle_between(unit(lon + half, each), centre) for each in lat))
    return Caps(centre, np.where(half > 90.0, np.pi, radius + _ROUNDING))
