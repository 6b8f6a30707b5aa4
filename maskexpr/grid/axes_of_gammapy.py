"""gammapy's axes as ours, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..core.errors import require
from .axis import Axis, axis_from_gammapy

__all__ = ["axes_from_gammapy", "axes_to_gammapy"]


def axes_from_gammapy(axes: Iterable[Any]) -> tuple[Axis, ...]:
    """The axes of a gammapy geometry, in the order of the dimensions of its arrays.

    Raises
    ------
    AxisError
        For an axis without bins along a quantity.
    """
    return tuple(axis_from_gammapy(axis) for axis in axes)[::-1]


def axes_to_gammapy(axes: Iterable[Axis]) -> list[Any]:
    """Axes in the order of the dimensions of arrays as those of a gammapy geometry."""
    maps = require("gammapy.maps", extra="gammapy")
    made = [maps.MapAxis.from_edges(axis.edges, name=axis.name, interp=axis.interp) for axis in axes]
    return made[::-1]
