"""docs/from-gammapy.md: the page runs on real data, and is the shorter for maskexpr."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from textwrap import dedent

import pytest

pytest.importorskip("gammapy")

from ..pages import ROOT, close_figures, furnish, run

PAGE = ROOT / "docs/from-gammapy.md"
STEP = re.compile(r"<!-- (gammapy|maskexpr) -->\n```python\n(.*?)```", re.DOTALL)


def test_the_how_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    run(ROOT / "docs/howto/to-gammapy.md")


def test_the_page(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(furnish(tmp_path))
    try:
        namespace = run(PAGE)
    finally:
        close_figures()
    sums = {name: int(namespace[name].data.sum()) for name in ("dilated", "exact")}  # type: ignore[attr-defined]
    assert sums == {"dilated": 391, "exact": 425}


def test_every_step_is_there_twice_and_ours_is_shorter() -> None:
    steps = STEP.findall(PAGE.read_text(encoding="utf-8"))
    assert [who for who, _ in steps] == ["gammapy", "maskexpr"] * (len(steps) // 2)
    counts = {
        who: [len(ast.parse(dedent(code)).body) for each, code in steps if each == who]
        for who in ("gammapy", "maskexpr")
    }
    assert len(counts["gammapy"]) == 12
    assert all(ours <= theirs for ours, theirs in zip(counts["maskexpr"], counts["gammapy"], strict=True))
    assert (sum(counts["maskexpr"]), sum(counts["gammapy"])) == (19, 45)
