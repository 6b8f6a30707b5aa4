"""Shapes to objects of the ``regions`` package."""

from __future__ import annotations

import operator as op
from collections.abc import Callable
from typing import Any, Final

import astropy.units as u
import regions
from astropy.coordinates import SkyCoord
from regions import PixCoord

from ...core.errors import RegionError
from .. import (
    IMAGE,
    CellUnion,
    Circle,
    CircleAnnulus,
    Compound,
    Ellipse,
    EllipseAnnulus,
    Line,
    Point,
    Polygon,
    Rectangle,
    RectangleAnnulus,
    Sector,
    Shape,
    WholeSky,
)

__all__ = ["to_region", "to_regions"]


def to_regions(shape: Shape) -> regions.Regions:
    """A list of regions of which a shape is the union.

    Raises
    ------
    RegionError
        For a shape that the installed version of ``regions`` does not have.
    """
    if isinstance(shape, Compound) and not shape.formula:
        return regions.Regions([])
    if isinstance(shape, Compound) and set(shape.formula[1:]) <= {"or", *range(len(shape.shapes))}:
        return regions.Regions(
            [to_region(shape.shapes[token]) for token in shape.formula if isinstance(token, int)]
        )
    return regions.Regions([to_region(shape)])


def to_region(shape: Shape) -> regions.Region:
    """One region; a compound becomes regions' compound, and ``a minus b`` in it ``(a | b) ^ b``."""
    if isinstance(shape, Compound):
        if not shape.formula:
            raise RegionError("an empty shape is no region")
        return shape.fold(to_region, _join, None)
    if isinstance(shape, WholeSky):
        raise RegionError("regions has no region that is the whole sky")
    if isinstance(shape, CellUnion):
        raise RegionError("regions has no region of HEALPix cells; write them as a MOC")
    if isinstance(shape, Sector):
        raise RegionError(f"regions has no sectors, such as {shape.text()}; write them as DS9 text")
    if isinstance(shape, Polygon) and shape.larger_side:
        raise RegionError("regions has no polygon whose larger side is inside")
    return _MAKERS[type(shape)](shape)


def _join(operator: str, left: Any, right: Any) -> Any:
    if operator == "minus":
        return _join("xor", _join("or", left, right), right)
    function = {"or": op.or_, "and": op.and_, "xor": op.xor}[operator]
    kind = "Pixel" if isinstance(left, regions.PixelRegion) else "Sky"
    return getattr(regions, f"Compound{kind}Region")(left, right, function)


def _make(name: str, shape: Any, place: Any, *sizes: float, angle: float | None = None) -> Any:
    """A sky region of sizes in degrees, or a pixel region of sizes in pixels."""
    image = shape.frame == IMAGE
    cls = getattr(regions, f"{name}{'Pixel' if image else 'Sky'}Region")
    turned = {} if angle is None else {"angle": angle * u.deg}
    try:
        return cls(place, *(sizes if image else [each * u.deg for each in sizes]), **turned)
    except ValueError as err:
        raise RegionError(f"regions has no {shape.text()}: {err}") from err


def _at(shape: Any, lon: Any, lat: Any) -> Any:
    return PixCoord(lon, lat) if shape.frame == IMAGE else SkyCoord(lon, lat, unit="deg", frame=shape.frame)


def _centre(shape: Any) -> Any:
    return _at(shape, shape.lon, shape.lat)


def _ring(name: str) -> Callable[[Any], Any]:
    def make(shape: Any) -> Any:
        sizes = (shape.inner_width, shape.outer_width, shape.inner_height, shape.outer_height)
        return _make(name, shape, _centre(shape), *sizes, angle=shape.angle)

    return make


def _line(shape: Any) -> Any:
    ends = [_at(shape, lon, lat) for lon, lat in zip(shape.lon, shape.lat, strict=True)]
    return (regions.LinePixelRegion if shape.frame == IMAGE else regions.LineSkyRegion)(*ends)


_MAKERS: Final[dict[type, Callable[[Any], Any]]] = {
    Circle: lambda s: _make("Circle", s, _centre(s), s.radius),
    CircleAnnulus: lambda s: _make("CircleAnnulus", s, _centre(s), s.inner, s.outer),
    Ellipse: lambda s: _make("Ellipse", s, _centre(s), s.width, s.height, angle=s.angle),
    Rectangle: lambda s: _make("Rectangle", s, _centre(s), s.width, s.height, angle=s.angle),
    EllipseAnnulus: _ring("EllipseAnnulus"),
    RectangleAnnulus: _ring("RectangleAnnulus"),
    Polygon: lambda s: _make("Polygon", s, _at(s, list(s.lon), list(s.lat))),
    Point: lambda s: _make("Point", s, _centre(s)),
    Line: _line,
}
