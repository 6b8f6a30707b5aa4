"""Lazy maps of numbers that are measured from a mask, tile by tile, such as distances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import dask
import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Floats
from ..core.coverage import EMPTY, FULL
from ..core.trace import count
from ..expr.mask import Ask, Bools, Mask
from ..grid.tiles import ON, Tile, Tiles
from ..pixels.window import Window
from .classify import classify
from .compiled import Compiled, OfCompiled
from .dask import BlockId
from .evaluate import Evaluator
from .failures import told_where
from .stages import decisions

__all__ = ["Measured", "Measures"]

# Relative: what conversions and rounding to 32 bits may change of an angle.
_DOUBT: Final = 2.0**-22


class Measures(Protocol):
    """A node that knows, beside which pixels it selects, how far each is from what decides that."""

    mask: Mask

    def distances(self, tile: Tile, of: Ask) -> Iterable[tuple[Window, Bools, Iterable[tuple[Any, Floats]]]]:
        """Windows that make up a tile: which of their pixels are at 0 or off the sky, and parts of them, as
        indices, with their distances in radians; in some part is all else that is nearer than the largest.
        """


@dataclass(frozen=True)
class Measured(OfCompiled):
    """Blocks of a map of float32; see `maskexpr.compile.dask.TileSource`.

    Attributes
    ----------
    compiled : Compiled
        Of a node that `Measures`. Where it is full the distance is the largest; where its mask is empty, 0.
    largest : float
        The largest distance, radians.
    weigh : callable
        Numbers of an array of distances in radians.
    """

    compiled: Compiled
    largest: float
    weigh: Callable[[NDArray[np.floating[Any]]], NDArray[np.floating[Any]]]

    @property
    def name(self) -> str:
        """Name of the array: the same for equal numbers."""
        return f"weights-{dask.base.tokenize(self.compiled.name, self.largest, self.weigh)}"

    def decide(self, blocks: Sequence[BlockId]) -> list[float | None]:
        """For each block its one number, or None where it has to be measured."""
        states: dict[BlockId, float | None] = {}
        groups: dict[BlockId, list[BlockId]] = {}
        for block in blocks:
            groups.setdefault(block[: len(self.compiled.along)], []).append(block)
        none, most = self._numbers(np.array([0.0, self.largest])).tolist()
        for some in groups.values():
            tiles, planes = self.compiled.tiles(some), self.compiled.planes(some[0])
            empty = self._agree(self._node.mask, tiles, planes, EMPTY)
            far = self._agree(self._node, tiles, planes, FULL) & (tiles.sky == ON)
            for block, is_empty, is_far in zip(some, empty, far, strict=True):
                states[block] = none if is_empty else most if is_far else None
        return [states[block] for block in blocks]

    @property
    def _node(self) -> Any:
        return self.mask

    def _agree(self, mask: Mask, tiles: Tiles, planes: Sequence[tuple[int, ...]], state: Any) -> Bools:
        """Which tiles are decided to be in one state on all planes."""
        same = [classify(mask, tiles.on_plane(plane)) == state for plane in planes]
        return np.asarray(np.all(same, axis=0))

    def compute(self, block: BlockId, known: Sequence[Any] = ()) -> NDArray[np.float32]:
        """Numbers of a block."""
        return self.compiled.packed(self._on_window(block, known), block)

    def _on_window(self, block: BlockId, known: Sequence[Any]) -> NDArray[np.float32]:
        """Numbers of a block on its window of the lattice, shape (planes, ny, nx)."""
        window = self.compiled.window(block)
        out = np.empty((len(self.compiled.planes(block)), *window.shape), dtype=np.float32)
        self._measure(out, block, known)
        return out

    @property
    def fills_parts(self) -> bool:
        """See `maskexpr.compile.whole.Filling.fills_parts`."""
        return False

    def fill(self, out: NDArray[np.float32], block: BlockId, known: Sequence[Any] = ()) -> None:
        """Write the numbers of a block into an array of zeros of its shape."""
        if not self.layout.is_image:
            self.compiled.pack(self._on_window(block, known), block, out)
            return
        self._measure([out[place] for place in np.ndindex(*out.shape[:-2])], block, known)

    def where(self, block: BlockId) -> str:
        """See `TileSource.where`."""
        return self.compiled.where(block)

    def _measure(
        self, out: Sequence[NDArray[np.float32]] | NDArray[np.float32], block: BlockId, known: Sequence[Any]
    ) -> None:
        """Write the numbers of a block's planes on its window."""
        compiled, node = self.compiled, self._node
        tile = compiled.tile(block)
        evaluator = Evaluator(node, decisions(node, known))
        top, left = tile.window.y0, tile.window.x0
        least, most = self._numbers(np.array([0.0, self.largest]))
        # In 32 bits the largest angle is another one, and would get another number than what is not measured.
        furthest = np.float32(self.largest * (1 - _DOUBT))
        count("tiles")
        for plane, view in zip(compiled.planes(block), out, strict=True):

            def measure(tile: Tile, of: Ask, view: NDArray[np.float32] = view) -> None:
                for window, zero, parts in node.distances(tile, of):
                    y0, y1, x0, x1 = window.shift(-top, -left)
                    part = view[y0:y1, x0:x1]
                    part[...] = most
                    for pixels, angles in parts:
                        numbers = self._numbers(angles)
                        if angles.dtype == np.float32:
                            np.copyto(numbers, most, where=angles >= furthest)
                        part[pixels] = numbers
                    np.copyto(part, least, where=zero)

            with told_where(node, tile.window, plane):
                evaluator.answer(node, tile.on_plane(plane), measure)

    def _numbers(self, angles: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        return np.asarray(self.weigh(angles)).astype(np.float32)

    def stages(
        self, name: str, source: tuple[str, ...], blocks: Sequence[BlockId]
    ) -> tuple[dict[Any, Any], list[Any]]:
        """See `Compiled.stages`."""
        return self.compiled.stages(name, source, blocks)
