"""Tables of VOTables, by astropy's parser, of documents that name nothing outside themselves."""

from __future__ import annotations

import re
import warnings
from functools import partial
from io import BytesIO
from typing import Any, Final

import numpy as np
from astropy.io import votable
from numpy.typing import NDArray

from ..core.errors import FormatError
from ..io.validity import normal
from .frames import frame_of
from .table import Column, SourceTable, masked_texts

__all__ = ["is_votable", "votable_tables"]

# How far a document may go on before its root element.
_HEAD: Final = 1 << 14
_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?VOTABLE\b", re.IGNORECASE)
# Without an ID, as older standards had it, astropy refuses them.
_SYSTEM: Final = re.compile(rb"(<(?:[\w.-]+:)?COOSYS\b)(?![^>]*\bID\s*=)")


def is_votable(start: bytes) -> bool:
    """Whether a document begins as a VOTable does.

    Examples
    --------
    >>> is_votable(b"<?xml version='1.0'?><VOTABLE version='1.3'>"), is_votable(b"ra,dec")
    (True, False)
    """
    head = start[:_HEAD]
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and _ROOT.search(head) is not None


def votable_tables(document: bytes, path: str) -> list[SourceTable]:
    """The tables of a VOTable that `check_votable` lets in: TABLEDATA, BINARY, BINARY2 and FITS within it."""
    with warnings.catch_warnings():
        # Most archives break some rule of the standard.
        warnings.simplefilter("ignore")
        named = _SYSTEM.sub(rb'\1 ID="_system_"', document.lstrip(b"\xef\xbb\xbf \t\r\n"))
        read = votable.parse(BytesIO(named), verify="ignore")
        every = list(read.iter_tables())
        systems = {each.ID: each for each in read.iter_coosys() if each.ID}
        alone = list(read.iter_coosys())
    return [_table(each, number, path, systems, alone) for number, each in enumerate(every)]


def _table(table: Any, number: int, path: str, systems: dict[str, Any], alone: list[Any]) -> SourceTable:
    name = table.name or table.ID or ""
    where = f"{path}, table {number} {name}".rstrip()
    names = [field.name or field.ID for field in table.fields]
    columns = {
        name: Column(
            partial(_values, table, field.ID, f"{where}: the column {name!r}"),
            unit="" if field.unit is None else str(field.unit),
            ucd=str(field.ucd or ""),
            frame=_frame(systems.get(field.ref), where),
        )
        for name, field in zip(names, table.fields, strict=True)
        if names.count(name) == 1
    }
    # A document of one system need not refer to it.
    frame = _frame(alone[0], where) if len(alone) == 1 else None
    return SourceTable(where, columns, frame, f"{number} {name}".strip())


def _frame(system: Any, where: str) -> Any:
    return None if system is None else frame_of(system.system, system.equinox, where)


def _values(table: Any, key: str, what: str) -> NDArray[Any]:
    values = table.array[key] if len(table.array) else np.ma.MaskedArray([], dtype=np.float64)
    if values.dtype.kind in "US" or (
        values.dtype.kind == "O" and all(isinstance(x, str) for x in values.data)
    ):
        return masked_texts(np.where(np.ma.getmaskarray(values), "", np.ma.getdata(values).astype(str)))
    if values.dtype.kind not in "biuf":
        raise FormatError(f"{what} holds several values a row, not one")
    return normal(values)
