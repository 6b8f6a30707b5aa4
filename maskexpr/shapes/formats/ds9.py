"""DS9 region text to shapes, strictly: what is not understood is an error that names its line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

from astropy.coordinates import SkyCoord

from ...core.errors import RegionError
from .. import (
    IMAGE,
    Circle,
    CircleAnnulus,
    Ellipse,
    EllipseAnnulus,
    Line,
    Point,
    Polygon,
    Rectangle,
    RectangleAnnulus,
    Shape,
    combine,
)
from .from_regions import Place, honour

__all__ = ["parse_ds9"]

_FRAMES: Final = {
    "icrs": "icrs",
    "fk5": "fk5",
    "j2000": "fk5",
    "fk4": "fk4",
    "b1950": "fk4",
    "galactic": "galactic",
    "ecliptic": "barycentricmeanecliptic",
    "image": IMAGE,
}
_OTHER_FRAMES: Final = re.compile(r"physical|detector|amplifier|linear|tile|wcs[a-z0]?")
# What DS9 draws besides regions, and writes behind a "#"; before a bracket these words are no comment.
_DRAWN: Final = re.compile(
    r"#\s*((?:text|vector|ruler|compass|projection|segment|composite)\s*\([^)]*\))(.*)",
    re.IGNORECASE | re.DOTALL,
)

_QUOTED: Final = re.compile(r"\{[^}]*\}|=\s*\"[^\"]*\"|=\s*'[^']*'")
_STATEMENT: Final = re.compile(r"(?P<sign>[-+!]?)\s*(?P<word>[A-Za-z]\w*)\s*(?P<rest>.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-zA-Z\"']*)")
_SEXAGESIMAL: Final = re.compile(r"([-+]?)(\d+)(:|h|d)(\d+)(:|m)(\d+\.?\d*)(s?)")
_DEGREES: Final = {
    "": 1.0,
    "d": 1.0,
    "deg": 1.0,
    "'": 1 / 60,
    "arcmin": 1 / 60,
    '"': 1 / 3600,
    "arcsec": 1 / 3600,
    "r": 180 / math.pi,
    "rad": 180 / math.pi,
}


class _Statement(NamedTuple):
    line: int
    written: str
    text: str


def parse_ds9(text: str, metric: str) -> Shape:
    """The shape of DS9 text: the union of its shapes, each ``-shape`` taken away from those before it.

    A text region is the point that it marks. FK4 positions become ICRS.

    Parameters
    ----------
    text : str
        Statements on lines or between semicolons.
    metric : str
        The metric in which each shape must have a meaning.

    Raises
    ------
    RegionError
        Naming the line, for everything that cannot be honoured.
    """
    frame: str | None = None
    items: list[tuple[str, Shape]] = []
    for statement in _statements(text):
        try:
            word = statement.text.partition("#")[0].strip().lower()
            if word in _FRAMES:
                frame = _FRAMES[word]
            elif not word.startswith("global"):
                items.extend(_read(statement.text, frame, metric, bool(items)))
            elif re.search(r"\binclude\s*=\s*0", _QUOTED.sub("", word)):
                raise RegionError(
                    "'global include=0' is not honoured: write '-' before each shape that takes away"
                )
        except RegionError as err:
            raise RegionError(f"line {statement.line}: {statement.written!r}: {err}") from err
    return combine(items)


def _statements(text: str) -> Iterator[_Statement]:
    """Statements with the number of their line, comments apart."""
    for number, line in enumerate(text.splitlines(), start=1):
        # Semicolons inside a text are no ends of statements.
        safe = _QUOTED.sub(lambda match: match.group().replace(";", "\0"), line)
        for part in safe.split(";"):
            part = part.replace("\0", ";").strip()
            if part.startswith("#"):
                drawn = _DRAWN.fullmatch(part)
                if drawn is None:
                    break  # a comment, to the end of the line
                yield _Statement(number, part, f"{drawn[1]} # {drawn[2]}")
            elif part:
                yield _Statement(number, part, part)


def _read(text: str, frame: str | None, metric: str, after_others: bool) -> Iterator[tuple[str, Shape]]:
    """The shapes of one statement (an annulus of many radii is several), each with its operator."""
    match = _STATEMENT.fullmatch(text)
    if match is None:
        raise RegionError("neither a frame nor a shape")
    word, rest = match["word"].lower(), match["rest"]
    if _OTHER_FRAMES.fullmatch(word):
        raise RegionError(f"the frame {word!r} is not supported: use {', '.join(_FRAMES)}")
    if word not in _SHAPES:
        raise RegionError(
            f"unknown frame or shape {word!r}: "
            f"the frames are {', '.join(_FRAMES)}, the shapes {', '.join(_SHAPES)}"
        )
    if frame is None:
        raise RegionError("no frame: write one first, such as 'icrs'")
    excluded = _is_excluded(match["sign"], rest)
    if excluded and not after_others:
        raise RegionError("it takes away from the shapes before it, and there are none; use ~Region(...)")
    for shape in _SHAPES[word](_parameters(word, rest), frame):
        yield "minus" if excluded else "or", honour(shape, metric)


def _is_excluded(sign: str, rest: str) -> bool:
    if sign == "!":
        raise RegionError("'!' is not supported: write '-' before a shape that takes away")
    stated = re.search(r"\binclude\s*=\s*([01])", _QUOTED.sub("", rest.partition("#")[2]))
    return sign == "-" if stated is None else stated[1] == "0"


def _parameters(word: str, rest: str) -> list[str]:
    if word == "text":
        # What is written is not asked, only where.
        rest = re.sub(r"\{[^}]*\}|\"[^\"]*\"\s*(?=\)|$)|'[^']*'\s*(?=\)|$)", "", rest)
    body = rest.partition("#")[0].strip()
    if "|" in body or "&" in body:
        raise RegionError("composite regions are not supported: write each shape on a line of its own")
    if body.startswith("("):
        if not body.endswith(")"):
            raise RegionError("the bracket is not closed")
        body = body[1:-1]
    # "0.3 deg" is one parameter.
    body = re.sub(r"(?<=[\d.])\s+(deg|arcmin|arcsec|rad)\b", r"\1", body)
    return [each for each in re.split(r"[\s,]+", body) if each]


# ---- numbers -----------------------------------------------------------------------------------------------
# --------------


def _number(token: str) -> tuple[float, str]:
    match = _NUMBER.fullmatch(token)
    if match is None:
        raise RegionError(f"{token!r} is not a number")
    return float(match[1]), match[2]


def _coordinate(token: str, frame: str, is_longitude: bool) -> float:
    """One coordinate, degrees or pixels from 0."""
    parts = _SEXAGESIMAL.fullmatch(token)
    if parts is None:
        value, unit = _number(token)
        if frame == IMAGE:
            if unit not in ("", "i"):
                raise RegionError(f"{token!r} is no position in the frame image")
            return value - 1
        if unit not in ("", "d", "deg", "r", "rad"):
            raise RegionError(f"{token!r} is no position in the frame {frame}")
        return value * _DEGREES[unit]
    sign, whole, first, minutes, second, seconds, end = parts.groups()
    if frame == IMAGE or (first == ":") != (second == ":") or (first == ":") == bool(end):
        raise RegionError(f"{token!r} is no position in the frame {frame}")
    if int(minutes) >= 60 or float(seconds) >= 60:
        raise RegionError(f"{token!r} has 60 or more minutes or seconds")
    value = int(whole) + int(minutes) / 60 + float(seconds) / 3600
    hours = first == "h" or (first == ":" and is_longitude and frame in ("icrs", "fk5", "fk4"))
    return (-value if sign == "-" else value) * (15 if hours else 1)


def _size(token: str, frame: str) -> float:
    """A length, degrees or pixels."""
    value, unit = _number(token)
    if frame == IMAGE:
        if unit not in ("", "i"):
            raise RegionError(f"{token!r} is no length in the frame image")
        return value
    if unit not in _DEGREES:
        raise RegionError(f"{token!r} is no angle; the units are d, ', \", r, deg, arcmin, arcsec, rad")
    return value * _DEGREES[unit]


def _angle(token: str) -> float:
    value, unit = _number(token)
    if unit not in ("", "d", "deg", "r", "rad"):
        raise RegionError(f"{token!r} is no angle of rotation")
    return value * _DEGREES[unit]


def _places(tokens: list[str], frame: str) -> Place:
    lon = tuple(_coordinate(token, frame, True) for token in tokens[0::2])
    lat = tuple(_coordinate(token, frame, False) for token in tokens[1::2])
    if frame != "fk4":
        return Place(lon, lat, frame)
    if any(abs(each) > 90 for each in lat):
        raise RegionError(f"latitude {max(lat, key=abs):g} deg is beyond the pole")
    return Place.of(SkyCoord(list(lon), list(lat), unit="deg", frame="fk4"))


# ---- shapes ------------------------------------------------------------------------------------------------
# --------------


def _expect(tokens: list[str], right: bool, what: str) -> None:
    if not right:
        raise RegionError(f"{what}, got {len(tokens)} parameters")


def _circle(tokens: list[str], frame: str) -> list[Shape]:
    _expect(tokens, len(tokens) == 3, "a circle has a centre and a radius")
    at = _places(tokens[:2], frame)
    return [Circle(at.lon[0], at.lat[0], _size(tokens[2], frame), at.frame)]


def _annulus(tokens: list[str], frame: str) -> list[Shape]:
    _expect(tokens, len(tokens) >= 4, "an annulus has a centre and two or more radii")
    at = _places(tokens[:2], frame)
    radii = [_size(token, frame) for token in tokens[2:]]
    return [CircleAnnulus(at.lon[0], at.lat[0], inner, outer, at.frame) for inner, outer in pairwise(radii)]


def _elongated(single: Any, ring: Any, factor: float) -> Callable[[list[str], str], list[Shape]]:
    def read(tokens: list[str], frame: str) -> list[Shape]:
        right = len(tokens) in (4, 5) or (len(tokens) >= 7 and len(tokens) % 2 == 1)
        _expect(tokens, right, "it has a centre, one or more pairs of sizes and an angle")
        at = _places(tokens[:2], frame)
        turned = (_angle(tokens[-1]) if len(tokens) % 2 else 0.0) + at.turn
        sizes = [_size(token, frame) * factor for token in tokens[2 : len(tokens) - len(tokens) % 2]]
        pairs = list(zip(sizes[0::2], sizes[1::2], strict=True))
        if len(pairs) == 1:
            return [single(at.lon[0], at.lat[0], *pairs[0], turned, at.frame)]
        return [
            ring(at.lon[0], at.lat[0], *inner, *outer, turned, at.frame) for inner, outer in pairwise(pairs)
        ]

    return read


def _polygon(tokens: list[str], frame: str) -> list[Shape]:
    _expect(tokens, len(tokens) >= 6 and len(tokens) % 2 == 0, "a polygon has three or more vertices")
    at = _places(tokens, frame)
    return [Polygon(at.lon, at.lat, at.frame)]


def _line(tokens: list[str], frame: str) -> list[Shape]:
    _expect(tokens, len(tokens) == 4, "a line has two ends")
    at = _places(tokens, frame)
    return [Line((at.lon[0], at.lon[1]), (at.lat[0], at.lat[1]), at.frame)]


def _point(tokens: list[str], frame: str) -> list[Shape]:
    _expect(tokens, len(tokens) == 2, "a point has a position")
    at = _places(tokens, frame)
    return [Point(at.lon[0], at.lat[0], at.frame)]


_SHAPES: Final[dict[str, Callable[[list[str], str], list[Shape]]]] = {
    "circle": _circle,
    "annulus": _annulus,
    # DS9 gives half-axes for ellipses and full sides for boxes.
    "ellipse": _elongated(Ellipse, EllipseAnnulus, 2.0),
    "box": _elongated(Rectangle, RectangleAnnulus, 1.0),
    "polygon": _polygon,
    "line": _line,
    "point": _point,
    "text": _point,
}
