"""One task, done by us and by a peer: alternately, in one process, on inputs that are new in every round."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import dask
import numpy as np

__all__ = [
    "LAZY",
    "THREADS",
    "Outcome",
    "Task",
    "back_memory",
    "forget_peak",
    "limited",
    "measure",
    "peak_of",
    "ready_peak",
]

THREADS = 2
"""Threads that every system may use."""

LAZY = 1.2
"""At most so much of the time of ``compute(geom)`` may ``on(geom).compute()`` take."""

# A job is brief up to so many seconds: a machine's moods move its time by a third, so that the median of
# three rounds says little. Of a brief one so many times as many rounds are made.
_BRIEF = 0.1
_MORE = 3

# Memory is at hand where touching it takes at most so many times the least; how often that is tried; and how
# much more is brought to hand than a job took at the warm-up: so many times as much, and so many bytes.
_BACKED = 1.5
_PASSES = 12
_ROOM = 1.25
_LEAST_ROOM = 1 << 26

# What the libraries below numpy, numba, OpenMP and Rust programs read when they are loaded.
_LIMITS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "RAYON_NUM_THREADS",
)
_ROOT = Path(__file__).resolve().parent.parent

Job = Callable[[], Any]


@dataclass(frozen=True)
class Task:
    """A piece of work and its bar.

    Attributes
    ----------
    key : str
        Name on the command line.
    work, peer : str
        What is done, and what it is compared with.
    needs : tuple of str
        Modules that the peer's side imports.
    at_most, aim : float
        Our wall time over theirs: the bar, and what we should like.
    data : callable
        ``data(rng, small)`` makes the inputs of a round; not timed.
    ours, theirs : callable
        ``ours(data)`` gets ready, not timed, and returns the job that is timed. Ours gets nothing ready: the
        job goes from the expression to the computed array, planning included. Where it has a method
        ``direct``, that is timed too: ``compute`` beside ``on``.
    agree : callable
        ``agree(data, ours, theirs)`` returns a sentence on how the answers compare, or raises AssertionError.
    memory : float, optional
        A bar on our memory over theirs: what the job adds, its answer included, to what the process holds.
    """

    key: str
    work: str
    peer: str
    needs: tuple[str, ...]
    at_most: float
    aim: float
    data: Callable[[np.random.Generator, bool], Any]
    ours: Callable[[Any], Job]
    theirs: Callable[[Any], Job]
    agree: Callable[[Any, Any, Any], str]
    memory: float | None = None

    @property
    def missing(self) -> list[str]:
        """Modules of the peer that are not installed."""
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


@dataclass
class Outcome:
    """What was measured, and what went wrong.

    Attributes
    ----------
    ours, theirs, direct : list of float
        Seconds of each round; ``direct``: ours by ``compute``.
    processor : dict
        Seconds of the processor, of all threads, of each round of a side.
    peaks, added : dict
        Bytes of a process that does one side once: all at the peak, and what the job adds.
    room : int
        Bytes that are brought to hand before each job: as much as either side takes.
    """

    task: Task
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    direct: list[float] = field(default_factory=list)
    processor: dict[str, list[float]] = field(default_factory=dict)
    agreement: str = ""
    failure: str = ""
    peaks: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)
    small: bool = False
    room: int = _LEAST_ROOM

    @property
    def beside(self) -> list[float]:
        """Our seconds in the rounds that the peer has done too: a machine's moods outlast a round."""
        return self.ours[: len(self.theirs) or None]

    @property
    def ratio(self) -> float:
        """Our median over theirs, of the rounds that both have done."""
        return statistics.median(self.beside) / statistics.median(self.theirs)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest ratio of a round."""
        rounds = [a / b for a, b in zip(self.beside, self.theirs, strict=True)]
        return min(rounds), max(rounds)

    @property
    def lazy(self) -> float | None:
        """Our median by ``on`` over that by ``compute``, where there are both."""
        return statistics.median(self.ours) / statistics.median(self.direct) if self.direct else None

    @property
    def memory(self) -> float | None:
        """What our job adds to a process over what theirs does, where it was measured."""
        return self.added["ours"] / self.added["theirs"] if "theirs" in self.added else None

    @property
    def is_brief(self) -> bool:
        """Whether our job is too short for few rounds to tell its time."""
        return not self.small and statistics.median(self.ours) < _BRIEF

    @property
    def further(self) -> set[str]:
        """The sides that further rounds are of: of brief jobs, and the peer only where its bar is near."""
        if not self.is_brief:
            return set()
        is_clear = bool(self.theirs) and 2 * self.ratio < self.task.at_most
        if is_clear:
            return {"ours", "direct"} if self.direct else set()
        return {"ours", "theirs", "direct"}

    @property
    def missed(self) -> list[str]:
        """The bars that are missed: of the time, of ``on`` beside ``compute``, of the memory."""
        bars = {
            "time": (self.ratio, self.task.at_most),
            "on": (self.lazy, LAZY),
            "memory": (self.memory, self.task.memory),
        }
        return [
            name
            for name, (value, bar) in bars.items()
            if value is not None and bar is not None and value > bar
        ]

    @property
    def verdict(self) -> str:
        if self.failure:
            return "FAILED"
        if not self.theirs:
            return "peer absent"
        if self.small:
            return "not judged"
        if self.missed:
            return f"MISSED: {', '.join(self.missed)}"
        return "aim met" if self.ratio <= self.task.aim else "met"

    @property
    def holds(self) -> bool:
        """Whether the bar is met; for small inputs, whether the task ran and the answers agree."""
        return self.verdict in ("aim met", "met", "not judged")


def limited(environment: dict[str, str]) -> dict[str, str]:
    """An environment with the same limit of threads for every library."""
    return {**environment, **dict.fromkeys(_LIMITS, str(THREADS))}


def measure(task: Task, rounds: int, small: bool = False, memory: bool = True) -> Outcome:
    """Warm both sides up, compare their answers, then time them in turn: so many rounds, and three times as
    many of what is in doubt where our job takes less than a tenth of a second (`Outcome.further`).
    """
    outcome = Outcome(task, small=small)
    sides = {"ours": task.ours} if task.missing else {"ours": task.ours, "theirs": task.theirs}
    made = {**sides, "direct": lambda data: getattr(task.ours(data), "direct", None)}
    with dask.config.set(scheduler="threads", num_workers=THREADS):
        try:
            outcome.agreement, outcome.room = _warm_up(task, sides, small)
            for number in range(1, _MORE * rounds + 1):
                asked = made.keys() & (made if number <= rounds else outcome.further)
                if not asked:
                    break
                data = task.data(np.random.default_rng(number), small)
                # Who goes first finds the memory as the one before left it: take turns.
                for name in sorted(asked, reverse=bool(number % 2)):
                    # What was kept of one way's inputs would serve the other.
                    job = made[name](data if name in sides else _others(task, number, small))
                    if job is not None:
                        _time(outcome, name, job)
            if memory:
                found = {name: _peak(task.key, name, small) for name in sides}
                outcome.peaks = {name: each["peak"] for name, each in found.items()}
                outcome.added = {name: each["added"] for name, each in found.items()}
        except Exception as err:
            outcome.failure = f"{type(err).__name__}: {err}"
    return outcome


def _warm_up(task: Task, sides: dict[str, Callable[[Any], Job]], small: bool) -> tuple[str, int]:
    """How the answers compare, and the bytes that are brought to hand for a job."""
    data = task.data(np.random.default_rng(0), small)
    answers, most = {}, 0
    for name, make in sides.items():
        job = make(data)
        held = _start_count()
        answers[name] = job()
        most = max(most, peak_of() - held if held else 1 << 30)
    agreement = task.agree(data, **answers) if "theirs" in answers else ""
    return agreement, int(_ROOM * most) + _LEAST_ROOM


def _start_count() -> int:
    """Bytes that the process holds, from which its peak is counted; 0 where a system does not tell."""
    if sys.platform != "linux":
        return 0
    forget_peak()
    return peak_of()


def _others(task: Task, number: int, small: bool) -> Any:
    """Inputs of the same kind as a round's."""
    return task.data(np.random.default_rng(number + 1000), small)


