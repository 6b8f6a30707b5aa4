"""The boundary of a labelled tile, by which neighbours are united: labels along its edges, ports at the rim
of the sky.
"""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Ints, Words
from ..grid.lattice import Rim
from ..grid.rim import topology
from ..grid.tiles import Tile
from ..pixels.join import EDGE, Ports, no_ports
from ..pixels.label import LabelledBlock
from ..pixels.runs import place_of
from ..pixels.window import Window
from ..pixels.words import WORD, empty_words, inner

__all__ = ["edges_of", "flag_edges", "ports_of", "rim_bits", "sides_of"]


def edges_of(block: LabelledBlock) -> tuple[NDArray[np.int32], ...]:
    """Label + 1 along the first and last row and the first and last column."""
    lead, (height, width) = block.shape[:-2], block.shape[-2:]
    rows, columns = np.arange(height), np.arange(width)
    y = np.concatenate([np.zeros_like(columns), np.full_like(columns, height - 1), rows, rows])
    x = np.concatenate([columns, columns, np.zeros_like(rows), np.full_like(rows, width - 1)])
    label = block.label_at(place_of(block.shape, *_on_planes(block.shape, y, x))) + 1
    return tuple(np.split(label.reshape(*lead, -1), [width, 2 * width, 2 * width + height], axis=-1))


def _on_planes(shape: tuple[int, ...], y: Ints, x: Ints) -> tuple[Ints, Ints, Ints]:
    """Plane, row and column of pixels that are asked for on each plane of a block, one plane after the
    other.
    """
    planes = prod(shape[:-2])
    return np.repeat(np.arange(planes), len(y)), np.tile(y, planes), np.tile(x, planes)


def sides_of(shape: tuple[int, ...]) -> Words:
    """The first and last rows and columns of the planes of a block, as bits."""
    words = empty_words(shape)
    rows = words[inner(shape)]
    last = shape[-1] - 1
    rows[..., 0] |= np.uint64(1)
    rows[..., last // WORD] |= np.uint64(1 << (last % WORD))
    rows[..., (0, -1), :] = ~np.uint64(0)
    return words.reshape(-1)


def rim_bits(shape: tuple[int, ...], window: Window, around: Rim | None) -> Words:
    """Pixels of the planes of a block from which a step may lead over the rim of the sky, as bits."""
    words = empty_words(shape).reshape(-1)
    if around is None:
        return words
    place = place_of(shape, *_on_planes(shape, around.y - window.y0, around.x - window.x0))
    # A pixel may be there for several ways, so that bits cannot be added.
    np.bitwise_or.at(words, place >> 6, np.uint64(1) << (place & 63).astype(np.uint64))
    return words


def flag_edges(tile: Tile, edges: tuple[NDArray[np.int32], ...], flags: NDArray[np.uint8]) -> None:
    """Mark the components that touch a side of the map that ends it."""
    here, (window, _, _, sides, _, _) = tile.window, topology(tile.geom)
    at = (here.y0 == window.y0, here.y1 == window.y1, here.x0 == window.x0, here.x1 == window.x1)
    for edge, is_side, ends in zip(edges, at, sides, strict=True):
        if is_side and ends:
            flags[edge[edge > 0] - 1] |= EDGE


def ports_of(block: LabelledBlock, tile: Tile, around: Rim | None, flags: NDArray[np.uint8]) -> Ports:
    """Ports of a tile's components; marks those that touch the map's edge."""
    if around is None or not len(around.y):
        return no_ports()
    geom = tile.geom
    # On one plane at a time its number does not matter: only pixels of one plane are ever compared.
    plane, y, x = _on_planes(block.shape, around.y, around.x)
    planes = len(y) // len(around.y)
    target = np.tile(around.target, planes)
    found = block.label_at(place_of(block.shape, plane, y - tile.window.y0, x - tile.window.x0))
    held = found >= 0
    label = found[held]
    if not topology(geom).edgeless:
        flags[label[np.tile(around.edge, planes)[held]]] |= EDGE
    ny, nx = geom.image_shape
    shift = plane * (ny * nx)
    pixel = (y * nx + x + shift)[held]
    return Ports(pixel, np.where(target >= 0, target + shift, -1)[held], label)
