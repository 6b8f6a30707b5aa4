"""Positions in parts: columns of hours, minutes and seconds, as the tables of journals have them."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Final

import numpy as np

from ..core.arrays import Floats
from .angles import numbers
from .table import Column, SourceTable

__all__ = ["with_joined_parts"]

_RIGHT_ASCENSION: Final = ("RAh", "RAm", "RAs")
_DECLINATION: Final = ("DEd", "DEm", "DEs")
_SIGN: Final = "DE-"


def with_joined_parts(table: SourceTable) -> SourceTable:
    """The table with the columns RAhms and DEdms in degrees, if it has their parts.

    Examples
    --------
    >>> from maskexpr.tables.table import masked_texts
    >>> parts = {"RAh": 1, "RAm": 30, "DEd": 0, "DEm": 30}
    >>> columns = {name: Column(partial(np.array, [value])) for name, value in parts.items()}
    >>> columns["DE-"] = Column(lambda: masked_texts(np.array(["-"])))
    >>> found = with_joined_parts(SourceTable("table", columns))
    >>> found.values("RAhms").tolist(), found.values("DEdms").tolist()
    ([22.5], [-0.5])
    """
    names = table.columns
    if not {"RAh", "RAm", "DEd", "DEm"} <= set(names):
        return table
    made = {
        "RAhms": Column(partial(_joined, table, _RIGHT_ASCENSION, None, 15.0), "deg"),
        "DEdms": Column(partial(_joined, table, _DECLINATION, _SIGN if _SIGN in names else None, 1.0), "deg"),
    }
    return dataclasses.replace(table, columns={**names, **made})


def _joined(table: SourceTable, parts: tuple[str, ...], sign: str | None, scale: float) -> Floats:
    values = [numbers(table, name) for name in parts if name in table.columns]
    total = np.zeros(0) if values[0] is None else np.zeros_like(values[0])
    for part, each in enumerate(values):
        total = total + (np.nan if each is None else np.abs(each)) / 60.0**part
    # The sign stands in a column of its own, because of -00; without one it is that of the degrees.
    if sign is not None:
        negative = np.ma.filled(table.values(sign), "+") == "-"
    else:
        negative = np.signbit(np.asarray(values[0], dtype=np.float64))
    return np.where(negative, -total, total) * scale
