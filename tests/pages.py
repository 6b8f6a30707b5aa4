"""Pages of Markdown whose ```python blocks run, in order, each page one namespace.

``<!-- no-run -->`` on the line before a block skips it. ``<!-- needs: gammapy -->`` anywhere on a page skips
the page where a package is absent, ``<!-- needs file: ../shared/data -->`` where a file is. A ```text block
with ``<!-- output -->`` on the line before it, right below a Python block, is what that block prints: it is
compared, where ``...`` stands for anything, and ``python -m tests.pages docs/howto/*.md`` writes it anew.
"""

from __future__ import annotations

import doctest
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from textwrap import dedent, indent
from types import CodeType

import pytest

__all__ = ["ROOT", "Block", "blocks", "close_figures", "furnish", "pages", "run"]

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(
    r"(?P<skip>^[ ]*<!-- no-run -->[ ]*\n)?"
    r"^(?P<indent>[ ]*)```(?:python|\{code-block\} python)[ ]*\n(?P<code>.*?)^(?P=indent)```[ ]*$"
    r"(?P<output>\n+^[ ]*<!-- output -->[ ]*\n"
    r"^(?P=indent)```text[ ]*\n(?P<expected>.*?)^(?P=indent)```[ ]*$)?",
    re.MULTILINE | re.DOTALL,
)
NEEDS = re.compile(r"<!-- needs: (.+?) -->")
NEEDS_FILE = re.compile(r"<!-- needs file: (.+?) -->")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass
class Block:
    """A block of a page."""

    code: CodeType
    """Compiled so that a traceback names the page's own lines."""
    expected: str | None
    """What it prints, where the page shows that."""
    span: tuple[int, int]
    """Where in the page the text is that shows it."""
    indent: str


def pages() -> list[Path]:
    """README.md and the pages below docs/ that show Python."""
    made = {ROOT / "docs/_build", ROOT / "docs/generated"}
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        path
        for path in found
        if path.exists()
        and not made & set(path.parents)
        and any(blocks(path.read_text(encoding="utf-8"), path))
    ]


def blocks(text: str, path: Path) -> Iterator[Block]:
    """The page's blocks that run."""
    for match in FENCE.finditer(text):
        if match["skip"]:
            continue
        line = text.count("\n", 0, match.start("code"))
        code = compile("\n" * line + dedent(match["code"]), str(path), "exec", dont_inherit=True)
        expected = dedent(match["expected"]) if match["output"] else None
        yield Block(code, expected, match.span("expected"), match["indent"])


def run(path: Path, printed: list[tuple[Block, str]] | None = None) -> dict[str, object]:
    """Run a page, compare what it prints with what it shows; the namespace it leaves.

    With a list the output is put there instead of being compared.
    """
    text = path.read_text(encoding="utf-8")
    for names in NEEDS.findall(text):
        for name in names.split():
            pytest.importorskip(name, reason=f"{path.name} needs {name}, which is not installed")
    for name in NEEDS_FILE.findall(text):
        if not Path(name).exists():
            pytest.skip(f"{path.name} needs {name}, which is not there")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(text, path):
        out = StringIO()
        with redirect_stdout(out):
            exec(block.code, namespace)
        if printed is not None:
            printed.append((block, out.getvalue()))
        elif block.expected is not None:
            _compare(path, block, out.getvalue())
    return namespace


def _compare(path: Path, block: Block, got: str) -> None:
    if not _agree(block.expected or "", got):
        line = path.read_text(encoding="utf-8").count("\n", 0, block.span[0])
        example = doctest.Example("", block.expected or "")
        message = doctest.OutputChecker().output_difference(example, got, FLAGS)
        raise AssertionError(f"{path}, line {line + 1}: it prints something else\n{message}")


def _agree(expected: str, got: str) -> bool:
    """Whether a text is what a page shows, where ``...`` stands for anything."""
    return doctest.OutputChecker().check_output(expected, got, FLAGS)


def furnish(folder: Path) -> Path:
    """Make the folder that a page runs in: it holds nothing but ``examples``; ``../shared`` is there as it is
    from the checkout.
    """
    page = folder / "page"
    page.mkdir()
    if (ROOT.parent / "shared").is_dir():
        (folder / "shared").symlink_to(ROOT.parent / "shared", target_is_directory=True)
    (page / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    return page


def close_figures() -> None:
    """Figures that a page leaves open would count against the next one's."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return
    plt.close("all")


def write_outputs(path: Path) -> None:
    """Put what the blocks of a page print into the page, where it shows that."""
    printed: list[tuple[Block, str]] = []
    run(path, printed)
    text = path.read_text(encoding="utf-8")
    for block, got in reversed(printed):
        if block.expected is not None and not _agree(block.expected, got):
            start, end = block.span
            text = text[:start] + indent(got, block.indent) + text[end:]
    path.write_text(text, encoding="utf-8")


def main(names: list[str]) -> None:
    """Write the outputs of some pages anew."""
    os.environ["MPLBACKEND"] = "Agg"
    for path in [Path(name).resolve() for name in names]:
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(furnish(Path(folder)))
            write_outputs(path)
            os.chdir(ROOT)
        close_figures()


if __name__ == "__main__":
    main(sys.argv[1:])
