"""Run the benchmarks: ``python -m benchmarks [task ...] [--rounds N] [--small]``.

Without names: every task, the memory of writing, the time of the import and the limits of the machine;
the result goes to ``benchmarks/RESULTS.md``. The exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from .growth import grow
from .harness import LAZY, Outcome, limited, measure, ready_peak
from .imports import import_bar
from .machine import limits, machine, versions
from .memory import memory_bars
from .report import bar, bytes_of, details, seconds, table, times
from .tasks import TASKS

__all__ = ["main"]

RESULTS = Path(__file__).parent / "RESULTS.md"


def main(arguments: list[str] | None = None) -> int:
    """The command; its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.tasks) - set(TASKS))
    if unknown:
        parser.error(f"no task {', '.join(unknown)}; there are {', '.join(TASKS)}")
    if options.peak:
        print(json.dumps(ready_peak(TASKS[options.tasks[0]], options.peak, options.small)))
        return 0
    if options.growth:
        return grow(options.small)
    outcomes = []
    for key in options.tasks or TASKS:
        outcome = measure(TASKS[key], options.rounds, options.small, memory=not options.no_memory)
        outcomes.append(outcome)
        _say(outcome)
    print("\n" + table(outcomes) + "\n\n" + details(outcomes))
    holds = all(outcome.holds for outcome in outcomes)
    if not options.tasks:
        holds &= _whole(outcomes, options.rounds, options.small)
    return 0 if holds else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="task", help=f"of {', '.join(TASKS)}; all unless given")
    parser.add_argument(
        "--rounds", type=int, default=3, help="times each side is timed (3); three times as many if brief"
    )
    parser.add_argument("--small", action="store_true", help="small inputs: nothing is judged")
    parser.add_argument("--no-memory", action="store_true", help="do not measure the peak of memory")
    parser.add_argument("--growth", action="store_true", help="time against size; plot in the docs")
    parser.add_argument("--peak", choices=("ours", "theirs"), help="one side of one task, once")
    return parser


def _say(outcome: Outcome) -> None:
    ratio = bar(outcome.ratio) if outcome.ours and outcome.theirs else "-"
    print(f"{outcome.task.key}: {ratio} {outcome.verdict} {outcome.failure}", flush=True)


def _whole(outcomes: list[Outcome], rounds: int, small: bool) -> bool:
    """Measure what is no comparison with a peer, and write the page of results."""
    memory, added, rates = memory_bars(small), import_bar(), limits(small)
    page = _page(outcomes, rounds, memory.text, added.text, rates)
    print("\n" + page)
    if small:
        return True
    RESULTS.write_text(page, encoding="utf-8")
    return memory.holds and added.holds


def _page(outcomes: list[Outcome], rounds: int, memory: str, added: str, rates: dict[str, float]) -> str:
    names = {"fill": "into new memory, one thread", "refill": "into memory the process has, both threads"}
    physical = [("limit", "rate"), *((f"bytes {names[key]}", f"{bytes_of(rates[key])}/s") for key in names)]
    physical += [
        (f"wcslib pixel to sky, {key}, one thread", f"{rates[key] / 1e6:.0f} Mpx/s")
        for key in ("CAR", "AIT", "TAN")
    ]
    taken = sum(sum(each.ours) + sum(each.theirs) for each in outcomes)
    return f"""# Results of `make bench`

Made by `python -m benchmarks`; do not edit. {machine()}. Versions: {versions()}.

Each task is done by both systems in turn, in one process, {rounds} rounds after a warm-up, three times as
many where ours takes less than a tenth of a second, on inputs that are new in every round. (Where the ratio
is below half of its bar the further ones are of `on` and `compute` alone.) Times are medians of wall time;
"ratio" is ours over theirs, "rounds" the smallest and the largest of the rounds. Ours is the whole job from
expression to bool array, as users type it: by `mask.on(geom).compute()`, with default arguments. "on /
compute" is that over `mask.compute(geom)`, on other inputs of the kind, at most {LAZY}.
"processor" is the time of all threads. Memory is that of a process of its own that does one side once: what
the job adds, its answer included, and the peak of all, libraries and inputs included. All rounds took
{seconds(taken)}.

## Beside the peers

{table(outcomes)}

How the answers compare, at the warm-up's inputs:

{details(outcomes)}

## Memory of writing

{memory}

## Import

{added}

## What the machine allows

{times(physical)}
"""


if __name__ == "__main__":
    wanted = limited(dict(os.environ))
    if wanted != dict(os.environ):
        # The libraries read their limits when they are loaded, which has happened: start again.
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]], wanted)
    sys.exit(main())
