"""The verbs on `Mask`: ``mask.on(geom)``, ``mask.dilate("1 deg")``.

This is the one place that reaches up through the layers: a user wants methods on the expression, while what
they do is made of the passes above it. Each method is a signature, a docstring and one call into
`maskexpr.verbs`.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .geom import WcsGeom

if TYPE_CHECKING:
    import xarray as xr
    from astropy.coordinates import SkyCoord
    from astropy.units import Quantity

    from .expr import Mask
    from .plan import Plan

__all__ = ["Fluent"]


def _verbs() -> ModuleType:
    from maskexpr import verbs

    return verbs


class Fluent:
    """The verbs that every mask has."""

    def on(self, geom: WcsGeom, chunks: Any = "auto") -> xr.DataArray:
        """Put the mask on a grid.

        Parameters
        ----------
        geom : WcsGeom
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
        >>> geom = mx.WcsGeom.allsky(binsz=10)
        >>> int(mx.Band(lat=("-10 deg", "10 deg")).on(geom).sum())
        72
        """
        result: xr.DataArray = _verbs().on(self, geom, chunks)
        return result

    def compute(self, geom: WcsGeom, chunks: Any = "auto") -> xr.DataArray:
        """Put the mask on a grid, in memory: what ``on(geom).compute()`` gives, without copying tiles
        together.

        Parameters
        ----------
        geom : WcsGeom
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
        >>> mx.Band(lat=("-10 deg", "10 deg")).compute(mx.WcsGeom.allsky(binsz=10)).values.sum()
        np.int64(72)
        """
        result: xr.DataArray = _verbs().compute(self, geom, chunks)
        return result

    def plan(self, geom: WcsGeom, chunks: Any = "auto", memory_limit: Any = None) -> Plan:
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
        >>> geom = mx.WcsGeom.allsky(binsz=1)
        >>> mx.Band(lat=("60 deg", "90 deg")).plan(geom, chunks=30).n_full
        12
        """
        result: Plan = _verbs().plan(self, geom, chunks, memory_limit)
        return result

    def contains(self, positions: SkyCoord, geom: WcsGeom | None = None) -> NDArray[np.bool_]:
        """Which sky positions are selected, with no raster.

        Parameters
        ----------
        positions : SkyCoord
            Of any shape and frame.
        geom : WcsGeom, optional
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
        result: NDArray[np.bool_] = _verbs().contains(self, positions, geom)
        return result

    def area(self, geom: WcsGeom) -> Quantity:
        """Solid angle of the selected pixels in deg2: one, or one per plane where the mask varies along axes.

        Examples
        --------
        >>> import maskexpr as mx
        >>> mx.AllSky().area(mx.WcsGeom.allsky(binsz=5)).round(2)
        <Quantity 41252.96 deg2>
        """
        return _verbs().area(self, geom)

    def fsky(self, geom: WcsGeom) -> Any:
        """Selected fraction of the whole sky: one, or one per plane where the mask varies along axes."""
        return _verbs().fsky(self, geom)

    def explain(self, geom: WcsGeom | None = None, chunks: Any = "auto") -> str:
        """The expression as a tree, each node with its reach beyond a tile.

        With a geometry it is the mask as it would be evaluated (simplified), each node with the number of
        tiles that it leaves empty, full and mixed, and the plan.
        """
        return str(_verbs().explain(self, geom, chunks))

    def simplify(self) -> Mask:
        """An equal mask, bit for bit on every grid, of at most as many nodes."""
        result: Mask = _verbs().simplify(self)
        return result

    def plot(self, geom: WcsGeom | None = None, ax: Any = None, **style: Any) -> Any:
        """Draw a coarse preview on WCSAxes, never the full map; returns the axes. See
        `maskexpr.preview.plot`.
        """
        return _verbs().plot(self, geom, ax, **style)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: a list of nodes with a format version and a hash; `maskexpr.from_dict` is the
        inverse.
        """
        result: dict[str, Any] = _verbs().to_dict(self)
        return result

    def write(
        self,
        path: str | os.PathLike[str],
        geom: WcsGeom,
        overwrite: bool = False,
        chunks: Any = "auto",
        progress: bool = False,
        memory_limit: Any = None,
    ) -> Path:
        """Write the mask to ``.zarr``, ``.fits`` or ``.fits.gz``, tile by tile, with the expression as
        provenance.

        The file appears under its name only when it is complete. See `maskexpr.output.write`.
        """
        result: Path = _verbs().write(self, path, geom, overwrite, chunks, progress, memory_limit)
        return result

    def dilate(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Grow by a radius. See `maskexpr.Dilate`."""
        result: Mask = _verbs().dilate(self, radius, kernel, metric, axis)
        return result

    def erode(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Shrink by a radius. See `maskexpr.Erode`."""
        result: Mask = _verbs().erode(self, radius, kernel, metric, axis)
        return result

    def open(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Erode, then dilate. See `maskexpr.Open`."""
        result: Mask = _verbs().open(self, radius, kernel, metric, axis)
        return result

    def close(self, radius: Any, kernel: str = "disk", metric: str = "sky", axis: str = "energy") -> Mask:
        """Dilate, then erode. See `maskexpr.Close`."""
        result: Mask = _verbs().close(self, radius, kernel, metric, axis)
        return result

    def fill_holes(self, max_area: Any = None) -> Mask:
        """Fill holes up to an area. See `maskexpr.FillHoles`."""
        result: Mask = _verbs().fill_holes(self, max_area)
        return result

    def remove_small(self, min_area: Any) -> Mask:
        """Remove components below an area. See `maskexpr.RemoveSmall`."""
        result: Mask = _verbs().remove_small(self, min_area)
        return result

    def __repr__(self) -> str:
        return str(_verbs().one_line(self))

    def __str__(self) -> str:
        return str(_verbs().tree(self))

    def _repr_html_(self) -> str:
        return str(_verbs().html(self))
