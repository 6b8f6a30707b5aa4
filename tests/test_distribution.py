"""The source distribution, built and unpacked somewhere else: it makes the wheel, and it tests that wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from .pages import ROOT

pytest.importorskip("hatchling", reason="hatchling, which builds the package, is not installed")

# A little of every kind: recipes with their schema, the browser with its page, pages, examples.
SOME = (
    "tests/recipes/test_recipe.py::test_run_writes_the_outputs",
    "tests/recipes/test_recipe.py::test_the_schema_that_is_shipped_is_that_of_the_nodes",
    "tests/browser/test_server.py::test_only_the_own_page_is_answered",
    "tests/test_docs.py::test_local_links_lead_somewhere",
    "tests/test_examples.py::test_gamma_ray",
)


# Tests, and then where the package that they tested is.
TESTS = """
import sys
import pytest
code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]])
import maskexpr
print(maskexpr.__file__)
sys.exit(code)
"""


def python(folder: Path, *words: str, path: Path | None = None) -> str:
    """What a Python that is started in a folder prints."""
    ours = ("PYTEST", "COV", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution of the checkout, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    python(ROOT, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(folder))
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    [found] = [each for each in folder.iterdir() if each.is_dir()]
    return found


@pytest.fixture(scope="module")
def wheel(unpacked: Path) -> Path:
    """The wheel that the source distribution makes of itself."""
    python(unpacked, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(unpacked.parent))
    [found] = unpacked.parent.glob("*.whl")
    return found


def test_the_wheel_is_the_package(wheel: Path) -> None:
    """With its types, the schema of recipes and the page of the browser."""
    with zipfile.ZipFile(wheel) as files:
        names = set(files.namelist())
    here = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "maskexpr").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"maskexpr/py.typed", "maskexpr/recipes/schema.json", "maskexpr/browser/page.html"} <= here
    assert {name for name in names if ".dist-info/" not in name} == here
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


def test_what_an_index_shows_has_no_relative_link(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as files:
        [name] = [each for each in files.namelist() if each.endswith("/METADATA")]
        about = message_from_bytes(files.read(name))
    text = str(about.get_payload())
    assert about["Description-Content-Type"] == "text/markdown"
    assert "Masks of the sky as lazy expressions" in text
    assert [each for each in re.findall(r"\]\(([^)\s]+)\)", text) if not each.startswith("https://")] == []


def test_it_tests_its_wheel(unpacked: Path, wheel: Path) -> None:
    """With the wheel installed elsewhere, and the sources of the package out of the way. `make test-sdist`
    runs all the tests.
    """
    site, away = unpacked.parent / "site", unpacked.parent / "sources"
    install = ("install", "--no-deps", "--no-index", "--no-compile", "--target", str(site))
    python(unpacked.parent, "-m", "pip", *install, str(wheel))
    (unpacked / "maskexpr").rename(away)
    try:
        said = python(unpacked, "-c", TESTS, *SOME, path=site)
    finally:
        away.rename(unpacked / "maskexpr")
    assert said.splitlines()[-1] == str(site / "maskexpr/__init__.py")
    assert re.search(r"\b[1-9]\d* passed", said), said
