"""Physical pixels, which are those of the file that a map was cut or binned from, as pixels of the map."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from ...core.errors import MaskTypeError, RegionError

__all__ = ["Physical", "physical_of"]


class Physical(NamedTuple):
    """The linear map ``image = scale * physical + offset``, both counted from 1: IRAF's LTM and LTV."""

    scale: float
    offset_x: float
    offset_y: float

    def place(self, value: float, is_x: bool) -> float:
        """A coordinate in pixels of the map."""
        return value * self.scale + (self.offset_x if is_x else self.offset_y)


def physical_of(source: Any) -> Physical:
    """Where physical pixels are on a map.

    Parameters
    ----------
    source : Header, mapping or "image"
        Header of the map with LTM1_1, LTM2_2, LTV1, LTV2, or CIAO's linear WCS "P" (CRPIX1P, CRVAL1P,
        CDELT1P and those of axis 2); ``"image"`` says that the map is the whole file. A header without either
        says the same.

    Raises
    ------
    RegionError
        For scales that differ from axis to axis, turn or mirror: circles would be none.
    MaskTypeError
        For something else.

    Examples
    --------
    >>> physical_of({"LTM1_1": 0.5, "LTM2_2": 0.5, "LTV1": -10.0}).place(100, is_x=True)
    40.0
    """
    if source == "image":
        return Physical(1.0, 0.0, 0.0)
    if not hasattr(source, "get"):
        raise MaskTypeError(f"physical is a FITS header of the map, or 'image', got {source!r}")
    x, y = (_axis(source, number) for number in (1, 2))
    if any(_number(source, name, 0.0) for name in ("LTM1_2", "LTM2_1")) or x[0] != y[0] or not x[0] > 0:
        raise RegionError(
            f"the header turns, mirrors or stretches physical pixels (scales {x[0]:g} and {y[0]:g}): "
            "save the regions in the frame image, or on the sky"
        )
    return Physical(x[0], x[1], y[1])


def _axis(header: Mapping[str, Any], axis: int) -> tuple[float, float]:
    """Scale and offset along an axis."""
    if any(name in header for name in (f"LTM{axis}_{axis}", f"LTV{axis}")):
        return _number(header, f"LTM{axis}_{axis}", 1.0), _number(header, f"LTV{axis}", 0.0)
    step = _number(header, f"CDELT{axis}P", 1.0)
    if not step:
        raise RegionError(f"CDELT{axis}P of the header is 0")
    return 1 / step, _number(header, f"CRPIX{axis}P", 0.0) - _number(header, f"CRVAL{axis}P", 0.0) / step


def _number(header: Mapping[str, Any], name: str, default: float) -> float:
    value = header.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise RegionError(f"{name} of the header must be a number, got {value!r}")
    return float(value)