def _time(outcome: Outcome, name: str, job: Job) -> None:
    """Do a job once; its seconds, and the processor's, go to a side."""
    # Small inputs are not judged.
    if not outcome.small:
        back_memory(outcome.room)
    # The collector visits every object, and so brings back what a host took of the process's own memory.
    gc.collect()
    start, used = time.perf_counter(), time.process_time()
    answer = job()
    getattr(outcome, name).append(time.perf_counter() - start)
    outcome.processor.setdefault(name, []).append(time.process_time() - used)
    del answer


def back_memory(size: int = 1 << 30) -> None:
    """Touch free memory and give it back, again and again until the machine has it at hand.

    A virtual machine may hand free memory back to its host, and the next program to touch it waits for the
    host: seconds per GB, which say nothing of the program.
    """
    for _ in range(_PASSES):
        if _touched(size) <= _BACKED * _least(size):
            return


def _touched(size: int) -> float:
    """Seconds to touch so many bytes of new memory."""
    start = time.perf_counter()
    np.full(size, 1, dtype=np.uint8)
    return time.perf_counter() - start


@cache
def _least(size: int) -> float:
    """Seconds that it takes where all of it is at hand."""
    return min(_touched(size) for _ in range(_PASSES))


def _peak(key: str, side: str, small: bool) -> dict[str, int]:
    command = [sys.executable, "-m", "benchmarks", key, "--peak", side, *(["--small"] if small else [])]
    done = subprocess.run(
        command, cwd=_ROOT, env=limited(dict(os.environ)), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def ready_peak(task: Task, side: str, small: bool) -> dict[str, int]:
    """Do one side of a task once, in this process, and say what its memory came to (bytes)."""
    with dask.config.set(scheduler="threads", num_workers=THREADS):
        job = getattr(task, side)(task.data(np.random.default_rng(1), small))
        held = _start_count()
        job()
    return {"peak": peak_of(), "added": max(peak_of() - held, 1)}


def forget_peak() -> None:
    """Count the peak from here: what is held stays in it, what making the inputs took does not."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def peak_of() -> int:
    """Most bytes of memory that this process has had.

    `resource.getrusage` would count the parent's, which it inherits when it is started.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("this system does not say how much memory a process has had")
