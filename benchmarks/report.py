"""Tables of what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from .harness import Outcome

__all__ = ["bar", "bytes_of", "details", "seconds", "table", "times"]

_HEAD = (
    "task",
    "work",
    "peer",
    "ours",
    "theirs",
    "ratio",
    "rounds",
    "at most",
    "aim",
    "on / compute",
    "processor ours, theirs",
    "memory added ours, theirs",
    "peak ours, theirs",
    "verdict",
)


def table(outcomes: Sequence[Outcome]) -> str:
    """A Markdown table: one row for each task."""
    return times([_HEAD, *(_row(outcome) for outcome in outcomes)])


def times(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table; the first is the head."""
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def details(outcomes: Sequence[Outcome]) -> str:
    """How the answers compare, as a Markdown list; failures too."""
    return "\n".join(
        f"- **{each.task.key}**: {each.failure or each.agreement or 'the peer is not installed'}"
        for each in outcomes
    )


def _row(outcome: Outcome) -> tuple[str, ...]:
    task = outcome.task
    bars = (bar(task.at_most), bar(task.aim))
    names = (task.key, task.work, task.peer)
    if outcome.failure or not outcome.theirs:
        mine = seconds(statistics.median(outcome.ours)) if outcome.ours else "-"
        return (*names, mine, "-", "-", "-", *bars, "-", "-", "-", "-", outcome.verdict)
    low, high = outcome.spread
    medians = (seconds(statistics.median(outcome.beside)), seconds(statistics.median(outcome.theirs)))
    lazy = "-" if outcome.lazy is None else f"{outcome.lazy:.2f}"
    sides = (outcome.processor[side][: len(outcome.theirs)] for side in ("ours", "theirs"))
    used = ", ".join(seconds(statistics.median(each)) for each in sides)
    ratios = (bar(outcome.ratio), f"{bar(low)} to {bar(high)}")
    peaks = _both(outcome.peaks)
    return (*names, *medians, *ratios, *bars, lazy, used, _added(outcome), peaks, outcome.verdict)


def _added(outcome: Outcome) -> str:
    """What the jobs add to the memory of their processes; the ratio beside its bar, where there is one."""
    if outcome.task.memory is None or outcome.memory is None:
        return _both(outcome.added)
    return f"{_both(outcome.added)}: {bar(outcome.memory)} (at most {bar(outcome.task.memory)})"


def _both(numbers: dict[str, int]) -> str:
    return ", ".join(bytes_of(number) for number in numbers.values()) or "-"


def bar(ratio: float) -> str:
    """A ratio as people say it: ``1/20``, ``1.5``."""
    if ratio >= 1:
        return f"{ratio:.3g}"
    inverse = 1 / ratio
    return f"1/{inverse:.0f}" if inverse >= 10 else f"1/{inverse:.2g}"


def seconds(number: float) -> str:
    return f"{number:.2f} s" if number >= 1 else f"{1000 * number:.3g} ms"


def bytes_of(number: float) -> str:
    return f"{number / 1e9:.2f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
