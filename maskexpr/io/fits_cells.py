"""HEALPix maps in FITS tables: all cells in RING or nested order, or some cells by their numbers.

RING is how a file lies and no grid: cells are read in nested order, whatever the file has. What the cards say
is believed or refused, never guessed.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from ..core.arrays import Ints
from ..core.errors import FormatError, IntegrityError
from ..grid.axis import Axis
from ..grid.healpix.faces import number_of
from ..grid.healpix.geom import HpxGeom
from ..grid.healpix.rings import from_ring, to_ring
from ..grid.wcs.header import axes_from_bands, find_bands
from ..pixels.window import Window
from .cards_of_cells import check_bounds, frame_of_card, is_ring, order_of_cards, scheme_of_cards
from .cells import planes_of_cells
from .coding import Coding, column_coding
from .fits_product import audit_sums, read_texts
from .formats import StoredMap
from .unpacked import Stamp, read_items, size_of

__all__ = ["LISTED", "FitsCells", "open_cells"]

LISTED: Final = "MXLISTED"
"""A card that is true where all cells of the map are listed, those that are 0 too."""
# HEALPix's mark of a cell that has no value, and how near to it is the same.
_UNSEEN, _NEAR = -1.6375e30, 1e25


@dataclass(frozen=True, eq=False, kw_only=True)
class FitsCells(StoredMap):
    """A map of cells in one HDU, whose number is the key; values are compared with the manifest, if any."""

    geom: HpxGeom
    stamp: Stamp

    def read_planes(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        return planes_of_cells(self, planes, window)

    def read_array(self, planes: tuple[slice, ...], window: Window) -> NDArray[Any]:
        axes = self.geom.planes_shape
        numbers = np.arange(int(np.prod(axes))).reshape(axes)[planes]
        runs = [self.read_run(int(number), window.x0, window.x1) for number in numbers.flat]
        # numpy.ma's own function keeps the masks.
        values: NDArray[Any] = (np.ma.stack if any(map(np.ma.isMA, runs)) else np.stack)(runs)
        values = values.reshape(*numbers.shape, *window.shape)
        if self.manifest is not None:
            self.manifest.check(self.path, planes, window, values, self._tile)
        return values

    def _tile(self, plane: tuple[int, ...], tile: Window) -> NDArray[Any]:
        number = int(np.ravel_multi_index(plane, self.geom.planes_shape)) if plane else 0
        return self.read_run(number, tile.x0, tile.x1)[None]

    @abstractmethod
    def read_run(self, number: int, first: int, end: int) -> NDArray[Any]:
        """The cells at places from ``first`` to ``end`` of a plane, by its number in the flattened axes."""

    def audit(self) -> None:
        audit_sums(self.path, self.stamp)


class _Column(NamedTuple):
    """A column of numbers: its name, values a row, and how they are stored."""

    name: str
    repeat: int
    coding: Coding | None
    """None for logical values."""

    def decode(self, raw: NDArray[Any]) -> NDArray[Any]:
        if self.coding is None:
            return np.asarray(raw == ord("T"))
        values = self.coding.decode(raw)
        if values.dtype.kind == "f":
            values[np.abs(values - _UNSEEN) < _NEAR] = np.nan
        return values

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.bool_) if self.coding is None else self.coding.dtype


@dataclass(frozen=True, eq=False, kw_only=True)
class _Table(FitsCells):
    """Rows of a table, read where they are asked for."""

    start: int
    rows: int
    row: np.dtype[Any]
    columns: tuple[_Column, ...]

    def column(self, number: int, rows: slice | NDArray[np.integer[Any]]) -> NDArray[Any]:
        """The stored values of a column in some rows, shape (rows, values a row)."""
        column = self.columns[number]
        table = read_items(self.path, self.stamp, self.start, self.row, rows)
        return table[column.name].reshape(len(table), column.repeat)


class _Implicit(_Table):
    """Every cell of the sky in nested order, a column for each plane."""

    def read_run(self, number: int, first: int, end: int) -> NDArray[Any]:
        column = self.columns[number]
        above = first // column.repeat
        raw = self.column(number, slice(above, -(-end // column.repeat))).reshape(-1)
        return column.decode(raw[first - above * column.repeat :][: end - first])


class _Ring(_Table):
    """Every cell of the sky in RING order, a column for each plane."""

    def read_run(self, number: int, first: int, end: int) -> NDArray[Any]:
        column = self.columns[number]
        at = to_ring(self.geom.order, np.arange(first, end))
        rows, place = np.unique(at // column.repeat, return_inverse=True)
        return column.decode(self.column(number, rows)[place, at % column.repeat])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Listed(_Table):
    """Some cells by their numbers: the row of each cell in nested order, the same for all columns or, where
    planes follow each other in one column, for each plane.
    """

    rows_of: Ints

    def read_run(self, number: int, first: int, end: int) -> NDArray[Any]:
        by_columns = len(self.rows_of) == 1
        rows = self.rows_of[0 if by_columns else number, first:end]
        at = number if by_columns else 0
        return self.columns[at].decode(self.column(at, rows)[:, 0])


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sparse(_Table):
    """All of the sky, of which the cells that are not 0 are listed: ``keys`` are their numbers in the whole
    cube, ascending, and ``order`` their rows.
    """

    keys: Ints
    order: Ints

    def read_run(self, number: int, first: int, end: int) -> NDArray[Any]:
        before = number * number_of(self.geom.order)
        low, high = np.searchsorted(self.keys, [before + first, before + end])
        values = self.columns[0].decode(self.column(0, self.order[low:high])[:, 0])
        out = (np.ma.zeros if np.ma.isMA(values) else np.zeros)(end - first, self.dtype)
        out[self.keys[low:high] - before - first] = values
        return out


# ---- opening


def open_cells(
    path: str, stamp: Stamp, hdus: fits.HDUList, index: int, column: str | None = None
) -> StoredMap:
    """A map of cells in a table; ``column`` of it where a user named one.

    Raises
    ------
    FormatError
        If its cards make no sense, its rows are too few, or it holds several maps and none was named.
    """
    hdu = hdus[index]
    name, header = hdu.name or "PRIMARY", hdu.header
    what = f"{path}, HDU {name!r}"
    names = [str(each) for each in hdu.columns.names]
    order, ring = order_of_cards(header, what), is_ring(header, what)
    scheme, frame = scheme_of_cards(header, names, what), _frame(hdus, header, what)
    axes = _axes(hdus, hdu)
    framed: Literal["stated", "missing"] = "missing" if frame is None else "stated"
    listed = scheme != "IMPLICIT"
    columns = _columns(hdu, names[1:] if listed else names, scheme == "SPARSE", axes, column, what)
    whole = HpxGeom(order, frame=frame or "icrs", axes=axes)
    facts: dict[str, Any] = {
        "path": path,
        "stamp": stamp,
        "key": column if column is not None else index,
        "name": (column or name).lower(),
        "geom": whole,
        "dtype": np.result_type(*(each.dtype for each in columns)),
        "has_gaps": any(each.coding is not None and each.coding.has_gaps for each in columns),
        "attrs": {"units": str(header["BUNIT"])} if header.get("BUNIT") else {},
        "provenance": read_texts(hdus),
        "framed": framed,
        "start": int(hdu.fileinfo()["datLoc"]),
        "rows": int(header["NAXIS2"]),
        "row": hdu.columns.dtype.newbyteorder(">"),
        "columns": columns,
    }
    _check_size(facts, int(header["NAXIS1"]), what)
    first, last = check_bounds(header, order, listed, what)
    if not listed:
        values = facts["rows"] * columns[0].repeat
        if values != number_of(order) or len({each.repeat for each in columns}) > 1:
            raise FormatError(
                f"{what}: NSIDE = {1 << order} has {number_of(order)} cells, the table has {values} values"
            )
        return (_Ring if ring else _Implicit)(**facts)
    if hdu.header.get("OBS_NPIX", facts["rows"]) != facts["rows"]:
        raise FormatError(f"{what}: OBS_NPIX = {header['OBS_NPIX']}, and {facts['rows']} cells are listed")
    return _open_listed(hdu, facts, ring, scheme, (first, last), what)


def _frame(hdus: fits.HDUList, header: fits.Header, what: str) -> str | None:
    """The frame that the table states or, as in files of WMAP, the primary header of a file of such cells."""
    primary = hdus[0].header
    if (frame := frame_of_card(header, what)) is not None or "PIXTYPE" not in primary:
        return frame
    return frame_of_card(primary, what)


def _check_size(facts: dict[str, Any], width: int, what: str) -> None:
    row = facts["row"]
    if row.itemsize != width:
        raise FormatError(f"{what}: NAXIS1 = {width}, and its columns take {row.itemsize} bytes a row")
    end = facts["start"] + facts["rows"] * width
    if size_of(facts["path"], facts["stamp"]) < end:
        raise IntegrityError(f"{what}: the file is cut short, {end} bytes are needed")


def _axes(hdus: fits.HDUList, hdu: Any) -> tuple[Axis, ...]:
    bands = find_bands(hdus, hdu)
    if bands is None and len(hdu.columns) > 1:
        # The science tools of Fermi do not say where they are.
        bands = next((hdus[name] for name in ("EBOUNDS", "ENERGIES") if name in hdus), None)
    return () if bands is None else axes_from_bands(bands)


def _columns(
    hdu: Any, names: list[str], sparse: bool, axes: tuple[Axis, ...], column: str | None, what: str
) -> tuple[_Column, ...]:
    """The columns of values: one, that which was named, or one for each plane."""
    planes = int(np.prod([axis.nbin for axis in axes]))
    if column is not None:
        values = [each for each in names if not (sparse and each == "CHANNEL")]
        if column not in values:
            raise FormatError(f"{what}: no column {column!r} of values; there are {', '.join(values)}")
        if planes > 1 and not sparse:
            raise FormatError(
                f"{what}: the column {column!r} is one of {planes} planes of a cube; read the cube, without "
                f"the name, and take the plane of the array: .isel({axes[0].name}=...)"
            )
        return (_column(hdu, column, what),)
    if sparse:
        if "VALUE" not in names:
            raise FormatError(
                f"{what}: INDXSCHM = 'SPARSE', and no column VALUE; there are {', '.join(names)}"
            )
        return (_column(hdu, "VALUE", what),)
    if len(names) != planes:
        raise FormatError(
            f"{what}: the table has the columns {', '.join(names) or 'of no values'}; "
            + (f"its axes have {planes} planes" if axes else "name one of them: hdu='...'")
        )
    return tuple(_column(hdu, each, what) for each in names)


def _column(hdu: Any, name: str, what: str) -> _Column:
    shape = hdu.columns.dtype[name].shape
    logical = str(hdu.columns[name].format).lstrip("0123456789")[:1] == "L"
    coding = None if logical else column_coding(hdu, name, what)
    return _Column(name, int(np.prod(shape)), coding)


def _open_listed(
    hdu: Any, facts: dict[str, Any], ring: bool, scheme: str, within: tuple[int, int], what: str
) -> StoredMap:
    """A map whose cells are numbered in the first column, from the first to the last that cards allow."""
    whole = facts["geom"]
    ids = _numbers(hdu, facts, within, what)
    ids = from_ring(whole.order, ids) if ring else ids
    planes = int(np.prod(whole.planes_shape))
    channel: Ints | None = None
    if scheme == "SPARSE" and "CHANNEL" in hdu.columns.names:
        channel = _read(facts, _Column("CHANNEL", 1, column_coding(hdu, "CHANNEL", what))).astype(np.int64)
        odd = np.flatnonzero((channel < 0) | (channel >= planes))
        if odd.size:
            raise FormatError(f"{what}, row {odd[0]}: there is no CHANNEL {channel[odd[0]]}")
    elif scheme == "SPARSE" and planes > 1:
        raise FormatError(f"{what}: the map has {planes} planes and no column CHANNEL says which a row is of")
    keys = ids if channel is None else ids + channel * number_of(whole.order)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    twice = np.flatnonzero(keys[1:] == keys[:-1])
    if twice.size:
        raise FormatError(f"{what}: the cell of row {order[twice[0] + 1]} is there twice")
    partial = hdu.header.get(LISTED) is True or str(hdu.header.get("OBJECT", "")).strip().upper() == "PARTIAL"
    if scheme == "SPARSE" and not partial:
        return _Sparse(keys=keys, order=order, **facts)
    return _part(keys, order, 1 if channel is None else planes, facts, what)


def _numbers(hdu: Any, facts: dict[str, Any], within: tuple[int, int], what: str) -> Ints:
    """The numbers of the listed cells, as the file counts them."""
    name, whole = str(hdu.columns.names[0]), facts["geom"]
    if any(each.repeat > 1 for each in facts["columns"]) or hdu.columns.dtype[name].shape:
        raise FormatError(f"{what}: its rows hold several values each, and list one cell")
    ids = _read(facts, _Column(name, 1, column_coding(hdu, name, what))).astype(np.int64)
    odd = np.flatnonzero((ids < 0) | (ids >= number_of(whole.order)))
    if odd.size:
        raise FormatError(f"{what}, row {odd[0]}: NSIDE = {whole.nside} has no cell {ids[odd[0]]}")
    odd = np.flatnonzero((ids < within[0]) | (ids > within[1]))
    if odd.size:
        raise FormatError(
            f"{what}, row {odd[0]}: cell {ids[odd[0]]} is not from FIRSTPIX = {within[0]} to LASTPIX = "
            f"{within[1]}"
        )
    return ids


def _part(keys: Ints, order: Ints, planes: int, facts: dict[str, Any], what: str) -> StoredMap:
    """A map of a part of the sky, all of whose cells are listed, on every plane."""
    whole = facts["geom"]
    number = number_of(whole.order)
    if not len(keys) or len(keys) % planes or np.ptp((keys % number).reshape(planes, -1), axis=0).any():
        raise FormatError(f"{what}: it lists {len(keys)} cells, which are not the same on {planes} planes")
    geom = HpxGeom(whole.order, frame=whole.frame, cells=keys[: len(keys) // planes], axes=whole.axes)
    made = _Listed(rows_of=order.reshape(planes, -1), **facts)
    return replace(made, geom=geom)


def _read(facts: dict[str, Any], column: _Column) -> NDArray[Any]:
    """A column of whole numbers, one a row."""
    table = _Implicit(**{**facts, "columns": (column,), "manifest": None})
    values = column.decode(table.column(0, slice(0, table.rows))[:, 0])
    if values.dtype.kind not in "iu":
        raise FormatError(f"{facts['path']}: the column {column.name!r} must hold whole numbers")
    return values
