"""What the reference has to hold: the public names, and of each class the methods that stand on its page.

A method that a class shares with a public base stands with that base: the verbs of all masks with `Mask`,
what every grid can do with `Grid`. ``conf.py`` fills the pages by this rule, and tests/test_docs.py counts by
it.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cached_property
from importlib import import_module
from pathlib import Path

MODULES = ("maskexpr", "maskexpr.errors", "maskexpr.extend")
"""Where public names stand, in the order in which a name that several have is documented."""
ACCESSOR = "maskexpr.verbs.accessor.SkyAccessor"
"""What ``array.maskexpr`` is: nobody imports it, and everybody uses its methods."""


def public_names() -> dict[str, object]:
    """Every public name with its module, as ``maskexpr.errors.AxisError``, and what it is."""
    found: dict[str, object] = {}
    for module in map(import_module, MODULES):
        for name in module.__all__:
            if not any(f"{other}.{name}" in found for other in MODULES):
                found[f"{module.__name__}.{name}"] = getattr(module, name)
    found[ACCESSOR] = resolve(ACCESSOR)
    return found


def resolve(full: str) -> object:
    """What stands under a name with its module."""
    module, _, name = full.rpartition(".")
    return getattr(import_module(module), name)


def own_members(cls: type) -> list[str]:
    """The public methods and properties of a class that no public base of it has already."""
    classes = {each for each in public_names().values() if inspect.isclass(each)}
    bases = [base for base in cls.__mro__[1:] if base in classes or base.__module__ == "builtins"]
    members = [name for name in dir(cls) if not name.startswith("_") and _is_method(cls, name)]
    return [name for name in members if not any(hasattr(base, name) for base in bases)]


def _is_method(cls: type, name: str) -> bool:
    member = inspect.getattr_static(cls, name)
    kinds = (property, cached_property, classmethod, staticmethod)
    return inspect.isroutine(member) or isinstance(member, kinds)


def public_methods() -> dict[str, object]:
    """Every public method and property, as ``Mask.on``, and what it is."""
    return {
        f"{full.rpartition('.')[2]}.{member}": getattr(cls, member)
        for full, cls in public_names().items()
        if inspect.isclass(cls)
        for member in own_members(cls)
    }


def members_of(full: str) -> list[str]:
    """Members that stand on the page of a name with its module; none for what is no class."""
    cls = resolve(full)
    return own_members(cls) if inspect.isclass(cls) else []


def is_a_mask(full: str) -> bool:
    """Whether a name is that of a node, whose verbs stand with `Mask`."""
    mask, thing = resolve("maskexpr.Mask"), resolve(full)
    return inspect.isclass(thing) and thing is not mask and issubclass(thing, mask)


def call_of(full: str) -> str:
    """The arguments of a class, without the types, which stand below it in words."""
    signature = inspect.signature(resolve(full))
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def peers_names(project: str) -> dict[str, str]:
    """Names of another project that our pages link to, and its pages: docs/inventories holds them."""
    text = (Path(__file__).parent / f"inventories/{project}.txt").read_text(encoding="utf-8")
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: page for name, _, page in lines}


def peers_types(projects: Iterable[str]) -> dict[str, str]:
    """What stands for a name of another project where docstrings tell types: the whole name, and its last
    part unless that is a name of ours.
    """
    names = [name for project in projects for name in peers_names(project)]
    ours = {full.rpartition(".")[2] for full in public_names()}
    short = {name.rpartition(".")[2]: name for name in names if name.rpartition(".")[2] not in ours}
    return {name: f":obj:`{name}`" for name in names} | short
