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

# Circles at the seam that are worked out together: they have some thousand pixels each.
_PIECE = 8


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
        cut = np.zeros(len(radius), dtype=bool) if seam is None else seam.meets(centres, radius)
        self._plain = np.flatnonzero(~cut)
        self._images = ImageIndex(geom, Many.of_one_kind(Discs(centres[:, ~cut], radius[~cut])))
        centres, radius = centres[:, cut], radius[cut]

        def draw(some: slice) -> tuple[Bools, Ints, Ints, Ints]:
            assert seam is not None
            done, y, x = seam.pixels(centres[:, some], radius[some])
            return done, y, x, x + 1

        first = np.arange(0, len(radius), _PIECE)
        self._cut = Drawn(np.flatnonzero(cut), Caps(centres, radius), first, draw)

    def paint(self, tile: Tile, out: Bools) -> Ints:
        """Select the pixels of a tile, shape (ny, nx), that lie in circles that can be drawn.

        Returns
        -------
        ndarray of int
            Numbers of other circles, all that may reach the tile among them.
        """
        left = self._images.paint(tile, out)
        return np.concatenate([self._plain[left], self._cut.paint(tile, out)])
