"""The page on exchange runs with the packages that it is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..pages import ROOT, furnish, run


def test_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    assert run(ROOT / "docs/exchange.md")["outer"]
