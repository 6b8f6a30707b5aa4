"""The house stands: imports go strictly downwards, at the top of the file; files and functions are small.

Nothing is imported: the source is read by `ast`. Each check is tried on a small package that breaks it.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "maskexpr"

# The floors of the house, lowest first, and the rooms (folders) on each. A module imports from floors below
# its own and from its own room. A new folder needs a place here; ten floors are enough.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("core",),
    ("doors", "pixels", "sphere"),
    ("grid",),
    ("grid.healpix", "grid.wcs"),
    ("expr", "io", "shapes"),
    ("circles", "components", "growth", "maps", "moc", "shapes.formats", "tables"),
    ("estimate", "nodes"),
    ("browser", "compile", "recipes"),
    ("testing", "verbs"),
    ("",),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MOST_FLOORS = 10

# The one place that reaches up: the verbs on Mask are annotated with what they give, so that what only the
# type checker reads of it may point up.
REACHES_UP = "expr.verbs"

# Passes that rewrite one node into others, and so know them; no other pass does.
REWRITES = ("compile.lower", "compile.simplify", "compile.spread", "compile.unite")

# Where a package is imported by another name than it is installed by.
IMPORT_NAMES = {"pyyaml": "yaml"}

# Not declared, and importable all the same: xarray's own indexes are pandas', astropy reads ECSV with yaml.
COME_ALONG = {"pandas", "yaml"}

# maskexpr.testing is imported only by tests, which have these.
FOR_TESTS = {"hypothesis", "pytest"}

LONGEST_FUNCTION = 40


@cache
def sources(package: Path) -> dict[str, ast.Module]:
    """Dotted name below the package (``nodes.band``; ``nodes.__init__``) to syntax tree; read once."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package).with_suffix("").parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return found


def room_of(module: str) -> str:
    """The folder that a module lies in, dotted; "" for the package's own."""
    return module.rpartition(".")[0]


def absolute(node: ast.ImportFrom, module: str, package: str) -> str:
    """The dotted name that a ``from`` import names, its dots resolved."""
    if not node.level:
        return node.module or ""
    at = [package, *module.split(".")]
    return ".".join([*at[: len(at) - node.level], *([node.module] if node.module else [])])


def own(dotted: str, modules: dict[str, ast.Module]) -> str | None:
    """The module of the package that ``dotted`` (below the package) is, if it is one."""
    for name in (dotted, f"{dotted}.__init__" if dotted else "__init__"):
        if name in modules:
            return name
    return None


def targets(node: ast.AST, module: str, modules: dict[str, ast.Module], package: str) -> Iterator[str]:
    """The dotted names that one import statement asks for; the package's own without the package's name.

    The package's own come with a leading dot.
    """
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        assert isinstance(node, ast.ImportFrom)
        base = absolute(node, module, package)
        names = [f"{base}.{alias.name}" for alias in node.names]
    for name in names:
        top, _, rest = name.partition(".")
        if top != package:
            yield name
            continue
        # `from .nodes import band` asks for the module nodes.band; `from .errors import X` for errors.
        found = own(rest, modules) or own(rest.rpartition(".")[0], modules)
        yield f".{found or rest}"


