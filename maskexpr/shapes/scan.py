"""Polygons on separable grids by rows (scan-line filling): each edge toggles what lies behind the place where
it crosses a row.

Places are certain to much less than a pixel, but for pixels so near to an edge that rounding or a tie could
decide. Those are asked, by the same predicate as everywhere, so that the answer is that of asking all pixels.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from ..core.arrays import Bools, Floats, Indices, Ints
from ..core.trace import count
from ..grid.lattice import Grid
from ..grid.tiles import Tile, Tiles
from ..pixels.paint import RowRuns, paint_in_window, paint_spans
from ..pixels.ragged import ragged_ranges
from ..pixels.window import Window
from ..sphere.vectors import lonlat
from .meridian import Meridian
from .outline import Outlines
from .pieces import DOUBT, EdgePieces
from .strips import Strip

__all__ = ["PolygonScan"]

_TURN: Final = 2 * np.pi
# Pairs of a row and a piece of an edge whose crossings are sorted together, where polygons are small, and
# that are worked out in one call of numpy: what stays in the cache.
_PAIRS: Final = 1 << 18
_BLOCK: Final = 1 << 15
# Polygons of fewer columns than this are worked out for each tile that they meet. Of others bands of rows are
# kept, that are worked out once for the tiles beside each other.
_NARROW: Final = 256
# Bands of rows that are kept, and the columns up to which one is worked out for the whole map.
_KEPT: Final = 4
_WIDEST: Final = 50_000
# Radians by which a polygon must keep away from the poles to count as compact.
_AWAY: Final = 1e-3


class PolygonScan:
    """The union of polygons in one frame.

    Parameters
    ----------
    groups : sequence of Outlines
        At least one.
    inside : callable
        Asks points about single polygons, by their numbers: those of the groups one after the other.
    """

    def __init__(self, groups: Sequence[Outlines], inside: Callable[[Floats, Ints], Bools]) -> None:
        self._inside = inside
        self._pieces = EdgePieces.of(groups)
        radius = np.concatenate([each.radius for each in groups])
        larger = np.concatenate([each.larger for each in groups])
        centre = np.concatenate([each.centre for each in groups], axis=1)
        lon, lat = (np.deg2rad(each) for each in lonlat(centre))
        number = np.bincount(self._pieces.polygon, minlength=len(radius))
        self._number, self._first = number, np.cumsum(number) - number
        # What keeps away from the poles and is no complement has an outside half a turn from its centre.
        compact = ~larger & (np.abs(lat) + radius < np.pi / 2 - _AWAY)
        with np.errstate(invalid="ignore", divide="ignore"):
            reach = np.arcsin(np.clip(np.sin(radius) / np.cos(lat), 0.0, 1.0)) + 1e-6
        self._reach = np.where(compact, reach, np.pi)
        self._cut = np.where(compact, lon + np.pi, 0.0)
        self._low = np.where(compact, lat - radius - 1e-9, -np.pi)
        self._high = np.where(compact, lat + radius + 1e-9, np.pi)
        self._meridians: dict[int, Meridian] = {}
        ends = np.cumsum([0, *(len(each.radius) for each in groups)])
        for each in np.flatnonzero(~compact).tolist():
            group = int(np.searchsorted(ends, each, side="right")) - 1
            meridian = Meridian.of(np.ascontiguousarray(groups[group].vertices[:, :, each - ends[group]].T))
            self._meridians[each], self._cut[each] = meridian, meridian.lon
        self._lock = threading.Lock()
        self._bands: dict[tuple[Grid, Window], _Band] = {}

    def paint(self, tile: Tile, out: Bools) -> bool:
        """Select the pixels of a tile, shape (ny, nx), that are in a polygon.

        Returns
        -------
        bool
            Whether it was done; it is not where columns are not evenly spaced.
        """
        strip = Strip(tile.geom, tile.window)
        if not strip.is_even:
            return False
        narrow = self._reach * 2 < abs(strip.step) * _NARROW
        for row, start, stop in self._runs(strip, np.flatnonzero(narrow)):
            paint_spans(out, row - tile.window.y0, start - tile.window.x0, stop - tile.window.x0)
        if not narrow.all():
            band = self._band(tile)
            with band.lock:
                if band.runs is None:
                    band.runs = [_small(each) for each in self._runs(band.strip, np.flatnonzero(~narrow))]
            paint_in_window(out, tile.window, band.runs)
        return True

    def reached(self, tiles: Tiles) -> Bools:
        """Which tiles of a separable geometry may hold a pixel that is in a polygon."""
        geom, (y0, y1, x0, x1) = tiles.geom, tiles.bounds
        strip = Strip(geom, Window(int(y0[0]), int(y0[0]) + 1, int(x0.min()), int(x1.max())))
        if not strip.is_even:
            return np.ones(len(tiles), dtype=bool)
        rows, row = np.unique(np.stack([y0, y1 - 1]), axis=1, return_inverse=True)
        columns, column = np.unique(np.stack([x0, x1 - 1]), axis=1, return_inverse=True)
        lat = np.deg2rad(geom.lat_of(rows.ravel())).reshape(rows.shape)
        south, north = lat.min(axis=0), lat.max(axis=0)
        meets = np.zeros((rows.shape[1], columns.shape[1]), dtype=bool)
        step = max(1, _PAIRS // sum(meets.shape))
        for first in range(0, len(self._low), step):
            some = slice(first, first + step)
            # What is off the sky is not told to be away.
            away = (self._low[some, None] > north) | (self._high[some, None] < south)
            off = strip.starts(self._cut[some])[:, None] + (strip.period - columns.sum(axis=0)) / 2
            off -= strip.period * np.rint(off / strip.period)
            wide = self._reach[some, None] / abs(strip.step) + 2 + (columns[1] - columns[0]) / 2
            # In whole numbers of polygons.
            meets |= (~away).T.astype(np.float32) @ (np.abs(off) <= wide).astype(np.float32) > 0
        return meets[row.ravel(), column.ravel()]

    def _band(self, tile: Tile) -> _Band:
        """The rows of a tile, and all columns of the map where these are not too many."""
        window, nx = tile.window, tile.geom.image_shape[1]
        if window.x0 >= 0 and window.x1 <= nx <= _WIDEST:
            window = Window(window.y0, window.y1, 0, nx)
        key = (tile.geom, window)
        with self._lock:
            if key not in self._bands:
                while len(self._bands) >= _KEPT:
                    del self._bands[next(iter(self._bands))]
                self._bands[key] = _Band(Strip(tile.geom, window))
            return self._bands[key]

    def _runs(self, strip: Strip, some: Indices) -> Iterator[RowRuns]:
        """Runs of pixels of some polygons on a strip, in parts."""
        if len(strip.lat) and strip.x0 < strip.x1:
            for part in self._portions(strip, some):
                yield _Scan(self, strip, *part).runs()

    def _portions(self, strip: Strip, some: Indices) -> Iterator[tuple[Indices, Floats]]:
        """Polygons, and the column at which their turn of the sky begins, few enough to be worked out
        together. The columns that are on the sky may lie in two turns.
        """
        meets = some[(self._low[some] <= strip.lat[-1]) & (self._high[some] >= strip.lat[0])]
        # Those of few rows together are painted into what the cache holds.
        meets = meets[np.argsort(self._low[meets], kind="stable")]
        first, wide = strip.starts(self._cut[meets]), self._reach[meets] / abs(strip.step) + 2
        turns = []
        for begin in (first, first + strip.period):
            middle = begin + strip.period / 2
            near = (middle + wide >= strip.x0) & (middle - wide <= strip.x1) & (begin < strip.x1)
            turns.append((meets[near], begin[near]))
        polygon, begin = (np.concatenate(each) for each in zip(*turns, strict=True))
        tall = np.minimum(self._high[polygon], strip.lat[-1]) - np.maximum(self._low[polygon], strip.lat[0])
        per_row = max(strip.lat[-1] - strip.lat[0], 1e-300) / len(strip.lat)
        # A polygon has two pieces on most rows that it reaches.
        pairs = 2 * tall / per_row + self._number[polygon]
        parts = np.flatnonzero(np.diff(np.cumsum(pairs) // _PAIRS)) + 1
        for few in np.split(np.arange(len(polygon)), parts) if len(polygon) else []:
            yield polygon[few], begin[few]


class _Band:
    """The rows of tiles, with the runs on them when they are known."""

    def __init__(self, strip: Strip) -> None:
        self.strip = strip
        self.lock = threading.Lock()
        self.runs: list[RowRuns] | None = None


class _Pairs(NamedTuple):
    """Pairs of a turn and a row on which something is in doubt.

    ``turn`` is the number of the polygon's turn in the portion; ``low`` and ``high`` are how far, in radians
    along the columns, the doubt is from where the turn begins.
    """

    turn: Ints
    row: Ints
    low: Floats
    high: Floats


class _Scan:
    """A portion of the polygons on a strip; see `PolygonScan._portions`."""

    def __init__(self, whole: PolygonScan, strip: Strip, polygon: Indices, begin: Floats) -> None:
        self._whole, self._strip, self._polygon, self._begin = whole, strip, polygon, begin
        self._sign, self._size = np.sign(strip.step), abs(strip.step)
        self._is_compact = bool(whole._reach[polygon].max(initial=0.0) < np.pi / 4)
        # A key is one number for a column in a row of a polygon's turn; each has bits of its own.
        self._slot_bits = int(strip.x1 - strip.x0).bit_length()
        self._row_bits = len(strip.lat).bit_length()

    def runs(self) -> RowRuns:
        """Runs of pixels: rows, starts and stops in indices of the grid, half open, not empty."""
        turn, piece = ragged_ranges(self._whole._first[self._polygon], self._whole._number[self._polygon])
        keys, doubtful = self._crossings(turn, piece)
        asked = self._pixels(doubtful)
        rows = self._whole_rows(keys, doubtful, asked)
        if rows:
            keys = np.concatenate([keys, *rows])
        # Those of a piece are in order already: merging is quicker than quicksort.
        keys.sort(kind="stable")
        flips = self._flips(keys, asked)
        if len(flips):
            keys = np.concatenate([keys, flips])
            keys.sort(kind="stable")
        # In every row of a polygon an even number of toggles: they are starts and stops in turn.
        start, length = keys[::2], keys[1::2] - keys[::2]
        some = np.flatnonzero(length)
        start, length = start[some], length[some]
        _, row, slot = self._parts(start)
        slot += self._strip.x0
        return self._strip.row[row], slot, slot + length

    def _key(self, turn: Ints | int, row: Ints, x: Ints | Floats, number: Ints | int = 1) -> Ints:
        """The keys of columns in rows of turns, each of which stands for so many rows."""
        strip = self._strip
        keys = np.repeat(np.asarray(turn) << self._row_bits, number) | row
        keys <<= self._slot_bits
        keys += np.clip(x, strip.x0, strip.x1).astype(np.int64)
        keys -= strip.x0
        return np.asarray(keys)

    def _parts(self, keys: Ints) -> tuple[Ints, Ints, Ints]:
        """Turns, rows and columns from the first on."""
        line = keys >> self._slot_bits
        slot = keys & ((1 << self._slot_bits) - 1)
        return line >> self._row_bits, line & ((1 << self._row_bits) - 1), slot

    def _crossings(self, turn: Indices, piece: Indices) -> tuple[Ints, _Pairs]:
        """Toggles, and the pairs of which something is in doubt."""
        pieces = self._whole._pieces
        low, high = pieces.low[piece], pieces.high[piece]
        (first, south), (last, north) = self._strip.below(low), self._strip.below(high)
        number = last - first
        blocks = np.flatnonzero(np.diff(np.cumsum(number) // _BLOCK, prepend=0, append=-1)).tolist()
        keys, doubtful = [], []
        for start, stop in pairwise([0, *blocks]):
            some = slice(start, stop)
            found, at, row = self._toggles(turn[some], piece[some], first[some], number[some])
            keys.append(found)
            doubtful.append((at + start, row))
        for near, lat in ((south, low), (north, high)):
            few = np.flatnonzero(near)
            ends = [np.searchsorted(self._strip.lat, lat[few] + each) for each in (-2 * DOUBT, 2 * DOUBT)]
            at, row = ragged_ranges(ends[0], ends[1] - ends[0])
            doubtful.append((few[at], row))
        at, row = (np.concatenate(each) for each in zip(*doubtful, strict=True))
        return np.concatenate(keys), self._doubt(turn[at], pieces.take(piece[at]), row)

    def _toggles(
        self, turn: Indices, piece: Indices, first: Ints, number: Ints
    ) -> tuple[Ints, Indices, Ints]:
        """Toggles where pieces cross so many rows each, from the first on; and which of the pieces, on which
        rows, are in doubt.
        """
        owner, row = ragged_ranges(first, number)
        column, sure = self._columns(turn, piece, number, row)
        keys = self._key(turn, row, np.ceil(column, out=column), number)
        rest = np.flatnonzero(~sure)
        return keys, owner[rest], row[rest]

    def _columns(self, turn: Indices, piece: Indices, number: Ints, row: Ints) -> tuple[Floats, Bools]:
        """Where pieces cross so many rows each, and whether that is certain."""
        strip, whole = self._strip, self._whole
        pieces, period = whole._pieces, strip.period
        # The sine of the distance from the node times the strip's slack is more than the crossing moves.
        far = pieces.moves[piece] / (strip.slack * self._size)
        limit = np.sqrt(np.maximum(1.0 - far * far, 0.0))
        way = pieces.way[piece] * self._sign
        # From where the turn begins to the node.
        node = (pieces.node[piece] - whole._cut[self._polygon[turn]]) / strip.step
        if self._is_compact:
            # All of a polygon is about half a turn from there, so that one whole number of turns is right for
            # a piece: that by which a quarter of a turn from the node, in its way, is nearest to it.
            node -= period * np.rint((node + way * (period / 4)) / period - 0.5)
            node += self._begin[turn]
        # Against the columns: the arccosine of the opposite, less half a turn.
        node -= np.where(way < 0, period / 2, 0.0)
        column = (pieces.slope[piece] * way).repeat(number)
        column *= strip.tan[row]
        unsure = _cut_beyond(column, limit, number)
        np.arccos(column, out=column)
        column /= self._size
        column += node.repeat(number)
        if not self._is_compact:
            column -= period * np.floor(column / period)
            ends = np.flatnonzero(np.abs(column - period / 2) >= period / 2 - strip.slack)
            unsure = np.append(unsure, ends)
            column += self._begin[turn].repeat(number)
        off = np.rint(column)
        off -= column
        sure = np.abs(off, out=off) > strip.slack
        sure[unsure] = False
        return column, sure

    def _doubt(self, turn: Ints, pieces: EdgePieces, row: Ints) -> _Pairs:
        """Between which places pieces come within `DOUBT` of rows, if anywhere."""
        lat = self._strip.lat[row]
        here = pieces.longitude(np.clip(lat, pieces.low, pieces.high))
        # A parallel beyond the apex of a piece counts as met there; the crossing of one at the apex itself is
        # put beside it by rounding.
        low = np.maximum(pieces.low - DOUBT, -np.pi / 2)
        high = np.minimum(pieces.high + DOUBT, np.pi / 2)
        near = [pieces.longitude(np.clip(lat + each, low, high)) for each in (-DOUBT, DOUBT)]
        # A flat piece is near from its start to its end.
        near = [np.where(pieces.flat, end, each) for end, each in zip(pieces.ends, near, strict=True)]
        off = [(each - here) * self._sign for each in near]
        off = [each - _TURN * np.rint(each / _TURN) for each in off]
        along = (here - self._whole._cut[self._polygon[turn]]) * self._sign
        along -= _TURN * np.floor(along / _TURN)
        margin = 2 * DOUBT / self._strip.cos[row] + self._strip.slack * self._size
        low = along + np.minimum(np.minimum(*off), 0.0) - margin
        high = along + np.maximum(np.maximum(*off), 0.0) + margin
        everywhere = high - low >= _TURN
        return _Pairs(turn, row, np.where(everywhere, 0.0, low), np.where(everywhere, _TURN, high))

    def _pixels(self, pairs: _Pairs) -> Ints:
        """Keys of the pixels in doubt, ascending, each once."""
        x0, x1, period = self._strip.x0, self._strip.x1, self._strip.period
        begin = self._begin[pairs.turn]
        found = []
        # What is near the one end of a turn may be near to the other too.
        for shift in (-period, 0.0, period):
            low, high = (begin + each / self._size + shift for each in (pairs.low, pairs.high))
            start = np.maximum(np.ceil(low), np.maximum(np.ceil(begin), x0))
            stop = np.minimum(np.floor(high) + 1, np.minimum(np.ceil(begin + period), x1))
            which, x = ragged_ranges(start.astype(np.int64), np.maximum(stop - start, 0).astype(np.int64))
            found.append(self._key(pairs.turn[which], pairs.row[which], x))
        return np.unique(np.concatenate(found))

    def _asks(self, keys: Ints) -> Bools:
        """Whether pixels, by their keys, are in the polygons of these."""
        count("pixels", len(keys))
        turn, row, slot = self._parts(keys)
        points = self._strip.points(row, slot + self._strip.x0)
        return self._whole._inside(points, self._polygon[turn])

    def _flips(self, keys: Ints, asked: Ints) -> Ints:
        """Toggles that set right those pixels in doubt that sorted toggles set wrong."""
        wrong = asked[self._asks(asked) != _odd(keys, asked)]
        return np.concatenate([wrong, wrong + 1])

    def _whole_rows(self, keys: Ints, pairs: _Pairs, asked: Ints) -> list[Ints]:
        """Toggles at both ends of the turns, in rows whose turn begins inside."""
        found: list[Ints] = []
        through = np.flatnonzero(self._whole._reach[self._polygon] == np.pi).tolist()
        sorted_keys = np.sort(keys) if through else keys
        for turn in through:
            meridian = self._whole._meridians[int(self._polygon[turn])]
            at_end = (pairs.turn == turn) & ((pairs.low <= 0) | (pairs.high >= _TURN))
            rows = self._inside_at_begin(turn, meridian, pairs.row[at_end], sorted_keys, asked)
            begin = self._begin[turn]
            ends = (begin, begin + self._strip.period)
            found += [self._key(turn, rows, np.ceil(each)) for each in ends]
        return found

    def _inside_at_begin(self, turn: int, meridian: Meridian, unsure: Ints, keys: Ints, asked: Ints) -> Ints:
        """The rows on which a turn begins inside: from row to row it changes with each edge between them; a
        pixel that is not in doubt tells it of one row, and of those that are too near to such an edge.
        """
        strip, begin = self._strip, self._begin[turn]
        odd, near = meridian.parity(strip.lat)
        near[unsure] = True
        first, last = (np.ceil(each) for each in (begin, begin + strip.period))
        low, high = (self._key(turn, np.arange(len(strip.lat)), each) for each in (first, last))
        probe = _free(low, high, asked)
        # Of a row without a pixel that is not in doubt nothing has to be told: all its pixels are asked.
        told = probe < high
        known = np.flatnonzero(told & ~near)[:1]
        rows = np.append(np.flatnonzero(told & near), known)
        # The parity of the toggles of the row itself, which are not all even yet.
        before = np.searchsorted(keys, low[rows], side="left") % 2 == 1
        inside = self._asks(probe[rows]) ^ (_odd(keys, probe[rows]) != before)
        out = odd.copy()
        if len(known):
            out ^= inside[-1] ^ odd[known[0]]
        out[rows] = inside
        return np.flatnonzero(out)


def _small(runs: RowRuns) -> RowRuns:
    """Half the memory where numbers are not too large."""
    row, start, stop = runs
    is_large = any(np.abs(each).max(initial=0) >= 2**31 for each in runs)
    return runs if is_large else (row.astype(np.int32), start.astype(np.int32), stop.astype(np.int32))


def _cut_beyond(cosine: Floats, limit: Floats, number: Ints) -> Indices:
    """Which of the cosines of pieces on so many rows each are not below the limit of their piece, 1 at most;
    these are cut to -1 and 1.

    From row to row a piece's rise or fall, so that those at its ends tell of all.
    """
    some = np.flatnonzero(number)
    last = np.cumsum(number)[some] - 1
    first = last - number[some] + 1
    steep = np.flatnonzero(np.maximum(np.abs(cosine[first]), np.abs(cosine[last])) >= limit[some])
    owner, pair = ragged_ranges(first[steep], number[some[steep]])
    beyond = pair[np.abs(cosine[pair]) >= limit[some[steep]][owner]]
    cosine[beyond] = np.clip(cosine[beyond], -1.0, 1.0)
    return beyond


def _odd(keys: Ints, at: Ints) -> Bools:
    """Whether an odd number of sorted keys is not above each."""
    return np.asarray(np.searchsorted(keys, at, side="right") % 2 == 1)


def _free(low: Ints, high: Ints, taken: Ints) -> Ints:
    """The first number of each half-open range that is not among sorted numbers; its end if there is none."""
    out = low.copy()
    place = np.searchsorted(taken, low)
    left = np.arange(len(low))
    while len(left):
        at = np.minimum(place[left], len(taken) - 1)
        hit = (place[left] < len(taken)) & (out[left] < high[left])
        hit &= taken[at] == out[left] if len(taken) else False
        left = left[hit]
        out[left] += 1
        place[left] += 1
    return np.minimum(out, high)
