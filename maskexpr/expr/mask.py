"""The expression: `Mask`, its algebra, and what a node must say of itself.

A node is a frozen dataclass in a file of its own under ``nodes/``. It answers three questions
(`Mask.coverage`, `Mask.values`, `Mask.reach`) and never walks the graph: of a child it asks the pass,
through `Ask`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Bools
from ..core.coverage import EMPTY, FULL, MIXED, Coverage, invert
from ..core.errors import MaskTypeError, NeedsGridError
from ..core.names import described, hint_of
from ..grid.lattice import Grid
from ..grid.parts import Parts
from ..grid.points import Points
from ..grid.survey import Survey
from ..grid.tiles import Areas, Tile, Tiles
from ..sphere.parallels import Parallels, StripRuns, no_runs, whole_runs
from ..sphere.vectors import TIE, Caps
from .structure import NODES, Reach, is_array, node
from .verbs import Fluent

__all__ = [
    "NODES",
    "AllSky",
    "And",
    "Ask",
    "Bools",
    "Mask",
    "Nary",
    "NoSky",
    "Not",
    "Or",
    "Reach",
    "Survey",
    "Xor",
    "need_mask",
    "node",
]


class Ask(Protocol):
    """What a pass hands to a node: the way to ask its children. The pass caches, prunes and counts."""

    def coverage(self, child: Mask, areas: Areas) -> Coverage:
        """Coverage of a child over areas, which need not be those that the node was asked about."""

    def values(self, child: Mask, where: Tile | Points) -> Bools:
        """Values of a child, False off the sky; perhaps the data themselves, so not to be changed."""

    def paint(self, child: Mask, tile: Tile, out: Bools) -> None:
        """Select, in an array of a tile's pixels, those that a child selects."""

    def narrow(self, child: Mask, where: Tile | Points, out: Bools) -> None:
        """Deselect, in an array of values, what a child does not select; it is asked only where it
        matters.
        """

    def reads(self, child: Mask) -> bool:
        """Whether a child, or anything below it, reads data."""

    def keeps(self, child: Mask) -> bool:
        """Whether values of a child on tiles are kept for all that ask for them."""

    def refine(self, leaf: Mask, tile: Tile) -> Bools:
        """Values of a leaf on a tile by refinement: blocks that `coverage` decides are filled, the rest
        asked as points.
        """

    def decided(self, child: Mask, plane: tuple[int, ...]) -> Any:
        """What earlier stages of a plan decided of a child that is about the whole map, or None."""

    def fresh(self, mask: Mask) -> Ask:
        """The same way to ask, for another evaluation: it remembers nothing of this one, nor this of it."""


