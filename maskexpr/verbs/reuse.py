"""Memoisation by the hash of the local part: tiles that another run has evaluated are not evaluated again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..compile.compiled import Compiled
from ..compile.local import local_part
from ..core.versions import installed
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..io.formats import stamp_of
from ..io.sources import FileSource
from ..io.tilestore import TileStore

__all__ = ["ReusedTiles", "file_stamps"]


@dataclass(frozen=True)
class ReusedTiles:
    """The way to the values of tiles that goes by a store."""

    store: TileStore

    def values(self, compiled: Compiled, block: tuple[int, ...], known: Sequence[Any] = ()) -> Bools:
        """Values of a block: those in the store, or evaluated, from what earlier tasks made for it, and put
        there.
        """
        key = tile_key(compiled, block)
        found = self.store.get(key)
        if found is None:
            found = compiled.compute(block, known)
            self.store.put(key, found)
        return found


def tile_key(compiled: Compiled, block: tuple[int, ...]) -> str:
    """A hash of all that the bits of a block depend on: what of the mask matters there, the files that it
    reads, the grid, the place, the version.
    """
    part = local_part(compiled, block)
    facts = (
        installed("maskexpr"),
        part.digest.hex(),
        file_stamps(part),
        compiled.geom.fingerprint,
        tuple(compiled.window(block)),
        compiled.planes(block),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:32]


def file_stamps(mask: Mask) -> list[tuple[str, str]]:
    """What tells whether the files that a mask reads are still the same: time and size, of a folder those of
    all that is in it.
    """
    values = (value for each in postorder(mask) for _, value in each.fields())
    paths = {os.path.abspath(value.path) for value in values if isinstance(value, FileSource)}
    return [(path, _stamp(path)) for path in sorted(paths)]


def _stamp(path: str) -> str:
    whole = hashlib.sha256(repr(stamp_of(path)).encode())
    for folder, below, names in os.walk(path):
        below.sort()
        for name in sorted(names):
            status = Path(folder, name).stat()
            whole.update(f"{folder}/{name} {status.st_mtime_ns} {status.st_size}\n".encode())
    return whole.hexdigest()
