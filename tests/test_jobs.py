"""The job scripts and rules of the docs run as they stand: bash as SLURM runs it, the shell line of a rule as
Snakemake does; on threads, and on a local cluster.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from astropy.table import Table

import maskexpr as mx

from .pages import ROOT

pytest.importorskip("zarr", reason="the outputs of the docs' recipes are zarr")
pytest.importorskip("distributed", reason="jobs run on a local cluster too")

RECIPE = """
maskexpr: 1
mask: {Not: {Catalog: {path: sources.csv, radius: 5 deg}}}
grid: {allsky: {binsz: 2 deg, frame: galactic}}
outputs: [keep.zarr, keep.fits, exclusion.zarr]
"""
PAGES = ("howto/batch-job", "command-line")


def block(page: str, starts: str) -> str:
    """The block of a page that begins so."""
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    [found] = re.findall(rf"^```text\n({re.escape(starts)}.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a recipe, its table, and the programs that a job finds on its path; ``srun`` runs what it
    is given, as it does with one task. Of these only ours find the checkout.
    """
    (tmp_path / "mask.yaml").write_text(RECIPE)
    (tmp_path / "sources.csv").write_text("ra,dec\n83.63,22.01\n184.6,-5.8\n")
    above = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    programs = {
        "maskexpr": f'PYTHONPATH="{above}" exec "{sys.executable}" -m maskexpr "$@"',
        "python": f'PYTHONPATH="{above}" exec "{sys.executable}" "$@"',
        "srun": 'exec "$@"',
        "snakemake": f'exec "{sys.executable}" -m snakemake "$@"',
    }
    (tmp_path / "bin").mkdir()
    for name, line in programs.items():
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(0o755)
    return tmp_path


def bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": search, "PYTHONPATH": "", "SLURM_CPUS_PER_TASK": "2"}
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def on(scheduler: str, script: str) -> str:
    return script.replace("maskexpr run ", f"maskexpr run --scheduler {scheduler} ")


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
@pytest.mark.parametrize("page", PAGES)
def test_the_job_for_slurm(page: str, scheduler: str, folder: Path) -> None:
    done = bash(on(scheduler, block(page, "#!/bin/bash")), folder)
    assert done.returncode == 0, done.stderr
    recipe = mx.Recipe.read(folder / "mask.yaml")
    assert mx.verify(folder / "keep.zarr", against=recipe.mask)


@pytest.mark.parametrize("page", PAGES)
def test_a_job_that_fails_says_so(page: str, folder: Path) -> None:
    (folder / "sources.csv").unlink()
    done = bash(block(page, "#!/bin/bash"), folder)
    assert done.returncode == 1
    assert "sources.csv" in done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_the_rule_for_snakemake(page: str, folder: Path) -> None:
    rule = block(page, "rule ")
    [shell] = re.findall(r'shell: "(.+)"', rule)
    outputs = re.findall(r'"([^"]+)"', re.findall(r"output: (.+)", rule)[0])
    assert outputs
    done = bash(shell.format(input=["mask.yaml", "sources.csv"], threads=2), folder)
    assert done.returncode == 0, done.stderr
    assert all((folder / name).exists() for name in outputs)


@pytest.mark.peers  # snakemake is a package of that environment
@pytest.mark.skipif(find_spec("snakemake") is None, reason="needs snakemake, which is not installed")
@pytest.mark.parametrize("page", PAGES)
def test_the_rule_by_snakemake_itself(page: str, folder: Path) -> None:
    """It runs once, not again while nothing changes, and again after the catalogue changed."""
    rule = block(page, "rule ")
    outputs = re.findall(r'"([^"]+)"', re.findall(r"output: (.+)", rule)[0])
    table = re.findall(r'"([^"]+)"', re.findall(r"input: (.+)", rule)[0])[1]
    kept = RECIPE.replace("sources.csv", table).replace(
        "keep.zarr, keep.fits, exclusion.zarr", ", ".join(outputs)
    )
    (folder / "mask.yaml").write_text(kept)
    (folder / "Snakefile").write_text(rule)
    written = []
    for radius in (1.0, 1.0, 2.0):
        columns = {"ra": [83.6, 10.0 * radius], "dec": [22.0, 1.0]}
        Table(columns, units={"ra": "deg", "dec": "deg"}).write(folder / table, overwrite=True)
        done = bash("snakemake --cores 2", folder)
        assert done.returncode == 0, done.stdout + done.stderr
        written.append((done.stdout + done.stderr).count("wrote "))
        assert mx.verify(folder / outputs[0], against=mx.Recipe.read(folder / "mask.yaml").mask)
    assert written == [len(outputs), 0, len(outputs)]
