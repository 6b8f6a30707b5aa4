"""CRTF, CASA's region text, strictly: shapes in nested square brackets, with properties behind them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from ...core.errors import RegionError
from .. import IMAGE, Circle, CircleAnnulus, Ellipse, Point, Polygon, Rectangle, Shape, combine
from .items import Item, Reader, shown
from .numbers import angle, degrees_in, frame_named, number, places, sexagesimal
from .place import Place, box_by_corners

__all__ = ["is_crtf", "read_crtf"]

# CASA's pixels count from 0.
_FIRST: Final = 0

_LINE: Final = re.compile(
    r"(?P<sign>[-+]?)\s*(?P<ann>ann\s+)?(?P<word>[A-Za-z]\w*)\s*(?P<rest>\[.*)", re.DOTALL
)
_STARTS: Final = re.compile(r"\s*+(#CRTF|[-+]?\s*+(ann\s+)?[A-Za-z]+\s*+\[\s*+\[)", re.IGNORECASE)
_PROPERTY: Final = re.compile(
    r"\b(\w++)\s*+=\s*+(\[[^\]]*\]|'[^']*'|\"[^\"]*\"|\u2019[^\u2019]*\u2019|[^\s,]*)"
)

# Properties that are drawn, or say what limits would mean that are not there.
_DRAWN_KEYS: Final = frozenset(
    {"corr", "frame", "veltype", "restfreq", "label", "labelpos", "labelcolor", "labeloff", "color"}
    | {"linewidth", "linestyle", "symsize", "symthick", "font", "fontsize", "fontstyle", "usetex", "align"}
)
_FRAMES: Final = "J2000, ICRS, GALACTIC, SUPERGAL, ECLIPTIC, B1950"
# What CASA draws and never selects by.
_ANNOTATIONS: Final = ("text", "vector", "textbox", "ruler", "compass")


class _Pair(NamedTuple):
    """Two things in square brackets."""

    first: str
    second: str


def is_crtf(text: str) -> bool:
    """Whether a text is CRTF by its first line, or by the brackets of its first region."""
    return _STARTS.match(text) is not None


def read_crtf(text: str, reader: Reader) -> None:
    """Read CRTF text: one item of each region; a line that begins with ``-`` is an exclusion.

    Annotations are drawn and select nothing. Symbols and lines, which CARTA writes for its point and line
    regions, mark pixels. Positions in pixels count from 0.

    Raises
    ------
    RegionError
        Naming the line, for everything that cannot be honoured, ranges of frequency among it.
    """
    general: dict[str, Any] = {}
    for line, written in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        statement = written.strip()
        place = f"line {line}: {shown(statement)}"
        if not statement or statement.startswith("#"):
            continue
        try:
            if re.match(r"global\b", statement, re.IGNORECASE):
                general.update(_properties(statement[len("global") :], reader))
            else:
                _read(statement, line, place, general, reader)
        except RegionError as err:
            raise RegionError(f"{place}: {err}") from err


def _properties(text: str, reader: Reader) -> dict[str, Any]:
    """What stands behind a region, by name."""
    found: dict[str, Any] = {}
    for key, value in _PROPERTY.findall(text):
        name = key.lower()
        if name != "coord" and name != "range" and name not in _DRAWN_KEYS:
            raise RegionError(f"{key!r} is no property of CRTF")
        found[name] = value.strip("'\"\u2019")
        reader.ignored.update([name] if name in _DRAWN_KEYS else [])
    if rest := re.sub(r"[\s,]+", "", _PROPERTY.sub("", text)):
        raise RegionError(f"{shown(rest)} is no property of CRTF: write name=value behind the shape")
    return found


def _read(statement: str, line: int, place: str, general: dict[str, Any], reader: Reader) -> None:
    match = _LINE.fullmatch(statement)
    if match is None:
        raise RegionError("not a CRTF region: write one as circle[[83.6deg, 22deg], 0.3deg], coord=ICRS")
    word = match["word"].lower()
    if match["ann"] or word in _ANNOTATIONS:
        reader.draw(place, "an annotation" if match["ann"] else f"a {word}, which is an annotation,")
        return
    inside, behind = _brackets(match["rest"])
    own = {**general, **_properties(behind, reader)}
    properties = {
        **own,
        "name": own.get("label", ""),
        "tag": (),
        "shape": word,
        "line": line,
        "include": match["sign"] != "-",
    }
    make = partial(_shape, word, inside, own, reader)
    reader.items.append(Item(place, properties, match["sign"] == "-", make))


def _brackets(text: str) -> tuple[str, str]:
    """What the first bracket holds, and what stands behind it."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth == 0:
            return text[1:at], text[at + 1 :]
    raise RegionError("the bracket is not closed")


