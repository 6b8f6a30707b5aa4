"""Circles on grids that are not separable: by the images of their rims, and beside the seam of the grid by
the pixels that they may hold.
"""

from __future__ import annotations

import numpy as np

from ..core.arrays import Bools, Floats, Ints
from ..grid.drawn import Drawn
from ..grid.lattice import Grid
from ..grid.tiles import Tile
from ..shapes.circle import Discs
from ..shapes.images import ImageIndex
from ..shapes.many import Many
from ..sphere.vectors import Caps
from .seam import Seam

__all__ = ["RimIndex"]

# Circles at the seam that are worked out together, at most, and with so many pixels in their boxes: a tile
# looks through all of a piece. But no more pieces by their pixels than this, so that all are kept.
_TOGETHER = 64
_PIXELS = 1 << 13
_PIECES = 128
# What one costs besides the pixels of its box, in such pixels; and what it costs, for a row of the map, to
# refine the blocks at the limb in place of that.
_EACH = 2000
_REFINED = 600


class RimIndex:
    """Runs of many circles on one geometry.

    Parameters
    ----------
    geom : Grid
        The geometry, which is not separable.
    centres : ndarray, shape (3, n)
        Unit vectors in the frame of the geometry.
    radius : ndarray, shape (n,)
        Radians.
    """

    def __init__(self, geom: Grid, centres: Floats, radius: Floats) -> None:
        seam = Seam.of(geom)
        is_cut = np.zeros(len(radius), dtype=bool) if seam is None else seam.meets(centres, radius)
        self._plain, cut = np.flatnonzero(~is_cut), np.flatnonzero(is_cut)
        self._images = ImageIndex(geom, Many.of_one_kind(Discs(centres[:, self._plain], radius[self._plain])))
        if seam is not None:
            cut = cut[np.argsort(seam.along(centres[:, cut]), kind="stable")]
        boxes = (2 * radius[cut] / np.deg2rad(geom.pixel_scales.value.min())) ** 2
        # Where they are many, or large, most of their pixels are in several of them.
        is_dear = float((boxes + _EACH).sum()) > _REFINED * geom.image_shape[0]
        self._left: Ints = cut if is_dear else cut[:0]
        if is_dear:
            cut, boxes = cut[:0], boxes[:0]
        centres, radius = centres[:, cut], radius[cut]

        def draw(some: slice) -> tuple[Bools, Ints, Ints, Ints]:
            assert seam is not None
            done, y, x = seam.pixels(centres[:, some], radius[some])
            return done, y, x, x + 1

        most = max(_PIXELS, float(boxes.sum()) / _PIECES)
        parts = np.stack([np.cumsum(boxes) // most, np.arange(len(cut)) // _TOGETHER])
        first = np.flatnonzero(np.diff(parts, prepend=-1).any(axis=0))
        self._cut = Drawn(cut, Caps(centres, radius), first, draw)

    def paint(self, tile: Tile, out: Bools) -> Ints:
        """Select the pixels of a tile, shape (ny, nx), that lie in circles that can be drawn.

        Returns
        -------
        ndarray of int
            Numbers of other circles, all that may reach the tile among them.
        """
        left = self._images.paint(tile, out)
        return np.concatenate([self._plain[left], self._cut.paint(tile, out), self._left])
