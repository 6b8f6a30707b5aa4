"""Non-spatial axes of a map, such as energy."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, Final
from zlib import crc32

import astropy.units as u
import numpy as np

from ..core.arguments import one_of
from ..core.arrays import Floats
from ..core.calls import told_class, told_methods, told_names
from ..core.errors import AxisError, GeometryError, MaskAttributeError, MaskTypeError, MaskValueError
from ..core.limits import check_limit
from ..core.names import described, shown
from ..sphere.angles import plain_quantity, unmasked

__all__ = [
    "INTERPOLATIONS",
    "USUAL",
    "Axis",
    "axes_of_text",
    "axes_text",
    "axis_from_gammapy",
    "axis_name",
    "axis_of",
    "checked_axes",
    "narrow_bins",
    "scale",
    "unscale",
]

INTERPOLATIONS: Final = ("lin", "log", "sqrt")
"""How the inside of a bin is measured: evenly in the value, its logarithm or its square root."""
USUAL: Final = "energy"
"""The axis that sizes per bin run along unless another is named."""


@told_class
@told_methods
@told_names("an Axis")
class Axis:
    """Bins along a non-spatial axis; immutable, hashable, picklable.

    Two axes are equal if their names, edges and units are.

    Parameters
    ----------
    name : str
        Name of the axis and of the dimension of arrays.
    edges : Quantity, shape (nbin + 1,)
        Strictly increasing, finite bin edges, with a unit (``u.one`` counts).
    interp : {"lin", "log", "sqrt"}
        Where the centre of a bin is: arithmetic or geometric mean, or the mean of the roots.

    Raises
    ------
    AxisError
        For edges that do not increase, are not finite, carry no unit, or are too few.

    Examples
    --------
    >>> axis = Axis("energy", [1, 10, 100] * u.GeV, interp="log")
    >>> axis
    Axis('energy', 2 bins, 1 to 100 GeV, log)
    >>> axis.center.round(2)
    <Quantity [ 3.16, 31.62] GeV>
    """

    __slots__ = ("_edges", "_interp", "_name", "_unit")

    _name: str
    _edges: tuple[float, ...]
    _unit: str
    _interp: str

    def __init__(self, name: str, edges: u.Quantity, interp: str = "lin") -> None:
        if not isinstance(name, str) or not name.strip():
            raise AxisError(f"an axis needs a name, got {name!r}")
        one_of(f"axis {name!r}: interp", interp, INTERPOLATIONS, error=AxisError)
        values, unit = _split(name, edges)
        _check_edges(name, values, interp)
        for slot, value in (("_name", name), ("_unit", unit), ("_interp", interp)):
            object.__setattr__(self, slot, value)
        object.__setattr__(self, "_edges", tuple((values + 0.0).tolist()))

    @classmethod
    def from_bounds(cls, name: str, lo: Any, hi: Any, nbin: int, interp: str = "log") -> Axis:
        """Bins of equal width (in the value, its logarithm or root) between two bounds.

        Parameters
        ----------
        name : str
            Name of the axis.
        lo, hi : Quantity or str
            The outer edges, such as ``"10 GeV"``; the unit of ``lo`` is the axis's.
        nbin : int
            Number of bins.
        interp : {"log", "lin", "sqrt"}
            In what the bins are equally wide.

        Examples
        --------
        >>> Axis.from_bounds("energy", "10 GeV", "1 TeV", 2).edges
        <Quantity [  10.,  100., 1000.] GeV>
        """
        low, unit = _split(name, lo)
        high, _ = _split(name, hi, unit)
        if low.ndim or high.ndim:
            raise AxisError(f"axis {name!r}: lo and hi must be one value each")
        if isinstance(nbin, bool) or not isinstance(nbin, Real) or nbin % 1 or nbin < 1:
            raise AxisError(f"axis {name!r}: nbin must be a whole number of at least 1, got {shown(nbin)}")
        check_limit("bins", nbin, f"axis {name!r}", "bins")
        if not np.isfinite(low) or not np.isfinite(high) or not low < high:
            raise AxisError(f"axis {name!r}: lo must be below hi and both finite, got {lo} and {hi}")
        return cls(name, u.Quantity(_spaced(name, float(low), float(high), int(nbin), interp), unit), interp)

    @property
    def name(self) -> str:
        """Name of the axis."""
        return self._name

    @property
    def nbin(self) -> int:
        """Number of bins."""
        return len(self._edges) - 1

    @property
    def unit(self) -> u.UnitBase:
        """Unit of the edges."""
        return u.Unit(self._unit)

    @property
    def interp(self) -> str:
        """``"lin"``, ``"log"`` or ``"sqrt"``."""
        return self._interp

    @property
    def edges(self) -> u.Quantity:
        """Bin edges, shape (nbin + 1,); a new array each time."""
        return u.Quantity(self._edges, self.unit)

    @property
    def center(self) -> u.Quantity:
        """Bin centres, shape (nbin,), evenly between the edges in the sense of ``interp``."""
        edges = np.array(self._edges)
        scaled = scale(edges, self._interp)
        return u.Quantity(unscale((scaled[:-1] + scaled[1:]) / 2, self._interp), self.unit)

    def matches(self, other: Axis, rtol: float = 1e-6) -> bool:
        """Whether another axis has the same name and, in whatever unit, the same edges within a tolerance.

        Edges that went through a file or through gammapy, which computes them by log and exp, differ in their
        last digits; ``==`` tells such axes apart.

        Parameters
        ----------
        other : Axis
            The other axis.
        rtol : float
            Tolerance relative to the width of the narrower of the bins beside each edge.

        Examples
        --------
        >>> Axis("e", [1, 2] * u.TeV).matches(Axis("e", [1000, 2000.0001] * u.GeV))
        True
        """
        if not isinstance(other, Axis):
            raise MaskTypeError(f"an axis matches another Axis, got {described(other)}")
        if self._name != other._name or self.nbin != other.nbin or not self.unit.is_equivalent(other.unit):
            return False
        mine, theirs = np.array(self._edges), other.edges.to_value(self.unit)
        return bool(np.all(np.abs(mine - theirs) <= rtol * narrow_bins(mine)))

    def __setattr__(self, name: str, value: object) -> None:
        raise MaskAttributeError(f"an Axis is immutable; make a new one instead of setting {name!r}")

    def __delattr__(self, name: str) -> None:
        raise MaskAttributeError(f"an Axis is immutable; {name!r} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._name, self.edges, self._interp)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Axis):
            return NotImplemented
        return (self._name, self._unit, self._edges) == (other._name, other._unit, other._edges)

    def __hash__(self) -> int:
        # The hash of a string differs from process to process.
        return hash((crc32(self._name.encode()), self._edges))

    def __repr__(self) -> str:
        bounds = f"{self._edges[0]:.6g} to {self._edges[-1]:.6g} {self._unit}".rstrip()
        bins = "1 bin" if self.nbin == 1 else f"{self.nbin} bins"
        return f"Axis({self._name!r}, {bins}, {bounds}, {self._interp})"


def scale(values: Floats, interp: str) -> Floats:
    """Values on the scale in which a bin is measured evenly.

    Examples
    --------
    >>> scale(np.array([4.0, 9.0]), "sqrt").tolist()
    [2.0, 3.0]
    """
    if interp == "log":
        return np.log(values)
    return np.sqrt(values) if interp == "sqrt" else values


def unscale(values: Floats, interp: str) -> Floats:
    """The inverse of `scale`.

    Examples
    --------
    >>> unscale(np.array([2.0, 3.0]), "sqrt").tolist()
    [4.0, 9.0]
    """
    if interp == "log":
        return np.exp(values)
    return values**2 if interp == "sqrt" else values


def narrow_bins(edges: Floats) -> Floats:
    """The width of the narrower of the bins beside each edge.

    Examples
    --------
    >>> narrow_bins(np.array([0.0, 1.0, 5.0])).tolist()
    [1.0, 1.0, 4.0]
    """
    width = np.diff(edges)
    return np.asarray(np.minimum(np.append(width, np.inf), np.insert(width, 0, np.inf)))


def _spaced(name: str, low: float, high: float, nbin: int, interp: str) -> Floats:
    """Edges of bins that are equally wide in the sense of ``interp``, the outer ones exact."""
    if interp == "log" and low <= 0:
        raise AxisError(f"axis {name!r}: a log axis needs lo above zero, got {low:g}")
    if interp == "sqrt" and low < 0:
        raise AxisError(f"axis {name!r}: a sqrt axis needs lo of zero or more, got {low:g}")
    if interp == "log":
        return np.asarray(np.geomspace(low, high, nbin + 1))
    if interp == "sqrt":
        return np.asarray(np.linspace(low**0.5, high**0.5, nbin + 1) ** 2.0)
    return np.asarray(np.linspace(low, high, nbin + 1))


def axis_name(value: Any, what: str = "axis is the name of an axis") -> str:
    """The name of an axis that an argument is; a quantity in its place is an argument too few, or too many.

    Examples
    --------
    >>> axis_name("10 GeV")
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.MaskValueError: axis is the name of an axis, such as 'energy', got '10 GeV'
    """
    if not isinstance(value, str):
        raise MaskTypeError(f"{what}, such as 'energy', got {described(value)}")
    try:
        u.Quantity(value)
    except (TypeError, ValueError):
        if value.strip():
            return value
    raise MaskValueError(f"{what}, such as 'energy', got {value!r}")


def axis_of(value: Any, several: bool) -> str | None:
    """The axis that several sizes run along, None of one size; a name that is given for one is refused,
    as it would be passed over.

    Examples
    --------
    >>> axis_of("time", True), axis_of("energy", False)
    ('time', None)
    """
    name = axis_name(value)
    if several:
        return name
    if name != USUAL:
        raise MaskValueError(
            f"axis={name!r} names the axis that sizes per bin run along, and these do not: leave it out"
        )
    return None


def _split(name: str, value: Any, unit: str | None = None) -> tuple[Floats, str]:
    """Numbers and the unit's text, which is what an axis stores and compares."""
    masked = np.count_nonzero(getattr(value, "mask", False))
    if masked:
        raise AxisError(f"axis {name!r}: {masked} of {np.size(value)} edges are masked: leave them out")
    try:
        # A Quantity of strings ("10 GeV") is parsed by Quantity itself.
        quantity = value if isinstance(value, u.Quantity) else _parse(value)
        quantity = quantity if unit is None else quantity.to(unit)
        text = str(quantity.unit)
        # A scale that is no finite number ("inf m") has a text that is no unit.
        u.Unit(text)
    except (TypeError, ValueError, u.UnitsError) as err:
        raise AxisError(f"axis {name!r}: {value!r} is not a quantity with a fitting unit ({err})") from err
    return unmasked(quantity.value), text


