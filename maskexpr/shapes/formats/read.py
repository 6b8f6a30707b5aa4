"""What a user gives as a region, text, objects or files, to one shape."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import regions

from ...core.errors import FileMissingError, FormatError, RegionError
from .. import Compound, Shape
from .crtf_fits import parse_crtf, read_fits
from .ds9 import parse_ds9
from .from_regions import from_regions, honour

__all__ = ["read_shape", "shape_of"]


def shape_of(spec: Any, metric: str) -> Shape:
    """The shape that a user means.

    Parameters
    ----------
    spec : str, Region, Regions, list of Region, or Shape
        DS9 text, objects of the ``regions`` package, or a shape.
    metric : str
        The metric in which it must have a meaning.

    Raises
    ------
    RegionError
        For what cannot be honoured, naming the line or the place in the list.
    MaskTypeError
        For an object that is none of those.

    Examples
    --------
    >>> shape_of("galactic; circle(0, 0, 30')", "sky").text()
    'circle(0, 0, 0.5 deg)'
    """
    if isinstance(spec, Shape):
        return honour(spec, metric)
    if isinstance(spec, str):
        shape = parse_ds9(spec, metric)
        if isinstance(shape, Compound) and not shape.shapes:
            raise RegionError(f"no shape in {spec!r}; to read a file use Region.read(path)")
        return shape
    if isinstance(spec, Iterable | regions.Regions):
        return from_regions(list(spec), metric)
    return from_regions([spec], metric)


def read_shape(path: str | Path, metric: str) -> Shape:
    """The shape that a DS9, CRTF or FITS region file holds; an empty file holds nothing.

    Raises
    ------
    FormatError
        For a file that is none of those.
    RegionError
        For what cannot be honoured, naming the file and the line.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(9)
    except FileNotFoundError as err:
        raise FileMissingError(f"there is no region file {str(path)!r}") from err
    except IsADirectoryError as err:
        raise FormatError(f"{str(path)!r} is a folder, not a region file") from err
    if start.startswith(b"SIMPLE  =") or path.name.endswith((".fits.gz", ".fit.gz")):
        return read_fits(path, metric)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as err:
        raise FormatError(f"{path} is neither text nor FITS") from err
    try:
        return parse_crtf(text, metric) if start.startswith(b"#CRTF") else parse_ds9(text, metric)
    except RegionError as err:
        raise RegionError(f"{path}, {err}") from err
