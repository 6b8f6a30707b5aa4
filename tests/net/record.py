"""The record of the net, a text file with a line for each mask: its digest, how much is selected, its key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .masks import CASES, CHANGING

RECORD = Path(__file__).with_name("digests.txt")
_HEAD = """\
# Digests of computed masks: sha256 of the shape and the packed bits, True of all pixels, the mask.
# `python -m tests.net` says what differs, `python -m tests.net --write` records it.
"""
_CHANGING = """
# Of these the meaning is about to change, to a boundary measured to the outer border of the map's pixels.
"""


def line_of(values: NDArray[np.bool_]) -> str:
    """What the record says of a mask; the numbers of pixels are for readers, the digest is for tests."""
    assert values.dtype == bool
    digest = hashlib.sha256(repr(values.shape).encode() + np.packbits(values).tobytes()).hexdigest()
    return f"{digest} {int(values.sum())}/{values.size}"


def read() -> dict[str, str]:
    """Key -> digest and pixels."""
    if not RECORD.exists():
        return {}
    lines = [line for line in RECORD.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    return {key: said for said, key in (line.split(" | ") for line in lines)}


def compute(keys: Iterable[str]) -> dict[str, str]:
    cases = {**CASES, **CHANGING}
    return {key: line_of(cases[key]()) for key in keys}


def differences(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """A line for each key that is new, gone or not what it was."""
    lines = []
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before != after:
            lines.append(f"{key}\n    {before or 'was not there'}\n    {after or 'is gone'}")
    return lines


def write(record: dict[str, str]) -> None:
    def lines(cases: Iterable[str]) -> str:
        return "".join(f"{record[key]} | {key}\n" for key in cases if key in record)

    RECORD.write_text(_HEAD + lines(CASES) + _CHANGING + lines(CHANGING), encoding="utf-8")
