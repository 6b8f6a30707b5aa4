"""The metric of the sky in the plane of pixels over blocks: quadratic, with a bounded rest, from samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Floats, Ints
from ..grid.lattice import Grid
from ..grid.tiles import OFF, ON, Tile, Tiles
from ..sphere.vectors import dot, unit

__all__ = ["VARIES", "Metrics", "block_metrics", "cholesky", "hiding_rings", "spectral_bound"]

# A step of this many radians is differentiated over: its square is the relative error, and rounding is 10^-16
# over it.
_STEP = 1e-5
VARIES = 3.0
"""The metric may vary by this factor within reach of a block, or the block is not smooth."""
# How far below a whole number of pixels the slant of a lattice is to stay, and rings of neighbours that are
# looked at at most.
_MARGIN = 0.1
_RINGS = 4
# The least height of a reduced slanted lattice over its base, squared, where 0.25 is the limit.
_HEIGHT = 0.3
# Relative margins for rounding and differences.
_SURE = 1e-6
# Sides of blocks, powers of two: small, so that the metric varies little, but not smaller than the shape is
# large.
_SMALLEST = 8
_LARGEST = 256
# Where they begin, and down to which they are halved only because they are vague.
_FIRST = 64
_FINE = 32
# Blocks that leave open more pixels at the rim of a disk are halved: to bound the metric of still smaller
# ones costs more than to ask these.
_VAGUE = 0.6
# Beyond this radius (radians) a block and what is within reach of it have no one shape.
_RADIUS = 0.5
# Pixels that no smooth block reaches; and more half pixels than there are to a row of what one does.
_FAR = 1e8
_WIDE = 1 << 31


class Metrics(NamedTuple):
    """For n blocks, bounds of the squared length (radians) of a step of (dy, dx) pixels.

    It is between ``low`` and ``high`` times ``yy dy^2 + 2 yx dy dx + xx dx^2`` anywhere within reach of the
    block. In the middle of it its derivatives are known.
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
    slope: Floats
    """The first derivatives of the metric's entries, whitened (see `_whitened`), by row and by column, shape
    (2, 3, n).
    """
    curve: Floats
    """And the second: by row twice, by row and column, by column twice, shape (3, 3, n)."""
    rest: Floats
    """By how much they may differ from what these say, in units of a whitened step squared."""
    bent: Floats
    """The most that the variance of the tangents along a way is, over its length to the fourth power."""
    middle: Floats
    """Row and column of the middle of the block, shape (2, n)."""
    half: Floats
    """Rows and columns from there to its last pixels, shape (2, n)."""

    def take(self, index: NDArray[np.bool_] | NDArray[np.intp]) -> Metrics:
        """The metrics of some of the blocks."""
        return Metrics._make((self.radius, *(each[..., index] for each in self[1:])))

    @property
    def vague(self) -> Floats:
        """About how many pixels at the rim of a disk of the radius the bounds of its chords leave open."""
        by_y, by_x = (spectral_bound(each) for each in self.slope)
        wide = self.half[0] * by_y + self.half[1] * by_x + self.rest
        return np.asarray(wide * self.reach.max(axis=0) / 2)


