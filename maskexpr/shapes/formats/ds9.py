"""DS9 and CIAO region text, strictly: what is not understood is an error that names its line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from ...core.errors import RegionError
from ...core.names import nearest
from .. import IMAGE, Shape, combine
from .ds9_shapes import SHAPES, Tokens
from .items import Item, Reader, shown
from .numbers import frame_named

__all__ = ["read_ds9"]

_FRAMES: Final = ("icrs", "fk5", "j2000", "fk4", "b1950", "galactic", "ecliptic", "image", "physical")
_OTHER_FRAMES: Final = re.compile(r"(detector|amplifier|linear|tile|wcs[a-z0]?)\b.*", re.DOTALL)
# What DS9 draws besides regions, and writes behind a "#"; before a bracket these words are no comment.
_DRAWN: Final = re.compile(
    r"#\s*((text|vector|ruler|compass|projection|segment|composite|textbox)\s*\([^)]*\))(.*)",
    re.IGNORECASE | re.DOTALL,
)
# Of those, what labels, measures, orients or frames, and is no place.
_DECORATION: Final = ("text", "ruler", "compass", "composite", "textbox")

# What DS9 draws along a line: no shape of its own, and what to write for the pixels that may be meant.
_ALONG: Final = {
    "vector": "a vector has a length and no area: write line(x1,y1,x2,y2) for the pixels that it crosses",
    "projection": "a projection measures along a line, it has no area: write line(x1,y1,x2,y2) for pixels "
    "that it crosses, or box(x,y,length,width,angle) for those beside it too",
}

# Braces of a line that may stay open.
_OPEN: Final = 100
_QUOTED: Final = re.compile(r"\{[^}]*\}|=\s*\"[^\"]*\"|=\s*'[^']*'")
_STATEMENT: Final = re.compile(r"(?P<sign>[-+!]?)\s*(?P<word>[A-Za-z]\w*)\s*(?P<rest>.*)", re.DOTALL)
_PROPERTY: Final = re.compile(
    r"\b(\w++)\s*+=\s*+(\{[^}]*\}|\"[^\"]*\"|'[^']*'|[^\s{}\"']+)|\b(background|source)\b"
)
# Between two shapes of one line, as CIAO writes them.
_CHAIN: Final = re.compile(r"(?<=\))\s*([-+*&|]!?)\s*(?=[A-Za-z]+\s*\()")
_JOINS: Final = {"+": "or", "|": "or", "*": "and", "&": "and", "-": "minus", "*!": "minus", "&!": "minus"}


class _Statement(NamedTuple):
    line: int
    written: str
    text: str

    @property
    def place(self) -> str:
        return f"line {self.line}: {shown(self.written)}"


def read_ds9(text: str, reader: Reader) -> None:
    """Read DS9 text: one item of each shape; each ``-shape`` is an exclusion.

    Labels and what else is drawn select nothing. FK4 positions become ICRS. Positions in pixels count from 1.

    Parameters
    ----------
    text : str
        Statements on lines or between semicolons.
    reader : Reader
        Gets the items.

    Raises
    ------
    RegionError
        Naming the line, for everything that cannot be honoured.
    """
    stated: str | None = None
    general: dict[str, Any] = {}
    for statement in _statements(text):
        try:
            word = statement.text.partition("#")[0].strip().lower()
            if word in _FRAMES or word == "wcs":
                stated = word
            elif word.startswith("global"):
                general.update(_general(statement.text, reader))
            else:
                _read(statement, stated, general, reader)
        except RegionError as err:
            raise RegionError(f"{statement.place}: {err}") from err


def _statements(text: str) -> Iterator[_Statement]:
    """Statements with the number of their line, comments apart."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        # Each would be looked for to the end of the line.
        if line.count("{", line.rfind("}") + 1) > _OPEN:
            raise RegionError(f"line {number}: {shown(line)}: braces are not closed")
        # Semicolons inside a text are no ends of statements.
        safe = _QUOTED.sub(lambda match: match.group().replace(";", "\0"), line)
        for part in safe.split(";"):
            part = part.replace("\0", ";").strip()
            if part.startswith("#"):
                drawn = _DRAWN.fullmatch(part)
                if drawn is None:
                    break  # a comment, to the end of the line
                yield _Statement(number, part, f"{drawn[1]} # {drawn[3]}")
            elif part:
                yield _Statement(number, part, part)


def _general(text: str, reader: Reader) -> dict[str, Any]:
    """Properties of a line ``global``, which hold for the regions that say nothing else."""
    found = _properties(text.partition("global")[2])
    if found.get("include") == "0":
        raise RegionError("'global include=0' is not honoured: write '-' before each shape that takes away")
    reader.ignored.update(name for name in found if name not in ("include", "tag", "name"))
    return {name: value for name, value in found.items() if name not in ("include", "tag")}


