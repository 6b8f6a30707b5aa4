"""Very many shapes, each known to lie in a circle: circles tell which points and pixels have to be asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from ..core.arrays import Bools, Floats, Indices
from ..core.coverage import Coverage
from ..core.once import once
from ..grid.healpix.areas import PointsOfCells
from ..grid.lattice import Grid
from ..grid.points import Points
from ..grid.tiles import Areas, Tile
from ..sphere.trees import chord_bound, pairs_within, radius_classes
from ..sphere.vectors import Caps, lonlat
from .boxes import Inside, is_small, paint_boxes
from .index import CircleIndex
from .spans import Disks

__all__ = ["Inscribed", "Shapes"]

# Circles whose radii are within this factor share a tree.
_FACTOR: Final = 2.0


class Shapes(Protocol):
    """Shapes that are asked together, on grids of any kind."""

    def coverage(self, caps: Caps) -> Coverage:
        """Coverage of caps by the union."""

    def cover(self, areas: Areas) -> Coverage:
        """Coverage of areas by the union."""

    def inside(self, xyz: Floats) -> Bools:
        """Which points are in any."""

    def holds(self, points: Points) -> Bools:
        """Which points are in any, of cells perhaps that have been asked about."""

    def paint(self, tile: Tile, out: Bools) -> None:
        """Select the pixels of a tile that are in any."""


class Inscribed:
    """The union of n shapes in one frame.

    Parameters
    ----------
    caps : Caps
        Circles that hold them; of those that hold nothing the radius is negative.
    inside : callable
        Asks points about single shapes, by their numbers.
    together : callable
        Makes the `Shapes` of some numbers.
    """

    def __init__(self, caps: Caps, inside: Inside, together: Callable[[Indices], Shapes]) -> None:
        self._numbers = np.flatnonzero(caps.radius > 0)
        centre, radius = caps.take(self._numbers)
        self._disks = Disks(centre, radius, *lonlat(centre))
        self._inside, self._together = inside, together
        self._divided: tuple[Grid, _Small, Shapes | None] | None = None
        self._lock = threading.Lock()

    @once
    def shapes(self) -> Shapes:
        """All of them."""
        return self._together(self._numbers)

    @once
    def _circles(self) -> CircleIndex:
        return CircleIndex(self._disks.centre, self._disks.radius, (self._disks.lon, self._disks.lat))

    def inside(self, points: Points) -> Bools:
        """Which points are in a shape; most are in no circle."""
        if isinstance(points, PointsOfCells):
            return self.shapes.holds(points)
        out = self._circles.holds(points)
        near = np.flatnonzero(out)
        out[near] = self.shapes.inside(points.xyz[:, near])
        return out

    def paint(self, tile: Tile, out: Bools) -> None:
        """Select the pixels of a tile that are in a shape."""
        if not tile.geom.separable:
            self.shapes.paint(tile, out)
            return
        small, rest = self._division(tile.geom)
        small.paint(tile, out)
        if rest is not None:
            rest.paint(tile, out)

    def _division(self, geom: Grid) -> tuple[_Small, Shapes | None]:
        """The shapes of few pixels and the rest; those of the last grid are kept, for its other tiles."""
        with self._lock:
            if self._divided is None or self._divided[0] != geom:
                small = is_small(geom, self._disks)
                few, left = self._numbers[small], self._numbers[~small]
                rest = self._together(left) if len(left) else None
                self._divided = (geom, _Small(self._disks.take(small), few, self._inside), rest)
            return self._divided[1:]


class _Small:
    """Shapes of few pixels, each looked at by the tiles that it may meet."""

    def __init__(self, disks: Disks, numbers: Indices, inside: Inside) -> None:
        self._disks, self._numbers, self._inside = disks, numbers, inside
        self._classes = radius_classes(disks.centre, disks.radius, _FACTOR)

    def paint(self, tile: Tile, out: Bools) -> None:
        near = self._near(tile.tiles.caps)
        numbers = self._numbers[near]
        paint_boxes(tile, out, self._disks.take(near), lambda xyz, which: self._inside(xyz, numbers[which]))

    def _near(self, cap: Caps) -> Indices:
        """Which may meet a cap, in order."""
        radius = float(cap.radius[0])
        if radius >= np.pi:
            return np.arange(len(self._disks.radius))
        found = [np.empty(0, dtype=np.intp)]
        for each in self._classes:
            _, some = pairs_within(each.tree, cap.centre, chord_bound(max(radius, 0.0) + each.largest))
            found.append(each.members[some])
        return np.sort(np.concatenate(found))