class Mask(Fluent):
    """A mask of the sky: an immutable expression that is free of any grid.

    Masks are combined with ``| & ^ ~ -`` (and ``*``, which is ``&``), compared by structure, hashed the same
    in every process, and put on a `Grid` with `on`. Nobody makes a `Mask`: start with a leaf, such as
    `maskexpr.Region`, `maskexpr.Catalog` or `maskexpr.Band`.

    Examples
    --------
    >>> import maskexpr as mx
    >>> mask = mx.Region("icrs; circle(83.6, 22, 1)") - mx.Band(lat=("-5 deg", "5 deg"), frame="galactic")
    >>> print(mask)
    And
    ├── Region("icrs;circle(83.6, 22, 1 deg)")
    └── Not
        └── Band(lat=(-5 deg, 5 deg), frame='galactic')
    >>> mask == mx.loads(mx.dumps(mask))
    True
    """

    needs_grid: ClassVar[bool] = False
    """Whether the node has a meaning only on a grid."""
    reads_data: ClassVar[bool] = False
    """Whether its values come from a file or an array, so that it is asked last."""
    widens: ClassVar[bool] = False
    """Whether it asks for other windows than it is asked for, see `survey`."""
    hands_on: ClassVar[bool] = False
    """Whether its values are those of the one mask that it asks."""
    bytes_per_pixel: ClassVar[int] = 16
    """Upper bound of the working memory per pixel of a tile, its result apart."""
    origin: Mapping[str, Any] | None = None
    """Arguments of `read`, where the node was read from a file; no part of what it is: it is neither compared
    nor saved."""

    def __new__(cls, *arguments: Any, **keywords: Any) -> Self:
        if cls is Mask:
            raise MaskTypeError(
                "Mask is what all nodes are, and none by itself: start with Region, Catalog, Band, "
                "Threshold, Raster ... of maskexpr"
            )
        return object.__new__(cls)

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        """Which areas are all in, all out, or undecided.

        Parameters
        ----------
        areas : Areas
            n areas of the sky in the frame of their geometry; `Tiles` where they are windows of its pixels.
        of : Ask
            The way to ask a child.

        Returns
        -------
        array of uint8, shape (n,)
            ``EMPTY`` and ``FULL`` are promises about all pixel centres on the sky, ``MIXED`` is always legal.
        """
        raise NotImplementedError

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        """Which pixels of a tile, shape (ny, nx), or points, shape (n,), are selected; may be read-only."""
        if isinstance(where, Tile):
            return of.refine(self, where)
        return self.inside(where)

    def _painted(self, tile: Tile, of: Ask) -> Bools:
        """Values of a tile, of a node that says itself how it paints."""
        out = np.zeros(tile.shape, dtype=bool)
        self.paint(tile, out, of)
        return out

    def paint(self, tile: Tile, out: Bools, of: Ask) -> None:
        """Select in an array of the tile's pixels those that the node selects; some touch only a few."""
        np.logical_or(out, self.values(tile, of), out=out)

    def inside(self, points: Points) -> Bools:
        """Which points are selected, shape (n,), for nodes that have a meaning at bare points of the sky."""
        raise NeedsGridError(
            f"{type(self).__name__} has a meaning only on a grid: give the geometry, "
            f"contains(positions, geom=geom)"
        )

    def near(self, points: Points, angle: float) -> Bools:
        """Which bare points have a point of the mask, a set on the sphere, within an angle (radians)."""
        raise NeedsGridError(f"to grow {type(self).__name__} takes a grid: contains(positions, geom=geom)")

    def local(self, cap: Caps, frame: str) -> Mask:
        """An equal mask for all points in a cap, of one that has no children: parts that do not matter there
        may be left out.

        Parameters
        ----------
        cap : Caps
            One cap.
        frame : str
            The frame of its centre.
        """
        return self

    def cover_near(self, parts: Parts, angle: float) -> Coverage:
        """Coverage of parts of the sphere by what has a point of the mask, a set there, within an angle
        (radians).

        No point of a part is further from the mask, or nearer, than its centre by more than its reach.
        """
        cover = np.full(len(parts), MIXED)
        reach = parts.reach + 4 * TIE
        cover[~self.near(parts.points, angle + reach)] = EMPTY
        if angle > reach:
            cover[self.near(parts.points, angle - reach)] = FULL
        return cover

    def between_parallels(
        self, parallels: Parallels, angle: float = 0.0
    ) -> tuple[StripRuns, StripRuns] | None:
        """What of each strip surely is within an angle (radians) of the mask, a set on the sphere, and what
        may be; None if that is not known.

        The two differ less the lower the strips are, and so give the area to any accuracy.
        """
        return None

    def border_parallels(self, frame: str, angle: float = 0.0) -> tuple[float, ...]:
        """Latitudes (degrees, in a frame) at which what `between_parallels` says changes at once: strips that
        end there say more. None, by default.
        """
        return ()

    def reach(self) -> Reach:
        """How far beyond a tile the children must be known."""
        return Reach()

    @property
    def asked(self) -> tuple[Mask, ...]:
        """The masks whose values the node asks for."""
        return self.children

    def survey(self, tiles: Sequence[Tile], of: Ask) -> Survey:
        """Say, before anything is evaluated, which windows of `asked` some disjoint tiles of a plane take."""
        bounds = np.array([tile.window for tile in tiles], dtype=np.int64).reshape(-1, 4).T
        return Survey(tiles, bounds)

    def values_on(self, survey: Survey, of: Ask) -> list[Bools]:
        """Values on each tile of a survey."""
        return [self.values(tile, of) for tile in survey.tiles]

    def reached(self, tiles: Tiles) -> Bools | None:
        """Which tiles of a plane `paint` may have something to do on, if it is as fast as classifying them.

        A whole array in memory is then painted without a plan. None, by default, if it is not.
        """
        return None

    def edge_samples(self, areas: Areas, number: int) -> NDArray[np.float64]:
        """Where the edges of the node are likely.

        Tiles that hold one of these pixels are asked there first: a selected and an unselected pixel prove a
        tile MIXED, and nothing else depends on them.

        Parameters
        ----------
        areas : Areas
            Areas of one plane of a grid.
        number : int
            About how many places to give.

        Returns
        -------
        ndarray of float64, shape (2, n)
            Indices (y, x), not rounded, of pixels on either side of the edges; none by default.
        """
        return np.empty((2, 0))

    def working_bytes(self, geom: Grid, shape: tuple[int, int]) -> int:
        """Upper bound of the memory that values of a tile of (rows, columns) take while they are made, the
        result apart.
        """
        return self.bytes_per_pixel * shape[0] * shape[1]

    @property
    def pixel_grid(self) -> Grid | None:
        """The map of whose pixels a leaf is made, on the sphere too; None for any other mask."""
        return None

    @property
    def waits(self) -> bool:
        """Whether its values may be waited for, as those of a file are, so that more threads than cores help.

        Of a node from elsewhere nothing is known.
        """
        return self.reads_data or self._is_from_elsewhere

    @property
    def _is_from_elsewhere(self) -> bool:
        """Whether the class is none of this package."""
        return not type(self).__module__.startswith(__name__.partition(".")[0] + ".")

    def held_bytes(self) -> int:
        """Memory that is kept from tile to tile, such as an index."""
        return 0

    def arguments(self) -> dict[str, Any]:
        """What a user types to make the node: arguments of its constructor, or of a class method, as plain
        values: masks as masks, angles and quantities as text.

        Recipes are written of them; by default they are the fields.
        """
        return dict(self.fields())

    def read_from(self, **arguments: Any) -> Self:
        """The node itself, which now knows the arguments of `read` that it was made with."""
        object.__setattr__(self, "origin", arguments)
        return self

    def axes(self) -> frozenset[str]:
        """Names of the non-spatial axes along which this node itself (not its children) varies."""
        return frozenset()

    def check(self, geom: Grid) -> None:
        """Raise if the node cannot be put on this geometry."""

    def __or__(self, other: Any) -> Or:
        return Or(self, self._operand(other, "|"))

    def __and__(self, other: Any) -> And:
        return And(self, self._operand(other, "&"))

    def __xor__(self, other: Any) -> Xor:
        return Xor(self, self._operand(other, "^"))

    def __sub__(self, other: Any) -> And:
        return And(self, Not(self._operand(other, "-")))

    def __ror__(self, other: Any) -> Or:
        return Or(self._operand(other, "|"), self)

    def __rand__(self, other: Any) -> And:
        return And(self._operand(other, "&"), self)

    def __rxor__(self, other: Any) -> Xor:
        return Xor(self._operand(other, "^"), self)

    def __rsub__(self, other: Any) -> And:
        return And(self._operand(other, "-"), Not(self))

    __mul__ = __and__
    __rmul__ = __rand__

    def _operand(self, other: Any, sign: str) -> Mask:
        """The mask that an operand is, or an error that says what to write."""
        if is_array(other):
            raise MaskTypeError(
                f"{sign} takes masks, got {described(other)}: make it one with "
                f"maskexpr.Raster((array, geom)), a DataArray or map that carries its grid with "
                f"maskexpr.Raster(array), or work with arrays: mask.on(geom) {sign} array"
            )
        return need_mask(other, sign)

    def _no_operator(self, other: Any = None) -> Any:
        raise MaskTypeError(
            "masks are joined by | (either), & (both), - (without) and ^ (one of them), and ~ is the rest of "
            "the sky; there is no +, no unary - and no order"
        )

    __add__ = __radd__ = __neg__ = __pos__ = __abs__ = __lt__ = __le__ = __gt__ = __ge__ = _no_operator
    __truediv__ = __floordiv__ = __mod__ = __matmul__ = __lshift__ = __rshift__ = __pow__ = _no_operator
    __rtruediv__ = __rfloordiv__ = __rmod__ = __rmatmul__ = __rlshift__ = __rrshift__ = __rpow__ = (
        _no_operator
    )

    def _no_number(self) -> Any:
        raise MaskTypeError(
            "a mask is no number: what it selects of a map is mask.on(geom).sum(), of the sky mask.area()"
        )

    __float__ = __int__ = __index__ = __complex__ = _no_number

    def __getitem__(self, index: Any) -> Any:
        raise MaskTypeError("a mask is no array: mask.on(geom) makes one, which can be sliced")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise MaskTypeError(
            "a mask is no array: mask.on(geom) makes one, mask.to_array(geom) one in memory, and "
            "maskexpr.Raster((array, geom)) makes a mask of an array, maskexpr.Raster(array) of one that "
            "carries its grid"
        )

    # Operators of pandas leave the answer to what has more than its own data frames, 4000.
    __pandas_priority__: ClassVar[int] = 10_000

    # Without these two numpy would make object arrays of masks, element by element.
    def __array_ufunc__(self, function: Any, method: str, *operands: Any, **keywords: Any) -> Any:
        sign = _SIGNS.get(function.__name__)
        if sign is None and len(operands) == 2:
            self._no_operator()
        for other in operands:
            if sign == "==" and other is not self:
                return self == other
            if sign is not None and not isinstance(other, Mask):
                return self._operand(other, sign)
        words = f"; masks are joined as they are, a {sign} b" if sign and sign != "==" else ""
        raise MaskTypeError(
            f"numpy.{function.__name__} takes arrays, and a mask is none: mask.on(geom) makes one{words}"
        )

    def __array_function__(self, function: Any, types: Any, arguments: Any, keywords: Any) -> Any:
        raise MaskTypeError(
            f"numpy.{function.__name__} takes arrays, and a mask is none: mask.on(geom) makes one"
        )

    def __invert__(self) -> Mask:
        return Not(self)


