"""Masks on HEALPix grids as FITS files: tiles are written to a file of bytes in nested order, from which the
tables of the product are made when all are in.

One file serves healpy and gammapy. All of the sky is a table of a column for each plane, a cell a row. A part
of it lists its cells (INDXSCHM = SPARSE), the only form of a part that gammapy can read; healpy takes it by
OBJECT = PARTIAL.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.arguments import one_of
from ..core.coverage import EMPTY
from ..core.errors import FormatError, GeometryError
from ..grid.healpix.faces import number_of
from ..grid.healpix.geom import HpxGeom
from ..grid.healpix.rings import from_ring, to_ring
from ..pixels.window import Window
from .fits_cells import LISTED
from .fits_product import BLOCK, FileWriter, header_bytes, primary_cards, tables, write_at
from .sums import ones_sum

__all__ = ["Cells", "CellsWriter", "Hdu"]

_ORDERINGS: Final = {"nested": "NESTED", "ring": "RING"}
# COORDSYS and RADESYS of frames; other frames have no card.
_CARDS: Final = {
    "icrs": ("C", "ICRS"),
    "fk5": ("C", "FK5"),
    "galactic": ("G", None),
    "barycentricmeanecliptic": ("E", None),
}
# Cells that are put together at once.
_PIECE: Final = 1 << 20


class Hdu(NamedTuple):
    """An HDU that is yet to be written: its cards but those of the sums, and its data in pieces, each with
    its place among the bytes; what is in no piece is 0.
    """

    cards: list[fits.Card]
    size: int
    pieces: Iterator[tuple[int, bytes | memoryview]]


class Cells(FileWriter):
    """Writes a FITS file of cells tile by tile; see `MaskWriter`. What HDUs it has, a subclass says."""

    geom: HpxGeom

    def __init__(self, path: Any, geom: HpxGeom, *args: Any, **more: Any) -> None:
        if not isinstance(geom, HpxGeom):
            raise GeometryError(f"{path}: masks on a HpxGeom are written in this format, got {geom!r}")
        super().__init__(path, geom, *args, **more)
        self.number = geom.array_shape[0]

    # ---- the file of bytes, in nested order, plane after plane

    def create(self, temporary: Path) -> None:
        super().create(temporary)
        os.truncate(temporary, self._size)

    @property
    def _size(self) -> int:
        return int(np.prod(self.axes_shape)) * self.number * self._held.itemsize

    @property
    def _held(self) -> np.dtype[Any]:
        """Type of the values in the file of bytes."""
        return np.dtype(np.uint8 if self.content.is_mask else np.float32)

    def attach(self, temporary: Path) -> None:
        super().attach(temporary)
        if temporary.stat().st_size != self._size:
            raise FormatError(f"{temporary}: it is not of this mask")

    def write(self, plane: tuple[int, ...], window: Window, value: NDArray[Any] | bool) -> None:
        assert self._file is not None
        cells = np.ascontiguousarray(np.broadcast_to(value, window.shape), self.content.dtype).view(np.uint8)
        place = (self.number_of(plane) * self.number + window.x0) * self._held.itemsize
        write_at(self._file, place, cells.reshape(-1).data)

    def read(self, plane: tuple[int, ...], window: Window) -> NDArray[Any]:
        assert self._temporary is not None
        found = self.cells_of(self._temporary)[self.number_of(plane), window.x0 : window.x1]
        return np.asarray(found[None] == 1 if self.content.is_mask else found[None])

    def cells_of(self, temporary: Path) -> NDArray[Any]:
        """All cells that were written, shape (planes, cells)."""
        planes = int(np.prod(self.axes_shape))
        return np.memmap(temporary, self._held, "r", shape=(planes, self.number))

    # ---- the product

    def finish(self, temporary: Path) -> Path:
        self.close()
        made = temporary.with_name(f"tables-{temporary.name}")
        with made.open("wb", buffering=0) as file:
            self._assemble(file, self.cells_of(temporary))
        return self.packed(made, temporary)

    def _assemble(self, file: IO[bytes], cells: NDArray[Any]) -> None:
        """Write the HDUs, the tables of the manifest and, when all is on the disk, the sums and the mark that
        the file is finished.
        """
        at, spans = 0, []
        for number, hdu in enumerate(self.hdus(cells, finished=False)):
            head = header_bytes(hdu.cards, 0)
            write_at(file.fileno(), at, head)
            data, end = at + len(head), at + len(head) + -(-hdu.size // BLOCK) * BLOCK
            for place, piece in hdu.pieces:
                write_at(file.fileno(), data + place, piece)
            os.ftruncate(file.fileno(), end)
            spans.append((number, at, data, end))
            at = end
        write_at(file.fileno(), at, self.bands() + tables(self.manifest, self.provenance))
        os.fsync(file.fileno())
        finished = list(self.hdus(cells, finished=True))
        with open(file.name, "rb") as read:
            for number, start, data, end in reversed(spans):
                read.seek(data)
                total = ones_sum(read, end - data)
                write_at(file.fileno(), start, header_bytes(finished[number].cards, total))

    @abstractmethod
    def hdus(self, cells: NDArray[Any], finished: bool) -> Iterator[Hdu]:
        """The HDUs before the tables of the manifest, the primary first."""


class CellsWriter(Cells):
    """Writes a HEALPix table.

    Parameters
    ----------
    ordering : {"nested", "ring"}
        Order of the cells in the file.
    """

    def __init__(self, path: Any, geom: HpxGeom, *args: Any, ordering: str = "nested", **more: Any) -> None:
        super().__init__(path, geom, *args, **more)
        one_of("ordering", ordering, _ORDERINGS)
        if geom.frame not in _CARDS:
            raise GeometryError(
                f"{path}: HEALPix FITS files have cells in {', '.join(map(repr, _CARDS))}, not in "
                f"{geom.frame!r}; write a .zarr store"
            )
        self.ring = ordering == "ring"
        self._run += f" {ordering}"

    def hdus(self, cells: NDArray[Any], finished: bool) -> Iterator[Hdu]:
        yield Hdu(primary_cards(finished), 0, iter(()))
        whole = self.geom.is_allsky
        columns = [(f"CHANNEL{i + 1}", self._kind) for i in range(len(cells))] if whole else self._listed()
        row = np.dtype(
            [(name, {"B": "u1", "J": ">i4", "K": ">i8", "E": ">f4"}[kind]) for name, kind in columns]
        )
        rows = self.number if whole else self.number * len(cells)
        pieces = self._implicit(cells, row) if whole else self._rows(cells, row)
        yield Hdu(self._cards(columns, row.itemsize, rows), row.itemsize * rows, pieces)

    @property
    def _kind(self) -> str:
        """Type of a column of values."""
        return "B" if self.content.is_mask else "E"

    def _listed(self) -> list[tuple[str, str]]:
        pix = ("PIX", "J" if number_of(self.geom.order) < 1 << 31 else "K")
        return [pix, *([("CHANNEL", "J")] if self.geom.axes else []), ("VALUE", self._kind)]

    def _cards(self, columns: list[tuple[str, str]], width: int, rows: int) -> list[fits.Card]:
        geom, whole = self.geom, self.geom.is_allsky
        coordsys, radesys = _CARDS[geom.frame]
        cards: list[tuple[str, Any]] = [("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2)]
        cards += [
            ("NAXIS1", width),
            ("NAXIS2", rows),
            ("PCOUNT", 0),
            ("GCOUNT", 1),
            ("TFIELDS", len(columns)),
        ]
        for i, (name, kind) in enumerate(columns, 1):
            cards += [(f"TTYPE{i}", name), (f"TFORM{i}", kind)]
        if unit := self.content.unit:
            # The column's own for healpy; the map's, as gammapy has it.
            cards += [(f"TUNIT{i}", unit) for i, (_, kind) in enumerate(columns, 1) if kind == self._kind]
            cards.append(("BUNIT", unit))
        name = self.content.hdu
        cards += [("EXTNAME", name), ("PIXTYPE", "HEALPIX"), ("ORDERING", "RING" if self.ring else "NESTED")]
        cards += [("NSIDE", geom.nside), ("ORDER", geom.order), ("COORDSYS", coordsys)]
        cards += [("RADESYS", radesys)] if radesys else []
        cards += [("FIRSTPIX", 0), ("LASTPIX", number_of(geom.order) - 1)]
        cards += [("INDXSCHM", "IMPLICIT" if whole else "SPARSE"), ("HPX_CONV", "GADF")]
        # Of a list of several planes healpy would take one for all; what is not said to be a part it refuses.
        cards += [("OBJECT", "FULLSKY" if whole else "PARTIAL")] if whole or not geom.axes else []
        cards += [] if whole else [(LISTED, True)]
        cards += [("BANDSHDU", f"{name}_BANDS")] if geom.axes else []
        return [fits.Card(key, value) for key, value in cards]

    def _implicit(self, cells: NDArray[Any], row: np.dtype[Any]) -> Iterator[tuple[int, memoryview]]:
        """Rows of all cells."""
        for first in range(0, self.number, _PIECE):
            end = min(first + _PIECE, self.number)
            if self.ring:
                some = cells[:, from_ring(self.geom.order, np.arange(first, end))]
            elif self._is_empty(first, end):
                continue
            else:
                some = cells[:, first:end]
            if some.any():
                rows = np.ascontiguousarray(some.T, row[0])
                yield first * row.itemsize, rows.reshape(-1).view(np.uint8).data

    def _is_empty(self, first: int, end: int) -> bool:
        """Whether no tile has a cell between two places."""
        side, states = self.chunks[1], self.manifest_states
        return bool((states[..., first // side : -(-end // side)] == EMPTY).all())

    @property
    def manifest_states(self) -> NDArray[np.uint8]:
        """What is known of the tiles."""
        return self._mine.table.states

    def _rows(self, cells: NDArray[Any], row: np.dtype[Any]) -> Iterator[tuple[int, memoryview]]:
        """Rows of listed cells, plane after plane, in each in the order of the file."""
        order, ids = None, self.geom.cells.ids(0, self.number)
        if self.ring:
            ids = to_ring(self.geom.order, ids)
            order = np.argsort(ids)
            ids = ids[order]
        for number in range(len(cells)):
            for first in range(0, self.number, _PIECE):
                some = slice(first, min(first + _PIECE, self.number))
                made = np.empty(some.stop - first, row)
                made["PIX"], made["VALUE"] = ids[some], cells[number, some if order is None else order[some]]
                if "CHANNEL" in made.dtype.names:
                    made["CHANNEL"] = number
                yield (number * self.number + first) * row.itemsize, made.view(np.uint8).data
