"""Compile: a mask prepared for a grid and cut into blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from numbers import Real
from typing import Any

import dask
import dask.array as da
import numpy as np

from ..core.coverage import FULL, MIXED, Coverage, merge
from ..core.errors import MaskTypeError, MaskValueError
from ..core.once import once
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.lattice import Grid
from ..grid.tiles import Tile, Tiles
from ..pixels.window import Window
from .classify import classify
from .dask import BlockId
from .evaluate import evaluate_into
from .lower import lower
from .simplify import simplify
from .stages import Stages, decisions, has_stages

__all__ = ["Compiled", "compile_mask", "whole_rows"]

# Pixels along a side of a default chunk: large enough that a scheduler's cost per task does not count, small
# enough for a few at once.
_SIDE = 2048
_SIDE_OF_GIANTS = 4096
_GIANT = 10**10


def whole_rows(geom: Grid) -> Any:
    """Chunks of whole rows for maps that are not much wider than a default chunk, else the default ones.

    Memory is read and written up to three times as fast along whole rows as by pieces of them.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> whole_rows(WcsGeom.create(npix=(4000, 3000), binsz=0.01))
    (1048, 4000)
    """
    width = geom.image_shape[1]
    return (_SIDE * _SIDE // width, width) if _SIDE < width <= 2 * _SIDE else "auto"


@dataclass(frozen=True)
class Compiled:
    """A mask on a grid cut into blocks: what a lazy array is made of, and what travels to workers.

    Attributes
    ----------
    mask : Mask
        Lowered and simplified.
    chunks : tuple of tuple of int
        Chunk sizes along ``(axes..., y, x)``; an axis along which the mask does not vary has one chunk of
        size 1.
    """

    mask: Mask
    geom: Grid
    chunks: tuple[tuple[int, ...], ...]

    @property
    def name(self) -> str:
        """Name of the array: the same for an equal mask on an equal grid, in every process."""
        return f"mask-{dask.base.tokenize(self.mask.digest.hex(), self.geom.fingerprint, self.chunks)}"

    @property
    def numblocks(self) -> BlockId:
        """Number of blocks along each axis."""
        return tuple(len(sizes) for sizes in self.chunks)

    def window(self, block: BlockId) -> Window:
        """Pixels of a block."""
        iy, ix = block[-2:]
        (y0, y1), (x0, x1) = self._edges[-2][iy : iy + 2], self._edges[-1][ix : ix + 2]
        return Window(int(y0), int(y1), int(x0), int(x1))

    def planes(self, block: BlockId) -> tuple[tuple[int, ...], ...]:
        """Planes of a block, one index per non-spatial axis each."""
        edges = self._edges
        return tuple(
            product(*(range(int(edges[k][i]), int(edges[k][i + 1])) for k, i in enumerate(block[:-2])))
        )

    @once
    def _edges(self) -> list[np.ndarray]:
        return [np.concatenate([[0], np.cumsum(sizes)]) for sizes in self.chunks]

    def tiles(self, blocks: Sequence[BlockId]) -> Tiles:
        """The windows of blocks as a batch on the first plane."""
        index = np.array([block[-2:] for block in blocks], dtype=np.int64).reshape(-1, 2).T
        y, x = self._edges[-2], self._edges[-1]
        bounds = np.stack([y[index[0]], y[index[0] + 1], x[index[1]], x[index[1] + 1]]).astype(np.int64)
        return Tiles(self.geom, bounds, (0,) * len(self.geom.axes))

    def cover(self, tiles: Tiles, planes: tuple[tuple[int, ...], ...]) -> Coverage:
        """Coverage of tiles over several planes: decided only where the planes agree."""
        return merge(np.stack([classify(self.mask, tiles.on_plane(plane)) for plane in planes]), axis=0)

    def decide(self, blocks: Sequence[BlockId]) -> list[bool | None]:
        """For each block True, False, or None where pixels have to be asked."""
        states: dict[BlockId, bool | None] = {}
        groups: dict[BlockId, list[BlockId]] = {}
        for block in blocks:
            groups.setdefault(block[:-2], []).append(block)
        for some in groups.values():
            cover = self.cover(self.tiles(some), self.planes(some[0]))
            for block, state in zip(some, cover, strict=True):
                states[block] = None if state == MIXED else bool(state == FULL)
        return [states[block] for block in blocks]

    def compute(self, block: BlockId, known: Sequence[Any] = ()) -> Bools:
        """Values of a block; ``known`` is what the stages before it made."""
        planes = self.planes(block)
        sizes = tuple(sizes[i] for sizes, i in zip(self.chunks, block, strict=True))
        out = np.zeros((len(planes), *sizes[-2:]), dtype=bool)
        tile = Tile(self.geom, self.window(block))
        evaluate_into(self.mask, tile, planes, out, decisions(self.mask, known), is_open=True)
        return out.reshape(sizes)

    def stages(
        self, name: str, source: tuple[str, ...], blocks: Sequence[BlockId]
    ) -> tuple[dict[Any, Any], list[Any]]:
        """Tasks of nodes about the whole map, and for each block the references to what it needs of them."""
        if not blocks or not has_stages(self.mask):
            return {}, [()] * len(blocks)
        made = Stages(self, name, source)
        return made.graph, [made.needs([self.mask], self.window(each), self.planes(each)) for each in blocks]


def compile_mask(mask: Mask, geom: Grid, chunks: Any = "auto") -> Compiled:
    """Prepare a mask for a grid: lower, simplify, check, choose chunks. Evaluates nothing.

    Raises
    ------
    MaskTypeError
        If ``geom`` is no geometry.
    AxisError
        If the mask needs an axis that the geometry lacks.
    """
    if not isinstance(geom, Grid):
        raise MaskTypeError(f"a mask is put on a WcsGeom or another Grid, got a {type(geom).__name__}")
    simple = simplify(lower(mask))
    names: set[str] = set()
    for each in postorder(simple):
        each.check(geom)
        names |= each.axes()
    # A plane is a block of its own: one that a range leaves out is no work, and one that is sliced out takes
    # no others with it.
    along = [(1,) * (axis.nbin if axis.name in names else 1) for axis in geom.axes]
    return Compiled(simple, geom, (*along, *_spatial_chunks(chunks, geom)))


def _spatial_chunks(chunks: Any, geom: Grid) -> tuple[tuple[int, ...], tuple[int, ...]]:
    shape, (down, across) = geom.image_shape, geom.dims
    if isinstance(chunks, str):
        if chunks != "auto":
            raise MaskValueError(f"chunks must be 'auto', an int or ({down}, {across}), got {chunks!r}")
        side = _SIDE_OF_GIANTS if shape[0] * shape[1] > _GIANT else _SIDE
        chunks = (side, side)
    if isinstance(chunks, dict):
        if not set(chunks) <= {down, across}:
            raise MaskValueError(f"chunks are of {down!r} and {across!r}, got {chunks!r}")
        chunks = (chunks.get(down, -1), chunks.get(across, -1))
    for each in chunks if isinstance(chunks, tuple | list) else (chunks,):
        if isinstance(each, bool) or (isinstance(each, Real) and each < 1 and each != -1):
            raise MaskValueError(f"a chunk has at least 1 pixel, or -1 for all of them, got {chunks!r}")
    try:
        rows, columns = da.core.normalize_chunks(chunks, shape, dtype=bool)  # type: ignore[no-untyped-call]
    except (TypeError, ValueError) as err:
        raise MaskValueError(
            f"chunks={chunks!r} do not fit a map of {shape[0]} x {shape[1]} pixels ({down}, {across}): {err}"
        ) from err
    return rows, columns
