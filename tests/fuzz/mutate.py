"""Mutations: small random changes of good inputs, of their bytes, words, lines, cards and JSON values."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

__all__ = ["NUMBERS", "ODD", "mutate_bytes", "mutate_fits", "mutate_json", "mutate_text", "words"]

CARD, BLOCK = 80, 2880

FOLDER = Path(__file__).parent / "words"


@cache
def words(name: str) -> list[str]:
    """Words that inputs of a kind are made of, and some that look like them; a line each."""
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n")[:-1]


NUMBERS = words("numbers")

# Characters and texts that have a meaning somewhere.
ODD = [
    *("", " ", "\t", "\0", "\x1b[31m", "\u202e", "\ufeff", "\ud7ff", "\x85", "\u2028", "\r", "\n", "\r\n"),
    *"'\"()[]{},;:#|&!-+=/\\",
    *("((", "''", "%s", "{0}", "%n", "../..", "/dev/zero", "http://a.b/c", "file:///etc/passwd", "A" * 300),
    *("None", "null", "true", "é", "日本", "🙂"),
]


def _some(random: Random) -> int:
    """How many changes: mostly few."""
    return 1 + min(int(random.expovariate(0.5)), 12)


def mutate_text(random: Random, seeds: Sequence[bytes], words: Sequence[str]) -> bytes:
    """A text with some of its words, lines or characters changed."""
    text = random.choice(seeds).decode("utf-8", "replace")
    if random.random() < 0.35:
        return _number(random, text).encode("utf-8", "surrogatepass")
    for _ in range(_some(random)):
        text = random.choice(_TEXT_CHANGES)(random, text, seeds, words)[:20_000]
    data = text.encode("utf-8", "surrogatepass")
    return mutate_bytes(random, [data]) if random.random() < 0.1 else data


def _number(random: Random, text: str) -> str:
    """A text of which one number is another: what it means goes wrong, not how it is written."""
    found = list(re.finditer(r"\d+(\.\d+)?", text))
    if not found:
        return text
    match = random.choice(found)
    return text[: match.start()] + random.choice(NUMBERS) + text[match.end() :]


def _place(random: Random, text: str) -> tuple[int, int]:
    """A piece of a text between two places where words may begin or end."""
    edges = [0, *(i for i, each in enumerate(text) if not each.isalnum()), len(text)]
    first = random.randrange(len(edges))
    return edges[first], edges[min(len(edges) - 1, first + random.choice((0, 1, 1, 1, 2, 3, 8)))]


def _word(random: Random, text: str, seeds: Sequence[bytes], words: Sequence[str]) -> str:
    a, b = _place(random, text)
    lead = text[a : a + 1] if random.random() < 0.8 else ""
    return text[:a] + lead + random.choice(random.choice((NUMBERS, NUMBERS, ODD, words))) + text[b:]


def _cut(random: Random, text: str, seeds: Sequence[bytes], words: Sequence[str]) -> str:
    a, b = _place(random, text)
    return text[:a] + text[b:]


def _repeat(random: Random, text: str, seeds: Sequence[bytes], words: Sequence[str]) -> str:
    a, b = _place(random, text)
    return text[:b] + text[a:b] * random.choice((1, 1, 2, 5, 50)) + text[b:]


def _line(random: Random, text: str, seeds: Sequence[bytes], words: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    other = random.choice(seeds).decode("utf-8", "replace").splitlines(keepends=True) or [""]
    at = random.randrange(len(lines))
    lines[at : at + random.choice((0, 1))] = [random.choice(random.choice((lines, other)))]
    return "".join(lines)


def _character(random: Random, text: str, seeds: Sequence[bytes], words: Sequence[str]) -> str:
    at = random.randrange(len(text) + 1)
    return text[:at] + chr(random.choice((random.randrange(128), random.randrange(0x2100)))) + text[at + 1 :]


def _end(random: Random, text: str, seeds: Sequence[bytes], words: Sequence[str]) -> str:
    return text[: random.randrange(len(text) + 1)]


_TEXT_CHANGES: list[Callable[..., str]] = [_word, _word, _word, _word, _cut, _repeat, _line, _character, _end]


def mutate_bytes(random: Random, seeds: Sequence[bytes]) -> bytes:
    """Bytes of which some are flipped, left out, repeated, or taken from another input."""
    data = bytearray(random.choice(seeds))
    for _ in range(_some(random)):
        at = random.randrange(len(data) + 1)
        change = random.randrange(6)
        if change == 0 and data:
            data[at % len(data)] ^= 1 << random.randrange(8)
        elif change == 1 and data:
            data[at % len(data)] = random.choice((0, 1, 0x20, 0x7F, 0x80, 0xFF, random.randrange(256)))
        elif change == 2:
            del data[at : at + random.choice((1, 2, 8, 80, 2880))]
        elif change == 3:
            data[at:at] = data[at : at + random.choice((1, 8, 80, 2880))]
        elif change == 4:
            other = random.choice(seeds)
            first = random.randrange(len(other) + 1)
            data[at : at + random.choice((0, 8, 80))] = other[first : first + random.choice((8, 80, 2880))]
        else:
            del data[at:]
    return bytes(data)


def mutate_fits(random: Random, seeds: Sequence[bytes], keys: Sequence[str]) -> bytes:
    """A FITS file of which cards, blocks or bytes are changed; mostly cards, which keep their places."""
    data = bytearray(random.choice(seeds))
    for _ in range(_some(random)):
        cards = _card_places(data)
        if not cards or random.random() < 0.05:
            return mutate_bytes(random, [bytes(data), *seeds])
        if random.random() < 0.25:
            _change_values(random, data, cards)
            continue
        # Cards without which there is no file are left alone half of the time.
        kept = [each for each in cards if not data[each : each + 8].startswith(_NEEDED)]
        at = random.choice(kept if kept and random.random() < 0.5 else cards)
        change = random.random()
        if change < 0.6:
            data[at + 10 : at + CARD] = _written(_fits_value(random)).encode("latin-1", "replace")
            data[at + 8 : at + 10] = b"= "
        elif change < 0.7:
            data[at : at + 8] = random.choice(keys).ljust(8)[:8].encode()
        elif change < 0.8:
            card = f"{random.choice(keys):<8}= {_written(_fits_value(random))}"[:CARD]
            data[at : at + CARD] = card.encode("latin-1", "replace").ljust(CARD)
        elif change < 0.85:
            data[at : at + CARD] = data[(other := random.choice(cards)) : other + CARD]
        elif change < 0.9:
            data[at : at + CARD] = b" " * CARD
        elif change < 0.95:
            block = at // BLOCK * BLOCK
            data[block:block] = data[block : block + BLOCK] if random.random() < 0.5 else b""
        else:
            data[at + random.randrange(CARD)] = random.randrange(256)
    return bytes(data)


_NEEDED = (b"SIMPLE", b"XTENSION", b"BITPIX", b"NAXIS", b"PCOUNT", b"GCOUNT", b"TFIELDS", b"TFORM")


def _change_values(random: Random, data: bytearray, cards: Sequence[int]) -> None:
    """Write numbers over some of the data, which are in blocks without cards."""
    headers = {at // BLOCK for at in cards}
    blocks = [block for block in range(len(data) // BLOCK) if block not in headers]
    if blocks:
        form = random.choice(("b", "h", "i", "q", "f", "d"))
        values = (
            (0.0, 1.0, -1.0, 1e30, float("nan"), float("inf")) if form in "fd" else (0, 1, -1, 2, 127, -128)
        )
        packed = struct.pack(f">{form}", random.choice(values)) * random.choice((1, 1, 2, 10))
        at = random.choice(blocks) * BLOCK + 8 * random.randrange(30)
        data[at : at + len(packed)] = packed


def _card_places(data: bytearray) -> list[int]:
    """Where cards stand: lines of 80 characters that begin with a keyword and do not lie in data."""
    return [
        at
        for at in range(0, len(data) - CARD + 1, CARD)
        if 64 < data[at] < 91 and data[at + 8 : at + 9] == b"=" and data[at : at + CARD].isascii()
    ]


def _fits_value(random: Random) -> str:
    kind = random.random()
    if kind < 0.6:
        return random.choice(NUMBERS)
    if kind < 0.9:
        return (
            "'"
            + random.choice((*ODD, *NUMBERS, *words("card_texts")))[:60]
            + random.choice(("'", "'", "'", ""))
        )
    return random.choice(("T", "F", "", "(1, 2)", "'a' / 'b", "/", "&", "1 / 2", "T /", "nan"))


def _written(value: str) -> str:
    return (value if value.startswith("'") else value.rjust(20)).ljust(CARD - 10)[: CARD - 10]


def mutate_json(random: Random, seeds: Sequence[bytes], words: Sequence[str]) -> bytes:
    """A JSON text of which values, keys or operands are changed, or its characters."""
    if random.random() < 0.2:
        return mutate_text(random, seeds, words)
    data = json.loads(random.choice(seeds))
    data.pop("hash", None)
    for _ in range(_some(random)):
        places = list(_places(data))
        holder, key = random.choice(places)
        other, from_ = random.choice(places)
        change = random.random()
        if change < 0.3:
            holder[key] = _like(random, holder[key], words)
        elif change < 0.5:
            holder[key] = _json_value(random, words)
        elif change < 0.7:
            holder[key] = other[from_]
        elif change < 0.8:
            del holder[key]
        elif isinstance(holder, dict):
            holder[random.choice((*words, "x"))] = holder[key] if change < 0.9 else _json_value(random, words)
        else:
            holder.insert(key, holder[key])
        # What is put into itself has no text.
        data = json.loads(_json_text(data))
        if not isinstance(data, dict | list) or not data:
            break
    return _json_text(data).encode("utf-8", "surrogatepass")


def _json_text(data: Any) -> str:
    try:
        return json.dumps(data)
    except (ValueError, RecursionError):
        return '{"maskexpr": 1, "nodes": [{"tag": "allsky"}]}'


def _places(data: Any) -> Any:
    stack = [data]
    while stack:
        each = stack.pop()
        pairs = each.items() if isinstance(each, dict) else enumerate(each)
        for key, value in list(pairs):
            yield each, key
            if isinstance(value, dict | list) and value:
                stack.append(value)


def _like(random: Random, value: Any, words: Sequence[str]) -> Any:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return random.choice(words)
    if isinstance(value, int):
        return value + random.choice((-1, 1, 2, -value))
    if isinstance(value, float):
        return random.choice((0.0, -value, value + 1, 90.0, 180.0, 1e-9, 1e9, value * 1e3, value / 3))
    return value


def _json_value(random: Random, words: Sequence[str]) -> Any:
    number = random.choice(NUMBERS)
    try:
        parsed: Any = float(number) if random.random() < 0.5 else int(number)
    except ValueError:
        parsed = number
    if isinstance(parsed, float) and (parsed != parsed or abs(parsed) == float("inf")):
        parsed = {"float": str(parsed)}
    array = {"array": "AAAAAAAA8D8=", "dtype": "<f8", "shape": [1]}
    odd = random.choice(
        [
            random.choice(ODD),
            None,
            True,
            False,
            [],
            {},
            [parsed],
            [parsed] * 3,
            {"node": random.randrange(6)},
            {"node": parsed},
            {"float": "nan"},
            array,
            {**array, "array": random.choice(("", "AAAA", "AAAAAAAA8H8="))},
            {**array, "dtype": random.choice(words)},
            {**array, "shape": random.choice(([], [0], [1, 1], [2], parsed))},
            {"record": random.choice(words), "lon": 1.0, "lat": 2.0, "radius": 3.0, "frame": "icrs"},
            {"record": "file", "path": "absent.fits", "hdu": parsed},
        ]
    )
    return random.choice([parsed, random.choice(words), odd, odd])
