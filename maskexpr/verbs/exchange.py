"""Files that hold a mask, of every kind, and one turned into another.

A kind of file is one row of `READERS` or `WRITERS`: another kind joins by a row of its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core.errors import (
    FileMissingError,
    FormatError,
    MaskError,
    MaskTypeError,
    MissingDependencyError,
)
from ..expr.mask import Mask, Or
from ..expr.serialize import dumps, loads
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..io.formats import FORMATS, open_map, stamp_of, unknown_ending
from ..io.publish import check_place
from ..io.workspace import write_whole
from ..nodes.catalog import Catalog
from ..nodes.moc import Moc
from ..nodes.raster import Raster
from ..nodes.region import Region
from ..recipes.recipe import Recipe, recipe_text
from ..shapes.base import Shape
from ..shapes.circle import Circle
from ..shapes.formats.write_ds9 import ds9_text
from .to_moc import to_moc
from .write import write

__all__ = ["READERS", "WRITERS", "Held", "Reader", "Writer", "convert", "read_any"]


@dataclass(frozen=True)
class Held:
    """What a file holds.

    Parameters
    ----------
    kind : str
        The kind of file, a key of `READERS`.
    mask : Mask
        The mask.
    grids : mapping of str to Grid
        The grids that the file names or lies on.
    """

    kind: str
    mask: Mask
    grids: Mapping[str, Grid] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """How a mask is read from a kind of file.

    Parameters
    ----------
    what : str
        The kind in words.
    read : callable
        ``read(path, **options)`` makes the mask and the grids.
    suffixes : tuple of str
        Names that say the kind for certain; a kind without any is tried on every file.
    options : tuple of str
        What may be said besides the path.
    """

    what: str
    read: Callable[..., tuple[Mask, Mapping[str, Grid]]]
    suffixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


def _recipe(path: Path) -> tuple[Mask, Mapping[str, Grid]]:
    recipe = Recipe.read(path)
    return recipe.mask, recipe.grids


def _expression(path: Path) -> tuple[Mask, Mapping[str, Grid]]:
    try:
        return loads(path.read_text(encoding="utf-8")), {}
    except (OSError, UnicodeDecodeError, FormatError) as err:
        raise FormatError(f"{path} cannot be read as an expression: {err}") from err


def _map(path: Path, hdu: str | int | None = None) -> tuple[Mask, Mapping[str, Grid]]:
    """The expression that a product was written from, or the pixels of a map that has none."""
    name = os.fspath(path.absolute())
    stored = open_map(name, stamp_of(name), hdu, True)
    grids = {"grid": stored.geom}
    text = stored.provenance.get("expression")
    # Of a map beside the product nothing is said.
    if text is not None and (hdu is None or stored.manifest is not None):
        return loads(text), grids
    return Raster(path if hdu is None else (path, hdu)), grids


def _regions(path: Path, frame: str | None = None) -> tuple[Mask, Mapping[str, Grid]]:
    return Region.read(path, frame=frame), {}


class _NeedsRadius(FormatError):
    """A catalogue, without the radius of its sources."""


def _catalogue(path: Path, radius: Any = None, **options: Any) -> tuple[Mask, Mapping[str, Grid]]:
    if radius is not None:
        return Catalog.read(path, radius=radius, **options), {}
    # What is no catalogue says so.
    Catalog.read(path, radius="1 deg", **options)
    raise _NeedsRadius(
        f"{path} is a catalogue, which needs a radius: an angle ('0.3 deg') or the name of a column "
        "(--radius)"
    )


def _moc(path: Path) -> tuple[Mask, Mapping[str, Grid]]:
    return Moc.read(path), {}


READERS: Final[dict[str, Reader]] = {
    "recipe": Reader("a recipe", _recipe, (".yaml", ".yml")),
    "expression": Reader("an expression as JSON", _expression, (".json",)),
    "moc": Reader("a MOC", _moc),
    "map": Reader("a mask product or a map", _map, options=("hdu",)),
    "regions": Reader("a region file", _regions, options=("frame",)),
    "catalogue": Reader("a catalogue", _catalogue, options=("radius", "where", "hdu", "frame")),
}
"""Kinds of files that hold a mask, in the order in which they are tried."""


def read_any(path: str | os.PathLike[str], kind: str | None = None, **options: Any) -> Held:
    """The mask in a file of any kind.

    Parameters
    ----------
    path : str or path
        The file.
    kind : str, optional
        A key of `READERS`; if not given, the suffix says it, or the kinds are tried in turn.
    **options
        Of the kind: ``radius`` and ``where`` of a catalogue, ``hdu`` of a catalogue or a map, ``frame`` of
        what does not state one.

    Raises
    ------
    FileMissingError
        If it is not there.
    FormatError
        If it is of no kind, with what each said; for an option that the kind does not have.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "few.reg"
    >>> _ = path.write_text("icrs;circle(1,2,3)")
    >>> read_any(path)
    Held(kind='regions', mask=Region("icrs;circle(1, 2, 3 deg)"), grids={})
    """
    place, said = Path(path), []
    if not place.exists():
        raise FileMissingError(f"there is no file {place}")
    for name, reader in _candidates(place, kind, options):
        try:
            mask, grids = reader.read(place, **options)
        except (MissingDependencyError, _NeedsRadius):
            raise
        except MaskError as err:
            if name == "expression" and kind is None:
                # MOCs are JSON too.
                with suppress(MaskError):
                    return Held("moc", *_moc(place))
            if kind is not None or reader.suffixes:
                raise
            said.append(f"as {reader.what}: {err}")
        else:
            return Held(name, mask, grids)
    if options and kind is None:
        _check_options(place, options)
    raise FormatError(f"{place} holds no mask; " + "; ".join(said))


def _check_options(path: Path, options: Mapping[str, Any]) -> None:
    """Refuse options of another kind than that of a file, if it is of any without them."""
    try:
        found = READERS[read_any(path).kind]
    except MaskError:
        return
    if odd := sorted(set(options).difference(found.options)):
        raise FormatError(f"{path} is {found.what}, which takes no {', '.join(odd)}")


def _candidates(path: Path, kind: str | None, options: Mapping[str, Any]) -> Iterator[tuple[str, Reader]]:
    """The kinds that a file may be of, all options given among theirs."""
    by_suffix = [name for name, each in READERS.items() if path.name.lower().endswith(each.suffixes or "\0")]
    names = (
        [kind] if kind is not None else by_suffix or [n for n, each in READERS.items() if not each.suffixes]
    )
    fitting = [name for name in names if set(options) <= set(READERS[name].options)]
    if not fitting:
        raise FormatError(f"{READERS[names[0]].what} takes no {', '.join(sorted(options))}")
    yield from ((name, READERS[name]) for name in fitting)


@dataclass(frozen=True)
class Writer:
    """How a mask is written to a kind of file.

    Parameters
    ----------
    what : str
        The kind in words.
    suffixes : tuple of str
        Names of such files.
    text : callable, optional
        ``text(mask, path)`` gives all that the file holds; a kind without it is a product on a grid.
    """

    what: str
    suffixes: tuple[str, ...]
    text: Callable[[Mask, Path], str] | None = None


def _as_json(mask: Mask, path: Path) -> str:
    return dumps(mask)


def _as_recipe(mask: Mask, path: Path) -> str:
    return recipe_text(mask, path.parent)


def _as_regions(mask: Mask, path: Path) -> str:
    shapes = list(_shapes(mask))
    # A shape that text cannot say to the last bit, or not at all, is refused rather than written as another.
    for each in shapes:
        if Region(ds9_text([each])).shape != each:
            raise FormatError(f"DS9 text cannot say {each.text()}: write a recipe (.yaml) instead")
    return ds9_text(shapes)


def _shapes(mask: Mask) -> Iterator[Shape]:
    """The shapes that a mask is the union of."""
    if isinstance(mask, Or):
        for each in mask.masks:
            yield from _shapes(each)
    elif isinstance(mask, Region) and not mask.is_planar:
        yield mask.shape
    elif isinstance(mask, Catalog) and mask.radius.ndim < 2:
        radii = np.broadcast_to(mask.radius, mask.lon.shape)
        for lon, lat, radius in zip(mask.lon, mask.lat, radii, strict=True):
            yield Circle(float(lon), float(lat), float(radius), frame=mask.frame)
    else:
        raise MaskTypeError(
            f"a region file holds regions on the sky, catalogues with one radius a source, and their unions; "
            f"not {mask.label()}: write a recipe (.yaml) or an expression (.json)"
        )


WRITERS: Final[dict[str, Writer]] = {
    "recipe": Writer("a recipe", (".yaml", ".yml"), _as_recipe),
    "expression": Writer("an expression as JSON", (".json",), _as_json),
    "regions": Writer("a region file of DS9", (".reg",), _as_regions),
    "moc": Writer("a MOC", (".moc.fits",)),
    "map": Writer("a mask product", tuple(suffix for each in FORMATS for suffix in each.suffixes)),
}
"""Kinds of files that a mask is written to, in the order in which a suffix is looked up."""


def writer_of(path: Path) -> Writer:
    """The kind of file that a suffix says.

    Raises
    ------
    FormatError
        For another suffix.

    Examples
    --------
    >>> writer_of(Path("exclusion.reg")).what
    'a region file of DS9'
    """
    for each in WRITERS.values():
        if path.name.lower().endswith(each.suffixes):
            return each
    raise unknown_ending(path, (suffix for each in WRITERS.values() for suffix in each.suffixes))


def convert(
    held: Held,
    path: str | os.PathLike[str],
    grid: Grid | None = None,
    overwrite: bool = False,
    order: int | None = None,
) -> Path:
    """Write the mask in one file to another, of the kind that its suffix says.

    Parameters
    ----------
    held : Held
        What `read_any` found.
    path : str or path
        What is written.
    grid : Grid, optional
        For a product; the one that the first file has, if it is not given.
    overwrite : bool
        Replace an existing file.
    order : int, optional
        Of a MOC, which holds the cells whose centres are selected; that of the first file if it is a MOC.

    Raises
    ------
    OutputExistsError
        If it is there.
    FormatError
        For an unknown suffix, a product without a grid, a grid of what is no product, or an order of what is
        no MOC.
    MaskTypeError
        For a mask that a region file cannot hold.
    """
    place = Path(path)
    writer = writer_of(place)
    if order is not None and writer is not WRITERS["moc"]:
        raise FormatError(f"{place}: an order is that of a MOC, whose name ends in .moc.fits")
    if order is not None and grid is not None:
        raise FormatError(f"{place}: a MOC is of an order (--order) or of a grid (--grid), not of both")
    if writer is WRITERS["moc"] and grid is None and (order is not None or isinstance(held.mask, Moc)):
        cells = held.mask if order is None else to_moc(held.mask, order)
        assert isinstance(cells, Moc)
        return cells.write(place, overwrite=overwrite)
    if writer.text is None:
        return write(held.mask, place, _one_grid(held, grid, place, writer), overwrite)
    if grid is not None:
        raise FormatError(f"{place}: {writer.what} has no grid: leave out --grid")
    check_place(place, overwrite)
    write_whole(place, writer.text(held.mask, place).encode("utf-8"), overwrite)
    return place


def _one_grid(held: Held, grid: Grid | None, place: Path, writer: Writer) -> Grid:
    found = [grid] if grid is not None else list(held.grids.values())
    if writer is WRITERS["moc"] and not (len(found) == 1 and isinstance(found[0], HpxGeom)):
        raise FormatError(
            f"{place}: a MOC needs the order of its cells (--order), or a HEALPix grid (--grid)"
        )
    if len(found) != 1:
        several = f"; {READERS[held.kind].what} has several: {', '.join(held.grids)}" if found else ""
        raise FormatError(
            f"{place}: {writer.what} needs a grid (--grid): of a recipe, a FITS header or a map{several}"
        )
    return found[0]
