"""Every page runs, see tests/pages.py; links lead somewhere; the reference has every name."""

from __future__ import annotations

import inspect
import re
import runpy
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from .pages import ROOT, close_figures, furnish, pages, run, write_outputs


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_page(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    try:
        run(path)
    finally:
        close_figures()


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


OUTPUT = (
    PAGE
    + """
```python
print(x, "and", y)
```

<!-- output -->
```text
{}
```
"""
)


@pytest.mark.parametrize("shown", ["1 and 2", "1 ... 2", "1   and 2"])
def test_output_that_is_shown(tmp_path: Path, shown: str) -> None:
    path = tmp_path / "page.md"
    path.write_text(OUTPUT.format(shown))
    run(path)


def test_output_that_is_another(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(OUTPUT.format("1 and 3"))
    with pytest.raises(AssertionError, match="prints something else"):
        run(path)
    write_outputs(path)
    assert path.read_text() == OUTPUT.format("1 and 2")


# ---- links

LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(([^)\s]+)\)|^```\{(?:image|figure)\} (\S+)", re.MULTILINE)
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
CODE = re.compile(r"^[ ]*```(?!\{(?:image|figure)).*?^[ ]*```[ ]*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
MADE_BY_THE_BUILD = {"docs/images/gallery"}


def anchors(text: str) -> set[str]:
    """The anchors of headings, as MyST and GitHub make them."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text)]
    named = re.findall(r"^\((\S+)\)=$", text, re.MULTILINE)
    return {*named, *(heading.replace(" ", "-") for heading in plain)}


def broken_links(path: Path) -> list[str]:
    """Local links of a page that lead nowhere."""
    text = path.read_text(encoding="utf-8")
    found = []
    for match in LINK.finditer(CODE.sub("", text)):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        made = any((ROOT / each) in target.parents for each in MADE_BY_THE_BUILD)
        there = made or target.exists()
        if there and anchor and target.suffix == ".md":
            there = anchor in anchors(target.read_text(encoding="utf-8"))
        if not there:
            found.append(link)
    return found


def every_page() -> list[Path]:
    made = {ROOT / "docs/_build", ROOT / "docs/generated"}
    below = [path for path in (ROOT / "docs").rglob("*.md") if not made & set(path.parents)]
    return sorted([*below, *ROOT.glob("*.md")])


@pytest.mark.parametrize("path", every_page(), ids=lambda path: str(path.relative_to(ROOT)))
def test_local_links_lead_somewhere(path: Path) -> None:
    assert broken_links(path) == []


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# Some `heading`, here\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#some-heading-here) [c](https://nowhere.invalid) `[d](code.md)`\n"
        "[e](missing.md) ![f](missing.png) [g](there.md#other) [h](#none)\n"
    )
    assert broken_links(page) == ["missing.md", "missing.png", "there.md#other", "#none"]


def test_every_page_is_in_a_table_of_contents() -> None:
    """A page that no toctree names is one that nobody finds."""
    docs = ROOT / "docs"
    named = set()
    for path in every_page():
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            entries = [line for line in tree.split("\n") if line and not line.startswith(":")]
            for entry in entries:
                name = re.sub(r".*<(.+)>$", r"\1", entry)
                named |= {each.resolve() for each in path.parent.glob(f"{name}.md")}
    missing = {path for path in every_page() if docs in path.parents} - named - {docs / "index.md"}
    assert missing == set()


TASKS = (
    *("exclude-catalogue", "radius-from-column", "footprint", "bright-stars", "psf-margin", "cluster"),
    *("allsky-zarr", "to-gammapy", "moc-to-healpix", "fill-holes", "batch-job", "look"),
)


def test_a_dozen_tasks_are_a_page_each() -> None:
    assert {path.stem for path in (ROOT / "docs/howto").glob("*.md")} == {"index", *TASKS}


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_code_fits_the_page(path: Path) -> None:
    """docs/_static/maskexpr.css leaves room for lines of 110 characters."""
    text = path.read_text(encoding="utf-8")
    code = re.findall(r"^ *```python\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    assert [line for block in code for line in block.splitlines() if len(line) > 110] == []


# ---- the reference

REFERENCE: dict[str, Any] = runpy.run_path(str(ROOT / "docs/reference.py"))


def listed() -> list[str]:
    """Names in the tables of both pages of the reference."""
    text = "".join((ROOT / f"docs/{page}.md").read_text(encoding="utf-8") for page in ("api", "api-extend"))
    return re.findall(r"^(?: +|\.\. py:data:: )([A-Za-z_][\w.]*)$", text, re.MULTILINE)


def test_every_public_name_and_method_has_a_docstring() -> None:
    """A method may inherit it: the laws of a node are documented on Mask."""
    things = {**REFERENCE["public_names"](), **REFERENCE["public_methods"]()}
    things = {
        name: thing
        for name, thing in things.items()
        if inspect.isclass(thing) or inspect.isroutine(thing) or isinstance(thing, property)
    }
    assert len(things) > 300
    assert [name for name, thing in things.items() if not inspect.getdoc(thing)] == []


def test_reference_lists_every_public_name_and_method_once() -> None:
    """Adding a node is one class, one export, and one line in the reference; a method is one line too."""
    names = [full.rpartition(".")[2] for full in REFERENCE["public_names"]()]
    public = {*names, *REFERENCE["public_methods"]()}
    found = listed()
    assert public - set(found) == set(), "public, but neither in docs/api.md nor in docs/api-extend.md"
    assert set(found) - public == set(), "in the reference, but not public"
    assert len(found) == len(set(found))


def test_the_page_of_a_class_shows_how_it_is_called() -> None:
    call_of = REFERENCE["call_of"]
    assert call_of("maskexpr.Dilate") == "(mask, radius, kernel='disk', metric='sky', axis='energy')"
    nodes = [full for full in REFERENCE["public_names"]() if REFERENCE["is_a_mask"](full)]
    nodes = [full for full in nodes if not full.startswith("maskexpr.extend.")]
    assert len(nodes) > 15
    assert [full for full in nodes if "arguments" in call_of(full)] == []


def test_what_users_call_has_an_example() -> None:
    """Doctests run; properties and errors are shown by the examples of their class or of what raises them."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    listed_there = set(re.findall(r"^ +([A-Za-z_][\w.]*)$", text, re.MULTILINE))
    methods = REFERENCE["public_methods"]()
    things = {full.rpartition(".")[2]: thing for full, thing in REFERENCE["public_names"]().items()} | methods
    calls = {
        name: thing
        for name, thing in things.items()
        if name in listed_there and callable(thing) and not name.endswith("Error")
    }
    assert len(calls) > 90
    assert [name for name, thing in calls.items() if ">>>" not in (inspect.getdoc(thing) or "")] == []


def test_users_names_are_on_the_users_page() -> None:
    import maskexpr

    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    users = set(re.findall(r"^ +([A-Za-z_]\w*)$", text, re.MULTILINE))
    public = {name for name in maskexpr.__all__ if not name.startswith("__")}
    assert public - users == set(), "exported, but not in docs/api.md"


def test_a_method_is_documented_with_the_class_that_brings_it() -> None:
    own, resolve = REFERENCE["own_members"], REFERENCE["resolve"]
    assert {"on", "dilate", "coverage"} <= set(own(resolve("maskexpr.Mask")))
    assert own(resolve("maskexpr.Catalog")) == ["read"]
    assert "caps" not in own(resolve("maskexpr.WcsGeom"))
    assert "caps" in own(resolve("maskexpr.extend.Grid"))


# ---- links to other projects

PROJECTS = sorted(path.stem for path in (ROOT / "docs/inventories").glob("*.txt"))


def test_the_projects_that_pages_link_to() -> None:
    assert PROJECTS == ["astropy", "dask", "gammapy", "numpy", "regions", "xarray"]


@pytest.mark.regions
@pytest.mark.parametrize("project", PROJECTS)
def test_names_of_other_projects_are_there(project: str) -> None:
    """As the installed package has them; that their pages stand where we say, `make docs ONLINE=1` tells."""
    pytest.importorskip(project, reason=f"{project} is not installed")
    names = REFERENCE["peers_names"](project)
    assert names
    for name, page in names.items():
        module, _, last = name.rpartition(".")
        assert inspect.isclass(getattr(import_module(module), last)), name
        assert name in page or page == "io/fits/api/headers.html"


def test_types_that_are_links() -> None:
    types = REFERENCE["peers_types"](PROJECTS)
    assert types["SkyCoord"] == "astropy.coordinates.SkyCoord"
    assert types["xarray.DataArray"] == ":obj:`xarray.DataArray`"
    assert "WcsGeom" not in types  # ours
    assert types["gammapy.maps.WcsGeom"] == ":obj:`gammapy.maps.WcsGeom`"
