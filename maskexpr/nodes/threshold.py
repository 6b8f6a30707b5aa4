"""`Threshold`: where a map is above, below or at a value."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, Literal, TypeAlias

import astropy.units as u
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from ..core.arguments import flag
from ..core.errors import MaskValueError
from ..core.names import shown
from ..expr.mask import Bools, node
from ..io.given_map import held_source
from ..io.sources import FileSource, Source
from ..io.validity import plain
from ..maps.leaf import DataPixels, FromData, name_of
from ..maps.missing import policy, settle

__all__ = ["Op", "Threshold"]

Op: TypeAlias = Literal["<", "<=", ">", ">=", "==", "!="]
_COMPARE = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


# What other languages call the operators.
_CALLED = {
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "eq": "==",
    "ne": "!=",
    "=": "==",
    "=>": ">=",
    "=<": "<=",
    "<>": "!=",
    "≥": ">=",
    "≤": "<=",
}


@node("threshold")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Threshold(FromData):
    """Where the values of a map compare with a value.

    Parameters
    ----------
    data : DataArray, path, (path, hdu), gammapy Map or (array, geom)
        The map; a DataArray carries its sky grid. A file is read by windows, where and when they are
        needed. Arrays in memory must not be changed any more; they may be masked (numpy, dask, astropy).
    op : {"<", "<=", ">", ">=", "==", "!="}
        How the data compare with the value, ``data op value``, in the precision of the data: to the last
        digit, of integers of 64 bits too.
    value : int, float or Quantity
        The value; a Quantity is converted to the unit of the data.
    nan : {False, True, "raise"}
        The value of the mask where the data have no value: are NaN, masked, or BLANK. "raise" is an error
        when such a pixel is read.
    outside : bool
        The value of the mask beyond the map.

    Raises
    ------
    MaskValueError
        For an unknown ``op`` or ``nan``, a value that is NaN or not one number, or a unit that does not fit.
    MaskTypeError
        If ``data`` is none of the above.
    AxisError
        When it is put on a geometry without the axes of the data, or with others.

    See Also
    --------
    maskexpr.Raster : a map of bool.

    Notes
    -----
    On the lattice of the data (a cutout or a padding too) the mask is a slice of the data. On another grid a
    pixel takes the value of the data pixel whose area holds its centre, as a bare position does, and beyond
    the border of the data it is ``outside``; see `WcsGeom.array_index`.

    ``~Threshold(data, ">", t)`` is True where the data are NaN, unlike ``Threshold(data, "<=", t)``.

    Examples
    --------
    >>> from maskexpr import WcsGeom
    >>> geom = WcsGeom.create(npix=(3, 1), binsz=1)
    >>> Threshold((np.array([[1.0, 5.0, np.nan]]), geom), ">", 3)
    Threshold(float64 (1, 3) > 3)
    """

    data: Source
    op: str
    value: float | int
    nan: bool | str
    outside: bool

    def __init__(
        self, data: Any, op: Op, value: Any, nan: bool | Literal["raise"] = False, outside: bool = False
    ) -> None:
        if not isinstance(op, str) or op not in _COMPARE:
            meant = f"; did you mean {_CALLED[op]!r}?" if isinstance(op, str) and op in _CALLED else ""
            raise MaskValueError(f"Threshold: op must be one of {' '.join(_COMPARE)}, got {shown(op)}{meant}")
        source = held_source(data)
        self._store(
            data=source,
            op=op,
            value=_number(value, data, source),
            nan=policy(nan, "Threshold"),
            outside=flag(outside, "Threshold: outside"),
        )

    def label(self) -> str:
        number = self.value if isinstance(self.value, int) else f"{self.value:g}"
        shown = [f"{name_of(self.data)} {self.op} {number}"]
        shown += [f"nan={self.nan!r}"] * (self.nan is not False) + ["outside=True"] * self.outside
        return f"Threshold({', '.join(shown)})"

    def judge(self, values: NDArray[Any], pixels: DataPixels) -> Bools:
        with np.errstate(invalid="ignore", over="ignore"):
            out = np.asarray(_COMPARE[self.op](plain(values), self._number_for(values.dtype)))
        # Nothing compares with NaN, so that without a policy to apply nobody has to look for it.
        if values.dtype.kind == "f" and self.nan is False and self.op != "!=":
            return out
        return settle(self, out, values, pixels)

    def _number_for(self, dtype: np.dtype[Any]) -> float | int:
        """The value as it compares with data of a type: integers of 64 bits are no floats."""
        if dtype.kind in "iu" and dtype.itemsize == 8 and float(self.value).is_integer():
            return int(self.value)
        return self.value


def _number(value: Any, data: Any, source: Source) -> float | int:
    """The value as a plain number in the unit of the data: an int only where no float is the same."""
    if isinstance(value, str):
        raise MaskValueError(f"Threshold: the value must be one number or Quantity, got the text {value!r}")
    unit = _unit_of(data, source) if isinstance(value, u.Quantity) else None
    try:
        if unit is not None:
            value = value.to_value(unit)
        number = float(value)
        whole = int(value) if number.is_integer() else number
    except u.UnitConversionError as err:
        raise MaskValueError(
            f"Threshold: the value does not fit the unit of the data, {str(unit)!r}: {err}"
        ) from err
    except (TypeError, ValueError, OverflowError) as err:
        raise MaskValueError(f"Threshold: the value must be one number or Quantity, got {value!r}") from err
    if np.isnan(number):
        raise MaskValueError(
            "Threshold: the value is NaN, with which nothing compares; nan= says what NaN in the data means"
        )
    return number if number == whole else whole


def _unit_of(data: Any, source: Source) -> u.UnitBase:
    """The unit of a map, none if it says none."""
    if isinstance(data, tuple):
        data = data[0]
    if isinstance(source, FileSource):
        text: Any = source.stored().attrs.get("units", "")
    elif isinstance(data, xr.DataArray):
        text = data.attrs.get("units", "")
    else:
        text = getattr(data, "unit", None) or ""
    try:
        return u.Unit(text)
    except (TypeError, ValueError) as err:
        raise MaskValueError(f"Threshold: the unit of the data, {text!r}, cannot be read: {err}") from err
