"""Files of MOCs: FITS, JSON and ASCII."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import maskexpr as mx

from .kind import Kind, fixed, use_mask
from .mutate import mutate_bytes, mutate_text

__all__ = ["MOCS"]

FORMATS = (("fits", "nuniq"), ("fits", "range"), ("json", "nuniq"), ("ascii", "nuniq"))

WORDS = ("1/", "29/", "30/", "3/4-9", "9-4", "s", "t", "[", "{", '"s":', '"12": [1, 2]', "1.5", "null")


@cache
def _seeds() -> Sequence[bytes]:
    mocs = (
        mx.Moc([[0, 4], [17, 18], [40, 48]], 1),
        mx.Moc([], 7),
        mx.Moc([[0, 5], [(12 << 58) - 9, 12 << 58]], 29),
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for moc in mocs:
            for format, packing in FORMATS:
                path = moc.write(Path(folder) / "moc", overwrite=True, format=format, packing=packing)
                found.append(path.read_bytes())
    return found


def _vary(random: Random, seeds: Sequence[bytes]) -> bytes:
    texts = [each for each in seeds if not each.startswith(b"SIMPLE")]
    return random.choice((mutate_bytes(random, seeds), mutate_text(random, texts, WORDS)))


def _use_moc(path: Path, data: bytes, random: Random) -> None:
    path.write_bytes(data)
    moc = mx.Moc.read(path)
    use_mask(moc, random)
    assert 0 <= moc.sky_fraction <= 1
    moc.to_moc(3, random.choice(("inner", "centre", "outer")))


MOCS = Kind(_seeds, _vary, _use_moc, fixed(".moc"))
