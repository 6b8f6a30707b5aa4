"""The benchmarks against those peers that the tests' environment has."""

from __future__ import annotations

import pytest

from benchmarks.harness import measure
from benchmarks.tasks import TASKS

HERE = ("gammapy", "mocpy", "pixell", "regions", "skimage", "scipy")


@pytest.mark.parametrize(
    "key", [key for key, task in TASKS.items() if task.needs and set(task.needs) <= set(HERE)]
)
def test_task(key: str) -> None:
    for name in TASKS[key].needs:
        pytest.importorskip(name)
    outcome = measure(TASKS[key], rounds=1, small=True, memory=False)
    assert not outcome.failure
    assert outcome.agreement
    assert len(outcome.ours) == len(outcome.theirs) == 1