def _parse(value: Any) -> u.Quantity:
    """A Quantity of a string or of a sequence of strings and Quantities."""
    if isinstance(value, (str, u.Quantity)):
        return u.Quantity(value)
    if np.ndim(value) == 0 or isinstance(value, np.ndarray):
        raise ValueError("a bare number has no unit; multiply by one, u.one if it has none")
    return u.Quantity([plain_quantity(_parse(item)) for item in value])


def _check_edges(name: str, values: Floats, interp: str) -> None:
    if values.ndim != 1 or values.size < 2:
        raise AxisError(
            f"axis {name!r}: edges must be at least two values in one row, got shape {values.shape}"
        )
    if not np.all(np.isfinite(values)):
        raise AxisError(f"axis {name!r}: edge {int(np.flatnonzero(~np.isfinite(values))[0])} is not finite")
    falls = np.flatnonzero(np.diff(values) <= 0)
    if falls.size:
        i = int(falls[0])
        raise AxisError(
            f"axis {name!r}: edges must increase, but edge {i + 1} ({values[i + 1]:g}) follows {values[i]:g}"
        )
    lowest = {"log": np.nextafter(0, 1), "sqrt": 0.0}.get(interp)
    if lowest is not None and values[0] < lowest:
        raise AxisError(f"axis {name!r}: a {interp} axis cannot have the edge {values[0]:g}")


