"""`Recipe`: a mask, the grids that it is put on and the files that it is written to, as one YAML file."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from inspect import signature
from pathlib import Path
from typing import Any, Final

from dask.utils import parse_bytes

from ..core.arguments import flag, one_of, path_of
from ..core.calls import told_class, told_methods, told_names
from ..core.errors import FormatError, MaskTypeError, MaskValueError, borrowed
from ..core.names import described, nearest, shown
from ..doors.files import read_file
from ..expr.mask import Mask
from ..grid.axis import Axis
from ..grid.healpix.geom import HpxGeom
from ..grid.lattice import Grid
from ..grid.wcs.geom import WcsGeom
from ..io.formats import check_output, format_of
from ..io.workspace import write_whole
from .build import Workshop, attempt
from .grammar import GRIDS, names_in, node_names, parse_mask
from .text import Item, read_yaml
from .write import same, to_yaml, written

__all__ = ["Output", "Recipe", "recipe_text", "to_recipe"]

VERSION = 1
_KEYS = ("maskexpr", "parts", "mask", "grid", "grids", "outputs")
_GRID = "grid"


@dataclass(frozen=True)
class Output:
    """A file that a recipe makes.

    Parameters
    ----------
    path : Path
        Where; what it becomes follows from its suffix.
    grid : str
        Name of the grid.
    options : mapping
        Further arguments of `Mask.write`.
    """

    path: Path
    grid: str
    options: Mapping[str, Any] = field(default_factory=dict)


@told_class
@told_methods
@told_names("a recipe")
@dataclass(frozen=True)
class Recipe:
    """A mask with the grids and outputs that a YAML file names.

    Parameters
    ----------
    mask : Mask
        The mask.
    grids : mapping of str to Grid
        The grids by their names; the one of ``grid:`` is called ``"grid"``.
    outputs : tuple of Output
        What `run` writes.

    Examples
    --------
    >>> recipe = Recipe.loads('''
    ... maskexpr: 1
    ... parts:
    ...   plane: {Band: {lat: [-5 deg, 5 deg], frame: galactic}}
    ... mask: {Not: {Dilate: {mask: plane, radius: 1 deg}}}
    ... grid: {allsky: {binsz: 1 deg, frame: galactic}}
    ... ''')
    >>> recipe.mask
    ~Dilate(Band(lat=(-5 deg, 5 deg), frame='galactic'), 1 deg)
    >>> recipe.grid.shape
    (180, 360)
    """

    mask: Mask
    grids: Mapping[str, Grid] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.mask, Mask):
            raise MaskTypeError(
                f"a Recipe is made of a mask, got {described(self.mask)}; read a file with Recipe.read(path)"
            )
        grids = self.grids.values() if isinstance(self.grids, Mapping) else [self.grids]
        if not isinstance(self.grids, Mapping) or not all(isinstance(each, Grid) for each in grids):
            raise MaskTypeError(
                f"grids of a Recipe are names with a grid each, {{'grid': geom}}; got {shown(self.grids)}"
            )
        if not isinstance(self.outputs, tuple) or not all(isinstance(each, Output) for each in self.outputs):
            raise MaskTypeError(
                "outputs of a Recipe are those that Recipe.read made, "
                f"got {shown(self.outputs)}; to write a mask: mask.write(path, geom)"
            )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Recipe:
        r"""Read a YAML file; paths in it are relative to its folder.

        Parameters
        ----------
        path : path
            The file.

        Raises
        ------
        FileMissingError
            If the file is not there.
        RecipeError
            For what cannot be read, with line, column and keys.

        Examples
        --------
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "mask.yaml")
        >>> _ = path.write_text("maskexpr: 1\nmask: {Band: {lat: [-5 deg, 5 deg]}}")
        >>> Recipe.read(path).mask
        Band(lat=(-5 deg, 5 deg), frame='icrs')
        """
        place = path_of(path, "the recipe")
        data = read_file(path, "recipe")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as err:
            raise FormatError(
                f"{place} cannot be read as a recipe, which is text; of a map write maskexpr.read_mask(path)"
            ) from err
        return cls.loads(text, place.parent, str(place))

    @classmethod
    def loads(cls, text: str, folder: str | os.PathLike[str] = ".", name: str = "recipe") -> Recipe:
        r"""Read YAML text.

        Parameters
        ----------
        text : str
            The recipe.
        folder : path
            What paths in it are relative to.
        name : str
            What errors call it.

        Examples
        --------
        >>> Recipe.loads("maskexpr: 1\nmask: AllSky\ngrid: {allsky: {binsz: 10 deg}}").grid.shape
        (18, 36)
        """
        if not isinstance(text, str):
            raise MaskTypeError(f"Recipe.loads takes the text of a recipe, got {described(text)}")
        if not isinstance(name, str):
            raise MaskTypeError(f"name is what errors call the recipe, got {described(name)}")
        top = read_yaml(text, name)
        keys = _checked_top(top)
        shop = Workshop(path_of(folder, "the folder of a recipe"))
        mask = _mask(keys, shop, top)
        grids = _grids(keys, shop)
        return cls(mask, grids, _outputs(keys, grids, shop))

    @property
    def grid(self) -> Grid:
        """The grid of a recipe that has one.

        Raises
        ------
        FormatError
            If it has none, or several.
        """
        if len(self.grids) != 1:
            names = ", ".join(self.grids)
            raise FormatError(
                f"the recipe has several grids, {names}: take one of .grids"
                if names
                else "the recipe has no grid: add one, such as grid: {allsky: {binsz: 0.1 deg}}"
            )
        return next(iter(self.grids.values()))

    def run(self, skip: Collection[str | os.PathLike[str]] = (), **options: Any) -> list[Path]:
        r"""Write all outputs.

        Parameters
        ----------
        skip : collection of paths
            Outputs that are not written, as `outputs` names them.
        **options
            Of `Mask.write`; they win over the recipe's.

        Returns
        -------
        list of Path
            What was written.

        Examples
        --------
        >>> import tempfile
        >>> out = tempfile.mkdtemp()
        >>> text = "maskexpr: 1\nmask: AllSky\ngrid: {allsky: {binsz: 10 deg}}\noutputs: [all.fits]"
        >>> [each.name for each in Recipe.loads(text, out).run(overwrite=True)]
        ['all.fits']
        """
        if not self.outputs:
            raise FormatError("the recipe has no outputs: add outputs: [mask.zarr]")
        if isinstance(skip, str | os.PathLike) or not isinstance(skip, Collection):
            raise MaskTypeError(
                f"run writes all outputs but those in skip, a list of paths, got {described(skip)}"
            )
        left = {path_of(each, "an output to skip") for each in skip}
        known = [each.path for each in self.outputs]
        for odd in left.difference(known):
            raise MaskValueError(
                f"{str(odd)!r} is no output of the recipe{nearest(str(odd), map(str, known))}"
            )
        wanted = [(each, {**each.options, **options}) for each in self.outputs if each.path not in left]
        # All of them, before the first takes its time.
        for each, given in wanted:
            check_output(each.path, given.get("overwrite", False))
        return [self.mask.write(each.path, self.grids[each.grid], **given) for each, given in wanted]


def to_recipe(mask: Mask, path: str | os.PathLike[str] | None = None, embed: bool = False) -> str:
    """Write a mask as a recipe. See `Mask.to_recipe`."""
    flag(embed, "embed")
    if not isinstance(path, str | os.PathLike | None):
        raise MaskTypeError(f"to_recipe takes a path, got {described(path)}")
    if path is None:
        return recipe_text(mask, Path(), embed)
    text = recipe_text(mask, Path(path).parent, embed)
    write_whole(Path(path), text.encode("utf-8"), overwrite=True)
    return text


def recipe_text(mask: Mask, folder: Path, embed: bool = False) -> str:
    """The recipe of a mask that will stand in a folder, read back and found equal."""
    text = to_yaml({"maskexpr": VERSION, **written(mask, folder, embed)})
    if not same(Recipe.loads(text, folder).mask, mask):
        raise FormatError("the recipe does not read back as the mask; save it with maskexpr.dumps")
    return text


def _checked_top(top: Item) -> dict[str, Item]:
    keys = top.value
    if not isinstance(keys, dict):
        raise top.error("a recipe is a mapping: maskexpr: 1, mask: ..., grid: ...")
    for key, item in keys.items():
        if key not in _KEYS:
            raise item.error(f"a recipe has no {key!r}{nearest(key, _KEYS)}; it has {', '.join(_KEYS)}")
    version = keys.get("maskexpr")
    if version is None:
        raise top.error("a recipe begins with its version, maskexpr: 1")
    if version.value != VERSION or isinstance(version.value, bool):
        raise version.error(f"version {version.plain()!r}; this maskexpr reads version {VERSION}")
    return keys


def _mask(keys: Mapping[str, Item], shop: Workshop, top: Item) -> Mask:
    """The mask, its parts made in the order in which they need each other."""
    if "mask" not in keys:
        raise top.error("a recipe needs a mask:")
    parts = keys["parts"].value if "parts" in keys else {}
    if parts is None:
        parts = {}
    if not isinstance(parts, dict):
        raise keys["parts"].error("parts: takes a mapping of names to masks")
    for name in set(parts) & set(node_names()):
        raise parts[name].error(f"a part cannot have the name of a node, {name!r}")
    trees = {name: parse_mask(item, parts) for name, item in parts.items()}
    tree = parse_mask(keys["mask"], parts)
    graph = {name: set(names_in(each)) for name, each in trees.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as err:
        circle = " -> ".join(err.args[1])
        raise parts[err.args[1][0]].error(f"parts that are made of each other: {circle}") from err
    made: dict[str, Mask] = {}
    for name in order:
        made[name] = shop.mask(trees[name], made)
    return shop.mask(tree, made)


def _grids(keys: Mapping[str, Item], shop: Workshop) -> dict[str, Grid]:
    if "grid" in keys and "grids" in keys:
        raise keys["grids"].error("give grid: or grids:, not both")
    if "grid" in keys:
        return {_GRID: _grid(keys["grid"], shop)}
    if "grids" not in keys:
        return {}
    item = keys["grids"]
    if not isinstance(item.value, dict):
        raise item.error("grids: takes a mapping of names to grids")
    return {name: _grid(each, shop) for name, each in item.value.items()}


def _grid(item: Item, shop: Workshop) -> Grid:
    kinds = (*GRIDS, "header")
    if not isinstance(item.value, dict) or len(item.value) != 1:
        raise item.error(
            f"a grid is one of {', '.join(kinds)} with its arguments, {{allsky: {{binsz: 0.1 deg}}}}"
        )
    [(kind, given)] = item.value.items()
    if kind == "header":
        grid: Grid = attempt(given, WcsGeom.read, shop.path(given))
        return grid
    if kind not in kinds:
        raise item.error(f"no kind of grid is called {kind!r}{nearest(kind, kinds)}; use {', '.join(kinds)}")
    if not isinstance(given.value, dict):
        raise given.error(f"{kind}: takes the arguments of {GRIDS[kind].__qualname__}, by their names")
    options = {key: each.plain() for key, each in given.value.items() if key != "axes"}
    if "axes" in given.value:
        options["axes"] = _axes(given.value["axes"])
    made: Grid = attempt(given, GRIDS[kind], **options)
    return made


def _axes(item: Item) -> tuple[Axis, ...]:
    if not isinstance(item.value, list) or not all(isinstance(each.value, dict) for each in item.value):
        raise item.error("axes: [{name: energy, edges: [1 GeV, 10 GeV]}], or with lo, hi, nbin")
    axes = []
    for each in item.value:
        make = Axis.from_bounds if "nbin" in each.value else Axis
        options = each.plain()
        axes.append(attempt(each, make, **options))
    return tuple(axes)


def _outputs(keys: Mapping[str, Item], grids: Mapping[str, Grid], shop: Workshop) -> tuple[Output, ...]:
    if "outputs" not in keys:
        return ()
    item = keys["outputs"]
    if not isinstance(item.value, list):
        raise item.error("outputs: takes a list of files")
    made = [_output(each, grids, shop) for each in item.value]
    for number, (each, output) in enumerate(zip(item.value, made, strict=True)):
        if output.path in [other.path for other in made[:number]]:
            raise each.error(f"{str(output.path)!r} is an output already")
    return tuple(made)


# What is about the one who writes, and not about the mask, a recipe does not say.
_OPTIONS: Final = {
    key: each
    for key, each in signature(Mask.write).parameters.items()
    if key not in ("self", "path", "geom", "client", "progress")
}


def _output(item: Item, grids: Mapping[str, Grid], shop: Workshop) -> Output:
    if not grids:
        raise item.error("an output needs a grid: add grid: {allsky: {binsz: 0.1 deg}}")
    only = next(iter(grids)) if len(grids) == 1 else None
    if isinstance(item.value, str):
        path, name, options, given = item, only, {}, {}
    elif isinstance(item.value, dict) and "path" in item.value:
        path = item.value["path"]
        given = {key: each for key, each in item.value.items() if key not in ("path", _GRID)}
        options = {key: _option(key, each) for key, each in given.items()}
        name = item.value[_GRID].plain() if _GRID in item.value else only
    else:
        raise item.error("an output is a path, or {path: ..., grid: name of a grid}")
    if name is None:
        raise item.error(f"the recipe has several grids ({', '.join(grids)}): {{path: ..., grid: ...}}")
    if not isinstance(name, str) or name not in grids:
        raise item.error(f"no grid is called {name!r}{nearest(str(name), grids)}")
    place = shop.path(path)
    attempt(path, format_of, place)
    for key, value in options.items():
        attempt(given[key], _check_option, key, value, grids[name])
    return Output(place, name, options)


def _option(key: str, item: Item) -> Any:
    """A further argument of `Mask.write`, which would else be refused when other outputs are made already."""
    if key not in _OPTIONS:
        wanted = ", ".join(["path", _GRID, *_OPTIONS])
        raise item.error(f"an output has no {key!r}{nearest(key, _OPTIONS)}; it has {wanted}")
    return item.plain()


def _check_option(key: str, value: Any, grid: Grid) -> None:
    """Refuse at once what would stop the run when other outputs are made already."""
    if isinstance(_OPTIONS[key].default, bool):
        flag(value, key)
    elif key == "chunks":
        grid.layout(value)
    elif key == "ordering":
        one_of(key, value, ("nested", "ring"))
        if not isinstance(grid, HpxGeom):
            raise MaskTypeError("ordering is that of HEALPix cells; the grid is a map")
    elif key == "store":
        path_of(value, "the store of tiles")
    elif key == "memory_limit" and (not isinstance(value, str | int | float) or isinstance(value, bool)):
        raise MaskTypeError(f"memory_limit must be bytes or text such as '2 GB', got {shown(value)}")
    elif key == "memory_limit" and isinstance(value, str):
        with borrowed(f"memory_limit must be bytes or text such as '2 GB', got {value!r}", MaskValueError):
            parse_bytes(value)