_SIGNS: Mapping[str, str] = {
    "bitwise_and": "&",
    "bitwise_or": "|",
    "bitwise_xor": "^",
    "equal": "==",
    "logical_and": "&",
    "logical_or": "|",
    "logical_xor": "^",
    "multiply": "&",
    "not_equal": "==",
    "subtract": "-",
}
"""Operators that functions of numpy stand for."""

_HINTS: Mapping[str, str] = {
    "MOC": "make it one with maskexpr.Moc.from_mocpy(moc)",
    "str": "make it one with maskexpr.Region(text) or maskexpr.Region.read(path)",
    "Path": "read it, maskexpr.Region.read(path), Catalog.read(path, radius=) or Raster(path)",
    "bool": "all of the sky is maskexpr.AllSky(), nothing is maskexpr.NoSky()",
    "SkyCoord": "give positions a radius, maskexpr.Catalog(positions, radius)",
    "Table": "give positions a radius, maskexpr.Catalog(table, radius)",
    "Region": "make it one with maskexpr.Region(region)",
    "list": "join its masks with maskexpr.Or(*masks) or maskexpr.And(*masks)",
    "tuple": "join its masks with maskexpr.Or(*masks) or maskexpr.And(*masks)",
    "Grid": "a grid is what a mask is put on, mask.on(geom)",
    "DataArray": "make it one with maskexpr.Raster(array)",
    "ndarray": "make it one with maskexpr.Raster((array, geom))",
    "Array": "make it one with maskexpr.Raster((array, geom))",
    "Map": "make it one with maskexpr.Raster(map)",
    "Quantity": "the mask comes first, then the angle",
}
"""What to write instead of an object of a class, or of one below it."""


