"""Growing on any grid whatever: the nearest selected pixel by a tree of unit vectors.

The way for what has no good shape in the plane: limbs, horizons, interrupted projections, boxes on rotated
maps. All such blocks of a task are grown together: the lattice is walked once for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy

from ..core.arrays import Floats, Ints
from ..core.coverage import EMPTY, FULL
from ..expr.mask import Bools
from ..grid.neighbours import TINY, CapTree, exact_caps, sides, windows_within, within_any
from ..grid.tiles import Areas, Tile, Tiles, block_pixels, expand_blocks
from ..pixels.paint import list_busy
from ..pixels.patches import Patches
from ..pixels.window import Window
from ..sphere.trees import chord_bound
from ..sphere.vectors import Caps
from .halves import any_within
from .metric import hiding_rings
from .shape import Selection, SkyShape

__all__ = ["Rims", "TreeBlocks", "grow_by_tree", "hidden", "reached", "surrounded", "tree_blocks"]

# Disks of so many radians are wide: the sky that they reach may be that at the horizon of a projection.
_WIDE = 0.2
# Targets and sources that are compared at once.
_TARGETS = 1 << 17
_SOURCES = 1 << 18
# Side of the blocks that are looked at before they are cut.
_COARSE = 64
# Side of the blocks of which it is known how many neighbours hide a pixel.
_HIDING = 32
# Fewer selected pixels of a window are taken as they are.
_MANY = 1 << 16


class TreeBlocks(NamedTuple):
    """Blocks of a few pixels, and caps round them, that are grown by a tree, and the windows of a child that
    can reach them.

    ``full`` are the windows of blocks near which everything is selected, shape (4, n).
    """

    blocks: Tiles
    caps: Caps
    full: Ints
    near: Tiles


def tree_blocks(
    left: Tiles, shape: SkyShape, selection: Selection, held: Ints, side: int = TINY
) -> TreeBlocks:
    """What growing some blocks by a tree has to ask, in blocks of at most a side; ``held`` are windows that
    are asked anyway.
    """
    full = []
    for most in (_COARSE, side):
        blocks = left if sides(left.bounds).max(initial=0) <= most else left.split(most)[0]
        caps = exact_caps(blocks)
        on_sky = caps.radius >= 0
        blocks, caps = blocks.take(on_sky), caps.take(on_sky)
        cover = selection.cover(Areas(left.geom, caps.grow(shape.bound), left.plane))
        full.append(blocks.bounds[:, cover == FULL])
        is_open = (cover != FULL) & (cover != EMPTY)
        left, caps = blocks.take(is_open), caps.take(is_open)
    near = windows_within(left.geom, CapTree(caps), shape.bound, selection.cover, held, left.plane)
    near = _pixels_within(near, held, left, caps, shape.bound)
    return TreeBlocks(left, caps, np.concatenate(full, axis=1), near)


def _pixels_within(near: Tiles, held: Ints, blocks: Tiles, caps: Caps, angle: float) -> Tiles:
    """Windows, of those outside of what is held anyway only the pixels that are within an angle of a pixel of
    a block.

    Where the angle is a few pixels, most of a window is not: without this, growth upon growth asks for ever
    more.
    """
    outside = ~within_any(near.bounds, held)
    scale = math.radians(float(near.geom.pixel_scales.to_value("deg").min()))
    if not outside.any() or angle > TINY * scale:
        return near
    far = near.take(outside)
    some = blocks.take(CapTree(exact_caps(far)).near(caps, angle))
    (y, x), places = (block_pixels(each, int(sides(each.bounds).max(initial=1))) for each in (far, some))
    tree = scipy.spatial.cKDTree(_on_sky(near.geom.vectors(*places)).T)
    vectors = near.geom.vectors(y, x)
    known = np.flatnonzero(np.isfinite(vectors[0]))
    chord = float(chord_bound(angle))
    distance, _ = tree.query(vectors[:, known].T, distance_upper_bound=chord)
    y, x = (each[known[np.isfinite(distance)]] for each in (y, x))
    bounds = np.concatenate([near.bounds[:, ~outside], np.stack([y, y + 1, x, x + 1])], axis=1)
    return Tiles(near.geom, bounds, near.plane)


def _on_sky(vectors: Floats) -> Floats:
    return vectors[:, np.isfinite(vectors[0])]


def grow_by_tree(found: TreeBlocks, grown: Patches, shape: SkyShape, child: Patches) -> None:
    """Select what is within the shape of a selected pixel, in the blocks of a tree.

    Parameters
    ----------
    grown : Patches
        Tiles that hold the blocks, with what is known to be selected; changed in place.
    child : Patches
        The selected pixels of windows that hold ``near``.
    """
    grown.fill(found.full)
    rims = Rims(child, found.near, shape)
    per_call = _TARGETS // TINY**2
    for first in range(0, len(found.blocks), per_call):
        part = np.arange(first, min(first + per_call, len(found.blocks)))
        some, near = found.blocks.take(part), found.near
        if len(some) < len(found.blocks):
            near = near.take(CapTree(found.caps.take(part)).near(exact_caps(near), shape.bound))
        y, x = block_pixels(some, TINY)
        unknown = ~grown.at(y, x)
        y, x = y[unknown], x[unknown]
        targets = some.geom.vectors(y, x)
        on_sky = np.isfinite(targets[0])
        y, x, targets = y[on_sky], x[on_sky], targets[:, on_sky]
        for sources in rims.within(near.bounds):
            hit = reached(targets, sources, shape)
            grown.select(y[hit], x[hit])
            y, x, targets = y[~hit], x[~hit], targets[:, ~hit]
            if not len(y):
                break


class Rims:
    """The selected pixels that can be the nearest to one that is not."""

    def __init__(self, child: Patches, like: Tiles, shape: SkyShape) -> None:
        self._child = child
        self._like = like
        self._shape = shape
        self._known: dict[Window, Bools] = {}

    def within(self, bounds: Ints) -> Iterator[Floats]:
        """Unit vectors, shape (3, n), of those in some windows, in batches."""
        held: list[Floats] = []
        for window, values in self._child:
            wanted = Patches([window])
            wanted.fill(bounds)
            chosen = np.logical_and(wanted.arrays[0], values, out=wanted.arrays[0])
            # To know which are hidden costs more than to take a few that are.
            if np.count_nonzero(chosen) > _MANY:
                chosen &= ~self._hidden(window, values)
            y, x = np.divmod(list_busy(chosen.reshape(-1)), window.shape[1])
            for low in range(0, len(y), _SOURCES):
                part = slice(low, low + _SOURCES)
                held.append(self._like.geom.vectors(y[part] + window.y0, x[part] + window.x0))
                if sum(each.shape[1] for each in held) >= _SOURCES:
                    yield np.concatenate(held, axis=1)
                    held = []
        if held:
            yield np.concatenate(held, axis=1)

    def _hidden(self, window: Window, values: Bools) -> Bools:
        if window not in self._known:
            tile = Tile(self._like.geom, window, self._like.plane)
            self._known[window] = hidden(tile, values, self._shape)
        return self._known[window]


def hidden(tile: Tile, values: Bools, shape: SkyShape) -> Bools:
    """Selected pixels of a tile that others hide: they are the nearest to no pixel that is not selected, see
    `Metrics.rings`.

    A box holds with a pixel also a neighbour that is nearer to its middle, if that is no further away than
    its sides: the directions to the neighbours are at most 90 degrees apart.
    """
    blocks, _ = tile.tiles.split(_HIDING)
    rings = hiding_rings(blocks, min(shape.lon, shape.lat) if shape.box else np.inf)
    rows = -(-tile.shape[0] // _HIDING)
    out = np.zeros(tile.shape, dtype=bool)
    for number in np.unique(rings[rings > 0]).tolist():
        here = expand_blocks((rings == number).reshape(rows, -1), _HIDING, tile.shape)
        out |= here & surrounded(values, number)
    return out


def surrounded(values: Bools, rings: int) -> Bools:
    """Pixels that are selected with all within so many rows and columns of them; none near the sides."""
    out = np.zeros(values.shape, dtype=bool)
    side = 2 * rings + 1
    height, width = values.shape[0] - side + 1, values.shape[1] - side + 1
    if height > 0 and width > 0:
        rows = values[:height].copy()
        for i in range(1, side):
            rows &= values[i : i + height]
        inner = out[rings : rings + height, rings : rings + width]
        inner[...] = rows[:, :width]
        for i in range(1, side):
            inner &= rows[:, i : i + width]
    return out


def reached(targets: Floats, sources: Floats, shape: SkyShape) -> Bools:
    """Which targets, shape (3, n), have one of the sources, shape (3, m), in the shape round them."""
    if not sources.shape[1]:
        return np.zeros(targets.shape[1], dtype=bool)
    if shape.box or shape.bound > _WIDE:
        return any_within(targets, sources, shape)
    # Built once and asked once: a tree that is cut in the middles is built in less time than a balanced one.
    tree = scipy.spatial.cKDTree(sources.T, balanced_tree=False, leafsize=24)
    # What the tree finds is then asked exactly.
    chord = float(chord_bound(shape.bound))
    _, nearest = tree.query(targets.T, distance_upper_bound=chord)
    out = nearest < sources.shape[1]
    out[out] = shape.holds(targets[:, out], sources[:, nearest[out]])
    return np.asarray(out)
