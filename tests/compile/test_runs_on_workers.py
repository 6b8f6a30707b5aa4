"""What a worker keeps for a run is let go of when the last of its blocks ends."""

from __future__ import annotations

import asyncio

import pytest

from maskexpr.compile import workers


@pytest.fixture
def given_back(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs for which freed memory is kept no more, in their order."""
    found: list[str] = []
    monkeypatch.setattr(workers, "give_back_freed_memory", found.append)
    monkeypatch.setattr(workers, "_PATIENCE", 0.0)
    return found


def test_a_block_that_ends_after_its_run_lets_go(given_back: list[str]) -> None:
    with workers._at_work("late"):
        asyncio.run(workers._halt("late"))
        assert given_back == []
    assert given_back == ["late"]
    assert "late" not in workers._running


def test_a_run_without_a_block_lets_go_when_it_ends(given_back: list[str]) -> None:
    with workers._at_work("idle"):
        pass
    assert given_back == []
    asyncio.run(workers._halt("idle"))
    assert given_back == ["idle"]
