"""HealSparse maps in FITS files: blocks of fine cells for those coarse cells that hold any, and where each
block begins.

The first block holds the value of all that is in no other (SENTINEL). Boolean maps are stored as bytes or as
bits, the first cell in the lowest. A file states no frame: it is taken to be ICRS.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.arrays import Bools, Ints
from ..core.errors import FormatError, GeometryError, IntegrityError
from ..core.limits import check_limit
from ..doors.compressed import check_compressed
from ..grid.healpix.geom import HpxGeom
from .cards_of_cells import order_of_cards
from .coding import Coding
from .fits_cells import FitsCells
from .fits_cells_product import Cells, Hdu
from .fits_product import primary_cards, read_texts
from .formats import StoredMap
from .unpacked import Stamp, exclusive, open_hdus, read_items, size_of
from .validity import normal

__all__ = ["HealSparseWriter", "is_healsparse", "open_healsparse"]

_COVERAGE, _CELLS = "COV", "SPARSE"
_BITS: Final = 8
_GRID: Final = "grid"
# HealSparse's mark of a cell of floating-point numbers that has no value.
_UNSEEN: Final = -1.6375e30
# Levels between coarse and fine cells, and the highest order of coarse ones.
_LEVELS, _COARSEST = 7, 8


@dataclass(frozen=True, eq=False, kw_only=True)
class _Blocks(FitsCells):
    """Cells in blocks: ``begins`` is where the block of each coarse cell begins, in fine cells, 0 where there
    is none.
    """

    begins: Ints
    levels: int
    packed: bool
    coding: Coding
    blank: float | int | None
    is_compressed: bool
    start: int
    number: int

    def read_run(self, number: int, first: int, end: int) -> NDArray[Any]:
        ids = self.geom.cells.ids(first, end)
        coarse = ids >> 2 * self.levels
        cuts = np.concatenate(
            [[0], np.flatnonzero(np.diff(ids) != 1) + 1, np.flatnonzero(np.diff(coarse)) + 1]
        )
        cuts = np.unique(np.append(cuts, len(ids)))
        out = np.empty(len(ids), self.coding.stored if not self.packed else np.dtype(np.uint8))
        for low, high in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            begin = int(self.begins[coarse[low]])
            at = begin + int(ids[low] & (1 << 2 * self.levels) - 1)
            # All cells of the first block are alike.
            out[low:high] = self._stored(at, high - low) if begin else self._stored(0, 1)
        if self.dtype == np.bool_:
            return np.asarray(out != 0)
        values = self.coding.decode(out)
        if self.blank is None:
            return values
        if values.dtype.kind == "f":
            return np.where(values == values.dtype.type(self.blank), np.nan, values)
        return normal(np.ma.MaskedArray(values, mask=values == self.blank))

    def _stored(self, first: int, number: int) -> NDArray[Any]:
        """Values from a place among the blocks on."""
        if not self.packed:
            return self._raw(first, first + number)
        low, high = first // _BITS, -(-(first + number) // _BITS)
        bits = np.unpackbits(self._raw(low, high).astype(np.uint8), bitorder="little")
        return bits[first - low * _BITS :][:number]

    def _raw(self, first: int, end: int) -> NDArray[Any]:
        """Stored numbers between two places."""
        if self.is_compressed:
            with open_hdus(self.path, self.stamp) as hdus:
                image = hdus[self.key]
                if len(image.shape) == 1:
                    return np.asarray(image.section[first:end])
                width = image.shape[1]
                rows = np.asarray(image.section[first // width : -(-end // width)]).reshape(-1)
                return np.asarray(rows[first % width :][: end - first])
        return read_items(self.path, self.stamp, self.start, self.coding.stored, slice(first, end))


def is_healsparse(hdu: Any) -> bool:
    """Whether an HDU holds the cells of a HealSparse map."""
    return hdu.name == _CELLS and str(hdu.header.get("PIXTYPE", "")).strip().upper() == "HEALSPARSE"


def open_healsparse(
    path: str, stamp: Stamp, hdus: fits.HDUList, index: int, column: str | None = None
) -> StoredMap:
    """A HealSparse map of numbers or bool, on the coarse cells that it covers; one of ours on its own grid.

    Raises
    ------
    FormatError
        For maps of several columns or of wide masks, or cards that make no sense.
    """
    hdu, what = hdus[index], f"{path}, HDU {_CELLS!r}"
    _check_kind(hdu, what)
    order = order_of_cards(hdu.header, what)
    begins, levels = _begins(path, hdus, order)
    texts = read_texts(hdus)
    facts = {
        **_values(hdu, what),
        "path": path,
        "stamp": stamp,
        "key": index,
        "geom": _grid(order, begins, levels, texts.get(_GRID), what),
        "provenance": texts,
        "framed": "stated" if _GRID in texts else "assumed",
        "begins": begins,
        "levels": levels,
    }
    made = _Blocks(**facts)
    if made.is_compressed:
        with exclusive(path, stamp) as file:
            check_compressed(file, index, path)
    _check_blocks(made, what)
    return made


def _check_kind(hdu: Any, what: str) -> None:
    if isinstance(hdu, fits.BinTableHDU) and not isinstance(hdu, fits.CompImageHDU):
        raise FormatError(
            f"{what}: a HealSparse map of several columns; write one of them as a map of its own"
        )
    if hdu.header.get("WIDEMASK"):
        raise FormatError(
            f"{what}: WIDEMASK = T: flags of many bytes a cell; write the bits as a boolean map"
        )


def _values(hdu: Any, what: str) -> dict[str, Any]:
    """How the values are stored, and what they are."""
    header, sentinel = hdu.header, hdu.header.get("SENTINEL")
    packed = bool(header.get("BITPACK"))
    logical = packed or isinstance(sentinel, bool)
    coding = Coding.of_image(header, int(header.get("ZBITPIX", header["BITPIX"])), what)
    is_compressed = isinstance(hdu, fits.CompImageHDU)
    if sentinel is None and coding.dtype.kind == "f":
        sentinel = _UNSEEN
    return {
        "name": "mask" if logical else "map",
        "dtype": np.dtype(np.bool_) if logical else coding.dtype,
        "has_gaps": not logical and sentinel is not None and coding.dtype.kind in "iu",
        "packed": packed,
        "coding": coding,
        "blank": None if logical else sentinel,
        "is_compressed": is_compressed,
        # Of compressed images astropy 7.0 does not know it, and nobody asks.
        "start": 0 if is_compressed else int(hdu.fileinfo()["datLoc"]),
        "number": math.prod(hdu.shape),
    }


def _grid(order: int, begins: Ints, levels: int, text: str | None, what: str) -> HpxGeom:
    """The cells in blocks; of a product those that it says."""
    if text is not None:
        return HpxGeom.from_text(text)
    covered = np.flatnonzero(begins > 0)
    if not covered.size:
        raise FormatError(f"{what}: the map covers nothing")
    return HpxGeom(order, cells=np.stack([covered, covered + 1], axis=1) << 2 * levels)


def _begins(path: str, hdus: fits.HDUList, order: int) -> tuple[Ints, int]:
    """Where the blocks of coarse cells begin, and how many orders these are lower."""
    what = f"{path}, HDU {_COVERAGE!r}"
    if _COVERAGE not in hdus:
        raise FormatError(f"{path}: a HealSparse map without the HDU {_COVERAGE!r}")
    coverage = hdus[_COVERAGE]
    coarse = order_of_cards(coverage.header, what)
    if coarse > order:
        raise FormatError(f"{what}: NSIDE = {1 << coarse} is more than that of the cells, {1 << order}")
    check_limit("chunk_bytes", math.prod(coverage.shape) * 8, what, "bytes")
    offsets = np.asarray(coverage.data, dtype=np.int64).reshape(-1)
    number = 12 << 2 * coarse
    if len(offsets) != number:
        raise FormatError(f"{what}: NSIDE = {1 << coarse} has {number} cells, and {len(offsets)} are there")
    return offsets + (np.arange(number) << 2 * (order - coarse)), order - coarse


def _check_blocks(made: _Blocks, what: str) -> None:
    """Refuse blocks that are beyond the values, and values that are beyond the file."""
    values = made.number * (_BITS if made.packed else 1)
    if made.begins.min() < 0 or made.begins.max() + (1 << 2 * made.levels) > values:
        raise FormatError(f"{what}: a block is at {made.begins.max()}, beyond the {values} values there are")
    end = made.start + made.number * made.coding.stored.itemsize
    if not made.is_compressed and size_of(made.path, made.stamp) < end:
        raise IntegrityError(f"{what}: the file is cut short, {end} bytes are needed")


class HealSparseWriter(Cells):
    """Writes a boolean HealSparse map: bits, or bytes where a block has less than eight cells."""

    def __init__(self, path: Any, geom: HpxGeom, *args: Any) -> None:
        super().__init__(path, geom, *args)
        if geom.axes:
            raise GeometryError(f"{path}: HealSparse maps have no axes; write a plane, geom.to_image()")
        # A file has no other place for the frame, and for cells that are in no block.
        self.provenance[_GRID] = geom.to_text()
        self._coarse: list[int] = []
        self.levels = geom.order - min(max(geom.order - _LEVELS, 0), _COARSEST)

    def hdus(self, cells: NDArray[np.uint8], finished: bool) -> Iterator[Hdu]:
        side = 1 << 2 * self.levels
        if not finished:
            self._coarse = [number for number, _ in self._blocks(cells)]
        coarse = self._coarse
        number = 12 << 2 * (self.geom.order - self.levels)
        offsets = -side * np.arange(number, dtype=np.int64)
        offsets[coarse] += side * np.arange(1, len(coarse) + 1)
        about = [("PIXTYPE", "HEALSPARSE"), ("NSIDE", 1 << (self.geom.order - self.levels))]
        cards = [
            card for card in primary_cards(finished) if card.keyword not in ("BITPIX", "NAXIS", "EXTEND")
        ]
        shape = [("BITPIX", 64), ("NAXIS", 1), ("NAXIS1", number), ("EXTEND", True)]
        first = [cards[0], *_cards(*shape), *cards[1:], *_cards(("EXTNAME", _COVERAGE), *about)]
        yield Hdu(first, 8 * number, iter([(0, offsets.astype(">i8").tobytes())]))
        packed = side % _BITS == 0
        size = (len(coarse) + 1) * side // (_BITS if packed else 1)
        image = [("XTENSION", "IMAGE"), ("BITPIX", 8), ("NAXIS", 1), ("NAXIS1", size), ("PCOUNT", 0)]
        image += [("GCOUNT", 1), ("EXTNAME", _CELLS), ("PIXTYPE", "HEALSPARSE"), ("NSIDE", self.geom.nside)]
        image += [("SENTINEL", False), *([("BITPACK", True)] if packed else [])]
        yield Hdu(_cards(*image), size, self._pieces(cells, packed))

    def _blocks(self, cells: NDArray[np.uint8], some: list[int] | None = None) -> Iterator[tuple[int, Bools]]:
        """Coarse cells, of some or of all that the map has, with any selected cell, and all their cells."""
        held, side = self.geom.cells, 1 << 2 * self.levels
        coarse = held.parents(self.levels)
        for number in some if some is not None else coarse.ids(0, coarse.number).tolist():
            low, high = number * side, (number + 1) * side
            first, end = held.rank(np.array([low, high])).tolist()
            values = np.asarray(cells[0, first:end]) == 1
            if values.any():
                block = values
                if len(values) < side:
                    block = np.zeros(side, bool)
                    block[held.between(low, high)] = values
                yield number, block

    def _pieces(self, cells: NDArray[np.uint8], packed: bool) -> Iterator[tuple[int, bytes]]:
        for number, (_, block) in enumerate(self._blocks(cells, self._coarse), 1):
            text = np.packbits(block, bitorder="little") if packed else block.view(np.uint8)
            yield number * len(text), text.tobytes()


def _cards(*pairs: tuple[str, Any]) -> list[fits.Card]:
    return [fits.Card(key, value) for key, value in pairs]