def _parts(inside: str) -> list[str | _Pair]:
    """The parameters of a region: single ones, and pairs in brackets."""
    found: list[str | _Pair] = []
    for pair, single in re.findall(r"\[([^\[\]]*)\]|([^\[\],]+)", inside):
        if single.strip():
            found.append(single.strip())
        elif pair:
            ends = [each.strip() for each in pair.split(",")]
            if len(ends) != 2:
                raise RegionError(f"{shown(f'[{pair}]')} is not a pair")
            found.append(_Pair(*ends))
    return found


def _shape(word: str, inside: str, own: dict[str, Any], reader: Reader) -> Shape:
    if "range" in own:
        raise RegionError("limits in frequency are not honoured: use AxisRange, and take range= away")
    if word not in _SHAPES:
        raise RegionError(f"unknown shape {word!r}: the shapes are {', '.join(_SHAPES)}")
    kinds, make = _SHAPES[word]
    parts = _parts(inside)
    if word in ("poly", "polyline"):
        kinds = "p" * max(len(parts), len(kinds))
        if len(parts) < (3 if word == "poly" else 2):
            raise RegionError(f"a {word} needs at least {3 if word == 'poly' else 2} coordinates")
    wanted = "".join("s" if isinstance(each, str) else "p" for each in parts)
    # A symbol is a sign that need not be there, such as a comma.
    if wanted != kinds and not (word == "symbol" and wanted[:1] == "p"):
        raise RegionError(
            f"a {word} does not have the expected number of parameters: {shown(inside)}; write "
            f"{_written(word)}"
        )
    return combine(("or", each) for each in make(_Parameters(parts, own.get("coord"), reader)))


class _Parameters:
    """The parameters of a region as numbers: units decide whether they are pixels or angles."""

    def __init__(self, parts: list[str | _Pair], coord: str | None, reader: Reader) -> None:
        self._parts = parts
        self._coord = coord
        self._reader = reader

    def places(self, *which: int) -> Place:
        """The positions that some parameters are."""
        pairs = [self._parts[i] for i in which or range(len(self._parts))]
        tokens = [each for pair in pairs for each in pair]
        in_pixels = {self._is_pixel(token) for token in tokens}
        if len(in_pixels) > 1:
            raise RegionError(
                "a position has one coordinate in pixels and one that is an angle: write both in pix, or "
                "both in deg"
            )
        if in_pixels.pop():
            origin = self._reader.use("origin")
            first = _FIRST if origin is None else origin
            values = [self._pixels(token) - first for token in tokens]
            return Place(tuple(values[0::2]), tuple(values[1::2]), IMAGE)
        frame = self._frame()
        lon = [_coordinate(token, True) for token in tokens[0::2]]
        lat = [_coordinate(token, False) for token in tokens[1::2]]
        return places(lon, lat, frame)

    def lengths(self, which: int, frame: str) -> list[float]:
        """The lengths that one parameter is, or that a pair is."""
        part = self._parts[which]
        return [self._length(each, frame) for each in ((part,) if isinstance(part, str) else part)]

    def angle(self, which: int) -> float:
        """The angle that a parameter is."""
        token = str(self._parts[which])
        if not number(token)[1]:
            raise RegionError(f"Units must be specified for the angle {shown(token)}, such as deg")
        return angle(token)

    def _frame(self) -> str:
        name = self._coord or self._reader.use("frame")
        if name is None:
            raise RegionError(
                "no frame: CASA takes that of its image; write coord=ICRS, or give frame='icrs'"
            )
        frame = frame_named(name)
        if frame is None:
            raise RegionError(f"the frame {name!r} is not supported: use {_FRAMES}")
        return frame

    @property
    def _writes_degrees(self) -> bool:
        """Whether pixels are written as degrees, which the package `regions` does."""
        return (self._coord or "").lower() == IMAGE

    def _is_pixel(self, token: str) -> bool:
        if self._writes_degrees:
            if token.endswith("deg") and self._reader.options.origin is None:
                raise RegionError(
                    f"{shown(token)} is no position in pixels, which coord=image asks for: write pix; a file "
                    "that the package regions wrote is read with origin=0, metric='pixel'"
                )
            return True
        return token.endswith("pix")

    def _pixels(self, token: str) -> float:
        value, unit = number(token)
        if unit != "pix" and not (self._writes_degrees and unit == "deg"):
            raise RegionError(f"{shown(token)} is not in pixels, as the position is: write pix")
        return value

    def _length(self, token: str, frame: str) -> float:
        value, unit = number(token)
        if not unit:
            raise RegionError(f"Units must be specified for {shown(token)}, such as arcsec or pix")
        if frame == IMAGE:
            return self._pixels(token)
        factor = {"'": 1 / 60, '"': 1 / 3600}.get(unit) or degrees_in(unit)
        if factor is None:
            raise RegionError(
                f"{shown(token)} is no angle, as the position is; use deg, arcmin, arcsec or rad"
            )
        return value * factor


