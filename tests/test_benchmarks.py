"""The benchmarks run: each task's small version once, so that it cannot rot."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

import maskexpr as mx
from benchmarks import twins
from benchmarks.__main__ import main
from benchmarks.growth import SERIES, tenth
from benchmarks.harness import THREADS, Outcome, Task, limited, measure, peak_of
from benchmarks.imports import import_bar
from benchmarks.machine import limits, machine, versions
from benchmarks.memory import measure_write
from benchmarks.report import bar, bytes_of, details, seconds, table
from benchmarks.tasks import TASKS


@pytest.fixture(scope="module", autouse=True)
def few_objects() -> Iterator[None]:
    """The collector, which each job is preceded by, visits what the job's own test has made."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("key", TASKS)
def test_task(key: str) -> None:
    """Ours always; the peer's where it is installed, and then the answers agree."""
    outcome = measure(TASKS[key], rounds=1, small=True, memory=False)
    assert not outcome.failure
    assert len(outcome.ours) == 1
    if TASKS[key].missing:
        assert outcome.verdict == "peer absent"
    else:
        assert outcome.agreement


def test_readme_has_the_figures_of_the_last_run() -> None:
    """Each row of its table is the time of ours and the ratio of a row of the results."""
    root = Path(__file__).parent.parent
    readme, results = (
        [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line]
        for text in ((root / name).read_text("utf-8") for name in ("README.md", "benchmarks/RESULTS.md"))
    )
    head = next(cells for cells in results if cells[0] == "task")
    measured = {
        tuple(cells[head.index(name)] for name in ("ours", "ratio"))
        for cells in results
        if cells[0] in TASKS and len(cells) == len(head)
    }
    first = next(i for i, cells in enumerate(readme) if cells == ["work", "peer", "ours", "ratio"])
    shown = [tuple(cells[2:]) for cells in readme[first + 2 :] if len(cells) == 4]
    assert len(shown) > 20
    assert set(shown) <= measured


@pytest.mark.parametrize("key", TASKS)
def test_inputs_are_new_in_every_round(key: str) -> None:
    task = TASKS[key]
    one, same, other = (task.data(default_rng(seed), True) for seed in (1, 1, 2))
    assert _changing(one) == _changing(same)
    assert _changing(one) != _changing(other)


def _changing(data: object) -> bytes:
    """The bytes of what a round draws at random."""
    fields = vars(data)
    arrays = [
        each.icrs.ra.deg if hasattr(each, "icrs") else each
        for name, each in fields.items()
        if name in ("positions", "mask", "values", "counts", "sources", "asked")
    ]
    arrays += [each.center.icrs.ra.deg for each in fields.get("drawn", ())]
    return b"".join(each.tobytes() for each in arrays)


def _task(at_most: float, aim: float, ours: float = 0.0, wrong: bool = False) -> Task:
    def agree(data: object, ours: object, theirs: object) -> str:
        assert not wrong, "the answers differ"
        return "equal"

    def job(data: object) -> object:
        return lambda: statistics.mean([ours, 1.0])

    return Task("k", "work", "peer", (), at_most, aim, lambda rng, small: rng.random(), job, job, agree)


@pytest.mark.parametrize(
    ("ours", "verdict", "holds"), [(0.9, "aim met", True), (1.5, "met", True), (2.5, "MISSED: time", False)]
)
def test_verdicts(ours: float, verdict: str, holds: bool) -> None:
    outcome = Outcome(_task(2, 1), ours=[ours, ours, 9.0], theirs=[1.0, 1.0, 1.0])
    outcome.ours[2] = ours
    assert (outcome.ratio, outcome.verdict, outcome.holds) == (ours, verdict, holds)


def test_bars_of_memory_and_of_on() -> None:
    task = replace(_task(2, 1), memory=0.5)
    outcome = Outcome(task, ours=[1.0], theirs=[1.0], direct=[0.9], added={"ours": 50, "theirs": 100})
    assert (outcome.lazy, outcome.memory, outcome.verdict) == (1.0 / 0.9, 0.5, "aim met")
    outcome.added["ours"], outcome.direct = 51, [0.8]
    assert outcome.verdict == "MISSED: on, memory"
    assert not outcome.holds


def test_both_ways_of_a_whole_map_are_timed() -> None:
    outcome = measure(TASKS["open-10"], rounds=2, small=True, memory=False)
    assert (len(outcome.ours), len(outcome.direct)) == (2, 2)
    assert outcome.lazy is not None
    assert set(outcome.processor) >= {"ours", "direct"}


def test_ratio_is_of_medians_and_spread_of_rounds() -> None:
    outcome = Outcome(_task(1, 1), ours=[1.0, 4.0, 2.0], theirs=[2.0, 1.0, 4.0])
    assert outcome.ratio == 1.0
    assert outcome.spread == (0.5, 4.0)


def test_answers_that_differ_fail() -> None:
    outcome = measure(_task(1, 1, wrong=True), rounds=1, memory=False)
    assert "the answers differ" in outcome.failure
    assert not outcome.holds
    assert "FAILED" in table([outcome])
    assert "the answers differ" in details([outcome])


def test_a_peer_that_is_absent_holds_nothing_up() -> None:
    task = _task(1, 1)
    absent = replace(task, needs=("no_such_package",))
    outcome = measure(absent, rounds=2, small=True, memory=False)
    assert outcome.verdict == "peer absent"
    assert not outcome.holds
    assert not outcome.theirs
    assert len(outcome.ours) == 2


