"""The job scripts and rules of the docs run as they stand: bash as SLURM runs it, the shell line of a rule as
Snakemake does; on threads, and on a local cluster; by SLURM and Snakemake themselves where installed.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
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


def bash(script: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    search = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    environment = {**os.environ, "PATH": search, "PYTHONPATH": "", **(more or {"SLURM_CPUS_PER_TASK": "2"})}
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


CONFIGURATION = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
PluginDir={plugins}
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=20000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
# Seconds in which its daemons find each other.
_PATIENCE = 30
_PLACES = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
SLURM = {
    name: shutil.which(name, path=_PLACES) for name in ("slurmctld", "slurmd", "sbatch", "srun", "sinfo")
}


@pytest.fixture
def slurm(tmp_path: Path) -> Iterator[str]:
    """The configuration of a SLURM of one node on this machine, which runs as long as the test."""
    place = tmp_path / "slurm"
    for name in ("state", "spool"):
        (place / name).mkdir(parents=True)
    daemons = {name: Path(str(SLURM[name])).resolve() for name in ("slurmctld", "slurmd")}
    plugins = [each.parent for each in daemons["slurmd"].parents[1].glob("lib/*/slurm*/auth_none.so")]
    if not plugins:
        pytest.skip("this SLURM has no auth/none, without which it needs a service that holds its keys")
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [each.getsockname()[1] for each in (one, two)]
    host, configuration = socket.gethostname().partition(".")[0], place / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(host=host, user=getpass.getuser(), folder=place, ports=ports, plugins=plugins[0])
    )
    step = daemons["slurmd"].with_name(daemons["slurmd"].name.replace("slurmd", "slurmstepd"))
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    commands = ([daemons["slurmctld"], "-D", "-i"], [daemons["slurmd"], "-D", "-N", host, "-d", step])
    running = [
        subprocess.Popen(each, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for each in commands
    ]
    try:
        ask = [str(SLURM["sinfo"]), "--noheader", "--format=%T"]
        last = time.monotonic() + _PATIENCE
        while subprocess.run(ask, env=environment, capture_output=True, check=False).stdout != b"idle\n":
            for each, (name, *_) in zip(running, commands, strict=True):
                if each.poll() is not None:
                    pytest.skip(f"{name} ended with {each.returncode}: it does not run on this machine")
            if time.monotonic() > last:
                pytest.skip(f"SLURM is not ready after {_PATIENCE} s")
            time.sleep(0.2)
        yield str(configuration)
    finally:
        for each in reversed(running):
            each.terminate()
            each.wait()


@pytest.mark.skipif(
    None in SLURM.values(), reason="needs slurmctld, slurmd and sbatch, which are not installed"
)
@pytest.mark.parametrize("page", PAGES)
def test_the_job_by_slurm_itself(page: str, folder: Path, slurm: str) -> None:
    (folder / "bin/srun").unlink()
    (folder / "job.sh").write_text(block(page, "#!/bin/bash"))
    submit = "sbatch --wait --output=said.txt job.sh"
    done = bash(submit, folder, SLURM_CONF=slurm)
    assert done.returncode == 0, done.stderr + (folder / "said.txt").read_text()
    assert mx.verify(folder / "keep.zarr", against=mx.Recipe.read(folder / "mask.yaml").mask)
    (folder / "sources.csv").unlink()
    assert bash(submit, folder, SLURM_CONF=slurm).returncode == 1
    assert "sources.csv" in (folder / "said.txt").read_text()


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
