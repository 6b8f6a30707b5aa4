"""Circles by the cells of the sky that they touch: few trigonometric functions for very many points.

The sky is cut into rows of equal height and each row into cells of about equal width. Every circle is listed
in all cells that it may touch. A point finds its cell by arithmetic on its longitude and latitude; where no
circle is listed it is outside, elsewhere the predicate itself is asked of the few circles listed.
"""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import scipy

from ..core.arrays import Bools, Floats, Ints
from ..core.threads import busy_threads, in_threads
from ..pixels.ragged import ragged_ranges
from ..sphere.vectors import TIE, chord2, chord2_of, lonlat, unit

__all__ = ["CellIndex"]

# At most about so many cells, a few bytes each.
_CELLS = 4_000_000
# Circles larger than so many heights of a cell, or than an angle (degrees), would be listed in too many.
_HEIGHTS = 8.0
_LARGEST = 20.0
# Where a cell lists more circles than this, they crowd in a small part of the sky and trees are better.
_CROWD = 200
# Circles are listed as if they were larger by so much (radians), more than rounding can move a point, a
# tangent meridian or the edge of a row.
_MARGIN = 1e-9
# Points looked up in one go: bounds memory, and keeps the working arrays in the cache.
_BATCH = 1 << 15
# Each thread has at least so many points to itself: starting it costs as much as some thousand look-ups.
_SHARE = 1 << 17