def block_metrics(tile: Tile, radius: float) -> tuple[Tiles, Metrics, Tiles]:
    """Cut a tile into blocks over which the metric varies little, and bound it over each.

    The radius in pixels decides with which side to begin; a block that is not smooth is halved, and so is one
    that is vague (see `Metrics.vague`) while it is not small.

    Parameters
    ----------
    radius : float
        Radians.

    Returns
    -------
    blocks : Tiles
    metrics : Metrics
        Of the blocks.
    left : Tiles
        Blocks of the smallest side that are not smooth, but for some that are off the sky.
    """
    side = _FIRST
    scale = np.deg2rad(float(tile.geom.pixel_scales.to_value("deg").min()))
    while side < _LARGEST and side * scale < radius:
        side *= 2
    todo = _on_sky(tile.tiles.split(side)[0])
    if radius >= _RADIUS or not tile.geom.smooth:
        return todo.take(np.zeros(len(todo), dtype=bool)), _none(radius), todo
    found, known = [], []
    while True:
        # Where the sky is convex a block in part on it is known to be so, elsewhere all but OFF may be whole.
        maybe = (todo.sky == ON) | (not tile.geom.convex_sky)
        whole = todo.take(maybe)
        metrics = _within_reach(whole, radius, side)
        done = metrics.smooth & ((side <= _FINE) | (metrics.vague < _VAGUE))
        found.append(whole.bounds[:, done])
        known.append(metrics.take(done))
        rough = Tiles.together([todo.take(~maybe), whole.take(~metrics.smooth)])
        wide = whole.take(metrics.smooth & ~done)
        side //= 2
        if side < _SMALLEST or not len(wide) + len(rough):
            break
        parts, _ = wide.split(side)
        # On a smooth grid what lies in a window on the sky is on it.
        parts = Tiles(parts.geom, parts.bounds, parts.plane, {"sky": np.full(len(parts), ON)})
        todo = Tiles.together([parts, _on_sky(rough.split(side)[0])])
    return Tiles(tile.geom, np.concatenate(found, axis=1), tile.plane), _joined(known), rough


def _on_sky(blocks: Tiles) -> Tiles:
    """Blocks without those that are off the sky."""
    return blocks.take(blocks.sky != OFF)


