"""The metric of the sky in the plane of pixels, bounded over blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..grid.lattice import Grid
from ..grid.tiles import OFF, Tile, Tiles
from ..sphere.vectors import unit

__all__ = ["Metrics", "block_metrics", "hiding_rings"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# A step of this many radians is differentiated over: its square is the relative error, and rounding is 10^-16
# over it.
_STEP = 1e-5
# The metric may vary by this factor within reach of a block, or the block is not smooth.
_VARIES = 3.0
# How far below a whole number of pixels the slant of a lattice is to stay, and rings of neighbours that are
# looked at at most.
_MARGIN = 0.1
_RINGS = 4
# The least height of a reduced slanted lattice over its base, squared, where 0.25 is the limit.
_HEIGHT = 0.3
# Relative margins for rounding and differences.
_SURE = 1e-6
# Where the sides of blocks begin.
_FIRST = 64
# Beyond this radius (radians) a block and what is within reach of it have no one shape.
_RADIUS = 0.5
# Pixels that no smooth block reaches.
_FAR = 1e9


class Metrics(NamedTuple):
    """For n blocks, bounds of the squared length (radians) of a step of (dy, dx) pixels.

    It is between ``low`` and ``high`` times ``yy dy^2 + 2 yx dy dx + xx dx^2`` anywhere within reach of the
    block.
    """

    radius: float
    yy: Floats
    yx: Floats
    xx: Floats
    low: Floats
    high: Floats
    reach: Ints
    """Rows and columns that the radius reaches at most, shape (2, n)."""
    smooth: NDArray[np.bool_]
    """Whether the bounds hold: all within reach is on the sky and varies little."""
    rings: Ints
    """A pixel is never the nearest selected one of another if all pixels within so many rows and columns of
    it are selected.
    """

    def take(self, index: NDArray[np.bool_]) -> Metrics:
        """The metrics of some of the blocks."""
        return Metrics._make((self.radius, *(each[..., index] for each in self[1:])))

    def columns(self, dy: Ints, inner: bool) -> tuple[Ints, Ints]:
        """First and last column, in each row ``dy``, of the pixels surely (``inner``) or perhaps within the
        radius.

        Returns
        -------
        first, last : ndarray of int64, shape (n, rows)
            ``first > last`` where there are none.
        """
        sure = 1 - 1e-9 if inner else 1 + 1e-9
        square = sure * self.radius**2 / (self.high if inner else self.low)
        rest = (square / self.xx)[:, None] - ((self.yy - self.yx**2 / self.xx) / self.xx)[:, None] * dy**2.0
        middle = (-self.yx / self.xx)[:, None] * dy
        half = np.sqrt(np.maximum(rest, 0.0))
        none = rest < 0
        first = np.where(none, 1, np.ceil(middle - half)).astype(np.int64)
        last = np.where(none, 0, np.floor(middle + half)).astype(np.int64)
        return first, last


def block_metrics(tile: Tile, radius: float, smallest: int, largest: int) -> tuple[Tiles, Metrics, Tiles]:
    """Cut a tile into blocks over which the metric varies little, and bound it over each.

    Parameters
    ----------
    radius : float
        Radians.
    smallest, largest : int
        Sides of the blocks, powers of two. The radius in pixels decides where to begin; a block that is not
        smooth is halved.

    Returns
    -------
    blocks : Tiles
    metrics : Metrics
        Of the blocks.
    left : Tiles
        Blocks of the smallest side that are not smooth, but for some that are off the sky.
    """
    side = min(_FIRST, largest)
    scale = np.deg2rad(float(tile.geom.pixel_scales.to_value("deg").min()))
    while side < largest and side * scale < radius:
        side *= 2
    todo = _on_sky(tile.tiles.split(side)[0])
    if radius >= _RADIUS or not tile.geom.smooth:
        return todo.take(np.zeros(len(todo), dtype=bool)), _none(radius), todo
    found, known = [], []
    while True:
        metrics = _within_reach(todo, radius)
        found.append(todo.bounds[:, metrics.smooth])
        known.append(metrics.take(metrics.smooth))
        todo = todo.take(~metrics.smooth)
        side //= 2
        if not len(todo) or side < smallest:
            break
        todo = _on_sky(todo.split(side)[0])
    return Tiles(tile.geom, np.concatenate(found, axis=1), tile.plane), _joined(known), todo


def _on_sky(blocks: Tiles) -> Tiles:
    """Blocks without those that are off the sky."""
    return blocks.take(blocks.sky != OFF)


def _within_reach(blocks: Tiles, radius: float) -> Metrics:
    # The middles tell how far the radius reaches; then it is bounded over that with room to spare, and more
    # of it where the metric varies so much that it was not enough.
    guess = _reach_at_middles(blocks.geom, blocks.bounds, radius)
    found, fits = _with_margin(blocks.geom, blocks.bounds, radius, np.ceil(1.15 * guess + 4))
    again = np.flatnonzero(found.smooth & ~fits)
    if len(again):
        margin = np.ceil(1.5 * found.reach[:, again] + 4)
        more, enough = _with_margin(blocks.geom, blocks.bounds[:, again], radius, margin)
        for old, new in zip(found[1:], more[1:], strict=True):
            old[..., again] = new
        fits[again] = enough
    return found._replace(smooth=found.smooth & fits)


def _reach_at_middles(geom: Grid, bounds: Ints, radius: float) -> Floats:
    """Rows and columns that a radius reaches by the metric at the middles of windows, shape (2, n); 0 where
    it is not known.
    """
    y0, y1, x0, x1 = bounds
    yy, yx, xx = _metric_at(geom, (y0 + y1 - 1) / 2, (x0 + x1 - 1) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        reach = radius * np.sqrt(np.stack([xx, yy]) / (yy * xx - yx**2))
    # What reaches further than any lattice is not smooth.
    return np.asarray(np.where(reach < _FAR, reach, 0.0))


def _with_margin(
    geom: Grid, bounds: Ints, radius: float, margin: Floats
) -> tuple[Metrics, NDArray[np.bool_]]:
    """The metrics of windows with a margin of rows and columns, and which reach no further than that."""
    rows, columns = margin
    y0, y1, x0, x1 = bounds
    found = _bound(geom, np.stack([y0 - rows, y1 + rows, x0 - columns, x1 + columns]), radius)
    # A way shorter than the radius that left what was sampled would have to cross its margin.
    return found, (found.reach[0] <= rows - 2) & (found.reach[1] <= columns - 2)


def _none(radius: float) -> Metrics:
    empty = np.empty(0)
    none = np.empty((2, 0), dtype=np.int64)
    return Metrics(radius, empty, empty, empty, empty, empty, none, np.empty(0, dtype=bool), none[0])


def _joined(parts: list[Metrics]) -> Metrics:
    arrays = (np.concatenate(each, axis=-1) for each in zip(*(part[1:] for part in parts), strict=True))
    return Metrics._make((parts[0].radius, *arrays))


def _bound(geom: Grid, bounds: Floats, radius: float) -> Metrics:
    """Bounds of the metric over windows (shape (4, n)) from samples at 3 x 3 places of each."""
    yy, yx, xx = _sampled(geom, bounds)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        middle = yy[1, 1], yx[1, 1], xx[1, 1]
        a, b, d = _whitened(middle, (yy, yx, xx))
        mean, spread = (a + d) / 2, np.sqrt(((a - d) / 2) ** 2 + b**2)
        # A smooth function leaves the range of three samples by an eighth of their second difference.
        bend = np.max([_bend(each) for each in (a, b, d)], axis=0)
        low = (mean - spread).min(axis=(0, 1)) - bend - _SURE
        high = (mean + spread).max(axis=(0, 1)) + bend + _SURE
        smooth = (low > 1 / _VARIES) & (high < _VARIES)
        determinant = middle[0] * middle[2] - middle[1] ** 2
        smooth &= determinant > 1e-6 * middle[0] * middle[2]
        rings, hides = _rings(yy, yx, xx)
        smooth &= hides
        size = radius**2 / (np.where(smooth, low, 1.0) * determinant)
        reach = np.stack([np.sqrt(middle[2] * size), np.sqrt(middle[0] * size)])
    reach = np.where(smooth & np.isfinite(reach).all(axis=0), np.ceil(reach + _SURE), 0).astype(np.int64)
    return Metrics(radius, *middle, low, high, reach, np.asarray(smooth), rings)


def _rings(yy: Floats, yx: Floats, xx: Floats) -> tuple[Ints, NDArray[np.bool_]]:
    """How many rings of neighbours hide a pixel, from the metric's samples of shape (3, 3, n), and whether so
    few do.

    The pixels closer to a pixel than to all others of a lattice are bounded by its neighbours along the three
    vectors of an obtuse superbase (Selling), which sum to zero with no product above zero. With steps ``a``
    and ``b`` along the columns and rows, ``a`` the shorter, and ``m = floor(|a . b| / a^2)``, those are
    ``a``, ``b - m a`` and ``b - (m + 1) a`` (up to signs), if the height of ``b`` over ``a`` is at least half
    of ``a``, which it is where m is 0: neighbours within m + 1 rows and columns. From a pixel whose
    neighbours are all selected a step to one of these leads nearer to every pixel that is not, so that it is
    the nearest selected pixel of none.
    """
    shorter = np.minimum(yy, xx)
    slant = np.abs(yx) / shorter
    height = yy * xx / shorter**2 - slant**2
    steepest = slant.max(axis=(0, 1)) + _bend(slant)
    known = np.isfinite(steepest) & (steepest < _RINGS)
    rings = np.where(known, np.floor(np.where(known, steepest, 0.0) + _MARGIN) + 1, 0).astype(np.int64)
    high = height.min(axis=(0, 1)) - _bend(height) >= _HEIGHT
    return rings, np.asarray((rings == 1) | ((rings > 1) & (rings <= _RINGS) & high))


def hiding_rings(blocks: Tiles, step: float = np.inf) -> Ints:
    """For blocks, how many rings of neighbours hide a pixel, see `Metrics.rings`.

    0 where that is not known, or a step to a neighbour may be longer than ``step`` (radians).
    """
    if not blocks.geom.convex_sky:
        return np.zeros(len(blocks), dtype=np.int64)
    margin = np.array([-1, 1, -1, 1])[:, None] * (_RINGS + 1)
    found = _bound(blocks.geom, blocks.bounds + margin, 0.0)
    longest = found.high * (found.yy + 2 * np.abs(found.yx) + found.xx)
    return np.where(found.smooth & (longest < step**2), found.rings, 0)


def _sampled(geom: Grid, bounds: Floats) -> tuple[Floats, Floats, Floats]:
    """The metric's entries at the corners, the middles of the sides and the middle of windows, shape (3, 3,
    n) each.
    """
    y0, y1, x0, x1 = bounds
    y = np.stack([y0, (y0 + y1 - 1) / 2, y1 - 1])[:, None, :]
    x = np.stack([x0, (x0 + x1 - 1) / 2, x1 - 1])[None, :, :]
    return _metric_at(geom, y, x)


def _metric_at(geom: Grid, y: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """The metric's entries at places that broadcast, by differences."""
    step = _STEP / np.deg2rad(float(geom.pixel_scales.to_value("deg").max()))
    step = min(step, 0.5)
    along_y = (unit(*geom.lonlat(y + step, x)) - unit(*geom.lonlat(y - step, x))) / (2 * step)
    along_x = (unit(*geom.lonlat(y, x + step)) - unit(*geom.lonlat(y, x - step))) / (2 * step)
    return _dot(along_y, along_y), _dot(along_y, along_x), _dot(along_x, along_x)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _whitened(
    middle: tuple[Floats, Floats, Floats], metric: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Entries of a metric in coordinates in which that of the middle is the unit matrix (by its Cholesky
    factor).
    """
    yy, yx, xx = metric
    p = np.sqrt(middle[0])
    q = middle[1] / p
    s = np.sqrt(middle[2] - q * q)
    first = yy / p**2
    cross = (yx - q * yy / p) / (p * s)
    second = (xx - 2 * q * yx / p + q * q * yy / p**2) / s**2
    return first, cross, second


def _bend(samples: Floats) -> Floats:
    """Largest second difference along rows and columns of samples of shape (3, 3, n)."""
    down = np.abs(samples[0] - 2 * samples[1] + samples[2]).max(axis=0)
    along = np.abs(samples[:, 0] - 2 * samples[:, 1] + samples[:, 2]).max(axis=0)
    return np.asarray(np.maximum(down, along))
