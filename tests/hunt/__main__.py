"""Hunt: ``python -m tests.hunt --seed 0 --minutes 60``, or ``--case 17`` to replay one case."""

from __future__ import annotations

import argparse
import sys
import time

from .cases import Fault, check, draw, smaller
from .report import Tally, reproducer


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.hunt", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="case of the first draw; the next ones count on")
    parser.add_argument("--minutes", type=float, default=60.0, help="processor time")
    parser.add_argument("--cases", type=int, help="stop after so many cases")
    parser.add_argument("--case", type=int, help="replay one case")
    parser.add_argument("--depth", type=int, default=3, help="operators on top of each other")
    parser.add_argument("--shown", type=int, default=3, help="reproducers for each kind of fault")
    given = parser.parse_args(arguments)
    first, number = (given.seed, given.cases) if given.case is None else (given.case, 1)
    tally, faults = hunt(first, number, 60.0 * given.minutes, given.shown, given.depth)
    print(f"seeds {first} to {first + tally.cases - 1}\n{tally}")
    print("nothing found" if not faults else f"{len(faults)} kinds of fault")
    return int(bool(faults))


def hunt(
    first: int, number: int | None, seconds: float, shown: int = 1, depth: int = 3
) -> tuple[Tally, dict[str, list[Fault]]]:
    """Draw and check cases until so many are done or the processor time is used; print each fault once small.

    A kind of fault is a law and the smallest node that breaks it.
    """
    tally, found = Tally(), {}
    stop = time.process_time() + seconds
    seed = first
    while time.process_time() < stop and (number is None or seed < first + number):
        case = draw(seed, depth)
        outcome = check(case)
        tally.add(case, outcome)
        if tally.cases % 500 == 0:
            print(f"{tally.cases:,} cases, {len(found)} kinds of fault", flush=True)
        for fault in outcome.faults[:1]:
            small = smaller(case, fault.law)
            fault = next((each for each in check(small).faults if each.law == fault.law), fault)
            kind = f"{fault.law}: {fault.case.drawn.kind}"
            found.setdefault(kind, []).append(fault)
            if len(found[kind]) <= shown:
                print(f"=== {kind}\n{reproducer(fault)}", flush=True)
        seed += 1
    return tally, found


if __name__ == "__main__":
    sys.exit(main())
