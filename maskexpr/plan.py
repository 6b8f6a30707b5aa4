"""Compile a mask onto a grid, and the plan: what would be done, readable before it runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from numbers import Real
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr
from dask.utils import format_bytes, parse_bytes

from .coverage import EMPTY, FULL, MIXED, NAMES, Coverage
from .errors import MaskTypeError, MaskValueError, MemoryLimitError
from .expr import Bools, Mask
from .geom import WcsGeom
from .passes.classify import classify
from .passes.evaluate import evaluate_planes
from .passes.lower import lower
from .passes.memory import working_bytes
from .passes.simplify import simplify
from .structure import postorder
from .tiles import Tiles, grid_tiles
from .window import Window

__all__ = ["Compiled", "Plan", "compile_mask", "make_plan"]

Block = tuple[int, ...]

# Pixels along a side of a default chunk: large enough that a scheduler's cost per task does not count, small
# enough for a few at once.
_SIDE = 2048
_SIDE_OF_GIANTS = 4096
_GIANT = 10**10
# Planes of a cube that one task evaluates together share what does not vary; this many pixels at most.
_PIXELS_PER_TASK = 1 << 26


@dataclass(frozen=True)
class Compiled:
    """A mask on a grid cut into blocks: what a lazy array is made of, and what travels to workers.

    Attributes
    ----------
    mask : Mask
        Lowered and simplified.
    geom : WcsGeom
        The grid.
    chunks : tuple of tuple of int
        Chunk sizes along ``(axes..., y, x)``; an axis along which the mask does not vary has one chunk of
        size 1.
    """

    mask: Mask
    geom: WcsGeom
    chunks: tuple[tuple[int, ...], ...]

    @property
    def name(self) -> str:
        """Name of the array: the same for an equal mask on an equal grid, in every process."""
        return f"mask-{dask.base.tokenize(self.mask.digest.hex(), self.geom.fingerprint, self.chunks)}"

    @property
    def numblocks(self) -> Block:
        """Number of blocks along each axis."""
        return tuple(len(sizes) for sizes in self.chunks)

    def window(self, block: Block) -> Window:
        """Pixels of a block."""
        iy, ix = block[-2:]
        (y0, y1), (x0, x1) = self._edges[-2][iy : iy + 2], self._edges[-1][ix : ix + 2]
        return Window(int(y0), int(y1), int(x0), int(x1))

    def planes(self, block: Block) -> tuple[tuple[int, ...], ...]:
        """Planes of a block, one index per non-spatial axis each."""
        edges = self._edges
        return tuple(
            product(*(range(int(edges[k][i]), int(edges[k][i + 1])) for k, i in enumerate(block[:-2])))
        )

    @cached_property
    def _edges(self) -> list[np.ndarray]:
        return [np.concatenate([[0], np.cumsum(sizes)]) for sizes in self.chunks]

    def tiles(self, blocks: Sequence[Block]) -> Tiles:
        """The windows of blocks as a batch on the first plane."""
        index = np.array([block[-2:] for block in blocks], dtype=np.int64).reshape(-1, 2).T
        y, x = self._edges[-2], self._edges[-1]
        bounds = np.stack([y[index[0]], y[index[0] + 1], x[index[1]], x[index[1] + 1]]).astype(np.int64)
        return Tiles(self.geom, bounds, (0,) * len(self.geom.axes))

    def cover(self, tiles: Tiles, planes: tuple[tuple[int, ...], ...]) -> Coverage:
        """Coverage of tiles over several planes: decided only where the planes agree."""
        low = high = None
        for plane in planes:
            cover = classify(self.mask, tiles.on_plane(plane))
            low = cover if low is None else np.minimum(low, cover)
            high = cover if high is None else np.maximum(high, cover)
        assert low is not None
        return np.where(low == high, low, MIXED).astype(np.uint8)

    def decide(self, blocks: Sequence[Block]) -> list[bool | None]:
        """For each block True, False, or None where pixels have to be asked."""
        states: dict[Block, bool | None] = {}
        groups: dict[Block, list[Block]] = {}
        for block in blocks:
            groups.setdefault(block[:-2], []).append(block)
        for some in groups.values():
            cover = self.cover(self.tiles(some), self.planes(some[0]))
            for block, state in zip(some, cover, strict=True):
                states[block] = None if state == MIXED else bool(state == FULL)
        return [states[block] for block in blocks]

    def compute(self, block: Block) -> Bools:
        """Values of a block."""
        planes = self.planes(block)
        values = evaluate_planes(self.mask, self.geom, self.window(block), planes)
        sizes = tuple(sizes[i] for sizes, i in zip(self.chunks, block, strict=True))
        return values.reshape(sizes)


def compile_mask(mask: Mask, geom: WcsGeom, chunks: Any = "auto") -> Compiled:
    """Prepare a mask for a grid: lower, simplify, check, choose chunks. Evaluates nothing.

    Raises
    ------
    MaskTypeError
        If ``geom`` is no geometry.
    AxisError
        If the mask needs an axis that the geometry lacks.
    """
    if not isinstance(geom, WcsGeom):
        raise MaskTypeError(f"a mask is put on a WcsGeom, got a {type(geom).__name__}")
    simple = simplify(lower(mask))
    names: set[str] = set()
    for each in postorder(simple):
        each.check(geom)
        names |= each.axes()
    sizes = [axis.nbin if axis.name in names else 1 for axis in geom.axes]
    rows, columns = _spatial_chunks(chunks, geom.image_shape, math.prod(sizes))
    side = max(rows) * max(columns)
    together = math.prod(sizes) * side <= _PIXELS_PER_TASK
    along = [(size,) if together else (1,) * size for size in sizes]
    return Compiled(simple, geom, (*along, rows, columns))


def _spatial_chunks(
    chunks: Any, shape: tuple[int, int], planes: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(chunks, str):
        if chunks != "auto":
            raise MaskValueError(f"chunks must be 'auto', an int or (y, x), got {chunks!r}")
        side = _SIDE_OF_GIANTS if shape[0] * shape[1] > _GIANT else _SIDE
        while side > 512 and planes * side * side > _PIXELS_PER_TASK:
            side //= 2
        chunks = (side, side)
    if isinstance(chunks, dict):
        if not set(chunks) <= {"y", "x"}:
            raise MaskValueError(f"chunks are of 'y' and 'x', got {chunks!r}")
        chunks = (chunks.get("y", -1), chunks.get("x", -1))
    for each in chunks if isinstance(chunks, tuple | list) else (chunks,):
        if isinstance(each, bool) or (isinstance(each, Real) and each < 1 and each != -1):
            raise MaskValueError(f"a chunk has at least 1 pixel, or -1 for all of them, got {chunks!r}")
    try:
        rows, columns = da.core.normalize_chunks(chunks, shape, dtype=bool)  # type: ignore[no-untyped-call]
    except (TypeError, ValueError) as err:
        raise MaskValueError(
            f"chunks={chunks!r} do not fit a map of {shape[0]} x {shape[1]} pixels (y, x): {err}"
        ) from err
    return rows, columns


class Plan:
    """What putting a mask on a grid would do.

    Attributes
    ----------
    compiled : Compiled
        The mask as it would be evaluated.
    states : array of uint8, shape (axis blocks..., ny, nx)
        EMPTY, MIXED or FULL for every tile.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.geom = compiled.geom
        rows, columns = compiled.chunks[-2:]
        blocks = compiled.numblocks[:-2]
        tiles = grid_tiles(compiled.geom, rows, columns, (0,) * len(compiled.geom.axes))
        states = np.empty((*blocks, len(rows), len(columns)), dtype=np.uint8)
        for block in product(*(range(n) for n in blocks)):
            cover = compiled.cover(tiles, compiled.planes((*block, 0, 0)))
            states[block] = cover.reshape(len(rows), len(columns))
        states.flags.writeable = False
        self.states = states

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return int(self.states.size)

    @property
    def n_empty(self) -> int:
        """Tiles with nothing selected: no work."""
        return int(np.count_nonzero(self.states == EMPTY))

    @property
    def n_full(self) -> int:
        """Tiles with everything selected: no work."""
        return int(np.count_nonzero(self.states == FULL))

    @property
    def n_mixed(self) -> int:
        """Tiles to be evaluated."""
        return int(np.count_nonzero(self.states == MIXED))

    @cached_property
    def projected_memory(self) -> int:
        """Upper bound, in bytes, of what evaluating tile by tile on dask's threads holds at once, the whole
        map apart.
        """
        if not self.n_mixed:
            return 0
        workers = dask.config.get("num_workers", None) or dask.system.CPU_COUNT
        tile = math.prod(max(sizes) for sizes in self.compiled.chunks)
        return working_bytes(self.compiled.mask, tile) * min(int(workers), self.n_mixed)

    def check_memory(self, limit: Any) -> None:
        """Refuse a plan that may need more than a limit (bytes, or text such as ``"2 GB"``).

        Raises
        ------
        MemoryLimitError
            With the figures and what to change.
        """
        try:
            allowed = parse_bytes(limit) if isinstance(limit, str) else int(limit)
        except (TypeError, ValueError) as err:
            raise MaskValueError(f"memory_limit must be bytes or text such as '2 GB', got {limit!r}") from err
        if self.projected_memory > allowed:
            rows, columns = (max(sizes) for sizes in self.compiled.chunks[-2:])
            raise MemoryLimitError(
                f"evaluating tiles of {rows} x {columns} pixels may take "
                f"{format_bytes(self.projected_memory)}, more than the limit of "
                f"{format_bytes(allowed)}: give smaller chunks=, or fewer threads "
                f"(dask.config.set(num_workers=1))"
            )

    def to_xarray(self) -> xr.DataArray:
        """The states as a DataArray over tiles, with the first pixel of each tile as coordinates."""
        axes = [axis.name for axis in self.geom.axes]
        rows, columns = (np.array(sizes) for sizes in self.compiled.chunks[-2:])
        coords = {"y": np.cumsum(rows) - rows, "x": np.cumsum(columns) - columns}
        flags = {"flag_values": [0, 1, 2], "flag_meanings": " ".join(NAMES)}
        return xr.DataArray(self.states, dims=[*axes, "y", "x"], coords=coords, name="state", attrs=flags)

    def __str__(self) -> str:
        def share(number: int) -> str:
            return f"{number:>9,}  {100 * number / self.n_tiles:5.1f} %"

        rows, columns = (max(sizes) for sizes in self.compiled.chunks[-2:])
        total = math.prod(self.geom.shape)
        return "\n".join(
            [
                f"Plan for {' x '.join(f'{n:,}' for n in self.geom.shape)} = {total:,} pixels, "
                f"{self.geom.projection} {self.geom.frame}",
                f"  tiles      {self.n_tiles:>9,}  of {rows} x {columns} pixels",
                f"  empty      {share(self.n_empty)}  no work",
                f"  full       {share(self.n_full)}  no work",
                f"  mixed      {share(self.n_mixed)}  evaluated",
                f"  memory     {format_bytes(self.projected_memory)} at most at once, beside the result",
            ]
        )

    def __repr__(self) -> str:
        return (
            f"Plan(n_tiles={self.n_tiles}, n_empty={self.n_empty}, n_full={self.n_full}, "
            f"n_mixed={self.n_mixed}, "
            f"projected_memory={self.projected_memory})"
        )

    def _repr_html_(self) -> str:
        return f"<pre>{self}</pre>"


def make_plan(mask: Mask, geom: WcsGeom, chunks: Any = "auto", memory_limit: Any = None) -> Plan:
    """Plan a mask on a grid, and refuse it above a memory limit."""
    plan = Plan(compile_mask(mask, geom, chunks))
    if memory_limit is not None:
        plan.check_memory(memory_limit)
    return plan
