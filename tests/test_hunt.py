"""The hunt itself: some dozens of its cases, and that it finds a fault that is planted."""

from __future__ import annotations

import numpy as np
import pytest

import maskexpr as mx

from .hunt.__main__ import hunt, main
from .hunt.cases import draw
from .hunt.maps import PROJECTIONS
from .hunt.report import reproducer


def test_a_case_is_the_same_whenever_it_is_drawn():
    one, other = draw(5), draw(5)
    assert one.drawn.mask == other.drawn.mask
    assert one.geom == other.geom
    assert one.chunks == other.chunks


def test_some_cases_hold():
    tally, found = hunt(400, 40, seconds=120)
    assert not found, list(found)
    assert tally.cases == 40
    assert tally.oracles["oracle"] >= 20
    assert len(tally.projections) >= 15
    assert set(tally.projections) <= set(PROJECTIONS)


def test_a_planted_promise_is_found(monkeypatch, capsys):
    """Circles that promise emptiness everywhere."""
    monkeypatch.setattr(
        mx.Catalog, "coverage", lambda self, areas, of: np.zeros(len(areas), dtype=np.uint8), raising=True
    )
    _, found = hunt(400, 30, seconds=60)
    laws = {kind.split(": ")[0] for kind in found}
    assert any("oracle" in law or "brute force" in law for law in laws)
    assert "mx.loads(" in capsys.readouterr().out


def test_a_planted_value_is_found(monkeypatch):
    """A band that is a little too narrow, whichever way it is asked."""
    inside = mx.Band.inside
    monkeypatch.setattr(mx.Band, "inside", lambda self, points: inside(self, points) & (points.xyz[2] < 0.9))
    _, found = hunt(400, 40, seconds=60)
    assert any("against the oracle: band" in kind for kind in found)


def test_a_reproducer_runs(monkeypatch):
    monkeypatch.setattr(mx.Catalog, "coverage", lambda self, areas, of: np.zeros(len(areas), dtype=np.uint8))
    _, found = hunt(400, 30, seconds=60)
    fault = next(iter(found.values()))[0]
    names: dict[str, object] = {}
    exec(reproducer(fault), names)
    assert names["geom"] == fault.case.geom
    assert names["mask"] == fault.case.drawn.mask


def test_the_exit_code_says_whether_something_was_found(monkeypatch, capsys):
    assert main(["--cases", "0"]) == 0
    assert "nothing found" in capsys.readouterr().out
    monkeypatch.setattr(mx.WcsGeom, "solid_angle", lambda self: pytest.fail("planted"))
    monkeypatch.setattr("maskexpr.verbs.engine.selected_area", lambda compiled: 1e9)
    assert main(["--seed", "400", "--cases", "1"]) == 1
