"""`Raster`: an existing boolean map."""

from __future__ import annotations

import dataclasses
from typing import Any

from numpy.typing import NDArray

from ..core.errors import MaskTypeError
from ..expr.mask import Bools, node
from ..grid.lattice import Grid
from ..io.sources import FileSource, Source, as_mask, held_source
from ..maps.leaf import DataPixels, FromData, flag, name_of

__all__ = ["Raster"]


@node("raster")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Raster(FromData):
    """A map of bool, or of the integers 0 and 1, as a mask.

    Parameters
    ----------
    data : DataArray, path, (path, hdu), gammapy Map or (array, geom)
        The map. A file is read by windows, where and when they are needed. Positions and other grids take
        the pixel whose area holds them, as of `Threshold`.
    outside : bool
        The value of the mask beyond the map.

    Raises
    ------
    MaskTypeError
        If the map holds floating-point numbers, which a `Threshold` selects from. Of a file this is found
        when the mask is put on a geometry.
    FormatError
        When a pixel is read that is neither 0 nor 1.

    Examples
    --------
    >>> import numpy as np
    >>> from maskexpr import WcsGeom
    >>> Raster((np.array([[True, False]]), WcsGeom.create(npix=(2, 1), binsz=1)))
    Raster(bool (1, 2))
    """

    data: Source
    outside: bool

    def __init__(self, data: Any, outside: bool = False) -> None:
        source = held_source(data)
        self._store(data=source, outside=flag(outside, "Raster: outside"))
        if not isinstance(source, FileSource):
            self._check_type()

    def label(self) -> str:
        return f"Raster({name_of(self.data)}{', outside=True' * self.outside})"

    def check(self, geom: Grid) -> None:
        self._check_type()
        super().check(geom)

    def _check_type(self) -> None:
        dtype = self.data.open().dtype
        if dtype.kind not in "biu":
            raise MaskTypeError(
                f"{self.label()}: a mask holds bool or the integers 0 and 1, these are {dtype}; "
                "say which values are selected: Threshold(data, '>', 0.5)"
            )

    def judge(self, values: NDArray[Any], pixels: DataPixels) -> Bools:
        return as_mask(values, self.label())
