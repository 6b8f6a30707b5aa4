"""Verify: every tile of a product is read and compared with its manifest, or with a mask evaluated anew."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from dask.utils import format_bytes

from ..compile.compiled import compile_mask
from ..core.arguments import path_of
from ..core.calls import told
from ..core.errors import FormatError, IntegrityError, MaskTypeError
from ..core.names import described
from ..core.threads import run_blocks
from ..expr.mask import Mask
from ..grid.lattice import Grid
from ..io.formats import StoredMap, kind_of, stamp_of
from ..io.publish import size_on_disk
from ..io.read import TRIES, opened
from ..io.sources import as_mask
from ..pixels.window import Window
from .pieces import piece_of

__all__ = ["ProductInfo", "VerifyReport", "info", "verify"]

T = TypeVar("T")

# Side of the pieces in which a file without tiles of its own is compared.
_SIDE = 2048


@dataclass(frozen=True)
class ProductInfo:
    """What a file says it is; no pixel has been read.

    Attributes
    ----------
    path : str
        The file.
    kind : str
        Its format: "a FITS file".
    is_product : bool
        Whether maskexpr wrote it, with a manifest.
    geom : Grid
        Its grid, axes too.
    dtype : str
        Type of its values.
    n_tiles, n_empty, n_full, n_mixed : int, optional
        Tiles by what the manifest says of them; None without a manifest, as the rest.
    tile : (int, int), optional
        Rows and columns of a tile.
    n_selected : int, optional
        Number of selected pixels, on all planes; of weights and distances, of those that are not 0.
    mask : str, optional
        The mask in one line.
    hash : str, optional
        Digest of the expression in hexadecimal digits.
    expression : str, optional
        The expression as JSON, see `maskexpr.loads`; None where it holds data in memory.
    versions : dict
        Of the packages that wrote it.
    bytes_on_disk : int
        What it takes.
    """

    path: str
    kind: str
    is_product: bool
    geom: Grid
    dtype: str
    n_tiles: int | None = None
    n_empty: int | None = None
    n_full: int | None = None
    n_mixed: int | None = None
    tile: tuple[int, int] | None = None
    n_selected: int | None = None
    mask: str | None = None
    hash: str | None = None
    expression: str | None = field(default=None, repr=False)
    versions: dict[str, str] = field(default_factory=dict)
    bytes_on_disk: int = 0

    def __str__(self) -> str:
        shape = " x ".join(f"{n:,}" for n in self.geom.shape)
        lines = [
            f"{self.path}: {self.kind}, {format_bytes(self.bytes_on_disk)} on the disk",
            f"  grid       {shape} pixels, {self.geom.kind}",
        ]
        if not self.is_product:
            return "\n".join(
                [*lines, f"  values     {self.dtype}", "  manifest   none: not written by maskexpr"]
            )
        assert self.tile is not None
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        lines += [
            f"  mask       {self.mask}",
            f"  hash       {self.hash}",
            f"  tiles      {self.n_tiles:,} of {self.tile[0]} x {self.tile[1]} pixels: "
            f"{self.n_empty:,} empty, {self.n_full:,} full, {self.n_mixed:,} mixed",
            f"  selected   {self.n_selected:,} of {math.prod(self.geom.shape):,} pixels",
            f"  written by {versions}",
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class VerifyReport:
    """What was found to be as it should be; true.

    Attributes
    ----------
    info : ProductInfo
        The product.
    n_tiles : int
        Tiles that were read and compared.
    n_selected : int
        Selected pixels that were counted.
    against : Mask, optional
        The mask that was evaluated anew, and is equal on every pixel.
    """

    info: ProductInfo
    n_tiles: int
    n_selected: int
    against: Mask | None = None

    def __bool__(self) -> bool:
        return True

    def __str__(self) -> str:
        with_what = [] if not self.info.is_product else ["the manifest"]
        with_what += [f"the mask {self.against!r}"] if self.against is not None else []
        return (
            f"{self.info.path}: all {self.n_tiles:,} tiles, {self.n_selected:,} selected pixels, are as "
            f"{' and '.join(with_what)} say{'s' * (len(with_what) == 1)}"
        )


@told
def info(path: str | os.PathLike[str]) -> ProductInfo:
    """Tell what a file of a mask or a map is, without reading a pixel.

    Parameters
    ----------
    path : str or path
        A FITS file or zarr store.

    Returns
    -------
    ProductInfo
        Print it.

    Raises
    ------
    FileMissingError
        If it is not there.
    IncompleteMaskError
        If its writing has not come to its end.
    IntegrityError
        If what it says of itself was damaged.
    FormatError
        If it is no map.

    Examples
    --------
    >>> import tempfile
    >>> import maskexpr as mx
    >>> path = mx.AllSky().write(tempfile.mkdtemp() + "/all.fits", mx.WcsGeom.allsky(binsz=10))
    >>> info(path).n_selected
    648
    """
    name = os.fspath(path_of(path, "the map").absolute())
    return _of_one_version(name, partial(_info, name))


def _of_one_version(name: str, ask: Callable[[StoredMap], T]) -> T:
    """What is asked of a map, which writers may replace meanwhile: that is no damage, so it is asked anew."""
    for _ in range(TRIES):
        stamp, stored = opened(name, None, None, True)
        try:
            return ask(stored)
        except (FormatError, OSError):
            if stamp_of(name) == stamp:
                raise
    raise IntegrityError(f"{name}: it was replaced again and again while it was read")


def _info(name: str, stored: StoredMap) -> ProductInfo:
    facts: dict[str, Any] = {
        "path": name,
        "kind": kind_of(name),
        "geom": stored.geom,
        "dtype": str(stored.dtype),
        "bytes_on_disk": size_on_disk(Path(name)),
    }
    manifest = stored.manifest
    if manifest is None:
        return ProductInfo(is_product=False, **facts)
    found = manifest.table.summary
    return ProductInfo(
        is_product=True,
        n_tiles=manifest.table.states.size,
        n_empty=found["empty"],
        n_full=found["full"],
        n_mixed=found["mixed"],
        tile=manifest.chunks,
        n_selected=int(manifest.facts["selected"]),
        mask=stored.provenance.get("mask"),
        hash=stored.provenance.get("hash"),
        expression=stored.provenance.get("expression"),
        versions=dict(manifest.facts["versions"]),
        **facts,
    )


@told
def verify(path: str | os.PathLike[str], against: Mask | None = None) -> VerifyReport:
    """Read a product whole and compare every tile with what the manifest says, and every checksum.

    Parameters
    ----------
    path : str or path
        A FITS file or zarr store that maskexpr wrote; any map of zeros and ones if ``against`` is given.
    against : Mask, optional
        A mask to evaluate on the product's grid and compare every pixel with.

    Returns
    -------
    VerifyReport
        Its truth value is True: what is not as it should be is an error.

    Raises
    ------
    IntegrityError
        If a tile, the manifest or a checksum is not what was written, or a pixel not that of ``against``.
    IncompleteMaskError
        If the writing of the file has not come to its end.
    FormatError
        If the file has no manifest, and there is nothing to compare it with.

    Examples
    --------
    >>> import tempfile
    >>> import maskexpr as mx
    >>> path = mx.AllSky().write(tempfile.mkdtemp() + "/all.fits", mx.WcsGeom.allsky(binsz=10))
    >>> bool(verify(path, against=mx.AllSky()))
    True
    """
    if against is not None and not isinstance(against, Mask):
        raise MaskTypeError(f"against must be a mask, got {described(against)}")
    name = os.fspath(path_of(path, "the product").absolute())
    return _of_one_version(name, partial(_verified, name, path, against))


def _verified(
    name: str, path: str | os.PathLike[str], against: Mask | None, stored: StoredMap
) -> VerifyReport:
    """Read all of a map that is open, and compare it."""
    if stored.manifest is None and against is None:
        raise FormatError(
            f"{path}: it has no manifest, because maskexpr did not write it; to compare it with a mask give "
            "against="
        )
    is_mask = stored.manifest is None or stored.manifest.content.is_mask
    if against is not None and not is_mask:
        raise MaskTypeError(f"{path}: it holds numbers, which no mask is to compare with")
    if stored.manifest is not None:
        stored.audit()
    tiles = _tiles(stored)
    counts = np.zeros(len(tiles), np.int64)
    wanted = None if against is None else compile_mask(against, stored.geom)

    def compare(number: int) -> None:
        plane, window = tiles[number]
        planes = tuple(slice(i, i + 1) for i in plane)
        values = stored.read_array(planes, window).reshape(window.shape)
        if is_mask:
            values = as_mask(values, name)
        counts[number] = np.count_nonzero(values)
        if wanted is not None:
            anew = piece_of(wanted, plane, window)
            if not np.array_equal(values, anew):
                raise IntegrityError(
                    f"{path}: {int((values != anew).sum())} pixels of "
                    f"{_place(stored.geom, plane, window)} are not those of {against!r}"
                )

    run_blocks(compare, range(len(tiles)))
    selected = int(counts.sum())
    if stored.manifest is not None and selected != stored.manifest.facts["selected"]:
        raise IntegrityError(f"{path}: {selected} pixels are selected, the manifest says otherwise")
    return VerifyReport(_info(name, stored), len(tiles), selected, against)


def _place(grid: Grid, plane: tuple[int, ...], window: Window) -> str:
    """A window of a map in words."""
    rows = "" if len(grid.dims) == 1 else f"rows {window.y0} to {window.y1 - 1}, "
    across = grid.dims[0] if len(grid.dims) == 1 else "columns"
    on = "".join(f", {axis.name} {i}" for axis, i in zip(grid.axes, plane, strict=True))
    return f"{rows}{across} {window.x0} to {window.x1 - 1}{on}"


def _tiles(stored: StoredMap) -> list[tuple[tuple[int, ...], Window]]:
    """The tiles of a map, plane by plane."""
    (ny, nx), axes = stored.geom.plane_shape, stored.geom.planes_shape
    rows, columns = (
        stored.manifest.chunks if stored.manifest is not None else (_SIDE, _SIDE**2 // min(ny, _SIDE))
    )
    return [
        (plane, Window(y, min(y + rows, ny), x, min(x + columns, nx)))
        for plane in np.ndindex(*axes)
        for y in range(0, ny, rows)
        for x in range(0, nx, columns)
    ]
