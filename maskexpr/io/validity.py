"""Values with gaps: numpy's masked arrays are the one carrier, NaN the one mark among floating-point numbers.

Many packages have arrays that know where they have no value. At the door all of them become one of two
things: a plain array, in which NaN is no value, or, of integers and bool, which have no NaN, a
`numpy.ma.MaskedArray`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_floats", "float_type", "gaps", "normal", "plain", "unwrapped"]


def unwrapped(data: Any) -> NDArray[Any]:
    """The numpy array, masked or not, that an object in memory is or holds; nothing is copied.

    Parameters
    ----------
    data : array_like
        numpy array, masked or not; astropy `Quantity` and ``Masked`` ones; an ``NDData``, whose mask is True
        where there is no value; a list.

    Examples
    --------
    >>> from astropy.utils.masked import Masked
    >>> unwrapped(Masked([1, 2], mask=[False, True]))
    masked_array(data=[1, --], mask=[False,  True], fill_value=999999)
    """
    if isinstance(data, np.ma.MaskedArray):
        return data
    mask = getattr(data, "mask", None)
    # astropy's Masked shows its values as `unmasked`, an NDData as `data`; a Quantity in it hides a unit.
    values = getattr(data, "unmasked", data if isinstance(data, np.ndarray) else getattr(data, "data", data))
    array = np.asarray(data if isinstance(values, memoryview) else values)
    if mask is None or callable(mask):
        return array
    return np.ma.MaskedArray(array, mask=np.broadcast_to(np.asarray(mask, dtype=bool), array.shape))


def normal(values: NDArray[Any]) -> NDArray[Any]:
    """Values with their gaps marked in the one way that their type has.

    Examples
    --------
    >>> normal(np.ma.array([1.0, 2.0], mask=[False, True]))
    array([ 1., nan])
    >>> normal(np.ma.array([1, 2], mask=[False, False]))
    array([1, 2])
    """
    if not isinstance(values, np.ma.MaskedArray):
        return values if type(values) is np.ndarray else unwrapped_and_normal(values)
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return np.ma.getdata(values)
    if values.dtype.kind == "f":
        return np.where(mask, values.dtype.type(np.nan), np.ma.getdata(values))
    return values


def unwrapped_and_normal(values: Any) -> NDArray[Any]:
    """Of a chunk that a lazy array gives, which may be of any package."""
    array = unwrapped(values)
    return normal(array) if isinstance(array, np.ma.MaskedArray) else array


def gaps(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Where `normal` values have no value; None where nothing of the kind can be.

    Examples
    --------
    >>> gaps(np.array([1.0, np.nan])), gaps(np.array([1, 2]))
    (array([False,  True]), None)
    """
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.getmaskarray(values)
    return np.isnan(values) if values.dtype.kind == "f" else None


def plain(values: NDArray[Any]) -> NDArray[Any]:
    """The numbers alone; in gaps of integers they mean nothing."""
    return np.ma.getdata(values)


def float_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type of floating-point numbers that holds integers of a type and NaN; of 64 bits not all digits.

    Examples
    --------
    >>> float_type(np.dtype("u2")), float_type(np.dtype("i4"))
    (dtype('float32'), dtype('float64'))
    """
    if dtype.kind == "f":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


def as_floats(values: Any) -> NDArray[Any]:
    """Values of any carrier as a plain array; where some are missing, of floating-point numbers with NaN.

    Examples
    --------
    >>> as_floats(np.ma.array([1, 2], mask=[False, True]))
    array([ 1., nan])
    """
    found = normal(values if isinstance(values, np.ndarray) else unwrapped(values))
    if not isinstance(found, np.ma.MaskedArray):
        return found
    return np.where(found.mask, np.nan, found.data).astype(float_type(found.dtype))
