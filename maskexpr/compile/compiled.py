"""Compile: a mask prepared for a grid and cut into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any
from weakref import WeakValueDictionary

import dask
import numpy as np
from numpy.typing import NDArray

from ..core.coverage import EMPTY, FULL, MIXED, Coverage, merge
from ..core.errors import MaskTypeError
from ..core.names import described
from ..core.once import once
from ..core.pruning import is_pruned
from ..expr.describe import one_line
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..grid.layout import Layout
from ..grid.tiles import Tile, Tiles
from ..pixels.window import Window
from .classify import classify
from .cluster import client_of
from .dask import BlockId
from .evaluate import evaluate_into
from .lower import lower
from .simplify import simplify
from .stages import Stages, decisions, has_stages

__all__ = ["Compiled", "OfCompiled", "compile_mask", "mask_on"]

Chunks = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Compiled:
    """A mask on a grid cut into blocks: what a lazy array is made of, and what travels to workers.

    Attributes
    ----------
    mask : Mask
        Lowered and simplified.
    along : tuple of tuple of int
        Chunk sizes along the axes; an axis along which the mask does not vary has one chunk of size 1.
    layout : Layout
        How each plane is cut.
    """

    mask: Mask
    geom: Grid
    along: Chunks
    layout: Layout

    @property
    def chunks(self) -> Chunks:
        """Chunk sizes along all dimensions."""
        return (*self.along, *self.layout.sizes)

    @once
    def name(self) -> str:
        """Name of the array: the same for an equal mask on an equal grid, in every process.

        Data in memory are not read for it where no cluster is that could have them already: the same arrays
        have the same name, equal ones have not.
        """
        told = self.mask.key if client_of("auto") is None else self.mask.digest
        cut = (self.along, self.layout.token)
        return f"mask-{dask.base.tokenize(told.hex(), self.geom.fingerprint, cut)}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.name, self.mask, self.geom, self.along, self.layout)

    @property
    def numblocks(self) -> BlockId:
        """Number of blocks along each axis."""
        return tuple(len(sizes) for sizes in self.chunks)

    def window(self, block: BlockId) -> Window:
        """Pixels of a block."""
        return Window(*self.tiles([block]).bounds[:, 0].tolist())

    def planes(self, block: BlockId) -> tuple[tuple[int, ...], ...]:
        """Planes of a block, one index per non-spatial axis each."""
        edges = self._edges
        return tuple(
            product(*(range(int(each[i]), int(each[i + 1])) for each, i in zip(edges, block, strict=False)))
        )

    @once
    def waits(self) -> bool:
        """See `maskexpr.compile.dask.TileSource.waits`."""
        return any(each.waits for each in postorder(self.mask))

    @once
    def reads_data(self) -> bool:
        """Whether values come from a file or an array."""
        return any(each.reads_data for each in postorder(self.mask))

    @once
    def _edges(self) -> list[np.ndarray]:
        return [np.concatenate([[0], np.cumsum(sizes)]) for sizes in self.along]

    def spatial(self, block: BlockId) -> BlockId:
        """The indices of a block along the dimensions of a plane."""
        return block[len(self.along) :]

    def tiles(self, blocks: Sequence[BlockId]) -> Tiles:
        """The windows of blocks as a batch on the first plane."""
        index = np.array([self.spatial(block) for block in blocks], dtype=np.int64)
        bounds = self.layout.bounds(index.reshape(-1, len(self.layout.sizes)).T)
        if len(blocks) == prod(self.layout.numblocks) and np.array_equal(bounds, self.layout.all_bounds):
            return self.all_tiles
        return Tiles(self.geom, bounds, (0,) * len(self.along))

    def tile(self, block: BlockId) -> Tile:
        """A block as a tile, with what is known of it from deciding all of them."""
        known: Tiles | None = self.__dict__.get("all_tiles")
        if known is None:
            return Tile(self.geom, self.window(block))
        return known.tile(int(np.ravel_multi_index(self.spatial(block), self.layout.numblocks)))

    @once
    def all_tiles(self) -> Tiles:
        """The windows of all blocks of a plane, the last dimension running fastest."""
        return Tiles(self.geom, self.layout.all_bounds, (0,) * len(self.along))

    def cover(
        self,
        tiles: Tiles,
        planes: tuple[tuple[int, ...], ...],
        of: Mask | None = None,
        to_paint: bool = False,
    ) -> Coverage:
        """Coverage of tiles over several planes, by the mask or a node: decided where planes agree.

        Of tiles that all are to be painted no more is decided than takes less time than painting them.
        """
        mask = self.mask if of is None else of
        reached = mask.reached(tiles) if to_paint and is_pruned() else None
        if reached is not None:
            return np.where(reached, MIXED, EMPTY).astype(np.uint8)
        return merge(np.stack([classify(mask, tiles.on_plane(plane)) for plane in planes]), axis=0)

    def decide(self, blocks: Sequence[BlockId], to_paint: bool = False) -> list[bool | None]:
        """For each block True, False, or None where pixels have to be asked; see `cover`."""
        states: dict[BlockId, bool | None] = {}
        groups: dict[BlockId, list[BlockId]] = {}
        for block in blocks:
            groups.setdefault(block[: len(self.along)], []).append(block)
        for some in groups.values():
            cover = self.cover(self.tiles(some), self.planes(some[0]), to_paint=to_paint)
            for block, state in zip(some, cover, strict=True):
                states[block] = None if state == MIXED else bool(state == FULL)
        return [states[block] for block in blocks]

    def compute(self, block: BlockId, known: Sequence[Any] = ()) -> Bools:
        """Values of a block; ``known`` is what the stages before it made."""
        return self.packed(self.on_window(block, known), block)

    def where(self, block: BlockId) -> str:
        """See `TileSource.where`."""
        return f"{one_line(self.mask)} on {self.window(block)}"

    def packed(self, values: NDArray[Any], block: BlockId) -> NDArray[Any]:
        """A block of the array, from the values of its planes on its window, shape (planes, ny, nx)."""
        sizes = tuple(sizes[i] for sizes, i in zip(self.chunks, block, strict=True))
        if self.layout.is_image:
            return values.reshape(sizes)
        out = np.zeros(sizes, dtype=values.dtype)
        self.pack(values, block, out)
        return out

    def pack(self, values: NDArray[Any], block: BlockId, out: NDArray[Any]) -> None:
        """Write the values of the planes of a block on its window into an array of zeros of its shape."""
        for one, at in zip(values, np.ndindex(*out.shape[: len(self.along)]), strict=True):
            self.layout.pack(one, self.spatial(block), out[at])

    @property
    def fills_parts(self) -> bool:
        """See `maskexpr.compile.whole.Filling.fills_parts`."""
        return not self.layout.is_image

    def fill(self, out: Bools, block: BlockId, known: Sequence[Any] = ()) -> None:
        """Write the values of a block into an array of False of its shape."""
        if not self.layout.is_image:
            self.pack(self.on_window(block, known), block, out)
            return
        planes, tile = self.planes(block), self.tile(block)
        views = [out[place] for place in np.ndindex(*out.shape[: len(self.along)])]
        evaluate_into(self.mask, tile, planes, views, decisions(self.mask, known), is_open=True)

    def on_window(self, block: BlockId, known: Sequence[Any] = ()) -> Bools:
        """Values of a block on its window of the lattice, shape (planes, ny, nx)."""
        planes, tile = self.planes(block), self.tile(block)
        out = np.zeros((len(planes), *tile.shape), dtype=bool)
        evaluate_into(self.mask, tile, planes, out, decisions(self.mask, known), is_open=True)
        return out

    def stages(
        self, name: str, source: tuple[str, ...], blocks: Sequence[BlockId]
    ) -> tuple[dict[Any, Any], list[Any]]:
        """Tasks of nodes about the whole map, and for each block the references to what it needs of them."""
        if not blocks or not has_stages(self.mask):
            return {}, [()] * len(blocks)
        made = Stages(self, name, source)
        return made.graph, [made.needs([self.mask], self.window(each), self.planes(each)) for each in blocks]


class OfCompiled:
    """What is made of a compiled mask: it stands for it where a graph asks."""

    compiled: Compiled

    @property
    def mask(self) -> Mask:
        """The compiled mask, as stages ask for it."""
        return self.compiled.mask

    @property
    def geom(self) -> Grid:
        """The grid."""
        return self.compiled.geom

    @property
    def layout(self) -> Layout:
        """How each plane is cut into blocks."""
        return self.compiled.layout

    @property
    def waits(self) -> bool:
        """See `maskexpr.compile.dask.TileSource.waits`."""
        return self.compiled.waits


_here: WeakValueDictionary[str, Compiled] = WeakValueDictionary()
_last: list[Compiled] = []


def _arrived(name: str, mask: Mask, geom: Grid, along: Chunks, layout: Layout) -> Compiled:
    """Interning: of masks that arrive with several graphs, the one that is here already, with its indices.

    The last one stays: a worker that is short of memory puts it to disk after each task. Masks of data do
    not, since what they remember is of files that may have been replaced.
    """
    made = Compiled(mask, geom, along, layout)
    made.__dict__["name"] = name
    if made.reads_data:
        return made
    kept = _here.setdefault(name, made)
    _last[:] = [kept]
    return kept


def mask_on(mask: Mask, geom: Grid) -> tuple[Mask, Chunks]:
    """A mask lowered, simplified and checked for a grid, and the chunk sizes along the axes of it.

    Raises
    ------
    MaskTypeError
        If ``geom`` is no geometry.
    AxisError
        If the mask needs an axis that the geometry lacks.
    """
    if not isinstance(geom, Grid):
        raise MaskTypeError(f"a mask is put on a WcsGeom, an HpxGeom or another Grid, got {described(geom)}")
    simple = simplify(lower(mask))
    names: set[str] = set()
    for each in postorder(simple):
        each.check(geom)
        names |= each.axes()
    # A plane is a block of its own: one that a range leaves out is no work, and one that is sliced out takes
    # no others with it.
    along = [(1,) * (axis.nbin if axis.name in names else 1) for axis in geom.axes]
    return simple, tuple(along)


def compile_mask(mask: Mask, geom: Grid, chunks: Any = "auto") -> Compiled:
    """Prepare a mask for a grid: lower, simplify, check, choose chunks. Evaluates nothing.

    Raises
    ------
    MaskTypeError, AxisError
        See `mask_on`.
    """
    simple, along = mask_on(mask, geom)
    return Compiled(simple, geom, along, geom.layout(chunks))
