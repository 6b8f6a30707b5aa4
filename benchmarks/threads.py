"""What threads help: our side of the tasks that dask computes, with 1, 2 and 8 threads.

``python -m benchmarks.threads [task ...] [--rounds N]``. Judged on two cores: two threads take at most 0.8
of the time of one where that is more than 50 ms, and eight at most 1.05 of the time of two.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import dask
import numpy as np

from .harness import Task
from .tasks import TASKS

__all__ = ["main"]

NUMBERS = (1, 2, 8)
# Jobs that are shorter are not judged with one thread.
_LONG = 0.05


def _seconds(task: Task, number: int, threads: int) -> float:
    """How long our side of a round takes."""
    job = task.ours(task.data(np.random.default_rng(number), False))
    with dask.config.set(scheduler="threads", num_workers=threads):
        start = time.perf_counter()
        job()
        return time.perf_counter() - start


def _judged(one: float, two: float, eight: float) -> str:
    faults = {"two help little": one > _LONG and two > 0.8 * one, "eight are slower": eight > 1.05 * two}
    return ", ".join(fault for fault, holds in faults.items() if holds)


def _round(task: Task, number: int) -> list[float]:
    """How long each number of threads takes; who goes first finds the memory as the one before left it."""
    turn = number % len(NUMBERS)
    made = {threads: _seconds(task, number, threads) for threads in (*NUMBERS[turn:], *NUMBERS[:turn])}
    return [made[threads] for threads in NUMBERS]


def main(arguments: list[str] | None = None) -> None:
    """The command: a row of a table for each task, medians of rounds that take turns."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.threads", description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", metavar="task", help="all that have both ways unless given")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    print("| task | 1 thread | 2 threads | 8 threads | 2 / 1 | 8 / 2 | |\n|---|---|---|---|---|---|---|")
    for key in options.tasks or TASKS:
        task = TASKS[key]
        if not hasattr(task.ours(task.data(np.random.default_rng(0), True)), "direct"):
            continue
        _seconds(task, 0, 2)
        rounds = [_round(task, i) for i in range(1, options.rounds + 1)]
        one, two, eight = (median(each) for each in zip(*rounds, strict=True))
        times = " | ".join(f"{1e3 * each:.0f} ms" for each in (one, two, eight))
        print(f"| {key} | {times} | {two / one:.2f} | {eight / two:.2f} | {_judged(one, two, eight)} |")


if __name__ == "__main__":
    main()
