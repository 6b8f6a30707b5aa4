"""Objects of the ``regions`` package to shapes."""

from __future__ import annotations

import operator as op
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

import astropy.units as u
import numpy as np
import regions
from astropy.coordinates import SkyCoord

from ...core.errors import MaskTypeError, RegionError
from ...core.names import described
from ...grid.healpix.mocs import moc_cells
from ...sphere.angles import unmasked
from .. import (
    CellUnion,
    Circle,
    CircleAnnulus,
    Compound,
    Ellipse,
    EllipseAnnulus,
    Line,
    Point,
    Polygon,
    Polygons,
    Rectangle,
    RectangleAnnulus,
    Shape,
    WholeSky,
    combine,
)
from .items import Item, Reader, honour
from .place import Place

__all__ = ["from_region", "lonlat_box", "read_regions"]

_OPERATORS: Final[dict[Any, str]] = {
    op.or_: "or",
    op.and_: "and",
    op.xor: "xor",
    np.logical_or: "or",
    np.logical_and: "and",
    np.logical_xor: "xor",
    np.bitwise_or: "or",
    np.bitwise_and: "and",
    np.bitwise_xor: "xor",
}


def read_regions(spec: Iterable[Any], reader: Reader) -> None:
    """Read objects of `regions`: one item of each, or of polygons in a row; an excluded one is an exclusion.

    Raises
    ------
    RegionError
        For a region that cannot be honoured; names its place in the list.
    """
    first = 0
    for _, run in groupby(spec, key=type):
        some = list(run)
        together = _polygons(some, first, reader)
        alone = (_item(region, first + i, reader) for i, region in enumerate(some))
        reader.items.extend(alone if together is None else [together])
        first += len(some)


def _polygons(some: list[Any], first: int, reader: Reader) -> Item | None:
    """One item of regions of one class, read in columns; None where each of them has to be looked at.

    ``first`` is the place of the first in the list.
    """
    if len(some) == 1 or reader.options.where is not None or _kind(type(some[0]).__mro__) != "Polygon":
        return None
    # Most have no properties at all.
    if any("include" in meta for meta in filter(None, [getattr(each, "meta", None) for each in some])):
        return None
    found = Place.columns(list(map(attrgetter("vertices"), some)))
    if found is None:
        return None
    try:
        shape = Compound.union(Polygons(*found))
    except RegionError:
        # Alone it says which of them is wrong.
        return None
    return Item(f"regions from {first} on", {}, False, lambda: shape)


def _item(region: Any, number: int, reader: Reader) -> Item:
    """The item of one region."""
    if isinstance(region, type):
        raise MaskTypeError(f"region {number} is {described(region)}, not a region of it")
    excluded = _is_excluded(region)
    kind = _kind(type(region).__mro__) or type(region).__name__
    own = {**(getattr(region, "meta", None) or {}), **(getattr(region, "visual", None) or {})}
    tags = own.pop("tag", None) or ()
    properties = {
        **own,
        "name": getattr(region, "text", None) or own.get("text") or own.get("label", ""),
        "tag": (tags,) if isinstance(tags, str) else tuple(tags),
        "shape": kind.lower(),
        "include": not excluded,
    }
    make = partial(from_region, region, reader.options.metric)
    return Item(f"region {number} ({type(region).__name__})", properties, excluded, make)


def from_region(region: Any, metric: str) -> Shape:
    """The shape of one region, whether it is excluded or not."""
    shapes: list[Shape] = []
    formula: list[int | str] = []
    stack = [region]
    # From the end of the formula to its start: an operator, its right side, its left side.
    while stack:
        each = stack.pop()
        if each is not region and _is_excluded(each):
            raise RegionError(
                "an excluded region inside a compound: write what is meant with the compound's operator"
            )
        if hasattr(each, "region1"):
            formula.append(_operator(each))
            stack.extend([each.region1, each.region2])
            continue
        part = honour(_convert(each, metric), metric)
        tokens = part.formula if isinstance(part, Compound) else (0,)
        formula.extend(
            reversed([token if isinstance(token, str) else token + len(shapes) for token in tokens])
        )
        shapes.extend(part.leaves)
    formula.reverse()
    return shapes[0] if formula == [0] else Compound(shapes, formula)


def _is_excluded(region: Any) -> bool:
    meta = getattr(region, "meta", None) or {}
    return meta.get("include", True) in (0, False, "-")


def _operator(compound: Any) -> str:
    try:
        return _OPERATORS[compound.operator]
    except (KeyError, TypeError) as err:
        raise RegionError(
            f"the operator {compound.operator!r} of a compound is none of or, and, xor"
        ) from err


def _convert(region: Any, metric: str) -> Shape:
    if isinstance(region, Shape):
        return region
    kind = _kind(type(region).__mro__)
    if kind is not None:
        if metric != "sky" and kind in ("Lune", "Range", "Whole"):
            raise RegionError("the shape has a meaning on the sphere alone; use metric='sky'")
        return _CONVERTERS[kind](region)
    cells = moc_cells(region)
    if cells is not None:
        return CellUnion(*cells)
    if isinstance(region, regions.Region):
        raise RegionError(
            f"a {type(region).__name__} is not a shape that can be honoured: take circles, "
            "ellipses, rectangles, their annuli, polygons, points and lines"
        )
    raise MaskTypeError(
        "a region is DS9 text, an object of the regions package, a MOC, a list of those, or a shape; "
        f"got {described(region)}{' that is a mask already: join masks with |' * hasattr(region, 'dilate')}"
    )


