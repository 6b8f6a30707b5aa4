from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import maskexpr as mx

ROOT = Path(__file__).resolve().parents[2]


def shown(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    mx.show_versions()
    lines = capsys.readouterr().out.splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def test_versions_are_those_that_run(capsys: pytest.CaptureFixture[str]) -> None:
    versions = shown(capsys)
    assert versions["python"] == sys.version.split()[0]
    assert versions["numpy"] == np.__version__


def test_every_hard_dependency_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.search(r"^dependencies = \[(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    assert needed
    names = re.findall(r'"([\w-]+)', needed[1])
    versions = shown(capsys)
    assert names
    assert set(names) <= set(versions)


def test_what_is_not_there_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert shown(capsys)["gammapy"] == "not installed"


def test_a_report_of_a_fault_asks_for_what_there_is() -> None:
    form = (ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text(encoding="utf-8")
    assert "mx.show_versions()" in form
    assert "mask.explain(geom)" in form
    assert callable(mx.Mask.explain)
