"""The regions of a text, a table or a list, and the one way from them to a shape.

A reader of a format makes an `Item` of each region: its properties, and a way to its shape. What follows is
the same for every format: the items that ``where`` asks for are taken, each shape is checked against the
metric, exclusions take away, and what was passed over is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, NamedTuple

from ...core.arguments import one_of
from ...core.errors import MaskTypeError, MaskValueError, RegionError
from .. import IMAGE, CellUnion, Compound, Line, PixelBox, Polygon, Shape, WholeSky, combine

__all__ = ["EXCLUDE", "Found", "Item", "Options", "Reader", "assemble", "honour", "shown"]

EXCLUDE: Final = ("before", "all")

_WHERE: Final = re.compile(r"\s*(?P<key>[\w-]+)\s*(?P<operator>!?=)\s*(?P<value>.*?)\s*", re.DOTALL)
# Characters of a line that an error shows, and values that it lists.
_SHOWN: Final = 90
_LISTED: Final = 12


@dataclass(frozen=True)
class Options:
    """What a user says about a text or file of regions, besides the text.

    Parameters
    ----------
    metric : str
        The metric in which every shape must have a meaning.
    where : callable or str, optional
        Which regions are taken.
    exclude : str
        What an exclusion takes away from: the shapes ``"before"`` it, or ``"all"``.
    frame : str, optional
        The frame of positions of which the text states none.
    origin : int, optional
        What positions in pixels count from, 0 or 1, if not what the format says.
    physical : Header or str, optional
        Header of the map, whose LTM and LTV say where physical pixels are, or ``"image"``.
    hdu : int or str, optional
        The table of a FITS file.
    """

    metric: str = "sky"
    where: Callable[[Mapping[str, Any]], Any] | str | None = None
    exclude: str = "before"
    frame: str | None = None
    origin: int | None = None
    physical: Any = None
    hdu: int | str | None = None

    def __post_init__(self) -> None:
        one_of("exclude", self.exclude, EXCLUDE)
        if not (self.origin is None or (type(self.origin) is int and self.origin in (0, 1))):
            raise MaskValueError(f"origin is what pixels count from, 0 or 1; got {self.origin!r}")
        if not (self.where is None or callable(self.where) or isinstance(self.where, str)):
            raise MaskTypeError(
                "where is text such as 'tag=source' or a callable on a region's properties, got "
                f"{self.where!r}"
            )

    def written(self) -> dict[str, Any] | None:
        """The options as plain values, as far as they are not the usual ones; None if one is an object."""
        if callable(self.where) or not (self.physical is None or isinstance(self.physical, str)):
            return None
        usual = Options()
        values = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in values if name == "metric" or value != getattr(usual, name)}

    @property
    def given(self) -> list[str]:
        """Names of the options that are for texts and files alone, as far as they are given."""
        names = ("where", "frame", "origin", "physical", "hdu")
        return [name for name in names if getattr(self, name) is not None]


class Item(NamedTuple):
    """One region.

    ``place`` names it in an error ("line 3: 'circle(1,2)'"). ``shape`` makes the shape, so that what is not
    taken need not be understood. Items of one ``component`` that is not None are what those share, an
    excluded one taken away; components are united.
    """

    place: str
    properties: Mapping[str, Any]
    excluded: bool
    shape: Callable[[], Shape]
    component: int | None = None


@dataclass
class Reader:
    """What the readers of formats fill in while they go: items, and what was used and passed over."""

    options: Options
    items: list[Item] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    used: set[str] = field(default_factory=set)
    drawn: list[str] = field(default_factory=list)

    def draw(self, place: str, what: str) -> None:
        """Pass over what is drawn and selects nothing."""
        self.ignored[what] += 1
        self.drawn.append(f"{place}: {what} selects nothing")

    def use(self, option: str) -> Any:
        """An option that has something to apply to."""
        self.used.add(option)
        return getattr(self.options, option)


_Part = tuple[str, Shape]
"""A shape, and the operator that joins it to what stands before it."""


class Found(NamedTuple):
    """The shape that was found, and how often what was passed over."""

    shape: Shape
    ignored: Mapping[str, int]


def shown(text: str) -> str:
    """A piece of text as an error shows it: control characters escaped, and not too much of it.

    Examples
    --------
    >>> shown("circle(1,2)"), len(shown("x" * 1000))
    ("'circle(1,2)'", 95)
    """
    return repr(text) if len(text) <= _SHOWN else repr(text[:_SHOWN]) + "..."


def assemble(reader: Reader) -> Found:
    """The shape that items make.

    Raises
    ------
    RegionError
        For what cannot be honoured, naming its place; for a ``where`` that takes none, an option that applies
        to nothing, and a text in which all is drawn and nothing selects.
    """
    options = reader.options
    items = reader.items
    if not items and reader.drawn:
        raise RegionError(f"{reader.drawn[0]}, and there is nothing else")
    taken = [item for item in items if _is_wanted(item, options.where)]
    if items and not taken:
        raise RegionError(_none_taken(items, options.where))
    groups: dict[int | None, list[_Part]] = {}
    for item in taken:
        group = groups.setdefault(item.component, [])
        try:
            if item.excluded and options.exclude == "before" and item.component is None and not group:
                raise RegionError(
                    "it takes away from the shapes before it, and there is none before it; exclude='all' "
                    "takes it away from all shapes, ~Region(...) is everything else"
                )
            shape = honour(item.shape(), options.metric)
            _check_alike(shape, next(iter(groups.values())))
            joins = "or" if item.component is None else "and"
            group.append(("minus" if item.excluded else joins, shape))
        except RegionError as err:
            raise RegionError(f"{item.place}: {err}") from err
    _check_used(reader)
    sets = (_joined(parts, options, component) for component, parts in groups.items())
    return Found(combine(("or", each) for each in sets), dict(reader.ignored))


def _one_by_one(parts: list[_Part]) -> list[_Part]:
    """Parts with the shapes of unions added or taken away one by one, so that they stay a plain sequence."""
    found: list[_Part] = []
    for operator, shape in parts:
        is_union = isinstance(shape, Compound) and shape.joined == "or" and operator != "and"
        found.extend((operator, each) for each in (shape.leaves if is_union else (shape,)))
    return found


def _check_alike(shape: Shape, before: list[_Part]) -> None:
    if before and (before[0][1].frame == IMAGE) != (shape.frame == IMAGE):
        raise RegionError(
            "positions in pixels and positions on the sky cannot be joined: take them apart with where="
        )


def _joined(parts: list[_Part], options: Options, component: int | None) -> Shape:
    """One shape of the items of a component, or of all if there are none."""
    if len(parts) == 1 and parts[0][0] != "minus":
        return parts[0][1]
    parts = _one_by_one(parts)
    if component is None and options.exclude == "before":
        return combine(parts)
    # In a component, and where exclusions are from all, the order says nothing.
    kept = [part for part in parts if part[0] != "minus"]
    if not kept:
        kept = [("or", WholeSky(parts[0][1].frame))]
    return combine([*kept, *(part for part in parts if part[0] == "minus")])


def honour(shape: Shape, metric: str) -> Shape:
    """The shape, if it has a meaning in a metric.

    Raises
    ------
    RegionError
        For pixel positions and boxes of pixels in the sky metric, and for lines and shapes of the sphere
        alone in the pixel metrics.
    """
    for leaf in shape.samples:
        if metric == "sky":
            if leaf.frame == IMAGE:
                raise RegionError("positions in pixels have a meaning only with metric='pixel'")
            if isinstance(leaf, PixelBox):
                raise RegionError(
                    "a box by its corners is a box of pixels: use metric='pixel', or give its centre and "
                    "sides (centerbox or rotbox in CRTF, box in DS9)"
                )
        elif isinstance(leaf, Line):
            raise RegionError(
                "a line holds no pixel centre, so metric='pixel' would select nothing; use metric='sky', or "
                "leave it out with where='shape!=line'"
            )
        elif isinstance(leaf, CellUnion) or (isinstance(leaf, Polygon) and leaf.larger_side):
            raise RegionError("the shape has a meaning on the sphere alone; use metric='sky'")
    return shape


# ---- which regions are taken
# ---------------------------------------------------------------------------------------------


def _is_wanted(item: Item, where: Callable[[Mapping[str, Any]], Any] | str | None) -> bool:
    if where is None:
        return True
    if callable(where):
        return bool(where(item.properties))
    key, operator, value = _parsed(where)
    found = item.properties.get(key, ())
    values = found if isinstance(found, tuple) else (found,)
    return (value in map(_written, values)) == (operator == "=")


def _parsed(where: str) -> tuple[str, str, str]:
    match = _WHERE.fullmatch(where)
    if match is None:
        raise MaskValueError(f"where must be like 'tag=source', 'color=red' or 'shape!=line', got {where!r}")
    return match["key"].lower(), match["operator"], match["value"]


def _written(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _none_taken(items: Iterable[Item], where: Any) -> str:
    """What to say when a selection takes nothing: what there would be."""
    keys: dict[str, dict[str, None]] = {}
    for item in items:
        for key, found in item.properties.items():
            for value in found if isinstance(found, tuple) else (found,):
                keys.setdefault(key, {})[_written(value)] = None
    key = _parsed(where)[0] if isinstance(where, str) else ""
    if key not in keys:
        return f"no region is taken by where={where!r}; the properties are {', '.join(sorted(keys))}"
    values = [shown(value) for value in keys[key]]
    more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
    return f"no region is taken by where={where!r}; {key} is {', '.join(values[:_LISTED])}{more}"


def _check_used(reader: Reader) -> None:
    """An argument that applies to nothing is an error."""
    reasons = {
        "frame": "every position states its own",
        "origin": "no position is in pixels that count from 0 or 1",
        "physical": "no position is in physical pixels",
        "hdu": "it is not a FITS file",
    }
    for name, reason in reasons.items():
        if getattr(reader.options, name) is not None and name not in reader.used and reader.items:
            raise RegionError(
                f"{name}={shown(str(getattr(reader.options, name)))} applies to nothing: {reason}"
            )
