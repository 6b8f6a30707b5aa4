"""Every page runs: the ```python blocks of README.md and docs/, in order, each page one namespace.

``<!-- no-run -->`` on the line before a block skips it. ``<!-- needs: gammapy -->`` anywhere on a page skips
the page where a package is absent. A page runs in a folder that holds nothing but ``examples``;
``../shared`` is there as it is from the checkout.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import CodeType

import pytest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(
    r"(?P<skip>^[ ]*<!-- no-run -->[ ]*\n)?"
    r"^(?P<indent>[ ]*)```(?:python|\{code-block\} python)[ ]*\n(?P<code>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
NEEDS = re.compile(r"<!-- needs: (.+?) -->")


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


def blocks(text: str, path: Path) -> Iterator[CodeType]:
    """The page's blocks, compiled so that a traceback names the page's own lines."""
    for match in FENCE.finditer(text):
        if match["skip"]:
            continue
        line = text.count("\n", 0, match.start("code"))
        yield compile("\n" * line + dedent(match["code"]), str(path), "exec", dont_inherit=True)


def run(path: Path) -> dict[str, object]:
    """Run a page; the namespace it leaves."""
    text = path.read_text(encoding="utf-8")
    for names in NEEDS.findall(text):
        for name in names.split():
            pytest.importorskip(name, reason=f"{path.name} needs {name}, which is not installed")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for code in blocks(text, path):
        exec(code, namespace)
    return namespace


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_page(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    if (ROOT.parent / "shared").is_dir():
        (tmp_path / "shared").symlink_to(ROOT.parent / "shared", target_is_directory=True)
    (folder / "examples").symlink_to(ROOT / "examples", target_is_directory=True)
    monkeypatch.chdir(folder)
    try:
        run(path)
    finally:
        close_figures()


def close_figures() -> None:
    """Figures that a page leaves open would count against the next one's."""
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        return
    plt.close("all")


PAGE = """
# Page

```python
x = 1
```

- in a list:

  ```python
  y = x + 1
  ```

<!-- no-run -->
```python
raise RuntimeError("skipped")
```

```text
not Python
```
"""


def test_blocks_share_a_namespace(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    assert run(path)["y"] == 2


def test_failing_block_fails_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE + "\n```python\n1 / 0\n```\n")
    with pytest.raises(ZeroDivisionError) as caught:
        run(path)
    assert caught.traceback[-1].lineno + 1 == path.read_text().splitlines().index("1 / 0") + 1


def test_page_may_need_a_package(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("<!-- needs: numpy nosuchpackage -->\n" + PAGE)
    with pytest.raises(pytest.skip.Exception, match="nosuchpackage"):
        run(path)


def test_every_public_name_has_a_docstring() -> None:
    """A method may inherit it: the laws of a node are documented on Mask."""
    import maskexpr

    silent = []
    for name in maskexpr.__all__:
        thing = getattr(maskexpr, name)
        if not (inspect.isclass(thing) or inspect.isroutine(thing)):
            continue
        members = inspect.getmembers(thing) if inspect.isclass(thing) else []
        own = [
            (f"{name}.{key}", value)
            for key, value in members
            if not key.startswith("_") and (inspect.isroutine(value) or isinstance(value, property))
        ]
        silent += [label for label, value in [(name, thing), *own] if not inspect.getdoc(value)]
    assert silent == []


def test_reference_lists_every_public_name() -> None:
    """Adding a node is one class, one export, and one line in the reference."""
    import maskexpr

    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^ +([A-Za-z_]\w*)$", text, re.MULTILINE))
    public = {name for name in maskexpr.__all__ if not name.startswith("__")}
    assert public - listed == set(), "exported, but not in docs/api.md"
    assert listed - public == set(), "in docs/api.md, but not exported"
