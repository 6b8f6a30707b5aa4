"""The hunt itself: some of its cases, and that it finds faults that are planted."""

from __future__ import annotations

import numpy as np

import maskexpr as mx

from .hunt.__main__ import hunt, main
from .hunt.cases import draw
from .hunt.maps import PROJECTIONS
from .hunt.report import reproducer


def _promise_nothing(self, areas, of):
    return np.zeros(len(areas), dtype=np.uint8)


def test_a_case_is_the_same_whenever_it_is_drawn():
    one, other = draw(5), draw(5)
    assert one.drawn.mask == other.drawn.mask
    assert one.geom == other.geom
    assert one.chunks == other.chunks


def test_some_leaves_hold():
    tally, found = hunt(700, 40, seconds=120, depth=0)
    assert not found, list(found)
    assert tally.cases == 40
    assert tally.oracles["oracle"] >= 35
    assert len(tally.projections) >= 15
    assert set(tally.projections) <= set(PROJECTIONS)


def test_a_planted_promise_is_found(monkeypatch, capsys):
    """Circles that promise emptiness everywhere; the reproducer that is printed is the case."""
    monkeypatch.setattr(mx.Catalog, "coverage", _promise_nothing)
    _, found = hunt(700, 12, seconds=60, depth=0)
    assert [kind for kind in found if kind.startswith("on against the oracle: catalogue")]
    fault = next(iter(found.values()))[0]
    assert reproducer(fault) in capsys.readouterr().out
    names: dict[str, object] = {}
    exec(reproducer(fault), names)
    assert names["geom"] == fault.case.geom
    assert names["mask"] == fault.case.drawn.mask


def test_a_planted_value_is_found(monkeypatch):
    """A band without a part of the sky, whichever way it is asked: only the oracle can know."""
    inside = mx.Band.inside
    monkeypatch.setattr(mx.Band, "inside", lambda self, points: inside(self, points) & (points.xyz[0] > 0))
    _, found = hunt(700, 15, seconds=60, depth=0)
    assert "on against the oracle: band" in found


def test_the_exit_code_says_whether_something_was_found(monkeypatch, capsys):
    assert main(["--seed", "700", "--cases", "3", "--depth", "0"]) == 0
    assert "nothing found" in capsys.readouterr().out
    monkeypatch.setattr(mx.Band, "coverage", _promise_nothing)
    # The first case that is a band.
    case = next(seed for seed in range(700, 800) if isinstance(draw(seed, 0).drawn.mask, mx.Band))
    assert main(["--case", str(case), "--depth", "0"]) == 1
    assert "1 kinds of fault" in capsys.readouterr().out
