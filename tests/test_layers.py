"""The house stands: imports go strictly downwards, at the top of the file; files and functions are small.

Nothing is imported: the source is read by `ast`. Each check is tried on a small package that breaks it.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "maskexpr"

# Lowest first. A module may import from any row above its own. Within a row it may import what stands before
# it in the row, and the other modules of its own part (a subpackage, or files that share a pattern such as
# geom and geom_header); cycles are refused everywhere. A new module needs a place here.
LAYERS: tuple[tuple[str, ...], ...] = (
    (
        "errors",
        "coverage",
        "angles",
        "sphere*",
        "window",
        "once",
        "threads",
        "bits*",
        "digests",
        "kernels*",
        "labels*",
        "records",
        "structure",
        "trace",
    ),
    ("axis*", "projection*", "lattice", "geom*", "points", "tiles*", "neighbours", "shapes"),
    ("regionio*", "adapters", "fluent", "expr"),
    ("nodes",),
    ("passes",),
    (
        "stages",
        "compiled",
        "plan*",
        "running",
        "eager",
        "preview",
        "output*",
        "sampling",
        "significance*",
        "psf*",
        "verbs",
    ),
    ("testing*", "demo*"),
    ("__init__",),
)
PARTS = [pattern for row in LAYERS for pattern in row]
LAYER_OF = {pattern: number for number, row in enumerate(LAYERS) for pattern in row}

# The one place that reaches up: the verbs on Mask. Its methods are annotated with what the verbs return, so
# its imports for the type checker alone may point up too.
REACHES_UP = ("fluent", "_verbs", "verbs")

# Where a package is imported by another name than it is installed by.
IMPORT_NAMES = {"pyyaml": "yaml"}

# Not declared, and importable all the same: xarray's own indexes are pandas', astropy reads ECSV with yaml.
COME_ALONG = {"pandas", "yaml"}

# testing.py is imported only by tests, which have these.
FOR_TESTS = {"hypothesis", "pytest"}

LONGEST_FILE = 300
LONGEST_FUNCTION = 40


def sources(package: Path) -> dict[str, ast.Module]:
    """Dotted name below the package (``nodes.band``; ``nodes.__init__``) to syntax tree."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package).with_suffix("").parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    return found


def part_of(module: str) -> str | None:
    """The entry of the table that `module` belongs to."""
    top = module.partition(".")[0]
    return next((pattern for pattern in PARTS if fnmatch(top, pattern)), None)


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


def imports(tree: ast.Module) -> Iterator[tuple[ast.stmt, str | None, bool]]:
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

    yield from walk(tree, None, False)


def declared() -> set[str]:
    """Import names of the hard dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[<>=~! ]", text)[0].lower() for text in project["dependencies"]}
    return {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in names}


def downward(source: str, target: str) -> bool:
    """Whether the table lets `source` import `target`."""
    here, there = part_of(source), part_of(target)
    assert here is not None
    return there is not None and PARTS.index(there) <= PARTS.index(here)


def broken_imports(package: Path) -> list[str]:
    """Every import that breaks the rules, as one line each."""
    modules = sources(package)
    faults = [
        f"{module}: no place in LAYERS of tests/test_layers.py; add it"
        for module in modules
        if not part_of(module)
    ]
    allowed = declared() | COME_ALONG | set(sys.stdlib_module_names)
    upward_file, upward_function, upward_target = REACHES_UP
    for module, tree in modules.items():
        if not part_of(module):
            continue
        extra = FOR_TESTS if part_of(module) == "testing*" else set()
        for node, function, typing in imports(tree):
            for name in targets(node, module, modules, package.name):
                line = f"{module}:{node.lineno} imports {name.lstrip('.')}"
                up = module == upward_file and (
                    typing or (function, name) == (upward_function, f".{upward_target}")
                )
                if function and not up:
                    faults.append(f"{line} inside {function}(): to the top, or errors.require for an extra")
                elif name.startswith("."):
                    if not up and not downward(module, name[1:]):
                        faults.append(f"{line}, which is not below it")
                elif not typing and name.partition(".")[0] not in allowed | extra:
                    faults.append(f"{line}, which is no hard dependency: use errors.require")
    return list(dict.fromkeys(faults))


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
    """Imports by a call, anywhere but in errors.py, which holds the one helper."""
    return [
        f"{module}:{node.lineno}"
        for module, tree in sources(package).items()
        if module != "errors"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    ]


def too_long(package: Path) -> list[str]:
    """Files and function bodies (docstring apart) above the limits."""
    faults = []
    for module, tree in sources(package).items():
        path = package.joinpath(*module.split(".")).with_suffix(".py")
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_FILE:
            faults.append(f"{module}: {lines} lines")
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if length > LONGEST_FUNCTION:
                faults.append(f"{module}.{node.name}: {length} lines")
    return faults


@pytest.mark.parametrize("check", [broken_imports, cycle, dynamic_imports, too_long])
def test_package(check: Callable[[Path], list[str]]) -> None:
    faults = check(PACKAGE)
    assert not faults, "\n".join(faults)


BAD = {
    "upwards": ({"coverage": "from .nodes.band import Band", "nodes/band": ""}, broken_imports, "not below"),
    "absolute": ({"coverage": "import maskexpr.expr", "expr": ""}, broken_imports, "not below"),
    "the top": ({"expr": "from . import AllSky", "__init__": ""}, broken_imports, "not below"),
    "later in the row": (
        {"adapters/fits": "from ..expr import Mask", "expr": ""},
        broken_imports,
        "not below",
    ),
    "unknown": ({"misc": ""}, broken_imports, "no place"),
    "in a function": (
        {"expr": "def f():\n    from .errors import E", "errors": ""},
        broken_imports,
        "inside f()",
    ),
    "an extra inside": ({"expr": "def f():\n    import zarr"}, broken_imports, "errors.require"),
    "an extra at the top": ({"expr": "import zarr.storage"}, broken_imports, "no hard dependency"),
    "types only": (
        {"tiles": "if TYPE_CHECKING:\n    from .expr import Mask", "expr": ""},
        broken_imports,
        "below",
    ),
    "cycle": ({"nodes/a": "from .b import x", "nodes/b": "from . import a"}, cycle, "nodes.a"),
    "by a call": ({"expr": "importlib.import_module('zarr')"}, dynamic_imports, "expr:1"),
    "long file": ({"expr": "x = 1\n" * 301}, too_long, "301"),
    "long function": ({"expr": "def f():\n" + "    x = 1\n" * 41}, too_long, "41"),
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
        "errors": "import importlib\nimportlib.import_module('zarr')",
        "geom": "import numpy as np\nfrom .geom_header import x\nfrom .errors import y",
        "geom_header": "",
        "tiles": "from .geom import z",
        "fluent": (
            "if TYPE_CHECKING:\n    from .plan import Plan\ndef _verbs():\n    from maskexpr import verbs"
        ),
        "plan": "",
        "verbs": "from .plan import Plan\nfrom .nodes import band",
        "nodes/__init__": "from .band import Band",
        "nodes/band": "from ..geom import WcsGeom\nfrom . import _rings",
        "nodes/_rings": "from __future__ import annotations",
        "__init__": "from .verbs import on",
    }
    package = write_package(tmp_path, files)
    assert broken_imports(package) == cycle(package) == dynamic_imports(package) == []
