"""SHA-256 of the packed bits of every tile: what a product says of itself, to compare what is read with.

A product is a file that `maskexpr` wrote. Its manifest tells of each tile whether it is empty, full or mixed,
how many of its pixels are selected and, if it is mixed, the digest of its bits; beside that the expression's
hash, the fingerprint of the grid and the versions. A seal over all of it tells a manifest that was damaged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Final, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.coverage import EMPTY, FULL, MIXED
from ..core.errors import FormatError, IntegrityError
from ..core.versions import installed
from ..grid.lattice import Grid
from ..pixels.window import Window

__all__ = [
    "DIGEST",
    "FORMAT",
    "MASK_CONTENT",
    "Content",
    "Manifest",
    "TileRecord",
    "TileTable",
    "describe",
    "record_of",
]

FORMAT: Final = 2
"""Version of what products hold; readers refuse another."""
DIGEST: Final = 16
"""Bytes of a tile's digest; zeros for a tile that is empty or full."""
_NONE: Final = bytes(DIGEST)
_PACKAGES: Final = ("maskexpr", "numpy", "astropy")
_NAMES: Final = {"empty": EMPTY, "mixed": MIXED, "full": FULL}


class Content(NamedTuple):
    """What the values of a product are: those of a mask, or weights and distances.

    Parameters
    ----------
    name : str
        Name of the array in the file.
    dtype : str
        "bool" or "float32".
    unit : str
        Of numbers.
    """

    name: str = "mask"
    dtype: str = "bool"
    unit: str = ""

    @property
    def hdu(self) -> str:
        """Name of the HDU that holds them."""
        return self.name.upper()

    @property
    def is_mask(self) -> bool:
        """Whether they are selected or not."""
        return self.dtype == "bool"


class TileRecord(NamedTuple):
    """What a manifest says of one tile; any worker can make it, and it travels.

    Parameters
    ----------
    place : tuple of int
        Plane along each non-spatial axis, row and column of the tile.
    state : int
        EMPTY, MIXED or FULL.
    selected : int
        Number of its pixels that are; of numbers, of those that are not 0.
    digest : bytes
        Of the tile's bits.
    checksum : int
        What the format sums up over tiles; 0 where it sums nothing.
    """

    place: tuple[int, ...]
    state: int
    selected: int
    digest: bytes = _NONE
    checksum: int = 0


MASK_CONTENT: Final = Content()
"""Those of a mask."""


def record_of(
    place: tuple[int, ...], value: NDArray[Any] | bool, shape: tuple[int, int], checksum: int = 0
) -> TileRecord:
    """The record of a tile of (rows, columns) with some values; of numbers that are not all 0 it is mixed.

    Examples
    --------
    >>> record_of((0, 3), np.array([[True, False]]), (1, 2)).selected
    1
    """
    size = shape[0] * shape[1]
    count = (size if value else 0) if isinstance(value, bool) else int(np.count_nonzero(value))
    if count == 0 or isinstance(value, bool) or (count == size and value.dtype == np.bool_):
        return TileRecord(place, int(FULL if count else EMPTY), count, _NONE, checksum)
    return TileRecord(place, int(MIXED), count, _digest(value), checksum)


def _digest(values: NDArray[Any]) -> bytes:
    rows, columns = values.shape
    whole = hashlib.sha256(f"{rows} {columns} ".encode())
    # Of numbers the bytes themselves, in the order of FITS and of every machine.
    numbers = values.dtype.kind == "f"
    bits = np.ascontiguousarray(values, ">f4").view(np.uint8) if numbers else np.packbits(values, axis=1)
    whole.update(bits.data)
    return whole.digest()[:DIGEST]


@dataclass(eq=False)
class TileTable:
    """The records of all tiles as arrays, shape (axes..., rows, columns); those never recorded are empty."""

    states: NDArray[np.uint8]
    counts: Ints
    digests: NDArray[np.uint8]
    checksums: NDArray[np.uint32]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> Self:
        """Of tiles in which nothing is selected."""
        numbers = np.zeros(shape, np.int64)
        return cls(
            np.full(shape, EMPTY, np.uint8),
            numbers,
            np.zeros((*shape, DIGEST), np.uint8),
            np.zeros(shape, np.uint32),
        )

    def put(self, records: Iterable[TileRecord]) -> None:
        """Take records in."""
        for place, state, count, digest, checksum in records:
            self.states[place], self.counts[place] = state, count
            self.digests[place] = np.frombuffer(digest, np.uint8)
            self.checksums[place] = checksum

    @property
    def summary(self) -> dict[str, int]:
        """Number of tiles of each state."""
        return {name: int(np.count_nonzero(self.states == state)) for name, state in _NAMES.items()}


def describe(
    geom: Grid,
    chunks: tuple[int, int],
    texts: Mapping[str, str],
    table: TileTable,
    content: Content = MASK_CONTENT,
) -> dict[str, Any]:
    """The facts of a product, as plain data."""
    return {
        **({} if content.is_mask else {"content": list(content)}),
        "format": FORMAT,
        "mask": texts.get("hash", ""),
        "texts": _text_digest(texts),
        "grid": geom.fingerprint,
        "shape": _shape_of(geom),
        "chunks": list(chunks),
        "selected": int(table.counts.sum()),
        "versions": {name: installed(name) for name in _PACKAGES},
    }


