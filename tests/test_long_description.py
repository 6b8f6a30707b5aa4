"""What a package index shows has no link and no picture that is dead there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from .pages import ROOT

pytest.importorskip("hatchling", reason="hatchling, which builds the package, is not installed")

HOME = "https://code.invalid/somebody/maskexpr"
NOT_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
TARGET = re.compile(r"\]\(\s*([^)\s]+)|^\s*\[[^\]]+\]:\s*(\S+)|<(?:a|img)\b([^>]*)>", re.MULTILINE)


def built(root: Path) -> str:
    """The long description that a build of a checkout has."""
    from hatchling.metadata.core import ProjectMetadata
    from hatchling.plugin.manager import PluginManager

    return str(ProjectMetadata(str(root), PluginManager()).core.readme)


def targets(text: str) -> list[str]:
    """Where the links and pictures of a text lead, in every way that Markdown has of writing them."""
    return ["".join(each) for each in TARGET.findall(NOT_CODE.sub("", text))]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the description is made of."""
    for name in ("README.md", "pyproject.toml", "scripts/long_description.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_without_an_address_nothing_is_relative(checkout: Path) -> None:
    project = checkout / "pyproject.toml"
    project.write_text(re.sub(r"^\[project\.urls\]\n(?:.+\n)*", "", project.read_text(), flags=re.MULTILINE))
    text = built(checkout)
    assert [each for each in targets(text) if not each.startswith("https://")] == []
    assert "![" not in text
    assert "Install (`docs/install.md`)" in text
    assert "{" not in re.sub(NOT_CODE, "", text)


def test_with_an_address_links_lead_to_files_of_the_release(checkout: Path) -> None:
    project = checkout / "pyproject.toml"
    project.write_text(f'{project.read_text()}\n[project.urls]\nSource = "{HOME}"\n')
    text = built(checkout)
    ours = [each.removeprefix(HOME) for each in targets(text) if each.startswith(HOME)]
    others = [each for each in targets(text) if not each.startswith(HOME)]
    assert all(each.startswith("https://") for each in others)
    relative = [each for each in targets((ROOT / "README.md").read_text()) if "://" not in each]
    paths = [re.sub(r"^/(?:blob|raw)/v[\d.]+/", "", each) for each in ours]
    assert paths == relative
    assert len(paths) > 20
    assert all((ROOT / each.partition("#")[0]).exists() for each in paths)
    assert [each for each in ours if each.startswith("/raw/")] == ["/raw/v0.1.0/docs/images/demo.png"]


def test_code_is_left_alone(checkout: Path) -> None:
    kept = "\n```md\n[a](b.md)\n```\n[c](https://d.invalid) [e](#f)\n"
    (checkout / "README.md").write_text("`[a](b.md)` [a](b.md) [b.md](b.md) ![p](p.png)" + kept)
    text = built(checkout)
    assert text.startswith("`[a](b.md)` a (`b.md`) `b.md` " + kept)
