"""STC-S, the Virtual Observatory's text of regions, as archives have it in s_region and mocpy reads it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final

import numpy as np

from ...core.errors import RegionError
from ...sphere.vectors import lonlat, unit
from .. import Circle, Ellipse, Point, Polygon, Shape, WholeSky, combine
from .from_regions import lonlat_box
from .items import Item, Reader, shown
from .numbers import degrees_in, number, places

__all__ = ["is_stcs", "read_stcs"]

_FRAMES: Final = {
    "icrs": "icrs",
    "fk5": "fk5",
    "j2000": "fk5",
    "fk4": "fk4",
    "b1950": "fk4",
    "galactic": "galactic",
    "galacticii": "galactic",
    "gal": "galactic",
    "super_galactic": "supergalactic",
    "supergalactic": "supergalactic",
    "ecliptic": "barycentricmeanecliptic",
    "unknownframe": None,
}
_OTHER_FRAMES: Final = ("geo_c", "geo_d", "relocatable")
_POSITIONS: Final = (
    "geocenter",
    "barycenter",
    "heliocenter",
    "topocenter",
    "galactic_center",
    "embarycenter",
    "moon",
    "lsr",
    "lsrk",
    "lsrd",
    "unknownrefpos",
)
# As the standard spells them, and as mocpy and archives shorten them.
_SPHERICAL: Final = ("spherical2", "spher2", "spherical3", "spher3")
_NOT_SPHERICAL: Final = (
    *("cartesian1", "cart1", "cartesian2", "cart2", "cartesian3", "cart3"),
    *("unitsphere", "unitspher"),
)
_OTHERS: Final = (
    "time",
    "timeinterval",
    "spectral",
    "spectralinterval",
    "redshift",
    "redshiftinterval",
    "velocity",
)
# What may stand behind the numbers of a shape and says nothing of what it holds.
_DETAILS: Final = ("error", "resolution", "size", "pixsize", "position", "fillfactor")
_TOKEN: Final = re.compile(r"[()]|[^\s,()]+")
_SHAPES: Final = ("allsky", "circle", "ellipse", "box", "polygon", "convex", "position", "positioninterval")
_OPERATORS: Final = {"union": "or", "intersection": "and", "difference": "minus", "not": "minus"}
_DEEPEST: Final = 100


def is_stcs(text: str) -> bool:
    """Whether a text is STC-S: a shape or an operator, and behind it a frame without a comma."""
    words = _TOKEN.findall(text[:400].lower())[:2]
    if len(words) < 2:
        return words == ["allsky"]
    first = words[0] in (*_SHAPES, *_OPERATORS, *_OTHERS)
    return first and (words[0] not in _SHAPES or words[1] in (*_FRAMES, *_OTHER_FRAMES, "fillfactor"))


def read_stcs(text: str, reader: Reader) -> None:
    """Read STC-S text: one item of each sub-phrase of space; several are united.

    The position angle of an ellipse is that of its first axis, from north through east. A box has full sides,
    which are great circles at right angles to its arms. Of a polygon the smaller side is the inside, in
    whichever order the vertices come.

    Raises
    ------
    RegionError
        Naming the sub-phrase, for everything that cannot be honoured: limits in time and spectrum among it.
    """
    phrases = _Phrases(text, reader)
    number = 0
    while phrases.word is not None:
        number += 1
        start = phrases.at
        place = f"shape {number}"
        try:
            word = phrases.word
            shape = phrases.region(None, 0)
        except RegionError as err:
            raise RegionError(f"{place}: {shown(phrases.written(start))}: {err}") from err
        place = f"{place}: {shown(phrases.written(start))}"
        properties = {"shape": word, "name": "", "tag": (), "include": True, "number": number}
        reader.items.append(Item(place, properties, False, partial(_the, shape)))


def _the(shape: Shape) -> Shape:
    return shape


class _Phrases:
    """A recursive-descent parser of sub-phrases; ``at`` is the place of the next token."""

    def __init__(self, text: str, reader: Reader) -> None:
        self._tokens = _TOKEN.findall(text)
        self._reader = reader
        self.at = 0

    @property
    def word(self) -> str | None:
        """The next token in small letters; None at the end."""
        return self._tokens[self.at].lower() if self.at < len(self._tokens) else None

    def written(self, start: int) -> str:
        """The tokens from one on, up to where the parser stands."""
        return " ".join(self._tokens[start : max(self.at, start + 1)])

    def _take(self) -> str:
        word = self.word
        if word is None:
            raise RegionError("the text ends too early")
        self.at += 1
        return word

    def region(self, frame: str | None, depth: int) -> Shape:
        """A shape, or an operator with its operands."""
        if depth > _DEEPEST:
            raise RegionError(f"operators are nested more than {_DEEPEST} deep")
        word = self._take()
        if word in _OTHERS:
            raise RegionError(
                f"limits in time, spectrum or redshift ({word}) are not honoured: use AxisRange"
            )
        if word not in _SHAPES and word not in _OPERATORS:
            raise RegionError(f"unknown shape {shown(word)}: use {', '.join((*_SHAPES, *_OPERATORS))}")
        frame = self._system() or frame
        if word in _OPERATORS:
            return self._joined(word, frame, depth)
        numbers = self._numbers()
        factor = self._unit()
        self._details()
        if word in _MAKERS:
            return _MAKERS[word](_Given(numbers, factor, self._stated(frame), word))
        raise RegionError(f"the shape {word!r} is not supported: use Polygon, or several shapes")

    def _stated(self, frame: str | None) -> str:
        found = frame or self._reader.use("frame")
        if found is None:
            raise RegionError("no frame: write one behind the shape, such as ICRS, or give frame='icrs'")
        name = _FRAMES.get(found.lower()) or found
        if name not in _FRAMES.values():
            raise RegionError(f"unknown frame {found!r}: use ICRS, FK5, FK4 or GALACTIC")
        return name

    def _system(self) -> str | None:
        """What stands between a shape and its numbers: fill factor, frame, reference position, flavour."""
        frame: str | None = None
        while self.word is not None:
            if self.word == "fillfactor":
                self._take()
                number(self._take())
            elif self.word in _FRAMES:
                frame = _FRAMES[self._take()] or frame
            elif self.word in _OTHER_FRAMES:
                raise RegionError(f"the frame {self.word!r} is not supported: use ICRS, FK5, FK4 or GALACTIC")
            elif self.word in _POSITIONS or self.word in _SPHERICAL:
                self._take()
            elif self.word in _NOT_SPHERICAL:
                raise RegionError(f"coordinates that are {self.word} are no longitudes and latitudes")
            else:
                break
        return frame

    def _joined(self, word: str, frame: str | None, depth: int) -> Shape:
        if self._take() != "(":
            raise RegionError(f"the operands of {word} must stand in brackets")
        parts: list[Shape] = []
        while self.word not in (")", None):
            parts.append(self.region(frame, depth + 1))
        if self.word is None:
            raise RegionError(f"the bracket of {word} is not closed")
        self._take()
        if word == "difference":
            raise RegionError(
                "Difference is what is left of the first to some and what only one holds to others: write "
                "Intersection (a Not (b))"
            )
        if word == "not":
            if len(parts) != 1:
                raise RegionError(f"Not has one operand, got {len(parts)}")
            return combine([("or", WholeSky(parts[0].frame)), ("minus", parts[0])])
        if not parts:
            raise RegionError(f"{word} has no operands")
        return combine((_OPERATORS[word], part) for part in parts)

    def _numbers(self) -> list[float]:
        found: list[float] = []
        while self.word is not None and re.match(r"[-+.\d]", self.word):
            value, behind = number(self._take())
            if behind:
                raise RegionError(f"{value:g}{behind} is not a number: units stand at the end, as unit deg")
            found.append(value)
        return found

    def _unit(self) -> float:
        """Degrees to the unit of the numbers."""
        factor: float | None = 1.0
        if self.word == "unit":
            self._take()
            while self.word is not None and degrees_in(self.word) is not None:
                factor = degrees_in(self._take())
            if self._tokens[self.at - 1].lower() == "unit":
                raise RegionError(f"the unit {self.word!r} is no angle: write deg, arcmin, arcsec or rad")
        return factor or 1.0

    def _details(self) -> None:
        """Pass over errors, resolutions and the like."""
        while self.word in _DETAILS and self.at + 1 < len(self._tokens):
            if re.match(r"[-+.\d]", self._tokens[self.at + 1]) is None:
                break
            self._reader.ignored.update([self._take()])
            self._numbers()
            self._unit()


class _Given:
    """The numbers of a shape, lengths in degrees."""

    def __init__(self, numbers: list[float], factor: float, frame: str, word: str) -> None:
        self.numbers = [each * factor for each in numbers]
        self.angle = numbers[-1] if numbers else 0.0
        self.frame = frame
        self._word = word

    def expect(self, right: bool, what: str) -> None:
        """Raise unless the shape has the numbers that it needs."""
        if not right:
            raise RegionError(f"a {self._word} has {what}, got {len(self.numbers)} numbers")


def _circle(given: _Given) -> Shape:
    given.expect(len(given.numbers) == 3, "a centre and a radius")
    at = places(given.numbers[:1], given.numbers[1:2], given.frame)
    return Circle(at.lon[0], at.lat[0], given.numbers[2], at.frame)


def _ellipse(given: _Given) -> Shape:
    given.expect(len(given.numbers) == 5, "a centre, two half-axes and a position angle")
    at = places(given.numbers[:1], given.numbers[1:2], given.frame)
    first, second = given.numbers[2:4]
    return Ellipse(at.lon[0], at.lat[0], 2 * second, 2 * first, given.angle + at.turn, at.frame)


def _box(given: _Given) -> Shape:
    """Four great circles at right angles to the ends of the arms: straight lines in a gnomonic projection."""
    given.expect(len(given.numbers) == 4, "a centre and two sides")
    at = places(given.numbers[:1], given.numbers[1:2], given.frame)
    width, height = given.numbers[2:]
    if not (0 < width < 180 and 0 < height < 180):
        raise RegionError(f"the sides of a box must be between 0 and 180 deg, got {width:g} and {height:g}")
    alpha, delta, turn = np.deg2rad([at.lon[0], at.lat[0], at.turn])
    centre = unit(np.array([at.lon[0]]), np.array([at.lat[0]]))[:, 0]
    east = np.array([-np.sin(alpha), np.cos(alpha), 0.0])
    north = np.array([-np.sin(delta) * np.cos(alpha), -np.sin(delta) * np.sin(alpha), np.cos(delta)])
    across, up = east * np.cos(turn) - north * np.sin(turn), north * np.cos(turn) + east * np.sin(turn)
    x, y = np.tan(np.deg2rad([width / 2, height / 2]))
    corners = [centre + i * x * across + j * y * up for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    lon, lat = lonlat(np.stack([each / np.linalg.norm(each) for each in corners], axis=1))
    return Polygon(lon, lat, at.frame)


def _polygon(given: _Given) -> Shape:
    given.expect(len(given.numbers) >= 6 and len(given.numbers) % 2 == 0, "three or more vertices")
    at = places(given.numbers[0::2], given.numbers[1::2], given.frame)
    return Polygon(at.lon, at.lat, at.frame)


def _position(given: _Given) -> Shape:
    given.expect(len(given.numbers) == 2, "two coordinates")
    at = places(given.numbers[:1], given.numbers[1:], given.frame)
    return Point(at.lon[0], at.lat[0], at.frame)


def _interval(given: _Given) -> Shape:
    given.expect(len(given.numbers) == 4, "two corners")
    if given.frame == "fk4":
        raise RegionError("an interval of FK4 coordinates is not supported: use Polygon")
    west, south, east, north = given.numbers
    if not -90 <= south < north <= 90:
        raise RegionError(f"latitudes must rise and be within the poles, got {south:g} and {north:g}")
    return lonlat_box((west, east), (south, north), given.frame)


def _allsky(given: _Given) -> Shape:
    given.expect(not given.numbers, "no numbers")
    return WholeSky("icrs" if given.frame == "fk4" else given.frame)


_MAKERS: Final[dict[str, Callable[[_Given], Shape]]] = {
    "circle": _circle,
    "ellipse": _ellipse,
    "box": _box,
    "polygon": _polygon,
    "position": _position,
    "positioninterval": _interval,
    "allsky": _allsky,
}
