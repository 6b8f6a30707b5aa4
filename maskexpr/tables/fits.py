"""Tables of FITS files, column by column: of hundreds of columns only those that are asked for are read."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, Any, Final

import numpy as np
from astropy.io import fits
from astropy.table import Table
from numpy.typing import NDArray

from ..core.errors import FormatError
from ..doors.fits import open_fits
from ..io.coding import column_values
from ..io.validity import normal, unwrapped
from .frames import frame_of
from .objects import source_table
from .table import Column, SourceTable, masked_texts

__all__ = ["fits_tables"]

# How astropy says, in comments of the header, what columns were one; their frame stands there alone.
_CUT: Final = "astropy.coordinates.sky_coordinate.SkyCoord"


@contextmanager
def fits_tables(file: IO[bytes], path: str) -> Iterator[list[SourceTable]]:
    """The tables of a FITS file, which stays open as long as they are asked."""
    with warnings.catch_warnings():
        # What astropy mends in headers (and says so) are cards that no table of sources depends on. Whether a
        # table is there as a whole is checked.
        warnings.simplefilter("ignore")
        with open_fits(file, path) as hdus:
            yield [_opened(hdu, number, path) for number, hdu in enumerate(hdus) if _is_table(hdu)]


def _is_table(hdu: Any) -> bool:
    return isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and not isinstance(hdu, fits.CompImageHDU)


def _opened(hdu: Any, number: int, path: str) -> SourceTable:
    """A table; one in which astropy has cut positions into columns is put together by astropy."""
    found = _table(hdu, number, path)
    # Lines are broken with a backslash.
    if _CUT not in "".join(map(str, hdu.header.get("COMMENT", ()))).replace("\\", ""):
        return found
    _check_length(hdu, found.where)
    whole = source_table(Table.read(hdu, unit_parse_strict="silent"), found.where)
    return dataclasses.replace(whole, key=found.key)


def _table(hdu: Any, number: int, path: str) -> SourceTable:
    where = f"{path}, HDU {number} {hdu.name}".rstrip()
    header = hdu.header
    # Two columns of one name cannot be told apart.
    names = [str(name) for name in hdu.columns.names]
    flat = hdu.header.get("NAXIS2") == 1 and _is_by_columns(hdu)
    columns = {
        name: Column(
            partial(_values, hdu, name, where, flat),
            unit=str(hdu.columns[name].unit or ""),
            ucd=str(header.get(f"TUCD{place}", "")),
        )
        for place, name in enumerate(names, start=1)
        if names.count(name) == 1 and not (flat and hdu.columns.dtype[name].base.kind == "S")
    }
    system = header.get("RADESYS", header.get("RADECSYS"))
    frame = frame_of(system, header.get("EQUINOX"), where)
    return SourceTable(where, columns, frame, f"{number} {hdu.name}".strip())


def _is_by_columns(hdu: Any) -> bool:
    """Whether one row holds whole columns as vectors of one length, which is TOPCAT's "colfits"."""
    kinds = [hdu.columns.dtype[name] for name in hdu.columns.names]
    counts = {int(np.prod(each.shape)) for each in kinds if each.base.kind != "S"}
    return len(counts) == 1 and counts != {1}


def _check_length(hdu: Any, where: str) -> None:
    info = hdu.fileinfo()
    if info["datLoc"] + hdu.size > info["file"].size:
        raise FormatError(f"{where}: the file is cut short")


def _values(hdu: Any, name: str, where: str, flat: bool) -> NDArray[Any]:
    _check_length(hdu, where)
    kind = str(hdu.columns[name].format).lstrip("0123456789")[:1]
    if isinstance(hdu, fits.TableHDU):
        values = _of_text_table(hdu, name)
    elif kind == "A":
        raw = hdu.data.view(np.ndarray)[name]
        values = masked_texts(np.char.decode(raw, "latin-1"))
    elif kind == "L":
        raw = hdu.data.view(np.ndarray)[name]
        values = np.ma.MaskedArray(raw == ord("T"), mask=(raw != ord("T")) & (raw != ord("F")))
    else:
        values = column_values(hdu, name, where)
    return values.reshape(-1) if flat else values


def _of_text_table(hdu: Any, name: str) -> NDArray[Any]:
    """A column of an ASCII table. Null is a text there, of which astropy makes 0, as of a blank field."""
    values, raw = unwrapped(hdu.data[name]), np.char.strip(hdu.data.view(np.ndarray)[name])
    if values.dtype.kind in "US":
        return masked_texts(values.astype(str))
    null = str(hdu.columns[name].null or "").strip().encode("latin-1")
    return normal(np.ma.MaskedArray(values, mask=(raw == null) | (raw == b"")))
