"""The plan: what putting a mask on a grid would do, readable before it runs."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from dask.utils import format_bytes, parse_bytes

from ..core.calls import told_methods, told_names
from ..core.coverage import EMPTY, FULL, MIXED, NAMES, merge
from ..core.errors import MaskValueError, MemoryLimitError
from ..core.limits import check_limit
from ..core.once import once
from ..core.threads import number_of_threads
from ..expr.mask import Mask
from ..grid.lattice import Grid
from ..pixels.png import data_url, png
from .compiled import Compiled, compile_mask
from .memory import working_bytes

__all__ = ["Plan", "make_plan"]


# Tiles along a side of the picture, at most.
_SIDE = 140
_COLOURS = ((255, 255, 255, 255), (255, 160, 60, 255), (31, 119, 180, 255))  # of EMPTY, MIXED, FULL
_CSS = ["#{:02x}{:02x}{:02x}".format(*colour[:3]) for colour in _COLOURS]


@told_methods
@told_names("a plan", {"compute": "mask.on(geom).compute()", "geometry": "plan.geom"})
class Plan:
    """What putting a mask on a grid would do.

    Attributes
    ----------
    compiled : Compiled
        The mask as it would be evaluated.
    tiles : Tiles
        The tiles, row after row, on the first plane.
    states : array of uint8, shape (axis blocks..., spatial blocks...)
        EMPTY, MIXED or FULL for every tile.

    Examples
    --------
    >>> import maskexpr as mx
    >>> plan = mx.Band(lat=("50 deg", "90 deg")).plan(mx.WcsGeom.allsky(binsz=1), chunks=30)
    >>> plan.n_tiles, plan.n_empty, plan.n_full, plan.n_mixed
    (72, 48, 12, 12)
    >>> int((plan.to_xarray() == 1).sum())
    12
    """

    def __init__(self, compiled: Compiled, to_paint: bool = False) -> None:
        self.compiled = compiled
        self.geom = compiled.geom
        check_limit("tiles", math.prod(compiled.numblocks), "the plan", "tiles")
        self.tiles = compiled.all_tiles
        states = np.empty(compiled.numblocks, dtype=np.uint8)
        for block in product(*(range(len(sizes)) for sizes in compiled.along)):
            cover = compiled.cover(self.tiles, compiled.planes(block), to_paint=to_paint)
            states[block] = cover.reshape(compiled.layout.numblocks)
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

    @once
    def projected_memory(self) -> int:
        """Upper bound, in bytes, of what evaluating tile by tile on dask's threads holds at once, the whole
        map apart.
        """
        if not self.n_mixed:
            return 0
        return self._memory_of(self.compiled.layout.largest) * min(number_of_threads(), self.n_mixed)

    def _memory_of(self, shape: tuple[int, int]) -> int:
        """Upper bound of the bytes that a thread needs for tiles of a shape."""
        planes = math.prod(max(sizes) for sizes in self.compiled.along)
        return working_bytes(self.compiled.mask, self.geom, shape, planes)

    def check_memory(self, limit: Any) -> None:
        """Refuse a plan that may need more than a limit (bytes, or text such as ``"2 GB"``).

        Raises
        ------
        MemoryLimitError
            With the figures and what to change.

        Examples
        --------
        >>> import maskexpr as mx
        >>> mx.Band(lat=("50 deg", "90 deg")).plan(mx.WcsGeom.allsky(binsz=1)).check_memory("100 GB")
        """
        try:
            allowed = parse_bytes(limit) if isinstance(limit, str) else int(limit)
        except (TypeError, ValueError) as err:
            raise MaskValueError(f"memory_limit must be bytes or text such as '2 GB', got {limit!r}") from err
        if self.projected_memory > allowed:
            rows, columns = self.compiled.layout.largest
            raise MemoryLimitError(
                f"evaluating tiles of {rows} x {columns} {self.compiled.layout.unit} may take "
                f"{format_bytes(self.projected_memory)}, more than the limit of "
                f"{format_bytes(allowed)}: {self._advice(allowed)}"
            )

    def _advice(self, allowed: int) -> str:
        """What to change for a limit to be kept: smaller tiles help only where one thread needs too much."""
        threads, least = allowed // self._memory_of(self.compiled.layout.largest), self._memory_of((1, 1))
        if threads:
            return f"give fewer threads (dask.config.set(num_workers={threads}))"
        if least <= allowed:
            return "give smaller chunks=, and one thread (dask.config.set(num_workers=1))"
        return f"one thread may take {format_bytes(least)} whatever its tiles, so give a larger limit"

    def to_xarray(self) -> xr.DataArray:
        """The states as a DataArray over tiles, with the first pixel of each tile as coordinates.

        Examples
        --------
        >>> import maskexpr as mx
        >>> mx.Band(lat=("50 deg", "90 deg")).plan(mx.WcsGeom.allsky(binsz=1), chunks=30).to_xarray().y.values
        array([  0,  30,  60,  90, 120, 150])
        """
        axes = [axis.name for axis in self.geom.axes]
        dims = self.geom.dims
        coords = {dim: first[:-1] for dim, first in zip(dims, self.compiled.layout.starts, strict=True)}
        flags = {"flag_values": [0, 1, 2], "flag_meanings": " ".join(NAMES)}
        return xr.DataArray(self.states, dims=[*axes, *dims], coords=coords, name="state", attrs=flags)

    def __str__(self) -> str:
        def share(number: int) -> str:
            return f"{number:>9,}  {100 * number / self.n_tiles:5.1f} %"

        rows, columns = self.compiled.layout.largest
        unit = self.compiled.layout.unit
        total = math.prod(self.geom.shape)
        return "\n".join(
            [
                f"Plan for {' x '.join(f'{n:,}' for n in self.geom.shape)} = {total:,} {unit}, "
                f"{self.geom.kind}",
                f"  tiles      {self.n_tiles:>9,}  of {rows} x {columns} {unit}",
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
        rows = [
            ("tiles", self.n_tiles, "", ""),
            ("empty", self.n_empty, "no work", _CSS[EMPTY]),
            ("full", self.n_full, "no work", _CSS[FULL]),
            ("mixed", self.n_mixed, "evaluated", _CSS[MIXED]),
        ]
        body = "".join(
            f'<tr><td style="border-left:1em solid {css or "transparent"}">{name}</td><td>{number:,}</td>'
            f'<td>{100 * number / self.n_tiles:.1f} %</td><td style="text-align:left">{what}</td></tr>'
            for name, number, what, css in rows
        )
        shape = " x ".join(f"{n:,}" for n in self.geom.shape)
        memory = f"<p>{format_bytes(self.projected_memory)} at most at once, beside the result</p>"
        style = "font-family:monospace;text-align:right"
        table = f'<table style="{style}"><caption>{shape} {self.compiled.layout.unit}</caption>{body}</table>'
        return f'<div style="display:flex;gap:1em"><div>{table}{memory}</div>{self._picture()}</div>'

    def _picture(self) -> str:
        """The map of tiles; of several planes the worst, of very many tiles those of a square together."""
        states = self.states.reshape(-1, *self.states.shape[-len(self.geom.dims) :])
        if states.ndim != 3:
            return ""
        cover = merge(states, axis=0)
        step = -(-max(cover.shape) // _SIDE)
        for axis in (0, 1):
            cuts = np.arange(0, cover.shape[axis], step)
            low, high = (each.reduceat(cover, cuts, axis=axis) for each in (np.minimum, np.maximum))
            cover = np.where(low == high, low, MIXED).astype(np.uint8)
        picture = data_url(png(cover, _COLOURS))
        note = "tiles: white is empty, blue is full, orange is mixed"
        style = "image-rendering:pixelated;border:1px solid #888"
        return f'<img alt="{note}" title="{note}" width="280" style="{style}" src="{picture}"/>'


def make_plan(mask: Mask, geom: Grid, chunks: Any = "auto", memory_limit: Any = None) -> Plan:
    """Plan a mask on a grid, and refuse it above a memory limit."""
    plan = Plan(compile_mask(mask, geom, chunks))
    if memory_limit is not None:
        plan.check_memory(memory_limit)
    return plan