def _within_reach(blocks: Tiles, radius: float, side: int) -> Metrics:
    """The metrics of blocks of a side, cut from one corner."""
    middle = np.asarray(blocks.bounds[::2] + (side - 1) / 2, dtype=np.float64)
    # The middles tell how far the radius reaches; then it is bounded over that with room to spare, and more
    # of it where the metric varies so much that it was not enough.
    yy, yx, xx = _metric_at(blocks.geom, *middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        guess = radius * np.sqrt(np.stack([xx, yy]) / (yy * xx - yx**2))
    # What reaches further than any lattice is not smooth.
    far = ~(guess < _FAR)
    found, fits = _with_margin(blocks.geom, middle, side, radius, 1.15 * np.where(far, 0.0, guess) + 4)
    again = np.flatnonzero(found.smooth & ~fits)
    if len(again):
        margin = np.asarray(1.5 * found.reach[:, again] + 4)
        more, enough = _with_margin(blocks.geom, middle[:, again], side, radius, margin)
        for old, new in zip(found[1:], more[1:], strict=True):
            old[..., again] = new
        fits[again] = enough
    return found._replace(smooth=found.smooth & fits & ~far.any(axis=0))


def _with_margin(
    geom: Grid, middle: Floats, side: int, radius: float, margin: Floats
) -> tuple[Metrics, NDArray[np.bool_]]:
    """The metrics of blocks, bounded over windows with a margin of rows and columns at least, and which reach
    no further.

    The windows end in the middles of other blocks, so that most samples are those of several.
    """
    extent = np.ceil((margin + side / 2) / side) * side
    steps = np.array([-1.0, 0.0, 1.0])[:, None, None] * extent
    y, x = np.broadcast_arrays((middle[0] + steps[:, 0])[:, None], (middle[1] + steps[:, 1])[None, :])
    half_y, half_x = (np.stack([-each, each]) / 2 for each in extent)
    still = np.zeros_like(half_y)
    near = middle[0] + np.concatenate([half_y, still]), middle[1] + np.concatenate([still, half_x])
    entries = _metric_at_unique(
        geom, *(np.concatenate([a.reshape(9, -1), b]) for a, b in zip((y, x), near, strict=True))
    )
    found = _bound(tuple(each[:9].reshape(y.shape) for each in entries), radius)
    found = _with_derivatives(found, np.stack(entries), extent)
    found = found._replace(middle=middle, half=np.full(middle.shape, (side - 1) / 2))
    # A way shorter than the radius that left what was sampled would have to cross its margin.
    return found, np.asarray((found.reach <= extent - side / 2 - 2).all(axis=0))


def _metric_at_unique(geom: Grid, y: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """`_metric_at` for places many of which are equal: whole or half pixels."""
    # No window reaches as far as numbers of places have bits.
    place = (2 * y.ravel()).astype(np.int64) * _WIDE + (2 * x.ravel()).astype(np.int64)
    _, first, back = np.unique(place, return_index=True, return_inverse=True)
    yy, yx, xx = (
        each[back].reshape(y.shape) for each in _metric_at(geom, y.ravel()[first], x.ravel()[first])
    )
    return yy, yx, xx


def _none(radius: float) -> Metrics:
    empty = np.empty(0)
    none = np.empty((2, 0), dtype=np.int64)
    return Metrics(
        radius,
        *(empty,) * 5,
        reach=none,
        smooth=np.empty(0, dtype=bool),
        rings=none[0],
        middle=np.empty((2, 0)),
        half=np.empty((2, 0)),
        slope=np.empty((2, 3, 0)),
        curve=np.empty((3, 3, 0)),
        rest=empty,
        bent=empty,
    )


def _joined(parts: list[Metrics]) -> Metrics:
    arrays = (np.concatenate(each, axis=-1) for each in zip(*(part[1:] for part in parts), strict=True))
    return Metrics._make((parts[0].radius, *arrays))


def _bound(entries: tuple[Floats, ...], radius: float) -> Metrics:
    """Bounds of the metric over windows from its entries at 3 x 3 places of each, shape (3, 3, n)."""
    yy, yx, xx = entries
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        middle = yy[1, 1], yx[1, 1], xx[1, 1]
        a, b, d = _whitened(middle, (yy, yx, xx))
        mean, spread = (a + d) / 2, np.sqrt(((a - d) / 2) ** 2 + b**2)
        # A smooth function leaves the range of three samples by an eighth of their second difference.
        bend = np.max([_bend(each) for each in (a, b, d)], axis=0)
        low = (mean - spread).min(axis=(0, 1)) - bend - _SURE
        high = (mean + spread).max(axis=(0, 1)) + bend + _SURE
        smooth = (low > 1 / VARIES) & (high < VARIES)
        determinant = middle[0] * middle[2] - middle[1] ** 2
        smooth &= determinant > 1e-6 * middle[0] * middle[2]
        rings, hides = _rings(yy, yx, xx)
        smooth &= hides
        size = radius**2 / (np.where(smooth, low, 1.0) * determinant)
        reach = np.stack([np.sqrt(middle[2] * size), np.sqrt(middle[0] * size)])
    reach = np.where(smooth & np.isfinite(reach).all(axis=0), np.ceil(reach + _SURE), 0).astype(np.int64)
    none = _none(radius)
    return none._replace(
        yy=middle[0], yx=middle[1], xx=middle[2], low=low, high=high, reach=reach, smooth=smooth, rings=rings
    )


def _with_derivatives(found: Metrics, entries: Floats, extent: Floats) -> Metrics:
    """The metrics with their derivatives, which come from the samples half way to the sides of a window and
    from its corners. How far they miss the samples at the sides and corners tells about how far they do so
    nearer to the middle, where what they neglect is less: an estimate with a safety factor of 2.

    Parameters
    ----------
    entries : ndarray of float64, shape (3, 13, n)
        At 3 x 3 places and half way up, down, left and right.
    extent : ndarray of float64, shape (2, n)
        Rows and columns from the middles of windows to their sides.
    """
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        middle = found.yy, found.yx, found.xx
        f = np.stack(_whitened(middle, tuple(entries)))
        (y, x), centre = extent, f[:, 4]
        slope = np.stack([(f[:, 10] - f[:, 9]) / y, (f[:, 12] - f[:, 11]) / x])
        mixed = (f[:, 0] - f[:, 2] - f[:, 6] + f[:, 8]) / (4 * y * x)
        down, along = (f[:, i] + f[:, i + 1] - 2 * centre for i in (9, 11))
        curve = np.stack([4 * down / y**2, mixed, 4 * along / x**2])
        missed = []
        for place in (0, 1, 2, 3, 5, 6, 7, 8):
            i, k = place // 3 - 1, place % 3 - 1
            told = centre + i * y * slope[0] + k * x * slope[1] + 2 * (i * i * down + k * k * along)
            missed.append(np.abs(f[:, place] - told - i * k * y * x * mixed))
        rest = 2 * spectral_bound(np.max(missed, axis=0)) + _SURE
        bent = _bent(middle, slope)
    return found._replace(slope=slope, curve=curve, rest=rest, bent=bent)


def _bent(middle: tuple[Floats, Floats, Floats], slope: Floats) -> Floats:
    """See `Metrics.bent`."""
    p, q, s = cholesky(*middle)
    down = slope[0] / p
    across = slope[1] / s - down * (q / s)
    steep = sum(each[0] ** 2 + 2 * each[1] ** 2 + each[2] ** 2 for each in (down, across))
    # The metric of the middle may be too short or too long by a factor of `VARIES`.
    return np.asarray(VARIES**2 * (1 + 9 / 4 * VARIES * steep) / 12)


def spectral_bound(entries: Floats) -> Floats:
    """A bound of the largest eigenvalue of symmetric matrices, by size."""
    a, b, d = np.abs(entries)
    return np.asarray(np.maximum(a, d) + b)


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
        return np.full(len(blocks), blocks.geom.hidden_by if step == np.inf else 0, dtype=np.int64)
    y0, y1, x0, x1 = blocks.bounds + np.array([-1, 1, -1, 1])[:, None] * (_RINGS + 1)
    y, x = (np.stack([first, (first + last - 1) / 2, last - 1]) for first, last in ((y0, y1), (x0, x1)))
    entries = _metric_at(blocks.geom, y[:, None], x[None, :])
    found = _bound(entries, 0.0)
    longest = found.high * (found.yy + 2 * np.abs(found.yx) + found.xx)
    return np.where(found.smooth & (longest < step**2), found.rings, 0)


def _metric_at(geom: Grid, y: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
    """The metric's entries at places that broadcast, by differences."""
    step = _STEP / np.deg2rad(float(geom.pixel_scales.to_value("deg").max()))
    step = min(step, 0.5)
    along_y = (unit(*geom.lonlat(y + step, x)) - unit(*geom.lonlat(y - step, x))) / (2 * step)
    along_x = (unit(*geom.lonlat(y, x + step)) - unit(*geom.lonlat(y, x - step))) / (2 * step)
    return dot(along_y, along_y), dot(along_y, along_x), dot(along_x, along_x)


def _whitened(
    middle: tuple[Floats, Floats, Floats], metric: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Entries of a metric in coordinates in which that of the middle is the unit matrix (by its Cholesky
    factor).
    """
    yy, yx, xx = metric
    p, q, s = cholesky(*middle)
    first = yy / p**2
    cross = (yx - q * yy / p) / (p * s)
    second = (xx - 2 * q * yx / p + q * q * yy / p**2) / s**2
    return first, cross, second


def cholesky(yy: Floats, yx: Floats, xx: Floats) -> tuple[Floats, Floats, Floats]:
    """The p, q and s with which (p dy + q dx, s dx) has the length of (dy, dx) by a metric."""
    p = np.sqrt(yy)
    q = yx / p
    return p, q, np.sqrt(xx - q * q)


def _bend(samples: Floats) -> Floats:
    """Largest second difference along rows and columns of samples of shape (3, 3, n)."""
    down = np.abs(samples[0] - 2 * samples[1] + samples[2]).max(axis=0)
    along = np.abs(samples[:, 0] - 2 * samples[:, 1] + samples[:, 2]).max(axis=0)
    return np.asarray(np.maximum(down, along))
