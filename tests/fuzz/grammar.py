"""Grammars: texts of regions made from their rules, with numbers and words that nobody writes among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from .mutate import NUMBERS, ODD, mutate_text

__all__ = ["crtf", "ds9", "vary"]

Grammar = Callable[[Random], str]


def vary(grammar: Grammar, words: Sequence[str], random: Random, seeds: Sequence[bytes]) -> bytes:
    """A text of the grammar, or a mutation of one or of a seed."""
    made = grammar(random).encode("utf-8", "surrogatepass")
    if random.random() < 0.3:
        return made
    return mutate_text(random, [made, *seeds], words)


def _number(random: Random, low: float, high: float) -> str:
    if random.random() < 0.05:
        return random.choice(NUMBERS)
    digits = random.choice((0, 1, 3, 8, 15))
    return f"{random.uniform(low, high):.{digits}f}"


def _longitude(random: Random) -> str:
    if random.random() < 0.2:
        h, m, s = random.randrange(24), random.randrange(60), random.uniform(0, 60)
        return random.choice((f"{h}:{m}:{s:.2f}", f"{h:02d}h{m:02d}m{s:05.2f}s", f"{h}d{m}m{s:.1f}s"))
    return _number(random, 0, 360) + random.choice(("", "", "", "d", "deg", "r", "i", "p"))


def _latitude(random: Random) -> str:
    if random.random() < 0.2:
        d, m, s = random.randrange(-89, 90), random.randrange(60), random.uniform(0, 60)
        return random.choice((f"{d:+}:{m}:{s:.1f}", f"{d}d{m}m{s:.2f}s"))
    return _number(random, -90, 90) + random.choice(("", "", "", "d", "deg", "r"))


def _size(random: Random) -> str:
    return _number(random, 0, random.choice((1, 10, 180))) + random.choice(
        ("", "", "'", '"', "d", "r", "i", "p", "deg", "arcmin")
    )


def ds9(random: Random) -> str:
    """A DS9 region file."""
    lines = []
    for _ in range(random.randrange(1, 8)):
        if random.random() < 0.5:
            lines.append(
                random.choice(("icrs", "fk5", "galactic", "fk4", "ecliptic", "image", "physical", "J2000"))
            )
        shape = random.choice(
            (
                "circle",
                "ellipse",
                "box",
                "annulus",
                "polygon",
                "point",
                "line",
                "text",
                "panda",
                "epanda",
                "pie",
            )
        )
        at = [_longitude(random), _latitude(random)]
        number = {"circle": 1, "point": 0, "text": 0}.get(shape, random.randrange(1, 7))
        if shape in ("polygon", "line"):
            for _ in range({"line": 1}.get(shape, random.randrange(2, 6))):
                at += [_longitude(random), _latitude(random)]
            number = 0
        if shape in ("panda", "epanda", "pie") and random.random() < 0.8:
            number = 0
            at += [_number(random, 0, 360), _number(random, 0, 360)]
            sizes = [_size(random) for _ in range(4 if shape == "epanda" else 2)]
            at = [*at[:2], *sizes, *at[2:]] if shape == "pie" else [*at, "1", *sizes, "2"]
        parts = at + [_size(random) for _ in range(number)]
        text = random.choice((",", ", ", " ")).join(parts)
        sign = random.choice(("", "", "", "", "-", "+", "!", "#"))
        tail = random.choice(
            ("", "", " # color=red", " # text={a;b}", " # tag={x} include=0", " # " + random.choice(ODD))
        )
        lines.append(sign + (f"{shape}({text})" if random.random() < 0.9 else f"{shape} {text}") + tail)
    return random.choice(("\n", "\n", ";", "\r\n")).join(lines)


def crtf(random: Random) -> str:
    """A CRTF file."""

    def at() -> str:
        unit = random.choice(("deg", "deg", "rad", "pix", ""))
        return f"[{_number(random, 0, 360)}{unit}, {_number(random, -90, 90)}{unit}]"

    def size() -> str:
        return _number(random, 0, 10) + random.choice(("deg", "arcmin", "arcsec", "rad", "pix", ""))

    lines = ["#CRTFv0"] if random.random() < 0.95 else []
    for _ in range(random.randrange(1, 6)):
        body = {
            "circle": lambda: f"[{at()}, {size()}]",
            "annulus": lambda: f"[{at()}, [{size()}, {size()}]]",
            "ellipse": lambda: f"[{at()}, [{size()}, {size()}], {size()}]",
            "centerbox": lambda: f"[{at()}, [{size()}, {size()}]]",
            "box": lambda: f"[{at()}, {at()}]",
            "rotbox": lambda: f"[{at()}, [{size()}, {size()}], {size()}]",
            "poly": lambda: f"[{', '.join(at() for _ in range(random.randrange(1, 6)))}]",
            "symbol": lambda: f"[{at()}, .]",
            "line": lambda: f"[{at()}, {at()}]",
        }
        word = random.choice(sorted(body))
        sign = random.choice(("", "", "", "+", "-", "ann "))
        tail = random.choice(
            (
                "",
                "",
                ", coord=J2000",
                ", coord=GALACTIC",
                ", color=red",
                ", range=[1GHz,2GHz]",
                ", " + random.choice(ODD),
            )
        )
        lines.append(f"{sign}{word}{body[word]()}{tail}")
    return "\n".join(lines)