def _properties(text: str) -> dict[str, Any]:
    """What stands behind a region, by name; ``text`` is the region's name, tags are several."""
    found: dict[str, Any] = {}
    tags: list[str] = []
    for name, value, flag in _PROPERTY.findall(text):
        key = (name or flag).lower()
        bare = value[1:-1] if value[:1] in ("{", '"', "'") else value
        if key == "tag":
            tags.append(bare)
        else:
            found["name" if key == "text" else key] = bare if name else True
    return {**found, "tag": tuple(tags)}


def _read(statement: _Statement, stated: str | None, general: dict[str, Any], reader: Reader) -> None:
    """Make an item of a shape, or of several that are joined on one line."""
    before, _, behind = statement.text.partition("#")
    parts = _CHAIN.split(before.strip())
    match = _STATEMENT.fullmatch(parts[0])
    if match is None:
        raise RegionError("neither a frame (icrs) nor a shape (circle(83.6,22,0.3))")
    word = match["word"].lower()
    if word in _DECORATION and len(parts) == 1:
        reader.draw(statement.place, f"a {word}")
        return
    if _OTHER_FRAMES.fullmatch(before.strip().lower()):
        raise RegionError(f"the frame {word!r} is not supported: use {', '.join(_FRAMES)}")
    if word not in SHAPES and not match["rest"]:
        raise RegionError(_unknown(word))
    own = _properties(behind)
    properties = {
        **general,
        **own,
        "shape": word,
        "line": statement.line,
        "include": not _is_excluded(match["sign"], own),
    }
    reader.ignored.update(name for name in own if name not in ("include", "tag"))
    reader.ignored.update({"tag": len(own["tag"])} if own["tag"] else {})
    make = partial(_chained, parts, stated, reader)
    reader.items.append(Item(statement.place, properties, not properties["include"], make))


def _unknown(word: str) -> str:
    if word in _ALONG:
        return f"{_ALONG[word]}; where={shown('shape!=' + word)} leaves such shapes out"
    if word in _FRAMES:
        return f"a frame stands alone: write {word!r} on a line of its own, or a semicolon behind it"
    return (
        f"unknown frame or shape {shown(word)}{nearest(word, [*_FRAMES, *SHAPES])}; "
        f"the frames are {', '.join(_FRAMES)}, the shapes {', '.join(SHAPES)}; "
        f"where={shown('shape!=' + word)} leaves such shapes out"
    )


def _is_excluded(sign: str, own: dict[str, Any]) -> bool:
    if sign == "!":
        raise RegionError("'!' is not supported: write '-' before a shape that takes away")
    stated = own.get("include")
    return sign == "-" if stated not in ("0", "1") else stated == "0"


def _chained(parts: list[str], stated: str | None, reader: Reader) -> Shape:
    """The shape of a statement; of several on one line only one operator, or differences of the first."""
    operators = [_JOINS.get(each, each) for each in parts[1::2]]
    if len(set(operators)) > 1:
        raise RegionError("several operators on one line: write each shape on a line of its own")
    shapes = [_shape(part, stated, reader) for part in parts[::2]]
    if unknown := set(operators) - set(_JOINS.values()):
        raise RegionError(f"the operator {unknown.pop()!r} between shapes is not supported: use +, * or -")
    return combine(zip(["or", *operators], shapes, strict=True))


def _shape(part: str, stated: str | None, reader: Reader) -> Shape:
    match = _STATEMENT.fullmatch(part)
    word = match["word"].lower() if match else part
    if match is None or word not in SHAPES:
        raise RegionError(_unknown(word))
    listed = _parameters(match["rest"])
    frame = _frame(word, listed, stated, reader)
    shapes = SHAPES[word](Tokens(listed, frame, reader))
    return combine(("or", each) for each in shapes)


def _frame(word: str, listed: list[str], stated: str | None, reader: Reader) -> str:
    """The frame of a shape: that of its units, that which the text states, or that which the user does."""
    if listed and (unit := listed[0][-1:].lower()) in ("i", "p"):
        marked = [each[-1:].lower() == unit for each in listed]
        if all(marked[:-1]) and (marked[-1] or word in ("ellipse", "box", "rotbox")):
            return IMAGE if unit == "i" else "physical"
    if stated == "wcs":
        raise RegionError("the frame 'wcs' is that of some image: write which it is, such as 'fk5'")
    name = stated or reader.use("frame")
    if name is None:
        raise RegionError("no frame: write one first, such as 'icrs', or give frame='icrs'")
    frame = "physical" if name == "physical" else frame_named(name)
    if frame is None:
        raise RegionError(f"unknown frame {name!r}: use {', '.join(_FRAMES)}")
    return frame


def _parameters(rest: str) -> list[str]:
    # The members of a composite are written with bars behind them, and are united as all shapes are.
    body = rest.partition("#")[0].strip().removesuffix("||").strip()
    if "|" in body or "&" in body:
        raise RegionError("composite regions are not supported: write each shape on a line of its own")
    if body.startswith("("):
        if not body.endswith(")"):
            raise RegionError("the bracket is not closed")
        body = body[1:-1]
    # "0.3 deg" is one parameter.
    body = re.sub(r"(?<=[\d.])\s+([A-Za-z]+)(?![\w(])", r"\1", body)
    return [each for each in re.split(r"[\s,]+", body) if each]
