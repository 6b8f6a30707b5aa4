"""The shapes of DS9 and CIAO text, from the parameters that stand in their brackets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from ...core.errors import RegionError
from .. import (
    IMAGE,
    Circle,
    CircleAnnulus,
    Ellipse,
    EllipseAnnulus,
    Point,
    Polygon,
    Rectangle,
    RectangleAnnulus,
    Shape,
    WholeSky,
)
from .items import Reader, shown
from .numbers import AS_DS9, EQUATORIAL, angle, degrees_in, length, number, places, sexagesimal
from .physical import Physical, physical_of
from .place import Place, box_by_corners, sector_of

__all__ = ["SHAPES", "Tokens"]

# DS9's pixels count from 1.
_FIRST: Final = 1


@dataclass(frozen=True)
class Tokens:
    """The parameters of one shape and the frame they are in, which is ``"physical"`` for such pixels."""

    listed: list[str]
    frame: str
    reader: Reader

    def __len__(self) -> int:
        return len(self.listed)

    def places(self, first: int, last: int) -> Place:
        """Positions of some parameters, two of them each."""
        if self.frame not in (IMAGE, "physical"):
            lon = [self._coordinate(token, True) for token in self.listed[first:last:2]]
            lat = [self._coordinate(token, False) for token in self.listed[first + 1 : last : 2]]
            return places(lon, lat, self.frame)
        x = [self._pixel(token, True) for token in self.listed[first:last:2]]
        y = [self._pixel(token, False) for token in self.listed[first + 1 : last : 2]]
        return Place(tuple(x), tuple(y), IMAGE)

    def lengths(self, first: int, last: int | None = None) -> list[float]:
        """Lengths of some parameters."""
        if self.frame != "physical":
            return [length(token, self.frame) for token in self.listed[first:last]]
        scale = self._physical().scale
        return [scale * length(token.removesuffix("p"), IMAGE) for token in self.listed[first:last]]

    def angles(self, first: int, last: int) -> tuple[float, float]:
        """Two angles of rotation in degrees."""
        start, stop = map(angle, self.listed[first:last])
        return start, stop

    def _pixel(self, token: str, is_x: bool) -> float:
        # Degrees and minutes are no pixels.
        value, unit = (0.0, "sexagesimal") if ":" in token else number(token)
        if unit not in ("", "i" if self.frame == IMAGE else "p"):
            raise RegionError(f"{shown(token)} is no position in the frame {self.frame}")
        if self.frame == "physical":
            value = self._physical().place(value, is_x)
        origin = self.reader.use("origin")
        return value - (_FIRST if origin is None else origin)

    def _physical(self) -> Physical:
        source = self.reader.use("physical")
        if source is None:
            raise RegionError(
                "the frame 'physical' is not supported without more: its pixels are those of the file that "
                "the map was cut or binned from; give physical=header of the map, or physical='image' if it "
                "is the whole of it"
            )
        return physical_of(source)

    def _coordinate(self, token: str, is_longitude: bool) -> float:
        """One coordinate in degrees."""
        parts = sexagesimal(token)
        if parts is None:
            value, unit = number(token)
            factor = AS_DS9[unit] if unit in ("", "d", "r") else degrees_in(unit)
            if factor is None:
                raise RegionError(f"{shown(token)} is no position in the frame {self.frame}")
            return value * factor
        value, separator = parts
        if separator == ".":
            raise RegionError(f"{shown(token)} is not a number")
        hours = separator == "h" or (separator == ":" and is_longitude and self.frame in EQUATORIAL)
        return value * (15 if hours else 1)


def _expect(tokens: Tokens, right: bool, what: str) -> None:
    if not right:
        raise RegionError(f"{what}, got {len(tokens)} parameters")


def _circle(tokens: Tokens) -> list[Shape]:
    _expect(tokens, len(tokens) == 3, "a circle has a centre and a radius")
    at = tokens.places(0, 2)
    return [Circle(at.lon[0], at.lat[0], tokens.lengths(2)[0], at.frame)]


def _without_number(tokens: Tokens) -> Tokens:
    """Parameters without ``n=3``: a ring that is cut into equal rings is the same ring."""
    return replace(tokens, listed=[each for each in tokens.listed if not each.lower().startswith("n=")])


def _annulus(tokens: Tokens) -> list[Shape]:
    tokens = _without_number(tokens)
    _expect(tokens, len(tokens) >= 4, "an annulus has a centre and two or more radii")
    at = tokens.places(0, 2)
    rings = pairwise(tokens.lengths(2))
    return [CircleAnnulus(at.lon[0], at.lat[0], inner, outer, at.frame) for inner, outer in rings]


def _elongated(single: Any, ring: Any, factor: float) -> Callable[[Tokens], list[Shape]]:
    def read(tokens: Tokens) -> list[Shape]:
        tokens = _without_number(tokens)
        number_of = len(tokens)
        right = number_of in (4, 5) or (number_of >= 7 and number_of % 2 == 1)
        _expect(tokens, right, "it has a centre, one or more pairs of sizes and an angle")
        at = tokens.places(0, 2)
        turned = (angle(tokens.listed[-1]) if number_of % 2 else 0.0) + at.turn
        sizes = [each * factor for each in tokens.lengths(2, number_of - number_of % 2)]
        pairs = list(zip(sizes[0::2], sizes[1::2], strict=True))
        if len(pairs) == 1:
            return [single(at.lon[0], at.lat[0], *pairs[0], turned, at.frame)]
        return [
            ring(at.lon[0], at.lat[0], *inner, *outer, turned, at.frame) for inner, outer in pairwise(pairs)
        ]

    return read


def _sector(tokens: Tokens) -> list[Shape]:
    """CIAO's: all between two angles."""
    _expect(tokens, len(tokens) == 4, "a sector has a centre and two angles")
    return [sector_of(tokens.places(0, 2), tokens.angles(2, 4))]