@cache
def imports(tree: ast.Module) -> list[tuple[ast.stmt, str | None, bool]]:
    """Each import, the function it stands in (None at the top) and whether only the type checker reads it."""

    def walk(
        node: ast.AST, function: str | None, typing: bool
    ) -> Iterator[tuple[ast.stmt, str | None, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield child, function, typing
            inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            guard = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from walk(child, inside, typing or guard)

    return list(walk(tree, None, False))


def declared() -> set[str]:
    """Import names of the hard dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[<>=~! ]", text)[0].lower() for text in project["dependencies"]}
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}


def downward(source: str, target: str) -> bool:
    """Whether a module may import another: from its own room, or from a floor below."""
    here, there = room_of(source), room_of(target)
    return (
        here == there
        or {here, there} == {"grid", "grid.wcs"}
        or FLOOR_OF.get(there, MOST_FLOORS) < FLOOR_OF[here]
    )


def broken_imports(package: Path) -> list[str]:
    """Every import that breaks the rules, as one line each."""
    modules = sources(package)
    faults = [
        f"{module}: its folder has no place in FLOORS of tests/test_layers.py; add it"
        for module in modules
        if room_of(module) not in FLOOR_OF
    ]
    allowed = declared() | COME_ALONG | set(sys.stdlib_module_names)
    for module, tree in modules.items():
        if room_of(module) not in FLOOR_OF:
            continue
        extra = FOR_TESTS if room_of(module) == "testing" else set()
        for node, function, typing in imports(tree):
            for name in targets(node, module, modules, package.name):
                line = f"{module}:{node.lineno} imports {name.lstrip('.')}"
                up = module == REACHES_UP and typing
                if function:
                    faults.append(f"{line} inside {function}(): to the top, or errors.require for an extra")
                elif name.startswith("."):
                    if not up and not downward(module, name[1:]):
                        faults.append(f"{line}, which is not below it")
                elif not typing and name.partition(".")[0] not in allowed | extra:
                    faults.append(f"{line}, which is no hard dependency: use errors.require")
    return list(dict.fromkeys(faults))


def passes_that_know_nodes(package: Path) -> list[str]:
    """Passes, other than the rewrite rules, that import a node or what nodes are made with.

    Components are no node: the pass that joins tiles is their driver.
    """
    modules = sources(package)
    known = ("nodes", "growth", "maps", "circles", "shapes")
    return [
        f"{module}:{node.lineno} imports {name[1:]}"
        for module, tree in modules.items()
        if room_of(module) == "compile" and module not in REWRITES
        for node, _, _ in imports(tree)
        for name in targets(node, module, modules, package.name)
        if name.startswith(tuple(f".{room}." for room in known))
    ]


def cycle(package: Path) -> list[str]:
    """The modules of one import cycle, or none. What only the type checker reads makes no cycle."""
    modules = sources(package)
    graph = {
        module: {
            name[1:]
            for node, function, typing in imports(tree)
            for name in targets(node, module, modules, package.name)
            if name.startswith(".") and not typing and not function and name[1:] in modules
        }
        for module, tree in modules.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def dynamic_imports(package: Path) -> list[str]:
    """Imports by a call, anywhere but in core/errors.py, which holds the one helper."""
    return [
        f"{module}:{node.lineno}"
        for module, tree in sources(package).items()
        if module != "core.errors"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    ]


def too_long(package: Path) -> list[str]:
    """Function bodies (docstring apart) above the limit."""
    faults = []
    for module, tree in sources(package).items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if length > LONGEST_FUNCTION:
                faults.append(f"{module}.{node.name}: {length} lines")
    return faults


def not_offered(package: Path) -> list[str]:
    """Names that a module imports from another, which does not offer them in its ``__all__``."""
    modules = sources(package)
    offered = {module: all_of(tree) for module, tree in modules.items()}
    faults = []
    for module, tree in modules.items():
        for node in (node for node, _, _ in imports(tree) if isinstance(node, ast.ImportFrom)):
            top, _, base = absolute(node, module, package.name).partition(".")
            source = own(base, modules) if top == package.name else None
            if source not in offered:
                continue
            names = [each.name for each in node.names if not own(f"{base}.{each.name}".lstrip("."), modules)]
            missing = [name for name in names if name not in offered[source]]
            faults += [f"{source}: __all__ lacks {name}, which {module} imports" for name in missing]
    return faults


def all_of(tree: ast.Module) -> set[str]:
    """The names in a module's ``__all__``."""
    lists = [
        ast.literal_eval(each.value)
        for each in tree.body
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == "__all__"
    ]
    return {name for names in lists for name in names}


def without_a_sentence(package: Path) -> list[str]:
    """Modules and folders whose first line does not say what they are."""
    return [module for module, tree in sources(package).items() if not ast.get_docstring(tree)]


def test_ten_floors_at_most() -> None:
    assert len(FLOORS) <= MOST_FLOORS


CHECKS = [
    broken_imports,
    cycle,
    dynamic_imports,
    not_offered,
    passes_that_know_nodes,
    too_long,
    without_a_sentence,
]


@pytest.mark.parametrize("check", CHECKS)
def test_package(check: Callable[[Path], list[str]]) -> None:
    faults = check(PACKAGE)
    assert not faults, "\n".join(faults)


BAD = {
    "upwards": (
        {"core/coverage": "from ..nodes.band import Band", "nodes/band": ""},
        broken_imports,
        "not below",
    ),
    "absolute": (
        {"core/coverage": "import maskexpr.expr.mask", "expr/mask": ""},
        broken_imports,
        "not below",
    ),
    "the top": ({"expr/mask": "from .. import AllSky", "__init__": ""}, broken_imports, "not below"),
    "next door": ({"io/fits": "from ..expr.mask import Mask", "expr/mask": ""}, broken_imports, "not below"),
    "unknown": ({"misc/a": ""}, broken_imports, "no place"),
    "in a function": (
        {"expr/mask": "def f():\n    from ..core.errors import E", "core/errors": ""},
        broken_imports,
        "inside f()",
    ),
    "an extra inside": ({"expr/mask": "def f():\n    import zarr"}, broken_imports, "errors.require"),
    "an extra at the top": ({"expr/mask": "import zarr.storage"}, broken_imports, "no hard dependency"),
    "types only": (
        {"grid/tiles": "if TYPE_CHECKING:\n    from ..expr.mask import Mask", "expr/mask": ""},
        broken_imports,
        "below",
    ),
    "cycle": ({"nodes/a": "from .b import x", "nodes/b": "from . import a"}, cycle, "nodes.a"),
    "by a call": ({"expr/mask": "importlib.import_module('zarr')"}, dynamic_imports, "expr.mask:1"),
    "a pass and a node": (
        {"compile/plan": "from ..maps.leaf import FromData", "maps/leaf": ""},
        passes_that_know_nodes,
        "compile.plan:1",
    ),
    "not offered": (
        {"expr/mask": "from ..core.errors import E, F", "core/errors": "__all__ = ['E']"},
        not_offered,
        "core.errors: __all__ lacks F",
    ),
    "long function": ({"expr/mask": "def f():\n" + "    x = 1\n" * 41}, too_long, "41"),
    "no sentence": ({"core/words": "x = 1"}, without_a_sentence, "core.words"),
}


def write_package(folder: Path, files: dict[str, str]) -> Path:
    package = folder / "maskexpr"
    for name, text in files.items():
        path = package / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return package


@pytest.mark.parametrize("name", BAD)
def test_breach_is_found(name: str, tmp_path: Path) -> None:
    files, check, words = BAD[name]
    faults = check(write_package(tmp_path, files))
    assert faults
    assert words in "\n".join(faults)


def test_what_is_allowed(tmp_path: Path) -> None:
    files = {
        "core/errors": "import importlib\nimportlib.import_module('zarr')",
        "grid/tiles": "import numpy as np\nfrom .points import x\nfrom ..core.errors import y",
        "grid/points": "",
        "expr/verbs": "if TYPE_CHECKING:\n    from ..compile.plan import Plan",
        "compile/plan": "",
        "compile/simplify": "from ..nodes.band import Band",
        "verbs/engine": "from ..compile.plan import Plan",
        "nodes/band": "from ..grid.tiles import Tile\nfrom . import rings",
        "nodes/rings": "from __future__ import annotations",
        "__init__": "from .verbs.engine import on",
    }
    package = write_package(tmp_path, files)
    assert broken_imports(package) == cycle(package) == dynamic_imports(package) == []
    assert passes_that_know_nodes(package) == []
