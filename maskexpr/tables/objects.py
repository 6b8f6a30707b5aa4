"""Tables of astropy: their columns, those of positions among them, and what metadata say of the frame."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Table
from numpy.typing import NDArray

from ..io.validity import normal, unwrapped
from .frames import frame_of
from .table import Column, SourceTable, masked_texts

__all__ = ["source_table"]

_PARTS: Final = {"galactic": ("l", "b"), "supergalactic": ("sgl", "sgb")}


def source_table(table: Table, where: str) -> SourceTable:
    """A table of astropy.

    Examples
    --------
    >>> found = source_table(Table({"RA": [1.0]}, meta={"RADESYS": "FK4"}), "table")
    >>> list(found.columns), found.frame
    (['RA'], <FK4 Frame (equinox=B1950.000, obstime=B1950.000)>)
    """
    columns = {}
    for name in table.colnames:
        column = table[name]
        if isinstance(column, SkyCoord):
            # Positions as one column, of a table that astropy wrote; named as it names their parts.
            lon, lat = _PARTS.get(column.frame.name, ("ra", "dec"))
            frame = column.frame.replicate_without_data()
            place = column.spherical
            columns[f"{name}.{lon}"] = Column(partial(_values, place.lon.deg), "deg", frame=frame)
            columns[f"{name}.{lat}"] = Column(partial(_values, place.lat.deg), "deg", frame=frame)
        else:
            columns[name] = Column(partial(_values, column), str(getattr(column, "unit", None) or ""))
    said = _said(table.meta)
    frame = frame_of(said.get("RADESYS", said.get("RADECSYS")), said.get("EQUINOX"), where)
    return SourceTable(where, columns, frame)


def _said(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What metadata say, by keywords as FITS spells them; those of IPAC stand one level lower."""
    keywords = meta.get("keywords")
    lower = keywords if isinstance(keywords, Mapping) else {}
    held = {key: each.get("value") if isinstance(each, Mapping) else each for key, each in lower.items()}
    return {str(key).upper(): value for key, value in {**held, **meta}.items()}


def _values(column: Any) -> NDArray[Any]:
    values = unwrapped(column)
    if values.dtype.kind in "USO":
        texts = np.ma.filled(values, "").astype(str) if np.ma.isMA(values) else values.astype(str)
        return masked_texts(texts)
    return normal(values)
