"""`Raster`: an existing boolean map."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.arguments import flag
from ..core.errors import MaskTypeError
from ..expr.mask import Bools, node
from ..io.given_map import held_source
from ..io.sources import FileSource, Source, as_mask
from ..maps.leaf import DataPixels, FromData, name_of
from ..maps.missing import policy, settle

__all__ = ["Raster"]


@node("raster")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Raster(FromData):
    """A map of bool, or of the integers 0 and 1, as a mask.

    Parameters
    ----------
    data : DataArray, path, (path, hdu), gammapy Map or (array, geom)
        The map, as for `Threshold`: a file is read by windows, where and when they are needed, and arrays in
        memory must not be changed any more. Positions and other grids take the pixel whose area holds them.
    outside : bool
        The value of the mask beyond the map.
    nan : {False, True, "raise"}
        The value of the mask where the map has no value: where an array is masked, or a file says BLANK.
        "raise" is an error when such a pixel is read.

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
    nan: bool | str
    outside: bool

    def __init__(self, data: Any, outside: bool = False, nan: bool | str = False) -> None:
        source = held_source(data)
        self._store(data=source, nan=policy(nan, "Raster"), outside=flag(outside, "Raster: outside"))
        if not isinstance(source, FileSource):
            self._check_type()

    def label(self) -> str:
        shown = f", nan={self.nan!r}" * (self.nan is not False) + ", outside=True" * self.outside
        return f"Raster({name_of(self.data)}{shown})"

    def _check_type(self) -> None:
        dtype = self.data.open().dtype
        if dtype.kind not in "biu":
            raise MaskTypeError(
                f"{self.label()}: a mask holds bool or the integers 0 and 1, these are {dtype}; "
                "say which values are selected: Threshold(data, '>', 0.5)"
            )

    def judge(self, values: NDArray[Any], pixels: DataPixels) -> Bools:
        if not isinstance(values, np.ma.MaskedArray):
            return as_mask(values, self.label())
        # What stands under a mask is no value, whatever it is.
        known = np.where(values.mask, values.dtype.type(0), values.data)
        return settle(self, as_mask(known, self.label()).copy(), values, pixels)
