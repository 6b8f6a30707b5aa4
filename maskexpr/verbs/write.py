"""Write a mask to a file: decided tiles as they are, the others evaluated, tile by tile on dask's threads."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..compile.compiled import Compiled, compile_mask
from ..compile.plan import Plan
from ..core.coverage import FULL, MIXED
from ..core.errors import MaskTypeError
from ..core.threads import run_blocks
from ..expr.describe import one_line
from ..expr.mask import Mask
from ..expr.serialize import VERSION, dumps
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..io.formats import check_output, open_writer
from ..io.given import as_grid
from ..io.writer import MaskWriter, Patch

__all__ = ["provenance", "write"]


def write(
    mask: Mask,
    path: str | os.PathLike[str],
    geom: Grid,
    overwrite: bool = False,
    chunks: Any = "auto",
    progress: bool = False,
    memory_limit: Any = None,
) -> Path:
    """Write a mask on a grid to a zarr store or a FITS file.

    Parameters
    ----------
    mask : Mask
        The mask.
    path : str or path
        Ends in ``.zarr``, ``.fits`` or ``.fits.gz``.
    geom : WcsGeom
        The grid.
    overwrite : bool
        Replace an existing file.
    chunks : "auto", int or (int, int)
        Pixels along y and x of a tile; for zarr also of a chunk of the store.
    progress : bool
        Show dask's progress bar.
    memory_limit : int or str, optional
        Refuse, before anything runs, if the plan may need more than this.

    Returns
    -------
    Path
        What was written. It appears under its name only when it is complete.

    Raises
    ------
    OutputExistsError
        If the output is there and ``overwrite`` is not given; nothing is computed then.
    """
    geom = as_grid(geom)
    check_output(path, overwrite)
    plan = Plan(compile_mask(mask, geom, chunks))
    if memory_limit is not None:
        plan.check_memory(memory_limit)
    if not isinstance(geom, WcsGeom):
        raise MaskTypeError(
            f"a mask is written on a WcsGeom, got {geom!r}; "
            "give one, or save the expression with maskexpr.dumps(mask)"
        )
    rows, columns = (max(sizes) for sizes in plan.compiled.chunks[-2:])
    with open_writer(path, geom, (rows, columns), provenance(mask), overwrite) as writer:
        for block in _blocks(plan, FULL):
            writer.store(_patch(plan.compiled, block, True))
        run_blocks(partial(_store, plan.compiled, writer), _blocks(plan, MIXED), progress)
    return writer.path


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


def _blocks(plan: Plan, state: np.uint8) -> list[tuple[int, ...]]:
    return [tuple(int(i) for i in place) for place in np.argwhere(plan.states == state)]


def _patch(compiled: Compiled, block: tuple[int, ...], value: Any) -> Patch:
    """The patch of the output that a block of the compiled mask is; where the mask does not vary, it is on
    every plane.
    """
    starts = [int(sum(sizes[:i])) for sizes, i in zip(compiled.chunks, block, strict=True)]
    planes = tuple(
        slice(None) if sum(sizes) == 1 else slice(start, start + sizes[i])
        for sizes, start, i in zip(compiled.chunks[:-2], starts, block, strict=False)
    )
    return Patch(compiled.window(block), value, planes or None)


def _store(compiled: Compiled, writer: MaskWriter, block: tuple[int, ...]) -> None:
    values = compiled.compute(block)
    shape = compiled.geom.shape[:-2]
    sizes = [
        n if sum(c) == 1 else v for n, c, v in zip(shape, compiled.chunks[:-2], values.shape, strict=False)
    ]
    writer.store(_patch(compiled, block, np.broadcast_to(values, (*sizes, *values.shape[-2:]))))
