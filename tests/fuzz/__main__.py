"""Fuzz: ``python -m tests.fuzz --kind ds9 --seed 0 --count 100000``, or ``--case 17`` to replay one input."""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

from .kind import Kind
from .kinds import KINDS
from .watch import SLOW, Watch

# The memory of one input in so many is looked at.
MEMORY = 8


def main(arguments: list[str] | None = None) -> int:
    """Exit code 1 if a fault was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--kind", choices=[*KINDS, "all"], default="all")
    parser.add_argument(
        "--seed", type=int, default=0, help="number of the first input; the next ones count on"
    )
    parser.add_argument("--count", type=int, default=1000, help="inputs of each kind")
    parser.add_argument("--minutes", type=float, help="processor time for each kind, whatever --count says")
    parser.add_argument("--case", type=int, help="replay one input, and print it")
    given = parser.parse_args(arguments)
    found = 0
    for name in KINDS if given.kind == "all" else [given.kind]:
        first, count = (given.seed, given.count) if given.case is None else (given.case, 1)
        if given.case is not None:
            sys.stdout.buffer.write(make(KINDS[name], name, first)[0] + b"\n")
        outcomes, faults, last, worst = fuzz(name, first, count, given.minutes)
        print(f"{name}: inputs {first:,} to {last - 1:,}, slowest {worst[0]:.2f} s (input {worst[1]})")
        for outcome, number in outcomes.most_common():
            print(f"  {number:>8,} {outcome}")
        found += len(faults)
    print("nothing found" if not found else f"{found} kinds of fault")
    return int(bool(found))


def make(kind: Kind, name: str, number: int) -> tuple[bytes, str, Random]:
    """An input: its bytes, the suffix of its file, and the chance that goes on with its use."""
    random = Random(f"{name} {number}")
    data = kind.vary(random, kind.seeds())
    return data, kind.suffix(random, data), random


def fuzz(
    name: str, first: int, count: int, minutes: float | None = None, quiet: bool = False
) -> tuple[Counter[str], dict[str, int], int, tuple[float, int]]:
    """Read so many inputs: how many gave what, the first of each kind of fault, the number after the last,
    and the slowest.
    """
    kind, outcomes, faults, worst = KINDS[name], Counter[str](), dict[str, int](), (0.0, 0)
    kind.seeds()
    start = time.process_time()
    memory = Path("/dev/shm")
    number = first
    with (
        tempfile.TemporaryDirectory(prefix="maskexpr-", dir=memory if memory.is_dir() else None) as folder,
        closing(Watch(Path(folder))) as watch,
    ):
        # What is made when something is used for the first time counts for nobody.
        for warm in range(5):
            _one(kind, name, first + warm, watch)
        gc.freeze()
        while number < first + count if minutes is None else time.process_time() < start + 60 * minutes:
            begin = time.process_time()
            outcome, where = _one(kind, name, number, watch)
            worst = max(worst, (time.process_time() - begin, number))
            fault = outcome.startswith("fault")
            outcomes[f"{outcome.partition(':')[0] if fault else outcome}"] += 1
            if outcome == SLOW and not quiet:
                print(f"--- {name}, input {number}: {outcome}, {where}", flush=True)
            if fault and f"{outcome[:60]} {where}" not in faults:
                faults[f"{outcome[:60]} {where}"] = number
                if not quiet:
                    print(f"=== {name}, input {number}: {outcome}\n    {where}", flush=True)
            number += 1
    return outcomes, faults, number, worst


def _one(kind: Kind, name: str, number: int, watch: Watch) -> tuple[str, str]:
    data, suffix, random = make(kind, name, number)
    path = watch.folder / f"input-{number}{suffix}"
    try:
        return watch.run(
            lambda: kind.use(path, data, random),
            len(data),
            number % MEMORY == 0,
            path.stem if kind.in_file else "",
        )
    finally:
        path.unlink(missing_ok=True) if not path.is_dir() else None


if __name__ == "__main__":
    sys.exit(main())
