"""`to_moc`: the cells of HEALPix that a mask selects, from the expression itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import numpy as np

from ..compile.cover import centre_cover, inner_cover, need_no_grid, outer_cover
from ..compile.lower import lower
from ..compile.simplify import simplify
from ..compile.spread import spread
from ..core.arguments import one_of
from ..core.arrays import Ints
from ..core.errors import AxisError, MaskTypeError, NeedsGridError
from ..expr.mask import Mask, Not
from ..expr.structure import Reach, postorder
from ..grid.healpix.faces import check_order, number_of
from ..grid.healpix.geom import HpxGeom
from ..grid.healpix.ranges import complement, intersection, merged, runs_of
from ..grid.lattice import Grid
from ..io.publish import check_place
from ..nodes.moc import Moc

__all__ = ["cells_in", "is_moc_file", "moc_of", "on_the_sphere", "to_moc", "write_as_moc"]

_SUFFIX: Final = ".moc.fits"

# What a cover of the complement is the complement of.
_DUAL: Final = {"centre": "centre", "inner": "outer", "outer": "inner"}
_COVERS: Final = {"centre": centre_cover, "inner": inner_cover, "outer": outer_cover}


def to_moc(mask: Mask, order: int, cover: str = "centre") -> Moc:
    """A mask as a set of cells. See `Mask.to_moc`."""
    order = check_order(order)
    one_of("cover", cover, _DUAL)
    flips = 0
    # A mask and its complement are asked as one, so that their covers are complements of each other.
    while isinstance(mask, Not):
        mask, cover, flips = mask.mask, _DUAL[cover], flips + 1
    instead = f"write the cells of a grid, mask.write('mask.moc.fits', HpxGeom(order={order}))"
    simple = on_the_sphere(mask, instead)
    ranges = _COVERS[cover](simple, order)
    return Moc(complement(ranges, number_of(order)) if flips % 2 else ranges, order)


def on_the_sphere(mask: Mask, instead: str) -> Mask:
    """A mask made ready to be asked about points and areas of the sphere.

    Parameters
    ----------
    mask : Mask
        The mask.
    instead : str
        What to write where it has no meaning there.

    Raises
    ------
    NeedsGridError, AxisError
        Of the node that has a meaning only on a grid, or along an axis.
    """
    simple = spread(simplify(lower(mask)))
    try:
        need_no_grid(simple)
    except NeedsGridError as err:
        # The node says what to write where positions are asked.
        words = str(err)
        raise NeedsGridError(f"{words.rpartition(': ')[0] or words}: {instead}") from err
    return simple


def is_moc_file(path: str | os.PathLike[str]) -> bool:
    """Whether a name says that a mask is written as a MOC."""
    return os.fspath(path).lower().endswith(_SUFFIX)


def write_as_moc(mask: Mask, path: str | os.PathLike[str], geom: Grid, overwrite: bool) -> Path:
    """Write the cells of a HEALPix grid whose centres a mask selects as a MOC of the grid's order.

    Raises
    ------
    MaskTypeError
        For a grid that is no HEALPix grid in ICRS without axes, as the cells of a MOC are.
    """
    if not isinstance(geom, HpxGeom) or geom.frame != "icrs" or geom.axes:
        raise MaskTypeError(
            f"{os.fspath(path)}: a MOC is written of an HpxGeom in ICRS without axes, got {geom!r}; "
            "mask.to_moc(order).write(path) takes no grid"
        )
    check_place(Path(path), overwrite)
    return moc_of(mask, geom).write(path, overwrite=overwrite)


def moc_of(mask: Mask, geom: HpxGeom) -> Moc:
    """The cells of a HEALPix grid whose centres a mask selects."""
    try:
        ranges = intersection(to_moc(mask, geom.order).ranges, geom.ranges)
    except (NeedsGridError, AxisError):
        ranges = _by_blocks(mask, geom)
    return Moc(ranges, geom.order)


def cells_in(mask: Mask, geom: HpxGeom) -> Ints:
    """Merged ranges of the cells of the whole sky that a mask selects on a HEALPix grid without axes.

    They are found by descent, whatever the order, unless pixels are grown on the grid, or data read, which is
    done faster block by block.
    """
    try:
        simple = on_the_sphere(mask, "take a grid")
    except (NeedsGridError, AxisError):
        return _by_blocks(mask, geom)
    if any(each.reads_data or each.reach() != Reach() for each in postorder(simple)):
        return _by_blocks(mask, geom)
    return centre_cover(simple, geom.order, geom.frame)


def _by_blocks(mask: Mask, geom: HpxGeom) -> Ints:
    """Merged ranges of the cells of a grid that a mask selects there."""
    plan, array = mask.plan(geom), mask.on(geom)
    (start,) = plan.compiled.layout.starts
    found = [np.empty((0, 2), dtype=np.int64)]
    for i in np.flatnonzero(plan.states):
        first, end = int(start[i]), int(start[i + 1])
        selected = array.data[first:end].compute(scheduler="synchronous")
        found.append(runs_of(geom.cells.ids(first, end)[selected]))
    return merged(np.concatenate(found))
