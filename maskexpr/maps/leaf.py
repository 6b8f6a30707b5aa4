"""What the leaves that read data have in common: where the data are, which of their pixels are asked for, and
what holds beyond them.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.coverage import EMPTY, FULL, MIXED, Coverage
from ..core.errors import AxisError, NeedsGridError
from ..core.once import once
from ..expr.mask import Ask, Bools, Mask
from ..grid.axis import Axis, narrow_bins
from ..grid.healpix.cover import CellCover
from ..grid.lattice import Grid
from ..grid.parts import Parts
from ..grid.points import Pixels, Points
from ..grid.tiles import Areas, Tile
from ..io.sources import FileSource, Source
from ..pixels.window import Window
from ..sphere.vectors import lonlat
from .descent import DataDescent, descent_of
from .reader import Reader, in_memory, meets, nearest, offset

__all__ = ["DataPixels", "FromData", "matching_planes", "name_of", "same_axis", "settled"]

# Edges this close, by their own size, are the same: tables of energies are often stored as float32.
_EDGES = 1e-6
# But only within this part of a bin: days since 1858 are tens of thousands, and bins of time are minutes.
_OF_BIN = 0.01
# Rows that are read in one go where the whole map is.
_ROWS = 512
# Pixels a side of the blocks in which positions are looked up on another grid.
_SIDE = 256


class DataPixels(NamedTuple):
    """Pixels of the data that were asked for: what an error needs to say where it was."""

    where: Tile | Points
    plane: tuple[int, ...]
    y: Ints
    x: Ints


class FromData(Mask):
    """A leaf whose values come from an array or a file on a grid of its own.

    On its own grid it is a slice. On another grid a pixel takes the value of the data pixel whose area holds
    its centre. Beyond the border of the data it is `outside`.
    """

    reads_data: ClassVar[bool] = True
    # Positions of all pixels, where the data are on another grid.
    bytes_per_pixel = 48
    data: Source
    nan: bool | str
    outside: bool

    def judge(self, values: NDArray[Any], pixels: DataPixels) -> Bools:
        """Which values are selected, a plain array of the shape of ``values``.

        Where there is no value, floating-point numbers are NaN, and integers and bool are masked
        (`numpy.ma.MaskedArray`); `maskexpr.maps.missing.settle` puts the declared policy there.
        """
        raise NotImplementedError

    @property
    def grid(self) -> Grid:
        """The geometry of the data."""
        return self.data.open().geom

    @property
    def pixel_grid(self) -> Grid:
        return self.grid

    @property
    def waits(self) -> bool:
        return in_memory(self.data) is None or self._is_from_elsewhere

    def axes(self) -> frozenset[str]:
        return frozenset(axis.name for axis in self.grid.axes)

    def _check_type(self) -> None:
        """Raise if the data are of a type that the node makes nothing of."""

    def check(self, geom: Grid) -> None:
        self._check_type()
        matching_planes(self.label(), self.grid, geom)

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        if isinstance(areas, Parts):
            return self._descent.coverage(areas)
        beyond = FULL if self.outside else EMPTY
        return np.where(meets(self.grid, areas), MIXED, beyond).astype(np.uint8)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        grid = self.grid
        plane = self.plane_of(where, grid)
        shift = offset(where.geom, grid) if isinstance(where, (Tile, Pixels)) else None
        if isinstance(where, Tile):
            if shift is not None:
                return self._slice(where, plane, shift)
            y, x = self._look_up(where, grid, of)
        elif isinstance(where, Pixels) and shift is not None:
            y, x = where.y + shift[0], where.x + shift[1]
            y = np.where(grid.on_map(y, x), y, -1)
        elif isinstance(where, Pixels):
            y, x = nearest(grid, where.frame, *where.lonlat)
        else:
            # Of longitudes that come back from vectors the last bit is another, which tells at a seam.
            y, x = nearest(grid, where.frame, *(where.lonlat or lonlat(where.xyz)))
        return self._gather(where, plane, y, x)

    @once
    def _descent(self) -> DataDescent | CellCover:
        """The values of the whole map, for cells of the sky."""
        grid = self.grid.to_image()
        plane = self.plane_of(Points(np.empty((3, 0)), grid.frame), self.grid)
        ny, nx = grid.image_shape
        values = np.zeros((ny, nx), dtype=bool)
        for first in range(0, ny, _ROWS):
            last = min(first + _ROWS, ny)
            values[first:last] = self._slice(Tile(grid, Window(first, last, 0, nx)), plane, (0, 0))
        return descent_of(grid, values, self.outside)

    def _slice(self, tile: Tile, plane: tuple[int, ...], shift: tuple[int, int]) -> Bools:
        """Values on a tile of the data's own lattice."""
        ny, nx = self.grid.image_shape
        window = tile.window.shift(*shift).intersect(Window(0, ny, 0, nx))
        if not window.size:
            return np.full(tile.shape, self.outside)
        values = Reader(self.data, plane).window(window)
        to = window.shift(-shift[0] - tile.window.y0, -shift[1] - tile.window.x0)
        part = (slice(to.y0, to.y1), slice(to.x0, to.x1))
        y, x = np.arange(window.y0, window.y1)[:, None], np.arange(window.x0, window.x1)[None, :]
        held = self._held(tile, part, window)
        if held is not None:
            y, x = (np.broadcast_to(each, values.shape)[held] for each in (y, x))
            judged = np.full(values.shape, self.outside)
            judged[held] = self.judge(values[held], DataPixels(tile, plane, y, x))
        else:
            y, x = (np.broadcast_to(each, values.shape) for each in (y, x))
            judged = self.judge(values, DataPixels(tile, plane, y, x))
        if window.shape == tile.shape:
            # It may be a view of the data themselves.
            judged.flags.writeable = False
            return judged
        out = np.full(tile.shape, self.outside)
        out[part] = judged
        return out

    def _held(self, tile: Tile, part: tuple[slice, slice], window: Window) -> Bools | None:
        """Which pixels of a window of the data have a value: what is stored off the sky (often NaN) is
        nobody's, and a map need not have all between its pixels. None if all have.
        """
        of_map = self.grid.map_in(window)
        if tile.on_sky is None:
            return of_map
        return tile.on_sky[part] if of_map is None else tile.on_sky[part] & of_map

    def _look_up(self, tile: Tile, grid: Grid, of: Ask) -> tuple[Ints, Ints]:
        """Data pixels under the pixels of a tile, -1 beyond the data; blocks beyond it cost nothing."""
        y = np.full(tile.shape, -1, dtype=np.int64)
        x = np.full(tile.shape, -1, dtype=np.int64)
        blocks, _ = tile.tiles.split(_SIDE)
        for i in np.flatnonzero(meets(grid, blocks)):
            block = blocks.tile(int(i))
            inside = block.window.within(tile.window)
            y[inside], x[inside] = nearest(grid, tile.geom.frame, *block.lonlat)
        return y, x

    def _gather(self, where: Tile | Points, plane: tuple[int, ...], y: Ints, x: Ints) -> Bools:
        """Values at data pixels; where y is negative, those beyond the data."""
        out = np.full(y.shape, self.outside)
        inside = y >= 0
        y, x = y[inside], x[inside]
        if len(y):
            values = Reader(self.data, plane).pixels(y, x)
            out[inside] = self.judge(values, DataPixels(where, plane, y, x))
        return out

    def plane_of(self, where: Tile | Points, grid: Grid) -> tuple[int, ...]:
        """The plane of the data that is asked for at a place."""
        if not grid.axes:
            return ()
        if isinstance(where, (Tile, Pixels)):
            found = matching_planes(self.label(), grid, where.geom)
            if len(where.plane) == len(where.geom.axes):
                return tuple(where.plane[i] for i in found)
        names = ", ".join(axis.name for axis in grid.axes)
        raise NeedsGridError(
            f"{self.label()} varies along {names}: "
            "give a geometry with that axis, contains(positions, geom=geom)"
        )


