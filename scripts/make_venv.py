"""Make a virtual environment and install a requirements file into it, again and again until it works.

Usage: ``python scripts/make_venv.py .venv requirements/dev.txt``, from the root of the checkout. Needs
nothing but Python. A file that ends with ``.lock`` holds versions with their hashes: nothing else is
installed, and of the checkout's package only itself. A package index can be slow or drop a connection, so the
install is tried several times; what pip has downloaded by then it keeps. The folder's ``.stamp`` holds a
digest of what was installed, so that a second run, or an edit that touches no requirement, is free.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

# Before the first import that an older Python lacks, which would say less.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(f"Python 3.11 or newer is needed, this is {sys.version}. Name one: make PYTHON=python3.12 ...")

import tomllib

TRIES = 5


def digest(requirements: Path, pyproject: Path) -> str:
    """What decides the environment's content: the requirements, the package's own, and the interpreter."""
    tables = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    parts = [requirements.read_text(encoding="utf-8"), tables["project"], tables["build-system"], sys.version]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def interpreter(folder: Path) -> Path:
    """The Python of the environment `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def usable(folder: Path) -> bool:
    """Whether `folder` holds a Python that runs, is of this version and has pip.

    One that does not (moved, half made, an old Python) is made anew.
    """
    check = f"import pip, sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return subprocess.run([interpreter(folder), "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def installs(requirements: Path) -> list[list[str]]:
    """What pip is told, one install after the other.

    A lock cannot hold the package of the checkout, which has no hash: that is built and installed last, with
    what the lock has installed, so that nothing is fetched for it.
    """
    if requirements.suffix != ".lock":
        return [["--requirement", str(requirements)]]
    return [
        ["--require-hashes", "--requirement", str(requirements)],
        ["--no-deps", "--no-build-isolation", "--editable", "."],
    ]


def install(command: list[str], tries: int = TRIES, sleep: Callable[[float], None] = time.sleep) -> int:
    """Run `command` until it succeeds, at most `tries` times; its last exit code."""
    code = 1
    environment = {**os.environ, "PIP_RETRIES": "10", "PIP_DEFAULT_TIMEOUT": "60"}
    for attempt in range(1, tries + 1):
        # No input: pip must fail and not wait for an answer that nobody gives.
        code = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL).returncode
        if code == 0:
            return 0
        print(f"install failed, attempt {attempt} of {tries}", file=sys.stderr)
        if attempt < tries:
            sleep(10.0 * attempt)
    return code


def main(folder: Path, requirements: Path) -> int:
    """Bring `folder` up to date with `requirements`; the exit code."""
    stamp = folder / ".stamp"
    wanted = digest(requirements, Path("pyproject.toml"))
    fresh = usable(folder)
    if not (fresh and stamp.exists() and stamp.read_text() == wanted):
        print(f"installing {requirements} into {folder}: minutes, the first time", flush=True)
        stamp.unlink(missing_ok=True)
        if not fresh:
            venv.create(folder, clear=True, with_pip=True)
        pip = [str(interpreter(folder)), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        for arguments in installs(requirements):
            code = install([*pip, *arguments])
            if code:
                return code
    stamp.write_text(wanted)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