def _coordinate(token: str, is_longitude: bool) -> float:
    """One coordinate in degrees: 12h01m34.1s and 12:01:34.1 are hours, 12d23m33s and 12.23.33 degrees."""
    parts = sexagesimal(token)
    if parts is None:
        value, unit = number(token)
        factor = degrees_in(unit)
        if factor is None:
            raise RegionError(f"{shown(token)} is no position: Units must be specified, such as deg or pix")
        return value * factor
    value, separator = parts
    if separator not in "h:":
        return value
    if not is_longitude:
        raise RegionError(f"{shown(token)} would be hours of latitude: CASA writes 12.23.33 or 12d23m33s")
    return value * 15


# ---- shapes ------------------------------------------------------------------------------------------------
# --------------


def _circle(given: _Parameters) -> list[Shape]:
    at = given.places(0)
    return [Circle(at.lon[0], at.lat[0], given.lengths(1, at.frame)[0], at.frame)]


def _annulus(given: _Parameters) -> list[Shape]:
    at = given.places(0)
    inner, outer = given.lengths(1, at.frame)
    return [CircleAnnulus(at.lon[0], at.lat[0], inner, outer, at.frame)]


def _ellipse(given: _Parameters) -> list[Shape]:
    # Half-axes; the position angle is that of the first, from north (or from +y) on.
    at = given.places(0)
    first, second = given.lengths(1, at.frame)
    return [Ellipse(at.lon[0], at.lat[0], 2 * second, 2 * first, given.angle(2) + at.turn, at.frame)]


def _centerbox(given: _Parameters) -> list[Shape]:
    at = given.places(0)
    width, height = given.lengths(1, at.frame)
    return [Rectangle(at.lon[0], at.lat[0], width, height, at.turn, at.frame)]


def _rotbox(given: _Parameters) -> list[Shape]:
    at = given.places(0)
    width, height = given.lengths(1, at.frame)
    return [Rectangle(at.lon[0], at.lat[0], width, height, given.angle(2) + at.turn, at.frame)]


def _box(given: _Parameters) -> list[Shape]:
    return [box_by_corners(given.places(0, 1))]


def _poly(given: _Parameters) -> list[Shape]:
    at = given.places()
    return [Polygon(at.lon, at.lat, at.frame)]


def _lines(given: _Parameters) -> list[Shape]:
    return given.places().lines()


def _symbol(given: _Parameters) -> list[Shape]:
    at = given.places(0)
    return [Point(at.lon[0], at.lat[0], at.frame)]


def _written(word: str) -> str:
    """How a shape is written, by its pairs and single parameters."""
    kinds = _SHAPES[word][0]
    return f"{word}[{', '.join('[x, y]' if each == 'p' else 'value' for each in kinds)}]"


# Pairs (p) and single parameters (s) of each shape.
_SHAPES: Final[dict[str, tuple[str, Callable[[_Parameters], list[Shape]]]]] = {
    "circle": ("ps", _circle),
    "annulus": ("pp", _annulus),
    "ellipse": ("pps", _ellipse),
    "centerbox": ("pp", _centerbox),
    "rotbox": ("pps", _rotbox),
    "box": ("pp", _box),
    "poly": ("ppp", _poly),
    "line": ("pp", _lines),
    "polyline": ("pp", _lines),
    "symbol": ("ps", _symbol),
}
