"""The verbs on `Mask`: ``mask.on(geom)``, ``mask.dilate("1 deg")``.

Users want methods on the expression, while what they do is made of the passes above it. So this is the one
place that reaches up: what puts masks on grids is an `Engine`, which the package fills in when it is
imported; nodes of other nodes are found in the registry by their tags.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..grid.lattice import Grid
from .describe import html, one_line, tree
from .structure import NODES, Node

if TYPE_CHECKING:
    import xarray as xr
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity

    from ..compile.plan import Plan
    from .mask import Mask

__all__ = ["Engine", "Fluent", "use_engine"]


class Engine(Protocol):
    """What answers the verbs that put a mask on a grid: the module `maskexpr.verbs.engine`."""

    def on(self, mask: Any, geom: Grid, chunks: Any) -> xr.DataArray: ...
    def compute(self, mask: Any, geom: Grid, chunks: Any) -> xr.DataArray: ...
    def plan(self, mask: Any, geom: Grid, chunks: Any, memory_limit: Any) -> Plan: ...
    def contains(self, mask: Any, positions: SkyCoord, geom: Grid | None) -> NDArray[np.bool_]: ...
    def area(self, mask: Any, geom: Grid) -> Quantity: ...
    def fsky(self, mask: Any, geom: Grid) -> Any: ...
    def explain(self, mask: Any, geom: Grid | None, chunks: Any) -> str: ...
    def simplify(self, mask: Any) -> Mask: ...
    def to_dict(self, mask: Any) -> dict[str, Any]: ...
    def to_recipe(self, mask: Any, path: str | os.PathLike[str] | None, embed: bool) -> str: ...
    def plot(self, mask: Any, geom: Grid | None, ax: Any, **style: Any) -> Any: ...
    def write(
        self,
        mask: Any,
        path: str | os.PathLike[str],
        geom: Grid,
        overwrite: bool,
        chunks: Any,
        progress: bool,
        memory_limit: Any,
    ) -> Path: ...


_engines: list[Engine] = []


def use_engine(engine: Engine) -> None:
    """Let an engine answer the verbs of all masks."""
    _engines[:] = [engine]


class Fluent(Node):
    """The verbs that every mask has."""

    def on(self, geom: Grid, chunks: Any = "auto") -> xr.DataArray:
        """Put the mask on a grid.

        Parameters
        ----------
        geom : Grid
            The grid.
        chunks : "auto", int, or (int, int)
            Pixels along y and x of a dask chunk.

        Returns
        -------
        xarray.DataArray
            Lazy bool array with dims ``(axes..., "y", "x")``, integer pixel coordinates and the scalar
            coordinate ``sky_wcs``. Nothing is computed; slicing it and computing evaluates only the tiles
            that the slice touches.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from maskexpr import WcsGeom
        >>> geom = mx.WcsGeom.allsky(binsz=10)
        >>> int(mx.Band(lat=("-10 deg", "10 deg")).on(geom).sum())
        72
        """
        return _engines[0].on(self, geom, chunks)

    def compute(self, geom: Grid, chunks: Any = "auto") -> xr.DataArray:
        """Put the mask on a grid, in memory: what ``on(geom).compute()`` gives, without copying tiles
        together.

        Parameters
        ----------
        geom : Grid
            The grid.
        chunks : "auto", int, or (int, int)
            Pixels along y and x of the tiles that threads work on; by default as for `on`, but whole rows of
            maps up to 4096 pixels wide.

        Returns
        -------
        xarray.DataArray
            Bool array with dims ``(axes..., "y", "x")``. Along axes that the mask does not vary along, the
            planes are views of one, and read-only.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from maskexpr import WcsGeom
        >>> mx.Band(lat=("-10 deg", "10 deg")).compute(mx.WcsGeom.allsky(binsz=10)).values.sum()
        np.int64(72)
        """
        return _engines[0].compute(self, geom, chunks)

    def plan(self, geom: Grid, chunks: Any = "auto", memory_limit: Any = None) -> Plan:
        """Count, before anything runs, which tiles are empty, full or to be evaluated.

        Parameters
        ----------
        geom, chunks
            As for `on`.
        memory_limit : int or str, optional
            Refuse the plan if it may need more, in bytes or as text such as ``"2 GB"``.

        Raises
        ------
        MemoryLimitError
            With the figures and what to change.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from maskexpr import WcsGeom
        >>> geom = mx.WcsGeom.allsky(binsz=1)
        >>> mx.Band(lat=("60 deg", "90 deg")).plan(geom, chunks=30).n_full
        12
        """
        return _engines[0].plan(self, geom, chunks, memory_limit)

    def contains(self, positions: SkyCoord, geom: Grid | None = None) -> NDArray[np.bool_]:
        """Which sky positions are selected, with no raster.

        Parameters
        ----------
        positions : SkyCoord
            Of any shape and frame.
        geom : Grid, optional
            Ask the pixels that hold the positions instead; False outside the map. Masks that have a meaning
            only on a grid need it.

        Returns
        -------
        ndarray of bool
            Shape of the positions; with ``geom``, after the axes that the mask varies along.

        Raises
        ------
        NeedsGridError
            If the mask has a meaning only on a grid and there is none.

        Examples
        --------
        >>> from astropy.coordinates import SkyCoord
        >>> import maskexpr as mx
        >>> mx.Band(lat=("60 deg", "90 deg")).contains(SkyCoord([10, 10], [50, 70], unit="deg"))
        array([False,  True])
        """
        return _engines[0].contains(self, positions, geom)

    def area(self, geom: Grid) -> Quantity:
        """Solid angle of the selected pixels in deg2: one, or one per plane where the mask varies along axes.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from maskexpr import WcsGeom
        >>> mx.AllSky().area(mx.WcsGeom.allsky(binsz=5)).round(2)
        <Quantity 41252.96 deg2>
        """
        return _engines[0].area(self, geom)

    def fsky(self, geom: Grid) -> Any:
        """Selected fraction of the whole sky: one, or one per plane where the mask varies along axes."""
        return _engines[0].fsky(self, geom)

    def explain(self, geom: Grid | None = None, chunks: Any = "auto") -> str:
        """The expression as a tree, each node with its reach beyond a tile.

        With a geometry it is the mask as it would be evaluated (simplified), each node with the number of
        tiles that it leaves empty, full and mixed, and the plan.
        """
        return _engines[0].explain(self, geom, chunks)

    def simplify(self) -> Mask:
        """An equal mask, bit for bit on every grid, of at most as many nodes."""
        return _engines[0].simplify(self)

    def plot(self, geom: Grid | None = None, ax: Any = None, **style: Any) -> Any:
        """Draw a coarse preview on WCSAxes, never the full map; returns the axes. See
        `maskexpr.verbs.plot.plot`.
        """
        return _engines[0].plot(self, geom, ax, **style)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: a list of nodes with a format version and a hash; `maskexpr.from_dict` is the
        inverse.
        """
        return _engines[0].to_dict(self)

    def to_recipe(self, path: str | os.PathLike[str] | None = None, embed: bool = False) -> str:
        """Write the mask as YAML that people read and change; `maskexpr.Recipe` reads it.

        Parameters
        ----------
        path : path, optional
            The file; only the text is given back unless it is given. Files that the mask was read from are
            named relative to its folder.
        embed : bool
            Write data in memory, such as a catalogue of more than 1,000 rows, into the recipe.

        Returns
        -------
        str
            The recipe.

        Raises
        ------
        MaskTypeError
            For data in memory, unless ``embed``: write them to a file, and make the mask of its path.

        Examples
        --------
        >>> import maskexpr as mx
        >>> print(mx.Band(lat=("-5 deg", "5 deg"), frame="galactic").dilate("1 deg").to_recipe())
        maskexpr: 1
        mask:
          Dilate:
            mask:
              Band:
                lat: [-5 deg, 5 deg]
                frame: galactic
            radius: 1 deg
        <BLANKLINE>
        """
        return _engines[0].to_recipe(self, path, embed)

    def write(
        self,
        path: str | os.PathLike[str],
        geom: Grid,
        overwrite: bool = False,
        chunks: Any = "auto",
        progress: bool = False,
        memory_limit: Any = None,
    ) -> Path:
        """Write the mask to ``.zarr``, ``.fits`` or ``.fits.gz``, tile by tile, with the expression as
        provenance.

        The file appears under its name only when it is complete. See `maskexpr.verbs.write.write`.
        """
        return _engines[0].write(self, path, geom, overwrite, chunks, progress, memory_limit)

    def dilate(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Grow by a radius. See `maskexpr.Dilate`."""
        made: Mask = NODES["dilate"](self, radius, kernel, metric, axis)
        return made

    def erode(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Shrink by a radius. See `maskexpr.Erode`."""
        made: Mask = NODES["erode"](self, radius, kernel, metric, axis)
        return made

    def open(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Erode, then dilate. See `maskexpr.Open`."""
        made: Mask = NODES["open"](self, radius, kernel, metric, axis)
        return made

    def close(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Dilate, then erode. See `maskexpr.Close`."""
        made: Mask = NODES["close"](self, radius, kernel, metric, axis)
        return made

    def fill_holes(self, max_area: Any = None) -> Mask:
        """Fill holes up to an area. See `maskexpr.FillHoles`."""
        made: Mask = NODES["fill_holes"](self, max_area)
        return made

    def remove_small(self, min_area: Any) -> Mask:
        """Remove components below an area. See `maskexpr.RemoveSmall`."""
        made: Mask = NODES["remove_small"](self, min_area)
        return made

    def __repr__(self) -> str:
        return one_line(self)

    def __str__(self) -> str:
        return tree(self)

    def _repr_html_(self) -> str:
        return html(self)
