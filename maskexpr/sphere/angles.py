"""Angles at the door: everything with a unit becomes float degrees, a bare number is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias

import astropy.units as u
import numpy as np
from astropy.coordinates import Angle
from astropy.table import Column
from numpy.typing import NDArray

from ..core.errors import AngleError, MaskValueError
from ..core.names import shown
from .units import angle_unit, pixel_unit


class HasUnit(Protocol):
    """A Quantity, Angle or column: numbers with a unit."""

    @property
    def unit(self) -> Any: ...


AngleLike: TypeAlias = str | HasUnit
"""One angle or several with a unit: ``"0.3 deg"``, ``0.3 * u.deg``; never a bare number."""
AnglePair: TypeAlias = tuple[AngleLike, AngleLike] | list[Any] | HasUnit
"""Two angles, from and to or (lon, lat). Of ``[1, 2] * u.deg`` type checkers make a list of numbers, so that
what is in a list is seen only when it runs.
"""

# One number and a unit; 1d30m is neither, nor is 1:30.
_ONE_NUMBER = re.compile(r"\s*([-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf))\s*([^\d\s:+-]\D*)")
# A number after a unit in words, 1deg2, which sexagesimal texts would take for minutes.
_ENDS_BARE = re.compile(r"[a-z]{3,}\s*[\d.]+\s*$", re.IGNORECASE)
# A text that is longer holds no angle, and takes a grammar long.
_LONGEST = 80

__all__ = [
    "AngleLike",
    "AnglePair",
    "bare_degrees",
    "format_degrees",
    "in_degrees",
    "is_pixels",
    "pixels",
    "pixels_array",
    "plain_quantity",
    "to_degrees",
    "to_degrees_array",
    "unmasked",
]


def to_degrees(value: Any, name: str = "angle") -> float:
    """Turn one angle into degrees.

    Parameters
    ----------
    value : Quantity, Angle or str
        The angle; a string is what `astropy.coordinates.Angle` takes, ``"0.3 deg"`` for example.
    name : str
        What the angle is, for the error.

    Returns
    -------
    float
        Degrees, finite.

    Raises
    ------
    AngleError
        For a bare number, something that is no angle, or more than one angle.
    MaskValueError
        For an angle that is not finite.

    Examples
    --------
    >>> to_degrees("30 arcmin")
    0.5
    """
    result = to_degrees_array(value, name)
    if result.ndim:
        raise AngleError(f"{name} must be one angle, got {result.size} of them")
    return float(result)


def to_degrees_array(value: Any, name: str = "angle") -> NDArray[np.float64]:
    """Turn an angle or an array of angles into float64 degrees of the same shape.

    Parameters
    ----------
    value : Quantity, Angle, str, or a sequence of those
        The angles.
    name : str
        What the angles are, for the error.

    Raises
    ------
    AngleError
        For bare numbers or units that are no angle.
    MaskValueError
        For angles that are not finite, naming the first.

    Examples
    --------
    >>> import astropy.units as u
    >>> to_degrees_array([30, 60] * u.arcmin).tolist()
    [0.5, 1.0]
    """
    quantity = _quantity(value, name)
    if np.iscomplexobj(quantity):
        raise AngleError(f"{name} must be real, got {value!r}")
    try:
        hours = quantity.unit == u.hourangle
        degrees = unmasked(quantity.value * 15.0 if hours else quantity.to_value(u.deg))
    except u.UnitConversionError as err:
        raise AngleError(f"{name} must be an angle, got {value!r} in {str(quantity.unit)!r}") from err
    if not np.all(np.isfinite(degrees)):
        where = "" if degrees.ndim == 0 else f" at row {int(np.flatnonzero(~np.isfinite(degrees))[0])}"
        raise MaskValueError(
            f"{name} must be finite, got {value if degrees.ndim == 0 else 'NaN, inf or masked'}{where}"
        )
    return degrees


def bare_degrees(value: Any, name: str) -> NDArray[np.float64]:
    """Degrees of a coordinate, where numbers without a unit are degrees; what is masked is NaN.

    Raises
    ------
    AngleError
        For text, and for units that are no angle.

    Examples
    --------
    >>> bare_degrees([10, 20], "lon").tolist(), float(bare_degrees(2 * u.hourangle, "lon"))
    ([10.0, 20.0], 30.0)
    """
    if type(value) is np.ndarray and value.dtype == np.float64:
        return value
    if isinstance(value, list | tuple) and any(hasattr(each, "unit") for each in value):
        return np.array([bare_degrees(each, name) for each in value])
    unit = getattr(value, "unit", None)
    if unit is not None:
        known = angle_unit(unit)
        if known is None:
            raise AngleError(
                f"{name} must be an angle, such as 5.6 * u.hourangle, or degrees, got {shown(value)}"
            )
        value = in_degrees(getattr(value, "value", value), known)
    numbers = value if hasattr(value, "dtype") else np.asarray(value)
    if numbers.dtype.kind not in "fiu":
        raise AngleError(
            f"{name} must be degrees or an angle with a unit (5.6 * u.hourangle), got {shown(value)}; of "
            "text make an angle: astropy.coordinates.Angle(text)"
        )
    return unmasked(numbers)


def _quantity(value: Any, name: str) -> u.Quantity:
    if isinstance(value, u.Quantity):
        return value
    if isinstance(value, Column) and value.unit is not None and value.dtype.kind in "fiu":
        unit = angle_unit(value.unit)
        if unit is None:
            raise AngleError(f"{name} must be an angle, got a column in {str(value.unit)!r}")
        return u.Quantity(in_degrees(unmasked(value.data), unit), u.deg)
    if isinstance(value, str):
        return _parse(value, name)
    # What has a shape is no sequence of angles: a time, a position or an array of numbers.
    if isinstance(value, Iterable) and not hasattr(value, "shape"):
        items = [plain_quantity(_quantity(item, name)) for item in value]
        if items:
            return u.Quantity(items)
    raise AngleError(
        f"{name} must carry a unit, got {value!r}: write it as a Quantity (0.3 * u.deg) or a string "
        f"('0.3 deg')"
    )


def _parse(text: str, name: str) -> u.Quantity:
    one = _ONE_NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    # The letter of DS9 and of sexagesimal texts; as a unit of a table it is a day.
    unit = None if one is None else u.deg if one[2].strip() == "d" else angle_unit(one[2])
    if one is not None and unit is not None:
        return u.Quantity(in_degrees(np.float64(one[1]), unit), u.deg)
    try:
        if len(text) <= _LONGEST and (one is None or not _is_unit(one[2])) and not _ENDS_BARE.search(text):
            return Angle(text)
    except (ValueError, TypeError, u.UnitsError):
        pass
    raise AngleError(f"{name} must be an angle with a unit such as '0.3 deg', got {text[:_LONGEST]!r}")


def _is_unit(text: str) -> bool:
    """Whether a text is a unit of something else: 5m is no angle of 5 minutes but a length."""
    try:
        return u.Unit(text) is not None
    except (ValueError, TypeError):
        return False


def is_pixels(value: Any) -> bool:
    """Whether a value is a length in pixels (``3 * u.pix``).

    Examples
    --------
    >>> import astropy.units as u
    >>> is_pixels(3 * u.pix), is_pixels("3 deg"), is_pixels("3 pix")
    (True, False, True)
    """
    if isinstance(value, str):
        return _pixels_of(value) is not None
    if isinstance(value, (tuple, list)) and value:
        return is_pixels(value[0])
    return isinstance(value, u.Quantity) and bool(value.unit.is_equivalent(u.pix))


def _pixels_of(text: str) -> float | None:
    one = _ONE_NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    return float(one[1]) if one is not None and pixel_unit(one[2]) else None


def pixels(value: Any, name: str = "length") -> float:
    """Turn a length in pixels into a float.

    Examples
    --------
    >>> import astropy.units as u
    >>> pixels(3 * u.pix)
    3.0
    """
    if not is_pixels(value):
        raise AngleError(f"{name} must be in pixels, such as 3 * u.pix, got {value!r}")
    found = _pixels_of(value) if isinstance(value, str) else float(u.Quantity(value).to_value(u.pix))
    number = np.nan if found is None else found
    if not np.isfinite(number):
        raise MaskValueError(f"{name} must be finite, got {value!r}")
    return number


def pixels_array(value: Any, name: str = "length") -> NDArray[np.float64]:
    """Turn a length or several lengths in pixels into float64.

    Examples
    --------
    >>> pixels_array(["3 px", "4 pix"]).tolist()
    [3.0, 4.0]
    """
    if isinstance(value, list | tuple):
        return np.array([pixels(each, name) for each in value])
    if not (isinstance(value, u.Quantity) and value.ndim):
        return np.asarray(pixels(value, name))
    if not is_pixels(value):
        raise AngleError(f"{name} must be in pixels, such as 3 * u.pix, got {value!r}")
    numbers = unmasked(value.to_value(u.pix))
    if not np.isfinite(numbers).all():
        raise MaskValueError(f"{name} must be finite, got {value!r}")
    return numbers


def in_degrees(values: Any, unit: u.UnitBase) -> Any:
    """Numbers in a unit of angle as degrees.

    Examples
    --------
    >>> float(in_degrees(np.float64(1), u.hourangle))
    15.0
    """
    # The factor by way of radians is not 15.
    return values * 15.0 if unit == u.hourangle else u.Quantity(values, unit).to_value(u.deg)


def unmasked(values: Any) -> NDArray[np.float64]:
    """Plain float64 numbers of an array of any kind; what is masked is NaN, so that it is found and not used.

    Examples
    --------
    >>> unmasked(np.ma.array([1, 2], mask=[False, True])).tolist()
    [1.0, nan]
    """
    plain = np.array(getattr(values, "unmasked", values), dtype=np.float64)
    mask = getattr(values, "mask", None)
    if mask is not None:
        plain[np.broadcast_to(mask, plain.shape)] = np.nan
    return plain


def plain_quantity(quantity: u.Quantity) -> u.Quantity:
    """A quantity in which NaN stands for what is masked: an array made of masked ones has hidden values.

    Examples
    --------
    >>> plain_quantity(2 * u.deg)
    <Quantity 2. deg>
    """
    return u.Quantity(unmasked(quantity.value), quantity.unit) if hasattr(quantity, "mask") else quantity


def format_degrees(degrees: float) -> str:
    """Write degrees as briefly as they can be read back.

    Examples
    --------
    >>> format_degrees(0.3), format_degrees(5.0)
    ('0.3 deg', '5 deg')
    """
    text = repr(float(degrees))
    return f"{text.removesuffix('.0')} deg"
