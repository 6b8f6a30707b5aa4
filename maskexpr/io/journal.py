"""Append-only log: the records of finished tiles, so that a run that was killed can be gone on with.

A record is appended when its tile is written. An entry that was cut short, or is not what was appended, fails
its CRC, and what comes after it is not believed.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .manifest import DIGEST, TileRecord

__all__ = ["PUBLISHED", "Journal"]

_RUN: Final = "run"
_TILES: Final = "tiles"
PUBLISHED: Final = "published"
"""Name of the note of what was about to be published."""


class Journal:
    """The journal in the folder of a run.

    Parameters
    ----------
    folder : Path
        The folder.
    ndim : int
        Numbers of a tile's place.
    run : str
        Tells what is written; only a run of the same text can go on.
    """

    def __init__(self, folder: Path, ndim: int, run: str) -> None:
        self._folder = folder
        self._entry = struct.Struct(f"<{ndim}qBq{DIGEST}sI")
        self._run = run.encode()
        self._file: int | None = None

    def begin(self) -> None:
        """Start a journal in a new folder."""
        self._append_to(self._folder / _RUN, self._run)
        self._file = os.open(self._folder / _TILES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)

    @staticmethod
    def _append_to(path: Path, text: bytes) -> None:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            os.write(number, text)
        finally:
            os.close(number)

    def resume(self) -> list[TileRecord] | None:
        """The records of a run that was cut short, to go on after them; None if it was another's."""
        try:
            if (self._folder / _RUN).read_bytes() != self._run:
                return None
            found, whole = self._read((self._folder / _TILES).read_bytes())
        except FileNotFoundError:
            return None
        self._file = os.open(self._folder / _TILES, os.O_WRONLY | os.O_APPEND)
        os.ftruncate(self._file, whole)
        return found

    def _read(self, text: bytes) -> tuple[list[TileRecord], int]:
        size, found, at = self._entry.size + 4, [], 0
        while at + size <= len(text):
            entry = text[at : at + size - 4]
            if zlib.crc32(entry) != int.from_bytes(text[at + size - 4 : at + size], "little"):
                break
            *place, state, count, digest, checksum = self._entry.unpack(entry)
            found.append(TileRecord(tuple(place), state, count, digest, checksum))
            at += size
        return found, at

    def append(self, records: Iterable[TileRecord]) -> None:
        """Note tiles that are written; in one call, so that threads do not mix."""
        if self._file is None:
            return
        entries = [self._entry.pack(*each.place, *each[1:]) for each in records]
        text = b"".join(each + zlib.crc32(each).to_bytes(4, "little") for each in entries)
        while text:
            text = text[os.write(self._file, text) :]

    def publishing(self, mark: str) -> None:
        """Note what is about to be published, so that it is known again under its new name."""
        path = self._folder / PUBLISHED
        path.unlink(missing_ok=True)
        self._append_to(path, f"{mark}\n".encode() + self._run)

    def published(self) -> str:
        """What was noted by `publishing`, in a run of the same text; "" if nothing was."""
        try:
            mark, _, run = (self._folder / PUBLISHED).read_bytes().partition(b"\n")
        except OSError:
            return ""
        return mark.decode() if run == self._run else ""

    def close(self) -> None:
        """Let go of the file; more than once too."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
