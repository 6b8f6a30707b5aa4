"""`AxisRange`: a range along a non-spatial axis, such as energy."""

from __future__ import annotations

import dataclasses
from typing import Any

import astropy.units as u
import numpy as np

from ..core.arguments import flag
from ..core.coverage import EMPTY, FULL, Coverage
from ..core.errors import AxisError, MaskValueError
from ..core.names import nearest
from ..expr.mask import Ask, Bools, Mask, node
from ..grid.axis import axis_name, scale
from ..grid.lattice import Grid
from ..grid.points import Points
from ..grid.tiles import Areas, Tile

__all__ = ["AxisRange"]

# Relative difference of a limit and an edge that are equal but for rounding in float64.
_SAME = 1e-12


@node("axisrange")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class AxisRange(Mask):
    """The planes whose bin lies within a range of an axis.

    A bin is selected when it lies in the range as a whole, as in gammapy's ``energy_mask``. Edges that a file
    stores as float32 are off by 10^-8: a limit that is meant to be such an edge needs ``round_to_edge=True``.

    Parameters
    ----------
    name : str
        Name of the axis.
    lo, hi : Quantity or str, optional
        Lower and upper limit, in units that the axis can be converted to. None leaves that side open.
    round_to_edge : bool
        Move each limit to the nearest edge of the axis first: nearest in the value, its logarithm or root, as
        the bins of the axis are measured (``interp``), which is what gammapy's ``energy_mask`` does.

    Raises
    ------
    MaskValueError
        If no limit is given, or the lower one is not below the upper.
    AxisError
        On a geometry without such an axis, or with another kind of unit.

    Examples
    --------
    >>> AxisRange("energy", "10 GeV", "500 GeV")
    AxisRange('energy', 10 GeV, 500 GeV)
    """

    name: str
    lo: tuple[float, str] | None
    hi: tuple[float, str] | None
    round_to_edge: bool
    needs_grid = True

    def __init__(self, name: str, lo: Any = None, hi: Any = None, round_to_edge: bool = False) -> None:
        axis_name(name, "AxisRange: the name of the axis comes first")
        low, high = _limit(lo, "lo"), _limit(hi, "hi")
        if low is None and high is None:
            raise MaskValueError("AxisRange needs lo=, hi= or both")
        if low is not None and high is not None and not _is_below(low, high):
            raise MaskValueError(f"AxisRange {name!r}: lo={_text(low)} must be below hi={_text(high)}")
        self._store(name=name, lo=low, hi=high, round_to_edge=flag(round_to_edge, "round_to_edge"))

    @classmethod
    def restore(cls, fields: dict[str, Any]) -> AxisRange:
        lo, hi = (None if fields[key] is None else _quantity(fields[key]) for key in ("lo", "hi"))
        return cls(fields["name"], lo, hi, fields["round_to_edge"])

    def arguments(self) -> dict[str, Any]:
        limits = {key: limit for key, limit in (("lo", self.lo), ("hi", self.hi)) if limit is not None}
        texts = {key: f"{value!r} {unit}".strip() for key, (value, unit) in limits.items()}
        return {"name": self.name, **texts, "round_to_edge": self.round_to_edge}

    def label(self) -> str:
        rounding = ", round_to_edge=True" if self.round_to_edge else ""
        return f"AxisRange({self.name!r}, {_text(self.lo)}, {_text(self.hi)}{rounding})"

    def axes(self) -> frozenset[str]:
        return frozenset([self.name])

    def check(self, geom: Grid) -> None:
        self.selected(geom)

    def selected(self, geom: Grid) -> Bools:
        """Which bins of the axis are in the range, shape (nbin,)."""
        found = [axis for axis in geom.axes if axis.name == self.name]
        if not found:
            names = [axis.name for axis in geom.axes]
            raise AxisError(
                f"AxisRange needs an axis {self.name!r}; the geometry has {', '.join(names) or 'none'}"
                f"{nearest(self.name, names)}"
            )
        axis = found[0]
        edges = axis.edges
        try:
            limits = [
                None if each is None else _quantity(each).to_value(edges.unit) for each in (self.lo, self.hi)
            ]
        except u.UnitConversionError as err:
            raise AxisError(f"AxisRange {self.name!r}: {err}; the axis is in {str(edges.unit)!r}") from err
        values = edges.value
        low, high = (self._settle(limit, values, axis.interp) for limit in limits)
        out = np.ones(len(values) - 1, dtype=bool)
        # gammapy compares as it is; here what float64 rounds is equal, and an edge that a file rounded to
        # float32 (which is 10^-8 off) is not, so that real maps give gammapy's planes.
        if low is not None:
            out &= (values[:-1] > low) | np.isclose(values[:-1], low, rtol=_SAME, atol=0)
        if high is not None:
            out &= (values[1:] < high) | np.isclose(values[1:], high, rtol=_SAME, atol=0)
        return out

    def _settle(self, limit: Any, edges: np.ndarray, interp: str) -> float | None:
        if limit is None:
            return None
        if not self.round_to_edge:
            return float(limit)
        # Of what is beyond the axis there may be no logarithm, and no root.
        held = np.clip(limit, edges[0], edges[-1])
        return float(edges[np.argmin(np.abs(scale(edges, interp) - scale(held, interp)))])

    def _is_in(self, geom: Grid, plane: tuple[int, ...]) -> bool:
        place = [axis.name for axis in geom.axes].index(self.name)
        return bool(self.selected(geom)[plane[place]])

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return np.full(len(areas), FULL if self._is_in(areas.geom, areas.plane) else EMPTY)

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        if not isinstance(where, Tile):
            return self.inside(where)
        return np.full(where.shape, self._is_in(where.geom, where.plane))


def _limit(value: Any, name: str) -> tuple[float, str] | None:
    if value is None:
        return None
    try:
        quantity = u.Quantity(value)
    except (TypeError, ValueError) as err:
        raise MaskValueError(f"{name} must be a quantity such as '10 GeV', got {value!r}") from err
    if quantity.ndim or not np.isfinite(quantity.value) or getattr(value, "mask", False):
        raise MaskValueError(f"{name} must be one finite quantity, got {value!r}")
    if quantity.unit == u.dimensionless_unscaled and not isinstance(value, u.Quantity):
        raise MaskValueError(f"{name} must carry a unit, got {value!r}: write '10 GeV'")
    return float(quantity.value), str(quantity.unit)


def _quantity(limit: tuple[float, str]) -> u.Quantity:
    return u.Quantity(limit[0], limit[1])


def _is_below(low: tuple[float, str], high: tuple[float, str]) -> bool:
    try:
        return bool(_quantity(low) < _quantity(high))
    except u.UnitConversionError as err:
        raise MaskValueError(f"lo={_text(low)} and hi={_text(high)} have units of different kinds") from err


def _text(limit: tuple[float, str] | None) -> str:
    return "None" if limit is None else f"{limit[0]:g} {limit[1]}".strip()
