"""What a leaf is where its data have no value: the declared policy, and the refusal that says where."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import MaskValueError
from ..expr.mask import Bools
from ..io.validity import gaps
from .leaf import DataPixels, FromData

__all__ = ["policy", "settle"]


def policy(nan: Any, name: str) -> bool | str:
    """False, True or "raise", or an error.

    Examples
    --------
    >>> policy("raise", "Threshold")
    'raise'
    """
    if not (isinstance(nan, (bool, np.bool_)) or (isinstance(nan, str) and nan == "raise")):
        raise MaskValueError(f"{name}: nan must be False, True or 'raise', got {nan!r}")
    return nan if isinstance(nan, str) else bool(nan)


def settle(leaf: FromData, selected: Bools, values: NDArray[Any], pixels: DataPixels) -> Bools:
    """Put the declared value where the data have none, in an array that may be changed.

    Raises
    ------
    MaskValueError
        If the policy is "raise" and there is such a pixel, naming the first.
    """
    missing = gaps(values)
    if missing is None or not missing.any():
        return selected
    if leaf.nan == "raise":
        _refuse(leaf, "NaN" if values.dtype.kind == "f" else "masked or BLANK", missing, pixels)
    selected[missing] = bool(leaf.nan)
    return selected


def _refuse(leaf: FromData, what: str, missing: Bools, pixels: DataPixels) -> None:
    y, x = int(pixels.y[missing][0]), int(pixels.x[missing][0])
    grid = leaf.grid
    lon, lat = grid.lonlat(y, x)
    window = getattr(pixels.where, "window", None)
    asked = "" if window is None else f", asked for by the tile {window} of plane {pixels.where.plane}"
    of_plane = f" of plane {pixels.plane}" if pixels.plane else ""
    raise MaskValueError(
        f"{leaf.label()}: the data are {what} at lon {float(lon):.6g}, lat {float(lat):.6g} deg "
        f"({grid.frame}), data pixel y={y}, x={x}{of_plane}{asked}; "
        "say what no value means by nan=False or nan=True"
    )
