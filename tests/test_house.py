"""What comes with the package: its table of sources, and the script that makes environments."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bundled() -> Table:
    return Table.read(ROOT / "examples" / "data" / "fermi_4fgl_dr4.ecsv")


def test_bundled_table(bundled: Table) -> None:
    assert len(bundled) == len(set(bundled["Source_Name"])) == 7195
    assert bundled["RAJ2000"].unit == bundled["DEJ2000"].unit == bundled["Model_SemiMajor"].unit == "deg"
    assert np.all((bundled["RAJ2000"] >= 0) & (bundled["RAJ2000"] < 360))
    assert np.all(np.abs(bundled["DEJ2000"]) <= 90)
    assert np.count_nonzero(bundled["Model_SemiMajor"]) == 82
    assert any("arXiv:2307.12546" in reference for reference in bundled.meta["references"])


def test_bundled_names_agree_with_positions(bundled: Table) -> None:
    """A name states the position: ``4FGL JHHMM.m+DDMM``, both truncated."""
    stated = [name.removeprefix("4FGL J") for name in bundled["Source_Name"]]
    hours = [int(text[:2]) + float(text[2:6]) / 60 for text in stated]
    sign = [-1 if text[6] == "-" else 1 for text in stated]
    degrees = np.array([int(text[7:9]) + int(text[9:11]) / 60 for text in stated]) * sign
    off = (bundled["RAJ2000"] - np.multiply(hours, 15) + 180) % 360 - 180
    # Names were given by earlier releases; a few sources have moved since, by less than their error.
    assert np.mean(np.abs(off) < 0.03) > 0.8
    assert np.mean(np.abs(bundled["DEJ2000"] - degrees) < 0.02) > 0.8
    assert np.max(np.abs(bundled["DEJ2000"] - degrees)) < 1


def test_bundled_table_is_what_the_script_makes(bundled: Table, shared: Path) -> None:
    made = script("make_demo_table").demo_table(shared / "data/catalogs/gll_psc_v35.fit.gz")
    assert made.colnames == bundled.colnames
    assert made.meta == dict(bundled.meta)
    for name in made.colnames:
        assert_array_equal(made[name], bundled[name])


def test_bundled_table_equals_the_catalogue(bundled: Table, shared: Path) -> None:
    path = shared / "data/catalogs/gll_psc_v35.fit.gz"
    catalogue = Table.read(path, hdu="LAT_Point_Source_Catalog", character_as_bytes=False)
    assert_array_equal([name.strip() for name in catalogue["Source_Name"]], bundled["Source_Name"])
    for name, tolerance in {"RAJ2000": 5e-5, "DEJ2000": 5e-5, "Signif_Avg": 5e-4}.items():
        # Half the last digit, and what a float32 of this size loses.
        assert_allclose(bundled[name], catalogue[name].astype(float), rtol=1e-7, atol=tolerance * 1.01)
    extended = Table.read(path, hdu="ExtendedSources", character_as_bytes=False)
    expected = {row["Source_Name"].strip(): float(row["Model_SemiMajor"]) for row in extended}
    for name, size in zip(catalogue["Extended_Source_Name"], bundled["Model_SemiMajor"], strict=True):
        assert size == pytest.approx(expected[name.strip()] if name.strip() else 0.0, abs=5.1e-4)


def test_install_is_tried_again(tmp_path: Path) -> None:
    """It fails twice and works the third time; then nothing more is run."""
    log = tmp_path / "log"
    work = "import sys; f = open(sys.argv[1], 'a+'); f.write('x'); f.seek(0); sys.exit(len(f.read()) < 3)"
    waits: list[float] = []
    assert script("make_venv").install([sys.executable, "-c", work, str(log)], sleep=waits.append) == 0
    assert log.read_text() == "xxx"
    assert waits == [10.0, 20.0]


def test_install_gives_up(capfd: pytest.CaptureFixture[str]) -> None:
    waits: list[float] = []
    command = [sys.executable, "-c", "import sys; sys.exit(3)"]
    assert script("make_venv").install(command, tries=2, sleep=waits.append) == 3
    assert len(waits) == 1
    assert "attempt 2 of 2" in capfd.readouterr().err


def test_stamp_knows_what_was_asked(tmp_path: Path) -> None:
    """A requirement changes the digest; a linter's setting in pyproject does not."""
    digest = script("make_venv").digest
    needs, project = tmp_path / "needs.txt", tmp_path / "pyproject.toml"
    text = '[build-system]\nrequires = []\n[project]\nname = "x"\n'
    needs.write_text("numpy")
    project.write_text(text)
    first = digest(needs, project)
    project.write_text(text + "[tool.ruff]\nline-length = 1\n")
    assert digest(needs, project) == first
    project.write_text(text + 'dependencies = ["scipy"]\n')
    assert digest(needs, project) != first
    project.write_text(text)
    needs.write_text("numpy<3")
    assert digest(needs, project) != first