def _pie(tokens: Tokens) -> list[Shape]:
    """CIAO's: the ring's sizes before its angles."""
    _expect(tokens, len(tokens) == 6, "a pie has a centre, two radii and two angles")
    at = tokens.places(0, 2)
    return [sector_of(at, tokens.angles(4, 6), _ring(tokens, at, 2))]


def _panda(tokens: Tokens) -> list[Shape]:
    """DS9's, whose parts leave no gaps: one sector of one ring."""
    _expect(tokens, len(tokens) == 8, "a panda has a centre, two angles, a number, two radii and a number")
    _check_numbers(tokens, 4, 7)
    at = tokens.places(0, 2)
    return [sector_of(at, tokens.angles(2, 4), _ring(tokens, at, 5))]


def _ring(tokens: Tokens, at: Place, first: int) -> CircleAnnulus:
    inner, outer = tokens.lengths(first, first + 2)
    return CircleAnnulus(at.lon[0], at.lat[0], inner, outer, at.frame)


def _oblong_panda(ring: Any, factor: float, alone: str) -> Callable[[Tokens], list[Shape]]:
    def read(tokens: Tokens) -> list[Shape]:
        what = "it has a centre, two angles, a number, two pairs of sizes, a number and perhaps an angle"
        _expect(tokens, len(tokens) in (10, 11), what)
        _check_numbers(tokens, 4, 9)
        at = tokens.places(0, 2)
        made = ring(
            at.lon[0], at.lat[0], *(factor * each for each in tokens.lengths(5, 9)), at.turn, at.frame
        )
        part = sector_of(at, tokens.angles(2, 4), made)
        if len(tokens) == 11 and angle(turned := tokens.listed[10]):
            sizes, centre = ",".join(tokens.listed[5:9]), ",".join(tokens.listed[:2])
            raise RegionError(
                f"it is turned by {turned}, and DS9 does not say whether its two angles turn along: write "
                f"{alone}({centre},{sizes},{turned})*sector({centre},start,stop), with the angles that you "
                "mean, counted from the longitude (in pixels from +x)"
            )
        return [part]

    return read


def _check_numbers(tokens: Tokens, *places: int) -> None:
    """How many parts it is cut into, which are the same pixels together."""
    for each in (tokens.listed[place] for place in places):
        if not re.fullmatch(r"\+?0*[1-9]\d{0,9}", each):
            raise RegionError(f"{shown(each)} is no number of parts")


def _rectangle(tokens: Tokens) -> list[Shape]:
    _expect(tokens, len(tokens) == 4, "a rectangle has two corners")
    at = tokens.places(0, 4)
    return [box_by_corners(at)]


def _field(tokens: Tokens) -> list[Shape]:
    _expect(tokens, len(tokens) == 0, "a field has no parameters")
    return [WholeSky(IMAGE if tokens.frame in (IMAGE, "physical") else tokens.frame)]


def _polygon(tokens: Tokens) -> list[Shape]:
    _expect(tokens, len(tokens) >= 6 and len(tokens) % 2 == 0, "a polygon has three or more vertices")
    at = tokens.places(0, len(tokens))
    return [Polygon(at.lon, at.lat, at.frame)]


def _line(tokens: Tokens) -> list[Shape]:
    _expect(tokens, len(tokens) == 4, "a line has two ends")
    return tokens.places(0, len(tokens)).lines()


def _segments(tokens: Tokens) -> list[Shape]:
    _expect(tokens, len(tokens) >= 4 and len(tokens) % 2 == 0, "it has two or more vertices")
    return tokens.places(0, len(tokens)).lines()


def _point(tokens: Tokens) -> list[Shape]:
    _expect(tokens, len(tokens) == 2, "a point has a position")
    at = tokens.places(0, 2)
    return [Point(at.lon[0], at.lat[0], at.frame)]


SHAPES: Final[dict[str, Callable[[Tokens], list[Shape]]]] = {
    "circle": _circle,
    "annulus": _annulus,
    # DS9 gives half-axes for ellipses and full sides for boxes.
    "ellipse": _elongated(Ellipse, EllipseAnnulus, 2.0),
    "box": _elongated(Rectangle, RectangleAnnulus, 1.0),
    "rotbox": _elongated(Rectangle, RectangleAnnulus, 1.0),
    "sector": _sector,
    "pie": _pie,
    "panda": _panda,
    "epanda": _oblong_panda(EllipseAnnulus, 2.0, "ellipse"),
    "bpanda": _oblong_panda(RectangleAnnulus, 1.0, "box"),
    "rectangle": _rectangle,
    "polygon": _polygon,
    "line": _line,
    "segment": _segments,
    "polyline": _segments,
    "point": _point,
    "field": _field,
}