def settled(mask: Mask) -> Mask:
    """The same node with the files among its fields by their whole paths: it still means them when the
    process, or a worker, is in another folder.

    Examples
    --------
    >>> import os
    >>> from maskexpr import Raster
    >>> settled(Raster("mask.fits")) == Raster(os.path.join(os.getcwd(), "mask.fits"))
    True
    """
    fields = dict(mask.fields())
    files = {name: each.settled() for name, each in fields.items() if isinstance(each, FileSource)}
    if all(each is fields[name] for name, each in files.items()):
        return mask
    return mask.restore({**fields, **files})


def matching_planes(what: str, grid: Grid, geom: Grid) -> tuple[int, ...]:
    """For each axis of the data, which axis of a geometry it is.

    Raises
    ------
    AxisError
        If the geometry lacks the axis or has other edges.
    """
    names = [axis.name for axis in geom.axes]
    for axis in grid.axes:
        if axis.name not in names:
            there = ", ".join(map(repr, geom.axes)) or "none"
            raise AxisError(
                f"{what}: the data have {axis!r}, the geometry has {there}; "
                f"put the mask on geom.to_cube([axis]), or reduce the data along {axis.name!r} first"
            )
        other = geom.axes[names.index(axis.name)]
        if not same_axis(axis, other):
            raise AxisError(
                f"{what}: the axis {axis.name!r} of the data and of the geometry differ: "
                f"{axis!r} with edges {axis.edges}, against {other!r} with edges {other.edges}"
            )
    return tuple(names.index(axis.name) for axis in grid.axes)


def same_axis(one: Axis, other: Axis) -> bool:
    """Whether two axes have the same name and, to within the rounding of a table of float32 and far less than
    a bin, the same edges.

    Examples
    --------
    >>> axis = Axis("energy", [1, 10] * u.GeV)
    >>> same_axis(axis, Axis("energy", [1000, 10000] * u.MeV))
    True
    """
    if one.name != other.name or one.nbin != other.nbin:
        return False
    try:
        edges = other.edges.to_value(one.unit)
    except u.UnitConversionError:
        return False
    mine = one.edges.value
    narrow = narrow_bins(mine)
    near = np.clip(_EDGES * np.abs(mine), _EDGES * narrow, _OF_BIN * narrow)
    return bool(np.all(np.abs(mine - edges) <= near))


def name_of(source: Source) -> str:
    """A source in a few words."""
    path = getattr(source, "path", None)
    if path is None:
        _, dtype, shape = source.open()
        return f"{dtype} {shape}"
    hdu = getattr(source, "hdu", None)
    return repr(path) if hdu is None else f"({path!r}, {hdu!r})"