def checked_axes(axes: Iterable[Axis], taken: tuple[str, str]) -> tuple[Axis, ...]:
    """Axes of a grid, each of its own name, which is none of two.

    Examples
    --------
    >>> checked_axes(Axis("energy", [1, 2] * u.TeV), ("y", "x"))
    Traceback (most recent call last):
    ...
    maskexpr.core.errors.AxisError: axes must be a list of maskexpr.Axis, got ...: write axes=[axis]
    """
    if isinstance(axes, Axis | str) or not isinstance(axes, Iterable):
        raise AxisError(f"axes must be a list of maskexpr.Axis, got {shown(axes)}: write axes=[axis]")
    found = tuple(axes)
    if len(found) == 1 and hasattr(found[0], "node_type"):
        found = (axis_from_gammapy(found[0]),)
    for axis in found:
        if not isinstance(axis, Axis):
            # gammapy's list is the other way round, so that several are never taken as they are.
            theirs = hasattr(axis, "node_type")
            hint = ": write maskexpr.Axis(axis.name, axis.edges, axis.interp) of each, the outermost first"
            raise AxisError(f"axes must be maskexpr.Axis objects, got {described(axis)}{hint * theirs}")
    names = [axis.name for axis in found]
    for name in names:
        if names.count(name) > 1 or name in taken:
            raise AxisError(
                f"the axis name {name!r} is taken: every axis needs its own, other than {' and '.join(taken)}"
            )
    return found


