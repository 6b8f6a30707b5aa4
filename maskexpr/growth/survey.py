"""Growing on the sky, on several tiles at once: first which pixels of the child matter, then the growth.

A grid lets rows grow (separable grids), or a shape in the plane of pixels (smooth blocks), and a tree takes
the rest. The bits do not depend on the way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from ..core.arrays import Bools, Ints
from ..core.coverage import EMPTY, FULL
from ..grid.survey import Survey
from ..grid.tiles import OFF, Tile, Tiles
from ..pixels.patches import Patches
from ..pixels.rectangles import disjoint
from ..pixels.window import Window
from .plane import SmoothBlocks, grow_plane, smooth_blocks
from .rows import grow_rows, windows_by_rows
from .shape import Selection, SkyShape
from .tree import TreeBlocks, grow_by_tree, tree_blocks

__all__ = ["SkySurvey", "grow_on_sky", "grow_tile", "survey_sky"]

# Windows of a child that are small: what it takes to ask for one as a tile is that of ten times its pixels.
_SMALL = 1024
# Tiles of fewer pixels grow by the tree of all together: to bound the metric of each costs more.
_FEW = 4096


@dataclasses.dataclass(frozen=True)
class SkySurvey(Survey):
    """How some tiles grow by a shape on the sky.

    Attributes
    ----------
    shape : SkyShape
    smooth : list of SmoothBlocks
        Blocks of tiles that grow in the plane of pixels.
    tree : TreeBlocks or None
        Those of all tiles that grow by a tree; None on separable grids, where rows grow.
    """

    shape: SkyShape
    smooth: list[SmoothBlocks]
    tree: TreeBlocks | None

    @property
    def together(self) -> bool:
        return self.tree is not None


def survey_sky(tiles: Sequence[Tile], shape: SkyShape, selection: Selection) -> SkySurvey:
    """Find which windows of a child have to be known to grow some disjoint tiles, and how they grow."""
    tiles = list(tiles)
    geom, size = tiles[0].geom, sum(tile.window.size for tile in tiles)
    if geom.separable:
        asked = [window for tile in tiles for window in windows_by_rows(tile, shape, selection)]
        return SkySurvey(tiles, disjoint(_bounds(asked), size), shape, [], None)
    smooth: list[SmoothBlocks] = []
    left: list[Tiles] = []
    for tile in tiles:
        if tile.window.size < _FEW:
            left.append(tile.tiles)
        else:
            blocks, rest = smooth_blocks(tile, shape, selection)
            smooth.append(blocks)
            left.append(rest)
    around = _bounds([each.around for each in smooth if each.around is not None])
    rest = Tiles.together(left)
    held = np.concatenate([around, _bounds([tile.window for tile in tiles])], axis=1)
    tree = tree_blocks(rest.take(rest.sky != OFF), shape, selection, held)
    asked_of = disjoint(np.concatenate([around, tree.near.bounds], axis=1), size)
    return SkySurvey(tiles, asked_of, shape, smooth, tree)


def grow_tile(tile: Tile, shape: SkyShape, selection: Selection) -> Bools:
    """Which pixels of one tile have a selected pixel of the lattice in the shape round them, shape (ny, nx);
    False off the sky.
    """
    if tile.geom.separable:
        return grow_rows(tile, shape, selection)
    return grow_on_sky(survey_sky([tile], shape, selection), selection)[0]


def grow_on_sky(survey: SkySurvey, selection: Selection) -> list[Bools]:
    """The values of all tiles of a survey, see `grow_tile`."""
    tiles, shape = survey.tiles, survey.shape
    if survey.tree is None:
        return [grow_rows(tile, shape, selection) for tile in tiles]
    windows = [Window(*bounds) for bounds in survey.windows.T.tolist()]
    child = Patches(windows, _values(windows, tiles[0], selection))
    grown = Patches([tile.window for tile in tiles], [child.on(tile.window).copy() for tile in tiles])
    for smooth in survey.smooth:
        grown.add(smooth.tile.window, grow_plane(smooth, shape, child.on))
    grow_by_tree(survey.tree, grown, shape, child)
    for tile, values in zip(tiles, grown.arrays, strict=True):
        if tile.on_sky is not None:
            values &= tile.on_sky
    return grown.arrays


def _values(windows: list[Window], tile: Tile, selection: Selection) -> list[Bools]:
    """The selected pixels of windows: of many small ones, as lie along a limb, asked together."""
    small = np.array([i for i, each in enumerate(windows) if each.size <= _SMALL], dtype=np.intp)
    if selection.at is None or len(small) < 2:
        return [selection.values(tile.on(each)) for each in windows]
    cover = selection.cover(Tiles(tile.geom, _bounds([windows[i] for i in small]), tile.plane))
    asked = small[(cover != EMPTY) & (cover != FULL)].tolist()
    pixels = [tile.on(windows[i]).all_pixels() for i in asked]
    found: dict[int, Bools] = {}
    if pixels:
        together = tile.pixels(*(np.concatenate([getattr(each, axis) for each in pixels]) for axis in "yx"))
        ends = np.cumsum([len(each) for each in pixels])[:-1]
        found = dict(zip(asked, np.split(selection.at(together), ends), strict=True))
    return [
        found[i].reshape(each.shape) if i in found else selection.values(tile.on(each))
        for i, each in enumerate(windows)
    ]


def _bounds(windows: Sequence[Window]) -> Ints:
    return np.array(windows, dtype=np.int64).reshape(-1, 4).T
