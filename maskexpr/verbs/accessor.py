"""The accessor ``array.maskexpr``: what an xarray user asks of an array that carries its sky grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.calls import told_methods, told_names
from ..core.errors import MaskTypeError
from ..grid.lattice import Grid
from ..io.gammapy import to_gammapy_map
from ..io.xarray import geom_of
from ..nodes.raster import Raster
from ..tables.given import as_positions
from .plot import plot
from .write import write
from .write_weights import write_weights

__all__ = ["SkyAccessor"]

# Examples that need more than the package does.
__doctest_requires__ = {"SkyAccessor.plot": ["matplotlib"], "SkyAccessor.to_gammapy": ["gammapy.maps"]}


@xr.register_dataarray_accessor("maskexpr")  # type: ignore[no-untyped-call]
@told_methods
@told_names("array.maskexpr")
class SkyAccessor:
    """``array.maskexpr``, on every DataArray once maskexpr is imported.

    Examples
    --------
    >>> import maskexpr as mx
    >>> array = mx.Band(lat=("-5 deg", "5 deg")).on(mx.WcsGeom.allsky(binsz=10))
    >>> array.maskexpr.geom.shape
    (18, 36)
    """

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    @property
    def geom(self) -> Grid:
        """The grid of the array, of a piece of a map too; see `maskexpr.geom_of`."""
        return geom_of(self._array)

    def to_gammapy(self) -> Any:
        """The array, computed, as a gammapy map of its type and unit.

        Examples
        --------
        >>> import maskexpr as mx
        >>> mx.AllSky().on(mx.WcsGeom.create(npix=(6, 4), binsz=1)).maskexpr.to_gammapy().data.dtype
        dtype('bool')
        """
        return to_gammapy_map(self._array)

    def write(
        self, path: str | os.PathLike[str], overwrite: bool = False, ordering: str | None = None
    ) -> Path:
        """Write the array to a file, tile by tile: a mask of bool as `maskexpr.Mask.write` does it, weights
        and distances of float32 with the same manifest, so that damage is found when they are read.

        Parameters
        ----------
        path : str or path
            With the suffix ``.zarr``, ``.fits`` or ``.fits.gz``.
        overwrite : bool
            Whether an existing file may be replaced.
        ordering : {"nested", "ring"}, optional
            Order of HEALPix cells in a FITS file; nested unless given.

        Returns
        -------
        Path
            Read it with `maskexpr.read_map`; `maskexpr.verify` compares all of it with its manifest.

        Raises
        ------
        MaskTypeError
            For an array of another type.

        Examples
        --------
        >>> import tempfile
        >>> import maskexpr as mx
        >>> weights = mx.Band(lat=("0 deg", "90 deg")).apodize(mx.WcsGeom.allsky(binsz=10), "20 deg")
        >>> path = weights.maskexpr.write(tempfile.mkdtemp() + "/weights.fits")
        >>> mx.read_map(path).equals(weights)
        True
        """
        if self._array.dtype == np.bool_:
            return write(Raster(self._array), path, self.geom, overwrite, ordering=ordering)
        return write_weights(self._array, path, overwrite, ordering)

    def plot(self, ax: Any = None, **style: Any) -> Any:
        """Draw a coarse preview of an array of bool; see `maskexpr.Mask.plot`.

        Examples
        --------
        >>> import maskexpr as mx
        >>> array = mx.AllSky().on(mx.WcsGeom.allsky(binsz=10))
        >>> array.maskexpr.plot(title="everything").get_title()
        'everything'
        """
        self._need_mask("plotted")
        return plot(Raster(self._array), self.geom, ax, **style)

    def contains(self, positions: Any) -> NDArray[np.bool_]:
        """The value of a mask at the pixels that hold some positions, False outside the map.

        Parameters
        ----------
        positions : SkyCoord, table, or gammapy SourceCatalog or EventList
            Of any shape and frame.

        Returns
        -------
        ndarray of bool
            Shape of the positions.

        Examples
        --------
        >>> import maskexpr as mx
        >>> from astropy.coordinates import SkyCoord
        >>> array = mx.Band(lat=("0 deg", "90 deg")).on(mx.WcsGeom.allsky(binsz=10))
        >>> array.maskexpr.contains(SkyCoord([10, 10], [-20, 20], unit="deg"))
        array([False,  True])
        """
        self._need_mask("asked")
        return Raster(self._array).contains(as_positions(positions))

    def _need_mask(self, what: str) -> None:
        if self._array.dtype != np.bool_:
            raise MaskTypeError(
                f"only a mask of bool can be {what} so, this array has {self._array.dtype}: compare it "
                f"first, "
                "maskexpr.Threshold(array, '>', value)"
            )