class CellIndex:
    """Lists of circles by cells of longitude and latitude.

    Parameters
    ----------
    centre : ndarray, shape (3, n)
        Unit vectors.
    radius : ndarray, shape (n,)
        Radians, positive.

    Attributes
    ----------
    listed : ndarray of bool, shape (n,)
        Which circles are in the lists; the others are too large, or all crowd in a few cells.
    """

    def __init__(self, centre: Floats, radius: Floats) -> None:
        degrees = np.rad2deg(radius)
        lon, lat = lonlat(centre)
        self._grid = _Grid(lat, degrees)
        self.listed = degrees <= min(_HEIGHTS * self._grid.height, _LARGEST)
        member = np.flatnonzero(self.listed)
        circle, cell = self._grid.touched(lon[member], lat[member], radius[member])
        lists = scipy.sparse.csr_array(
            (np.ones(len(cell), dtype=np.bool_), (cell, member[circle])),
            shape=(self._grid.cells, len(radius)),
        )
        self._start = lists.indptr
        self._members = lists.indices
        number = np.diff(self._start)
        if number.max(initial=0) > _CROWD:
            self.listed = np.zeros(len(radius), dtype=bool)
        self._number = number.astype(np.uint8)
        self._centre = centre
        # As in `within`, whose answer this must be.
        limit = radius - TIE
        self._limit = np.where(limit > 0, chord2_of(limit), -1.0)

    def inside(self, lon: Floats, lat: Floats) -> Bools:
        """Which points lie strictly inside any of the listed circles, shape (n,); NaN is in none."""
        out = np.zeros(len(lon), dtype=bool)
        # In a task, which is never run in the main thread, the cores have other work.
        alone = threading.current_thread() is threading.main_thread()
        threads = max(1, min(len(lon) // _SHARE, busy_threads())) if alone else 1
        edges = [len(lon) * i // threads for i in range(threads + 1)]
        shares = [slice(*each) for each in pairwise(edges)]
        in_threads(lambda some: self._look_up(lon[some], lat[some], out[some]), shares, threads, apart=True)
        return out

    def _look_up(self, lon: Floats, lat: Floats, out: Bools) -> None:
        """Select points in an array of False."""
        left = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)]
        for first in range(0, len(lon), _BATCH):
            some = slice(first, first + _BATCH)
            cell = self._grid.cell(lon[some], lat[some])
            open_ = np.flatnonzero(self._number.take(cell, mode="clip"))
            left[0].append(open_ + first)
            left[1].append(cell.take(open_))
        points, cells = np.concatenate(left[0]), np.concatenate(left[1])
        for first in range(0, len(points), _BATCH):
            some = slice(first, first + _BATCH)
            point = points[some]
            out[point[self._ask(lon.take(point), lat.take(point), cells[some])]] = True

    def _ask(self, lon: Floats, lat: Floats, cell: Ints) -> Ints:
        """Which points lie in a circle that is listed in their cells, which list at least one."""
        number, place = self._number.take(cell), self._start.take(cell)
        xyz = unit(lon, lat)
        point = np.arange(len(lon))
        found = []
        while len(point):
            circle = self._members.take(place)
            hit = chord2(xyz, self._centre.take(circle, axis=1)) < self._limit.take(circle)
            found.append(point[hit])
            number -= 1
            rest = np.flatnonzero(~hit & (number > 0))
            point, number, place, xyz = point[rest], number[rest], place[rest] + 1, xyz.take(rest, axis=1)
        return np.concatenate([np.empty(0, dtype=np.intp), *found])


class _Grid:
    """Cells in rows of equal height over the latitudes of some circles; one empty row beyond each end."""

    def __init__(self, lat: Floats, radius: Floats) -> None:
        south = max(-90.0, float(np.min(lat - radius, initial=90.0)))
        north = min(90.0, float(np.max(lat + radius, initial=-90.0)))
        band = 360.0 * np.rad2deg(np.sin(np.deg2rad(north)) - np.sin(np.deg2rad(south)))
        typical = float(np.median(radius)) if len(radius) else 1.0
        self.height = max(typical, np.sqrt(max(band, 0.0) / _CELLS), 1e-6)
        self._rows = max(1, int(np.ceil((north - south) / self.height)))
        self._south = south - self.height
        edge = np.deg2rad(south + self.height * np.arange(self._rows + 1))
        widest = np.where(edge[:-1] * edge[1:] < 0, 1.0, np.maximum(np.cos(edge[:-1]), np.cos(edge[1:])))
        self._columns = np.ones(self._rows + 2)
        self._columns[1:-1] = np.ceil(360.0 * np.maximum(widest, 0.0) / self.height) + 1
        self._first = (np.cumsum(self._columns) - self._columns).astype(np.int64)
        self.cells = int(self._columns.sum())

    def cell(self, lon: Floats, lat: Floats) -> Ints:
        """The cell that holds each position; NaN is in an empty one."""
        # Numbers of rows are in range; "clip" spares `take` a copy.
        row = self._row(lat).astype(np.intp)
        column = self._columns.take(row, mode="clip")
        column *= _turns(lon)
        cell = column.astype(np.int64)
        cell += self._first.take(row, mode="clip")
        return cell

    def _row(self, lat: Floats) -> Floats:
        """Rows, not yet rounded down."""
        row = lat - self._south
        row *= 1.0 / self.height
        # These two pass over NaN.
        np.fmax(row, 0.0, out=row)
        return np.asarray(np.fmin(row, self._rows + 1, out=row))

    def touched(self, lon: Floats, lat: Floats, radius: Floats) -> tuple[Ints, Ints]:
        """Every circle with every cell that it may touch, as two lists.

        Parameters
        ----------
        lon, lat : ndarray, shape (n,)
            Centres in degrees.
        radius : ndarray, shape (n,)
            Radians, less than pi / 2.
        """
        radius = radius + _MARGIN
        reach = np.rad2deg(radius)
        low, high = (self._row(each).astype(np.int64) for each in (lat - reach, lat + reach))
        circle, row = ragged_ranges(low, high - low + 1)
        edge = self._south + self.height * row
        half = _half_width(edge, edge + self.height, lat[circle], radius[circle])
        columns = self._columns[row].astype(np.int64)
        first = np.floor((lon[circle] - half) / 360.0 * columns).astype(np.int64)
        last = np.floor((lon[circle] + half) / 360.0 * columns).astype(np.int64)
        pair, column = ragged_ranges(first, np.minimum(last - first + 1, columns))
        cell = self._first[row[pair]] + column % columns[pair]
        return circle[pair], cell


def _turns(lon: Floats) -> Floats:
    """Longitudes as parts of a turn, from 0 to less than 1; NaN becomes such a number too."""
    turns = lon * (1.0 / 360.0)
    turns -= np.floor(turns)
    return np.asarray(np.fmin(turns, 1.0 - 2.0**-53, out=turns))


def _half_width(south: Floats, north: Floats, lat: Floats, radius: Floats) -> Floats:
    """Bound of the half-width in longitude (degrees) of circles between two latitudes.

    A circle is widest in longitude at the latitude where meridians touch it, and narrower the further from
    that, so its widest parallel in a row is the one nearest to it.
    """
    slack = np.rad2deg(_MARGIN)
    here = np.deg2rad(lat)
    with np.errstate(invalid="ignore"):
        touch = np.arcsin(np.sin(here) / np.cos(radius))
    parallel = np.clip(touch, np.deg2rad(south - slack), np.deg2rad(north + slack))
    above = np.sin(radius / 2) ** 2 - np.sin((parallel - here) / 2) ** 2
    below = np.cos(parallel) * np.cos(here)
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.rad2deg(2 * np.arcsin(np.sqrt(np.clip(above / below, 0.0, 1.0)))) + slack
    # A circle that holds a pole touches every meridian.
    return np.where((np.abs(here) + radius >= np.pi / 2) | ~(above < below), 180.0, half)