@pytest.mark.parametrize(
    ("brief", "bar", "both_ways", "ours", "theirs"),
    [
        (1, 1e-9, False, 6, 6),
        (1, 1e-9, True, 6, 6),
        # The bar is far above the ratio: what is left to be told is `on` beside `compute`, if there are both.
        (1, 1e9, True, 6, 2),
        (1, 1e9, False, 2, 2),
        (0, 1e-9, True, 2, 2),
    ],
)
def test_brief_jobs_are_timed_more_often(
    brief: float, bar: float, both_ways: bool, ours: int, theirs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Way:
        if both_ways:
            direct = staticmethod(lambda: 1.0)

        def __call__(self) -> float:
            return 1.0

    monkeypatch.setattr("benchmarks.harness._BRIEF", brief)
    monkeypatch.setattr("benchmarks.harness.back_memory", lambda size: None)
    outcome = measure(replace(_task(bar, bar), ours=lambda data: Way()), rounds=2, memory=False)
    assert not outcome.failure
    assert (len(outcome.ours), len(outcome.theirs)) == (ours, theirs)
    assert len(outcome.direct) == ours * both_ways
    assert len(outcome.beside) == theirs


def test_the_ratio_is_of_rounds_that_both_have_done() -> None:
    outcome = Outcome(_task(1, 1), ours=[4.0, 4.0, 1.0, 1.0, 1.0], theirs=[2.0, 2.0])
    assert outcome.ratio == 2.0
    assert outcome.spread == (2.0, 2.0)


def test_memory_is_at_hand_for_the_side_that_takes_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.harness.back_memory", lambda size: None)

    def takes(size: int) -> object:
        return lambda data: lambda: float(np.ones(size, dtype=np.uint8)[0])

    task = replace(_task(1, 1), ours=takes(1 << 20), theirs=takes(1 << 28))
    outcome = measure(task, rounds=1, memory=False)
    assert 1 << 28 < outcome.room < 1 << 29


def test_peak_of_a_process_of_its_own() -> None:
    outcome = measure(TASKS["slice"], rounds=1, small=True)
    assert not outcome.failure
    assert set(outcome.peaks) == {"ours", "theirs"}
    # Python with its libraries, and no more than a small task takes.
    assert all(50e6 < peak < 1e9 for peak in outcome.peaks.values())


def test_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slice", "--small", "--rounds", "1", "--no-memory"]) == 0
    assert "| slice |" in capsys.readouterr().out


def test_command_refuses_unknown_tasks() -> None:
    with pytest.raises(SystemExit):
        main(["no-such-task"])


def test_bars_are_those_of_the_table() -> None:
    assert len(TASKS) == 39
    assert all(task.aim < task.at_most for task in TASKS.values())


def test_every_library_has_the_same_limit() -> None:
    environment = limited({"PATH": "/bin", "OMP_NUM_THREADS": "64"})
    assert environment.pop("PATH") == "/bin"
    assert set(environment.values()) == {str(THREADS)}


def test_words() -> None:
    assert [bar(x) for x in (1 / 300, 0.4, 1.0, 1.5)] == ["1/300", "1/2.5", "1", "1.5"]
    assert [seconds(x) for x in (0.0123, 12.3)] == ["12.3 ms", "12.30 s"]
    assert [bytes_of(x) for x in (6e8, 1.5e9)] == ["600 MB", "1.50 GB"]


def test_machine_has_no_name() -> None:
    text = machine()
    assert "cores" in text
    assert "numpy" in versions()


def test_limits_of_the_machine() -> None:
    rates = limits(small=True)
    assert set(rates) == {"fill", "refill", "CAR", "AIT", "TAN"}
    assert all(rate > 0 for rate in rates.values())


@pytest.mark.parametrize("suffix", [".zarr", ".fits"])
def test_memory_of_writing(suffix: str) -> None:
    found = measure_write(suffix, 60, small=True)
    assert found["tiles"] == 18
    assert 0 < found["before"] <= found["peak"] <= peak_of()
    assert found["projected"] > 0


@pytest.mark.parametrize("series", SERIES, ids=lambda each: each.size)
def test_growth(series: object) -> None:
    series.job(series.small[0])()


def test_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    grids = {"AIT": mx.WcsGeom.allsky(binsz=15, proj="AIT"), "HEALPix": mx.HpxGeom(order=3)}
    twin = mx.WcsGeom.allsky(binsz=15, proj="CAR")
    monkeypatch.setattr(twins, "_LEAST", 0.0)
    cases = {seed: twins.drawn(seed) for seed in (0, 3, 6, 7)}
    assert {case.chunks for case in cases.values()} == {"auto", "64", "rows", "columns"}
    for seed, case in cases.items():
        assert twins.drawn(seed).mask == case.mask
        for most, found in ((0.0, ["AIT", "HEALPix"]), (1e9, [])):
            monkeypatch.setattr(twins, "_MOST", most)
            assert [name for name, _, _ in twins.compared(case, grids, twin)] == found


def test_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.growth.back_memory", lambda: None)
    tiles, taken = tenth(small=True)
    assert 0 < tiles < 0.5
    assert taken > 0


def test_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the modules that this environment has compiled; a run compiles all of them in a new folder."""
    run, folders = subprocess.run, []

    def compiled(command: list[str], env: dict[str, str], **options: Any) -> Any:
        folders.append(env["PYTHONPYCACHEPREFIX"])
        assert not os.listdir(folders[-1])
        rest = {name: value for name, value in env.items() if name != "PYTHONPYCACHEPREFIX"}
        return run(command, env=rest, **options)

    monkeypatch.setattr(subprocess, "run", compiled)
    assert import_bar(times=1).text.startswith("`import maskexpr`")
    assert len(folders) == 2
    assert len(set(folders)) == 1