@lru_cache
def _kind(mro: tuple[type, ...]) -> str | None:
    """What a class of regions is called, without what it is made for; None if it is not known."""
    for cls in mro:
        for suffix in ("PixelRegion", "SphericalSkyRegion", "SkyRegion"):
            kind = cls.__name__.removesuffix(suffix)
            if kind != cls.__name__ and kind in _CONVERTERS:
                return kind
    return None


def _plain(value: Any) -> float:
    """Degrees of an angle, or the number that a length in pixels is."""
    return float(unmasked(value.to_value(u.deg) if isinstance(value, u.Quantity) else value))


def _circle(region: Any) -> Shape:
    at = Place.of(region.center)
    return Circle(at.lon[0], at.lat[0], _plain(region.radius), at.frame)


def _circle_annulus(region: Any) -> Shape:
    at = Place.of(region.center)
    return CircleAnnulus(
        at.lon[0], at.lat[0], _plain(region.inner_radius), _plain(region.outer_radius), at.frame
    )


def _elongated(cls: Any, *names: str) -> Callable[[Any], Shape]:
    def convert(region: Any) -> Shape:
        at = Place.of(region.center)
        sizes = [_plain(getattr(region, name)) for name in names]
        shape: Shape = cls(at.lon[0], at.lat[0], *sizes, _plain(region.angle) + at.turn, at.frame)
        return shape

    return convert


def _polygon(region: Any) -> Shape:
    at = Place.of(region.vertices)
    return Polygon(at.lon, at.lat, at.frame)


def _point(region: Any) -> Shape:
    at = Place.of(region.center)
    return Point(at.lon[0], at.lat[0], at.frame)


def _line(region: Any) -> Shape:
    start, end = Place.of(region.start), Place.of(region.end)
    if start.frame != end.frame:
        end = Place.of(region.end.transform_to(start.frame))
    return Line((start.lon[0], end.lon[0]), (start.lat[0], end.lat[0]), start.frame)


def _lune(region: Any) -> Shape:
    """What two hemispheres share."""
    centres = (Place.of(region.center_gc1), Place.of(region.center_gc2))
    return combine([("and", Circle(at.lon[0], at.lat[0], 90.0, at.frame)) for at in centres])


def _range(region: Any) -> Shape:
    """Strictly between longitudes and latitudes; a pair in falling order goes round the other way."""
    if region.longitude_range is None and region.latitude_range is None:
        # A range that was turned into another frame knows only its rims.
        rims = [rim for rim in (region.longitude_bounds, region.latitude_bounds) if rim is not None]
        return combine([("and", from_region(rim, "sky")) for rim in rims])
    pole = Place.of(SkyCoord(0 * u.deg, 90 * u.deg, frame=region.frame))
    if pole.turn or pole.frame != region.frame.name:
        raise RegionError(
            f"a range in {region.frame.name}: give it in ICRS, FK5, galactic or ecliptic coordinates"
        )
    ranges = (region.longitude_range, region.latitude_range)
    lon, lat = (None if each is None else tuple(_plain(end) for end in each) for each in ranges)
    return lonlat_box(lon, lat, pole.frame)


def lonlat_box(lon: Any, lat: Any, frame: str) -> Shape:
    """What lies strictly between two longitudes and between two latitudes, each a pair or None."""
    parts: list[Shape] = []
    if lon is not None:
        west, east = lon
        parts.append(_longitudes(west, east, frame))
    if lat is not None:
        south, north = lat
        caps = (Circle(0, 90, 90 - south, frame), Circle(0, -90, 90 + north, frame))
        whole = [WholeSky(frame) if each.radius == 180 else each for each in caps]
        parts.append(combine([("and" if south <= north else "or", each) for each in whole]))
    return combine([("and", part) for part in parts])


def _longitudes(west: float, east: float, frame: str) -> Shape:
    width = (east - west) % 360
    if east != west and width == 0:
        return WholeSky(frame)
    sides = (Circle((west + 90) % 360, 0, 90, frame), Circle((east - 90) % 360, 0, 90, frame))
    return combine([("and" if width <= 180 else "or", side) for side in sides])


_CONVERTERS: Final[dict[str, Callable[[Any], Shape]]] = {
    "Circle": _circle,
    "CircleAnnulus": _circle_annulus,
    "Ellipse": _elongated(Ellipse, "width", "height"),
    "Rectangle": _elongated(Rectangle, "width", "height"),
    "EllipseAnnulus": _elongated(
        EllipseAnnulus, "inner_width", "inner_height", "outer_width", "outer_height"
    ),
    "RectangleAnnulus": _elongated(
        RectangleAnnulus, "inner_width", "inner_height", "outer_width", "outer_height"
    ),
    "Polygon": _polygon,
    "Point": _point,
    "Text": _point,
    "Line": _line,
    "Lune": _lune,
    "Range": _range,
    "Whole": lambda region: WholeSky(),
}
