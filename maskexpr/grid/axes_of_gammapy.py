"""gammapy's axes as ours, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import astropy.units as u
import numpy as np

from ..core.errors import AxisError, require
from .axis import Axis

__all__ = ["axes_from_gammapy", "axes_to_gammapy"]

# gammapy's edges differ from the given ones by what log and exp do to the last digits.
_LAST_DIGITS = 1e-12


def axes_from_gammapy(axes: Iterable[Any]) -> tuple[Axis, ...]:
    """The axes of a gammapy geometry, in the order of the dimensions of its arrays.

    Raises
    ------
    AxisError
        For an axis without bins along a quantity.
    """
    return tuple(_from_gammapy(axis) for axis in axes)[::-1]


def _from_gammapy(axis: Any) -> Axis:
    if getattr(axis, "interp", None) is None or getattr(axis, "node_type", "") not in ("edges", "center"):
        raise AxisError(f"axis {axis.name!r} is a {type(axis).__name__}, which has no bins along a quantity")
    return Axis(axis.name, _edges(axis), interp=axis.interp)


def _edges(axis: Any) -> u.Quantity:
    """The edges that a gammapy axis was made with, so that an axis that goes to gammapy comes back equal.

    ``axis.edges`` are computed from them by log and exp. The given ones have no public name; where an axis
    does not keep them as it does today, the computed ones are taken.
    """
    edges: u.Quantity = axis.edges
    given: Any = getattr(axis, "_nodes", None)
    if axis.node_type != "edges" or np.shape(given) != edges.shape:
        return edges
    same = np.allclose(given, edges.value, rtol=_LAST_DIGITS, atol=_LAST_DIGITS * np.ptp(edges.value))
    return u.Quantity(given, edges.unit) if same else edges


def axes_to_gammapy(axes: Iterable[Axis]) -> list[Any]:
    """Axes in the order of the dimensions of arrays as those of a gammapy geometry."""
    maps = require("gammapy.maps", extra="gammapy")
    made = [maps.MapAxis.from_edges(axis.edges, name=axis.name, interp=axis.interp) for axis in axes]
    return made[::-1]
