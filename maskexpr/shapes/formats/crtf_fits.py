"""CRTF text and FITS region tables to shapes, item by item through ``regions``, its warnings as errors."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any, Final

import regions
from astropy.io import fits
from astropy.table import QTable

from ...core.errors import FormatError, RegionError
from .. import Shape, combine
from .from_regions import from_region, honour

__all__ = ["parse_crtf", "read_fits"]

_CRTF: Final = re.compile(r"(?P<sign>[+-]?)\s*(?P<ann>ann\s)?\s*(?P<word>\w+)\s*\[")


def parse_crtf(text: str, metric: str) -> Shape:
    """The shape that CRTF text describes; a line that begins with ``-`` takes away from those before it.

    Raises
    ------
    RegionError
        Naming the line, for everything that cannot be honoured: annotations, ranges of frequency, boxes by
        corners on the sky.
    """
    head: list[str] = []
    items: list[tuple[str, Shape]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if re.search(r"\b(range|corr)\s*=", line):
                raise RegionError("limits in frequency or polarisation are not honoured: use AxisRange")
            if re.match(r"global\b", line):
                head.append(line)
                _parse("crtf", "\n".join(head))
                continue
            sign = _crtf_sign(line, metric, bool(items))
            parsed = _parse("crtf", "\n".join([*head, line.lstrip("+-").strip()]))
            items.append(("minus" if sign == "-" else "or", honour(from_region(parsed, metric), metric)))
        except RegionError as err:
            raise RegionError(f"line {number}: {line!r}: {err}") from err
    return combine(items)


def _crtf_sign(line: str, metric: str, after_others: bool) -> str:
    match = _CRTF.match(line)
    if match is None:
        raise RegionError("not a CRTF region")
    if match["ann"]:
        raise RegionError("an annotation is no region: remove it, or remove 'ann'")
    if match["word"] == "box" and metric == "sky":
        raise RegionError(
            "a box by its corners is a box of pixels: use centerbox or rotbox, or metric='pixel'"
        )
    if match["sign"] == "-" and not after_others:
        raise RegionError("it takes away from the shapes before it, and there are none; use ~Region(...)")
    return match["sign"]


def _parse(form: str, data: Any) -> Any:
    """Exactly one region by the parser of ``regions``, or none from a header alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            found = regions.Regions.parse(data, format=form)
        except Exception as err:  # the parsers raise what the broken text makes them stumble over
            raise RegionError(f"{type(err).__name__}: {err}") from err
    if len(found) > 1:
        raise RegionError(f"it makes {len(found)} regions")
    return found[0] if len(found) else None


def read_fits(path: Path, metric: str) -> Shape:
    """The shape of a FITS region table, in pixels.

    Rows of equal COMPONENT are what they share, an excluded (``!``) row taken away; components are united.
    Without that column an excluded row takes away from those before it.

    Raises
    ------
    RegionError
        Naming the row, for everything that cannot be honoured.
    """
    with fits.open(path) as hdus:
        hdu = next((each for each in hdus if each.name == "REGION"), None)
        if hdu is None:
            raise FormatError(f"{path} has no table named REGION")
        table = QTable.read(hdu)
    components: dict[Any, list[tuple[str, Shape]]] = {}
    for number in range(len(table)):
        row = table[number : number + 1]
        excluded = "SHAPE" in table.colnames and str(table["SHAPE"][number]).strip().startswith("!")
        grouped = "COMPONENT" in table.colnames
        items = components.setdefault(int(table["COMPONENT"][number]) if grouped else None, [])
        try:
            if excluded and not items:
                raise RegionError(
                    "it takes away from the rows before it, and there are none; use ~Region(...)"
                )
            region = _parse("fits", row)
            if region is None:
                raise RegionError("regions makes no region of it")
            items.append(
                ("minus" if excluded else "and" if grouped else "or", from_region(_bare(region), metric))
            )
        except RegionError as err:
            raise RegionError(f"row {number + 1} of {path}: {err}") from err
    return combine(("or", combine(items)) for items in components.values())


def _bare(region: Any) -> Any:
    region.meta = regions.RegionMeta()
    return region
