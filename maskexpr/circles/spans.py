"""Circles on separable grids: each circle cuts each row of pixels in one run, whose ends are found
analytically.

An end that lies clearly between two columns is certain. The few others are tested as pixels, by the same
predicate as everywhere, so that the answer equals that of a pixel-by-pixel test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats, Ints
from ..core.once import once
from ..core.pieces import Pieces
from ..core.threads import in_slices
from ..grid.lattice import Grid
from ..grid.tiles import Tile, Tiles
from ..pixels.paint import paint_in_window
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from ..sphere.vectors import TIE, chord2_of, unit, within

__all__ = ["Disks", "SpanIndex", "Strip", "circle_spans", "spans", "widest"]

_Runs = tuple[NDArray[np.signedinteger[Any]], NDArray[np.signedinteger[Any]], NDArray[np.signedinteger[Any]]]

# A run's end further than so many columns from every column is certain, where rounding moves it by less.
_SLACK = 1e-5
# How far rounding may move a point against a circle (radians), all added up, with room: see `_is_certain`.
_MOVED = 5e-14
# Rows of circles that are worked out together: enough that threads do not wait for each other between calls.
_PIECE = 1 << 15
# Pairs of a circle and a tile that are asked together.
_MEETINGS = 1 << 20


class Disks(NamedTuple):
    """Circles in the frame of a geometry: unit vectors, shape (3, n), radii in radians, and longitudes and
    latitudes of the centres in degrees.
    """

    centre: Floats
    radius: Floats
    lon: Floats
    lat: Floats

    def take(self, index: Ints | Bools | slice) -> Disks:
        """The circles at an index."""
        return Disks(self.centre[:, index], self.radius[index], self.lon[index], self.lat[index])


def circle_spans(tile: Tile, disks: Disks) -> tuple[Ints, Ints, Ints]:
    """Runs of pixels of a tile of a separable geometry whose centres lie in circles.

    Returns
    -------
    row, start, stop : ndarray of int
        Runs in indices of the tile, half open and not empty; they may overlap.
    """
    y0, _, x0, _ = tile.window
    strip = Strip(tile.geom, tile.window)
    low, high = strip.rows_of(disks)
    circle, middle, _ = strip.copies(disks)
    row, start, stop = spans(strip, disks.take(circle), middle, low[circle], high[circle])
    return row - y0, start - x0, stop - x0


class Strip:
    """A window of a separable geometry: what belongs to its rows and columns alone.

    Rows are those on the sky, in order; a row's number counts among them.
    """

    def __init__(self, geom: Grid, window: Window) -> None:
        self.geom = geom
        self.window = window
        self.period = 360.0 / abs(geom.lon_step)
        lat = geom.lat_of(np.arange(window.y0, window.y1))
        on_sky = np.flatnonzero(np.isfinite(lat))
        self.row = on_sky + window.y0
        self.lat = lat[on_sky]
        half = np.deg2rad(self.lat) / 2
        self.sin_half, self.cos_half = np.sin(half), np.cos(half)
        self.cos = np.cos(2 * half)
        # The one column that is on the sky however far the map reaches beyond it.
        self._origin = geom.reference_pixel[1]
        self._origin_lon = geom.lon_of(np.array([self._origin]))[0]
        # Two columns more than the window has: ends are looked for one column either side.
        self._lon = geom.lon_of(np.arange(window.x0 - 2, window.x1 + 2))

    def columns(self, lon: Floats) -> Floats:
        """Column of each longitude, in the copy nearest to the middle of the columns that are on the sky.

        A window may be many turns wide: only the turn round the origin is on the sky.
        """
        column = self._origin + (lon - self._origin_lon) / self.geom.lon_step
        first = max(self.window.x0, self._origin - self.period / 2)
        last = min(self.window.x1 - 1, self._origin + self.period / 2)
        middle = (first + last) / 2
        return np.asarray(column - np.round((column - middle) / self.period) * self.period)

    @once
    def is_even(self) -> bool:
        """Whether the geometry's own longitudes are those of evenly spaced columns, with room to `_SLACK`."""
        x0, x1 = self.window.x0 - 2, self.window.x1 + 2
        off = self.columns(self._lon) - np.arange(x0, x1)
        off = np.abs(off - np.round(off / self.period) * self.period)
        # The second part is what rounding does to sums and differences of columns.
        rounding = 1e-15 * (abs(x0) + abs(x1) + abs(self._origin) + 2 * self.period)
        return bool(np.nanmax(off, initial=0.0) + rounding < _SLACK / 4)

    def rows_of(self, disks: Disks) -> tuple[Ints, Ints]:
        """The first row that each circle can reach, and the one after the last."""
        rows, reach = self.lat, np.rad2deg(disks.radius) + 1e-9
        if not len(rows):
            return (np.zeros(len(reach), dtype=np.int64),) * 2
        # Rows so near to a pole that they have one latitude are as good as one row.
        step = (rows[-1] - rows[0]) / max(len(rows) - 1, 1) or 1.0
        off = float(np.max(np.abs((rows - rows[0]) / step - np.arange(len(rows))))) + 1e-9
        if off < 1e-3:
            # Evenly spaced: by arithmetic, a tenth of the time of a search. A row too many is tested in vain.
            middle, half = (disks.lat - rows[0]) / step, reach / abs(step) + off
            low, high = np.ceil(middle - half), np.floor(middle + half) + 1
            return tuple(np.clip(each, 0, len(rows)).astype(np.int64) for each in (low, high))
        descending = rows[0] > rows[-1]
        ordered = rows[::-1] if descending else rows
        low = np.searchsorted(ordered, disks.lat - reach, side="left")
        high = np.searchsorted(ordered, disks.lat + reach, side="right")
        return (len(rows) - high, len(rows) - low) if descending else (low, high)

    def copies(self, disks: Disks) -> tuple[Ints, Floats, Floats]:
        """Circles that may reach the columns, the columns of their centres, and how far from there they may
        reach; a circle may come in from the other side of the seam too.
        """
        middle, wide = _by_slices(
            lambda some: (self.columns(some.lon), widest(some) / abs(self.geom.lon_step) + 2), disks
        )
        _, _, x0, x1 = self.window
        first, last = middle - wide, middle + wide
        shifts = (0.0, -self.period, self.period)
        circle = [np.flatnonzero((last >= x0 - shift) & (first <= x1 - shift)) for shift in shifts]
        where = [middle[hit] + shift for hit, shift in zip(circle, shifts, strict=True)]
        found = np.concatenate(circle)
        return found, np.concatenate(where), wide[found]

    @once
    def vectors(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Cosines and sines of the longitudes of columns, from two before the first, and of the latitudes of
        rows, as in unit vectors.
        """
        column, parallel = unit(self._lon, 0.0), unit(0.0, self.lat)
        return column[0], column[1], parallel[0], parallel[2]


def _by_slices(work: Callable[[Disks], tuple[Any, Any]], disks: Disks) -> tuple[Any, Any]:
    """Two arrays of numbers that are told of each circle for itself, by threads."""
    parts = in_slices(lambda some: work(disks.take(some)), len(disks.radius))
    if len(parts) == 1:
        return parts[0]
    one, other = (np.concatenate(each) for each in zip(*parts, strict=True))
    return one, other


def widest(disks: Disks) -> Floats:
    """Bound of the half-widths of circles in longitude, degrees."""
    cos_lat = np.cos(np.deg2rad(disks.lat))
    with np.errstate(divide="ignore", invalid="ignore"):
        sine = np.sin(disks.radius) / cos_lat
    # A circle that comes near a pole may touch every meridian; elsewhere rounding is far less than 1e-6 deg.
    free = np.abs(disks.lat) + np.rad2deg(disks.radius) < 90.0 - 1e-3
    return np.where(free, np.rad2deg(np.arcsin(np.clip(sine, 0.0, 1.0))) + 1e-6, 180.0)


def spans(strip: Strip, disks: Disks, middle: Floats, low: Ints, high: Ints) -> tuple[Ints, Ints, Ints]:
    """Runs of circles on the rows of a strip.

    Parameters
    ----------
    strip : Strip
        The rows, and the columns that runs are cut to.
    disks : Disks
        n circles.
    middle : ndarray, shape (n,)
        Columns of their centres.
    low, high : ndarray of int, shape (n,)
        Numbers of the rows to look at, half open.

    Returns
    -------
    row, start, stop : ndarray of int
        Runs in indices of the geometry, half open and not empty; they may overlap.
    """
    _, _, x0, x1 = strip.window
    number = np.maximum(high - low, 0)
    circle, row = ragged_ranges(low, number)
    half, known = _half_width(strip, disks, circle, row)
    here = middle[circle]
    left, right = here - half, here + half
    # NaN, where a circle does not reach the parallel, is in no comparison.
    keep = np.flatnonzero((right >= x0 - 1) & (left <= x1))
    circle, row, left, right, known = circle[keep], row[keep], left[keep], right[keep], known[keep]
    for end in (left, right):
        known &= np.abs(end - np.rint(end)) > _SLACK
    start, last = np.ceil(left), np.floor(right)
    open_ = np.flatnonzero(~known) if strip.is_even else np.arange(len(row))
    if len(open_):
        test = _Tester(strip, disks, circle[open_], row[open_])
        start[open_] = test.first(start[open_].astype(np.int64), step=-1)
        last[open_] = test.first(last[open_].astype(np.int64), step=1)
    np.maximum(start, x0, out=start)
    np.minimum(last, x1 - 1, out=last)
    some = np.flatnonzero(start <= last)
    return strip.row[row[some]], start[some].astype(np.int64), last[some].astype(np.int64) + 1


def _half_width(strip: Strip, disks: Disks, circle: Ints, row: Ints) -> tuple[Floats, Bools]:
    """Half-widths of circles on parallels in columns, NaN where a circle does not reach the parallel, and
    which of them are certain to less than `_SLACK`.

    From the haversine formula: sin^2(dlon/2) = (sin^2(r/2) - sin^2(dlat/2)) / (cos(b) cos(b0)). What
    belongs to a circle or a row alone is worked out once for each. As in `within`, a circle beyond 90
    degrees is what the circle round the antipode leaves of the parallel.
    """
    half = np.deg2rad(disks.lat) / 2
    # The limit of `within`.
    radius = disks.radius - TIE
    far = radius > np.pi / 2
    limit = chord2_of(np.where(far, np.pi - radius, radius)) / 4
    blur = _MOVED * np.sqrt(limit) + _MOVED**2
    above = strip.sin_half[row] * np.cos(half)[circle]
    above -= strip.cos_half[row] * np.where(far, -np.sin(half), np.sin(half))[circle]
    np.multiply(above, above, out=above)
    np.subtract(limit[circle], above, out=above)
    below = strip.cos[row] * np.cos(2 * half)[circle]
    known = _is_certain(above, below, blur[circle], np.deg2rad(abs(strip.geom.lon_step)))
    # The tolerance lets doubtful rows through to the test of pixels.
    missed = (above < -1e-15) & ~far[circle]
    np.maximum(above, 0.0, out=above)
    np.maximum(below, 1e-300, out=below)
    np.minimum(above, below, out=above)
    above /= below
    width = np.arcsin(np.sqrt(above, out=above), out=above)
    np.subtract(np.pi / 2, width, out=width, where=far[circle])
    width *= strip.period / np.pi
    width[missed] = np.nan
    return width, known


def _is_certain(above: Floats, below: Floats, blur: Floats, step: float) -> Bools:
    """Which half-widths rounding moves by less than half of `_SLACK` columns.

    A point at latitude b is inside if below * sin^2(dlon / 2) < above. In floating point:

    - The vectors that the predicate compares are off by less than 4e-15 each (degrees to radians and back at
      up to 2 pi, sines, cosines, products), and so are the latitudes and the centre's longitude here. All
      that together is as if the point were moved against the circle by less than 1.5e-14; `_MOVED` is more
      than three times that. What rounding does to squares and sums is relative, less than 3e-15 of the
      squared chord, and counts for less.
    - With the limit D = sin(r / 2), a move by m changes `above` or ``below * sin^2`` by less than
      D m + m^2 at the rim: that is `blur`. (For ``cos(b) cos(b0)`` alone: its change times sin^2 is at
      most m u with u = max(cos b, cos b0) sin^2, and u < 4 D at the rim.)
    - dlon = 2 arcsin(sqrt(above / below)) has the derivative 1 / sqrt(above (below - above)) by `above`. Both
      factors are more than 1000 times the blur, so they are as good as constant within it, and the rim
      moves by less than 1.01 blur / sqrt(above (below - above)).

    Rounding of what is then done to columns is left to `Strip.is_even`.
    """
    room = below - above
    least = np.minimum(above, room)
    room *= above
    return np.asarray((least > 1000.0 * blur) & (room > (2.1 / (_SLACK * step) * blur) ** 2))


class _Tester:
    """Tests the pixels near the analytic ends of runs."""

    def __init__(self, strip: Strip, disks: Disks, circle: Ints, row: Ints) -> None:
        self._x0, self._x1 = strip.window.x0 - 2, strip.window.x1 + 2
        self._cos_lon, self._sin_lon, cos_lat, sin_lat = strip.vectors
        self._cos_lat, self._sin_lat = cos_lat[row], sin_lat[row]
        self._centre, self._radius = disks.centre[:, circle], disks.radius[circle]

    def first(self, guess: Ints, step: int) -> Ints:
        """The outermost pixel inside, looked for at the guess, one further out and one further in."""
        out = np.clip(guess, self._x0, self._x1 - 1)
        near = np.flatnonzero((guess > self._x0) & (guess < self._x1 - 1))
        further = self._inside(near, guess[near] + step)
        there = self._inside(near, guess[near])
        out[near] = np.where(further, guess[near] + step, np.where(there, guess[near], guess[near] - step))
        return out

    def _inside(self, which: Ints, x: Ints) -> Bools:
        column = x - self._x0
        xyz = np.empty((3, len(which)))
        np.multiply(self._cos_lat[which], self._cos_lon[column], out=xyz[0])
        np.multiply(self._cos_lat[which], self._sin_lon[column], out=xyz[1])
        xyz[2] = self._sin_lat[which]
        return within(xyz, self._centre[:, which], self._radius[which])


class SpanIndex:
    """Runs of many circles on the map of one separable geometry.

    Parameters
    ----------
    disks : Disks
        Circles in the frame of the geometry; neighbours should follow each other.

    Attributes
    ----------
    done : ndarray of bool, shape (n,)
        Which circles are painted; the others have so many rows that each tile should look at its own only.
    window : Window
        Tiles within it can be painted.
    """

    def __init__(self, geom: Grid, disks: Disks) -> None:
        ny, nx = geom.image_shape
        self.window = Window(0, ny, 0, nx)
        self._disks = disks
        self._strip = Strip(geom, self.window)
        self._integer: type[np.signedinteger[Any]] = np.int32 if max(ny, nx) < 2**31 else np.int64
        self._low, self._high = _by_slices(self._strip.rows_of, disks)
        number = self._high - self._low
        self.done = number <= _PIECE
        circle, middle, reach = self._strip.copies(disks)
        some = np.flatnonzero((self.done & (number > 0))[circle])
        self._circle, self._middle = circle[some], middle[some]
        piece = (np.cumsum(number[self._circle]) - 1) // _PIECE
        self._first = np.flatnonzero(np.diff(piece, prepend=-1))
        self._reach = reach[some]
        self._boxes = self._bound(self._reach)
        self._pieces = Pieces(len(self._first), self._runs)

    def _bound(self, reach: Floats) -> Floats:
        """First and last row, first and last column that each piece may touch."""
        if not len(self._first):
            return np.empty((4, 0))
        # Rows on the sky are in order.
        low = np.minimum.reduceat(self._low[self._circle], self._first)
        high = np.maximum.reduceat(self._high[self._circle], self._first) - 1
        west = np.minimum.reduceat(self._middle - reach, self._first)
        east = np.maximum.reduceat(self._middle + reach, self._first)
        return np.stack([self._strip.row[low], self._strip.row[high], west, east])

    def reached(self, tiles: Tiles) -> Bools | None:
        """Which tiles have rows and columns that a circle has too; None where that takes long to tell."""
        y0, y1, x0, x1 = tiles.bounds
        out = np.zeros(len(tiles), dtype=bool)
        step = max(1, len(self._circle) * len(tiles) // _MEETINGS)
        # Most tiles are told by some of the circles.
        for some in (slice(None, None, step), slice(None)) if step > 1 else (slice(None),):
            left = np.flatnonzero(~out)
            circle, middle, reach = (each[some, None] for each in (self._circle, self._middle, self._reach))
            if len(left) * len(circle) > 2 * _MEETINGS:
                return None
            first, last = (self._strip.row[each[circle]] for each in (self._low, self._high - 1))
            meets = (first < y1[left]) & (last >= y0[left])
            meets &= (middle - reach < x1[left]) & (middle + reach >= x0[left])
            out[left] = meets.any(axis=0)
        return out

    def _runs(self, piece: int) -> _Runs:
        """Runs of the circles of a piece."""
        first, *after = self._first[piece : piece + 2].tolist()
        some = slice(first, after[0] if after else None)
        circle = self._circle[some]
        runs = spans(
            self._strip, self._disks.take(circle), self._middle[some], self._low[circle], self._high[circle]
        )
        row, start, stop = (each.astype(self._integer) for each in runs)
        return row, start, stop

    def paint(self, tile: Tile, out: Bools) -> None:
        """Select the pixels of a tile, shape (ny, nx), that lie in the circles that are done."""
        y0, y1, x0, x1 = tile.window
        low_y, high_y, low_x, high_x = self._boxes
        near = np.flatnonzero((high_y >= y0) & (low_y < y1) & (high_x >= x0) & (low_x < x1))
        paint_in_window(out, tile.window, self._pieces.take(near.tolist()))