def _shape_of(geom: Grid) -> list[int]:
    """Planes along each axis, rows and columns, as tiles are cut from them."""
    return [*geom.planes_shape, *geom.plane_shape]


def _text_digest(texts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(dict(texts), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Manifest:
    """What a product says of itself.

    Parameters
    ----------
    facts : mapping
        Plain data, see `describe`.
    table : TileTable
        The records of its tiles.
    """

    facts: Mapping[str, Any]
    table: TileTable
    checked: set[tuple[int, ...]] = field(default_factory=set)
    """Tiles of which a part was asked for and that were compared as a whole, in this process."""

    @property
    def seal(self) -> str:
        """SHA-256 over everything that it says."""
        facts = json.dumps(self.facts, sort_keys=True, separators=(",", ":"))
        whole = hashlib.sha256(facts.encode())
        table = self.table
        for array, kind in ((table.states, "u1"), (table.counts, "<i8"), (table.digests, "u1")):
            whole.update(np.ascontiguousarray(array, dtype=kind).data)
        return whole.hexdigest()

    @property
    def content(self) -> Content:
        """What the values are."""
        return Content(*self.facts.get("content", ()))

    @property
    def chunks(self) -> tuple[int, int]:
        """Rows and columns of a tile."""
        rows, columns = self.facts["chunks"]
        return int(rows), int(columns)

    def check_frame(self, path: str, geom: Grid, texts: Mapping[str, str], seal: str) -> None:
        """Compare the manifest with its seal, and with what the rest of the file says.

        Raises
        ------
        IntegrityError
            If they differ.
        FormatError
            For a product of another version.
        """
        if self.facts.get("format") != FORMAT:
            raise FormatError(
                f"{path}: a mask of format {self.facts.get('format')!r}; this version of maskexpr reads "
                f"{FORMAT}"
            )
        wrong = None
        if self.seal != seal:
            wrong = "the manifest"
        elif self.facts["grid"] != geom.fingerprint or self.facts["shape"] != _shape_of(geom):
            wrong = "the grid"
        elif self.facts["texts"] != _text_digest(texts):
            wrong = "the provenance"
        if wrong is not None:
            raise IntegrityError(f"{path}: {wrong} is not what was written; {_ADVICE}")

    def tiles(
        self, planes: tuple[slice, ...], window: Window
    ) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], Window]]:
        """The tiles that a window of some planes touches: their places, the plane among those asked for, and
        all their pixels.
        """
        rows, columns = self.chunks
        *axes, ny, nx = self.facts["shape"]
        numbers = [range(*each.indices(n)) for each, n in zip(planes, axes, strict=True)]
        for number in product(*(enumerate(each) for each in numbers)):
            here, plane = tuple(i for i, _ in number), tuple(i for _, i in number)
            for row in range(window.y0 // rows, -(-window.y1 // rows)):
                for column in range(window.x0 // columns, -(-window.x1 // columns)):
                    y, x = row * rows, column * columns
                    yield (*plane, row, column), here, Window(y, min(y + rows, ny), x, min(x + columns, nx))

    def check(
        self,
        path: str,
        planes: tuple[slice, ...],
        window: Window,
        values: NDArray[Any],
        load: Callable[[tuple[int, ...], Window], NDArray[Any]],
    ) -> None:
        """Compare the values of a window of some planes, shape (planes..., ny, nx): tiles that are decided or
        lie within it by themselves; others as a whole, which ``load(plane, window)`` reads, once for all
        windows as long as the file is this one.

        Raises
        ------
        IntegrityError
            If they differ.
        """
        for place, here, tile in self.tiles(planes, window):
            part = tile.intersect(window)
            if part == tile or self.decided(place):
                y, x = part.y0 - window.y0, part.x0 - window.x0
                self.compare(path, place, values[here][y : y + part.shape[0], x : x + part.shape[1]])
            elif place not in self.checked:
                self.compare(path, place, load(place[:-2], tile))
                self.checked.add(place)

    def decided(self, place: tuple[int, ...]) -> bool:
        """Whether a tile is empty or full, so that any part of it can be compared by itself."""
        return bool(self.table.states[place] != MIXED)

    def compare(self, path: str, place: tuple[int, ...], values: NDArray[Any]) -> None:
        """Compare the values of a tile, or of a part of a decided one, with what the manifest says.

        Raises
        ------
        IntegrityError
            If they differ, or those of a mask are not zeros and ones.
        """
        state, is_mask = self.table.states[place], self.content.is_mask
        bits = values.dtype == np.bool_ or (values.dtype.kind != "f" and values.max(initial=0) <= 1)
        if not (bits if is_mask else values.dtype.kind == "f"):
            same = False
        elif state == MIXED:
            same = _digest(values) == self.table.digests[place].tobytes()
        else:
            same = not values.any() if state == EMPTY else bool(state == FULL and values.all())
        if not same:
            *plane, row, column = place
            where = f" of plane {tuple(plane)}" if plane else ""
            raise IntegrityError(
                f"{path}: tile ({row}, {column}){where} is not what the manifest says; {_ADVICE}"
            )


_ADVICE: Final = "the file was damaged or copied in part, write it again"