def need_mask(value: Any, what: str) -> Mask:
    """A value, if it is a mask; else an error that says what to write.

    Parameters
    ----------
    value : object
        What the user gave.
    what : str
        What takes a mask.

    Raises
    ------
    MaskTypeError
    """
    if isinstance(value, Mask):
        return value
    hint = hint_of(value, _HINTS)
    raise MaskTypeError(f"{what} takes masks, got {described(value)}{hint and ': '}{hint}")


# Operands up to which an operator is kept flat: operands of operands that are shared would double in number
# with every level.
_FLAT = 1 << 14


@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Nary(Mask):
    """An operator of any number of operands, kept flat: ``(a | b) | c`` is ``Or(a, b, c)``.

    An operand that would bring them to more than 16,384 stands as it is. So does it then in every copy,
    because those beside it only become more.
    """

    masks: tuple[Mask, ...]

    def __init__(self, *masks: Mask) -> None:
        flat: list[Mask] = []
        for place, mask in enumerate(masks):
            need_mask(mask, f"operand {place}: {type(self).__name__}(*masks)")
            rest = len(masks) - place - 1
            if type(mask) is type(self) and len(flat) + len(mask.masks) + rest <= _FLAT:
                flat.extend(mask.masks)
            else:
                flat.append(mask)
        self._store(masks=tuple(flat))

    @classmethod
    def restore(cls, fields: dict[str, Any]) -> Self:
        return cls(*fields["masks"])

    def label(self) -> str:
        return type(self).__name__