def axis_from_gammapy(axis: Any) -> Axis:
    """An axis of gammapy as one of ours.

    Raises
    ------
    AxisError
        For an axis without bins along a quantity.
    """
    if getattr(axis, "interp", None) is None or getattr(axis, "node_type", "") not in ("edges", "center"):
        raise AxisError(
            f"axis {axis.name!r} is a {type(axis).__name__}, which has no bins along a quantity: take one of "
            f"its planes, map.slice_by_idx({{{axis.name!r}: 0}}), or the grid without it, "
            f"geom.drop({axis.name!r})"
        )
    # What it was made with is not asked: files hold these, and their grids should be equal.
    return Axis(axis.name, axis.edges, interp=axis.interp)


def axes_text(axes: Sequence[Axis]) -> str:
    """Axes as JSON; `axes_of_text` reads it.

    Examples
    --------
    >>> axes_text([Axis("energy", [1, 10] * u.TeV)])
    '[{"name": "energy", "unit": "TeV", "interp": "lin", "edges": [1.0, 10.0]}]'
    """
    return json.dumps(
        [
            {
                "name": axis.name,
                "unit": str(axis.unit),
                "interp": axis.interp,
                "edges": axis.edges.value.tolist(),
            }
            for axis in axes
        ]
    )


def axes_of_text(text: str) -> list[Axis]:
    """Axes that `axes_text` wrote.

    Raises
    ------
    GeometryError
        If the text cannot be read.

    Examples
    --------
    >>> axis = Axis("energy", [1, 10] * u.TeV)
    >>> axes_of_text(axes_text([axis])) == [axis]
    True
    """
    try:
        return [
            Axis(each["name"], u.Quantity(each["edges"], each["unit"]), each["interp"])
            for each in json.loads(text)
        ]
    except (ValueError, KeyError, TypeError) as err:
        raise GeometryError(f"the axes of a grid cannot be read: {err}") from err
