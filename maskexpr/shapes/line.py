"""Points and lines: shapes without an area, which mark the pixels that hold or meet them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import scipy

from ..core.arrays import Bools, Floats, Ints
from ..core.coverage import EMPTY, MIXED, Coverage
from ..core.errors import RegionError
from ..core.records import record
from ..grid.lattice import Grid
from ..sphere.vectors import Caps, chord2, chord2_of, lonlat, rotate, rotation, unit
from .base import IMAGE, SLACK, Shape, place, store, written_place

__all__ = ["Line", "MarkedPixels", "Point", "marked"]

# The arc is first cut into this many pieces, so that no fold of a projection falls between two samples.
_PIECES: Final = 256
# Arcs that are cut together: bounds memory, and keeps the working arrays in the cache.
_ARCS: Final = 64
# Radians below which a piece that still jumps has met a seam or a horizon.
_SHORTEST: Final = 1e-13
# Pixels by which a piece may bend without being cut again.
_BEND: Final = 1e-6


class _Marks(Shape):
    """A shape that marks pixels."""

    @property
    def needs_grid(self) -> bool:
        """See `Shape.needs_grid`."""
        return True

    def pixels(self, geom: Grid) -> MarkedPixels:
        """The pixels of a grid that it marks."""
        return _marked(self, geom)

    @staticmethod
    def find(geom: Grid, lon: Floats, lat: Floats, frame: str) -> tuple[Floats, Floats]:
        """Places, in pixels, that are in the pixels that shapes at such positions mark."""
        raise NotImplementedError


@record("point")
@dataclass(frozen=True)
class Point(_Marks):
    """A position; it marks the pixel that holds it.

    Parameters
    ----------
    lon, lat : float
        Degrees.
    frame : str
        Frame of the position.
    """

    lon: float
    lat: float
    frame: str = "icrs"

    def __post_init__(self) -> None:
        lon, lat = place(self.lon, self.lat, self.frame)
        store(self, lon=lon, lat=lat)

    @staticmethod
    def find(geom: Grid, lon: Floats, lat: Floats, frame: str) -> tuple[Floats, Floats]:
        """See `_Marks.find`; positions of shape (n,)."""
        return geom.pixel(*lonlat(rotate(rotation(frame, geom.frame), unit(lon, lat))))

    def text(self) -> str:
        """See `Shape.text`."""
        return f"point({written_place(self.lon, self.lat, self.frame)})"


@record("line")
@dataclass(frozen=True)
class Line(_Marks):
    """The shorter great-circle arc between two positions; it marks the pixels that it crosses.

    Parameters
    ----------
    lon, lat : pair of float
        The two ends in degrees.
    frame : str
        Frame of both.
    """

    lon: tuple[float, float]
    lat: tuple[float, float]
    frame: str = "icrs"

    def __post_init__(self) -> None:
        if len(self.lon) != 2 or len(self.lat) != 2:
            raise RegionError("a line has two ends")
        start, end = (place(lon, lat, self.frame) for lon, lat in zip(self.lon, self.lat, strict=True))
        store(self, lon=(start[0], end[0]), lat=(start[1], end[1]))
        if self.frame != IMAGE and chord2(unit(*start), -unit(*end)) < 1e-18:
            raise RegionError("a line between antipodes: many arcs join them; say by a vertex between which")

    @staticmethod
    def find(geom: Grid, lon: Floats, lat: Floats, frame: str) -> tuple[Floats, Floats]:
        """See `_Marks.find`; positions of shape (n, 2)."""
        ends = rotate(rotation(frame, geom.frame), unit(lon.T, lat.T))
        found = [
            _crossed(geom, ends[:, 0, first : first + _ARCS], ends[:, 1, first : first + _ARCS])
            for first in range(0, ends.shape[2], _ARCS)
        ]
        y, x = zip(*found, strict=True)
        return np.concatenate(y), np.concatenate(x)

    def text(self) -> str:
        """See `Shape.text`."""
        ends = [written_place(lon, lat, self.frame) for lon, lat in zip(self.lon, self.lat, strict=True)]
        return f"line({', '.join(ends)})"


class MarkedPixels(NamedTuple):
    """Pixels of a grid, in the order of rows and then columns; a tree of the sky positions of their centres.

    The tree is None where no centre is on the sky.
    """

    y: Ints
    x: Ints
    tree: scipy.spatial.cKDTree | None

    def fill(self, out: Bools, top: int, left: int) -> None:
        """Set those that a window holds, in its array, whose first pixel is (top, left)."""
        y, x = self.y - top, self.x - left
        held = (y >= 0) & (y < out.shape[0]) & (x >= 0) & (x < out.shape[1])
        out[y[held], x[held]] = True

    def hold(self, y: Ints, x: Ints) -> Bools:
        """Which of some pixels are among them."""
        if not len(self.y):
            return np.zeros(y.shape, dtype=bool)
        low = int(min(self.x.min(), x.min(initial=0)))
        width = int(max(self.x.max(), x.max(initial=0))) - low + 1
        return np.isin(y * width + (x - low), self.y * width + (self.x - low))

    def coverage(self, caps: Caps) -> Coverage:
        """`EMPTY` where no centre is within a cap; the caps are in the frame of the grid."""
        if self.tree is None:
            return np.full(len(caps.radius), EMPTY)
        nearest, _ = self.tree.query(np.ascontiguousarray(caps.centre.T))
        far = nearest > np.sqrt(chord2_of(caps.radius + SLACK)) + SLACK
        return np.where(far, EMPTY, MIXED).astype(np.uint8)


@lru_cache(maxsize=256)
def _marked(shape: _Marks, geom: Grid) -> MarkedPixels:
    return marked([shape], geom)


def marked(shapes: Sequence[Any], geom: Grid) -> MarkedPixels:
    """The pixels of a grid that any of some points and lines marks."""
    alike: dict[Any, list[Any]] = {}
    for each in shapes:
        alike.setdefault((type(each), each.frame), []).append(each)
    found = [
        kind.find(geom, np.array([each.lon for each in some]), np.array([each.lat for each in some]), frame)
        for (kind, frame), some in alike.items()
    ]
    y, x = (np.concatenate([each[i] for each in found]) for i in (0, 1))
    seen = np.isfinite(y) & np.isfinite(x)
    rows, columns = _cell(y[seen]), _cell(x[seen])
    # Much faster than numpy's unique rows.
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(rows) != 0) | (np.diff(columns) != 0)
    rows, columns = rows[new], columns[new]
    centres = unit(*geom.lonlat(rows, columns))
    centres = centres[:, np.isfinite(centres[0])]
    return MarkedPixels(rows, columns, scipy.spatial.cKDTree(centres.T) if centres.size else None)


def _cell(pixel: Floats) -> Ints:
    return np.floor(pixel + 0.5).astype(np.int64)


def _crossed(geom: Grid, start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Places in every pixel that arcs cross, whose ends have shape (3, n): each is halved until each piece
    passes one side of a pixel.

    A piece that bends towards a third pixel, or passes near a corner, is halved on. What still jumps when it
    has no length left crosses a seam, and what still has one end off the map's sky crosses the horizon: their
    ends are taken.
    """
    normal = np.ascontiguousarray(np.cross(start, end, axis=0).T)
    size = np.array([np.linalg.norm(each) for each in normal])
    short = size < SLACK
    found = [np.stack(geom.pixel(*lonlat(start[:, short])))]
    start, size = start[:, ~short], size[~short]
    length = 2 * np.arcsin(np.sqrt(chord2(start, end[:, ~short])) / 2)
    forward = np.cross(normal[~short].T, start, axis=0) / size

    def project(arc: Ints, t: Floats) -> Floats:
        angle = np.ascontiguousarray(t * length[arc])
        return np.stack(geom.pixel(*lonlat(np.cos(angle) * start[:, arc] + np.sin(angle) * forward[:, arc])))

    number, t = len(length), np.linspace(0.0, 1.0, _PIECES + 1)
    samples = project(np.repeat(np.arange(number), len(t)), np.tile(t, number)).reshape(2, number, len(t))
    p0, p1 = samples[:, :, :-1].reshape(2, -1), samples[:, :, 1:].reshape(2, -1)
    arc, first, last = np.repeat(np.arange(number), _PIECES), np.tile(t[:-1], number), np.tile(t[1:], number)
    while len(arc):
        middle = (first + last) / 2
        p = project(arc, middle)
        settled = _is_settled(p0, p, p1) | ((last - first) * length[arc] < _SHORTEST)
        found.extend([p0[:, settled], p[:, settled], p1[:, settled]])
        go = ~settled
        first, last = np.concatenate([first[go], middle[go]]), np.concatenate([middle[go], last[go]])
        p0, p1 = np.concatenate([p0[:, go], p[:, go]], axis=1), np.concatenate([p[:, go], p1[:, go]], axis=1)
        arc = np.tile(arc[go], 2)
    every = np.concatenate(found, axis=1)
    return every[0], every[1]


def _is_settled(p0: Floats, p: Floats, p1: Floats) -> Bools:
    """Which pieces, given by ends and middle in pixels, shape (2, n), meet no pixels but those three."""
    with np.errstate(invalid="ignore"):
        step = np.abs(p1 - p0).max(axis=0)
        bend = 2 * np.abs(p0 - 2 * p + p1)
    bend = np.where(bend < _BEND, 0.0, bend)
    low, high = np.minimum(p0, p1), np.maximum(p0, p1)
    with np.errstate(invalid="ignore"):
        within = (np.floor(low - bend + 0.5) == np.floor(low + 0.5)) & (
            np.floor(high + bend + 0.5) == np.floor(high + 0.5)
        )
        sides = (np.floor(low + 0.5) != np.floor(high + 0.5)).sum(axis=0)
    # A piece that changes row and column is halved until it is a corner, within what a bend may be.
    simple = (step <= 1) & within.all(axis=0) & ((sides < 2) | (step < _BEND))
    return np.asarray(simple | np.isnan(p0 + p + p1).all(axis=0))