@node("allsky")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AllSky(Mask):
    """Everything on the sky.

    Examples
    --------
    >>> ~AllSky() == NoSky()
    False
    >>> (~AllSky()).simplify() == NoSky()
    True
    """

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return np.full(len(areas), FULL)

    def inside(self, points: Points) -> Bools:
        return points.on_sky.copy()

    def between_parallels(
        self, parallels: Parallels, angle: float = 0.0
    ) -> tuple[StripRuns, StripRuns] | None:
        return (whole_runs(np.arange(len(parallels))),) * 2


@node("nosky")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NoSky(Mask):
    """Nothing.

    Examples
    --------
    >>> import maskexpr as mx
    >>> (mx.NoSky() | mx.AllSky()).simplify()
    AllSky
    """

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return np.full(len(areas), EMPTY)

    def between_parallels(
        self, parallels: Parallels, angle: float = 0.0
    ) -> tuple[StripRuns, StripRuns] | None:
        return no_runs(), no_runs()

    def inside(self, points: Points) -> Bools:
        return np.zeros(len(points), dtype=bool)


@node("or")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Or(Nary):
    """Selected by any operand; of none, nothing.

    Examples
    --------
    >>> len(Or(AllSky(), Or(NoSky(), AllSky())).masks)
    3
    """

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        cover = np.full(len(areas), EMPTY)
        for mask in self.masks:
            np.maximum(cover, of.coverage(mask, areas), out=cover)
        return cover

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        if isinstance(where, Tile):
            return self._painted(where, of)
        out = np.zeros(where.shape, dtype=bool)
        for mask in self.masks:
            out |= of.values(mask, where)
        return out

    def paint(self, tile: Tile, out: Bools, of: Ask) -> None:
        for mask in self.masks:
            of.paint(mask, tile, out)


@node("and")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class And(Nary):
    """Selected by every operand; of none, everything.

    Examples
    --------
    >>> import maskexpr as mx
    >>> north, south = mx.Band(lat=("0 deg", "90 deg")), mx.Band(lat=("-90 deg", "0 deg"))
    >>> And(north, ~south) == north - south
    True
    """

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        cover = np.full(len(areas), FULL)
        for mask in self.masks:
            np.minimum(cover, of.coverage(mask, areas), out=cover)
        return cover

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        out = np.ones(where.shape, dtype=bool)
        # Data last: what the regions leave out is not read.
        for mask in sorted(self.masks, key=of.reads):
            if not out.any():
                break
            of.narrow(mask, where, out)
        return out


@node("xor")
@dataclasses.dataclass(init=False, frozen=True, eq=False, repr=False)
class Xor(Nary):
    """Selected by an odd number of operands.

    Examples
    --------
    >>> import maskexpr as mx
    >>> Xor(AllSky(), AllSky(), AllSky()).fsky(mx.WcsGeom.allsky(binsz=10)).round(6)
    np.float64(1.0)
    """

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        cover = np.full(len(areas), EMPTY)
        for mask in self.masks:
            each = of.coverage(mask, areas)
            undecided = (cover == MIXED) | (each == MIXED)
            cover = np.where(undecided, MIXED, np.where(cover == each, EMPTY, FULL)).astype(np.uint8)
        return cover

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        out = np.zeros(where.shape, dtype=bool)
        for mask in self.masks:
            out ^= of.values(mask, where)
        return out


@node("not")
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Not(Mask):
    """The complement on the sky: pixels off the sky are selected neither way.

    Examples
    --------
    >>> import maskexpr as mx
    >>> corner = Not(NoSky()).on(mx.WcsGeom.allsky(binsz=10, proj="AIT")).values[0, 0]
    >>> bool(corner)
    False
    """

    mask: Mask

    def __post_init__(self) -> None:
        need_mask(self.mask, "Not")

    def coverage(self, areas: Areas, of: Ask) -> Coverage:
        return invert(of.coverage(self.mask, areas))

    def values(self, where: Tile | Points, of: Ask) -> Bools:
        return ~of.values(self.mask, where)