def test_half_made_environment_is_not_usable(tmp_path: Path) -> None:
    usable = script("make_venv").usable
    assert not usable(tmp_path / "absent")
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin/python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert not usable(tmp_path)
    assert usable(Path(sys.prefix))


def test_a_lock_installs_nothing_that_has_no_hash() -> None:
    installs = script("make_venv").installs
    assert installs(Path("requirements/dev.txt")) == [["--requirement", "requirements/dev.txt"]]
    first, last = installs(Path("requirements/dev.lock"))
    assert "--require-hashes" in first
    assert {"--no-deps", "--no-build-isolation"} <= set(last)


def test_the_lock_holds_what_is_required() -> None:
    """Every requirement with a version that it allows; a bound that was raised asks for a new lock."""
    text = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
    assert "://" not in text
    locked: dict[str, list[str]] = {}
    for line in text.splitlines():
        if "==" in line and not line.startswith((" ", "#")):
            name, version = line.split(";")[0].rstrip("\\ ").split("==")
            locked.setdefault(name, []).append(version.strip())
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, development = tables["project"], (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    extras = [
        each
        for name in ("zarr", "distributed", "plot", "test")
        for each in project["optional-dependencies"][name]
    ]
    direct = [line for line in development.splitlines() if line and not line.startswith(("#", "-e"))]
    for each in map(
        Requirement, [*project["dependencies"], *extras, *direct, *tables["build-system"]["requires"]]
    ):
        versions = locked[canonicalize_name(each.name)]
        assert all(each.specifier.contains(version) for version in versions), each


def counted(path: Path, lines: int, branches: int) -> Path:
    """A report of coverage on one file of 100 lines and 100 branches."""
    summary = {"num_statements": 100, "covered_lines": lines, "missing_lines": 100 - lines}
    summary |= {"num_branches": 100, "covered_branches": branches, "missing_branches": 100 - branches}
    path.write_text(json.dumps({"totals": summary, "files": {"maskexpr/x.py": {"summary": summary}}}))
    return path


@pytest.mark.parametrize(("lines", "branches", "code"), [(95, 90, 0), (94, 100, 1), (100, 89, 1), (0, 0, 1)])
def test_coverage_has_two_bounds(
    lines: int, branches: int, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = script("check_coverage").main
    assert main(counted(tmp_path / "c.json", lines, branches), {"statements": 95, "branches": 90}) == code
    assert ("BELOW" in capsys.readouterr().out) == bool(code)


@pytest.mark.usefixtures("no_compute")
def test_no_compute_refuses() -> None:
    import dask.array as da

    with pytest.raises(AssertionError, match="computed"):
        da.ones(3).sum().compute()


# What hatchling puts into every source distribution.
ALWAYS = {"LICENSE", "pyproject.toml"}


def test_the_source_distribution_is_the_whole_checkout() -> None:
    """So that it builds, lints and tests itself, and its pages' links lead somewhere."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    included = {each.strip("/") for each in tables["targets"]["sdist"]["include"]}
    assert [each for each in included if not (ROOT / each).exists()] == []
    if not (ROOT / ".git").exists():
        return  # this is one
    listing = ["git", "-C", str(ROOT), "ls-tree", "--name-only", "HEAD"]
    kept = set(subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split())
    assert kept - included - ALWAYS == set()


def test_import_leaves_alone_what_few_masks_need() -> None:
    """Some 0.15 s of them: scipy loads its parts when they are named."""

    def loaded_by(names: str) -> set[str]:
        code = f"import sys, {names}; print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        return set(done.stdout.split())

    # Older versions of dask load one of them themselves.
    loaded = loaded_by("maskexpr") - loaded_by("xarray, dask.array")
    assert "maskexpr" in loaded
    heavy = {
        "scipy.spatial",
        "scipy.ndimage",
        "scipy.linalg",
        "astropy.nddata",
        "distributed",
        "zarr",
    }
    assert not heavy & loaded
