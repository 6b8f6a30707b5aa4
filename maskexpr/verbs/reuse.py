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
from ..core.errors import MaskError
from ..core.versions import installed
from ..expr.mask import Bools, Mask
from ..expr.structure import postorder
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..io.formats import open_map, stamp_of
from ..io.sources import FileSource
from ..io.tilestore import TileStore
from ..nodes.moc import Moc
from .to_moc import is_moc_file, moc_of

__all__ = ["ReusedTiles", "file_stamps", "is_written"]


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
    return [(path, _stamp(path)) for path in _files(mask)]


def _files(mask: Mask) -> list[str]:
    """The files that a mask reads when it is evaluated."""
    values = (value for each in postorder(mask) for _, value in each.fields())
    return sorted({os.path.abspath(value.path) for value in values if isinstance(value, FileSource)})


def is_written(mask: Mask, path: str | os.PathLike[str], geom: Grid) -> bool:
    """Whether a product of an equal mask on an equal grid stands under a name, younger than the files that
    the mask reads; or a MOC of the same cells, which tells no more of its mask.
    """
    name = os.path.abspath(path)
    try:
        if is_moc_file(name):
            return isinstance(geom, HpxGeom) and Moc.read(name) == moc_of(mask, geom)
        stored = open_map(name, stamp_of(name), None, True)
    except MaskError:
        return False
    if stored.manifest is None or stored.provenance.get("hash") != mask.digest.hex():
        return False
    younger = all(os.path.getmtime(each) < os.path.getmtime(name) for each in _files(mask))
    return younger and stored.manifest.facts["grid"] == geom.fingerprint


def _stamp(path: str) -> str:
    whole = hashlib.sha256(repr(stamp_of(path)).encode())
    for folder, below, names in os.walk(path):
        below.sort()
        for name in sorted(names):
            status = Path(folder, name).stat()
            whole.update(f"{folder}/{name} {status.st_mtime_ns} {status.st_size}\n".encode())
    return whole.hexdigest()
