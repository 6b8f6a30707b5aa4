"""True angles to the nearest selected pixel where diagonals are parallels: the least of what is offered.

The cells of HEALPix lie on iso-latitude rings, at even steps of longitude in a face. To each ring within the
limit a selected pixel offers its distance, and each pixel keeps the least offer. ``sin^2`` of half an angle
is ``sin^2((lat - lat') / 2) + cos(lat) cos(lat') sin^2(n step / 2)``, n columns away: a polynomial of
``n^2`` while the second term's angle is small.

A pixel offers only where it may be the nearest, which its selected neighbours bound: that one of them is no
nearer to a place is an inequality for the sine of the place's longitude from the pixel's, as
``sin^2((l - a) / 2) - sin^2(l / 2)`` is ``(cos l (1 - cos a) - sin l sin a) / 2``. What is left out is
further than something else by more than rounding, so that bits do not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools, Floats, Ints
from ..core.coverage import EMPTY, FULL, Coverage
from ..grid.lattice import EvenRings
from ..grid.neighbours import CapTree, exact_caps, windows_within, within_any
from ..grid.tiles import OFF, Areas, Tile, Tiles
from ..pixels.rectangles import disjoint
from ..pixels.window import Window
from .envelope import SINGLE, Part, angles_of
from .shape import Selection, SkyShape

__all__ = ["Offers", "Rings", "rings_of"]

# Rings within the limit to either side up to which all are asked. Of more, branch and bound costs less: the
# rim is offered to each ring. The data may not choose, or bits would depend on the chunks.
_MOST = 40
# Differences of longitude up to which the series of sin^2 is good to a few 10^-8, radians.
_TURNED = 0.3
# Angles that rounding may bring within the limit, radians.
_ROUNDING = 1e-9
# Blocks whose neighbourhood is looked at, rows that become angles at once, offers that are made at once.
_BLOCK = 64
_ROWS = 256
_OFFERS = 1 << 17
# Pixels that are as dear as another window, and of which there are never too many.
_WINDOW = 1 << 20
_FREE = 1 << 16
# By how much what is nearer has to be nearer, relative to the square of the limit, and what rounding may do
# to columns: more than 32 bits do.
_SURE = 2e-5
_COLUMN = 1e-3
# What the neighbours of a pixel are further in row and column.
_BESIDE = ((1, 0), (0, 1), (0, -1), (-1, 0), (1, -1), (-1, 1), (1, 1), (-1, -1))


class Rings(NamedTuple):
    """The rings of a tile, sums of row and column from ``first`` to before ``stop``, round which longitudes
    are within the limit of small differences.
    """

    tile: Tile
    even: EvenRings
    limit: float
    first: int
    stop: int

    def holds(self, bounds: Ints) -> Bools:
        """Which windows, shape (4, n), lie on them as a whole."""
        y0, y1, x0, x1 = bounds
        return np.asarray((y0 + x0 >= self.first) & (y1 + x1 - 2 < self.stop))

    @property
    def here(self) -> Bools:
        """Which pixels of the tile lie on them, shape (ny, nx)."""
        y0, y1, x0, x1 = self.tile.window
        y, x = np.arange(y0, y1)[:, None], np.arange(x0, x1)
        return np.asarray((x >= self.first - y) & (x < self.stop - y))

    @property
    def around(self) -> Tile:
        """The tile with what is near it on the lattice."""
        lat = self.even.lat_of(np.arange(self.first, self.stop))
        step = self.even.step_of(np.arange(self.first, self.stop))
        columns = np.arcsin(np.sin(self.limit) / np.cos(lat)) / step
        pad = self.reach // 2 + int(columns.max()) + 2
        return self.tile.on(self.tile.window.pad(pad).intersect(self.tile.geom.lattice))

    def parts(self, around: Tile, selected: Bools, shape: SkyShape, selection: Selection) -> Iterator[Part]:
        """See `maskexpr.growth.distance.Near`, of what is selected around the tile and near it."""
        offers = self._offers(around, selected, shape, selection)
        for square, middle in self.squares:
            part = square.intersect(self.tile.window)
            if part.size:
                least = _Square(self, part, square, middle).lowered(offers)
                top, left = part.y0 - self.tile.window.y0, part.x0 - self.tile.window.x0
                for row in range(0, part.shape[0], _ROWS):
                    some = least[row : row + _ROWS]
                    angles = angles_of(np.minimum(some, 1.0))
                    place = slice(top + row, top + row + len(some)), slice(left, left + some.shape[1])
                    yield place, np.minimum(angles, angles.dtype.type(self.limit), out=angles)

    @property
    def squares(self) -> list[tuple[Window, float]]:
        """Squares of even rings, and the longitudes of their middles."""
        windows = [Window(*each) for each in self.even.squares.T.tolist()]
        return list(zip(windows, self.even.middle.tolist(), strict=True))

    @property
    def reach(self) -> int:
        """Rings within the limit to either side."""
        total = np.arange(self.first - _MOST - 1, self.stop + _MOST + 1)
        apart = np.abs(np.diff(self.even.lat_of(total)))
        return int((self.limit + _ROUNDING) / np.nanmin(apart)) + 1

    def _offers(self, around: Tile, selected: Bools, shape: SkyShape, selection: Selection) -> Offers:
        """Of what is around the tile, and of windows that are near it."""
        near = _windows_near(self.tile, around, shape, selection)
        windows = [around.on(Window(*each)) for each in near.T.tolist()]
        found = [_found(around, selected), *(_found(some, selection.values(some)) for some in windows)]
        y, x, beside = (np.concatenate(each, axis=-1) for each in zip(*found, strict=True))
        order = np.argsort(y + x, kind="stable")
        y, x, beside = y[order], x[order], beside[:, order]
        total, aside, middle = y + x, np.zeros(len(y), dtype=np.int64), np.zeros(len(y))
        for (y0, y1, x0, x1), centre in self.squares:
            inside = (y >= y0) & (y < y1) & (x >= x0) & (x < x1)
            np.copyto(aside, (x - x0) - (y - y0), where=inside)
            np.copyto(middle, centre, where=inside)
        step = self.even.step_of
        lon = aside / 2 * step(total)
        away = np.stack([(aside + dx - dy) / 2 * step(total + dx + dy) - lon for dy, dx in _BESIDE])
        versine = np.where(beside, 2 * np.sin(away / 2) ** 2, np.inf)
        return Offers(total, middle + lon, np.sin(away), versine)


class Offers(NamedTuple):
    """Selected pixels in the order of their sums of row and column, their longitudes in radians, and for each
    of the neighbours of `_BESIDE` how much further east it is: its sine, and one minus its cosine, shape
    (8, n); infinite where it is not selected.
    """

    total: Ints
    lon: Floats
    sine: Floats
    versine: Floats


def rings_of(tile: Tile, limit: float) -> Rings | None:
    """The rings of a tile that can be measured together; None if there are none."""
    even = tile.geom.even_rings
    if even is None:
        return None
    # Latitudes change least in the middle of the lattice.
    middle = int(even.squares.sum()) // (2 * even.squares.shape[1]) - 1
    south, north = even.lat_of(np.array([middle, middle + 1]))
    if limit + _ROUNDING >= _MOST * abs(north - south):
        return None
    y0, y1, x0, x1 = tile.window
    total = np.arange(y0 + x0, y1 + x1 - 1)
    lat = even.lat_of(total)
    with np.errstate(invalid="ignore"):
        held = np.abs(lat) + limit < np.pi / 2
        held &= np.sin(limit) <= np.sin(_TURNED) * np.cos(lat)
    some = np.flatnonzero(held)
    if not len(some):
        return None
    return Rings(tile, even, limit, int(total[some[0]]), int(total[some[-1]]) + 1)


def _windows_near(tile: Tile, around: Tile, shape: SkyShape, selection: Selection) -> Ints:
    """Few windows that hold all that is selected and near a pixel of a tile, outside of what is around it."""
    held = around.tiles.bounds
    blocks, _ = tile.tiles.split(_BLOCK)
    blocks = blocks.take(blocks.sky != OFF)
    caps = exact_caps(blocks)
    cover = selection.cover(Areas(tile.geom, caps.grow(shape.bound), tile.plane))
    is_open = (cover != FULL) & (cover != EMPTY) & (caps.radius >= 0)

    def beyond(windows: Tiles) -> Coverage:
        found = np.full(len(windows), EMPTY, dtype=np.uint8)
        outside = np.flatnonzero(~within_any(windows.bounds, held))
        found[outside] = selection.cover(windows.take(outside))
        return found

    near = windows_within(tile.geom, CapTree(caps.take(is_open)), shape.bound, beyond, held, tile.plane)
    return disjoint(near.bounds, max(tile.window.size // 2, _FREE), _WINDOW)


def _found(tile: Tile, values: Bools) -> tuple[Ints, Ints, Bools]:
    """Rows and columns of the selected pixels of a tile that may be the nearest of another, and what is
    beside them; see `Offers`.
    """
    if tile.on_sky is not None:
        values = values & tile.on_sky
    ny, nx = values.shape
    around = np.zeros((ny + 2, nx + 2), dtype=bool)
    around[1:-1, 1:-1] = values
    beside = [around[1 + dy : 1 + dy + ny, 1 + dx : 1 + dx + nx] for dy, dx in _BESIDE]
    y, x = np.nonzero(values & ~(beside[0] & beside[1] & beside[2] & beside[3]))
    return y + tile.window.y0, x + tile.window.x0, np.stack([each[y, x] for each in beside])


class _Bounds(NamedTuple):
    """How far to one side pixels are the nearest: by neighbours on that side, that are so many rings
    ``further``, one over the sines of how much further aside they are, and one minus their cosines; infinite
    where they are not selected.
    """

    further: list[int]
    over: NDArray[Any]
    versine: NDArray[Any]

    def take(self, some: slice | Ints) -> _Bounds:
        """Those of some pixels."""
        return _Bounds(self.further, self.over[:, some], self.versine[:, some])

    def least(self, nearer: dict[int, NDArray[Any]], far: NDArray[Any]) -> NDArray[Any]:
        """Sines of longitudes, at most so far."""
        out = far.copy()
        bound = np.empty_like(far)
        for further, by, more in zip(self.further, self.over, self.versine, strict=True):
            np.add(nearer[further], more, out=bound)
            bound *= by
            np.minimum(out, bound, out=out)
        return out


def _bounds(offers: Offers, sign: int, kind: Any) -> _Bounds:
    """To the east (1) or west (-1)."""
    some = [i for i, (dy, dx) in enumerate(_BESIDE) if sign * (dx - dy) >= 0]
    sine, versine = sign * offers.sine[some], offers.versine[some]
    versine = np.where(sine < 0, np.inf, versine).astype(kind)
    over = (1 / np.maximum(sine, 1e-30)).astype(kind)
    return _Bounds([_BESIDE[i][0] + _BESIDE[i][1] for i in some], over, versine)


class _Left(NamedTuple):
    """Pixels that may be the nearest of others further on: sums of row and column, longitudes, bounds."""

    total: Ints
    lon: Floats
    east: _Bounds
    west: _Bounds

    def take(self, some: slice | Ints) -> _Left:
        """Some of them."""
        return _Left(self.total[some], self.lon[some], self.east.take(some), self.west.take(some))


class _Square:
    """The least offers to the pixels of a part of a square in which diagonals are parallels."""

    def __init__(self, rings: Rings, part: Window, square: Window, middle: float) -> None:
        self._limit = rings.limit + _ROUNDING
        self._middle = middle
        self._corner = square.y0, square.x0
        self._reach = rings.reach
        self._first = max(rings.first, part.y0 + part.x0)
        self._stop = max(min(rings.stop, part.y1 + part.x1 - 1), self._first)
        self._step = rings.even.step_of(np.arange(self._first, self._stop))
        # Of the rings, and of more before and after than are within the limit.
        self._around = self._reach + 2
        lat = rings.even.lat_of(np.arange(self._first - self._around, self._stop + self._around))
        self._lat, self._cos = lat[self._around : -self._around], np.cos(lat)
        turns = range(-self._around, self._around + 1)
        self._apart = {turn: np.sin((self._lat - self._turned_by(turn, lat)) / 2) ** 2 for turn in turns}
        self._turned = np.arcsin(np.sin(self._limit) / np.cos(self._lat))
        widest = int((self._turned / self._step).max(initial=0.0))
        self._pad = 1 << (2 * widest + 3).bit_length()
        self._part = part
        kind = np.float32 if rings.limit <= SINGLE else np.float64
        self._out = np.full([side + 2 * self._pad for side in part.shape], np.inf, dtype=kind)

    def lowered(self, offers: Offers) -> NDArray[Any]:
        """``sin^2`` of half the least angle of each pixel, infinite where none is near."""
        kind = self._out.dtype
        lon = np.remainder(offers.lon - self._middle + np.pi, 2 * np.pi) - np.pi
        every = _Left(offers.total, lon, *(_bounds(offers, sign, kind) for sign in (1, -1)))
        for way in (1, -1):
            left = every
            for turn in range(0 if way > 0 else way, way * (self._reach + 1), way):
                low, high = np.searchsorted(left.total, [self._first - turn, self._stop - turn])
                if low < high:
                    some = self._turn(turn, left.take(slice(low, high))) + low
                    # Spherical Voronoi cells are convex: a pixel whose cell does not reach this ring reaches
                    # none beyond it.
                    if turn and 4 * len(some) < 3 * (high - low):
                        rest = np.arange(high, len(left.total))
                        left = left.take(np.concatenate([np.arange(low), some, rest]))
        pad = self._pad
        return self._out[pad:-pad, pad:-pad]

    def _turned_by(self, turn: int, values: Floats) -> Floats:
        """What is known around the rings, of those so many rings before."""
        return values[self._around - turn : self._around - turn + self._stop - self._first]

    def _turn(self, turn: int, offers: _Left) -> NDArray[np.intp]:
        """Lower by what pixels offer so many rings further; which may be the nearest of a place there."""
        ring = offers.total + turn - self._first
        kind, square = self._out.dtype, np.sin(self._limit / 2) ** 2
        apart, other = self._apart[turn], self._turned_by(turn, self._cos)
        cosine = self._turned_by(0, self._cos)
        both = cosine * other
        far = 2 * np.arcsin(np.sqrt(np.clip((square - apart) / np.where(both > 0, both, 1.0), 0, 1)))
        far = np.where(apart <= square, far, -1.0).astype(kind).take(ring)
        nearer = {}
        for further in (-2, -1, 0, 1, 2):
            beside = self._turned_by(turn - further, self._cos)
            # What rounding, and the bend of the parallels within the limit, may do.
            bend = np.maximum(beside - other, 0) * cosine * np.sin(self._turned / 2) ** 2
            more = self._apart[turn - further] - apart + bend + _SURE * square
            # Beyond a pole nothing is nearer.
            bound = np.nan_to_num(more * 2 / (cosine * beside), nan=np.inf)
            nearer[further] = bound.astype(kind).take(ring)
        high, low = (side.least(nearer, far) for side in (offers.east, offers.west))
        half = (self._step / 2) ** 2
        series = np.stack([apart, both * half, -both * half**2 / 3, both * half**3 * (2 / 45)]).astype(kind)
        some = np.flatnonzero(low >= -high)
        self._offer(ring[some], offers.lon[some], -low[some], high[some], series)
        return some

    def _offer(
        self, ring: Ints, lon: Floats, low: NDArray[Any], high: NDArray[Any], series: NDArray[Any]
    ) -> None:
        """Lower pixels of rings whose longitudes are between a lower and a higher one from the places that
        offer.
        """
        kind = self._out.dtype
        step = self._step[ring]
        # Angles are more than their sines.
        wide = 1 + self._turned[ring] ** 2 / 5
        low, high = np.minimum(low, low * wide) / step, np.maximum(high, high * wide) / step
        (y0, y1, x0, x1), (top, left) = self._part, self._corner
        total = ring + self._first - top - left
        odd = total & 1
        exact = lon / step
        place = np.rint(exact - odd / 2)
        away = place + odd / 2 - exact
        first = np.ceil(low - away - _COLUMN)
        number = (np.floor(high - away + _COLUMN) - first).astype(np.int64) + 1
        y = (total >> 1) - (place + first).astype(np.int64)
        x = total - y + left
        y += top
        some = (number > 0) & (y >= y0) & (y - number < y1) & (x < x1) & (x + number > x0)
        number[~some] = 0
        away, first = away.astype(kind), first.astype(kind)
        index = (y - (y0 - self._pad)) * self._out.shape[1] + x - (x0 - self._pad)
        each = 1
        while len(number) and each // 2 < number.max():
            every = np.flatnonzero((number <= each) & (number > each // 2))
            for begin in range(0, len(every), _OFFERS // each):
                few = every[begin : begin + _OFFERS // each]
                self._lower(index[few], first[few], away[few], series.take(ring[few], axis=1), each)
            each *= 2

    def _lower(
        self, index: Ints, first: NDArray[Any], away: NDArray[Any], series: NDArray[Any], width: int
    ) -> None:
        """Lower as many pixels on from each of some, the first of them so many columns from what offers."""
        out = self._out
        column = np.arange(width)
        square = column.astype(out.dtype) + first[:, None]
        square += away[:, None]
        square *= square
        offer = square * series[3][:, None]
        offer += series[2][:, None]
        offer *= square
        offer += series[1][:, None]
        offer *= square
        offer += series[0][:, None]
        places = index[:, None] + column * (1 - out.shape[1])
        np.minimum.at(out.reshape(-1), places.reshape(-1), offer.reshape(-1))
