"""Write a mask to a file: decided tiles as they are, the others evaluated, tile by tile on dask's threads."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..compile.cluster import client_of
from ..compile.compiled import compile_mask
from ..compile.plan import Plan
from ..core.arguments import flag, path_of
from ..core.coverage import FULL, MIXED
from ..core.errors import MaskTypeError
from ..core.progress import expect
from ..core.threads import run_blocks
from ..core.versions import installed
from ..expr.describe import one_line
from ..expr.mask import Mask
from ..expr.serialize import VERSION, dumps
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..io.formats import check_output, open_writer
from ..io.given import as_grid
from ..io.tilestore import TileStore
from .patch import is_done, patch_of
from .pieces import tile_shape, tile_states
from .reuse import ReusedTiles, file_stamps
from .sink import Sink, write_on_workers
from .to_moc import is_moc_file, write_as_moc

__all__ = ["provenance", "write"]

Block = tuple[int, ...]


def write(
    mask: Mask,
    path: str | os.PathLike[str],
    geom: Grid,
    overwrite: bool = False,
    chunks: Any = "auto",
    progress: bool = False,
    memory_limit: Any = None,
    resume: bool = False,
    client: Any = "auto",
    store: str | os.PathLike[str] | TileStore | None = None,
    ordering: str | None = None,
) -> Path:
    """Write a mask on a grid tile by tile. See `Mask.write`."""
    geom, path = as_grid(geom), path_of(path, "the output")
    for name, value in (("overwrite", overwrite), ("resume", resume), ("progress", progress)):
        flag(value, name)
    if is_moc_file(path):
        # Nothing is left of one that was broken off, and no tiles are kept.
        if chunks != "auto" or memory_limit is not None:
            raise MaskTypeError("a MOC is written in one piece: it takes no chunks= and no memory_limit=")
        return write_as_moc(mask, path, geom, overwrite)
    check_output(path, overwrite)
    plan = Plan(compile_mask(mask, geom, chunks))
    if memory_limit is not None:
        plan.check_memory(memory_limit)
    if not isinstance(geom, WcsGeom | HpxGeom):
        raise MaskTypeError(
            f"a mask is written on a WcsGeom or an HpxGeom, got {geom!r}; "
            "give one, or save the expression with maskexpr.dumps(mask)"
        )
    rows, columns = tile_shape(plan.compiled)
    if plan.compiled.layout.is_image and not _is_regular(plan.compiled.chunks):
        # The tiles of a file are of one size.
        plan = Plan(compile_mask(mask, geom, (rows, columns)))
    about = provenance(mask)
    run = f"{about['hash']} {file_stamps(mask)} maskexpr {installed('maskexpr')}"
    kept = None if store is None else ReusedTiles(TileStore.of(store))
    more: dict[str, Any] = {} if ordering is None else {"ordering": ordering}
    with open_writer(path, geom, (rows, columns), about, overwrite, resume, run, **more) as writer:
        if writer.published:
            return writer.path
        _write_tiles(plan, Sink(writer, kept), client_of(client), progress)
    return writer.path


def _write_tiles(plan: Plan, sink: Sink, workers_of: Any, progress: bool) -> None:
    """Write what is full, then what has to be evaluated, here or on the workers of a client."""
    compiled, writer, states = plan.compiled, sink.writer, tile_states(plan)
    full = _blocks(states, FULL)
    todo = [block for block in _blocks(states, MIXED) if not is_done(compiled, writer, block)]
    # A block of a mask that does not vary is a tile on every plane.
    tiles_of_a_block = math.prod(compiled.geom.planes_shape) // math.prod(map(len, compiled.along))
    expect((len(full) + len(todo)) * tiles_of_a_block)
    for block in full:
        writer.store(patch_of(compiled, block, True))
    if workers_of is not None:
        write_on_workers(workers_of, compiled, sink, todo, progress)
    else:
        run_blocks(lambda block: writer.note(sink.take(compiled, block)), todo, progress)


def _is_regular(chunks: Sequence[tuple[int, ...]]) -> bool:
    return all(len({*sizes[:-1]}) <= 1 and sizes[-1] <= sizes[0] for sizes in chunks[-2:])


def provenance(mask: Mask) -> dict[str, str]:
    """What a file says of the mask in it: the expression as JSON where it can be written, its hash, the
    format's version.
    """
    texts = {"hash": mask.digest.hex(), "version": str(VERSION), "mask": one_line(mask)}
    try:
        texts["expression"] = dumps(mask)
    except MaskTypeError as err:
        texts["expression_missing"] = str(err)
    return texts


def _blocks(states: NDArray[np.uint8], state: np.uint8) -> list[Block]:
    return [tuple(int(i) for i in place) for place in np.argwhere(states == state)]
