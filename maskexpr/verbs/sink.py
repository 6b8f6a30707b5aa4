"""Where evaluated tiles go: the writer, by way of the store of tiles; on a worker just as here.

Only records of the manifest come back from workers. Where one does not see the folder in which the output is
made, the bits of its tiles do, compressed, and are stored here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from math import prod
from typing import Any, NamedTuple

import click
import numpy as np

from ..compile.compiled import Compiled
from ..compile.workers import on_workers
from ..expr.mask import Bools
from ..io.manifest import TileRecord
from ..io.writer import MaskWriter
from .patch import patch_of
from .pieces import CellTiles, tile_values
from .reuse import ReusedTiles

__all__ = ["Sink", "write_on_workers"]

Block = tuple[int, ...]


class Sink(NamedTuple):
    """Where tiles go: to a writer, and the store of tiles that is looked in first. It travels."""

    writer: MaskWriter
    kept: ReusedTiles | None

    def take(self, compiled: Compiled, block: Block) -> list[TileRecord]:
        """Evaluate one tile and write it."""
        values = tile_values(compiled, block, partial(self.values, compiled))
        return self.writer.put(patch_of(compiled, block, values))

    def tile(self, source: Compiled | CellTiles, block: Block, known: Sequence[Any]) -> Bools:
        """Values of one tile, from what earlier tasks made for it."""
        if isinstance(source, Compiled):
            return self.values(source, block, known)
        of = dict(zip(source.blocks(block), known, strict=True)) if known else {}
        compiled = source.compiled
        return tile_values(compiled, block, lambda each: self.values(compiled, each, of.get(each, ())))

    def values(self, compiled: Compiled, block: Block, known: Sequence[Any] = ()) -> Bools:
        """Values of a block, from what earlier tasks made for it."""
        if self.kept is None:
            return compiled.compute(block, known)
        return self.kept.values(compiled, block, known)


class _Packed(NamedTuple):
    """Values of a block, as they travel."""

    shape: tuple[int, ...]
    bits: bytes

    @classmethod
    def of(cls, values: Bools) -> _Packed:
        return cls(values.shape, zlib.compress(np.packbits(values).data, 1))

    def values(self) -> Bools:
        bits = np.frombuffer(zlib.decompress(self.bits), np.uint8)
        return np.unpackbits(bits, count=prod(self.shape)).reshape(self.shape).view(np.bool_)


def write_on_workers(
    client: Any, compiled: Compiled, sink: Sink, blocks: Sequence[Block], progress: bool = False
) -> None:
    """Evaluate tiles on the workers of a cluster, and let them store what they can.

    Raises
    ------
    TileError
        See `maskexpr.compile.workers.on_workers`.
    """
    source = compiled if compiled.layout.is_image else CellTiles(compiled)
    with (
        click.progressbar(length=len(blocks), label="tiles", hidden=not progress) as bar,
        closing(on_workers(client, source, blocks, _write_tile, sink)) as pieces,
    ):
        for block, made in pieces:
            if isinstance(made, _Packed):
                made = sink.writer.put(patch_of(compiled, block, made.values()))
            sink.writer.note(made)
            bar.update(1)


def _write_tile(
    source: Compiled | CellTiles, block: Block, known: Sequence[Any], sink: Sink
) -> list[TileRecord] | _Packed:
    """Evaluate a tile on a worker, and store it if the folder of the output is seen from there."""
    values = sink.tile(source, block, known)
    if not sink.writer.is_near:
        return _Packed.of(values)
    compiled = source if isinstance(source, Compiled) else source.compiled
    return sink.writer.put(patch_of(compiled, block, values))
